"""Three hosts without a shared disk, the servers on a fourth: one is killed, one is cut off, all are upgraded, and nothing shows it."""

from __future__ import annotations

import random
import signal
import time

import pytest
from sqlalchemy import text

from tests.hosts import city, launcher, wait_until
from tests.namespaces import why_not
from tests.newer import NEXT, copy_of_next_version

pytestmark = [
    pytest.mark.broker,
    pytest.mark.influx,
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:aiosmtpd"),
]

AWAY_S = 8.0
"""Longer than a run's lease and the broker's patience."""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with city(tmp_path_factory.mktemp("city"), commands=(("serve",),), messages_a_s=40) as running:
        yield running


def test_a_host_that_is_killed_or_cut_off_loses_and_doubles_nothing(own):
    rng = random.Random(28)
    killed, cut = rng.sample(own.hosts, 2)
    own.enter_reports(ago_days=2)
    killed.kill()
    own.disturbed += 1
    own.rename("health.centre-1", "Renamed")
    time.sleep(AWAY_S / 2)
    killed.start()
    own.enter_reports(ago_days=3)
    cut.cable.pull()
    own.disturbed += 1
    time.sleep(AWAY_S)
    cut.cable.plug()
    for host in own.hosts:
        wait_until(host.is_ready, 60, f"{host.home.name} does not come back")
    own.settle()
    assert all(b"Renamed" in host.answer("/buildings/health.centre-1", own.cookie)[1] for host in own.hosts)


def test_hosts_are_upgraded_one_after_the_other_while_the_others_work(own, tmp_path):
    """A newer version with a migration that adds a column: programs of this one go on until their turn."""
    own.send()
    with launcher(copy_of_next_version(tmp_path)) as newer:
        for number, host in enumerate(own.hosts):
            others = [other for other in own.hosts if other is not host]
            own.enter_reports(ago_days=4 + number)
            host.kill(signal.SIGTERM)
            assert [other.answer("/", own.cookie)[0] for other in others] == [200, 200]
            host.launcher = newer
            host.start()
            wait_until(host.is_ready, 120, f"{host.home.name} does not come back")
            with own.jobs.site.state.connect() as connection:
                assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == NEXT
            assert all(other.is_ready() for other in others)
        own.settle()
        for host in own.hosts:
            host.kill(signal.SIGTERM)
