"""Workbooks that are formatted far beyond what they say: their empty cells cost little, and no value is passed over."""

from __future__ import annotations

import datetime as dt
import io
import random
import zipfile

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from bkkenergy.errors import InputError
from bkkenergy.ingest.lists.table import read_list
from bkkenergy.ingest.sheets import grid
from bkkenergy.ingest.sheets.grid import open_grid

SHEET = "xl/worksheets/sheet1.xml"
HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>time</t></is></c><c r="B1" t="inlineStr"><is><t>kW</t></is></c></row>'


def written(tmp_path, rows: str):
    """A workbook with these rows as its sheet's XML."""
    made = io.BytesIO()
    book = openpyxl.Workbook()
    book.active["A1"] = dt.datetime(2026, 11, 1)
    book.save(made)
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(made) as parts, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in parts.namelist():
            text = parts.read(name)
            if name == SHEET:
                begin, end = text.index(b"<row "), text.index(b"</sheetData>")
                text = text[:begin] + rows.encode() + text[end:]
            archive.writestr(name, text)
    return path


def row(number: int, *cells: str, says_number: bool = True) -> str:
    """A row; a cell is empty, a value, or =formula."""
    shown = "".join(
        f'<c r="{get_column_letter(n)}{number}" s="0">{cell_text(cell)}</c>' for n, cell in enumerate(cells, 1)
    )
    return f"<row r='{number}'>{shown}</row>" if says_number else f"<row>{shown}</row>"


def cell_text(cell: str) -> str:
    if cell.startswith("="):
        return f"<f>{cell[1:]}</f><v></v>"
    return f"<v>{cell}</v>" if cell else ""


def rows_of(path) -> list[tuple[int, list[str]]]:
    return list(open_grid(path, None).rows())


def test_rows_after_the_last_value_are_not_read(tmp_path):
    empty = "".join(row(number, "", "", "") for number in range(4, 100_000))
    path = written(tmp_path, HEAD + row(2, "46327", "1.5") + row(3, "46328", "2.5") + empty)
    assert rows_of(path) == [(1, ["time", "kW"]), (2, ["46327", "1.5"]), (3, ["46328", "2.5"])]
    assert [number for number, _ in read_list(path, lambda text: text == "kW").rows] == [2, 3]


@pytest.mark.parametrize("seed", range(40))
def test_no_value_is_passed_over_wherever_it_stands(tmp_path, monkeypatch, seed):
    """Compared with what openpyxl reads of the same sheet as a whole, pieces of any size."""
    monkeypatch.setattr(grid, "PIECE_BYTES", 7 + seed * 13)
    draw = random.Random(seed)
    numbers = sorted(draw.sample(range(2, 60), 20))
    kinds = ["", "", "1.5", "=A1+1"] if seed % 2 else ["", "", "", "2"]
    rows = "".join(row(number, *draw.choices(kinds, k=4), says_number=seed % 5 != 4) for number in numbers)
    path = written(tmp_path, HEAD + rows)
    book = openpyxl.load_workbook(path)
    whole = [cell for cells in book.active.iter_rows() for cell in cells if cell.value is not None]
    read = [(number, n) for number, cells in rows_of(path) for n, cell in enumerate(cells, 1) if cell]
    if seed % 5 == 4:  # by the number of the row alone, which openpyxl counts where it is not said
        assert [column for _, column in read] == [cell.column for cell in whole]
    else:
        assert read == [(cell.row, cell.column) for cell in whole]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param("<!-- <row r='1'> -->" + row(3, "3"), id="a_comment"),
        pytest.param("<row\nr='3'><c r='A3'><v>3</v></c></row>", id="a_line_end_in_the_tag"),
    ],
)
def test_in_an_odd_sheet_every_row_is_read(tmp_path, odd):
    path = written(tmp_path, HEAD + row(2, "2") + odd + row(1000, ""))
    assert "3" in {cell for _, cells in rows_of(path) for cell in cells}


def test_rows_that_are_out_of_order_are_refused(tmp_path):
    """openpyxl would pass over those that come late."""
    with pytest.raises(InputError, match="order"):
        rows_of(written(tmp_path, HEAD + row(900, "") + row(3, "3")))


def test_a_value_far_to_the_right_is_not_passed_over(tmp_path):
    far = f"<row r='2'><c r='A2'><v>1</v></c><c r='{get_column_letter(600)}2'><v>1</v></c></row>"
    with pytest.raises(InputError, match="512 cells"):
        rows_of(written(tmp_path, HEAD + far))


def test_many_rows_that_reach_far_to_the_right_and_say_nothing_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(grid, "MAX_WIDE_ROWS", 10)
    far = "".join(f"<row r='{n}'><c r='A{n}'><v>1</v></c><c r='XFD{n}' s='0'/></row>" for n in range(2, 13))
    assert len(rows_of(written(tmp_path, HEAD + far.removesuffix(row(12)).rpartition("<row")[0]))) == 11
    with pytest.raises(InputError, match="Delete the empty columns"):
        rows_of(written(tmp_path, HEAD + far))
