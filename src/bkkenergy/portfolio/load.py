"""Reads config/portfolio and config/calendars.toml, and gathers every fault in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio.check import cross_check
from bkkenergy.portfolio.models import DEFAULT_TOPIC, Agency, Building, OpeningCalendar, Portfolio, local_midnight
from bkkenergy.tomlfiles import Table, read_toml, validated

KINDS = ("agency", "building")


@dataclass(slots=True)
class Findings:
    """What the files hold: models by id, where each stands, and the faults met on the way."""

    agencies: dict[str, Agency] = field(default_factory=dict)
    buildings: dict[str, Building] = field(default_factory=dict)
    calendars: dict[str, OpeningCalendar] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def load_portfolio(config_dir: Path, *, tariffs: frozenset[str] | None = None) -> Portfolio:
    """The site's portfolio. Raises ConfigError with every fault of every file.

    tariffs : the tariff ids that exist, to be checked against; None leaves that check out.
    """
    portfolio, faults = inspect_portfolio(config_dir, tariffs=tariffs)
    if faults:
        raise ConfigError(faults)
    return portfolio


def inspect_portfolio(config_dir: Path, *, tariffs: frozenset[str] | None = None) -> tuple[Portfolio, list[Fault]]:
    """What could be read of the portfolio, and every fault in it."""
    found = Findings()
    _read_calendars(config_dir / "calendars.toml", found)
    folder = config_dir / "portfolio"
    paths = sorted(folder.rglob("*.toml"))
    if not paths:
        found.faults.append(Fault(str(folder), "no *.toml file in this folder", "Put agencies and buildings there."))
    for path in paths:
        _read_file(path, found)
    portfolio = Portfolio(agencies=found.agencies, buildings=found.buildings, calendars=found.calendars)
    return portfolio, found.faults + cross_check(portfolio, found.places, tariffs)


def _read_calendars(path: Path, found: Findings) -> None:
    for where, table in _tables(path, ("calendar",), found):
        calendar, faults = validated(OpeningCalendar, table, where)
        found.faults += faults
        if calendar and _is_new(calendar.id, where, found.calendars, found):
            found.calendars[calendar.id] = calendar


def _read_file(path: Path, found: Findings) -> None:
    for where, table in _tables(path, KINDS, found):
        if ": agency[" in where:
            agency, faults = validated(Agency, table, where)
            if agency and _is_new(agency.id, where, found.agencies, found):
                found.agencies[agency.id] = agency
        else:
            building, faults = validated(Building, with_full_ids(table), where)
            if building and _is_new(building.id, where, found.buildings, found):
                found.buildings[building.id] = building
                found.places |= {meter.id: f"{where}.meters[{n}]" for n, meter in enumerate(building.meters)}
                found.places |= {
                    virtual.id: f"{where}.virtual_meters[{n}]"
                    for n, virtual in enumerate(building.virtual_meters)
                    if virtual.id not in found.places
                }
        found.faults += faults


def _tables(path: Path, kinds: tuple[str, ...], found: Findings) -> Iterator[tuple[str, Table]]:
    """Each [[kind]] table of a file with the place that it stands at."""
    try:
        document = read_toml(path)
    except ConfigError as error:
        found.faults += error.faults
        return
    for key, entries in document.items():
        if key not in kinds or not isinstance(entries, list):
            remedy = f"Write each entry under [[{']] or [['.join(kinds)}]]."
            found.faults.append(Fault(f"{path}: {key}", "this table is not known here", remedy))
            continue
        for number, table in enumerate(entries):
            yield f"{path}: {key}[{number}]", table


def _is_new(name: str, where: str, known: dict[str, Any], found: Findings) -> bool:
    if name in known:
        what = f"id {name!r} already stands at {found.places[name]}"
        found.faults.append(Fault(f"{where}.id", what, "Give each entry an id of its own."))
        return False
    found.places[name] = where
    return True


def with_full_ids(table: Table) -> Table:
    """A building as written by a person, with ids made whole and topics filled in.

    In the file a building's id is unique within its agency, and a meter's within its building.
    """
    agency, local = table.get("agency", ""), table.get("id", "")
    building_id = f"{agency}.{local}"
    full = table | {"id": building_id}
    if isinstance(table.get("meters"), list):
        full["meters"] = [_full_meter(meter, agency, local) for meter in table["meters"]]
    if isinstance(table.get("virtual_meters"), list):
        full["virtual_meters"] = [_full_virtual_meter(meter, building_id) for meter in table["virtual_meters"]]
    return full


def _full_virtual_meter(virtual: Table, building_id: str) -> Table:
    full: Table = virtual | {"id": f"{building_id}.{virtual.get('id', '')}", "building": building_id}
    for side in ("plus", "minus"):
        if isinstance(virtual.get(side), list):
            full[side] = [_full_meter_id(name, building_id) for name in virtual[side]]
    return full


def _full_meter_id(name: Any, building_id: str) -> Any:
    """A name within the building made whole; one that is whole already stays, so that the checks can judge it."""
    return name if not isinstance(name, str) or "." in name else f"{building_id}.{name}"


def _full_meter(meter: Table, agency: str, building: str) -> Table:
    prefix = f"{agency}.{building}"
    local = meter.get("id", "")
    full: Table = {"topic": DEFAULT_TOPIC.format(agency=agency, building=building, meter=local)} | meter
    full |= {"id": f"{prefix}.{local}", "building": prefix}
    if "parent" in meter:
        full["parent"] = f"{prefix}.{meter['parent']}"
    commissioned = meter.get("commissioned")
    if isinstance(commissioned, dt.date) and not isinstance(commissioned, dt.datetime):
        full["commissioned"] = local_midnight(commissioned)
    return full
