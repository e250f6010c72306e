"""A Modbus TCP connection: registers of the devices behind one address, asked one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bkkenergy.errors import InputError
from bkkenergy.texts import Lang, Phrase

if TYPE_CHECKING:
    from pymodbus.client import ModbusTcpClient

EXCEPTIONS = frozenset((1, 2, 3, 4, 5, 6, 8, 10, 11))
"""MODBUS Application Protocol Specification V1.1b3, section 7. Their names are under [modbus] of the catalogues."""
NOT_THERE = frozenset((10, 11))
"""A gateway says for its device that this does not answer: to ask for more would wait again each time."""


class DeviceTrouble(Exception):
    """What is wrong with a device, said when its reader's language is known."""

    def __init__(self, why: Phrase) -> None:
        self.why = why
        super().__init__(str(why))

    def said(self, lang: Lang) -> str:
        """Return what is wrong in a language."""
        return self.why.said(lang)


class DeviceSilent(DeviceTrouble):
    """No connection, or no answer in time."""


class DeviceRefused(DeviceTrouble):
    """The device answered that it cannot."""


class ModbusLine:
    """One connection, made when it is needed. A late answer belongs to a transaction that is over, and is not taken."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self.where, self._timeout_s = f"{host}:{port}", timeout_s
        self._host, self._port = host, port
        self._client: ModbusTcpClient | None = None

    def __enter__(self) -> Self:
        """Return it, unconnected."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def read(self, unit: int, function: str, address: int, count: int) -> Sequence[int]:
        """Return registers. Raises DeviceSilent, DeviceRefused, and InputError where pymodbus is not installed."""
        client = self._connected()
        here = {"where": self.where, "unit": unit}
        ask: Callable[..., Any] = client.read_input_registers if function == "input" else client.read_holding_registers
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415 - an optional library

        try:
            answer = ask(address, count=count, device_id=unit)
        except (ModbusException, OSError) as error:
            self.close()  # what comes yet is an answer to nothing
            raise DeviceSilent(Phrase("modbus.no_answer", here | {"error": error})) from None
        if answer.isError():
            code = int(getattr(answer, "exception_code", 0))
            why = Phrase(f"modbus.exception_{code if code in EXCEPTIONS else 'other'}", {"code": code})
            if code in NOT_THERE:
                raise DeviceSilent(Phrase("modbus.not_there", here | {"why": why}))
            raise DeviceRefused(Phrase("modbus.refused", here | {"address": address, "why": why}))
        registers: list[int] = list(answer.registers)
        if len(registers) != count:
            counts = {"address": address, "count": len(registers), "due": count}
            raise DeviceRefused(Phrase("modbus.other_count", here | counts))
        return registers

    def close(self) -> None:
        """Close the connection; the next read makes another."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> ModbusTcpClient:
        if self._client is None:
            client = _client_class()(self._host, port=self._port, timeout=self._timeout_s, retries=0)
            if not client.connect():
                client.close()
                raise DeviceSilent(Phrase("modbus.no_connection", {"where": self.where}))
            self._client = client
        return self._client


def _client_class() -> type[ModbusTcpClient]:
    try:
        from pymodbus.client import ModbusTcpClient as Client  # noqa: PLC0415 - an optional library
    except ImportError:
        raise InputError.of("no_pymodbus") from None
    return Client
