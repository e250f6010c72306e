"""`bkkenergy audit`: who did what, when and from where; written out for other systems, and compared with its seals."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.files import plain_rows
from bkkenergy.adapters.logserver import syslog_line
from bkkenergy.adapters.state import open_state, us_of
from bkkenergy.adapters.state.auditlog import LinesAsked, dated_line
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.days import CommonEra
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.terminal import shown
from bkkenergy.i18n import Words
from bkkenergy.site import load_configuration
from bkkenergy.site.folder import last_seal_file
from bkkenergy.site.lastseal import noted_seal
from bkkenergy.texts import Lang
from bkkenergy.usecases.auditing import check_audit, export_audit, read_audit

console = Console()
DAY = dt.timedelta(days=1)
FIELDS = ("id", "at", "actor", "action", "target", "detail", "address")


@click.group(
    "audit",
    epilog="\b\nExamples:\n  bkkenergy audit list --user somchai --since 2026-11-01\n"
    "  bkkenergy audit export --since 2026-10-01 --until 2026-10-31 -o october.csv\n  bkkenergy audit verify",
)
def audit_command() -> None:
    """See who did what, write it out, and find out whether the log is as it was written."""


def asked_options(command: Any) -> Any:
    """Add the options by which lines are chosen; the command is given them as `asked`."""

    @wraps(command)
    def asking(since: Any, until: Any, user: str, action: str, target: str, **others: Any) -> Any:
        return command(asked=_asked(since, until, user, action, target), **others)

    chosen: Any = asking
    for option in (
        click.option("--target", default="", help="Lines whose target contains this, such as a building's id."),
        click.option("--action", default="", help="Lines of one action, such as sign_in or change_user."),
        click.option("--user", default="", help="Lines of one user."),
        click.option("--until", type=CommonEra(["%Y-%m-%d"]), help="Last day."),
        click.option("--since", type=CommonEra(["%Y-%m-%d"]), help="First day."),
    ):
        chosen = option(chosen)
    return chosen


def _asked(since: dt.datetime | None, until: dt.datetime | None, user: str, action: str, target: str) -> LinesAsked:
    first = LinesAsked().since_us if since is None else us_of(since.replace(tzinfo=BANGKOK))
    end = LinesAsked().until_us if until is None else us_of(until.replace(tzinfo=BANGKOK) + DAY)
    return LinesAsked(first, end, user, action, target)


@audit_command.command("list", epilog="\b\nExamples:\n  bkkenergy audit list --action sign_in_failed --limit 20")
@asked_options
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this number of lines."
)
@json_option
@operator_lang_option
@config_option
def list_command(
    asked: LinesAsked,
    limit: int,
    lang: Lang,
    config_dir: Path,
    *,
    as_json: bool,
) -> None:
    """List lines of the audit log, the latest first."""
    state = open_state(load_configuration(config_dir).settings.state)
    lines = read_audit(state, command_line(), limit, asked)
    if as_json:
        print_json([dated_line(line) for line in lines])
        return
    words = Words(lang)
    table = Table(*(words(f"web.{name}") for name in ("when", "who", "what", "address")), box=None, header_style="bold")
    for line in lines:
        at = dt.datetime.fromtimestamp(line["at_us"] / 1e6, BANGKOK)
        what = f"{words.name('audit', line['action'])} {line['target']}"
        table.add_row(words.moment(at), shown(line["actor"]), shown(what), shown(line["address"]))
    console.print(table)


@audit_command.command(
    "export", epilog="\b\nExamples:\n  bkkenergy audit export --since 2026-10-01 --format syslog | logger --skip-empty"
)
@asked_options
@click.option(
    "--format", "form", type=click.Choice(("csv", "json", "syslog")), default="csv", show_default=True,
    help="CSV for a spreadsheet, one JSON object a line, or RFC 5424 for a log server.",
)  # fmt: skip
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Write to a file instead of the standard output.")
@config_option
def export_command(
    asked: LinesAsked,
    form: str,
    out: Path | None,
    config_dir: Path,
) -> None:
    """Write lines of the audit log, the oldest first. That it was exported is a line of the log too."""
    state = open_state(load_configuration(config_dir).settings.state)
    now = dt.datetime.now(dt.UTC)
    lines = export_audit(state, command_line(), asked, now)
    text = FORMS[form](lines)
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8-sig" if form == "csv" else "utf-8")
    click.echo(f"{out}: {len(lines)}", err=True)


@audit_command.command("verify", epilog="\b\nExamples:\n  bkkenergy audit verify --json")
@json_option
@operator_lang_option
@config_option
def verify_command(lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Compare the audit log with its seals. Exit code 1 where lines were changed, added or taken out."""
    settings = load_configuration(config_dir).settings
    done = check_audit(open_state(settings.state), command_line(), noted_seal(settings))
    if as_json:
        print_json(done)
        raise SystemExit(0 if done.is_whole else 1)
    words = Words(lang)
    counts = {"sealed": words.number(done.sealed), "unsealed": words.number(done.unsealed)}
    click.echo(words("audit_log.counts", **counts))
    if done.newest is not None:
        at = words.moment(dt.datetime.fromtimestamp(done.newest.at_us / 1e6, BANGKOK))
        click.echo(words("audit_log.newest", number=done.newest.number, at=at, digest=done.newest.digest))
    for seal in done.broken:
        click.echo(words("audit_log.broken", number=seal.number, line=seal.last_line), err=True)
    if done.is_cut:
        click.echo(words("audit_log.cut", file=last_seal_file(settings)), err=True)
    raise SystemExit(0 if done.is_whole else 1)


def _csv(lines: list[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(FIELDS)
    for line in map(dated_line, lines):
        values = line | {"detail": json.dumps(line["detail"], ensure_ascii=False, sort_keys=True)}
        writer.writerows(plain_rows([[values[name] for name in FIELDS]]))
    return file.getvalue()


def _json(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(dated_line(line), ensure_ascii=False, sort_keys=True) + "\n" for line in lines)


def _syslog(lines: list[dict[str, Any]]) -> str:
    return "".join(f"{syslog_line(line)}\n" for line in map(dated_line, lines))


FORMS = {"csv": _csv, "json": _json, "syslog": _syslog}
