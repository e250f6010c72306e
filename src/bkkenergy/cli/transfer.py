"""`bkkenergy export`: readings to CSV and Parquet files."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
import pandas as pd
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bkkenergy.calendar import timestamp_us
from bkkenergy.cli.context import config_option, period_of
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.refusals import refused
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.ingest.files import LongWriter
from bkkenergy.readings import FIELDS
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_ledger, open_store
from bkkenergy.usecases.purge import purged_before

METERS_PER_READ = 50


def progress_bar(words: Words) -> Progress:
    """Make a bar that counts readings, on standard output while it runs."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[readings]:,} " + words("command.export_progress")),
        TimeRemainingColumn(),
        transient=True,
    )


@click.command(
    "export",
    epilog="""\b
Examples:
  bkkenergy export readings.parquet --period 2026-11
  bkkenergy export dindaeng.csv --agency district-dindaeng --period 2026-11-01..2026-11-15""",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--period", required=True, help="2026-11-23, 2026-11, FY2570, two days joined by .. or yesterday.")
@click.option("--agency", help="Only this agency's meters.")
@operator_lang_option
@config_option
def export_command(file: Path, period: str, agency: str | None, lang: Lang, config_dir: Path) -> None:
    """Write the readings of a period to FILE: .csv or .parquet, one row a reading, times in UTC."""
    if file.suffix not in {".csv", ".parquet"}:
        raise click.UsageError(refused("export_form", file=file))
    config, words = load_configuration(config_dir), Words(lang)
    span = period_of(period)
    if agency is not None and agency not in config.portfolio.agencies:
        raise InputError.of("no_such_agency", name=agency, known=", ".join(config.portfolio.agencies))
    meters = [
        meter.id
        for building in config.portfolio.buildings.values()
        if agency in {None, building.agency}
        for meter in building.meters
    ]
    with closing(open_ledger(config.settings)) as ledger:
        before = purged_before(ledger, meters)
    if before is not None and span.first_day < before:
        click.echo(words("command.export_purged", day=words.date(before)), err=True)
    store = open_store(config.settings.store)
    writer = LongWriter(file)
    readings = 0
    try:
        with progress_bar(words) as progress:
            starts = list(pd.date_range(span.start, span.end, freq="7D", inclusive="left"))
            ends = [*starts[1:], span.end]
            task = progress.add_task(file.name, total=len(starts) * len(meters), readings=0)
            for start, end in zip(starts, ends, strict=True):
                for at in range(0, len(meters), METERS_PER_READ):
                    chunk = meters[at : at + METERS_PER_READ]
                    batch = store.readings(chunk, timestamp_us(start), timestamp_us(end), FIELDS)
                    writer.write(batch)
                    readings += len(batch)
                    progress.update(task, advance=len(chunk), readings=readings)
    finally:
        writer.close()
        store.close()
    said = {"count": readings, "meters": len(meters), "period": words.period(span.slug)}
    click.echo(words("command.export_written", file=file, **said))
