"""Ingesters over real brokers and stores, and a publisher that waits until the broker has taken all."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.demo.gateways import Gateway
from bkkenergy.ingest.service import Ingester
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.portfolio import Portfolio, load_portfolio
from bkkenergy.settings import IngestSettings, MqttSettings, ObserveSettings, Settings, StateSettings, StoreSettings
from bkkenergy.site.open import open_store, opened_state
from bkkenergy.site.profiles import load_profiles
from tests.conftest import ROOT

EVER = (0, 2**52)
numbers = itertools.count()


@pytest.fixture(scope="session")
def portfolio(config_dir) -> Portfolio:
    return load_portfolio(config_dir)


@pytest.fixture
def settings(tmp_path, broker) -> Settings:
    """The shipped defaults, with this test's broker, session and store."""
    return Settings(
        mqtt=MqttSettings(port=broker.port, client_id=f"test-{next(numbers)}", reconnect_max_s=1),
        ingest=IngestSettings(store_retry_max_s=0.5, spool=None),
        observe=ObserveSettings(port=0),
        store=StoreSettings(path=tmp_path / "store.sqlite"),
        state=StateSettings(path=tmp_path / "state.sqlite"),
    )


@contextmanager
def ingesting(settings: Settings, portfolio: Portfolio, *, connected: bool = True) -> Iterator[Ingester]:
    """A running ingester, connected and subscribed."""
    ingester = Ingester(settings, portfolio, load_profiles(ROOT / "config", frozenset(FAMILIES)))
    thread = threading.Thread(target=ingester.run)
    thread.start()
    try:
        if connected:
            wait_until(lambda: ingester.subscriber.is_connected and ingester.subscriber.granted is not None)
        yield ingester
    finally:
        ingester.stop()
        thread.join(30)
        assert not thread.is_alive()


def wait_until(is_so: Callable[[], bool], *, within_s: float = 20.0, look_s: float = 0.02) -> None:
    """Wait for what comes to pass. look_s : between two looks, longer where a look is work for the store."""
    until_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until_s, "it has not come to pass"
        time.sleep(look_s)


def dealt_with(ingester: Ingester) -> int:
    return ingester.pipeline.totals["messages"] if ingester.pipeline else 0


def publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    gateway = Gateway(f"publisher-{next(numbers)}", port)
    for topic, payload in messages:
        gateway.publish(topic, payload)
    gateway.drain()
    gateway.close()


def reading(ts: int, **values) -> bytes:
    return json.dumps({"ts": ts, **(values or {"energy_kwh": 1.0})}).encode()


def stored(settings: Settings, *meters: str):
    store = open_store(settings.store)
    found = store.readings(meters, *EVER)
    store.close()
    return found


def quarantined(settings: Settings):
    with opened_state(settings) as state:
        return Quarantine.of(state, settings.ingest).listed(limit=10**6)
