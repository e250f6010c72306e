"""Emissions where the grid factor changes: each amount by the factors of its days, and all by one factor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from bkkenergy.calendar import Period
from bkkenergy.carbon import GridFactor, emissions_kg, in_order
from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.scopewords import of_scope


@dataclass(frozen=True, slots=True)
class EmissionRow:
    """Emissions of some days. co2e_kg : by the factors of these days. same_co2e_kg : by the newest of all rows."""

    name: str
    energy_kwh: float
    co2e_kg: float
    same_co2e_kg: float


@dataclass(frozen=True, slots=True)
class EmissionTrend:
    """Emissions across a change of factor, the newest days first.

    change_ratio, same_change_ratio : of the first row against the second, by the factors of the days and by one; None
    where there is one row.
    """

    factors: tuple[GridFactor, ...]
    rows: tuple[EmissionRow, ...]
    change_ratio: float | None
    same_change_ratio: float | None

    @property
    def newest(self) -> GridFactor:
        """The factor by which all rows are compared."""
        return self.factors[-1]


def emission_trend(report: AgencyReport, words: Words) -> EmissionTrend | None:
    """Return the emissions of a report, and of the year before, where their factors differ; else None."""
    before, use = report.year_before, report.total
    factors = in_order([*report.factors, *(before.factors if before else ())])
    if len({factor.kg_co2e_per_kwh for factor in factors}) < 2:  # noqa: PLR2004 - one factor is no change
        return None
    rows = []
    if before is not None and before.co2e_kg is not None and before.actual_co2e_kg is not None:
        now, then = (_named(report.period_kind, one.first_day, one.last_day, words) for one in (report, before))
        rows = [
            _row(now, before.actual_kwh, before.actual_co2e_kg, factors[-1]),
            _row(then, before.energy_kwh, before.co2e_kg, factors[-1]),
        ]
    elif len(report.factors) > 1 and use.energy_kwh is not None and use.co2e_kg is not None:
        rows = [_row(of_scope("total", report, words), use.energy_kwh, use.co2e_kg, factors[-1])]
    return _trend(factors, rows) if rows else None


def _named(kind: str, first: dt.date, last: dt.date, words: Words) -> str:
    """Name a month or a fiscal year as such, other days by the first and the last."""
    if kind == "month":
        return words.month(first)
    if kind == "fiscal_year":
        return words("report.period_fiscal_year", year=words.year(last.year))
    return words.period(Period.days(first, last).slug)


def _row(name: str, energy_kwh: float, co2e_kg: float, newest: GridFactor) -> EmissionRow:
    return EmissionRow(name, energy_kwh, co2e_kg, emissions_kg(energy_kwh, newest))


def _trend(factors: tuple[GridFactor, ...], rows: Sequence[EmissionRow]) -> EmissionTrend:
    if len(rows) == 1 or not rows[1].co2e_kg:
        return EmissionTrend(factors, tuple(rows), None, None)
    now, then = rows
    return EmissionTrend(factors, tuple(rows), now.co2e_kg / then.co2e_kg - 1, now.same_co2e_kg / then.same_co2e_kg - 1)


def trend_note(trend: EmissionTrend, words: Words) -> str:
    """Say that the factor changed, from what to what and when, and how much of a change is no change of use."""
    old, new = trend.factors[-2:]
    text = words(
        "emission.changed",
        old=words.number(old.kg_co2e_per_kwh, 4),
        new=words.number(new.kg_co2e_per_kwh, 4),
        day=words.date(new.valid_from),
    )
    if trend.change_ratio is None or trend.same_change_ratio is None:
        return text
    ratios = {
        "change": words.percent(trend.change_ratio, 1, signed=True),
        "same": words.percent(trend.same_change_ratio, 1, signed=True),
    }
    return f"{text} {words('emission.split', **ratios)}"


def upstream_note(report: AgencyReport, words: Words) -> str:
    """Say what scope 3 category 3 is, by which factor, and of which days; empty where it is not known."""
    upstream = report.upstream
    if upstream is None:
        return ""
    text = words(
        "emission.upstream",
        tonnes=words.number(upstream.co2e_kg / 1000, 2),
        factor=" / ".join(words.number(factor.kg_co2e_per_kwh, 4) for factor in upstream.factors),
        source="; ".join(words.either(th=one.source_th or one.source, en=one.source) for one in upstream.factors),
    )
    if (upstream.first_day, upstream.last_day) == (report.first_day, report.last_day):
        return text
    days = Period.days(upstream.first_day, upstream.last_day)
    return f"{text} {words('emission.upstream_part', days=words.period(days.slug))}"


def issued_note(report: AgencyReport, words: Words) -> str:
    """Say that a revision has the factors of the first, where others were entered since; else nothing."""
    if not report.entered_factors:
        return ""
    entered = " / ".join(words.number(factor.kg_co2e_per_kwh, 4) for factor in report.entered_factors)
    return words("emission.issued", factor=entered)
