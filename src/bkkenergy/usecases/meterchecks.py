"""What can be said of a meter that was just installed: each check is good, doubtful, or cannot be known. Pure.

A check that has nothing to judge by says so. It is never good for want of evidence.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.readings import US_PER_S, FloatArray, ReadingBatch

MAX_SKEW_S, MAX_DELAY_S = 60.0, 3_600.0
"""A stamp further ahead of its receipt than the first, or at best further behind than the second: a clock is off."""
LATE_INTERVALS = 3.0
RECENT_READINGS = 10
NO_LOAD_RATIO = 0.005
"""Below this share of the rated power nothing is said of directions and phases: a meter shows noise there."""
FITTING_RATIO, UNSURE_RATIO, BEYOND_RATIO = 0.7, 0.45, 1.15
"""Power by volts times amperes. A building's power factor is above the first. One CT turned round leaves a third of the
power, two that are exchanged leave nothing: both are below the second, with any load. No load is above the third."""
DEAD_PHASE_RATIO, IDLE_PHASE_RATIO = 0.5, 0.02
LINE_TO_LINE_V = ((330.0, 480.0), (95.0, 125.0))
"""Voltages that are measured between two lines: on the low side, and behind a voltage transformer."""
LIKE_REGISTER = (0.7, 1.4)
MIN_STEP_KWH = 1.0
LONG_H = 120.0
LIKE_BILL_SOON, LIKE_BILL = (0.2, 5.0), (0.5, 2.0)
"""How far the mean power may be from that of the bill: in the first hours, and after some days. The wrong CT of a pair
(200:5 for 400:5) is a factor of two, which the first hours cannot show."""
SUBMETER_ABOVE = 1.2
TRANSFORMER_ABOVE = 1.1
MIN_ARRIVED_RATIO = 0.95
MIN_EXPECTED = 4


class Verdict(StrEnum):
    """What a check came to."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MeterCheck:
    """One check. reason : a key of the texts `meter_check_why` and `meter_check_do`, which `values` fill."""

    name: str
    verdict: Verdict
    reason: str
    values: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFacts:
    """What is known of a meter now.

    readings : of the last window_s, in order of time. last_seen : its latest reading of all. off_s : of its gateway's
    clock, behind is positive. refused : how many messages on its topic were quarantined, by reason. mean_kw : what the
    ledger measured in the last days of all meters that its bill is for, over measured_h. bill_kw : the mean power of
    paper bills. capacity_kva : of the building's transformers. has_pv : whether the building may feed energy back.
    """

    meter: Meter
    now: dt.datetime
    readings: ReadingBatch
    window_s: float
    last_seen: dt.datetime | None = None
    off_s: float | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    mean_kw: float | None = None
    measured_h: float = 0.0
    bill_kw: float | None = None
    capacity_kva: float | None = None
    has_pv: bool = False

    def series(self, name: str) -> tuple[FloatArray, FloatArray]:
        """Return the values of a quantity that were sent, and when [s since 1970], both (n,)."""
        values = self.readings.column(name)
        is_sent = np.isfinite(values)
        return values[is_sent], self.readings.ts_us[is_sent] / US_PER_S

    def latest(self, name: str) -> float | None:
        """Return the latest value of a quantity; None where none was sent."""
        values, _ = self.series(name)
        return float(values[-1]) if len(values) else None

    @property
    def power_kw(self) -> float | None:
        """The middle of the latest powers: one odd reading decides nothing."""
        values, _ = self.series("power_kw")
        return float(np.median(values[-RECENT_READINGS:])) if len(values) else None

    @property
    def no_load_kw(self) -> float:
        """Below this nothing is said of directions and phases."""
        return NO_LOAD_RATIO * self.meter.rated_kw


def check_meter(facts: MeterFacts) -> tuple[MeterCheck, ...]:
    """Return the checks that apply to a meter, in the order in which a technician needs them."""
    checks = [_message(facts)]
    if facts.meter.is_electric:
        checks += [_sign(facts), _phases(facts), _ratio(facts), _register(facts)]
    return (*checks, _clock(facts), _signal(facts))


def _message(facts: MeterFacts) -> MeterCheck:
    """Judge whether messages come, and are taken."""
    if facts.refused:
        reason = max(facts.refused, key=lambda one: facts.refused[one])
        return MeterCheck("message", Verdict.DOUBTFUL, "refused", {"count": facts.refused[reason], "reason": reason})
    if facts.last_seen is None:
        return MeterCheck("message", Verdict.DOUBTFUL, "never")
    quiet_s = (facts.now - facts.last_seen).total_seconds()
    if quiet_s > LATE_INTERVALS * facts.meter.interval_s:
        return MeterCheck("message", Verdict.DOUBTFUL, "late", {"minutes": quiet_s / 60})
    return MeterCheck("message", Verdict.GOOD, "came", {"minutes": max(quiet_s, 0.0) / 60})


def _grown_kwh(facts: MeterFacts, name: str) -> float | None:
    """Return the energy of the window by a register, or by intervals; None where that is not known."""
    values, _ = facts.series(name)
    if facts.meter.kind is MeterKind.INTERVAL:
        return float(values[1:].sum()) if len(values) > 1 else None
    if facts.meter.kind not in {MeterKind.REGISTER, MeterKind.NET} or len(values) < 2:  # noqa: PLR2004 - a difference
        return None
    return float(values[-1] - values[0])


def _sign(facts: MeterFacts) -> MeterCheck:
    """Judge whether energy is counted in the direction in which it flows."""
    power_kw = facts.power_kw
    taken_kwh, fed_kwh = _grown_kwh(facts, "energy_kwh") or 0.0, _grown_kwh(facts, "export_kwh") or 0.0
    values = {"flow": f"{power_kw:.1f} kW" if power_kw is not None else f"{taken_kwh - fed_kwh:.1f} kWh"}
    if power_kw is None and not taken_kwh and not fed_kwh:
        return MeterCheck("sign", Verdict.UNKNOWN, "no_power")
    is_back = fed_kwh > max(taken_kwh, 0.0) or taken_kwh < 0
    if power_kw is not None and abs(power_kw) < facts.no_load_kw and not is_back:
        return MeterCheck("sign", Verdict.UNKNOWN, "no_load", {"power_kw": power_kw})
    if is_back or (power_kw is not None and power_kw < -facts.no_load_kw):
        if facts.has_pv and facts.meter.is_main:
            return MeterCheck("sign", Verdict.UNKNOWN, "may_feed_back", values)
        return MeterCheck("sign", Verdict.DOUBTFUL, "pv_negative" if facts.meter.pv else "negative", values)
    return MeterCheck("sign", Verdict.GOOD, "positive", values)


@dataclass(frozen=True, slots=True)
class _Phases:
    """Volts and amperes of each phase that was sent with both, in one reading, with the power then."""

    volts: tuple[float, ...]
    amps: tuple[float, ...]
    power_kw: float


PHASES = (1, 2, 3)


def _latest_phases(facts: MeterFacts) -> _Phases | None:
    columns = [facts.readings.column(f"{name}_l{phase}_{unit}") for name, unit in (("voltage", "v"), ("current", "a"))
               for phase in PHASES]  # fmt: skip
    table = np.array([*columns, facts.readings.column("power_kw")])
    whole = np.flatnonzero(np.isfinite(table).all(axis=0))
    if not len(whole):
        return None
    row = table[:, whole[-1]].tolist()
    return _Phases(tuple(row[:3]), tuple(abs(amps) for amps in row[3:6]), row[6])


def _phases(facts: MeterFacts) -> MeterCheck:
    """Judge whether each phase is there, and each current belongs to its voltage."""
    volts = [facts.latest(f"voltage_l{phase}_v") for phase in PHASES]
    sent = [one for one in volts if one is not None]
    if len(sent) < len(PHASES):
        return MeterCheck("phases", Verdict.UNKNOWN, "one_phase" if sent else "no_phases")
    for phase, one in zip(PHASES, sent, strict=True):
        if one < DEAD_PHASE_RATIO * max(sent) or max(sent) <= 0:
            return MeterCheck("phases", Verdict.DOUBTFUL, "phase_dead", {"phase": f"L{phase}", "voltage_v": one})
    latest = _latest_phases(facts)
    if latest is None:
        return MeterCheck("phases", Verdict.UNKNOWN, "no_currents")
    return _phases_fit(facts, latest)


def _phases_fit(facts: MeterFacts, latest: _Phases) -> MeterCheck:
    apparent_kva = apparent_power_kva(latest.volts, latest.amps) * facts.meter.multiplier
    if apparent_kva < facts.no_load_kw:
        return MeterCheck("phases", Verdict.UNKNOWN, "no_current", {"apparent_kva": apparent_kva})
    ratio = abs(latest.power_kw) / apparent_kva
    values: dict[str, float | str] = {"ratio": ratio, "power_kw": latest.power_kw, "apparent_kva": apparent_kva}
    if ratio > BEYOND_RATIO:
        return MeterCheck("phases", Verdict.DOUBTFUL, "power_beyond", values)
    if ratio < UNSURE_RATIO:
        return MeterCheck("phases", Verdict.DOUBTFUL, "phases_mixed", values)
    idle = [
        number for number, amps in zip(PHASES, latest.amps, strict=True) if amps < IDLE_PHASE_RATIO * max(latest.amps)
    ]
    if idle:
        return MeterCheck("phases", Verdict.UNKNOWN, "phase_idle", {"phase": f"L{idle[0]}"})
    if ratio < FITTING_RATIO:
        return MeterCheck("phases", Verdict.UNKNOWN, "phases_unsure", values)
    return MeterCheck("phases", Verdict.GOOD, "phases_fit", values)


def apparent_power_kva(volts: Sequence[float], amps: Sequence[float]) -> float:
    """Return the apparent power of three phases, whose voltages are to neutral or between lines.

    >>> round(apparent_power_kva((230.0, 230.0, 230.0), (100.0, 100.0, 100.0)), 1)
    69.0
    >>> round(apparent_power_kva((400.0, 400.0, 400.0), (100.0, 100.0, 100.0)), 1)
    69.3
    """
    mean_v = sum(volts) / len(volts)
    is_between_lines = any(low <= mean_v <= high for low, high in LINE_TO_LINE_V)
    sum_kva = sum(volt * amp for volt, amp in zip(volts, amps, strict=True)) / 1000
    return sum_kva / 3**0.5 if is_between_lines else sum_kva


def _ratio(facts: MeterFacts) -> MeterCheck:
    """Judge whether the transformers' ratios are right: by what may flow, and by the bill."""
    if facts.refused.get("power_out_of_range") or facts.refused.get("energy_out_of_range"):
        return MeterCheck("ratio", Verdict.DOUBTFUL, "above_rated", {"rated_kw": facts.meter.rated_kw})
    powers, _ = facts.series("power_kw")
    highest_kw = float(np.abs(powers).max()) if len(powers) else 0.0
    if facts.capacity_kva is not None and highest_kw > TRANSFORMER_ABOVE * facts.capacity_kva:
        values = {"power_kw": highest_kw, "capacity_kva": facts.capacity_kva}
        return MeterCheck("ratio", Verdict.DOUBTFUL, "above_transformer", values)
    if facts.meter.pv or facts.bill_kw is None or facts.bill_kw <= 0:
        reason = "only_transformer" if facts.capacity_kva is not None else "nothing_beside"
        return MeterCheck("ratio", Verdict.UNKNOWN, reason, {"capacity_kva": facts.capacity_kva or 0.0})
    if facts.mean_kw is None:
        return MeterCheck("ratio", Verdict.UNKNOWN, "too_soon", {"bill_kw": facts.bill_kw})
    return _beside_bill(facts, facts.mean_kw, facts.bill_kw)


def _beside_bill(facts: MeterFacts, mean_kw: float, bill_kw: float) -> MeterCheck:
    factor = mean_kw / bill_kw
    values = {"mean_kw": mean_kw, "bill_kw": bill_kw, "factor": factor}
    if not facts.meter.is_main:
        if factor > SUBMETER_ABOVE:
            return MeterCheck("ratio", Verdict.DOUBTFUL, "above_bill", values)
        return MeterCheck("ratio", Verdict.UNKNOWN, "below_bill", values)
    low, high = LIKE_BILL if facts.measured_h >= LONG_H else LIKE_BILL_SOON
    if not low <= factor <= high:
        return MeterCheck("ratio", Verdict.DOUBTFUL, "unlike_bill", values)
    if facts.measured_h < LONG_H:
        return MeterCheck("ratio", Verdict.UNKNOWN, "like_bill_soon", values)
    return MeterCheck("ratio", Verdict.GOOD, "like_bill", values)


def _register(facts: MeterFacts) -> MeterCheck:
    """Judge whether the register counts what flows: its growth beside the power of the same time."""
    values, times_s = facts.series("energy_kwh")
    powers_kw, power_times_s = facts.series("power_kw")
    if facts.meter.kind is MeterKind.POWER:
        return MeterCheck("register", Verdict.UNKNOWN, "no_register")
    if facts.meter.kind is MeterKind.REGISTER and (np.diff(values) < 0).any():
        return MeterCheck("register", Verdict.DOUBTFUL, "register_fell")
    grown_kwh = _grown_kwh(facts, "energy_kwh")
    if grown_kwh is None or len(powers_kw) < 2:  # noqa: PLR2004 - an integral
        return MeterCheck("register", Verdict.UNKNOWN, "no_power_beside" if grown_kwh is not None else "register_soon")
    is_within = (power_times_s >= times_s[0]) & (power_times_s <= times_s[-1])
    flowed_kwh = abs(float(np.trapezoid(powers_kw[is_within], power_times_s[is_within]))) / 3600
    if max(abs(grown_kwh), flowed_kwh) < max(MIN_STEP_KWH, 20 * _resolution_kwh(facts)):
        return MeterCheck("register", Verdict.UNKNOWN, "register_soon")
    factor = abs(grown_kwh) / flowed_kwh if flowed_kwh else float("inf")
    shown: dict[str, float | str] = {"grown_kwh": grown_kwh, "flowed_kwh": flowed_kwh}
    low, high = LIKE_REGISTER
    if not low <= factor <= high:
        return MeterCheck("register", Verdict.DOUBTFUL, "register_unlike", shown)
    return MeterCheck("register", Verdict.GOOD, "register_like", shown)


def _resolution_kwh(facts: MeterFacts) -> float:
    return (facts.meter.resolution_kwh or 0.0) * facts.meter.multiplier


def _clock(facts: MeterFacts) -> MeterCheck:
    """Judge the clock of the gateway."""
    if facts.off_s is None:
        return MeterCheck("clock", Verdict.UNKNOWN, "no_clock")
    if facts.off_s < -MAX_SKEW_S:
        return MeterCheck("clock", Verdict.DOUBTFUL, "clock_ahead", {"seconds": -facts.off_s})
    if facts.off_s > MAX_DELAY_S:
        return MeterCheck("clock", Verdict.DOUBTFUL, "clock_behind", {"seconds": facts.off_s})
    if facts.off_s > max(2 * facts.meter.interval_s, MAX_SKEW_S):
        return MeterCheck("clock", Verdict.UNKNOWN, "clock_late", {"seconds": facts.off_s})
    return MeterCheck("clock", Verdict.GOOD, "clock_right", {"seconds": abs(facts.off_s)})


def _signal(facts: MeterFacts) -> MeterCheck:
    """Judge how many of the expected messages arrive: devices of many kinds send no level of their radio."""
    times_s = np.unique(facts.readings.ts_us) / US_PER_S
    if not len(times_s):
        return MeterCheck("signal", Verdict.UNKNOWN, "signal_soon")
    expected = (facts.now.timestamp() - float(times_s[0])) / facts.meter.interval_s
    if expected < MIN_EXPECTED:
        return MeterCheck("signal", Verdict.UNKNOWN, "signal_soon")
    arrived = len(times_s) / (int(expected) + 1)
    values = {"count": float(len(times_s)), "expected": float(int(expected) + 1)}
    if arrived < MIN_ARRIVED_RATIO and len(times_s) < int(expected):  # the last one may be on the way
        return MeterCheck("signal", Verdict.DOUBTFUL, "signal_gaps", values)
    return MeterCheck("signal", Verdict.GOOD, "signal_whole", values)
