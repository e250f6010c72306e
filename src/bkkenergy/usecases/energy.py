"""Reads the ledger: what reports, pages, bills, baselines and designs know of energy and weather."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, Step, edges
from bkkenergy.errors import InputError
from bkkenergy.metering.quarters import FIRM, WHOLE, QuarterHours
from bkkenergy.portfolio import Building, Meter, MeterKind, Portfolio
from bkkenergy.ports.ledger import GHI, IMPORT, POWER_FACTOR, QUARTERS_PER_DAY, TEMP_AIR, Channel, LedgerReader, Slots
from bkkenergy.readings import WEATHER_FIELDS, BoolArray, FloatArray, Quality, QualityArray

QUARTERS_PER_HOUR = 4
IS_WHOLE: BoolArray = np.isin(np.arange(max(Quality) + 1), WHOLE)
IS_FIRM: BoolArray = np.isin(np.arange(max(Quality) + 1), FIRM)
"""By Quality: whether an energy is known wholly, and whether it may set a peak."""


def building_of(portfolio: Portfolio, building_id: str) -> Building:
    """Return a building by id. Raises InputError with the ids that are like it."""
    building = portfolio.buildings.get(building_id)
    if building is None:
        tail = building_id.rpartition(".")[2]
        near = [known for known in portfolio.buildings if tail in known or building_id in known]
        known = ", ".join((near or list(portfolio.buildings))[:8])
        raise InputError.of("no_such_building", name=building_id, known=known)
    return building


def buildings_named(portfolio: Portfolio, name: str) -> list[Building]:
    """Return the buildings of an agency, one building, or those of "all".

    Raises InputError with what could be meant: the agencies, where the name is like that of no building.
    """
    if name == "all":
        return list(portfolio.buildings.values())
    if name in portfolio.agencies:
        return list(portfolio.buildings_of(name))
    if "." not in name and not any(name in known for known in portfolio.buildings):
        raise InputError.of("no_such_agency", name=name, known=", ".join((*portfolio.agencies, "all")))
    return [building_of(portfolio, name)]


def buildings_of_type(portfolio: Portfolio, name: str, type_name: str) -> list[Building]:
    """Return those of a type of the buildings that are named. Raises InputError, with the types that there are."""
    buildings = buildings_named(portfolio, name)
    chosen = [building for building in buildings if building.type == type_name]
    if not chosen:
        types = ", ".join(sorted({building.type for building in buildings}))
        raise InputError.of("no_building_of_type", name=name, type=type_name[:40], known=types)
    return chosen


def quarter_hours(
    ledger: LedgerReader, meters: Sequence[Meter], period: Period, channel: Channel = IMPORT
) -> QuarterHours:
    """Return the quarter-hours of meters over a period. Raises StoreUnavailable."""
    slots = ledger.slots([meter.id for meter in meters], channel, period.first_day, period.last_day)
    starts = _starts(slots)
    inside = (starts >= period.start) & (starts < period.end)
    waiting = np.repeat(slots.is_waiting, QUARTERS_PER_DAY, axis=0)

    def frame(values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values[inside], index=starts[inside], columns=list(slots.meters))

    return QuarterHours(frame(slots.values), frame(slots.quality), frame(waiting))


def meters_energy_kwh(
    ledger: LedgerReader, meters: Sequence[Meter], period: Period, step: Step, channel: Channel = IMPORT
) -> FloatArray:
    """Return (n, meters) energy of each interval, NaN where it is not known wholly. Raises StoreUnavailable."""
    slots = ledger.slots([meter.id for meter in meters], channel, period.first_day, period.last_day)
    starts, at = _starts(slots), edges(period, step)
    known = np.where(np.isin(slots.quality, WHOLE), slots.values, np.nan)
    if len(slots.meters) == 0:
        return np.empty((len(at) - 1, 0))
    bounds = starts.searchsorted(at)
    sums_kwh: FloatArray = np.add.reduceat(known[: bounds[-1]], bounds[:-1])  # NaN spreads
    return sums_kwh


def main_energy_kwh(
    ledger: LedgerReader, building: Building, period: Period, step: Step = "15min", channel: Channel = IMPORT
) -> FloatArray:
    """Return (n,) energy of a building's main meters, NaN where one of them is not known wholly.

    Raises StoreUnavailable.
    """
    total: FloatArray = meters_energy_kwh(ledger, building.main_meters, period, step, channel).sum(axis=1)
    return total


@dataclass(frozen=True, slots=True)
class BuildingQuarters:
    """Quarter-hours of a building's main meters together, all (n,).

    accepted_kwh : every energy that was counted; sums of it are the building's totals. known_kwh : where all meters
    are known wholly, else NaN. firm_kwh : where all were measured, else NaN: what may set a peak.
    """

    accepted_kwh: FloatArray
    known_kwh: FloatArray
    firm_kwh: FloatArray


def building_quarters(
    ledger: LedgerReader, building: Building, period: Period, channel: Channel = IMPORT
) -> BuildingQuarters:
    """Return the quarter-hours of a building over whole days. Raises StoreUnavailable."""
    return next(buildings_quarters(ledger, [building], period, channel))


def meters_quarters(
    ledger: LedgerReader, meters: Sequence[Meter], period: Period, channel: Channel = IMPORT
) -> BuildingQuarters:
    """Return the quarter-hours of meters together over whole days. Raises StoreUnavailable."""
    slots = ledger.slots([meter.id for meter in meters], channel, period.first_day, period.last_day)
    return _together(slots.values, slots.quality)


def buildings_quarters(
    ledger: LedgerReader, buildings: Sequence[Building], period: Period, channel: Channel = IMPORT
) -> Iterator[BuildingQuarters]:
    """Yield the quarter-hours of buildings over whole days, read together. Raises StoreUnavailable."""
    names = list(dict.fromkeys(meter.id for building in buildings for meter in building.main_meters))
    slots = ledger.slots(names, channel, period.first_day, period.last_day)
    number_of = {name: number for number, name in enumerate(names)}
    for building in buildings:
        numbers = [number_of[meter.id] for meter in building.main_meters]
        yield _together(slots.values[:, numbers], slots.quality[:, numbers])


def _together(values: FloatArray, quality: QualityArray) -> BuildingQuarters:
    """Add the quarter-hours of meters. values, quality : (n, m)."""
    if values.shape[1] == 1:  # most buildings: nothing to add
        alone, of_alone = values[:, 0], quality[:, 0]
        whole, firm = (np.where(is_so[of_alone], alone, np.nan) for is_so in (IS_WHOLE, IS_FIRM))
        return BuildingQuarters(alone.copy(), whole, firm)

    def where(is_so: BoolArray) -> FloatArray:
        total: FloatArray = np.where(is_so[quality], values, np.nan).sum(axis=1)
        return total if values.shape[1] else np.full(len(total), np.nan)

    accepted = np.where(np.isfinite(values).any(axis=1), np.nansum(values, axis=1), np.nan)
    return BuildingQuarters(accepted, where(IS_WHOLE), where(IS_FIRM))


@dataclass(frozen=True, slots=True)
class IntervalEnergy:
    """Energy of meters together, interval by interval.

    starts : (n,) Bangkok's time. energy_kwh : (n,) accepted energy, NaN where nothing is known; its sum is every
    report's total. quality : (n,) the poorest Quality of an interval's quarter-hours and meters.
    waiting : days that are still to be computed again.
    """

    starts: pd.DatetimeIndex
    energy_kwh: FloatArray
    quality: QualityArray
    waiting: tuple[dt.date, ...]


POOREST_LAST = (Quality.MEASURED, Quality.EDITED, Quality.ESTIMATED, Quality.INCOMPLETE, Quality.MISSING)


def energy_series(
    ledger: LedgerReader, meters: Sequence[Meter], period: Period, step: Step, channel: Channel = IMPORT
) -> IntervalEnergy:
    """Return the energy of meters together over whole days. Raises StoreUnavailable."""
    slots = ledger.slots([meter.id for meter in meters], channel, period.first_day, period.last_day)
    at = edges(period, step)
    bounds = _starts(slots).searchsorted(at)[:-1]
    rank = np.zeros(max(Quality) + 1, np.uint8)
    rank[list(POOREST_LAST)] = np.arange(len(POOREST_LAST))
    poorest = (
        rank[slots.quality].max(axis=1, initial=0) if meters else np.full(len(slots.values), rank[Quality.MISSING])
    )
    known = np.isfinite(slots.values).any(axis=1)
    total = np.add.reduceat(np.nansum(slots.values, axis=1), bounds)
    energy = np.where(np.add.reduceat(known.astype(np.int64), bounds) > 0, total, np.nan)
    quality = np.array(POOREST_LAST, np.uint8)[np.maximum.reduceat(poorest, bounds)]
    days = np.flatnonzero(slots.is_waiting.any(axis=1)).tolist()
    return IntervalEnergy(at[:-1], energy, quality, tuple(period.first_day + dt.timedelta(days=day) for day in days))


KWH_DIGITS = 9
"""Decimals of an energy in a list: few enough to hide the noise of binary fractions, and enough that sums stay."""


def listed_kwh(energy_kwh: FloatArray) -> list[float | None]:
    """Return energies as a list without NaN, whose sum is that of the energies to a millionth of a kWh."""
    return listed_values(energy_kwh, KWH_DIGITS)


def listed_values(values: FloatArray, digits: int) -> list[float | None]:
    """Return values as a list, rounded, with None for NaN: a year of quarter-hours in less than a millisecond."""
    listed: list[float | None] = np.round(values, digits).tolist()
    for at in np.flatnonzero(np.isnan(values)).tolist():
        listed[at] = None
    return listed


def waiting_days(ledger: LedgerReader, meters: Sequence[Meter], period: Period) -> dict[str, list[dt.date]]:
    """Return the days of a period that are still to be computed again, of each meter that has some."""
    waiting: Mapping[str, Sequence[dt.date]] = ledger.waiting([meter.id for meter in meters])
    days_of = {
        name: [day for day in days if period.first_day <= day <= period.last_day] for name, days in waiting.items()
    }
    return {name: days for name, days in days_of.items() if days}


def station_of(portfolio: Portfolio, building: Building) -> Meter | None:
    """Return the weather station nearest to a building; None where the portfolio has none."""
    stations = [
        (other, meter)
        for other in portfolio.buildings.values()
        for meter in other.meters
        if meter.kind is MeterKind.WEATHER
    ]
    if not stations:
        return None

    def distance(pair: tuple[Building, Meter]) -> float:
        other = pair[0]
        return float(np.hypot(other.latitude_deg - building.latitude_deg, other.longitude_deg - building.longitude_deg))

    return min(stations, key=distance)[1]


def air_temperature_c(
    ledger: LedgerReader, portfolio: Portfolio, building: Building, period: Period
) -> FloatArray | None:
    """Return (n,) hourly air temperature by the nearest station; None where the portfolio has none."""
    station = station_of(portfolio, building)
    return None if station is None else station_hours(ledger, station, period)["temp_air_c"].to_numpy(np.float64)


def station_hours(ledger: LedgerReader, station: Meter, period: Period) -> pd.DataFrame:
    """Return hourly means of a station: columns WEATHER_FIELDS, an hour of Bangkok a row, NaN where it was silent."""
    columns = {}
    index = pd.DatetimeIndex([])
    for name, channel in zip(WEATHER_FIELDS, (GHI, TEMP_AIR), strict=True):
        slots = ledger.slots([station.id], channel, period.first_day, period.last_day)
        columns[name] = slots.values[:, 0]
        index = _starts(slots)
    frame = pd.DataFrame(columns, index=index)
    return frame[(frame.index >= period.start) & (frame.index < period.end)]


def power_factor_quarters(ledger: LedgerReader, meters: Sequence[Meter], period: Period) -> dict[str, pd.Series]:
    """Return the mean power factor of each quarter-hour that has one, sign left out, of each meter that sends one.

    Index: the start, UTC.
    """
    slots = ledger.slots([meter.id for meter in meters], POWER_FACTOR, period.first_day, period.last_day)
    starts = _starts(slots).tz_convert("UTC")
    inside = np.asarray((starts >= period.start) & (starts < period.end))
    factors: dict[str, pd.Series] = {}
    for number, name in enumerate(slots.meters):
        has_one = inside & ~np.isnan(slots.values[:, number])
        if has_one.any():
            factors[name] = pd.Series(slots.values[has_one, number], index=starts[has_one])
    return factors


def _starts(slots: Slots) -> pd.DatetimeIndex:
    """Return the start of each slot, in Bangkok's time."""
    days = Period.days(slots.first_day, slots.first_day + dt.timedelta(days=len(slots.is_waiting) - 1))
    step: Step = "15min" if slots.channel.slots_per_day == QUARTERS_PER_DAY else "60min"
    return edges(days, step)[:-1].tz_convert(BANGKOK).rename("start")


def is_whole(slots: Slots) -> BoolArray:
    """Return (n, m) whether each slot is known wholly."""
    whole: BoolArray = np.isin(slots.quality, WHOLE)
    return whole
