"""Where a building's energy came from and went over a period: its tree of meters, hours of the week, and load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bkkenergy.calendar import Period, edges
from bkkenergy.metering.balance import share_ratio
from bkkenergy.portfolio import Building, Meter
from bkkenergy.readings import FloatArray
from bkkenergy.site import Site
from bkkenergy.usecases.balance import BuildingEnergy, Note, SubMeters, building_energy
from bkkenergy.usecases.demand import DemandQuarter, demand_quarters
from bkkenergy.usecases.energy import QUARTERS_PER_HOUR, building_quarters
from bkkenergy.usecases.flows import Flow
from bkkenergy.usecases.gross import pv_of
from bkkenergy.usecases.phases import MeterPhases, phases_of

BranchKind = Literal["grid_import", "production", "building", "grid_export", "main", "part", "rest", "use"]
WEEKDAYS, HOURS = 7, 24
DURATION_POINTS = 101


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of the tree. above : the key of what it is a part of, "" at the root; sources are above the building.

    energy_kwh : None where it is not known; a rest below zero says that sub-meters count more than the meter above.
    share_ratio : of what is above; of sources, of the whole. known_ratio : share of the period that is known wholly.
    """

    key: str
    above: str
    kind: BranchKind
    meter: Meter | None
    energy_kwh: float | None
    share_ratio: float | None
    known_ratio: float


@dataclass(frozen=True, slots=True)
class WhereItWent:
    """A period of a building. hour_kw : (7, 24) mean power by weekday and hour, NaN where no such hour is known.

    duration_kw : (101,) power that is exceeded in 0, 1 .. 100 % of the known quarter-hours; NaN without any.
    """

    period: Period
    branches: list[Branch]
    notes: tuple[Note, ...]
    hour_kw: FloatArray
    duration_kw: FloatArray
    demand: list[DemandQuarter]
    phases: list[MeterPhases]
    is_waiting: bool

    @property
    def exceeding(self) -> list[Branch]:
        """Rests below zero: their sub-meters count more than the meter above."""
        return [
            one for one in self.branches if one.kind == "rest" and one.energy_kwh is not None and one.energy_kwh < 0
        ]


def where_it_went(site: Site, building: Building, period: Period) -> WhereItWent:
    """Return where a building's energy went over whole days. Raises StoreUnavailable."""
    pv = pv_of(site.portfolio, site.projects, building, period)
    energy = building_energy(site.energy, building, period, "day", is_unmetered=pv.is_unmetered)
    known_kw = building_quarters(site.energy, building, period).known_kwh * QUARTERS_PER_HOUR
    known = known_kw[np.isfinite(known_kw)]
    return WhereItWent(
        period,
        branches_of(building, energy),
        energy.balance.notes,
        hours_of_week(known_kw, period),
        np.quantile(known, np.linspace(1, 0, DURATION_POINTS)) if len(known) else np.full(DURATION_POINTS, np.nan),
        demand_quarters(site, building, period),
        phases_of(site, building, period),
        bool(energy.waiting),
    )


def hours_of_week(known_kw: FloatArray, period: Period) -> FloatArray:
    """Return (7, 24) mean power of each hour of the week, Monday first, over the quarter-hours that are known."""
    starts = edges(period, "15min")[:-1]
    slot = starts.day_of_week.to_numpy() * HOURS + starts.hour.to_numpy()
    is_known = np.isfinite(known_kw)
    count = np.bincount(slot[is_known], minlength=WEEKDAYS * HOURS)
    total = np.bincount(slot[is_known], weights=known_kw[is_known], minlength=WEEKDAYS * HOURS)
    mean = np.full(WEEKDAYS * HOURS, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean.reshape(WEEKDAYS, HOURS)


def branches_of(building: Building, energy: BuildingEnergy) -> list[Branch]:
    """Return the tree of a balance: sources, the building, what went back, main meters, and what is below each."""
    balance = energy.balance
    sources: list[tuple[BranchKind, Flow | None]] = [
        ("grid_import", balance.grid_import),
        ("production", balance.production),
    ]
    known = min((0.0 if flow is None else flow.known_ratio for _, flow in sources), default=0.0)
    whole_kwh = _sum([None if flow is None else flow.total_kwh for _, flow in sources])
    tree = [_branch(kind, "building", kind, None, flow, whole_kwh) for kind, flow in sources if _matters(flow)]
    tree.append(Branch("building", "", "building", None, whole_kwh, None, known))
    if _matters(balance.grid_export):
        tree.append(_branch("grid_export", "building", "grid_export", None, balance.grid_export, whole_kwh))
    splits = {split.meter.id: split for split in energy.sub_meters}
    for split in energy.sub_meters:
        if split.meter.is_main:
            tree.append(_branch(split.meter.id, "building", "main", split.meter, split.whole, whole_kwh))
            tree += _below(split, splits)
    if any(meter.id not in splits for meter in building.main_meters):
        tree.append(_not_split(tree, whole_kwh, known))
    return tree


def _not_split(tree: Sequence[Branch], whole_kwh: float | None, known: float) -> Branch:
    """Return what the building used behind main meters without sub-meters: what nothing else took."""
    taken_kwh = _sum(
        [one.energy_kwh for one in tree if one.above == "building" and one.kind in {"grid_export", "main"}]
    )
    is_known = whole_kwh is not None and taken_kwh is not None
    energy_kwh = whole_kwh - taken_kwh if whole_kwh is not None and taken_kwh is not None else None
    ratio = energy_kwh / whole_kwh if energy_kwh is not None and whole_kwh else None
    return Branch("use", "building", "use", None, energy_kwh, ratio, known if is_known else 0.0)


def _below(split: SubMeters, splits: dict[str, SubMeters]) -> Iterator[Branch]:
    whole_kwh = None if split.whole is None else split.whole.total_kwh
    for part in split.parts:
        yield _branch(part.meter.id, split.meter.id, "part", part.meter, part.flow, whole_kwh, part.share_ratio)
        if (deeper := splits.get(part.meter.id)) is not None:
            yield from _below(deeper, splits)
    if split.rest is not None:
        yield _branch(f"{split.meter.id}.rest", split.meter.id, "rest", None, split.rest, whole_kwh, split.rest_ratio)


def _branch(
    key: str,
    above: str,
    kind: BranchKind,
    meter: Meter | None,
    flow: Flow | None,
    whole_kwh: float | None,
    ratio: float | None = None,
) -> Branch:
    energy_kwh = None if flow is None else flow.total_kwh
    if ratio is None and energy_kwh is not None and whole_kwh:
        ratio = share_ratio(np.array([energy_kwh]), np.array([whole_kwh]))
    return Branch(key, above, kind, meter, energy_kwh, ratio, 0.0 if flow is None else flow.known_ratio)


def _matters(flow: Flow | None) -> bool:
    """Whether a source or an export is worth a line: not where it is known to be nothing."""
    return flow is None or flow.total_kwh != 0.0 or flow.known_ratio < 1.0


def _sum(totals: Sequence[float | None]) -> float | None:
    """Sum totals; None where one of them is not known."""
    known = [total for total in totals if total is not None]
    return float(sum(known)) if len(known) == len(totals) else None
