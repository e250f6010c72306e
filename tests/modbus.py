"""pymodbus' own Modbus TCP server on a free port of 127.0.0.1, with devices that answer, refuse, or take their time."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from bkkenergy.payloads.registers import CODES, RegisterMap
from tests.ports import free_port


class ModbusDevice:
    """Registers by the map of a kind of meter. refuses : fields answered by an exception. slow_s : before each answer."""

    def __init__(self, kind: RegisterMap, values: Mapping[str, float], *, is_swapped: bool = False) -> None:
        self.kind, self.is_swapped = kind, is_swapped
        self.refuses: set[str] = set()
        self.slow_s = 0.0
        self.code = ExcCodes.ILLEGAL_ADDRESS
        self.asked = 0
        self.words: dict[int, int] = {}
        self.set(values)

    def set(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            field = self.kind.fields[name]
            raw = value / field.scale
            packed = struct.pack(f">{CODES[field.form]}", raw if field.form.startswith("float") else round(raw))
            words = list(struct.unpack(f">{field.count}H", packed))
            if (self.kind.word_order == "low-first") != self.is_swapped:
                words.reverse()
            self.words |= {field.address + n: word for n, word in enumerate(words)}

    async def answer(self, _function, start, address, count, registers, _new):
        self.asked += 1
        await asyncio.sleep(self.slow_s)
        if address in {self.kind.fields[name].address for name in self.refuses}:
            return self.code
        for at in range(address, address + count):
            registers[at - start] = self.words.get(at, 0)
        return None

    def simulated(self, unit: int) -> SimDevice:
        blocks, begin = [], None
        addresses = sorted({field.address + n for field in self.kind.fields.values() for n in range(field.count)})
        for at, following in zip(addresses, [*addresses[1:], None], strict=True):
            begin = at if begin is None else begin
            if following != at + 1:
                blocks.append(SimData(begin, values=[0] * (at - begin + 1), datatype=DataType.REGISTERS))
                begin = None
        return SimDevice(unit, simdata=blocks, action=self.answer)


@contextmanager
def modbus_server(devices: Mapping[int, ModbusDevice], port: int | None = None) -> Iterator[int]:
    """Serve devices by their unit until the block ends."""
    port = port or free_port()
    started, stopping = threading.Event(), threading.Event()

    async def serve() -> None:
        server = ModbusTcpServer(
            [device.simulated(unit) for unit, device in devices.items()],
            address=("127.0.0.1", port),
            ignore_missing_devices=True,
        )
        await server.serve_forever(background=True)
        started.set()
        await asyncio.to_thread(stopping.wait)
        await server.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(10)
        yield port
    finally:
        stopping.set()
        thread.join(10)
