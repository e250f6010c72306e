"""The board of meters: a silent meter is silent, whatever its gateway's clock said when it last sent."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.ingest.meterboard import MeterState, board_row, in_order
from bkkenergy.ingest.status import MeterStatus
from bkkenergy.library.packaged import demonstration

METER = demonstration().meters[0]
NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)


def row(hours=0.1, coverage_ratio=1.0, skew_s=5.0, *, silent_h=3.0, behind_s=0.0, meter=METER):
    last = None if hours is None else NOW - dt.timedelta(hours=hours)
    status = MeterStatus(meter.id, last, coverage_ratio, skew_s, ())
    return board_row(meter, status, now=NOW, silent_h=silent_h, behind_s=behind_s)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, MeterState.OK),
        ({"hours": None, "skew_s": None, "coverage_ratio": 0.0}, MeterState.NEVER),
        ({"hours": 24, "coverage_ratio": 0.8, "skew_s": 87_563.0}, MeterState.SILENT),
        ({"hours": 24, "skew_s": -600.0}, MeterState.SILENT),
        ({"hours": 3.1}, MeterState.SILENT),
        ({"hours": 2.9}, MeterState.OK),
        ({"hours": 5, "silent_h": 6}, MeterState.OK),
        ({"skew_s": 87_563.0}, MeterState.CLOCK),
        ({"skew_s": -61.0}, MeterState.CLOCK),
        ({"skew_s": -59.0}, MeterState.OK),
        ({"skew_s": -600.0, "behind_s": 600.0}, MeterState.OK),
        ({"coverage_ratio": 0.89}, MeterState.POOR),
        ({"coverage_ratio": None}, MeterState.OK),
        ({"coverage_ratio": 0.2, "skew_s": None}, MeterState.POOR),
    ],
)
def test_a_meter_has_the_worst_state_that_holds(given, state):
    assert row(**given).state is state


def test_a_meter_that_reports_once_a_day_is_not_silent_after_three_hours():
    daily = METER.model_copy(update={"interval_s": 86_400})
    assert row(30, meter=daily).state is MeterState.OK
    assert row(73, meter=daily).state is MeterState.SILENT


@given(st.floats(3.5, 1e4), st.floats(-1e7, 1e7), st.floats(0, 1))
def test_no_clock_is_blamed_for_silence(hours, skew_s, coverage_ratio):
    silent = row(hours, coverage_ratio, skew_s)
    assert silent.state is MeterState.SILENT
    assert silent.off_s is None
    assert silent.since == NOW - dt.timedelta(hours=hours)


def test_the_longest_silence_comes_first_and_what_is_well_last():
    rows = [row(), row(5), row(50), row(None), row(coverage_ratio=0.1), row(skew_s=1e5)]
    assert [(one.state.value, one.since and round((NOW - one.since).total_seconds() / 3600)) for one in in_order(rows)] == [
        ("never", None), ("silent", 50), ("silent", 5), ("clock", None), ("poor", None), ("ok", None),
    ]  # fmt: skip
