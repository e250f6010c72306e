"""Options that commands of `bkkenergy solar` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from bkkenergy.cli.context import today_here
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.report import Names
from bkkenergy.cli.solar_weather import MEASURED
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS
from bkkenergy.reports.solar.gather import design_inputs, measured_weather
from bkkenergy.reports.solar.write import FORMATS
from bkkenergy.site import Site, load_configuration
from bkkenergy.solar.cleaning import MAX_COUNT
from bkkenergy.solar.design import DesignRequest, SolarDesign, design
from bkkenergy.solar.terms import assumed
from bkkenergy.solar.weather import Weather
from bkkenergy.usecases.energy import building_of
from bkkenergy.usecases.weather import TYPICAL, named_weather

Command = Callable[..., Any]


def weather_option(command: Command) -> Command:
    """Add --weather typical|FILE|SERVICE."""
    return click.option(
        "--weather",
        "weather_name",
        default=TYPICAL,
        show_default=True,
        help="typical, typical:centre or typical:suburb (offline), measured (by the building's station), an .epw, "
        "TMY3 .csv or .parquet file, or one of pvgis_tmy, pvgis_hourly, nasa_power, cams; with years: "
        "nasa_power:2015..2023.",
    )(command)


def output_options(command: Command) -> Command:
    """Add --format, --lang and -o. Errors are said in the first language that is asked for."""
    command = click.option(
        "-o",
        "--output",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the files (default: solar/ in report.folder of the settings).",
    )(command)
    command = click.option(
        "--lang",
        "langs",
        type=Names(LANGS),
        multiple=True,
        callback=Names.flat,
        default=("th",),
        show_default="th",
        help="th, en, or th,en.",
    )(command)
    return click.option(
        "--format",
        "formats",
        type=Names(FORMATS),
        multiple=True,
        callback=Names.flat,
        default=("html",),
        show_default="html",
        help="html,pdf,json,csv,xlsx.",
    )(command)


def wish_options(command: Command) -> Command:
    """Add what the engineer asks for, which the command gets as `wish`: a DesignRequest of no size yet."""

    @wraps(command)
    def wishing(
        *args: Any, inverter: str | None, rack_tilt: float, assume: tuple[str, ...], module: str, mounting: Any,
        battery_kwh: float | None, export: str | None, cleanings: int | None, **others: Any,
    ) -> Any:  # fmt: skip
        terms = tuple(assumed(assume).items())
        wish = DesignRequest(
            None,
            module,
            inverter,
            mounting,
            rack_tilt,
            battery_kwh=battery_kwh,
            export=export,
            assume=terms,
            cleanings=cleanings,
        )
        return command(*args, wish=wish, **others)

    wrapped: Command = wishing
    for option in (
        click.option(
            "--module", default="mono-550", show_default=True, help="A module of equipment.toml, or cec:NAME."
        ),
        click.option("--inverter", help="An inverter of equipment.toml, or cec:NAME (default: what fits best)."),
        click.option("--mounting", type=click.Choice(["flush", "racked"]), default="flush", show_default=True),
        click.option("--rack-tilt", type=click.FloatRange(0, 40), default=10.0, show_default=True, help="Degrees."),
        click.option("--battery-kwh", type=click.FloatRange(0), help="Battery beside it (default: battery.kwh)."),
        click.option(
            "--export",
            help="Sell what is left over under this scheme of design.toml; none is zero export (default: as the site).",
        ),
        click.option(
            "--cleanings",
            type=click.IntRange(0, MAX_COUNT),
            help="Cleanings a year, on the days that help most (default: those of design.toml).",
        ),
        click.option(
            "--assume",
            multiple=True,
            metavar="NAME=VALUE",
            help="Finance other than in design.toml, such as loan_share=0.7; may be repeated.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped


def sized_wish_options(command: Command) -> Command:
    """Add --kwp and what else the engineer asks for, which the command gets as `wish`."""

    @wraps(command)
    def sizing(*args: Any, kwp: str | None, wish: DesignRequest, **others: Any) -> Any:
        return command(*args, wish=replace(wish, capacity_kwp=size_of(kwp)), **others)

    size = click.option("--kwp", help="Size, or max for the whole roof (default: the best by net present value).")
    wrapped: Command = size(wish_options(sizing))
    return wrapped


def designed(site: Site, weather: Weather, building: str, wish: DesignRequest) -> SolarDesign:
    """Design what is asked for on a building as of today. Raises InputError, StoreUnavailable."""
    return design(design_inputs(site, weather, building_of(site.portfolio, building), wish, today=today_here()))


@contextmanager
def opened(config_dir: Path, weather_name: str, *, building: str | None = None) -> Iterator[tuple[Site, Weather]]:
    """Open the site, with the weather that a person chose."""
    config = load_configuration(config_dir)
    if weather_name == MEASURED and building is None:
        raise InputError.of("weather_of_building")
    weather = named_weather(config, TYPICAL if weather_name == MEASURED else weather_name, building)
    with opened_site(config) as site:
        if weather_name == MEASURED and building is not None:
            weather = measured_weather(site, weather, building_of(site.portfolio, building), today=today_here())
        yield site, weather


def size_of(text: str | None) -> float | str | None:
    """Parse a size that was asked for: kWp, or max. Raises InputError."""
    if text is None or text == "max":
        return text
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if size <= 0:
        raise InputError.of("no_size", text=text)
    return size
