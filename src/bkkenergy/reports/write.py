"""The use case: a report gathered, built, rendered, and written as files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bkkenergy.adapters.files import write_whole
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.carbon import GridFactor
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.reports.build import build_report
from bkkenergy.reports.city import city_report
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.gather import agency_inputs
from bkkenergy.reports.render import HAS_LANGUAGE, RENDERERS
from bkkenergy.reports.render.browser import Browser
from bkkenergy.reports.savings.attach import add_savings_and_findings
from bkkenergy.reports.savings.comparing import ComparisonPool
from bkkenergy.reports.savings.plan import plan_of_building
from bkkenergy.reports.yearbefore import year_before
from bkkenergy.site import Site
from bkkenergy.usecases.during import site_during
from bkkenergy.usecases.energy import building_of
from bkkenergy.usecases.readonce import ReadOnce


def make_report(
    site: Site,
    agency_id: str,
    period: Period,
    *,
    now: dt.datetime,
    issued: AgencyReport | None = None,
    pool: ComparisonPool | None = None,
) -> AgencyReport:
    """Make one agency's report, by what was true on the period's last day, and what ended before it in the period.

    issued : an earlier revision, by whose emission factors it is made.
    pool : of buildings to compare with, where several agencies' reports of the period share one.
    Raises InputError, StoreUnavailable.
    """
    return _made(site_during(site, period), agency_id, period, now=now, issued=issued, pool=pool)


def make_building_report(
    site: Site,
    building_id: str,
    period: Period,
    *,
    now: dt.datetime,
    issued: AgencyReport | None = None,
    pool: ComparisonPool | None = None,
) -> AgencyReport:
    """Make the report of one building alone, the same figures as its agency's report has of it.

    What is of the agency as a whole, its energy index, its budget, other projects and notes on other buildings, is
    left out. Raises InputError, StoreUnavailable.
    """
    whole = site_during(site, period)
    building = building_of(whole.portfolio, building_id)
    alone = whole.config.with_portfolio(whole.portfolio.with_alone(building))
    narrowed = replace(whole.with_config(alone), energy=whole.energy)
    report = _made(narrowed, building.agency, period, now=now, issued=issued, pool=pool or ComparisonPool(whole))
    return replace(
        report,
        scope="building",
        agency_id=building.id,
        name_th=building.name_th,
        name_en=building.name_en,
        state_index=None,
        budget=None,
        notes=tuple(note for note in report.notes if note.building_id in {"", building.id}),
        plan=report.plan and plan_of_building(report.plan, building.id),
    )


def _made(
    site: Site,
    agency_id: str,
    period: Period,
    *,
    now: dt.datetime,
    issued: AgencyReport | None,
    pool: ComparisonPool | None,
) -> AgencyReport:
    site = replace(site, energy=ReadOnce(site.energy))
    figures = site.figures if issued is None else site.figures.with_factors(*issued_factors(issued))
    inputs = agency_inputs(site.energy, site.portfolio, site.settings, figures, agency_id, period)
    built = build_report(inputs, generated_at=now.astimezone(BANGKOK))
    report = add_savings_and_findings(built, site, period, ComparisonPool(site) if pool is None else pool)
    return replace(
        report,
        year_before=year_before(site, agency_id, period, figures.grid_factors),
        entered_factors=entered if (entered := _entered(site, period)) != report.factors else (),
        portfolio_revision=site.portfolio.rests_on([agency_id], period.last_day),
    )


def issued_factors(report: AgencyReport) -> tuple[GridFactor, ...]:
    """Return the factors that a report was issued with: of scope 2, and of scope 3 category 3."""
    return (*report.factors, *(report.upstream.factors if report.upstream else ()))


def _entered(site: Site, period: Period) -> tuple[GridFactor, ...]:
    """Return the factors of scope 2 that are entered for a period's days."""
    prices = site.figures.prices(period.first_day, period.last_day)
    return tuple(dict.fromkeys(price.factor for price in prices if price.factor))


def make_city_report(site: Site, reports: Sequence[AgencyReport], *, now: dt.datetime) -> AgencyReport:
    """Make the city's report from its agencies'; agencies without one are named in it."""
    there = {report.agency_id for report in reports}
    lacking = {
        name: (agency.name_th, agency.name_en) for name, agency in site.portfolio.agencies.items() if name not in there
    }
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
    """Yield (format, language, bytes) of the report in every format and language. browser : needed for PDF alone.

    The browser, another process, prints while the other formats are made.
    """
    pages = {lang: RENDERERS["html"](report, lang) for lang in langs} if {"html", "pdf"} & set(formats) else {}
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="print") as printer:
        printed: dict[Lang, Future[bytes]] = {}
        if browser is not None and "pdf" in formats:
            printed = {lang: printer.submit(browser.pdf, page) for lang, page in pages.items()}
        files = {
            (form, lang): pages[lang] if form == "html" else RENDERERS[form](report, lang)
            for lang in langs
            for form in formats
            if form != "pdf" and (form in HAS_LANGUAGE or lang == langs[0])
        }
        for lang in langs:
            for form in formats:
                if (form, lang) in files:
                    yield form, lang, files[form, lang]
                elif form == "pdf" and lang in printed:
                    yield form, lang, printed[lang].result()


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
