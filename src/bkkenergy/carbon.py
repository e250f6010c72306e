"""Emissions of grid electricity, by the factor of a purpose and a year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from bkkenergy.tomlfiles import Frozen

Purpose = Literal["footprint", "project"]


class GridFactor(Frozen):
    """kgCO2e of a kWh from the grid, from a year on, for one purpose.

    purpose : "footprint" for an organisation's scope 2, "project" for T-VER and JCM.
    """

    purpose: Purpose
    from_year: Annotated[int, Field(ge=1990, le=2100)]
    kg_co2e_per_kwh: Annotated[float, Field(gt=0, lt=2)]
    source: Annotated[str, Field(min_length=1)]
    entered: dt.date


def factor_for(factors: Sequence[GridFactor], year: int, purpose: Purpose) -> GridFactor:
    """Return the grid factor that holds in a year.

    Parameters
    ----------
    factors : sequence of GridFactor
        Factors by purpose, each with the year from which it holds.
    year : int
        Year of the common era.
    purpose : {"footprint", "project"}
        An organisation's scope 2, or T-VER and JCM projects.

    Returns
    -------
    GridFactor
        The factor [kgCO2e/kWh], with its source.

    Raises
    ------
    LookupError
        If none of the purpose is entered for the year.

    Examples
    --------
    >>> from bkkenergy.carbon import factor_for
    >>> from bkkenergy.library.packaged import figures
    >>> factor_for(figures().grid_factors, 2025, "footprint").kg_co2e_per_kwh
    0.4999
    """
    holding = [factor for factor in factors if factor.purpose == purpose and factor.from_year <= year]
    if not holding:
        raise LookupError(f"no grid factor for {purpose} in {year}. Enter one in config/factors.toml.")
    return max(holding, key=lambda factor: factor.from_year)


class Emission(Frozen):
    """An amount that names its factor: kgCO2e, positive where avoided when `is_avoided`."""

    co2e_kg: float
    energy_kwh: float
    is_avoided: bool
    factor: GridFactor


def scope_2(energy_kwh: float, factors: Sequence[GridFactor], year: int) -> Emission:
    """Compute an agency's emissions from electricity bought in a year, by the location-based method.

    Parameters
    ----------
    energy_kwh : float
        Energy from the grid [kWh].
    factors : sequence of GridFactor
        Factors by purpose and year.
    year : int
        Year of the common era.

    Returns
    -------
    Emission
        Emissions [kgCO2e] with their factor.

    Raises
    ------
    LookupError
        If no footprint factor is entered.

    References
    ----------
    .. [1] World Resources Institute 2015, "GHG Protocol Scope 2 Guidance".

    Examples
    --------
    >>> from bkkenergy.carbon import scope_2
    >>> from bkkenergy.library.packaged import figures
    >>> round(scope_2(1_000.0, figures().grid_factors, 2025).co2e_kg, 1)
    499.9
    """
    factor = factor_for(factors, year, "footprint")
    return Emission(co2e_kg=emissions_kg(energy_kwh, factor), energy_kwh=energy_kwh, is_avoided=False, factor=factor)


def avoided(energy_kwh: float, factors: Sequence[GridFactor], year: int, purpose: Purpose = "project") -> Emission:
    """Compute what a saving or PV keeps from being emitted.

    Projects have a factor of their own.

    Parameters
    ----------
    energy_kwh : float
        Energy that is not taken from the grid [kWh].
    factors : sequence of GridFactor
        Factors by purpose and year.
    year : int
        Year of the common era.
    purpose : {"footprint", "project"}
        Whose factor holds.

    Returns
    -------
    Emission
        Avoided emissions [kgCO2e] with their factor.

    Raises
    ------
    LookupError
        If no factor of the purpose is entered.

    References
    ----------
    .. [1] Thailand Greenhouse Gas Management Organization (TGO), T-VER: grid emission factor for projects.

    Examples
    --------
    >>> from bkkenergy.carbon import avoided
    >>> from bkkenergy.library.packaged import figures
    >>> avoided(1_000.0, figures().grid_factors, 2025).is_avoided
    True
    """
    factor = factor_for(factors, year, purpose)
    return Emission(co2e_kg=emissions_kg(energy_kwh, factor), energy_kwh=energy_kwh, is_avoided=True, factor=factor)


def emissions_kg(energy_kwh: float, factor: GridFactor) -> float:
    """Compute the emissions of energy taken from the grid.

    Parameters
    ----------
    energy_kwh : float
        Energy [kWh].
    factor : GridFactor
        The factor [kgCO2e/kWh].

    Returns
    -------
    float
        Emissions [kgCO2e].

    Examples
    --------
    >>> from bkkenergy.carbon import emissions_kg
    >>> from bkkenergy.library.packaged import figures
    >>> factor = figures().grid_factors[0]
    >>> emissions_kg(1_000.0, factor) == 1_000.0 * factor.kg_co2e_per_kwh
    True
    """
    return energy_kwh * factor.kg_co2e_per_kwh
