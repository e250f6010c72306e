"""Which agencies a record is of, and which a change touches: what powers over records rest on. Pure.

A thing is of the agencies that it names, and of those of the buildings and meters that it names, each while it holds:
a building that went to another agency was the first one's before. What several agencies use is shared.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bkkenergy.portfolio.models import DEFAULT_TOPIC
from bkkenergy.portfolio.records import Change, Dated, Entry, Records

AGENCY_FIELDS = ("agency", "agencies")
BUILDING_FIELDS = ("building", "buildings")
METER_FIELDS = ("meter", "meters", "parent", "plus", "minus")
OPEN_KINDS = frozenset({"calendar", "programme", "target", "agency_target", "workshop"})
"""Kinds that everybody reads: they say nothing of a single agency."""
SHARED_KINDS = OPEN_KINDS | {"agency", "partner"}
"""Kinds that only the server's administrators change. Partners are read by those who see every agency."""
AGENCY_S_ALONE = frozenset({"project"})
"""Kinds that are of the agency that they name, and of no other, whatever they name beside it."""
BEYOND_ONE = frozenset({"all", "city"})
"""Names of what is no single agency."""
TOPIC_BEFORE_AGENCY = DEFAULT_TOPIC.partition("{agency}")[0]
LAST = dt.date.max

Reaches = Callable[[str], bool]
"""Whether an agency is in the reach of the person who asks."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What changes touch. is_shared : whether something that is of no single agency is among it."""

    agencies: frozenset[str]
    is_shared: bool


def touched(changes: Sequence[Change], before: Records, after: Records) -> Touched:
    """Return all agencies that had, have or get anything of what is changed.

    Parameters
    ----------
    changes : sequence of Change
        What is changed.
    before, after : Records
        The records before and after it.

    Returns
    -------
    Touched
        The agencies, and whether anything is shared.

    Examples
    --------
    >>> from bkkenergy.portfolio.reach import touched
    >>> from bkkenergy.portfolio import Records
    >>> touched([], Records(), Records()).is_shared
    False
    """
    agencies: set[str] = set()
    is_shared = False
    for change in changes:
        agencies |= _agencies_of_change(change, before, after)
        is_shared |= _is_shared(change, before, after)
    return Touched(frozenset(agencies), is_shared)


def owners(version: Dated[Any], kind: str, key: str, records: Records) -> frozenset[str]:
    """Return the agencies that a version of a thing is of, while it holds.

    Parameters
    ----------
    version : Dated
        A value with the days on which it holds.
    kind : str
        The name of the kind.
    key : str
        What identifies the thing.
    records : Records
        Every entry with the days on which it holds.

    Returns
    -------
    frozenset of str
        Ids of agencies.

    Examples
    --------
    >>> from bkkenergy.portfolio.reach import owners
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (version,) = records.history("building", "health.centre-1")
    >>> sorted(owners(version, "building", "health.centre-1", records))
    ['health']
    """
    named = set(_listed(version.value, AGENCY_FIELDS))
    if kind in AGENCY_S_ALONE:
        return frozenset(named)
    if kind == "agency":
        named.add(key)
    for building in _buildings_named(version.value, kind, key):
        named |= _agencies_of_building(building, version, records)
    return frozenset(named)


def is_visible(version: Dated[Any], kind: str, key: str, records: Records, reaches: Reaches) -> bool:
    """Return whether one of the agencies that a version is of is in reach.

    Parameters
    ----------
    version : Dated
        A value with the days on which it holds.
    kind : str
        The name of the kind.
    key : str
        What identifies the thing.
    records : Records
        Every entry with the days on which it holds.
    reaches : callable
        Returns whether an agency is in the reach of the person who asks.

    Returns
    -------
    bool
        True for kinds that everybody reads.

    Examples
    --------
    >>> from bkkenergy.portfolio.reach import is_visible
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (version,) = records.history("building", "health.centre-1")
    >>> is_visible(version, "building", "health.centre-1", records, lambda agency: agency == "education")
    False
    """
    if kind in OPEN_KINDS:
        return True
    agencies = owners(version, kind, key, records)
    return any(reaches(agency) for agency in agencies or BEYOND_ONE)


def version_of(records: Records, entry: Entry) -> Dated[Any]:
    """Return an entry with the days on which it holds.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    entry : Entry
        One of the records.

    Returns
    -------
    Dated
        Its value, first day and end.

    Examples
    --------
    >>> from bkkenergy.portfolio.reach import version_of
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (entry,) = records.of("agency", "health")
    >>> version_of(records, entry).end is None
    True
    """
    return next(version for version in records.history(entry.kind, entry.key) if version.first == entry.valid_from)


def shown_body(
    body: Mapping[str, Any], version: Dated[Any], kind: str, records: Records, reaches: Reaches
) -> dict[str, Any]:
    """Return a body without the names of what is out of reach; lists become shorter, single names None.

    Parameters
    ----------
    body : mapping of str to object
        A value as JSON has it.
    version : Dated
        A value with the days on which it holds.
    kind : str
        The name of the kind.
    records : Records
        Every entry with the days on which it holds.
    reaches : callable
        Returns whether an agency is in the reach of the person who asks.

    Returns
    -------
    dict
        The body without names of others.

    Examples
    --------
    >>> from bkkenergy.portfolio.reach import shown_body
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (version,) = records.history("building", "health.centre-1")
    >>> shown_body({"agency": "health"}, version, "building", records, lambda agency: False)
    {'agency': None}
    """
    shown = dict(body)
    if kind in AGENCY_S_ALONE:
        return shown
    for field in (*AGENCY_FIELDS, *BUILDING_FIELDS, *METER_FIELDS):
        value = shown.get(field)
        if value is None or (kind == "building" and field in METER_FIELDS):
            continue
        names = [value] if isinstance(value, str) else list(value)
        visible_names = [name for name in names if _is_name_in_reach(field, name, version, records, reaches)]
        if visible_names != names:
            shown[field] = None if isinstance(value, str) else visible_names
    return shown


def foreign_names(version: Dated[Any], kind: str, key: str, records: Records, reaches: Reaches) -> Iterator[str]:
    """Find the buildings and meters that a version names, or is within, and that are out of reach.

    Parameters
    ----------
    version : Dated
        A value with the days on which it holds.
    kind : str
        The name of the kind.
    key : str
        What identifies the thing.
    records : Records
        Every entry with the days on which it holds.
    reaches : callable
        Returns whether an agency is in the reach of the person who asks.

    Yields
    ------
    str
        The id of a building.

    Examples
    --------
    >>> from bkkenergy.portfolio.reach import foreign_names
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (version,) = records.history("meter", "health.centre-1.main")
    >>> list(foreign_names(version, "meter", "health.centre-1.main", records, lambda agency: False))
    ['health.centre-1']
    """
    for building in _buildings_named(version.value, kind, key):
        if not any(reaches(agency) for agency in _agencies_of_building(building, version, records)):
            yield building


def visible_keys(records: Records, reaches: Reaches) -> Iterator[tuple[str, str]]:
    """Find the kind and key of each thing that is in reach on any day.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    reaches : callable
        Returns whether an agency is in the reach of the person who asks.

    Yields
    ------
    tuple of str
        Kind and key.

    Examples
    --------
    >>> from bkkenergy.portfolio import Records
    >>> from bkkenergy.portfolio.reach import visible_keys
    >>> list(visible_keys(Records(), lambda agency: True))
    []
    """
    for kind, things in records.by_kind.items():
        for key in things:
            if any(is_visible(version, kind, key, records, reaches) for version in records.history(kind, key)):
                yield kind, key


def _is_name_in_reach(field: str, name: str, version: Dated[Any], records: Records, reaches: Reaches) -> bool:
    if field in AGENCY_FIELDS:
        return reaches(name)
    building = name if field in BUILDING_FIELDS else name.rpartition(".")[0]
    return any(reaches(agency) for agency in _agencies_of_building(building, version, records))


def _listed(value: Any, fields: Iterable[str]) -> Iterator[str]:
    for field in fields:
        named = getattr(value, field, None)
        if isinstance(named, str):
            yield named
        elif isinstance(named, tuple):
            yield from (name for name in named if isinstance(name, str))


def _buildings_named(value: Any, kind: str, key: str) -> set[str]:
    """Return the buildings that a thing names, those of its meters, and the one that it is a part of by its key."""
    if kind == "building":
        return {key}
    named = set(_listed(value, BUILDING_FIELDS))
    named |= {meter.rpartition(".")[0] for meter in _listed(value, METER_FIELDS)}
    if kind in {"meter", "virtual_meter", "roof"}:
        named.add(key.rpartition(".")[0])
    return named


def _agencies_of_building(building: str, during: Dated[Any], records: Records) -> set[str]:
    """Return the agencies that have a building on days; of one that is not known, the agency that its id names."""
    versions = records.history("building", building)
    agencies = {version.value.agency for version in versions if _meet(version, during)}
    return agencies or {building.partition(".")[0]}


def _meet(one: Dated[Any], other: Dated[Any]) -> bool:
    return one.first < (other.end or LAST) and other.first < (one.end or LAST)


def _agencies_of_change(change: Change, before: Records, after: Records) -> set[str]:
    entry = change.entry
    agencies: set[str] = set()
    if entry.kind == "building" and not before.of(entry.kind, entry.key):
        agencies.add(entry.key.partition(".")[0])  # a new id is one of the agency that it names
    for period in _periods(change, before, after):
        for records in (before, after):
            for version in records.history(entry.kind, entry.key):
                if _meet(version, period):
                    overlap = Dated(max(version.first, period.first), period.end or version.end, version.value)
                    for side in (before, after):
                        agencies |= owners(overlap, entry.kind, entry.key, side)
    return agencies - BEYOND_ONE


def _periods(change: Change, before: Records, after: Records) -> Iterator[Dated[Any]]:
    """Return the days that a change is about."""
    sides = [
        version_of(records, entry)
        for records, entry in ((before, change.before), (after, change.after))
        if entry is not None
    ]
    if change.fields == ("valid_to",):
        ends = [entry.valid_to for entry in (change.before, change.after) if entry and entry.valid_to]
        yield from (Dated(min(ends), None, side.value) for side in sides)
        return
    yield from sides


def _is_shared(change: Change, before: Records, after: Records) -> bool:
    if change.entry.kind in SHARED_KINDS:
        return True
    values = [entry.value for entry in (change.before, change.after) if entry is not None]
    if any(BEYOND_ONE & set(_listed(value, AGENCY_FIELDS)) for value in values):
        return True
    if change.entry.kind == "recipient":
        return any(value.channel != "mail" or value.secret_file is not None for value in values)  # type: ignore[attr-defined]
    if change.entry.kind == "meter" and change.after is not None:
        return _listens_elsewhere(change, before, after)
    return False


def _listens_elsewhere(change: Change, before: Records, after: Records) -> bool:
    """Whether a meter comes to listen to a topic, or to share a gateway, that is not its agency's own."""
    assert change.after is not None  # noqa: S101 - asked for by the caller
    meter: Any = change.after.value
    known: list[Any] = [entry.value for entry in before.of("meter", meter.id)]
    agencies = owners(version_of(after, change.after), "meter", meter.id, after)
    if (meter.topic, meter.key) not in {(other.topic, other.key) for other in known}:
        if not any(meter.topic.startswith(f"{TOPIC_BEFORE_AGENCY}{agency}/") for agency in agencies):
            return True
        if any(other.topic == meter.topic and not _is_of(other.id, agencies, before) for other in _meters(before)):
            return True
    if meter.gateway is None or meter.gateway in {other.gateway for other in known}:
        return False
    return any(other.gateway == meter.gateway and not _is_of(other.id, agencies, before) for other in _meters(before))


def _meters(records: Records) -> Iterator[Any]:
    return (entry.value for entries in records.by_kind.get("meter", {}).values() for entry in entries)


def _is_of(meter_id: str, agencies: frozenset[str], records: Records) -> bool:
    return all(
        owners(version, "meter", meter_id, records) <= agencies for version in records.history("meter", meter_id)
    )
