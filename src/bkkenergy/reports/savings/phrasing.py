"""Savings and findings in words, Thai and English."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bkkenergy.i18n import Words
from bkkenergy.reports.content import BesideGroup, BuildingSaving, NormalYear
from bkkenergy.reports.savings.fitting import BaselineProgress
from bkkenergy.savings.baseline import Baseline, Saving
from bkkenergy.savings.comparison import MIN_COMPARED
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.faultgroups import FaultGroup
from bkkenergy.savings.uncertainty import MIN_VERDICT_DAYS, NORMAL_90, OLD_YEARS, Band, lag_of
from bkkenergy.savings.versions import REASONS, BaselineVersion

MAX_DAYS_NAMED = 7
RATIO_MARKS = ("_ratio",)
WHOLE = ("days", "last_days", "stuck_h", "negative_h", "quarters")


def verdict_text(band: Band, words: Words) -> str:
    """Write a saving with its interval; one that is not significant says in which direction it points."""
    verdict: str = band.verdict
    if verdict == "unclear":
        verdict = "unclear_less" if band.saving_ratio >= 0 else "unclear_more"
    saving, half = words.percent(abs(band.saving_ratio), 1), words.percent(band.half_width_ratio, 1)
    figure = words("saving.figure_less" if band.saving_ratio >= 0 else "saving.figure_more", saving=saving, half=half)
    return words(
        f"saving.{verdict}",
        saving=saving,
        half=half,
        least=words.percent(band.significant_ratio, 1),
        figure=figure,
        days=MIN_VERDICT_DAYS,
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """What a verdict rests on: energy and days judged of those known, and the baseline's age."""

    judged_kwh: float
    known_kwh: float
    days: int
    period_days: int
    calendar_days: int
    baseline_years: float

    @classmethod
    def of(cls, saving: Saving, baseline: Baseline) -> Judged:
        """Take it from a saving and its baseline."""
        days = saving.days, saving.period_days, saving.calendar_days
        return cls(saving.actual_kwh, saving.known_kwh, *days, lag_of(saving, baseline))


def judged_text(judged: Judged, words: Words) -> str:
    """Write what a verdict rests on; an old baseline asks for a new one."""
    parts = [
        words(
            "saving.judged",
            judged=words.number(judged.judged_kwh),
            known=words.number(judged.known_kwh),
            days=judged.days,
            period=judged.period_days,
        )
    ]
    if judged.calendar_days:
        parts.append(words("saving.without_weather", days=judged.calendar_days))
    if judged.baseline_years > 1:
        age = "saving.age_refit" if judged.baseline_years > OLD_YEARS else "saving.age"
        parts.append(words(age, years=words.number(judged.baseline_years, 1)))
    return " · ".join(parts)


def judged_note(saving: BuildingSaving, words: Words) -> str:
    """Write what a report's verdict rests on; nothing where nothing is judged."""
    if saving.band is None or not saving.judged_days:
        return ""
    judged = judged_text(
        Judged(
            saving.actual_kwh or 0.0,
            saving.known_kwh or 0.0,
            saving.judged_days or 0,
            saving.period_days or 0,
            saving.calendar_days or 0,
            saving.baseline_years or 0.0,
        ),
        words,
    )
    if saving.worth_thb is not None:
        thb, half = words.number(saving.worth_thb), words.number(saving.worth_half_thb)
        judged = f"{words('worth.short', thb=thb, half=half)} · {judged}"
    if saving.normal is not None:
        judged = f"{judged} · {normal_year_text(saving.normal, words)}"
    if saving.compared is None and saving.verdict not in {"proven", "increase"}:
        return judged
    return f"{compared_text(saving.compared, words)} · {judged}"


def normal_year_text(normal: NormalYear, words: Words) -> str:
    """Write what a year saved under typical weather."""
    return words(
        "worth.normal_short",
        first=words.date(normal.first_day),
        last=words.date(normal.last_day),
        verdict=verdict_text(normal.band, words),
    )


def compared_text(compared: BesideGroup | None, words: Words) -> str:
    """Write what a saving is without what happened to everyone; or that too few buildings are like it."""
    if compared is None:
        return words("saving.compared_none", count=MIN_COMPARED)
    common = "saving.common_less" if compared.common_ratio >= 0 else "saving.common_more"
    return words(
        "saving.compared",
        common=words(
            common,
            count=compared.count,
            common=words.percent(abs(compared.common_ratio), 1),
            half=words.percent(NORMAL_90 * compared.common_sigma_ratio, 1),
        ),
        verdict=verdict_text(compared.band, words),
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


def version_text(version: BaselineVersion, words: Words) -> str:
    """Write one version of a baseline: its number, days, state, reason, and its link to the one before."""
    reason = words(f"saving.reason_{version.reason}") if version.reason in REASONS else version.reason
    parts = [
        f"{version.number}: {words.date(version.first)} – {words.date(version.last)}",
        words(f"saving.version_{version.state}"),
        *([reason] if reason else []),
        *([version.by] if version.by else []),
    ]
    if version.link is not None:
        link = "saving.link_less" if version.link.saving_ratio >= 0 else "saving.link_more"
        saving, half = abs(version.link.saving_ratio), version.link.half_width_ratio
        parts.append(words(link, saving=words.percent(saving, 1), half=words.percent(half, 1)))
    return " · ".join(parts)


def version_data(version: BaselineVersion) -> dict[str, Any]:
    """Return one version of a baseline as data."""
    usable = version.usable
    return {
        "number": version.number,
        "first": version.first,
        "last": version.last,
        "fingerprint": version.fingerprint,
        "state": version.state,
        "reason": version.reason,
        "by": version.by,
        "at": version.at,
        "decided_by": version.decided_by,
        "decided_at": version.decided_at,
        "is_usable": usable is not None,
        "held_out_cvrmse_ratio": usable.held_out.cvrmse if usable is not None else None,
        "link": None if version.link is None else asdict(version.link),
    }


def progress_text(progress: BaselineProgress, words: Words) -> str:
    """Write how many days a building's next baseline still needs; nothing where none is needed."""
    if progress.window is None:
        return ""
    if progress.why is not None:
        return progress.why.said(words.lang)
    return words(
        "saving.progress",
        reason=words(f"saving.reason_{progress.window.reason}"),
        valid=progress.valid_days,
        needed=progress.needed_days,
        first=words.date(progress.window.first),
        last=words.date(progress.window.last),
    )


def finding_texts(finding: Finding, words: Words) -> tuple[str, str, str, str]:
    """Return (name, what was seen, what to do, what is at stake) of a finding."""
    thb = words.number(finding.cost_thb_a_month)
    if finding.cost_thb_a_month < 0 or finding.energy_kwh_a_month < 0:  # less use is a question, and no loss
        return *_texts_of(finding, words), ""
    stakes = words("insight.stakes_money", thb=thb) if finding.cost_thb_a_month >= 1 else ""
    if finding.energy_kwh_a_month:
        stakes = words("insight.stakes", kwh=words.number(finding.energy_kwh_a_month), thb=thb)
    if finding.of_days == 1:  # of one day: nothing says that a month has more of them
        return *_texts_of(finding, words), words(
            "insight.stakes_day", kwh=words.number(finding.energy_kwh_a_month), thb=thb
        )
    if stakes and finding.of_days:
        stakes += " " + words("insight.of_days", days=finding.of_days)
    return *_texts_of(finding, words), stakes


@dataclass(frozen=True, slots=True)
class FaultTexts:
    """Findings of one fault in words: the largest of them, what all cost together, and how else the fault shows."""

    name: str
    what: str
    todo: str
    stakes: str
    also: tuple[str, ...]

    def also_said(self, words: Words) -> str:
        """Return how else the fault shows, as a sentence; nothing where it does not."""
        return f"{words('work.same_fault')} {'; '.join(self.also)}" if self.also else ""


def verdict_of(saving: BuildingSaving, words: Words) -> str:
    """Return the verdict on a building's saving with the part that it rests on, or why there is none."""
    if saving.band is None:
        return (saving.why or {}).get(words.lang) or words("saving.no_baseline")
    return " · ".join(filter(None, (verdict_text(saving.band, words), judged_note(saving, words))))


def fault_texts(fault: FaultGroup, words: Words) -> FaultTexts:
    """Return findings of one fault as one: its sum counts each kWh once."""
    name, what, todo, stakes = finding_texts(fault.chief, words)
    if fault.also:
        stakes = words("work.together", thb=words.number(fault.cost_thb_a_month))
    also = (finding_texts(finding, words) for finding in fault.also)
    return FaultTexts(
        name,
        f"{what} {seen_text(fault.chief, words)}",
        todo,
        stakes,
        tuple(f"{texts[0]} · {texts[3]}" if texts[3] else texts[0] for texts in also),
    )


def seen_text(finding: Finding, words: Words) -> str:
    """Write since when a finding holds, or on which days it was seen."""
    if finding.rule == "holiday_ahead":
        return words("insight.begins", date=words.date(finding.since))
    if not finding.days:
        return words("insight.since", date=words.date(finding.since))
    *others, last = finding.days
    named = [words.day_short(day) for day in others[-MAX_DAYS_NAMED + 1 :]]
    more = len(finding.days) - len(named) - 1
    text = ", ".join([*named, words.date(last)])
    return words("insight.on_days_more" if more else "insight.on_days", days=text, more=more)


def _texts_of(finding: Finding, words: Words) -> tuple[str, str, str]:
    values = {key: _written(key, value, words) for key, value in finding.evidence.items()}
    name = f"insight.{finding.rule}"
    is_less = finding.rule == "anomaly" and finding.energy_kwh_a_month < 0
    return words(f"{name}_less" if is_less else name), words(f"{name}_what", **values), words(f"{name}_do")


def _written(key: str, value: float, words: Words) -> str:
    if key == "change_ratio":
        return words.percent(value, signed=True)
    if key.endswith(RATIO_MARKS) or key == "ratio":
        return words.percent(value)
    if key == "hour":
        return f"{int(value):02d}:{round(value % 1 * 60):02d}"
    if key.endswith("_sigma"):
        return words.number(abs(value), 1)
    if key in WHOLE:
        return words.number(value)
    return words.number(value, 2 if abs(value) < 10 else 0)  # noqa: PLR2004 - by its look
