"""A file of a utility as intervals of energy or registers, with what was found out and each row that was refused."""

from __future__ import annotations

import datetime as dt
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import numpy as np

from bkkenergy.errors import InputError
from bkkenergy.ingest.files import Wide, WideValues
from bkkenergy.ingest.sheets.cells import (
    RATE_KINDS,
    S_PER_DAY,
    UNITS,
    days_of,
    is_missing,
    span_start,
    split_stamp,
    time_of,
)
from bkkenergy.ingest.sheets.filetable import FileTable, Refusal
from bkkenergy.ingest.sheets.greenbutton import is_xml, read_green_button
from bkkenergy.ingest.sheets.grid import Grid, bounded, open_grid
from bkkenergy.ingest.sheets.kinds import GAUGES_OF_FILES, converted, kind_named, unit_of
from bkkenergy.ingest.sheets.mapping import FileMapping, target_of
from bkkenergy.ingest.sheets.nem12 import is_nem12, read_nem12
from bkkenergy.ingest.sheets.numbers import is_decimal_comma, number_of
from bkkenergy.ingest.sheets.owners import named_columns, owner_columns
from bkkenergy.ingest.sheets.series import table_of
from bkkenergy.ingest.sheets.table import DAY_COLUMN, HEAD_ROWS, TableForm, describe, find_table
from bkkenergy.ingest.sheets.times import label_of, localised, zone_offset_s
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray
from bkkenergy.texts import Phrase

SNIFFED_BYTES = 4096
EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
MAX_FOOTERS = 20
"""At most this many lines after the last row of the table are notes of the file, not rows of it."""
REGISTER_DAYS = 2
"""A register is known by values that never fall for this long: the energies of one day may rise throughout."""
SHOWN_OWNERS = 5
FALLS_RATIO = 0.02
"""Values that fall more often are no register."""


def read_sheet(
    path: Path, mapping: FileMapping, *, this_year: int, owners: Mapping[str, str] = MappingProxyType({})
) -> FileTable:
    """Read the columns that a mapping names. Raises InputError where the file leaves something open.

    this_year : of the common era; of two digits of a year, the era is that which is not the future. owners : number of
    an account, or id of a meter -> meter, for a file that names one and a mapping that names none.
    """
    head_bytes = _first_bytes(path)
    if is_nem12(head_bytes):
        return table_of(read_nem12(path, mapping), mapping, owners)
    if is_xml(head_bytes):
        return table_of(read_green_button(path), mapping, owners)
    grid = open_grid(path, mapping.sheet)
    head = list(islice(grid.rows(), HEAD_ROWS))
    form = find_table(path, head)
    if not mapping.columns:
        mapping = mapping.model_copy(update={"columns": named_columns(form, owners)})
    _refuse_columns(path, form, mapping, next(cells for number, cells in head if number > form.header and any(cells)))
    rows = _collect(grid, form, mapping)
    if not rows.numbers:
        raise InputError.of("file_no_rows", file=path, refusals=_first_refusals(rows.refused))
    _refuse_several(path, form, rows)
    notes = [*grid.notes, *_form_notes(form), *_footer_notes(rows)]
    stamps_us, is_dated = _stamps(rows, form, mapping, notes, this_year)
    columns, kinds = _columns(rows, form, mapping, notes)
    return _sheet(path, rows, form, mapping, notes, np.where(is_dated, stamps_us, 0), is_dated, columns, kinds)


def _first_bytes(path: Path) -> bytes:
    with bounded(path) as stream:
        return stream.read(SNIFFED_BYTES)


def _refuse_columns(path: Path, form: TableForm, mapping: FileMapping, first: Sequence[str]) -> None:
    known = describe(form, first)
    if not mapping.columns:
        raise InputError.of("file_columns_unsaid", file=path, known=known)
    for column in mapping.columns:
        if column not in form.values:
            raise InputError.of("file_no_column", file=path, column=column, known=known)
        if form.slots and (len(mapping.columns) > 1 or column != DAY_COLUMN):
            raise InputError.of("file_row_a_day", file=path, column=DAY_COLUMN)
    for column in mapping.rows:
        if column not in form.titles:
            raise InputError.of("sheet_no_column", path=path, column=repr(column), known=list(form.titles))


@dataclass(slots=True)
class _Rows:
    """Rows as they are read: texts of dates and times by number, and the cells of the chosen columns."""

    dates: dict[str, int] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    numbers: array[int] = field(default_factory=lambda: array("q"))
    date: array[int] = field(default_factory=lambda: array("q"))
    time: array[int] = field(default_factory=lambda: array("q"))
    slot: array[int] = field(default_factory=lambda: array("q"))
    cells: dict[str, list[str]] = field(default_factory=dict)
    owners: dict[int, Counter[str]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    footers: list[tuple[int, str]] = field(default_factory=list)

    def add(self, number: int, stamp: tuple[str, str], cells: Mapping[str, str], slot: int = 0) -> None:
        self.numbers.append(number)
        self.date.append(self.dates.setdefault(stamp[0], len(self.dates)))
        self.time.append(self.times.setdefault(stamp[1], len(self.times)))
        self.slot.append(slot)
        for column, cell in cells.items():
            self.cells[column].append(cell)


def _collect(grid: Grid, form: TableForm, mapping: FileMapping) -> _Rows:
    rows = _Rows(cells={column: [] for column in mapping.columns})
    picks = {form.titles.index(column): text for column, text in mapping.rows.items()}
    owners = owner_columns(form.titles, {*mapping.rows, *mapping.columns})
    rows.owners.update({column: Counter() for column in owners})
    seen: dict[str, str] = {}
    heading: list[str] = []
    for number, cells in grid.rows():
        if number == form.header:
            heading = cells
        if number <= form.header or not any(cells) or cells == heading:
            continue
        if any(_cell(cells, column) != text for column, text in picks.items()):
            continue
        stamp = _stamp(cells, form)
        if stamp is None:
            rows.footers.append((number, " ".join(filter(None, cells))[:60]))
            continue
        for line, text in _footers_inside(rows):
            rows.refused.append(Refusal(line, "", Phrase("row.no_stamp", {"text": text})))
        if grid.has_commas and any(cell.isdecimal() for cell in cells[form.headed :] if form.headed):
            rows.refused.append(
                Refusal(number, "", Phrase("row.more_cells", {"count": len(cells), "due": form.headed}))
            )
            cells = []  # noqa: PLW2901 - its time counts, its values do not
        for column, texts in rows.owners.items():
            texts[_cell(cells, column)] += 1
        _add(rows, number, stamp, cells, form, seen)
    if len(rows.footers) > MAX_FOOTERS:
        rows.refused += [Refusal(number, "", Phrase("row.no_stamp", {"text": text})) for number, text in rows.footers]
        rows.footers.clear()
    return rows


def _refuse_several(path: Path, form: TableForm, rows: _Rows) -> None:
    """Raise InputError where rows are of several meters, or registers of one, and nothing says which count."""
    for column, texts in rows.owners.items():
        names = [name for name in texts if name]
        if 1 < len(names) <= len(rows.numbers) / 2:
            title, shown = form.titles[column], ", ".join(names[:SHOWN_OWNERS])
            raise InputError.of("file_several_owners", file=path, column=title, names=shown, first=names[0])


def _footers_inside(rows: _Rows) -> Iterator[tuple[int, str]]:
    """Yield and forget the lines that turn out to be inside the table."""
    yield from rows.footers
    rows.footers.clear()


def _add(
    rows: _Rows, number: int, stamp: tuple[str, str], cells: Sequence[str], form: TableForm, seen: dict[str, str]
) -> None:
    if form.slots:
        for slot, index in enumerate(form.slots):
            rows.add(number, (stamp[0], ""), {DAY_COLUMN: _cell(cells, index)}, slot)
        return
    unit = _cell(cells, form.unit_column) if form.unit_column is not None else ""
    chosen = {}
    for column in rows.cells:
        cell = _cell(cells, form.values[column])
        text = f"{cell} {unit}" if unit and not is_missing(cell) and cell[-1:].isdigit() else cell
        chosen[column] = seen.setdefault(text, text)
    rows.add(number, stamp, chosen)


def _cell(cells: Sequence[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""


def _stamp(cells: Sequence[str], form: TableForm) -> tuple[str, str] | None:
    stamp = split_stamp(_cell(cells, form.date))
    if stamp is None or form.time is None:
        return stamp
    time = _cell(cells, form.time)
    return stamp[0], span_start(time) or time or "no time"


def _form_notes(form: TableForm) -> list[Phrase]:
    notes = [Phrase("file_note.above", {"text": text}) for text in form.above[:8]]
    notes.append(Phrase("file_note.headings", {"row": form.header}) if form.header else Phrase("file_note.no_headings"))
    if form.slots:
        notes.append(Phrase("file_note.row_a_day", {"count": len(form.slots)}))
    return notes


def _footer_notes(rows: _Rows) -> list[Phrase]:
    return [Phrase("file_note.after", {"row": number, "text": text}) for number, text in rows.footers]


def _stamps(
    rows: _Rows, form: TableForm, mapping: FileMapping, notes: list[Phrase], this_year: int
) -> tuple[IntArray, BoolArray]:
    """Return the stamps of rows, us since 1970 UTC, and which are known. A stamp that is none refuses its row."""
    dates = list(rows.dates)
    calendar_days, said = days_of(dates, dates=mapping.dates, calendar=mapping.calendar, this_year=this_year)
    notes += said
    times = [time_of(text) for text in rows.times]
    day = np.array(
        [calendar_days[text].toordinal() - EPOCH_ORDINAL if text in calendar_days else -1 for text in dates]
    )[rows.date]
    second = np.array([-1 if time is None else time[0] for time in times])[rows.time]
    second = second + np.array(rows.slot) * form.step_s if form.slots else second
    offsets = np.array([np.nan if time is None or time[1] is None else time[1] for time in times])[rows.time]
    is_dated: BoolArray = (day >= 0) & (second >= 0)
    texts = list(rows.times)
    for index in np.flatnonzero(~is_dated).tolist():
        text = f"{dates[rows.date[index]]} {texts[rows.time[index]]}".strip()
        rows.refused.append(Refusal(rows.numbers[index], "", Phrase("row.no_time", {"text": text})))
    local_s = day * S_PER_DAY + second + _next_midnights(day, second, notes)
    has_offset = np.isfinite(offsets)
    stamps_us = (local_s - np.where(has_offset, offsets, 0).astype(np.int64)) * US_PER_S
    if (is_plain := is_dated & ~has_offset).any():
        stamps_us[is_plain] = localised(local_s[is_plain], mapping.zone)
        notes.append(Phrase("file_note.times_of", {"zone": mapping.zone}))
    return stamps_us, is_dated


def _next_midnights(day: IntArray, second: IntArray, notes: list[Phrase]) -> IntArray:
    """Return a day in seconds for each 00:00 that ends the day whose date it bears, as some meters write 24:00."""
    is_same = np.append(False, (day[1:] == day[:-1]) & (second[1:] == 0) & (second[:-1] > S_PER_DAY // 2))
    is_back = np.append((day[1:] == day[:-1]) & (second[:-1] == 0) & (second[1:] > S_PER_DAY // 2), False)
    is_late = is_same | is_back
    if is_late.any():
        notes.append(Phrase("file_note.end_of_day"))
    return np.where(is_late, S_PER_DAY, 0)


def _columns(
    rows: _Rows, form: TableForm, mapping: FileMapping, notes: list[Phrase]
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """Return the values of columns in kW, kWh or pulses, NaN where a row has none, and what they measure."""
    if mapping.decimal is None:
        is_comma = is_decimal_comma(text for cells in rows.cells.values() for text in dict.fromkeys(cells))
    else:
        is_comma = mapping.decimal == "comma"
    if is_comma:
        notes.append(Phrase("file_note.comma"))
    columns: dict[str, FloatArray] = {}
    kinds: dict[str, str] = {}
    for column, cells in rows.cells.items():
        known = {text: number_of(text, is_comma=is_comma) for text in dict.fromkeys(cells) if not is_missing(text)}
        channel = target_of(mapping.columns[column]).channel
        unit = unit_of(column, known.values(), form, mapping, channel)
        kinds[column] = UNITS[unit][0] if unit else ""
        is_signed = channel in GAUGES_OF_FILES
        factors = {text: converted(cell, unit, is_signed=is_signed) for text, cell in known.items()}
        for number, text in zip(rows.numbers, cells, strict=True):
            if isinstance(why := factors.get(text), Phrase):
                rows.refused.append(Refusal(number, column, why))
        columns[column] = np.array([_float(factors.get(text)) for text in cells])
        notes.append(Phrase("file_note.unit" if unit else "file_note.no_unit", {"column": column, "unit": unit}))
    return columns, kinds


def _float(value: float | Phrase | None) -> float:
    return value if isinstance(value, float) else float("nan")


def _sheet(
    path: Path,
    rows: _Rows,
    form: TableForm,
    mapping: FileMapping,
    notes: list[Phrase],
    stamps_us: IntArray,
    is_dated: BoolArray,
    columns: dict[str, FloatArray],
    kinds: dict[str, str],
) -> FileTable:
    is_taken = is_dated & ~_doubled(rows, stamps_us, is_dated, columns)
    taken = np.flatnonzero(is_taken)
    order = taken[np.argsort(stamps_us[taken], kind="stable")]
    start_us = stamps_us[order]
    if len(start_us) < 2:  # noqa: PLR2004 - an interval has two ends
        raise InputError.of("file_few_rows", file=path, refusals=_first_refusals(rows.refused))
    if stamps_us[taken[0]] > stamps_us[taken[-1]]:
        notes.append(Phrase("file_note.newest_first"))
    interval_s = (
        float(form.step_s) if form.slots else float(np.median(np.diff(np.unique(stamps_us[is_dated])))) / US_PER_S
    )
    ordered = {column: values[order] for column, values in columns.items()}
    values = {
        column: "gauge"
        if target_of(mapping.columns[column]).channel in GAUGES_OF_FILES
        else _values_of(column, ordered[column], kinds[column], mapping, notes, interval_s)
        for column in ordered
    }
    ordered = {column: _in_kwh(column, ordered[column], kinds[column], mapping) for column in ordered}
    if not set(values.values()) <= {"register", "gauge"}:
        local_s = (start_us // US_PER_S + zone_offset_s(start_us[0], mapping.zone)) % S_PER_DAY
        is_24 = any(time is not None and time[0] == S_PER_DAY for time in map(time_of, rows.times))
        label = "start" if form.slots else label_of(form, mapping, local_s, interval_s, is_24=is_24)
        notes.append(Phrase(f"file_note.label_{label}", {"minutes": f"{interval_s / 60:g}"}))
        start_us = start_us - (round(interval_s * US_PER_S) if label == "end" else 0)
    refused = sorted(dict.fromkeys(rows.refused), key=lambda one: one.row)
    wide = Wide(start_us, interval_s, ordered)
    return FileTable(wide, values, refused, notes, meters=mapping.columns)


def _first_refusals(refused: Sequence[Refusal]) -> tuple[Phrase, ...]:
    return tuple(Phrase("row.refused", {"row": one.row, "why": one.why}) for one in refused[:3])


def _doubled(rows: _Rows, stamps_us: IntArray, is_dated: BoolArray, columns: Mapping[str, FloatArray]) -> BoolArray:
    """Return rows that say a time again. Where the values differ, none of them is taken."""
    doubled = np.zeros(len(stamps_us), np.bool_)
    order = np.argsort(stamps_us, kind="stable")
    order = order[is_dated[order]]
    same = np.append(False, np.diff(stamps_us[order]) == 0)
    first = 0
    for index in np.flatnonzero(same).tolist():
        first = first if same[index - 1] else index - 1
        one, other = int(order[first]), int(order[index])
        row = rows.numbers[one]
        if all(np.array_equal(values[one], values[other], equal_nan=True) for values in columns.values()):
            why = Phrase("row.again", {"row": row})
        else:
            why = Phrase("row.another_value", {"row": row})
            if not doubled[one]:
                rows.refused.append(Refusal(row, "", Phrase("row.another_value", {"row": rows.numbers[other]})))
            doubled[one] = True
        doubled[other] = True
        rows.refused.append(Refusal(rows.numbers[other], "", why))
    return doubled


def _values_of(
    column: str, values: FloatArray, kind: str, mapping: FileMapping, notes: list[Phrase], interval_s: float
) -> WideValues:
    """Return what a column holds. Energies of intervals and registers are known by whether they ever fall."""
    if mapping.values is not None:
        if (kind in RATE_KINDS) != (mapping.values == "mean-power") and kind:
            raise InputError.of("sheet_other_values", column=repr(column), kind=kind_named(kind), asked=mapping.values)
        return mapping.values
    if kind in RATE_KINDS:
        return "mean-power"
    if not kind:
        raise InputError.of("file_unit_unsaid", column=column, example="kWh")
    steps = np.diff(values[np.isfinite(values)])
    if (
        len(steps) * interval_s >= REGISTER_DAYS * S_PER_DAY
        and (steps >= 0).all()
        and 2 * (steps > 0).sum() > len(steps)
    ):
        notes.append(Phrase("file_note.register", {"column": column}))
        return "register"
    if len(steps) and (steps < 0).mean() > FALLS_RATIO:
        notes.append(Phrase("file_note.energies", {"column": column}))
        return "energy"
    raise InputError.of("file_energy_or_register", column=column)


def _in_kwh(column: str, values: FloatArray, kind: str, mapping: FileMapping) -> FloatArray:
    if kind != "pulses":
        return values
    if mapping.pulse_kwh is None:
        raise InputError.of("file_pulses", column=column)
    return values * mapping.pulse_kwh
