"""What the JSON API sends out, row by row."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from bkkenergy.web.figures import BuildingFigures, PeriodUse


class Row(BaseModel):
    """What goes out; no field is left out, unknown numbers are null."""

    model_config = ConfigDict(extra="forbid")


class AgencyRow(Row):
    """An agency."""

    id: str
    name_th: str
    name_en: str
    is_demonstration: bool
    buildings: int


class SpanRow(Row):
    """Use over some days, kWh, and compared with the baseline over the whole days for which both have a value."""

    energy_kwh: float | None
    expected_kwh: float | None
    compared_kwh: float | None
    change_ratio: float | None

    @classmethod
    def of(cls, span: PeriodUse) -> SpanRow:
        """Return a span as the API sends it."""
        return cls(
            energy_kwh=span.energy_kwh,
            expected_kwh=span.expected_kwh,
            compared_kwh=span.compared_kwh,
            change_ratio=span.change_ratio,
        )


class BuildingRow(Row):
    """A building with its figures of now."""

    id: str
    agency: str
    name_th: str
    name_en: str
    type: str
    gross_floor_area_m2: float
    latitude_deg: float
    longitude_deg: float
    meters: list[str]
    today_kwh: float | None
    month: SpanRow
    fiscal_year: SpanRow
    month_peak_kw: float | None
    coverage_ratio: float
    open_alerts: int

    @classmethod
    def of(cls, figures: BuildingFigures) -> BuildingRow:
        """Return a building as the API sends it."""
        building = figures.building
        return cls(
            id=building.id,
            agency=building.agency,
            name_th=building.name_th,
            name_en=building.name_en,
            type=str(building.type),
            gross_floor_area_m2=building.gross_floor_area_m2,
            latitude_deg=building.latitude_deg,
            longitude_deg=building.longitude_deg,
            meters=[meter.id for meter in building.meters],
            today_kwh=figures.today_kwh,
            month=SpanRow.of(figures.month),
            fiscal_year=SpanRow.of(figures.year),
            month_peak_kw=figures.month_peak_kw,
            coverage_ratio=figures.coverage_ratio,
            open_alerts=figures.alerts,
        )


class Page(Row):
    """Where in a list one is: how many there are, and from which on these are."""

    total: int
    offset: int
    limit: int


class AgencyPage(Page):
    """Agencies."""

    items: list[AgencyRow]


class BuildingPage(Page):
    """Buildings."""

    items: list[BuildingRow]


class EnergySeries(Row):
    """Energy of a building's or a meter's intervals.

    starts : ISO 8601 with offset. energy_kwh : what was counted, null where nothing is known; its sum is the total
    of reports, pages and bills. quality : the poorest of each interval. waiting_days : not yet computed from all
    readings; ask again in some seconds.
    """

    id: str
    step: Literal["15min", "60min", "day"]
    starts: list[dt.datetime]
    energy_kwh: list[float | None]
    quality: list[Literal["measured", "edited", "estimated", "incomplete", "missing"]]
    waiting_days: list[dt.date]


class PowerRow(Row):
    """Power of a building now."""

    building: str
    power_kw: float | None
    at: dt.datetime | None


class FindingRow(Row):
    """Something to act on.

    days : on which it was seen, where it is of single days. of_days : how many days a month's figures are made of; 0
    where they are of a month or more, or are no month's.
    """

    building: str
    rule: str
    severity: str
    since: dt.date
    energy_kwh_a_month: float
    cost_thb_a_month: float
    evidence: dict[str, float]
    days: list[dt.date]
    of_days: int


class FaultRow(FindingRow):
    """A fault to act on: the largest of its findings, with the others of the same cause.

    together_thb_a_month : of all together, each kWh counted once.
    """

    also: list[FindingRow]
    together_thb_a_month: float


class BillPartRow(Row):
    """What a month's bill is for some of its days, where the schedule changed within it. end : not included."""

    schedule: str
    first: dt.date
    end: dt.date
    energy_kwh: float
    total_thb: float


class BillRow(Row):
    """A month's bill under the building's schedule, THB.

    first, end : the days that it is for, end not included: from read to read, or the calendar month. parts : where the
    schedule changed within; schedule is the last. raised_ratio : added to kWh and kW behind a transformer.
    """

    building: str
    month: str
    schedule: str
    items: dict[str, float]
    total_thb: float
    source: str
    first: dt.date
    end: dt.date
    energy_kwh: float
    raised_ratio: float
    is_provisional: bool
    parts: list[BillPartRow]


class BaselineRow(Row):
    """What a building's baseline is, and how well it predicted months that it had not seen."""

    building: str
    form: str
    first: dt.date
    last: dt.date
    valid_days: int
    is_provisional: bool
    held_out_cvrmse: float
    held_out_nmbe: float


class RunRow(Row):
    """A report in the archive."""

    agency: str
    period: str
    kind: str
    revision: int
    files: list[str]


class RunPage(Page):
    """Reports."""

    items: list[RunRow]


class ProjectPage(Page):
    """Projects of the action plan."""

    items: list[dict[str, Any]]
