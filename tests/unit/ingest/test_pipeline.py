"""The order that loses nothing, step by step, on a real store, spool, quarantine and logbook, with a clock of ours."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.state.tables import gateway, meter_event
from bkkenergy.adapters.work import ENDED, Task
from bkkenergy.ingest.metrics import Metrics
from bkkenergy.ingest.pipeline import COUNTERS_EVERY_S, FIRST_RETRY_S, Pipeline, commit_or_split
from bkkenergy.ingest.singles import as_refused
from bkkenergy.ingest.sort import Sorted
from bkkenergy.ingest.spool import Spool
from bkkenergy.metering.events import Event, EventKind
from bkkenergy.payloads.message import Message, Reason, Refused
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import StateSettings
from tests.builders import DAY_US, readings

METER = "agency.building.main"


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class FaultyStore(SqliteStore):
    """The embedded store, which can be taken away and refuses values."""

    def __init__(self, path, clock) -> None:
        super().__init__(path)
        self.prepare()
        self.clock = clock
        self.is_unavailable = False
        self.refused_kwh: set[float] = set()
        self.error: Exception = StoreRefused("no")
        self.probe_error: Exception | None = None
        self.takes_s = 0.0
        self.commits: list[list[float]] = []
        self.asked_count = 0

    def commit(self, batch) -> None:
        self.asked_count += 1
        if self.is_unavailable:
            raise StoreUnavailable("away")
        self.clock.now_s += self.takes_s
        values = batch.column("energy_kwh").tolist()
        if self.refused_kwh & set(values):
            raise self.error
        super().commit(batch)
        self.commits.append(values)

    def probe(self) -> None:
        if self.probe_error is not None:
            raise self.probe_error
        super().probe()


class FaultyState:
    """A real state on SQLite, which can be taken away: each transaction then fails as on a full disk."""

    def __init__(self, path) -> None:
        self.engine = open_state(StateSettings(path=path))
        self.is_unavailable = False
        self.asked_count = 0
        event.listen(self.engine, "before_cursor_execute", self._fail)

    def _fail(self, *_) -> None:
        self.asked_count += 1
        if self.is_unavailable:
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))


class Site:
    """A pipeline and all that is around it."""

    def __init__(self, folder, *, spool_bytes=None, retry_max_s=30.0, try_first=None) -> None:
        path = folder / "store.sqlite"
        self.clock = Clock()
        self.store = FaultyStore(path, self.clock)
        self.state = FaultyState(folder / "state.sqlite")
        self.quarantine = Quarantine(self.state.engine, max_messages=1000, max_bytes=10**6)
        self.logbook = Logbook(self.state.engine)
        self.metrics = Metrics()
        self.spool = Spool(folder / "spool", max_bytes=spool_bytes) if spool_bytes else None
        self.pipeline = Pipeline(
            self.store, self.quarantine, self.logbook, self.metrics, spool=self.spool, retry_max_s=retry_max_s,
            monotonic=self.clock, wall_clock=lambda: 1_795_402_800.0, try_first=try_first,
        )  # fmt: skip
        self.acknowledged: list[Message] = []
        self.waits_s: list[float] = []
        self.stops_after = 50
        self.on_wait = lambda: None

    def wait(self, seconds: float) -> bool:
        self.waits_s.append(seconds)
        self.clock.now_s += seconds
        self.on_wait()
        assert len(self.waits_s) <= self.stops_after + 1, "it goes on after it was told to stop"
        return len(self.waits_s) > self.stops_after

    def send(self, *energy_kwh, ts_us=DAY_US, refused=(), events=(), lags_us=None, duplicate=False) -> bool:
        """One message a reading; True once they are acknowledged."""
        messages = [Message("t", f"{value}".encode(), duplicate=duplicate) for value in energy_kwh]
        messages += [Message(item.topic, item.payload) for item in refused]
        batch = readings(METER, energy_kwh, start_us=ts_us) if energy_kwh else ReadingBatch.empty((METER,))
        found = Sorted(batch, np.arange(len(energy_kwh)), tuple(refused), lags_us=lags_us or {})
        return self.pipeline.commit_then_ack(messages, found, events, self.acknowledged.extend, wait=self.wait)

    def stored(self) -> list[float]:
        return self.store.readings([METER], 0, 2**62).column("energy_kwh").tolist()

    def kept(self) -> list[tuple[bytes, Reason]]:
        return [(item.payload, item.reason) for item in self.quarantine.listed()]

    def kept_when_back(self) -> list[tuple[bytes, Reason]]:
        self.state.is_unavailable = False
        return self.kept()

    def lag_us(self, name: str) -> int:
        with self.state.engine.connect() as connection:
            return connection.execute(select(gateway.c.lag_us).where(gateway.c.id == name)).scalar_one()

    def events(self) -> list[str]:
        with self.state.engine.connect() as connection:
            return list(connection.execute(select(meter_event.c.kind)).scalars())

    def metric(self, name: str, **labels) -> float:
        return self.metrics.registry.get_sample_value(f"bkkenergy_{name}", labels)

    def close(self) -> None:
        for part in (self.store, self.spool):
            if part is not None:
                part.close()
        self.state.engine.dispose()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def spooling(tmp_path):
    made = Site(tmp_path, spool_bytes=10**6)
    yield made
    made.close()


BAD = Refused("t", b"{broken", Reason.NOT_DECODED, "no JSON")
FELL = Event(METER, DAY_US, EventKind.FELL, 2.0, 1.0)


def test_what_is_good_is_stored_what_is_refused_is_kept_and_then_all_is_acknowledged(site):
    assert site.send(1.0, 2.0, refused=[BAD])
    assert site.stored() == [1.0, 2.0]
    assert site.kept() == [(b"{broken", Reason.NOT_DECODED)]
    assert [message.payload for message in site.acknowledged] == [b"1.0", b"2.0", b"{broken"]


def test_a_refusal_is_kept_before_its_acknowledgement_whatever_was_counted_last(site):
    site.send(1.0)
    site.send(refused=[BAD])
    assert site.kept() == [(b"{broken", Reason.NOT_DECODED)]


def test_what_is_refused_is_noted_with_the_instant_at_which_it_came(site):
    site.send(refused=[BAD])
    assert [item.received.timestamp() for item in site.quarantine.listed()] == [1_795_402_800.0]


def test_quiet_batches_are_counted_at_the_next_tick_or_at_the_end(site):
    for value in (1.0, 2.0, 3.0):
        site.send(value, ts_us=DAY_US + int(value))
    assert site.quarantine.counts()["messages"] == 0, "not each batch writes its counters"
    site.clock.now_s += COUNTERS_EVERY_S + 0.1
    site.send(4.0, ts_us=DAY_US + 4)
    assert site.quarantine.counts()["messages"] == 4
    site.send(5.0, ts_us=DAY_US + 5)
    site.pipeline.flush()
    counts = site.quarantine.counts()
    assert (counts["messages"], counts["readings"]) == (5, 5)
    site.pipeline.flush()
    assert site.quarantine.counts()["messages"] == 5, "nothing is counted twice"
    assert site.pipeline.totals["messages"] == 5


def test_while_the_store_is_unavailable_nothing_is_acknowledged_and_the_pauses_grow_to_their_bound(tmp_path):
    site = Site(tmp_path, retry_max_s=1.0)
    site.store.is_unavailable = True

    def look() -> None:
        assert site.acknowledged == []
        assert site.pipeline.store_is_unavailable
        site.store.is_unavailable = len(site.waits_s) < 6

    site.on_wait = look
    assert site.send(1.0)
    assert site.waits_s == [pytest.approx(s) for s in (0.2, 0.4, 0.8, 1.0, 1.0, 1.0)]
    assert site.stored() == [1.0]
    assert not site.pipeline.store_is_unavailable
    site.close()


def test_after_a_recovery_the_pauses_begin_anew(site):
    for _ in range(2):
        site.store.is_unavailable = True
        site.waits_s.clear()

        def back() -> None:
            site.store.is_unavailable = len(site.waits_s) < 4

        site.on_wait = back
        assert site.send(1.0)
        assert site.waits_s == [pytest.approx(FIRST_RETRY_S * 2**n) for n in (1, 2, 3, 4)]


def test_a_stop_while_the_store_is_unavailable_acknowledges_nothing_and_is_no_batch_that_is_done(site):
    ended = lambda outcome: ENDED.labels(Task.BATCH, outcome)._value.get()  # noqa: E731
    before = ended("done"), ended("failed")
    site.store.is_unavailable = True
    site.stops_after = 3
    assert site.send(1.0) is False
    assert site.acknowledged == []
    assert (ended("done"), ended("failed")) == (before[0], before[1] + 1)


def test_readings_that_the_store_refuses_are_found_by_halves_and_quarantined_with_their_message(site):
    site.store.refused_kwh = {5.0, 6.0}
    assert site.send(*map(float, range(8)))
    assert site.stored() == [0.0, 1.0, 2.0, 3.0, 4.0, 7.0]
    assert site.kept() == [(b"6.0", Reason.STORE_REFUSED), (b"5.0", Reason.STORE_REFUSED)]
    assert len(site.acknowledged) == 8
    assert site.metric("refused_total", reason="store_refused") == 2


def test_refused_readings_of_one_message_are_one_row(site):
    site.store.refused_kwh = {1.0, 2.0, 3.0, 4.0, 5.0}
    message = Message("t", b"all")
    found = Sorted(readings(METER, [1.0, 2.0, 3.0, 4.0, 5.0, 9.0]), np.zeros(6, np.int64), ())
    site.pipeline.commit_then_ack([message], found, (), site.acknowledged.extend, wait=site.wait)
    assert [(item.payload, item.readings) for item in site.quarantine.listed()] == [(b"all", 5)]
    assert site.quarantine.counts()["refused.store_refused"] == 5
    assert site.stored() == [9.0]


@pytest.mark.parametrize("culprits", [{0}, {1}, {6}, {2, 5}, {0, 1, 2, 3, 4, 5, 6}])
def test_rows_at_fault_are_named_by_their_place_in_the_batch(site, culprits):
    site.store.refused_kwh = {float(row) for row in culprits}
    found = commit_or_split(site.store, readings(METER, [float(row) for row in range(7)]))
    assert {row for row, _ in found} == culprits


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), OverflowError("x"), KeyError("x")], ids=repr)
def test_whatever_a_reading_raises_in_the_store_it_alone_is_quarantined(site, error):
    site.store.refused_kwh, site.store.error = {2.0}, error
    assert site.send(1.0, 2.0, 3.0)
    assert site.stored() == [1.0, 3.0]
    (item,) = site.quarantine.listed()
    assert (item.payload, type(error).__name__ in item.detail) == (b"2.0", True)


def test_an_error_of_the_system_is_the_stores_absence_and_no_readings_fault(site):
    site.store.refused_kwh, site.store.error = {1.0}, OSError(28, "No space left on device")

    def room() -> None:
        site.store.refused_kwh = set()

    site.on_wait = room
    assert site.send(1.0)
    assert (site.stored(), site.kept(), len(site.waits_s)) == ([1.0], [], 1)


def heals(site) -> None:
    """The cause is gone at the third wait."""
    if len(site.waits_s) == 3:
        site.store.refused_kwh, site.store.probe_error = set(), None


@pytest.mark.parametrize(
    ("error", "probe_error"),
    [
        (StoreUnfit("a 2.x asked for as v1"), None),
        (StoreRefused("HTTP 400: an HTTP request was sent to an HTTPS server"), StoreUnfit("no probe goes in")),
        (StoreRefused("HTTP 400: the same"), StoreRefused("HTTP 400")),
        (StoreRefused("HTTP 400: the same, and then silence"), StoreUnavailable("no answer")),
    ],
    ids=str,
)
def test_a_store_that_takes_nothing_is_unavailable_and_no_reading_is_at_fault(site, error, probe_error):
    site.store.refused_kwh, site.store.error, site.store.probe_error = {1.0, 2.0, 3.0}, error, probe_error
    site.on_wait = lambda: heals(site)
    assert site.send(1.0, 2.0, 3.0)
    assert (site.stored(), site.kept()) == ([1.0, 2.0, 3.0], [])


def test_a_store_that_was_unavailable_at_the_start_is_tried_before_it_is_given_readings(tmp_path):
    tries: list[str] = []

    def try_first() -> None:
        assert site.stored() == []
        tries.append("tried")
        if len(tries) < 3:
            raise StoreUnfit("what is written is not read back")

    site = Site(tmp_path, try_first=try_first)
    assert site.send(1.0)
    assert site.send(2.0, ts_us=DAY_US + 1)
    assert (site.stored(), site.kept(), len(tries)) == ([1.0, 2.0], [], 3)
    site.close()


def test_a_damaged_file_is_no_readings_fault(spooling):
    site = spooling
    for number in range(20):
        site.send(*range(100), ts_us=DAY_US + number * 10**12)
    site.store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage(site.store.path, "reading")
    site.store.close()
    site.store = site.pipeline._store = SqliteStore(site.store.path)
    with capture_logs() as events:
        assert site.send(-1.0, -2.0, ts_us=DAY_US + 1)
    assert (site.kept(), site.spool.batches_count) == ([], 1)
    assert "restore a backup" in events[0]["why"]


def damage(path, table) -> None:
    """Write over the root of a table, as a failing disk would."""
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\xff" * page_bytes)


@pytest.mark.parametrize("what", ["moved", "deleted", "replaced"])
def test_nothing_is_acknowledged_into_a_file_that_no_path_leads_to(site, what):
    site.send(1.0)
    path = site.store.path
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        file.rename(file.with_name("old-" + file.name))
    if what == "deleted":
        path.with_name("old-" + path.name).unlink()
    if what == "replaced":
        SqliteStore(path).close()
    site.stops_after = 3
    with capture_logs() as events:
        assert not site.send(2.0, ts_us=DAY_US + 1)
    assert len(site.acknowledged) == 1
    assert "moved, deleted or replaced" in events[0]["why"]


def test_a_new_thread_does_not_open_the_file_that_took_the_place_of_the_store_s(tmp_path):
    """The numbers that a store knows its meters by are its file's own: in another they are other meters'."""
    for name, meters in (("new", ["a.b.x", METER]), ("old", [METER])):
        with closing(SqliteStore(tmp_path / name)) as store:
            store.prepare()
            for meter in meters:
                store.commit(readings(meter, [1.0]))
    with closing(SqliteStore(tmp_path / "old")) as store:
        store.commit(readings(METER, [1.0]))
        (tmp_path / "new").replace(tmp_path / "old")
        with ThreadPoolExecutor(1) as another, pytest.raises(StoreUnavailable, match="moved, deleted or replaced"):
            another.submit(store.commit, readings(METER, [2.0])).result()


@pytest.mark.parametrize("is_new_connection", [False, True])
@pytest.mark.parametrize("what", ["moved", "deleted", "replaced"])
def test_nothing_refused_is_acknowledged_into_a_state_that_no_path_leads_to(site, tmp_path, what, is_new_connection):
    """Refusals went into a file that nobody could open any more, and were acknowledged."""
    path = tmp_path / "state.sqlite"
    site.send(refused=[BAD])
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        file.rename(file.with_name("old-" + file.name))
    if what == "deleted":
        path.with_name("old-" + path.name).unlink()
    if what == "replaced":
        open_state(StateSettings(path=path)).dispose()
    if is_new_connection:
        site.state.engine.dispose()
    count, site.stops_after = len(site.acknowledged), 3
    with capture_logs() as events:
        assert not site.send(refused=[BAD._replace(payload=b"{broken too")])
    assert len(site.acknowledged) == count
    assert "moved, deleted or replaced" in events[0]["why"]


def away_for(site, waits: int):
    """Take the state away until the service has waited so often."""

    def look() -> None:
        assert site.acknowledged == []
        site.state.is_unavailable = len(site.waits_s) < waits

    site.state.is_unavailable, site.on_wait = True, look
    site.waits_s.clear()


def test_while_the_state_is_unavailable_what_is_refused_is_not_acknowledged_and_its_readings_are_stored_once(site):
    away_for(site, 4)
    with capture_logs() as logs:
        assert site.send(1.0, refused=[BAD])
    assert site.waits_s == [pytest.approx(FIRST_RETRY_S * 2**n) for n in range(4)]
    assert site.store.commits == [[1.0]], "the store is well, and is not asked again"
    assert site.kept() == [(b"{broken", Reason.NOT_DECODED)]
    assert len(site.acknowledged) == 2
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["state_unavailable"], "said once"
    assert (site.pipeline.state_is_unavailable, site.pipeline.store_is_unavailable) == (False, False)
    assert site.quarantine.counts()["messages"] == 2, "counted once"


def test_after_the_state_is_back_the_pauses_begin_again(site):
    for number in range(2):
        site.acknowledged.clear()
        away_for(site, 3)
        assert site.send(refused=[BAD._replace(payload=b"%d" % number)])
        assert site.waits_s == [pytest.approx(s) for s in (0.1, 0.2, 0.4)]


def test_the_pauses_for_the_state_are_bounded(tmp_path):
    site = Site(tmp_path, retry_max_s=0.3)
    away_for(site, 5)
    assert site.send(refused=[BAD])
    assert site.waits_s == [pytest.approx(s) for s in (0.1, 0.2, 0.3, 0.3, 0.3)]
    site.close()


def test_a_stop_while_the_state_is_unavailable_acknowledges_nothing(site):
    site.state.is_unavailable, site.stops_after = True, 2
    assert site.send(1.0, refused=[BAD]) is False
    assert site.acknowledged == []
    assert site.pipeline.state_is_unavailable
    site.state.is_unavailable, site.stops_after = False, 50
    assert site.send(1.0, refused=[BAD]), "sent again by the broker"
    assert site.kept() == [(b"{broken", Reason.NOT_DECODED)]


def test_an_event_is_noted_before_its_readings_are_stored(site):
    """A second look at stored readings finds no event: noted after them, it would be lost at a crash in between."""
    site.send(2.0)
    away_for(site, 3)
    site.acknowledged.clear()

    def look() -> None:
        assert site.store.commits == [[2.0]]
        site.state.is_unavailable = len(site.waits_s) < 3

    site.on_wait = look
    assert site.send(1.0, ts_us=DAY_US + 1, events=[FELL])
    assert site.events() == ["register_fell"]
    assert site.store.commits == [[2.0], [1.0]]


def test_good_readings_wait_for_no_counter_and_no_gateways_clock(site):
    """What is stored is safe; counts and delays wait in memory until the state is back."""
    site.state.is_unavailable = True
    with capture_logs() as logs:
        for number in range(4):
            site.clock.now_s += COUNTERS_EVERY_S + 0.1
            assert site.send(float(number), ts_us=DAY_US + number, lags_us={"gw": 5_000_000 + number})
    assert (site.waits_s, len(site.acknowledged)) == ([], 4)
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["state_unavailable"], "said once"
    site.state.is_unavailable = False
    site.clock.now_s += COUNTERS_EVERY_S + 0.1
    assert site.send(4.0, ts_us=DAY_US + 4)
    counts = site.quarantine.counts()
    assert (counts["messages"], counts["readings"]) == (5, 5)
    assert site.lag_us("gw") == 5_000_000


def test_a_state_that_is_unavailable_is_asked_every_few_seconds_and_not_by_each_quiet_batch(site):
    site.send(1.0)
    site.state.is_unavailable = True
    site.clock.now_s += COUNTERS_EVERY_S + 0.1
    site.state.asked_count = 0
    for number in range(100):
        assert site.send(1.0, ts_us=DAY_US + number, lags_us={"gw": 1})
    assert site.state.asked_count <= 2


def test_the_spool_keeps_what_the_store_refuses_until_the_state_takes_it(spooling):
    spooling.store.is_unavailable = True
    spooling.send(1.0, 2.0, 3.0)
    spooling.store.is_unavailable, spooling.store.refused_kwh = False, {2.0}
    spooling.state.is_unavailable = True
    for _ in range(1000):
        spooling.clock.now_s += 0.01
        spooling.pipeline.drain()
    assert (spooling.pipeline.spooled_batches, spooling.kept_when_back()) == (1, [])
    assert spooling.store.asked_count < 60, "asked less and less"
    spooling.clock.now_s += 3600
    spooling.pipeline.drain()
    assert (spooling.pipeline.spooled_batches, len(spooling.kept())) == (0, 1)
    assert spooling.stored() == [1.0, 3.0]


def test_events_that_cannot_be_noted_are_logged_and_hold_no_reading_back(site):
    strange = FELL._replace(ts_us=2**70)  # beyond SQLite's integers
    with capture_logs() as logs:
        assert site.send(1.0, events=[strange])
    assert site.stored() == [1.0]
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["logbook_failed"]


def test_events_are_noted_at_once_and_counted(site):
    site.send(1.0)
    site.send(2.0, events=[FELL])
    assert site.events() == ["register_fell"]
    assert site.metric("meter_events_total", kind="register_fell") == 1


def test_of_a_gateways_delays_the_least_is_noted(site):
    site.send(1.0, lags_us={"gw": 5_000_000})
    site.send(2.0, lags_us={"gw": 1_000_000})
    site.send(3.0, lags_us={"gw": 3_000_000})
    assert site.lag_us("gw") == 5_000_000, "not each batch is noted"
    site.clock.now_s += COUNTERS_EVERY_S + 0.1
    site.send(4.0, lags_us={"gw": 4_000_000})
    assert site.lag_us("gw") == 1_000_000
    site.send(5.0, lags_us={"gw": 500_000})
    site.pipeline.flush()
    assert site.lag_us("gw") == 500_000


def test_metrics_tell_what_was_dealt_with(site):
    site.send(1.0, 2.0, refused=[BAD])
    site.send(2.0, duplicate=True)
    counted = {
        name: site.metric(name)
        for name in ("messages_received_total", "readings_accepted_total", "messages_redelivered_total")
    }
    assert counted == {"messages_received_total": 4, "readings_accepted_total": 3, "messages_redelivered_total": 1}
    assert site.metric("refused_total", reason="not_decoded") == 1


def test_while_the_store_is_unavailable_the_spool_takes_what_comes_and_it_is_acknowledged(spooling):
    spooling.store.is_unavailable = True
    assert spooling.send(1.0)
    assert spooling.send(2.0, ts_us=DAY_US + 1)
    assert (len(spooling.acknowledged), spooling.waits_s, spooling.pipeline.spooled_batches) == (2, [], 2)
    assert spooling.metric("spool_batches") == 2
    assert spooling.stored() == []


def test_a_new_batch_does_not_overtake_the_spool(spooling):
    spooling.store.is_unavailable = True
    spooling.send(1.0)
    spooling.store.is_unavailable = False
    spooling.clock.now_s += 3600
    spooling.send(2.0)  # a correction: the same meter and instant
    assert spooling.stored() == [], "it waits behind the older one"
    spooling.pipeline.drain()
    assert spooling.store.commits == [[1.0], [2.0]]
    assert spooling.stored() == [2.0]
    assert spooling.pipeline.spooled_batches == 0
    assert spooling.metric("spool_bytes") == 0
    spooling.send(3.0)
    assert spooling.store.commits[-1] == [3.0], "then straight into the store again"


def test_the_spool_is_not_drained_before_the_pause_is_over(spooling):
    spooling.store.is_unavailable = True
    spooling.send(1.0)
    spooling.store.is_unavailable = False
    spooling.pipeline.drain()
    assert spooling.stored() == []
    spooling.clock.now_s += FIRST_RETRY_S
    spooling.pipeline.drain()
    assert spooling.stored() == [1.0]


def test_a_store_that_stays_unavailable_is_asked_less_and_less_while_the_spool_is_drained(spooling):
    spooling.store.is_unavailable = True
    spooling.send(1.0)
    spooling.store.asked_count = 0
    for _ in range(1000):
        spooling.pipeline.drain()
        spooling.clock.now_s += 0.01
    assert spooling.store.asked_count == 6, "in ten seconds: after 0.1, 0.2, 0.4, 0.8, 1.6, 3.2 s"


def test_however_long_the_store_was_unavailable_it_is_asked_again_within_the_longest_pause(tmp_path):
    site = Site(tmp_path, spool_bytes=10**6, retry_max_s=2.0)
    site.store.is_unavailable = True
    site.send(1.0)
    for _ in range(100):
        site.pipeline.drain()
        site.clock.now_s += 1.0
    site.store.is_unavailable = False
    site.clock.now_s += 2.0
    site.pipeline.drain()
    assert site.stored() == [1.0]
    site.close()


def test_during_a_pause_what_comes_goes_into_the_spool_unasked(spooling):
    spooling.store.is_unavailable = True
    spooling.send(refused=[BAD])  # nothing for the spool, and the store is found to be away
    spooling.store.asked_count = 0
    spooling.send(1.0)
    assert (spooling.store.asked_count, spooling.pipeline.spooled_batches) == (0, 1)


def test_at_the_instant_at_which_a_pause_ends_the_store_is_asked(spooling):
    spooling.store.is_unavailable = True
    spooling.send(refused=[BAD])
    spooling.store.is_unavailable = False
    spooling.clock.now_s = spooling.pipeline._try_store_at_s
    spooling.send(1.0)
    assert (spooling.stored(), spooling.pipeline.spooled_batches) == ([1.0], 0)


def test_draining_pauses_for_new_messages(spooling):
    spooling.store.is_unavailable = True
    for number in range(5):
        spooling.send(float(number), ts_us=DAY_US + number)
    spooling.store.is_unavailable, spooling.store.takes_s = False, 0.6
    spooling.clock.now_s += 3600
    spooling.pipeline.drain()
    assert spooling.stored() == [0.0, 1.0], "a second at a time"
    spooling.pipeline.drain()
    assert spooling.stored() == [0.0, 1.0, 2.0, 3.0]


def test_readings_that_the_store_refuses_while_the_spool_drains_are_quarantined(spooling):
    spooling.store.is_unavailable = True
    spooling.send(1.0, 2.0, 3.0)
    spooling.store.is_unavailable, spooling.store.refused_kwh = False, {2.0}
    spooling.clock.now_s += 3600
    spooling.pipeline.drain()
    assert spooling.stored() == [1.0, 3.0]
    (item,) = spooling.quarantine.listed()
    assert (item.topic, item.reason) == (f"meter {METER}", Reason.STORE_REFUSED)
    assert json.loads(item.payload) == {"ts": DAY_US + 900_000_000, "energy_kwh": 2.0}
    assert spooling.pipeline.spooled_batches == 0


def test_a_refused_reading_is_shown_without_the_values_that_it_has_not():
    batch = ReadingBatch(
        (METER,), np.array([0]), np.array([7]), {"energy_kwh": np.array([1.5]), "power_kw": np.array([np.nan])}
    )
    assert json.loads(as_refused(batch, 0, "no").payload) == {"ts": 7, "energy_kwh": 1.5}


def test_a_full_spool_holds_the_acknowledgement_back_until_there_is_room(tmp_path):
    site = Site(tmp_path, spool_bytes=3_000)
    site.store.is_unavailable = True
    number = 0
    site.stops_after = 1
    while site.send(float(number), ts_us=DAY_US + number):
        number += 1
        assert number < 100, "the spool is never full"
    assert number > 0
    assert len(site.acknowledged) == number
    assert site.pipeline.spool_is_full
    site.store.is_unavailable, site.stops_after = False, 50
    site.clock.now_s += 3600
    assert site.send(float(number), ts_us=DAY_US + number)
    site.clock.now_s += 3600
    site.pipeline.drain()
    assert not site.pipeline.spool_is_full
    assert site.stored() == [float(n) for n in range(number + 1)]
    site.close()


def test_a_reading_that_the_spool_cannot_take_is_quarantined_and_the_others_wait(spooling, monkeypatch):
    from bkkenergy.ingest import spool

    pack = spool.pack

    def brittle(batch):
        if 2.0 in batch.column("energy_kwh"):
            raise ValueError("cannot be packed")
        return pack(batch)

    monkeypatch.setattr(spool, "pack", brittle)
    spooling.store.is_unavailable = True
    assert spooling.send(1.0, 2.0, 3.0)
    assert spooling.kept() == [(b"2.0", Reason.STORE_REFUSED)]
    spooling.store.is_unavailable = False
    spooling.clock.now_s += 3600
    spooling.pipeline.drain()
    assert spooling.stored() == [1.0, 3.0]
