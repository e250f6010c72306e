"""`bkkenergy version`."""

from __future__ import annotations

import platform

import click

from bkkenergy import __version__
from bkkenergy.cli.output import json_option, print_json


@click.command("version", epilog="\b\nExample:\n  bkkenergy version")
@json_option
def version_command(*, as_json: bool) -> None:
    """Print the versions of bkkenergy and Python."""
    if as_json:
        print_json({"bkkenergy": __version__, "python": platform.python_version(), "system": platform.system()})
        return
    click.echo(f"bkkenergy {__version__} (Python {platform.python_version()}, {platform.system()})")
