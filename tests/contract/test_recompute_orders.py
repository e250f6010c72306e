"""Meters of every kind, with the faults of real ones: day by day, shuffled or at once, the ledger is the same."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.portfolio import Meter, load_portfolio
from bkkenergy.ports.ledger import EXPORT, IMPORT
from bkkenergy.readings import FloatArray, ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from tests.contract.test_recompute import with_meter
from tests.sites import energy

pytestmark = pytest.mark.slow
METER = "health.centre-1.main"
FIRST, LAST = dt.date(2026, 10, 1), dt.date(2026, 10, 14)
SPAN = Period.days(FIRST, LAST)
QUARTER_US = 900_000_000
COUNT = 14 * 96
CHANGED = 5 * 96 + 31
"""The quarter-hour at which something happens to a meter."""
NIGHT = np.tile(np.isin(np.arange(96), np.r_[0:24, 80:96]), 14)


def use_kwh(rng: np.random.Generator) -> FloatArray:
    return rng.uniform(0, 3, COUNT) * (np.sin(np.arange(COUNT) / 96 * 2 * np.pi) + 1.2)


def plain(rng):
    return {}, {"energy_kwh": np.round(1000 + np.cumsum(use_kwh(rng)), 2)}


def wrapping(rng):
    register = np.mod(1000 + np.cumsum(use_kwh(rng)), 2000.0)
    return {"register_digits": None, "rollover_kwh": 2000.0}, {"energy_kwh": register}


def exchanged(rng):
    given, columns = plain(rng)
    register = columns["energy_kwh"]
    final_kwh = float(register[CHANGED - 1])
    register[CHANGED:] += 7.0 - final_kwh
    at = (SPAN.start + dt.timedelta(minutes=15 * CHANGED - 7)).isoformat()
    return given | {"exchanges": [{"at": at, "final_kwh": final_kwh, "initial_kwh": 7.0}]}, columns


def restarting(rng):
    given, columns = exchanged(rng)
    columns["energy_kwh"][9 * 96 :] -= columns["energy_kwh"][9 * 96 - 1]
    return given | {"restarts_at_zero": True}, columns


def silent_at_night(rng):
    given, columns = plain(rng)
    return given, {"energy_kwh": np.where(NIGHT, 0.0, columns["energy_kwh"])}


def with_export(rng):
    given, columns = plain(rng)
    export = np.round(np.cumsum(use_kwh(rng)), 2)
    export[CHANGED : CHANGED + 500] = np.nan
    return given, columns | {"export_kwh": export}


def both_ways(rng):
    sun = 4 * (np.sin(np.arange(COUNT) / 96 * 2 * np.pi) > 0.5)
    return {"kind": "net"}, {"energy_kwh": 1000 + np.cumsum(use_kwh(rng) - sun)}


def by_intervals(rng):
    kwh = use_kwh(rng)
    hour = np.arange(COUNT) % 4 == 3
    hourly = np.where(hour, kwh + np.roll(kwh, 1) + np.roll(kwh, 2) + np.roll(kwh, 3), np.nan)
    return {"kind": "interval"}, {"energy_kwh": np.where(np.arange(COUNT) < 6 * 96, kwh, hourly)}


def by_power(rng):
    return {"kind": "power"}, {"power_kw": use_kwh(rng) * 4}


def held_for_days(rng):
    """It falls by the least that it shows, and stands there for longer than neighbours are looked at."""
    kwh = use_kwh(rng)
    kwh[CHANGED : CHANGED + 5 * 96] = 0.0
    register = np.round(1000 + np.cumsum(kwh), 1)
    register[CHANGED + 2 : CHANGED + 5 * 96 + 2] -= 0.1
    return {"resolution_kwh": 0.1}, {"energy_kwh": np.round(register, 1)}


def hardly_used(rng):
    """It shows one step or the one below, for days."""
    register = np.round(1000 + np.cumsum(rng.random(COUNT) < 0.01) / 10 - (rng.random(COUNT) < 0.004) / 10, 1)
    return {"resolution_kwh": 0.1}, {"energy_kwh": register}


def silent_after_a_night_at_zero(rng):
    given, columns = plain(rng)
    register = columns["energy_kwh"]
    register[CHANGED : CHANGED + 40] = 0.0
    register[CHANGED + 40 : CHANGED + 40 + 4 * 96] = np.nan
    return given, columns


def with_export_for_some_days(rng):
    given, columns = plain(rng)
    export = np.round(np.cumsum(use_kwh(rng)), 2)
    export[CHANGED:] = np.nan
    return given, columns | {"export_kwh": export}


KINDS = (
    plain,
    wrapping,
    exchanged,
    restarting,
    silent_at_night,
    with_export,
    both_ways,
    by_intervals,
    by_power,
    held_for_days,
    hardly_used,
    silent_after_a_night_at_zero,
    with_export_for_some_days,
)


def batches(whole: ReadingBatch, order: str, rng: np.random.Generator) -> list[ReadingBatch]:
    """The readings in some order, and a few of them once more."""
    day = (whole.ts_us - timestamp_us(SPAN.start)) // (96 * QUARTER_US)
    parts = [whole.take(day == number) for number in np.unique(day)]
    if order == "days_shuffled":
        parts = [parts[number] for number in rng.permutation(len(parts))]
    elif order == "all_mixed":
        parts = [whole.take(np.sort(own)) for own in np.array_split(rng.permutation(len(whole)), 4)]
    again = [whole.take(slice(at, at + 2)) for at in rng.integers(0, len(whole) - 2, 3).tolist()]
    return [*parts, *again]


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        pytest.param(kind, order, id=f"{kind.__name__}-{order}")
        for kind in KINDS
        for order in ("day_by_day", "days_shuffled", "all_mixed")
    ],
)
def test_in_whatever_order_days_are_computed_the_ledger_is_the_same(config_dir, tmp_path, kind, order):
    rng = np.random.default_rng(KINDS.index(kind))
    given, columns = kind(rng)
    plain_portfolio = load_portfolio(config_dir)
    own = next(meter for meter in plain_portfolio.meters if meter.id == METER)
    portfolio = with_meter(plain_portfolio, Meter.model_validate(own.model_dump() | {"rated_kw": 600.0} | given))
    is_sent = np.logical_or.reduce([np.isfinite(values) for values in columns.values()])
    for start in rng.integers(96, COUNT - 300, 2).tolist():
        is_sent[start : start + int(rng.choice([3, 40, 250]))] = False
    at_us = timestamp_us(SPAN.start) + QUARTER_US * np.flatnonzero(is_sent)
    sent = {name: values[is_sent] for name, values in columns.items()}
    whole = ReadingBatch((METER,), np.zeros(len(at_us), np.int64), at_us, sent)
    found = []
    for number, parts in enumerate(([whole], batches(whole, order, rng))):
        settings = Settings(store=StoreSettings(path=tmp_path / f"{number}.sqlite"))
        with energy(settings, portfolio) as site:
            for part in parts:
                site.store.commit(part)
                site.bring_up()
            assert not site.ledger.waiting()
            found.append([site.ledger.slots([METER], channel, FIRST, LAST) for channel in (IMPORT, EXPORT)])
    for once, pieces in zip(*found, strict=True):
        np.testing.assert_allclose(pieces.values, once.values, atol=1e-6)
        np.testing.assert_array_equal(pieces.quality, once.quality)
    assert np.nansum(found[0][0].values) > 0


@pytest.mark.parametrize("kind", [held_for_days, hardly_used, silent_after_a_night_at_zero])
def test_a_register_that_falls_a_little_or_for_a_night_counts_what_it_rose_by(config_dir, tmp_path, kind):
    """Day by day it was 0.1 kWh more for each fall, and the whole register after a night at zero."""
    given, columns = kind(np.random.default_rng(7))
    plain_portfolio = load_portfolio(config_dir)
    own = next(meter for meter in plain_portfolio.meters if meter.id == METER)
    portfolio = with_meter(plain_portfolio, Meter.model_validate(own.model_dump() | {"rated_kw": 600.0} | given))
    register = columns["energy_kwh"]
    sent = np.flatnonzero(np.isfinite(register))
    at_us = timestamp_us(SPAN.start) + QUARTER_US * sent
    whole = ReadingBatch((METER,), np.zeros(len(sent), np.int64), at_us, {"energy_kwh": register[sent]})
    with energy(Settings(store=StoreSettings(path=tmp_path / "store.sqlite")), portfolio) as site:
        for part in batches(whole, "day_by_day", np.random.default_rng(8)):
            site.store.commit(part)
            site.bring_up()
        found = site.ledger.totals([METER], IMPORT, FIRST, LAST)
    assert np.nansum(found.total) == pytest.approx(np.nanmax(register) - register[0], abs=0.001)
