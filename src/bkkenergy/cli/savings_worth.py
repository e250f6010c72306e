"""`bkkenergy savings worth`, `normal` and `budget`: a saving in baht, under typical weather, and a year's budget."""

from __future__ import annotations

import datetime as dt
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
from bkkenergy.reports.budget import budget_data, budget_sentences, budget_title
from bkkenergy.reports.savings.budget import budget_bills, budget_year, building_money
from bkkenergy.reports.savings.gather import facts_of_all, fiscal_year_so_far, hours_of, judge
from bkkenergy.reports.savings.phrasing import verdict_text
from bkkenergy.reports.savings.worth import saving_worth, year_under_typical_weather
from bkkenergy.reports.savings.worthwords import normal_data, normal_text, worth_data, worth_method, worth_sentences
from bkkenergy.reports.savings.yearly import building_year
from bkkenergy.savings.worth import Worth
from bkkenergy.site import Site
from bkkenergy.usecases.energy import buildings_named

console = Console()


def one_building(site: Site, name: str) -> Building:
    """Return the one building of a name. Raises InputError."""
    chosen = buildings_named(site.portfolio, name)
    if len(chosen) != 1:
        raise InputError.of("several_buildings", name=name, count=len(chosen))
    return chosen[0]


@click.command(
    "worth",
    epilog="\b\nExamples:\n  bkkenergy savings worth health.centre-1 --lang en\n"
    "  bkkenergy savings worth health.centre-1 --period FY2569 --json",
)
@click.argument("building")
@click.option("--period", help="What is judged (default: the fiscal year so far).")
@json_option
@lang_option
@config_option
def worth_command(building: str, period: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Show what BUILDING saved in baht: energy by on-peak and off-peak hours, and demand, under the tariff of the days.

    Energy is the saving that "baseline check" judges. Demand counts only where the peak of a whole month is measured,
    now and in the same month of the baseline's time.
    """
    words = Words(lang)
    with opened_site(config_dir) as site:
        chosen = one_building(site, building)
        versions = versions_of(site.state, [chosen.id]).get(chosen.id, ())
        yesterday = today_here() - dt.timedelta(days=1)
        span = period_of(period) if period else fiscal_year_so_far(yesterday, versions)
        try:
            hours = hours_of(site, chosen, span)
            judged = judge(site, chosen, span, hours, versions)
            worth = saving_worth(site, judged, hours)
        except InputError as why:
            if as_json:
                print_json({"building": chosen.id, "worth": None, "why": why.said("en")})
                return
            raise InputError(why.said(lang)) from None
    if as_json:
        print_json({"building": chosen.id, "worth": worth_data(worth), "why": None})
        return
    if judged.band is not None:
        click.echo(f"{chosen.id}: {verdict_text(judged.band, words)}")
    for line in worth_sentences(worth, words):
        click.echo(line)
    console.print(_months(worth, words))
    click.echo(worth_method(worth, words))


def _months(worth: Worth, words: Words) -> Table:
    table = Table()
    for column in ("month", "on_peak", "off_peak", "energy", "peak", "before", "demand_thb"):
        table.add_column(words(f"worth.{column}"), justify="left" if column == "month" else "right")
    for month in worth.months:
        figures = (month.on_peak_kwh, month.off_peak_kwh, month.energy_thb, month.demand_kw, month.before_kw)
        table.add_row(words.month(month.month), *(words.number(one) for one in (*figures, month.demand_thb)))
    return table


@click.command(
    "normal", epilog="\b\nExamples:\n  bkkenergy savings normal health.centre-1 --until 2026-09-30 --lang en"
)
@click.argument("building")
@click.option("--until", help="The last day of the year that is judged (default: yesterday).")
@json_option
@lang_option
@config_option
def normal_command(building: str, until: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Show what BUILDING would have saved in a year under typical weather (normalised savings of IPMVP).

    The year has a model of its own, so that it has to be known well. A hot or a cool year does not change the figure.
    """
    words = Words(lang)
    last_day = period_of(until).last_day if until else today_here() - dt.timedelta(days=1)
    with opened_site(config_dir) as site:
        chosen = one_building(site, building)
        versions = versions_of(site.state, [chosen.id]).get(chosen.id, ())
        try:
            normal = year_under_typical_weather(site, chosen, last_day, versions)
        except InputError as why:
            if as_json:
                print_json({"building": chosen.id, "normal": None, "why": why.said("en")})
                return
            raise InputError(why.said(lang)) from None
    if as_json:
        print_json({"building": chosen.id, "normal": normal_data(normal), "why": None})
        return
    click.echo(f"{chosen.id}: {normal_text(normal, words)}")
    click.echo(words("worth.normal_note"))


@click.command(
    "budget",
    epilog="\b\nExamples:\n  bkkenergy savings budget health --lang en\n  bkkenergy savings budget health --json",
)
@click.argument("agency")
@click.option("--until", help="The last day that is taken as known (default: yesterday).")
@json_option
@lang_option
@config_option
def budget_command(agency: str, until: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Show the fiscal year of AGENCY in baht beside its budget: measured, and forecast to the year's end.

    The budget is a field of the agency's record, with its fiscal year.
    """
    words = Words(lang)
    last_day = period_of(until).last_day if until else today_here() - dt.timedelta(days=1)
    with opened_site(config_dir) as site:
        if agency not in site.portfolio.agencies:
            raise InputError.of("no_such_agency", name=agency, known=", ".join(site.portfolio.agencies))
        buildings = [building for building in site.portfolio.buildings_of(agency) if building.main_meters]
        facts = facts_of_all(site, buildings, last_day=last_day)
        moneys = [
            building_money(site, known, building_year(site, building, known), bills)
            for building, known, bills in zip(buildings, facts, budget_bills(site, buildings, last_day), strict=True)
        ]
        year = budget_year(site, agency, last_day, moneys)
    if as_json:
        print_json({"agency": agency, "budget": None if year is None else budget_data(year)})
        return
    if year is None:
        raise InputError.of("no_budget_year", agency=agency)
    click.echo(f"{agency}: {budget_title(year, words)}")
    for line in budget_sentences(year, words):
        click.echo(line)
    table = Table()
    for column in ("month", "measured", "forecast"):
        table.add_column(words(f"budget.{column}"), justify="left" if column == "month" else "right")
    for month in year.months:
        table.add_row(words.month(month.first_day), words.number(month.measured_thb), words.number(month.forecast_thb))
    console.print(table)
    click.echo(words("budget.method"))
