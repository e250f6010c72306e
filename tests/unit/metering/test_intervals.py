"""Laws that hold for any register, and facts of single cases."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.calendar import Period, edges
from bkkenergy.metering.demand import demand_kw, load_factor_ratio, mean_day_kw, peak
from bkkenergy.metering.frames import meter_energy
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import Quality, ReadingBatch
from tests.builders import DAY, DAY_US, QUARTER_US, meter, readings

TWO_HOURS_S = 7200
MINUTE_US = 60_000_000


def energy(batch, *meters, step="15min", period=DAY, max_gap_s=TWO_HOURS_S):
    return meter_energy(batch, meters, edges(period, step), max_gap_s=max_gap_s)


def full_day(one, kwh_a_quarter=5.0):
    return readings(one, 1000 + kwh_a_quarter * np.arange(97))


@st.composite
def histories(draw, *, digits=4):
    """Readings of up to three registers over a day: rollovers, silences of any length, odd minutes."""
    meters, parts, used_kwh = [], [], []
    for number in range(draw(st.integers(1, 3))):
        one = meter(f"m{number}", register_digits=digits, rated_kw=200)
        minutes = draw(st.lists(st.integers(1, 24 * 60 - 1), max_size=120, unique=True).map(sorted))
        minutes = [0, *minutes, 24 * 60]
        rates_kw = draw(st.lists(st.floats(0, 200), min_size=len(minutes) - 1, max_size=len(minutes) - 1))
        steps_kwh = np.array(rates_kw) * np.diff(minutes) / 60
        grown = np.concatenate(([0.0], np.cumsum(steps_kwh))) + draw(st.floats(0, 9999))
        parts.append(
            ReadingBatch(
                tuple(f"agency.building.m{n}" for n in range(3)),
                np.full(len(minutes), number),
                DAY_US + np.array(minutes) * MINUTE_US,
                {"energy_kwh": grown % 10**digits if digits else grown},
            )
        )
        meters.append(one)
        used_kwh.append(float(steps_kwh.sum()))
    batch = ReadingBatch.concat(parts)
    order = draw(st.permutations(range(len(batch))).map(np.array))
    replayed = draw(st.lists(st.integers(0, len(batch) - 1), max_size=20).map(lambda rows: np.array(rows, np.int64)))
    return meters, batch.take(np.concatenate((order, replayed))), used_kwh


@given(
    histories(),
    st.sampled_from(["5min", "15min", "30min", "60min", "day"]),
    st.sampled_from([0, 600, TWO_HOURS_S, 10**6]),
)
def test_energy_is_conserved(history, step, max_gap_s):
    """Intervals and named gaps add up to what flowed, whatever was lost, doubled or disordered."""
    meters, batch, used_kwh = history
    result = energy(batch, *meters, step=step, max_gap_s=max_gap_s)
    total_kwh = result.total_kwh(DAY.start, DAY.end)
    assert total_kwh.tolist() == pytest.approx(used_kwh, abs=1e-6)
    if max_gap_s == 10**6:
        assert result.energy_kwh.sum().tolist() == pytest.approx(used_kwh, abs=1e-6)
        assert result.gaps.empty


@given(histories())
def test_no_interval_is_negative_and_the_unknown_has_no_number(history):
    meters, batch, _ = history
    result = energy(batch, *meters)
    known = (result.quality <= Quality.ESTIMATED).to_numpy()
    values = result.energy_kwh.to_numpy()
    assert (values[known] >= -1e-9).all()
    assert np.isnan(values[~known]).all()


@given(histories(digits=None), st.integers(1, 95))
def test_a_reset_never_adds_energy(history, quarter):
    """Wherever the registers fall to zero, what is counted stays at or below what flowed."""
    meters, batch, used_kwh = history
    values = batch.column("energy_kwh").copy()
    for number in range(len(meters)):
        after = np.flatnonzero((batch.meter == number) & (batch.ts_us >= DAY_US + quarter * QUARTER_US))
        values[after] -= values[after].min()
    reset = ReadingBatch(batch.meter_ids, batch.meter, batch.ts_us, {"energy_kwh": values})
    counted_kwh = energy(reset, *meters).total_kwh(DAY.start, DAY.end).fillna(0.0)
    assert (counted_kwh.to_numpy() <= np.array(used_kwh) + 1e-6).all()


@pytest.mark.parametrize(
    ("step", "count", "kwh"), [("5min", 288, 5 / 3), ("15min", 96, 5), ("60min", 24, 20), ("day", 1, 480)]
)
def test_a_steady_register_gives_equal_intervals(step, count, kwh):
    one = meter()
    result = energy(full_day(one), one, step=step)
    assert result.energy_kwh[one.id].tolist() == pytest.approx([kwh] * count)
    assert (result.quality == Quality.MEASURED).all(axis=None)


def test_intervals_are_labelled_by_their_start_in_bangkok():
    one = meter()
    index = energy(full_day(one), one).energy_kwh.index
    assert str(index[0]) == "2026-11-23 00:00:00+07:00"
    assert str(index[-1]) == "2026-11-23 23:45:00+07:00"


def test_a_short_silence_is_bridged_and_flagged():
    one = meter()
    batch = full_day(one).take(np.delete(np.arange(97), [40, 41, 42]))
    result = energy(batch, one)
    assert result.energy_kwh[one.id].notna().all()
    flagged = np.flatnonzero(result.quality[one.id] == Quality.ESTIMATED)
    assert flagged.tolist() == [39, 40, 41, 42]
    assert result.coverage_ratio(DAY.start, DAY.end)[one.id] == pytest.approx(92 / 96)


def test_a_long_silence_is_missing_but_its_energy_is_known_as_a_whole():
    one = meter()
    batch = full_day(one).take(np.delete(np.arange(97), np.arange(41, 53)))
    result = energy(batch, one)
    assert (result.quality[one.id] == Quality.MISSING).sum() == 13
    gap = result.gaps.iloc[0]
    assert (gap["meter"], gap["energy_kwh"]) == (one.id, pytest.approx(65))
    assert (str(gap["start"]), str(gap["end"])) == ("2026-11-23 10:00:00+07:00", "2026-11-23 13:15:00+07:00")
    assert result.total_kwh(DAY.start, DAY.end)[one.id] == pytest.approx(480)
    assert result.daily_kwh()[one.id].iloc[0] == pytest.approx(480)


def test_a_gap_across_midnight_belongs_to_no_day_but_to_the_period():
    one = meter()
    two = Period(DAY.start, DAY.end + pd.Timedelta(days=1))
    batch = readings(one, 5.0 * np.arange(193)).take(np.delete(np.arange(193), np.arange(85, 110)))
    result = energy(batch, one, period=two)
    assert result.total_kwh(two.start, two.end)[one.id] == pytest.approx(960)
    assert result.daily_kwh()[one.id].sum() == pytest.approx(960 - 26 * 5)


def test_the_interval_of_a_reset_is_unknown_and_the_others_are_not():
    one = meter()
    register = 1000 + 5.0 * np.arange(97)
    register[50:] -= register[50]
    result = energy(readings(one, register), one)
    assert np.flatnonzero(result.quality[one.id] == Quality.RESET).tolist() == [49]
    assert result.total_kwh(DAY.start, DAY.end)[one.id] == pytest.approx(95 * 5)


def test_a_day_begun_by_an_earlier_reading_is_whole():
    """No reading falls on the day's edges: they are read off the line between neighbours."""
    one = meter()
    batch = readings(one, 5.0 * np.arange(99), start_us=DAY_US - 13 * MINUTE_US)
    assert energy(batch, one, step="day").energy_kwh[one.id].tolist() == pytest.approx([480])


def test_a_meter_without_readings_is_missing_not_zero():
    one, silent = meter(), meter("silent")
    result = energy(full_day(one), one, silent)
    assert result.energy_kwh[silent.id].isna().all()
    assert np.isnan(result.total_kwh(DAY.start, DAY.end)[silent.id])
    assert (result.quality[silent.id] == Quality.MISSING).all()
    nobody = energy(ReadingBatch.empty(("x",)), silent)
    assert nobody.energy_kwh[silent.id].isna().all()
    assert nobody.gaps.empty


def test_the_three_kinds_of_meter_agree_on_the_same_load():
    register, interval, power = meter("r"), meter("i", kind=MeterKind.INTERVAL), meter("p", kind=MeterKind.POWER)
    ids = (register.id, interval.id, power.id)
    ts_us = DAY_US + np.arange(97) * QUARTER_US
    batch = ReadingBatch.concat(
        [
            ReadingBatch(ids, np.full(97, 0), ts_us, {"energy_kwh": 5.0 * np.arange(97)}),
            ReadingBatch(ids, np.full(97, 1), ts_us, {"energy_kwh": np.full(97, 5.0)}),
            ReadingBatch(ids, np.full(97, 2), ts_us, {"power_kw": np.full(97, 20.0)}),
        ]
    )
    result = energy(batch, register, interval, power)
    assert result.total_kwh(DAY.start, DAY.end).tolist() == pytest.approx([480, 480, 480])


def test_an_hourly_meter_read_at_quarters_is_as_fine_as_it_can_be():
    one = meter(interval_s=3600)
    batch = readings(one, 20.0 * np.arange(25), step_us=4 * QUARTER_US)
    result = energy(batch, one)
    assert result.energy_kwh[one.id].tolist() == pytest.approx([5.0] * 96)
    assert result.coverage_ratio(DAY.start, DAY.end)[one.id] == 1.0


def test_months_of_a_fiscal_year_are_cut_at_bangkok_midnight():
    one = meter(interval_s=86_400)
    year = Period.fiscal_year(2570)
    days = len(year.dates)
    batch = readings(one, 100.0 * np.arange(days + 1), start_us=DAY_US - 53 * 96 * QUARTER_US, step_us=96 * QUARTER_US)
    result = energy(batch, one, step="month", period=year)
    assert result.energy_kwh[one.id].iloc[:3].tolist() == pytest.approx([3100, 3000, 3100])


def test_demand_is_the_mean_power_of_an_interval():
    index = pd.date_range(dt.datetime(2026, 11, 23), periods=96, freq="15min", tz="Asia/Bangkok")
    energy_kwh = pd.Series(np.where(index.hour == 14, 25.0, 5.0), index)
    power_kw = demand_kw(energy_kwh)
    highest = peak(power_kw)
    assert (highest.peak_kw, highest.at) == (100.0, pd.Timestamp("2026-11-23T14:00+07:00"))
    assert load_factor_ratio(power_kw) == pytest.approx((4 * 100 + 92 * 20) / 96 / 100)
    assert mean_day_kw(power_kw)[[13, 14]].tolist() == [20.0, 100.0]


def test_nothing_known_has_no_peak():
    index = pd.date_range(dt.datetime(2026, 11, 23), periods=4, freq="15min", tz="Asia/Bangkok")
    nothing = pd.Series(np.nan, index)
    assert peak(nothing) is None
    assert np.isnan(load_factor_ratio(nothing))
