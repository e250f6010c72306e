"""Power of every building as live streams send it: looked at once for all who listen, written once a scope."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import structlog

from bkkenergy.calendar import BANGKOK, timestamp_us
from bkkenergy.errors import BkkEnergyError
from bkkenergy.i18n import Lang, Words
from bkkenergy.metering.runningquarter import DemandState, demand_state
from bkkenergy.portfolio import Building
from bkkenergy.usecases.demand import BilledPeak, billed_peaks
from bkkenergy.usecases.power import PowerNow, Powers, PowerWatch, building_powers, power_of, quarter_forecast_kw
from bkkenergy.web.context import AppContext

EVERY_S = 5.0
PEAKS_EVERY_S = 300.0
WARNING = frozenset({DemandState.NEAR, DemandState.OVER})
NO_PEAK = BilledPeak(None, is_last_month=False, is_billed_now=False)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveBuilding:
    """A building now. forecast_kw : what the running quarter-hour comes to, if power stays as it is."""

    building: Building
    power: PowerNow
    forecast_kw: float | None
    peak: BilledPeak
    state: DemandState

    @property
    def peak_ratio(self) -> float | None:
        """The running quarter-hour's share of the highest demand."""
        return None if self.forecast_kw is None or not self.peak.power_kw else self.forecast_kw / self.peak.power_kw


@dataclass(frozen=True)
class LiveView:
    """All buildings at one look. changed : those that differ from the look before. number : looks so far."""

    number: int
    at: dt.datetime
    buildings: dict[str, LiveBuilding]
    changed: frozenset[str]
    _written: dict[tuple[object, ...], str] = field(default_factory=dict)

    def of(self, agencies: Sequence[str]) -> list[LiveBuilding]:
        """Return the buildings of some agencies."""
        chosen = set(agencies)
        return [one for one in self.buildings.values() if one.building.agency in chosen]

    def event(self, agencies: tuple[str, ...], lang: Lang, *, is_whole: bool) -> str:
        """Return the look as an event for who sees some agencies: all of them, or what has changed."""
        key = (agencies, lang, is_whole)
        if key not in self._written:
            self._written[key] = self._event(agencies, Words(lang), is_whole=is_whole)
        return self._written[key]

    def _event(self, agencies: tuple[str, ...], words: Words, *, is_whole: bool) -> str:
        rows = self.of(agencies)
        shown = {one.building.id: listed(one, words) for one in rows if is_whole or one.building.id in self.changed}
        now = {"at": words.time(self.at), **totals(rows, words), "buildings": shown}
        return f"data: {json.dumps(now, ensure_ascii=False, separators=(',', ':'))}\n\n"


def totals(rows: Sequence[LiveBuilding], words: Words) -> dict[str, Any]:
    """Return the power of some buildings together, how many of them it is of, and how many come near their demand."""
    known = [one.power.power_kw for one in rows if one.power.power_kw is not None]
    near = [one for one in rows if one.state in WARNING]
    return {
        "power": words.number(sum(known) if known else None),
        "known": words("live.known", known=len(known), count=len(rows)),
        "near": words("live.near_count", count=len(near)) if near else words("live.near_none"),
    }


def said(one: LiveBuilding, words: Words) -> dict[str, str]:
    """Return a building's line in words."""
    return {
        "power": words.number(one.power.power_kw, 1),
        "at": words.time(one.power.at) if one.power.at else "",
        "forecast": words.number(one.forecast_kw, 1),
        "peak": words.number(one.peak.power_kw, 1),
        "share": words.percent(one.peak_ratio),
        "state": one.state.value,
        "text": demand_text(one, words),
    }


def listed(one: LiveBuilding, words: Words) -> dict[str, str]:
    """Return a building's line among others: it speaks up where the highest demand is near alone."""
    return said(one, words) | ({} if one.state in WARNING else {"text": ""})


def demand_text(one: LiveBuilding, words: Words) -> str:
    """Return how the running quarter-hour stands, as a sentence; nothing where it is far from the highest."""
    if one.state is DemandState.NOT_BILLED:
        return words("live.not_billed")
    if one.state is DemandState.UNKNOWN:
        return words("live.unknown")
    if one.state is DemandState.BELOW:
        return ""
    against = words("live.against_last_month" if one.peak.is_last_month else "live.against_month")
    return words(
        f"live.{one.state}",
        forecast=words.number(one.forecast_kw, 1),
        peak=words.number(one.peak.power_kw, 1),
        against=against,
    )


def live_building(here: AppContext, building: Building) -> LiveBuilding:
    """Return one building now, as a page shows it. Raises StoreUnavailable."""
    quarter = pd.Timestamp(here.clock()).floor("15min")
    peaks: dict[str, BilledPeak] = here.cached(
        ("billed peak", building.id, quarter), PEAKS_EVERY_S, lambda: billed_peaks(here.opened, [building], quarter)
    )
    return _row(building, *building_powers(here.opened, building), peaks.get(building.id, NO_PEAK))


def _row(building: Building, powers: Powers, now_us: int, peak: BilledPeak) -> LiveBuilding:
    forecast = quarter_forecast_kw(building, powers, now_us)
    state = demand_state(forecast, peak.power_kw, is_billed=peak.is_billed_now)
    return LiveBuilding(building, power_of(building, powers, now_us), forecast, peak, state)


class LiveFigures:
    """Looks at the newest readings at most once in five seconds, by whichever request comes first; others share it."""

    def __init__(self, here: AppContext) -> None:
        self._here, self._lock = here, threading.Lock()
        self._watch = PowerWatch()
        self._view: LiveView | None = None
        self._until_s = self._peaks_until_s = 0.0
        self._peaks: dict[str, BilledPeak] = {}
        self._peaks_of: object = None
        self.looks = 0

    def now(self) -> LiveView:
        """Return the last look, or a new one where that is old. Raises StoreUnavailable where there is none yet."""
        if self._view is None:
            with self._lock:
                if self._view is None:
                    self._look()
        elif time.monotonic() >= self._until_s and self._lock.acquire(blocking=False):
            try:
                self._look()
            except BkkEnergyError as error:  # a store that is unreachable: what was seen before stays, with its time
                log.warning("live_figures_failed", why=str(error))
            finally:
                self._lock.release()
        assert self._view is not None  # noqa: S101 - looked above
        return self._view

    def age_s(self) -> float:
        """Return how long ago the last look was."""
        return 0.0 if self._view is None else (self._here.clock() - self._view.at).total_seconds()

    def _look(self) -> None:
        self._until_s = time.monotonic() + EVERY_S
        site, now = self._here.opened, pd.Timestamp(self._here.clock())
        powers = self._watch.look(site)
        self._renew_peaks(now)
        self.looks += 1
        now_us = timestamp_us(now)
        rows = {}
        for building in site.portfolio.buildings.values():
            rows[building.id] = _row(building, powers, now_us, self._peaks.get(building.id, NO_PEAK))
        before = self._view.buildings if self._view is not None else {}
        changed = frozenset(name for name, row in rows.items() if row != before.get(name))
        self._view = LiveView(self.looks, now.tz_convert(BANGKOK).to_pydatetime(), rows, changed)

    def _renew_peaks(self, now: pd.Timestamp) -> None:
        """Read the highest demands again where a quarter-hour or the portfolio is new, or some minutes have passed."""
        site = self._here.opened
        of = (site.portfolio, now.floor("15min"))
        if time.monotonic() < self._peaks_until_s and of == self._peaks_of:
            return
        self._peaks = billed_peaks(site, list(site.portfolio.buildings.values()), now.floor("15min"))
        self._peaks_of, self._peaks_until_s = of, time.monotonic() + PEAKS_EVERY_S
