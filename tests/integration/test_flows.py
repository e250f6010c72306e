"""Where energy went: the page, its picture and its table agree with the balance, and say what cannot be."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re

import numpy as np
import pytest

from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import BANGKOK, Period, edges, epoch_us
from bkkenergy.i18n import Words
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.usecases.balance import building_energy
from bkkenergy.usecases.energy import building_quarters
from bkkenergy.usecases.recompute import recompute
from bkkenergy.usecases.whereitwent import hours_of_week, where_it_went
from bkkenergy.web.app import create_app
from bkkenergy.web.pages_flows import parts_of, period_asked
from bkkenergy.web.sankey import SankeyBar, sankey
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import make_context
from tests.web import PASSWORD, signed_in

NOW = dt.datetime(2026, 11, 26, 10, 0, tzinfo=BANGKOK)
SENT = Period.parse("2026-10-25..2026-11-25", today=NOW.date())
WEEK = Period.parse("2026-11-02..2026-11-08", today=NOW.date())
HOSPITAL, TOO_MUCH, PLAIN = "medical-service.klang", "medical-service.taksin", "health.centre-1"
MEAN_KW = {f"{HOSPITAL}.main": 900.0, f"{HOSPITAL}.chiller": 420.0, f"{HOSPITAL}.wards": 250.0,
           f"{TOO_MUCH}.main": 500.0, f"{TOO_MUCH}.chiller": 420.0, f"{TOO_MUCH}.wards": 250.0,
           f"{PLAIN}.main": 30.0}  # fmt: skip


def make_flows_site(home):
    """A hospital with sub-meters, one whose sub-meters count more than its main meter, and a plain health centre."""
    (home / "config").mkdir(parents=True)
    for name in CONFIG_PARTS:
        (home / "config" / name).symlink_to(ROOT / "config" / name)
    (home / "config/bkkenergy.toml").write_text("[web]\nsecure_cookies = false\nsecond_factor = 'offered'\n")
    store = open_writable(Settings(store=StoreSettings(path=home / "var/bkkenergy.sqlite")))
    at = epoch_us(edges(SENT, "15min"))
    hour = (at / 3_600_000_000 + 7) % 24
    rng = np.random.default_rng(3)
    for meter, mean_kw in MEAN_KW.items():
        kw = mean_kw * np.where((hour > 8) & (hour < 18), 1.3, 0.8) * rng.uniform(0.9, 1.1, len(at))
        columns = {"energy_kwh": 1000.0 + np.cumsum(kw) / 4}
        store.commit(ReadingBatch((meter,), np.zeros(len(at), np.int64), at, columns))
    store.close()
    here = make_context(load_configuration(home / "config"), lambda: NOW)
    recompute(here.opened, within_s=600)
    add_user(here.opened.state, "admin", PASSWORD, "admin", ["all"], NOW)
    add_user(here.opened.state, "viewer-health", PASSWORD, "viewer", ["health"], NOW)
    return here


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return make_flows_site(tmp_path_factory.mktemp("flows"))


@pytest.fixture(scope="module")
def admin(here):
    return signed_in(create_app(here), "admin")


def went(here, building, period=WEEK):
    return where_it_went(here.opened, here.portfolio.buildings[building], period)


def test_parts_and_rest_are_the_main_meter_and_the_balance_s_own(here):
    by_key = {branch.key: branch for branch in went(here, HOSPITAL).branches}
    energy = building_energy(here.opened.energy, here.portfolio.buildings[HOSPITAL], WEEK, "day")
    assert by_key["building"].energy_kwh == energy.balance.gross_use.total_kwh
    main = by_key[f"{HOSPITAL}.main"]
    below = [branch for branch in by_key.values() if branch.above == main.key]
    assert sum(branch.energy_kwh for branch in below) == pytest.approx(main.energy_kwh)
    assert sum(branch.share_ratio for branch in below) == pytest.approx(1.0)
    assert by_key[f"{HOSPITAL}.main.rest"].energy_kwh > 0
    assert "production" not in by_key, "no PV, no line"


def test_a_rest_below_zero_is_said_and_not_drawn(here, admin):
    (over,) = went(here, TOO_MUCH).exceeding
    assert over.energy_kwh < -1000
    page = admin.get(f"/buildings/{TOO_MUCH}/flows", params={"period": "2026-11-02..2026-11-08", "lang": "en"}).text
    said = f"Sub-meters count {-over.energy_kwh:,.1f} kWh more than the meter above them"
    assert said in page
    picture = re.search(r'<svg class="sankey".*?</svg>', page, re.DOTALL)[0]
    assert "k-rest" not in picture
    assert f"{over.energy_kwh:,.0f}" in page, "the table has the figure"


def test_a_building_without_sub_meters_has_one_line_of_use(here, admin):
    kinds = [branch.kind for branch in went(here, PLAIN).branches]
    assert kinds == ["grid_import", "building", "use"]
    assert admin.get(f"/buildings/{PLAIN}/flows").status_code == 200


def test_hours_of_the_week_are_means_of_the_known_quarter_hours(here):
    building = here.portfolio.buildings[HOSPITAL]
    kw = building_quarters(here.opened.energy, building, WEEK).known_kwh * 4
    assert went(here, HOSPITAL).hour_kw == pytest.approx(kw.reshape(7, 24, 4).mean(axis=2))
    kw[:8] = np.nan
    gaps = hours_of_week(kw, WEEK)
    assert np.isnan(gaps[0, :2]).all()
    assert np.isfinite(gaps).sum() == 7 * 24 - 2


def test_the_picture_is_as_high_as_energy_and_each_ribbon_fits_its_bars():
    parts = [
        SankeyBar("building", "", 0, 100.0, "k-gross-use", "Building", "100"),
        *(SankeyBar(f"p{kwh}", "building", 1, kwh, "k-part-0", f"part {kwh}", f"{kwh}") for kwh in (60.0, 30.0, 10.0)),
        SankeyBar("nothing", "building", 1, 0.0, "k-part-1", "nothing", "0"),
        SankeyBar("below", "building", 1, -5.0, "k-part-1", "below", "-5"),
    ]
    drawn = sankey(parts, "building", title="x")
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"/>', drawn)]
    assert heights == pytest.approx([300.0, 180.0, 90.0, 30.0])
    assert drawn.count('class="flow') == 3
    assert "below" not in drawn
    assert sankey(parts[:1], "building", title="x") == ""
    assert sankey([], "building", title="x") == ""


def test_with_pv_sources_stand_left_of_the_building(here):
    branches = went(here, HOSPITAL).branches
    parts = parts_of(branches, Words("en"))
    assert {part.column for part in parts} == {0, 1}, "one source and one main meter are the building itself"
    pv = type(branches[0])("production", "building", "production", None, 50.0, 0.1, 1.0)
    columns = {part.key: part.column for part in parts_of([pv, *branches], Words("en"))}
    assert (columns["production"], columns["building"], columns[f"{HOSPITAL}.chiller"]) == (0, 1, 2)


@pytest.mark.parametrize("lang", ["th", "en"])
def test_each_quarter_hour_of_the_bill_leads_to_the_explorer_at_it(here, admin, lang):
    page = admin.get(f"/buildings/{HOSPITAL}/flows", params={"period": "2026-11", "lang": lang}).text
    links = re.findall(rf'href="(/explore/building/{HOSPITAL}\?first=[\d-]+&amp;last=[\d-]+#z=(\d+)-(\d+))"', page)
    quarters = went(here, HOSPITAL, Period.parse("2026-11-01..2026-11-26", today=NOW.date())).demand
    assert len(links) == len(quarters) == 5
    for (address, from_s, to_s), quarter in zip(links, quarters, strict=True):
        assert int(from_s) < quarter.start.timestamp() < int(to_s)
        assert admin.get(address.partition("#")[0].replace("&amp;", "&")).status_code == 200
    assert quarters[0].charge_thb == pytest.approx(quarters[0].power_kw * 132.93), "demand On Peak, 12 to 24 kV"


@pytest.mark.parametrize(
    "period", ["nonsense", "2026-13", "2027-01", "2569-10", "2020-01-01..2026-11-01", "../..", "FY9999", "2026-11-09..2026-11-01", "๒๕๖๙", "x" * 300]
)  # fmt: skip
def test_a_period_that_cannot_be_shown_is_said_and_the_last_days_are_shown(admin, period):
    answer = admin.get(f"/buildings/{PLAIN}/flows", params={"period": period, "lang": "en"})
    assert answer.status_code == 422
    assert "This period cannot be shown" in answer.text


def test_a_period_ends_today_at_the_latest():
    asked, is_fault = period_asked("2026-11", NOW.date())
    assert (asked.first_day, asked.last_day, is_fault) == (dt.date(2026, 11, 1), NOW.date(), False)
    assert period_asked("", NOW.date())[0].last_day == dt.date(2026, 11, 25)


def test_the_table_as_csv_has_the_same_figures(here, admin):
    answer = admin.get(f"/buildings/{HOSPITAL}/flows", params={"period": "2026-11-02..2026-11-08", "format": "csv", "lang": "en"})  # fmt: skip
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    branches = went(here, HOSPITAL).branches
    assert [float(row[1]) for row in rows[1 : 1 + len(branches)]] == pytest.approx([one.energy_kwh for one in branches])
    assert len(rows[len(branches) + 3]) == 25
    assert admin.get(f"/buildings/{HOSPITAL}/flows", params={"format": "exe"}).status_code == 422


def test_the_api_has_the_same_figures(here, admin):
    span = {"first": "2026-11-02", "last": "2026-11-08"}
    answer = admin.get(f"/api/v1/buildings/{HOSPITAL}/flows", params=span).json()
    seen = went(here, HOSPITAL)
    assert [part["energy_kwh"] for part in answer["parts"]] == [pytest.approx(one.energy_kwh) for one in seen.branches]
    assert np.array(answer["hour_kw"]) == pytest.approx(seen.hour_kw)
    assert [one["power_kw"] for one in answer["demand"]] == [pytest.approx(one.power_kw) for one in seen.demand]


def test_another_agency_s_building_is_not_found(here):
    client = signed_in(create_app(here), "viewer-health")
    assert client.get(f"/buildings/{HOSPITAL}/flows").status_code == 404
    assert client.get(f"/buildings/{PLAIN}/flows").status_code == 200
