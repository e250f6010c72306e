"""The command line before any command runs: quick help, suggestions, completion, and whose configuration is read."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from bkkenergy.cli import COMMANDS, cli

HEAVY = ("pandas", "numpy", "pvlib", "sqlalchemy", "fastapi", "pydantic", "structlog", "paho")


def loaded_by(*arguments: str, of: tuple[str, ...] = HEAVY) -> set[str]:
    """Which of some packages a command has imported when it ends."""
    program = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(*(name for name in {of!r} if name in sys.modules), file=sys.stderr))\n"
        f"sys.argv = ['bkkenergy', *{list(arguments)!r}]\n"
        "from bkkenergy.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_imports_nothing_but_the_parser():
    assert loaded_by("--help") == set()


def test_completion_imports_nothing_but_the_parser(monkeypatch):
    monkeypatch.setenv("_BKKENERGY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "bkkenergy re")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert loaded_by() == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_of_the_list_is_there_and_has_a_line(name):
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert COMMANDS[name][1].endswith(".")


@pytest.mark.parametrize(
    ("wrong", "right"), [("rport", "report"), ("job", "jobs"), ("jobs lst", "list"), ("meters stat", "status")]
)
def test_an_unknown_command_comes_with_one_that_is_like_it(wrong, right):
    result = CliRunner().invoke(cli, wrong.split())
    assert result.exit_code == 2
    assert f"'{right}'" in result.output.partition("Did you mean")[2]


def test_names_and_options_are_completed():
    completed = ShellComplete(cli, {}, "bkkenergy", "_BKKENERGY_COMPLETE")
    assert {item.value for item in completed.get_completions([], "re")} == {
        "report",
        "restore",
        "retention",
        "retrofit",
    }
    assert [item.value for item in completed.get_completions(["jobs"], "l")] == ["list"]
    assert "--help" in [item.value for item in completed.get_completions([], "--")]


def test_a_folder_without_a_site_is_the_demonstration_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BKKENERGY_CONFIG", raising=False)
    result = CliRunner().invoke(cli, ["check"])
    assert result.exit_code == 0
    assert "this is the demonstration" in result.stderr
    assert "demonstration" not in CliRunner().invoke(cli, ["check", "--help"]).stderr
