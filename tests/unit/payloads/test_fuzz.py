"""Whatever comes, a decoder answers with readings or reasons: none crashes, none hangs, none gets by.

The same inputs each time. `make fuzz FUZZ=1000000` runs a million others over all families, at random.
"""

from __future__ import annotations

import json
import os
import secrets
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.decode.canonical import decode
from bkkenergy.payloads.message import Message, Reason
from bkkenergy.readings import US_PER_S
from tests.builders import meter
from tests.conftest import IS_FUZZED, inputs
from tests.unit.payloads.test_canonical import one_by_one, rows
from tests.unit.payloads.test_foreign_numbers import CANONICAL, HOSTILE, LEAF, TEXTS
from tests.unit.payloads.test_more_public_cases import ROOM, uplink
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US, SAMPLES, key_of
from tests.unit.payloads.test_sparkplug import dbirth, ddata, nbirth

INPUTS = int(os.environ.get("FUZZ", inputs(4000)))
SEED = int(os.environ.get("FUZZ_SEED", secrets.randbits(32) if IS_FUZZED else 2570))
EACH = settings.default.max_examples if IS_FUZZED else inputs(20)
"""Inputs of each profile: there are some dozens of them, of few families."""
SLOWEST_S = 0.05
SLOWEST_S_PER_BYTE = 1e-4
"""A longer payload may take longer, in proportion."""
LONGEST_TEXT = 1_100

integers = st.integers() | st.integers(-(10**400), 10**400) | st.sampled_from([2**62, 2**63, 2**64, 10**11, 10**14])
numbers = integers | st.floats() | st.sampled_from([1.7976931348623157e308, -1.7976931348623157e308, 5e-324])
scalars = st.none() | st.booleans() | numbers | st.sampled_from(TEXTS) | numbers.map(str) | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELD_NAMES = ("energy_kwh", "power_kw", "export_kwh", "voltage_v", "current_a", "power_factor", "frequency_hz")
readings = st.fixed_dictionaries({"ts": scalars}, optional=dict.fromkeys(FIELD_NAMES, anything))
payloads = st.one_of(
    st.binary(max_size=200),
    anything.map(lambda value: json.dumps(value).encode()),
    readings.map(lambda value: json.dumps(value).encode()),
    st.lists(readings, max_size=5).map(lambda value: json.dumps(value).encode()),
)


def seeds_of(profile):
    """Payloads of the documentation."""
    found = [sample["payload"].encode() for sample in SAMPLES if sample["profile"] == profile]
    if PROFILES[profile].family == "chirpstack":
        energy = b"\n\x13\n\x06energy\x12\t\x11\x00\x00\x00\x00@\x00\xb4@"
        found += [uplink((10, ROOM)), uplink((11, energy))]
    return found or [CANONICAL, b"[" + CANONICAL + b',{"ts":"2026-11-23T10:00:00+07:00","power_kw":1}]']


@st.composite
def leaves_changed(draw, profile):
    """A payload of the documentation with some of its values changed: what a device at fault sends."""
    payload = draw(st.sampled_from(seeds_of(profile)))
    places = [found.span() for found in LEAF.finditer(payload)] or [(0, len(payload))]
    value = st.sampled_from(HOSTILE) | anything.map(json.dumps)
    for begin, end in sorted(draw(st.sets(st.sampled_from(places), min_size=1)), reverse=True):
        payload = payload[:begin] + draw(value).encode() + payload[end:]
    return payload


def sorter_for(profile):
    """Of a meter with ratios: what fits a float as it is sent may be beyond any float as it flows."""
    address = "spBv1.0/BMA/edge-1/panel" if profile == "sparkplug-b" else "a/b"
    return Sorter(
        [meter(payload=profile, topic=address, key=key_of(profile), rated_kw=100, ct_ratio=1000)],
        PROFILES,
        max_ahead_s=300,
    )


def check(sorter, payload, topic):
    """One input: an answer in time, and nothing in the batch that validation would refuse."""
    message = Message(topic, payload, received_us=RECEIVED_US)
    started_s = time.thread_time()
    try:
        found = sorter.sort([message], now_us=RECEIVED_US)
    except Exception as error:
        error.add_note(f"payload {payload!r} on {topic}")
        raise
    seconds = time.thread_time() - started_s
    for name in ("energy_kwh", "power_kw"):
        values = found.batch.column(name)
        assert np.isfinite(values[~np.isnan(values)]).all()
    assert (found.batch.column("energy_kwh") >= 0).sum() + np.isnan(found.batch.column("energy_kwh")).sum() == len(
        found.batch
    )
    assert not (np.abs(found.batch.column("power_kw")) > 110.001).any()
    assert (found.batch.ts_us <= RECEIVED_US + 300 * US_PER_S).all()
    assert len(found.refused) <= 1, "one row a message"
    assert all(len(item.detail) < LONGEST_TEXT and item.reason is not Reason.FAILED for item in found.refused)
    return seconds


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"sparkplug-b"}))
@pytest.mark.slow
@settings(max_examples=EACH, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_payload_breaks_a_decoder(profile, data):
    payload = data.draw(payloads | leaves_changed(profile))
    sorter = sorter_for(profile)
    for topic in sorter.topics:
        check(sorter, payload, topic)


cut = st.tuples(payloads, st.integers(0, 60)).map(lambda pair: [pair[0][: pair[1]], pair[0][pair[1] :]])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    runs=st.lists(cut | st.lists(payloads | st.just(CANONICAL) | leaves_changed("canonical"), max_size=4), max_size=4)
)
def test_payloads_that_are_decoded_together_say_what_each_says_alone(runs):
    several = [payload for run in runs for payload in run]
    assert rows(decode(several)) == one_by_one(several)


stamps_ms = st.integers(0, 2**64 - 1)
metrics = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["energy", "power", "x/energy", ""]),
        "timestamp": stamps_ms,
        "datatype": st.integers(0, 40),
    }
).flatmap(
    lambda metric: st.one_of(
        st.floats().map(lambda value: metric | {"double_value": value}),
        st.floats(width=32).map(lambda value: metric | {"float_value": value}),
        stamps_ms.map(lambda value: metric | {"long_value": value}),
        st.integers(0, 2**32 - 1).map(lambda value: metric | {"int_value": value}),
        (st.sampled_from(TEXTS) | numbers.map(str)).map(lambda value: metric | {"string_value": value}),
        st.booleans().map(lambda value: metric | {"boolean_value": value}),
    )
)


@given(given_metrics=st.lists(metrics, max_size=5), sequence=st.integers(0, 2**64 - 1))
def test_no_metric_of_sparkplug_breaks_its_decoder(given_metrics, sequence):
    sorter = sorter_for("sparkplug-b")
    for message in (nbirth(), dbirth(), ddata(sequence, *given_metrics)):
        check(sorter, message.payload, message.topic)


def mutations(rng, seeds):
    """Payloads of the documentation, bent: bytes changed, cut, doubled, nested, repeated, multiplied, or all random."""
    while True:
        raw = bytearray(seeds[rng.integers(len(seeds))])
        for _ in range(rng.integers(1, 6)):
            at = int(rng.integers(len(raw) + 1))
            match rng.integers(10):
                case 0 if raw:
                    raw[at % len(raw)] = rng.integers(256)
                case 1:
                    del raw[at:]
                case 2:
                    raw[at:at] = raw[: int(rng.integers(40))]
                case 3:
                    raw[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 9)), np.uint8))
                case 4:
                    raw[at:at] = HOSTILE[int(rng.integers(len(HOSTILE)))].encode()
                case 5:
                    raw[at:at] = b'[{"}]:,-0123456789.eE'[int(rng.integers(21)) :]
                case 6 | 7 | 8:
                    raw = grown(rng, raw, at)
                case _:
                    del raw[at : at + int(rng.integers(9))]
            del raw[LONGEST:]
        yield bytes(raw)


BRACKETS = ((b"[", b"]"), (b'{"a":', b"}"), (b'[{"ts":', b"}]"), (b"(", b")"), (b"\x12\x7f", b""))
LONGEST = 20_000


def grown(rng, raw, at):
    """A payload nested, repeated or multiplied."""
    match rng.integers(3):
        case 0:
            return nested(raw, BRACKETS[int(rng.integers(len(BRACKETS)))], depth_of(rng), at)
        case 1:
            return raw * int(rng.integers(2, 12))
        case _:
            return multiplied(raw, int(rng.integers(2, 40)))


def depth_of(rng):
    """Mostly shallow; sometimes about where recursion ends, sometimes far beyond."""
    return int(rng.choice([1, 3, 30, 300, 990, 1_000, 1_010, 5_000], p=[0.3, 0.3, 0.2, 0.08, 0.03, 0.03, 0.03, 0.03]))


def nested(raw, brackets, depth, at):
    """A payload within brackets, closed or not, around all of it or from one place on."""
    opening, closing = brackets
    return raw[:at] + opening * depth + raw[at:] + (closing * depth if at % 2 else b"")


def multiplied(raw, times):
    """A JSON value, or the first list in it, with its elements many times over; else the bytes."""
    try:
        value = json.loads(raw)
        if isinstance(value, dict):
            longer = {name: part * times if isinstance(part, list) else part for name, part in value.items()}
            value = longer if longer != value else [value] * times
        else:
            value = value * times if isinstance(value, list) else [value] * times
        return bytearray(json.dumps(value).encode())
    except (ValueError, RecursionError):
        return raw * times


@pytest.mark.slow
@pytest.mark.fuzz
@pytest.mark.timeout(0)
def test_bent_payloads_of_every_family_neither_crash_nor_hang():
    print(f"FUZZ_SEED={SEED}")
    rng = np.random.default_rng(SEED)
    births = [message.payload for message in (nbirth(), dbirth(), ddata(2, {"alias": 1, "double_value": 2.0}))]
    families = sorted(set(PROFILES))
    each = INPUTS // len(families)
    slow = []
    for profile in families:
        sorter = sorter_for(profile)
        bent = mutations(rng, births if profile == "sparkplug-b" else seeds_of(profile))
        for _ in range(each):
            payload = next(bent)
            topic = sorter.topics[int(rng.integers(len(sorter.topics)))]
            # A pause of the machine is no hang: what was slow once is tried again.
            allowed_s = max(SLOWEST_S, len(payload) * SLOWEST_S_PER_BYTE)
            if (
                check(sorter, payload, topic) > allowed_s
                and min(check(sorter, payload, topic) for _ in range(3)) > allowed_s
            ):
                slow.append((profile, payload))
    assert slow == []


def test_every_family_is_fuzzed():
    assert {profile.family for profile in PROFILES.values()} == set(FAMILIES)


FIRST_OF_FAMILY = {profile.family: name for name, profile in sorted(PROFILES.items(), reverse=True)}.values()


def depths_of(profile):
    """Every depth about the end of recursion for one profile of each family; each fifth for those that share its code."""
    step = 1 if profile in FIRST_OF_FAMILY else 5
    return [*range(1, 12), *range(880, 1_020, step), 10_000]


@pytest.mark.parametrize("brackets", BRACKETS[:3])
@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_depth_about_the_end_of_recursion_is_answered(profile, brackets):
    """The depth at which recursion ends depends on how deep the caller stands, so every one is tried."""
    address = "spBv1.0/BMA/edge-1/panel" if profile == "sparkplug-b" else "a/b"
    sorter = Sorter(
        [meter(payload=profile, topic=address, key=key_of(profile), rated_kw=100)],
        PROFILES,
        max_ahead_s=300,
    )
    inner = b'{"ts":1795402800,"energy_kwh":1}'
    for depth in depths_of(profile):
        opened, closed = brackets[0] * depth, brackets[1] * depth
        for payload in (opened, opened + inner + closed, b'{"ts":' + opened + closed + b"}"):
            check(sorter, payload, sorter.topics[0])
