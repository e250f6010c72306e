"""`bkkenergy solar plant`: how a PV plant that runs works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.cli.context import config_option, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.i18n import Words
from bkkenergy.site import load_configuration
from bkkenergy.usecases.planttexts import drop_text, plant_notes
from bkkenergy.usecases.plantwork import YEARS, PlantWork, plant_named, plant_work, work_record

console = Console()


@click.command(
    "plant",
    epilog="\b\nExamples:\n  bkkenergy solar plant roof-1\n  bkkenergy solar plant roof-1 --years 1 --json",
)
@click.argument("plant_id", metavar="PLANT")
@click.option("--years", type=click.IntRange(1, 10), default=YEARS, show_default=True, help="How far back.")
@json_option
@lang_option
@config_option
def plant_command(plant_id: str, years: int, config_dir: Path, *, as_json: bool, lang: Any) -> None:
    """Show how PLANT works: months against what the light should give, performance ratio, drops, ageing, dust."""
    with opened_site(load_configuration(config_dir)) as site:
        work = plant_work(site, plant_named(site.portfolio, plant_id), today=today_here(), years=years)
        words = Words(lang)
        texts = [drop_text(drop, site.portfolio, words) for drop in work.drops]
        texts += plant_notes(work, site.portfolio, words)
    if as_json:
        print_json(work_record(work))
        return
    console.print(_table(work, words))
    for text in texts:
        click.echo(f"  {text}")


def _table(work: PlantWork, words: Words) -> Table:
    table = Table(title=words("plant.title", plant=work.plant.id))
    table.add_column(words("plant.month"))
    names = [words(f"plant.{key}") for key in ("measured", "expected", "against")]
    names += ["PR", *(words(f"plant.{key}") for key in ("pr_25c", "availability", "outage_h", "known"))]
    for name in names:
        table.add_column(name, justify="right")
    for month in work.months:
        table.add_row(
            f"{month.month:%Y-%m}",
            words.number(month.energy_kwh),
            words.number(month.expected_kwh),
            words.percent(month.against_expected_ratio),
            words.percent(month.performance_ratio, 1),
            words.percent(month.pr_25c_ratio, 1),
            words.percent(month.availability_ratio, 1),
            words.number(month.outage_h),
            words.percent(month.known_ratio),
        )
    return table
