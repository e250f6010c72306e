import gzip

import numpy as np
import pandas as pd
import pytest

from bkkenergy.errors import InputError
from bkkenergy.ingest.files import (
    LongWriter,
    as_register,
    judged_readings,
    read_long,
    read_wide,
    wide_batch,
    work_units,
)
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import FIELDS, ReadingBatch
from tests.builders import DAY_US, QUARTER_US, file_meters, meter

FAR_US = 2**61
MAIN, OTHER = meter(), meter("other")


def some_readings(count=200):
    rng = np.random.default_rng(5)
    columns = {name: np.round(rng.random(count), 6) for name in FIELDS}
    columns["export_kwh"] = np.where(rng.random(count) < 0.5, np.nan, columns["export_kwh"])
    return ReadingBatch(
        (MAIN.id, OTHER.id), np.arange(count) % 2, DAY_US + np.arange(count) // 2 * QUARTER_US + 7, columns
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_is_read_back_to_the_last_digit(tmp_path, suffix):
    path, batch = tmp_path / f"readings{suffix}", some_readings()
    writer = LongWriter(path)
    writer.write(batch.take(slice(0, 90)))
    writer.write(batch.take(slice(90, None)))
    writer.close()
    counted: list[int] = []
    chunks = list(read_long(path, file_meters(MAIN, OTHER), latest_us=FAR_US, advance=counted.append))
    again = ReadingBatch.concat([chunk.batch for chunk in chunks])
    assert all(chunk.refused.empty for chunk in chunks)
    assert (again.meter.tolist(), again.ts_us.tolist()) == (batch.meter.tolist(), batch.ts_us.tolist())
    for name in FIELDS:
        np.testing.assert_array_equal(again.column(name), batch.column(name))
    assert sum(counted) == work_units(path)


def test_rows_that_are_refused_come_with_their_reason(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(
        "meter,ts,energy_kwh\n"
        f"{MAIN.id},2026-11-23T00:00:00+07:00,1\n"
        "nobody,2026-11-23T00:00:00+07:00,1\n"
        f"{MAIN.id},yesterday,1\n"
        f"{MAIN.id},2026-11-23T00:15:00+07:00,-4\n"
        f"{MAIN.id},2026-11-23T00:30:00+07:00,\n"
    )
    (chunk,) = read_long(path, file_meters(MAIN), latest_us=FAR_US, advance=lambda _: None)
    assert len(chunk.batch) == 1
    assert chunk.refused["reason"].tolist() == ["unknown_meter", "not_decoded", "energy_out_of_range", "no_value"]


def test_a_file_of_another_form_says_what_is_needed(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("time,power_kw\n2026-11-23,1\n")
    with pytest.raises(InputError, match="no column meter, ts .*--column"):
        list(read_long(path, file_meters(MAIN), latest_us=FAR_US, advance=lambda _: None))


def wide_file(tmp_path, text, name="wide.csv"):
    path = tmp_path / name
    opener = gzip.open if name.endswith(".gz") else open
    with opener(path, "wt") as file:
        file.write(text)
    return path


HOURS = "ts,a_kw\n2026-11-23T00:00:00,10\n2026-11-23T01:00:00,20\n2026-11-23T02:00:00,\n2026-11-23T03:00:00,40\n"


@pytest.mark.parametrize("name", ["wide.csv", "wide.csv.gz"])
def test_a_wide_table_is_intervals_of_columns(tmp_path, name):
    wide = read_wide(wide_file(tmp_path, HOURS, name), timezone="Asia/Bangkok")
    assert wide.start_us[0] == DAY_US
    assert wide.interval_s == 3600
    assert wide.energy_kwh("a_kw", "mean-power")[:2].tolist() == [10, 20]


def test_intervals_become_a_counter_that_stands_still_where_nothing_is_known(tmp_path):
    wide = read_wide(wide_file(tmp_path, HOURS), timezone="Asia/Bangkok")
    ts_us, register_kwh = as_register(wide, wide.energy_kwh("a_kw", "mean-power"))
    assert ((ts_us - DAY_US) // (4 * QUARTER_US)).tolist() == [0, 1, 2, 3, 4]
    assert register_kwh.tolist() == [0, 10, 30, 30, 70]


def test_an_interval_meter_takes_the_energy_at_the_end_of_each_interval(tmp_path):
    wide = read_wide(wide_file(tmp_path, HOURS), timezone="Asia/Bangkok")
    batch = wide_batch(wide, {"a_kw": meter(kind=MeterKind.INTERVAL)}, "mean-power")
    assert ((batch.ts_us - DAY_US) // (4 * QUARTER_US)).tolist() == [1, 2, 4]
    assert batch.column("energy_kwh").tolist() == [10, 20, 40]


def test_times_that_do_not_rise_are_refused(tmp_path):
    path = wide_file(tmp_path, "ts,a\n2026-11-23T01:00:00Z,1\n2026-11-23T00:00:00Z,1\n")
    with pytest.raises(InputError, match="do not rise"):
        read_wide(path, timezone="UTC")


@pytest.mark.parametrize("first", ["2569-11-01 00:00", "2567-02-29T00:00:00"], ids=["a_day", "a_leap_day"])
def test_years_of_the_buddhist_era_are_refused_or_converted_when_asked(tmp_path, first):
    day = first[:10]
    path = wide_file(tmp_path, f"time,kw\n{first},1\n{day} 00:15,2\n".replace("T", " "))
    with pytest.raises(InputError, match=r"year of the Buddhist era.*--calendar be"):
        read_wide(path, timezone="Asia/Bangkok")
    wide = read_wide(path, timezone="Asia/Bangkok", calendar="be")
    common = f"{int(day[:4]) - 543}{day[4:]}"
    assert wide.start_us[0] == pd.Timestamp(common, tz="Asia/Bangkok").value // 1000
    assert wide.interval_s == 900


@pytest.mark.parametrize("minutes", [(15, 60), (60, 15), (15, 30)])
def test_intervals_that_change_their_length_in_a_file_are_refused(tmp_path, minutes):
    """Mean powers of an hour would be counted for a quarter of it."""
    at = pd.Timestamp("2026-11-23") + pd.to_timedelta(np.cumsum([minutes[0]] * 40 + [minutes[1]] * 30), unit="min")
    path = wide_file(tmp_path, "ts,a\n" + "".join(f"{stamp},5\n" for stamp in at))
    wide = read_wide(path, timezone="Asia/Bangkok")
    with pytest.raises(InputError, match=f"rows are {minutes[0]} minutes apart, and {minutes[1]} minutes from"):
        wide.series("a", "mean-power")


def test_rows_that_are_lost_here_and_there_are_no_other_interval(tmp_path):
    at = pd.date_range("2026-11-23", periods=96, freq="15min").delete([5, 7, 9, 20, 21, 22, 40])
    wide = read_wide(wide_file(tmp_path, "ts,a\n" + "".join(f"{stamp},5\n" for stamp in at)), timezone="UTC")
    assert len(wide.series("a", "energy").start_us) == 89


@pytest.mark.parametrize("bytes_", [b"\xbb\xc3\xd0,kW\n2026-11-23,1\n", b"PK\x03\x04\xc7\xff", b""])
def test_what_is_no_text_table_is_refused_in_words(tmp_path, bytes_):
    path = tmp_path / "meter.csv"
    path.write_bytes(bytes_)
    with pytest.raises(InputError, match="CSV UTF-8"):
        read_wide(path, timezone="Asia/Bangkok")


def test_an_hour_that_a_zone_has_twice_is_refused_in_words(tmp_path):
    text = "ts,a\n2026-10-25T01:00,1\n2026-10-25T02:00,1\n2026-10-25T03:00,1\n"
    with pytest.raises(InputError, match="with their offset"):
        read_wide(wide_file(tmp_path, text), timezone="Europe/Berlin")


def test_years_of_the_common_era_are_not_converted(tmp_path):
    with pytest.raises(InputError, match="is no year of the Buddhist era"):
        read_wide(wide_file(tmp_path, HOURS), timezone="Asia/Bangkok", calendar="be")


def test_registers_of_a_wide_file_are_judged_like_readings(tmp_path):
    wide = read_wide(wide_file(tmp_path, "ts,a\n2026-11-23,5\n2026-11-24,-1\n2026-11-25,7\n"), timezone="UTC")
    found = judged_readings(wide, {"a": (0, "energy_kwh")}, file_meters(meter()), latest_us=int(wide.start_us[1]))
    assert found.batch.column("energy_kwh").tolist() == [5]
    assert found.refused["reason"].tolist() == ["energy_out_of_range", "time_ahead"]


def test_a_first_column_that_is_no_time_is_named(tmp_path):
    with pytest.raises(InputError, match="column 'name' is no time"):
        read_wide(wide_file(tmp_path, "name,a\nx,1\ny,2\n"), timezone="UTC")


def test_a_frame_of_parquet_keeps_its_times_in_utc(tmp_path):
    path = tmp_path / "r.parquet"
    writer = LongWriter(path)
    writer.write(some_readings(4))
    writer.close()
    assert str(pd.read_parquet(path)["ts"].dtype) == "datetime64[us, UTC]"
