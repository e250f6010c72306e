"""Keys of topics, keys listed once, clocks that were never set, frames of items, and what devices expect to be answered."""

from __future__ import annotations

import base64
import json

import pytest
from pydantic import ValidationError

from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.check import payload_faults
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Message, Reason
from bkkenergy.payloads.profile import FieldSpec, Profile, ReplySpec, TimeSpec, TlvSpec
from bkkenergy.payloads.topics import MAX_REMEMBERED, TopicFilters
from tests.builders import meter
from tests.unit.payloads.test_payloads import RECEIVED_US, rows_of

ENERGY = {"energy_kwh": FieldSpec(path="e", unit="kWh")}


def profile_of(**given) -> Profile:
    return Profile(**({"id": "own", "name_en": "own", "source": "test", "family": "fields", "fields": ENERGY} | given))


def message(topic: str, payload: object, **given) -> Message:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(topic, body, received_us=RECEIVED_US, **given)


def read(profile: Profile, *messages: Message):
    return FAMILIES[profile.family](profile).decode(list(messages))


def stored(sorter: Sorter, *messages: Message) -> list[tuple[str, float]]:
    outcome = sorter.sort(list(messages), now_us=RECEIVED_US)
    assert outcome.refused == ()
    batch = outcome.batch
    return [
        (batch.meter_ids[number], value) for number, value in zip(batch.meter, batch.column("energy_kwh"), strict=True)
    ]


WIDE = profile_of(topic_key=2)
SORTED = {"own": WIDE}


def wide_meters(*keys: str):
    return [meter(key, topic="site/+/up", payload="own", key=key) for key in keys]


def test_a_level_of_the_topic_is_the_meters_key():
    sorter = Sorter(wide_meters("pump", "lift"), SORTED, max_ahead_s=300)
    found = stored(sorter, message("site/lift/up", {"e": 2}), message("site/pump/up", {"e": 1}))
    assert [(name.rpartition(".")[2], kwh) for name, kwh in found] == [("lift", 2.0), ("pump", 1.0)]
    assert sorter.topics == ("site/+/up",), "one subscription for all of them"


def test_a_key_that_no_meter_has_and_a_topic_that_no_filter_fits_are_unknown():
    sorter = Sorter(wide_meters("pump"), SORTED, max_ahead_s=300)
    messages = [
        message("site/fan/up", {"e": 1}),
        message("site/pump/down", {"e": 1}),
        message("site/a/pump/up", {"e": 1}),
    ]
    outcome = sorter.sort(messages, now_us=RECEIVED_US)
    assert [one.reason for one in outcome.refused] == [Reason.UNKNOWN_METER] * 3
    assert "'fan'" in next(one.detail for one in outcome.refused if one.topic == "site/fan/up")


def test_a_meter_with_the_whole_topic_and_one_with_a_level_open_are_both_read():
    exact = meter("hall", topic="site/hall/up", payload="own", key="hall")
    sorter = Sorter([exact, *wide_meters("pump")], SORTED, max_ahead_s=300)
    found = stored(sorter, message("site/hall/up", {"e": 3}), message("site/pump/up", {"e": 4}))
    assert sorted(kwh for _, kwh in found) == [3.0, 4.0]


def test_plain_numbers_have_keys_of_topics_too():
    numbers = profile_of(
        family="number", topic_key=2, fields={"energy_kwh": FieldSpec(suffix="emeter/0/total", unit="Wh")}
    )
    sorter = Sorter([meter("pump", topic="shellies/+", payload="own", key="em-1")], {"own": numbers}, max_ahead_s=300)
    assert [kwh for _, kwh in stored(sorter, message("shellies/em-1/emeter/0/total", b"1500"))] == [1.5]
    assert sorter.timeless_topics([message("shellies/em-1/emeter/0/total", b"1")]) == {"shellies/em-1/emeter/0/total"}


def test_a_topic_with_an_open_level_needs_a_key():
    assert payload_faults(wide_meters("pump"), SORTED) == []
    for open_meter, profiles in (
        (meter("pump", topic="site/+/up", payload="own"), SORTED),
        (
            meter("pump", topic="site/+/up", payload="canonical"),
            {"canonical": profile_of(id="canonical", family="canonical")},
        ),
    ):
        (fault,) = payload_faults([open_meter], profiles)
        assert "nothing says which one this is" in fault.what


def test_two_profiles_on_one_topic_are_seen_though_one_leaves_a_level_open():
    other = profile_of(id="other", topic_key=2)
    both = [meter("hall", topic="site/hall/up", payload="other", key="hall"), *wide_meters("pump")]
    (fault,) = payload_faults(both, {"own": WIDE, "other": other})
    assert "has no `when`" in fault.what
    assert (
        payload_faults(
            [both[0].model_copy(update={"topic": "elsewhere/hall/up"}), *both[1:]], {"own": WIDE, "other": other}
        )
        == []
    )


def test_what_begins_with_a_dollar_fits_no_filter_that_begins_open():
    filters = TopicFilters(["+/x", "$SYS/+"])
    assert filters.matching("$SYS/x") == ("$SYS/+",)
    assert filters.matching("a/x") == ("+/x",)
    assert filters.matching("a/x/y") == ()


def test_topics_that_anybody_makes_up_are_not_remembered_without_end():
    filters = TopicFilters(["a/+"])
    for number in range(MAX_REMEMBERED + 10):
        filters.matching(f"a/{number}")
    assert len(filters._known) == MAX_REMEMBERED


TAGS = profile_of(
    keys=["Ch.m1", "Ch.m2", "Ch.m 3"],
    when="length(values[?starts_with(id, '{key}')]) > `0` && values[?id=='{key}.kWh'] | [0].q",
    time=TimeSpec(path="values[?id=='{key}.kWh'] | [0].t"),
    fields={
        "energy_kwh": FieldSpec(path="values[?id=='{key}.kWh'] | [0].v", unit="kWh"),
        "reactive_kvarh": FieldSpec(path="values[?id=='{key}.kvarh'] | [0].v", unit="kvarh"),
    },
)


def tag(name: str, value: float, *, q: bool = True) -> dict[str, object]:
    return {"id": name, "v": value, "q": q, "t": 1_795_500_000_000}


def test_keys_are_listed_once_for_the_paths_of_many_meters():
    found = read(TAGS, message("t", {"values": [tag("Ch.m1.kWh", 5), tag("Ch.m1.kvarh", 2), tag("Ch.m 3.kWh", 7)]}))
    assert [(key, values) for key, _, values in rows_of(found)] == [
        ("Ch.m1", {"energy_kwh": 5.0, "reactive_kvarh": 2.0}),
        ("Ch.m 3", {"energy_kwh": 7.0}),
    ]
    assert found.undecoded == ()


def test_a_bad_value_of_one_key_leaves_the_others_alone():
    found = read(TAGS, message("t", {"values": [tag("Ch.m1.kWh", 5, q=False), tag("Ch.m2.kWh", 6)]}))
    assert [key for key, *_ in rows_of(found)] == ["Ch.m2"]


def test_a_payload_of_none_of_the_keys_is_a_fault():
    flat = profile_of(keys=["1", "2"], fields={"energy_kwh": FieldSpec(path="E{key}", unit="Wh")})
    assert [values["energy_kwh"] for *_, values in rows_of(read(flat, message("t", {"E1": 1000, "E2": 2000})))] == [
        1,
        2,
    ]
    assert [bad.reason for bad in read(flat, message("t", {"E9": 1})).undecoded] == [Reason.NOT_DECODED]
    (fault,) = payload_faults([meter("pump", payload="own", key="3")], {"own": flat})
    assert "none of the keys" in fault.what


@pytest.mark.parametrize("key", ["a'b", "a`b", 'a"b', "a]b", "", "x" * 101, "a|b", "a{b"])
def test_a_key_cannot_end_a_path_and_begin_another(key):
    with pytest.raises(ValidationError):
        profile_of(keys=[key], fields={"energy_kwh": FieldSpec(path="E{key}", unit="Wh")})


@pytest.mark.parametrize(
    "given",
    [{"key": "a", "topic_key": 1}, {"key": "a", "keys": ["b"]}, {"keys": ["b"], "each": "x"}, {"keys": ["b", "b"]}],
    ids=str,
)
def test_one_thing_alone_says_whose_a_reading_is(given):
    with pytest.raises(ValidationError):
        profile_of(**given)


def test_a_clock_that_was_never_set_by_the_profiles_own_measure():
    made = profile_of(time=TimeSpec(path="t", form="local", unset_before="2024-01-01"))
    unset, running = (
        read(made, message("t", {"t": "2021-01-01T00:00:09", "e": 1})),
        read(made, message("t", {"t": "2026-11-23T09:00:00", "e": 1})),
    )
    assert unset.ts_us.tolist() == [RECEIVED_US]
    assert running.ts_us.tolist() != [RECEIVED_US]


ITEMS = profile_of(
    family="chirpstack",
    tlv={
        "ff0b": TlvSpec(skip_bytes=1),
        "0374": TlvSpec(name="voltage", type="u16"),
        "0683": TlvSpec(name="energy", type="u32", no_value=(0xFFFFFFFF,)),
    },
    fields={
        "energy_kwh": FieldSpec(path="object.energy", unit="Wh"),
        "voltage_l1_v": FieldSpec(path="object.voltage", unit="V", scale=0.1),
    },
)


def frame(hexadecimal: str) -> dict[str, str]:
    return {"data": base64.b64encode(bytes.fromhex(hexadecimal)).decode()}


def test_a_frame_of_items_is_read_item_by_item():
    found = read(ITEMS, message("t", frame("ff0b01 0374b208 068310270000")))
    assert [values for *_, values in rows_of(found)] == [{"energy_kwh": 10.0, "voltage_l1_v": pytest.approx(222.6)}]
    assert found.undecoded == ()


def test_what_comes_before_an_unknown_item_counts_and_the_rest_is_reported():
    found = read(ITEMS, message("t", frame("0374b208 7f99010203")))
    assert [values for *_, values in rows_of(found)] == [{"voltage_l1_v": pytest.approx(222.6)}]
    assert "7f99" in found.undecoded[0].detail


@pytest.mark.parametrize("hexadecimal", ["0374b2", "0683102700", "03", "ff0b"])
def test_a_frame_that_is_cut_short_is_a_fault(hexadecimal):
    found = read(ITEMS, message("t", frame(hexadecimal)))
    assert len(found) == 0
    assert [bad.reason for bad in found.undecoded] == [Reason.NOT_DECODED]


def test_a_frame_of_settings_alone_is_no_fault():
    found = read(ITEMS, message("t", frame("ff0b01")))
    assert (len(found), found.undecoded, found.ignored_count) == (0, (), 1)


ANSWERED = profile_of(
    ignore="type != 'data'", replies=[ReplySpec(when="type == 'login'", of="/gw/", by="/server/", body={"type": "login", "res": 1})]
)  # fmt: skip


def test_a_device_that_logs_in_is_answered_and_its_login_is_no_fault():
    found = read(
        ANSWERED, message("/gw/x/login/7", {"type": "login"}), message("/gw/x/data/7", {"type": "data", "e": 1})
    )
    assert [(one.topic, json.loads(one.payload)) for one in found.outgoing] == [
        ("/server/x/login/7", {"type": "login", "res": 1})
    ]
    assert (len(found), found.undecoded, found.ignored_count) == (1, (), 1)


@pytest.mark.parametrize("given", [{"retained": True}, {"late": True}], ids=str)
def test_what_was_sent_long_ago_is_not_answered(given):
    assert read(ANSWERED, message("/gw/x/login/7", {"type": "login"}, **given)).outgoing == ()


def test_an_answer_never_goes_to_the_topic_that_it_answers():
    assert read(ANSWERED, message("elsewhere", {"type": "login"})).outgoing == ()
    with pytest.raises(ValidationError):
        ReplySpec(when="@", of="/gw/", by="/gw/", body={})
