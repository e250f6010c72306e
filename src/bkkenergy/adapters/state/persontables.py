"""Tables of what persons say: of findings, of days and hours, of months. As in `tables`, with which they share all."""

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

from bkkenergy.adapters.state.metadata import metadata

dismissal = Table(
    "dismissal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("building", String(128), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("cost_thb_a_month", Float, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("building", "rule"),
)

agency_month = Table(
    "agency_month",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("amount", Float, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""What an agency reports of itself each month beside electricity: staff, visitors, fuel."""

day_note = Table(
    "day_note",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agency", String(64), nullable=False),
    Column("building", String(128), nullable=False, default=""),
    Column("first_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("removed_by", String(64), nullable=False, default=""),
    Column("removed_us", BigInteger),
    Column("adjustment", String(64), nullable=False, default=""),
    Index("ix_day_note_agency", "agency", "first_us"),
)

finding_entry = Table(
    "finding_entry",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agency", String(64), nullable=False),
    Column("building", String(128), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", String(120), nullable=False, default=""),
    Column("due_day", String(10)),
    Column("comment", Text, nullable=False, default=""),
    Column("cost_thb_a_month", Float, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("undoes", Integer),
    Index("ix_finding_entry_agency", "agency", "building", "rule"),
)
"""Work on findings: a row each time that a person changes something; the last one of a finding is how it stands.
undoes : the row that it takes back."""

photo = Table(
    "photo",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agency", String(64), nullable=False),
    Column("building", String(128), nullable=False),
    Column("meter", String(128), nullable=False, default=""),
    Column("content", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("removed_by", String(64), nullable=False, default=""),
    Column("removed_us", BigInteger),
    Column("rule", String(64), nullable=False, default="", server_default=""),
    Index("ix_photo_building", "building", "meter"),
)
"""Pictures of buildings, of meters and equipment (by id in `meter`), and of findings (rule). Backups have them."""

weather_file = Table(
    "weather_file",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agency", String(64), nullable=False),
    Column("name", String(120), nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("agency", "sha256"),
)
"""Weather files that designs of an agency rest on. packed : the file as it was given, by zlib."""

own_delivery = Table(
    "own_delivery",
    metadata,
    Column("user_id", Integer, ForeignKey("user_account.id"), primary_key=True, autoincrement=False),
    Column("channel", String(16), nullable=False),
    Column("address", String(200), nullable=False),
    Column("findings", Integer, nullable=False),
    Column("monthly", JSON, nullable=False),
    Column("documents", JSON, nullable=False),
    Column("formats", JSON, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""Where a user wants messages: of findings that are the user's, and monthly reports of agencies."""

account_link = Table(
    "account_link",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("purpose", String(8), nullable=False),
    Column("mail", String(200), nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
)
"""Links of mails that were sent and not used: to set a password (invite, reset), to confirm an address (mail)."""

passkey = Table(
    "passkey",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("credential", String(1400), nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("name", String(64), nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("used_us", BigInteger, nullable=False),
)
"""Passkeys of users. credential : its id, base64url. public_key : with what identifies it (AttestedCredentialData).
used_us : when the newest challenge was made that it answered: none is answered twice."""

known_device = Table(
    "known_device",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id"), primary_key=True, index=True),
    Column("agent", String(128), nullable=False),
    Column("address", String(64), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
)
"""Browsers from which users have signed in, one row for each user of a browser. agent : what it calls itself."""

stationery = Table(
    "stationery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agency", String(64), nullable=False, index=True),
    Column("part", String(16), nullable=False),
    Column("name", String(120), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""What an agency's memoranda are made with: template, seal, terms. The newest of a part counts; empty is none."""

recipient_standing = Table(
    "recipient_standing",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(16), nullable=False),
    Column("address", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("channel", "address"),
)
"""Addresses that nothing is sent to: unsubscribed, or refused for good."""

link_key = Table(
    "link_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", String(64), nullable=False),
)
"""What links are signed by that open without signing in. One row."""

commissioning = Table(
    "commissioning",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agency", String(64), nullable=False),
    Column("meter", String(128), nullable=False),
    Column("body", JSON, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("ix_commissioning_meter", "meter"),
)
"""Signed records: who found what of a meter, when. A record is never changed; another is signed after it."""

plan_document = Table(
    "plan_document",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agency", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("drafted_by", String(64), nullable=False),
    Column("drafted_us", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("plan_revision", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("approver", Text, nullable=False, server_default=""),
    Column("approved_on", String(10)),
    Column("letter", Text, nullable=False, server_default=""),
    Column("entered_by", String(64), nullable=False, server_default=""),
    Column("entered_us", BigInteger),
    UniqueConstraint("agency", "version"),
)
"""Versions of the action plan as a document. agency : or "city". body : what each language's document says. digest : of
it. approver : name and office of who signed; letter : its number; entered_by : the user who entered that."""
