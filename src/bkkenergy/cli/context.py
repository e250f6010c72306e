"""What most commands begin with: where the configuration is, how logs look, what is read from it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio import Portfolio, load_portfolio
from bkkenergy.reports.figures import Figures, load_figures
from bkkenergy.settings import FILE_NAME, Settings, load_settings

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that config/ says."""

    config_dir: Path
    settings: Settings
    figures: Figures
    portfolio: Portfolio


def default_config_dir() -> Path:
    """./config where there is one, else the configuration that the package brings (the demonstration)."""
    here = Path("config")
    if (here / FILE_NAME).exists():
        return here
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
    faults: list[Fault] = []

    def attempt(load: Callable[[], Any]) -> Any:
        try:
            return load()
        except ConfigError as error:
            faults.extend(error.faults)
            return None

    settings = attempt(lambda: load_settings(config_dir))
    figures = attempt(lambda: load_figures(config_dir))
    tariffs = frozenset(figures.schedules) if figures else None
    portfolio = attempt(lambda: load_portfolio(config_dir, tariffs=tariffs))
    if faults:
        raise ConfigError(faults)
    return Site(config_dir, settings, figures, portfolio)


def set_up_logging(level: str, form: str) -> None:
    """Events with their fields on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter(as_json=form == "json"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


class EventFormatter(logging.Formatter):
    """time LEVEL event key=value ..., or one JSON object a line."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S%z")
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """One line for one event."""
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        at = self.formatTime(record, self.datefmt)
        if self._as_json:
            event = {"at": at, "level": record.levelname.lower(), "event": record.getMessage(), **fields}
            return json.dumps(event, default=str, ensure_ascii=False)
        told = " ".join(
            f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in fields.items()
        )
        return f"{at} {record.levelname:7} {record.getMessage()} {told}".rstrip()
