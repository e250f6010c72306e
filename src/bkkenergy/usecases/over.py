"""A building over any days: each meter counts for what it was on each of them, whichever day the building is known of.

What holds today may not hold for a year that is read: a main meter was another record then, or is a sub-meter now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building, Meter, Portfolio
from bkkenergy.portfolio.records import EVER, Dated, Entry
from bkkenergy.ports.ledger import IMPORT, Channel, LedgerReader
from bkkenergy.readings import IntArray
from bkkenergy.usecases.energy import BuildingQuarters, building_quarters, buildings_quarters
from bkkenergy.usecases.through import Through
from bkkenergy.usecases.turns import (
    Days,
    InTurn,
    in_parts,
    is_all_of_it,
    parts_of,
    real_name,
    role_of,
    virtual_in_parts,
)


def over(
    ledger: LedgerReader, portfolio: Portfolio, building: Building, period: Period
) -> tuple[LedgerReader, Building]:
    """Return a building with each part that its meters play in a period, and a reader by which these count.

    Both are returned as they are where nothing of the building ever began, ended or changed its part.
    """
    reader, (then,) = all_over(ledger, portfolio, [building], period)
    return reader, then


def all_over(
    ledger: LedgerReader, portfolio: Portfolio, buildings: Sequence[Building], period: Period
) -> tuple[LedgerReader, list[Building]]:
    """Return buildings with each part that their meters play in a period, and a reader by which these count."""
    days = Days(period.first_day, len(period.dates))
    then, counted, names = list[Building](), dict[str, IntArray](), set[str]()
    for building in buildings:
        if not changes(portfolio, building):
            then.append(building)
            continue
        whole, of_days = building_over(portfolio, _last_of(portfolio, building, days), days)
        then.append(whole)
        counted |= of_days
        names.update(_names(portfolio, building.id))
    below = _below_turns(ledger, names)
    return InTurn(below, counted, days) if counted else below, then


def building_over(portfolio: Portfolio, whole: Building, days: Days) -> tuple[Building, Mapping[str, IntArray]]:
    """Return a building with each part that its meters play on days, and what the days of these count, by name."""
    records = portfolio.records
    there = days.of(records.history("building", whole.id))
    parts = {name: parts_of(portfolio.history(name), days) for name in _names(portfolio, whole.id)}
    counted = dict[str, IntArray]()
    if not (there.all() and all(is_all_of_it(played) for played in parts.values())):
        whole, of_parts = in_parts(whole, there, parts, days)
        counted |= of_parts
    virtual_meters = []
    for name in records.parts_of("virtual_meter", whole.id):
        summed = virtual_in_parts(records.history("virtual_meter", name), there, days)
        if summed is not None:
            virtual_meters.append(summed[0])
            counted |= summed[1]
    return whole.model_copy(update={"virtual_meters": tuple(virtual_meters)}), counted


def quarters_over(
    ledger: LedgerReader,
    portfolio: Portfolio,
    buildings: Sequence[Building],
    period: Period,
    channel: Channel = IMPORT,
) -> Iterator[BuildingQuarters]:
    """Yield the quarter-hours of buildings over whole days, those that never changed read together.

    Raises StoreUnavailable.
    """
    steady = [building for building in buildings if not changes(portfolio, building)]
    together = buildings_quarters(ledger, steady, period, channel)
    for building in buildings:
        if not changes(portfolio, building):
            yield next(together)
            continue
        reader, then = over(ledger, portfolio, building, period)
        yield building_quarters(reader, then, period, channel)


def changes(portfolio: Portfolio, building: Building) -> bool:
    """Return whether a building or one of its meters begins, ends or changes its part on any day of the records."""
    records = portfolio.records
    names = _names(portfolio, building.id)
    sums = [records.of("virtual_meter", name) for name in records.parts_of("virtual_meter", building.id)]
    lives = [records.of("building", building.id), *(records.of("meter", name) for name in names), *sums]
    return (
        any(map(_begins_or_ends, lives))
        or any(len(life) > 1 for life in sums)
        or any(_changes_part(records.history("meter", name)) for name in names if len(records.of("meter", name)) > 1)
    )


def _last_of(portfolio: Portfolio, building: Building, days: Days) -> Building:
    """Return a building as it is on the last of some days on which it is there; as it is given where on none."""
    there = days.of(portfolio.records.history("building", building.id))
    return portfolio.on(days.last(there)).buildings.get(building.id, building) if there.any() else building


def _names(portfolio: Portfolio, building_id: str) -> Sequence[str]:
    """Return the meters that the records ever had of a building."""
    return portfolio.records.parts_of("meter", building_id)


def _begins_or_ends(life: Sequence[Entry]) -> bool:
    return bool(life) and (life[0].valid_from > EVER or any(entry.valid_to is not None for entry in life))


def _changes_part(life: Sequence[Dated[Meter]]) -> bool:
    return len({role_of(version.value) for version in life}) > 1


def _below_turns(ledger: LedgerReader, names: Collection[str]) -> LedgerReader:
    """Return the reader below every view in which these meters count for the days of another period."""
    reader, below = ledger, ledger
    while isinstance(reader, Through):
        if isinstance(reader, InTurn) and any(real_name(name) in names for name in reader.counted):
            below = reader.ledger
        reader = reader.ledger
    return below
