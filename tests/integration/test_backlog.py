"""What waited at the broker and says no time is bridged: no false peak, no false fall, and it is reported."""

from __future__ import annotations

import datetime as dt

import pytest

from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.site.open import opened_state
from tests.integration.conftest import dealt_with, ingesting, publish, stored, wait_until
from tests.integration.test_hostile import one_of_each

pytestmark = pytest.mark.broker

TOPIC, METER = "gw/plain-number", "health.centre-1.plain-number"


def events_of(settings) -> list[str]:
    with opened_state(settings) as state:
        return [event.kind for event in Logbook(state).events([METER], dt.datetime(2026, 1, 1, tzinfo=dt.UTC))]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_an_hours_numbers_without_a_time_are_one_value_at_the_resumed_sessions_begin(
    settings, portfolio, broker, protocol
):
    settings = settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update={"protocol": protocol})})
    wide = one_of_each(portfolio, ["plain-number"])
    with ingesting(settings, wide) as ingester:
        publish(broker.port, [(f"{TOPIC}/energy", b"1000")])
        wait_until(lambda: dealt_with(ingester) >= 1)
    waiting = [
        (f"{TOPIC}/{name}", value)
        for n in range(60)
        for name, value in (("energy", b"%d" % (1001 + n)), ("power", b"10"))
    ]
    publish(broker.port, waiting)
    with ingesting(settings, wide) as ingester:
        wait_until(lambda: dealt_with(ingester) >= len(waiting))
        assert ingester.metrics.registry.get_sample_value("bkkenergy_backlog_bridged_total") == 118
    found = stored(settings, METER)
    energies = [value for value in found.column("energy_kwh").tolist() if value == value]  # noqa: PLR0124
    assert energies == [1000, 1060]
    assert set(events_of(settings)) == {"backlog_without_time"}


def test_an_empty_retained_payload_goes_nowhere(settings, portfolio, broker):
    wide = one_of_each(portfolio, ["plain-number"])
    with ingesting(settings, wide) as ingester:
        publish(broker.port, [(f"{TOPIC}/energy", b""), (f"{TOPIC}/energy", b"5")])
        wait_until(lambda: dealt_with(ingester) >= 2)
        assert ingester.pipeline.totals["refused"] == 0
    assert len(stored(settings, METER)) == 1
