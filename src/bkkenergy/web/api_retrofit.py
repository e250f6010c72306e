"""The JSON API, version 1, of projects to find, of an agency or all: surveys, and what to do within a budget."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query

from bkkenergy.reports.retrofit.screen import By, chosen
from bkkenergy.reports.retrofit.words import candidate_data, survey_data
from bkkenergy.web.budgets import HEAVY_API
from bkkenergy.web.pages_retrofit import AgencySurveys, agencies_seen, agency_surveys, city_surveys
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)


Budget = Annotated[float | None, Query(ge=0, le=1e12, allow_inf_nan=False)]


@router.get("/retrofit", dependencies=HEAVY_API)
def city_retrofit(who: ApiVisitor, budget_thb: Budget = None, by: Literal["tco2e", "npv"] = "tco2e") -> dict[str, Any]:
    """Return what measures would save in the buildings of all agencies that one may see, as of one agency.

    agencies : those that are surveyed. left : those that are not yet, since a survey takes long: ask again for them.
    """
    seen = city_surveys(who.here, agencies_seen(who))
    return {"agencies": list(seen.surveys), "left": list(seen.left), **_data(seen.together, budget_thb, by)}


@router.get("/agencies/{agency}/retrofit", dependencies=HEAVY_API)
def retrofit(
    agency: str, who: ApiVisitor, budget_thb: Budget = None, by: Literal["tco2e", "npv"] = "tco2e"
) -> dict[str, Any]:
    """Return what equipment uses and what measures would save, with intervals, sources and how each can be shown.

    budget_thb : with it, `chosen` has the measures that bring most within it, at the high end of their costs.
    """
    if agency not in who.here.portfolio.agencies:
        raise HTTPException(404, "not found")
    who.need("see", agency)
    return {"agency": agency, **_data(agency_surveys(who.here, agency), budget_thb, by)}


def _data(seen: AgencySurveys, budget_thb: float | None, by: By) -> dict[str, Any]:
    """Return surveys, and what is chosen of their measures, as the API sends them."""
    picked = None if budget_thb is None else chosen(seen.candidates, budget_thb, by)
    return {
        "buildings": [survey_data(survey) for survey in seen.surveys],
        "without_inventory": list(seen.without),
        "chosen": None if picked is None else [candidate_data(one) for one in picked],
    }
