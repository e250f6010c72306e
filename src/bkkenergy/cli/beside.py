"""Processes that work off runs beside a command: one core makes one agency's report at a time."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bkkenergy.adapters.state.runs import Run
from bkkenergy.cli.context import set_up_logging
from bkkenergy.cli.opening import opened_site
from bkkenergy.jobs.runner import RunContext
from bkkenergy.jobs.service import Jobs
from bkkenergy.reports.render.browser import Browser

MAX_WORKERS = 16
USUAL_MAX = 4
"""Each takes some 300 MB."""
RUNS_A_WORKER = 4
"""Below this number of runs a process costs more by its start than it saves."""


def workers_for(waiting: int, asked: int | None) -> int:
    """Return how many processes make reports. waiting : runs. asked : by a person; else one a core, at most four."""
    cores = len(os.sched_getaffinity(0))
    return asked or max(1, min(cores, USUAL_MAX, waiting // RUNS_A_WORKER))


@contextmanager
def others_at_work(config_dir: Path, count: int, log_level: str) -> Iterator[list[Future[list[Run]]]]:
    """Let other processes claim runs meanwhile. Each gives the runs that failed with it. log_level : of theirs."""
    if count == 0:
        yield []
        return
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, start, initializer=set_up_logging, initargs=(log_level, "text")) as pool:
        yield [pool.submit(worked_off, config_dir) for _ in range(count)]


def worked_off(config_dir: Path) -> list[Run]:
    """Claim and do runs until there is none left to claim; return those that failed."""
    failed: list[Run] = []

    def on_run(run: Run, is_done: bool) -> None:
        if not is_done:
            failed.append(run)

    with opened_site(config_dir) as site, Browser() as browser:
        jobs = Jobs(site)
        jobs.work_off(RunContext(site, jobs.queue, browser), on_run=on_run)
    return failed
