"""Why a figure is not there, as reports say it."""

from __future__ import annotations

import re

from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.texts import LANGS, Lang

COMMAND = re.compile(r": [^:]*\bbkkenergy .*", re.DOTALL)
"""The end of an error that names a command: it is for who runs the program, not for who reads a report."""
FIRST_WORD = re.compile("^[a-z]+(?= )")
"""A word that begins a sentence; an id has dots or digits and stays as it is."""


def why_texts(why: InputError) -> dict[Lang, str]:
    """Return a reason in each language, without commands, its dates as readers write them.

    Examples
    --------
    >>> why_texts(InputError.of("no_baseline_before_year", building="Klang", first="2026-10-09"))["en"]
    'Klang has no baseline that ended before 9 October 2026.'
    """
    said = {lang: Words(lang).dated(COMMAND.sub(".", why.said(lang))) for lang in LANGS}
    return {lang: FIRST_WORD.sub(lambda word: word[0].capitalize(), text) for lang, text in said.items()}
