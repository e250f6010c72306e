"""The demonstration's portfolio as records of its own state, so that the app's forms can change it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state import open_state
from bkkenergy.demo.programme import programme_edits
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.edits import Put
from bkkenergy.site import Configuration
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.site.portfolio_source import load_current
from bkkenergy.usecases.portfolio import change, portfolio_state, replace_all

STATION_AT = "environment.headquarters"
PV_KWP = {"district-dindaeng.school-1": 90.0, "district-bangkhen.school-1": 80.0}
"""Buildings with PV, and its size; made up."""
BILLED = {"district-bangkhen.office": "900000001", "district-phayathai.office": "900000002"}
"""Buildings with an electricity account, and its number; made up."""


def enter_records(config: Configuration, actor: Actor, now: dt.datetime) -> Configuration:
    """Make the portfolio records of the site's state, with a weather station, PV plants, electricity accounts
    and the programme; return the configuration with them.
    """
    state = open_state(config.settings.state)
    try:
        site = portfolio_state(config, state)
        is_of_files = config.portfolio.revision == 0
        records = read_folder(config.folder).records if is_of_files else config.portfolio.records
        replace_all(site, actor, records, why="demonstration", now=now)
        if edits := _edits(config.portfolio, now.date()):
            change(site, actor, edits, why="demonstration", from_day=None, expected_revision=None, now=now)
    finally:
        state.dispose()
    return replace(config, portfolio=load_current(config.folder, config.settings, today=now.date()))


def _edits(portfolio: Portfolio, today: dt.date) -> list[Put]:
    """Return what the demonstration has beside the files' records, of the buildings that there are."""
    buildings = portfolio.buildings
    edits = [_station(buildings[STATION_AT])] if STATION_AT in buildings else []
    for name, kwp in PV_KWP.items():
        if name in buildings:
            edits += _pv(buildings[name], kwp, today)
    edits += [_account(buildings[name], portfolio, number) for name, number in BILLED.items() if name in buildings]
    return [*edits, *programme_edits(portfolio, today)]


def _meter(building: Building, name: str, **fields: Any) -> Put:
    body = {
        "id": f"{building.id}.{name}",
        "building": building.id,
        "topic": f"bma/{building.id.replace('.', '/')}/{name}/readings",
    }
    return Put("meter", body | fields)


def _station(building: Building) -> Put:
    return _meter(building, "sky", kind="weather", rated_kw=1.0, name_th="สถานีตรวจอากาศ", name_en="Weather station")


def _pv(building: Building, kwp: float, today: dt.date) -> list[Put]:
    meter = _meter(
        building, "pv", pv=True, rated_kw=kwp, register_digits=7, name_th="มิเตอร์โซลาร์รูฟท็อป", name_en="PV meter"
    )
    plant = {
        "id": f"{building.id.replace('.', '-')}-roof",
        "building": building.id,
        "capacity_kwp": kwp,
        "roofs": [roof.id for roof in building.roofs],
        "meters": [f"{building.id}.pv"],
        "commissioned": today.replace(year=today.year - 2, day=1).isoformat(),
    }
    return [meter, Put("pv_plant", plant)]


def _account(building: Building, portfolio: Portfolio, number: str) -> Put:
    body = {
        "id": f"{building.id.replace('.', '-')}-mea",
        "utility": "mea",
        "number": number,
        "schedule": portfolio.schedule_of(building),
        "buildings": [building.id],
    }
    return Put("account", body)
