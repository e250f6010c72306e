"""Starts commands of the product on hosts of their own: what is imported is imported once.

Reads lines `NAMESPACE LOG ARGUMENT...` from standard input, parted by tabs; answers each with the process id of a fork
that has entered the network namespace and runs the command. Who closes the input ends the forks that still run.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress

import bkkenergy.cli.jobs
import bkkenergy.cli.serve
import bkkenergy.cli.web  # noqa: F401 - what `serve` imports when it is run
from bkkenergy.cli import main
from tests.namespaces import enter


def run(namespace: str, log: str, arguments: list[str]) -> None:
    """Become a process of the product on a host. Does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null, file = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, opened in ((0, null), (1, file), (2, file)):
        os.dup2(opened, number)
    enter(namespace)
    sys.argv = ["bkkenergy", *arguments]
    try:
        main()
    finally:
        sys.stderr.flush()
        os._exit(0)


def serve() -> None:
    """Start what is asked for until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no fork is waited for
    gc.freeze()
    forks = []
    for line in sys.stdin:
        namespace, log, *arguments = line.rstrip("\n").split("\t")
        pid = os.fork()
        if pid == 0:
            run(namespace, log, arguments)
        forks.append(pid)
        print(pid, flush=True)
    for pid in forks:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    serve()
