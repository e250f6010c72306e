"""Reads what meters count and measure beside import: a channel over a period, and reactive power by quarter-hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, Step, edges
from bkkenergy.metering.quarters import FIRM
from bkkenergy.portfolio import Building, Meter
from bkkenergy.ports.channels import GAUGES, KVAR, QUARTERS_PER_DAY, REACTIVE, SECOND_REGISTERS, Channel
from bkkenergy.ports.ledger import EnergyLedger, LedgerReader
from bkkenergy.readings import FloatArray, Quality, QualityArray
from bkkenergy.usecases.energy import POOREST_LAST, QUARTERS_PER_HOUR

SHOWN = (*SECOND_REGISTERS[1:], *GAUGES)
"""What a building's page and its API list beside energy."""


@dataclass(frozen=True, slots=True)
class ChannelSeries:
    """A meter's channel by intervals.

    starts : (n,) Bangkok's time. values : (n,) sums, or means of what is known; NaN where nothing is.
    quality : (n,) the poorest of an interval. waiting : days that are still to be computed again.
    """

    channel: Channel
    starts: pd.DatetimeIndex
    values: FloatArray
    quality: QualityArray
    waiting: tuple[dt.date, ...]


def channel_series(ledger: LedgerReader, meter: Meter, period: Period, step: Step, channel: Channel) -> ChannelSeries:
    """Return a channel of a meter over whole days. Raises StoreUnavailable."""
    slots = ledger.slots([meter.id], channel, period.first_day, period.last_day)
    own_step: Step = "15min" if channel.slots_per_day == QUARTERS_PER_DAY else "60min"
    at = edges(period, own_step if step == "15min" else step)
    bounds = edges(period, own_step)[:-1].searchsorted(at)[:-1]
    values, known = slots.values[:, 0], np.isfinite(slots.values[:, 0])
    count = np.add.reduceat(known.astype(np.int64), bounds)
    total = np.add.reduceat(np.where(known, values, 0.0), bounds)
    whole = total if channel.is_additive else total / np.maximum(count, 1)
    rank = np.zeros(max(Quality) + 1, np.uint8)
    rank[list(POOREST_LAST)] = np.arange(len(POOREST_LAST))
    quality = np.array(POOREST_LAST, np.uint8)[np.maximum.reduceat(rank[slots.quality[:, 0]], bounds)]
    days = np.flatnonzero(slots.is_waiting[:, 0]).tolist()
    waiting = tuple(period.first_day + dt.timedelta(days=day) for day in days)
    return ChannelSeries(channel, at[:-1], np.where(count > 0, whole, np.nan), quality, waiting)


def reactive_kvar(ledger: LedgerReader, meters: Sequence[Meter], period: Period) -> FloatArray:
    """Return (n,) the mean reactive power that meters together take in each quarter-hour, as measured; NaN else.

    Of meters that count kvarh by their register, of others by the powers that they send. What flows back does not
    count. Raises StoreUnavailable.
    """
    return reactive_kvar_of(ledger, [meters], period)[0]


def reactive_kvar_of(ledger: LedgerReader, groups: Sequence[Sequence[Meter]], period: Period) -> list[FloatArray]:
    """Return what `reactive_kvar` does of several groups of meters, read together."""
    names = list(dict.fromkeys(meter.id for meters in groups for meter in meters))
    if not names:
        return [np.full(len(edges(period, "15min")) - 1, np.nan) for _ in groups]
    counted = ledger.slots(names, REACTIVE, period.first_day, period.last_day)
    kvar = np.where(np.isin(counted.quality, FIRM), counted.values, np.nan) * QUARTERS_PER_HOUR
    lacking = np.flatnonzero(np.isnan(kvar).all(axis=0))
    if len(lacking):
        powers = ledger.slots([names[at] for at in lacking.tolist()], KVAR, period.first_day, period.last_day).values
        kvar[:, lacking] = np.maximum(powers, 0.0)
    number_of = {name: number for number, name in enumerate(names)}
    together = (kvar[:, [number_of[meter.id] for meter in meters]] for meters in groups)
    return [part.sum(axis=1) if part.shape[1] else np.full(len(kvar), np.nan) for part in together]


@dataclass(frozen=True, slots=True)
class ChannelFigure:
    """What a channel of a meter was on a day, and since the month began: sums, or means; NaN where nothing is known."""

    meter: Meter
    channel: Channel
    day: float
    month: float


def building_channels(ledger: EnergyLedger, building: Building, day: dt.date) -> list[ChannelFigure]:
    """Return the further quantities that a building's meters have in the month up to a day. Raises StoreUnavailable."""
    names, first = [meter.id for meter in building.meters], day.replace(day=1)
    has = {channel for channels in ledger.channels(names).values() for channel in channels}
    figures = []
    for channel in (channel for channel in SHOWN if channel.name in has):
        totals = ledger.totals(names, channel, first, day).total
        for number, meter in enumerate(building.meters):
            known = totals[np.isfinite(totals[:, number]), number]
            if len(known):
                month = known.sum() if channel.is_additive else known.mean()
                figures.append(ChannelFigure(meter, channel, float(totals[-1, number]), float(month)))
    return sorted(figures, key=lambda figure: names.index(figure.meter.id))
