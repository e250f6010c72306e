"""Registers of a file beside transformer ratios: applied once, by the day of each reading, or asked for."""

import datetime as dt

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.errors import InputError
from bkkenergy.ingest.fileratios import FileMeters, Side, as_stored, ratio_lines, sided
from bkkenergy.portfolio import portfolio_on
from bkkenergy.portfolio.edits import Amend, End, changes_of
from bkkenergy.portfolio.kinds import KINDS
from bkkenergy.portfolio.load import records_of
from bkkenergy.readings import APPLIED_RATIO, ReadingBatch
from bkkenergy.usecases.meterversions import in_ratio_of, versions_of

METER, PLAIN = "health.centre-1.main", "health.centre-2.main"
FROM = dt.date(2026, 11, 7)
FAR_US = 2**61
DAYS = [dt.date(2026, 11, day) for day in (5, 6, 7, 8)]


@pytest.fixture(scope="module")
def records(config_dir):
    return records_of(config_dir)


@pytest.fixture(scope="module")
def portfolio(records):
    """A meter whose CT ratio is 40, and 80 from 7 November on."""
    for day, ratio in ((dt.date.min, 40.0), (FROM, 80.0)):
        records = records.with_changes(changes_of(records, [Amend("meter", METER, {"ct_ratio": ratio})], day, KINDS))
    return portfolio_on(records, dt.date(2026, 11, 12))


def at(day, hour=12):
    return timestamp_us(Period.day(day).start) + hour * 3_600_000_000


def shown(names=(METER,), days=DAYS, **columns):
    """Each meter shows 10, 11, 12 and 13 kWh at noon."""
    count = len(days)
    number = np.repeat(np.arange(len(names)), count)
    ts_us = np.tile([at(day) for day in days], len(names))
    given = columns or {"energy_kwh": np.tile(10.0 + np.arange(count), len(names))}
    return ReadingBatch(tuple(names), number, ts_us, given)


def test_what_the_meter_shows_is_multiplied_by_the_ratio_of_its_day(portfolio):
    judged = sided(shown(), FileMeters.of(portfolio, [METER]), Side.SECONDARY, latest_us=FAR_US)
    assert judged.batch.column("energy_kwh").tolist() == [400.0, 440.0, 960.0, 1040.0]
    assert judged.batch.column(APPLIED_RATIO).tolist() == [40, 40, 80, 80]
    assert not judged.codes.any()


def test_what_flowed_is_multiplied_by_no_ratio_now_or_later(portfolio):
    judged = sided(shown(), FileMeters.of(portfolio, [METER]), Side.PRIMARY, latest_us=FAR_US)
    assert judged.batch.column("energy_kwh").tolist() == [10, 11, 12, 13]
    current = [versions_of(portfolio, METER)[-1].meter]
    assert in_ratio_of(judged.batch, current).column("energy_kwh").tolist() == [10, 11, 12, 13]


def test_a_ratio_that_nothing_says_of_is_asked_for_with_its_days(portfolio):
    with pytest.raises(InputError, match=rf"ratios of {METER}: 40, 80 from 2026-11-07\. Say --side secondary"):
        sided(shown(), FileMeters.of(portfolio, [METER]), None, latest_us=FAR_US)


def test_it_is_asked_for_as_long_as_one_reading_is_of_a_day_with_a_ratio(records):
    amend = [Amend("meter", METER, {"ct_ratio": 80.0})]
    later = portfolio_on(records.with_changes(changes_of(records, amend, DAYS[-1], KINDS)), FROM)
    meters = FileMeters.of(later, [METER])
    with pytest.raises(InputError, match="1, 80 from 2026-11-08"):
        sided(shown(), meters, None, latest_us=FAR_US)
    before = sided(shown(days=DAYS[:3]), meters, None, latest_us=FAR_US)
    assert before.batch.column("energy_kwh").tolist() == [10, 11, 12]


def test_without_a_ratio_nothing_is_asked_and_one_that_is_entered_later_counts(records, portfolio):
    plain = portfolio_on(records, FROM)
    judged = sided(shown(), FileMeters.of(plain, [METER]), None, latest_us=FAR_US)
    assert judged.batch.column("energy_kwh").tolist() == [10, 11, 12, 13]
    current = [versions_of(portfolio, METER)[-1].meter]
    assert in_ratio_of(judged.batch, current).column("energy_kwh").tolist() == [800, 880, 960, 1040]


def test_only_the_meters_of_the_file_are_asked_about(portfolio):
    batch = shown((METER, PLAIN))
    of_plain = batch.take(batch.meter == 1)
    judged = sided(of_plain, FileMeters.of(portfolio, [METER, PLAIN]), None, latest_us=FAR_US)
    assert judged.batch.column("energy_kwh").tolist() == [10, 11, 12, 13]
    assert ratio_lines(FileMeters.of(portfolio, [METER, PLAIN]), batch) == [f"{METER}: 40, 80 from 2026-11-07"]


def test_voltage_and_current_follow_their_own_ratio(records):
    amend = [Amend("meter", METER, {"ct_ratio": 40.0, "vt_ratio": 200.0})]
    portfolio = portfolio_on(records.with_changes(changes_of(records, amend, dt.date.min, KINDS)), FROM)
    one = shown(days=DAYS[:1], voltage_l1_v=np.array([110.0]), current_l1_a=np.array([5.0]), energy_kwh=np.array([1.0]))
    judged = sided(one, FileMeters.of(portfolio, [METER]), Side.SECONDARY, latest_us=FAR_US)
    values = {name: float(judged.batch.column(name)[0]) for name in ("voltage_l1_v", "current_l1_a", "energy_kwh")}
    assert values == {"voltage_l1_v": 22_000, "current_l1_a": 200, "energy_kwh": 8000}


def test_voltages_and_currents_have_a_side_too(portfolio):
    meters, currents = FileMeters.of(portfolio, [METER]), {"current_l1_a": np.array([4.0, 4.0, 4.0, 4.0])}
    with pytest.raises(InputError, match="secondary"):
        sided(shown(**currents), meters, None, latest_us=FAR_US)
    found = sided(shown(**currents), meters, Side.SECONDARY, latest_us=FAR_US)
    assert found.batch.column("current_l1_a").tolist() == [160.0, 160.0, 320.0, 320.0]
    assert sided(shown(**currents), meters, Side.PRIMARY, latest_us=FAR_US).batch.column("current_l1_a")[0] == 4.0


def test_temperatures_have_no_side(portfolio):
    batch = shown(temp_air_c=np.full(4, 30.0))
    judged = sided(batch, FileMeters.of(portfolio, [METER]), None, latest_us=FAR_US)
    assert judged.batch.column("temp_air_c").tolist() == [30.0] * 4
    assert np.isnan(judged.batch.column(APPLIED_RATIO)).all()


def test_an_export_says_what_was_applied_and_is_stored_as_it_is(portfolio):
    batch = shown(energy_kwh=np.array([10.0, 440.0, 12.0, 80.0]), applied_ratio=np.array([1.0, 40.0, 0.0, 80.0]))
    judged = sided(batch, FileMeters.of(portfolio, [METER]), Side.SECONDARY, latest_us=FAR_US)
    assert judged.batch.column("energy_kwh").tolist() == [10, 440, 12, 80]
    assert not judged.codes.any()


def test_of_an_export_only_readings_without_a_ratio_are_asked_about(portfolio):
    batch = shown(energy_kwh=np.array([10.0, 440.0, 12.0, 1.0]), applied_ratio=np.array([1.0, 40.0, 0.0, np.nan]))
    meters = FileMeters.of(portfolio, [METER])
    with pytest.raises(InputError, match="--side"):
        sided(batch, meters, None, latest_us=FAR_US)
    shown_there = sided(batch, meters, Side.SECONDARY, latest_us=FAR_US).batch
    assert shown_there.column("energy_kwh").tolist() == [10, 440, 12, 80]
    assert shown_there.column(APPLIED_RATIO).tolist() == [1, 40, 0, 80]
    flowed = sided(batch, meters, Side.PRIMARY, latest_us=FAR_US).batch
    assert flowed.column("energy_kwh").tolist() == [10, 440, 12, 1]
    assert flowed.column(APPLIED_RATIO).tolist() == [1, 40, 0, 0]


def test_an_export_is_judged_in_the_ratio_of_its_day(records):
    amend = [Amend("meter", METER, {"register_digits": 5})]
    portfolio = portfolio_on(records.with_changes(changes_of(records, amend, dt.date.min, KINDS)), FROM)
    batch = shown(energy_kwh=np.full(4, 90_000 * 40.0), applied_ratio=np.array([40.0, 40.0, 1.0, 0.0]))
    judged = sided(batch, FileMeters.of(portfolio, [METER]), None, latest_us=FAR_US)
    assert (judged.codes != 0).tolist() == [False, False, True, True]


@pytest.mark.parametrize("ratio", [-40.0, np.inf, -np.inf, 1e300])
def test_an_applied_ratio_that_can_be_none_is_refused(portfolio, ratio):
    batch = shown(energy_kwh=np.full(4, 1.0), applied_ratio=np.array([ratio, 1.0, 1.0, 1.0]))
    judged = sided(batch, FileMeters.of(portfolio, [METER]), None, latest_us=FAR_US)
    assert (judged.codes != 0).tolist() == [True, False, False, False]


def test_a_register_is_judged_by_what_its_day_allows(records):
    for day, fields in ((dt.date.min, {"ct_ratio": 40.0, "register_digits": 5}), (FROM, {"register_digits": 8})):
        records = records.with_changes(changes_of(records, [Amend("meter", METER, fields)], day, KINDS))
    portfolio = portfolio_on(records, FROM)
    batch = shown(energy_kwh=np.full(4, 200_000.0))
    judged = sided(batch, FileMeters.of(portfolio, [METER]), Side.SECONDARY, latest_us=FAR_US)
    assert (judged.codes != 0).tolist() == [True, True, False, False]


def test_before_the_transformers_were_exchanged_the_former_ratio_counts(records):
    exchange = {"at": "2026-11-07T10:00:00+07:00", "final_kwh": 900.0, "previous_ct_ratio": 40.0}
    amend = [Amend("meter", METER, {"ct_ratio": 80.0, "exchanges": [exchange]})]
    portfolio = portfolio_on(records.with_changes(changes_of(records, amend, dt.date.min, KINDS)), FROM)
    judged = sided(shown(), FileMeters.of(portfolio, [METER]), Side.SECONDARY, latest_us=FAR_US)
    assert judged.batch.column(APPLIED_RATIO).tolist() == [40, 40, 80, 80]


def test_a_meter_that_is_no_more_has_its_ratio_still(records):
    for edit, day in ((Amend("meter", METER, {"ct_ratio": 40.0}), dt.date.min), (End("meter", METER), FROM)):
        records = records.with_changes(changes_of(records, [edit], day, KINDS))
    portfolio = portfolio_on(records, dt.date(2026, 11, 12))
    with pytest.raises(InputError, match=f"{METER}: 40"):
        sided(shown(), FileMeters.of(portfolio, [METER]), None, latest_us=FAR_US)


def test_readings_take_the_ratio_of_what_is_stored_at_their_instant(portfolio):
    """Export and power of the instant, which the file does not bring, have that ratio."""
    judged = sided(shown(), FileMeters.of(portfolio, [METER]), Side.SECONDARY, latest_us=FAR_US)
    stored = as_stored(judged.batch, np.array([1.0, np.nan, 0.0, 80.0]))
    assert stored.column("energy_kwh").tolist() == [10.0, 440.0, 960.0, 1040.0]
    assert stored.column(APPLIED_RATIO).tolist() == [1, 40, 80, 80]
