"""Texts by key and language, and the values that fill them. The smallest part of translation: errors are made of it."""

from __future__ import annotations

import datetime as dt
import errno
import re
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from importlib import resources
from typing import Literal, NamedTuple, get_args

Lang = Literal["th", "en"]
LANGS: tuple[Lang, ...] = get_args(Lang)
BE_OFFSET_YEARS = 543
THAI_MONTHS = (
    "มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน",
    "กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม",
)  # fmt: skip


class Term(NamedTuple):
    """A value that has a name in each language. English texts of errors show the slug, which commands take."""

    slug: str
    key: str


class Named(NamedTuple):
    """A thing of the portfolio or the plan: texts of errors show its id in English, which commands take."""

    id: str
    name_th: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text by its key with its values, said when its reader's language is known; as a string it is English."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict, hash=False)

    def said(self, lang: Lang) -> str:
        """Return the text in a language."""
        return filled(lang, self.key, self.values)

    def __str__(self) -> str:
        """Return the text in English."""
        return self.said("en")


class Lines(list[object]):
    """Values that fill one place of a text, each on a line of its own."""


@lru_cache
def catalogue(lang: Lang) -> Mapping[str, str]:
    """Return every text of a language by its dotted key."""
    source = resources.files("bkkenergy") / "locales" / f"{lang}.toml"
    return dict(_flat(tomllib.loads(source.read_text(encoding="utf-8"))))


def filled(lang: Lang, key: str, values: Mapping[str, object]) -> str:
    """Return the text of a key with its {places} filled, terms by their names in the language."""
    text = catalogue(lang)[key]
    if "{" not in text and "}" not in text:
        return text
    return COUNTING.vformat(text, (), {name: _written(lang, value) for name, value in values.items()})


class _Counting(string.Formatter):
    """Fills {count:meter|meters} with "1 meter" or "2 meters"."""

    def format_field(self, value: object, format_spec: str) -> str:
        """Return a value as its place says."""
        one, is_counted, many = format_spec.partition("|")
        return counted(value, one, many) if is_counted else str(super().format_field(value, format_spec))


COUNTING = _Counting()


def counted(count: object, one: str, many: str = "") -> str:
    """Return a count with its noun: "1 meter", "1,200 meters". count : a number, or one as it is written."""
    written = f"{count:,}" if isinstance(count, int) else str(count)
    return f"{written} {one if written == '1' else many or one + 's'}"


def or_none(names: Sequence[object]) -> object:
    """Return names that fill a place of a text, or what says that there are none."""
    return list(names) or Phrase("error.none")


def chained(key: str, parts: Sequence[object]) -> object:
    """Return values of which each two stand in a text with the places {one} and {other}: "one or other"."""
    return reduce(lambda one, other: Phrase(key, {"one": one, "other": other}), parts)


def _written(lang: Lang, value: object) -> object:
    if isinstance(value, Term):
        return value.slug if lang == "en" else catalogue(lang)[value.key]
    if isinstance(value, Named):
        return value.id if lang == "en" else value.name_th
    if isinstance(value, list | tuple):
        between = "\n" if isinstance(value, Lines) else ", " if isinstance(value, list) else " "
        return between.join(str(_written(lang, part)) for part in value)
    if lang == "th" and isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return f"{value.day} {THAI_MONTHS[value.month - 1]} {value.year + BE_OFFSET_YEARS}"
    return _said_of(lang, value)


def _said_of(lang: Lang, value: object) -> object:
    """Return an error within an error, or a phrase, in a language; a value that is neither as it is."""
    if isinstance(value, OSError) and value.errno is not None:
        return _said_by_system(lang, value)
    if isinstance(value, ValueError) and value.args and isinstance(value.args[0], Phrase):
        value = value.args[0]
    said = getattr(value, "said", None)
    return said(lang) if said else value


def _said_by_system(lang: Lang, error: OSError) -> object:
    if lang == "en":
        return error
    text = system_text(error, lang)
    return text if error.filename is None else f"{error.filename}: {text}"


def system_text(error: OSError, lang: Lang) -> str:
    """Return what the operating system says of an error in a language; what the catalogues lack in English.

    Other libraries have numbers of their own: 1 is an untrusted certificate to TLS, and "not permitted" to the system.
    """
    is_of_system = type(error) is type(OSError(error.errno, ""))
    name = errno.errorcode.get(error.errno or 0, "") if is_of_system else ""
    return catalogue(lang).get(f"os_error.{name}", error.strerror or str(error))


def said_again(text: str, lang: Lang, *sections: str) -> str:
    """Return an English text that was made of one of the catalogues in a language; one that was not as it is.

    So is a text said that was stored, or that a library made, whose own words are in the catalogues.
    """
    if lang == "en":
        return text
    for key, pattern in _patterns(sections):
        if match := pattern.fullmatch(text):
            values = {name: _said_within(name, part, lang, sections) for name, part in match.groupdict().items()}
            return filled(lang, key, values)
    return text


NESTED, LISTED = frozenset({"kind", "message"}), "messages"
"""Places of texts that hold another such text, and several of them."""
BETWEEN = "; "


def _said_within(name: str, part: str, lang: Lang, sections: tuple[str, ...]) -> str:
    if name == LISTED:
        return BETWEEN.join(said_again(one, lang, *sections) for one in part.split(BETWEEN))
    return said_again(part, lang, *sections) if name in NESTED else part


@lru_cache
def _patterns(sections: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    """Return the English texts of sections as patterns: those that hold another first, then those that say most."""
    texts = [(key, text) for key, text in catalogue("en").items() if key.startswith(sections)]
    texts.sort(key=lambda pair: ("{message" not in pair[1], -len(PLACE.sub("", pair[1]))))
    return [(key, re.compile(PLACE.sub(_as_group, re.escape(text)), re.DOTALL)) for key, text in texts]


PLACE = re.compile(r"\\?{(\w+)(?:[:|][^}]*)?\\?}")


def _as_group(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>.+?)"


def _flat(table: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", str(value)))
    return pairs
