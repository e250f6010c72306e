"""`bkkenergy insights` and `bkkenergy index`: what to act on, and how buildings stand among their peers."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bkkenergy.calendar import past_year
from bkkenergy.cli.baseline import lang_option
from bkkenergy.cli.context import config_option, period_of, today_here
from bkkenergy.cli.site import report_site
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.reports.savings.gather import facts_of
from bkkenergy.reports.savings.phrasing import finding_texts
from bkkenergy.reports.savings.standings import index_rows, submission_lines
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.insights import Silence, find, visible
from bkkenergy.store.silences import read_silences, silences_path, write_silences
from bkkenergy.usecases.energy import buildings_named

console = Console()


@click.command(
    "insights",
    epilog="\b\nExamples:\n  bkkenergy insights all\n  bkkenergy insights district-bangkhen.office --lang en\n"
    "  bkkenergy insights health --json\n  bkkenergy insights health.suan-lum --silence night_spread",
)
@click.argument("name")
@click.option("--until", help="The last day that is judged (default: yesterday).")
@click.option(
    "--silence", metavar="RULE", help="Put a rule's finding of one building to rest until it grows by a fifth."
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
@lang_option
@config_option
def insights_command(
    name: str, until: str | None, silence: str | None, as_json: bool, lang: Any, config_dir: Path
) -> None:
    """Tell what to act on in NAME (a building, an agency, or all), most baht first, at most five a building."""
    words = Words(lang)
    last_day = period_of(until).last_day if until else today_here() - dt.timedelta(days=1)
    with report_site(config_dir) as site:
        buildings = [own for own in buildings_named(site.portfolio, name) if own.main_meters]
        found: list[Finding] = []
        for building in track(buildings, "Insights", transient=True, console=console):
            found += find(facts_of(site, building, last_day=last_day), site.config.insights)
        path = silences_path(site.settings.store.path)
        silenced = read_silences(path)
        if silence is not None:
            put_to_rest(path, silenced, found, silence)
            return
        shown = visible(found, silenced, site.config.insights, today=last_day)
        portfolio = site.portfolio
    if as_json:
        click.echo(
            json.dumps([asdict(told) | {"since": str(told.since)} for told in shown], ensure_ascii=False, indent=2)
        )
        return
    if not shown:
        click.echo(words("insight.none"))
    for told in shown:
        own = portfolio.buildings[told.building]
        title, what, todo, stakes = finding_texts(told, words)
        click.echo(
            click.style(f"{words.either(th=own.name_th, en=own.name_en)}: {title}", bold=True)
            + (f" · {stakes}" if stakes else "")
        )
        click.echo(f"  {what} {words('insight.since', date=words.date(told.since))}\n  → {todo}")


def put_to_rest(path: Path, silenced: list[Silence], found: list[Finding], rule: str) -> None:
    """Remember a finding's stakes; it speaks again when they grow."""
    own = [told for told in found if told.rule == rule]
    if len(own) != 1:
        known = ", ".join(sorted({told.rule for told in found})) or "(none)"
        raise InputError(f"--silence needs one building with a finding of the rule {rule!r}. Found: {known}.")
    kept = [old for old in silenced if (old.building, old.rule) != (own[0].building, rule)]
    write_silences(path, [*kept, Silence(own[0].building, rule, own[0].cost_thb_a_month)])
    click.echo(f"{own[0].building}: {rule} is silent until it grows by a fifth ({path}).")


@click.command(
    "index", epilog="\b\nExamples:\n  bkkenergy index all --period FY2569\n  bkkenergy index education --json"
)
@click.argument("name")
@click.option("--period", help="A year (default: the last twelve whole months).")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.option(
    "--submission", type=click.Path(dir_okay=False, path_type=Path), help="Write the monthly e-report fields as CSV."
)
@config_option
def index_command(name: str, period: str | None, as_json: bool, submission: Path | None, config_dir: Path) -> None:
    """Rank the buildings of NAME by kWh/m2 among their type, and tell which are, or come near, designated buildings.

    With --submission, the fields that an agency enters into the national e-report are written, a line a month.
    """
    span = period_of(period) if period else past_year(today_here())
    with report_site(config_dir) as site:
        buildings = [own for own in buildings_named(site.portfolio, name) if own.main_meters]
        rows = index_rows(site, buildings, span)
        if submission is not None:
            lines = [line for own in buildings for line in submission_lines(site, own, span)]
            pd.DataFrame(lines).to_csv(submission, index=False, encoding="utf-8-sig")
            click.echo(f"{submission}: {len(lines)} lines", err=True)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table(title=f"{name} {span.slug}")
    for column in (
        "type",
        "rank",
        "building",
        "kWh",
        "kWh/m2",
        "median",
        "to best quarter kWh",
        "peak kW",
        "designated",
    ):
        table.add_column(column, justify="left" if column in ("type", "building", "designated") else "right")
    for row in rows:
        table.add_row(
            row["type"],
            "–" if row["rank"] is None else f"{row['rank']}/{row['peers']}",
            row["building"],
            f"{row['energy_kwh']:,.0f}",
            "–" if row["eui_kwh_m2"] is None else f"{row['eui_kwh_m2']:,.1f}",
            "–" if row["median_kwh_m2"] is None else f"{row['median_kwh_m2']:,.1f}",
            "–" if row["gap_kwh"] is None else f"{row['gap_kwh']:,.0f}",
            f"{row['peak_kw']:,.0f}",
            row["standing"],
        )
    console.print(table)
