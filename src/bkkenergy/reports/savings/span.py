"""What buildings share over the days that findings look at: none of it depends on a reading, so it is made once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, edges
from bkkenergy.portfolio import Building, Meter, OpeningCalendar
from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.savings.baseline import HOURS_PER_DAY, Series
from bkkenergy.savings.days import day_kinds, kinds_by_calendars
from bkkenergy.site import Site
from bkkenergy.tariff.compare import avoided_thb_per_kwh, blocks_used
from bkkenergy.tariff.schedule import Window
from bkkenergy.tariff.windows import dearest_demand, window_masks
from bkkenergy.usecases.energy import station_hours, station_of

Array = TypeVar("Array", BoolArray, FloatArray, IntArray)

QUARTERS_AN_HOUR = 4
DAYS_AHEAD = 21
"""Days to come, in which a long holiday begins and ends."""
QUARTERS_A_YEAR = 365 * HOURS_PER_DAY * QUARTERS_AN_HOUR


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """Days by an opening calendar: (m,) kind and is_open; hours (m, 2) opening and closing time, NaN where closed."""

    kind: IntArray
    is_open: BoolArray
    hours: FloatArray


@dataclass(frozen=True)
class FactsSpan:
    """Whole days up to the one that is judged. Its arrays are shared by all buildings: do not write into them."""

    site: Site
    period: Period
    _days: dict[tuple[int, ...], tuple[list[OpeningCalendar], CalendarDays]] = field(default_factory=dict)
    """By the calendar of each day; they are held, so that none is mistaken for another."""
    _prices: dict[tuple[object, ...], FloatArray] = field(default_factory=dict)
    _demands: dict[tuple[tuple[Window, float], ...], tuple[float, BoolArray]] = field(default_factory=dict)
    _temperatures: dict[str, FloatArray] = field(default_factory=dict)

    @cached_property
    def quarter_starts(self) -> pd.DatetimeIndex:
        """(n,) starts of the quarter-hours, in Bangkok's time."""
        return edges(self.period, "15min")[:-1]

    @cached_property
    def hour_starts(self) -> pd.DatetimeIndex:
        """(h,) starts of the hours, in Bangkok's time."""
        return self.quarter_starts[::QUARTERS_AN_HOUR].tz_convert(BANGKOK)

    @cached_property
    def year_starts(self) -> pd.DatetimeIndex:
        """(q,) starts of the last year's quarter-hours, in Bangkok's time."""
        return self.quarter_starts[-QUARTERS_A_YEAR:].tz_convert(BANGKOK)

    @cached_property
    def on_peak(self) -> BoolArray:
        """(h,) hours that are on-peak under time of use."""
        return _shared(window_masks(self.hour_starts, self.site.figures.tariffs)["on_peak"])

    @cached_property
    def dates(self) -> list[dt.date]:
        """Return every day."""
        return self.period.dates

    def days_of(self, building: Building) -> CalendarDays:
        """Return the days by the calendar that a building has on each: made once for those that share it."""
        days_open = self.site.portfolio.days_open(building)
        calendars = [days_open.on(day) for day in self.dates]
        key = tuple(id(calendar) for calendar in calendars)
        if key not in self._days:
            self._days[key] = calendars, calendar_days(self.dates, calendars)
        return self._days[key][1]

    def series_of(self, building: Building, energy_kwh: FloatArray) -> Series:
        """Return a building's hours. energy_kwh : (h,), of which the ledger refused what cannot be."""
        return Series(self.hour_starts, energy_kwh, self.temp_c(building), self.days_of(building).kind)

    def temp_c(self, building: Building) -> FloatArray | None:
        """(h,) air temperature by the nearest station; None where the portfolio has none."""
        station: Meter | None = station_of(self.site.portfolio, building)
        if station is None:
            return None
        if station.id not in self._temperatures:
            temp_c = station_hours(self.site.energy, station, self.period)["temp_air_c"].to_numpy(np.float64)
            self._temperatures[station.id] = temp_c
        return self._temperatures[station.id]

    def ahead(self, building: Building) -> tuple[BoolArray, BoolArray]:
        """Return on which days after the last a building is open, and which of them are a holiday or closure."""
        days_open, last = self.site.portfolio.days_open(building), self.dates[-1]
        days = [last + dt.timedelta(days=number) for number in range(1, DAYS_AHEAD + 1)]
        opening = np.array([days_open.on(day).is_open(day) for day in days], np.bool_)
        return opening, day_kinds(days, days_open) > 0

    def demand(self, thb_per_kw: Mapping[Window, float]) -> tuple[float, BoolArray]:
        """Return the highest price of demand, and the last year's quarter-hours that can set it: made once for each."""
        key = tuple(sorted(thb_per_kw.items()))
        if key not in self._demands:
            price, is_charged = dearest_demand(self.year_starts, thb_per_kw, self.site.figures.tariffs)
            self._demands[key] = price, _shared(is_charged)
        return self._demands[key]

    def thb_per_kwh(self, building: Building, energy_kwh_a_month: float) -> FloatArray:
        """(h,) what a kWh saved in each hour is worth: the same for buildings that end the month in the same blocks."""
        tariffs = self.site.figures.tariffs
        schedule = tariffs.schedules[self.site.portfolio.schedule_of(building)]
        key = (schedule.id, *blocks_used(schedule, energy_kwh_a_month))
        if key not in self._prices:
            price = avoided_thb_per_kwh(self.hour_starts, schedule, tariffs, energy_kwh_a_month=energy_kwh_a_month)
            self._prices[key] = _shared(price)
        return self._prices[key]


def calendar_days(days: Sequence[dt.date], calendars: Sequence[OpeningCalendar]) -> CalendarDays:
    """Days by the calendar of each."""
    hours = [calendar.open_hours(day) for day, calendar in zip(days, calendars, strict=True)]
    return CalendarDays(
        kind=_shared(kinds_by_calendars(days, calendars)),
        is_open=_shared(np.array([span is not None for span in hours], np.bool_)),
        hours=_shared(np.array([span or (np.nan, np.nan) for span in hours])),
    )


def _shared(values: Array) -> Array:
    values.flags.writeable = False
    return values
