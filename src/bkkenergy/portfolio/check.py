"""Faults that only show when agencies, buildings and meters are compared with each other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bkkenergy.errors import Fault
from bkkenergy.portfolio.models import Building, Meter, MeterKind, VirtualMeter
from bkkenergy.portfolio.reach import BEYOND_ONE
from bkkenergy.portfolio.records import EVER, Dated, Entry, Records, entry_on, things_changed
from bkkenergy.portfolio.roofcheck import roof_faults
from bkkenergy.portfolio.snapshot import PART_KINDS, Parts, building_on, parts_by_building
from bkkenergy.portfolio.values import kind_term

REFERENCES = (
    ("account", "buildings", "building"),
    ("account", "meters", "meter"),
    ("channel", "meter", "meter"),
    ("pv_plant", "building", "building"),
    ("pv_plant", "meters", "meter"),
    ("contact", "agency", "agency"),
    ("contact", "building", "building"),
    ("threshold", "agency", "agency"),
    ("threshold", "building", "building"),
    ("equipment", "building", "building"),
    ("equipment", "meter", "meter"),
    ("adjustment", "building", "building"),
    ("target", "programme", "programme"),
    ("need", "agency", "agency"),
    ("need", "building", "building"),
    ("workshop", "attending", "agency"),
    ("follow_up", "agency", "agency"),
    ("follow_up", "building", "building"),
    ("follow_up", "workshop", "workshop"),
    ("consent", "agency", "agency"),
    ("consent", "buildings", "building"),
)
"""Which field of which kind names which other kind."""
Things = frozenset[tuple[str, str]]
"""Kind and key of each."""


def cross_check(
    records: Records,
    places: Mapping[str, str],
    tariffs: frozenset[str] | None = None,
    *,
    sound: Records | None = None,
) -> list[Fault]:
    """Find every fault between entries, on every day; `places` says where each id is written.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    places : mapping of str to str
        Where each id is written; an id that is not among them stands for itself.
    tariffs : frozenset of str, optional
        The schedules that exist; without it they are not checked.
    sound : Records, optional
        Records in which the same check has found nothing: buildings and meters that are the same there are not looked
        at again.

    Returns
    -------
    list of Fault
        Each once; one that comes with a later day says from which.

    Examples
    --------
    >>> from bkkenergy.portfolio.check import cross_check
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> cross_check(records_of(packaged_config_dir()), {})
    []
    """
    where = Places(places)
    faults = [*_references(records, where, tariffs), *_orphans(records, where), *_plan_faults(records, where)]
    named = sorted(BEYOND_ONE & records.by_kind.get("agency", {}).keys())
    faults += [Fault.of("reserved_id", f"{where[key]}.id", name=key) for key in named]
    parts = parts_by_building(records)
    changed = None if sound is None else things_changed(sound, records)
    for key, entries in _buildings_to_check(records, changed):
        faults += _faults_by_day(records, key, entries, parts.get(key, ()), where, tariffs)
    faults += _shared_topics(records, where, changed)
    faults += _shared_numbers(records, where)
    return list(dict.fromkeys(faults))


def _buildings_to_check(records: Records, changed: Things | None) -> Iterator[tuple[str, Sequence[Entry]]]:
    """Return the buildings on which a change of things has a bearing; all where it is not known what was changed."""
    buildings = records.by_kind.get("building", {})
    if changed is None:
        yield from buildings.items()
        return
    touched = {key for kind, key in changed if kind == "building"}
    touched |= {key.rpartition(".")[0] for kind, key in changed if kind in PART_KINDS}
    named = {kind: {key for of_kind, key in changed if of_kind == kind} for kind in ("agency", "calendar")}
    for key, entries in buildings.items():
        if key in touched or any(_names_any(entry.value, named) for entry in entries):
            yield key, entries


def _names_any(building: Any, named: Mapping[str, set[str]]) -> bool:
    return building.agency in named["agency"] or building.calendar in named["calendar"]


def reference_faults(records: Records, places: Mapping[str, str]) -> list[Fault]:
    """Find references to what was never there, in records that are added to a portfolio's.

    Parameters
    ----------
    records : Records
        Every entry, the portfolio's too.
    places : mapping of str to str
        Where each id is written; an id that is not among them stands for itself.

    Returns
    -------
    list of Fault
        Each once.

    Examples
    --------
    >>> from bkkenergy.portfolio.check import reference_faults
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> reference_faults(records_of(packaged_config_dir()), {})
    []
    """
    return list(dict.fromkeys(_references(records, Places(places), None)))


class Places(dict[str, str]):
    """Where each id stands; of records that come from no file, the id."""

    def __missing__(self, key: str) -> str:
        return key


def _days_of(records: Records, entries: Sequence[Entry], parts: Parts) -> list[dt.date]:
    """Return the days on which anything of a building begins to hold, or what it names ends."""
    versions = [*entries, *(entry for _, part_entries in parts for entry in part_entries)]
    days = {entry.valid_from for entry in versions} | {entry.valid_to for entry in versions if entry.valid_to}
    for entry in entries:
        building: Any = entry.value
        named = (*records.of("calendar", building.calendar), *records.of("agency", building.agency))
        days |= {other.valid_to for other in named if other.valid_to}
    return sorted(days)


def _faults_by_day(
    records: Records, key: str, entries: Sequence[Entry], parts: Parts, where: Places, tariffs: frozenset[str] | None
) -> Iterator[Fault]:
    """Return a building's faults, each once: those that come with a later day say from which."""
    known: set[Fault] = set()
    for day in _days_of(records, entries, parts):
        building = building_on(records, key, parts, day)
        for fault in () if building is None else _building_faults(records, building, day, where, tariffs):
            if fault not in known:
                known.add(fault)
                yield fault if day == EVER else fault.from_day(day)


def _building_faults(
    records: Records, building: Building, day: dt.date, places: Places, tariffs: frozenset[str] | None
) -> Iterator[Fault]:
    where = places[building.id]
    for kind, name in (("agency", building.agency), ("calendar", building.calendar)):
        if entry_on(records.of(kind, name), day) is None:
            yield from _unknown(f"{where}.{kind}", kind, name, records.on(kind, day))
    if tariffs is not None:
        yield from _unknown(f"{where}.tariff", "tariff", building.tariff, dict.fromkeys(tariffs))
    yield from meter_faults(building, places)
    yield from virtual_meter_faults(building, where)
    yield from roof_faults(building.roofs, where)


def _references(records: Records, places: Places, tariffs: frozenset[str] | None) -> Iterator[Fault]:
    """Find references to what was never there."""
    for kind, field, target in REFERENCES:
        known = records.by_kind.get(target, {})
        for key, entries in records.by_kind.get(kind, {}).items():
            for name in dict.fromkeys(name for entry in entries for name in _names(entry, field)):
                if name not in known:
                    yield Fault.of("no_reference", f"{places[key]}.{field}", kind=kind_term(target), name=name)
    for key, entries in records.by_kind.get("account", {}).items():
        if tariffs is not None:
            for name in dict.fromkeys(str(getattr(entry.value, "schedule", "")) for entry in entries):
                yield from _unknown(f"{places[key]}.schedule", "tariff", name, dict.fromkeys(tariffs))


def _names(entry: Entry, field: str) -> tuple[str, ...]:
    value: Any = getattr(entry.value, field)
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    return tuple(value)


def _orphans(records: Records, places: Places) -> Iterator[Fault]:
    """Find meters and roofs whose building was never there."""
    known = records.by_kind.get("building", {})
    for building, parts in parts_by_building(records).items():
        if building not in known:
            for _, entries in parts:
                yield Fault.of("no_building", f"{places[entries[0].key]}.building", name=building)


def part_faults(records: Records, places: Mapping[str, str]) -> Iterator[Fault]:
    """Find meters and roofs that say another building than their id does.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    places : mapping of str to str
        Where each id is written; an id that is not among them stands for itself.

    Yields
    ------
    Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> from bkkenergy.portfolio.check import part_faults
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> list(part_faults(records_of(packaged_config_dir()), {}))
    []
    """
    where = Places(places)
    for building, parts in parts_by_building(records).items():
        for entry in (entry for _, entries in parts for entry in entries):
            value: Any = entry.value
            if value.building != building:
                yield Fault.of("other_building", f"{where[entry.key]}.building", name=building)


def _plan_faults(records: Records, places: Places) -> Iterator[Fault]:
    """Find a plan without what each agency should save: none of it would be shown."""
    plan = [key for kind in ("programme", "target") for key in records.by_kind.get(kind, {})]
    if plan and not records.by_kind.get("agency_target"):
        yield Fault.of("no_agency_target", places[plan[0]])


def _unknown(where: str, kind: str, name: str, known: Mapping[str, object]) -> Iterator[Fault]:
    if name not in known:
        yield Fault.of("no_such", where, kind=kind_term(kind), name=name, known=", ".join(sorted(known)) or "(none)")


def meter_faults(building: Building, places: Mapping[str, str]) -> Iterator[Fault]:
    """Find faults among the meters of one building: doubled ids, parents, exchanges.

    Parameters
    ----------
    building : Building
        The building.
    places : mapping of str to str
        Where each id is entered.

    Yields
    ------
    Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.check import meter_faults
    >>> building = next(one for one in demonstration().buildings.values() if one.meters)
    >>> twice = building.model_copy(update={"meters": building.meters[:1] * 2})
    >>> [fault.remedy for fault in meter_faults(twice, {building.meters[0].id: "health.toml"})]
    ['Give each its own id.']
    """
    by_id: dict[str, Meter] = {}
    for meter in building.meters:
        where = places[meter.id]
        if meter.id in by_id:
            yield Fault.of("two_meters", f"{where}.id", name=meter.id)
        by_id[meter.id] = meter
    for meter in by_id.values():
        where = places[meter.id]
        if meter.parent is not None and meter.parent not in by_id:
            known = ", ".join(sorted(by_id.keys() - {meter.id}))
            yield Fault.of("no_meter_here", f"{where}.parent", name=meter.parent, known=known)
        elif _is_own_ancestor(meter, by_id):
            yield Fault.of("measures_itself", f"{where}.parent", name=meter.id)
        instants = [exchange.at for exchange in meter.exchanges]
        if instants != sorted(instants):
            yield Fault.of("exchange_order", f"{where}.exchanges")
        if meter.tenant and (meter.pv or not meter.is_electric):
            yield Fault.of("no_tenant", f"{where}.tenant")
        yield from register_faults(meter, where)


def register_faults(meter: Meter, where: str) -> Iterator[Fault]:
    """Find faults of what is entered about a register that the meter does not have.

    Parameters
    ----------
    meter : Meter
        The meter.
    where : str
        Where it is entered.

    Yields
    ------
    Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> from bkkenergy.portfolio.check import register_faults
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", kind="power", rated_kw=60, rollover_kwh=1000)
    >>> [fault.what for fault in register_faults(meter, "a.toml")]
    ['only a register rolls over']
    """
    if meter.kind in {MeterKind.REGISTER, MeterKind.NET}:
        if meter.restarts_at_zero and meter.kind is MeterKind.NET:
            yield Fault.of("net_restarts", f"{where}.restarts_at_zero")
        return
    if meter.exchanges:
        yield Fault.of("only_register_exchanged", f"{where}.exchanges")
    if meter.rollover_kwh is not None:
        yield Fault.of("only_register_rolls", f"{where}.rollover_kwh")
    if meter.restarts_at_zero:
        yield Fault.of("only_register_restarts", f"{where}.restarts_at_zero")


def virtual_meter_faults(building: Building, where: str) -> Iterator[Fault]:
    """Find faults of a building's virtual meters: doubled ids, what they name, energy that is taken off twice.

    Parameters
    ----------
    building : Building
        The building.
    where : str
        Where it is entered.

    Yields
    ------
    Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> from bkkenergy.portfolio.check import virtual_meter_faults
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio import VirtualMeter
    >>> building = next(iter(demonstration().buildings.values()))
    >>> names = {"id": f"{building.id}.rest", "building": building.id, "name_th": "อื่น ๆ", "name_en": "Rest"}
    >>> rest = VirtualMeter(plus=(f"{building.id}.nothing",), **names)
    >>> faulty = building.model_copy(update={"virtual_meters": (rest,)})
    >>> len(list(virtual_meter_faults(faulty, "a.toml")))
    1
    """
    ids = {meter.id for meter in building.meters}
    for number, virtual in enumerate(building.virtual_meters):
        virtual_where = f"{where}.virtual_meters[{number}]"
        if virtual.id in ids:
            yield Fault.of("two_meters", f"{virtual_where}.id", name=virtual.id)
        ids.add(virtual.id)
        yield from _named_faults(building, virtual, virtual_where)
    yield from _tenant_faults(building, where)


def _named_faults(building: Building, virtual: VirtualMeter, where: str) -> Iterator[Fault]:
    """Find names that are of no real meter of energy, or occur twice."""
    real = {meter.id: meter for meter in building.meters}
    usable = sorted(meter.id for meter in building.meters if meter.is_electric)
    known = ", ".join(usable) or "(none)"
    virtuals = {other.id for other in building.virtual_meters}
    seen: set[str] = set()
    for side in ("plus", "minus"):
        for name in getattr(virtual, side):
            if name in real:
                if not real[name].is_electric:
                    yield Fault.of("no_electricity", f"{where}.{side}", name=name, known=known)
            elif name in virtuals:
                yield Fault.of("virtual_meter", f"{where}.{side}", name=name, known=known)
            else:
                yield Fault.of("no_meter_here", f"{where}.{side}", name=name, known=known)
            if name in seen:
                yield Fault.of("named_twice", f"{where}.{side}", name=name)
            seen.add(name)


def _tenant_faults(building: Building, where: str) -> Iterator[Fault]:
    """Find energy of tenants that is taken off twice, is less than nothing, or that no main meter measures.

    A meter's energy is that of the meters below it and a rest. Each rest is taken off as often as the meters above it
    are: once or not at all.
    """
    if not building.tenant_virtual_meters:
        return
    times = building.tenant_signs
    list_where = f"{where}.virtual_meters"
    for meter in building.meters:
        if times.get(meter.id, 0) == 0:
            continue
        line = (meter, *building.ancestors(meter))
        count = sum(times.get(above.id, 0) for above in line)
        if meter.pv or not line[-1].is_main:
            yield Fault.of("tenant_beside_mains", list_where, name=meter.id)
        elif count not in {0, 1}:
            yield Fault.of("tenant_twice", list_where, name=meter.id, count=count)


def _is_own_ancestor(meter: Meter, by_id: Mapping[str, Meter]) -> bool:
    seen: set[str] = set()
    current: Meter | None = meter
    while current is not None and current.parent is not None:
        if current.id in seen:
            return True
        seen.add(current.id)
        current = by_id.get(current.parent)
    return False


def _shared_topics(records: Records, places: Places, changed: Things | None) -> Iterator[Fault]:
    """Find meters that listen to the topic, under the key, of an earlier one at the same time."""
    owners: dict[tuple[str, str], list[tuple[str, Dated[Meter]]]] = {}
    for key in _meters_to_check(records, changed):
        versions: tuple[Dated[Meter], ...] = records.history("meter", key)
        for version in versions:
            others = owners.setdefault((version.value.topic, version.value.key), [])
            owner = next((name for name, other in others if name != key and _meet(other, version)), None)
            if owner is not None:
                yield Fault.of("topic_taken", f"{places[key]}.topic", topic=version.value.topic, name=owner)
            others.append((key, version))


def _meters_to_check(records: Records, changed: Things | None) -> Iterable[str]:
    """Return the meters that could share a topic with one that was changed, themselves among them."""
    meters: Mapping[str, tuple[Any, ...]] = records.by_kind.get("meter", {})
    if changed is None:
        return meters
    keys = [key for kind, key in changed if kind == "meter"]
    topics = {entry.value.topic for key in keys for entry in meters.get(key, ())}
    return (key for key, entries in meters.items() if any(entry.value.topic in topics for entry in entries))


def _shared_numbers(records: Records, places: Places) -> Iterator[Fault]:
    """Find electricity accounts of the number of an earlier one at the same time: a bill is of one of them."""
    owners: dict[tuple[str, str], list[tuple[str, Dated[Any]]]] = {}
    for key in records.by_kind.get("account", {}):
        for version in records.history("account", key):
            others = owners.setdefault((version.value.utility, version.value.number.lstrip("0")), [])
            owner = next((name for name, other in others if name != key and _meet(other, version)), None)
            if owner is not None:
                yield Fault.of("number_taken", f"{places[key]}.number", number=version.value.number, name=owner)
            others.append((key, version))


def _meet(one: Dated[Any], other: Dated[Any]) -> bool:
    """Return whether two things are valid at the same time on any day."""
    return (one.end is None or other.first < one.end) and (other.end is None or one.first < other.end)
