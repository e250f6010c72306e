"""A file of bills as bills, with what was taken for what, and each row that was refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bkkenergy.adapters.pdftext import pdf_text
from bkkenergy.errors import InputError
from bkkenergy.ingest.paper.bill import DaysOfMonth, bill_of_fields
from bkkenergy.ingest.paper.fields import (
    DAY_FIELDS,
    FIELDS,
    NAMES,
    QUANTITIES,
    SKELETONS,
    amount_of,
    field_of,
    is_total,
    skeleton,
)
from bkkenergy.ingest.paper.mapping import BillMapping
from bkkenergy.ingest.sheets.cells import split_stamp
from bkkenergy.ingest.sheets.grid import Row, open_grid
from bkkenergy.regularfiles import need_regular
from bkkenergy.tariff.paper import PaperBill
from bkkenergy.texts import Phrase, Term

HEAD_ROWS, MIN_FIELDS, MAX_BILLS, MAX_SHOWN = 40, 2, 2000, 5
NUMBER = re.compile(r"(?<![\w.,])[-(]?\d[\d,]*(?:\.\d+)?\)?-?(?![\w%.,])")
MONTH = re.compile(r"\d{4}-\d{1,2}|\d{1,2}/\d{4}|[A-Za-z\u0e00-\u0e7f.]{3,} ?\d{2,4}")
TEXT = Phrase("bill_from.text")
"""Where the bill of a PDF was read."""
DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2} ?[A-Za-z\u0e00-\u0e7f.]+ ?\d{4}")


@dataclass(frozen=True, slots=True)
class BillFile:
    """What a file says.

    bills : with the rows or pages that they were read from. refused : where, and why. taken : field -> the heading or
    the line that it was taken from, for a person to confirm. left_out : headings that are of no field. others : rows of
    other accounts.
    """

    bills: Sequence[tuple[Phrase, PaperBill]]
    refused: Sequence[tuple[Phrase, InputError]]
    taken: Mapping[str, str]
    left_out: Sequence[str] = ()
    others: int = 0
    notes: Sequence[Phrase] = field(default=())


def all_bills(path: Path, file: BillFile) -> list[PaperBill]:
    """Return the bills of a file that is wholly understood. Raises InputError with the rows that are not."""
    if file.refused:
        shown = [Phrase("bill_from.refused", {"where": where, "why": why}) for where, why in file.refused[:MAX_SHOWN]]
        raise InputError.of("bill_rows_refused", path=path, count=len(file.refused), shown=shown)
    return [bill for _, bill in file.bills]


def read_bills(
    path: Path, mapping: BillMapping, *, account: str, this_year: int, days_of_month: DaysOfMonth
) -> BillFile:
    """Read the bills of an account from a CSV, an XLSX or a PDF. Raises InputError where nothing can be read.

    account : its number; empty where any is taken. Rows of other accounts, where a file names them, are left out, and
    counted.
    """
    need_regular(path)
    with path.open("rb") as stream:
        is_pdf = b"%PDF-" in stream.read(1024)
    if is_pdf:
        return _from_text(pdf_text(path), mapping, account, this_year, days_of_month)
    return _from_table(path, mapping, account, this_year, days_of_month)


def _from_table(path: Path, mapping: BillMapping, account: str, this_year: int, days_of_month: DaysOfMonth) -> BillFile:
    grid = open_grid(path, mapping.sheet)
    rows = grid.rows()
    head = list(islice(grid.rows(), HEAD_ROWS))
    columns, header, left_out = _columns(path, head, mapping)
    bills: list[tuple[Phrase, PaperBill]] = []
    refused: list[tuple[Phrase, InputError]] = []
    others, notes = 0, list(grid.notes)
    for number, cells in islice(rows, header, None):
        texts = {name: cells[at] for name, at in columns.items() if at < len(cells)}
        if not any(text.strip() for name, text in texts.items() if name != "account"):
            continue
        if is_total(cells):
            notes.append(Phrase("file_note.sum", {"row": number}))
            continue
        if account and digits(texts.get("account", account)) != digits(account):
            others += 1
            continue
        if len(bills) + len(refused) >= MAX_BILLS:
            raise InputError.of("bills_many", path=path, max_bills=MAX_BILLS)
        where = Phrase("bill_from.row", {"row": number})
        try:
            bills.append((where, bill_of_fields(texts, this_year=this_year, days_of_month=days_of_month)))
        except InputError as why:
            refused.append((where, why))
    names = {name: _cell(head, header, at) for name, at in columns.items()}
    return BillFile(bills, refused, names, left_out, others, notes)


def digits(text: str) -> str:
    """Return an account's number without spaces and hyphens, and without zeros before it."""
    return re.sub(r"\D", "", text.strip().removesuffix(".0")).lstrip("0")


def _cell(head: Sequence[Row], header: int, at: int) -> str:
    return next(cells[at] for number, cells in head if number == header)


def _columns(path: Path, head: Sequence[Row], mapping: BillMapping) -> tuple[dict[str, int], int, list[str]]:
    """Return field -> column, the number of the header's row, and the headings that are of no field."""
    best: tuple[dict[str, int], int, list[str]] | None = None
    for number, cells in head:
        columns, left_out = _fields_of(path, cells, mapping)
        if len(columns) >= MIN_FIELDS and (best is None or len(columns) > len(best[0])):
            best = columns, number, left_out
    if best is None:
        raise InputError.of("bill_no_headings", path=path, known=", ".join(FIELDS))
    there = {cell for _, cells in head for cell in cells}
    if strange := [heading for heading in mapping.columns if heading not in there]:
        raise InputError.of("bill_no_column", path=path, column=repr(strange[0]))
    return best


def _fields_of(path: Path, cells: Sequence[str], mapping: BillMapping) -> tuple[dict[str, int], list[str]]:
    said = {name: heading for heading, name in mapping.columns.items() if name}
    columns: dict[str, int] = {}
    left_out = []
    for at, heading in enumerate(cells):
        name = mapping.columns.get(heading, "" if not heading else field_of(heading))
        if not name or (name in said and said[name] != heading):
            left_out += [heading] if heading else []
        elif name in columns:
            raise InputError.of(
                "bill_two_columns", path=path, first=repr(cells[columns[name]]), heading=repr(heading), name=name
            )
        else:
            columns[name] = at
    return columns, left_out


def _from_text(text: str, mapping: BillMapping, account: str, this_year: int, days_of_month: DaysOfMonth) -> BillFile:
    """Read one bill out of the text of a PDF."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    texts, taken, notes = _labelled(lines, mapping)
    if account and digits(texts.get("account", account)) != digits(account):
        raise InputError.of("bill_of_another", given=texts["account"], account=account)
    try:
        bill = bill_of_fields(texts, this_year=this_year, days_of_month=days_of_month)
    except InputError as why:
        return BillFile((), [(TEXT, why)], taken, lines, 0, notes)
    return BillFile([(TEXT, bill)], (), taken, lines, 0, notes)


def _labelled(lines: Sequence[str], mapping: BillMapping) -> tuple[dict[str, str], dict[str, str], list[Phrase]]:
    """Return what stands behind each field's label, from which line, and which labels left it open."""
    texts: dict[str, str] = {}
    taken: dict[str, str] = {}
    notes: list[Phrase] = []
    stops = SKELETONS.keys() | {skeleton(label.partition("#")[0]) for label in mapping.labels.values()}
    for name in FIELDS:
        label, _, nth = mapping.labels.get(name, "").partition("#")
        labels = {skeleton(label)} if label else {skeleton(known) for known in NAMES.get(name, ())}
        values = dict(_behind(lines, labels, stops, name, int(nth) if nth else None))
        if len(values) == 1:
            (texts[name],), (taken[name],) = values.keys(), values.values()
        elif values:
            shown = ", ".join(values)
            if label:
                raise InputError.of("bill_label_twice", name=name, label=repr(label), shown=shown)
            field_name = Term(name, f"paper_field.{name}")
            notes.append(Phrase("file_note.labels", {"field": field_name, "values": shown, "name": name}))
        elif label:
            raise InputError.of("bill_label_gone", name=name, label=repr(label))
    return texts, taken, notes


def _behind(
    lines: Sequence[str], labels: AbstractSet[str], stops: AbstractSet[str], name: str, nth: int | None
) -> Iterator[tuple[str, str]]:
    """Yield what stands behind a label, with its line. Of an amount the last number counts, of a quantity the first.

    stops : labels at which what belongs to one before ends: a page has several beside each other.
    """
    number = nth or (1 if name in {*DAY_FIELDS, *QUANTITIES, "account", "number"} else -1)
    for at, line in enumerate(lines):
        pieces = re.split(r"\s{2,}|\t", line)
        for first in range(len(pieces)):
            rest = _rest(pieces[first:], labels, stops, name)
            if rest is None:
                continue
            values = _values(rest, name) or (_values(lines[at + 1], name) if not rest and at + 1 < len(lines) else [])
            if values and abs(number) <= len(values):
                yield values[number - 1 if number > 0 else number], line


def _rest(pieces: Sequence[str], labels: AbstractSet[str], stops: AbstractSet[str], name: str) -> str | None:
    """Return what follows a label that begins these pieces of a line, up to the next one; None where none does."""
    text = " ".join(pieces)
    length = max((end for end in _ends(text) if skeleton(text[:end]) in labels), default=None)
    if length is None or (name != "month" and re.match(r"[ ]*[A-Za-z\u0e00-\u0e7f]", text[length:])):
        return None
    end = length
    for piece in text[length:].split("  ") if len(pieces) == 1 else [text[length : len(pieces[0])], *pieces[1:]]:
        if end > length and any(skeleton(piece[:stop]) in stops for stop in _ends(piece)):
            break
        end += len(piece) + 1
    return text[length:end].strip(" :=.…")


def _ends(text: str) -> list[int]:
    """Return where a label may end: behind each word and sign, and before each number."""
    return [match.start() for match in re.finditer(r"[\s:=]|(?<=\D)(?=\d)|$", text) if match.start()]


def _values(rest: str, name: str) -> list[str]:
    if name == "month":
        return [month[0] for month in MONTH.finditer(rest)]
    if name in DAY_FIELDS:
        return [match[0] for match in DAY.finditer(rest) if split_stamp(match[0])]
    numbers = [match[0] for match in NUMBER.finditer(rest)]
    return [number for number in numbers if not isinstance(amount_of(number), Phrase)]
