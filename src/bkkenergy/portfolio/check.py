"""Faults that only show when agencies, buildings and meters are held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bkkenergy.errors import Fault
from bkkenergy.portfolio.models import Building, Meter, MeterKind, Portfolio, VirtualMeter


def cross_check(portfolio: Portfolio, places: Mapping[str, str], tariffs: frozenset[str] | None = None) -> list[Fault]:
    """Every fault between entries; `places` tells where each id stands."""
    faults: list[Fault] = []
    for building in portfolio.buildings.values():
        where = places[building.id]
        faults += _unknown(f"{where}.agency", "agency", building.agency, portfolio.agencies)
        faults += _unknown(f"{where}.calendar", "calendar", building.calendar, portfolio.calendars)
        if tariffs is not None:
            faults += _unknown(f"{where}.tariff", "tariff", building.tariff, dict.fromkeys(tariffs))
        faults += meter_faults(building, places)
        faults += virtual_meter_faults(building, places[building.id])
    faults += shared_topics(portfolio.meters, places)
    return faults


def _unknown(where: str, kind: str, name: str, known: Mapping[str, object]) -> Iterator[Fault]:
    if name not in known:
        yield Fault(where, f"there is no {kind} {name!r}", f"Use one of: {', '.join(sorted(known)) or '(none)'}.")


def meter_faults(building: Building, places: Mapping[str, str]) -> Iterator[Fault]:
    """Faults among the meters of one building: doubled ids, parents, exchanges."""
    by_id: dict[str, Meter] = {}
    for meter in building.meters:
        where = places[meter.id]
        if meter.id in by_id:
            yield Fault(f"{where}.id", f"the building has two meters {meter.id!r}", "Give each its own id.")
        by_id[meter.id] = meter
    for meter in by_id.values():
        where = places[meter.id]
        if meter.parent is not None and meter.parent not in by_id:
            remedy = f"Use one of: {', '.join(sorted(by_id.keys() - {meter.id}))}."
            yield Fault(f"{where}.parent", f"the building has no meter {meter.parent!r}", remedy)
        elif _is_own_ancestor(meter, by_id):
            yield Fault(f"{where}.parent", f"meter {meter.id!r} measures itself", "Let one meter have no parent.")
        instants = [exchange.at for exchange in meter.exchanges]
        if instants != sorted(instants):
            yield Fault(f"{where}.exchanges", "exchanges are not in the order of time", "Sort them by `at`.")
        if meter.tenant and (meter.pv or meter.kind is MeterKind.WEATHER):
            yield Fault(f"{where}.tenant", "it measures no use of a tenant", "Remove tenant, or pv and the kind.")
        yield from register_faults(meter, where)


def register_faults(meter: Meter, where: str) -> Iterator[Fault]:
    """Faults of what is said about a counter that the meter has not."""
    if meter.kind in {MeterKind.REGISTER, MeterKind.NET}:
        if meter.restarts_at_zero and meter.kind is MeterKind.NET:
            what = "a counter that runs both ways falls without a restart"
            yield Fault(f"{where}.restarts_at_zero", what, 'Remove it, or set kind = "register".')
        return
    if meter.exchanges:
        yield Fault(f"{where}.exchanges", "only a register can be exchanged", 'Remove them, or set kind = "register".')
    if meter.rollover_kwh is not None:
        yield Fault(f"{where}.rollover_kwh", "only a register rolls over", 'Remove it, or set kind = "register".')
    if meter.restarts_at_zero:
        yield Fault(
            f"{where}.restarts_at_zero", "only a register restarts at zero", 'Remove it, or set kind = "register".'
        )


def virtual_meter_faults(building: Building, where: str) -> Iterator[Fault]:
    """Faults of a building's virtual meters: doubled ids, what they name, energy that is taken off twice."""
    ids = {meter.id for meter in building.meters}
    for number, virtual in enumerate(building.virtual_meters):
        place = f"{where}.virtual_meters[{number}]"
        if virtual.id in ids:
            yield Fault(f"{place}.id", f"the building has two meters {virtual.id!r}", "Give each its own id.")
        ids.add(virtual.id)
        yield from _named_faults(building, virtual, place)
    yield from _tenant_faults(building, where)


def _named_faults(building: Building, virtual: VirtualMeter, place: str) -> Iterator[Fault]:
    """Names that stand for no real meter of energy, or stand twice."""
    real = {meter.id: meter for meter in building.meters}
    usable = sorted(meter.id for meter in building.meters if meter.kind is not MeterKind.WEATHER)
    remedy = f"Use one of: {', '.join(usable) or '(none)'}."
    virtuals = {other.id for other in building.virtual_meters}
    seen: set[str] = set()
    for side in ("plus", "minus"):
        for name in getattr(virtual, side):
            if name in real:
                if real[name].kind is MeterKind.WEATHER:
                    yield Fault(f"{place}.{side}", f"{name!r} is a weather station: it measures no energy", remedy)
            elif name in virtuals:
                yield Fault(f"{place}.{side}", f"{name!r} is a virtual meter; only real meters can be named", remedy)
            else:
                yield Fault(f"{place}.{side}", f"the building has no meter {name!r}", remedy)
            if name in seen:
                yield Fault(f"{place}.{side}", f"{name!r} is named twice", "Name each meter once, on one side.")
            seen.add(name)


def _tenant_faults(building: Building, where: str) -> Iterator[Fault]:
    """Energy of tenants that is taken off twice, that is less than nothing, or that no main meter measures.

    A meter's energy is that of the meters below it and a rest. Each rest is taken off as often as the meters above it
    are: once or not at all.
    """
    if not building.tenant_virtual_meters:
        return
    times = building.tenant_signs
    place = f"{where}.virtual_meters"
    for meter in building.meters:
        if times.get(meter.id, 0) == 0:
            continue
        line = (meter, *building.ancestors(meter))
        count = sum(times.get(above.id, 0) for above in line)
        if meter.pv or not line[-1].is_main:
            what = f"{meter.id!r} measures no part of what the main meters count, so it is no tenant's to take off"
            yield Fault(place, what, "Give the meter its parent, or remove the purpose.")
        elif count not in {0, 1}:
            what = f"the energy of {meter.id!r} is taken off as a tenant's {count} times"
            yield Fault(place, what, "Name each part once: remove its `tenant`, or one of the names.")


def _is_own_ancestor(meter: Meter, by_id: Mapping[str, Meter]) -> bool:
    seen: set[str] = set()
    current: Meter | None = meter
    while current is not None and current.parent is not None:
        if current.id in seen:
            return True
        seen.add(current.id)
        current = by_id.get(current.parent)
    return False


def shared_topics(meters: tuple[Meter, ...], places: Mapping[str, str]) -> Iterator[Fault]:
    """Meters that listen to the topic, under the key, of an earlier one."""
    owner_of: dict[tuple[str, str], str] = {}
    for meter in meters:
        owner = owner_of.setdefault((meter.topic, meter.key), meter.id)
        if owner != meter.id:
            what = f"topic {meter.topic!r} is already the topic of meter {owner!r}"
            remedy = "Give each meter its own topic, or its own key where one message carries many."
            yield Fault(f"{places[meter.id]}.topic", what, remedy)
