"""A meter's settings by day, as far as its quarter-hours depend on them, and readings in the ratio of a version.

A reading has the transformer ratio beside it by which its energy was multiplied when it was stored. Another ratio that
is entered later, from any day on, is therefore applied to readings that are stored already.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.metering.ratios import EVER_US, ratio_steps, ratios_at
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.portfolio.records import EVER
from bkkenergy.readings import APPLIED_RATIO, RATED_FIELDS, ReadingBatch, is_multiplied
from bkkenergy.settings import Settings

DAY = dt.timedelta(days=1)
SETTINGS_OF_ENERGY = (
    "kind",
    "rated_kw",
    "rated_m3_per_h",
    "register_digits",
    "rollover_kwh",
    "resolution_kwh",
    "restarts_at_zero",
    "ct_ratio",
    "vt_ratio",
    "interval_s",
    "exchanges",
)
"""What of a meter's configuration its quarter-hours depend on."""


@dataclass(frozen=True, slots=True)
class Version:
    """A meter as it is on the days first..last, both ends included."""

    meter: Meter
    first: dt.date
    last: dt.date


def versions_of(portfolio: Portfolio, meter_id: str) -> tuple[Version, ...]:
    """Return a meter's versions that differ in what quarter-hours depend on; together they are all days.

    Before its first day a meter is what it is first, and after its end what it was last.
    """
    versions: list[Version] = []
    for dated in portfolio.history(meter_id):
        if versions and _energy_settings(versions[-1].meter) == _energy_settings(dated.value):
            continue
        if versions:
            versions[-1] = replace(versions[-1], last=dated.first - DAY)
        versions.append(Version(dated.value, dated.first if versions else EVER, dt.date.max))
    return tuple(versions)


@dataclass(frozen=True, slots=True)
class RatioStretch:
    """A meter with the transformer ratios that it has from an instant on, us since 1970 UTC. No exchange is in it."""

    from_us: int
    meter: Meter


def stretches_of(portfolio: Portfolio, meter_id: str) -> tuple[RatioStretch, ...]:
    """Return a meter by its settings and ratios from instant to instant, the first of them from ever."""
    stretches: list[RatioStretch] = []
    for version in versions_of(portfolio, meter_id):
        start_us = EVER_US if version.first == EVER else timestamp_us(Period.day(version.first).start)
        end_us = None if version.last == dt.date.max else timestamp_us(Period.day(version.last).end)
        steps = ratio_steps(version.meter)
        for number, step in enumerate(steps):
            is_over = number + 1 < len(steps) and steps[number + 1].from_us <= start_us
            if is_over or (end_us is not None and step.from_us >= end_us):
                continue
            ratios = {"ct_ratio": step.ct_ratio, "vt_ratio": step.vt_ratio, "exchanges": ()}
            meter = version.meter.model_copy(update=ratios)
            if not stretches or stretches[-1].meter != meter:
                stretches.append(RatioStretch(max(start_us, step.from_us), meter))
    return tuple(stretches)


def _energy_settings(meter: Meter) -> Mapping[str, object]:
    return {name: getattr(meter, name) for name in SETTINGS_OF_ENERGY}


def versions_within(portfolio: Portfolio, meter: Meter, first: dt.date, last: dt.date) -> list[Version]:
    """Return a meter's versions on some days, cut to these; the meter itself where the portfolio has none."""
    versions = versions_of(portfolio, meter.id) or (Version(meter, EVER, dt.date.max),)
    return [
        Version(version.meter, max(version.first, first), min(version.last, last))
        for version in versions
        if version.first <= last and version.last >= first
    ]


def revision_text(versions: Sequence[Version], settings: Settings) -> str:
    """Return a digest of the settings that quarter-hours depend on, for each version with its first day."""
    parts = [_digest(version.meter, settings) for version in versions]
    days = ["" if version.first == EVER else f"@{version.first.isoformat()}" for version in versions]
    return " ".join(part + day for part, day in zip(parts, days, strict=True))


def _digest(meter: Meter, settings: Settings) -> str:
    entry = meter.model_dump(mode="json", include=set(SETTINGS_OF_ENERGY))
    if entry["rated_m3_per_h"] is None:  # a setting that few meters have leaves the digests of all others as they are
        del entry["rated_m3_per_h"]
    entry["max_estimated_gap_s"] = settings.metering.max_estimated_gap_s
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16]


def changed_days(before: str, after: str) -> list[tuple[dt.date, dt.date]]:
    """Return the stretches of days, both ends included, on which two texts of `revision_text` differ."""
    old, new = _parsed(before), _parsed(after)
    starts = sorted({day for day, _ in (*old, *new)})
    stretches: list[tuple[dt.date, dt.date]] = []
    for number, start in enumerate(starts):
        end = starts[number + 1] - DAY if number + 1 < len(starts) else dt.date.max
        if _on(old, start) == _on(new, start):
            continue
        if stretches and stretches[-1][1] + DAY == start:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return stretches


def _parsed(text: str) -> list[tuple[dt.date, str]]:
    versions = []
    for part in text.split():
        digest, _, day = part.partition("@")
        versions.append((dt.date.fromisoformat(day) if day else EVER, digest))
    return versions


def _on(parsed: Sequence[tuple[dt.date, str]], day: dt.date) -> str:
    return next((digest for first, digest in reversed(parsed) if first <= day), "")


def in_ratio_of(batch: ReadingBatch, meters: Sequence[Meter]) -> ReadingBatch:
    """Return readings multiplied by the transformer ratios of `meters`, instead of those applied when stored.

    What flowed before an exchange of the transformers is multiplied by the ratio of that time. Readings that say no
    ratio, or 0, stay as they are: it is not known, or the figures are what flowed, whatever the ratio is.
    meters : in the order of the batch.
    """
    applied_ratio = batch.columns.get(APPLIED_RATIO)
    if applied_ratio is None or len(batch) == 0:
        return batch
    wanted_ratio = ratios_at(meters, batch.meter, batch.ts_us)
    differs = is_multiplied(applied_ratio) & (applied_ratio != wanted_ratio)
    if not differs.any():
        return batch
    factor = np.where(differs, wanted_ratio / np.where(differs, applied_ratio, 1.0), 1.0)
    columns = {name: values * factor if name in RATED_FIELDS else values for name, values in batch.columns.items()}
    columns[APPLIED_RATIO] = np.where(differs, wanted_ratio, applied_ratio)
    return replace(batch, columns=columns)


def rounds_of(portfolio: Portfolio, meters: Sequence[Meter], first: dt.date, last: dt.date) -> Iterator[list[Version]]:
    """Return versions of meters on some days, in rounds of one version a meter at most."""
    versions = [versions_within(portfolio, meter, first, last) for meter in meters]
    for number in range(max((len(chain) for chain in versions), default=0)):
        yield [chain[number] for chain in versions if number < len(chain)]
