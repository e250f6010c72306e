"""A broker for the demonstration: Debian's mosquitto where it is, else amqtt in this process."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bkkenergy.errors import UnavailableError

STARTS_WITHIN_S = 15.0

MOSQUITTO_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
log_type error
"""


def mosquitto_path() -> str | None:
    """Find Debian's mosquitto, which is outside a user's search path."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """Find a port of 127.0.0.1 that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def local_broker(folder: Path, *, kind: str | None = None) -> Iterator[tuple[str, int]]:
    """Run a broker on 127.0.0.1 while the context lasts; yield its name and port.

    kind : "mosquitto" or "amqtt"; None takes the first that is there. Raises UnavailableError.
    """
    port = free_port()
    executable = mosquitto_path()
    if kind != "amqtt" and executable:
        with _mosquitto(executable, folder, port):
            yield "mosquitto", port
    else:
        with _amqtt(port):
            yield "amqtt", port


@contextmanager
def _mosquitto(executable: str, folder: Path, port: int) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "mosquitto.conf"
    config.write_text(MOSQUITTO_CONFIG.format(port=port), encoding="utf-8")
    process = subprocess.Popen([executable, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _amqtt(port: int) -> Iterator[None]:
    try:
        from amqtt.broker import Broker  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UnavailableError.of("demo_no_broker") from error
    for name in ("amqtt", "transitions", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }

    async def run() -> None:
        broker = Broker(config)
        await broker.start()
        await asyncio.to_thread(stopping.wait)
        await broker.shutdown()

    stopping = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(run()), name="amqtt", daemon=True)
    thread.start()
    try:
        _wait_for(port)
        yield
    finally:
        stopping.set()
        thread.join(10)


def _wait_for(port: int) -> None:
    until_s = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until_s:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise UnavailableError.of("demo_broker_silent", port=port)
