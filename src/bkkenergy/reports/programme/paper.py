"""The programme as a paper: the tables of the annual climate report, in every format that papers have."""

from __future__ import annotations

import datetime as dt

from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Words
from bkkenergy.recipients import CITY
from bkkenergy.reports.papers.model import KeyFigure, KeyFigures, Paper, PaperGrid
from bkkenergy.reports.programme.gather import ProgrammeYear
from bkkenergy.reports.programme.goal import electricity_of
from bkkenergy.reports.programme.tables import programme_tables, year_text


def programme_paper(programme: ProgrammeYear, words: Words, *, now: dt.datetime, subject: str = CITY) -> Paper:
    """Make the paper of a programme. subject : an agency, or the city."""
    agency = programme.agency_name(subject)
    name = words("report.city") if agency is None else words.either(th=agency.name_th, en=agency.name_en)
    return Paper(
        kind="climate",
        subject_id=subject,
        name=name,
        title=words("programme.paper_title"),
        period=year_text(programme.year, words),
        period_slug=programme.year.slug,
        number=f"{subject}/{programme.year.slug}/climate",
        lang=words.lang,
        sentence=headline(programme, words),
        blocks=(key_figures(programme, words), *programme_tables(programme, words)),
        sources=_sources(programme, words),
        generated_at=now.astimezone(BANGKOK),
        is_simulated=any(one.demonstration for one in programme.agencies),
        is_final=programme.year.last_day < now.astimezone(BANGKOK).date(),
    )


def headline(programme: ProgrammeYear, words: Words) -> str:
    """Say in one sentence how many projects there are, and what they keep from being emitted as measured."""
    expected = sum(one.expected_t or 0.0 for one in programme.reductions)
    measured = [one.measured_t for one in programme.reductions if one.measured_t is not None]
    key = "programme.headline" if measured else "programme.headline_unmeasured"
    return words(
        key,
        count=len(programme.projects),
        expected=words.number(expected),
        measured=words.number(sum(measured)),
        proven=len(measured),
    )


def key_figures(programme: ProgrammeYear, words: Words) -> KeyFigures:
    """Return the figures that the page begins with."""
    measured = [one.measured_t for one in programme.reductions if one.measured_t is not None]
    whole = electricity_of(programme.goal)
    change = whole.change_ratio if whole is not None else None
    signed = sum(1 for one in programme.participation if one.readers.signed_in)
    reporting = sum(1 for one in programme.participation if one.metered and one.reporting == one.metered)
    return KeyFigures(
        (
            KeyFigure(words("progress.count"), float(len(programme.projects)), ""),
            KeyFigure(
                words("programme.expected_t"), sum(one.expected_t or 0.0 for one in programme.reductions),
                words("unit.tco2e"),
            ),
            KeyFigure(
                words("programme.measured_t"), sum(measured) if measured else None, words("unit.tco2e"),
                words("programme.of_projects", count=len(measured)),
            ),
            KeyFigure(
                words("programme.change_ratio"), None if change is None else change * 100, "%",
                words("programme.goal_short", goal=_goal(programme, words)), 1,
            ),
            KeyFigure(words("programme.who_report"), float(reporting), words("programme.of_agencies",
                      count=len(programme.agencies))),
            KeyFigure(words("programme.who_read"), float(signed), words("programme.of_agencies",
                      count=len(programme.agencies))),
        )
    )  # fmt: skip


def _goal(programme: ProgrammeYear, words: Words) -> str:
    return words.percent(-programme.plan.agency_target.saving_ratio, 0, signed=True) if programme.plan else "–"


def _sources(programme: ProgrammeYear, words: Words) -> tuple[str, ...]:
    if programme.plan is None:
        return ()
    targets = [*programme.plan.targets, programme.plan.agency_target]
    return tuple(dict.fromkeys(one.citation.said(words.lang) for one in targets))


def grids(paper: Paper) -> list[PaperGrid]:
    """Return the tables of a paper."""
    return [block for block in paper.blocks if isinstance(block, PaperGrid)]
