"""`bkkenergy quarantine`: what the ingester refused, for a person to look at and try again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.state.quarantine import Quarantine, Quarantined
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.ingest.ask import replay_quarantined
from bkkenergy.payloads.message import Reason
from bkkenergy.site import Configuration, load_configuration
from bkkenergy.site.open import opened_state
from bkkenergy.texts import counted

MOST = 1_000_000


@contextmanager
def _quarantine(config: Configuration) -> Iterator[Quarantine]:
    with opened_state(config.settings) as state:
        yield Quarantine.of(state, config.settings.ingest)


reason_option = click.option(
    "--reason", type=click.Choice([str(reason) for reason in Reason]), help="Only this reason."
)
topic_option = click.option("--topic", help="Only topics like this; * stands for any text.")


@click.group(
    "quarantine",
    epilog="""\b
Examples:
  bkkenergy quarantine list --reason unknown_meter
  bkkenergy quarantine show 42
  bkkenergy quarantine replay 42 43
  bkkenergy quarantine replay --all --topic 'bma/health/*'""",
)
def quarantine_command() -> None:
    """Show refused payloads, and try them again once the cause is repaired."""


@quarantine_command.command("list", epilog="\b\nExample:\n  bkkenergy quarantine list --reason not_decoded --limit 200")
@reason_option
@topic_option
@click.option("--limit", default=50, show_default=True, help="At most this many, the newest first.")
@json_option
@config_option
def list_command(reason: str | None, topic: str | None, limit: int, config_dir: Path, *, as_json: bool) -> None:
    """List what was refused, the newest first, and what has been counted."""
    with _quarantine(load_configuration(config_dir)) as quarantine:
        listed = quarantine.listed(reason=Reason(reason) if reason else None, topic=topic, limit=limit)
        counts = quarantine.counts()
    if as_json:
        print_json(
            {
                "payloads": [_data(item) for item in listed],
                "quarantined": counts["quarantine.kept"],
                "quarantined_bytes": counts["quarantine.kept_bytes"],
                "dropped": counts["quarantine.dropped"],
                "replayed": counts["quarantine.replayed"],
                "ingested_messages": counts["messages"],
                "ingested_readings": counts["readings"],
                "refused": counts["refused"],
            }
        )
        return
    table = Table("No.", "Received", "Topic", "Reason", "Times", "Readings", "Detail", box=None, header_style="bold")
    for item in listed:
        received = item.received.astimezone(BANGKOK).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(item.id), received, item.topic, item.reason, str(item.times), str(item.readings), item.detail)
    console = Console()
    if listed:
        console.print(table)
    console.print(
        f"{counts['quarantine.kept']} kept ({counts['quarantine.kept_bytes']:,} bytes), "
        f"{counts['quarantine.dropped']} dropped for room, {counts['quarantine.replayed']} replayed. "
        f"Ever ingested: {counted(counts['messages'], 'message')}, {counted(counts['readings'], 'reading')}; "
        f"{counts['refused']:,} refused."
    )


@quarantine_command.command("show", epilog="\b\nExample:\n  bkkenergy quarantine show 42")
@click.argument("number", type=int)
@json_option
@config_option
def show_command(number: int, config_dir: Path, *, as_json: bool) -> None:
    """Show one refused payload, whole."""
    with _quarantine(load_configuration(config_dir)) as quarantine:
        item = _existing(quarantine, number)
    if as_json:
        print_json(_data(item) | {"payload": item.payload})
        return
    click.echo(f"topic:    {item.topic}")
    click.echo(f"received: {item.received.astimezone(BANGKOK).isoformat()} ({item.times} times)")
    click.echo(f"reason:   {item.reason}: {item.detail}")
    click.echo(f"readings: {item.readings} refused")
    click.echo(
        f"payload:  {item.size_bytes} bytes{'' if item.is_whole else f', of which {len(item.payload)} are stored'}"
    )
    click.echo(item.payload.decode(errors="backslashreplace"))


@quarantine_command.command("replay", epilog="\b\nExample:\n  bkkenergy quarantine replay --all --reason unknown_meter")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Everything that --reason and --topic leave.")
@reason_option
@topic_option
@config_option
def replay_command(
    numbers: tuple[int, ...], is_all: bool, reason: str | None, topic: str | None, config_dir: Path
) -> None:
    """Try refused payloads again with the configuration as it is now.

    What goes in leaves quarantine; what does not stays, with its reason as of now.
    """
    if bool(numbers) == is_all:
        raise click.UsageError("Give the numbers of payloads, or --all.")
    config = load_configuration(config_dir)
    with _quarantine(config) as quarantine:
        if is_all:
            chosen = quarantine.listed(reason=Reason(reason) if reason else None, topic=topic, limit=MOST)
        else:
            chosen = [_existing(quarantine, number) for number in numbers]
        with opened_site(config) as site:
            readings, stayed = replay_quarantined(site, command_line(), chosen, quarantine)
    click.echo(
        f"{counted(len(chosen) - stayed, 'payload')} replayed ({counted(readings, 'reading')}), "
        f"{stayed} stay in quarantine."
    )
    raise SystemExit(1 if stayed else 0)


def _data(item: Quarantined) -> dict[str, Any]:
    return {
        "id": item.id,
        "received": item.received,
        "topic": item.topic,
        "reason": item.reason,
        "detail": item.detail,
        "times": item.times,
        "readings": item.readings,
        "size_bytes": item.size_bytes,
        "is_whole": item.is_whole,
    }


def _existing(quarantine: Quarantine, number: int) -> Quarantined:
    item = quarantine.get(number)
    if item is None:
        raise InputError(f"there is no payload {number} in quarantine. See `bkkenergy quarantine list`.")
    return item
