"""What the parser of arguments says, in Thai: click knows English alone, and refuses before a command has its --lang.

The texts are [refusal] of the catalogues. The English ones are click's own, by which its messages are recognised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import click

from bkkenergy.errors import BkkEnergyError, ConfigError
from bkkenergy.texts import LANGS, Lang, filled, said_again

PREFIX = "refusal."
LANG_VARIABLE = "BKKENERGY_LANG"
"""What --lang is where it is not given: for people who work in one language all day."""


def asked_lang(arguments: Sequence[str], environment: Mapping[str, str]) -> Lang:
    """Return the language that a call asks for, before its options are read: English where it asks for none."""
    given = environment.get(LANG_VARIABLE, "")
    for argument, following in pairwise([*arguments, ""]):
        if argument == "--":
            break
        name, is_joined, value = argument.partition("=")
        if name == "--lang":
            given = (value if is_joined else following) or given
    first = given.partition(",")[0]
    return next((lang for lang in LANGS if lang == first), "en")


def lang_of(context: click.Context | None) -> Lang:
    """Return the language that the call of a context asks for."""
    lang: Lang | None = None if context is None else context.find_root().obj
    return lang or "en"


def refused(key: str, **values: object) -> str:
    """Return a text of ours under [refusal] in English. Like those of click it is said in Thai where it is shown."""
    return filled("en", f"{PREFIX}{key}", values)


def said(message: str, lang: Lang) -> str:
    """Return a message of click in a language; one that the catalogues lack stays as it is."""
    return said_again(message, lang, PREFIX)


def usage_text(error: click.UsageError, lang: Lang) -> str:
    """Return what a person reads of a refused call: how the command is used, where its help is, and what is wrong."""
    lines = []
    if error.ctx is not None:
        path = error.ctx.command_path
        lines = [said(error.ctx.get_usage(), lang), said(f"Try '{path} --help' for help.", lang), ""]
    return "\n".join([*lines, said(f"Error: {error.format_message()}", lang)])


def error_text(error: BkkEnergyError, lang: Lang) -> str:
    """Return an error in a language; one without a text there in English, which says more than its class."""
    if isinstance(error, ConfigError):
        has_text = bool(error.faults) and all(fault.key for fault in error.faults)
    else:
        has_text = error.values is not None
    return error.said(lang) if lang != "en" and has_text else str(error)
