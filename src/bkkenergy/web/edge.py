"""The edge of the web server: slow requests are cut off, and no address takes all connections."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from bkkenergy.web.security import HEADERS, PAGE_POLICY

MAX_CONNECTIONS = 1_000
"""The unit's LimitNOFILE leaves room for files beside them."""
MAX_CONNECTIONS_AN_ADDRESS = 200
"""Where no proxy stands before us: a whole office may share an address, and each page with live power has one open."""
HEAD_S = 15.0
"""How long the first lines of a request may take, from the connection or from the request before."""


class Edge(H11Protocol):
    """A connection that has to say what it wants in some seconds."""

    head_s = HEAD_S
    max_connections, max_an_address = MAX_CONNECTIONS, MAX_CONNECTIONS_AN_ADDRESS
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.max_connections or self._is_one_of_too_many():
            transport.abort()
            return
        self._wait_for_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what is not yet a request has until its time is up."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE:
            self._wait_for_a_head()
        else:
            self._head_came()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with the headers that every answer has."""
        named = HEADERS | {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
        headers = [(name.encode(), value.encode()) for name, value in named.items()]
        headers += [(b"Content-Type", b"text/plain; charset=utf-8"), (b"Connection", b"close")]
        parts: list[Any] = [
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii", "replace")),
            h11.EndOfMessage(),
        ]
        for part in parts:
            self.transport.write(self.conn.send(part) or b"")
        self.transport.close()

    def _should_upgrade(self) -> bool:
        """Answer who asks for a WebSocket as any other request: its refusal would lack our headers."""
        return False

    def _is_one_of_too_many(self) -> bool:
        if self.config.proxy_headers or self.client is None:
            return False
        same = sum(
            1 for other in self.connections if isinstance(other, Edge) and (other.client or ("",))[0] == self.client[0]
        )
        return same > self.max_an_address

    def _wait_for_a_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_s, self.transport.abort)

    def _head_came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
