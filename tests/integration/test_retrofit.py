"""Projects found by a command, on a page and by the API: the same figures, none without its reason, proposed by one click."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from dataclasses import replace
from itertools import count

import docx
import numpy as np
import openpyxl
import pytest

import bkkenergy as bk
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.projects import project_of
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.cli.context import command_line
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.plan import Measured, Project
from bkkenergy.plan.promise import Promise, verdict_of
from bkkenergy.portfolio.more import Equipment
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.papers.html import paper_html
from bkkenergy.reports.plan.promises import PromiseBeside, promise_grid, together, verdict_text
from bkkenergy.reports.retrofit.proposal import proposal_paper
from bkkenergy.reports.retrofit.propose import id_of, project_of_finding, propose_finding
from bkkenergy.reports.retrofit.words import FIGURES
from bkkenergy.retrofits import doubled
from bkkenergy.savings.facts import Finding
from bkkenergy.site import load_configuration, open_site
from bkkenergy.site.open import open_writable
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.tomlfiles import validated
from bkkenergy.usecases.plan import enter_projects, move_project
from bkkenergy.web import pages_retrofit
from bkkenergy.web.pages_retrofit import city_surveys
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


def test_all_agencies_are_one_ranking_of_what_one_may_see(home, app, manager):
    mine = manager.get(f"/api/v1{PAGE}", params={"budget_thb": 300_000}).json()
    seen = manager.get("/api/v1/retrofit", params={"budget_thb": 300_000}).json()
    assert (seen["agencies"], seen["left"]) == ([AGENCY], [])
    assert [seen[name] for name in ("buildings", "chosen")] == [mine[name] for name in ("buildings", "chosen")]
    admin = signed_in(app, "admin")
    everything = admin.get("/api/v1/retrofit").json()
    assert set(everything["agencies"]) > {AGENCY}
    command_line_s = json.loads(command(home, "screen", "all", "--json"))
    assert sorted(one["building"] for one in everything["buildings"]) == sorted(
        one["building"] for one in command_line_s if one["building"] not in everything["without_inventory"]
    )
    page = admin.get("/retrofit", params={"lang": "en"}).text
    assert f'href="/agencies/{AGENCY}/retrofit"' in page
    assert 'class="rank"' in page


def test_agencies_that_are_not_surveyed_yet_are_said(app):
    """A survey of many buildings takes longer than a request may: the figures say what they rest on."""
    seen = city_surveys(app.state.here, [AGENCY, "education", "environment"], map(float, count(0, 15)).__next__)
    assert (list(seen.surveys), seen.left) == ([AGENCY], ("education", "environment"))


def test_a_page_of_a_part_says_so(app, monkeypatch):
    """Of what is not surveyed yet, and of measures beyond those that a page lists; sums are of all that are surveyed."""
    admin, asked = signed_in(app, "admin"), {"lang": "en", "budget": "9,000,000"}
    whole = admin.get("/retrofit", params=asked).text
    assert "attention-note" not in whole
    assert "are listed" not in whole
    monkeypatch.setattr(pages_retrofit, "MAX_ROWS", 2)
    cut = admin.get("/retrofit", params=asked).text
    assert re.search(r'class="headline">.*?</p>', cut)[0] == re.search(r'class="headline">.*?</p>', whole)[0]
    assert [f'<th scope="row">{rank}. ' in text for text in (whole, cut) for rank in (2, 3)] == [
        True,
        True,
        True,
        False,
    ]
    assert re.search(r"The first 2 of \d+ are listed", cut)
    of_agency = admin.get(PAGE, params={"lang": "en"}).text
    assert ('<th scope="row">3. ' in of_agency, "are listed" in of_agency) == (True, False), (
        "it has all, as the other says"
    )
    monkeypatch.setattr(pages_retrofit, "CITY_S", -1.0)
    nothing = admin.get("/retrofit", params=asked).text
    assert "Surveyed so far: 0 agencies" in nothing
    assert 'href="/retrofit?budget=9%2C000%2C000&amp;by=tco2e"' in nothing


def test_a_measure_is_proposed_by_one_click_with_how_it_will_be_shown(home, app, manager):
    (one, *_) = json.loads(command(home, "survey", BUILDING, "--json"))["candidates"]
    option = one["id"].partition(":")[2]
    sent = {"csrf": csrf_of(manager), "option": option}
    address = manager.post(f"/buildings/{BUILDING}/retrofit", data=sent).headers["location"]
    project = project_here(app, address.split("/")[2])
    assert (project.state, project.building, project.expected_kwh) == (
        "proposed", BUILDING, round(one["saved_kwh_a_year"]))  # fmt: skip
    promise = project.promise
    assert (promise.proof, promise.months) == (one["proof"]["option"], one["proof"]["months"])
    assert [promise.low_kwh, promise.high_kwh] == one["saved_kwh_interval_90"]
    assert [promise.cost_low_thb, promise.cost_high_thb] == one["cost_thb"]
    assert [figure.grade for figure in promise.figures] == [one["figures"][name]["grade"] for name in FIGURES]
    page = manager.get(address).text
    for value in (promise.kwh, promise.low_kwh, promise.npv_low_thb, promise.thb):
        assert f"{value:,.0f}" in page
    assert "IPMVP" in page
    assert manager.post(f"/buildings/{BUILDING}/retrofit", data=sent | {"option": "none:x"}).status_code == 422
    assert signed_in(app, "viewer-health").post(
        f"/buildings/{BUILDING}/retrofit", data={"option": option}
    ).status_code == 403  # fmt: skip
    assert "is proposed" in command(home, "propose", BUILDING, option)
    assert "no option" in command(home, "propose", BUILDING, "none:x", code=2)


def project_here(app, project_id):
    """A project of the plan, as it was entered last."""
    engine = open_state(app.state.here.opened.settings.state)
    try:
        return project_of(engine, project_id)
    finally:
        engine.dispose()


def test_a_proposal_is_one_document_in_every_format(home, app, manager, tmp_path):
    options = [
        one["id"].partition(":")[2] for one in json.loads(command(home, "survey", BUILDING, "--json"))["candidates"]
    ]
    sent = {"csrf": csrf_of(manager)}
    answers = [manager.post(f"/buildings/{BUILDING}/retrofit", data=sent | {"option": option}) for option in options]
    address = answers[0].headers["location"]
    project = project_here(app, address.split("/")[2])
    document = docx.Document(io.BytesIO(manager.get(f"{address}?form=docx").content))
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    for said in ("หลักการและเหตุผล", "สมมติฐาน", "แผนการตรวจวัดและพิสูจน์ผล", "ผู้เห็นชอบโครงการ", "ช่วงความเชื่อมั่น 90%"):
        assert said in text
    data = manager.get(f"/api/v1/plan/records/{project.id}/proposal").json()
    assert data["kind"] == "proposal"
    (figures,) = [block["figures"] for block in data["blocks"] if block["kind"] == "figures"]
    assert figures[0]["value"] == project.promise.kwh
    file = tmp_path / "proposal.docx"
    assert "proposal.docx" in bkkenergy(
        "plan", "proposal", project.id, file, "--config", home / "config", "--lang", "en"
    )
    assert "kWh" in "\n".join(paragraph.text for paragraph in docx.Document(file).paragraphs)
    wrong = ("plan", "proposal", project.id, tmp_path / "x.txt", "--config", home / "config")
    assert "docx" in bkkenergy(*wrong, code=2)

    package = tmp_path / "package.xlsx"
    said = command(home, "package", AGENCY, package)
    book = openpyxl.load_workbook(package, data_only=True)
    rows = [[cell.value for cell in row] for row in book["Saving and cost"].iter_rows()]
    kwh = {row[0]: row[1] for row in rows[1:] if isinstance(row[1], int | float)}
    total = kwh.pop("Total")
    assert len(kwh) == len(options) + 1, "those that were proposed, and one of the site's own"
    assert total == pytest.approx(sum(kwh.values()))
    assert "tCO2e" in said
    assert manager.get(f"/agencies/{AGENCY}/package").status_code == 200
    printed = manager.get(f"/agencies/{AGENCY}/package/pdf")
    assert (printed.headers["content-type"], printed.content[:5]) == ("application/pdf", b"%PDF-")
    assert manager.get(f"/api/v1/agencies/{AGENCY}/package").json()["kind"] == "package"
    assert "no proposal" in command(home, "package", "fire-rescue", package, code=2)


def test_a_promise_stays_and_a_decided_project_is_not_proposed_again(home, app, manager):
    option = json.loads(command(home, "survey", BUILDING, "--json"))["candidates"][-1]["id"].partition(":")[2]
    sent = {"csrf": csrf_of(manager), "option": option}
    address = manager.post(f"/buildings/{BUILDING}/retrofit", data=sent).headers["location"]
    before = project_here(app, address.split("/")[2])
    here = app.state.here
    by_hand = before.model_copy(update={"promise": None, "owner": "Malee"})
    enter_projects(here.opened.state, command_line(), [by_hand], here.clock())
    after = project_here(app, before.id)
    assert (after.owner, after.promise) == ("Malee", before.promise), "a workbook and a form have no promise"
    move_project(here.opened.state, command_line(), before.id, "endorsed", here.today, "", here.clock())
    again = manager.post(f"/buildings/{BUILDING}/retrofit", data=sent)
    assert (again.status_code, project_here(app, before.id).state) == (422, "endorsed")


def test_a_finding_becomes_a_proposal_by_one_click(app, home):
    admin = signed_in(app, "admin")
    page = admin.get(f"/buildings/{HOSPITAL}").text
    assert f"/buildings/{HOSPITAL}/findings/propose" in page
    sent = {"csrf": csrf_of(admin), "rule": "power_factor"}
    address = admin.post(f"/buildings/{HOSPITAL}/findings/propose", data=sent).headers["location"]
    promise = project_here(app, address.split("/")[2]).promise
    assert (promise.origin, promise.proof) == ("power_factor", "bill")
    assert promise.kvar in {95.0, 100.0}
    assert f"{promise.kvar:.0f} kvar" in admin.get(address).text
    assert admin.post(f"/buildings/{HOSPITAL}/findings/propose", data=sent | {"rule": "none"}).status_code == 404
    with open_site(load_configuration(home / "config")) as site:
        building = site.portfolio.buildings[BUILDING]
        overrun = Finding(
            BUILDING, "overrun", "warning", site.today, 200.0, 900.0, {"days": 3.0, "hours_a_day": 2.0, "hours": 2.0}
        )
        project = project_of_finding(site, building, overrun, site.today)
        assert (project.kind, project.expected_kwh, project.promise.thb) == ("schedule", 2400, 10_800.0)
        assert (project.promise.low_kwh, project.promise.cost_low_thb) == (None, None), "it was not surveyed"
        text = paper_html(proposal_paper(site, project, "th", now=site.clock())).decode()
        assert "ยังไม่ได้สำรวจ" in text
        one_day = replace(overrun, of_days=1)
        assert project_of_finding(site, building, one_day, site.today).expected_kwh == 0
        fault = replace(overrun, rule="meter_fault")
        with pytest.raises(InputError, match="meter_fault"):
            propose_finding(site, command_line(), building, fault, load_retrofit(home / "config"), site.clock())


def test_promises_stand_beside_what_is_measured(app, home):
    def beside(kwh, low, high, measured, half):
        names = {"agency": AGENCY, "kind": "led", "name_th": "ก", "name_en": "x", "due_year_be": 2570, "state": "done"}
        promise = Promise(made_on=dt.date(2026, 1, 1), kwh=kwh, low_kwh=low, high_kwh=high)
        project = Project(id=f"p-{kwh}-{measured}", expected_kwh=kwh, promise=promise, **names)
        verdict = verdict_of((low, high), measured, half)
        return PromiseBeside(project, low, high, Measured(measured, half, 100), verdict)

    rows = [beside(100, 90, 110, 95, 3), beside(100, 90, 110, 50, 4), beside(100, 90, 110, 150, 12)]
    assert [row.verdict for row in rows] == ["within", "below", "above"]
    sums = together(rows)
    assert (sums.promised_kwh, sums.measured_kwh, sums.half_width_kwh) == (300, 295, 13)
    for lang in LANGS:
        assert verdict_text(rows[1], Words(lang)) in {
            cell for row in promise_grid(rows, Words(lang)).rows for cell in row
        }
    admin = signed_in(app, "admin")
    assert admin.get("/plan/promises").status_code == 200
    answer = admin.get("/api/v1/plan/promises").json()
    assert answer["together"]["count"] == len(answer["projects"])
    assert json.loads(bkkenergy("plan", "promises", "--config", home / "config", "--json")) == answer["projects"]


def test_ids_of_projects_that_are_too_long_stay_different():
    long = "district-chatuchak-school-1-air-conditioners-of-the-third-floor"
    ids = {id_of("district-chatuchak.school-1", long, measure) for measure in ("efficient-split", "one-hour-less")}
    assert len(ids) == 2
    assert all(len(one) <= 64 for one in ids)


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
