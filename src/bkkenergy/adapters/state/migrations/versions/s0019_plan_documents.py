"""Versions of the energy action plan as a document, with who drafted and who approved them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the table of versions."""
    op.create_table(
        "plan_document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("drafted_by", sa.String(length=64), nullable=False),
        sa.Column("drafted_us", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("plan_revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False, server_default=""),
        sa.Column("approved_on", sa.String(length=10), nullable=True),
        sa.Column("letter", sa.Text(), nullable=False, server_default=""),
        sa.Column("entered_by", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("entered_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_document")),
        sa.UniqueConstraint("agency", "version", name=op.f("uq_plan_document_agency")),
    )


def downgrade() -> None:
    """Remove what `upgrade` created."""
    op.drop_table("plan_document")
