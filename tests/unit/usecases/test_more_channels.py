"""Reactive energy, water and rooms in the ledger: a register's quarter-hours add up to it, in whatever order they come."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.portfolio import Meter, MeterKind, Portfolio, load_portfolio
from bkkenergy.ports.channels import CHANNELS, IMPORT, KVAR, REACTIVE, Channel
from bkkenergy.readings import MORE_REGISTERS, Quality, ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.usecases.fields import counts_by_channel
from tests.sites import Energy, energy

FIRST, LAST = dt.date(2026, 11, 1), dt.date(2026, 11, 9)
SPAN = Period.days(FIRST, LAST)
QUARTER_US = 900_000_000
ELECTRIC, WATER = "health.centre-1.main", "health.centre-1.water"
AT_US = np.arange(timestamp_us(SPAN.start), timestamp_us(SPAN.end) + 1, QUARTER_US)


@pytest.fixture(scope="module")
def portfolio(config_dir) -> Portfolio:
    shipped = load_portfolio(config_dir)
    building = shipped.buildings["health.centre-1"]
    water = Meter(
        id=WATER, building=building.id, topic="water", kind=MeterKind.OTHER, rated_kw=1, rated_m3_per_h=20.0, register_digits=5
    )  # fmt: skip
    own = building.model_copy(update={"meters": (*building.meters, water)})
    return shipped.model_copy(update={"buildings": shipped.buildings | {own.id: own}})


@pytest.fixture
def site(portfolio, tmp_path):
    with energy(Settings(store=StoreSettings(path=tmp_path / "store.sqlite")), portfolio) as opened:
        yield opened


def columns(seed: int = 3, **others: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "energy_kwh": 1000 + np.cumsum(rng.uniform(0, 10, len(AT_US))),
        "reactive_kvarh": 500 + np.cumsum(rng.uniform(0, 5, len(AT_US))),
    } | others


def batch(meter: str, picked: np.ndarray, values: dict[str, np.ndarray]) -> ReadingBatch:
    own = {name: column[picked] for name, column in values.items()}
    return ReadingBatch((meter,), np.zeros(len(picked), np.int64), AT_US[picked], own)


def slots(site: Energy, channel: Channel, meter: str = ELECTRIC):
    return site.ledger.slots([meter], channel, FIRST, LAST)


EVERYTHING = np.arange(len(AT_US))


def test_reactive_energy_adds_up_to_its_register(site):
    values = columns()
    site.store.commit(batch(ELECTRIC, EVERYTHING, values))
    site.bring_up()
    found = slots(site, REACTIVE)
    assert found.channel.unit == "kvarh"
    assert (found.quality == Quality.MEASURED).all()
    register = values["reactive_kvarh"]
    assert found.values.sum() == pytest.approx(register[-1] - register[0])
    assert slots(site, IMPORT).values.sum() == pytest.approx(values["energy_kwh"][-1] - values["energy_kwh"][0])


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=lambda order: "".join(map(str, order)))
def test_a_register_that_falls_silent_alone_comes_out_alike_in_any_order(site, order):
    """For four days the meter sends its import, and not its kvarh: the gap's energy is known from both its ends."""
    values = columns()
    values["reactive_kvarh"] = values["reactive_kvarh"].copy()
    values["reactive_kvarh"][200:600] = np.nan
    parts = np.array_split(EVERYTHING, 3)
    for number in order:
        site.store.commit(batch(ELECTRIC, parts[number], values))
        site.bring_up()
    found = slots(site, REACTIVE)
    register = values["reactive_kvarh"]
    assert found.values.sum() == pytest.approx(register[-1] - register[0])
    assert (found.quality[201:599] == Quality.ESTIMATED).all()
    assert (slots(site, IMPORT).quality == Quality.MEASURED).all()


def test_powers_and_rooms_are_means_of_their_quarter_hours(site):
    fine_us = np.arange(timestamp_us(SPAN.start), timestamp_us(SPAN.start) + 8 * QUARTER_US, QUARTER_US // 3)
    kvar = np.arange(24.0)
    one = ReadingBatch((ELECTRIC,), np.zeros(24, np.int64), fine_us, {"reactive_kvar": kvar, "room_temp_c": kvar / 2})
    site.store.commit(one)
    site.bring_up()
    assert slots(site, KVAR).values[:8, 0].tolist() == kvar.reshape(8, 3).mean(axis=1).tolist()
    assert slots(site, CHANNELS["room_temp"]).values[:8, 0].tolist() == (kvar / 2).reshape(8, 3).mean(axis=1).tolist()


def test_a_water_meter_counts_cubic_metres_and_is_no_meter_of_the_buildings_electricity(site, portfolio):
    water_m3 = np.mod(99_990 + 0.5 * EVERYTHING, 100_000.0)  # it rolls over
    site.store.commit(batch(WATER, EVERYTHING, {"water_m3": water_m3}))
    site.bring_up()
    found = slots(site, CHANNELS["water"], WATER)
    assert found.values.sum() == pytest.approx(0.5 * (len(AT_US) - 1))
    assert not slots(site, IMPORT, WATER).is_computed.any()
    meter = portfolio.meters_ever[WATER]
    assert not meter.is_main
    assert not meter.is_electric


def test_more_water_than_the_pipe_carries_is_refused(site):
    water_m3 = 100 + 0.5 * EVERYTHING
    water_m3[300:] += 5000.0
    site.store.commit(batch(WATER, EVERYTHING, {"water_m3": water_m3}))
    site.bring_up()
    found = slots(site, CHANNELS["water"], WATER)
    assert found.quality[299, 0] == Quality.MISSING
    assert np.nansum(found.values) < 0.5 * len(AT_US)


@pytest.mark.parametrize("name", MORE_REGISTERS)
def test_every_further_register_has_a_channel_that_says_how_many_readings_it_is_made_of(site, portfolio, name):
    site.store.commit(batch(ELECTRIC, EVERYTHING, {name: 100 + 0.5 * EVERYTHING}))
    site.bring_up()
    (channel,) = (one for one in CHANNELS.values() if one.field == name)
    assert slots(site, channel).values.sum() == pytest.approx(0.5 * (len(AT_US) - 1))
    counts = site.store.count([ELECTRIC], 0, 2**60, (name,))[ELECTRIC]
    said = site.ledger.reading_counts([ELECTRIC], FIRST, LAST + dt.timedelta(days=1))[ELECTRIC]
    assert counts_by_channel(portfolio.meters_ever[ELECTRIC], counts) == said
