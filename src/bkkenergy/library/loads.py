"""A year of load for a design: given by a program, or typical of a building's kind."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bkkenergy.calendar import edges, past_year
from bkkenergy.errors import InputError
from bkkenergy.library.errors import warn
from bkkenergy.library.series import complete, energy_of
from bkkenergy.library.skies import solar_config
from bkkenergy.portfolio import Building, OpeningCalendar
from bkkenergy.solar.load import YearLoad, filled_year, typical_year_load

__all__ = ["year_load_of"]

DAYS_PER_YEAR = (365, 366)


def year_load_of(
    load: pd.Series | pd.DataFrame | None,
    floor_m2: float | None,
    building: Building,
    calendar: OpeningCalendar,
    *,
    day: dt.date,
) -> YearLoad:
    """Return a building's year of load: given, or typical of its kind and floor area. Raises InputError.

    A typical one is of the twelve whole months before the day, as on pages and in commands.
    """
    if load is not None:
        return _measured_load(load, calendar)
    if floor_m2 is None:
        raise InputError("there is neither a load nor a floor area. Give load=series of kWh, or floor_m2=.")
    starts = edges(past_year(day), "15min")[:-1]
    loads = solar_config().typical_loads.wm2
    return typical_year_load(starts, floor_m2, loads[str(building.type)], calendar.open_hours)


def _measured_load(load: pd.Series | pd.DataFrame, calendar: OpeningCalendar) -> YearLoad:
    energy = complete(energy_of(load, what="load"), what="load")
    starts = pd.DatetimeIndex(energy.index)
    days = (starts[-1] - starts[0] + (starts[1] - starts[0])) / pd.Timedelta(days=1)
    if round(days) not in DAYS_PER_YEAR:
        raise InputError(f"load covers {days:,.1f} days. The bills of a year need a whole year: load['2025'].")
    year = filled_year(energy.to_numpy(np.float64), starts, calendar.is_open)
    if year is None:
        raise InputError("load has less than two weeks of values. Leave it out and give floor_m2, for a typical load.")
    if year.measured_ratio < 1:
        warn(f"{1 - year.measured_ratio:.1%} of the load is not known, and filled by like days.")
    return year
