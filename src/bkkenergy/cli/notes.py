"""`bkkenergy notes`: what persons know of days and hours that no meter says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.calendar import Period
from bkkenergy.cli.context import command_line, config_option, period_of, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.i18n import Words
from bkkenergy.usecases.notes import adjust_by_note, instant_of, list_notes, remove_note, write_note
from bkkenergy.usecases.portfolio import portfolio_state

console = Console()
A_YEAR = dt.timedelta(days=365)


@click.group(
    "notes",
    epilog="""\b
Examples:
  bkkenergy notes write health.suan-lum 2026-11-24 2026-11-25 "Chiller 2 broken"
  bkkenergy notes write education 2026-11-24T08:00 2026-11-24T16:00 "Exam in all schools"
  bkkenergy notes list health.suan-lum --period 2026-11
  bkkenergy notes adjust 12 --kwh 80 --half-width 20
  bkkenergy notes remove 12""",
)
def notes_command() -> None:
    """Write notes on days and hours of a building or an agency; pictures and reports show them."""


@notes_command.command("list", epilog="\b\nExamples:\n  bkkenergy notes list education --period 2026-11 --lang en")
@click.argument("name")
@click.option("--period", help="The days (default: a year back and a year ahead).")
@click.option("--removed", "with_removed", is_flag=True, help="Those that were removed too.")
@json_option
@lang_option
@config_option
def list_command(
    name: str, period: str | None, lang: Any, config_dir: Path, *, with_removed: bool, as_json: bool
) -> None:
    """List the notes on NAME (a building, with its agency's; or an agency, with its buildings') in a period."""
    words, today = Words(lang), today_here()
    days = period_of(period) if period else Period.days(today - A_YEAR, today + A_YEAR)
    with opened_site(config_dir) as site:
        every = list_notes(site.state, command_line(), site.portfolio, name, days, with_removed=with_removed)
    if as_json:
        print_json(every)
        return
    if not every:
        click.echo(words("note.none"))
        return
    table = Table()
    for head in ("note.number", "note.of", "explore.first", "explore.last", "note.text", "note.by"):
        table.add_column(words(head), overflow="fold")
    for note in every:
        first = words.day_year(note.first) if note.is_of_days else words.moment(note.first)
        last = words.day_year(note.last_day) if note.is_of_days else words.moment(note.end)
        table.add_row(str(note.number), note.building or note.agency, first, last, note.text, note.by)
    console.print(table)


@notes_command.command(
    "write", epilog='\b\nExamples:\n  bkkenergy notes write health.suan-lum 2026-11-24 2026-11-25 "Chiller 2 broken"'
)
@click.argument("name")
@click.argument("first")
@click.argument("last")
@click.argument("text")
@lang_option
@config_option
def write_command(name: str, first: str, last: str, text: str, lang: Any, config_dir: Path) -> None:
    """Write a note on NAME (a building or an agency) from FIRST to LAST: days, or hours such as 2026-11-24T18:00."""
    begin, end = instant_of(first, is_end=False), instant_of(last, is_end=True)
    with opened_site(config_dir) as site:
        number = write_note(site.state, command_line(), site.portfolio, name, begin, end, text, site.clock())
    click.echo(Words(lang)("note.written", number=number))


@notes_command.command("remove", epilog="\b\nExamples:\n  bkkenergy notes remove 12")
@click.argument("number", type=click.IntRange(1, 2_000_000_000))
@lang_option
@config_option
def remove_command(number: int, lang: Any, config_dir: Path) -> None:
    """Remove a note. The state still has it, with who removed it."""
    with opened_site(config_dir) as site:
        remove_note(site.state, command_line(), number, site.clock())
    click.echo(Words(lang)("note.removed", number=number))


@notes_command.command("adjust", epilog="\b\nExamples:\n  bkkenergy notes adjust 12 --kwh 80 --half-width 20")
@click.argument("number", type=click.IntRange(1, 2_000_000_000))
@click.option(
    "--kwh", type=click.FloatRange(-1e7, 1e7), required=True, help="More on each of its days; less: negative."
)
@click.option("--half-width", type=click.FloatRange(0, 1e7), required=True, help="Half of its 90 % interval [kWh].")
@lang_option
@config_option
def adjust_command(number: int, kwh: float, half_width: float, lang: Any, config_dir: Path) -> None:
    """Enter what a note speaks of as a non-routine adjustment of its building, with the note as its reason."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        state = portfolio_state(site.config, site.state)
        key, _ = adjust_by_note(state, command_line(), number, kwh, half_width, site.clock())
    click.echo(
        words("note.entered", number=number, adjustment=key, kwh=words.number(kwh, 1), half=words.number(half_width, 1))
    )
