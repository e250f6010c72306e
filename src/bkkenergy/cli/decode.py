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
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.ingest.explain import Explained, ExplainedRefusal, explain_payload
from bkkenergy.ingest.sort import Sorter
from bkkenergy.ingest.topics import topics_for
from bkkenergy.payloads.message import OF_DETAILS, Message
from bkkenergy.readings import US_PER_S
from bkkenergy.site import load_configuration

MAX_BYTES = 10_000_000
OK = "ok"


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
@operator_lang_option
@config_option
def decode_command(profile_id: str, topic: str, file: Path, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show, step by step, what the payload in FILE (or -) becomes, and why a field was refused.

    Exit code 1 when it gives no reading, or the ingester would refuse one.
    """
    config = load_configuration(config_dir)
    if profile_id not in config.profiles:
        raise InputError.of("no_profile_of", name=profile_id, known=list(config.profiles))
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
                "refused": [str(refusal) for refusal in explained.refused],
            }
        )
    else:
        _show(explained, len(payload), Words(lang))
    raise SystemExit(1 if explained.refused or not explained.readings else 0)


def _show(explained: Explained, size_bytes: int, words: Words) -> None:
    """Print what a payload becomes. Steps are named by the profile's fields."""
    click.echo(words("command.decode_size", size=size_bytes))
    for step in explained.steps:
        mark = click.style("✗", fg="red") if step.is_fault else click.style("✓", fg="green")
        what, result = words.stored(step.what, "step."), words.stored(step.result, *OF_DETAILS)
        click.echo(f"  {mark} {what}: {result}")
    for reading in explained.readings:
        name = reading.meter_id or click.style(words("command.decode_no_meter"), fg="yellow")
        key = words("command.decode_key", name=repr(reading.key)) if reading.key else ""
        at = reading.at.astimezone(BANGKOK)
        written = at.isoformat() if words.lang == "en" else words.stamp(at)
        click.echo(words("command.decode_reading", name=name, address=f"{reading.topic}{key}", at=written))
        for field, value in reading.values.items():
            click.echo(f"    {field} = {value:.10g}")
    for refusal in explained.refused:
        click.echo(click.style(words("command.decode_refused"), fg="red") + " " + _refusal_text(refusal, words))


def _refusal_text(refusal: ExplainedRefusal, words: Words) -> str:
    """Return why a reading would be refused: the slug, which quarantine list takes; in Thai its name."""
    if refusal.reason is None:
        return words("command.decode_no_meters")
    name = str(refusal.reason) if words.lang == "en" else words.name("reason", str(refusal.reason))
    return f"{name}: {words.stored(refusal.detail, *OF_DETAILS)}"


@click.command(
    "listen",
    epilog="\b\nExamples:\n  bkkenergy listen\n  bkkenergy listen --seconds 30 --like health",
)
@click.option("--seconds", type=click.FloatRange(min=0.1), help="End after so long (default: Ctrl-C ends).")
@click.option("--like", default="", help="Only meters and topics that hold this text.")
@operator_lang_option
@config_option
def listen_command(seconds: float | None, like: str, lang: Lang, config_dir: Path) -> None:
    """Show live traffic decoded, in a table that refreshes. Nothing is stored or taken from the ingester."""
    set_up_logging("warning", "text")
    config = load_configuration(config_dir)
    limits = config.settings.ingest
    sorter = Sorter(config.portfolio.meters, config.profiles, max_ahead_s=limits.max_ahead_s)
    subscriber = Subscriber(bystander(config.settings.mqtt, "listen"), topics_for(config.settings, sorter.topics))
    subscriber.start()
    heard: dict[str, tuple[str, ...]] = {}
    until_s = None if seconds is None else time.monotonic() + seconds
    console, words = Console(), Words(lang)
    try:
        with Live(_table(heard, words), console=console, refresh_per_second=4) as live:
            while until_s is None or time.monotonic() < until_s:
                subscriber.tend()
                messages = subscriber.take(1000, MAX_BYTES, timeout_s=0.25)
                _hear(sorter, messages, heard, like, words)
                subscriber.acknowledge(messages)
                live.update(_table(heard, words))
    except KeyboardInterrupt:
        pass
    finally:
        subscriber.stop()


def _hear(sorter: Sorter, messages: list[Message], heard: dict[str, tuple[str, ...]], like: str, words: Words) -> None:
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
            stamped = f"{words.stamp_day(at.date())} {at:%H:%M:%S}"
            heard[name] = (now, name, stamped, *(f.replace("nan", "–") for f in figures), OK)
    for item in outcome.refused:
        if like in item.topic:
            heard[f"{item.topic} {item.reason}"] = (
                now,
                item.topic,
                "",
                "",
                "",
                _refusal_text(ExplainedRefusal(item.reason, item.detail), words),
            )


def _table(heard: dict[str, tuple[str, ...]], words: Words) -> Table:
    names = (words(f"command.listen_{name}") for name in ("heard", "meter", "stamped", "energy", "power", "verdict"))
    table = Table(*names, box=None, header_style="bold")
    for row in sorted(heard.values(), key=lambda row: row[1])[:200]:
        verdict = words("command.listen_ok") if row[-1] == OK else row[-1]
        table.add_row(*row[:-1], verdict, style=None if row[-1] == OK else "red")
    return table
