"""A poster of one page for the wall of a school: what was used, whether it was less, and one thing to do."""

from __future__ import annotations

from bkkenergy.reports.pageone import first_thing, saved_money
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.model import Block, KeyFigure, KeyFigures, Paper, PaperDrawing, PaperText
from bkkenergy.reports.phrasing import has_own_supply
from bkkenergy.reports.render.views import bar_chart
from bkkenergy.reports.shares import total_change_ratio

SAME_WITHIN_RATIO = 0.005


def poster(asked: AskedPaper) -> Paper:
    """Make the poster of a building, or of an agency, over any period; a week is the usual one."""
    report, words = asked.report, asked.words
    use = report.total
    change = total_change_ratio(report)
    key = _key(asked)
    sentence = words(f"poster.{key}", energy=words.number(use.energy_kwh), change=words.percent(abs(change or 0.0)))
    saved = saved_money(report, words)
    part = use.coverage_ratio < 1 and words("report.cost_of_part", coverage=words.percent(use.coverage_ratio))
    figures = [
        KeyFigure(words("report.energy"), use.energy_kwh, words("unit.kwh"), part or ""),
        KeyFigure(
            words("report.bill_cost" if report.bill else "report.cost"), use.cost_thb, words("unit.thb"), part or ""
        ),
    ]
    if saved.thb is not None:
        figures.append(KeyFigure(saved.name, saved.thb, words("unit.thb"), saved.note))
    blocks: list[Block] = [KeyFigures(tuple(figures))]
    bars = bar_chart(report, words)
    if bars:
        blocks.append(PaperDrawing(f"{words('report.bars_day')} ({words('unit.kwh')})", str(bars)))
    blocks.append(PaperText(words("poster.task"), _task(asked)))
    blocks.append(PaperText(words("poster.always"), tuple(words(f"poster.habit_{n}") for n in (1, 2, 3))))
    return asked.paper(blocks, sentence=sentence, sources=asked.cost_sources, layout="poster")


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
