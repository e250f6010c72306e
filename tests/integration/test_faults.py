"""The fault matrix: whatever fails, what was published is what is stored; none lost, none twice.

FAULT_S sets how long broker and store stay unavailable (60 for the full run; shorter in CI).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from bkkenergy.demo.gateways import Gateway, payload
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import StoreSettings
from bkkenergy.site.open import open_store
from tests.conftest import CONFIG_PARTS
from tests.forked import Forked, forked
from tests.integration.conftest import EVER, dealt_with, ingesting, numbers, publish, stored, wait_until
from tests.integration.test_delivery import updated
from tests.lateproxy import answering_late
from tests.servers import influxdb, mosquitto, started

pytestmark = [pytest.mark.broker, pytest.mark.influx, pytest.mark.timeout(600)]

FAULT_S = float(os.environ.get("FAULT_S", "3"))
METERS = [f"health.centre-{n}.main" for n in (1, 2, 3, 4)]
TS = 1_763_900_000
A_PAYLOAD = 5
STORE_LOOK_S = 0.2
"""Between two looks at all that is stored: without a pause they take the time of those who store it."""


def messages(count: int) -> list[tuple[str, bytes]]:
    """`count` messages of five readings, each reading with a value of its own."""
    found = []
    for number in range(count):
        n = number // len(METERS) * A_PAYLOAD + np.arange(A_PAYLOAD)
        meter = number % len(METERS)
        topic = "bma/{}/{}/{}/readings".format(*METERS[meter].split("."))
        found.append((topic, payload((TS + n) * US_PER_S, {"energy_kwh": (n * len(METERS) + meter) / 100})))
    return found


def assert_exact(settings, count: int) -> None:
    """Every published reading is stored once, with its own value."""
    found = stored(settings, *METERS)
    assert len(found) == count * A_PAYLOAD
    keys = set(zip(found.meter.tolist(), found.ts_us.tolist(), strict=True))
    assert len(keys) == len(found)
    np.testing.assert_array_equal(np.sort(found.column("energy_kwh")), np.arange(count * A_PAYLOAD) / 100)


def count_stored(settings) -> int:
    store = open_store(settings.store, prepare=False)
    try:
        return len(store.readings(METERS, *EVER, ("energy_kwh",)))
    finally:
        store.close()


@contextmanager
def publishing(port: int, outgoing: list[tuple[str, bytes]], seconds: float) -> Iterator[None]:
    """Publishes all of it, spread over a time, while the context runs; waits for the broker to have it."""

    def run() -> None:
        gateway = Gateway(f"steady-{next(numbers)}", port)
        for topic, body in outgoing:
            gateway.publish(topic, body)
            time.sleep(seconds / len(outgoing))
        gateway.drain()
        gateway.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(300)
        assert not thread.is_alive()


@pytest.fixture(params=["sqlite", "influx"])
def stores(request, settings, tmp_path, influx, bucket):
    """Settings with a spool, over each store."""
    kind = request.param
    settings = updated(settings, "store", kind=kind, influx=influx.bucket(bucket, timeout_s=3))
    return updated(settings, "ingest", spool=tmp_path / "spool")


def test_duplicate_deliveries(stores, portfolio, broker):
    outgoing = messages(300)
    with ingesting(stores, portfolio) as ingester:
        publish(broker.port, [message for message in outgoing for _ in range(3)])
        wait_until(lambda: dealt_with(ingester) >= 900)
    assert_exact(stores, 300)


def test_broker_restarted(stores, portfolio, tmp_path):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        stores = updated(stores, "mqtt", port=broker.port)
        with ingesting(stores, portfolio):
            with publishing(broker.port, messages(400), 2 + FAULT_S / 3):
                for _ in range(3):
                    time.sleep(0.5)
                    broker.stop()
                    broker.start()
            wait_until(lambda: count_stored(stores) == 2000, within_s=60, look_s=STORE_LOOK_S)
        assert_exact(stores, 400)
    finally:
        broker.stop()


def test_broker_gone_for_long(stores, portfolio, tmp_path):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        stores = updated(stores, "mqtt", port=broker.port)
        with ingesting(stores, portfolio) as ingester:
            with publishing(broker.port, messages(400), 2):
                time.sleep(0.5)
                broker.stop()
                time.sleep(FAULT_S)
                assert ingester.state().is_alive()
                assert not ingester.state().is_ready(60)
                broker.start()
            wait_until(lambda: count_stored(stores) == 2000, within_s=120, look_s=STORE_LOOK_S)
        assert_exact(stores, 400)
    finally:
        broker.stop()


@pytest.fixture
def own_influx(settings, tmp_path):
    """An InfluxDB that the test may stop and kill, with settings that name it and a spool."""
    server = influxdb(tmp_path / "influx").start()
    settings = updated(settings, "store", kind="influx", influx=server.bucket(timeout_s=3))
    yield server, updated(settings, "ingest", spool=tmp_path / "spool")
    server.stop()


def test_store_gone_for_long_is_bridged_by_the_spool(own_influx, portfolio, broker):
    server, settings = own_influx
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, messages(400)[:50])
        wait_until(lambda: dealt_with(ingester) >= 50)
        server.stop()
        publish(broker.port, messages(400)[50:])
        wait_until(lambda: dealt_with(ingester) >= 400)
        state = ingester.state()
        assert state.spool_batches > 0
        assert state.store_is_unavailable
        assert state.is_ready(60), "what comes is safe, so the service is ready"
        time.sleep(FAULT_S)
        server.start()
        wait_until(lambda: ingester.state().spool_batches == 0, within_s=60)
        assert not ingester.state().store_is_unavailable
    assert_exact(settings, 400)


def test_a_spool_left_by_an_ingester_that_was_ended_is_drained_by_the_next(own_influx, portfolio, broker):
    server, settings = own_influx
    server.stop()
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, messages(200))
        wait_until(lambda: dealt_with(ingester) >= 200)
    server.start()
    with ingesting(settings, portfolio) as ingester:
        wait_until(lambda: ingester.state().spool_batches == 0, within_s=60)
    assert_exact(settings, 200)


def test_a_full_spool_stops_acknowledging_and_the_broker_holds(own_influx, portfolio, broker):
    server, settings = own_influx
    settings = updated(settings, "ingest", spool_max_bytes=100_000)
    settings = updated(settings, "mqtt", receive_maximum=20)
    with ingesting(settings, portfolio) as ingester:
        server.stop()
        publish(broker.port, messages(1500))
        wait_until(lambda: ingester.state().spool_is_full, within_s=60)
        assert not ingester.state().is_ready(60)
        assert dealt_with(ingester) < 1500
        server.start()
        wait_until(lambda: dealt_with(ingester) >= 1500, within_s=60)
        wait_until(lambda: ingester.state().spool_batches == 0, within_s=60)
        assert not ingester.state().spool_is_full
    assert_exact(settings, 1500)


def test_store_killed_in_the_middle_of_batches(own_influx, portfolio, broker):
    server, settings = own_influx
    with ingesting(settings, portfolio) as ingester:
        with publishing(broker.port, messages(1200), 4):
            for _ in range(3):
                time.sleep(0.7)
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
                server.start()
        wait_until(lambda: dealt_with(ingester) >= 1200, within_s=60)
        wait_until(lambda: ingester.state().spool_batches == 0, within_s=60)
    assert_exact(settings, 1200)


def test_a_slow_store_loses_nothing(own_influx, portfolio, broker):
    server, settings = own_influx
    with answering_late(server.port, 0.8) as url:
        slow = settings.store.influx.model_copy(update={"url": url, "timeout_s": 5})
        with ingesting(updated(settings, "store", influx=slow), portfolio) as ingester:
            publish(broker.port, messages(1200))
            wait_until(lambda: dealt_with(ingester) >= 1200, within_s=60)
    assert_exact(settings, 1200)


def test_a_store_too_slow_to_answer_is_bridged_by_the_spool(own_influx, portfolio, broker):
    server, settings = own_influx
    with answering_late(server.port, 2.5) as url:
        slow = settings.store.influx.model_copy(update={"url": url, "timeout_s": 1})
        with ingesting(updated(settings, "store", influx=slow), portfolio) as ingester:
            publish(broker.port, messages(400))
            wait_until(lambda: dealt_with(ingester) >= 400, within_s=60)
            assert ingester.state().spool_batches > 0
    with ingesting(settings, portfolio) as ingester:
        wait_until(lambda: ingester.state().spool_batches == 0, within_s=60)
    assert_exact(settings, 400)


def site_of(tmp_path, config_dir, text: str):
    site = tmp_path / f"site{next(numbers)}/config"
    site.mkdir(parents=True)
    for name in CONFIG_PARTS:
        (site / name).symlink_to(config_dir / name)
    (site / "bkkenergy.toml").write_text(text + "[observe]\nport = 0\n")
    return site


def ingester_process(site) -> Forked:
    return forked("ingest", "--config", site, "--log-level", "error")


def test_two_ingesters_share_and_one_is_killed(tmp_path, config_dir, influx, bucket):
    """The killed one comes back, as systemd would have it: what waited in its session arrives."""
    with started(mosquitto(tmp_path / "mqtt")) as broker:
        sites = [
            site_of(
                tmp_path,
                config_dir,
                f'[mqtt]\nport = {broker.port}\nclient_id = "share-{n}"\nshare = "bkkenergy"\nreceive_maximum = 50\n'
                '[store]\nkind = "influx"\n' + influx.toml(bucket),
            )
            for n in range(2)
        ]
        store = open_store(StoreSettings(kind="influx", influx=influx.bucket(bucket)))
        processes = [ingester_process(site) for site in sites]
        try:
            first = messages(2000)[:1]
            wait_until(
                lambda: publish(broker.port, first) or len(store.readings(METERS, *EVER)) > 0,
                within_s=60,
                look_s=STORE_LOOK_S,
            )
            time.sleep(1.5)
            with publishing(broker.port, messages(2000), 4):
                time.sleep(1.5)
                processes[0].kill()
                processes[0].wait()
                time.sleep(1)
                processes[0] = ingester_process(sites[0])
            wait_until(lambda: len(store.readings(METERS, *EVER)) == 10_000, within_s=60, look_s=STORE_LOOK_S)
            found = store.readings(METERS, *EVER)
        finally:
            for process in processes:
                process.terminate()
                process.wait(20)
            store.close()
    np.testing.assert_array_equal(np.sort(found.column("energy_kwh")), np.arange(10_000) / 100)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_disk_full_under_the_spool_is_survived(tmp_path, config_dir, small_disk):
    """The store is unavailable and the spool's disk fills up: no crash, the broker holds, and all arrives afterwards."""
    server = influxdb(tmp_path / "influx")
    with started(mosquitto(tmp_path / "mqtt")) as broker:
        site = site_of(
            tmp_path,
            config_dir,
            f"[mqtt]\nport = {broker.port}\nreceive_maximum = 20\n[ingest]\nstore_retry_max_s = 1.0\n"
            f'spool = "{small_disk}/spool"\n'
            '[store]\nkind = "influx"\n' + server.toml("full", timeout_s=2.0),
        )
        process = ingester_process(site)
        try:
            server.start()
            store = open_store(StoreSettings(kind="influx", influx=server.bucket("full")))
            first = messages(3000)[:1]
            wait_until(
                lambda: publish(broker.port, first) or len(store.readings(METERS, *EVER)) > 0,
                within_s=60,
                look_s=STORE_LOOK_S,
            )
            server.stop()
            publish(broker.port, messages(3000))
            wait_until(lambda: shutil.disk_usage(small_disk).free < 8_192, within_s=60)
            time.sleep(FAULT_S)
            assert process.poll() is None, "it does not crash"
            server.start()
            wait_until(lambda: len(store.readings(METERS, *EVER)) == 15_000, within_s=90, look_s=STORE_LOOK_S)
            found = store.readings(METERS, *EVER)
            store.close()
            wait_until(lambda: list((small_disk / "spool").glob("*.spool")) == [])
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait(20)
            server.stop()
    np.testing.assert_array_equal(np.sort(found.column("energy_kwh")), np.arange(15_000) / 100)
