"""`bkkenergy solar` as an engineer calls it, on the shipped configuration and on readings in a real store."""

import datetime as dt
import json
import sqlite3
import zipfile

import numpy as np
import pandas as pd
import pytest

import bkkenergy as bk
from bkkenergy.calendar import BANGKOK, epoch_us, past_year
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.solar.gather import design_inputs, measured_weather
from bkkenergy.reports.solar.tables import design_json
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.site import load_configuration
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.design import DesignRequest, design
from bkkenergy.solar.weather import rows_at
from bkkenergy.usecases.uptodate import up_to_date
from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.sites import energy


def solar(*args, config=ROOT / "config", ok=True):
    return bkkenergy("solar", *args, "--config", config, code=0 if ok else None)


@pytest.mark.browser
def test_estimate_writes_every_format(tmp_path):
    output = solar(
        "estimate",
        "district-bangkhen.office",
        "--kwp",
        "50",
        "--format",
        "html,pdf,json,csv,xlsx",
        "--lang",
        "th,en",
        "-o",
        str(tmp_path),
    )
    names = sorted(path.name for path in tmp_path.iterdir())
    stem = "solar_district-bangkhen.office"
    assert names == sorted(
        [f"{stem}.json"] + [f"{stem}.{lang}.{form}" for lang in ("th", "en") for form in ("html", "pdf", "csv", "xlsx")]
    )
    assert "คืนทุนใน" in output
    page = (tmp_path / f"{stem}.th.html").read_text()
    assert "ผังแผงบนหลังคา" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert (tmp_path / f"{stem}.th.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((tmp_path / f"{stem}.json").read_text())["schema"] == "bkkenergy.solar_design/1"


def test_estimate_shows_loan_sale_and_battery(tmp_path):
    terms = ["--export", "school-hospital", "--assume", "loan_share=0.7", "--assume", "tax_rate=0.2"]
    common = ["--kwp", "max", "--format", "html,json", "--lang", "en", "-o", str(tmp_path)]
    output = solar("estimate", "district-bangkhen.school-1", "--battery-kwh", "40", *terms, *common)
    for key in ("spread", "battery"):
        assert Words("en")(f"solar.warning_{key}_is_provisional") in output
    data = json.loads((tmp_path / "solar_district-bangkhen.school-1.json").read_text())
    assert set(data["ways"]) == {"own", "loan", "ppa", "esco"}
    assert (data["export_scheme"], data["export_thb"] > 0) == ("school-hospital", True)
    assert data["battery"]["saving_thb"] >= data["battery"]["surplus_saving_thb"]
    assert [case["name"] for case in data["prices"]] == ["low", "central", "high"]
    page = (tmp_path / "solar_district-bangkhen.school-1.en.html").read_text()
    simulated = Words("en")("report.simulated")
    for text in (
        "Direct purchase with a loan",
        "Tax of 20%",
        "sold at 1.00 THB/kWh",
        "Full cycles per year",
        simulated,
    ):
        assert text in page
    assert {source["key"] for source in data["sources"]} >= {"export", "battery", "quarter_hours"}


def test_the_library_designs_as_the_command_does(tmp_path):
    """On a typical load, which both bill by the twelve months before the day."""
    solar("estimate", "district-bangkhen.office", "--kwp", "max", "--format", "json", "-o", str(tmp_path))
    data = json.loads((tmp_path / "solar_district-bangkhen.office.json").read_text())
    portfolio = load_configuration(ROOT / "config").portfolio
    office = portfolio.buildings["district-bangkhen.office"]
    record = bk.design(
        list(office.roofs), schedule=portfolio.schedule_of(office), floor_m2=office.gross_floor_area_m2,
        building_type=str(office.type), calendar=portfolio.calendars[office.calendar], capacity_kwp="max", day=data["day"],
        latitude_deg=office.latitude_deg, longitude_deg=office.longitude_deg,
    ).record  # fmt: skip
    again = json.loads(design_json(record))
    assert {key: again[key] for key in again if key != "building"} == {
        key: data[key] for key in data if key != "building"
    }


def test_a_tender_pack_is_one_archive(tmp_path):
    output = solar("tender", "district-bangkhen.office", "--kwp", "50", "--no-pdf", "--lang", "en", "-o", str(tmp_path))
    (path,) = tmp_path.iterdir()
    assert path.name == "tender_district-bangkhen.office.zip"
    assert str(path) in output
    with zipfile.ZipFile(path) as pack:
        assert {"tender.en.html", "single_line.en.svg", "materials.en.csv", "sam_weather.csv"} <= set(pack.namelist())
        for name in ("tender.en.html", "design.en.html"):
            assert Words("en")("report.simulated") in pack.read(name).decode(), "the office is of the demonstration"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--export", "school-hospital"], "is not open to this building"),
        (["--export", "net"], "is not known. Use one of school-hospital"),
        (["--assume", "discount=0.1"], "assumption discount is not known"),
        (["--assume", "discount_rate=nan"], "cannot be nan"),
    ],
)
def test_terms_that_cannot_be_are_refused_before_anything_is_written(tmp_path, option, message):
    output = solar("estimate", "district-bangkhen.office", *option, "-o", str(tmp_path), ok=False)
    assert message in output
    assert list(tmp_path.iterdir()) == []


def test_size_compare_and_screen(tmp_path):
    assert "มูลค่าปัจจุบันสุทธิสูงสุด" in solar("size", "district-bangkhen.office")
    assert "best by net present value" in solar("size", "district-bangkhen.office", "--lang", "en")
    assert solar("compare", "district-bangkhen.office", "--kwp", "30", "--kwp", "60").count("mono-550") == 2
    output = solar("screen", "--agency", "health", "--format", "csv,html", "--lang", "en", "-o", str(tmp_path))
    assert "buildings could carry" in output
    assert Words("en")("report.simulated") in (tmp_path / "solar_screening.en.html").read_text(encoding="utf-8")
    assert len((tmp_path / "solar_screening.en.csv").read_text().splitlines()) >= 4


def test_weather_is_shown_and_checked():
    assert "GHI 1,808 kWh/m2 a year" in solar("weather", "show")
    assert "nothing to note in 8760" in solar("weather", "check")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("estimate", "nothing-here"), "is not in the portfolio"),
        (("estimate", "district-bangkhen.office", "--kwp", "many"), "is no size"),
        (("estimate", "district-bangkhen.office", "--weather", "sunny"), "is not known"),
        (("estimate", "district-bangkhen.office", "--weather", "nasa_power:2023..2019"), "nasa_power:2019..2023"),
        (("screen", "--agency", "nobody"), "has no buildings"),
        (("screen", "--dask", "tcp://127.0.0.1:1"), "no Dask scheduler answers"),
    ],
)
def test_what_cannot_be_done_says_why(args, message):
    assert message in solar(*args, ok=False)


def test_the_load_is_what_the_meters_measured(tmp_path):
    """A register of 40 kW by day and 10 kW by night over 60 days; the other months are filled by like days."""
    site, config = load_configuration(ROOT / "config"), load_solar(ROOT / "config")
    today = dt.date(2026, 11, 24)
    end = pd.Timestamp(past_year(today).end)
    at = pd.date_range(end - pd.Timedelta(days=60), end, freq="15min", tz=BANGKOK)
    power_kw = np.where((at.hour >= 8) & (at.hour < 16), 40.0, 10.0)
    register = 5000 + np.concatenate([[0], np.cumsum(power_kw[:-1] / 4)])
    meter = "district-bangkhen.office.main"
    with energy(Settings(store=StoreSettings(path=tmp_path / "readings.sqlite")), site.portfolio) as opened:
        opened.store.commit(ReadingBatch((meter,), np.zeros(len(at), np.int64), epoch_us(at), {"energy_kwh": register}))
        weather = typical_year(config.climate)
        office = site.portfolio.buildings["district-bangkhen.office"]
        found = design_inputs(up_to_date(opened.site), weather, office, DesignRequest(capacity_kwp=30), today=today)
    assert found.load.measured_ratio == pytest.approx(60 / 365, abs=0.001)
    assert found.load.total_kwh == pytest.approx(365 * (8 * 40 + 16 * 10), rel=0.001)
    made = design(found)
    assert made.self_consumption_ratio > 0.99
    assert made.warnings[0] == "load_is_partly_filled"


def test_a_station_on_the_roof_is_the_weather(tmp_path):
    """300 days of irradiance a tenth above the typical year's, in a store whose file is older than the station."""
    site, config = load_configuration(ROOT / "config"), load_solar(ROOT / "config")
    office = site.portfolio.buildings["district-bangkhen.office"]
    station = office.meters[0].model_copy(
        update={"id": f"{office.id}.sky", "kind": MeterKind.WEATHER, "topic": "a/b/sky"}
    )
    with sqlite3.connect(tmp_path / "readings.sqlite") as old:
        old.execute(
            "CREATE TABLE reading (meter INTEGER, ts_us INTEGER, energy_kwh REAL, PRIMARY KEY (meter, ts_us)) WITHOUT ROWID"
        )
    typical, today = typical_year(config.climate), dt.date(2026, 11, 24)
    starts = pd.date_range(past_year(today).start, periods=300 * 24, freq="h")
    ghi = typical.ghi_wm2[rows_at(typical, starts)] * 1.1
    at = epoch_us(starts) + 1_800_000_000
    columns = {"ghi_wm2": ghi, "temp_air_c": np.full(len(at), 30.0)}
    building = office.model_copy(update={"meters": (*office.meters, station)})
    portfolio = site.portfolio.model_copy(update={"buildings": site.portfolio.buildings | {office.id: building}})
    with energy(Settings(store=StoreSettings(path=tmp_path / "readings.sqlite")), portfolio) as opened:
        opened.store.commit(ReadingBatch((station.id,), np.zeros(len(at), np.int64), at, columns))
        measured = up_to_date(opened.site)
        found = measured_weather(measured, typical, building, today=today)
        with pytest.raises(InputError, match="has no weather station"):
            measured_weather(measured, typical, office, today=today)
    np.testing.assert_allclose(found.ghi_wm2[: len(ghi)], ghi)
    assert found.temp_air_c[100] == 30
    assert "82% measured" in found.provenance.source
    assert station.is_main is False
