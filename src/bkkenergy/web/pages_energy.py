"""Pages of use: the city, an agency, a building."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from bkkenergy.adapters.state.alerts import Alarm, open_alerts
from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.adapters.state.findingwork import WORK_STATES
from bkkenergy.adapters.state.news import news_since_last_time
from bkkenergy.calendar import past_year
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray
from bkkenergy.reports.alert_words import alert_line
from bkkenergy.reports.official import index_whys
from bkkenergy.reports.phrasing import bill_notes
from bkkenergy.reports.pictures import LARGE, heat_map
from bkkenergy.reports.render.views import profile_picture
from bkkenergy.reports.savings.official import state_index
from bkkenergy.reports.savings.phrasing import (
    Judged,
    compared_text,
    judged_text,
    progress_text,
    verdict_text,
    version_text,
)
from bkkenergy.reports.savingwords import cusum_picture
from bkkenergy.reports.solar.drawing import Line, lines
from bkkenergy.reports.yearwords import change_text
from bkkenergy.savings.faultgroups import FaultGroup, fault_groups
from bkkenergy.savings.insights import dismissed_as
from bkkenergy.savings.versions import VersionState
from bkkenergy.savings.views import mean_rows
from bkkenergy.usecases.baselines import decide_on_baseline
from bkkenergy.usecases.emissions import emission_months
from bkkenergy.usecases.events import accept_event
from bkkenergy.usecases.findingmessages import ENDED
from bkkenergy.usecases.findingwork import work_on
from bkkenergy.usecases.owndelivery import wants_monthly
from bkkenergy.usecases.photos import photos_of_findings
from bkkenergy.usecases.portfolio import portfolio_state
from bkkenergy.usecases.standing import owner_of
from bkkenergy.web.balance import balance_view
from bkkenergy.web.building import (
    BuildingView,
    building_parts,
    building_view,
    findings_shown,
)
from bkkenergy.web.citymap import city_map
from bkkenergy.web.cityyear import year_so_far
from bkkenergy.web.context import AppContext
from bkkenergy.web.figures import BuildingFigures, CityFigures, Figures, summed
from bkkenergy.web.fluid import fluid
from bkkenergy.web.livefigures import live_building, said
from bkkenergy.web.quantities import quantity_rows
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor
from bkkenergy.web.work import WorkLine, finding_line, owners_here, work_line
from bkkenergy.web.yesterday import yesterday

INDEX_S = 600.0
"""How long an agency's index stays before it is computed again: what is entered of a month shows within minutes."""
router = APIRouter(default_response_class=HTMLResponse)
HOURS = 24
DECISIONS: dict[str, VersionState] = {"accepted": "accepted", "declined": "declined"}


def figures_of(visitor: Visitor) -> CityFigures:
    """Return the figures that all requests share."""
    figures: CityFigures = visitor.here.city
    return figures


def building_of(visitor: Visitor, building_id: str) -> Building:
    """Return a building that the visitor may see; any other is not found."""
    building = visitor.here.portfolio.buildings.get(building_id)
    if building is None:
        raise HTTPException(404, "not found")
    visitor.need("see", building.agency)
    return building


@router.get("/")
def overview(visitor: PageVisitor) -> Response:
    """Show the city, or what of it is the visitor's."""
    here = visitor.here
    agencies = visitor.account.reachable(here.portfolio.agencies)
    if len(agencies) == 1:
        return RedirectResponse(f"/agencies/{agencies[0]}", 303)
    figures = figures_of(visitor).now()
    key = ("overview", tuple(agencies), visitor.lang, figures.at)
    shown = here.cached(key, here.settings.web.refresh_s, lambda: _overview(visitor, agencies, figures))
    return page(
        visitor,
        "overview.html.j2",
        title=visitor.words("web.overview"),
        figures=figures,
        **shown,
        best=yesterday(here, agencies),
        so_far=year_so_far(here, agencies, figures.of(agencies)),
        money=here.money.of(agencies),
        news=news_since_last_time(here.opened.state, visitor.account.name, agencies),
        is_demo=any(here.portfolio.agencies[agency].demonstration for agency in agencies),
        alerts=_alerts(visitor, agencies),
    )


def _overview(visitor: Visitor, agencies: list[str], figures: Figures) -> dict[str, Any]:
    """Build the rows and the map, which many requests share."""
    words, portfolio = visitor.words, visitor.here.portfolio
    rows = [_group(agency, figures.of([agency]), words, portfolio.agencies[agency]) for agency in agencies]
    rows.sort(key=lambda row: -(row["month"].energy_kwh or 0.0))
    every = figures.of(agencies)
    return {"rows": rows, "total": _group("", every, words, None), "map": city_map(every, portfolio.agencies, words)}


@router.get("/agencies/{agency}")
def agency_page(agency: str, visitor: PageVisitor) -> Response:
    """Show one agency with its buildings."""
    here = visitor.here
    known_agency = here.portfolio.agencies.get(agency)
    if known_agency is None:
        raise HTTPException(404, "not found")
    visitor.need("see", agency)
    figures = figures_of(visitor).now()
    rows = sorted(figures.of([agency]), key=lambda row: -(row.month.energy_kwh or 0.0))
    words = visitor.words
    key = ("state index", agency, here.today)
    index = here.cached(key, INDEX_S, lambda: state_index(here.opened, agency, past_year(here.today)))
    return page(
        visitor,
        "agency.html.j2",
        state_index=index,
        emissions=here.cached(
            ("emissions", agency, here.today),
            INDEX_S,
            lambda: emission_months(here.opened, agency, past_year(here.today)),
        ),
        index_whys=index_whys(index, words),
        title=words.either(th=known_agency.name_th, en=known_agency.name_en),
        agency=known_agency,
        rows=rows,
        total=_group(agency, rows, words, known_agency),
        map=city_map(rows, here.portfolio.agencies, words),
        figures=figures,
        is_demo=known_agency.demonstration,
        best=yesterday(here, [agency]),
        so_far=year_so_far(here, [agency], rows),
        money=here.money.of([agency]),
        news=news_since_last_time(here.opened.state, visitor.account.name, [agency]),
        alerts=_alerts(visitor, [agency]),
        is_monthly=wants_monthly(here.opened.state, visitor.actor, agency),
    )


def _group(agency: str, rows: list[BuildingFigures], words: Words, known_agency: Any) -> dict[str, Any]:
    """Return an agency's figures, or the whole's."""
    today = [row.today_kwh for row in rows if row.today_kwh is not None]
    return {
        "id": agency,
        "name": words.either(th=known_agency.name_th, en=known_agency.name_en)
        if known_agency
        else words("by_scope.total_city"),
        "said": _said(rows, known_agency),
        "buildings": len(rows),
        "today_kwh": sum(today) if today else None,
        "month": summed(row.month for row in rows),
        "year": summed(row.year for row in rows),
        "coverage_ratio": float(np.mean([row.coverage_ratio for row in rows])) if rows else 0.0,
        "alerts": sum(row.alerts for row in rows),
    }


def _said(rows: list[BuildingFigures], known_agency: Any) -> str:
    """Return what a row is found by beside what it shows: its names and types of building in both languages."""
    if known_agency is None:
        return ""
    keys = sorted({f"building_type.{row.building.type}" for row in rows})
    return " ".join([known_agency.name_th, known_agency.name_en, *(Words(lang)(key) for lang in LANGS for key in keys)])


def _alerts(visitor: Visitor, agencies: list[str]) -> list[dict[str, str]]:
    """List what is open in these agencies, as sentences."""
    agency_ids = set(agencies)
    here, words = visitor.here, visitor.words
    alarms = [alarm for alarm in open_alerts(here.opened.state) if alarm.agency in agency_ids]
    return [
        alert_line(alarm, here.portfolio, words) | {"explore": _explored_at(alarm), "page": _page_of(alarm)}
        for alarm in alarms[:20]
    ]


def _page_of(alarm: Alarm) -> str:
    """Return the page of the building that an alert speaks of, or of the agency."""
    return f"/buildings/{alarm.building}" if alarm.building else f"/agencies/{alarm.agency}"


def _explored_at(alarm: Alarm) -> str:
    """Return the address at which what an alert speaks of can be seen."""
    if not alarm.building:
        return f"/explore/agency/{alarm.agency}"
    return f"/explore/meter/{alarm.meter}" if alarm.meter else f"/explore/building/{alarm.building}"


@router.get("/buildings/{building_id}")
def building_page(building_id: str, visitor: PageVisitor) -> Response:
    """Show one building: now, today, the year, its money and what to act on. Of one that is no more, its last days."""
    if building_id not in visitor.here.portfolio.buildings and owner_of(visitor.here.portfolio, building_id):
        return RedirectResponse(f"/explore/building/{building_id}", 303)
    building, here, words = building_of(visitor, building_id), visitor.here, visitor.words
    view = building_view(here, building)
    work = work_on(here.opened.state, building.agency, building.id)
    lines = {item.now.rule: work_line(item, visitor, view.findings) for item in work}
    shown = findings_shown(here, building, view.findings, work)
    now = live_building(here, building)
    acted_on = {dismissed_as(finding) for finding in shown}
    return page(
        visitor,
        "building.html.j2",
        title=words.either(th=building.name_th, en=building.name_en),
        building=building,
        tariff=here.opened.figures.tariffs.schedules[here.opened.portfolio.schedule_of(building)],
        agency=here.portfolio.agencies[building.agency],
        figures=figures_of(visitor).now().buildings[building_id],
        view=view,
        bill_notes=bill_notes(view.bill, here.opened.figures.tariffs.rules.minimum_floor, words) if view.bill else [],
        power=now.power,
        now=said(now, words),
        balance=balance_view(here, building, words, view.energy),
        quantities=quantity_rows(here, building, words),
        verdict=_verdict(view, words),
        compared=_compared(view, visitor),
        beside_year=_beside_year(view, words),
        parts=[] if isinstance(split := building_parts(here, building, view.waiting), InputError) else split,
        cusum=None if view.cusum is None else _drawn_once(here, view, view.cusum.sum_kwh, words, _cusum),
        versions=[(version, version_text(version, words)) for version in view.versions],
        progress=progress_text(view.progress, words),
        may_decide=visitor.account.may("plan", building.agency),
        profile=_drawn_once(here, view, np.stack([view.today_kw, view.typical_kw]), words, _profile),
        heat=_drawn_once(here, view, view.views.heat_kw, words, _heat),
        duration=_drawn_once(here, view, view.views.duration_kw, words, _duration),
        findings=[_fault(group, lines, words) for group in fault_groups(shown)],
        open_work=[line for key, line in lines.items() if line.item.now.state not in ENDED and key not in acted_on],
        ended_work=[line for key, line in lines.items() if line.item.now.state in ENDED and key not in acted_on],
        work_states=WORK_STATES,
        owners=owners_here(here, building.agency),
        photos=photos_of_findings(here.opened.state, building.id) if lines else {},
        may_add_photos=visitor.account.may("edit", building.agency),
        may_dismiss=visitor.account.may("dismiss", building.agency),
        may_adjust=visitor.account.may("edit", building.agency) and here.portfolio.revision > 0,
        is_demo=here.portfolio.is_simulated(building),
    )


@router.post("/buildings/{building_id}/baselines/{number}")
def decide_baseline(building_id: str, number: int, visitor: PageVisitor, form: OwnForm) -> Response:
    """Accept or decline a version of the building's baseline."""
    building, here = building_of(visitor, building_id), visitor.here
    visitor.need("plan", building.agency)
    state = DECISIONS.get(str(form.get("state", "")))
    if state is None:
        raise HTTPException(422, "no such state")
    versions = versions_of(here.opened.state, [building.id]).get(building.id, ())
    if number not in {version.number for version in versions}:
        raise HTTPException(404, "no such baseline")
    with suppress(InputError):  # it was decided meanwhile, alike: the page shows so
        decide_on_baseline(here.opened.state, visitor.actor, here.portfolio, number, state, here.clock())
    return RedirectResponse(f"/buildings/{building_id}#baselines", 303)


def _verdict(view: BuildingView, words: Words) -> str:
    """Return what was saved, or why that cannot be said."""
    judged = view.judged
    if judged.saving is None or judged.band is None:
        return judged.why_in(words.lang) or words("saving.no_baseline")
    text = words("report.saving_since", first=words.date(view.judged_from), verdict=verdict_text(judged.band, words))
    if judged.baseline is None:
        return text
    return f"{text} ({judged_text(Judged.of(judged.saving, judged.baseline), words)})"


def _beside_year(view: BuildingView, words: Words) -> str:
    """Return the last whole month beside the same one of the year before; nothing where it cannot be said."""
    if view.last_month is None or view.last_month.change is None:
        return ""
    text = change_text(view.last_month.row(), words)
    return words("compared.of_month", month=words.month(view.last_month.change.first), text=text)


def _compared(view: BuildingView, visitor: Visitor) -> str:
    """Return a saving without what happened to everyone, and which of the buildings that it is compared with are the
    visitor's; that there are too few, where a saving or rise is significant.
    """
    words, portfolio = visitor.words, visitor.here.portfolio
    if view.compared is None:
        is_significant = view.judged.band is not None and view.judged.band.verdict in {"proven", "increase"}
        return compared_text(None, words) if is_significant else ""
    row = view.compared.row(own_of(visitor, view.compared.common.buildings))
    buildings = [portfolio.buildings[name] for name in row.buildings]
    names = [words.either(th=building.name_th, en=building.name_en) for building in buildings]
    text = compared_text(row, words)
    return f"{text} ({', '.join(names)})" if names else text


@router.post("/buildings/{building_id}/adjust")
def adjust_event(building_id: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter the lasting change of use that the page shows as a non-routine adjustment."""
    building, here = building_of(visitor, building_id), visitor.here
    visitor.need("edit", building.agency)
    events = [finding for finding in building_view(here, building).findings if finding.rule == "use_event"]
    if not events:
        raise HTTPException(404, "no such finding")
    try:
        state = portfolio_state(here.opened.config, here.opened.state)
        accept_event(state, visitor.actor, events[0], str(form.get("reason", ""))[:500], here.clock())
    except InputError as why:
        raise HTTPException(422, why.said(visitor.words.lang)) from None
    finally:
        here.look_now()
    return RedirectResponse(f"/buildings/{building_id}#findings", 303)


def own_of(visitor: Visitor, buildings: Iterable[str]) -> set[str]:
    """Return those of some buildings that a visitor may see."""
    known = visitor.here.portfolio.buildings
    return {name for name in buildings if name in known and visitor.account.reaches(known[name].agency)}


def _profile(view: BuildingView, words: Words) -> Markup:
    today, typical = _listed(view.today_kw), _listed(view.typical_kw)
    return fluid(profile_picture(today, typical, words, title=words("web.today_beside_typical")))


def _drawn_once(
    here: AppContext,
    view: BuildingView,
    values: FloatArray,
    words: Words,
    draw: Callable[[BuildingView, Words], Markup],
) -> Markup:
    """Return a picture of a building's year, or the one that was drawn of the very same values a while ago."""
    digest = hashlib.blake2b(values.tobytes(), digest_size=16).digest()
    key = (draw.__name__, view.building.id, words.lang, here.today, digest)
    picture: Markup = here.cached(key, INDEX_S, lambda: draw(view, words))
    return picture


def _heat(view: BuildingView, words: Words) -> Markup:
    first = view.views.days[0].date()
    days = [first + dt.timedelta(days=n) for n in range(len(view.views.days))]
    labels = [(column, words.month_short(day)) for column, day in enumerate(days) if day.day == 1]
    means_kw, unit = mean_rows(view.views.heat_kw.T).tolist(), words("unit.kw")
    links = [
        (
            f"/explore/building/{view.building.id}?first={day}&last={day}",
            f"{words.weekday_short(day)} {words.day_year(day)}: {words.number(kw, 1)} {unit}",
        )
        for day, kw in zip(days, means_kw, strict=True)
    ]
    return fluid(heat_map(view.views.heat_kw, labels, title=words("report.heat"), sheet=LARGE, days=links))


def _cusum(view: BuildingView, words: Words) -> Markup:
    return Markup("") if view.cusum is None else fluid(cusum_picture(view.cusum, words))


def _duration(view: BuildingView, words: Words) -> Markup:
    kw = view.views.duration_kw
    if not np.isfinite(kw).any():
        return Markup("")
    names = [(float(share), f"{share}%") for share in range(0, 101, 25)]
    return fluid(lines([Line(kw.tolist(), "actual")], names, words("web.duration"), words.number))


def _fault(group: FaultGroup, lines: Mapping[str, WorkLine], words: Words) -> dict[str, Any]:
    """Return findings of one fault as one: that which is worked on, or else the largest, with the others below it."""
    every = [finding_line(finding, words) | {"work": lines.get(dismissed_as(finding))} for finding in group.findings]
    first = next((one for one in every if one["work"] and one["work"].item.now.state not in ENDED), every[0])
    also = [one for one in every if one is not first]
    together = words("work.together", thb=words.number(group.cost_thb_a_month)) if also else ""
    return first | {"also": also, "together": together}


def _listed(values: FloatArray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values.tolist()]
