"""Which transformer ratios a meter had at an instant, by the exchanges that it says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import timestamp_us
from bkkenergy.portfolio import Meter
from bkkenergy.readings import FloatArray, IntArray

EVER_US = -(2**62)
"""Before every reading."""


@dataclass(frozen=True, slots=True)
class RatioStep:
    """Transformer ratios from an instant on, us since 1970 UTC."""

    from_us: int
    ct_ratio: float
    vt_ratio: float

    @property
    def ratio(self) -> float:
        """From what the meter shows to what flows."""
        return self.ct_ratio * self.vt_ratio


def ratio_steps(meter: Meter) -> tuple[RatioStep, ...]:
    """Return the ratios of a meter from instant to instant, the first of them from ever.

    Parameters
    ----------
    meter : Meter
        As it is on any day. Its exchanges say which ratios it had until then.

    Returns
    -------
    tuple of RatioStep
        In order of time.

    Examples
    --------
    >>> from bkkenergy.metering.ratios import ratio_steps
    >>> from bkkenergy.portfolio import Meter
    >>> exchange = {"at": "2026-11-03T10:30:00+07:00", "final_kwh": 900.0, "previous_ct_ratio": 40.0}
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60, ct_ratio=80, exchanges=[exchange])
    >>> [step.ratio for step in ratio_steps(meter)]
    [40.0, 80.0]
    """
    ct_ratio, vt_ratio = meter.ct_ratio, meter.vt_ratio
    steps: list[RatioStep] = []
    for exchange in sorted(meter.exchanges, key=lambda entered: entered.at, reverse=True):
        steps.append(RatioStep(timestamp_us(pd.Timestamp(exchange.at)), ct_ratio, vt_ratio))
        ct_ratio, vt_ratio = exchange.previous_ct_ratio or ct_ratio, exchange.previous_vt_ratio or vt_ratio
    return (RatioStep(EVER_US, ct_ratio, vt_ratio), *steps[::-1])


def ratios_at(meters: Sequence[Meter], meter: IntArray, ts_us: IntArray) -> FloatArray:
    """Return the ratio by which each reading's energy is what flowed.

    Parameters
    ----------
    meters : sequence of Meter
        Meters as configured.
    meter : (n,) array of int
        Index into `meters` of each reading.
    ts_us : (n,) array of int
        Instants [us since 1970 UTC].

    Returns
    -------
    (n,) array of float
        CT ratio times VT ratio at the instant.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.ratios import ratios_at
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60, ct_ratio=80)
    >>> ratios_at([meter], np.array([0, 0]), np.array([0, 10])).tolist()
    [80.0, 80.0]
    """
    ratios = np.array([one.multiplier for one in meters])[meter]
    for number, one in enumerate(meters):
        if one.exchanges:
            steps = ratio_steps(one)
            rows = np.flatnonzero(meter == number)
            step = np.searchsorted([one_step.from_us for one_step in steps], ts_us[rows], side="right") - 1
            ratios[rows] = np.array([one_step.ratio for one_step in steps])[step]
    return ratios
