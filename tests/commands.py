"""`bkkenergy ARGUMENTS` in this process: what a person or a script gets, without three seconds of imports for each.

`main` itself runs, so that faults, exit codes and tracebacks are those of a process. What only a process of its own can
show (its start, its environment, signals) is in test_cli.py, test_cli_start.py and test_docs.py.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import structlog
from click.testing import CliRunner
from rich.console import Console

from bkkenergy.cli import COMMANDS, main

COLUMNS = 400
"""A terminal wide enough that no table breaks a line."""


def bkkenergy(*arguments: object, code: int | None = 0, said: str = "", cwd: Path | None = None) -> str:
    """What it prints on standard output and standard error. code : its exit code; None where any but 0 will do."""
    before = Path.cwd()
    runner = CliRunner(env={"COLUMNS": str(COLUMNS)})
    with wide(), runner.isolation(input=said, color=False) as (stdout, stderr, _), own_logging():
        try:
            os.chdir(cwd or before)
            ended = ran(*map(str, arguments))
        finally:
            os.chdir(before)
            sys.stdout.flush()
            sys.stderr.flush()
        output = stdout.getvalue().decode() + stderr.getvalue().decode()
    assert ended != 0 if code is None else ended == code, output
    return output


def ran(*arguments: str) -> int:
    """The exit code of `main`; as of a process, 1 and a traceback where an exception leaves it."""
    with mock.patch.object(sys, "argv", ["bkkenergy", *arguments]):
        try:
            main()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except Exception:  # noqa: BLE001 - a process would print it
            traceback.print_exc()
            return 1
    return 0


@contextmanager
def wide() -> Iterator[None]:
    """Consoles that commands made at their import, which look at the terminal then."""
    modules = [importlib.import_module(f"bkkenergy.cli.{name}") for name, _ in COMMANDS.values()]
    modules.append(importlib.import_module("bkkenergy.cli.solar_weather"))
    consoles = [module.console for module in modules if isinstance(getattr(module, "console", None), Console)]
    widths = [console._width for console in consoles]
    for console in consoles:
        console._width = COLUMNS
    try:
        yield
    finally:
        for console, width in zip(consoles, widths, strict=True):
            console._width = width


@contextmanager
def own_logging() -> Iterator[None]:
    """Handlers that a command gives the root logger end with it, and so does where it writes events to."""
    root = logging.getLogger()
    before, events = list(root.handlers), structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = before
        structlog.configure(**events)
