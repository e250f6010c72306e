"""Free ports for servers of tests: no two processes of a session are ever given the same one."""

from __future__ import annotations

import itertools
import os
import socket

FIRST, PER_WORKER, WORKERS = 20_000, 1_500, 8
"""Below the ports that the system gives out by itself (32768 on), so that no connection takes one meanwhile."""

worker = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0) % WORKERS
ports = itertools.cycle(range(FIRST + worker * PER_WORKER, FIRST + (worker + 1) * PER_WORKER))
for _ in range(os.getpid() % PER_WORKER):  # sessions side by side begin elsewhere
    next(ports)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that this session's other workers never take."""
    while True:
        port = next(ports)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
