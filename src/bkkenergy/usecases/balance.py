"""Balances a building's energy: grid and PV against use, sub-meters against their main meter, virtual meters.

A total is the energy that the ledger accepted, as in every report; beside it stands the share of the period that is
known wholly. What cannot be computed is None, and a note says why.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, Step, edges
from bkkenergy.metering.balance import Balance, balance, rest_kwh, share_ratio
from bkkenergy.portfolio import Building, Meter, VirtualMeter
from bkkenergy.ports.ledger import LedgerReader
from bkkenergy.readings import FloatArray
from bkkenergy.usecases.flows import Flow, FlowSeries, Quarters

EXPORT_TOLERANCE_RATIO = 0.001
"""Export up to this share of the import is a meter's own error, not energy that a generator made."""
EXCEEDS_KWH = 0.001
"""Sub-meters count more than their main meter from here on: the precision of the ledger's sums."""


class Note(StrEnum):
    """Why a part of a balance is not known, or what is to be known about it."""

    NO_MAIN_METER = "no_main_meter"
    """Nothing measures what the grid gives: import, export and use are not known."""
    PV_NOT_METERED = "pv_not_metered"
    """PV is on the roof, and no meter counts it: production and use are not known."""
    EXPORT_WITHOUT_PV = "export_without_pv"
    """Energy flows back, and the portfolio has no PV: what produces it is not known, and so not the use."""
    EXPORT_NOT_METERED = "export_not_metered"
    """PV is there, and a main meter has no export register: export is not known, and counts as zero in the use."""
    EXPORT_EXCEEDS_PRODUCTION = "export_exceeds_production"
    """More went back than the PV meters counted."""
    PV_COUNTS_ON_EXPORT = "pv_counts_on_export"
    """A PV meter counts more on its export register: it may be connected the wrong way round."""
    PV_PLACE_UNKNOWN = "pv_place_unknown"
    """Several main meters, and a PV meter has no parent: the rest behind a main meter is not known."""


@dataclass(frozen=True, slots=True)
class BuildingBalance:
    """Where a building's energy comes from, and where it goes.

    Flows that cannot be computed are None, with the reason in `notes`. tenants : None without tenants.
    gross_use = grid_import + production - grid_export - tenants. Its total counts the quarter-hours in which
    production, export and tenants have a value; known_ratio says how many are known wholly.
    """

    grid_import: Flow | None
    grid_export: Flow | None
    production: Flow | None
    self_consumption: Flow | None
    tenants: Flow | None
    gross_use: Flow | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class SubMeterShare:
    """A sub-meter's energy, and its share of the meter above it where both are known."""

    meter: Meter
    flow: Flow
    share_ratio: float | None


@dataclass(frozen=True, slots=True)
class Joint:
    """Energy of a meter and of those right below it, over the intervals in which all are known; their share, 0..1."""

    whole_kwh: float
    parts_kwh: float
    known_ratio: float

    @property
    def over_kwh(self) -> float:
        """What the sub-meters count beyond the whole."""
        return self.parts_kwh - self.whole_kwh


@dataclass(frozen=True, slots=True)
class SubMeters:
    """A meter with those right below it.

    whole : what passed it, less what went back, with the PV that feeds in below it. None where that PV is not known.
    pv : the PV meters that feed in below it, where that is known.
    rest : of the whole, what no sub-meter counts; negative where these count more.
    """

    meter: Meter
    pv: tuple[Meter, ...]
    whole: Flow | None
    parts: tuple[SubMeterShare, ...]
    rest: Flow | None
    rest_ratio: float | None
    notes: tuple[Note, ...]

    @property
    def joint(self) -> Joint | None:
        """The whole and its parts together; None where the whole is not known."""
        if self.whole is None:
            return None
        parts = np.column_stack([part.flow.energy_kwh for part in self.parts])
        known = np.isfinite(self.whole.energy_kwh) & np.isfinite(parts).all(axis=1)
        return Joint(float(self.whole.energy_kwh[known].sum()), float(parts[known].sum()), float(known.mean()))

    @property
    def exceed_main(self) -> bool:
        """Whether the sub-meters count more than the main meter."""
        return self.rest is not None and self.rest.total_kwh is not None and self.rest.total_kwh < -EXCEEDS_KWH


@dataclass(frozen=True, slots=True)
class VirtualEnergy:
    """A virtual meter's energy."""

    meter: VirtualMeter
    flow: Flow


@dataclass(frozen=True, slots=True)
class BuildingEnergy:
    """All of a building's balance.

    starts : (n,) of the intervals, Bangkok's time. waiting : days that are still to be computed again.
    """

    starts: pd.DatetimeIndex
    balance: BuildingBalance
    sub_meters: tuple[SubMeters, ...]
    virtual_meters: tuple[VirtualEnergy, ...]
    waiting: tuple[dt.date, ...]


def building_energy(
    ledger: LedgerReader, building: Building, period: Period, step: Step, *, is_unmetered: bool = False
) -> BuildingEnergy:
    """Return a building's balance, sub-meters and virtual meters over whole days. Raises StoreUnavailable.

    is_unmetered : a PV plant is entered that no meter counts (`usecases.gross.pv_of`).
    """
    quarters = Quarters.read(ledger, building, period, step)
    return BuildingEnergy(
        edges(period, step)[:-1],
        _balance(quarters, is_unmetered=is_unmetered),
        _sub_meters(quarters),
        tuple(VirtualEnergy(virtual, _virtual(quarters, virtual)) for virtual in building.virtual_meters),
        quarters.waiting,
    )


def sub_meters(ledger: LedgerReader, building: Building, period: Period, step: Step = "day") -> tuple[SubMeters, ...]:
    """Return each meter that has sub-meters, with these and the rest. Raises StoreUnavailable."""
    return _sub_meters(Quarters.read(ledger, building, period, step))


def _balance(quarters: Quarters, *, is_unmetered: bool) -> BuildingBalance:
    building = quarters.building
    mains = building.main_meters
    production = quarters.imported(building.pv_meters) if building.pv_meters else None
    production_flow = None if production is None else _flow_of_pv(quarters)
    tenants = tenants_of(quarters)
    paid = None if tenants is None else quarters.flow(tenants)
    if not mains:
        notes = (Note.NO_MAIN_METER, *notes_on_pv(quarters, None, is_unmetered=is_unmetered))
        return BuildingBalance(None, None, production_flow, None, paid, None, notes)
    bought, sold = quarters.accepted(mains), quarters.exported(mains)
    notes = notes_on_pv(quarters, sold, is_unmetered=is_unmetered)
    flows = quarters.flow(bought), None if Note.EXPORT_NOT_METERED in notes else quarters.flow(sold)
    if Note.PV_NOT_METERED in notes or Note.EXPORT_WITHOUT_PV in notes:
        return BuildingBalance(*flows, None, None, paid, None, notes)
    nothing = bought.with_kwh(np.zeros_like(sold.kwh))
    split = _parts(bought, sold, production or nothing, tenants)
    parts = [part for part in (sold, production, tenants) if part is not None]
    self_consumed = sold.with_kwh(split.self_consumption_kwh, production or sold)
    return BuildingBalance(
        *flows,
        production_flow or quarters.flow(_none_of(bought)),
        quarters.flow(self_consumed if production else _none_of(bought)),
        paid,
        quarters.flow(bought.with_kwh(split.gross_use_kwh, *parts)),
        notes,
    )


def _parts(bought: FlowSeries, sold: FlowSeries, production: FlowSeries, tenants: FlowSeries | None) -> Balance:
    return balance(bought.kwh, sold.kwh, production.kwh, None if tenants is None else tenants.kwh)


def _none_of(like: FlowSeries) -> FlowSeries:
    """Return nothing at all, known in every quarter-hour: what a building without PV produces."""
    sure = np.ones(len(like.kwh), np.bool_)
    return FlowSeries(np.zeros(len(like.kwh)), sure, sure)


def _flow_of_pv(quarters: Quarters) -> Flow:
    """Return what the PV meters counted together, as reports sum it."""
    return quarters.flow(quarters.accepted(quarters.building.pv_meters))


def tenants_of(quarters: Quarters) -> FlowSeries | None:
    """Return what tenants used; None without tenants."""
    signs = {name: sign for name, sign in quarters.building.tenant_signs.items() if sign}
    return quarters.imported(list(signs), list(signs.values())) if signs else None


def notes_on_pv(quarters: Quarters, sold: FlowSeries | None, *, is_unmetered: bool = False) -> tuple[Note, ...]:
    """Return what is to be known about production, and about what went back."""
    building, notes = quarters.building, []
    exported_kwh = 0.0 if sold is None else float(np.nansum(sold.kwh))
    if not building.has_pv and not is_unmetered:
        bought_kwh = float(np.nansum(quarters.accepted(building.main_meters).kwh))
        is_real = exported_kwh > EXCEEDS_KWH + EXPORT_TOLERANCE_RATIO * bought_kwh
        return (Note.EXPORT_WITHOUT_PV,) if is_real else ()
    if any(meter.id in quarters.no_export for meter in building.main_meters):
        notes.append(Note.EXPORT_NOT_METERED)
    if is_unmetered or not building.pv_meters:
        return (Note.PV_NOT_METERED, *notes)
    production = quarters.imported(building.pv_meters)
    if sold is not None and _exceeds(sold.kwh, production.kwh):
        notes.append(Note.EXPORT_EXCEEDS_PRODUCTION)
    if any(_exceeds(quarters.exported([pv]).kwh, quarters.imported([pv]).kwh) for pv in building.pv_meters):
        notes.append(Note.PV_COUNTS_ON_EXPORT)
    return tuple(notes)


def _exceeds(kwh: FloatArray, other_kwh: FloatArray) -> bool:
    """Return whether one energy is more than another where both are known."""
    both = np.isfinite(kwh) & np.isfinite(other_kwh)
    return float(kwh[both].sum()) > float(other_kwh[both].sum()) + EXCEEDS_KWH


def _virtual(quarters: Quarters, virtual: VirtualMeter) -> Flow:
    signs = [1.0] * len(virtual.plus) + [-1.0] * len(virtual.minus)
    return quarters.flow(quarters.imported([*virtual.plus, *virtual.minus], signs))


def _sub_meters(quarters: Quarters) -> tuple[SubMeters, ...]:
    building = quarters.building
    energy = [meter for meter in building.meters if meter.is_electric and not meter.pv]
    below = {meter.id: [child for child in energy if child.parent == meter.id] for meter in energy}
    return tuple(_split(quarters, meter, below[meter.id]) for meter in energy if below[meter.id])


def _split(quarters: Quarters, meter: Meter, children: Sequence[Meter]) -> SubMeters:
    """Split a meter's energy among the meters right below it, by what enters and leaves that node."""
    nets = [quarters.net(child) for child in children]
    pv, notes = _pv_below(quarters, meter)
    if pv is None:
        parts = tuple(SubMeterShare(child, quarters.flow(net), None) for child, net in zip(children, nets, strict=True))
        return SubMeters(meter, (), None, parts, None, None, notes)
    net = quarters.net(meter)
    whole = net
    if pv:
        production = quarters.imported(pv)
        whole = net.with_kwh(net.kwh + production.kwh, production)
    rest = whole.with_kwh(rest_kwh(whole.kwh, np.column_stack([net.kwh for net in nets])), *nets)
    parts = tuple(
        SubMeterShare(child, quarters.flow(net), share_ratio(net.kwh, whole.kwh))
        for child, net in zip(children, nets, strict=True)
    )
    return SubMeters(
        meter, pv, quarters.flow(whole), parts, quarters.flow(rest), share_ratio(rest.kwh, whole.kwh), notes
    )


def _pv_below(quarters: Quarters, meter: Meter) -> tuple[tuple[Meter, ...] | None, tuple[Note, ...]]:
    """Return PV meters that feed in right below a meter, and notes; None where that is not known."""
    building = quarters.building
    pv_below = tuple(pv for pv in building.pv_meters if pv.parent == meter.id)
    if not meter.is_main:
        return pv_below, ()
    notes = notes_on_pv(quarters, quarters.exported(building.main_meters))
    if Note.PV_NOT_METERED in notes or Note.EXPORT_WITHOUT_PV in notes:
        return None, notes
    loose = tuple(pv for pv in building.pv_meters if pv.parent is None)
    if loose and len(building.main_meters) > 1:
        return None, (*notes, Note.PV_PLACE_UNKNOWN)
    return pv_below + loose, notes
