"""`bkkenergy web`: the web app and its API."""

from __future__ import annotations

from pathlib import Path

import click
import uvicorn

from bkkenergy.adapters.state.users import first_admin
from bkkenergy.cli.context import config_option, log_options, set_up_logging
from bkkenergy.site import Site, load_configuration, open_site
from bkkenergy.site.start import note_state, try_out_or_warn
from bkkenergy.usecases.follow import follow_or_warn
from bkkenergy.web.app import create_app
from bkkenergy.web.context import AppContext
from bkkenergy.web.edge import Edge


def make_server(site: Site, *, log_level: str = "warning") -> uvicorn.Server:
    """Make the web server, not started; print the first admin's one-time password where there is no user yet."""
    try_out_or_warn(site.readings)
    note_state(site.readings, site.state)
    follow_or_warn(site)
    password = first_admin(site.state, site.clock())
    if password is not None:
        click.echo(f"First user: admin, one-time password: {password}")  # not to the log on standard error
    web = site.settings.web
    config = uvicorn.Config(
        create_app(AppContext(site)),
        host=web.host,
        port=web.port,
        log_level=log_level,
        proxy_headers=web.behind_proxy,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=3,
        http=Edge,
    )
    return uvicorn.Server(config)


@click.command("web", epilog="\b\nExamples:\n  bkkenergy web\n  bkkenergy web --config /etc/bkkenergy")
@config_option
@log_options
def web_command(config_dir: Path, log_level: str, log_format: str) -> None:
    """Serve the web app and its API alone. The first start makes an admin and prints the one-time password."""
    set_up_logging(log_level, log_format)
    config = load_configuration(config_dir)
    scheme = "http" if not config.settings.web.secure_cookies else "https, behind a proxy with TLS:"
    click.echo(f"Serving on {config.settings.web.host}:{config.settings.web.port} ({scheme})", err=True)
    with open_site(config, may_wait=True) as site:
        make_server(site).run()
