"""Work on findings: who cares for one, until when, how far it is, and what was said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the table of work on findings."""
    op.create_table(
        "finding_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("building", sa.String(length=128), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("due_day", sa.String(length=10), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("cost_thb_a_month", sa.Float(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_entry")),
    )
    op.create_index("ix_finding_entry_agency", "finding_entry", ["agency", "building", "rule"])
    _enter_dismissals()


def _enter_dismissals() -> None:
    """Let what was dismissed before be an entry: it is listed, and can be taken back."""
    shared = ("building", "rule", "cost_thb_a_month", "by", "at_us")
    dismissal = sa.table("dismissal", *(sa.column(name) for name in shared))
    entries = sa.table("finding_entry", *(sa.column(name) for name in (*shared, "agency", "state", "owner", "comment")))
    rows = [dict(row) for row in op.get_bind().execute(sa.select(dismissal)).mappings()]
    more = {"state": "dismissed", "owner": "", "comment": ""}
    if rows:
        op.bulk_insert(entries, [row | more | {"agency": row["building"].partition(".")[0]} for row in rows])


def downgrade() -> None:
    """Remove what `upgrade` created."""
    op.drop_table("finding_entry")
