"""The JSON API, version 1, of savings: baselines as versions, and what persons decide on them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import Response

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.errors import NotThere
from bkkenergy.reports.savings.fitting import progress_of
from bkkenergy.reports.savings.phrasing import version_data
from bkkenergy.usecases.baselines import decide_on_baseline
from bkkenergy.web.api_rows import Row
from bkkenergy.web.api_writer import Answer, AnyWriter
from bkkenergy.web.pages_energy import building_of
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
    opened = who.visitor.here.opened

    def work() -> Answer:
        known = versions_of(opened.state, [building.id]).get(building.id, ())
        if number not in {version.number for version in known}:
            raise NotThere
        decided = decide_on_baseline(opened.state, who.visitor.actor, opened.portfolio, number, asked.state, who.now)
        return Answer(VersionRow(**version_data(decided)))

    return who.answer(work)
