"""Files of water, gas, rooms and reactive energy: by channel, with their units, previewed and undone as energy is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.test_imports_cli import run

BUILDING = "environment.headquarters"
MAIN, WATER, ROOM = f"{BUILDING}.main", f"{BUILDING}.water", f"{BUILDING}.classroom"
HOURS = pd.date_range("2026-10-01", periods=96, freq="h", tz="Asia/Bangkok")
METERS = """
[[building.meters]]
id = "water"
name_th = "มิเตอร์น้ำ"
name_en = "Water meter"
kind = "other"
rated_kw = 1
rated_m3_per_h = 20

[[building.meters]]
id = "classroom"
name_th = "ห้องเรียน"
name_en = "Classroom"
kind = "other"
rated_kw = 1
"""


@pytest.fixture
def site(tmp_path) -> Path:
    folder = tmp_path / "site/config"
    folder.mkdir(parents=True)
    for name in CONFIG_PARTS:
        if name != "portfolio":
            (folder / name).symlink_to(ROOT / "config" / name)
    shutil.copytree(ROOT / "config/portfolio", folder / "portfolio")
    file = folder / "portfolio/buildings/environment.toml"
    head, mark, rest = file.read_text().partition("[[building.meters]]")
    file.write_text(head + METERS + "\n" + mark + rest)
    (folder / "bkkenergy.toml").write_text("")
    return folder


def csv(tmp_path: Path, heading: str, values, name: str = "file.csv") -> Path:
    path = tmp_path / name
    pd.DataFrame({"time": HOURS.strftime("%Y-%m-%d %H:%M"), heading: values}).to_csv(path, index=False)
    return path


def days(site: Path, meter: str, channel: str) -> list[float | None]:
    period = "2026-10-01..2026-10-04"
    shown = run(site, "energy", "show", meter, "--period", period, "--step", "day", "--channel", channel, "--json")
    values: list[float | None] = json.loads(shown)["values"]
    return values


def test_volumes_of_hours_are_previewed_taken_in_and_undone(site, tmp_path):
    file = csv(tmp_path, "Volume (m3)", np.tile([1.5, 0.5], 48))
    column = ("--column", f"Volume (m3)={WATER}:water", "--values", "energy")
    shown = run(site, "import", file, *column, "--dry-run")
    assert f"{WATER}: 96 intervals, 96.00 m3" in shown
    run(site, "import", file, *column)
    assert days(site, WATER, "water") == pytest.approx([24.0] * 4)
    listed = json.loads(run(site, "imports", "show", 1, "--json"))
    assert (listed["meters"], listed["energy_kwh"]) == ([WATER], None)
    run(site, "import", "--undo", 1)
    assert days(site, WATER, "water") == [None] * 4


@pytest.mark.parametrize(
    ("heading", "values", "m3_a_day"),
    [
        pytest.param("ปริมาณน้ำ (ลบ.ม.)", np.tile([1.5, 0.5], 48), 24.0, id="in_thai"),
        pytest.param("Consumption [L]", np.tile([1500, 500], 48), 24.0, id="litres"),
        pytest.param("flow m³/h", np.tile([2.5, 1.5], 48), 48.0, id="a_mean_flow"),
    ],
)
def test_units_of_volume_are_converted(site, tmp_path, heading, values, m3_a_day):
    options = () if "flow" in heading else ("--values", "energy")
    run(site, "import", csv(tmp_path, heading, values), "--column", f"{heading}={WATER}:water", *options)
    assert days(site, WATER, "water") == pytest.approx([m3_a_day] * 4)


def test_a_register_of_water_is_readings_and_can_be_undone(site, tmp_path):
    file = csv(tmp_path, "m3", 1000 + np.arange(96) * 0.5)
    output = run(site, "import", file, "--column", f"m3={WATER}:water", "--values", "register")
    assert "96 readings" in output
    assert days(site, WATER, "water")[:3] == pytest.approx([12.0] * 3)
    run(site, "import", "--undo", 1)
    assert days(site, WATER, "water")[:3] == [None] * 3


def test_a_room_s_fahrenheit_and_humidity_come_out_of_a_workbook_together(site, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["Date", "Time", "Temperature (°F)", "Humidity (%)"])
    for hour in HOURS:
        book.active.append([hour.strftime("%d/%m/%Y"), hour.strftime("%H:%M"), 77.0, 54.5])
    path = tmp_path / "room.xlsx"
    book.save(path)
    columns = ("--column", f"Temperature (°F)={ROOM}:room_temp", "--column", f"Humidity (%)={ROOM}:humidity")
    assert "96 readings of 1 meter" in run(site, "import", path, *columns, "--dates", "dmy")
    assert days(site, ROOM, "room_temp") == pytest.approx([25.0] * 4)
    assert days(site, ROOM, "humidity") == pytest.approx([0.545] * 4)
    run(site, "import", "--undo", 1)
    assert days(site, ROOM, "humidity") == [None] * 4


def test_cold_below_zero_is_a_temperature_and_a_kettle_is_refused(site, tmp_path):
    file = csv(tmp_path, "T [°C]", [-18.0] * 95 + [96.0])
    column = ("--column", f"T [°C]={ROOM}:room_temp")
    assert "(1 gauge_out_of_range)" in run(site, "import", file, *column, code=1)
    run(site, "import", file, *column, "--skip-refused")
    assert days(site, ROOM, "room_temp") == pytest.approx([-18.0] * 4)


def test_reactive_energy_of_a_utility_s_file_stands_beside_the_energy(site, tmp_path):
    file = csv(tmp_path, "kvarh", np.tile([30.0, 10.0], 48))
    run(site, "import", file, "--column", f"kvarh={MAIN}:reactive", "--values", "energy")
    assert days(site, MAIN, "reactive") == pytest.approx([480.0] * 4)


REFUSED = [
    pytest.param("m3", f"{WATER}", "no power or energy", id="a_channel_is_not_said"),
    pytest.param("kWh", f"{WATER}:water", "is in kwh, which is no volume or flow", id="energy_for_water"),
    pytest.param("m3", f"{ROOM}:room_temp", "is in m3, which is no temperature", id="a_volume_for_a_room"),
    pytest.param("kvar", f"{MAIN}:voltage_l1", "is in kvar, which is no voltage", id="power_for_volts"),
    pytest.param("value", f"{ROOM}:room_temp", "names no unit", id="no_unit"),
    pytest.param("m3", f"{WATER}:phlogiston", "there is no channel 'phlogiston'", id="no_such_channel"),
    pytest.param("kWh", f"{WATER}:import", "measures no electricity", id="import_of_a_water_meter"),
    pytest.param("m3", f"{BUILDING}.nothing:water", "there is no meter", id="no_such_meter"),
]


@pytest.mark.parametrize(("heading", "target", "why"), REFUSED)
def test_units_and_channels_that_do_not_fit_are_refused_with_a_remedy(site, tmp_path, heading, target, why):
    file = csv(tmp_path, heading, np.tile([1.5, 0.5], 48))
    values = () if "room" in target or "voltage" in target else ("--values", "energy")
    output = run(site, "import", file, "--column", f"{heading}={target}", *values, code=2)
    assert why in output
    assert "Nothing was imported yet." in run(site, "imports", "list")


def test_more_water_than_the_meter_lets_through_is_refused(site, tmp_path):
    file = csv(tmp_path, "m3", np.tile([150.0, 100.0], 48))
    output = run(site, "import", file, "--column", f"m3={WATER}:water", "--values", "energy", code=2)
    assert "beyond the 20 m3/h" in output


def test_a_mapping_saves_the_channel_and_columns_of_several_channels_are_imported_one_by_one(site, tmp_path):
    file = csv(tmp_path, "m3", np.tile([1.5, 0.5], 48))
    run(site, "import", file, "--column", f"m3={WATER}:water", "--values", "energy", "--save-mapping", "w", "--dry-run")
    run(site, "import", file, "--mapping", "w")
    assert days(site, WATER, "water") == pytest.approx([24.0] * 4)
    frame = pd.read_csv(file)
    frame["kvarh"] = frame["m3"]
    frame.to_csv(tmp_path / "both.csv", index=False)
    columns = ("--column", f"m3={WATER}:water", "--column", f"kvarh={MAIN}:reactive", "--values", "energy")
    assert "several channels" in run(site, "import", tmp_path / "both.csv", *columns, code=2)
