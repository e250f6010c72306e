"""Where a person wants messages, photos of findings, and which change of a finding an undo took back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the table of persons' wishes, and columns of findings and photos."""
    op.create_table(
        "own_delivery",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("monthly", sa.JSON(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_own_delivery_user_id_user_account")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_own_delivery")),
    )
    op.add_column("finding_entry", sa.Column("undoes", sa.Integer(), nullable=True))
    op.add_column("photo", sa.Column("rule", sa.String(length=64), nullable=False, server_default=""))


def downgrade() -> None:
    """Remove what `upgrade` created."""
    op.drop_column("photo", "rule")
    op.drop_column("finding_entry", "undoes")
    op.drop_table("own_delivery")
