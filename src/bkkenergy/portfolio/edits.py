"""What a person asks to be changed in the portfolio, made into entries. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio.records import EVER, Change, Entry, Kind, Kinds, Records, entry_on, lost_exchanges
from bkkenergy.portfolio.values import checked_value, day_faults, kind_term, text_faults
from bkkenergy.tomlfiles import Frozen


@dataclass(frozen=True, slots=True)
class Put:
    """Enter a thing, or replace all that it is from a day on.

    body : every field, with whole ids. until : the day of a later version that says otherwise, and stays.
    """

    kind: str
    body: Mapping[str, Any]
    until: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Amend:
    """Change some fields of a thing from a day on. A later change of the same field stands.

    since : a day of its own, such as the first one of the version that it corrects.
    """

    kind: str
    key: str
    fields: Mapping[str, Any]
    since: dt.date | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Let a thing be no more from a day on. What it was before stays true."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take a thing out on all days, as if it had never been entered."""

    kind: str
    key: str


Edit = Put | Amend | End | Withdraw


def changes_of(records: Records, edits: Sequence[Edit], from_day: dt.date, kinds: Kinds) -> tuple[Change, ...]:
    """Return what edits change, each from a day on.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    edits : sequence of Edit
        What is asked for; each finds what the ones before it left.
    from_day : date
        From which day it holds; `EVER` for all days.
    kinds : mapping of str to Kind
        The kinds of record that there are.

    Returns
    -------
    tuple of Change
        What differs afterwards, of the things that the edits name.

    Raises
    ------
    ConfigError
        If anything asked for cannot be; the error has every fault.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.portfolio.edits import Amend, changes_of
    >>> from bkkenergy.portfolio.kinds import KINDS
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> amend = Amend("meter", "district-bangkhen.office.main", {"ct_ratio": 200.0})
    >>> (change,) = changes_of(records, [amend], dt.date(2026, 1, 1), KINDS)
    >>> change.before, change.after.valid_from.isoformat(), change.after.value.ct_ratio
    (None, '2026-01-01', 200.0)
    """
    faults = list(_of_days(edits, from_day))
    after, waiting, waiting_of = records, list[Change](), set[tuple[str, str]]()
    for number, edit in enumerate(edits):
        if texts := [*text_faults(_given(edit), f"change {number + 1}")]:
            faults += texts
            continue
        kind = kinds.get(edit.kind)
        if kind is None:
            faults.append(Fault.of("no_kind", f"change {number + 1}", kind=edit.kind, known=", ".join(kinds)))
            continue
        try:
            if (thing := (edit.kind, key_of(edit, kinds))) in waiting_of:
                after, waiting, waiting_of = after.with_changes(waiting), [], set()
            waiting += _changes(after, edit, from_day, kind)  # what an edit changes is of its own thing
            waiting_of.add(thing)
        except ConfigError as error:
            faults += error.faults
    after = after.with_changes(waiting)
    if faults:
        raise ConfigError(faults)
    touched = {(edit.kind, key_of(edit, kinds)) for edit in edits}
    faults = [fault for kind, key in sorted(touched) for fault in _exchange_faults(records, after, kind, key)]
    if faults:
        raise ConfigError(faults)
    return tuple(_differences_of(records, after, touched))


def _of_days(edits: Sequence[Edit], from_day: dt.date) -> Iterator[Fault]:
    """Find days on which no change can begin or end."""
    days = {from_day} | {
        day for edit in edits for day in (getattr(edit, "since", None), getattr(edit, "until", None)) if day
    }
    for day in sorted(days - {EVER}):
        yield from day_faults(day, "valid_from")


def _given(edit: Edit) -> dict[str, Any]:
    """Return what an edit says, by name."""
    return {field.name: getattr(edit, field.name) for field in dataclass_fields(edit)}


def key_of(edit: Edit, kinds: Kinds) -> str:
    """Return the key of what an edit is about.

    Parameters
    ----------
    edit : Put, Amend, End or Withdraw
        What is asked for.
    kinds : mapping of str to Kind
        The kinds of record that there are.

    Returns
    -------
    str
        What identifies the thing among those of its kind.

    Raises
    ------
    ConfigError
        If what is to be entered has faults.

    Examples
    --------
    >>> from bkkenergy.portfolio.edits import Put, key_of
    >>> from bkkenergy.portfolio.kinds import KINDS
    >>> body = {"id": "head", "agency": "education", "name": "Khun Malee"}
    >>> key_of(Put("contact", body), KINDS)
    'head'
    """
    if not isinstance(edit, Put):
        return edit.key
    kind = kinds[edit.kind]
    return kind.key_of(_value(kind, edit.body, edit.kind))


def _differences_of(before: Records, after: Records, touched: set[tuple[str, str]]) -> Iterator[Change]:
    for kind, key in sorted(touched):
        old = {entry.identity: entry for entry in before.of(kind, key)}
        new = {entry.identity: entry for entry in after.of(kind, key)}
        for entry_key in sorted(old.keys() | new.keys()):
            was, is_now = old.get(entry_key), new.get(entry_key)
            if was is None or is_now is None or not was.says_the_same(is_now):
                yield Change(was, is_now)


def _changes(records: Records, edit: Edit, from_day: dt.date, kind: Kind) -> Iterator[Change]:
    if isinstance(edit, Put):
        value = _value(kind, edit.body, edit.kind)
        yield from _put(records, Entry(kind.name, kind.key_of(value), from_day, value), kind, edit.until)
        return
    entries = records.of(kind.name, edit.key)
    if not entries:
        raise ConfigError([_unknown(records, kind, edit.key)])
    match edit:
        case Amend():
            yield from _amended(entries, edit, edit.since or from_day, kind)
        case End():
            yield from _ended(entries, from_day, edit)
        case Withdraw():
            yield from (Change(entry, None) for entry in entries)


def _put(records: Records, entry: Entry, kind: Kind, until: dt.date | None) -> Iterator[Change]:
    """Enter a version. A thing that is there on its day ends when it would have ended without it.

    What it changes holds in later versions too, as far as they did not change the same themselves. Where one says
    otherwise afterwards, a person has to know: raises ConfigError unless `until` is its day.
    """
    entries = records.of(entry.kind, entry.key)
    present = entry_on(entries, entry.valid_from)
    was, becomes = {} if present is None else kind.body_of(present.value), kind.body_of(entry.value)
    fields = {name: new for name, new in becomes.items() if present is not None and was.get(name) != new}
    later = list(_carried(entries, entry.valid_from, _Step(was, becomes, fields), kind))
    _refuse_later(entry, [change.entry for change in later], kind, until)
    yield from later
    if present is not None and present.value == entry.value:
        return
    if present is None or present.valid_from == entry.valid_from:
        before = records.by_identity.get(entry.identity)
        yield Change(before, replace(entry, valid_to=before.valid_to if before else None))
        return
    yield Change(None, replace(entry, valid_to=present.valid_to))
    if present.valid_to is not None:
        yield Change(present, replace(present, valid_to=None))  # it goes on in the new version


def _refuse_later(entry: Entry, later: Sequence[Entry], kind: Kind, until: dt.date | None) -> None:
    """Raise ConfigError where a later version says otherwise than what is put, and its day is not said."""
    body = kind.body_of(entry.value)
    for version in later:
        then = kind.body_of(version.value)
        others = [name for name in body if name != "exchanges" and then.get(name) != body[name]]
        if not others:
            continue
        if version.valid_from != until:
            said = ", ".join(f"{name} {then[name]}" for name in others)
            where = f"{entry.kind} {entry.key}"
            raise ConfigError([Fault.of("later_version", where, day=version.valid_from, said=said)])
        return


def _amended(entries: Sequence[Entry], edit: Amend, from_day: dt.date, kind: Kind) -> Iterator[Change]:
    """Change the version of a day, and those after it as far as they did not change the same field themselves."""
    present = entry_on(entries, from_day)
    if present is None:
        first = entries[0].valid_from
        raise ConfigError(
            [Fault.of("not_there_on", edit.key, kind=kind_term(kind.name), key=edit.key, day=from_day, first=first)]
        )
    new_fields = dict(edit.fields)
    before_body = kind.body_of(present.value)
    value = _value(kind, before_body | new_fields, f"{kind.name} {edit.key}")
    if kind.key_of(value) != edit.key:
        raise ConfigError([Fault.of("id_changed", edit.key)])
    if value != present.value:
        at_day = present if present.valid_from == from_day else None
        yield Change(at_day, Entry(kind.name, edit.key, from_day, value, present.valid_to))
        if at_day is None and present.valid_to is not None:
            yield Change(present, replace(present, valid_to=None))  # it goes on in the new version
    yield from _carried(entries, from_day, _Step(before_body, kind.body_of(value), new_fields), kind)


@dataclass(frozen=True, slots=True)
class _Step:
    """What a version was and becomes, and the fields that are meant to be so from then on."""

    was: Mapping[str, Any]
    becomes: Mapping[str, Any]
    fields: Mapping[str, Any]


def _carried(entries: Sequence[Entry], from_day: dt.date, step: _Step, kind: Kind) -> Iterator[Change]:
    """Take fields into later versions, as far as these did not change the same themselves."""
    fields, before = dict(step.fields), step.was
    for later in entries:
        if later.valid_from <= from_day:
            continue
        body = kind.body_of(later.value)
        fields = {name: new for name, new in fields.items() if body.get(name) == before.get(name)}
        whole = body | fields | _exchanges_after(body, step.was, step.becomes)
        yield Change(later, replace(later, value=_value(kind, whole, f"{kind.name} {later.key}")))
        before = body


def _exchanges_after(body: Mapping[str, Any], was: Mapping[str, Any], becomes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the exchanges of a later version: they have dates of their own, so what is entered earlier joins them."""
    if was.get("exchanges") == becomes.get("exchanges"):
        return {}
    old, new, later = (
        {dt.datetime.fromisoformat(exchange["at"]): exchange for exchange in one.get("exchanges", ())}
        for one in (was, becomes, body)
    )
    entered = {at: exchange for at, exchange in new.items() if old.get(at) != exchange}
    merged = {at: exchange for at, exchange in later.items() if at in new or at not in old} | entered
    return {"exchanges": [merged[at] for at in sorted(merged)]}


def _exchange_faults(before: Records, after: Records, kind: str, key: str) -> Iterator[Fault]:
    """Find exchanges that edits would leave out of a later version alone: the meter's history would lose them."""
    entries = after.of(kind, key)
    known = {at for _, at in lost_exchanges(before.of(kind, key))}
    for number, at in lost_exchanges(entries):
        if at in known:
            continue
        first = next(
            entry.valid_from
            for entry in entries
            if at in {exchange.at for exchange in entry.value.exchanges}  # type: ignore[attr-defined]
        )
        name = "exchange_lost_ever" if first == EVER else "exchange_lost"
        lost = entries[number + 1].valid_from
        yield Fault.of(name, f"{kind} {key}.exchanges", at=at.isoformat(), lost=lost, first=first)


def _ended(entries: Sequence[Entry], from_day: dt.date, edit: End) -> Iterator[Change]:
    present = entry_on(entries, from_day)
    if present is None or present.valid_from == from_day:
        raise ConfigError([Fault.of("cannot_end", edit.key, kind=kind_term(edit.kind), key=edit.key, day=from_day)])
    yield Change(present, replace(present, valid_to=from_day))
    yield from (Change(entry, None) for entry in entries if entry.valid_from > from_day)


def _value(kind: Kind, body: Mapping[str, Any], where: str) -> Frozen:
    if parts := sorted(kind.parts & body.keys()):
        raise ConfigError([Fault.of("parts_apart", f"{where}.{name}") for name in parts])
    value, faults = checked_value(kind, body, where)
    if value is None:
        raise ConfigError(faults)
    return value


def _unknown(records: Records, kind: Kind, key: str) -> Fault:
    known = list(records.by_kind.get(kind.name, {}))
    near = [name for name in known if key in name or name.endswith(key.rpartition(".")[2])] or known
    return Fault.of("no_such", key, kind=kind_term(kind.name), name=key, known=", ".join(near[:8]) or "(none)")
