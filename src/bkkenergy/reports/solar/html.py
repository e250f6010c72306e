"""The design as a page: what a manager reads first, what an engineer checks after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from babel import Locale
from babel.dates import get_month_names
from markupsafe import Markup

from bkkenergy import __version__
from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Lang, Words
from bkkenergy.plan import Project
from bkkenergy.reports.render.page import as_pdf, environment
from bkkenergy.reports.solar.drawing import Bar, Line, bars, lines, roof_plan, tornado
from bkkenergy.solar.design import SolarDesign
from bkkenergy.solar.finance import SENSITIVITY, Result
from bkkenergy.solar.screening import Screening
from bkkenergy.solar.sources import assumption_sources
from bkkenergy.solar.terms import scheme_named
from bkkenergy.solar.weatheryears import MIN_YEARS, named_years
from bkkenergy.tariff.bill import Item
from bkkenergy.texts import BE_OFFSET_YEARS

HOURS_PER_DAY = 24


def headline(design: SolarDesign, words: Words) -> str:
    """Return the design in one sentence."""
    purchase = design.ways["own"]
    values = {"kwp": words.number(design.capacity_kwp, 1), "energy": words.number(design.energy_kwh)}
    if purchase.payback_years is None:
        return words("solar.headline_never", **values, years=design.config.finance.analysis_years)
    return words("solar.headline", **values, years=words.number(purchase.payback_years, 1))


def solar_projects(projects: Iterable[Project], building_id: str) -> list[Project]:
    """Return the projects of the plan that put PV on a building, those that were dropped left out."""
    return [one for one in projects if one.kind == "solar" and one.building == building_id and one.state != "dropped"]


def planned_text(project: Project, words: Words) -> str:
    """Return what the plan says of a project, beside a design."""
    return words(
        "solar.planned",
        name=words.either(th=project.name_th, en=project.name_en),
        state=words(f"project_state.{project.state}"),
        due=words.year(project.due_year_be - BE_OFFSET_YEARS),
        energy=words.number(project.expected_kwh or None),
        budget=words.number(project.budget_thb or None),
    )


def render_design_html(
    design: SolarDesign, lang: Lang, *, today: dt.date, planned: Sequence[Project] = (), is_simulated: bool = False
) -> bytes:
    """Render a whole HTML page, UTF-8. planned : projects of the plan that are of this building's PV. is_simulated :
    its load is of a demonstration.
    """
    words = Words(lang)
    page = environment.get_template("solar.html.j2").render(
        d=design,
        t=words,
        lang=lang,
        name=words.either(th=design.building.name_th, en=design.building.name_en),
        headline=headline(design, words),
        planned=[planned_text(project, words) for project in planned],
        is_simulated=is_simulated,
        purchase=design.ways["own"],
        irr_of=lambda result: irr_text(result, words),
        charts=design_charts(design, words),
        plans=list(zip(design.roofs, roof_plans(design, words), strict=True)),
        losses=[
            (words(f"solar.step_{line.step}"), line)
            for line in design.losses
            if _is_shown(line.change_ratio, line.step)
        ],
        cleaning=[(option, days_text(option.days, words)) for option in design.cleaning],
        export=export_text(design, words),
        dirty_months=", ".join(words.percent(share, 1) for share in design.config.losses.soiling_months),
        years=named_years(design.years.names),
        min_years=MIN_YEARS,
        bill=bill_rows(design),
        ways=[(way, result, _payback(result, design, words)) for way, result in design.ways.items()],
        sources=assumption_sources(design),
        today=today,
        version=__version__,
        as_percent=words.percent,
    )
    return page.encode()


def render_design_pdf(
    design: SolarDesign, lang: Lang, *, today: dt.date, planned: Sequence[Project] = (), is_simulated: bool = False
) -> bytes:
    """Print the same page as PDF. Raises InputError where no browser is installed."""
    return as_pdf(render_design_html(design, lang, today=today, planned=planned, is_simulated=is_simulated))


def render_screening_html(screening: Screening, lang: Lang, *, today: dt.date, is_simulated: bool = False) -> bytes:
    """Render the ranked roofs as a page."""
    words = Words(lang)
    page = environment.get_template("screening.html.j2").render(
        s=screening, t=words, lang=lang, today=today, version=__version__, is_simulated=is_simulated
    )
    return page.encode()


def render_screening_pdf(screening: Screening, lang: Lang, *, today: dt.date, is_simulated: bool = False) -> bytes:
    """Print the ranked roofs as PDF."""
    return as_pdf(render_screening_html(screening, lang, today=today, is_simulated=is_simulated))


def days_text(days: Sequence[str], words: Words) -> str:
    """Return days of a year, as month-day, in words: "15 Jan, 16 Mar"."""
    short = get_month_names("abbreviated", locale=Locale(words.lang))
    return ", ".join(f"{int(day[3:])} {short[int(day[:2])]}" for day in days)


def export_text(design: SolarDesign, words: Words) -> str:
    """Return what becomes of surplus: held back, sold at a price or at one in each window, or netted first.

    A scheme is named, with the day whose terms were taken.
    """
    said = _export_said(design, words)
    if not design.config.finance.export_scheme:
        return said
    scheme = scheme_named(design.config, design.config.finance.export_scheme, design.day)
    name = words.either(th=scheme.name_th, en=scheme.name_en)
    return words("solar.surplus_scheme", terms=said, scheme=name, day=words.date(design.day))


def _export_said(design: SolarDesign, words: Words) -> str:
    terms = design.config.finance.export
    if not terms.is_allowed:
        return words("solar.surplus_held")
    on_peak, off_peak = terms.on_peak_thb_per_kwh, terms.off_peak_thb_per_kwh
    sold = (
        words("solar.surplus_sold", price=words.number(on_peak, 2))
        if on_peak == off_peak
        else words("solar.surplus_by_window", on_peak=words.number(on_peak, 2), off_peak=words.number(off_peak, 2))
    )
    if not terms.is_netted_by_month:
        return sold
    return words("solar.surplus_netted", kwh=words.number(design.bills.netted_kwh), rest=sold)


def _is_shown(change_ratio: float, step: str) -> bool:
    return step == "ghi" or abs(change_ratio) >= 5e-4  # noqa: PLR2004 - what one decimal of a per cent shows


def irr_text(result: Result, words: Words) -> str:
    """Return a rate of return; where there are several, that none of them is the one."""
    if len(result.rates_of_return) > 1:
        rates = ", ".join(words.percent(rate, 1) for rate in result.rates_of_return)
        return words("solar.irr_not_unique", rates=rates)
    return words.percent(result.irr, 1)


def _payback(result: Result, design: SolarDesign, words: Words) -> str:
    if result.payback_years is None:
        return words("solar.never", years=design.config.finance.analysis_years)
    return "–" if result.payback_years == 0 else f"{words.number(result.payback_years, 1)} {words('solar.years')}"


@dataclass(frozen=True, slots=True)
class YearBillItem:
    """One item of a year's bills, THB."""

    item: Item
    before_thb: float
    after_thb: float


def bill_rows(design: SolarDesign) -> list[YearBillItem]:
    """Sum each item of the year's bills, before and after."""
    items = list(
        dict.fromkeys(line.item for bill in (*design.bills.before, *design.bills.after) for line in bill.lines)
    )
    return [
        YearBillItem(
            item,
            sum(bill.amount_thb(item) for bill in design.bills.before),
            sum(bill.amount_thb(item) for bill in design.bills.after),
        )
        for item in items
    ]


def roof_plans(design: SolarDesign, words: Words) -> list[Markup]:
    """Return the plan of each roof with its modules."""
    title, unit, north = words("solar.plan"), words("unit.m"), words("solar.north")
    return [roof_plan(roof.layout, f"{title}: {roof.id}", unit, north) for roof in design.roofs]


def design_charts(design: SolarDesign, words: Words) -> dict[str, Markup]:
    """Return the pictures of a design by name: months, losses, a week, cash, sensitivities, sizes."""
    short = get_month_names("abbreviated", locale=Locale(words.lang))
    months = [
        Bar(str(short[number]), value, f"{short[number]}: {words.number(value)} {words('unit.kwh')}")
        for number, value in enumerate(design.month_kwh, 1)
    ]
    return {
        "months": bars(months, words("solar.months"), words.number),
        "losses": _waterfall(design, words),
        "week": _week(design, words),
        "cash": _cash(design, words),
        "tornado": tornado(
            [(words(f"solar.factor_{name}"), less, more) for name, less, more in design.tornado],
            design.ways["own"].npv_thb,
            words("solar.tornado", share=SENSITIVITY),
            lambda value: words.number(value / 1e6, 2),
        ),
        "sweep": _sweep(design, words),
    }


def _waterfall(design: SolarDesign, words: Words) -> Markup:
    rows, before = [], 0.0
    shown = [line for line in design.losses if _is_shown(line.change_ratio, line.step)]
    for line in shown:
        name = words(f"solar.step_{line.step}")
        kind = "bar" if line.step == "ghi" else "gain" if line.energy_kwh >= before else "loss"
        change = words.percent(line.change_ratio, 1, signed=True)
        text = f"{name}: {words.number(line.energy_kwh)} {words('unit.kwh')} ({change})"
        value = line.energy_kwh if line.step == "ghi" else line.energy_kwh - before
        label = "" if line.step == "ghi" else change
        rows.append(Bar(label, value, text, kind, 0.0 if line.step == "ghi" else before))
        before = line.energy_kwh
    rows.append(Bar("AC", before, f"{words('solar.energy')}: {words.number(before)} {words('unit.kwh')}"))
    return bars(rows, words("solar.losses"), words.number)


def _week(design: SolarDesign, words: Words) -> Markup:
    starts = design.week.starts.tz_convert(BANGKOK)
    midday = np.flatnonzero((starts.hour == HOURS_PER_DAY // 2) & (starts.minute == 0))
    names = [(float(at), words.weekday(starts[int(at)].date())) for at in midday]
    curves = [Line(design.week.load_kw.tolist(), "loadarea"), Line(design.week.pv_kw.tolist(), "sun")]
    return lines(curves, names, words("solar.week"), words.number)


def _cash(design: SolarDesign, words: Words) -> Markup:
    sums = np.cumsum(design.ways["own"].cash_thb)
    rows = [
        Bar(
            str(year) if year % 5 == 0 else "",
            float(value),
            f"{year}: {words.number(value)} {words('unit.thb')}",
            "gain" if value >= 0 else "loss",
        )
        for year, value in enumerate(sums)
    ]
    return bars(rows, words("solar.cash"), lambda value: words.number(value / 1e6, 1))


def _sweep(design: SolarDesign, words: Words) -> Markup:
    options = design.sweep.options
    names = [
        (float(at), words.number(options[at].capacity_kwp)) for at in range(0, len(options), max(1, len(options) // 6))
    ]
    curves = [Line([option.money.npv_thb for option in options], "actual")]
    return lines(curves, names, words("solar.sweep"), lambda value: words.number(value / 1e6, 1))
