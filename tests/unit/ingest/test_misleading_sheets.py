"""Files that other systems took in silence for other numbers, days or meters than they meant: each is refused, or read as meant."""

from __future__ import annotations

import datetime as dt

import numpy as np
import openpyxl
import pytest

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets import FileMapping, read_sheet
from bkkenergy.ingest.sheets.numbers import Number, is_decimal_comma, number_of
from tests.unit.ingest import test_nem12 as nem
from tests.unit.ingest.test_sheets import METER, read, write

HOURS = [dt.datetime(2026, 2, 13) + dt.timedelta(hours=n) for n in range(24)]
SAID = {"values": "energy", "stamps": "start"}


def lines(*cells: str, head: str = "time;kWh", between: str = ";") -> list[str]:
    """A row an hour with the cells in turn."""
    return [head, *(f"{at:%Y-%m-%d %H:%M}{between}{cells[n % len(cells)]}" for n, at in enumerate(HOURS))]


@pytest.mark.parametrize(
    ("text", "is_comma", "value"),
    [
        ("1,234.5", False, 1234.5), ("1.234,5", True, 1234.5), ("12,34,567.8", False, 1234567.8), ("1 234", False, 1234),
        ("1'234.50 kWh", False, 1234.5), (".5", False, 0.5), ("5.", False, 5), ("0,619", True, 0.619), ("1.2340", False, 1.234),
        ("12,5", False, None), ("12.5", True, None), ("3 5", False, None), ("12 5", False, None), ("1,234 567", False, None),
        ("1.2.3", False, None), ("12.5-", False, None), ("12.5*", False, None), ("12.5 kWh*", False, None), ("12.5)", False, None),
    ],
)  # fmt: skip
def test_a_number_is_read_as_it_is_written_or_not_at_all(text, is_comma, value):
    """12,5 was 125 where points divide fractions, 3 5 was 35, and 12.5- lost its sign."""
    number = number_of(text, is_comma=is_comma)
    assert (number.value if isinstance(number, Number) else None) == value


@pytest.mark.parametrize("texts", [("12,5", "12.5"), ("1,234.5", "1,5"), ("1.234,5", "1.5")])
def test_two_marks_of_the_fraction_in_one_file_are_refused(tmp_path, texts):
    for order in (texts, texts[::-1]):
        with pytest.raises(InputError, match="the comma divides the fraction, in .* the point does"):
            read(write(tmp_path, lines(*order)), "kWh", **SAID)


def test_three_decimals_among_others_are_no_thousands(tmp_path):
    """github.com/Rello/analytics/issues/357: of 0.606 and 0.62, the first became 606."""
    assert not is_decimal_comma(["0.606", "0.62"])
    assert is_decimal_comma(["0,606", "1.234"])
    table = read(write(tmp_path, lines("0.606", "0.62", "0.673")), "kWh", **SAID)
    assert table.series("kWh").energy_kwh[:3].tolist() == [0.606, 0.62, 0.673]


@pytest.mark.parametrize("cells", [("1,5",), ("1,5", "2"), ("1,5,0,25",)])
def test_a_comma_that_divides_fractions_and_cells_is_refused(tmp_path, cells):
    """github.com/tomhollander/PowerwallCompanion/issues/32: 1,5 came in two cells, and the fraction was lost."""
    head = "time,kWh,kvarh" if len(cells[0]) > 3 else "time,kWh"
    path = write(tmp_path, lines(*cells, head=head, between=","))
    table = read(path, "kWh", **SAID)
    assert {one.row for one in table.refused} == set(range(2, 26, len(cells)))
    assert "a comma that divides a fraction may divide cells" in str(table.refused[0].why)
    assert np.isfinite(table.wide.columns["kWh"]).sum() == 24 - len(table.refused)
    assert table.series("kWh").interval_s == 3600, "rows that are refused still show the pace"


def test_a_column_without_a_heading_beside_the_table_is_left_where_it_is(tmp_path):
    table = read(write(tmp_path, lines("1.5,ok", "2.5,", head="time,kWh", between=",")), "kWh", **SAID)
    assert not table.refused


@pytest.mark.parametrize("era", [0, 543])
def test_days_and_months_that_a_spreadsheet_turned_round_are_refused(tmp_path, era):
    """What it took for dates has the month first, and the rest of February is text: twelve days were in twelve months."""
    book = openpyxl.Workbook()
    book.active.append(["time", "kWh"])
    for day in range(1, 29):
        turned = dt.datetime(2026 + era, day, 2) if day <= 12 else f"{day}/02/{2026 + era}"
        book.active.append([turned, day / 2])
    path = tmp_path / "file.xlsx"
    book.save(path)
    with pytest.raises(InputError, match="a spreadsheet may have turned day and month round"):
        read(path, "kWh", **SAID)


@pytest.mark.parametrize("cells", [(1.234, 12.5, "12,5", 3), (1.234, 2.345, "12,5", 3)])
def test_numbers_of_a_workbook_are_numbers_whatever_stands_as_text_beside_them(tmp_path, cells):
    """12.5 was 125 and 1.234 was 1,234, where one cell was typed as 12,5."""
    book = openpyxl.Workbook()
    for row in (["time", "kWh"], *([at, cells[n % 4]] for n, at in enumerate(HOURS))):
        book.active.append(row)
    path = tmp_path / "file.xlsx"
    book.save(path)
    with pytest.raises(InputError, match="the comma divides the fraction"):
        read(path, "kWh", **SAID)


@pytest.mark.parametrize(
    "head", ["meter", "Meter No.", "NMI", "Flow Direction", "OBIS code", "รหัสเครื่องวัด", "หมายเลขผู้ใช้ไฟฟ้า"]
)
def test_rows_of_several_meters_or_registers_ask_whose_count(tmp_path, head):
    """Rows whose times did not meet were one meter's: github.com/home-assistant/core/issues/140132 has the other way round."""
    month = [f"2026-01-{day:02};A1;5" for day in range(1, 32)] + [f"2026-02-{day:02};B2;7" for day in range(1, 28)]
    path = write(tmp_path, [f"date;{head};kWh", *month])
    with pytest.raises(InputError, match=r'names several \(A1, B2\).*--rows ".*=A1"'):
        read(path, "kWh", **SAID)
    assert np.unique(read(path, "kWh", rows={head: "B2"}, **SAID).series("kWh").energy_kwh).tolist() == [7]


def test_a_register_beside_the_chosen_column_is_no_name(tmp_path):
    table = read(write(tmp_path, [f"{line};{n}" if n else f"{line};Register" for n, line in enumerate(lines("1", "2"))]), "kWh", **SAID)  # fmt: skip
    assert not table.refused


def test_what_flows_back_is_no_use_of_the_meter_that_has_one(tmp_path):
    """github.com/gagata/ha-smarthub-energy-sensor/pull/73: the other direction, taken for use or dropped."""
    back = nem.SERIES.replace(",E1,", ",B1,")
    path = nem.write(tmp_path, nem.HEAD, nem.SERIES, nem.day([1] * 48), back, nem.day([2] * 48), "900")
    with pytest.raises(InputError, match="flows back to the grid.*:export"):
        nem.read(path, "NEM1201009 B1")
    columns = {"NEM1201009 B1": f"{METER}:export"}
    table = read_sheet(path, FileMapping(columns=columns), this_year=2026)
    assert table.series("NEM1201009 B1").energy_kwh[0] == 2
    alone = nem.write(tmp_path, nem.HEAD, back, nem.day([2] * 48), "900", name="alone.csv")
    assert len(nem.read(alone, "NEM1201009 B1").wide.start_us) == 48, "a PV meter of its own is one that flows back"
