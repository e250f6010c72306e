"""Ids made of names. An id is for machines and addresses: a person may write another one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from anyascii import anyascii

MAX_CHARS = 40
LEADING_VOWEL = re.compile("([เแโใไ])([ก-ฮ])")
"""Thai writes these vowels before the consonant after which they are spoken."""
SILENT = re.compile("[ก-ฮ][ิุ]?์")
"""A consonant under a mark that silences it."""


def slug_of(name: str) -> str:
    """Return a name in letters, digits and hyphens, Thai by its sounds as far as letters show them; empty without any.

    Examples
    --------
    >>> from bkkenergy.usecases.recordforms.ids import slug_of
    >>> slug_of("Wat Bang Khen School 2"), slug_of("???")
    ('wat-bang-khen-school-2', '')
    """
    text = LEADING_VOWEL.sub(r"\2\1", SILENT.sub("", unicodedata.normalize("NFC", name).replace("ำ", "ัม")))
    plain = re.sub(r"[^a-z0-9]+", "-", anyascii(text).lower()).strip("-")
    return plain[:MAX_CHARS].strip("-")


def latin_name(name: str) -> str:
    """Return a name in Latin letters for where no English one is known.

    Examples
    --------
    >>> from bkkenergy.usecases.recordforms.ids import latin_name
    >>> latin_name("มีนบุรี 2")
    'Minburi 2'
    """
    return " ".join(part.capitalize() for part in slug_of(name).split("-"))


def free_slug(slug: str, taken: Collection[str]) -> str:
    """Return a slug that is not taken: itself, or with the first number that makes it so."""
    if slug not in taken:
        return slug
    number = 2
    while f"{slug}-{number}" in taken:
        number += 1
    return f"{slug}-{number}"
