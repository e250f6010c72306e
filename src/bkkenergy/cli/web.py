"""`bkkenergy web`: the web app and its API."""

from __future__ import annotations

import gc
from pathlib import Path

import click
import uvicorn

from bkkenergy.adapters.state.users import first_admin, users
from bkkenergy.cli.context import begin_service, config_option, log_options
from bkkenergy.ingest.observe import observed
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.site import Site, load_configuration, open_site
from bkkenergy.site.known import note_site
from bkkenergy.site.start import note_state, try_out_or_warn
from bkkenergy.usecases.firstrun import first_user_of, new_link_key
from bkkenergy.usecases.follow import follow_or_warn
from bkkenergy.usecases.hosts import join
from bkkenergy.web.app import create_app
from bkkenergy.web.context import AppContext
from bkkenergy.web.edge import Edge

LOST = (
    "This site had another state before ({ids}), and the present one has no user. No administrator is offered. Name "
    "the right state, or restore a backup. To begin again: bkkenergy users add NAME --role admin --agency all"
)
UNKNOWN = (
    "Whether this site had a state before cannot be known now ({why}), so no administrator is offered. Start again."
)


def make_server(site: Site, *, log_level: str = "warning") -> uvicorn.Server:
    """Make the web server, not started; print how the first administrator comes in where there is no user yet."""
    try_out_or_warn(site.readings)
    note_state(site.readings, site.state)
    follow_or_warn(site)
    key = _offer_admin(site)
    web = site.settings.web
    config = uvicorn.Config(
        create_app(AppContext(site), first_run_key=key),
        host=web.host,
        port=web.port,
        log_level=log_level,
        proxy_headers=web.behind_proxy,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=3,
        http=Edge,
    )
    settle()
    return uvicorn.Server(config)


def settle() -> None:
    """Leave what is loaded by now out of every later search for cycles: 350,000 objects, a quarter of a second.

    Python's lock is held meanwhile, so that every page waits for it.
    """
    gc.collect()
    gc.freeze()


def _offer_admin(site: Site) -> str:
    """Print a link or a one-time password where the site never had a user; return the link's key.

    A link where the site has no agency either, and this machine's browser reaches it without a proxy.
    """
    try:
        first = first_user_of(site)
    except StoreUnavailable as error:
        if not users(site.state):
            click.echo(UNKNOWN.format(why=error), err=True)
        return ""
    if first.lost:
        click.echo(LOST.format(ids=", ".join(first.lost)), err=True)
    if not first.may_be_made:
        return ""
    web = site.settings.web
    if not site.portfolio.agencies and not web.secure_cookies:
        key = new_link_key()
        click.echo(f"Set up this site by this link, which is good once: http://{web.host}:{web.port}/first-run/{key}")
        return key
    password = first_admin(site.state, site.clock())
    if password is not None:
        click.echo(f"First user: admin, one-time password: {password}")  # not to the log on standard error
        note_site(site)
    return ""


@click.command("web", epilog="\b\nExamples:\n  bkkenergy web\n  bkkenergy web --config /etc/bkkenergy")
@config_option
@log_options
def web_command(config_dir: Path, log_level: str, log_format: str) -> None:
    """Serve the web app and its API alone. The first start makes an admin and prints the one-time password."""
    begin_service(log_level, log_format)
    config = load_configuration(config_dir)
    scheme = "http" if not config.settings.web.secure_cookies else "https, behind a proxy with TLS:"
    click.echo(f"Serving on {config.settings.web.host}:{config.settings.web.port} ({scheme})", err=True)
    observe = config.settings.observe
    with open_site(config, may_wait=True) as site, observed(observe, observe.web_port, "web"):
        join(config, site.state)
        make_server(site).run()
