"""What the use of a period is compared with on a report's first page, each with its money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from bkkenergy.calendar import Period, PeriodKind, same_days_before
from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport, YearBefore
from bkkenergy.reports.phrasing import has_own_supply
from bkkenergy.reports.scopewords import of_scope
from bkkenergy.reports.shares import (
    MIN_COMPARED_RATIO,
    MIN_JUDGED_RATIO,
    has_verdict,
    judged_ratio,
    total_change_ratio,
    year_before_ratio,
    year_change_ratio,
)
from bkkenergy.reports.yearwords import beside_text, year_verdict
from bkkenergy.texts import BE_OFFSET_YEARS

SAME_USE_RATIO = 0.001
"""Two sums of use that are nearer are one figure to a reader."""


@dataclass(frozen=True, slots=True)
class ComparedWith:
    """One comparison: with what, how much that is, and how far the use is from it.

    difference_thb : at the report's mean price; None where it is not known. is_sure : the difference is no chance.
    of_use : which use is compared, where that is not the one that the report states.
    """

    name: str
    reference_kwh: float
    change_ratio: float
    difference_kwh: float
    difference_thb: float | None
    note: str
    is_sure: bool = True
    of_use: tuple[str, ...] = ()


def comparisons(report: AgencyReport, words: Words) -> list[ComparedWith]:
    """List what the period can be compared with; nothing where that is the usual alone, which has a card of its own."""
    every = (_usual, _year_before, _year_adjusted, *(() if report.period_kind == "day" else (_baseline, _target)))
    rows = [row for rows in every for row in rows(report, words)]
    return rows if len(rows) > 1 or (rows and total_change_ratio(report) is None) else []


def year_row(report: AgencyReport, words: Words) -> ComparedWith | None:
    """Return the comparison with the year before; None without one."""
    return next(_year_before(report, words), None)


def usual_row(report: AgencyReport, words: Words) -> ComparedWith | None:
    """Return the comparison with the usual; None without one."""
    return next(_usual(report, words), None)


def adjusted_row(report: AgencyReport, words: Words) -> ComparedWith | None:
    """Return the comparison with the year before under this period's weather; None without one."""
    return next(_year_adjusted(report, words), None)


def baseline_row(report: AgencyReport, words: Words) -> ComparedWith | None:
    """Return the comparison with the baselines, of a day those of the fiscal year so far; None without one."""
    return next(_baseline(report, words), None)


def comparison_methods(report: AgencyReport, words: Words) -> list[str]:
    """Say how the comparisons were made."""
    lines = []
    if report.year_before is not None:
        lines.append(words("compared.method_year", coverage=words.percent(report.min_coverage_ratio)))
    if report.total_year_change is not None:
        lines.append(words("compared.method_adjusted"))
    if report.target is not None and report.period_kind != "day" and any(True for _ in _target(report, words)):
        lines += target_method(report, words)
    return [*lines, words("compared.method_money")] if comparisons(report, words) else lines


def target_method(report: AgencyReport, words: Words) -> list[str]:
    """Say what the target is and who set it; nothing without one."""
    if report.target is None:
        return []
    year, ratio = words.year(report.target.year_be - BE_OFFSET_YEARS), words.percent(report.target.saving_ratio)
    return [of_scope("method_target", report, words, ratio=ratio, year=year, source=report.target.source)]


def signed(value: float | None, words: Words, digits: int = 0) -> str:
    """Format a difference with its sign."""
    text = words.number(value, digits).replace("-", "\N{MINUS SIGN}")
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def _used_note(report: AgencyReport, used_kwh: float, words: Words) -> list[str]:
    """Say which use is compared, where the report states another: that with own production, or that of a part."""
    stated_kwh = report.total.energy_kwh or 0.0
    if abs(used_kwh - stated_kwh) <= SAME_USE_RATIO * stated_kwh:
        return []
    key = "compared.gross_use" if has_own_supply(report) else "compared.use_of_part"
    return [words(key, energy=words.number(used_kwh))]


def _thb(report: AgencyReport, kwh: float) -> float | None:
    use = report.total
    return kwh * use.cost_thb / use.energy_kwh if use.cost_thb is not None and use.energy_kwh else None


def _usual(report: AgencyReport, words: Words) -> Iterator[ComparedWith]:
    change, usual_kwh = total_change_ratio(report), report.total.usual_kwh
    if change is not None and usual_kwh:
        kwh = change * usual_kwh
        yield ComparedWith(words("compared.usual"), usual_kwh, change, kwh, _thb(report, kwh), "")


def _year_before(report: AgencyReport, words: Words) -> Iterator[ComparedWith]:
    before = report.year_before
    if before is None or year_before_ratio(report, before) < MIN_COMPARED_RATIO:
        return
    name = _year_name(report, Period.days(before.first_day, before.last_day), words)
    is_whole = before.building_count == before.all_count
    notes = [] if is_whole else [words("compared.part", count=before.building_count, all=before.all_count)]
    notes += [words("report.from_grid")] if has_own_supply(report) else []
    notes += [scaled] if (scaled := _scaled_note(report, before, words)) else []
    note = " · ".join(notes)
    kwh = before.actual_kwh - before.energy_kwh
    yield ComparedWith(name, before.energy_kwh, kwh / before.energy_kwh, kwh, _thb(report, kwh), note)


def _scaled_note(report: AgencyReport, before: YearBefore, words: Words) -> str:
    """Say where a year stands for more days than are known of it."""
    days = Period.days(report.first_day, report.last_day), Period.days(before.first_day, before.last_day)
    known = before.known_days, before.known_days_before
    if None in known or all(few == len(period.dates) for few, period in zip(known, days, strict=True)):
        return ""
    count = known[0] if before.is_of_known_days else len(days[0].dates)
    return words("compared.scaled", now=known[0], then=known[1], days=count)


def _year_name(report: AgencyReport, before: Period, words: Words) -> str:
    """Return how the same days of the year before are called."""
    if report.period_kind == "fiscal_year":
        return words("report.period_fiscal_year", year=words.year(before.last_day.year))
    if report.period_kind == "quarter":
        return words.period(replace(before, kind="quarter").slug)
    if report.period_kind == "month":
        return words("compared.month", month=words.month(before.first_day))
    return words.period(before.slug)


def _year_adjusted(report: AgencyReport, words: Words) -> Iterator[ComparedWith]:
    """Compare with the year before as it would have been with this year's weather and calendar."""
    total = report.total_year_change
    if total is None or not total.adjusted_kwh or total.actual_kwh is None or total.change_ratio is None:
        return
    if year_change_ratio(report) < MIN_COMPARED_RATIO:
        return
    before = same_days_before(
        Period.days(report.first_day, report.last_day, kind=cast("PeriodKind", report.period_kind))
    )
    kwh = total.actual_kwh - total.adjusted_kwh
    count, every = sum(1 for one in report.year_changes if one.adjusted_kwh is not None), len(report.year_changes)
    notes = [year_verdict(total, words), *([beside_text(total, words)] if total.is_shared else [])]
    notes += [] if count == every else [words("compared.part", count=count, all=every)]
    of_use = _used_note(report, total.actual_kwh, words)
    yield ComparedWith(
        words("compared.adjusted", name=_year_name(report, before, words)),
        total.adjusted_kwh,
        total.change_ratio,
        kwh,
        _thb(report, kwh),
        " · ".join([*notes, *of_use]),
        of_use=tuple(of_use),
        is_sure=total.is_sure and year_change_ratio(report) >= MIN_JUDGED_RATIO,
    )


def _baseline(report: AgencyReport, words: Words) -> Iterator[ComparedWith]:
    saving = report.total_saving
    if saving is None or not saving.baseline_kwh or saving.actual_kwh is None:
        return
    if judged_ratio(report) < MIN_COMPARED_RATIO:
        return
    kwh = saving.actual_kwh - saving.baseline_kwh
    is_sure = has_verdict(report)
    note = words("compared.significant" if is_sure else "compared.not_significant")
    note = " · ".join([note, *_used_note(report, saving.actual_kwh, words)])
    yield ComparedWith(
        words("learn.baseline"), saving.baseline_kwh, kwh / saving.baseline_kwh, kwh, _thb(report, kwh), note, is_sure
    )


def _target(report: AgencyReport, words: Words) -> Iterator[ComparedWith]:
    target, saving = report.target, report.total_saving
    if target is None or saving is None or saving.actual_kwh is None:
        return
    if not saving.baseline_kwh or judged_ratio(report) < MIN_JUDGED_RATIO:
        return
    target_kwh = saving.baseline_kwh * (1 - target.saving_ratio)
    kwh = saving.actual_kwh - target_kwh
    year = words.year(target.year_be - BE_OFFSET_YEARS)
    name = words("compared.target", year=year, ratio=words.percent(target.saving_ratio))
    note = words("compared.reached" if kwh <= 0 else "compared.not_reached")
    yield ComparedWith(name, target_kwh, kwh / target_kwh, kwh, _thb(report, kwh), note, is_sure=False)
