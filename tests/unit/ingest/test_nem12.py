"""NEM12 files: each value at its instant, with its quality, and each record that cannot be read named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets import FileMapping, FileTable, read_sheet
from bkkenergy.metering.sources import quarters_of
from bkkenergy.readings import Quality

METER = "health.centre-2.main"
HEAD = "100,NEM12,202611021200,MDP1,Retailer1"
SERIES = "200,NEM1201009,E1B1,1,E1,N1,01009,kWh,30,"
DAY_US = int(dt.datetime(2026, 11, 1, tzinfo=dt.timezone(dt.timedelta(hours=10))).timestamp()) * 10**6
"""Midnight of market time, ten hours ahead of UTC."""


def day(values=tuple(range(48)), quality="A", date="20261101") -> str:
    return f"300,{date},{','.join(map(str, values))},{quality},,,20261102010000,"


def write(tmp_path: Path, *records: str, name="data.csv") -> Path:
    path = tmp_path / name
    path.write_text("\r\n".join([HEAD, *records, "900", ""]))
    return path


def read(path: Path, column="NEM1201009 E1", **options) -> FileTable:
    return read_sheet(path, FileMapping(columns={column: METER}, **options), this_year=2026)


def values(table: FileTable, column="NEM1201009 E1") -> list[float]:
    return table.series(column).energy_kwh.tolist()


def test_a_day_is_read_from_midnight_of_market_time(tmp_path):
    table = read(write(tmp_path, SERIES, day()))
    series = table.series("NEM1201009 E1")
    assert series.start_us.tolist() == [DAY_US + n * 1800 * 10**6 for n in range(48)]
    assert series.interval_s == 1800
    assert series.energy_kwh.tolist() == list(range(48))
    assert table.meters == {"NEM1201009 E1": METER}
    assert not table.refused
    assert "NEM12, 1 series, times are of Etc/GMT-10" in [*map(str, table.notes)]


def test_a_timezone_that_is_asked_for_goes_before_market_time(tmp_path):
    table = read(write(tmp_path, SERIES, day()), timezone="Asia/Bangkok")
    assert table.wide.start_us[0] == DAY_US + 3 * 3600 * 10**6


@pytest.mark.parametrize(("unit", "kwh"), [("Wh", 0.001), ("kWh", 1), ("KWH", 1), ("MWh", 1000)])
def test_units_of_energy_are_converted(tmp_path, unit, kwh):
    assert values(read(write(tmp_path, SERIES.replace("kWh", unit), day([2] * 48)))) == pytest.approx([2 * kwh] * 48)


def test_a_mean_power_is_the_energy_of_its_interval(tmp_path):
    assert values(read(write(tmp_path, SERIES.replace("kWh", "kW"), day([2] * 48)))) == [1] * 48


@pytest.mark.parametrize("minutes", [1, 5, 10, 15, 60])
def test_every_length_of_interval_makes_a_whole_day(tmp_path, minutes):
    count = 1440 // minutes
    table = read(write(tmp_path, SERIES.replace(",30,", f",{minutes},"), day([1] * count)))
    _, kwh, _ = quarters_of(table.series("NEM1201009 E1"), 900)
    assert np.nansum(kwh) == pytest.approx(count)


def test_qualities_are_of_the_day_or_of_its_parts(tmp_path):
    parts = ("400,1,10,A,,", "400,11,20,F52,71,", "400,21,48,S14,,")
    table = read(write(tmp_path, SERIES, day(quality="V"), *parts))
    assert np.flatnonzero(table.estimated["NEM1201009 E1"]).tolist() == list(range(10, 48))
    _, _, quality = quarters_of(table.series("NEM1201009 E1"), 1800)
    assert set(quality[quality != Quality.MISSING].tolist()) == {Quality.EDITED, Quality.ESTIMATED}
    assert "NEM1201009 E1: 38 values are estimates of the utility" in [*map(str, table.notes)]


def test_null_data_is_missing_and_never_zero(tmp_path):
    table = read(
        write(
            tmp_path,
            SERIES,
            day([0] * 48, "N"),
            day(date="20261102"),
            day(["", *[0] * 47], "V", "20261103"),
            "400,1,1,N,,",
            "400,2,48,A,,",
        )
    )
    assert len(values(table)) == 48 + 47
    assert not table.refused


def test_series_are_listed_with_why_one_cannot_be_imported(tmp_path):
    path = write(
        tmp_path,
        SERIES,
        day(),
        SERIES.replace("E1,N1", "B1,N1"),
        day(),
        SERIES.replace("E1,N1", "Q1,N1").replace("kWh", "kVArh"),
        day(),
    )
    with pytest.raises(
        InputError, match=r"has no series 'X'.*\n  'NEM1201009 E1' \(kwh, 30 minutes, 48 values\)\n.*B1"
    ) as caught:
        read(path, "X")
    assert "มีคือ:\n  'NEM1201009 E1' (kwh ทุก 30 นาที 48 ค่า)\n" in caught.value.said("th")
    assert "'NEM1201009 Q1' (kvarh ทุก 30 นาที 48 ค่า): 'kVArh' ไม่ใช่หน่วยของ" in caught.value.said("th")
    with pytest.raises(InputError, match="'NEM1201009 Q1' cannot be imported: 'kVArh' is no power or energy"):
        read(path, "NEM1201009 Q1")
    back = read_sheet(path, FileMapping(columns={"NEM1201009 B1": f"{METER}:export"}), this_year=2026)
    assert values(back, "NEM1201009 B1") == list(range(48))


def test_the_account_or_meter_that_a_file_names_finds_its_meter(tmp_path):
    path = write(tmp_path, SERIES, day(), SERIES.replace("E1,N1", "B1,N1"), day([9] * 48))
    for number in ("NEM1201009", "01009"):
        table = read_sheet(path, FileMapping(), this_year=2026, owners={number: METER})
        assert table.meters == {"NEM1201009 E1": METER}
    with pytest.raises(InputError, match="name each series that is a meter's: --column SERIES=METER"):
        read_sheet(path, FileMapping(), this_year=2026, owners={"other": METER})
    two = write(tmp_path, SERIES, day(), SERIES.replace("E1,N1", "E2,N1"), day())
    with pytest.raises(InputError, match="NEM1201009 E1 and NEM1201009 E2 are all of"):
        read_sheet(two, FileMapping(), this_year=2026, owners={"NEM1201009": METER})


def test_two_series_of_one_pace_are_one_table_and_of_two_paces_are_refused(tmp_path):
    other = SERIES.replace("1009,E1", "2000,E1")
    columns = {"NEM1201009 E1": METER, "NEM1202000 E1": "x.y.z"}
    table = read_sheet(
        write(tmp_path, SERIES, day(), other, day([1] * 48, date="20261102")),
        FileMapping(columns=columns),
        this_year=2026,
    )
    assert np.nansum(table.series("NEM1202000 E1").energy_kwh) == 48
    assert np.nansum(table.series("NEM1201009 E1").energy_kwh) == sum(range(48))
    with pytest.raises(InputError, match="Import them one by one"):
        read_sheet(
            write(tmp_path, SERIES, day(), other.replace(",30,", ",15,"), day([1] * 96)),
            FileMapping(columns=columns),
            this_year=2026,
        )


@pytest.mark.parametrize(
    ("records", "row", "why"),
    [
        ((SERIES, day()[:60], day(date="20261102")), 3, "48 values and their quality are due"),
        ((SERIES, day(quality="X"), day(date="20261102")), 3, "'X' is no quality"),
        ((SERIES, day(date="20261301"), day(date="20261102")), 3, "is no day"),
        ((SERIES, day(date="18261101"), day(date="20261102")), 3, "is no day"),
        ((SERIES, day(["1_0", *range(1, 48)])), 3, "value 1, '1_0', is no number"),
        ((SERIES, day(["nan", *range(1, 48)])), 3, "value 1, 'nan', is no number"),
        ((SERIES, day([-3, *range(1, 48)])), 3, "-3 is below zero"),
        ((SERIES, day(quality="V"), "400,1,20,A,,", day(date="20261102")), 3, "no record (400) says how"),
        ((SERIES, day(), "400,40,60,A,,"), 4, "intervals '40' to '60' are none of the day"),
        ((SERIES, day(), "400,1,2,Z,,"), 4, "'Z' is no quality"),
        ((SERIES, "400,1,2,A,,", day()), 3, "a quality (400) without a day"),
        ((day(), SERIES, day()), 2, "a day (300) without a series"),
        ((SERIES.replace(",30,", ",7,"), day(), SERIES, day()), 2, "'7' is no length of an interval"),
        ((SERIES, day(), SERIES.replace("kWh", "MWh"), day(date="20261102")), 4, "was in kwh of 30 minutes before"),
        ((SERIES, day(), "777,what"), 4, "a record of kind '777' is not known"),
        ((SERIES, day(), SERIES, day()), 5, "it says again what row 3 says"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_read_is_refused_by_its_row_and_the_others_are_read(tmp_path, records, row, why):
    table = read(write(tmp_path, *records))
    assert any(one.row == row and why in str(one.why) for one in table.refused), table.refused[:3]
    assert len(values(table)) >= 20


def test_of_two_values_for_one_time_none_is_taken(tmp_path):
    table = read(write(tmp_path, SERIES, day(), day([99, *range(1, 48)])))
    assert len(values(table)) == 47
    assert "it is of the same time as row 3, with another value" in {str(one.why) for one in table.refused}


def test_a_file_that_was_cut_off_says_so(tmp_path):
    path = write(tmp_path, SERIES, day(), day(date="20261102"))
    path.write_text(path.read_text().replace("900\n", ""))
    assert "it may be cut off" in str(read(path).refused[-1].why)
    path.write_text(path.read_text()[:-40])
    assert len(values(read(path))) == 48


def test_a_file_without_its_header_and_one_with_a_mark_of_its_encoding_are_known(tmp_path):
    path = write(tmp_path, SERIES, day())
    path.write_text(path.read_text().split("\n", 1)[1])
    assert len(values(read(path))) == 48
    path.write_text("﻿" + path.read_text())
    assert len(values(read(path))) == 48


def test_a_sheet_is_no_nem12_for_a_row_that_begins_with_100(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("100,time,kWh\n" + "".join(f"x,2026-11-01 {n:02}:00,1.5\n" for n in range(24)))
    assert len(read(path, "kWh", values="energy").series("kWh").start_us) == 24


def test_no_series_at_all_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no series"):
        read(write(tmp_path))
