"""What the demonstration's meters send live: their simulated days go on, a reading every few seconds."""

from __future__ import annotations

import zlib

import numpy as np

from bkkenergy.demo.gateways import payload
from bkkenergy.demo.meters import Counter
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import US_PER_S, FloatArray

REGISTERS = frozenset({"energy_kwh", "export_kwh"})
MOVING = frozenset({"power_kw", "current_a"})
"""What changes from one second to the next."""
FLICKER_RATIO = 0.015
DIGITS = {"power_kw": 3, "power_factor": 3, "frequency_hz": 2, "energy_kwh": 2, "export_kwh": 2}


def live_message(counter: Counter, since_us: int, now_us: int) -> tuple[str, bytes]:
    """Return topic and payload of a meter: the quarter-hours that ended since it sent last, and what it shows now.

    Nothing is known beyond the counter's grid: then its last quarter-hour is shown as it was.
    """
    ended = counter.between(since_us + 1, now_us + 1)
    if len(ended.ts_us) and ended.ts_us[-1] == now_us:
        return counter.meter.topic, payload(ended.ts_us, ended.columns)
    now = shown_at(counter, now_us)
    if counter.meter.kind is MeterKind.INTERVAL:
        now["energy_kwh"] = np.array([np.nan])  # which is of whole quarter-hours; what is not known is not sent
    columns = {name: np.concatenate([ended.columns[name], now[name]]) for name in counter.columns}
    return counter.meter.topic, payload(np.append(ended.ts_us, now_us), columns)


def shown_at(counter: Counter, now_us: int) -> dict[str, FloatArray]:
    """Return (1,) or (1, 3) what a meter shows between two instants of its grid: registers grow, the rest moves.

    A register that falls between the two shows what it had before.
    """
    after = int(np.clip(np.searchsorted(counter.ts_us, now_us, "right"), 1, len(counter.ts_us) - 1))
    before_us, after_us = counter.ts_us[after - 1], counter.ts_us[after]
    share = float(np.clip((now_us - before_us) / (after_us - before_us), 0, 1))
    rng = np.random.default_rng([zlib.crc32(counter.meter.id.encode()), now_us // US_PER_S])
    flicker = 1 + FLICKER_RATIO * float(rng.standard_normal())
    shown = {}
    for name, values in counter.columns.items():
        step = values[after] - values[after - 1]
        if name in REGISTERS:
            step = np.maximum(step, 0.0)
        moved = (values[after - 1] + share * step) * (flicker if name in MOVING else 1.0)
        shown[name] = np.round(moved, DIGITS.get(name, 1))[np.newaxis]
    return shown
