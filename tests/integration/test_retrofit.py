"""Projects found by a command, on a page and by the API: the same figures, none without its reason, proposed by one click."""

from __future__ import annotations

import json
import re

import pytest

import bkkenergy as bk
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.projects import project_of
from bkkenergy.errors import InputError
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.site.retrofit_config import load_retrofit
from tests.commands import bkkenergy
from tests.web import csrf_of, make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BUILDING, AGENCY = "health.centre-1", "health"
PAGE = f"/agencies/{AGENCY}/retrofit"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("retrofit"), days=80)


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
