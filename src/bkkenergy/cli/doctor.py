"""`bkkenergy doctor`: whether broker, store, disk, clock and configuration are as they should be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from bkkenergy.adapters.outage import MESSAGES
from bkkenergy.cli.context import config_option, set_up_logging
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.progress import COLUMNS
from bkkenergy.i18n import Words
from bkkenergy.ingest.doctor import CheckResult, examine, examine_storage
from bkkenergy.ingest.ledger_check import examine_ledger, examine_stored
from bkkenergy.ingest.poll_check import examine_outbound, examine_polled
from bkkenergy.ingest.sort import Sorter
from bkkenergy.ingest.topics import topics_for
from bkkenergy.ports.readings import StoreUnavailable, StoreUnfit
from bkkenergy.settings import load_settings
from bkkenergy.site import load_configuration
from bkkenergy.site.folder import outbound_file
from bkkenergy.site.poll_config import load_polled
from bkkenergy.texts import Lang
from bkkenergy.web.assets import has_charts

LEDGER_LOOK_S = 3.0
MAX_AWAY_MESSAGES = 200_000


@click.command("doctor", epilog="\b\nExamples:\n  bkkenergy doctor\n  bkkenergy doctor --config /etc/bkkenergy")
@json_option
@operator_lang_option
@click.option("--whole", is_flag=True, help="Compare the whole ledger and all stored files, however long it takes.")
@click.option(
    "--outage",
    "away_messages",
    metavar="MESSAGES",
    type=click.IntRange(10, MAX_AWAY_MESSAGES),
    default=MESSAGES,
    show_default=True,
    help="How many messages to send while a session is away.",
)
@config_option
def doctor_command(lang: Lang, config_dir: Path, *, as_json: bool, whole: bool, away_messages: int) -> None:
    """Check all that the service needs, and print a remedy for what is not well.

    Broker, credentials, subscriptions, store, ledger, disk, clocks, spool, quarantine. The ledger is compared with its
    readings, and stored files with their hashes, for some seconds each, others each day. Exit code 1 if anything is
    not well.
    """
    set_up_logging("error", "text")
    ill, within_s = 0, math.inf if whole else LEDGER_LOOK_S
    if as_json:
        results = list(_findings(config_dir, within_s, away_messages))
        print_json([_record(result) for result in results])
        raise SystemExit(0 if all(result.is_well for result in results) else 1)
    for finding in (result.said(lang) for result in _findings(config_dir, within_s, away_messages, lang)):
        mark = click.style("✓", fg="green") if finding.is_well else click.style("✗", fg="red")
        click.echo(
            f"{mark} {finding.check}: {finding.observed}" + ("" if finding.is_well else f"\n    {finding.remedy}")
        )
        ill += not finding.is_well
    raise SystemExit(1 if ill else 0)


def _record(result: CheckResult) -> dict[str, str | bool]:
    """Return a result as scripts know it, in English."""
    return {
        "check": result.check,
        "is_well": result.is_well,
        "observed": result.observed,
        "remedy": result.remedy,
    }


@contextmanager
def _progress(words: Words, *, is_shown: bool) -> Iterator[Callable[[int, int], object]]:
    """Yield what moves a bar of compared months on standard error, where a person waits for all of them."""
    with Progress(*COLUMNS, console=Console(stderr=True), transient=True, disable=not is_shown) as bar:
        task = bar.add_task(words("doctor.check_ledger"), total=None)
        yield lambda compared, months: bar.update(task, completed=compared, total=months)


def _findings(config_dir: Path, within_s: float, away_messages: int, lang: Lang = "en") -> Iterator[CheckResult]:
    """Run every check; where the state that holds the portfolio cannot be read, those that need none."""
    try:
        config = load_configuration(config_dir)
    except (StoreUnavailable, StoreUnfit) as error:
        yield CheckResult.of("portfolio", False, "says", "portfolio_do", text=error)
        yield from examine_storage(load_settings(config_dir))
        return
    yield CheckResult.of("configuration", True, "configuration", folder=config_dir)
    yield _charts()
    yield from examine_polled(load_polled(config.folder, config.portfolio))
    yield from examine_outbound(outbound_file(config.settings))
    sorter = Sorter(config.portfolio.meters, config.profiles, max_ahead_s=config.settings.ingest.max_ahead_s)
    topics = topics_for(config.settings, sorter.topics)
    yield from examine(config.settings, topics, sorter.topics, away_messages=away_messages)
    with _progress(Words(lang), is_shown=math.isinf(within_s)) as on_progress:
        compared = list(examine_ledger(config, within_s=within_s, on_progress=on_progress))
    yield from examine_stored(config, within_s=within_s)
    yield from compared  # once the bar is gone: they would share a line


def _charts() -> CheckResult:
    """Look for what the app takes from npm. It works without, so that nothing is wrong; but it is said."""
    return CheckResult.of("charts", True, "charts" if has_charts() else "charts_still")
