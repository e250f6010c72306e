"""Births of Sparkplug nodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Forth."""
    op.create_table(
        "sparkplug_birth",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sparkplug_birth")),
    )
    with op.batch_alter_table("sparkplug_birth", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sparkplug_birth_revision"), ["revision"], unique=False)


def downgrade() -> None:
    """And back."""
    with op.batch_alter_table("sparkplug_birth", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sparkplug_birth_revision"))

    op.drop_table("sparkplug_birth")
