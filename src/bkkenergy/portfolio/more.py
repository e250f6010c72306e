"""Records beside buildings and meters: accounts, channels, PV plants, contacts, recipients, thresholds, equipment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from bkkenergy.calendar import FIRST_YEAR_BE
from bkkenergy.errors import WrongValue
from bkkenergy.portfolio.models import BuildingId, MeterId, Name, Positive, Slug
from bkkenergy.recipients import Recipient
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.tomlfiles import Frozen

AccountNumber = Annotated[str, StringConstraints(pattern=r"^\d{6,15}$")]
ReadDay = Annotated[int, Field(ge=1, le=31)]
Year = Annotated[int, Field(ge=1900, le=2700)]
EquipmentKind = Literal[
    "chiller", "split_air_conditioner", "cooling_tower", "pump", "fan", "lighting", "lift", "transformer", "ups",
    "computer_room", "kitchen", "ev_charger", "other",
]  # fmt: skip
MAX_ALIKE = 100_000
BTU_PER_WH = 3.412142
"""British thermal units in a watt-hour (international table)."""
ANY_KW = (0.0001, 50_000.0)
RATED_KW: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"lighting": (0.0005, 3.0), "split_air_conditioner": (0.1, 100.0), "fan": (0.005, 500.0), "lift": (0.1, 500.0)}
)
"""Electrical power of one piece [kW], by kind: wide bounds, that a wrong unit falls out of."""
COOLING_KW: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"split_air_conditioner": (0.8, 150.0), "chiller": (5.0, 20_000.0)}
)
"""Cooling of one piece [kW], by kind."""
COP_RANGE = (0.8, 15.0)
ThresholdName = Literal["silent_h", "near_peak_ratio", "finding_thb", "min_coverage_ratio", "notable_change_ratio"]
FORMER_THRESHOLDS = {"least_coverage_ratio": "min_coverage_ratio"}
"""Names that thresholds had, in states and files that are read still. They are written by their present name."""


def present_threshold(name: object) -> object:
    """Return the name that a threshold has now.

    Parameters
    ----------
    name : object
        As stored, or as a file has it.

    Returns
    -------
    object
        The present name of a former one; anything else as it is.

    Examples
    --------
    >>> from bkkenergy.portfolio.more import present_threshold
    >>> present_threshold("least_coverage_ratio"), present_threshold("silent_h")
    ('min_coverage_ratio', 'silent_h')
    """
    return FORMER_THRESHOLDS.get(name, name) if isinstance(name, str) else name


class ElectricityAccount(Frozen):
    """An electricity account: the contract with MEA or PEA that one bill comes under.

    number : the contract account's number, as on the bill. read_day : the day of the month on which it is read.
    meter_side : of the customer's own transformer; on its low side the utility raises kWh and kW. schedule : the
    tariff. buildings, meters : that the bill is for; a campus has one bill, a tower several.
    """

    id: Slug
    utility: Literal["mea", "pea"]
    number: AccountNumber
    name_th: Name | None = None
    name_en: Name | None = None
    read_day: ReadDay | None = None
    voltage_kv: Positive | None = None
    meter_side: Literal["high", "low"] | None = None
    schedule: Slug
    contract_demand_kw: Positive | None = None
    buildings: Annotated[tuple[BuildingId, ...], Field(min_length=1)]
    meters: tuple[MeterId, ...] = ()


class MeterChannel(Frozen):
    """A quantity that a meter counts or measures beside its active energy.

    name : of the channel. unit : of a slot's value. is_additive : whether slots add up (energy, water) or average.
    """

    meter: MeterId
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    unit: Name
    is_additive: bool = True
    name_th: Name | None = None
    name_en: Name | None = None


class PvPlant(Frozen):
    """PV that is installed on a building. roofs : of the building. meters : that count what it makes."""

    id: Slug
    building: BuildingId
    capacity_kwp: Positive
    inverter_kw: Positive | None = None
    roofs: tuple[Slug, ...] = ()
    meters: tuple[MeterId, ...] = ()
    commissioned: dt.date | None = None
    owner: str = ""
    note: str = ""


class Contact(Frozen):
    """A person to ask, of an agency or of one building."""

    id: Slug
    agency: Slug
    building: BuildingId | None = None
    name: Name
    role: str = ""
    phone: str = ""
    mail: str = ""
    line: str = ""


class PortfolioRecipient(Recipient):
    """A recipient of reports and alerts that is entered in the portfolio."""

    id: Slug


class Threshold(Frozen):
    """What an agency, or one building, calls worth attention, instead of the site's own setting."""

    id: Slug
    name: Annotated[ThresholdName, BeforeValidator(present_threshold)]
    value: Annotated[float, Field(ge=0)]
    agency: Slug | None = None
    building: BuildingId | None = None

    @model_validator(mode="after")
    def _is_of_one(self) -> Self:
        if (self.agency is None) == (self.building is None):
            raise WrongValue("threshold_of_one")
        return self


class Equipment(Frozen):
    """Something in a building that uses energy, or carries it.

    count : how many alike. rated_kw : electrical, of each. capacity_kva : of a transformer. cooling_kw : of a chiller
    or air conditioner; cooling_btu_h : the same as a nameplate has it. seer_btu_h_per_w : SEER or EER of its label.
    hours_a_day : on an open day. flow_ratio : the mean share of its full flow that is needed. meter : that counts it.
    """

    id: Slug
    building: BuildingId
    kind: EquipmentKind
    name_th: Name
    name_en: Name
    count: Annotated[int, Field(ge=1, le=MAX_ALIKE)] = 1
    rated_kw: Positive | None = None
    capacity_kva: Positive | None = None
    cooling_kw: Positive | None = None
    cooling_btu_h: Positive | None = None
    seer_btu_h_per_w: Annotated[float, Field(gt=2, lt=60)] | None = None
    hours_a_day: Annotated[float, Field(gt=0, le=24)] | None = None
    flow_ratio: Annotated[float, Field(gt=0, le=1)] | None = None
    room: str = ""
    installed_year: Year | None = None
    meter: MeterId | None = None
    note: str = ""

    @model_validator(mode="after")
    def _has_its_cooling_once(self) -> Self:
        if self.cooling_kw is not None and self.cooling_btu_h is not None:
            raise WrongValue("cooling_twice")
        return self

    @field_validator("installed_year")
    @classmethod
    def _is_of_the_common_era(cls, value: int | None) -> int | None:
        if value is not None and value >= FIRST_YEAR_BE:
            raise WrongValue("year_in_be", given=value, year=value - BE_OFFSET_YEARS)
        return value

    @field_validator("rated_kw")
    @classmethod
    def _rated_as_its_kind(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Refuse W entered as kW, and what no nameplate of this kind can have."""
        return _within(value, RATED_KW.get(info.data.get("kind", ""), ANY_KW), "rated_kw_unlikely")

    @field_validator("cooling_kw")
    @classmethod
    def _cools_as_its_kind(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Refuse BTU/h entered as kW."""
        return _within(value, COOLING_KW.get(info.data.get("kind", ""), ANY_KW), "cooling_unlikely")

    @field_validator("cooling_btu_h")
    @classmethod
    def _cools_as_its_kind_btu(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Refuse thousands of BTU/h, or kW, entered as BTU/h."""
        low, high = COOLING_KW.get(info.data.get("kind", ""), ANY_KW)
        per_kw = BTU_PER_WH * 1000
        return _within(value, (low * per_kw, high * per_kw), "cooling_btu_unlikely")

    @model_validator(mode="after")
    def _cools_more_than_it_takes(self) -> Self:
        """Refuse a cooling and a power that cannot be of one machine."""
        if self.kind in COOLING_KW and self.cooling_capacity_kw is not None and self.rated_kw is not None:
            cop = self.cooling_capacity_kw / self.rated_kw
            _within(cop, COP_RANGE, "cop_unlikely")
        return self

    @property
    def cooling_capacity_kw(self) -> float | None:
        """Cooling of each [kW], whichever unit it was entered in."""
        return self.cooling_kw if self.cooling_btu_h is None else self.cooling_btu_h / BTU_PER_WH / 1000


def _within(value: float | None, bounds: tuple[float, float], key: str) -> float | None:
    low, high = bounds
    if value is not None and not low <= value <= high:
        raise WrongValue(key, given=f"{value:,.4g}", low=f"{low:,.4g}", high=f"{high:,.4g}")
    return value
