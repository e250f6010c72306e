"""The marginal abatement cost curve: what each tonne costs, the cheapest first, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bkkenergy.i18n import Words
from bkkenergy.reports.chart import nice_step
from bkkenergy.reports.retrofit.screen import Opportunity, ranked
from bkkenergy.reports.retrofit.words import measure_name

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760.0, 300.0, 78.0, 14.0, 22.0, 26.0
LINES = 5
MIN_RANK_WIDTH = 40.0
"""A bar narrower than this has no space for its rank where the chart is as wide as a phone."""


def abatement_curve(candidates: Sequence[Opportunity], words: Words) -> Markup:
    """Draw each measure as wide as its tonnes of a year and as high as a tonne costs. Nothing without tonnes.

    Bars that have space carry their rank, which is the number of their row beside the chart.
    """
    drawn = [one for one in ranked(candidates) if one.worth.abatement_thb_per_t is not None and one.worth.tco2e > 0]
    if not drawn:
        return Markup("")
    costs = [one.worth.abatement_thb_per_t or 0.0 for one in drawn]
    step = nice_step(max(*costs, 0.0) - min(*costs, 0.0), lines=LINES)
    low, high = step * int(min(*costs, 0.0) // step), step * -int(-max(*costs, 0.0) // step)
    high = max(high, low + step)
    total = sum(one.worth.tco2e for one in drawn)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    def x(tonnes: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * tonnes / total

    line = Markup('<line class="grid" x1="{:g}" y1="{:.1f}" x2="{:g}" y2="{:.1f}"/>')
    tick = Markup('<text class="axis" x="{:g}" y="{:.1f}" text-anchor="end">{}</text>')
    bar = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')
    rank = Markup('<text class="rank" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>')
    parts, ranks, at = [], [], 0.0
    values = [low + step * number for number in range(round((high - low) / step) + 1)]
    for value in values:
        parts.append(line.format(LEFT, y(value), WIDTH - RIGHT, y(value)))
        parts.append(tick.format(LEFT - 6, y(value) + 4, words.number(value)))
    for number, (one, cost) in enumerate(zip(drawn, costs, strict=True), start=1):
        kind = "earns" if cost <= 0 else "costs"
        building = words.either(th=one.building.name_th, en=one.building.name_en)
        said = (
            f"{building}: {measure_name(one, words)}; {words.number(one.worth.tco2e, 1)} {words('retrofit.tonnes')}; "
            f"{words.number(cost)} {words('retrofit.abatement')}"
        )
        width = x(at + one.worth.tco2e) - x(at)
        parts.append(bar.format(kind, x(at), min(y(cost), y(0.0)), max(width - 0.6, 0.6), abs(y(cost) - y(0.0)), said))
        if width >= MIN_RANK_WIDTH and abs(y(cost) - y(0.0)) >= MIN_RANK_WIDTH:
            ranks.append(rank.format(x(at) + width / 2, y(0.0) + (16 if cost <= 0 else -5), number))
        at += one.worth.tco2e
    parts.append(Markup('<line class="zero" x1="{:g}" y1="{:.1f}" x2="{:g}" y2="{:.1f}"/>').format(
        LEFT, y(0.0), WIDTH - RIGHT, y(0.0)))  # fmt: skip
    middle = Markup('<text class="axis" x="{:.1f}" y="{:g}" text-anchor="{}">{}</text>')
    parts.append(middle.format(LEFT, HEIGHT - BOTTOM + 18, "start", "0"))
    end = f"{words.number(total)} {words('retrofit.tonnes')}"
    parts.append(middle.format(WIDTH - RIGHT, HEIGHT - BOTTOM + 18, "end", end))
    svg = Markup('<svg class="curve" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>')
    return svg.format(WIDTH, HEIGHT, words("retrofit.curve"), Markup("").join([*parts, *ranks]))
