"""Which readings are refused, and why: one pass over the columns of a batch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from bkkenergy.metering.registers import RATING_MARGIN_RATIO, S_PER_H
from bkkenergy.payloads.message import Reason
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.readings import (
    APPLIED_RATIO,
    EARLIEST,
    ENERGY_FIELDS,
    LATEST,
    MORE_REGISTERS,
    QUANTITIES,
    RATED_FIELDS,
    US_PER_S,
    BoolArray,
    FloatArray,
    IntArray,
    ReadingBatch,
)

LATEST_US = int(LATEST.timestamp()) * US_PER_S - 1

LARGEST_REGISTER_KWH = 1e12
"""No counter has more digits than register_digits may say: the bound where a meter says none."""

NO_REGISTERS_KWH = np.array([(2**bits - 1) / 10**digits for bits in (31, 32) for digits in range(4)])
"""Every bit set, as a counter of any resolution shows it: how devices say that they have none, or count no more."""
NEARLY_RATIO = 1e-14
LEAST_NO_REGISTER_KWH = float(NO_REGISTERS_KWH.min())

NO_REGISTER = "has a number of which every bit is set, as devices say that they have no value."
OFF = "is not within {min_kwh:g} to {max_kwh:g} kWh. Check register_digits or rollover_kwh, ratios and unit."

PLAUSIBLE = {
    **{f"voltage_l{n}_v": (0.0, 150_000.0) for n in (1, 2, 3)},
    **{f"current_l{n}_a": (0.0, 20_000.0) for n in (1, 2, 3)},
    "power_factor": (-1.0, 1.0),
    "frequency_hz": (0.0, 70.0),
    "ghi_wm2": (-20.0, 1600.0),
    "temp_air_c": (-5.0, 60.0),
    "current_n_a": (0.0, 20_000.0),
    "thd_voltage_ratio": (0.0, 1.0),
    "thd_current_ratio": (0.0, 10.0),
    "room_temp_c": (-40.0, 85.0),
    "humidity_ratio": (0.0, 1.0),
}
"""Physical bounds: a customer at 115 kV, a busbar of 20 kA, a ratio, a 50 Hz grid with room,
a sky with clouds beside the sun, a freezer and a switchboard."""

POWERS = ("power_kw", "reactive_kvar", "apparent_kva", "demand_kw")
"""What the rating bounds, in either direction."""

REASONS = (
    None,
    Reason.BEFORE_COMMISSIONING,
    Reason.TIME_AHEAD,
    Reason.NO_VALUE,
    Reason.ENERGY_OUT_OF_RANGE,
    Reason.POWER_OUT_OF_RANGE,
    Reason.GAUGE_OUT_OF_RANGE,
)
"""What the numbers of `reject_codes` mean; 0 is accepted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reading of each meter may hold, as columns.

    energy_scale, voltage_scale, current_scale : (m,) from what is sent to what flows.
    min_energy_kwh : (m,) an energy figure is not below this; only a net register goes below zero.
    max_energy_kwh : (m,) an energy figure lies below this.
    max_power_kw : (m,) power in either direction.
    commissioned_us : (m,) first instant of the meter, microseconds since the epoch.
    """

    energy_scale: FloatArray
    voltage_scale: FloatArray
    current_scale: FloatArray
    min_energy_kwh: FloatArray
    max_energy_kwh: FloatArray
    max_power_kw: FloatArray
    commissioned_us: IntArray

    @classmethod
    def of(cls, meters: Sequence[Meter]) -> Self:
        """Return the limits of configured meters, in their order."""
        return cls(
            np.array([meter.multiplier for meter in meters]),
            np.array([meter.vt_ratio for meter in meters]),
            np.array([meter.ct_ratio for meter in meters]),
            np.array([-_most_energy_kwh(meter) if meter.kind is MeterKind.NET else 0.0 for meter in meters]),
            np.array([_most_energy_kwh(meter) for meter in meters]),
            np.array([meter.rated_kw * RATING_MARGIN_RATIO for meter in meters]),
            np.array([int((meter.commissioned or EARLIEST).timestamp()) * US_PER_S for meter in meters], np.int64),
        )

    def scaled(self, meter: IntArray, columns: dict[str, FloatArray]) -> dict[str, FloatArray]:
        """Convert columns as sent to what flows, by each reading's transformer ratios."""
        scales = dict.fromkeys(RATED_FIELDS, self.energy_scale)
        scales |= {"voltage": self.voltage_scale, "current": self.current_scale}
        scaled = dict(columns)
        for name, values in columns.items():
            scale = next((scale for prefix, scale in scales.items() if name.startswith(prefix)), None)
            if scale is not None:
                with np.errstate(over="ignore"):  # infinity is refused as out of range
                    scaled[name] = values * scale[meter]
        return scaled | self._applied(meter, columns)

    def _applied(self, meter: IntArray, columns: dict[str, FloatArray]) -> dict[str, FloatArray]:
        """Return the ratio by which energy and power were multiplied, if any, so that another can be applied."""
        is_rated = np.zeros(len(meter), np.bool_)
        for name in RATED_FIELDS:
            if name in columns:
                is_rated |= ~np.isnan(columns[name])
        return {APPLIED_RATIO: np.where(is_rated, self.energy_scale[meter], np.nan)} if is_rated.any() else {}


def _most_energy_kwh(meter: Meter) -> float:
    if meter.kind is MeterKind.INTERVAL:
        return meter.rated_kw * RATING_MARGIN_RATIO * meter.interval_s / S_PER_H
    return LARGEST_REGISTER_KWH * meter.multiplier if meter.wraps_at_kwh is None else meter.wraps_at_kwh


def reject_codes(batch: ReadingBatch, limits: Limits, *, latest_us: int) -> npt.NDArray[np.int8]:
    """Return why each reading is refused: (n,) index into REASONS, 0 = accepted. The first reason wins.

    latest_us : no reading may be later, microseconds since the epoch; none may be of LATEST, whatever our clock says.
    """
    has_none = np.ones(len(batch), np.bool_)
    for name in QUANTITIES:
        if name in batch.columns:
            has_none &= np.isnan(batch.columns[name])
    power_is_off, gauge_is_off = np.zeros((2, len(batch)), np.bool_)
    for name in POWERS:
        if name in batch.columns:
            power_is_off |= np.abs(batch.columns[name]) > limits.max_power_kw[batch.meter]
    for name, (least, most) in PLAUSIBLE.items():
        if name in batch.columns:
            gauge_is_off |= (batch.columns[name] < least) | (batch.columns[name] > most)
    return np.select(
        [
            batch.ts_us < limits.commissioned_us[batch.meter],
            batch.ts_us > min(latest_us, LATEST_US),
            has_none,
            _energy_is_off(batch, limits),
            power_is_off,
            gauge_is_off,
        ],
        range(1, len(REASONS)),
        default=0,
    ).astype(np.int8)


def _energy_is_off(batch: ReadingBatch, limits: Limits) -> BoolArray:
    """Return where a register or an energy is none that the meter can have."""
    min_kwh, max_kwh = limits.min_energy_kwh[batch.meter], limits.max_energy_kwh[batch.meter]
    energy_kwh = batch.column("energy_kwh")
    is_off: BoolArray = (energy_kwh < min_kwh) | (energy_kwh >= max_kwh)
    for name in ("export_kwh", *MORE_REGISTERS):
        if name in batch.columns:
            most = max_kwh if name in RATED_FIELDS else LARGEST_REGISTER_KWH
            is_off |= (batch.columns[name] < 0) | (batch.columns[name] >= most)
    for name in (*ENERGY_FIELDS, *MORE_REGISTERS):
        if name in batch.columns:
            is_off |= _says_none(batch, name, limits)
    return is_off


def _says_none(batch: ReadingBatch, name: str, limits: Limits) -> BoolArray:
    """Return where a register, as the meter sent it, is a number of which every bit is set."""
    scale = limits.energy_scale[batch.meter] if name in RATED_FIELDS else 1.0
    sent = batch.columns[name] / scale
    says_none = sent >= LEAST_NO_REGISTER_KWH * (1 - NEARLY_RATIO)
    if says_none.any():
        large = sent[says_none]
        says_none[says_none] = np.isclose(large[:, None], NO_REGISTERS_KWH, rtol=NEARLY_RATIO, atol=0).any(axis=1)
    return says_none


def explain(batch: ReadingBatch, row: int, reason: Reason, limits: Limits) -> str:
    """Return one sentence for a person: what was found, and what is allowed."""
    meter = batch.meter[row]
    at = dt.datetime.fromtimestamp(batch.ts_us[row] / US_PER_S, dt.UTC) if 0 < batch.ts_us[row] < 4e15 else None  # noqa: PLR2004
    values = {name: float(values[row]) for name, values in batch.columns.items() if not np.isnan(values[row])}
    match reason:
        case Reason.BEFORE_COMMISSIONING:
            since = dt.datetime.fromtimestamp(limits.commissioned_us[meter] / US_PER_S, dt.UTC)
            return f"ts {at} lies before the meter's commissioning ({since}). Check the device's clock."
        case Reason.TIME_AHEAD:
            return f"ts {at} is in the future. Check the device's clock, and this machine's."
        case Reason.NO_VALUE:
            return f"not one quantity has a value. Send one of: {', '.join(QUANTITIES)}."
        case Reason.ENERGY_OUT_OF_RANGE:
            shown = {name: values[name] for name in (*ENERGY_FIELDS, *MORE_REGISTERS) if name in values}
            min_kwh, max_kwh = limits.min_energy_kwh[meter], limits.max_energy_kwh[meter]
            says_none = any(_says_none(batch, name, limits)[row] for name in shown)
            return f"{shown} {NO_REGISTER if says_none else OFF.format(min_kwh=min_kwh, max_kwh=max_kwh)}"
        case Reason.POWER_OUT_OF_RANGE:
            max_kw = limits.max_power_kw[meter]
            beyond = {name: values[name] for name in POWERS if abs(values.get(name, 0.0)) > max_kw}
            named = ", ".join(f"{name} {value:g}" for name, value in beyond.items())
            return f"{named} is beyond {max_kw:g} kW. Check rated_kw, ratios and unit."
        case _:
            off = {n: values[n] for n, (least, most) in PLAUSIBLE.items() if not least <= values.get(n, least) <= most}
            return f"{off} is not plausible. Check the profile's units."
