"""Energies of equipment: held to the meter, their intervals true, their options in order."""

from __future__ import annotations

import numpy as np
import pytest

from bkkenergy.library.packaged import retrofit_catalogue
from bkkenergy.retrofits import Appliance, EndUses, calibrated, options_of, yearly_kwh
from bkkenergy.retrofits.inventory import NORMAL_90, OF_GROUP, PARTS, parts_of

CATALOGUE = retrofit_catalogue()
KINDS = ("split_air_conditioner", "lighting", "pump", "computer_room", "chiller")


def appliances_of(rng: np.random.Generator) -> list[Appliance]:
    """Some equipment of a made-up building; some of it runs all day."""
    made = []
    for number in range(rng.integers(1, 7)):
        kind = str(rng.choice(KINDS))
        is_cooling = kind in {"split_air_conditioner", "chiller"}
        made.append(
            Appliance(
                f"e{number}",
                kind,
                count=int(rng.integers(1, 40)),
                rated_kw=None if is_cooling else float(rng.uniform(0.03, 3)),
                cooling_kw=float(rng.uniform(2, 7)) if is_cooling else None,
                hours=float(rng.choice([6, 9, 12, 24])),
                flow_ratio=0.7 if kind == "pump" else None,
                year=int(rng.choice([2001, 2008, 2020])) if rng.random() < 0.7 else None,
            )
        )
    return made


def test_equipment_never_adds_up_to_more_than_the_meter_in_500_buildings():
    rng = np.random.default_rng(7)
    for _ in range(500):
        parts = rng.uniform(0, 60_000, 3) * (rng.random(3) < 0.9)
        uses = EndUses(*parts, *(0.2 * parts), open_days=245)
        seen = calibrated(appliances_of(rng), uses, CATALOGUE)
        assert seen.draws_kwh.sum(axis=1).max() <= uses.whole_kwh * (1 + 1e-9) + 1e-6
        assert (seen.draws_kwh >= 0).all()
        saved = sum(option.saved_kwh for option in options_of(seen, CATALOGUE) if option.measure.kind != "hours")
        assert saved <= uses.whole_kwh + 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hours", [8.0, 24.0])
def test_a_group_stays_within_the_parts_that_it_can_lie_in(kind, hours):
    big = Appliance("big", kind, count=10_000, rated_kw=5.0, hours=hours)
    uses = EndUses(10_000, 20_000, 40_000, open_days=245)
    room = {"base": 10_000, "weather": 20_000, "occupied": 40_000}
    expected = sum(room[name] for name in parts_of(big))
    assert calibrated([big], uses, CATALOGUE).kwh[0] == pytest.approx(expected)
    assert parts_of(big) - OF_GROUP[big.group] == (
        {"base"} if hours == 24 and big.group in {"cooling", "lighting"} else set()
    )
    assert set(parts_of(big)) <= set(PARTS)


def test_an_inventory_that_lacks_things_is_not_made_larger():
    lamp = Appliance("lamp", "lighting", count=10, rated_kw=0.046, hours=9)
    seen = calibrated([lamp], EndUses(10_000, 20_000, 40_000, open_days=245), CATALOGUE)
    assert seen.kwh[0] == pytest.approx(yearly_kwh(lamp, CATALOGUE, 245), rel=0.05)
    assert seen.scale_ratio == 1
    assert seen.explained_ratio == pytest.approx(seen.kwh[0] / 70_000)


def test_planted_savings_lie_in_nine_of_ten_intervals():
    """What is true is drawn as the duties say; the meter sees its sum with other loads, parts within their intervals."""
    rng = np.random.default_rng(11)
    inside = []
    for _ in range(300):
        appliances = appliances_of(rng)
        named = np.array([yearly_kwh(one, CATALOGUE, 245) for one in appliances])
        spread = np.log1p([CATALOGUE.duty_of(one.kind).half_ratio for one in appliances]) / NORMAL_90
        true = named * np.exp(spread * rng.standard_normal(len(named)) - spread**2 / 2)
        parts = dict.fromkeys(PARTS, 0.0)
        for one, kwh in zip(appliances, true, strict=True):
            weights = rng.dirichlet(np.ones(len(parts_of(one))))
            for name, weight in zip(sorted(parts_of(one)), weights, strict=True):
                parts[name] += kwh * weight
        own = np.array([parts[name] for name in PARTS]) + rng.uniform(0, 0.5, 3) * true.sum()
        halves = 0.1 * own
        uses = EndUses(*own, *halves, open_days=245)
        seen = calibrated(appliances, uses, CATALOGUE)
        for at, kwh in enumerate(true):
            low, high = seen.interval_kwh(at)
            inside.append(low <= kwh <= high)
    assert 0.85 <= np.mean(inside) <= 0.95


def test_lamps_of_less_power_leave_less_to_cooling_that_is_bought_after_them():
    cooling = Appliance("ac", "split_air_conditioner", count=10, cooling_kw=5.0, hours=8, year=2003)
    lamps = Appliance("lamps", "lighting", count=400, rated_kw=0.046, hours=9)
    uses = EndUses(0, 20_000, 80_000, open_days=245)
    first, *_, last = options_of(calibrated([cooling, lamps], uses, CATALOGUE), CATALOGUE)
    assert (first.measure.kind, last.measure.kind) == ("led", "efficient_cooling")
    assert last.saved_kwh < last.alone_kwh
    without = options_of(calibrated([cooling], uses, CATALOGUE), CATALOGUE)[-1]
    assert last.saved_kwh < 0.9 * without.saved_kwh, "lamps of less power leave it less heat"
    alone = options_of(calibrated([cooling], uses, CATALOGUE), CATALOGUE)
    assert alone[-1].alone_kwh > alone[-1].saved_kwh, "an hour less was taken before it"


def test_cooling_as_good_as_the_new_one_has_no_option():
    good = Appliance("ac", "split_air_conditioner", count=3, cooling_kw=3.5, cop=5.5, hours=8)
    options = options_of(calibrated([good], EndUses(0, 9000, 9000, open_days=245), CATALOGUE), CATALOGUE)
    assert [option.measure.kind for option in options] == ["hours"]


@pytest.mark.parametrize(
    ("year", "cop"), [(None, 2.82), (1999, 2.82), (2004, 2.82), (2005, 3.22), (2026, 3.4), (2300, 3.4)]
)
def test_cooling_without_a_nameplate_is_as_good_as_its_year_allowed(year, cop):
    assert CATALOGUE.past_cop(year).cop == cop


def test_a_pump_has_a_drive_only_where_its_flow_is_known():
    for flow, count in ((None, 0), (0.7, 1)):
        pump = Appliance("p", "pump", rated_kw=7.5, hours=12, flow_ratio=flow)
        options = options_of(calibrated([pump], EndUses(5000, 0, 40_000, open_days=245), CATALOGUE), CATALOGUE)
        assert len(options) == count
    assert options[0].saved_kwh / calibrated([pump], EndUses(5000, 0, 40_000, open_days=245), CATALOGUE).kwh[0] == (
        pytest.approx(1 - 0.7**2.5, rel=0.05)
    )
