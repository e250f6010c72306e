"""Sparkplug B by the rules of its specification: births, aliases, sequence, rebirth."""

from __future__ import annotations

import gzip
import zlib

import pytest

from bkkenergy.payloads.decode.sparkplug import SparkplugDecoder, place_of
from bkkenergy.payloads.decode.sparkplug_proto import Payload
from bkkenergy.payloads.message import DecodeError, Message, Reason
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US, rows_of

TS_MS = 1_795_402_800_000
INT64, FLOAT, DOUBLE, INT32 = 4, 9, 10, 3


@pytest.fixture
def decoder():
    return SparkplugDecoder(PROFILES["sparkplug-b"])


def message(kind, seq, *metrics, device="panel", topic=None):
    payload = Payload(timestamp=TS_MS)
    if seq is not None:
        payload.seq = seq
    for metric in metrics:
        payload.metrics.add(**metric)
    place = topic or f"spBv1.0/BMA/{kind}/edge-1" + (f"/{device}" if device else "")
    return Message(place, payload.SerializeToString(), received_us=RECEIVED_US)


def nbirth(seq=0):
    return message("NBIRTH", seq, device="")


def dbirth(seq=1):
    return message(
        "DBIRTH",
        seq,
        {"name": "main/energy", "alias": 1, "datatype": DOUBLE, "double_value": 12345.5, "timestamp": TS_MS},
        {"name": "main/power", "alias": 2, "datatype": FLOAT, "float_value": 41.5, "timestamp": TS_MS},
        {"name": "aircon/energy", "alias": 3, "datatype": DOUBLE, "double_value": 7.25, "timestamp": TS_MS},
    )


def ddata(seq, *metrics):
    return message("DDATA", seq, *metrics)


def test_a_birth_holds_readings_of_each_meter_it_names(decoder):
    found = decoder.decode([nbirth(), dbirth()])
    assert rows_of(found) == [
        ("main", TS_MS * 1000, {"energy_kwh": 12345.5, "power_kw": 41.5}),
        ("aircon", TS_MS * 1000, {"energy_kwh": 7.25}),
    ]
    assert set(found.addresses) == {("spBv1.0/BMA/edge-1/panel", "main"), ("spBv1.0/BMA/edge-1/panel", "aircon")}


def test_data_come_by_alias(decoder):
    decoder.decode([nbirth(), dbirth()])
    found = decoder.decode(
        [ddata(2, {"alias": 1, "datatype": DOUBLE, "double_value": 12346.0, "timestamp": TS_MS + 1000})]
    )
    assert rows_of(found) == [("main", (TS_MS + 1000) * 1000, {"energy_kwh": 12346.0})]
    assert found.outgoing == ()


def test_data_without_a_birth_are_refused_and_a_rebirth_is_asked_once(decoder):
    first = decoder.decode([ddata(5, {"alias": 1, "double_value": 1.0}), ddata(6, {"alias": 1, "double_value": 1.0})])
    assert [bad.reason for bad in first.undecoded] == [Reason.NO_BIRTH] * 2
    (request,) = first.outgoing
    assert request.topic == "spBv1.0/BMA/NCMD/edge-1"
    command = Payload.FromString(request.payload)
    assert (command.metrics[0].name, command.metrics[0].boolean_value) == ("Node Control/Rebirth", True)
    again = decoder.decode([nbirth(), dbirth(), ddata(2, {"alias": 3, "double_value": 8.0})])
    assert again.undecoded == ()
    assert rows_of(again)[-1][2] == {"energy_kwh": 8.0}


def test_a_gap_in_the_sequence_asks_for_a_rebirth_and_keeps_the_data(decoder):
    decoder.decode([nbirth(), dbirth()])
    found = decoder.decode([ddata(4, {"alias": 1, "double_value": 12350.0})])
    assert len(found) == 1
    assert [item.topic for item in found.outgoing] == ["spBv1.0/BMA/NCMD/edge-1"]


def test_the_sequence_runs_over_and_a_redelivery_is_no_gap(decoder):
    data = {"alias": 1, "double_value": 1.0}
    decoder.decode([nbirth(254), dbirth(255)])
    assert decoder.decode([ddata(0, data), ddata(0, data), ddata(1, data)]).outgoing == ()


def test_after_a_death_names_are_forgotten(decoder):
    decoder.decode([nbirth(), dbirth(), message("NDEATH", None, device="")])
    assert decoder.decode([ddata(2, {"alias": 1, "double_value": 1.0})]).undecoded[0].reason is Reason.NO_BIRTH


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        pytest.param({"datatype": INT32, "int_value": 2**32 - 5}, -5, id="int32_as_twos_complement"),
        pytest.param({"datatype": 1, "int_value": 251}, -5, id="int8_in_its_own_width"),
        pytest.param({"datatype": 1, "int_value": 2**32 - 5}, -5, id="int8_extended_to_32_bits"),
        pytest.param({"datatype": INT64, "long_value": 2**64 - 5}, -5, id="int64"),
        pytest.param({"datatype": 7, "int_value": 2**32 - 5}, 2**32 - 5, id="uint32"),
    ],
)
def test_integers_are_signed_by_their_datatype(decoder, metric, value):
    found = decoder.decode([message("NBIRTH", 0, {"name": "power", **metric}, device="")])
    assert rows_of(found)[0][2] == {"power_kw": value}


def test_null_and_not_finite_are_no_value(decoder):
    found = decoder.decode(
        [
            message(
                "NBIRTH", 0, {"name": "power", "is_null": True}, {"name": "energy", "double_value": 5.0}, device=""
            ),
            message("NDATA", 1, {"name": "power", "double_value": float("nan")}, device=""),
        ]
    )
    assert rows_of(found) == [("", TS_MS * 1000, {"energy_kwh": 5.0})]


@pytest.mark.parametrize("payload", [b"\xff\xff\xff", b"not protobuf at all", b"\x12\xff\xff\xff\xff\x0f"])
def test_what_is_no_payload_is_told(decoder, payload):
    found = decoder.decode([Message("spBv1.0/BMA/DDATA/edge-1/panel", payload)])
    assert "no Sparkplug B payload" in found.undecoded[0].detail


def test_a_topic_of_another_namespace_is_told():
    with pytest.raises(DecodeError, match="spBv1.0/group/kind/node"):
        place_of("spAv1.0/x/NDATA/y")


def test_a_meter_listens_to_births_data_and_deaths_of_its_node_and_device(decoder):
    assert sorted(decoder.topics("spBv1.0/BMA/edge-1/panel")) == [
        "spBv1.0/BMA/DBIRTH/edge-1/panel", "spBv1.0/BMA/DDATA/edge-1/panel", "spBv1.0/BMA/DDEATH/edge-1/panel",
        "spBv1.0/BMA/NBIRTH/edge-1", "spBv1.0/BMA/NDATA/edge-1", "spBv1.0/BMA/NDEATH/edge-1",
    ]  # fmt: skip


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
@pytest.mark.parametrize("kind", ["NBIRTH", "DBIRTH", "DDATA"])
def test_a_compressed_payload_is_refused_aloud(decoder, compress, kind):
    outer = Payload(uuid="SPBV1.0_COMPRESSED", body=compress(dbirth().payload))
    given = Message(f"spBv1.0/BMA/{kind}/edge-1" + ("" if kind == "NBIRTH" else "/panel"), outer.SerializeToString())
    (refused,) = decoder.decode([given]).undecoded
    assert refused.reason is Reason.NOT_READ
    assert "Turn compression off" in refused.detail


UNREAD = [
    pytest.param({"datatype": 16, "dataset_value": b"\x08\x01"}, id="dataset"),
    pytest.param({"datatype": 19, "template_value": b"\x0a\x00"}, id="template"),
    pytest.param({"datatype": 31, "bytes_value": b"12345678"}, id="double_array"),
    pytest.param({"datatype": 18, "bytes_value": b"file"}, id="file"),
    pytest.param({"extension_value": b"x"}, id="extension"),
]


@pytest.mark.parametrize("metric", UNREAD)
def test_metrics_of_unread_kinds_are_counted_and_the_others_read(decoder, metric):
    energy = {"name": "main/energy", "datatype": DOUBLE, "double_value": 5.0}
    found = decoder.decode([message("DBIRTH", 0, {"name": "Meters", **metric}, energy, {"name": "Other", **metric})])
    assert [values for _, _, values in rows_of(found)] == [{"energy_kwh": 5.0}]
    (refused,) = found.undecoded
    assert (refused.reason, refused.faults) == (Reason.NOT_READ, 2)
    assert "Meters: a value of kind" in refused.detail


def test_a_body_is_counted_and_the_metrics_beside_it_read(decoder):
    payload = Payload(timestamp=TS_MS, seq=0, body=b"anything")
    payload.metrics.add(name="main/energy", datatype=DOUBLE, double_value=5.0)
    found = decoder.decode([Message("spBv1.0/BMA/DBIRTH/edge-1/panel", payload.SerializeToString())])
    assert len(found) == 1
    assert [(fault.reason, fault.faults) for fault in found.undecoded] == [(Reason.NOT_READ, 1)]


def test_a_null_metric_of_an_unread_kind_is_no_fault(decoder):
    null = {"name": "Meters", "datatype": 16, "is_null": True}
    assert decoder.decode([message("DBIRTH", 0, null)]).undecoded == ()
