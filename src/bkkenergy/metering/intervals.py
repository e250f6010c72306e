"""Growing energy cut into intervals: kWh and quality of each, for every meter at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, days_of, epoch_us
from bkkenergy.metering.registers import Growing
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray, Quality, QualityArray

JITTER_RATIO = 1.5
"""Readings up to this many intervals apart count as consecutive."""


@dataclass(frozen=True, slots=True)
class IntervalEnergy:
    """Energy of each interval and meter.

    energy_kwh : (k, m) kWh, NaN where unknown. Index: start of the interval, Asia/Bangkok.
    quality : (k, m) Quality of each, same labels.
    gaps : energy that flowed in silences too long to be spread over intervals, a row a silence
        (`meter`, `start`, `end`, `energy_kwh`). What is not in an interval is here, or unknown.
    """

    energy_kwh: pd.DataFrame
    quality: pd.DataFrame
    gaps: pd.DataFrame

    def total_kwh(self, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
        """(m,) kWh known to have flowed in [start, end): intervals, and silences wholly inside.

        NaN for a meter of which nothing is known.
        """
        inside = (self.energy_kwh.index >= start) & (self.energy_kwh.index < end)
        in_intervals = self.energy_kwh[inside].sum(min_count=1)
        within = (self.gaps["start"] >= start) & (self.gaps["end"] <= end)
        in_gaps = self.gaps[within].groupby("meter")["energy_kwh"].sum().reindex(in_intervals.index)
        return in_intervals.add(in_gaps, fill_value=0.0)

    def daily_kwh(self) -> pd.DataFrame:
        """(days, m) kWh known to have flowed on each day of Bangkok's calendar, as `total_kwh`."""
        by_day = self.energy_kwh.groupby(days_of(self.energy_kwh.index)).sum(min_count=1)
        gaps = self.gaps.assign(day=days_of(self.gaps["start"]))
        within = gaps["day"] == days_of(gaps["end"] - pd.Timedelta(1, "us"))
        in_gaps = gaps[within].pivot_table(index="day", columns="meter", values="energy_kwh", aggfunc="sum")
        return by_day.add(in_gaps.reindex(index=by_day.index, columns=by_day.columns), fill_value=0.0)

    def daily_coverage_ratio(self) -> pd.DataFrame:
        """(days, m) share of each day's intervals whose energy was measured, 0..1."""
        return (self.quality == Quality.MEASURED).groupby(days_of(self.quality.index)).mean()

    def then(self, later: IntervalEnergy) -> IntervalEnergy:
        """These intervals and the ones that follow them, of the same meters."""
        return IntervalEnergy(
            pd.concat([self.energy_kwh, later.energy_kwh]),
            pd.concat([self.quality, later.quality]),
            pd.concat([self.gaps, later.gaps], ignore_index=True),
        )

    def where_known(self, other: IntervalEnergy) -> IntervalEnergy:
        """These intervals, but the other's where it knows one. The other has the same meters, and no intervals more."""
        at = self.quality.index
        is_known = (other.quality != Quality.MISSING).reindex(index=at, fill_value=False)
        gaps = pd.concat([other.gaps, self.gaps], ignore_index=True)
        return IntervalEnergy(
            self.energy_kwh.mask(is_known, other.energy_kwh.reindex(index=at)),
            self.quality.mask(is_known, other.quality.reindex(index=at, fill_value=int(Quality.MISSING))).astype(
                np.uint8
            ),
            gaps.drop_duplicates(["meter", "start"], ignore_index=True),
        )

    def over(self, edges: pd.DatetimeIndex) -> FloatArray:
        """(k, m) kWh between coarser edges, NaN where some of it is neither in an interval nor in a silence inside.

        edges : (k+1,) instants, rising, each an edge of these intervals.
        """
        bounds = np.searchsorted(epoch_us(pd.DatetimeIndex(self.energy_kwh.index)), epoch_us(edges))
        starts, fine_kwh = bounds[:-1], self.energy_kwh.to_numpy(np.float64)[: bounds[-1]]
        total_kwh = np.add.reduceat(np.nan_to_num(fine_kwh), starts)
        known = np.add.reduceat(np.isfinite(fine_kwh).astype(np.int64), starts)
        place = {name: number for number, name in enumerate(self.energy_kwh.columns)}
        for meter, start, end, gap_kwh in self.gaps.itertuples(index=False):
            first, last = np.searchsorted(self.energy_kwh.index, pd.DatetimeIndex([start, end]))
            bin_ = int(np.searchsorted(bounds, first, side="right")) - 1
            if 0 <= bin_ < len(starts) and last <= bounds[bin_ + 1]:
                total_kwh[bin_, place[meter]] += gap_kwh
                known[bin_, place[meter]] += last - first
        energy_kwh: FloatArray = np.where(known >= np.diff(bounds)[:, np.newaxis], total_kwh, np.nan)
        return energy_kwh

    def coverage_ratio(self, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
        """(m,) share of the intervals in [start, end) whose energy was measured, 0..1."""
        inside = (self.quality.index >= start) & (self.quality.index < end)
        return (self.quality[inside] == Quality.MEASURED).mean()


def interval_energy(
    growing: Growing,
    edges: pd.DatetimeIndex,
    meter_ids: tuple[str, ...],
    *,
    interval_s: FloatArray,
    max_gap_s: float,
) -> IntervalEnergy:
    """Energy between consecutive edges, read off growing energy at the edges.

    Since it is read at the edges, the sum over intervals telescopes to the register's difference.

    Parameters
    ----------
    growing : energy of all meters.
    edges : (k+1,) instants with zone, rising.
    meter_ids : (m,) names of the meters that `growing.meter` numbers.
    interval_s : (m,) how often each meter reports, s. Between readings so far apart a straight line
        is the meter's own resolution, and counts as measured.
    max_gap_s : longer silences, up to this, are bridged by a straight line and flagged ESTIMATED.
    """
    index = edges[:-1].tz_convert(BANGKOK).rename("start")
    columns = list(meter_ids)
    if len(growing) == 0:
        shape = (len(index), len(columns))
        energy_kwh, quality = np.full(shape, np.nan), np.full(shape, Quality.MISSING, np.uint8)
        gaps = _gap_frame(edges, columns, *(np.empty(0, np.int64),) * 3, np.empty(0))
    else:
        at_edges = _at_edges(growing, epoch_us(edges), interval_s, max_gap_s)
        energy_kwh, quality = _between_edges(growing, at_edges)
        energy_kwh, quality = energy_kwh.T, quality.T
        gaps = _gap_frame(edges, columns, *_over_gaps(growing, at_edges))
    return IntervalEnergy(
        pd.DataFrame(energy_kwh, index=index, columns=columns),
        pd.DataFrame(quality, index=index, columns=columns),
        gaps,
    )


@dataclass(frozen=True, slots=True)
class _AtEdges:
    """What is known at each meter's edges; all (m, k+1).

    before, after : rows of the readings around the edge. is_placed : whether the energy there is
    known; is_bridged : whether by a straight line over more than the usual time between readings.
    """

    energy_kwh: FloatArray
    before: IntArray
    after: IntArray
    is_placed: BoolArray
    is_bridged: BoolArray


def _at_edges(growing: Growing, edges_us: IntArray, interval_s: FloatArray, max_gap_s: float) -> _AtEdges:
    before, after = _neighbours(growing, edges_us, len(interval_s))
    inside = (before >= 0) & (after >= 0)
    left, right = np.where(inside, before, 0), np.where(inside, after, 0)
    width_us = growing.ts_us[right] - growing.ts_us[left]
    share = np.divide(edges_us - growing.ts_us[left], width_us, out=np.zeros(left.shape), where=width_us > 0)
    rise_kwh = growing.energy_kwh[right] - growing.energy_kwh[left]
    usual_s = JITTER_RATIO * interval_s[:, np.newaxis]
    width_s = width_us / US_PER_S
    return _AtEdges(
        growing.energy_kwh[left] + share * rise_kwh,
        left,
        right,
        inside & (width_s <= np.maximum(max_gap_s, usual_s)),
        width_s > usual_s,
    )


def _between_edges(growing: Growing, at: _AtEdges) -> tuple[FloatArray, QualityArray]:
    """(m, k) kWh and quality of the intervals between neighbouring edges."""
    first, last = at.before[:, :-1], at.after[:, 1:]
    is_placed = at.is_placed[:, :-1] & at.is_placed[:, 1:]
    is_estimated = at.is_bridged[:, :-1] | at.is_bridged[:, 1:] | _any_step(growing, Quality.ESTIMATED, first, last)
    quality = np.select(
        [
            ~is_placed | _any_step(growing, Quality.MISSING, first, last),
            _any_step(growing, Quality.RESET, first, last),
            is_estimated,
        ],
        [Quality.MISSING, Quality.RESET, Quality.ESTIMATED],
        Quality.MEASURED,
    )
    energy_kwh = np.where(quality <= Quality.ESTIMATED, np.diff(at.energy_kwh, axis=1), np.nan)
    return energy_kwh, quality.astype(np.uint8)


def _over_gaps(growing: Growing, at: _AtEdges) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Meter, first edge, last edge and kWh of each run of intervals that only its ends bound."""
    meter, edge = np.nonzero(at.is_placed)
    ends = np.flatnonzero((np.diff(meter, prepend=-1) == 0) & (np.diff(edge, prepend=0) > 1))
    meter, start, end = meter[ends], edge[ends - 1], edge[ends]
    first, last = at.before[meter, start], at.after[meter, end]
    known = ~(_any_step(growing, Quality.MISSING, first, last) | _any_step(growing, Quality.RESET, first, last))
    meter, start, end = meter[known], start[known], end[known]
    return meter, start, end, at.energy_kwh[meter, end] - at.energy_kwh[meter, start]


def _gap_frame(
    edges: pd.DatetimeIndex, columns: list[str], meter: IntArray, start: IntArray, end: IntArray, energy_kwh: FloatArray
) -> pd.DataFrame:
    names = pd.Series(np.array(columns, dtype=object)[meter], dtype="str")
    return pd.DataFrame({"meter": names, "start": edges[start], "end": edges[end], "energy_kwh": energy_kwh})


def _neighbours(growing: Growing, edges_us: IntArray, meters: int) -> tuple[IntArray, IntArray]:
    """(m, k+1) rows of the last reading at or before, and the first at or after, each edge; -1 = none."""
    starts = np.searchsorted(growing.meter, np.arange(meters + 1))
    origin_us = min(int(growing.ts_us.min()), int(edges_us[0]))
    span_us = max(int(growing.ts_us.max()), int(edges_us[-1])) - origin_us + 1
    key = growing.meter * span_us + (growing.ts_us - origin_us)
    wanted = np.arange(meters)[:, np.newaxis] * span_us + (edges_us - origin_us)
    before = np.searchsorted(key, wanted, side="right") - 1
    after = np.searchsorted(key, wanted, side="left")
    first, end = starts[:-1, np.newaxis], starts[1:, np.newaxis]
    return np.where(before >= first, before, -1), np.where(after < end, after, -1)


def _any_step(growing: Growing, kind: Quality, first: IntArray, last: IntArray) -> BoolArray:
    """Whether any of the steps that lead to the rows first+1..last is of this kind."""
    count = np.concatenate(([0], np.cumsum(growing.quality == kind)))
    is_any: BoolArray = count[np.maximum(last, first) + 1] > count[first + 1]
    return is_any
