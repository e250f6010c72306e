"""The command `bkkenergy`: arguments in, a use case called, text and an exit code out."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from bkkenergy.cli.refusals import asked_lang, error_text, said, usage_text
from bkkenergy.cli.terminal import readable_output, shown_output
from bkkenergy.errors import BkkEnergyError, InputError
from bkkenergy.lazy import load
from bkkenergy.texts import Lang, filled, system_text

__all__ = ["COMMANDS", "EPILOG", "LazyGroup", "cli", "main"]

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "init": ("init", "Write the configuration of a new site."),
        "check": ("check", "Read the whole configuration and print all faults at once."),
        "serve": ("serve", "Run everything: ingester, scheduled reports, and the web app."),
        "ingest": ("serve", "Read meters from the broker into the store."),
        "poll": ("poll", "Ask meters over Modbus TCP, and publish their readings."),
        "report": ("report", "Write energy reports of an agency, the city, or all, for a period."),
        "energy": ("energy", "Show energy of meters and buildings, with its quality."),
        "baseline": ("baseline", "Fit what buildings would have used, and judge savings by it."),
        "savings": ("savings", "Compare with last year, and follow the year to its target."),
        "bill": ("bill", "Compute bills under MEA's schedules, and check paper bills."),
        "figures": ("figures", "Show tariffs, Ft, VAT and factors with days and sources; find what has expired."),
        "insights": ("insights", "Show what to act on, most baht first."),
        "index": ("insights", "Rank buildings by kWh/m2 among their type, and find designated buildings."),
        "ereport": ("ereport", "Compare an agency with the state's standard use, as the e-report does."),
        "work": ("work", "Work on findings: state, owner, due date, comments."),
        "notes": ("notes", "Write notes on days and hours of a building or an agency."),
        "jobs": ("jobs", "Run scheduled reports, list them, and try failed ones again."),
        "web": ("web", "Serve the web app and its API alone."),
        "users": ("users", "Manage who may use the web app, and what they may do."),
        "audit": ("audit", "See who did what, and find out whether the log is as it was written."),
        "tokens": ("users", "Manage keys by which programs use the API."),
        "plan": ("plan", "Manage the action plan: targets, projects, progress."),
        "programme": ("programme", "See the programme: goals, participation, partners, JCM, open data."),
        "retrofit": ("retrofit", "Find projects: what equipment uses, and which measures to do first."),
        "solar": ("solar", "Design rooftop solar: yield, bill, money and carbon."),
        "portfolio": ("portfolio", "Take agencies, buildings and meters in and out as records with history."),
        "meters": ("meters", "See how meters are doing, and commission new ones."),
        "quarantine": ("quarantine", "Look at refused messages, and try them again."),
        "decode": ("decode", "Show step by step what a payload becomes."),
        "listen": ("decode", "Show live traffic, decoded."),
        "doctor": ("doctor", "Check all that the service needs."),
        "backup": ("backup", "Write a backup while the service runs."),
        "restore": ("backup", "Restore a backup."),
        "migrate": ("migrate", "Copy readings to another kind of store."),
        "retention": ("retention", "Show what was purged, and what a purge would delete."),
        "import": ("imports", "Import a file of readings or intervals as one batch."),
        "imports": ("imports_list", "List imports."),
        "export": ("transfer", "Write the readings of a period to a file."),
        "demo": ("demo", "See it run, with simulated meters."),
        "version": ("version", "Print the versions of bkkenergy and Python."),
    }
)
"""Each command: the module that holds it, and its line in --help. A module is imported when its command is called."""

EPILOG = """\b
Examples:
  bkkenergy init mysite                   write the configuration of a new site
  bkkenergy check                         read the whole configuration
  bkkenergy serve                         ingest, and report by the schedule
  bkkenergy report health --period yesterday
  bkkenergy solar estimate district-bangkhen.office
  bkkenergy quarantine list               see what was refused, and why
  bkkenergy demo                          see it run, with simulated meters

\b
Exit codes: 0 done · 1 faults found or work failed · 2 wrong arguments or input · 3 broker or store unreachable
"""


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called: --help and completion are quick."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """List every command, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import the command of a name; None where there is none."""
        if name not in COMMANDS:
            return None
        module = load(f"bkkenergy.cli.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' lines of --help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called. Raises NoSuchCommand with names that are like it."""
        try:
            return super().resolve_command(context, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=context) from None

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name, or an option."""
        if not incomplete.startswith("-"):
            return [
                CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)
            ]
        return click.Command.shell_complete(self, context, incomplete)


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Energy metering and saving reports for the buildings of a city.

    ระบบเก็บข้อมูลมิเตอร์ไฟฟ้าและจัดทำรายงานการใช้พลังงานของอาคารในเมือง
    """
    from bkkenergy.cli.context import set_up_logging  # noqa: PLC0415 - --help wants none

    set_up_logging("warning", "text")  # never to standard output, where a script reads


def main() -> None:
    """Run the command line; faults leave as text on standard error and an exit code."""
    say_lost_letters = readable_output()
    with shown_output():
        try:
            _run(asked_lang(sys.argv[1:], os.environ))
        finally:
            say_lost_letters()


def _run(lang: Lang) -> None:
    try:
        ended = cli.main(standalone_mode=False, obj=lang)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        _end(error.exit_code)
    except click.UsageError as error:
        click.echo(usage_text(error, lang), err=True)
        _end(error.exit_code)
    except click.ClickException as error:
        click.echo(said(f"Error: {error.format_message()}", lang), err=True)
        _end(error.exit_code)
    except click.Abort:
        click.echo(said("Aborted!", lang), err=True)
        _end(1)
    except BkkEnergyError as error:
        _fail(error_text(error, lang), error.exit_code)
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise  # of a connection, say: no path is to blame
        what = (
            str(error) if error.errno is None else f"{error.filename}: {system_text(error, lang)}"
        )  # pandas gives a text alone
        _fail(f"{what}. {filled(lang, 'command.path_remedy', {})}", InputError.exit_code)
    _end(ended if isinstance(ended, int) else 0)


def _fail(text: str, exit_code: int) -> NoReturn:
    click.echo(click.style("bkkenergy: ", fg="red") + text, err=True)
    _end(exit_code)


def _end(exit_code: int) -> NoReturn:
    raise SystemExit(exit_code) from None
