"""A broker whose queue for us was full says nothing. Canaries, backlogs and the doctor's outage say it."""

from __future__ import annotations

import itertools
import sqlite3
import time
from contextlib import ExitStack, closing

import pytest
from structlog.testing import capture_logs

from bkkenergy.adapters import awaited, canary, queue_span
from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.adapters.queue_depth import ALWAYS_STORED
from bkkenergy.ingest import queuewatch
from bkkenergy.ingest.doctor import broker_checks
from bkkenergy.metering.events import EventKind
from bkkenergy.site.folder import queue_depth_file
from tests.integration.conftest import dealt_with, ingesting, publish, reading, stored, wait_until
from tests.integration.test_broker_limits import WILDCARD, counted, warnings_in
from tests.integration.test_delivery import METER, TOPIC, TS, updated
from tests.integration.test_silent_losses import said_of
from tests.servers import started, stock_mosquitto

pytestmark = pytest.mark.broker

AWAY = 1_500
SAYS_NOTHING = "sys_interval 0"


@pytest.fixture(autouse=True)
def said_soon(monkeypatch):
    monkeypatch.setattr(awaited, "DROPPED_AFTER_S", 1.0)
    monkeypatch.setattr(queue_span, "COUNT_WITHIN_S", 0.5)
    monkeypatch.setattr(queuewatch, "EVERY_S", 0.2)


def sent(broker, first: int, count: int) -> None:
    publish(broker.port, [(TOPIC, reading(TS + n, energy_kwh=float(n))) for n in range(first, first + count)])


def test_a_backlog_of_a_broker_that_says_nothing_is_unproven_until_the_doctor_has_counted(
    settings, portfolio, tmp_path
):
    with started(stock_mosquitto(tmp_path / "mqtt", SAYS_NOTHING)) as broker:
        settings = updated(settings, "mqtt", port=broker.port)
        with ingesting(settings, portfolio) as ingester:
            wait_until(lambda: ingester.subscriber._canary.guard.was_heard)
        sent(broker, 0, AWAY)  # the one that was left has a place in the queue, too
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: counted(ingester, TroubleKind.QUEUE_UNPROVEN) == (1, 1))
            sent(broker, AWAY, 1)  # the event goes with the next batch
            wait_until(lambda: len(stored(settings, METER)) < AWAY and dealt_with(ingester) == 1_000)
        assert warnings_in(logs) == {"queue_unproven"}
        assert said_of(settings, EventKind.QUEUE_UNPROVEN)

        (outage,) = [check for check in broker_checks(settings, (WILDCARD,)) if check.check == "outage"]
        assert not outage.is_well
        sent(broker, 2 * AWAY, AWAY)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: counted(ingester, TroubleKind.QUEUE_SHORT)[1] == 1)
            wait_until(lambda: counted(ingester, TroubleKind.QUEUE_FULL)[1] >= 1)
            assert {"queue_short", "queue_full"} <= set(ingester.state().troubles)
            queue_depth_file(settings).unlink()
            wait_until(lambda: "queue_short" not in ingester.state().troubles)
        assert {"queue_short", "queue_full"} <= warnings_in(logs) <= {"queue_short", "queue_full", "queue_unproven"}


def test_a_long_backlog_of_a_broker_that_counts_what_it_drops_is_not_doubted(
    settings, portfolio, tmp_path, monkeypatch
):
    monkeypatch.setattr(queue_span, "COUNT_WITHIN_S", 2.0)
    with started(stock_mosquitto(tmp_path / "mqtt", "sys_interval 1")) as broker:
        settings = updated(settings, "mqtt", port=broker.port)
        with ingesting(settings, portfolio):
            pass
        sent(broker, 0, 500)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: ingester.subscriber._canary._span._ended_at_s is not None)
            assert ingester.subscriber._canary._span.counts.away == 500
            wait_until(lambda: ingester.subscriber._canary._span.counts.away == 0)
        assert warnings_in(logs) == set()


def test_a_queue_that_is_full_for_moments_of_a_flood_is_said(settings, portfolio, tmp_path, monkeypatch):
    monkeypatch.setattr(canary, "BUSY_MESSAGES", 20)
    monkeypatch.setattr(canary, "BUSY_S", 0.02)
    monkeypatch.setattr(canary, "AGAIN_AFTER_S", 0.5)
    limits = f"{SAYS_NOTHING}\nmax_inflight_messages 10\nmax_queued_messages 20"
    with started(stock_mosquitto(tmp_path / "mqtt", limits)) as broker:
        settings = updated(settings, "mqtt", port=broker.port, receive_maximum=10, protocol="3.1.1")
        firsts = itertools.count(0, 4_000)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(
                lambda: sent(broker, next(firsts), 4_000) or counted(ingester, TroubleKind.QUEUE_FULL)[1] >= 1,
                within_s=60,
            )
        assert len(stored(settings, METER)) < next(firsts)
        assert "queue_full" in warnings_in(logs) <= {"queue_full", "queue_unproven"}


def test_a_queue_deep_enough_is_never_said_to_be_full(settings, portfolio, tmp_path, monkeypatch):
    monkeypatch.setattr(canary, "BUSY_MESSAGES", 20)
    monkeypatch.setattr(canary, "BUSY_S", 0.02)
    limits = f"{SAYS_NOTHING}\nmax_inflight_messages 10\nmax_queued_messages 0"
    with started(stock_mosquitto(tmp_path / "mqtt", limits)) as broker:
        settings = updated(settings, "mqtt", port=broker.port, receive_maximum=10, protocol="3.1.1")
        with ingesting(settings, portfolio):
            pass
        checks = broker_checks(settings, (WILDCARD,), away_messages=AWAY + 4_000)
        (outage,) = [check for check in checks if check.check == "outage"]
        assert outage.is_well
        sent(broker, 0, AWAY - 10)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            sent(broker, AWAY, 4_000)
            wait_until(lambda: len(stored(settings, METER)) == AWAY - 10 + 4_000)
            wait_until(lambda: ingester.subscriber._canary._awaited.oldest_s is None)
        assert warnings_in(logs) == set()


def sharing(settings, tmp_path, count: int):
    """Settings of ingesters that share, each with files of its own."""
    for number in range(count):
        folder = tmp_path / f"member-{number}"
        own = updated(settings, "mqtt", share="group", client_id=f"member-{number}")
        yield updated(updated(own, "store", path=folder / "readings.sqlite"), "state", path=folder / "state.sqlite")


def test_three_that_share_say_nothing_in_a_calm_life(settings, portfolio, tmp_path, monkeypatch):
    judged, judge = [], canary.Canary.judged
    monkeypatch.setattr(canary.Canary, "judged", lambda ours, span: judged.append(span) or judge(ours, span))
    monkeypatch.setattr(queue_span, "COUNT_WITHIN_S", 2.0)
    with started(stock_mosquitto(tmp_path / "mqtt", "sys_interval 1")) as broker, ExitStack() as stack:
        settings = updated(settings, "mqtt", port=broker.port)
        logs = stack.enter_context(capture_logs())
        members = [stack.enter_context(ingesting(own, portfolio)) for own in sharing(settings, tmp_path, 3)]
        sent(broker, 0, 800)
        wait_until(lambda: sum(map(dealt_with, members)) >= 800)
        firsts = itertools.count(800)
        wait_until(lambda: sent(broker, next(firsts), 1) or any(span.messages >= ALWAYS_STORED for span in judged))
    assert warnings_in(logs) == set()


def test_a_flood_among_those_that_share_is_unproven_though_canaries_come(settings, portfolio, tmp_path):
    with started(stock_mosquitto(tmp_path / "mqtt", f"{SAYS_NOTHING}\nmax_queued_messages 0")) as broker:
        settings = updated(settings, "mqtt", port=broker.port)
        (own,) = sharing(settings, tmp_path, 1)
        (outage,) = [check for check in broker_checks(own, (WILDCARD,)) if check.check == "outage"]
        assert outage.is_well
        with capture_logs() as logs, ingesting(own, portfolio) as ingester:
            firsts = itertools.count(0, 100)
            wait_until(lambda: sent(broker, next(firsts), 100) or counted(ingester, TroubleKind.QUEUE_UNPROVEN)[1] >= 1)
            observed = ingester.subscriber.troubles[TroubleKind.QUEUE_UNPROVEN].observed
            assert "where 4 share" in observed
        assert warnings_in(logs) == {"queue_unproven"}


def test_a_resumed_session_sends_one_before_anything_is_acknowledged(settings):
    for is_resumed in (False, True):
        ours = canary.canary_of(settings.mqtt)
        subscriber = Subscriber(settings.mqtt, (WILDCARD,), canary=ours)
        subscriber.start()
        try:
            wait_until(lambda subscriber=subscriber: subscriber.is_connected and subscriber.granted is not None)
            assert (ours._awaited.oldest_s is not None) is is_resumed, "it was not tended yet"
        finally:
            subscriber.stop()


def test_a_store_that_is_away_for_long_is_no_dead_session(settings, portfolio, tmp_path, monkeypatch):
    monkeypatch.setattr(canary, "BUSY_MESSAGES", 20)
    monkeypatch.setattr(canary, "BUSY_S", 0.02)
    monkeypatch.setattr(canary, "MISSED_AFTER_S", 1.0)
    with started(stock_mosquitto(tmp_path / "mqtt", "max_inflight_messages 10\nmax_queued_messages 0")) as broker:
        settings = updated(settings, "mqtt", port=broker.port, receive_maximum=10, protocol="3.1.1")
        with ingesting(settings, portfolio):
            pass
        sent(broker, 0, 2 * AWAY)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: dealt_with(ingester) > 100)
            with closing(sqlite3.connect(settings.store.path)) as other:
                other.execute("BEGIN IMMEDIATE")
                waiting = ingester.subscriber._canary
                wait_until(lambda: time.monotonic() - waiting._traffic_at_s > 1.5)
                assert waiting._awaited.oldest_s is not None, "it is behind the backlog"
            wait_until(lambda: len(stored(settings, METER)) == 2 * AWAY)
            wait_until(lambda: waiting._awaited.oldest_s is None)
        assert warnings_in(logs) == set()
