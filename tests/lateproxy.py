"""A server that answers late: a proxy of the tests' own holds each answer back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.ports import free_port


class SlowProxy(threading.Thread):
    """Passes bytes between a port and a server, each answer held back for a while."""

    def __init__(self, target: int, delay_s: float) -> None:
        super().__init__(daemon=True)
        self.target, self.delay_s, self.port = target, delay_s, free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))

    def run(self) -> None:
        while True:
            try:
                inner, _ = self.listener.accept()
            except OSError:
                return
            try:
                outer = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # the server is not there: nor is this one, to who asks
                inner.close()
                continue
            threading.Thread(target=self.pump, args=(inner, outer, 0.0), daemon=True).start()
            threading.Thread(target=self.pump, args=(outer, inner, self.delay_s), daemon=True).start()

    @staticmethod
    def pump(source: socket.socket, sink: socket.socket, delay_s: float) -> None:
        with source, sink, suppress(OSError):
            while data := source.recv(65_536):
                time.sleep(delay_s)
                sink.sendall(data)

    def close(self) -> None:
        self.listener.close()


@contextmanager
def answering_late(target: int, delay_s: float) -> Iterator[str]:
    """The URL at which a server of this machine answers by so much later."""
    proxy = SlowProxy(target, delay_s)
    proxy.start()
    try:
        yield f"http://127.0.0.1:{proxy.port}"
    finally:
        proxy.close()
