"""How `bkkenergy import` takes in a file of readings: registers of a sheet, or what `bkkenergy export` wrote."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from bkkenergy.adapters.files import plain_frame
from bkkenergy.cli.context import command_line
from bkkenergy.cli.importshown import refused_path, shown_at
from bkkenergy.cli.transfer import progress_bar
from bkkenergy.i18n import Words
from bkkenergy.ingest.fileratios import FileMeters, Side, as_stored, ratio_lines
from bkkenergy.ingest.files import Advance, Imported, read_long, work_units
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import Site
from bkkenergy.usecases.imports import Overlap
from bkkenergy.usecases.server import ImportFile, import_readings, latest_us
from bkkenergy.usecases.storedreadings import ReadingsPreview, preview_readings, stored_ratios


@dataclass(frozen=True, slots=True)
class ReadingsFile:
    """A file of readings. registers : what was read of it already; None of one of `export`'s form."""

    path: Path
    meters: FileMeters
    side: Side | None
    registers: Imported | None = None


def take_in_readings(
    site: Site, file: ReadingsFile, overlap: Overlap | None, words: Words, *, is_dry_run: bool, is_skipping: bool
) -> None:
    """Check and compare the whole file first; commit it in a second pass."""
    refused = Counter[str]()
    started_s = time.monotonic()
    if file.registers is None:
        refused_path(file.path).unlink(missing_ok=True)
    ratios: dict[str, None] = {}
    seen = preview_readings(site.readings, _good(site, file, refused, ratios, words))
    if seen.count:
        _show(file, seen, ratios, words)
    if refused:
        named = {slug: slug if words.lang == "en" else words.name("reason", slug) for slug in refused}
        reasons = ", ".join(f"{count:,} {named[slug]}" for slug, count in refused.most_common())
        rows, path = f"{sum(refused.values()):,}", refused_path(file.path)
        click.echo(words("command.import_rows_refused", count=rows, reasons=reasons, path=path))
    is_stopped = bool(refused) and not is_skipping
    if seen.count and not is_stopped and not is_dry_run:
        chunks = _good(site, file, None, None, words)
        number = import_readings(site, command_line(), ImportFile.of(file.path), seen, chunks, overlap)
        seconds, count = f"{time.monotonic() - started_s:.1f}", f"{seen.count:,}"
        click.echo(words("command.import_readings_done", path=file.path, count=count, seconds=seconds, number=number))
    else:
        click.echo(words("command.import_stopped" if is_stopped else "command.import_nothing"))
    if is_stopped:
        raise SystemExit(1)


def _show(file: ReadingsFile, seen: ReadingsPreview, ratios: dict[str, None], words: Words) -> None:
    """Print what a file brings, with which ratios, and what of it is stored already."""
    first, last = shown_at(seen.first_us, words), shown_at(seen.last_us, words)
    count = f"{seen.count:,}"
    click.echo(
        words("command.import_readings", path=file.path, count=count, meters=len(seen.meters), first=first, last=last)
    )
    key = "command.import_ratio_applied" if file.side is Side.SECONDARY else "command.import_ratio_within"
    for ratio in ratios:
        click.echo(f"  {words(key, ratio=ratio)}")
    if seen.known or seen.overlaps:
        known, differing, between = f"{seen.known:,}", f"{seen.differing:,}", f"{seen.between:,}"
        click.echo(words("command.import_stored", known=known, differing=differing, between=between))


def _good(
    site: Site, file: ReadingsFile, refused: Counter[str] | None, ratios: dict[str, None] | None, words: Words
) -> Iterator[ReadingBatch]:
    """Yield good readings of a file, chunk by chunk, in the ratio of what is stored at their instants.

    Refused rows are counted and written beside it, and ratios are noted, where asked.
    """
    with progress_bar(words) as progress:
        task = progress.add_task(file.path.name, total=work_units(file.path), readings=0)
        readings = 0
        for chunk in _chunks(site, file, lambda count: progress.advance(task, count)):
            if refused is not None and len(chunk.refused):
                refused.update(chunk.refused["reason"].astype(str))
                path = refused_path(file.path)
                plain_frame(chunk.refused).to_csv(path, mode="a", header=not path.exists(), index=False)
            if ratios is not None:
                ratios.update(dict.fromkeys(_ratio_lines(file, chunk.batch)))
            readings += len(chunk.batch)
            progress.update(task, readings=readings)
            if len(chunk.batch):
                yield as_stored(chunk.batch, stored_ratios(site.readings, chunk.batch))


def _chunks(site: Site, file: ReadingsFile, advance: Advance) -> Iterator[Imported]:
    if file.registers is not None:
        return iter([file.registers])
    return read_long(file.path, file.meters, latest_us=latest_us(site), advance=advance, side=file.side)


def _ratio_lines(file: ReadingsFile, batch: ReadingBatch) -> Iterator[str]:
    """Yield the ratios of the meters of which a file says registers; nothing of an export's own."""
    if file.side is not None:
        yield from ratio_lines(file.meters, batch)
