"""Times of a file's rows: their zone, and whether they label the start or the end of an interval."""

from __future__ import annotations

import pandas as pd

from bkkenergy.calendar import epoch_us
from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets.cells import S_PER_DAY
from bkkenergy.ingest.sheets.mapping import FileMapping
from bkkenergy.ingest.sheets.table import TableForm
from bkkenergy.readings import IntArray


def localised(local_s: IntArray, zone: str) -> IntArray:
    """Return microseconds since 1970 of local seconds. Raises InputError where a time is not one instant."""
    naive = pd.DatetimeIndex(local_s * 1_000_000_000)
    try:
        return epoch_us(naive.tz_localize(zone))
    except ValueError as error:  # an hour that the zone has twice, or never
        raise InputError.of("times_not_one_instant", zone=zone, error=error) from None


def zone_offset_s(at_us: int, zone: str) -> int:
    """Return how far a zone is ahead of UTC at an instant, seconds."""
    offset = pd.Timestamp(at_us, unit="us", tz="UTC").tz_convert(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def label_of(form: TableForm, mapping: FileMapping, local_s: IntArray, interval_s: float, *, is_24: bool) -> str:
    """Return what stamps label: as asked, as headings say, or as the first and last of whole days show."""
    if mapping.stamps is not None:
        return mapping.stamps
    if is_24:
        return "end"
    if form.label is not None:
        return form.label
    first, last = int(local_s[0]), int(local_s[-1])
    if interval_s >= S_PER_DAY or (first == 0 and (last + interval_s) % S_PER_DAY == 0):
        return "start"
    if first == interval_s and last == 0:
        return "end"
    raise InputError.of("stamps_unknown", first=_clock(first), last=_clock(last))


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"
