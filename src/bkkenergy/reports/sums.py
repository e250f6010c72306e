"""Sums and curves of a report's meters and buildings, each made once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, on_days
from bkkenergy.metering.demand import demand_kw
from bkkenergy.metering.quarters import QuarterHours
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray

HOURS_PER_DAY = 24


class PeriodSums:
    """Sums of every meter and curves of every building, computed once for the whole report."""

    def __init__(
        self,
        energy: QuarterHours,
        exported: QuarterHours,
        period: Period,
        buildings: Sequence[Building],
        priced: Sequence[tuple[dt.date, dt.date]],
    ) -> None:
        """Energy : over the period and the weeks compared with. exported : over the period. priced : first and last
        days of the parts of the period on which a kWh has one price.
        """
        start, end = period.start, period.end
        self._accepted_kwh = energy.energy_kwh
        self.daily_kwh = energy.daily_kwh()
        self.daily_coverage_ratio = energy.daily_coverage_ratio()
        self.dates = list(pd.DatetimeIndex(self.daily_kwh.index).date)
        self.total_kwh: dict[str, float] = _by_meter(energy.total_kwh(start, end))
        parts = [Period.days(first_day, last_day) for first_day, last_day in priced]
        self.priced_kwh: list[dict[str, float]] = (
            [self.total_kwh]
            if len(parts) == 1
            else [_by_meter(energy.total_kwh(part.start, part.end)) for part in parts]
        )
        self.exported_kwh: dict[str, float] = _by_meter(exported.total_kwh(start, end))
        self.coverage_ratio: dict[str, float] = _by_meter(energy.coverage_ratio(start, end))
        self.waiting_days: dict[str, int] = _by_meter(energy.waiting_days(start, end))
        self.in_period = np.asarray((energy.energy_kwh.index >= start) & (energy.energy_kwh.index < end))
        self.power_kw = _together_kw(energy.known_kwh, buildings)
        self.measured_kw = _together_kw(energy.demand_kwh, buildings)[self.in_period]
        own_kw = self.power_kw[self.in_period]
        self.profile_kw = _mean_day_kw(own_kw)
        self.hour_kw = _hourly_kw(self.power_kw if period.kind == "day" else own_kw)

    def day_quarters_kwh(self, meters: Sequence[str]) -> dict[dt.date, FloatArray]:
        """Return (96, m) accepted energy of each quarter-hour of some meters by day; NaN where nothing is known."""
        values = self._accepted_kwh[list(meters)].to_numpy(np.float64)
        return dict(zip(self.dates, values.reshape(len(self.dates), -1, len(meters)), strict=True))

    def usual_profiles(self, days: Mapping[str, Sequence[dt.date]]) -> dict[str, FloatArray]:
        """(24,) mean power of each hour over some days, by building: those of like days together."""
        alike: dict[tuple[dt.date, ...], list[str]] = {}
        for name, day_set in days.items():
            alike.setdefault(tuple(day_set), []).append(name)
        profiles: dict[str, FloatArray] = {}
        for day_set, names in alike.items():
            profiles |= _mean_day_kw(self.power_kw.loc[on_days(self.power_kw.index, day_set), names])
        return profiles


def compared_dates(period: Period, weeks: int) -> dict[dt.date, list[dt.date]]:
    """Map each day of the period to the same weekday of the `weeks` weeks that end before it begins."""
    dates = {}
    for day in period.dates:
        whole_weeks = (day - period.first_day).days // 7 + 1
        dates[day] = [day - dt.timedelta(weeks=whole_weeks + n) for n in range(weeks)]
    return dates


def _together_kw(energy_kwh: pd.DataFrame, buildings: Sequence[Building]) -> pd.DataFrame:
    """(k, buildings) mean power of each building's main meters together; NaN where one of them is not known."""
    columns = {}
    for building in buildings:
        mains = [meter.id for meter in building.main_meters]
        one = len(mains) == 1
        columns[building.id] = energy_kwh[mains[0]] if one else energy_kwh[mains].sum(axis=1, skipna=False, min_count=1)
    return pd.DataFrame({name: demand_kw(column) for name, column in columns.items()}, index=energy_kwh.index)


def _by_meter(values: pd.Series) -> dict[str, Any]:
    return dict(zip(values.index, values.tolist(), strict=True))


def _mean_day_kw(power_kw: pd.DataFrame) -> dict[str, FloatArray]:
    """(24,) mean power of each hour of the day, by column; NaN where an hour is unknown."""
    profiles: dict[str, FloatArray] = {}
    for part in _parts(power_kw):
        by_hour = part.groupby(pd.DatetimeIndex(part.index).hour).mean().reindex(range(HOURS_PER_DAY))
        profiles |= {name: by_hour[name].to_numpy(np.float64) for name in by_hour.columns}
    return profiles


def _hourly_kw(power_kw: pd.DataFrame) -> dict[str, FloatArray]:
    """Mean power of each hour, by column; NaN where an hour is unknown."""
    hourly_of: dict[str, FloatArray] = {}
    for part in _parts(power_kw):
        hourly = part.resample("h").mean()
        hourly_of |= {name: hourly[name].to_numpy(np.float64) for name in hourly.columns}
    return hourly_of


def _parts(power_kw: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Columns that are known wholly, together, and those with gaps one by one.

    pandas adds the columns of a frame that has a gap anywhere in another way: no building's last digit may hang on its
    neighbours' gaps.
    """
    is_whole = power_kw.notna().all()
    whole = [name for name in power_kw.columns if is_whole[name]]
    if whole:
        yield power_kw[whole]
    for name in power_kw.columns:
        if not is_whole[name]:
            yield power_kw[[name]]
