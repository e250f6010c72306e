"""Records beside buildings and meters are shown where they are of use: plants, contacts, equipment, channels."""

from __future__ import annotations

import datetime as dt
import json
import shutil

import pytest

from bkkenergy.calendar import Period
from bkkenergy.cli.opening import opened_site
from bkkenergy.portfolio.belongings import contacts_of, mean_capacity_kwp
from bkkenergy.site import load_configuration
from bkkenergy.usecases.plants import plant_yields
from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.web import make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
BUILDING = "health.centre-1"
RECORDS = f"""
[[pv_plant]]
id = "roof-1"
building = "{BUILDING}"
capacity_kwp = 50
meters = ["{BUILDING}.main"]
commissioned = 2026-01-01
changes = [{{ from = 2026-07-01, capacity_kwp = 80 }}]
[[pv_plant]]
id = "roof-2"
building = "{BUILDING}"
capacity_kwp = 10
[[contact]]
id = "office"
agency = "health"
name = "Khun Malee"
phone = "02 123 4567"
[[contact]]
id = "nurse"
agency = "health"
building = "health.centre-2"
name = "Khun Somchai"
[[contact]]
id = "others"
agency = "education"
name = "Khun Prasert"
[[equipment]]
id = "chiller"
building = "{BUILDING}"
kind = "chiller"
name_th = "เครื่องทำน้ำเย็น"
name_en = "Chiller"
[[channel]]
meter = "{BUILDING}.main"
name = "steam"
unit = "kg"
[[channel]]
meter = "{BUILDING}.main"
name = "export"
unit = "Wh"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = make_site(tmp_path_factory.mktemp("belongings"))
    portfolio = made / "config/portfolio"
    portfolio.unlink()  # it leads to the product's own
    shutil.copytree(ROOT / "config/portfolio", portfolio)
    (portfolio / "more.toml").write_text(RECORDS)
    return made


@pytest.fixture(scope="module")
def manager(home):
    return signed_in(make_app(home), "manager-health")


@pytest.fixture(scope="module")
def portfolio(home):
    return load_configuration(home / "config").portfolio


def test_a_building_s_own_contact_is_asked_before_its_agency_s(portfolio):
    asked = [[one.id for one in contacts_of(portfolio, portfolio.buildings[f"health.centre-{n}"])] for n in (1, 2)]
    assert asked == [["office"], ["nurse"]]


def test_a_plant_that_grew_has_the_mean_capacity_of_the_days(portfolio):
    plant = portfolio.pv_plants["roof-1"]
    two_months = (dt.date(2026, 6, 1), dt.date(2026, 7, 31))
    assert mean_capacity_kwp(portfolio, plant, *two_months) == pytest.approx((30 * 50 + 31 * 80) / 61)
    around_new_year = (dt.date(2025, 12, 31), dt.date(2026, 1, 1))
    assert mean_capacity_kwp(portfolio, plant, *around_new_year) == 25.0


def test_a_plant_s_yield_is_its_meters_energy_by_its_capacity_where_enough_is_known(home):
    with opened_site(load_configuration(home / "config")) as site:
        days = Period.days(site.today - dt.timedelta(days=3), site.today - dt.timedelta(days=1))
        building = site.portfolio.buildings[BUILDING]
        first, second = plant_yields(site.energy, site.portfolio, building, days)
        assert first.energy_kwh > 0
        assert first.yield_kwh_per_kwp == pytest.approx(first.energy_kwh / 80)
        assert (second.energy_kwh, second.yield_kwh_per_kwp) == (None, None)
        long = Period.days(site.today - dt.timedelta(days=300), site.today - dt.timedelta(days=1))
        (unknown, _) = plant_yields(site.energy, site.portfolio, building, long)
        assert unknown.energy_kwh > 0
        assert unknown.yield_kwh_per_kwp is None


def test_plants_are_on_the_building_s_page_in_the_api_and_by_command(home, manager):
    page = manager.get(f"/buildings/{BUILDING}").text
    assert "roof-1: 80.0 กิโลวัตต์สูงสุด" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "ไม่มีมิเตอร์วัดพลังงานที่ผลิตได้" in page
    days = {"first": "2026-06-01", "last": "2026-06-02"}
    balance = manager.get(f"/api/v1/buildings/{BUILDING}/balance", params=days).json()
    assert "pv_not_metered" in balance["notes"]
    assert (balance["production"], balance["gross_use"]) == (None, None)
    plants = balance["pv_plants"]
    assert [(plant["plant"], plant["capacity_kwp"], plant["meters"]) for plant in plants] == [
        ("roof-1", 50.0, [f"{BUILDING}.main"]), ("roof-2", 10.0, []),
    ]  # fmt: skip
    said = bkkenergy(
        "energy", "balance", BUILDING, "--period", "yesterday", "--lang", "en", "--config", home / "config"
    )
    assert "roof-2: 10.0 kWp. No meter counts what it makes." in said


def test_who_to_ask_is_shown_where_a_meter_is_down_and_no_other_agency_s_person(home, manager):
    page = manager.get("/meters", params={"agency": "health"}).text
    assert 'Khun Malee · <a href="tel:021234567">02 123 4567</a>' in page
    assert "Khun Prasert" not in page
    rows = manager.get("/api/v1/meters", params={"agency": "health"}).json()["items"]
    assert {row["building"]: row["contacts"] for row in rows}["health.centre-2"] == ["Khun Somchai"]
    status = ("meters", "status", "health", "--config", home / "config")
    assert "To ask about meters that are down: Khun Malee" in bkkenergy(*status)
    listed, _ = json.JSONDecoder().raw_decode(bkkenergy(*status, "--json"))
    assert {row["meter_id"]: row["contacts"] for row in listed}[f"{BUILDING}.main"] == ["Khun Malee · 02 123 4567"]


def test_all_that_belongs_to_a_building_is_shown_on_a_day(home, manager):
    kinds = {"building", "meter", "roof", "pv_plant", "equipment", "channel", "contact"}
    rows = manager.get(f"/api/v1/portfolio/buildings/{BUILDING}").json()
    assert kinds <= {row["kind"] for row in rows}
    assert [row["key"] for row in rows if row["kind"] == "contact"] == ["office"]
    assert manager.get("/api/v1/portfolio/buildings/education.headquarters").status_code == 404
    said = bkkenergy("portfolio", "show", BUILDING, "--on", "2026-03-01", "--config", home / "config")
    assert "capacity_kwp 50.0" in said
    assert "equipment chiller" in said
    thai = bkkenergy("portfolio", "show", BUILDING, "--on", "2026-03-01", "--lang", "th", "--config", home / "config")
    assert "ประเภทอาคาร ศูนย์บริการสาธารณสุข" in thai, "choices have their names"
    assert "health_centre" not in thai
    assert "CT 1, " in thai, "numbers are as people type them"
    assert "หน่วยงาน สำนักอนามัย" in thai, "things have their names, as on pages"
    refused = bkkenergy("portfolio", "show", "health.none", "--config", home / "config", code=2)
    assert "there is no building 'health.none'" in refused


def test_check_says_which_channels_nothing_fills(home):
    said = bkkenergy("check", "--config", home / "config")
    assert f"{BUILDING}.main: the ledger fills no channel 'steam' yet" in said
    assert f"{BUILDING}.main: the ledger has channel 'export' in kWh, not in Wh" in said
