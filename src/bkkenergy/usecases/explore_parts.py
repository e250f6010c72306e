"""Where a building's energy went in a period, against an earlier one, and the quarter-hours of its highest power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, edges
from bkkenergy.portfolio import Building, Meter, MeterKind
from bkkenergy.ports.ledger import QUARTERS_PER_DAY
from bkkenergy.site import Site
from bkkenergy.usecases.balance import SubMeters, sub_meters
from bkkenergy.usecases.energy import QUARTERS_PER_HOUR, building_quarters
from bkkenergy.usecases.explore import MAX_SLOTS
from bkkenergy.usecases.flows import Flow

CHANNELS_READ = 2
MAX_PEAK_DAYS = 400
PEAKS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PartOfUse:
    """What one sub-meter counted, or, without a meter, what none of those below `above` did.

    energy_kwh : of the period, None where nothing is known. share_ratio : of the meter above, None where unknown.
    known_ratio : share of the period that is known wholly.
    more_kwh : what it is more than in the earlier period, over the days that both know wholly; None without such days.
    """

    above: Meter
    meter: Meter | None
    energy_kwh: float | None
    share_ratio: float | None
    known_ratio: float
    more_kwh: float | None


@dataclass(frozen=True, slots=True)
class PeakQuarter:
    """A measured quarter-hour of high power."""

    start: pd.Timestamp
    power_kw: float


def parts_of_use(site: Site, building: Building, period: Period, earlier: Period | None) -> list[PartOfUse]:
    """Return a building's sub-meters with the rest, below each meter that has some. Raises StoreUnavailable.

    Empty where it has none, or where a period has too many of their quarter-hours.
    """
    meters = [meter for meter in building.meters if meter.kind is not MeterKind.WEATHER]
    slots = len(meters) * len(period.dates) * QUARTERS_PER_DAY * CHANNELS_READ
    if not any(meter.parent for meter in meters) or slots > MAX_SLOTS:
        return []
    before = {} if earlier is None else _flows(sub_meters(site.energy, building, earlier))
    return [part for split in sub_meters(site.energy, building, period) for part in _parts(split, before)]


def _parts(split: SubMeters, before: Mapping[tuple[str, str], Flow]) -> list[PartOfUse]:
    parts = [
        PartOfUse(
            split.meter, part.meter, *_of(part.flow, part.share_ratio, before.get((split.meter.id, part.meter.id)))
        )
        for part in split.parts
    ]
    if split.rest is not None:
        rest = _of(split.rest, split.rest_ratio, before.get((split.meter.id, "")))
        parts.append(PartOfUse(split.meter, None, *rest))
    return parts


def _of(
    flow: Flow, share_ratio: float | None, before: Flow | None
) -> tuple[float | None, float | None, float, float | None]:
    return flow.total_kwh, share_ratio, flow.known_ratio, None if before is None else _more_kwh(flow, before)


def _more_kwh(flow: Flow, before: Flow) -> float | None:
    """Return how much more a flow is than an earlier one, day by day, over the days that both know wholly."""
    days = min(len(flow.energy_kwh), len(before.energy_kwh))
    more_kwh = flow.energy_kwh[:days] - before.energy_kwh[:days]
    known = np.isfinite(more_kwh)
    return float(more_kwh[known].sum()) if known.any() else None


def _flows(splits: Sequence[SubMeters]) -> dict[tuple[str, str], Flow]:
    flows = {(split.meter.id, part.meter.id): part.flow for split in splits for part in split.parts}
    return flows | {(split.meter.id, ""): split.rest for split in splits if split.rest is not None}


def peaks_of(site: Site, building: Building, period: Period) -> list[PeakQuarter]:
    """Return the highest measured quarter-hours of a building's main meters together, one a day at most.

    Raises StoreUnavailable.
    """
    if not building.main_meters or len(period.dates) > MAX_PEAK_DAYS:
        return []
    firm_kw = building_quarters(site.energy, building, period).firm_kwh * QUARTERS_PER_HOUR
    days_kw = np.nan_to_num(firm_kw, nan=-np.inf).reshape(-1, QUARTERS_PER_DAY)
    slots, highest_kw = days_kw.argmax(axis=1), days_kw.max(axis=1)
    starts = edges(period, "15min")
    chosen = np.argsort(-highest_kw, kind="stable")[:PEAKS_SHOWN]
    return [
        PeakQuarter(starts[day * QUARTERS_PER_DAY + slots[day]], float(highest_kw[day]))
        for day in chosen.tolist()
        if np.isfinite(highest_kw[day])
    ]
