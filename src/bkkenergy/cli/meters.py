"""`bkkenergy meters`: how the meters are doing, which are unknown, and what gateways may write."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import config_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.ingest.credentials import issue_passwords, write_rules
from bkkenergy.ingest.ownclock import REMEDY
from bkkenergy.ingest.status import (
    STATUS_DAYS,
    MeterStatus,
    acl,
    clock_behind_s,
    meter_status,
    toml_block,
    unknown_topics,
)
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Reason
from bkkenergy.portfolio import Meter
from bkkenergy.site import Configuration, load_configuration
from bkkenergy.site.open import opened_state
from bkkenergy.texts import counted

RELOAD = "Reload the broker: systemctl reload mosquitto, or docker compose exec mosquitto sh -c 'kill -HUP 1'."


ingesters_option = click.option(
    "--ingester",
    "ingesters",
    multiple=True,
    default=("bkkenergy",),
    show_default=True,
    help="An ingester's user at the broker. Each ingester needs its own.",
)


@click.group(
    "meters",
    epilog="""\b
Examples:
  bkkenergy meters status
  bkkenergy meters status health --json
  bkkenergy meters unknown > new-meters.toml
  bkkenergy meters acl --to /etc/bkkenergy/secrets""",
)
def meters_command() -> None:
    """Show how the meters are doing, and commission new ones."""


def _meters_of(config: Configuration, agency: str | None) -> Sequence[Meter]:
    if agency is None:
        return config.portfolio.meters
    if agency not in config.portfolio.agencies:
        known = ", ".join(config.portfolio.agencies)
        raise InputError(f"agency {agency!r} is not in the portfolio. Use one of: {known}.")
    return tuple(meter for building in config.portfolio.buildings_of(agency) for meter in building.meters)


@meters_command.command("status", epilog="\b\nExample:\n  bkkenergy meters status district-dindaeng")
@click.argument("agency", required=False)
@json_option
@config_option
def status_command(agency: str | None, as_json: bool, config_dir: Path) -> None:
    """Show last seen, coverage of the last seven days, events and clock of each meter."""
    config = load_configuration(config_dir)
    meters = _meters_of(config, agency)
    with opened_site(config) as opened:
        logbook, now = Logbook(opened.state), dt.datetime.now(dt.UTC)
        statuses = meter_status(opened.energy, logbook, meters, now=now)
        behind_s = clock_behind_s(logbook.gateways().values(), now)
    if behind_s:
        click.echo(f"This host's clock is {behind_s:.0f} s behind that of most gateways. {REMEDY}", err=True)
    if waiting := sum(status.is_waiting for status in statuses):
        click.echo(f"Days of {counted(waiting, 'meter')} are not computed yet; coverage there may be more.", err=True)
    if as_json:
        print_json(statuses)
    else:
        Console().print(_table(statuses))


def _table(statuses: Sequence[MeterStatus]) -> Table:
    table = Table(
        "Meter", "Last seen", f"Coverage {STATUS_DAYS} d", "Least delay", "Events", box=None, header_style="bold"
    )
    for status in statuses:
        latest = status.events[0] if status.events else None
        events = f"{len(status.events)}: {latest.kind} {latest.at.astimezone(BANGKOK):%d %b %H:%M}" if latest else ""
        table.add_row(
            status.meter_id,
            f"{status.last_seen:%Y-%m-%d %H:%M}" if status.last_seen else "never",
            "" if status.coverage_ratio is None else f"{status.coverage_ratio:.0%}",
            "" if status.skew_s is None else f"{status.skew_s:+.0f} s",
            events,
            style="red" if status.last_seen is None else "yellow" if status.is_poor or latest else None,
        )
    return table


@meters_command.command("unknown", epilog="\b\nExample:\n  bkkenergy meters unknown")
@json_option
@config_option
def unknown_command(config_dir: Path, *, as_json: bool) -> None:
    """List topics that no meter of the portfolio listens to, each as TOML ready to paste."""
    config = load_configuration(config_dir)
    with opened_state(config.settings) as state:
        quarantine = Quarantine.of(state, config.settings.ingest)
        quarantined = quarantine.listed(reason=Reason.UNKNOWN_METER, limit=1_000_000)
    files = dict.fromkeys(config.portfolio.buildings, "in config/portfolio")
    known = {meter.topic for meter in config.portfolio.meters}
    unknown = {topic: sample for topic, sample in unknown_topics(quarantined).items() if topic not in known}
    if as_json:
        print_json(
            [
                {"topic": topic, "last_heard": sample.received, "payload": sample.payload, "times": sample.times}
                for topic, sample in unknown.items()
            ]
        )
        return
    for topic, sample in unknown.items():
        click.echo(toml_block(topic, sample, files))


@meters_command.command("acl", epilog="\b\nExamples:\n  bkkenergy meters acl\n"
                        "  bkkenergy meters acl --to /etc/bkkenergy/secrets")  # fmt: skip
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write mosquitto-acl there.")
@ingesters_option
@config_option
def acl_command(folder: Path | None, ingesters: tuple[str, ...], config_dir: Path) -> None:
    """Print mosquitto's access rules: each gateway writes to its topics and nothing else.

    With --to they replace FOLDER/mosquitto-acl, whole or not at all: after a fault the old rules stay. (A shell's
    `> mosquitto-acl` empties the file before this command has begun.)
    """
    config = load_configuration(config_dir)
    decoders = {name: FAMILIES[profile.family](profile) for name, profile in config.profiles.items()}
    topics = {meter.id: decoders[meter.payload].topics(meter.topic) for meter in config.portfolio.meters}
    rules = acl(config.portfolio.meters, topics, ingesters=ingesters)
    if folder is None:
        click.echo(rules, nl=False)
        return
    click.echo(f"{write_rules(folder, rules)}: rules of {counted(len(config.portfolio.meters), 'meter')}. {RELOAD}")


@meters_command.command("passwords", epilog="\b\nExample:\n  bkkenergy meters passwords --to /etc/bkkenergy/secrets")
@click.option("--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where they go.")
@ingesters_option
@config_option
def passwords_command(folder: Path, ingesters: tuple[str, ...], config_dir: Path) -> None:
    """Create a password for every gateway: gateway-passwords.csv for installers, mosquitto-passwords for the broker.

    A gateway that has one keeps it; gateways that the portfolio no longer has lose theirs. The ingester's is
    mqtt-password, another ingester's mqtt-password-NAME. Beside each are those of its helpers (doctor, listen).
    """
    config = load_configuration(config_dir)
    gateways = dict.fromkeys(meter.gateway_id for meter in config.portfolio.meters)
    new, gone = issue_passwords(folder, list(gateways), ingesters=ingesters)
    click.echo(f"{folder}: {counted(len(gateways), 'gateway')}, {new} new, {gone} taken away. {RELOAD}")
