"""Proposals of changes of the portfolio, and the answers to requests that may come twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Forth."""
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("edits", sa.JSON(), nullable=False),
        sa.Column("from_day", sa.String(length=10), nullable=True),
        sa.Column("seen_revision", sa.Integer(), nullable=False),
        sa.Column("agencies", sa.JSON(), nullable=False),
        sa.Column("is_shared", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["revision"], ["portfolio_revision.number"], name=op.f("fk_proposal_revision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_table(
        "request_answer",
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_request_answer")),
    )
    with op.batch_alter_table("request_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_request_answer_at_us"), ["at_us"], unique=False)


def downgrade() -> None:
    """And back."""
    with op.batch_alter_table("request_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_request_answer_at_us"))

    op.drop_table("request_answer")
    op.drop_table("proposal")
