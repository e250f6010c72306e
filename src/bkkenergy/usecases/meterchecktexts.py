"""Checks of a meter in words: what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bkkenergy.i18n import Words, catalogue

DIGITS = {"ratio": 2, "factor": 2, "seconds": 0, "count": 0, "expected": 0, "voltage_v": 0, "minutes": 0}


@dataclass(frozen=True, slots=True)
class CheckText:
    """A check as its reader sees it. do : "" where there is nothing to do."""

    name: str
    verdict: str
    label: str
    said: str
    why: str
    do: str


def check_text(words: Words, name: str, verdict: str, reason: str, values: Mapping[str, float | str]) -> CheckText:
    """Return a check in words."""
    shown = {key: _shown(words, key, value) for key, value in values.items()}
    has_remedy = f"meter_check_do.{reason}" in catalogue(words.lang)
    return CheckText(
        name=name,
        verdict=verdict,
        label=words.name("meter_check", name),
        said=words.name("meter_check", verdict),
        why=words(f"meter_check_why.{reason}", **shown),
        do=words(f"meter_check_do.{reason}", **shown) if has_remedy else "",
    )


def _shown(words: Words, key: str, value: float | str) -> str:
    if isinstance(value, str):
        return words.name("reason", value) if key == "reason" else value
    return words.number(value, DIGITS.get(key, 1))
