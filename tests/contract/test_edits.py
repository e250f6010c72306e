"""A person's figure goes before everything else, is listed, and its undo leaves no trace."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.errors import InputError
from bkkenergy.portfolio import load_portfolio
from bkkenergy.ports.ledger import EXPORT, IMPORT, BatchKind, DaysPurged, Purged
from bkkenergy.readings import Quality, ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.usecases import imports
from bkkenergy.usecases.edits import Edit, apply_edit, preview_edit
from tests.sites import energy, on_postgresql

METER = "health.centre-1.main"
FIRST, LAST = dt.date(2026, 10, 1), dt.date(2026, 10, 4)
START_US = timestamp_us(Period.day(FIRST).start)
QUARTER_US = 900_000_000
COUNT = 4 * 96
NOW_US = START_US + 40 * 86_400_000_000
EDIT = Edit(METER, START_US + 40 * QUARTER_US, START_US + 48 * QUARTER_US, 60.0, "bypassed", "somsri", NOW_US)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request, tmp_path, config_dir):
    settings = Settings(store=StoreSettings(path=tmp_path / "store.sqlite"))
    if request.param == "postgresql":
        settings = on_postgresql(settings, request.getfixturevalue("postgres").port)
    with energy(settings, load_portfolio(config_dir)) as opened:
        at = START_US + QUARTER_US * np.arange(COUNT + 1)
        columns = {"energy_kwh": 100 + 2.0 * np.arange(COUNT + 1), "export_kwh": np.arange(COUNT + 1) / 4}
        opened.store.commit(ReadingBatch((METER,), np.zeros(COUNT + 1, np.int64), at, columns))
        opened.bring_up()
        yield opened


def edited(site, edit: Edit, log: list | None = None) -> int:
    note = (lambda *_: None) if log is None else (lambda *line: log.append(line))
    number = apply_edit(site.ledger, site.fresh, site.portfolio, edit, audit=note)
    site.bring_up()
    return number


def slots(site, channel=IMPORT) -> tuple[np.ndarray, np.ndarray]:
    found = site.ledger.slots([METER], channel, FIRST, LAST)
    return found.values[:, 0], found.quality[:, 0]


def test_two_hours_by_a_person_count_as_said_and_set_no_peak(site):
    edited(site, EDIT)
    values, quality = slots(site)
    assert values[40:48].tolist() == pytest.approx([7.5] * 8)
    assert (quality[40:48] == Quality.ESTIMATED).all()
    assert values.sum() == pytest.approx((COUNT - 8) * 2 + 60)
    assert site.ledger.totals([METER], IMPORT, FIRST, FIRST).peak[0, 0] == pytest.approx(8.0)


def test_a_quarter_hour_by_a_person_is_edited_and_may_set_a_peak(site):
    edited(site, replace(EDIT, end_us=EDIT.start_us + QUARTER_US, energy_kwh=9.0))
    values, quality = slots(site)
    assert (values[40], quality[40]) == (9.0, Quality.EDITED)
    assert site.ledger.totals([METER], IMPORT, FIRST, FIRST).peak[0, 0] == pytest.approx(36.0)


def test_of_two_figures_the_later_counts_and_undo_goes_back_one_by_one(site):
    before = [own.tolist() for own in slots(site)]
    first = edited(site, EDIT)
    after_one = slots(site)[0]
    second = edited(site, replace(EDIT, energy_kwh=10.0))
    assert slots(site)[0][40:48].sum() == pytest.approx(10)
    for number, values in ((second, after_one.tolist()), (first, before[0])):
        imports.undo(site.ledger, site.store, number, "anan", NOW_US, audit=lambda *_: None)
        site.bring_up()
        assert slots(site)[0].tolist() == values
    assert [own.tolist() for own in slots(site)] == before


def test_what_went_back_has_figures_of_its_own(site):
    edited(site, replace(EDIT, channel=EXPORT, energy_kwh=0.0))
    assert slots(site, EXPORT)[0].sum() == pytest.approx((COUNT - 8) / 4)
    assert slots(site)[0].sum() == pytest.approx(COUNT * 2)


def test_a_figure_is_previewed_listed_and_in_the_audit_log(site):
    seen = preview_edit(site.ledger, site.fresh, site.portfolio, EDIT)
    assert (seen.changed_slots, seen.measured.slots) == (8, 8)
    assert seen.after_kwh - seen.before_kwh == pytest.approx(60 - 16)
    assert not site.ledger.batches()
    log: list = []
    number = edited(site, EDIT, log)
    (batch,) = site.ledger.batches()
    assert (batch.number, batch.new.kind, batch.new.name) == (number, BatchKind.EDIT, "bypassed")
    (line,) = log
    assert line[:2] == ("edit", str(number))
    assert (line[2]["reason"], line[2]["energy_kwh"], line[2]["channel"]) == ("bypassed", 60.0, "import")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"meter": "no.such.meter"}, "no meter"),
        ({"reason": "  "}, "needs a reason"),
        ({"start_us": EDIT.start_us + 1}, "quarter-hour"),
        ({"end_us": EDIT.start_us}, "quarter-hour"),
        ({"end_us": NOW_US + QUARTER_US, "at_us": NOW_US, "start_us": NOW_US}, "in the past"),
        ({"energy_kwh": -1.0}, "can carry"),
        ({"energy_kwh": float("nan")}, "can carry"),
        ({"energy_kwh": float("inf")}, "can carry"),
        ({"energy_kwh": 1e30}, "can carry"),
        ({"start_us": EDIT.start_us - 400 * 96 * QUARTER_US}, "days at most"),
    ],
)
def test_what_is_no_figure_is_refused_and_changes_nothing(site, change, says):
    with pytest.raises(InputError, match=says):
        edited(site, replace(EDIT, **change))
    assert not site.ledger.batches()


def test_a_purged_day_takes_no_figure(site):
    second = FIRST + dt.timedelta(days=1)
    assert site.ledger.purges.begin({METER: [Purged(FIRST, FIRST, second, is_done=True)]})
    with pytest.raises(DaysPurged):
        edited(site, EDIT)
    assert not site.ledger.batches()
