"""Pictures with their words: profiles, bars, heat maps, ranking."""

from __future__ import annotations

import datetime as dt
from typing import Any

from markupsafe import Markup

from bkkenergy.i18n import Words
from bkkenergy.reports.chart import ProfileLabels, Values, day_profile, tick_values
from bkkenergy.reports.content import AgencyReport, Ranked, UseBar
from bkkenergy.reports.phrasing import name_of
from bkkenergy.reports.pictures import SMALL, Column, bars, heat_legend, heat_map

DAYS_PER_WEEK = 7
MANY_DAYS = 62
"""More days than this are labelled by month."""
FEW_DAYS = 14
"""Up to this many, each day has its label."""
MAX_HEATS = 60
ROOM_FOR_A_DATE = 3


def bar_chart(report: AgencyReport, words: Words) -> Markup:
    """Draw days or months as bars, with what the baselines expected."""
    shown = report.pictures.bars
    columns = [
        Column(bar.energy_kwh, bar.expected_kwh, _label(report, position, bar, words), _tooltip(report, bar, words))
        for position, bar in enumerate(shown)
    ]
    name = words(f"report.bars_{report.pictures.bar_step}")
    return bars(columns, title=name, number=words.number)


def bar_name(report: AgencyReport, bar: UseBar, words: Words) -> str:
    """Return the day or month of a bar, as the axis of a document's chart has it."""
    if report.pictures.bar_step == "month":
        return words.month_short(bar.first_day)
    if len(report.pictures.bars) <= FEW_DAYS:
        return f"{words.weekday_short(bar.first_day)} {bar.first_day.day}"
    return words.day_short(bar.first_day)


def _label(report: AgencyReport, position: int, bar: UseBar, words: Words) -> str:
    if report.pictures.bar_step == "month" or len(report.pictures.bars) <= FEW_DAYS:
        return bar_name(report, bar, words)
    if len(report.pictures.bars) > MANY_DAYS:
        return words.month_short(bar.first_day) if bar.first_day.day == 1 else ""
    from_end = len(report.pictures.bars) - 1 - position
    is_shown = position % DAYS_PER_WEEK == 0 if report.period_kind == "month" else from_end % DAYS_PER_WEEK == 0
    return bar_name(report, bar, words) if is_shown else ""


def _tooltip(report: AgencyReport, bar: UseBar, words: Words) -> str:
    is_day = report.pictures.bar_step == "day"
    date = words.date(bar.first_day) if is_day else words.month(bar.first_day)
    key = "report.bar_hover" if bar.expected_kwh is None else "report.bar_hover_expected"
    return words(key, date=date, actual=words.number(bar.energy_kwh), expected=words.number(bar.expected_kwh))


def profile_picture(actual_kw: Values, usual_kw: Values, words: Words, *, title: str) -> Markup:
    """Draw a day's hours beside the usual ones, each with a tooltip."""
    usual = usual_kw or (None,) * len(actual_kw)
    ticks = tick_values(actual_kw, usual)
    highest = max((kw for kw in actual_kw if kw is not None), default=None)
    labels = ProfileLabels(
        title=title,
        empty=words("report.profile_empty"),
        peak=words("report.profile_peak", value=words.number(highest)),
        ticks={tick: words.number(tick, 0 if ticks[-1] >= len(ticks) else 1) for tick in ticks},
        values=[
            words(
                "report.profile_hour",
                hour=f"{hour:02d}:00–{hour + 1:02d}:00",
                actual=words.number(actual, 1),
                usual=words.number(before, 1),
            )
            for hour, (actual, before) in enumerate(zip(actual_kw, usual, strict=True))
        ],
    )
    return day_profile(actual_kw, usual, labels=labels)


def heat_picture(report: AgencyReport, words: Words) -> Markup:
    """Draw the agency's hours as a heat map."""
    return heat_map(report.pictures.heat_kw, _heat_labels(report, words), title=words("report.heat"))


def legend_of(report: AgencyReport, words: Words) -> Markup:
    """Draw the legend of the agency's heat map."""
    known = [kw for row in report.pictures.heat_kw for kw in row if kw is not None]
    return heat_legend(
        words("report.heat_most", kw=words.number(max(known, default=0.0))), none=words("report.heat_none")
    )


def building_heats(report: AgencyReport, words: Words) -> list[dict[str, Any]]:
    """Draw a small heat map of each row, on reports of a month or longer; one building's is on page one already."""
    if report.period_kind == "day" or report.scope == "building":
        return []
    heats = []
    for building in report.buildings[:MAX_HEATS]:
        name = words.either(th=building.name_th, en=building.name_en)
        picture = heat_map(
            building.heat_kw, _heat_labels(report, words), title=f"{words('report.heat')}: {name}", sheet=SMALL
        )
        if picture:
            # The peak is that of 15 minutes, as everywhere in the report: the hours of the picture lie below it.
            heats.append({"name": name, "picture": picture, "peak": words.number(building.use.peak_kw, 1)})
    return heats


def _heat_labels(report: AgencyReport, words: Words) -> list[tuple[int, str]]:
    """Return the labels under a heat map: a date a week, or the months."""
    first, count = report.pictures.heat_first_day, len(report.pictures.heat_kw)
    days = [first + dt.timedelta(days=n) for n in range(count)]
    if count > MANY_DAYS:
        return [(position, words.month_short(day)) for position, day in enumerate(days) if day.day == 1]
    if count <= FEW_DAYS:
        return [(position, words.day_short(day)) for position, day in enumerate(days)]
    weekly = [(position, words.day_short(day)) for position, day in enumerate(days) if position % DAYS_PER_WEEK == 0]
    return [(position, text) for position, text in weekly if count - position >= ROOM_FOR_A_DATE]


def is_beyond_chance(report: AgencyReport, ranked: Ranked) -> bool:
    """Return whether a difference is more than chance: beyond its interval, or against the usual worth attention."""
    if ranked.against == "usual":
        return abs(ranked.ratio) >= report.notable_change_ratio
    return ranked.id in {saving.building_id for saving in report.savings if saving.is_significant}


def ranking_rows(report: AgencyReport, words: Words) -> list[dict[str, Any]]:
    """List who used more or less than expected by more than chance, with the share of the widest bar (0..100).

    intensity_kwh_m2 : the difference for each square metre, by which small buildings stand beside large ones.
    """
    shown = [ranked for ranked in report.ranking if is_beyond_chance(report, ranked)]
    area_m2 = {building.id: building.gross_floor_area_m2 for building in report.buildings}
    widest = max((abs(ranked.difference_kwh) for ranked in shown), default=0.0) or 1.0
    return [
        {
            "name": name_of(report, ranked.id, words),
            "kwh": ranked.difference_kwh,
            "ratio": ranked.ratio,
            "intensity_kwh_m2": ranked.difference_kwh / area if (area := area_m2.get(ranked.id)) else None,
            "width": round(abs(ranked.difference_kwh) / widest * 100, 1),
            "against": words(
                "report.against_baseline" if ranked.against == "baseline" else "report.against_usual_short"
            ),
        }
        for ranked in shown
    ]


def ranking_left_out(report: AgencyReport, words: Words) -> str:
    """Say how many are not ranked, as their differences may be chance; nothing where all are."""
    count = sum(not is_beyond_chance(report, ranked) for ranked in report.ranking)
    return words("report.ranking_left_out", count=count, all=len(report.ranking)) if count else ""
