"""What PV plants that are entered in the portfolio make: energy by their meters, against their capacity."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building, Meter, Portfolio
from bkkenergy.portfolio.belongings import mean_capacity_kwp, plants_of
from bkkenergy.ports.ledger import LedgerReader
from bkkenergy.usecases.energy import meters_energy_kwh

MIN_KNOWN_RATIO = 0.9
"""Of less than this share of a period no yield is given: it would look poor for want of data."""


@dataclass(frozen=True, slots=True)
class PlantYield:
    """A PV plant in a period.

    capacity_kwp : as it is now. energy_kwh : that its meters counted in the quarter-hours that are known, of which
    known_ratio says how many; None where no meter counts it. yield_kwh_per_kwp : by the mean of its days' capacities;
    None where less than nine tenths of the period are known.
    """

    id: str
    capacity_kwp: float
    inverter_kw: float | None
    commissioned: dt.date | None
    owner: str
    meters: tuple[Meter, ...]
    energy_kwh: float | None
    known_ratio: float
    yield_kwh_per_kwp: float | None


def plant_yields(ledger: LedgerReader, portfolio: Portfolio, building: Building, period: Period) -> list[PlantYield]:
    """Return what each PV plant of a building made in a period. Raises StoreUnavailable."""
    by_id = {meter.id: meter for meter in portfolio.meters}
    plants: list[PlantYield] = []
    for plant in plants_of(portfolio, building.id):
        meters = tuple(by_id[name] for name in plant.meters if name in by_id)
        each_kwh = meters_energy_kwh(ledger, meters, period, "15min").sum(axis=1)
        known = np.isfinite(each_kwh) if meters else np.zeros(len(each_kwh), np.bool_)
        energy_kwh = float(each_kwh[known].sum()) if known.any() else None
        known_ratio = float(known.mean()) if len(known) else 0.0
        mean_kwp = mean_capacity_kwp(portfolio, plant, period.first_day, period.last_day)
        is_known = energy_kwh is not None and known_ratio >= MIN_KNOWN_RATIO and mean_kwp > 0
        plants.append(
            PlantYield(
                plant.id,
                plant.capacity_kwp,
                plant.inverter_kw,
                plant.commissioned,
                plant.owner,
                meters,
                energy_kwh,
                known_ratio,
                energy_kwh / mean_kwp if is_known and energy_kwh is not None else None,
            )
        )
    return plants


def plants_record(plants: Sequence[PlantYield]) -> list[dict[str, Any]]:
    """Return plants as plain records, the same for the command line's JSON and the API."""
    return [
        {
            "plant": plant.id,
            "capacity_kwp": plant.capacity_kwp,
            "inverter_kw": plant.inverter_kw,
            "commissioned": plant.commissioned and plant.commissioned.isoformat(),
            "meters": [meter.id for meter in plant.meters],
            "energy_kwh": plant.energy_kwh,
            "known_ratio": round(plant.known_ratio, 4),
            "yield_kwh_per_kwp": plant.yield_kwh_per_kwp,
        }
        for plant in plants
    ]


def plant_text(plant: PlantYield, words: Words) -> str:
    """Say of a plant what it is, what counts it, and what it made."""
    since = "" if plant.commissioned is None else words("balance.plant_since", day=words.date(plant.commissioned))
    meters = ", ".join(words.either(th=meter.name_th, en=meter.name_en) for meter in plant.meters)
    output = words(
        "balance.plant_made" if plant.yield_kwh_per_kwp is not None else "balance.plant_counted",
        energy=words.number(plant.energy_kwh),
        yield_kwh=words.number(plant.yield_kwh_per_kwp, 1),
        known=words.percent(plant.known_ratio, 1),
        meters=meters,
    )
    if not plant.meters:
        output = words("balance.plant_unmetered")
    return words("balance.plant", plant=plant.id, kwp=words.number(plant.capacity_kwp, 1), since=since, made=output)
