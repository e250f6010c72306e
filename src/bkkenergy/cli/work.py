"""`bkkenergy work`: findings as work: who cares for one, until when, how far it is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.state.findingwork import WORK_STATES, WorkState
from bkkenergy.cli.context import command_line, config_option, today_here
from bkkenergy.cli.days import CommonEra
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.reports.savings.gather import facts_of
from bkkenergy.savings.insights import find
from bkkenergy.usecases.energy import building_of
from bkkenergy.usecases.findingwork import AskedWork, enter_work, list_work, take_back

console = Console()


@click.group(
    "work",
    epilog="""\b
Examples:
  bkkenergy work list health
  bkkenergy work enter health.suan-lum night_spread assigned --owner "ช่างสมชาย" --due 2026-12-15
  bkkenergy work enter health.suan-lum night_spread dismissed --comment "server room, approved"
  bkkenergy work undo health.suan-lum night_spread""",
)
def work_command() -> None:
    """Work on findings: state, owner, due date and comments, with their history."""


@work_command.command("list", epilog="\b\nExamples:\n  bkkenergy work list health --lang en")
@click.argument("agency")
@json_option
@lang_option
@config_option
def list_command(agency: str, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """List the findings of an agency that are worked on, most money first."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        if agency not in site.portfolio.agencies:
            raise InputError.of("no_agency", agency=agency, known=", ".join(sorted(site.portfolio.agencies)))
        items = list_work(site.state, command_line(), agency)
    if as_json:
        print_json([item.now for item in items])
        return
    if not items:
        click.echo(words("work.none"))
        return
    table = Table()
    heads = ("report.building", "insight.title", "work.state", "work.owner", "work.due", "unit.thb", "work.comment")
    for head in heads:
        table.add_column(words(head), overflow="fold")
    for item in items:
        now = item.now
        due = words.day_year(now.due) if now.due else ""
        late = f" ({words('work.late')})" if now.is_late(today_here()) else ""
        state, thb = words(f"work.state_{now.state}"), words.number(now.cost_thb_a_month)
        table.add_row(now.building, now.rule, state, now.owner, due + late, thb, now.comment)
    console.print(table)


@work_command.command(
    "enter", epilog='\b\nExamples:\n  bkkenergy work enter health.suan-lum night_spread assigned --owner "ช่างสมชาย"'
)
@click.argument("building")
@click.argument("rule")
@click.argument("state", type=click.Choice(WORK_STATES))
@click.option("--owner", default="", help="Who cares for it.")
@click.option("--due", type=CommonEra(["%Y-%m-%d"]), help="Until when.")
@click.option("--comment", default="", help="What is to be said of it; of a dismissed finding, why.")
@lang_option
@config_option
def enter_command(
    building: str, rule: str, state: WorkState, owner: str, due: dt.datetime | None, comment: str, lang: Any,
    config_dir: Path,
) -> None:  # fmt: skip
    """Enter how the finding of a RULE stands at a BUILDING."""
    words = Words(lang)
    asked = AskedWork(state, owner, None if due is None else due.date(), comment)
    with opened_site(config_dir) as site:
        known = building_of(site.portfolio, building)
        facts = facts_of(site, known, last_day=site.today - dt.timedelta(days=1))
        findings = find(facts, site.savings.insights)
        entry = enter_work(site.state, command_line(), site.portfolio, known.id, rule, asked, findings, site.clock())
    click.echo(words("work.entered", building=building, rule=rule, state=words(f"work.state_{entry.state}")))


@work_command.command("undo", epilog="\b\nExamples:\n  bkkenergy work undo health.suan-lum night_spread")
@click.argument("building")
@click.argument("rule")
@lang_option
@config_option
def undo_command(building: str, rule: str, lang: Any, config_dir: Path) -> None:
    """Take the last change of a finding back."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        entry = take_back(site.state, command_line(), site.portfolio, building, rule, site.clock())
    click.echo(words("work.entered", building=building, rule=rule, state=words(f"work.state_{entry.state}")))
