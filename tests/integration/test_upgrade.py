"""A site of 0.1.0 under this version: its readings, days, users, projects and reports are all there.

`tests/data/site-0.1.0` was written by 0.1.0: two days of one meter, its ledger, users with passwords, projects, scenarios and
an archived report. The databases are dumps, as `sqlite3 FILE .dump` writes them.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import shutil
import sqlite3
from contextlib import closing

import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.reports.render.json import read_json
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.ledgercheck import compare_ledger
from bkkenergy.web.app import create_app
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.test_two_versions import content
from tests.sites import make_context
from tests.web import signed_in

WRITTEN = ROOT / "tests/data/site-0.1.0"
METER = "health.centre-1.main"
SETTINGS = """
[store]
path = "var/store.sqlite"
[state]
path = "var/state.sqlite"
[jobs]
schedule = []
[web]
secure_cookies = false
second_factor = "offered"
"""


@pytest.fixture
def home(tmp_path):
    """Its data beside the shipped configuration of this version, as *Upgrading* asks for."""
    (tmp_path / "config").mkdir()
    (tmp_path / "var/reports").mkdir(parents=True)
    for name in CONFIG_PARTS:
        (tmp_path / "config" / name).symlink_to(ROOT / "config" / name)
    (tmp_path / "config/bkkenergy.toml").write_text(SETTINGS)
    for name in ("store", "state"):
        with closing(sqlite3.connect(tmp_path / f"var/{name}.sqlite")) as connection:
            connection.executescript((WRITTEN / f"{name}.sql").read_text())
    shutil.copytree(WRITTEN / "archive", tmp_path / "var/reports/archive")
    return tmp_path


def rows(home, name, query):
    with closing(sqlite3.connect(home / f"var/{name}.sqlite")) as connection:
        return connection.execute(query).fetchall()


READINGS = "SELECT meter.name, ts_us, energy_kwh, power_kw FROM reading JOIN meter ON meter.id = meter ORDER BY 1, 2"
DAYS = "SELECT name, channel, day, total, peak, slots FROM ledger_day JOIN ledger_meter ON ledger_meter.id = meter"


def test_after_the_documented_upgrade_all_that_0_1_0_knew_is_there(home):
    readings, days = rows(home, "store", READINGS), rows(home, "store", DAYS)
    assert (len(readings), len(days)) == (194, 3)
    assert "no faults" in bkkenergy("check", "--config", home / "config")
    users = json.loads(bkkenergy("users", "list", "--json", "--config", home / "config"))
    assert sorted(user["name"] for user in users) == [
        "admin", "admin-health", "engineer-health", "manager-health", "viewer-health",
    ]  # fmt: skip
    with open_site(load_configuration(home / "config")) as site:
        assert sorted(project.id for project in site.projects) == ["led-education", "led-health"]
    assert rows(home, "store", READINGS) == readings
    assert rows(home, "store", DAYS) == days
    assert rows(home, "state", "SELECT count(*) FROM scenario") == [(2,)]


def test_its_reports_are_read_and_its_users_sign_in_with_their_passwords(home):
    context = make_context(load_configuration(home / "config"))
    (run,) = json.loads(bkkenergy("jobs", "list", "--json", "--config", home / "config"))
    assert (run["agency"], run["state"], len(run["files"])) == ("health", "done", 2)
    client = signed_in(create_app(context), "manager-health")
    assert client.get("/agencies/health").status_code == 200
    for file in run["files"]:
        answer = client.get(f"/reports/file/{file['path']}")
        assert answer.status_code == 200, file["path"]
        assert len(answer.content) == file["size_bytes"]
        if file["path"].endswith(".json"):
            with pytest.raises(InputError, match="Make it again"):  # it has not what this version sums up for the city
                read_json(answer.content)


def test_its_ledger_agrees_with_what_this_version_computes_of_its_readings(home):
    later = dt.datetime(2026, 12, 20, tzinfo=BANGKOK)
    with open_site(load_configuration(home / "config"), clock=lambda: later) as site:
        result = compare_ledger(site, within_s=math.inf)
    assert (result.compared, result.months, result.differing) == (1, 1, ())


def test_a_second_start_changes_nothing_more(home):
    bkkenergy("users", "list", "--config", home / "config")
    before = content(home)
    bkkenergy("users", "list", "--config", home / "config")
    assert content(home) == before
