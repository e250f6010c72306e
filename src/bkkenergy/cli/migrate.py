"""`bkkenergy migrate`: readings from the embedded store to an InfluxDB server, or back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bkkenergy.adapters.ledger.moving import copy_ledger
from bkkenergy.cli.context import config_option
from bkkenergy.errors import InputError
from bkkenergy.site import load_configuration
from bkkenergy.site.folder import migration_note
from bkkenergy.site.open import ledger_url, open_store, open_writable
from bkkenergy.usecases.migrate import StoreComparison, compare, copy_readings

console = Console(stderr=True)
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


@click.command(
    "migrate",
    epilog="\b\nExamples:\n  bkkenergy migrate --to influx     then set store.kind to influx and start again\n"
    "  bkkenergy migrate --to sqlite --path /srv/bkkenergy.sqlite",
)
@click.option("--to", "kind", required=True, type=click.Choice(["sqlite", "influx"]), help="Where readings go.")
@click.option("--from", "source", type=click.Choice(["sqlite", "influx"]), help="From where (default: the other).")
@click.option("--path", type=click.Path(dir_okay=False, path_type=Path), help="Of the new SQLite file.")
@click.option("--source-path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of the old one.")
@config_option
def migrate_command(
    kind: str, source: str | None, path: Path | None, source_path: Path | None, config_dir: Path
) -> None:
    """Copy every meter's readings to the other kind of store, and hold both against each other.

    Cut off, it goes on where it was. The store that readings come from is not changed. Stop the ingester before, or
    run it once more after switching, for what came meanwhile.
    """
    config = load_configuration(config_dir)
    store = config.settings.store
    came_from = source or ("influx" if kind == "sqlite" else "sqlite")
    old = store.model_copy(update={"kind": came_from, "path": source_path or store.path})
    new = store.model_copy(update={"kind": kind, "path": path or store.path})
    if old.kind == new.kind and old.path == new.path:
        raise InputError("both stores are the same. Name another with --to, --from or --path.")
    meters = [meter.id for meter in config.portfolio.meters]
    noted = migration_note(store, came_from, new)
    if old.path != new.path and ledger_url(config.settings) is None:
        copy_ledger(old.path, new.path)
    with (
        closing(open_store(old)) as source_store,
        closing(open_writable(config.settings.model_copy(update={"store": new}))) as target_store,
        Progress(*COLUMNS, console=console, transient=True) as bar,
    ):
        copying, comparing = (bar.add_task(name, total=len(meters)) for name in ("Copied", "StoreComparison"))
        copied = copy_readings(source_store, target_store, meters, noted, on_progress=lambda *_: bar.advance(copying))
        comparisons = compare(source_store, target_store, meters, on_progress=lambda _: bar.advance(comparing))
    _print_comparison(copied, comparisons, noted)


def _print_comparison(copied: int, comparisons: list[StoreComparison], noted: Path) -> None:
    """Print what was copied, and what differs; exits with 1 where anything does."""
    differing = [compared for compared in comparisons if not compared.is_equal]
    total = sum(compared.source for compared in comparisons)
    click.echo(f"{copied:,} readings copied; {len(comparisons)} meters, {total:,} readings compared.")
    for compared in differing:
        click.echo(
            f"{compared.meter}: {compared.source:,} readings there, {compared.target:,} here, or other values.",
            err=True,
        )
    if differing:
        click.echo(f"Remove {noted} and run it again to copy everything again.", err=True)
        raise SystemExit(1)
    click.echo("Every reading is the same in both.")
