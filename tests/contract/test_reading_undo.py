"""Readings that an import brought are taken back: the store and the ledger are as if it had never been."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.errors import InputError
from bkkenergy.portfolio import load_portfolio
from bkkenergy.ports.ledger import IMPORT, DaysPurged, Purged
from bkkenergy.readings import FIELDS, ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.usecases import imports
from bkkenergy.usecases.imports import Overlap, Source
from bkkenergy.usecases.readingundo import TakenBack, take_back
from bkkenergy.usecases.storedreadings import preview_readings
from tests.sites import energy, on_postgresql

METER = "health.centre-1.main"
FIRST, LAST = dt.date(2026, 11, 1), dt.date(2026, 11, 6)
START_US = timestamp_us(Period.day(FIRST).start)
QUARTER_US = 900_000_000
COUNT = 6 * 96


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("influx", marks=pytest.mark.influx),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ]
)
def site(request, tmp_path, config_dir):
    settings = Settings(store=StoreSettings(path=tmp_path / "store.sqlite"))
    if request.param == "postgresql":
        settings = on_postgresql(settings, request.getfixturevalue("postgres").port)
    elif request.param == "influx":
        server = request.getfixturevalue("influx").bucket(request.getfixturevalue("bucket"))
        settings = Settings(store=StoreSettings(kind="influx", path=tmp_path / "store.sqlite", influx=server))
    with energy(settings, load_portfolio(config_dir)) as opened:
        yield opened


def readings(slots, **columns) -> ReadingBatch:
    slots = np.asarray(slots)
    values = {name: np.asarray(own, np.float64) for name, own in columns.items()}
    return ReadingBatch((METER,), np.zeros(len(slots), np.int64), START_US + QUARTER_US * slots, values)


def live(slots) -> ReadingBatch:
    slots = np.asarray(slots)
    return readings(slots, energy_kwh=1000 + 2.0 * slots, voltage_l1_v=np.full(len(slots), 230.0))


def bring(site, batch: ReadingBatch, overlap: Overlap | None = None) -> int:
    seen = preview_readings(site.store, [batch])
    source = Source("registers.csv", "digest", "somsri", START_US)
    number = imports.apply_readings(site.store, site.ledger, seen, [batch], overlap, source, audit=lambda *_: None)
    site.bring_up()
    return number


def undo(site, number: int, log: list | None = None) -> TakenBack:
    note = (lambda *_: None) if log is None else (lambda *line: log.append(line))
    done = imports.undo(site.ledger, site.store, number, "anan", START_US + 1, audit=note)
    site.bring_up()
    assert done.readings is not None
    return done.readings


def state(site) -> tuple:
    """All that is stored of the meter, and all that the ledger has of it."""
    stored = site.store.readings([METER], 0, 2**53, FIELDS)
    slots = site.ledger.slots([METER], IMPORT, FIRST - dt.timedelta(days=40), LAST + dt.timedelta(days=2))
    columns = {name: stored.column(name).tolist() for name in FIELDS if np.isfinite(stored.column(name)).any()}
    seen = site.ledger.seen([METER])
    return repr((stored.ts_us.tolist(), columns, slots.values.tolist(), slots.quality.tolist(), seen))


@pytest.mark.parametrize("overlap", list(Overlap))
def test_an_import_among_live_readings_is_taken_back_to_the_last_bit(site, overlap):
    site.store.commit(live(np.setdiff1d(np.arange(COUNT), np.arange(100, 250))))
    site.bring_up()
    before = state(site)
    number = bring(site, readings(np.arange(50, 300), energy_kwh=5000 + 1.0 * np.arange(250)), overlap)
    assert state(site) != before
    done = undo(site, number)
    assert (done.deleted, done.restored) == (150, 0 if overlap is Overlap.FILL else 100)
    assert done.left == 0
    assert state(site) == before


def test_readings_of_days_that_had_none_leave_none(site):
    site.store.commit(live(np.arange(200, COUNT)))
    site.bring_up()
    before = state(site)
    number = bring(site, readings(np.arange(-2000, 100), energy_kwh=np.arange(2100) / 4))
    assert undo(site, number) == TakenBack(deleted=2100)
    assert state(site) == before


def test_the_only_readings_of_a_meter_leave_it_unseen(site):
    number = bring(site, live(np.arange(50)))
    undo(site, number)
    assert site.ledger.seen([METER]) == {}
    assert not site.ledger.slots([METER], IMPORT, FIRST, LAST).is_computed.any()


def test_what_came_since_stays(site):
    """The live register sent two of the instants again, one of them with a voltage that the file did not have."""
    number = bring(site, readings(np.arange(100), energy_kwh=np.arange(100)))
    site.store.commit(readings([10], energy_kwh=[777.0]))
    site.store.commit(readings([11], voltage_l1_v=[229.0]))
    assert undo(site, number) == TakenBack(deleted=98, restored=1, left=1)
    stored = site.store.readings([METER], 0, 2**53, FIELDS)
    assert stored.ts_us.tolist() == (START_US + QUARTER_US * np.array([10, 11])).tolist()
    assert stored.column("energy_kwh").tolist()[0] == 777.0
    assert np.isnan(stored.column("energy_kwh")[1])


def test_an_undo_that_was_cut_off_is_ended_by_the_next(site):
    site.store.commit(live(np.arange(0, COUNT, 2)))
    site.bring_up()
    before = state(site)
    number = bring(site, readings(np.arange(COUNT), energy_kwh=9000 + np.arange(COUNT)), Overlap.REPLACE)
    take_back(site.store, site.ledger, number)
    undo(site, number)
    assert state(site) == before


def test_an_import_that_was_cut_off_is_taken_back_as_far_as_it_came(site):
    site.store.commit(live(np.arange(100)))
    site.bring_up()
    before = state(site)
    batch = readings(np.arange(200, 300), energy_kwh=3000 + np.arange(100))

    def chunks():
        yield batch.take(slice(0, 50))
        raise KeyboardInterrupt

    seen = preview_readings(site.store, [batch])
    with pytest.raises(KeyboardInterrupt):
        imports.apply_readings(
            site.store, site.ledger, seen, chunks(), None, Source("a", "b", "c", 1), audit=lambda *_: None
        )
    site.bring_up()
    assert undo(site, site.ledger.batches()[-1].number) == TakenBack(deleted=50)
    assert state(site) == before


def test_the_undo_is_in_the_audit_log_once(site):
    number, log = bring(site, live(np.arange(10))), []
    undo(site, number, log)
    (line,) = log
    assert line[:2] == ("undo_import", str(number))
    assert line[2]["deleted"] == 10
    with pytest.raises(InputError, match="undone already"):
        undo(site, number)


def test_days_that_were_purged_since_take_nothing_back(site):
    number = bring(site, live(np.arange(COUNT)))
    second = FIRST + dt.timedelta(days=1)
    assert site.ledger.purges.begin({METER: [Purged(FIRST, second, second, is_done=False)]})
    before = state(site)
    with pytest.raises(DaysPurged):
        undo(site, number)
    assert state(site) == before
    assert site.ledger.batches()[-1].undone_us is None
