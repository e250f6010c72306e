"""A training sheet with the agency's own figures: questions to work out in a group, and the answers with their way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bkkenergy.reports.pageone import first_thing
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.model import Block, GridColumn, Paper, PaperGrid, PaperText

TIMES = "\N{MULTIPLICATION SIGN}"
NIGHT = (22, 23, 0, 1, 2, 3, 4, 5)
WORK = tuple(range(9, 16))
NIGHTS_PER_MONTH, WORKING_DAYS_PER_MONTH = 30, 22
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Exercise:
    """A question with its answer. way : how it is worked out, in figures."""

    question: str
    way: str
    answer: float
    unit: str
    digits: int = 0


def training(asked: AskedPaper) -> Paper:
    """Make the training sheet; exercises whose figures are not known are left out."""
    words = asked.words
    exercises = list(_exercises(asked))
    columns = (
        GridColumn(words("training.number")),
        GridColumn(words("training.way")),
        GridColumn(words("training.answer")),
    )
    rows = tuple(
        (str(number), one.way, f"{words.number(one.answer, one.digits)}{'' if one.unit == '%' else ' '}{one.unit}")
        for number, one in enumerate(exercises, 1)
    )
    first = first_thing(asked.report, words)
    talk = [words("training.talk_1"), words("training.talk_2")]
    if first is not None:
        talk.insert(0, words("training.talk_finding", finding=first.title))
    blocks: list[Block] = [
        PaperText(words("training.questions"), tuple(one.question for one in exercises), is_steps=True),
        PaperGrid(words("training.answers"), columns, rows, None, words("training.note"), starts_page=True),
        PaperText(words("training.talk"), tuple(talk)),
    ]
    sentence = words("training.sentence" if exercises else "training.nothing", count=len(exercises))
    return asked.paper(blocks, sentence=sentence, sources=asked.cost_sources)


def _exercises(asked: AskedPaper) -> Iterator[Exercise]:
    words, use = asked.words, asked.report.total
    if not use.energy_kwh or use.cost_thb is None:
        return
    kwh, thb = words("unit.kwh"), words("unit.thb")
    price = use.cost_thb / use.energy_kwh
    yield Exercise(
        words("training.price", energy=words.number(use.energy_kwh), cost=words.number(use.cost_thb)),
        f"{words.number(use.cost_thb)} ÷ {words.number(use.energy_kwh)}", price, f"{thb}/{kwh}", 2,
    )  # fmt: skip
    night_kw, work_kw = (_mean_kw(asked, hours) for hours in (NIGHT, WORK))
    if night_kw:
        yield _night(asked, night_kw, price)
    if night_kw and work_kw and work_kw > night_kw:
        yield _hour(asked, work_kw, night_kw, price)
    if use.peak_kw and use.load_factor_ratio:
        peak, mean = words.number(use.peak_kw, 1), words.number(use.load_factor_ratio * use.peak_kw, 1)
        question = words("training.peak", peak=peak, mean=mean)
        yield Exercise(question, f"{mean} ÷ {peak} {TIMES} 100", use.load_factor_ratio * 100, "%")
    yield from _weekend(asked)


def _night(asked: AskedPaper, night_kw: float, price: float) -> Exercise:
    """Ask what half of the night's power costs in a month."""
    words, kw = asked.words, asked.words.number(night_kw, 1)
    way = [f"{kw} ÷ 2", str(len(NIGHT)), str(NIGHTS_PER_MONTH), words.number(price, 2)]
    saved = night_kw / 2 * len(NIGHT) * NIGHTS_PER_MONTH * price
    return Exercise(words("training.night", kw=kw), f" {TIMES} ".join(way), saved, words("unit.thb"))


def _hour(asked: AskedPaper, work_kw: float, night_kw: float, price: float) -> Exercise:
    """Ask what it saves to close an hour earlier."""
    words = asked.words
    work, night = words.number(work_kw, 1), words.number(night_kw, 1)
    way = [f"({work} \N{MINUS SIGN} {night})", "1", str(WORKING_DAYS_PER_MONTH), words.number(price, 2)]
    saved = (work_kw - night_kw) * WORKING_DAYS_PER_MONTH * price
    return Exercise(words("training.hour", work=work, night=night), f" {TIMES} ".join(way), saved, words("unit.thb"))


def _weekend(asked: AskedPaper) -> Iterator[Exercise]:
    """Ask for a day at the weekend beside a working day, where the period has two of each at least."""
    words, pictures = asked.words, asked.report.pictures
    days = [
        (bar.first_day.weekday() >= SATURDAY, bar.energy_kwh)
        for bar in pictures.bars
        if bar.energy_kwh is not None and pictures.bar_step == "day"
    ]
    off, on = ([kwh for is_off, kwh in days if is_off is weekend] for weekend in (True, False))
    if len(off) < 2 or len(on) < 2 or not sum(on):  # noqa: PLR2004 - two of each
        return
    off_kwh, on_kwh = float(np.mean(off)), float(np.mean(on))
    yield Exercise(
        words("training.weekend", off=words.number(off_kwh), on=words.number(on_kwh)),
        f"{words.number(off_kwh)} ÷ {words.number(on_kwh)} {TIMES} 100", off_kwh / on_kwh * 100, "%",
    )  # fmt: skip


def _mean_kw(asked: AskedPaper, hours: tuple[int, ...]) -> float | None:
    """Return the mean power over hours of the day; None where one of them is not known."""
    profile = asked.report.total.profile_kw
    known = [kw for hour in hours if hour < len(profile) and (kw := profile[hour]) is not None]
    return float(np.mean(known)) if len(known) == len(hours) else None
