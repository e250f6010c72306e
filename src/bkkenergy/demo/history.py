"""The demonstration's history: old readings straight into the store, then what the product makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bkkenergy.access import Actor
from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.demo.meters import Counter
from bkkenergy.portfolio import MeterKind
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import IntArray, ReadingBatch
from bkkenergy.reports.savings.fitting import propose_baselines
from bkkenergy.site import Site
from bkkenergy.usecases.baselines import decide_on_baseline

REGISTERS = ("energy_kwh", "export_kwh")
WEATHER = ("temp_air_c", "ghi_wm2")
LEFT_TO_A_PERSON = frozenset({"district-chatuchak.library", "health.centre-2"})
"""Buildings whose baseline a person accepts who tries the demonstration."""


def commit_history(store: ReadingStore, counters: Sequence[Counter], before_us: int) -> int:
    """Commit what meters sent before an instant, meter by meter; return how many readings. Raises StoreUnavailable."""
    count = 0
    for counter in counters:
        rows = np.flatnonzero(counter.sent & (counter.ts_us < before_us))
        if len(rows):
            store.commit(_batch(counter, rows))
            count += len(rows)
    return count


def _batch(counter: Counter, rows: IntArray) -> ReadingBatch:
    """Return a meter's readings as the store has them: energy that flowed, after transformer ratios."""
    meter = counter.meter
    if meter.kind is MeterKind.WEATHER:
        columns = {name: counter.columns[name][rows] for name in WEATHER}
    else:
        names = [name for name in REGISTERS if name in counter.columns] or ["power_kw"]
        columns = {name: counter.columns[name][rows] * meter.multiplier for name in names}
    return ReadingBatch((meter.id,), np.zeros(len(rows), np.int64), counter.ts_us[rows], columns)


def learn_baselines(site: Site, actor: Actor) -> int:
    """Fit the baselines for which there are enough days, and accept all but a few; return how many were fitted.

    Raises StoreUnavailable.
    """
    fitted = propose_baselines(site, actor, list(site.portfolio.buildings.values()))
    waiting = {one.building for one in fitted if one.state == "proposed"} - LEFT_TO_A_PERSON
    for building, versions in versions_of(site.state, sorted(waiting)).items():
        for version in versions:
            if building in waiting and version.state == "proposed":
                decide_on_baseline(site.state, actor, site.portfolio, version.number, "accepted", site.clock())
    return len(fitted)
