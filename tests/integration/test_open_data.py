"""Open data: nothing before an agency agreed, what it agreed to and no more, and nothing after it withdrew."""

import csv
import datetime as dt
import io
import json

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from bkkenergy.access import server_actor
from bkkenergy.cli import cli
from bkkenergy.portfolio.edits import End, Put
from bkkenergy.ports.ledger import IMPORT
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.usecases.portfolio import change, portfolio_state, replace_all
from tests.web import make_app, make_site

NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.astimezone(dt.timezone(dt.timedelta(hours=7))).date()
ROOT = server_actor("cli:root")
BUILDING = "health.centre-1"


@pytest.fixture
def home(tmp_path):
    return make_site(tmp_path / "site", days=70)


@pytest.fixture
def app(home):
    made = make_app(home)
    opened = made.state.here.opened
    state = portfolio_state(opened.config, opened.state)
    replace_all(state, ROOT, read_folder(home / "config").records, why="first import", now=NOW)
    made.state.here.look_now()
    return made


def agree(app, **fields):
    opened = app.state.here.opened
    body = {
        "id": "consent-1", "agency": "health", "buildings": [BUILDING], "figures": ["energy", "intensity"],
        "licence": "cc_by_4", "agreed_by": "ผู้อำนวยการ", "agreed_on": TODAY.isoformat(),
    } | fields  # fmt: skip
    edit(app, opened, Put("consent", body), TODAY - dt.timedelta(days=30))


def edit(app, opened, edited, day):
    state = portfolio_state(opened.config, opened.state)
    change(state, ROOT, [edited], why="agreed by letter", from_day=day, expected_revision=None, now=NOW)
    app.state.here.look_now()


def read(app):
    answer = TestClient(app).get("/open-data/buildings.json")
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content)


def test_before_a_consent_nothing_is_there_and_the_page_says_so(app):
    assert read(app)["buildings"] == []
    assert "No agency has agreed" in TestClient(app).get("/open-data?lang=en").text
    assert TestClient(app).get("/open-data/buildings.csv").text.count("\n") == 2


def test_what_was_agreed_is_there_with_its_licence_and_the_rest_is_not(app):
    agree(app)
    whole = read(app)
    (building,) = whole["buildings"]
    assert whole["licences"] == {"CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/"}
    assert (building["id"], building["licences"]) == (BUILDING, {"energy": "CC-BY-4.0", "intensity": "CC-BY-4.0"})
    last = building["months"][-1]
    site = app.state.here.site
    month = dt.date.fromisoformat(f"{last['month']}-01")
    totals = site.energy.totals([f"{BUILDING}.main"], IMPORT, month, TODAY.replace(day=1) - dt.timedelta(days=1))
    assert last["energy_kwh"] == pytest.approx(float(totals.total.sum()), abs=0.1)
    assert {one["production_kwh"] for one in building["months"]} == {None}
    assert building["months"][0]["energy_kwh"] is None, "before the meter was there"
    assert building["intensity_kwh_per_m2"] is None, "a year is not known"
    page = TestClient(app).get("/open-data?lang=th").text
    assert "CC-BY-4.0" in page
    assert "ข้อมูลสาธิต" in page or "simulated" in page


def test_a_consent_of_a_later_day_of_another_agency_or_that_ended_publishes_nothing(app):
    agree(app, agreed_on=(TODAY + dt.timedelta(days=1)).isoformat())
    assert read(app)["buildings"] == []
    agree(app)
    assert len(read(app)["buildings"]) == 1
    edit(app, app.state.here.opened, End("consent", "consent-1"), TODAY)
    assert read(app)["buildings"] == []
    agree(app, id="consent-2", agency="education")
    assert read(app)["buildings"] == []


def test_intensity_alone_names_no_month(app):
    agree(app, figures=["intensity"])
    (building,) = read(app)["buildings"]
    assert building["months"] == []
    assert building["gross_floor_area_m2"] > 0


def test_the_files_of_command_and_page_are_the_same(app, home, tmp_path):
    agree(app)
    by_page = TestClient(app).get("/open-data/buildings.csv").content
    for form in ("csv", "json"):
        target = tmp_path / f"buildings.{form}"
        done = CliRunner().invoke(cli, ["programme", "publish", str(target), "--config", str(home / "config")])
        assert done.output.endswith("1 building\n"), f"{done.output}{done.exception}"
    assert (tmp_path / "buildings.csv").read_bytes() == by_page
    lines = by_page.decode("utf-8-sig").splitlines()
    assert "CC-BY-4.0" in lines[0]
    rows = list(csv.DictReader(io.StringIO("\n".join(lines[1:]))))
    assert len(rows) == 24
    assert {row["licence"] for row in rows} == {"CC-BY-4.0"}
    refused = CliRunner().invoke(cli, ["programme", "publish", "a.xlsx", "--config", str(home / "config")])
    assert "has to end with" in str(refused.exception)
