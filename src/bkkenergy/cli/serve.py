"""`bkkenergy serve` and `bkkenergy ingest`: the service, whole or the ingester alone."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from bkkenergy.cli.context import Site, config_option, load_site, log_options, set_up_logging
from bkkenergy.ingest.service import Ingester
from bkkenergy.site.start import try_out_now


def _ingest_until_stopped(site: Site) -> None:
    """Run the ingester in this thread; SIGTERM and Ctrl-C end it after the batch at hand."""
    ingester = Ingester(site.settings, site.portfolio, site.profiles)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ingester.stop())
    ingester.run()


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
    set_up_logging(log_level, log_format)
    _ingest_until_stopped(load_site(config_dir))


@click.command("serve", epilog="\b\nExamples:\n  bkkenergy serve\n  bkkenergy serve --config /etc/bkkenergy")
@config_option
@log_options
def serve_command(config_dir: Path, log_level: str, log_format: str) -> None:
    """Run everything in one process: ingest, reports, mail and alerts by the schedule, and the web app.

    Reports that were missed are made at start.
    """
    from bkkenergy.cli.jobs import make_jobs  # noqa: PLC0415 - reports' libraries: the ingester alone needs none
    from bkkenergy.cli.web import make_server  # noqa: PLC0415
    from bkkenergy.jobs.service import start  # noqa: PLC0415

    set_up_logging(log_level, log_format)
    site = load_site(config_dir)
    try_out_now(site.settings.store)
    jobs = make_jobs(site)
    scheduler = start(jobs)
    web = make_server(site)
    thread = threading.Thread(target=web.run, name="web", daemon=True)
    thread.start()
    try:
        _ingest_until_stopped(site)
    finally:
        web.should_exit = True
        scheduler.shutdown()
        jobs.ledger.stand_down()
        thread.join(10)
