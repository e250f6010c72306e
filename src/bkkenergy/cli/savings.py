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
from bkkenergy.calendar import past_year
from bkkenergy.cli.context import config_option, period_of, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.savings_worth import budget_command, normal_command, one_building, worth_command
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building
from bkkenergy.reports.savings.comparing import ComparisonPool, total_beside_year, year_rows
from bkkenergy.reports.savings.gather import facts_of_all, fiscal_year_so_far, hours_of, judge, judged_cusum
from bkkenergy.reports.savings.power import showable
from bkkenergy.reports.savings.yearly import building_year, compared_year, total_change, year_path
from bkkenergy.reports.savingwords import cusum_data, showable_data, showable_text
from bkkenergy.reports.yearpath import YearPath
from bkkenergy.reports.yearwords import by_improvement, change_text, path_data, path_sentences, path_title
from bkkenergy.savings.enduse import end_uses
from bkkenergy.site import Site
from bkkenergy.usecases.energy import buildings_named

console = Console()


@click.group(
    "savings",
    epilog="\b\nExamples:\n  bkkenergy savings year all --period 2026-10\n  bkkenergy savings path health",
)
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
    buildings without a project change from one year to the next. The building that improved most comes first.
    """
    words = Words(lang)
    last_month = today_here().replace(day=1) - dt.timedelta(days=1)
    span = period_of(period or f"{last_month:%Y-%m}")
    with opened_site(config_dir) as site:
        buildings = metered(site, name)
        versions = versions_of(site.state, [building.id for building in buildings])
        compared = [compared_year(site, building, span, versions.get(building.id, ())) for building in buildings]
        rows = year_rows(ComparisonPool(site), compared, span)
        total = total_beside_year(total_change(site, compared), compared, rows)
    if as_json:
        print_json({"period": span.slug, "total": total and asdict(total), "buildings": [asdict(row) for row in rows]})
        return
    click.echo(words.period(span.slug))
    if total is not None and len(rows) > 1:
        click.echo(f"{name}: {change_text(total, words)}")
    for row in by_improvement(rows):
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
        raise InputError.of("no_path", name=name, why=next((one.why for one in years if one.why is not None), ""))
    words = Words(lang)
    click.echo(f"{name}: {path_title(path, words)}")
    for line in path_sentences(path, words):
        click.echo(line)
    console.print(_months(path, words))


@savings_command.command(
    "power",
    epilog="\b\nExamples:\n  bkkenergy savings power health.centre-1 --saving 15%\n"
    "  bkkenergy savings power health.centre-1 --kwh 40000 --start 2027-01-01",
)
@click.argument("building")
@click.option("--saving", help="What the project should save, a share of the building's use: 15% or 0.15.")
@click.option("--kwh", type=click.FloatRange(min=0, min_open=True), help="The same as kWh a year.")
@click.option("--start", help="The first day on which it saves (default: today).")
@json_option
@lang_option
@config_option
def power_command(
    building: str, saving: str | None, kwh: float | None, start: str | None, as_json: bool, lang: Any, config_dir: Path
) -> None:
    """Show what saving could be shown on BUILDING with a power of 80 %, by months, before a project begins.

    By the building's baseline: a smaller saving may be there all the same, but would most often not be significant.
    """
    if saving is not None and kwh is not None:
        raise InputError.of("saving_twice")
    ratio = None if saving is None else share_of(saving)
    first = period_of(start).first_day if start else today_here()
    with opened_site(config_dir) as site:
        chosen = one_building(site, building)
        versions = versions_of(site.state, [chosen.id]).get(chosen.id, ())
        try:
            known = showable(site, chosen, first, versions, saving_ratio=ratio, saving_kwh=kwh)
        except InputError as why:
            if as_json:
                print_json({"building": chosen.id, "why": why.said("en"), "rows": []})
                return
            raise
    if as_json:
        print_json({"building": chosen.id, "why": None, **showable_data(known)})
        return
    words = Words(lang)
    table = Table()
    for column in ("months", "ratio", "kwh"):
        table.add_column(words(f"power.head_{column}"), justify="right")
    for row in known.rows:
        least_kwh = None if known.year_kwh is None else row.saving_ratio * known.year_kwh
        table.add_row(str(row.months), words.percent(row.saving_ratio, 1), words.number(least_kwh))
    click.echo(f"{chosen.id}: {showable_text(known, words)}")
    console.print(table)
    click.echo(words("power.by_baseline", last=words.date(known.baseline_last)))


def share_of(text: str) -> float:
    """Parse a share, 15% or 0.15. Raises InputError."""
    plain = text.strip().removesuffix("%").strip()
    try:
        value = float(plain) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = float("nan")
    if not 0 < value < 1:
        raise InputError.of("no_share", text=text)
    return value


@savings_command.command(
    "cusum", epilog="\b\nExamples:\n  bkkenergy savings cusum health.centre-1 --period FY2570 --lang en"
)
@click.argument("building")
@click.option("--period", help="What is summed (default: the fiscal year so far).")
@json_option
@lang_option
@config_option
def cusum_command(building: str, period: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Sum what BUILDING saved by month (CUSUM): the slope says how much is saved, a kink since when."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        chosen = one_building(site, building)
        versions = versions_of(site.state, [chosen.id]).get(chosen.id, ())
        yesterday = today_here() - dt.timedelta(days=1)
        span = period_of(period) if period else fiscal_year_so_far(yesterday, versions)
        judged = judge(site, chosen, span, None, versions)
        sums = None if judged.saving is None else judged_cusum(site, chosen, judged, hours_of(site, chosen, span))
    if as_json:
        months = [] if sums is None else cusum_data(sums)
        print_json({"building": chosen.id, "why": judged.why_in("en") or None, "months": months})
        return
    if sums is None:
        raise InputError(judged.why_in(lang) or words("saving.no_baseline"))
    table = Table()
    for column in ("path.month", "cusum.saved", "cusum.sum", "cusum.days"):
        table.add_column(words(column), justify="left" if column == "path.month" else "right")
    for month in sums.months():
        days = f"{month.judged_days}/{month.days}"
        table.add_row(words.month(month.first_day), words.number(month.saved_kwh), words.number(month.sum_kwh), days)
    console.print(table)


@savings_command.command(
    "parts", epilog="\b\nExamples:\n  bkkenergy savings parts health.centre-1 --period FY2569 --lang en"
)
@click.argument("building")
@click.option("--period", help="What is split (default: the last twelve whole months).")
@json_option
@lang_option
@config_option
def parts_command(building: str, period: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Split the use of BUILDING into base load, what follows the weather, and what follows the hours of work.

    An estimate from the meters of the whole building, with how far it is sure. It cannot see air-conditioning, but what
    rises with the air's temperature. A sub-meter knows better.
    """
    words = Words(lang)
    span = period_of(period) if period else past_year(today_here())
    with opened_site(config_dir) as site:
        chosen = one_building(site, building)
        try:
            parts = end_uses(hours_of(site, chosen, span))
        except InputError as why:
            if as_json:
                print_json({"building": chosen.id, "why": why.said("en"), "parts": []})
                return
            raise
    if as_json:
        print_json({"building": chosen.id, "why": None, "parts": [asdict(part) for part in parts]})
        return
    table = Table()
    for column in ("part", "energy", "share", "half"):
        table.add_column(words(f"parts.{column}"), justify="left" if column == "part" else "right")
    for part in parts:
        shares = (words.percent(part.ratio), words.percent(part.half_width_ratio))
        table.add_row(words(f"parts.{part.part}"), words.number(part.energy_kwh), *shares)
    console.print(table)
    click.echo(words("parts.note"))


for command in (worth_command, normal_command, budget_command):
    savings_command.add_command(command)


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
