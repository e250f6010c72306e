"""Savings and findings in words, Thai and English."""

from __future__ import annotations

from bkkenergy.i18n import Words
from bkkenergy.savings.baseline import Baseline
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.uncertainty import Band

RATIO_MARKS = ("_ratio",)
WHOLE = ("days", "stuck_h", "negative_h", "hour")


def verdict_text(band: Band, words: Words) -> str:
    """Write a saving with its interval; one that is not significant says in which direction it points."""
    verdict: str = band.verdict
    if verdict == "unclear":
        verdict = "unclear_less" if band.saving_ratio >= 0 else "unclear_more"
    return words(
        f"saving.{verdict}",
        saving=words.percent(abs(band.saving_ratio), 1),
        half=words.percent(band.half_width_ratio, 1),
    )


def baseline_text(baseline: Baseline, words: Words) -> str:
    """Return what a baseline is and how well it predicted months that it had not seen."""
    text = words(
        "saving.baseline",
        first=words.date(baseline.first),
        last=words.date(baseline.last),
        days=baseline.valid_days,
        form=words(f"saving.form_{baseline.form}"),
        cvrmse=words.percent(baseline.held_out.cvrmse, 1),
        nmbe=words.percent(baseline.held_out.nmbe, 1, signed=True),
        r2=words.number(baseline.fitted.r2, 2),
    )
    return text + (" " + words("saving.provisional") if baseline.is_provisional else "")


def finding_texts(finding: Finding, words: Words) -> tuple[str, str, str, str]:
    """Return (name, what was seen, what to do, what is at stake) of a finding."""
    thb = words.number(finding.cost_thb_a_month)
    if finding.cost_thb_a_month < 0 or finding.energy_kwh_a_month < 0:  # less use is a question, and no loss
        return *_texts_of(finding, words), ""
    stakes = words("insight.stakes_money", thb=thb) if finding.cost_thb_a_month >= 1 else ""
    if finding.energy_kwh_a_month:
        stakes = words("insight.stakes", kwh=words.number(finding.energy_kwh_a_month), thb=thb)
    return *_texts_of(finding, words), stakes


def _texts_of(finding: Finding, words: Words) -> tuple[str, str, str]:
    values = {key: _written(key, value, words) for key, value in finding.evidence.items()}
    name = f"insight.{finding.rule}"
    return words(name), words(f"{name}_what", **values), words(f"{name}_do")


def _written(key: str, value: float, words: Words) -> str:
    if key.endswith(RATIO_MARKS) or key == "ratio":
        return words.percent(value)
    if key in WHOLE:
        return words.number(value)
    return words.number(value, 2 if abs(value) < 10 else 0)  # noqa: PLR2004 - by its look
