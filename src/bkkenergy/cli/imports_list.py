"""`bkkenergy imports`: batches listed and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.cli.context import config_option
from bkkenergy.cli.importshown import in_bangkok
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import instant, json_option, print_json
from bkkenergy.i18n import Words
from bkkenergy.ports.ledger import Batch, BatchKind
from bkkenergy.texts import Lang
from bkkenergy.usecases import imports


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
    precedence = words(f"command.precedence_{new.precedence.value}")
    click.echo(words("command.shown_span", first=first, end=end, precedence=precedence))
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
