"""Files of utilities as they come: each shape is read to the same energies, or refused with what is missing."""

from __future__ import annotations

import datetime as dt
import gzip
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets import FileMapping, FileTable, load_mapping, read_sheet, save_mapping
from bkkenergy.ingest.sheets import grid as grids
from bkkenergy.metering.sources import quarters_of
from bkkenergy.readings import Quality

METER = "health.centre-2.main"
DAY = dt.datetime(2026, 11, 1)
MIDNIGHT_US = 1_793_466_000_000_000
"""2026-11-01 00:00 in Bangkok."""
KW = np.round(5 + 3 * np.sin(np.arange(96) / 9), 2)
STARTS = [DAY + dt.timedelta(minutes=15 * n) for n in range(96)]
ENDS = [at + dt.timedelta(minutes=15) for at in STARTS]


def thai(at: dt.datetime, *, is_end: bool = False) -> tuple[str, str]:
    """Date and time as a meter of the utility writes them, the last of a day as 24:00."""
    day, time = (at - dt.timedelta(days=1), "24:00") if is_end and not at.hour + at.minute else (at, f"{at:%H:%M}")
    return f"{day:%d/%m}/{day.year + 543}", time


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("time,kW\n2026-11-01 00:00,1\n".encode("utf-16-le"), id="utf_16_without_its_mark"),
        pytest.param(
            b"time,kW\n2026-11-01 00:00,1\n2026-11-01 00:15,1\n" + "2026-11-01 00:30,1\n".encode("utf-16-le"),
            id="utf_16_behind_other_text",
        ),
        pytest.param(b"time,kW\n2026-11-01 00:00,1\n2026-11-01 00:15,\0\n", id="a_nul"),
    ],
)
def test_text_of_another_encoding_is_refused_with_its_line(tmp_path, text):
    """A row of it would be no row with a time, and so be passed over as a note."""
    path = tmp_path / "file.csv"
    path.write_bytes(text)
    with pytest.raises(InputError, match=r"line [1-4] .* Save it as UTF-8"):
        read_sheet(path, FileMapping(columns={"kW": METER}, stamps="start"), this_year=2026)


def write(tmp_path: Path, lines: list[str], encoding: str = "utf-8", name: str = "file.csv") -> Path:
    path = tmp_path / name
    path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    return path


def read(path: Path, column: str, **options) -> FileTable:
    return read_sheet(path, FileMapping(columns={column: METER}, **options), this_year=2026)


def energies(sheet: FileTable, column: str) -> list[float]:
    """The energies of a day from its midnight in Bangkok; the file must give nothing else."""
    series = sheet.series(column)
    assert series.start_us[0] == MIDNIGHT_US
    assert series.interval_s == 86400 / len(series.start_us)
    assert (np.diff(series.start_us) == series.length_us).all()
    return series.energy_kwh.tolist()


QUARTER_KWH = pytest.approx((KW / 4).tolist())


def iso(kw=KW, head="time,kW") -> list[str]:
    return [head, *(f"{at:%Y-%m-%d %H:%M},{value}" for at, value in zip(STARTS, kw, strict=True))]


@pytest.mark.parametrize("encoding", ["cp874", "utf-8", "utf-8-sig", "utf-16"])
def test_a_thai_file_with_heads_two_columns_of_time_and_24_00_is_read_in_every_encoding(tmp_path, encoding):
    rows = [f'{",".join(thai(at, is_end=True))},"{value:.2f}"' for at, value in zip(ENDS, KW, strict=True)]
    path = write(tmp_path, ["การไฟฟ้านครหลวง,,", "รหัสเครื่องวัด,00000001,", "วันที่,เวลา,kW", *rows], encoding)
    sheet = read(path, "kW")
    assert energies(sheet, "kW") == QUARTER_KWH
    assert "15 minutes an interval, times label its end" in [*map(str, sheet.notes)]
    assert "ช่วงละ 15 นาที เวลาที่ระบุคือเวลาสิ้นสุดช่วง" in [note.said("th") for note in sheet.notes]
    assert "above the table: รหัสเครื่องวัด 00000001" in [*map(str, sheet.notes)]
    assert "years of the Buddhist era (01/11/2569) are converted" in [*map(str, sheet.notes)]
    assert not sheet.refused


DATES = {
    "iso": ("%Y-%m-%d %H:%M", 0),
    "iso_with_offset": ("%Y-%m-%dT%H:%M:%S+07:00", 0),
    "slashes": ("%Y/%m/%d %H:%M:%S", 0),
    "compact": ("%Y%m%d%H%M", 0),
    "points": ("%d.%m.%Y %H:%M", 0),
    "english_month": ("%d-%b-%Y %H:%M", 0),
    "buddhist_iso": ("%Y-%m-%d %H:%M", 543),
    "buddhist_day_first": ("%d/%m/%Y %H:%M:%S", 543),
    "twelve_hours": ("%Y-%m-%d %I:%M %p", 0),
}


@pytest.mark.parametrize(("form", "years"), DATES.values(), ids=DATES)
def test_stamps_of_every_form_are_the_same_instants(tmp_path, form, years):
    stamps = [at.strftime(form.replace("%Y", str(at.year + years))) for at in STARTS]
    options = {"dates": "dmy"} if form.startswith("%d.") else {}
    lines = ["time,kW", *(f"{stamp},{value}" for stamp, value in zip(stamps, KW, strict=True))]
    assert energies(read(write(tmp_path, lines), "kW", **options), "kW") == QUARTER_KWH


@pytest.mark.parametrize("date", ["1 พ.ย. 2569", "1 พฤศจิกายน 2569", "๑ พ.ย. ๒๕๖๙", "1 พ.ย. 69", "01/11/69", "1 Nov 26"])
def test_dates_with_names_of_months_thai_digits_and_short_years_are_read(tmp_path, date):
    lines = ["วันที่,เวลา,kW", *(f"{date},{at:%H:%M} น.,{value}" for at, value in zip(STARTS, KW, strict=True))]
    assert energies(read(write(tmp_path, lines), "kW"), "kW") == QUARTER_KWH


def test_a_29_february_of_the_buddhist_era_is_a_day(tmp_path):
    lines = ["date,time,kWh", *(f"29/02/2567,{hour:02}:00,{hour % 5}" for hour in range(24))]
    sheet = read(write(tmp_path, lines), "kWh")
    assert sheet.wide.start_us[0] == int(dt.datetime.fromisoformat("2024-02-29T00:00+07:00").timestamp()) * 1_000_000


def days(form: str, count: int, months: int = 11) -> list[str]:
    at = [dt.datetime(2026, months, 1) + dt.timedelta(hours=n) for n in range(24 * count)]
    return ["time,kWh", *(f"{one.strftime(form)},{one.hour % 7}" for one in at)]


def test_day_and_month_are_known_by_a_number_above_twelve_or_by_days_that_follow(tmp_path):
    for form, count in (("%d/%m/%Y %H:%M", 20), ("%m/%d/%Y %H:%M", 20), ("%d/%m/%Y %H:%M", 12), ("%m/%d/%Y %H:%M", 3)):
        sheet = read(write(tmp_path, days(form, count)), "kWh")
        assert sheet.wide.start_us[0] == MIDNIGHT_US
        assert len(sheet.wide.start_us) == 24 * count
        assert f"dates are {'day/month' if form[1] == 'd' else 'month/day'}/year" in [*map(str, sheet.notes)]


def test_day_and_month_that_nothing_shows_are_asked_for(tmp_path):
    path = write(tmp_path, days("%d/%m/%Y %H:%M", 1))
    with pytest.raises(InputError, match="--dates dmy or --dates mdy"):
        read(path, "kWh")
    assert read(path, "kWh", dates="dmy").wide.start_us[0] == MIDNIGHT_US
    assert read(write(tmp_path, days("%d/%m/%Y %H:%M", 1, months=1)), "kWh").wide.start_us[0] < MIDNIGHT_US


def test_a_date_with_points_begins_with_the_day_where_the_file_shows_nothing_else(tmp_path):
    sheet = read(write(tmp_path, days("%d.%m.%Y %H:%M", 1)), "kWh")
    assert sheet.wide.start_us[0] == MIDNIGHT_US
    assert "dates are day/month/year" in [*map(str, sheet.notes)]
    assert read(write(tmp_path, days("%m.%d.%Y %H:%M", 20)), "kWh").wide.start_us[0] == MIDNIGHT_US


@pytest.mark.parametrize("calendar", ["ce", "be"])
def test_an_era_that_was_asked_for_refuses_the_other(tmp_path, calendar):
    year = "2569" if calendar == "ce" else "2026"
    with pytest.raises(InputError, match="Buddhist era"):
        read(write(tmp_path, [line.replace("2026-", f"{year}-") for line in iso()]), "kW", calendar=calendar)


def test_two_eras_in_one_file_are_refused(tmp_path):
    lines = iso()
    lines[40] = lines[40].replace("2026-", "2569-")
    with pytest.raises(InputError, match="one era"):
        read(write(tmp_path, lines), "kW")


def test_the_newest_row_may_come_first(tmp_path):
    lines = iso()
    sheet = read(write(tmp_path, [lines[0], *lines[:0:-1]]), "kW")
    assert energies(sheet, "kW") == QUARTER_KWH
    assert "the newest row comes first" in [*map(str, sheet.notes)]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_00_00_under_the_date_that_it_ends_is_the_next_midnight(tmp_path, is_reversed):
    rows = [f"01/11/2569,{at:%H:%M},{value}" for at, value in zip(ENDS, KW, strict=True)]
    sheet = read(write(tmp_path, ["date,time,kW", *(rows[::-1] if is_reversed else rows)]), "kW")
    assert energies(sheet, "kW") == QUARTER_KWH


def test_a_file_that_does_not_show_what_times_label_asks(tmp_path):
    lines = iso()
    path = write(tmp_path, lines[:1] + lines[10:60])
    with pytest.raises(InputError, match="--stamps start or --stamps end"):
        read(path, "kW")
    start, end = (read(path, "kW", stamps=label).wide.start_us[0] for label in ("start", "end"))
    assert start - end == 900_000_000
    headed = write(tmp_path, ["interval end,kW", *lines[10:60]])
    assert read(headed, "kW").wide.start_us[0] == end


@pytest.mark.parametrize("count", [24, 48, 96])
@pytest.mark.parametrize("labels", ["start", "end", "span", "ordinal"])
def test_a_row_a_day_is_read_with_every_kind_of_headings(tmp_path, count, labels):
    step = 1440 // count
    minutes = [step * n for n in range(count)]
    heads = {
        "start": [f"{m // 60:02}:{m % 60:02}" for m in minutes],
        "end": [f"{(m + step) // 60:02}:{(m + step) % 60:02}" for m in minutes],
        "span": [f"{m // 60:02}:{m % 60:02}-{(m + step) // 60:02}:{(m + step) % 60:02}" for m in minutes],
        "ordinal": [f"H{n + 1}" for n in range(count)],
    }[labels]
    kwh = [[n % 7 + day for n in range(count)] for day in range(3)]
    rows = [f"{day + 1:02}/11/2569,{','.join(map(str, values))},{sum(values)}" for day, values in enumerate(kwh)]
    path = write(tmp_path, ["unit: kWh", f"date,{','.join(heads)},total", *rows])
    series = read(path, "day").series("day")
    assert series.start_us[0] == MIDNIGHT_US
    assert series.energy_kwh.tolist() == [value for values in kwh for value in values]
    with pytest.raises(InputError, match="--column day"):
        read(path, "total")


UNITS = {"W": KW * 1000, "kW": KW, "MW": KW / 1000, "Wh": KW * 250, "kWh": KW / 4, "MWh": KW / 4000, "kW-hr": KW / 4}


@pytest.mark.parametrize("place", ["heading", "cell", "second_row", "column"])
@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_is_read_wherever_it_is_named(tmp_path, unit, place):
    heading = {"heading": f"time,Load [{unit}]", "column": "time,Load,Units"}.get(place, "time,Load")
    after = {"cell": f" {unit}", "column": f",{unit}"}.get(place, "")
    rows = [f"{at:%Y-%m-%d %H:%M},{value:.6f}{after}" for at, value in zip(STARTS, UNITS[unit], strict=True)]
    path = write(tmp_path, [heading, *([f",({unit})"] if place == "second_row" else []), *rows])
    name = f"Load [{unit}]" if place == "heading" else "Load"
    if place == "second_row":
        path = write(tmp_path, [heading, f"dd,({unit})", *rows])
    assert energies(read(path, name), name) == pytest.approx((KW / 4).tolist(), rel=1e-3)


def test_a_column_of_volts_is_refused_and_one_without_a_unit_asks(tmp_path):
    rows = [f"{at:%d-%m-%Y %H:%M:%S},OK,229.7 V,{value} kW" for at, value in zip(STARTS, KW, strict=True)]
    path = write(tmp_path, ["CH1,CH2,CH3,CH4", *rows])
    with pytest.raises(InputError, match="in v, which is no power or energy") as caught:
        read(path, "CH3", dates="dmy")
    assert "ไม่ใช่ กำลังไฟฟ้าหรือพลังงานไฟฟ้า" in caught.value.said("th")
    assert energies(read(path, "CH4", dates="dmy"), "CH4") == QUARTER_KWH
    plain = write(tmp_path, iso(head="time,load"))
    with pytest.raises(InputError, match="--unit kWh"):
        read(plain, "load")
    assert energies(read(plain, "load", unit="kW"), "load") == QUARTER_KWH


def test_pulses_need_a_factor(tmp_path):
    path = write(tmp_path, iso(np.arange(96) % 13 * 10, "time,pulses"))
    with pytest.raises(InputError, match="--pulse-kwh"):
        read(path, "pulses")
    assert energies(read(path, "pulses", pulse_kwh=0.01), "pulses") == pytest.approx((np.arange(96) % 13 / 10).tolist())


def test_registers_and_energies_are_known_by_whether_they_fall(tmp_path):
    hours = [DAY + dt.timedelta(hours=n) for n in range(72)]
    path = write(tmp_path, ["time,kWh", *(f"{at:%Y-%m-%d %H:%M},{1000 + 2.5 * n}" for n, at in enumerate(hours))])
    register = read(path, "kWh")
    assert register.values == {"kWh": "register"}
    assert register.wide.start_us[0] == MIDNIGHT_US
    assert read(write(tmp_path, iso(KW, "time,kWh")), "kWh").values == {"kWh": "energy"}
    for doubtful in (
        np.full(96, 10.0),
        1 + np.arange(96) / 10,
        np.where(np.arange(96) < 60, np.arange(96.0), np.arange(96.0) - 60),
    ):
        with pytest.raises(InputError, match="--values energy or --values register"):
            read(write(tmp_path, iso(doubtful, "time,kWh")), "kWh")


@pytest.mark.parametrize("delimiter", [";", "\t", ",", "|"])
def test_a_comma_divides_the_fraction_where_the_file_shows_it(tmp_path, delimiter):
    rows = [[f"{at:%Y-%m-%d %H:%M}", f"{value:.2f}".replace(".", ",")] for at, value in zip(STARTS, KW, strict=True)]
    quote = '"' if delimiter == "," else ""
    lines = [f"time{delimiter}kW", *(f"{at}{delimiter}{quote}{value}{quote}" for at, value in rows)]
    assert energies(read(write(tmp_path, lines), "kW"), "kW") == QUARTER_KWH


def test_a_comma_that_may_divide_thousands_asks(tmp_path):
    lines = [line.split(",")[0] + ";1,234" if n else "time;W" for n, line in enumerate(iso())]
    with pytest.raises(InputError, match="--decimal comma"):
        read(write(tmp_path, lines), "W")
    assert read(write(tmp_path, lines), "W", decimal="point").wide.columns["W"][0] == pytest.approx(1.234)
    assert read(write(tmp_path, lines), "W", decimal="comma").wide.columns["W"][0] == pytest.approx(0.001234)
    lines[5] = lines[5].replace("1,234", "1,234.50")
    assert read(write(tmp_path, lines), "W").wide.columns["W"][4] == pytest.approx(1.2345)


def test_a_comma_in_the_words_after_a_number_divides_no_fraction(tmp_path):
    lines = iso()
    lines[1] = f'2026-11-01 00:00,"{KW[0]} kW, as read"'
    sheet = read(write(tmp_path, lines), "kW")
    assert [one.row for one in sheet.refused] == [2]
    assert len(sheet.series("kW").energy_kwh) == 96


def test_bad_rows_are_refused_by_number_and_the_others_are_read(tmp_path):
    lines = iso()
    lines[3] = "2026-11-01 00:30,ERR"
    lines[4] = "2026-13-01 00:45,5"
    lines[5] = "2026-11-01 25:00,5"
    lines[6] = "2026-11-01 01:15,-4"
    lines[7] = "2026-11-01 01:30,N/A"
    lines[8] = "2026-11-01 01:45,1e999"
    lines[9] = "2026-11-01 02:00,NaN"
    lines[10] = "2026-11-01 02:15,=1+1"
    lines[11] = "broken,5"
    lines[12] = "2026-11-01 02:45,5 kVAR"
    lines += ["Total,523.1", "printed 2.11.2026,"]
    sheet = read(write(tmp_path, lines), "kW")
    assert [one.row for one in sheet.refused] == [4, 5, 6, 7, 9, 11, 12, 13]
    assert {one.row: str(one.why) for one in sheet.refused}[5] == "'2026-13-01 00:45' is no time"
    assert np.flatnonzero(np.isnan(sheet.wide.columns["kW"])).size == 7
    assert "after the table, left out: row 98, Total 523.1" in [*map(str, sheet.notes)]


def test_the_first_row_is_no_heading_when_its_value_cannot_be_read(tmp_path):
    lines = iso()
    lines[1] = "2026-11-01 00:00,ERR"
    assert [one.row for one in read(write(tmp_path, lines), "kW").refused] == [2]


def test_rows_of_one_time_are_refused_and_where_they_differ_none_is_taken(tmp_path):
    lines = iso()
    lines[4:4] = [lines[3], lines[10].rsplit(",", 1)[0] + ",9.99"]
    sheet = read(write(tmp_path, lines), "kW")
    assert [(one.row, str(one.why)[:26]) for one in sheet.refused] == [
        (5, "it says again what row 4 s"),
        (6, "it is of the same time as "),
        (13, "it is of the same time as "),
    ]
    assert len(sheet.wide.start_us) == 95
    lines = iso()
    lines[1:1] = [lines[1]]
    assert [one.row for one in read(write(tmp_path, lines), "kW").refused] == [3]


def test_rows_of_one_meter_are_chosen_from_a_file_of_many(tmp_path):
    lines = [f"{line},{'serial' if not n else meter}" for n, line in enumerate(iso()) for meter in ("0001", "0002")]
    lines = lines[1:]
    path = write(tmp_path, lines)
    with pytest.raises(InputError, match=r"names several \(0001, 0002\)"):
        read(path, "kW")
    assert energies(read(path, "kW", rows={"serial": "0002"}), "kW") == QUARTER_KWH
    with pytest.raises(InputError, match="no row is left"):
        read(path, "kW", rows={"serial": "9"})


def workbook(tmp_path: Path, rows: list[list[object]], sheets: int = 1) -> Path:
    book = openpyxl.Workbook()
    for number in range(sheets):
        sheet = book.active if not number else book.create_sheet(f"more {number}")
        for row in rows:
            sheet.append(row)
    path = tmp_path / "file.xlsx"
    book.save(path)
    return path


def test_workbooks_with_cells_of_dates_times_and_units_are_read(tmp_path):
    head = [["การไฟฟ้าส่วนภูมิภาค"], [], ["หมายเลขผู้ใช้ไฟ", "020012345678"]]
    one = [["time", "kW"], *([at, float(value)] for at, value in zip(STARTS, KW, strict=True))]
    two = [["date", "time", "load"], *([DAY, at.time(), f"{value} kW"] for at, value in zip(STARTS, KW, strict=True))]
    assert energies(read(workbook(tmp_path, head + one), "kW"), "kW") == QUARTER_KWH
    assert energies(read(workbook(tmp_path, head + two), "load"), "load") == QUARTER_KWH


def test_a_formula_without_its_result_is_refused_and_no_empty_cell(tmp_path):
    rows = [["time", "kW"], *([at, float(value)] for at, value in zip(STARTS, KW, strict=True))]
    rows[5][1] = "=B4*2"
    assert [(one.row, str(one.why)[:9]) for one in read(workbook(tmp_path, rows), "kW").refused] == [(6, "a formula")]


def test_a_workbook_of_several_sheets_asks_which(tmp_path):
    rows = [["time", "kW"], *([at, float(value)] for at, value in zip(STARTS, KW, strict=True))]
    path = workbook(tmp_path, rows, sheets=2)
    with pytest.raises(InputError, match="--sheet"):
        read(path, "kW")
    assert energies(read(path, "kW", sheet="more 1"), "kW") == QUARTER_KWH


def test_a_workbook_that_inflates_too_far_or_declares_entities_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = workbook(tmp_path, [["time", "kW"], [DAY, 1.0], [ENDS[0], 2.0]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/bomb.bin", bytes(2 << 20))
    monkeypatch.setattr(grids, "MAX_INFLATED_BYTES", 1 << 20)
    with pytest.raises(InputError, match="inflates to more than"):
        read(path, "kW")
    monkeypatch.undo()
    declared = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be"):
        path = workbook(tmp_path, [["time", "kW"], [DAY, 1.0], [ENDS[0], 2.0]])
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("xl/more.xml", declared.encode(encoding))
        with pytest.raises(InputError, match="document type"):
            read(path, "kW")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04 and nothing more", "no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        (b"%PDF-1.7", "save it as XLSX"),
        (b"\n<html><table></table>", "save it as XLSX"),
        (b"", "no table"),
        (b"\xff\xfe", "no table"),
        (b"time,kW\n", "no table"),
        (b"\x1f\x8b\x08broken", "cannot be read"),
        (b"a,b\n" + b'"' + b"x" * 300_000, "cannot be read"),
        (b"time,kW\n" + b"," * 100_000, "cells in row"),
        (b"\x00" * 4096, "NUL"),
    ],
)
def test_what_is_no_table_is_refused_with_a_remedy(tmp_path, content, why):
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=why):
        read(path, "kW")


def test_a_compressed_file_is_read_within_the_bound(tmp_path, monkeypatch):
    path = tmp_path / "file.csv.gz"
    path.write_bytes(gzip.compress("\n".join(iso()).encode()))
    assert energies(read(path, "kW"), "kW") == QUARTER_KWH
    monkeypatch.setattr(grids, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="holds more than"):
        read(path, "kW")


def test_a_column_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    with pytest.raises(InputError, match=r"(?s)no column of numbers 'x'.*'kW' \(kw\), first value: 5.0"):
        read(write(tmp_path, iso()), "x")


def test_a_mapping_is_saved_under_a_name_and_read_again(tmp_path):
    mapping = FileMapping(columns={'กำลัง "kW" = a\\b': METER}, rows={"s": "1"}, stamps="end", pulse_kwh=0.001)
    save_mapping(tmp_path / "mappings", "amr", mapping)
    assert load_mapping(tmp_path / "mappings", "amr") == mapping
    assert FileMapping(stamps="start").over(mapping) == mapping.model_copy(update={"stamps": "start"})
    for name in ("../amr", "AMR", "", "a/b"):
        with pytest.raises(InputError, match="no name of a mapping"):
            save_mapping(tmp_path, name, mapping)
    with pytest.raises(InputError, match="there: amr"):
        load_mapping(tmp_path / "mappings", "other")


def test_an_estimate_of_the_file_is_an_estimate_of_the_ledger(tmp_path):
    sheet = read(write(tmp_path, iso()), "kW")
    estimated = np.arange(96) == 5
    series = FileTable(sheet.wide, sheet.values, (), (), {"kW": estimated}).series("kW")
    quality = quarters_of(series, 900.0)[2][0]
    assert np.flatnonzero(quality == Quality.ESTIMATED).tolist() == [5]
    assert (quality[~estimated] == Quality.EDITED).all()


def test_a_file_that_names_an_account_needs_no_column(tmp_path):
    heads = ["การไฟฟ้านครหลวง,", "หมายเลขบัญชีแสดงสัญญา,0123 456 78,"]
    path = write(tmp_path, [*heads, *iso()])
    table = read_sheet(path, FileMapping(), this_year=2026, owners={"012345678": METER, "999999999": "other"})
    assert table.meters == {"kW": METER}
    assert energies(table, "kW") == QUARTER_KWH
    for lines, why in (([*heads, *iso(head="time,a (kW)")], None), ([heads[0], *iso()], "name each column")):
        owners = {"012345678": METER}
        if why is None:
            assert read_sheet(write(tmp_path, lines), FileMapping(), this_year=2026, owners=owners).meters == {
                "a (kW)": METER
            }
        else:
            with pytest.raises(InputError, match=why):
                read_sheet(write(tmp_path, lines), FileMapping(), this_year=2026, owners=owners)


def test_two_columns_of_energy_or_two_accounts_are_for_a_person_to_choose(tmp_path):
    two = ["บัญชี,012345678,", *(f"{row},1" for row in iso(head="time,a kW"))]
    two[1] = "time,a kW,b kW"
    both = ["บัญชี,012345678,987654321", *iso()]
    for lines in (two, both):
        with pytest.raises(InputError, match="name each column"):
            read_sheet(
                write(tmp_path, lines), FileMapping(), this_year=2026, owners={"012345678": METER, "987654321": "other"}
            )
