"""Checks of a meter on site: what is good, what is doubtful, and what cannot be known."""

import ast
import datetime as dt

import numpy as np
import pytest

from bkkenergy.i18n import Words, catalogue
from bkkenergy.library.packaged import demonstration
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import ReadingBatch
from bkkenergy.usecases.meterchecks import MeterFacts, Verdict, check_meter
from bkkenergy.usecases.meterchecktexts import check_text
from tests.conftest import ROOT

NOW = dt.datetime(2026, 11, 27, 5, 0, tzinfo=dt.UTC)
METER = (
    demonstration()
    .meters[0]
    .model_copy(
        update={"rated_kw": 100.0, "interval_s": 900, "kind": MeterKind.REGISTER, "ct_ratio": 1.0, "vt_ratio": 1.0}
    )
)


def facts(*, count=25, meter=METER, last_s=60.0, columns=None, **given):
    """A meter that has sent every quarter of an hour until a minute ago: 40 kW, and a register that grows by it."""
    stamps_s = NOW.timestamp() - last_s - np.arange(count)[::-1] * 900.0
    powers = {"power_kw": np.full(count, 40.0), "energy_kwh": 1000 + 10.0 * np.arange(count)}
    every = {
        name: np.broadcast_to(np.asarray(column, dtype=float), count)
        for name, column in (powers | (columns or {})).items()
    }
    batch = ReadingBatch((meter.id,), np.zeros(count, np.int64), (stamps_s * 1e6).astype(np.int64), every)
    seen = NOW - dt.timedelta(seconds=last_s) if count else None
    return MeterFacts(
        **{"meter": meter, "now": NOW, "readings": batch, "window_s": 21_600.0, "last_seen": seen} | given
    )


def found(of, name):
    """The verdict and the reason of a check."""
    return next((check.verdict.value, check.reason) for check in check_meter(of) if check.name == name)


def three_phases(power_kw, amps=(60.0, 60.0, 60.0), volts=(230.0, 230.0, 230.0)):
    columns = {"power_kw": power_kw}
    columns |= {f"voltage_l{phase}_v": volt for phase, volt in enumerate(volts, 1)}
    return columns | {f"current_l{phase}_a": amp for phase, amp in enumerate(amps, 1)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("good", "came")),
        ({"count": 0}, ("doubtful", "never")),
        ({"last_s": 2_701.0}, ("doubtful", "late")),
        ({"last_s": 2_699.0}, ("good", "came")),
        ({"refused": {"not_decoded": 2}}, ("doubtful", "refused")),
    ],
)
def test_a_message_has_come_or_what_is_wrong_is_said(given, expected):
    assert found(facts(**given), "message") == expected


@pytest.mark.parametrize(
    ("columns", "given", "expected"),
    [
        ({}, {}, ("good", "positive")),
        ({"power_kw": -40.0}, {}, ("doubtful", "negative")),
        ({"power_kw": -40.0}, {"has_pv": True}, ("unknown", "may_feed_back")),
        ({"power_kw": -40.0}, {"meter": METER.model_copy(update={"pv": True})}, ("doubtful", "pv_negative")),
        ({"power_kw": 0.1, "energy_kwh": 5.0}, {}, ("unknown", "no_load")),
        ({"power_kw": np.nan, "energy_kwh": 5.0}, {}, ("unknown", "no_power")),
        ({"power_kw": np.nan}, {}, ("good", "positive")),
        ({"power_kw": np.nan, "energy_kwh": 5.0, "export_kwh": np.arange(25.0)}, {}, ("doubtful", "negative")),
        ({"power_kw": 0.1, "energy_kwh": 5.0, "export_kwh": np.arange(25.0)}, {}, ("doubtful", "negative")),
        ({"energy_kwh": 100 - np.arange(25.0)}, {"meter": METER.model_copy(update={"kind": MeterKind.NET})}, ("doubtful", "negative")),
    ],
)  # fmt: skip
def test_energy_that_flows_backwards_is_doubtful_unless_pv_may_do_it(columns, given, expected):
    assert found(facts(columns=columns, **given), "sign") == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, ("unknown", "no_phases")),
        ({"voltage_l1_v": 230.0}, ("unknown", "one_phase")),
        (three_phases(40.0), ("good", "phases_fit")),
        (three_phases(-40.0), ("good", "phases_fit")),  # all three turned round: the direction says so
        (three_phases(40.0 / 3), ("doubtful", "phases_mixed")),  # one CT turned round
        (three_phases(0.5), ("doubtful", "phases_mixed")),  # two exchanged
        (three_phases(24.0), ("unknown", "phases_unsure")),
        (three_phases(80.0), ("doubtful", "power_beyond")),
        (three_phases(40.0, volts=(230.0, 3.0, 230.0)), ("doubtful", "phase_dead")),
        (three_phases(0.0, volts=(0.0, 0.0, 0.0)), ("doubtful", "phase_dead")),
        (three_phases(27.0, amps=(60.0, 0.0, 60.0)), ("unknown", "phase_idle")),
        (three_phases(0.0, amps=(0.0, 0.0, 0.0)), ("unknown", "no_current")),
        (three_phases(40.0, volts=(400.0, 400.0, 400.0)), ("good", "phases_fit")),  # between the lines
        ({f"voltage_l{n}_v": 230.0 for n in (1, 2, 3)}, ("unknown", "no_currents")),
    ],
)
def test_each_current_belongs_to_its_voltage_or_it_is_said_why_not(columns, expected):
    assert found(facts(columns=columns), "phases") == expected


def test_volts_and_amperes_of_the_secondary_side_are_multiplied_by_the_ratios():
    behind_ct = METER.model_copy(update={"ct_ratio": 40.0})
    assert found(facts(meter=behind_ct, columns=three_phases(40.0, amps=(1.5,) * 3)), "phases")[0] == "good"
    assert found(facts(columns=three_phases(40.0, amps=(1.5,) * 3)), "phases") == ("doubtful", "power_beyond")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("unknown", "nothing_beside")),
        ({"capacity_kva": 315.0}, ("unknown", "only_transformer")),
        ({"capacity_kva": 30.0}, ("doubtful", "above_transformer")),
        ({"refused": {"power_out_of_range": 1}, "bill_kw": 40.0, "mean_kw": 40.0, "measured_h": 150.0}, ("doubtful", "above_rated")),
        ({"bill_kw": 40.0}, ("unknown", "too_soon")),
        ({"bill_kw": 40.0, "mean_kw": 60.0, "measured_h": 150.0}, ("good", "like_bill")),
        ({"bill_kw": 40.0, "mean_kw": 84.0, "measured_h": 150.0}, ("doubtful", "unlike_bill")),  # a CT of twice the ratio
        ({"bill_kw": 40.0, "mean_kw": 84.0, "measured_h": 5.0}, ("unknown", "like_bill_soon")),
        ({"bill_kw": 40.0, "mean_kw": 0.4, "measured_h": 5.0}, ("doubtful", "unlike_bill")),  # no ratio at all
        ({"bill_kw": 40.0, "mean_kw": 0.0, "measured_h": 150.0}, ("doubtful", "unlike_bill")),
    ],
)  # fmt: skip
def test_the_ratio_is_compared_with_the_bill_and_the_transformer(given, expected):
    assert found(facts(**given), "ratio") == expected


def test_a_sub_meter_is_never_good_for_being_below_the_bill():
    below = METER.model_copy(update={"parent": "a.b.main"})
    given = {"meter": below, "bill_kw": 40.0, "measured_h": 150.0}
    assert found(facts(mean_kw=10.0, **given), "ratio") == ("unknown", "below_bill")
    assert found(facts(mean_kw=80.0, **given), "ratio") == ("doubtful", "above_bill")


@pytest.mark.parametrize(
    ("columns", "kind", "expected"),
    [
        ({}, MeterKind.REGISTER, ("good", "register_like")),
        (
            {"energy_kwh": 1e6 + 10_000.0 * np.arange(25)},
            MeterKind.REGISTER,
            ("doubtful", "register_unlike"),
        ),  # Wh as kWh
        ({"energy_kwh": 7.0}, MeterKind.REGISTER, ("doubtful", "register_unlike")),
        ({"energy_kwh": 100 - np.arange(25.0)}, MeterKind.REGISTER, ("doubtful", "register_fell")),
        ({"power_kw": 0.0, "energy_kwh": 7.0}, MeterKind.REGISTER, ("unknown", "register_soon")),
        ({"power_kw": np.nan}, MeterKind.REGISTER, ("unknown", "no_power_beside")),
        ({"energy_kwh": np.nan}, MeterKind.REGISTER, ("unknown", "register_soon")),
        ({"energy_kwh": np.nan}, MeterKind.POWER, ("unknown", "no_register")),
        ({"energy_kwh": 10.0}, MeterKind.INTERVAL, ("good", "register_like")),
        ({"energy_kwh": 10_000.0}, MeterKind.INTERVAL, ("doubtful", "register_unlike")),
        ({"power_kw": 0.0}, MeterKind.REGISTER, ("doubtful", "register_unlike")),
    ],
)
def test_a_register_is_compared_with_the_power_of_the_same_time(columns, kind, expected):
    assert found(facts(columns=columns, meter=METER.model_copy(update={"kind": kind})), "register") == expected


@pytest.mark.parametrize(
    ("off_s", "expected"),
    [
        (None, ("unknown", "no_clock")),
        (2.0, ("good", "clock_right")),
        (-30.0, ("good", "clock_right")),
        (-90.0, ("doubtful", "clock_ahead")),
        (2_000.0, ("unknown", "clock_late")),
        (25_200.0, ("doubtful", "clock_behind")),
    ],
)
def test_a_clock_is_right_or_off_or_not_known(off_s, expected):
    assert found(facts(off_s=off_s), "clock") == expected


def test_arrivals_are_counted_and_no_level_of_a_radio_is_invented():
    assert found(facts(), "signal") == ("good", "signal_whole")
    assert found(facts(count=3), "signal") == ("unknown", "signal_soon")
    assert found(facts(count=0), "signal") == ("unknown", "signal_soon")
    whole = facts()
    half = MeterFacts(
        meter=METER, now=NOW, readings=whole.readings.take(slice(0, None, 2)), window_s=21_600.0, last_seen=NOW
    )
    assert found(half, "signal") == ("doubtful", "signal_gaps")


def test_a_meter_of_water_is_asked_for_no_phases():
    water = METER.model_copy(update={"kind": MeterKind.OTHER})
    assert [check.name for check in check_meter(facts(meter=water))] == ["message", "clock", "signal"]


def test_nothing_is_good_of_a_meter_that_has_sent_nothing():
    assert all(check.verdict is not Verdict.GOOD for check in check_meter(facts(count=0)))


def reasons_in_code():
    """The verdict and the reason of each check that the module can give, as far as they are written out."""
    tree = ast.parse((ROOT / "src/bkkenergy/usecases/meterchecks.py").read_text())
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return strings & {
        key.removeprefix("meter_check_why.") for key in catalogue("en") if key.startswith("meter_check_why.")
    }


def test_each_text_of_a_reason_is_one_that_a_check_gives():
    written = {key.removeprefix("meter_check_why.") for key in catalogue("en") if key.startswith("meter_check_why.")}
    assert written == reasons_in_code()
    assert {
        key.removeprefix("meter_check_do.") for key in catalogue("en") if key.startswith("meter_check_do.")
    } < written


@pytest.mark.parametrize("lang", ["th", "en"])
def test_whatever_is_not_good_says_what_to_do(lang):
    words, seen = Words(lang), set()
    for given in ({}, {"count": 0}, {"columns": three_phases(10.0)}, {"columns": {"power_kw": -40.0}}, {"off_s": -999.0},
                  {"bill_kw": 400.0, "mean_kw": 40.0, "measured_h": 150.0}, {"refused": {"not_decoded": 2}}):  # fmt: skip
        for check in check_meter(facts(**given)):
            text = check_text(words, check.name, check.verdict, check.reason, check.values)
            seen.add(check.verdict)
            assert "{" not in text.why + text.do
            assert (text.do == "") == (check.verdict is Verdict.GOOD), check
    assert seen == set(Verdict)
