"""Heavy computing in processes apart: bounded in memory and time, and less urgent than what answers people.

A clean server process has the modules loaded, so that a worker begins within milliseconds. A worker goes on with the
next piece of work, since what it knows of a weather makes the next design four times as fast; one that exceeded a bound
is ended, and so is one that rested for a while.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from bkkenergy.errors import BkkEnergyError, UnavailableError

LESS_URGENT = 5
"""What is added to its niceness: it gets a third of what a process gets that answers a person."""
FIRST_TO_GO = "500"
"""Where the machine has no memory left, the kernel ends this process rather than the service."""
PAGE_BYTES = resource.getpagesize()
MAX_PROCESSES = min(2, max(1, len(os.sched_getaffinity(0)) - 1))
"""Of heavy work at once in this process, for all who ask: one processor is left to what answers people."""
REST_S = 600.0
"""A worker without work for so long ends, and gives its memory back."""
T = TypeVar("T")


class TooMuchWork(UnavailableError):
    """A piece of work took more memory or time than it may."""

    key = "error.too_much_work"


class WorkBroke(RuntimeError):
    """A piece of work failed by a fault of ours; its text is the fault with its place in the code."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a piece of work may take. memory_bytes : beyond what its process has when it begins."""

    memory_bytes: int = 1 << 30
    cpu_s: int = 60
    wall_s: float = 90.0


class Workers:
    """Processes for heavy work, started when they are needed. Threads may share it.

    Parameters
    ----------
    loaded : str
        Names of modules that the work needs: they are loaded once.
    bounds : Bounds
        What each piece may take.
    """

    def __init__(self, *loaded: str, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__, *loaded])
        self._turns = threading.BoundedSemaphore(MAX_PROCESSES)
        self._lock = threading.Lock()
        self._resting: list[tuple[Any, Connection]] = []

    def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Return what a function of a module returns for some values, computed in another process.

        Parameters
        ----------
        function : callable
            A function that has a name in its module.
        *arguments : object
            Values that can be pickled.

        Returns
        -------
        object
            What the function returned.

        Raises
        ------
        TooMuchWork
            If it takes more memory or time than it may, or there was no turn within its time.
        BkkEnergyError
            What the function raised.
        WorkBroke
            If it failed otherwise.
        """
        if not self._turns.acquire(timeout=self._bounds.wall_s):
            raise TooMuchWork.of("too_much_work")
        try:
            said, value = self._answered(pickle.dumps((function, arguments)))
        finally:
            self._turns.release()
        if said == "result":
            result: T = value
            return result
        if said == "raised":
            raise value
        raise WorkBroke(value)

    def close(self) -> None:
        """End every worker that rests."""
        with self._lock:
            while self._resting:
                self._end(*self._resting.pop())

    def _answered(self, work: bytes) -> tuple[str, Any]:
        process, line = self._worker()
        try:
            line.send_bytes(work)
            answer: tuple[str, Any] | None = line.recv() if line.poll(self._bounds.wall_s) else None
        except (EOFError, OSError):  # the kernel ended it, by one of its bounds
            answer = None
        with self._lock:
            if answer is None:
                self._end(process, line)
                raise TooMuchWork.of("too_much_work")
            self._resting.append((process, line))
        return answer

    def _worker(self) -> tuple[Any, Connection]:
        """Take a worker that rests and is well, or start one."""
        with self._lock:
            while self._resting:
                process, line = self._resting.pop()
                if process.is_alive() and not line.poll():
                    return process, line
                self._end(process, line)
            ours, theirs = self._context.Pipe()
            with theirs:
                process = self._context.Process(target=_work_on, args=(theirs, self._bounds), daemon=True)
                process.start()
            return process, ours

    def _end(self, process: Any, line: Connection) -> None:
        line.close()
        process.kill()
        process.join()


def _work_on(line: Connection, bounds: Bounds) -> None:
    """Compute what comes, within bounds, until nothing comes any more."""
    _bind(bounds)
    with line, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while line.poll(REST_S):
            work = line.recv_bytes()
            spent = resource.getrusage(resource.RUSAGE_SELF)
            resource.setrlimit(
                resource.RLIMIT_CPU, (int(spent.ru_utime + spent.ru_stime) + bounds.cpu_s, resource.RLIM_INFINITY)
            )
            line.send_bytes(_done(work))


def _done(work: bytes) -> bytes:
    """Compute one piece of work; what came of it."""
    try:
        function, arguments = pickle.loads(work)  # noqa: S301 - from the process that started this one
        return pickle.dumps(("result", function(*arguments)))
    except MemoryError:
        return pickle.dumps(("raised", TooMuchWork.of("too_much_work")))
    except BkkEnergyError as error:
        return pickle.dumps(("raised", error))
    except Exception:  # noqa: BLE001 - it is raised where the work was asked for
        return pickle.dumps(("broke", traceback.format_exc()))


def _bind(bounds: Bounds) -> None:
    """Bound this process's memory, and make it less urgent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the service, which ends this
    mapped_bytes = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * PAGE_BYTES
    address_bytes = mapped_bytes + bounds.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (address_bytes, address_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(LESS_URGENT)
    with suppress(OSError):  # not where /proc is read-only
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, "ascii")
