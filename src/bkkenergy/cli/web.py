"""`bkkenergy web` and `bkkenergy users`: the web app, and who may come in."""

from __future__ import annotations

import datetime as dt
import secrets
from pathlib import Path
from typing import Any, cast

import click
import uvicorn
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from bkkenergy.access import EVERY_AGENCY, ROLES, Role, password_fault
from bkkenergy.cli.context import Site, config_option, load_site, log_options, set_up_logging
from bkkenergy.cli.site import report_site_of
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.store import open_store
from bkkenergy.store.state import open_state
from bkkenergy.store.state.users import add_user, change_password, change_user, first_admin, note, users
from bkkenergy.web.app import create_app
from bkkenergy.web.here import Here

console = Console()


def make_here(site: Site, engine: Engine) -> Here:
    """What requests work with."""
    store = open_store(site.settings.store)
    return Here(report_site_of(site, store), site.profiles, engine, lambda: dt.datetime.now(dt.UTC))


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


@click.group(
    "users",
    epilog="\b\nExamples:\n  bkkenergy users add somchai --role manager --agency health\n  bkkenergy users list\n"
    "  bkkenergy users password admin",
)
def users_command() -> None:
    """Who may come into the web app, and what they may see and do."""


@users_command.command("list", epilog="\b\nExamples:\n  bkkenergy users list")
@config_option
def list_command(config_dir: Path) -> None:
    """All users with their roles and agencies."""
    table = Table("Name", "Role", "Agencies", "May come in", box=None, header_style="bold")
    for own in users(open_state(load_site(config_dir).settings.state)):
        table.add_row(own["name"], own["role"], ", ".join(own["agencies"]), "no" if own["disabled"] else "yes")
    console.print(table)


@users_command.command("add", epilog="\b\nExamples:\n  bkkenergy users add somchai --role manager --agency health")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What the user may do.")
@click.option("--agency", "agencies", multiple=True, help="An agency's id, or all; may be repeated.", required=True)
@click.option("--display", default="", help="The name that is shown.")
@config_option
def add_command(name: str, role: str, agencies: tuple[str, ...], display: str, config_dir: Path) -> None:
    """Enter a user, and tell the one-time password."""
    site = load_site(config_dir)
    known = {*site.portfolio.agencies, EVERY_AGENCY}
    if unknown := sorted(set(agencies) - known):
        raise InputError(f"{', '.join(unknown)} is not in the portfolio. Use: {', '.join(sorted(known))}.")
    engine, now = open_state(site.settings.state), dt.datetime.now(dt.UTC)
    password = secrets.token_urlsafe(12)
    add_user(engine, name, password, cast("Role", role), agencies, now, display=display, must_change=True)
    note(engine, "command line", "add_user", name, {"role": role, "agencies": list(agencies)}, now, address="")
    click.echo(f"{name}: {role} of {', '.join(agencies)}; one-time password: {password}")


def _known(engine: Engine, name: str) -> dict[str, Any]:
    every = users(engine)
    found = next((own for own in every if own["name"] == name), None)
    if found is None:
        raise InputError(f"user {name!r} does not exist. Known: {', '.join(own['name'] for own in every) or '(none)'}.")
    return found


@users_command.command("password", epilog="\b\nExamples:\n  bkkenergy users password somchai")
@click.argument("name")
@click.option("--prompt", is_flag=True, help="Ask for the password instead of making a one-time one.")
@config_option
def password_command(name: str, config_dir: Path, *, prompt: bool) -> None:
    """Give a user a new one-time password; whoever is signed in under it is signed out."""
    engine = open_state(load_site(config_dir).settings.state)
    own = _known(engine, name)
    password = click.prompt("Password", hide_input=True) if prompt else secrets.token_urlsafe(12)
    if prompt and (fault := password_fault(password, name)):
        raise InputError(Words("en")(fault))
    change_password(engine, own["id"], password)
    if not prompt:
        change_user(engine, own["id"], {"must_change": 1})
        click.echo(f"{name}: one-time password: {password}")
    note(engine, "command line", "change_password", name, {}, dt.datetime.now(dt.UTC), address="")


@users_command.command(
    "lock", epilog="\b\nExamples:\n  bkkenergy users lock somchai\n  bkkenergy users lock somchai --off"
)
@click.argument("name")
@click.option("--off", is_flag=True, help="Let the user in again.")
@config_option
def lock_command(name: str, config_dir: Path, *, off: bool) -> None:
    """Lock a user out, at once."""
    engine = open_state(load_site(config_dir).settings.state)
    change_user(engine, _known(engine, name)["id"], {"disabled": int(not off)})
    note(engine, "command line", "change_user", name, {"disabled": not off}, dt.datetime.now(dt.UTC), address="")
    click.echo(f"{name}: {'let in' if off else 'locked out'}")
