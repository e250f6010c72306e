"""The state's index of an agency: entered month by month, computed, shown in both languages, written for the e-report."""

import csv
import datetime as dt
import io
import json
import shutil

import pytest
from click.testing import CliRunner

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.cli import cli
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.site import load_configuration
from tests.conftest import ROOT
from tests.integration.test_api_portfolio import client_of
from tests.web import csrf_of, form_of, make_app, make_site, signed_in

OFFICE = {"staff": 12, "opening_hours": 176, "visitors": 900, "temperature_c": 29}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = make_site(tmp_path_factory.mktemp("ereport"), days=70)
    home = home if (home / "config").exists() else home.parent
    (home / "config/portfolio").unlink()
    shutil.copytree(ROOT / "config/portfolio", home / "config/portfolio")
    agencies = home / "config/portfolio/agencies.toml"
    text = agencies.read_text("utf-8")
    agencies.write_text(
        text.replace('id = "health"\n', 'id = "health"\nereport_code = "H01"\nereport_group = "1-01"\n'), "utf-8"
    )
    return home / "config"


def run(site, *arguments, code=0):
    done = CliRunner().invoke(cli, ["ereport", *arguments, "--config", str(site)])
    assert done.exit_code == code or (code and isinstance(done.exception, InputError)), f"{done.output}{done.exception}"
    return done.output if not code else f"{done.output}{done.exception}"


def last_month():
    return (dt.date.today().replace(day=1) - dt.timedelta(days=1)).replace(day=1)  # noqa: DTZ011


def shown(site, agency="health", month=None):
    return json.loads(run(site, "show", agency, "--period", month or f"{last_month():%Y-%m}", "--json"))[0]


def test_an_index_is_given_once_every_driver_is_known(site):
    month = f"{last_month():%Y-%m}"
    before = shown(site)
    assert before["index_ratio"] is None
    assert any("ชั่วโมงทำการ" in text for text in before["why"])
    run(site, "enter", "health", month, *(f"{name}={amount}" for name, amount in OFFICE.items()))
    after = shown(site)
    area_m2 = after["drivers"]["floor_area_m2"]
    standard_kwh = 62.879 * 12 + 0.153 * area_m2 + 1.879 * 176 + 0.769 * 900 + 18.426 * 29
    assert after["standard_kwh"] == pytest.approx(standard_kwh)
    if after["coverage_ratio"] >= 0.9:
        assert after["index_ratio"] == pytest.approx((standard_kwh - after["electricity_kwh"]) / standard_kwh)
    else:
        assert any("was measured" in text or "วัดได้" in text for text in after["why"])
    assert sum(after["meters_kwh"].values()) == pytest.approx(after["electricity_kwh"])


def test_a_later_amount_replaces_an_earlier_one_and_the_audit_log_has_both(site):
    month = f"{last_month():%Y-%m}"
    run(site, "enter", "health", month, "visitors=900")
    run(site, "enter", "health", month, "visitors=1,100", "fuel_litres=310")
    row = shown(site)
    assert (row["drivers"]["visitors"], row["fuel_litres"]) == (1100, 310)
    line = audit_lines(open_state(load_configuration(site).settings.state))[0]
    assert (line["action"], line["detail"]["before"], line["detail"]["after"]) == (
        "ereport", {"visitors": 900}, {"visitors": 1100, "fuel_litres": 310},
    )  # fmt: skip


def test_an_agency_without_a_group_says_so_in_both_languages(site):
    month = f"{last_month():%Y-%m}"
    assert "no sub-group of the e-report" in run(site, "show", "education", "--period", month, "--lang", "en")
    assert "ยังไม่ได้ระบุกลุ่มย่อย" in run(site, "show", "education", "--period", month, "--lang", "th")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("moon", "2026-10", "staff=1"), "'moon' is not in the portfolio"),
        (("health", "2026-10", "people=1"), "'people' is nothing that the e-report asks for"),
        (("health", "2026-10", "staff=-1"), "staff -1.0 cannot be"),
        (("health", "2026-10", "staff=nan"), "staff nan cannot be"),
        (("health", "2026-10", "staff"), "is no name=amount"),
        (("health", "2026-10", "staff=many"), "is no name=amount"),
        (("health", "2199-10", "staff=1"), "has not begun"),
        (("health", "tomorrow", "staff=1"), "is not understood"),
    ],
)
def test_what_cannot_be_is_refused(site, arguments, why):
    assert why in run(site, "enter", *arguments, code=2)


def test_the_fields_of_the_e_report_are_written_with_each_meter(site, tmp_path):
    run(site, "export", "health", str(tmp_path / "e.csv"), "--period", f"{last_month():%Y-%m}")
    (row,) = csv.DictReader(io.StringIO((tmp_path / "e.csv").read_text(encoding="utf-8-sig")))
    assert (row["code"], row["group"], row["month"]) == ("H01", "1-01", f"{last_month():%Y-%m}")
    assert float(row["meter health.centre-1.main kWh"]) > 0


@pytest.fixture(scope="module")
def app(site):
    return make_app(site.parent)


@pytest.fixture(scope="module")
def manager(app):
    return client_of(app, "manager-health")


def of_month(client, what, agency="health"):
    day = last_month().isoformat()
    return client.get(f"/api/v1/agencies/{agency}/{what}", params={"first": day, "last": day})


def test_the_api_enters_and_shows_a_month_as_the_command_does(site, manager):
    path = f"/api/v1/agencies/health/ereport/{last_month():%Y-%m}"
    done = manager.put(path, json={"amounts": OFFICE | {"fuel_litres": 250}})
    assert (done.status_code, done.json()["amounts"]["fuel_litres"]) == (200, 250)
    (month,) = of_month(manager, "ereport").json()["months"]
    asked = shown(site)
    assert {name: month[name] for name in ("standard_kwh", "index_ratio", "fuel_index_ratio", "entered")} == {
        name: asked[name] for name in ("standard_kwh", "index_ratio", "fuel_index_ratio", "entered")
    }


@pytest.mark.parametrize(
    ("month", "amounts", "status"),
    [
        ("2026-10", {"staff": -1}, 422), ("2026-10", {}, 422), ("2026-10", {"people": 1}, 422), ("2026-13", {"staff": 1}, 422),
        ("2099-10", {"staff": 1}, 422), ("2026-10", {"staff": 1e300}, 422), ("2569-10", {"staff": 1}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_the_api_too(manager, month, amounts, status):
    assert manager.put(f"/api/v1/agencies/health/ereport/{month}", json={"amounts": amounts}).status_code == status


def test_another_agency_is_neither_shown_nor_entered(manager):
    assert of_month(manager, "ereport", "education").status_code in {403, 404}
    assert of_month(manager, "emissions", "education").status_code in {403, 404}
    asked = {"amounts": {"staff": 1}}
    assert manager.put("/api/v1/agencies/education/ereport/2026-10", json=asked).status_code in {403, 404}


def test_emissions_are_the_same_over_the_api_and_by_the_command(site, manager):
    month = f"{last_month():%Y-%m}"
    arguments = ["energy", "emissions", "health", "--period", month, "--config", str(site)]
    asked = json.loads(CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False).stdout)
    sent = of_month(manager, "emissions").json()
    assert asked["months"] == sent["months"]
    (row,) = sent["months"]
    factor = sent["factors"][-1]["kg_co2e_per_kwh"]
    assert row["co2e_kg"] == pytest.approx(row["energy_kwh"] * factor)
    assert row["upstream_co2e_kg"] == pytest.approx(row["energy_kwh"] * 0.0812)
    said = CliRunner().invoke(cli, [*arguments, "--lang", "en"]).stdout
    assert "0.4750: TGO board" in said


def test_months_on_both_sides_of_a_change_of_factor_are_by_both(site):
    arguments = ["energy", "emissions", "health", "--period", "2025-12-01..2026-01-31", "--config", str(site), "--json"]
    done = json.loads(CliRunner().invoke(cli, arguments).stdout)
    assert [factor["kg_co2e_per_kwh"] for factor in done["factors"]] == [0.4999, 0.475]


@pytest.mark.parametrize("lang", ["th", "en"])
def test_an_agency_s_page_has_its_emissions_by_month(app, lang):
    page = signed_in(app, "manager-health").get(f"/agencies/health?lang={lang}").text
    assert Words(lang)("emission.upstream_short") in page
    assert "0.4750" in page


@pytest.mark.parametrize(
    "arguments",
    [("ereport", "show", "health"), ("ereport", "export", "health", "x.csv"), ("energy", "emissions", "health"), ("bill", "compare", "health.centre-1")],
)  # fmt: skip
@pytest.mark.parametrize("period", ["2026-10-05..2026-11-10", "2026-10-05"])
def test_days_within_a_month_are_refused_where_months_are_asked_for(site, tmp_path, monkeypatch, arguments, period):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, [*arguments, "--period", period, "--config", str(site)])
    assert isinstance(done.exception, InputError), done.output
    assert "whole calendar months" in str(done.exception)


# -- the page ----------------------------------------------------------------------------------------------------------

PAGE = "/agencies/health/ereport"


@pytest.fixture(scope="module")
def browser(app):
    return signed_in(app, "manager-health")


def sent(browser, **amounts):
    form = form_of(browser.get(PAGE).text, PAGE)
    return browser.post(PAGE, data=form | {"month": f"{last_month():%Y-%m}"} | amounts)


def test_the_page_enters_a_month_as_a_person_writes_it_and_shows_it_again(browser, manager):
    done = sent(browser, staff="๑๒", visitors="1,900", opening_hours="176", temperature_c="29")
    assert (done.status_code, done.headers["location"]) == (303, f"{PAGE}?month={last_month():%Y-%m}")
    (month,) = of_month(manager, "ereport").json()["months"]
    assert {name: month["drivers"][name] for name in ("staff", "visitors")} == {"staff": 12, "visitors": 1900}
    assert form_of(browser.get(done.headers["location"]).text, PAGE)["visitors"] == "1900"


@pytest.mark.parametrize(
    "amounts",
    [
        {"staff": "many"},
        {"staff": "-1"},
        {"staff": "nan"},
        {"staff": "1e300"},
        {"month": "2099-01", "staff": "1"},
        {"month": "x"},
    ],
)
def test_what_cannot_be_is_said_on_the_page_and_nothing_is_entered(browser, manager, amounts):
    before = of_month(manager, "ereport").json()["months"]
    refused = sent(browser, **amounts)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert of_month(manager, "ereport").json()["months"] == before


def test_who_may_only_look_has_no_form_and_cannot_enter(app):
    viewer = signed_in(app, "viewer-health")
    assert "<select" not in viewer.get(PAGE).text
    data = {"csrf": csrf_of(viewer), "month": f"{last_month():%Y-%m}", "staff": "1"}
    assert viewer.post(PAGE, data=data).status_code == 403
    assert viewer.get("/agencies/education/ereport").status_code in {403, 404}
