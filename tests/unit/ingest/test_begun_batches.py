"""Batches that a store has before those before them are safe: which may, and what stays as promised."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.adapters.influx import InfluxStore
from bkkenergy.adapters.postgresql import PostgresStore
from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.ingest.batching import WIDE_RECEIVE_MAXIMUM, BatchContext, Unfinished, Waiting, with_receive_maximum
from bkkenergy.ingest.inhand import InHand
from bkkenergy.ingest.service import Ingester
from bkkenergy.ingest.sort import Sorted
from bkkenergy.metering.events import Event, EventKind
from bkkenergy.payloads.message import Message
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import MqttSettings, ObserveSettings, Settings, StoreKind, StoreSettings
from tests.builders import DAY_US, readings
from tests.unit.ingest.test_pipeline import METER, Site

pairs = st.lists(st.tuples(st.sampled_from(["a.b.one", "a.b.two", "a.b.three"]), st.integers(0, 9)), max_size=6)


def batch_of(named: list[tuple[str, int]], *others: str) -> ReadingBatch:
    names = tuple(dict.fromkeys([*others, *(name for name, _ in named)]))
    meter = np.array([names.index(name) for name, _ in named], np.int64)
    return ReadingBatch(names, meter, np.array([DAY_US + at for _, at in named], np.int64), {})


@given(pairs, pairs)
def test_two_batches_share_an_instant_where_a_meter_of_both_has_it_by_its_name(one, other):
    shared = bool(set(one) & set(other))
    assert batch_of(one, "a.b.three").has_instant_of(batch_of(other)) is shared


def waiting(batch: ReadingBatch, *, is_begun: bool, is_done: bool = False) -> Waiting:
    secured: Future[bool] = Future()
    if is_done:
        secured.set_result(True)
    return Waiting(secured, 0.0, batch, is_begun)


@pytest.mark.parametrize(
    ("first_us", "is_begun", "is_done", "may"),
    [(5, True, False, True), (0, True, False, False), (5, False, False, False), (0, False, True, True)],
    ids=["apart", "an instant of both", "the one before is not begun", "the one before is safe"],
)
def test_a_batch_begins_before_others_are_safe_only_where_their_order_cannot_be_seen(first_us, is_begun, is_done, may):
    before = readings(METER, [1.0, 2.0], start_us=DAY_US, step_us=1)
    batch = readings(METER, [9.0], start_us=DAY_US + first_us)
    unfinished = Unfinished()
    unfinished.add(waiting(before, is_begun=is_begun, is_done=is_done))
    assert unfinished.may_begin(batch) is may


class Several:
    """A store that takes several at once: which are begun, and what was committed."""

    commits_at_once = 4

    def __init__(self, store) -> None:
        self.store, self.begun, self.committed, self.is_unavailable, self.abandoned = store, [], [], False, 0

    def __getattr__(self, name):
        return getattr(self.store, name)

    def begin(self, batch, on_sent=None):
        if not any(batch is other for other in self.begun):
            self.begun.append(batch)

    def abandon(self):
        self.abandoned += 1
        self.begun = []

    def commit(self, batch):
        if self.is_unavailable:
            raise StoreUnavailable("no answer")
        self.begun = [other for other in self.begun if other is not batch]
        self.store.commit(batch)
        self.committed.append(batch)


@pytest.fixture
def site(tmp_path):
    own = Site(tmp_path, spool_bytes=10**6)
    own.several = own.pipeline._store = Several(own.pipeline._store)
    yield own
    own.spool.close()


def test_events_are_noted_before_a_batch_is_begun_and_a_batch_without_a_state_for_them_waits(site):
    event = Event(METER, DAY_US, EventKind.FELL, 5.0, 1.0)
    site.state.is_unavailable = True
    assert not site.pipeline.begin(readings(METER, [1.0]), [event])
    assert site.several.begun == []
    site.state.is_unavailable = False
    assert site.pipeline.begin(readings(METER, [1.0]), [event])
    assert [noted.kind for noted in site.logbook.events([METER], dt.datetime(1970, 1, 1, tzinfo=dt.UTC))] == [
        EventKind.FELL
    ]
    assert len(site.several.begun) == 1


def test_nothing_begins_while_the_spool_waits_or_the_store_is_away_and_what_was_begun_is_abandoned(site):
    first = readings(METER, [1.0])
    assert site.pipeline.begin(first, ())
    site.several.is_unavailable = True
    assert site.send(1.0)
    assert site.several.abandoned
    assert not site.pipeline.begin(readings(METER, [2.0], start_us=DAY_US + 1), ())
    assert site.spool.batches_count == 1


def test_the_spool_is_drained_with_several_at_once_and_the_same_instant_in_its_order(site):
    site.several.is_unavailable = True
    for number in range(6):
        instant_us = DAY_US + (0 if number == 3 else number)
        assert site.send(float(number), ts_us=instant_us)
    assert site.spool.batches_count == 6
    site.several.is_unavailable = False
    site.clock.now_s += 60
    most_begun = []
    commit = site.several.commit
    site.several.commit = lambda batch: (most_begun.append(len(site.several.begun)), commit(batch))[1]
    site.pipeline.drain()
    assert most_begun == [3, 4, 4, 3, 2, 1]
    assert [batch.column("energy_kwh").tolist() for batch in site.several.committed] == [[float(n)] for n in range(6)]
    assert site.stored() == [3.0, 1.0, 2.0, 4.0, 5.0]
    assert site.spool.is_empty


def test_a_store_is_begun_with_from_one_thread_while_it_fails_in_another(site):
    """Whatever the order, nothing stays begun once the store is known to be away."""
    for number in range(50):
        site.several.is_unavailable = True
        batch = readings(METER, [1.0], start_us=DAY_US + number)
        thread = threading.Thread(target=site.pipeline.begin, args=(batch, ()))
        thread.start()
        site.pipeline._on_store_down(StoreUnavailable("no answer"))
        thread.join()
        assert site.several.begun == []
        site.pipeline._on_store_up()


STORES = {"sqlite": SqliteStore, "influx": InfluxStore, "postgresql": PostgresStore}


@pytest.mark.parametrize("kind", get_args(StoreKind))
def test_more_messages_may_wait_where_the_store_lets_commits_wait_and_nothing_is_set(kind):
    settings = Settings(store=StoreSettings(kind=kind))
    narrow = MqttSettings().receive_maximum
    expected = WIDE_RECEIVE_MAXIMUM if STORES[kind].commits_at_once > 1 else narrow
    assert with_receive_maximum(settings).mqtt.receive_maximum == expected
    as_set = settings.model_copy(update={"mqtt": MqttSettings(receive_maximum=narrow)})
    assert with_receive_maximum(as_set) is as_set


@pytest.fixture
def ingester():
    return Ingester(Settings(observe=ObserveSettings(port=0)), Portfolio(agencies={}, buildings={}, calendars={}), {})


@pytest.fixture
def in_hand(tmp_path):
    """What is in hand after a crash with one message, which the broker never sends again."""
    InHand(tmp_path / "in-hand").take([Message("t", b"lost")])
    return InHand(tmp_path / "in-hand")


def test_once_a_batch_is_given_up_none_after_it_is_stored(ingester, in_hand, tmp_path):
    """It is sent again at the next start, and would be stored over what came after it."""
    site = Site(tmp_path)
    ingester.stop()
    with ThreadPoolExecutor(1) as committer:
        desk = BatchContext(site.pipeline, in_hand, committer)
        secured = []
        for number, is_unavailable in enumerate((True, False), 1):
            site.store.is_unavailable = is_unavailable
            outcome = Sorted(readings(METER, [float(number)]), np.zeros(1, np.int64), ())
            secured.append(ingester._secure(desk, number, [Message("t", b"")], outcome, (), False))
    assert secured == [False, False]
    assert site.stored() == []
    site.close()


@pytest.mark.timeout(20)
def test_one_batch_is_decoded_while_another_waits_though_a_suspect_never_comes(ingester, in_hand, site, monkeypatch):
    in_hand.take([Message("t", b"waits for the store")])
    begun = []
    monkeypatch.setattr(ingester, "_begin", lambda run, _desk: begun.append(run) or True)
    messages = [Message("t", b"1"), Message("t", b"2")]
    with ThreadPoolExecutor(1) as committer:
        assert ingester._deal_with(messages, BatchContext(site.pipeline, in_hand, committer))
    assert begun == [messages]
