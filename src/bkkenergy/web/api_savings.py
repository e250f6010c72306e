"""The JSON API, version 1, of savings: baselines as versions, and what persons decide on them."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import Field

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.errors import NotThere
from bkkenergy.reports.savings.fitting import progress_of
from bkkenergy.reports.savings.phrasing import version_data
from bkkenergy.usecases.baselines import decide_on_baseline
from bkkenergy.usecases.dismissals import dismiss
from bkkenergy.usecases.events import accept_event
from bkkenergy.web.api_rows import Row
from bkkenergy.web.api_writer import Answer, AnyWriter
from bkkenergy.web.building import building_view, findings_shown
from bkkenergy.web.pages_energy import building_of, own_of
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)


class LinkRow(Row):
    """What the baseline before says of a new one's own days."""

    saving_ratio: float
    half_width_ratio: float
    days: int


class VersionRow(Row):
    """One version of a building's baseline."""

    number: int
    first: dt.date
    last: dt.date
    fingerprint: str
    state: Literal["proposed", "accepted", "declined"]
    reason: str
    by: str
    at: dt.datetime
    decided_by: str
    decided_at: dt.datetime | None
    is_usable: bool
    held_out_cvrmse_ratio: float | None
    link: LinkRow | None


class ProgressRow(Row):
    """How many valid days of those that the next baseline needs there are."""

    first: dt.date
    last: dt.date
    reason: str
    valid_days: int
    needed_days: int
    why: str | None


class BaselinesRow(Row):
    """Baselines of a building, the newest first. progress : null where no new one is needed, or one is proposed."""

    building: str
    versions: list[VersionRow]
    progress: ProgressRow | None


class ComparedSavingRow(Row):
    """A saving without what happened to everyone.

    common_ratio : what buildings like it saved in the median; count : how many they are; buildings : those of them that
    you may see. matched_by : their type, or the profile of their week.
    """

    saving_ratio: float
    half_width_ratio: float
    significant_ratio: float
    verdict: str
    common_ratio: float
    common_sigma_ratio: float
    count: int
    buildings: list[str]
    matched_by: str


class SavingsRow(Row):
    """What a building saved since the fiscal year's start. Everything is null where it cannot be said, and why says so.

    compared : the same without what happened to everyone; null where fewer than six buildings are like it.
    """

    building: str
    first: dt.date | None
    last: dt.date | None
    days: int | None
    baseline_kwh: float | None
    actual_kwh: float | None
    saving_ratio: float | None
    half_width_ratio: float | None
    significant_ratio: float | None
    verdict: str | None
    why: str | None
    compared: ComparedSavingRow | None


class AskedEvent(Row):
    """What a lasting change of use is: an adjustment, with what changed, or nothing to enter."""

    decision: Literal["adjust", "dismiss"]
    reason: Annotated[str, Field(max_length=500)] = ""


class EventRow(Row):
    """A lasting change of use: since when, and how much a day, with half its 90 % interval."""

    building: str
    first: dt.date
    decision: Literal["adjust", "dismiss"]
    change_ratio: float
    kwh_a_day: float
    half_kwh_a_day: float
    is_drift: float
    is_share: float


@router.post("/buildings/{building_id}/event", responses=WRITE_PROBLEMS)
def decide_event(building_id: str, asked: AskedEvent, who: AnyWriter) -> Response:
    """Enter the building's lasting change of use as a non-routine adjustment, or dismiss it."""
    building = building_of(who.visitor, building_id)
    here = who.visitor.here
    who.visitor.need("edit" if asked.decision == "adjust" else "dismiss", building.agency)

    def work() -> Answer:
        findings = building_view(here, building).findings
        shown = findings_shown(here, building, findings)
        event = next((finding for finding in shown if finding.rule == "use_event"), None)
        if event is None:
            raise NotThere
        if asked.decision == "adjust":
            accept_event(who.state, who.visitor.actor, event, asked.reason, who.now)
        else:
            dismiss(here.opened.state, who.visitor.actor, here.portfolio, findings, event.rule, who.now)
        row = EventRow(building=building.id, first=event.since, decision=asked.decision, **dict(event.evidence))
        return Answer(row)

    return who.answer(work)


@router.get("/buildings/{building_id}/savings")
def savings(building_id: str, visitor: ApiVisitor) -> SavingsRow:
    """Return what a building saved since the fiscal year's start, and the same without what happened to everyone."""
    building = building_of(visitor, building_id)
    view = building_view(visitor.here, building)
    saving, band = view.judged.saving, view.judged.band
    compared = None
    if view.compared is not None:
        compared = ComparedSavingRow(**asdict(view.compared.row(own_of(visitor, view.compared.common.buildings))))
    return SavingsRow(
        building=building.id,
        first=saving.first if saving else None,
        last=saving.last if saving else None,
        days=saving.days if saving else None,
        baseline_kwh=saving.adjusted_kwh if saving else None,
        actual_kwh=saving.actual_kwh if saving else None,
        saving_ratio=band.saving_ratio if band else None,
        half_width_ratio=band.half_width_ratio if band else None,
        significant_ratio=band.significant_ratio if band else None,
        verdict=band.verdict if band else None,
        why=view.judged.why_in("en") or None,
        compared=compared,
    )


class AskedDecision(Row):
    """What should become of a version."""

    state: Literal["accepted", "declined"]


@router.get("/buildings/{building_id}/baselines")
def baselines(building_id: str, visitor: ApiVisitor) -> BaselinesRow:
    """List the versions of a building's baseline, and how far the next one is."""
    building = building_of(visitor, building_id)
    site = visitor.here.site
    versions = versions_of(site.state, [building.id]).get(building.id, ())
    progress = progress_of(site, building, versions)
    row = None
    if (window := progress.window) is not None:
        row = ProgressRow(
            first=window.first,
            last=window.last,
            reason=window.reason,
            valid_days=progress.valid_days,
            needed_days=progress.needed_days,
            why=progress.why.said("en") if progress.why else None,
        )
    rows = [VersionRow(**version_data(version)) for version in versions]
    return BaselinesRow(building=building.id, versions=rows, progress=row)


@router.post("/buildings/{building_id}/baselines/{number}", responses=WRITE_PROBLEMS)
def decide(
    building_id: str, number: Annotated[int, Path(ge=1, le=2**31 - 1)], asked: AskedDecision, who: AnyWriter
) -> Response:
    """Accept or decline a version of a building's baseline."""
    building = building_of(who.visitor, building_id)
    who.visitor.need("plan", building.agency)
    opened = who.visitor.here.opened

    def work() -> Answer:
        known = versions_of(opened.state, [building.id]).get(building.id, ())
        if number not in {version.number for version in known}:
            raise NotThere
        decided = decide_on_baseline(opened.state, who.visitor.actor, opened.portfolio, number, asked.state, who.now)
        return Answer(VersionRow(**version_data(decided)))

    return who.answer(work)
