"""`bkkenergy quarantine`: what the ingester refused, for a person to look at and try again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.state.quarantine import Quarantine, Quarantined
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.refusals import refused
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.ingest.ask import replay_quarantined
from bkkenergy.payloads.message import OF_DETAILS, Reason
from bkkenergy.site import Configuration, load_configuration
from bkkenergy.site.open import opened_state
from bkkenergy.texts import Lang

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
@operator_lang_option
@config_option
def list_command(
    reason: str | None, topic: str | None, limit: int, lang: Lang, config_dir: Path, *, as_json: bool
) -> None:
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
    words, console = Words(lang), Console()
    if listed:
        console.print(_table(listed, words))
    console.print(
        words(
            "command.quarantined",
            payloads=counts["quarantine.kept"],
            size=counts["quarantine.kept_bytes"],
            dropped=counts["quarantine.dropped"],
            replayed=counts["quarantine.replayed"],
            messages=counts["messages"],
            readings=counts["readings"],
            refused=counts["refused"],
        )
    )


def _table(listed: Sequence[Quarantined], words: Words) -> Table:
    names = ("number", "received", "topic", "reason", "times", "readings", "detail")
    table = Table(*(words(f"command.payload_{name}") for name in names), box=None, header_style="bold")
    for item in listed:
        received, reason = _received(item, words), _reason(item, words)
        table.add_row(
            str(item.id), received, item.topic, reason, str(item.times), str(item.readings), _detail(item, words)
        )
    return table


def _received(item: Quarantined, words: Words) -> str:
    """Return when it came, to the second: as ISO 8601 does, or with the year of the Buddhist era."""
    received = item.received.astimezone(BANGKOK)
    return f"{words.stamp_day(received.date())} {received:%H:%M:%S}"


def _detail(item: Quarantined, words: Words) -> str:
    return words.stored(item.detail, *OF_DETAILS)


def _reason(item: Quarantined, words: Words) -> str:
    """Return the reason: the slug, which --reason takes; in Thai its name before it."""
    slug = str(item.reason)
    return slug if words.lang == "en" else f"{words.name('reason', slug)} ({slug})"


@quarantine_command.command("show", epilog="\b\nExample:\n  bkkenergy quarantine show 42")
@click.argument("number", type=int)
@json_option
@operator_lang_option
@config_option
def show_command(number: int, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show one refused payload, whole."""
    with _quarantine(load_configuration(config_dir)) as quarantine:
        item = _existing(quarantine, number)
    if as_json:
        print_json(_data(item) | {"payload": item.payload})
        return
    words = Words(lang)
    received = item.received.astimezone(BANGKOK).isoformat() if lang == "en" else _received(item, words)
    click.echo(words("command.shown_topic", topic=item.topic))
    click.echo(words("command.shown_received", received=received, times=item.times))
    click.echo(words("command.shown_reason", reason=_reason(item, words), detail=_detail(item, words)))
    click.echo(words("command.shown_readings", readings=item.readings))
    size = "command.shown_whole" if item.is_whole else "command.shown_part"
    click.echo(words(size, size=item.size_bytes, stored=len(item.payload)))
    click.echo(item.payload.decode(errors="backslashreplace"))


@quarantine_command.command("replay", epilog="\b\nExample:\n  bkkenergy quarantine replay --all --reason unknown_meter")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Everything that --reason and --topic leave.")
@reason_option
@topic_option
@operator_lang_option
@config_option
def replay_command(
    numbers: tuple[int, ...], is_all: bool, reason: str | None, topic: str | None, lang: Lang, config_dir: Path
) -> None:
    """Try refused payloads again with the configuration as it is now.

    What goes in leaves quarantine; what does not stays, with its reason as of now.
    """
    if bool(numbers) == is_all:
        raise click.UsageError(refused("replay_of_nothing"))
    config = load_configuration(config_dir)
    with _quarantine(config) as quarantine:
        if is_all:
            chosen = quarantine.listed(reason=Reason(reason) if reason else None, topic=topic, limit=MOST)
        else:
            chosen = [_existing(quarantine, number) for number in numbers]
        with opened_site(config) as site:
            readings, stayed = replay_quarantined(site, command_line(), chosen, quarantine)
    click.echo(Words(lang)("command.replayed", payloads=len(chosen) - stayed, readings=readings, stayed=stayed))
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
        raise InputError.of("no_payload", number=number)
    return item
