"""The language that a person's shell is set to."""

from __future__ import annotations

from collections.abc import Mapping

from bkkenergy.texts import Lang


def lang_of_locale(environment: Mapping[str, str]) -> Lang:
    """Return English where the locale is English, else Thai. The first of the three variables that is set counts."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "en" if locale.lower().partition("_")[0].partition(".")[0] == "en" else "th"
