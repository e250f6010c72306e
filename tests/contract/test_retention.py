"""Readings past their years are purged, and every report says what it said before, with either store and ledger."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import re
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select
from structlog.testing import capture_logs

from bkkenergy.adapters.ledger.tables import ledger_day, ledger_meter
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.cli import cli
from bkkenergy.jobs.service import Jobs
from bkkenergy.ports.ledger import CHANNELS, IMPORT, QUARTERS_PER_DAY, EnergyLedger
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import FIELDS, Quality, ReadingBatch
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.write import make_report
from bkkenergy.settings import StateSettings
from bkkenergy.site import Site, load_configuration
from bkkenergy.site.open import opened_state
from bkkenergy.usecases.follow import follow_configuration
from bkkenergy.usecases.purge import DeletionWaits, PurgeRun, purge, purged_before
from bkkenergy.usecases.recompute import recompute
from tests.builders import readings
from tests.conftest import CONFIG_PARTS, ROOT
from tests.folders import shared_folder
from tests.sites import energy, influx_store, postgresql_copy, postgresql_database

pytestmark = pytest.mark.slow
TODAY, CUT = dt.date(2026, 11, 25), dt.date(2023, 11, 1)
WHOLE = Period.days(dt.date(2023, 9, 25), dt.date(2023, 11, 20))
NOW = dt.datetime(2026, 11, 25, 7, 0, tzinfo=BANGKOK)
AGENCY, BUILDING = "fire-rescue", "fire-rescue.station-4"
MAIN = "fire-rescue.station-1.main"
PERIODS = {
    "before": Period.month(2023, 10),
    "across": Period.days(dt.date(2023, 10, 20), dt.date(2023, 11, 9)),
    "last-day-before": Period.day(dt.date(2023, 10, 31)),
    "first-day-after": Period.day(dt.date(2023, 11, 1)),
    "after": Period.days(dt.date(2023, 11, 5), dt.date(2023, 11, 12)),
}
MORE_METERS = """
[[building.meters]]
id = "sky"
kind = "weather"
rated_kw = 1
[[building.meters]]
id = "pump"
kind = "interval"
rated_kw = 30
parent = "main"
"""
OTHERS = ("health.centre-1.main", "health.centre-2.main", "health.centre-3.main")
QUARTER_US = 900_000_000
FORMS = ("json", "csv", "html")


@dataclass(frozen=True)
class Place:
    """A site with a worker."""

    site: Site

    @property
    def store(self) -> ReadingStore:
        return self.site.readings

    @property
    def ledger(self) -> EnergyLedger:
        return self.site.ledger


def configured(site: Site, **changes) -> Site:
    """The site with another configuration."""
    return replace(site, config=replace(site.config, **changes))


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("influx", marks=pytest.mark.influx),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ]
)
def site(request, tmp_path, monkeypatch):
    """The demonstration's fire stations, one with a weather station, and readings that have every fault, computed."""
    computed, url = computed_once(request.param, request)
    shutil.copytree(computed / "config", tmp_path / "config", symlinks=True)
    shutil.copyfile(computed / "store.sqlite", tmp_path / "store.sqlite")
    if request.param == "influx":
        server, bucket = request.getfixturevalue("influx"), request.getfixturevalue("bucket")
        write_settings(tmp_path, 'kind = "influx"\n' + server.toml(bucket))
        with closing(influx_store(server.bucket(bucket))) as store:  # its marks are of no ledger: the days are computed
            store.prepare()
            fill(store)
    if url is not None:
        monkeypatch.setenv("BKKENERGY_LEDGER_URL", postgresql_copy(url).get_secret_value())
    with opened(tmp_path / "config") as place:
        yield place


@contextmanager
def opened(config):
    """A site with a worker."""
    loaded = load_configuration(config)
    with energy(loaded.settings, loaded.portfolio) as found, opened_state(loaded.settings) as state:
        yield Place(replace(found.site, config=loaded, energy=found.fresh, state=state))


computed_sites = {}


def computed_once(kind, request):
    """The folder of a site whose ledger is computed, and the URL of its database; made once in a process for each kind."""
    if kind not in computed_sites:
        home, url = shared_folder("retention"), None
        config = home / "config"
        config.mkdir()
        for name in CONFIG_PARTS:
            if name != "portfolio":
                (config / name).symlink_to(ROOT / "config" / name)
        shutil.copytree(ROOT / "config/portfolio", config / "portfolio")
        for file in (config / "portfolio/buildings").iterdir():  # without readings here
            if file.stem not in {AGENCY, "health"}:
                file.unlink()
        with (config / "portfolio/buildings/fire-rescue.toml").open("a") as file:
            file.write(MORE_METERS)
        server = request.getfixturevalue("influx") if kind == "influx" else None
        write_settings(home, "" if server is None else 'kind = "influx"\n' + server.toml("computed-once"))
        with pytest.MonkeyPatch.context() as patch:
            if kind == "postgresql":
                url = postgresql_database(request.getfixturevalue("postgres").port)
                patch.setenv("BKKENERGY_LEDGER_URL", url.get_secret_value())
            with opened(config) as place:
                fill(place.store)
                place.ledger.purges.agree("a test", day_us(TODAY))
                follow_configuration(place.site)
                bring_up(place)
        computed_sites[kind] = home, url
    return computed_sites[kind]


def write_settings(home, store: str) -> None:
    (home / "config/bkkenergy.toml").write_text(f'[store]\npath = "store.sqlite"\n{store}')


def fill(store) -> None:
    """Eight weeks of quarter-hours: a clean meter, one that wraps and falls, one with silences, power, intervals, sky."""
    rng = np.random.default_rng(8)
    at = np.arange(timestamp_us(WHOLE.start), timestamp_us(WHOLE.end) + 1, QUARTER_US)
    day = (at - at[0]) / 86_400e6
    kw = 12 + 8 * np.sin(2 * np.pi * day) ** 2 + rng.uniform(0, 4, len(at))
    register = np.round(5000 + np.cumsum(kw) / 4, 3)

    def commit(meter: str, picked: np.ndarray | slice = slice(None), **columns: np.ndarray) -> None:
        chosen = {name: values[picked] for name, values in columns.items()}
        count = len(at[picked])
        store.commit(ReadingBatch((f"{AGENCY}.{meter}",), np.zeros(count, np.int64), at[picked], chosen))

    factor = rng.uniform(0.6, 0.8, len(at))
    commit("station-1.main", energy_kwh=register, export_kwh=np.round(np.cumsum(kw) / 40, 3), power_factor=factor)
    faulty = np.where(day < 20, register + 9_994_000, register - 6_000)  # wraps at ten million, off and on later
    faulty = np.mod(faulty, 10_000_000)
    faulty[2500] = 3.0  # a reading off the track
    faulty[3000:] -= 700  # falls for good
    commit("station-2.main", energy_kwh=np.abs(faulty))
    silent = (day > 5.3) & (day < 5.5) | (day > 18.1) & (day < 18.15) | (day > 35.6) & (day < 38.2) | (day > 50)
    commit("station-3.main", ~silent, energy_kwh=register)
    commit("station-4.main", rng.uniform(size=len(at)) < 0.9, power_kw=kw)
    commit("station-4.pump", energy_kwh=kw / 20)
    for meter in OTHERS:  # of other agencies: they say that the store has readings of today
        store.commit(readings(meter, [1.0], start_us=timestamp_us(Period.day(TODAY).start)))
    commit(
        "station-4.sky",
        ghi_wm2=600 * np.clip(np.sin(2 * np.pi * day), 0, None),
        temp_air_c=28 + rng.normal(size=len(at)),
    )


def said(site, period: Period) -> dict[str, bytes]:
    """A report's files, byte for byte."""
    report = make_report(site.site, AGENCY, period, now=NOW)
    return {form: RENDERERS[form](report, "th") for form in FORMS}


def alike(found: dict[str, bytes], truth: dict[str, bytes]) -> None:
    """Pages byte for byte; numbers of data to nine digits, since sums begin elsewhere."""
    assert found["html"] == truth["html"]
    tables = [pd.read_csv(io.BytesIO(data["csv"])) for data in (found, truth)]
    pd.testing.assert_frame_equal(*tables, rtol=1e-9, atol=1e-9)
    same(json.loads(found["json"]), json.loads(truth["json"]), "report")


def same(found, truth, where: str) -> None:
    assert type(found) is type(truth), where
    if isinstance(truth, dict):
        assert found.keys() == truth.keys(), where
        for name in truth:
            same(found[name], truth[name], f"{where}.{name}")
    elif isinstance(truth, list):
        assert len(found) == len(truth), where
        for number, value in enumerate(truth):
            same(found[number], value, f"{where}[{number}]")
    elif isinstance(truth, float):
        assert math.isclose(found, truth, rel_tol=1e-9, abs_tol=1e-9), where
    else:
        assert found == truth, where


def purged(site, today: dt.date = TODAY) -> PurgeRun | None:
    return purge(site.site, today=today)


def bring_up(site) -> None:
    recompute(site.site, within_s=600)


def day_us(day: dt.date) -> int:
    return timestamp_us(Period.day(day).start)


def rows(site, meter: str | None = None) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """All that the ledger says of the stations' days."""
    names = [own.id for own in site.site.portfolio.meters if own.id.startswith(AGENCY) and meter in {None, own.id}]
    found = {}
    for channel in CHANNELS.values():
        slots = site.ledger.slots(names, channel, WHOLE.first_day, WHOLE.last_day + dt.timedelta(days=1))
        for number, name in enumerate(names):
            found[name, channel.name] = slots.values[:, number], slots.quality[:, number]
    return found


def unchanged(found, truth) -> None:
    assert found.keys() == truth.keys()
    for name, (values, quality) in truth.items():
        np.testing.assert_array_equal(found[name][1], quality, err_msg=str(name))
        np.testing.assert_allclose(found[name][0], values, rtol=1e-9, atol=1e-9, err_msg=str(name))


def count_of(site) -> int:
    """How many readings the stations have."""
    return sum(len(site.store.readings([meter.id], 0, 2**52, FIELDS)) for meter in site.site.portfolio.meters)


def late(site, count: int = 5) -> None:
    """Readings of a day that is purged."""
    site.store.commit(readings(MAIN, np.arange(float(count)), start_us=timestamp_us(WHOLE.start)))


def everything_again(site) -> None:
    """Have all days computed again, as a changed configuration or a person would."""
    names = [meter.id for meter in site.site.portfolio.meters]
    site.ledger.mark(names, WHOLE.first_day, WHOLE.last_day)
    bring_up(site)
    assert not site.ledger.waiting()


def test_reports_are_unchanged_to_the_byte_across_the_boundary(site):
    before, figures = {name: said(site, period) for name, period in PERIODS.items()}, rows(site)
    run = purged(site)
    assert (run.cut, run.undeleted) == (CUT, {})
    left = site.store.readings([MAIN], 0, timestamp_us(PERIODS["after"].end), ("energy_kwh",))
    assert left.ts_us.min() == day_us(dt.date(2023, 10, 25))  # a week before the cut, no more
    assert {name: said(site, period) for name, period in PERIODS.items()} == before
    everything_again(site)
    for name, period in PERIODS.items():
        alike(said(site, period), before[name])
    unchanged(rows(site), figures)
    values, quality = figures[f"{AGENCY}.station-3.main", "import"]
    assert np.isfinite(values).any()
    assert (quality == Quality.ESTIMATED).any()


@pytest.mark.parametrize(
    "gap", [(dt.date(2023, 10, 20), dt.date(2023, 11, 3)), (dt.date(2023, 10, 30), dt.date(2023, 11, 1))]
)
def test_a_gap_over_the_boundary_is_still_known_from_both_its_ends(site, gap):
    meter = OTHERS[2]
    at = np.arange(timestamp_us(WHOLE.start), timestamp_us(WHOLE.end) + 1, QUARTER_US)
    at = at[(at < day_us(gap[0]) + 11 * QUARTER_US) | (at > day_us(gap[1]) + 7 * QUARTER_US)]
    kwh = 100 + at / 1e10
    site.store.commit(ReadingBatch((meter,), np.zeros(len(at), np.int64), at, {"energy_kwh": kwh}))
    bring_up(site)
    truth = site.ledger.slots([meter], IMPORT, WHOLE.first_day, WHOLE.last_day)
    assert np.nansum(truth.values) == pytest.approx(kwh[-1] - kwh[0], abs=0.02)
    assert purged(site).undeleted == {}
    assert site.store.first_seen_us([meter])[meter] < day_us(gap[0])
    site.ledger.mark([meter], WHOLE.first_day, WHOLE.last_day)
    bring_up(site)
    found = site.ledger.slots([meter], IMPORT, WHOLE.first_day, WHOLE.last_day)
    np.testing.assert_array_equal(found.quality, truth.quality)
    np.testing.assert_allclose(found.values, truth.values, rtol=1e-9)


def test_a_second_run_changes_nothing(site):
    assert purged(site).days > 100
    spans, count = site.ledger.purges.spans(), count_of(site)
    assert purged(site) is None
    assert (site.ledger.purges.spans(), count_of(site)) == (spans, count)


def test_the_next_month_goes_a_month_later(site):
    truth = said(site, PERIODS["after"])
    purged(site)
    december = dt.date(2026, 12, 25)
    site.store.commit(readings(OTHERS[0], [2.0], start_us=day_us(december)))
    site.store.commit(readings(OTHERS[1], [2.0], start_us=day_us(december)))
    site.store.commit(readings(OTHERS[2], [2.0], start_us=day_us(december)))
    run = purged(site, december)
    assert (run.cut, run.undeleted) == (dt.date(2023, 12, 1), {})
    assert run.days >= 20
    assert len(site.ledger.purges.spans([MAIN])[MAIN]) == 1
    everything_again(site)
    alike(said(site, PERIODS["after"]), truth)
    assert purged(site, december) is None


@pytest.mark.parametrize("deletes", [False, True])
def test_a_crash_loses_and_doubles_nothing(site, monkeypatch, deletes):
    before = said(site, PERIODS["across"])
    forget = type(site.store).forget

    def crash(store, names, start_us, end_us):
        if deletes:
            forget(store, names, start_us, (start_us + end_us) // 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(site.store), "forget", crash)
    with pytest.raises(KeyboardInterrupt):
        purged(site)
    assert said(site, PERIODS["across"]) == before
    monkeypatch.undo()
    again = purged(site)
    assert (again.days, again.undeleted) == (0, {})
    assert again.deleted > 5_000
    assert site.store.first_seen_us([MAIN])[MAIN] == day_us(dt.date(2023, 10, 25))
    assert purged(site) is None
    everything_again(site)
    alike(said(site, PERIODS["across"]), before)


def test_days_that_are_computed_again_after_a_crash_in_the_deletion_change_no_row_and_go(site, monkeypatch):
    """A person or a new configuration marks days without a reading: the deletion comes to its end."""
    before = said(site, PERIODS["across"])

    def crash(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(site.store), "forget", crash)
    with pytest.raises(KeyboardInterrupt):
        purged(site)
    everything_again(site)
    alike(said(site, PERIODS["across"]), before)
    monkeypatch.undo()
    again = purged(site)
    assert (again.days, again.undeleted) == (0, {})
    assert site.ledger.purges.late() == {}
    assert site.store.first_seen_us([MAIN])[MAIN] == day_us(dt.date(2023, 10, 25))
    assert purged(site) is None
    alike(said(site, PERIODS["across"]), before)


def meanwhile(site, monkeypatch, happens) -> None:
    """Let something happen once, after a deletion has begun and before what goes is counted again."""
    begin = type(site.ledger.purges).begin

    def begin_and(purges, spans):
        begun = begin(purges, spans)
        monkeypatch.undo()
        happens()
        return begun

    monkeypatch.setattr(type(site.ledger.purges), "begin", begin_and)


@pytest.mark.parametrize("is_computed_at_once", [False, True])
@pytest.mark.parametrize("number_of_days", [1, 14])
def test_days_that_are_marked_while_a_deletion_is_under_way_go_with_the_next_one(
    site, monkeypatch, is_computed_at_once, number_of_days
):
    bring_up(site)
    before = rows(site)

    def mark() -> None:
        site.ledger.mark([MAIN], WHOLE.first_day, WHOLE.first_day + dt.timedelta(days=number_of_days - 1))
        if is_computed_at_once:
            bring_up(site)

    meanwhile(site, monkeypatch, mark)
    first = purged(site)
    assert (MAIN in first.undeleted) is not is_computed_at_once
    again = purged(site)
    assert again is None if is_computed_at_once else again.undeleted == {}
    assert site.store.first_seen_us([MAIN])[MAIN] == day_us(dt.date(2023, 10, 25))
    assert site.ledger.purges.late() == {}
    unchanged(rows(site), before)


@pytest.mark.parametrize("is_computed_at_once", [False, True])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_reading_that_comes_while_a_deletion_is_under_way_holds_its_own_day_alone(
    site, monkeypatch, is_computed_at_once, is_new
):
    """Also one that replaces another, which no count shows."""
    bring_up(site)
    before, day = rows(site), dt.date(2023, 10, 12)

    def come() -> None:
        site.store.commit(readings(MAIN, [7.0], start_us=day_us(day) + (QUARTER_US // 2 if is_new else 0)))
        if is_computed_at_once:
            bring_up(site)

    meanwhile(site, monkeypatch, come)
    purged(site)
    for _ in range(2):
        purged(site)
    assert site.ledger.purges.late() == {MAIN: [day]}
    assert site.ledger.purges.undeleted() == {MAIN: 96 + is_new}
    left = site.store.readings([MAIN], 0, day_us(dt.date(2023, 10, 25)), ("energy_kwh",))
    assert {dt.datetime.fromtimestamp(at / 1e6, BANGKOK).date() for at in left.ts_us.tolist()} == {day}
    assert 7.0 in left.columns["energy_kwh"]
    bring_up(site)
    unchanged(rows(site), before)


def test_history_that_is_brought_later_is_in_the_ledger_and_purged(site):
    """A meter's old years, imported in parts after the purge: days that were never purged are computed."""
    purged(site)
    truth = rows(site)
    early = Period.days(dt.date(2022, 3, 1), dt.date(2022, 3, 3))
    at = np.arange(timestamp_us(early.start), timestamp_us(early.end) + 1, QUARTER_US)
    for part in np.array_split(np.arange(len(at)), 4):
        batch = {"energy_kwh": 100 + part * 2.0}
        site.store.commit(ReadingBatch((MAIN,), np.zeros(len(part), np.int64), at[part], batch))
        bring_up(site)
    slots = site.ledger.slots([MAIN], IMPORT, early.first_day, early.last_day)
    np.testing.assert_allclose(slots.values.reshape(3, QUARTERS_PER_DAY).sum(axis=1), 192)
    assert not site.ledger.slots([MAIN], IMPORT, dt.date(2022, 3, 5), dt.date(2023, 9, 24)).is_computed.any()
    run = purged(site)
    assert (run.days, run.undeleted) == (4, {})
    assert len(site.store.readings([MAIN], 0, timestamp_us(early.end) + 1)) == 0
    assert len(site.ledger.purges.spans([MAIN])[MAIN]) == 2
    after = site.ledger.slots([MAIN], IMPORT, early.first_day, early.last_day)
    np.testing.assert_array_equal(after.values, slots.values)
    unchanged(rows(site), truth)


def test_readings_for_purged_days_stay_are_reported_and_change_nothing(site, tmp_path):
    purged(site)
    truth, figures = said(site, PERIODS["before"]), rows(site)
    late(site)
    with capture_logs() as logs:
        bring_up(site)
    assert [line["meter"] for line in logs if line["event"] == "readings_came_for_purged_days"] == [MAIN]
    assert not site.ledger.waiting()
    for _ in range(2):
        assert purged(site).undeleted == {MAIN: 5}
        assert len(site.store.readings([MAIN], 0, timestamp_us(WHOLE.start) + 10 * QUARTER_US)) == 5
    everything_again(site)
    alike(said(site, PERIODS["before"]), truth)
    unchanged(rows(site), figures)
    output = CliRunner().invoke(cli, ["retention", "--config", str(tmp_path / "config")]).output
    assert f"{MAIN}: 5 old readings are not those that the ledger was computed from. They stay." in output
    assert f"{MAIN}: readings came for 1 purged days, from 2023-09-25 on." in output


def test_late_readings_hold_nothing_else_back(site):
    purged(site)
    late(site)
    for meter in OTHERS:
        site.store.commit(readings(meter, [2.0], start_us=day_us(dt.date(2026, 12, 25))))
    run = purged(site, dt.date(2026, 12, 25))
    assert run.undeleted == {MAIN: 5}
    assert len(site.store.readings([MAIN], day_us(dt.date(2023, 10, 1)), day_us(dt.date(2023, 11, 1)))) == 0


@pytest.mark.parametrize("is_computed_at_once", [False, True])
def test_a_day_of_which_a_reading_came_while_it_was_deleted_is_noted(site, monkeypatch, is_computed_at_once):
    """Between the last count and the deletion: what the store loses, the ledger names."""
    forget = type(site.store).forget

    def race(store, names, start_us, end_us):
        if MAIN in names:
            late(site, 1)
            if is_computed_at_once:
                bring_up(site)
        forget(store, names, start_us, end_us)

    bring_up(site)
    before = rows(site)
    monkeypatch.setattr(type(site.store), "forget", race)
    purged(site)
    monkeypatch.undo()
    bring_up(site)
    assert site.ledger.purges.late([MAIN]) == {MAIN: [WHOLE.first_day]}
    unchanged(rows(site), before)


def test_late_readings_after_a_crash_in_the_deletion_stay(site, monkeypatch):
    forget = type(site.store).forget

    def crash(store, names, start_us, end_us):
        forget(store, names, start_us, (start_us + end_us) // 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(site.store), "forget", crash)
    with pytest.raises(KeyboardInterrupt):
        purged(site)
    monkeypatch.undo()
    late(site)
    assert purged(site).undeleted == {MAIN: 5}
    assert len(site.store.readings([MAIN], 0, day_us(dt.date(2023, 10, 25)))) == 5


def test_a_changed_rating_computes_only_days_that_still_have_readings(site):
    purged(site)
    truth = rows(site)
    buildings = dict(site.site.portfolio.buildings)
    building = buildings["fire-rescue.station-1"]
    lower = tuple(meter.model_copy(update={"rated_kw": 2.0}) for meter in building.meters)
    buildings[building.id] = building.model_copy(update={"meters": lower})
    worker = configured(site.site, portfolio=site.site.portfolio.model_copy(update={"buildings": buildings}))
    follow_configuration(worker)
    assert min(site.ledger.waiting([MAIN])[MAIN]) == dt.date(2023, 10, 31)
    recompute(worker, within_s=600)
    assert site.ledger.purges.late() == {}
    edge = (dt.date(2023, 10, 31) - WHOLE.first_day).days * QUARTERS_PER_DAY
    values = rows(site)[MAIN, "import"][0]
    np.testing.assert_array_equal(values[:edge], truth[MAIN, "import"][0][:edge])
    assert np.nansum(values[edge:]) < np.nansum(truth[MAIN, "import"][0][edge:])


def test_nothing_is_deleted_before_a_person_has_seen_what(site, tmp_path, monkeypatch):
    monkeypatch.setattr("bkkenergy.cli.retention.today_here", lambda: TODAY)
    disagree(site)
    count = count_of(site)
    with pytest.raises(DeletionWaits, match="retention --confirm"):
        purged(site)
    config = ["--config", str(tmp_path / "config")]
    shown = CliRunner().invoke(cli, ["retention", *config]).output
    assert "fire-rescue.station-1: 2,880 readings of 1 meter, from 2023-09-25 on" in shown
    would = int(re.search(r"would delete ([\d,]+) readings of 6 meters", shown)[1].replace(",", ""))
    asked = CliRunner().invoke(cli, ["retention", "--confirm", *config], input="n\n")
    assert (asked.exit_code, count_of(site), site.ledger.purges.spans()) == (1, count, {})
    asked = CliRunner().invoke(cli, ["retention", "--confirm", *config], input="y\n")
    assert asked.exit_code == 0, asked.output
    assert count_of(site) == count - would
    assert purged_before(site.ledger) == dt.date(2023, 10, 25)


def disagree(site) -> None:
    with site.ledger._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ledger_agreed")


def test_the_scheduler_only_reports_until_a_person_has_agreed(site, tmp_path):
    disagree(site)
    engine = open_state(StateSettings(path=tmp_path / "state.sqlite"))
    jobs = Jobs(replace(site.site, state=engine, clock=lambda: NOW))
    count = count_of(site)
    with capture_logs() as logs:
        jobs._purge()
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("readings_wait_for_a_person", "warning")
    assert "retention --confirm" in line["why"]
    assert count_of(site) == count
    site.ledger.purges.agree("a test", day_us(TODAY))
    with capture_logs() as logs:
        jobs._purge()
    assert (logs, count_of(site) < count) == ([], True)
    (noted,) = audit_lines(engine)
    assert (noted["actor"], noted["action"], noted["detail"]["deleted"]) == (
        "scheduler",
        "purge_readings",
        count - count_of(site),
    )
    late(site)
    bring_up(site)
    with capture_logs() as logs:
        jobs._purge()
    (line,) = logs
    assert (line["event"], line["meter"], line["readings"]) == ("readings_not_deleted", MAIN, 5)
    engine.dispose()


def test_a_clock_that_is_ahead_by_years_deletes_nothing_that_is_not_old_by_the_readings(site):
    """The readings say November 2026. One gateway whose clock is ahead as well does not change that."""
    site.store.commit(readings(OTHERS[0], [2.0], start_us=day_us(dt.date(2030, 11, 25))))
    run = purged(site, dt.date(2030, 11, 25))
    assert run.cut == CUT
    assert len(site.store.readings(list(OTHERS), 0, 2**52)) == 4
    assert len(site.store.readings([MAIN], timestamp_us(PERIODS["after"].start), 2**52)) > 1000
    assert purged(site) is None  # the clock is right again
    assert len(site.store.readings(list(OTHERS), 0, 2**52)) == 4


@pytest.mark.parametrize(
    ("years", "raw_years"), [(0, 1), (2, 3)], ids=["a typing error", "a clock that is two years ahead"]
)
def test_a_cut_that_leaps_waits_for_a_person(site, years, raw_years):
    """Meters that send no time are stamped by our clock: both witnesses of "how old" are then one."""
    today = TODAY.replace(year=TODAY.year + years)
    settings = site.site.settings
    fewer = settings.model_copy(update={"store": settings.store.model_copy(update={"raw_years": raw_years})})
    ours = replace(site, site=configured(site.site, settings=fewer))
    if years:
        for name in OTHERS:
            site.store.commit(readings(name, [2.0], start_us=day_us(today)))
    purged(site)
    bring_up(ours)
    count, spans = count_of(site), site.ledger.purges.spans()
    with pytest.raises(DeletionWaits, match=r"reach from 2023-10-\d\d to .*clock.*raw_years.*retention --confirm"):
        purged(ours, today)
    assert (count_of(site), site.ledger.purges.spans()) == (count, spans)
    run = purge(ours.site, today=today, is_seen=True)
    assert run is not None
    assert run.deleted > 0, "a person has seen it"


def test_new_readings_after_a_purge_that_was_too_far_stay_and_are_computed(site):
    """A wrong clock, or fewer years for a while: what was purged is used, and what comes then is new."""
    truth = rows(site) if bring_up(site) is None else {}
    ahead = site.site.settings.store.model_copy(update={"raw_years": 1})
    worker = configured(site.site, settings=site.site.settings.model_copy(update={"store": ahead}))
    assert purge(worker, today=TODAY, is_seen=True).cut == dt.date(2025, 11, 1)
    assert len(site.store.readings([MAIN], 0, timestamp_us(PERIODS["after"].start))) == 0
    new = Period.days(dt.date(2025, 6, 2), dt.date(2025, 6, 3))
    count = 2 * 96 + 1
    site.store.commit(readings(MAIN, 9e5 + np.arange(count) * 2.0, start_us=timestamp_us(new.start)))
    assert purged(site) is None  # nothing is left that is old enough
    assert len(site.store.readings([MAIN], timestamp_us(new.start), timestamp_us(new.end) + 1)) == count
    everything_again(site)
    slots = site.ledger.slots([MAIN], IMPORT, new.first_day, new.last_day)
    np.testing.assert_allclose(slots.values[1:], 2)
    last = (WHOLE.last_day - WHOLE.first_day).days * QUARTERS_PER_DAY
    np.testing.assert_allclose(rows(site)[MAIN, "import"][0][:last], truth[MAIN, "import"][0][:last], rtol=1e-9)


class Short:
    """A store whose reads find nothing, as one did whose failed statements were taken for empty answers."""

    def __init__(self, store, fails_from_us: int = 0) -> None:
        self._store, self._fails_from_us = store, fails_from_us

    def __getattr__(self, name):
        return getattr(self._store, name)

    def readings(self, names, start_us, end_us, fields=("energy_kwh", "export_kwh", "power_kw")):
        end_us = min(end_us, self._fails_from_us) or end_us
        return self._store.readings(names, start_us, max(start_us, end_us), fields)


@pytest.mark.parametrize("fails_from_day", [None, dt.date(2023, 10, 10)])
def test_what_was_read_short_is_not_deleted_and_is_reported(site, fails_from_day):
    """Not even a part: a month of a meter goes whole or stays. Read well, it goes."""
    count = count_of(site)
    site.ledger.mark([meter.id for meter in site.site.portfolio.meters], WHOLE.first_day, WHOLE.last_day)
    from_us = 1 if fails_from_day is None else day_us(fails_from_day)
    short = replace(site.site, readings=Short(site.store, from_us))
    run = purge(short, today=TODAY)
    assert MAIN in run.undeleted
    assert run.deleted == count - count_of(site)
    october = timestamp_us(PERIODS["before"].start), timestamp_us(PERIODS["before"].end)
    assert len(site.store.readings([MAIN], *october)) == 31 * 96
    if fails_from_day is None:
        assert (run.deleted, run.days) == (0, 0)
    everything_again(site)
    run = purged(site)
    assert run.undeleted == {}
    assert site.store.first_seen_us([MAIN])[MAIN] == day_us(dt.date(2023, 10, 25))


def test_readings_whose_ledger_rows_are_gone_are_not_deleted(site):
    follow_configuration(site.site)
    bring_up(site)
    is_main = ledger_day.c.meter == select(ledger_meter.c.id).where(ledger_meter.c.name == MAIN).scalar_subquery()
    with site.ledger._engine.begin() as connection:
        connection.execute(delete(ledger_day).where(is_main, ledger_day.c.day == 19640))  # 10 October 2023
    run = purged(site)
    assert run.undeleted == {MAIN: 24 * 96}
    assert len(site.store.readings([MAIN], day_us(dt.date(2023, 9, 25)), timestamp_us(WHOLE.end))) > 4000
    assert site.ledger.purges.undeleted() == {MAIN: 24 * 96}


def test_days_that_another_worker_holds_are_not_deleted(site):
    bring_up(site)
    site.ledger.mark([MAIN], dt.date(2023, 10, 5), dt.date(2023, 10, 5))
    (claim,) = site.ledger.claim("another", now_us=site.site.now_us(), lease_s=300, limit=1, meters=[MAIN])
    run = purged(site)
    assert MAIN in run.undeleted
    assert site.store.first_seen_us([MAIN])[MAIN] == timestamp_us(WHOLE.start)
    site.ledger.release(claim)
    assert purged(site).undeleted == {}
    assert site.store.first_seen_us([MAIN])[MAIN] == day_us(dt.date(2023, 10, 25))


def test_meters_that_the_portfolio_no_longer_has_keep_their_readings(site):
    site.store.commit(readings("fire-rescue.station-1.gone", np.arange(96.0), start_us=timestamp_us(WHOLE.start)))
    purged(site)
    assert len(site.store.readings(["fire-rescue.station-1.gone"], 0, 2**52)) == 96
    assert site.store.first_seen_us([MAIN])[MAIN] > timestamp_us(PERIODS["before"].start)


def test_an_export_and_the_command_say_what_is_purged(site, tmp_path):
    config = ["--config", str(tmp_path / "config")]
    assert "Nothing is purged yet" in CliRunner().invoke(cli, ["retention", *config]).output
    run = purged(site)
    output = CliRunner().invoke(cli, ["retention", *config]).output
    assert "a test agreed that readings are purged." in output
    assert f"Readings before 2023-10-25 are purged: {run.days:,} days of meters" in output
    export = ["export", str(tmp_path / "old.csv"), "--period", "2023-10", *config]
    assert "Readings before 25 October 2023 are purged" in CliRunner().invoke(cli, export).output


def test_nothing_is_deleted_where_readings_stay_for_ever(site):
    ever = site.site.settings.store.model_copy(update={"raw_years": 0})
    worker = configured(site.site, settings=site.site.settings.model_copy(update={"store": ever}))
    count = count_of(site)
    assert purge(worker, today=TODAY) is None
    assert (count_of(site), site.ledger.purges.spans()) == (count, {})
