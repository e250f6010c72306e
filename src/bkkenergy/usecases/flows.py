"""Quarter-hours of a building's meters, both ways, and the flows that balances are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import Period, Step, edges
from bkkenergy.metering.balance import signed_sum
from bkkenergy.metering.quarters import FIRM, WHOLE
from bkkenergy.portfolio import Building, Meter
from bkkenergy.ports.ledger import EXPORT, IMPORT, QUARTERS_PER_DAY, LedgerReader, Slots
from bkkenergy.readings import BoolArray, FloatArray, IntArray, Quality


@dataclass(frozen=True, slots=True)
class Flow:
    """One part of a balance over a period.

    energy_kwh : (n,) of each interval, NaN where it is not known wholly.
    total_kwh : the accepted energy of the period; None where nothing of it is known.
    known_ratio, measured_ratio : share of the period's quarter-hours that are known wholly, that were measured, 0..1.
    """

    energy_kwh: FloatArray
    total_kwh: float | None
    known_ratio: float
    measured_ratio: float


@dataclass(frozen=True, slots=True)
class FlowSeries:
    """Quarter-hours of a quantity: (q,) accepted energy, NaN where it has no value, and how it is known."""

    kwh: FloatArray
    is_known: BoolArray
    is_firm: BoolArray

    def with_kwh(self, kwh: FloatArray, *others: FlowSeries) -> FlowSeries:
        """Return energy that was made from this quantity and others: known where all of them are."""
        known = np.logical_and.reduce([self.is_known, *(other.is_known for other in others)])
        firm = np.logical_and.reduce([self.is_firm, *(other.is_firm for other in others)])
        return FlowSeries(kwh, known, firm)


@dataclass(frozen=True, slots=True)
class Quarters:
    """Quarter-hours of a building's meters, both ways. All (q, m), in the order of `column`.

    no_export : meters without an export register; their export is zero. bounds : where intervals begin.
    """

    building: Building
    column: Mapping[str, int]
    import_kwh: FloatArray
    import_quality: IntArray
    export_kwh: FloatArray
    export_quality: IntArray
    no_export: frozenset[str]
    bounds: IntArray
    waiting: tuple[dt.date, ...]

    @classmethod
    def read(cls, ledger: LedgerReader, building: Building, period: Period, step: Step) -> Quarters:
        """Read all meters of energy of a building, each channel once."""
        in_sums = (name for virtual in building.virtual_meters for name in (*virtual.plus, *virtual.minus))
        names = list(dict.fromkeys((*(meter.id for meter in building.meters if meter.is_electric), *in_sums)))
        first, last = period.first_day, period.last_day
        bought, sold = (ledger.slots(names, channel, first, last) for channel in (IMPORT, EXPORT))
        export_kwh, export_quality, no_export = _exports(building, sold)
        quarters = edges(Period.days(first, last), "15min")[:-1]
        days = np.flatnonzero(bought.is_waiting.any(axis=1)).tolist()
        return cls(
            building,
            {name: number for number, name in enumerate(bought.meters)},
            bought.values,
            bought.quality.astype(np.int64),
            export_kwh,
            export_quality,
            no_export,
            quarters.searchsorted(edges(period, step))[:-1].astype(np.int64),
            tuple(first + dt.timedelta(days=day) for day in days),
        )

    def imported(self, meters: Sequence[Meter | str], signs: Sequence[float] | None = None) -> FlowSeries:
        """Return the import of meters together; no value where one has none."""
        at = self._at(meters)
        kwh = signed_sum(self.import_kwh[:, at], np.ones(len(at)) if signs is None else np.array(signs, np.float64))
        return FlowSeries(kwh, *self._states(self.import_quality[:, at]))

    def accepted(self, meters: Sequence[Meter]) -> FlowSeries:
        """Return the import of meters together as reports sum it: what some of them counted is counted."""
        at = self._at(meters)
        values = self.import_kwh[:, at]
        kwh = np.where(np.isfinite(values).any(axis=1), np.nansum(values, axis=1), np.nan)
        return FlowSeries(kwh, *self._states(self.import_quality[:, at]))

    def exported(self, meters: Sequence[Meter]) -> FlowSeries:
        """Return the export of meters together; no value where one has none."""
        at = self._at(meters)
        return FlowSeries(self.export_kwh[:, at].sum(axis=1), *self._states(self.export_quality[:, at]))

    def net(self, meter: Meter) -> FlowSeries:
        """Return what passed a meter, less what went back."""
        bought, sold = self.imported([meter]), self.exported([meter])
        return bought.with_kwh(bought.kwh - sold.kwh, sold)

    def flow(self, series: FlowSeries) -> Flow:
        """Return a quantity over the period and its intervals."""
        known = np.where(series.is_known, series.kwh, np.nan)
        is_counted = np.isfinite(series.kwh)
        return Flow(
            np.add.reduceat(known, self.bounds),  # NaN spreads
            float(series.kwh[is_counted].sum()) if is_counted.any() else None,
            float(series.is_known.mean()),
            float(series.is_firm.mean()),
        )

    def _at(self, meters: Sequence[Meter | str]) -> list[int]:
        return [self.column[meter if isinstance(meter, str) else meter.id] for meter in meters]

    @staticmethod
    def _states(quality: IntArray) -> tuple[BoolArray, BoolArray]:
        is_known: BoolArray = np.logical_and.reduce(np.isin(quality, WHOLE), axis=1)
        is_firm: BoolArray = np.logical_and.reduce(np.isin(quality, FIRM), axis=1)
        return is_known, is_firm


def _exports(building: Building, sold: Slots) -> tuple[FloatArray, IntArray, frozenset[str]]:
    """Export of meters, with zeros for those that have no register of it.

    The ledger has rows of every meter that ever sent export, also while it does not. Where PV may feed back, a day
    without a row, before the register's first reading, is not known as soon as one day of the period has one.
    """
    values, quality = sold.values.copy(), sold.quality.astype(np.int64)
    has_row = np.repeat(sold.is_computed, QUARTERS_PER_DAY, axis=0)
    no_export = set()
    for number, name in enumerate(sold.meters):
        is_absent = ~has_row[:, number]
        has_register = not is_absent.all()
        if not has_register:
            no_export.add(name)
        if not has_register or not building.has_pv:
            values[is_absent, number] = 0.0
            quality[is_absent, number] = Quality.MEASURED
    return values, quality, frozenset(no_export)
