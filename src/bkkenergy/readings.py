"""What travels from a meter to a report: columns of readings, and how good each energy value is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
QualityArray = npt.NDArray[np.uint8]

US_PER_S = 1_000_000
_ODD_NUMBER = 0x1E3779B97F4A7C15
"""Any that is odd and large: meters are far from each other."""

EARLIEST, LATEST = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2000, 2100))
"""A stamp before the one, or not before the other, is of a clock that was not set or counts the Buddhist era."""

ENERGY_FIELDS = ("energy_kwh", "export_kwh")
"""Cumulative registers (or energy in an interval, for meters of that kind)."""

MORE_REGISTERS = (
    "reactive_kvarh",
    "reactive_export_kvarh",
    "energy_on_peak_kwh",
    "energy_off_peak_kwh",
    "energy_holiday_kwh",
    "chilled_water_kwh",
    "water_m3",
    "gas_m3",
)
"""Further cumulative registers: reactive energy, energy by time of use, chilled water (thermal), water, gas."""

MORE_GAUGES = (
    "reactive_kvar",
    "apparent_kva",
    "demand_kw",
    "current_n_a",
    "thd_voltage_ratio",
    "thd_current_ratio",
    "room_temp_c",
    "humidity_ratio",
)
"""Further values of an instant. demand_kw : the meter's own register of the highest demand since it was reset."""

MORE_FIELDS = (*MORE_REGISTERS, *MORE_GAUGES)
"""What few meters send: stores hold it beside the other quantities, so that those cost no more for it."""

QUANTITIES = (
    *ENERGY_FIELDS,
    "power_kw",
    "voltage_l1_v",
    "voltage_l2_v",
    "voltage_l3_v",
    "current_l1_a",
    "current_l2_a",
    "current_l3_a",
    "power_factor",
    "frequency_hz",
    "ghi_wm2",
    "temp_air_c",
    *MORE_FIELDS,
)
"""Every quantity that a device can send."""

RATED_FIELDS = (
    *ENERGY_FIELDS,
    "power_kw",
    *(name for name in MORE_FIELDS if name.startswith(("reactive", "energy", "apparent", "demand"))),
)
"""What CT and VT ratios multiply together."""

APPLIED_RATIO = "applied_ratio"
"""The transformer ratio (CT times VT) by which a reading's energy and power were multiplied when it was stored.

0 where they are what flowed, whatever the ratio is; nothing where it is not known.
"""
WHAT_FLOWED = 0.0
"""The applied ratio of figures that no ratio multiplies, now or later."""

FIELDS = (*QUANTITIES, APPLIED_RATIO)
"""Every quantity that a reading can carry, in the order in which stores keep them."""

WEATHER_FIELDS = ("ghi_wm2", "temp_air_c")
"""What a weather station sends: mean irradiance on the horizontal, W/m2, and air temperature, degC."""


def is_multiplied(applied_ratio: FloatArray) -> BoolArray:
    """Return (n,) whether readings were multiplied by a ratio that is known, so that another can be applied."""
    is_known: BoolArray = np.isfinite(applied_ratio) & (applied_ratio != WHAT_FLOWED)
    return is_known


class Quality(IntEnum):
    """How an interval's energy is known."""

    MEASURED = 0
    ESTIMATED = 1
    """The energy of a gap is known from the registers around it, and was distributed over the gap."""
    MISSING = 2
    """Not all of it can be known."""
    RESET = 3
    """Of a step between readings: its energy is refused. Intervals that hold such a step are MISSING in the ledger."""
    EDITED = 4
    """A person's figure, or a utility's file."""
    INCOMPLETE = 5
    """The interval is still running, or its last reading has not arrived."""


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings as columns; row i is one meter at one instant.

    meter_ids : the meters that `meter` points into.
    meter : (n,) index into `meter_ids`.
    ts_us : (n,) instants, microseconds since 1970-01-01 UTC.
    columns : name in FIELDS -> (n,) values; NaN where a reading has none. Columns that no reading
        has are left out.
    """

    meter_ids: tuple[str, ...]
    meter: IntArray
    ts_us: IntArray
    columns: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(FIELDS))
        if unknown:
            raise ValueError(
                f"ReadingBatch: columns {unknown} are not known. Use names of FIELDS: {', '.join(FIELDS)}."
            )
        lengths = {"meter": len(self.meter), "ts_us": len(self.ts_us)}
        lengths |= {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"ReadingBatch: columns differ in length: {lengths}.")

    def __len__(self) -> int:
        return len(self.ts_us)

    @classmethod
    def empty(cls, meter_ids: Sequence[str] = ()) -> Self:
        """Return a batch without a reading."""
        return cls(tuple(meter_ids), np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def concat(cls, batches: Sequence[Self]) -> Self:
        """Join batches over the same meters, one after the other."""
        if not batches:
            return cls.empty()
        if any(batch.meter_ids != batches[0].meter_ids for batch in batches):
            raise ValueError("ReadingBatch.concat: the batches index different meters. Rebuild them over one tuple.")
        names = [name for name in FIELDS if any(name in batch.columns for batch in batches)]
        return cls(
            batches[0].meter_ids,
            np.concatenate([batch.meter for batch in batches]),
            np.concatenate([batch.ts_us for batch in batches]),
            {name: np.concatenate([batch.column(name) for batch in batches]) for name in names},
        )

    def has_instant_of(self, other: ReadingBatch) -> bool:
        """Return whether both have a reading of one meter at one instant; in rare cases also where they do not."""
        if not len(self) or not len(other):
            return False
        first_us = max(self.ts_us.min(), other.ts_us.min())
        last_us = min(self.ts_us.max(), other.ts_us.max())
        if first_us > last_us:
            return False
        number_of = {name: number for number, name in enumerate(dict.fromkeys((*self.meter_ids, *other.meter_ids)))}
        pairs = []
        for batch in (self, other):
            common = (batch.ts_us >= first_us) & (batch.ts_us <= last_us)
            meter = np.array([number_of[name] for name in batch.meter_ids], np.int64)[batch.meter[common]]
            # Meter and instant as one number, which overflows in silence: two pairs seldom have the same.
            pairs.append(meter * _ODD_NUMBER + batch.ts_us[common])
        return bool(np.isin(*pairs).any())

    def column(self, name: str) -> FloatArray:
        """Return (n,) values of one quantity, NaN where the batch has none."""
        values = self.columns.get(name)
        return np.full(len(self), np.nan) if values is None else values

    def take(self, rows: BoolArray | IntArray | slice) -> ReadingBatch:
        """Return the readings at `rows`: a mask, positions, or a slice."""
        return ReadingBatch(
            self.meter_ids,
            self.meter[rows],
            self.ts_us[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )

    def in_order(self) -> ReadingBatch:
        """Sort the readings by meter, then instant; doubles stay in the order in which they came."""
        order = np.argsort(self.meter, kind="stable")
        falls = np.diff(self.ts_us[order]) < 0
        if (falls & (np.diff(self.meter[order]) == 0)).any():
            order = np.lexsort((self.ts_us, self.meter))
        return self.take(order)
