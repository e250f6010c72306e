"""`bkkenergy web`: the web app and its API."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click
import uvicorn
from sqlalchemy import Engine

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import first_admin
from bkkenergy.cli.context import Site, config_option, load_site, log_options, set_up_logging
from bkkenergy.cli.site import report_site_of
from bkkenergy.site.open import open_ledger, open_store
from bkkenergy.site.start import try_out
from bkkenergy.usecases.worker import follow_configuration
from bkkenergy.web.app import create_app
from bkkenergy.web.here import Here


def make_here(site: Site, engine: Engine) -> Here:
    """What requests work with."""
    store, ledger = open_store(site.settings.store), open_ledger(site.settings)
    try_out(store)
    follow_configuration(store, ledger, site.portfolio, site.settings)
    return Here(report_site_of(site, store, ledger), site.profiles, engine, lambda: dt.datetime.now(dt.UTC))


def make_server(site: Site, *, log_level: str = "warning") -> uvicorn.Server:
    """The web server, not started; the first admin's one-time password is told where there is no user yet."""
    engine = open_state(site.settings.state)
    password = first_admin(engine, dt.datetime.now(dt.UTC))
    if password is not None:
        click.echo(f"First user: admin, one-time password: {password}")  # not to the log on standard error
    web = site.settings.web
    config = uvicorn.Config(
        create_app(make_here(site, engine)),
        host=web.host,
        port=web.port,
        log_level=log_level,
        proxy_headers=web.behind_proxy,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config)


@click.command("web", epilog="\b\nExamples:\n  bkkenergy web\n  bkkenergy web --config /etc/bkkenergy")
@config_option
@log_options
def web_command(config_dir: Path, log_level: str, log_format: str) -> None:
    """Serve the web app and its API alone. On the first start it makes an admin and tells the one-time password."""
    set_up_logging(log_level, log_format)
    site = load_site(config_dir)
    scheme = "http" if not site.settings.web.secure_cookies else "https, behind a proxy with TLS:"
    click.echo(f"Serving on {site.settings.web.host}:{site.settings.web.port} ({scheme})", err=True)
    make_server(site).run()
