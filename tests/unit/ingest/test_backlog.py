"""A backlog without times becomes one value a topic, and live messages stay as they are."""

from __future__ import annotations

import pytest

from bkkenergy.ingest.backlog import Backlog
from bkkenergy.payloads.message import Message
from bkkenergy.readings import US_PER_S

T0_US = 1_795_402_800_000_000


def at(seconds: float, topic="a", *, epoch=3, payload=b"1", **given) -> Message:
    return Message(topic, payload, epoch=epoch, received_us=T0_US + round(seconds * US_PER_S), **given)


def stamps(backlog: Backlog, *messages: Message, resumed=3, topics=frozenset({"a", "b"})) -> list[float]:
    stamped, _, _ = backlog.as_of_begin(messages, resumed, topics)
    return [(message.received_us - T0_US) / US_PER_S for message in stamped]


def test_a_burst_after_a_resumed_session_is_of_its_first_instant_and_what_follows_is_live():
    backlog = Backlog()
    burst = [at(n * 0.1) for n in range(60)]
    assert stamps(backlog, *burst) == [0.0] * 60
    assert stamps(backlog, at(6.5)) == [0.0], "also over the batches"
    assert stamps(backlog, at(60), at(61), at(120)) == [60, 61, 120]


def test_topics_have_bursts_of_their_own():
    assert stamps(Backlog(), at(0), at(1, "b"), at(2), at(3, "b")) == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "message",
    [at(1, epoch=2), at(1, epoch=4), at(1, "other"), at(1, retained=True)],
    ids=["earlier connection", "later connection", "has a time", "retained"],
)
def test_other_messages_are_left_alone(message):
    assert stamps(Backlog(), at(0), message) == [0, 1]


def test_without_a_resumed_session_nothing_is_moved():
    assert stamps(Backlog(), at(0), at(1), resumed=0) == [0, 1]


def test_a_topic_that_sends_each_second_is_live_again_after_two_minutes():
    found = stamps(Backlog(), *(at(n) for n in range(200)))
    assert found[:120] == [0.0] * 120
    assert found[120:] == [float(n) for n in range(120, 200)]


def test_the_next_resumed_session_begins_with_bursts_of_its_own():
    backlog = Backlog()
    stamps(backlog, at(0), at(1), at(60))
    assert stamps(backlog, at(100, epoch=5), at(101, epoch=5), resumed=5) == [100, 100]


def test_what_was_moved_is_counted_and_each_burst_named_once():
    backlog = Backlog()
    _, moved, begun = backlog.as_of_begin([at(0), at(0.1), at(0.2), at(0.3, "b")], 3, {"a", "b"})
    assert (moved, begun) == (2, ["a"])
    assert backlog.as_of_begin([at(0.4), at(0.5, "b")], 3, {"a", "b"})[1:] == (2, ["b"])
