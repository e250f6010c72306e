"""The page of an agency's projects to find: measures by what a tonne costs, and what fits into a budget."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.reports.retrofit.curve import abatement_curve
from bkkenergy.reports.retrofit.package import has_package
from bkkenergy.reports.retrofit.propose import propose
from bkkenergy.reports.retrofit.screen import (
    Opportunity,
    Survey,
    chosen,
    equipment_of,
    ranked,
    surveyed,
)
from bkkenergy.reports.retrofit.words import code_text, doubled_lines, measure_name, proof_text, source_lines
from bkkenergy.retrofits.catalogue import BuildingCode
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.context import AppContext
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor

router = APIRouter(default_response_class=HTMLResponse)
SURVEY_S = 600.0
"""How long a survey stays before it is made again."""


@dataclass(frozen=True, slots=True)
class AgencySurveys:
    """Surveys of an agency's buildings that can be judged, up to yesterday, and those without an inventory.

    coded : whose works come under the building code.
    """

    surveys: tuple[Survey, ...]
    without: tuple[str, ...]
    coded: tuple[Building, ...] = ()
    code: BuildingCode | None = None

    @property
    def candidates(self) -> list[Opportunity]:
        """All measures, the cheapest tonne first."""
        return ranked([one for survey in self.surveys for one in survey.candidates])


def agency_surveys(here: AppContext, agency: str) -> AgencySurveys:
    """Return an agency's surveys, made once a while for all requests. Raises ConfigError, StoreUnavailable."""
    key = ("retrofit", agency, here.today, here.portfolio.revision)
    known: AgencySurveys = here.cached(key, SURVEY_S, lambda: _agency_surveys(here, agency))
    return known


def _agency_surveys(here: AppContext, agency: str) -> AgencySurveys:
    buildings = here.portfolio.buildings_of(agency)
    catalogue = load_retrofit(here.site.config.folder)
    surveys = surveyed(here.site, buildings, catalogue, last_day=here.today - dt.timedelta(days=1))
    without = tuple(building.id for building in buildings if not equipment_of(here.portfolio, building))
    judged = tuple(survey for survey in surveys if survey.candidates or survey.building.id not in without)
    coded = tuple(one for one in buildings if catalogue.building_code and catalogue.building_code.concerns(one))
    return AgencySurveys(judged, without, coded, catalogue.building_code)


@router.get("/agencies/{agency}/retrofit", dependencies=HEAVY_PAGE)
def retrofit_page(agency: str, visitor: PageVisitor, budget: str = "", by: str = "tco2e") -> Response:
    """Show an agency's measures by what a tonne costs; with a budget, what to do within it."""
    here, words = visitor.here, visitor.words
    known = here.portfolio.agencies.get(agency)
    if known is None:
        raise HTTPException(404, "not found")
    visitor.need("see", agency)
    seen = agency_surveys(here, agency)
    candidates, fault = seen.candidates, ""
    picked: list[Opportunity] | None = None
    if budget.strip():
        try:
            picked = chosen(candidates, amount_of(budget), "npv" if by == "npv" else "tco2e")
        except InputError as why:
            fault = why.said(words.lang)
    shown = candidates if picked is None else picked
    return page(
        visitor,
        "retrofit.html.j2",
        title=words("retrofit.page"),
        agency=known,
        is_demo=known.demonstration,
        picture=abatement_curve(shown, words),
        rows=[(one, measure_name(one, words), proof_text(one, words)) for one in shown],
        is_chosen=picked is not None,
        fault=fault,
        budget=budget,
        by=by,
        cost=sum(one.option.cost_high_thb for one in shown),
        tonnes=sum(one.worth.tco2e for one in shown),
        npv=sum(one.worth.npv_thb for one in shown),
        is_provisional=any(one.option.measure.is_provisional for one in shown),
        surveys=seen.surveys,
        doubled=[text for survey in seen.surveys for text in doubled_lines(survey, words)],
        coded=seen.coded,
        code_text=code_text(seen.code, words) if seen.code and seen.coded else "",
        figures=source_lines(shown, words),
        without=[(name, here.portfolio.buildings[name]) for name in seen.without],
        has_package=has_package(here.site, agency),
        may_enter=visitor.actor.may("edit", agency),
        may_propose=visitor.actor.may("plan", agency),
    )


@router.post("/buildings/{building_id}/retrofit", dependencies=HEAVY_PAGE)
def propose_page(building_id: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter a measure into the action plan as a proposed project."""
    building, here = building_of(visitor, building_id), visitor.here
    visitor.need("plan", building.agency)
    surveys = agency_surveys(here, building.agency).surveys
    project = propose(here.opened, visitor.actor, surveys, building, str(form.get("option", "")), here.clock())
    return RedirectResponse(f"/plan/{project.id}/proposal", 303)


def amount_of(text: str) -> float:
    """Read an amount of baht as a person writes it: 5,000,000 or 5000000. Raises InputError."""
    try:
        return float(text.replace(",", "").strip())
    except ValueError:
        raise InputError.of("budget_no_number", budget=text[:40]) from None
