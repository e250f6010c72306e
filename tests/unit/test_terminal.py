"""A terminal of any encoding gets its text: never a traceback, never JSON that has lost a letter."""

from __future__ import annotations

import contextlib
import io
import json
import sys

import pytest

from bkkenergy.cli.output import print_json
from bkkenergy.cli.terminal import readable_output, shown
from tests.commands import own_logging, ran
from tests.conftest import ROOT

ENCODINGS = ("ascii", "latin-1", "cp1252", "tis-620", "cp437")
NO_THAI = ("latin-1", "cp1252", "cp437")
CONFIG = str(ROOT / "config")
COMMANDS = (
    ["--help"],
    ["figures", "list", "--config", CONFIG],
    ["figures", "list", "--sources", "--config", CONFIG],
    ["plan", "targets", "--config", CONFIG],
    ["portfolio", "--help"],
    ["report", "ไม่มี", "--config", CONFIG],
    ["ไม่มี"],
    ["solar", "weather", "show", "--config", CONFIG],
)
"""What prints Thai, tables, signs and faults without a site that has to be filled first."""


class Terminal:
    """Standard output and standard error of an encoding, as a process has them."""

    def __init__(self, encoding: str) -> None:
        self.out, self.err = io.BytesIO(), io.BytesIO()
        self.encoding = "utf-8" if encoding == "ascii" else encoding
        self.streams = (
            io.TextIOWrapper(self.out, encoding=encoding, write_through=True),
            io.TextIOWrapper(self.err, encoding=encoding, errors="backslashreplace", write_through=True),
        )

    @property
    def printed(self) -> str:
        return self.out.getvalue().decode(self.encoding)

    @property
    def warned(self) -> str:
        return self.err.getvalue().decode(self.encoding)


def on(terminal: Terminal, *arguments: str) -> int:
    with (
        contextlib.redirect_stdout(terminal.streams[0]),
        contextlib.redirect_stderr(terminal.streams[1]),
        own_logging(),
    ):
        return ran(*arguments)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:2]))
def test_no_command_ends_in_a_traceback(encoding, arguments):
    terminal = Terminal(encoding)
    code = on(terminal, *arguments)
    assert "Traceback" not in terminal.warned
    assert code == (2 if "ไม่มี" in arguments else 0), terminal.warned


@pytest.mark.parametrize("encoding", NO_THAI)
def test_letters_that_are_lost_are_said_to_be_lost(encoding):
    terminal = Terminal(encoding)
    on(terminal, "plan", "targets", "--config", CONFIG)
    assert "?" in terminal.printed
    assert terminal.warned.count("PYTHONIOENCODING=utf-8") == 1


def test_english_on_a_western_terminal_loses_nothing_that_is_worth_saying():
    terminal = Terminal("latin-1")
    on(terminal, "plan", "targets", "--lang", "en", "--config", CONFIG)
    assert "GWh" in terminal.printed
    assert terminal.warned == ""


def test_an_ascii_terminal_gets_utf_8_as_of_python_and_click():
    terminal = Terminal("ascii")
    on(terminal, "plan", "targets", "--config", CONFIG)
    assert "ประหยัดพลังงานทั้งเมืองต่อปี" in terminal.printed
    assert terminal.warned == ""


def test_a_thai_terminal_keeps_its_thai_and_gets_plain_signs():
    terminal = Terminal("tis-620")
    with contextlib.redirect_stdout(terminal.streams[0]), contextlib.redirect_stderr(terminal.streams[1]):
        said = readable_output()
        sys.stdout.write("ค่าไฟฟ้า · 5–6 → ±2 ตร.ม.")
        said()
    assert terminal.printed == "ค่าไฟฟ้า - 5-6 -> +-2 ตร.ม."
    assert terminal.warned == ""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_whole_in_every_encoding(encoding):
    terminal, data = Terminal(encoding), {"name": "สำนักงานเขต 🏢 é"}
    with contextlib.redirect_stdout(terminal.streams[0]), contextlib.redirect_stderr(terminal.streams[1]):
        readable_output()
        print_json(data)
    assert json.loads(terminal.printed) == data


HOSTILE = {
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "clear": "\x1b[2J\x1b[H",
    "over": "good\rbad",
    "erased": "bad\x1b[1A\x1b[2Kgood",
    "backspace": "bad\b\b\bgood",
    "eight bits": "\x9b2J",
    "reset": "\x1bc",
    "turned": "abc\u202ecod.exe",
    "nul": "a\0b",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_a_terminal_would_obey_is_spelled_out(text):
    written = shown(text)
    assert written.isprintable()
    assert shown(written) == written


@pytest.mark.parametrize(
    "text",
    [
        "ศาลาว่าการ 1\t2\n",
        "a,b\r\nc,d\r\n",
        "\x1b[31mrefused\x1b[0m \x1b[1;32mok\x1b[0m",
        "\r\x1b[2K\x1b[1A\x1b[2K\x1b[?25lbar",
        "",
        "🌞\u200dก",
    ],
)
def test_texts_colours_and_progress_bars_pass(text):
    assert shown(text) == text


def test_commands_write_through_it_and_leave_the_streams_as_they_were(monkeypatch):
    terminal = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", terminal.streams[0])
    monkeypatch.setattr(sys, "stderr", terminal.streams[1])
    with own_logging():
        assert ran("report", "\x1b]0;owned\x07", "--config", CONFIG) != 0
    assert (sys.stdout, sys.stderr) == terminal.streams
    said = terminal.out.getvalue() + terminal.err.getvalue()
    assert b"owned" in said
    assert b"\x1b]" not in said
    assert b"\x07" not in said
    terminal.streams[0].write("still open")
