"""`bkkenergy ereport`: the state's index of an agency, what a month needs for it, and the fields of the e-report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.files import plain_frame
from bkkenergy.calendar import FIRST_YEAR_BE, past_year
from bkkenergy.cli.context import command_line, config_option, period_of, today_here
from bkkenergy.cli.lang import lang_option, operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import plain, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.reports.annual import annual_report
from bkkenergy.reports.render.annual import annual_csv, annual_notes, annual_xlsx
from bkkenergy.site.index_config import load_index
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.usecases.energy import building_of
from bkkenergy.usecases.ereport import AMOUNTS, EReportMonth, enter_month, ereport_months

console = Console()


@click.group(
    "ereport",
    epilog="""\b
Examples:
  bkkenergy ereport enter health 2026-10 staff=120 visitors=900 opening_hours=176 fuel_litres=310
  bkkenergy ereport show health --period FY2569
  bkkenergy ereport export health october.csv --period 2026-10""",
)
def ereport_command() -> None:
    """Compare an agency with the state's standard use, as the e-report of EPPO does."""


@ereport_command.command(
    "enter", epilog="\b\nExamples:\n  bkkenergy ereport enter health 2026-10 staff=120 visitors=900"
)
@click.argument("agency")
@click.argument("month")
@click.argument("amounts", nargs=-1, required=True)
@config_option
def enter_command(agency: str, month: str, amounts: Sequence[str], config_dir: Path) -> None:
    """Enter what AGENCY reports of MONTH (2026-10), as name=amount.

    Names: staff, floor_area_m2, opening_hours, visitors, temperature_c, service_area_km2, distance_km, fuel_litres.
    Floor area, and temperature where a weather station measures it, are known without. A later amount replaces an
    earlier one; the audit log has both.
    """
    given = dict(_pair(text) for text in amounts)
    with opened_site(config_dir) as site:
        day = period_of(month).first_day
        enter_month(site.state, command_line(), site.portfolio, agency, day, given, site.clock())
    click.echo(f"{agency} {month}: " + ", ".join(f"{name} {amount:g}" for name, amount in given.items()))


@ereport_command.command(
    "show", epilog="\b\nExamples:\n  bkkenergy ereport show health --period FY2569 --lang en --json"
)
@click.argument("agency")
@click.option("--period", help="Months (default: the last twelve whole ones).")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@lang_option
@config_option
def show_command(agency: str, period: str | None, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Show use, standard use and index of AGENCY by month; where one cannot be given, what is missing.

    The index is (standard use - use) / standard use: above zero is less than standard. The state asks for 20 %.
    """
    words = Words(lang)
    config = load_index(config_dir)
    with opened_site(config_dir) as site:
        span = period_of(period) if period else past_year(today_here())
        months = ereport_months(site, config.standard_use, agency, span)
    if as_json:
        print_json([_month_data(month, lang) for month in months])
        return
    table = Table(title=f"{agency} {words.period(span.slug)}")
    for column in ("month", "kwh", "measured", "standard", "index", "fuel", "fuel_index"):
        table.add_column(words(f"ereport.{column}"), justify="left" if column == "month" else "right")
    for month in months:
        table.add_row(
            words.month(month.month),
            words.number(month.electricity_kwh),
            words.percent(month.coverage_ratio),
            words.number(month.standard_kwh),
            words.percent(month.index_ratio, 2),
            words.number(month.fuel_litres),
            words.percent(month.fuel_index_ratio, 2),
        )
    console.print(table)
    target = config.state_target
    console.print(words("ereport.target", share=words.percent(target.below_standard_ratio), source=target.citation))
    for reason, names in _reasons(months, lang).items():
        console.print(f"{names}: {reason}")


@ereport_command.command(
    "export", epilog="\b\nExamples:\n  bkkenergy ereport export health october.csv --period 2026-10"
)
@click.argument("agency")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--period", help="Months (default: the last twelve whole ones).")
@operator_lang_option
@config_option
def export_command(agency: str, file: Path, period: str | None, lang: Lang, config_dir: Path) -> None:
    """Write what the e-report asks of AGENCY as CSV: a line a month, electricity by meter in columns of its own.

    The layout of a file that the e-report itself would take was not found in a public source: the columns are named
    after its fields, to be typed or pasted.
    """
    with opened_site(config_dir) as site:
        span = period_of(period) if period else past_year(today_here())
        months = ereport_months(site, load_index(config_dir).standard_use, agency, span)
    plain_frame(pd.DataFrame([_line(month) for month in months])).to_csv(file, index=False, encoding="utf-8-sig")
    click.echo(Words(lang)("command.ereport_written", file=file, count=len(months)), err=True)
    for reason, names in _reasons(months, lang).items():
        click.echo(f"{names}: {reason}", err=True)


@ereport_command.command(
    "annual",
    epilog="\b\nExamples:\n  bkkenergy ereport annual medical-service.klang klang.xlsx --year 2568\n"
    "  bkkenergy ereport annual medical-service.klang klang.csv --year 2025 --lang en",
)
@click.argument("building")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--year", type=click.IntRange(1990, 2743), help="Calendar year, of either era (default: the last one).")
@lang_option
@config_option
def annual_command(building: str, file: Path, year: int | None, lang: Any, config_dir: Path) -> None:
    """Write what DEDE asks of a designated BUILDING each year to FILE: XLSX, or CSV where its name ends in .csv.

    The form itself was read in no public source. Each field names the source of its name, and how sure that is.
    """
    asked = today_here().year - 1 if year is None else year
    with opened_site(config_dir) as site:
        chosen = building_of(site.portfolio, building)
        report = annual_report(site, chosen, asked - BE_OFFSET_YEARS if asked >= FIRST_YEAR_BE else asked)
    is_csv = file.suffix.lower() == ".csv"
    file.write_bytes(annual_csv(report, lang) if is_csv else annual_xlsx(report, lang))
    for note in annual_notes(report, Words(lang)):
        click.echo(note, err=True)


def _reasons(months: Sequence[EReportMonth], lang: Lang) -> dict[str, str]:
    """Map each reason why a month has no index to the months that it holds for."""
    words, by_reason = Words(lang), dict[str, list[str]]()
    for month in months:
        for error in month.why:
            by_reason.setdefault(error.said(lang), []).append(words.month(month.month))
    return {
        reason: f"{names[0]} – {names[-1]} ({len(names)})" if len(names) > 1 else names[0]
        for reason, names in by_reason.items()
    }


def _month_data(month: EReportMonth, lang: Lang) -> dict[str, object]:
    why = [error.said(lang) for error in month.why]
    data: dict[str, object] = plain(replace(month, why=()))
    return data | {"entered": sorted(month.entered), "why": why}


def _line(month: EReportMonth) -> dict[str, object]:
    fields: dict[str, object] = {
        "agency": month.agency,
        "code": month.code,
        "group": month.group,
        "month": f"{month.month:%Y-%m}",
        "electricity_kwh": month.electricity_kwh,
        "coverage_ratio": round(month.coverage_ratio, 4),
        "fuel_litres": month.fuel_litres,
    }
    fields |= {name: month.drivers.get(name) for name in AMOUNTS if name != "fuel_litres"}
    fields |= {
        "standard_kwh": month.standard_kwh,
        "index_ratio": month.index_ratio,
        "standard_fuel_litres": month.standard_fuel_litres,
        "fuel_index_ratio": month.fuel_index_ratio,
    }
    return fields | {f"meter {name} kWh": kwh for name, kwh in month.meters_kwh.items()}


def _pair(text: str) -> tuple[str, float]:
    name, sign, amount = text.partition("=")
    try:
        if sign:
            return name.strip(), float(amount.replace(",", ""))
    except ValueError:
        pass
    raise InputError.of("ereport_pair", text=text)
