"""Simulated gateways: one a agency, each publishing its meters' readings over real MQTT at QoS 1."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bkkenergy.adapters.mqtt_client import end_loop
from bkkenergy.errors import UnavailableError
from bkkenergy.readings import US_PER_S, FloatArray, IntArray

CONNECTS_WITHIN_S = 15.0
MAX_UNSENT = 400
"""Messages that may wait in a gateway: it hands over no faster than the broker takes them."""


class Gateway:
    """One MQTT client that publishes and counts what the broker has taken."""

    def __init__(self, name: str, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._client.max_inflight_messages_set(100)
        self._connected = threading.Event()
        self._room = threading.Semaphore(MAX_UNSENT)
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_publish = lambda *_: self._room.release()
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        if not self._connected.wait(CONNECTS_WITHIN_S):
            raise UnavailableError.of("demo_gateway_alone", name=name, port=port)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send one message; wait while the broker is behind."""
        self._room.acquire()
        self._client.publish(topic, payload, qos=1)

    def drain(self) -> None:
        """Wait until the broker has taken everything."""
        for _ in range(MAX_UNSENT):
            self._room.acquire()
        self._room.release(MAX_UNSENT)

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()
        end_loop(self._client)


@contextmanager
def gateways(names: Sequence[str], port: int) -> Iterator[dict[str, Gateway]]:
    """Connect one gateway a name, while the context lasts."""
    opened: dict[str, Gateway] = {}
    try:
        for name in names:
            opened[name] = Gateway(f"gateway-{name}", port)
        yield opened
    finally:
        for gateway in opened.values():
            gateway.close()


def payload(ts_us: IntArray, columns: dict[str, FloatArray]) -> bytes:
    """Encode readings as the canonical payload: a list of objects, without what is unknown.

    columns : (n,) scalars, or (n, 3) for the phases of voltage_v and current_a.
    """
    names = list(columns)
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    seconds = (ts_us // US_PER_S).tolist()
    readings = [
        {"ts": ts, **{name: value for name, value in zip(names, row, strict=True) if value == value}}  # noqa: PLR0124 - not NaN
        for ts, row in zip(seconds, rows, strict=True)
    ]
    return msgspec.json.encode(readings)


def electrical(
    power_kw: FloatArray, shares: tuple[float, float, float], rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Return what a three-phase meter shows beside energy, to match a power. shares : of it, of each phase."""
    count = len(power_kw)
    voltage_v = np.round(230 + rng.normal(0, 1.5, (count, 3)), 1)
    power_factor = np.round(np.clip(0.92 + rng.normal(0, 0.01, count), 0.8, 0.99), 3)
    current_a = np.abs(power_kw)[:, np.newaxis] * 1000 * np.array(shares) / (voltage_v * power_factor[:, np.newaxis])
    return {
        "voltage_v": voltage_v,
        "current_a": np.round(current_a, 1),
        "power_factor": power_factor,
        "frequency_hz": np.round(50 + rng.normal(0, 0.02, count), 2),
    }
