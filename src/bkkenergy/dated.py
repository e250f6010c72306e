"""Figures of the world, each with the days on which it holds, where it was read, and how sure that is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from bkkenergy.errors import WrongValue
from bkkenergy.texts import Lang
from bkkenergy.tomlfiles import Frozen

Grade = Literal["V", "V2", "S", "M"]
"""V: read on the issuing body's own page. V2: two independent sources agree. S: one secondary source. M: from memory,
or nothing public was read."""
Standing = Literal["sourced", "expired", "unsourced"]
Source = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Citation:
    """Where something was read, as each language says it."""

    en: str
    th: str = ""

    def said(self, lang: Lang) -> str:
        """Return it in a language; in English where it has no Thai."""
        return self.th or self.en if lang == "th" else self.en


def cited(citations: Iterable[Citation], lang: Lang) -> str:
    """List citations, each once, however many figures rest on it."""
    return "; ".join(dict.fromkeys(citation.said(lang) for citation in citations))


class Cited(Frozen):
    """Figures with where they were read.

    source_th : the source as Thai pages and reports give it; theirs is the English one where it is empty.
    """

    source: Source
    source_th: str = ""

    @property
    def citation(self) -> Citation:
        """The source in both languages."""
        return Citation(self.source, self.source_th)


class SourcedFigure(Cited):
    """A figure with its source, the grade of that source, and the day on which it was entered."""

    grade: Grade
    entered: dt.date


class DatedFigure(SourcedFigure):
    """A figure that holds from a day on; to `valid_to` where its end is known, else until the next one begins."""

    valid_from: dt.date
    valid_to: dt.date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise WrongValue("valid_backwards", last=self.valid_to, first=self.valid_from)
        return self

    def standing_on(self, day: dt.date) -> Standing:
        """Judge the figure for a day on which nothing newer holds: expired, from memory alone, or sourced."""
        if self.valid_to is not None and day > self.valid_to:
            return "expired"
        return "unsourced" if self.grade == "M" else "sourced"


DatedT = TypeVar("DatedT", bound=DatedFigure)


def holding(figures: Iterable[DatedT], day: dt.date) -> DatedT | None:
    """Return the newest figure that has begun by a day; None before the first begins.

    A figure whose end has passed is returned too, for nothing newer is known: `standing_on` says that it expired.

    Parameters
    ----------
    figures : iterable of DatedFigure
        Figures of one kind.
    day : date
        The day asked for.

    Returns
    -------
    DatedFigure or None
        The figure.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.dated import holding
    >>> from bkkenergy.library.packaged import figures
    >>> ft = holding(figures().tariffs.ft, dt.date(2025, 6, 1))
    >>> ft.thb_per_kwh, ft.standing_on(dt.date(2025, 6, 1))
    (0.1972, 'sourced')
    >>> holding(figures().tariffs.ft, dt.date(1990, 1, 1)) is None
    True
    """
    begun = [figure for figure in figures if figure.valid_from <= day]
    return max(begun, key=lambda figure: figure.valid_from, default=None)


def overlaps(figures: Sequence[DatedT]) -> list[tuple[DatedT, DatedT]]:
    """List neighbours of which the earlier has not ended when the later begins, or which begin on the same day."""
    ordered = sorted(figures, key=lambda figure: figure.valid_from)
    return [
        (before, after)
        for before, after in pairwise(ordered)
        if before.valid_from == after.valid_from
        or (before.valid_to is not None and before.valid_to >= after.valid_from)
    ]


def change_days(figure: DatedFigure) -> tuple[dt.date, ...]:
    """List the days on which what holds may change for a figure: its first, and the one after its last."""
    if figure.valid_to is None:
        return (figure.valid_from,)
    return figure.valid_from, figure.valid_to + dt.timedelta(days=1)
