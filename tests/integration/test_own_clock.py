"""A host whose clock is behind, or was never set: it is reported, and no reading is refused for it."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest

from bkkenergy.ingest.doctor import examine
from bkkenergy.ingest.service import Ingester
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Reason
from bkkenergy.portfolio import Meter
from bkkenergy.site.profiles import load_profiles
from tests.conftest import ROOT
from tests.integration.conftest import dealt_with, ingesting, publish, quarantined, reading, stored, wait_until

pytestmark = pytest.mark.broker

METERS = [f"health.centre-{number}.main" for number in (1, 2, 3, 4)]
BEHIND_S = 3600


def at(ahead_s: float, *meters: str, kwh: float = 1.0) -> list[tuple[str, bytes]]:
    """A reading of each meter, stamped so far ahead of our clock."""
    ts = int(time.time() + ahead_s)
    return [("bma/{}/{}/{}/readings".format(*name.split(".")), reading(ts, energy_kwh=kwh)) for name in meters]


def findings(settings) -> dict[str, tuple[bool, str]]:
    return {own.check: (own.is_well, own.observed) for own in examine(settings, ("bma/#",))}


def test_our_clock_that_is_behind_is_reported_and_readings_are_stored(settings, portfolio, broker):
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, at(BEHIND_S, *METERS))
        wait_until(lambda: dealt_with(ingester) == 4)
        assert ingester.state().clock_behind_s == pytest.approx(BEHIND_S, abs=5)
        publish(broker.port, at(BEHIND_S + 1, *METERS, kwh=2.0))
        wait_until(lambda: dealt_with(ingester) == 8)
        kept = quarantined(settings)
        assert {item.reason for item in kept} <= {Reason.TIME_AHEAD}
        assert len(kept) <= 2, "at most those that came before three gateways were heard"
        publish(broker.port, at(2 * BEHIND_S, METERS[0], kwh=3.0))
        wait_until(lambda: dealt_with(ingester) == 9)
        assert len(quarantined(settings)) == len(kept) + 1, "a gateway that is ahead of the others is refused"
        assert ingester.metrics.registry.get_sample_value("bkkenergy_own_clock_behind_seconds") == pytest.approx(
            BEHIND_S, abs=5
        )
    assert len(stored(settings, *METERS)) == 8 - len(kept)
    found = findings(settings)
    assert found["own clock"][0] is False
    assert "behind that of most gateways" in found["own clock"][1]
    assert "health.centre-2" not in found["gateway clocks"][1], "their clocks are right"


def test_once_our_clock_is_set_right_the_gateways_say_so_and_the_bound_is_as_before(settings, portfolio, broker):
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, at(BEHIND_S, *METERS))
        wait_until(lambda: ingester.state().clock_behind_s > 0)
        publish(broker.port, at(-2, *METERS))
        wait_until(lambda: dealt_with(ingester) == 8)
        assert ingester.state().clock_behind_s == 0
        before = len(quarantined(settings))
        publish(broker.port, at(BEHIND_S + 7, METERS[1]))
        wait_until(lambda: dealt_with(ingester) == 9)
    assert len(quarantined(settings)) == before + 1


def test_one_gateway_whose_clock_is_ahead_is_refused_as_before(settings, portfolio, broker):
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, [*at(-1, *METERS[1:]), *at(BEHIND_S, METERS[0])])
        wait_until(lambda: dealt_with(ingester) == 4)
        assert ingester.state().clock_behind_s == 0
    assert [item.reason for item in quarantined(settings)] == [Reason.TIME_AHEAD]
    found = findings(settings)
    assert found["own clock"] == (True, "no majority of gateways says otherwise")
    assert "health.centre-1" in found["gateway clocks"][1]


@pytest.mark.parametrize("wrong", ["1970-01-02", "2569-11-26"])
@pytest.mark.parametrize("when", ["at the start", "while it runs"])
def test_while_our_own_clock_cannot_be_right_nothing_is_acknowledged(settings, portfolio, broker, wrong, when):
    """Each good reading was refused as of the future and acknowledged; what had no time was stamped in 2569."""
    wrong_s = (dt.datetime.fromisoformat(wrong) - dt.datetime(1970, 1, 1)).total_seconds()
    is_wrong = when == "at the start"

    def clock() -> float:
        return wrong_s if is_wrong else time.time()

    ingester = Ingester(settings, portfolio, load_profiles(ROOT / "config", frozenset(FAMILIES)), wall_clock=clock)
    with ingesting(settings, portfolio):
        pass  # the session begins: what comes from here on waits at the broker
    thread = threading.Thread(target=ingester.run)
    thread.start()
    try:
        wait_until(lambda: is_wrong or ingester.subscriber.granted is not None)
        is_wrong = True
        time.sleep(1.5)
        publish(broker.port, at(0, METERS[0], kwh=7.0))
        time.sleep(1.5)
        assert (dealt_with(ingester), ingester.state().is_alive()) == (0, True)
        is_wrong = False
        wait_until(lambda: dealt_with(ingester) == 1)
    finally:
        ingester.stop()
        thread.join(30)
    assert stored(settings, METERS[0]).column("energy_kwh").tolist() == [7]
    assert quarantined(settings) == []


def test_messages_without_a_time_whose_acknowledgement_was_lost_are_stored_once(settings, portfolio, broker):
    """Each was stamped again when the broker sent it once more: 200.0 kWh where 199.2 had flowed."""
    building = portfolio.buildings["health.centre-1"]
    (own, *others) = building.meters
    sensor = Meter.model_validate(own.model_dump() | {"kind": "power", "payload": "plain-number", "topic": "sensor"})
    buildings = {building.id: building.model_copy(update={"meters": (sensor, *others)})}
    plain = portfolio.model_copy(update={"buildings": portfolio.buildings | buildings})
    with ingesting(settings, plain) as ingester:
        ingester.subscriber.acknowledge = lambda _: None  # what was sent never arrives
        for number in range(3):
            publish(broker.port, [("sensor/power", b"10000")])
            wait_until(lambda count=number + 1: dealt_with(ingester) == count)
    first = stored(settings, METERS[0])
    assert len(first) == 3
    with ingesting(settings, plain) as ingester:
        wait_until(lambda: dealt_with(ingester) == 3)
        publish(broker.port, [("sensor/power", b"10000")])
        wait_until(lambda: dealt_with(ingester) == 4)
    later = stored(settings, METERS[0])
    assert later.ts_us[:3].tolist() == first.ts_us.tolist()
    assert len(later) == 4
