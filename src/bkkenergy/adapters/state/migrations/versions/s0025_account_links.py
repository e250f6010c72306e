"""An address of each account, and links of mails to set a password or to confirm an address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the column and create the table."""
    op.add_column("user_account", sa.Column("mail", sa.String(length=200), nullable=False, server_default=""))
    op.create_table(
        "account_link",
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("mail", sa.String(length=200), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_account_link_user_id")),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_account_link")),
    )
    op.create_index("ix_account_link_user_id", "account_link", ["user_id"])


def downgrade() -> None:
    """Remove both."""
    op.drop_table("account_link")
    with op.batch_alter_table("user_account") as batch:
        batch.drop_column("mail")
