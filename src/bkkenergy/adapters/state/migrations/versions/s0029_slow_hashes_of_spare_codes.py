"""Spare codes are stored as slow hashes: those that there are get one over the hash that they have."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from bkkenergy.adapters.state.users import slow_hash

revision = "0029"
down_revision = "0028"
SALT_BYTES = 16


def upgrade() -> None:
    """Let hashes be longer, and hash the stored ones once more, with one salt a user."""
    with op.batch_alter_table("recovery_code") as table:
        table.alter_column("code_hash", existing_type=sa.String(length=64), type_=sa.String(length=128))
    codes = sa.table("recovery_code", sa.column("code_hash", sa.String), sa.column("user_id", sa.Integer))
    connection = op.get_bind()
    salts: dict[int, bytes] = {}
    for code_hash, user_id in connection.execute(sa.select(codes.c.code_hash, codes.c.user_id)).all():
        salt = salts.setdefault(user_id, secrets.token_bytes(SALT_BYTES))
        values = {"code_hash": slow_hash(code_hash, salt=salt)}
        connection.execute(sa.update(codes).where(codes.c.code_hash == code_hash).values(**values))


def downgrade() -> None:
    """Remove codes that the version before cannot check: their users make new ones."""
    op.execute("DELETE FROM recovery_code")
    with op.batch_alter_table("recovery_code") as table:
        table.alter_column("code_hash", existing_type=sa.String(length=128), type_=sa.String(length=64))
