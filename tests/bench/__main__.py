"""`make bench`: readings a second from a broker to the committed store, beside two ceilings of the same run.

The broker holds a backlog before each measurement, so the publisher costs nothing while it is taken.
Peers: a bare paho callback that only counts (MQTT 5, automatic acknowledgement), and the store fed
with ready-made batches of the size that the ingester commits. Rounds are interleaved; medians count.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bkkenergy.demo.gateways import payload
from bkkenergy.ingest.service import Ingester
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.portfolio import Meter, MeterKind, Portfolio, load_portfolio
from bkkenergy.readings import US_PER_S, ReadingBatch
from bkkenergy.settings import IngestSettings, MqttSettings, ObserveSettings, Settings, StoreSettings
from bkkenergy.site.open import open_store, open_writable
from bkkenergy.site.profiles import load_profiles
from tests.bench.rows import MISSED, faster
from tests.conftest import ROOT
from tests.integration.conftest import publish
from tests.servers import Influx, influxdb, mosquitto, started

TARGET_RATIO = {1: 0.6, 60: 0.75}
PROFILES = load_profiles(ROOT / "config", frozenset(FAMILIES))
TS = 1_763_900_000
MESSAGES = {1: 40_000, 60: 30_000}
BATCH = {1: 1_000, 60: 10_000}
"""What the ingester commits at a time under load: half its window, or batch_readings."""

Measure = Callable[[str], float]
"""Given a name of its own, takes a backlog; returns readings a second."""


def plain_meters(portfolio: Portfolio) -> list[Meter]:
    """Register meters without transformer ratios."""
    return [meter for meter in portfolio.meters if meter.kind is MeterKind.REGISTER and meter.multiplier == 1]


def messages(portfolio: Portfolio, size: int) -> list[tuple[str, bytes]]:
    """A backlog of payloads of `size` readings with energy and power, over all meters in turn."""
    meters = plain_meters(portfolio)
    found = []
    for number in range(MESSAGES[size]):
        meter = meters[number % len(meters)]
        step = number // len(meters) * size + np.arange(size)
        values = {"energy_kwh": 1000 + step * 0.25, "power_kw": np.round(20 + step % 7 * 0.5, 1)}
        found.append((meter.topic, payload((TS + step) * US_PER_S, values)))
    return found


def session_options() -> dict:
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    properties.ReceiveMaximum = 2000
    return {"clean_start": False, "properties": properties}


def bare_client(port: int, name: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect_async("127.0.0.1", port, **session_options())
    return client


def leave_backlog(port: int, name: str, backlog: list[tuple[str, bytes]]) -> None:
    """Open a session under a name, subscribe, leave, and let the broker gather the backlog for it."""
    subscribed = threading.Event()
    client = bare_client(port, name)
    client.on_connect = lambda c, *_: c.subscribe("bma/+/+/+/readings", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.loop_start()
    assert subscribed.wait(10)
    client.disconnect()
    client.loop_stop()
    publish(port, backlog)


def bare_paho(port: int, count: int, size: int) -> Measure:
    def measure(name: str) -> float:
        seen, done = 0, threading.Event()

        def on_message(*_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == count:
                done.set()

        client = bare_client(port, name)
        client.on_message = on_message
        started_s = time.perf_counter()
        client.loop_start()
        assert done.wait(300)
        seconds = time.perf_counter() - started_s
        client.disconnect()
        client.loop_stop()
        return count * size / seconds

    return measure


def ingester(port: int, portfolio: Portfolio, store: Callable[[str], StoreSettings], count: int, size: int) -> Measure:
    def measure(name: str) -> float:
        own = store(name)
        spool = IngestSettings(spool=own.path.with_suffix(".spool"))
        settings = Settings(
            mqtt=MqttSettings(port=port, client_id=name), store=own, ingest=spool, observe=ObserveSettings(port=0)
        )
        open_store(settings.store).close()
        running = Ingester(settings, portfolio, PROFILES)
        thread = threading.Thread(target=running.run)
        started_s = time.perf_counter()
        thread.start()
        while running.pipeline is None or running.pipeline.totals["messages"] < count:
            assert thread.is_alive()
            time.sleep(0.005)
        seconds = time.perf_counter() - started_s
        running.stop()
        thread.join()
        assert running.pipeline.totals["refused"] == 0
        return count * size / seconds

    return measure


def store_alone(portfolio: Portfolio, store: Callable[[str], StoreSettings], count: int, size: int) -> Measure:
    """The same readings as ready-made batches."""
    names = tuple(meter.id for meter in plain_meters(portfolio))
    number = np.arange(count * size)
    message = number // size
    step = message // len(names) * size + number % size
    columns = {"energy_kwh": 1000 + step * 0.25, "power_kw": np.round(20 + step % 7 * 0.5, 1)}
    whole = ReadingBatch(names, message % len(names), (TS + step) * US_PER_S, columns)
    batches = [whole.take(slice(at, at + BATCH[size])) for at in range(0, len(whole), BATCH[size])]

    def measure(name: str) -> float:
        opened = open_writable(Settings(store=store(name)))
        started_s = time.perf_counter()
        for batch in batches:
            opened.commit(batch)
        seconds = time.perf_counter() - started_s
        opened.close()
        return len(whole) / seconds

    return measure


@contextmanager
def servers(folder: Path) -> Iterator[tuple[int, Influx]]:
    influx = influxdb(folder / "influx")
    with started(mosquitto(folder / "mqtt")) as broker, started(influx):
        yield broker.port, influx


def run(rounds: int, sizes: Mapping[int, int]) -> bool:
    """Print the table; whether every ratio reaches the target."""
    portfolio = load_portfolio(ROOT / "config")
    reached = True
    with (
        tempfile.TemporaryDirectory(prefix="bkkenergy-bench-") as temporary,
        servers(Path(temporary)) as (port, influx),
    ):
        stores: dict[str, Callable[[str], StoreSettings]] = {
            "sqlite": lambda name: StoreSettings(path=Path(temporary) / f"{name}.sqlite"),
            "influx": lambda name: StoreSettings(
                kind="influx",
                path=Path(temporary) / f"{name}.sqlite",
                influx=influx.bucket(name.replace("-", "_")),
            ),
        }
        print(f"{'payload':>8} {'store':>8} {'paho alone':>12} {'store alone':>12} {'bkkenergy':>12} {'ratio':>7}")
        for size, count in sizes.items():
            backlog = messages(portfolio, size)[:count]
            measures: dict[str, Measure] = {"paho": bare_paho(port, count, size)}
            for kind, store in stores.items():
                measures[f"{kind}-store"] = store_alone(portfolio, store, count, size)
                measures[f"{kind}-ingest"] = ingester(port, portfolio, store, count, size)
            rates: dict[str, list[float]] = {name: [] for name in measures}
            for number in range(rounds):
                for name, measure in measures.items():
                    own = f"{name}-{size}-{number}"
                    if not name.endswith("-store"):
                        leave_backlog(port, own, backlog)
                    rates[name].append(measure(own))
            middle = {name: statistics.median(values) for name, values in rates.items()}
            for kind in stores:
                paho, alone, own_rate = middle["paho"], middle[f"{kind}-store"], middle[f"{kind}-ingest"]
                ratio = own_rate / min(paho, alone)
                reached &= ratio >= TARGET_RATIO[size]
                ceiling = min((paho, "paho alone"), (alone, "the store alone"))
                what = f"1,000 readings, {size} a message, to {kind}"
                faster("ingest", what, 1e6 / own_rate, ceiling[1], 1e6 / ceiling[0], TARGET_RATIO[size])
                print(
                    f"{size:>8} {kind:>8} {paho:>12,.0f} {alone:>12,.0f} {own_rate:>12,.0f} {ratio:>7.2f}", flush=True
                )
    print(
        f"Readings a second, medians of {rounds} rounds. Ratio: against the smaller ceiling; targets: {TARGET_RATIO}."
    )
    return reached


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of the messages")
    given = parser.parse_args()
    sizes = {size: count // (10 if given.quick else 1) for size, count in MESSAGES.items()}
    raise SystemExit(0 if run(1 if given.quick else given.rounds, sizes) else MISSED)
