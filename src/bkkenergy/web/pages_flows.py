"""Where a building's energy went in a period: a Sankey picture of its meters, hours of the week, load, and demand."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from bkkenergy.adapters.files import plain_rows
from bkkenergy.calendar import Period, fiscal_year_of
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.readings import FloatArray
from bkkenergy.reports.pictures import LARGE, heat_map
from bkkenergy.reports.solar.drawing import Line, lines
from bkkenergy.usecases.demand import DemandQuarter
from bkkenergy.usecases.phases import MeterPhases
from bkkenergy.usecases.whereitwent import HOURS, Branch, WhereItWent, where_it_went
from bkkenergy.web.exploreparts import BESIDE, QUARTER
from bkkenergy.web.exploretime import step_text
from bkkenergy.web.fluid import fluid
from bkkenergy.web.render import page
from bkkenergy.web.sankey import SankeyBar, sankey
from bkkenergy.web.security import PageVisitor
from bkkenergy.web.standing import building_then

router = APIRouter(default_response_class=HTMLResponse)
MAX_DAYS = 400
LAST_DAYS = 30
PART_COLOURS = 6
COLOURS = {"grid_import": "k-grid-import", "production": "k-production", "building": "k-gross-use",
           "grid_export": "k-grid-export", "main": "k-gross-use", "rest": "k-rest", "use": "k-part-0"}  # fmt: skip
BOM = "\ufeff"
"""By which spreadsheets know a CSV file as UTF-8."""


@dataclass(frozen=True, slots=True)
class TreeLine:
    """A line of the table. depth : how far below the building. is_below_zero : what cannot be, and is said."""

    colour: str
    name: str
    address: str
    depth: int
    energy_kwh: float | None
    share_ratio: float | None
    known_ratio: float
    is_below_zero: bool


@router.get("/buildings/{building_id}/flows")
def flows_page(building_id: str, visitor: PageVisitor, period: str = "", format: str = "html") -> Response:  # noqa: A002 - as the address says it
    """Show where a building's energy went, as a page or a table; of the last 30 days where no period is given."""
    words, today = visitor.words, visitor.here.today
    asked, fault = period_asked(period, today)
    then = building_then(visitor, building_id, asked)
    went = where_it_went(then.site, then.building, asked)
    rows = flow_rows(went.branches, asked, words)
    if format == "csv":
        return _csv(building_id, went, rows, words)
    if format != "html":
        raise HTTPException(422, "no such format")
    name = words.either(th=then.building.name_th, en=then.building.name_en)
    return page(
        visitor,
        "flows.html.j2",
        status=422 if fault else 200,
        title=words("flows.title", name=name),
        name=name,
        building=then.building,
        period=asked,
        chosen=period,
        fault=words("flows.no_period") if fault else "",
        choices=choices(today, words),
        rows=rows,
        picture=sankey(parts_of(went.branches, words), "building", title=words("flows.where")),
        notes=[words(f"balance.note_{note.value}") for note in went.notes],
        exceeding=went.exceeding,
        is_waiting=went.is_waiting,
        heat=_heat(went.hour_kw, words),
        weekdays=weekday_rows(went.hour_kw, words),
        duration=_duration(went.duration_kw, words),
        phases=[_phases_shown(phases, asked, words) for phases in went.phases],
        demand=[_demand_row(quarter, building_id, words) for quarter in went.demand],
        is_demo=then.site.portfolio.is_simulated(then.building),
    )


def period_asked(text: str, today: dt.date) -> tuple[Period, bool]:
    """Return the period that was asked for, up to today, and whether it was none that can be shown."""
    last_days = Period.days(today - dt.timedelta(days=LAST_DAYS), today - dt.timedelta(days=1))
    if not text:
        return last_days, False
    try:
        asked = Period.of(text)
    except (ValueError, InputError):
        return last_days, True
    last = min(asked.last_day, today)
    if last < asked.first_day or (last - asked.first_day).days >= MAX_DAYS:
        return last_days, True
    return Period.days(asked.first_day, last), False


def choices(today: dt.date, words: Words) -> list[tuple[str, str]]:
    """Return periods that one often asks for: how each is written in the address, and its name."""
    month = today.replace(day=1)
    before = (month - dt.timedelta(days=1)).replace(day=1)
    year = fiscal_year_of(today)
    slugs = (f"{month:%Y-%m}", f"{before:%Y-%m}", year.slug)
    return [("", words("flows.last_days")), *((slug, words.period(slug)) for slug in slugs)]


def branch_name(branch: Branch, words: Words) -> str:
    """Return what a part is called."""
    if branch.meter is not None:
        name = words.either(th=branch.meter.name_th, en=branch.meter.name_en)
        return f"{name} ({words('balance.tenant')})" if branch.meter.tenant else name
    return words("balance.rest") if branch.kind == "rest" else words(f"flows.{branch.kind}")


def flow_rows(branches: Sequence[Branch], period: Period, words: Words) -> list[TreeLine]:
    """Return the tree as lines, each below what it is a part of."""
    depth = {"": -1, "building": 0}
    colour = 0
    rows = []
    span = f"first={period.first_day}&last={period.last_day}"
    for branch in branches:
        depth[branch.key] = 0 if branch.key == "building" else depth.get(branch.above, 0) + 1
        key = COLOURS.get(branch.kind) or f"k-part-{colour % PART_COLOURS}"
        colour += branch.kind == "part"
        below_zero = branch.energy_kwh is not None and branch.energy_kwh < 0 and branch.kind in {"rest", "use"}
        address = f"/explore/meter/{branch.meter.id}?{span}" if branch.meter is not None else ""
        rows.append(
            TreeLine(
                key,
                branch_name(branch, words),
                address,
                depth[branch.key],
                branch.energy_kwh,
                branch.share_ratio,
                branch.known_ratio,
                below_zero,
            )
        )
    return rows


def parts_of(branches: Sequence[Branch], words: Words) -> list[SankeyBar]:
    """Return the bars of the picture. One source is the building's whole; one main meter is the building itself."""
    sources = [one for one in branches if one.kind in {"grid_import", "production"}]
    mains = [one for one in branches if one.kind in {"main", "use"}]
    is_alone = len(mains) == 1 and mains[0].kind == "main"
    first = 1 if len(sources) > 1 else 0
    columns = {"building": first}
    parts, colour = [], 0
    for branch in branches:
        if (branch in sources and not first) or (branch in mains and is_alone):
            continue
        above = "building" if is_alone and branch.above == mains[0].key else branch.above
        column = 0 if branch in sources else columns[above] + 1 if above else first
        columns[branch.key] = column
        key = COLOURS.get(branch.kind) or f"k-part-{colour % PART_COLOURS}"
        colour += branch.kind == "part"
        figure = f"{words.number(branch.energy_kwh)} {words('unit.kwh')}"
        if branch.share_ratio is not None and branch.kind != "building":
            figure += f" · {words.percent(branch.share_ratio)}"
        parts.append(
            SankeyBar(branch.key, above, column, branch.energy_kwh or 0.0, key, branch_name(branch, words), figure)
        )
    return parts


def weekday_rows(hour_kw: FloatArray, words: Words) -> list[tuple[str, float | None, float | None]]:
    """Return each weekday's mean energy of a day, and its share of a week's, where all of its hours are known."""
    day_kwh = hour_kw.sum(axis=1)
    week_kwh = float(day_kwh.sum())
    monday = dt.date(2024, 1, 1)
    names = [words.weekday(monday + dt.timedelta(days=day)) for day in range(len(day_kwh))]
    return [
        (name, _known(kwh), _known(kwh / week_kwh if week_kwh > 0 else np.nan))
        for name, kwh in zip(names, day_kwh.tolist(), strict=True)
    ]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _heat(hour_kw: FloatArray, words: Words) -> Markup:
    monday = dt.date(2024, 1, 1)
    names = [(day, words.weekday_short(monday + dt.timedelta(days=day))) for day in range(len(hour_kw))]
    return fluid(heat_map(hour_kw, names, title=words("flows.week"), sheet=LARGE))


def _duration(duration_kw: FloatArray, words: Words) -> Markup:
    if not np.isfinite(duration_kw).any():
        return Markup("")
    names = [(float(share), f"{share}%") for share in range(0, 101, 25)]
    return fluid(lines([Line(duration_kw.tolist(), "actual")], names, words("web.duration"), words.number))


def _phases_shown(phases: MeterPhases, period: Period, words: Words) -> dict[str, Any]:
    """Return a meter's phases as a table and, where each hour of the day is known, a picture."""
    span = f"first={period.first_day}&last={period.last_day}"
    figures = zip(
        phases.energy_kwh.tolist(), phases.share_ratio.tolist(), phases.mean_a.tolist(), phases.high_a.tolist(),
        phases.mean_v.tolist(), strict=True,
    )  # fmt: skip
    rows = [
        {
            "name": f"L{number}",
            "colour": f"k-part-{number - 1}",
            "address": f"/explore/meter/{phases.meter.id}?quantity=current_l{number}&compare=phases&{span}",
            "energy_kwh": kwh,
            "share_ratio": _known(share),
            "mean_a": mean_a,
            "high_a": high_a,
            "mean_v": mean_v,
        }
        for number, (kwh, share, mean_a, high_a, mean_v) in enumerate(figures, 1)
    ]
    is_drawn = bool(np.isfinite(phases.hour_kw).all())
    names = [(float(hour), f"{hour:02d}:00") for hour in range(0, HOURS, 6)]
    drawn = [Line(kw.tolist(), f"phase k-part-{number}") for number, kw in enumerate(phases.hour_kw.T)]
    return {
        "meter": words.either(th=phases.meter.name_th, en=phases.meter.name_en),
        "rows": rows,
        "known_ratio": phases.known_ratio,
        "picture": fluid(lines(drawn, names, words("flows.phases"), words.number)) if is_drawn else Markup(""),
    }


def _demand_row(quarter: DemandQuarter, building_id: str, words: Words) -> dict[str, Any]:
    """Return a quarter-hour of the bill, with the address that shows the hours around it."""
    day = quarter.start.date()
    from_s, to_s = (int(at.timestamp()) for at in (quarter.start - BESIDE, quarter.start + QUARTER + BESIDE))
    return {
        "text": step_text(quarter.start, "15min", words),
        "window": words(f"flows.window_{quarter.window}"),
        "power_kw": quarter.power_kw,
        "charge_thb": quarter.charge_thb,
        "address": f"/explore/building/{building_id}?first={day}&last={day}#z={from_s}-{to_s}",
    }


def _csv(building_id: str, went: WhereItWent, rows: Sequence[TreeLine], words: Words) -> Response:
    """Return the tree, hours of the week and quarter-hours of the bill as one table."""
    out = io.StringIO(newline="")
    head = [words("flows.part"), words("unit.kwh"), words("balance.share"), words("balance.known")]
    body: list[list[object]] = [
        ["  " * max(row.depth, 0) + row.name, row.energy_kwh, row.share_ratio, row.known_ratio] for row in rows
    ]
    body.append([])
    body.append([words("flows.week"), *(f"{hour:02d}:00" for hour in range(HOURS))])
    monday = dt.date(2024, 1, 1)
    for day, powers in enumerate(went.hour_kw.tolist()):
        body.append([words.weekday(monday + dt.timedelta(days=day)), *(_known(kw) for kw in powers)])
    body.append([])
    body.append([words("flows.demand"), words("unit.kw"), words("flows.window"), words("unit.thb")])
    body += [
        [one.start.isoformat(), one.power_kw, words(f"flows.window_{one.window}"), one.charge_thb]
        for one in went.demand
    ]
    for phases in went.phases:
        body.append([])
        name = words.either(th=phases.meter.name_th, en=phases.meter.name_en)
        body.append([f"{words('flows.phases')} · {name}", words("unit.kwh"), "A", "V"])
        figures = zip(phases.energy_kwh.tolist(), phases.mean_a.tolist(), phases.mean_v.tolist(), strict=True)
        body += [[f"L{number}", *row] for number, row in enumerate(figures, 1)]
    csv.writer(out).writerows(plain_rows([head, *body]))
    name = f"flows_{building_id}_{went.period.first_day}_{went.period.last_day}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response((BOM + out.getvalue()).encode(), media_type="text/csv; charset=utf-8", headers=headers)
