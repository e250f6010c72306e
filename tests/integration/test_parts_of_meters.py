"""A meter counts for its building on the days, and for what, the records say; by itself it shows what it measured."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.site.open import open_writable
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT

OCTOBER = Period.month(2026, 10)
DAY_KWH, SMALL_KWH = 384.0, 96.0
"""A day of a main meter, and of a smaller one behind it."""
BUILDING = """
[[building]]
agency = "odd"
id = "{name}"
name_th = "{name}"
name_en = "{name}"
type = "office"
gross_floor_area_m2 = 1000
latitude_deg = 13.75
longitude_deg = 100.5
tariff = "mea-2-2-lv"
calendar = "office"
{lines}
"""
METER = '\n[[building.meters]]\nid = "{name}"\nrated_kw = 200\n{lines}\n'
METERS = {
    "begins": {"main": ""},
    "ends": {"main": ""},
    "hv": {"main": 'changes = [{ from = 2026-10-16, parent = "hv" }]', "hv": "from = 2026-10-16"},
    "gap": {"main": "until = 2026-10-10", "next": "from = 2026-10-15"},
    "let": {"main": "", "shop": 'parent = "main"\nchanges = [{ from = 2026-10-16, tenant = true }]'},
    "sum": {"main": "", "small": 'parent = "main"'},
    "pv": {"main": "", "old": "pv = true\nuntil = 2026-10-15", "new": "pv = true\nfrom = 2026-10-16"},
}
LIFE = {"begins": "from = 2026-10-11", "ends": "until = 2026-10-20"}
SMALL = {"shop", "old", "new", "small"}
SUMS = {
    "sum": """
[[building.virtual_meters]]
id = "rest"
name_th = "rest"
name_en = "rest"
plus = ["main"]
changes = [{ from = 2026-10-16, minus = ["small"] }]

[[building.virtual_meters]]
id = "let"
name_th = "let"
name_en = "let"
plus = ["small"]
purpose = "tenant"
from = 2026-10-16
"""
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Buildings of which something begins, ends or changes in October; every meter sends all the month."""
    home = tmp_path_factory.mktemp("parts") / "config"
    home.mkdir()
    for name in CONFIG_PARTS:
        if name != "portfolio":
            (home / name).symlink_to(ROOT / "config" / name)
    shutil.copytree(ROOT / "config/portfolio", home / "portfolio")
    (home / "bkkenergy.toml").write_text("")
    with (home / "portfolio/agencies.toml").open("a") as file:
        file.write('\n[[agency]]\nid = "odd"\nname_th = "แปลก"\nname_en = "Odd"\n')
    (home / "portfolio/buildings/odd.toml").write_text(
        "".join(
            BUILDING.format(name=name, lines=LIFE.get(name, ""))
            + "".join(METER.format(name=meter, lines=lines) for meter, lines in meters.items())
            + SUMS.get(name, "")
            for name, meters in METERS.items()
        )
    )
    at = np.arange(timestamp_us(OCTOBER.start), timestamp_us(OCTOBER.end) + 1, 900_000_000)
    store = open_writable(Settings(store=StoreSettings(path=home.parent / "var/bkkenergy.sqlite")))
    for name, meters in METERS.items():
        for meter in meters:
            day_kwh = SMALL_KWH if meter in SMALL else DAY_KWH
            columns = {"energy_kwh": 100 + day_kwh / 96 * np.arange(len(at))}
            store.commit(ReadingBatch((f"odd.{name}.{meter}",), np.zeros(len(at), np.int64), at, columns))
    store.close()
    return home


@pytest.fixture(scope="module")
def report(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    bkkenergy("report", "odd", "--period", "2026-10", "--format", "json", "-o", out, "--config", folder)
    return json.loads((out / "odd/odd_2026-10.json").read_text())


def shown(folder, *arguments):
    return json.loads(bkkenergy(*arguments, "--period", "2026-10", "--json", "--config", folder))


DAYS = {"begins": 21, "ends": 20, "hv": 31, "gap": 10 + 17, "let": 31, "sum": 31, "pv": 31}
"""The days of October on which something measures what the grid gives a building."""


@pytest.mark.parametrize("name", METERS)
def test_the_grid_gives_a_building_what_its_main_meters_measured_on_their_days(folder, report, name):
    kwh = pytest.approx(DAYS[name] * DAY_KWH)
    energy = shown(folder, "energy", "show", f"odd.{name}")
    assert sum(value or 0 for value in energy["energy_kwh"]) == kwh
    assert sum(value is not None for value in energy["energy_kwh"]) == DAYS[name]
    (row,) = [row for row in report["buildings"] if row["id"] == f"odd.{name}"]
    assert row["use"]["energy_kwh"] == kwh
    assert row["use"]["coverage_ratio"] == pytest.approx(DAYS[name] / 31)
    balance = shown(folder, "energy", "balance", f"odd.{name}")
    assert balance["grid_import"]["total_kwh"] == kwh
    assert balance["grid_import"]["known_ratio"] == pytest.approx(DAYS[name] / 31, abs=1e-4)


def test_a_sub_meter_that_becomes_a_tenants_is_taken_off_from_that_day_on(folder):
    balance = shown(folder, "energy", "balance", "odd.let")
    assert balance["tenants"]["total_kwh"] == pytest.approx(16 * SMALL_KWH)
    assert balance["gross_use"]["total_kwh"] == pytest.approx(31 * DAY_KWH - 16 * SMALL_KWH)
    assert balance["gross_use"]["known_ratio"] == 1


def test_a_pv_meter_that_another_record_replaces_is_production_up_to_that_day(folder):
    balance = shown(folder, "energy", "balance", "odd.pv")
    assert balance["production"]["total_kwh"] == pytest.approx(31 * SMALL_KWH)
    assert balance["production"]["known_ratio"] == 1


def test_behind_a_main_meter_that_came_later_the_former_one_splits_it_from_that_day_on(folder):
    balance = shown(folder, "energy", "balance", "odd.hv")
    (above,) = [split for split in balance["main_meters"] if split["meter"] == "odd.hv.hv"]
    assert [part["total_kwh"] for part in above["sub_meters"]] == [pytest.approx(16 * DAY_KWH)]


@pytest.mark.parametrize("meter", ["hv.main", "gap.main", "ends.main"])
def test_a_meter_by_itself_shows_what_it_measured_on_every_day(folder, meter):
    energy = shown(folder, "energy", "show", f"odd.{meter}")
    assert energy["energy_kwh"] == [pytest.approx(DAY_KWH)] * 31


def test_a_virtual_meter_is_the_sum_that_it_was_on_each_day(folder):
    balance = shown(folder, "energy", "balance", "odd.sum")
    (rest,) = [row for row in balance["virtual_meters"] if row["meter"] == "odd.sum.rest"]
    assert rest["total_kwh"] == pytest.approx(15 * DAY_KWH + 16 * (DAY_KWH - SMALL_KWH))
    assert rest["known_ratio"] == 1


def test_a_tenant_s_virtual_meter_takes_off_what_it_names_on_each_day(folder):
    balance = shown(folder, "energy", "balance", "odd.sum")
    assert balance["tenants"]["total_kwh"] == pytest.approx(16 * SMALL_KWH)
    assert balance["gross_use"]["total_kwh"] == pytest.approx(31 * DAY_KWH - 16 * SMALL_KWH)
