"""The broker's own count of what it dropped, against what it was when it was last heard."""

from __future__ import annotations

from bkkenergy.adapters.drop_count import SAID_EVERY_S, DropCount


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
    assert file.read_text("ascii") == "5"
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
