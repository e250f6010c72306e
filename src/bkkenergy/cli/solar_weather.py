"""`bkkenergy solar weather`: what designs rest on, shown, fetched and checked; and what --weather names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.cli.context import config_option
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.i18n import Lang, Words
from bkkenergy.site import load_configuration
from bkkenergy.site.folder import weather_folder
from bkkenergy.solar.skystatistics import SkyStatistics, sky_statistics
from bkkenergy.solar.weather import Weather
from bkkenergy.solar.weathercheck import Coordinates, weather_findings
from bkkenergy.usecases.energy import building_of
from bkkenergy.usecases.weather import SERVICES, TYPICAL, named_weather

MEASURED = "measured"
console = Console()


@click.group("weather")
def weather_group() -> None:
    """Fetch and check the weather that designs use."""


@weather_group.command(
    "show", epilog="\b\nExamples:\n  bkkenergy solar weather show\n  bkkenergy solar weather show bangkok.epw"
)
@click.argument("weather_name", default=TYPICAL)
@json_option
@operator_lang_option
@config_option
def weather_show_command(weather_name: str, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show a weather's months and where it comes from."""
    weather = named_weather(load_configuration(config_dir), weather_name, None)
    months, statistics = _months(weather), _statistics(weather)
    if as_json:
        print_json(
            {
                "weather": weather.provenance,
                "ghi_kwh_m2_a_year": weather.ghi_kwh_m2,
                "months": months,
                "statistics": statistics,
            }
        )
        return
    _show(weather, months, statistics, Words(lang))


def _show(
    weather: Weather, months: Sequence[Mapping[str, Any]], statistics: SkyStatistics | None, words: Words
) -> None:
    """Print a weather's months, where it comes from, and the statistics of its sky."""
    known = weather.provenance
    table = Table(title=words.either(th=known.name_th, en=known.name_en))
    for name in ("month", "ghi", "diffuse", "mean", "max", "wind", "rain"):
        table.add_column(words(f"command.sky_{name}"), justify="right")
    for row in months:
        diffuse = row["diffuse_ratio"]
        table.add_row(
            str(row["month"]),
            f"{row['ghi_kwh_m2_a_day']:.2f}",
            "–" if diffuse is None else f"{diffuse:.0%}",
            f"{row['mean_temp_c']:.1f}",
            f"{row['max_temp_c']:.1f}",
            f"{row['wind_ms']:.1f}",
            f"{row['rain_mm']:.0f}",
        )
    console.print(table)
    source = words.either(th=known.source_th or known.source, en=known.source)
    console.print(words("command.sky_year", ghi=f"{weather.ghi_kwh_m2:,.0f}", source=source))
    if statistics is not None:
        console.print(words("command.sky_days", **_written(statistics)))
    if known.decomposition:
        console.print(words("command.sky_decomposition", how=known.decomposition))


def _written(statistics: SkyStatistics) -> dict[str, str]:
    """Write the statistics of a sky for their sentence."""
    return {
        "spread": f"{statistics.day_spread_ratio:.3f}",
        "darkest": f"{statistics.day_p01_ratio:.2f}",
        "brightest": f"{statistics.day_p99_ratio:.2f}",
        "day": f"{statistics.day_to_day_ratio:.2f}",
        "hour": f"{statistics.hour_to_hour_ratio:.2f}",
        "diffuse": f"{statistics.diffuse_ratio:.0%}",
        "peak": f"{statistics.brightest_w_per_m2:,.0f}",
    }


def _statistics(weather: Weather) -> SkyStatistics | None:
    """Compute the statistics of the sky; None where the weather is not of whole days by the hour."""
    try:
        return sky_statistics(weather)
    except ValueError:
        return None


def _months(weather: Weather) -> list[dict[str, Any]]:
    """Return a row for each month that the weather has."""
    rows = []
    months = weather.months()
    for month in range(1, 13):
        in_month = months == month
        if not in_month.any():
            continue
        days = in_month.sum() * weather.interval_h / 24
        ghi = weather.ghi_wm2[in_month].sum() * weather.interval_h / 1000
        diffuse = weather.dhi_wm2[in_month].sum() * weather.interval_h / 1000
        rows.append(
            {
                "month": month,
                "ghi_kwh_m2_a_day": float(ghi / days),
                "diffuse_ratio": float(diffuse / ghi) if ghi else None,
                "mean_temp_c": float(weather.temp_air_c[in_month].mean()),
                "max_temp_c": float(weather.temp_air_c[in_month].max()),
                "wind_ms": float(weather.wind_ms[in_month].mean()),
                "rain_mm": float(weather.rain_mm[in_month].sum() / max(1.0, weather.years)),
            }
        )
    return rows


@weather_group.command(
    "fetch",
    epilog="\b\nExamples:\n  bkkenergy solar weather fetch pvgis_tmy --building education.school-1\n"
    "  bkkenergy solar weather fetch nasa_power --years 2015..2023\n"
    "  bkkenergy solar weather fetch cams --years 2019..2023 --email solar@example.go.th",
)
@click.argument("service", type=click.Choice(SERVICES))
@click.option("--building", help="Its place (default: the climate's place in config/solar).")
@click.option("--years", help="Whole years, for instance 2015..2023 (default: 2019..2023; pvgis_tmy has none).")
@click.option("--email", envvar="BKKENERGY_SODA_EMAIL", help="Of an account at SoDa: what cams asks for.")
@operator_lang_option
@config_option
def weather_fetch_command(
    service: Any, building: str | None, years: str | None, email: str | None, lang: Lang, config_dir: Path
) -> None:
    """Fetch weather once; it is stored beside the store and used from there."""
    config = load_configuration(config_dir)
    name = f"{service}:{years}" if years else service
    weather = named_weather(config, name, building, email=email)
    words, ghi = Words(lang), f"{weather.ghi_kwh_m2:,.0f}"
    source, count = weather.provenance.source, len(weather.starts)
    click.echo(words("command.weather_fetched", source=source, count=count, ghi=ghi))
    click.echo(f"  {weather_folder(config.settings)}")
    click.echo(words("command.weather_use", name=name))


@weather_group.command(
    "check",
    epilog="\b\nExamples:\n  bkkenergy solar weather check bangkok.epw\n"
    "  bkkenergy solar weather check bangkok.epw --building education.school-1",
)
@click.argument("weather_name", default=TYPICAL)
@click.option("--building", help="A building that a design would be for: how far the weather is from it.")
@json_option
@operator_lang_option
@config_option
def weather_check_command(
    weather_name: str, building: str | None, lang: Lang, config_dir: Path, *, as_json: bool
) -> None:
    """Check a weather as each design does: place, gaps, impossible values, sun at night, stamps, components, rain.

    Exit code 1 if there is anything.
    """
    config = load_configuration(config_dir)
    weather = named_weather(config, weather_name, building)
    roof = building_of(config.portfolio, building) if building else config.solar.climate
    findings = weather_findings(weather, [Coordinates(roof.latitude_deg, roof.longitude_deg)], config.solar.climate)
    if as_json:
        rows = [
            {"key": finding.key, "is_refused": finding.is_refused, "text": finding.said("en")} for finding in findings
        ]
        print_json({"weather": weather_name, "intervals": len(weather.starts), "findings": rows})
        raise SystemExit(1 if findings else 0)
    words = Words(lang)
    for finding in findings:
        text = finding.said(lang)
        click.echo(words("command.sky_refused" if finding.is_refused else "command.sky_note", text=text))
    if findings:
        raise SystemExit(1)
    click.echo(words("command.sky_well", name=weather_name, count=len(weather.starts)))
