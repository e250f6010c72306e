"""`bkkenergy plan proposal` and `promises`, `bkkenergy retrofit package`: proposals, and what came of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.state.projects import project_of
from bkkenergy.cli.context import config_option, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.i18n import Words
from bkkenergy.reports.papers.kinds import form_of_file, render_paper
from bkkenergy.reports.plan.promises import promise_data, promises_beside, together, together_text, verdict_text
from bkkenergy.reports.retrofit.package import package_paper
from bkkenergy.reports.retrofit.proposal import proposal_paper

console = Console()
file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command(
    "proposal",
    epilog="\b\nExamples:\n  bkkenergy plan proposal led-dindaeng proposal.docx\n"
    "  bkkenergy plan proposal led-dindaeng proposal.pdf --lang en",
)
@click.argument("project_id")
@file_argument
@lang_option
@config_option
def proposal_command(project_id: str, file: Path, lang: Any, config_dir: Path) -> None:
    """Write the proposal of PROJECT_ID to FILE: .docx, .pdf, .html, .xlsx, .csv or .json.

    It has the measure, its assumptions, the saving with its interval, cost and worth, tonnes, and how the saving will
    be shown. PDF is printed by Chromium.
    """
    form = form_of_file(file)
    with opened_site(config_dir) as site:
        paper = proposal_paper(site, project_of(site.state, project_id), lang, now=site.clock())
        write_whole(file, render_paper(paper, form))
    click.echo(f"{file}: {paper.sentence}")


@click.command(
    "promises",
    epilog="\b\nExamples:\n  bkkenergy plan promises --lang en\n  bkkenergy plan promises --agency health --json",
)
@click.option("--agency", help="Only this agency's.")
@json_option
@lang_option
@config_option
def promises_command(agency: str | None, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Show what proposals promised beside what meters show of the projects that are done."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        projects = [one for one in site.projects if agency in (None, one.agency)]
        rows = promises_beside(site, projects, today_here())
    if as_json:
        print_json([promise_data(row) for row in rows])
        return
    if not rows:
        click.echo(words("promise.none"))
        return
    table = Table()
    heads = (
        "report.plan_project",
        "promise.promised",
        "retrofit.interval",
        "report.plan_measured_head",
        "promise.verdict",
    )
    for position, key in enumerate(heads):
        table.add_column(words(key), justify="right" if 0 < position < len(heads) - 1 else "left", overflow="fold")
    for row in rows:
        measured, project = row.measured, row.project
        shown = (
            "–" if measured is None
            else f"{words.number(measured.kwh_a_year)} ± {words.number(measured.half_width_kwh)}"
        )  # fmt: skip
        span = f"{words.number(row.low_kwh)}–{words.number(row.high_kwh)}"
        name = words.either(th=project.name_th, en=project.name_en)
        table.add_row(name, words.number(row.kwh), span, shown, verdict_text(row, words))
    console.print(table)
    click.echo(together_text(together(rows), words))


@click.command(
    "package",
    epilog="\b\nExamples:\n  bkkenergy retrofit package health package.xlsx\n"
    "  bkkenergy retrofit package health package.docx --lang en",
)
@click.argument("agency")
@file_argument
@lang_option
@config_option
def package_command(agency: str, file: Path, lang: Any, config_dir: Path) -> None:
    """Write the proposals of AGENCY that wait as one package to FILE: .xlsx, .docx, .pdf, .html, .csv or .json.

    For an energy service company (ESCO) it has saving, cost and worth; for credits (JCM, T-VER) tonnes and methods; and
    for both how each saving is shown, with which meters and after how many months.
    """
    form = form_of_file(file)
    with opened_site(config_dir) as site:
        paper = package_paper(site, agency, lang, now=site.clock())
        write_whole(file, render_paper(paper, form))
    click.echo(f"{file}: {paper.sentence}")
