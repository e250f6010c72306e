"""What a refused payload's share of the quarantine is counted by."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Forth."""
    op.add_column("quarantine", sa.Column("origin", sa.String(length=32), nullable=False, server_default=""))
    table = sa.table("quarantine", *(sa.column(name) for name in ("id", "topic", "reason", "origin")))
    connection = op.get_bind()
    rows = connection.execute(sa.select(table.c.id, table.c.topic, table.c.reason)).all()
    for number, topic, reason in rows:
        named = f"{reason} {topic}".encode("utf-8", "surrogatepass")
        origin = hashlib.blake2b(named, digest_size=16).hexdigest()
        connection.execute(table.update().where(table.c.id == number).values(origin=origin))
    op.create_index("ix_quarantine_origin", "quarantine", ["origin", "id", "stored_bytes"], unique=False)


def downgrade() -> None:
    """And back."""
    op.drop_index("ix_quarantine_origin", table_name="quarantine")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_column("origin")
