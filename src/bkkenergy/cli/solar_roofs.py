"""`bkkenergy solar roofs` and `solar horizon`: outlines and horizons out of files, seen before they are entered."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.table import Table
from shapely.geometry import Polygon

from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.outlines.horizon import AzimuthFrom, read_horizon
from bkkenergy.adapters.outlines.read import read_outlines
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.lang import lang_option, operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.portfolio.write import roof_text, toml
from bkkenergy.reports.solar.roofsplan import roofs_plan
from bkkenergy.site import Site, load_configuration
from bkkenergy.solar.layout import Layout
from bkkenergy.solar.roofs import check_apart
from bkkenergy.usecases.energy import building_of
from bkkenergy.usecases.portfolio import change, portfolio_state
from bkkenergy.usecases.roofs import OutlineWish, RoofsOfFile, laid_out, roof_edits, roofs_of_drawing

OTHER_PARTS = frozenset({".dbf", ".shx", ".prj", ".cpg"})
UNITS_M = {"mm": 0.001, "cm": 0.01, "m": 1.0}
console = Console()
from_option = click.option(
    "--azimuth-from",
    type=click.Choice(["north", "south"]),
    help="Where the file's azimuths begin: north (compass, 0 to 360) or south (PVGIS, PVsyst, PV*SOL: -180 to 180).",
)


@click.command(
    "roofs",
    epilog="\b\nExamples:\n  bkkenergy solar roofs roofs.geojson --building education.school-1 --preview roofs.svg\n"
    "  bkkenergy solar roofs plan.dxf --building education.school-1 --layer ROOF --unit mm --tilt 5 --azimuth 90\n"
    '  bkkenergy solar roofs parcels.zip --building health.centre-1 --crs EPSG:24047 --enter --why "survey 2026"',
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--building", required=True, help="Whose roofs they are.")
@click.option(
    "--crs", default="", help="Coordinates of the file, such as EPSG:32647 or EPSG:24047, if it is silent or wrong."
)
@click.option("--unit", type=click.Choice([*UNITS_M]), help="Of a drawing's coordinates.")
@click.option("--layer", "layers", multiple=True, help="Only this layer of a DXF drawing; may be repeated.")
@click.option("--only", multiple=True, help="Only the outline of this name; may be repeated.")
@click.option(
    "--within-m", type=click.FloatRange(0, 2000), default=100.0, show_default=True, help="How near the building."
)
@click.option("--tilt", type=click.FloatRange(0, 90), help="Of outlines that say none (default: flat).")
@click.option(
    "--azimuth", type=click.FloatRange(-180, 360), help="Of outlines that say none, counted as --azimuth-from says."
)
@from_option
@click.option(
    "--north", type=click.FloatRange(0, 360), default=0.0, help="Where up of a drawing without a place points."
)
@click.option("--preview", type=click.Path(dir_okay=False, path_type=Path), help="Write a plan as this SVG file.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the roofs as this TOML file."
)
@click.option("--enter", is_flag=True, help="Enter the roofs in the portfolio; --why is needed.")
@click.option("--why", default="", help="The reason, for the history.")
@json_option
@lang_option
@config_option
def roofs_command(
    file: Path,
    building: str,
    crs: str,
    unit: str | None,
    layers: tuple[str, ...],
    only: tuple[str, ...],
    within_m: float,
    tilt: float | None,
    azimuth: float | None,
    azimuth_from: str | None,
    north: float,
    preview: Path | None,
    output: Path | None,
    why: str,
    config_dir: Path,
    *,
    enter: bool,
    as_json: bool,
    lang: Any,
) -> None:
    """Read the roofs of BUILDING out of GeoJSON, OpenStreetMap, KML, DXF or a shapefile.

    Nothing is entered without --enter.
    """
    is_from_south = azimuth_from == "south"
    asked = OutlineWish(
        crs, UNITS_M.get(unit or ""), only, within_m, tilt, _compass(azimuth, is_from_south=is_from_south),
        is_from_south, north,
    )  # fmt: skip
    drawing = read_outlines(file.name, file.read_bytes(), layers=frozenset(layers), beside=_beside(file))
    with opened_site(load_configuration(config_dir)) as site:
        chosen = building_of(site.portfolio, building)
        found_roofs = roofs_of_drawing(drawing, chosen, asked)
        drawn = chosen.model_copy(update={"roofs": tuple(roof.as_roof() for roof in found_roofs.roofs)})
        check_apart(drawn)
        layouts = laid_out(drawn, site.solar)
        if enter:
            _enter(site, found_roofs, why)
    words = Words(cast("Lang", lang))
    if preview is not None:
        plan = roofs_plan(found_roofs.roofs, layouts, building, words("unit.m"), words("solar.north"))
        write_whole(preview, plan.encode())
    if output is not None:
        write_whole(output, roof_text(found_roofs.roofs).encode())
    if as_json:
        print_json(_data(building, found_roofs, layouts))
        return
    console.print(_table(building, found_roofs, layouts, words))
    for note in found_roofs.notes:
        console.print(note.said(words.lang), soft_wrap=True)
    if output is None and not enter:
        click.echo(roof_text(found_roofs.roofs))


def _compass(azimuth: float | None, *, is_from_south: bool) -> float | None:
    """Return an azimuth of the command line, clockwise from north. Raises InputError where it could be either way."""
    if azimuth is None:
        return None
    if is_from_south:
        return (azimuth + 180) % 360
    if azimuth < 0:
        raise InputError.of("outlines_azimuth_negative", name="--azimuth", azimuth=f"{azimuth:g}")
    return azimuth % 360


def _beside(file: Path) -> dict[str, bytes]:
    """Return the other parts of a shapefile."""
    if file.suffix.lower() != ".shp":
        return {}
    parts = [part for part in file.parent.iterdir() if part.stem == file.stem and part.is_file()]
    return {part.suffix.lower(): part.read_bytes() for part in parts if part.suffix.lower() in OTHER_PARTS}


def _enter(site: Site, found_roofs: RoofsOfFile, why: str) -> None:
    if not why.strip():
        raise InputError.of("outlines_no_why")
    now = dt.datetime.now(BANGKOK)
    change(
        portfolio_state(site.config, site.state), command_line(), roof_edits(found_roofs.roofs),
        why=why, from_day=None, expected_revision=None, now=now,
    )  # fmt: skip


def _data(building: str, found_roofs: RoofsOfFile, layouts: dict[str, Layout]) -> dict[str, Any]:
    return {
        "building": building,
        "roofs": [
            roof.model_dump(mode="json", exclude_defaults=True)
            | {"name": name, "area_m2": _area_m2(roof), "capacity_kwp": _kwp(layouts, roof.id)}
            for roof, name in zip(found_roofs.roofs, found_roofs.names, strict=True)
        ],
        "notes": [{"key": note.key, "text": note.said("en")} for note in found_roofs.notes],
    }


def _area_m2(roof: Any) -> float:
    return float(Polygon(roof.outline_m, roof.holes_m).area)


def _kwp(layouts: dict[str, Layout], roof: str) -> float:
    return layouts[roof].capacity_kwp if roof in layouts else 0.0


def _table(building: str, found_roofs: RoofsOfFile, layouts: dict[str, Layout], words: Words) -> Table:
    table = Table(title=building)
    for name in ("roof", "outline", "area", "corners", "holes", "tilt_azimuth", "capacity"):
        text = words(f"outlines.{name}") if name in {"outline", "area", "corners", "holes"} else words(f"solar.{name}")
        table.add_column(text, justify="left" if name in {"roof", "outline"} else "right")
    for roof, name in zip(found_roofs.roofs, found_roofs.names, strict=True):
        table.add_row(
            roof.id,
            name,
            words.number(_area_m2(roof)),
            str(len(roof.outline_m)),
            str(len(roof.holes_m)),
            f"{roof.tilt_deg:g}° / {roof.azimuth_deg:g}°",
            f"{words.number(_kwp(layouts, roof.id), 1)} kWp",
        )
    return table


@click.command(
    "horizon",
    epilog="\b\nExamples:\n  bkkenergy solar horizon pvgis.csv\n  bkkenergy solar horizon a.hor --azimuth-from south",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@from_option
@json_option
@operator_lang_option
def horizon_command(file: Path, azimuth_from: str | None, lang: Lang, *, as_json: bool) -> None:
    """Read a horizon of PVGIS, PVsyst, PV*SOL or Meteonorm, and print it for a roof of the portfolio."""
    horizon = read_horizon(file.read_bytes(), cast("AzimuthFrom | None", azimuth_from))
    if as_json:
        data = {"counted_from": horizon.counted_from, "is_assumed": horizon.is_assumed, "horizon": horizon.points}
        print_json(data)
        return
    words = Words(lang)
    click.echo(words("command.horizon_from", side=words(f"command.horizon_{horizon.counted_from}")))
    click.echo(f"horizon = {toml(horizon.points)}")
