"""Texts of cells as values: numbers with units, choices by name, and ids by the names of things. Pure."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from bkkenergy.i18n import LANGS, catalogue
from bkkenergy.portfolio import Records
from bkkenergy.usecases.recordforms.fields import FormField, choice_key
from bkkenergy.usecases.recordforms.texts import number_text

YES = frozenset({"ใช่", "มี", "yes", "y", "true", "1", "x", "✓", "✔"})
NO = frozenset({"ไม่", "ไม่ใช่", "ไม่มี", "no", "n", "false", "0", "-"})
WITH_UNIT = re.compile(r"([+-]?[\d,]+(?:\.\d+)?)\s*[^\d\s.,][^\d]*")
RATIO = re.compile(r"(\d[\d,.]*)\s*[/:]\s*(\d[\d.]*)")
GENERAL = ("สำนักงาน", "เขต", "สำนัก", "(สาธิต)", "(demo)", "district", "office", " ")
"""What names of agencies are compared without."""
EMPTY = frozenset({"", "-", "–", "n/a", "na", "ไม่มี", "ไม่ทราบ"})


def names_in(records: Records, day: dt.date, tariffs: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return ids by the names of things in both languages, by kind; a name of two things is no id of either."""
    names: dict[str, dict[str, str]] = {}
    for kind in ("agency", "building", "calendar"):
        names[kind] = _unambiguous(
            (key, (value.name_th, value.name_en)) for key, value in records.on(kind, day).items()
        )
    names["tariff"] = _unambiguous((key, (value.name_th, value.name_en)) for key, value in tariffs.items())
    return names


def _unambiguous(things: Iterator[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    ids: dict[str, set[str]] = {}
    for key, texts in things:
        for text in (key, *texts):
            ids.setdefault(plain_name(text), set()).add(key)
            ids.setdefault(general_name(text), set()).add(key)
    return {name: next(iter(keys)) for name, keys in ids.items() if len(keys) == 1}


def plain_name(text: str) -> str:
    """Return a name in one form: without case, and with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def general_name(text: str) -> str:
    """Return a name of an agency without the words that any has."""
    plain = plain_name(text)
    for word in GENERAL:
        plain = plain.replace(unicodedata.normalize("NFKC", word), "")
    return plain


def number_of(text: str, *, is_ratio: bool = False) -> Any:
    """Return a number as models read it: without separators and unit; of a ratio 80 for 400/5."""
    plain = text.strip()
    if is_ratio and (match := RATIO.fullmatch(plain)) and float(match[2]):
        return float(number_text(match[1])) / float(match[2])
    if match := WITH_UNIT.fullmatch(plain):
        plain = match[1]
    return number_text(plain)


def choice_of(kind: str, one: FormField, text: str) -> str:
    """Return a choice by its name in either language; what is none as it is."""
    plain = plain_name(text)
    for lang in LANGS:
        texts = catalogue(lang)
        for choice in one.choices:
            if plain in {choice, plain_name(texts.get(choice_key(kind, one.name, choice, texts), choice))}:
                return choice
    return text
