"""The energy ledger: validated quarter-hours, computed once for each meter and day, read by everything.

Utilities call the computation VEE (validation, estimation, editing). A row is one meter, one channel and one local day:
the values of its slots and how each is known. Sums of rows are the only totals there are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bkkenergy.errors import InputError
from bkkenergy.metering.sources import Precedence
from bkkenergy.metering.spans import Span, SpanReason
from bkkenergy.ports.channels import (
    CHANNELS,
    EXPORT,
    GHI,
    HOURS_PER_DAY,
    IMPORT,
    POWER_FACTOR,
    QUARTERS_PER_DAY,
    TEMP_AIR,
    Channel,
)
from bkkenergy.ports.readingchanges import ReadingChangeRecords
from bkkenergy.readings import BoolArray, FloatArray, IntArray, QualityArray
from bkkenergy.texts import filled

__all__ = [
    "CHANNELS",
    "EXPORT",
    "GHI",
    "HOURS_PER_DAY",
    "IMPORT",
    "POWER_FACTOR",
    "QUARTERS_PER_DAY",
    "TEMP_AIR",
    "Batch",
    "BatchKind",
    "Channel",
    "Claim",
    "DayTotals",
    "DaysPurged",
    "EnergyLedger",
    "Having",
    "LedgerDays",
    "MeterSeen",
    "NewBatch",
    "Precedence",
    "PurgeAgreed",
    "PurgeRecords",
    "Purged",
    "Slots",
    "SourceDays",
    "SourceReader",
    "Span",
    "SpanReason",
]


@dataclass(frozen=True, slots=True)
class LedgerDays:
    """Consecutive days of one meter and channel.

    values : (days, slots) accepted energy of each slot (or mean), NaN where nothing of it is known.
    quality : (days, slots) Quality of each. A slot that is MISSING in part holds the part that is known.
    readings : (days,) how many values of the channel's field the store had, before any was refused.
    """

    meter: str
    channel: str
    first_day: dt.date
    values: FloatArray
    quality: QualityArray
    readings: IntArray

    def __post_init__(self) -> None:
        if self.values.shape != self.quality.shape or self.values.ndim != 2:  # noqa: PLR2004 - days and slots
            raise ValueError(f"LedgerDays: values {self.values.shape} and quality {self.quality.shape} do not match.")
        if self.readings.shape != self.values.shape[:1]:
            raise ValueError(f"LedgerDays: values {self.values.shape} and readings {self.readings.shape} do not match.")


@dataclass(frozen=True, slots=True)
class Claim:
    """A meter whose days are to be computed again, held by one worker.

    days : those that are marked, with the count of marks seen.
    """

    meter: str
    owner: str
    days: Mapping[dt.date, int]


@dataclass(frozen=True, slots=True)
class MeterSeen:
    """The earliest and latest reading of a meter, us since 1970 UTC."""

    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots of some meters over whole days.

    values : (days * slots, m) as in LedgerDays. quality : (days * slots, m).
    is_waiting : (days, m) days that are marked and not computed yet: what stands there is not the last word.
    is_computed : (days, m) days that have a row.
    """

    meters: tuple[str, ...]
    channel: Channel
    first_day: dt.date
    values: FloatArray
    quality: QualityArray
    is_waiting: BoolArray
    is_computed: BoolArray


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Days of some meters, made from the same slots in the same transaction. All (days, m).

    total : sum of the slots, or their mean; NaN where nothing is known. measured, estimated, edited, incomplete :
    counts of slots. peak : highest measured or edited slot, as kW for energy; NaN without one.
    peak_slot : which slot, -1 without one.
    """

    meters: tuple[str, ...]
    channel: Channel
    first_day: dt.date
    total: FloatArray
    measured: IntArray
    estimated: IntArray
    edited: IntArray
    incomplete: IntArray
    peak: FloatArray
    peak_slot: IntArray
    is_waiting: BoolArray
    is_computed: BoolArray


class BatchKind(StrEnum):
    """What a batch brought."""

    FILE = "file"
    """Intervals of a file, beside the readings."""
    EDIT = "edit"
    """A person's figures, beside the readings."""
    READINGS = "readings"
    """Readings, which went to their store: noted here, with what they changed there."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What came in at once.

    name, sha256 : of the file. who : the person. meters : its meters. first_us, end_us : its period, half-open, us
    since 1970 UTC. count : intervals or readings. energy_kwh : of all intervals, NaN for readings.
    """

    kind: BatchKind
    name: str
    sha256: str
    who: str
    at_us: int
    meters: tuple[str, ...]
    first_us: int
    end_us: int
    count: int
    energy_kwh: float
    precedence: Precedence


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that the ledger holds. undone_us : when it was undone, by `undone_by`; None while it counts."""

    number: int
    new: NewBatch
    undone_us: int | None
    undone_by: str


@dataclass(frozen=True, slots=True)
class SourceDays:
    """Consecutive days of one meter and channel by a batch.

    batch, precedence : of the batch. values, quality : (days, slots), NaN and MISSING where the batch says nothing.
    """

    batch: int
    precedence: Precedence
    meter: str
    channel: str
    first_day: dt.date
    values: FloatArray
    quality: QualityArray


class Having(StrEnum):
    """What a row that is looked for has some of."""

    READINGS = "readings"
    ENERGY = "total"


class LedgerReader(Protocol):
    """What reads energy: rows by meter, channel and local day, and which days are still to be computed."""

    def waiting(
        self, meters: Sequence[str] | None = None, *, marked_before_us: int | None = None
    ) -> Mapping[str, Sequence[dt.date]]:
        """Return marked days of each meter that has some, in order. marked_before_us : only those marked before."""

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        """Return slots of meters over whole days, both ends included."""

    def totals(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> DayTotals:
        """Return days of meters, both ends included."""

    def spans(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> list[Span]:
        """Return spans of meters that begin on these days, by meter and instant."""

    def seen(self, meters: Sequence[str]) -> Mapping[str, MeterSeen]:
        """Return the earliest and latest reading of each meter that has one."""


class SourceReader(Protocol):
    """What says which sources there are beside the readings."""

    def batches(self) -> Sequence[Batch]:
        """Return the batches in the order in which they came, undone ones too."""

    def sources(self, meters: Sequence[str], first: dt.date, last: dt.date) -> Sequence[SourceDays]:
        """Return days of meters by batches that count, both ends included, in the order of the batches."""


@dataclass(frozen=True, slots=True, order=True)
class Purged:
    """Days of a meter whose rows stay as they are, since readings were deleted.

    first, last : these days. deleted_before : readings of the days before it are deleted; those of the days from it
    to `last` are still there, to read registers at the edge. is_done : whether the deletion came to its end.
    """

    first: dt.date
    last: dt.date
    deleted_before: dt.date
    is_done: bool


@dataclass(frozen=True, slots=True)
class PurgeAgreed:
    """Who agreed that readings are purged, and when, us since 1970 UTC."""

    who: str
    at_us: int


class DaysPurged(InputError):
    """Something would change rows of days whose readings are deleted."""

    key = "error.days_purged"

    def __init__(self, meter: str, day: dt.date) -> None:
        self.values = {"meter": meter, "day": day}
        super().__init__(filled("en", self.key, self.values))


class PurgeRecords(Protocol):
    """What the ledger knows of raw readings that were deleted."""

    def agree(self, who: str, at_us: int) -> None:
        """Record that a person agrees that readings are purged here. The first one stays."""

    def agreed(self) -> PurgeAgreed | None:
        """Return who agreed, or None where no person did."""

    def spans(self, meters: Sequence[str] | None = None) -> Mapping[str, Sequence[Purged]]:
        """Return the purged days of each meter that has some, in order."""

    def begin(self, spans: Mapping[str, Sequence[Purged]]) -> frozenset[str]:
        """Replace the spans of meters, before their readings are deleted; return the meters for which it was done.

        Meters with a marked day in a span, or held by a worker, are left as they are. A worker whose lease is over
        loses its claim.
        """

    def finish(self, meters: Sequence[str]) -> None:
        """Record that the deletion of these meters' readings came to its end."""

    def add_late(self, meter: str, days: Sequence[dt.date]) -> None:
        """Record purged days for which readings came later. They stay in the store, and no row changes."""

    def late(self, meters: Sequence[str] | None = None) -> Mapping[str, Sequence[dt.date]]:
        """Return such days of each meter that has some, in order."""

    def undeleted(self) -> Mapping[str, int]:
        """Count the readings past their years that the latest purge did not delete, for each meter with some."""

    def set_undeleted(self, readings: Mapping[str, int]) -> None:
        """Replace what the purge before held back."""


class EnergyLedger(LedgerReader, SourceReader, Protocol):
    """Rows by meter, channel and local day, and marks of days that are to be computed again."""

    @property
    def purges(self) -> PurgeRecords:
        """What is known of readings that were deleted."""

    @property
    def changes(self) -> ReadingChangeRecords:
        """What imports changed among the readings."""

    def prepare(self) -> None:
        """Make the tables that are missing. Raises StoreUnavailable."""

    def mark(self, meters: Sequence[str], first: dt.date, last: dt.date) -> None:
        """Mark days of meters, both ends included."""

    def mark_readings(self, meter_ids: Sequence[str], meter: IntArray, ts_us: IntArray) -> None:
        """Mark the days that readings touch, and note the earliest and latest reading of each meter.

        Days whose readings are purged, or being purged, are noted as late in the same transaction.

        meter : (n,) index into `meter_ids`. ts_us : (n,) instants.
        """

    def waiting_since(self, meters: Sequence[str]) -> Mapping[str, Mapping[dt.date, int]]:
        """Return since when each marked day of each meter waits, us since 1970 UTC. Computing it begins a new wait."""

    def claim(
        self,
        owner: str,
        *,
        now_us: int,
        lease_s: float,
        limit: int,
        meters: Sequence[str] | None = None,
        without: Sequence[str] = (),
    ) -> list[Claim]:
        """Take up to `limit` meters that have marks and that no other worker holds; those that wait longest first.

        meters : of these alone; None for all. without : never these. A long list is paid for by each claim.
        """

    def finish(
        self,
        claim: Claim,
        days: Sequence[LedgerDays],
        spans: Sequence[Span],
        *,
        computed: Sequence[dt.date],
        now_us: int,
    ) -> bool:
        """Replace all rows and spans of the days `computed`, delete the marks that the claim saw, and free the meter.

        A mark that grew since stays. Return False, and change nothing, where the claim was lost to another worker.
        """

    def release(self, claim: Claim) -> None:
        """Delete the claim of the meter; its marks stay."""

    def revisions(self) -> Mapping[str, str]:
        """Return the configuration that each meter's rows were computed with."""

    def set_revisions(self, revisions: Mapping[str, str], days: Mapping[str, Sequence[dt.date]]) -> None:
        """Set the new configuration of meters and mark their days, in one transaction. days : none where not named."""

    def channels(self, meters: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the names of the channels that each meter has rows of."""

    def stored_days(self, meter: str, channel: Channel) -> Sequence[dt.date]:
        """Return the days that have a row, in order."""

    def day_before(self, meter: str, channel: Channel, day: dt.date, having: Having) -> dt.date | None:
        """Return the last day before one whose row has readings, or energy; None without one."""

    def day_after(self, meter: str, channel: Channel, day: dt.date, having: Having) -> dt.date | None:
        """Return the first day after one whose row has readings, or energy; None without one."""

    def add_batch(self, batch: NewBatch, days: Sequence[LedgerDays]) -> int:
        """Add a batch with its slots and mark their days, in one transaction. Return its number. Raises DaysPurged."""

    def undo_batch(self, number: int, who: str, at_us: int) -> bool:
        """Mark a batch as undone, and its days as changed, in one transaction. Return False where it did not count.

        Raises DaysPurged.
        """

    def reading_counts(self, meters: Sequence[str], first: dt.date, last: dt.date) -> Mapping[str, Mapping[str, int]]:
        """Return how many values each channel's rows of some days were computed from, by meter. 0 is left out."""

    def close(self) -> None:
        """Close files and connections."""
