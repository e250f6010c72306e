"""What a broker says or does that would lose messages is told with its remedy: in log, metric and doctor."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Sequence

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from structlog.testing import capture_logs

from bkkenergy.adapters import mqtt as mqtt_adapter
from bkkenergy.adapters import subscriptions
from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.identities import DROPPED
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.demo.broker import local_broker
from bkkenergy.ingest.doctor import examine
from tests.integration.conftest import dealt_with, ingesting, publish, reading, stored, wait_until
from tests.integration.test_delivery import METER, TOPIC, TS, updated
from tests.integration.test_sparkplug_host import spark  # noqa: F401
from tests.servers import free_port, mosquitto, started, stock_mosquitto

pytestmark = pytest.mark.broker

WILDCARD = "bma/+/+/+/readings"


def connack(**properties) -> bytes:
    """A CONNACK of MQTT 5 (section 3.2) that announces these."""
    announced = Properties(PacketTypes.CONNACK)
    for name, value in properties.items():
        setattr(announced, name, value)
    body = b"\x00\x00" + announced.pack()
    return bytes([0x20, len(body)]) + body


class SpokenBroker(threading.Thread):
    """Real bytes on a real socket: a broker that announces what no broker here can be made to announce.

    subacks : reasons by which subscriptions are answered, the first first; None is no answer. Then all are granted.
    It takes CONNECT and SUBSCRIBE, and ends the connection where a subscription is one that it said it has not.
    """

    def __init__(
        self,
        *,
        cuts_for: int | None = None,
        refuses_5: bool = False,
        cuts_publish: str | None = None,
        max_filters: int = 1000,
        subacks: Sequence[int | None] = (),
        **properties,
    ) -> None:
        super().__init__(daemon=True)
        self.subacks = list(subacks)
        self.max_filters = max_filters
        self.cuts_for, self.refuses_5, self.cuts_publish = cuts_for, refuses_5, cuts_publish
        self.announces = connack(**properties)
        self.has_share = properties.get("SharedSubscriptionAvailable", 1) == 1
        self.has_wildcards = properties.get("WildcardSubscriptionAvailable", 1) == 1
        self.subscribed: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def run(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.speak, args=(sock,), daemon=True).start()

    def speak(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as stream:
            while head := stream.read(1):
                length = shift = 0
                while (byte := stream.read(1)[0]) & 0x80:
                    length, shift = length | (byte & 0x7F) << shift, shift + 7
                packet = stream.read(length | byte << shift)
                match head[0] >> 4:
                    case 1:
                        sock.sendall(self.answer_to(packet))
                    case 8:
                        if self.refuses_5:  # 3.1.1: no properties
                            sock.sendall(b"\x90\x03" + packet[:2] + b"\x01")
                            continue
                        topics = self.topics_of(packet)
                        too_many = len(topics) > self.max_filters
                        if self.cuts_for is not None or too_many or not self.allows(topics):
                            sock.sendall(bytes([0xE0, 1, self.cuts_for or 0x9E]))
                            return
                        self.subscribed += topics
                        sock.sendall(self.suback(packet, len(topics)))
                    case 12:
                        sock.sendall(b"\xd0\x00")
                    case 3 if self.forbids(packet):
                        return
                    case 14:
                        return

    def suback(self, subscribe: bytes, count: int) -> bytes:
        reason = self.subacks.pop(0) if self.subacks else 1
        if reason is None:
            return b""
        body = subscribe[:2] + b"\x00" + bytes([reason]) * count
        return bytes([0x90, len(body)]) + body

    def forbids(self, publish: bytes) -> bool:
        topic = publish[2 : 2 + int.from_bytes(publish[:2])].decode()
        return self.cuts_publish is not None and topic.startswith(self.cuts_publish)

    def answer_to(self, connect: bytes) -> bytes:
        if not self.refuses_5:
            return self.announces
        return b"\x20\x02\x00\x01" if connect[6] == 5 else b"\x20\x02\x00\x00"

    @staticmethod
    def topics_of(packet: bytes) -> list[str]:
        at, topics = 3 + packet[2], []
        while at < len(packet):
            size = int.from_bytes(packet[at : at + 2])
            topics.append(packet[at + 2 : at + 2 + size].decode())
            at += size + 3
        return topics

    def allows(self, topics: list[str]) -> bool:
        shared = any(topic.startswith("$share") for topic in topics)
        wild = any({"+", "#"} & set(topic) for topic in topics)
        return (self.has_share or not shared) and (self.has_wildcards or not wild)


def connected(settings, topics=(WILDCARD,), **options) -> Subscriber:
    subscriber = Subscriber(settings.mqtt, topics, **options)
    subscriber.start()
    return subscriber


def troubles_after_subscribing(settings, **options) -> dict:
    subscriber = connected(settings, **options)
    try:
        wait_until(lambda: subscriber.tend() or subscriber.granted is not None)
        return subscriber.troubles
    finally:
        subscriber.stop()


def ills(settings, exact_topics=()) -> list:
    """What the doctor says of the broker and is not well."""
    found = list(examine(settings, (WILDCARD,), exact_topics))
    return [item for item in found if item.check in {"broker", "topics", "delivery"} and not item.is_well]


@pytest.fixture
def brief(monkeypatch):
    """The doctor's patience, shortened: of these brokers it awaits what they never send."""
    monkeypatch.setattr("bkkenergy.adapters.outage.QUIET_S", 0.5)
    monkeypatch.setattr("bkkenergy.ingest.doctor.CONNECTS_WITHIN_S", 2.0)


def warnings_in(logs) -> set[str]:
    return {entry["kind"] for entry in logs if entry["event"] == "mqtt_trouble"}


def counted(ingester, kind: TroubleKind) -> tuple[float, float]:
    get = ingester.metrics.registry.get_sample_value
    return get("bkkenergy_mqtt_trouble", {"kind": kind}), get("bkkenergy_mqtt_troubles_total", {"kind": kind})


def test_a_good_broker_gives_no_trouble(settings, broker):
    settings = updated(settings, "mqtt", port=broker.port, share="group")
    assert troubles_after_subscribing(settings) == {}
    assert ills(settings) == []


@pytest.mark.usefixtures("brief")
def test_qos_0_granted_is_told(settings, portfolio, tmp_path):
    with started(mosquitto(tmp_path / "mqtt", listener="max_qos 0")) as broker:
        settings = updated(settings, "mqtt", port=broker.port)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: counted(ingester, TroubleKind.QOS_0)[0] == 1)
            assert counted(ingester, TroubleKind.QOS_0)[1] >= 1
        assert TroubleKind.QOS_0 in warnings_in(logs)
        (ill, *_) = ills(settings)
        assert "QoS 0" in ill.observed
        assert "max_qos" in ill.remedy


def test_a_share_over_3_1_1_loses_nothing_and_is_told(settings, portfolio, broker):
    settings = updated(settings, "mqtt", port=broker.port, protocol="3.1.1", share="group")
    with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
        publish(broker.port, [(TOPIC, reading(TS + n)) for n in range(50)])
        wait_until(lambda: dealt_with(ingester) >= 50)
        wait_until(lambda: counted(ingester, TroubleKind.SHARE_UNAVAILABLE) == (1, 1))
    assert len(stored(settings, METER)) == 50
    assert warnings_in(logs) == {TroubleKind.SHARE_UNAVAILABLE}
    (ill,) = ills(settings)
    assert "mqtt.share" in ill.remedy


# amqtt leaves the connection that it refuses to the garbage collector, which is called here: later it would be another's.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_share_on_a_broker_that_knows_only_3_1_1_loses_nothing_and_the_doctor_sees_it(settings, portfolio, tmp_path):
    with local_broker(tmp_path, kind="amqtt") as (_, port):
        settings = updated(settings, "mqtt", port=port, share="group")
        with ingesting(settings, portfolio) as ingester:
            wait_until(lambda: ingester.subscriber.granted is not None)
            publish(port, [(TOPIC, reading(TS + n)) for n in range(50)])
            wait_until(lambda: dealt_with(ingester) >= 50)
        assert len(stored(settings, METER)) == 50
        found = list(examine(settings, (WILDCARD,)))
        assert [item.observed for item in found if item.check == "broker" and item.is_well] == [
            f"127.0.0.1:{port} speaks MQTT 3.1.1"
        ]
        assert [item.check for item in found if "mqtt.share" in item.remedy] == ["delivery"]
    gc.collect()


@pytest.mark.usefixtures("brief")
def test_a_share_that_the_broker_announces_to_have_not_is_left_out(settings):
    with SpokenBroker(SharedSubscriptionAvailable=0) as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5", share="group")
        assert set(troubles_after_subscribing(settings)) == {TroubleKind.SHARE_UNAVAILABLE}
        assert broker.subscribed == [WILDCARD]
        assert ["mqtt.share" in ill.remedy for ill in ills(settings)] == [True]


@pytest.mark.usefixtures("brief")
def test_without_wildcards_each_meters_own_topic_is_subscribed_to(settings):
    own = ("bma/health/centre-1/main/readings", "bma/health/centre-2/main/readings")
    with SpokenBroker(WildcardSubscriptionAvailable=0) as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        assert set(troubles_after_subscribing(settings, exact_topics=own)) == {TroubleKind.WILDCARDS_UNAVAILABLE}
        assert broker.subscribed == list(own)
        assert ["wildcards" in ill.remedy for ill in ills(settings, own)] == [True]


@pytest.mark.usefixtures("brief")
def test_a_session_that_the_broker_forgets_sooner_is_told(settings):
    with SpokenBroker(SessionExpiryInterval=5) as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        (trouble,) = troubles_after_subscribing(settings).values()
        assert trouble.kind is TroubleKind.SESSION_EXPIRY_LOWERED
        assert "after 5 s, not after 604800 s" in trouble.observed
        assert [ill.check for ill in ills(settings)] == ["delivery"]


def test_a_maximum_qos_of_0_is_told_though_the_subscription_is_granted(settings):
    with SpokenBroker(MaximumQoS=0) as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        assert set(troubles_after_subscribing(settings)) == {TroubleKind.QOS_0}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_session_that_the_broker_lost_is_told_at_the_reconnect(settings, portfolio, tmp_path, protocol):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        settings = updated(settings, "mqtt", port=broker.port, protocol=protocol)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: ingester.subscriber.granted is not None)
            assert warnings_in(logs) == set(), "the first connection of all has no session to lose"
            broker.stop()
            wait_until(lambda: not ingester.subscriber.is_connected)
            (tmp_path / "mqtt/mosquitto.db").unlink()
            broker.start()
            wait_until(lambda: counted(ingester, TroubleKind.SESSION_LOST) == (1, 1))
        assert TroubleKind.SESSION_LOST in warnings_in(logs)
    finally:
        broker.stop()


def test_a_session_that_was_lost_while_the_ingester_was_away_is_told(settings, portfolio, tmp_path):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        settings = updated(settings, "mqtt", port=broker.port)
        with capture_logs() as logs, ingesting(settings, portfolio):
            pass
        broker.stop()
        broker.start()
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: ingester.subscriber.granted is not None)
        assert warnings_in(logs) == set(), "a broker that keeps its sessions gives no trouble"
        broker.stop()
        (tmp_path / "mqtt/mosquitto.db").unlink()
        broker.start()
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: counted(ingester, TroubleKind.SESSION_LOST)[1] == 1)
    finally:
        broker.stop()


@pytest.mark.parametrize(
    ("reason", "remedy"), [(0x8E, "Give each ingester one"), (0x97, "quota"), (0x80, "See the broker's log")]
)
def test_why_the_broker_ends_a_connection_is_told_with_a_remedy(settings, reason, remedy):
    with SpokenBroker(cuts_for=reason) as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        subscriber = connected(settings)
        wait_until(lambda: TroubleKind.CUT_BY_BROKER in subscriber.troubles)
        assert remedy in subscriber.troubles[TroubleKind.CUT_BY_BROKER].remedy
        wait_until(lambda: TroubleKind.CUT_AGAIN_AND_AGAIN in subscriber.troubles)
        subscriber.stop()


@pytest.mark.usefixtures("brief")
def test_the_doctor_tells_of_a_broker_that_ends_the_connection_at_the_subscription(settings):
    with SpokenBroker(cuts_for=0x97) as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        first, *others = ills(settings)
    assert first.observed.endswith("takes the connection and no subscription"), "not: is the firewall open?"
    assert any("quota" in ill.remedy for ill in others)


def test_another_client_under_the_same_name_is_told_and_fought_less_and_less(settings, broker):
    settings = updated(settings, "mqtt", port=broker.port, protocol="5", reconnect_max_s=4)
    subscriber = connected(settings)
    pauses_s = []
    with capture_logs() as logs:
        for times in range(1, 5):
            wait_until(lambda: subscriber.is_connected)
            thief = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=settings.mqtt.client_id, protocol=mqtt.MQTTv5)
            thief.connect("127.0.0.1", broker.port)
            thief.loop_start()
            wait_until(lambda times=times: subscriber._cuts >= times)
            thief.disconnect()
            thief.loop_stop()
            pauses_s.append(subscriber._client._reconnect_min_delay)
    subscriber.stop()
    assert pauses_s == [1, 1, 2, 4]
    assert TroubleKind.CUT_AGAIN_AND_AGAIN in warnings_in(logs)
    assert (
        "Does another client use the same mqtt.client_id?"
        in subscriber.troubles[TroubleKind.CUT_AGAIN_AND_AGAIN].remedy
    )


def test_a_connected_session_that_delivers_nothing_is_missed_aloud(settings, portfolio, monkeypatch):
    """It takes connection, subscription and messages, answers pings, and delivers nothing: a dead session."""
    monkeypatch.setattr("bkkenergy.adapters.canary.MISSED_AFTER_S", 0.5)
    with SpokenBroker() as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: counted(ingester, TroubleKind.CANARY_MISSED) == (1, 1))
    assert TroubleKind.CANARY_MISSED in warnings_in(logs)


@pytest.mark.parametrize("share", ["", "group-of-its-own"])
def test_the_canary_comes_back_and_is_neither_stored_nor_quarantined(settings, portfolio, broker, monkeypatch, share):
    monkeypatch.setattr("bkkenergy.adapters.canary.MISSED_AFTER_S", 2.0)
    settings = updated(settings, "mqtt", port=broker.port, canary_s=0.2, share=share)
    for _ in range(2):  # also what an earlier process had sent
        with ingesting(settings, portfolio) as ingester:
            canary = ingester.subscriber._canary
            for _ in range(3):
                before = canary._awaited.latest
                wait_until(lambda canary=canary, before=before: canary._awaited.latest > before)
            publish(broker.port, [(TOPIC, reading(TS))])
            wait_until(lambda: dealt_with(ingester) >= 1)
            assert ingester.subscriber.troubles == {}
            assert ingester.pipeline.totals["messages"] == 1
            assert ingester.pipeline.totals["refused"] == 0


def test_packets_that_are_small_only_are_told(settings):
    with SpokenBroker(MaximumPacketSize=1000) as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        (trouble,) = troubles_after_subscribing(settings).values()
    assert trouble.kind is TroubleKind.PACKET_SIZE_LOWERED
    assert "1000 bytes" in trouble.observed


def test_a_lost_session_is_an_event_that_stays(settings, portfolio, tmp_path):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        settings = updated(settings, "mqtt", port=broker.port)
        with ingesting(settings, portfolio):
            pass
        broker.stop()
        (tmp_path / "mqtt/mosquitto.db").unlink()
        broker.start()
        with ingesting(settings, portfolio) as ingester:
            publish(broker.port, [(TOPIC, reading(TS))])
            wait_until(lambda: dealt_with(ingester) >= 1)
        ill = next(item for item in examine(settings, (WILDCARD,)) if item.check == "gaps")
    finally:
        broker.stop()
    assert not ill.is_well
    assert "session_lost" in ill.observed


def outage_of(settings):
    return next(item for item in examine(settings, (WILDCARD,)) if item.check == "outage")


@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
def test_the_doctor_plays_an_outage_and_counts_what_a_broker_as_shipped_returns(settings, protocol, broker):
    outcome = outage_of(updated(settings, "mqtt", port=broker.port, protocol=protocol))
    assert outcome.is_well
    assert outcome.observed.startswith("1500 of 1500 messages came")


@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
def test_the_doctor_counts_what_a_stock_mosquitto_loses(settings, protocol, tmp_path):
    with started(stock_mosquitto(tmp_path)) as broker:
        outcome = outage_of(updated(settings, "mqtt", port=broker.port, protocol=protocol))
    assert not outcome.is_well
    delivered = int(outcome.observed.split()[0])
    assert 1_000 <= delivered < 1_100
    assert "max_queued_messages" in outcome.remedy


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_doctor_sees_a_broker_that_forgets_sessions(settings, tmp_path):
    with local_broker(tmp_path, kind="amqtt") as (_, port):
        outcome = outage_of(updated(settings, "mqtt", port=port))
    gc.collect()
    assert not outcome.is_well
    assert outcome.observed.startswith("0 of 1500")


def test_where_nothing_listens_the_doctor_says_so_after_a_second_attempt(settings):
    settings = updated(settings, "mqtt", port=free_port())
    with capture_logs() as logs:
        first = next(item for item in examine(settings, (WILDCARD,)) if item.check == "broker")
    assert (first.is_well, first.observed) == (False, f"127.0.0.1:{settings.mqtt.port} does not answer")
    assert sum(own["event"] == "mqtt_unreachable" for own in logs) == 2


def test_a_broker_that_refuses_mqtt_5_with_any_reason_is_spoken_to_in_3_1_1_by_the_doctor_too(settings):
    with SpokenBroker(refuses_5=True) as broker:
        settings = updated(settings, "mqtt", port=broker.port)
        first = next(item for item in examine(settings, (WILDCARD,)) if item.check == "broker")
    assert (first.is_well, first.observed) == (True, f"127.0.0.1:{broker.port} speaks MQTT 3.1.1")


def test_a_broker_that_ends_the_connection_of_who_may_not_publish_is_left_without_a_canary(settings, portfolio):
    with SpokenBroker(cuts_publish="bkkenergy/") as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5", sparkplug_host_id="")
        with ingesting(settings, portfolio) as ingester:
            wait_until(lambda: ingester.subscriber._canary is None)
            wait_until(lambda: ingester.subscriber.is_connected)
            assert counted(ingester, TroubleKind.CANARY_MISSED)[1] == 1
            epoch = ingester.subscriber._epoch
            threading.Event().wait(2)
            assert ingester.subscriber._epoch == epoch, "it stays connected"


def test_a_canary_that_was_given_up_is_tried_again_on_a_connection_that_stands(settings, portfolio, monkeypatch):
    """A broker that died twice looks like one that forbids the canary."""
    monkeypatch.setattr("bkkenergy.adapters.cut_guard.AGAIN_AFTER_S", 1.0)
    with SpokenBroker(cuts_publish="bkkenergy/") as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5", sparkplug_host_id="")
        with ingesting(settings, portfolio) as ingester:
            for times in (1, 2):  # it is given up, tried again, and given up at once
                wait_until(lambda times=times: counted(ingester, TroubleKind.CANARY_MISSED)[1] == times)
                wait_until(lambda: ingester.subscriber._canary is None)
            broker.cuts_publish = None
            wait_until(lambda: ingester.subscriber._canary is not None)
            wait_until(lambda: ingester.subscriber.is_connected and ingester.subscriber._canary.guard._sent)
            assert not ingester.subscriber._canary.guard.is_off


def test_a_broker_that_ends_the_connection_of_a_host_application_is_left_without_state(settings, spark):  # noqa: F811
    with SpokenBroker(cuts_publish="spBv1.0/STATE/") as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        with capture_logs() as logs, ingesting(settings, spark) as ingester:
            wait_until(lambda: ingester.subscriber._host is None)
            wait_until(lambda: ingester.subscriber.is_connected)
            assert counted(ingester, TroubleKind.HOST_STATE_REFUSED)[1] == 1
            assert ingester.subscriber._canary is not None, "what the broker allows goes on"
            epoch = ingester.subscriber._epoch
            threading.Event().wait(1)
            assert ingester.subscriber._epoch == epoch, "it stays connected"
        assert TroubleKind.HOST_STATE_REFUSED in warnings_in(logs)


def test_where_the_broker_forbids_both_state_and_canary_the_session_goes_on_without_them(settings, spark):  # noqa: F811
    with SpokenBroker(cuts_publish="") as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5", reconnect_max_s=1)
        with ingesting(settings, spark) as ingester:
            wait_until(lambda: ingester.subscriber._host is None and ingester.subscriber._canary is None)
            wait_until(lambda: ingester.subscriber.is_connected)
            for kind in (TroubleKind.HOST_STATE_REFUSED, TroubleKind.CANARY_MISSED):
                assert counted(ingester, kind)[1] == 1


def test_many_topics_are_asked_for_a_few_in_a_request(settings):
    topics = tuple(f"bma/health/centre-{n}/main/readings" for n in range(30))
    with SpokenBroker(WildcardSubscriptionAvailable=0, max_filters=8) as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        assert set(troubles_after_subscribing(settings, exact_topics=topics)) == {TroubleKind.WILDCARDS_UNAVAILABLE}
        assert broker.subscribed == list(topics)
        granted = next(item for item in examine(settings, (WILDCARD,), topics) if item.check == "topics")
        assert granted.observed == "30 of 30 subscriptions granted"


def test_a_share_that_a_broker_grants_and_does_not_serve_is_missed_aloud(settings, portfolio, monkeypatch):
    """The subscription is taken as the name of a topic: nothing would ever come, and nothing would say so."""
    monkeypatch.setattr("bkkenergy.adapters.canary.MISSED_AFTER_S", 0.5)
    with SpokenBroker() as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5", share="group")
        with ingesting(settings, portfolio) as ingester:
            wait_until(lambda: counted(ingester, TroubleKind.CANARY_MISSED) == (1, 1))
            assert "leave mqtt.share out" in ingester.subscriber.troubles[TroubleKind.CANARY_MISSED].remedy
        assert all(topic.startswith("$share/group") for topic in broker.subscribed if topic != DROPPED)


@pytest.fixture(scope="module")
def websockets_broker(tmp_path_factory):
    port = free_port()
    listener = f"listener {port} 127.0.0.1\nprotocol websockets"
    with started(mosquitto(tmp_path_factory.mktemp("websockets"), listener=listener)) as broker:
        yield broker, port


@pytest.mark.parametrize(("protocol", "reader"), [("5", "bulk"), ("3.1.1", "bulk"), ("5", "paho")])
def test_over_websockets_readings_are_stored_and_what_came_meanwhile_too(
    settings, portfolio, websockets_broker, protocol, reader
):
    broker, port = websockets_broker
    ways = {"protocol": protocol, "reader": reader, "client_id": f"over-{protocol}-{reader}"}
    settings = updated(settings, "mqtt", port=port, transport="websockets", **ways)
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, [(TOPIC, reading(TS + n, energy_kwh=n)) for n in range(300)])
        wait_until(lambda: dealt_with(ingester) >= 300)
    publish(broker.port, [(TOPIC, reading(TS + n, energy_kwh=n)) for n in range(300, 500)])
    with ingesting(settings, portfolio) as ingester:
        wait_until(lambda: dealt_with(ingester) >= 200)
        assert ingester.subscriber.troubles == {}
    assert stored(settings, METER).column("energy_kwh").tolist() == list(range(500))


def test_the_doctor_speaks_over_websockets(settings, websockets_broker):
    over = updated(settings, "mqtt", port=websockets_broker[1], transport="websockets")
    looked = {item.check: item.observed for item in examine(over, (WILDCARD,)) if item.is_well}
    assert looked["broker"].endswith("speaks MQTT 5")
    assert looked["outage"].startswith("1500 of 1500 messages came")


@pytest.mark.parametrize("refusal", [0x87, 0x91], ids=["not_authorized", "packet_identifier_in_use"])
def test_what_was_refused_is_asked_for_again_and_until_then_the_ingester_is_not_ready(settings, monkeypatch, refusal):
    monkeypatch.setattr(subscriptions, "AGAIN_AFTER_S", 0.3)
    with SpokenBroker(subacks=[refusal]) as broker:
        subscriber = connected(updated(settings, "mqtt", port=broker.port, protocol="5"))
        try:
            wait_until(lambda: subscriber.granted is not None)
            assert (subscriber.is_connected, subscriber.is_subscribed) == (True, False)
            # mochi refuses so while a message of its own has that number: no trouble, unless it does so again.
            assert (TroubleKind.SUBSCRIPTION_REFUSED in subscriber.troubles) is (refusal == 0x87)
            wait_until(lambda: subscriber.tend() or subscriber.is_subscribed)
            assert broker.subscribed == [WILDCARD, WILDCARD]
            assert subscriber.troubles == {}
        finally:
            subscriber.stop()


def test_a_refusal_that_stays_is_told_and_asked_about_less_and_less(settings, monkeypatch):
    monkeypatch.setattr(subscriptions, "AGAIN_AFTER_S", 0.02)
    with SpokenBroker(subacks=[0x91] * 100) as broker, capture_logs() as logs:
        subscriber = connected(updated(settings, "mqtt", port=broker.port, protocol="5"))
        try:
            wait_until(lambda: subscriber.tend() or TroubleKind.SUBSCRIPTION_REFUSED in subscriber.troubles)
            assert not subscriber.is_subscribed
            assert subscriber._subscriptions._pause_s > 0.02
        finally:
            subscriber.stop()
    assert warnings_in(logs) == {TroubleKind.SUBSCRIPTION_REFUSED}


def test_a_broker_that_never_answers_the_subscription_is_told(settings, monkeypatch):
    monkeypatch.setattr(mqtt_adapter, "SUBACK_WITHIN_S", 0.2)
    with SpokenBroker(subacks=[None]) as broker:
        subscriber = connected(updated(settings, "mqtt", port=broker.port, protocol="5"))
        try:
            wait_until(lambda: subscriber.tend() or subscriber.troubles)
            (trouble,) = subscriber.troubles.values()
            assert "has not answered the subscription" in trouble.observed
            assert not subscriber.is_subscribed
        finally:
            subscriber.stop()
