"""Opening a site whose store of readings cannot be reached, or which is another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bkkenergy.adapters.state.identity import identity_of
from bkkenergy.cli.spread import work_there
from bkkenergy.errors import InputError
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


@pytest.fixture
def in_files(config, tmp_path):
    """The same site on files."""
    store = StoreSettings(kind="sqlite", path=tmp_path / "readings.sqlite")
    return replace(config, settings=config.settings.model_copy(update={"store": store}))


def test_a_worker_of_a_cluster_that_opens_another_state_computes_nothing(in_files):
    """Its own 127.0.0.1 may be another database, with other buildings in it."""
    with open_site(in_files) as site:
        ours = identity_of(site.state)
    assert work_there(in_files, ours, lambda _, name: name, ["a", "b"]) == ["a", "b"]
    with pytest.raises(InputError, match="another site's state"):
        work_there(in_files, "another", lambda _, name: name, ["a"])


def test_a_command_ends_where_the_store_is_unavailable(config):
    with pytest.raises(StoreUnavailable), open_site(config):
        pass


def test_a_service_begins_and_what_it_reads_then_raises(config):
    with open_site(config, may_wait=True) as site, pytest.raises(StoreUnavailable):
        site.readings.readings(["a.b.c"], 0, 1)
