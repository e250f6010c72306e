"""Hours and days computed anew for the meters whose readings have changed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, day_of_us
from bkkenergy.metering.intervals import IntervalEnergy
from bkkenergy.portfolio import Meter, MeterKind, Portfolio
from bkkenergy.readings import US_PER_S, Quality
from bkkenergy.reports.energy import quarter_hours
from bkkenergy.settings import Settings
from bkkenergy.store import ReadingStore
from bkkenergy.store.rollup import MeterDays, Rollup, Stale

METERS_AT_ONCE = 25
PASS_S = 60.0
NEWS_US = 3 * 86_400 * US_PER_S
QUARTERS_A_DAY, QUARTERS_AN_HOUR, HOURS_A_DAY = 96, 4, 24


def refresh(
    store: ReadingStore,
    rollup: Rollup,
    portfolio: Portfolio,
    settings: Settings,
    *,
    today: dt.date,
    within_s: float = PASS_S,
) -> int:
    """Bring hours and days up to the readings; how many meters were computed. The rest waits for the next pass.

    Meters with news come first, those that wait longest in front, so that none starves; whole years (an import, a
    first start) take what time is left.
    """
    until_s = time.monotonic() + within_s
    meters = {meter.id: meter for meter in portfolio.meters}
    waiting = rollup.stale()
    known = [own for own in waiting if own.meter in meters and meters[own.meter].kind is not MeterKind.WEATHER]
    others = {own.meter for own in waiting} - {own.meter for own in known}
    rollup.replace([(own, None) for own in waiting if own.meter in others])
    done = 0
    for some in _alike(known):
        if done and time.monotonic() > until_s:
            break
        first = min(day_of_us(own.first_us) for own in some) - dt.timedelta(days=1)
        last = min(max(day_of_us(own.last_us) for own in some) + dt.timedelta(days=1), max(today, first))
        own_meters = tuple(meters[own.meter] for own in some)
        found = meter_days(store, settings, own_meters, Period.days(first, last))
        rollup.replace(list(zip(some, found, strict=True)))
        done += len(some)
    return done


def meter_days(store: ReadingStore, settings: Settings, meters: tuple[Meter, ...], period: Period) -> list[MeterDays]:
    """Hours and days of meters over whole days."""
    (energy,) = quarter_hours(store, settings, meters, period)
    daily = energy.daily_kwh()
    return [_of_meter(energy, daily, meter.id, period) for meter in meters]


def _of_meter(energy: IntervalEnergy, daily: pd.DataFrame, meter: str, period: Period) -> MeterDays:
    quarters = energy.energy_kwh[meter].to_numpy(np.float64).reshape(-1, HOURS_A_DAY, QUARTERS_AN_HOUR)
    measured = (energy.quality[meter].to_numpy() == Quality.MEASURED).reshape(quarters.shape)
    is_known = np.isfinite(quarters)
    power_kw = np.where(is_known, quarters * QUARTERS_AN_HOUR, -np.inf)
    hour_peak = power_kw.max(axis=2)
    in_day = power_kw.reshape(-1, QUARTERS_A_DAY)
    day_peak, place = in_day.max(axis=1), in_day.argmax(axis=1)
    starts = pd.DatetimeIndex(energy.energy_kwh.index).as_unit("us").asi8.reshape(-1, QUARTERS_A_DAY)
    return MeterDays(
        meter,
        period.first_day,
        np.where(is_known.any(axis=2), np.nansum(quarters, axis=2), np.nan),
        measured.mean(axis=2),
        np.where(np.isfinite(hour_peak), hour_peak, np.nan),
        daily[meter].to_numpy(np.float64),
        measured.mean(axis=(1, 2)),
        np.where(np.isfinite(day_peak), day_peak, np.nan),
        np.where(np.isfinite(day_peak), starts[np.arange(len(place)), place], -1),
    )


def _alike(known: Sequence[Stale]) -> list[list[Stale]]:
    """Meters whose stretches begin on the same day, to be computed together; news first, and what waits longest."""
    groups: list[list[Stale]] = []
    for own in sorted(known, key=lambda each: (is_long(each), each.first_us)):
        group = groups[-1] if groups else None
        if group and len(group) < METERS_AT_ONCE and day_of_us(group[0].first_us) == day_of_us(own.first_us):
            group.append(own)
        else:
            groups.append([own])
    return groups


def is_long(own: Stale) -> bool:
    """Whether more has to be computed than news."""
    return own.last_us - own.first_us > NEWS_US
