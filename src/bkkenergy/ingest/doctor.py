"""Whether all that the ingester needs is as it should be: each check with what it found and a remedy."""

from __future__ import annotations

import datetime as dt
import email.utils
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Self

import urllib3

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.commits import losses_file, losses_of
from bkkenergy.adapters.identities import bystander
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.adapters.outage import MESSAGES, has_own_users, longest_s, play_outage
from bkkenergy.adapters.played import playing
from bkkenergy.adapters.queue_depth import QueueDepth, broker_of, remember
from bkkenergy.adapters.sqlite_file import fault_in, open_database
from bkkenergy.adapters.state.auditlog import check_seals, lines_to_send
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.virusscanner import LARGEST_BYTES, ScannerUnavailable, signatures_day, virus_in
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import ConfigError
from bkkenergy.i18n import Words
from bkkenergy.ingest.gaps import gaps_of
from bkkenergy.ingest.meterboard import CLOCKS_WITHIN_S
from bkkenergy.ingest.spool import batches_waiting
from bkkenergy.ingest.status import clock_behind_s
from bkkenergy.ports.archive import ArchiveUnavailable
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import MqttSettings, Settings, StoreSettings
from bkkenergy.site.databases import databases
from bkkenergy.site.folder import data_folder, played_file, queue_depth_file
from bkkenergy.site.lastseal import noted_seal
from bkkenergy.site.open import open_archive, open_store, opened_state
from bkkenergy.site.start import expiry_of, note_state, other_states
from bkkenergy.texts import Lang, Term, filled
from bkkenergy.usecases.meterchecks import MAX_DELAY_S, MAX_SKEW_S

CONNECTS_WITHIN_S = 8.0
ATTEMPTS = 2
"""In a row and seconds apart: where each meets no listener, no broker is there."""
GAP_DAYS = 7
NO_ENTRY = frozenset({"Not authorized", "Bad user name or password", "Banned", "Client identifier not valid"})
"""Refusals that another protocol does not change."""
MIN_FREE_BYTES = 1_000_000_000
UNSENT_WITHIN = dt.timedelta(minutes=30)
"""The log server is sent each line of the audit log a few minutes after it was written."""
SIGNATURES_WITHIN = dt.timedelta(days=7)
"""ClamAV has new signatures every day."""
LOOK_S = 20.0
"""A database is looked through for so long at most: some gigabytes."""
"""A gateway may send its readings so late; later, and its clock is wrong (a zone mistaken, say)."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: whether all is well, what was found, and what to do where it is not.

    keys, values : its texts under [doctor] of the catalogues, of what was found and of the remedy.
    """

    check: str
    is_well: bool
    observed: str
    remedy: str = ""
    keys: tuple[str, str] = field(default=("", ""), compare=False, repr=False)
    values: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, check: str, is_well: bool, observed: str, remedy: str = "", /, **values: object) -> Self:
        """Make a result from keys under [doctor]: of what was found, and of the remedy. Its texts are English."""
        return cls(
            check, is_well, _text("en", observed, values), _text("en", remedy, values), (observed, remedy), values
        )

    def said(self, lang: Lang) -> CheckResult:
        """Return the result in a language, its name too."""
        if lang == "en":
            return self
        observed, remedy = (_text(lang, key, self.values) for key in self.keys)
        name = filled(lang, f"doctor.check_{self.check.replace(' ', '_')}", {})
        return replace(self, check=name, observed=observed, remedy=remedy)


@dataclass(frozen=True, slots=True)
class EventStamp:
    """An instant within a text: as ISO 8601 has it; in Thai as officials write it."""

    at: dt.datetime

    def said(self, lang: Lang) -> str:
        """Return it in a language."""
        return Words(lang).stamp(self.at.astimezone(BANGKOK))


def _text(lang: Lang, key: str, values: Mapping[str, object]) -> str:
    """Return the text of a key under [doctor]; nothing where there is no key."""
    return filled(lang, f"doctor.{key}", values) if key else ""


def examine(
    settings: Settings, topics: tuple[str, ...], exact_topics: tuple[str, ...] = (), *, away_messages: int = MESSAGES
) -> Iterator[CheckResult]:
    """Run every check, one by one.

    exact_topics : those of each meter, for a broker without wildcards. away_messages : of the outage that is played.
    """
    yield from examine_storage(settings)
    yield from broker_checks(settings, topics, exact_topics, away_messages=away_messages)
    yield from _state(settings)
    yield from _shared_state(settings)
    yield from scanner_checks(settings)


def examine_storage(settings: Settings) -> Iterator[CheckResult]:
    """Run the checks that need no portfolio: disk, files, store and clock."""
    yield from _disk(settings)
    yield from _files(settings)
    yield from _store(settings)
    yield from _losses(settings)
    yield from _archive(settings)
    yield from _clock(settings)


def _disk(settings: Settings) -> Iterator[CheckResult]:
    folders = {data_folder(settings)} | ({settings.ingest.spool.parent} if settings.ingest.spool else set())
    for folder in sorted(folders):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free_bytes = shutil.disk_usage(existing).free
        is_writable = os.access(existing, os.W_OK)
        is_well, key = is_writable and free_bytes >= MIN_FREE_BYTES, "disk" if is_writable else "disk_read_only"
        yield CheckResult.of("disk", is_well, key, "disk_do", path=existing, free=f"{free_bytes / 1e9:.1f}")


def _files(settings: Settings) -> Iterator[CheckResult]:
    """Check whether the databases are whole, as far as a look of some seconds shows."""
    for path in databases(settings):
        try:
            fault = fault_in(path, within_s=LOOK_S)
        except StoreUnavailable as error:
            yield _failed("file", error)
            continue
        key = "file" if fault is None else "file_damaged"
        yield CheckResult.of("file", fault is None, key, "file_do", path=path, fault=fault)


def _losses(settings: Settings) -> Iterator[CheckResult]:
    """Say which commits to the databases are gone, until a person has seen to it."""
    for path in databases(settings):
        with suppress(StoreUnavailable):  # said by its own check
            open_database(path).close()  # which looks for losses
    yield from noted_losses(settings)


def noted_losses(settings: Settings) -> Iterator[CheckResult]:
    """Say which lost commits were noted when a database was opened."""
    for path in databases(settings):
        try:
            losses = losses_of(path)
        except (OSError, ValueError, TypeError) as error:  # a record of losses that is damaged itself
            yield CheckResult.of("commits", False, "says", "commits_do", text=error, losses=losses_file(path))
            continue
        for loss in losses:
            after, until = (None if us is None else EventStamp(_instant(us)) for us in (loss.after_us, loss.until_us))
            values = {"path": path, "count": loss.count, "after": after, "until": until, "losses": losses_file(path)}
            key = "commits_lost" if after else "commits_lost_until"
            yield CheckResult.of("commits", False, key, "commits_do", **values)


def _instant(instant_us: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(instant_us / US_PER_S, BANGKOK)


def _archive(settings: Settings) -> Iterator[CheckResult]:
    """Check that a file which is written to the archive of reports is read back."""
    try:
        archive = open_archive(settings)
        archive.probe()
    except (ArchiveUnavailable, ConfigError) as error:
        yield CheckResult.of("archive", False, "says", "archive_do", text=error)
        return
    yield CheckResult.of("archive", True, "archive", where=archive.where)


def _failed(check: str, error: Exception) -> CheckResult:
    """Return the result of a check that could not be made."""
    return CheckResult.of(check, False, "says", "says_do", text=error)


def _store(settings: Settings) -> Iterator[CheckResult]:
    """Check that a value written is read back, and that the server deletes nothing that the ledger lacks."""
    try:
        with closing(open_store(settings.store)) as store:
            store.probe()
            store.readings(["doctor.none.none"], 0, 1)
            expiry = expiry_of(store)
    except (StoreUnavailable, StoreRefused, StoreUnfit) as error:
        yield _failed("store", error)
        return
    yield CheckResult.of("store", True, "store", kind=settings.store.kind, where=_where(settings.store))
    key = "says" if expiry else "expiry_none"
    yield CheckResult.of("store expiry", expiry is None, key, "expiry_do", text=expiry)


def _where(store: StoreSettings) -> str:
    """Return where readings live, without a password."""
    if store.kind == "influx":
        return store.influx.url
    url = store.postgresql.url
    return str(store.path) if store.kind == "sqlite" or url is None else url.get_secret_value().rpartition("@")[2]


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
    yield CheckResult.of("clock", abs(skew_s) < MAX_SKEW_S, "clock", "clock_do", seconds=f"{skew_s:+.0f}")


def broker_checks(
    settings: Settings, topics: tuple[str, ...], exact_topics: tuple[str, ...] = (), *, away_messages: int = MESSAGES
) -> Iterator[CheckResult]:
    """Connect under a name that no other client has, subscribe to every topic, and play an outage."""
    mqtt = bystander(settings.mqtt, "doctor", tries_share=True).model_copy(update={"reconnect_max_s": 1})
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
            refusal = subscriber.refusal
            yield CheckResult.of("broker", False, "broker_refuses", "broker_refuses_do", where=where, why=refusal)
        elif subscriber.granted is None and subscriber.troubles:
            yield CheckResult.of("broker", False, "broker_no_topics", "see_next", where=where)
        elif subscriber.granted is None:
            yield CheckResult.of("broker", False, "broker_silent", "broker_silent_do", where=where)
        else:
            yield CheckResult.of("broker", True, "broker", where=where, protocol=subscriber.protocol)
            yield _topics(subscriber.granted)
        for trouble in list(subscriber.troubles.values()):
            if trouble.kind is not TroubleKind.SUBSCRIPTION_REFUSED:
                said = {"text": trouble.what, "remedy": trouble.steps}
                yield CheckResult.of("delivery", False, "says", "says_remedy", **said)
        is_there, protocol = bool(subscriber.granted), subscriber.protocol
    finally:
        subscriber.stop()
    if is_there:
        yield _outage(settings, protocol, away_messages)


def _topics(granted: Mapping[str, bool]) -> CheckResult:
    """Count the subscriptions that the broker granted, and name those that it did not."""
    refused = [topic for topic, is_granted in granted.items() if not is_granted]
    counts = {"granted": len(granted) - len(refused), "count": len(granted), "refused": refused[:5]}
    return CheckResult.of("topics", not refused, "topics_refused" if refused else "topics", "topics_do", **counts)


def _is_final(subscriber: Subscriber, settings: MqttSettings) -> bool:
    """Return whether the broker refuses us for good, or none is there. One of 3.1.1 alone may give any reason for 5."""
    if subscriber.unreached >= ATTEMPTS:
        return True
    may_fall_back = settings.protocol == "auto" and subscriber.protocol == "5"
    return bool(subscriber.refusal) and (subscriber.refusal in NO_ENTRY or not may_fall_back)


def _outage(settings: Settings, protocol: str, messages: int) -> CheckResult:
    """Play an outage of the ingester with messages of our own, and note for the ingester what came of it."""
    mqtt = settings.mqtt
    if not has_own_users(mqtt):
        return CheckResult.of("outage", False, "outage_same_user", "outage_same_user_do")
    with playing(played_file(settings), longest_s(messages)) as outages:
        outage = play_outage(mqtt, protocol, messages=messages)
        outages.dropped += max(0, outage.acknowledged - outage.delivered)
    if outage.reason:
        return CheckResult.of("outage", False, "outage_not_played", "outage_not_played_do", why=outage.reason)
    if outage.acknowledged:
        depth = QueueDepth(broker_of(mqtt), outage.acknowledged, outage.delivered)
        remember(queue_depth_file(settings), depth)
    is_well, counts = 0 < outage.acknowledged <= outage.delivered, (outage.delivered, outage.acknowledged)
    return CheckResult.of("outage", is_well, "outage", "outage_do", delivered=counts[0], acknowledged=counts[1])


def _state(settings: Settings) -> Iterator[CheckResult]:
    """Count what waits in quarantine and spool, and list clocks of gateways that are off."""
    limits, now = settings.ingest, dt.datetime.now(dt.UTC)
    try:
        with opened_state(settings) as state:
            count = Quarantine.of(state, limits).counts()["quarantine.kept"]
            seals = check_seals(state, noted_seal(settings))
            unsent = lines_to_send(state, now) if settings.log_server.host else []
            gateways = Logbook(state).gateways().values()
            gaps = Logbook(state).events([gaps_of(settings.mqtt.client_id)], now - dt.timedelta(days=GAP_DAYS))
        behind_s = clock_behind_s(gateways, now)
        heard = [gateway for gateway in gateways if (now - gateway.last_received).total_seconds() < CLOCKS_WITHIN_S]
        off = [gateway for gateway in heard if not -MAX_SKEW_S <= gateway.skew_s + behind_s <= MAX_DELAY_S]
        waiting = batches_waiting(limits.spool) if limits.spool else 0
    except (StoreUnavailable, OSError) as error:
        yield _failed("state", error)
        return
    yield CheckResult.of("quarantine", count == 0, "quarantine", "quarantine_do", count=count)
    key = "audit_broken" if seals.broken else "audit_cut" if seals.is_cut else "audit"
    numbers = ", ".join(str(seal.number) for seal in seals.broken[:5])
    yield CheckResult.of("audit log", seals.is_whole, key, "audit_do", count=seals.sealed, seals=numbers)
    if settings.log_server.host:
        oldest = EventStamp(_instant(min(line["at_us"] for line in unsent)) if unsent else now)
        is_late = bool(unsent) and now - oldest.at > UNSENT_WITHIN
        key = "log_server_waits" if is_late else "log_server"
        yield CheckResult.of("log server", not is_late, key, "log_server_do", since=oldest)
    yield CheckResult.of("spool", waiting == 0, "spool", "spool_do", count=waiting)
    lost = [(Term(str(event.kind), f"event.{event.kind}"), EventStamp(event.at)) for event in gaps[:5]]
    yield CheckResult.of("gaps", not gaps, "gaps" if gaps else "gaps_none", "gaps_do", gaps=lost, days=GAP_DAYS)
    key = "own_clock_behind" if behind_s else "own_clock"
    yield CheckResult.of("own clock", behind_s == 0, key, "own_clock_do", seconds=f"{behind_s:.0f}")
    clocks = [f"{gateway.id} {gateway.skew_s:+.0f} s" for gateway in off[:5]]
    key = "gateway_clocks_off" if off else "gateway_clocks"
    yield CheckResult.of("gateway clocks", not off, key, "gateway_clocks_do", clocks=clocks)


def scanner_checks(settings: Settings) -> Iterator[CheckResult]:
    """Check that the virus scanner looks at the largest file that the web app takes, by signatures of these days."""
    scanner = settings.web.virus_scanner
    if not scanner:
        return
    try:
        day = signatures_day(scanner)
        virus_in(scanner, bytes(LARGEST_BYTES))
    except ScannerUnavailable as error:
        yield _failed("virus scanner", error)
        return
    is_fresh = day is not None and dt.datetime.now(BANGKOK).date() - day <= SIGNATURES_WITHIN
    key = "scanner" if is_fresh else "scanner_old" if day else "scanner_knows_none"
    yield CheckResult.of("virus scanner", is_fresh, key, "scanner_do", day=day)


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
    hosts = [f"{one.host} ({one.state})" for one in others[:5]]
    key = "shared_state_others" if others else "shared_state"
    yield CheckResult.of("shared state", not others, key, "shared_state_do", hosts=hosts)
