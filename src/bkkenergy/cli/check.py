"""`bkkenergy check`: read the whole configuration and tell every fault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from bkkenergy.cli.context import config_option, load_site
from bkkenergy.errors import ConfigError, Fault


@click.command("check", epilog="\b\nExamples:\n  bkkenergy check\n  bkkenergy check --config /etc/bkkenergy")
@config_option
def check_command(config_dir: Path) -> None:
    """Read every file of the configuration and print all faults at once.

    Each fault says where it is, what is wrong, and what to do. Exit code 1 if there is any.
    """
    try:
        site = load_site(config_dir)
    except ConfigError as error:
        _tell(error.faults)
        raise SystemExit(1) from None
    portfolio = site.portfolio
    roofs = sum(len(building.roofs) for building in portfolio.buildings.values())
    click.echo(
        f"{config_dir}: no faults. {len(portfolio.agencies)} agencies, {len(portfolio.buildings)} buildings, "
        f"{len(portfolio.meters)} meters, {roofs} roofs, {len(portfolio.calendars)} calendars, "
        f"{len(site.profiles)} payload profiles."
    )
    demos = [agency.id for agency in portfolio.agencies.values() if agency.demonstration]
    if demos:
        click.echo(f"{len(demos)} of the agencies are a demonstration: {', '.join(demos)}.")


def _tell(faults: Sequence[Fault]) -> None:
    for fault in faults:
        click.echo(f"{click.style(fault.where, bold=True)}: {fault.what}. {fault.remedy}")
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    click.echo(click.style(f"{count}.", fg="red"), err=True)
