"""The report as one self-contained page: no script, no outside request, good on a phone and in print."""

from __future__ import annotations

import re

from babel import Locale
from babel.dates import get_month_names

from bkkenergy import __version__
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.reports.budget import budget_shown
from bkkenergy.reports.chart import sparkline
from bkkenergy.reports.comparisons import comparison_methods, comparisons, signed, year_row
from bkkenergy.reports.content import AgencyReport, BuildingSaving, BuildingUse
from bkkenergy.reports.emissions import emission_trend, trend_note, upstream_note
from bkkenergy.reports.official import index_whys
from bkkenergy.reports.pageone import LONG_PERIODS, beside, first_thing, nothing_text, saved_money, worth_money
from bkkenergy.reports.phrasing import (
    SAME_WITHIN_RATIO,
    area_notes,
    attention_text,
    compared_note,
    cost_method,
    cost_note,
    document_number,
    emission_method,
    has_own_supply,
    headline,
    intensity_kwh_m2,
    is_beyond_usual,
    name_of,
    note_rows,
    nothing_to_attend,
    period_text,
    placebo_source,
    plan_sentences,
    quarter_text,
    saving_sentence,
    subject_name,
    terms,
    title,
)
from bkkenergy.reports.render.page import environment
from bkkenergy.reports.render.views import (
    bar_chart,
    building_heats,
    heat_picture,
    legend_of,
    profile_picture,
    ranking_left_out,
    ranking_rows,
)
from bkkenergy.reports.savings.phrasing import fault_texts, judged_note, verdict_text
from bkkenergy.reports.scopewords import of_scope
from bkkenergy.reports.shares import total_change_ratio
from bkkenergy.reports.yearwords import path_method, path_picture, path_sentences, path_title
from bkkenergy.savings.faultgroups import FaultGroup, fault_groups

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
FIRST_FINDINGS = 3
MAX_NOTES = 40
MONTHS = "|".join(
    re.escape(str(name))
    for lang in LANGS
    for width in ("wide", "abbreviated")
    for name in get_month_names(width, locale=Locale(lang)).values()
)
DATE = re.compile(rf"(?:\d{{1,2}} )?(?:{MONTHS})(?: \d{{4}})?|\d\d:\d\d น\.")
"""Dates and times as `Words` writes them; between the two a line may end."""


def render_html(report: AgencyReport, lang: Lang) -> bytes:
    """Render a whole HTML page, UTF-8."""
    words = Words(lang)
    trend = emission_trend(report, words)
    page = environment.get_template("report.html.j2").render(
        report=report,
        t=words,
        lang=lang,
        title=title(report, words),
        period=period_text(report, words),
        headline=headline(report, words),
        **_short_tables(report, words),
        cost_note=cost_note(report, words),
        cost_method=cost_method(report, words),
        placebo_source=placebo_source(report, words),
        emission_method=emission_method(report, words),
        emission_trend=trend,
        emission_trend_note="" if trend is None else trend_note(trend, words),
        upstream_note=upstream_note(report, words),
        saving=saving_sentence(report, words),
        name=words.either(th=report.name_th, en=report.name_en),
        names=lambda thing: name_of(report, thing, words),
        number=document_number(report),
        comparisons=comparisons(report, words),
        comparison_methods=comparison_methods(report, words),
        path=_path(report, words),
        budget=None if report.budget is None else budget_shown(report.budget, words),
        year_change=year_row(report, words),
        signed=lambda value, digits=0: signed(value, words, digits),
        intensity_kwh_m2=intensity_kwh_m2(report),
        has_own_supply=has_own_supply(report),
        chart=profile_picture(
            report.total.profile_kw, report.total.usual_profile_kw, words, title=words("report.profile")
        ),
        bars=bar_chart(report, words),
        heat=heat_picture(report, words),
        heat_legend=legend_of(report, words),
        heats=building_heats(report, words),
        change_ratio=total_change_ratio(report),
        compared_note=compared_note(report, words),
        is_long=report.period_kind in LONG_PERIODS or is_beyond_usual(report),
        has_usual=any(building.use.usual_kwh is not None for building in report.buildings),
        same_within=SAME_WITHIN_RATIO,
        unregistered=_unregistered(report),
        rows=[_row(building, words) for building in report.buildings],
        area_notes=area_notes(report, words),
        attention=_attention(report, words),
        nothing_to_attend=nothing_to_attend(report, words),
        savings=_saving_rows(report, words),
        findings=[_fault_row(fault, report, words) for fault in fault_groups(report.findings)],
        first_findings=[_fault_row(fault, report, words) for fault in worth_money(report)[:FIRST_FINDINGS]],
        notes=note_rows(report, words)[-MAX_NOTES:],
        notes_before=max(0, len(report.notes) - MAX_NOTES),
        plan_sentences=plan_sentences(report, words),
        terms=terms(report),
        missing_names=", ".join(name_of(report, agency, words) for agency in report.missing),
        has_expected=any(bar.expected_kwh is not None for bar in report.pictures.bars),
        index_whys=[] if report.state_index is None else index_whys(report.state_index, words),
        of_scope=lambda key: of_scope(key, report, words),
        version=__version__,
    )
    return unbroken(page).encode()


def _short_tables(report: AgencyReport, words: Words) -> dict[str, object]:
    """Return what page one has beside its headline, and the ranking."""
    return {
        "saved": saved_money(report, words),
        "beside": beside(report, words),
        "first_thing": first_thing(report, words),
        "nothing": nothing_text(report, words),
        "quarter": quarter_text(report, words),
        "ranking": ranking_rows(report, words),
        "ranking_left_out": ranking_left_out(report, words),
    }


def _path(report: AgencyReport, words: Words) -> dict[str, object] | None:
    """Return the year towards its target, in words and as a picture."""
    if report.path is None:
        return None
    return {
        "title": path_title(report.path, words),
        "sentences": path_sentences(report.path, words),
        "picture": path_picture(report.path, words),
        "method": path_method(words),
    }


def _attention(report: AgencyReport, words: Words) -> list[dict[str, str]]:
    return [
        {"severity": item.severity, "place": subject_name(report, item, words), "text": attention_text(item, words)}
        for item in report.attention
    ]


def _unregistered(report: AgencyReport) -> set[str]:
    """Return who feeds energy into the grid without any PV that is entered."""
    exporting = {building.id for building in report.buildings if building.use.exported_kwh}
    return exporting - {plant.building_id for plant in report.solar if plant.is_installed}


def unbroken(page: str) -> str:
    """Return a page whose dates and times stay on one line."""
    return DATE.sub(lambda match: match[0].replace(" ", NO_BREAK_SPACE), page)


def _saving_rows(report: AgencyReport, words: Words) -> list[dict[str, object]]:
    """List the buildings' savings; nothing where no building has a baseline, or the report is of a day."""
    if report.period_kind == "day" or all(saving.band is None and not saving.why for saving in report.savings):
        return []
    return [_saving_row(saving, report, words) for saving in report.savings]


def _saving_row(saving: BuildingSaving, report: AgencyReport, words: Words) -> dict[str, object]:
    """Format a building's saving in words; without a baseline, that."""
    text = (saving.why or {}).get(words.lang) or words("saving.no_baseline")
    if saving.band is not None:
        text = verdict_text(saving.band, words)
        text += f" ({words('saving.provisional_short')})" if saving.is_provisional else ""
    name = name_of(report, saving.building_id, words)
    return {"name": name, "saving": saving, "verdict": text, "judged": judged_note(saving, words)}


def _fault_row(fault: FaultGroup, report: AgencyReport, words: Words) -> dict[str, object]:
    texts = fault_texts(fault, words)
    return {
        "severity": fault.chief.severity,
        "place": name_of(report, fault.chief.building, words),
        "name": texts.name,
        "text": texts.what,
        "do": texts.todo,
        "stakes": texts.stakes,
        "also": texts.also_said(words),
    }


def _row(building: BuildingUse, words: Words) -> dict[str, object]:
    use = building.use
    name = words.either(th=building.name_th, en=building.name_en)
    is_open = building.is_open
    area_m2 = building.gross_floor_area_m2
    return {
        "name": name,
        "type": words(f"building_type.{building.type}"),
        "day": None if is_open is None else words("report.open" if is_open else "report.closed"),
        "use": use,
        "intensity_digits": 2 if is_open is not None else 1,  # of a day it is far below 1
        "intensity_kwh_m2": None if use.energy_kwh is None or not area_m2 else use.energy_kwh / area_m2,
        "spark": sparkline(use.profile_kw, use.usual_profile_kw, label=f"{words('report.profile')}: {name}"),
    }
