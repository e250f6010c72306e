"""The explorer's view turned into pictures and their legend."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Words
from bkkenergy.readings import Quality
from bkkenergy.usecases.explore import FROM_ANYWHERE, STEP_HOURS, is_mean
from bkkenergy.web.explore import ExploreView, comparison_name, digits_of, subject_name, unit_of
from bkkenergy.web.explorechart import Drawing, HoverStep, picture, strip
from bkkenergy.web.exploretime import period_text, share_of, shares, step_text, ticks

MAX_HOVERS = 100
"""More steps than that are too narrow to be pointed at: then the table or the script shows each."""


def pictures(seen: ExploreView, words: Words) -> list[tuple[str, Markup]]:
    """Draw what is shown, and the weather below it: each with its caption."""
    look, series, other = seen.look, seen.series, seen.comparison
    unit, steps = unit_of(look, words), shares(look.period, look.step)
    digits = digits_of(series.values)
    title = f"{subject_name(look.subject, words)} · {period_text(look.period, words)} ({unit})"
    is_bars = look.step not in STEP_HOURS and not is_mean(look.quantity)
    drawing = Drawing(
        title=title,
        edges=steps,
        values=series.values,
        complete=series.is_complete,
        estimated=series.is_complete & (series.quality == Quality.ESTIMATED),
        compared=None if other is None else other.values,
        low=None if other is None else other.low,
        high=None if other is None else other.high,
        is_bars=is_bars,
        from_zero=look.quantity not in FROM_ANYWHERE,
        closed=_closed(seen),
        marks=[(share_of(look.period, mark.at), mark.number) for mark in seen.marks],
        ticks=ticks(look.period, words),
        hovers=_hovers(seen, words, unit, digits),
        number=lambda value: words.number(value, 0 if value == round(value) else max(digits, 1)),
    )
    drawn = picture(drawing)
    shown = [(unit, drawn)] if drawn else []
    if seen.weather is not None and drawn:
        name = words(f"explore.weather_{'irradiance' if look.quantity == 'production' else 'temperature'}")
        below = strip(name, steps, seen.weather.values, words.number)
        shown += [(name, below)] if below else []
    return shown


def _closed(seen: ExploreView) -> list[tuple[float, float]]:
    period = seen.look.period
    spans = []
    for day in seen.closed:
        start = pd.Timestamp(day, tz=BANGKOK)
        spans.append((share_of(period, start), share_of(period, start + pd.Timedelta(days=1))))
    return spans


def _hovers(seen: ExploreView, words: Words, unit: str, digits: int) -> list[HoverStep]:
    """Return what pointing at a step says, and where a click on a day or month leads."""
    look, series = seen.look, seen.series
    if len(series.starts) > MAX_HOVERS:
        return []
    hovers = []
    for row, start in enumerate(series.starts):
        value, quality = words.number(float(series.values[row]), digits), Quality(int(series.quality[row]))
        said = f"{step_text(start, look.step, words)}: {value} {unit}"
        if series.has_begun[row] and quality is not Quality.MEASURED:
            said += f" ({words(f'explore.quality_{quality.name.lower()}')})"
        if seen.comparison is not None and np.isfinite(seen.comparison.values[row]):
            compared = words.number(float(seen.comparison.values[row]), digits)
            said += f" · {comparison_name(seen.comparison, words)}: {compared} {unit}"
        address = ""
        if look.step not in STEP_HOURS:
            last = start + (pd.offsets.MonthEnd(0) if look.step == "month" else pd.Timedelta(0))
            address = seen.asked.path(first=start.date(), last=last.date(), step="")
        hovers.append(HoverStep(said, address))
    return hovers


def legend(seen: ExploreView, words: Words) -> list[tuple[str, str]]:
    """Return what each kind of line, bar or shade means: (class, text), of those that the picture has."""
    series, other = seen.series, seen.comparison
    complete = series.is_complete
    partial = ~complete & np.isfinite(series.values)
    kind = "bar" if seen.look.step not in STEP_HOURS and not is_mean(seen.look.quantity) else "line"
    lines = [(kind, subject_name(seen.look.subject, words))]
    if other is not None:
        has_interval = bool(np.isfinite(other.low).any())
        is_band = has_interval and other.kind != "phases"
        name = words("explore.line_baseline_band") if is_band else comparison_name(other, words)
        lines.append(("compared interval" if has_interval else "compared", name))
    if partial.any():
        lines.append((f"{kind} partial", words("explore.legend_partial")))
    if (complete & (series.quality == Quality.ESTIMATED)).any():
        lines.append(("estimated", words("explore.legend_estimated")))
    if seen.closed:
        lines.append(("closed", words("explore.legend_closed")))
    if (series.has_begun & ~np.isfinite(series.values)).any():
        lines.append(("gap", words("explore.legend_gap")))
    if seen.marks:
        lines.append(("mark", words("explore.legend_marks")))
    return lines
