"""`bkkenergy retention`: how long readings are kept, what is packed, and packing now."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.status import Status

from bkkenergy.cli.context import config_option, load_site, today_here
from bkkenergy.reports.retention import due_cut, pack
from bkkenergy.store import open_store


@click.command("retention", epilog="\b\nExamples:\n  bkkenergy retention\n  bkkenergy retention --run")
@click.option("--run", "is_run", is_flag=True, help="Pack and delete now what is past its years.")
@config_option
def retention_command(config_dir: Path, *, is_run: bool) -> None:
    """Tell what is kept of old days; the scheduler packs by itself, once a month.

    Readings older than store.raw_years become quarter-hours, from which every report comes out as before; then they
    are deleted. What was packed cannot be unpacked: back up before the first time.
    """
    site = load_site(config_dir)
    years = site.settings.store.raw_years
    with closing(open_store(site.settings.store)) as store:
        if is_run:
            with Status("Packing", console=Console(stderr=True)) as status:
                packed = pack(
                    store,
                    site.settings,
                    site.portfolio,
                    today=today_here(),
                    told=lambda month: status.update(f"Packing {month}"),
                )
            click.echo(f"{packed.days:,} days of meters packed." if packed else "Nothing to pack.")
            for meter, count in packed.too_late.items() if packed else ():
                click.echo(f"{meter}: {count:,} readings came for days packed before; deleted unused.")
        cut, due = store.kept.cut, due_cut(site.settings, today_here())
        days, size = store.kept.count()
        _, too_late = store.kept.forgotten
    click.echo(f"Readings are kept for {years} years, back to {due}." if due else "Readings are kept for ever.")
    if cut is None:
        click.echo("Nothing is packed yet: every report is made from readings.")
    else:
        click.echo(f"Before {cut}: {days:,} days of meters as quarter-hours, {size / 1e6:,.1f} MB.")
    if too_late:
        click.echo(
            f"{too_late:,} readings came after their day was packed, and were deleted unused; the log names meters."
        )
