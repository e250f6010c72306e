"""The language of what a command prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from bkkenergy.texts import LANGS, Lang

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def lang_option(command: CommandT) -> CommandT:
    """Add --lang."""
    choice = click.Choice(LANGS)
    return click.option("--lang", type=choice, default="th", show_default=True, help="Of what is printed.")(command)


def lang_of_locale(environment: Mapping[str, str]) -> Lang:
    """Return English where the locale is English, else Thai. The first of the three variables that is set counts."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "en" if locale.lower().partition("_")[0].partition(".")[0] == "en" else "th"
