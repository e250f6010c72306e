"""`bkkenergy decode` and `bkkenergy listen`: see what payloads become."""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from bkkenergy.adapters.identities import bystander
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import config_option, set_up_logging
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.ingest.explain import Explained, explain_payload
from bkkenergy.ingest.sort import Sorter
from bkkenergy.ingest.topics import topics_for
from bkkenergy.payloads.message import Message
from bkkenergy.readings import US_PER_S
from bkkenergy.site import load_configuration

MAX_BYTES = 10_000_000


@click.command(
    "decode",
    epilog="""\b
Examples:
  bkkenergy decode --profile tasmota-sensor --topic tele/plug/SENSOR message.json
  mosquitto_sub -t 'zigbee2mqtt/#' -C 1 | bkkenergy decode --profile zigbee2mqtt --topic zigbee2mqtt/pump -""",
)
@click.option("--profile", "profile_id", required=True, help="A profile of config/payloads.")
@click.option("--topic", required=True, help="The topic that it came on.")
@click.argument("file", type=InputFile(allow_dash=True))
@json_option
@config_option
def decode_command(profile_id: str, topic: str, file: Path, config_dir: Path, *, as_json: bool) -> None:
    """Show, step by step, what the payload in FILE (or -) becomes, and why a field was refused.

    Exit code 1 when it gives no reading, or the ingester would refuse one.
    """
    config = load_configuration(config_dir)
    if profile_id not in config.profiles:
        raise InputError(f"there is no profile {profile_id!r}. Use one of: {', '.join(config.profiles)}.")
    payload = sys.stdin.buffer.read(MAX_BYTES) if str(file) == "-" else file.read_bytes()
    message = Message(topic, payload, received_us=int(time.time() * US_PER_S))
    explained = explain_payload(
        config.profiles[profile_id], config.portfolio.meters, message, max_ahead_s=config.settings.ingest.max_ahead_s
    )
    if as_json:
        print_json(
            {
                "size_bytes": len(payload),
                "steps": explained.steps,
                "readings": explained.readings,
                "refused": explained.refused,
            }
        )
    else:
        _show(explained, len(payload))
    raise SystemExit(1 if explained.refused or not explained.readings else 0)


def _show(explained: Explained, size_bytes: int) -> None:
    click.echo(f"{size_bytes} bytes")
    for step in explained.steps:
        mark = click.style("✗", fg="red") if step.is_fault else click.style("✓", fg="green")
        click.echo(f"  {mark} {step.what}: {step.result}")
    for reading in explained.readings:
        name = reading.meter_id or click.style("no meter of the portfolio", fg="yellow")
        key = f" key {reading.key!r}" if reading.key else ""
        click.echo(f"→ {name} ({reading.topic}{key}) at {reading.at.astimezone(BANGKOK).isoformat()}")
        for field, value in reading.values.items():
            click.echo(f"    {field} = {value:.10g}")
    for refusal in explained.refused:
        click.echo(click.style("refused ", fg="red") + refusal)


@click.command(
    "listen",
    epilog="\b\nExamples:\n  bkkenergy listen\n  bkkenergy listen --seconds 30 --like health",
)
@click.option("--seconds", type=click.FloatRange(min=0.1), help="End after so long (default: Ctrl-C ends).")
@click.option("--like", default="", help="Only meters and topics that hold this text.")
@config_option
def listen_command(seconds: float | None, like: str, config_dir: Path) -> None:
    """Show live traffic decoded, in a table that refreshes. Nothing is stored or taken from the ingester."""
    set_up_logging("warning", "text")
    config = load_configuration(config_dir)
    limits = config.settings.ingest
    sorter = Sorter(config.portfolio.meters, config.profiles, max_ahead_s=limits.max_ahead_s)
    subscriber = Subscriber(bystander(config.settings.mqtt, "listen"), topics_for(config.settings, sorter.topics))
    subscriber.start()
    heard: dict[str, tuple[str, ...]] = {}
    until_s = None if seconds is None else time.monotonic() + seconds
    console = Console()
    try:
        with Live(_table(heard), console=console, refresh_per_second=4) as live:
            while until_s is None or time.monotonic() < until_s:
                subscriber.tend()
                messages = subscriber.take(1000, MAX_BYTES, timeout_s=0.25)
                _hear(sorter, messages, heard, like)
                subscriber.acknowledge(messages)
                live.update(_table(heard))
    except KeyboardInterrupt:
        pass
    finally:
        subscriber.stop()


def _hear(sorter: Sorter, messages: list[Message], heard: dict[str, tuple[str, ...]], like: str) -> None:
    """Record the latest of each meter, and of each topic that is refused."""
    outcome = sorter.sort(messages, now_us=int(time.time() * US_PER_S))
    now = dt.datetime.now(BANGKOK).strftime("%H:%M:%S")
    batch = outcome.batch
    columns = [batch.column(field) for field in ("energy_kwh", "power_kw")]
    for row in range(len(batch)):
        name = batch.meter_ids[int(batch.meter[row])]
        at = dt.datetime.fromtimestamp(int(batch.ts_us[row]) / US_PER_S, BANGKOK)
        figures = (f"{column[row]:,.3f}" for column in columns)
        if like in name:
            heard[name] = (now, name, f"{at:%Y-%m-%d %H:%M:%S}", *(f.replace("nan", "–") for f in figures), "ok")
    for item in outcome.refused:
        if like in item.topic:
            heard[f"{item.topic} {item.reason}"] = (now, item.topic, "", "", "", f"{item.reason}: {item.detail}")


def _table(heard: dict[str, tuple[str, ...]]) -> Table:
    table = Table("Heard", "Meter", "Stamped", "kWh", "kW", "Verdict", box=None, header_style="bold")
    for row in sorted(heard.values(), key=lambda row: row[1])[:200]:
        table.add_row(*row, style=None if row[-1] == "ok" else "red")
    return table
