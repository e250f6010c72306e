"""Emissions of grid electricity by the factor of each day."""

from __future__ import annotations

import datetime as dt
from typing import overload

import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.carbon import Purpose, emissions_kg, factor_on
from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked, day_named
from bkkenergy.library.packaged import figures
from bkkenergy.library.series import energy_of

__all__ = ["emissions"]


@overload
def emissions(energy: float, *, day: str | dt.date, purpose: Purpose = ...) -> float: ...
@overload
def emissions(energy: pd.Series | pd.DataFrame, *, day: None = ..., purpose: Purpose = ...) -> pd.Series: ...
@checked
def emissions(
    energy: float | pd.Series | pd.DataFrame, *, day: str | dt.date | None = None, purpose: Purpose = "footprint"
) -> float | pd.Series:
    """Compute the emissions of electricity from the grid.

    Parameters
    ----------
    energy : float, Series or DataFrame
        Energy [kWh]. A series takes the factor of the day of each interval, in Bangkok.
    day : str or date, optional
        The day of a single amount, as 2026-06-01.
    purpose : {"footprint", "upstream", "project"}
        The factor of an organisation's scope 2, of its scope 3 category 3, or of T-VER and JCM projects.

    Returns
    -------
    float or Series
        Emissions [kgCO2e]. A series carries its factors in ``attrs["sources"]``, by the day from which they hold.

    Raises
    ------
    InputError
        If no factor is entered, or a single amount has no day.

    References
    ----------
    .. [1] World Resources Institute 2015, "GHG Protocol Scope 2 Guidance": the location-based method.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> round(bk.emissions(1000.0, day="2025-06-01"), 1), round(bk.emissions(1000.0, day="2026-06-01"), 1)
    (499.9, 475.0)
    """
    factors = figures().grid_factors
    if isinstance(energy, (pd.Series, pd.DataFrame)):
        series = energy_of(energy, what="energy")
        days = pd.DatetimeIndex(series.index).tz_convert(BANGKOK).normalize()
        chosen = {one: factor_on(factors, one.date(), purpose) for one in days.unique()}
        rates = pd.Series(days, series.index).map({one: factor.kg_co2e_per_kwh for one, factor in chosen.items()})
        co2e_kg = (series * rates).rename("co2e_kg")
        co2e_kg.attrs["sources"] = {str(factor.valid_from): factor.source for factor in chosen.values()}
        return co2e_kg
    if day is None:
        raise InputError('the factor depends on the day. Give it: day="2026-06-01".')
    return emissions_kg(energy, factor_on(factors, day_named(day), purpose))
