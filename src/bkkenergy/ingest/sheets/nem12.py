"""NEM12 files: intervals of Australian meters, and of others whose data services write them.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13, sections 4.2 to 4.6. Records begin with their kind:
200 begins a series, 300 is a day of it, 400 says the quality of a part of that day, 500 is of the meter's readings,
900 ends the file. Values label the start of their interval, from midnight of market time, which has no summer time.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets.cells import ENERGY_UNITS, S_PER_DAY, YEARS, plain_unit
from bkkenergy.ingest.sheets.filetable import Refusal
from bkkenergy.ingest.sheets.grid import bounded
from bkkenergy.ingest.sheets.mapping import FileMapping
from bkkenergy.ingest.sheets.series import MAX_VALUES, FileSeries, SeriesFile
from bkkenergy.ingest.sheets.times import localised
from bkkenergy.readings import US_PER_S
from bkkenergy.texts import Phrase

MARKET_ZONE = "Etc/GMT-10"
"""Market time is ten hours ahead of UTC all year."""
MINUTES = frozenset((1, 5, 10, 15, 30, 60))
NMI, SUFFIX, SERIAL, UNIT, LENGTH = 1, 4, 6, 7, 8
"""Cells of a 200 record."""
MEASURED, MISSING, VARIES = "A", "N", "V"
ESTIMATED = frozenset("EFS")
"""Estimates and substitutes, final or not."""
NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,2})?")
EPOCH = dt.date(1970, 1, 1)


def is_nem12(head: bytes) -> bool:
    """Return whether a file begins as NEM12 does: with its header, or with a series."""
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0].replace(b" ", b"")
    return line.upper().startswith((b"100,NEM12", b'100,"NEM12')) or (
        line.startswith(b"200,") and line.count(b",") in {LENGTH, LENGTH + 1}
    )


@dataclass(slots=True)
class _Day:
    """A 300 record: its series, values, and the quality of each."""

    row: int
    series: FileSeries
    start_us: int
    values: Sequence[str]
    quality: list[str]


@dataclass(slots=True)
class _Reader:
    path: Path
    zone: str
    series: dict[str, FileSeries] = field(default_factory=dict)
    present: FileSeries | None = None
    day: _Day | None = None
    values_count: int = 0
    is_ended: bool = False
    refused: list[Refusal] = field(default_factory=list)

    def take(self, row: int, cells: Sequence[str]) -> None:
        """Take one record. What cannot be read is refused by its row."""
        kind = cells[0]
        if kind == "400":
            self._say(row, _quality_of_part(self.day, cells))
            return
        self._end_day()
        if kind == "200":
            self._begin(row, cells)
        elif kind == "300":
            self._read_day(row, cells)
        elif kind == "100":
            self.present, self.is_ended = None, False
        elif kind == "900":
            self.present, self.is_ended = None, True
        elif kind != "500":
            self._say(row, Phrase("row.unknown_record", {"kind": kind[:20]}))

    def finish(self, rows: int) -> None:
        """End the last day, and see that the file is whole."""
        self._end_day()
        if not self.is_ended:
            self._say(rows, Phrase("row.no_end"))

    def _say(self, row: int, why: Phrase | None, column: str = "") -> None:
        if why is not None:
            self.refused.append(Refusal(row, column, why))

    def _begin(self, row: int, cells: Sequence[str]) -> None:
        self.present = None
        minutes = cells[LENGTH] if len(cells) > LENGTH else ""
        if not minutes.isdecimal() or int(minutes) not in MINUTES:
            self._say(row, Phrase("row.no_length", {"text": minutes[:20]}))
            return
        name, unit = f"{cells[NMI]} {cells[SUFFIX]}", plain_unit(cells[UNIT])
        is_fit = unit in ENERGY_UNITS and ENERGY_UNITS[unit][0] != "pulses"
        fault = None if is_fit else Phrase("series.no_energy", {"unit": repr(cells[UNIT])})
        owners = tuple(filter(None, (cells[NMI], cells[SERIAL])))
        one = FileSeries(name, unit, 60 * int(minutes), owners, is_use=cells[SUFFIX].startswith("E"), fault=fault)
        known = self.series.setdefault(name, one)
        if (known.unit, known.interval_s) != (one.unit, one.interval_s):
            minutes_before = known.interval_s // 60
            self._say(row, Phrase("row.other_series", {"unit": known.unit, "minutes": minutes_before}), name)
            return
        self.present = known

    def _read_day(self, row: int, cells: Sequence[str]) -> None:
        if self.present is None:
            self._say(row, Phrase("row.no_series"))
            return
        name, count = self.present.name, S_PER_DAY // self.present.interval_s
        start_us = _midnight_us(cells[1] if len(cells) > 1 else "", self.zone)
        if start_us is None:
            self._say(row, Phrase("row.no_day", {"text": "".join(cells[1:2])[:20]}), name)
            return
        quality = cells[2 + count].strip()[:1].upper() if len(cells) > 2 + count else ""
        if not quality or NUMBER.fullmatch(cells[2 + count].strip()):  # too few values, or too many
            self._say(row, Phrase("row.few_cells", {"cells": max(len(cells) - 2, 0), "due": count}), name)
            return
        if quality not in ESTIMATED | {MEASURED, MISSING, VARIES}:
            self._say(row, Phrase("row.no_quality", {"text": cells[2 + count][:20]}), name)
            return
        self.values_count += count
        if self.values_count > MAX_VALUES:
            raise InputError.of("nem12_values_many", path=self.path, max_values=f"{MAX_VALUES:,}")
        self.day = _Day(row, self.present, start_us, cells[2 : 2 + count], [quality] * count)

    def _end_day(self) -> None:
        day, self.day = self.day, None
        if day is None:
            return
        step_us = day.series.interval_s * US_PER_S
        if VARIES in day.quality:
            self._say(day.row, Phrase("row.quality_varies"), day.series.name)
        for slot, (text, quality) in enumerate(zip(day.values, day.quality, strict=True)):
            if quality in {MISSING, VARIES}:
                continue
            value = float(text) if NUMBER.fullmatch(text) else math.nan
            if math.isfinite(value):
                day.series.add(day.row, day.start_us + slot * step_us, value, is_estimated=quality in ESTIMATED)
            else:
                why = Phrase("row.value_no_number", {"number": slot + 1, "text": text[:20]})
                self._say(day.row, why, day.series.name)


def read_nem12(path: Path, mapping: FileMapping) -> SeriesFile:
    """Read a file. Raises InputError where it is no NEM12 that can be read."""
    reader = _Reader(path, mapping.timezone or MARKET_ZONE)
    row = 0
    for row, cells in _records(path):
        reader.take(row, cells)
    reader.finish(row)
    if not reader.series:
        raise InputError.of("nem12_empty", path=path)
    note = Phrase("file_note.nem12", {"count": len(reader.series), "zone": reader.zone})
    return SeriesFile(path, list(reader.series.values()), reader.refused, [note])


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    with bounded(path) as binary, io.TextIOWrapper(binary, "utf-8-sig", errors="replace", newline="") as text:
        reader = csv.reader(text)
        try:
            for row, cells in enumerate(reader, 1):
                stripped = [cell.strip() for cell in cells]
                if any(stripped):
                    yield row, stripped
        except csv.Error as error:
            raise InputError.of("sheet_row", path=path, line_num=reader.line_num, error=error) from None


def _quality_of_part(day: _Day | None, cells: Sequence[str]) -> Phrase | None:
    """Set the quality of a part of a day. Return what is wrong with the record."""
    if day is None:
        return Phrase("row.no_day_before")
    first, last, quality = (*cells[1:4], "", "", "")[:3]
    flag = quality[:1].upper()
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= len(day.quality)):
        return Phrase("row.no_part", {"first": first[:20], "last": last[:20]})
    if flag not in ESTIMATED | {MEASURED, MISSING}:
        return Phrase("row.no_quality", {"text": quality[:20]})
    day.quality[int(first) - 1 : int(last)] = [flag] * (int(last) - int(first) + 1)
    return None


def _midnight_us(text: str, zone: str) -> int | None:
    try:
        day = dt.datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day of the file's own zone
    except ValueError:
        return None
    if day.year not in YEARS:
        return None
    return int(localised(np.array([(day - EPOCH).days * S_PER_DAY]), zone)[0])
