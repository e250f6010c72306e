"""Page one of a report, read in a minute: the result, the money, what it is compared with, the one thing to do now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bkkenergy.i18n import Words
from bkkenergy.reports.comparisons import ComparedWith, adjusted_row, baseline_row, usual_row, year_row
from bkkenergy.reports.content import AgencyReport, Attention, FindingOwner
from bkkenergy.reports.official import IndexMonth
from bkkenergy.reports.phrasing import WHOLE_RATIO, name_of, subject_name
from bkkenergy.reports.savings.phrasing import finding_texts
from bkkenergy.reports.shares import MIN_COMPARED_RATIO, MIN_JUDGED_RATIO, has_verdict, judged_ratio, year_before_ratio
from bkkenergy.savings.faultgroups import FaultGroup, fault_groups
from bkkenergy.savings.insights import dismissed_as

LONG_PERIODS = frozenset({"quarter", "fiscal_year"})


@dataclass(frozen=True, slots=True)
class SavedMoney:
    """What was saved (or used more) under the baselines, THB; None where that cannot be said, and why."""

    name: str
    thb: float | None
    note: str


@dataclass(frozen=True, slots=True)
class OneRow:
    """One comparison of page one. change_ratio : None where there is none, and `note` says why."""

    name: str
    reference_kwh: float | None
    change_ratio: float | None
    difference_thb: float | None
    note: str
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class FirstThing:
    """The one thing to do now: where and what, how, for what, and who."""

    title: str
    task: str
    stakes: str
    owner: str


def saved_money(report: AgencyReport, words: Words) -> SavedMoney:
    """Return the money that was saved, where that is significant on enough of the energy."""
    saving, share = report.total_saving, judged_ratio(report)
    since = report.savings_first_day
    of_day = report.period_kind == "day" and since is not None
    name = words("one.saved_since", day=words.date(since)) if of_day and since else words("one.saved")
    if saving is None or saving.band is None:
        return SavedMoney(name, None, words("one.no_baseline"))
    if share < MIN_JUDGED_RATIO:
        return SavedMoney(name, None, words("one.judged_part", share=words.percent(share)))
    if not has_verdict(report):
        return SavedMoney(name, None, words("one.not_shown"))
    row = baseline_row(report, words)
    thb = None if row is None or row.difference_thb is None else -row.difference_thb
    half = words.percent(saving.half_width_ratio, 1)
    note = f"{words.percent(abs(saving.saving_ratio or 0.0), 1)} ± {half}"
    if saving.judged_days and saving.period_days and saving.judged_days < saving.period_days:
        note += f" · {words('one.days', known=saving.judged_days, all=saving.period_days)}"
    if saving.verdict == "increase":
        name = words("one.lost_since", day=words.date(since)) if of_day and since else words("one.lost")
        return SavedMoney(name, None if thb is None else -thb, note)
    return SavedMoney(name, thb, note)


def beside(report: AgencyReport, words: Words) -> list[OneRow]:
    """List the comparisons of page one: last year (of a day, the usual), the target's path, and the state's index."""
    rows = [_usual(report, words) if report.period_kind == "day" else _last_year(report, words), _path(report, words)]
    if report.scope == "agency" and report.period_kind != "day":
        rows.append(_index(report, words))
    return rows


def _row(compared: ComparedWith) -> OneRow:
    return OneRow(
        compared.name, compared.reference_kwh, compared.change_ratio, compared.difference_thb, compared.note,
        compared.is_sure,
    )  # fmt: skip


def _none(name: str, why: str) -> OneRow:
    return OneRow(name, None, None, None, why)


def _usual(report: AgencyReport, words: Words) -> OneRow:
    row = usual_row(report, words)
    return _row(row) if row else _none(words("compared.usual"), words("one.no_usual"))


def _last_year(report: AgencyReport, words: Words) -> OneRow:
    """Compare with the same days of last year; a note says which part of the energy and of the days that is of."""
    row, before = year_row(report, words), report.year_before
    if row is None or before is None:
        adjusted = adjusted_row(report, words)
        if adjusted is None:
            return _none(words("one.last_year"), words("one.no_last_year"))
        note = " · ".join([words("one.adjusted"), *adjusted.of_use])
        return replace(_row(adjusted), name=words("one.last_year"), note=note)
    name = words.month(before.first_day) if report.period_kind == "month" else row.name
    share, days = year_before_ratio(report, before), (report.last_day - report.first_day).days + 1
    notes = [] if share >= WHOLE_RATIO else [words("one.part", share=words.percent(share))]
    fewest = min(before.known_days or days, before.known_days_before or days)
    notes += [] if fewest >= days else [words("one.scaled", now=fewest, days=days)]
    return OneRow(name, row.reference_kwh, row.change_ratio, row.difference_thb, " · ".join(notes))


def _path(report: AgencyReport, words: Words) -> OneRow:
    path = report.path
    if path is None or not path.target_kwh:
        return _none(words("one.path"), words("one.no_path"))
    name = words("one.path_of", year=words.year(path.last_day.year))
    change = path.energy_kwh / path.target_kwh - 1
    is_whole = path.forecast_kwh <= 0
    note = words(f"one.path_{path.verdict}{'_now' if is_whole else ''}")
    return OneRow(name, path.target_kwh, change, None, note, is_sure=path.verdict != "open")


def _index(report: AgencyReport, words: Words) -> OneRow:
    index = report.state_index
    if index is None:
        return _none(words("one.index"), words("one.no_group"))
    pairs = [(month.electricity_kwh, month.standard_kwh) for month in index.months if _is_known(month)]
    known = [(used_kwh, standard_kwh) for used_kwh, standard_kwh in pairs if used_kwh is not None and standard_kwh]
    if len(known) < len(index.months) or not known:
        return _none(words("one.index"), words("one.no_index"))
    used_kwh, standard_kwh = (sum(values) for values in zip(*known, strict=True))
    note = words("one.index_target", share=words.percent(index.target_ratio))
    return OneRow(words("one.index"), standard_kwh, used_kwh / standard_kwh - 1, None, note, is_sure=False)


def _is_known(month: IndexMonth) -> bool:
    """Return whether a month has an index that rests on enough of its energy."""
    return month.index_ratio is not None and month.coverage_ratio >= MIN_COMPARED_RATIO


def worth_money(report: AgencyReport) -> list[FaultGroup]:
    """List faults by which something can be gained; less use than expected is a question, and not the first thing.

    What was seen on a period's last day alone does not lead the report of a quarter or a year.
    """
    faults = fault_groups(finding for finding in report.findings if finding.cost_thb_a_month >= 0)
    return [fault for fault in faults if not (report.period_kind in LONG_PERIODS and is_of_a_day(fault))]


def is_of_a_day(fault: FaultGroup) -> bool:
    """Return whether a fault was seen on one day alone."""
    return fault.chief.of_days == 1 and not fault.also


def first_thing(report: AgencyReport, words: Words) -> FirstThing | None:
    """Return what to do now: the fault with most money, else the gravest fault of a meter; None without either."""
    faults = worth_money(report)
    if not faults:
        return _of_attention(report, report.attention, words)
    finding = faults[0].chief
    where = name_of(report, finding.building, words)
    name = finding_texts(finding, words)[0]
    task = words(f"one_do.{finding.rule}")
    return FirstThing(f"{where}: {name}", task, _stakes(faults[0], words), _owner(report, faults[0], words))


def nothing_text(report: AgencyReport, words: Words) -> str:
    """Say that there is nothing to do now; where something can be gained by findings all the same, where these are."""
    if any(finding.cost_thb_a_month >= 0 for finding in report.findings):
        return words("one.nothing_first", title=words("insight.title"))
    return words("one.nothing")


def _of_attention(report: AgencyReport, items: Sequence[Attention], words: Words) -> FirstThing | None:
    if not items:
        return None
    task = words(f"one_do.{items[0].kind}")
    return FirstThing(subject_name(report, items[0], words), task, "", words("one.no_owner"))


def _stakes(fault: FaultGroup, words: Words) -> str:
    """Return the money of a fault, of a month or of the one day on which it was seen; nothing below a baht."""
    if fault.cost_thb_a_month < 1:
        return ""
    return words("one.stakes_day" if is_of_a_day(fault) else "one.stakes", thb=words.number(fault.cost_thb_a_month))


def owner_of_fault(report: AgencyReport, fault: FaultGroup) -> FindingOwner | None:
    """Return who cares for a fault, where that is known."""
    known = (fault.chief.building, dismissed_as(fault.chief))
    return next((one for one in report.owners if (one.building_id, one.rule) == known), None)


def _owner(report: AgencyReport, fault: FaultGroup, words: Words) -> str:
    """Write who cares for a fault, and until when."""
    owner = owner_of_fault(report, fault)
    if owner is None or not owner.owner:
        return words("one.no_owner")
    return owner.owner if owner.due is None else f"{owner.owner} · {words('one.until', date=words.day_year(owner.due))}"
