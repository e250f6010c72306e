"""What is no file that can be read to its end, or nests without end, is a fault: never a traceback, and never a wait."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import zipfile
from pathlib import Path

import docx
import openpyxl
import pytest

from bkkenergy.adapters.memotemplate import checked_template
from bkkenergy.adapters.outlines.read import read_outlines
from bkkenergy.adapters.weather import read_weather_file
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.ingest.lists.table import read_list
from bkkenergy.ingest.paper.read import read_bills
from bkkenergy.ingest.sheets import FileMapping, read_sheet
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


def packed(parts):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return written.getvalue()


def workbook():
    book, written = openpyxl.Workbook(), io.BytesIO()
    for row in (["time", "kWh"], *([f"2026-11-01 {hour:02}:00", hour] for hour in range(20))):
        book.active.append(row)
    book.save(written)
    return written.getvalue()


def word_file():
    written = io.BytesIO()
    docx.Document().save(written)
    return written.getvalue()


def in_file(read):
    def reading(name, content):
        Path(name).write_bytes(content)
        return read(Path(name))

    return reading


RING = "<Polygon><outerBoundaryIs><LinearRing><coordinates>100,13 100.1,13 100,13.1</coordinates></LinearRing></outerBoundaryIs></Polygon>"
UNPACKED_BY = {
    "list.xlsx": (workbook, in_file(lambda path: read_list(path, {"time", "kWh"}.__contains__))),
    "sheet.xlsx": (workbook, in_file(lambda path: read_sheet(path, FileMapping(), this_year=2026))),
    "sheet.csv.gz": (
        lambda: gzip.compress(b"time,kWh\n" + b"".join(b"2026-11-01 %02d:00,%d\n" % (n, n) for n in range(20))),
        in_file(lambda path: read_sheet(path, FileMapping(), this_year=2026)),
    ),
    "memo.docx": (word_file, checked_template),
    "roof.kmz": (
        lambda: packed({"doc.kml": f"<kml xmlns='http://www.opengis.net/kml/2.2'><Placemark>{RING}</Placemark></kml>"}),
        read_outlines,
    ),
}


@pytest.mark.parametrize("name", UNPACKED_BY)
def test_a_damaged_archive_is_read_or_refused_by_each_reader(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    make, read = UNPACKED_BY[name]
    sound, chance, refused = make(), random.Random(2569), 0
    for count in range(60):
        content = bytearray(sound)
        for _ in range(1 + count % 7):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            read(name, bytes(content))
        except InputError:
            refused += 1
    assert refused > 10, "the others were damaged where nothing is read"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/worksheets/SHEET1.XML", "xl/worksheets/sheet1.dat"])
def test_a_part_of_a_workbook_that_declares_entities_is_refused_whatever_its_name(tmp_path, part, encoding):
    with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = parts.pop("xl/worksheets/sheet1.xml").partition("?>")[2]
    linked = {name: text.replace("worksheets/sheet1.xml", part.removeprefix("xl/")) for name, text in parts.items()}
    hostile = f"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]>{sheet}".encode(encoding)
    (tmp_path / "list.xlsx").write_bytes(packed({**linked, part: hostile}))
    with pytest.raises(InputError):
        read_list(tmp_path / "list.xlsx", {"time", "kWh"}.__contains__)
