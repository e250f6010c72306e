"""What ingesters refuse, count and note, fitted baselines, and by what this state is known."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables of the ingesters."""
    _quarantine()
    _logbook()
    identity = op.create_table(
        "identity",
        sa.Column("value", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_identity")),
    )
    op.bulk_insert(identity, [{"value": secrets.token_hex(8)}])
    op.create_table(
        "baseline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("building", sa.String(length=128), nullable=False),
        sa.Column("first_day", sa.String(length=10), nullable=False),
        sa.Column("last_day", sa.String(length=10), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_baseline")),
        sa.UniqueConstraint("building", "first_day", "last_day", "fingerprint", name=op.f("uq_baseline_building")),
    )


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("digest", name=op.f("uq_quarantine_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_quarantine_reason"), "quarantine", ["reason"])
    counter = op.create_table(
        "counter",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.bulk_insert(counter, [{"name": name, "value": 0} for name in ("quarantine.kept", "quarantine.kept_bytes")])


def _logbook() -> None:
    op.create_table(
        "meter_event",
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("ts_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("before_kwh", sa.Float()),
        sa.Column("after_kwh", sa.Float()),
        sa.PrimaryKeyConstraint("meter", "ts_us", "kind", name=op.f("pk_meter_event")),
    )
    op.create_index("ix_meter_event_ts_us", "meter_event", ["ts_us"])
    op.create_table(
        "gateway",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("lag_us", sa.BigInteger(), nullable=False),
        sa.Column("window_us", sa.BigInteger(), nullable=False),
        sa.Column("skew_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway")),
    )


def downgrade() -> None:
    """Remove what `upgrade` created."""
    for name in ("baseline", "identity", "gateway", "meter_event", "counter", "quarantine"):
        op.drop_table(name)
