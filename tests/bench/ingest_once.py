"""One ingester over a backlog, in a process of its own, of this code or of an old commit's (by PYTHONPATH).

Reads what to do as JSON, and prints as JSON: seconds from the connection to the last commit, CPU seconds of these, and
memory in MB before the first message and at its highest.
"""

from __future__ import annotations

import importlib
import json
import logging
import resource
import sys
import threading
import time
from pathlib import Path

import structlog

from bkkenergy.ingest.service import Ingester
from bkkenergy.portfolio import load_portfolio
from bkkenergy.settings import IngestSettings, MqttSettings, ObserveSettings, Settings, StoreSettings

POLL_S = 0.002
MODULES = {
    "load_profiles": ("bkkenergy.site.profiles", "bkkenergy.ingest.profile"),
    "FAMILIES": ("bkkenergy.payloads.decode", "bkkenergy.ingest.decode"),
}
"""Where a name is in this code, and where it was."""


def named(name: str):
    for module in MODULES[name]:
        try:
            return getattr(importlib.import_module(module), name)
        except ImportError:
            continue
    raise ImportError(name)


def memory_mb(which: str) -> float:
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split(f"{which}:")[1].split()[0]) / 1024


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(job: dict) -> dict[str, float]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    config = Path(job["config"])
    settings = Settings(
        mqtt=MqttSettings(port=job["port"], client_id=job["name"], **job["mqtt"]),
        store=StoreSettings(**job["store"]),
        ingest=IngestSettings(spool=Path(job["store"]["path"]).with_suffix(".spool")),
        observe=ObserveSettings(port=0),
    )
    portfolio, profiles = load_portfolio(config), named("load_profiles")(config, frozenset(named("FAMILIES")))
    running = Ingester(settings, portfolio, profiles)
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.subscriber.is_connected:
        rest_mb = memory_mb("VmRSS")
        time.sleep(POLL_S)
    started_s, started_cpu_s = time.perf_counter(), cpu_s()
    while running.pipeline.totals["messages"] < job["count"]:
        assert thread.is_alive()
        time.sleep(POLL_S)
    found = {"seconds": time.perf_counter() - started_s, "cpu_s": cpu_s() - started_cpu_s, "rest_mb": rest_mb}
    running.stop()
    thread.join()
    assert running.pipeline.totals["refused"] == 0
    return found | {"peak_mb": memory_mb("VmHWM")}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
