"""The product on brokers that are not ours to ship: what each stores of what it acknowledged, and whether a loss is announced.

    python -m tests.peers.brokers mosquitto | mosquitto-stock | amqtt      starts it
    python -m tests.peers.brokers NAME PORT [USER PASSWORD]                 one that runs on 127.0.0.1 by itself

aedes: `npm install aedes` in a folder, there `node .../tests/peers/aedes.mjs PORT`. RabbitMQ: Debian's rabbitmq-server with
`rabbitmq-plugins enable rabbitmq_mqtt`. Outside `make test`: some of these brokers are no packages of Debian. It prints counts, no timings.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr

from bkkenergy.demo.broker import local_broker
from bkkenergy.ingest.doctor import examine
from bkkenergy.ingest.service import Ingester
from bkkenergy.portfolio import load_portfolio
from bkkenergy.settings import IngestSettings, MqttSettings, ObserveSettings, Settings, StateSettings, StoreSettings
from tests.conftest import ROOT
from tests.integration.conftest import dealt_with, ingesting, stored, wait_until
from tests.servers import Server, free_port, mosquitto, mosquitto_path, started

METER, TOPIC, TOPICS = "health.centre-1.main", "bma/health/centre-1/main/readings", ("bma/+/+/+/readings",)
LIVE, AWAY, SHARED = 500, 3_000, 800
SETTLES_S = 6.0
"""So long without another message nothing more is awaited."""
TS = 1_763_900_000


@contextmanager
def running(name: str, folder: Path) -> Iterator[int]:
    """Start a broker that is here; its port."""
    if name == "amqtt":
        with local_broker(folder, kind="amqtt") as (_, port):
            yield port
        return
    port = free_port()
    (folder / "stock.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    stock = Server([mosquitto_path() or "mosquitto", "-c", str(folder / "stock.conf")], port)
    with started(stock if name == "mosquitto-stock" else mosquitto(folder / "shipped")) as server:
        yield server.port


def settings_of(folder: Path, port: int, user: str | None, password: str | None, **given: object) -> Settings:
    own = MqttSettings(
        port=port, client_id=f"peer-{port}-{time.time_ns() % 10**6}", reconnect_max_s=1, canary_s=1.0, username=user,
        password=SecretStr(password) if password else None, session_expiry_s=3600,
    )  # fmt: skip
    return Settings(
        mqtt=own.model_copy(update=given),
        ingest=IngestSettings(store_retry_max_s=0.5, spool=None),
        observe=ObserveSettings(port=0),
        store=StoreSettings(path=folder / "store.sqlite"),
        state=StateSettings(path=folder / "state.sqlite"),
    )


def published(settings: Settings, first: int, count: int) -> int:
    """Publish at QoS 1 and return how many the broker acknowledged."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"gateway-{first}")
    if settings.mqtt.username and settings.mqtt.password:
        client.username_pw_set(settings.mqtt.username, settings.mqtt.password.get_secret_value())
    client.max_inflight_messages_set(10)
    client.connect("127.0.0.1", settings.mqtt.port)
    client.loop_start()
    sent = [
        client.publish(TOPIC, json.dumps({"ts": TS + n, "energy_kwh": n}), qos=1) for n in range(first, first + count)
    ]
    until_s = time.monotonic() + 60
    while not all(one.is_published() for one in sent) and time.monotonic() < until_s:
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()
    return sum(one.is_published() for one in sent)


def settled(*ingesters: Ingester) -> None:
    """Wait until nothing more comes."""
    before, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < SETTLES_S:
        now = sum(map(dealt_with, ingesters))
        if now != before:
            before, since_s = now, time.monotonic()
        time.sleep(0.1)


def troubles_of(ingester: Ingester) -> str:
    return ", ".join(sorted(ingester.subscriber.troubles)) or "none"


def alone(folder: Path, *broker: object) -> Iterator[str]:
    settings, portfolio = settings_of(folder, *broker), load_portfolio(ROOT / "config")
    with ingesting(settings, portfolio) as ingester:
        acked = published(settings, 0, LIVE)
        settled(ingester)
        wait_until(lambda: ingester.subscriber._canary.guard.was_heard or ingester.subscriber.troubles, within_s=60)
        yield f"MQTT {ingester.subscriber.protocol}; live {len(stored(settings, METER))} of {acked}"
        yield f"canary heard: {ingester.subscriber._canary.guard.was_heard}; troubles: {troubles_of(ingester)}"
    acked += published(settings, LIVE, AWAY)
    with ingesting(settings, portfolio) as ingester:
        settled(ingester)
        yield f"after an outage: {len(stored(settings, METER))} of {acked} stored; troubles: {troubles_of(ingester)}"


def shared(folder: Path, *broker: object) -> Iterator[str]:
    portfolio = load_portfolio(ROOT / "config")
    with ExitStack() as stack:
        parts = [settings_of(folder, *broker, share="bkk-secret") for _ in range(2)]
        ingesters = [stack.enter_context(ingesting(part, portfolio)) for part in parts]
        acked = published(parts[0], 0, SHARED)
        settled(*ingesters)
        yield (
            f"share: {len(stored(parts[0], METER))} of {acked} stored, by {[dealt_with(one) for one in ingesters]}; "
            f"troubles: {troubles_of(ingesters[0])}"
        )


def doctored(folder: Path, *broker: object) -> Iterator[str]:
    for check in examine(settings_of(folder, *broker), TOPICS):
        if check.check in {"broker", "topics", "delivery", "outage"}:
            yield f"doctor {'✓' if check.is_well else '✗'} {check.check}: {check.observed}"


def main(name: str, port: str = "", user: str | None = None, password: str | None = None) -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    with ExitStack() as stack:
        broker = (int(port) if port else stack.enter_context(running(name, folder)), user, password)
        for part in (alone, shared, doctored):
            (folder / part.__name__).mkdir()
            for line in part(folder / part.__name__, *broker):
                print(f"{name}: {line}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
