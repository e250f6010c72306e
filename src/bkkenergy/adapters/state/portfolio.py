"""Revisions of the portfolio, and of the plan, in the state's database. Rows are added and never changed or deleted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Row, Table, and_, func, insert, select, text

from bkkenergy.adapters.engines import AdvisoryLock
from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.tables import plan_entry, plan_revision, portfolio_entry, portfolio_revision
from bkkenergy.collecting import without_collecting
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio.records import Change, Entry, Kinds, Records
from bkkenergy.readings import US_PER_S
from bkkenergy.tomlfiles import validated

ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class RecordBook:
    """Tables of one sequence of revisions. lock : PostgreSQL's, under which one process adds while others wait."""

    revision: Table
    entry: Table
    lock: AdvisoryLock


PORTFOLIO = RecordBook(portfolio_revision, portfolio_entry, AdvisoryLock.PORTFOLIO_REVISIONS)
PLAN = RecordBook(plan_revision, plan_entry, AdvisoryLock.PLAN_REVISIONS)
"""The plan's projects are there wherever the portfolio comes from, files or state, and have revisions of their own."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One change of the portfolio. undoes : the revision that it takes back, if it does."""

    number: int
    at: dt.datetime
    actor: str
    why: str
    undoes: int | None
    entries: int


def newest_revision(connection: Connection, book: RecordBook = PORTFOLIO) -> int:
    """Return the number of the newest revision; 0 where there is none."""
    return connection.execute(select(func.max(book.revision.c.number))).scalar() or 0


def lock_revisions(connection: Connection, book: RecordBook = PORTFOLIO) -> None:
    """Let no other transaction add a revision until this one ends. SQLite's transactions wait by themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": book.lock})


def records_at(
    connection: Connection,
    kinds: Kinds,
    revision: int | None = None,
    book: RecordBook = PORTFOLIO,
    *,
    since: Records | None = None,
) -> Records:
    """Return the records as known at a revision, by default the newest. Raises ConfigError with every fault.

    since : records of this book that are known already: where they are of a revision before, only what came after is
    read, and its entries are theirs but for that.
    """
    number = newest_revision(connection, book) if revision is None else revision
    if since is not None and (known := _continued(connection, kinds, since, number, book)) is not None:
        return known
    entry = book.entry
    key_columns = (entry.c.kind, entry.c.key, entry.c.valid_from)
    latest = (
        select(func.max(entry.c.id).label("id"), *key_columns)
        .where(entry.c.revision <= number)
        .group_by(*key_columns)
        .subquery()
    )
    first = (
        select(func.min(entry.c.id).label("id"), entry.c.kind, entry.c.key)
        .group_by(entry.c.kind, entry.c.key)
        .subquery()
    )
    query = (
        select(entry)
        .join(latest, latest.c.id == entry.c.id)
        .join(first, (first.c.kind == entry.c.kind) & (first.c.key == entry.c.key))
        .order_by(first.c.id, entry.c.valid_from)
    )
    faults: list[Fault] = []
    with without_collecting():
        rows = list(connection.execute(query))
        withdrawn = _withdrawn(connection, book, [row for row in rows if row.body is None], kinds)
        entries = [one for row in rows if row.body is not None and (one := _entry(row, kinds, faults))]
    if faults:
        raise ConfigError(faults)
    return Records(number, tuple(entries), withdrawn, revised_us=_revised_us(connection, number, book))


def _revised_us(connection: Connection, number: int, book: RecordBook) -> int:
    return connection.execute(select(book.revision.c.at_us).where(book.revision.c.number == number)).scalar() or 0


def _continued(connection: Connection, kinds: Kinds, since: Records, number: int, book: RecordBook) -> Records | None:
    """Return earlier records with what came after; None where they are not earlier ones, or a thing comes back.

    What was withdrawn and comes back has the place that it first had, which the records no longer know.
    """
    if not 0 < since.revision <= number or _revised_us(connection, since.revision, book) != since.revised_us:
        return None
    if since.revision == number:
        return since
    is_new = (book.entry.c.revision > since.revision) & (book.entry.c.revision <= number)
    rows = list(connection.execute(select(book.entry).where(is_new).order_by(book.entry.c.id)))
    gone = {entry.identity[:2] for entry in since.withdrawn}
    if any((row.kind, row.key) in gone and not since.of(row.kind, row.key) for row in rows):
        return None
    return _with_rows(since, rows, kinds, number, _revised_us(connection, number, book))


def _with_rows(
    since: Records, rows: Sequence[Row[tuple[object, ...]]], kinds: Kinds, number: int, revised_us: int
) -> Records:
    entered, faults = dict(since.by_identity), list[Fault]()
    withdrawn = {entry.identity: entry for entry in since.withdrawn}
    changes: dict[tuple[str, str, dt.date], Change] = {}
    for row in rows:
        identity = (row.kind, row.key, dt.date.fromisoformat(row.valid_from))
        before = entered.get(identity)
        if row.body is None:
            if before is not None:
                changes[identity] = Change(before, None)
                withdrawn[identity] = replace(entered.pop(identity), revision=row.revision)
        elif entry := _entry(row, kinds, faults):
            changes[identity] = Change(before, entry)
            entered[identity] = entry
            withdrawn.pop(identity, None)
    if faults:
        raise ConfigError(faults)
    after = since.with_changes(changes.values())
    things = dict.fromkeys([*(entry.identity[:2] for entry in since.entries), *((row.kind, row.key) for row in rows)])
    entries = tuple(entry for thing in things for entry in after.of(*thing))
    records = Records(number, entries, tuple(withdrawn.values()), revised_us=revised_us)
    records.__dict__["by_kind"] = after.by_kind
    return records


def _withdrawn(
    connection: Connection, book: RecordBook, rows: Sequence[Row[tuple[object, ...]]], kinds: Kinds
) -> tuple[Entry, ...]:
    """Return what was taken out, as it was last, with the revision that took it out. rows : that say so."""
    taken_out = {(row.kind, row.key, row.valid_from): row.revision for row in rows}
    if not taken_out:
        return ()
    keys = sorted({row.key for row in rows})
    entered = select(book.entry).order_by(book.entry.c.id)
    last = {
        (row.kind, row.key, row.valid_from): row
        for at in range(0, len(keys), ROWS_AT_ONCE)
        for row in connection.execute(entered.where(book.entry.c.key.in_(keys[at : at + ROWS_AT_ONCE])))
        if row.body is not None and row.revision < taken_out.get((row.kind, row.key, row.valid_from), 0)
    }
    entries = (_entry(row, kinds, []) for row in last.values())  # what is out may be of an older form
    return tuple(replace(entry, revision=taken_out[_row_key(entry)]) for entry in entries if entry is not None)


def _row_key(entry: Entry) -> tuple[str, str, str]:
    kind, key, valid_from = entry.identity
    return kind, key, valid_from.isoformat()


def _entry(row: Row[tuple[object, ...]], kinds: Kinds, faults: list[Fault]) -> Entry | None:
    where = f"revision {row.revision}: {row.kind} {row.key}"
    kind = kinds.get(row.kind)
    if kind is None:
        faults.append(Fault.of("kind_of_newer", where))
        return None
    value, entry_faults = validated(kind.model, row.body, where)
    faults += entry_faults
    if value is None:
        return None
    valid_to = row.valid_to and dt.date.fromisoformat(row.valid_to)
    return Entry(row.kind, row.key, dt.date.fromisoformat(row.valid_from), value, valid_to, row.revision)


def changes_at(connection: Connection, kinds: Kinds, revision: int, book: RecordBook = PORTFOLIO) -> tuple[Change, ...]:
    """Return what a revision changed, in the order in which it was entered. Raises ConfigError with every fault."""
    key_columns = (book.entry.c.kind, book.entry.c.key, book.entry.c.valid_from)
    rows = list(
        connection.execute(select(book.entry).where(book.entry.c.revision == revision).order_by(book.entry.c.id))
    )
    touched = select(*key_columns).where(book.entry.c.revision == revision).subquery()
    latest = (
        select(func.max(book.entry.c.id).label("id"))
        .join(touched, and_(*(column == touched.c[column.name] for column in key_columns)))
        .where(book.entry.c.revision < revision)
        .group_by(*key_columns)
        .subquery()
    )
    query = select(book.entry).join(latest, latest.c.id == book.entry.c.id)
    earlier = {(row.kind, row.key, row.valid_from): row for row in connection.execute(query)}
    faults: list[Fault] = []

    def entry(row: Row[tuple[object, ...]] | None) -> Entry | None:
        return None if row is None or row.body is None else _entry(row, kinds, faults)

    sides = [(entry(earlier.get((row.kind, row.key, row.valid_from))), entry(row)) for row in rows]
    if faults:
        raise ConfigError(faults)
    return tuple(Change(before, after) for before, after in sides if before is not None or after is not None)


def add_revision(
    connection: Connection,
    changes: Sequence[Change],
    kinds: Kinds,
    *,
    actor: str,
    why: str,
    now: dt.datetime,
    undoes: int | None = None,
    said_by: str = "",
    book: RecordBook = PORTFOLIO,
) -> int:
    """Add a revision with its entries, and return its number. The caller holds `lock_revisions`.

    said_by : of the plan alone: who says so, where that is not the actor.
    """
    number = newest_revision(connection, book) + 1
    head: dict[str, object] = {"number": number, "at_us": us_of(now), "actor": actor, "why": why, "undoes": undoes}
    if said_by:
        head["said_by"] = said_by
    connection.execute(insert(book.revision).values(head))
    rows = list(_rows(changes, kinds, number))
    for first in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(insert(book.entry), rows[first : first + ROWS_AT_ONCE])
    return number


def _rows(changes: Iterable[Change], kinds: Kinds, number: int) -> Iterator[dict[str, object]]:
    for change in changes:
        kind, key, valid_from = change.identity
        after = change.after
        yield {
            "revision": number,
            "kind": kind,
            "key": key,
            "valid_from": valid_from.isoformat(),
            "valid_to": after.valid_to.isoformat() if after and after.valid_to else None,
            "body": kinds[kind].body_of(after.value) if after else None,
        }


def revisions(
    connection: Connection,
    *,
    kind: str | None = None,
    key: str | None = None,
    limit: int = 50,
    book: RecordBook = PORTFOLIO,
) -> list[Revision]:
    """Return revisions, the newest first; only those that say something of a kind or thing, where one is named."""
    named = [
        column == value for column, value in ((book.entry.c.kind, kind), (book.entry.c.key, key)) if value is not None
    ]
    query = (
        select(book.revision, func.count(book.entry.c.id).label("entries"))
        .outerjoin(book.entry, book.entry.c.revision == book.revision.c.number)
        .where(*named)
        .group_by(book.revision.c.number)
        .order_by(book.revision.c.number.desc())
        .limit(limit)
    )
    return [_revision(row) for row in connection.execute(query)]


def _revision(row: Row[tuple[object, ...]]) -> Revision:
    at = dt.datetime.fromtimestamp(row.at_us / US_PER_S, dt.UTC)
    return Revision(row.number, at, row.actor, row.why, row.undoes, row.entries)
