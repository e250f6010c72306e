"""What most commands begin with: where the configuration is, how logs look, what is read from it."""

from __future__ import annotations

import datetime as dt
import logging
import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import structlog

from bkkenergy.access import Actor, server_actor
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.cli.refusals import lang_of
from bkkenergy.errors import InputError
from bkkenergy.texts import filled

ACTOR_CHARS = 64
"""How many characters the audit log stores."""
OTHERS = 0o007
"""Of a file's mode: what those may do who are neither its owner nor of its group."""
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


MAKES_A_SITE = frozenset({"serve"})
"""Commands that make a site in an empty folder."""
WITHOUT_A_SITE = frozenset({"demo"})
"""Commands that are meant for the configuration that the package brings."""


def config_option(command: CommandT) -> CommandT:
    """Add --config DIR, or $BKKENERGY_CONFIG."""
    return click.option(
        "--config",
        "config_dir",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="BKKENERGY_CONFIG",
        callback=_chosen_config_dir,
        show_default="./config",
        help="Folder of bkkenergy.toml, portfolio/, tariffs/ and factors.toml.",
    )(command)


def _chosen_config_dir(context: click.Context, _option: click.Parameter, folder: Path | None) -> Path:
    """Return the folder that was named, or ./config; without one the demonstration's, and say so."""
    if folder is not None or context.resilient_parsing:
        return folder or Path("config")
    from bkkenergy.site.configuration import default_config_dir  # noqa: PLC0415 - --help wants none
    from bkkenergy.site.packaged import packaged_config_dir  # noqa: PLC0415

    if context.info_name in MAKES_A_SITE and not any(Path.cwd().iterdir()):
        return Path("config")
    folder = default_config_dir()
    if (
        folder == packaged_config_dir()
        and folder != Path("config").resolve()
        and context.info_name not in WITHOUT_A_SITE
    ):
        click.echo(filled(lang_of(context), "command.no_site_here", {}), err=True)
    return folder


def log_options(command: CommandT) -> CommandT:
    """Add --log-level and --log-format."""
    levels = click.Choice(["debug", "info", "warning", "error"])
    command = click.option("--log-level", type=levels, default="info", show_default=True, help="What is logged.")(
        command
    )
    forms = click.Choice(["text", "json"])
    return click.option("--log-format", type=forms, default="text", show_default=True, help="How it is logged.")(
        command
    )


def today_here() -> dt.date:
    """Return today in Bangkok."""
    return dt.datetime.now(BANGKOK).date()


def period_of(text: str) -> Period:
    """Parse a period that a person wrote. Raises InputError with what is accepted."""
    try:
        return Period.parse(text, today=today_here())
    except ValueError as error:
        raise InputError.of("as_it_says", why=error) from None


def command_line() -> Actor:
    """Return the person at the command line, who administers the server: the system's user, whatever $USER says."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container may run under a number that has no name
        name = str(number)
    return server_actor(f"cli:{name}"[:ACTOR_CHARS])


def begin_service(level: str, form: str) -> None:
    """Log as a service does, and write nothing that everyone on the machine can read: readings, reports, users."""
    set_up_logging(level, form)
    before = os.umask(OTHERS)
    os.umask(before | OTHERS)
    click.get_current_context().call_on_close(lambda: os.umask(before))


def set_up_logging(level: str, form: str) -> None:
    """Write events with their fields to standard error, as lines for people or as JSON."""
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
