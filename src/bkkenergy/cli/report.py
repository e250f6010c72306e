"""`bkkenergy report`: one agency's report, or every agency's, on demand."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import click
from rich.progress import track

from bkkenergy.adapters.files import write_whole
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.cli.context import config_option, period_of
from bkkenergy.cli.opening import opened_site
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.papers.kinds import (
    PAPER_FORMS,
    PAPER_KINDS,
    PaperKind,
    make_paper,
    paper_name,
    render_paper,
    subject_report,
)
from bkkenergy.reports.phrasing import headline
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.render.browser import Browser
from bkkenergy.reports.render.json import report_schema
from bkkenergy.reports.write import make_city_report, make_report, write_report
from bkkenergy.settings import ALL, CITY
from bkkenergy.site import Site


class Names(click.ParamType[tuple[str, ...]]):
    """Names of a fixed set, separated by commas. Use it with `multiple` and `flat`: the option may be repeated."""

    name = "names"

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split a list into its names, or raise a usage error that lists the known ones."""
        names = tuple(value.split(",")) if isinstance(value, str) else value
        if unknown := sorted(set(names) - set(self.known)):
            self.fail(f"{', '.join(unknown)} is not one of: {', '.join(self.known)}", param, ctx)
        return names

    @staticmethod
    def flat(
        _context: click.Context, _parameter: click.Parameter, value: tuple[tuple[str, ...], ...]
    ) -> tuple[str, ...]:
        """Return the names of every use of the option, each once, in the order given."""
        return tuple(dict.fromkeys(name for names in value for name in names))


@click.command(
    "report",
    epilog="""\b
Examples:
  bkkenergy report district-dindaeng
  bkkenergy report district-dindaeng --period 2026-11-23 --lang en
  bkkenergy report medical-service --period 2026-10 --format html,pdf,xlsx -o /tmp/reports
  bkkenergy report all --period yesterday --lang th,en
  bkkenergy report health --period FY2570Q1 --format pdf
  bkkenergy report city --period FY2569 --format html,pdf
  bkkenergy report health.centre-1 --period 2026-10
  bkkenergy report health.centre-1 --kind poster --period 2026-W48 --format pdf
  bkkenergy report health --kind committee --period 2026-10 --format docx,pdf
  bkkenergy report --schema > report.schema.json""",
)
@click.argument("agency", required=False)
@click.option(
    "--period",
    default="yesterday",
    show_default=True,
    help="2026-11-23, 2026-W48, 2026-11, FY2570Q1, FY2570, two days joined by .. or yesterday.",
)
@click.option(
    "--format",
    "formats",
    type=Names(tuple(dict.fromkeys((*RENDERERS, *PAPER_FORMS)))),
    multiple=True,
    callback=Names.flat,
    default=("html",),
    show_default="html",
    help="One or more of html,pdf,xlsx,json,csv; docx of papers.",
)
@click.option(
    "--lang",
    "langs",
    type=Names(LANGS),
    multiple=True,
    callback=Names.flat,
    default=("th",),
    show_default="th",
    help="th, en, or th,en.",
)
@click.option(
    "--kind",
    type=click.Choice(("energy", *PAPER_KINDS)),
    default="energy",
    show_default=True,
    help="The energy report, or a paper made from it.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files (default: report.folder of the settings).",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of reports' JSON, and nothing else.")
@config_option
def report_command(
    agency: str | None,
    period: str,
    formats: tuple[str, ...],
    langs: tuple[str, ...],
    kind: str,
    folder: Path | None,
    *,
    schema: bool,
    config_dir: Path,
) -> None:
    """Write the energy report of AGENCY, of one building, of the whole "city", or of "all", for a period.

    With --kind a paper instead: a poster for a school's wall, the energy committee's EnPI and EnB (ISO 50001), PV
    plants, progress of projects, a training sheet, or the partners' data sheet. Files are named by agency or building,
    period and language; their paths are printed.
    """
    if schema:
        click.echo(json.dumps(report_schema(), indent=2))
        return
    if agency is None:
        raise click.UsageError("Name an agency, a building, city or all.")
    _refuse_strange(agency, kind, formats)
    span, now = period_of(period), dt.datetime.now(BANGKOK)
    chosen = cast("tuple[Lang, ...]", langs)
    with opened_site(config_dir) as site, ExitStack() as stack:
        browser = stack.enter_context(Browser()) if "pdf" in formats else None
        where = folder or site.settings.report.folder
        if kind != "energy" or agency not in {*site.portfolio.agencies, ALL, CITY}:
            report = subject_report(site, agency, span, now=now)
            if kind == "energy":
                _written(report, span, where, formats, chosen, browser)
            else:
                _papers(site, cast("PaperKind", kind), report, span, where, formats, chosen, browser, now)
            return
        agencies = list(site.portfolio.agencies) if agency in (ALL, CITY) else [agency]
        written = []
        for name in track(agencies, "Reports", disable=len(agencies) == 1, transient=True):
            report = make_report(site, name, span, now=now)
            written.append(report)
            if agency != CITY:
                _written(report, span, where, formats, chosen, browser)
        if agency in (ALL, CITY):
            city = make_city_report(site, written, now=now)
            _written(city, span, where, formats, chosen, browser)


def _refuse_strange(agency: str, kind: str, formats: tuple[str, ...]) -> None:
    """Raise UsageError for a format that the kind has not, and for papers of all at once."""
    known = tuple(RENDERERS) if kind == "energy" else PAPER_FORMS
    if unknown := sorted(set(formats) - set(known)):
        raise click.UsageError(f"{', '.join(unknown)} is no format of {kind}. Use: {', '.join(known)}.")
    if kind != "energy" and agency == ALL:
        raise click.UsageError("A paper is of one agency, one building, or the city.")


def _papers(
    site: Site,
    kind: PaperKind,
    report: AgencyReport,
    span: Period,
    folder: Path,
    formats: tuple[str, ...],
    langs: tuple[Lang, ...],
    browser: Browser | None,
    now: dt.datetime,
) -> None:
    for lang in langs:
        paper = make_paper(site, kind, report, span, lang, now=now)
        click.echo(f"{paper.subject_id}: {paper.sentence}")
        for form in formats:
            path = folder / paper.subject_id / paper_name(paper, form)
            write_whole(path, render_paper(paper, form, browser))
            click.echo(f"  {path}")


def _written(
    report: AgencyReport,
    span: Period,
    folder: Path,
    formats: tuple[str, ...],
    langs: tuple[Lang, ...],
    browser: Browser | None,
) -> None:
    click.echo(f"{report.agency_id}: {headline(report, Words(langs[0]))}")
    for path in write_report(report, span, folder, formats, langs, browser):
        click.echo(f"  {path}")
