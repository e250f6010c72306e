"""`bkkenergy figures`: tariffs, Ft, VAT and factors with days and sources, what has expired, and Ft from a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.state import open_state
from bkkenergy.cli.context import command_line, config_option, today_here
from bkkenergy.cli.days import CommonEra
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import print_json
from bkkenergy.dated import Grade
from bkkenergy.i18n import Words
from bkkenergy.settings import load_settings
from bkkenergy.site.figures import load_figures
from bkkenergy.site.ft_file import FtRow, ft_rows, new_rows, read_ft_table
from bkkenergy.site.standings import FigureStanding, standings
from bkkenergy.texts import Lang
from bkkenergy.usecases.figures import FigureFiles, FtTable, enter_ft

console = Console()
on_option = click.option("--on", "day", type=CommonEra(["%Y-%m-%d"]), help="The day asked for (default: today).")
GRADES: tuple[Grade, ...] = ("V", "V2", "S", "M")


@click.group(
    "figures",
    epilog="""\b
Examples:
  bkkenergy figures list
  bkkenergy figures check --on 2027-01-01
  bkkenergy figures import-ft ft-rate-by-type.csv --source "MEA open data, ft-rate-by-type" --grade V""",
)
def figures_command() -> None:
    """Show tariffs, Ft, VAT and emission factors with the days on which they hold, and where they were read."""


@figures_command.command("list", epilog="\b\nExamples:\n  bkkenergy figures list --on 2022-06-01 --json")
@on_option
@click.option("--sources", "has_sources", is_flag=True, help="Where each was read, in lines instead of a table.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@operator_lang_option
@config_option
def list_command(day: dt.datetime | None, lang: Lang, config_dir: Path, *, has_sources: bool, as_json: bool) -> None:
    """List the figures that hold on a day.

    Grades: V read on the issuing body's own page; V2 two independent sources agree; S one secondary source; M from
    memory. Figures of grade M, and those whose end has passed, are provisional wherever they are used.
    """
    rows = standings(load_figures(config_dir), _day(day))
    if as_json:
        print_json(rows)
        return
    words = Words(lang)
    if has_sources:
        _print_lines(rows, words)
    else:
        console.print(_table(rows, words.stamp_day(_day(day)), words))


@figures_command.command(
    "check", epilog="\b\nExamples:\n  bkkenergy figures check\n  bkkenergy figures check --on 2027-01-01"
)
@on_option
@operator_lang_option
@config_option
def check_command(day: dt.datetime | None, lang: Lang, config_dir: Path) -> None:
    """Find figures that have expired, or were read in no public source. Exit code 1 if there is any."""
    rows = [row for row in standings(load_figures(config_dir), _day(day)) if row.is_fault]
    words = Words(lang)
    if not rows:
        click.echo(words("command.figures_are_sourced", day=words.stamp_day(_day(day))))
        return
    _print_lines(rows, words)
    click.echo(words("command.figures_remedy"), err=True)
    raise SystemExit(1)


@figures_command.command(
    "import-ft",
    epilog="""\b
Examples:
  bkkenergy figures import-ft ft.csv --source "MEA open data, ft-rate-by-type" --grade V
  bkkenergy figures import-ft ft.csv --from-column เริ่ม --ft-column ค่าFt --unit satang --type 3 --type-column ประเภท""",
)
@click.argument("file", type=InputFile())
@click.option("--source", required=True, help="Where the file was taken from, and when.")
@click.option("--grade", type=click.Choice(GRADES), required=True, help="How sure the source is (see figures list).")
@click.option("--from-column", help="Column of the first day or month (default: found by its heading).")
@click.option("--to-column", help="Column of the last day or month, where there is one.")
@click.option("--ft-column", help="Column of the Ft (default: found by its heading).")
@click.option("--unit", type=click.Choice(["satang", "baht"]), help="Unit of the Ft (default: by its heading).")
@click.option("--type-column", help="Column of the kind of customer.")
@click.option("--type", "customer", help="The kind of customer whose rows count.")
@click.option("--yes", "is_sure", is_flag=True, help="Write without asking.")
@operator_lang_option
@config_option
def import_ft_command(
    file: Path,
    source: str,
    grade: Grade,
    from_column: str | None,
    to_column: str | None,
    ft_column: str | None,
    unit: str | None,
    type_column: str | None,
    customer: str | None,
    lang: Lang,
    config_dir: Path,
    *,
    is_sure: bool,
) -> None:
    """Take Ft in from a table in CSV, as MEA publishes it, after a person has seen what it would change.

    Days may be of the Buddhist era. What is entered already is left as it is; where the file differs from it, nothing
    is written, and both values are shown.
    """
    table = read_ft_table(file)
    known = load_figures(config_dir).tariffs.ft
    rows = ft_rows(
        table,
        from_column=from_column,
        to_column=to_column,
        ft_column=ft_column,
        unit=unit,
        type_column=type_column,
        customer=customer,
        known=known,
    )
    words = Words(lang)
    console.print(_ft_table(rows, words))
    new = new_rows(rows)
    if not new:
        click.echo(words("command.ft_nothing_new"))
        return
    if not is_sure:
        file = config_dir / "tariffs" / "rules.toml"
        click.confirm(words("command.ft_ask", count=len(new), file=file), abort=True)
    files = FigureFiles(config_dir, open_state(load_settings(config_dir).state))
    enter_ft(files, command_line(), FtTable(new, known, source, grade), dt.datetime.now(dt.UTC))
    click.echo(words("command.ft_entered", count=len(new)))


def _day(day: dt.datetime | None) -> dt.date:
    return today_here() if day is None else day.date()


def _table(rows: Sequence[FigureStanding], title: str, words: Words) -> Table:
    """List figures. Their names and values are those of the files that they are entered in, in either language."""
    table = Table(*(words(f"command.figure_{name}") for name in ("name", "value", "until", "grade", "state")))
    table.title = title
    for row in rows:
        standing = words(f"command.figure_{row.standing}")
        table.add_row(row.name, row.value, _shown_day(row.valid_to, words), row.grade, standing)
    return table


def _print_lines(rows: Sequence[FigureStanding], words: Words) -> None:
    for row in rows:
        standing = words(f"command.figure_{row.standing}")
        if row.standing == "expired":
            standing = words("command.figure_expired_on", day=_shown_day(row.valid_to, words))
        grade = words("command.figure_of_grade", grade=row.grade)
        click.echo(f"{click.style(row.name, bold=True)}: {row.value}, {standing}, {grade}")
        entered = _shown_day(row.entered, words)
        click.echo(words("command.figure_source", file=row.file, day=entered, source=row.source))


def _ft_table(rows: Sequence[FtRow], words: Words) -> Table:
    table = Table()
    for name in ("from", "to", "value", "known", "state"):
        table.add_column(words(f"command.ft_{name}"), justify="right" if name in {"value", "known"} else "left")
    for row in rows:
        before = "" if row.known_thb_per_kwh is None else f"{row.known_thb_per_kwh:.4f}"
        days = (_shown_day(row.first_day, words), _shown_day(row.last_day, words))
        table.add_row(*days, f"{row.thb_per_kwh:.4f}", before, words(f"command.ft_{row.state}"))
    return table


def _shown_day(day: dt.date | None, words: Words) -> str:
    return "" if day is None else words.stamp_day(day)
