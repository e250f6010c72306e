"""Sparkplug B by the rules of its specification: births, aliases, sequence, rebirth."""

from __future__ import annotations

import gzip
import struct
import tomllib
import zlib

import pytest

from bkkenergy.payloads.decode.sparkplug import SparkplugDecoder, place_of
from bkkenergy.payloads.decode.sparkplug_proto import Payload
from bkkenergy.payloads.decode.sparkplug_values import MAX_METRICS
from bkkenergy.payloads.message import DecodeError, Message, Reason
from bkkenergy.payloads.profile import FieldSpec, TimeSpec
from tests.conftest import ROOT
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US, rows_of

TS_MS = 1_795_402_800_000
VECTORS = tomllib.loads((ROOT / "tests/data/payloads/sparkplug.toml").read_text())["vector"]
INT64, FLOAT, DOUBLE, INT32 = 4, 9, 10, 3


@pytest.fixture
def decoder():
    return SparkplugDecoder(PROFILES["sparkplug-b"])


def message(kind, seq, *metrics, device="panel", topic=None, at_ms=TS_MS, received_us=RECEIVED_US):
    payload = Payload(timestamp=at_ms)
    if seq is not None:
        payload.seq = seq
    for metric in metrics:
        payload.metrics.add(**metric)
    place = topic or f"spBv1.0/BMA/{kind}/edge-1" + (f"/{device}" if device else "")
    return Message(place, payload.SerializeToString(), received_us=received_us)


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
    assert command.timestamp == RECEIVED_US // 1000, "mandatory: payloads-ncmd-timestamp"
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


def test_a_rebirth_is_asked_again_while_names_are_missing():
    decoder = SparkplugDecoder(PROFILES["sparkplug-b"])
    nameless = {"alias": 1, "double_value": 1.0}
    asked_s = []
    for second in range(300):
        given = message("DDATA", second % 256, nameless, received_us=RECEIVED_US + second * 1_000_000)
        asked_s += [second for _ in decoder.decode([given]).outgoing]
    assert asked_s == [0, 10, 30, 70, 130, 190, 250]
    decoder.decode([nbirth(), dbirth()])
    later = message("DDATA", 2, nameless, received_us=RECEIVED_US + 310 * 1_000_000)
    assert decoder.decode([later]).outgoing == ()


def test_ten_historical_values_of_one_payload_are_ten_readings(decoder):
    decoder.decode([nbirth(), dbirth()])
    history = [
        {"alias": 1, "double_value": 100.0 + n, "timestamp": TS_MS + 60_000 * n, "is_historical": True}
        for n in range(10)
    ]
    found = rows_of(decoder.decode([ddata(2, *history)]))
    assert found == [("main", (TS_MS + 60_000 * n) * 1000, {"energy_kwh": 100.0 + n}) for n in range(10)]


def test_metrics_of_one_payload_keep_their_own_times(decoder):
    decoder.decode([nbirth(), dbirth()])
    found = decoder.decode(
        [
            ddata(
                2,
                {"alias": 1, "double_value": 5.0, "timestamp": TS_MS + 1},
                {"alias": 2, "float_value": 2.0, "timestamp": TS_MS + 2},
                {"alias": 2, "float_value": 1.0, "timestamp": TS_MS + 1},
                {"alias": 3, "double_value": 9.0},
            )
        ]
    )
    assert rows_of(found) == [
        ("main", (TS_MS + 1) * 1000, {"energy_kwh": 5.0, "power_kw": 1.0}),
        ("main", (TS_MS + 2) * 1000, {"power_kw": 2.0}),
        ("aircon", TS_MS * 1000, {"energy_kwh": 9.0}),
    ]


def raw_deflate(data):
    deflating = zlib.compressobj(wbits=-15)
    return deflating.compress(data) + deflating.flush()


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, raw_deflate], ids=["gzip", "zlib", "deflate"])
def test_compressed_births_and_data_are_read(decoder, compress):
    def compressed(plain):
        outer = Payload(uuid="SPBV1.0_COMPRESSED", body=compress(plain.payload))
        outer.metrics.add(name="algorithm", datatype=12, string_value="any")
        return plain._replace(payload=outer.SerializeToString())

    data = ddata(2, {"alias": 1, "double_value": 9.0})
    found = decoder.decode([compressed(given) for given in (nbirth(), dbirth(), data)])
    assert found.undecoded == ()
    assert rows_of(found)[-1] == ("main", TS_MS * 1000, {"energy_kwh": 9.0})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(gzip.compress(bytes(10_000_000)), "hold more than", id="bomb"),
        pytest.param(gzip.compress(b"x" * 1000)[:20], "cut short", id="cut"),
        pytest.param(b"", "neither GZIP nor DEFLATE", id="empty"),
        pytest.param(b"plain text", "neither GZIP nor DEFLATE", id="no_compression"),
        pytest.param(gzip.compress(b"\xff\xff\xff"), "no Sparkplug B payload", id="no_payload_inside"),
    ],
)
def test_a_compressed_body_at_fault_is_refused(decoder, body, why):
    outer = Payload(uuid="SPBV1.0_COMPRESSED", body=body)
    (bad,) = decoder.decode([nbirth()._replace(payload=outer.SerializeToString())]).undecoded
    assert why in bad.detail


def test_a_late_death_of_the_session_before_leaves_the_present_births(decoder):
    def session(number):
        return {"name": "bdSeq", "datatype": 4, "long_value": number}

    decoder.decode(
        [message("NBIRTH", 0, session(5), device=""), dbirth(), message("NDEATH", None, session(4), device="")]
    )
    data = ddata(2, {"alias": 1, "double_value": 1.0})
    assert decoder.decode([data]).undecoded == ()
    decoder.decode([message("NDEATH", None, session(5), device="")])
    assert decoder.decode([data]).undecoded[0].reason is Reason.NO_BIRTH


def with_properties(metric, **properties):
    built = Payload().metrics.add(**metric)
    for name, value in properties.items():
        built.properties.keys.append(name)
        kind = {"string_value": value} if isinstance(value, str) else {"int_value": value}
        built.properties.values.add(**kind)
    return built


def born_with(unit, name="main/energy", value=2_500_000.0, **more):
    payload = Payload(timestamp=TS_MS, seq=1)
    payload.metrics.append(
        with_properties({"name": name, "alias": 1, "datatype": DOUBLE, "double_value": value}, engUnit=unit, **more)
    )
    return Message("spBv1.0/BMA/DBIRTH/edge-1/panel", payload.SerializeToString(), received_us=RECEIVED_US)


@pytest.mark.parametrize(
    ("unit", "energy_kwh"),
    [("Wh", 2500.0), ("kWh", 2.5e6), ("KWH", 2.5e6), ("MWh", 2.5e9), ("watt hours", 2500.0), ("", 2.5e6)],
)
def test_the_birth_states_the_unit_also_for_data_by_alias(decoder, unit, energy_kwh):
    assert rows_of(decoder.decode([nbirth(), born_with(unit)]))[0][2] == {"energy_kwh": energy_kwh}
    later = decoder.decode([ddata(2, {"alias": 1, "double_value": 2_500_000.0})])
    assert rows_of(later)[0][2] == {"energy_kwh": energy_kwh}


@pytest.mark.parametrize("unit", ["kvarh", "kW", "mwh", "furlong", "m3"])
def test_a_unit_of_another_quantity_is_refused(decoder, unit):
    found = decoder.decode([nbirth(), born_with(unit)])
    assert rows_of(found) == []
    assert f"the payload's unit {unit!r} is none of energy_kwh" in found.undecoded[0].detail


def test_a_value_that_its_device_calls_bad_is_left_out_and_counted(decoder):
    qualities = {0: 0, 4: 0, 192: 1, 216: 1, 500: 0, 600: 0}
    for quality, count in qualities.items():
        found = decoder.decode([nbirth(), born_with("kWh", Quality=quality)])
        assert (quality, len(found), found.ignored_count) == (quality, count, 1 - count)
        assert found.undecoded == ()


@pytest.mark.parametrize(
    "metric",
    [
        {"datatype": 8, "long_value": 2**64 - 1},
        {"datatype": 7, "int_value": 2**32 - 1},
        {"datatype": 7, "long_value": 2**32 - 1},
        {"long_value": 2**64 - 1},
        {"datatype": INT64, "long_value": 2**63},
        {"datatype": INT32, "int_value": 2**31},
    ],
)
def test_a_register_of_nothing_but_ones_is_refused(decoder, metric):
    found = decoder.decode([message("DBIRTH", 0, {"name": "main/energy", **metric})])
    assert len(found) == 0
    assert "is no number of a meter" in found.undecoded[0].detail


def test_data_are_signed_by_the_datatype_of_the_birth(decoder):
    decoder.decode([nbirth(), message("DBIRTH", 1, {"name": "main/power", "alias": 9, "datatype": 2, "int_value": 0})])
    assert rows_of(decoder.decode([ddata(2, {"alias": 9, "int_value": 2**16 - 3})]))[0][2] == {"power_kw": -3}


def profile_of(**fields):
    specs = {
        name: FieldSpec(path=path, unit={"energy_kwh": "kWh", "power_kw": "kW"}[name]) for name, path in fields.items()
    }
    return PROFILES["sparkplug-b"].model_copy(update={"fields": specs})


def test_members_of_a_template_are_metrics_below_its_name(decoder):
    payload = Payload(timestamp=TS_MS, seq=0)
    meters = payload.metrics.add(name="Meters/M1", datatype=19)
    meters.template_value.metrics.add(name="energy", datatype=DOUBLE, double_value=7.0)
    meters.template_value.metrics.append(
        with_properties({"name": "power", "datatype": DOUBLE, "double_value": 900.0}, engUnit="W")
    )
    definition = payload.metrics.add(name="_types_/PM", datatype=19)
    definition.template_value.is_definition = True
    definition.template_value.metrics.add(name="energy", datatype=DOUBLE, double_value=1.0)
    born = Message("spBv1.0/BMA/DBIRTH/edge-1/panel", payload.SerializeToString(), received_us=RECEIVED_US)
    assert rows_of(decoder.decode([born])) == [("Meters/M1", TS_MS * 1000, {"energy_kwh": 7.0, "power_kw": 0.9})]
    nested = SparkplugDecoder(profile_of(energy_kwh="M1.energy", power_kw="M1.power"))
    assert rows_of(nested.decode([born])) == [("Meters", TS_MS * 1000, {"energy_kwh": 7.0, "power_kw": 0.9})]


def test_names_with_spaces_and_several_levels_are_read_by_path():
    decoder = SparkplugDecoder(profile_of(energy_kwh='"Energy/Active Import"', power_kw='"Power/Total kW"'))
    metrics = [
        {"name": "Panel 1/Energy/Active Import", "double_value": 5.0},
        {"name": "Panel 1/Power/Total kW", "double_value": 2.0},
        {"name": "Panel 1/Power/L1 kW", "double_value": 1.0},
    ]
    found = decoder.decode([message("DBIRTH", 0, *metrics)])
    assert rows_of(found) == [("Panel 1", TS_MS * 1000, {"energy_kwh": 5.0, "power_kw": 2.0})]


ARRAYS = [
    pytest.param(31, struct.pack("<3d", 10.0, 2.5, 9.0), id="double"),
    pytest.param(30, struct.pack("<3f", 10.0, 2.5, 9.0), id="float"),
]


@pytest.mark.parametrize(("datatype", "raw"), ARRAYS)
def test_arrays_are_read_by_place(datatype, raw):
    decoder = SparkplugDecoder(profile_of(energy_kwh="Values[0]", power_kw="Values[1]"))
    found = decoder.decode([message("DBIRTH", 0, {"name": "main/Values", "datatype": datatype, "bytes_value": raw})])
    assert rows_of(found) == [("main", TS_MS * 1000, {"energy_kwh": 10.0, "power_kw": 2.5})]
    cut = decoder.decode([message("DBIRTH", 0, {"name": "main/Values", "datatype": datatype, "bytes_value": raw[:-1]})])
    assert "is none of elements of" in cut.undecoded[0].detail


def test_integer_arrays_are_signed_little_endian():
    decoder = SparkplugDecoder(profile_of(power_kw="V[1]"))
    raw = struct.pack("<2h", 1, -2)
    found = decoder.decode([message("DBIRTH", 0, {"name": "V", "datatype": 23, "bytes_value": raw})])
    assert rows_of(found)[0][2] == {"power_kw": -2}


def test_a_table_gives_a_reading_a_row():
    profile = profile_of(energy_kwh="kWh").model_copy(update={"each": "load_profile", "time": TimeSpec(path="t")})
    payload = Payload(timestamp=TS_MS, seq=0)
    table = payload.metrics.add(name="main/load_profile", datatype=16).dataset_value
    table.columns.extend(["t", "kWh"])
    table.types.extend([13, 10])
    for n in range(3):
        row = table.rows.add()
        row.elements.add(long_value=TS_MS + 900_000 * n)
        row.elements.add(double_value=640.0 + n)
    born = Message("spBv1.0/BMA/DBIRTH/edge-1/panel", payload.SerializeToString(), received_us=RECEIVED_US)
    found = SparkplugDecoder(profile).decode([born])
    assert rows_of(found) == [("main", (TS_MS + 900_000 * n) * 1000, {"energy_kwh": 640.0 + n}) for n in range(3)]


def test_a_node_that_fits_nothing_is_reported_with_its_metrics(decoder):
    decoder.topics("spBv1.0/BMA/edge-1/panel")
    born = message(
        "DBIRTH", 1, {"name": "Main/Energy", "double_value": 1.0}, {"name": "Active Power", "double_value": 1.0}
    )
    found = decoder.decode([nbirth(), born])
    (bad,) = found.undecoded
    assert "'Main/Energy', 'Active Power'" in bad.detail
    assert "energy" in bad.detail


def test_a_node_whose_meters_are_its_devices_is_no_misfit(decoder):
    decoder.topics("spBv1.0/BMA/edge-1/panel")
    own = message("NBIRTH", 0, {"name": "Properties/Hardware", "string_value": "x"}, device="")
    assert decoder.decode([own, dbirth()]).undecoded == ()


@pytest.mark.parametrize(
    "metric",
    [
        pytest.param({"datatype": 18, "bytes_value": b"file"}, id="file"),
        pytest.param({"extension_value": b"x"}, id="extension"),
        pytest.param({"datatype": 32, "bytes_value": b"x"}, id="boolean_array"),
    ],
)
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


def test_members_of_templates_count_among_a_payloads_metrics(decoder):
    payload = Payload(timestamp=TS_MS, seq=0)
    metric = payload.metrics.add(name="main/meter")
    for _ in range(7):
        metric = metric.template_value.metrics.add(name="energy")
    for _ in range(MAX_METRICS):
        metric.template_value.metrics.add(name="energy", double_value=1.0)
    deep = message("DBIRTH", 0)._replace(payload=payload.SerializeToString())
    many = message("DBIRTH", 0, *[{"name": "main/energy", "double_value": 1.0}] * (MAX_METRICS + 1))
    for given in (deep, many):
        assert Reason.TOO_LARGE in [bad.reason for bad in decoder.decode([given]).undecoded]


def test_what_has_a_name_is_stored_beside_what_has_none(decoder):
    decoder.decode([nbirth(), dbirth()])
    found = decoder.decode([ddata(2, {"alias": 1, "double_value": 5.0}, {"alias": 99, "double_value": 1.0})])
    assert rows_of(found)[0][2] == {"energy_kwh": 5.0}
    assert [bad.reason for bad in found.undecoded] == [Reason.NO_BIRTH]


def test_births_outlive_the_process_and_are_asked_for_once_more(decoder):
    decoder.decode([nbirth(), dbirth()])
    later = SparkplugDecoder(PROFILES["sparkplug-b"])
    later.births.learn(decoder.births.changed())
    found = later.decode([ddata(2, {"alias": 3, "double_value": 8.0})])
    assert rows_of(found) == [("aircon", TS_MS * 1000, {"energy_kwh": 8.0})]
    assert len(found.outgoing) == 1, "its names may be others by now"


def test_a_new_birth_of_the_node_ends_those_of_its_devices(decoder):
    decoder.decode([nbirth(), dbirth()])
    decoder.births.stored()
    decoder.decode([nbirth()])
    again = SparkplugDecoder(PROFILES["sparkplug-b"])
    again.births.learn(decoder.births.changed())
    for each in (decoder, again):
        assert each.decode([ddata(2, {"alias": 1, "double_value": 1.0})]).undecoded[0].reason is Reason.NO_BIRTH


def test_with_several_ingesters_births_of_devices_may_come_before_their_node(decoder):
    decoder.births.is_shared = True
    decoder.decode([message("DBIRTH", 1, {"name": "main/energy", "alias": 1}, at_ms=TS_MS + 5)])
    decoder.decode([message("NBIRTH", 0, device="", at_ms=TS_MS)])
    assert decoder.decode([ddata(9, {"alias": 1, "double_value": 1.0})]).undecoded == ()
    decoder.decode([message("NBIRTH", 0, device="", at_ms=TS_MS + 10)])
    assert decoder.decode([ddata(9, {"alias": 1, "double_value": 1.0})]).undecoded[0].reason is Reason.NO_BIRTH


def test_what_is_replayed_changes_no_birth(decoder):
    decoder.decode([nbirth(), dbirth()])
    decoder.births.is_frozen = True
    decoder.decode([nbirth(), message("NDEATH", None, device="")])
    assert decoder.decode([ddata(2, {"alias": 1, "double_value": 1.0})]).undecoded == ()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_payloads_of_other_encoders_are_read(vector):
    decoder = SparkplugDecoder(PROFILES["sparkplug-b"])
    found = [
        decoder.decode([Message(step["topic"], bytes.fromhex(step["payload"]), received_us=RECEIVED_US)])
        for step in vector["messages"]
    ]
    readings = [(key, ts_us // 1000, pytest.approx(values)) for each in found for key, ts_us, values in rows_of(each)]
    assert readings == [(one["key"], one["ts_ms"], one["values"]) for one in vector["readings"]]
