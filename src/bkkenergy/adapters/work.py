"""What this process works at: each piece of work is counted and timed, and traced where an operator asks for it.

One registry for the process, as Prometheus means it: a worker is an instance that is scraped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bkkenergy.adapters.tracing import span

REGISTRY = CollectorRegistry()
SECONDS = (0.01, 0.1, 1, 10, 60, 600)


@unique
class Task(StrEnum):
    """Kinds of work."""

    BATCH = "batch"
    """A batch of messages, from its commit's begin to its acknowledgement."""
    LEDGER = "ledger"
    """The days that wait, computed."""
    SCHEDULE = "schedule"
    """A look at what is due, with all that is done for it."""
    REPORT = "report"
    """A run: the reports of an agency and a period."""
    PAGE = "page"
    """A request, until its answer begins."""


_COMMON: dict[str, Any] = {"registry": REGISTRY, "namespace": "bkkenergy"}
ENDED = Counter("tasks", "Pieces of work that ended", ["task", "outcome"], **_COMMON)
DURATION = Histogram("task_seconds", "How long a piece of work took", ["task"], buckets=SECONDS, **_COMMON)
UNDER_WAY = Gauge("tasks_under_way", "Pieces of work that are being done", ["task"], **_COMMON)
BEGUN = Gauge("task_first_begin_timestamp_seconds", "When such work was first begun", ["task"], **_COMMON)
SUCCEEDED = Gauge("task_last_success_timestamp_seconds", "When such work last ended well", ["task"], **_COMMON)
FAILED = Gauge("task_last_failure_timestamp_seconds", "When such work last failed", ["task"], **_COMMON)
_begun: set[Task] = set()
for _task in Task:
    for _outcome in ("done", "failed"):
        ENDED.labels(_task, _outcome)  # a counter that begins at its first failure shows no increase


@dataclass
class Work:
    """A piece of work that is being done."""

    has_failed: bool = False

    def fail(self) -> None:
        """Note that it did not do what it is for, where no exception says so."""
        self.has_failed = True


@contextmanager
def doing(task: Task, **about: str | int) -> Iterator[Work]:
    """Count, time and trace a piece of work. An exception that leaves it is a failure.

    about : what its trace says of it; nothing that names a person.
    """
    work, began_s = Work(), time.perf_counter()
    if task not in _begun:
        _begun.add(task)
        BEGUN.labels(task).set_to_current_time()
    UNDER_WAY.labels(task).inc()
    try:
        with span(task, about) as traced:
            try:
                yield work
            except BaseException:
                work.fail()
                raise
            finally:
                traced.end(has_failed=work.has_failed)
    finally:
        UNDER_WAY.labels(task).dec()
        DURATION.labels(task).observe(time.perf_counter() - began_s)
        ENDED.labels(task, "failed" if work.has_failed else "done").inc()
        (FAILED if work.has_failed else SUCCEEDED).labels(task).set_to_current_time()
