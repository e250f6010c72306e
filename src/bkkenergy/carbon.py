"""Emissions of grid electricity, by the factor of a purpose and a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from bkkenergy.dated import DatedFigure, holding
from bkkenergy.errors import InputError, WrongValue
from bkkenergy.readings import FloatArray
from bkkenergy.tomlfiles import Frozen

Purpose = Literal["footprint", "upstream", "project"]


class GridFactor(DatedFigure):
    """kgCO2e of a kWh from the grid, from a day on, for one purpose.

    purpose : "footprint" for an organisation's scope 2, "upstream" for its scope 3 category 3 (fuel and losses behind
        the kWh), "project" for T-VER and JCM.
    method : of a project's factor, the method that it belongs to ("TH_AM001"); None where it is of none in particular.
    """

    purpose: Purpose
    method: Annotated[str, Field(min_length=1)] | None = None
    kg_co2e_per_kwh: Annotated[float, Field(gt=0, lt=2)]

    @model_validator(mode="after")
    def _has_a_method_in_projects_alone(self) -> Self:
        if self.method is not None and self.purpose != "project":
            raise WrongValue("factor_without_method", purpose=self.purpose)
        return self


def factor_on(
    factors: Sequence[GridFactor], day: dt.date, purpose: Purpose, *, method: str | None = None
) -> GridFactor:
    """Return the grid factor of a purpose that holds on a day.

    Parameters
    ----------
    factors : sequence of GridFactor
        Factors by purpose, each with the day from which it holds.
    day : date
        The day.
    purpose : {"footprint", "upstream", "project"}
        An organisation's scope 2, its scope 3 category 3, or T-VER and JCM projects.
    method : str, optional
        The project's method; without one, the factor that is of none in particular.

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
    of_purpose = [one for one in factors if (one.purpose, one.method) == (purpose, method)]
    if (factor := holding(of_purpose, day)) is None:
        raise InputError.of("no_factor", purpose=method or purpose, day=day)
    return factor


def daily_factors(
    factors: Sequence[GridFactor], first: dt.date, last: dt.date, purpose: Purpose
) -> list[GridFactor | None]:
    """Return the factor of each day.

    Parameters
    ----------
    factors : sequence of GridFactor
        Factors by purpose, each with the day from which it holds.
    first, last : date
        The days, both included.
    purpose : {"footprint", "upstream", "project"}
        Whose factor.

    Returns
    -------
    list of GridFactor or None
        One for each day; None before the first factor.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.carbon import daily_factors
    >>> from bkkenergy.library.packaged import figures
    >>> two_days = dt.date(2025, 12, 31), dt.date(2026, 1, 1)
    >>> [factor.kg_co2e_per_kwh for factor in daily_factors(figures().grid_factors, *two_days, "footprint")]
    [0.4999, 0.475]
    """
    of_purpose = [one for one in factors if one.purpose == purpose and one.method is None]
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    return [holding(of_purpose, day) for day in days]


def emitted_kg(daily_kwh: FloatArray, factors: Sequence[GridFactor | None]) -> float | None:
    """Sum the emissions of days, each by its own factor.

    Parameters
    ----------
    daily_kwh : (n,) float array
        Energy of each day [kWh]; NaN where nothing is known of it.
    factors : sequence of GridFactor or None
        The factor of each day.

    Returns
    -------
    float or None
        Emissions [kgCO2e]; None where a day with energy has no factor.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.carbon import emitted_kg
    >>> from bkkenergy.library.packaged import figures
    >>> factors = figures().grid_factors[:2]
    >>> round(emitted_kg(np.array([100.0, 100.0]), factors), 2)
    97.49
    >>> emitted_kg(np.array([100.0, np.nan]), [factors[0], None])
    49.99
    """
    known_kwh = np.nan_to_num(daily_kwh)
    each_kg = np.array([np.nan if factor is None else factor.kg_co2e_per_kwh for factor in factors], np.float64)
    has_energy = known_kwh != 0
    if np.isnan(each_kg[has_energy]).any():
        return None
    return float((known_kwh[has_energy] * each_kg[has_energy]).sum())


def in_order(factors: Iterable[GridFactor | None]) -> tuple[GridFactor, ...]:
    """Return each factor once, by the day from which it holds; where there is none, nothing.

    Parameters
    ----------
    factors : iterable of GridFactor or None
        Factors of days.

    Returns
    -------
    tuple of GridFactor
        The factors.

    Examples
    --------
    >>> from bkkenergy.carbon import in_order
    >>> from bkkenergy.library.packaged import figures
    >>> old, new = figures().grid_factors[:2]
    >>> in_order([new, None, old, new]) == (old, new)
    True
    """
    return tuple(sorted({factor for factor in factors if factor}, key=lambda factor: factor.valid_from))


class Emission(Frozen):
    """An amount that names its factor: kgCO2e, positive where avoided when `is_avoided`."""

    co2e_kg: float
    energy_kwh: float
    is_avoided: bool
    factor: GridFactor


def avoided(
    energy_kwh: float,
    factors: Sequence[GridFactor],
    day: dt.date,
    purpose: Purpose = "project",
    *,
    method: str | None = None,
) -> Emission:
    """Compute what a saving or PV keeps from being emitted.

    Projects have a factor of their own: that of their method, where it is entered for the day.

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
    method : str, optional
        The project's method; where none is entered of it, the factor that is of none in particular is taken.

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
    by_method = [one for one in factors if method is not None and one.purpose == purpose and one.method == method]
    factor = holding(by_method, day) or factor_on(factors, day, purpose)
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
