"""Starts commands of the product, on hosts of their own or on this one: what is imported is imported once.

Reads lines `NAMESPACE LOG ARGUMENT...` from standard input, parted by tabs; answers each with the process id of a fork
that has entered the network namespace, where one is named, and runs the command; without a LOG it writes where this one
writes its errors. Who closes the input ends the forks that still run. For hosts all is imported at the start, so that
no host waits for it. With the argument `waits` a command is imported at its first use, and `wait PID` is answered with
the status of a fork that has ended.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import traceback
from contextlib import suppress

from bkkenergy.cli import COMMANDS, main
from tests.namespaces import enter

LOADED_WITH = {"serve": ("jobs", "web")}
"""What a command imports when it is run."""


def load(command: str) -> None:
    """Import what a command needs, once: its forks have it."""
    for module in (COMMANDS[command][0], *LOADED_WITH.get(command, ())):
        importlib.import_module(f"bkkenergy.cli.{module}")
    gc.freeze()


def run(namespace: str, log: str, arguments: list[str]) -> None:
    """Become a process of the product on a host. Does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log else os.dup(2)
    for number, opened in ((0, null), (1, file), (2, file)):
        os.dup2(opened, number)
    if namespace:
        enter(namespace)
    sys.argv = ["bkkenergy", *arguments]
    code = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - as a process of its own would print it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Start what is asked for until the input ends."""
    if sys.argv[1:] != ["waits"]:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no fork is waited for
        load("serve")
    forks = set()
    for line in sys.stdin:
        namespace, log, *arguments = line.rstrip("\n").split("\t")
        if namespace == "wait":
            print(os.waitpid(int(log), 0)[1], flush=True)
            forks.discard(int(log))
            continue
        load(arguments[0])
        pid = os.fork()
        if pid == 0:
            run(namespace, log, arguments)
        forks.add(pid)
        print(pid, flush=True)
    for pid in forks:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    serve()
