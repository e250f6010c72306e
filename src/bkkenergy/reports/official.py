"""What the state asks of an agency, as a report has it: its energy index by month, and the duties of its buildings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from bkkenergy.i18n import Words


@dataclass(frozen=True, slots=True)
class IndexMonth:
    """A month of the state's index of an agency. why : what is missing for it, in each language."""

    month: dt.date
    electricity_kwh: float | None
    coverage_ratio: float
    standard_kwh: float | None
    index_ratio: float | None
    fuel_litres: float | None
    standard_fuel_litres: float | None
    fuel_index_ratio: float | None
    why: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class StateIndex:
    """How an agency compares with the state's standard use of its group. target_ratio : that the state asks for."""

    group: str
    target_ratio: float
    target_source: str
    target_source_th: str
    months: tuple[IndexMonth, ...]


@dataclass(frozen=True, slots=True)
class Duty:
    """A building that is designated by law: how many persons are responsible, and when its report is due.

    persons : None where the building is designated by its energy, and its size is not known.
    """

    building_id: str
    persons: int | None
    report_due: dt.date


def index_whys(index: StateIndex, words: Words) -> list[str]:
    """Say why months have no index: each reason once, with the months that it holds for."""
    by_reason: dict[str, list[str]] = {}
    for month in index.months:
        for reason in month.why[words.lang]:
            by_reason.setdefault(reason, []).append(words.month(month.month))
    return [
        f"{names[0]}{f' – {names[-1]} ({len(names)})' if len(names) > 1 else ''}: {reason}"
        for reason, names in by_reason.items()
    ]
