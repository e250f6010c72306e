"""Which programs may go on when a newer version has brought the tables up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Create the table; its row is written by who brings the tables up."""
    op.create_table(
        "oldest_program",
        sa.Column("head", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("head", name=op.f("pk_oldest_program")),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("oldest_program")
