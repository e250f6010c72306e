"""Tables of the state. A change here needs a migration; a test compares the two. Instants are µs since 1970 UTC."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bkkenergy.adapters.state import hosts, persontables, versions  # noqa: F401 - their tables are of the same metadata
from bkkenergy.adapters.state.metadata import metadata as metadata  # noqa: PLC0414 - `tables` has all of them

lease = Table(
    "lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(128), nullable=False),
    Column("until_us", BigInteger, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("agency", String(64), nullable=False),
    Column("period", String(32), nullable=False),
    Column("first_day", String(10), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("due_us", BigInteger, nullable=False),
    Column("next_try_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("owner", String(128), nullable=False, default=""),
    Column("lease_until_us", BigInteger, nullable=False, default=0),
    Column("started_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("duration_s", Float),
    Column("error", Text, nullable=False, default=""),
    Column("figures", JSON),
    UniqueConstraint("agency", "period", "revision"),
    Index("ix_run_state", "state", "due_us"),
)

artefact = Table(
    "artefact",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False, index=True),
    Column("document", String(16), nullable=False, server_default="energy"),
    Column("form", String(8), nullable=False),
    Column("lang", String(2), nullable=False),
    Column("path", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    UniqueConstraint("run_id", "document", "form", "lang"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("channel", String(16), nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("message", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("next_try_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("sent_us", BigInteger),
    Column("error", Text, nullable=False, default=""),
    Index("ix_outbox_state", "state", "next_try_us"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("agency", String(64), nullable=False),
    Column("building", String(128), nullable=False),
    Column("meter", String(128), nullable=False, default=""),
    Column("figures", JSON, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("closed_us", BigInteger),
    Column("told_us", BigInteger),
)

user = Table(
    "user_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("display", String(128), nullable=False, default=""),
    Column("password_hash", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("agencies", JSON, nullable=False),
    Column("language", String(2), nullable=False, default="th"),
    Column("must_change", Integer, nullable=False, default=0),
    Column("disabled", Integer, nullable=False, default=0),
    Column("created_us", BigInteger, nullable=False),
    Column("failed", Integer, nullable=False, default=0),
    Column("locked_until_us", BigInteger, nullable=False, default=0),
    Column("password_us", BigInteger, nullable=False, server_default="0"),
    Column("mail", String(200), nullable=False, default="", server_default=""),
)
"""password_us : when the password was set; 0 where that was before it was noted. mail : an address that its owner has
confirmed by a link that was sent there; where links and notices of this account go."""

provider_identity = Table(
    "provider_identity",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("at_us", BigInteger, nullable=False),
)
"""Who a user is at a provider of sign-in: by its number of the person, which it gives to no one else."""

session = Table(
    "session",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("address", String(64), nullable=False, default=""),
    Column("agent", String(128), nullable=False, server_default=""),
    Column("seen_us", BigInteger, nullable=False, server_default="0"),
    Column("proven_us", BigInteger, nullable=False, server_default="0"),
    Column("needs_code", Integer, nullable=False, server_default="0"),
    Column("by", String(16), nullable=False, server_default="password"),
)
"""agent : what the browser calls itself. seen_us : when it was last used, to a minute. proven_us : when the user last
gave a password or came from the provider. needs_code : 1 while the second step of signing in is still to be done.
by : how the user came, "password" or "provider"."""

second_factor = Table(
    "second_factor",
    metadata,
    Column("user_id", Integer, ForeignKey("user_account.id"), primary_key=True),
    Column("secret", String(64), nullable=False),
    Column("confirmed_us", BigInteger),
    Column("last_step", BigInteger, nullable=False, server_default="0"),
)
"""The secret that an app on the user's phone shares. confirmed_us : since when it is asked for. last_step : the newest
interval whose code was used: no code is taken twice."""

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("code_hash", String(128), primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id"), nullable=False, index=True),
)
"""Codes that open the second step once, where the phone is lost."""

audit_seal = Table(
    "audit_seal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last_line", Integer, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""last_line, lines : up to which line, and how many there were. digest : of these lines and of the seal before."""

token = Table(
    "token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("user_id", Integer, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("scope", String(8), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False, index=True),
    Column("actor", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", String(255), nullable=False, default=""),
    Column("detail", JSON, nullable=False),
    Column("address", String(64), nullable=False, default=""),
)

scenario = Table(
    "scenario",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agency", String(64), nullable=False, index=True),
    Column("name", String(128), nullable=False),
    Column("wish", JSON, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("topic", Text, nullable=False),
    Column("digest", String(32), nullable=False, unique=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("reason", String(32), nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("readings", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("origin", String(32), nullable=False, server_default=""),
    Index("ix_quarantine_origin", "origin", "id", "stored_bytes"),
    sqlite_autoincrement=True,
)

counter = Table(
    "counter",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

meter_event = Table(
    "meter_event",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("ts_us", BigInteger, primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("before_kwh", Float),
    Column("after_kwh", Float),
    Index("ix_meter_event_ts_us", "ts_us"),
)

gateway = Table(
    "gateway",
    metadata,
    Column("id", Text, primary_key=True),
    Column("last_us", BigInteger, nullable=False),
    Column("lag_us", BigInteger, nullable=False),
    Column("window_us", BigInteger, nullable=False),
    Column("skew_us", BigInteger, nullable=False),
)

sparkplug_birth = Table(
    "sparkplug_birth",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("revision", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)
"""The last birth certificate of each node and device. revision : number of the change that stored it."""

identity = Table(
    "identity",
    metadata,
    Column("value", String(16), primary_key=True),
)

baseline = Table(
    "baseline",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("building", String(128), nullable=False),
    Column("first_day", String(10), nullable=False),
    Column("last_day", String(10), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("model", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False, server_default="accepted"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("fitted_by", String(64), nullable=False, server_default=""),
    Column("decided_by", String(64), nullable=False, server_default=""),
    Column("decided_us", BigInteger),
    Column("link", JSON(none_as_null=True)),
    UniqueConstraint("building", "first_day", "last_day", "fingerprint"),
)
"""Versions: state is proposed, accepted or declined. link : what the one before says of this one's own days."""

project_baseline = Table(
    "project_baseline",
    metadata,
    Column("project", String(64), primary_key=True),
    Column("building", String(128), nullable=False),
    Column("done_on", String(10), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""The baseline that a project was pinned to when it was done. It counts while building and day are the project's."""

portfolio_revision = Table(
    "portfolio_revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("undoes", Integer, ForeignKey("portfolio_revision.number")),
)


def _entries(book: str) -> Table:
    """Return the table of entries of a book of records: its versions, each of a revision of the book."""
    return Table(
        f"{book}_entry",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("revision", Integer, ForeignKey(f"{book}_revision.number"), nullable=False, index=True),
        Column("kind", String(32), nullable=False),
        Column("key", String(255), nullable=False),
        Column("valid_from", String(10), nullable=False),
        Column("valid_to", String(10)),
        Column("body", JSON(none_as_null=True)),
        UniqueConstraint("kind", "key", "valid_from", "revision"),
    )


portfolio_entry = _entries("portfolio")
"""Days as 2026-01-31, so that their order is that of their text. body : NULL where an entry was taken back."""

plan_revision = Table(
    "plan_revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("said_by", String(128), nullable=False, server_default=""),
    Column("why", Text, nullable=False),
    Column("undoes", Integer, ForeignKey("plan_revision.number")),
)
"""said_by : who says so, where that is not the actor."""

plan_entry = _entries("plan")
"""Projects of the action plan, as `portfolio_entry` has the portfolio."""

proposal = Table(
    "proposal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("edits", JSON, nullable=False),
    Column("from_day", String(10)),
    Column("seen_revision", Integer, nullable=False),
    Column("agencies", JSON, nullable=False),
    Column("is_shared", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_us", BigInteger),
    Column("decided_by", String(64), nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("revision", Integer, ForeignKey("portfolio_revision.number")),
)

request_answer = Table(
    "request_answer",
    metadata,
    Column("actor", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("answer", JSON, nullable=False),
    Column("at_us", BigInteger, nullable=False, index=True),
)
"""What a request was answered with, under the key that its sender gave it. digest : of all that was asked."""

paper_bill = Table(
    "paper_bill",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", String(64), nullable=False),
    Column("first_day", String(10), nullable=False),
    Column("last_day", String(10), nullable=False),
    Column("body", JSON, nullable=False),
    Column("source", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("removed_by", String(64), nullable=False, default=""),
    Column("removed_us", BigInteger),
    Column("removed_why", Text, nullable=False, default=""),
    Index("ix_paper_bill_account", "account", "first_day"),
)
