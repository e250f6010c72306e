"""The use case: one agency's report gathered, built, rendered, and written as files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.i18n import Lang
from bkkenergy.portfolio import Portfolio
from bkkenergy.reports.content import AgencyReport, build_report
from bkkenergy.reports.figures import Figures
from bkkenergy.reports.gather import agency_inputs
from bkkenergy.reports.render import HAS_LANGUAGE, RENDERERS
from bkkenergy.settings import Settings
from bkkenergy.store import ReadingStore
from bkkenergy.store.files import write_whole


def make_report(
    store: ReadingStore,
    portfolio: Portfolio,
    settings: Settings,
    figures: Figures,
    agency_id: str,
    period: Period,
    *,
    now: dt.datetime,
) -> AgencyReport:
    """The content of one agency's report. Raises InputError, StoreAway."""
    inputs = agency_inputs(store, portfolio, settings, figures, agency_id, period)
    return build_report(inputs, generated_at=now.astimezone(BANGKOK))


def report_path(folder: Path, agency_id: str, period: Period, form: str, lang: Lang) -> Path:
    """Where a report of this agency, period, format and language lies."""
    suffix = f".{lang}.{form}" if form in HAS_LANGUAGE else f".{form}"
    return folder / agency_id / f"{agency_id}_{period.slug}{suffix}"


def write_report(
    report: AgencyReport, period: Period, folder: Path, formats: Sequence[str], langs: Sequence[Lang]
) -> list[Path]:
    """Write the report in every format and language; the files, in that order.

    A file appears whole or not at all.
    """
    written: list[Path] = []
    for form in formats:
        for lang in langs if form in HAS_LANGUAGE else langs[:1]:
            path = report_path(folder, report.agency_id, period, form, lang)
            write_whole(path, RENDERERS[form](report, lang))
            written.append(path)
    return written
