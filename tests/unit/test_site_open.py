"""Opening a site whose store of readings cannot be reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.settings import InfluxSettings, LedgerSettings, Settings, StateSettings, StoreSettings
from bkkenergy.site import load_configuration, open_site
from tests.ports import free_port


@pytest.fixture
def config(config_dir, tmp_path):
    """A site on an InfluxDB that is not there; ledger and state are."""
    influx = InfluxSettings(url=f"http://127.0.0.1:{free_port()}", timeout_s=1)
    settings = Settings(
        store=StoreSettings(kind="influx", path=tmp_path / "readings.sqlite", influx=influx),
        ledger=LedgerSettings(),
        state=StateSettings(path=tmp_path / "state.sqlite"),
    )
    return replace(load_configuration(config_dir), settings=settings)


def test_a_command_ends_where_the_store_is_unavailable(config):
    with pytest.raises(StoreUnavailable), open_site(config):
        pass


def test_a_service_begins_and_what_it_reads_then_raises(config):
    with open_site(config, may_wait=True) as site, pytest.raises(StoreUnavailable):
        site.readings.readings(["a.b.c"], 0, 1)
