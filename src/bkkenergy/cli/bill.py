"""`bkkenergy bill`: a month's bill item by item, the paper bill checked, other schedules compared."""

from __future__ import annotations

import datetime as dt
from math import floor
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.calendar import Period, past_year
from bkkenergy.cli.bill_paper import check_command, import_command, list_command, remove_command
from bkkenergy.cli.context import config_option, period_of, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.i18n import Words
from bkkenergy.reports.phrasing import bill_notes
from bkkenergy.tariff.bill import Bill
from bkkenergy.tariff.compare import offers, open_to, site_change
from bkkenergy.usecases.bills import known_ratio, month_bills, months_with_history
from bkkenergy.usecases.energy import building_of
from bkkenergy.usecases.standing import site_then

console = Console()


@click.group(
    "bill",
    epilog="""\b
Examples:
  bkkenergy bill show district-bangkhen.office --period 2026-10
  bkkenergy bill import office bills-2569.xlsx --yes
  bkkenergy bill check office
  bkkenergy bill compare district-bangkhen.office""",
)
def bill_command() -> None:
    """Compute electricity bills under MEA's schedules, and hold paper bills against what the meters measured."""


@bill_command.command(
    "show", epilog="\b\nExamples:\n  bkkenergy bill show medical-service.klang --period FY2569 --lang en"
)
@click.argument("building")
@click.option("--period", help="A month, or several (default: last month).")
@json_option
@lang_option
@config_option
def show_command(building: str, period: str | None, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Show BUILDING's bills of the months of a period, each line with its quantity and rate.

    Where its electricity account says a read day, a month's bill is the one that is read in it: read on the 12th,
    September's is for 12 August to 11 September.
    """
    words = Words(lang)
    with opened_site(config_dir) as opened:
        months = _months(period)
        site = site_then(opened, building, months)
        chosen = building_of(site.portfolio, building)
        bills = month_bills(site, chosen, months, by_reads=True)
        known = [known_ratio(site, chosen, _days_of(bill)) for bill in bills]
        if as_json:
            print_json([_bill_data(building, *one) for one in zip(bills, known, strict=True)])
            return
        for bill, ratio in zip(bills, known, strict=True):
            table = Table(title=f"{building} {words.month(bill.month)} · {bill.schedule_id}")
            for column in ("", words("solar.item"), words("command.bill_unit_thb")):
                table.add_column(column, justify="left" if not column else "right")
            for part in bill.each:
                _add_part(table, part, words)
            table.add_row(words("solar.bill_total"), "", f"{bill.total_thb:,.2f}")
            console.print(table)
            _print_part(ratio, words)
            for note in bill_notes(bill, site.figures.tariffs.rules.minimum_floor, words):
                console.print(note)


def _days_of(bill: Bill) -> Period:
    first, last = bill.each[0].quantities.days, bill.each[-1].quantities.days
    return Period.days(first.first, last.end - dt.timedelta(days=1))


def _print_part(ratio: float, words: Words) -> None:
    """Say of how much of the time energy is known, where it is not known of all."""
    if ratio < 1:
        console.print(words("report.bill_is_of_part", known=f"{floor(ratio * 1000) / 10:.1f}%"))


def _bill_data(building: str, bill: Bill, ratio: float) -> dict[str, Any]:
    return {
        "building": building,
        "month": f"{bill.month:%Y-%m}",
        "schedule": bill.schedule_id,
        "lines": bill.lines,
        "parts": [
            {"schedule": part.schedule_id, "days": part.quantities.part, "total_thb": part.total_thb}
            for part in bill.parts
        ],
        "total_thb": bill.total_thb,
        "known_ratio": ratio,
        "ft_thb_per_kwh": bill.ft_thb_per_kwh,
        "ft_is_entered": bill.ft_is_entered,
        "is_demand_estimated": bill.is_demand_estimated,
        "raised_ratio": bill.raised_ratio,
        "source": bill.source,
    }


def _add_part(table: Table, bill: Bill, words: Words) -> None:
    """Add the lines of a bill, or of one part of it under its days and its schedule."""
    part = bill.quantities.part
    if part is not None:
        last = part.end - dt.timedelta(days=1)
        table.add_row(f"[b]{words.date(part.first)} – {words.date(last)}[/b]", bill.schedule_id, "")
    for line in bill.lines:
        share = "" if line.share_ratio == 1 else f" x {line.share_ratio:.4f}"
        unit = words(f"command.bill_unit_{line.unit}")
        quantity = f"{line.quantity:,.2f} {unit} x {line.rate_thb:g}{share}"
        table.add_row(words(f"solar.item_{line.item}"), quantity, f"{line.amount_thb:,.2f}")
    table.add_section()


@bill_command.command("compare", epilog="\b\nExamples:\n  bkkenergy bill compare district-bangkhen.office --lang en")
@click.argument("building")
@click.option("--period", help="Months to compare (default: the last twelve).")
@json_option
@lang_option
@config_option
def compare_command(building: str, period: str | None, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Compare what BUILDING would have paid under the other schedules that it may take, the cheapest first.

    Who may take a schedule is a rule with a source; voltage stays as it is. Months before the period count for the
    minimum charge, so that a month costs what its bill says.
    """
    words = Words(lang)
    span = period_of(period) if period else past_year(today_here())
    with opened_site(config_dir) as opened:
        site = site_then(opened, building, span)
        chosen = building_of(site.portfolio, building)
        ratio, tariffs = known_ratio(site, chosen, span), site.figures.tariffs
        history = months_with_history(site, chosen, span)
        months = [month for month in history if month.month >= span.first_day]
        peak_kw = max((max(month.demand_kw.values()) for month in months), default=0.0)
        energy = sum(month.energy_kwh for month in months)
        schedule_id = site.portfolio.schedule_of(chosen)
        today = tariffs.schedules[schedule_id]
        comparison = offers(history, open_to(today, tariffs, history), tariffs, first=span.first_day)
    now = next(offer.total_thb for offer in comparison if offer.schedule.id == schedule_id)
    if as_json:
        rows = [
            {
                "schedule": offer.schedule.id,
                "total_thb": offer.total_thb,
                "difference_thb": offer.total_thb - now,
                "mean_thb_per_kwh": offer.total_thb / energy if energy else None,
                "site_change": site_change(today, offer.schedule),
                "eligible": None
                if offer.schedule.eligible is None
                else offer.schedule.eligible.model_dump(mode="json"),
            }
            for offer in comparison
        ]
        print_json(
            {
                "building": building,
                "period": span.slug,
                "schedule": schedule_id,
                "energy_kwh": energy,
                "peak_kw": peak_kw,
                "known_ratio": ratio,
                "offers": rows,
            }
        )
        return
    title = {"building": building, "energy": f"{energy:,.0f}", "peak": f"{peak_kw:,.0f}"}
    table = Table(title=words("command.bill_title", period=words.period(span.slug), **title))
    baht = words("command.bill_unit_thb")
    for column in ("", baht, "±", words("bill.mean_price"), words("bill.on_site")):
        table.add_column(column, justify="right" if column in {baht, "±", words("bill.mean_price")} else "left")
    for offer in comparison:
        mark = " *" if offer.schedule.id == schedule_id else ""
        name = words.either(th=offer.schedule.name_th, en=offer.schedule.name_en)
        price = words.number(offer.total_thb / energy if energy else None, 2)
        change = words(f"bill.change_{site_change(today, offer.schedule)}")
        table.add_row(name + mark, f"{offer.total_thb:,.2f}", f"{offer.total_thb - now:+,.0f}", price, change)
    console.print(table)
    for rule in dict.fromkeys(one.schedule.eligible.citation for one in comparison if one.schedule.eligible):
        console.print(words("bill.who_may", source=rule))
    console.print(words("bill.same_voltage"))
    _print_part(ratio, words)


def _months(period: str | None) -> Period:
    if period is None:
        year = past_year(today_here())
        return Period.month(year.last_day.year, year.last_day.month)
    return period_of(period)


for paper_command in (import_command, list_command, remove_command, check_command):
    bill_command.add_command(paper_command)
