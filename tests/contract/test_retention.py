"""Readings past their years are packed and deleted, and every report says what it said before, with either store."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import shutil
from contextlib import closing, nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.cli import cli
from bkkenergy.cli.context import load_site
from bkkenergy.cli.site import report_site_of
from bkkenergy.jobs.service import Jobs
from bkkenergy.readings import FIELDS, ReadingBatch
from bkkenergy.reports.energy import meters_energy_kwh, power_factor_quarters, station_hours
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.retention import DeletionWaits, pack
from bkkenergy.reports.rollup import refresh
from bkkenergy.reports.write import make_report
from bkkenergy.settings import StateSettings
from bkkenergy.store import open_store
from bkkenergy.store.rollup import Rollup
from bkkenergy.store.state import open_state
from tests.builders import readings
from tests.conftest import CONFIG_PARTS, ROOT

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


@pytest.fixture(params=["sqlite", pytest.param("influx", marks=pytest.mark.influx)])
def site(request, tmp_path):
    """The demonstration's fire stations, one with a weather station, and readings that have every fault."""
    config = tmp_path / "config"
    config.mkdir()
    for name in CONFIG_PARTS:
        if name != "portfolio":
            (config / name).symlink_to(ROOT / "config" / name)
    shutil.copytree(ROOT / "config/portfolio", config / "portfolio")
    with (config / "portfolio/buildings/fire-rescue.toml").open("a") as file:
        file.write(MORE_METERS)
    text = '[store]\npath = "store.sqlite"\n'
    if request.param == "influx":
        server, bucket = request.getfixturevalue("influx"), request.getfixturevalue("bucket")
        text += 'kind = "influx"\n' + server.toml(bucket)
    (config / "bkkenergy.toml").write_text(text)
    loaded = load_site(config)
    with closing(open_store(loaded.settings.store)) as store:
        fill(store)
        store.kept.confirm("a test", 1)
        yield report_site_of(loaded, store)


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
    report = make_report(site, AGENCY, period, now=NOW)
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
        assert found == pytest.approx(truth, rel=1e-9, abs=1e-9), where
    else:
        assert found == truth, where


def packed(site):
    return pack(site.store, site.settings, site.portfolio, today=TODAY)


def meters(site):
    return tuple(meter for meter in site.portfolio.meters if meter.id.startswith(AGENCY) and meter.kind != "weather")


def everything(site):
    """What reports, baselines, findings and designs rest on, over a span that holds the cut."""
    of = {meter.id: meter for meter in site.portfolio.meters}
    span = PERIODS["across"]
    found = {
        step: meters_energy_kwh(site.store, site.settings, meters(site), span, step)
        for step in ("15min", "60min", "day")
    }
    found["month"] = meters_energy_kwh(
        site.store, site.settings, meters(site), Period.days(dt.date(2023, 10, 1), dt.date(2023, 10, 31)), "month"
    )
    found["sky"] = station_hours(site.store, of[f"{BUILDING}.sky"], span).to_numpy()
    found["factor"] = power_factor_quarters(site.store, of[MAIN], span).to_numpy()
    return found


def test_reports_are_unchanged_across_the_boundary(site):
    before = {name: said(site, period) for name, period in PERIODS.items()}
    figures = everything(site)
    assert packed(site).cut == CUT
    left = site.store.readings([MAIN], 0, timestamp_us(PERIODS["after"].end), ("energy_kwh",))
    assert left.ts_us.min() == timestamp_us(WHOLE.start) + 30 * 86_400_000_000  # a week before the cut, no more
    for name, period in PERIODS.items():
        after = said(site, period)
        alike(after, before[name])
    for name, values in everything(site).items():
        np.testing.assert_allclose(values, figures[name], rtol=1e-9, atol=1e-9, err_msg=name)
    assert np.isfinite(figures["15min"]).any()
    assert np.isnan(figures["15min"]).any()


def test_a_second_run_changes_nothing(site):
    assert packed(site).days > 100
    kept = site.store.kept.count()
    assert packed(site) is None
    assert site.store.kept.count() == kept


def test_a_crash_before_the_deletion_loses_and_doubles_nothing(site, monkeypatch):
    before = said(site, PERIODS["across"])
    monkeypatch.setattr(type(site.store), "forget", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        packed(site)
    alike(said(site, PERIODS["across"]), before)
    monkeypatch.undo()
    again = packed(site)
    assert (again.days, again.held) == (0, {})
    assert again.deleted > 10_000
    alike(said(site, PERIODS["across"]), before)


def test_history_that_is_brought_later_is_packed_and_shown(site):
    """A meter's old years, imported after the cut: packed by the next run, and its hours and days follow."""
    packed(site)
    early = Period.days(dt.date(2022, 3, 1), dt.date(2022, 3, 3))
    at = np.arange(timestamp_us(early.start), timestamp_us(early.end) + 1, QUARTER_US)
    batch = ReadingBatch((MAIN,), np.zeros(len(at), np.int64), at, {"energy_kwh": 100 + np.arange(len(at)) * 2.0})
    site.store.commit(batch)
    assert packed(site).days == 3
    (meter,) = (own for own in site.portfolio.meters if own.id == MAIN)
    found = meters_energy_kwh(site.store, site.settings, (meter,), early, "day").ravel()
    np.testing.assert_allclose(found, 192)
    assert len(site.store.readings([MAIN], 0, timestamp_us(early.end) + 1)) == 0
    rollup = Rollup(site.settings.store.path)
    refresh(site.store, rollup, site.portfolio, site.settings, today=TODAY)
    days = rollup.days([MAIN], early.first_day, early.last_day)
    rollup.close()
    assert days["energy_kwh"].tolist() == pytest.approx([192, 192, 192])


def late(site, count: int = 5) -> None:
    """Readings of a day that is packed."""
    site.store.commit(readings(MAIN, np.arange(float(count)), start_us=timestamp_us(WHOLE.start)))


def test_readings_for_days_that_are_packed_stay_are_told_and_change_nothing(site, tmp_path):
    packed(site)
    truth = said(site, PERIODS["before"])
    late(site)
    for _ in range(2):
        assert packed(site).held == {MAIN: 5}
        assert len(site.store.readings([MAIN], 0, timestamp_us(WHOLE.start) + 10 * QUARTER_US)) == 5
    alike(said(site, PERIODS["before"]), truth)
    told = CliRunner().invoke(cli, ["retention", "--config", str(tmp_path / "config")]).output
    assert f"{MAIN}: 5 old readings are not what was packed. They stay" in told


def count_of(site) -> int:
    """How many readings the stations have."""
    return sum(len(site.store.readings([meter.id], 0, 2**52, FIELDS)) for meter in site.portfolio.meters)


def test_nothing_is_deleted_before_a_person_has_seen_what(site, tmp_path, monkeypatch):
    monkeypatch.setattr("bkkenergy.cli.retention.today_here", lambda: TODAY)
    site.store.kept._connection.execute("DELETE FROM kept_confirmed")
    count = count_of(site)
    with pytest.raises(DeletionWaits, match="retention --confirm"):
        packed(site)
    config = ["--config", str(tmp_path / "config")]
    shown = CliRunner().invoke(cli, ["retention", *config]).output
    assert "fire-rescue.station-1: 2,880 readings of 1 meters, from 2023-09-25 on" in shown
    would = int(re.search(r"would take ([\d,]+) readings of 6 meters", shown)[1].replace(",", ""))
    asked = CliRunner().invoke(cli, ["retention", "--confirm", *config], input="n\n")
    assert (asked.exit_code, count_of(site), site.store.kept.cut) == (1, count, None)
    asked = CliRunner().invoke(cli, ["retention", "--confirm", *config], input="y\n")
    assert asked.exit_code == 0, asked.output
    assert count_of(site) == count - would
    assert site.store.kept.cut == CUT


def test_the_scheduler_only_reports_until_a_person_has_agreed(site, tmp_path):
    site.store.kept._connection.execute("DELETE FROM kept_confirmed")
    engine = open_state(StateSettings(path=tmp_path / "state.sqlite"))
    jobs, count = Jobs(lambda: nullcontext(site), engine, site.settings, lambda: NOW), count_of(site)
    with capture_logs() as logs:
        jobs._pack(site)
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("readings_wait_for_a_person", "warning")
    assert "retention --confirm" in line["why"]
    assert count_of(site) == count
    site.store.kept.confirm("a test", 1)
    packed(site)
    late(site)
    with capture_logs() as logs:
        jobs._pack(site)
    (line,) = logs
    assert (line["event"], line["meter"], line["readings"]) == ("readings_not_deleted", MAIN, 5)
    engine.dispose()


def test_a_clock_that_is_ahead_by_years_deletes_nothing_that_is_not_old_by_the_readings(site):
    """The readings say November 2026. One gateway whose clock is ahead as well does not change that."""
    site.store.commit(readings(OTHERS[0], [2.0], start_us=timestamp_us(Period.day(dt.date(2030, 11, 25)).start)))
    found = pack(site.store, site.settings, site.portfolio, today=dt.date(2030, 11, 25))
    assert found.cut == CUT
    assert len(site.store.readings(list(OTHERS), 0, 2**52)) == 4
    assert len(site.store.readings([MAIN], timestamp_us(PERIODS["after"].start), 2**52)) > 1000


def test_new_readings_after_a_wrong_clock_stay_and_are_reported(site):
    """A cut that an earlier wrong clock has set goes back; what it packed is used, new days are read."""
    (meter,) = (own for own in site.portfolio.meters if own.id == MAIN)
    before = meters_energy_kwh(site.store, site.settings, (meter,), PERIODS["after"], "60min")
    kept = site.store.kept
    ahead = site.settings.store.model_copy(update={"raw_years": 1})
    pack(site.store, site.settings.model_copy(update={"store": ahead}), site.portfolio, today=TODAY)
    assert kept.cut == dt.date(2025, 11, 1)
    new = Period.days(dt.date(2025, 6, 2), dt.date(2025, 6, 3))
    count = 2 * 96 + 1
    site.store.commit(readings(MAIN, 9e5 + np.arange(count) * 2.0, start_us=timestamp_us(new.start)))
    assert packed(site) is None  # nothing is left that is old enough
    assert (kept.cut, kept.ahead) == (CUT, dt.date(2025, 11, 1))
    assert len(site.store.readings([MAIN], timestamp_us(new.start), timestamp_us(new.end) + 1)) == count
    after = meters_energy_kwh(site.store, site.settings, (meter,), PERIODS["after"], "60min")
    np.testing.assert_allclose(after, before, rtol=1e-9)
    for step, kwh in (("day", 192), ("15min", 2)):
        np.testing.assert_allclose(meters_energy_kwh(site.store, site.settings, (meter,), new, step), kwh)


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
def test_what_packing_read_short_is_not_deleted_and_is_told(site, fails_from_day):
    """Not even a part: a month of a meter goes whole or stays."""
    count = count_of(site)
    from_us = 1 if fails_from_day is None else timestamp_us(Period.day(fails_from_day).start)
    found = pack(Short(site.store, from_us), site.settings, site.portfolio, today=TODAY)
    assert MAIN in found.held
    assert found.deleted == count - count_of(site)
    october = timestamp_us(PERIODS["before"].start), timestamp_us(PERIODS["before"].end)
    assert len(site.store.readings([MAIN], *october)) == 31 * 96
    if fails_from_day is None:
        assert (found.deleted, found.days) == (0, 0)


def test_readings_whose_quarter_hours_are_gone_are_not_deleted(site, monkeypatch):
    monkeypatch.setattr(type(site.store), "forget", lambda *_: None)
    packed(site)
    monkeypatch.undo()
    lost = "DELETE FROM kept_day WHERE meter = (SELECT id FROM meter WHERE name = ?) AND day = 19640"  # 2023-10-10
    site.store.kept._connection.execute(lost, (MAIN,))
    monkeypatch.setattr("bkkenergy.reports.retention._pack_month", lambda *_: set())
    assert packed(site).held == {MAIN: 24 * 96}
    assert len(site.store.readings([MAIN], *(timestamp_us(at) for at in (PERIODS["before"].start, WHOLE.end)))) > 4000


def test_meters_that_the_portfolio_no_longer_has_keep_their_readings(site):
    site.store.commit(readings("fire-rescue.station-1.gone", np.arange(96.0), start_us=timestamp_us(WHOLE.start)))
    packed(site)
    assert len(site.store.readings(["fire-rescue.station-1.gone"], 0, 2**52)) == 96
    assert site.store.first_seen_us([MAIN])[MAIN] > timestamp_us(PERIODS["before"].start)


def test_an_export_and_the_command_say_what_is_packed(site, tmp_path):
    config = ["--config", str(tmp_path / "config")]
    assert "Nothing is packed yet" in CliRunner().invoke(cli, ["retention", *config]).output
    packed(site)
    told = CliRunner().invoke(cli, ["retention", *config]).output
    assert "Before 2023-11-01" in told
    assert f"{site.store.kept.count()[0]:,} days of meters as quarter-hours" in told
    export = ["export", str(tmp_path / "old.csv"), "--period", "2023-10", *config]
    assert "packed and deleted" in CliRunner().invoke(cli, export).output


def test_dashboards_find_the_hours_of_packed_days(site):
    """In InfluxDB as a measurement of their own; in SQLite they stand in the file's own hours."""
    of = {meter.id: meter for meter in site.portfolio.meters}
    truth = meters_energy_kwh(site.store, site.settings, (of[MAIN],), PERIODS["before"], "60min").ravel()
    packed(site)
    if site.settings.store.kind == "sqlite":
        return
    at = f"time >= {timestamp_us(PERIODS['before'].start)}u AND time < {timestamp_us(PERIODS['before'].end)}u"
    found = site.store.server.query(f"SELECT energy_kwh FROM hour WHERE meter = '{MAIN}' AND {at}")
    table = np.array([row for own in found for row in own.rows], float)
    np.testing.assert_allclose(table[:, 1], truth)
    assert (np.diff(table[:, 0]) == 3_600_000_000).all()


def test_nothing_is_deleted_where_readings_are_kept_for_ever(site):
    kept = site.settings.store.model_copy(update={"raw_years": 0})
    settings = site.settings.model_copy(update={"store": kept})
    count = len(site.store.readings([MAIN], 0, 2**52))
    assert pack(site.store, settings, site.portfolio, today=TODAY) is None
    assert len(site.store.readings([MAIN], 0, 2**52)) == count
    assert site.store.kept.cut is None


def test_what_is_kept_moves_with_a_store(site, tmp_path):
    before = said(site, PERIODS["across"])
    packed(site)
    other = site.settings.store.model_copy(update={"kind": "sqlite", "path": tmp_path / "other.sqlite"})
    with closing(open_store(other)) as store:
        ids = [meter.id for meter in site.portfolio.meters]
        store.commit(site.store.readings(ids, 0, 2**52, FIELDS))
        site.store.kept.copy_to(store.kept)
        assert store.kept.count() == site.store.kept.count()
        alike(said(replace(site, store=store), PERIODS["across"]), before)
