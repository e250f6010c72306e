"""The JSON API, version 1, of proposals: documents, packages, and promises beside measurements."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from bkkenergy.reports.plan.promises import promise_data, together
from bkkenergy.reports.retrofit.package import package_paper
from bkkenergy.reports.retrofit.proposal import proposal_paper
from bkkenergy.web.pages_proposal import AskedForm, promises_seen
from bkkenergy.web.pages_work import seen_project
from bkkenergy.web.papers import MEDIA, paper_response
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1", tags=["plan"], responses=PROBLEMS)
FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {media: {} for media in dict.fromkeys(MEDIA.values()) if media != "application/pdf"}}
}


@router.get("/plan/promises")
def promises(visitor: ApiVisitor) -> dict[str, Any]:
    """Return what done projects promised beside what is measured of them, and all of them together."""
    rows = promises_seen(visitor)
    sums = together(rows)
    return {
        "projects": [promise_data(row) for row in rows],
        "together": {
            "count": sums.count,
            "measured_count": sums.measured_count,
            "promised_kwh_a_year": sums.promised_kwh,
            "measured_kwh_a_year": sums.measured_kwh,
            "half_width_kwh": sums.half_width_kwh,
        },
    }


@router.get("/plan/records/{project_id}/proposal", response_class=Response, responses=FILES)
def proposal_made(project_id: str, visitor: ApiVisitor, form: AskedForm = "json") -> Response:
    """Return a project's proposal as a document."""
    project = seen_project(visitor, project_id)
    return paper_response(proposal_paper(visitor.here.opened, project, visitor.lang, now=visitor.here.clock()), form)


@router.get("/agencies/{agency}/package", response_class=Response, responses=FILES)
def package_made(agency: str, visitor: ApiVisitor, form: AskedForm = "json") -> Response:
    """Return an agency's proposals as one package for an energy service company or for credits."""
    if agency not in visitor.here.portfolio.agencies:
        raise HTTPException(404, "not found")
    visitor.need("see", agency)
    return paper_response(package_paper(visitor.here.opened, agency, visitor.lang, now=visitor.here.clock()), form)
