"""Sessions that are listed and rest, a second factor, and seals of the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
NUMBERS = ("seen_us", "proven_us")


def upgrade() -> None:
    """Add the columns of sessions, and the tables. Sessions that are open go on: they were seen just now."""
    op.add_column("user_account", sa.Column("password_us", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("session", sa.Column("agent", sa.String(length=128), nullable=False, server_default=""))
    for name in NUMBERS:
        op.add_column("session", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("session", sa.Column("needs_code", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("session", sa.Column("by", sa.String(length=16), nullable=False, server_default="password"))
    op.execute("UPDATE session SET seen_us = created_us, proven_us = created_us")
    op.create_table(
        "second_factor",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("confirmed_us", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_second_factor_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_factor")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_recovery_code_user_id")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_code")),
    )
    op.create_index("ix_recovery_code_user_id", "recovery_code", ["user_id"])
    op.create_table(
        "audit_seal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("last_line", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
    )


def downgrade() -> None:
    """Remove what `upgrade` added."""
    for table in ("audit_seal", "recovery_code", "second_factor"):
        op.drop_table(table)
    with op.batch_alter_table("session") as batch:
        for name in ("agent", *NUMBERS, "needs_code", "by"):
            batch.drop_column(name)
    with op.batch_alter_table("user_account") as batch:
        batch.drop_column("password_us")
