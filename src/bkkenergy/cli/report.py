"""`bkkenergy report`: one agency's report, or every agency's, on demand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click
from rich.progress import track

from bkkenergy.adapters.files import write_whole
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.cli.context import config_option, period_of
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.refusals import refused
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.recipients import ALL, CITY, PaperKind
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.papers.kinds import (
    PAPER_FORMS,
    PAPER_KINDS,
    forms_of,
    make_paper,
    paper_name,
    render_paper,
    stationery_of,
    subject_report,
)
from bkkenergy.reports.papers.memo import MEMO_FIELDS
from bkkenergy.reports.papers.memodocx import standard_template
from bkkenergy.reports.phrasing import headline
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.render.browser import Browser
from bkkenergy.reports.render.json import report_schema
from bkkenergy.reports.savings.comparing import SharedPools
from bkkenergy.reports.write import make_city_report, make_report, write_report
from bkkenergy.site import Site
from bkkenergy.usecases.energy import buildings_of_type


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
            self.fail(refused("no_names", names=unknown, known=list(self.known)), param, ctx)
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
  bkkenergy report all --kind poster --each school --period 2026-W48 --format pdf
  bkkenergy report health --kind committee --period 2026-10 --format docx,pdf
  bkkenergy report health --kind memo --period 2026-10 --format docx --field to Director --thai-digits
  bkkenergy report --template memo.docx
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
    help="One or more of html,pdf,xlsx,docx,json,csv.",
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
    "--each", "type_name", metavar="TYPE", help="One for each building of TYPE, such as school, of AGENCY or all."
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files (default: report.folder of the settings).",
)
@click.option(
    "--field",
    "fields",
    type=(click.Choice(MEMO_FIELDS), str),
    multiple=True,
    help="What a memorandum says: number, to, signer or position, and its text.",
)
@click.option("--thai-digits", is_flag=True, help="Write a memorandum in Thai with Thai digits.")
@click.option(
    "--template",
    "template_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the memorandum's standard template here, to be edited and put into CONFIG/memo/AGENCY.docx.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of reports' JSON, and nothing else.")
@config_option
def report_command(
    agency: str | None,
    period: str,
    formats: tuple[str, ...],
    langs: tuple[str, ...],
    kind: str,
    type_name: str | None,
    folder: Path | None,
    fields: tuple[tuple[str, str], ...],
    template_path: Path | None,
    *,
    schema: bool,
    thai_digits: bool,
    config_dir: Path,
) -> None:
    """Write the energy report of AGENCY, of one building, of the whole "city", or of "all", for a period.

    With --kind a paper instead: a poster for a school's wall, the energy committee's EnPI and EnB (ISO 50001), PV
    plants, progress of projects, a training sheet, the partners' data sheet, or the official memorandum that carries a
    report. Files are named by agency or building, period and language; their paths are printed.
    """
    if schema:
        click.echo(json.dumps(report_schema(), indent=2))
        return
    if template_path is not None:
        write_whole(template_path, standard_template(cast("Lang", langs[0])))
        click.echo(str(template_path))
        return
    if agency is None:
        raise click.UsageError(refused("report_of_nothing"))
    _refuse_strange(agency, kind, formats, of_buildings=type_name is not None)
    span, now = period_of(period), dt.datetime.now(BANGKOK)
    chosen = cast("tuple[Lang, ...]", langs)
    with opened_site(config_dir) as site, ExitStack() as stack:
        browser = stack.enter_context(Browser()) if "pdf" in formats else None
        where = folder or site.settings.report.folder
        pool = SharedPools().of(site, span)
        if kind != "energy" or "." in agency or type_name is not None:  # a building: its id begins with its agency
            making = Making(span, where, formats, chosen, now, dict(fields), thai_digits)
            each = [] if type_name is None else buildings_of_type(site.portfolio, agency, type_name)
            for subject in [building.id for building in each] or [agency]:
                report = subject_report(site, subject, span, now=now, pool=pool)
                if kind == "energy":
                    _written(report, span, where, formats, chosen, browser)
                else:
                    _papers(site, cast("PaperKind", kind), report, making, browser)
            return
        agencies = list(site.portfolio.agencies) if agency in (ALL, CITY) else [agency]
        written, doing = [], Words(chosen[0])("command.doing_reports")
        for name in track(agencies, doing, disable=len(agencies) == 1, transient=True):
            report = make_report(site, name, span, now=now, pool=pool)
            written.append(report)
            if agency != CITY:
                _written(report, span, where, formats, chosen, browser)
        if agency in (ALL, CITY):
            city = make_city_report(site, written, now=now)
            _written(city, span, where, formats, chosen, browser)


def _refuse_strange(agency: str, kind: str, formats: tuple[str, ...], *, of_buildings: bool) -> None:
    """Raise UsageError for a format that the kind has not, and for papers of all at once."""
    known = tuple(RENDERERS) if kind == "energy" else forms_of(kind)
    if unknown := sorted(set(formats) - set(known)):
        raise click.UsageError(refused("report_format", names=unknown, kind=kind, known=list(known)))
    if kind != "energy" and agency == ALL and not of_buildings:
        raise click.UsageError(refused("report_paper_of_all"))


@dataclass(frozen=True, slots=True)
class Making:
    """How papers are written: of which period, where to, in which formats and languages, and a memorandum's fields."""

    span: Period
    folder: Path
    formats: tuple[str, ...]
    langs: tuple[Lang, ...]
    now: dt.datetime
    fields: Mapping[str, str]
    thai_digits: bool


def _papers(site: Site, kind: PaperKind, report: AgencyReport, making: Making, browser: Browser | None) -> None:
    stationery = stationery_of(site, report.agency_id)
    for lang in making.langs:
        paper = make_paper(
            site, kind, report, making.span, lang, now=making.now, fields=stationery.terms.fields | dict(making.fields),
            thai_digits=making.thai_digits or stationery.terms.thai_digits,
        )  # fmt: skip
        click.echo(f"{paper.subject_id}: {paper.sentence}")
        for form in making.formats:
            path = making.folder / paper.subject_id / paper_name(paper, form)
            write_whole(path, render_paper(paper, form, browser, stationery))
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
