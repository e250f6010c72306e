"""Imports: what a file says of meters' energy, previewed, applied as one batch, listed and undone.

A file is a source beside a meter's own readings, whatever the meter's kind: it never becomes readings of a register,
and its intervals are taken as they are. Files of raw readings go to their store, and are noted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from bkkenergy.errors import InputError
from bkkenergy.metering.registers import RATING_MARGIN_RATIO, S_PER_H
from bkkenergy.metering.sources import IntervalSeries, Precedence, SourceSlots, merged, quarters_of
from bkkenergy.metering.vee import MAX_FLOW_M3_PER_H
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.ports.ledger import (
    IMPORT,
    Batch,
    BatchKind,
    Channel,
    DaysPurged,
    EnergyLedger,
    LedgerDays,
    LedgerReader,
    NewBatch,
)
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import BoolArray, FloatArray, Quality, ReadingBatch
from bkkenergy.usecases.fields import has_register
from bkkenergy.usecases.othersources import OtherSources
from bkkenergy.usecases.readingundo import TakenBack, changes_of, take_back
from bkkenergy.usecases.storedreadings import ReadingsPreview, without_stored

EPOCH = dt.date(1970, 1, 1)
DAY = dt.timedelta(days=1)
DIFFERS_RATIO = 0.02
"""File and register that differ by more than this are shown to a person."""
VOLUME = "m3"
NEXT_BATCH = 2**62
"""A number beyond all batches, for one that is only previewed."""

Audit = Callable[[str, str, Mapping[str, Any]], object]
"""Writes a line of the audit log: what was done, to what, and details."""


class Overlap(StrEnum):
    """What to do where a file meets what is known already."""

    FILL = "fill"
    """The file takes only what was not measured and no other file says."""
    REPLACE = "replace"
    """The file goes before what was measured, and before other files."""

    @property
    def precedence(self) -> Precedence:
        """The precedence of a batch that was asked for so."""
        return Precedence.FILE if self is Overlap.REPLACE else Precedence.REGISTER


@dataclass(frozen=True, slots=True)
class Source:
    """Where an import comes from. name, sha256 : of the file. who : the person. at_us : now, us since 1970 UTC."""

    name: str
    sha256: str
    who: str
    at_us: int


@dataclass(frozen=True, slots=True)
class ImportComparison:
    """Quarter-hours of which both the ledger and the file know the energy."""

    slots: int
    ledger_kwh: float
    file_kwh: float

    @property
    def is_far(self) -> bool:
        """Whether the two differ by more than 2 %."""
        return abs(self.file_kwh - self.ledger_kwh) > DIFFERS_RATIO * max(abs(self.ledger_kwh), abs(self.file_kwh))


@dataclass(frozen=True, slots=True)
class MeterPreview:
    """What an import would do to a meter.

    intervals, energy_kwh : of the file. first_us, end_us : its period, us since 1970 UTC.
    measured, estimated : where the meter's own readings measured, or give the energy of a gap.
    other_files : where earlier batches say something. changed_slots : quarter-hours that would change.
    before_kwh, after_kwh : by the ledger over the days of the file.
    """

    meter: str
    intervals: int
    energy_kwh: float
    first_us: int
    end_us: int
    measured: ImportComparison
    estimated: ImportComparison
    other_files: ImportComparison
    changed_slots: int
    before_kwh: float
    after_kwh: float

    @property
    def overlaps(self) -> bool:
        """Whether it meets what was measured, or another file."""
        return self.measured.slots + self.other_files.slots > 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. overlap : as asked; None where nothing was asked."""

    meters: tuple[MeterPreview, ...]
    overlap: Overlap | None

    @property
    def refusal(self) -> InputError | None:
        """Why the import is refused as it was asked for; None where it is not."""
        meeting = [one.meter for one in self.meters if one.overlaps]
        if not meeting or self.overlap is not None:
            return None
        return InputError.of("import_overlaps", meters=", ".join(meeting))


def preview(
    ledger: EnergyLedger,
    fresh: LedgerReader,
    portfolio: Portfolio,
    series: Mapping[str, IntervalSeries],
    overlap: Overlap | None,
    *,
    latest_us: int,
    channel: Channel = IMPORT,
) -> Preview:
    """Show what intervals of a file would do. Nothing is written. Raises InputError for what is refused anyway.

    series : of each meter. fresh : the ledger's rows, with what waits computed first. latest_us : no interval may end
    later. channel : of the meters, a register.
    """
    meters = portfolio.meters_ever
    for name, brought in series.items():
        _check(meters.get(name), name, brought, latest_us, channel)
    precedence = (overlap or Overlap.FILL).precedence
    previews = (
        meter_preview(ledger, fresh, meters[name], brought, precedence, channel) for name, brought in series.items()
    )
    return Preview(tuple(previews), overlap)


def apply(
    ledger: EnergyLedger,
    fresh: LedgerReader,
    portfolio: Portfolio,
    series: Mapping[str, IntervalSeries],
    overlap: Overlap | None,
    source: Source,
    *,
    latest_us: int,
    audit: Audit,
    channel: Channel = IMPORT,
) -> int:
    """Take in the intervals of a file as one batch, wholly or not at all. Return its number. Raises InputError."""
    seen = preview(ledger, fresh, portfolio, series, overlap, latest_us=latest_us, channel=channel)
    again = [one.number for one in ledger.batches() if one.undone_us is None and one.new.sha256 == source.sha256]
    if again and overlap is None:
        raise InputError.of("imported_already", file=source.name, batch=again[0])
    if seen.refusal:
        raise InputError.of("import_refused", file=source.name, reason=seen.refusal)
    meters = portfolio.meters_ever
    days = [ledger_days(meters[name], brought, channel) for name, brought in series.items()]
    batch = NewBatch(
        BatchKind.FILE,
        source.name,
        source.sha256,
        source.who,
        source.at_us,
        tuple(series),
        min(one.first_us for one in seen.meters),
        max(one.end_us for one in seen.meters),
        sum(one.intervals for one in seen.meters),
        sum(one.energy_kwh for one in seen.meters) if channel.unit == IMPORT.unit else float("nan"),
        (overlap or Overlap.FILL).precedence,
    )
    number = ledger.add_batch(batch, days)
    audit("import", str(number), details_of(batch) | ({} if channel is IMPORT else {"channel": channel.name}))
    return number


@dataclass(frozen=True, slots=True)
class Undone:
    """A batch that counts no more. readings : what became of those that it brought; None where it brought none."""

    batch: Batch
    readings: TakenBack | None


def undo(ledger: EnergyLedger, store: ReadingStore, number: int, who: str, at_us: int, *, audit: Audit) -> Undone:
    """Mark a batch as undone: its days are computed again without it. Raises InputError.

    Readings that it brought are deleted, and those that it changed are as they were before; those that something
    else has changed since stay.
    """
    batch = batch_of(ledger, number)
    if batch.undone_us is not None:
        raise InputError.of("import_undone", batch=number)
    taken = take_back(store, ledger, number) if batch.new.kind is BatchKind.READINGS else None
    if not ledger.undo_batch(number, who, at_us):
        raise InputError.of("import_undone", batch=number)
    audit("undo_import", str(number), details_of(batch.new) | ({} if taken is None else asdict(taken)))
    return Undone(batch_of(ledger, number), taken)


def batch_of(ledger: EnergyLedger, number: int) -> Batch:
    """Return a batch. Raises InputError."""
    match = next((batch for batch in ledger.batches() if batch.number == number), None)
    if match is None:
        raise InputError.of("no_import", batch=number)
    return match


def apply_readings(
    store: ReadingStore,
    ledger: EnergyLedger,
    seen: ReadingsPreview,
    chunks: Iterable[ReadingBatch],
    overlap: Overlap | None,
    source: Source,
    *,
    audit: Audit,
) -> int:
    """Store the readings of a file, which `seen` was made of, as a batch. Return its number.

    With overlap "fill", readings whose instant is stored already stay as they are. Raises InputError.
    """
    if seen.overlaps and overlap is None:
        raise InputError.of(
            "import_readings_differ",
            file=source.name,
            differing=f"{seen.differing:,}",
            between=f"{seen.between:,}",
        )
    batch = NewBatch(
        BatchKind.READINGS,
        source.name,
        source.sha256,
        source.who,
        source.at_us,
        seen.meters,
        seen.first_us,
        seen.last_us + 1,
        seen.count,
        float("nan"),
        (overlap or Overlap.FILL).precedence,
    )
    number = ledger.add_batch(batch, [])
    audit("import", str(number), details_of(batch))
    for chunk in chunks:
        accepted = without_stored(store, chunk) if overlap is Overlap.FILL else chunk
        for changes in changes_of(store, accepted):
            ledger.changes.add(number, changes)
        store.commit(accepted)
    return number


def details_of(batch: NewBatch) -> dict[str, object]:
    """Return details of a batch for the audit log."""
    return {
        "file": batch.name,
        "sha256": batch.sha256,
        "kind": batch.kind.value,
        "meters": list(batch.meters),
        "count": batch.count,
        "precedence": batch.precedence.value,
    }


def _check(meter: Meter | None, name: str, series: IntervalSeries, latest_us: int, channel: Channel) -> None:
    """Raise InputError for intervals that no option lets in."""
    if meter is None:
        raise InputError.of("unknown_meter", meter=name)
    if not has_register(meter, channel):
        raise InputError.of("meter_of_weather" if channel is IMPORT else "meter_has_no", meter=name, name=channel.name)
    known = np.isfinite(series.energy_kwh)
    if not known.any():
        raise InputError.of("import_empty", meter=name)
    if ahead := int((known & (series.start_us + series.length_us > latest_us)).sum()):
        raise InputError.of("import_ahead", meter=name, count=f"{ahead:,}")
    if negative := int((series.energy_kwh < 0).sum() + np.isinf(series.energy_kwh).sum()):
        raise InputError.of("import_no_energy", meter=name, count=f"{negative:,}")
    if (np.diff(series.start_us) < series.length_us).any():
        raise InputError.of("import_too_near", meter=name, minutes=f"{series.interval_s / 60:g}")
    mean = series.energy_kwh / (series.interval_s / S_PER_H)
    rated, unit = _rated(meter, channel)
    if over := int((mean > rated * RATING_MARGIN_RATIO).sum()):
        raise InputError.of("import_too_much", count=f"{over:,}", rated=f"{rated:g} {unit}", meter=name)


def _rated(meter: Meter, channel: Channel) -> tuple[float, str]:
    """Return the most that can flow in a channel of a meter, and its unit."""
    if channel.unit == VOLUME:
        return meter.rated_m3_per_h or MAX_FLOW_M3_PER_H, "m3/h"
    return meter.rated_kw, channel.unit.removesuffix("h")


def ledger_days(
    meter: Meter, series: IntervalSeries, channel: Channel = IMPORT, *, usual_interval_s: float | None = None
) -> LedgerDays:
    """Return intervals as quarter-hours of whole days. usual_interval_s : of the meter, if nothing else is given."""
    usual_s = float(meter.interval_s) if usual_interval_s is None else usual_interval_s
    first, values, quality = quarters_of(series, usual_s)
    return LedgerDays(meter.id, channel.name, EPOCH + first * DAY, values, quality, np.zeros(len(values), np.int64))


def _refuse_purged(ledger: EnergyLedger, block: LedgerDays) -> None:
    """Raise DaysPurged where a file says something of a day whose row stays as it is."""
    said = np.flatnonzero((block.quality != Quality.MISSING).any(axis=1)).tolist()
    for span in ledger.purges.spans([block.meter]).get(block.meter, ()):
        for day in (block.first_day + number * DAY for number in said):
            if span.first <= day <= span.last:
                raise DaysPurged(block.meter, day)


def meter_preview(
    ledger: EnergyLedger,
    fresh: LedgerReader,
    meter: Meter,
    series: IntervalSeries,
    precedence: Precedence,
    channel: Channel = IMPORT,
) -> MeterPreview:
    """Compare what is brought with the ledger over its days. Raises DaysPurged."""
    block = ledger_days(meter, series, channel)
    _refuse_purged(ledger, block)
    last = block.first_day + (len(block.values) - 1) * DAY
    slots = fresh.slots([meter.id], channel, block.first_day, last)
    others = OtherSources(block.first_day, len(block.values), ledger.sources([meter.id], block.first_day, last))
    other_slots = others.slots(meter.id, channel)
    values, quality = block.values.ravel(), block.quality.ravel()
    by_ledger, how = slots.values[:, 0], slots.quality[:, 0]
    is_said = quality != Quality.MISSING
    is_other = np.zeros(len(values), np.bool_)
    for other in other_slots:
        is_other |= other.quality != Quality.MISSING
    new = SourceSlots(NEXT_BATCH, precedence, values, quality)
    after = merged(by_ledger, how, [*other_slots, new])
    known_us = series.start_us[np.isfinite(series.energy_kwh)]
    return MeterPreview(
        meter.id,
        len(known_us),
        float(np.nansum(series.energy_kwh)),
        int(known_us[0]),
        int(known_us[-1]) + series.length_us,
        _compared(is_said & (how == Quality.MEASURED), by_ledger, values),
        _compared(is_said & (how == Quality.ESTIMATED) & ~is_other, by_ledger, values),
        _compared(is_said & is_other, by_ledger, values),
        int((after.batch == NEXT_BATCH).sum()),
        float(np.nansum(by_ledger)),
        float(np.nansum(after.energy_kwh)),
    )


def _compared(where: BoolArray, by_ledger: FloatArray, by_file: FloatArray) -> ImportComparison:
    return ImportComparison(int(where.sum()), float(np.nansum(by_ledger[where])), float(np.nansum(by_file[where])))
