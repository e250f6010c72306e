"""Readings that come by another way than the broker: judged as messages are, and stored before they are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from bkkenergy.access import Actor
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.errors import NotThere
from bkkenergy.ingest.pipeline import commit_or_split
from bkkenergy.ingest.singles import by_message
from bkkenergy.ingest.sort import Sorted, Sorter
from bkkenergy.ingest.watch import Watch
from bkkenergy.metering.events import Event
from bkkenergy.payloads.message import Message, Reason, Refused, described
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Meter
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.site import Site
from bkkenergy.texts import Phrase
from bkkenergy.usecases.powers import use_case

log = structlog.get_logger(__name__)

FORM = Profile(id="canonical", name_en="bkkenergy's own JSON", source="This product.", family="canonical")
WAY = "http"
NOT_THERE = Phrase("error.sent_no_meter")


@dataclass(frozen=True, slots=True)
class SentRefusal:
    """What was not stored of a meter's payload. count : of its readings, 1 where the payload was refused as one."""

    meter: str
    reason: Reason
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of payloads. stored : readings that are in the store now."""

    stored: int
    refused: Sequence[SentRefusal]


@use_case("readings.send", "send", "agency")
def take_in(site: Site, actor: Actor, payloads: Mapping[str, bytes]) -> TakenIn:
    """Judge readings, store them, then quarantine what is refused: what is returned is durable.

    payloads : meter -> its readings in the product's own form, as a gateway publishes them. The same readings again
    change nothing. A meter that is not there, or is another agency's, refuses its own payload alone; where all are
    so, NotThere is raised. Raises StoreUnavailable: nothing is acknowledged then, and a part may be stored.
    """
    actor.need("send")
    meters = _meters_of(site, actor, payloads)
    if not meters:
        raise NotThere.of("sent_none", not_there=NOT_THERE)
    now_us = site.now_us()
    messages = [Message(_topic(meter), payloads[meter.id], qos=1, received_us=now_us) for meter in meters]
    outcome = _sorted(site, meters, messages, now_us)
    events = [*_register_events(site, meters, outcome), *outcome.events]
    culprits = by_message(commit_or_split(site.readings, outcome.batch), outcome, messages)
    refused = [*outcome.refused, *culprits]
    strangers = sorted(payloads.keys() - {meter.id for meter in meters})
    _write_down(site, actor, messages, outcome, [*refused, *_as_refused(actor, strangers, payloads)], events)
    stored = len(outcome.batch) - sum(sum(one.by_reason.values()) for one in culprits)
    return TakenIn(stored, [*_listed(refused), *(_stranger(name) for name in strangers)])


def _meters_of(site: Site, actor: Actor, payloads: Mapping[str, bytes]) -> list[Meter]:
    """Return the meters of the actor's agencies that payloads are of."""
    return [
        meter
        for building in site.portfolio.buildings.values()
        if actor.reaches(building.agency)
        for meter in building.meters
        if meter.id in payloads
    ]


def _topic(meter: Meter) -> str:
    return f"{WAY}/{meter.id}"


def _sorted(site: Site, meters: Sequence[Meter], messages: Sequence[Message], now_us: int) -> Sorted:
    limits = site.settings.ingest
    spoken = [meter.model_copy(update={"topic": _topic(meter), "key": "", "payload": FORM.id}) for meter in meters]
    sorter = Sorter(spoken, {FORM.id: FORM}, max_ahead_s=limits.max_ahead_s, max_payload_bytes=limits.max_payload_bytes)
    return sorter.sort(messages, now_us=now_us)


def _register_events(site: Site, meters: Sequence[Meter], outcome: Sorted) -> list[Event]:
    """Return what registers do. Events that cannot be found are no reason to lose the readings."""
    ids = [meter.id for meter in meters]
    watch = Watch(meters, stuck_after_s=site.settings.ingest.stuck_after_s)
    try:
        watch.recall(ids, site.readings, site.ledger.seen(ids))
        return watch.events(outcome)
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - no event may hold readings back
        log.error("events_failed", why=described(error), readings=len(outcome.batch))  # noqa: TRY400
        return []


def _write_down(
    site: Site,
    actor: Actor,
    messages: Sequence[Message],
    outcome: Sorted,
    refused: Sequence[Refused],
    events: Sequence[Event],
) -> None:
    """Write quarantine, counters and events, once the readings are stored. Raises StoreUnavailable."""
    counts = {
        "messages": len(messages),
        "readings": len(outcome.batch),
        "refused": sum(sum(one.by_reason.values()) for one in refused),
        "ignored": outcome.ignored_count,
    }
    now_us = site.now_us()
    if events:
        Logbook(site.state).note(events, {}, now_us=now_us)
    Quarantine.of(site.state, site.settings.ingest).keep(refused, counts, now_us=now_us)
    for one in refused:
        log.warning("sent_readings_refused", sender=actor.name, topic=one.topic, reason=one.reason, why=one.detail)


def _as_refused(actor: Actor, names: Sequence[str], payloads: Mapping[str, bytes]) -> list[Refused]:
    """Return payloads of meters that are not there, all under their sender: the quarantine has a quota for a topic."""
    return [
        Refused(f"{WAY}/{actor.name}", payloads[name], Reason.UNKNOWN_METER, f"{name!r}: {NOT_THERE}") for name in names
    ]


def _stranger(name: str) -> SentRefusal:
    return SentRefusal(name, Reason.UNKNOWN_METER, 1, str(NOT_THERE))


def _listed(refused: Sequence[Refused]) -> list[SentRefusal]:
    return [
        SentRefusal(one.topic.removeprefix(f"{WAY}/"), reason, count, one.detail)
        for one in refused
        for reason, count in one.by_reason.items()
    ]
