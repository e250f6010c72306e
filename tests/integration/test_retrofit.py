"""Projects found by a command, on a page and by the API: the same figures, none without its reason, proposed by one click."""

from __future__ import annotations

import datetime as dt
import json
import re

import numpy as np
import pytest

import bkkenergy as bk
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.projects import project_of
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.errors import InputError
from bkkenergy.portfolio.more import Equipment
from bkkenergy.readings import ReadingBatch
from bkkenergy.retrofits import doubled
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.tomlfiles import validated
from tests.commands import bkkenergy
from tests.sites import make_jobs
from tests.web import csrf_of, make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BUILDING, AGENCY = "health.centre-1", "health"
HOSPITAL = "medical-service.klang"
PAGE = f"/agencies/{AGENCY}/retrofit"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return with_reactive_power(make_site(tmp_path_factory.mktemp("retrofit"), days=80))


def with_reactive_power(home):
    """Let a hospital take 300 kW and 270 kvar by day, which its meter counts."""
    today = dt.datetime.now(BANGKOK).date()
    period = Period.days(today - dt.timedelta(days=80), today)
    at_us = np.arange(timestamp_us(period.start), int(dt.datetime.now(dt.UTC).timestamp() * 1e6), 900_000_000)
    hour = (at_us / 3_600_000_000 + 7) % 24
    kw = np.where((hour > 8) & (hour < 17), 300.0, 100.0) * np.random.default_rng(1).uniform(0.9, 1.0, len(at_us))
    columns = {"energy_kwh": 1000 + np.cumsum(kw) / 4, "reactive_kvarh": 500 + np.cumsum(0.9 * kw) / 4}
    config = load_configuration(home / "config")
    store = open_writable(config.settings)
    store.commit(ReadingBatch((f"{HOSPITAL}.main",), np.zeros(len(at_us), np.int64), at_us, columns))
    store.close()
    make_jobs(config).bring_up()
    return home


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def manager(app):
    return signed_in(app, "manager-health")


def command(home, *arguments, **more):
    return bkkenergy("retrofit", *arguments, "--config", home / "config", "--lang", "en", **more)


def test_command_api_and_page_give_one_figure(home, manager):
    survey = json.loads(command(home, "survey", BUILDING, "--json"))
    answer = manager.get(f"/api/v1{PAGE}").json()
    (same,) = [one for one in answer["buildings"] if one["building"] == BUILDING]
    assert same == survey
    assert sum(one["kwh_a_year"] for one in survey["equipment"]) <= survey["kwh_a_year"]
    assert {one["measure"] for one in survey["candidates"]} == {"efficient-split", "led-tube", "one-hour-less"}
    text = manager.get(PAGE).text
    for one in survey["candidates"]:
        assert f"{one['saved_kwh_a_year']:,.0f}" in text
        assert one["saved_kwh_interval_90"][0] < one["saved_kwh_a_year"] < one["saved_kwh_interval_90"][1]
        assert one["is_provisional"]
        assert one["sources"]


def test_buildings_that_cannot_be_judged_are_said(home, manager):
    said = command(home, "screen", AGENCY)
    assert "health.centre-3: " in said, "it has an inventory and no readings"
    assert "not one building" in command(home, "survey", AGENCY, code=2)


def test_a_budget_is_kept_and_one_equipment_has_one_measure(home, manager):
    for by in ("tco2e", "npv"):
        said = json.loads(command(home, "optimise", AGENCY, "--budget", "300000", "--by", by, "--json"))
        asked = manager.get(f"/api/v1{PAGE}", params={"budget_thb": 300_000, "by": by}).json()["chosen"]
        assert asked == said["chosen"]
        assert 0 < said["cost_high_thb"] <= 300_000
        equipment = [(one["building"], one["equipment"]) for one in said["chosen"]]
        assert len(equipment) == len(set(equipment))
    assert manager.get(PAGE, params={"budget": "300,000"}).text.count("<tr>") == len(said["chosen"]) + 1
    refused = manager.get(PAGE, params={"budget": "ห้าแสน"})
    assert (refused.status_code, 'role="alert"' in refused.text) == (200, True)
    for wrong in ("-1", "nan", "1e400"):
        assert manager.get(f"/api/v1{PAGE}", params={"budget_thb": wrong}).status_code == 422


def test_a_measure_is_proposed_by_one_click_with_how_it_will_be_shown(home, app, manager):
    (one, *_) = json.loads(command(home, "survey", BUILDING, "--json"))["candidates"]
    option = one["id"].partition(":")[2]
    sent = {"csrf": csrf_of(manager), "option": option}
    assert manager.post(f"/buildings/{BUILDING}/retrofit", data=sent).headers["location"] == "/plan"
    engine = open_state(app.state.here.opened.settings.state)
    project = project_of(engine, re.sub(r"[:_]", "-", f"{BUILDING}.{one['equipment']}.{one['measure']}")[:64])
    engine.dispose()
    assert (project.state, project.building, project.expected_kwh) == (
        "proposed", BUILDING, round(one["saved_kwh_a_year"]))  # fmt: skip
    assert one["proof"]["option"] in project.note
    assert manager.post(f"/buildings/{BUILDING}/retrofit", data=sent | {"option": "none:x"}).status_code == 422
    assert signed_in(app, "viewer-health").post(
        f"/buildings/{BUILDING}/retrofit", data={"option": option}
    ).status_code == 403  # fmt: skip
    assert "is proposed" in command(home, "propose", BUILDING, option)
    assert "no option" in command(home, "propose", BUILDING, "none:x", code=2)


def test_the_library_takes_a_table_and_refuses_what_it_does_not_know():
    office = bk.examples.office()["2024"]
    rows = [
        {
            "id": "ac",
            "kind": "split_air_conditioner",
            "count": 4,
            "cooling_btu_h": 24_000,
            "seer_btu_h_per_w": 9.6,
            "hours": 8,
        },
        {"id": "lamps", "kind": "lighting", "count": 60, "rated_kw": 0.045, "hours": 9},
    ]
    table = bk.retrofit(office, rows, schedule="mea-3-2-lv")
    assert table["thb_per_tco2e"].is_monotonic_increasing
    assert set(table["equipment"]) == {"ac", "lamps"}
    assert table["saved_kwh"].sum() < office.sum() / len(office) * 8760
    for wrong in ({"id": "x"}, {"id": "x", "kind": "pump", "watts": 5}):
        with pytest.raises(InputError, match="each row"):
            bk.retrofit(office, [wrong], schedule="mea-3-2-lv")


def test_capacitors_are_sized_from_the_ledger_s_kvar_though_there_is_no_inventory(app, home):
    admin = signed_in(app, "admin")
    address = "/agencies/medical-service/retrofit"
    (survey,) = [one for one in admin.get(f"/api/v1{address}").json()["buildings"] if one["building"] == HOSPITAL]
    (bank,) = [one for one in survey["candidates"] if one["measure"] == "capacitor-bank"]
    sized = bank["capacitors"]
    assert sized["size_kvar"] in {95.0, 100.0}, "270 - 0.57 * 300 = 99, less by chance"
    low, high = bank["saved_thb_interval_90"]
    assert low <= bank["saved_thb_a_year"] <= high
    assert bank["saved_thb_a_year"] == pytest.approx(84 * 56.07 * 1.07 * 12, rel=0.05)
    assert (bank["saved_kwh_a_year"], bank["tco2e_a_year"], bank["abatement_thb_per_tco2e"]) == (0, 0, None)
    assert bank["proof"] == {"option": "bill", "months": 1}
    assert {name: figure["grade"] for name, figure in bank["figures"].items()} == {
        "price": "M", "life": "S", "performance": "M",
    }  # fmt: skip
    assert f"{sized['size_kvar']:.0f} kvar*" in admin.get(address).text
    said = command(home, "survey", HOSPITAL)
    assert "of the charge for reactive power" in said


def test_the_building_code_is_named_where_it_applies_with_its_source(manager, app):
    page = manager.get(PAGE).text
    assert "BEC" in page
    assert "enviliance.com" in page
    assert "ไม่ใช่ผลการตรวจประเมิน" in page
    code = load_retrofit(packaged_config_dir()).building_code
    for building in app.state.here.portfolio.buildings_of(AGENCY):
        is_large = building.gross_floor_area_m2 >= 2000
        assert code.concerns(building) == (is_large and building.type in code.types)


@pytest.mark.parametrize(
    ("fields", "where", "said"),
    [
        ({"kind": "lighting", "rated_kw": 36}, "rated_kw", "36 W is 0.036"),
        ({"kind": "split_air_conditioner", "cooling_btu_h": -12_000}, "cooling_btu_h", "greater than 0"),
        ({"kind": "split_air_conditioner", "cooling_btu_h": 12}, "cooling_btu_h", "12000, not 12"),
        ({"kind": "split_air_conditioner", "cooling_kw": 12_000}, "cooling_kw", "BTU/h in the other field"),
        ({"kind": "split_air_conditioner", "seer_btu_h_per_w": 0.5}, "seer_btu_h_per_w", "greater than 2"),
        ({"kind": "split_air_conditioner", "seer_btu_h_per_w": 400}, "seer_btu_h_per_w", "less than 60"),
        ({"kind": "lift", "count": 1_000_000_000}, "count", "100000"),
        ({"kind": "lift", "count": 0}, "count", "greater than or equal to 1"),
        ({"kind": "pump", "installed_year": 2560}, "installed_year", "Enter 2017"),
        ({"kind": "pump", "hours_a_day": 25}, "hours_a_day", "less than or equal to 24"),
        ({"kind": "pump", "rated_kw": float("nan")}, "rated_kw", ""),
        ({"kind": "chiller", "cooling_kw": 350, "rated_kw": 7}, "", "50 times the power"),
    ],
)
def test_odd_figures_of_equipment_are_refused_by_field_in_both_languages(fields, where, said):
    names = {"id": "x", "building": "health.centre-1", "name_th": "ก", "name_en": "x"}
    value, faults = validated(Equipment, names | fields, "row 2")
    assert value is None
    assert [fault.where for fault in faults] == [f"row 2.{where}" if where else "row 2"]
    assert said in f"{faults[0].what}. {faults[0].remedy}"
    assert re.search("[\u0e00-\u0e7f]", faults[0].said("th").what)


def test_what_is_entered_twice_is_said():
    lamps = {"building": "a.b", "kind": "lighting", "name_th": "ก", "name_en": "x", "count": 4, "room": "301"}
    one, same, other = (
        Equipment(id=f"e{number}", **lamps | {"room": room}) for number, room in enumerate(["301", "301", "302"])
    )
    assert doubled([one, same, other]) == (("e1", "e0"),)


def test_a_catalogue_says_every_fault_and_what_has_no_source(tmp_path):
    text = (packaged_config_dir() / "retrofit.toml").read_text()
    shipped = load_retrofit(tmp_path)  # a site without one has the shipped one
    assert {measure.id for measure in shipped.measures if measure.is_provisional} == {
        one.id for one in shipped.measures
    }
    (tmp_path / "retrofit.toml").write_text(
        text.replace("high_thb = 5270", "high_thb = 10").replace("discount_ratio = 0.05", "discount_ratio = 5")
    )
    with pytest.raises(bk.ConfigError) as caught:
        load_retrofit(tmp_path)
    assert len(caught.value.faults) == 2
    for wrong, said in (("cop = 4.4\n", "needs cop"), ('kind = "other"\n', "duty"), ('id = "led-tube"', "twice")):
        changed = text.replace(
            wrong, 'id = "efficient-split"' if "led" in wrong else 'kind = "fan"\n' if "other" in wrong else ""
        )
        (tmp_path / "retrofit.toml").write_text(changed)
        with pytest.raises(bk.ConfigError, match=said):
            load_retrofit(tmp_path)
