import sqlite3

import pytest

from bkkenergy.ingest.quarantine import MAX_KEPT_BYTES, Quarantine
from bkkenergy.payloads.message import Reason, Refused
from bkkenergy.ports.readings import StoreAway


@pytest.fixture
def quarantine(tmp_path):
    kept = Quarantine(tmp_path / "q.sqlite", max_messages=10, max_bytes=10_000)
    yield kept
    kept.close()


def refused(payload=b"x", topic="bma/a/b/c/readings", reason=Reason.NOT_DECODED):
    return Refused(topic, payload, reason, "no JSON")


def test_what_is_kept_can_be_looked_at(quarantine):
    quarantine.keep([refused(b'{"broken')], {"messages": 1}, now_us=1_795_402_800_000_000)
    item = quarantine.listed()[0]
    assert (item.topic, item.payload, item.reason, item.times) == (
        "bma/a/b/c/readings",
        b'{"broken',
        Reason.NOT_DECODED,
        1,
    )
    assert item.received.isoformat() == "2026-11-23T03:00:00+00:00"
    assert quarantine.get(item.id) == item
    assert quarantine.get(99) is None


def test_the_same_payload_delivered_again_is_kept_once(quarantine):
    for _ in range(3):
        quarantine.keep([refused()], {}, now_us=1)
    assert [item.times for item in quarantine.listed()] == [3]
    assert quarantine.counts()["quarantine.kept"] == 1


def test_beyond_its_bounds_the_oldest_go_and_are_counted(quarantine):
    for number in range(25):
        quarantine.keep([refused(f"{number}".encode())], {}, now_us=number)
    assert [item.payload for item in quarantine.listed()] == [f"{n}".encode() for n in range(24, 14, -1)]
    quarantine.keep([refused(b"y" * 9_995)], {}, now_us=26)
    counts = quarantine.counts()
    assert counts["quarantine.kept_bytes"] <= 10_000
    assert counts["quarantine.kept"] + counts["quarantine.dropped"] == 26
    assert counts["refused.not_decoded"] == 26


def test_a_huge_payload_is_kept_cut_and_says_so(tmp_path):
    quarantine = Quarantine(tmp_path / "q.sqlite", max_messages=10, max_bytes=10**9)
    quarantine.keep([refused(b"z" * (MAX_KEPT_BYTES + 1))], {}, now_us=1)
    item = quarantine.listed()[0]
    assert (len(item.payload), item.size_bytes, item.is_whole) == (MAX_KEPT_BYTES, MAX_KEPT_BYTES + 1, False)
    quarantine.close()


def test_lists_are_narrowed_by_reason_and_topic(quarantine):
    quarantine.keep(
        [refused(b"1"), refused(b"2", topic="bma/health/x/y/readings", reason=Reason.UNKNOWN_METER)], {}, now_us=1
    )
    assert [item.payload for item in quarantine.listed(reason=Reason.UNKNOWN_METER)] == [b"2"]
    assert [item.payload for item in quarantine.listed(topic="bma/a/*")] == [b"1"]
    assert len(quarantine.listed(limit=1)) == 1


def test_counters_outlive_the_process(tmp_path):
    for _ in range(2):
        quarantine = Quarantine(tmp_path / "q.sqlite", max_messages=10, max_bytes=10_000)
        quarantine.keep([], {"messages": 3, "readings": 7}, now_us=1)
        quarantine.close()
    quarantine = Quarantine(tmp_path / "q.sqlite", max_messages=10, max_bytes=10_000)
    assert quarantine.counts()["readings"] == 14
    quarantine.close()


def test_what_is_removed_counts_as_replayed(quarantine):
    quarantine.keep([refused(b"1"), refused(b"2")], {}, now_us=1)
    quarantine.remove([item.id for item in quarantine.listed()][:1])
    counts = quarantine.counts()
    assert (counts["quarantine.kept"], counts["quarantine.replayed"]) == (1, 1)


def test_a_message_is_one_row_with_its_refused_readings_counted_by_reason(quarantine):
    counts = ((Reason.TIME_AHEAD, 3), (Reason.UNKNOWN_METER, 2))
    quarantine.keep([Refused("t", b"[]", Reason.TIME_AHEAD, "5 faults", counts)], {}, now_us=1)
    assert [item.readings for item in quarantine.listed()] == [5]
    totals = quarantine.counts()
    assert (totals["refused.time_ahead"], totals["refused.unknown_meter"], totals["quarantine.kept"]) == (3, 2, 1)


def test_a_file_of_an_earlier_version_is_brought_up(tmp_path):
    earlier = Quarantine(tmp_path / "q.sqlite", max_messages=10, max_bytes=10_000)
    earlier.keep([refused(b"old")], {}, now_us=1)
    earlier._connection.execute("ALTER TABLE quarantine DROP COLUMN readings")
    earlier.close()
    later = Quarantine(tmp_path / "q.sqlite", max_messages=10, max_bytes=10_000)
    later.keep([refused(b"new")], {}, now_us=2)
    assert [(item.payload, item.readings) for item in later.listed()] == [(b"new", 1), (b"old", 1)]
    later.close()


def test_text_that_is_no_unicode_is_kept_in_escapes(quarantine):
    quarantine.keep([Refused("t/\udc80", b"x", Reason.NOT_DECODED, "key '\ud800'")], {}, now_us=1)
    assert [(item.topic, item.detail) for item in quarantine.listed()] == [("t/\\udc80", "key '\\ud800'")]


def test_what_the_database_cannot_take_is_kept_cut_and_the_others_whole(quarantine):
    quarantine._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5_000)
    quarantine.keep([refused(b"a"), refused(b"y" * 6_000), refused(b"b")], {"messages": 3}, now_us=1)
    kept = {item.payload[:1]: item for item in quarantine.listed()}
    assert (len(kept[b"y"].payload), kept[b"y"].size_bytes, kept[b"y"].is_whole) == (1_000, 6_000, False)
    assert kept[b"a"].is_whole
    assert kept[b"b"].is_whole
    assert quarantine.counts()["messages"] == 3


def test_a_quarantine_that_cannot_be_written_is_tried_again_like_a_store(quarantine):
    quarantine._connection.close()
    with pytest.raises(StoreAway, match="cannot be written"):
        quarantine.keep([refused()], {}, now_us=1)
