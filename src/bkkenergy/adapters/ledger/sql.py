"""The energy ledger in SQLite or PostgreSQL: one schema, one implementation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, delete, func, or_, select, update

from bkkenergy.adapters.bulk import insert_columns, is_among
from bkkenergy.adapters.engines import AdvisoryLock, translate_db_errors
from bkkenergy.adapters.ledger.changes import SqlReadingChangeRecords
from bkkenergy.adapters.ledger.columns import (
    CHANNELS_OF_METER,
    channels_of,
    end_waits,
    marks_of,
    nearest_day,
    numbers_of,
    read_slots,
    read_totals,
)
from bkkenergy.adapters.ledger.marks import DaysToMark, all_days, now_us, put_postgresql, put_sqlite, touched_by
from bkkenergy.adapters.ledger.purges import SqlPurgeRecords, refuse_purged
from bkkenergy.adapters.ledger.rows import (
    check,
    date_of,
    day_columns,
    day_number,
    hour_columns,
    runs,
    span_columns,
    start_us,
)
from bkkenergy.adapters.ledger.schema import BY_MONTH, bring_up
from bkkenergy.adapters.ledger.sources import (
    days_of_batch,
    insert_batch,
    read_batches,
    read_sources,
    set_undone,
    touched_days,
)
from bkkenergy.adapters.ledger.tables import (
    ledger_day,
    ledger_hour,
    ledger_meter,
    ledger_span,
    ledger_stale,
    metadata,
)
from bkkenergy.adapters.partitions import Months, refusing
from bkkenergy.ports.ledger import (
    CHANNELS,
    Batch,
    Channel,
    Claim,
    DayTotals,
    Having,
    LedgerDays,
    MeterSeen,
    NewBatch,
    Slots,
    SourceDays,
    Span,
    SpanReason,
)
from bkkenergy.readings import US_PER_S, IntArray
from bkkenergy.texts import Term

WHAT = Term("energy ledger", "server_of.ledger")
DAY = dt.timedelta(days=1)
LONGEST_LEASES = 10
"""A claim that reaches further ahead than this many leases was made by a clock that was wrong: it does not count."""


class SqlLedger:
    """The EnergyLedger on an SQL database. Threads and processes may share it.

    The name of an owner of claims belongs to one worker alone, whether thread or process.
    """

    def __init__(
        self, engine: Engine, channels: Mapping[str, Channel] = CHANNELS, clock: Callable[[], int] = now_us
    ) -> None:
        """Open a ledger. channels : those that may be written. clock : us since 1970 UTC, for the age of marks."""
        self._engine, self._channels, self._clock = engine, channels, clock
        self._is_postgresql = engine.dialect.name == "postgresql"
        self._months = Months(BY_MONTH, self._writing)

    def prepare(self) -> None:
        """Make the tables that are missing, or bring up those of a version before. Raises StoreUnavailable."""
        with self._writing() as connection:
            if self._is_postgresql:
                connection.execute(select(func.pg_advisory_xact_lock(AdvisoryLock.LEDGER_TABLES)))
                bring_up(connection)
            else:
                metadata.create_all(connection)

    def mark(self, meters: Sequence[str], first: dt.date, last: dt.date) -> None:
        """Mark days of meters, both ends included."""
        if meters:
            with self._writing() as connection:
                days = range(day_number(first), day_number(last) + 1)
                self._put(connection, all_days(dict.fromkeys(meters, days)))

    def mark_readings(self, meter_ids: Sequence[str], meter: IntArray, ts_us: IntArray) -> None:
        """Mark the days that readings touch, note each meter's earliest and latest reading, and which days are late."""
        if len(ts_us):
            with self._writing() as connection:
                self._put(connection, touched_by(meter_ids, meter, ts_us))

    def claim(
        self,
        owner: str,
        *,
        now_us: int,
        lease_s: float,
        limit: int,
        meters: Sequence[str] | None = None,
        without: Sequence[str] = (),
    ) -> list[Claim]:
        """Take up to `limit` meters that have marks and that no other worker holds; those that wait longest first."""
        lease_us = round(lease_s * US_PER_S)
        until_us = ledger_meter.c.claim_until_us
        free = (
            select(ledger_meter.c.id, ledger_meter.c.name)
            .where(ledger_meter.c.waiting_since_us.is_not(None))
            .where(or_(until_us <= now_us, until_us > now_us + LONGEST_LEASES * lease_us))
            .order_by(ledger_meter.c.waiting_since_us, ledger_meter.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if meters is not None:
            free = free.where(is_among(self._is_postgresql, ledger_meter.c.name, meters))
        if without:
            free = free.where(~is_among(self._is_postgresql, ledger_meter.c.name, without))
        with self._writing() as connection:
            taken = [(row.id, row.name) for row in connection.execute(free)]
            if not taken:
                return []
            numbers = [number for number, _ in taken]
            connection.execute(
                update(ledger_meter)
                .where(is_among(self._is_postgresql, ledger_meter.c.id, numbers))
                .values(owner=owner, claim_until_us=now_us + lease_us)
            )
            marks = marks_of(connection, numbers)
        return [Claim(name, owner, marks.get(number, {})) for number, name in taken]

    def finish(
        self,
        claim: Claim,
        days: Sequence[LedgerDays],
        spans: Sequence[Span],
        *,
        computed: Sequence[dt.date],
        now_us: int,
    ) -> bool:
        """Replace rows and spans of the days `computed`, take away the marks that were seen, and free the meter."""
        check(claim.meter, days, spans, computed)
        channels = [self._channel(block) for block in days]
        if self._is_postgresql:
            self._months.make((block.first_day, block.first_day + (len(block.values) - 1) * DAY) for block in days)
        with self._writing() as connection:
            claimed = select(ledger_meter.c.id, ledger_meter.c.owner).where(ledger_meter.c.name == claim.meter)
            row = connection.execute(claimed.with_for_update()).one_or_none()
            if row is None or row.owner != claim.owner:
                return False
            self._delete(connection, row.id, computed)
            for block, channel in zip(days, channels, strict=True):
                insert_columns(connection, ledger_day, day_columns(row.id, block, channel, now_us))
                if channel.is_additive:
                    insert_columns(connection, ledger_hour, hour_columns(row.id, block, channel))
            insert_columns(connection, ledger_span, span_columns(row.id, spans))
            self._take_away(connection, row.id, claim, now_us)
        return True

    def release(self, claim: Claim) -> None:
        """Delete the claim of the meter; its marks stay."""
        with self._writing() as connection:
            connection.execute(
                update(ledger_meter)
                .where(ledger_meter.c.name == claim.meter, ledger_meter.c.owner == claim.owner)
                .values(owner="", claim_until_us=0)
            )

    def waiting(
        self, meters: Sequence[str] | None = None, *, marked_before_us: int | None = None
    ) -> Mapping[str, Sequence[dt.date]]:
        """Return the marked days of each meter that has some, in order."""
        upper_us = 2**63 if marked_before_us is None else marked_before_us
        since = self.waiting_since(meters).items()
        days_of = {name: [day for day, since_us in days.items() if since_us <= upper_us] for name, days in since}
        return {name: days for name, days in days_of.items() if days}

    def waiting_since(self, meters: Sequence[str] | None = None) -> Mapping[str, Mapping[dt.date, int]]:
        """Return since when each marked day of each meter waits, in order of the days."""
        query = (
            select(ledger_meter.c.name, ledger_stale.c.day, ledger_stale.c.since_us)
            .join(ledger_stale, ledger_stale.c.meter == ledger_meter.c.id)
            .order_by(ledger_meter.c.name, ledger_stale.c.day)
        )
        if meters is not None:
            query = query.where(is_among(self._is_postgresql, ledger_meter.c.name, meters))
        with self._reading() as connection:
            rows = connection.execute(query).all()
        by_name = groupby(rows, lambda row: str(row.name))
        return {name: {date_of(row.day): row.since_us for row in group} for name, group in by_name}

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        """Return slots of meters over whole days, both ends included."""
        with self._reading() as connection:
            return read_slots(connection, meters, channel, first, last)

    def totals(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> DayTotals:
        """Return days of meters, both ends included."""
        with self._reading() as connection:
            return read_totals(connection, meters, channel, first, last)

    def spans(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> list[Span]:
        """Return spans of meters that begin on these days, by meter and instant."""
        span = ledger_span.c
        query = (
            select(ledger_meter.c.name, span.start_us, span.end_us, span.reason, span.energy_kwh)
            .join(ledger_meter, ledger_meter.c.id == span.meter)
            .where(is_among(self._is_postgresql, ledger_meter.c.name, meters))
            .where(span.channel == channel.name)
            .where(span.start_us >= start_us(day_number(first)), span.start_us < start_us(day_number(last) + 1))
            .order_by(ledger_meter.c.name, span.start_us, span.id)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
        nan = float("nan")
        return [
            Span(name, channel.name, start, end, SpanReason(reason), nan if kwh is None else kwh)
            for name, start, end, reason, kwh in rows
        ]

    def seen(self, meters: Sequence[str]) -> Mapping[str, MeterSeen]:
        """Return the earliest and latest reading of each meter that has one."""
        query = (
            select(ledger_meter.c.name, ledger_meter.c.first_us, ledger_meter.c.last_us)
            .where(is_among(self._is_postgresql, ledger_meter.c.name, meters))
            .where(ledger_meter.c.first_us.is_not(None))
        )
        with self._reading() as connection:
            return {row.name: MeterSeen(row.first_us, row.last_us) for row in connection.execute(query)}

    def revisions(self) -> Mapping[str, str]:
        """Return the configuration that each meter's rows were computed with."""
        query = select(ledger_meter.c.name, ledger_meter.c.revision).where(ledger_meter.c.revision != "")
        with self._reading() as connection:
            return {row.name: row.revision for row in connection.execute(query)}

    def set_revisions(self, revisions: Mapping[str, str], days: Mapping[str, Sequence[dt.date]]) -> None:
        """Set the new configuration of meters and mark their days, in one transaction."""
        if not revisions:
            return
        numbers = {meter: sorted(map(day_number, days.get(meter, ()))) for meter in revisions}
        with self._writing() as connection:
            self._put(connection, all_days(numbers))
            connection.execute(
                update(ledger_meter).where(ledger_meter.c.name == bindparam("meter")).values(revision=bindparam("now")),
                [{"meter": meter, "now": revision} for meter, revision in revisions.items()],
            )
            end_waits(connection, [meter for meter, marked in numbers.items() if not marked])

    def channels(self, meters: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the names of the channels that each meter has rows of."""
        with self._reading() as connection:
            return channels_of(connection, meters)

    def stored_days(self, meter: str, channel: Channel) -> Sequence[dt.date]:
        """Return the days that have a row, in order."""
        query = (
            select(ledger_day.c.day)
            .join(ledger_meter, ledger_meter.c.id == ledger_day.c.meter)
            .where(ledger_meter.c.name == meter, ledger_day.c.channel == channel.name)
            .order_by(ledger_day.c.day)
        )
        with self._reading() as connection:
            return [date_of(row.day) for row in connection.execute(query)]

    def day_before(self, meter: str, channel: Channel, day: dt.date, having: Having) -> dt.date | None:
        """Return the last day before one whose row has readings, or energy; None without one."""
        with self._reading() as connection:
            return nearest_day(connection, meter, channel, day, having, is_before=True)

    def day_after(self, meter: str, channel: Channel, day: dt.date, having: Having) -> dt.date | None:
        """Return the first day after one whose row has readings, or energy; None without one."""
        with self._reading() as connection:
            return nearest_day(connection, meter, channel, day, having, is_before=False)

    def add_batch(self, batch: NewBatch, days: Sequence[LedgerDays]) -> int:
        """Add a batch with its slots and mark their days, in one transaction. Return its number."""
        for block in days:
            self._channel(block)
        touched = touched_days(days)
        with self._writing() as connection:
            if touched.day:
                self._put(connection, touched)
                refuse_purged(connection, touched)
            return insert_batch(connection, batch, days)

    def undo_batch(self, number: int, who: str, at_us: int) -> bool:
        """Mark a batch as undone, and its days as changed, in one transaction. Return False where it did not count."""
        with self._writing() as connection:
            if not set_undone(connection, number, who, at_us):
                return False
            touched = days_of_batch(connection, number)
            if touched.day:
                self._put(connection, touched)
                refuse_purged(connection, touched)
        return True

    def batches(self) -> Sequence[Batch]:
        """Return the batches in the order in which they came, undone ones too."""
        with self._reading() as connection:
            return read_batches(connection)

    def sources(self, meters: Sequence[str], first: dt.date, last: dt.date) -> Sequence[SourceDays]:
        """Return days of meters by batches that count, both ends included, in the order of the batches."""
        with self._reading() as connection:
            return read_sources(connection, meters, first, last, self._channels)

    def reading_counts(self, meters: Sequence[str], first: dt.date, last: dt.date) -> Mapping[str, Mapping[str, int]]:
        """Return how many values each channel's rows of some days were computed from, by meter."""
        columns = ledger_day.c
        with self._reading() as connection:
            numbers = numbers_of(connection, meters)
            names = {number: name for name, number in numbers.items()}
            query = (
                select(columns.meter, columns.channel, func.sum(columns.readings).label("readings"))
                .where(is_among(self._is_postgresql, columns.meter, list(names)))
                .where(is_among(self._is_postgresql, columns.channel, list(self._channels)))  # so that the key serves
                .where(columns.day.between(day_number(first), day_number(last)))
                .group_by(columns.meter, columns.channel)
            )
            rows = connection.execute(query).all()
        counts: dict[str, dict[str, int]] = {}
        for row in rows:
            if row.readings:
                counts.setdefault(names[row.meter], {})[row.channel] = int(row.readings)
        return counts

    @cached_property
    def purges(self) -> SqlPurgeRecords:
        """What is known of readings that were deleted."""
        return SqlPurgeRecords(self._reading, self._writing, self._clock)

    @cached_property
    def changes(self) -> SqlReadingChangeRecords:
        """What imports changed among the readings."""
        return SqlReadingChangeRecords(self._reading, self._writing)

    def close(self) -> None:
        """Close files and connections."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Open a transaction. Raises StoreUnavailable, or StoreRefused for data that the database will never take."""
        with (
            translate_db_errors(self._engine, WHAT),
            refusing(self._engine, WHAT, self._months),
            self._engine.begin() as connection,
        ):
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Open a view of one moment. Raises StoreUnavailable."""
        options = {"isolation_level": "REPEATABLE READ"} if self._is_postgresql else {"is_reading": True}
        with (
            translate_db_errors(self._engine, WHAT),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    def _put(self, connection: Connection, touched: DaysToMark) -> None:
        put = put_postgresql if self._is_postgresql else put_sqlite
        put(connection.exec_driver_sql, touched, self._clock())

    def _channel(self, block: LedgerDays) -> Channel:
        channel = self._channels.get(block.channel)
        if channel is None or block.values.shape[1] != channel.slots_per_day:
            known = ", ".join(self._channels)
            raise ValueError(
                f"channel {block.channel!r} with {block.values.shape[1]} slots a day is not known. Known: {known}."
            )
        return channel

    def _delete(self, connection: Connection, number: int, computed: Sequence[dt.date]) -> None:
        """Delete what the ledger holds of days of a meter, whatever the channel."""
        day, hour, span = ledger_day.c, ledger_hour.c, ledger_span.c
        for first, last in runs(computed):
            start, end = start_us(first), start_us(last + 1)
            first_hour, end_hour = (instant // (3600 * US_PER_S) for instant in (start, end))
            for where in (
                *(
                    [*keys, day.meter == number, day.day.between(first, last)]
                    for keys in self._keys(connection, number)
                ),
                [hour.meter == number, hour.hour >= first_hour, hour.hour < end_hour],
                [span.meter == number, span.start_us >= start, span.start_us < end],
            ):
                connection.execute(delete(where[-1].left.table).where(*where))

    def _keys(self, connection: Connection, number: int) -> list[list[ColumnElement[bool]]]:
        """Return what leads to a meter's days by the key: each of its channels. A month is small without it."""
        if self._is_postgresql:
            return [[]]
        channels = connection.execute(CHANNELS_OF_METER, {"meter": number})
        return [[ledger_day.c.channel == row.channel] for row in channels]

    def _take_away(self, connection: Connection, number: int, claim: Claim, now_us: int) -> None:
        """Delete the marks that the claim saw; those that grew meanwhile wait from now on. Free the meter."""
        rows = [(number, day_number(day), mark) for day, mark in claim.days.items()]
        if rows:
            sign = "%s" if self._is_postgresql else "?"
            query = f"DELETE FROM ledger_stale WHERE meter = {sign} AND day = {sign} AND mark = {sign}"  # noqa: S608
            connection.exec_driver_sql(query, rows)
            grown = f"UPDATE ledger_stale SET since_us = {sign} WHERE meter = {sign} AND day = {sign}"  # noqa: S608
            connection.exec_driver_sql(grown, [(now_us, meter, day) for meter, day, _ in rows])
        left = select(func.min(ledger_stale.c.since_us)).where(ledger_stale.c.meter == number).scalar_subquery()
        connection.execute(
            update(ledger_meter)
            .where(ledger_meter.c.id == number)
            .values(owner="", claim_until_us=0, waiting_since_us=left)
        )
