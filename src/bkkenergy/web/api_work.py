"""The JSON API, version 1, of work: solar estimates, meters, jobs."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from bkkenergy.adapters.state.runs import RunQueue, RunState
from bkkenergy.errors import InputError
from bkkenergy.portfolio.belongings import asked_about
from bkkenergy.reports.solar.tables import design_json
from bkkenergy.web.api_rows import Page, Row
from bkkenergy.web.budgets import HEAVY_API
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.pages_work import own_agencies
from bkkenergy.web.paging import Limit, Offset
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor
from bkkenergy.web.solar import Sketch, designed

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)


class MeterRow(Row):
    """A meter and how it has done in the last seven days."""

    id: str
    building: str
    kind: str
    last_seen: dt.datetime | None
    coverage_ratio: float | None
    events: list[str]
    contacts: list[str]


class MeterPage(Page):
    """Meters."""

    items: list[MeterRow]


class JobRow(Row):
    """A run of the ledger."""

    id: int
    agency: str
    period: str
    kind: str
    revision: int
    state: str
    tries: int
    duration_s: float | None
    error: str


class JobPage(Page):
    """Runs."""

    items: list[JobRow]


@router.get(
    "/buildings/{building_id}/solar",
    responses={200: {"content": {"application/json": {}}}},
    dependencies=HEAVY_API,
)
def solar(
    building_id: str,
    visitor: ApiVisitor,
    kwp: Annotated[str, Query(pattern=r"^(max|\d{1,6}(\.\d{1,3})?|)$")] = "",
    mounting: Literal["flush", "racked"] = "flush",
    battery_kwh: Annotated[str, Query(pattern=r"^(\d{1,5}(\.\d{1,3})?|)$")] = "",
    export: Annotated[str, Query(max_length=64)] = "",
    assume: Annotated[tuple[str, ...], Query(max_length=20)] = (),
) -> Response:
    """Compute a solar design of a size in kWp, of the whole roof ("max"), or of the size that is worth most (left
    out); with a battery, sold under a scheme for export, and with finance other than the site's (NAME=VALUE).
    """
    building = building_of(visitor, building_id)
    try:
        sketch = Sketch(building.id, kwp, mounting, battery_kwh=battery_kwh, export=export, assume=assume)
        design = designed(visitor.here, sketch)
    except InputError as why:
        raise HTTPException(422, str(why)) from None
    return Response(design_json(design), media_type="application/json")


@router.get("/meters")
def meters(visitor: ApiVisitor, agency: str, limit: Limit = 100, offset: Offset = 0) -> MeterPage:
    """List meters of an agency: when they were last seen, how complete they are, what happened to their registers."""
    visitor.need("see", agency)
    here = visitor.here
    every = tuple(meter for building in here.portfolio.buildings_of(agency) for meter in building.meters)
    page = every[offset : offset + limit]
    statuses = here.meter_status(page)
    rows = [
        MeterRow(
            id=meter.id,
            building=meter.building,
            kind=str(meter.kind),
            last_seen=status.last_seen,
            coverage_ratio=status.coverage_ratio,
            events=[f"{event.kind} {event.at.isoformat()}" for event in status.events],
            contacts=list(asked_about(here.portfolio, meter.building)),
        )
        for meter, status in zip(page, statuses, strict=True)
    ]
    return MeterPage(total=len(every), offset=offset, limit=limit, items=rows)


@router.get("/jobs")
def jobs(visitor: ApiVisitor, state: RunState | None = None, limit: Limit = 100, offset: Offset = 0) -> JobPage:
    """List runs of reports, the newest period first; for operators."""
    visitor.need("operate")
    queue = RunQueue(visitor.here.opened.state, "web")
    runs, total = queue.page(agencies=own_agencies(visitor), state=state, limit=limit, offset=offset)
    rows = [
        JobRow(**{name: getattr(run, name) for name in JobRow.model_fields if name != "period"}, period=run.period.slug)
        for run in runs
    ]
    return JobPage(total=total, offset=offset, limit=limit, items=rows)
