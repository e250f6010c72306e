"""Readings from and to files: long tables (one row a reading) and wide ones (one column a meter)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bkkenergy.calendar import BANGKOK, epoch_us
from bkkenergy.errors import InputError
from bkkenergy.ingest.fileratios import FileMeters, Side, sided
from bkkenergy.ingest.validate import REASONS
from bkkenergy.metering.registers import S_PER_H
from bkkenergy.metering.sources import IntervalSeries
from bkkenergy.payloads.message import Reason
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.readings import FIELDS, US_PER_S, FloatArray, IntArray, ReadingBatch
from bkkenergy.texts import BE_OFFSET_YEARS

CHUNK_ROWS = 50_000
Advance = Callable[[int], None]
"""Called with how many bytes (CSV) or rows (Parquet) have been read since the last call."""

WideValues = Literal["mean-power", "energy", "register", "gauge"]
Calendar = Literal["ce", "be"]
PACE_ROWS = 6
"""This many rows at another pace are no lost rows."""
"""The era of years: the common one, or the Buddhist one, which is 543 years ahead."""
BUDDHIST_YEAR = r"2[4-9]\d\d-"
"""2443 was 1900. No meter is read in the year 2400 of the common era."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One chunk of a file: good readings, and the rows that were refused with their reasons."""

    batch: ReadingBatch
    refused: pd.DataFrame


def work_units(path: Path) -> int:
    """Return how much `read_long` will count: bytes of a CSV file, rows of a Parquet file."""
    return pq.ParquetFile(path).metadata.num_rows if path.suffix == ".parquet" else path.stat().st_size


def is_export(path: Path) -> bool:
    """Return whether a file is of `export`'s form, by its columns."""
    if path.suffix == ".parquet":
        return True
    try:
        return {"meter", "ts"} <= set(pd.read_csv(path, nrows=0, encoding="utf-8-sig").columns)
    except (ValueError, OSError, EOFError):  # no text of this encoding, or no table
        return False


def read_long(
    path: Path, meters: FileMeters, *, latest_us: int, advance: Advance, side: Side | None = None
) -> Iterator[Imported]:
    """Yield readings of a file of `export`'s form: columns `meter`, `ts`, and any of FIELDS.

    An export says which transformer ratio was applied to each reading. A file without that column says nothing of it:
    `side` does. Raises InputError.
    """
    for frame in _parquet_chunks(path, advance) if path.suffix == ".parquet" else _csv_chunks(path, advance):
        yield _judged(frame, meters, side, latest_us)


def _csv_chunks(path: Path, advance: Advance) -> Iterator[pd.DataFrame]:
    with pd.read_csv(path, chunksize=CHUNK_ROWS, dtype={"meter": str, "ts": str}, encoding="utf-8-sig") as reader:
        before = 0
        for frame in reader:
            now = _position(reader, path)
            advance(now - before)
            before = now
            yield frame


def _position(reader: object, path: Path) -> int:
    """Return how far into the file pandas has read; for compressed files, of the compressed bytes."""
    handle = getattr(getattr(reader, "handles", None), "handle", None)
    try:
        buffer = getattr(handle, "buffer", handle)
        return min(int(buffer.tell()), path.stat().st_size)  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        return 0


def _parquet_chunks(path: Path, advance: Advance) -> Iterator[pd.DataFrame]:
    for record in pq.ParquetFile(path).iter_batches(batch_size=CHUNK_ROWS):
        advance(record.num_rows)
        yield record.to_pandas()


def _judged(frame: pd.DataFrame, meters: FileMeters, side: Side | None, latest_us: int) -> Imported:
    if missing := {"meter", "ts"} - set(frame.columns):
        raise InputError.of(
            "file_columns", missing=", ".join(sorted(missing)), known=", ".join(map(str, frame.columns))
        )
    number_of = {name: number for number, name in enumerate(meters.names)}
    meter = frame["meter"].map(number_of)
    ts = pd.to_datetime(frame["ts"], utc=True, errors="coerce", format="ISO8601")
    readable = meter.notna() & ts.notna()
    why = pd.Series(np.where(meter.isna(), Reason.UNKNOWN_METER, Reason.NOT_DECODED), frame.index, dtype=object)
    good = frame[readable]
    batch = ReadingBatch(
        meters.names,
        np.asarray(meter[readable], np.int64),
        epoch_us(pd.DatetimeIndex(ts[readable])),
        {name: _numbers(good[name]) for name in FIELDS if name in good},
    )
    judged = sided(batch, meters, side, latest_us=latest_us)
    why[readable] = np.array(REASONS, dtype=object)[judged.codes]
    return Imported(judged.batch.take(judged.codes == 0), frame.assign(reason=why)[why.notna()])


def _numbers(column: pd.Series[Any]) -> FloatArray:
    """Convert a column to floats: NaN where there is no number, infinity for integers beyond any float."""
    try:
        return pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    except OverflowError:
        return pd.to_numeric(column.astype(str), errors="coerce").to_numpy(np.float64)


@dataclass(frozen=True, slots=True)
class Wide:
    """Values of intervals, a column a meter.

    start_us : (k,) starts of the intervals, microseconds since the epoch, rising.
    interval_s : length of an interval, s.
    columns : name in the file -> (k,) values, NaN where missing.
    """

    start_us: IntArray
    interval_s: float
    columns: Mapping[str, FloatArray]

    def energy_kwh(self, column: str, values: WideValues) -> FloatArray:
        """Return (k,) energy of each interval."""
        factor = self.interval_s / S_PER_H if values == "mean-power" else 1.0
        return self.columns[column] * factor

    def series(self, column: str, values: WideValues) -> IntervalSeries:
        """Return a column as energies of intervals. Raises InputError where rows go on at another pace.

        The values there are of other intervals: a mean power would be counted for too short a time.
        """
        step_s = np.diff(self.start_us) / US_PER_S
        is_other = step_s != self.interval_s
        run = np.cumsum(np.append(True, np.diff(step_s) != 0) | ~is_other)
        length = np.bincount(run, is_other)
        if length.max(initial=0) >= PACE_ROWS:
            row = int(np.flatnonzero(run == length.argmax())[0])
            at = pd.Timestamp(self.start_us[row], unit="us", tz="UTC").tz_convert(BANGKOK)
            raise InputError.of(
                "file_intervals",
                interval_minutes=f"{self.interval_s / 60:g}",
                step_minutes=f"{step_s[row] / 60:g}",
                at=f"{at:%Y-%m-%d %H:%M}",
            )
        return IntervalSeries(self.start_us, self.interval_s, self.energy_kwh(column, values))


def read_wide(path: Path, *, timezone: str, calendar: Calendar = "ce") -> Wide:
    """Read a table whose first column is time and whose others are numbers. Raises InputError.

    timezone : of stamps that carry no offset. calendar : "be" where years are of the Buddhist era.
    """
    try:
        frame = pd.read_csv(path, dtype={0: str})
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError.of("file_no_utf8", path=path, error=error) from None
    texts = frame.iloc[:, 0].astype(str)
    if calendar == "be" or texts.str.match(BUDDHIST_YEAR).any():
        texts = _common_era(texts, path, calendar)
    try:
        stamps = pd.to_datetime(texts, format="ISO8601")
    except ValueError as error:
        raise InputError.of("file_no_times", path=path, column=repr(frame.columns[0]), error=error) from None
    index = pd.DatetimeIndex(stamps)
    try:
        index = index.tz_localize(timezone) if index.tz is None else index
    except ValueError as error:  # an hour that the zone has twice, or never
        raise InputError.of("file_double_times", path=path, timezone=timezone, error=error) from None
    start_us = epoch_us(index)
    numbers = frame.iloc[:, 1:].select_dtypes("number").astype(np.float64)
    if len(start_us) < 2 or (np.diff(start_us) <= 0).any():  # noqa: PLR2004 - an interval has two ends
        raise InputError.of("file_unsorted", path=path)
    interval_s = float(np.median(np.diff(start_us))) / US_PER_S
    return Wide(start_us, interval_s, {str(name): numbers[name].to_numpy() for name in numbers})


def _common_era(texts: pd.Series[Any], path: Path, calendar: Calendar) -> pd.Series[Any]:
    """Convert stamps with years of the Buddhist era, 2569, to the common era, 2026. Raises InputError."""
    is_buddhist = texts.str.match(BUDDHIST_YEAR)
    if calendar == "ce":
        first = str(texts[is_buddhist].iloc[0])
        raise InputError.of("file_buddhist", path=path, first=first, year_ce=int(first[:4]) - BE_OFFSET_YEARS)
    if not is_buddhist.all():
        first = str(texts[~is_buddhist].iloc[0])
        raise InputError.of("file_not_buddhist", path=path, first=first)
    years = (texts.str.slice(0, 4).astype(int) - BE_OFFSET_YEARS).astype(str)
    return years + texts.str.slice(4)


def wide_batch(wide: Wide, columns: Mapping[str, Meter], values: WideValues) -> ReadingBatch:
    """Convert the columns of a wide table to readings of meters, each in the way of its kind.

    A register meter gets a counter from zero, read at both ends of each run of known intervals; an
    interval meter gets the energy, stamped at the end.
    """
    meter_ids = tuple(meter.id for meter in columns.values())
    parts = []
    for number, (column, meter) in enumerate(columns.items()):
        if meter.kind is MeterKind.REGISTER:
            ts_us, figures = as_register(wide, wide.energy_kwh(column, values))
        elif meter.kind is MeterKind.INTERVAL:
            ts_us, figures = wide.start_us + int(wide.interval_s * US_PER_S), wide.energy_kwh(column, values)
        else:
            raise InputError.of("meter_kind_unread", id=meter.id, kind=meter.kind)
        known = ~np.isnan(figures)
        batch = ReadingBatch(meter_ids, np.full(len(ts_us), number), ts_us, {"energy_kwh": figures})
        parts.append(batch.take(known))
    return ReadingBatch.concat(parts)


def as_register(wide: Wide, energy_kwh: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return a counter from zero that takes in each known interval; (n,) instants and kWh."""
    length_us = int(wide.interval_s * US_PER_S)
    known = ~np.isnan(energy_kwh)
    grown_kwh = np.cumsum(np.where(known, energy_kwh, 0.0))
    end_us = wide.start_us + length_us
    follows = np.concatenate(([False], known[:-1] & (end_us[:-1] == wide.start_us[1:])))
    begins = known & ~follows
    ts_us = np.concatenate((wide.start_us[begins], end_us[known]))
    register_kwh = np.concatenate(((grown_kwh - np.where(known, energy_kwh, 0.0))[begins], grown_kwh[known]))
    order = np.argsort(ts_us, kind="stable")
    return ts_us[order], register_kwh[order]


def judged_readings(
    wide: Wide,
    columns: Mapping[str, tuple[int, str]],
    meters: FileMeters,
    *,
    latest_us: int,
    side: Side | None = None,
) -> Imported:
    """Take columns of a wide table as readings of meters, stamped at the row's time, and judge each.

    columns : name in the file -> index of its meter, and the field of its readings. Fields of one meter are of one
    reading. Raises InputError where a meter has a transformer ratio and `side` is not given.
    """
    parts = []
    for number in range(len(meters.names)):
        fields = {field: wide.columns[name] for name, (of_meter, field) in columns.items() if of_meter == number}
        is_known = np.logical_or.reduce([~np.isnan(values) for values in fields.values()])
        meter = np.full(len(wide.start_us), number, np.int64)
        parts.append(ReadingBatch(meters.names, meter, wide.start_us, fields).take(is_known))
    whole = ReadingBatch.concat(parts)
    judged = sided(whole, meters, side, latest_us=latest_us)
    bad = whole.take(judged.codes != 0)
    refused = pd.DataFrame(
        {
            "meter": [bad.meter_ids[number] for number in bad.meter.tolist()],
            "ts": pd.to_datetime(bad.ts_us, unit="us", utc=True),
            **{name: bad.column(name) for name in bad.columns},
            "reason": np.array(REASONS, dtype=object)[judged.codes[judged.codes != 0]],
        }
    )
    return Imported(judged.batch.take(judged.codes == 0), refused)


class LongWriter:
    """Writes readings to one CSV or Parquet file, batch after batch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet: pq.ParquetWriter | None = None
        self._is_new = True

    def write(self, batch: ReadingBatch) -> None:
        """Add readings: `meter`, `ts` (UTC) and every field."""
        table = pa.table(
            {
                "meter": pa.array(batch.meter_ids).take(pa.array(batch.meter)),
                "ts": pa.array(batch.ts_us).cast(pa.timestamp("us", tz="UTC")),
                **{name: pa.array(batch.column(name), from_pandas=True) for name in FIELDS},
            }
        )
        if self._path.suffix == ".parquet":
            self._parquet = self._parquet or pq.ParquetWriter(self._path, table.schema, compression="zstd")
            self._parquet.write_table(table)
        else:
            frame = table.to_pandas()
            frame["ts"] = frame["ts"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").str.replace(".000000Z", "Z")
            frame.to_csv(self._path, mode="w" if self._is_new else "a", header=self._is_new, index=False)
        self._is_new = False

    def close(self) -> None:
        """Close the finished file."""
        if self._parquet is not None:
            self._parquet.close()
