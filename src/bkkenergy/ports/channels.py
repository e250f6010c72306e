"""Channels of the energy ledger: the quantities of a meter, each with its unit and the field that it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bkkenergy.metering.vee import FIELD_OF_CHANNEL

QUARTERS_PER_DAY = 96
HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of a meter.

    unit : of a slot's value. is_additive : whether slots add up (energy) or average (temperature).
    slots_per_day : 96 quarter-hours or 24 hours. field : of the readings that it is computed from.
    """

    name: str
    unit: str
    is_additive: bool = True
    slots_per_day: int = QUARTERS_PER_DAY
    field: str = ""


def _register(name: str, unit: str) -> Channel:
    return Channel(name, unit, field=FIELD_OF_CHANNEL[name])


def _gauge(name: str, unit: str, field: str) -> Channel:
    return Channel(name, unit, is_additive=False, field=field)


def _hourly(name: str, unit: str) -> Channel:
    return Channel(name, unit, is_additive=False, slots_per_day=HOURS_PER_DAY, field=name)


IMPORT = _register("import", "kWh")
EXPORT = _register("export", "kWh")
REACTIVE = _register("reactive", "kvarh")
SECOND_REGISTERS: tuple[Channel, ...] = (
    EXPORT,
    REACTIVE,
    _register("reactive_export", "kvarh"),
    _register("import_on_peak", "kWh"),
    _register("import_off_peak", "kWh"),
    _register("import_holiday", "kWh"),
    _register("chilled_water", "kWh"),
    _register("water", "m3"),
    _register("gas", "m3"),
)
"""Registers that many meters lack, and that may fall silent while others go on."""
REGISTERS = (IMPORT, *SECOND_REGISTERS)

POWER_FACTOR = _gauge("power_factor", "1", "power_factor")
KVAR = _gauge("reactive_power", "kvar", "reactive_kvar")
VOLTAGES = tuple(_gauge(f"voltage_l{phase}", "V", f"voltage_l{phase}_v") for phase in (1, 2, 3))
CURRENTS = tuple(_gauge(f"current_l{phase}", "A", f"current_l{phase}_a") for phase in (1, 2, 3))
GAUGES: tuple[Channel, ...] = (
    KVAR,
    *VOLTAGES,
    *CURRENTS,
    _gauge("apparent_power", "kVA", "apparent_kva"),
    _gauge("demand", "kW", "demand_kw"),
    _gauge("current_n", "A", "current_n_a"),
    _gauge("thd_voltage", "1", "thd_voltage_ratio"),
    _gauge("thd_current", "1", "thd_current_ratio"),
    _gauge("room_temp", "degC", "room_temp_c"),
    _gauge("humidity", "1", "humidity_ratio"),
)
"""Means of each quarter-hour, of whatever sends them."""
GHI = _hourly("ghi_wm2", "W/m2")
TEMP_AIR = _hourly("temp_air_c", "degC")
CHANNELS: Mapping[str, Channel] = {
    channel.name: channel for channel in (*REGISTERS, POWER_FACTOR, *GAUGES, GHI, TEMP_AIR)
}
"""The channels that the product fills today. A ledger takes any other."""
