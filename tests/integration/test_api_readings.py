"""Readings sent over HTTP: judged as those by MQTT, stored before they are answered, and the same twice is once."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import sqlite3
import threading

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.state.tables import meter_event
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import add_user, users
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


JSON = {"Content-Type": "application/json"}
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["NaN", "1e999", "2569-11-01", ""])
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
stamps = st.integers(START + 2_000_000, START + 2_100_000)
odd_readings = st.fixed_dictionaries(
    {"ts": stamps | scalars, "energy_kwh": st.floats(0, 1e5) | anything}, optional={"power_kw": anything, "x": anything}
)
meter_names = st.sampled_from([METER, SECOND, FOREIGN, "nowhere", "", "\x00", "ก" * 201])
odd_bodies = st.dictionaries(meter_names, st.lists(odd_readings | anything, max_size=6), max_size=4)


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(readings=odd_bodies)
def test_every_reading_of_a_request_is_stored_or_refused_and_counted(gateway, site, readings):
    answer = gateway.post(PATH, content=json.dumps({"readings": readings}), headers=JSON)
    sent = {meter: len(listed) for meter, listed in readings.items()}
    assert answer.status_code in {200, 207, 404, 422}, answer.text
    if answer.status_code > 300:
        return
    said = answer.json()
    assert said["stored"] + sum(one["count"] for one in said["refused"] if one["meter"] in {METER, SECOND}) == sum(
        count for meter, count in sent.items() if meter in {METER, SECOND}
    )
    assert (answer.status_code == 207) is bool(said["refused"])
    assert {one["meter"] for one in said["refused"]} >= sent.keys() - {METER, SECOND}
    for meter in (METER, SECOND):
        kwh = np.array(stored(site, meter, 2_000_000))
        assert (kwh[~np.isnan(kwh)] >= 0).all()


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_of_any_kind_are_answered_and_never_by_a_failure_of_ours(gateway, data):
    whole = json.dumps({"readings": {METER: rows(2_200_000, 2)}}).encode()
    at, size = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 8))
    body = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + size :]
    kind = data.draw(st.sampled_from(["application/json", "text/plain", "multipart/form-data; boundary=x", "é"]))
    answer = gateway.post(PATH, content=body, headers={b"Content-Type": kind.encode("latin-1")})
    assert answer.status_code in {200, 207, 400, 404, 415, 422}, (body, answer.text)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_json_has_not_costs_its_own_reading_alone(gateway, site, clear, number):
    body = json.dumps({"readings": {METER: rows(2_500_000, x=[{}])}}).replace("50002.0", number)
    answer = gateway.post(PATH, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["stored"]) == (207, 2)
    assert [(one["reason"], one["count"]) for one in answer.json()["refused"]] == [("not_decoded", 1)]
    assert stored(site, METER, 2_500_000) == [50_000, 50_001]


def test_a_body_in_chunks_is_bounded_as_one_that_states_its_length(gateway, site):
    def without_end():
        yield b'{"readings": {"%s": [' % METER.encode()
        while True:
            yield b'{"ts": 1790000000, "energy_kwh": 1},' * 1000

    before = len(stored(site, METER, 0))
    assert gateway.post(PATH, content=itertools.islice(without_end(), 400), headers=JSON).status_code == 413
    assert len(stored(site, METER, 0)) == before
    body = json.dumps({"readings": {METER: rows(2_300_000, 2)}}).encode()
    answer = gateway.post(PATH, content=(body[at : at + 7] for at in range(0, len(body), 7)), headers=JSON)
    assert answer.json() == {"stored": 2, "refused": []}


def test_one_key_sent_by_many_at_once_is_done_once(app, site):
    clients = [client_of(app) for _ in range(5)]
    answers: list = []

    def send(number):
        body = {"readings": {METER: rows(2_400_000 + 10 * number, 1, 70_000.0 + number)}}
        answers.append(clients[number].post(PATH, json=body, headers={"Idempotency-Key": "same"}))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422, 422]
    assert len(stored(site, METER, 2_400_000, 100)) == 1, "what another body held under the key is not stored"


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
