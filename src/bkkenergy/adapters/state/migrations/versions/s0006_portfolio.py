"""The portfolio's records with their revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables of the portfolio."""
    op.create_table(
        "portfolio_revision",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["undoes"], ["portfolio_revision.number"], name=op.f("fk_portfolio_revision_undoes")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_portfolio_revision")),
    )
    op.create_table(
        "portfolio_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=False),
        sa.Column("valid_to", sa.String(length=10), nullable=True),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["revision"], ["portfolio_revision.number"], name=op.f("fk_portfolio_entry_revision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portfolio_entry")),
        sa.UniqueConstraint("kind", "key", "valid_from", "revision", name=op.f("uq_portfolio_entry_kind")),
    )
    with op.batch_alter_table("portfolio_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_portfolio_entry_revision"), ["revision"], unique=False)


def downgrade() -> None:
    """Remove what `upgrade` created."""
    with op.batch_alter_table("portfolio_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_portfolio_entry_revision"))

    op.drop_table("portfolio_entry")
    op.drop_table("portfolio_revision")
