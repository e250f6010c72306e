"""Numbers that others write, at every place of every payload: read, or refused with a reason; never an exception."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bkkenergy.ingest.files import read_long
from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.decode.canonical import decode
from bkkenergy.payloads.decode.fields import field_value, read_element
from bkkenergy.payloads.decode.times import LARGEST_US, read_time
from bkkenergy.payloads.message import DecodeError, Message, Reason
from bkkenergy.payloads.profile import QUANTITY_OF, UNITS, FieldSpec, Profile, TimeSpec, in_product_unit
from tests.builders import file_meters, meter
from tests.conftest import inputs
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US, SAMPLES, decoded, key_of
from tests.unit.payloads.test_sparkplug import ddata, nbirth

JSON_NUMBERS = [
    "1.7976931348623157e+308", "-1.7976931348623157e+308", "1e307", "-1e307", "1e999", "-1e999", "5e-324", "-0", "-0.0",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "4611686018427387904", "4611686018427387903", "1e11", "1e14", "-1e11", "-1e14", "253402300800", "-62135596801",
    "9" * 25, "9" * 400, "-" + "9" * 400, "9" * 4300, "9" * 4301, "0." + "9" * 5000,
    "true", "false", "null", "NaN", "Infinity", "-Infinity", "1_000", "0x10", "[]", "{}", "[1e308]",
]  # fmt: skip
TEXTS = [
    "", " ", "inf", "-inf", "Infinity", "nan", "NaN", "1e308", "-1e308", "1e999", "-1e300", "1e300", "9" * 400, "-" + "9" * 5000,
    "1_000", "1,5", "0x10", "\u00b2", "\u0e51\u0e52", "true", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00",
    "0001-01-01T00:00:00", "9999-12-31 23:59:59", "2026-02-30T00:00:00Z", "31/12/9999 23:59:59", "01/01/0001 00:00:00",
]  # fmt: skip
HOSTILE = [*JSON_NUMBERS, *(f'"{text}"' for text in TEXTS)]
EACH_OF = len(HOSTILE) // inputs(len(HOSTILE))
FORMS = ["auto", "rfc3339", "local", "unix", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S%z"]
CANONICAL = (
    b'{"ts":1795402800,"energy_kwh":12.5,"export_kwh":1.5,"power_kw":4.5,"voltage_v":[230,231,229],'
    b'"current_a":[1,2,3],"power_factor":0.9,"frequency_hz":50}'
)
LEAF = re.compile(rb'(?<=[:\[,])\s*(?:"[^"]*"|-?\d[\d.eE+-]*|true|false|null)(?=\s*[,}\]])')


def sorter_for(profile):
    """Of a meter with ratios: what fits a float as it is sent may be beyond any float as it flows."""
    return Sorter(
        [meter(payload=profile, topic="a/b", key=key_of(profile), vt_ratio=1000, ct_ratio=1000)],
        PROFILES,
        max_ahead_s=300,
    )


def refused_or_sound(sorter, payloads, topic):
    """What comes of payloads that arrive together: no number that is none."""
    messages = [Message(topic, payload, received_us=RECEIVED_US) for payload in payloads]
    found = sorter.sort(messages, now_us=RECEIVED_US)
    for name, values in found.batch.columns.items():
        assert np.isfinite(values[~np.isnan(values)]).all(), (name, payloads)
    assert (np.abs(found.batch.ts_us) <= LARGEST_US).all()
    assert all(item.reason is not Reason.FAILED for item in found.refused), payloads
    return found


def seeds():
    yield "canonical", CANONICAL
    yield "canonical", b"[" + CANONICAL + b',{"ts":"2026-11-23T10:00:00+07:00","power_kw":1}]'
    for sample in SAMPLES:
        yield sample["profile"], sample["payload"].encode()


@pytest.mark.parametrize(("profile", "seed"), list(seeds()))
def test_no_number_at_any_place_of_a_payload_raises_or_gets_by(profile, seed):
    sorter = sorter_for(profile)
    places = [found.span() for found in LEAF.finditer(seed)] or [(0, len(seed))]
    for begin, end in places:
        payloads = [seed[:begin] + hostile.encode() + seed[end:] for hostile in HOSTILE[::EACH_OF]]
        for topic in sorter.topics:
            refused_or_sound(sorter, payloads, topic)


def test_no_cell_of_a_line_raises_or_gets_by():
    sample = next(sample for sample in SAMPLES if sample["profile"] == "csv-lines")
    sorter, cells = sorter_for("csv-lines"), sample["payload"].splitlines()[0].split(",")
    for place in range(len(cells)):
        texts = [*TEXTS, *JSON_NUMBERS]
        lines = [",".join([*cells[:place], text, *cells[place + 1 :]]).encode() for text in texts]
        refused_or_sound(sorter, lines, "a/b")


@pytest.mark.parametrize("stamp_ms", [0, 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize(
    "value",
    [
        {"double_value": 1.7976931348623157e308}, {"double_value": float("nan")}, {"float_value": float("-inf")},
        {"datatype": 8, "long_value": 2**64 - 1}, {"datatype": 4, "long_value": 2**63}, {"string_value": "9" * 5000},
        {"string_value": "inf"}, {"boolean_value": True}, {"is_null": True},
    ],
)  # fmt: skip
def test_no_metric_of_sparkplug_raises_or_gets_by(value, stamp_ms):
    address = "spBv1.0/BMA/edge-1/panel"
    own = meter(payload="sparkplug-b", topic=address, key="main", vt_ratio=1000, ct_ratio=1000)
    sorter = Sorter([own], PROFILES, max_ahead_s=300)
    metrics = [{"name": f"main/{name}", "timestamp": stamp_ms, **value} for name in ("energy", "power")]
    messages = [nbirth(), ddata(1, *metrics)]
    found = sorter.sort(messages, now_us=RECEIVED_US)
    for name, values in found.batch.columns.items():
        assert np.isfinite(values[~np.isnan(values)]).all(), name


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**400), 10**400), min_size=1))
@example([10**17 - 8, 10**17 - 9, 10**14 - 1, -(10**17) + 1])
def test_any_number_is_an_instant_or_is_beyond_all_instants(numbers):
    payload = ("[" + ",".join(f'{{"ts":{number!r},"power_kw":1}}' for number in numbers) + "]").encode()
    found = decode([payload])
    assert len(found) == len(numbers)
    for number, ts_us in zip(numbers, found.ts_us.tolist(), strict=True):
        assert abs(ts_us) <= LARGEST_US
        assert ts_us * number >= 0
        if abs(number) < LARGEST_US:
            told_us, _ = read_time(number, TimeSpec(path="t"))
            assert ts_us == pytest.approx(told_us, rel=1e-15, abs=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [*TEXTS, *JSON_NUMBERS])
def test_a_text_is_a_time_in_range_or_is_refused(text, form):
    try:
        ts_us, _ = read_time(text, TimeSpec(path="t", form=form))
    except DecodeError:
        return
    assert abs(ts_us) < LARGEST_US


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value",
    [None, True, False, [], {}, [10**5000], 10**400, -(10**400), 10**5000, float("inf"), float("-inf"), float("nan"), 1e308, -1e308, 2**62],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_time_is_refused_in_every_form(value, form):
    with pytest.raises(DecodeError):
        read_time(value, TimeSpec(path="t", form=form))


@pytest.mark.parametrize("unit", UNITS)
def test_what_no_float_holds_in_the_products_unit_is_refused(unit):
    name = next(name for name, quantity in QUANTITY_OF.items() if quantity == UNITS[unit][0])
    pulses = {"pulses_per_kwh": 1.0} if unit == "pulses" else {}
    profile = Profile(
        id="p", name_en="p", source="test", family="fields", fields={name: FieldSpec(path="x", unit=unit, **pulses)}
    )
    spec = profile.fields[name].model_copy(update={"scale": 1e6})
    for raw in (1.7e308, -1.7e308, "1.7e308", 10**308):
        with pytest.raises(DecodeError, match="beyond any number"):
            field_value(name, raw, spec, profile)
    for raw in ("1_000", "inf", 10**400, 10**5000, True, [10**5000], {}, float("nan")):
        with pytest.raises(DecodeError):
            field_value(name, raw, spec, profile)
    steps = []
    assert read_element(profile, "a", {"x": 2}, {"x": 2}, steps).values == {name: in_product_unit(2, unit)}
    assert not any(step.is_fault for step in steps)


@pytest.mark.parametrize("payload", [b" " * 60 + b"123456", b"0" * 64 + b"5", b"1" + b"0" * 70, b"1." + b"0" * 70])
def test_a_plain_number_that_is_too_long_is_refused_not_cut(payload):
    profile = next(name for name in PROFILES if PROFILES[name].family == "number")
    suffix = next(spec.suffix for spec in PROFILES[profile].fields.values() if spec.suffix)
    found = decoded(profile, payload, f"t/{suffix}")
    assert len(found) == 0
    assert "bytes are no number" in found.undecoded[0].detail


@pytest.mark.parametrize(
    "number", ["9" * 400, "-" + "9" * 400, "9" * 5000, "1e999", "1.7976931348623157e308", "inf", "nan", "1_000", "true"]
)
def test_a_file_with_a_number_that_is_none_loses_that_row_alone(tmp_path, number):
    path, own = tmp_path / "r.csv", meter()
    rows = [f"{own.id},2026-11-23T00:{minute:02}:00+07:00," for minute in (0, 15)]
    path.write_text(f"meter,ts,energy_kwh\n{rows[0]}{number}\n{rows[1]}7\n")
    (chunk,) = read_long(path, file_meters(own), latest_us=2**61, advance=lambda _: None)
    assert chunk.batch.column("energy_kwh").tolist() == [7.0]
    assert len(chunk.refused) == 1
