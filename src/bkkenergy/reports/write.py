"""The use case: a report gathered, built, rendered, and written as files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bkkenergy.adapters.files import write_whole
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.reports.build import build_report
from bkkenergy.reports.city import city_report
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.gather import agency_inputs
from bkkenergy.reports.render import HAS_LANGUAGE, RENDERERS
from bkkenergy.reports.render.browser import Browser
from bkkenergy.reports.savings.attach import with_judgements
from bkkenergy.site import Site
from bkkenergy.usecases.readonce import ReadOnce


def make_report(site: Site, agency_id: str, period: Period, *, now: dt.datetime) -> AgencyReport:
    """Make one agency's report, by what was true on the period's last day. Raises InputError, StoreAway."""
    site = replace(site.on(period.last_day), energy=ReadOnce(site.energy))
    inputs = agency_inputs(site.energy, site.portfolio, site.settings, site.figures, agency_id, period)
    report = with_judgements(build_report(inputs, generated_at=now.astimezone(BANGKOK)), site, period)
    return replace(report, portfolio_revision=site.portfolio.rests_on([agency_id], period.last_day))


def make_city_report(site: Site, reports: Sequence[AgencyReport], *, now: dt.datetime) -> AgencyReport:
    """Make the city's report from its agencies'; agencies without one are named in it."""
    there = {own.agency_id for own in reports}
    lacking = {name: (own.name_th, own.name_en) for name, own in site.portfolio.agencies.items() if name not in there}
    th, en = (Words(lang)("report.city") for lang in LANGS)
    return city_report(
        reports, site.savings.placebo, names=(th, en), missing=lacking, generated_at=now.astimezone(BANGKOK)
    )


def report_name(agency_id: str, slug: str, form: str, lang: Lang) -> str:
    """Return the file name of a report in a format and language."""
    return f"{agency_id}_{slug}.{lang}.{form}" if form in HAS_LANGUAGE else f"{agency_id}_{slug}.{form}"


def report_path(folder: Path, agency_id: str, period: Period, form: str, lang: Lang) -> Path:
    """Return the path of a report made on demand."""
    return folder / agency_id / report_name(agency_id, period.slug, form, lang)


def rendered(
    report: AgencyReport, formats: Sequence[str], langs: Sequence[Lang], browser: Browser | None
) -> Iterator[tuple[str, Lang, bytes]]:
    """Yield (format, language, bytes) of the report in every format and language. browser : needed for PDF alone."""
    for lang in langs:
        page = RENDERERS["html"](report, lang) if {"html", "pdf"} & set(formats) else b""
        for form in formats:
            if form == "html":
                yield form, lang, page
            elif form == "pdf" and browser is not None:
                yield form, lang, browser.pdf(page)
            elif form in HAS_LANGUAGE or lang == langs[0]:
                yield form, lang, RENDERERS[form](report, lang)


def write_report(
    report: AgencyReport,
    period: Period,
    folder: Path,
    formats: Sequence[str],
    langs: Sequence[Lang],
    browser: Browser | None = None,
) -> list[Path]:
    """Write the report in every format and language; the files. Each appears whole or not at all.

    browser : prints PDF; without one, one is started for them.
    """
    written: list[Path] = []
    with ExitStack() as stack:
        if browser is None and "pdf" in formats:
            browser = stack.enter_context(Browser())
        for form, lang, content in rendered(report, formats, langs, browser):
            path = report_path(folder, report.agency_id, period, form, lang)
            write_whole(path, content)
            written.append(path)
    return written
