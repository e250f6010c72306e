"""Where the ingester tells how it is doing."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Counter

from bkkenergy.errors import InputError
from bkkenergy.ingest.observe import Endpoint, IngesterState
from bkkenergy.settings import ObserveSettings
from tests.servers import free_port


def test_a_port_that_another_has_is_told_with_the_remedy():
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        settings = ObserveSettings(port=taken.getsockname()[1])
        endpoint = Endpoint(settings, settings.port, [CollectorRegistry()], lambda: pytest.fail("it was asked"))
        with pytest.raises(InputError, match=r"in use.*ports of \[observe\]"):
            endpoint.start()
        endpoint.stop()


STATE = IngesterState(
    connected=True, subscribed=True, store_is_unavailable=False, state_is_unavailable=False, spool_is_full=False, spool_batches=0, oldest_s=0.0,
    tick_age_s=0.0,
)  # fmt: skip


@pytest.fixture
def endpoint():
    registry = CollectorRegistry()
    Counter("readings", "Readings", registry=registry).inc(3)
    settings = ObserveSettings(port=free_port())
    endpoint = Endpoint(settings, settings.port, [registry], lambda: STATE)
    endpoint.start()
    yield endpoint
    endpoint.stop()


def got(endpoint, path: str) -> tuple[int, bytes]:
    with urlopen(f"http://127.0.0.1:{endpoint.port}{path}", timeout=4) as answer:
        return answer.status, answer.read()


def sent(endpoint, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=20) as sock:
        sock.sendall(raw)
        return b"".join(iter(lambda: sock.recv(65536), b""))


SLOW = [b"", b"G", b"GET /metrics HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 5_000, b"\x16\x03\x01" * 9]


def test_health_and_metrics_answer_beside_500_connections_that_are_idle_or_slow(endpoint):
    slow = []
    try:
        for number in range(500):
            sock = socket.create_connection(("127.0.0.1", endpoint.port), timeout=4)
            sock.sendall(SLOW[number % len(SLOW)])
            slow.append(sock)
            if number % 50 == 0:
                assert got(endpoint, "/healthz")[0] == 200
        for _ in range(20):
            assert b"readings_total 3.0" in got(endpoint, "/metrics")[1]
            assert got(endpoint, "/readyz")[0] == 200
        assert len(endpoint._open) <= 65
    finally:
        for sock in slow:
            sock.close()


def test_a_reader_that_does_not_fetch_the_answer_is_cut_off(endpoint, monkeypatch):
    monkeypatch.setattr("bkkenergy.ingest.observe.ANSWERED_WITHIN_S", 0.2)
    monkeypatch.setattr(endpoint, "_answer", lambda _: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000_000)
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=4) as sock:
        sock.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        until_s = time.monotonic() + 10
        while not endpoint._open and time.monotonic() < until_s:
            time.sleep(0.01)
        while endpoint._open and time.monotonic() < until_s:
            time.sleep(0.01)
        assert not endpoint._open


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"GET /metrics?name=x HTTP/1.0\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"GET /other HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"GET /\xff\xfe\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"\x00\x01\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"GET /" + b"x" * 100_000, b""),
    ],
)
def test_every_request_has_its_answer_or_none(endpoint, request_, answer):
    try:
        assert sent(endpoint, request_).startswith(answer)
    except ConnectionResetError:
        assert answer == b""
    assert got(endpoint, "/healthz")[0] == 200


def test_a_service_that_does_not_turn_says_so(monkeypatch, endpoint):
    monkeypatch.setattr(endpoint, "_state", lambda: replace(STATE, tick_age_s=90.0))
    with pytest.raises(HTTPError, match="503"):
        got(endpoint, "/healthz")
