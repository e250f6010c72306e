"""What buildings take now, by the latest power of their main meters: one rule for pages, the API and live streams."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, timestamp_us
from bkkenergy.metering.runningquarter import QUARTER_US, forecast_kw, quarter_of
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray, IntArray, ReadingBatch
from bkkenergy.site import Site

POWER_MAX_AGE = dt.timedelta(hours=2)
MAX_AGE_US = int(POWER_MAX_AGE.total_seconds() * 1e6)


@dataclass(frozen=True, slots=True)
class PowerNow:
    """The latest power of a building's main meters together, and when the oldest of them was read."""

    power_kw: float | None
    at: dt.datetime | None


UNKNOWN = PowerNow(None, None)


@dataclass(frozen=True, slots=True)
class MeterPowers:
    """Powers of one meter, in the order of time. at_us, power_kw : (n,)."""

    at_us: IntArray
    power_kw: FloatArray

    def since(self, start_us: int) -> MeterPowers:
        """Return what was read from an instant on, and the last reading before it."""
        first = max(int(np.searchsorted(self.at_us, start_us)) - 1, 0)
        return MeterPowers(self.at_us[first:], self.power_kw[first:])

    def with_later(self, later: MeterPowers, start_us: int) -> MeterPowers:
        """Return these up to an instant, and others from it on."""
        end = int(np.searchsorted(self.at_us, start_us))
        return MeterPowers(
            np.concatenate([self.at_us[:end], later.at_us]), np.concatenate([self.power_kw[:end], later.power_kw])
        )


Powers = Mapping[str, MeterPowers]


def powers_of(batch: ReadingBatch) -> dict[str, MeterPowers]:
    """Return the powers of each meter of a batch, which is sorted by meter and instant."""
    power = batch.column("power_kw")
    firsts = np.flatnonzero(np.diff(batch.meter, prepend=-1))
    ends = np.append(firsts[1:], len(batch.meter))[: len(firsts)]
    return {
        batch.meter_ids[int(batch.meter[first])]: MeterPowers(batch.ts_us[first:end], power[first:end])
        for first, end in zip(firsts.tolist(), ends.tolist(), strict=True)
    }


def power_of(building: Building, powers: Powers, now_us: int) -> PowerNow:
    """Return what a building takes; unknown where a main meter was silent for two hours or sent no power last."""
    last = [powers.get(meter.id) for meter in building.main_meters]
    known = [one for one in last if one is not None and len(one.at_us) and int(one.at_us[-1]) >= now_us - MAX_AGE_US]
    if not known or len(known) < len(last) or not all(np.isfinite(one.power_kw[-1]) for one in known):
        return UNKNOWN
    oldest_us = min(int(one.at_us[-1]) for one in known)
    return PowerNow(float(sum(one.power_kw[-1] for one in known)), dt.datetime.fromtimestamp(oldest_us / 1e6, BANGKOK))


def quarter_forecast_kw(building: Building, powers: Powers, now_us: int) -> float | None:
    """Return what the running quarter-hour of a building comes to; None where that of a main meter is not known."""
    each = [
        None if (one := powers.get(meter.id)) is None else forecast_kw(one.at_us, one.power_kw, now_us)
        for meter in building.main_meters
    ]
    known = [one for one in each if one is not None]
    return sum(known) if known and len(known) == len(each) else None


def power_now(site: Site, building: Building) -> PowerNow:
    """Return what a building takes now. Raises StoreUnavailable."""
    return power_of(building, *building_powers(site, building))


def building_powers(site: Site, building: Building) -> tuple[Powers, int]:
    """Return the powers of a building's main meters of the last two hours, and now, us. Raises StoreUnavailable."""
    now_us = timestamp_us(pd.Timestamp(site.clock()))
    return _read(site, [meter.id for meter in building.main_meters], now_us - MAX_AGE_US, now_us), now_us


def _read(site: Site, meters: Sequence[str], start_us: int, now_us: int) -> dict[str, MeterPowers]:
    return powers_of(site.readings.readings(meters, start_us, now_us + 1, ("power_kw",))) if meters else {}


@dataclass
class PowerWatch:
    """The latest powers of all buildings' main meters, read as they come: only of meters that have sent since.

    The energy ledger says which have. A power that is sent again with another value is seen with the next one.
    """

    _powers: dict[str, MeterPowers] = field(default_factory=dict)
    _last_us: dict[str, int] = field(default_factory=dict)
    _looked_us: int = 0

    def look(self, site: Site) -> Powers:
        """Return the powers as they are now. Raises StoreUnavailable."""
        now_us = timestamp_us(pd.Timestamp(site.clock()))
        names = {meter.id for building in site.portfolio.buildings.values() for meter in building.main_meters}
        seen = {name: at.last_us for name, at in site.energy.seen(sorted(names)).items()}
        sent = [name for name, last_us in seen.items() if self._is_news(name, last_us, now_us)]
        new = [name for name in sent if name not in self._powers]
        known = [name for name in sent if name in self._powers]
        for asked, start_us in ((new, now_us - MAX_AGE_US), (known, self._from_us(known, now_us))):
            for name, later in _read(site, sorted(asked), start_us, now_us).items():
                before = self._powers.get(name)
                every = later if before is None else before.with_later(later, start_us)
                self._powers[name] = every.since(quarter_of(now_us) - QUARTER_US)
        self._powers = {name: powers for name, powers in self._powers.items() if name in names}
        self._last_us, self._looked_us = seen, now_us
        return dict(self._powers)

    def _is_news(self, name: str, last_us: int, now_us: int) -> bool:
        """Return whether a meter has sent since the last look, or what it sent then was of a time to come."""
        if last_us < now_us - MAX_AGE_US:
            return False
        return last_us != self._last_us.get(name) or last_us > self._looked_us

    def _from_us(self, names: Sequence[str], now_us: int) -> int:
        """Return from when to read meters again: from the quarter-hour's begin, or from what is known where earlier."""
        return min([quarter_of(now_us), *(int(self._powers[name].at_us[-1]) for name in names)])
