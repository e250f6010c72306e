"""What a report says, apart from how it is shown: plain data, whose JSON is the public form."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from bkkenergy.carbon import GridFactor
from bkkenergy.dated import Citation
from bkkenergy.reports.budget import BudgetYear
from bkkenergy.reports.official import Duty, StateIndex
from bkkenergy.reports.yearpath import YearChange, YearPath
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.uncertainty import Band, no_verdict_of
from bkkenergy.tariff.bill import Item, Provisional
from bkkenergy.tariff.flat import FlatRate
from bkkenergy.tariff.schedule import MinimumFloor
from bkkenergy.texts import Lang

SCHEMA = "bkkenergy.report/3"
"""Name and version of the JSON form; `bkkenergy report --schema` prints its JSON Schema."""

Scope = Literal["agency", "building", "city"]
Severity = Literal["alert", "warning", "notice"]
Values = tuple[float | None, ...]
AttentionKind = Literal[
    "no_data",
    "low_coverage",
    "register_reset",
    "not_counting",
    "use_up",
    "use_down",
    "sub_meters_exceed_main",
    "days_wait",
]


@dataclass(frozen=True, slots=True)
class Use:
    """Use of a building or of the agency over the period; None where it cannot be said.

    energy_kwh : taken from the grid. exported_kwh : fed back.
    usual_kwh : mean of the same weekdays of the weeks before, of like days (open or closed) with
        enough data. change_ratio : use against that, of the buildings that can be compared.
    compared_days : how many days `usual_kwh` rests on, the fewest of any building.
    coverage_ratio : share of the intervals that were measured, 0..1.
    usual_profile_kw : empty where it would lack a building, and so read too low.
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
class BillItem:
    """One item of the agency's bills over the period, THB."""

    item: str
    amount_thb: float


ItemName = TypeVar("ItemName", bound=str)


@dataclass(frozen=True, slots=True)
class ReadBills:
    """The bills of a building that are read within the period, where they are not those of calendar months.

    first_day, last_day : of the days that they are for. billed_kwh : what is charged for.
    """

    building_id: str
    first_day: dt.date
    last_day: dt.date
    count: int
    billed_kwh: float
    total_thb: float


BILL_ORDER: tuple[str, ...] = get_args(Item)
"""Items as MEA's bill lists them: energy, demand, minimum, power factor, service, Ft, then VAT over them all."""


def in_bill_order(items: Iterable[ItemName]) -> list[ItemName]:
    """Return each item once, in the order of a bill; bills under several schedules have different items."""
    return sorted(set(items), key=BILL_ORDER.index)


@dataclass(frozen=True, slots=True)
class BuildingUse:
    """One building's part of the report; in the city's report, one agency's.

    is_open : by its calendar, on a report of one day. heat_kw : its days' 24 hours, from the picture's first day.
    bill : on reports of whole months, the items of its bills under its schedule. gross_floor_area_m2 : the mean of the
    period's days. floor_areas : each area with its first day in the period, where it changes.
    """

    id: str
    name_th: str
    name_en: str
    type: str
    gross_floor_area_m2: float
    is_open: bool | None
    use: Use
    heat_kw: tuple[Values, ...] = ()
    bill: tuple[BillItem, ...] = ()
    floor_areas: tuple[tuple[dt.date, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that a person should look at."""

    kind: AttentionKind
    severity: Severity
    building_id: str
    meter_id: str | None
    values: Mapping[str, float | dt.datetime | None]


@dataclass(frozen=True, slots=True)
class BesideGroup:
    """A saving without what happened to everyone, as a share of the baseline less that.

    common_ratio, common_sigma_ratio : what buildings like it, without a project, saved in the median, and its standard
    error. count : how many they are; buildings : those of the report's own agency. matched_by : their type, or the
    profile of their week; "" for a total.
    """

    saving_ratio: float
    half_width_ratio: float
    significant_ratio: float
    verdict: str
    common_ratio: float
    common_sigma_ratio: float
    count: int
    buildings: tuple[str, ...] = ()
    matched_by: str = ""

    @property
    def band(self) -> Band:
        """The saving with its interval."""
        return Band(self.saving_ratio, self.half_width_ratio, self.significant_ratio, no_verdict_of(self.verdict))


@dataclass(frozen=True, slots=True)
class NormalYear:
    """What 365 days would have used under typical weather [kWh]: by the baseline, and by a model of these days.

    verdict, ratios : as of a saving.
    """

    first_day: dt.date
    last_day: dt.date
    baseline_kwh: float
    reporting_kwh: float
    saving_ratio: float
    half_width_ratio: float
    significant_ratio: float
    verdict: str

    @property
    def band(self) -> Band:
        """The saving with its interval."""
        return Band(self.saving_ratio, self.half_width_ratio, self.significant_ratio, no_verdict_of(self.verdict))


@dataclass(frozen=True, slots=True)
class BuildingSaving:
    """What a building saved under its baseline; None where it has none, or no valid day. The total has no building.

    saving_ratio, half_width_ratio : the saving and half of its 90 % interval, shares of the baseline.
    verdict : significant beyond significant_ratio ("proven", "increase"), "unclear", or why there is none: "short",
    "part" of the energy, "old" baseline. known_kwh : the period's known energy, of which actual_kwh is judged.
    judged_days of period_days; calendar_days of them without weather. baseline_years : age of the (oldest) baseline.
    why : the reason where there is none, by language. compared : the saving without what happened to everyone; None
    where too few buildings are like it. worth_thb, worth_half_thb : of a significant saving, what it is worth under the
    tariff, with at most half of its 90 % interval. normal : the last 365 days under typical weather, of a building with
    a finished project.
    """

    building_id: str
    baseline_kwh: float | None
    actual_kwh: float | None
    saving_ratio: float | None
    half_width_ratio: float | None
    verdict: str | None
    is_provisional: bool
    why: Mapping[Lang, str] | None = None
    significant_ratio: float | None = None
    known_kwh: float | None = None
    judged_days: int | None = None
    period_days: int | None = None
    calendar_days: int | None = None
    baseline_years: float | None = None
    compared: BesideGroup | None = None
    worth_thb: float | None = None
    worth_half_thb: float | None = None
    normal: NormalYear | None = None

    @property
    def is_significant(self) -> bool:
        """Whether a saving or rise is significant, also without what happened to everyone where that is known."""
        is_so = self.verdict in {"proven", "increase"}
        return is_so and (self.compared is None or self.compared.verdict == self.verdict)

    @property
    def band(self) -> Band | None:
        """The saving with its interval; None where nothing could be judged.

        Reports from before significant_ratio called a saving significant beyond half its interval.
        """
        if self.saving_ratio is None or self.half_width_ratio is None:
            return None
        beyond = self.half_width_ratio if self.significant_ratio is None else self.significant_ratio
        return Band(self.saving_ratio, self.half_width_ratio, beyond, no_verdict_of(self.verdict))


@dataclass(frozen=True, slots=True)
class UseBar:
    """One day's or month's use, and what the baselines expected of it where every building has one."""

    first_day: dt.date
    energy_kwh: float | None
    expected_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Pictures:
    """What people look at before they read.

    bars : days up to the period's last, or the months of a year, by `bar_step`.
    heat_kw : mean power of each hour of the days from `heat_first_day` on, (days, 24).
    quarter_kw : mean power of each 15 minutes of the period.
    """

    bar_step: Literal["day", "month"]
    bars: tuple[UseBar, ...]
    heat_first_day: dt.date
    heat_kw: tuple[Values, ...]
    quarter_kw: Values = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A building (or agency) by what it used over or under what was to be expected, most over first.

    against : "baseline" where it has one, else "usual".
    """

    id: str
    difference_kwh: float
    ratio: float
    against: Literal["baseline", "usual"]


@dataclass(frozen=True, slots=True)
class SolarUse:
    """PV of a building: what its meters made over the period, or what its roofs could make in a typical year."""

    building_id: str
    is_installed: bool
    capacity_kwp: float
    energy_kwh: float | None


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One project of the action plan. measured_kwh : a year's saving so far, with half its band.

    way : how it was measured; empty where it is not, or in reports from before.
    """

    id: str
    name_th: str
    name_en: str
    kind: str
    state: str
    building_id: str
    due_year_be: int
    budget_thb: float
    expected_kwh: float
    measured_kwh: float | None
    half_width_kwh: float | None
    way: str = ""

    @property
    def option(self) -> str:
        """The letter of IPMVP's option A or B; nothing of a whole building or PV, which reports explain."""
        if self.way in {"cop", "cooling", "system"}:
            return "B"
        return "A" if self.way in {"efficiency", "power"} else ""


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """How far the action plan has come: projects, and what those that are done should and do save in a year."""

    projects: tuple[PlanLine, ...]
    expected_kwh: float
    done_kwh: float
    measured_kwh: float | None
    target_kwh: float | None
    target_year_be: int | None


@dataclass(frozen=True, slots=True)
class YearBefore:
    """The same days a year before, of the buildings that are known well in both years.

    energy_kwh : what they used then, at the mean of its known days, for as many days as are known now. actual_kwh :
    what they used now as far as it is known. Reports from before have both for as many days as the period has.
    building_count : how many they are, of all_count. compared_kwh : what they took in the period as far as it
    is known. known_days, known_days_before : of the period and of the year before, the fewest of any of them. co2e_kg,
    actual_co2e_kg : what both emitted, each by the
    factors of its days; None where a day has none. factors : of both, in order.
    """

    first_day: dt.date
    last_day: dt.date
    energy_kwh: float
    actual_kwh: float
    building_count: int
    all_count: int
    co2e_kg: float | None = None
    actual_co2e_kg: float | None = None
    factors: tuple[GridFactor, ...] = ()
    compared_kwh: float | None = None
    known_days: int | None = None
    known_days_before: int | None = None

    @property
    def is_of_known_days(self) -> bool:
        """Whether both years are for the days that are known now, not for as many as the period has."""
        return self.compared_kwh is not None and math.isclose(self.compared_kwh, self.actual_kwh)


@dataclass(frozen=True, slots=True)
class FindingOwner:
    """Who cares for a finding: the person it is assigned to, else the building's contact. due : until when."""

    building_id: str
    rule: str
    owner: str
    due: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """Scope 3 category 3 of a period: fuel and losses behind the energy that the grid gave.

    first_day, last_day : the days of the period for which a factor is known; energy_kwh : of these days.
    """

    first_day: dt.date
    last_day: dt.date
    energy_kwh: float
    co2e_kg: float
    factors: tuple[GridFactor, ...]


@dataclass(frozen=True, slots=True)
class ReportNote:
    """A note on days or hours of a building, or of the whole agency (building ""). end : not included."""

    building_id: str
    first: dt.datetime
    end: dt.datetime
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class SavingTarget:
    """What the action plan asks of each agency: a share of the base year's use, by a year (Buddhist era)."""

    saving_ratio: float
    year_be: int
    source: Citation


@dataclass(frozen=True, slots=True)
class LateChange:
    """What late data changed since the revision before: of a building, or (without one) of the whole."""

    building_id: str
    before_kwh: float | None
    after_kwh: float | None
    before_coverage_ratio: float
    after_coverage_ratio: float


@dataclass(frozen=True, slots=True)
class AgencyReport:
    """The report's content; its JSON is the public form.

    scope : an agency with its buildings, one of its buildings alone (then `agency_id` is the building's), or the city
        with its agencies in their place. names : (Thai, English)
    of every agency, building and meter that the report names. missing : agencies that the city's report lacks.
    bill : on reports of whole months, the items of all buildings' bills under their schedules; costs are
        then these bills, not the flat rate. bill_source : of rates, Ft and VAT, each once; bill_sources : the same in
        both languages; provisional : those of them that have expired or were read in no source;
        is_demand_estimated : a demand charge rests on estimated quarter-hours alone; is_bill_split : a schedule
        changed within a month, so that its bill is that of its parts, by days; raised_ratio : added to kWh and kW of
        meters on the low side of a transformer, where there are such; minimum_floor : how the minimum charge was read,
        where a bill has one. read_bills : the bills that are read within the period, of buildings whose account has a
        read day; what they cost is no part of the total.
    state_index : on reports of whole months, of an agency with a group of the e-report. duties : of its buildings that
        are designated by law.
    rate : the flat rate of the last day; None before the first known Ft, where no baht is given. rate_thb_per_kwh :
        the flat rate where it is the same on all days. factors : of emissions, as they were when the report was made,
        in order; kg_co2e_per_kwh : the factor where one holds on all days. A later revision has those of the first;
        entered_factors : what is entered since for its days, where that differs. upstream : scope 3 category 3.
    savings, total_saving : against baselines, over the period; on a day's report over the fiscal year so far,
        from `savings_first_day` to the period's last. findings : what to act on. placebo_source : what bands rest on.
    changes : on a later revision, what late data changed. year_before : the same days a year before; None on a day's
        report, and where no building is known in both. target : of the action plan, for each agency alike.
    year_changes, total_year_change : beside the year before under this year's weather and calendar; not of a day.
    path : the fiscal year towards its target; budget : the same in baht. owners : of findings, where someone is known.
    portfolio_revision : the newest revision of the portfolio that says something of this agency up to the period's
        last day; 0 where the portfolio is read from files.
    """

    schema: str
    scope: Scope
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
    names: Mapping[str, tuple[str, str]]
    rate_thb_per_kwh: float | None
    rate: FlatRate | None
    kg_co2e_per_kwh: float | None
    factors: tuple[GridFactor, ...]
    compared_weeks: int
    min_coverage_ratio: float
    notable_change_ratio: float
    pictures: Pictures
    ranking: tuple[Ranked, ...] = ()
    bill: tuple[BillItem, ...] = ()
    bill_source: str = ""
    bill_sources: tuple[Citation, ...] = ()
    provisional: tuple[Provisional, ...] = ()
    is_demand_estimated: bool = False
    is_bill_split: bool = False
    raised_ratio: float = 0.0
    minimum_floor: MinimumFloor | None = None
    read_bills: tuple[ReadBills, ...] = ()
    state_index: StateIndex | None = None
    duties: tuple[Duty, ...] = ()
    savings: tuple[BuildingSaving, ...] = ()
    savings_first_day: dt.date | None = None
    total_saving: BuildingSaving | None = None
    findings: tuple[Finding, ...] = ()
    placebo_source: str = ""
    placebo_source_th: str = ""
    solar: tuple[SolarUse, ...] = ()
    plan: PlanProgress | None = None
    revision: int = 1
    changes: tuple[LateChange, ...] = ()
    missing: tuple[str, ...] = ()
    portfolio_revision: int = 0
    year_before: YearBefore | None = None
    target: SavingTarget | None = None
    notes: tuple[ReportNote, ...] = ()
    upstream: Upstream | None = None
    entered_factors: tuple[GridFactor, ...] = ()
    year_changes: tuple[YearChange, ...] = ()
    total_year_change: YearChange | None = None
    path: YearPath | None = None
    budget: BudgetYear | None = None
    owners: tuple[FindingOwner, ...] = ()
