"""Real meter data through the whole path; skipped where the data are not at hand."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT

DATA = ROOT.parent / "shared/data"
OFFICE = DATA / "bangkok-office-hourly.csv"
CAMBRIDGE = DATA / "cambridge-33-buildings-hourly.csv.gz"

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not OFFICE.exists(), reason=f"real meter data are not at {DATA}"),
]


def replayed(file, folder, *options: str) -> dict:
    """The JSON of the report that a replay over MQTT ends with: the last whole month."""
    command = [
        sys.executable,
        "-m",
        "bkkenergy",
        "demo",
        "--replay",
        str(file),
        "--exit",
        "--folder",
        str(folder),
        *options,
    ]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    (path,) = folder.glob("reports/replay/*.json")
    return json.loads(path.read_text())


def test_the_months_kwh_of_a_bangkok_office_is_the_files_own_sum(tmp_path):
    report = replayed(OFFICE, tmp_path)
    hours = pd.read_csv(OFFICE, parse_dates=["ts"], index_col="ts")
    june = hours.loc["2019-06-01":"2019-06-30", "power_kw"]
    assert (report["first_day"], report["last_day"]) == ("2019-06-01", "2019-06-30")
    assert report["total"]["energy_kwh"] == pytest.approx(june.sum(), rel=1e-9)
    assert report["total"]["peak_kw"] == pytest.approx(june.max(), rel=1e-6)
    assert report["total"]["coverage_ratio"] == 1.0


def test_the_month_of_33_buildings_is_the_files_own_sum_building_by_building(tmp_path):
    report = replayed(CAMBRIDGE, tmp_path, "--timezone", "UTC")
    hours = pd.read_csv(CAMBRIDGE, parse_dates=["datetime"], index_col="datetime").tz_localize("UTC")
    month = hours.tz_convert("Asia/Bangkok").loc[report["first_day"] : report["last_day"]]
    assert len(report["buildings"]) == 33
    for building in report["buildings"]:
        column = building["id"].split(".")[1]
        assert building["use"]["energy_kwh"] == pytest.approx(month[column].sum(), rel=1e-9, abs=1e-6)


def test_the_office_is_imported_by_column_with_the_same_sum(tmp_path, config_dir):
    site = tmp_path / "site/config"
    site.mkdir(parents=True)
    for name in CONFIG_PARTS:
        (site / name).symlink_to(config_dir / name)
    (site / "bkkenergy.toml").write_text("")
    meter = "drainage-sewerage.nongkhaem.main"
    bkkenergy("import", OFFICE, "--column", f"power_kw={meter}", "--config", site)
    asked = ("drainage-sewerage", "--period", "2018-11", "--format", "json", "-o", tmp_path, "--config", site)
    bkkenergy("report", *asked)
    found = json.loads((tmp_path / "drainage-sewerage/drainage-sewerage_2018-11.json").read_text())
    hours = pd.read_csv(OFFICE, parse_dates=["ts"], index_col="ts")
    assert found["total"]["energy_kwh"] == pytest.approx(hours.loc["2018-11", "power_kw"].sum(), rel=1e-9)
