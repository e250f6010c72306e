"""Files of every form, bent at random: each is read, or refused with InputError; nothing else comes out of a reader.

The same inputs each time. `make fuzz FUZZ=1000000` bends a million others.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import random
import secrets
import zipfile

import numpy as np
import openpyxl
import pytest

from bkkenergy.errors import ConfigError, InputError
from bkkenergy.ingest.sheets import FileMapping, read_sheet
from tests.conftest import IS_FUZZED
from tests.unit.ingest import test_green_button as green
from tests.unit.ingest import test_nem12 as nem
from tests.unit.ingest.test_sheets import iso

INPUTS = int(os.environ.get("FUZZ", "1500"))
SEED = int(os.environ.get("FUZZ_SEED", secrets.randbits(32) if IS_FUZZED else 2569))
READINGS = [green.reading(n, 1000 + n, quality=n % 20) for n in range(6)]
FEED = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{"".join(green.whole(READINGS))}</feed>'
BASES = {
    "nem12": ("\n".join([nem.HEAD, nem.SERIES.replace(",30,", ",60,"), nem.day([1] * 24), nem.day([2] * 24, "V", "20261102"),
                         "400,1,24,A,,", "500,O,S01009,20050310121004,", "900", ""]), "NEM1201009 E1"),
    "green button": (FEED, "01/01"),
    "sheet": ("\n".join(["a,b", *iso()[:12], ""]), "kW"),
    "water": ("\n".join(iso(head="time,Volume (m3)")[:12]) + "\n", "Volume (m3)"),
    "room": ("\n".join(iso(head="time,Temperature [°F]")[:12]) + "\n", "Temperature [°F]"),
    "thai": ("\n".join(["การไฟฟ้านครหลวง,,", "รหัสเครื่องวัด,00000001,", "วันที่,เวลา,kW",
                        *(f'01/11/2569,{n // 4:02}:{n % 4 * 15:02},"1,0{n:02}.40"' for n in range(1, 13)), ""]), "kW"),
    "analyser": ("\n".join(["หน่วย,kW", "CH1,CH2,CH3", *(f"13-11-2026 {n // 4:02}:{n % 4 * 15:02}:00,OK,{n}.72 kW" for n in range(12)), ""]), "CH3"),
    "a row a day": ("\n".join(["Date," + ",".join(f"{n:02}:00" for n in range(24)) + ",kWh",
                               *(f"2026-11-{n:02}," + ",".join(str((n * k) % 7) for k in range(24)) for n in (1, 2, 3)), ""]), "day"),
}  # fmt: skip
SHEET = "xl/worksheets/sheet1.xml"


def workbook() -> dict[str, bytes]:
    """The parts of a workbook as a utility's page writes it: dates as dates, numbers as numbers, units in cells."""
    book = openpyxl.Workbook()
    for row in (["การไฟฟ้าส่วนภูมิภาค"], ["time", "kW"]):
        book.active.append(row)
    for n in range(12):
        book.active.append([dt.datetime(2026, 11, 13, n // 4, n % 4 * 15), f"{n}.72 kW" if n % 3 else n])
    file = io.BytesIO()
    book.save(file)
    with zipfile.ZipFile(file) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


WORKBOOK = workbook()
BASES["workbook"] = (WORKBOOK[SHEET].decode(), "kW")


def zipped(sheet: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        for name, content in (WORKBOOK | {SHEET: sheet}).items():
            parts.writestr(name, content)
    return file.getvalue()


CHANNEL_OF_FORM = {"water": ":water", "room": ":room_temp"}
PIECES = (
    "", ",", "\n", "\x00", '"', "<", ">", "&", "0", "-1", "1e308", "NaN", "9" * 30, "2569", "24:00", "V", "400,1,99,A,,", "300,", "200,",
    "900", "100,NEM12", "</feed>", "<entry>", "</entry>", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "<![CDATA[", "]]>", "<!--", "&#0;", "๑๒", "﻿", "\ud7ff",
)  # fmt: skip


def bent(text: str, rng: random.Random) -> bytes:
    """A text with one to six parts taken out, doubled, moved, or replaced; sometimes bytes that are no text."""
    for _ in range(rng.randint(1, 6)):
        at, size = rng.randrange(len(text) + 1), rng.choice((0, 1, 1, 2, 5, 30))
        middle = rng.choice((rng.choice(PIECES), text[at : at + size] * 2, text[rng.randrange(len(text) + 1) :][:size]))
        text = text[:at] + middle + text[at + size :] or " "
    content = bytearray(text.encode(errors="replace"))
    if rng.random() < 0.2:
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


@pytest.mark.fuzz
@pytest.mark.timeout(0)
@pytest.mark.parametrize("form", BASES)
def test_a_bent_file_is_read_or_refused_and_gives_no_value_that_is_none(tmp_path, form):
    print(f"FUZZ_SEED={SEED}")
    text, column = BASES[form]
    path = tmp_path / ("bent.xlsx" if form == "workbook" else "bent")
    read = 0
    for number in range(
        INPUTS // len(BASES) // (4 if form == "workbook" else 1)
    ):  # each is packed and opened: the slowest
        content = bent(text, random.Random(f"{SEED} {form} {number}"))
        content = zipped(content) if form == "workbook" else content
        path.write_bytes(content)
        try:
            target = nem.METER + CHANNEL_OF_FORM.get(form, "")
            table = read_sheet(path, FileMapping(columns={column: target}, stamps="start"), this_year=2026)
            if table.values[column] in {"register", "gauge"}:
                values = table.wide.columns[column]
                assert not np.isinf(values).any(), content
                read += 1
                continue
            series = table.series(column)
        except (InputError, ConfigError):
            continue
        except Exception as error:
            raise AssertionError(f"FUZZ_SEED={SEED}, input {number}: {content!r}") from error
        read += 1
        known = series.energy_kwh[np.isfinite(series.energy_kwh)]
        assert (known >= 0).all(), content
        assert (np.diff(series.start_us) > 0).all(), content
        assert series.interval_s > 0, content
    assert read > 0, "some are bent where it does not matter"
