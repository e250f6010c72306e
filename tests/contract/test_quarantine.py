"""What the quarantine promises, kept by SQLite and by a real PostgreSQL alike."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import event, func, select

from bkkenergy.adapters.state import open_state, reading
from bkkenergy.adapters.state.quarantine import MAX_STORED_BYTES, SLACK, Quarantine
from bkkenergy.adapters.state.tables import quarantine as table
from bkkenergy.payloads.message import Reason, Refused
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.settings import StateSettings


@pytest.fixture
def quarantine(engine):
    return Quarantine(engine, max_messages=10, max_bytes=100_000)


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
    quarantine.keep([refused(b"y" * 98_000)], {}, now_us=26)
    counts = quarantine.counts()
    assert counts["quarantine.kept_bytes"] <= 100_000
    assert counts["quarantine.kept"] + counts["quarantine.dropped"] == 26
    assert counts["refused.not_decoded"] == 26


def test_chatter_evicts_itself_and_no_fault_of_its_own_topic_or_another(engine):
    quarantine = Quarantine(engine, max_messages=200, max_bytes=10**7)
    quarantine.keep([refused(b"kW for W", reason=Reason.POWER_OUT_OF_RANGE), refused(b"rare", topic="b")], {}, now_us=1)
    for number in range(40):
        events = [refused(b"%d" % (number * 50 + n)) for n in range(50)]
        quarantine.keep([*events, refused(b"%d" % number, topic="c")], {}, now_us=number)
    kept = quarantine.listed(limit=1_000)
    assert {b"kW for W", b"rare", b"1999", b"39"} <= {item.payload for item in kept}
    assert sum(item.topic == "c" for item in kept) == 40
    counts = quarantine.counts()
    assert len(kept) == counts["quarantine.kept"] <= 200
    assert counts["quarantine.dropped"] + len(kept) == 40 * 51 + 2
    assert next(item.payload for item in kept if item.topic != "c") == b"1999", "the newest stays"


def test_large_payloads_of_one_topic_leave_the_small_ones_of_others(engine):
    quarantine = Quarantine(engine, max_messages=1_000, max_bytes=200_000)
    quarantine.keep([refused(b"small", topic=f"t{n}") for n in range(50)], {}, now_us=1)
    for number in range(30):
        quarantine.keep([refused(bytes([number]) * 20_000)], {}, now_us=2)
    kept = quarantine.listed(limit=1_000)
    assert sum(item.payload == b"small" for item in kept) == 50
    assert quarantine.counts()["quarantine.kept_bytes"] <= 200_000


def test_a_flood_of_topics_leaves_the_newest_of_each(engine):
    quarantine = Quarantine(engine, max_messages=100, max_bytes=10**7)
    quarantine.keep([refused(b"x", topic=f"t{n}") for n in range(300)], {}, now_us=1)
    assert [item.topic for item in quarantine.listed(limit=1_000)] == [f"t{n}" for n in range(299, 200, -1)]


@pytest.mark.parametrize("size", [1, 100, 3_000, 100_000])
def test_the_bound_counts_what_the_rows_take_on_the_disk(tmp_path, size):
    engine = open_state(StateSettings(path=tmp_path / "state.sqlite"))
    quarantine = Quarantine(engine, max_messages=100_000, max_bytes=10**9)

    def on_disk_bytes() -> int:
        with closing(sqlite3.connect(tmp_path / "state.sqlite")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return (tmp_path / "state.sqlite").stat().st_size

    before_bytes, count = on_disk_bytes(), max(20, 2_000_000 // (size + 500))
    quarantine.keep([refused(b"%d" % n + b"x" * size) for n in range(count)], {}, now_us=1)
    counted = quarantine.counts()["quarantine.kept_bytes"]
    assert 0.6 < (on_disk_bytes() - before_bytes) / counted < 1.3
    engine.dispose()


def test_a_huge_payload_is_kept_cut_and_says_so(engine):
    quarantine = Quarantine(engine, max_messages=10, max_bytes=10**9)
    quarantine.keep([refused(b"z" * (MAX_STORED_BYTES + 1))], {}, now_us=1)
    item = quarantine.listed()[0]
    assert (len(item.payload), item.size_bytes, item.is_whole) == (MAX_STORED_BYTES, MAX_STORED_BYTES + 1, False)


def test_lists_are_narrowed_by_reason_and_topic(quarantine):
    quarantine.keep(
        [refused(b"1"), refused(b"2", topic="bma/health/x/y/readings", reason=Reason.UNKNOWN_METER)], {}, now_us=1
    )
    assert [item.payload for item in quarantine.listed(reason=Reason.UNKNOWN_METER)] == [b"2"]
    assert [item.payload for item in quarantine.listed(topic="bma/a/*")] == [b"1"]
    assert len(quarantine.listed(limit=1)) == 1


def test_counters_outlive_the_process(state):
    for _ in range(2):
        engine = open_state(state)
        Quarantine(engine, max_messages=10, max_bytes=10_000).keep([], {"messages": 3, "readings": 7}, now_us=1)
        engine.dispose()
    engine = open_state(state)
    assert Quarantine(engine, max_messages=10, max_bytes=10_000).counts()["readings"] == 14
    engine.dispose()


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


@pytest.mark.parametrize(
    ("topic", "detail", "shown"),
    [
        ("t/\udc80", "key '\ud800'", ("t/\\udc80", "key '\\ud800'")),
        ("t", "key 'a\0b'", ("t", "key 'a\\x00b'")),
        ("t/" + "ก" * 20_000, "", ("t/" + "ก" * 20_000, "")),
    ],
    ids=["half of a surrogate pair", "NUL", "a topic longer than any index takes"],
)
def test_text_that_a_database_does_not_take_is_kept_in_a_form_that_it_takes(quarantine, topic, detail, shown):
    for _ in range(2):
        quarantine.keep([Refused(topic, b"x", Reason.NOT_DECODED, detail)], {}, now_us=1)
    assert [(item.topic, item.detail, item.times) for item in quarantine.listed()] == [(*shown, 2)]


def test_what_the_database_cannot_take_is_kept_cut_and_the_others_whole(quarantine, engine):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's bound is 1 GB")

    @event.listens_for(engine, "checkout")
    def limit(connection, _record, _proxy):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5_000)

    quarantine.keep([refused(b"a"), refused(b"y" * 6_000), refused(b"b")], {"messages": 3}, now_us=1)
    kept = {item.payload[:1]: item for item in quarantine.listed()}
    assert (len(kept[b"y"].payload), kept[b"y"].size_bytes, kept[b"y"].is_whole) == (1_000, 6_000, False)
    assert kept[b"a"].is_whole
    assert kept[b"b"].is_whole
    assert quarantine.counts()["messages"] == 3


class Hostile(str):
    """A text that nothing can be made of."""

    __slots__ = ()

    def encode(self, *_):
        raise MemoryError


def test_a_message_that_cannot_be_kept_in_any_form_is_tried_again_like_a_store_that_is_unavailable(quarantine):
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        quarantine.keep([refused(b"a"), Refused(Hostile("t"), b"x", Reason.NOT_DECODED, "")], {}, now_us=1)


def test_what_a_database_cannot_do_now_is_no_fault_of_a_message(quarantine, engine):
    """The table is gone: every message would fail, and none is cut short for it."""
    table.drop(engine)
    with pytest.raises(StoreUnavailable, match="state database"):
        quarantine.keep([refused(b"y" * 6_000)], {}, now_us=1)


def test_another_host_sees_the_same_quarantine_and_counters(quarantine, state):
    quarantine.keep([refused(b"1")], {"messages": 1}, now_us=1)
    engine = open_state(state)
    other = Quarantine(engine, max_messages=10, max_bytes=10_000)
    (item,) = other.listed()
    other.keep([refused(b"1"), refused(b"2")], {"messages": 2}, now_us=2)
    other.remove([item.id])
    engine.dispose()
    assert [(own.payload, own.times) for own in quarantine.listed()] == [(b"2", 1)]
    counts = quarantine.counts()
    assert (counts["messages"], counts["quarantine.kept"], counts["quarantine.kept_bytes"]) == (3, 1, 326)


def test_hosts_that_refuse_and_replay_at_once_keep_to_the_bounds_and_count_right(state):
    """Each host sends its messages in another order, and what others send too."""
    hosts, rounds = 4, 12

    def work(host: int) -> None:
        engine = open_state(state)
        own = Quarantine(engine, max_messages=25, max_bytes=10_000)
        for number in range(rounds):
            messages = [refused(f"{number}-{n}".encode()) for n in range(6)]
            own.keep(messages[::-1] if host % 2 else messages, {"readings": 1, "messages": 6}, now_us=number)
            own.remove([item.id for item in own.listed(limit=2)])
        engine.dispose()

    with ThreadPoolExecutor(hosts) as pool:
        list(pool.map(work, range(hosts)))
    engine = open_state(state)
    own = Quarantine(engine, max_messages=25, max_bytes=10_000)
    counts, listed = own.counts(), own.listed(limit=1000)
    with reading(engine) as connection:
        stored = connection.execute(select(func.count(), func.sum(table.c.stored_bytes))).one()
    engine.dispose()
    assert (counts["quarantine.kept"], counts["quarantine.kept_bytes"]) == tuple(stored)
    assert len(listed) <= 25
    assert (counts["messages"], counts["readings"]) == (hosts * rounds * 6, hosts * rounds)
    assert counts["refused.not_decoded"] == hosts * rounds * 6


def test_ten_thousand_refused_messages_are_one_row_each_at_one_stroke(engine):
    quarantine = Quarantine(engine, max_messages=12_000, max_bytes=10**9)
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    quarantine.keep([refused(f"{n}".encode() * 20) for n in range(10_000)], {"messages": 10_000}, now_us=1)
    assert len(statements) < 50, "hundreds of messages a statement"
    quarantine.keep([refused(f"again {n}".encode()) for n in range(10_000)], {}, now_us=2)
    counts = quarantine.counts()
    room = 12_000 // SLACK
    assert (counts["quarantine.kept"], counts["quarantine.dropped"]) == (12_000 - room, 8_000 + room)
    assert len(quarantine.listed(limit=20_000)) == 12_000 - room


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("a/*", {"a/B", "a/b", "a/_x"}), ("a/b", {"a/b"}), ("*_*", {"a/_x", "50%_["}), ("50%*", {"50%_["}),
     ("a/?", set()), ("*[", {"50%_["}), ("c\\*", {"c\\d"})],
)  # fmt: skip
def test_a_star_stands_for_any_text_and_every_other_letter_for_itself(quarantine, pattern, found):
    topics = ["a/b", "a/B", "a/_x", "50%_[", "c\\d"]
    quarantine.keep([refused(topic.encode(), topic=topic) for topic in topics], {}, now_us=1)
    assert {item.topic for item in quarantine.listed(topic=pattern)} == found
