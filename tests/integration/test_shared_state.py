"""Ingesters whose state is a PostgreSQL: what happens while it is unavailable, and what several hosts see."""

from __future__ import annotations

import itertools
import signal
import time
from contextlib import suppress

import psycopg
import pytest

from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.ingest.doctor import examine
from bkkenergy.ingest.replay import replay
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Reason
from bkkenergy.settings import StateSettings
from bkkenergy.site.open import open_writable, opened_state
from bkkenergy.site.profiles import load_profiles
from tests.conftest import ROOT
from tests.integration.conftest import (
    dealt_with,
    ingesting,
    numbers,
    publish,
    quarantined,
    reading,
    stored,
    wait_until,
)
from tests.integration.test_delivery import updated
from tests.servers import postgresql
from tests.sites import postgresql_database

pytestmark = [pytest.mark.broker, pytest.mark.postgres]

METER = "health.centre-1.main"
TOPIC = "bma/health/centre-1/main/readings"
TS = 1_795_402_800
AWAY_S = 2.0


def is_ready(server) -> bool:
    """Whether it takes connections; it listens before it does."""
    try:
        psycopg.connect(f"host=127.0.0.1 port={server.port} user=bkk dbname=postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def take_away(server) -> None:
    """End the server at once, whoever is connected."""
    server.process.send_signal(signal.SIGINT)
    server.process.wait(15)


def bring_back(server) -> None:
    """Start it again on its port, which another process may have for a moment."""

    def starts() -> bool:
        with suppress(AssertionError):
            server.start()
        return server.is_running

    wait_until(starts)


def good(count: int, start: int = 0) -> list[tuple[str, bytes]]:
    return [(TOPIC, reading(TS + 60 * n, energy_kwh=1000.0 + n)) for n in range(start, start + count)]


def bad(count: int, start: int = 0) -> list[tuple[str, bytes]]:
    return [(TOPIC, b"{broken %d" % n) for n in range(start, start + count)]


def mixed(*lists):
    return [item for row in itertools.zip_longest(*lists) for item in row if item is not None]


@pytest.fixture
def server():
    """A PostgreSQL that the test may end."""
    found = postgresql().start()
    wait_until(lambda: is_ready(found))
    yield found
    if found.is_running:
        take_away(found)


@pytest.fixture
def shared(settings, server):
    """Settings of a host that shares its state, and with it the energy ledger."""
    return settings.model_copy(update={"state": StateSettings(url=postgresql_database(server.port))})


def assert_all_is_there(settings, goods: int, bads: int) -> None:
    assert stored(settings, METER).column("energy_kwh").tolist() == [1000.0 + n for n in range(goods)]
    assert sorted(item.payload for item in quarantined(settings)) == sorted(payload for _, payload in bad(bads))


@pytest.mark.parametrize("has_spool", [False, True], ids=["no spool", "spool"])
def test_while_the_state_is_unavailable_nothing_that_is_refused_is_acknowledged_and_nothing_is_lost(
    shared, server, portfolio, broker, tmp_path, has_spool
):
    settings = updated(shared, "ingest", spool=tmp_path / "spool" if has_spool else None)
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, mixed(good(20), bad(20)))
        wait_until(lambda: dealt_with(ingester) == 40)
        take_away(server)
        publish(broker.port, bad(20, 20))
        wait_until(lambda: ingester.state().state_is_unavailable)
        publish(broker.port, good(20, 20))
        time.sleep(AWAY_S)
        assert dealt_with(ingester) == 40, "no refusal is safe, so none is acknowledged"
        assert ingester.state().is_alive()
        bring_back(server)
        wait_until(lambda: dealt_with(ingester) >= 80, within_s=60)
        wait_until(
            lambda: ingester.state().spool_batches == 0 and not ingester.state().store_is_unavailable, within_s=60
        )
        assert not ingester.state().state_is_unavailable
    assert_all_is_there(settings, 40, 40)


def test_an_ingester_that_is_ended_while_the_state_is_unavailable_leaves_its_messages_to_the_next(
    shared, server, portfolio, broker
):
    with ingesting(shared, portfolio) as ingester:
        publish(broker.port, bad(1))
        wait_until(lambda: dealt_with(ingester) == 1)
        take_away(server)
        publish(broker.port, mixed(bad(30, 1), good(30)))
        wait_until(lambda: ingester.state().state_is_unavailable or ingester.state().store_is_unavailable)
    bring_back(server)
    with ingesting(shared, portfolio) as ingester:
        wait_until(lambda: dealt_with(ingester) >= 60, within_s=60)
    assert_all_is_there(shared, 30, 31)


def test_a_state_that_is_unavailable_at_the_start_is_waited_for(shared, server, portfolio, broker):
    with ingesting(shared, portfolio) as ingester:
        publish(broker.port, bad(1))  # from now on the broker holds what comes for this session
        wait_until(lambda: dealt_with(ingester) == 1)
    take_away(server)
    with ingesting(shared, portfolio, connected=False) as ingester:
        publish(broker.port, mixed(good(10), bad(9, 1)))
        time.sleep(AWAY_S)
        assert (ingester.pipeline, ingester.state().is_alive()) == (None, True)
        bring_back(server)
        wait_until(lambda: dealt_with(ingester) == 19, within_s=60)
    assert_all_is_there(shared, 10, 10)


def test_two_hosts_share_one_quarantine_its_counters_and_the_gateways_clocks(shared, portfolio, broker, tmp_path):
    hosts = [
        updated(
            updated(shared, "store", path=tmp_path / name / "store.sqlite"), "mqtt", client_id=f"host-{next(numbers)}"
        )
        for name in ("one", "two")
    ]
    with ingesting(hosts[0], portfolio) as first, ingesting(hosts[1], portfolio) as second:
        publish(broker.port, [*bad(5), (TOPIC, reading(int(time.time()), energy_kwh=1.0))])
        wait_until(lambda: dealt_with(first) == dealt_with(second) == 6)
    seen = [{(item.payload, item.times) for item in quarantined(host)} for host in hosts]
    assert seen[0] == seen[1] == {(payload, 2) for _, payload in bad(5)}
    with opened_state(hosts[1]) as state:
        counts = Quarantine.of(state, hosts[1].ingest).counts()
        assert (counts["messages"], counts["refused.not_decoded"], counts["quarantine.kept"]) == (12, 10, 5)
        (gateway,) = Logbook(state).gateways().values()
        assert abs(gateway.skew_s) < 5


def test_what_one_host_refused_another_replays(shared, portfolio, broker, tmp_path):
    ahead = int(time.time()) + 3600
    with ingesting(shared, portfolio) as ingester:
        publish(broker.port, [(TOPIC, reading(ahead, energy_kwh=5.0)), *bad(1)])
        wait_until(lambda: dealt_with(ingester) == 2)
    other = updated(updated(shared, "store", path=tmp_path / "other/store.sqlite"), "ingest", max_ahead_s=7200)
    profiles = load_profiles(ROOT / "config", frozenset(FAMILIES))
    store = open_writable(other)
    with opened_state(other) as state:
        quarantine = Quarantine.of(state, other.ingest)
        chosen = quarantine.listed()
        assert {item.reason for item in chosen} == {Reason.TIME_AHEAD, Reason.NOT_DECODED}
        assert replay(chosen, portfolio, profiles, other.ingest, store, quarantine) == (1, 1)
    store.close()
    assert [item.reason for item in quarantined(shared)] == [Reason.NOT_DECODED]
    assert stored(other, METER).ts_us.tolist() == [ahead * 1_000_000]


@pytest.mark.influx
@pytest.mark.parametrize("has_one_state", [False, True], ids=["a file of its own", "one PostgreSQL"])
def test_doctor_says_when_hosts_with_the_same_readings_have_states_of_their_own(
    settings, postgres, portfolio, broker, influx, bucket, tmp_path, has_one_state
):
    one = updated(settings, "store", kind="influx", influx=influx.bucket(bucket))
    if has_one_state:
        one = one.model_copy(update={"state": StateSettings(url=postgresql_database(postgres.port))})
    with ingesting(one, portfolio):
        assert shared_state_of(one) == (True, "no host with the same readings uses another")
    other = updated(one, "store", path=tmp_path / "other/store.sqlite")
    if not has_one_state:
        other = updated(other, "state", path=tmp_path / "other/state.sqlite")
    with ingesting(other, portfolio):
        found = [shared_state_of(host) for host in (one, other)]
    assert [is_well for is_well, _ in found] == [has_one_state] * 2
    assert all(has_one_state or "use another: " in check for _, check in found)


def shared_state_of(settings) -> tuple[bool, str]:
    (found,) = [own for own in examine(settings, ("bma/#",)) if own.check == "shared state"]
    return found.is_well, found.observed
