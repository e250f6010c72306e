"""`kill -9` of the ingester again and again while readings are published: none lost, none twice.

In CI at a smaller size; at full size with KILLS=20 READINGS=200000 (see docs in README).
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import numpy as np
import pytest

from bkkenergy.demo.gateways import payload
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import StoreSettings
from bkkenergy.site.open import open_store
from tests.conftest import CONFIG_PARTS
from tests.forked import forked
from tests.integration.conftest import publish, wait_until
from tests.lateproxy import answering_late
from tests.servers import mosquitto, started

KILLS = int(os.environ.get("KILLS", "5"))
READINGS = int(os.environ.get("READINGS", "40000"))
A_PAYLOAD = 8
METERS = [f"health.centre-{n}.main" for n in (1, 2, 3, 4)]
TS = 1_763_900_000


def messages(readings: int) -> list[tuple[str, bytes]]:
    """Payloads of four meters' readings, eight a payload, each with a value of its own."""
    found = []
    for start in range(0, readings, A_PAYLOAD * len(METERS)):
        for number, meter in enumerate(METERS):
            n = start // len(METERS) + np.arange(A_PAYLOAD)
            values = {"energy_kwh": (n * len(METERS) + number) / 100}
            topic = "bma/{}/{}/{}/readings".format(*meter.split("."))
            found.append((topic, payload((TS + n) * US_PER_S, values)))
    return found


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kind", "late_s", "readings"),
    [
        pytest.param("sqlite", 0.0, READINGS, id="sqlite"),
        pytest.param("influx", 0.0, READINGS, id="influx", marks=pytest.mark.influx),
        # A second for each 500 readings: what is stored after the last kill shows nothing more.
        pytest.param("influx", 1.0, READINGS // 4, id="influx-that-answers-late", marks=pytest.mark.influx),
    ],
)
def test_after_kills_at_random_the_store_holds_exactly_what_was_published(
    kind, late_s, readings, tmp_path, influx, bucket, config_dir
):
    rng = random.Random(20)
    outgoing = messages(readings)
    published = len(outgoing) * A_PAYLOAD
    with started(mosquitto(tmp_path / "mqtt")) as broker, answering_late(influx.port, late_s) as late_url:
        site = tmp_path / "site/config"
        site.mkdir(parents=True)
        for name in CONFIG_PARTS:
            (site / name).symlink_to(config_dir / name)
        (site / "bkkenergy.toml").write_text(
            f"[mqtt]\nport = {broker.port}\nreceive_maximum = 200\nreconnect_max_s = 1\n[ingest]\nbatch_readings = 500\n[observe]\nport = 0\n"
            f'[store]\nkind = "{kind}"\n' + influx.toml(bucket).replace(influx.url, late_url)
        )
        command = ("ingest", "--config", site, "--log-level", "error")
        ingester = forked(*command)
        store_settings = StoreSettings(
            kind=kind, path=site.parent / "var/bkkenergy.sqlite", influx=influx.bucket(bucket)
        )
        store = open_store(store_settings)
        # The session must exist before the first message, or the broker has nobody to keep it for.
        publish(broker.port, outgoing[:1])
        wait_until(lambda: publish(broker.port, outgoing[:1]) or count(store) == A_PAYLOAD, within_s=60, look_s=0.2)
        publisher = threading.Thread(target=publish_slowly, args=(broker.port, outgoing))
        publisher.start()
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.6, 2.2))
            ingester.send_signal(signal.SIGKILL)
            ingester.wait()
            ingester = forked(*command)
        publisher.join()
        try:
            wait_until(lambda: count(store) >= published, within_s=120, look_s=0.5)
            time.sleep(1)
            found = store.readings(METERS, 0, 2**52)
        finally:
            ingester.terminate()
            assert ingester.wait(30) == 0
            store.close()
    assert len(found) == published
    assert len(set(zip(found.meter.tolist(), found.ts_us.tolist(), strict=True))) == published
    expected = np.arange(published) / 100
    np.testing.assert_array_equal(np.sort(found.column("energy_kwh")), expected)


def count(store) -> int:
    return len(store.readings(METERS, 0, 2**52, ("energy_kwh",)))


def publish_slowly(port: int, outgoing: list[tuple[str, bytes]]) -> None:
    """All of it, spread over the time that the kills take."""
    parts = 40
    size = -(-len(outgoing) // parts)
    for at in range(0, len(outgoing), size):
        publish(port, outgoing[at : at + size])
        time.sleep(KILLS * 1.5 / parts)
