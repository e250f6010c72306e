"""`bkkenergy demo`: the whole data path before one's eyes, with simulated meters or a file's."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import pandas as pd
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bkkenergy.access import server_actor
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.cli.context import command_line, config_option, set_up_logging
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.jobs import opened_jobs
from bkkenergy.cli.lang import lang_of_locale
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.refusals import LANG_VARIABLE
from bkkenergy.demo.documents import enter_documents
from bkkenergy.demo.gateways import gateways
from bkkenergy.demo.history import commit_history, learn_baselines
from bkkenergy.demo.live import live_message
from bkkenergy.demo.meters import SILENT_FROM_YESTERDAY, Counter, counters, lamps_done_on, time_grid
from bkkenergy.demo.records import enter_records
from bkkenergy.demo.replay import AGENCY, last_whole_month, replay_messages, replay_portfolio
from bkkenergy.demo.session import Outgoing, Session, begin_empty, demo_settings, publish_all, running
from bkkenergy.demo.story import enter_story
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.ingest.files import read_wide
from bkkenergy.lazy import loading
from bkkenergy.portfolio import Portfolio
from bkkenergy.readings import US_PER_S
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.phrasing import headline
from bkkenergy.reports.write import make_city_report, make_report, write_report
from bkkenergy.site import Configuration, load_configuration, open_site

STEPS_PER_MESSAGE = 96
LIVE_DAYS = 14
"""So long meters go on sending."""
BROKEN = (
    ("environment", "bma/environment/headquarters/main/readings", b'{"ts": "2026-11-23T10:00:00+07:00", "energy'),
    ("health", "bma/health/centre-9/main/readings", b'{"ts": "2026-11-23T10:00:00+07:00", "energy_kwh": 4711.2}'),
    ("education", "bma/education/headquarters/main/readings", b'{"ts": 1795406400, "power_kw": 98000.0}'),
)
"""Messages that no meter should send: cut short, of an unknown meter, beyond any rating."""


@click.command(
    "demo",
    epilog="""\b
Examples:
  bkkenergy demo                     400 days of history, reports, then live with the web app until Ctrl-C
  bkkenergy demo --exit              the same, ending after the reports
  bkkenergy demo --replay office.csv --exit
  bkkenergy demo --broker amqtt --days 7 --exit
  bkkenergy demo --lang en""",
)
@click.option("--exit", "exits", is_flag=True, help="End after the reports instead of going on live.")
@click.option("--days", default=400, show_default=True, type=click.IntRange(2, 400), help="History to simulate.")
@click.option(
    "--mqtt-days",
    default=7,
    show_default=True,
    type=click.IntRange(1, 400),
    help="The last days of it, which come over MQTT. Those before go straight into the store.",
)
@click.option(
    "--every",
    "every_s",
    default=10,
    show_default=True,
    type=click.IntRange(1, 3600),
    help="Seconds between live readings.",
)
@click.option("--seed", default=2570, show_default=True, help="Another seed, another city.")
@click.option(
    "--replay",
    type=InputFile(),
    help="Publish this file's meters instead: time first, then columns of kW (*_kw) or kWh.",
)
@click.option("--timezone", default=str(BANGKOK), show_default=True, help="Of the file's times without an offset.")
@click.option(
    "--broker",
    type=click.Choice(["mosquitto", "amqtt"]),
    help="Which broker to start (default: mosquitto where installed, else amqtt).",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where store and reports go; an earlier demo's store there is replaced.",
)
@click.option(
    "--lang",
    type=click.Choice(LANGS),
    envvar=LANG_VARIABLE,
    help="Of what is printed, and of the app (default: as the locale, else Thai).",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="error",
    help="What the service logs meanwhile.",
)
@config_option
def demo_command(
    exits: bool,
    days: int,
    mqtt_days: int,
    every_s: int,
    seed: int,
    replay: Path | None,
    timezone: str,
    broker: str | None,
    folder: Path,
    lang: Lang | None,
    log_level: str,
    config_dir: Path,
) -> None:
    """Run a demonstration: simulated gateways publish over a real broker, reports come out.

    Starts a broker, publishes days of 15-minute readings of the demonstration portfolio at QoS 1 through the real
    ingester into an embedded store, learns baselines where there is a year of history, and writes yesterday's report
    of every agency. Projects, notes, paper bills and work on findings are entered as people would.
    """
    set_up_logging(log_level, "text")
    config = load_configuration(config_dir)
    folder = folder.resolve()
    words = Words(lang or lang_of_locale(os.environ))
    if replay is not None:
        _replay(config, replay, timezone, folder, broker, words)
        return
    begin_empty(folder)
    now = dt.datetime.now(BANGKOK)
    config = replace(config, settings=demo_settings(config.settings, folder, config.settings.mqtt.port))
    config = enter_records(config, command_line(), now)
    meters = _simulated(config, now, days, seed, words)
    split_us = _midnight_us(now, mqtt_days) if mqtt_days < days else 0
    _store_history(config, meters, split_us, words)
    with running(config.settings, config.portfolio, config.profiles, folder, broker=broker) as session:
        recent = [counter.between(split_us, timestamp_us(pd.Timestamp(now)) + 1) for counter in meters]
        total = sum(int(counter.sent.sum()) for counter in recent)
        seconds = _publish(session, list(config.portfolio.agencies), _history(recent), total, words)
        period = Period.day(now.date() - dt.timedelta(days=1))
        config = replace(config, settings=session.settings)
        _work_up(config, lamps_done_on(_first_day(now, days), now), words)
        reports = _write_reports(config, config.portfolio, session, period, words.lang)
        _print_summary(session, seconds, folder, reports, words)
        if not exits:
            sending = [counter for counter in meters if counter.meter.id != SILENT_FROM_YESTERDAY]
            _live(config, session, sending, timestamp_us(pd.Timestamp(now)), every_s, words)


def _simulated(config: Configuration, now: dt.datetime, days: int, seed: int, words: Words) -> list[Counter]:
    """Simulate every meter up to now, and the days that it will send live; say so."""
    index = time_grid(_first_day(now, days), now + dt.timedelta(days=LIVE_DAYS))
    buildings, count = len(config.portfolio.buildings), len(config.portfolio.meters)
    click.echo(words("demo.simulating", days=days, meters=count, buildings=buildings, seed=seed))
    month_mean_c = config.solar.climate.temp_mean_c.months
    return counters(config.portfolio, index, now, month_mean_c=month_mean_c, seed=seed)


def _first_day(now: dt.datetime, days: int) -> pd.Timestamp:
    return pd.Timestamp(dt.datetime.combine(now.date() - dt.timedelta(days=days), dt.time(), BANGKOK))


def _midnight_us(now: dt.datetime, days_before: int) -> int:
    return timestamp_us(_first_day(now, days_before))


def _store_history(config: Configuration, meters: list[Counter], before_us: int, words: Words) -> None:
    """Put what is older than the days that come over MQTT straight into the store."""
    if before_us:
        with open_site(config) as site:
            count = commit_history(site.readings, meters, before_us)
        click.echo(words("demo.stored", count=count))


def _work_up(config: Configuration, lamps_on: dt.date, words: Words) -> None:
    """Compute the energy ledger, learn baselines as of when the new lamps came, and enter what people did."""
    click.echo(words("demo.computing"))
    then = dt.datetime.combine(lamps_on, dt.time(9), BANGKOK)
    with opened_jobs(config) as jobs:
        jobs.bring_up()
        count = learn_baselines(replace(jobs.site, clock=lambda: then), command_line())
        enter_story(jobs.site, server_actor("demo"), jobs.clock(), lamps_on)
        enter_documents(jobs.site, server_actor("demo"), jobs.clock())
    click.echo(words("demo.learned", count=count))


def _history(meters: list[Counter]) -> Iterator[Outgoing]:
    """Yield a day of each meter in turn, as gateways send their backlog, the broken messages at the end."""
    for day in zip(*(_padded(counter) for counter in meters), strict=True):
        yield from (message for message in day if message)
    for gateway, topic, payload in BROKEN:
        yield gateway, topic, payload, 0


def _padded(counter: Counter) -> list[Outgoing | None]:
    """Return the counter's messages, one entry a day, empty where nothing was sent."""
    days = -(-len(counter.ts_us) // STEPS_PER_MESSAGE)
    messages: list[Outgoing | None] = [(counter.agency, *message) for message in counter.messages(STEPS_PER_MESSAGE)]
    return messages + [None] * (days - len(messages))


def _publish(session: Session, names: list[str], outgoing: Iterator[Outgoing], total: int, words: Words) -> float:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(words("demo.sending", broker=session.broker), total=total)
        return publish_all(session, names, outgoing, _throttled(lambda done: progress.update(task, completed=done)))


def _throttled(on_progress: Callable[[int], object]) -> Callable[[int], None]:
    """Return a callback that passes on at most ten calls a second."""
    last_s = 0.0

    def pass_on(done: int) -> None:
        nonlocal last_s
        if time.monotonic() - last_s > 0.1:  # noqa: PLR2004
            last_s = time.monotonic()
            on_progress(done)

    return pass_on


def _write_reports(
    config: Configuration, portfolio: Portfolio, session: Session, period: Period, lang: Lang
) -> list[tuple[AgencyReport, Path]]:
    """Return each agency's report with its page in a language, which is written first."""
    now, folder = dt.datetime.now(dt.UTC), session.settings.report.folder
    langs = (lang, *(other for other in LANGS if other != lang))
    with opened_site(replace(config, portfolio=portfolio, settings=session.settings)) as opened:
        reports = [make_report(opened, agency, period, now=now) for agency in portfolio.agencies]
        if len(reports) > 1:
            reports.insert(0, make_city_report(opened, reports, now=now))
        return [(report, write_report(report, period, folder, ("html", "json", "csv"), langs)[0]) for report in reports]


def _print_summary(
    session: Session, seconds: float, folder: Path, reports: list[tuple[AgencyReport, Path]], words: Words
) -> None:
    """Print what was done, and where to look."""
    totals, protocol = session.totals, session.ingester.subscriber.protocol
    sent = {"readings": session.readings, "messages": session.messages, "protocol": protocol, "broker": session.broker}
    rate = words.number(session.readings / seconds)
    click.echo("\n" + words("demo.sent", **sent, seconds=f"{seconds:.1f}", rate=rate))
    if totals["refused"]:
        click.echo(words("demo.refused", count=totals["refused"]))
    for report, path in reports:
        name = words.either(th=report.name_th, en=report.name_en)
        click.echo(f"\n  {click.style(name, bold=True)}\n    {headline(report, words)}\n    {path}")
    click.echo("\n" + words("demo.written", store=session.settings.store.path, reports=folder / "reports"))


def _live(
    config: Configuration, session: Session, meters: list[Counter], since_us: int, every_s: int, words: Words
) -> None:
    """Run the web app, and send what every meter shows now and again, until Ctrl-C. since_us : what was sent before."""
    with loading():
        from bkkenergy.cli.demo_web import USER, web_app  # noqa: PLC0415 - `demo --exit` needs no web app

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # also where a shell started us with Ctrl-C ignored
    names = sorted({counter.agency for counter in meters})
    try:
        with web_app(config, words.lang) as (address, password), gateways(names, session.port) as opened:
            bold = click.style(address, bold=True)
            click.echo("\n" + words("demo.app", address=bold, user=USER, password=password))
            click.echo(words("demo.live", seconds=every_s))
            while (now_us := int(time.time()) * US_PER_S) < meters[0].ts_us[-1]:
                for counter in meters:
                    opened[counter.agency].publish(*live_message(counter, since_us, now_us))
                since_us = now_us
                time.sleep(every_s)
                at = dt.datetime.now(BANGKOK).strftime("%H:%M:%S")
                click.echo("\r" + words("demo.in_store", at=at, count=session.readings), nl=False)
            click.echo("\n" + words("demo.over", days=LIVE_DAYS))
            threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("\n" + words("demo.ended"))


def _replay(config: Configuration, path: Path, timezone: str, folder: Path, broker: str | None, words: Words) -> None:
    """Publish a file's meters, and report its last whole month."""
    wide = read_wide(path, timezone=timezone)
    portfolio, meters = replay_portfolio(path, wide, config.portfolio.calendars["office"])
    outgoing = list(replay_messages(wide, meters))
    period = last_whole_month(wide)
    begin_empty(folder)
    with running(config.settings, portfolio, config.profiles, folder, broker=broker) as session:
        seconds = _publish(session, [AGENCY], iter(outgoing), sum(count for *_, count in outgoing), words)
        reports = _write_reports(config, portfolio, session, period, words.lang)
        _print_summary(session, seconds, folder, reports, words)
