"""`bkkenergy import`: files taken in as batches, previewed, and undone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pandas as pd

from bkkenergy.adapters.files import plain_frame
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.importreadings import ReadingsFile, take_in_readings
from bkkenergy.cli.importshown import refused_path, shown_at
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.refusals import refused
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.i18n import Words
from bkkenergy.ingest.ask import store_mapping
from bkkenergy.ingest.brought import BroughtReadings, brought_by, check_columns
from bkkenergy.ingest.fileratios import FileMeters, Side
from bkkenergy.ingest.files import is_export
from bkkenergy.ingest.sheets import (
    FILE_UNITS,
    FileMapping,
    FileTable,
    load_mapping,
    owners_of,
    read_sheet,
)
from bkkenergy.metering.sources import IntervalSeries
from bkkenergy.ports.channels import IMPORT, Channel
from bkkenergy.site import Site
from bkkenergy.site.folder import mappings_folder
from bkkenergy.texts import Lang
from bkkenergy.tomlfiles import validated
from bkkenergy.usecases import imports
from bkkenergy.usecases.imports import Overlap
from bkkenergy.usecases.server import ImportFile, import_intervals, latest_us, undo_import

SHOWN_REFUSALS = 10


@click.command(
    "import",
    epilog="""\b
Examples:
  bkkenergy import office.csv --column kWh=district-dindaeng.office.main --values energy --dry-run
  bkkenergy import office.csv --column a=x.y.main --column b=x.y.aircon --overlap fill
  bkkenergy import amr.xlsx --column kW=x.y.main --stamps end --save-mapping amr
  bkkenergy import amr-11.xlsx --mapping amr --dry-run
  bkkenergy import water.csv --column "Volume (m3)=x.y.water:water"
  bkkenergy import rooms.xlsx --column Temperature=x.y.room-1:room_temp --unit °C
  bkkenergy import readings.parquet                 a file that `bkkenergy export` wrote
  bkkenergy import --undo 3                         see `bkkenergy imports list`""",
)
@click.argument("file", required=False, type=InputFile())
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN=METER",
    help="This column is this meter's. Repeat for each. METER:CHANNEL is another quantity than import, such as "
    "METER:water, METER:gas, METER:room_temp or METER:reactive.",
)
@click.option(
    "--rows",
    multiple=True,
    metavar="COLUMN=TEXT",
    help="Only rows with this text in this column, such as a meter's number.",
)
@click.option(
    "--values",
    type=click.Choice(["mean-power", "energy", "register"]),
    help="What the columns hold: kW, kWh of the interval, or registers. By default as units and values show.",
)
@click.option(
    "--side",
    type=click.Choice([side.value for side in Side]),
    help="Registers of a meter with a CT or VT ratio: secondary, as it shows them (the ratio of each day multiplies "
    "them), or primary, with the ratio in them.",
)
@click.option(
    "--unit",
    type=click.Choice(FILE_UNITS, case_sensitive=False),
    help="Unit of the columns, where headings and cells do not name it.",
)
@click.option("--pulse-kwh", type=float, metavar="KWH", help="Energy of one pulse.")
@click.option("--stamps", type=click.Choice(["start", "end"]), help="What times label, if the file does not show it.")
@click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="Order of 03/04/2026, if the file does not show it.")
@click.option("--decimal", type=click.Choice(["point", "comma"]), help="What divides the fraction, where 1,234 is all.")
@click.option("--timezone", help="Of times without an offset.  [default: Asia/Bangkok]")
@click.option(
    "--calendar", type=click.Choice(["ce", "be"]), help="Refuse years of the other era. Both are read by default."
)
@click.option("--sheet", metavar="NAME", help="Sheet of a workbook that has several.")
@click.option("--mapping", "mapping_name", metavar="NAME", help="Read the file as --save-mapping NAME once said.")
@click.option("--save-mapping", "save_name", metavar="NAME", help="Save columns and options under a name.")
@click.option(
    "--overlap",
    type=click.Choice([overlap_rule.value for overlap_rule in Overlap]),
    help="Where the file meets what was measured or another file: fill leaves that, replace puts the file first.",
)
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--skip-refused", "is_skipping", is_flag=True, help="Import the other readings where some are refused.")
@click.option("--undo", "batch", type=int, metavar="ID", help="Undo an import.")
@operator_lang_option
@config_option
def import_command(
    file: Path | None,
    columns: tuple[str, ...],
    rows: tuple[str, ...],
    overlap: str | None,
    batch: int | None,
    mapping_name: str | None,
    save_name: str | None,
    lang: Lang,
    config_dir: Path,
    *,
    is_dry_run: bool,
    is_skipping: bool,
    **options: Any,
) -> None:
    """Import FILE (CSV, XLSX, NEM12, Green Button, or an export) as one batch: wholly, or not at all.

    A file of a utility is read as it is: headings anywhere, units in headings or cells, date and time in one cell or
    two, a row a day, either era. The preview says what was found out, and what cannot be known is asked for. One that
    names an electricity account with one main meter, or a meter, needs no --column.

    Energies of intervals complement the meter's readings, and take the intervals that these did not measure. What
    overlaps is refused unless --overlap says what to do with it; what is later than now is always refused. Readings (a
    file that `bkkenergy export` wrote, or registers) go into the store. Refused rows are written to FILE.refused.csv.
    """
    if (file is None) == (batch is None):
        raise click.UsageError(refused("import_of_nothing"))
    asked, words = None if overlap is None else Overlap(overlap), Words(lang)
    with opened_site(config_dir) as site:
        if batch is not None:
            _undo(site, batch, words)
        elif file is not None:
            mapping = _mapping(site, columns, rows, options, mapping_name)
            if save_name is not None:
                click.echo(words("command.import_saved", name=store_mapping(site, command_line(), save_name, mapping)))
            if mapping == FileMapping(side=mapping.side) and is_export(file):
                source = ReadingsFile(
                    file, FileMeters.of(site.portfolio, list(site.portfolio.meters_ever)), mapping.side
                )
                take_in_readings(site, source, asked, words, is_dry_run=is_dry_run, is_skipping=is_skipping)
            else:
                _import_sheet(site, file, mapping, asked, words, is_dry_run=is_dry_run, is_skipping=is_skipping)


def _mapping(
    site: Site,
    columns: tuple[str, ...],
    rows: tuple[str, ...],
    options: dict[str, Any],
    mapping_name: str | None,
) -> FileMapping:
    """Return what options say, over a saved mapping. Raises InputError, ConfigError."""
    folder = mappings_folder(site.settings)
    tables = {"columns": _pairs("--column", columns), "rows": _pairs("--rows", rows)}
    mapping, faults = validated(FileMapping, {**tables, **options}, "options")
    if mapping is None:
        raise ConfigError(faults)
    if mapping_name is not None:
        mapping = mapping.over(load_mapping(folder, mapping_name))
    check_columns(site.portfolio, mapping)
    return mapping


def _pairs(option: str, pairs: tuple[str, ...]) -> dict[str, str]:
    """Divide COLUMN=TEXT at its last equals sign; a column may be named once. Raises InputError."""
    table: dict[str, str] = {}
    for pair in pairs:
        column, _, text = pair.rpartition("=")
        if column in table:
            raise InputError.of("pair_twice", option=option, text=pair)
        if not column:
            raise InputError.of("pair_without_sign", option=option, text=pair)
        table[column] = text
    return table


def _import_sheet(
    site: Site,
    file: Path,
    mapping: FileMapping,
    overlap: Overlap | None,
    words: Words,
    *,
    is_dry_run: bool,
    is_skipping: bool,
) -> None:
    """Show what a file says, then take in its energies, or its registers."""
    sheet = read_sheet(file, mapping, this_year=site.clock().year, owners=owners_of(site.portfolio))
    for note in sheet.notes:
        click.echo(f"  {note.said(words.lang)}")
    _show_refused(file, sheet, words)
    is_stopped = bool(sheet.refused) and not is_skipping
    brought = brought_by(file, sheet, site.portfolio, mapping.side, latest_us=latest_us(site))
    if isinstance(brought, BroughtReadings):
        source = ReadingsFile(file, brought.meters, mapping.side, brought.readings)
        take_in_readings(site, source, overlap, words, is_dry_run=is_dry_run or is_stopped, is_skipping=is_skipping)
    else:
        series, channel = brought.series, brought.channel
        _import_intervals(site, file, series, overlap, channel, words, is_dry_run=is_dry_run or is_stopped)
    if is_stopped:
        click.echo(words("command.import_stopped"))
        raise SystemExit(1)


def _show_refused(file: Path, sheet: FileTable, words: Words) -> None:
    """Print the first refused rows, and write all of them beside the file."""
    path = refused_path(file)
    path.unlink(missing_ok=True)
    if not sheet.refused:
        return
    table = pd.DataFrame(
        [(one.row, one.column, one.why.said(words.lang)) for one in sheet.refused], columns=["row", "column", "reason"]
    )
    for one in sheet.refused[:SHOWN_REFUSALS]:
        key = "command.import_row_column" if one.column else "command.import_row"
        click.echo(words(key, row=one.row, column=one.column, why=one.why.said(words.lang)))
    plain_frame(table).to_csv(path, index=False, encoding="utf-8-sig")
    click.echo(words("command.import_refusals", count=f"{len(table):,}", path=path))


def _import_intervals(
    site: Site,
    file: Path,
    series: Mapping[str, IntervalSeries],
    overlap: Overlap | None,
    channel: Channel,
    words: Words,
    *,
    is_dry_run: bool,
) -> None:
    seen = imports.preview(
        site.ledger, site.energy, site.portfolio, series, overlap, latest_us=latest_us(site), channel=channel
    )
    for meter in seen.meters:
        show_preview(meter, words, channel.unit)
    if is_dry_run:
        key = "command.import_refused_now" if seen.refusal else "command.import_unchanged"
        click.echo(words(key, why=seen.refusal))
        return
    number = import_intervals(site, command_line(), ImportFile.of(file), series, overlap, channel)
    click.echo(words("command.import_done", file=file, number=number))


def show_preview(preview: imports.MeterPreview, words: Words, unit: str = IMPORT.unit) -> None:
    """Print lines on one meter of an import."""

    def amount(value: float) -> str:
        return f"{value:,.2f} {unit}"

    first, end = shown_at(preview.first_us, words), shown_at(preview.end_us, words)
    count, energy = f"{preview.intervals:,}", amount(preview.energy_kwh)
    click.echo(words("command.import_meter", meter=preview.meter, count=count, energy=energy, first=first, end=end))
    for name, pair in (
        ("measured", preview.measured),
        ("gap", preview.estimated),
        ("other_files", preview.other_files),
    ):
        if pair.slots:
            line = words(
                "command.import_meets",
                what=words(f"command.import_{name}"),
                count=f"{pair.slots:,}",
                ledger=amount(pair.ledger_kwh),
                file=amount(pair.file_kwh),
            )
            click.echo(line + (words("command.import_far") if pair.is_far else ""))
    before, after = amount(preview.before_kwh), amount(preview.after_kwh)
    click.echo(words("command.import_takes", count=f"{preview.changed_slots:,}", before=before, after=after))


def _undo(site: Site, number: int, words: Words) -> None:
    done = undo_import(site, command_line(), number)
    new = done.batch.new
    click.echo(words("command.import_is_undone", number=number, name=new.name, count=len(new.meters)))
    if done.readings is not None:
        count, restored = f"{done.readings.deleted:,}", f"{done.readings.restored:,}"
        click.echo(words("command.import_deleted", count=count, restored=restored))
        if done.readings.left:
            click.echo(words("command.import_left", count=f"{done.readings.left:,}"))
