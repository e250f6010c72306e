"""Heavy work in other processes: what it returns and raises, and that no bound is exceeded for long."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bkkenergy.adapters.workers import LESS_URGENT, Bounds, TooMuchWork, WorkBroke, Workers
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words


def double(value):
    return 2 * value, os.getpid(), os.nice(0)


def refuse(key):
    raise InputError.of(key, given="x", field="kwp")


def break_down():
    raise ZeroDivisionError("of ours")


def allocate(size_bytes):
    return len(bytearray(size_bytes))


def compute_on():
    while True:
        pass


def vanish():
    os._exit(1)


@pytest.fixture(scope="module")
def workers():
    pool = Workers(__name__, bounds=Bounds(memory_bytes=200 << 20, cpu_s=1, wall_s=20.0))
    yield pool
    pool.close()


def test_work_is_done_in_another_less_urgent_process_which_goes_on(workers):
    first, second = workers.run(double, 21), workers.run(double, "a")
    assert (first[0], second[0]) == (42, "aa")
    assert first[1] == second[1] != os.getpid()
    assert first[2] == os.nice(0) + LESS_URGENT


def test_what_work_raises_is_raised_here_in_either_language(workers):
    with pytest.raises(InputError) as raised:
        workers.run(refuse, "no_number")
    assert raised.value.said("th") == InputError.of("no_number", given="x", field="kwp").said("th")
    with pytest.raises(WorkBroke, match="ZeroDivisionError: of ours"):
        workers.run(break_down)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [(allocate, (400 << 20,)), (compute_on, ()), (vanish, ())],
    ids=["memory", "processor", "killed"],
)
def test_work_beyond_a_bound_is_ended_said_in_words_and_followed_by_the_next(workers, function, arguments):
    with pytest.raises(TooMuchWork) as raised:
        workers.run(function, *arguments)
    assert raised.value.said("th") == Words("th")("error.too_much_work")
    assert workers.run(double, 1)[0] == 2


def test_work_that_only_waits_is_ended_too():
    pool = Workers(__name__, bounds=Bounds(wall_s=0.3))
    with pytest.raises(TooMuchWork):
        pool.run(time.sleep, 60)
    pool.close()


def test_no_more_processes_work_at_once_than_the_bound(workers):
    with ThreadPoolExecutor(6) as threads:
        pids = {answer[1] for answer in threads.map(lambda value: workers.run(double, value), range(12))}
    assert len(pids) <= 2
