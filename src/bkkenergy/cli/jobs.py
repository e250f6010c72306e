"""`bkkenergy jobs`: what was reported, what is due, and doing it."""

from __future__ import annotations

import datetime as dt
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bkkenergy.adapters.archive import FolderArchive
from bkkenergy.adapters.delivery import CHANNELS, Notification
from bkkenergy.adapters.state.outbox import messages
from bkkenergy.adapters.state.runs import RUN_STATES, Due, Run, RunState
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.beside import MAX_WORKERS, others_at_work, workers_for
from bkkenergy.cli.context import begin_service, command_line, config_option, log_options, period_of, today_here
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.progress import COLUMNS
from bkkenergy.errors import BkkEnergyError, InputError
from bkkenergy.i18n import NO_VALUE, Words
from bkkenergy.ingest.observe import observed
from bkkenergy.jobs.runner import RunContext
from bkkenergy.jobs.schedule import due_runs
from bkkenergy.jobs.schedule import since as due_since
from bkkenergy.jobs.service import Jobs, start
from bkkenergy.recipients import ALL, CITY
from bkkenergy.reports.render.browser import Browser
from bkkenergy.site import Configuration, load_configuration
from bkkenergy.site.folder import archive_of
from bkkenergy.site.start import note_state, try_out_or_warn
from bkkenergy.texts import Lang
from bkkenergy.usecases.archived import copied
from bkkenergy.usecases.hosts import join
from bkkenergy.usecases.reruns import retry_runs

console = Console(width=None if sys.stdout.isatty() else 160)
MAX_SHOWN_ERROR = 60


@contextmanager
def opened_jobs(config: Path | Configuration, *, may_wait: bool = False) -> Iterator[Jobs]:
    """Open a site, and make its scheduler, not started. may_wait : as for `open_site`."""
    with opened_site(config, may_wait=may_wait) as site:
        yield Jobs(site)


@contextmanager
def running_jobs(jobs: Jobs) -> Iterator[None]:
    """Run the schedule while the context lasts."""
    join(jobs.site.config, jobs.site.state)
    try_out_or_warn(jobs.site.readings)
    note_state(jobs.site.readings, jobs.site.state)
    scheduler = start(jobs)
    try:
        yield
    finally:
        jobs.stop()
        scheduler.shutdown()
        jobs.queue.stand_down()


@click.group(
    "jobs",
    epilog="""\b
Examples:
  bkkenergy jobs start                          run the schedule, beside or instead of `serve`
  bkkenergy jobs list --state failed
  bkkenergy jobs run --agency health --period 2026-11-23
  bkkenergy jobs retry 41 42
  bkkenergy jobs catch-up --since 2026-11-01""",
)
def jobs_command() -> None:
    """Run scheduled reports, list them, and try failed ones again.

    A period is reported once, however many replicas run and whatever crashes; late data bring a new revision.
    """


@jobs_command.command("start", epilog="\b\nExamples:\n  bkkenergy jobs start --log-format json")
@config_option
@log_options
def start_command(config_dir: Path, log_level: str, log_format: str) -> None:
    """Run the schedule until stopped, without ingesting. Several may run: they share the reports, and one leads."""
    begin_service(log_level, log_format)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with opened_jobs(config_dir, may_wait=True) as jobs:
        observe = jobs.settings.observe
        with observed(observe, observe.jobs_port, "jobs"), running_jobs(jobs):
            stopped.wait()


@jobs_command.command("list", epilog="\b\nExamples:\n  bkkenergy jobs list --agency health --state done\n"
                      "  bkkenergy jobs list --mail --json")  # fmt: skip
@click.option("--agency", help="An agency's id, or city.")
@click.option("--state", type=click.Choice(RUN_STATES), help="Runs in this state alone.")
@click.option("--mail", is_flag=True, help="What was sent or waits to be, instead of runs.")
@click.option("--limit", default=40, show_default=True, type=click.IntRange(1), help="How many lines.")
@json_option
@operator_lang_option
@config_option
def list_command(
    agency: str | None, state: RunState | None, limit: int, lang: Lang, config_dir: Path, *, mail: bool, as_json: bool
) -> None:
    """Show runs with their tries, duration and error, the newest period first; or messages."""
    words = Words(lang)
    with opened_jobs(config_dir) as jobs:
        if mail:
            _show(
                [asdict(message) for message in messages(jobs.site.state, limit=limit)],
                _mail_row,
                words,
                as_json=as_json,
            )
            return
        runs = jobs.queue.runs(agency=agency, state=state, limit=limit)
        files = jobs.queue.artefacts(runs)
    rows = [_row(run) | {"files": [asdict(artefact) for artefact in files[run.id]]} for run in runs]
    _show(rows, _run_row, words, as_json=as_json)


@jobs_command.command("run", epilog="\b\nExamples:\n  bkkenergy jobs run\n"
                      "  bkkenergy jobs run --agency all --period 2026-10\n"
                      "  bkkenergy jobs run --agency health --period 2026-11-23 --again 'meter corrected'")  # fmt: skip
@click.option("--agency", default=ALL, show_default=True, help="An agency's id, city, or all.")
@click.option("--period", help="A day, month or fiscal year (default: whatever is due now).")
@click.option("--again", metavar="REASON", help="Make a new revision of what is archived already, and say why.")
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    help="Processes that make reports at a time (default: one a core, at most 4).",
)
@operator_lang_option
@config_option
@log_options
def run_command(
    agency: str,
    period: str | None,
    again: str | None,
    workers: int | None,
    lang: Lang,
    config_dir: Path,
    log_level: str,
    log_format: str,
) -> None:
    """Run what is due now, or one period: archived, entered in the ledger, and sent like any other report."""
    begin_service("error" if log_level == "info" else log_level, log_format)
    with opened_jobs(config_dir) as jobs:
        agencies = [*jobs.site.portfolio.agencies, CITY]
        if agency not in (*agencies, ALL):
            raise InputError.of("no_such_agency", name=agency, known=", ".join((*agencies, ALL)))
        now = jobs.clock()
        if period is None:
            newest = jobs.queue.newest_first_days()
            lines, most = jobs.settings.jobs.schedule, jobs.settings.jobs.catch_up_periods
            due = due_runs(lines, list(jobs.site.portfolio.agencies), newest, now, most)
            jobs.queue.plan([run for run in due if agency in (ALL, run.agency)])
        else:
            _enter_period(jobs, [agency] if agency != ALL else agencies, period, again, now)
        _work_off(jobs, Words(lang), config_dir, workers)


def _enter_period(jobs: Jobs, agencies: list[str], text: str, again: str | None, now: dt.datetime) -> None:
    span = period_of(text)
    if span.kind == "range":
        raise InputError.of("no_run_period", text=text)
    if span.last_day >= now.astimezone(BANGKOK).date():
        raise InputError.of("period_not_ended", text=text)
    due = [Due(agency=name, period=span, due_at=now) for name in agencies]
    jobs.queue.plan(due)
    for name in agencies if again else ():
        newest = jobs.queue.runs(agency=name, period=span)[0]
        if newest.state == "done":
            jobs.queue.again(newest, again or "", now)


@jobs_command.command("retry", epilog="\b\nExamples:\n  bkkenergy jobs retry 41\n  bkkenergy jobs retry --failed")
@click.argument("ids", nargs=-1, type=int)
@click.option("--failed", is_flag=True, help="All that failed.")
@operator_lang_option
@config_option
@log_options
def retry_command(
    ids: tuple[int, ...], lang: Lang, config_dir: Path, log_level: str, log_format: str, *, failed: bool
) -> None:
    """Try failed runs again now, by their numbers of `jobs list`."""
    begin_service("error" if log_level == "info" else log_level, log_format)
    with opened_jobs(config_dir) as jobs:
        numbers = [run.id for run in jobs.queue.runs(state="failed")] if failed else list(ids)
        if not numbers:
            raise InputError.of("no_run_named")
        if not retry_runs(jobs.site.state, command_line(), numbers, jobs.clock()):
            raise InputError.of("no_run_waits")
        _work_off(jobs, Words(lang))


@jobs_command.command("catch-up", epilog="\b\nExamples:\n  bkkenergy jobs catch-up --since 2026-11-01")
@click.option("--since", required=True, help="The first day, for instance 2026-11-01.")
@operator_lang_option
@config_option
@log_options
def catch_up_command(since: str, lang: Lang, config_dir: Path, log_level: str, log_format: str) -> None:
    """Run reports of every period since a day that is not reported yet, the oldest first."""
    begin_service("error" if log_level == "info" else log_level, log_format)
    with opened_jobs(config_dir) as jobs:
        first = period_of(since).first_day
        entered = jobs.queue.plan(
            due_since(jobs.settings.jobs.schedule, list(jobs.site.portfolio.agencies), first, jobs.clock())
        )
        click.echo(Words(lang)("command.periods_entered", count=entered))
        _work_off(jobs, Words(lang))


@jobs_command.command("copy-archive", epilog="\b\nExamples:\n  bkkenergy jobs copy-archive")
@operator_lang_option
@config_option
def copy_command(lang: Lang, config_dir: Path) -> None:
    """Copy archived reports of this host's folder into the bucket of [archive], and read each back.

    What is there already stays. It can be ended and begun again at any time.
    """
    words = Words(lang)
    with opened_jobs(config_dir) as jobs:
        source, target = FolderArchive(archive_of(jobs.settings)), jobs.site.archive
        if source.where == target.where:
            raise InputError(words("command.archive_one", where=target.where))
        files = [file for of_run in jobs.queue.artefacts(jobs.queue.runs(state="done")).values() for file in of_run]
        with Progress(*COLUMNS, console=console, transient=True) as bar:
            task = bar.add_task(words("web.reports"), total=len(files))
            counts = copied(source, target, files, lambda: bar.advance(task))
    click.echo(words("command.archive_copied", where=target.where, **counts))
    if counts["missing"]:
        click.echo(words("command.archive_missing", **counts), err=True)
        raise SystemExit(1)


@jobs_command.command("test-mail", epilog="\b\nExamples:\n  bkkenergy jobs test-mail\n"
                      "  bkkenergy jobs test-mail --to energy@bangkok.go.th")  # fmt: skip
@click.option("--to", help="Only this recipient (default: all).")
@operator_lang_option
@config_option
def test_command(to: str | None, lang: Lang, config_dir: Path) -> None:
    """Send a test message to the recipients, by mail, webhook or LINE, and show its outcome."""
    settings = load_configuration(config_dir).delivery_on(today_here())
    recipients = [recipient for recipient in settings.recipient if to in (None, recipient.to)]
    if not recipients:
        known = ", ".join(recipient.to for recipient in settings.recipient) or NO_VALUE
        raise InputError.of("no_such_recipient", known=known)
    failed = 0
    for recipient in recipients:
        words = Words(recipient.language)
        key = f"test/{dt.datetime.now(dt.UTC).timestamp():.0f}"
        message = Notification(key, words("mail.test_subject"), words("mail.test_text"), data={"kind": "test"})
        try:
            CHANNELS[recipient.channel](settings, recipient, message)
        except (BkkEnergyError, OSError) as error:
            failed += 1
            why = error.said(lang) if isinstance(error, BkkEnergyError) else error
            click.echo(f"{recipient.channel} {recipient.to}: {why}", err=True)
        else:
            click.echo(Words(lang)("command.message_taken", channel=recipient.channel, to=recipient.to))
    if failed:
        raise SystemExit(1)


def _work_off(jobs: Jobs, words: Words, config_dir: Path | None = None, workers: int | None = None) -> None:
    """Run what is due, with a bar; exits with 1 when something failed.

    workers : processes that do so, where other ones may open `config_dir`; None for as many as are worth it.
    """
    waiting = len(jobs.queue.runs(state="due")) + len(jobs.queue.runs(state="running"))
    failed: list[Run] = []
    beside = 0 if config_dir is None else workers_for(waiting, workers) - 1
    done = jobs.queue.counts()["done"]
    with (
        others_at_work(config_dir or Path(), beside, "error") as others,
        Browser() as browser,
        Progress(*COLUMNS, console=console, transient=True) as bar,
    ):
        task = bar.add_task(words("web.reports"), total=waiting)

        def on_run(run: Run, is_done: bool) -> None:
            counts = jobs.queue.counts() if beside else {}
            at = waiting - counts["due"] - counts["running"] if beside else bar.tasks[task].completed + 1
            bar.update(task, completed=at, description=f"{run.agency} {run.period}")
            if not is_done:
                failed.append(run)

        jobs.work_off(RunContext(jobs.site, jobs.queue, browser), on_run=on_run)
        failed += [run for other in others for run in other.result()]
    done = jobs.queue.counts()["done"] - done
    click.echo(words("command.reports_archived", count=done, folder=jobs.site.archive.where))
    left = jobs.queue.counts()
    if left["due"] + left["running"]:
        click.echo(words("command.runs_left", due=left["due"], running=left["running"]))
    for run in failed:
        now = jobs.queue.runs(agency=run.agency, period=run.period)[0]
        click.echo(f"{run.id} {run.agency} {run.period}: {now.error}", err=True)
    if failed:
        raise SystemExit(1)


def _show(rows: list[dict[str, Any]], shown: Any, words: Words, *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo(words("command.none_yet"))
        return
    table = Table()
    lines = [shown(row, words) for row in rows]
    for name in lines[0]:
        table.add_column(words(f"command.{name}"), overflow="fold", no_wrap=name not in {"error", "subject"})
    for line in lines:
        table.add_row(*line.values())
    console.print(table)


def _row(run: Run) -> dict[str, Any]:
    period = {"period": run.period.slug, "first_day": run.period.first_day, "kind": run.kind}
    return asdict(run) | period


def _run_row(row: dict[str, Any], words: Words) -> dict[str, str]:
    seconds = row["duration_s"]
    return {
        "run": str(row["id"]),
        "agency": row["agency"],
        "period": row["period"] if words.lang == "en" else words.period(row["period"]),
        "revision": str(row["revision"]),
        "state": words(f"command.run_{row['state']}"),
        "tries": str(row["tries"]),
        "took": "" if seconds is None else words("command.seconds", seconds=f"{seconds:.1f}"),
        "ended": _moment(row["ended_us"], words),
        "files": str(len(row["files"])),
        "error": row["error"][:MAX_SHOWN_ERROR],
    }


def _mail_row(row: dict[str, Any], words: Words) -> dict[str, str]:
    return {
        "to": row["recipient"],
        "by": row["channel"],
        "subject": row["message"]["subject"],
        "state": words(f"message_state.{row['state']}"),
        "tries": str(row["tries"]),
        "sent": _moment(row["sent_us"], words),
        "error": row["error"][:MAX_SHOWN_ERROR],
    }


def _moment(instant_us: int | None, words: Words) -> str:
    return "" if instant_us is None else words.stamp(dt.datetime.fromtimestamp(instant_us / 1e6, BANGKOK))
