"""Sparkplug over a real broker: a host application that loses nothing when it stops, and says whether it is there."""

from __future__ import annotations

import json
import threading

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.adapters.state.births import BirthStore
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.ingest.births import StoredBirths
from bkkenergy.ingest.replay import replay
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.decode.births import Birth, Births
from bkkenergy.payloads.message import Reason
from bkkenergy.site.open import open_writable, opened_state
from bkkenergy.site.profiles import load_profiles
from tests.conftest import ROOT
from tests.integration.conftest import dealt_with, ingesting, quarantined, stored, wait_until
from tests.servers import mosquitto, started
from tests.unit.payloads.test_sparkplug import dbirth, ddata, nbirth

pytestmark = pytest.mark.broker

METER, STATE = "health.centre-1.main", "spBv1.0/STATE/bkkenergy"
START_MS = 1_763_900_000_000


@pytest.fixture
def own_broker(tmp_path):
    """With the shipped limits; retained STATE of other tests is not on it."""
    with started(mosquitto(tmp_path / "mosquitto")) as server:
        yield server


@pytest.fixture
def settings(settings, own_broker):
    return settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update={"port": own_broker.port})})


def with_spark(portfolio):
    """The shipped portfolio, with two meters behind a Sparkplug node."""
    building = portfolio.buildings["health.centre-1"]
    meter = building.meters[0].model_copy(
        update={"topic": "spBv1.0/BMA/edge-1/panel", "key": "main", "payload": "sparkplug-b", "rated_kw": 100_000.0}
    )
    aircon = meter.model_copy(update={"id": f"{building.id}.aircon", "key": "aircon"})
    changed = building.model_copy(update={"meters": (meter, aircon)})
    return portfolio.model_copy(update={"buildings": portfolio.buildings | {changed.id: changed}})


@pytest.fixture
def spark(portfolio):
    return with_spark(portfolio)


class Node:
    """An edge node that sends with QoS 0, as Sparkplug wants, over one connection."""

    def __init__(self, port: int) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.states: list[dict] = []
        self.client.on_message = lambda _c, _d, message: self.states.append(json.loads(message.payload))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(STATE, qos=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, *messages) -> None:
        for message in messages:
            self.client.publish(message.topic, message.payload, qos=0).wait_for_publish(5)

    def send_data(self, begin: int, end: int) -> None:
        for number in range(begin, end):
            stamp_ms = START_MS + 1000 * number
            self.send(ddata(number % 256, {"alias": 1, "double_value": 100.0 + number, "timestamp": stamp_ms}))

    def has_heard(self, online: bool) -> bool:
        return bool(self.states) and self.states[-1]["online"] is online


def energies(settings) -> list[float]:
    return sorted(stored(settings, METER).column("energy_kwh").tolist())


def test_a_stop_of_the_ingester_loses_nothing_of_a_node_that_sends_with_qos_0(settings, spark, own_broker):
    with Node(own_broker.port) as node:
        with ingesting(settings, spark) as ingester:
            node.send(nbirth(), dbirth())
            node.send_data(2, 40)
            wait_until(lambda: dealt_with(ingester) >= 40)
        node.send_data(40, 90)
        with ingesting(settings, spark) as ingester:
            node.send_data(90, 120)
            wait_until(lambda: dealt_with(ingester) >= 80)
    assert energies(settings) == [*(100.0 + n for n in range(2, 120)), 12345.5]
    assert quarantined(settings) == []


def test_nodes_hear_whether_their_host_is_online(settings, spark, own_broker):
    with Node(own_broker.port) as node:
        with ingesting(settings, spark) as ingester:
            wait_until(lambda: node.has_heard(online=True))
            node.client.publish(STATE, b'{"online": false, "timestamp": 1}', qos=1, retain=True)
            wait_until(lambda: {"online": False, "timestamp": 1} in node.states and node.has_heard(online=True))
            assert ingester.subscriber.is_connected
        wait_until(lambda: node.has_heard(online=False))
    with Node(own_broker.port) as later:
        wait_until(lambda: later.has_heard(online=False))


def test_a_host_that_dies_without_a_word_is_offline_by_its_will(settings, own_broker):
    subscriber = Subscriber(settings.mqtt, ["spBv1.0/BMA/NDATA/edge-1"], host_id="bkkenergy")
    with Node(own_broker.port) as node:
        subscriber.start()
        wait_until(lambda: node.has_heard(online=True))
        online = node.states[-1]
        subscriber._client.socket().close()  # the network is gone
        wait_until(lambda: {"online": False, "timestamp": online["timestamp"]} in node.states)
        wait_until(lambda: node.has_heard(online=True))
        assert node.states[-1]["timestamp"] >= online["timestamp"]
        subscriber.stop()


def test_a_site_without_sparkplug_says_nothing(settings, portfolio, own_broker):
    with Node(own_broker.port) as node, ingesting(settings, portfolio):
        threading.Event().wait(0.5)
        assert node.states == []


def test_two_ingesters_share_births(settings, spark, own_broker):
    shared = settings.mqtt.model_copy(update={"share": "pair"})
    ones = [
        settings.model_copy(update={"mqtt": shared.model_copy(update={"client_id": name})}) for name in ("one", "two")
    ]
    with Node(own_broker.port) as node, ingesting(ones[0], spark) as first, ingesting(ones[1], spark) as second:
        node.send(nbirth(), dbirth())
        wait_until(lambda: dealt_with(first) + dealt_with(second) >= 2)
        node.send_data(2, 42)
        wait_until(lambda: dealt_with(first) + dealt_with(second) >= 42)
        assert min(dealt_with(first), dealt_with(second)) > 5
    assert energies(settings) == [*(100.0 + n for n in range(2, 42)), 12345.5]
    assert quarantined(settings) == []


def test_what_came_before_its_birth_is_replayed_when_the_birth_is_there(settings, spark, own_broker):
    with Node(own_broker.port) as node, ingesting(settings, spark) as ingester:
        node.send_data(0, 3)
        wait_until(lambda: dealt_with(ingester) >= 3)
        node.send(nbirth(), dbirth())
        wait_until(lambda: dealt_with(ingester) >= 5)
    waiting = quarantined(settings)
    assert [item.reason for item in waiting] == [Reason.NO_BIRTH] * 3
    profiles = load_profiles(ROOT / "config", frozenset(FAMILIES))
    store = open_writable(settings)
    with opened_state(settings) as state:
        quarantine = Quarantine.of(state, settings.ingest)
        births = BirthStore(state).news()
        assert replay(waiting, spark, profiles, settings.ingest, store, quarantine, births) == (3, 0)
        assert BirthStore(state).news() == births, "what is replayed is of the past"
    store.close()
    assert energies(settings) == [100.0, 101.0, 102.0, 12345.5]


def test_births_wait_in_memory_while_the_state_is_unavailable(settings):
    births = StoredBirths(Births())
    births.births.born(Birth("BMA", "edge-1", ""))
    births.after_batch()
    assert births.births.changed(), "no state is open"
    with opened_state(settings) as state:
        births.open(state)
        births.after_batch()
        assert not births.births.changed()
