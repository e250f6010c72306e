"""Pictures of a report for its papers and documents: bars as SVG and as figures, what documents alone have as these."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.papers.model import ChartSeries, PaperChart, PaperDrawing
from bkkenergy.reports.phrasing import WHOLE_RATIO
from bkkenergy.reports.pictures import HOURS, as_grid, coloured, png
from bkkenergy.reports.render.views import bar_chart, bar_name
from bkkenergy.reports.scopewords import of_scope

HEAT_PIXELS = (1200, 480)
"""Of a heat map in a document, across and down, at least: programs for offices blur what they enlarge."""


def report_drawings(report: AgencyReport, words: Words) -> Iterator[PaperDrawing]:
    """Yield the pictures of page one: use by hour, use by days or months, the heat map; those that there are."""
    yield from profile_drawing(report, words)
    yield from bars_drawing(report, words)
    yield from heat_drawing(report, words)


def bars_drawing(report: AgencyReport, words: Words) -> list[PaperDrawing]:
    """Return use by days (or months) as bars, and what their marks are; nothing where there is none."""
    bars = bar_chart(report, words)
    if not bars:
        return []
    shown = report.pictures.bars
    has_expected = any(bar.expected_kwh is not None for bar in shown)
    title = f"{words(f'report.bars_{report.pictures.bar_step}')} ({words('unit.kwh')})"
    series = [ChartSeries(words("report.bar_actual"), tuple(bar.energy_kwh for bar in shown), "bars")]
    if has_expected:
        expected = tuple(bar.expected_kwh for bar in shown)
        series.append(ChartSeries(words("report.bar_expected"), expected, "marks", is_use=False))
    chart = PaperChart(tuple(bar_name(report, bar, words) for bar in shown), tuple(series))
    return [PaperDrawing(title, str(bars), words("report.bars_legend") if has_expected else "", chart)]


def profile_drawing(report: AgencyReport, words: Words) -> list[PaperDrawing]:
    """Return the mean power of each hour beside the usual; nothing where there is none."""
    use = report.total
    if not any(kw is not None for kw in use.profile_kw):
        return []
    series = [ChartSeries(words("report.profile_actual"), use.profile_kw, "lines")]
    if use.usual_profile_kw:
        series.append(ChartSeries(words("report.profile_usual"), use.usual_profile_kw, "lines", is_use=False))
    chart = PaperChart(tuple(f"{hour:02d}:00" for hour in range(len(use.profile_kw))), tuple(series))
    title = f"{words('report.profile')} ({words('unit.kw')})"
    legend = of_scope("profile_gaps", report, words) if use.coverage_ratio < WHOLE_RATIO else ""
    return [PaperDrawing(title, legend=legend, chart=chart)]


def heat_drawing(report: AgencyReport, words: Words) -> list[PaperDrawing]:
    """Return the heat map with its axes in words; nothing where there is none."""
    grid, first = as_grid(report.pictures.heat_kw), report.pictures.heat_first_day
    if not np.isfinite(grid).any():
        return []
    wide, high = (-(-pixels // count) for pixels, count in zip(HEAT_PIXELS, (len(grid), HOURS), strict=True))
    image = png(np.kron(coloured(grid.T), np.ones((high, wide, 1), np.uint8)))
    legend = words(
        "report.heat_axes", first=words.date(first), last=words.date(first + dt.timedelta(days=len(grid) - 1)),
        kw=words.number(float(np.nanmax(grid))),
    )  # fmt: skip
    return [PaperDrawing(words("report.heat"), legend=legend, image=image)]
