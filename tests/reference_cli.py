"""The reference of all commands, made from the commands: `python -m tests.reference_cli` writes docs/en/reference/cli.md."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from bkkenergy.cli import cli

PAGE = Path(__file__).resolve().parent.parent / "docs/en/reference/cli.md"
HEAD = """# All commands

This page is made from the commands themselves (`make docs`). `--help` after any of them shows the same.
"""


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command below one, itself first, with the context that knows its path."""
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, click.Context(below, info_name=name, parent=context))


def reference() -> str:
    """The page."""
    root = click.Context(cli, info_name="bkkenergy")
    return HEAD + "".join(section(*each) for each in commands(cli, root) if each[0] is not cli)


def section(command: click.Command, context: click.Context) -> str:
    """One command: usage, text, arguments and options."""
    depth = len(context.command_path.split())
    usage = context.command_path + "".join(f" {part}" for part in command.collect_usage_pieces(context))
    options = [record for each in command.get_params(context) if (record := each.get_help_record(context)) is not None]
    rows = "".join(f"| `{_cell(names)}` | {_cell(text)} |\n" for names, text in options if "--help" not in names)
    table = f"\n| option | |\n|---|---|\n{rows}" if rows else ""
    text = inspect.cleandoc(command.help or "").replace("\f", "").replace("\b\n", "")
    return f"\n{'#' * min(depth, 3)} {context.command_path}\n\n```text\n{usage}\n```\n\n{text}\n{table}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8")
