"""The product as host application of payloads that Eclipse Tahu encodes, each of whose values must be stored.

    python -m tests.peers.tahu CLASSPATH

CLASSPATH: tahu-core 1.0.14 and what it needs (`mvn dependency:get -Dartifact=org.eclipse.tahu:tahu-core:1.0.14`). Java 17 runs
`Tahu.java` beside this file; what it prints is published as a node would, with QoS 0. Outside `make test`: Maven has it. It starts
mosquitto and an ingester of its own, and prints counts. Exit code 1 where a value is missing or wrong.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bkkenergy.portfolio import load_portfolio
from tests.conftest import ROOT
from tests.integration.conftest import ingesting, stored, wait_until
from tests.integration.test_sparkplug_host import METER, with_spark
from tests.peers.sparkplug import settings_of
from tests.servers import mosquitto, started

COUNT, START_MS = 50, 1_763_900_000_000
AIRCON = METER.replace(".main", ".aircon")


def encoded(classpath: str) -> list[tuple[str, bytes]]:
    """Topics and payloads in their order."""
    command = ["java", "-cp", classpath, str(ROOT / "tests/peers/Tahu.java"), str(COUNT), str(START_MS)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return [(topic, base64.b64decode(text)) for topic, text in map(str.split, printed.splitlines())]


def publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="tahu-edge-1")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic, payload in messages:
        client.publish(topic, payload, qos=0).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def main(classpath: str, site: Path) -> int:
    messages = encoded(classpath)
    with started(mosquitto(site / "mqtt")) as broker:
        settings = settings_of(broker.port, site)
        with ingesting(settings, with_spark(load_portfolio(ROOT / "config"))) as ingester:
            publish(broker.port, messages)
            wait_until(lambda: ingester.pipeline.totals["readings"] >= 4 * COUNT + 3, within_s=20)
            refused = ingester.pipeline.totals["refused"]
    expected_kwh = {METER: [1000.0 + number for number in range(4 * COUNT + 1)], AIRCON: [1000.0, 1001.0]}
    energies_kwh = {name: stored(settings, name).column("energy_kwh").tolist() for name in expected_kwh}
    for name, expected in expected_kwh.items():
        print(f"{name}: {len(energies_kwh[name])} of {len(expected)} values stored")
    print(f"by alias, historical, by GZIP, by DEFLATE and in a template; {refused} refused")
    return 0 if energies_kwh == expected_kwh else 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        raise SystemExit(main(sys.argv[1], Path(temporary)))
