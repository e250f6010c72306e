"""Meters that are asked over Modbus TCP, and published to the broker as gateways publish theirs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import structlog

from bkkenergy.adapters.modbus import DeviceRefused, DeviceTrouble, ModbusLine
from bkkenergy.payloads.registers import misfit, payload_of, value_of
from bkkenergy.readings import US_PER_S
from bkkenergy.site.poll_config import PolledMeter

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0
MAX_PAUSE_S = 300.0
"""A device that does not answer is asked at least so often."""
Publish = Callable[[str, bytes], None]


class MapMisfit(DeviceTrouble):
    """What a device answers cannot be by the register map: nothing of it is published."""


@dataclass(frozen=True, slots=True)
class PolledReading:
    """What a device answered. ts_us : when. lacking : fields that it refused, with why."""

    ts_us: int
    values: dict[str, float]
    lacking: dict[str, DeviceRefused]


@dataclass(slots=True)
class _PollTurn:
    """When a device is asked next, and how it has done."""

    polled: PolledMeter
    at_s: float
    failures: int = 0
    trouble: str = field(default="")


def read_once(line: ModbusLine, polled: PolledMeter, wall_clock: Callable[[], float] = time.time) -> PolledReading:
    """Ask a device for all fields of its map. Raises DeviceSilent, DeviceRefused where it refuses all, MapMisfit.

    The reading bears the time at which the register of energy came, or the first value where there is none.
    """
    unit, kind = polled.device.unit, polled.map
    words: dict[str, Sequence[int]] = {}
    lacking: dict[str, DeviceRefused] = {}
    ts_us = 0
    for name in sorted(kind.fields, key=lambda name: name != "energy_kwh"):
        spec = kind.fields[name]
        try:
            words[name] = line.read(unit, kind.function, spec.address, spec.count)
        except DeviceRefused as error:
            lacking[name] = error
            continue
        ts_us = ts_us or int(wall_clock() * US_PER_S)
    if not words:
        raise next(iter(lacking.values()))
    if why := misfit(words, kind):
        raise MapMisfit(why)
    values = {name: value_of(words[name], kind.fields[name], kind) for name in words}
    return PolledReading(ts_us, {name: value for name, value in values.items() if value is not None}, lacking)


class Poller:
    """Asks every device in its turn: those behind one address one after the other, addresses beside each other."""

    def __init__(
        self,
        polled: Sequence[PolledMeter],
        publish: Publish,
        *,
        is_clock_right: Callable[[], bool] = lambda: True,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare. is_clock_right : whether readings may be stamped by this machine's clock."""
        self._polled, self._publish = polled, publish
        self._is_clock_right, self._wall_clock = is_clock_right, wall_clock
        self._stop = threading.Event()

    def stop(self) -> None:
        """Stop after the requests at hand."""
        self._stop.set()

    def run(self) -> None:
        """Poll until stopped."""
        threads = [
            threading.Thread(target=self._ask_all, args=(devices,), name=f"poll-{devices[0].device.host}")
            for devices in by_address(self._polled)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _ask_all(self, devices: Sequence[PolledMeter]) -> None:
        """Ask the devices behind one address, each when it is due, at round times of the clock."""
        first = devices[0].device
        due = [_PollTurn(polled, self._next_s(polled.device.every_s)) for polled in devices]
        with ModbusLine(first.host, first.port, max(one.device.timeout_s for one in devices)) as line:
            while not self._stop.wait(min(max(min(one.at_s for one in due) - self._wall_clock(), 0.0), LOOK_EVERY_S)):
                self._plan_again(due)
                one = min(due, key=lambda one: one.at_s)
                if one.at_s > self._wall_clock():
                    continue
                if self._is_clock_right():
                    self._ask(line, one)
                one.at_s = self._next_s(min(one.polled.device.every_s * 2**one.failures, _pause_s(one)))

    def _plan_again(self, due: Sequence[_PollTurn]) -> None:
        """Plan devices again whose turn is further away than any pause: the clock was set back."""
        now_s = self._wall_clock()
        for one in due:
            if one.at_s - now_s > _pause_s(one):
                one.at_s = self._next_s(one.polled.device.every_s)

    def _next_s(self, every_s: float) -> float:
        return (self._wall_clock() // every_s + 1) * every_s

    def _ask(self, line: ModbusLine, one: _PollTurn) -> None:
        """Ask a device, and publish what it says. No answer stops the others."""
        try:
            reading = read_once(line, one.polled, self._wall_clock)
            if reading.values:
                self._publish(one.polled.topic, payload_of(reading.values, reading.ts_us))
        except DeviceTrouble as error:
            one.failures = min(one.failures + 1, 20)
            self._note(one, f"{type(error).__name__}: {error}")
            return
        except Exception as error:  # noqa: BLE001 - no device may stop the others
            one.failures = min(one.failures + 1, 20)
            line.close()
            self._note(one, f"{type(error).__name__}: {error}")
            return
        one.failures = 0
        self._note(one, "; ".join(map(str, reading.lacking.values())))

    def _note(self, one: _PollTurn, trouble: str) -> None:
        """Log what is wrong with a device when it begins, changes and ends, and not at each poll."""
        if trouble == one.trouble:
            return
        if trouble:
            log.warning("poll_trouble", meter=one.polled.device.meter, why=trouble)
        else:
            log.info("poll_well", meter=one.polled.device.meter)
        one.trouble = trouble


def _pause_s(one: _PollTurn) -> float:
    return max(MAX_PAUSE_S, one.polled.device.every_s)


def by_address(polled: Sequence[PolledMeter]) -> Iterator[list[PolledMeter]]:
    """Yield meters by their address: one connection for all that are behind a gateway."""

    def address(one: PolledMeter) -> tuple[str, int]:
        return one.device.host, one.device.port

    for _, devices in groupby(sorted(polled, key=address), address):
        yield list(devices)
