"""Whatever comes, a decoder answers with readings or reasons: none crashes, none hangs, none gets by.

`FUZZ=1000000 pytest tests/unit/ingest/test_fuzz.py` runs a million inputs over all families.
"""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bkkenergy.ingest.decode import FAMILIES
from bkkenergy.ingest.message import Message
from bkkenergy.ingest.sort import Sorter
from bkkenergy.readings import US_PER_S
from tests.builders import meter
from tests.unit.ingest.test_payloads import PROFILES, RECEIVED_US, SAMPLES
from tests.unit.ingest.test_sparkplug import dbirth, ddata, nbirth

INPUTS = int(os.environ.get("FUZZ", "4000"))
SLOWEST_S = 0.05

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
readings = st.fixed_dictionaries(
    {"ts": scalars},
    optional=dict.fromkeys(("energy_kwh", "power_kw", "export_kwh", "voltage_v", "power_factor"), anything),
)
payloads = st.one_of(
    st.binary(max_size=200),
    anything.map(lambda value: json.dumps(value).encode()),
    readings.map(lambda value: json.dumps(value).encode()),
    st.lists(readings, max_size=5).map(lambda value: json.dumps(value).encode()),
)


def sorter_for(profile):
    one = meter(payload=profile, topic="a/b", rated_kw=100)
    return Sorter([one], PROFILES, max_ahead_s=300)


def check(sorter, payload, topic):
    """One input: an answer in time, and nothing in the batch that validation would refuse."""
    message = Message(topic, payload, received_us=RECEIVED_US)
    started_s = time.perf_counter()
    found = sorter.sort([message], now_us=RECEIVED_US)
    seconds = time.perf_counter() - started_s
    for name in ("energy_kwh", "power_kw"):
        values = found.batch.column(name)
        assert np.isfinite(values[~np.isnan(values)]).all()
    assert (found.batch.column("energy_kwh") >= 0).sum() + np.isnan(found.batch.column("energy_kwh")).sum() == len(
        found.batch
    )
    assert not (np.abs(found.batch.column("power_kw")) > 110.001).any()
    assert (found.batch.ts_us <= RECEIVED_US + 300 * US_PER_S).all()
    return seconds


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"sparkplug-b"}))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(payload=payloads)
def test_no_payload_breaks_a_decoder(profile, payload):
    sorter = sorter_for(profile)
    for topic in sorter.topics:
        check(sorter, payload, topic)


def mutations(rng, seeds):
    """Payloads of the documentation, bent: bytes changed, cut, doubled, swapped, or all random."""
    while True:
        raw = bytearray(seeds[rng.integers(len(seeds))])
        for _ in range(rng.integers(1, 6)):
            at = int(rng.integers(len(raw) + 1))
            match rng.integers(6):
                case 0 if raw:
                    raw[at % len(raw)] = rng.integers(256)
                case 1:
                    del raw[at:]
                case 2:
                    raw[at:at] = raw[: int(rng.integers(40))]
                case 3:
                    raw[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 9)), np.uint8))
                case 4:
                    raw[at:at] = b'[{"}]:,-0123456789.eE'[int(rng.integers(21)) :]
                case _:
                    del raw[at : at + int(rng.integers(9))]
        yield bytes(raw)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_bent_payloads_of_every_family_neither_crash_nor_hang():
    rng = np.random.default_rng(2570)
    samples = [(sample["profile"], sample["payload"].encode()) for sample in SAMPLES]
    canonical = b'[{"ts":"2026-11-23T10:00:00+07:00","energy_kwh":12.5,"power_kw":4,"voltage_v":[230,231,229]},{"ts":1795402800,"power_kw":1}]'
    samples.append(("canonical", canonical))
    samples += [
        ("sparkplug-b", message.payload)
        for message in (nbirth(), dbirth(), ddata(2, {"alias": 1, "double_value": 2.0}))
    ]
    families = sorted(set(PROFILES))
    each = INPUTS // len(families)
    slow = []
    for profile in families:
        seeds = [payload for name, payload in samples if name == profile]
        address = "spBv1.0/BMA/edge-1/panel" if profile == "sparkplug-b" else "a/b"
        sorter = Sorter([meter(payload=profile, topic=address, rated_kw=100)], PROFILES, max_ahead_s=300)
        bent = mutations(rng, seeds)
        for _ in range(each):
            payload = next(bent)
            topic = sorter.topics[int(rng.integers(len(sorter.topics)))]
            # A pause of the machine is no hang: what was slow once is tried again.
            if (
                check(sorter, payload, topic) > SLOWEST_S
                and min(check(sorter, payload, topic) for _ in range(3)) > SLOWEST_S
            ):
                slow.append((profile, payload))
    assert slow == []


def test_every_family_is_fuzzed():
    assert {profile.family for profile in PROFILES.values()} == set(FAMILIES)
