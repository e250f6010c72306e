"""Paper bills of electricity accounts: what was entered, and who removed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the table of paper bills."""
    op.create_table(
        "paper_bill",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("first_day", sa.String(length=10), nullable=False),
        sa.Column("last_day", sa.String(length=10), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.String(length=64), nullable=False),
        sa.Column("removed_us", sa.BigInteger(), nullable=True),
        sa.Column("removed_why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_bill")),
    )
    op.create_index("ix_paper_bill_account", "paper_bill", ["account", "first_day"])


def downgrade() -> None:
    """Remove what `upgrade` created."""
    op.drop_table("paper_bill")
