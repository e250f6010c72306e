"""A monitoring sheet of a JCM method: monitored energy by month and meter, and emissions by formulas one can follow."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from bkkenergy.adapters.files import AS_TEXT
from bkkenergy.calendar import Period, edges
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.plan.jcm import JcmMethod, Reduction, reduction_of
from bkkenergy.portfolio import Meter
from bkkenergy.site import Site
from bkkenergy.usecases.energy import quarter_hours

FIRST_MONTH_ROW = 1


@dataclass(frozen=True, slots=True)
class MonitoredMonth:
    """A month of the monitored meters. known_kwh : by meter, None where nothing is known. coverage : share measured."""

    month: dt.date
    known_kwh: tuple[float | None, ...]
    coverage_ratio: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What a sheet is made of.

    calibrations : of each meter, as a person says them; empty where none was entered. project, reference : of the
    method's ratio.
    """

    method: JcmMethod
    meters: tuple[Meter, ...]
    months: tuple[MonitoredMonth, ...]
    kg_co2_per_kwh: float
    factor_source: str
    project: float | None
    reference: float | None
    calibrations: Mapping[str, str]

    @property
    def energy_kwh(self) -> float:
        """All that is known of the monitored energy."""
        return sum(kwh for month in self.months for kwh in month.known_kwh if kwh is not None)

    @property
    def reduction(self) -> Reduction:
        """Its emission reduction. Raises InputError where the ratio of the method is missing."""
        return reduction_of(
            self.method, self.energy_kwh, self.kg_co2_per_kwh, project=self.project, reference=self.reference
        )


def monitored_months(site: Site, names: Sequence[str], period: Period) -> tuple[list[Meter], list[MonitoredMonth]]:
    """Read what meters counted by month. Raises InputError, StoreUnavailable."""
    first, after = period.first_day, period.last_day + dt.timedelta(days=1)
    if first.day != 1 or after.day != 1:
        raise InputError.of("months_not_whole", first=first, last_day=period.last_day)
    by_id = {meter.id: meter for meter in site.portfolio.meters}
    if unknown := [name for name in names if name not in by_id]:
        raise InputError.of("meter_unknown", meter=repr(unknown[0]))
    meters = [by_id[name] for name in dict.fromkeys(names)]
    months = []
    for start in edges(period, "month")[:-1]:
        month = Period.month(start.year, start.month)
        energy = quarter_hours(site.energy, meters, month)
        totals, coverage = energy.total_kwh(month.start, month.end), energy.coverage_ratio(month.start, month.end)
        kwh = tuple(None if totals.isna()[meter.id] else float(totals[meter.id]) for meter in meters)
        months.append(MonitoredMonth(month.first_day, kwh, tuple(float(coverage[meter.id]) for meter in meters)))
    return meters, months


def monitoring_workbook(monitoring: Monitoring) -> bytes:
    """Write the sheet: parameters, monitored energy, emissions as formulas over both, and where all comes from."""
    reduction = monitoring.reduction
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        forms = {
            "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
            "kwh": book.add_format({"num_format": "#,##0.0"}),
            "t": book.add_format({"num_format": "#,##0.000", "bold": True}),
            "share": book.add_format({"num_format": "0.0%"}),
            "month": book.add_format({"num_format": "yyyy-mm", "align": "left"}),
            "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
        }
        calculation = book.add_worksheet("Calculation")
        total_cell = _monitored(book.add_worksheet("Monitored"), monitoring, forms)
        _calculation(calculation, monitoring, reduction, total_cell, forms)
        _meters(book.add_worksheet("Meters"), monitoring, forms)
    return file.getvalue()


def _monitored(sheet: Any, monitoring: Monitoring, forms: Mapping[str, Any]) -> str:
    """Write energy and coverage by month and meter; return the cell of the total."""
    count = len(monitoring.meters)
    names = [meter.id for meter in monitoring.meters]
    sheet.set_column(0, 0, 12)
    sheet.set_column(1, 2 * count + 1, 26)
    heads = [
        "Month",
        *(f"{name} (kWh)" for name in names),
        "All meters (kWh)",
        *(f"{name}: measured" for name in names),
    ]
    sheet.write_row(0, 0, heads, forms["head"])
    for row, month in enumerate(monitoring.months, FIRST_MONTH_ROW):
        sheet.write_datetime(row, 0, dt.datetime.combine(month.month, dt.time()), forms["month"])
        for column, (kwh, share) in enumerate(zip(month.known_kwh, month.coverage_ratio, strict=True), 1):
            if kwh is not None:
                sheet.write_number(row, column, kwh, forms["kwh"])
            sheet.write_number(row, column + count + 1, share, forms["share"])
        across = f"{xl_rowcol_to_cell(row, 1)}:{xl_rowcol_to_cell(row, count)}"
        known = sum(kwh for kwh in month.known_kwh if kwh is not None)
        sheet.write_formula(row, count + 1, f"=SUM({across})", forms["kwh"], known)
    last = FIRST_MONTH_ROW + len(monitoring.months)
    sheet.write(last, 0, "Total", forms["head"])
    down = f"{xl_rowcol_to_cell(FIRST_MONTH_ROW, count + 1)}:{xl_rowcol_to_cell(last - 1, count + 1)}"
    sheet.write_formula(last, count + 1, f"=SUM({down})", forms["kwh"], monitoring.energy_kwh)
    return f"Monitored!{xl_rowcol_to_cell(last, count + 1, row_abs=True, col_abs=True)}"


def _calculation(
    sheet: Any, monitoring: Monitoring, reduction: Reduction, total_cell: str, forms: Mapping[str, Any]
) -> None:
    method = monitoring.method
    sheet.set_column(0, 0, 52)
    sheet.set_column(1, 1, 18)
    sheet.set_column(2, 2, 90)
    sheet.write_row(0, 0, [f"{method.name} {method.version}", "", method.title], forms["head"])
    sheet.write(1, 2, Words("en")("plan.jcm_note"), forms["wrap"])
    ratio = [
        (f"{method.ratio} of the project", monitoring.project, "entered by a person"),
        (f"{method.ratio} of the reference", monitoring.reference, "entered by a person"),
    ]
    reference, project = ("=B3*B4*B5/B6/1000", "=B3*B4/1000") if method.ratio else ("=B3*B4/1000", "=0")
    monitored = f"Monitored: {method.monitored} (kWh)"
    rows = [
        (monitored, f"={total_cell}", monitoring.energy_kwh, "sheet Monitored, from the ledger"),
        ("Emission factor (kgCO2/kWh)", None, monitoring.kg_co2_per_kwh, monitoring.factor_source),
        *((name, None, value, source) for name, value, source in (ratio if method.ratio else [])),
        ("Reference emissions (tCO2)", reference, reduction.reference_t, ""),
        ("Project emissions (tCO2)", project, reduction.project_t, _project_note(method)),
    ]
    for row, (name, formula, value, source) in enumerate(rows, 2):
        sheet.write(row, 0, name)
        if formula is None:
            sheet.write_number(row, 1, value or 0.0)
        else:
            sheet.write_formula(row, 1, formula, forms["kwh" if row == 2 else "t"], value)  # noqa: PLR2004 - the energy
        sheet.write(row, 2, source, forms["wrap"])
    last = 2 + len(rows)
    sheet.write(last, 0, "Emission reductions (tCO2)", forms["head"])
    formula = f"={xl_rowcol_to_cell(last - 2, 1)}-{xl_rowcol_to_cell(last - 1, 1)}"
    sheet.write_formula(last, 1, formula, forms["t"], reduction.reduction_t)
    grade = "read" if method.is_read else "PROVISIONAL: the page of this method was not read"
    sheet.write(last + 1, 0, "Method")
    sheet.write(last + 1, 2, f"{method.source} ({grade})", forms["wrap"])


def _project_note(method: JcmMethod) -> str:
    return "" if method.ratio else "assumed to be zero by the method"


def _meters(sheet: Any, monitoring: Monitoring, forms: Mapping[str, Any]) -> None:
    sheet.set_column(0, 5, 30)
    heads = ["Meter", "Name", "CT ratio", "VT ratio", "Register digits", "Calibration record"]
    sheet.write_row(0, 0, heads, forms["head"])
    for row, meter in enumerate(monitoring.meters, 1):
        digits = "" if meter.register_digits is None else meter.register_digits
        record = monitoring.calibrations.get(meter.id) or "NOT ENTERED"
        sheet.write_row(row, 0, [meter.id, meter.name_en, meter.ct_ratio, meter.vt_ratio, digits, record])
