"""The language of what a command prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from bkkenergy.cli.refusals import LANG_VARIABLE
from bkkenergy.errors import ConfigError
from bkkenergy.texts import LANGS, Lang

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def lang_option(command: CommandT) -> CommandT:
    """Add --lang. Errors are said in it too where it is asked for, by `main`; else they are English."""
    choice = click.Choice(LANGS)
    return click.option(
        "--lang", type=choice, envvar=LANG_VARIABLE, default="th", show_default=True, help="Of what is printed."
    )(command)


def operator_lang_option(command: CommandT) -> CommandT:
    """Add --lang to a command of those who run the service, English where nothing is said."""
    choice = click.Choice(LANGS)
    return click.option(
        "--lang", type=choice, envvar=LANG_VARIABLE, default="en", show_default=True, help="Of what is printed."
    )(command)


@contextmanager
def faults_said_in(lang: Lang) -> Iterator[None]:
    """Let faults that are raised within leave in a language."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(fault.said(lang) for fault in error.faults) from None


def lang_of_locale(environment: Mapping[str, str]) -> Lang:
    """Return English where the locale is English, else Thai. The first of the three variables that is set counts."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "en" if locale.lower().partition("_")[0].partition(".")[0] == "en" else "th"
