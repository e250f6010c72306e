"""`bkkenergy import` and `bkkenergy imports`: files taken in as batches, previewed, listed and undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.importreadings import ReadingsFile, take_in_readings
from bkkenergy.cli.importshown import in_bangkok, refused_path, shown_at
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import instant, json_option, print_json
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.i18n import Words
from bkkenergy.ingest.ask import store_mapping
from bkkenergy.ingest.fileratios import FileMeters, Side
from bkkenergy.ingest.files import is_export, judged_registers
from bkkenergy.ingest.sheets import FileMapping, FileTable, load_mapping, owners_of, read_sheet
from bkkenergy.metering.sources import IntervalSeries
from bkkenergy.ports.ledger import Batch, BatchKind
from bkkenergy.site import Site
from bkkenergy.site.folder import mappings_folder
from bkkenergy.texts import Lang, counted
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
  bkkenergy import readings.parquet                 a file that `bkkenergy export` wrote
  bkkenergy import --undo 3                         see `bkkenergy imports list`""",
)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN=METER",
    help="This column is this meter's. Repeat for each.",
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
    type=click.Choice(["W", "kW", "MW", "Wh", "kWh", "MWh", "pulses"]),
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
@click.option("--sheet", metavar="NAME", help="FileTable of a workbook that has several.")
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
@config_option
def import_command(
    file: Path | None,
    columns: tuple[str, ...],
    rows: tuple[str, ...],
    overlap: str | None,
    batch: int | None,
    mapping_name: str | None,
    save_name: str | None,
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
        raise click.UsageError("give a FILE to import, or --undo ID.")
    asked = None if overlap is None else Overlap(overlap)
    with opened_site(config_dir) as site:
        if batch is not None:
            _undo(site, batch)
        elif file is not None:
            mapping = _mapping(site, columns, rows, options, mapping_name, save_name)
            if mapping == FileMapping(side=mapping.side) and is_export(file):
                source = ReadingsFile(
                    file, FileMeters.of(site.portfolio, list(site.portfolio.meters_ever)), mapping.side
                )
                take_in_readings(site, source, asked, is_dry_run=is_dry_run, is_skipping=is_skipping)
            else:
                _import_sheet(site, file, mapping, asked, is_dry_run=is_dry_run, is_skipping=is_skipping)


def _mapping(
    site: Site,
    columns: tuple[str, ...],
    rows: tuple[str, ...],
    options: dict[str, Any],
    mapping_name: str | None,
    save_name: str | None,
) -> FileMapping:
    """Return what options say, over a saved mapping; and save it where asked. Raises InputError, ConfigError."""
    folder = mappings_folder(site.settings)
    tables = {"columns": _pairs("--column", columns), "rows": _pairs("--rows", rows)}
    mapping, faults = validated(FileMapping, {**tables, **options}, "options")
    if mapping is None:
        raise ConfigError(faults)
    if mapping_name is not None:
        mapping = mapping.over(load_mapping(folder, mapping_name))
    _check_meters(site, mapping)
    if save_name is not None:
        click.echo(f"Saved: {store_mapping(site, command_line(), save_name, mapping)}")
    return mapping


def _pairs(option: str, pairs: tuple[str, ...]) -> dict[str, str]:
    """Divide COLUMN=TEXT at its last equals sign; a column may be named once. Raises InputError."""
    table: dict[str, str] = {}
    for pair in pairs:
        column, _, text = pair.rpartition("=")
        if column in table:
            raise InputError(f"{option} {pair}: a column or meter is named twice. Name each once.")
        if not column:
            raise InputError(f"{option} {pair}: an equals sign is missing. Write COLUMN=TEXT.")
        table[column] = text
    return table


def _check_meters(site: Site, mapping: FileMapping) -> None:
    """Raise InputError for a meter that is not known, or named twice."""
    known = site.portfolio.meters_ever
    meters = list(mapping.columns.values())
    for column, meter in mapping.columns.items():
        if meter not in known:
            raise InputError(
                f"--column {column}={meter}: there is no meter {meter!r} in the portfolio. See `bkkenergy check`."
            )
        if meters.count(meter) > 1:
            raise InputError(f"--column {column}={meter}: a column or meter is named twice. Name each once.")


def _import_sheet(
    site: Site, file: Path, mapping: FileMapping, overlap: Overlap | None, *, is_dry_run: bool, is_skipping: bool
) -> None:
    """Show what a file says, then take in its energies, or its registers."""
    sheet = read_sheet(file, mapping, this_year=site.clock().year, owners=owners_of(site.portfolio))
    for note in sheet.notes:
        click.echo(f"  {note}")
    _show_refused(file, sheet)
    is_stopped = bool(sheet.refused) and not is_skipping
    kinds = set(sheet.values.values())
    if "register" in kinds and len(kinds) > 1:
        raise InputError(f"{file}: some columns are registers and others are not. Import them one by one.")
    if "register" in kinds:
        meters = FileMeters.of(site.portfolio, list(sheet.meters.values()))
        registers = judged_registers(
            sheet.wide, list(sheet.meters), meters, latest_us=latest_us(site), side=mapping.side
        )
        source = ReadingsFile(file, meters, mapping.side, registers)
        take_in_readings(site, source, overlap, is_dry_run=is_dry_run or is_stopped, is_skipping=is_skipping)
    elif mapping.side is Side.SECONDARY:
        raise InputError.of("import_side_of_energies", file=file)
    else:
        series = {meter: sheet.series(column) for column, meter in sheet.meters.items()}
        _import_intervals(site, file, series, overlap, is_dry_run=is_dry_run or is_stopped)
    if is_stopped:
        click.echo("Nothing was imported. --skip-refused imports the other rows.")
        raise SystemExit(1)


def _show_refused(file: Path, sheet: FileTable) -> None:
    """Print the first refused rows, and write all of them beside the file."""
    path = refused_path(file)
    path.unlink(missing_ok=True)
    if not sheet.refused:
        return
    table = pd.DataFrame([(one.row, one.column, one.why) for one in sheet.refused], columns=["row", "column", "reason"])
    for one in sheet.refused[:SHOWN_REFUSALS]:
        click.echo(f"row {one.row}{f', {one.column}' if one.column else ''}: {one.why}")
    table.to_csv(path, index=False)
    click.echo(f"{counted(len(table), 'refusal')}. See {path}.")


def _import_intervals(
    site: Site, file: Path, series: dict[str, IntervalSeries], overlap: Overlap | None, *, is_dry_run: bool
) -> None:
    seen = imports.preview(site.ledger, site.energy, site.portfolio, series, overlap, latest_us=latest_us(site))
    for meter in seen.meters:
        show_preview(meter)
    if is_dry_run:
        click.echo(f"Refused as it stands: {seen.refusal}" if seen.refusal else "Nothing was changed (--dry-run).")
        return
    number = import_intervals(site, command_line(), ImportFile.of(file), series, overlap)
    click.echo(f"{file}: batch {number}. To take it back: bkkenergy import --undo {number}")


def show_preview(preview: imports.MeterPreview) -> None:
    """Print lines on one meter of an import."""
    first, end = shown_at(preview.first_us), shown_at(preview.end_us)
    click.echo(f"{preview.meter}: {preview.intervals:,} intervals, {preview.energy_kwh:,.2f} kWh, {first} to {end}")
    for name, pair in (
        ("measured by the meter", preview.measured),
        ("a gap of the meter", preview.estimated),
        ("in earlier imports", preview.other_files),
    ):
        if pair.slots:
            line = (
                f"  {name}: {pair.slots:,} quarter-hours, {pair.ledger_kwh:,.2f} kWh in the ledger, "
                f"{pair.file_kwh:,.2f} kWh in the file"
            )
            click.echo(line + (" (they differ by more than 2 %: check unit and time)" if pair.is_far else ""))
    click.echo(
        f"  would take {preview.changed_slots:,} quarter-hours; these days: {preview.before_kwh:,.2f} kWh before, "
        f"{preview.after_kwh:,.2f} kWh after"
    )


def _undo(site: Site, number: int) -> None:
    done = undo_import(site, command_line(), number)
    new = done.batch.new
    click.echo(
        f"Batch {number} ({new.name}) is undone. {counted(len(new.meters), 'meter is', 'meters are')} "
        f"computed without it."
    )
    if done.readings is not None:
        click.echo(
            f"{counted(done.readings.deleted, 'reading was', 'readings were')} deleted, "
            f"{done.readings.restored:,} are as before it."
        )
        if done.readings.left:
            click.echo(f"{done.readings.left:,} stay: they are no longer what the file brought.")


@click.group("imports", epilog="\b\nExamples:\n  bkkenergy imports list\n  bkkenergy imports show 1")
def imports_command() -> None:
    """List what was imported: a batch a file."""


@imports_command.command("list")
@json_option
@operator_lang_option
@config_option
def list_command(lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """List all imports, also those that are undone."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        batches = site.ledger.batches()
    if as_json:
        print_json([_batch_data(batch) for batch in batches])
        return
    if not batches:
        click.echo(words("command.no_imports"))
        return
    names = ("batch", "file", "kind", "meters", "from", "to", "count", "kwh", "who", "when", "state")
    table = Table(*(words(f"command.import_{name}") for name in names), box=None)
    for batch in batches:
        new = batch.new
        table.add_row(
            str(batch.number),
            new.name,
            words(f"command.kind_{new.kind.value}"),
            str(len(new.meters)),
            words.stamp(in_bangkok(new.first_us)),
            words.stamp(in_bangkok(new.end_us)),
            f"{new.count:,}",
            _kwh(batch),
            new.who,
            words.stamp(in_bangkok(new.at_us)),
            words("command.import_counts" if batch.undone_us is None else "command.import_undone"),
        )
    Console(width=160).print(table)


@imports_command.command("show")
@click.argument("batch", type=int, metavar="ID")
@json_option
@operator_lang_option
@config_option
def show_command(batch: int, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show one import: file, meters, precedence, and whether it counts."""
    with opened_site(config_dir) as site:
        imported = imports.batch_of(site.ledger, batch)
    if as_json:
        print_json(_batch_data(imported))
        return
    words, new = Words(lang), imported.new
    first, end, at = (words.stamp(in_bangkok(each)) for each in (new.first_us, new.end_us, new.at_us))
    click.echo(f"{imported.number}  {new.name}  {words(f'command.kind_{new.kind.value}')}  sha256 {new.sha256}")
    count = "command.shown_readings_count" if new.kind is BatchKind.READINGS else "command.shown_intervals_count"
    click.echo(words(count, count=f"{new.count:,}", kwh=_kwh(imported)))
    click.echo(words("command.shown_span", first=first, end=end, precedence=new.precedence.value))
    click.echo(words("command.imported_by", who=new.who, at=at))
    if imported.undone_us is not None:
        undone = words.stamp(in_bangkok(imported.undone_us))
        click.echo(words("command.undone_by", who=imported.undone_by, at=undone))
    for meter in new.meters:
        click.echo(f"  {meter}")


def _batch_data(batch: Batch) -> dict[str, Any]:
    new = batch.new
    return {
        "id": batch.number,
        "file": new.name,
        "sha256": new.sha256,
        "kind": new.kind,
        "meters": new.meters,
        "from": instant(new.first_us),
        "to": instant(new.end_us),
        "count": new.count,
        "energy_kwh": new.energy_kwh,
        "precedence": new.precedence,
        "imported_by": new.who,
        "imported": instant(new.at_us),
        "undone_by": batch.undone_by or None,
        "undone": instant(batch.undone_us),
    }


def _kwh(batch: Batch) -> str:
    return "–" if batch.new.kind is BatchKind.READINGS else f"{batch.new.energy_kwh:,.2f}"
