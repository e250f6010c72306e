"""The figures that reports rest on, read from config/ with their sources, and every fault in them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, ValidationError

from bkkenergy.carbon import GridFactor, Purpose
from bkkenergy.dated import holding
from bkkenergy.errors import ConfigError, Fault, WrongValue
from bkkenergy.tariff.flat import FlatEnergy, FlatRate, flat_rate_on
from bkkenergy.tariff.schedule import Ft, LowSide, OffPeakDays, OffPeakYear, Rules, Schedule, Tariffs, Vat
from bkkenergy.tomlfiles import Frozen, read_toml, validated

EntryT = TypeVar("EntryT", bound=Frozen)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a kWh costs and emits over some days on which neither changes.

    rate : None before the first known Ft. factor : of an organisation's scope 2; None before the first. upstream : of
    its scope 3 category 3.
    """

    first_day: dt.date
    last_day: dt.date
    rate: FlatRate | None
    factor: GridFactor | None
    upstream: GridFactor | None = None

    @property
    def thb_per_kwh(self) -> float | None:
        """What a kWh costs, with Ft and VAT."""
        return None if self.rate is None else self.rate.rate_thb_per_kwh

    @property
    def kg_co2e_per_kwh(self) -> float | None:
        """What a kWh emits."""
        return None if self.factor is None else self.factor.kg_co2e_per_kwh

    def continues(self, before: Prices) -> bool:
        """Whether a kWh costs and emits what it did before."""
        return (self.thb_per_kwh, self.kg_co2e_per_kwh, self.upstream) == (
            before.thb_per_kwh,
            before.kg_co2e_per_kwh,
            before.upstream,
        )


class RatesAndTariffs(Frozen):
    """Rates, tariffs and factors."""

    flat: Annotated[tuple[FlatEnergy, ...], Field(min_length=1)]
    tariffs: Tariffs
    grid_factors: tuple[GridFactor, ...]

    def flat_rate_on(self, day: dt.date) -> FlatRate | None:
        """Return the flat rate of a day; None before the first known Ft."""
        return flat_rate_on(day, self.flat, self.tariffs)

    def prices(self, first_day: dt.date, last_day: dt.date) -> tuple[Prices, ...]:
        """Part days where the flat rate or the footprint's factor changes, in order."""
        dated = (*self.flat, *self.tariffs.ft, *self.tariffs.vat, *self.grid_factors)
        starts = sorted({first_day} | {one.valid_from for one in dated if first_day < one.valid_from <= last_day})
        ends = [start - dt.timedelta(days=1) for start in starts[1:]] + [last_day]
        footprint, upstream = self._of("footprint"), self._of("upstream")
        spans: list[Prices] = []
        for start, end in zip(starts, ends, strict=True):
            span = Prices(start, end, self.flat_rate_on(start), holding(footprint, start), holding(upstream, start))
            if spans and span.continues(spans[-1]):
                span = replace(span, first_day=spans.pop().first_day)
            spans.append(span)
        return tuple(spans)

    def _of(self, purpose: Purpose) -> list[GridFactor]:
        return [one for one in self.grid_factors if one.purpose == purpose]

    def with_factors(self, *issued: GridFactor) -> Self:
        """Return the figures with the factors that a report was issued with.

        From the first of them on they alone hold for their purpose, whatever was entered since.
        """
        first_of = {
            one.purpose: min(other.valid_from for other in issued if other.purpose == one.purpose) for one in issued
        }
        others = [
            one for one in self.grid_factors if one.purpose not in first_of or one.valid_from < first_of[one.purpose]
        ]
        return self.model_copy(update={"grid_factors": (*others, *issued)})


def load_figures(config_dir: Path) -> RatesAndTariffs:
    """Load the figures of config_dir. Raises ConfigError with every fault."""
    faults: list[Fault] = []
    folder = config_dir / "tariffs"
    flat = _entries(folder / "flat.toml", "flat", FlatEnergy, faults)
    schedules = _entries(folder / "schedules.toml", "schedule", Schedule, faults)
    shared = folder / "rules.toml"
    ft, vat = _entries(shared, "ft", Ft, faults), _entries(shared, "vat", Vat, faults)
    rules = _entries(shared, "rules", Rules, faults)
    low_side = _entries(shared, "low_side", LowSide, faults)
    off_peak_days = _entries(shared, "off_peak_days", OffPeakDays, faults)
    off_peak_years = _entries(shared, "off_peak_year", OffPeakYear, faults, may_lack=True)
    factors = _entries(config_dir / "factors.toml", "grid_factor", GridFactor, faults)
    if faults:
        raise ConfigError(faults)
    try:
        tariffs = Tariffs(
            schedules={schedule.id: schedule for schedule in schedules},
            ft=tuple(ft),
            vat=tuple(vat),
            rules=rules[0],
            low_side=low_side[0],
            off_peak_days=off_peak_days[0],
            off_peak_years=tuple(off_peak_years),
        )
    except ValidationError as error:
        raise ConfigError([_fault_of_days(error, str(shared))]) from None
    return RatesAndTariffs(flat=tuple(flat), tariffs=tariffs, grid_factors=tuple(factors))


def _fault_of_days(error: ValidationError, where: str) -> Fault:
    """Return the fault of figures that do not fit together by their days."""
    detail = error.errors()[0]
    wrong = detail.get("ctx", {}).get("error")
    if isinstance(wrong, WrongValue):
        return Fault.of(wrong.key, where, **wrong.values)
    return Fault.of("figures_wrong", where, reason=detail["msg"].removeprefix("Value error, "))


def _entries(path: Path, key: str, model: type[EntryT], faults: list[Fault], *, may_lack: bool = False) -> list[EntryT]:
    """Read the [key] table or the [[key]] tables of a file; at least one, or a fault, unless it may lack."""
    try:
        listed: Any = read_toml(path).get(key)
    except ConfigError as error:
        faults += error.faults
        return []
    if not listed and may_lack:
        return []
    if not listed:
        faults.append(Fault.of("none_entered", f"{path}: {key}", name=key))
        return []
    entries = []
    for number, table in enumerate(listed if isinstance(listed, list) else [listed]):
        where = f"{path}: {key}[{number}]" if isinstance(listed, list) else f"{path}: {key}"
        entry, problems = validated(model, table, where)
        faults += problems
        if entry is not None:
            entries.append(entry)
    return entries
