"""With the shipped broker no client takes another's session or share: what is acknowledged is stored."""

from __future__ import annotations

import threading
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bkkenergy.adapters.identities import RIGHTS, bystander
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.ingest.doctor import examine
from bkkenergy.ingest.listening import listened as discovered
from bkkenergy.site import load_configuration
from bkkenergy.site.folder import dropped_file
from tests.integration.conftest import dealt_with, ingesting, reading, stored, wait_until
from tests.integration.test_deploy import (  # noqa: F401 - fixtures
    bkkenergy,
    gateway,
    hang_up,
    password_of,
    secure_broker,
    site,
    site_settings,
)

pytestmark = pytest.mark.broker

ANNEX, ANNEX_TOPIC, OFFICE = "my-agency.annex", "bma/my-agency/annex/main/readings", "my-agency.office"
WILDCARD = "bma/+/+/+/readings"
TS = 1_763_900_000


@pytest.fixture
def portfolio(site):  # noqa: F811
    return load_configuration(site / "config").portfolio


@pytest.fixture
def annex(site, secure_broker):  # noqa: F811
    """A gateway that is connected."""
    client = gateway(site, secure_broker, ANNEX)
    client.connect("127.0.0.1", secure_broker.port)
    client.loop_start()
    yield client
    hang_up(client)


def published(client: mqtt.Client, first: int, count: int) -> None:
    """Each is acknowledged by the broker."""
    for number in range(first, first + count):
        client.publish(ANNEX_TOPIC, reading(TS + number, energy_kwh=number), 1).wait_for_publish(5)


def energies(settings) -> list[float]:
    return stored(settings, "my-agency.annex.main").column("energy_kwh").tolist()


@pytest.mark.parametrize("clean", [True, False])
def test_no_gateway_ends_the_ingesters_session_by_its_name(site, secure_broker, site_settings, portfolio, annex, clean):  # noqa: F811
    with ingesting(site_settings, portfolio):
        pass
    published(annex, 0, 5)
    for name in (site_settings.mqtt.client_id, site_settings.mqtt.username):
        thief = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        thief.tls_set(str(site / "secrets/ca.crt"))
        thief.username_pw_set(OFFICE, password_of(site, OFFICE))
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        thief.connect("127.0.0.1", secure_broker.port, clean_start=clean, properties=properties)
        thief.loop_start()
        time.sleep(0.5)
        hang_up(thief)
    with ingesting(site_settings, portfolio) as ingester:
        wait_until(lambda: dealt_with(ingester) >= 5)
        published(annex, 5, 5)
        wait_until(lambda: dealt_with(ingester) >= 10)
    assert energies(site_settings) == [float(n) for n in range(10)]


def test_who_does_not_know_the_groups_name_takes_nothing_from_it(site, secure_broker, site_settings, portfolio, annex):  # noqa: F811
    secret = (site / "secrets/app/mqtt-share").read_text()
    assert len(secret) == 48
    own = site_settings.model_copy(update={"mqtt": site_settings.mqtt.model_copy(update={"share": secret})})
    thieves = []
    for group in ("bkkenergy", "+", "#", "", secret[:-1]):
        thief = gateway(site, secure_broker, OFFICE)
        thief.connect("127.0.0.1", secure_broker.port)
        thief.loop_start()
        wait_until(lambda thief=thief: thief.reasons)
        try:
            thief.subscribe(f"$share/{group}/{WILDCARD}", 1)
        except ValueError:  # no topic for the client's library
            hang_up(thief)
            continue
        thieves.append(thief)
    with ingesting(own, portfolio) as ingester:
        published(annex, 0, 20)
        wait_until(lambda: dealt_with(ingester) >= 20)
    hang_up(*thieves)
    assert energies(own) == [float(n) for n in range(20)]


def looked_at_by_the_doctor(settings):
    ills = [item for item in examine(settings, (WILDCARD,)) if item.check in {"broker", "topics", "delivery", "outage"}]
    assert [item for item in ills if not item.is_well] == []


def listened(settings, role):
    subscriber = Subscriber(bystander(settings.mqtt, role), (WILDCARD,))
    subscriber.start()
    try:
        wait_until(lambda: subscriber.granted is not None)
        found = []
        wait_until(lambda: found.extend(subscriber.take(100, 10**6, timeout_s=0.1)) or len(found) >= 3)
        subscriber.acknowledge(found)
    finally:
        subscriber.stop()


def polled(site, broker, settings):  # noqa: F811
    own = bystander(settings.mqtt, "poll")
    client = gateway(site, broker, own.username, own.password.get_secret_value())
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish("bma/my-agency/office/main/readings", reading(TS, energy_kwh=77), 1).wait_for_publish(5)
    hang_up(client)


@pytest.mark.parametrize("role", sorted(set(RIGHTS) - {"doctor-away", "drops"}))
def test_beside_each_helper_the_ingester_misses_nothing(site, secure_broker, site_settings, portfolio, annex, role):  # noqa: F811
    assert bystander(site_settings.mqtt, role).username == f"bkkenergy-{role}"
    is_over, sent = threading.Event(), []

    def flow() -> None:
        while not is_over.is_set():
            published(annex, len(sent), 1)
            sent.append(len(sent))
            time.sleep(0.02)

    with ingesting(site_settings, portfolio) as ingester:
        wait_until(
            dropped_file(site_settings).exists, within_s=30
        )  # the listener to the count of drops is beside it, too
        epoch = ingester.subscriber._epoch
        thread = threading.Thread(target=flow)
        thread.start()
        try:
            match role:
                case "doctor":
                    looked_at_by_the_doctor(site_settings)
                case "poll":
                    polled(site, secure_broker, site_settings)
                case _:
                    listened(site_settings, role)
        finally:
            is_over.set()
            thread.join(30)
        wait_until(lambda: dealt_with(ingester) >= len(sent) + (role == "poll"))
        assert ingester.subscriber._epoch == epoch, "the connection is the same"
    wait_until(lambda: len(energies(site_settings)) >= len(sent))  # what is dealt with may still wait for the store
    assert energies(site_settings) == [float(n) for n in sent]
    if role == "poll":
        assert stored(site_settings, "my-agency.office.main").column("energy_kwh").tolist() == [77.0]


def test_a_second_ingester_has_a_user_and_helpers_of_its_own(site, tmp_path):  # noqa: F811
    names = ("--ingester", "bkkenergy", "--ingester", "second")
    for command in ("passwords", "acl"):
        bkkenergy("meters", command, "--config", site / "config", "--to", tmp_path / "secrets", *names)
    users = [line.split(":")[0] for line in (tmp_path / "secrets/mosquitto-passwords").read_text().splitlines()]
    assert {"bkkenergy", "bkkenergy-doctor", "second", "second-doctor", "second-listen"} < set(users)
    assert (tmp_path / "secrets/mqtt-password-second-doctor").is_file()
    rules = (tmp_path / "secrets/mosquitto-acl").read_text()
    assert "user second-listen\ntopic read #\n\n" in rules


def test_who_listens_again_hears_again_what_is_retained(site_settings, annex):  # noqa: F811
    """By the same name within the life of the session before: a second look shows the same meters."""
    annex.publish(ANNEX_TOPIC, reading(TS, energy_kwh=1), 1, retain=True).wait_for_publish(5)
    heard = [{message.topic for message in discovered(site_settings.mqtt, 2)} & {ANNEX_TOPIC} for _ in range(3)]
    annex.publish(ANNEX_TOPIC, b"", 1, retain=True).wait_for_publish(5)
    assert heard == [{ANNEX_TOPIC}] * 3
