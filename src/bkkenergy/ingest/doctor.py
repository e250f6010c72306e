"""Whether all that the ingester needs is as it should be: each check with what it found and a remedy."""

from __future__ import annotations

import datetime as dt
import email.utils
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import urllib3

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.identities import bystander
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.adapters.outage import has_own_users, play_outage
from bkkenergy.adapters.sqlite_file import DAMAGED, fault_in
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.calendar import BANGKOK
from bkkenergy.ingest.gaps import gaps_of
from bkkenergy.ingest.ownclock import REMEDY
from bkkenergy.ingest.spool import batches_waiting
from bkkenergy.ingest.status import clock_behind_s
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.settings import MqttSettings, Settings
from bkkenergy.site.folder import data_folder
from bkkenergy.site.open import open_store, opened_state
from bkkenergy.site.start import NO_EXPIRY, expiry_of, note_state, other_states
from bkkenergy.texts import counted

CONNECTS_WITHIN_S = 8.0
GAP_DAYS = 7
NO_ENTRY = frozenset({"Not authorized", "Bad user name or password", "Banned", "Client identifier not valid"})
"""Refusals that another protocol does not change."""
MIN_FREE_BYTES = 1_000_000_000
LOOK_S = 20.0
"""A database is looked through for so long at most: some gigabytes."""
MAX_SKEW_S = 60.0
MAX_DELAY_S = 3600.0
"""A gateway may send its readings so late; later, and its clock is wrong (a zone mistaken, say)."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: whether all is well, what was found, and what to do where it is not."""

    check: str
    is_well: bool
    observed: str
    remedy: str = ""


def examine(settings: Settings, topics: tuple[str, ...], exact_topics: tuple[str, ...] = ()) -> Iterator[CheckResult]:
    """Run every check, one by one. `exact_topics`: those of each meter, for a broker without wildcards."""
    yield from examine_storage(settings)
    yield from _broker(settings, topics, exact_topics)
    yield from _state(settings)
    yield from _shared_state(settings)


def examine_storage(settings: Settings) -> Iterator[CheckResult]:
    """Run the checks that need no portfolio: disk, files, store and clock."""
    yield from _disk(settings)
    yield from _files(settings)
    yield from _store(settings)
    yield from _clock(settings)


def _disk(settings: Settings) -> Iterator[CheckResult]:
    folders = {data_folder(settings)} | ({settings.ingest.spool.parent} if settings.ingest.spool else set())
    for folder in sorted(folders):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free_bytes = shutil.disk_usage(existing).free
        is_writable = os.access(existing, os.W_OK)
        observed = f"{existing}: {free_bytes / 1e9:.1f} GB free{'' if is_writable else ', not writable'}"
        remedy = "Make room, or let the service's user write there."
        yield CheckResult("disk", is_writable and free_bytes >= MIN_FREE_BYTES, observed, remedy)


def _files(settings: Settings) -> Iterator[CheckResult]:
    """Check whether the databases are whole, as far as a look of some seconds shows."""
    for path in (settings.store.path, *([settings.state.path] if settings.state.url is None else [])):
        if not path.exists():
            continue
        try:
            fault = fault_in(path, within_s=LOOK_S)
        except StoreUnavailable as error:
            yield CheckResult("file", False, str(error), "See what it says.")
            continue
        observed = f"{path}: no fault found" if fault is None else f"{path}: damaged ({fault})"
        yield CheckResult("file", fault is None, observed, DAMAGED)


def _store(settings: Settings) -> Iterator[CheckResult]:
    """Check that a value written is read back, and that the server deletes nothing that the ledger lacks."""
    try:
        with closing(open_store(settings.store)) as store:
            store.probe()
            store.readings(["doctor.none.none"], 0, 1)
            expiry = expiry_of(store)
    except (StoreUnavailable, StoreRefused, StoreUnfit) as error:
        yield CheckResult("store", False, str(error), "See what it says.")
        return
    where = settings.store.influx.url if settings.store.kind == "influx" else str(settings.store.path)
    yield CheckResult("store", True, f"{settings.store.kind} at {where} gives back what is written")
    yield CheckResult("store expiry", expiry is None, expiry or "the server keeps readings for ever", NO_EXPIRY)


def _clock(settings: Settings) -> Iterator[CheckResult]:
    """Compute how far our clock is from the database server's, where there is one to ask."""
    if settings.store.kind != "influx":
        return
    try:
        response = urllib3.PoolManager(timeout=5, retries=False).request("GET", settings.store.influx.url + "/ping")
        theirs = email.utils.parsedate_to_datetime(response.headers["Date"])
    except (urllib3.exceptions.HTTPError, KeyError, ValueError):
        return
    skew_s = (dt.datetime.now(dt.UTC) - theirs).total_seconds()
    observed = f"{skew_s:+.0f} s against the database server's"
    yield CheckResult("clock", abs(skew_s) < MAX_SKEW_S, observed, "Let both keep time by NTP (timedatectl).")


def _broker(settings: Settings, topics: tuple[str, ...], exact_topics: tuple[str, ...]) -> Iterator[CheckResult]:
    """Connect under a name that no other client has, and subscribe to every topic."""
    mqtt = bystander(settings.mqtt, "doctor", tries_share=True)
    subscriber = Subscriber(mqtt, topics, exact_topics=exact_topics)
    subscriber.start()
    where = f"{mqtt.host}:{mqtt.port}"
    try:
        waiter = threading.Event()
        until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=CONNECTS_WITHIN_S)
        while dt.datetime.now(dt.UTC) < until and subscriber.granted is None and not _is_final(subscriber, mqtt):
            subscriber.tend()
            waiter.wait(0.05)
        if subscriber.refusal:
            remedy = "Check mqtt.username and its password ($BKKENERGY_MQTT_PASSWORD or password_file)."
            yield CheckResult("broker", False, f"{where} refuses: {subscriber.refusal}", remedy)
        elif subscriber.granted is None and subscriber.troubles:
            yield CheckResult("broker", False, f"{where} takes the connection and no subscription", "See what follows.")
        elif subscriber.granted is None:
            remedy = "Is the broker running? Check mqtt.host, mqtt.port, mqtt.tls and the firewall."
            yield CheckResult("broker", False, f"{where} does not answer", remedy)
        else:
            yield CheckResult("broker", True, f"{where} speaks MQTT {subscriber.protocol}")
            refused = [topic for topic, is_granted in subscriber.granted.items() if not is_granted]
            count = len(subscriber.granted)
            observed = f"{count - len(refused)} of {count} subscriptions granted"
            observed += f"; refused: {', '.join(refused[:5])}" if refused else ""
            yield CheckResult(
                "topics", not refused, observed, "Let the ingester's user read them: bkkenergy meters acl."
            )
        for trouble in list(subscriber.troubles.values()):
            if trouble.kind is not TroubleKind.SUBSCRIPTION_REFUSED:
                yield CheckResult("delivery", False, trouble.observed, trouble.remedy)
        is_there, protocol = bool(subscriber.granted), subscriber.protocol
    finally:
        subscriber.stop()
    if is_there:
        yield _outage(settings, protocol)


def _is_final(subscriber: Subscriber, settings: MqttSettings) -> bool:
    """Return whether the broker refuses us for good. One that knows 3.1.1 alone may give any reason for 5."""
    may_fall_back = settings.protocol == "auto" and subscriber.protocol == "5"
    return bool(subscriber.refusal) and (subscriber.refusal in NO_ENTRY or not may_fall_back)


def _outage(settings: Settings, protocol: str) -> CheckResult:
    """Play an outage of the ingester with messages of our own."""
    mqtt = settings.mqtt
    if not has_own_users(mqtt):
        remedy = "Run bkkenergy meters passwords and meters acl, with the files beside mqtt.password_file."
        return CheckResult("outage", False, "not played: with the ingester's user it could end its session", remedy)
    outage = play_outage(mqtt, protocol)
    if outage.reason:
        remedy = "Let the doctor's user write there and read it: bkkenergy meters acl."
        return CheckResult("outage", False, f"not played: {outage.reason}", remedy)
    observed = f"{outage.delivered} of {outage.acknowledged} messages came that were sent while a session was away"
    remedy = (
        "The broker loses what comes while the ingester is away. Raise its limits: mosquitto max_queued_messages 0, "
        "HiveMQ max-queue-size; see the guide to gateways for others."
    )
    return CheckResult("outage", 0 < outage.acknowledged <= outage.delivered, observed, remedy)


def _state(settings: Settings) -> Iterator[CheckResult]:
    """Count what waits in quarantine and spool, and list clocks of gateways that are off."""
    limits = settings.ingest
    try:
        with opened_state(settings) as state:
            count = Quarantine.of(state, limits).counts()["quarantine.kept"]
            gateways = Logbook(state).gateways().values()
            since = dt.datetime.now(dt.UTC) - dt.timedelta(days=GAP_DAYS)
            gaps = Logbook(state).events([gaps_of(settings.mqtt.client_id)], since)
        behind_s = clock_behind_s(gateways, dt.datetime.now(dt.UTC))
        off = [gateway for gateway in gateways if not -MAX_SKEW_S <= gateway.skew_s + behind_s <= MAX_DELAY_S]
        waiting = batches_waiting(limits.spool) if limits.spool else 0
    except (StoreUnavailable, OSError) as error:
        yield CheckResult("state", False, str(error), "See what it says.")
        return
    yield CheckResult(
        "quarantine", count == 0, counted(count, "payload waits", "payloads wait"), "bkkenergy quarantine list"
    )
    yield CheckResult(
        "spool",
        waiting == 0,
        f"{counted(waiting, 'batch waits', 'batches wait')} for the store",
        "They go in when the store is back.",
    )
    observed = ", ".join(f"{event.kind} {event.at.astimezone(BANGKOK):%Y-%m-%d %H:%M}" for event in gaps[:5])
    remedy = "Readings may be missing then: see the log, and what else is said here of the broker."
    yield CheckResult("gaps", not gaps, observed or f"none on the way from the broker in {GAP_DAYS} days", remedy)
    alike = f"this host's clock is {behind_s:.0f} s behind that of most gateways, which agree"
    yield CheckResult(
        "own clock", behind_s == 0, alike if behind_s else "no majority of gateways says otherwise", REMEDY
    )
    observed = ", ".join(f"{gateway.id} {gateway.skew_s:+.0f} s" for gateway in off[:5])
    yield CheckResult(
        "gateway clocks",
        not off,
        observed or "none is ahead by a minute or behind by an hour",
        "Set these devices' clocks (NTP).",
    )


def _shared_state(settings: Settings) -> Iterator[CheckResult]:
    """Check that hosts with shared readings share the state: else each has other quarantine, baselines and users."""
    if settings.store.kind == "sqlite":
        return  # one host's readings, and its state
    try:
        with opened_state(settings) as state, closing(open_store(settings.store)) as store:
            note_state(store, state)
            others = other_states(store, state)
    except (StoreUnavailable, StoreRefused, StoreUnfit):
        return  # said above
    observed = ", ".join(f"host {one.host} uses another ({one.state})" for one in others[:5])
    remedy = "Give all hosts one state: BKKENERGY_STATE_URL=postgresql+psycopg://USER@HOST/NAME."
    yield CheckResult("shared state", not others, observed or "no host with the same readings uses another", remedy)
