"""/metrics, /healthz and /readyz of each process, and systemd's watchdog: they show the true state."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from bkkenergy.adapters.tracing import end_traces, trace_to
from bkkenergy.adapters.work import REGISTRY
from bkkenergy.errors import InputError
from bkkenergy.settings import ObserveSettings

ALIVE_WITHIN_S = 60.0
ANSWERED_WITHIN_S = 5.0
"""From a connection's begin to its answer's end."""
MAX_CONNECTIONS = 64
WAITING_CONNECTIONS = 512
"""Connections that the system holds for us until they are accepted."""
LARGEST_REQUEST_BYTES = 8192
PLAIN_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class IngesterState:
    """How the ingester is doing now.

    subscribed : whether the broker granted every topic of readings. tick_age_s : since its loop last turned.
    oldest_s : how long the oldest message waits for safety.
    clock_behind_s : how far our clock is behind that of most gateways; 0 where they do not agree.
    troubles : what the broker does or did that endangers messages.
    """

    connected: bool
    subscribed: bool
    store_is_unavailable: bool
    state_is_unavailable: bool
    spool_is_full: bool
    spool_batches: int
    oldest_s: float
    tick_age_s: float
    clock_behind_s: float = 0.0
    troubles: tuple[str, ...] = ()

    def is_alive(self) -> bool:
        """Return whether the loop turns. A store or broker that is unreachable is no reason to be restarted."""
        return self.tick_age_s < ALIVE_WITHIN_S

    def is_ready(self, backlog_s: float) -> bool:
        """Return whether readings come and are made safe: subscribed, and nothing waits too long."""
        hears = self.connected and self.subscribed
        return self.is_alive() and hears and not self.spool_is_full and self.oldest_s < backlog_s


@dataclass(frozen=True, slots=True)
class WorkerState:
    """How a worker or web process is doing: it answers, and its metrics say what it did last."""

    def is_alive(self) -> bool:
        """Return true: it answers."""
        return True

    def is_ready(self, _backlog_s: float) -> bool:
        """Return true: nothing waits in it alone."""
        return True


State = IngesterState | WorkerState


class Endpoint:
    """A small HTTP server in a thread of its own. Connections that are idle or slow hold no one up.

    Each has a few seconds for a small request and its answer. Of too many at once the oldest is closed, so that a
    connection made now is answered.
    """

    def __init__(
        self, settings: ObserveSettings, port: int, registries: Sequence[CollectorRegistry], state: Callable[[], State]
    ) -> None:
        """Listen nowhere yet. port : of the host of the settings; 0 for none."""
        self._settings, self._asked_port, self._registries, self._state = settings, port, registries, state
        self._socket: socket.socket | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._open: dict[asyncio.Task[None], None] = {}
        """The oldest first."""

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    def start(self) -> None:
        """Start to listen, unless turned off. Raises InputError where that cannot be."""
        host, port = self._settings.host, self._asked_port
        if port == 0:
            return
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._socket = socket.create_server((host, port), family=family, backlog=WAITING_CONNECTIONS)
        except OSError as error:
            raise InputError.of("observe_port", host=host, port=port, error=error.strerror) from error
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._serve(self._socket),), name="observe", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread, self._socket = None, None

    async def _serve(self, listening: socket.socket) -> None:
        """Answer until stopped, from another thread."""
        server = await asyncio.start_server(self._connected, sock=listening, limit=LARGEST_REQUEST_BYTES)
        async with server:
            await asyncio.to_thread(self._stop.wait)
            server.close()
            for task in list(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, and close it."""
        task = asyncio.current_task()
        if task is None:
            return
        self._open[task] = None
        if len(self._open) > MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.cancel()
        writer.transport.set_write_buffer_limits(0)  # an answer that is not fetched counts as not given
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                writer.write(self._answer(await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
            writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._open.pop(task, None)

    def _answer(self, request: bytes) -> bytes:
        """Return the whole answer to a request's head."""
        method, _, rest = request.partition(b"\r\n")[0].partition(b" ")
        if method not in {b"GET", b"HEAD"} or not rest.startswith(b"/"):
            return _response(HTTPStatus.BAD_REQUEST, b"GET /metrics, /healthz or /readyz\n")
        status, kind, body = self._page(rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1"))
        return _response(status, body, kind, with_body=method == b"GET")

    def _page(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        if path == "/metrics":
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, b"".join(map(generate_latest, self._registries))
        if path not in {"/healthz", "/readyz"}:
            return HTTPStatus.NOT_FOUND, PLAIN_TEXT, b"/metrics, /healthz, /readyz\n"
        state = self._state()
        good = state.is_alive() if path == "/healthz" else state.is_ready(self._settings.ready_backlog_s)
        body = json.dumps({"ok": good, **asdict(state)}).encode() + b"\n"
        return HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, "application/json", body


@contextmanager
def observed(settings: ObserveSettings, port: int, process: str) -> Iterator[None]:
    """Show what a worker or web process does while the context lasts, and trace it where that is asked for."""
    endpoint = Endpoint(settings, port, [REGISTRY], WorkerState)
    trace_to(settings.traces, process)
    endpoint.start()
    try:
        yield
    finally:
        endpoint.stop()
        end_traces()


def _response(status: HTTPStatus, body: bytes, kind: str = PLAIN_TEXT, *, with_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")


def notify_systemd(text: str) -> None:
    """Send systemd READY=1, WATCHDOG=1 or STATUS=...; nothing where it does not ask (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(text.encode())
