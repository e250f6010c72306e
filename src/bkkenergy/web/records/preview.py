"""What a meter's form shows of its topic: the last message that waits there, or the last reading that is stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from bkkenergy.adapters.state.photos import StoredPhoto
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.calendar import BANGKOK
from bkkenergy.ingest.explain import explain_payload
from bkkenergy.payloads.message import OF_DETAILS, Message
from bkkenergy.readings import US_PER_S
from bkkenergy.usecases.photos import photos_seen
from bkkenergy.web.security import Visitor

MAX_SHOWN_BYTES = 600


@dataclass(frozen=True, slots=True)
class TopicPreview:
    """The last that is known of a topic. values : as the chosen profile reads them. why : why it waits in quarantine.

    meter_at : when the meter of the portfolio that has this topic sent last.
    """

    topic: str
    at: dt.datetime | None = None
    payload: str = ""
    values: Mapping[str, float] | None = None
    why: str = ""
    steps: tuple[str, ...] = ()
    meter: str = ""
    meter_at: dt.datetime | None = None


def preview_of(visitor: Visitor, texts: Mapping[str, str]) -> TopicPreview | None:
    """Return what is known of the topic in a form; None where no topic is written."""
    topic = texts.get("f.topic", "").strip()
    if not topic:
        return None
    here = visitor.here
    meter = next(
        (one for one in here.portfolio.meters if one.topic == topic and one.key == texts.get("f.key", "").strip()), None
    )
    if meter is not None and not visitor.account.reaches(meter.building.partition(".")[0]):
        return TopicPreview(topic)
    meter_at = None
    if meter is not None:
        seen = here.opened.energy.seen([meter.id])
        last = seen.get(meter.id)
        meter_at = None if last is None else dt.datetime.fromtimestamp(last.last_us / US_PER_S, BANGKOK)
    name = "" if meter is None else meter.id
    if not visitor.actor.may("serve"):
        return TopicPreview(topic, meter=name, meter_at=meter_at)
    return _waiting(visitor, topic, texts, TopicPreview(topic, meter=name, meter_at=meter_at))


def waiting_of(visitor: Visitor, topic: str) -> int:
    """Return how many messages of a topic wait in quarantine, for who may take them in."""
    if not visitor.actor.may("serve") or "*" in topic:
        return 0
    here = visitor.here
    waiting = Quarantine.of(here.opened.state, here.settings.ingest).listed(topic=topic, limit=1_000)
    return sum(message.topic == topic for message in waiting)


def _waiting(visitor: Visitor, topic: str, texts: Mapping[str, str], known: TopicPreview) -> TopicPreview:
    """Return what waits in quarantine of a topic, as the form's profile reads it."""
    here = visitor.here
    quarantine = Quarantine.of(here.opened.state, here.settings.ingest)
    waiting = quarantine.listed(topic=topic, limit=1)
    if not waiting:
        return known
    last = waiting[0]
    profile = here.profiles.get(texts.get("f.payload", "").strip() or "canonical")
    values: Mapping[str, float] | None = None
    steps: tuple[str, ...] = ()
    if profile is not None:
        message = Message(last.topic, last.payload, received_us=round(last.received.timestamp() * US_PER_S))
        explained = explain_payload(profile, [], message, max_ahead_s=here.settings.ingest.max_ahead_s)
        key = texts.get("f.key", "").strip()
        readings = [one for one in explained.readings if not key or one.key == key]
        values = readings[-1].values if readings else None
        words = visitor.words
        steps = tuple(
            f"{words.stored(step.what, 'step.')}: {words.stored(step.result, *OF_DETAILS)}"
            for step in explained.steps
            if step.is_fault
        )
    shown = last.payload[:MAX_SHOWN_BYTES].decode("utf-8", "replace")
    at = last.received.astimezone(BANGKOK)
    return TopicPreview(topic, at, shown, values, str(last.reason), steps, known.meter, known.meter_at)


@dataclass(frozen=True, slots=True)
class ShownPhotos:
    """The photos of a thing, where more of them are sent, and whether the visitor may send and remove them."""

    photos: list[StoredPhoto]
    action: str
    may_edit: bool


def photos_shown(visitor: Visitor, kind: str, key: str) -> ShownPhotos | None:
    """Return the photos of a building or of equipment that is there today; None of anything else."""
    portfolio, of = visitor.here.portfolio, ""
    if kind == "equipment" and key in portfolio.equipment:
        building, of = portfolio.buildings.get(portfolio.equipment[key].building), key
    else:
        building = portfolio.buildings.get(key) if kind == "building" else None
    if building is None:
        return None
    photos = photos_seen(visitor.here.opened.state, building.id, of)
    action = f"/equipment/{key}/photos" if of else f"/buildings/{key}/photos"
    return ShownPhotos(photos, action, visitor.actor.may("edit", building.agency))
