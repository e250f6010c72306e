"""A chiller, lamps and a whole building save beside one another: each by its own meters, and each kWh once."""

import datetime as dt
import io
import json
import shutil

import numpy as np
import pytest
from openpyxl import load_workbook

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state.baselines import Fitted, save_baseline
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import Period, epoch_us
from bkkenergy.i18n import LANGS, Words
from bkkenergy.plan import Project
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.budget import budget_sentences
from bkkenergy.reports.plan.phrasing import way_text
from bkkenergy.reports.plan.sheets import plan_workbook, read_workbook
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.savings.gather import fit_buildings, hours_of
from bkkenergy.reports.savings.phrasing import normal_year_text
from bkkenergy.reports.savings.plan import measured_savings, why_unmeasured
from bkkenergy.reports.write import make_report
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.bills import month_bills
from bkkenergy.usecases.uptodate import up_to_date
from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.planned import save_projects
from tests.unit.savings.generated import building
from tests.web import PASSWORD, form_of, make_app, signed_in

OFFICE = "district-bangkhen.office"
DONE = dt.date(2024, 10, 1)
BASE = Period.days(dt.date(2023, 10, 1), dt.date(2024, 9, 30))
AFTER = Period.days(DONE, dt.date(2025, 9, 30))
COP_BEFORE, COP_AFTER = 4.0, 6.0
COOLING = '\n[[building.meters]]\nid = "cooling"\nkind = "other"\nrated_kw = 2000\ninterval_s = 3600\n'
OTHERS_RATIO = 0.1


def project(name="chiller", **given):
    defaults = {
        "agency": "district-bangkhen", "building": OFFICE, "kind": "cooling", "name_th": "เครื่องทำน้ำเย็น",
        "name_en": "Chiller", "due_year_be": 2568, "expected_kwh": 50_000.0, "state": "done", "done_on": DONE,
        "option": "system", "system_meters": (f"{OFFICE}.aircon",),
    }  # fmt: skip
    return Project(id=name, **(defaults | given))


WHOLE = {"option": "whole", "system_meters": ()}
BY_COP = {"cooling_meter": f"{OFFICE}.cooling", "reference_efficiency": 4.0, "stipulated_half_ratio": 0.05}
LAMPS = {
    "kind": "led", "option": "parameter", "system_meters": (f"{OFFICE}.lighting",), "reference_efficiency": 60.0,
    "project_efficiency": 120.0, "stipulated_half_ratio": 0.1,
}  # fmt: skip


@pytest.fixture(scope="module")
def loads():
    """Two years of hours: cooling, and what chiller, lamps and the rest take; the project is done between the years."""
    others = building(0, noise=0.02, drift=0.0)
    starts = others.starts
    is_after = np.asarray(starts.date) >= DONE
    cooling = others.energy_kwh * 2
    chiller = cooling / np.where(is_after, COP_AFTER, COP_BEFORE)
    lamps = np.where(others.energy_kwh > 30, np.where(is_after, 10.0, 20.0), 0.0)
    return starts, is_after, {"cooling": cooling, "aircon": chiller, "lighting": lamps,
                              "main": others.energy_kwh + chiller + lamps}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory, loads):
    starts, _, energy = loads
    folder = tmp_path_factory.mktemp("systems")
    shutil.copytree(ROOT / "config", folder / "config")
    path = folder / "config/portfolio/buildings/district-bangkhen.toml"
    text = path.read_text()
    for name in ("main", "aircon", "lighting"):
        text = text.replace(f'id = "{name}"', f'id = "{name}"\ninterval_s = 3600', 1)
    head, mark, tail = text.partition('\n[[building.meters]]\nid = "aircon"')
    path.write_text(head + COOLING + mark + tail)
    store = SqliteStore(folder / "var/bkkenergy.sqlite")
    store.prepare()
    at = epoch_us(starts)
    edge = np.append(at, at[-1] + 3_600_000_000)
    for name, kwh in energy.items():
        column = "chilled_water_kwh" if name == "cooling" else "energy_kwh"
        register = {column: np.concatenate([[1000.0], 1000 + np.cumsum(kwh)])}
        store.commit(ReadingBatch((f"{OFFICE}.{name}",), np.zeros(len(edge), np.int64), edge, register))
    store.close()
    return folder


@pytest.fixture(scope="module")
def site(home):
    with open_site(load_configuration(home / "config")) as before:
        opened = up_to_date(before)
        office = opened.portfolio.buildings[OFFICE]
        ((_, baseline),) = fit_buildings(opened, [office], BASE)
        save_baseline(opened.state, Fitted(OFFICE, baseline), opened.clock())
        yield opened


@pytest.fixture(scope="module")
def truth(loads):
    """What chiller and lamps truly save in the year after [kWh]."""
    _, is_after, energy = loads
    cooling = energy["cooling"][is_after].sum()
    return {"chiller": cooling / COP_BEFORE - cooling / COP_AFTER, "lamps": energy["lighting"][is_after].sum()}


def measured(site, *projects):
    office = site.portfolio.buildings[OFFICE]
    return measured_savings(site, projects, {OFFICE: hours_of(site, office, AFTER)}, AFTER.last_day)


def test_a_chiller_saves_against_a_reference_cop_for_the_cooling_it_made(site, truth):
    one = measured(site, project(**BY_COP))["chiller"]
    assert one.kwh_a_year == pytest.approx(truth["chiller"], rel=0.001)
    assert one.way == "cop"
    assert one.facts["efficiency"] == pytest.approx(COP_AFTER, rel=0.001)
    assert one.half_width_kwh == pytest.approx(0.05 * truth["chiller"] * 3, rel=0.001)  # 5 % of the reference


def test_without_a_reference_the_cooling_of_the_year_before_is_one(site, truth):
    one = measured(site, project(cooling_meter=f"{OFFICE}.cooling"))["chiller"]
    assert (one.way, one.days) == ("cooling", 365)
    assert one.kwh_a_year == pytest.approx(truth["chiller"], rel=0.001)


def test_without_a_cooling_meter_the_system_has_a_baseline_of_its_own(site, truth):
    one = measured(site, project())["chiller"]
    assert one.way == "system"
    assert abs(one.kwh_a_year - truth["chiller"]) < one.half_width_kwh
    assert one.kwh_a_year == pytest.approx(truth["chiller"], rel=0.1)


def test_lamps_save_by_measured_energy_and_stipulated_efficiencies(site, truth):
    one = measured(site, project("lamps", **LAMPS))["lamps"]
    assert one.way == "efficiency"
    assert one.kwh_a_year == pytest.approx(truth["lamps"], rel=0.001)
    assert one.half_width_kwh == pytest.approx(0.1 * 2 * truth["lamps"], rel=0.001)


def test_power_that_was_measured_counts_for_the_hours_that_are_stipulated(site):
    given = {"option": "parameter", "system_meters": (), "before_kw": 20.0, "after_kw": 10.0, "hours_a_year": 2_000.0}
    one = measured(site, project("lamps", **given, stipulated_half_ratio=0.2))["lamps"]
    assert (one.way, one.kwh_a_year, one.half_width_kwh, one.days) == ("power", 20_000.0, 4_000.0, 365)


def test_a_kwh_counts_once_between_a_system_and_its_building(site, truth):
    alone = measured(site, project("habits", kind="behaviour", **WHOLE))["habits"]
    beside = measured(site, project("habits", kind="behaviour", **WHOLE), project(**BY_COP), project("lamps", **LAMPS))
    assert sum(one.kwh_a_year for one in beside.values()) == pytest.approx(alone.kwh_a_year)
    assert alone.kwh_a_year == pytest.approx(truth["chiller"] + truth["lamps"], rel=0.1)
    assert abs(beside["habits"].kwh_a_year) < OTHERS_RATIO * alone.kwh_a_year
    assert beside["habits"].half_width_kwh > alone.half_width_kwh


def test_a_system_that_saved_before_the_baseline_began_takes_nothing_from_the_building(site):
    early = project("early", **BY_COP, done_on=dt.date(2023, 10, 1))
    alone = measured(site, project("habits", **WHOLE))["habits"].kwh_a_year
    assert measured(site, project("habits", **WHOLE), early)["habits"].kwh_a_year == pytest.approx(alone)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"done_on": dt.date(2025, 9, 20)}, "28 days"),
        ({"done_on": dt.date(2023, 10, 5)}, "the system is known on 4 days"),
        ({"done_on": dt.date(2023, 10, 5), "cooling_meter": f"{OFFICE}.cooling"}, "0 blocks of 30 days"),
        ({"system_meters": (f"{OFFICE}.elsewhere",)}, "lacks a meter"),
        ({"building": ""}, "lacks a meter"),
    ],
)
def test_what_cannot_be_measured_says_why(site, given, why):
    one = project(**given)
    assert measured(site, one) == {}
    assert why in why_unmeasured(site, one, AFTER.last_day).said("en")
    assert why_unmeasured(site, one, AFTER.last_day).said("th") != why_unmeasured(site, one, AFTER.last_day).said("en")


def test_days_on_which_one_of_the_two_meters_is_not_known_do_not_count(site):
    """The cooling of a day without energy would be made by nothing."""
    one = measured(site, project(**BY_COP, done_on=dt.date(2025, 9, 1)))["chiller"]
    assert one.days == 30


def test_words_name_what_is_stipulated_in_both_languages(site):
    for given, stipulated in ((BY_COP, "5%"), (LAMPS, "10%")):
        one = measured(site, project("one", **given))["one"]
        assert stipulated in way_text(one, Words("en")).replace(" ", "")
        assert stipulated in way_text(one, Words("th")).replace(" ", "")
        assert "stipulated" in way_text(one, Words("en"))


def test_a_workbook_carries_the_option_and_its_meters(site, tmp_path):
    chiller = project(**BY_COP, method="TH_AM005", project_efficiency=6.2)
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_workbook([chiller, project("lamps", **LAMPS)], Words("th"), {}))
    assert [cell.value for cell in load_workbook(path).active[1]][-1]
    assert read_workbook(path, site.portfolio) == [chiller, project("lamps", **LAMPS)]


@pytest.fixture(scope="module")
def planned(site, home):
    save_projects(
        site.state,
        [project(**BY_COP, method="TH_AM005", project_efficiency=6.0), project("late", done_on=dt.date(2023, 10, 5))],
        site.clock(),
    )
    add_user(site.state, "malee", PASSWORD, "engineer", ["all"], site.clock())
    return home


def test_the_command_shows_how_a_project_is_measured(planned):
    shown = bkkenergy("plan", "show", "chiller", "--lang", "en", "--config", planned / "config")
    assert "option B" in shown
    assert "stipulated" in shown
    late = json.loads(bkkenergy("plan", "show", "late", "--json", "--config", planned / "config"))
    assert late["measured"] is None
    assert "the system is known on" in late["why"]


def test_a_sheet_of_the_mechanism_takes_meters_and_efficiencies_from_the_project(planned, tmp_path):
    args = ["--period", "2025-01", "--factor", "0.4", "--factor-source", "JC"]
    file = tmp_path / "ac.xlsx"
    bkkenergy("plan", "jcm", "TH_AM005", file, "--of", "chiller", *args, "--config", planned / "config")
    cells = [cell.value for row in load_workbook(file)["Calculation"].iter_rows() for cell in row]
    assert {4, 6} <= set(cells)
    refused = bkkenergy(
        "plan", "jcm", "TH_AM016", file, "--of", "chiller", *args, "--config", planned / "config", code=2
    )
    assert "TH_AM005" in refused


@pytest.fixture(scope="module")
def client(planned):
    browser = signed_in(make_app(planned), "malee")
    browser.base_url = "https://testserver"  # the shipped settings' cookies are secure
    return browser


def test_the_plan_s_page_and_the_api_say_how_and_why_not(client):
    page = client.get("/plan").text
    assert "ค่าฐานต้องมี" in page
    assert "/records/edit/project/chiller" in page
    chiller = client.get("/api/v1/plan/records/chiller/measured").json()
    assert (chiller["way"], chiller["option"]) == ("cop", "system")
    assert client.get("/api/v1/plan/records/late/measured").json()["kwh_a_year"] is None
    assert client.get("/api/v1/plan/records/none/measured").status_code == 404


def test_the_form_enters_an_option_and_names_what_it_lacks(client):
    form = client.get("/records/edit/project/late")
    sent = form_of(form.text, "/records/edit/project/late")
    sent |= {
        "f.option": "parameter",
        "f.before_kw": "20",
        "f.after_kw": "30",
        "f.hours_a_year": "2,000",
        "f.due_year_be": "2568",
    }
    refused = client.post("/records/edit/project/late", data=sent | {"why": "lamps"})
    assert "กำหนดเอง" in refused.text
    assert client.get("/api/v1/plan/records/late/measured").json()["option"] == "system"
    sent |= {"f.after_kw": "10", "f.stipulated_half_ratio": "0.2", "why": "lamps"}
    assert client.post("/records/edit/project/late", data=sent).status_code == 303
    assert client.get("/api/v1/plan/records/late/measured").json()["kwh_a_year"] == 20_000


# -- in baht, and under typical weather --------------------------------------------------------------------------------

SPAN = f"{AFTER.first_day}..{AFTER.last_day}"
DAY_AFTER = dt.datetime(2025, 10, 1, 3, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def later(planned):
    """A browser on the first day after the year, of a person who may see the office."""
    browser = signed_in(make_app(planned, lambda: DAY_AFTER), "malee")
    browser.base_url = "https://testserver"
    return browser


def test_baht_are_of_the_saving_that_the_other_command_judges(planned):
    config = planned / "config"
    (judged,) = json.loads(bkkenergy("baseline", "check", OFFICE, "--period", SPAN, "--json", "--config", config))[
        "buildings"
    ]
    worth = json.loads(bkkenergy("savings", "worth", OFFICE, "--period", SPAN, "--json", "--config", config))["worth"]
    saved_kwh = judged["baseline_kwh"] - judged["actual_kwh"]
    assert worth["on_peak_kwh"] + worth["off_peak_kwh"] == pytest.approx(saved_kwh)
    assert 3 * saved_kwh < worth["energy_thb"] < 6 * saved_kwh
    assert 0 < worth["demand_thb"] < worth["half_demand_thb"]
    shown = bkkenergy("savings", "worth", OFFICE, "--period", SPAN, "--lang", "en", "--config", config)
    assert "no saving can be shown yet" in shown, "the verdict comes first"
    assert "from the peaks of 12 months" in shown
    assert "within what peaks change by themselves" in shown


def test_a_period_without_data_has_no_baht_but_the_reason(planned):
    args = ("savings", "worth", OFFICE, "--period", "2026-05", "--config", planned / "config")
    empty = json.loads(bkkenergy(*args, "--json"))
    assert (empty["worth"], bool(empty["why"])) == (None, True)
    assert empty["why"] in bkkenergy(*args, "--lang", "en", code=2).replace("\n", " ")


def test_a_year_under_typical_weather_is_near_the_year_as_it_was(planned):
    """The year of these buildings is a typical one, and no station has measured it."""
    args = ("savings", "normal", OFFICE, "--until", f"{AFTER.last_day}", "--config", planned / "config")
    normal = json.loads(bkkenergy(*args, "--json"))["normal"]
    assert normal["verdict"] == "unclear"
    assert 0.1 < normal["saving_ratio"] < 0.3
    assert "typical weather" in bkkenergy(*args, "--lang", "en")
    early = json.loads(bkkenergy(*args[:4], "2024-12-31", *args[5:], "--json"))
    assert "no baseline that ended before" in early["why"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_of_a_building_with_a_finished_project_says_its_year_under_typical_weather(planned, lang):
    args = ("savings", "normal", OFFICE, "--until", f"{AFTER.last_day}", "--config", planned / "config")
    normal = json.loads(bkkenergy(*args, "--json"))["normal"]
    with open_site(load_configuration(planned / "config")) as opened:
        report = make_report(up_to_date(opened), "district-bangkhen", Period.of("2025-09"), now=DAY_AFTER)
    (row,) = (row for row in report.savings if row.building_id == OFFICE)
    assert row.normal.saving_ratio == pytest.approx(normal["saving_ratio"])
    assert [one.building_id for one in report.savings if one.normal is not None] == [OFFICE]
    html = RENDERERS["html"](report, lang).decode().replace("\u00a0", " ")
    assert normal_year_text(row.normal, Words(lang)).replace("\u00a0", " ") in html


def test_the_page_and_the_api_say_the_same_baht(later):
    worth = later.get(f"/api/v1/buildings/{OFFICE}/worth").json()
    assert worth["first"] == "2024-10-01"
    assert worth["total_thb"] == pytest.approx(
        sum(month["energy_thb"] + month["demand_thb"] for month in worth["months"])
    )
    page = later.get(f"/buildings/{OFFICE}/worth").text
    assert f"{worth['energy_thb']:,.0f}" in page
    assert worth["normal"]["verdict"] == "unclear"
    assert f"/buildings/{OFFICE}/worth" in later.get(f"/buildings/{OFFICE}").text
    judged = later.get(f"/api/v1/buildings/{OFFICE}/savings").json()
    assert judged["verdict"] == worth["verdict"]
    assert worth["on_peak_kwh"] + worth["off_peak_kwh"] == pytest.approx(judged["baseline_kwh"] - judged["actual_kwh"])


def test_a_building_without_a_meter_or_a_baseline_says_so(later):
    nothing = later.get("/api/v1/buildings/health.centre-1/worth").json()
    assert (nothing["energy_thb"], nothing["normal"]) == (None, None)
    assert nothing["why"]
    assert later.get("/buildings/health.centre-1/worth").status_code == 200
    assert later.get("/buildings/none/worth").status_code == 404


# -- a year's budget ---------------------------------------------------------------------------------------------------

APRIL = "2025-04-30"


def budget_of(home, until=APRIL):
    args = ("savings", "budget", "district-bangkhen", "--until", until, "--config", home / "config")
    return json.loads(bkkenergy(*args, "--json"))["budget"]


def test_a_forecast_of_the_year_s_baht_holds_what_came(planned, site):
    """Five months are forecast from what is known in April; the bills of the whole year came later."""
    year = budget_of(planned)
    came = month_bills(site, site.portfolio.buildings[OFFICE], AFTER)
    known = [month["measured_thb"] for month in year["months"]]
    assert known == pytest.approx([bill.total_thb for bill in came[:7]] + [0.0] * 5)
    assert abs(year["total_thb"] - sum(bill.total_thb for bill in came)) < year["half_width_thb"]
    assert year["half_width_thb"] < 0.1 * year["total_thb"]
    assert (year["verdict"], year["budget_thb"]) == ("no_budget", None)
    assert year["building_count"] < year["all_count"], "the agency's other buildings have sent nothing"


def test_a_year_that_is_over_has_no_forecast_and_no_interval_left(planned, site):
    year = budget_of(planned, f"{AFTER.last_day}")
    assert (year["forecast_thb"], year["half_width_thb"]) == (0.0, 0.0)
    came = month_bills(site, site.portfolio.buildings[OFFICE], AFTER)
    assert year["total_thb"] == pytest.approx(sum(bill.total_thb for bill in came))


@pytest.fixture(scope="module")
def budgeted(planned, later):
    """The same site, whose agency may spend less than it will in the year that was judged."""
    path = planned / "config/portfolio/agencies.toml"
    text = path.read_text()
    head, mark, tail = text.partition('id = "district-bangkhen"\n')
    path.write_text(f"{head}{mark}budget_thb = 500000\nbudget_year_be = 2568\n{tail}")
    yield planned
    path.write_text(text)


def test_a_budget_counts_in_its_own_year_alone(budgeted):
    assert budget_of(budgeted)["verdict"] == "over"
    shown = bkkenergy(
        "savings", "budget", "district-bangkhen", "--until", APRIL, "--lang", "en", "--config", budgeted / "config"
    )
    assert "is not enough" in shown
    assert "buildings are in it" in shown
    assert budget_of(budgeted, "2024-09-30")["budget_thb"] is None


def test_the_year_s_page_and_its_api_show_the_budget(later):
    page = later.get("/agencies/district-bangkhen/year").text
    year = later.get("/api/v1/agencies/district-bangkhen/budget").json()
    assert f"{year['measured_thb']:,.0f}" in page
    assert 'id="budget"' in page
    assert later.get("/api/v1/agencies/none/budget").status_code == 404
    assert later.get("/api/v1/agencies/health/budget").json() is None, "nothing is known of it"


def test_the_report_of_the_agency_says_the_same_budget(budgeted):
    with open_site(load_configuration(budgeted / "config")) as opened:
        report = make_report(up_to_date(opened), "district-bangkhen", Period.of("2025-04"), now=DAY_AFTER)
    assert report.budget.measured_thb == pytest.approx(budget_of(budgeted)["measured_thb"])
    html = RENDERERS["html"](report, "en").decode().replace("\u00a0", " ")
    assert budget_sentences(report.budget, Words("en"))[0] in html
    sheet = load_workbook(io.BytesIO(RENDERERS["xlsx"](report, "en")))[Words("en")("path.sheet")]
    cells = [cell.value for row in sheet.iter_rows() for cell in row]
    assert report.budget.months[0].measured_thb in cells
    assert any(str(cell).startswith("Electricity budget") for cell in cells)
