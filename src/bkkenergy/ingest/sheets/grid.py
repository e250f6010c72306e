"""Rows of cells out of CSV and XLSX, within bounds: whatever the file, each cell is text."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import gzip
import io
import re
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import openpyxl

from bkkenergy.errors import InputError
from bkkenergy.regularfiles import BROKEN_DATA, BROKEN_ZIP, need_regular
from bkkenergy.texts import Phrase

Row = tuple[int, list[str]]
"""Number of a row in the file, from 1, and its cells."""

MAX_BYTES = 512 << 20
MAX_INFLATED_BYTES = 256 << 20
MAX_ROWS = 2_000_000
MAX_CELLS = 512
"""Of a row."""
MAX_WIDE_ROWS = 10_000
"""Rows with an empty cell beyond `MAX_CELLS`: each costs what its last column does."""
PIECE_BYTES = 1 << 20
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".emf", ".wmf", ".bin")
"""Parts of a workbook that no reader of ours looks at."""
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"<\0", b"\0<")
"""How XML of two bytes a letter begins: a document type is not seen in it, and no program writes a workbook so."""
SAMPLE_LINES = 200
DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
"""What may divide cells -> its name under [file_mark] of the catalogues."""
AGREEING_RATIO = 0.8
FORMULA = "\x00formula"
"""Begins a cell that holds a formula without its result."""
VALUE_MARKS = (b"<v>", b"<v ", b"<is>", b"<f>", b"<f ")
FORMULA_MARKS = (b"<f>", b"<f ", b"<f/")
ODD_MARKS = (b":row", b"<row>", b"<row\n", b"<row\r", b"<row\t", b"<!", b"<v\n", b"<v\t", b"<is ")
"""In a sheet with one of these the last row is not looked for: every row is read."""
ROW_NUMBERS = re.compile(rb"""<row (?:[^<>]*?\s)?r=["']([0-9]{1,7})["']""")
THREE_DECIMALS = re.compile(r"\.\d{3}$")
"""Of a number of a workbook, which is text from here on: 1.234 could be a thousand, 1.2340 is none."""
THAI_DIGITS = str.maketrans("๐๑๒๓๔๕๖๗๘๙\xa0", "0123456789 ")


@dataclass(frozen=True, slots=True)
class Grid:
    """A file as rows.

    notes : what was found out of its form. rows : begins from the first row at each call. has_commas : between cells.
    """

    notes: tuple[Phrase, ...]
    rows: Callable[[], Iterator[Row]]
    has_commas: bool = False


def open_grid(path: Path, sheet: str | None) -> Grid:
    """Find out the form of a file. Raises InputError."""
    need_regular(path)
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.startswith(b"PK"):
        return _xlsx(path, sheet)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError.of("file_old_excel", file=path)
    if head.startswith(b"%PDF") or re.match(rb"\s*<(!doctype html|html|table)", head, re.IGNORECASE):
        raise InputError.of("file_is_page", file=path)
    return _csv(path)


def _csv(path: Path) -> Grid:
    encoding = _encoding(path)
    with bounded(path) as binary, io.TextIOWrapper(binary, encoding, newline="") as text:
        try:
            lines = [line for line, _ in zip(text, range(SAMPLE_LINES), strict=False)]
            delimiter = _delimiter(lines)
        except (UnicodeError, csv.Error) as error:
            raise InputError.of("sheet_encoding", path=path, encoding=encoding, error=error) from None
    values = {"encoding": encoding, "marks": Phrase(f"file_mark.{DELIMITERS[delimiter]}")}
    return Grid(
        (Phrase("file_note.text_form", values),), lambda: _csv_rows(path, encoding, delimiter), delimiter == ","
    )


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    with bounded(path) as binary, io.TextIOWrapper(binary, encoding, newline="") as text:
        reader = csv.reader(_without_nul(path, text), delimiter=delimiter)
        try:
            for number, cells in enumerate(reader, 1):
                yield _within(path, number, cells)
        except (csv.Error, UnicodeError) as error:
            raise InputError.of("sheet_row", path=path, line_num=reader.line_num, error=error) from None


def _without_nul(path: Path, lines: Iterable[str]) -> Iterator[str]:
    """Yield lines of text. Raises InputError for one with a NUL: UTF-16 without its mark, or behind other text."""
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise InputError.of("file_nul", file=path, line=number)
        yield line


def _within(path: Path, number: int, cells: Sequence[str]) -> Row:
    if number > MAX_ROWS or len(cells) > MAX_CELLS:
        raise InputError.of(
            "sheet_rows_many", path=path, max_rows=f"{MAX_ROWS:,}", max_cells=MAX_CELLS, number=f"{number:,}"
        )
    return number, [cell.translate(THAI_DIGITS).strip() for cell in cells]


class _Bounded(io.RawIOBase):
    """Reads a stream to its end, and no further than a bound."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream, self._path, self._left = stream, path, MAX_BYTES

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer. Raises InputError past the bound."""
        try:
            part = self._stream.read(len(buffer))
        except BROKEN_DATA as error:
            raise InputError.of("sheet_unreadable", path=self._path, error=error) from None
        self._left -= len(part)
        if self._left < 0:
            raise InputError.of("sheet_large", path=self._path, max=MAX_BYTES >> 20)
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        super().close()


def bounded(path: Path) -> io.BufferedReader:
    """Open a file, inflated where it is compressed, to be read no further than the bound."""
    need_regular(path)
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    opened: IO[bytes] = gzip.open(path) if is_gzip else path.open("rb")  # type: ignore[assignment]  # noqa: SIM115
    return io.BufferedReader(_Bounded(opened, path), PIECE_BYTES)


def _encoding(path: Path) -> str:
    """Return utf-8-sig, utf-16 or cp874. TIS-620 is a part of cp874, and bytes of it are no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with bounded(path) as stream:
        is_first = True
        while piece := stream.read(PIECE_BYTES):
            if is_first and piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16"
            is_first = False
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                return "cp874"
    return "utf-8-sig"


def _delimiter(lines: Sequence[str]) -> str:
    """Return what divides the cells: the first character that nearly all of the last lines hold equally often."""
    last = [line for line in lines if line.strip()][-40:]
    for delimiter in DELIMITERS:
        counts = [len(next(csv.reader([line], delimiter=delimiter), [])) for line in last]
        usual = max(set(counts), key=counts.count, default=1)
        if usual > 1 and counts.count(usual) >= AGREEING_RATIO * len(counts):
            return delimiter
    return ","


def _xlsx(path: Path, sheet: str | None) -> Grid:
    _refuse_hostile(path)
    with opened_workbook(path) as book:
        names = [one.title for one in book.worksheets if one.sheet_state == "visible" and _has_cells(one)]
    if sheet is None and len(names) != 1:
        raise InputError.of("file_sheets", file=path, count=len(names), names=", ".join(names))
    name = names[0] if sheet is None else sheet
    if name not in names:
        raise InputError.of("file_no_sheet", file=path, sheet=name, names=", ".join(names))
    return Grid((Phrase("file_note.sheet", {"name": name}),), lambda: _xlsx_rows(path, name))


def _refuse_hostile(path: Path) -> None:
    """Raise InputError for a workbook that inflates beyond the bound, or declares entities."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > MAX_INFLATED_BYTES:
                raise InputError.of("sheet_inflates", path=path, max=MAX_INFLATED_BYTES >> 20)
            for part in parts:
                if not part.filename.lower().endswith(PICTURES):
                    _refuse_doctype(path, archive, part)
    except BROKEN_ZIP as error:
        raise InputError.of("sheet_no_workbook", path=path, error=error) from None


def has_merged_cells(path: Path) -> bool:
    """Return whether a sheet of a workbook merges cells."""
    with zipfile.ZipFile(path) as archive:
        return any(_holds(archive, part, b"mergeCell") for part in archive.infolist() if "sheet" in part.filename)


def _holds(archive: zipfile.ZipFile, part: zipfile.ZipInfo, what: bytes) -> bool:
    with archive.open(part) as stream:
        tail = b""
        while piece := stream.read(PIECE_BYTES):
            if what in tail + piece:
                return True
            tail = piece[-len(what) :]
    return False


def _refuse_doctype(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    with archive.open(part) as stream:
        tail = b""
        while piece := stream.read(PIECE_BYTES):
            if b"<!DOCTYPE" in tail + piece or (not tail and piece.startswith(WIDE)):
                raise InputError.of("sheet_doctype", path=path, filename=part.filename)
            tail = piece[-16:]


@contextmanager
def opened_workbook(
    path: Path, *, is_values: bool = True, is_streamed: bool = True
) -> Generator[openpyxl.Workbook, None, None]:
    """Open a workbook while the context lasts. Raises InputError for whatever a broken part makes openpyxl raise."""
    with path.open("rb") as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=is_streamed, data_only=is_values, keep_links=False)
            yield book
            book.close()
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - openpyxl reads a part when it is asked for it
            why = f"{type(error).__name__}: {error}"
            raise InputError.of("file_no_workbook", file=path, why=why) from None


def _has_cells(sheet: Any) -> bool:
    sheet.reset_dimensions()
    return any(
        any(cell is not None for cell in row) for row in sheet.iter_rows(max_row=50, max_col=50, values_only=True)
    )


def _xlsx_rows(path: Path, name: str) -> Iterator[Row]:
    """Yield rows with the results of formulas, up to the last that holds something.

    A formula without its result is no empty cell.
    """
    with opened_workbook(path) as results_book, opened_workbook(path, is_values=False) as written_book:
        extent = _extent(results_book[name]._get_source())  # noqa: SLF001 - the sheet's XML has no other way out
        sheets = [book[name] for book in (results_book, written_book)[: 1 + extent.has_formulas]]
        for one in sheets:
            one.reset_dimensions()
        most = {} if extent.last_row is None else {"max_row": max(extent.last_row, 1)}
        pairs = zip(*(one.iter_rows(values_only=True, **most) for one in sheets), strict=True)
        wide_count = 0
        for number, (results, *written) in enumerate(pairs, 1):
            wide_count += len(results) > MAX_CELLS
            if wide_count > MAX_WIDE_ROWS:
                raise InputError.of("file_wide_empty", file=path, cells=MAX_CELLS, count=MAX_WIDE_ROWS)
            yield _within(path, number, _trimmed(results, written[0] if written else results))


@dataclass(frozen=True, slots=True)
class _Extent:
    """What a sheet holds. last_row : of a value; None where its rows say no number."""

    last_row: int | None
    has_formulas: bool


def _extent(stream: IO[bytes]) -> _Extent:
    """Find the last row of a sheet that holds a value: many a sheet is formatted far below its last one."""
    last = row = 0
    has_formulas, is_plain, tail = False, True, b""
    while piece := stream.read(PIECE_BYTES):
        joined = tail + piece
        cut = joined.rfind(b"<", 1)  # the tag there may not be whole
        whole, tail = (joined[:cut], joined[cut:]) if cut > 0 else (joined, b"")
        is_plain = is_plain and not any(mark in whole for mark in ODD_MARKS)
        has_formulas = has_formulas or any(mark in whole for mark in FORMULA_MARKS)
        numbers = [row, *map(int, ROW_NUMBERS.findall(whole))]
        if is_plain and numbers != sorted(numbers):
            raise ValueError("its rows are not in the order of their numbers, and late ones would be passed over")
        is_plain = is_plain and len(numbers) == 1 + whole.count(b"<row ")
        row = numbers[-1]
        value_at = max(whole.rfind(mark) for mark in VALUE_MARKS)
        if value_at >= 0:
            after = whole.count(b"<row ", value_at)  # rows that follow the last value
            last = numbers[-1 - after] if is_plain else 0
    return _Extent(last, has_formulas) if is_plain else _Extent(None, has_formulas=True)


def _trimmed(results: Sequence[Any], written: Sequence[Any]) -> list[str]:
    width = len(written)
    if width > MAX_CELLS and written[MAX_CELLS:].count(None) == width - MAX_CELLS:
        width = MAX_CELLS
    while width and written[width - 1] is None:
        width -= 1
    return [
        FORMULA if result is None and shown is not None else _text(result)
        for result, shown in zip(results[:width], written[:width], strict=True)
    ]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return (cell + dt.timedelta(milliseconds=500)).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, dt.timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(cell, float):
        return THREE_DECIMALS.sub(r"\g<0>0", repr(cell))
    return str(cell)
