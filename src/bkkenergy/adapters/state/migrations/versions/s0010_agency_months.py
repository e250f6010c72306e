"""What agencies report of themselves each month for the state's e-report."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table of agencies' months."""
    op.create_table(
        "agency_month",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.Float(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "month", "name", name=op.f("pk_agency_month")),
    )


def downgrade() -> None:
    """Remove what `upgrade` created."""
    op.drop_table("agency_month")
