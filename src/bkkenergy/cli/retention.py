"""`bkkenergy retention`: how long readings are kept, what is packed, what a deletion would take, and packing now."""

from __future__ import annotations

import getpass
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.status import Status

from bkkenergy.cli.context import Site, config_option, load_site, today_here
from bkkenergy.reports.retention import Packed, Planned, due_cut, pack, planned
from bkkenergy.store import ReadingStore, open_store


@click.command(
    "retention",
    epilog="\b\nExamples:\n  bkkenergy retention\n  bkkenergy retention --confirm\n  bkkenergy retention --run",
)
@click.option("--confirm", "is_confirmed", is_flag=True, help="Agree to the first deletion, after a list of it.")
@click.option("--yes", "is_sure", is_flag=True, help="With --confirm: do not ask.")
@click.option("--run", "is_run", is_flag=True, help="Pack and delete now what is past its years.")
@config_option
def retention_command(config_dir: Path, *, is_confirmed: bool, is_sure: bool, is_run: bool) -> None:
    """Show what is kept of old days, and what a deletion would take. The scheduler packs once a month.

    Readings older than store.raw_years become quarter-hours, from which every report comes out as before; then they
    are deleted, where the store counts as many as were packed. What was packed cannot be unpacked: the first deletion
    waits until a person agrees. Back up before. Exit code 1 where readings stayed that should have gone.
    """
    site = load_site(config_dir)
    with closing(open_store(site.settings.store)) as store:
        kept = store.kept
        if is_confirmed:
            _confirm(site, store, is_sure=is_sure)
        if is_confirmed or is_run:
            _show_packed(_packed(site, store))
        _show_kept(site, store)
        if not kept.is_confirmed and not is_confirmed:
            _show_planned(planned(store, site.settings, site.portfolio, today=today_here()))
            click.echo("No deletion was agreed to yet: bkkenergy retention --confirm.")
        held = kept.held
    for meter, count in held.items():
        click.echo(f"{meter}: {count:,} old readings are not what was packed. They stay, and no report uses them.")
    raise SystemExit(1 if held and (is_confirmed or is_run) else 0)


def _confirm(site: Site, store: ReadingStore, *, is_sure: bool) -> None:
    """Show what would go, and note who agrees. Where nothing would go there is nothing to agree to."""
    found = planned(store, site.settings, site.portfolio, today=today_here())
    _show_planned(found)
    if found is None:
        return
    if not (is_sure or click.confirm("Delete these readings, and others when their time comes?")):
        raise SystemExit(1)
    store.kept.confirm(getpass.getuser(), time.time_ns() // 1000)


def _packed(site: Site, store: ReadingStore) -> Packed | None:
    with Status("Packing", console=Console(stderr=True)) as status:
        return pack(
            store,
            site.settings,
            site.portfolio,
            today=today_here(),
            told=lambda month: status.update(f"Packing {month}"),
        )


def _show_packed(packed: Packed | None) -> None:
    if packed is None:
        click.echo("Nothing to pack.")
        return
    click.echo(f"{packed.days:,} days of meters packed, {packed.deleted:,} readings deleted.")


def _show_kept(site: Site, store: ReadingStore) -> None:
    cut, due = store.kept.cut, due_cut(site.settings, today_here())
    days, size = store.kept.count()
    years = site.settings.store.raw_years
    click.echo(f"Readings are kept for {years} years, back to {due}." if due else "Readings are kept for ever.")
    if cut is None:
        click.echo("Nothing is packed yet: every report is made from readings.")
    else:
        click.echo(f"Before {cut}: {days:,} days of meters as quarter-hours, {size / 1e6:,.1f} MB.")


def _show_planned(found: Planned | None) -> None:
    """Each building's meters, the day of the oldest reading, and how many readings would go."""
    if found is None:
        click.echo("No reading is past its years.")
        return
    click.echo(f"A deletion now would take {found.readings:,} readings of {len(found.meters)} meters:")
    by_building = defaultdict(list)
    for meter, told in found.meters.items():
        by_building[meter.rpartition(".")[0]].append(told)
    for building, own in sorted(by_building.items()):
        count, oldest = sum(readings for _, readings in own), min(day for day, _ in own)
        click.echo(f"  {building}: {count:,} readings of {len(own)} meters, from {oldest} on")
