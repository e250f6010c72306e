"""A report's figures as sentences: what every renderer that writes for people shares."""

from __future__ import annotations

import datetime as dt

from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport, Attention

SAME_WITHIN_RATIO = 0.005


def title(report: AgencyReport, words: Words) -> str:
    """What kind of report this is."""
    return words(f"report.title_{report.period_kind}")


def period_text(report: AgencyReport, words: Words) -> str:
    """The period as a reader would say it."""
    return words(
        f"report.period_{report.period_kind}",
        weekday=words.weekday(report.first_day),
        date=words.date(report.first_day),
        month=words.month(report.first_day),
        year=words.year(report.last_day.year),
        first=words.date(report.first_day),
        last=words.date(report.last_day),
    )


def headline(report: AgencyReport, words: Words) -> str:
    """The report in one sentence."""
    use = report.total
    if use.energy_kwh is None:
        return words("report.headline_nothing")
    change = use.change_ratio
    if change is None:
        kind = "alone"
    elif abs(change) < SAME_WITHIN_RATIO:
        kind = "same"
    else:
        kind = "more" if change > 0 else "less"
    return words(
        f"report.headline_{kind}",
        energy=words.number(use.energy_kwh),
        change=words.percent(abs(change or 0.0), 1),
        cost=words.number(use.cost_thb),
    )


def attention_text(item: Attention, words: Words) -> str:
    """One finding as a sentence, its values written by their units."""
    return words(f"attention.{item.kind}", **{name: _value(name, value, words) for name, value in item.values.items()})


def _value(name: str, value: float | dt.datetime | str | None, words: Words) -> str:
    if isinstance(value, dt.datetime):
        return words.moment(value)
    if name.endswith("_at"):
        return words("report.unknown_last_seen")
    if isinstance(value, str) or value is None:
        return value or words.number(None)
    if name == "change_ratio":
        return words.percent(abs(value), 1)
    return words.percent(value, 0) if name.endswith("_ratio") else words.number(value)


def place(report: AgencyReport, item: Attention, words: Words) -> str:
    """The building, and the meter where it is one's own matter."""
    building = next(building for building in report.buildings if building.id == item.building_id)
    name = words.either(th=building.name_th, en=building.name_en)
    if item.meter_id is None:
        return name
    th, en = report.meter_names[item.meter_id]
    return f"{name} · {words.either(th=th, en=en)}"
