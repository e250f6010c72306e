"""How the energy ledger's rows are split by month on a real PostgreSQL, and how older tables come to it."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from bkkenergy.adapters import partitions
from bkkenergy.adapters.bulk import insert_columns
from bkkenergy.adapters.engines import AdvisoryLock, make_engine
from bkkenergy.adapters.ledger.rows import day_columns, hour_columns
from bkkenergy.adapters.ledger.schema import BY_MONTH, HEAD
from bkkenergy.adapters.ledger.sql import SqlLedger
from bkkenergy.adapters.ledger.tables import ledger_day, ledger_hour
from bkkenergy.adapters.partitions import END_DAY, FIRST_DAY, months_between
from bkkenergy.ports.ledger import EXPORT, IMPORT, POWER_FACTOR, LedgerDays
from bkkenergy.ports.readings import NewerTables, StoreUnavailable
from bkkenergy.readings import Quality
from tests.sites import postgresql_database

pytestmark = pytest.mark.postgres
METER = "health.centre-1.main"
NOW_US = 1_795_000_000_000_000
LEASE_S = 600.0
DAY = dt.timedelta(days=1)


@pytest.fixture
def url(postgres) -> str:
    return postgresql_database(postgres.port, "months").get_secret_value()


@pytest.fixture
def ledger(url):
    found = SqlLedger(make_engine(url))
    found.prepare()
    yield found
    found.close()


def days_of(first: dt.date, count: int = 1, *, value: float = 1.0, channel=IMPORT, meter: str = METER) -> LedgerDays:
    values = np.full((count, channel.slots_per_day), value)
    return LedgerDays(
        meter, channel.name, first, values, np.full(values.shape, Quality.MEASURED, np.uint8), np.full(count, 96)
    )


def put(ledger: SqlLedger, *blocks: LedgerDays) -> None:
    """Compute days of a meter, as a worker does."""
    computed = sorted({block.first_day + number * DAY for block in blocks for number in range(len(block.values))})
    ledger.mark([blocks[0].meter], computed[0], computed[0])
    (claim,) = ledger.claim("worker", now_us=NOW_US, lease_s=LEASE_S, limit=1, meters=[blocks[0].meter])
    assert ledger.finish(claim, blocks, [], computed=computed, now_us=NOW_US)


def rows_of(ledger: SqlLedger, statement: str) -> list[tuple]:
    with ledger._engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def filled(ledger: SqlLedger, table: str = "ledger_day") -> dict[str, int]:
    """How many rows lie in each partition that has some."""
    found = rows_of(ledger, f"SELECT CAST(CAST(tableoid AS regclass) AS text), count(*) FROM {table} GROUP BY 1")
    return dict(found)


def count_of_partitions(ledger: SqlLedger) -> int:
    return rows_of(ledger, "SELECT count(*) FROM pg_inherits JOIN pg_class ON inhparent = pg_class.oid "
                           "WHERE relname = 'ledger_day'")[0][0]  # fmt: skip


def test_days_and_their_hours_lie_in_the_month_of_bangkoks_calendar(ledger):
    put(ledger, days_of(dt.date(2026, 10, 30), 4))
    assert filled(ledger) == {"ledger_day_2026_10": 2, "ledger_day_2026_11": 2}
    assert filled(ledger, "ledger_hour") == {"ledger_hour_2026_10": 48, "ledger_hour_2026_11": 48}


@pytest.mark.parametrize("year", [1, 1970, 1999, 2014, 2050, 2569, 9998])
def test_days_far_away_are_stored_and_read_and_make_no_partitions(ledger, year):
    before = count_of_partitions(ledger)
    first = dt.date(year, 12, 31)
    put(ledger, days_of(first, 2, value=0.5))
    assert ledger.totals([METER], IMPORT, first, first + DAY).total[:, 0].tolist() == [48.0, 48.0]
    assert count_of_partitions(ledger) - before == (1 if year == FIRST_DAY.year - 1 else 0)


def test_a_run_from_a_clock_that_was_wrong_to_today_makes_months_within_the_bounds_alone(ledger):
    """Nothing that a meter sends makes more partitions than there are months between the bounds."""
    assert len(list(months_between(dt.date.min, dt.date.max))) == (END_DAY.year - FIRST_DAY.year) * 12
    put(ledger, days_of(dt.date(2014, 12, 30), 70))
    names = {"ledger_day_before", "ledger_day_2015_01", "ledger_day_2015_02", "ledger_day_2015_03"}
    assert set(filled(ledger)) == names
    assert sum(filled(ledger).values()) == 70


def explained(ledger: SqlLedger, act) -> dict[str, list[set[str]]]:
    """Of each statement that touches days or hours, which tables PostgreSQL plans to touch, by its kind."""
    seen = []

    def note(_connection, _cursor, statement, parameters, _context, is_many):
        if not is_many and ("ledger_day" in statement or "ledger_hour" in statement):
            seen.append((statement, parameters))

    event.listen(ledger._engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(ledger._engine, "before_cursor_execute", note)
    found: dict[str, list[set[str]]] = {}
    with ledger._engine.connect() as connection:
        for statement, parameters in seen:
            kind = statement.split()[0]
            if kind not in {"SELECT", "DELETE"} or "pg_inherits" in statement:
                continue
            (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
            found.setdefault(kind, []).append(set(tables_in(plan)))
    return found


def tables_in(plan: object):
    """Names of tables that are scanned, in EXPLAIN's JSON."""
    if isinstance(plan, dict):
        if "Node Type" in plan and "Scan" in plan["Node Type"] and "Relation Name" in plan:
            yield plan["Relation Name"]
        plan = list(plan.values())
    if isinstance(plan, list):
        for part in plan:
            yield from tables_in(part)


@pytest.mark.parametrize("read", ["totals", "slots", "reading_counts"])
def test_what_reads_a_month_touches_its_partition_alone(ledger, read):
    put(ledger, days_of(dt.date(2024, 1, 1), 731))
    month = (dt.date(2025, 2, 1), dt.date(2025, 2, 28))
    given = ([METER], *month) if read == "reading_counts" else ([METER], IMPORT, *month)
    touched = explained(ledger, lambda: getattr(ledger, read)(*given))
    assert touched == {"SELECT": [{"ledger_day_2025_02"}]}
    (of_all_days,) = explained(ledger, lambda: ledger.stored_days(METER, IMPORT))["SELECT"]
    assert len(of_all_days) >= 24, "the plan does not name what it touches"


def test_what_replaces_days_of_a_month_touches_its_partitions_alone(ledger):
    put(ledger, days_of(dt.date(2024, 1, 1), 731))
    touched = explained(
        ledger, lambda: put(ledger, days_of(dt.date(2025, 2, 3), 2), days_of(dt.date(2025, 2, 3), 2, channel=EXPORT))
    )
    assert touched == {"DELETE": [{"ledger_day_2025_02"}, {"ledger_hour_2025_02"}]}


def test_every_channel_of_a_day_is_replaced_also_those_that_are_gone(ledger):
    first = dt.date(2026, 1, 31)
    put(ledger, *(days_of(first, 2, channel=channel) for channel in (IMPORT, EXPORT, POWER_FACTOR)))
    put(ledger, days_of(first + DAY, value=2.0))
    assert ledger.stored_days(METER, EXPORT) == [first]
    assert ledger.totals([METER], IMPORT, first, first + DAY).total[:, 0].tolist() == [96.0, 192.0]


WORKER = """
import datetime as dt, sys, time
import numpy as np
from bkkenergy.adapters.engines import make_engine
from bkkenergy.adapters.ledger.sql import SqlLedger
from bkkenergy.adapters.ledger.tables import ledger_day, ledger_hour
from bkkenergy.ports.ledger import LedgerDays
url, meter, first, count = sys.argv[1:]
first = dt.date.fromisoformat(first)
ledger = SqlLedger(make_engine(url))
ledger.prepare()
ledger.mark([meter], first, first)
(claim,) = ledger.claim(meter, now_us=time.time_ns() // 1000, lease_s=600, limit=1, meters=[meter])
shape = (int(count), 96)
days = LedgerDays(meter, "import", first, np.ones(shape), np.zeros(shape, np.uint8), np.ones(shape[0], np.int64))
computed = [first + dt.timedelta(number) for number in range(shape[0])]
print("ready", flush=True)
sys.stdin.readline()
assert ledger.finish(claim, [days], [], computed=computed, now_us=1)
"""


def test_processes_that_make_the_same_months_at_the_same_time_all_succeed(ledger, url):
    """All wait before the lock at which a month is made, so that each has found it missing."""
    count, first, days = 5, dt.date(2026, 1, 1), 365
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, f"a.b.m{number}", first.isoformat(), str(days)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(count)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout.readline() == "ready\n", worker.stderr.read()
    with ledger._engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": AdvisoryLock.PARTITIONS})
        for worker in workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
        until_waiting(ledger, count)
    ended = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * count, ended
    assert filled(ledger) == {
        f"ledger_day_{month:%Y_%m}": count * length(month) for month in months_between(first, dt.date(2026, 12, 31))
    }


def length(month: dt.date) -> int:
    return (partitions.month_after(month) - month).days


def until_waiting(ledger: SqlLedger, count: int) -> None:
    """Until this many sessions wait for an advisory lock of this database."""
    until_s = time.monotonic() + 60
    query = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    while rows_of(ledger, query)[0][0] < count:
        assert time.monotonic() < until_s, "the workers do not wait for the lock"
        time.sleep(0.05)


def test_a_month_is_made_while_a_long_read_of_all_days_is_open(ledger):
    """A dump of the database holds each table for hours: neither months nor what is written wait for it."""
    put(ledger, days_of(dt.date(2026, 1, 1), 31))
    with ledger._engine.connect() as dump, ledger._engine.connect() as watch:
        dump.execute(text("SELECT count(*) FROM ledger_day, ledger_hour"))
        watch.execute(text("SET lock_timeout = '5s'"))
        put(ledger, days_of(dt.date(2026, 1, 30), 60))
        assert dump.execute(text("SELECT count(*) FROM ledger_day")).scalar_one() == 29 + 60


def test_a_month_that_is_made_is_visible_to_no_reader_of_an_earlier_moment(ledger):
    put(ledger, days_of(dt.date(2026, 1, 1), 31))
    with ledger._reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger_day")).scalar_one() == 31
        put(ledger, days_of(dt.date(2026, 2, 1), 28))
        assert connection.execute(text("SELECT count(*) FROM ledger_day")).scalar_one() == 31


def test_a_month_that_was_taken_away_under_a_worker_is_made_again(ledger):
    first = dt.date(2026, 3, 1)
    put(ledger, days_of(first, 31))
    with ledger._engine.begin() as connection:
        connection.execute(text("DROP TABLE ledger_day_2026_03"))
    with pytest.raises(StoreUnavailable, match="tried again"):
        put(ledger, days_of(first, 2))
    (claim,) = ledger.claim("next", now_us=NOW_US * 2, lease_s=LEASE_S, limit=1)
    assert ledger.finish(claim, [days_of(first, 2)], [], computed=[first, first + DAY], now_us=NOW_US)
    assert filled(ledger) == {"ledger_day_2026_03": 2}


def test_a_month_that_was_detached_comes_back_with_its_rows(ledger, url):
    first = dt.date(2026, 3, 1)
    put(ledger, days_of(first, 31))
    with ledger._engine.begin() as connection:
        connection.execute(text("ALTER TABLE ledger_day DETACH PARTITION ledger_day_2026_03"))
    assert ledger.stored_days(METER, IMPORT) == []
    other = SqlLedger(make_engine(url))
    put(other, days_of(first, 1, value=3.0))
    assert len(other.stored_days(METER, IMPORT)) == 31
    assert other.totals([METER], IMPORT, first, first + DAY).total[:, 0].tolist() == [288.0, 96.0]
    other.close()


def test_a_database_that_takes_no_new_tables_says_so_and_takes_the_days_of_known_months(ledger, url):
    put(ledger, days_of(dt.date(2026, 3, 1), 31))
    with ledger._engine.begin() as connection:
        connection.execute(text("CREATE ROLE narrow LOGIN"))
        connection.execute(text("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO narrow"))
        connection.execute(text("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO narrow"))
    narrow = SqlLedger(make_engine(url.replace("//bkk@", "//narrow@")))
    put(narrow, days_of(dt.date(2026, 3, 1), 2, value=2.0))
    with pytest.raises(StoreUnavailable, match="permission denied"):
        put(narrow, days_of(dt.date(2026, 4, 1)))
    narrow.close()
    with ledger._engine.begin() as connection:
        connection.execute(text("DROP OWNED BY narrow"))
        connection.execute(text("DROP ROLE narrow"))


# Tables of a version before

FIRST_TABLES = """
CREATE TABLE ledger_meter (
    id BIGSERIAL NOT NULL, name VARCHAR NOT NULL, first_us BIGINT, last_us BIGINT, mark BIGINT NOT NULL,
    waiting_since_us BIGINT, revision VARCHAR DEFAULT '' NOT NULL, owner VARCHAR DEFAULT '' NOT NULL,
    claim_until_us BIGINT DEFAULT '0' NOT NULL, PRIMARY KEY (id), UNIQUE (name)
) WITH (fillfactor = 50);
CREATE TABLE ledger_day (
    meter BIGINT NOT NULL, channel VARCHAR NOT NULL, day INTEGER NOT NULL, total DOUBLE PRECISION,
    measured SMALLINT NOT NULL, estimated SMALLINT NOT NULL, edited SMALLINT NOT NULL, incomplete SMALLINT NOT NULL,
    peak DOUBLE PRECISION, peak_slot SMALLINT NOT NULL, readings INTEGER NOT NULL, computed_us BIGINT NOT NULL,
    slots BYTEA NOT NULL, quality BYTEA NOT NULL, PRIMARY KEY (meter, channel, day)
);
CREATE TABLE ledger_hour (
    meter BIGINT NOT NULL, hour INTEGER NOT NULL, channel VARCHAR NOT NULL, value DOUBLE PRECISION NOT NULL,
    measured SMALLINT NOT NULL, PRIMARY KEY (meter, hour, channel)
);
"""
"""The tables of 0.1.0 that the steps change, as PostgreSQL had them."""
DAYS_BEFORE = [dt.date(1970, 1, 1), dt.date(2014, 12, 31), dt.date(2015, 1, 1), dt.date(2023, 2, 28),
               dt.date(2026, 10, 31), dt.date(2026, 11, 1), dt.date(2049, 12, 31), dt.date(2569, 11, 26)]  # fmt: skip


@pytest.fixture
def before(url):
    """A database of 0.1.0 with days of many years."""
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(FIRST_TABLES)
    scratch = SqlLedger(engine)
    for first in DAYS_BEFORE:
        with engine.begin() as connection:
            for number in (1, 2):
                insert_columns(connection, ledger_day, day_columns(number, days_of(first), IMPORT, NOW_US))
                insert_columns(connection, ledger_hour, hour_columns(number, days_of(first), IMPORT))
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO ledger_meter (id, name, mark) VALUES (1, 'a.b.one', 1), (2, 'a.b.two', 1)")
        )
        connection.execute(text("SELECT setval('ledger_meter_id_seq', 2)"))
    yield scratch
    scratch.close()


def everything(ledger: SqlLedger) -> list[list[tuple]]:
    return [sorted(rows_of(ledger, f"SELECT * FROM {part.table}")) for part in BY_MONTH]


def test_tables_of_the_version_before_are_partitioned_with_every_row_by_the_first_of_many_that_come(before, url):
    rows = everything(before)
    assert [len(found) for found in rows] == [16, 16 * 24]
    ledgers = [SqlLedger(make_engine(url)) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(SqlLedger.prepare, ledgers))
    assert everything(before) == rows
    assert set(filled(before)) == {
        "ledger_day_before", "ledger_day_2015_01", "ledger_day_2023_02", "ledger_day_2026_10", "ledger_day_2026_11",
        "ledger_day_2049_12", "ledger_day_after",
    }  # fmt: skip
    assert rows_of(before, "SELECT number FROM ledger_schema") == [(HEAD,)]
    assert not rows_of(before, "SELECT relname FROM pg_class WHERE relname LIKE '%whole%'")
    put(ledgers[0], days_of(dt.date(2026, 10, 31), 2, value=7.0, meter="a.b.one"))
    assert ledgers[1].totals(["a.b.one"], IMPORT, dt.date(2026, 10, 31), dt.date(2026, 10, 31)).total[0, 0] == 7 * 96
    for own in ledgers:
        own.close()


def schema_of(url: str) -> str:
    """The tables of a database as pg_dump says them, months left out."""
    dump = subprocess.run(
        ["pg_dump", "--schema-only", "--exclude-table=ledger_*_20*", url.replace("+psycopg", "")],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return "\n".join(line for line in dump.splitlines() if line and not line.startswith(("--", "\\")))


def test_the_steps_lead_to_the_tables_that_an_empty_database_gets(before, url, postgres):
    before.prepare()
    fresh = postgresql_database(postgres.port, "fresh").get_secret_value()
    ledger = SqlLedger(make_engine(fresh))
    ledger.prepare()
    ledger.close()
    assert schema_of(url) == schema_of(fresh)


def test_who_could_read_the_tables_can_read_them_afterwards(before):
    with before._engine.begin() as connection:
        connection.execute(text('CREATE ROLE "grafana reader"'))
        connection.execute(text('GRANT SELECT ON ledger_hour TO "grafana reader"'))
        connection.execute(text("GRANT SELECT ON ledger_day TO PUBLIC"))
    try:
        before.prepare()
        with before._engine.begin() as connection:
            connection.execute(text('SET LOCAL ROLE "grafana reader"'))
            assert connection.execute(text("SELECT count(*) FROM ledger_hour")).scalar_one() == 16 * 24
            assert connection.execute(text("SELECT count(*) FROM ledger_day")).scalar_one() == 16
    finally:
        with before._engine.begin() as connection:
            connection.execute(text('DROP OWNED BY "grafana reader"'))
            connection.execute(text('DROP ROLE "grafana reader"'))


def test_a_step_whose_session_is_ended_leaves_everything_as_it_was_and_is_made_later(before, url):
    rows = everything(before)
    with before._engine.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(text("SELECT * FROM ledger_hour LIMIT 1"))  # the step has moved days and waits for hours
        own = SqlLedger(make_engine(url))
        step = pool.submit(own.prepare)
        until_s = time.monotonic() + 60
        query = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = CAST('ledger_hour' AS regclass)"
        while not (found := rows_of(before, query)):
            assert time.monotonic() < until_s, "the step does not wait"
            time.sleep(0.05)
        with before._engine.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": found[0][0]})
        with pytest.raises((StoreUnavailable, DBAPIError)):
            step.result(timeout=60)
    assert everything(before) == rows
    assert filled(before) == {"ledger_day": 16}
    own.prepare()
    assert everything(before) == rows
    assert len(filled(before)) == 7
    own.close()


def test_tables_of_a_newer_version_are_refused_and_not_touched(before):
    before.prepare()
    with before._engine.begin() as connection:
        connection.execute(text("INSERT INTO ledger_schema (number) VALUES (99)"))
    rows = everything(before)
    with pytest.raises(NewerTables, match="99"):
        before.prepare()
    assert everything(before) == rows
