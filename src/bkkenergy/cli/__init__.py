"""The command `bkkenergy`: arguments in, a use case called, text and an exit code out."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import NoReturn

import click

from bkkenergy.errors import BkkEnergyError, InputError

COMMANDS = MappingProxyType(
    {
        "init": "init",
        "check": "check",
        "serve": "serve",
        "ingest": "serve",
        "report": "report",
        "energy": "energy",
        "baseline": "baseline",
        "bill": "bill",
        "insights": "insights",
        "index": "insights",
        "jobs": "jobs",
        "web": "web",
        "users": "users",
        "tokens": "users",
        "plan": "plan",
        "solar": "solar",
        "meters": "meters",
        "quarantine": "quarantine",
        "decode": "decode",
        "listen": "decode",
        "doctor": "doctor",
        "backup": "backup",
        "restore": "backup",
        "migrate": "migrate",
        "retention": "retention",
        "import": "imports",
        "imports": "imports",
        "export": "transfer",
        "demo": "demo",
        "version": "version",
    }
)
"""Each command and the module that holds it; loaded when called, so that --help is quick."""

PATH_REMEDY = "Name another path, or give this user the right to read and write there."

EPILOG = """\b
Examples:
  bkkenergy init mysite                   a configuration of one's own, by a few questions
  bkkenergy check                         read the whole configuration, tell every fault
  bkkenergy serve                         ingest, and report by the schedule
  bkkenergy report health --period yesterday
  bkkenergy solar estimate district-bangkhen.office
  bkkenergy quarantine list               what was refused, and why
  bkkenergy demo                          see it run, with simulated meters

\b
Exit codes: 0 done · 1 faults found or work failed · 2 wrong arguments or input · 3 broker or store away
"""


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is wanted."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Every command, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"bkkenergy.cli.{COMMANDS[name]}")
        command: click.Command = getattr(module, f"{name}_command")
        return command


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Energy metering and saving reports for the buildings of a city.

    ระบบเก็บข้อมูลมิเตอร์ไฟฟ้าและจัดทำรายงานการใช้พลังงานของอาคารในเมือง
    """
    from bkkenergy.cli.context import set_up_logging  # noqa: PLC0415 - --help wants none

    set_up_logging("warning", "text")  # never to standard output, where a script reads


def main() -> None:
    """Run the command line; faults leave as text on standard error and an exit code."""
    try:
        cli(standalone_mode=True)
    except BkkEnergyError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise  # of a connection, say: no path is to blame
        what = str(error) if error.errno is None else f"{error.filename}: {error.strerror}"  # pandas gives a text alone
        _fail(f"{what}. {PATH_REMEDY}", InputError.exit_code)


def _fail(text: str, exit_code: int) -> NoReturn:
    click.echo(click.style("bkkenergy: ", fg="red") + text, err=True)
    raise SystemExit(exit_code) from None
