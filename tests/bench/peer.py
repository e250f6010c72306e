"""Side by side with a peer on the same broker and store: bkkenergy and Node-RED, each a process of its own.

    python -m tests.bench.peer [--node-red FOLDER]

FOLDER is one in which `npm install node-red node-red-contrib-influxdb` was run; without it bkkenergy is
measured alone. Rates run from the first reading in InfluxDB to the last; memory is VmRSS at rest and the
process's highest (VmHWM) after a backlog ten times the batch that it may hold.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from bkkenergy.adapters.influx import InfluxStore
from bkkenergy.portfolio import load_portfolio
from tests.bench.__main__ import as_packets, leave_backlog, messages
from tests.bench.rows import faster
from tests.conftest import CONFIG_PARTS, ROOT
from tests.servers import influxdb, mosquitto, started

COUNTS = {1: 20_000, 60: 3_000}
GIVES_UP_AFTER_S = 20.0

TO_POINTS = """
const meter = msg.topic.split('/').slice(1, 4).join('.');
const list = Array.isArray(msg.payload) ? msg.payload : [msg.payload];
msg.payload = list.map(r => ({
  measurement: 'reading', tags: {meter}, timestamp: new Date(r.ts * 1000),
  fields: {energy_kwh: r.energy_kwh, power_kw: r.power_kw}}));
return msg;
"""


def node_red_flow(broker_port: int, influx_port: int, session: str, database: str) -> list[dict]:
    """MQTT in at QoS 1 on a persistent session, one function, points in one batch a message."""
    return [
        {"id": "tab", "type": "tab", "label": "meters"},
        {
            "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(broker_port), "clientid": session,
            "autoConnect": True, "usetls": False, "protocolVersion": "5", "keepalive": "60", "cleansession": False,
            "sessionExpiry": "3600", "autoUnsubscribe": False,
        },
        {
            "id": "in", "type": "mqtt in", "z": "tab", "topic": "bma/+/+/+/readings", "qos": "1", "datatype": "json",
            "broker": "broker", "nl": False, "rap": True, "rh": 0, "inputs": 0, "wires": [["fn"]],
        },
        {"id": "fn", "type": "function", "z": "tab", "func": TO_POINTS, "outputs": 1, "wires": [["out"]]},
        {
            "id": "db", "type": "influxdb", "hostname": "127.0.0.1", "port": str(influx_port), "protocol": "http",
            "database": database, "influxdbVersion": "1.x", "usetls": False,
        },
        {"id": "out", "type": "influxdb batch", "z": "tab", "influxdb": "db", "precision": "ms", "wires": []},
    ]  # fmt: skip


def rss_mb(process: subprocess.Popen, key: str) -> float:
    """VmRSS or VmHWM of a process, MB."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(key)).split()[1]) / 1024


def count(store: InfluxStore) -> int:
    return sum(int(own.rows[0][1]) for own in store.server.query("SELECT count(energy_kwh) FROM reading"))


def measured(store: InfluxStore, start: Callable[[], subprocess.Popen], wanted: int) -> tuple[float, int, float]:
    """Readings a second, readings that arrived, and the process's highest memory, MB."""
    process = start()
    first_s = last_s = None
    seen, first_seen, quiet_s = 0, 0, time.monotonic()
    try:
        while seen < wanted and time.monotonic() - quiet_s < GIVES_UP_AFTER_S:
            now = count(store)
            if now != seen:
                quiet_s = last_s = time.monotonic()
                if first_s is None:
                    first_s, first_seen = last_s, now
                seen = now
            time.sleep(0.02)
        highest_mb = rss_mb(process, "VmHWM")
    finally:
        process.terminate()
        process.wait(20)
    seconds = (last_s or 0) - (first_s or 0)
    return (seen - first_seen) / seconds if seconds > 0 else float("nan"), seen, highest_mb


def run(node_red: Path | None, counts: Mapping[int, int]) -> None:
    portfolio = load_portfolio(ROOT / "config")
    with tempfile.TemporaryDirectory(prefix="bkkenergy-peer-") as temporary:
        folder = Path(temporary)
        influx = influxdb(folder / "influx")
        if influx.is_v2 and node_red is not None:
            raise SystemExit("Node-RED's flow writes to an InfluxDB 1.x: leave BKKENERGY_TEST_INFLUXDB unset.")
        with started(mosquitto(folder / "mqtt")) as broker, started(influx):

            def ours(name: str) -> subprocess.Popen:
                config = folder / name / "config"
                config.mkdir(parents=True)
                for part in CONFIG_PARTS:
                    (config / part).symlink_to(ROOT / "config" / part)
                (config / "bkkenergy.toml").write_text(
                    f'[mqtt]\nport = {broker.port}\nclient_id = "{name}"\n[observe]\nport = 0\n'
                    '[store]\nkind = "influx"\n' + influx.toml(name)
                )
                command = [sys.executable, "-m", "bkkenergy", "ingest", "--config", str(config), "--log-level", "error"]
                return subprocess.Popen(command, cwd=ROOT)

            def theirs(name: str) -> subprocess.Popen:
                own = folder / name
                own.mkdir()
                (own / "flows.json").write_text(json.dumps(node_red_flow(broker.port, influx.port, name, name)))
                (own / "settings.js").write_text(
                    "module.exports = {flowFile: 'flows.json', uiPort: 0, disableEditor: true, "
                    "logging: {console: {level: 'error'}}};"
                )
                script = node_red / "node_modules/node-red/red.js"
                command = ["node", str(script), "--userDir", str(own), "--settings", str(own / "settings.js")]
                (own / "node_modules").symlink_to(node_red / "node_modules")
                (own / "package.json").write_text('{"dependencies": {"node-red-contrib-influxdb": "*"}}')
                return subprocess.Popen(command, cwd=own, stdout=subprocess.DEVNULL)

            peers = {"bkkenergy": ours} | ({"node-red": theirs} if node_red else {})
            for name, start in peers.items():
                store = InfluxStore(influx.bucket(f"{name}-rest"))
                store.prepare()
                process = start(f"{name}-rest")
                time.sleep(8)
                print(f"{name}: {rss_mb(process, 'VmRSS'):.0f} MB at rest", flush=True)
                process.terminate()
                process.wait(20)
            for size, number in counts.items():
                backlog = as_packets(messages(portfolio, size)[:number])
                rates = {}
                for name, start in peers.items():
                    session = f"{name}-{size}"
                    store = InfluxStore(influx.bucket(session))
                    store.prepare()
                    leave_backlog(broker.port, session, backlog, number)
                    rate, seen, highest_mb = measured(store, lambda start=start, s=session: start(s), number * size)
                    assert seen == number * size or name != "bkkenergy", f"{seen} of {number * size} readings arrived"
                    rates[name] = rate
                    print(
                        f"{name}, payloads of {size}: {rate:,.0f} readings/s, {seen:,} of {number * size:,} arrived, "
                        f"at most {highest_mb:.0f} MB",
                        flush=True,
                    )
                ms = {name: 1e6 / rate for name, rate in rates.items()}
                if node_red is not None:
                    what = f"1,000 readings to InfluxDB, {size} a message"
                    faster("peer", what, ms["bkkenergy"], "Node-RED", ms["node-red"])
    if node_red is None:
        raise SystemExit("Node-RED is not installed: there is nothing beside it.")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node-red", type=Path, help="a folder with node_modules/node-red")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    given = parser.parse_args()
    run(
        given.node_red and given.node_red.resolve(),
        {size: count // (10 if given.quick else 1) for size, count in COUNTS.items()},
    )
