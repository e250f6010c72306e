"""Balances as plain records, the same for the command line's JSON and the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bkkenergy.calendar import Step
from bkkenergy.portfolio import Building
from bkkenergy.usecases.balance import BuildingBalance, BuildingEnergy, SubMeters, VirtualEnergy
from bkkenergy.usecases.energy import KWH_DIGITS, listed_kwh
from bkkenergy.usecases.flows import Flow
from bkkenergy.usecases.plants import PlantYield, plants_record

FLOWS = ("grid_import", "grid_export", "production", "self_consumption", "tenants", "gross_use")
"""The flows of a balance, in the order in which they are shown."""


def flows_of(balance: BuildingBalance) -> dict[str, Flow | None]:
    """Return the flows of a balance by name, in order."""
    return {name: getattr(balance, name) for name in FLOWS}


def balance_record(
    building: Building, energy: BuildingEnergy, step: Step, plants: Sequence[PlantYield]
) -> dict[str, Any]:
    """Return a building's balance, virtual meters and PV plants; flows interval by interval."""
    return {
        "building": building.id,
        "step": step,
        "starts": [start.isoformat() for start in energy.starts],
        **{name: None if flow is None else _with_series(flow) for name, flow in flows_of(energy.balance).items()},
        "virtual_meters": [_virtual(virtual) for virtual in energy.virtual_meters],
        "pv_plants": plants_record(plants),
        "notes": [note.value for note in energy.balance.notes],
        "waiting_days": [day.isoformat() for day in energy.waiting],
    }


def sub_meters_record(building: Building, energy: BuildingEnergy) -> dict[str, Any]:
    """Return a building's sub-meters with the rest behind each main meter."""
    return {
        "building": building.id,
        "main_meters": [_sub_meters(split) for split in energy.sub_meters],
        "waiting_days": [day.isoformat() for day in energy.waiting],
    }


def _sub_meters(split: SubMeters) -> dict[str, Any]:
    parts = [
        {
            "meter": part.meter.id,
            "is_tenant": part.meter.tenant,
            "share_ratio": _rounded(part.share_ratio),
            **_totals(part.flow),
        }
        for part in split.parts
    ]
    return {
        "meter": split.meter.id,
        "whole": None if split.whole is None else _totals(split.whole),
        "sub_meters": parts,
        "rest": None if split.rest is None else _totals(split.rest),
        "rest_ratio": _rounded(split.rest_ratio),
        "sub_meters_exceed_main": split.exceed_main,
        "notes": [note.value for note in split.notes],
    }


def _virtual(virtual: VirtualEnergy) -> dict[str, Any]:
    purpose = None if virtual.meter.purpose is None else virtual.meter.purpose.value
    return {"meter": virtual.meter.id, "purpose": purpose, **_with_series(virtual.flow)}


def _totals(flow: Flow) -> dict[str, Any]:
    return {
        "total_kwh": None if flow.total_kwh is None else round(flow.total_kwh, KWH_DIGITS),
        "known_ratio": round(flow.known_ratio, 4),
        "measured_ratio": round(flow.measured_ratio, 4),
    }


def _with_series(flow: Flow) -> dict[str, Any]:
    return {**_totals(flow), "energy_kwh": listed_kwh(flow.energy_kwh)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
