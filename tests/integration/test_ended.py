"""What is no more is asked for on the days when it was there, by every way in; and what took its place goes on."""

from __future__ import annotations

import datetime as dt
import json
import shutil

import numpy as np
import pytest
from fastapi.testclient import TestClient

from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import add_user, users
from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.usecases.recompute import recompute
from bkkenergy.web.app import create_app
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import make_context
from tests.web import PASSWORD, signed_in

ENDED, SWAPPED = "health.centre-1", "health.centre-2"
NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
QUARTER_US = 900_000_000
PER_QUARTER_KWH = {f"{ENDED}.main": 4.0, f"{SWAPPED}.main": 2.0, f"{SWAPPED}.main-2": 3.0}
BEFORE, AFTER = (
    Period.parse("2026-10-01..2026-10-15", today=NOW.date()),
    Period.parse("2026-10-16..2026-10-31", today=NOW.date()),
)
SENT_ON = Period.parse("2026-10-01..2026-10-20", today=NOW.date())
ENDED_KWH, SWAPPED_KWH = 15 * 96 * 4.0, 15 * 96 * 2.0 + 16 * 96 * 3.0
OCTOBER = {"first": "2026-10-01", "last": "2026-10-31"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A health centre that closed on 15 October, and one whose main meter became another record on the day after."""
    home = tmp_path_factory.mktemp("ended") / "config"
    home.mkdir()
    for name in CONFIG_PARTS:
        if name != "portfolio":
            (home / name).symlink_to(ROOT / "config" / name)
    shutil.copytree(ROOT / "config/portfolio", home / "portfolio")
    path = home / "portfolio/buildings/health.toml"
    text = path.read_text().replace('id = "centre-1"\n', 'id = "centre-1"\nuntil = 2026-10-15\n')
    head, found, rest = text.partition('id = "centre-2"\n')
    meter = 'id = "main"\nrated_kw = 105\nregister_digits = 7\n'
    assert meter in rest
    new = '\n[[building.meters]]\nid = "main-2"\nfrom = 2026-10-16\nrated_kw = 105\nregister_digits = 7\n'
    path.write_text(head + found + rest.replace(meter, f"{meter}until = 2026-10-15\n{new}", 1))
    (home / "bkkenergy.toml").write_text("[web]\nsecure_cookies = false\n")
    store = open_writable(Settings(store=StoreSettings(path=home.parent / "var/bkkenergy.sqlite")))
    for meter_id, kwh in PER_QUARTER_KWH.items():
        period = AFTER if meter_id.endswith("-2") else BEFORE
        if meter_id == f"{SWAPPED}.main":
            period = SENT_ON  # the old meter goes on sending for some days
        at = np.arange(timestamp_us(period.start), timestamp_us(period.end) + 1, QUARTER_US)
        columns = {"energy_kwh": 100 + kwh * np.arange(len(at))}
        store.commit(ReadingBatch((meter_id,), np.zeros(len(at), np.int64), at, columns))
    store.close()
    return home


@pytest.fixture(scope="module")
def app(folder):
    here = make_context(load_configuration(folder))
    recompute(here.opened, within_s=60)
    for name, agency in (("health", "health"), ("education", "education")):
        add_user(here.opened.state, name, PASSWORD, "manager", [agency], NOW)
    return create_app(here)


def client_of(app, name):
    state = app.state.here.opened.state
    number = next(one["id"] for one in users(state) if one["name"] == name)
    return TestClient(
        app, headers={"Authorization": f"Bearer {add_token(state, number, 'test', 'read', NOW, days=400)}"}
    )


@pytest.fixture(scope="module")
def health(app):
    return client_of(app, "health")


@pytest.fixture(scope="module")
def education(app):
    return client_of(app, "education")


def shown(folder, *arguments):
    return json.loads(bkkenergy(*arguments, "--json", "--config", folder))


def test_energy_balance_and_bill_of_an_ended_building_are_of_the_days_when_it_stood(folder):
    energy = shown(folder, "energy", "show", ENDED, "--period", "2026-10")
    assert sum(value or 0 for value in energy["energy_kwh"]) == pytest.approx(ENDED_KWH)
    assert [value is None for value in energy["energy_kwh"]] == [False] * 15 + [True] * 16
    meter = shown(folder, "energy", "show", f"{ENDED}.main", "--period", "2026-10-15")
    assert meter["energy_kwh"] == [pytest.approx(384)]
    balance = shown(folder, "energy", "balance", ENDED, "--period", "2026-10", "--step", "day")
    assert balance["grid_import"]["total_kwh"] == pytest.approx(ENDED_KWH)
    (bill,) = shown(folder, "bill", "show", ENDED, "--period", "2026-10")
    assert bill["known_ratio"] == pytest.approx(15 / 31)
    assert bill["total_thb"]


@pytest.mark.parametrize("command", [("energy", "show"), ("energy", "balance"), ("bill", "show")])
def test_on_other_days_it_is_said_when_it_was_there(folder, command):
    said = bkkenergy(*command, ENDED, "--period", "2026-11", "--config", folder, code=2)
    assert f"{ENDED} is not there on the days asked for. It was there on ..2026-10-15." in said
    assert "is not in the portfolio" in bkkenergy(
        *command, "health.none", "--period", "2026-11", "--config", folder, code=2
    )


def test_a_main_meter_that_became_another_record_leaves_no_energy_out(folder):
    energy = shown(folder, "energy", "show", SWAPPED, "--period", "2026-10")
    assert energy["energy_kwh"] == [pytest.approx(192)] * 15 + [pytest.approx(288)] * 16
    assert set(energy["quality"]) == {"measured"}
    (bill,) = shown(folder, "bill", "show", SWAPPED, "--period", "2026-10")
    assert bill["known_ratio"] == 1
    balance = shown(folder, "energy", "balance", SWAPPED, "--period", "2026-10")
    assert balance["gross_use"]["total_kwh"] == pytest.approx(SWAPPED_KWH)
    assert balance["gross_use"]["known_ratio"] == 1


def test_the_report_of_the_month_has_what_ended_in_it(folder, tmp_path):
    bkkenergy("report", "health", "--period", "2026-10", "--format", "json", "-o", tmp_path, "--config", folder)
    report = json.loads((tmp_path / "health/health_2026-10.json").read_text())
    rows = {row["id"]: row for row in report["buildings"]}
    assert rows[ENDED]["use"]["energy_kwh"] == pytest.approx(ENDED_KWH)
    assert rows[SWAPPED]["use"]["energy_kwh"] == pytest.approx(SWAPPED_KWH)
    assert rows[SWAPPED]["use"]["coverage_ratio"] == 1
    assert report["total"]["energy_kwh"] == pytest.approx(ENDED_KWH + SWAPPED_KWH)


def test_the_report_of_the_next_month_does_not_have_it(folder, tmp_path):
    bkkenergy("report", "health", "--period", "2026-11", "--format", "json", "-o", tmp_path, "--config", folder)
    report = json.loads((tmp_path / "health/health_2026-11.json").read_text())
    assert ENDED not in {row["id"] for row in report["buildings"]}


def test_the_api_answers_for_the_days_when_it_stood(health):
    energy = health.get(f"/api/v1/buildings/{ENDED}/energy", params=OCTOBER).json()
    assert sum(value or 0 for value in energy["energy_kwh"]) == pytest.approx(ENDED_KWH)
    meter = health.get(f"/api/v1/meters/{SWAPPED}.main/energy", params=OCTOBER | {"last": "2026-10-15"}).json()
    assert sum(value or 0 for value in meter["energy_kwh"]) == pytest.approx(15 * 96 * 2)
    swapped = health.get(f"/api/v1/buildings/{SWAPPED}/energy", params=OCTOBER).json()
    assert sum(swapped["energy_kwh"]) == pytest.approx(SWAPPED_KWH)
    for path in ("balance", "submeters"):
        assert health.get(f"/api/v1/buildings/{ENDED}/{path}", params=OCTOBER).status_code == 200
    assert health.get(f"/api/v1/buildings/{ENDED}/bills/2026-10").json()["energy_kwh"] == pytest.approx(ENDED_KWH)
    assert health.get(f"/api/v1/meters/{ENDED}.main/channels").json()[0]["channel"] == "import"
    power = health.get(f"/api/v1/meters/{ENDED}.main/channels/import", params=OCTOBER)
    assert power.status_code == 200
    november = {"first": "2026-11-01", "last": "2026-11-30"}
    answer = health.get(f"/api/v1/buildings/{ENDED}/energy", params=november)
    assert (answer.status_code, "..2026-10-15" in answer.text) == (404, True)


def test_what_ended_is_still_nothing_for_other_agencies(education):
    for path in (f"buildings/{ENDED}/energy", f"buildings/{ENDED}/balance", f"meters/{ENDED}.main/energy"):
        answer = education.get(f"/api/v1/{path}", params=OCTOBER)
        assert (answer.status_code, "10-15" in answer.text) == (404, False)
    for path in (f"buildings/{ENDED}/bills/2026-10", f"meters/{ENDED}.main/channels", f"explore/building/{ENDED}"):
        assert education.get(f"/api/v1/{path}").status_code == 404


def test_its_page_goes_to_the_explorer_which_says_until_when_it_was_there(app, health):
    seen = health.get(f"/api/v1/explore/building/{ENDED}").json()
    assert (seen["first"], seen["last"]) == ("2026-10-09", "2026-10-15")
    assert seen["total_kwh"] == pytest.approx(7 * 384)
    swapped = health.get(f"/api/v1/explore/building/{SWAPPED}", params=OCTOBER).json()
    assert swapped["total_kwh"] == pytest.approx(SWAPPED_KWH)
    page = signed_in(app, "health").get(f"/buildings/{ENDED}")
    assert page.headers["location"] == f"/explore/building/{ENDED}"
    later = signed_in(app, "health").get(f"/explore/building/{ENDED}", params=OCTOBER | {"lang": "en"})
    assert "It was there until" in later.text
