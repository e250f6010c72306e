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
    """The factor that holds in a year (C.E.). Raises LookupError when there is none."""
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
    """An agency's emissions from electricity bought in a year, by the location-based method (GHG Protocol scope 2).

    Raises LookupError when no footprint factor is entered.
    """
    factor = factor_for(factors, year, "footprint")
    return Emission(co2e_kg=emissions_kg(energy_kwh, factor), energy_kwh=energy_kwh, is_avoided=False, factor=factor)


def avoided(energy_kwh: float, factors: Sequence[GridFactor], year: int, purpose: Purpose = "project") -> Emission:
    """What a saving or PV keeps from being emitted; projects have a factor of their own (T-VER, JCM).

    Raises LookupError when no factor of the purpose is entered.
    """
    factor = factor_for(factors, year, purpose)
    return Emission(co2e_kg=emissions_kg(energy_kwh, factor), energy_kwh=energy_kwh, is_avoided=True, factor=factor)


def emissions_kg(energy_kwh: float, factor: GridFactor) -> float:
    """Emissions of energy taken from the grid, kgCO2e."""
    return energy_kwh * factor.kg_co2e_per_kwh
