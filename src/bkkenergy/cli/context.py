"""What most commands begin with: where the configuration is, how logs look, what is read from it."""

from __future__ import annotations

import datetime as dt
import logging
import os
import pwd
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import structlog

from bkkenergy.access import Actor
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import ConfigError, Fault, InputError
from bkkenergy.payloads.check import payload_faults
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Portfolio, load_portfolio
from bkkenergy.settings import FILE_NAME, Settings, load_settings
from bkkenergy.site.figures import Figures, load_figures
from bkkenergy.site.profiles import load_profiles

ACTOR_CHARS = 64
"""What the audit log has room for."""
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that config/ says."""

    config_dir: Path
    settings: Settings
    figures: Figures
    portfolio: Portfolio
    profiles: Mapping[str, Profile]


def default_config_dir() -> Path:
    """./config where there is one, else the configuration that the package brings (the demonstration)."""
    here = Path("config")
    if (here / FILE_NAME).exists():
        return here
    return packaged_config_dir()


def packaged_config_dir() -> Path:
    """The configuration that the package brings, whatever lies in the current folder."""
    packaged = Path(__file__).resolve().parent.parent / "default_config"
    return packaged if packaged.exists() else Path(__file__).resolve().parents[3] / "config"


def config_option(command: CommandT) -> CommandT:
    """--config DIR, or $BKKENERGY_CONFIG."""
    return click.option(
        "--config",
        "config_dir",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="BKKENERGY_CONFIG",
        default=default_config_dir,
        show_default="./config",
        help="Folder of bkkenergy.toml, portfolio/, tariffs/ and factors.toml.",
    )(command)


def log_options(command: CommandT) -> CommandT:
    """--log-level and --log-format."""
    levels = click.Choice(["debug", "info", "warning", "error"])
    command = click.option("--log-level", type=levels, default="info", show_default=True, help="What is logged.")(
        command
    )
    forms = click.Choice(["text", "json"])
    return click.option("--log-format", type=forms, default="text", show_default=True, help="How it is logged.")(
        command
    )


def load_site(config_dir: Path) -> Site:
    """The whole configuration. Raises ConfigError with the faults of all its files."""
    if not structlog.is_configured():
        set_up_logging("warning", "text")  # never to standard output, where a script reads
    faults: list[Fault] = []

    def attempt(load: Callable[[], Any]) -> Any:
        try:
            return load()
        except ConfigError as error:
            faults.extend(error.faults)
            return None

    settings = attempt(lambda: load_settings(config_dir))
    figures = attempt(lambda: load_figures(config_dir))
    tariffs = frozenset(figures.tariffs.schedules) if figures else None
    portfolio = attempt(lambda: load_portfolio(config_dir, tariffs=tariffs))
    profiles = attempt(lambda: load_profiles(config_dir, frozenset(FAMILIES)))
    if portfolio is not None and profiles is not None:
        faults += payload_faults(portfolio.meters, profiles)
    if faults:
        raise ConfigError(faults)
    return Site(config_dir, settings, figures, portfolio, profiles)


def today_here() -> dt.date:
    """Today in Bangkok."""
    return dt.datetime.now(BANGKOK).date()


def period_of(text: str) -> Period:
    """A period that a person wrote. Raises InputError with what is accepted."""
    try:
        return Period.parse(text, today=today_here())
    except ValueError as error:
        raise InputError(str(error)) from None


def command_line() -> Actor:
    """Return the person at the command line as the audit log names one: the system's user, whatever $USER says."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container may run under a number that has no name
        name = str(number)
    return Actor(f"cli:{name}"[:ACTOR_CHARS])


def set_up_logging(level: str, form: str) -> None:
    """Events with their fields on standard error, as lines for people or as JSON."""
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
