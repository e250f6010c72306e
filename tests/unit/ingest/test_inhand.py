"""What stands in the file of messages in hand after a crash, and what becomes of it."""

from __future__ import annotations

from zlib import crc32

import pytest

from bkkenergy.ingest.inhand import LARGEST_BYTES, MAX_RECEIPTS, InHand, _framed
from bkkenergy.payloads.message import Message
from bkkenergy.settings import MqttSettings, Settings
from bkkenergy.site.folder import in_hand_file, session_mark

PILL = Message("gw/1", b"pill")
GOOD = [Message("gw/1", f"good {number}".encode()) for number in range(5)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "in-hand"


def crashed(in_hand: InHand) -> None:
    """The process is gone: nothing is cleared."""
    in_hand.close()


def test_after_an_orderly_end_nothing_is_under_suspicion(path):
    in_hand = InHand(path)
    in_hand.take([*GOOD, PILL])
    in_hand.clear()
    in_hand.close()
    assert InHand(path).suspects == {}


def test_what_was_acknowledged_before_a_crash_is_not_under_suspicion(path):
    in_hand = InHand(path)
    first = in_hand.take(GOOD[:2])
    in_hand.take([PILL])
    in_hand.done(first)
    crashed(in_hand)
    later = InHand(path)
    assert later.is_suspect(PILL)
    assert not any(later.is_suspect(message) for message in GOOD)


def test_messages_that_shared_a_crash_come_one_by_one_and_none_is_a_culprit(path):
    in_hand = InHand(path)
    in_hand.take([GOOD[0], PILL])
    in_hand.take([GOOD[1]])
    crashed(in_hand)
    for _ in range(3):  # however often they share it: a power cut is nobody's fault
        later = InHand(path)
        assert list(later.runs([GOOD[2], GOOD[0], PILL, GOOD[1], *GOOD[3:]])) == [
            [GOOD[2]], [GOOD[0]], [PILL], [GOOD[1]], GOOD[3:],
        ]  # fmt: skip
        assert not later.is_culprit(PILL)
        later.take([GOOD[0], PILL, GOOD[1]])
        crashed(later)


def test_what_was_alone_in_hand_at_two_crashes_is_a_culprit(path):
    for is_culprit in (False, False, True):
        in_hand = InHand(path)
        assert in_hand.is_culprit(PILL) is is_culprit
        in_hand.take([PILL])
        crashed(in_hand)


def test_a_message_that_is_dealt_with_is_cleared_of_suspicion(path):
    in_hand = InHand(path)
    in_hand.take([PILL])
    crashed(in_hand)
    in_hand = InHand(path)
    in_hand.done(in_hand.take([PILL]))
    assert in_hand.suspects == {}
    crashed(in_hand)
    assert InHand(path).suspects == {}


def test_all_that_can_be_unacknowledged_is_under_suspicion_the_oldest_too(path):
    """Of batches that are made safe together the oldest may be at fault. Where it is not alone, it never ends."""
    in_hand = InHand(path)
    messages = [Message("gw/1", f"{number}".encode()) for number in range(MAX_RECEIPTS)]
    for at in range(0, MAX_RECEIPTS, 10_000):
        in_hand.take(messages[at : at + 10_000])
    crashed(in_hand)
    later = InHand(path)
    assert later.is_suspect(messages[0])
    assert later.is_suspect(messages[-1])


def test_the_same_payload_on_another_topic_is_another_message(path):
    in_hand = InHand(path)
    in_hand.take([PILL])
    crashed(in_hand)
    assert not InHand(path).is_suspect(Message("gw/2", b"pill"))


def test_an_entry_cut_short_by_the_crash_hides_none_before_it(path):
    in_hand = InHand(path)
    in_hand.take([PILL])
    crashed(in_hand)
    whole = path.read_bytes()
    for extra in range(1, 20):
        path.write_bytes(whole + whole[:extra])
        assert InHand(path).is_suspect(PILL)


def test_the_file_stays_small_and_what_is_in_hand_stays_in_it(path):
    in_hand = InHand(path)
    in_hand.take([PILL])
    many = [Message("bma/agency/building/meter/readings", f"{number}".encode()) for number in range(1000)]
    for _ in range(150):
        in_hand.done(in_hand.take(many))
        assert path.stat().st_size < LARGEST_BYTES + 100_000
    crashed(in_hand)
    assert [key[1:2] for key in InHand(path).suspects] == [(4,)]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    in_hand = InHand(tmp_path / "absent" / "in-hand")
    in_hand.done(in_hand.take([PILL]))
    in_hand.clear()
    in_hand.close()


def test_each_client_id_has_a_file_of_its_own(tmp_path):
    given = [Settings(mqtt=MqttSettings(client_id=name)) for name in ("a/b", "a%2fb", "a b", "ab", "../ab")]
    names = {place(settings).name for settings in given for place in (in_hand_file, session_mark)}
    assert len(names) == 10
    assert all("/" not in name for name in names)


def received(body: bytes, packet_id: int, at_us: int, *, again: bool = False) -> Message:
    return Message("gw/1", body, packet_id, received_us=at_us, duplicate=again)


def times_us(in_hand: InHand, *messages: Message) -> list[int]:
    return [message.received_us for message in in_hand.as_first_received(list(messages))]


@pytest.mark.parametrize("is_acknowledged", [False, True])
@pytest.mark.parametrize("end", ["crash", "in order", "the connection alone"])
def test_what_is_sent_once_more_is_of_the_time_at_which_it_first_came(path, is_acknowledged, end):
    """An acknowledgement that was sent may never have arrived."""
    in_hand = InHand(path)
    first = [received(b"10.0", 1, 100), received(b"10.0", 2, 200), received(b"11.0", 3, 300)]
    number = in_hand.take(first)
    if is_acknowledged:
        in_hand.done(number)
    if end == "in order":
        in_hand.clear()
    if end != "the connection alone":
        crashed(in_hand)
        in_hand = InHand(path)
        crashed(in_hand)
        in_hand = InHand(path)
    again = [received(b"10.0", 2, 900, again=True), received(b"11.0", 3, 900, again=True)]
    assert times_us(in_hand, *again) == [200, 300]
    assert times_us(in_hand, received(b"10.0", 2, 900)) == [900], "the broker says that it is new"
    assert times_us(in_hand, received(b"10.5", 2, 900, again=True)) == [900], "it never came before"


def test_of_equal_messages_under_one_identifier_the_latest_receipt_counts(path):
    in_hand = InHand(path)
    for at_us in (100, 200):
        in_hand.done(in_hand.take([received(b"10.0", 1, at_us)]))
    assert times_us(in_hand, received(b"10.0", 1, 900, again=True)) == [200]


def test_receipts_outlast_a_file_that_is_written_afresh_and_are_bounded(path):
    in_hand = InHand(path)
    for start in range(0, 100_000, 1000):
        run = [received(b"10.0 kW of a meter", number, number + 1) for number in range(start, start + 1000)]
        in_hand.done(in_hand.take(run))
    crashed(in_hand)
    assert path.stat().st_size < LARGEST_BYTES
    later = InHand(path)
    assert times_us(later, received(b"10.0 kW of a meter", 99_999, 9, again=True)) == [100_000]
    assert MAX_RECEIPTS <= len(later._first_received_us()) < MAX_RECEIPTS + 1000


def test_what_version_0_1_0_noted_is_read(path):
    key, later_key = ["gw/1", 4, crc32(b"pill")], ["gw/1", 4, crc32(b"10.0")]
    entries = [
        ["suspect", key, 1], ["received", later_key, [7, 100]],
        ["take", 1, [later_key], [[8, 200]]], ["done", 1], ["take", 2, [key], ()],
    ]  # fmt: skip
    path.write_bytes(b"".join(map(_framed, entries)))
    in_hand = InHand(path)
    assert in_hand.is_culprit(PILL)
    again = [received(b"10.0", 7, 900, again=True), received(b"10.0", 8, 900, again=True)]
    assert times_us(in_hand, *again) == [100, 200]


def test_an_entry_of_a_later_version_is_passed_over(path):
    path.write_bytes(_framed(["later", 1, 2]) + _framed(["batch", 1, ["gw/1"], [4], [crc32(b"pill")]]))
    assert InHand(path).is_suspect(PILL)
