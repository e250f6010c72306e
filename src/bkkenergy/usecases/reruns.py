"""Asking for a report again: a run that failed is tried at once, one that is done gets another revision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.runs import Due, Run, RunQueue
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import InputError, NotThere
from bkkenergy.usecases.powers import use_case

ARCHIVED_KINDS = frozenset({"month", "quarter", "fiscal_year"})
"""What lasts: these are archived as PDF and workbook."""


@use_case("runs.again", "operate", "agency")
def ask_again(engine: StateStore, actor: Actor, run_id: int, now: dt.datetime) -> Run:
    """Ask for a run again, and return it as it was. Raises NotThere, NotAllowed, StoreUnavailable."""
    queue = RunQueue(engine, actor.name)
    with transaction(engine) as connection:
        run = next(iter(queue.runs(number=run_id)), None)
        if run is None:
            actor.need("operate")
            raise NotThere
        actor.need("operate", run.agency)
        if run.state == "done":
            queue.again(run, f"asked by {actor.name}", now)
        else:
            queue.retry([run.id], now)
        enter_audit(connection, actor, "retry", f"{run.agency} {run.period}", {"run": run.id, "before": run.state}, now)
    return run


@use_case("runs.ask", "edit", "agency")
def ask_for_archive(engine: StateStore, actor: Actor, agency: str, period: Period, now: dt.datetime) -> int:
    """Ask that a month, quarter or fiscal year of an agency be archived in every format; return how many runs are new.

    The scheduler makes it, and sends it to no one. What is archived already stays; what failed is tried at once.

    Raises NotThere, NotAllowed, InputError for a period of another kind or one that has not ended, StoreUnavailable.
    """
    actor.need("edit", agency)
    if period.kind not in ARCHIVED_KINDS or period.last_day >= now.astimezone(BANGKOK).date():
        raise InputError.of("archive_period", period=period.slug)
    queue = RunQueue(engine, actor.name)
    with transaction(engine) as connection:
        there = next(iter(queue.runs(agency=agency, period=period)), None)
        if there is not None:
            return queue.retry([there.id], now) if there.state == "failed" else 0
        count = queue.plan([Due(agency=agency, period=period, due_at=now)], reason=f"asked by {actor.name}")
        enter_audit(connection, actor, "archive_ask", f"{agency} {period}", {}, now)
    return count


@use_case("runs.retry", "operate", "agency")
def retry_runs(engine: StateStore, actor: Actor, run_ids: Sequence[int], now: dt.datetime) -> int:
    """Put failed or waiting runs at the head again, all of them or none. Return how many were."""
    queue = RunQueue(engine, actor.name)
    with transaction(engine) as connection:
        for run in (run for number in run_ids for run in queue.runs(number=number)):
            actor.need("operate", run.agency)
        actor.need("operate")
        count = queue.retry(run_ids, now)
        if count:
            enter_audit(connection, actor, "retry", "runs", {"runs": list(run_ids)}, now)
    return count
