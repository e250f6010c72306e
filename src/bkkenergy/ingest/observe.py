"""/metrics, /healthz and /readyz of the ingester, and systemd's watchdog: they show the true state."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from bkkenergy.errors import InputError
from bkkenergy.settings import ObserveSettings

ALIVE_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class State:
    """How the ingester is doing now.

    tick_age_s : since its loop last turned. oldest_s : how long the oldest message waits for safety.
    clock_behind_s : how far our clock is behind that of most gateways; 0 where they do not agree.
    """

    connected: bool
    store_is_unavailable: bool
    state_is_unavailable: bool
    spool_is_full: bool
    spool_batches: int
    oldest_s: float
    tick_age_s: float
    clock_behind_s: float = 0.0

    def is_alive(self) -> bool:
        """Return whether the loop turns. A store or broker that is unreachable is no reason to be restarted."""
        return self.tick_age_s < ALIVE_WITHIN_S

    def is_ready(self, backlog_s: float) -> bool:
        """Return whether what comes is made safe: connected, and nothing waits too long."""
        return self.is_alive() and self.connected and not self.spool_is_full and self.oldest_s < backlog_s


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Print nothing: scrapes are not news."""


class Endpoint:
    """A small HTTP server in a thread of its own."""

    def __init__(self, settings: ObserveSettings, registry: CollectorRegistry, state: Callable[[], State]) -> None:
        self._settings, self._registry, self._state = settings, registry, state
        self._server: WSGIServer | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return self._server.server_port if self._server else 0

    def start(self) -> None:
        """Start to listen, unless turned off. Raises InputError where that cannot be."""
        host, port = self._settings.host, self._settings.port
        if port == 0:
            return
        try:
            self._server = make_server(host, port, self._answer, handler_class=_Quiet)
        except OSError as error:
            raise InputError(
                f"{host}:{port}: cannot listen there for /metrics and /readyz ({error.strerror}). Does another "
                "bkkenergy run here? Stop it, or correct observe.host and observe.port (0 turns them off)."
            ) from error
        threading.Thread(target=self._server.serve_forever, name="observe", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest(self._registry)]
        if path not in {"/healthz", "/readyz"}:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics, /healthz, /readyz\n"]
        state = self._state()
        good = state.is_alive() if path == "/healthz" else state.is_ready(self._settings.ready_backlog_s)
        start_response("200 OK" if good else "503 Service Unavailable", [("Content-Type", "application/json")])
        return [json.dumps({"ok": good, **asdict(state)}).encode() + b"\n"]


def notify_systemd(text: str) -> None:
    """Send systemd READY=1, WATCHDOG=1 or STATUS=...; nothing where it does not ask (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(text.encode())
