"""Files beside a meter's own readings: what an import takes, what it leaves, and that its undo leaves no trace."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bkkenergy.adapters.ledger.tables import ledger_day, ledger_hour, ledger_span
from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.errors import InputError
from bkkenergy.metering.sources import IntervalSeries
from bkkenergy.portfolio import MeterKind, load_portfolio
from bkkenergy.ports.ledger import IMPORT, BatchKind, DaysPurged, LedgerDays, NewBatch, Precedence, Purged, SpanReason
from bkkenergy.readings import Quality, ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.usecases import imports
from bkkenergy.usecases.imports import Overlap, Source
from bkkenergy.usecases.storedreadings import preview_readings
from tests.conftest import inputs
from tests.sites import energy, on_postgresql

METER = "health.centre-1.main"
MONTH = Period.month(2026, 10)
FIRST, LAST = MONTH.first_day, MONTH.last_day
START_US = timestamp_us(MONTH.start)
QUARTER_US = 900_000_000
SLOTS = 31 * 96
LATEST_US = START_US + 40 * 86_400_000_000
WHO = "somsri"


@pytest.fixture(scope="module")
def portfolio(config_dir):
    return load_portfolio(config_dir)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request, tmp_path):
    plain = Settings(store=StoreSettings(path=tmp_path / "store.sqlite"))
    return plain if request.param == "sqlite" else on_postgresql(plain, request.getfixturevalue("postgres").port)


@pytest.fixture
def site(settings, portfolio):
    with energy(settings, portfolio) as opened:
        yield opened


def load_kwh() -> np.ndarray:
    """Energy of each quarter-hour of the month: 8,646.8 kWh in all."""
    hour = np.arange(SLOTS) / 4 % 24
    kwh = np.where((hour >= 8) & (hour < 17), 5.0, 1.5) + np.random.default_rng(7).uniform(0, 0.5, SLOTS)
    return kwh / kwh.sum() * 8646.8


def commit(site, without=()) -> None:
    """The month by the meter's own register, but for the readings at the ends of some quarter-hours."""
    at = START_US + QUARTER_US * np.arange(SLOTS + 1)
    kwh = 4711 + np.concatenate(([0.0], np.cumsum(load_kwh())))
    there = np.setdiff1d(np.arange(SLOTS + 1), np.asarray(without, np.int64))
    site.store.commit(ReadingBatch((METER,), np.zeros(len(there), np.int64), at[there], {"energy_kwh": kwh[there]}))


def by_file(kwh, first_slot=0, minutes=15) -> dict[str, IntervalSeries]:
    length_us = minutes * 60_000_000
    start = START_US + first_slot * QUARTER_US + length_us * np.arange(len(kwh))
    return {METER: IntervalSeries(start, minutes * 60.0, np.asarray(kwh, np.float64))}


def apply(site, series, overlap=None, name="file.csv", log=None) -> int:
    log = [] if log is None else log
    source = Source(name, f"{name}-digest", WHO, START_US)
    return imports.apply(
        site.ledger,
        site.fresh,
        site.portfolio,
        series,
        overlap,
        source,
        latest_us=LATEST_US,
        audit=lambda *line: log.append(line),
    )


def undo(site, number) -> None:
    imports.undo(site.ledger, site.store, number, WHO, START_US, audit=lambda *_: None)


def rows(site) -> dict[str, list[tuple[object, ...]]]:
    """Every row of what was computed, but for when it was computed and its number."""
    while site.ledger.waiting():
        site.bring_up()
    found = {}
    with site.ledger._engine.connect() as connection:
        for table in (ledger_day, ledger_hour, ledger_span):
            names = [column.name for column in table.c if column.name not in {"computed_us", "id"}]
            lines = connection.execute(table.select().with_only_columns(*(table.c[name] for name in names)))
            found[table.name] = sorted((tuple(row) for row in lines), key=repr)
    return found


def slots(site):
    found = site.fresh.slots([METER], IMPORT, FIRST, LAST)
    return found.values[:, 0], found.quality[:, 0]


def total(site) -> float:
    return float(np.nansum(slots(site)[0]))


def test_a_live_month_stays_as_it_was_when_the_utility_file_is_imported(site):
    commit(site)
    before = rows(site)
    assert total(site) == pytest.approx(8646.8)
    theirs = by_file(load_kwh() * 1.01)
    with pytest.raises(InputError, match=r"overlaps what is known of health.centre-1.main.*--overlap fill"):
        apply(site, theirs)
    (seen,) = imports.preview(site.ledger, site.fresh, site.portfolio, theirs, None, latest_us=LATEST_US).meters
    assert seen.measured.slots == SLOTS
    assert seen.measured.ledger_kwh == pytest.approx(8646.8)
    assert seen.measured.file_kwh == pytest.approx(8733.268)
    assert not seen.measured.is_far
    assert rows(site) == before
    number = apply(site, theirs, Overlap.FILL)
    assert rows(site) == before
    undo(site, number)
    assert rows(site) == before


def test_a_file_that_replaces_is_taken_and_its_undo_restores_every_row(site):
    commit(site)
    before = rows(site)
    number = apply(site, by_file(load_kwh()[:960] * 2, 960), Overlap.REPLACE)
    values, quality = slots(site)
    assert (quality[960:1920] == Quality.EDITED).all()
    np.testing.assert_array_equal(values[960:1920], load_kwh()[:960] * 2)
    assert (quality[:960] == Quality.MEASURED).all()
    assert rows(site) != before
    undo(site, number)
    assert rows(site) == before


def test_days_whose_readings_are_purged_take_no_file_and_lose_none(site):
    commit(site)
    replaced = apply(site, by_file(load_kwh()[:96] * 2), Overlap.REPLACE)
    before = rows(site)
    third = FIRST + dt.timedelta(days=2)
    assert site.ledger.purges.begin({METER: [Purged(FIRST, third, third, is_done=True)]}) == {METER}
    for call in (lambda: apply(site, by_file(load_kwh(), 200)), lambda: undo(site, replaced)):
        with pytest.raises(InputError, match=r"health.centre-1.main: the readings of 2026-10-0\d are purged"):
            call()
    quiet = [
        LedgerDays(
            METER,
            "import",
            FIRST,
            *(np.full((1, 96), number) for number in (1.0, Quality.EDITED)),
            np.zeros(1, np.int64),
        )
    ]
    new = NewBatch(BatchKind.EDIT, "", "", WHO, START_US, (METER,), START_US, START_US + 1, 1, 1.0, Precedence.EDIT)
    with pytest.raises(DaysPurged):
        site.ledger.add_batch(new, quiet)
    assert [batch.undone_us for batch in site.ledger.batches()] == [None]
    assert not site.ledger.waiting()
    assert rows(site) == before
    later = apply(site, by_file(load_kwh()[:96] * 2, 96 * 3), Overlap.REPLACE)
    assert rows(site) != before
    undo(site, later)
    assert rows(site) == before


def test_a_hole_of_the_register_takes_the_energy_of_the_file(site):
    hole = slice(960, 1344)
    commit(site, without=np.arange(961, 1344))
    before = rows(site)
    assert (slots(site)[1][hole] == Quality.ESTIMATED).all()
    theirs = load_kwh()[hole] * 1.1
    seen = imports.preview(site.ledger, site.fresh, site.portfolio, by_file(theirs, 960), None, latest_us=LATEST_US)
    (own,) = seen.meters
    assert seen.refusal is None
    assert own.estimated.slots == 384
    assert own.estimated.is_far, "ten per cent more than the register grew over the hole"
    number = apply(site, by_file(theirs, 960))
    values, quality = slots(site)
    assert (quality[hole] == Quality.EDITED).all()
    assert values[hole].sum() == pytest.approx(theirs.sum())
    (gap,) = site.ledger.spans([METER], IMPORT, FIRST, LAST)
    assert (gap.reason, gap.energy_kwh) == (SpanReason.GAP, pytest.approx(load_kwh()[hole].sum()))
    undo(site, number)
    assert rows(site) == before


def test_readings_that_come_late_take_their_place_before_the_file(site):
    commit(site, without=np.arange(961, 1344))
    apply(site, by_file(load_kwh()[960:1344] * 1.1, 960))
    assert total(site) > 8646.8 + 1
    commit(site)
    assert (slots(site)[1] == Quality.MEASURED).all()
    assert total(site) == pytest.approx(8646.8)


@pytest.mark.parametrize("kind", [MeterKind.REGISTER, MeterKind.INTERVAL, MeterKind.POWER])
def test_two_files_in_a_row_have_no_seam(settings, portfolio, kind):
    building = portfolio.buildings["health.centre-1"]
    meters = tuple(meter.model_copy(update={"kind": kind}) for meter in building.meters)
    changed = building.model_copy(update={"meters": meters})
    with energy(
        settings, portfolio.model_copy(update={"buildings": portfolio.buildings | {changed.id: changed}})
    ) as site:
        kwh = load_kwh()
        apply(site, by_file(kwh[:1500]), name="first.csv")
        apply(site, by_file(kwh[1500:], 1500), name="second.csv")
        values, quality = slots(site)
        np.testing.assert_array_equal(values, kwh)
        assert (quality == Quality.EDITED).all()
        assert not site.ledger.seen([METER]), "a file does not make a silent meter heard"
        undo(site, 1)
        undo(site, 2)
        assert not any(rows(site).values())


def test_a_file_before_the_first_reading_leaves_the_days_between_without_a_row(site):
    at = START_US + 20 * 96 * QUARTER_US + QUARTER_US * np.arange(97)
    site.store.commit(ReadingBatch((METER,), np.zeros(97, np.int64), at, {"energy_kwh": 100 + np.arange(97.0)}))
    apply(site, by_file(load_kwh()[: 5 * 96]))
    rows(site)
    days = [(day - FIRST).days for day in site.ledger.stored_days(METER, IMPORT)]
    assert days == [0, 1, 2, 3, 4, 20, 21]


def test_the_same_file_is_not_imported_twice(site):
    apply(site, by_file(load_kwh()[:96]))
    with pytest.raises(InputError, match="was imported already, as batch 1"):
        apply(site, by_file(load_kwh()[:96]))
    with pytest.raises(InputError, match="overlaps what is known"):
        apply(site, by_file(load_kwh()[90:200], 90), name="other.csv")
    undo(site, 1)
    assert apply(site, by_file(load_kwh()[:96])) == 2


@pytest.mark.parametrize(
    ("series", "says"),
    [
        pytest.param(by_file(np.ones(96), 41 * 96), "96 intervals end in the future", id="future"),
        pytest.param(by_file([1, -1, 1]), "1 values are below zero", id="negative"),
        pytest.param(by_file([np.nan, np.nan]), "no interval with a value", id="empty"),
        pytest.param(by_file([1, 1e6]), "1 values lie beyond the", id="beyond_the_rating"),
        pytest.param({"x.y.z": by_file([1, 1])[METER]}, "no meter 'x.y.z'", id="unknown_meter"),
        pytest.param({METER: IntervalSeries(START_US + np.array([0, 300_000_000]), 900.0, np.ones(2))}, "nearer together", id="intervals_that_overlap"),
    ],
)  # fmt: skip
def test_what_no_option_lets_in_is_refused_as_a_whole(site, series, says):
    with pytest.raises(InputError, match=says):
        apply(site, series, Overlap.REPLACE)
    assert not site.ledger.batches()
    assert not site.ledger.waiting()


def test_each_import_and_undo_is_in_the_audit_log(site):
    log = []
    number = apply(site, by_file(load_kwh()[:96]), log=log)
    imports.undo(site.ledger, site.store, number, "anan", START_US + 1, audit=lambda *line: log.append(line))
    assert [(action, target) for action, target, _ in log] == [("import", "1"), ("undo_import", "1")]
    (batch,) = site.ledger.batches()
    assert (batch.new.who, batch.undone_by, batch.undone_us) == (WHO, "anan", START_US + 1)
    with pytest.raises(InputError, match="undone already"):
        undo(site, number)
    with pytest.raises(InputError, match="no import 77"):
        undo(site, 77)


def test_a_persons_figure_goes_before_file_and_register(site):
    commit(site)
    apply(site, by_file(np.full(96, 2.0)), Overlap.REPLACE)
    values = np.full((1, 96), np.nan)
    values[0, 8:12] = 7.0
    quality = np.where(np.isnan(values), Quality.MISSING, Quality.EDITED).astype(np.uint8)
    edit = NewBatch(BatchKind.EDIT, "", "", WHO, START_US, (METER,), START_US, START_US + 1, 4, 28.0, Precedence.EDIT)
    site.ledger.add_batch(
        edit, [LedgerDays(METER, IMPORT.name, FIRST, values, quality, np.zeros(len(values), np.int64))]
    )
    found, flags = slots(site)
    assert found[:16].tolist() == [2.0] * 8 + [7.0] * 4 + [2.0] * 4
    assert (flags[:96] == Quality.EDITED).all()
    assert [len(list(site.ledger.sources([METER], FIRST, LAST)))] == [2]


def reading_file(values: np.ndarray, first: int = 0) -> ReadingBatch:
    at = START_US + QUARTER_US * (first + np.arange(len(values)))
    return ReadingBatch((METER,), np.zeros(len(values), np.int64), at, {"energy_kwh": values})


def bring_readings(site, batch, overlap=None) -> int:
    seen = preview_readings(site.store, [batch])
    source = Source("readings.csv", "digest", WHO, START_US)
    return imports.apply_readings(site.store, site.ledger, seen, [batch], overlap, source, audit=lambda *_: None)


def test_readings_among_others_are_refused_unless_asked_for(site):
    commit(site, without=[5])
    mixed = reading_file(np.arange(10.0), 1)
    seen = preview_readings(site.store, [mixed])
    assert (seen.count, seen.known, seen.differing, seen.between) == (10, 0, 9, 0)
    with pytest.raises(InputError, match="9 readings differ from those that are stored"):
        bring_readings(site, mixed)
    assert total(site) == pytest.approx(8646.8)
    with pytest.raises(InputError, match="1 others lie between"):
        bring_readings(site, around_a_stored_one())
    assert not site.ledger.batches()
    number = bring_readings(site, mixed, Overlap.FILL)
    kept = site.store.readings([METER], START_US, START_US + 11 * QUARTER_US).column("energy_kwh")
    assert kept[5] == 4.0
    assert (np.delete(kept, 5) >= 4711).all()
    undo(site, number)
    assert total(site) == pytest.approx(8646.8)


def around_a_stored_one() -> ReadingBatch:
    at = START_US + np.array([100, QUARTER_US + 100])
    return ReadingBatch((METER,), np.zeros(2, np.int64), at, {"energy_kwh": np.array([1.0, 2.0])})


def test_readings_that_are_stored_already_may_come_again(site):
    commit(site)
    stored = site.store.readings([METER], START_US, LATEST_US, ("energy_kwh",))
    before = rows(site)
    number = bring_readings(site, stored)
    assert rows(site) == before
    assert site.ledger.batches()[number - 1].new.kind is BatchKind.READINGS


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["import", "import", "undo", "compute"]),
        st.integers(0, 5 * 96 - 1),
        st.integers(1, 192),
        st.sampled_from(list(Overlap)),
        st.sampled_from([15, 60]),
    ),
    max_size=7,
)  # fmt: skip


@hypothesis_settings(
    deadline=None,
    max_examples=inputs(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, seed=st.integers(0, 3))
def test_whatever_is_imported_and_undone_the_ledger_is_that_of_the_batches_left(
    portfolio, tmp_path_factory, steps, seed
):
    """On SQLite: the rules and the SQL are those of PostgreSQL."""
    rng = np.random.default_rng(seed)
    hole = np.arange(130, 130 + 100 * seed)
    left: dict[int, tuple[dict[str, IntervalSeries], Overlap]] = {}
    with (
        energy(fresh_settings(tmp_path_factory), portfolio) as site,
        energy(fresh_settings(tmp_path_factory), portfolio) as plain,
    ):
        commit_week(site, hole)
        for number, (step, first, length, overlap, minutes) in enumerate(steps):
            if step == "import":
                series = by_file(rng.uniform(0, 5, length), first, minutes)
                left[apply(site, series, overlap, f"{number}.csv")] = (series, overlap)
            elif step == "undo" and left:
                batch = sorted(left)[first % len(left)]
                undo(site, batch)
                del left[batch]
            else:
                rows(site)
        commit_week(plain, hole)
        for number in sorted(left):
            apply(plain, *left[number], f"{number}.csv")
        assert rows(site) == rows(plain)


def fresh_settings(tmp_path_factory) -> Settings:
    return Settings(store=StoreSettings(path=tmp_path_factory.mktemp("site") / "store.sqlite"))


def commit_week(site, hole) -> None:
    commit(site, without=np.union1d(hole, np.arange(7 * 96, SLOTS + 1)))


def test_days_of_a_batch_are_read_for_the_days_asked_for(site):
    apply(site, by_file(load_kwh()[: 3 * 96]))
    found = site.ledger.sources([METER], FIRST + dt.timedelta(days=1), FIRST + dt.timedelta(days=9))
    assert [(days.first_day - FIRST).days for days in found] == [1, 2]
    assert not site.ledger.sources(["health.centre-2.main"], FIRST, LAST)
