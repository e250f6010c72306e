"""More reports of what devices and senders do: stored at the right time and value, or refused with the reason.

Forms are those of the reports; names and numbers are ours. Each case names its report.
"""

from __future__ import annotations

import numpy as np
import pytest

from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.message import Reason
from tests.builders import meter
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US
from tests.unit.payloads.test_public_cases import sorted_by
from tests.unit.payloads.test_sparkplug import DOUBLE, INT32, message, nbirth

NOW_MS = RECEIVED_US // 1000
MINUTE_MS = 60_000


def heard(*messages, **given):
    """What a Sparkplug meter's messages become."""
    of = meter(payload="sparkplug-b", topic="spBv1.0/BMA/edge-1/panel", **({"rated_kw": 400} | given))
    return Sorter([of], PROFILES, max_ahead_s=300).sort([nbirth(), *messages], now_us=RECEIVED_US)


def energy(stamp, value: float, **more):
    return {"name": "energy", "datatype": DOUBLE, "double_value": value, "timestamp": stamp} | more


def born(*metrics, at_ms=NOW_MS - MINUTE_MS):
    return message("DBIRTH", 1, *(metrics or [energy(at_ms, 1.0)]), at_ms=at_ms)


def minutes_ago(outcome) -> list[float]:
    return np.round((RECEIVED_US - outcome.batch.ts_us) / (1000 * MINUTE_MS), 6).tolist()


@pytest.mark.parametrize("per_ms", [1, 1_000, 1_000_000], ids=["milliseconds", "microseconds", "nanoseconds"])
def test_a_sender_s_unit_of_time_is_known_by_its_size(per_ms):
    data = message("DDATA", 2, energy((NOW_MS - 5 * MINUTE_MS) * per_ms, 2.0), at_ms=NOW_MS * per_ms)
    outcome = heard(born(), data)
    assert minutes_ago(outcome) == [1, 5]
    assert (outcome.refused, outcome.events) == ((), ())


@pytest.mark.parametrize("payload_per_s", [1, 1_000], ids=["all_in_seconds", "metrics_alone_in_seconds"])
def test_history_in_seconds_is_stored_at_its_own_times(payload_per_s):
    """AMRC-FactoryPlus/amrc-connectivity-stack, pull request 347: some stamps come in seconds."""
    history = [energy((NOW_MS - ago * MINUTE_MS) // 1000, 10.0 - ago, is_historical=True) for ago in (9, 5, 2)]
    outcome = heard(born(), message("DDATA", 2, *history, at_ms=NOW_MS // 1000 * payload_per_s))
    assert minutes_ago(outcome) == [1, 9, 5, 2]
    assert outcome.events == ()


@pytest.mark.parametrize("uptime_ms", [1_200_000, 17 * 86_400_000, 10 * 365 * 86_400_000])
def test_a_clock_that_was_never_set_counts_milliseconds_however_long_it_runs(uptime_ms):
    data = message("DDATA", 2, energy(uptime_ms - 5 * MINUTE_MS, 1.0), energy(uptime_ms, 2.0), at_ms=uptime_ms)
    outcome = heard(message("DBIRTH", 1, energy(uptime_ms, 0.5), at_ms=uptime_ms), data)
    assert minutes_ago(outcome)[1:] == [5, 0]
    assert [event.kind.value for event in outcome.events] == ["clock_unset"]


def test_members_of_templates_have_their_sender_s_unit_of_time_too():
    member = {"name": "energy", "double_value": 3.0, "datatype": DOUBLE, "timestamp": (NOW_MS - 5 * MINUTE_MS) // 1000}
    template = {"name": "m", "template_value": {"metrics": [member]}, "timestamp": NOW_MS // 1000}
    assert minutes_ago(heard(born(template), message("DDATA", 2, template, at_ms=NOW_MS), key="m")) == [5, 5]


def test_a_birth_that_has_no_values_yet_is_no_fault():
    """eclipse-sparkplug/sparkplug, issue 250: a birth names its metrics, some of them null."""
    waiting = {"name": "energy", "alias": 4, "datatype": DOUBLE, "is_null": True}
    outcome = heard(born(waiting), message("DDATA", 2, {"alias": 4, "double_value": 6.0, "timestamp": NOW_MS}))
    assert outcome.batch.column("energy_kwh").tolist() == [6.0]
    assert outcome.refused == ()


def test_a_birth_that_fits_nothing_is_reported_though_it_has_nulls():
    outcome = heard(
        born({"name": "Energie", "datatype": DOUBLE, "is_null": True}, energy(NOW_MS, 1.0, name="Leistung"))
    )
    assert "'Energie', 'Leistung'" in outcome.refused[0].detail


def test_a_negative_number_that_repeats_its_name_is_negative():
    """united-manufacturing-hub/benthos-umh, pull request 454: the datatype is that of the birth."""
    birth = born({"name": "power", "alias": 9, "datatype": INT32, "int_value": 5, "timestamp": NOW_MS})
    data = message("DDATA", 2, {"name": "power", "alias": 9, "int_value": 2**32 - 12, "timestamp": NOW_MS})
    assert heard(birth, data).batch.column("power_kw").tolist() == [5, -12]


@pytest.mark.parametrize("digits", range(4))
@pytest.mark.parametrize("bits", [31, 32])
def test_a_register_with_every_bit_set_is_no_energy(bits, digits):
    """xoseperez/espurna, issue 856: 2147483647 for days; the numbers of 32 bits at each resolution."""
    number = (2**bits - 1) / 10**digits
    for value in (number, str(number)):
        _, reasons = sorted_by("zigbee2mqtt", {"energy": value, "power": 27}, rated_kw=4_000, ct_ratio=40)
        assert reasons == [Reason.ENERGY_OUT_OF_RANGE]
    known, reasons = sorted_by("zigbee2mqtt", {"energy": number - 0.001, "power": 27}, rated_kw=4_000)
    assert (known["energy_kwh"], reasons) == (round(number - 0.001, 6), [])


def test_an_export_register_with_every_bit_set_is_none_either():
    payload = {"energy": 12.5, "produced_energy": 42_949_672.95}
    assert sorted_by("zigbee2mqtt-three-phase", payload)[1] == [Reason.ENERGY_OUT_OF_RANGE]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"Time":"2026-11-23T10:00:00","ENERGY":{"Total":1.5,"Power":inf,"Factor":}}', id="rpi_aps_14"),
        pytest.param(b'{"Time":"2026-11-23T10:00:00","ENERGY":{"Total":1.9,"Power":10}', id="tasmota_1621_cut_short"),
    ],
)
def test_json_that_is_none_is_quarantined_whole(body):
    assert sorted_by("tasmota-sensor", body) == ({}, [Reason.NOT_DECODED])


def test_a_register_below_nothing_is_refused():
    """zwave-js/zwave-js, issue 2692: a plug whose counter turned negative."""
    assert sorted_by("zigbee2mqtt", {"energy": -21_474_836.13, "power": 27}) == ({}, [Reason.ENERGY_OUT_OF_RANGE])


@pytest.mark.parametrize("per_s", [1, 10**3, 10**6, 10**9], ids=["s", "ms", "us", "ns"])
def test_our_own_form_takes_every_unit_of_time(per_s):
    stamp = RECEIVED_US // 10**6 * per_s
    for body in ({"ts": stamp, "energy_kwh": 5.0}, [{"ts": stamp, "energy_kwh": 5.0, "x": 1}]):
        assert sorted_by("canonical", body)[0]["energy_kwh"] == 5.0
