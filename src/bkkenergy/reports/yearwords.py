"""A period beside the year before, and the year towards its target, in words and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from markupsafe import Markup

from bkkenergy.i18n import Words
from bkkenergy.reports.pictures import Column, bars
from bkkenergy.reports.yearpath import PathMonth, YearChange, YearPath
from bkkenergy.savings.uncertainty import MIN_VERDICT_DAYS
from bkkenergy.savings.yearly import LEVEL_DAYS


def year_verdict(change: YearChange, words: Words) -> str:
    """Write how sure a change from the year before is; nothing where there is none."""
    if change.verdict is None:
        return ""
    half = words.percent(change.half_width_ratio, 1)
    return words(f"compared.is_{change.verdict}", half=half, days=MIN_VERDICT_DAYS)


def by_improvement(changes: Sequence[YearChange]) -> list[YearChange]:
    """Sort buildings by how much less they use than the year before, the best first; those without a verdict last."""

    def order(change: YearChange) -> tuple[bool, float]:
        has_none = change.change_ratio is None or change.verdict in {"short", "part"}
        return has_none, change.change_ratio or 0.0

    return sorted(changes, key=order)


def beside_text(change: YearChange, words: Words) -> str:
    """Write what buildings like it changed together, and what is left without that; nothing where none are."""
    if change.common_ratio is None or change.beside_verdict is None:
        return ""
    half = words.percent(change.beside_half_ratio, 1)
    return words(
        "compared.beside",
        count=change.beside_count,
        common=words.percent(change.common_ratio, 1, signed=True),
        half=words.percent(change.common_half_ratio, 1),
        change=words.percent(change.beside_ratio, 1, signed=True),
        verdict=words(f"compared.is_{change.beside_verdict}", half=half, days=MIN_VERDICT_DAYS),
    )


def change_text(change: YearChange, words: Words) -> str:
    """Write a building's change from the year before, or why there is none."""
    if change.change_ratio is None:
        return (change.why or {}).get(words.lang, "")
    sentence = words(
        "compared.sentence",
        actual=words.number(change.actual_kwh),
        before=words.number(change.unadjusted_kwh),
        adjusted=words.number(change.adjusted_kwh),
        change=words.percent(change.change_ratio, 1, signed=True),
        verdict=year_verdict(change, words),
    )
    return f"{sentence} {beside_text(change, words)}".rstrip() if change.is_shared else sentence


def path_sentences(path: YearPath, words: Words) -> list[str]:
    """Say what is measured, what is forecast, and whether the target will be reached."""
    values = {
        "until": words.date(path.until),
        "measured": words.number(path.measured_kwh),
        "measured_days": path.measured_days,
        "days": path.days,
        "forecast": words.number(path.forecast_kwh),
        "energy": words.number(path.energy_kwh),
        "half": words.number(path.half_width_kwh),
        "ratio": words.percent(path.target_ratio, 1),
        "target": words.number(path.target_kwh),
    }
    is_whole = path.forecast_kwh <= 0
    begun = "path.none_measured" if path.measured_days == 0 else "path.so_far"
    lines = [words("path.whole" if is_whole else begun, **values)]
    lines.append(words(f"path.{path.verdict}{'_now' if is_whole else ''}", **values))
    if path.building_count < path.all_count:
        share = words.percent(path.known_ratio)
        lines.append(words("path.part", count=path.building_count, all=path.all_count, share=share))
    return lines


def path_data(path: YearPath) -> dict[str, Any]:
    """Return a year's path as data, with its sums."""
    sums = ("measured_kwh", "forecast_kwh", "energy_kwh", "baseline_kwh", "target_kwh", "measured_days", "verdict")
    return asdict(path) | {name: getattr(path, name) for name in sums}


def path_picture(path: YearPath, words: Words) -> Markup:
    """Draw each month: what is measured, on it what is forecast, and a mark for what the target leaves."""
    columns = [
        Column(month.measured_kwh, month.target_kwh, words.month_short(month.first_day), _hover(month, words),
               month.forecast_kwh)
        for month in path.months
    ]  # fmt: skip
    return bars(columns, title=path_title(path, words), number=words.number)


def path_title(path: YearPath, words: Words) -> str:
    """Return the heading: the fiscal year and its target."""
    return words("path.title", year=words.year(path.last_day.year))


def path_method(words: Words) -> str:
    """Say how the path was made."""
    return words("path.method", level=LEVEL_DAYS)


def _hover(month: PathMonth, words: Words) -> str:
    return words(
        "path.hover",
        month=words.month(month.first_day),
        measured=words.number(month.measured_kwh),
        forecast=words.number(month.forecast_kwh),
        target=words.number(month.target_kwh),
    )
