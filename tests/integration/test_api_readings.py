"""Readings sent over HTTP: judged as those by MQTT, stored before they are answered, and the same twice is once."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import threading

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.state.tables import meter_event
from bkkenergy.adapters.state.users import add_token, add_user, users
from bkkenergy.ports.readings import StoreUnavailable
from tests.web import PASSWORD, csrf_of, make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
METER, SECOND, FOREIGN = "health.centre-1.main", "health.centre-2.main", "education.headquarters.main"
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
PATH = "/api/v1/readings"
START = 1_790_000_000
"""A time of which the site has no readings."""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    made = make_app(make_site(tmp_path_factory.mktemp("sent"), days=2))
    for name, role in (("gateway", "engineer"), ("reader", "viewer"), ("head", "manager")):
        add_user(made.state.here.opened.state, name, PASSWORD, role, ["health"], NOW)
    return made


def client_of(app, name="gateway", scope="readings"):
    state = app.state.here.opened.state
    number = next(user["id"] for user in users(state) if user["name"] == name)
    secret = add_token(state, number, "program", scope, dt.datetime.now(dt.UTC), days=1)
    return TestClient(app, headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture(scope="module")
def gateway(app):
    return client_of(app)


@pytest.fixture
def site(app):
    return app.state.here.opened


@pytest.fixture
def clear(site):
    quarantine = Quarantine.of(site.state, site.settings.ingest)
    quarantine.remove([item.id for item in quarantine.listed()])
    return quarantine


def rows(first: int, count=3, energy_kwh=50_000.0, **more) -> list[dict]:
    return [{"ts": START + first + 900 * n, "energy_kwh": energy_kwh + n} | more for n in range(count)]


def stored(site, meter, first: int, seconds=86_400) -> list[float]:
    begin_us = (START + first) * 10**6
    return site.readings.readings([meter], begin_us, begin_us + seconds * 10**6).column("energy_kwh").tolist()


def test_readings_are_stored_and_mark_their_days_before_they_are_answered(gateway, site):
    answer = gateway.post(PATH, json={"readings": {METER: rows(0), SECOND: rows(0, 2)}})
    assert (answer.status_code, answer.json()) == (200, {"stored": 5, "refused": []})
    assert stored(site, METER, 0) == [50_000, 50_001, 50_002]
    assert stored(site, SECOND, 0) == [50_000, 50_001]
    assert METER in site.energy.waiting([METER])


def test_the_same_readings_again_change_nothing(gateway, site):
    for _ in range(2):
        assert gateway.post(PATH, json={"readings": {METER: rows(100_000)}}).json()["stored"] == 3
    assert stored(site, METER, 100_000) == [50_000, 50_001, 50_002]


def test_a_request_under_a_key_is_answered_as_the_first_time_and_never_with_other_readings(gateway, site):
    key = {"Idempotency-Key": "load-1"}
    first = gateway.post(PATH, json={"readings": {METER: rows(200_000)}}, headers=key)
    assert gateway.post(PATH, json={"readings": {METER: rows(200_000)}}, headers=key).json() == first.json()
    other = gateway.post(PATH, json={"readings": {METER: rows(200_000, energy_kwh=60_000)}}, headers=key)
    assert other.status_code == 422
    assert "load-1" in other.json()["title"]
    assert stored(site, METER, 200_000) == [50_000, 50_001, 50_002]


def test_what_is_refused_is_named_quarantined_and_holds_nothing_back(gateway, site, clear):
    bad = [
        {"ts": START + 300_000, "energy_kwh": -5},
        {"ts": "2099-01-01T00:00:00Z", "energy_kwh": 1},
        {"ts": START + 300_900},
        {"ts": "yesterday", "energy_kwh": 1},
        "no reading",
        *rows(301_800, 2),
    ]
    answer = gateway.post(
        PATH, json={"readings": {METER: bad, SECOND: rows(300_000, 1), FOREIGN: rows(300_000), "x": [1]}}
    )
    assert answer.status_code == 207
    refused = {(one["meter"], one["reason"]): one["count"] for one in answer.json()["refused"]}
    assert refused == {
        (METER, "energy_out_of_range"): 1,
        (METER, "time_ahead"): 1,
        (METER, "no_value"): 1,
        (METER, "not_decoded"): 2,
        (FOREIGN, "unknown_meter"): 1,
        ("x", "unknown_meter"): 1,
    }
    assert answer.json()["stored"] == 3
    assert stored(site, METER, 301_000) == [50_000, 50_001]
    assert stored(site, FOREIGN, 300_000) == []
    items = clear.listed()
    assert sorted(item.topic for item in items) == ["http/gateway", "http/gateway", f"http/{METER}"]
    assert json.loads(next(item.payload for item in items if item.topic.endswith(METER))) == bad


def test_a_register_that_falls_is_an_event_as_over_mqtt(gateway, site):
    now_s = site.now_us() // 10**6
    (first_us, first_kwh) = site.readings.latest_registers([METER], 0, site.now_us())[METER]
    assert first_us // 10**6 < now_s - 1
    answer = gateway.post(PATH, json={"readings": {METER: [{"ts": now_s - 1, "energy_kwh": first_kwh - 100}]}})
    assert answer.json()["stored"] == 1
    with reading(site.state) as connection:
        kinds = connection.execute(select(meter_event.c.kind).where(meter_event.c.meter == METER)).scalars().all()
    assert kinds == ["register_fell"]


def test_transformer_ratios_are_applied_as_over_mqtt(app, site):
    meter = next(meter for meter in site.portfolio.meters if meter.multiplier != 1)
    client_of(app, "admin").post(PATH, json={"readings": {meter.id: rows(500_000, 1, 2.0)}})
    assert stored(site, meter.id, 500_000) == [2.0 * meter.multiplier]


@pytest.mark.parametrize(
    ("name", "scope", "status"),
    [("gateway", "readings", 200), ("gateway", "server", 200), ("gateway", "write", 403), ("gateway", "read", 403),
     ("reader", "readings", 403), ("reader", "server", 403), ("head", "server", 403)],
)  # fmt: skip
def test_role_and_scope_both_have_to_let_a_token_send(app, name, scope, status):
    assert client_of(app, name, scope).post(PATH, json={"readings": {METER: rows(600_000)}}).status_code == status


def test_a_token_that_sends_reads_nothing(app, gateway):
    paths = [path for path, operations in app.openapi()["paths"].items() if "get" in operations]
    assert len(paths) > 10
    for path in paths:
        concrete = path.replace("{building_id}", "health.centre-1").replace("{meter_id}", METER)
        answer = gateway.get(concrete.replace("{month}", "2026-10").replace("{kind}", "building").replace("{key}", "x"))
        assert answer.status_code in {403, 422}, (path, answer.text[:200])


def test_where_no_meter_is_the_sender_s_nothing_is_taken_and_nothing_set_aside(gateway, clear):
    assert gateway.post(PATH, json={"readings": {FOREIGN: rows(0), "nowhere": [1]}}).status_code == 404
    assert clear.listed() == []


def test_a_browser_s_session_sends_nothing(app):
    client = signed_in(app, "admin")
    csrf = csrf_of(client)
    answer = client.post(PATH, json={"readings": {METER: rows(700_000)}}, headers={"X-CSRF-Token": csrf})
    assert answer.status_code == 403
    assert "--scope readings" in answer.json()["title"]


@pytest.mark.parametrize(
    "body",
    [b'{"readings": {"%s": [{"ts": 1790000000, "energy_kwh": 1}], "%s": [{"ts": 1790000900, "energy_kwh": 2}]}}' % ((METER.encode(),) * 2),
     b'{"readings": {"a": [{"ts": 1790000000, "ts": 1790000900, "energy_kwh": 1}]}}', b"", b"{}", b"[]", b'{"readings": {}}', b'{"readings": {"a": []}}', b'{"readings": {"": [1]}}', b'{"readings": 5}',
     b'{"readings": {"a": [1]}, "b": 1}', b"\xff", b"[" * 100_000, b'{"readings": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}"],
)  # fmt: skip
def test_what_is_no_request_is_refused_as_one(gateway, body):
    answer = gateway.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text[:200]


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1e999", "1" * 400, "-0.0", "true", "[1]", "{}", '"\\ud800"', '"1"']
)
def test_every_odd_number_is_stored_right_or_refused(gateway, site, clear, value):
    body = json.dumps({"readings": {METER: [{"ts": START + 800_000, "energy_kwh": 7}]}}).replace("7}", f"{value}}}")
    answer = gateway.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {200, 207}
    assert answer.json()["stored"] + sum(one["count"] for one in answer.json()["refused"]) == 1
    assert stored(site, METER, 800_000, 1) == ([0.0] if value == "-0.0" else stored(site, METER, 800_000, 1)[:1])
    assert (answer.json()["stored"] == 1) == (value == "-0.0")


def test_too_much_in_one_request_is_refused(gateway):
    many = {f"meter-{n}": [1] for n in range(1001)}
    assert gateway.post(PATH, json={"readings": many}).status_code == 422
    assert gateway.post(PATH, json={"readings": {METER: [1] * 10_001}}).status_code == 422
    assert gateway.post(PATH, json={"readings": {METER: ["x" * 2_100_000]}}).status_code == 413


def test_readings_are_stored_when_sqlite_is_busy_for_a_while(gateway, site):
    busy = sqlite3.connect(site.settings.store.path, check_same_thread=False)
    busy.execute("BEGIN IMMEDIATE")
    free = threading.Timer(0.7, busy.rollback)
    free.start()
    answer = gateway.post(PATH, json={"readings": {METER: rows(900_000)}})
    free.join()
    busy.close()
    assert answer.json()["stored"] == 3
    assert stored(site, METER, 900_000) == [50_000, 50_001, 50_002]


def test_what_cannot_be_stored_or_quarantined_is_not_acknowledged(gateway, site, monkeypatch):
    def away(*_args, **_more):
        raise StoreUnavailable("the store is away")

    for where, name in ((site.readings, "commit"), (Quarantine, "keep")):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, away)
            answer = gateway.post(PATH, json={"readings": {METER: rows(1_000_000)}}, headers={"Idempotency-Key": name})
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        answer = gateway.post(PATH, json={"readings": {METER: rows(1_000_000)}}, headers={"Idempotency-Key": name})
        assert answer.json()["stored"] == 3


def test_many_senders_at_once_lose_nothing(app, site):
    clients = [client_of(app) for _ in range(6)]
    answers: list = []

    def send(number):
        for part in range(5):
            first = 1_100_000 + number * 20_000 + part * 3000
            answers.append(clients[number].post(PATH, json={"readings": {METER: rows(first)}}).json())

    threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer["stored"] for answer in answers] == [3] * 30
    assert len(stored(site, METER, 1_100_000, 120_000)) == 90
