"""`bkkenergy retrofit`: what equipment uses, what measures would save, and which to do within a budget."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bkkenergy.cli.context import command_line, config_option, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.plan_proposal import package_command
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building
from bkkenergy.reports.retrofit.propose import propose
from bkkenergy.reports.retrofit.screen import By, Opportunity, Survey, chosen, ranked, surveyed
from bkkenergy.reports.retrofit.words import candidate_data, measure_name, proof_text, survey_data, survey_lines
from bkkenergy.site import Site
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.usecases.energy import buildings_named

console = Console()


@click.group(
    "retrofit",
    epilog="""\b
Examples:
  bkkenergy retrofit survey district-dindaeng.office
  bkkenergy retrofit screen all --lang en
  bkkenergy retrofit optimise all --budget 5000000 --by tco2e""",
)
def retrofit_command() -> None:
    """Find projects: what equipment uses, what measures save of it, and which to do first."""


@retrofit_command.command("survey", epilog="\b\nExamples:\n  bkkenergy retrofit survey health.centre-1 --lang en")
@click.argument("building")
@json_option
@lang_option
@config_option
def survey_command(building: str, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Show what the equipment of BUILDING uses, held to its meters, and what measures would save."""
    with opened_site(config_dir) as site:
        (survey,) = _surveys(site, [_one(site, building)])
    if as_json:
        print_json(survey_data(survey))
        return
    words = Words(lang)
    for line in survey_lines(survey, words):
        click.echo(line)
    if survey.calibration is None:
        if survey.candidates:
            _print_candidates(survey.candidates, words)
        return
    table = Table()
    for name in ("equipment", "count", "nameplate", "kwh", "interval"):
        table.add_column(words(f"retrofit.{name}"), justify="left" if name == "equipment" else "right")
    for at, one in enumerate(survey.calibration.appliances):
        low, high = survey.calibration.interval_kwh(at)
        named, kwh = survey.calibration.named_kwh[at], survey.calibration.kwh[at]
        span = f"{words.number(low)}–{words.number(high)}"
        table.add_row(one.id, words.number(one.count), words.number(named), words.number(kwh), span)
    console.print(table)
    _print_candidates(survey.candidates, words)


@retrofit_command.command(
    "screen", epilog="\b\nExamples:\n  bkkenergy retrofit screen all --json\n  bkkenergy retrofit screen health"
)
@click.argument("name")
@json_option
@lang_option
@config_option
def screen_command(name: str, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Rank the measures of NAME (an agency, a building or all) by what a tonne costs."""
    with opened_site(config_dir) as site:
        surveys = _surveys(site, buildings_named(site.portfolio, name))
    if as_json:
        print_json([survey_data(survey) for survey in surveys])
        return
    words = Words(lang)
    _print_candidates(ranked([one for survey in surveys for one in survey.candidates]), words)
    _print_left_out(surveys, words)


@retrofit_command.command(
    "optimise",
    epilog="\b\nExamples:\n  bkkenergy retrofit optimise all --budget 5000000\n"
    "  bkkenergy retrofit optimise health --budget 800000 --by npv",
)
@click.argument("name")
@click.option("--budget", "budget_thb", type=float, required=True, help="What may be spent [THB].")
@click.option(
    "--by",
    type=click.Choice(["tco2e", "npv"]),
    default="tco2e",
    show_default=True,
    help="Most tonnes over the lives of the new things, or most money.",
)
@json_option
@lang_option
@config_option
def optimise_command(name: str, budget_thb: float, by: str, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Choose the measures of NAME that bring most within a budget: an exact choice, at the high end of each cost."""
    with opened_site(config_dir) as site:
        surveys = _surveys(site, buildings_named(site.portfolio, name))
    picked = chosen([one for survey in surveys for one in survey.candidates], budget_thb, cast("By", by))
    cost = sum(one.option.cost_high_thb for one in picked)
    tonnes, npv = sum(one.worth.tco2e for one in picked), sum(one.worth.npv_thb for one in picked)
    if as_json:
        sums = {"cost_high_thb": cost, "tco2e_a_year": tonnes, "npv_thb": npv}
        print_json({"budget_thb": budget_thb, "by": by, **sums, "chosen": [candidate_data(one) for one in picked]})
        return
    words = Words(lang)
    _print_candidates(picked, words)
    amounts = {"cost": words.number(cost), "tonnes": words.number(tonnes, 1), "npv": words.number(npv)}
    click.echo(words("retrofit.chosen", count=len(picked), **amounts))
    _print_left_out(surveys, words)


@retrofit_command.command(
    "propose", epilog="\b\nExamples:\n  bkkenergy retrofit propose health.centre-1 health.centre-1.lamps:led-tube"
)
@click.argument("building")
@click.argument("option_id")
@lang_option
@config_option
def propose_command(building: str, option_id: str, lang: Any, config_dir: Path) -> None:
    """Enter OPTION_ID (equipment:measure) of BUILDING into the action plan as a proposed project."""
    with opened_site(config_dir) as site:
        one = _one(site, building)
        project = propose(site, command_line(), _surveys(site, [one]), one, option_id, site.clock())
    click.echo(Words(lang)("proposal.entered", id=project.id))


retrofit_command.add_command(package_command)


def _one(site: Site, name: str) -> Building:
    buildings = buildings_named(site.portfolio, name)
    if len(buildings) != 1:
        raise InputError.of("one_building", name=name)
    return buildings[0]


def _surveys(site: Site, buildings: Sequence[Building]) -> list[Survey]:
    catalogue, last_day = load_retrofit(site.config.folder), today_here() - dt.timedelta(days=1)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(buildings))
        surveys = surveyed(site, buildings, catalogue, last_day=last_day, on_building=lambda: bar.advance(task))
        return list(surveys)


def _print_candidates(candidates: Sequence[Opportunity], words: Words) -> None:
    if not candidates:
        click.echo(words("retrofit.none"))
        return
    for one in candidates:
        option, worth = one.option, one.worth
        click.secho(
            f"{words.either(th=one.building.name_th, en=one.building.name_en)}: {measure_name(one, words)}", bold=True
        )
        if option.bank is not None:
            click.echo(_bank_line(one, words))
            click.echo(f"  {proof_text(one, words)} · {one.building.id} {option.id}")
            continue
        click.echo(
            words(
                "retrofit.line",
                kwh=words.number(option.saved_kwh),
                low=words.number(option.low_kwh),
                high=words.number(option.high_kwh),
                cost=f"{words.number(option.cost_low_thb)}–{words.number(option.cost_high_thb)}",
                years=words.number(worth.payback_years, 1),
                tonnes=words.number(worth.tco2e, 1),
                abatement=words.number(worth.abatement_thb_per_t),
            )
        )
        click.echo(f"  {proof_text(one, words)} · {one.building.id} {option.id}")
    if any(one.option.measure.is_provisional for one in candidates):
        click.echo(words("retrofit.provisional"))


def _bank_line(candidate: Opportunity, words: Words) -> str:
    option, worth = candidate.option, candidate.worth
    return words(
        "retrofit.bank_line",
        thb=words.number(worth.saved_thb),
        low=words.number(worth.saved_low_thb),
        high=words.number(worth.saved_high_thb),
        cost=f"{words.number(option.cost_low_thb)}–{words.number(option.cost_high_thb)}",
        years=words.number(worth.payback_years, 1),
    )


def _print_left_out(surveys: Sequence[Survey], words: Words) -> None:
    """Say which buildings could not be judged, and how many have no inventory."""
    count = 0
    for survey in surveys:
        if survey.why is not None and survey.why.key == "error.no_equipment":
            count += 1
        elif survey.why is not None:
            click.echo(f"{survey.building.id}: {survey.why.said(words.lang)}")
    if count:
        click.echo(words("retrofit.no_inventory", count=count))
