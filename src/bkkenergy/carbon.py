"""Emissions of grid electricity, by the factor of a purpose and a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from bkkenergy.dated import DatedFigure, holding
from bkkenergy.errors import InputError
from bkkenergy.tomlfiles import Frozen

Purpose = Literal["footprint", "upstream", "project"]


class GridFactor(DatedFigure):
    """kgCO2e of a kWh from the grid, from a day on, for one purpose.

    purpose : "footprint" for an organisation's scope 2, "upstream" for its scope 3 category 3 (fuel and losses behind
        the kWh), "project" for T-VER and JCM.
    """

    purpose: Purpose
    kg_co2e_per_kwh: Annotated[float, Field(gt=0, lt=2)]


def factor_on(factors: Sequence[GridFactor], day: dt.date, purpose: Purpose) -> GridFactor:
    """Return the grid factor of a purpose that holds on a day.

    Parameters
    ----------
    factors : sequence of GridFactor
        Factors by purpose, each with the day from which it holds.
    day : date
        The day.
    purpose : {"footprint", "upstream", "project"}
        An organisation's scope 2, its scope 3 category 3, or T-VER and JCM projects.

    Returns
    -------
    GridFactor
        The factor [kgCO2e/kWh], with its source.

    Raises
    ------
    InputError
        If none of the purpose is entered for the day.

    References
    ----------
    .. [1] Thailand Greenhouse Gas Management Organization (TGO): emission factors of grid electricity for the
       footprints of organisations, by the days on which they hold.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.carbon import factor_on
    >>> from bkkenergy.library.packaged import figures
    >>> factors = figures().grid_factors
    >>> [factor_on(factors, dt.date(year, 6, 1), "footprint").kg_co2e_per_kwh for year in (2025, 2026)]
    [0.4999, 0.475]
    """
    if (factor := holding([one for one in factors if one.purpose == purpose], day)) is None:
        raise InputError.of("no_factor", purpose=purpose, day=day)
    return factor


class Emission(Frozen):
    """An amount that names its factor: kgCO2e, positive where avoided when `is_avoided`."""

    co2e_kg: float
    energy_kwh: float
    is_avoided: bool
    factor: GridFactor


def avoided(energy_kwh: float, factors: Sequence[GridFactor], day: dt.date, purpose: Purpose = "project") -> Emission:
    """Compute what a saving or PV keeps from being emitted.

    Projects have a factor of their own.

    Parameters
    ----------
    energy_kwh : float
        Energy that is not taken from the grid [kWh].
    factors : sequence of GridFactor
        Factors by purpose and year.
    day : date
        A day on which it is not taken.
    purpose : {"footprint", "upstream", "project"}
        Whose factor holds.

    Returns
    -------
    Emission
        Avoided emissions [kgCO2e] with their factor.

    Raises
    ------
    InputError
        If no factor of the purpose is entered for the day.

    References
    ----------
    .. [1] Thailand Greenhouse Gas Management Organization (TGO), T-VER: grid emission factor for projects.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.carbon import avoided
    >>> from bkkenergy.library.packaged import figures
    >>> avoided(1_000.0, figures().grid_factors, dt.date(2025, 6, 1)).is_avoided
    True
    """
    factor = factor_on(factors, day, purpose)
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
