"""A running demonstration: broker, the real ingester, gateways that publish, and what has arrived."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bkkenergy.demo.broker import local_broker
from bkkenergy.demo.gateways import gateways
from bkkenergy.errors import BkkEnergyError
from bkkenergy.ingest.service import Ingester
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Portfolio
from bkkenergy.settings import (
    LedgerSettings,
    MqttSettings,
    ObserveSettings,
    PortfolioSettings,
    ReportSchedule,
    Settings,
    StateSettings,
    StoreSettings,
)

STALLS_AFTER_S = 60.0

Outgoing = tuple[str, str, bytes, int]
"""Gateway, topic, payload, and how many readings it holds."""


@dataclass(slots=True)
class Session:
    """What the parts of the demonstration share."""

    broker: str
    port: int
    settings: Settings
    ingester: Ingester
    thread: threading.Thread
    sent_messages: int = field(default=0)

    @property
    def totals(self) -> Counter[str]:
        """Return what the ingester has counted so far."""
        return self.ingester.pipeline.totals if self.ingester.pipeline else Counter()

    @property
    def readings(self) -> int:
        """Return the readings committed so far."""
        return self.totals["readings"]

    @property
    def messages(self) -> int:
        """Count the messages dealt with so far: committed or quarantined."""
        return self.totals["messages"]


def begin_empty(folder: Path) -> None:
    """Delete the store and the state of an earlier demonstration in a folder."""
    for old in (*folder.glob("demo.sqlite*"), *folder.glob("demo-state.sqlite*")):
        old.unlink()


def demo_settings(settings: Settings, folder: Path, port: int) -> Settings:
    """Return the given settings with broker, store and reports of the demonstration."""
    return settings.model_copy(
        update={
            "mqtt": MqttSettings(port=port, client_id="bkkenergy-demo"),
            "store": StoreSettings(path=folder / "demo.sqlite"),
            "ingest": settings.ingest.model_copy(update={"spool": folder / "spool"}),
            "observe": ObserveSettings(port=0),
            "state": StateSettings(path=folder / "demo-state.sqlite"),
            "report": settings.report.model_copy(update={"folder": folder / "reports"}),
            "portfolio": PortfolioSettings(),
            "ledger": LedgerSettings(),
            "jobs": settings.jobs.model_copy(update={"schedule": _of_days_and_months(settings)}),
        }
    )


def _of_days_and_months(settings: Settings) -> tuple[ReportSchedule, ...]:
    """Return what the demonstration archives: longer reports take a new user's time."""
    return tuple(line for line in settings.jobs.schedule if line.kind in {"day", "month"})


@contextmanager
def running(
    settings: Settings,
    portfolio: Portfolio,
    profiles: Mapping[str, Profile],
    folder: Path,
    *,
    broker: str | None = None,
) -> Iterator[Session]:
    """Run broker and ingester over the demonstration's store, until the context ends."""
    with local_broker(folder, kind=broker) as (name, port):
        demo = demo_settings(settings, folder, port)
        ingester = Ingester(demo, portfolio, profiles)
        thread = threading.Thread(target=ingester.run, name="ingester")
        thread.start()
        try:
            session = Session(name, port, demo, ingester, thread)
            _wait_until(lambda: ingester.subscriber.is_connected, session)
            yield session
        finally:
            ingester.stop()
            thread.join()


def publish_all(
    session: Session, names: Iterable[str], outgoing: Iterable[Outgoing], on_progress: Callable[[int], None]
) -> float:
    """Publish everything and wait until all of it is committed; return seconds from first message to last commit.

    on_progress : called now and then with the readings committed so far.
    """
    started_s = time.monotonic()
    with gateways(list(names), session.port) as opened:
        for gateway, topic, payload, _ in outgoing:
            opened[gateway].publish(topic, payload)
            session.sent_messages += 1
            on_progress(session.readings)
        for each in opened.values():
            each.drain()
        _wait_until(lambda: session.messages >= session.sent_messages, session, lambda: on_progress(session.readings))
    return time.monotonic() - started_s


def _wait_until(is_so: Callable[[], bool], session: Session, tick: Callable[[], None] = lambda: None) -> None:
    """Wait for the ingester; raises BkkEnergyError when it makes no progress or has died."""
    seen, moved_s = session.messages, time.monotonic()
    while not is_so():
        if session.messages != seen:
            seen, moved_s = session.messages, time.monotonic()
        if not session.thread.is_alive():
            raise BkkEnergyError.of("ingester_ended")
        if time.monotonic() - moved_s > STALLS_AFTER_S:
            raise BkkEnergyError.of("ingester_stands_still", count=seen)
        time.sleep(0.02)
        tick()
