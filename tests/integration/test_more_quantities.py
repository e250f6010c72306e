"""What a meter sends beside energy reaches the ledger, the API, the building's page, its findings and its bill."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.cli import cli
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.savings.gather import facts_of
from bkkenergy.savings.insights import find
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.usecases.bills import month_bills
from bkkenergy.usecases.billsofmany import bills_until
from bkkenergy.web.app import create_app
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import make_context, make_jobs
from tests.web import PASSWORD, SETTINGS, signed_in

BUILDING, METER = "education.headquarters", "education.headquarters.main"
QUARTER_US = 900_000_000
TODAY = dt.datetime.now(BANGKOK).date()
MONTH_END = TODAY.replace(day=1) - dt.timedelta(days=1)
MONTH = Period.month(MONTH_END.year, MONTH_END.month)
LOAD_KW, LOAD_KVAR = 100.0, 80.0
LOST_QUARTERS = 8


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home: Path = tmp_path_factory.mktemp("more")
    (home / "config").mkdir()
    for name in CONFIG_PARTS:
        (home / "config" / name).symlink_to(ROOT / "config" / name)
    (home / "config/bkkenergy.toml").write_text(SETTINGS)
    config = load_configuration(home / "config")
    at_us = np.arange(timestamp_us(MONTH.start), timestamp_us(pd.Timestamp(TODAY, tz=BANGKOK)) + 1, QUARTER_US)
    hours = np.arange(len(at_us)) / 4
    voltage_v = np.full(len(at_us), 231.0)
    voltage_v[-20 : -20 + LOST_QUARTERS] = 4.0
    columns = {
        "energy_kwh": 1000 + np.cumsum(LOAD_KW / 4 * (1 - 0.01 * (hours.astype(int) % 2))),  # no two hours alike
        "reactive_kvarh": 500 + LOAD_KVAR * hours,
        "thd_voltage_ratio": np.full(len(at_us), 0.03),
        "room_temp_c": np.full(len(at_us), 25.5),
        "voltage_l1_v": voltage_v,
        "voltage_l2_v": np.full(len(at_us), 230.0),
        "voltage_l3_v": np.full(len(at_us), 229.0),
        "current_l1_a": np.full(len(at_us), 250.0),
        "current_l2_a": np.full(len(at_us), 150.0),
        "current_l3_a": np.full(len(at_us), 100.0),
    }
    store = open_writable(config.settings)
    store.commit(ReadingBatch((METER,), np.zeros(len(at_us), np.int64), at_us, columns))
    store.close()
    make_jobs(config).bring_up()
    add_user(open_state(config.settings.state), "admin", PASSWORD, "admin", ["all"], dt.datetime.now(dt.UTC))
    return home


@pytest.fixture(scope="module")
def app(home):
    return create_app(make_context(load_configuration(home / "config")))


@pytest.fixture(scope="module")
def client(app):
    return signed_in(app, "admin")


def test_the_api_lists_a_meters_channels_and_gives_each_with_its_unit(client):
    listed = {row["channel"]: row for row in client.get(f"/api/v1/meters/{METER}/channels").json()}
    assert {"import", "reactive", "thd_voltage", "room_temp"} <= listed.keys()
    assert listed["reactive"] == {"channel": "reactive", "unit": "kvarh", "is_additive": True}
    span = {"first": str(MONTH.first_day), "last": str(MONTH.first_day)}
    series = client.get(f"/api/v1/meters/{METER}/channels/reactive", params=span).json()
    assert (series["unit"], series["step"], len(series["values"])) == ("kvarh", "15min", 96)
    assert sum(series["values"]) == pytest.approx(LOAD_KVAR * 24)
    rooms = client.get(f"/api/v1/meters/{METER}/channels/room_temp", params=span | {"format": "csv"})
    table = pd.read_csv(io.StringIO(rooms.text))
    assert table["value"].tolist() == [25.5] * 96
    assert set(table["quality"]) == {"measured"}
    assert client.get(f"/api/v1/meters/{METER}/channels/phlogiston", params=span).status_code == 404
    assert client.get("/api/v1/meters/a.b.c/channels").status_code == 404


def test_days_of_a_channel_are_sums_or_means(client):
    span = {"first": str(TODAY - dt.timedelta(days=300)), "last": str(TODAY)}
    for channel, expected in (("reactive", LOAD_KVAR * 24), ("thd_voltage", 0.03)):
        series = client.get(f"/api/v1/meters/{METER}/channels/{channel}", params=span).json()
        day = [start[:10] for start in series["starts"]].index(str(MONTH.first_day))
        assert series["step"] == "day"
        assert series["values"][day] == pytest.approx(expected)
        assert series["values"][0] is None


def test_power_by_phase_is_where_it_went_and_adds_up_to_the_meter(client):
    span = {"first": str(MONTH.first_day), "last": str(MONTH.first_day)}
    went = client.get(f"/api/v1/buildings/{BUILDING}/flows", params=span).json()
    phases = went["phases"]
    assert [row["phase"] for row in phases] == [1, 2, 3]
    assert sum(row["energy_kwh"] for row in phases) == pytest.approx(went["parts"][0]["energy_kwh"])
    assert phases[0]["share_ratio"] == pytest.approx(250 * 231 / (250 * 231 + 150 * 230 + 100 * 229), rel=1e-6)
    assert [(row["mean_a"], row["known_ratio"]) for row in phases] == [(250.0, 1.0), (150.0, 1.0), (100.0, 1.0)]
    address = f"/buildings/{BUILDING}/flows"
    page = client.get(address, params={"period": str(MONTH.first_day), "lang": "en"}).text
    assert page.count('class="line phase k-part-') == 3
    assert "Power by phase" in page
    table = client.get(address, params={"period": str(MONTH.first_day), "lang": "en", "format": "csv"}).text
    assert f"L1,{phases[0]['energy_kwh']},250.0,231.0" in table


def test_a_phase_is_shown_between_the_lowest_and_the_highest_of_all_three(client):
    span = {"first": str(MONTH.first_day), "last": str(MONTH.first_day), "compare": "phases"}
    shown = client.get(f"/api/v1/explore/meter/{METER}", params=span | {"quantity": "current_l1"}).json()
    assert set(shown["values"]) == {250.0}
    compared = shown["compared"]
    assert set(compared["low"]) == {100.0}
    assert set(compared["high"]) == {250.0}
    assert compared["values"][0] == pytest.approx(500 / 3)
    refused = client.get(f"/api/v1/explore/meter/{METER}", params=span | {"quantity": "import"}).json()
    assert refused["compared"] is None
    assert refused["why_not_compared"]
    page = client.get(f"/explore/meter/{METER}", params=span | {"quantity": "voltage_l1", "lang": "en"}).text
    assert "mean of the three phases" in page
    assert (
        client.get(f"/explore/meter/{METER}", params=span | {"quantity": "current_l2", "format": "xlsx"}).status_code
        == 200
    )


@pytest.mark.parametrize(("lang", "texts"), [("en", ["Further quantities", "reactive energy", "kvarh", "3.0%", "25.5"]),
                                             ("th", ["ปริมาณอื่น", "พลังงานรีแอกทีฟ", "อุณหภูมิห้อง"])])  # fmt: skip
def test_the_buildings_page_shows_them(client, lang, texts):
    page = client.get(f"/buildings/{BUILDING}", params={"lang": lang}).text.replace("\u00a0", " ").replace(" %", "%")
    assert [text for text in texts if text not in page] == []


def test_the_bill_has_the_power_factor_charge_by_the_kvarh_register(app):
    site = app.state.here.opened
    (bill,) = month_bills(site, site.portfolio.buildings[BUILDING], MONTH)
    rules = site.figures.tariffs.rules
    excess_kvar = round(LOAD_KVAR - rules.free_kvar_per_kw * LOAD_KW)
    assert bill.each[0].quantities.peak_kvar == pytest.approx(LOAD_KVAR)
    assert bill.amount_thb("power_factor") == pytest.approx(excess_kvar * float(rules.kvar_thb))
    buildings = [building for building in site.portfolio.buildings.values() if building.main_meters]
    for one, together in zip(buildings, bills_until(site, buildings, MONTH.first_day, MONTH.last_day), strict=True):
        assert together == month_bills(site, one, MONTH), f"{one.id}, with and without kvar beside it"


def test_the_command_shows_a_channel_of_a_meter_with_its_unit(home):
    given = [
        "energy",
        "show",
        METER,
        "--period",
        str(MONTH.first_day),
        "--step",
        "day",
        "--config",
        str(home / "config"),
    ]
    answer = json.loads(CliRunner().invoke(cli, [*given, "--channel", "reactive", "--json"]).stdout)
    assert (answer["unit"], answer["values"]) == ("kvarh", [pytest.approx(LOAD_KVAR * 24)])
    table = CliRunner().invoke(cli, [*given, "--channel", "room_temp", "--format", "csv"]).stdout.splitlines()
    assert table[0] == "start,value [degC],quality"
    assert table[1].split(",")[1:] == ["25.5", "measured"]
    refused = CliRunner().invoke(cli, [*given[:2], BUILDING, *given[3:], "--channel", "reactive"])
    assert refused.exit_code != 0
    assert "is of one meter" in refused.output + str(refused.exception or "")


def test_low_power_factor_and_a_lost_phase_are_found(app):
    site = app.state.here.opened
    facts = facts_of(site, site.portfolio.buildings[BUILDING], last_day=TODAY - dt.timedelta(days=1))
    assert facts.phases is not None
    assert facts.phases.lost_h == pytest.approx(LOST_QUARTERS / 4)
    found = {one.rule: one for one in find(facts, site.savings.insights)}
    assert found["lost_phase"].severity == "alert"
    assert found["power_factor"].evidence["capacitor_kvar"] == pytest.approx(LOAD_KVAR - 0.57 * LOAD_KW, rel=0.01)


EXPLORED = [
    pytest.param("reactive", "15min", "kvar", LOAD_KVAR, "kvarh", LOAD_KVAR * 24, id="kvarh_as_kvar"),
    pytest.param("reactive", "day", "kvarh", LOAD_KVAR * 24, "kvarh", LOAD_KVAR * 24, id="kvarh_of_days"),
    pytest.param("room_temp", "15min", "°C", 25.5, "", None, id="a_room_by_quarter_hours"),
    pytest.param("room_temp", "day", "°C", 25.5, "", None, id="a_room_by_days"),
    pytest.param("voltage_l2", "60min", "V", 230.0, "", None, id="volts_by_hours"),
    pytest.param("thd_voltage", "60min", "ratio", 0.03, "", None, id="a_ratio"),
]


@pytest.mark.parametrize(("quantity", "step", "unit", "value", "total_unit", "total"), EXPLORED)
def test_the_explorer_draws_any_channel_of_a_meter_with_its_unit(
    client, quantity, step, unit, value, total_unit, total
):
    span = {"first": str(MONTH.first_day), "last": str(MONTH.first_day), "quantity": quantity, "step": step}
    seen = client.get(f"/api/v1/explore/meter/{METER}", params=span | {"lang": "en"}).json()
    assert (seen["unit"], seen["step"], set(seen["quality"])) == (unit, step, {"measured"})
    assert seen["values"] == pytest.approx([value] * len(seen["values"]))
    assert (seen["total_unit"], seen["total_kwh"]) == (total_unit, None)
    assert seen["total"] == (None if total is None else pytest.approx(total))
    assert seen["is_mean"] == (total is None)


@pytest.mark.parametrize(("lang", "texts"), [("en", ["Reactive energy", "1,920.0 kvarh in total", "Room temperature", "Voltage of phase 1"]),
                                             ("th", ["พลังงานรีแอกทีฟ", "1,920.0 กิโลวาร์-ชั่วโมง", "อุณหภูมิห้อง", "แรงดันเฟส 1"])])  # fmt: skip
def test_the_explorer_s_page_names_and_offers_them(client, lang, texts):
    asked = {"first": str(MONTH.first_day), "last": str(MONTH.first_day), "quantity": "reactive", "lang": lang}
    page = client.get(f"/explore/meter/{METER}", params=asked).text.replace("\u00a0", " ")
    assert [text for text in texts if text not in page] == []
    assert (
        'href="/explore/meter/education.headquarters.main?quantity=reactive"'
        in client.get(f"/buildings/{BUILDING}").text
    )


@pytest.mark.parametrize(("quantity", "heads"), [("reactive", ["Reactive energy (kvarh)", "Reactive energy (kvar)"]),
                                                 ("room_temp", ["Room temperature (°C)"])])  # fmt: skip
def test_files_of_a_channel_have_its_unit_and_no_energy(client, quantity, heads):
    asked = {"first": str(MONTH.first_day), "last": str(MONTH.first_day), "quantity": quantity, "lang": "en"}
    text = client.get(f"/explore/meter/{METER}", params=asked | {"format": "csv"}).content.decode("utf-8-sig")
    columns = text.splitlines()[0].split(",")
    assert columns[1 : len(heads) + 1] == heads
    assert not any("kWh" in column for column in columns)
    book = openpyxl.load_workbook(
        io.BytesIO(client.get(f"/explore/meter/{METER}", params=asked | {"format": "xlsx"}).content)
    )
    assert [cell.value for cell in book.active[3]][1 : len(heads) + 1] == heads


def test_a_channel_compares_with_an_earlier_period_and_another_meter_s_is_not_offered(client):
    asked = {"first": str(MONTH.first_day + dt.timedelta(days=8)), "last": str(MONTH.first_day + dt.timedelta(days=8))}
    seen = client.get(
        f"/api/v1/explore/meter/{METER}", params=asked | {"quantity": "room_temp", "compare": "week"}
    ).json()
    assert seen["compared"]["values"] == pytest.approx([25.5] * 96)
    refused = client.get(f"/api/v1/explore/meter/{METER}", params=asked | {"quantity": "gas"})
    assert refused.status_code == 422
    assert "room_temp" in refused.text
    assert (
        client.get(f"/api/v1/explore/building/{BUILDING}", params=asked | {"quantity": "room_temp"}).status_code == 422
    )
