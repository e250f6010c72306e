"""Three hosts without a shared disk, the servers on a fourth: one is killed, one is cut off, and nothing shows it."""

from __future__ import annotations

import random
import time

import pytest

from tests.hosts import PAGES, city, wait_until
from tests.namespaces import why_not

pytestmark = [
    pytest.mark.broker,
    pytest.mark.influx,
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:aiosmtpd"),
]

AWAY_S = 8.0
"""Longer than a run's lease and the broker's patience."""


def test_a_host_that_is_killed_or_cut_off_loses_and_doubles_nothing(tmp_path):
    rng = random.Random(28)
    with city(tmp_path, commands=(("serve",),), messages_a_s=40) as own:
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
        own.sender.finish()
        wait_until(lambda: own.lost_and_strange() == (0, 0), 30, "readings are lost")
        wait_until(lambda: not own.wrong_reports(), 60, "reports")
        paths = [*PAGES, *own.files()]
        wait_until(lambda: not own.differing(paths), 30, "pages differ")
        assert all(b"Renamed" in host.answer("/buildings/health.centre-1", own.cookie)[1] for host in own.hosts)
