"""What a saving is worth, and a saving under typical weather, in words and as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bkkenergy.i18n import Words
from bkkenergy.reports.savings.phrasing import verdict_text
from bkkenergy.savings.normal import NormalSaving
from bkkenergy.savings.worth import Worth

SUMS = ("on_peak_kwh", "off_peak_kwh", "energy_thb", "demand_thb", "total_thb", "half_thb")


def worth_sentences(worth: Worth, words: Words) -> list[str]:
    """Say what energy and lower peaks saved, each with its interval, and what is not counted."""
    lines = [
        words(
            "worth.sentence",
            first=words.date(worth.first),
            last=words.date(worth.last),
            energy=words.number(worth.energy_thb),
            half=words.number(worth.half_energy_thb),
            on_peak=words.number(worth.on_peak_kwh),
            off_peak=words.number(worth.off_peak_kwh),
        )
    ]
    demand_thb, half_thb = worth.demand_thb, worth.half_demand_thb
    if demand_thb is None or half_thb is None:
        lines.append(words("worth.no_demand"))
    else:
        count = sum(month.demand_thb is not None for month in worth.months)
        text = words("worth.demand", thb=words.number(demand_thb), half=words.number(half_thb), count=count)
        lines.append(f"{text} {words('worth.demand_unclear')}" if abs(demand_thb) <= half_thb else text)
        lines.append(words("worth.total", thb=words.number(worth.total_thb), half=words.number(worth.half_thb)))
    if worth.provisional:
        lines.append(words("bill.provisional_rate"))
    return lines


def worth_method(worth: Worth, words: Words) -> str:
    """Say how it was computed."""
    return words("worth.method", schedules=", ".join(worth.schedules))


def worth_data(worth: Worth) -> dict[str, Any]:
    """Return it as data, with its sums."""
    return asdict(worth) | {name: getattr(worth, name) for name in SUMS}


def normal_text(normal: NormalSaving, words: Words) -> str:
    """Say what a year would have saved under typical weather."""
    return words(
        "worth.normal",
        first=words.date(normal.reporting.first),
        last=words.date(normal.reporting.last),
        verdict=verdict_text(normal.band, words),
        baseline=words.number(normal.baseline_kwh),
        reporting=words.number(normal.reporting_kwh),
    )


def normal_data(normal: NormalSaving) -> dict[str, Any]:
    """Return it as data."""
    band = normal.band
    return {
        "first": normal.reporting.first,
        "last": normal.reporting.last,
        "baseline_kwh": normal.baseline_kwh,
        "reporting_kwh": normal.reporting_kwh,
        "saving_ratio": band.saving_ratio,
        "half_width_ratio": band.half_width_ratio,
        "significant_ratio": band.significant_ratio,
        "verdict": band.verdict,
    }
