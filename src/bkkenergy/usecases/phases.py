"""How a building's main meters share their energy among the phases over a period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.metering.phases import PHASES, phase_power_kw
from bkkenergy.portfolio import Building, Meter
from bkkenergy.ports.channels import CURRENTS, IMPORT, QUARTERS_PER_DAY, VOLTAGES
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.site import Site
from bkkenergy.usecases.energy import QUARTERS_PER_HOUR

HOURS = 24


@dataclass(frozen=True, slots=True)
class MeterPhases:
    """A meter's phases over a period, (3,) each.

    energy_kwh : over the quarter-hours of which power, volts and amperes are known; known_ratio : their share of the
    period. share_ratio : of energy_kwh. mean_a, high_a, mean_v : mean and highest quarter-hour.
    hour_kw : (24, 3) mean power of each hour of the day; NaN where none is known.
    """

    meter: Meter
    energy_kwh: FloatArray
    share_ratio: FloatArray
    known_ratio: float
    mean_a: FloatArray
    high_a: FloatArray
    mean_v: FloatArray
    hour_kw: FloatArray


def phases_of(site: Site, building: Building, period: Period) -> list[MeterPhases]:
    """Return the phases of each main meter that sends volts and amperes of all three. Raises StoreUnavailable."""
    names = [meter.id for meter in building.main_meters]
    sent = site.ledger.channels(names)
    needed = {channel.name for channel in (*CURRENTS, *VOLTAGES)}
    each = [_phases(site, meter, period) for meter in building.main_meters if needed <= set(sent.get(meter.id, ()))]
    return [phases for phases in each if phases is not None]


def _phases(site: Site, meter: Meter, period: Period) -> MeterPhases | None:
    days = period.first_day, period.last_day
    amperes, volts = (
        np.column_stack([site.energy.slots([meter.id], channel, *days).values[:, 0] for channel in channels])
        for channels in (CURRENTS, VOLTAGES)
    )
    total_kw = site.energy.slots([meter.id], IMPORT, *days).values[:, 0] * QUARTERS_PER_HOUR
    power_kw = phase_power_kw(total_kw, volts, amperes)
    is_known: BoolArray = np.logical_and.reduce(np.isfinite(power_kw), axis=1)
    if not is_known.any():
        return None
    energy_kwh = power_kw[is_known].sum(axis=0) / QUARTERS_PER_HOUR
    whole_kwh = float(energy_kwh.sum())
    slots = np.where(is_known[:, np.newaxis], power_kw, 0.0).reshape(-1, HOURS, QUARTERS_PER_DAY // HOURS, PHASES)
    count = is_known.reshape(-1, HOURS, QUARTERS_PER_DAY // HOURS).sum(axis=(0, 2))
    hour_kw = np.full((HOURS, PHASES), np.nan)
    np.divide(slots.sum(axis=(0, 2)), count[:, np.newaxis], out=hour_kw, where=count[:, np.newaxis] > 0)
    return MeterPhases(
        meter,
        energy_kwh,
        energy_kwh / whole_kwh if whole_kwh > 0 else np.full(PHASES, np.nan),
        float(is_known.mean()),
        amperes[is_known].mean(axis=0),
        amperes[is_known].max(axis=0),
        volts[is_known].mean(axis=0),
        hour_kw,
    )
