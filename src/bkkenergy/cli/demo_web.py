"""The web app beside a running demonstration, with a user and a printed password."""

from __future__ import annotations

import multiprocessing
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import uvicorn

from bkkenergy.access import EVERY_AGENCY
from bkkenergy.cli.context import command_line, set_up_logging
from bkkenergy.cli.jobs import opened_jobs
from bkkenergy.cli.web import make_server
from bkkenergy.demo.broker import free_port
from bkkenergy.errors import BkkEnergyError, UnavailableError
from bkkenergy.i18n import Lang
from bkkenergy.jobs.alerts import PeakWatch, detect_alerts
from bkkenergy.jobs.service import Jobs
from bkkenergy.settings import Settings
from bkkenergy.site import Configuration
from bkkenergy.usecases.people import NewUser, enter_user
from bkkenergy.websettings import WebSettings

USER = "demo"
REFRESH_S = 5.0
POLL_S = 0.02


@contextmanager
def web_app(config: Configuration, lang: Lang) -> Iterator[tuple[str, str]]:
    """Run the app over the demonstration's store in the context; yield its address, and its user's password."""
    password = secrets.token_urlsafe(9)
    settings = with_web(config.settings)
    demo_config = replace(config, settings=settings)
    with opened_jobs(demo_config) as jobs:
        demo = NewUser(
            name=USER, password=password, role="admin", agencies=(EVERY_AGENCY,), must_change=False, language=lang
        )
        enter_user(jobs.site.state, command_line(), demo, jobs.clock())
        jobs.bring_up()
        server, ended = make_server(replace(jobs.site, energy=jobs.site.ledger), log_level="error"), threading.Event()
        threads = [
            threading.Thread(target=server.run, name="web", daemon=True),
            threading.Thread(target=lambda: _keep_up(jobs, ended), name="ledger", daemon=True),
        ]
        archiving = multiprocessing.get_context("spawn").Process(target=archive, args=(demo_config,), daemon=True)
        archiving.start()
        for thread in threads:
            thread.start()
        try:
            _wait_until_it_listens(server, threads[0])
            yield f"http://127.0.0.1:{settings.web.port}", password
        finally:
            server.should_exit = True
            ended.set()
            archiving.terminate()
            archiving.join()
            for thread in threads:
                thread.join(10)


def _wait_until_it_listens(server: uvicorn.Server, thread: threading.Thread) -> None:
    """Wait until the server listens: an address that is printed must answer. Raises UnavailableError where the app has
    ended.
    """
    while not server.started:
        if not thread.is_alive():
            raise UnavailableError.of("web_app_ended", port=server.config.port)
        time.sleep(POLL_S)


def with_web(settings: Settings) -> Settings:
    """Return the settings with a port that is free, the usual one if it is, and no TLS before it."""
    with closing(socket.socket()) as probe:
        is_taken = probe.connect_ex(("127.0.0.1", settings.web.port)) == 0
    port = free_port() if is_taken else settings.web.port
    web = WebSettings(port=port, secure_cookies=False, second_factor="offered", refresh_s=REFRESH_S)
    return settings.model_copy(update={"web": web})


def archive(config: Configuration) -> None:
    """Archive the reports that are due, as the scheduler does: in a process of its own, so that pages do not wait."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the demonstration ends it
    set_up_logging("error", "text")
    with opened_jobs(config) as jobs:
        jobs.tick()


def _keep_up(jobs: Jobs, ended: threading.Event) -> None:
    """Open alerts at once, then compute what comes in."""
    try:
        detect_alerts(jobs.site, jobs.site.state, PeakWatch(), jobs.clock())
    except BkkEnergyError:
        if not ended.is_set():  # the demonstration ended meanwhile, and its stores with it
            raise
    while not ended.wait(REFRESH_S):
        jobs.bring_up()
