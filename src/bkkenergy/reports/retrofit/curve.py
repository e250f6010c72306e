"""The marginal abatement cost curve: what each tonne costs, the cheapest first, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bkkenergy.i18n import Words
from bkkenergy.reports.chart import nice_step
from bkkenergy.reports.retrofit.screen import Opportunity, ranked
from bkkenergy.reports.retrofit.words import measure_name

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760.0, 300.0, 78.0, 14.0, 14.0, 44.0
LINES = 5


def abatement_curve(candidates: Sequence[Opportunity], words: Words) -> Markup:
    """Draw each measure as wide as its tonnes of a year and as high as a tonne costs. Nothing without tonnes."""
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
    parts, at = [], 0.0
    values = [low + step * number for number in range(round((high - low) / step) + 1)]
    for value in values:
        parts.append(line.format(LEFT, y(value), WIDTH - RIGHT, y(value)))
        parts.append(tick.format(LEFT - 6, y(value) + 4, words.number(value)))
    for one, cost in zip(drawn, costs, strict=True):
        kind = "earns" if cost <= 0 else "costs"
        building = words.either(th=one.building.name_th, en=one.building.name_en)
        said = (
            f"{building}: {measure_name(one, words)}; {words.number(one.worth.tco2e, 1)} {words('retrofit.tonnes')}; "
            f"{words.number(cost)} {words('retrofit.abatement')}"
        )
        width = x(at + one.worth.tco2e) - x(at)
        parts.append(bar.format(kind, x(at), min(y(cost), y(0.0)), max(width - 0.6, 0.6), abs(y(cost) - y(0.0)), said))
        at += one.worth.tco2e
    parts.append(Markup('<line class="zero" x1="{:g}" y1="{:.1f}" x2="{:g}" y2="{:.1f}"/>').format(
        LEFT, y(0.0), WIDTH - RIGHT, y(0.0)))  # fmt: skip
    middle = Markup('<text class="axis" x="{:.1f}" y="{:g}" text-anchor="{}">{}</text>')
    parts.append(middle.format(LEFT, HEIGHT - BOTTOM + 18, "start", "0"))
    end = f"{words.number(total)} {words('retrofit.tonnes')}"
    parts.append(middle.format(WIDTH - RIGHT, HEIGHT - BOTTOM + 18, "end", end))
    parts.append(middle.format(LEFT, HEIGHT - 6, "start", words("retrofit.curve_axes")))
    svg = Markup('<svg class="curve" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>')
    return svg.format(WIDTH, HEIGHT, words("retrofit.curve"), Markup("").join(parts))
