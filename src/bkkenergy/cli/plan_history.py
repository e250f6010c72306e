"""`bkkenergy plan history|compare|undo|withdraw`: what was entered in the plan, who entered it, and taking it back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from bkkenergy.adapters.state import open_state
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.days import CommonEra
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import json_option
from bkkenergy.cli.revisions import show_changes, show_revisions
from bkkenergy.i18n import Lang, Words
from bkkenergy.settings import load_settings
from bkkenergy.usecases.plan import plan_state, undo_plan, withdraw_project
from bkkenergy.usecases.portfolio import PortfolioState, compare, history

reason_option = click.option("--why", required=True, help="The reason, for the history.")


def _state(config_dir: Path) -> PortfolioState:
    return plan_state(open_state(load_settings(config_dir).state))


@click.command("history", epilog="\b\nExamples:\n  bkkenergy plan history\n"
               "  bkkenergy plan history --of led-dindaeng --json")  # fmt: skip
@click.option("--of", "key", help="The id of one project.")
@click.option("--limit", default=40, show_default=True, type=click.IntRange(1), help="How many lines.")
@json_option
@operator_lang_option
@config_option
def history_command(key: str | None, limit: int, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show the plan's revisions, the newest first: who, when and why."""
    show_revisions(history(_state(config_dir), key=key, limit=limit), Words(lang), as_json=as_json)


@click.command("compare", epilog="\b\nExamples:\n  bkkenergy plan compare 10\n"
               "  bkkenergy plan compare 10 12 --json")  # fmt: skip
@click.argument("before", type=click.IntRange(0))
@click.argument("after", type=click.IntRange(0), required=False)
@json_option
@operator_lang_option
@config_option
def compare_command(before: int, after: int | None, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show what differs between two of the plan's revisions (the later one by default the newest)."""
    show_changes(compare(_state(config_dir), before, after), Words(lang), as_json=as_json)


@click.command("undo", epilog='\b\nExamples:\n  bkkenergy plan undo 12 --why "wrong project"')
@click.argument("number", type=click.IntRange(1))
@reason_option
@operator_lang_option
@config_option
def undo_command(number: int, why: str, lang: Lang, config_dir: Path) -> None:
    """Take a revision of the plan back by a new one. Refused where a later revision changed the same project."""
    done = undo_plan(_state(config_dir).engine, command_line(), number, dt.datetime.now(dt.UTC), why=why)
    show_changes(done.changes, Words(lang))
    click.echo(Words(lang)("command.revision_undid", revision=done.revision, number=number))


@click.command("withdraw", epilog='\b\nExamples:\n  bkkenergy plan withdraw led-dindaeng --why "entered twice"')
@click.argument("project_id")
@click.option("--from", "day", type=CommonEra(["%Y-%m-%d"]), help="The first day without it (default: all days).")
@reason_option
@operator_lang_option
@config_option
def withdraw_command(project_id: str, day: dt.datetime | None, why: str, lang: Lang, config_dir: Path) -> None:
    """Take a project out of the plan, as if it had never been entered; or from a day on, and what it was stays."""
    now, from_day = dt.datetime.now(dt.UTC), None if day is None else day.date()
    done = withdraw_project(_state(config_dir).engine, command_line(), project_id, now, why=why, from_day=from_day)
    show_changes(done.changes, Words(lang))
