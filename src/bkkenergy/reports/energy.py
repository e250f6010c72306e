"""Reads from the store what bills, baselines and designs rest on: a building's energy, and its air's temperature."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, Step, edges, timestamp_us
from bkkenergy.errors import InputError
from bkkenergy.metering.frames import meter_energy
from bkkenergy.metering.intervals import IntervalEnergy
from bkkenergy.portfolio import Building, Meter, MeterKind, Portfolio
from bkkenergy.readings import US_PER_S, WEATHER_FIELDS, FloatArray, ReadingBatch
from bkkenergy.settings import Settings
from bkkenergy.store import ReadingStore
from bkkenergy.store.kept import QUARTERS_A_DAY, Kept

SeriesT = TypeVar("SeriesT", pd.Series, pd.DataFrame)


def building_of(portfolio: Portfolio, building_id: str) -> Building:
    """A building by id. Raises InputError with the ids that are like it."""
    building = portfolio.buildings.get(building_id)
    if building is None:
        tail = building_id.rpartition(".")[2]
        near = [known for known in portfolio.buildings if tail in known or building_id in known]
        known = ", ".join((near or list(portfolio.buildings))[:8])
        raise InputError(f"building {building_id!r} is not in the portfolio. Use one of: {known}.")
    return building


def buildings_named(portfolio: Portfolio, name: str) -> list[Building]:
    """The buildings of an agency, one building, or "all". Raises InputError."""
    if name == "all":
        return list(portfolio.buildings.values())
    if name in portfolio.agencies:
        return list(portfolio.buildings_of(name))
    return [building_of(portfolio, name)]


def readings_around(store: ReadingStore, settings: Settings, meters: Sequence[Meter], period: Period) -> ReadingBatch:
    """Readings of a period and a little beyond both its ends, so that registers can be read at the edges."""
    gap_s = settings.metering.max_estimated_gap_s
    beyond_us = max([gap_s, *(2 * meter.interval_s for meter in meters)]) * US_PER_S
    names = [meter.id for meter in meters]
    return store.readings(names, timestamp_us(period.start) - beyond_us, timestamp_us(period.end) + beyond_us)


def quarter_hours(
    store: ReadingStore,
    settings: Settings,
    meters: Sequence[Meter],
    period: Period,
    fields: Sequence[str] = ("energy_kwh",),
) -> list[IntervalEnergy]:
    """Quarter-hours of meters, one result a field: from readings, and where those are deleted from what is kept."""
    old, new = parted(period, store.kept.cut)
    found: list[IntervalEnergy] = []
    if new is not None:
        batch, gap_s = readings_around(store, settings, meters, new), settings.metering.max_estimated_gap_s
        at = edges(new, "15min")
        found = [meter_energy(batch, meters, at, max_gap_s=gap_s, field=field) for field in fields]
    names = [meter.id for meter in meters]
    if new is not None and (packed := parted(new, store.kept.ahead)[0]) is not None:
        early_ones = [store.kept.energy(names, field, packed) for field in fields]
        found = [own.where_known(early) for own, early in zip(found, early_ones, strict=True)]
    if old is not None:
        kept = [store.kept.energy(names, field, old) for field in fields]
        found = [early.then(late) for early, late in zip(kept, found, strict=True)] if found else kept
    inside = [own.gaps["end"] <= period.end for own in found]
    return [replace(own, gaps=own.gaps[is_inside]) for own, is_inside in zip(found, inside, strict=True)]


def parted(period: Period, cut: dt.date | None) -> tuple[Period | None, Period | None]:
    """The part of a period before a day, and the part from then on; None where there is none."""
    at = None if cut is None else pd.Timestamp(cut, tz=BANGKOK)
    if at is None or at <= period.start:
        return None, period
    if at >= period.end:
        return period, None
    return Period(period.start, at), Period(at, period.end)


def _of_both(
    period: Period, own: Kept, kept: Callable[[Period], SeriesT], read: Callable[[Period], SeriesT]
) -> SeriesT:
    """A series by instant: before the cut what is kept of whole days, from then on what readings say."""
    old, new = parted(period, own.cut)
    parts: list[Any] = []

    def inside(part: Period) -> Any:
        found = kept(Period.days(part.first_day, part.last_day))
        return found[(found.index >= part.start) & (found.index < part.end)]

    if old is not None:
        parts.append(inside(old))
    if new is not None:
        found = read(new)
        packed = parted(new, own.ahead)[0]
        parts.append(found if packed is None else inside(packed).combine_first(found))
    joined: SeriesT = pd.concat(parts) if len(parts) > 1 else parts[0]
    return joined


def meters_energy_kwh(
    store: ReadingStore, settings: Settings, meters: tuple[Meter, ...], period: Period, step: Step
) -> FloatArray:
    """(n, meters) energy of each interval, NaN where not known."""
    if step == "15min" or parted(period, max(filter(None, (store.kept.cut, store.kept.ahead)), default=None))[0]:
        (quarters,) = quarter_hours(store, settings, meters, period)
        return quarters.energy_kwh.to_numpy(np.float64) if step == "15min" else quarters.over(edges(period, step))
    batch = readings_around(store, settings, meters, period)
    gap_s = settings.metering.max_estimated_gap_s
    found: FloatArray = meter_energy(batch, meters, edges(period, step), max_gap_s=gap_s).energy_kwh.to_numpy()
    return found


def main_energy_kwh(
    store: ReadingStore, settings: Settings, building: Building, period: Period, step: Step = "15min"
) -> FloatArray:
    """(n,) energy of the building's main meters, NaN where one of them is not known."""
    total: FloatArray = meters_energy_kwh(store, settings, building.main_meters, period, step).sum(axis=1)
    return total


def station_of(portfolio: Portfolio, building: Building) -> Meter | None:
    """The weather station nearest to a building; None where the portfolio has none."""
    stations = [
        (own, meter) for own in portfolio.buildings.values() for meter in own.meters if meter.kind is MeterKind.WEATHER
    ]
    if not stations:
        return None

    def distance(pair: tuple[Building, Meter]) -> float:
        other = pair[0]
        return float(np.hypot(other.latitude_deg - building.latitude_deg, other.longitude_deg - building.longitude_deg))

    return min(stations, key=distance)[1]


def air_temperature_c(
    store: ReadingStore, portfolio: Portfolio, building: Building, period: Period
) -> FloatArray | None:
    """(n,) hourly air temperature by the station nearest to a building; None where the portfolio has none."""
    station = station_of(portfolio, building)
    return None if station is None else station_hours(store, station, period)["temp_air_c"].to_numpy(np.float64)


def station_hours(store: ReadingStore, station: Meter, period: Period) -> pd.DataFrame:
    """Hourly means of what a station sent: columns of WEATHER_FIELDS, an hour of Bangkok a row, NaN where silent."""

    def kept(days: Period) -> pd.DataFrame:
        span = (days.first_day, days.last_day)
        values = {name: store.kept.values(station.id, name, *span, a_day=24) for name in WEATHER_FIELDS}
        return pd.DataFrame(values, index=edges(days, "60min")[:-1].tz_convert(BANGKOK))

    return _of_both(period, store.kept, kept, lambda new: hours_of_readings(store, station, new))


def hours_of_readings(store: ReadingStore, station: Meter, period: Period) -> pd.DataFrame:
    """The same from readings alone."""
    batch = store.readings([station.id], timestamp_us(period.start), timestamp_us(period.end), WEATHER_FIELDS)
    return hours_of(batch, period)


def hours_of(batch: ReadingBatch, period: Period) -> pd.DataFrame:
    """The same from a batch of one station's readings."""
    at = pd.to_datetime(batch.ts_us, unit="us", utc=True)
    frame = pd.DataFrame({name: batch.column(name) for name in WEATHER_FIELDS}, index=at)
    hours = edges(period, "60min")[:-1]
    hourly = frame.resample("h").mean() if len(frame) else frame
    found: pd.DataFrame = hourly.reindex(hours.tz_convert("UTC"))
    found.index = hours.tz_convert(BANGKOK)
    return found


def power_factor_quarters(store: ReadingStore, meter: Meter, period: Period) -> pd.Series:
    """Mean power factor of each quarter-hour that has one, sign left out; index: the start, UTC."""

    def kept(days: Period) -> pd.Series:
        values = store.kept.values(meter.id, "power_factor", days.first_day, days.last_day, a_day=QUARTERS_A_DAY)
        return pd.Series(values, index=edges(days, "15min")[:-1].tz_convert("UTC")).dropna()

    return _of_both(period, store.kept, kept, lambda new: factors_of_readings(store, meter, new))


def factors_of_readings(store: ReadingStore, meter: Meter, period: Period) -> pd.Series:
    """The same from readings alone."""
    return factors_of(
        store.readings([meter.id], timestamp_us(period.start), timestamp_us(period.end), ("power_factor",))
    )


def factors_of(batch: ReadingBatch) -> pd.Series:
    """The same from a batch of one meter's readings."""
    factor = pd.Series(batch.column("power_factor"), index=pd.to_datetime(batch.ts_us, unit="us", utc=True)).dropna()
    if factor.empty:
        return factor
    return factor.abs().clip(0.01, 1).resample("15min").mean().dropna()
