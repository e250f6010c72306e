"""A message to ourselves comes back while the session lives, and is missed aloud when it does not."""

from __future__ import annotations

import errno
import os

import pytest
from paho.mqtt.client import MQTTMessageInfo
from structlog.testing import capture_logs

from bkkenergy.adapters import awaited
from bkkenergy.adapters.awaited import DROPPED_AFTER_S
from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.canary import BUSY_MESSAGES, Canary
from bkkenergy.adapters.canary_file import CanaryFile
from bkkenergy.adapters.cut_guard import let_try_again, unless_off
from bkkenergy.adapters.queue_span import COUNT_WITHIN_S, IDLE_S, QueueCounts, QueuedAtOnce
from bkkenergy.adapters.renewal import Renewal
from bkkenergy.payloads.message import Message

OTHER = Message("bma/a/b/c/readings", b"1", qos=1)


class Line:
    """A canary on a clock of ours, with what it published and reported."""

    def __init__(self, folder) -> None:
        self.now_s, self.published, self.troubles, self.answers = 1000.0, [], [], []
        self.file = folder / "canary"
        self.starts()
        self.canary.connected()

    def starts(self, share: str = "") -> None:
        """A process, after one that was killed."""
        self.canary = Canary("ing", 60.0, lambda: self.now_s, share=share, file=CanaryFile(self.file))

    def resumes(self) -> None:
        self.canary.connected(is_resumed=True)
        self.canary.send(self.publish)

    def is_acknowledged(self) -> None:
        """The broker has what was published."""
        for answer in self.answers:
            answer._set_as_published()
        self.after(0)

    def takes(self, count: int) -> None:
        """Messages of others come and are acknowledged."""
        self.hears(*[OTHER] * count)
        self.canary.before_acknowledging(self.publish, [OTHER] * count)

    def echoes(self) -> None:
        """A canary is sent and comes back."""
        self.canary.send(self.publish)
        self.hears(self.published[-1])

    def after(self, seconds: float) -> None:
        self.now_s += seconds
        self.canary.tend(self.publish, self.troubles.append)

    def is_busy_for(self, seconds: float) -> None:
        self.now_s += seconds
        self.hears(*[Message("bma/a/b/c/readings", b"1")] * BUSY_MESSAGES)
        self.canary.before_acknowledging(self.publish)

    def publish(self, topic: str, payload: bytes) -> MQTTMessageInfo:
        self.published.append(Message(topic, payload))
        self.answers.append(MQTTMessageInfo(len(self.published)))
        return self.answers[-1]

    def hears(self, *messages: Message) -> list[Message]:
        return self.canary.sifted(list(messages))[0]


@pytest.fixture
def line(tmp_path):
    line = Line(tmp_path)
    yield line
    line.canary.close()


def test_one_is_sent_at_the_connection_and_then_each_minute(line):
    for seconds in (0, 30, 31):
        line.after(seconds)
        line.hears(*line.published[-1:])
    first, second = (int(message.payload) for message in line.published)
    assert second == first + 1
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
    line.hears(*line.published)
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


def test_what_a_store_held_up_is_missed_only_when_it_stays_away_after_that(line):
    line.canary.before_acknowledging(line.publish)
    line.after(0)
    line.now_s += 700
    line.canary.before_acknowledging(line.publish)
    line.after(29)
    assert line.troubles == []
    line.after(2)
    assert [trouble.kind for trouble in line.troubles] == [TroubleKind.CANARY_MISSED]


def test_what_was_sent_on_an_earlier_connection_is_not_awaited(line):
    line.after(0)
    line.canary.connected()
    line.after(0)
    line.hears(line.published[-1])
    line.after(31)
    assert line.troubles == []


def test_a_broker_that_took_it_did_not_end_the_connection_for_it(line):
    sent = MQTTMessageInfo(1)
    line.canary.guard.sent(sent)
    line.canary.disconnected(line.troubles.append)
    sent._set_as_published()
    for _ in range(3):
        line.canary.disconnected(line.troubles.append)
    assert (line.canary.guard.is_off, line.troubles) == (False, [])
    line.canary.guard.sent(MQTTMessageInfo(2))
    line.canary.disconnected(line.troubles.append)
    assert (line.canary.guard.is_off, len(line.troubles)) == (True, 1)


def test_once_it_was_heard_no_cut_is_its_fault(line):
    line.after(0)
    line.hears(*line.published)
    for _ in range(5):
        line.canary.disconnected(line.troubles.append)
    assert (line.canary.guard.is_off, line.troubles) == (False, [])


def test_what_was_given_up_is_tried_again_ever_less_often(line):
    guard = line.canary.guard
    line.canary.disconnected(line.troubles.append)
    for connected_s in (600, 1_200, 2_400, *[86_400] * 9):
        line.canary.disconnected(line.troubles.append)
        assert (guard.is_off, unless_off(line.canary)) == (True, None)
        if connected_s < 86_400:
            assert not let_try_again([None, line.canary], connected_s - 1)
        assert let_try_again([None, line.canary], connected_s)
        assert (guard.is_off, unless_off(line.canary)) == (False, line.canary)
        assert not let_try_again([line.canary], connected_s), "it is tried"
    line.after(0)
    line.hears(*line.published)
    line.canary.disconnected(line.troubles.append)
    assert not guard.is_off, "once it was heard no cut is its fault"


def test_a_backlog_of_both_kinds_has_one_more_connection_and_no_third(line):
    renewal = line.canary.renewal
    for is_resumed, expected in ((True, True), (True, False), (True, True), (False, False)):
        line.canary.connected(is_resumed=is_resumed)
        line.after(0)
        line.hears(Message("a", b"", qos=1), Message("b", b"", qos=0))
        assert renewal.reason(canary_is_missed=False) == "", "there may be more of it"
        line.hears(line.published[-1])
        line.hears(Message("c", b"", qos=0))
        assert (renewal.reason(canary_is_missed=False) != "") is expected
        assert renewal.reason(canary_is_missed=False) == "", "said once"


def test_a_backlog_of_one_kind_needs_none(line):
    line.canary.connected(is_resumed=True)
    line.after(0)
    line.hears(Message("a", b"", qos=1), *line.published)
    line.hears(Message("b", b"", qos=0))
    assert line.canary.renewal.reason(canary_is_missed=False) == ""


def test_while_it_is_missed_connections_are_made_ever_less_often_and_at_once_the_next_time(line):
    def seconds_of(until_s: int) -> list[int]:
        start_s, renewed = line.now_s, []
        for second in range(until_s):
            line.now_s = start_s + second
            if line.canary.renewal.reason(canary_is_missed=True):
                renewed.append(second)
        return renewed

    line.canary.renewal = Renewal(lambda: line.now_s)
    assert seconds_of(20_000) == [0, 60, 180, 420, 900, 1860, 3780, 7380, 10980, 14580, 18180]
    assert line.canary.renewal.reason(canary_is_missed=False) == ""
    assert seconds_of(100) == [0, 60]


def test_one_that_later_ones_pass_was_dropped_and_that_is_said_with_its_time(line):
    for _ in range(4):
        line.is_busy_for(0.6)
    line.hears(line.published[0], line.published[3])
    line.after(DROPPED_AFTER_S - 0.1)
    assert line.troubles == [], "a broker may send them in another order"
    line.after(0.2)
    (trouble,) = line.troubles
    assert (trouble.kind, trouble.what.values["count"], trouble.what.values["of"]) == (TroubleKind.QUEUE_FULL, 2, 2)
    line.hears(line.published[-1])
    line.after(60)
    assert len(line.troubles) == 1, "said once"


def test_a_queue_that_stays_full_is_said_once_a_minute_with_all_that_was_dropped(line):
    for _ in range(2 * 60):
        line.is_busy_for(0.5)
        if len(line.published) % 2:
            line.hears(line.published[-1])
        line.after(0.5)
    counts = [trouble.what.values["count"] for trouble in line.troubles]
    assert len(counts) == 2, "in two minutes"
    assert counts[0] == 1
    assert counts[1] == pytest.approx(60 / 2, abs=2)


@pytest.mark.parametrize(("is_resumed", "expected"), [(True, [TroubleKind.QUEUE_FULL]), (False, [])])
def test_what_was_dropped_before_a_connection_ended_is_said_on_the_next_one(line, is_resumed, expected):
    line.after(0)
    line.after(5)
    line.hears(line.published[-1])
    line.canary.connected(is_resumed=is_resumed)
    line.after(DROPPED_AFTER_S - 0.1)
    assert line.troubles == [], "it may come yet"
    line.after(0.2)
    assert [trouble.kind for trouble in line.troubles] == expected


def test_one_that_comes_late_after_all_was_not_dropped(line):
    line.after(0)
    line.after(5)
    line.hears(line.published[1])
    line.after(DROPPED_AFTER_S - 0.1)
    line.hears(line.published[0])
    line.after(60)
    assert line.troubles == []


def test_where_many_messages_come_one_is_sent_twice_a_second_and_no_more_than_are_to_be_remembered(line, monkeypatch):
    monkeypatch.setattr(awaited, "MAX_AWAITED", 5)
    for _ in range(40):
        line.is_busy_for(0.25)
    assert len(line.published) == 5
    line.hears(*line.published)
    line.is_busy_for(0.6)
    assert len(line.published) == 6


def test_one_alone_that_was_dropped_is_no_dead_session(line):
    """The queue was full when it came, and nothing comes after: another shows which it is."""
    line.after(0)
    line.after(5)
    line.hears(line.published[1])
    line.after(40)
    assert [trouble.kind for trouble in line.troubles] == [TroubleKind.QUEUE_FULL]


@pytest.mark.parametrize("payload", [b"", b"-1", b"x", b"9" * 5_000, "๑".encode()])
def test_what_is_no_number_of_ours_is_no_canary(line, payload):
    line.after(0)
    line.hears(Message(line.canary.topic, payload))
    assert line.canary._awaited.oldest_s is not None


def test_a_backlog_is_what_comes_before_the_first_canary_of_a_resumed_session(line):
    line.canary.connected(is_resumed=True)
    line.canary.send(line.publish)
    line.hears(*[OTHER] * 3)
    line.hears(*[OTHER._replace(retained=True)] * 200)
    line.hears(*[OTHER] * 4, line.published[-1])
    line.hears(*[OTHER] * 2)
    assert line.canary.longest_span() is None, "the broker's own count is awaited"
    line.now_s += COUNT_WITHIN_S
    span = line.canary.longest_span()
    assert span == QueuedAtOnce(7, was_away=True)
    for each in (span, QueuedAtOnce(7, was_away=False)):
        assert line.canary.longest_span() == each
        line.canary.judged(each)
    assert line.canary.longest_span() is None


def test_what_the_broker_acknowledged_before_a_kill_and_does_not_deliver_is_said_by_the_next_process(line):
    line.after(0)
    line.is_acknowledged()
    line.starts()
    line.resumes()
    line.hears(line.published[-1])
    line.after(DROPPED_AFTER_S - 0.1)
    assert line.troubles == []
    line.after(0.2)
    assert [trouble.kind for trouble in line.troubles] == [TroubleKind.MESSAGES_LOST]
    line.starts()
    line.resumes()
    line.hears(line.published[-1])
    line.after(DROPPED_AFTER_S)
    assert len(line.troubles) == 1, "once"


@pytest.mark.parametrize("has_come", [False, True])
def test_what_may_never_have_reached_the_broker_or_has_come_is_not_awaited_after_a_kill(line, has_come):
    line.after(0)
    if has_come:
        line.is_acknowledged()
        line.hears(line.published[0])
    line.starts()
    line.resumes()
    line.hears(line.published[-1])
    line.after(60)
    assert line.troubles == []


@pytest.mark.parametrize(("comes", "expected"), [(True, []), (False, [TroubleKind.MESSAGES_LOST])])
def test_one_that_is_left_in_the_session_shows_whether_the_broker_kept_it(line, comes, expected):
    line.after(0)
    line.hears(line.published[0])
    line.is_acknowledged()

    def publish(topic: str, payload: bytes) -> MQTTMessageInfo:
        info = line.publish(topic, payload)
        info._set_as_published()
        return info

    line.canary.part(publish)
    line.hears(line.published[-1])  # the broker delivers it at once, and it is not acknowledged
    left = line.published[-1]
    line.starts()
    line.resumes()
    line.hears(*[left] * comes, *[OTHER] * 7, line.published[-1])
    line.after(60)
    assert [trouble.kind for trouble in line.troubles] == expected
    assert line.canary.longest_span() == QueuedAtOnce(7, was_away=True), "the one that was left is before the backlog"


def test_where_a_canary_was_never_heard_none_is_left(line):
    line.canary.part(line.publish)
    assert line.published == []


def test_a_span_goes_on_over_kills_until_a_canary_has_come_and_is_judged(line):
    line.after(0)
    line.takes(30)
    for taken in (400, 300):
        line.starts()
        line.resumes()
        line.takes(taken)
    line.starts()
    line.resumes()
    line.hears(*[OTHER] * 5, line.published[-1])
    line.starts()
    line.resumes()
    assert line.canary.longest_span() is None
    line.after(COUNT_WITHIN_S)
    assert line.canary.longest_span() == QueuedAtOnce(5, was_away=True)
    line.canary.judged(QueuedAtOnce(5, was_away=True))
    assert line.canary.longest_span() == QueuedAtOnce(735, was_away=False)


def test_a_pause_while_one_is_unacknowledged_says_nothing_of_the_queue(line):
    """The store is away: the broker may wait for acknowledgements with a queue that fills."""
    line.takes(10)
    line.hears(*[OTHER] * 20)
    line.now_s += IDLE_S
    line.hears(*[OTHER] * 5)
    line.canary.send(line.publish)
    line.hears(line.published[-1])
    assert line.canary._span.counts.live == 35


def test_a_span_begins_where_the_canary_before_was_sent_and_a_longer_one_is_judged_anew(line):
    for before, behind, expected in ((5, 1, 6), (4, 0, 5), (7, 0, 7)):
        line.takes(before)
        line.canary.send(line.publish)
        line.takes(behind)
        line.hears(line.published[-1])
        assert line.canary._span.counts.live == expected
        line.canary.judged(QueuedAtOnce(6, was_away=False))
    line.after(COUNT_WITHIN_S)
    assert line.canary.longest_span() == QueuedAtOnce(7, was_away=False)


def test_after_a_pause_the_queue_was_empty_unless_a_canary_is_awaited(line):
    for pause_s, is_awaited, expected in ((IDLE_S, False, 20), (IDLE_S, True, 40), (IDLE_S / 2, False, 40)):
        line.canary._span.counts = QueueCounts()
        line.canary.connected()
        line.takes(20)
        if is_awaited:
            line.canary.send(line.publish)
        line.now_s += pause_s
        line.takes(20)
        line.canary.send(line.publish)
        line.hears(line.published[-1])
        assert line.canary._span.counts.live == expected


def test_a_flood_between_two_canaries_ends_with_a_pause(line):
    line.takes(30)
    line.now_s += IDLE_S
    line.takes(1)
    assert line.canary._span.counts == QueueCounts(gone=31, base=30, live=30)


def test_among_those_that_share_no_canary_ends_a_flood_and_a_pause_does(line):
    line.starts(share="group")
    line.resumes()
    line.hears(line.published[-1])
    for _ in range(4):
        line.takes(100)
        line.echoes()
    line.canary.connected(is_resumed=True)
    line.echoes()
    line.after(COUNT_WITHIN_S)
    span = QueuedAtOnce(400, was_away=False, is_of_group=True)
    assert line.canary.longest_span() == span
    line.echoes()
    line.canary.judged(span)
    line.after(COUNT_WITHIN_S)
    line.echoes()
    assert line.canary.longest_span() is None


@pytest.mark.parametrize(
    ("share", "pause_s", "at_once", "is_ended"),
    [("group", 0.1, 1, True), ("group", 0.04, 1, False), ("", 0.1, 1, False), ("group", 0.1, 10, False)],
)
def test_moments_of_a_second_in_all_are_a_pause_among_those_that_share(line, share, pause_s, at_once, is_ended):
    line.starts(share)
    line.canary.connected()
    spans = []
    for _ in range(40):
        line.takes(at_once)
        counts = line.canary._span.counts
        spans.append(counts.gone - counts.base)
        line.now_s += pause_s
        line.hears(*line.published[-1:])
    assert (max(spans) < 25) is is_ended
    assert is_ended or max(spans) >= 40


def test_a_message_of_an_earlier_connection_and_one_without_an_answer_are_counted_once(line):
    line.canary.connected(is_resumed=True, epoch=3)
    line.canary.send(line.publish)
    line.hears(*[OTHER._replace(epoch=1)] * 9, *[OTHER._replace(epoch=3)] * 4, *[OTHER._replace(epoch=3, qos=0)] * 2)
    line.hears(line.published[-1])
    assert line.canary._span.counts.away == 6
    assert line.canary._span.counts.gone == 2


def test_a_session_that_is_lost_has_nothing_to_wait_for(line):
    line.after(0)
    line.is_acknowledged()
    line.starts()
    line.canary.connected(is_resumed=False)
    line.canary.send(line.publish)
    line.hears(*[OTHER] * 5, line.published[-1])
    line.after(60)
    assert line.troubles == []


@pytest.mark.parametrize("written", [b"", b"x", b"canary 1" + b"\xff" * 80, b"canary 1".ljust(64, b"\0") + b"[1,"])
def test_a_file_that_cannot_be_read_is_as_none(line, written):
    line.file.write_bytes(written)
    line.starts()
    line.resumes()
    line.hears(line.published[-1])
    line.after(60)
    assert line.troubles == []


@pytest.mark.parametrize("is_cut_short", [False, True])
def test_what_a_disk_refused_to_note_accuses_no_broker_at_the_next_start(line, monkeypatch, is_cut_short):
    line.after(0)
    line.is_acknowledged()

    def refuse(_descriptor: int, content: bytes, _offset: int) -> int:
        if not is_cut_short:
            raise OSError(errno.ENOSPC, "full")
        return len(content) - 1

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", refuse)
        line.hears(line.published[-1])
    line.starts()
    line.resumes()
    line.hears(line.published[-1])
    line.after(60)
    assert line.troubles == []


@pytest.mark.parametrize(("is_newer", "expected"), [(True, []), (False, [TroubleKind.MESSAGES_LOST])])
def test_what_a_program_without_notes_may_have_had_meanwhile_is_not_awaited(line, tmp_path, is_newer, expected):
    """An older program, or one with `canary_s = 0`, had the session: what was left in it came there."""
    line.after(0)
    line.is_acknowledged()
    noted_ns, mark = line.file.stat().st_mtime_ns, tmp_path / "session"
    mark.touch()
    os.utime(mark, ns=(noted_ns + is_newer, noted_ns + is_newer))
    line.canary = Canary("ing", 60.0, lambda: line.now_s, file=CanaryFile(line.file, mark))
    line.resumes()
    line.hears(line.published[-1])
    line.after(60)
    assert [trouble.kind for trouble in line.troubles] == expected


def test_a_disk_that_refuses_stops_nothing(line, tmp_path):
    line.file = tmp_path / "canary" / "below a file"
    with capture_logs() as logs:
        line.starts()
        line.resumes()
        line.hears(line.published[-1])
    assert [one["event"] for one in logs] == ["canary_file_refused"]
