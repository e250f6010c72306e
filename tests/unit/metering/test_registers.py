"""A falling register has several causes; the table shows what each is taken for."""

import numpy as np
import pytest

from bkkenergy.metering.frames import limits_of
from bkkenergy.metering.registers import growing_intervals, growing_register, integrated_power
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import Quality, ReadingBatch
from tests.builders import DAY_US, QUARTER_US, meter, readings

MEASURED, ESTIMATED, MISSING, RESET, *_ = Quality


def grown(register, **given):
    one = meter(**({"register_digits": 5, "rated_kw": 100} | given))
    return growing_register(readings(one, register), limits_of([one]))


@pytest.mark.parametrize(
    ("register", "kwh", "quality"),
    [
        pytest.param([10, 12, 15], 5, [MEASURED, MEASURED, MEASURED], id="growing"),
        pytest.param([10, 10, 10], 0, [MEASURED, MEASURED, MEASURED], id="standing_still"),
        pytest.param([99_990, 99_998, 3], 13, [MEASURED, MEASURED, MEASURED], id="rollover_is_counted_through"),
        pytest.param([500, 505, 0, 4], 9, [MEASURED, MEASURED, RESET, MEASURED], id="reset_is_unknown_not_energy"),
        pytest.param([500, 505, 300, 304], 9, [MEASURED, MEASURED, RESET, MEASURED], id="fall_to_any_value_is_unknown"),
        pytest.param([500, 505, 0, 509], 9, [MEASURED, MEASURED, ESTIMATED], id="one_zero_after_a_reboot_is_set_aside"),
        pytest.param([215.7, 215.6, 215.8], 0.1, [MEASURED, ESTIMATED], id="a_dip_is_set_aside"),
        pytest.param([500, 90_000, 509], 9, [MEASURED, ESTIMATED], id="a_spike_is_set_aside"),
        pytest.param([500, 90_000, 90_009], 9, [MEASURED, RESET, MEASURED], id="a_jump_beyond_the_rating_is_unknown"),
        pytest.param([500], 0, [MEASURED], id="one_reading"),
        pytest.param([], 0, [], id="none"),
    ],
)  # fmt: skip
def test_what_a_register_does_is_taken_for(register, kwh, quality):
    result = grown(register)
    assert result.quality.tolist() == quality
    energy_kwh = result.energy_kwh[-1] - result.energy_kwh[0] if len(result) else 0
    assert energy_kwh == pytest.approx(kwh)


def test_without_declared_digits_a_wrap_is_unknown():
    assert grown([99_990, 3], register_digits=None).quality.tolist() == [MEASURED, RESET]


def test_a_declared_exchange_is_counted_across():
    swap = {"at": "2026-11-23T00:20:00+07:00", "final_kwh": 507.0, "initial_kwh": 1.0}
    one = meter(rated_kw=100, exchanges=[swap])
    result = growing_register(
        readings(one, [500, 505, 4]), limits_of([one]), exchanges=[(0, DAY_US + 20 * 60 * 10**6, 507.0, 1.0)]
    )
    assert result.energy_kwh[-1] - result.energy_kwh[0] == pytest.approx(505 - 500 + (507 - 505) + (4 - 1))
    assert result.quality.tolist() == [MEASURED] * 3


def test_meters_beside_each_other_do_not_touch():
    a, b = meter("a", register_digits=5), meter("b", register_digits=5)
    batch = ReadingBatch(
        (a.id, b.id),
        np.array([1, 0, 1, 0]),
        np.array([1, 0, 0, 1]) * QUARTER_US,
        {"energy_kwh": np.array([7.0, 100.0, 5.0, 130.0])},
    )
    result = growing_register(batch, limits_of([a, b]))
    assert result.meter.tolist() == [0, 0, 1, 1]
    assert np.diff(result.energy_kwh)[[0, 2]].tolist() == [30.0, 2.0]
    assert set(result.quality) == {MEASURED}


def test_disorder_and_doubles_change_nothing():
    rng = np.random.default_rng(1)
    batch = readings(meter(), np.cumsum(rng.random(50)))
    shuffled = batch.take(rng.permutation(np.repeat(np.arange(50), 2)))
    limits = limits_of([meter()])
    assert growing_register(shuffled, limits).energy_kwh.tolist() == growing_register(batch, limits).energy_kwh.tolist()


def intervals(energy_kwh, places, *, max_gap_s=7200):
    one = meter(kind=MeterKind.INTERVAL)
    batch = ReadingBatch(
        (one.id,),
        np.zeros(len(places), np.int64),
        np.array(places) * QUARTER_US,
        {"energy_kwh": np.array(energy_kwh, float)},
    )
    return growing_intervals(batch, limits_of([one]), max_gap_s=max_gap_s)


def test_interval_energies_add_up():
    result = intervals([5, 6, 7], [1, 2, 3])
    assert result.ts_us.tolist() == [0, QUARTER_US, 2 * QUARTER_US, 3 * QUARTER_US]
    assert result.energy_kwh.tolist() == [0, 5, 11, 18]


def test_a_short_hole_among_intervals_is_filled_at_the_power_beside_it():
    result = intervals([4, 8], [1, 3])
    assert result.energy_kwh[-1] - result.energy_kwh[0] == pytest.approx(4 + 6 + 8)
    assert result.quality.tolist() == [MEASURED, MEASURED, ESTIMATED, MEASURED]


def test_a_long_hole_among_intervals_is_missing():
    result = intervals([4, 8], [1, 40])
    assert result.quality.tolist() == [MEASURED, MEASURED, MISSING, MEASURED]
    assert result.energy_kwh[-1] - result.energy_kwh[0] == pytest.approx(12)


def test_an_interval_beyond_the_rating_is_unknown():
    assert intervals([4, 9000, 8], [1, 2, 3]).quality.tolist() == [MEASURED, MEASURED, RESET, MEASURED]


def test_power_is_integrated_by_straight_lines_and_not_across_a_long_silence():
    one = meter(kind=MeterKind.POWER)
    batch = ReadingBatch(
        (one.id,),
        np.zeros(4, np.int64),
        np.array([0, 1, 2, 50]) * QUARTER_US,
        {"power_kw": np.array([10.0, 20.0, 20.0, 20.0])},
    )
    result = integrated_power(batch, max_gap_s=7200)
    assert result.energy_kwh.tolist() == pytest.approx([0, 3.75, 8.75, 8.75])
    assert result.quality.tolist() == [MEASURED, MEASURED, MEASURED, MISSING]
