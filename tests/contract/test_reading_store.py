"""What every ReadingStore promises, held against each implementation on its real server."""

from __future__ import annotations

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydantic import SecretStr

from bkkenergy.adapters.line_protocol import encode
from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.ingest.pipeline import commit_or_split
from bkkenergy.ports.readings import ReadingStore, StoreRefused, StoreUnavailable, UnmarkedCommit
from bkkenergy.readings import FIELDS, US_PER_S, ReadingBatch
from bkkenergy.settings import InfluxSettings, Settings, StoreSettings
from bkkenergy.site.open import open_store, open_writable
from tests.builders import DAY_US, QUARTER_US, readings
from tests.receivers import http_receiver
from tests.servers import free_port, influxdb
from tests.sites import influx_store, postgres_readings

EVER = (0, 2**60)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("influx", marks=pytest.mark.influx),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ]
)
def settings(request, tmp_path) -> StoreSettings:
    if request.param == "sqlite":
        return StoreSettings(kind="sqlite", path=tmp_path / "readings.sqlite")
    if request.param == "postgresql":
        return postgres_readings(request.getfixturevalue("postgres").port, tmp_path)
    server, bucket = request.getfixturevalue("influx"), request.getfixturevalue("bucket")
    return StoreSettings(kind="influx", path=tmp_path / "ledger.sqlite", influx=server.bucket(bucket))


@pytest.fixture
def store(settings):
    opened = open_writable(Settings(store=settings))
    yield opened
    opened.close()


def test_what_is_committed_is_read_back_whole(store: ReadingStore):
    rng = np.random.default_rng(3)
    ids = ("a.b.one", "a.b.two", "a.b.three")
    columns = {name: rng.random(300) for name in FIELDS}
    batch = ReadingBatch(ids, np.arange(300) % 3, DAY_US + np.arange(300) // 3 * QUARTER_US + 1, columns)
    store.commit(batch)
    again, expected = store.readings(ids, *EVER, FIELDS), batch.in_order()
    assert again.meter.tolist() == expected.meter.tolist()
    assert again.ts_us.tolist() == expected.ts_us.tolist()
    for name in FIELDS:
        np.testing.assert_array_equal(again.column(name), expected.column(name))


def test_a_batch_committed_twice_is_stored_once(store: ReadingStore):
    batch = readings("a.b.c", np.arange(96.0))
    store.commit(batch)
    store.commit(batch)
    assert len(store.readings(["a.b.c"], *EVER)) == 96


@pytest.mark.parametrize("is_abandoned", [False, True])
def test_what_was_begun_is_what_is_committed_whatever_else_was(store: ReadingStore, is_abandoned):
    batches = [readings(f"a.b.m{number}", np.arange(4.0) + 10 * number) for number in range(8)]
    for batch in [*batches, batches[0]]:
        store.begin(batch)
    if is_abandoned:
        store.abandon()
    for batch in [*reversed(batches), readings("a.b.m0", [77.0])]:
        store.commit(batch)
    names = [f"a.b.m{number}" for number in range(8)]
    expected = [77.0, 1.0, 2.0, 3.0, *(10.0 * number + n for number in range(1, 8) for n in range(4))]
    assert store.readings(names, *EVER).in_order().column("energy_kwh").tolist() == expected


def test_the_same_instant_takes_the_later_value(store: ReadingStore):
    store.commit(readings("a.b.c", [1.0, 2.0]))
    store.commit(readings("a.b.c", [5.0]))
    assert store.readings(["a.b.c"], *EVER).column("energy_kwh").tolist() == [5.0, 2.0]


def test_fields_that_come_apart_are_joined_at_their_instant(store: ReadingStore):
    store.commit(readings("a.b.c", [1.0]))
    store.commit(readings("a.b.c", [40.0], field="power_kw"))
    found = store.readings(["a.b.c"], *EVER)
    assert (found.column("energy_kwh").tolist(), found.column("power_kw").tolist()) == ([1.0], [40.0])


def test_within_a_batch_the_last_of_doubles_wins(store: ReadingStore):
    batch = ReadingBatch(
        ("a.b.c",), np.zeros(2, np.int64), np.array([DAY_US, DAY_US]), {"energy_kwh": np.array([1.0, 2.0])}
    )
    store.commit(batch)
    assert store.readings(["a.b.c"], *EVER).column("energy_kwh").tolist() == [2.0]


def test_a_period_holds_its_start_and_not_its_end(store: ReadingStore):
    store.commit(readings("a.b.c", np.arange(10.0)))
    found = store.readings(["a.b.c"], DAY_US + QUARTER_US, DAY_US + 3 * QUARTER_US)
    assert found.column("energy_kwh").tolist() == [1.0, 2.0]


def test_meters_come_in_the_order_asked_for_and_unknown_ones_are_empty(store: ReadingStore):
    store.commit(readings("a.b.x", [1.0]))
    store.commit(readings("a.b.y", [2.0]))
    found = store.readings(["a.b.y", "a.b.nobody", "a.b.x"], *EVER)
    assert [(found.meter_ids[m], v) for m, v in zip(found.meter, found.column("energy_kwh"), strict=True)] == [
        ("a.b.y", 2.0),
        ("a.b.x", 1.0),
    ]


def test_a_name_is_not_a_pattern(store: ReadingStore):
    store.commit(readings("a.b.c", [1.0]))
    store.commit(readings("axb.c", [2.0]))
    assert store.readings(["a.b.c"], *EVER).column("energy_kwh").tolist() == [1.0]


def test_an_empty_batch_is_no_work(store: ReadingStore):
    store.commit(ReadingBatch.empty(("a.b.c",)))
    assert len(store.readings(["a.b.c"], *EVER)) == 0


def test_the_latest_reading_of_each_meter_is_known(store: ReadingStore):
    store.commit(readings("a.b.energy", np.arange(4.0)))
    store.commit(readings("a.b.power", np.arange(2.0), field="power_kw"))
    assert store.last_seen_us(["a.b.energy", "a.b.power", "a.b.nobody"]) == {
        "a.b.energy": DAY_US + 3 * QUARTER_US,
        "a.b.power": DAY_US + QUARTER_US,
    }


def test_the_latest_register_of_each_meter_is_known(store: ReadingStore):
    store.commit(readings("a.b.energy", [5.0, 6.0, 7.5]))
    store.commit(readings("a.b.energy", [9.0], start_us=DAY_US + 9 * QUARTER_US, field="power_kw"))
    names = ["a.b.energy", "a.b.nobody"]
    assert store.latest_registers(names, *EVER) == {"a.b.energy": (DAY_US + 2 * QUARTER_US, 7.5)}
    assert store.latest_registers(names, DAY_US, DAY_US + 2 * QUARTER_US) == {"a.b.energy": (DAY_US + QUARTER_US, 6.0)}
    assert store.latest_registers(names, DAY_US + 3 * QUARTER_US, 2**52) == {}


def test_the_earliest_reading_of_each_meter_is_known(store: ReadingStore):
    store.commit(readings("a.b.energy", np.arange(4.0), start_us=DAY_US + QUARTER_US))
    store.commit(readings("a.b.sky", [25.0], field="temp_air_c"))
    assert store.first_seen_us(["a.b.energy", "a.b.sky", "a.b.nobody"]) == {
        "a.b.energy": DAY_US + QUARTER_US,
        "a.b.sky": DAY_US,
    }


def test_what_is_forgotten_is_one_meter_s_and_older(store: ReadingStore, monkeypatch):
    monkeypatch.setattr("bkkenergy.adapters.sqlite.DELETED_AT_ONCE", 7)
    for name in ("a.b.c", "a.b.c2", "it's.odd.main"):
        store.commit(readings(name, np.arange(40.0)))
    store.forget(["a.b.c", "it's.odd.main"], 0, DAY_US + 30 * QUARTER_US)
    for name, left in (("a.b.c", 10), ("it's.odd.main", 10), ("a.b.c2", 40)):
        assert store.readings([name], *EVER).column("energy_kwh").tolist() == list(range(40 - left, 40))
    store.forget(["a.b.nobody"], 0, DAY_US)
    store.forget(["a.b.c"], 0, 2**52)
    assert len(store.readings(["a.b.c"], *EVER)) == 0


def test_what_is_forgotten_begins_and_ends_where_told(store: ReadingStore):
    """Whether the meter is the only one, so that the whole measurement is asked for, or one of two."""
    for names in (["a.b.c"], ["a.b.c", "a.b.d"]):
        for name in names:
            store.commit(readings(name, np.arange(10.0)))
        store.forget(["a.b.c"], DAY_US + 2 * QUARTER_US, DAY_US + 5 * QUARTER_US)
        assert store.readings(["a.b.c"], *EVER).column("energy_kwh").tolist() == [0, 1, 5, 6, 7, 8, 9]
    assert len(store.readings(["a.b.d"], *EVER)) == 10


@pytest.mark.parametrize("name", ["it's.odd.main", 'q"uote.b.c', "back\\slash.b.c", "อาคาร.หนึ่ง.c", "a b.c,d=e.f/g"])
def test_odd_names_are_counted_read_and_forgotten(store: ReadingStore, name):
    for own in (name, "a.b.other"):
        store.commit(readings(own, np.arange(40.0)))
    before_us = DAY_US + 30 * QUARTER_US
    assert store.count([name], 0, before_us) == {name: {"energy_kwh": 30}}
    store.forget([name], 0, before_us)
    assert store.readings([name], *EVER).column("energy_kwh").tolist() == list(range(30, 40))
    assert len(store.readings(["a.b.other"], *EVER)) == 40


def test_the_store_counts_values_by_field(store: ReadingStore):
    store.commit(readings("a.b.c", np.arange(10.0)))
    store.commit(readings("a.b.c", np.arange(3.0), field="power_kw"))
    store.commit(readings("a.b.sky", np.arange(4.0), field="temp_air_c"))
    names, fields = ["a.b.c", "a.b.sky", "a.b.nobody"], ("energy_kwh", "power_kw", "temp_air_c", "voltage_l1_v")
    assert store.count(names, DAY_US + QUARTER_US, DAY_US + 4 * QUARTER_US, fields) == {
        "a.b.c": {"energy_kwh": 3, "power_kw": 2},
        "a.b.sky": {"temp_air_c": 3},
    }
    assert store.count(names, DAY_US - 5 * QUARTER_US, DAY_US, fields) == {}


def test_a_probe_is_read_back_and_no_meter_shows_it(store: ReadingStore):
    store.commit(readings("a.b.c", [1.0]))
    for _ in range(3):
        store.probe()
    assert store.expires_after_s() is None
    assert set(store.last_seen_us(["a.b.c", "bkkenergy_probe"])) == {"a.b.c"}


def test_many_who_probe_at_once_all_find_their_value(settings: StoreSettings, store: ReadingStore):
    with ThreadPoolExecutor(4) as pool:
        opened = [open_store(settings) for _ in range(4)]
        list(pool.map(lambda own: own.probe(), opened))
        for own in opened:
            own.close()


@pytest.mark.parametrize(("status", "error"), [(403, StoreRefused), (404, StoreRefused), (500, StoreUnavailable)])
def test_an_influxdb_2_is_asked_to_delete_up_to_the_instant_before(status, error):
    """A stand-in for the words on the wire; what a real 2.x does with them is tested where one runs.

    Its API: docs.influxdata.com, "Delete data", POST /api/v2/delete; `stop` is deleted too (seen on 2.7.12 and 2.9.1).
    """
    meters = {
        "results": [{"series": [{"name": "reading", "columns": ["key", "value"], "values": [["meter", "a.b.c"]]}]}]
    }
    with http_receiver() as server:
        settings = InfluxSettings(url=server.url, api="v2", bucket="b", org="o", token=SecretStr("t"))
        store = influx_store(settings)
        server.contents = {"/query": json.dumps(meters).encode()}
        server.statuses = {"/api/v2/delete": [204, 204, status]}
        store.forget(["a.b.c", "a.b.new"], 1_600_000_000_000_000, 1_700_000_000_000_000)
        store.forget(['q"uote\\'], 1_600_000_000_000_000, 1_700_000_000_000_000)
        asked = [(path, headers, json.loads(body)) for path, headers, body in server.requests if "delete" in path]
        assert [path for path, *_ in asked] == ["/api/v2/delete?org=o&bucket=b"] * 2
        assert asked[0][1]["Authorization"] == "Token t"
        span = {"start": "2020-09-13T12:26:40.000000+00:00", "stop": "2023-11-14T22:13:19.999999+00:00"}
        assert asked[0][2] == {**span, "predicate": '_measurement="reading"'}
        assert asked[1][2] == {**span, "predicate": r'''_measurement="reading" AND meter="q\"uote\\"'''}
        with pytest.raises(error, match=str(status)):
            store.forget(["a.b.c"], 0, 1)
        store.close()


def test_another_opener_sees_what_is_committed(store: ReadingStore, settings: StoreSettings):
    store.commit(readings("a.b.c", [1.0]))
    other = open_store(settings)
    assert len(other.readings(["a.b.c"], *EVER)) == 1
    other.close()


# What only one of them can be asked.


def test_a_file_that_was_opened_to_be_read_takes_no_reading_that_no_ledger_hears_of(tmp_path):
    """The ledger may live in PostgreSQL: the file's own marks would be seen by no worker."""
    store = open_store(StoreSettings(path=tmp_path / "readings.sqlite"))
    with pytest.raises(UnmarkedCommit, match="opened to be read"):
        store.commit(readings("a.b.c", [1.0]))
    assert len(store.readings(["a.b.c"], *EVER)) == 0
    store.close()


@pytest.mark.influx
def test_a_server_s_store_that_was_opened_to_be_read_takes_no_reading_that_no_ledger_hears_of(influx, bucket, tmp_path):
    settings = StoreSettings(kind="influx", path=tmp_path / "ledger.sqlite", influx=influx.bucket(bucket))
    store = open_store(settings)
    with pytest.raises(UnmarkedCommit, match="opened to be read"):
        store.commit(readings("a.b.c", [1.0]))
    assert len(store.readings(["a.b.c"], *EVER)) == 0
    store.close()


def test_a_sqlite_file_that_cannot_be_made_is_unavailable_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        open_store(StoreSettings(path=tmp_path / "file" / "readings.sqlite"))


def test_many_who_open_a_new_sqlite_file_at_once_all_get_in(tmp_path):
    for attempt in range(10):
        path = tmp_path / f"{attempt}.sqlite"
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda _, p=path: open_store(StoreSettings(path=p)), range(8)))
        for store in opened:
            store.close()


def test_a_full_disk_leaves_the_sqlite_store_as_it_was(tmp_path):
    """SQLite's own page limit stands for the disk's end: the same error, SQLITE_FULL."""
    store = SqliteStore(tmp_path / "readings.sqlite")
    store.prepare()
    store.commit(readings("a.b.c", np.arange(10.0)))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StoreUnavailable, match="full"):
        store.commit(readings("a.b.d", np.arange(20_000.0)))
    assert len(store.readings(["a.b.c", "a.b.d"], *EVER)) == 10
    store._connection.execute("PRAGMA max_page_count = 1000000")
    store.commit(readings("a.b.d", np.arange(20_000.0)))
    assert len(store.readings(["a.b.d"], *EVER)) == 20_000
    store.close()


def test_an_influx_that_does_not_answer_is_unavailable_with_its_address():
    settings = InfluxSettings(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnavailable, match="does not answer.*store.influx.url"):
        influx_store(settings).prepare()


@pytest.mark.influx
def test_an_influx_that_goes_and_comes_back_is_used_again(tmp_path):
    server = influxdb(tmp_path)
    server.start()
    try:
        store = influx_store(server.bucket())
        store.prepare()
        store.commit(readings("a.b.c", [1.0]))
        server.stop()
        with pytest.raises(StoreUnavailable):
            store.commit(readings("a.b.c", [1.0, 2.0]))
        server.start()
        store.commit(readings("a.b.c", [1.0, 2.0]))
        assert len(store.readings(["a.b.c"], *EVER)) == 2
        store.close()
    finally:
        server.stop()


@pytest.mark.influx
def test_a_batch_with_one_reading_that_influx_refuses_loses_that_one_alone(influx, bucket):
    """An integer field from another writer makes our float a conflict of types: a partial write."""
    settings = influx.bucket(bucket)
    store = influx_store(settings)
    store.prepare()
    batch = readings("a.b.c", np.arange(20.0))
    influx.write(settings, f"reading,meter=x energy_kwh=1i {DAY_US + 7 * QUARTER_US}")
    with pytest.raises(StoreRefused, match="field type conflict"):
        store.commit(batch)
    refused = commit_or_split(store, batch)
    assert all("field type conflict" in why for _, why in refused)
    # Influx fixes a field's type by shard, so all twenty of that week conflict: each comes back by name.
    assert [row for row, _ in refused] == list(range(20))
    later = readings("a.b.c", [1.0], start_us=DAY_US + 30 * 86_400 * US_PER_S)
    both = ReadingBatch.concat([batch.take(slice(0, 1)), later])
    assert [row for row, _ in commit_or_split(store, both)] == [0]
    assert store.readings(["a.b.c"], DAY_US + 86_400 * US_PER_S, 2**60).column("energy_kwh").tolist() == [1.0]
    store.close()


@pytest.mark.influx
@pytest.mark.parametrize(("host", "first_bytes"), [("127.0.0.1", b"reading,"), ("0.0.0.0", b"\x1f\x8b")])
def test_what_leaves_this_machine_is_packed_and_the_same_is_stored(influx, bucket, host, first_bytes):
    own = influx.bucket(bucket)
    store = influx_store(own.model_copy(update={"url": own.url.replace("127.0.0.1", host)}))
    store.prepare()
    batch = readings("a.b.c", np.arange(20.0))
    assert store.server.pack(encode(batch)).startswith(first_bytes)
    store.commit(batch)
    assert store.readings(["a.b.c"], 0, 2**60).column("energy_kwh").tolist() == batch.column("energy_kwh").tolist()
    store.close()


@pytest.mark.influx
def test_the_v2_write_path_stores_every_field(victoria):
    """VictoriaMetrics takes /api/v2/write; it answers no InfluxQL, so its own export is read."""
    settings = InfluxSettings(url=victoria.url, api="v2", token=SecretStr("any"))
    store = influx_store(settings)
    batch = readings("v2.b.c", np.arange(50.0) + 0.5)
    store.commit(batch)
    store.commit(batch)
    urllib.request.urlopen(f"{victoria.url}/internal/force_flush").read()
    query = f"{victoria.url}/api/v1/export?match[]=reading_energy_kwh&start=0&reduce_mem_usage=0"
    with urllib.request.urlopen(query) as response:
        series = [json.loads(line) for line in response.read().splitlines()]
    (own,) = [one for one in series if one["metric"]["meter"] == "v2.b.c"]
    found = dict(zip(own["timestamps"], own["values"], strict=True))
    assert found == {int(ts) // 1000: value for ts, value in zip(batch.ts_us, batch.column("energy_kwh"), strict=True)}
    store.close()


@pytest.mark.influx
def test_the_api_is_found_out_from_the_server(influx, bucket, victoria):
    for settings, api in ((influx.bucket(bucket), influx.api), (InfluxSettings(url=victoria.url), "v2")):
        store = influx_store(settings)
        store.prepare()
        assert store.server.api == api
        store.close()
