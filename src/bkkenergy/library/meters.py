"""From a meter's readings to the energy of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, epoch_us
from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked
from bkkenergy.library.errors import unknown_name
from bkkenergy.library.series import instants_of, is_register, numbers_of, unit_of
from bkkenergy.metering.spans import Span
from bkkenergy.metering.vee import validate
from bkkenergy.portfolio import Exchange, Meter, MeterKind
from bkkenergy.readings import FloatArray, Quality, ReadingBatch
from bkkenergy.settings import MeteringSettings

__all__ = ["Kind", "intervals", "spans"]

Kind = Literal["register", "interval", "power", "net"]
LENGTHS = ("5min", "10min", "15min", "30min", "60min", "1h")
METER, BUILDING = "library.building.meter", "library.building"
MANY_STEPS, FALLING_RATIO = 10, 0.2
SPAN_COLUMNS = ["start", "end", "reason", "energy_kwh"]


@checked
def intervals(
    readings: pd.Series | pd.DataFrame,
    *,
    rated_kw: float,
    kind: Kind = "register",
    interval: str = "15min",
    channel: Literal["import", "export"] = "import",
    rollover_kwh: float | None = None,
    register_digits: int | None = None,
    ct_ratio: float = 1.0,
    vt_ratio: float = 1.0,
    restarts_at_zero: bool = False,
    exchanges: Sequence[Exchange] = (),
    interval_s: int = 900,
) -> pd.DataFrame:
    """Compute the energy of regular intervals from a meter's readings.

    This is validation and estimation as a utility's meter data management system does it. The sum of the intervals is
    the register's difference, less what was refused. What was refused, estimated or cannot be known is listed by
    `spans`.

    Parameters
    ----------
    readings : Series or DataFrame
        What the meter showed, by instants with a time zone. A Series holds the register [kWh] (of kind "power": the
        power [kW]). A DataFrame has the columns ``energy_kwh``, ``export_kwh`` or ``power_kw``. Values are energy that
        flows: multiply by the transformers' ratios first.
    rated_kw : float
        The most that can flow through the meter [kW]. A register that rises faster is refused.
    kind : {"register", "interval", "power", "net"}
        A register that grows; the energy of the interval that ends at the reading; power, which is integrated; or one
        register that falls while energy is exported.
    interval : str
        Length of the intervals: 5min, 10min, 15min, 30min or 60min.
    channel : {"import", "export"}
        Which direction of energy.
    rollover_kwh : float, optional
        Where the register starts again from zero, as the meter shows it [kWh].
    register_digits : int, optional
        Whole digits of the register, instead of `rollover_kwh`.
    ct_ratio, vt_ratio : float
        Transformer ratios, by which `rollover_kwh` or `register_digits` become energy that flows.
    restarts_at_zero : bool
        Whether the register loses its value with its supply. What it shows then was used since.
    exchanges : sequence of Exchange
        Exchanges of the meter, with the last value of the old one and the first of the new one [kWh].
    interval_s : int
        How often the meter is expected to report [s].

    Returns
    -------
    DataFrame
        ``energy_kwh`` [kWh], NaN where nothing is known, and ``quality`` ("measured", "estimated", "missing"), by the
        start of each interval in Asia/Bangkok. The first and the last interval are "missing" where readings cover
        only a part of them.

    Raises
    ------
    InputError
        If the index has no time zone, or the values cannot be what `kind` says.

    See Also
    --------
    spans : What is to be known about stretches of the readings.

    References
    ----------
    .. [1] Edison Electric Institute, "Uniform Business Practices for Unbundled Electricity Metering", volume 2, 2000:
       validation, editing and estimation (VEE).

    Examples
    --------
    A register that was read once an hour, with one reading missing:

    >>> import pandas as pd
    >>> import bkkenergy as bk
    >>> times = pd.to_datetime(["2026-03-02 08:00", "2026-03-02 09:00", "2026-03-02 11:00"]).tz_localize("Asia/Bangkok")
    >>> register = pd.Series([1000.0, 1012.0, 1040.0], times, name="energy_kwh")
    >>> table = bk.intervals(register, rated_kw=60, interval="60min", interval_s=3600)
    >>> table["energy_kwh"].tolist(), float(table["energy_kwh"].sum())
    ([12.0, 14.0, 14.0], 40.0)
    """
    if interval not in LENGTHS:
        raise unknown_name("interval", interval, LENGTHS)
    if kind not in {"register", "interval", "power", "net"}:
        raise unknown_name("kind", kind, ("register", "interval", "power", "net"))
    if not rated_kw > 0:
        raise InputError(f"rated_kw is {rated_kw}. Give the most that can flow through the meter, in kW: its breaker.")
    meter = Meter(
        id=METER, building=BUILDING, topic="library", kind=MeterKind(kind), rated_kw=rated_kw, interval_s=interval_s,
        rollover_kwh=rollover_kwh, register_digits=register_digits, ct_ratio=ct_ratio, vt_ratio=vt_ratio,
        restarts_at_zero=restarts_at_zero, exchanges=tuple(exchanges),
    )  # fmt: skip
    batch = _batch(readings, kind)
    edges = _edges(batch, pd.Timedelta(interval))
    gap_s = MeteringSettings().max_estimated_gap_s
    validated = validate(batch, [meter], epoch_us(edges), channel=channel, max_gap_s=gap_s)
    names = np.array([one.name.lower() for one in Quality], dtype=object)
    quality = pd.Categorical(names[validated.quality[:, 0]], categories=names)
    frame = pd.DataFrame({"energy_kwh": validated.energy_kwh[:, 0], "quality": quality}, index=edges[:-1])
    frame.attrs["spans"] = [_as_record(span) for span in validated.spans]
    return frame


@checked
def spans(table: pd.DataFrame) -> pd.DataFrame:
    """List what is to be known about stretches of a meter's readings.

    Parameters
    ----------
    table : DataFrame
        What `intervals` returned.

    Returns
    -------
    DataFrame
        ``start`` and ``end`` in Asia/Bangkok, ``reason`` (gap, unknown, reset, over_rating, off_track, rollover,
        restart, exchange) and ``energy_kwh`` [kWh]: counted there, or refused; NaN where not known.

    Raises
    ------
    InputError
        If the table was not made by `intervals`, or was changed by an operation that drops its `attrs`.

    See Also
    --------
    intervals : Makes the table.

    Examples
    --------
    >>> import pandas as pd
    >>> import bkkenergy as bk
    >>> times = pd.date_range("2026-03-02", periods=4, freq="15min", tz="Asia/Bangkok")
    >>> table = bk.intervals(pd.Series([99_998.0, 99_999.0, 0.0, 1.0], times), rated_kw=60, register_digits=5)
    >>> bk.spans(table)[["reason", "energy_kwh"]].to_dict("records")
    [{'reason': 'rollover', 'energy_kwh': 1.0}]
    """
    if "spans" not in table.attrs:
        raise InputError("this table has no spans. Give the table that bk.intervals returned, before it was changed.")
    return pd.DataFrame(table.attrs["spans"], columns=SPAN_COLUMNS)


def _batch(readings: pd.Series | pd.DataFrame, kind: Kind) -> ReadingBatch:
    """Return the readings as columns; the value of a Series by its kind."""
    field = "power_kw" if kind == "power" else "energy_kwh"
    if isinstance(readings, pd.Series):
        unit = "kw" if kind == "power" else "kwh"
        if unit_of(readings.name) not in {"", unit}:
            raise InputError(
                f'readings is named {readings.name!r}, and kind "{kind}" needs {"kW" if kind == "power" else "kWh"}. '
                'Convert it, or say what it is: kind="power" for power in kW.'
            )
        readings = readings.to_frame(str(readings.name) if readings.name == "export_kwh" else field)
    if not isinstance(readings, pd.DataFrame):
        raise InputError(f"readings is a {type(readings).__name__}. Give a pandas Series or DataFrame.")
    known = [name for name in ("energy_kwh", "export_kwh", "power_kw") if name in readings]
    if not known:
        raise InputError(
            f"readings has the columns {', '.join(map(str, readings.columns))}. Name the register energy_kwh (or "
            "export_kwh, or power_kw): readings.rename(columns={...})."
        )
    if len(readings) < 2:  # noqa: PLR2004 - energy lies between two readings
        raise InputError(f"readings has {len(readings)} rows. Energy is what lies between two readings.")
    instants = instants_of(readings.index, what="readings")
    columns = {name: _column(readings, name) for name in known}
    if field in columns:
        _judge_kind(columns[field], kind)
    return ReadingBatch((METER,), np.zeros(len(instants), np.int64), epoch_us(instants), columns)


def _column(readings: pd.DataFrame, name: str) -> FloatArray:
    column = readings[name]
    if isinstance(column, pd.DataFrame):
        raise InputError(f"readings has several columns {name}. Give one of them.")
    return numbers_of(column, "readings")


def _judge_kind(values: FloatArray, kind: Kind) -> None:
    """Raise InputError where values are not what `kind` says: energies of intervals fall as often as they rise."""
    known = values[np.isfinite(values)]
    steps = np.diff(known)
    if kind == "register" and len(steps) >= MANY_STEPS and (steps < 0).mean() > FALLING_RATIO:
        raise InputError(
            f"readings falls in {(steps < 0).mean():.0%} of its steps, and a register grows. If each value is the "
            'energy of an interval, say kind="interval"; if the register runs both ways, kind="net".'
        )
    if kind == "interval" and is_register(known):
        raise InputError('readings never falls: it looks like a register. Say kind="register".')


def _edges(batch: ReadingBatch, step: pd.Timedelta) -> pd.DatetimeIndex:
    """Return the edges of the intervals that readings touch."""
    first, last = (pd.Timestamp(int(ts), unit="us", tz="UTC").tz_convert(BANGKOK) for ts in batch.ts_us[[0, -1]])
    return pd.date_range(first.floor(step), last.ceil(step), freq=step, unit="us")


def _as_record(span: Span) -> dict[str, object]:
    start, end = (pd.Timestamp(ts, unit="us", tz="UTC").tz_convert(BANGKOK) for ts in (span.start_us, span.end_us))
    return dict(zip(SPAN_COLUMNS, (start, end, str(span.reason), span.energy_kwh), strict=True))
