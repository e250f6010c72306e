"""`bkkenergy import` and `bkkenergy export`: readings from and to CSV and Parquet files."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import cast

import click
import pandas as pd
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bkkenergy.calendar import BANGKOK, timestamp_us
from bkkenergy.cli.context import Site, config_option, load_site, period_of
from bkkenergy.errors import InputError
from bkkenergy.ingest.files import (
    CHUNK_ROWS,
    Imported,
    LongWriter,
    WideValues,
    beyond_rating_count,
    read_long,
    read_wide,
    wide_batch,
    work_units,
)
from bkkenergy.portfolio import Meter
from bkkenergy.readings import FIELDS, US_PER_S
from bkkenergy.store import ReadingStore, open_store, open_writable

METERS_A_READ = 50


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[readings]:,} readings"),
        TimeRemainingColumn(),
        transient=True,
    )


@click.command(
    "import",
    epilog="""\b
Examples:
  bkkenergy import readings.parquet                 a file that `bkkenergy export` wrote
  bkkenergy import office.csv --column power_kw=district-dindaeng.office.main
  bkkenergy import office.csv --column a=x.y.main --column b=x.y.aircon --values energy""",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN=METER",
    help="A wide file: this column is this meter's. Repeat for each.",
)
@click.option(
    "--values",
    type=click.Choice(["mean-power", "energy", "register"]),
    default="mean-power",
    show_default=True,
    help="What the columns of a wide file hold: kW, kWh of the interval, or counters.",
)
@click.option("--timezone", default=str(BANGKOK), show_default=True, help="Of times without an offset in a wide file.")
@config_option
def import_command(file: Path, columns: tuple[str, ...], values: str, timezone: str, config_dir: Path) -> None:
    """Read meter readings from FILE (CSV, CSV.gz or Parquet) into the store.

    Readings that are there already take the new values. Rows that are refused are written beside
    the file as FILE.refused.csv, each with its reason.
    """
    site = load_site(config_dir)
    store = open_writable(site.settings)
    started_s = time.monotonic()
    try:
        if columns:
            readings, refused = _import_wide(site, store, file, columns, cast("WideValues", values), timezone)
        else:
            readings, refused = _import_long(site, store, file)
    finally:
        store.close()
    seconds = time.monotonic() - started_s
    click.echo(f"{file}: {readings:,} readings in {seconds:.1f} s ({readings / seconds:,.0f} a second).")
    if refused:
        told = ", ".join(f"{count:,} {reason}" for reason, count in refused.most_common())
        click.echo(f"{sum(refused.values()):,} rows were refused ({told}). See {_refused_path(file)}.")
        raise SystemExit(1)


def _refused_path(file: Path) -> Path:
    return file.with_name(f"{file.name}.refused.csv")


def _import_long(site: Site, store: ReadingStore, file: Path) -> tuple[int, Counter[str]]:
    readings, refused = 0, Counter[str]()
    latest_us = int((time.time() + site.settings.ingest.max_ahead_s) * US_PER_S)
    _refused_path(file).unlink(missing_ok=True)
    with _progress() as progress:
        task = progress.add_task(file.name, total=work_units(file), readings=0)
        chunks = read_long(
            file, site.portfolio.meters, latest_us=latest_us, advance=lambda n: progress.advance(task, n)
        )
        for chunk in chunks:
            store.commit(chunk.batch)
            readings += len(chunk.batch)
            refused.update(chunk.refused["reason"].astype(str))
            _keep_refused(file, chunk)
            progress.update(task, readings=readings)
    return readings, refused


def _keep_refused(file: Path, chunk: Imported) -> None:
    if len(chunk.refused):
        path = _refused_path(file)
        chunk.refused.to_csv(path, mode="a", header=not path.exists(), index=False)


def _import_wide(
    site: Site, store: ReadingStore, file: Path, pairs: tuple[str, ...], values: WideValues, timezone: str
) -> tuple[int, Counter[str]]:
    wide = read_wide(file, timezone=timezone)
    known = {meter.id: meter for meter in site.portfolio.meters}
    columns: dict[str, Meter] = {}
    for pair in pairs:
        column, _, meter_id = pair.partition("=")
        if column not in wide.columns:
            raise InputError(f"{file} has no column of numbers {column!r}. It has: {', '.join(wide.columns)}.")
        if meter_id not in known:
            raise InputError(
                f"--column {pair}: there is no meter {meter_id!r} in the portfolio. See `bkkenergy check`."
            )
        meter = columns[column] = known[meter_id]
        if over := beyond_rating_count(wide, column, meter, values):
            raise InputError(
                f"{file}: {over:,} values of column {column!r} lie beyond the {meter.rated_kw:g} kW that meter "
                f"{meter_id} can carry. Check the file's unit and --values, or mend rated_kw in the portfolio. "
                "Nothing was imported."
            )
    batch = wide_batch(wide, columns, values)
    with _progress() as progress:
        task = progress.add_task(file.name, total=len(batch), readings=0)
        for at in range(0, len(batch), CHUNK_ROWS):
            part = batch.take(slice(at, at + CHUNK_ROWS))
            store.commit(part)
            progress.update(task, advance=len(part), readings=at + len(part))
    return len(batch), Counter()


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
@config_option
def export_command(file: Path, period: str, agency: str | None, config_dir: Path) -> None:
    """Write the readings of a period to FILE: .csv or .parquet, one row a reading, times in UTC."""
    if file.suffix not in {".csv", ".parquet"}:
        raise click.UsageError(f"{file} is neither .csv nor .parquet.")
    site = load_site(config_dir)
    span = period_of(period)
    if agency is not None and agency not in site.portfolio.agencies:
        raise InputError(
            f"agency {agency!r} is not in the portfolio. Use one of: {', '.join(site.portfolio.agencies)}."
        )
    meters = [
        meter.id
        for building in site.portfolio.buildings.values()
        if agency in {None, building.agency}
        for meter in building.meters
    ]
    store = open_store(site.settings.store)
    if (cut := store.kept.cut) is not None and span.first_day < cut:
        click.echo(f"Readings before {cut} are packed and deleted; their quarter-hours come by the API.", err=True)
    writer = LongWriter(file)
    readings = 0
    try:
        with _progress() as progress:
            starts = list(pd.date_range(span.start, span.end, freq="7D", inclusive="left"))
            ends = [*starts[1:], span.end]
            task = progress.add_task(file.name, total=len(starts) * len(meters), readings=0)
            for start, end in zip(starts, ends, strict=True):
                for at in range(0, len(meters), METERS_A_READ):
                    some = meters[at : at + METERS_A_READ]
                    batch = store.readings(some, timestamp_us(start), timestamp_us(end), FIELDS)
                    writer.write(batch)
                    readings += len(batch)
                    progress.update(task, advance=len(some), readings=readings)
    finally:
        writer.close()
        store.close()
    click.echo(f"{file}: {readings:,} readings of {len(meters)} meters, {span.slug}.")
