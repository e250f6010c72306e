"""A report's figures as sentences: what every renderer that writes for people shares."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import cast

from bkkenergy.calendar import BANGKOK, Period, PeriodKind, buddhist_year, fiscal_year_of
from bkkenergy.dated import Citation, cited
from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport, Attention
from bkkenergy.reports.emissions import issued_note
from bkkenergy.reports.notes import note_time
from bkkenergy.reports.savings.phrasing import compared_text, verdict_text
from bkkenergy.reports.scopewords import of_scope
from bkkenergy.reports.shares import MIN_JUDGED_RATIO, compared_ratio, has_verdict, judged_ratio, total_change_ratio
from bkkenergy.tariff.bill import Bill, Provisional
from bkkenergy.tariff.schedule import MinimumFloor
from bkkenergy.texts import BE_OFFSET_YEARS

SAME_WITHIN_RATIO = 0.005
WHOLE_RATIO = 0.995
COMPARED_UP_TO_DAYS = 31
"""A longer period is not compared with the usual, so it says nothing of lacking history."""


def title(report: AgencyReport, words: Words) -> str:
    """Return the title of this kind of report."""
    return words(f"report.title_{report.period_kind}")


def period_text(report: AgencyReport, words: Words) -> str:
    """Return the period as a reader would say it."""
    if report.period_kind == "quarter":
        return _quarter(report, words)
    return words(
        f"report.period_{report.period_kind}",
        weekday=words.weekday(report.first_day),
        date=words.date(report.first_day),
        month=words.month(report.first_day),
        year=words.year(report.last_day.year),
        first=words.date(report.first_day),
        last=words.date(report.last_day),
    )


def quarter_text(report: AgencyReport, words: Words) -> str:
    """Return the quarter of the fiscal year of a month; nothing of other periods."""
    if report.period_kind != "month":
        return ""
    return _quarter(report, words)


def _quarter(report: AgencyReport, words: Words) -> str:
    quarter = Period.day(report.first_day).quarter_number
    year = fiscal_year_of(report.first_day).last_day.year
    return words("report.quarter", quarter=quarter, year=words.year(year))


def slug_of(report: AgencyReport) -> str:
    """Return the name of a report's period in files."""
    return Period.days(report.first_day, report.last_day, kind=cast("PeriodKind", report.period_kind)).slug


def document_number(report: AgencyReport) -> str:
    """Return the number under which a letter names this report: agency, period (Buddhist era) and revision."""
    slug = slug_of(report)
    year = re.compile(r"(?<!\d)20\d\d(?=-)")
    return f"{report.agency_id}/{year.sub(lambda match: str(buddhist_year(int(match[0]))), slug)}/{report.revision}"


def intensity_kwh_m2(report: AgencyReport) -> float | None:
    """Return the energy of the period for each square metre of the buildings that have energy; None without areas."""
    known = [building for building in report.buildings if building.use.energy_kwh is not None]
    area_m2 = sum(building.gross_floor_area_m2 for building in known)
    return sum(building.use.energy_kwh or 0.0 for building in known) / area_m2 if area_m2 else None


def has_own_supply(report: AgencyReport) -> bool:
    """Return whether a building makes or feeds back energy, so that what the grid gave is not what it used."""
    return any(building.use.exported_kwh for building in report.buildings) or any(
        plant.is_installed for plant in report.solar
    )


def is_beyond_usual(report: AgencyReport) -> bool:
    """Return whether a period is longer than what is compared with the usual."""
    return len(report.pictures.heat_kw) > COMPARED_UP_TO_DAYS


def headline(report: AgencyReport, words: Words) -> str:
    """Return the report in one sentence: against the baseline where that is significant, else against the usual."""
    use, saving = report.total, report.total_saving
    if use.energy_kwh is None:
        return words("report.headline_nothing")
    change = use.change_ratio
    if report.period_kind != "day" and saving is not None and has_verdict(report):
        kind, change = str(saving.verdict), saving.saving_ratio
    elif total_change_ratio(report) is not None and change is not None:
        kind = "same" if abs(change) < SAME_WITHIN_RATIO else "more" if change > 0 else "less"
    elif change is not None:
        kind = "part"
    else:
        kind = "long" if is_beyond_usual(report) or is_running(report) else "alone"
    said = words(
        f"report.headline_{kind}",
        energy=words.number(use.energy_kwh),
        change=words.percent(abs(change or 0.0), 1),
        share=words.percent(compared_ratio(report)),
        cost=words.number(use.cost_thb),
    )
    until = report.generated_at.astimezone(BANGKOK)
    return words("report.headline_running", until=words.moment(until), said=said) if is_running(report) else said


def compared_note(report: AgencyReport, words: Words) -> str:
    """Say what the change on the first page is compared with, and how much of the energy that covers."""
    comparable = sum(building.use.change_ratio is not None for building in report.buildings)
    if not comparable:
        return words("report.not_compared")
    usual = words("report.usual_is", energy=words.number(report.total.usual_kwh))
    if comparable == len(report.buildings):
        return usual
    part = words(
        "report.compared_agencies" if report.scope == "city" else "report.compared_buildings",
        count=comparable,
        all=len(report.buildings),
        share=words.percent(compared_ratio(report)),
    )
    return part if total_change_ratio(report) is None else f"{usual} · {part}"


def is_running(report: AgencyReport) -> bool:
    """Return whether the report was made before its period was over, so that its sums are of a part."""
    return report.generated_at.astimezone(BANGKOK).date() <= report.last_day


def saving_sentence(report: AgencyReport, words: Words) -> str:
    """Return the saving against the baselines, its interval and its start; nothing where nothing could be judged."""
    saving = report.total_saving
    if saving is None or saving.band is None:
        return ""
    if report.period_kind == "day" and saving.verdict == "unclear":
        return ""  # the same words each morning of a year are no news
    if (share := judged_ratio(report)) < MIN_JUDGED_RATIO:
        return words("saving.of_part", share=words.percent(share))
    verdict = verdict_text(saving.band, words)
    if saving.compared is not None:
        verdict = f"{verdict} · {compared_text(saving.compared, words)}"
    if report.period_kind != "day" or report.savings_first_day is None:
        return verdict
    return words("report.saving_since", first=words.date(report.savings_first_day), verdict=verdict)


def nothing_to_attend(report: AgencyReport, words: Words) -> str:
    """Say that nothing unusual was found, and that data are complete where they are."""
    if report.total.coverage_ratio >= WHOLE_RATIO:
        return words("report.nothing_to_attend")
    return words("report.nothing_to_attend_part", coverage=words.percent(report.total.coverage_ratio, 1))


def attention_text(item: Attention, words: Words) -> str:
    """Format one finding as a sentence, its values by their units."""
    return words(f"attention.{item.kind}", **{name: _value(name, value, words) for name, value in item.values.items()})


def _value(name: str, value: float | dt.datetime | str | None, words: Words) -> str:
    if isinstance(value, dt.datetime):
        return words.moment(value)
    if name.endswith("_at"):
        return words("report.unknown_last_seen")
    if isinstance(value, str) or value is None:
        return value or words.number(None)
    if name == "change_ratio":
        return words.percent(abs(value), 1)
    return words.percent(value, 0) if name.endswith("_ratio") else words.number(value)


def subject_name(report: AgencyReport, item: Attention, words: Words) -> str:
    """Return the building's name, and the meter's where it concerns one meter."""
    building = name_of(report, item.building_id, words)
    return building if item.meter_id is None else f"{building} · {name_of(report, item.meter_id, words)}"


def name_of(report: AgencyReport, thing: str, words: Words) -> str:
    """Return the name of an agency, building or meter of the report; without one, of the whole."""
    th, en = report.names.get(thing, (of_scope("total", report, words),) * 2)
    return words.either(th=th, en=en)


def note_rows(report: AgencyReport, words: Words) -> list[tuple[str, str, str, str]]:
    """Return when, of what, what, and whose each is note."""
    return [
        (
            note_time(note, words),
            name_of(report, note.building_id or report.agency_id, words),
            note.text,
            note.by,
        )
        for note in report.notes
    ]


def plan_sentences(report: AgencyReport, words: Words) -> list[str]:
    """Return how far the action plan has come, in a few sentences."""
    plan = report.plan
    if plan is None:
        return []
    done = sum(line.state == "done" for line in plan.projects)
    kwh = words.number(plan.done_kwh)
    sentences = [words("report.plan_sentence", done=done, count=len(plan.projects), kwh=kwh)]
    if plan.measured_kwh is not None:
        sentences.append(words("report.plan_measured", kwh=words.number(plan.measured_kwh)))
    if plan.target_kwh and plan.target_year_be:
        share = words.percent(plan.expected_kwh / plan.target_kwh)
        year = words.year(plan.target_year_be - BE_OFFSET_YEARS)
        sentences.append(words("report.plan_target", year=year, kwh=words.number(plan.target_kwh), share=share))
    return sentences


def provisional_notes(figures: Iterable[Provisional], words: Words) -> list[str]:
    """Say of each figure that may not hold, why, and until when it was known to."""
    return [
        words(f"bill.provisional_{one.standing}", figure=words(f"bill.figure_{one.figure}"), day=_until(one, words))
        for one in dict.fromkeys(figures)
    ]


def area_notes(report: AgencyReport, words: Words) -> list[str]:
    """Say of each building whose floor area changes within the period, from when it was what, and what is used."""
    notes = []
    for building in report.buildings:
        parts = [
            words("report.area_from", day=words.date(day), area=words.number(area_m2))
            for day, area_m2 in building.floor_areas
        ]
        if parts:
            name = words.either(th=building.name_th, en=building.name_en)
            mean = words.number(building.gross_floor_area_m2)
            notes.append(words("report.area_changed", building=name, parts="; ".join(parts), mean=mean))
    return notes


def bill_notes(bill: Bill, minimum_floor: MinimumFloor, words: Words) -> list[str]:
    """Say of one bill what of it may not hold, and how rules were read that leave room."""
    floor = minimum_floor if bill.amount_thb("minimum") else None
    return [
        *provisional_notes(bill.provisional, words),
        *([words("report.bill_is_split")] if bill.parts else []),
        *reading_notes(bill.raised_ratio, floor, words),
        *([words("by_scope.demand_is_estimated_building")] if bill.is_demand_estimated else []),
    ]


def reading_notes(raised_ratio: float, minimum_floor: MinimumFloor | None, words: Words) -> list[str]:
    """Say what bills rest on where rules leave room: the low side of a transformer, and the minimum charge."""
    notes = [words("report.low_side_is_raised", percent=words.percent(raised_ratio, 1))] if raised_ratio else []
    return notes + ([words(f"report.minimum_is_by_{minimum_floor}")] if minimum_floor else [])


def _until(figure: Provisional, words: Words) -> str:
    return "" if figure.valid_to is None else words.date(figure.valid_to)


def bill_sources(report: AgencyReport, words: Words) -> str:
    """List where the figures of its bills were read; reports from before `bill_sources` say it in English."""
    return cited(report.bill_sources or [Citation(report.bill_source)], words.lang)


def placebo_source(report: AgencyReport, words: Words) -> str:
    """Return where the intervals of savings come from."""
    return Citation(report.placebo_source, report.placebo_source_th).said(words.lang)


def cost_method(report: AgencyReport, words: Words) -> str:
    """Say how costs were computed, from which source, and what of it is provisional."""
    if report.bill:
        notes = [
            of_scope("method_bill", report, words, source=bill_sources(report, words)),
            *provisional_notes(report.provisional, words),
        ]
        notes += [of_scope("demand_is_estimated", report, words)] if report.is_demand_estimated else []
        notes += [words("report.bill_is_split")] if report.is_bill_split else []
        return " ".join([*notes, *reading_notes(report.raised_ratio, report.minimum_floor, words)])
    if report.rate is None:
        return words("report.method_no_cost")
    rate = words.number(report.rate.rate_thb_per_kwh, 4)
    text = words(
        "report.method_cost",
        rate=rate,
        source=Citation(report.rate.source, report.rate.source_th),
        entered=words.date(report.rate.entered),
    )
    if report.rate_thb_per_kwh is None:
        text += " " + words("report.method_cost_changed")
    return text if report.rate.standing == "sourced" else f"{text} {words('bill.provisional_rate')}"


def cost_note(report: AgencyReport, words: Words) -> str:
    """Say in a few words what the cost on the first page is, and where it is of a part of the energy."""
    note = _cost_basis(report, words)
    if report.provisional if report.bill else report.rate is not None and report.rate.standing != "sourced":
        note = f"{note} · {words('report.provisional_short')}"
    if report.total.coverage_ratio >= WHOLE_RATIO:
        return note
    return f"{note} · {words('report.cost_of_part', coverage=words.percent(report.total.coverage_ratio))}"


def _cost_basis(report: AgencyReport, words: Words) -> str:
    if report.bill:
        return of_scope("bill_note", report, words)
    if report.rate is None:
        return words("report.no_cost_note")
    if report.rate_thb_per_kwh is None:
        return words("report.flat_rates_note")
    return words("report.flat_rate_note", rate=words.number(report.rate_thb_per_kwh, 2))


def emission_method(report: AgencyReport, words: Words) -> str:
    """Say by which factors emissions were computed; where they changed within the period, by which from when."""
    if not report.factors:
        return words("report.method_no_co2")
    said = [
        words(
            "report.method_co2",
            factor=words.number(factor.kg_co2e_per_kwh, 4),
            first=words.date(factor.valid_from),
            source=factor.citation,
            entered=words.date(factor.entered),
        )
        for factor in report.factors
    ]
    said += [words("report.method_co2_changed")] if len(said) > 1 else []
    return " ".join([*said, *([note] if (note := issued_note(report, words)) else [])])


def terms(report: AgencyReport) -> list[str]:
    """List the terms of the report that are worth explaining, by their keys under [learn]."""
    keys = ["kwh", "demand", "load_factor", "heat", "co2"]
    if report.total_saving is not None or any(bar.expected_kwh is not None for bar in report.pictures.bars):
        keys += ["baseline", "band"]
    if any(line.item.endswith("on_peak") for line in report.bill):
        keys.append("tou")
    return keys
