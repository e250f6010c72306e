"""The JSON API, version 1: what pages show, for machines. Errors are problem+json (RFC 9457)."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import pandas as pd
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from bkkenergy.adapters.state.baselines import latest_baseline
from bkkenergy.adapters.state.projects import projects
from bkkenergy.adapters.state.runs import RunQueue
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Meter
from bkkenergy.ports.ledger import CHANNELS, LedgerReader
from bkkenergy.readings import Quality
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.faultgroups import fault_groups
from bkkenergy.usecases.bills import month_bills
from bkkenergy.usecases.energy import energy_series, listed_kwh
from bkkenergy.usecases.power import power_now
from bkkenergy.web.api_rows import (
    AgencyPage,
    AgencyRow,
    BaselineRow,
    BillPartRow,
    BillRow,
    BuildingPage,
    BuildingRow,
    EnergySeries,
    FaultRow,
    FindingRow,
    PowerRow,
    ProjectPage,
    RunPage,
    RunRow,
)
from bkkenergy.web.building import building_view, findings_shown
from bkkenergy.web.pages_energy import building_of, figures_of
from bkkenergy.web.pages_work import own_agencies
from bkkenergy.web.paging import Limit, Offset
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor, Visitor
from bkkenergy.web.standing import building_then

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)
MAX_POINTS = 5000
QUARTERS_UP_TO_DAYS, HOURS_UP_TO_DAYS = 52, 208
"""Spans of up to this many days are shown by quarter-hours, by hours; longer ones by days."""


@router.get("/agencies")
def agencies(visitor: ApiVisitor, limit: Limit = 100, offset: Offset = 0) -> AgencyPage:
    """List the visitor's agencies."""
    here = visitor.here
    visible = visitor.account.reachable(here.portfolio.agencies)
    rows = [
        AgencyRow(
            id=name,
            name_th=here.portfolio.agencies[name].name_th,
            name_en=here.portfolio.agencies[name].name_en,
            is_demonstration=here.portfolio.agencies[name].demonstration,
            buildings=len(here.portfolio.buildings_of(name)),
        )
        for name in visible[offset : offset + limit]
    ]
    return AgencyPage(total=len(visible), offset=offset, limit=limit, items=rows)


@router.get("/buildings")
def buildings(visitor: ApiVisitor, agency: str | None = None, limit: Limit = 100, offset: Offset = 0) -> BuildingPage:
    """List buildings of one of the visitor's agencies, or of all of them, with their figures of now."""
    if agency is not None:
        visitor.need("see", agency)
    chosen = [agency] if agency is not None else visitor.account.reachable(visitor.here.portfolio.agencies)
    building_figures = figures_of(visitor).now().of(chosen)
    rows = [BuildingRow.of(figures) for figures in building_figures[offset : offset + limit]]
    return BuildingPage(total=len(building_figures), offset=offset, limit=limit, items=rows)


@router.get("/buildings/{building_id}")
def building(building_id: str, visitor: ApiVisitor) -> BuildingRow:
    """Return one building with its figures of now."""
    building_of(visitor, building_id)
    return BuildingRow.of(figures_of(visitor).now().buildings[building_id])


@router.get("/buildings/{building_id}/power")
def power(building_id: str, visitor: ApiVisitor) -> PowerRow:
    """Return the building's power now; null where its meters were silent for two hours."""
    reading = power_now(visitor.here.opened, building_of(visitor, building_id))
    return PowerRow(building=building_id, power_kw=reading.power_kw, at=reading.at)


SERIES_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}, "application/vnd.apache.parquet": {}}},
    304: {"description": "Nothing has changed since the ETag that was sent"},
}
SeriesFormat = Annotated[Literal["json", "csv", "parquet"], Query(alias="format")]
SeriesChannel = Literal["import", "export"]


@router.get("/buildings/{building_id}/energy", response_model=EnergySeries, responses=SERIES_RESPONSES)
def energy(
    request: Request,
    building_id: str,
    visitor: ApiVisitor,
    first: dt.date,
    last: dt.date,
    channel: SeriesChannel = "import",
    form: SeriesFormat = "json",
) -> Response:
    """Return its energy from the first to the last day, at most 5,000 points: 15 minutes, hours or days, by the span.

    JSON is an EnergySeries; CSV and Parquet have the columns start, energy_kwh and quality.
    """
    span_of(visitor, building_id, first, last)
    then = building_then(visitor, building_id, Period.days(first, last))
    return _series(request, then.site.energy, building_id, then.building.main_meters, (first, last), channel, form)


@router.get("/meters/{meter_id}/energy", response_model=EnergySeries, responses=SERIES_RESPONSES)
def meter_energy(
    request: Request,
    meter_id: str,
    visitor: ApiVisitor,
    first: dt.date,
    last: dt.date,
    channel: SeriesChannel = "import",
    form: SeriesFormat = "json",
) -> Response:
    """Return one meter's energy in the same form as a building's."""
    span_of(visitor, meter_id.rpartition(".")[0], first, last)
    then = building_then(visitor, meter_id.rpartition(".")[0], Period.days(first, last), meter=meter_id)
    return _series(request, visitor.here.opened.energy, meter_id, (then.meter(meter_id),), (first, last), channel, form)


def _series(
    request: Request,
    ledger: LedgerReader,
    name: str,
    meters: Sequence[Meter],
    span: tuple[dt.date, dt.date],
    channel: SeriesChannel,
    form: str,
) -> Response:
    first, last = span
    step = step_of(checked_span(first, last))
    energy = energy_series(ledger, meters, Period.days(first, last), step, CHANNELS[channel])
    quality = [Quality(value).name.lower() for value in energy.quality.tolist()]
    if form != "json":
        frame = pd.DataFrame({"start": energy.starts, "energy_kwh": energy.energy_kwh, "quality": quality})
        return file_of(frame, form, f"{name}_{first}_{last}.{form}")
    series = {
        "id": name,
        "step": step,
        "starts": [at.isoformat() for at in energy.starts],
        "energy_kwh": listed_kwh(energy.energy_kwh),
        "quality": quality,
        "waiting_days": [day.isoformat() for day in energy.waiting],
    }
    return tagged(request, msgspec.json.encode(series))


def checked_span(first: dt.date, last: dt.date) -> int:
    """Return how many days a span has. Raises 422 where it is none that can be shown."""
    if last < first or (last - first).days >= MAX_POINTS or not 1990 <= first.year <= last.year <= 2200:  # noqa: PLR2004
        raise HTTPException(422, f"last must be on or after first, within {MAX_POINTS} days")
    return (last - first).days + 1


def span_of(visitor: Visitor, building_id: str, first: dt.date, last: dt.date) -> int:
    """Return how many days a span has. A building that the visitor cannot see is not found, whatever the span."""
    try:
        return checked_span(first, last)
    except HTTPException:
        building_of(visitor, building_id)
        raise


def step_of(days: int) -> Literal["15min", "60min", "day"]:
    """Return the step in which so long a span is shown."""
    if days <= QUARTERS_UP_TO_DAYS:
        return "15min"
    return "60min" if days <= HOURS_UP_TO_DAYS else "day"


def file_of(frame: pd.DataFrame, form: str, name: str) -> Response:
    """Return a table as a file to download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "csv":
        return Response(frame.to_csv(index=False), media_type="text/csv; charset=utf-8", headers=headers)
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return Response(buffer.getvalue(), media_type="application/vnd.apache.parquet", headers=headers)


def tagged(request: Request, body: bytes) -> Response:
    """Return JSON with its ETag; nothing where the caller has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type="application/json", headers={"ETag": tag, "Cache-Control": "private, no-cache"})


@router.get("/buildings/{building_id}/bills/{month}")
def bill(building_id: str, month: str, visitor: ApiVisitor) -> BillRow:
    """Compute the bill of a month (2026-10) by its readings."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month) or not "1990" <= month < "2200":
        building_of(visitor, building_id)
        raise HTTPException(422, f"{month!r} is no month; write it like 2026-10")
    period = Period.parse(month, today=visitor.here.today)
    then = building_then(visitor, building_id, period)
    months = month_bills(then.site, then.building, period, by_reads=True) if then.building.main_meters else []
    if not months or period.first_day > visitor.here.today:
        raise HTTPException(404, "nothing was measured in this month")
    return BillRow(
        building=building_id,
        month=month,
        schedule=months[0].schedule_id,
        items={line.item: months[0].amount_thb(line.item) for line in months[0].lines},
        total_thb=float(months[0].total_thb),
        source=months[0].source,
        first=months[0].each[0].quantities.days.first,
        end=months[0].each[-1].quantities.days.end,
        energy_kwh=months[0].quantities.energy_kwh,
        raised_ratio=months[0].raised_ratio,
        is_provisional=bool(months[0].provisional),
        parts=[
            BillPartRow(
                schedule=part.schedule_id,
                first=part.quantities.part.first,
                end=part.quantities.part.end,
                energy_kwh=part.quantities.energy_kwh,
                total_thb=part.total_thb,
            )
            for part in months[0].parts
            if part.quantities.part is not None
        ],
    )


@router.get("/buildings/{building_id}/baseline")
def baseline(building_id: str, visitor: ApiVisitor) -> BaselineRow:
    """Return the baseline that the building is judged by."""
    building_of(visitor, building_id)
    baseline = latest_baseline(visitor.here.opened.state, building_id)
    if baseline is None:
        raise HTTPException(404, "this building has no baseline yet")
    return BaselineRow(
        building=building_id,
        form=baseline.form,
        first=baseline.first,
        last=baseline.last,
        valid_days=baseline.valid_days,
        is_provisional=baseline.is_provisional,
        held_out_cvrmse=baseline.held_out.cvrmse,
        held_out_nmbe=baseline.held_out.nmbe,
    )


@router.get("/buildings/{building_id}/insights")
def insights(building_id: str, visitor: ApiVisitor) -> list[FaultRow]:
    """List what to act on, most baht first, without dismissed findings; findings of one fault are one entry."""
    building = building_of(visitor, building_id)
    shown = findings_shown(visitor.here, building, building_view(visitor.here, building).findings)
    return [
        FaultRow(
            **_finding_fields(fault.chief),
            also=[FindingRow(**_finding_fields(finding)) for finding in fault.also],
            together_thb_a_month=fault.cost_thb_a_month,
        )
        for fault in fault_groups(shown)
    ]


def _finding_fields(finding: Finding) -> dict[str, Any]:
    fields = {name: getattr(finding, name) for name in FindingRow.model_fields}
    return fields | {"evidence": dict(finding.evidence), "days": list(finding.days)}


@router.get("/reports")
def reports(visitor: ApiVisitor, agency: str | None = None, limit: Limit = 100, offset: Offset = 0) -> RunPage:
    """List reports in the archive, the newest period first; their files are under /reports/file/."""
    if agency is not None:
        visitor.need("see", agency)
    ledger = RunQueue(visitor.here.opened.state, "web")
    asked = own_agencies(visitor) if agency is None else [agency]
    shown, total = ledger.page(agencies=asked, state="done", limit=limit, offset=offset)
    files = ledger.artefacts(shown)
    rows = [
        RunRow(
            agency=run.agency,
            period=run.period.slug,
            kind=run.kind,
            revision=run.revision,
            files=[file.path for file in files[run.id]],
        )
        for run in shown
    ]
    return RunPage(total=total, offset=offset, limit=limit, items=rows)


@router.get("/plan/projects")
def plan(visitor: ApiVisitor, limit: Limit = 100, offset: Offset = 0) -> ProjectPage:
    """List projects of the visitor's agencies."""
    try:
        visible = [
            project for project in projects(visitor.here.opened.state) if visitor.account.reaches(project.agency)
        ]
    except InputError as why:
        raise HTTPException(422, str(why)) from None
    rows = [project.model_dump(mode="json") for project in visible[offset : offset + limit]]
    return ProjectPage(total=len(visible), offset=offset, limit=limit, items=rows)
