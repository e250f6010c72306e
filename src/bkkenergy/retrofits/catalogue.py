"""The catalogue of measures: what a new thing needs, costs and lasts, each figure with its source and grade."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bkkenergy.dated import SourcedFigure
from bkkenergy.errors import WrongValue
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.models import BuildingType
from bkkenergy.tomlfiles import Frozen

MeasureKind = Literal["efficient_cooling", "led", "drive", "hours", "power_factor"]
"""What is done: cooling of a better class, lamps of less power, speed control, fewer hours, capacitors."""
Group = Literal["cooling", "lighting", "motion", "other"]
"""How equipment follows a building's life: cooling the weather, lighting the hours of work, pumps and fans a duty."""
NEEDED: Mapping[MeasureKind, str] = MappingProxyType(
    {
        "efficient_cooling": "cop",
        "led": "power_ratio",
        "drive": "exponent",
        "hours": "hours_ratio",
        "power_factor": "step_kvar",
    }
)
"""What the new thing of each kind is measured by."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Price(SourcedFigure):
    """What one costs, installed [THB]: from a low to a high figure.

    per : each piece, each kW of cooling, or each kvar of capacitors.
    """

    low_thb: Positive
    high_thb: Positive
    per: Literal["piece", "cooling_kw", "kvar"]

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.high_thb < self.low_thb:
            raise WrongValue("range_backwards", low=self.low_thb, high=self.high_thb)
        return self


class Life(SourcedFigure):
    """How long it lasts [years]."""

    years: Annotated[float, Field(gt=0, le=60)]


class Performance(SourcedFigure):
    """How well the new one works, by what its kind is measured by.

    cop : W of cooling for each W. power_ratio : of the power of what it replaces. exponent : of power over flow where
    speed is controlled. hours_ratio : of the hours that are run now. step_kvar : of capacitors. half_ratio : half of
    its 90 % interval, a share of what is saved.
    """

    cop: Positive | None = None
    power_ratio: Share | None = None
    exponent: Annotated[float, Field(ge=1, le=3)] | None = None
    hours_ratio: Share | None = None
    step_kvar: Positive | None = None
    half_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.2


class Measure(Frozen):
    """One measure.

    replaces : kinds of equipment that it is for. max_cooling_kw : of each piece, above which it has no price.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,40}$")]
    kind: MeasureKind
    replaces: Annotated[tuple[str, ...], Field(min_length=1)]
    name_th: Annotated[str, Field(min_length=1)]
    name_en: Annotated[str, Field(min_length=1)]
    max_cooling_kw: Positive | None = None
    price: Price
    life: Life
    performance: Performance

    @model_validator(mode="after")
    def _has_what_its_kind_is_measured_by(self) -> Self:
        if getattr(self.performance, NEEDED[self.kind]) is None:
            raise WrongValue("measure_needs", needs=NEEDED[self.kind])
        return self

    @property
    def figures(self) -> tuple[Price, Life, Performance]:
        """What it rests on."""
        return self.price, self.life, self.performance

    @property
    def is_provisional(self) -> bool:
        """Whether one of its figures has no public source."""
        return any(figure.grade == "M" for figure in self.figures)


class Past(SourcedFigure):
    """The efficiency of cooling that was bought up to a year, where a nameplate says nothing."""

    up_to_year: Annotated[int, Field(ge=1950, le=2200)]
    cop: Positive


class UsualDuty(SourcedFigure):
    """How long a kind of equipment runs on an open day [h], and at what share of its rated power, where no one says."""

    kind: str
    hours: Annotated[float, Field(gt=0, le=24)]
    load_ratio: Annotated[float, Field(gt=0, le=1)]
    half_ratio: Annotated[float, Field(gt=0, lt=1)]


class BuildingCode(SourcedFigure):
    """To which buildings the Building Energy Code applies where they are new, or extended or altered.

    min_area_m2 : floor area of all storeys. types : kinds of building.
    """

    min_area_m2: Positive
    types: Annotated[tuple[BuildingType, ...], Field(min_length=1)]

    def concerns(self, building: Building) -> bool:
        """Return whether works on a building would come under the code. It says nothing about compliance."""
        return building.type in self.types and building.gross_floor_area_m2 >= self.min_area_m2


class Economics(SourcedFigure):
    """By what money of later years is worth less [a share a year, real]."""

    discount_ratio: Annotated[float, Field(ge=0, lt=0.5)]


class Catalogue(Frozen):
    """Measures, and what is taken of equipment where its nameplate says nothing. past : the oldest first."""

    measures: Annotated[tuple[Measure, ...], Field(min_length=1, alias="measure")]
    past: Annotated[tuple[Past, ...], Field(min_length=1)]
    duties: Annotated[tuple[UsualDuty, ...], Field(min_length=1, alias="duty")]
    economics: Economics
    building_code: BuildingCode | None = None

    def past_cop(self, year: int | None) -> Past:
        """Return the efficiency of cooling bought in a year; of the oldest where the year is not known."""
        newest_first = sorted(self.past, key=lambda past: past.up_to_year)
        if year is None:
            return newest_first[0]
        return next((past for past in newest_first if year <= past.up_to_year), newest_first[-1])

    def duty_of(self, kind: str) -> UsualDuty:
        """Return the usual duty of a kind of equipment; of other things where the kind has none."""
        by_kind = {duty.kind: duty for duty in self.duties}
        return by_kind.get(kind, by_kind["other"])
