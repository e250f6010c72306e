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


def emissions_kg(energy_kwh: float, factor: GridFactor) -> float:
    """Emissions of energy taken from the grid, kgCO2e."""
    return energy_kwh * factor.kg_co2e_per_kwh
