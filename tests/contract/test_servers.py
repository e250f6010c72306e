"""The InfluxDB that tests run on: the one that is named, of either major version, with a bucket of each test's own."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from tests.builders import readings
from tests.servers import influxd_path, influxd_version, influxdb
from tests.sites import influx_store

EVER = (0, 2**60)


def executable(folder, *, version="", dash_version=""):
    path = folder / "influxd"
    path.write_text(f'#!/bin/sh\ncase $1 in version) echo "{version}" ;; -version) echo "{dash_version}" ;; esac\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("InfluxDB v1.6.7~rc0 (git: unknown unknown)", "1.6.7~rc0"),
        ("InfluxDB v1.8.10 (git: 1.8 688e697c51fd)", "1.8.10"),
        ("InfluxDB v2.7.12 (git: ec9dcde5d6) build_date: 2025-05-20T22:48:36Z", "2.7.12"),
        ("InfluxDB 2.9.1 (git: none) build_date: none", "2.9.1"),
    ],
)
def test_the_version_is_what_the_executable_says(tmp_path, monkeypatch, said, version):
    assert influxd_version(executable(tmp_path, version=said)) == version
    named = executable(tmp_path, dash_version=said)
    assert influxd_version(named) == version
    monkeypatch.setenv("BKKENERGY_TEST_INFLUXDB", named)
    server = influxdb(tmp_path / "data")
    assert (server.command[0], server.is_v2) == (named, version[0] == "2")


@pytest.mark.parametrize("said", ["InfluxDB v3.10.0", "VictoriaMetrics 1.79.5", ""])
def test_what_is_no_influxdb_1_or_2_is_not_started(tmp_path, said):
    with pytest.raises(AssertionError):
        influxd_version(executable(tmp_path, version=said))


def test_an_influxd_that_is_named_and_cannot_be_run_is_not_replaced_by_another(tmp_path, monkeypatch):
    monkeypatch.setenv("BKKENERGY_TEST_INFLUXDB", str(tmp_path / "influxd"))
    with pytest.raises(AssertionError, match="cannot be run"):
        influxd_path()


@pytest.mark.influx
def test_a_bucket_is_a_test_s_own_and_is_the_same_when_asked_for_again(influx, bucket):
    with (
        closing(influx_store(influx.bucket(bucket))) as own,
        closing(influx_store(influx.bucket(f"{bucket}-other"))) as other,
        closing(influx_store(influx.bucket(bucket))) as again,
    ):
        for store in (own, other, again):
            store.prepare()
        own.commit(readings("a.b.c", np.arange(4.0)))
        assert [len(store.readings(["a.b.c"], *EVER)) for store in (own, other, again)] == [4, 0, 4]


@pytest.mark.influx
def test_settings_made_before_a_server_runs_are_good_once_it_does(tmp_path):
    server = influxdb(tmp_path)
    settings = server.bucket()
    assert not server.is_running
    server.start()
    try:
        with closing(influx_store(settings)) as store:
            store.prepare()
            store.commit(readings("a.b.c", [1.0]))
            assert len(store.readings(["a.b.c"], *EVER)) == 1
    finally:
        server.stop()
