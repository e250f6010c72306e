"""What a proposal promised when it was written, with what it rested on. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from bkkenergy.dated import Grade
from bkkenergy.tomlfiles import Frozen

ProofOption = Literal["whole", "system", "parameter", "bill"]
"""How a saving is shown: by the building's meter, a system's own meter, a key parameter, or a line of the bill."""
SURVEY = "survey"


class PromisedFigure(Frozen):
    """A figure that a promise rests on, as it was then. name : price, life or performance."""

    name: str
    source: str
    source_th: str = ""
    grade: Grade
    entered: dt.date


class Promise(Frozen):
    """What a proposal promised on a day. It stays as it was, whatever is known later.

    origin : "survey", or the rule of a finding. equipment, measure : what is replaced, and by what of the catalogue.
    kwh : a year, with the 90 % interval where there is one. thb : of a year's bills. tco2e : a year. npv_thb : over
    life_years. year_kwh : what the building uses in a year. proof, months : how the saving is shown, and after how many
    months. kvar : of capacitors. is_provisional : whether a figure has no public source.
    """

    made_on: dt.date
    origin: str = SURVEY
    equipment: str = ""
    equipment_count: int = 1
    hours_a_day: float | None = None
    measure: str = ""
    kwh: float = 0.0
    low_kwh: float | None = None
    high_kwh: float | None = None
    thb: float = 0.0
    low_thb: float | None = None
    high_thb: float | None = None
    tco2e: float | None = None
    kgco2e_per_kwh: float | None = None
    cost_low_thb: float | None = None
    cost_high_thb: float | None = None
    npv_thb: float | None = None
    npv_low_thb: float | None = None
    npv_high_thb: float | None = None
    payback_years: float | None = None
    life_years: float | None = None
    discount_ratio: float | None = None
    year_kwh: float | None = None
    proof: ProofOption = "whole"
    months: int | None = None
    kvar: float | None = None
    is_provisional: bool = False
    figures: tuple[PromisedFigure, ...] = ()

    @property
    def cost_thb(self) -> float | None:
        """The middle of what it costs; None where that is not known."""
        if self.cost_low_thb is None or self.cost_high_thb is None:
            return None
        return (self.cost_low_thb + self.cost_high_thb) / 2


Verdict = Literal["within", "below", "above"]


def verdict_of(promise_kwh: tuple[float, float], measured_kwh: float, half_width_kwh: float) -> Verdict:
    """Judge what was measured against what was promised.

    Parameters
    ----------
    promise_kwh : tuple of float
        The promise's interval [kWh a year]; twice the same where it has none.
    measured_kwh, half_width_kwh : float
        What is measured, and half of its 90 % interval [kWh a year].

    Returns
    -------
    str
        "below" or "above" where the two intervals do not meet, else "within": nothing is shown against the promise.

    Examples
    --------
    >>> from bkkenergy.plan.promise import verdict_of
    >>> verdict_of((900.0, 1100.0), 700.0, 150.0), verdict_of((900.0, 1100.0), 800.0, 150.0)
    ('below', 'within')
    """
    low, high = promise_kwh
    if measured_kwh + half_width_kwh < low:
        return "below"
    return "above" if measured_kwh - half_width_kwh > high else "within"
