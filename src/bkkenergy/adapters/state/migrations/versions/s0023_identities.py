"""Who a user is at a provider of sign-in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "provider_identity",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_provider_identity_user_id")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_provider_identity")),
    )
    op.create_index("ix_provider_identity_user_id", "provider_identity", ["user_id"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("provider_identity")
