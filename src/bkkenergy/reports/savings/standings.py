"""How buildings compare: a year's intensity among peers, and the way to a designated building."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.more import Equipment
from bkkenergy.portfolio.spans import mean_floor_m2, mean_of_days
from bkkenergy.savings.designated import standing
from bkkenergy.savings.index import percentiles, rank_peers
from bkkenergy.site import Site
from bkkenergy.usecases.energy import main_energy_kwh
from bkkenergy.usecases.over import over

MIN_KNOWN_RATIO = 0.9
"""A year of which less was measured is not scaled up (CalTRACK)."""


def designation(
    site: Site, building: Building, day: dt.date, energy_kwh_a_year: float, *, is_known: bool
) -> dict[str, Any]:
    """Return what is installed and approved, where the building stands by the law, and its duties.

    is_known : whether the year was measured; else its energy can only be too low, and "below" is not known.
    """
    portfolio, rule = site.portfolio.on(day), site.savings.designated
    equipment: Mapping[str, Equipment] = portfolio.records.on("equipment", day)
    capacities = [
        one.count * one.capacity_kva
        for one in equipment.values()
        if one.building == building.id and one.kind == "transformer" and one.capacity_kva is not None
    ]
    approved = [
        account.contract_demand_kw
        for account in portfolio.accounts_of(building.id)
        if account.contract_demand_kw is not None
    ]
    size = {
        "installed_kva": sum(capacities) if capacities else None,
        "approved_kw": sum(approved) if approved else None,
    }
    reached = standing(rule, **size, energy_kwh_a_year=energy_kwh_a_year)
    if reached == "below" and not is_known:
        reached = "unknown"
    duties = reached == "reached"
    return {
        **size,
        "standing": reached,
        "persons": rule.persons_of(**size) if duties else None,
        "report_due": rule.next_report(day) if duties else None,
    }


def _per_driver(site: Site, building: Building, span: Period, year_kwh: float | None) -> dict[str, float]:
    """Return a year's energy by each thing that the building serves, as many as there were on the mean of its days."""

    def mean_of(driver: str) -> float | None:
        days = (span.first_day, span.last_day)
        return mean_of_days(site.portfolio, building, *days, lambda then: then.drivers.get(driver))

    means = {driver: mean_of(driver) for driver in building.drivers}
    return {driver: year_kwh / mean for driver, mean in means.items() if year_kwh is not None and mean is not None}


def _set_percentiles(rows: list[dict[str, Any]], eui_kwh_m2: Mapping[str, float]) -> None:
    """Enter into rows of one type what share of the others uses less, for each m2 and each thing that is served."""
    shares = percentiles(eui_kwh_m2)
    drivers = sorted({driver for row in rows for driver in row["kwh_per_driver"]})
    by_driver = {
        driver: percentiles({row["building"]: row["kwh_per_driver"].get(driver, np.nan) for row in rows})
        for driver in drivers
    }
    for row in rows:
        name = row["building"]
        row["percentile_ratio"] = shares.get(name)
        row["driver_percentile_ratio"] = {driver: known[name] for driver, known in by_driver.items() if name in known}
        row["driver_peers"] = {driver: len(known) for driver, known in by_driver.items() if name in known}


def index_rows(site: Site, buildings: list[Building], span: Period) -> list[dict[str, Any]]:
    """Return a row a building: its year, its intensity when nine tenths were measured, its rank among its type."""
    rows: list[dict[str, Any]] = []
    floors = {one.id: mean_floor_m2(site.portfolio, one, span.first_day, span.last_day) for one in buildings}
    for building in buildings:
        quarters = main_energy_kwh(*over(site.energy, site.portfolio, building, span), span)
        known = np.isfinite(quarters)
        energy = float(np.nansum(quarters))
        peak = float(np.nanmax(quarters)) * 4 if known.any() else 0.0
        is_known = bool(known.mean() >= MIN_KNOWN_RATIO)
        year_kwh = energy / known.mean() if is_known else energy
        rows.append(
            {
                "building": building.id,
                "type": str(building.type),
                "energy_kwh": energy,
                "coverage_ratio": float(known.mean()),
                "eui_kwh_m2": year_kwh / floors[building.id] if is_known else None,
                "peak_kw": peak,
                "kwh_per_driver": _per_driver(site, building, span, year_kwh if is_known else None),
                **designation(site, building, span.last_day, year_kwh, is_known=is_known),
            }
        )
    for kind in {row["type"] for row in rows}:
        own_rows = [row for row in rows if row["type"] == kind]
        known_eui = {row["building"]: row["eui_kwh_m2"] for row in own_rows if row["eui_kwh_m2"] is not None}
        ranks = {rank.building: rank for rank in rank_peers(known_eui, floors)}
        for row in own_rows:
            rank = ranks.get(row["building"])
            row |= {key: getattr(rank, key, None) for key in ("rank", "peers", "median_kwh_m2", "gap_kwh")}
        _set_percentiles(own_rows, known_eui)
    return sorted(rows, key=lambda row: (row["type"], row["rank"] or 10**6))
