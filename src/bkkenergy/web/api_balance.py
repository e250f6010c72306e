"""The JSON API of balances: where a building's energy comes from and goes, and its sub-meters with the rest."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, Literal, get_args

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from bkkenergy.calendar import Period
from bkkenergy.tariff.schedule import Window
from bkkenergy.usecases.balance import Note, building_energy
from bkkenergy.usecases.balance_record import balance_record, sub_meters_record
from bkkenergy.usecases.gross import pv_of
from bkkenergy.usecases.phases import MeterPhases
from bkkenergy.usecases.plants import plant_yields
from bkkenergy.usecases.whereitwent import BranchKind, WhereItWent, where_it_went
from bkkenergy.web.api import span_of, step_of, tagged
from bkkenergy.web.api_rows import Row
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor
from bkkenergy.web.standing import building_then

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)
RESPONSES: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the ETag that was sent"},
}


class TotalRow(Row):
    """Energy over the period.

    total_kwh : what was counted, null where nothing is known. known_ratio, measured_ratio : share of the period's
    quarter-hours that are known wholly, that were measured.
    """

    total_kwh: float | None
    known_ratio: float
    measured_ratio: float


class FlowRow(TotalRow):
    """Energy over the period and of each interval, null where an interval is not known wholly."""

    energy_kwh: list[float | None]


class VirtualRow(FlowRow):
    """A virtual meter's energy."""

    meter: str
    purpose: Literal["landlord", "tenant"] | None


class PlantRow(Row):
    """A PV plant: its capacity, the meters that count it, and what these counted over the period.

    yield_kwh_per_kwp : null where less than nine tenths of the period are known.
    """

    plant: str
    capacity_kwp: float
    inverter_kw: float | None
    commissioned: dt.date | None
    meters: list[str]
    energy_kwh: float | None
    known_ratio: float
    yield_kwh_per_kwp: float | None


class BalanceRow(Row):
    """A building's balance: gross_use = grid_import + production - grid_export - tenants.

    A flow that cannot be known is null, and `notes` say why. tenants : null without tenants. starts : ISO 8601 with
    offset. waiting_days : not yet computed from all readings; ask again in some seconds.
    """

    building: str
    step: Literal["15min", "60min", "day"]
    starts: list[dt.datetime]
    grid_import: FlowRow | None
    grid_export: FlowRow | None
    production: FlowRow | None
    self_consumption: FlowRow | None
    tenants: FlowRow | None
    gross_use: FlowRow | None
    virtual_meters: list[VirtualRow]
    pv_plants: list[PlantRow]
    notes: list[Note]
    waiting_days: list[dt.date]


class SubMeterRow(TotalRow):
    """A sub-meter's energy (import less export), and its share of the meter above it."""

    meter: str
    is_tenant: bool
    share_ratio: float | None


class MainMeterRow(Row):
    """A meter with those right below it, and the rest that none of them counts.

    whole : its import less its export, with the PV that feeds in below it. null, as the rest, where that is not known.
    """

    meter: str
    whole: TotalRow | None
    sub_meters: list[SubMeterRow]
    rest: TotalRow | None
    rest_ratio: float | None
    sub_meters_exceed_main: bool
    notes: list[Note]


class SubMetersRow(Row):
    """A building's meters that have sub-meters."""

    building: str
    main_meters: list[MainMeterRow]
    waiting_days: list[dt.date]


class BranchRow(Row):
    """A part of the tree. above : the key of what it is a part of; the building is above its sources. kind "rest": what
    no sub-meter counts, below zero where they count more than the meter above.
    """

    key: str
    above: str
    kind: BranchKind
    energy_kwh: float | None
    share_ratio: float | None
    known_ratio: float


class DemandRow(Row):
    """One of the highest measured quarter-hours of the hours whose demand is charged, one a day at most.

    charge_thb : the month's demand charge at this height, before VAT; null where none is charged.
    """

    window: Window
    start: dt.datetime
    power_kw: float
    charge_thb: float | None


PhaseNumber = Literal[1, 2, 3]
PHASE_NUMBERS: tuple[PhaseNumber, ...] = get_args(PhaseNumber)


class PhaseRow(Row):
    """One phase of a main meter: energy by volts times amperes, of the quarter-hours of which all is known."""

    meter: str
    phase: PhaseNumber
    energy_kwh: float
    share_ratio: float | None
    known_ratio: float
    mean_a: float
    high_a: float
    mean_v: float


class FlowsRow(Row):
    """Where a building's energy went. hour_kw : mean power by weekday (Monday first) and hour; null where not known.

    duration_kw : power that is exceeded in 0, 1 .. 100 % of the known quarter-hours.
    """

    building: str
    parts: list[BranchRow]
    hour_kw: list[list[float | None]]
    duration_kw: list[float | None]
    demand: list[DemandRow]
    phases: list[PhaseRow]
    notes: list[Note]
    is_waiting: bool


@router.get("/buildings/{building_id}/balance", response_model=BalanceRow, responses=RESPONSES)
def balance(request: Request, building_id: str, visitor: ApiVisitor, first: dt.date, last: dt.date) -> Response:
    """Return its energy balance from the first to the last day: 15 minutes, hours or days, by the span."""
    step = step_of(span_of(visitor, building_id, first, last))
    period = Period.days(first, last)
    then = building_then(visitor, building_id, period)
    site, building = then.site, then.building
    pv = pv_of(site.portfolio, visitor.here.site.projects, building, period)
    energy = building_energy(site.energy, building, period, step, is_unmetered=pv.is_unmetered)
    plants = plant_yields(site.energy, site.portfolio, building, period)
    return tagged(request, msgspec.json.encode(balance_record(building, energy, step, plants)))


@router.get("/buildings/{building_id}/submeters", response_model=SubMetersRow, responses=RESPONSES)
def submeters(request: Request, building_id: str, visitor: ApiVisitor, first: dt.date, last: dt.date) -> Response:
    """Return its sub-meters beside the meters above them, with the rest, from the first to the last day."""
    span_of(visitor, building_id, first, last)
    period = Period.days(first, last)
    then = building_then(visitor, building_id, period)
    energy = building_energy(then.site.energy, then.building, period, "day")
    return tagged(request, msgspec.json.encode(sub_meters_record(then.building, energy)))


@router.get("/buildings/{building_id}/flows")
def flows(building_id: str, visitor: ApiVisitor, first: dt.date, last: dt.date) -> FlowsRow:
    """Return where its energy went from the first to the last day: its tree of meters, hours of the week, demand."""
    span_of(visitor, building_id, first, last)
    period = Period.days(first, last)
    then = building_then(visitor, building_id, period)
    return flows_row(building_id, where_it_went(then.site, then.building, period))


def flows_row(building_id: str, went: WhereItWent) -> FlowsRow:
    """Return the same as the page shows, as rows."""
    return FlowsRow(
        building=building_id,
        parts=[
            BranchRow(
                key=one.key,
                above=one.above,
                kind=one.kind,
                energy_kwh=one.energy_kwh,
                share_ratio=one.share_ratio,
                known_ratio=one.known_ratio,
            )
            for one in went.branches
        ],
        hour_kw=[[_known(kw) for kw in day] for day in went.hour_kw.tolist()],
        duration_kw=[_known(kw) for kw in went.duration_kw.tolist()],
        demand=[
            DemandRow(window=one.window, start=one.start, power_kw=one.power_kw, charge_thb=one.charge_thb)
            for one in went.demand
        ],
        phases=[row for phases in went.phases for row in _phase_rows(phases)],
        notes=list(went.notes),
        is_waiting=went.is_waiting,
    )


def _phase_rows(phases: MeterPhases) -> list[PhaseRow]:
    return [
        PhaseRow(
            meter=phases.meter.id,
            phase=number,
            energy_kwh=float(phases.energy_kwh[number - 1]),
            share_ratio=_known(float(phases.share_ratio[number - 1])),
            known_ratio=phases.known_ratio,
            mean_a=float(phases.mean_a[number - 1]),
            high_a=float(phases.high_a[number - 1]),
            mean_v=float(phases.mean_v[number - 1]),
        )
        for number in PHASE_NUMBERS
    ]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
