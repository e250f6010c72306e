"""A PV plant that runs, from readings in a real store to its record, its page and its command."""

import datetime as dt
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK, Period, epoch_us
from bkkenergy.errors import InputError
from bkkenergy.portfolio import MeterKind
from bkkenergy.portfolio.more import PvPlant
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.savings.gather import plant_drop
from bkkenergy.reports.savings.solar import solar_use
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.site import load_configuration
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.production import Plane, simulate
from bkkenergy.solar.weather import rows_at
from bkkenergy.usecases.plantwork import plant_work, work_record
from bkkenergy.usecases.uptodate import up_to_date
from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.sites import energy
from tests.web import make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
TODAY, DAYS, FAULT = dt.date(2026, 11, 24), 75, 60
OCTOBER = Period.month(2026, 10)
OFFICE = "district-bangkhen.office"
RECORDS = """
[[pv_plant]]
id = "roof-1"
building = "health.centre-1"
capacity_kwp = 50
meters = ["health.centre-1.main"]
commissioned = 2026-01-01
[[pv_plant]]
id = "roof-2"
building = "health.centre-1"
capacity_kwp = 10
[[pv_plant]]
id = "roof-3"
building = "education.headquarters"
capacity_kwp = 10
meters = ["education.headquarters.main"]
"""


def plant_site(tmp_path, *, has_station):
    """A plant of 100 kWp on two meters; one of them loses a quarter on the 61st day. 75 days of readings."""
    site, config = load_configuration(ROOT / "config"), load_solar(ROOT / "config")
    office = site.portfolio.buildings[OFFICE]
    names = [f"{OFFICE}.pv-a", f"{OFFICE}.pv-b"]
    new = [office.meters[0].model_copy(update={"id": name, "pv": True, "topic": name}) for name in names]
    station = office.meters[0].model_copy(update={"id": f"{OFFICE}.sky", "kind": MeterKind.WEATHER, "topic": "sky"})
    building = office.model_copy(update={"meters": (*office.meters, *new, *([station] if has_station else []))})
    first = TODAY - dt.timedelta(days=DAYS)
    plant = PvPlant(id="roof", building=OFFICE, capacity_kwp=100, meters=tuple(names), commissioned=first)
    portfolio = site.portfolio.model_copy(
        update={"buildings": site.portfolio.buildings | {OFFICE: building}, "pv_plants": {"roof": plant}}
    )
    typical = typical_year(config.climate)
    starts = pd.date_range(first, periods=DAYS * 24, freq="h", tz=BANGKOK)
    rows = rows_at(typical, starts)
    kw = simulate(typical, [Plane(10.0, 180.0, 100.0, 85.0)], config.losses).ac_kw[0][rows]
    half = np.stack([kw / 2, kw / 2 * np.where(np.arange(len(kw)) >= 24 * FAULT, 0.75, 1.0)])
    quarters = pd.date_range(first, periods=DAYS * 96 + 1, freq="15min", tz=BANGKOK)
    batches = [
        ReadingBatch(
            (name,), np.zeros(len(quarters), np.int64), epoch_us(quarters),
            {"energy_kwh": np.concatenate([[0.0], np.cumsum(np.repeat(part / 4, 4))])},
        )
        for name, part in zip(names, half, strict=True)
    ]  # fmt: skip
    if has_station:
        at = epoch_us(starts) + 1_800_000_000
        columns = {"ghi_wm2": typical.ghi_wm2[rows], "temp_air_c": typical.temp_air_c[rows]}
        batches.append(ReadingBatch((station.id,), np.zeros(len(at), np.int64), at, columns))
    return portfolio, plant, batches


@pytest.fixture(scope="module", params=[True, False], ids=["station", "no station"])
def work(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plant")
    portfolio, plant, batches = plant_site(folder, has_station=request.param)
    with energy(Settings(store=StoreSettings(path=folder / "readings.sqlite")), portfolio) as opened:
        for batch in batches:
            opened.store.commit(batch)
        site = up_to_date(opened.site)
        found = plant_work(site, plant, today=TODAY)
        drop = plant_drop(site, portfolio.buildings[OFFICE], TODAY - dt.timedelta(days=1))
        (solar,) = [one for one in solar_use(site, "district-bangkhen", OCTOBER) if one.building_id == OFFICE]
        later = plant_drop(site, portfolio.buildings[OFFICE], TODAY + dt.timedelta(days=90))
        none = plant_drop(site, portfolio.buildings["health.centre-1"], TODAY)
        with pytest.raises(InputError, match="no meter counts PV plant roof"):
            plant_work(opened.site, plant.model_copy(update={"meters": ()}), today=TODAY)
        with pytest.raises(InputError, match="There is nothing to judge yet"):
            plant_work(opened.site, plant.model_copy(update={"commissioned": TODAY}), today=TODAY)
    assert (later, none) == ({}, {})
    assert (solar.is_installed, solar.capacity_kwp) == (True, 100)
    assert solar.energy_kwh > 5000
    assert (drop["pv_drop_ratio"], drop["pv_drop_days"]) == (pytest.approx(0.25, abs=0.005), DAYS - FAULT)
    assert drop["pv_drop_kwh"] == pytest.approx(0.25 / 2 * 100 * 3.8 * 30.4, rel=0.15)  # 3.8 kWh a day for each kWp
    return found


def test_the_light_is_the_station_s_where_there_is_one(work):
    has_station = work.light == "station"
    assert (work.station is not None) == has_station
    assert work.witness == ("station" if has_station else "none")
    assert all((month.performance_ratio is not None) == has_station for month in work.months)
    if has_station:
        whole = [month for month in work.months if month.known_ratio > 0.99]
        assert all(0.6 < month.performance_ratio < month.pr_25c_ratio < 0.9 for month in whole)
        assert work.months[1].against_expected_ratio == pytest.approx(0.97, abs=0.01)  # unavailability is not expected


def test_a_fault_of_a_meter_is_found_without_any_light(work):
    (part,) = [drop for drop in work.drops if drop.kind == "part"]
    assert (part.meter, part.drop_ratio) == (f"{OFFICE}.pv-b", pytest.approx(0.25, abs=0.005))
    assert part.day == TODAY - dt.timedelta(days=DAYS - FAULT)
    wholes = [drop for drop in work.drops if drop.kind == "plant"]
    assert len(wholes) == (1 if work.light == "station" else 0)
    assert json.loads(json.dumps(work_record(work)))["drops"][0]["drop_ratio"] > 0.1


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = make_site(tmp_path_factory.mktemp("plants"))
    portfolio = made / "config/portfolio"
    portfolio.unlink()
    shutil.copytree(ROOT / "config/portfolio", portfolio)
    (portfolio / "more.toml").write_text(RECORDS)
    return made


def test_the_page_the_api_and_the_command_say_the_same(home):
    app = make_app(home)
    manager = signed_in(app, "manager-health")
    page = manager.get("/plants/roof-1")
    assert page.status_code == 200
    assert "IEC 61724-1" in page.text
    assert "/plants/roof-1" in manager.get("/buildings/health.centre-1").text
    record = manager.get("/api/v1/plants/roof-1").json()
    said = json.loads(bkkenergy("solar", "plant", "roof-1", "--json", "--config", home / "config"))
    assert [month["energy_kwh"] for month in record["months"]] == [month["energy_kwh"] for month in said["months"]]
    assert record["light"] == "typical"
    assert "roof-1" in bkkenergy("solar", "plant", "roof-1", "--lang", "en", "--config", home / "config")


def test_what_cannot_be_judged_says_why(home):
    manager = signed_in(make_app(home), "manager-health")
    assert "ไม่มีมิเตอร์นับระบบโซลาร์" in manager.get("/plants/roof-2").text
    assert manager.get("/api/v1/plants/roof-2").status_code == 422
    for of_another_agency in ("/plants/roof-3", "/api/v1/plants/roof-3"):
        assert manager.get(of_another_agency).status_code == 404
    assert signed_in(make_app(home), "admin").get("/plants/roof-3").status_code == 200
    assert manager.get("/plants/none").status_code == manager.get("/api/v1/plants/none").status_code == 404
    output = bkkenergy("solar", "plant", "none", "--config", home / "config", code=None)
    assert "PV plant none is not known. Use one of roof-1, roof-2, roof-3." in output
