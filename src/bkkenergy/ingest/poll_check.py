"""Whether meters that are polled answer now: each asked once, addresses beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bkkenergy.adapters.modbus import DeviceRefused, DeviceSilent, ModbusLine
from bkkenergy.errors import InputError
from bkkenergy.ingest.doctor import CheckResult
from bkkenergy.ingest.poll import MapMisfit, by_address, read_once
from bkkenergy.site.poll_config import PolledMeter

AT_ONCE = 16
SHOWN = 5


def examine_polled(polled: Sequence[PolledMeter]) -> Iterator[CheckResult]:
    """Ask each device once. Nothing where none is listed."""
    if not polled:
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        troubles = [why for part in pool.map(_troubles, by_address(polled)) for why in part]
    counts = {"answer": len(polled) - len(troubles), "count": len(polled), "troubles": "; ".join(troubles[:SHOWN])}
    yield CheckResult.of("poll", not troubles, "poll_troubles" if troubles else "poll", "poll_do", **counts)


def _troubles(devices: Sequence[PolledMeter]) -> list[str]:
    """Return what is wrong with devices behind one address."""
    troubles = []
    first = devices[0].device
    with ModbusLine(first.host, first.port, first.timeout_s) as line:
        for one in devices:
            try:
                read_once(line, one)
            except (DeviceSilent, DeviceRefused, MapMisfit, InputError) as error:
                troubles.append(f"{one.device.meter}: {error}")
    return troubles
