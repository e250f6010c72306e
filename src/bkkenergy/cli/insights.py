"""`bkkenergy insights` and `bkkenergy index`: what to act on, and how buildings compare with their peers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bkkenergy.calendar import past_year
from bkkenergy.cli.context import command_line, config_option, period_of, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, plain, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import NO_VALUE, Words
from bkkenergy.portfolio import Building
from bkkenergy.reports.savings.gather import facts_of_all
from bkkenergy.reports.savings.phrasing import fault_texts
from bkkenergy.reports.savings.standings import index_rows
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.faultgroups import FaultGroup, fault_groups
from bkkenergy.savings.insights import find
from bkkenergy.site import Site
from bkkenergy.usecases.dismissals import dismiss
from bkkenergy.usecases.energy import buildings_named
from bkkenergy.usecases.events import accept_event
from bkkenergy.usecases.findingwork import to_act_on, work_on
from bkkenergy.usecases.portfolio import portfolio_state

console = Console()
INDEX_COLUMNS = (
    "type", "rank", "share", "building", "energy", "measured", "intensity", "median", "gap", "peak", "kva", "approved",
    "designated",
)  # fmt: skip


@click.command(
    "insights",
    epilog="\b\nExamples:\n  bkkenergy insights all\n  bkkenergy insights district-bangkhen.office --lang en\n"
    "  bkkenergy insights health --json\n  bkkenergy insights health.suan-lum --dismiss night_spread\n"
    '  bkkenergy insights health.suan-lum --adjust "A server room since May"',
)
@click.argument("name")
@click.option("--until", help="The last day that is judged (default: yesterday).")
@click.option(
    "--dismiss", "rule", metavar="RULE", help="Dismiss a rule's finding of one building until it grows by a fifth."
)
@click.option(
    "--adjust", "reason", metavar="REASON", help="Enter the lasting change of use of one building as an adjustment."
)
@json_option
@lang_option
@config_option
def insights_command(
    name: str, until: str | None, rule: str | None, reason: str | None, as_json: bool, lang: Any, config_dir: Path
) -> None:
    """Show what to act on in NAME (a building, an agency, or all), most baht first, at most five a building.

    Findings of one fault are one entry, whose money counts each kWh once.
    """
    words = Words(lang)
    last_day = period_of(until).last_day if until else today_here() - dt.timedelta(days=1)
    with opened_site(config_dir) as site:
        buildings = [building for building in buildings_named(site.portfolio, name) if building.main_meters]
        findings: list[Finding] = []
        every = facts_of_all(site, buildings, last_day=last_day)
        for facts in track(
            every, words("command.doing_findings"), total=len(buildings), transient=True, console=console
        ):
            findings += find(facts, site.savings.insights)
        if rule is not None:
            dismissed = dismiss(site.state, command_line(), site.portfolio, findings, rule, site.clock())
            click.echo(words("command.finding_dismissed", building=dismissed.building, rule=rule))
            return
        if reason is not None:
            click.echo(_adjusted(site, findings, reason, words))
            return
        agencies = sorted({building.agency for building in buildings})
        work = [item for agency in agencies for item in work_on(site.state, agency)]
        shown = to_act_on(findings, work, site.dismissals, site.savings.insights, last_day)
        faults, portfolio = fault_groups(shown), site.portfolio
    if as_json:
        print_json([_plain(fault) for fault in faults])
        return
    if not faults:
        click.echo(words("insight.none"))
    for fault in faults:
        click.echo(_said(fault, portfolio.buildings[fault.chief.building], words))


def _plain(fault: FaultGroup) -> dict[str, Any]:
    """Return a fault as JSON has it: the largest of its findings, with the others, and the money of all, once."""
    chief: dict[str, Any] = plain(fault.chief)
    return chief | {"also": plain(fault.also), "together_thb_a_month": fault.cost_thb_a_month}


def _said(fault: FaultGroup, building: Building, words: Words) -> str:
    texts = fault_texts(fault, words)
    head = click.style(f"{words.either(th=building.name_th, en=building.name_en)}: {texts.name}", bold=True)
    lines = [f"{head} · {texts.stakes}" if texts.stakes else head, f"  {texts.what}", f"  → {texts.todo}"]
    return "\n".join([*lines, f"  {texts.also_said(words)}"] if texts.also else lines)


def _adjusted(site: Site, findings: Sequence[Finding], reason: str, words: Words) -> str:
    """Enter the one lasting change among findings as an adjustment, and say what was entered."""
    events = [finding for finding in findings if finding.rule == "use_event"]
    if len(events) != 1:
        raise InputError.of("no_lasting_change", count=len(events))
    accept_event(portfolio_state(site.config, site.state), command_line(), events[0], reason, site.clock())
    kwh, half = (events[0].evidence[name] for name in ("kwh_a_day", "half_kwh_a_day"))
    day = words.date(events[0].since)
    kwh_said, half_said = f"{kwh:+,.1f}", f"{half:,.1f}"
    return words("command.adjustment_entered", building=events[0].building, kwh=kwh_said, half=half_said, day=day)


@click.command(
    "index", epilog="\b\nExamples:\n  bkkenergy index all --period FY2569\n  bkkenergy index education --lang en"
)
@click.argument("name")
@click.option("--period", help="A year (default: the last twelve whole months).")
@json_option
@lang_option
@config_option
def index_command(name: str, period: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Rank the buildings of NAME by kWh/m2 among their type, and show which are, or come near, designated buildings.

    A building is designated by its transformers (equipment of the portfolio), by what its electricity accounts are
    approved for, or by its energy in a year; "unknown" where its size is not entered. What the state's e-report asks
    for is another command: bkkenergy ereport.
    """
    span = period_of(period) if period else past_year(today_here())
    with opened_site(config_dir) as site:
        buildings = [building for building in buildings_named(site.portfolio, name) if building.main_meters]
        rows = index_rows(site, buildings, span)
    if as_json:
        print_json(rows)
        return
    words = Words(lang)
    console.print(_index_table(f"{name} {words.period(span.slug)}", rows, words))
    for row in rows:
        for driver, share in row["driver_percentile_ratio"].items():
            kwh = words.number(row["kwh_per_driver"][driver], 1)
            peers = {"peers": row["driver_peers"][driver] - 1, "share": words.percent(share)}
            console.print(
                words(
                    "index.per_driver", building=row["building"], kwh=kwh, driver=words.name("driver", driver), **peers
                )
            )
    console.print(words("index.no_national"))
    for row in rows:
        if row["report_due"] is not None:
            persons = words("index.by_size") if row["persons"] is None else row["persons"]
            due = words.date(row["report_due"])
            console.print(words("index.duties", building=row["building"], persons=persons, due=due))


def _index_table(title: str, rows: Sequence[dict[str, Any]], words: Words) -> Table:
    table = Table(title=title)
    for column in INDEX_COLUMNS:
        is_text = column in ("type", "building", "designated")
        table.add_column(words(f"index.{column}"), justify="left" if is_text else "right")
    for row in rows:
        table.add_row(
            words(f"building_type.{row['type']}"),
            NO_VALUE if row["rank"] is None else f"{row['rank']}/{row['peers']}",
            words.percent(row["percentile_ratio"]),
            row["building"],
            words.number(row["energy_kwh"]),
            words.percent(row["coverage_ratio"]),
            *(words.number(row[key], 1) for key in ("eui_kwh_m2", "median_kwh_m2")),
            *(words.number(row[key]) for key in ("gap_kwh", "peak_kw", "installed_kva", "approved_kw")),
            words(f"index.is_{row['standing']}"),
        )
    return table
