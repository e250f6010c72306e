"""What the energy ledger promises, on SQLite and on a real PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import itertools
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from bkkenergy.adapters.engines import make_engine
from bkkenergy.adapters.ledger.beside import MarksBeside
from bkkenergy.adapters.ledger.marks import touched_by
from bkkenergy.adapters.ledger.purges import SqlPurgeRecords
from bkkenergy.adapters.ledger.rows import runs
from bkkenergy.adapters.ledger.sql import SqlLedger
from bkkenergy.adapters.ledger.tables import metadata
from bkkenergy.errors import ConfigError
from bkkenergy.ports.ledger import (
    CHANNELS,
    EXPORT,
    GHI,
    IMPORT,
    POWER_FACTOR,
    TEMP_AIR,
    Batch,
    BatchKind,
    Channel,
    Claim,
    Having,
    LedgerDays,
    MeterSeen,
    NewBatch,
    Precedence,
    PurgeAgreed,
    Purged,
    Span,
    SpanReason,
)
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable
from bkkenergy.readings import Quality, ReadingBatch
from bkkenergy.settings import InfluxSettings, LedgerSettings, Settings, StateSettings, StoreSettings
from bkkenergy.site.open import is_in_readings_file, open_ledger, open_store, open_writable
from tests.conftest import inputs
from tests.servers import free_port
from tests.sites import postgresql_database

BANGKOK = ZoneInfo("Asia/Bangkok")
FIRST = dt.date(2026, 10, 30)
METER = "health.centre-1.main"
NOW_US = 1_795_000_000_000_000
SECOND_US = 1_000_000
LEASE_S = 60.0
numbers = itertools.count()


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def instant_us(number: int, hour: float = 0.0) -> int:
    """An hour of one of our days in Bangkok."""
    midnight = dt.datetime.combine(day(number), dt.time(), BANGKOK)
    return round((midnight.timestamp() + hour * 3600) * SECOND_US)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    return postgresql_database(request.getfixturevalue("postgres").port, "one").get_secret_value()


@pytest.fixture
def ledger(url):
    found = SqlLedger(make_engine(url))
    found.prepare()
    yield found
    found.close()


def contents(ledger: SqlLedger) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with ledger._engine.connect() as connection:
        rows = {table.name: connection.execute(table.select()).all() for table in metadata.sorted_tables}
    return {name: sorted((tuple(row) for row in found), key=repr) for name, found in rows.items()}


def claimed(ledger, owner="worker", *, now_us=NOW_US, meters=None) -> Claim:
    (claim,) = ledger.claim(owner, now_us=now_us, lease_s=LEASE_S, limit=1, meters=meters)
    return claim


def block(values, *, first=0, channel=IMPORT, quality=Quality.MEASURED, meter=METER) -> LedgerDays:
    values = np.atleast_2d(np.asarray(values, np.float64))
    readings = 90 + np.arange(len(values))
    return LedgerDays(meter, channel.name, day(first), values, np.full(values.shape, quality, np.uint8), readings)


def flat(value: float, days: int = 1, channel: Channel = IMPORT) -> np.ndarray:
    return np.full((days, channel.slots_per_day), value)


def put(ledger, blocks, computed, *, spans=(), meter=METER) -> None:
    """Compute days of a meter, as a worker does."""
    days = [day(number) for number in computed]
    ledger.mark([meter], min(days), max(days))
    assert ledger.finish(claimed(ledger, meters=[meter]), blocks, list(spans), computed=days, now_us=NOW_US)


def random_days(seed: int, days: int, channel: Channel, *, first: int = 0) -> LedgerDays:
    """Slots of every quality, with gaps, whole empty days, and doubles that rounding or text would change."""
    rng = np.random.default_rng(seed)
    shape = (days, channel.slots_per_day)
    values = rng.normal(size=shape) * 10.0 ** rng.integers(-300, 300, shape)
    values[rng.random(shape) < 0.1] = np.nan
    values[0, :4] = [-0.0, 5e-324, 0.1 + 0.2, np.nextafter(1.0, 2.0)]
    quality = rng.choice(
        [Quality.MEASURED, Quality.ESTIMATED, Quality.MISSING, Quality.EDITED, Quality.INCOMPLETE], shape
    )
    quality[days // 2] = Quality.ESTIMATED
    values[days - 1], quality[days - 1] = np.nan, Quality.MISSING
    return LedgerDays(METER, channel.name, day(first), values, quality.astype(np.uint8), rng.integers(0, 99, days))


def test_days_are_joined_to_runs_and_one_day_between_parts_them():
    numbers = [0, 1, 2, 4, 7, 8]
    first = runs([day(0)])[0][0]
    found = runs([day(number) for number in reversed(numbers)])
    assert [(begin - first, end - first) for begin, end in found] == [(0, 2), (4, 4), (7, 8)]
    assert runs([]) == []


@pytest.mark.parametrize("channel", [IMPORT, POWER_FACTOR, GHI], ids=lambda channel: channel.name)
def test_slots_come_back_bit_for_bit(ledger, channel):
    given_days = random_days(1, 9, channel)
    put(ledger, [given_days], range(9))
    found = ledger.slots([METER], channel, day(-1), day(9))
    size = channel.slots_per_day
    assert found.values.shape == found.quality.shape == (11 * size, 1)
    kept = found.values[size:-size, 0].reshape(9, size)
    np.testing.assert_array_equal(kept.view(np.int64), given_days.values.view(np.int64))
    np.testing.assert_array_equal(found.quality[size:-size, 0].reshape(9, size), given_days.quality)
    assert found.is_computed[:, 0].tolist() == [False, *[True] * 9, False]
    assert np.isnan(found.values[[0, -1], 0]).all()
    assert (found.quality[:size, 0] == Quality.MISSING).all()


@pytest.mark.parametrize("channel", [EXPORT, TEMP_AIR], ids=lambda channel: channel.name)
def test_totals_are_made_from_the_slots(ledger, channel):
    rng = np.random.default_rng(5)
    given_days = random_days(2, 8, channel)
    given_days.values[:] = np.where(np.isnan(given_days.values), np.nan, rng.normal(10, 3, given_days.values.shape))
    put(ledger, [given_days], range(8))
    found = ledger.totals([METER], channel, day(0), day(8))
    for number, (values, quality) in enumerate(zip(given_days.values, given_days.quality, strict=True)):
        known = [value for value in values if not np.isnan(value)]
        total = sum(known) / (1 if channel.is_additive else max(len(known), 1)) if known else float("nan")
        assert found.total[number, 0] == pytest.approx(total, rel=1e-12, nan_ok=True)
        for name in ("measured", "estimated", "edited", "incomplete"):
            assert getattr(found, name)[number, 0] == (quality == Quality[name.upper()]).sum()
        may_peak = [
            (value * (4 if channel is EXPORT else 1), -slot)
            for slot, value in enumerate(values)
            if not np.isnan(value) and quality[slot] in {Quality.MEASURED, Quality.EDITED}
        ]
        peak, minus_slot = max(may_peak, default=(float("nan"), 1))
        assert found.peak[number, 0] == pytest.approx(peak, rel=1e-15, nan_ok=True)
        assert found.peak_slot[number, 0] == -minus_slot
    assert np.isnan(found.total[8, 0])
    assert found.peak_slot[8, 0] == -1
    assert found.is_computed[:, 0].tolist() == [True] * 8 + [False]


def test_many_meters_are_read_in_the_order_in_which_they_are_asked_for(ledger):
    names = [f"health.centre-{number}.main" for number in range(70)]
    for number in np.random.default_rng(0).permutation(70).tolist():
        if number != 13:
            put(ledger, [block(flat(number, 2), meter=names[number])], range(2), meter=names[number])
    asked = names[::-1]
    slots, totals = (read(asked, IMPORT, day(0), day(1)) for read in (ledger.slots, ledger.totals))
    expected = np.arange(70.0)[::-1].copy()
    expected[69 - 13] = np.nan
    assert slots.meters == totals.meters == tuple(asked)
    np.testing.assert_array_equal(slots.values, np.tile(expected, (192, 1)))
    np.testing.assert_allclose(totals.total, np.tile(expected * 96, (2, 1)))
    np.testing.assert_array_equal(slots.is_computed, totals.is_computed)
    np.testing.assert_array_equal(slots.is_computed, ~np.isnan(totals.total))


def test_a_read_larger_than_what_is_fetched_at_once_is_whole(ledger, monkeypatch):
    monkeypatch.setattr("bkkenergy.adapters.ledger.columns.ROWS_AT_ONCE", 7)
    names = [f"health.centre-{number}.main" for number in range(12)]
    for number, name in enumerate(names):
        put(ledger, [block(flat(number, 3), meter=name)], range(3), meter=name)
    np.testing.assert_array_equal(
        ledger.slots(names, IMPORT, day(0), day(2)).values, np.tile(np.arange(12.0), (3 * 96, 1))
    )
    np.testing.assert_array_equal(
        ledger.totals(names, IMPORT, day(0), day(2)).total, np.tile(np.arange(12.0) * 96, (3, 1))
    )


def test_what_is_computed_again_replaces_every_row_of_its_days_and_no_other(ledger):
    put(ledger, [block(flat(1, 4)), block(flat(2, 4), channel=EXPORT)], range(4))
    put(ledger, [block(flat(9), first=1)], [1, 2])
    imported, exported = (ledger.totals([METER], channel, day(0), day(3)) for channel in (IMPORT, EXPORT))
    np.testing.assert_array_equal(imported.total[:, 0], [96, 864, np.nan, 96])
    np.testing.assert_array_equal(exported.total[:, 0], [192, np.nan, np.nan, 192])
    assert ledger.stored_days(METER, IMPORT) == [day(0), day(1), day(3)]
    assert ledger.stored_days(METER, EXPORT) == [day(0), day(3)]
    hours = contents(ledger)["ledger_hour"]
    assert len(hours) == 24 * (3 + 2)


def test_the_nearest_day_with_energy_or_readings_is_found(ledger):
    still = replace(block(flat(0), first=3), readings=np.array([5]))
    silent = replace(block(flat(np.nan), first=4), readings=np.array([0]))
    put(ledger, [block(flat(1, 2)), still, silent, block(flat(2), first=9)], range(10))
    asked = [(day(9), Having.ENERGY), (day(9), Having.READINGS), (day(1), Having.ENERGY), (day(0), Having.READINGS)]
    assert [ledger.day_before(METER, IMPORT, *own) for own in asked] == [day(1), day(3), day(0), None]
    asked = [(day(1), Having.ENERGY), (day(1), Having.READINGS), (day(3), Having.READINGS), (day(9), Having.ENERGY)]
    assert [ledger.day_after(METER, IMPORT, *own) for own in asked] == [day(9), day(3), day(9), None]
    assert ledger.day_before(METER, EXPORT, day(9), Having.READINGS) is None
    assert ledger.day_after("another", IMPORT, day(0), Having.READINGS) is None


def test_another_meters_rows_stay_when_one_is_replaced(ledger):
    put(ledger, [block(flat(1))], [0])
    other = Span("health.centre-2.main", "import", instant_us(0, 3), instant_us(0, 4), SpanReason.GAP, 1.0)
    put(ledger, [block(flat(2), meter=other.meter)], [0], meter=other.meter, spans=[other])
    put(ledger, [], [0])
    totals = ledger.totals([METER, other.meter], IMPORT, day(0), day(0))
    np.testing.assert_array_equal(totals.total, [[np.nan, 192.0]])
    assert ledger.spans([METER, other.meter], IMPORT, day(0), day(0)) == [other]
    assert [row[3] for row in contents(ledger)["ledger_hour"]] == [8.0] * 24


def test_hours_are_the_sums_of_their_slots_from_the_hour_at_which_bangkoks_day_begins(ledger):
    given_days = random_days(3, 3, IMPORT)
    given_days.values[:] = np.where(np.isnan(given_days.values), np.nan, np.random.default_rng(1).random((3, 96)))
    put(ledger, [given_days, block(flat(0.9, 3), channel=POWER_FACTOR)], range(3))
    with ledger._engine.connect() as connection:
        rows = connection.execute(text("SELECT hour, channel, value, measured FROM ledger_hour")).all()
    found = {row.hour: (row.value, row.measured) for row in rows}
    assert {row.channel for row in rows} == {"import"}, "a mean is not summed"
    first_hour = instant_us(0) // (3600 * SECOND_US)
    slots, quality = given_days.values.reshape(72, 4), given_days.quality.reshape(72, 4)
    expected = {
        first_hour + hour: (pytest.approx(np.nansum(own)), (quality[hour] == Quality.MEASURED).sum())
        for hour, own in enumerate(slots)
        if not np.isnan(own).all()
    }
    assert found == expected


def span(number: int, hour: float, kwh: float, reason=SpanReason.GAP, channel=IMPORT) -> Span:
    start = instant_us(number, hour)
    return Span(METER, channel.name, start, start + 7200 * SECOND_US, reason, kwh)


def test_spans_come_back_by_meter_and_instant_for_the_days_on_which_they_begin(ledger):
    spans = [span(1, 5, 2.5), span(0, 23.75, 1.5, SpanReason.RESET), span(0, 0, 0.5, SpanReason.GAP, EXPORT)]
    put(ledger, [block(flat(1, 2))], [0, 1], spans=spans)
    assert ledger.spans([METER], IMPORT, day(0), day(1)) == [spans[1], spans[0]]
    assert ledger.spans([METER], IMPORT, day(1), day(1)) == [spans[0]]
    assert ledger.spans([METER], EXPORT, day(0), day(0)) == [spans[2]]
    put(ledger, [block(flat(1), first=1)], [1])
    assert ledger.spans([METER], IMPORT, day(0), day(1)) == [spans[1]]


def test_what_begins_at_midnight_belongs_to_the_day_that_begins(ledger):
    """Spans and hours on either side of a day stay when it is computed again."""
    edges = [span(0, 23.99, 1.0), span(1, 0, 2.0), span(1, 23.99, 3.0), span(2, 0, 4.0)]
    put(ledger, [block(flat(1, 3))], range(3), spans=edges)
    assert ledger.spans([METER], IMPORT, day(1), day(1)) == edges[1:3]
    put(ledger, [], [1])
    assert ledger.spans([METER], IMPORT, day(0), day(2)) == [edges[0], edges[3]]
    hours = [row[1] - instant_us(0) // (3600 * SECOND_US) for row in contents(ledger)["ledger_hour"]]
    assert sorted(hours) == [*range(24), *range(48, 72)]


def test_a_span_of_unknown_energy_stays_unknown(ledger):
    put(ledger, [], [0], spans=[span(0, 1, float("nan"), SpanReason.UNKNOWN)])
    (found,) = ledger.spans([METER], IMPORT, day(0), day(0))
    assert np.isnan(found.energy_kwh)
    assert found.reason is SpanReason.UNKNOWN


def test_days_that_wait_are_said_beside_what_stands_there(ledger):
    put(ledger, [block(flat(1, 3))], range(3))
    ledger.mark([METER, "health.centre-2.main"], day(1), day(1))
    slots = ledger.slots([METER, "health.centre-2.main", "nowhere.at.all"], IMPORT, day(0), day(2))
    totals = ledger.totals([METER, "health.centre-2.main", "nowhere.at.all"], IMPORT, day(0), day(2))
    for found in (slots, totals):
        assert found.is_waiting.tolist() == [[False] * 3, [True, True, False], [False] * 3]
        assert found.is_computed.tolist() == [[True, False, False]] * 3
    assert ledger.waiting() == {METER: [day(1)], "health.centre-2.main": [day(1)]}
    assert ledger.waiting([METER, "nowhere.at.all"]) == {METER: [day(1)]}


def test_a_day_of_which_nothing_is_known_is_computed_all_the_same(ledger):
    put(ledger, [block(flat(np.nan), quality=Quality.MISSING)], [0])
    assert ledger.totals([METER], IMPORT, day(0), day(0)).is_computed.all()
    assert ledger.slots([METER], IMPORT, day(0), day(0)).is_computed.all()


def test_a_mark_that_grew_during_a_claim_stays(ledger):
    ledger.mark([METER], day(0), day(2))
    claim = claimed(ledger)
    assert list(claim.days) == [day(0), day(1), day(2)]
    ledger.mark([METER], day(1), day(1))
    assert ledger.finish(claim, [block(flat(1, 3))], [], computed=list(claim.days), now_us=NOW_US)
    assert ledger.waiting() == {METER: [day(1)]}
    again = claimed(ledger)
    assert again.days[day(1)] > claim.days[day(1)]


def test_a_mark_made_again_is_never_mistaken_for_the_one_that_was_taken_away(ledger):
    """A slow worker saw the first mark; another finished it; new readings marked the day again."""
    ledger.mark([METER], day(0), day(0))
    slow = claimed(ledger, "same")
    quick = claimed(ledger, "other", now_us=NOW_US + round(2 * LEASE_S) * SECOND_US)
    assert ledger.finish(quick, [], [], computed=[day(0)], now_us=NOW_US)
    ledger.mark([METER], day(0), day(0))
    claimed(ledger, "same")
    ledger.finish(slow, [], [], computed=[day(0)], now_us=NOW_US)
    assert ledger.waiting() == {METER: [day(0)]}


def test_a_day_marked_during_a_claim_waits_though_it_was_computed_too(ledger):
    ledger.mark([METER], day(0), day(0))
    claim = claimed(ledger)
    ledger.mark([METER], day(1), day(1))
    assert ledger.finish(claim, [block(flat(1, 2))], [], computed=[day(0), day(1)], now_us=NOW_US)
    assert ledger.waiting() == {METER: [day(1)]}


def test_a_worker_that_died_is_followed_and_its_late_result_changes_nothing(ledger):
    put(ledger, [block(flat(1))], [0], spans=[span(0, 1, 3.0)])
    ledger.mark([METER], day(0), day(0))
    dead = claimed(ledger, "dead")
    assert ledger.claim("next", now_us=NOW_US + 59 * SECOND_US, lease_s=LEASE_S, limit=9) == []
    heir = claimed(ledger, "next", now_us=NOW_US + 61 * SECOND_US)
    before = contents(ledger)
    assert not ledger.finish(dead, [block(flat(7))], [span(0, 2, 9.0)], computed=[day(0)], now_us=NOW_US)
    ledger.release(dead)
    assert contents(ledger) == before
    assert ledger.finish(heir, [block(flat(2))], [], computed=[day(0)], now_us=NOW_US)
    assert ledger.totals([METER], IMPORT, day(0), day(0)).total.tolist() == [[192.0]]
    before = contents(ledger)
    assert not ledger.finish(heir, [block(flat(7))], [], computed=[day(0)], now_us=NOW_US), "finished once"
    assert not ledger.finish(Claim("nowhere.at.all", "next", {}), [], [], computed=[], now_us=NOW_US)
    assert contents(ledger) == before


def test_a_claim_that_was_given_back_can_be_taken_at_once_with_its_marks(ledger):
    ledger.mark([METER], day(0), day(1))
    claim = claimed(ledger, "a")
    ledger.release(claim)
    assert claimed(ledger, "b") == Claim(METER, "b", claim.days)


def test_a_claim_made_by_a_clock_years_ahead_does_not_hold(ledger):
    ledger.mark([METER], day(0), day(0))
    ahead = claimed(ledger, "ahead", now_us=NOW_US + 4 * 365 * 86_400 * SECOND_US)
    heir = claimed(ledger, "right")
    assert not ledger.finish(ahead, [], [], computed=[day(0)], now_us=NOW_US)
    assert ledger.finish(heir, [], [], computed=[day(0)], now_us=NOW_US)


def test_what_waits_longest_is_claimed_first_and_nothing_twice(url):
    clock = iter(range(1, 100))
    with closing(SqlLedger(make_engine(url), clock=lambda: next(clock))) as ledger:
        ledger.prepare()
        for name in ("a.a.a", "b.b.b", "c.c.c"):
            put(ledger, [], [0], meter=name)
        for name in ("c.c.c", "a.a.a", "b.b.b"):
            ledger.mark([name], day(0), day(0))
        ledger.mark(["c.c.c"], day(5), day(5))
        first, second = (ledger.claim("w", now_us=NOW_US, lease_s=LEASE_S, limit=2) for _ in range(2))
        assert [claim.meter for claim in first] == ["c.c.c", "a.a.a"]
        assert [claim.meter for claim in second] == ["b.b.b"]
        assert ledger.claim("w", now_us=NOW_US, lease_s=LEASE_S, limit=2) == []
        # A mark that grew is younger than what waited all the time.
        ledger.mark(["c.c.c"], day(0), day(0))
        grown = {day(0): first[0].days[day(0)]}
        assert ledger.finish(
            Claim("c.c.c", "w", grown | {day(5): first[0].days[day(5)]}), [], [], computed=[], now_us=NOW_US
        )
        assert ledger.waiting(["c.c.c"]) == {"c.c.c": [day(0)]}


def test_only_meters_that_are_asked_for_are_claimed(ledger):
    ledger.mark(["a.a.a", "b.b.b", "c.c.c"], day(0), day(0))
    found = ledger.claim("w", now_us=NOW_US, lease_s=LEASE_S, limit=9, meters=["b.b.b", "x.x.x"])
    assert [claim.meter for claim in found] == ["b.b.b"]
    assert ledger.claim("w", now_us=NOW_US, lease_s=LEASE_S, limit=9, meters=[]) == []


WORKER = """
import sys, time
from bkkenergy.adapters.engines import make_engine
from bkkenergy.adapters.ledger.purges import SqlPurgeRecords
from bkkenergy.adapters.ledger.rows import runs
from bkkenergy.adapters.ledger.sql import SqlLedger
ledger, owner = SqlLedger(make_engine(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
while ledger.waiting():
    for claim in ledger.claim(owner, now_us=time.time_ns() // 1000, lease_s=60, limit=3):
        began = time.monotonic_ns()
        time.sleep(0.002)
        ended = time.monotonic_ns()
        assert ledger.finish(claim, [], [], computed=list(claim.days), now_us=1)
        print(claim.meter, began, ended, flush=True)
"""


def never_overlap(holds: list[tuple[str, int, int]]) -> bool:
    holds = sorted(holds)
    return all(a[0] != b[0] or a[2] <= b[1] for a, b in itertools.pairwise(holds))


@pytest.mark.slow
def test_processes_deal_out_all_work_and_never_hold_one_meter_at_once(ledger, url):
    names = [f"health.centre-{number}.main" for number in range(60)]
    ledger.mark(names, day(0), day(1))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, f"w{number}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(2)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    outputs = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    holds = [
        (name, int(began), int(ended)) for out in outputs for name, began, ended in map(str.split, out.splitlines())
    ]
    assert sorted(name for name, *_ in holds) == sorted(names), "each once"
    assert never_overlap(holds)
    assert all(outputs), "both had work"
    assert ledger.waiting() == {}


def test_threads_share_one_ledger_while_marks_keep_coming(ledger):
    """Every mark is computed after it was made, and no meter is held by two."""
    names = [f"health.centre-{number}.main" for number in range(8)]
    holds: list[tuple[str, int, int]] = []
    ticks, lock, is_over = itertools.count(), threading.Lock(), threading.Event()

    def tick() -> int:
        with lock:
            return next(ticks)

    def work(owner: str) -> None:
        while not is_over.is_set() or ledger.waiting():
            for claim in ledger.claim(owner, now_us=NOW_US, lease_s=LEASE_S, limit=2):
                began = tick()
                ended = tick()
                computed = list(claim.days)
                assert ledger.finish(claim, [], [], computed=computed, now_us=NOW_US)
                holds.append((claim.meter, began, ended))

    def mark(names: list[str]) -> None:
        for number in range(40):
            ledger.mark_readings(names, np.arange(8), np.full(8, instant_us(number % 3, 1.0)))

    with ThreadPoolExecutor(5) as pool:
        workers = [pool.submit(work, f"w{number}") for number in range(3)]
        markers = [pool.submit(mark, names), pool.submit(mark, names[::-1])]
        try:
            for marker in markers:
                marker.result(timeout=120)
        finally:
            is_over.set()
        for worker in workers:
            worker.result(timeout=120)
    assert {name for name, *_ in holds} == set(names)
    assert never_overlap(holds)
    assert ledger.waiting() == {}


def test_what_is_read_says_that_it_waits_or_is_as_new_as_its_mark(ledger):
    """A view of one moment: rows from before a computation never meet marks from after it."""
    newest, is_over = [0.0], threading.Event()
    put(ledger, [block(flat(0))], [0])

    def work() -> None:
        try:
            for number in range(1, 150):
                ledger.mark([METER], day(0), day(0))
                newest[0] = float(number)
                claim = claimed(ledger)
                assert ledger.finish(claim, [block(flat(number))], [], computed=[day(0)], now_us=NOW_US)
        finally:
            is_over.set()

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work)
        while not is_over.is_set():
            at_least = newest[0]
            found = ledger.slots([METER], IMPORT, day(0), day(0))
            assert found.is_waiting[0, 0] or found.values[0, 0] >= at_least
        worker.result()


READINGS = st.lists(
    st.tuples(st.integers(0, 4), st.one_of(st.integers(0, 4_000_000_000_000_000), st.integers(-3, 3).map(
        lambda near: instant_us(0) + near))),
    min_size=1,
    max_size=40,
)  # fmt: skip


def days_by_hand(names, rows) -> dict[str, list[dt.date]]:
    found: dict[str, set[dt.date]] = {}
    for meter, ts_us in rows:
        local = dt.datetime.fromtimestamp(ts_us // SECOND_US, BANGKOK)
        found.setdefault(names[meter], set()).add(local.date())
    return {name: sorted(days) for name, days in found.items()}


@given(READINGS)
def test_the_days_that_readings_touch_are_those_of_bangkoks_calendar(rows):
    names = [f"a.b.m{number}" for number in range(5)]
    meter, ts_us = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    touched = touched_by(names, meter, ts_us)
    found: dict[str, list[dt.date]] = {}
    for index, number in zip(touched.meter, touched.day, strict=True):
        found.setdefault(touched.names[index], []).append(dt.date(1970, 1, 1) + dt.timedelta(days=number))
    assert found == days_by_hand(names, rows)


@settings(max_examples=inputs(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(READINGS, min_size=1, max_size=3))
def test_readings_mark_their_days_and_are_seen_whatever_the_order(ledger, batches):
    names = [f"example-{next(numbers)}.b.m{number}" for number in range(5)]
    for rows in batches:
        meter, ts_us = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        ledger.mark_readings(names, meter, ts_us)
    rows = [row for batch in batches for row in batch]
    assert ledger.waiting(names) == days_by_hand(names, rows)
    instants = {names[meter]: [ts_us for own, ts_us in rows if own == meter] for meter, _ in rows}
    assert ledger.seen(names) == {name: MeterSeen(min(own), max(own)) for name, own in instants.items()}


def test_a_meter_that_was_only_marked_was_not_seen(ledger):
    ledger.mark([METER], day(0), day(0))
    ledger.mark_readings([METER], np.array([], np.int64), np.array([], np.int64))
    assert ledger.seen([METER, "nowhere.at.all"]) == {}


def test_a_name_that_occurs_twice_in_a_batch_is_one_meter(ledger):
    ledger.mark_readings(["a.b.c", "a.b.c"], np.array([0, 1]), np.array([instant_us(0), instant_us(1)]))
    assert ledger.waiting() == {"a.b.c": [day(0), day(1)]}
    assert ledger.seen(["a.b.c"]) == {"a.b.c": MeterSeen(instant_us(0), instant_us(1))}


def test_any_text_names_a_meter(ledger):
    names = ["a'b\"c", "ศูนย์.สาธารณสุข.หลัก", "%s ? :x", "{a,b}\\", "NULL"]
    ledger.mark(names, day(0), day(0))
    assert set(ledger.waiting(names)) == set(names)
    assert {claim.meter for claim in ledger.claim("w", now_us=NOW_US, lease_s=1, limit=9, meters=names)} == set(names)


def test_a_new_configuration_marks_its_days_with_it(ledger):
    assert ledger.revisions() == {}
    ledger.set_revisions({METER: "r1"}, {METER: [day(0), day(1), day(2)]})
    ledger.mark(["health.centre-2.main"], day(0), day(0))
    assert ledger.revisions() == {METER: "r1"}
    assert ledger.waiting([METER]) == {METER: [day(0), day(1), day(2)]}
    claim = claimed(ledger, meters=[METER])
    ledger.set_revisions({METER: "r2"}, {METER: [day(2)]})
    assert ledger.finish(claim, [], [], computed=list(claim.days), now_us=NOW_US)
    assert ledger.revisions() == {METER: "r2"}
    assert ledger.waiting([METER]) == {METER: [day(2)]}


def test_a_new_meter_without_readings_is_claimed_by_no_worker(ledger):
    ledger.mark([METER], day(0), day(0))
    ledger.set_revisions({METER: "r1", "health.centre-2.main": "r1"}, {})
    assert set(ledger.revisions()) == {METER, "health.centre-2.main"}
    assert ledger.waiting() == {METER: [day(0)]}
    assert [claim.meter for claim in ledger.claim("w", now_us=NOW_US, lease_s=LEASE_S, limit=9)] == [METER]


def test_a_revision_that_cannot_be_marked_is_not_noted(ledger):
    ledger.set_revisions({METER: "r1"}, {METER: [day(0)]})
    with ledger._engine.begin() as connection:
        connection.execute(text("DROP TABLE ledger_stale"))
    with pytest.raises(StoreUnavailable):
        ledger.set_revisions({METER: "r2"}, {METER: [day(0)]})
    assert ledger.revisions() == {METER: "r1"}


def test_a_result_that_fails_half_way_leaves_everything_as_it_was(ledger):
    put(ledger, [block(flat(1))], [0])
    ledger.mark([METER], day(0), day(0))
    claim = claimed(ledger)
    before = contents(ledger)
    with pytest.raises(StoreRefused, match="energy ledger"):
        ledger.finish(claim, [block(flat(2)), block(flat(3))], [], computed=[day(0)], now_us=NOW_US)
    assert contents(ledger) == before
    assert ledger.finish(claim, [block(flat(2))], [], computed=[day(0)], now_us=NOW_US)


@pytest.mark.parametrize(
    ("blocks", "spans"),
    [
        ([block(flat(1), first=1)], []),
        ([block(flat(1, 2))], []),
        ([block(flat(1), meter="health.centre-2.main")], []),
        ([], [span(1, 0, 1.0)]),
        ([block(flat(1), channel=Channel("steam", "kg"))], []),
        ([block(flat(1, channel=GHI))], []),
    ],
    ids=["later day", "more days", "other meter", "later span", "unknown channel", "hours for quarter-hours"],
)
def test_what_does_not_belong_to_the_computed_days_is_a_fault_of_the_caller(ledger, blocks, spans):
    ledger.mark([METER], day(0), day(0))
    before = contents(ledger)
    with pytest.raises(ValueError, match=r"computed day|channel"):
        ledger.finish(Claim(METER, "w", {}), blocks, spans, computed=[day(0)], now_us=NOW_US)
    assert contents(ledger) == before


def test_a_channel_of_another_kind_needs_no_new_schema(url):
    steam = Channel("steam", "kg", slots_per_day=48)
    with closing(SqlLedger(make_engine(url), CHANNELS | {"steam": steam})) as ledger:
        ledger.prepare()
        put(ledger, [block(flat(2.0, channel=steam), channel=steam)], [0])
        totals = ledger.totals([METER], steam, day(0), day(0))
        assert (totals.total.item(), totals.peak.item()) == (96.0, 4.0)
        put(ledger, [], [0])
        assert not ledger.totals([METER], steam, day(0), day(0)).is_computed.any()


BATCH = NewBatch(
    BatchKind.FILE, "mea.csv", "5ha", "somsri", NOW_US, (METER,), NOW_US, NOW_US + 1, 3, 4.5, Precedence.REGISTER
)


def test_a_batch_comes_back_as_it_was_given_and_marks_its_days(ledger):
    given_days = random_days(4, 5, IMPORT)
    given_days.quality[2] = Quality.MISSING
    assert [ledger.add_batch(BATCH, [given_days]), ledger.add_batch(BATCH, [])] == [1, 2]
    assert ledger.waiting() == {METER: [day(0), day(1), day(3)]}, "not the days of which it says nothing"
    assert ledger.batches() == [Batch(1, BATCH, None, ""), Batch(2, BATCH, None, "")]
    found = ledger.sources([METER], day(0), day(9))
    assert [(own.batch, own.precedence, own.meter, own.channel, own.first_day) for own in found] == [
        (1, Precedence.REGISTER, METER, "import", day(number)) for number in (0, 1, 3)
    ]
    for own, number in zip(found, (0, 1, 3), strict=True):
        np.testing.assert_array_equal(own.values[0].view(np.int64), given_days.values[number].view(np.int64))
        np.testing.assert_array_equal(own.quality[0], given_days.quality[number])


def test_a_batch_that_is_undone_counts_no_more_and_stays_in_the_list(ledger):
    ledger.add_batch(BATCH, [block(flat(1, 2))])
    claim = claimed(ledger)
    assert ledger.finish(claim, [], [], computed=[day(0), day(1)], now_us=NOW_US)
    assert ledger.undo_batch(1, "anan", NOW_US + 5)
    assert not ledger.undo_batch(1, "again", NOW_US + 6)
    assert not ledger.undo_batch(2, "none", NOW_US)
    assert not ledger.sources([METER], day(0), day(9))
    assert ledger.batches() == [Batch(1, BATCH, NOW_US + 5, "anan")]
    assert ledger.waiting() == {METER: [day(0), day(1)]}


CALLS = {
    "mark": lambda own: own.mark([METER], FIRST, FIRST),
    "mark_readings": lambda own: own.mark_readings([METER], np.array([0]), np.array([NOW_US])),
    "claim": lambda own: own.claim("w", now_us=NOW_US, lease_s=1, limit=1),
    "finish": lambda own: own.finish(Claim(METER, "w", {}), [], [], computed=[], now_us=NOW_US),
    "release": lambda own: own.release(Claim(METER, "w", {})),
    "waiting": lambda own: own.waiting(),
    "waiting_since": lambda own: own.waiting_since([METER]),
    "slots": lambda own: own.slots([METER], IMPORT, FIRST, FIRST),
    "totals": lambda own: own.totals([METER], IMPORT, FIRST, FIRST),
    "spans": lambda own: own.spans([METER], IMPORT, FIRST, FIRST),
    "seen": lambda own: own.seen([METER]),
    "revisions": lambda own: own.revisions(),
    "set_revisions": lambda own: own.set_revisions({METER: "r"}, {METER: [FIRST]}),
    "stored_days": lambda own: own.stored_days(METER, IMPORT),
    "day_before": lambda own: own.day_before(METER, IMPORT, FIRST, Having.ENERGY),
    "day_after": lambda own: own.day_after(METER, IMPORT, FIRST, Having.READINGS),
    "add_batch": lambda own: own.add_batch(BATCH, [block(flat(1))]),
    "undo_batch": lambda own: own.undo_batch(1, "w", NOW_US),
    "batches": lambda own: own.batches(),
    "channels": lambda own: own.channels([METER]),
    "sources": lambda own: own.sources([METER], FIRST, FIRST),
    "reading_counts": lambda own: own.reading_counts([METER], FIRST, FIRST),
    "purges.agree": lambda own: own.purges.agree("a person", NOW_US),
    "purges.agreed": lambda own: own.purges.agreed(),
    "purges.spans": lambda own: own.purges.spans(),
    "purges.begin": lambda own: own.purges.begin({METER: [Purged(FIRST, FIRST, FIRST, is_done=False)]}),
    "purges.finish": lambda own: own.purges.finish([METER]),
    "purges.add_late": lambda own: own.purges.add_late(METER, [FIRST]),
    "purges.late": lambda own: own.purges.late(),
    "purges.undeleted": lambda own: own.purges.undeleted(),
    "purges.set_undeleted": lambda own: own.purges.set_undeleted({}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_table_that_is_missing_raises_and_is_never_emptiness(url, call):
    with closing(SqlLedger(make_engine(url))) as ledger, pytest.raises(StoreUnavailable, match="energy ledger"):
        call(ledger)


@pytest.mark.parametrize("call", [SqlLedger.prepare, *CALLS.values()], ids=["prepare", *CALLS])
def test_a_server_that_does_not_answer_raises_without_its_password(call):
    url = f"postgresql+psycopg://bkk:pa55word@127.0.0.1:{free_port()}/nowhere"
    with closing(SqlLedger(make_engine(url))) as ledger, pytest.raises(StoreUnavailable) as caught:
        call(ledger)
    assert "pa55word" not in str(caught.value)


def test_every_call_of_the_protocol_is_among_those_that_must_raise():
    own = {name for name in vars(SqlLedger) if not name.startswith("_")} - {"prepare", "close", "purges", "changes"}
    purges = {f"purges.{name}" for name in vars(SqlPurgeRecords) if not name.startswith("_")}
    assert own | purges == set(CALLS)


@pytest.mark.parametrize("column", ["slots", "quality"])
def test_a_damaged_row_raises(ledger, column):
    put(ledger, [random_days(1, 2, IMPORT)], range(2))
    with ledger._engine.begin() as connection:
        connection.execute(text(f"UPDATE ledger_day SET {column} = :bytes"), {"bytes": b"\x00\x01\x02"})
    with pytest.raises(StoreRefused, match="damaged"):
        ledger.slots([METER], IMPORT, day(0), day(1))


def test_a_row_of_another_number_of_slots_raises(ledger):
    put(ledger, [block(flat(1))], [0])
    with pytest.raises(StoreRefused, match="length"):
        ledger.slots([METER], Channel("import", "kWh", slots_per_day=24), day(0), day(0))


def test_days_that_run_backwards_and_meters_named_twice_are_faults_of_the_caller(ledger):
    for meters, last in (([METER], day(-1)), ([METER, METER], day(0))):
        with pytest.raises(ValueError, match="forward"):
            ledger.slots(meters, IMPORT, day(0), last)


def test_no_meters_and_no_rows_are_answered_with_arrays_of_their_shape(ledger):
    assert ledger.slots([], IMPORT, day(0), day(1)).values.shape == (192, 0)
    assert ledger.totals([], IMPORT, day(0), day(1)).total.shape == (2, 0)
    assert ledger.spans([], IMPORT, day(0), day(1)) == []
    assert ledger.waiting([]) == {}
    assert ledger.seen([]) == {}
    ledger.mark([], day(0), day(1))
    assert ledger.waiting() == {}


def test_the_tables_may_be_made_by_many_at_once_and_again(url):
    with ThreadPoolExecutor(4) as pool:
        ledgers = list(pool.map(lambda _: SqlLedger(make_engine(url)), range(4)))
        list(pool.map(SqlLedger.prepare, ledgers))
    ledgers[0].mark([METER], day(0), day(0))
    ledgers[1].prepare()
    assert ledgers[2].waiting() == {METER: [day(0)]}
    for own in ledgers:
        own.close()


# Readings and their marks


def batch(*rows: tuple[str, int]) -> ReadingBatch:
    names = tuple(dict.fromkeys(name for name, _ in rows))
    meter = np.array([names.index(name) for name, _ in rows], np.int64)
    ts_us = np.array([ts_us for _, ts_us in rows], np.int64)
    return ReadingBatch(names, meter, ts_us, {"energy_kwh": np.arange(len(rows), dtype=np.float64)})


@pytest.fixture
def shared(tmp_path):
    """Settings of a site whose readings and ledger share one file."""
    return Settings(store=StoreSettings(path=tmp_path / "store.sqlite"))


def test_a_commit_marks_its_days_in_the_readings_own_file(shared):
    with closing(open_writable(shared)) as store, closing(open_ledger(shared)) as ledger:
        store.commit(batch(("a.b.one", instant_us(0)), ("a.b.one", instant_us(0) - 1), ("a.b.two", instant_us(3))))
        assert ledger.waiting() == {"a.b.one": [day(-1), day(0)], "a.b.two": [day(3)]}
        assert ledger.seen(["a.b.one"]) == {"a.b.one": MeterSeen(instant_us(0) - 1, instant_us(0))}


def test_the_tables_that_a_store_makes_are_those_of_the_ledger(shared, tmp_path):
    open_store(shared.store).close()
    other = Settings(store=StoreSettings(path=tmp_path / "other.sqlite"))
    open_ledger(other).close()
    schemas = []
    for own in (shared, other):
        engine = create_engine(f"sqlite:///{own.store.path}")
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE name LIKE 'ledger%'")).all()
        schemas.append({name: sql and " ".join(sql.replace("IF NOT EXISTS ", "").split()) for name, sql in rows})
        engine.dispose()
    assert schemas[0] == schemas[1]
    assert {table.name for table in metadata.sorted_tables} <= schemas[0].keys()


@pytest.mark.parametrize(
    "fault",
    [
        "CREATE TRIGGER fault BEFORE INSERT ON ledger_stale BEGIN SELECT RAISE(ABORT, 'no marks'); END",
        "CREATE TRIGGER fault BEFORE INSERT ON ledger_meter BEGIN SELECT RAISE(ABORT, 'no meters'); END",
        "CREATE TRIGGER fault BEFORE INSERT ON reading BEGIN SELECT RAISE(ABORT, 'no readings'); END",
        "DROP TABLE ledger_stale",
    ],
    ids=["mark", "meter", "reading", "missing table"],
)
def test_readings_and_marks_are_stored_together_or_not_at_all(shared, fault):
    with closing(open_writable(shared)) as store:
        store.commit(batch(("a.b.one", instant_us(0))))
        engine = create_engine(f"sqlite:///{shared.store.path}")
        with engine.begin() as connection:
            connection.execute(text(fault))
        with pytest.raises((StoreUnavailable, StoreRefused)):
            store.commit(batch(("a.b.one", instant_us(5)), ("a.b.two", instant_us(5))))
        with engine.begin() as connection:
            if "TRIGGER" in fault:
                connection.execute(text("DROP TRIGGER fault"))
        engine.dispose()
        assert len(store.readings(["a.b.one", "a.b.two"], 0, 2**60)) == 1
        with closing(open_ledger(shared)) as ledger:
            assert ledger.seen(["a.b.one", "a.b.two"]) == {"a.b.one": MeterSeen(instant_us(0), instant_us(0))}
            assert ledger.waiting() == ({} if "DROP" in fault else {"a.b.one": [day(0)]})
            store.commit(batch(("a.b.one", instant_us(5)), ("a.b.two", instant_us(5))))
            assert ledger.waiting(["a.b.two"]) == {"a.b.two": [day(5)]}


def test_a_mark_beside_the_readings_stands_before_they_are_written_and_again_after(ledger):
    """A worker that computes in between takes away the first mark; the second is there for the readings it missed."""
    own = batch((METER, instant_us(0)))
    with MarksBeside(ledger).around(own):
        claim = claimed(ledger)
        assert list(claim.days) == [day(0)]
        assert ledger.finish(claim, [], [], computed=[day(0)], now_us=NOW_US)
        assert ledger.waiting() == {}
    assert ledger.waiting() == {METER: [day(0)]}


class HeldLedger:
    """A ledger whose first mark waits until it is let through. marks : how many readings each marked."""

    def __init__(self, ledger: SqlLedger, *, fails: int = 0) -> None:
        self.ledger, self.fails, self.marks = ledger, fails, []
        self.is_entered, self.is_free = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self.ledger, name)

    def mark_readings(self, meter_ids, meter, ts_us):
        self.marks.append(len(meter))
        self.is_entered.set()
        assert self.is_free.wait(10)
        if len(self.marks) <= self.fails:
            raise StoreUnavailable("no answer")
        self.ledger.mark_readings(meter_ids, meter, ts_us)


def marked_by_threads(held: HeldLedger, batches) -> list[type | None]:
    """Mark batches at once, each in a thread; while the first waits for the disk the others ask too. How each ended."""
    marks, ended = MarksBeside(held), {}

    def mark(number):
        try:
            marks._mark(batches[number])
            ended[number] = None
        except StoreUnavailable as error:
            ended[number] = type(error)

    threads = [threading.Thread(target=mark, args=(number,)) for number in range(len(batches))]
    threads[0].start()
    assert held.is_entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    until_s = time.monotonic() + 10
    while len(marks._asked) < len(batches) - 1 and time.monotonic() < until_s:
        time.sleep(0.001)
    held.is_free.set()
    for thread in threads:
        thread.join(20)
    return [ended[number] for number in range(len(batches))]


def test_what_threads_ask_for_while_a_mark_waits_for_the_disk_is_marked_together(ledger):
    names = ("a.b.one", "a.b.two")
    batches = [
        ReadingBatch((METER,) if number < 3 else names, np.zeros(1, np.int64), np.array([instant_us(number)]), {})
        for number in range(5)
    ]
    held = HeldLedger(ledger)
    assert marked_by_threads(held, batches) == [None] * 5
    assert held.marks == [1, 4]
    assert ledger.waiting() == {METER: [day(0), day(1), day(2)], "a.b.one": [day(3), day(4)]}


def test_where_marks_together_fail_each_thread_learns_it_and_tries_by_itself(ledger):
    batches = [ReadingBatch((METER,), np.zeros(1, np.int64), np.array([instant_us(at)]), {}) for at in range(4)]
    held = HeldLedger(ledger, fails=2)
    ended = marked_by_threads(held, batches)
    assert ended.count(StoreUnavailable) == 2
    assert held.marks[:2] == [1, 3]
    assert ledger.waiting() == {METER: [day(at) for at in range(4) if ended[at] is None]}


def test_a_crash_after_the_write_leaves_the_mark(ledger):
    with pytest.raises(KeyboardInterrupt), MarksBeside(ledger).around(batch((METER, instant_us(0)))):
        raise KeyboardInterrupt
    assert ledger.waiting() == {METER: [day(0)]}


def test_sqlite_readings_mark_a_ledger_in_another_database(url, tmp_path):
    site = Settings(store=StoreSettings(path=tmp_path / "readings.sqlite"), ledger=LedgerSettings(url=SecretStr(url)))
    with closing(open_writable(site, prepare=False)) as store, closing(open_ledger(site)) as ledger:
        store.prepare()
        store.commit(batch((METER, instant_us(0))))
        assert ledger.waiting() == {METER: [day(0)]}
        assert len(store.readings([METER], 0, 2**60)) == 1


@pytest.mark.influx
def test_readings_on_influxdb_mark_the_ledger_of_the_site(influx, url, tmp_path):
    where = StoreSettings(
        kind="influx",
        path=tmp_path / "beside.sqlite",
        influx=InfluxSettings(url=influx.url, bucket=f"led{next(numbers)}"),
    )
    for site in (Settings(store=where), Settings(store=where, ledger=LedgerSettings(url=SecretStr(url)))):
        with closing(open_writable(site)) as store, closing(open_ledger(site)) as ledger:
            store.commit(batch((METER, instant_us(0))))
            assert ledger.waiting() == {METER: [day(0)]}


def test_readings_are_not_stored_while_the_ledger_beside_them_is_unreachable(tmp_path):
    url = f"postgresql+psycopg://bkk@127.0.0.1:{free_port()}/nowhere"
    site = Settings(store=StoreSettings(path=tmp_path / "readings.sqlite"), ledger=LedgerSettings(url=SecretStr(url)))
    with closing(open_writable(site, prepare=False)) as store:
        store.prepare()
        with pytest.raises(StoreUnavailable, match="energy ledger"):
            store.commit(batch((METER, instant_us(0))))
        assert len(store.readings([METER], 0, 2**60)) == 0


# Which database


@pytest.mark.postgres
def test_the_ledger_lives_where_the_settings_say(postgres, tmp_path):
    server = SecretStr(f"postgresql+psycopg://bkk@127.0.0.1:{postgres.port}/postgres")
    file, other = tmp_path / "store.sqlite", tmp_path / "other.sqlite"
    store = StoreSettings(path=file)
    cases = [
        (Settings(store=store), f"sqlite:///{file}", True),
        (Settings(store=store, state=StateSettings(url=SecretStr(f"sqlite:///{other}"))), f"sqlite:///{file}", True),
        (Settings(store=store, state=StateSettings(url=server)), server.get_secret_value(), False),
        (
            Settings(store=store, state=StateSettings(url=server), ledger=LedgerSettings(url=SecretStr(f"sqlite:///{other}"))),
            f"sqlite:///{other}",
            False,
        ),
    ]  # fmt: skip
    for site, expected, is_shared in cases:
        with closing(open_ledger(site)) as ledger:
            assert ledger._engine.url.render_as_string(hide_password=False) == expected
            assert is_in_readings_file(site) is is_shared
    assert not is_in_readings_file(Settings(store=StoreSettings(kind="influx", path=file)))


def test_a_url_that_names_no_database_is_told_with_the_remedy(tmp_path):
    for url in ("oracle://x/y", "not a url"):
        with pytest.raises(ConfigError, match=r"BKKENERGY_LEDGER_URL.*postgresql"):
            open_ledger(Settings(ledger=LedgerSettings(url=SecretStr(url))))


# Purged readings.


def purged_days(first: int, last: int, before: int, *, is_done: bool = False) -> Purged:
    return Purged(day(first), day(last), day(before), is_done)


def test_rows_say_how_many_values_they_were_computed_from(ledger):
    put(ledger, [block(flat(1.0, 3)), block(flat(0.9, 2, POWER_FACTOR), channel=POWER_FACTOR)], range(3))
    put(ledger, [block(flat(1.0, 1), meter="a.b.c")], range(1), meter="a.b.c")
    counts = ledger.reading_counts([METER, "a.b.c", "unknown.to.it"], day(0), day(1))
    assert counts == {METER: {"import": 90 + 91, "power_factor": 90 + 91}, "a.b.c": {"import": 90}}
    assert ledger.reading_counts([METER], day(2), day(9)) == {METER: {"import": 92}}
    assert ledger.reading_counts([METER], day(5), day(9)) == {}
    put(
        ledger,
        [
            LedgerDays(
                METER,
                "import",
                day(1),
                *(flat(np.nan), np.full((1, 96), Quality.MISSING, np.uint8), np.zeros(1, np.int64)),
            )
        ],
        [1],
    )
    assert ledger.reading_counts([METER], day(0), day(1)) == {METER: {"import": 90, "power_factor": 90}}


def test_a_count_that_does_not_fit_its_days_is_refused():
    with pytest.raises(ValueError, match="do not match"):
        LedgerDays(METER, "import", day(0), flat(1.0, 2), flat(1.0, 2).astype(np.uint8), np.zeros(3, np.int64))


def test_the_first_person_who_agrees_to_a_purge_is_noted(ledger):
    assert ledger.purges.agreed() is None
    ledger.purges.agree("somchai", NOW_US)
    ledger.purges.agree("another", NOW_US + 1)
    assert ledger.purges.agreed() == PurgeAgreed("somchai", NOW_US)


def test_purged_days_are_noted_before_and_after_their_readings_go(ledger):
    ledger.mark([METER, "a.b.c"], day(20), day(20))
    two = {METER: [purged_days(0, 3, 4), purged_days(6, 9, 8)], "a.b.c": [purged_days(0, 3, 4)]}
    assert ledger.purges.begin(two) == {METER, "a.b.c"}
    assert ledger.purges.spans() == two
    assert ledger.purges.spans(["a.b.c", "unknown.to.it"]) == {"a.b.c": two["a.b.c"]}
    ledger.purges.finish([METER])
    assert ledger.purges.spans()[METER] == [purged_days(0, 3, 4, is_done=True), purged_days(6, 9, 8, is_done=True)]
    assert not ledger.purges.spans()["a.b.c"][0].is_done
    assert ledger.purges.begin({METER: [purged_days(0, 9, 8)]}) == {METER}
    assert ledger.purges.spans([METER]) == {METER: [purged_days(0, 9, 8)]}
    assert ledger.purges.begin({"unknown.to.it": [purged_days(0, 3, 4)]}) == frozenset()


@pytest.mark.parametrize(("marked", "is_begun"), [(0, False), (3, False), (4, True)])
def test_days_that_wait_are_not_purged(ledger, marked, is_begun):
    ledger.mark([METER], day(marked), day(marked))
    assert (METER in ledger.purges.begin({METER: [purged_days(0, 3, 4)]})) == is_begun
    assert (METER in ledger.purges.spans()) == is_begun


def test_a_meter_that_a_worker_holds_is_not_purged(url):
    now = [NOW_US]
    with closing(SqlLedger(make_engine(url), clock=lambda: now[0])) as ledger:
        ledger.prepare()
        ledger.mark([METER], day(20), day(20))
        claim = claimed(ledger)
        assert ledger.purges.begin({METER: [purged_days(0, 3, 4)]}) == frozenset()
        now[0] += round(LEASE_S * SECOND_US)  # its lease is over: what it computes comes too late
        assert ledger.purges.begin({METER: [purged_days(0, 3, 4)]}) == {METER}
        assert not ledger.finish(claim, [], [], computed=[day(20)], now_us=now[0])


@pytest.mark.parametrize("is_done", [False, True])
def test_a_commit_notes_purged_days_as_late_and_a_person_s_mark_does_not(ledger, is_done):
    """Days whose readings are deleted, or being deleted: not those that are left at the edge, nor another meter's."""
    ledger.mark([METER, "a.b.c"], day(20), day(20))
    assert ledger.purges.begin({METER: [purged_days(0, 3, 4), purged_days(6, 9, 8)]}) == {METER}
    if is_done:
        ledger.purges.finish([METER])
    ledger.mark([METER, "a.b.c"], day(0), day(9))
    assert ledger.purges.late() == {}
    days = [1, 2, 3, 5, 7, 8, 9, 12]
    for _ in range(2):
        meter = np.repeat([0, 1], len(days))
        ledger.mark_readings([METER, "a.b.c"], meter, np.array([instant_us(number, 1.0) for number in days * 2]))
    assert ledger.purges.late() == {METER: [day(1), day(2), day(3), day(7)]}


def test_late_days_and_held_readings_are_noted(ledger):
    ledger.mark([METER, "a.b.c"], day(0), day(0))
    ledger.purges.add_late(METER, [day(3), day(1)])
    ledger.purges.add_late(METER, [day(1), day(2)])
    assert ledger.purges.late() == {METER: [day(1), day(2), day(3)]}
    assert ledger.purges.late(["a.b.c"]) == {}
    ledger.purges.set_undeleted({METER: 5, "a.b.c": 0})
    assert ledger.purges.undeleted() == {METER: 5, "a.b.c": 0}
    ledger.purges.set_undeleted({"a.b.c": 2})
    assert ledger.purges.undeleted() == {"a.b.c": 2}
    ledger.purges.set_undeleted({})
    assert ledger.purges.undeleted() == {}
