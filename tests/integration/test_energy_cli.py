"""`bkkenergy energy` and the API beside it: one balance, whoever asks."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import add_user
from bkkenergy.cli import cli
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from tests.builders import DAY, DAY_US, QUARTER_US
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import make_jobs
from tests.web import PASSWORD, SETTINGS, make_app, signed_in

BUILDING = "environment.headquarters"
DAYS = {"first": "2026-11-22", "last": "2026-11-23"}
BELOW = """
[[building.meters]]
id = "shop"
name_th = "ร้านค้า"
name_en = "Shop"
rated_kw = 100
parent = "main"
tenant = true

[[building.meters]]
id = "floor"
name_th = "ชั้น 2"
name_en = "Second floor"
rated_kw = 100
parent = "main"

[[building.virtual_meters]]
id = "own"
name_th = "ส่วนกลาง"
name_en = "Landlord"
plus = ["main"]
minus = ["shop"]
purpose = "landlord"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two days of a main meter (40 kW), a tenant's (8 kW) and a floor's (20 kW) below it."""
    folder = tmp_path_factory.mktemp("energy")
    (folder / "config").mkdir()
    for name in set(CONFIG_PARTS) - {"portfolio"}:
        (folder / "config" / name).symlink_to(ROOT / "config" / name)
    shutil.copytree(ROOT / "config/portfolio", folder / "config/portfolio")
    with (folder / "config/portfolio/buildings/environment.toml").open("a") as file:
        file.write(BELOW)
    (folder / "config/bkkenergy.toml").write_text(SETTINGS)
    site = load_configuration(folder / "config")
    store = open_writable(site.settings)
    at = DAY_US + np.arange(-96, 97) * QUARTER_US
    for name, kw in (("main", 40.0), ("shop", 8.0), ("floor", 20.0)):
        columns = {"energy_kwh": 1000 + np.arange(len(at)) * kw / 4}
        store.commit(ReadingBatch((f"{BUILDING}.{name}",), np.zeros(len(at), np.int64), at, columns))
    store.close()
    return folder


@pytest.fixture(scope="module")
def client(home):
    site = load_configuration(home / "config")
    make_jobs(site).bring_up()
    add_user(open_state(site.settings.state), "admin", PASSWORD, "admin", ["all"], DAY.start)
    return signed_in(make_app(home), "admin")


@pytest.fixture
def run(home):
    def run(*arguments, code=0):
        done = CliRunner().invoke(cli, ["energy", *arguments, "--config", str(home / "config")], terminal_width=200)
        assert (done.exit_code if code == 0 else type(done.exception).__name__) == code, done.output
        return done.output if code == 0 else str(done.exception)

    return run


def test_energy_is_shown_by_interval_with_its_quality(run):
    asked = ("--period", "2026-11-23", "--step", "60min")
    rows = list(csv.DictReader(io.StringIO(run("show", f"{BUILDING}.main", *asked, "--format", "csv"))))
    assert len(rows) == 24
    assert rows[0] == {"start": "2026-11-23T00:00:00+07:00", "energy_kwh": "40.0", "quality": "measured"}
    found = json.loads(run("show", BUILDING, *asked, "--format", "json"))
    assert (sum(found["energy_kwh"]), set(found["quality"])) == (pytest.approx(960), {"measured"})
    assert "192.00" in run("show", f"{BUILDING}.shop", *asked)


def test_a_day_without_readings_has_no_energy_and_no_zero(run):
    found = json.loads(run("show", BUILDING, "--period", "2026-11-01", "--format", "json"))
    assert (found["energy_kwh"], found["quality"]) == ([None], ["missing"])


def test_a_balance_is_printed_with_sub_meters_tenants_and_virtual_meters(run):
    output = run("balance", BUILDING, "--period", "2026-11-23", "--lang", "en")
    for name, total in (
        ("Grid import", "960.0"), ("Used by tenants", "192.0"), ("Gross use of the building", "768.0"),
        ("Landlord", "768.0"), ("Second floor", "480.0"), ("Not sub-metered", "288.0"),
    ):  # fmt: skip
        assert re.search(rf"{name}\W+{total}\W+100.0%", output), output
    assert "ผู้เช่าใช้" in run("balance", BUILDING, "--period", "2026-11-23")


def test_the_command_and_the_api_say_the_same(run, client):
    found = json.loads(run("balance", BUILDING, "--period", "2026-11-22..2026-11-23", "--step", "15min", "--json"))
    main_meters = found.pop("main_meters")
    answer = client.get(f"/api/v1/buildings/{BUILDING}/balance", params=DAYS)
    assert str(found.pop("portfolio_revision")) == answer.headers["Portfolio-Revision"]
    assert found == answer.json()
    assert main_meters == client.get(f"/api/v1/buildings/{BUILDING}/submeters", params=DAYS).json()["main_meters"]
    assert sum(found["gross_use"]["energy_kwh"]) == pytest.approx(2 * 768)
    assert [own["total_kwh"] for own in found["virtual_meters"]] == pytest.approx([2 * 768])
    assert [part["share_ratio"] for part in main_meters[0]["sub_meters"]] == pytest.approx([0.2, 0.5])
    assert main_meters[0]["rest_ratio"] == pytest.approx(0.3)


def test_the_import_of_a_balance_is_the_energy_of_the_building(client):
    balance = client.get(f"/api/v1/buildings/{BUILDING}/balance", params=DAYS).json()
    energy = client.get(f"/api/v1/buildings/{BUILDING}/energy", params=DAYS).json()
    assert balance["grid_import"]["energy_kwh"] == energy["energy_kwh"]
    assert balance["grid_import"]["total_kwh"] == pytest.approx(sum(energy["energy_kwh"]))


def test_what_has_not_changed_is_not_sent_again(client):
    first = client.get(f"/api/v1/buildings/{BUILDING}/submeters", params=DAYS)
    again = client.get(
        f"/api/v1/buildings/{BUILDING}/submeters", params=DAYS, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_days_the_wrong_way_round_are_refused(client):
    for path in ("balance", "submeters"):
        answer = client.get(
            f"/api/v1/buildings/{BUILDING}/{path}", params={"first": "2026-11-23", "last": "2026-11-22"}
        )
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("show", "environment.moon", "--period", "2026-11-23"), "not in the portfolio"),
        (("balance", "moon", "--period", "2026-11-23"), "not in the portfolio"),
        (("balance", BUILDING, "--period", "2026-11-23", "--step", "month"), "no whole number of steps"),
        (("show", BUILDING, "--period", "yesteryear"), "is not understood"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(run, arguments, why):
    assert why in run(*arguments, code="InputError")
