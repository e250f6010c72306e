"""What a real InfluxDB 2.x does with our rights, buckets and deletions. It runs where BKKENERGY_TEST_INFLUXDB is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from bkkenergy.adapters.influx import InfluxStore
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.settings import InfluxSettings
from tests.builders import DAY_US, QUARTER_US, readings
from tests.servers import INFLUXDB_VARIABLE, ORG, Influx, influxdb, started
from tests.sites import influx_store

pytestmark = pytest.mark.influx

EVER = (0, 2**60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    own = influxdb(tmp_path_factory.mktemp("influxdb2"))
    if not own.is_v2:
        pytest.skip(f"it is about 2.x, and {INFLUXDB_VARIABLE} names none: {own.version}")
    with started(own):
        yield own


def asked(server: Influx, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the server's own API answers to who may do all."""
    return server._asked("POST", path, body)


def org_of(server: Influx) -> str:
    return server._asked("GET", f"/api/v2/orgs?org={ORG}")["orgs"][0]["id"]


def bucket_of(server: Influx, name: str, every_s: int = 0) -> str:
    """A new bucket's id."""
    rules = [{"type": "expire", "everySeconds": every_s}] if every_s else []
    return asked(server, "/api/v2/buckets", {"name": name, "orgID": org_of(server), "retentionRules": rules})["id"]


def token_for(server: Influx, bucket_id: str, *actions: str) -> str:
    """A token that may do so much with one bucket."""
    resource = {"type": "buckets", "id": bucket_id, "orgID": org_of(server)}
    rights = [{"action": action, "resource": resource} for action in actions]
    return asked(server, "/api/v2/authorizations", {"orgID": org_of(server), "permissions": rights})["token"]


def store_on(server: Influx, bucket: str, token: str | None = None, **more: Any) -> InfluxStore:
    secret = SecretStr(token or server.all_access)
    return influx_store(InfluxSettings(url=server.url, bucket=bucket, org=ORG, token=secret, **more))


def test_a_token_that_reads_and_writes_its_bucket_does_all(server):
    token = token_for(server, bucket_of(server, "whole"), "read", "write")
    with closing(store_on(server, "whole", token)) as store:
        store.prepare()
        for _ in range(2):
            store.probe()
        assert store.expires_after_s() is None
        store.commit(readings("a.b.c", np.arange(40.0)))
        store.forget(["a.b.c"], 0, DAY_US + 30 * QUARTER_US)
        assert store.readings(["a.b.c"], *EVER).column("energy_kwh").tolist() == list(range(30, 40))


def test_a_token_that_may_not_read_is_refused_and_reads_nothing_in_silence(server):
    token = token_for(server, bucket_of(server, "blind"), "write")
    with closing(store_on(server, "blind", token)) as store:
        store.prepare()
        store.commit(readings("a.b.c", np.arange(4.0)))
        with pytest.raises(StoreUnfit, match="probe of the store failed"):
            store.probe()
        with pytest.raises(StoreUnavailable, match="not found|authoriz"):
            store.readings(["a.b.c"], *EVER)


def test_a_bucket_that_is_misspelt_is_refused(server):
    bucket_of(server, "right")
    with closing(store_on(server, "rihgt")) as store:
        store.prepare()
        with pytest.raises(StoreUnfit, match="rihgt"):
            store.probe()
        with pytest.raises(StoreUnavailable, match="not found"):
            store.last_seen_us(["a.b.c"])


def test_the_api_of_1_is_refused_before_it_stores_anything_in_1970(server):
    bucket_of(server, "years")
    with closing(store_on(server, "years", api="v1")) as store:
        with pytest.raises(StoreUnfit, match="store.influx.api"):
            store.prepare()
        with pytest.raises(StoreUnfit, match="1970"):
            store.commit(readings("a.b.c", [1.0]))
    with closing(store_on(server, "years")) as store:
        assert store.last_seen_us(["a.b.c"]) == {}


def test_a_bucket_that_lets_readings_expire_is_known(server):
    bucket_of(server, "week", 7 * 86_400)
    with closing(store_on(server, "week")) as store:
        store.prepare()
        store.probe()
        assert store.expires_after_s() == 7 * 86_400


def test_a_deletion_without_the_right_is_rejected(server):
    bucket_id = bucket_of(server, "kept")
    with closing(store_on(server, "kept")) as store:
        store.commit(readings("a.b.c", np.arange(4.0)))
    with closing(store_on(server, "kept", token_for(server, bucket_id, "read"))) as store:
        store.prepare()
        with pytest.raises(StoreRefused, match="deletion is refused"):
            store.forget(["a.b.c"], 0, DAY_US + QUARTER_US)
        assert len(store.readings(["a.b.c"], *EVER)) == 4


@pytest.mark.parametrize("name", ["it's.odd.main", 'q"uote.b.c', "back\\slash.b.c", "อาคาร.หนึ่ง.c", "a b.c,d=e.f/g"])
def test_odd_names_are_deleted_alone(server, name):
    bucket_of(server, f"odd {name}")
    with closing(store_on(server, f"odd {name}")) as store:
        for own in (name, "a.b.other"):
            store.commit(readings(own, np.arange(40.0)))
        store.forget([name], 0, DAY_US + 30 * QUARTER_US)
        assert store.readings([name], *EVER).column("energy_kwh").tolist() == list(range(30, 40))
        assert len(store.readings(["a.b.other"], *EVER)) == 40
