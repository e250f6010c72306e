"""A transformer ratio that holds from a day in the past: later quarter-hours change, and earlier ones not in one bit."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.portfolio import portfolio_on
from bkkenergy.portfolio.edits import Amend, End, changes_of
from bkkenergy.portfolio.kinds import KINDS
from bkkenergy.portfolio.load import records_of
from bkkenergy.ports.ledger import EXPORT, IMPORT
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.usecases.follow import follow_configuration
from bkkenergy.usecases.meterversions import changed_days, revision_text, versions_of
from tests.sites import energy, on_postgresql

FIRST, FROM, LAST = dt.date(2026, 11, 1), dt.date(2026, 11, 7), dt.date(2026, 11, 12)
METER = "health.centre-1.main"
OTHER = "health.centre-2.main"
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def records(config_dir):
    return records_of(config_dir)


@pytest.fixture(scope="module")
def portfolio(records):
    return portfolio_on(records, LAST)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("influx", marks=pytest.mark.influx),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ]
)
def settings(request, tmp_path):
    path = tmp_path / "store.sqlite"
    plain = Settings(store=StoreSettings(path=path))
    if request.param == "sqlite":
        return plain
    if request.param == "postgresql":
        return on_postgresql(plain, request.getfixturevalue("postgres").port)
    server, bucket = request.getfixturevalue("influx"), request.getfixturevalue("bucket")
    return Settings(store=StoreSettings(kind="influx", path=path, influx=server.bucket(bucket)))


def changed(records, fields, *, from_day=FROM, key=METER):
    """The portfolio with other fields of a meter from a day on."""
    changes = changes_of(records, [Amend("meter", key, fields)], from_day, KINDS)
    return portfolio_on(records.with_changes(changes), LAST)


def with_portfolio(site, portfolio):
    return replace(site, config=site.config.with_portfolio(portfolio))


def sent(meter=METER, ratios=None, *, first=FIRST, last=LAST, seed=3):
    """Readings at uneven instants, as they are stored: what the meter shows, times the ratio that was applied."""
    rng = np.random.default_rng(seed)
    period = Period.days(first, last)
    at = np.arange(timestamp_us(period.start), timestamp_us(period.end), 900_000_000)
    at = at + rng.integers(0, 120_000_000, len(at))
    at = np.delete(at, slice(300, 340))  # a silence of ten hours
    shown = 500 + np.cumsum(rng.uniform(0, 8, len(at)))
    ratio = np.ones(len(at)) if ratios is None else ratios(at)
    columns = {"energy_kwh": shown * ratio, "export_kwh": shown / 7 * ratio, "applied_ratio": ratio}
    return ReadingBatch((meter,), np.zeros(len(at), np.int64), at, columns)


def rows(site, channel, first=FIRST, last=LAST, meter=METER):
    found = site.ledger.slots([meter], channel, first, last)
    return found.values.tobytes(), found.quality.tobytes(), found.values


def computed(settings, portfolio, batch):
    """Both channels of a site that always had this portfolio."""
    with energy(settings, portfolio) as site:
        site.store.commit(batch)
        follow_configuration(with_portfolio(site.site, portfolio))
        site.bring_up()
        return [rows(site, channel) for channel in (IMPORT, EXPORT)]


@pytest.mark.parametrize("ratio", [1.5, 2.0])
def test_earlier_quarter_hours_stay_to_the_bit_and_later_ones_follow_the_ratio(settings, records, portfolio, ratio):
    (_, _, before), (_, _, exported) = computed(settings, portfolio, sent())
    kept_days = (FROM - FIRST).days * 96
    later = changed(records, {"ct_ratio": ratio})
    with energy(settings, later) as site:
        assert follow_configuration(with_portfolio(site.site, later)) == 1
        assert set(site.ledger.waiting()[METER]) == {FROM + number * DAY for number in range((LAST - FROM).days + 1)}
        site.bring_up()
        for channel, old in ((IMPORT, before), (EXPORT, exported)):
            _, _, new = rows(site, channel)
            assert new[:kept_days].tobytes() == old[:kept_days].tobytes()
            np.testing.assert_allclose(new[kept_days:], old[kept_days:] * ratio, rtol=1e-9)
        assert float(np.nansum(before[:kept_days])) > 0


def test_a_ratio_that_is_taken_back_leaves_every_bit_as_it_was(settings, records, portfolio):
    batch = sent()
    before = computed(settings, portfolio, batch)
    computed(settings, changed(records, {"ct_ratio": 3.0}), batch)
    assert [own[:2] for own in computed(settings, portfolio, batch)] == [own[:2] for own in before]


def test_it_is_the_same_whether_the_ratio_was_known_when_readings_came_or_later(settings, records, tmp_path):
    """Readings of one register, some of them multiplied by the new ratio when they came, before it and after."""
    later = changed(records, {"ct_ratio": 2.0})
    change_us = timestamp_us(Period.day(FROM).start)

    def as_ingested(at):
        return np.where(at < change_us + 40_000_000_000, 1.0, 2.0)  # entered half a day late

    def by_mistake(at):
        return np.where(at % 2 == 0, 2.0, 1.0)

    found = computed(settings, later, sent())
    for number, ratios in enumerate((as_ingested, by_mistake)):
        path = tmp_path / f"other{number}.sqlite"
        other = Settings(store=StoreSettings(path=path))
        for (_, quality, values), (_, other_quality, other_values) in zip(
            found, computed(other, later, sent(ratios=ratios)), strict=True
        ):
            np.testing.assert_allclose(other_values, values, rtol=1e-9)
            assert quality == other_quality


def test_readings_without_a_ratio_are_energy_that_flowed_and_stay_as_they_are(settings, records, portfolio):
    batch = sent()
    absolute = ReadingBatch(batch.meter_ids, batch.meter, batch.ts_us, {"energy_kwh": batch.columns["energy_kwh"]})
    before = computed(settings, portfolio, absolute)[0]
    assert computed(settings, changed(records, {"ct_ratio": 2.0}), absolute)[0][:2] == before[:2]


def test_before_an_exchange_of_the_transformers_the_former_ratio_counts(settings, records, tmp_path):
    """The ratio is 1.5 until an exchange, and 2 from it on, and the counter goes on. It was entered for all days."""
    at_us = timestamp_us(Period.day(FROM).start) + 10 * 3_600_000_000
    shown = sent()
    counter_kwh = float(np.interp(at_us, shown.ts_us, shown.column("energy_kwh")))
    exchange = {
        "at": f"{FROM}T10:00:00+07:00",
        "final_kwh": counter_kwh,
        "initial_kwh": counter_kwh,
        "previous_ct_ratio": 1.5,
    }
    fields = {"ct_ratio": 2.0, "exchanges": [exchange]}
    always = changed(records, fields, from_day=dt.date.min)
    plain = computed(settings, portfolio_on(records, LAST), sent())[0][2]
    live = sent(ratios=lambda at: np.where(at < at_us, 1.5, 2.0))
    other = Settings(store=StoreSettings(path=tmp_path / "other.sqlite"))
    found = computed(other, always, live)[0][2]
    before = (FROM - FIRST).days * 96 + 39
    np.testing.assert_allclose(found[:before], plain[:before] * 1.5, rtol=1e-6)
    np.testing.assert_allclose(found[before + 2 :], plain[before + 2 :] * 2, rtol=1e-6)


def test_only_the_meter_that_changed_is_computed_again(settings, records, portfolio):
    with energy(settings, portfolio) as site:
        for meter in (METER, OTHER):
            site.store.commit(sent(meter))
        follow_configuration(with_portfolio(site.site, portfolio))
        site.bring_up()
        renamed = changed(records, {"name_en": "Intake"}, key=OTHER)
        assert follow_configuration(with_portfolio(site.site, renamed)) == 0
        assert follow_configuration(with_portfolio(site.site, changed(records, {"ct_ratio": 2.0}))) == 1
        assert list(site.ledger.waiting()) == [METER]


def test_a_meter_that_has_ended_keeps_its_quarter_hours_and_late_readings_of_it_count(settings, records):
    over = records.with_changes(changes_of(records, [End("meter", METER)], FROM, KINDS))
    portfolio = portfolio_on(over, LAST)
    assert METER not in {own.id for own in portfolio.meters}
    found = computed(settings, portfolio, sent(last=FROM - DAY))[0][2]
    assert np.isfinite(found[: (FROM - FIRST).days * 96]).all()


def test_an_exchange_counts_in_every_version(records):
    exchange = {"at": "2026-11-03T10:00:00+07:00", "final_kwh": 900.0, "initial_kwh": 0.0}
    portfolio = changed(records, {"ct_ratio": 2.0, "exchanges": [exchange]})
    assert [len(own.value.exchanges) for own in portfolio.history(METER)] == [1, 1]


def test_what_differs_between_two_configurations_is_days(records, portfolio):
    settings = Settings()

    def text(one):
        return revision_text(versions_of(one, METER), settings)

    plain, later = text(portfolio), text(changed(records, {"ct_ratio": 2.0}))
    assert changed_days(plain, plain) == []
    assert changed_days(plain, later) == [(FROM, dt.date.max)]
    assert changed_days(later, plain) == [(FROM, dt.date.max)]
    twice = text(changed(records, {"ct_ratio": 2.0}, from_day=LAST))
    assert changed_days(later, twice) == [(FROM, LAST - DAY)]
    assert changed_days("", later) == [(dt.date.min, dt.date.max)]
