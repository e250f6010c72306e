"""A read that failed is an error and never "no readings": on a real InfluxDB with each of its limits, and one stopped."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bkkenergy.adapters.influx import InfluxStore
from bkkenergy.adapters.influx_server import StatementFailed, series_of
from bkkenergy.cli import cli
from bkkenergy.ingest.doctor import examine
from bkkenergy.ingest.service import Ingester
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import InfluxSettings, MqttSettings, ObserveSettings, Settings, StoreSettings
from bkkenergy.site.open import open_store, open_writable
from bkkenergy.site.start import try_out
from tests.builders import DAY_US, QUARTER_US, readings
from tests.conftest import CONFIG_PARTS, ROOT
from tests.lateproxy import answering_late
from tests.servers import Server, influxd_path, influxd_version, influxdb, started
from tests.sites import influx_store

pytestmark = pytest.mark.influx

METERS, EACH, MINUTE_US = 20, 5000, 60_000_000
IDS = tuple(f"a.b.m{number}" for number in range(METERS))
EVER = (0, 2**60)
EMPTY = Portfolio(agencies={}, buildings={}, calendars={})


@pytest.fixture(scope="module", autouse=True)
def _on_1() -> None:
    if influxd_version(influxd_path()).startswith("2."):
        pytest.skip("limits and users of 1.x: what a 2.x does is in test_influx_2.py")


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    """The folder of an InfluxDB that has 100,000 readings of 20 meters; each test starts it with limits of its own."""
    folder = tmp_path_factory.mktemp("filled")
    with started(influxdb(folder)) as server, closing(store_on(server)) as store:
        store.prepare()
        at = DAY_US + np.arange(EACH) * MINUTE_US
        for name in IDS:
            rows = np.zeros(EACH, np.int64)
            store.commit(ReadingBatch((name,), rows, at, {"energy_kwh": np.arange(EACH) * 0.1 + 1e6 / 3}))
    return folder


def store_on(server: Server, bucket: str = "filled", **more) -> InfluxStore:
    return influx_store(InfluxSettings(url=server.url, bucket=bucket, **more))


def whole(store: InfluxStore) -> None:
    """Every reading, bit for bit."""
    found = store.readings(IDS, *EVER)
    assert len(found) == METERS * EACH
    expected = np.tile(np.arange(EACH) * 0.1 + 1e6 / 3, METERS)
    np.testing.assert_array_equal(found.column("energy_kwh"), expected)


@contextmanager
def limited(folder: Path, **lines: str) -> Iterator[InfluxStore]:
    with started(influxdb(folder, **lines)) as server, closing(store_on(server)) as store:
        yield store


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("max-select-series = 5", "max-select-series limit exceeded.*Raise this limit"),
        ('query-timeout = "5ms"', "query-timeout limit exceeded.*Raise this limit"),
    ],
)
def test_a_statement_beyond_a_limit_of_the_server_is_an_error_with_the_limit_s_name(filled, line, words):
    with limited(filled, more=f"[coordinator]\n{line}") as store, pytest.raises(StoreUnavailable, match=words):
        store.readings(IDS, *EVER)


def test_a_limit_of_rows_an_answer_cuts_nothing_off(filled):
    with limited(filled, http="max-row-limit = 1000") as store:
        whole(store)
        assert store.count(IDS, *EVER) == {name: {"energy_kwh": EACH} for name in IDS}


def test_with_too_many_queries_at_once_each_is_right_or_an_error(filled):
    said: list[object] = []

    def read(server_url: str) -> None:
        with closing(influx_store(InfluxSettings(url=server_url, bucket="filled"))) as own:
            try:
                said.append(len(own.readings(IDS, *EVER)))
            except StoreUnavailable as error:
                said.append(str(error))

    with limited(filled, more="[coordinator]\nmax-concurrent-queries = 1") as store:
        threads = [threading.Thread(target=read, args=(store.server.settings.url,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(one == METERS * EACH or "max-concurrent-queries limit exceeded" in str(one) for one in said), said
    assert any("max-concurrent" in str(one) for one in said)


def test_a_query_that_an_operator_kills_is_an_error_or_right(filled):
    with limited(filled) as store:
        said, stopped = [], threading.Event()
        url = store.server.settings.url

        def kill() -> None:
            while not stopped.is_set():
                for number in running(url):
                    asked(url, f"KILL QUERY {number}")

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            for _ in range(10):
                try:
                    said.append(len(store.readings(IDS, *EVER)))
                except StoreUnavailable as error:
                    said.append(str(error))
        finally:
            stopped.set()
            killer.join()
    assert all(one == METERS * EACH or "interrupted" in str(one) or "killed" in str(one) for one in said), said
    assert any(isinstance(one, str) for one in said)


def running(url: str) -> list[int]:
    """Queries of readings that run now."""
    (result,) = asked(url, "SHOW QUERIES")["results"]
    return [row[0] for own in result.get("series", []) for row in own["values"] if "energy_kwh" in row[1]]


def asked(url: str, statement: str, database: str = "filled") -> dict:
    data = urllib.parse.urlencode({"db": database, "q": statement}).encode()
    with urllib.request.urlopen(f"{url}/query", data) as answer:
        return json.loads(answer.read())


def test_a_server_that_is_stopped_while_it_answers_gives_all_or_an_error(filled):
    """SIGTERM at eight moments of a read: 11 of 12 such reads were once taken for "no readings"."""
    with limited(filled) as store:
        begun_s = time.monotonic()
        whole(store)
        takes_s = time.monotonic() - begun_s
    said = []
    for number in range(8):
        with started(influxdb(filled)) as server, closing(store_on(server)) as store:
            store.prepare()
            stop = threading.Timer(takes_s * number / 8, server.process.terminate)
            stop.start()
            try:
                said.append(len(store.readings(IDS, *EVER)))
            except StoreUnavailable as error:
                said.append(str(error))
            stop.join()
    assert all(one == METERS * EACH or isinstance(one, str) for one in said), said
    assert any(isinstance(one, str) for one in said), said


def test_what_waits_in_a_store_beyond_its_limits_is_neither_counted_nor_deleted(filled):
    with limited(filled, more="[coordinator]\nmax-select-series = 5") as store:
        for ask in (store.count, store.readings):
            with pytest.raises(StoreUnavailable, match="max-select-series"):
                ask(IDS, *EVER)
        with pytest.raises(StoreUnavailable, match="max-select-series"):
            store.last_seen_us(IDS)
    with limited(filled) as store:
        whole(store)


def test_a_batch_is_sent_long_before_its_answer_and_is_safe_with_it(influx, bucket):
    batch = readings("a.b.c", [1.0])
    with (
        answering_late(influx.port, 1.0) as url,
        closing(influx_store(InfluxSettings(url=url, bucket=bucket))) as store,
    ):
        store.prepare()
        is_sent = threading.Event()
        store.begin(batch, is_sent.set)
        assert is_sent.wait(10)
        assert not store._begun[id(batch)][1].done()
        store.commit(batch)
        assert len(store.readings(["a.b.c"], *EVER)) == 1


def test_a_batch_that_was_begun_and_failed_is_an_error_at_its_commit_and_goes_in_later(tmp_path):
    batches = [readings("a.b.c", [float(number)], start_us=DAY_US + number) for number in range(3)]
    with started(influxdb(tmp_path)) as server, closing(store_on(server)) as store:
        store.prepare()
        server.stop()
        for batch in batches:
            store.begin(batch)
        for batch in batches[:2]:
            with pytest.raises(StoreUnavailable):
                store.commit(batch)
        store.abandon()
        server.start()
        for batch in batches:
            store.commit(batch)
        assert store.readings(["a.b.c"], *EVER).column("energy_kwh").tolist() == [0.0, 1.0, 2.0]


def test_a_database_that_is_gone_is_an_error(influx):
    store = store_on(influx, "gone")
    store.prepare()
    store.commit(readings("a.b.c", [1.0]))
    asked(influx.url, 'DROP DATABASE "gone"', "gone")
    for ask in (
        store.last_seen_us,
        lambda names: store.latest_registers(names, *EVER),
        lambda names: store.readings(names, *EVER),
    ):
        with pytest.raises(StoreUnavailable, match="database not found.*Check store.influx.bucket"):
            ask(["a.b.c"])
    with pytest.raises(StoreRefused, match="database not found"):
        store.server.change("DELETE FROM reading")
    store.close()


def part(rows: list, **more: object) -> bytes:
    series = {"name": "reading", "tags": {"meter": "m"}, "columns": ["time", "energy_kwh"], "values": rows}
    return json.dumps({"results": [{"statement_id": 0, "series": [series], **more}]}).encode()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "cut off"),
        ([b"{}"], "cut off"),
        ([b'{"results":[]}'], "cut off"),
        ([part([[1, 2.0]], partial=True)], "cut off"),
        ([part([[1, 2.0]], partial=True), b'{"results":[{"error":"engine is closed"}]}'], "engine is closed"),
        ([part([[1, 2.0]]), b'{"error":"timeout"}'], "timeout"),
        ([part([[1, 2.0]])[:-9]], "not that of InfluxQL"),
        ([b"<html>502</html>"], "not that of InfluxQL"),
        ([b'{"results":[{"series":[{"columns":["time"],"values":[[1]],"partial":true}]}]}'], "cut off"),
    ],
)
def test_an_answer_that_does_not_come_to_its_end_is_an_error(lines, words):
    with pytest.raises(StatementFailed, match=words):
        list(series_of(lines))


def test_an_answer_may_come_in_parts_and_may_be_empty():
    assert list(series_of([b'{"results":[{"statement_id":0}]}\n', b"\n"])) == []
    found = list(series_of([part([[1, 2.0]], partial=True), part([[2, None]])]))
    assert [own.rows for own in found] == [[[1, 2.0]], [[2, None]]]


# Who may do what, and what a server is.


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Server]:
    """A 1.6 that asks for user and password: an admin, one with all rights on `bkk`, one that may write and not read."""
    with started(influxdb(tmp_path_factory.mktemp("guarded"), http="auth-enabled = true")) as server:
        asked(server.url, "CREATE USER admin WITH PASSWORD 'p' WITH ALL PRIVILEGES")
        admin = store_on(server, "bkk", username="admin", token=SecretStr("p"))
        admin.prepare()
        for name, right in (("owner", "ALL"), ("writer", "WRITE"), ("reader", "READ")):
            admin.server.query(f"CREATE USER {name} WITH PASSWORD 'its: pass'")
            admin.server.query(f'GRANT {right} ON "bkk" TO {name}')
        admin.close()
        yield server


def by(server: Server, name: str, password: str = "its: pass", bucket: str = "bkk") -> StoreSettings:
    return StoreSettings(
        kind="influx",
        influx=InfluxSettings(url=server.url, bucket=bucket, username=name, token=SecretStr(password)),
    )


def test_a_user_with_rights_on_the_database_alone_writes_reads_and_deletes(guarded, tmp_path):
    settings = by(guarded, "owner").model_copy(update={"path": tmp_path / "beside.sqlite"})
    with closing(open_writable(Settings(store=settings))) as store:
        try_out(store)
        store.commit(readings("a.b.c", np.arange(10.0)))
        assert store.count(["a.b.c"], *EVER) == {"a.b.c": {"energy_kwh": 10}}
        store.forget(["a.b.c"], 0, DAY_US + 4 * QUARTER_US)
        assert len(store.readings(["a.b.c"], *EVER)) == 6


@pytest.mark.parametrize(
    ("name", "password", "bucket", "words"),
    [
        ("writer", "its: pass", "bkk", "probe of the store failed.*not authorized.*username"),
        ("reader", "its: pass", "bkk", "probe of the store failed.*not authorized.*username"),
        ("owner", "its: pass", "bbk", "Have an administrator make the database bbk"),
    ],
)
def test_a_store_that_does_not_give_back_what_it_takes_is_refused_at_the_start(
    guarded, broker, tmp_path, name, password, bucket, words
):
    settings = Settings(
        store=by(guarded, name, password, bucket).model_copy(update={"path": tmp_path / "beside.sqlite"}),
        observe=ObserveSettings(port=0),
        mqtt=MqttSettings(port=broker.port),
    )
    with pytest.raises(StoreUnfit, match=words), closing(open_store(settings.store)) as store:
        try_out(store)
    (found,) = [own for own in examine(settings, ("bma/#",)) if own.check.startswith("store")]
    assert not found.is_well
    with pytest.raises(StoreUnfit, match=words):
        Ingester(settings, EMPTY, {}).run()


@pytest.mark.parametrize("command", [["ingest"], ["serve"], ["web"], ["jobs", "start"]])
def test_no_process_starts_on_a_store_that_it_may_not_read(guarded, tmp_path, monkeypatch, command):
    config = tmp_path / "config"
    config.mkdir()
    for name in CONFIG_PARTS:
        (config / name).symlink_to(ROOT / "config" / name)
    store = f'[store]\nkind = "influx"\n[store.influx]\nurl = "{guarded.url}"\nbucket = "bkk"\nusername = "writer"\n'
    (config / "bkkenergy.toml").write_text(f"[observe]\nport = 0\n{store}")
    monkeypatch.setenv("BKKENERGY_INFLUX_TOKEN", "its: pass")
    found = CliRunner().invoke(cli, [*command, "--config", str(config)])
    assert found.exit_code == 1
    assert "The probe of the store failed" in found.output + str(found.exception)


def test_a_wrong_password_is_told_with_where_it_is_set(guarded):
    with pytest.raises(StoreUnavailable, match="401.*authorization failed.*username"):
        store_on(guarded, "bkk", username="owner", token=SecretStr("wrong")).prepare()


def test_a_refused_deletion_is_rejected_and_not_away(guarded, tmp_path):
    settings = by(guarded, "reader").model_copy(update={"path": tmp_path / "beside.sqlite"})
    with closing(open_store(settings)) as store, pytest.raises(StoreRefused, match="not authorized"):
        store.forget(["a.b.c"], 0, DAY_US)


def test_a_database_that_lets_readings_expire_is_warned_of(influx, broker, tmp_path):
    settings = Settings(
        store=StoreSettings(
            kind="influx", path=tmp_path / "s.sqlite", influx=InfluxSettings(url=influx.url, bucket="brief")
        ),
        mqtt=MqttSettings(port=broker.port),
    )
    with closing(open_store(settings.store)) as store:
        store.server.query('ALTER RETENTION POLICY "autogen" ON "brief" DURATION 200h30m')
        store.probe()
        assert store.expires_after_s() == 200.5 * 3600
        (found,) = [own for own in examine(settings, ("bma/#",)) if own.check == "store expiry"]
        assert not found.is_well
        assert "after 8.4 days" in found.observed
        store.server.query('ALTER RETENTION POLICY "autogen" ON "brief" DURATION INF')
        assert store.expires_after_s() is None


def test_a_server_that_takes_and_gives_nothing_back_is_refused(victoria):
    """VictoriaMetrics takes /api/v2/write, and answers /query as if it had nothing."""
    store = influx_store(InfluxSettings(url=victoria.url, api="v2", token=SecretStr("any")))
    with pytest.raises(StoreUnfit, match="not that of InfluxQL.*Reports need InfluxDB"):
        store.probe()
    store.close()
