"""The page of an agency's year: beside the year before, and towards its target."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response

from bkkenergy.calendar import Period
from bkkenergy.i18n import Words
from bkkenergy.reports.budget import BudgetYear, budget_sentences, budget_title
from bkkenergy.reports.savings.budget import budget_bills, budget_year, building_money
from bkkenergy.reports.savings.comparing import total_beside_year, year_rows
from bkkenergy.reports.savings.gather import facts_of_all
from bkkenergy.reports.savings.yearly import building_year, compared_year, total_change, year_path
from bkkenergy.reports.yearpath import YearChange, YearPath
from bkkenergy.reports.yearwords import (
    beside_text,
    by_improvement,
    change_text,
    path_method,
    path_picture,
    path_sentences,
    path_title,
    year_verdict,
)
from bkkenergy.web.building import pool_of, whole_month_before
from bkkenergy.web.context import AppContext
from bkkenergy.web.fluid import fluid
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor

router = APIRouter(default_response_class=HTMLResponse)
YEAR_S = 600.0
"""How long an agency's year stays before it is computed again."""


@dataclass(frozen=True, slots=True)
class AgencyYear:
    """An agency up to yesterday. month : the last whole one, beside the year before."""

    month: Period
    path: YearPath | None
    budget: BudgetYear | None
    total: YearChange | None
    changes: tuple[YearChange, ...]


def agency_year(here: AppContext, agency: str) -> AgencyYear:
    """Return an agency's year, computed once a while for all requests. Raises StoreUnavailable."""
    key = ("agency year", agency, here.today, here.portfolio.revision)
    known: AgencyYear = here.cached(key, YEAR_S, lambda: _agency_year(here, agency))
    return known


def _agency_year(here: AppContext, agency: str) -> AgencyYear:
    site, month = here.site, whole_month_before(here.today)
    yesterday = here.today - dt.timedelta(days=1)
    buildings = [building for building in here.portfolio.buildings_of(agency) if building.main_meters]
    compared, years, moneys = [], [], []
    of_all = zip(
        buildings,
        facts_of_all(site, buildings, last_day=yesterday),
        budget_bills(site, buildings, yesterday),
        strict=True,
    )
    for building, facts, bills in of_all:
        compared.append(compared_year(site, building, month, facts.versions, facts.why or facts.series))
        years.append(building_year(site, building, facts))
        moneys.append(building_money(site, facts, years[-1], bills))
    rows = year_rows(pool_of(here), compared, month)
    total = total_beside_year(total_change(site, compared), compared, rows)
    budget = budget_year(site, agency, yesterday, moneys)
    return AgencyYear(month, year_path(site, years), budget, total, rows)


@router.get("/agencies/{agency}/year")
def year_page(agency: str, visitor: PageVisitor) -> Response:
    """Show an agency's last month beside the year before, and its fiscal year towards its target."""
    here, words = visitor.here, visitor.words
    known = here.portfolio.agencies.get(agency)
    if known is None:
        raise HTTPException(404, "not found")
    visitor.need("see", agency)
    year = agency_year(here, agency)
    names = {
        building.id: words.either(th=building.name_th, en=building.name_en)
        for building in here.portfolio.buildings_of(agency)
    }
    path = year.path
    return page(
        visitor,
        "year.html.j2",
        title=words("path.page"),
        agency=known,
        is_demo=known.demonstration,
        month=words.month(year.month.first_day),
        total=change_text(year.total, words) if year.total is not None else "",
        rows=[(change.building_id, names[change.building_id], change) for change in by_improvement(year.changes)],
        verdicts={change.building_id: _verdict(change, words) for change in year.changes},
        path=path,
        path_title=path_title(path, words) if path is not None else "",
        sentences=path_sentences(path, words) if path is not None else [],
        picture=fluid(path_picture(path, words)) if path is not None else "",
        method=path_method(words),
        budget=year.budget,
        budget_title=budget_title(year.budget, words) if year.budget is not None else "",
        budget_sentences=budget_sentences(year.budget, words) if year.budget is not None else [],
    )


def _verdict(change: YearChange, words: Words) -> str:
    beside = f" · {beside_text(change, words)}" if change.is_shared else ""
    return year_verdict(change, words) + beside or (change.why or {}).get(words.lang, "")
