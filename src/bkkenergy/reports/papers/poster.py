"""A poster of one page for the wall of a school: what was used, whether it was less, and one thing to do."""

from __future__ import annotations

from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.pageone import first_thing, saved_money
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.model import Block, KeyFigure, KeyFigures, Paper, PaperText
from bkkenergy.reports.phrasing import SAME_WITHIN_RATIO, has_own_supply
from bkkenergy.reports.render.drawings import bars_drawing
from bkkenergy.reports.shares import total_change_ratio


def poster(asked: AskedPaper) -> Paper:
    """Make the poster of a building, or of an agency, over any period; a week is the usual one."""
    report, words = asked.report, asked.words
    change = total_change_ratio(report)
    key = _key(asked)
    sentence = words(
        f"poster.{key}", energy=words.number(report.total.energy_kwh), change=words.percent(abs(change or 0.0))
    )
    blocks: list[Block] = [
        use_figures(report, words),
        *bars_drawing(report, words),
        PaperText(words("poster.task"), _task(asked)),
        PaperText(words("poster.always"), tuple(words(f"poster.habit_{n}") for n in (1, 2, 3))),
    ]
    return asked.paper(blocks, sentence=sentence, sources=asked.cost_sources, layout="poster")


def use_figures(report: AgencyReport, words: Words) -> KeyFigures:
    """Return what was used, what it cost, and what was saved where that can be said."""
    use, saved = report.total, saved_money(report, words)
    part = "" if use.coverage_ratio >= 1 else words("report.cost_of_part", coverage=words.percent(use.coverage_ratio))
    notes = [words("report.from_grid")] if has_own_supply(report) else []
    figures = [
        KeyFigure(
            words("report.energy"), use.energy_kwh, words("unit.kwh"), " · ".join([*notes, *filter(None, [part])])
        ),
        KeyFigure(words("report.bill_cost" if report.bill else "report.cost"), use.cost_thb, words("unit.thb"), part),
    ]
    if saved.thb is not None:
        figures.append(KeyFigure(saved.name, saved.thb, words("unit.thb"), saved.note))
    return KeyFigures(tuple(figures))


def _key(asked: AskedPaper) -> str:
    """Return which sentence is true: of what the grid gave alone, where a building makes energy itself."""
    change = total_change_ratio(asked.report)
    if asked.report.total.energy_kwh is None:
        return "nothing"
    if has_own_supply(asked.report):
        return "grid"
    if change is None:
        return "alone"
    return "same" if abs(change) < SAME_WITHIN_RATIO else "more" if change > 0 else "less"


def _task(asked: AskedPaper) -> tuple[str, ...]:
    first = first_thing(asked.report, asked.words)
    if first is None:
        return (asked.words("poster.go_on"),)
    stakes = f" ({first.stakes})" if first.stakes else ""
    return (f"{first.title}{stakes}", f"→ {first.task}")
