"""The JSON API, version 1, of projects to find: surveys of an agency's buildings, and what to do within a budget."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query

from bkkenergy.reports.retrofit.screen import chosen
from bkkenergy.reports.retrofit.words import candidate_data, survey_data
from bkkenergy.web.budgets import HEAVY_API
from bkkenergy.web.pages_retrofit import agency_surveys
from bkkenergy.web.problems import PROBLEMS, TOO_MUCH
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)


@router.get("/agencies/{agency}/retrofit", responses={429: TOO_MUCH}, dependencies=HEAVY_API)
def retrofit(
    agency: str,
    who: ApiVisitor,
    budget_thb: Annotated[float | None, Query(ge=0, le=1e12, allow_inf_nan=False)] = None,
    by: Literal["tco2e", "npv"] = "tco2e",
) -> dict[str, Any]:
    """Return what equipment uses and what measures would save, with intervals, sources and how each can be shown.

    budget_thb : with it, `chosen` has the measures that bring most within it, at the high end of their costs.
    """
    if agency not in who.here.portfolio.agencies:
        raise HTTPException(404, "not found")
    who.need("see", agency)
    seen = agency_surveys(who.here, agency)
    picked = None if budget_thb is None else chosen(seen.candidates, budget_thb, by)
    return {
        "agency": agency,
        "buildings": [survey_data(survey) for survey in seen.surveys],
        "without_inventory": list(seen.without),
        "chosen": None if picked is None else [candidate_data(one) for one in picked],
    }
