"""Which columns or series a file of a utility has, for a person who says whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bkkenergy.ingest.sheets.greenbutton import is_xml, read_green_button
from bkkenergy.ingest.sheets.grid import bounded, open_grid
from bkkenergy.ingest.sheets.mapping import FileMapping
from bkkenergy.ingest.sheets.nem12 import is_nem12, read_nem12
from bkkenergy.ingest.sheets.table import HEAD_ROWS, find_table

SNIFFED_BYTES = 4096


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of numbers. unit : as the file names it, empty where it names none. first : its first value as text."""

    name: str
    unit: str
    first: str = ""


def columns_in(path: Path, sheet: str | None = None) -> list[FileColumn]:
    """Return the columns of numbers of a table, or the series of a file that names them. Raises InputError."""
    with bounded(path) as stream:
        head_bytes = stream.read(SNIFFED_BYTES)
    if is_nem12(head_bytes) or is_xml(head_bytes):
        file = read_nem12(path, FileMapping()) if is_nem12(head_bytes) else read_green_button(path)
        return [FileColumn(one.name, one.unit) for one in file.series if not one.fault]
    head = list(islice(open_grid(path, sheet).rows(), HEAD_ROWS))
    form = find_table(path, head)
    first = next(cells for number, cells in head if number > form.header and any(cells))
    return [
        FileColumn(name, form.units[name], first[index] if index < len(first) else "")
        for name, index in form.values.items()
    ]
