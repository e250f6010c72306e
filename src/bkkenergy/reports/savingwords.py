"""What could be shown before a project, and what was saved day by day, in words, as data and as a picture."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from markupsafe import Markup

from bkkenergy.i18n import Words
from bkkenergy.reports.savings.power import Showable
from bkkenergy.reports.solar.drawing import Line, lines
from bkkenergy.savings.cusum import Cusum
from bkkenergy.savings.power import MAX_MONTHS, POWER

MONTHS_APART = 2
"""Of names under a chart, where it has more than a year."""
MANY_MONTHS = 12


def showable_text(known: Showable, words: Words) -> str:
    """Write whether, and after how many months, a saving could be shown; without one, the least after a year."""
    last = known.rows[-1]
    least = words.percent(last.saving_ratio, 1)
    if known.saving_ratio is None:
        return words("power.least", months=last.months, least=least, power=words.percent(POWER))
    values = {"saving": words.percent(known.saving_ratio, 1), "power": words.percent(POWER)}
    if known.months is None:
        return words("power.never", months=last.months, least=least, most=MAX_MONTHS, **values)
    return words("power.after", months=known.months, **values)


def showable_data(known: Showable) -> dict[str, Any]:
    """Return it as data."""
    return asdict(known) | {"power_ratio": POWER}


def cusum_data(known: Cusum) -> list[dict[str, Any]]:
    """Return the months of a sum as data."""
    return [asdict(month) for month in known.months()]


def cusum_picture(known: Cusum, words: Words) -> Markup:
    """Draw what was saved up to each day."""
    firsts = [(step, day) for step, day in enumerate(known.days) if day.day == 1]
    apart = MONTHS_APART if len(firsts) > MANY_MONTHS else 1
    names = [(float(step), words.month_short(day.date())) for step, day in firsts[::apart]]
    return lines([Line(known.sum_kwh.tolist(), "actual")], names, words("cusum.title"), words.number)
