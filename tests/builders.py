"""Small makers of meters and readings for tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, edges, epoch_us, timestamp_us
from bkkenergy.ingest.fileratios import FileMeters
from bkkenergy.metering.quarters import QuarterHours
from bkkenergy.metering.ratios import EVER_US
from bkkenergy.metering.spans import Span
from bkkenergy.metering.vee import Validated, validate
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Meter
from bkkenergy.ports.ledger import Channel, Slots
from bkkenergy.readings import US_PER_S, ReadingBatch
from bkkenergy.reports.gather import REFUSED

DAY = Period.day(dt.date(2026, 11, 23))
DAY_US = timestamp_us(DAY.start)
QUARTER_US = 900 * US_PER_S
CANONICAL = {"canonical": Profile(id="canonical", name_en="own", source="test", family="canonical")}


def meter(local: str = "main", **given) -> Meter:
    defaults = {
        "id": f"agency.building.{local}",
        "building": "agency.building",
        "topic": f"bma/agency/building/{local}/readings",
        "rated_kw": 1000.0,
    }
    return Meter(**(defaults | given))


def file_meters(*meters: Meter) -> FileMeters:
    """Meters of a file that are the same on all days."""
    names = tuple(one.id for one in meters)
    return FileMeters(names, meters, np.arange(len(meters) + 1), np.full(len(meters), EVER_US))


def readings(
    of: Meter | str,
    energy_kwh: Sequence[float],
    *,
    start_us: int = DAY_US,
    step_us: int = QUARTER_US,
    field: str = "energy_kwh",
) -> ReadingBatch:
    """One reading a step, from start on."""
    name = of if isinstance(of, str) else of.id
    count = len(energy_kwh)
    return ReadingBatch(
        (name,),
        np.zeros(count, np.int64),
        start_us + np.arange(count) * step_us,
        {field: np.asarray(energy_kwh, np.float64)},
    )


def validated(batch: ReadingBatch, meters: Sequence[Meter], period: Period, channel: str = "import") -> Validated:
    return validate(batch, meters, epoch_us(edges(period, "15min")), channel=channel, max_gap_s=7200)


def quarters(batch: ReadingBatch, meters: Sequence[Meter], period: Period, channel: str = "import") -> QuarterHours:
    """Quarter-hours of readings, as the ledger would hold them."""
    found = validated(batch, meters, period, channel)
    index = edges(period, "15min")[:-1]
    names = [one.id for one in meters]
    return QuarterHours(
        pd.DataFrame(found.energy_kwh, index=index, columns=names),
        pd.DataFrame(found.quality, index=index, columns=names),
        pd.DataFrame(False, index=index, columns=names),
    )


@dataclass(frozen=True)
class FromQuarters:
    """A reader of quarter-hours that a test has made, by the name of their channel."""

    frames: Mapping[str, QuarterHours]

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        """Slots of meters over whole days, both ends included."""
        own, names = self.frames[channel.name], list(meters)
        period = Period.days(first, last)
        inside = (own.energy_kwh.index >= period.start) & (own.energy_kwh.index < period.end)
        values = own.energy_kwh.loc[inside, names].to_numpy(np.float64)
        days = np.isfinite(values).reshape(-1, 96, len(names)).any(axis=1)
        quality = own.quality.loc[inside, names].to_numpy(np.uint8)
        return Slots(tuple(meters), channel, first, values, quality, np.zeros(days.shape, np.bool_), days)


def refused(batch: ReadingBatch, meters: Sequence[Meter], period: Period) -> tuple[Span, ...]:
    """Stretches of a period whose energy was refused."""
    return tuple(span for span in validated(batch, meters, period).spans if span.reason in REFUSED)
