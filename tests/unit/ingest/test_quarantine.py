import pytest

from bkkenergy.ingest.message import Reason, Refused
from bkkenergy.ingest.quarantine import MAX_KEPT_BYTES, Quarantine


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
