"""Paper bills from the command line and over the API: read, looked at, entered, checked, removed."""

from __future__ import annotations

import datetime as dt
import json
import shutil

import pytest
from click.testing import CliRunner

from bkkenergy.access import server_actor
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli import cli
from bkkenergy.errors import InputError
from bkkenergy.reports.render.browser import Browser
from bkkenergy.usecases.portfolio import portfolio_state, replace_all
from tests.conftest import ROOT
from tests.web import METERS, csrf_of, make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BUILDING = METERS[0].rpartition(".")[0]
ACCOUNT = f"""[[account]]
id = "office"
utility = "mea"
number = "123456789"
schedule = "mea-2-2-lv"
read_day = 12
buildings = ["{BUILDING}"]
"""
LAST = dt.datetime.now(BANGKOK).date().replace(day=1) - dt.timedelta(days=1)
NAMED = f"{LAST.month:02}/{LAST.year + 543}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = make_site(tmp_path_factory.mktemp("paper"), days=80)
    (home / "config/portfolio").unlink()
    shutil.copytree(ROOT / "config/portfolio", home / "config/portfolio")
    (home / "config/portfolio/accounts.toml").write_text(ACCOUNT)
    return home


def run(home, *words, code=0):
    done = CliRunner().invoke(cli, [*words, "--config", str(home / "config")])
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit | InputError), done.exception
    return done.output


def test_a_file_is_looked_at_then_entered_checked_and_removed(site, tmp_path):
    """The month alone is named: the account's read day says its days."""
    path = tmp_path / "bills.csv"
    path.write_text(f"เดือน,จำนวนหน่วย,ยอดสุทธิ\n{NAMED},1000,5000\n", "utf-8")
    seen = run(site, "bill", "import", "office", str(path))
    assert "Left out: ยอดสุทธิ" in seen
    assert "Nothing was entered" in seen
    assert "1,000" in seen
    given = ("bill", "import", "office", str(path), "--column", "ยอดสุทธิ=total", "--save-mapping", "mea")
    assert "1 entered" in run(site, *given, "--yes")
    assert "0 entered, 1 there already" in run(
        site, "bill", "import", "123456789", str(path), "--mapping", "mea", "--yes"
    )
    (bill,) = json.loads(run(site, "bill", "list", "office", "--json"))
    assert (bill["last"], bill["total_thb"], bill["energy_kwh"]) == (LAST.replace(day=11).isoformat(), 5000, 1000)
    rows = json.loads(run(site, "bill", "check", "office", "--json", code=1))
    total = next(row for row in rows if row["item"] == "total")
    assert total["paper_thb"] == 5000
    assert set(total["causes"]) <= {"energy", "rate", "dates", "demand"}
    assert "removed the bill" in run(site, "bill", "remove", str(bill["number"]), "--why", "a trial")
    assert json.loads(run(site, "bill", "list", "office", "--json")) == []
    assert "a trial" in run(site, "bill", "list", "office", "--all")


def test_a_refused_row_lets_nothing_in(site, tmp_path):
    path = tmp_path / "bills.csv"
    path.write_text(f"month,kwh\n{NAMED},1000\n{NAMED},abc\n", "utf-8")
    assert "row 3 is refused" in run(site, "bill", "import", "office", str(path))
    run(site, "bill", "import", "office", str(path), "--yes", code=1)
    assert json.loads(run(site, "bill", "list", "office", "--json")) == []


@pytest.mark.browser
def test_a_thai_bill_printed_by_a_browser_is_read(site, tmp_path):
    """Layout and words are made up: no bill of a utility was found in a public source."""
    end = LAST.replace(day=12)
    lines = [
        f"บัญชีแสดงสัญญา 123456789 &emsp;&emsp; วันที่จดเลขอ่าน 12/{NAMED}",
        f"วันที่จดครั้งก่อน 12/{(end - dt.timedelta(days=28)).month:02}/{(end - dt.timedelta(days=28)).year + 543}",
        "จำนวนหน่วย 2,718.81 หน่วย",
        "ค่าไฟฟ้าผันแปร (Ft) 0.1623 บาท/หน่วย 441.26 บาท",
        "ภาษีมูลค่าเพิ่ม 7% 970.21",
        "รวมเงินที่ต้องชำระ 14,830.41 บาท",
    ]
    page = "<meta charset=utf-8><body>" + "".join(f"<p>{line}</p>" for line in lines)
    with Browser() as browser:
        (tmp_path / "bill.pdf").write_bytes(browser.pdf(page.encode()))
    data = json.loads(run(site, "bill", "import", "office", str(tmp_path / "bill.pdf"), "--json"))
    (row,) = data["bills"]
    assert data["refused"] == []
    assert (row["bill"]["energy_kwh"], row["bill"]["total_thb"]) == (2718.81, 14830.41)
    assert row["bill"]["items_thb"] == {"ft": 441.26, "vat": 970.21}
    assert row["bill"]["last"] == (end - dt.timedelta(days=1)).isoformat()


@pytest.fixture(scope="module")
def client(site):
    app = make_app(site)
    opened = app.state.here.opened
    state = portfolio_state(opened.config, opened.state)
    now = dt.datetime.now(dt.UTC)
    replace_all(state, server_actor("x"), opened.portfolio.records, why="first import", now=now)
    app.state.here.look_now()
    return app


PATH = "/api/v1/accounts/office/bills"


def sent(**changes):
    body = {"first": f"{LAST.replace(day=1)}", "last": f"{LAST}", "energy_kwh": 900.0, "total_thb": 4000.0} | changes
    return {"bills": [body], "source": "typed"}


def test_bills_are_entered_listed_checked_and_removed_over_the_api(client):
    browser = signed_in(client, "manager-health")
    headers = {"X-CSRF-Token": csrf_of(browser)}
    done = browser.post(PATH, json=sent(), headers=headers | {"Idempotency-Key": "a"})
    assert done.status_code == 201, done.text
    (number,) = done.json()["entered"]
    again = browser.post(PATH, json=sent(), headers=headers | {"Idempotency-Key": "a"})
    assert again.json() == done.json()
    assert browser.post(PATH, json=sent(), headers=headers).json()["same"] == 1
    assert browser.post(PATH, json=sent(energy_kwh=5.0), headers=headers).status_code == 422
    assert browser.post(PATH, json=sent(energy_kwh=-5.0), headers=headers).status_code == 422
    page = browser.get(PATH).json()
    assert [(row["number"], row["bill"]["energy_kwh"], row["by"]) for row in page["items"]] == [
        (number, 900.0, "manager-health")
    ]
    check = browser.get(f"{PATH}/{number}/check").json()
    assert check["items"][-1]["item"] == "total"
    assert browser.delete(f"{PATH}/{number}", headers=headers).status_code == 422, "without a reason"
    assert browser.delete(f"{PATH}/{number}?why=wrong", headers=headers).json() == {"removed": number}
    assert browser.get(PATH).json()["total"] == 0
    removed = browser.get(PATH, params={"removed": True}).json()["items"]
    assert {row["number"]: row["removed_why"] for row in removed}[number] == "wrong"
    assert browser.get(f"{PATH}/99999/check").status_code == 404
    assert browser.get("/api/v1/accounts/none/bills").status_code == 404


def test_a_viewer_may_look_and_no_more_and_others_see_nothing(client):
    viewer = signed_in(client, "viewer-health")
    assert viewer.get(PATH).status_code == 200
    assert viewer.post(PATH, json=sent(), headers={"X-CSRF-Token": csrf_of(viewer)}).status_code == 403
