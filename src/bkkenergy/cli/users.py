"""`bkkenergy users` and `bkkenergy tokens`: who may come into the web app, and what programs may ask of its API."""

from __future__ import annotations

import datetime as dt
import secrets
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.access import EVERY_AGENCY, ROLES, TOKEN_SCOPES, Role, TokenScope, password_fault
from bkkenergy.adapters.state import StateStore, open_state
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import instant, json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import NO_VALUE, Words
from bkkenergy.readings import US_PER_S
from bkkenergy.site import load_configuration
from bkkenergy.texts import Lang
from bkkenergy.usecases.accountlinks import invite_user, mail_link
from bkkenergy.usecases.ownaccount import end_users_factor, end_users_sessions
from bkkenergy.usecases.people import (
    NewUser,
    alter_user,
    end_token,
    enter_token,
    enter_user,
    give_password,
    list_tokens,
    list_users,
)
from bkkenergy.usecases.personaldata import erase_user, personal_data

console = Console()
TOKEN_DAYS = 365


@click.group(
    "users",
    epilog="\b\nExamples:\n  bkkenergy users add somchai --role manager --agency health\n  bkkenergy users list\n"
    "  bkkenergy users password admin",
)
def users_command() -> None:
    """Manage who may use the web app, and what they may see and do."""


@users_command.command("list", epilog="\b\nExamples:\n  bkkenergy users list")
@json_option
@operator_lang_option
@config_option
def list_command(lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """List all users with their roles and agencies."""
    known = list_users(open_state(load_configuration(config_dir).settings.state), command_line())
    if as_json:
        print_json([_user_data(user) for user in known])
        return
    words = Words(lang)
    names = ("user", "role", "agencies", "may_sign_in")
    table = Table(*(words(f"command.{name}") for name in names), box=None, header_style="bold")
    for user in known:
        may_sign_in = words("command.no" if user["disabled"] else "command.yes")
        table.add_row(user["name"], _role(user["role"], words), ", ".join(user["agencies"]), may_sign_in)
    console.print(table)


def _role(role: str, words: Words) -> str:
    """Return a role as --role takes it; in Thai its name."""
    return role if words.lang == "en" else words(f"web.role_{role}")


def _user_data(user: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": user["name"],
        "display": user["display"],
        "role": user["role"],
        "agencies": user["agencies"],
        "is_locked": bool(user["disabled"]),
        "created": instant(user["created_us"]),
    }


@users_command.command("add", epilog="\b\nExamples:\n  bkkenergy users add somchai --role manager --agency health")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What the user may do.")
@click.option("--agency", "agencies", multiple=True, help="An agency's id, or all; may be repeated.", required=True)
@click.option("--display", default="", help="The name that is shown.")
@operator_lang_option
@config_option
def add_command(name: str, role: str, agencies: tuple[str, ...], display: str, lang: Lang, config_dir: Path) -> None:
    """Add a user, and print the one-time password."""
    config = load_configuration(config_dir)
    known = {*config.portfolio.agencies, EVERY_AGENCY}
    if unknown := sorted(set(agencies) - known):
        raise InputError.of("no_such_agency", name=", ".join(unknown), known=", ".join(sorted(known)))
    engine, now = open_state(config.settings.state), dt.datetime.now(dt.UTC)
    password = secrets.token_urlsafe(16)
    new = NewUser(name=name, password=password, role=cast("Role", role), agencies=agencies, display=display)
    enter_user(engine, command_line(), new, now)
    words, whose = Words(lang), ", ".join(agencies)
    click.echo(words("command.user_added", name=name, role=_role(role, words), agencies=whose, password=password))


def _known(engine: StateStore, name: str) -> dict[str, Any]:
    every = list_users(engine, command_line())
    known_user = next((user for user in every if user["name"] == name), None)
    if known_user is None:
        raise InputError.of("no_such_user", user=name, known=[known["name"] for known in every] or NO_VALUE)
    return known_user


@users_command.command("password", epilog="\b\nExamples:\n  bkkenergy users password somchai")
@click.argument("name")
@click.option("--prompt", is_flag=True, help="Ask for the password instead of making a one-time one.")
@operator_lang_option
@config_option
def password_command(name: str, lang: Lang, config_dir: Path, *, prompt: bool) -> None:
    """Set a new one-time password for a user, and end the user's sessions."""
    engine = open_state(load_configuration(config_dir).settings.state)
    user = _known(engine, name)
    words = Words(lang)
    password = click.prompt(words("web.password"), hide_input=True) if prompt else secrets.token_urlsafe(16)
    if prompt and (fault := password_fault(password, name)):
        raise InputError(words(fault))
    give_password(engine, command_line(), user["id"], password, dt.datetime.now(dt.UTC), must_change=not prompt)
    if not prompt:
        click.echo(words("command.user_password", name=name, password=password))


@users_command.command("invite", epilog="\b\nExamples:\n  bkkenergy users invite somchai --mail somchai@example.org")
@click.argument("name")
@click.option("--mail", required=True, help="The address that the link goes to; the user confirms it by the link.")
@operator_lang_option
@config_option
def invite_command(name: str, mail: str, lang: Lang, config_dir: Path) -> None:
    """Send a user a link to set a password. It is good once, for seven days."""
    settings = load_configuration(config_dir).settings
    engine = open_state(settings.state)
    mail_link(settings, invite_user(engine, command_line(), _known(engine, name)["id"], mail, dt.datetime.now(dt.UTC)))
    click.echo(Words(lang)("account_link.sent", mail=mail))


@users_command.command(
    "change",
    epilog="\b\nExamples:\n  bkkenergy users change somchai --role engineer\n"
    "  bkkenergy users change somchai --agency health --agency education",
)
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="What the user may do.")
@click.option("--agency", "agencies", multiple=True, help="An agency's id, or all; may be repeated. Replaces all.")
@operator_lang_option
@config_option
def change_command(name: str, role: str | None, agencies: tuple[str, ...], lang: Lang, config_dir: Path) -> None:
    """Change a user's role, or agencies."""
    config = load_configuration(config_dir)
    known = {*config.portfolio.agencies, EVERY_AGENCY}
    if unknown := sorted(set(agencies) - known):
        raise InputError.of("no_such_agency", name=", ".join(unknown), known=", ".join(sorted(known)))
    engine = open_state(config.settings.state)
    values = ({"role": role} if role else {}) | ({"agencies": list(agencies)} if agencies else {})
    alter_user(engine, command_line(), _known(engine, name)["id"], values, dt.datetime.now(dt.UTC))
    click.echo(f"{name}: {', '.join([*([_role(role, Words(lang))] if role else []), *agencies])}")


@users_command.command(
    "lock", epilog="\b\nExamples:\n  bkkenergy users lock somchai\n  bkkenergy users lock somchai --off"
)
@click.argument("name")
@click.option("--off", is_flag=True, help="Let the user in again.")
@operator_lang_option
@config_option
def lock_command(name: str, lang: Lang, config_dir: Path, *, off: bool) -> None:
    """Lock a user out, at once."""
    engine = open_state(load_configuration(config_dir).settings.state)
    user_id = _known(engine, name)["id"]
    alter_user(engine, command_line(), user_id, {"disabled": int(not off)}, dt.datetime.now(dt.UTC))
    click.echo(Words(lang)("command.user_let_in" if off else "command.user_locked", name=name))


@users_command.command("sign-out", epilog="\b\nExamples:\n  bkkenergy users sign-out somchai")
@click.argument("name")
@operator_lang_option
@config_option
def sign_out_command(name: str, lang: Lang, config_dir: Path) -> None:
    """Sign a user out of every browser."""
    engine = open_state(load_configuration(config_dir).settings.state)
    count = end_users_sessions(engine, command_line(), _known(engine, name)["id"], dt.datetime.now(dt.UTC))
    click.echo(Words(lang)("command.user_signed_out", name=name, count=count))


@users_command.command("second-step", epilog="\b\nExamples:\n  bkkenergy users second-step somchai --off")
@click.argument("name")
@click.option("--off", is_flag=True, required=True, help="The user's phone is lost: sign in with the password alone.")
@operator_lang_option
@config_option
def second_step_command(name: str, lang: Lang, config_dir: Path, *, off: bool) -> None:  # noqa: ARG001 - said on purpose
    """Switch off the second step of a user whose phone is lost, and sign the user out everywhere."""
    engine = open_state(load_configuration(config_dir).settings.state)
    end_users_factor(engine, command_line(), _known(engine, name)["id"], dt.datetime.now(dt.UTC))
    click.echo(Words(lang)("command.user_without_second_step", name=name))


@users_command.command("data", epilog="\b\nExamples:\n  bkkenergy users data somchai --json")
@click.argument("name")
@json_option
@operator_lang_option
@config_option
def data_command(name: str, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show all that is stored of a person, as the Personal Data Protection Act lets each ask for."""
    engine = open_state(load_configuration(config_dir).settings.state)
    rows = personal_data(engine, command_line(), _known(engine, name)["id"], dt.datetime.now(dt.UTC))
    if as_json:
        print_json(rows)
        return
    words = Words(lang)
    table = Table(words("command.table"), words("command.rows"), box=None, header_style="bold")
    for each, lines in rows.items():
        table.add_row(each, str(len(lines)))
    console.print(table)


@users_command.command("erase", epilog="\b\nExamples:\n  bkkenergy users erase somchai")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@operator_lang_option
@config_option
def erase_command(name: str, lang: Lang, config_dir: Path, *, yes: bool) -> None:
    """End an account for ever, with all of it but the name, under which records of what was done stay."""
    engine = open_state(load_configuration(config_dir).settings.state)
    user_id, words = _known(engine, name)["id"], Words(lang)
    if not yes:
        click.confirm(words("command.user_erase_sure", name=name), abort=True)
    erase_user(engine, command_line(), user_id, dt.datetime.now(dt.UTC))
    click.echo(words("command.user_erased", name=name))


@click.group(
    "tokens",
    epilog="\b\nExamples:\n  bkkenergy tokens add admin --name dashboard\n  bkkenergy tokens list\n"
    "  bkkenergy tokens end 3",
)
def tokens_command() -> None:
    """Manage tokens by which programs use the API as one of the users.

    A token of the scope read only reads; write also changes what is of the user's agencies; records also what agencies
    share; server also what only administrators may; readings sends readings of meters, and sees nothing; wall shows
    the wall display at /wall?key=TOKEN, and nothing else. None gives more than its user may.
    """


@tokens_command.command("list", epilog="\b\nExamples:\n  bkkenergy tokens list")
@json_option
@operator_lang_option
@config_option
def list_tokens_command(lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """List all tokens: their users, scopes and ends, and when last used. Their secrets are stored nowhere."""
    known = list_tokens(open_state(load_configuration(config_dir).settings.state), command_line())
    if as_json:
        print_json([_token_data(token) for token in known])
        return
    words = Words(lang)
    names = ("number", "name", "user", "may", "until", "used")
    table = Table(*(words(f"command.token_{name}") for name in names), box=None, header_style="bold")
    for token in known:
        used = _day(token["used_us"], words) if token["used_us"] else words("command.never")
        scope = token["scope"] if lang == "en" else words(f"token_scope.{token['scope']}")
        table.add_row(str(token["id"]), token["name"], token["user"], scope, _day(token["until_us"], words), used)
    console.print(table)


def _token_data(token: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": token["id"],
        "name": token["name"],
        "user": token["user"],
        "scope": token["scope"],
        "created": instant(token["created_us"]),
        "until": instant(token["until_us"]),
        "last_used": instant(token["used_us"]),
    }


@tokens_command.command("add", epilog="\b\nExamples:\n  bkkenergy tokens add somchai --name excel --days 90")
@click.argument("user")
@click.option("--name", default="token", show_default=True, help="What it is for.")
@click.option("--scope", type=click.Choice(TOKEN_SCOPES), default="read", show_default=True, help="What it may.")
@click.option("--days", type=click.IntRange(1, 3650), default=TOKEN_DAYS, show_default=True, help="How long it holds.")
@config_option
def add_token_command(user: str, name: str, scope: str, days: int, config_dir: Path) -> None:
    """Create an API token with USER's permissions. It is printed once."""
    engine, now = open_state(load_configuration(config_dir).settings.state), dt.datetime.now(dt.UTC)
    user_id = _known(engine, user)["id"]
    secret = enter_token(engine, command_line(), user_id, name, cast("TokenScope", scope), now, days=days)
    click.echo(secret)


@tokens_command.command("end", epilog="\b\nExamples:\n  bkkenergy tokens end 3")
@click.argument("number", type=int)
@operator_lang_option
@config_option
def end_token_command(number: int, lang: Lang, config_dir: Path) -> None:
    """Remove a token, at once."""
    engine, now = open_state(load_configuration(config_dir).settings.state), dt.datetime.now(dt.UTC)
    ended = end_token(engine, command_line(), number, now)
    click.echo(Words(lang)("command.token_ended", name=ended["name"], user=ended["user"]))


def _day(instant_us: int, words: Words) -> str:
    return words.stamp_day(dt.datetime.fromtimestamp(instant_us / US_PER_S, BANGKOK).date())
