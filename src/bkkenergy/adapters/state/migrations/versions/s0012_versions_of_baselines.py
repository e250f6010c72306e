"""Baselines become versions: proposed, accepted or declined. Those that are there were accepted. Projects get pins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
COLUMNS = ("state", "reason", "fitted_by", "decided_by", "decided_us", "link")


def upgrade() -> None:
    """Add the columns of versions."""
    with op.batch_alter_table("baseline") as batch:
        batch.add_column(sa.Column("state", sa.String(length=16), nullable=False, server_default="accepted"))
        batch.add_column(sa.Column("reason", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("fitted_by", sa.String(length=64), nullable=False, server_default=""))
        batch.add_column(sa.Column("decided_by", sa.String(length=64), nullable=False, server_default=""))
        batch.add_column(sa.Column("decided_us", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("link", sa.JSON(), nullable=True))
    op.create_table(
        "project_baseline",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("building", sa.String(length=128), nullable=False),
        sa.Column("done_on", sa.String(length=10), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project", name=op.f("pk_project_baseline")),
    )


def downgrade() -> None:
    """Remove what `upgrade` added."""
    op.drop_table("project_baseline")
    with op.batch_alter_table("baseline") as batch:
        for column in COLUMNS:
            batch.drop_column(column)
