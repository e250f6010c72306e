"""Files that name their own series, such as NEM12 and Green Button: chosen by name, account or meter, as one table."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bkkenergy.errors import InputError
from bkkenergy.ingest.files import Wide, WideValues
from bkkenergy.ingest.sheets.cells import ENERGY_UNITS
from bkkenergy.ingest.sheets.filetable import FileTable, Refusal
from bkkenergy.ingest.sheets.mapping import FileMapping, target_of
from bkkenergy.ports.channels import IMPORT
from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.texts import Lines, Phrase, chained

MAX_VALUES = 10_000_000
"""Of a file. A year of five minutes is a hundred thousand."""
SHOWN_SERIES = 40


@dataclass(slots=True)
class FileSeries:
    """A series as a file names it, with its values as they are read.

    unit : as `plain_unit` writes it. owners : numbers of the account or meter that it names. is_use : it counts what
    the customer takes. fault : why it cannot be imported; None where it can.
    """

    name: str
    unit: str
    interval_s: int
    owners: tuple[str, ...]
    is_use: bool = True
    fault: Phrase | None = None
    row: array[int] = field(default_factory=lambda: array("q"))
    start_us: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    estimated: array[int] = field(default_factory=lambda: array("b"))

    def add(self, row: int, start_us: int, value: float, *, is_estimated: bool) -> None:
        """Add one value. row : its place in the file."""
        self.row.append(row)
        self.start_us.append(start_us)
        self.value.append(value)
        self.estimated.append(is_estimated)


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """All that a file says: its series, what was refused, and what was found out of its form."""

    path: Path
    series: Sequence[FileSeries]
    refused: Sequence[Refusal]
    notes: Sequence[Phrase]


def table_of(file: SeriesFile, mapping: FileMapping, owners: Mapping[str, str]) -> FileTable:
    """Return the series that a mapping names, or those of the accounts and meters that the file itself names.

    owners : number of an account, or id of a meter -> meter. Raises InputError.
    """
    meters = dict(mapping.columns) or _meters_named(file, owners)
    chosen = {name: _chosen(file, name) for name in meters}
    for name, one in chosen.items():
        _refuse_turned_flow(file, one, meters[name])
    paces = {one.interval_s for one in chosen.values()}
    if len(paces) > 1:
        shown = [Phrase("series.pace", {"name": one.name, "minutes": one.interval_s // 60}) for one in chosen.values()]
        raise InputError.of("file_several_intervals", file=file.path, shown=shown)
    refused = [one for one in file.refused if not one.column or one.column in chosen]
    columns = {name: _checked(one, refused) for name, one in chosen.items()}
    start_us = np.unique(np.concatenate([column.start_us for column in columns.values()]))
    if not len(start_us):
        raise InputError.of("series_none_left", path=file.path, why=tuple(one.why for one in refused[:3]))
    wide = Wide(start_us, float(paces.pop()), {name: column.spread(start_us) for name, column in columns.items()})
    estimated = {name: column.estimated_at(start_us) for name, column in columns.items() if column.is_estimated.any()}
    notes = [
        *file.notes,
        *(
            Phrase("file_note.series", {"name": name, "meter": meters[name], "unit": one.unit})
            for name, one in chosen.items()
        ),
        *(
            Phrase("file_note.estimates", {"name": name, "count": f"{flags.sum():,}"})
            for name, flags in estimated.items()
        ),
    ]
    values = {name: _holds(one) for name, one in chosen.items()}
    return FileTable(wide, values, sorted(refused, key=lambda one: one.row), notes, estimated, meters)


@dataclass(frozen=True, slots=True)
class _RisingValues:
    start_us: IntArray
    value: FloatArray
    is_estimated: BoolArray

    def spread(self, start_us: IntArray) -> FloatArray:
        """Return its values at all starts of the table, NaN where it has none."""
        spread = np.full(len(start_us), np.nan)
        spread[np.searchsorted(start_us, self.start_us)] = self.value
        return spread

    def estimated_at(self, start_us: IntArray) -> BoolArray:
        spread = np.zeros(len(start_us), np.bool_)
        spread[np.searchsorted(start_us, self.start_us)] = self.is_estimated
        return spread


def _chosen(file: SeriesFile, name: str) -> FileSeries:
    match = next((one for one in file.series if one.name == name), None)
    if match is None:
        raise InputError.of("no_series_named", path=file.path, name=repr(name), known=_listed(file))
    if match.fault:
        raise InputError.of("series_unfit", path=file.path, name=repr(name), fault=match.fault)
    return match


def _refuse_turned_flow(file: SeriesFile, one: FileSeries, target: str) -> None:
    """Raise InputError for what flows back, as import of a meter whose use is another series of the file."""
    has_use = any(other.is_use and set(other.owners) & set(one.owners) for other in file.series)
    if not one.is_use and has_use and target_of(target).channel is IMPORT:
        raise InputError.of("file_flows_back", file=file.path, series=one.name, meter=target)


def _meters_named(file: SeriesFile, owners: Mapping[str, str]) -> dict[str, str]:
    """Return the meters of series by the numbers that the file gives them. Raises InputError where none is known."""
    named = {
        one.name: owners[owner]
        for one in file.series
        if one.is_use and not one.fault
        for owner in one.owners
        if owner in owners
    }
    if not named:
        raise InputError.of("file_series_unsaid", file=file.path, known=_listed(file))
    for meter in named.values():
        same = [name for name, other in named.items() if other == meter]
        if len(same) > 1:
            raise InputError.of("series_of_one_meter", path=file.path, series=chained("series.both", same), meter=meter)
    return named


def _listed(file: SeriesFile) -> Lines:
    lines = Lines(map(_line_on, file.series[:SHOWN_SERIES]))
    left = len(file.series) - SHOWN_SERIES
    return Lines([*lines, Phrase("series.more", {"count": left})]) if left > 0 else lines


def _line_on(one: FileSeries) -> Phrase:
    unit, count = one.unit or Phrase("series.no_unit"), f"{len(one.value):,}"
    line = {"name": repr(one.name), "unit": unit, "minutes": one.interval_s // 60, "count": count}
    return Phrase("series.line_unfit" if one.fault else "series.line", line | ({"why": one.fault} if one.fault else {}))


def _checked(one: FileSeries, refused: list[Refusal]) -> _RisingValues:
    """Return a series by rising time, in kWh or kW. Of values that differ for one time, none is taken."""
    order = np.argsort(np.array(one.start_us, np.int64), kind="stable")
    start_us = np.array(one.start_us, np.int64)[order]
    value = np.array(one.value)[order] * ENERGY_UNITS[one.unit][1]
    row, is_estimated = np.array(one.row, np.int64)[order], np.array(one.estimated, np.bool_)[order]
    is_taken: BoolArray = np.ones(len(order), np.bool_)
    same = np.append(False, np.diff(start_us) == 0)
    first = 0
    for index in np.flatnonzero(same).tolist():
        first = first if same[index - 1] else index - 1
        is_taken[index] = False
        is_other = not np.array_equal(value[first], value[index], equal_nan=True)
        is_taken[first] &= not is_other
        why = Phrase("row.another_value" if is_other else "row.again", {"row": int(row[first])})
        refused.append(Refusal(int(row[index]), one.name, why))
    for index in np.flatnonzero(value < 0).tolist():
        is_taken[index] = False
        refused.append(Refusal(int(row[index]), one.name, Phrase("row.negative", {"value": f"{value[index]:g}"})))
    return _RisingValues(start_us[is_taken], value[is_taken], is_estimated[is_taken])


def _holds(one: FileSeries) -> WideValues:
    return "mean-power" if ENERGY_UNITS[one.unit][0] == "power" else "energy"
