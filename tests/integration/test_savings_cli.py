"""Baselines, bills, findings and indices as a person calls them, on readings in a real store."""

import csv
import datetime as dt
import json
import os
import pwd
import re
import shutil

import numpy as np
import pytest
from sqlalchemy import select, update

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.tables import baseline
from bkkenergy.adapters.state.users import add_user, users
from bkkenergy.calendar import BANGKOK, epoch_us
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.plan import Project
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.savings import gather
from bkkenergy.reports.solar import gather as solar_gather
from bkkenergy.settings import StateSettings
from bkkenergy.site import load_configuration
from bkkenergy.site.open import opened_state
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.weather import rows_at
from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.planned import save_projects
from tests.sites import postgresql_database
from tests.unit.savings.generated import building
from tests.web import PASSWORD, make_app, signed_in

OFFICES = ("district-bangkhen.office", "district-chatuchak.office")
STATION = '\n[[building.meters]]\nid = "sky"\nkind = "weather"\nrated_kw = 1\ntopic = "bma/district-bangkhen/office/sky/readings"\n'
PV = '\n[[building.meters]]\nid = "solar"\npv = true\nrated_kw = 120\ninterval_s = 3600\n'
BASE, AFTER = "2023-10-01..2024-09-30", "2024-10-01..2025-08-31"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A copy of the configuration with a weather station, and two years of two offices; the first saves 35 %."""
    home = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "config", home / "config")
    path = home / "config/portfolio/buildings/district-bangkhen.toml"
    text = path.read_text().replace(
        "area_m2 = 1485, tilt_deg = 5", "area_m2 = 1485, installed_kwp = 100, tilt_deg = 5", 1
    )
    head, mark, tail = text.partition('\n[[building.meters]]\nid = "aircon"')
    path.write_text(head + STATION + PV + mark + tail)
    (home / "config/adjustments.toml").write_text(
        '[[adjustment]]\nbuilding = "district-chatuchak.office"\nfirst = 2025-01-01\nlast = 2025-01-31\nkwh_a_day = 100.0\n'
        'reason = "Evening service"\nentered_by = "Somsri"\nentered = 2025-02-01\n'
    )
    for name in OFFICES:  # their readings come by the hour
        file = home / f"config/portfolio/buildings/{name.partition('.')[0]}.toml"
        file.write_text(file.read_text().replace('id = "main"', 'id = "main"\ninterval_s = 3600', 1))
    store = SqliteStore(home / "var/bkkenergy.sqlite")
    store.prepare()
    for number, name in enumerate(OFFICES):
        series = building(number, noise=0.02, drift=0.0, saving=0.35 if number == 0 else 0.0)
        energy = series.energy_kwh.copy()
        if number == 1:
            energy[-7 * 24 :] += np.where(series.starts.hour[-7 * 24 :] < 6, 10.0, 0.0)
        at = epoch_us(series.starts)
        edge = np.append(at, at[-1] + 3_600_000_000)
        typical = typical_year(load_solar(ROOT / "config").climate)
        ghi = typical.ghi_wm2[rows_at(typical, series.starts)]
        made = ghi / 1000 * 100 * 0.5 if number == 0 else np.zeros(len(at))  # a third below what it should make
        bought, sold = np.clip(energy - made, 0, None), np.clip(made - energy, 0, None)
        registers = {"energy_kwh": np.concatenate([[1000.0], 1000 + np.cumsum(bought)])}
        if number == 0:
            registers["export_kwh"] = np.concatenate([[0.0], np.cumsum(sold)])
        store.commit(ReadingBatch((f"{name}.main",), np.zeros(len(edge), np.int64), edge, registers))
        if number == 1:  # 0.8 lagging: 0.75 kvar for each kW, where 0.6197 is free
            late = {"power_factor": np.full(40 * 24, 0.8)}
            store.commit(ReadingBatch((f"{name}.main",), np.zeros(40 * 24, np.int64), edge[-40 * 24 :], late))
        if number == 0:
            pv = np.concatenate([[0.0], np.cumsum(made)])
            store.commit(ReadingBatch((f"{name}.solar",), np.zeros(len(edge), np.int64), edge, {"energy_kwh": pv}))
            sky = {"temp_air_c": series.temp_c, "ghi_wm2": ghi}
            store.commit(ReadingBatch((f"{name}.sky",), np.zeros(len(at), np.int64), at + 1_800_000_000, sky))
    store.close()
    return home


def run(site, *args, ok=True):
    return bkkenergy(*args, "--config", site / "config", code=0 if ok else None)


def models(site, office) -> list[str]:
    """The office's baselines as they are stored."""
    with opened_state(load_configuration(site / "config").settings) as state, state.connect() as connection:
        return list(connection.execute(select(baseline.c.model).where(baseline.c.building == office)).scalars())


def bend(site, office, text: str) -> None:
    with opened_state(load_configuration(site / "config").settings) as state, state.begin() as connection:
        connection.execute(update(baseline).where(baseline.c.building == office).values(model=text))


@pytest.fixture(scope="module")
def fitted(site):
    for office in OFFICES:
        output = run(site, "baseline", "fit", office, "--period", BASE, "--lang", "en")
        assert "366 valid days" in output
    return site


def test_a_baseline_is_kept_shown_and_the_same_again(fitted):
    (before,) = models(fitted, OFFICES[0])
    assert json.loads(before)["form"] in ("daily", "hourly")
    run(fitted, "baseline", "fit", OFFICES[0], "--period", BASE)
    assert models(fitted, OFFICES[0]) == [before]
    shown = run(fitted, "baseline", "show", OFFICES[1])
    assert "1 ตุลาคม 2566" in shown
    assert "Evening service (Somsri บันทึกเมื่อ 1 กุมภาพันธ์ 2568)" in shown


def test_a_cluster_fits_the_same_baseline(fitted):
    """A real Dask scheduler with a worker process."""
    from distributed import LocalCluster

    alone = models(fitted, OFFICES[0])
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as cluster:
        run(fitted, "baseline", "fit", OFFICES[0], "--period", BASE, "--dask", cluster.scheduler_address)
    assert models(fitted, OFFICES[0]) == alone


@pytest.mark.postgres
def test_a_cluster_whose_workers_reach_the_databases_reads_for_itself(fitted, tmp_path, postgres, monkeypatch):
    """This process reads nothing: what its reader gives is no energy."""
    from distributed import LocalCluster

    shutil.copytree(fitted / "config", tmp_path / "config")
    (tmp_path / "var").mkdir()
    shutil.copy(fitted / "var/bkkenergy.sqlite", tmp_path / "var")
    monkeypatch.setenv("BKKENERGY_STATE_URL", postgresql_database(postgres.port).get_secret_value())
    run(tmp_path, "migrate", "--to", "postgresql")
    settings = tmp_path / "config/bkkenergy.toml"
    settings.write_text(settings.read_text().replace('kind = "sqlite"', 'kind = "postgresql"', 1))
    screen = ("solar", "screen", "--agency", "district-bangkhen", "--format", "csv", "--lang", "en", "--output")
    run(fitted, *screen, tmp_path / "alone")
    monkeypatch.setattr(gather, "hours_of", no_reading)
    monkeypatch.setattr(solar_gather, "year_load", no_reading)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as cluster:
        run(tmp_path, "baseline", "fit", OFFICES[0], "--period", BASE, "--dask", cluster.scheduler_address)
        run(tmp_path, *screen, tmp_path / "spread", "--dask", cluster.scheduler_address)
    assert models(tmp_path, OFFICES[0]) == models(fitted, OFFICES[0])
    (spread,), (alone,) = ([path.read_text() for path in (tmp_path / name).iterdir()] for name in ("spread", "alone"))
    assert spread == alone
    assert "read here" in run(tmp_path, "baseline", "fit", OFFICES[0], "--period", BASE, ok=False)


def no_reading(*_asked):
    raise InputError("read here")


def test_savings_are_judged_with_their_band(fitted):
    data = json.loads(run(fitted, "baseline", "check", OFFICES[0], "--period", AFTER, "--json"))
    (own,) = data["buildings"]
    assert own["saving_ratio"] == pytest.approx(0.35, abs=0.015)
    assert own["verdict"] == "proven"
    other = json.loads(run(fitted, "baseline", "check", OFFICES[1], "--period", "2025-01", "--json"))["buildings"][0]
    assert other["adjustment_kwh"] == pytest.approx(3100)
    output = run(fitted, "baseline", "check", "district-bangkhen", "--period", AFTER, "--lang", "en")
    assert "statistically significant" in output
    assert "no baseline yet" in output
    inside = run(fitted, "baseline", "check", OFFICES[0], "--period", "2024-03")
    assert "ภายในช่วงของค่าฐาน" in inside


def test_a_month_beside_the_year_before_shows_what_was_saved_since(fitted):
    data = json.loads(run(fitted, "savings", "year", OFFICES[0], "--period", "2025-04", "--json"))
    (saving,) = data["buildings"]
    assert saving["change_ratio"] == pytest.approx(-0.35, abs=0.03)
    assert saving["verdict"] == "less"
    (other,) = json.loads(run(fitted, "savings", "year", OFFICES[1], "--period", "2025-04", "--json"))["buildings"]
    assert abs(other["change_ratio"]) < 0.03
    assert other["verdict"] == "unclear"
    text = run(fitted, "savings", "year", "district-bangkhen", "--period", "2025-04", "--lang", "en")
    assert "a fall beyond what buildings change by themselves" in text
    assert "no baseline yet" in text
    assert "ปีก่อนใช้" in run(fitted, "savings", "year", OFFICES[0], "--period", "2025-04")


def test_a_year_that_begins_before_any_data_is_said_to_be_without_a_year_before(fitted):
    assert "Nothing is known of the same days" in run(
        fitted, "savings", "year", OFFICES[1], "--period", "2024-09", "--lang", "en"
    )


def test_a_fiscal_year_is_measured_and_forecast_on_its_way_to_the_target(fitted):
    path = json.loads(run(fitted, "savings", "path", OFFICES[0], "--until", "2025-03-31", "--json"))["path"]
    assert (path["measured_days"], path["until"], path["verdict"]) == (182, "2025-03-31", "reached")
    assert path["energy_kwh"] == pytest.approx(path["measured_kwh"] + path["forecast_kwh"])
    assert [month["forecast_kwh"] > 0 for month in path["months"]] == [False] * 6 + [True] * 6
    assert path["energy_kwh"] == pytest.approx(0.65 * path["baseline_kwh"], rel=0.02)
    text = run(fitted, "savings", "path", OFFICES[0], "--until", "2025-03-31", "--lang", "en")
    assert "Measured up to 31 March 2025" in text
    assert "It will be reached if nothing changes" in text
    assert "คาดการณ์วันที่เหลือ" in run(fitted, "savings", "path", OFFICES[0], "--until", "2025-03-31")


def test_a_year_s_path_and_its_saving_are_one_figure(fitted):
    """The year is wholly measured: the path's use beside its baseline is the saving of the same days."""
    path = json.loads(run(fitted, "savings", "path", OFFICES[0], "--until", "2025-09-30", "--json"))["path"]
    asked = ("baseline", "check", OFFICES[0], "--period", "FY2568", "--json")
    (saving,) = json.loads(run(fitted, *asked))["buildings"]
    assert path["measured_kwh"] == pytest.approx(saving["actual_kwh"])
    assert path["baseline_kwh"] == pytest.approx(saving["baseline_kwh"])
    assert path["half_width_kwh"] == 0


def test_the_baseline_s_own_year_has_no_path(fitted):
    """It would be what it is compared with."""
    assert "begins within the baseline" in run(
        fitted, "savings", "path", OFFICES[0], "--until", "2024-09-30", "--lang", "en", ok=False
    )
    assert json.loads(run(fitted, "savings", "path", OFFICES[0], "--until", "2023-12-31", "--json"))["path"] is None


def test_what_could_be_shown_before_a_project_is_said_by_months(fitted):
    asked = ("savings", "power", OFFICES[1], "--start", "2024-11-01")
    known = json.loads(run(fitted, *asked, "--saving", "60%", "--json"))
    assert known["months"] == 1
    assert [row["months"] for row in known["rows"]] == list(range(1, 13))
    assert "could most often not be shown" in run(fitted, *asked, "--saving", "0.02", "--lang", "en")
    assert "จะแสดงได้อย่างมีนัยสำคัญ" in run(fitted, *asked)
    year_kwh = json.loads(run(fitted, *asked, "--kwh", "50000", "--json"))
    assert year_kwh["saving_ratio"] == pytest.approx(50000 / year_kwh["year_kwh"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--saving", "0"], "write a share between 0 and 1"),
        (["--saving", "150%"], "write a share between 0 and 1"),
        (["--saving", "nan"], "write a share between 0 and 1"),
        (["--saving", "สิบ"], "write a share between 0 and 1"),
        (["--saving", "10%", "--kwh", "100"], "Give one of them"),
        (["--start", "2040-01-01", "--lang", "en"], "too old to judge"),
        (["--start", "2024-09-30", "--lang", "en"], "begins within the baseline"),
        (["--start", "2024-10-01", "--kwh", "1e12", "--lang", "en"], "more than"),
    ],
)
def test_what_cannot_be_asked_before_a_project_is_refused(fitted, more, message):
    assert message in run(fitted, "savings", "power", OFFICES[1], *more, ok=False)


def test_the_sum_by_months_ends_at_the_saving_of_the_period(fitted):
    months = json.loads(run(fitted, "savings", "cusum", OFFICES[0], "--period", "FY2568", "--json"))["months"]
    (saving,) = json.loads(run(fitted, "baseline", "check", OFFICES[0], "--period", "FY2568", "--json"))["buildings"]
    assert len(months) == 12
    assert months[-1]["sum_kwh"] == pytest.approx(saving["saving_kwh"])
    assert "no baseline yet" in run(
        fitted, "savings", "cusum", "district-bangkhen.school-1", "--period", "FY2568", "--lang", "en", ok=False
    )


def test_a_path_of_buildings_without_baselines_says_why_there_is_none(fitted):
    assert "less than nine tenths" in run(
        fitted, "savings", "path", "health", "--until", "2025-03-31", "--lang", "en", ok=False
    )


def test_a_bill_is_shown_and_a_paper_bill_checked(fitted, tmp_path):
    shown = run(fitted, "bill", "show", OFFICES[0], "--period", "2025-03", "--lang", "en")
    assert "mea-3-2-mv" in shown
    assert "Demand" in shown
    total = float(shown.split("Total")[1].split("│")[2].replace(",", ""))
    paper = tmp_path / "bills.csv"

    def check(total_thb, kwh):
        with paper.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["month", "kwh", "service", "total"], ["2025-03", kwh, "312.24", total_thb]])
        return run(fitted, "bill", "check", "--building", OFFICES[0], "--file", str(paper), ok=total_thb == total)

    assert "same" in check(total, 1)
    assert "+500.00" in check(total + 500, 1)


def test_a_bill_of_which_days_are_missing_says_how_much_is_known(fitted):
    asked = ("bill", "show", OFFICES[0], "--period", "2023-09-01..2023-10-31")
    missing, whole = json.loads(run(fitted, *asked, "--json"))
    assert (missing["known_ratio"], whole["known_ratio"]) == (0.0, 1.0)
    assert run(fitted, *asked, "--lang", "en").count("What is missing counts as nothing") == 1
    assert "ทราบการใช้ไฟฟ้า 0.0% ของเวลา" in run(fitted, *asked)
    half = ("bill", "compare", OFFICES[0], "--period", "2023-09-01..2023-10-31")
    assert json.loads(run(fitted, *half, "--json"))["known_ratio"] == pytest.approx(31 / 61)
    assert "known of 50.8%" in run(fitted, *half, "--lang", "en")


def test_other_schedules_are_compared(fitted):
    output = run(fitted, "bill", "compare", OFFICES[0], "--period", "2025-01-01..2025-03-31", "--lang", "en")
    assert "3.2 medium general TOU, 12-24 kV *" in output
    assert "3.1 medium general" not in output  # it stays with who has it


def test_findings_speak_both_languages_and_are_dismissed_with_a_line_in_the_audit_log(fitted):
    args = ("insights", OFFICES[1], "--until", "2025-09-30")
    output = run(fitted, *args, "--lang", "en")
    assert "Night-time use has risen" in output
    assert "THB per month" in output
    assert "กลางคืนใช้ไฟฟ้ามากกว่าเดิม" in run(fitted, *args)
    rules = [row["rule"] for row in json.loads(run(fitted, *args, "--json"))]
    assert "baseload_rise" in rules
    factor = next(row for row in json.loads(run(fitted, *args, "--json")) if row["rule"] == "power_factor")
    assert factor["evidence"]["kvar_per_kw"] == pytest.approx(0.75, abs=0.01)
    assert factor["cost_thb_a_month"] > 0
    run(fitted, *args, "--dismiss", "baseload_rise")
    assert "baseload_rise" not in [row["rule"] for row in json.loads(run(fitted, *args, "--json"))]
    assert "needs one building with a finding" in run(fitted, *args, "--dismiss", "nothing", ok=False)
    lines = audit_lines(open_state(StateSettings(path=fitted / "var/state.sqlite")))
    (line,) = (entry for entry in lines if not entry["action"].startswith("baseline"))
    assert (line["action"], line["target"], line["detail"]["rule"]) == ("dismiss", OFFICES[1], "baseload_rise")
    assert line["actor"] == f"cli:{pwd.getpwuid(os.getuid()).pw_name}"


def test_the_parts_of_a_year_are_an_estimate_that_adds_up(fitted):
    data = json.loads(run(fitted, "savings", "parts", OFFICES[1], "--period", "FY2567", "--json"))
    assert [part["part"] for part in data["parts"]] == ["base", "weather", "occupied"]
    assert sum(part["ratio"] for part in data["parts"]) == pytest.approx(1.0)
    assert "โหลดพื้นฐาน" in run(fitted, "savings", "parts", OFFICES[1], "--period", "FY2567")
    asked = ("savings", "parts", OFFICES[1], "--period", "2024-03", "--lang", "en")
    assert "The parts of a use need 60" in run(fitted, *asked, ok=False)
    browser = browser_of(fitted, dt.datetime(2024, 10, 2, 9, tzinfo=BANGKOK))
    row = browser.get(f"/api/v1/buildings/{OFFICES[1]}/parts").json()
    assert row["parts"] == data["parts"]
    assert "What the use of twelve months is made of" in browser.get(f"/buildings/{OFFICES[1]}?lang=en").text
    assert browser.get("/api/v1/buildings/health.centre-1/parts").json()["parts"] == []


def test_a_long_holiday_is_announced_the_day_before(fitted):
    """Songkran of 2025 begins with the weekend of 12 April."""
    asked = ("insights", OFFICES[1], "--until", "2025-04-10")
    (found,) = [row for row in json.loads(run(fitted, *asked, "--json")) if row["rule"] == "holiday_ahead"]
    assert (found["since"], found["evidence"]["days"], found["of_days"]) == ("2025-04-12", 5, 0)
    assert len(found["days"]) == found["evidence"]["last_days"]
    assert "It begins on 12 April 2025" in run(fitted, *asked, "--lang", "en")
    assert "วันหยุดยาวกำลังจะมาถึง" in run(fitted, *asked)
    browser = browser_of(fitted, dt.datetime(2025, 4, 11, 8, tzinfo=BANGKOK))
    (row,) = [
        row for row in browser.get(f"/api/v1/buildings/{OFFICES[1]}/insights").json() if row["rule"] == "holiday_ahead"
    ]
    assert row["days"] == found["days"]
    page = browser.get(f"/buildings/{OFFICES[1]}?lang=en").text
    assert "A long holiday is ahead" in page
    assert f"?first={found['days'][0]}&amp;last={found['days'][0]}" in page


def test_pv_that_falls_short_of_its_estimate_is_told_and_no_part_of_the_load(fitted):
    data = json.loads(run(fitted, "insights", OFFICES[0], "--until", "2025-09-30", "--json"))
    shortfall = {row["rule"]: row for row in data}["pv_shortfall"]
    assert shortfall["evidence"]["short_ratio"] == pytest.approx(1 - 0.5 / 0.776, abs=0.05)
    rows = json.loads(run(fitted, "index", OFFICES[0], "--period", "2025-09", "--json"))
    assert rows[0]["energy_kwh"] < 22_000  # with the PV it would be 27,000


def test_buildings_are_ranked_among_their_type(fitted):
    rows = json.loads(run(fitted, "index", "all", "--period", "2024-10-01..2025-09-30", "--json"))
    ranked = {row["building"]: row for row in rows if row["rank"] is not None}
    assert ranked.keys() == set(OFFICES)
    assert {row["peers"] for row in ranked.values()} == {2}
    assert ranked[OFFICES[0]]["standing"] == "unknown"  # what is installed is not entered
    for lang, said in (
        ("th", ("หน่วย/ตร.ม.", "สำนักงานเขต", "30 กันยายน 2568")),
        ("en", ("kWh/m2", "District office", "unknown")),
    ):
        shown = run(fitted, "index", "district-bangkhen", "--period", "2024-10-01..2025-09-30", "--lang", lang)
        assert all(text in shown for text in said)


def test_what_cannot_be_fitted_says_why(fitted):
    assert "only 0 valid days" in run(fitted, "baseline", "fit", "health", "--period", BASE, ok=False)
    assert "is not understood" in run(fitted, "baseline", "fit", OFFICES[0], "--period", "soon", ok=False)
    (text,) = models(fitted, OFFICES[1])
    bend(fitted, OFFICES[1], text.replace('"version": 2', '"version": 0'))
    assert "Fit it again" in run(fitted, "baseline", "show", OFFICES[1], "--lang", "en")
    judged = run(fitted, "baseline", "check", OFFICES[1], "--period", "2025-01-01..2025-03-31", "--json")
    assert "Fit it again" in judged
    with opened_state(load_configuration(fitted / "config").settings) as state:
        add_user(state, "person", PASSWORD, "engineer", ["all"], dt.datetime.now(dt.UTC))
    browser = signed_in(make_app(fitted), "person")
    browser.base_url = "https://testserver"  # the shipped settings' cookies are secure
    assert browser.get("/").status_code == 200
    page = browser.get(f"/buildings/{OFFICES[1]}?lang=en")
    assert page.status_code == 200
    bend(fitted, OFFICES[1], text)


def browser_of(site, at: dt.datetime):
    """An administrator's browser, at a time."""
    with opened_state(load_configuration(site / "config").settings) as state:
        if all(user["name"] != "viewer" for user in users(state)):
            add_user(state, "viewer", PASSWORD, "engineer", ["all"], dt.datetime.now(dt.UTC))
    browser = signed_in(make_app(site, lambda: at), "viewer")
    browser.base_url = "https://testserver"  # the shipped settings' cookies are secure
    return browser


def test_page_and_api_show_the_year_that_the_command_shows(fitted):
    browser = browser_of(fitted, dt.datetime(2025, 4, 1, 9, tzinfo=BANGKOK))
    path = json.loads(run(fitted, "savings", "path", "district-bangkhen", "--until", "2025-03-31", "--json"))["path"]
    assert browser.get("/api/v1/agencies/district-bangkhen/path").json() == path
    page = browser.get("/agencies/district-bangkhen/year?lang=en").text
    words = Words("en")
    assert words.number(path["energy_kwh"]) in page
    assert words.number(path["target_kwh"]) in page
    row = browser.get(f"/api/v1/buildings/{OFFICES[0]}/year-on-year?month=2025-03").json()
    asked = ("savings", "year", OFFICES[0], "--period", "2025-03", "--json")
    (change,) = json.loads(run(fitted, *asked))["buildings"]
    assert row["change_ratio"] == change["change_ratio"]
    assert row["verdict"] == "less"
    assert words.percent(row["change_ratio"], 1, signed=True) in page
    assert "March 2025 beside last year" in browser.get(f"/buildings/{OFFICES[0]}?lang=en").text
    assert browser.get("/api/v1/agencies/health/path").json() is None
    months = browser.get(f"/api/v1/buildings/{OFFICES[0]}/cusum").json()["months"]
    saving = browser.get(f"/api/v1/buildings/{OFFICES[0]}/savings").json()
    assert months[-1]["sum_kwh"] == pytest.approx(saving["baseline_kwh"] - saving["actual_kwh"])
    building_page = browser.get(f"/buildings/{OFFICES[0]}?lang=en").text
    assert "CUSUM" in building_page
    assert words.number(months[-1]["sum_kwh"]) in building_page
    asked = {"saving_ratio": 0.6, "start": "2024-11-01"}
    shown = browser.get(f"/api/v1/buildings/{OFFICES[0]}/detectable", params=asked).json()
    assert (shown["months"], shown["baseline_last"]) == (1, "2024-09-30")
    assert browser.get("/api/v1/buildings/health.centre-1/detectable").json()["rows"] == []
    for day in ("0001-01-01", "9999-12-31"):
        answer = browser.get(f"/api/v1/buildings/{OFFICES[0]}/detectable", params={"start": day})
        assert (answer.status_code, answer.json()["rows"]) == (200, [])
    assert browser.get("/agencies/nowhere/year").status_code == 404


def test_bills_alone_foretell_later_bills(fitted, tmp_path):
    paper = tmp_path / "bills.csv"
    months = [f"{2024 + n // 12}-{n % 12 + 1:02d}" for n in range(15)]
    paper.write_text(
        "month,kwh\n" + "\n".join(f"{month},{30_000 + 500 * (number % 4)}" for number, month in enumerate(months))
    )
    output = run(fitted, "baseline", "bills", OFFICES[0], "--file", str(paper))
    assert output.count(" *") >= 12
    assert "2025-03" in output
    paper.write_text("month,kwh\n2024-01,100\n")
    assert "needs 9 months" in run(fitted, "baseline", "bills", OFFICES[0], "--file", str(paper), ok=False)


def test_check_reads_savings_and_adjustments_too(fitted, tmp_path):
    shutil.copytree(fitted / "config", tmp_path / "config")
    (tmp_path / "config/adjustments.toml").write_text(
        '[[adjustment]]\nbuilding = "nobody.nowhere"\nfirst = 2025-01-01\nkwh_a_day = 1\nreason = "a reason"\nentered_by = "S"\nentered = 2025-02-01\n'
    )
    (tmp_path / "config/solar/climate.toml").write_text("[climate]\n")
    output = bkkenergy("check", "--config", tmp_path / "config", code=1)
    assert "nobody.nowhere: no such building" in output
    assert "climate.ghi_kwh_m2_day: the key is missing" in output


@pytest.mark.parametrize(("lang", "message"), [("en", "Savings 3"), ("th", "ประหยัดได้จริง 3")])
def test_a_month_s_report_tells_savings_and_what_to_act_on(fitted, tmp_path, lang, message):
    run(
        fitted,
        "report",
        "district-bangkhen",
        "--period",
        "2025-09",
        "--format",
        "html,json",
        "--lang",
        lang,
        "-o",
        str(tmp_path),
    )
    page = (tmp_path / f"district-bangkhen/district-bangkhen_2025-09.{lang}.html").read_text()
    data = json.loads((tmp_path / "district-bangkhen/district-bangkhen_2025-09.json").read_text())
    assert message in page
    own = {row["building_id"]: row for row in data["savings"]}
    assert own[OFFICES[0]]["verdict"] == "proven"
    assert own["district-bangkhen.school-1"]["verdict"] is None
    assert data["total_saving"]["saving_ratio"] == pytest.approx(own[OFFICES[0]]["saving_ratio"])
    assert "pv_shortfall" in {row["rule"] for row in data["findings"]}
    assert "Cambridge" in page
    items = {line["item"]: line["amount_thb"] for line in data["bill"]}
    assert data["total"]["cost_thb"] == pytest.approx(sum(items.values()))
    shown = run(fitted, "bill", "show", OFFICES[0], "--period", "2025-09", "--lang", "en")
    assert float(shown.split("Total")[1].split("│")[2].replace(",", "")) == pytest.approx(data["total"]["cost_thb"])
    assert Words(lang).number(items["demand"], 2) in page


PLAN = {
    "led-bangkhen": ("led", "60000"),
    "cooling-bangkhen": ("cooling", "30000"),
}


@pytest.fixture(scope="module")
def planned(fitted):
    """Two projects in the first office, done on the day after its baseline ends."""
    (first, (kind, kwh)), (second, (other, less)) = PLAN.items()
    run(
        fitted, "plan", "add", first, "--agency", "district-bangkhen", "--building", OFFICES[0], "--kind", kind,
        "--name-th", f"โครงการ {kind}", "--name-en", f"Project {kind}", "--due", "2568", "--expected-kwh", kwh,
        "--budget", "100000", "--owner", "Somsri",
    )  # fmt: skip
    for state in ("proposed", "endorsed", "running", "done"):
        run(fitted, "plan", "move", first, state, "--on", "2024-10-01", "--by", "Somsri", "--note", "ok")
    beside = Project(
        id=second, agency="district-bangkhen", building=OFFICES[0], kind=other, name_th="โครงการ", name_en="Project",
        due_year_be=2568, expected_kwh=float(less), state="done", done_on=dt.date(2024, 10, 1),
    )  # fmt: skip
    save_projects(open_state(StateSettings(path=fitted / "var/state.sqlite")), [beside], dt.datetime.now(dt.UTC))
    return fitted


def test_projects_are_proved_by_their_building_s_meter(planned):
    output = run(planned, "plan", "show", "led-bangkhen", "--lang", "en")
    assert "1 October 2024 done (Somsri): ok" in output
    assert "Emissions by 0.4470 kgCO2e/kWh, grade S" in output
    saved = float(re.search(r"([\d,]+) ± ([\d,]+) kWh", output)[1].replace(",", ""))
    rows = json.loads(run(planned, "plan", "progress", "--by", "kind", "--json"))
    by_kind = {row["name"]: row for row in rows}
    whole = by_kind["led"]["measured_kwh"] + by_kind["cooling"]["measured_kwh"]
    assert by_kind["led"]["measured_kwh"] == pytest.approx(2 * by_kind["cooling"]["measured_kwh"]), "by expectation"
    assert saved == pytest.approx(by_kind["led"]["measured_kwh"], abs=1)
    (own,) = json.loads(run(planned, "baseline", "check", OFFICES[0], "--period", AFTER, "--json"))["buildings"]
    a_year = (own["baseline_kwh"] + own["adjustment_kwh"] - own["actual_kwh"]) / own["days"] * 365
    assert whole == pytest.approx(a_year, rel=0.1), "a month more of the same"
    assert "led" in run(planned, "plan", "progress", "--by", "kind")


def test_the_plan_stands_in_the_agency_s_report(planned, tmp_path):
    run(
        planned,
        "report",
        "district-bangkhen",
        "--period",
        "2025-08",
        "--format",
        "json,html",
        "--lang",
        "en",
        "-o",
        str(tmp_path),
    )
    data = json.loads((tmp_path / "district-bangkhen/district-bangkhen_2025-08.json").read_text())
    plan = data["plan"]
    assert {line["id"]: line["state"] for line in plan["projects"]} == dict.fromkeys(PLAN, "done")
    assert plan["measured_kwh"] == pytest.approx(sum(line["measured_kwh"] for line in plan["projects"]))
    assert 0 < plan["measured_kwh"] < 6 * plan["target_kwh"]
    assert data["savings"][0]["saving_ratio"] == pytest.approx(0.35, abs=0.03)
    page = (tmp_path / "district-bangkhen/district-bangkhen_2025-08.en.html").read_text()
    assert "2 of 2 projects are done" in page


def test_the_plan_goes_out_and_in_as_a_workbook_and_to_partners(planned, tmp_path):
    output = run(planned, "plan", "export", str(tmp_path / "plan.xlsx"), "--lang", "en")
    assert "2 projects" in output
    assert "0 projects entered, 2 replaced" in run(planned, "plan", "import", str(tmp_path / "plan.xlsx"))
    assert {row["id"] for row in json.loads(run(planned, "plan", "list", "--json"))} == set(PLAN)
    output = run(
        planned,
        "plan",
        "datasheet",
        str(tmp_path / "partners.xlsx"),
        "--mask",
        "--key",
        str(tmp_path / "key.csv"),
        "--lang",
        "en",
    )
    assert "0 retrofits" in output, "both are done"
    assert (tmp_path / "key.csv").read_text().startswith("\ufeffcode,id")
    assert "10,100 GWh" in run(planned, "plan", "targets", "--lang", "en")


def test_faults_of_the_plan_are_told(planned):
    rest = ("--kind", "led", "--name-th", "ก", "--name-en", "a", "--due", "2570")
    missing = run(planned, "plan", "add", "x-1", "--agency", "moon", *rest, ok=False)
    assert "'moon' is not in the portfolio" in missing
    twice = run(planned, "plan", "add", "led-bangkhen", "--agency", "district-bangkhen", *rest, ok=False)
    assert "in the plan already" in twice
    assert "led-bangkhen" in run(planned, "plan", "show", "led", ok=False)
    assert "is no day" in run(planned, "plan", "move", "led-bangkhen", "running", "--on", "tomorrow", ok=False)
    assert "says why" in run(planned, "plan", "move", "led-bangkhen", "running", ok=False)
