"""Emissions of grid electricity by the factor of each year."""

from __future__ import annotations

from typing import overload

import pandas as pd

from bkkenergy.carbon import Purpose, emissions_kg, factor_for
from bkkenergy.errors import InputError
from bkkenergy.library.packaged import figures
from bkkenergy.library.series import energy_of

__all__ = ["emissions"]


@overload
def emissions(energy: float, *, year: int, purpose: Purpose = ...) -> float: ...
@overload
def emissions(energy: pd.Series | pd.DataFrame, *, year: None = ..., purpose: Purpose = ...) -> pd.Series: ...
def emissions(
    energy: float | pd.Series | pd.DataFrame, *, year: int | None = None, purpose: Purpose = "footprint"
) -> float | pd.Series:
    """Compute the emissions of electricity from the grid.

    Parameters
    ----------
    energy : float, Series or DataFrame
        Energy [kWh]. A series takes the factor of the year of each interval, in Bangkok.
    year : int, optional
        The year (C.E.) of a single amount.
    purpose : {"footprint", "project"}
        The factor of an organisation's scope 2, or of T-VER and JCM projects.

    Returns
    -------
    float or Series
        Emissions [kgCO2e]. A series carries its factors in ``attrs["sources"]``.

    Raises
    ------
    InputError
        If no factor is entered, or a single amount has no year.

    References
    ----------
    .. [1] World Resources Institute 2015, "GHG Protocol Scope 2 Guidance": the location-based method.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> round(bk.emissions(1000.0, year=2025), 1)
    499.9
    """
    factors = figures().grid_factors
    try:
        if isinstance(energy, (pd.Series, pd.DataFrame)):
            series = energy_of(energy, what="energy")
            years = pd.DatetimeIndex(series.index).year
            chosen = {int(one): factor_for(factors, int(one), purpose) for one in years.unique()}
            rates = pd.Series(years, series.index).map({one: factor.kg_co2e_per_kwh for one, factor in chosen.items()})
            co2e_kg = (series * rates).rename("co2e_kg")
            co2e_kg.attrs["sources"] = {one: factor.source for one, factor in chosen.items()}
            return co2e_kg
        if year is None:
            raise InputError("the factor depends on the year. Give it: year=2025.")
        return emissions_kg(energy, factor_for(factors, year, purpose))
    except LookupError as error:
        raise InputError(str(error)) from None
