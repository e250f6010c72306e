"""A building's balance from a real ledger: readings in, energy and what is not known out."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.portfolio import Building, Meter, MeterKind, Portfolio, Roof, VirtualMeter
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.usecases.balance import BuildingBalance, Note, building_energy, sub_meters
from bkkenergy.usecases.energy import building_quarters, energy_series
from tests.conftest import inputs
from tests.sites import energy

FIRST, LAST = dt.date(2026, 11, 2), dt.date(2026, 11, 4)
SPAN = Period.days(FIRST, LAST)
QUARTERS = 3 * 96
QUARTER_US = 900_000_000
START_US = timestamp_us(SPAN.start)
ROOF = Roof(id="r", area_m2=100, tilt_deg=5, azimuth_deg=180, installed_kwp=50)


def meter(local, **given):
    return Meter(**{"id": f"a.b.{local}", "building": "a.b", "topic": local, "rated_kw": 1000} | given)


def building(*meters, virtual=(), roofs=()):
    return Building(
        id="a.b", agency="a", name_th="ก", name_en="B", type="office", gross_floor_area_m2=1, latitude_deg=13,
        longitude_deg=100, tariff="t", calendar="c", meters=meters, virtual_meters=virtual, roofs=roofs,
    )  # fmt: skip


def virtual(local="landlord", **given):
    names = {side: tuple(f"a.b.{name}" for name in given.pop(side, ())) for side in ("plus", "minus")}
    return VirtualMeter(id=f"a.b.{local}", building="a.b", name_th="ก", name_en="L", **names, **given)


def building_balance(ledger, of, period, step) -> BuildingBalance:
    """The balance of a building, of all that is read of it."""
    return building_energy(ledger, of, period, step).balance


class Site:
    """A ledger of one building, filled by readings."""

    def __init__(self, path):
        self.path = path
        self.sent = []

    def send(self, local, import_kwh, export_kwh=None, silent=slice(0, 0)):
        """Registers of energies by quarter-hour; no reading inside `silent`."""
        at = START_US + np.arange(QUARTERS + 1) * QUARTER_US
        there = np.ones(len(at), bool)
        there[silent] = False
        columns = (
            {"energy_kwh": import_kwh} if export_kwh is None else {"energy_kwh": import_kwh, "export_kwh": export_kwh}
        )
        registers = {
            name: 1000 + np.concatenate([[0], np.cumsum(np.broadcast_to(kwh, QUARTERS))])[there]
            for name, kwh in columns.items()
        }
        self.sent.append(ReadingBatch((f"a.b.{local}",), np.zeros(there.sum(), np.int64), at[there], registers))

    def read(self, of, function, *arguments):
        portfolio = Portfolio(agencies={}, buildings={"a.b": of}, calendars={})
        with energy(Settings(store=StoreSettings(path=self.path / "store.sqlite")), portfolio) as opened:
            for batch in self.sent:
                opened.store.commit(batch)
            self.sent.clear()
            return function(opened.fresh, of, *arguments)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


DAYLIGHT = np.tile(np.where((np.arange(96) > 32) & (np.arange(96) < 64), 8.0, 0.0), 3)
MAIN, PV = meter("main"), meter("pv", pv=True)


def test_a_building_without_pv_uses_what_it_imports(site):
    site.send("main", 5.0)
    found = site.read(building(MAIN), building_balance, SPAN, "day")
    assert found.gross_use.total_kwh == found.grid_import.total_kwh == pytest.approx(5.0 * QUARTERS)
    assert (found.production.total_kwh, found.grid_export.total_kwh, found.tenants) == (0, 0, None)
    assert found.gross_use.energy_kwh == pytest.approx([480.0] * 3)
    assert (found.gross_use.known_ratio, found.notes) == (1.0, ())


def test_gross_use_counts_what_pv_made_and_the_building_used_itself(site):
    use = 5.0
    site.send("main", np.maximum(use - DAYLIGHT, 0), np.maximum(DAYLIGHT - use, 0))
    site.send("pv", DAYLIGHT)
    found = site.read(building(MAIN, PV, roofs=(ROOF,)), building_balance, SPAN, "60min")
    assert found.production.total_kwh == pytest.approx(DAYLIGHT.sum())
    assert found.gross_use.total_kwh == pytest.approx(use * QUARTERS)
    assert found.gross_use.energy_kwh == pytest.approx([use * 4] * 72)
    assert found.self_consumption.total_kwh == pytest.approx(np.minimum(DAYLIGHT, use).sum())
    assert found.notes == ()


def test_pv_that_no_meter_counts_leaves_production_and_use_unknown(site):
    site.send("main", 5.0, 1.0)
    found = site.read(building(MAIN, roofs=(ROOF,)), building_balance, SPAN, "day")
    assert (found.production, found.self_consumption, found.gross_use) == (None, None, None)
    assert found.notes == (Note.PV_NOT_METERED,)
    assert found.grid_import.total_kwh == pytest.approx(5.0 * QUARTERS)


@pytest.mark.parametrize(("export_kwh", "is_real"), [(1.0, True), (0.0, False), (0.001, False)])
def test_export_of_a_building_without_pv_leaves_its_use_unknown(site, export_kwh, is_real):
    site.send("main", 5.0, export_kwh)
    found = site.read(building(MAIN), building_balance, SPAN, "day")
    assert (found.gross_use is None) == (Note.EXPORT_WITHOUT_PV in found.notes) == is_real


def test_a_main_meter_beside_pv_without_an_export_register_is_named(site):
    site.send("main", 5.0)
    site.send("pv", DAYLIGHT)
    found = site.read(building(MAIN, PV), building_balance, SPAN, "day")
    assert (found.notes, found.grid_export) == ((Note.EXPORT_NOT_METERED,), None)
    assert found.gross_use.total_kwh == pytest.approx(5.0 * QUARTERS + DAYLIGHT.sum())


@pytest.mark.parametrize("days", [2, 90])
def test_an_export_register_that_stopped_leaves_use_unknown_and_is_not_taken_as_zero(site, days):
    of = building(MAIN, PV)
    site.send("main", 5.0, 1.0)
    site.send("pv", DAYLIGHT)
    site.read(of, building_balance, SPAN, "day")
    later = Period.days(LAST + dt.timedelta(days=days), LAST + dt.timedelta(days=days + 1))
    at = timestamp_us(later.start) + np.arange(193) * QUARTER_US
    for name in ("main", "pv"):
        grown = {"energy_kwh": 9000 + np.arange(193.0)}
        site.sent.append(ReadingBatch((f"a.b.{name}",), np.zeros(193, np.int64), at, grown))
    found = site.read(of, building_balance, later, "day")
    assert found.grid_import.known_ratio == 1.0
    assert found.grid_export.known_ratio < 1.0 - 0.4
    assert np.isnan(found.gross_use.energy_kwh[-1])
    assert Note.EXPORT_NOT_METERED not in found.notes


def test_pv_meters_that_run_the_wrong_way_are_named(site):
    site.send("main", 5.0, 1.0)
    site.send("pv", 0.01, DAYLIGHT)
    found = site.read(building(MAIN, PV), building_balance, SPAN, "day")
    assert set(found.notes) == {Note.PV_COUNTS_ON_EXPORT, Note.EXPORT_EXCEEDS_PRODUCTION}


def test_what_an_inverter_takes_at_night_stays_in_the_use_of_the_building(site):
    """A net counter of PV falls by 0.1 kWh a quarter-hour at night; the main meter counts that as import."""
    standby = np.where(DAYLIGHT > 0, 0.0, 0.1)
    site.send("main", 5.0 + standby, 0.0)
    site.send("pv", DAYLIGHT - standby)
    found = site.read(building(MAIN, meter("pv", pv=True, kind=MeterKind.NET)), building_balance, SPAN, "day")
    assert found.production.total_kwh == pytest.approx(DAYLIGHT.sum(), abs=0.01)
    assert found.gross_use.total_kwh == pytest.approx((5.0 + standby).sum() + DAYLIGHT.sum(), abs=0.01)


def test_one_counter_that_runs_both_ways_balances_as_two_registers_do(site):
    site.send("main", 5.0 - DAYLIGHT)
    site.send("pv", DAYLIGHT)
    net = meter("main", kind=MeterKind.NET)
    found = site.read(building(net, PV), building_balance, SPAN, "day")
    assert found.gross_use.total_kwh == pytest.approx(5.0 * QUARTERS, abs=0.01)
    assert found.grid_export.total_kwh == pytest.approx(np.maximum(DAYLIGHT - 5, 0).sum(), abs=0.01)


SHOP = meter("shop", parent="a.b.main", tenant=True)


def test_a_tenants_energy_is_no_use_of_the_building(site):
    site.send("main", 5.0)
    site.send("shop", 2.0)
    found = site.read(building(MAIN, SHOP), building_balance, SPAN, "day")
    assert found.tenants.total_kwh == pytest.approx(2.0 * QUARTERS)
    assert found.gross_use.total_kwh == pytest.approx(3.0 * QUARTERS)
    assert found.grid_import.total_kwh == pytest.approx(5.0 * QUARTERS), "what is billed stays"


def test_a_tenant_of_differences_is_taken_off_too(site):
    for name, kwh in (("main", 5.0), ("floor", 3.0), ("stairs", 1.0)):
        site.send(name, kwh)
    below = [meter("floor", parent="a.b.main"), meter("stairs", parent="a.b.floor")]
    tenant = virtual("tenant", plus=["floor"], minus=["stairs"], purpose="tenant")
    found = site.read(building(MAIN, *below, virtual=(tenant,)), building_balance, SPAN, "day")
    assert found.gross_use.total_kwh == pytest.approx(3.0 * QUARTERS)


def test_a_tenant_who_is_silent_leaves_the_use_unknown_and_the_share_says_so(site):
    site.send("main", 5.0)
    site.send("shop", 2.0, silent=slice(192, None))
    found = site.read(building(MAIN, SHOP), building_balance, SPAN, "day")
    assert found.gross_use.known_ratio == pytest.approx(191 / 288, abs=0.01)
    assert found.gross_use.total_kwh == pytest.approx(3.0 * 191, rel=0.01)
    assert np.isnan(found.gross_use.energy_kwh[2])
    assert found.grid_import.known_ratio == 1.0


def test_a_gap_between_registers_is_estimated_and_counts(site):
    site.send("main", 5.0, silent=slice(100, 140))
    found = site.read(building(MAIN), building_balance, SPAN, "day")
    assert found.gross_use.total_kwh == pytest.approx(5.0 * QUARTERS)
    assert found.gross_use.known_ratio == 1.0
    assert found.gross_use.measured_ratio == pytest.approx(1 - 41 / QUARTERS)


def test_a_building_that_nothing_measures_has_no_balance(site):
    found = site.read(building(roofs=(ROOF,)), building_energy, SPAN, "day")
    assert found.balance.gross_use is None
    assert found.balance.notes == (Note.NO_MAIN_METER, Note.PV_NOT_METERED)
    assert (found.sub_meters, found.virtual_meters, found.waiting) == ((), (), ())


def test_totals_are_those_of_every_other_report(site):
    """Also where one of two main meters is silent."""
    of = building(MAIN, meter("second"))
    site.send("main", 5.0, silent=slice(150, None))
    site.send("second", 1.0)
    found = site.read(of, building_balance, SPAN, "day")
    series = site.read(of, lambda ledger, own: energy_series(ledger, own.main_meters, SPAN, "day"))
    quarters = site.read(of, lambda ledger, own: building_quarters(ledger, own, SPAN))
    assert found.grid_import.total_kwh == pytest.approx(np.nansum(series.energy_kwh))
    assert found.grid_import.total_kwh == pytest.approx(np.nansum(quarters.accepted_kwh))
    assert found.gross_use.total_kwh == pytest.approx(found.grid_import.total_kwh)
    assert found.gross_use.known_ratio == pytest.approx(149 / 288)


FLOOR = meter("floor", parent="a.b.main")


def test_the_rest_is_what_no_sub_meter_counts(site):
    for name, kwh in (("main", 5.0), ("floor", 3.0), ("shop", 0.5)):
        site.send(name, kwh)
    (found,) = site.read(building(MAIN, FLOOR, SHOP), sub_meters, SPAN)
    assert found.whole.total_kwh == pytest.approx(5.0 * QUARTERS)
    assert [part.share_ratio for part in found.parts] == pytest.approx([0.6, 0.1])
    assert (found.rest.total_kwh, found.rest_ratio) == (pytest.approx(1.5 * QUARTERS), pytest.approx(0.3))
    assert not found.exceed_main


def test_sub_meters_that_count_more_than_their_main_meter_are_flagged(site):
    site.send("main", 5.0)
    site.send("floor", 6.0)
    (found,) = site.read(building(MAIN, FLOOR), sub_meters, SPAN)
    assert found.exceed_main
    assert found.rest.total_kwh == pytest.approx(-1.0 * QUARTERS)


def test_pv_feeds_sub_meters_too_and_is_none_of_them(site):
    """At noon the floor takes more than the grid gives: the rest counts what PV made."""
    site.send("main", np.maximum(5.0 - DAYLIGHT, 0), np.maximum(DAYLIGHT - 5.0, 0))
    site.send("pv", DAYLIGHT)
    site.send("floor", 4.0)
    for parent in (None, "a.b.main"):
        pv = meter("pv", pv=True, parent=parent)
        (found,) = site.read(building(MAIN, FLOOR, pv), sub_meters, SPAN)
        assert [part.meter.id for part in found.parts] == ["a.b.floor"]
        assert found.rest.total_kwh == pytest.approx(1.0 * QUARTERS)
        assert not found.exceed_main


def test_a_sub_meter_with_pv_behind_it_counts_what_it_takes_less_what_it_gives_back(site):
    site.send("main", 5.0)
    site.send("floor", 2.0, 1.0)
    site.send("till", 3.0)
    site.send("pv", 4.0)
    below = (FLOOR, meter("pv", pv=True, parent="a.b.floor"), meter("till", parent="a.b.floor"))
    whole, floor = site.read(building(MAIN, *below), sub_meters, SPAN)
    assert whole.rest.total_kwh == pytest.approx(4.0 * QUARTERS)
    assert floor.whole.total_kwh == pytest.approx(5.0 * QUARTERS)
    assert floor.rest.total_kwh == pytest.approx(2.0 * QUARTERS)


@pytest.mark.parametrize(
    ("meters", "roofs", "note"),
    [((), (ROOF,), Note.PV_NOT_METERED), ((meter("second"), PV), (), Note.PV_PLACE_UNKNOWN)],
)
def test_the_rest_is_unknown_where_pv_feeds_in_unseen(site, meters, roofs, note):
    for name in ("main", "floor", "second", "pv"):
        site.send(name, 1.0)
    (found,) = site.read(building(MAIN, FLOOR, *meters, roofs=roofs), sub_meters, SPAN)
    assert (found.whole, found.rest, found.exceed_main) == (None, None, False)
    assert note in found.notes
    assert found.parts[0].flow.total_kwh == pytest.approx(QUARTERS)


def test_a_silent_sub_meter_makes_the_rest_of_that_time_unknown(site):
    site.send("main", 5.0)
    site.send("floor", 3.0, silent=slice(192, None))
    (found,) = site.read(building(MAIN, FLOOR), sub_meters, SPAN)
    assert found.parts[0].share_ratio == pytest.approx(0.6)
    assert found.rest_ratio == pytest.approx(0.4)
    assert found.rest.known_ratio == pytest.approx(191 / 288)
    assert np.isnan(found.rest.energy_kwh[2])


def test_a_virtual_meter_adds_and_takes_off_and_is_unknown_where_a_part_is(site):
    site.send("main", 5.0)
    site.send("floor", 3.0, silent=slice(192, None))
    own = virtual(plus=["main"], minus=["floor"])
    found = site.read(building(MAIN, FLOOR, virtual=(own,)), building_energy, SPAN, "day").virtual_meters[0].flow
    assert found.energy_kwh[0] == pytest.approx(2.0 * 96)
    assert np.isnan(found.energy_kwh[2])
    assert found.total_kwh == pytest.approx(2.0 * 191)
    assert found.known_ratio == pytest.approx(191 / 288)


def test_days_that_wait_are_named(site):
    of = building(MAIN)
    site.send("main", 5.0)
    site.read(of, building_balance, SPAN, "day")

    def marked(ledger, own):
        ledger.site.ledger.mark(["a.b.main"], LAST, LAST)
        return building_energy(ledger.site.ledger, own, SPAN, "day")

    assert site.read(of, marked).waiting == (LAST,)


LOADS = st.lists(st.floats(0, 50), min_size=6, max_size=6)


@settings(max_examples=inputs(15), deadline=None, suppress_health_check=list(HealthCheck))
@given(bought=LOADS, sold=LOADS, made=LOADS, tenant=LOADS, silent=st.tuples(st.integers(1, 280), st.integers(0, 90)))
def test_the_laws_hold_for_any_readings(tmp_path_factory, bought, sold, made, tenant, silent):
    site = Site(tmp_path_factory.mktemp("law"))
    spread = {
        name: np.repeat(np.round(values, 3), QUARTERS // 6)
        for name, values in zip("bsmt", (bought, sold, made, tenant), strict=True)
    }
    site.send("main", spread["b"], spread["s"])
    site.send("pv", spread["m"], silent=slice(silent[0], silent[0] + silent[1]))
    site.send("shop", spread["t"])
    found = site.read(building(MAIN, PV, SHOP), building_balance, SPAN, "60min")
    gross = (
        found.grid_import.energy_kwh
        + found.production.energy_kwh
        - found.grid_export.energy_kwh
        - found.tenants.energy_kwh
    )
    np.testing.assert_allclose(found.gross_use.energy_kwh, gross, atol=1e-6)
    assert not (found.self_consumption.energy_kwh > found.production.energy_kwh + 1e-9).any()
    if found.gross_use.known_ratio == 1:
        totals = (found.grid_import, found.production, found.grid_export, found.tenants)
        expected = sum(sign * flow.total_kwh for sign, flow in zip((1, 1, -1, -1), totals, strict=True))
        assert found.gross_use.total_kwh == pytest.approx(expected, abs=1e-6)
