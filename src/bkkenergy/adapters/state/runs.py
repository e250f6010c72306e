"""The ledger of runs: what is due, who is at it, and what came of it. A period is reported once, whatever crashed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from bkkenergy.adapters.engines import translate_db_errors
from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.leader import AdvisoryLead
from bkkenergy.adapters.state.tables import artefact, lease, run
from bkkenergy.calendar import Period, PeriodKind
from bkkenergy.readings import US_PER_S
from bkkenergy.recipients import CITY, ENERGY

RunState = Literal["due", "running", "done", "failed"]
RUN_STATES: tuple[RunState, ...] = ("due", "running", "done", "failed")
LEADER = "jobs"
MAX_ERROR = 2000
LONGEST_LEASE = 10
"""A lease that reaches more than this many leases ahead was written by a clock that was wrong, and is taken over."""
RUNS_PER_QUERY = 1000


class LeaseLost(Exception):
    """Another process has taken this work over. What was made is thrown away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A report that should exist: of an agency (or the city) over a period, from an instant on."""

    agency: str
    period: Period
    due_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One line of the ledger. figures : what the report's energies were, to see late data by."""

    id: int
    agency: str
    period: Period
    revision: int
    state: RunState
    reason: str
    due_us: int
    next_try_us: int
    tries: int
    owner: str
    started_us: int | None
    ended_us: int | None
    duration_s: float | None
    error: str
    figures: Mapping[str, Any] | None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Convert a row of the table."""
        named = {name: row[name] for name in cls.__dataclass_fields__ if name != "period"}
        return cls(period=Period.of(row["period"]), **named)

    @property
    def kind(self) -> PeriodKind:
        """What the period is: a day, a month, a fiscal year."""
        return self.period.kind

    @property
    def is_for_the_archive(self) -> bool:
        """Whether a person asked for a period that was never due: it is archived, and sent to no one."""
        return self.revision == 1 and self.reason != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file of a run: path under the archive, its size, and what it hashes to. document : the report, or a paper."""

    document: str = ENERGY
    form: str
    lang: str
    path: str
    size_bytes: int
    sha256: str


class RunQueue:
    """Runs in the state's database. `owner` names this process; no two may share a name."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self.engine, self.owner = engine, owner
        self._lock = AdvisoryLead(engine) if engine.dialect.name == "postgresql" else None

    def lead(self, now: dt.datetime, lease_s: float) -> bool:
        """Take or keep the lead: by a lease on SQLite, by a lock on PostgreSQL. False while another process has it."""
        if self._lock is not None:
            with translate_db_errors(self.engine):
                return self._lock.take()
        now_us = us_of(now)
        until_us = now_us + int(lease_s * US_PER_S)
        free = or_(lease.c.owner == self.owner, lease.c.until_us < now_us, lease.c.until_us > _latest_us(now, lease_s))
        taken = {"owner": self.owner, "until_us": until_us}
        with transaction(self.engine) as connection:
            if connection.execute(update(lease).where(lease.c.name == LEADER, free).values(taken)).rowcount:
                return True
            if connection.execute(select(lease.c.owner).where(lease.c.name == LEADER)).first():
                return False
            try:
                with connection.begin_nested():
                    connection.execute(insert(lease).values(name=LEADER, **taken))
            except IntegrityError:
                return False
            return True

    def keep_lead(self, now: dt.datetime, lease_s: float) -> None:
        """Keep the lead for longer, where this process has it. One that has not does not take it."""
        if self._lock is not None:
            with translate_db_errors(self.engine):
                self._lock.keep()
            return
        ours = and_(lease.c.name == LEADER, lease.c.owner == self.owner, lease.c.until_us >= us_of(now))
        with transaction(self.engine) as connection:
            connection.execute(update(lease).where(ours).values(until_us=us_of(now) + int(lease_s * US_PER_S)))

    def stand_down(self) -> None:
        """Stop leading, so that another replica need not wait for the lease to run out."""
        if self._lock is not None:
            self._lock.release()
            return
        with transaction(self.engine) as connection:
            mine = and_(lease.c.name == LEADER, lease.c.owner == self.owner)
            connection.execute(update(lease).where(mine).values(until_us=0))

    def plan(self, due_runs: Sequence[Due], *, reason: str = "") -> int:
        """Insert what is due and not in the ledger yet. Return how many were new. reason : why a person asked."""
        with transaction(self.engine) as connection:
            known = {
                tuple(row) for row in connection.execute(select(run.c.agency, run.c.period).where(run.c.revision == 1))
            }
            new = {(due.agency, due.period.slug): due for due in due_runs if (due.agency, due.period.slug) not in known}
            return sum(_enter(connection, due, revision=1, reason=reason) is not None for due in new.values())

    def again(self, before: Run, reason: str, now: dt.datetime) -> int | None:
        """Insert the next revision of a period that is done. Return None when it is entered already."""
        due = Due(agency=before.agency, period=before.period, due_at=now)
        with transaction(self.engine) as connection:
            latest = connection.execute(select(func.max(run.c.revision)).where(*_same(before))).scalar()
            if latest != before.revision:
                return None
            return _enter(connection, due, revision=before.revision + 1, reason=reason)

    def claim(self, now: dt.datetime, lease_s: float) -> Run | None:
        """Take the oldest period that waits, or whose process has died.

        Any number of processes may ask at once, and each is dealt another run: PostgreSQL passes over rows that another
        transaction has locked, SQLite lets one at a time in. None: there is nothing now that this process could do.
        """
        now_us = us_of(now)
        waits = and_(run.c.state == "due", run.c.next_try_us <= now_us)
        is_over = or_(run.c.lease_until_us < now_us, run.c.lease_until_us > _latest_us(now, lease_s))
        orphan = and_(run.c.state == "running", is_over)
        order = (run.c.due_us, run.c.first_day, run.c.agency == CITY, run.c.agency, run.c.revision)
        next_run = select(run.c.id).where(or_(waits, orphan), ~_waits_for_others()).order_by(*order).limit(1)
        with transaction(self.engine) as connection:
            number = connection.execute(next_run.with_for_update(skip_locked=True)).scalar()
            if number is None:
                return None
            taken = {
                "state": "running",
                "owner": self.owner,
                "tries": run.c.tries + 1,
                "started_us": now_us,
                "lease_until_us": now_us + int(lease_s * US_PER_S),
                "error": "",
            }
            connection.execute(update(run).where(run.c.id == number).values(taken))
            return Run.of(connection.execute(select(run).where(run.c.id == number)).mappings().one())

    def renew(self, claimed: Run, now: dt.datetime, lease_s: float) -> bool:
        """Keep a run that takes long. False when it was taken over."""
        with transaction(self.engine) as connection:
            renewal = (
                update(run).where(*self._mine(claimed)).values(lease_until_us=us_of(now) + int(lease_s * US_PER_S))
            )
            return bool(connection.execute(renewal).rowcount)

    def finish(
        self,
        claimed: Run,
        now: dt.datetime,
        *,
        artefacts: Sequence[Artefact],
        figures: Mapping[str, Any],
        publish: Callable[[Connection], None],
        without: str = "",
    ) -> None:
        """Close a run. `publish` makes its files visible, under the row's lock: no other process can be at it.

        without : papers that could not be made, and why; it is shown as the run's error.

        A crash before the commit leaves whole files that no line names; the next try replaces them.
        Raises LeaseLost, StoreUnavailable.
        """
        now_us = us_of(now)
        done = {
            "state": "done",
            "ended_us": now_us,
            "duration_s": (now_us - (claimed.started_us or now_us)) / US_PER_S,
            "figures": dict(figures),
            "error": without[:MAX_ERROR],
        }
        with transaction(self.engine) as connection:
            if not connection.execute(update(run).where(*self._mine(claimed)).values(done)).rowcount:
                raise LeaseLost
            publish(connection)
            for file in artefacts:
                values = {name: getattr(file, name) for name in Artefact.__dataclass_fields__}
                connection.execute(insert(artefact).values(run_id=claimed.id, **values))

    def fail(self, claimed: Run, now: dt.datetime, error: str, *, retry_at: dt.datetime | None) -> None:
        """Record what went wrong. Tried again at `retry_at`, or left failed until a person asks."""
        now_us = us_of(now)
        values = {
            "state": "due" if retry_at else "failed",
            "error": error[:MAX_ERROR],
            "ended_us": now_us,
            "duration_s": (now_us - (claimed.started_us or now_us)) / US_PER_S,
        }
        if retry_at:
            values["next_try_us"] = us_of(retry_at)
        with transaction(self.engine) as connection:
            connection.execute(update(run).where(*self._mine(claimed)).values(values))

    def retry(self, ids: Sequence[int], now: dt.datetime) -> int:
        """Put failed or waiting runs at the head again; how many were."""
        waits = run.c.state.in_(("failed", "due"))
        with transaction(self.engine) as connection:
            again = update(run).where(run.c.id.in_(ids), waits).values(state="due", tries=0, next_try_us=us_of(now))
            return connection.execute(again).rowcount

    def runs(
        self,
        *,
        number: int | None = None,
        agency: str | None = None,
        period: Period | None = None,
        state: RunState | None = None,
        since: dt.date | None = None,
        limit: int | None = None,
        agencies: Sequence[str] | None = None,
    ) -> list[Run]:
        """Return lines of the ledger, the newest period first. agencies : only theirs; None for all, and the city."""
        query = select(run).order_by(run.c.first_day.desc(), run.c.agency, run.c.revision.desc()).limit(limit)
        filters = {run.c.id: number, run.c.agency: agency, run.c.period: period and period.slug, run.c.state: state}
        for column, value in filters.items():
            query = query.where(column == value) if value is not None else query
        if since is not None:
            query = query.where(run.c.first_day >= since.isoformat())
        if agencies is not None:
            query = query.where(run.c.agency.in_(agencies))
        with reading(self.engine) as connection:
            return [Run.of(row) for row in connection.execute(query).mappings()]

    def page(
        self,
        *,
        agencies: Sequence[str] | None,
        state: RunState | None = None,
        kind: str = "",
        newest_only: bool = False,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[Run], int]:
        """Return one page of lines, the newest period first, and how many there are on all pages.

        agencies : only theirs; None for all, and the city. newest_only : of each period the newest revision alone.
        """
        asked: list[ColumnElement[bool]] = []
        if agencies is not None:
            asked.append(run.c.agency.in_(agencies))
        if state is not None:
            asked.append(run.c.state == state)
        if kind:
            asked.append(run.c.kind == kind)
        if newest_only:
            later = run.alias()
            asked.append(
                ~exists().where(
                    later.c.agency == run.c.agency,
                    later.c.period == run.c.period,
                    later.c.revision > run.c.revision,
                    *([later.c.state == state] if state is not None else []),
                )
            )
        lines = select(run).where(*asked).order_by(run.c.first_day.desc(), run.c.agency, run.c.revision.desc())
        with reading(self.engine) as connection:
            total = connection.execute(select(func.count()).select_from(run).where(*asked)).scalar_one()
            return [Run.of(row) for row in connection.execute(lines.limit(limit).offset(offset)).mappings()], total

    def counts(self, agencies: Sequence[str] | None = None) -> dict[str, int]:
        """Count the runs in each state. agencies : only theirs; None for all, and the city."""
        query = select(run.c.state, func.count()).group_by(run.c.state)
        if agencies is not None:
            query = query.where(run.c.agency.in_(agencies))
        with reading(self.engine) as connection:
            counts = {state: int(count) for state, count in connection.execute(query)}
        return {state: counts.get(state, 0) for state in RUN_STATES}

    def newest_first_days(self) -> dict[tuple[str, str], dt.date]:
        """Return the first day of the newest period in the ledger, by kind and agency."""
        query = select(run.c.kind, run.c.agency, func.max(run.c.first_day)).group_by(run.c.kind, run.c.agency)
        with reading(self.engine) as connection:
            return {(kind, agency): dt.date.fromisoformat(day) for kind, agency, day in connection.execute(query)}

    def artefacts(self, runs: Sequence[Run]) -> dict[int, list[Artefact]]:
        """Return the files of each run, by its number."""
        artefacts_of: dict[int, list[Artefact]] = {line.id: [] for line in runs}
        for at in range(0, len(runs), RUNS_PER_QUERY):
            ids = [line.id for line in runs[at : at + RUNS_PER_QUERY]]
            query = (
                select(artefact)
                .where(artefact.c.run_id.in_(ids))
                .order_by(artefact.c.document != ENERGY, artefact.c.document, artefact.c.form, artefact.c.lang)
            )
            with reading(self.engine) as connection:
                for row in connection.execute(query).mappings():
                    file = Artefact(**{name: row[name] for name in Artefact.__dataclass_fields__})
                    artefacts_of[row["run_id"]].append(file)
        return artefacts_of

    def _mine(self, claimed: Run) -> tuple[Any, ...]:
        return run.c.id == claimed.id, run.c.owner == self.owner, run.c.state == "running", run.c.tries == claimed.tries


def _same(line: Run) -> tuple[Any, ...]:
    return run.c.agency == line.agency, run.c.period == line.period.slug


def _latest_us(now: dt.datetime, lease_s: float) -> int:
    """Return the latest instant to which a true lease can reach."""
    return us_of(now) + int(LONGEST_LEASE * lease_s * US_PER_S)


def _waits_for_others() -> ColumnElement[bool]:
    """Return whether a run waits for another: a revision for the one before it, the city for its agencies then.

    An agency that is to be tried again holds the city's report up; one that failed for good is named in it instead.
    """
    other = run.alias("other")
    is_earlier = and_(other.c.agency == run.c.agency, other.c.revision < run.c.revision)
    is_part = and_(run.c.agency == CITY, other.c.agency != CITY)
    is_open = other.c.state.in_(("due", "running"))
    return exists().where(other.c.period == run.c.period, is_open, or_(is_earlier, is_part))


def _enter(connection: Connection, due: Due, *, revision: int, reason: str) -> int | None:
    """Insert a run and return its number. None when another process has entered it in the meantime."""
    try:
        with connection.begin_nested():
            values = _entered(due, revision=revision, reason=reason)
            number: int = connection.execute(insert(run).values(**values).returning(run.c.id)).scalar_one()
            return number
    except IntegrityError:
        return None


def _entered(due: Due, *, revision: int, reason: str) -> dict[str, Any]:
    due_us = us_of(due.due_at)
    return {
        "kind": due.period.kind,
        "agency": due.agency,
        "period": due.period.slug,
        "first_day": due.period.first_day.isoformat(),
        "revision": revision,
        "state": "due",
        "reason": reason,
        "due_us": due_us,
        "next_try_us": due_us,
        "tries": 0,
    }
