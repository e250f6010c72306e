"""`bkkenergy solar`: designs, sizes, the screening of all roofs, and the weather that they rest on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table

from bkkenergy.calendar import BANGKOK
from bkkenergy.carbon import factor_for
from bkkenergy.cli.context import Site, config_option, load_site
from bkkenergy.cli.report import Names
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.reports.solar.gather import SolarSite, building_of, default_weather, design_inputs, year_load
from bkkenergy.reports.solar.html import (
    headline,
    render_design_html,
    render_design_pdf,
    render_screening_html,
    render_screening_pdf,
)
from bkkenergy.reports.solar.tables import (
    design_csv,
    design_json,
    design_xlsx,
    screening_csv,
    screening_json,
    screening_xlsx,
)
from bkkenergy.settings import Settings
from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.solar.design import Design, Wish, design
from bkkenergy.solar.screening import Screening, screen
from bkkenergy.solar.weather import Weather, weather_faults
from bkkenergy.store import open_store
from bkkenergy.store.solar_config import load_solar
from bkkenergy.store.weather import Service, fetched_or_cached, read_weather_file

FORMATS = ("html", "pdf", "json", "csv", "xlsx")
SERVICES = ("pvgis_tmy", "pvgis_hourly", "nasa_power")
TYPICAL = "typical"
console = Console()

Command = Callable[..., Any]


def weather_option(command: Command) -> Command:
    """--weather typical|FILE|SERVICE."""
    return click.option(
        "--weather",
        "weather_name",
        default=TYPICAL,
        show_default=True,
        help="typical (offline), an .epw, TMY3 .csv or .parquet file, or one of pvgis_tmy, pvgis_hourly, nasa_power.",
    )(command)


def output_options(command: Command) -> Command:
    """--format, --lang and -o."""
    command = click.option(
        "-o",
        "--output",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the files (default: solar/ in report.folder of the settings).",
    )(command)
    command = click.option(
        "--lang", "langs", type=Names(LANGS), default="th", show_default=True, help="th, en, or th,en."
    )(command)
    return click.option(
        "--format", "formats", type=Names(FORMATS), default="html", show_default=True, help="html,pdf,json,csv,xlsx."
    )(command)


def wish_options(command: Command) -> Command:
    """What the engineer asks for."""
    for option in (
        click.option(
            "--module", default="mono-550", show_default=True, help="A module of equipment.toml, or cec:NAME."
        ),
        click.option("--inverter", help="An inverter of equipment.toml, or cec:NAME (default: what fits best)."),
        click.option("--mounting", type=click.Choice(["flush", "racked"]), default="flush", show_default=True),
        click.option("--rack-tilt", type=click.FloatRange(0, 40), default=10.0, show_default=True, help="Degrees."),
        click.option("--battery-kwh", type=click.FloatRange(0), help="Battery beside it (default: battery.kwh)."),
    ):
        command = option(command)
    return command


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
    """Rooftop solar: from a roof to a design with yield, bill, money and carbon."""


@contextmanager
def opened(config_dir: Path, weather_name: str, *, building: str | None = None) -> Iterator[SolarSite]:
    """The site with its store and weather."""
    site = load_site(config_dir)
    config = load_solar(config_dir)
    weather = chosen_weather(site, config, weather_name, building)
    store = open_store(site.settings.store)
    try:
        yield SolarSite(store, site.portfolio, site.settings, site.figures, config, weather)
    finally:
        store.close()


def chosen_weather(site: Site, config: SolarConfig, name: str, building: str | None) -> Weather:
    """The weather that --weather names; a service is asked for the building's place."""
    if name == TYPICAL:
        return default_weather(config)
    if name in SERVICES:
        place = building_of(site.portfolio, building) if building else config.climate
        return fetched_or_cached(
            weather_folder(site.settings), cast("Service", name), place.latitude_deg, place.longitude_deg
        )
    path = Path(name)
    if not path.suffix:
        raise InputError(f"weather {name!r} is not known. Use typical, a file, or one of: {', '.join(SERVICES)}.")
    return read_weather_file(path)


def weather_folder(settings: Settings) -> Path:
    """Where fetched weather is kept: beside the store."""
    return settings.store.path.parent / "weather"


def today_here() -> dt.date:
    """Today in Bangkok."""
    return dt.datetime.now(BANGKOK).date()


def size_of(text: str | None) -> float | str | None:
    """A size that was asked for: kWp, or max. Raises InputError."""
    if text is None or text == "max":
        return text
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if size <= 0:
        raise InputError(f"--kwp {text!r} is no size. Give kWp, for instance 50, or max.")
    return size


@solar_command.command(
    "estimate",
    epilog="\b\nExamples:\n  bkkenergy solar estimate district-bangkhen.office --kwp 80 --format html,pdf --lang th,en",
)
@click.argument("building")
@click.option("--kwp", help="Size, or max for the whole roof (default: the best by net present value).")
@wish_options
@weather_option
@output_options
@config_option
def estimate_command(
    building: str,
    kwp: str | None,
    module: str,
    inverter: str | None,
    mounting: Any,
    rack_tilt: float,
    battery_kwh: float | None,
    weather_name: str,
    formats: tuple[str, ...],
    langs: tuple[str, ...],
    folder: Path | None,
    config_dir: Path,
) -> None:
    """Design a system for BUILDING and write it as a report.

    The load is what its meters measured in the last twelve months, or a typical one where there is no meter.
    """
    wish = Wish(size_of(kwp), module, inverter, mounting, rack_tilt, battery_kwh=battery_kwh)
    with opened(config_dir, weather_name, building=building) as site:
        made = design(design_inputs(site, building, wish, today=today_here()))
        target = folder or site.settings.report.folder / "solar"
    click.echo(headline(made, Words(cast("Lang", langs[0]))))
    for key in made.warnings:
        click.echo(f"  {Words(cast('Lang', langs[0]))(f'solar.warning_{key}')}")
    for path in write_design(made, target, formats, cast("tuple[Lang, ...]", langs)):
        click.echo(f"  {path}")


def write_design(made: Design, folder: Path, formats: Iterable[str], langs: tuple[Lang, ...]) -> list[Path]:
    """The design in every format and language; the files, in that order."""
    today = today_here()
    writers: dict[str, Callable[[Lang], bytes]] = {
        "html": lambda lang: render_design_html(made, lang, today=today),
        "pdf": lambda lang: render_design_pdf(made, lang, today=today),
        "json": lambda _lang: design_json(made),
        "csv": lambda lang: design_csv(made, lang),
        "xlsx": lambda lang: design_xlsx(made, lang),
    }
    return written(folder, f"solar_{made.building.id}", writers, formats, langs)


def write_screening(found: Screening, folder: Path, formats: Iterable[str], langs: tuple[Lang, ...]) -> list[Path]:
    """The ranking in every format and language."""
    today = today_here()
    writers: dict[str, Callable[[Lang], bytes]] = {
        "html": lambda lang: render_screening_html(found, lang, today=today),
        "pdf": lambda lang: render_screening_pdf(found, lang, today=today),
        "json": lambda _lang: screening_json(found),
        "csv": lambda _lang: screening_csv(found),
        "xlsx": lambda lang: screening_xlsx(found, lang),
    }
    return written(folder, "solar_screening", writers, formats, langs)


def written(
    folder: Path,
    stem: str,
    writers: dict[str, Callable[[Lang], bytes]],
    formats: Iterable[str],
    langs: tuple[Lang, ...],
) -> list[Path]:
    """Files of a document; each appears whole or not at all. JSON is the same in every language."""
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    for form in formats:
        for lang in langs[:1] if form == "json" else langs:
            path = folder / (f"{stem}.json" if form == "json" else f"{stem}.{lang}.{form}")
            unfinished = path.with_suffix(".part")
            unfinished.write_bytes(writers[form](lang))
            unfinished.replace(path)
            paths.append(path)
    return paths


@solar_command.command("size", epilog="\b\nExamples:\n  bkkenergy solar size district-bangkhen.office")
@click.argument("building")
@wish_options
@weather_option
@config_option
def size_command(
    building: str,
    module: str,
    inverter: str | None,
    mounting: Any,
    rack_tilt: float,
    battery_kwh: float | None,
    weather_name: str,
    config_dir: Path,
) -> None:
    """Show what each size up to the roof's would give BUILDING."""
    wish = Wish("max", module, inverter, mounting, rack_tilt, battery_kwh=battery_kwh)
    with opened(config_dir, weather_name, building=building) as site:
        made = design(design_inputs(site, building, wish, today=today_here()))
    table = Table(title=f"{building}: {made.schedule.name_en}")
    for name in (
        "kWp",
        "kWh/year",
        "used",
        "of the load",
        "cost THB",
        "saving THB/year",
        "NPV THB",
        "IRR",
        "payback years",
    ):
        table.add_column(name, justify="right")
    best, whole = made.sweep.best_by_npv, made.sweep.best_by_self_consumption
    for option in made.sweep.options:
        mark = " *" if option is best else " +" if option is whole else "  "
        money = option.money
        table.add_row(
            f"{option.capacity_kwp:,.1f}{mark}",
            f"{option.energy_kwh:,.0f}",
            f"{option.self_consumption_ratio:.0%}",
            f"{option.load_share_ratio:.0%}",
            f"{option.capex_thb:,.0f}",
            f"{option.saving_thb:,.0f}",
            f"{money.npv_thb:,.0f}",
            "–" if money.irr is None else f"{money.irr:.1%}",
            "–" if money.payback_years is None else f"{money.payback_years:.1f}",
        )
    console.print(table)
    console.print("* best by net present value; + largest that the building uses nearly whole (95 %).")


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
@config_option
def compare_command(
    building: str,
    sizes: tuple[str, ...],
    mountings: tuple[Any, ...],
    modules: tuple[str, ...],
    weather_name: str,
    config_dir: Path,
) -> None:
    """Put designs of BUILDING side by side: every size with every mounting and module."""
    wishes = [
        Wish(size_of(size), module, mounting=mounting)
        for size in sizes or (None,)
        for mounting in mountings or ("flush",)
        for module in modules or ("mono-550",)
    ]
    table = Table(title=building)
    for name in (
        "design",
        "kWp",
        "kWh/year",
        "kWh/kWp",
        "used",
        "saving THB/year",
        "cost THB",
        "NPV THB",
        "payback",
        "LCOE",
    ):
        table.add_column(name, justify="left" if name == "design" else "right")
    with opened(config_dir, weather_name, building=building) as site:
        load = year_load(site, building_of(site.portfolio, building), today=today_here())
        for wish in track(wishes, "Designs", transient=True):
            made = design(design_inputs(site, building, wish, today=today_here(), read_load=lambda *_: load))
            own = made.ways["own"]
            table.add_row(
                f"{wish.capacity_kwp or 'best'} {wish.mounting} {wish.module}",
                f"{made.capacity_kwp:,.1f}",
                f"{made.energy_kwh:,.0f}",
                f"{made.specific_yield_kwh_per_kwp:,.0f}",
                f"{made.self_consumption_ratio:.0%}",
                f"{made.bills.saving_thb:,.0f}",
                f"{made.capex_thb:,.0f}",
                f"{own.npv_thb:,.0f}",
                "–" if own.payback_years is None else f"{own.payback_years:.1f}",
                f"{own.lcoe_thb_per_kwh:.2f}",
            )
    console.print(table)


@solar_command.command(
    "screen",
    epilog="\b\nExamples:\n  bkkenergy solar screen --format xlsx,html --lang th,en\n"
    "  bkkenergy solar screen --agency education --dask tcp://10.0.0.5:8786",
)
@click.option("--agency", help="Only this agency's buildings.")
@click.option("--module", default="mono-550", show_default=True, help="A module of equipment.toml, or cec:NAME.")
@click.option("--dask", "scheduler", metavar="ADDRESS", help="Spread the work over a Dask cluster (bkkenergy[dask]).")
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
    today = today_here()
    with opened(config_dir, weather_name) as site, spreading(scheduler) as spread, Progress(transient=True) as progress:
        buildings = [own for own in site.portfolio.buildings.values() if agency in (None, own.agency)]
        if not buildings:
            raise InputError(f"agency {agency!r} has no buildings. Use one of: {', '.join(site.portfolio.agencies)}.")
        task = progress.add_task("Roofs", total=len(buildings))

        def read_load(building: Any) -> Any:
            progress.advance(task)
            return year_load(site, building, today=today)

        found = screen(
            buildings,
            site.weather,
            site.config,
            site.figures.tariffs,
            factor_for(site.figures.grid_factors, today.year, "footprint"),
            read_load,
            module_id=module,
            spread=spread,
        )
        target = folder or site.settings.report.folder / "solar"
    words = Words(cast("Lang", langs[0]))
    click.echo(
        words(
            "solar.screening_headline",
            count=len(found.rows),
            kwp=words.number(found.capacity_kwp),
            energy=words.number(found.energy_kwh / 1000),
        )
    )
    for path in write_screening(found, target, formats, cast("tuple[Lang, ...]", langs)):
        click.echo(f"  {path}")


@contextmanager
def spreading(scheduler: str | None) -> Iterator[Any]:
    """`map`, or the same on a Dask cluster. Raises InputError without the extra, or without an answer."""
    if scheduler is None:
        yield map
        return
    try:
        from distributed import Client  # noqa: PLC0415 - the extra bkkenergy[dask]
    except ImportError:
        raise InputError("--dask needs the extra: pip install 'bkkenergy[dask]'.") from None
    try:
        client: Any = Client(scheduler, timeout="10s")
    except (OSError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler} ({error}). Start one with: dask scheduler."
        ) from error
    with client:
        yield lambda work, items: client.gather(client.map(work, list(items), pure=False))


@solar_command.group("weather")
def weather_group() -> None:
    """The weather that designs rest on."""


@weather_group.command(
    "show", epilog="\b\nExamples:\n  bkkenergy solar weather show\n  bkkenergy solar weather show bangkok.epw"
)
@click.argument("weather_name", default=TYPICAL)
@config_option
def weather_show_command(weather_name: str, config_dir: Path) -> None:
    """Show a weather's months and where it comes from."""
    site, config = load_site(config_dir), load_solar(config_dir)
    weather = chosen_weather(site, config, weather_name, None)
    table = Table(title=weather.provenance.name_en)
    for name in ("month", "GHI kWh/m2/day", "diffuse", "mean degC", "max degC", "wind m/s", "rain mm"):
        table.add_column(name, justify="right")
    months = weather.months()
    for month in range(1, 13):
        own = months == month
        if not own.any():
            continue
        days = own.sum() * weather.interval_h / 24
        ghi = weather.ghi_wm2[own].sum() * weather.interval_h / 1000
        diffuse = weather.dhi_wm2[own].sum() * weather.interval_h / 1000
        table.add_row(
            str(month),
            f"{ghi / days:.2f}",
            f"{diffuse / ghi:.0%}" if ghi else "–",
            f"{weather.temp_air_c[own].mean():.1f}",
            f"{weather.temp_air_c[own].max():.1f}",
            f"{weather.wind_ms[own].mean():.1f}",
            f"{weather.rain_mm[own].sum() / max(1.0, weather.years):.0f}",
        )
    console.print(table)
    console.print(f"GHI {weather.ghi_kwh_m2:,.0f} kWh/m2 a year. {weather.provenance.source}.")
    if weather.provenance.decomposition:
        console.print(f"Diffuse light: {weather.provenance.decomposition}.")


@weather_group.command(
    "fetch", epilog="\b\nExamples:\n  bkkenergy solar weather fetch pvgis_tmy --building education.school-1"
)
@click.argument("service", type=click.Choice(SERVICES))
@click.option("--building", help="Its place (default: the climate's place in config/solar).")
@config_option
def weather_fetch_command(service: Any, building: str | None, config_dir: Path) -> None:
    """Fetch weather once; it is kept beside the store and used from there."""
    site, config = load_site(config_dir), load_solar(config_dir)
    weather = chosen_weather(site, config, service, building)
    click.echo(
        f"{weather.provenance.source}: {len(weather.starts)} intervals, GHI {weather.ghi_kwh_m2:,.0f} kWh/m2 a year."
    )
    click.echo(f"  {weather_folder(site.settings)}")


@weather_group.command("check", epilog="\b\nExamples:\n  bkkenergy solar weather check bangkok.epw")
@click.argument("weather_name", default=TYPICAL)
@config_option
def weather_check_command(weather_name: str, config_dir: Path) -> None:
    """Tell what is wrong with a weather: gaps, impossible values, sun at night, shifted stamps.

    Exit code 1 if there is anything.
    """
    weather = chosen_weather(load_site(config_dir), load_solar(config_dir), weather_name, None)
    faults = weather_faults(weather, where=weather_name)
    for fault in faults:
        click.echo(str(fault))
    if faults:
        raise SystemExit(1)
    click.echo(f"{weather_name}: no faults in {len(weather.starts)} intervals.")
