"""Single messages of the largest size that cost the most: `python -m tests.pills` prints what each adds to the memory.

Each goes through a broker to a live ingester, whose memory before and at its peak Linux reports (VmRSS, VmHWM).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from bkkenergy.settings import IngestSettings
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.conftest import publish, wait_until
from tests.integration.test_hostile import ADDRESS_OF, SUFFIX_OF, hostile_messages, sparkplug
from tests.ports import free_port
from tests.servers import mosquitto, started

LARGEST_BYTES = IngestSettings().max_payload_bytes
TS = 1_763_900_000
ONE_OF_EACH_FAMILY = (
    "canonical", "csv-lines", "modbus-gateway", "chirpstack-binary", "plain-number", "home-assistant-state",
)  # fmt: skip


def filled(begin: bytes, part: bytes, end: bytes = b"") -> bytes:
    """As many parts as the largest payload holds."""
    return begin + part * ((LARGEST_BYTES - len(begin) - len(end)) // len(part)) + end


def large_payloads() -> dict[str, bytes]:
    """What is small in bytes and large in memory, or slow."""
    deep = b'{"":' * 400 + b"1" + b"}" * 400
    return {
        "empty lists": filled(b"[", b"[],", b"[]]"),
        "empty objects": filled(b"[", b"{},", b"{}]"),
        "small objects": filled(b"[", b'{"":0},', b"{}]"),
        "objects in objects": filled(b"[", b'{"":{"":{}}},', b"{}]"),
        "objects 400 deep": filled(b"[", deep + b",", b"{}]"),
        "whole numbers": filled(b"[", b"1,", b"1]"),
        "fractions": filled(b"[", b"1.5,", b"1.5]"),
        "other keys": b"{" + b",".join(b'"%x":1' % number for number in range(LARGEST_BYTES // 10)) + b"}",
        "empty texts": filled(b"[", b'"",', b'""]'),
        "long numbers": filled(b"[", b"9" * 4_000 + b",", b"1]"),
        "one long number": b"9" * LARGEST_BYTES,
        "one long text": filled(b'"', b"\\u0e01", b'"'),
        "nested and wide": b"[" * 400 + b"1," * (LARGEST_BYTES // 2 - 1_000) + b"1" + b"]" * 400,
        "devices without end": filled(b'{"timestamp":1763900000,"devices":[', b"[],", b"[]]}"),
        "unknown devices": json.dumps({"timestamp": TS, "devices": [{"addr": 1, "x": "y" * 150}] * 9_999}).encode(),
        "readings without a time": filled(b"[", b'{"ts":1},', b'{"ts":1}]'),
        "10,000 readings": json.dumps([{"ts": TS + n, "energy_kwh": 1, "voltage_v": [1, 2, 3]} for n in range(9_999)]).encode(),
        "empty lines": b"\n" * LARGEST_BYTES,
        "short lines": b"1\n" * (LARGEST_BYTES // 2),
        "one line of commas": b"," * LARGEST_BYTES,
        "quotation marks": b'"' * LARGEST_BYTES,
        "lines": b"m1,26/11/2026 08:00:00,1,1\n" * (LARGEST_BYTES // 27),
    }  # fmt: skip


def large_births() -> dict[str, bytes]:
    return {
        "metrics of nothing": b"\x12\x00" * (LARGEST_BYTES // 2),
        "40,000 metrics": sparkplug(40_000),
        "metrics by alias": b"\x12\x02\x10\x01" * (LARGEST_BYTES // 4),
        "fields that no one knows": b"\x58\x01" * (LARGEST_BYTES // 2),
        "properties": b"\x12\x04\x4a\x02\x0a\x00" * (LARGEST_BYTES // 6),
        "datasets": b"\x12\x04\x8a\x01\x01\x08" * (LARGEST_BYTES // 6),
        "one name many times": b"\x12\x05\x0a\x01a\x20\x01" * (LARGEST_BYTES // 7),
    }


def costly_messages(profiles: Sequence[str]) -> list[tuple[str, str, bytes]]:
    """What it is, topic and payload."""
    found = [(f"hostile {number}", *message) for number, message in enumerate(hostile_messages(list(profiles)))]
    large = large_payloads()  # one of each: a child's memory is a copy of this process's
    for profile in profiles:
        topic = ADDRESS_OF.get(profile, f"gw/{profile}") + SUFFIX_OF.get(profile, "")
        found += [(f"{profile}: {name}", topic, payload) for name, payload in large.items()]
    for kind in ("DBIRTH", "DDATA"):
        topic = f"spBv1.0/BMA/{kind}/edge-1/panel"
        found += [(f"{kind}: {name}", topic, payload) for name, payload in large_births().items()]
    return found


ALONE = """
import sys
from pathlib import Path
from bkkenergy.ingest.service import Ingester
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.portfolio import load_portfolio
from bkkenergy.settings import load_settings
from bkkenergy.site.profiles import load_profiles
from tests.integration.test_hostile import all_profiles, one_of_each

site = Path(sys.argv[1])
portfolio = one_of_each(load_portfolio(site), all_profiles())
Ingester(load_settings(site), portfolio, load_profiles(site, frozenset(FAMILIES))).run()
"""
"""An ingester whose portfolio has a meter for each profile."""
COUNT = re.compile(r"^bkkenergy_messages_received_total (\S+)", re.MULTILINE)
ANSWERS_WITHIN_S = 60.0


class LiveIngester:
    """An ingester in a process of its own, behind a broker of its own, whose memory Linux reports."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.port = free_port()
        site = folder / "config"
        site.mkdir(parents=True)
        for name in CONFIG_PARTS:
            (site / name).symlink_to(ROOT / "config" / name)
        (site / "bkkenergy.toml").write_text(
            f"[mqtt]\nport = {broker_port}\nreconnect_max_s = 1\n[observe]\nport = {self.port}\n"
        )
        command = [sys.executable, "-c", ALONE, str(site)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.asked("readyz") != "", within_s=ANSWERS_WITHIN_S)

    def asked(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def count(self) -> int:
        """Messages that it has dealt with."""
        return sum(int(float(number)) for number in COUNT.findall(self.asked("metrics")))

    def begin_peak(self) -> float:
        """Let the peak begin again; the memory now, MB."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.memory_mb("VmRSS")

    def memory_mb(self, which: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1000

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def peaks_mb(profiles: Sequence[str] = ONE_OF_EACH_FAMILY) -> Iterator[tuple[float, str, int]]:
    """What each message adds to the memory of a live ingester, MB; what it is, and its bytes."""
    with tempfile.TemporaryDirectory() as name, started(mosquitto(Path(name) / "mqtt")) as broker:
        ingester = LiveIngester(Path(name) / "site", broker.port)
        try:
            for what, topic, payload in costly_messages(profiles):
                if not payload:
                    continue
                count, before_mb = ingester.count(), ingester.begin_peak()
                publish(broker.port, [(topic, payload)])
                wait_until(lambda count=count: ingester.count() > count, within_s=ANSWERS_WITHIN_S)
                yield ingester.memory_mb("VmHWM") - before_mb, what, len(payload)
        finally:
            ingester.stop()


if __name__ == "__main__":
    for peak_mb, what, size_bytes in sorted(peaks_mb(), reverse=True):
        print(f"{peak_mb:8.1f} MB {size_bytes:9,} bytes  {what}")
