"""Texts that differ by what a report is about: a building, an agency, the city."""

from __future__ import annotations

from bkkenergy.i18n import Words, catalogue
from bkkenergy.reports.content import AgencyReport


def of_scope(key: str, report: AgencyReport, words: Words, **values: object) -> str:
    """Return a text in the words of a report's scope: that of the scope alone, else the one for all scopes."""
    alone = f"by_scope.{key}_{report.scope}"
    return words(alone if alone in catalogue(words.lang) else f"by_scope.{key}", **values)
