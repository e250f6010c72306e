"""`bkkenergy migrate`: readings from one kind of store to another."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import cast, get_args

import click
from rich.console import Console
from rich.progress import Progress

from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.progress import COLUMNS
from bkkenergy.i18n import Lang, Words
from bkkenergy.settings import StoreKind
from bkkenergy.site import load_configuration
from bkkenergy.usecases.server import Move, Moved, move_readings

KINDS = get_args(StoreKind)
console = Console(stderr=True)


@click.command(
    "migrate",
    epilog="\b\nExamples:\n  bkkenergy migrate --to influx     then set store.kind to influx and start again\n"
    "  bkkenergy migrate --to sqlite --path /srv/bkkenergy.sqlite\n"
    "  BKKENERGY_READINGS_URL=postgresql+psycopg://bkk@db/bkk bkkenergy migrate --to postgresql",
)
@click.option("--to", "kind", required=True, type=click.Choice(KINDS), help="Where readings go.")
@click.option("--from", "source", type=click.Choice(KINDS), help="From where (default: the store of the settings).")
@click.option("--path", type=click.Path(dir_okay=False, path_type=Path), help="Of the new SQLite file.")
@click.option("--source-path", type=InputFile(), help="Of the old one.")
@operator_lang_option
@config_option
def migrate_command(
    kind: str, source: str | None, path: Path | None, source_path: Path | None, lang: Lang, config_dir: Path
) -> None:
    """Copy every meter's readings to another kind of store, and hold both against each other.

    Cut off, it goes on where it was. The store that readings come from is not changed. Stop the ingester before, or
    run it once more after switching, for what came meanwhile.
    """
    config, words = load_configuration(config_dir), Words(lang)
    asked = Move(cast("StoreKind", kind), cast("StoreKind | None", source), path, source_path)
    total = len(config.portfolio.meters)
    with Progress(*COLUMNS, console=console, transient=True) as bar:
        copying, comparing = (bar.add_task(words(f"command.doing_{name}"), total=total) for name in ("copy", "compare"))
        moved = move_readings(
            config,
            command_line(),
            asked,
            now=dt.datetime.now(dt.UTC),
            on_copied=lambda: bar.advance(copying),
            on_compared=lambda: bar.advance(comparing),
        )
    _print_comparison(moved, words)


def _print_comparison(moved: Moved, words: Words) -> None:
    """Print what was copied, and what differs; exits with 1 where anything does."""
    total = sum(compared.source for compared in moved.compared)
    click.echo(words("command.migrate_copied", copied=moved.copied, meters=len(moved.compared), total=total))
    for compared in moved.differing:
        count = {"count": compared.source, "target": f"{compared.target:,}"}
        click.echo(words("command.migrate_differs", meter=compared.meter, **count), err=True)
    if moved.differing:
        click.echo(words("command.migrate_again", file=moved.noted), err=True)
        raise SystemExit(1)
    click.echo(words("command.migrate_same"))
