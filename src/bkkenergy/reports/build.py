"""From the energy of an agency's meters to its report. Pure: nothing is read, nothing is written."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period
from bkkenergy.carbon import emissions_kg
from bkkenergy.metering.demand import demand_kw, load_factor_ratio, mean_day_kw, peak
from bkkenergy.metering.quarters import QuarterHours
from bkkenergy.portfolio import Agency, Building, Meter, Portfolio
from bkkenergy.portfolio.spans import floor_areas, mean_floor_m2
from bkkenergy.ports.ledger import Span
from bkkenergy.readings import FloatArray
from bkkenergy.reports.content import (
    SCHEMA,
    AgencyReport,
    Attention,
    AttentionKind,
    BuildingUse,
    Pictures,
    Ranked,
    Severity,
    Upstream,
    Use,
    UseBar,
    Values,
)
from bkkenergy.reports.sums import PeriodSums, compared_dates
from bkkenergy.settings import ReportSettings
from bkkenergy.site.figures import Prices
from bkkenergy.usecases.balance import EXCEEDS_KWH, SubMeters

MAX_COMPARED_DAYS = 31
"""A period longer than this is not compared with the four weeks before it."""
SUB_METER_TOLERANCE_RATIO = 0.02
HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class AgencyInputs:
    """All that one report is made from.

    energy : quarter-hours of the agency's meters over the period and the weeks compared with.
    sub_meters : each meter of the agency that has some, over the period.
    exported : energy fed back over the period.
    refused : where registers fell, or rose beyond their rating, in the period.
    last_seen : the latest reading of each meter that ever reported.
    """

    agency: Agency
    portfolio: Portfolio
    period: Period
    energy: QuarterHours
    exported: QuarterHours
    sub_meters: tuple[SubMeters, ...]
    refused: tuple[Span, ...]
    last_seen: Mapping[str, dt.datetime]
    prices: tuple[Prices, ...]
    thresholds: ReportSettings

    @property
    def buildings(self) -> tuple[Building, ...]:
        """The agency's buildings."""
        return self.portfolio.buildings_of(self.agency.id)

    def min_coverage_ratio(self, building: Building | None = None) -> float:
        """Return the coverage below which something is said, of the agency or of one building."""
        value = self.thresholds.min_coverage_ratio
        name = "" if building is None else building.id
        return self.portfolio.threshold("min_coverage_ratio", value, agency=self.agency.id, building=name)

    def notable_change_ratio(self, building: Building | None = None) -> float:
        """Return the change from what is usual that is worth attention, of the agency or of one building."""
        value = self.thresholds.notable_change_ratio
        name = "" if building is None else building.id
        return self.portfolio.threshold("notable_change_ratio", value, agency=self.agency.id, building=name)


def build_report(inputs: AgencyInputs, *, generated_at: dt.datetime) -> AgencyReport:
    """Build the report of one agency over one period."""
    period, agency = inputs.period, inputs.agency
    days = [(price.first_day, price.last_day) for price in inputs.prices]
    sums = PeriodSums(inputs.energy, inputs.exported, period, inputs.buildings, days)
    buildings = _building_uses(inputs, sums)
    return AgencyReport(
        schema=SCHEMA,
        scope="agency",
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
        attention=tuple(_attention(inputs, buildings, sums)),
        names=_names(inputs),
        rate_thb_per_kwh=_same(price.thb_per_kwh for price in inputs.prices),
        rate=inputs.prices[-1].rate,
        kg_co2e_per_kwh=_same(price.kg_co2e_per_kwh for price in inputs.prices),
        factors=tuple(dict.fromkeys(price.factor for price in inputs.prices if price.factor)),
        compared_weeks=inputs.thresholds.compared_weeks,
        min_coverage_ratio=inputs.min_coverage_ratio(),
        notable_change_ratio=inputs.notable_change_ratio(),
        pictures=_pictures(inputs, sums),
        ranking=ranked_by_usual(buildings),
        upstream=_upstream(inputs, sums),
    )


def _upstream(inputs: AgencyInputs, sums: PeriodSums) -> Upstream | None:
    """Sum scope 3 category 3 over the days whose factor is known; None where no factor or no energy is."""
    mains = [meter.id for building in inputs.buildings for meter in building.main_meters]
    known = [
        (price, price.upstream, energy_kwh)
        for price, total_kwh in zip(inputs.prices, sums.priced_kwh, strict=True)
        if price.upstream is not None and (energy_kwh := _accepted(total_kwh, mains)) is not None
    ]
    if not known:
        return None
    return Upstream(
        first_day=known[0][0].first_day,
        last_day=known[-1][0].last_day,
        energy_kwh=sum(energy_kwh for _, _, energy_kwh in known),
        co2e_kg=sum(emissions_kg(energy_kwh, factor) for _, factor, energy_kwh in known),
        factors=tuple(dict.fromkeys(factor for _, factor, _ in known)),
    )


def _names(inputs: AgencyInputs) -> dict[str, tuple[str, str]]:
    """Map the agency, its buildings and their meters to their names."""
    agency = inputs.agency
    names = {agency.id: (agency.name_th, agency.name_en)}
    for building in inputs.buildings:
        names[building.id] = (building.name_th, building.name_en)
        names |= {meter.id: (meter.name_th, meter.name_en) for meter in building.meters}
    return names


def ranked_by_usual(buildings: Sequence[BuildingUse]) -> tuple[Ranked, ...]:
    """Sort the buildings that can be compared with their usual, most over it first."""
    known = [
        Ranked(building.id, building.use.energy_kwh - building.use.usual_kwh, building.use.change_ratio, "usual")
        for building in buildings
        if building.use.change_ratio is not None
        and building.use.energy_kwh is not None
        and building.use.usual_kwh is not None
    ]
    return tuple(sorted(known, key=lambda ranked: -ranked.difference_kwh))


def _pictures(inputs: AgencyInputs, sums: PeriodSums) -> Pictures:
    """Build bars and heat map of the agency: a day with its four weeks before, a month's days, a year's months and
    days.
    """
    period = inputs.period
    mains = [meter.id for building in inputs.buildings for meter in building.main_meters]
    power_kw = demand_kw(inputs.energy.known_kwh[mains].sum(axis=1, min_count=1))
    in_period = power_kw[(power_kw.index >= period.start) & (power_kw.index < period.end)]
    shown = power_kw if period.kind == "day" else in_period
    first = pd.DatetimeIndex(shown.index)[0].date()
    is_year = period.kind == "fiscal_year"
    return Pictures(
        bar_step="month" if is_year else "day",
        bars=_month_bars(inputs, mains) if is_year else _day_bars(sums, mains, first, period.last_day),
        heat_first_day=first,
        heat_kw=heat_rows(shown),
        quarter_kw=tuple(None if math.isnan(kw) else hundredths(kw) for kw in in_period.tolist()),
    )


def _day_bars(sums: PeriodSums, mains: Sequence[str], first: dt.date, last: dt.date) -> tuple[UseBar, ...]:
    """Sum the energy of each day from the first to the last."""
    daily = sums.daily_kwh[list(mains)].sum(axis=1, min_count=1)
    dates = pd.DatetimeIndex(daily.index).date
    return tuple(
        UseBar(day, _known(value)) for day, value in zip(dates, daily.tolist(), strict=True) if first <= day <= last
    )


def _month_bars(inputs: AgencyInputs, mains: Sequence[str]) -> tuple[UseBar, ...]:
    """Sum the energy of each month of the period, with what flowed in gaps that a month holds."""
    starts = pd.date_range(inputs.period.start, inputs.period.end, freq="MS")
    return tuple(
        UseBar(start.date(), _known(inputs.energy.total_kwh(start, end)[list(mains)].sum(min_count=1)))
        for start, end in pairwise(starts)
    )


def hundredths(kw: float) -> float:
    """Return power to two digits. Registers count thousandths: what is beyond six digits must not tip a half."""
    return round(round(kw, 6), 2)


def heat_rows(power_kw: pd.Series) -> tuple[Values, ...]:
    """Return (days, 24) mean power of each hour, None where nothing is known, rounded to 10 W."""
    return _day_rows(power_kw.resample("h").mean().to_numpy(np.float64))


def _day_rows(hourly: FloatArray) -> tuple[Values, ...]:
    return tuple(
        tuple(None if math.isnan(value) else hundredths(value) for value in row)
        for row in hourly.reshape(-1, HOURS_PER_DAY).tolist()
    )


def _building_uses(inputs: AgencyInputs, sums: PeriodSums) -> tuple[BuildingUse, ...]:
    usual = {building.id: _usual(inputs, building, sums) for building in inputs.buildings}
    profiles = sums.usual_profiles({name: compared.days for name, compared in usual.items()})
    return tuple(
        _building_use(inputs, building, sums, usual[building.id], profiles[building.id])
        for building in inputs.buildings
    )


def _building_use(
    inputs: AgencyInputs, building: Building, sums: PeriodSums, usual: _Usual, usual_profile_kw: FloatArray
) -> BuildingUse:
    period = inputs.period
    mains = [meter.id for meter in building.main_meters]
    measured_kw = sums.measured_kw[building.id]
    highest = peak(measured_kw)
    energy_kwh = _accepted(sums.total_kwh, mains)
    coverage_ratio = float(np.mean([sums.coverage_ratio[name] for name in mains])) if mains else 0.0
    usual_kwh = usual.energy_kwh
    is_comparable = usual_kwh is not None and usual_kwh > 0 and coverage_ratio >= inputs.min_coverage_ratio(building)
    use = Use(
        energy_kwh=energy_kwh,
        exported_kwh=_accepted(sums.exported_kwh, mains),
        usual_kwh=usual_kwh,
        change_ratio=energy_kwh / usual_kwh - 1 if is_comparable and energy_kwh is not None and usual_kwh else None,
        compared_days=usual.compared,
        peak_kw=highest.peak_kw if highest else None,
        peak_at=highest.at.to_pydatetime() if highest else None,
        load_factor_ratio=_known(load_factor_ratio(measured_kw)),
        coverage_ratio=coverage_ratio,
        cost_thb=_priced([price.thb_per_kwh for price in inputs.prices], sums, mains),
        co2e_kg=_priced([price.kg_co2e_per_kwh for price in inputs.prices], sums, mains),
        profile_kw=_listed(sums.profile_kw[building.id]),
        usual_profile_kw=_listed(usual_profile_kw),
    )
    return BuildingUse(
        id=building.id,
        name_th=building.name_th,
        name_en=building.name_en,
        type=building.type,
        gross_floor_area_m2=mean_floor_m2(inputs.portfolio, building, period.first_day, period.last_day),
        is_open=inputs.portfolio.is_open(building, period.first_day) if period.kind == "day" else None,
        use=use,
        heat_kw=_day_rows(sums.hour_kw[building.id]),
        floor_areas=floor_areas(inputs.portfolio, building, period.first_day, period.last_day),
    )


def _priced(each_kwh: Sequence[float | None], sums: PeriodSums, mains: Sequence[str]) -> float | None:
    """Sum energy times what a kWh costs or emits, over the days on which that is the same; None where it is not known.

    Nothing is known of a building without energy, and of days with energy but without a price.
    """
    pairs = [(_accepted(total_kwh, mains), each) for total_kwh, each in zip(sums.priced_kwh, each_kwh, strict=True)]
    known = [(energy_kwh, each) for energy_kwh, each in pairs if energy_kwh is not None]
    if not known or any(each is None for _, each in known):
        return None
    return sum(energy_kwh * each for energy_kwh, each in known if each is not None)


def _same(values: Iterable[float | None]) -> float | None:
    """Return the value where all are the same, else None."""
    (first, *others) = dict.fromkeys(values)
    return None if others else first


def all_of(uses: Sequence[Use], amounts: Sequence[float | None]) -> float | None:
    """Sum amounts; None where one of a building with energy is not known."""
    has_gap = any(amount is None and use.energy_kwh is not None for use, amount in zip(uses, amounts, strict=True))
    return None if has_gap else total_of(amounts)


def _accepted(total_kwh: Mapping[str, float], meters: Sequence[str]) -> float | None:
    """Sum the energy of meters, as far as it is known; None where nothing is."""
    known = [kwh for name in meters if not math.isnan(kwh := total_kwh[name])]
    return float(sum(known)) if known else None


@dataclass(frozen=True, slots=True)
class _Usual:
    """Usual kWh of the period, the days it rests on, and the fewest for any day; None without any."""

    energy_kwh: float | None = None
    days: Sequence[dt.date] = ()
    compared: int = 0


def _usual(inputs: AgencyInputs, building: Building, sums: PeriodSums) -> _Usual:
    """Compute what a building usually takes in the quarter-hours that are known of the period, of each main meter.

    Only days with enough data count, and only days like the one compared: two open days, or two closed ones. What is
    missing of a meter in the period is left out of its usual too: a month that is not over is no month of less use.
    """
    mains = [meter.id for meter in building.main_meters]
    if len(inputs.period.dates) > MAX_COMPARED_DAYS or not mains:
        return _Usual()
    energy_kwh = sums.daily_kwh[mains].to_numpy(np.float64).sum(axis=1)
    coverage_ratio = sums.daily_coverage_ratio[mains].to_numpy(np.float64).min(axis=1)
    is_good = (coverage_ratio >= inputs.min_coverage_ratio(building)) & np.isfinite(energy_kwh)
    good_kwh = {day: kwh for day, kwh, good in zip(sums.dates, energy_kwh.tolist(), is_good, strict=True) if good}
    quarters_kwh = sums.day_quarters_kwh(mains)
    usual_kwh, used, counts = 0.0, set[dt.date](), []
    for day, candidates in compared_dates(inputs.period, inputs.thresholds.compared_weeks).items():
        is_known = np.isfinite(quarters_kwh[day])
        if not is_known.any():
            continue
        is_open = inputs.portfolio.is_open(building, day)
        like = [d for d in candidates if d in good_kwh and inputs.portfolio.is_open(building, d) == is_open]
        if not like:
            return _Usual()
        each_kwh = [good_kwh[d] if is_known.all() else float(np.nansum(quarters_kwh[d][is_known])) for d in like]
        usual_kwh += sum(each_kwh) / len(like)
        used.update(like)
        counts.append(len(like))
    return _Usual(usual_kwh, sorted(used), min(counts)) if counts else _Usual()


def _agency_use(inputs: AgencyInputs, uses: Sequence[Use]) -> Use:
    """Compute the agency's use: sums of its buildings, and its coincident peak."""
    mains = [meter.id for building in inputs.buildings for meter in building.main_meters]
    energy = inputs.energy.demand_kwh
    in_period = (energy.index >= inputs.period.start) & (energy.index < inputs.period.end)
    power_kw = demand_kw(energy.loc[in_period, mains].sum(axis=1, min_count=1))
    highest = peak(power_kw)
    compared = [use for use in uses if use.change_ratio is not None]
    all_have_usual = all(use.usual_kwh is not None for use in uses if use.energy_kwh is not None)
    usual_kwh = total_of([use.usual_kwh for use in compared])
    compared_kwh = total_of([use.energy_kwh for use in compared])
    return Use(
        energy_kwh=total_of([use.energy_kwh for use in uses]),
        exported_kwh=total_of([use.exported_kwh for use in uses]),
        usual_kwh=usual_kwh,
        change_ratio=compared_kwh / usual_kwh - 1 if usual_kwh and compared_kwh is not None else None,
        compared_days=min((use.compared_days for use in compared), default=0),
        peak_kw=highest.peak_kw if highest else None,
        peak_at=highest.at.to_pydatetime() if highest else None,
        load_factor_ratio=_known(load_factor_ratio(power_kw)),
        coverage_ratio=float(np.mean([use.coverage_ratio for use in uses])) if uses else 0.0,
        cost_thb=all_of(uses, [use.cost_thb for use in uses]),
        co2e_kg=all_of(uses, [use.co2e_kg for use in uses]),
        profile_kw=_listed(mean_day_kw(power_kw)),
        usual_profile_kw=summed([use.usual_profile_kw for use in uses]) if all_have_usual else (),
    )


def _attention(inputs: AgencyInputs, uses: Sequence[BuildingUse], sums: PeriodSums) -> list[Attention]:
    """List what a person should look at, the gravest first."""
    items: list[Attention] = []
    resets = Counter(span.meter for span in inputs.refused)
    for building, said in zip(inputs.buildings, uses, strict=True):
        items += _meter_attention(inputs, building, sums, resets)
        change_ratio, usual_kwh = said.use.change_ratio, said.use.usual_kwh
        if change_ratio is not None and abs(change_ratio) >= inputs.notable_change_ratio(building):
            kind: AttentionKind = "use_up" if change_ratio > 0 else "use_down"
            values = {"change_ratio": change_ratio, "energy_kwh": said.use.energy_kwh, "usual_kwh": usual_kwh}
            items.append(Attention(kind, "warning" if kind == "use_up" else "notice", building.id, None, values))
    order: list[Severity] = ["alert", "warning", "notice"]
    return sorted(items, key=lambda item: order.index(item.severity))


def _meter_attention(
    inputs: AgencyInputs, building: Building, sums: PeriodSums, resets: Mapping[str, int]
) -> list[Attention]:
    total_kwh = sums.total_kwh
    items = []
    for meter in building.meters:
        ratio, seen = sums.coverage_ratio[meter.id], inputs.last_seen.get(meter.id)
        if ratio == 0 and math.isnan(total_kwh[meter.id]):
            items.append(_of(meter, "no_data", "alert", {"last_seen_at": seen}))
        elif ratio < inputs.min_coverage_ratio(building):
            items.append(_of(meter, "low_coverage", "warning", {"coverage_ratio": ratio, "last_seen_at": seen}))
        waiting_count = int(sums.waiting_days[meter.id])
        if waiting_count:
            items.append(_of(meter, "days_wait", "alert", {"days_count": waiting_count}))
        if resets.get(meter.id):
            items.append(_of(meter, "register_reset", "alert", {"intervals_count": int(resets[meter.id])}))
        if total_kwh[meter.id] == 0 and inputs.period.kind == "day":
            items.append(_of(meter, "not_counting", "alert", {}))
    return items + _sub_meter_attention(inputs, building)


def _sub_meter_attention(inputs: AgencyInputs, building: Building) -> list[Attention]:
    """List meters whose sub-meters together count more than they do, PV that feeds in below them included."""
    items = []
    for split in inputs.sub_meters:
        joint = split.joint if split.meter.building == building.id else None
        if joint is not None and joint.over_kwh > max(joint.whole_kwh * SUB_METER_TOLERANCE_RATIO, EXCEEDS_KWH):
            values = {"sub_meters_kwh": joint.parts_kwh, "energy_kwh": joint.whole_kwh}
            items.append(_of(split.meter, "sub_meters_exceed_main", "warning", values))
    return items


def _of(
    meter: Meter, kind: AttentionKind, severity: Severity, values: Mapping[str, float | dt.datetime | None]
) -> Attention:
    return Attention(kind, severity, meter.building, meter.id, values)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def total_of(values: Iterable[float | None]) -> float | None:
    """Sum what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _listed(values: FloatArray) -> tuple[float | None, ...]:
    return tuple(_known(value) for value in values.tolist())


def summed(rows: Iterable[Values]) -> Values:
    """Sum rows of one length value by value, empty rows left out; None where no row has a value."""
    known = [row for row in rows if row]
    if not known:
        return ()
    grid: FloatArray = np.array([[np.nan if value is None else value for value in row] for row in known], np.float64)
    sums = np.where(np.isfinite(grid).any(axis=0), np.nansum(grid, axis=0), np.nan)
    return tuple(None if np.isnan(value) else value for value in sums.tolist())
