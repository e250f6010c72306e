"""`bkkenergy solar tender`: the documents of a design that a tender asks for, in one archive."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from bkkenergy.adapters.files import write_whole
from bkkenergy.cli.context import config_option, today_here
from bkkenergy.cli.report import Names
from bkkenergy.cli.solar_options import designed, opened, sized_wish_options, weather_option
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.reports.solar.html import headline
from bkkenergy.reports.solar.tender import tender_archive, transformer_kva
from bkkenergy.site.folder import solar_folder
from bkkenergy.solar.design import DesignRequest


@click.command(
    "tender",
    epilog="\b\nExamples:\n  bkkenergy solar tender district-bangkhen.office --kwp 80 --lang th,en\n"
    "  bkkenergy solar tender district-bangkhen.office --module hjt-640 --no-pdf -o tender",
)
@click.argument("building")
@sized_wish_options
@weather_option
@click.option(
    "--lang", "langs", type=Names(LANGS), multiple=True, callback=Names.flat, default=("th", "en"), show_default="th,en"
)
@click.option("--pdf/--no-pdf", "with_pdf", default=True, show_default=True, help="Documents as PDF too, by Chromium.")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the archive (default: solar/ in report.folder of the settings).",
)
@config_option
def tender_command(
    building: str,
    wish: DesignRequest,
    weather_name: str,
    langs: tuple[str, ...],
    folder: Path | None,
    config_dir: Path,
    *,
    with_pdf: bool,
) -> None:
    """Write the tender pack of a design for BUILDING: materials, diagram, strings, cables, hourly series, SAM input."""
    with opened(config_dir, weather_name, building=building) as (site, weather):
        solar_design = designed(site, weather, building, wish)
        kva = transformer_kva(site.portfolio, building)
        is_demo = site.portfolio.is_simulated(solar_design.building)
        target = folder or solar_folder(site.settings)
    chosen = cast("tuple[Lang, ...]", langs)
    pack = tender_archive(solar_design, chosen, today=today_here(), kva=kva, with_pdf=with_pdf, is_simulated=is_demo)
    path = target / f"tender_{building}.zip"
    write_whole(path, pack)
    click.echo(headline(solar_design, Words(chosen[0])))
    click.echo(f"  {path}")
