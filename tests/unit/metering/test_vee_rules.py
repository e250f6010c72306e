"""What each fault of a meter is taken for: one table a rule, with the values that real meters sent."""

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK, Period, edges, epoch_us
from bkkenergy.metering.gaps import redistribution_kwh
from bkkenergy.metering.rating import learned_resolution_kwh
from bkkenergy.metering.spans import SpanReason
from bkkenergy.metering.vee import validate
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import Quality, ReadingBatch
from tests.builders import DAY_US, QUARTER_US, meter, readings

MEASURED, ESTIMATED, MISSING, _, _, INCOMPLETE = Quality
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
EXCHANGED = pd.Timestamp(DAY_US + 3 * QUARTER_US // 2, unit="us", tz="UTC").to_pydatetime()
EDGES_US = DAY_US + np.arange(97) * QUARTER_US


def energy(batch, *meters, channel="import", max_gap_s=7200, edges_us=EDGES_US):
    return validate(batch, meters, edges_us, channel=channel, max_gap_s=max_gap_s)


def at(of, ts_us, values, field="energy_kwh"):
    ts_us = np.asarray(ts_us, np.int64)
    return ReadingBatch((of.id,), np.zeros(len(ts_us), np.int64), ts_us, {field: np.asarray(values, np.float64)})


def total_kwh(result):
    return float(np.nansum(result.energy_kwh))


def spans(result):
    return [(span.reason, span.energy_kwh) for span in result.spans]


def shaped_kwh(result, profile_kw):
    """Energy with that of gaps dealt out by a profile."""
    gaps = [span for span in result.spans if span.reason is SpanReason.GAP]
    return result.energy_kwh[:, 0] + sum(redistribution_kwh(EDGES_US, gap, profile_kw) for gap in gaps)


def peak_kw(result):
    return float(np.max(result.energy_kwh[result.quality == MEASURED], initial=0.0)) * 4


def count(result, quality):
    return int((result.quality == quality).sum())


@pytest.mark.parametrize(
    ("register", "given", "kwh", "found"),
    [
        pytest.param([10, 12, 15], {}, 5, [], id="growing"),
        pytest.param([10, 10, 10], {}, 0, [], id="standing_still"),
        pytest.param([99_990, 99_998, 3], {"register_digits": 5}, 13, [("rollover", 5)], id="a_wrap_is_counted_through"),
        pytest.param([99_990, 3], {}, 0, [("reset", None)], id="without_a_declared_value_a_wrap_is_unknown"),
        pytest.param([500, 505, 0, 4], {}, 9, [("reset", None)], id="after_a_reset_the_growth_counts"),
        pytest.param([500, 505, 300, 304], {}, 9, [("reset", None)], id="a_fall_to_any_value"),
        pytest.param([500, 90_000, 90_009], {}, 9, [("over_rating", 89_500)], id="a_jump_that_stays_is_refused"),
        pytest.param([500, 505, 0, 509], {}, 9, [("off_track", 4)], id="zero_once"),
        pytest.param([500, 505, 0, 509], {"rated_kw": 5000}, 9, [("off_track", 4)], id="zero_once_where_the_rating_would_allow_the_way_back"),
        pytest.param([500, 505, 0, 0, 509], {}, 9, [("off_track", 4)], id="zero_twice"),
        pytest.param([500, 505, *[0] * 10, 509], {}, 9, [("off_track", 4)], id="zero_ten_times"),
        pytest.param([500, 505, *[0] * 90, 509], {}, 9, [("off_track", 4)], id="zero_for_most_of_a_day"),
        pytest.param([500, 505, 0, 1, 2, 3, 509], {}, 9, [("off_track", 4)], id="counting_from_zero_then_back"),
        pytest.param([500, 90_000, 509], {}, 9, [("off_track", 9)], id="a_spike"),
        pytest.param([500, 90_000, 0, 70_000, 509], {}, 9, [("off_track", 9)], id="garbage_of_several_values"),
        pytest.param([3, 0, 1, 2, 3, 4, 5], {}, 5, [("reset", None)], id="a_young_register_that_began_again_did_not_return"),
        pytest.param([99_998, 0, 99_999], {"register_digits": 5}, 1, [("off_track", 1)], id="a_zero_just_before_the_wrap"),
        pytest.param([1.8e19, 500, 505], {}, 5, [("off_track", None)], id="more_than_any_meter_first"),
        pytest.param([500, 1.8e19, 505], {}, 5, [("off_track", 5)], id="more_than_any_meter"),
        pytest.param([500, np.inf, 505], {}, 5, [("off_track", 5)], id="infinite"),
        pytest.param([500, -np.inf, 505, np.nan], {}, 5, [("off_track", 5)], id="minus_infinite"),
        pytest.param([500, -1, 505], {}, 5, [("off_track", 5)], id="minus_one_after_a_reboot"),
        pytest.param([500, 505, np.inf], {}, 5, [("off_track", None)], id="infinite_last"),
        pytest.param([500, 65_000, 505], {"rollover_kwh": 655.36}, 5, [("off_track", 5)], id="beyond_the_rollover"),
        pytest.param([np.inf, 1.8e19, -1], {}, 0, [("off_track", None)], id="nothing_that_counts"),
        pytest.param([10, 10.42, 0.2, 0.5], {"restarts_at_zero": True}, 0.92, [("restart", 0.2)], id="restarts_at_zero"),
        pytest.param([500, 505, 0, 509], {"restarts_at_zero": True}, 9, [("off_track", 4)], id="a_zero_at_power_up_is_no_restart"),
        pytest.param([500, 505, 300, 304], {"restarts_at_zero": True}, 9, [("reset", None)], id="a_fall_too_high_for_a_restart"),
        pytest.param([215.7, 215.6, 215.8], {}, 0.1, [], id="a_dip_of_the_least_digit"),
        pytest.param([215.7, 215.6, 215.6, 215.6, 215.8], {}, 0.1, [], id="a_dip_that_lasts"),
        pytest.param([215.75, 215.25, 215.75, 216], {"resolution_kwh": 0.5}, 0.25, [], id="a_dip_within_the_declared_resolution"),
        pytest.param([1000, 960, 1000, 1040], {"ct_ratio": 40}, 40, [], id="a_dip_of_one_digit_behind_transformers"),
        pytest.param([215.7, 215.6, 215.5, 215.4], {}, 0, [("reset", None)], id="a_register_that_falls_and_falls_is_not_held"),
        pytest.param([215.7, 215.5, 215.5], {}, 0, [("reset", None)], id="a_fall_of_two_digits_is_no_dip"),
        pytest.param([0], {}, 0, [], id="one_reading"),
        pytest.param([], {}, 0, [], id="none"),
    ],
)  # fmt: skip
def test_what_a_register_does_is_taken_for(register, given, kwh, found):
    one = meter(**({"rated_kw": 100} | given))
    result = energy(readings(one, register), one)
    assert total_kwh(result) == pytest.approx(kwh, abs=1e-9)
    assert [reason for reason, _ in spans(result)] == [reason for reason, _ in found]
    for (_, known_kwh), (_, expected_kwh) in zip(spans(result), found, strict=True):
        assert known_kwh == pytest.approx(np.nan if expected_kwh is None else expected_kwh, nan_ok=True)


def test_a_quarter_with_a_reset_is_missing_and_holds_what_was_counted_before_and_after_it():
    """The register falls in the second quarter-hour; 0.1 kWh of growth before and 0.5 after it are known."""
    one = meter(rated_kw=100, interval_s=180)
    result = energy(readings(one, [10, 10, 10, 10, 10, 10.1, 10.2, 0, 0.2, 0.5, 0.5], step_us=3 * MINUTE_US), one)
    assert result.quality[:2, 0].tolist() == [MEASURED, MISSING]
    assert result.energy_kwh[1, 0] == pytest.approx(0.6)


def test_a_dip_of_the_least_digit_in_each_half_hour_loses_nothing():
    """The register of 71.25 kWh a day with dips of 0.1 kWh, three readings each."""
    one = meter(rated_kw=100, interval_s=300)
    register = 100 + np.floor(np.arange(289) * 71.25 / 288 * 10) / 10
    for start in range(3, 285, 6):
        register[start : start + 3] = np.round(register[start - 1] - 0.1, 1)
    result = energy(readings(one, register, step_us=300 * SECOND_US), one)
    assert total_kwh(result) == pytest.approx(71.2)
    assert count(result, MEASURED) == 96
    assert result.spans == ()


@pytest.mark.parametrize(
    ("values", "multiplier", "kwh"),
    [
        ([215.7, 215.6], 1, 0.1),
        ([1000, 1003], 1, 1),
        ([1000.25, 1000.5], 1, 0.25),
        ([1000.0625, 1000.125], 1, 0.0625),
        ([4000, 4040], 40, 40),
        ([12_345_678.91, 12_345_679.02], 1, 0.01),
        ([np.pi, np.e], 1, 1e-6),
    ],
)
def test_a_resolution_is_learned_from_the_values(values, multiplier, kwh):
    assert learned_resolution_kwh(np.array(values, np.float64), multiplier) == pytest.approx(kwh)


@pytest.mark.parametrize("rollover_kwh", [65.536, 655.36, 42_949_672.96, 4_294_967.296])
def test_a_register_wraps_at_any_declared_value(rollover_kwh):
    one = meter(rated_kw=50, rollover_kwh=rollover_kwh)
    result = energy(readings(one, (rollover_kwh - 20 + 9.0 * np.arange(97)) % rollover_kwh), one)
    wraps = 1 + int((9.0 * 96 - 20) // rollover_kwh)
    assert total_kwh(result) == pytest.approx(9 * 96)
    assert count(result, MEASURED) == 96
    assert [reason for reason, _ in spans(result)] == [SpanReason.ROLLOVER] * wraps


def test_a_wrap_behind_transformers_counts_what_flows():
    one = meter(rated_kw=2000, rollover_kwh=65.536, ct_ratio=40)
    shown = (60 + 5.0 * np.arange(97)) % 65.536
    assert total_kwh(energy(readings(one, shown * 40), one)) == pytest.approx(5 * 96 * 40)


def test_a_gap_in_which_a_register_may_have_wrapped_once_more_is_not_called_known():
    """65.536 kWh behind 50 kW turn in 72 minutes: over six hours the difference is only a lower bound."""
    one = meter(rated_kw=50, rollover_kwh=65.536)
    shown = (3.0 * np.arange(97)) % 65.536
    result = energy(readings(one, shown).take(np.delete(np.arange(97), np.arange(21, 44))), one)
    assert count(result, MISSING) == 24
    assert SpanReason.UNKNOWN in {reason for reason, _ in spans(result)}
    assert total_kwh(result) == pytest.approx(96 * 3 - 65.536)


def test_a_thousand_kwh_in_a_thousand_seconds_behind_a_hundred_kw_is_refused_beyond_the_rating():
    """+1 kWh each second for half an hour would be 3,600 kW."""
    one = meter(rated_kw=100, interval_s=1)
    result = energy(at(one, DAY_US + np.arange(1801) * SECOND_US, 1000 + np.arange(1801.0)), one)
    assert total_kwh(result) == pytest.approx(100 * 1.1 / 2 + 100 / 60 + 1), (
        "rating, grace, and one unit of the register"
    )
    (refused,) = result.spans
    assert refused.reason is SpanReason.OVER_RATING
    assert refused.energy_kwh + total_kwh(result) == pytest.approx(1800)
    assert count(result, MEASURED) == 0


@pytest.mark.parametrize("step_s", [1, 10, 60, 300, 900])
def test_a_load_at_the_rating_is_measured_however_often_it_is_read(step_s):
    one = meter(rated_kw=100, interval_s=step_s)
    register = 100 / 3600 * step_s * np.arange(86_400 // step_s + 1)
    result = energy(readings(one, 1000 + register, step_us=step_s * SECOND_US), one)
    assert total_kwh(result) == pytest.approx(2400)
    assert count(result, MEASURED) == 96
    assert result.spans == ()


def test_whole_kilowatt_hours_read_each_minute_pass_the_rating():
    """A register of whole kWh behind 30 kW jumps by 1 kWh, which would be 60 kW in that minute."""
    one = meter(rated_kw=30, interval_s=60)
    result = energy(readings(one, np.floor(20 / 60 * np.arange(1441)), step_us=MINUTE_US), one)
    assert total_kwh(result) == pytest.approx(480)
    assert result.spans == ()


@pytest.mark.parametrize("away_minutes", [3, 30, 60, 115])
@pytest.mark.parametrize("packed_us", [1, 517, 20_000])
def test_a_backlog_stamped_at_its_arrival_makes_no_peak(away_minutes, packed_us):
    """Truly 10 kW behind 50 kW, a reading a minute, the queue of an outage stamped within milliseconds."""
    one = meter(rated_kw=50, interval_s=60)
    ts_us = DAY_US + np.arange(1441) * MINUTE_US
    queued = np.arange(600, 600 + away_minutes)
    ts_us[queued] = ts_us[600 + away_minutes] - (len(queued) - np.arange(len(queued))) * packed_us - 1
    result = energy(at(one, ts_us, 1000 + np.arange(1441) / 6), one)
    assert total_kwh(result) == pytest.approx(240)
    assert result.energy_kwh.max() * 4 == pytest.approx(10, abs=0.1)
    assert count(result, MISSING) == 0
    if away_minutes > 15:
        assert (SpanReason.GAP, pytest.approx((away_minutes + 1) / 6, abs=0.2)) in spans(result)
        assert count(result, ESTIMATED) > 0


def test_a_backlog_of_a_quarter_hourly_meter_makes_no_peak():
    one = meter(rated_kw=50)
    ts_us = EDGES_US.copy()
    ts_us[40:48] = ts_us[48] - (8 - np.arange(8)) * 4000
    result = energy(at(one, ts_us, 2.5 * np.arange(97)), one)
    assert total_kwh(result) == pytest.approx(240)
    assert peak_kw(result) == pytest.approx(10, abs=1e-3)


def test_a_backlog_that_not_even_the_silence_explains_is_refused():
    one = meter(rated_kw=50, interval_s=60)
    ts_us = DAY_US + np.concatenate((np.arange(10), [70, 70.001, 70.002, 71])) * MINUTE_US
    register = np.concatenate((np.arange(10) / 6, [2, 500, 900, 900.2]))
    result = energy(at(one, ts_us.astype(np.int64), register), one)
    assert SpanReason.OVER_RATING in {reason for reason, _ in spans(result)}
    assert total_kwh(result) == pytest.approx(1.5 + 0.5 + 0.2)


def test_a_backlog_ends_where_readings_are_live_again():
    """After the queue the meter reads every ten seconds: that is measured."""
    one = meter(rated_kw=50, interval_s=60)
    queued = np.arange(1, 31) * 60.0
    live = np.arange(1830, 3700, 10.0)
    stamps_s = np.concatenate(([0.0], 1820 + np.arange(30) / 1000, live))
    register = np.concatenate(([0.0], queued, live)) / 360
    result = energy(at(one, (DAY_US + stamps_s * SECOND_US).astype(np.int64), register), one)
    assert result.quality[:4, 0].tolist() == [ESTIMATED, ESTIMATED, ESTIMATED, MEASURED]
    assert result.energy_kwh[:4, 0].tolist() == pytest.approx([2.5] * 4, abs=0.1)


def test_a_restart_leaves_a_part_unknown():
    one = meter(rated_kw=100, restarts_at_zero=True)
    result = energy(readings(one, [10, 10.42, 0.2, 0.5]), one)
    assert result.quality[:3, 0].tolist() == [MEASURED, MISSING, MEASURED]
    assert result.energy_kwh[:3, 0].tolist() == pytest.approx([0.42, 0.2, 0.3])


@pytest.mark.parametrize(("final_kwh", "initial_kwh"), [(120.0, 0.0), (120.0, 50_000.0), (20.0, 25.0)])
def test_a_restart_after_an_exchange_counts_what_the_register_shows(final_kwh, initial_kwh):
    exchange = {"at": EXCHANGED, "final_kwh": final_kwh, "initial_kwh": initial_kwh}
    one = meter(rated_kw=100, restarts_at_zero=True, exchanges=[exchange])
    after = initial_kwh + np.arange(1, 4)
    result = energy(readings(one, [final_kwh - 2, final_kwh - 1, *after, 0.5, 1.5]), one)
    assert total_kwh(result) == pytest.approx(1 + 2 + 1 + 1 + 0.5 + 1)
    assert (SpanReason.RESTART, 0.5) in spans(result)


@pytest.mark.parametrize("sent_kwh", [0.0, 999_999.0])
def test_readings_that_begin_in_a_night_of_one_value_begin_off_the_track(sent_kwh):
    """A gateway that cannot reach its meter sends one value each night."""
    one = meter(rated_kw=100)
    at_us = DAY_US + np.arange(96 * 5) * QUARTER_US
    register = 5000.0 + np.arange(96 * 5)
    is_night = np.tile(np.isin(np.arange(96), np.r_[0:24, 80:96]), 5)
    edges_us = DAY_US + np.arange(96 * 5 + 1) * QUARTER_US
    result = energy(at(one, at_us, np.where(is_night, sent_kwh, register)), one, edges_us=edges_us)
    by_day = result.energy_kwh.reshape(5, 96)
    assert np.nansum(by_day[1:4]) == pytest.approx(3 * 96)
    assert (result.quality.reshape(5, 96)[1:4, 25:79] == MEASURED).all()


@pytest.mark.parametrize("count", [3, 12])
def test_a_register_that_stands_still_is_not_left_for_readings_of_another_meter(count):
    one = meter(rated_kw=100)
    still, other = [700.0] * 30, [9000.0 + kwh for kwh in range(count)]
    result = energy(readings(one, [*still, *other, *still]), one)
    assert total_kwh(result) == 0
    assert [reason for reason, _ in spans(result)] == ["off_track"]


def test_a_little_more_than_the_rating_fills_the_grace_and_then_is_refused():
    """120 kW behind 100 kW: each minute passes by itself, two hours do not."""
    one = meter(rated_kw=100, interval_s=60)
    result = energy(at(one, DAY_US + np.arange(121) * MINUTE_US, 2.0 * np.arange(121)), one)
    assert spans(result) == [(SpanReason.OVER_RATING, pytest.approx(20 - 100 / 60 - 1))]
    assert total_kwh(result) == pytest.approx(220 + 100 / 60 + 1)


def test_readings_close_together_without_a_silence_are_no_backlog():
    one = meter(rated_kw=50, interval_s=60)
    register = 5 / 3600 * np.arange(7201)
    result = energy(at(one, DAY_US + np.arange(7201) * SECOND_US, register), one)
    assert result.quality[:8, 0].tolist() == [MEASURED] * 8


def test_an_interval_above_the_rating_counts_and_is_no_peak():
    """Within the grace of one window: energy, but no demand."""
    one = meter(rated_kw=100)
    register = np.concatenate(([0.0], np.cumsum([20, 28.5, 20, 20])))
    result = energy(readings(one, register), one)
    assert result.quality[:4, 0].tolist() == [MEASURED, ESTIMATED, MEASURED, MEASURED]
    assert total_kwh(result) == pytest.approx(88.5)


def test_a_spike_is_judged_by_the_rating_and_not_by_the_mean():
    """A pump that stands still for a day and then takes all that it may is measured."""
    one = meter(rated_kw=100)
    register = np.concatenate((np.full(90, 7.0), 7 + 25.0 * np.arange(1, 8)))
    result = energy(readings(one, register), one)
    assert (count(result, MEASURED), peak_kw(result)) == (96, pytest.approx(100))


def test_a_declared_exchange_is_counted_across_and_listed():
    swap = {"at": "2026-11-23T00:20:00+07:00", "final_kwh": 507.0, "initial_kwh": 1.0}
    one = meter(rated_kw=100, exchanges=[swap])
    result = energy(readings(one, [500, 505, 4, 6]), one)
    assert total_kwh(result) == pytest.approx(5 + 2 + 3 + 2)
    assert spans(result) == [(SpanReason.EXCHANGE, pytest.approx(5))]
    assert result.quality[:3, 0].tolist() == [MEASURED] * 3


def test_an_exchange_states_what_the_meters_show_behind_transformers():
    exchange = {"at": EXCHANGED, "final_kwh": 1001.5, "initial_kwh": 3.0}
    one = meter(rated_kw=1000, ct_ratio=40, exchanges=[exchange])
    result = energy(readings(one, np.array([1000.0, 1001.0, 3.5, 4.0]) * 40), one)
    assert total_kwh(result) == pytest.approx((1.5 + 1.0) * 40)


def test_transformers_that_are_exchanged_leave_what_flowed_before_as_it_was():
    """The counter goes on; what it shows is worth half from then on."""
    exchange = {"at": EXCHANGED, "final_kwh": 60_001.0, "initial_kwh": 60_001.0, "previous_ct_ratio": 200.0}
    one = meter(rated_kw=1000, register_digits=5, ct_ratio=100, exchanges=[exchange])
    sent = [60_000.0 * 200, 60_001.0 * 200, 60_001.5 * 100, 60_002.0 * 100]
    result = energy(readings(one, sent), one)
    assert total_kwh(result) == pytest.approx(1.0 * 200 + 1.0 * 100)


def test_another_transformer_ratio_takes_nothing_from_what_flowed_before():
    one = meter(rated_kw=1000, register_digits=5, ct_ratio=100)
    sent = [60_000.0 * 200, 60_001.0 * 200, 60_001.5 * 100, 60_002.0 * 100]
    result = energy(readings(one, sent), one)
    assert total_kwh(result) == pytest.approx(1.0 * 200 + 0.5 * 100)
    assert (SpanReason.RESET, pytest.approx(np.nan, nan_ok=True)) in spans(result)


def test_an_exchange_states_nothing_of_the_export_register():
    swap = {"at": "2026-11-23T00:20:00+07:00", "final_kwh": 507.0, "initial_kwh": 1.0}
    one = meter(rated_kw=100, exchanges=[swap])
    result = energy(readings(one, [50, 55, 57, 61], field="export_kwh"), one, channel="export")
    assert total_kwh(result) == pytest.approx(5 + 4)
    assert result.quality[:3, 0].tolist() == [MEASURED, MISSING, MEASURED]
    assert spans(result) == [(SpanReason.EXCHANGE, pytest.approx(np.nan, nan_ok=True))]


def test_a_net_register_runs_both_ways():
    one = meter(kind=MeterKind.NET, rated_kw=100)
    register = -20 + np.concatenate(([0.0], np.cumsum([5, 5, -3, -8, 2])))
    taken, fed = energy(readings(one, register), one), energy(readings(one, register), one, channel="export")
    assert taken.energy_kwh[:5, 0].tolist() == [5, 5, 0, 0, 2]
    assert fed.energy_kwh[:5, 0].tolist() == [0, 0, 3, 8, 0]
    assert taken.quality[:5, 0].tolist() == [MEASURED] * 5
    assert taken.spans == ()


@pytest.mark.parametrize(
    ("register", "reason"),
    [([0, 5, 500, 505], "over_rating"), ([0, 5, -500, -505], "reset"), ([0, 5, 500, 0], "off_track")],
)
def test_the_rating_of_a_net_register_holds_in_both_directions(register, reason):
    one = meter(kind=MeterKind.NET, rated_kw=100)
    taken, fed = energy(readings(one, register), one), energy(readings(one, register), one, channel="export")
    assert total_kwh(taken) + total_kwh(fed) == pytest.approx(10 if reason != "off_track" else 5 + 5)
    assert [span.reason for span in taken.spans] == [reason]


def test_export_is_read_from_its_own_register():
    one = meter(rated_kw=100)
    batch = at(one, EDGES_US, 5.0 * np.arange(97))
    both = ReadingBatch(batch.meter_ids, batch.meter, batch.ts_us, {**batch.columns, "export_kwh": 2.0 * np.arange(97)})
    assert total_kwh(energy(both, one)) == pytest.approx(480)
    assert total_kwh(energy(both, one, channel="export")) == pytest.approx(192)
    assert count(energy(batch, one, channel="export"), MISSING) == 96


def test_a_channel_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="Use one of: import, export"):
        energy(ReadingBatch.empty(), channel="heat")


@pytest.mark.parametrize(
    ("declared_s", "step_s", "kwh"),
    [(900, 900, 5.0), (900, 3600, 20.0), (3600, 900, 5.0), (60, 900, 5.0), (900, 300, 5 / 3)],
)
def test_the_interval_of_an_interval_meter_is_read_from_its_stamps(declared_s, step_s, kwh):
    """Whatever was declared, no energy is multiplied and none is lost."""
    one = meter(kind=MeterKind.INTERVAL, rated_kw=100, interval_s=declared_s)
    batch = readings(
        one, np.full(86_400 // step_s, kwh), start_us=DAY_US + step_s * SECOND_US, step_us=step_s * SECOND_US
    )
    result = energy(batch, one)
    assert result.energy_kwh[:, 0].tolist() == pytest.approx([5.0] * 96)
    assert count(result, MISSING) == 0
    is_coarser = step_s > max(declared_s, 900)
    assert count(result, ESTIMATED if is_coarser else MEASURED) == 96


def test_a_hole_among_intervals_is_missing_and_listed():
    one = meter(kind=MeterKind.INTERVAL, rated_kw=100)
    batch = readings(one, np.full(96, 5.0), start_us=DAY_US + QUARTER_US).take(np.delete(np.arange(96), [40, 41]))
    result = energy(batch, one)
    assert np.flatnonzero(result.quality[:, 0] == MISSING).tolist() == [40, 41]
    assert np.isnan(result.energy_kwh[[40, 41], 0]).all()
    assert total_kwh(result) == pytest.approx(94 * 5)
    assert spans(result) == [(SpanReason.UNKNOWN, pytest.approx(np.nan, nan_ok=True))]


def test_an_uplink_sent_twice_with_another_stamp_does_not_count_twice():
    """The retransmission 48 seconds later repeats the energy of the same quarter-hour."""
    one = meter(kind=MeterKind.INTERVAL, rated_kw=100)
    batch = readings(one, np.full(96, 5.0), start_us=DAY_US + QUARTER_US)
    again = at(one, batch.ts_us[50:51] + 48 * SECOND_US, [5.0])
    result = energy(ReadingBatch.concat([batch, again]), one)
    assert total_kwh(result) == pytest.approx(480 + 5 * 48 / 900)
    assert (SpanReason.UNKNOWN, pytest.approx(5 * 852 / 900)) in spans(result)


def test_an_interval_meter_may_change_its_pace():
    one = meter(kind=MeterKind.INTERVAL, rated_kw=100)
    slow_us, fast_us = EDGES_US[1:74], EDGES_US[73] + np.arange(1, 70) * 5 * MINUTE_US
    batch = at(one, np.concatenate((slow_us, fast_us)), [5.0] * 73 + [5 / 3] * 69)
    result = energy(batch, one)
    assert result.energy_kwh[:, 0].tolist() == pytest.approx([5.0] * 96)
    assert count(result, MEASURED) == 96


def test_an_interval_meter_that_loses_every_second_reading_is_not_taken_for_a_slower_one():
    one = meter(kind=MeterKind.INTERVAL, rated_kw=100)
    sent = np.concatenate(([0], np.arange(1, 96, 2)))
    batch = readings(one, np.full(96, 5.0), start_us=DAY_US + QUARTER_US).take(sent)
    result = energy(batch, one)
    assert total_kwh(result) == pytest.approx(49 * 5)
    assert (count(result, MEASURED), count(result, MISSING)) == (49, 47)


@pytest.mark.parametrize("days", [1, 3, 9])
def test_an_interval_meter_that_changes_to_hours_makes_no_peak(days):
    """Whatever else is computed with it, an hour's energy flowed in that hour."""
    one = meter(kind=MeterKind.INTERVAL, rated_kw=100)
    slow_us = DAY_US + np.arange(1, 97) * 4 * QUARTER_US
    fast_us = DAY_US - np.arange(96 * days)[::-1] * QUARTER_US
    kwh = [5.0] * len(fast_us) + [20.0] * len(slow_us)
    edges_us = DAY_US + np.arange(96 * 4 + 1) * QUARTER_US
    result = energy(at(one, np.concatenate((fast_us, slow_us)), kwh), one, edges_us=edges_us)
    assert result.energy_kwh[:, 0].tolist() == pytest.approx([5.0] * 96 * 4)
    assert count(result, ESTIMATED) == 96 * 4


def test_stamps_of_an_interval_meter_may_jitter():
    one = meter(kind=MeterKind.INTERVAL, rated_kw=100)
    jitter_us = np.random.default_rng(3).integers(-4, 5, 96) * SECOND_US
    result = energy(at(one, EDGES_US[1:] + jitter_us, np.full(96, 5.0)), one)
    assert count(result, MEASURED) >= 94
    assert total_kwh(result) == pytest.approx(480, abs=0.1)


@pytest.mark.parametrize("bad_kwh", [9000.0, np.inf, -1.0, 1.8e19])
def test_an_interval_that_cannot_be_is_refused_and_listed(bad_kwh):
    one = meter(kind=MeterKind.INTERVAL, rated_kw=100)
    energies_kwh = np.full(96, 5.0)
    energies_kwh[50] = bad_kwh
    result = energy(readings(one, energies_kwh, start_us=DAY_US + QUARTER_US), one)
    assert np.flatnonzero(result.quality[:, 0] == MISSING).tolist() == [50]
    assert total_kwh(result) == pytest.approx(95 * 5)
    assert {reason for reason, _ in spans(result)} <= {SpanReason.OVER_RATING, SpanReason.OFF_TRACK, SpanReason.UNKNOWN}
    assert result.spans


def test_power_is_integrated_and_not_across_a_long_silence():
    one = meter(kind=MeterKind.POWER, rated_kw=100)
    batch = at(one, EDGES_US, np.full(97, 20.0), "power_kw").take(np.delete(np.arange(97), np.arange(41, 60)))
    result = energy(batch, one)
    assert np.flatnonzero(result.quality[:, 0] == MISSING).tolist() == list(range(40, 60))
    assert total_kwh(result) == pytest.approx(76 * 5)
    assert [reason for reason, _ in spans(result)] == [SpanReason.UNKNOWN]


def test_power_fed_back_is_none_drawn():
    one = meter(kind=MeterKind.POWER, rated_kw=100)
    assert total_kwh(energy(at(one, EDGES_US, np.full(97, -20.0), "power_kw"), one)) == 0


def test_only_spans_that_touch_the_window_are_given():
    one = meter(rated_kw=100)
    edges_us = DAY_US + np.arange(3 * 96 + 1) * QUARTER_US
    batch = at(one, edges_us, 5.0 * np.arange(len(edges_us))).take(np.delete(np.arange(289), np.arange(91, 102)))
    days = [energy(batch, one, edges_us=edges_us[day * 96 : day * 96 + 97]) for day in range(3)]
    assert [spans(day) for day in days] == [[(SpanReason.GAP, 60)], [(SpanReason.GAP, 60)], []]
    assert spans(energy(batch, one, edges_us=EDGES_US - 96 * QUARTER_US)) == []


def test_a_spike_of_power_is_set_aside():
    one = meter(kind=MeterKind.POWER, rated_kw=100)
    power_kw = np.full(97, 20.0)
    power_kw[50] = 5000
    result = energy(at(one, EDGES_US, power_kw, "power_kw"), one)
    assert np.flatnonzero(result.quality[:, 0] == ESTIMATED).tolist() == [49, 50]
    assert total_kwh(result) == pytest.approx(480)
    assert spans(result) == [(SpanReason.OFF_TRACK, pytest.approx(10))]


def test_a_weather_station_has_no_energy():
    station = meter(kind=MeterKind.WEATHER)
    assert count(energy(at(station, EDGES_US, np.ones(97), "ghi_wm2"), station), MISSING) == 96


def test_the_running_interval_is_incomplete_and_holds_what_is_known_of_it():
    one = meter(rated_kw=100, interval_s=300)
    result = energy(readings(one, 1000 + 1.0 * np.arange(32), step_us=5 * MINUTE_US), one)
    assert result.quality[:, 0].tolist() == [MEASURED] * 10 + [INCOMPLETE] * 86
    assert result.energy_kwh[10, 0] == pytest.approx(1.0)
    assert np.isnan(result.energy_kwh[11:, 0]).all()


def test_before_the_first_reading_nothing_is_known():
    one = meter(rated_kw=100)
    result = energy(readings(one, 5.0 * np.arange(90), start_us=DAY_US + 10 * QUARTER_US + 6 * MINUTE_US), one)
    assert result.quality[:12, 0].tolist() == [MISSING] * 11 + [MEASURED]
    assert np.isnan(result.energy_kwh[:10, 0]).all()
    assert result.energy_kwh[10, 0] == pytest.approx(3.0)


def test_a_gap_takes_the_shape_of_the_profile():
    """Six hours without a reading, of which the profile knows one hour of load."""
    one = meter(rated_kw=100)
    profile_kw = np.zeros((7, 96))
    profile_kw[0, 48:52] = 60.0
    batch = at(one, EDGES_US, 5.0 * np.arange(97)).take(np.delete(np.arange(97), np.arange(41, 64)))
    result = energy(batch, one)
    assert shaped_kwh(result, profile_kw)[40:64].tolist() == pytest.approx([0.0] * 8 + [30.0] * 4 + [0.0] * 12)
    assert result.quality[40:64, 0].tolist() == [ESTIMATED] * 24
    assert spans(result) == [(SpanReason.GAP, pytest.approx(120))]


def test_what_a_profile_does_not_know_of_a_weekday_it_takes_from_the_others():
    one = meter(rated_kw=100)
    profile_kw = np.full((7, 96), np.nan)
    profile_kw[3] = 10.0
    profile_kw[3, 48:52] = 100.0
    batch = at(one, EDGES_US, 5.0 * np.arange(97)).take(np.delete(np.arange(97), np.arange(41, 64)))
    values = shaped_kwh(energy(batch, one), profile_kw)[40:64]
    assert values[8:12] / values[0] == pytest.approx([10.0] * 4)
    assert values.sum() == pytest.approx(120)


def test_a_short_gap_is_a_straight_line():
    one = meter(rated_kw=100)
    batch = at(one, EDGES_US, 5.0 * np.arange(97)).take(np.delete(np.arange(97), [40, 41, 42]))
    result = energy(batch, one)
    assert np.flatnonzero(result.quality[:, 0] == ESTIMATED).tolist() == [39, 40, 41, 42]
    assert result.energy_kwh[:, 0].tolist() == pytest.approx([5.0] * 96)


def test_a_lost_minute_inside_a_quarter_leaves_it_measured():
    """The registers on both sides of it lie in the quarter-hour: its energy is known."""
    one = meter(rated_kw=100, interval_s=60)
    batch = readings(one, np.arange(1441) / 6, step_us=MINUTE_US)
    assert count(energy(batch.take(np.delete(np.arange(1441), [607, 608])), one), MEASURED) == 96
    assert count(energy(batch.take(np.delete(np.arange(1441), [615])), one), ESTIMATED) == 2


def test_the_two_truths_are_one():
    """Four silences of six hours over midnight in a month: the register moved by 29,760 kWh."""
    one = meter(rated_kw=100)
    month = epoch_us(edges(Period.month(2026, 10), "15min"))
    ts_us = np.concatenate((month[:1] - QUARTER_US, month))
    register = 1000 + 10.0 * np.arange(len(ts_us))
    local = pd.to_datetime(ts_us, unit="us", utc=True).tz_convert(BANGKOK)
    silent = np.zeros(len(ts_us), np.bool_)
    for day in (5, 12, 19, 26):
        start = pd.Timestamp(2026, 10, day, 21, 5, tz=BANGKOK)
        silent |= (local >= start) & (local < start + pd.Timedelta(hours=6))
    result = energy(at(one, ts_us[~silent], register[~silent]), one, edges_us=month)
    assert register[-1] - register[1] == 29_760
    assert total_kwh(result) == pytest.approx(29_760)
    assert np.isfinite(result.energy_kwh).all()
    assert count(result, ESTIMATED) == 4 * 25
    assert spans(result) == [(SpanReason.GAP, pytest.approx(250))] * 4


def test_what_goes_wrong_all_day_is_listed_once_a_day():
    """A register that runs backwards, and a rating declared far too low."""
    one = meter(rated_kw=1)
    edges_us = DAY_US + np.arange(193) * QUARTER_US
    falling, rising = at(one, edges_us, 5000 - 7.5 * np.arange(193)), at(one, edges_us, 7.5 * np.arange(193))
    assert [reason for reason, _ in spans(energy(falling, one, edges_us=edges_us))] == [SpanReason.RESET] * 2
    found = energy(rising, one, edges_us=edges_us)
    assert spans(found) == [(SpanReason.OVER_RATING, pytest.approx(720))] * 2
    assert np.isnan(found.energy_kwh).all()


def test_a_meter_without_readings_is_missing():
    one, other = meter(), meter("other")
    result = energy(at(one, EDGES_US, 5.0 * np.arange(97)), one, other)
    assert np.isnan(result.energy_kwh[:, 1]).all()
    assert (result.quality[:, 1] == MISSING).all()
    assert energy(ReadingBatch.empty(("x",)), other).quality.shape == (96, 1)


def test_beside_a_day_without_readings_between_nights_of_one_value_each_day_has_its_energy():
    """The register falls to 0 for more than a day: a reset, after which each living day was set aside."""
    one = meter(rated_kw=600)
    at_us = np.arange(10 * 96) * QUARTER_US
    register = 1000 + np.cumsum(np.full(len(at_us), 2.0))
    is_sent = np.ones(len(at_us), np.bool_)
    is_sent[3 * 96 : 4 * 96] = False
    is_night = np.tile(np.isin(np.arange(96), np.r_[0:24, 80:96]), 10)
    values_kwh = np.where(is_night, 0.0, register)[is_sent]
    result = energy(at(one, at_us[is_sent], values_kwh), one, edges_us=np.arange(10 * 96 + 1) * QUARTER_US)
    by_day = np.nansum(result.energy_kwh[:, 0].reshape(-1, 96), axis=1)
    assert by_day[1:9].tolist() == pytest.approx([192] * 8)
