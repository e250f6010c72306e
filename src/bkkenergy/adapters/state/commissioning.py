"""Signed records of commissioning in the state's database, each with the hash by which it is known again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.persontables import commissioning
from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import US_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRecord:
    """A record as it was signed. body : who, which meter, what was found, photos by number and hash."""

    number: int
    agency: str
    meter: str
    body: Mapping[str, Any]
    sha256: str
    by: str
    at: dt.datetime

    @property
    def is_whole(self) -> bool:
        """Whether the body is what was signed."""
        return hash_of(self.body) == self.sha256


def hash_of(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record's body, whatever the order of its keys."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def add_record(
    connection: Connection, body: Mapping[str, Any], *, agency: str, meter: str, by: str, now: dt.datetime
) -> int:
    """Store a signed record, and return its number."""
    values = {
        "agency": agency, "meter": meter, "body": dict(body), "sha256": hash_of(body), "by": by, "at_us": us_of(now),
    }  # fmt: skip
    number: int = connection.execute(insert(commissioning).values(values).returning(commissioning.c.id)).scalar_one()
    return number


def records_of(connection: Connection, meter: str) -> list[SignedRecord]:
    """Return the signed records of a meter, the newest first."""
    query = select(commissioning).where(commissioning.c.meter == meter).order_by(commissioning.c.id.desc())
    return [_signed(row) for row in connection.execute(query)]


def record_numbered(connection: Connection, number: int) -> SignedRecord | None:
    """Return a signed record by its number; None where there is none."""
    row = connection.execute(select(commissioning).where(commissioning.c.id == number)).first()
    return None if row is None else _signed(row)


def _signed(row: Row[tuple[object, ...]]) -> SignedRecord:
    return SignedRecord(
        number=row.id,
        agency=row.agency,
        meter=row.meter,
        body=row.body,
        sha256=row.sha256,
        by=row.by,
        at=dt.datetime.fromtimestamp(row.at_us / US_PER_S, dt.UTC).astimezone(BANGKOK),
    )
