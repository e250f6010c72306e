"""Files of every form, bent at random: each is read, or refused with InputError; nothing else comes out of a reader.

The same inputs each time. `make fuzz FUZZ=1000000` bends a million others.
"""

from __future__ import annotations

import os
import random
import secrets

import numpy as np
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
}  # fmt: skip
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
@pytest.mark.parametrize("form", BASES)
def test_a_bent_file_is_read_or_refused_and_gives_no_value_that_is_none(tmp_path, form):
    print(f"FUZZ_SEED={SEED}")
    text, column = BASES[form]
    path = tmp_path / "bent"
    read = 0
    for number in range(INPUTS // len(BASES)):
        content = bent(text, random.Random(f"{SEED} {form} {number}"))
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
