"""Running processes come to know a change of the portfolio, without a restart and without losing a message."""

from __future__ import annotations

import datetime as dt
import html
import itertools
import json
import re
import shutil
import threading
import time

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from fastapi.testclient import TestClient
from paho.mqtt.enums import CallbackAPIVersion

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import add_user
from bkkenergy.demo.gateways import Gateway
from bkkenergy.ingest.service import Ingester
from bkkenergy.portfolio.edits import Amend, End, Put
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration
from bkkenergy.site.follower import Follower, FollowerThread
from bkkenergy.site.open import open_store, open_writable
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.usecases.portfolio import PortfolioState, change, replace_all
from bkkenergy.web.app import create_app
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.conftest import EVER, publish, reading, wait_until
from tests.sites import make_context, make_jobs, postgresql_state
from tests.web import PASSWORD, form_of, signed_in

ME = server_actor("malee")
OFFICE = "district-bangkhen.office"
MAIN = f"{OFFICE}.main"
SOME = [f"{OFFICE}.main", f"{OFFICE}.aircon", "health.centre-1.main", "health.centre-2.main"]
START_TS = 1_790_000_000
SHORT = 2000
"""Messages that flow for too short a time to adopt a meter in the app meanwhile."""
LIFT = "bma/district-bangkhen/office/lift/readings"
numbers = itertools.count()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def config(request, tmp_path, monkeypatch, broker):
    """A site of the demonstration whose portfolio is in its state, on each engine."""
    (tmp_path / "config").mkdir()
    for name in CONFIG_PARTS:
        source = ROOT / "config" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / "config" / name)
    (tmp_path / "config/bkkenergy.toml").write_text(
        f'[mqtt]\nport = {broker.port}\nclient_id = "follow-{next(numbers)}"\n[store]\npath = "var/store.sqlite"\n'
        '[state]\npath = "var/state.sqlite"\n[observe]\nport = 0\n[web]\nsecure_cookies = false\nsecond_factor = "offered"\n'
    )
    if request.param == "postgresql":
        url = postgresql_state(request.getfixturevalue("postgres").port).get_secret_value()
        monkeypatch.setenv("BKKENERGY_STATE_URL", url)
    return tmp_path / "config"


@pytest.fixture
def state(config):
    engine = open_state(load_configuration(config).settings.state)
    yield PortfolioState(engine)
    engine.dispose()


def imported(state, config):
    replace_all(state, ME, read_folder(config).records, why="first import", now=now())


@pytest.fixture
def follower(config):
    """A follower of the state, as it is at the test's begin."""
    made = []

    def make(clock=now):
        made.append(Follower(load_configuration(config), clock))
        return made[-1]

    yield make
    for own in made:
        own.close()


def now():
    return dt.datetime.now(dt.UTC)


def enter(state, *edits, from_day=None):
    return change(state, ME, edits, why="a test", from_day=from_day, expected_revision=None, now=now()).revision


def new_meter(local="new", topic="plant/7/new"):
    return Put(
        "meter", {"id": f"{OFFICE}.{local}", "building": OFFICE, "topic": topic, "rated_kw": 90.0, "parent": MAIN}
    )


class Following:
    """A running ingester that follows the state."""

    def __init__(self, config):
        self.follower = FollowerThread(Follower(load_configuration(config)), every_s=0.2)
        loaded = load_configuration(config)
        self.ingester = Ingester(loaded.settings, loaded.portfolio, loaded.profiles, self.follower.portfolio)
        self.thread = threading.Thread(target=self.ingester.run)

    def __enter__(self):
        self.follower.start()
        self.thread.start()
        wait_until(lambda: self.ingester.subscriber.is_connected and self.ingester.subscriber.granted is not None)
        return self

    def __exit__(self, *_):
        self.ingester.stop()
        self.thread.join(60)
        self.follower.stop()

    def knows(self, revision):
        wait_until(lambda: self.ingester._portfolio.revision == revision)

    @property
    def dealt_with(self):
        return self.ingester.pipeline.totals["messages"] if self.ingester.pipeline else 0


def stored(config, *meters):
    store = open_store(load_configuration(config).settings.store)
    found = store.readings(meters, *EVER, ("energy_kwh", "applied_ratio"))
    store.close()
    return found


def adopted_in_the_app(config, topic):
    """Adopt a meter that the ingester heard, on the page of meters and by its form. Return the revision."""
    here = make_context(load_configuration(config))
    add_user(here.opened.state, "admin", PASSWORD, "admin", ["all"], now())
    client = signed_in(create_app(here), "admin")
    listed = re.compile(rf'href="(/records/new/meter\?[^"]*{topic.split("/")[3]}[^"]*)"')
    wait_until(lambda: listed.search(client.get("/meters").text), within_s=30)
    href = html.unescape(listed.search(client.get("/meters").text)[1])
    form = form_of(client.get(href).text, "/records/new/meter")
    done = client.post("/records/new/meter", data=form | {"f.rated_kw": "60", "why": "adopted", "save": "1"})
    assert done.status_code == 303, done.text
    return int(done.headers["location"].rpartition("=")[2])


@pytest.mark.broker
@pytest.mark.parametrize(
    "count", [pytest.param(SHORT, id="some"), pytest.param(20_000, id="many", marks=pytest.mark.slow)]
)
def test_the_portfolio_changes_while_messages_flow_and_none_is_lost(config, state, broker, count):
    imported(state, config)
    is_long = count > SHORT
    with Following(config) as running:
        epoch = running.ingester.subscriber._epoch
        sent = threading.Event()

        def send():
            gateway = Gateway(f"flow-{next(numbers)}", broker.port)
            for number in range(count):
                meter = SOME[number % len(SOME)].replace(".", "/")
                gateway.publish(f"bma/{meter}/readings", reading(START_TS + number, energy_kwh=1000.0 + number * 1e-3))
                if number % 100 == 0:
                    time.sleep(0.1)
            gateway.drain()
            gateway.close()
            sent.set()

        thread = threading.Thread(target=send)
        thread.start()
        wait_until(lambda: running.dealt_with > count // 20, within_s=60)
        assert not sent.is_set()
        began_s = time.monotonic()
        running.knows(enter(state, new_meter(), Amend("meter", SOME[2], {"rated_kw": 95.5})))
        followed_s = time.monotonic() - began_s
        running.knows(enter(state, Amend("building", OFFICE, {"gross_floor_area_m2": 1.0})))
        if is_long:
            publish(broker.port, [(LIFT, reading(START_TS, energy_kwh=7.0))])
            running.knows(adopted_in_the_app(config, LIFT))
        wait_until(lambda: (running.ingester.subscriber.granted or {}).get("plant/7/new"), within_s=20)
        assert not sent.is_set()
        gateway = Gateway(f"new-{next(numbers)}", broker.port)
        gateway.publish("plant/7/new", reading(START_TS, energy_kwh=5.0))
        gateway.publish(LIFT, reading(START_TS + 900, energy_kwh=8.0))
        gateway.drain()
        gateway.close()
        thread.join(300)
        wait_until(lambda: running.dealt_with >= count + 2 + is_long, within_s=120)
        assert running.ingester.subscriber._epoch == epoch  # the same session all the time
    print(f"followed within {followed_s:.2f} s")
    found = stored(config, *SOME)
    assert len(found) == count
    assert sorted(found.ts_us.tolist()) == [(START_TS + number) * 1_000_000 for number in range(count)]
    assert stored(config, f"{OFFICE}.new").column("energy_kwh").tolist() == [5.0]
    if is_long:
        assert stored(config, f"{OFFICE}.lift").column("energy_kwh").tolist() == [8.0], "the first waits to be replayed"


@pytest.mark.broker
def test_a_new_ratio_is_applied_and_noted_with_each_reading(config, state, broker):
    imported(state, config)
    with Following(config) as running:
        gateway = Gateway(f"ratio-{next(numbers)}", broker.port)
        topic = f"bma/{MAIN.replace('.', '/')}/readings"
        gateway.publish(topic, reading(START_TS, energy_kwh=10.0))
        gateway.drain()
        wait_until(lambda: running.dealt_with == 1)
        running.knows(enter(state, Amend("meter", MAIN, {"ct_ratio": 40.0}), from_day=dt.date(2026, 1, 1)))
        gateway.publish(topic, reading(START_TS + 900, energy_kwh=11.0))
        gateway.drain()
        gateway.close()
        wait_until(lambda: running.dealt_with == 2)
    found = stored(config, MAIN)
    assert found.column("energy_kwh").tolist() == [10.0, 440.0]
    assert found.column("applied_ratio").tolist() == [1.0, 40.0]


ADOPTED = [
    pytest.param("bma/district-bangkhen/office/lift/readings", "", b'{"ts": %d, "energy_kwh": 41.5}', "", "energy_kwh", 41.5, id="on_our_own_tree"),
    pytest.param("site9/gw", "7", b'{"timestamp": %d, "devices": [{"addr": 7, "kwh_import": 700, "p_total": 3000}]}', "lift", "energy_kwh", 7.0, id="a_slave_of_a_gateway"),
    pytest.param("zigbee2mqtt/classroom", "", b'{"battery": 100, "humidity": 61.5, "temperature": 27.3}', "lift", "room_temp_c", 27.3, id="a_room_without_a_time"),
]  # fmt: skip


@pytest.mark.broker
@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("topic", "key", "body", "local_id", "field", "value"), ADOPTED)
def test_a_meter_that_is_not_listed_is_adopted_by_one_command_and_its_next_reading_is_stored(
    config, state, broker, topic, key, body, local_id, field, value
):
    imported(state, config)
    sends = [body % (START_TS + number) if b"%d" in body else body for number in range(2)]
    given = ["meters", "adopt", topic, *(("--key", key) if key else ()), "--rated-kw", 50, "--config", config]
    given += ["--building", OFFICE, "--id", local_id] if local_id else []
    with Following(config) as running:
        publish_retained(broker.port, topic, sends[0])
        if not local_id:  # the shipped topics take it to the quarantine, from which it is adopted and replayed
            wait_until(lambda: running.ingester.pipeline.totals["refused"] == 1)
        listening = [] if not local_id else ["--listen", 1]
        (heard,) = [
            one
            for one in json.loads(bkkenergy("meters", "unknown", "--json", *listening, "--config", config))
            if one["topic"] == topic
        ]
        assert heard["values"] == {name: pytest.approx(number) for name, number in heard["values"].items()}
        assert heard["values"][field] == pytest.approx(value)
        bkkenergy(*given, *listening, "--yes")
        running.knows(state.records().revision)
        wait_until(lambda: (running.ingester.subscriber.granted or {}).get(topic) or topic.startswith("bma/"))
        before = running.ingester.pipeline.totals["readings"]
        publish(broker.port, [(topic, sends[1])])
        wait_until(lambda: running.ingester.pipeline.totals["readings"] > before)
        publish_retained(broker.port, topic, b"")
    store = open_store(load_configuration(config).settings.store)
    found = store.readings([f"{OFFICE}.lift"], *EVER, (field,)).column(field)
    store.close()
    assert found[-1] == pytest.approx(value)
    if not local_id:
        assert "1 payload replayed (1 reading)" in bkkenergy("quarantine", "replay", "--all", "--config", config)


def publish_retained(port, topic, body):
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, body, qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


@pytest.mark.broker
def test_a_meter_that_has_ended_is_listened_to_no_more(config, state, broker):
    imported(state, config)
    enter(state, new_meter())
    with Following(config) as running:
        wait_until(lambda: (running.ingester.subscriber.granted or {}).get("plant/7/new"))
        running.knows(enter(state, End("meter", f"{OFFICE}.new"), from_day=dt.date(2026, 1, 1)))
        assert "plant/7/new" not in running.ingester.subscriber._topics


def test_the_first_import_is_followed_too(config, state, follower):
    follower = follower()
    assert follower.look() is None
    imported(state, config)
    assert follower.look().portfolio.revision == 1
    assert follower.look() is None


def test_a_day_on_which_something_changes_is_followed(config, state, follower):
    imported(state, config)
    at = [dt.datetime(2026, 12, 31, 16, 59, tzinfo=dt.UTC)]
    follower = follower(lambda: at[0])
    enter(state, Amend("meter", MAIN, {"ct_ratio": 40.0}), from_day=dt.date(2027, 1, 1))
    ratios = [next(own.ct_ratio for own in follower.look().portfolio.meters if own.id == MAIN)]
    at[0] += dt.timedelta(minutes=2)  # midnight in Bangkok
    ratios.append(next(own.ct_ratio for own in follower.look().portfolio.meters if own.id == MAIN))
    assert ratios == [1.0, 40.0]


def test_a_revision_with_faults_on_this_machine_is_not_taken(config, state, follower):
    imported(state, config)
    follower = follower()
    enter(state, Amend("meter", MAIN, {"payload": "unheard-of"}))
    assert follower.look() is None
    assert follower.config.portfolio.revision == 1
    enter(state, Amend("meter", MAIN, {"payload": "canonical"}))
    assert follower.look().portfolio.revision == 3


def test_pages_show_a_new_building_without_a_restart(config, state):
    imported(state, config)
    here = make_context(load_configuration(config))
    client = TestClient(create_app(here))
    assert client.get("/healthz").status_code in {200, 404}
    here.city.now()
    body = {"id": "health.centre-99", "agency": "health", "name_th": "ใหม่", "name_en": "New", "type": "health_centre",
            "gross_floor_area_m2": 100, "latitude_deg": 13.7, "longitude_deg": 100.5, "tariff": "mea-2-1-lv",
            "calendar": "clinic"}  # fmt: skip
    enter(state, Put("building", body))
    wait_until(lambda: "health.centre-99" in here.portfolio.buildings)
    assert "health.centre-99" in here.city.now().buildings


def test_the_scheduler_computes_what_a_change_makes_stale_and_nothing_else(config, state):
    imported(state, config)
    loaded = load_configuration(config)
    store = open_writable(loaded.settings)
    at = (START_TS + np.arange(400) * 900) * 1_000_000
    for meter in SOME[:2]:
        kwh = 500 + np.cumsum(np.full(400, 3.0))
        columns = {"energy_kwh": kwh, "applied_ratio": np.ones(400)}
        store.commit(ReadingBatch((meter,), np.zeros(400, np.int64), at, columns))
    store.close()
    jobs = make_jobs(loaded)
    jobs.bring_up()
    assert jobs.bring_up() == 0
    enter(state, Amend("meter", MAIN, {"ct_ratio": 2.0}), from_day=dt.date(2026, 1, 1))
    assert jobs.bring_up() == 1
    enter(state, Amend("building", OFFICE, {"gross_floor_area_m2": 1.0}))
    assert jobs.bring_up() == 0
    assert jobs.site.portfolio.revision == 3
