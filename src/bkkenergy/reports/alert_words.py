"""Alerts in words: for a message and for a page."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from bkkenergy.adapters.state.alerts import Alarm
from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Portfolio


def alert_line(alarm: Alarm, portfolio: Portfolio, words: Words) -> dict[str, str]:
    """Return an alert as a line: its building, or its agency where it is of none, its kind and its text."""
    of = portfolio.buildings.get(alarm.building) or portfolio.agencies.get(alarm.agency)
    name = words.either(th=of.name_th, en=of.name_en) if of else alarm.building or alarm.agency
    return {"building": alarm.building, "place": name, "kind": alarm.kind, "text": alert_text(alarm, words)}


def alert_text(alarm: Alarm, words: Words) -> str:
    """Return what an alert says."""
    figures = dict(alarm.figures)
    values: dict[str, object] = {"meter": alarm.meter}
    if "last_seen_us" in figures:
        values["last_seen"] = words.moment(pd.Timestamp(figures["last_seen_us"], unit="us", tz=BANGKOK).to_pydatetime())
    if "month" in figures:
        values["month"] = words.month(dt.date.fromisoformat(f"{figures['month']}-01"))
    if "due" in figures:
        values["day"] = words.date(dt.date.fromisoformat(figures["due"]))
    if "rule" in figures:
        values["name"] = words(f"insight.{figures['rule']}")
        values["todo"] = words(f"insight.{figures['rule']}_do")
    values |= {name: words.number(value) for name, value in figures.items() if isinstance(value, float)}
    return words(f"alert.{alarm.kind}", **values)
