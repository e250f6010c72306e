"""`bkkenergy savings`: beside last year, and the year towards its target."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.cli.context import config_option, period_of, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building
from bkkenergy.reports.savings.gather import facts_of_all
from bkkenergy.reports.savings.yearly import building_year, compared_year, total_change, year_path
from bkkenergy.reports.yearpath import YearPath
from bkkenergy.reports.yearwords import change_text, path_data, path_sentences, path_title
from bkkenergy.site import Site
from bkkenergy.usecases.energy import buildings_named

console = Console()


@click.group("savings")
def savings_command() -> None:
    """Look at savings over the years. Whether one is significant: bkkenergy baseline check."""


@savings_command.command(
    "year",
    epilog="\b\nExamples:\n  bkkenergy savings year health --period 2026-10\n  bkkenergy savings year all --json",
)
@click.argument("name")
@click.option("--period", help="What is compared (default: last month).")
@json_option
@lang_option
@config_option
def year_command(name: str, period: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Compare NAME (a building, an agency, or all) with the same days of last year.

    Last year's use is taken with this period's weather and holidays, by the baseline. The interval is of what
    buildings without a project change from one year to the next.
    """
    words = Words(lang)
    last_month = today_here().replace(day=1) - dt.timedelta(days=1)
    span = period_of(period or f"{last_month:%Y-%m}")
    with opened_site(config_dir) as site:
        buildings = metered(site, name)
        versions = versions_of(site.state, [building.id for building in buildings])
        compared = [compared_year(site, building, span, versions.get(building.id, ())) for building in buildings]
        total = total_change(site, compared)
    rows = [one.row() for one in compared]
    if as_json:
        print_json({"period": span.slug, "total": total and asdict(total), "buildings": [asdict(row) for row in rows]})
        return
    click.echo(words.period(span.slug))
    if total is not None:
        click.echo(f"{name}: {change_text(total, words)}")
    for row in rows:
        click.echo(f"{row.building_id}: {change_text(row, words)}")


@savings_command.command(
    "path", epilog="\b\nExamples:\n  bkkenergy savings path health --lang en\n  bkkenergy savings path all --json"
)
@click.argument("name")
@click.option("--until", help="The last day that is taken as known (default: yesterday).")
@json_option
@lang_option
@config_option
def path_command(name: str, until: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Show the fiscal year of NAME towards its target: measured, forecast, and the step of the year."""
    last_day = period_of(until).last_day if until else today_here() - dt.timedelta(days=1)
    with opened_site(config_dir) as site:
        buildings = metered(site, name)
        facts = facts_of_all(site, buildings, last_day=last_day)
        years = [building_year(site, building, known) for building, known in zip(buildings, facts, strict=True)]
        path = year_path(site, years)
    if as_json:
        print_json({"name": name, "path": None if path is None else path_data(path)})
        return
    if path is None:
        whys = [one.why.said(lang) for one in years if one.why is not None]
        raise InputError.of("no_path", name=name, why=" ".join(whys[:1]))
    words = Words(lang)
    click.echo(f"{name}: {path_title(path, words)}")
    for line in path_sentences(path, words):
        click.echo(line)
    console.print(_months(path, words))


def metered(site: Site, name: str) -> Sequence[Building]:
    """Return the buildings of a name that have meters. Raises InputError where there is none."""
    buildings = [building for building in buildings_named(site.portfolio, name) if building.main_meters]
    if not buildings:
        raise InputError.of("no_meter", building=name)
    return buildings


def _months(path: YearPath, words: Words) -> Table:
    table = Table()
    for column in ("month", "measured", "forecast", "baseline", "target", "days"):
        table.add_column(words(f"path.{column}"), justify="left" if column == "month" else "right")
    for month in path.months:
        table.add_row(
            words.month(month.first_day),
            *(words.number(month.measured_kwh), words.number(month.forecast_kwh)),
            *(words.number(month.baseline_kwh), words.number(month.target_kwh)),
            f"{month.measured_days}/{month.days}",
        )
    return table
