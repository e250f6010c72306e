"""What the ledger's work asks of the database for a meter is the same in a small city and in one of four times as many."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import event

from bkkenergy.portfolio import Portfolio, portfolio_on
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.usecases.follow import follow_configuration
from bkkenergy.usecases.recompute import recompute
from tests.schools import school_records
from tests.sites import Energy, energy, on_postgresql

TODAY = dt.date(2026, 11, 27)
NOON_US = 1_795_755_600_000_000
FEW, MANY = 60, 240
"""Schools of one meter: more than a claim takes, in either."""
MOST_GROWTH = 1.25
"""Of a meter's share, from few to many: what is asked once is shared by more."""


def city(schools: int) -> Portfolio:
    return portfolio_on(school_records(schools, 1), TODAY)


def everybody_sends(site: Energy) -> None:
    names = tuple(meter.id for meter in site.portfolio.meters)
    for hour in range(3):
        at_us = np.full(len(names), NOON_US + hour * 3_600_000_000)
        site.store.commit(ReadingBatch(names, np.arange(len(names)), at_us, {"energy_kwh": np.full(len(names), hour)}))


def asked_of(site: Energy, act: Callable[[], object]) -> np.ndarray:
    """(statements, letters of their parameters) that an act sends to the ledger's database, a meter."""
    asked = np.zeros(2)

    def note(_connection, _cursor, _statement, parameters, *_):
        asked[:] += 1, len(str(parameters))

    engine = site.ledger._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return asked / len(site.portfolio.meters)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_meter_costs_a_large_city_no_more_than_a_small_one(kind, request, tmp_path):
    found = {}
    for schools in (FEW, MANY):
        settings = Settings(store=StoreSettings(path=tmp_path / f"{schools}.sqlite"))
        if kind == "postgresql":
            settings = on_postgresql(settings, request.getfixturevalue("postgres").port)
        with energy(settings, city(schools)) as site:
            everybody_sends(site)
            followed = asked_of(site, lambda site=site: follow_configuration(site.site))
            computed = asked_of(site, lambda site=site: recompute(site.site, within_s=600))
            idle = asked_of(site, lambda site=site: recompute(site.site))
            assert len(site.ledger.revisions()) == len(site.portfolio.meters)
            assert not site.ledger.waiting()
        assert (idle * schools < (10, 1_000)).all(), "a worker that has nothing to do asks for no meter by name"
        found[schools] = np.array([followed, computed])
    assert (found[MANY] <= MOST_GROWTH * found[FEW]).all(), found
