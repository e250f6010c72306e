"""Faults of records are said in the reader's language: each has a text and a remedy, in Thai too."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
import shutil
import string

import pytest

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio.edits import Amend, End, Put, changes_of
from bkkenergy.portfolio.load import inspect_portfolio, records_of
from bkkenergy.site.record_kinds import SITE_KINDS
from bkkenergy.texts import catalogue
from bkkenergy.tomlfiles import KIND_OF_FAULT
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT

SOURCE = ROOT / "src/bkkenergy"
MAKERS = {SOURCE / "errors.py", SOURCE / "tomlfiles.py"}
"""Make faults out of keys, and out of what pydantic says."""
FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path not in MAKERS]
OFFICE = "district-bangkhen.office"
MAIN = f"{OFFICE}.main"
BODIES = [
    ("building", OFFICE, {"gross_floor_area_m2": 0}),
    ("building", OFFICE, {"gross_floor_area_m2": "many"}),
    ("building", OFFICE, {"gross_floor_area_m2": True}),
    ("building", OFFICE, {"name_th": ""}),
    ("building", OFFICE, {"name_th": 5}),
    ("building", OFFICE, {"type": "castle"}),
    ("building", OFFICE, {"latitude_deg": 80}),
    ("building", OFFICE, {"drivers": "many"}),
    ("building", OFFICE, {"colour": "red"}),
    ("building", OFFICE, {"name_th": "ก" * 3000}),
    ("building", OFFICE, {"roofs": []}),
    ("building", OFFICE, {"id": "health.other"}),
    ("meter", MAIN, {"pv": "perhaps"}),
    ("meter", MAIN, {"interval_s": 1.5}),
    ("meter", MAIN, {"commissioned": "2026-01-01T00:00"}),
    ("meter", MAIN, {"commissioned": "soon"}),
    ("meter", MAIN, {"exchanges": "none"}),
    ("meter", MAIN, {"topic": "bma/#"}),
    ("meter", MAIN, {"register_digits": 5, "rollover_kwh": 5}),
    ("meter", "no.such.meter", {"pv": True}),
    ("castle", "x", {}),
]


@pytest.fixture(scope="module")
def records(config_dir):
    return records_of(config_dir)


def is_thai(text):
    return any("\u0e00" <= character <= "\u0e7f" for character in text)


@pytest.mark.parametrize(("kind", "key", "given"), BODIES)
def test_what_is_wrong_with_a_form_s_field_is_said_in_thai(records, kind, key, given):
    with pytest.raises(ConfigError) as refused:
        changes_of(records, [Amend(kind, key, given)], dt.date(2026, 1, 1), SITE_KINDS)
    for fault in refused.value.faults:
        said = fault.said("th")
        assert is_thai(said.what), fault
        assert is_thai(said.remedy), fault
        assert fault.said("en") == fault


@pytest.mark.parametrize(
    "edit",
    [
        Put("agency", {"id": "new"}),
        Put("contact", {"id": "c", "agency": "health", "name": "x", "mail": "a\x00"}),
        Put("threshold", {"id": "t", "name": "silent_h", "value": 1}),
        Put("account", {"id": "a", "utility": "mea", "number": "1", "schedule": "x", "buildings": []}),
        End("meter", MAIN),
    ],
)
def test_what_cannot_be_entered_or_ended_is_said_in_thai(records, edit):
    with pytest.raises(ConfigError) as refused:
        changes_of(records, [edit], dt.date.min, SITE_KINDS)
    assert all(is_thai(fault.said("th").what + fault.said("th").remedy) for fault in refused.value.faults)


def test_faults_of_files_are_said_in_thai(config_dir):
    _, faults = inspect_portfolio(config_dir, tariffs=frozenset())
    assert faults
    assert {fault.said("th").what.split(" ")[0] for fault in faults} == {"ไม่มีอัตราค่าไฟฟ้า"}


def test_a_fault_that_comes_with_a_day_says_so_in_either_language():
    fault = Fault.of("no_such", "meter x", kind="tariff", name="x", known="y").from_day(dt.date(2027, 1, 1))
    assert fault.what == "from 2027-01-01 on: there is no tariff 'x'"
    assert fault.said("th").what.startswith("ตั้งแต่ 1 มกราคม 2570: ไม่มี")


def test_each_fault_has_a_key_and_its_texts():
    keys = set(KIND_OF_FAULT.values())
    for path in FILES:
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if re.search("Fault|WrongValue", source) else ():
            if not isinstance(node, ast.Call):
                continue
            assert not (isinstance(node.func, ast.Name) and node.func.id == "Fault"), f"{path}:{node.lineno} has no key"
            if ast.unparse(node.func) in {"Fault.of", "WrongValue"}:
                keys |= {
                    one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant) and one.value != "roof"
                }
    texts = {lang: {name[6:] for name in catalogue(lang) if name.startswith("fault.")} for lang in ("en", "th")}
    named = {name for name in keys if isinstance(name, str)}
    assert {name for key in named for name in (key, f"{key}_do")} <= texts["en"] == texts["th"]


def test_both_languages_fill_the_same_places():
    for name in (name for name in catalogue("en") if name.startswith("fault.") and not name.endswith("_do")):
        places = [
            {one for _, one, _, _ in string.Formatter().parse(catalogue(lang)[name]) if one} for lang in ("en", "th")
        ]
        assert places[0] == places[1], name


BROKEN = {
    "bkkenergy.toml": '[mqtt]\nport = "many"\n[[recipient]]\nto = "nowhere"\n[mail]\npassword = "x"\n',
    "tariffs/schedules.toml": '[[schedule]]\nid = "x"\nkind = "castle"\n',
    "tariffs/rules.toml": "[[ft]]\nthb_per_kwh = 99999\n",
    "factors.toml": "",
    "solar/climate.toml": "[climate]\nid = 5\n",
    "solar/equipment.toml": '[[module]]\nid = "x"\npower_w = -1\n',
    "plan.toml": "[[castle]]\n",
    "adjustments.toml": '[[adjustment]]\nbuilding = "no.such"\nfirst = 2026-01-01\nkwh_a_day = 5\nreason = "x"\n[castle]\n',
    "payloads/odd.toml": '[[profile]]\nid = "odd"\nname_en = "x"\nsource = "y"\nfamily = "castle"\n',
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_says_in_thai_what_is_wrong_with_a_file(tmp_path, name):
    home = tmp_path / "config"
    home.mkdir()
    for part in CONFIG_PARTS:
        source = ROOT / "config" / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, home / part)
    (home / "bkkenergy.toml").write_text("")
    path = home / name
    path.write_text(BROKEN[name])
    listed = json.loads(bkkenergy("check", "--lang", "th", "--json", "--config", home, code=1))["faults"]
    assert listed
    for fault in listed:
        assert is_thai(fault["what"]), fault
        assert is_thai(fault["remedy"]), fault
    assert "ข้อผิดพลาด" in bkkenergy("check", "--lang", "th", "--config", home, code=1)


def test_check_says_in_thai_what_counts(config_dir):
    said = bkkenergy("check", "--lang", "th", "--config", config_dir)
    assert all(is_thai(line) for line in said.splitlines() if line)
