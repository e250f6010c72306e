"""Tables as persons write them in TOML, made into records: dates, whole ids, and every fault with its place.

Any table may say `from` (its first day) and `until` (its last). `changes` lists what is different from later days on:
`changes = [{ from = 2026-01-01, ct_ratio = 200 }]`; `without = ["parent"]` takes a key away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bkkenergy.calendar import FIRST_YEAR_BE
from bkkenergy.errors import Fault
from bkkenergy.portfolio.kinds import KINDS
from bkkenergy.portfolio.models import DEFAULT_TOPIC, local_midnight
from bkkenergy.portfolio.records import EVER, Entry, Kind, Kinds, Records, lost_exchanges
from bkkenergy.portfolio.values import checked_value
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.tomlfiles import Table

DAY = dt.timedelta(days=1)
DATES = ("from", "until", "changes", "without")
"""Keys of a table that say when, and are no fields."""


@dataclass(slots=True)
class Document:
    """What tables hold: entries, the place of each thing in its file, and the faults met on the way."""

    kinds: Kinds = field(default_factory=lambda: KINDS)
    entries: list[Entry] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    """By key; virtual meters and roofs share ids with nothing of their own kind."""
    faults: list[Fault] = field(default_factory=list)
    seen: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def records(self) -> Records:
        """The entries as records."""
        return Records(0, tuple(self.entries))

    def take(self, kind_name: str, table: object, where: str) -> None:
        """Take a table in, with the records inside it."""
        if not isinstance(table, dict):
            self.faults.append(Fault.of("no_table", where, given=repr(table), kind=kind_name))
            return
        kind = self.kinds[kind_name]
        if kind_name == "building":
            self._take_building(kind, table, where)
        else:
            self._take(kind, table, where)

    def _take_building(self, kind: Kind, table: Table, where: str) -> None:
        building_id = full_building_id(table)
        nested = {part.plural: part for part in self.kinds.values() if part.plural}
        own_fields = {key: value for key, value in table.items() if key not in nested}
        before = len(self.entries)
        if not self._take(kind, own_fields | {"id": building_id}, where):
            return
        known = len(self.entries)
        for plural, part in nested.items():
            for number, inner in enumerate(self._tables(table.get(plural, []), f"{where}.{plural}")):
                part_where = f"{where}.{plural}[{number}]"
                self._take(part, FULL[part.name](inner, building_id), part_where)
        if known == before:
            del self.entries[before:]  # parts of a building that has faults have none of their own beyond this

    def _tables(self, given: object, where: str) -> Iterator[Table]:
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            self.faults.append(Fault.of("no_tables", where))
            return
        yield from given

    def _take(self, kind: Kind, table: Table, where: str) -> bool:
        """Take a thing in. Return whether its place is its own, so that what is inside it can be judged."""
        versions = list(self._versions(table, where))
        keys = set()
        entries = []
        known: set[tuple[str, str]] = set()  # a fault of the first version is one of all later ones
        for version_where, first, until, fields in versions:
            value, faults = checked_value(kind, fields, version_where)
            faults += [Fault.of("own_dates", f"{version_where}.{name}") for name in sorted(kind.parts & fields.keys())]
            self.faults += [
                fault for fault in faults if (fault.where.removeprefix(version_where), fault.what) not in known
            ]
            known |= {(fault.where.removeprefix(version_where), fault.what) for fault in faults}
            if value is None:
                continue
            keys.add(kind.key_of(value))
            entries.append(Entry(kind.name, kind.key_of(value), first, value, until and until + DAY))
        if len(keys) > 1:
            self.faults.append(Fault.of("id_changed", f"{where}.changes"))
        if len(keys) != 1:
            return True
        (key,) = keys
        if not self._is_new(kind, key, where):
            return False
        self.faults += [*_order_faults(entries, where), *_exchange_faults(entries, where)]
        self.entries += entries
        self.places.setdefault(key, where)
        return True

    def _is_new(self, kind: Kind, key: str, where: str) -> bool:
        earlier = self.seen.setdefault((kind.name, key), where)
        if earlier == where:
            return True
        if kind.plural:
            self.faults.append(Fault.of("two_roofs" if kind.name == "roof" else "two_meters", f"{where}.id", name=key))
        else:
            self.faults.append(Fault.of("id_taken", f"{where}.id", name=key, earlier=earlier))
        return False

    def _versions(self, table: Table, where: str) -> Iterator[tuple[str, dt.date, dt.date | None, Table]]:
        """Return each version of a table: its place, first day, last day, and all of its fields."""
        fields = {key: value for key, value in table.items() if key not in DATES}
        yield where, self._day(table, "from", where) or EVER, self._day(table, "until", where), fields
        if "without" in table:
            self.faults.append(Fault.of("nothing_before", f"{where}.without"))
        for number, change in enumerate(self._tables(table.get("changes", []), f"{where}.changes")):
            change_where = f"{where}.changes[{number}]"
            first = self._day(change, "from", change_where)
            if first is None:
                self.faults.append(Fault.of("no_from", f"{change_where}.from"))
                continue
            fields = fields | {key: value for key, value in change.items() if key not in DATES}
            self._take_away(change.get("without", []), fields, f"{change_where}.without")
            yield change_where, first, self._day(change, "until", change_where), fields

    def _take_away(self, names: object, fields: Table, where: str) -> None:
        for name in names if isinstance(names, list) else [names]:
            if not isinstance(names, list) or not isinstance(name, str) or name not in fields:
                key = "no_key_before" if isinstance(names, list) else "no_list_of_keys"
                self.faults.append(Fault.of(key, where, name=name))
            else:
                del fields[name]

    def _day(self, table: Mapping[str, Any], key: str, where: str) -> dt.date | None:
        day = table.get(key)
        if isinstance(day, dt.date) and day.year >= FIRST_YEAR_BE:
            year = {"given": day.year, "year": day.year - BE_OFFSET_YEARS}
            self.faults.append(Fault.of("buddhist_year", f"{where}.{key}", **year))
            return None
        if day is None or (isinstance(day, dt.date) and not isinstance(day, dt.datetime)):
            return day
        self.faults.append(Fault.of("no_date", f"{where}.{key}", given=repr(day)))
        return None


def _order_faults(entries: list[Entry], where: str) -> Iterator[Fault]:
    """Find faults in the order of a thing's versions: each begins after the one before."""
    for number, entry in enumerate(entries):
        if entry.valid_to is not None and entry.valid_to <= entry.valid_from:
            yield Fault.of("ends_early", f"{where}.until")
        if number and entry.valid_from <= entries[number - 1].valid_from:
            yield Fault.of("change_order", f"{where}.changes")
        if number and (before := entries[number - 1].valid_to) is not None and before > entry.valid_from:
            yield Fault.of("ends_late", f"{where}.until")


def _exchange_faults(entries: list[Entry], where: str) -> Iterator[Fault]:
    """Find exchanges that a change leaves out: they have instants of their own, and it lists all of them or none."""
    for number, at in lost_exchanges(entries):
        yield Fault.of("exchange_left_out", f"{where}.changes[{number}].exchanges", at=at.isoformat())


def full_building_id(building: Table) -> str:
    """Return the id of a building as written: within its agency, or whole where the agency was another once.

    Parameters
    ----------
    building : dict
        A building as a person writes it.

    Returns
    -------
    str
        Its id, with the agency before it.

    Examples
    --------
    >>> from bkkenergy.portfolio.document import full_building_id
    >>> full_building_id({"agency": "health", "id": "centre-1"})
    'health.centre-1'
    """
    agency, local = building.get("agency", ""), building.get("id", "")
    return local if isinstance(local, str) and "." in local else f"{agency}.{local}"


def default_topic(building_id: str, local: object) -> str:
    """Return the topic of a meter that says none.

    Parameters
    ----------
    building_id : str
        The building that the meter is in.
    local : object
        Its id within the building.

    Returns
    -------
    str
        The topic.

    Examples
    --------
    >>> from bkkenergy.portfolio.document import default_topic
    >>> default_topic("health.centre-1", "main")
    'bma/health/centre-1/main/readings'
    """
    agency, _, building = building_id.partition(".")
    return DEFAULT_TOPIC.format(agency=agency, building=building, meter=local)


def full_meter(meter: Table, building_id: str) -> Table:
    """Return a meter as written within its building, with its ids made whole and its topic filled in.

    Parameters
    ----------
    meter : dict
        A meter as a person writes it.
    building_id : str
        The building that it is in.

    Returns
    -------
    dict
        The meter with whole ids.

    Examples
    --------
    >>> from bkkenergy.portfolio.document import full_meter
    >>> full_meter({"id": "main", "rated_kw": 60}, "health.centre-1")["id"]
    'health.centre-1.main'
    """
    local = meter.get("id", "")
    full: Table = {"topic": default_topic(building_id, local)} | meter
    full |= {"id": f"{building_id}.{local}", "building": building_id}
    full = _with_whole_parent(full, building_id)
    return full | _whole_changes(meter, building_id, _with_whole_parent)


def _whole_changes(table: Table, building_id: str, whole: Callable[[Table, str], Table]) -> Table:
    changes = table.get("changes")
    if not isinstance(changes, list):
        return {}
    return {"changes": [whole(change, building_id) if isinstance(change, dict) else change for change in changes]}


def _with_whole_parent(meter: Table, prefix: str) -> Table:
    full = dict(meter)
    if "parent" in meter:
        full["parent"] = f"{prefix}.{meter['parent']}"
    commissioned = meter.get("commissioned")
    if isinstance(commissioned, dt.date) and not isinstance(commissioned, dt.datetime):
        full["commissioned"] = local_midnight(commissioned)
    return full


def full_virtual_meter(virtual: Table, building_id: str) -> Table:
    """Return a virtual meter as written within its building, with its ids made whole.

    Parameters
    ----------
    virtual : dict
        A virtual meter as a person writes it.
    building_id : str
        The building that it is in.

    Returns
    -------
    dict
        The virtual meter with whole ids.

    Examples
    --------
    >>> from bkkenergy.portfolio.document import full_virtual_meter
    >>> full_virtual_meter({"id": "rest", "plus": ["main"]}, "health.centre-1")["plus"]
    ['health.centre-1.main']
    """
    full = _with_whole_sides(virtual, building_id)
    full |= {"id": f"{building_id}.{virtual.get('id', '')}", "building": building_id}
    return full | _whole_changes(virtual, building_id, _with_whole_sides)


def _with_whole_sides(virtual: Table, prefix: str) -> Table:
    full = dict(virtual)
    for side in ("plus", "minus"):
        if isinstance(virtual.get(side), list):
            full[side] = [_full_meter_id(name, prefix) for name in virtual[side]]
    return full


def _full_meter_id(name: Any, building_id: str) -> Any:
    """Return a name within the building made whole; one that is whole already stays, so that checks can judge it."""
    return name if not isinstance(name, str) or "." in name else f"{building_id}.{name}"


def full_roof(roof: Table, building_id: str) -> Table:
    """Return a roof with its building.

    Parameters
    ----------
    roof : dict
        A roof as a person writes it.
    building_id : str
        The building that it is on.

    Returns
    -------
    dict
        The roof, with its building.

    Examples
    --------
    >>> from bkkenergy.portfolio.document import full_roof
    >>> full_roof({"id": "main", "area_m2": 500}, "health.centre-1")["building"]
    'health.centre-1'
    """
    return roof | {"building": building_id}


FULL = {"meter": full_meter, "virtual_meter": full_virtual_meter, "roof": full_roof}
"""How tables within a building are made whole, by kind."""
