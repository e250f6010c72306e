"""Where energy went in the explorer's period, and its highest quarter-hours, as its page lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bkkenergy.i18n import Words
from bkkenergy.site import Site
from bkkenergy.usecases.explore_parts import PartOfUse, parts_of_use, peaks_of
from bkkenergy.web.explore import ExploreView
from bkkenergy.web.exploretime import step_text

PART_COLOURS = 6
QUARTER = pd.Timedelta(minutes=15)
BESIDE = pd.Timedelta(hours=2)
"""How much of the day is shown on either side of a quarter-hour that is looked at."""


@dataclass(frozen=True, slots=True)
class PartRow:
    """A sub-meter, or the rest, as a line. width : of its bar, per cent. change : "" without an earlier period.

    is_most : whether it explains most of the difference.
    """

    name: str
    address: str
    energy: str
    share: str
    known: str
    change: str
    width: str
    colour: str
    is_most: bool


@dataclass(frozen=True, slots=True)
class PeakRow:
    """A quarter-hour with its power, and the address that shows it."""

    text: str
    power: str
    address: str


def part_rows(site: Site, seen: ExploreView, words: Words) -> list[PartRow]:
    """Return what each sub-meter of a building counted, the greatest first; what changed most where that is asked."""
    building = seen.look.subject.building
    if building is None or seen.look.subject.kind != "building":
        return []
    earlier = seen.comparison.period if seen.comparison is not None else None
    parts = parts_of_use(site, building, seen.look.period, earlier)
    changes = [abs(part.more_kwh) for part in parts if part.more_kwh is not None]
    most_kwh = max(changes, default=0.0)
    ordered = sorted(parts, key=lambda part: -(part.energy_kwh or 0.0))
    whole_kwh = max((part.energy_kwh or 0.0 for part in ordered), default=0.0)
    return [
        PartRow(
            _name(part, words),
            seen.asked.path(kind="meter", key=part.meter.id, quantity="", per="", against=_earlier(seen))
            if part.meter
            else "",
            words.number(part.energy_kwh),
            words.percent(part.share_ratio, 1),
            words.percent(part.known_ratio, 1),
            "" if earlier is None else _signed(part.more_kwh, words),
            f"{100 * max(part.energy_kwh or 0.0, 0.0) / whole_kwh:.1f}" if whole_kwh > 0 else "0",
            "k-rest" if part.meter is None else f"k-part-{number % PART_COLOURS}",
            part.more_kwh is not None and abs(part.more_kwh) == most_kwh and most_kwh >= 1.0,
        )
        for number, part in enumerate(ordered)
    ]


def _earlier(seen: ExploreView) -> str:
    """Return the comparison as it can be asked of a meter."""
    return seen.asked.against if seen.comparison is not None and seen.comparison.period is not None else ""


def _name(part: PartOfUse, words: Words) -> str:
    if part.meter is None:
        return words("balance.rest")
    return words.either(th=part.meter.name_th, en=part.meter.name_en)


def _signed(energy_kwh: float | None, words: Words) -> str:
    text = words.number(energy_kwh)
    return f"+{text}" if energy_kwh is not None and energy_kwh > 0 and text != "0" else text.replace("-", "−")


def peak_rows(site: Site, seen: ExploreView, words: Words) -> Sequence[PeakRow]:
    """Return the quarter-hours of the highest demand of a building, each with the hours around it a click away."""
    subject = seen.look.subject
    if subject.building is None or subject.kind != "building" or seen.look.quantity != "import":
        return []
    rows = []
    for peak in peaks_of(site, subject.building, seen.look.period):
        day = peak.start.date()
        from_s, to_s = (int(at.timestamp()) for at in (peak.start - BESIDE, peak.start + QUARTER + BESIDE))
        address = replace(seen.asked, step="").path(first=day, last=day)
        text = step_text(peak.start, "15min", words)
        rows.append(PeakRow(text, words.number(peak.power_kw, 1), f"{address}#z={from_s}-{to_s}"))
    return rows
