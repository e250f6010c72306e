"""`bkkenergy programme`: goals, participation, partners and JCM, as tables and as files."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bkkenergy.adapters.files import write_whole
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.days import CommonEra
from bkkenergy.cli.lang import lang_option, operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.recipients import CITY
from bkkenergy.reports.papers.kinds import form_of_file, render_paper
from bkkenergy.reports.papers.model import KeyFigures, Paper, PaperGrid, shown
from bkkenergy.reports.papers.tables import paper_data
from bkkenergy.reports.programme.document import approval_text, document_paper, draft_plan
from bkkenergy.reports.programme.gather import programme_of
from bkkenergy.reports.programme.opendata import open_buildings, open_csv, open_json
from bkkenergy.reports.programme.paper import grids, programme_paper
from bkkenergy.site import Site
from bkkenergy.usecases.plandocuments import approve_document, seen_document, seen_documents

agency_option = click.option("--agency", help="Only this agency's part. Default: the city.")
year_option = click.option("--year", type=int, help="Fiscal year, Buddhist era (default: the running one).")


@click.group(
    "programme",
    epilog="""\b
Examples:
  bkkenergy programme show --lang en
  bkkenergy programme show --agency health --year 2570
  bkkenergy programme export climate-2570.xlsx --year 2570
  bkkenergy programme plan draft --why "first version\"""",
)
def programme_command() -> None:
    """See the programme as the Environment Department does: goals, participation, partners, JCM."""


@programme_command.command("show", epilog="\b\nExamples:\n  bkkenergy programme show --lang en")
@agency_option
@year_option
@json_option
@lang_option
@config_option
def show_command(agency: str | None, year: int | None, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Show the plan against its targets, what is measured, who takes part, partners and the JCM pipeline."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        paper = _paper(site, agency, year, words)
    if as_json:
        print_json(paper_data(paper))
        return
    click.secho(f"{paper.name}: {paper.period}", bold=True)
    click.echo(paper.sentence)
    for block in paper.blocks:
        if isinstance(block, KeyFigures):
            for figure in block.figures:
                value = words.number(figure.value, figure.digits)
                click.echo(f"  {figure.name}: {value} {figure.unit} {figure.note}".rstrip())
    for grid in grids(paper):
        click.secho(grid.title, bold=True)
        for line in _lines(grid, words):
            click.echo(line)


@programme_command.command("export", epilog="\b\nExamples:\n  bkkenergy programme export climate.xlsx --year 2570")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@agency_option
@year_option
@lang_option
@config_option
def export_command(path: Path, agency: str | None, year: int | None, lang: Any, config_dir: Path) -> None:
    """Write the tables of the annual climate report: XLSX, DOCX, PDF, HTML, CSV or JSON, by the name's end."""
    form = form_of_file(path)
    with opened_site(config_dir) as site:
        paper = _paper(site, agency, year, Words(lang))
    write_whole(path, render_paper(paper, form))
    click.echo(str(path))


@programme_command.command("publish", epilog="\b\nExamples:\n  bkkenergy programme publish buildings.csv")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@operator_lang_option
@config_option
def publish_command(path: Path, lang: Any, config_dir: Path) -> None:
    """Write the open data, CSV or JSON: only what agencies have agreed to publish, as `/open-data` shows it."""
    form = form_of_file(path, ("csv", "json"))
    with opened_site(config_dir) as site:
        buildings, today = open_buildings(site), site.today
    write_whole(path, open_json(buildings, today) if form == "json" else open_csv(buildings, today))
    click.echo(Words(lang)("command.buildings_written", path=path, count=len(buildings)))


@programme_command.group("plan", epilog="\b\nExamples:\n  bkkenergy programme plan list --lang en")
def plan_group() -> None:
    """Draft the action plan as a document, enter its approval, write out its versions."""


@plan_group.command("list", epilog="\b\nExamples:\n  bkkenergy programme plan list --agency health")
@agency_option
@json_option
@lang_option
@config_option
def list_command(agency: str | None, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """List the versions, the newest first, with who approved them."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        known = seen_documents(
            site.state, command_line(), [agency or CITY, *([] if agency else site.portfolio.agencies)]
        )
    if as_json:
        print_json([{name: value for name, value in asdict(one).items() if name != "body"} for one in known])
        return
    for one in known:
        click.echo(f"{one.id:>4}  {one.agency}  {approval_text(one, words)}  {one.why}")
    if not known:
        click.echo(words("plan_document.none"))


@plan_group.command("draft", epilog='\b\nExamples:\n  bkkenergy programme plan draft --why "first version"')
@click.option("--why", required=True, help="What is new in this version.")
@agency_option
@lang_option
@config_option
def draft_command(why: str, agency: str | None, lang: Any, config_dir: Path) -> None:
    """Draft the next version from the projects and targets as they are."""
    with opened_site(config_dir) as site:
        document = draft_plan(site.refreshed(), command_line(), agency or CITY, site.clock(), why=why)
    click.echo(f"{document.id}: {approval_text(document, Words(lang))}")


@plan_group.command(
    "approve",
    epilog='\b\nExamples:\n  bkkenergy programme plan approve 3 --by "Somchai, Director" --on 2026-11-30',
)
@click.argument("number", type=int)
@click.option("--by", "approver", required=True, help="Name and office of who signed.")
@click.option("--on", "day", required=True, type=CommonEra(["%Y-%m-%d"]), help="The day of the approval.")
@click.option("--letter", default="", help="Number of the letter.")
@lang_option
@config_option
def approve_command(number: int, approver: str, day: dt.datetime, letter: str, lang: Any, config_dir: Path) -> None:
    """Enter that a draft was approved. What was approved never changes."""
    with opened_site(config_dir) as site:
        now = site.clock()
        document = approve_document(site.state, command_line(), number, approver, day.date(), now, letter=letter)
    click.echo(approval_text(document, Words(lang)))


@plan_group.command("write", epilog="\b\nExamples:\n  bkkenergy programme plan write 3 plan.docx")
@click.argument("number", type=int)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@lang_option
@config_option
def write_command(number: int, path: Path, lang: Any, config_dir: Path) -> None:
    """Write a version: DOCX, PDF, HTML, XLSX, CSV or JSON, by the name's end."""
    form = form_of_file(path)
    with opened_site(config_dir) as site:
        actor = command_line()
        document = seen_document(site.state, actor, number)
        known = seen_documents(site.state, actor, [document.agency])
    write_whole(path, render_paper(document_paper(document, lang, known), form))
    click.echo(str(path))


def _paper(site: Site, agency: str | None, year: int | None, words: Words) -> Paper:
    if agency is not None and agency not in site.portfolio.agencies:
        raise InputError.of("no_agency", agency=agency, known=", ".join(sorted(site.portfolio.agencies)))
    agencies = list(site.portfolio.agencies) if agency is None else [agency]
    now = site.clock().astimezone(dt.UTC)
    programme = programme_of(site, agencies, now=now, has_partners=True, year_be=year)
    return programme_paper(programme, words, now=now, subject=agency or CITY)


def _lines(grid: PaperGrid, words: Words) -> list[str]:
    """Return a table as lines of a terminal: a row each, without what is empty."""
    lines = []
    for row in grid.rows:
        name, *rest = (shown(value, column, words) for value, column in zip(row, grid.columns, strict=True))
        heads = (column.head for column in grid.columns[1:])
        said = "; ".join(
            f"{head} {text}" for head, text, value in zip(heads, rest, row[1:], strict=True) if value not in (None, "")
        )
        lines.append(f"  {name}: {said}" if said else f"  {name}")
    return lines or [f"  {words('programme.empty')}"]
