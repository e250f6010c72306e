"""What an agency's report says, apart from how it is shown. `build_report` is pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.carbon import GridFactor, emissions_kg
from bkkenergy.metering.demand import demand_kw, load_factor_ratio, mean_day_kw, peak
from bkkenergy.metering.intervals import IntervalEnergy
from bkkenergy.portfolio import Agency, Building, Meter, Portfolio
from bkkenergy.readings import FloatArray, Quality
from bkkenergy.savings.facts import Finding
from bkkenergy.settings import ReportSettings
from bkkenergy.tariff.flat import FlatRate, cost_thb

SCHEMA = "bkkenergy.agency-report/1"
MAX_COMPARED_DAYS = 31
"""A period longer than this is not held against the four weeks before it."""
SUB_METER_TOLERANCE_RATIO = 0.02

Severity = Literal["alert", "warning", "notice"]
AttentionKind = Literal[
    "no_data", "low_coverage", "register_reset", "not_counting", "use_up", "use_down", "sub_meters_exceed_main"
]


@dataclass(frozen=True, slots=True)
class AgencyInputs:
    """All that one report is made from.

    energy : 15-minute energy of the agency's meters over the period and the weeks compared with.
    exported : the same for energy fed back.
    last_seen : the latest reading of each meter that ever reported.
    """

    agency: Agency
    portfolio: Portfolio
    period: Period
    energy: IntervalEnergy
    exported: IntervalEnergy
    last_seen: Mapping[str, dt.datetime]
    rate: FlatRate
    factor: GridFactor
    thresholds: ReportSettings

    @property
    def buildings(self) -> tuple[Building, ...]:
        """The agency's buildings."""
        return self.portfolio.buildings_of(self.agency.id)


@dataclass(frozen=True, slots=True)
class Use:
    """Use of a building or of the agency over the period; None where it cannot be said.

    energy_kwh : taken from the grid. exported_kwh : fed back.
    usual_kwh : mean of the same weekdays of the weeks before, of like days (open or closed) with
        enough data. change_ratio : use against that, of the buildings that can be compared.
    compared_days : how many days `usual_kwh` rests on, the fewest of any building.
    coverage_ratio : share of the intervals that were measured, 0..1.
    """

    energy_kwh: float | None
    exported_kwh: float | None
    usual_kwh: float | None
    change_ratio: float | None
    compared_days: int
    peak_kw: float | None
    peak_at: dt.datetime | None
    load_factor_ratio: float | None
    coverage_ratio: float
    cost_thb: float | None
    co2e_kg: float | None
    profile_kw: tuple[float | None, ...]
    usual_profile_kw: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class BuildingUse:
    """One building's part of the report. `is_open`: by its calendar, on a report of one day."""

    id: str
    name_th: str
    name_en: str
    type: str
    gross_floor_area_m2: float
    is_open: bool | None
    use: Use


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that a person should look at."""

    kind: AttentionKind
    severity: Severity
    building_id: str
    meter_id: str | None
    values: Mapping[str, float | dt.datetime | str | None]


@dataclass(frozen=True, slots=True)
class BuildingSaving:
    """What a building saved under its baseline; None where it has none, or no valid day. The total has no building.

    saving_ratio, half_width_ratio : the saving and half of its 90 % band, shares of the baseline.
    """

    building_id: str
    baseline_kwh: float | None
    actual_kwh: float | None
    saving_ratio: float | None
    half_width_ratio: float | None
    verdict: str | None
    is_provisional: bool


@dataclass(frozen=True, slots=True)
class BillItem:
    """One item of the agency's bills over the period, THB."""

    item: str
    amount_thb: float


@dataclass(frozen=True, slots=True)
class AgencyReport:
    """The report's content; its JSON is the public form.

    bill : on reports of whole months, the items of all buildings' bills under their own schedules; costs are
        then these bills, not the flat rate. bill_source : of rates and Ft; ft_is_entered : for all months.
    savings, total_saving, findings : on reports of a month or longer; placebo_source : what the bands rest on.
    """

    schema: str
    agency_id: str
    name_th: str
    name_en: str
    is_simulated: bool
    period_kind: str
    first_day: dt.date
    last_day: dt.date
    generated_at: dt.datetime
    total: Use
    buildings: tuple[BuildingUse, ...]
    attention: tuple[Attention, ...]
    meter_names: Mapping[str, tuple[str, str]]
    rate_thb_per_kwh: float
    rate: FlatRate
    factor: GridFactor
    compared_weeks: int
    least_coverage_ratio: float
    notable_change_ratio: float
    bill: tuple[BillItem, ...] = ()
    bill_source: str = ""
    ft_is_entered: bool = True
    savings: tuple[BuildingSaving, ...] = ()
    total_saving: BuildingSaving | None = None
    findings: tuple[Finding, ...] = ()
    placebo_source: str = ""


def build_report(inputs: AgencyInputs, *, generated_at: dt.datetime) -> AgencyReport:
    """The report of one agency over one period."""
    period, agency = inputs.period, inputs.agency
    days = _Days(inputs)
    buildings = tuple(_building_use(inputs, building, days) for building in inputs.buildings)
    return AgencyReport(
        schema=SCHEMA,
        agency_id=agency.id,
        name_th=agency.name_th,
        name_en=agency.name_en,
        is_simulated=agency.demonstration,
        period_kind=period.kind,
        first_day=period.first_day,
        last_day=period.last_day,
        generated_at=generated_at,
        total=_agency_use(inputs, [building.use for building in buildings]),
        buildings=buildings,
        attention=tuple(_attention(inputs, buildings)),
        meter_names={meter.id: (meter.name_th, meter.name_en) for b in inputs.buildings for meter in b.meters},
        rate_thb_per_kwh=inputs.rate.rate_thb_per_kwh,
        rate=inputs.rate,
        factor=inputs.factor,
        compared_weeks=inputs.thresholds.compared_weeks,
        least_coverage_ratio=inputs.thresholds.least_coverage_ratio,
        notable_change_ratio=inputs.thresholds.notable_change_ratio,
    )


class _Days:
    """Daily sums of every meter, computed once for all buildings."""

    def __init__(self, inputs: AgencyInputs) -> None:
        self.energy_kwh = inputs.energy.daily_kwh()
        self.coverage_ratio = inputs.energy.daily_coverage_ratio()


def compared_dates(period: Period, weeks: int) -> dict[dt.date, list[dt.date]]:
    """For each day of the period, the same weekday of the `weeks` weeks that end before it begins."""
    dates = {}
    for day in period.dates:
        whole_weeks = (day - period.first_day).days // 7 + 1
        dates[day] = [day - dt.timedelta(weeks=whole_weeks + n) for n in range(weeks)]
    return dates


def _building_use(inputs: AgencyInputs, building: Building, days: _Days) -> BuildingUse:
    period = inputs.period
    mains = [meter.id for meter in building.main_meters]
    in_period = (inputs.energy.energy_kwh.index >= period.start) & (inputs.energy.energy_kwh.index < period.end)
    power_kw = demand_kw(inputs.energy.energy_kwh[mains].sum(axis=1, skipna=False, min_count=1))
    highest = peak(power_kw[in_period])
    energy_kwh = _known(inputs.energy.total_kwh(period.start, period.end)[mains].sum(min_count=1))
    coverage_ratio = float(inputs.energy.coverage_ratio(period.start, period.end)[mains].mean()) if mains else 0.0
    usual_kwh, like_days, compared = _usual(inputs, building, days, mains)
    is_comparable = usual_kwh is not None and usual_kwh > 0 and coverage_ratio >= inputs.thresholds.least_coverage_ratio
    use = Use(
        energy_kwh=energy_kwh,
        exported_kwh=_known(inputs.exported.total_kwh(period.start, period.end)[mains].sum(min_count=1)),
        usual_kwh=usual_kwh,
        change_ratio=energy_kwh / usual_kwh - 1 if is_comparable and energy_kwh is not None and usual_kwh else None,
        compared_days=compared,
        peak_kw=highest.peak_kw if highest else None,
        peak_at=highest.at.to_pydatetime() if highest else None,
        load_factor_ratio=_known(load_factor_ratio(power_kw[in_period])),
        coverage_ratio=coverage_ratio,
        cost_thb=None if energy_kwh is None else cost_thb(energy_kwh, inputs.rate),
        co2e_kg=None if energy_kwh is None else emissions_kg(energy_kwh, inputs.factor),
        profile_kw=_listed(mean_day_kw(power_kw[in_period])),
        usual_profile_kw=_listed(mean_day_kw(power_kw[_on_days(power_kw.index, like_days)])),
    )
    return BuildingUse(
        id=building.id,
        name_th=building.name_th,
        name_en=building.name_en,
        type=building.type,
        gross_floor_area_m2=building.gross_floor_area_m2,
        is_open=inputs.portfolio.is_open(building, period.first_day) if period.kind == "day" else None,
        use=use,
    )


def _usual(
    inputs: AgencyInputs, building: Building, days: _Days, mains: Sequence[str]
) -> tuple[float | None, list[dt.date], int]:
    """Usual kWh of the period, the days it rests on, and the fewest for any day; None without any.

    Only days with enough data count, and only days like the one compared: open, or closed.
    """
    if len(inputs.period.dates) > MAX_COMPARED_DAYS or not mains:
        return None, [], 0
    energy_kwh = days.energy_kwh[list(mains)].sum(axis=1, skipna=False, min_count=1)
    is_good = days.coverage_ratio[list(mains)].min(axis=1) >= inputs.thresholds.least_coverage_ratio
    good = energy_kwh[is_good].dropna()
    good_kwh = dict(zip(pd.DatetimeIndex(good.index).date, good.tolist(), strict=True))
    usual_kwh, used, counts = 0.0, set[dt.date](), []
    for day, candidates in compared_dates(inputs.period, inputs.thresholds.compared_weeks).items():
        is_open = inputs.portfolio.is_open(building, day)
        like = [d for d in candidates if d in good_kwh and inputs.portfolio.is_open(building, d) == is_open]
        if not like:
            return None, [], 0
        usual_kwh += sum(good_kwh[d] for d in like) / len(like)
        used.update(like)
        counts.append(len(like))
    return usual_kwh, sorted(used), min(counts)


def _agency_use(inputs: AgencyInputs, uses: Sequence[Use]) -> Use:
    """The agency's use: sums of its buildings, and its own coincident peak."""
    mains = [meter.id for building in inputs.buildings for meter in building.main_meters]
    energy = inputs.energy.energy_kwh
    in_period = (energy.index >= inputs.period.start) & (energy.index < inputs.period.end)
    power_kw = demand_kw(energy.loc[in_period, mains].sum(axis=1, min_count=1))
    highest = peak(power_kw)
    compared = [use for use in uses if use.change_ratio is not None]
    usual_kwh = _total([use.usual_kwh for use in compared])
    compared_kwh = _total([use.energy_kwh for use in compared])
    return Use(
        energy_kwh=_total([use.energy_kwh for use in uses]),
        exported_kwh=_total([use.exported_kwh for use in uses]),
        usual_kwh=usual_kwh,
        change_ratio=compared_kwh / usual_kwh - 1 if usual_kwh and compared_kwh is not None else None,
        compared_days=min((use.compared_days for use in compared), default=0),
        peak_kw=highest.peak_kw if highest else None,
        peak_at=highest.at.to_pydatetime() if highest else None,
        load_factor_ratio=_known(load_factor_ratio(power_kw)),
        coverage_ratio=float(np.mean([use.coverage_ratio for use in uses])) if uses else 0.0,
        cost_thb=_total([use.cost_thb for use in uses]),
        co2e_kg=_total([use.co2e_kg for use in uses]),
        profile_kw=_listed(mean_day_kw(power_kw)),
        usual_profile_kw=_summed([use.usual_profile_kw for use in uses]),
    )


def _attention(inputs: AgencyInputs, uses: Sequence[BuildingUse]) -> list[Attention]:
    """What a person should look at, the gravest first."""
    found: list[Attention] = []
    for building, said in zip(inputs.buildings, uses, strict=True):
        found += _meter_attention(inputs, building)
        change_ratio, usual_kwh = said.use.change_ratio, said.use.usual_kwh
        if change_ratio is not None and abs(change_ratio) >= inputs.thresholds.notable_change_ratio:
            kind: AttentionKind = "use_up" if change_ratio > 0 else "use_down"
            values = {"change_ratio": change_ratio, "energy_kwh": said.use.energy_kwh, "usual_kwh": usual_kwh}
            found.append(Attention(kind, "warning" if kind == "use_up" else "notice", building.id, None, values))
    order: list[Severity] = ["alert", "warning", "notice"]
    return sorted(found, key=lambda item: order.index(item.severity))


def _meter_attention(inputs: AgencyInputs, building: Building) -> list[Attention]:
    start, end = inputs.period.start, inputs.period.end
    coverage_ratio = inputs.energy.coverage_ratio(start, end)
    total_kwh = inputs.energy.total_kwh(start, end)
    quality = inputs.energy.quality
    resets = (quality[(quality.index >= start) & (quality.index < end)] == Quality.RESET).sum()
    found = []
    for meter in building.meters:
        ratio, seen = float(coverage_ratio[meter.id]), inputs.last_seen.get(meter.id)
        if ratio == 0 and math.isnan(total_kwh[meter.id]):
            found.append(_of(meter, "no_data", "alert", {"last_seen_at": seen}))
        elif ratio < inputs.thresholds.least_coverage_ratio:
            found.append(_of(meter, "low_coverage", "warning", {"coverage_ratio": ratio, "last_seen_at": seen}))
        if resets[meter.id]:
            found.append(_of(meter, "register_reset", "alert", {"intervals_count": int(resets[meter.id])}))
        if total_kwh[meter.id] == 0 and inputs.period.kind == "day":
            found.append(_of(meter, "not_counting", "alert", {}))
    return found + _sub_meter_attention(building, total_kwh)


def _sub_meter_attention(building: Building, total_kwh: pd.Series) -> list[Attention]:
    """Meters whose sub-meters together count more than they do."""
    found = []
    for meter in building.meters:
        children = [child.id for child in building.meters if child.parent == meter.id]
        sub_kwh, own_kwh = float(total_kwh[children].sum()), float(total_kwh[meter.id])
        if children and sub_kwh > own_kwh * (1 + SUB_METER_TOLERANCE_RATIO):
            values = {"sub_meters_kwh": sub_kwh, "energy_kwh": own_kwh}
            found.append(_of(meter, "sub_meters_exceed_main", "warning", values))
    return found


def _of(
    meter: Meter, kind: AttentionKind, severity: Severity, values: Mapping[str, float | dt.datetime | None]
) -> Attention:
    return Attention(kind, severity, meter.building, meter.id, values)


def _on_days(index: pd.Index, days: Sequence[dt.date]) -> np.ndarray:
    """(k,) whether each instant falls on one of the days."""
    local = pd.DatetimeIndex(index).tz_convert(BANGKOK).tz_localize(None).normalize()
    return local.isin(pd.DatetimeIndex(list(days)))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _listed(values: FloatArray) -> tuple[float | None, ...]:
    return tuple(_known(value) for value in values.tolist())


def _summed(profiles: Sequence[tuple[float | None, ...]]) -> tuple[float | None, ...]:
    """Hour by hour over buildings; buildings without a usual profile do not count."""
    return tuple(_total(values) for values in zip(*profiles, strict=True)) if profiles else ()
