"""Forms for notes on days and hours, below the explorer's picture."""

from __future__ import annotations

import re

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.errors import InputError
from bkkenergy.usecases.notes import adjust_by_note, instant_of, remove_note, write_note
from bkkenergy.usecases.portfolio import portfolio_state
from bkkenergy.web.api_portfolio_rows import Number
from bkkenergy.web.security import OwnForm, PageVisitor

router = APIRouter(default_response_class=HTMLResponse)
MAX_KWH = 1e7


def back_to(target: str) -> Response:
    """Go back to the explorer's page that a form was on; to its start where the address is no page of it."""
    is_ours = re.fullmatch(r"/explore/[a-z]+/[^\s\\]*", target) is not None
    return RedirectResponse((target if is_ours else "/explore") + "#notes", 303)


@router.post("/notes")
def write(visitor: PageVisitor, form: OwnForm) -> Response:
    """Write a note on the days, or the hours of a day, that a form names."""
    visitor.need("edit")
    here = visitor.here
    first_day, last_day, of = (str(form.get(name, "")) for name in ("first", "last", "of"))
    from_hour, to_hour = (str(form.get(name, "")) for name in ("from", "to"))
    first = instant_of(f"{first_day}T{from_hour}" if from_hour else first_day, is_end=False)
    end = instant_of(f"{last_day}T{to_hour}" if to_hour else last_day, is_end=True)
    text = str(form.get("text", ""))
    write_note(here.opened.state, visitor.actor, here.portfolio, of, first, end, text, here.clock())
    return back_to(str(form.get("back", "")))


@router.post("/notes/{number}/remove")
def remove(number: Number, visitor: PageVisitor, form: OwnForm) -> Response:
    """Remove a note."""
    visitor.need("edit")
    remove_note(visitor.here.opened.state, visitor.actor, number, visitor.here.clock())
    return back_to(str(form.get("back", "")))


@router.post("/notes/{number}/adjustment")
def adjust(number: Number, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter what a note speaks of as a non-routine adjustment."""
    visitor.need("edit")
    here = visitor.here
    kwh, half = (_energy(str(form.get(name, ""))) for name in ("kwh_a_day", "half_width_kwh_a_day"))
    try:
        state = portfolio_state(here.opened.config, here.opened.state)
        adjust_by_note(state, visitor.actor, number, kwh, half, here.clock())
    finally:
        here.look_now()
    return back_to(str(form.get("back", "")))


def _energy(text: str) -> float:
    """Parse kWh from a form. Raises InputError for what is no energy of a building."""
    try:
        kwh = float(text.replace(",", "").replace("−", "-").strip() or "nan")
    except ValueError:
        kwh = float("nan")
    if not abs(kwh) <= MAX_KWH:
        raise InputError.of("no_number", field="kWh", given=text)
    return kwh
