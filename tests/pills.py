"""Single messages of the largest size that cost the most: `python -m tests.pills` prints what each adds to the memory.

Each is decoded in a child of its own, whose memory before and at its peak Linux reports (VmRSS, VmHWM).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence

from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Message
from bkkenergy.portfolio import load_portfolio
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import IngestSettings
from bkkenergy.site.profiles import load_profiles
from tests.conftest import ROOT
from tests.integration.test_hostile import ADDRESS_OF, SUFFIX_OF, all_profiles, hostile_messages, one_of_each, sparkplug

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


def peaks_mb(profiles: Sequence[str] = ONE_OF_EACH_FAMILY) -> Iterator[tuple[float, float, str, int]]:
    """What each message adds to the memory, MB; its CPU time, s; what it is, and its bytes."""
    shipped = ROOT / "config"
    portfolio = one_of_each(load_portfolio(shipped), all_profiles())
    sorter = Sorter(portfolio.meters, load_profiles(shipped, frozenset(FAMILIES)), max_ahead_s=300)
    for name, topic, payload in costly_messages(profiles):
        now_us = int(time.time() * US_PER_S)
        message = Message(topic, payload, 1, 1, 1, received_us=now_us)
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123 - the peak begins again
                file.write("5")
            before_mb, began_s = memory_mb("VmRSS"), time.process_time()
            sorter.sort([message], now_us=now_us)
            cost = (memory_mb("VmHWM") - before_mb, time.process_time() - began_s)
            os.write(sending, json.dumps(cost).encode())
            os._exit(0)
        os.close(sending)
        cost = json.loads(os.read(receiving, 1_000) or b"[1e9, 1e9]")
        os.close(receiving)
        os.waitpid(child, 0)
        yield (*cost, name, len(payload))


def memory_mb(which: str) -> float:
    with open("/proc/self/status") as file:  # noqa: PTH123
        return next(int(line.split()[1]) for line in file if line.startswith(which)) / 1000


if __name__ == "__main__":
    for peak_mb, seconds, name, size_bytes in sorted(peaks_mb(), reverse=True):
        print(f"{peak_mb:8.1f} MB {seconds:6.2f} s {size_bytes:9,} bytes  {name}")
