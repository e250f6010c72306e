"""A message to ourselves comes back while the session lives, and is missed aloud when it does not."""

from __future__ import annotations

import pytest

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.canary import Canary
from bkkenergy.payloads.message import Message


class Line:
    """A canary on a clock of ours, with what it published and reported."""

    def __init__(self) -> None:
        self.now_s, self.published, self.troubles = 1000.0, [], []
        self.canary = Canary("ing", 60.0, lambda: self.now_s)
        self.canary.connected()

    def after(self, seconds: float) -> None:
        self.now_s += seconds
        self.canary.tend(lambda topic, payload: self.published.append(Message(topic, payload)), self.troubles.append)

    def hears(self, *messages: Message) -> list[Message]:
        return self.canary.sifted(list(messages))[0]


@pytest.fixture
def line():
    return Line()


def test_one_is_sent_at_the_connection_and_then_each_minute(line):
    for seconds in (0, 30, 31):
        line.after(seconds)
        line.hears(*line.published[-1:])
    assert [message.payload for message in line.published] == [b"1", b"2"]
    assert line.troubles == []


def test_the_messages_of_others_pass_and_ours_do_not(line):
    line.after(0)
    other = Message("bma/a/b/c/readings", b"1")
    assert line.hears(other, *line.published, other) == [other, other]


def test_one_that_does_not_come_back_is_reported_once_and_heard_again_later(line):
    line.after(0)
    for _ in range(5):
        line.after(20)
    assert [trouble.kind for trouble in line.troubles] == [TroubleKind.CANARY_MISSED]
    assert "meters acl" in line.troubles[0].remedy, "it was never heard: perhaps it may not be written"
    line.hears(line.published[-1])
    assert not line.canary.is_missed
    for _ in range(8):
        line.after(20)
    assert "dead" in line.troubles[1].remedy


def test_behind_a_backlog_it_may_wait_for_long_but_not_for_ever(line):
    line.after(0)
    for _ in range(29):
        line.after(20)
        line.hears(Message("other", b""))
    assert line.troubles == []
    line.after(21)
    assert len(line.troubles) == 1


def test_what_was_sent_on_an_earlier_connection_is_not_awaited(line):
    line.after(0)
    line.canary.connected()
    line.after(0)
    line.hears(line.published[-1])
    line.after(31)
    assert line.troubles == []


def test_once_it_was_heard_no_cut_is_its_fault(line):
    line.after(0)
    line.hears(*line.published)
    for _ in range(5):
        line.canary.disconnected(line.troubles.append)
    assert (line.canary.guard.is_off, line.troubles) == (False, [])
