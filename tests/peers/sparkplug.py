"""The product as host application of an edge node that is not ours: npm's sparkplug-client, each of whose values must be stored.

    python -m tests.peers.sparkplug [FOLDER]     FOLDER has sparkplug-client in node_modules; without one it is installed

Outside `make test`: npm installs it. It starts mosquitto and an ingester of its own, and prints counts. Exit code 1 where a
value is missing or wrong.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from bkkenergy.portfolio import load_portfolio
from bkkenergy.settings import IngestSettings, MqttSettings, ObserveSettings, Settings, StateSettings, StoreSettings
from tests.conftest import ROOT
from tests.integration.conftest import ingesting, stored, wait_until
from tests.integration.test_sparkplug_host import METER, with_spark
from tests.servers import mosquitto, started

COUNT, START_MS = 50, 1_763_900_000_000
PACKAGE = "sparkplug-client@3.2.4"


def settings_of(port: int, site: Path) -> Settings:
    """A host application's settings, with all that it stores in a folder."""
    return Settings(
        mqtt=MqttSettings(port=port, topics=("spBv1.0/#",)),
        store=StoreSettings(path=site / "store.sqlite"),
        state=StateSettings(path=site / "state.sqlite"),
        ingest=IngestSettings(spool=site / "spool"),
        observe=ObserveSettings(port=0),
    )


def main(folder: Path, site: Path) -> int:
    if not (folder / "node_modules/sparkplug-client").is_dir():
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", PACKAGE], cwd=folder, check=True)
    with started(mosquitto(site / "mqtt")) as broker:
        settings = settings_of(broker.port, site)
        with ingesting(settings, with_spark(load_portfolio(ROOT / "config"))) as ingester:
            command = ["node", str(ROOT / "tests/peers/sparkplug.mjs"), *map(str, (broker.port, COUNT, START_MS))]
            subprocess.run(command, cwd=folder, check=True, timeout=60)
            wait_until(lambda: ingester.pipeline.totals["readings"] >= 4 * COUNT + 1, within_s=20)
            refused = ingester.pipeline.totals["refused"]
    energies_kwh = stored(settings, METER).column("energy_kwh").tolist()
    expected_kwh = [1000.0 + number for number in range(4 * COUNT + 1)]
    print(f"{len(energies_kwh)} of {len(expected_kwh)} values stored, {refused} refused")
    print("each by itself, many in one message, and many compressed by GZIP and DEFLATE")
    return 0 if energies_kwh == expected_kwh else 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        given = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(temporary)
        raise SystemExit(main(given, Path(temporary)))
