"""Telegraf's mqtt_consumer beside the ingester, from one broker into one InfluxDB 1.x, each with a backlog of its own.

    go build -tags 'custom,inputs.mqtt_consumer,outputs.influxdb,parsers.json' \\
        -o telegraf github.com/influxdata/telegraf/cmd/telegraf
    python -m tests.bench.telegraf PROGRAM [--rounds N] [--quick]

Telegraf is tuned as for a city: a large buffer, 10,000 messages on their way, a flush each second. Its CPU and its
time are from its start, which takes a tenth of a second.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from bkkenergy.adapters.influx import InfluxStore
from bkkenergy.portfolio import load_portfolio
from bkkenergy.settings import StoreSettings
from tests.bench.__main__ import (
    MESSAGES,
    TOPIC_FILTER,
    Bench,
    Found,
    Measure,
    as_packets,
    ingester,
    messages,
    mosquitto_sub,
    servers,
)  # fmt: skip
from tests.bench.peer import GIVES_UP_AFTER_S, count, rss_mb
from tests.bench.processes import cpu_s
from tests.bench.rows import faster
from tests.conftest import ROOT
from tests.servers import Influx

LOOK_S = 0.2
"""Between two counts of what has arrived; each is work for the server."""
BATCH = {1: 1_000, 60: 10_000}
CONFIG = """
[agent]
flush_interval = "1s"
flush_jitter = "0s"
metric_batch_size = {batch}
metric_buffer_limit = 1000000
omit_hostname = true
quiet = true
[[inputs.mqtt_consumer]]
servers = ["tcp://127.0.0.1:{port}"]
topics = ["{topics}"]
client_id = "{session}"
persistent_session = true
qos = 1
max_undelivered_messages = 10000
topic_tag = ""
name_override = "reading"
data_format = "json"
json_time_key = "ts"
json_time_format = "unix"
[[inputs.mqtt_consumer.topic_parsing]]
topic = "{topics}"
tags = "_/agency/building/meter/_"
[[outputs.influxdb]]
urls = ["{url}"]
database = "{database}"
skip_database_creation = true
content_encoding = "gzip"
"""


def telegraf(program: Path, port: int, influx: Influx, folder: Path, wanted: int, size: int) -> Measure:
    """A Telegraf that takes a backlog. Raises AssertionError where not all of it arrives."""

    def measure(name: str) -> Found:
        settings = influx.bucket(name.replace("-", "_"))
        store, config = InfluxStore(settings), folder / f"{name}.conf"
        store.prepare()
        values = {"port": port, "session": name, "url": influx.url, "database": settings.bucket}
        config.write_text(CONFIG.format(batch=BATCH[size], topics=TOPIC_FILTER, **values))
        began_s = changed_s = time.monotonic()
        with subprocess.Popen([program, "--config", str(config)]) as process:
            seen = 0
            while seen < wanted and time.monotonic() - changed_s < GIVES_UP_AFTER_S * 3:
                time.sleep(LOOK_S)
                if (now := count(store)) != seen:
                    seen, changed_s = now, time.monotonic()
            found = Found(wanted / (changed_s - began_s), cpu_s(process.pid), peak_mb=rss_mb(process, "VmHWM"))
            process.terminate()
        assert seen == wanted, f"Telegraf: {seen} of {wanted} readings arrived"
        return found

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    given = parser.parse_args()
    if given.quick:
        MESSAGES.update({size: number // 10 for size, number in MESSAGES.items()})
    portfolio = load_portfolio(ROOT / "config")
    with (
        tempfile.TemporaryDirectory(prefix="bkkenergy-bench-") as temporary,
        servers(Path(temporary)) as (port, influx),
    ):
        folder = Path(temporary)

        def store(name: str) -> StoreSettings:
            settings = influx.bucket(name.replace("-", "_"))
            return StoreSettings(kind="influx", path=folder / f"{name}.sqlite", influx=settings)

        for size, number in MESSAGES.items():
            peers = {
                "mosquitto_sub": mosquitto_sub(port, number, size),
                "ours-influx": ingester(ROOT, port, store, number, size),
                "telegraf": telegraf(given.program.resolve(), port, influx, folder, number * size, size),
            }
            bench = Bench(size, peers)
            bench.run(given.rounds, port, as_packets(messages(portfolio, size)))
            bench.table()
            ms, peer_ms = (1e6 / bench.median(name).readings_per_s for name in ("ours-influx", "telegraf"))
            faster("telegraf", f"1,000 readings to InfluxDB, {size} a message", ms, "Telegraf", peer_ms)
            print(f"  {bench.ratio('ours-influx', 'telegraf'):.2f} of Telegraf")


if __name__ == "__main__":
    main()
