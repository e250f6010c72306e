"""The page of the state's index: an agency by month, what is missing, and a form for what a month needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.calendar import past_year
from bkkenergy.errors import InputError, NotThere
from bkkenergy.site.index_config import load_index
from bkkenergy.usecases.ereport import AMOUNTS, enter_month, ereport_months
from bkkenergy.usecases.recordforms.texts import THAI_DIGITS, plain
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor

router = APIRouter(default_response_class=HTMLResponse)
MAX_TEXT = 40


@router.get("/agencies/{agency}/ereport")
def ereport_page(agency: str, visitor: PageVisitor, month: str = "") -> Response:
    """Show an agency's index of the last twelve whole months, and a form that has what is entered of one of them."""
    _need_agency(visitor, agency)
    return _page(visitor, agency, month, {}, "")


@router.post("/agencies/{agency}/ereport")
def enter(agency: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter what an agency reports of a month. Fields that are empty stay as they are."""
    _need_agency(visitor, agency)
    visitor.need("edit", agency)
    texts = {name: text for name in AMOUNTS if (text := str(form.get(name, ""))[:MAX_TEXT].strip())}
    month = str(form.get("month", ""))[:7]
    here = visitor.here
    try:
        amounts = {name: _amount(name, text) for name, text in texts.items()}
        enter_month(here.opened.state, visitor.actor, here.portfolio, agency, _day(month), amounts, here.clock())
    except InputError as why:
        return _page(visitor, agency, month, texts, why.said(visitor.lang))
    return RedirectResponse(f"/agencies/{agency}/ereport?month={month}", 303)


def _need_agency(visitor: Visitor, agency: str) -> None:
    if agency not in visitor.here.portfolio.agencies:
        raise NotThere
    visitor.need("see", agency)


def _day(month: str) -> dt.date:
    try:
        return dt.date.fromisoformat(f"{month}-01")
    except ValueError:
        raise InputError.of("ereport_month", month=month) from None


def _amount(name: str, text: str) -> float:
    try:
        return float(text.translate(THAI_DIGITS).replace(",", ""))
    except ValueError:
        raise InputError.of("ereport_amount", name=name, amount=text) from None


def _page(visitor: Visitor, agency: str, month: str, texts: Mapping[str, str], fault: str) -> Response:
    here, words = visitor.here, visitor.words
    span = past_year(here.today)
    config = load_index(here.opened.config.folder)
    months = ereport_months(here.site, config.standard_use, agency, span)
    names = [f"{one.month:%Y-%m}" for one in months]
    chosen = month if month in names else names[-1]
    entered = next(one for one in months if f"{one.month:%Y-%m}" == chosen)
    known = {name: plain(amount) for name, amount in entered.drivers.items() if name in entered.entered}
    if entered.fuel_litres is not None:
        known["fuel_litres"] = plain(entered.fuel_litres)
    office, target = here.portfolio.agencies[agency], config.state_target
    return page(
        visitor,
        "ereport.html.j2",
        status=422 if fault else 200,
        title=words("ereport.title"),
        agency=office,
        months=months[::-1],
        chosen=chosen,
        amounts=AMOUNTS,
        texts=known | dict(texts),
        fault=fault,
        whys={f"{one.month:%Y-%m}": [why.said(visitor.lang) for why in one.why] for one in months},
        may=visitor.account.may("edit", agency),
        target=words(
            "ereport.target", share=words.percent(target.below_standard_ratio), source=target.citation.said(words.lang)
        ),
    )
