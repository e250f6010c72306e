"""Validation, estimation and editing (VEE): readings made into quarter-hours whose sum is the register's difference."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import timestamp_us
from bkkenergy.metering.frames import renumbered
from bkkenergy.metering.rating import Rating
from bkkenergy.metering.registertrack import register_track
from bkkenergy.metering.spans import Span
from bkkenergy.metering.spread import DAYS_PER_WEEK, QUARTERS_PER_DAY, spread
from bkkenergy.metering.tracks import Track, interval_track, power_track
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.readings import MORE_REGISTERS, FloatArray, IntArray, Quality, QualityArray, ReadingBatch

FIELD_OF_CHANNEL = {
    "import": "energy_kwh",
    "export": "export_kwh",
    "reactive": "reactive_kvarh",
    "reactive_export": "reactive_export_kvarh",
    "import_on_peak": "energy_on_peak_kwh",
    "import_off_peak": "energy_off_peak_kwh",
    "import_holiday": "energy_holiday_kwh",
    "chilled_water": "chilled_water_kwh",
    "water": "water_m3",
    "gas": "gas_m3",
}
"""The register of each channel. A meter of kind net has one register for import and export."""
QUARTERS_PER_H = 4
MAX_FLOW_M3_PER_H = 10_000.0
"""No pipe of a building carries more: one of 1 m across at 3.5 m/s. The rating of volumes where a meter has none."""


@dataclass(frozen=True, slots=True)
class Validated:
    """Energy of intervals, computed from readings.

    energy_kwh, quality : (k, m) accepted energy of each interval, NaN where nothing of it is known; its Quality.
    spans : what is to be known about stretches that touch the window, by meter.
    """

    energy_kwh: FloatArray
    quality: QualityArray
    spans: tuple[Span, ...]


def validate(
    readings: ReadingBatch,
    meters: Sequence[Meter],
    edges_us: IntArray,
    *,
    channel: str,
    max_gap_s: float,
) -> Validated:
    """Compute the interval energy of meters from their readings.

    The sum of intervals is the accepted energy: between two readings of a register without a break it is the
    register's difference. What was refused, or cannot be known, is listed in spans. A reading changes intervals
    back to the reading before it, and those after it up to the next. The energy of a gap is distributed evenly;
    `redistribution_kwh` gives it the meter's typical shape.

    Parameters
    ----------
    readings : ReadingBatch
        Of each meter everything from the last reading before the window to the first after it, and at least a day
        more on both sides; in any order, doubles included.
    meters : sequence of Meter
        Meters as configured.
    edges_us : (k+1,) array
        Edges of equal intervals [us since 1970 UTC].
    channel : str
        Which register: "import", "export" or another of `FIELD_OF_CHANNEL`.
    max_gap_s : float
        In a silence longer than this [s], nothing is known of what a meter took that sends power alone.

    Returns
    -------
    Validated
        Energy [kWh] (of other registers kvarh or m3) and `Quality` of each interval and meter, and spans.

    Raises
    ------
    ValueError
        If the channel is not known.

    See Also
    --------
    bkkenergy.intervals : The same for one meter, with pandas.

    References
    ----------
    .. [1] Edison Electric Institute, "Uniform Business Practices for Unbundled Electricity Metering", volume 2,
       2000: validation, editing and estimation (VEE).

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.vee import validate
    >>> from bkkenergy.portfolio import Meter
    >>> from bkkenergy.readings import ReadingBatch
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60)
    >>> ts_us = np.arange(3) * 900_000_000
    >>> batch = ReadingBatch(("a.b.c",), np.zeros(3, int), ts_us, {"energy_kwh": np.array([100.0, 102.0, 105.0])})
    >>> validate(batch, [meter], ts_us, channel="import", max_gap_s=7200.0).energy_kwh[:, 0].tolist()
    [2.0, 3.0]
    """
    field = FIELD_OF_CHANNEL.get(channel)
    if field is None:
        raise ValueError(f"validate: channel {channel!r} is not known. Use one of: {', '.join(FIELD_OF_CHANNEL)}.")
    numbered = _in_order(readings, meters, field)
    starts = np.searchsorted(numbered.meter, np.arange(len(meters) + 1))
    energy_kwh = np.empty((len(edges_us) - 1, len(meters)))
    quality = np.empty(energy_kwh.shape, np.uint8)
    spans: list[Span] = []
    for number, meter in enumerate(meters):
        rows = slice(int(starts[number]), int(starts[number + 1]))
        ts_us, columns = numbered.ts_us[rows], {name: values[rows] for name, values in numbered.columns.items()}
        bounded = _bounded(meter, field)
        track = _track(ts_us, columns, bounded, field, max_gap_s)
        column = spread(track, edges_us, Rating.of(bounded))
        energy_kwh[:, number], quality[:, number] = _of_channel(column[0], meter, channel), column[1]
        spans += _spans(track, meter, channel, int(edges_us[0]), int(edges_us[-1]))
    return Validated(energy_kwh, quality, tuple(spans))


def typical_profile(energy_kwh: FloatArray, quality: QualityArray, first_day: dt.date) -> FloatArray:
    """Compute the mean power of measured intervals by weekday and quarter of the day.

    Parameters
    ----------
    energy_kwh, quality : (days x 96, m) array
        Energy [kWh] and `Quality` of the quarter-hours of whole days.
    first_day : date
        The first of them.

    Returns
    -------
    (m, 7, 96) array
        Mean power [kW], Monday first; NaN where no interval was measured.

    Examples
    --------
    >>> import datetime as dt
    >>> import numpy as np
    >>> from bkkenergy.metering.vee import typical_profile
    >>> profile_kw = typical_profile(np.full((96, 1), 2.5), np.zeros((96, 1), np.uint8), dt.date(2025, 11, 3))
    >>> float(profile_kw[0, 0, 0]), float(profile_kw[0, 1, 0])
    (10.0, nan)
    """
    by_day = energy_kwh.reshape(-1, QUARTERS_PER_DAY, energy_kwh.shape[1])
    is_measured = (quality == Quality.MEASURED).reshape(by_day.shape) & np.isfinite(by_day)
    weekday = (first_day.weekday() + np.arange(len(by_day))) % DAYS_PER_WEEK
    profile_kw = np.full((energy_kwh.shape[1], DAYS_PER_WEEK, QUARTERS_PER_DAY), np.nan)
    for day in range(DAYS_PER_WEEK):
        known = is_measured[weekday == day]
        total_kwh, count = np.where(known, by_day[weekday == day], 0.0).sum(axis=0), known.sum(axis=0)
        mean_kw = np.divide(total_kwh * QUARTERS_PER_H, count, out=np.full(count.shape, np.nan), where=count > 0)
        profile_kw[:, day] = mean_kw.T
    return profile_kw


def _in_order(readings: ReadingBatch, meters: Sequence[Meter], field: str) -> ReadingBatch:
    """Sort the readings of meters by their number and instant; only the quantities that energy comes from."""
    names = {field, "energy_kwh", "power_kw"} & readings.columns.keys()
    columns = {name: readings.columns[name] for name in sorted(names)}
    ordered = ReadingBatch(readings.meter_ids, readings.meter, readings.ts_us, columns)
    meter_ids = tuple(meter.id for meter in meters)
    if ordered.meter_ids != meter_ids:
        ordered = renumbered(ordered, meter_ids)
    meter_step = np.diff(ordered.meter)
    is_ordered = (meter_step > 0) | ((meter_step == 0) & (np.diff(ordered.ts_us) >= 0))
    return ordered if is_ordered.all() else ordered.in_order()


def _bounded(meter: Meter, field: str) -> Meter:
    """Return the meter by which one of its registers is judged.

    What is beside import and export is a plain register, or energy of intervals; volumes have a rating of their own.
    """
    if field not in MORE_REGISTERS or meter.kind is MeterKind.WEATHER:
        return meter
    kind = MeterKind.INTERVAL if meter.kind is MeterKind.INTERVAL else MeterKind.REGISTER
    rated = (meter.rated_m3_per_h or MAX_FLOW_M3_PER_H) if field.endswith("_m3") else meter.rated_kw
    return meter.model_copy(update={"kind": kind, "rated_kw": rated})


def _track(ts_us: IntArray, columns: dict[str, FloatArray], meter: Meter, field: str, max_gap_s: float) -> Track:
    """Return the track of one meter's channel, by its kind."""
    if meter.kind is MeterKind.OTHER and field not in MORE_REGISTERS:
        return Track.nothing()
    if meter.kind is MeterKind.NET:
        name = "energy_kwh"
    elif meter.kind is MeterKind.POWER and field == "energy_kwh":
        name = "power_kw"
    else:
        name = field
    values = columns.get(name)
    if values is None or meter.kind is MeterKind.WEATHER:
        return Track.nothing()
    is_sent = ~np.isnan(values)
    if not is_sent.all():
        ts_us, values = ts_us[is_sent], values[is_sent]
    match meter.kind:
        case MeterKind.INTERVAL:
            return interval_track(ts_us, values, meter)
        case MeterKind.POWER:
            return power_track(ts_us, values, meter, max_gap_s=max_gap_s) if name == "power_kw" else Track.nothing()
        case _:
            return register_track(ts_us, values, meter, _exchanges(meter, is_known=name == "energy_kwh"))


def _exchanges(meter: Meter, *, is_known: bool) -> list[tuple[int, float | None]]:
    """Return declared exchanges. They state the import register; the export register's values are not known.

    What flowed before an exchange was scaled by the transformer ratios of that time.
    """
    exchanges: list[tuple[int, float | None]] = []
    ct_ratio, vt_ratio = meter.ct_ratio, meter.vt_ratio
    for exchange in sorted(meter.exchanges, key=lambda exchange_: exchange_.at, reverse=True):
        initial_kwh = exchange.initial_kwh * ct_ratio * vt_ratio
        ct_ratio, vt_ratio = exchange.previous_ct_ratio or ct_ratio, exchange.previous_vt_ratio or vt_ratio
        offset_kwh = exchange.final_kwh * ct_ratio * vt_ratio - initial_kwh
        exchanges.append((timestamp_us(pd.Timestamp(exchange.at)), offset_kwh if is_known else None))
    return exchanges[::-1]


def _of_channel(energy_kwh: FloatArray, meter: Meter, channel: str) -> FloatArray:
    """Convert net energy of intervals to energy of one direction."""
    if meter.kind is not MeterKind.NET or FIELD_OF_CHANNEL[channel] in MORE_REGISTERS:
        return energy_kwh
    return np.maximum(energy_kwh if channel == "import" else -energy_kwh, 0.0)


def _spans(track: Track, meter: Meter, channel: str, start_us: int, end_us: int) -> list[Span]:
    """Return the track's stretches that touch a window, in order of time."""
    touching = [one for one in track.stretches if one.start_us < end_us and one.end_us > start_us]
    return [Span(meter.id, channel, *stretch) for stretch in sorted(touching, key=lambda one: (one[0], one[1], one[2]))]
