"""Tariff schedules as configured: rates with the day from which they hold, and the rules that all share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from bkkenergy.tomlfiles import Frozen

NotNegative = Annotated[float, Field(ge=0)]
Source = Annotated[str, Field(min_length=1)]
Hours = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]
Window = Literal["all", "on_peak", "tod_peak", "tod_partial"]
Kind = Literal["plain", "tou", "tod"]
DEMAND_WINDOWS: dict[Kind, frozenset[Window]] = {
    "plain": frozenset({"all"}),
    "tou": frozenset({"on_peak"}),
    "tod": frozenset({"tod_peak", "tod_partial"}),
}


class EnergyBlock(Frozen):
    """A price for the kWh of a month up to a bound; the last block has none."""

    thb_per_kwh: NotNegative
    up_to_kwh: Annotated[float, Field(gt=0)] | None = None


class Rates(Frozen):
    """What a schedule charges from a day on, THB before Ft and VAT.

    minimum_demand_share : the demand charge is at least this share of the highest of the past 12 months.
    """

    valid_from: dt.date
    blocks: tuple[EnergyBlock, ...] = ()
    on_peak_thb_per_kwh: NotNegative | None = None
    off_peak_thb_per_kwh: NotNegative | None = None
    demand_thb_per_kw: dict[Window, NotNegative] = Field(default_factory=dict)
    service_thb_per_month: NotNegative
    minimum_demand_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    has_power_factor_charge: bool = False
    source: Source
    entered: dt.date

    @model_validator(mode="after")
    def _prices_energy_one_way(self) -> Self:
        by_time = self.on_peak_thb_per_kwh is not None and self.off_peak_thb_per_kwh is not None
        if bool(self.blocks) == by_time:
            raise ValueError("rates need either blocks or both on_peak_thb_per_kwh and off_peak_thb_per_kwh")
        bounds = [block.up_to_kwh for block in self.blocks]
        if self.blocks and (bounds[-1] is not None or None in bounds[:-1]):
            raise ValueError("the last block, and no other, has no up_to_kwh")
        known = [bound for bound in bounds if bound is not None]
        if known != sorted(set(known)):
            raise ValueError("blocks must grow: each up_to_kwh above the one before")
        return self


class Schedule(Frozen):
    """A tariff schedule that a building may name."""

    id: str
    name_th: str
    name_en: str
    kind: Kind
    rates: tuple[Rates, ...]

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if not self.rates:
            raise ValueError("a schedule needs rates: add a [[schedule.rates]] table")
        for rates in self.rates:
            if (self.kind == "tou") == bool(rates.blocks):
                raise ValueError('a schedule of kind "tou" has on-peak and off-peak prices, the others have blocks')
            if unknown := sorted(rates.demand_thb_per_kw.keys() - DEMAND_WINDOWS[self.kind]):
                raise ValueError(f"kind {self.kind!r} has no demand window {', '.join(unknown)}")
        return self

    def rates_on(self, day: dt.date) -> Rates:
        """Return the rates that hold on a day; the first ones for days before any."""
        ordered = sorted(self.rates, key=lambda rates: rates.valid_from)
        return next((rates for rates in reversed(ordered) if rates.valid_from <= day), ordered[0])


class Ft(Frozen):
    """The fuel adjustment of a period, THB/kWh; it holds until the next one, or until `valid_to`."""

    valid_from: dt.date
    valid_to: dt.date | None = None
    thb_per_kwh: float
    source: Source
    entered: dt.date


class Rules(Frozen):
    """What all schedules share."""

    vat_ratio: NotNegative
    free_kvar_per_kw: NotNegative
    kvar_thb: NotNegative
    demand_rounding_kw: Annotated[float, Field(gt=0)]
    on_peak_hours: Hours
    tod_peak_hours: Hours
    tod_partial_hours: Hours
    source: Source
    entered: dt.date


class OffPeakDays(Frozen):
    """Which holidays are off-peak all day under TOU."""

    excluded_names: tuple[str, ...] = ()
    added_dates: frozenset[dt.date] = frozenset()
    removed_dates: frozenset[dt.date] = frozenset()
    source: Source
    entered: dt.date


class Tariffs(Frozen):
    """Everything that a bill is computed from."""

    schedules: dict[str, Schedule]
    ft: Annotated[tuple[Ft, ...], Field(min_length=1)]
    rules: Rules
    off_peak_days: OffPeakDays

    def ft_on(self, day: dt.date) -> tuple[Ft, bool]:
        """Return the Ft of a day, and whether it was entered for it; else it is the nearest one known."""
        return _ft_on(self.ft, day)


def _ft_on(periods: Sequence[Ft], day: dt.date) -> tuple[Ft, bool]:
    ordered = sorted(periods, key=lambda ft: ft.valid_from)
    rate = next((ft for ft in reversed(ordered) if ft.valid_from <= day), None)
    if rate is None:
        return ordered[0], False
    return rate, rate.valid_to is None or day <= rate.valid_to
