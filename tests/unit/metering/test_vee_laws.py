"""What holds for any readings: intervals add up to the register, and what does not add up is listed."""

import dataclasses
import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.metering.gaps import redistribution_kwh
from bkkenergy.metering.rating import clipped_walk
from bkkenergy.metering.registers import RATING_MARGIN_RATIO
from bkkenergy.metering.spans import SpanReason
from bkkenergy.metering.vee import typical_profile, validate
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import Quality, ReadingBatch
from tests.builders import DAY_US, QUARTER_US, meter, readings

DAYS = 3
DAYS_US = 96 * QUARTER_US
MINUTE_US = 60_000_000
EDGES_US = DAY_US + np.arange(96 * DAYS + 1) * QUARTER_US
RATED_KW = 200.0


def energy(batch, *meters, edges_us=EDGES_US, channel="import", max_gap_s=7200):
    return validate(batch, meters, edges_us, channel=channel, max_gap_s=max_gap_s)


def total_kwh(result, number=0):
    return float(np.nansum(result.energy_kwh[:, number]))


@st.composite
def histories(draw, *, digits=None, interval_s=900, least_kw=0.0):
    """A register over three days: odd minutes, gaps of any length, any order, doubles; and what flowed."""
    one = meter(rated_kw=RATED_KW, register_digits=digits, interval_s=interval_s)
    minutes = draw(st.lists(st.integers(0, DAYS * 1440), min_size=2, max_size=150, unique=True).map(sorted))
    rates_kw = draw(st.lists(st.floats(least_kw, RATED_KW), min_size=len(minutes) - 1, max_size=len(minutes) - 1))
    steps_kwh = np.array(rates_kw) * np.diff(minutes) / 60
    grown_kwh = np.concatenate(([0.0], np.cumsum(steps_kwh))) + draw(st.floats(0, 900))
    batch = ReadingBatch(
        (one.id,),
        np.zeros(len(minutes), np.int64),
        DAY_US + np.array(minutes) * MINUTE_US,
        {"energy_kwh": grown_kwh % 10**digits if digits else grown_kwh},
    )
    return one, batch, float(steps_kwh.sum())


@st.composite
def disordered(draw, batch):
    order = draw(st.permutations(range(len(batch))).map(np.array))
    replayed = draw(st.lists(st.integers(0, len(batch) - 1), max_size=20).map(lambda rows: np.array(rows, np.int64)))
    return batch.take(np.concatenate((order, replayed)))


@st.composite
def shapes(draw):
    """A typical profile with holes, zeros and peaks."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    profile_kw = rng.uniform(0, 100, (1, 7, 96))
    profile_kw[rng.random(profile_kw.shape) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
    profile_kw[rng.random(profile_kw.shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))] = 0.0
    return profile_kw


@given(histories(interval_s=60), st.integers(1, DAYS * 96 - 1))
def test_an_interval_is_the_same_to_the_last_bit_whatever_comes_before_the_window(history, cut):
    one, batch, _ = history
    first = max(int(np.searchsorted(batch.ts_us, EDGES_US[cut], side="right")) - 1, 0)
    whole = energy(batch, one)
    later = energy(batch.take(slice(first, None)), one, edges_us=EDGES_US[cut:])
    np.testing.assert_array_equal(later.energy_kwh, whole.energy_kwh[cut:])


@given(st.data(), st.sampled_from([None, 6]), st.sampled_from([0, 600, 7200, 10**6]))
def test_intervals_add_up_to_the_difference_of_the_register(data, digits, max_gap_s):
    one, batch, used_kwh = data.draw(histories(digits=digits))
    result = energy(data.draw(disordered(batch)), one, max_gap_s=max_gap_s)
    assert total_kwh(result) == pytest.approx(used_kwh, rel=1e-6, abs=1e-3)
    assert set(np.unique(result.quality)) <= {Quality.MEASURED, Quality.ESTIMATED, Quality.MISSING, Quality.INCOMPLETE}
    assert (result.energy_kwh[np.isfinite(result.energy_kwh)] >= -1e-9).all()


@given(st.data(), shapes())
def test_a_profile_shapes_and_never_changes_a_total(data, profiles):
    one, batch, _ = data.draw(histories())
    plain = energy(batch, one)
    for gap in (span for span in plain.spans if span.reason is SpanReason.GAP):
        moved_kwh = redistribution_kwh(EDGES_US, gap, profiles[0])
        inside = (EDGES_US[1:] > gap.start_us) & (EDGES_US[:-1] < gap.end_us)
        assert (moved_kwh[~inside] == 0).all()
        within = (EDGES_US[0] <= gap.start_us) and (gap.end_us <= EDGES_US[-1])
        assert not within or moved_kwh.sum() == pytest.approx(0, abs=1e-6)


@st.composite
def wild_registers(draw):
    """Registers that do anything at all: garbage, falls, jumps, bursts, values that no meter shows."""
    interval_s = draw(st.sampled_from([60, 900]))
    one = meter(
        rated_kw=RATED_KW,
        interval_s=interval_s,
        **draw(st.sampled_from([{}, {"rollover_kwh": 65.536}, {"restarts_at_zero": True}, {"register_digits": 3}])),
    )
    count = draw(st.integers(1, 80))
    steps_s = draw(st.lists(st.sampled_from([0, 1, 30, 60, 900, 1800, 20_000]), min_size=count, max_size=count))
    usual = st.sampled_from([0.0, 0.1, 1.0, 5.0, 60.0, -0.1, -30.0, 10_000.0])
    register = 100 + np.cumsum(draw(st.lists(usual, min_size=count, max_size=count)))
    odd = st.sampled_from([np.nan, np.inf, -np.inf, -1.0, 1.8e19, 0.0, 65.0, 1e12])
    for row in draw(st.lists(st.integers(0, count - 1), max_size=8)):
        register[row] = draw(odd)
    ts_us = DAY_US + np.cumsum(steps_s) * 10**6 + draw(st.integers(-3, 3)) * 1000
    return one, ReadingBatch((one.id,), np.zeros(count, np.int64), ts_us, {"energy_kwh": register})


@given(wild_registers())
def test_whatever_a_register_does_the_rating_holds_over_every_window(given_readings):
    """No stretch of intervals holds more than its length at the rating, with margin, grace and resolution once."""
    one, batch = given_readings
    result = energy(batch, one)
    values = np.nan_to_num(result.energy_kwh[:, 0])
    assert (values >= -1e-9).all()
    surplus_kwh = np.concatenate(([0.0], np.cumsum(values - RATED_KW * RATING_MARGIN_RATIO / 4)))
    grace_kwh = RATED_KW / 60 + 1.0
    assert (surplus_kwh - np.minimum.accumulate(surplus_kwh)).max() <= grace_kwh + 1e-6
    is_measured = result.quality[:, 0] == Quality.MEASURED
    assert (values[is_measured] * 4 <= RATED_KW * RATING_MARGIN_RATIO + 1e-3).all()


@given(wild_registers())
def test_an_interval_that_is_not_whole_is_explained(given_readings):
    """Between the first and the last reading that count, a missing interval touches a span."""
    one, batch = given_readings
    result = energy(batch, one)
    starts_us = EDGES_US[:-1]
    usable = np.isfinite(result.energy_kwh[:, 0])
    missing = np.flatnonzero(result.quality[:, 0] == Quality.MISSING)
    inner = missing[(missing > usable.argmax()) & (missing < len(usable) - 1 - usable[::-1].argmax())]
    for row in inner if usable.any() else []:
        assert any(
            span.start_us < starts_us[row] + QUARTER_US and span.end_us > starts_us[row] for span in result.spans
        )


@given(histories(), st.lists(st.tuples(st.integers(1, 140), st.floats(300, 9000)), max_size=4))
def test_accepted_and_refused_energy_add_up_to_the_difference_of_the_register(history, jumps):
    one, batch, _ = history
    register = batch.column("energy_kwh").copy()
    for row, jump_kwh in jumps:
        register[row:] += jump_kwh
    result = energy(ReadingBatch(batch.meter_ids, batch.meter, batch.ts_us, {"energy_kwh": register}), one)
    refused_kwh = sum(span.energy_kwh for span in result.spans if span.reason is SpanReason.OVER_RATING)
    assert total_kwh(result) + refused_kwh == pytest.approx(register[-1] - register[0], rel=1e-6, abs=1e-3)


@given(histories(), st.floats(0, 1))
def test_a_reset_never_adds_energy_and_is_listed(history, share):
    one, batch, used_kwh = history
    row = 1 + int(share * (len(batch) - 2))
    register = 5 + batch.column("energy_kwh")
    register[row:] -= register[row]
    result = energy(ReadingBatch(batch.meter_ids, batch.meter, batch.ts_us, {"energy_kwh": register}), one)
    assert total_kwh(result) <= used_kwh + 1e-6
    assert {span.reason for span in result.spans} & {SpanReason.RESET, SpanReason.OFF_TRACK}


@given(wild_registers())
def test_a_window_split_at_midnights_gives_what_one_wide_window_gives(given_readings):
    one, batch = given_readings
    wide = energy(batch, one)
    for day in range(DAYS):
        part = energy(batch, one, edges_us=EDGES_US[day * 96 : day * 96 + 97])
        assert part.energy_kwh == pytest.approx(wide.energy_kwh[day * 96 : day * 96 + 96], abs=1e-9, nan_ok=True)
        assert part.quality.tolist() == wide.quality[day * 96 : day * 96 + 96].tolist()


@given(wild_registers(), st.integers(1, 200))
def test_readings_shifted_by_whole_intervals_shift_the_result(given_readings, count):
    one, batch = given_readings
    by_us = count * QUARTER_US
    here = energy(batch, one)
    there = energy(dataclasses.replace(batch, ts_us=batch.ts_us + by_us), one, edges_us=EDGES_US + by_us)
    assert there.energy_kwh == pytest.approx(here.energy_kwh, abs=1e-9, nan_ok=True)
    assert there.quality.tolist() == here.quality.tolist()
    days_us = count * DAYS_US
    later = energy(dataclasses.replace(batch, ts_us=batch.ts_us + days_us), one, edges_us=EDGES_US + days_us)
    assert [(span.start_us - days_us, span.reason) for span in later.spans] == [
        (span.start_us, span.reason) for span in here.spans
    ]


@given(st.data())
def test_disorder_and_doubles_change_nothing(data):
    one, batch, _ = data.draw(histories())
    plain, shuffled = energy(batch, one), energy(data.draw(disordered(batch)), one)
    assert shuffled.energy_kwh == pytest.approx(plain.energy_kwh, nan_ok=True)
    assert shuffled.spans == plain.spans


@given(st.data())
def test_meters_beside_each_other_do_not_touch(data):
    pairs = [data.draw(wild_registers()) for _ in range(3)]
    meters = [one.model_copy(update={"id": f"agency.building.m{number}"}) for number, (one, _) in enumerate(pairs)]
    ids = tuple(one.id for one in reversed(meters))
    batch = ReadingBatch.concat(
        [
            ReadingBatch(ids, np.full(len(batch), 2 - number), batch.ts_us, batch.columns)
            for number, (_, batch) in enumerate(pairs)
        ]
    )
    together = energy(batch, *meters)
    for number, (one, (_, own)) in enumerate(zip(meters, pairs, strict=True)):
        alone = energy(dataclasses.replace(own, meter_ids=(one.id,)), one)
        assert together.energy_kwh[:, number] == pytest.approx(alone.energy_kwh[:, 0], nan_ok=True)
        assert together.quality[:, number].tolist() == alone.quality[:, 0].tolist()


@given(
    st.lists(st.floats(-50, 50), min_size=2, max_size=120), st.floats(0, 1000), st.integers(1, 40), st.integers(1, 90)
)
def test_a_net_register_is_import_less_export(rates_kw, first_kwh, gap_readings, at):
    one = meter(kind=MeterKind.NET, rated_kw=RATED_KW)
    register = first_kwh + np.concatenate(([0.0], np.cumsum(np.array(rates_kw) / 4)))
    batch = readings(one, register, start_us=DAY_US + 7 * MINUTE_US)
    left = batch.take(np.setdiff1d(np.arange(len(batch)), np.arange(at, min(at + gap_readings, len(batch) - 1))))
    taken, fed = energy(left, one), energy(left, one, channel="export")
    assert total_kwh(taken) - total_kwh(fed) == pytest.approx(register[-1] - register[0], abs=1e-6)
    assert (np.nan_to_num(taken.energy_kwh) >= 0).all()
    assert (np.nan_to_num(fed.energy_kwh) >= 0).all()
    assert taken.quality.tolist() == fed.quality.tolist()


@given(st.lists(st.floats(0, 40), min_size=1, max_size=200), st.data())
def test_interval_energies_add_up_whatever_is_lost(energies_kwh, data):
    one = meter(kind=MeterKind.INTERVAL, rated_kw=RATED_KW)
    batch = readings(one, energies_kwh, start_us=DAY_US + DAYS_US // 2)
    enough = min(len(batch), (len(batch) + 1) // 2 + 1)
    sent = np.array(data.draw(st.sets(st.integers(0, len(batch) - 1), min_size=enough).map(sorted)))
    result = energy(batch.take(sent), one)
    assert total_kwh(result) == pytest.approx(np.array(energies_kwh)[sent].sum(), abs=1e-6)
    measured_kwh = result.energy_kwh[result.quality == Quality.MEASURED]
    assert np.isin(np.round(measured_kwh, 6), np.round(energies_kwh, 6)).all()


@given(st.lists(st.floats(-5, 5), max_size=200), st.floats(0, 10))
def test_the_bucket_is_the_walk_made_step_by_step(steps, upper):
    level, expected = 0.0, []
    for step in steps:
        level = min(max(level + step, 0.0), upper)
        expected.append(level)
    assert clipped_walk(np.array(steps), upper).tolist() == pytest.approx(expected, abs=1e-9)


def test_a_typical_profile_is_the_mean_of_measured_quarters_by_weekday():
    """23 November 2026 is a Monday."""
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 50, (14 * 96, 2))
    quality = np.zeros(values.shape, np.uint8)
    quality[5, 0] = Quality.ESTIMATED
    quality[7 :: 7 * 96, 1] = Quality.MISSING
    profile_kw = typical_profile(values, quality, dt.date(2026, 11, 23))
    assert profile_kw.shape == (2, 7, 96)
    assert profile_kw[0, 2, 11] == pytest.approx((values[2 * 96 + 11, 0] + values[9 * 96 + 11, 0]) / 2 * 4)
    assert profile_kw[0, 0, 5] == pytest.approx(values[7 * 96 + 5, 0] * 4)
    assert np.isnan(profile_kw[1, 0, 7])
    assert typical_profile(values, quality, dt.date(2026, 11, 25))[0, 2] == pytest.approx(profile_kw[0, 0])
