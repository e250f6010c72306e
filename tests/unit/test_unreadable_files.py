"""What is no file that can be read to its end, or nests without end, is a fault: never a traceback, and never a wait."""

from __future__ import annotations

import os
import shutil
import zipfile

import pytest

from bkkenergy.adapters.weather import read_weather_file
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.ingest.paper.read import read_bills
from bkkenergy.ingest.sheets.grid import open_grid
from bkkenergy.regularfiles import MAX_TEXT_BYTES, need_small_archive
from bkkenergy.reports.plan.sheets import read_workbook
from bkkenergy.site.ft_file import read_ft_table
from bkkenergy.tomlfiles import read_secret, read_toml
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT

DEEP = "tables and lists lie more than 30 levels deep"
NOT_REGULAR = "no regular file"


def fifo(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def huge(path):
    with path.open("wb") as stream:
        stream.truncate(MAX_TEXT_BYTES + 1)


def written(text):
    return lambda path: path.write_text(text)


HOSTILE = {
    "lists within lists": (written(f"x = {'[' * 5000}{']' * 5000}"), DEEP),
    "lists within lists that a parser bears": (written(f"x = {'[' * 200}{']' * 200}"), DEEP),
    "tables within tables": (written(f"x = {'{a = ' * 3000}1{'}' * 3000}"), DEEP),
    "a key of many parts": (written(f"{'.'.join('a' * 5000)} = 1"), DEEP),
    "a heading of many parts": (written(f"[{'.'.join('a' * 5000)}]"), DEEP),
    "a number of 5,000 digits": (written(f"x = {'9' * 5000}"), "Exceeds the limit"),
    "a file of binary zeros": (written("\0" * 100), "not valid TOML"),
    "a file of another encoding": (lambda path: path.write_bytes(b"x = '\xb5'"), "UTF-8"),
    "a pipe": (fifo, NOT_REGULAR),
    "a device": (device, NOT_REGULAR),
    "a folder": (folder, NOT_REGULAR),
    "more than a portfolio can be": (huge, "more than 32 MB"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_of_toml_is_a_fault(tmp_path, kind):
    make, said = HOSTILE[kind]
    make(tmp_path / "x.toml")
    with pytest.raises(ConfigError) as caught:
        read_toml(tmp_path / "x.toml")
    (fault,) = caught.value.faults
    assert said in fault.what
    assert fault.said("th").what != fault.what


@pytest.mark.parametrize("name", [
    "bkkenergy.toml", "portfolio/agencies.toml", "portfolio/buildings/health.toml", "calendars.toml",
    "tariffs/schedules.toml", "factors.toml", "savings.toml", "plan.toml", "solar/climate.toml", "index.toml",
    "payloads/canonical.toml", "adjustments.toml", "poll.toml", "modbus.toml",
])  # fmt: skip
def test_check_names_a_hostile_file_of_the_configuration(tmp_path, name):
    home = tmp_path / "config"
    home.mkdir()
    for part in CONFIG_PARTS:
        source = ROOT / "config" / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, home / part)
    (home / "bkkenergy.toml").write_text("")
    path = home / name
    path.unlink(missing_ok=True)
    fifo(path)
    said = bkkenergy("check", "--config", home, code=1)
    assert f"{path}: this is no regular file" in said


@pytest.mark.parametrize("digits", [400, 4000])
def test_a_number_beyond_any_is_a_fault_of_its_field(tmp_path, digits):
    home = tmp_path / "config"
    home.mkdir()
    for part in CONFIG_PARTS:
        (home / part).symlink_to(ROOT / "config" / part)
    (home / "bkkenergy.toml").write_text(f"[report]\ncompared_weeks = {'9' * digits}\n[mqtt]\nport = {'9' * digits}\n")
    said = bkkenergy("check", "--config", home, code=1)
    assert "report.compared_weeks" in said
    assert "mqtt.port" in said


COMMANDS = [
    ("import", "FILE", "--column", "a=health.centre-1.main"),
    ("bill", "import", "x", "FILE"),
    ("baseline", "bills", "health.centre-1", "--file", "FILE"),
    ("plan", "import", "FILE"),
    ("decode", "FILE", "--profile", "canonical"),
    ("figures", "import-ft", "FILE", "--source", "x", "--grade", "V"),
    ("restore", "FILE"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_a_command_refuses_a_pipe(tmp_path, command):
    fifo(tmp_path / "pipe.csv")
    said = bkkenergy(*(str(tmp_path / "pipe.csv") if word == "FILE" else word for word in command), code=2)
    assert "is no regular file, but a folder, a pipe or a device" in said


READERS = {
    "a sheet": lambda path: open_grid(path, None),
    "paper bills": lambda path: read_bills(path, None, account="", this_year=2026, days_of_month=None),
    "weather": read_weather_file,
    "the Ft": read_ft_table,
    "a workbook of the plan": lambda path: read_workbook(path, None),
}


@pytest.mark.parametrize("make", [fifo, device, folder])
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_refuses_what_has_no_end(tmp_path, reader, make):
    make(tmp_path / "x.csv")
    with pytest.raises(InputError, match="is no regular file"):
        READERS[reader](tmp_path / "x.csv")


@pytest.mark.parametrize("make", [fifo, folder, lambda path: path.write_bytes(b"\xff\xfe")])
def test_a_secret_that_cannot_be_read_is_a_fault(tmp_path, make):
    make(tmp_path / "secret")
    with pytest.raises(ConfigError, match="secret"):
        read_secret(tmp_path / "secret")


def test_a_workbook_that_inflates_beyond_its_bound_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (3 << 20))
    with pytest.raises(InputError, match="inflates to more than 2 MB"):
        need_small_archive(tmp_path / "bomb.xlsx", 2 << 20)
    assert need_small_archive(tmp_path / "bomb.xlsx", 4 << 20)
