"""`bkkenergy check`: read the whole configuration and report every fault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from bkkenergy.cli.context import config_option
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.jobs.schedule import settings_faults
from bkkenergy.site import Configuration, load_configuration
from bkkenergy.site.plan_config import load_plan
from bkkenergy.site.savings_config import SavingsConfig, load_savings
from bkkenergy.site.solar_config import load_solar


@click.command("check", epilog="\b\nExamples:\n  bkkenergy check\n  bkkenergy check --config /etc/bkkenergy")
@config_option
def check_command(config_dir: Path) -> None:
    """Read every file of the configuration and print all faults at once.

    Each fault says where it is, what is wrong, and what to do. Exit code 1 if there is any.
    """
    try:
        config = load_configuration(config_dir)
    except ConfigError as error:
        _print_faults([*error.faults, *_other_faults(config_dir)])
        raise SystemExit(1) from None
    if faults := _other_faults(config_dir, config):
        _print_faults(faults)
        raise SystemExit(1)
    portfolio = config.portfolio
    roofs = sum(len(building.roofs) for building in portfolio.buildings.values())
    click.echo(
        f"{config_dir}: no faults. {len(portfolio.agencies)} agencies, {len(portfolio.buildings)} buildings, "
        f"{len(portfolio.meters)} meters, {roofs} roofs, {len(portfolio.calendars)} calendars, "
        f"{len(config.profiles)} payload profiles."
    )
    if portfolio.revision:
        click.echo(f"The portfolio is that of the state, revision {portfolio.revision}.")
    else:
        click.echo("The portfolio is that of the files: the app only reads it.")
    demos = [agency.id for agency in portfolio.agencies.values() if agency.demonstration]
    if demos:
        click.echo(f"{len(demos)} of the agencies are a demonstration: {', '.join(demos)}.")


def _other_faults(config_dir: Path, config: Configuration | None = None) -> list[Fault]:
    """List faults of what only some commands read: schedule, recipients, solar, savings, plan, unknown buildings."""
    faults = settings_faults(config.settings, list(config.portfolio.agencies)) if config else []
    for load in (load_solar, load_savings, load_plan):
        try:
            loaded = load(config_dir)
        except ConfigError as error:
            faults += error.faults
            continue
        if config is not None and isinstance(loaded, SavingsConfig):
            unknown = [
                adjustment.building
                for adjustment in loaded.adjustments
                if adjustment.building not in config.portfolio.buildings
            ]
            where = str(config_dir / "adjustments.toml")
            faults += [Fault(f"{where}: {name}", "no such building", "Mend its id.") for name in unknown]
    return faults


def _print_faults(faults: Sequence[Fault]) -> None:
    for fault in faults:
        click.echo(f"{click.style(fault.where, bold=True)}: {fault.what}. {fault.remedy}")
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    click.echo(click.style(f"{count}.", fg="red"), err=True)
