"""`bkkenergy version`."""

from __future__ import annotations

import platform

import click

from bkkenergy import __version__


@click.command("version", epilog="\b\nExample:\n  bkkenergy version")
def version_command() -> None:
    """Print the versions of bkkenergy and Python."""
    click.echo(f"bkkenergy {__version__} (Python {platform.python_version()}, {platform.system()})")
