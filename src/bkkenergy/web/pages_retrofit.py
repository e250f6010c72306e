"""Pages of projects to find, of an agency and of all: measures by what a tonne costs, and what fits into a budget."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang
from bkkenergy.portfolio import Agency, Building
from bkkenergy.reports.retrofit.curve import abatement_curve
from bkkenergy.reports.retrofit.package import has_package
from bkkenergy.reports.retrofit.propose import propose
from bkkenergy.reports.retrofit.screen import (
    Opportunity,
    Survey,
    chosen,
    equipment_by_building,
    ranked,
    surveyed,
)
from bkkenergy.reports.retrofit.words import code_text, doubled_lines, measure_name, proof_text, source_lines
from bkkenergy.retrofits.catalogue import BuildingCode
from bkkenergy.site import Site
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.context import AppContext
from bkkenergy.web.fluid import fluid
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor

router = APIRouter(default_response_class=HTMLResponse)
SURVEY_S = 600.0
"""How long a survey stays before it is made again."""
CITY_S = 20.0
"""After so long a page of all agencies is shown with those that are surveyed by then, and says so."""
MAX_ROWS = 100
"""More measures than this are not listed on the page of all agencies: the cheapest tonnes are."""


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


@dataclass(frozen=True, slots=True)
class CitySurveys:
    """Surveys by agency. left : agencies that are not surveyed yet."""

    surveys: dict[str, AgencySurveys]
    left: tuple[str, ...]

    @property
    def together(self) -> AgencySurveys:
        """All surveys as those of one agency."""
        seen = self.surveys.values()
        return AgencySurveys(
            tuple(survey for one in seen for survey in one.surveys),
            tuple(name for one in seen for name in one.without),
            tuple(building for one in seen for building in one.coded),
            next((one.code for one in seen if one.code), None),
        )


@dataclass(frozen=True, slots=True)
class AgencyPart:
    """What of the shown measures is an agency's."""

    agency: Agency
    count: int
    cost_high_thb: float
    tco2e: float
    npv_thb: float
    has_package: bool


def city_surveys(
    here: AppContext, agencies: Sequence[str], clock_s: Callable[[], float] = time.monotonic
) -> CitySurveys:
    """Return the surveys of agencies, as many as can be made in a while; the others are named."""
    surveys: dict[str, AgencySurveys] = {}
    until_s = clock_s() + CITY_S
    for agency in agencies:
        if clock_s() > until_s:
            break
        surveys[agency] = agency_surveys(here, agency)
    return CitySurveys(surveys, tuple(agency for agency in agencies if agency not in surveys))


def agencies_seen(visitor: Visitor) -> list[str]:
    """Return the agencies with buildings that a visitor may see."""
    portfolio = visitor.here.portfolio
    return [name for name in portfolio.agencies if visitor.actor.may("see", name) and portfolio.buildings_of(name)]


def agency_surveys(here: AppContext, agency: str) -> AgencySurveys:
    """Return an agency's surveys, made once a while for all requests. Raises ConfigError, StoreUnavailable."""
    key = ("retrofit", agency, here.today, here.portfolio.revision)
    known: AgencySurveys = here.cached(key, SURVEY_S, lambda: _agency_surveys(here, agency))
    return known


def _agency_surveys(here: AppContext, agency: str) -> AgencySurveys:
    site = here.site
    buildings = site.portfolio.buildings_of(agency)
    catalogue = load_retrofit(site.config.folder)
    surveys = surveyed(site, buildings, catalogue, last_day=here.today - dt.timedelta(days=1))
    equipment = equipment_by_building(site.portfolio)
    without = tuple(building.id for building in buildings if building.id not in equipment)
    judged = tuple(survey for survey in surveys if survey.candidates or survey.building.id not in without)
    coded = tuple(one for one in buildings if catalogue.building_code and catalogue.building_code.concerns(one))
    return AgencySurveys(judged, without, coded, catalogue.building_code)


@router.get("/retrofit", dependencies=HEAVY_PAGE)
def city_page(visitor: PageVisitor, budget: str = "", by: str = "tco2e") -> Response:
    """Show the measures of all agencies that one may see by what a tonne costs; with a budget, what to do within it."""
    here = visitor.here
    seen = city_surveys(here, agencies_seen(visitor))
    together = seen.together
    shown, asked = within(together, visitor.words.lang, budget, by)
    return page(
        visitor,
        "retrofit.html.j2",
        **_shown(visitor, together, shown, max_rows=MAX_ROWS),
        **asked,
        agency=None,
        action="/retrofit",
        is_demo=any(here.portfolio.agencies[name].demonstration for name in seen.surveys),
        parts=_parts(here.site, shown),
        left=len(seen.left),
        judged=len(seen.surveys),
        has_package=False,
        may_enter=visitor.actor.may("edit", "all"),
        may_propose=visitor.actor.may("plan", "all"),
    )


@router.get("/agencies/{agency}/retrofit", dependencies=HEAVY_PAGE)
def retrofit_page(agency: str, visitor: PageVisitor, budget: str = "", by: str = "tco2e") -> Response:
    """Show an agency's measures by what a tonne costs; with a budget, what to do within it."""
    here = visitor.here
    known = here.portfolio.agencies.get(agency)
    if known is None:
        raise HTTPException(404, "not found")
    visitor.need("see", agency)
    seen = agency_surveys(here, agency)
    shown, asked = within(seen, visitor.words.lang, budget, by)
    return page(
        visitor,
        "retrofit.html.j2",
        **_shown(visitor, seen, shown),
        **asked,
        agency=known,
        action=f"/agencies/{agency}/retrofit",
        is_demo=known.demonstration,
        parts=[],
        left=0,
        judged=1,
        has_package=has_package(here.site, agency),
        may_enter=visitor.actor.may("edit", agency),
        may_propose=visitor.actor.may("plan", agency),
    )


def within(seen: AgencySurveys, lang: Lang, budget: str, by: str) -> tuple[list[Opportunity], dict[str, Any]]:
    """Return the measures that a budget allows, all without one; and what was asked, with what is wrong with it."""
    candidates, fault, is_chosen = seen.candidates, "", False
    if budget.strip():
        try:
            candidates = chosen(candidates, amount_of(budget), "npv" if by == "npv" else "tco2e")
            is_chosen = True
        except InputError as why:
            fault = why.said(lang)
    return candidates, {"budget": budget, "by": by, "fault": fault, "is_chosen": is_chosen}


def _shown(
    visitor: Visitor, seen: AgencySurveys, shown: Sequence[Opportunity], *, max_rows: int | None = None
) -> dict[str, Any]:
    """Return what the page says of measures, of one agency or of many. max_rows : how many it lists; None is all."""
    here, words = visitor.here, visitor.words
    return {
        "title": words("retrofit.page"),
        "picture": fluid(abatement_curve(shown, words)),
        "rows": [(one, measure_name(one, words), proof_text(one, words)) for one in shown[:max_rows]],
        "count": len(shown),
        "cost": sum(one.option.cost_high_thb for one in shown),
        "tonnes": sum(one.worth.tco2e for one in shown),
        "npv": sum(one.worth.npv_thb for one in shown),
        "is_provisional": any(one.option.measure.is_provisional for one in shown),
        "surveys": seen.surveys,
        "doubled": [text for survey in seen.surveys for text in doubled_lines(survey, words)],
        "coded": seen.coded,
        "code_text": code_text(seen.code, words) if seen.code and seen.coded else "",
        "figures": source_lines(shown, words),
        "without": [(name, here.portfolio.buildings[name]) for name in seen.without],
    }


def _parts(site: Site, shown: Sequence[Opportunity]) -> list[AgencyPart]:
    """Return the shown measures by agency, the most tonnes first."""
    by_agency: dict[str, list[Opportunity]] = {}
    for one in shown:
        by_agency.setdefault(one.building.agency, []).append(one)
    parts = [
        AgencyPart(
            site.portfolio.agencies[name],
            len(of_agency),
            sum(one.option.cost_high_thb for one in of_agency),
            sum(one.worth.tco2e for one in of_agency),
            sum(one.worth.npv_thb for one in of_agency),
            has_package(site, name),
        )
        for name, of_agency in by_agency.items()
    ]
    return sorted(parts, key=lambda part: -part.tco2e)


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
