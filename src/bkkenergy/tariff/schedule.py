"""Tariff schedules as configured: rates with the day from which they hold, and the rules that all share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from bkkenergy.dated import DatedFigure, SourcedFigure, holding, overlaps
from bkkenergy.errors import InputError, WrongValue
from bkkenergy.tomlfiles import Frozen

NotNegative = Annotated[float, Field(ge=0)]
Hours = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]
Utility = Literal["mea", "pea"]
MinimumFloor = Literal["demand", "electricity"]
Window = Literal["all", "on_peak", "tod_peak", "tod_partial"]
Kind = Literal["plain", "tou", "tod"]
Customer = Literal["state", "business", "hotel", "non_profit", "agriculture", "temporary"]
DEMAND_WINDOWS: dict[Kind, frozenset[Window]] = {
    "plain": frozenset({"all"}),
    "tou": frozenset({"on_peak"}),
    "tod": frozenset({"tod_peak", "tod_partial"}),
}


class EnergyBlock(Frozen):
    """A price for the kWh of a month up to a bound; the last block has none."""

    thb_per_kwh: NotNegative
    up_to_kwh: Annotated[float, Field(gt=0)] | None = None


class Rates(DatedFigure):
    """What a schedule charges from a day on, THB before Ft and VAT.

    minimum_demand_share : the least charge is this share of the highest demand charge of the 12 months that end with
        the current one.
    """

    blocks: tuple[EnergyBlock, ...] = ()
    on_peak_thb_per_kwh: NotNegative | None = None
    off_peak_thb_per_kwh: NotNegative | None = None
    demand_thb_per_kw: dict[Window, NotNegative] = Field(default_factory=dict)
    service_thb_per_month: NotNegative
    minimum_demand_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    has_power_factor_charge: bool = False

    @model_validator(mode="after")
    def _prices_energy_one_way(self) -> Self:
        by_time = self.on_peak_thb_per_kwh is not None and self.off_peak_thb_per_kwh is not None
        if bool(self.blocks) == by_time:
            raise WrongValue("rates_of_one_form")
        bounds = [block.up_to_kwh for block in self.blocks]
        if self.blocks and (bounds[-1] is not None or None in bounds[:-1]):
            raise WrongValue("last_block_open")
        known = [bound for bound in bounds if bound is not None]
        if known != sorted(set(known)):
            raise WrongValue("blocks_grow")
        return self


class Eligibility(SourcedFigure):
    """Who may take a schedule.

    customers : kinds of customer. min_kw, below_kw : highest 15-minute demand. max_kwh_a_month, above_kwh_a_month :
    mean energy of three months; above it the class is the larger one, whatever the demand. is_closed : it stays with
    who has it, and no new customer gets it.
    """

    customers: Annotated[tuple[Customer, ...], Field(min_length=1)]
    min_kw: NotNegative | None = None
    below_kw: NotNegative | None = None
    max_kwh_a_month: NotNegative | None = None
    above_kwh_a_month: NotNegative | None = None
    is_closed: bool = False


class Schedule(Frozen):
    """A tariff schedule that a building may name."""

    id: str
    name_th: str
    name_en: str
    kind: Kind
    rates: tuple[Rates, ...]
    eligible: Eligibility | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if not self.rates:
            raise WrongValue("schedule_without_rates")
        _refuse_overlaps(self.rates)
        for rates in self.rates:
            if (self.kind == "tou") == bool(rates.blocks):
                raise WrongValue("tou_prices")
            if unknown := sorted(rates.demand_thb_per_kw.keys() - DEMAND_WINDOWS[self.kind]):
                raise WrongValue("no_demand_window", kind=self.kind, names=", ".join(unknown))
        return self

    @property
    def first_day(self) -> dt.date:
        """The first day for which rates are known."""
        return min(rates.valid_from for rates in self.rates)

    def rates_on(self, day: dt.date) -> Rates:
        """Return the rates that hold on a day. Raise InputError for days before the first ones."""
        if (rates := holding(self.rates, day)) is None:
            raise InputError.of("no_rates", schedule=self.id, day=day, first=self.first_day)
        return rates


class Ft(DatedFigure):
    """The fuel adjustment of a period, THB/kWh; it holds until the next one, or until `valid_to`."""

    thb_per_kwh: Annotated[float, Field(gt=-5, lt=5)]


class Vat(DatedFigure):
    """Value added tax, as a share of everything before it."""

    ratio: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, slots=True)
class Supply:
    """Who bills, and on which side of the customer's own transformer the meter is, if there is one."""

    utility: Utility = "mea"
    meter_side: Literal["high", "low"] | None = None


MEA_SUPPLY = Supply()
"""MEA, and no transformer of the customer's: what is billed where no electricity account says otherwise."""


class Rules(SourcedFigure):
    """What all schedules share.

    minimum_floor : what the minimum charge is a floor under: the demand charge, or energy and demand together. The
    rule's wording allows both. demand_rounding_kw : the step of billed demand, by utility.
    """

    minimum_floor: MinimumFloor = "demand"
    free_kvar_per_kw: NotNegative
    kvar_thb: NotNegative
    demand_rounding_kw: dict[Utility, Annotated[float, Field(gt=0)]]
    on_peak_hours: Hours
    tod_peak_hours: Hours
    tod_partial_hours: Hours

    @model_validator(mode="after")
    def _rounds_for_each_utility(self) -> Self:
        if lacking := sorted(set(get_args(Utility)) - self.demand_rounding_kw.keys()):
            raise WrongValue("rounding_of_each", names=" and ".join(lacking))
        return self


class LowSide(SourcedFigure):
    """What a utility adds to kWh and kW that it meters on the low side of the customer's own transformer."""

    raised_ratio: Annotated[float, Field(ge=0, lt=1)]


class OffPeakDays(SourcedFigure):
    """Which holidays are off-peak all day under TOU: all but those whose name has one of these words."""

    excluded_names: tuple[str, ...] = ()


class OffPeakYear(SourcedFigure):
    """What is known of off-peak days of a year, where they differ from the rule.

    is_whole : whether the utility's whole list of the year was read, or single days alone.
    """

    year: Annotated[int, Field(ge=2000, le=2100)]
    is_whole: bool = True
    added: frozenset[dt.date] = frozenset()
    removed: frozenset[dt.date] = frozenset()

    @model_validator(mode="after")
    def _is_of_its_year(self) -> Self:
        if strange := sorted(day for day in self.added | self.removed if day.year != self.year):
            raise WrongValue("days_of_another_year", days=", ".join(map(str, strange)), year=self.year)
        return self


class Tariffs(Frozen):
    """Everything that a bill is computed from."""

    schedules: dict[str, Schedule]
    ft: Annotated[tuple[Ft, ...], Field(min_length=1)]
    vat: Annotated[tuple[Vat, ...], Field(min_length=1)]
    rules: Rules
    low_side: LowSide
    off_peak_days: OffPeakDays
    off_peak_years: tuple[OffPeakYear, ...] = ()

    def ft_on(self, day: dt.date) -> Ft:
        """Return the newest Ft that has begun by a day. Raise InputError for days before the first one."""
        if (ft := holding(self.ft, day)) is None:
            raise InputError.of("no_ft", day=day, first=self.first_day)
        return ft

    def vat_on(self, day: dt.date) -> Vat:
        """Return the newest VAT that has begun by a day. Raise InputError for days before the first one."""
        if (vat := holding(self.vat, day)) is None:
            raise InputError.of("no_ft", day=day, first=self.first_day)
        return vat

    @property
    def first_day(self) -> dt.date:
        """The first day for which Ft and VAT are known: before it no baht can be given."""
        return max(min(ft.valid_from for ft in self.ft), min(vat.valid_from for vat in self.vat))

    def off_peak_list(self, year: int) -> OffPeakYear | None:
        """Return the utility's list of off-peak days of a year; None where it was not read."""
        return next((one for one in self.off_peak_years if one.year == year and one.is_whole), None)

    def raised_ratio(self, supply: Supply) -> float:
        """Return what is added to the kWh and kW of a supply; 0 where they are metered before the transformer."""
        return self.low_side.raised_ratio if supply.meter_side == "low" else 0.0

    @model_validator(mode="after")
    def _follow_one_another(self) -> Self:
        _refuse_overlaps(self.ft)
        _refuse_overlaps(self.vat)
        return self


def _refuse_overlaps(figures: tuple[DatedFigure, ...]) -> None:
    """Raise ValueError where two figures of one kind hold on the same day."""
    if pairs := overlaps(figures):
        before, after = pairs[0]
        raise WrongValue("two_hold", day=after.valid_from, first=before.valid_from)
