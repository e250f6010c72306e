"""The language of what a command prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from bkkenergy.errors import BkkEnergyError, ConfigError
from bkkenergy.texts import LANGS, Lang

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
LANG_VARIABLE = "BKKENERGY_LANG"
"""What --lang is where it is not given: for people who work in one language all day."""


def lang_option(command: CommandT) -> CommandT:
    """Add --lang. Errors are said in it too, where it is asked for; else they are English."""
    choice = click.Choice(LANGS)
    return click.option(
        "--lang", type=choice, envvar=LANG_VARIABLE, default="th", show_default=True, help="Of what is printed."
    )(with_errors_said(command))


def operator_lang_option(command: CommandT) -> CommandT:
    """Add --lang to a command of those who run the service, English where nothing is said."""
    choice = click.Choice(LANGS)
    return click.option(
        "--lang", type=choice, envvar=LANG_VARIABLE, default="en", show_default=True, help="Of what is printed."
    )(with_errors_said(command))


def with_errors_said(command: CommandT) -> CommandT:
    """Let errors leave a command in the language that was asked for, of several the first.

    One that has no text there stays English.
    """

    @wraps(command)
    def speaks(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except BkkEnergyError as error:
            name = "lang" if "lang" in options else "langs"
            is_asked = click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT
            langs = options[name] or ()
            first = langs if isinstance(langs, str) else next(iter(langs), "en")
            if first == "th" and is_asked and _has_text(error):
                error.args = (error.said("th"),)
            raise

    return cast("CommandT", speaks)


def _has_text(error: BkkEnergyError) -> bool:
    if isinstance(error, ConfigError):
        return bool(error.faults) and all(fault.key for fault in error.faults)
    return error.values is not None


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
