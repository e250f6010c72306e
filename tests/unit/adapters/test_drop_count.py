"""The broker's own count of what it dropped, against what it was when it was last heard."""

from __future__ import annotations

from functools import partial

import pytest

from bkkenergy.adapters.drop_count import OWN_COUNTED_WITHIN_S, PLAYED_LOOK_S, SAID_EVERY_S, DropCount
from bkkenergy.adapters.played import played_outages, playing


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def heard(count: DropCount, clock: Clock, *values: bytes) -> list[str]:
    """How many messages are said to be dropped, of counts that come an hour apart."""
    said = []
    for value in values:
        clock.now_s += SAID_EVERY_S
        trouble = count.compared(value)
        said += [trouble.observed.split()[3]] if trouble else []
    return said


def test_what_was_dropped_since_is_said_also_by_the_next_process(tmp_path):
    clock, file = Clock(), tmp_path / "dropped"
    assert heard(DropCount(file, clock), clock, b"7", b"7", b"12", b"no number", b"12") == ["5"]
    assert heard(DropCount(file, clock), clock, b"1246") == ["1,234"]


def test_a_count_that_fell_is_of_a_broker_that_began_anew(tmp_path):
    clock, file = Clock(), tmp_path / "dropped"
    assert heard(DropCount(file, clock), clock, b"12", b"3", b"0", b"1") == ["3", "1"]


def test_of_the_first_count_that_is_ever_heard_nothing_is_known(tmp_path):
    clock, file = Clock(), tmp_path / "dropped"
    file.write_text("what is this", "ascii")
    assert heard(DropCount(file, clock), clock, b"5") == []
    assert file.read_text("ascii") == "5 0 0"
    assert heard(DropCount(tmp_path / "no" / "folder", clock), clock, b"5", b"6") == ["1"]


def test_what_is_dropped_all_the_time_is_said_now_and_then_and_its_sum_at_last():
    clock = Clock()
    count = DropCount(monotonic=clock)
    said = []
    for number in range(721):
        clock.now_s += 10
        trouble = count.compared(b"%d" % number)
        said += [trouble.observed.split()[3]] if trouble else []
    assert said == ["1", "360"]


def test_what_is_not_said_yet_at_a_kill_is_said_by_the_next_process(tmp_path):
    clock, file = Clock(), tmp_path / "dropped"
    count = DropCount(file, clock)
    for value, expected in ((b"5", False), (b"8", True), (b"20", False)):
        assert (count.compared(value) is not None) is expected
    assert heard(DropCount(file, clock), clock, b"20") == ["12"]


def test_a_kill_while_it_is_noted_leaves_what_was_noted_before(tmp_path):
    clock, file = Clock(), tmp_path / "dropped"
    count = DropCount(file, clock)
    count.compared(b"5")
    with file.open("rb") as before:
        count.compared(b"8")
        assert before.read() == b"5 0 0", "never cut short: of no count the next process would know nothing"
    assert file.read_bytes() == b"8 0 0"


def test_what_the_doctor_writes_beside_it_meanwhile_is_left_alone(tmp_path):
    unfinished = tmp_path / "session.part"
    unfinished.write_bytes(b"of session.played")
    DropCount(tmp_path / "session.dropped").compared(b"5")
    assert unfinished.read_bytes() == b"of session.played"


def test_what_had_to_wait_is_said_without_another_count():
    clock = Clock()
    count = DropCount(monotonic=clock)
    for value in (b"5", b"8", b"20"):
        count.compared(value)
    assert count.due() is None
    clock.now_s += SAID_EVERY_S
    assert "12 messages" in count.due().observed
    assert count.due() is None


@pytest.mark.parametrize(("others", "expected"), [(0, []), (7, ["7"])])
@pytest.mark.parametrize("is_counted_while_playing", [True, False])
def test_what_an_outage_of_our_own_cost_is_not_said(tmp_path, others, expected, is_counted_while_playing):
    clock, file = Clock(), tmp_path / "played"
    count = DropCount(tmp_path / "dropped", clock, played=partial(played_outages, file))
    assert count.compared(b"3") is None
    with playing(file, 60) as outages:
        if is_counted_while_playing:
            assert count.compared(b"%d" % (503 + others)) is None
        outages.dropped += 500
    if not is_counted_while_playing:
        assert heard(count, clock, b"%d" % (503 + others)) == expected
        return
    clock.now_s += PLAYED_LOOK_S
    trouble = count.due()
    assert ([trouble.observed.split()[3]] if trouble else []) == expected


def test_an_outage_that_was_played_while_no_ingester_ran_is_not_said(tmp_path):
    clock, file, dropped = Clock(), tmp_path / "played", tmp_path / "dropped"
    played = partial(played_outages, file)
    DropCount(dropped, clock, played=played).compared(b"3")
    with playing(file, 60) as outages:
        outages.dropped += 500
    assert heard(DropCount(dropped, clock, played=played), clock, b"503", b"504") == ["1"]


def test_what_is_dropped_long_after_an_outage_of_our_own_is_said(tmp_path):
    clock, file = Clock(), tmp_path / "played"
    count = DropCount(tmp_path / "dropped", clock, played=partial(played_outages, file))
    count.compared(b"3")
    with playing(file, 60) as outages:
        outages.dropped += 500  # a broker that does not count these
    assert heard(count, clock, b"4") == []
    clock.now_s += OWN_COUNTED_WITHIN_S
    assert heard(count, clock, b"10") == ["6"]


def test_what_an_earlier_outage_of_our_own_did_not_cost_hides_nothing_after_the_next(tmp_path):
    clock, file = Clock(), tmp_path / "played"
    count = DropCount(tmp_path / "dropped", clock, played=partial(played_outages, file))
    count.compared(b"3")
    for value, expected in ((b"4", []), (b"514", ["10"])):
        with playing(file, 60) as outages:
            outages.dropped += 500
        assert heard(count, clock, value) == expected


def test_an_outage_that_never_ends_hides_nothing_for_long(tmp_path, monkeypatch):
    clock, file = Clock(), tmp_path / "played"
    count = DropCount(played=partial(played_outages, file), monotonic=clock)
    count.compared(b"3")
    context = playing(file, 0.0)
    context.__enter__()  # the doctor is killed
    assert heard(count, clock, b"10") == ["7"]
