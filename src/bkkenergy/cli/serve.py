"""`bkkenergy serve` and `bkkenergy ingest`: the service, whole or the ingester alone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from bkkenergy.adapters.state import StateStore
from bkkenergy.adapters.tracing import end_traces, trace_to
from bkkenergy.cli.context import begin_service, config_option, log_options
from bkkenergy.ingest.service import Ingester
from bkkenergy.lazy import loading
from bkkenergy.site import Configuration, load_configuration
from bkkenergy.site.follower import Follower, FollowerThread
from bkkenergy.usecases.hosts import opened_with_others


def _ingest_until_stopped(config: Configuration, opened_state: Callable[[], StateStore] | None = None) -> None:
    """Run the ingester in this thread; SIGTERM and Ctrl-C end it after the batch at hand.

    opened_state : as for the ingester, where this process has not joined the hosts that share the state yet.
    """
    follower = FollowerThread(Follower(config))
    ingester = Ingester(
        config.settings, config.portfolio, config.profiles, follower.portfolio, opened_state=opened_state
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ingester.stop())
    follower.start()
    trace_to(config.settings.observe.traces, "ingest")
    try:
        ingester.run()
    finally:
        follower.stop()
        end_traces()


@click.command(
    "ingest",
    epilog="\b\nExamples:\n  bkkenergy ingest\n  BKKENERGY_MQTT_PASSWORD=... bkkenergy ingest --log-format json",
)
@config_option
@log_options
def ingest_command(config_dir: Path, log_level: str, log_format: str) -> None:
    """Read meters from the broker into the store, until stopped.

    A message is acknowledged once its readings are committed. What is refused goes to quarantine.
    """
    begin_service(log_level, log_format)
    config = load_configuration(config_dir)
    _ingest_until_stopped(config, lambda: opened_with_others(config))


@click.command("serve", epilog="\b\nExamples:\n  bkkenergy serve\n  bkkenergy serve --config /etc/bkkenergy")
@config_option
@log_options
def serve_command(config_dir: Path, log_level: str, log_format: str) -> None:
    """Run everything in one process: ingest, reports, mail and alerts by the schedule, and the web app.

    Reports that were missed are made at start. In an empty folder a site is made, and a link is printed that is good
    once: behind it the browser leads through the set-up.
    """
    with loading():  # the ingester alone needs none of these
        from bkkenergy.cli.init import is_nothing_there, write_empty_site  # noqa: PLC0415
        from bkkenergy.cli.jobs import opened_jobs, running_jobs  # noqa: PLC0415
        from bkkenergy.cli.web import make_server  # noqa: PLC0415

    begin_service(log_level, log_format)
    if is_nothing_there(config_dir):
        write_empty_site(config_dir)
        click.echo(f"{config_dir}: a new site.")
    config = load_configuration(config_dir)
    with opened_jobs(config, may_wait=True) as jobs, running_jobs(jobs):
        web = make_server(replace(jobs.site, energy=jobs.site.ledger))  # pages answer at once
        thread = threading.Thread(target=web.run, name="web", daemon=True)
        thread.start()
        try:
            _ingest_until_stopped(config)
        finally:
            web.should_exit = True
            thread.join(10)
