"""Whether meters that are polled answer now, each asked once; and whether their readings reach the broker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bkkenergy.adapters.modbus import DeviceTrouble, ModbusLine
from bkkenergy.adapters.outbound import waiting_in
from bkkenergy.errors import InputError
from bkkenergy.ingest.doctor import CheckResult
from bkkenergy.ingest.poll import by_address, read_once
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.site.poll_config import PolledMeter, unverified_maps

AT_ONCE = 16
SHOWN = 5
MANY_WAITING = 1000
"""More than are on their way at any moment."""


def examine_polled(polled: Sequence[PolledMeter]) -> Iterator[CheckResult]:
    """Ask each device once. Nothing where none is listed."""
    if not polled:
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        troubles = [why for part in pool.map(_troubles, by_address(polled)) for why in part]
    unverified = ", ".join(unverified_maps(polled))
    counts = {"answer": len(polled) - len(troubles), "count": len(polled), "troubles": troubles[:SHOWN]}
    yield CheckResult.of("poll", not troubles, "poll_troubles" if troubles else "poll", "poll_do", **counts)
    if unverified:
        yield CheckResult.of("poll", True, "poll_unverified", maps=unverified)


def examine_outbound(path: Path) -> Iterator[CheckResult]:
    """Count the readings that wait for the broker. Nothing where no poller has run here."""
    if not path.exists():
        return
    try:
        waiting = waiting_in(path)
    except StoreUnavailable as error:
        yield CheckResult.of("outbound", False, "says", "outbound_do", text=error)
        return
    yield CheckResult.of("outbound", waiting <= MANY_WAITING, "outbound", "outbound_do", count=f"{waiting:,}")


def _troubles(devices: Sequence[PolledMeter]) -> list[tuple[str, Exception]]:
    """Return what is wrong with devices behind one address, with the meter of each."""
    troubles: list[tuple[str, Exception]] = []
    first = devices[0].device
    with ModbusLine(first.host, first.port, first.timeout_s) as line:
        for one in devices:
            try:
                read_once(line, one)
            except (DeviceTrouble, InputError) as error:
                troubles.append((f"{one.device.meter}:", error))
    return troubles
