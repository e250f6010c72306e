"""What a broker drops of a backlog without a word is said by the service itself: event, metric, log, /readyz and doctor."""

from __future__ import annotations

import threading
import time
from itertools import accumulate

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from structlog.testing import capture_logs

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.bulk_client import BulkClient
from bkkenergy.adapters.canary_file import CanaryFile
from bkkenergy.adapters.mqtt_client import end_loop
from bkkenergy.ingest import holes
from bkkenergy.ingest.doctor import broker_checks, examine
from bkkenergy.payloads.message import Message
from bkkenergy.readings import US_PER_S
from bkkenergy.site.folder import canary_file, dropped_file
from tests.integration.conftest import dealt_with, ingesting, publish, reading, stored, wait_until
from tests.integration.test_broker_limits import WILDCARD, counted, warnings_in
from tests.integration.test_delivery import METER, TOPIC, updated
from tests.servers import mosquitto, started, stock_mosquitto

pytestmark = pytest.mark.broker

AWAY = 1_500
LIVE = 10 * holes.LEAST_STEPS
"""Readings a second apart, of which the pace is known also where a step of the time away is some seconds."""
COUNTS_EACH_SECOND = "sys_interval 1"


@pytest.fixture
def now_s() -> int:
    return int(time.time())


@pytest.fixture(autouse=True)
def looked_at_soon(monkeypatch):
    monkeypatch.setattr(holes, "LOOK_AFTER_US", US_PER_S)


def sent(broker, stamps) -> None:
    publish(broker.port, [(TOPIC, reading(at, energy_kwh=float(at % 10**6))) for at in stamps])


def said_of(settings, kind: TroubleKind) -> bool:
    """Whether the doctor, who comes later, finds that readings may be missing."""
    gaps = next(item for item in examine(settings, (WILDCARD,)) if item.check == "gaps")
    return not gaps.is_well and kind in gaps.observed


def test_what_a_stock_mosquitto_dropped_while_we_were_away_is_counted_and_said(settings, portfolio, tmp_path, now_s):
    with started(stock_mosquitto(tmp_path / "mqtt", COUNTS_EACH_SECOND)) as broker:
        settings = updated(settings, "mqtt", port=broker.port)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            sent(broker, [now_s - 2000])
            wait_until(lambda: dealt_with(ingester) == 1)
            wait_until(dropped_file(settings).exists)
        assert warnings_in(logs) == set()
        sent(broker, range(now_s - 1999, now_s - 1999 + AWAY))
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: counted(ingester, TroubleKind.MESSAGES_DROPPED) == (1, 1))
            back_s = int(time.time())
            sent(broker, range(back_s + 1, back_s + 11))
            wait_until(lambda: counted(ingester, TroubleKind.BACKLOG_HOLE)[1] == 1)
            assert {"backlog_hole", "messages_dropped"} <= set(ingester.state().troubles)
            sent(broker, [back_s + 11])  # the event goes with the next batch
            count = dealt_with(ingester)
            wait_until(lambda: dealt_with(ingester) > count)
    lost = AWAY + 12 - len(stored(settings, METER))
    (dropped,) = [one for one in logs if one["event"] == "mqtt_trouble" and one["kind"] == "messages_dropped"]
    assert 400 < lost < AWAY
    assert 0 < int(dropped["observed"].split()[3].replace(",", "")) <= lost
    assert dropped_file(settings).read_text().split()[:2] == [str(lost), "0"]
    (hole,) = [one for one in logs if one["event"] == "mqtt_trouble" and one["kind"] == "backlog_hole"]
    assert int(hole["observed"].rpartition("about ")[2].partition(" ")[0].replace(",", "")) >= lost
    assert said_of(settings, TroubleKind.MESSAGES_DROPPED)
    assert said_of(settings, TroubleKind.BACKLOG_HOLE)


def test_what_a_mosquitto_that_was_killed_had_not_saved_is_said(settings, portfolio, tmp_path, now_s):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        settings = updated(settings, "mqtt", port=broker.port)
        with ingesting(settings, portfolio) as ingester:
            sent(broker, [now_s - 2000])
            wait_until(lambda: dealt_with(ingester) == 1)
        broker.stop()  # saves the session
        broker.start()
        sent(broker, range(now_s - 1999, now_s - 1700))
        broker.process.kill()
        broker.process.wait()
        broker.start()
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            assert ingester.subscriber.resumed_epoch, "the broker has our session, and nothing of what it took"
            back_s = int(time.time())
            sent(broker, range(back_s + 1, back_s + 1 + LIVE))
            wait_until(lambda: counted(ingester, TroubleKind.BACKLOG_HOLE) == (1, 1))
            sent(broker, [back_s + 1 + LIVE])
            wait_until(lambda: dealt_with(ingester) == LIVE + 1)
        assert warnings_in(logs) == {"backlog_hole"}
        assert said_of(settings, TroubleKind.BACKLOG_HOLE)
    finally:
        broker.stop()


def test_a_broker_that_lost_all_since_the_ingester_left_is_said_also_of_messages_without_a_time(
    settings, portfolio, tmp_path
):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        settings = updated(settings, "mqtt", port=broker.port)
        with ingesting(settings, portfolio):
            pass
        broker.stop()
        broker.start()
        with ingesting(settings, portfolio) as ingester:
            wait_until(lambda: ingester.subscriber._canary.guard.was_heard)
        publish(broker.port, [("bma/health/centre-2/main/energy", "7")])
        broker.process.kill()
        broker.process.wait()
        broker.start()
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: counted(ingester, TroubleKind.MESSAGES_LOST) == (1, 1))
            sent(broker, [int(time.time())])
            wait_until(lambda: dealt_with(ingester) == 1)
        assert warnings_in(logs) == {"messages_lost"}
        assert said_of(settings, TroubleKind.MESSAGES_LOST)
    finally:
        broker.stop()


def test_what_the_doctors_own_outage_costs_is_not_said_and_what_others_lose_is(settings, portfolio, tmp_path):
    with started(stock_mosquitto(tmp_path / "mqtt", COUNTS_EACH_SECOND)) as broker:
        settings = updated(settings, "mqtt", port=broker.port)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(dropped_file(settings).exists)
            (outage,) = [one for one in broker_checks(settings, (WILDCARD,)) if one.check == "outage"]
            assert not outage.is_well, "500 of 1,500 are lost"
            wait_until(lambda: dropped_file(settings).read_text().split() == ["500", "0", "500"])
            assert counted(ingester, TroubleKind.MESSAGES_DROPPED)[1] == 0
            leave_session(broker.port)
            sent(broker, range(int(time.time()) - 1_100, int(time.time())))
            wait_until(lambda: counted(ingester, TroubleKind.MESSAGES_DROPPED)[1] == 1)
        (dropped,) = [one for one in logs if one["event"] == "mqtt_trouble" and one["kind"] == "messages_dropped"]
        assert 100 <= int(dropped["observed"].split()[3]) < 500


def leave_session(port: int) -> None:
    """Make a session of another client, which goes away."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="left", clean_session=False)
    client.connect("127.0.0.1", port)
    client.loop_start()
    is_subscribed = threading.Event()
    client.on_subscribe = lambda *_: is_subscribed.set()
    client.subscribe(WILDCARD, qos=1)
    assert is_subscribed.wait(10)
    client.disconnect()
    end_loop(client)


def test_what_leaves_the_queue_is_noted_before_it_is_acknowledged(settings, portfolio, broker, monkeypatch, now_s):
    """A kill between the two may count a message twice, and never leaves one out."""
    acknowledged, acknowledge = [], BulkClient.ack_all

    def ack_all(client: BulkClient, messages: list[Message]) -> None:
        if messages[0].topic == TOPIC:
            acknowledged.append((CanaryFile(canary_file(settings)).read().counts.gone, len(messages)))
        acknowledge(client, messages)

    monkeypatch.setattr(BulkClient, "ack_all", ack_all)
    with ingesting(settings, portfolio) as ingester:
        sent(broker, range(now_s - 50, now_s))
        wait_until(lambda: dealt_with(ingester) == 50)
    counts = [count for _, count in acknowledged]
    assert [gone for gone, _ in acknowledged] == list(accumulate(counts))
    assert sum(counts) == 50


def test_a_backlog_that_comes_whole_gives_no_trouble(settings, portfolio, tmp_path, now_s):
    with started(mosquitto(tmp_path / "mqtt", options=f"allow_anonymous true\n{COUNTS_EACH_SECOND}")) as broker:
        settings = updated(settings, "mqtt", port=broker.port)
        with ingesting(settings, portfolio) as ingester:
            sent(broker, [now_s - 1600])
            wait_until(lambda: dealt_with(ingester) == 1)
        sent(broker, range(now_s - 1599, now_s - 99))
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            sent(broker, range(now_s - 99, now_s))
            wait_until(lambda: dealt_with(ingester) == 1599)
            time.sleep(1.2)  # it is looked at once more
            sent(broker, [now_s + 40])
            wait_until(lambda: dealt_with(ingester) == 1600)
    assert warnings_in(logs) == set()
    assert len(stored(settings, METER)) == 1601
