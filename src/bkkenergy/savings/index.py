"""Indices: energy by area and by what a building serves, its place among peers, and the state's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bkkenergy.readings import FloatArray
from bkkenergy.tomlfiles import Frozen

MJ_A_KWH = 3.6
Standing = Literal["below", "near", "reached"]


class Designated(Frozen):
    """From where on a building is designated under the Energy Conservation Promotion Act."""

    transformer_kva: Annotated[float, Field(gt=0)]
    meter_kw: Annotated[float, Field(gt=0)]
    energy_mj_a_year: Annotated[float, Field(gt=0)]
    warn_at_ratio: Annotated[float, Field(gt=0, le=1)]
    source: Annotated[str, Field(min_length=1)]
    entered: dt.date


class StandardUse(Frozen):
    """A group's standard use: a constant and kWh a month for each unit of its drivers, of the state's measure."""

    group: str
    constant_kwh: float
    kwh_by_driver: dict[str, float]
    source: Annotated[str, Field(min_length=1)]
    entered: dt.date


def standing(designated: Designated, *, peak_kw: float, energy_kwh_a_year: float) -> Standing:
    """Whether a building is designated, or close to it.

    kVA are taken as kW: without reactive power they cannot be less.
    """
    shares = (
        peak_kw / designated.meter_kw,
        peak_kw / designated.transformer_kva,
        energy_kwh_a_year * MJ_A_KWH / designated.energy_mj_a_year,
    )
    highest = max(shares)
    return "reached" if highest >= 1 else "near" if highest >= designated.warn_at_ratio else "below"


def rolling_eui(month_kwh: FloatArray, floor_m2: float) -> FloatArray:
    """(n,) kWh/m2 of the twelve months up to each; NaN before there are twelve, or where one is not known."""
    sums = np.convolve(month_kwh, np.ones(12), "full")[: len(month_kwh)]
    sums[:11] = np.nan
    found: FloatArray = sums / floor_m2
    return found


@dataclass(frozen=True, slots=True)
class Rank:
    """A building among its peers by energy use intensity; rank 1 uses least. gap_kwh : to the best quarter."""

    building: str
    eui_kwh_m2: float
    rank: int
    peers: int
    median_kwh_m2: float
    quarter_kwh_m2: float
    gap_kwh: float


def rank_peers(eui_kwh_m2: Mapping[str, float], floor_m2: Mapping[str, float]) -> list[Rank]:
    """Buildings of one type in the order of their intensity."""
    known = {name: value for name, value in eui_kwh_m2.items() if np.isfinite(value)}
    if not known:
        return []
    median, quarter = np.quantile(list(known.values()), [0.5, 0.25])
    ordered = sorted(known.items(), key=lambda pair: pair[1])
    return [
        Rank(
            name,
            value,
            number,
            len(known),
            float(median),
            float(quarter),
            max(0.0, value - float(quarter)) * floor_m2[name],
        )
        for number, (name, value) in enumerate(ordered, 1)
    ]


def public_index(actual_kwh: float, standard: StandardUse, drivers: Mapping[str, float]) -> float:
    """The state's index: (standard use - actual use) / actual use; above zero is better than standard.

    EPPO's measure for public agencies. Raises KeyError with the driver that is missing.
    """
    use = standard.constant_kwh + sum(rate * drivers[name] for name, rate in standard.kwh_by_driver.items())
    return (use - actual_kwh) / actual_kwh


def submission_rows(
    month_kwh: Sequence[float], months: Sequence[dt.date], drivers: Mapping[str, float], floor_m2: float
) -> list[dict[str, object]]:
    """The fields that an agency enters into the national e-report each month, a row a month."""
    return [
        {"month": f"{month:%Y-%m}", "electricity_kwh": kwh, "floor_area_m2": floor_m2, **drivers}
        for month, kwh in zip(months, month_kwh, strict=True)
    ]
