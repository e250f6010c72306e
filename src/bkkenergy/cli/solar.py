"""`bkkenergy solar`: designs, sizes, the screening of all roofs, and the weather that they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.progress import Progress, track

from bkkenergy.cli.context import config_option, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.solar_options import (
    designed,
    opened,
    output_options,
    size_of,
    sized_wish_options,
    weather_option,
    wish_options,
)
from bkkenergy.cli.solar_plant import plant_command
from bkkenergy.cli.solar_roofs import horizon_command, roofs_command
from bkkenergy.cli.solar_tables import cleaning_note, cleaning_table, designs_table, size_table
from bkkenergy.cli.solar_tender import tender_command
from bkkenergy.cli.solar_weather import weather_group
from bkkenergy.cli.spread import dask_option, spreading
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.reports.solar.gather import (
    design_inputs,
    screened,
    year_load,
)
from bkkenergy.reports.solar.html import headline, solar_projects
from bkkenergy.reports.solar.write import write_design, write_screening
from bkkenergy.site.folder import solar_folder
from bkkenergy.solar.design import DesignRequest, SolarDesign, design
from bkkenergy.solar.weathercheck import WeatherFinding
from bkkenergy.usecases.energy import building_of

console = Console()


@click.group(
    "solar",
    epilog="""\b
Examples:
  bkkenergy solar estimate district-bangkhen.office
  bkkenergy solar estimate district-bangkhen.office --kwp max --format html,pdf,xlsx --lang th,en
  bkkenergy solar size education.school-1
  bkkenergy solar screen --format xlsx
  bkkenergy solar weather show""",
)
def solar_command() -> None:
    """Design rooftop solar: from a roof to a design with yield, bill, money and carbon."""


@solar_command.command(
    "estimate",
    epilog="\b\nExamples:\n  bkkenergy solar estimate district-bangkhen.office --kwp 80 --format html,pdf --lang th,en",
)
@click.argument("building")
@sized_wish_options
@weather_option
@output_options
@config_option
def estimate_command(
    building: str,
    wish: DesignRequest,
    weather_name: str,
    formats: tuple[str, ...],
    langs: tuple[str, ...],
    folder: Path | None,
    config_dir: Path,
) -> None:
    """Design a system for BUILDING and write it as a report.

    The load is what its meters measured in the last twelve months, or a typical one where there is no meter.
    """
    with opened(config_dir, weather_name, building=building) as (site, weather):
        solar_design = designed(site, weather, building, wish)
        target = folder or solar_folder(site.settings)
        planned = solar_projects(site.projects, building)
        is_demo = site.portfolio.is_simulated(solar_design.building)
    click.echo(headline(solar_design, Words(cast("Lang", langs[0]))))
    for key in solar_design.warnings:
        click.echo(f"  {Words(cast('Lang', langs[0]))(f'solar.warning_{key}')}")
    for note in solar_design.wiring:
        click.echo(f"  {note.said(cast('Lang', langs[0]))}")
    _print_findings(solar_design.weather_findings, cast("Lang", langs[0]))
    chosen = cast("tuple[Lang, ...]", langs)
    for path in write_design(
        solar_design, target, formats, chosen, today=today_here(), planned=planned, is_simulated=is_demo
    ):
        click.echo(f"  {path}")


@solar_command.command("size", epilog="\b\nExamples:\n  bkkenergy solar size district-bangkhen.office")
@click.argument("building")
@wish_options
@weather_option
@json_option
@lang_option
@config_option
def size_command(
    building: str,
    wish: DesignRequest,
    weather_name: str,
    config_dir: Path,
    *,
    as_json: bool,
    lang: Any,
) -> None:
    """Show what each size up to the roof's would give BUILDING."""
    with opened(config_dir, weather_name, building=building) as (site, weather):
        solar_design = designed(site, weather, building, replace(wish, capacity_kwp="max"))
    _print_findings(solar_design.weather_findings, lang)
    if as_json:
        print_json(_sweep_data(building, solar_design))
        return
    console.print(size_table(building, solar_design, Words(lang)))
    console.print(Words(lang)("solar.size_marks"))


@solar_command.command("cleaning", epilog="\b\nExamples:\n  bkkenergy solar cleaning district-bangkhen.office --kwp 80")
@click.argument("building")
@sized_wish_options
@weather_option
@json_option
@lang_option
@config_option
def cleaning_command(
    building: str,
    wish: DesignRequest,
    weather_name: str,
    config_dir: Path,
    *,
    as_json: bool,
    lang: Any,
) -> None:
    """Show what cleaning the modules of BUILDING more or less often would cost and bring."""
    with opened(config_dir, weather_name, building=building) as (site, weather):
        solar_design = designed(site, weather, building, wish)
    _print_findings(solar_design.weather_findings, lang)
    if as_json:
        options = [asdict(option) | {"net_thb": option.net_thb} for option in solar_design.cleaning]
        print_json({"building": building, "capacity_kwp": solar_design.capacity_kwp, "options": options})
        return
    console.print(cleaning_table(building, solar_design, Words(lang)))
    console.print(cleaning_note(solar_design, Words(lang)))


def _print_findings(findings: Sequence[WeatherFinding], lang: Lang = "en") -> None:
    """Print what is odd about the weather on the error stream, so that JSON stays JSON."""
    for finding in findings:
        click.echo(f"  {finding.said(lang)}", err=True)


def _sweep_data(building: str, solar_design: SolarDesign) -> dict[str, Any]:
    best, whole = solar_design.sweep.best_by_npv, solar_design.sweep.best_by_self_consumption
    options = [
        {
            "capacity_kwp": option.capacity_kwp,
            "energy_kwh": option.energy_kwh,
            "self_consumption_ratio": option.self_consumption_ratio,
            "load_share_ratio": option.load_share_ratio,
            "capex_thb": option.capex_thb,
            "saving_thb": option.saving_thb,
            "npv_thb": option.money.npv_thb,
            "irr_ratio": option.money.irr,
            "payback_years": option.money.payback_years,
            "is_best_by_npv": option is best,
            "is_best_by_self_consumption": option is whole,
        }
        for option in solar_design.sweep.options
    ]
    return {"building": building, "schedule": solar_design.schedule.id, "options": options}


@solar_command.command(
    "compare",
    epilog="\b\nExamples:\n  bkkenergy solar compare district-bangkhen.office --kwp 50 --kwp 100 --kwp max\n"
    "  bkkenergy solar compare district-bangkhen.office --mounting flush --mounting racked",
)
@click.argument("building")
@click.option("--kwp", "sizes", multiple=True, help="A size or max; may be repeated.")
@click.option("--mounting", "mountings", multiple=True, type=click.Choice(["flush", "racked"]))
@click.option("--module", "modules", multiple=True, help="A module; may be repeated.")
@weather_option
@json_option
@lang_option
@config_option
def compare_command(
    building: str,
    sizes: tuple[str, ...],
    mountings: tuple[Any, ...],
    modules: tuple[str, ...],
    weather_name: str,
    config_dir: Path,
    *,
    as_json: bool,
    lang: Any,
) -> None:
    """Put designs of BUILDING side by side: every size with every mounting and module."""
    wishes = [
        DesignRequest(size_of(size), module, mounting=mounting)
        for size in sizes or (None,)
        for mounting in mountings or ("flush",)
        for module in modules or ("mono-550",)
    ]
    doing = Words(lang)("command.doing_designs")
    with opened(config_dir, weather_name, building=building) as (site, weather):
        load = year_load(site, building_of(site.portfolio, building), today=today_here())
        chosen = building_of(site.portfolio, building)
        designs = [
            design(design_inputs(site, weather, chosen, wish, today=today_here(), read_load=lambda *_: load))
            for wish in track(wishes, doing, transient=True, console=Console(stderr=True))
        ]
    rows = [_design_data(wish, one) for wish, one in zip(wishes, designs, strict=True)]
    _print_findings(designs[0].weather_findings, lang)
    if as_json:
        print_json({"building": building, "designs": rows})
        return
    console.print(designs_table(building, rows, Words(lang)))


def _design_data(wish: DesignRequest, solar_design: SolarDesign) -> dict[str, Any]:
    purchase = solar_design.ways["own"]
    return {
        "asked_kwp": wish.capacity_kwp or "best",
        "mounting": wish.mounting,
        "module": wish.module,
        "capacity_kwp": solar_design.capacity_kwp,
        "energy_kwh": solar_design.energy_kwh,
        "specific_yield_kwh_per_kwp": solar_design.specific_yield_kwh_per_kwp,
        "self_consumption_ratio": solar_design.self_consumption_ratio,
        "saving_thb": solar_design.bills.saving_thb,
        "capex_thb": solar_design.capex_thb,
        "npv_thb": purchase.npv_thb,
        "payback_years": purchase.payback_years,
        "lcoe_thb_per_kwh": purchase.lcoe_thb_per_kwh,
    }


@solar_command.command(
    "screen",
    epilog="\b\nExamples:\n  bkkenergy solar screen --format xlsx,html --lang th,en\n"
    "  bkkenergy solar screen --agency education --dask tcp://10.0.0.5:8786",
)
@click.option("--agency", help="Only this agency's buildings.")
@click.option("--module", default="mono-550", show_default=True, help="A module of equipment.toml, or cec:NAME.")
@dask_option
@weather_option
@output_options
@config_option
def screen_command(
    agency: str | None,
    module: str,
    scheduler: str | None,
    weather_name: str,
    formats: tuple[str, ...],
    langs: tuple[str, ...],
    folder: Path | None,
    config_dir: Path,
) -> None:
    """Rank every roof of the portfolio by what it is worth."""
    today, words = today_here(), Words(cast("Lang", langs[0]))
    with (
        opened(config_dir, weather_name) as (site, weather),
        spreading(scheduler, site) as spread,
        Progress(transient=True) as progress,
    ):
        buildings = [building for building in site.portfolio.buildings.values() if agency in (None, building.agency)]
        if not buildings:
            raise InputError.of("agency_without_buildings", agency=agency, known=list(site.portfolio.agencies))
        task = progress.add_task(words("command.doing_roofs"), total=len(buildings))

        screening = screened(
            site,
            weather,
            buildings,
            today=today,
            on_read=lambda: progress.advance(task),
            module_id=module,
            spread=spread.map,
            with_site=spread.with_site,
        )
        target = folder or solar_folder(site.settings)
        is_demo = any(site.portfolio.is_simulated(building) for building in buildings)
    _print_findings(screening.weather_findings, words.lang)
    click.echo(
        words(
            "solar.screening_headline",
            count=len(screening.rows),
            kwp=words.number(screening.capacity_kwp),
            energy=words.number(screening.energy_kwh / 1000),
        )
    )
    chosen = cast("tuple[Lang, ...]", langs)
    for path in write_screening(screening, target, formats, chosen, today=today, is_simulated=is_demo):
        click.echo(f"  {path}")


solar_command.add_command(weather_group)
solar_command.add_command(plant_command)
solar_command.add_command(roofs_command)
solar_command.add_command(horizon_command)
solar_command.add_command(tender_command)
