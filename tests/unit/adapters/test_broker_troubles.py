"""What a broker does that would lose messages is said in English in logs, and in the reader's language by the doctor."""

from __future__ import annotations

import datetime as dt
import re
from types import SimpleNamespace

import pytest

from bkkenergy.adapters import broker_troubles as troubles
from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.i18n import catalogue
from bkkenergy.settings import MqttSettings
from bkkenergy.texts import Phrase
from tests.conftest import ROOT

LEAST = SimpleNamespace(
    SharedSubscriptionAvailable=0,
    WildcardSubscriptionAvailable=0,
    MaximumQoS=0,
    SessionExpiryInterval=5,
    MaximumPacketSize=1000,
)
TIMES = [dt.datetime(2026, 11, 27, 10, minute) for minute in (0, 1)]
ALL = [
    *troubles.announced(LEAST, MqttSettings(share="bkk"), has_exact_topics=True),
    *troubles.announced(LEAST, MqttSettings(share="bkk"), has_exact_topics=False),
    troubles.subscription_refused("bma/#", "0x87"),
    troubles.subscription_unanswered(30.0),
    troubles.host_state_refused("spBv1.0/STATE/bkk"),
    *(troubles.canary_missed("bma/_canary", was_heard=heard, is_shared=heard) for heard in (True, False)),
    troubles.qos_0_granted(2, 30),
    troubles.session_lost("bkk-ingest"),
    *(troubles.cut(reason) for reason in (*troubles.REMEDIES, "0x80")),
    troubles.cut_again(5, "0x80", 60.0),
    troubles.messages_dropped(4000),
    troubles.backlog_hole(8, 10, *TIMES, 640),
    troubles.queue_full(2, 9, *TIMES),
    troubles.backlog_of_full_queue(1_000, 1_000),
    troubles.queue_short(1_000, 1_500),
    troubles.queue_unproven(5_000, 1_500),
    troubles.messages_lost(2, 9, *TIMES),
]
WORD = re.compile(r"(?<![\w./:=@#\"-])[A-Za-z]{2,}(?![\w./:=@-])")
NAMES = {"MQTT", "EMQX", "HiveMQ", "mosquitto", "QoS", "Sparkplug", "bkkenergy", "meters", "acl", "shared",
         "subscription", "persistence", "true", "retained", "doctor"}  # fmt: skip
"""Programs, commands, settings, and two words of the standard beside their Thai."""
REASONS = set(" ".join(troubles.REMEDIES).split())
"""What brokers say, in the standard's English."""


def said(phrase: Phrase) -> str:
    return phrase.said("th")


def test_each_kind_of_trouble_is_looked_at_here():
    assert {trouble.kind for trouble in ALL} == set(TroubleKind)


@pytest.mark.parametrize("trouble", ALL, ids=lambda trouble: str(trouble.kind))
def test_a_trouble_has_a_cause_and_a_remedy_in_thai_without_a_word_of_english(trouble):
    for text in map(said, (trouble.what, *trouble.steps)):
        assert re.search("[ก-๙]", text)
        assert set(WORD.findall(text)) - NAMES - REASONS == set(), text


@pytest.mark.parametrize("trouble", ALL, ids=lambda trouble: str(trouble.kind))
def test_a_trouble_is_english_where_a_log_has_it(trouble):
    assert trouble.observed == trouble.what.said("en")
    assert not re.search(r"[ก-๙]|{\w+}", trouble.observed + trouble.remedy)
    assert trouble.remedy.count(".") >= len(trouble.steps)


def test_every_text_of_a_trouble_is_used():
    source = "".join(
        (ROOT / f"src/bkkenergy/adapters/{name}.py").read_text("utf-8") for name in ("broker_troubles", "outage")
    )
    keys = [key.removeprefix("broker_trouble.") for key in catalogue("en") if key.startswith("broker_trouble.")]
    assert [key for key in keys if f'"{key}"' not in source and f'"broker_trouble.{key}"' not in source] == []


def test_a_remedy_follows_what_must_be_ruled_out_first():
    missed = troubles.canary_missed("bma/_canary", was_heard=True, is_shared=True)
    assert missed.remedy.startswith("If the broker does not know shared subscriptions, leave mqtt.share out")
    assert "restart the broker" in missed.remedy
