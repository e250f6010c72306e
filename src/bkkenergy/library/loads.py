"""A year of load for a design: given by a program, or typical of a building's kind."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.library.errors import warn
from bkkenergy.library.packaged import figures
from bkkenergy.library.series import complete, energy_of
from bkkenergy.library.skies import solar_config
from bkkenergy.portfolio import Building, OpeningCalendar
from bkkenergy.solar.load import YearLoad, filled_year, typical_year_load

__all__ = ["bill_year", "year_load_of"]

DAYS_PER_YEAR = (365, 366)


def year_load_of(
    load: pd.Series | pd.DataFrame | None, floor_m2: float | None, building: Building, calendar: OpeningCalendar
) -> YearLoad:
    """Return a building's year of load: given, or typical of its kind and floor area. Raises InputError."""
    if load is not None:
        return _measured_load(load, calendar)
    if floor_m2 is None:
        raise InputError("there is neither a load nor a floor area. Give load=series of kWh, or floor_m2=.")
    year = bill_year()
    starts = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="15min", tz=BANGKOK, inclusive="left")
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


def bill_year() -> int:
    """Return the newest year of which every Ft is entered."""
    newest = max(figures().tariffs.ft, key=lambda ft: ft.valid_from)
    last_day = newest.valid_from.replace(month=12, day=31)
    return last_day.year if newest.standing_on(last_day) != "expired" else last_day.year - 1
