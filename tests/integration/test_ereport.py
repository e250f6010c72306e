"""The state's index of an agency: entered month by month, computed, shown in both languages, written for the e-report."""

import csv
import datetime as dt
import io
import json
import shutil

import pytest
from click.testing import CliRunner

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import audit_lines
from bkkenergy.cli import cli
from bkkenergy.errors import InputError
from bkkenergy.site import load_configuration
from tests.conftest import ROOT
from tests.web import make_site

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
