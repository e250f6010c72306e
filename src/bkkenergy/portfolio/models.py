"""Agencies, buildings, meters and roofs, as configured: frozen, and trusted once built."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, field_serializer, model_validator

from bkkenergy.calendar import BANGKOK, in_yearly_spans, thai_holidays
from bkkenergy.errors import WrongValue
from bkkenergy.tomlfiles import Frozen

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
BuildingId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9]+(-[a-z0-9]+)*$")]
MeterId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+\.[a-z0-9]+(-[a-z0-9]+)*$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
HoursOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]
MonthDay = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Positive = Annotated[float, Field(gt=0, le=1e12)]
Share = Annotated[float, Field(gt=0, le=1)]

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TOPIC_PATTERN = r"^(?:\+|[^+#/\x00]*)(?:/(?:\+|[^+#/\x00]*))*$"
MAX_BREAK_DAYS = 120
"""From one school term to the next. A longer gap is no break: terms between are not entered."""
DEFAULT_TOPIC = "bma/{agency}/{building}/{meter}/readings"


class BuildingType(StrEnum):
    """The kinds of building that a city runs."""

    DISTRICT_OFFICE = "district_office"
    SCHOOL = "school"
    HOSPITAL = "hospital"
    HEALTH_CENTRE = "health_centre"
    FIRE_STATION = "fire_station"
    SPORTS_CENTRE = "sports_centre"
    WATER_TREATMENT = "water_treatment"
    STREET_LIGHTING = "street_lighting"
    """Lamps of streets on one meter; it has no floor, its area is that of the lit ground."""
    EV_CHARGING = "ev_charging"
    OFFICE = "office"
    LIBRARY = "library"
    OTHER = "other"


class MeterKind(StrEnum):
    """What a meter's energy figure means."""

    REGISTER = "register"
    """energy_kwh is a counter that grows until it rolls over."""
    INTERVAL = "interval"
    """energy_kwh is the energy of the interval that ends at the reading."""
    POWER = "power"
    """There is no energy figure; power_kw is integrated."""
    WEATHER = "weather"
    """A weather station: it measures no energy at all, but ghi_wm2 and temp_air_c."""
    NET = "net"
    """energy_kwh is one counter that runs both ways: it falls while the building feeds energy back."""
    OTHER = "other"
    """It measures no electricity: water, gas, chilled water, or rooms. Each of its quantities is a channel."""


class Purpose(StrEnum):
    """What a virtual meter is for."""

    LANDLORD = "landlord"
    """The building's own use, for information."""
    TENANT = "tenant"
    """A tenant's use: it is no use of the building."""


class YearlySpan(Frozen):
    """Days that come back each year, both ends included."""

    first: MonthDay
    last: MonthDay
    name_th: Name
    name_en: Name


class SchoolTerm(Frozen):
    """A school term of one year, both ends included."""

    first: dt.date
    last: dt.date
    name_th: Name
    name_en: Name

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.last < self.first:
            raise WrongValue("last_before_first")
        return self


class OpeningCalendar(Frozen):
    """When buildings of one kind are open.

    hours : by weekday ("mon".."sun"), "08:00-16:30"; a weekday that is left out is closed.
    closed_on_holidays : whether official holidays (substitution days too) close it.
    closures : spans closed each year, such as school holidays.
    closed_dates, open_dates : single days that the agency itself declares.
    terms : school terms with their years. Within a term no yearly closure holds; from one term to the next it is
        closed. Where a year's terms are not entered, before the first and after the last, the yearly closures hold.
    """

    id: Slug
    name_th: Name
    name_en: Name
    source: Name
    hours: dict[Weekday, HoursOfDay]
    closed_on_holidays: bool = True
    closures: tuple[YearlySpan, ...] = ()
    closed_dates: frozenset[dt.date] = frozenset()
    open_dates: frozenset[dt.date] = frozenset()
    terms: tuple[SchoolTerm, ...] = ()

    @field_serializer("closed_dates", "open_dates")
    def _in_order(self, days: frozenset[dt.date]) -> list[dt.date]:
        return sorted(days)

    def on(self, _day: dt.date) -> OpeningCalendar:
        """Return the calendar of a day: this one, which is the same on all days."""
        return self

    def is_open(self, day: dt.date) -> bool:
        """Return whether the building works on this day."""
        if day in self.open_dates:
            return True
        if WEEKDAYS[day.weekday()] not in self.hours or day in self.closed_dates:
            return False
        if self.closed_on_holidays and day in thai_holidays(day.year, "en"):
            return False
        return not self._is_between_terms(day)

    def _is_between_terms(self, day: dt.date) -> bool:
        if any(term.first <= day <= term.last for term in self.terms):
            return False
        before = max((term.last for term in self.terms if term.last < day), default=None)
        after = min((term.first for term in self.terms if term.first > day), default=None)
        if before and after and (after - before).days <= MAX_BREAK_DAYS:
            return True
        return in_yearly_spans(day, [(span.first, span.last) for span in self.closures])

    def is_workday(self, day: dt.date) -> bool:
        """Return whether its weekday is one on which the building would work."""
        return WEEKDAYS[day.weekday()] in self.hours

    def open_hours(self, day: dt.date) -> tuple[float, float] | None:
        """Return opening and closing time in hours after midnight; None on a closed day."""
        if not self.is_open(day):
            return None
        text = self.hours.get(WEEKDAYS[day.weekday()]) or next(iter(self.hours.values()))
        opening, closing = (int(clock[:2]) + int(clock[3:]) / 60 for clock in text.split("-"))
        return opening, closing


class Agency(Frozen):
    """One office of the city that answers for its buildings' energy.

    ereport_code : its number in the state's e-report. ereport_group : the sub-group by whose standard use it is judged.
    budget_thb : what it may spend on electricity in the fiscal year budget_year_be (Buddhist era).
    """

    id: Slug
    name_th: Name
    name_en: Name
    demonstration: bool = False
    ereport_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.-]{1,32}$")] | None = None
    ereport_group: Annotated[str, StringConstraints(pattern=r"^\d-\d{2}$")] | None = None
    budget_thb: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    budget_year_be: Annotated[int, Field(ge=2560, le=2700)] | None = None

    @model_validator(mode="after")
    def _has_a_budget_of_a_year(self) -> Self:
        if (self.budget_thb is None) != (self.budget_year_be is None):
            raise WrongValue("budget_of_a_year")
        return self


class Exchange(Frozen):
    """A meter taken down and another put in its place, or its transformers.

    final_kwh, initial_kwh : last register value of the old meter, first of the new one, kWh, as the meters show them.
    previous_ct_ratio, previous_vt_ratio : transformer ratios until then, where they changed too.
    """

    at: AwareDatetime
    final_kwh: Annotated[float, Field(ge=0)]
    initial_kwh: Annotated[float, Field(ge=0)] = 0.0
    previous_ct_ratio: Positive | None = None
    previous_vt_ratio: Positive | None = None


class Meter(Frozen):
    """One metering point.

    rated_kw : no more than this can flow; readings above it are refused, steps above it unknown. Of a chilled-water
        meter, thermal. rated_m3_per_h : the same of a water or gas meter.
    register_digits : whole digits of the counter; it rolls over at 10^digits x multiplier.
    rollover_kwh : where the counter rolls over, as the meter shows it, where that is no power of ten: 65.536 of a
        16-bit pulse counter, 42949672.96 of a 32-bit register in units of 10 Wh. Instead of register_digits.
    resolution_kwh : the least that the counter shows; a fall within it is no fall. Learned where it is left out.
    restarts_at_zero : the counter loses its value with its supply; what it shows then was used since.
    ct_ratio, vt_ratio : transformer ratios, where the meter reports secondary values; else 1.
    interval_s : how often it is expected to report, seconds.
    payload : profile of config/payloads by which its messages are read.
    pv : it measures what PV on the roof makes, not what the building takes. Production is what energy_kwh counts; what
        an inverter takes at night (export_kwh, or a net counter that falls) is the building's use, and stays in it.
    tenant : it measures a tenant's use, which is no use of the building. Below a main meter it is taken off; without a
        parent the tenant has a supply of its own, and the meter is no main meter.
    topic : where its messages come. A level may be +, for any text, where the key says whose a message is.
    key : its name inside the payload or topic, where one topic carries many meters.
    gateway : the device that sends it, where several meters share one; else the building's.
    """

    id: MeterId
    building: BuildingId
    topic: Annotated[str, StringConstraints(min_length=1, pattern=TOPIC_PATTERN)]
    name_th: Name = "มิเตอร์หลัก"
    name_en: Name = "Main meter"
    kind: MeterKind = MeterKind.REGISTER
    pv: bool = False
    tenant: bool = False
    parent: MeterId | None = None
    rated_kw: Positive
    rated_m3_per_h: Positive | None = None
    register_digits: Annotated[int, Field(ge=3, le=12)] | None = None
    rollover_kwh: Positive | None = None
    resolution_kwh: Positive | None = None
    restarts_at_zero: bool = False
    ct_ratio: Positive = 1.0
    vt_ratio: Positive = 1.0
    interval_s: Annotated[int, Field(ge=1, le=86_400)] = 900
    payload: Slug = "canonical"
    key: str = ""
    gateway: Slug | None = None
    commissioned: AwareDatetime | None = None
    exchanges: tuple[Exchange, ...] = ()

    @property
    def is_main(self) -> bool:
        """Whether it measures what the grid gives the building, and nothing measures that a second time."""
        return self.parent is None and self.is_electric and not self.pv and not self.tenant

    @property
    def is_electric(self) -> bool:
        """Whether it measures electricity at all."""
        return self.kind not in {MeterKind.WEATHER, MeterKind.OTHER}

    @property
    def gateway_id(self) -> str:
        """The device that sends this meter's readings, for its clock and its silence."""
        return self.gateway or self.building

    @property
    def multiplier(self) -> float:
        """From what the meter shows to what flows."""
        return self.ct_ratio * self.vt_ratio

    @property
    def wraps_at_kwh(self) -> float | None:
        """Where the register starts again from zero, in energy that flows; None where it is not declared."""
        if self.rollover_kwh is not None:
            return self.rollover_kwh * self.multiplier
        return None if self.register_digits is None else 10.0**self.register_digits * self.multiplier

    @model_validator(mode="after")
    def _wraps_at_one_value(self) -> Self:
        if self.rollover_kwh is not None and self.register_digits is not None:
            raise WrongValue("two_rollovers")
        return self


class VirtualMeter(Frozen):
    """A sum of meters less others: what no meter measures by itself, such as a landlord's share of a main meter.

    plus, minus : real meters of the same building; their import counts.
    purpose : where it is "tenant", its energy is taken off the building's use.
    """

    id: MeterId
    building: BuildingId
    name_th: Name
    name_en: Name
    plus: Annotated[tuple[MeterId, ...], Field(min_length=1)]
    minus: tuple[MeterId, ...] = ()
    purpose: Purpose | None = None


Metres = Annotated[float, Field(ge=-2_000, le=2_000)]
Corners = Annotated[tuple[tuple[Metres, Metres], ...], Field(max_length=1_000)]
MAX_ROOF_M2 = 100_000.0
"""Several times the largest roof of a city: a design of it takes seconds and some hundred megabytes."""


class Obstacle(Frozen):
    """Something upright on or beside a roof: corners in the roof's own metres, height above the modules."""

    outline_m: Annotated[Corners, Field(min_length=3)]
    height_m: Annotated[float, Field(ge=0, le=1_000)]


def compass_deg(azimuth: object) -> object:
    """Return an azimuth clockwise from north, 360 as 0; what is no number as it is.

    Parameters
    ----------
    azimuth : object
        As it was entered.

    Returns
    -------
    object
        The azimuth.

    Raises
    ------
    WrongValue
        If it is negative: by compass -90 is west, by PVGIS and PVsyst, which count from south, it is east.

    Examples
    --------
    >>> from bkkenergy.portfolio.models import compass_deg
    >>> compass_deg(360), compass_deg(90.0)
    (0.0, 90.0)
    """
    if isinstance(azimuth, int | float) and not isinstance(azimuth, bool):
        if azimuth < 0:
            raise WrongValue("azimuth_negative")
        return 0.0 if azimuth == 360 else azimuth  # noqa: PLR2004 - north once around
    return azimuth


def from_south(azimuth: object) -> object:
    """Return an azimuth that counts from south, east negative, clockwise from north; what is no number as it is.

    Parameters
    ----------
    azimuth : object
        As PVGIS, PVsyst and PV*SOL have it: -180 to 180.

    Returns
    -------
    object
        The azimuth, 0 to 360.

    Raises
    ------
    WrongValue
        If it is beyond 180 either way.

    Examples
    --------
    >>> from bkkenergy.portfolio.models import from_south
    >>> from_south(-90), from_south(0), from_south(180.0)
    (90, 180, 0.0)
    """
    if isinstance(azimuth, int | float) and not isinstance(azimuth, bool):
        if not -180 <= azimuth <= 180:  # noqa: PLR2004 - half around
            raise WrongValue("azimuth_beyond")
        return (azimuth + 180) % 360
    return azimuth


Azimuth = Annotated[float, Field(ge=0, lt=360), BeforeValidator(compass_deg)]
HorizonHeight = Annotated[float, Field(ge=0, le=80)]


def _point_from_south(point: Any) -> Any:
    return [from_south(point[0]), *point[1:]] if isinstance(point, list | tuple) and point else point


def _area_m2(corners: Sequence[tuple[float, float]]) -> float:
    """Return the area of an outline by the trapezoids below its sides."""
    sides = zip(corners, (*corners[1:], *corners[:1]), strict=True)
    return abs(sum((east - next_east) * (north + next_north) for (east, north), (next_east, next_north) in sides)) / 2


class Roof(Frozen):
    """A plane that could carry modules. Azimuth: degrees clockwise from north.

    A table that says azimuth_from = "south" is read with azimuths as PVGIS, PVsyst and PV*SOL count them.
    outline_m : corners in metres east and north of any point of the building, instead of an area. holes_m : outlines
    within it where nothing can lie: a light well, a courtyard.
    obstacles : in the same metres, where an outline is given.
    horizon : (azimuth, elevation) of what stands far off, degrees.
    installed_kwp : PV that is on it already. support : what carries the modules: the roof, a canopy to be built over a
    car park, or floats on a pond; tilt and azimuth are then those of the modules.
    """

    id: Slug
    area_m2: Annotated[float, Field(gt=0, le=MAX_ROOF_M2)] | None = None
    outline_m: Corners = ()
    holes_m: Annotated[tuple[Annotated[Corners, Field(min_length=3)], ...], Field(max_length=500)] = ()
    tilt_deg: Annotated[float, Field(ge=0, le=90)]
    azimuth_deg: Azimuth
    usable_ratio: Share = 0.7
    installed_kwp: Positive | None = None
    obstacles: Annotated[tuple[Obstacle, ...], Field(max_length=1_000)] = ()
    horizon: Annotated[tuple[tuple[Azimuth, HorizonHeight], ...], Field(max_length=1_000)] = ()
    support: Literal["roof", "canopy", "floating"] = "roof"

    @model_validator(mode="before")
    @classmethod
    def _azimuths_count_from_north(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "azimuth_from" not in given:
            return given
        fields = dict(given)
        match fields.pop("azimuth_from"):
            case "north":
                return fields
            case "south":
                fields["azimuth_deg"] = from_south(fields.get("azimuth_deg"))
                if isinstance(horizon := fields.get("horizon"), list | tuple):
                    fields["horizon"] = [_point_from_south(point) for point in horizon]
                return fields
            case _:
                raise WrongValue("azimuth_from")

    @model_validator(mode="after")
    def _has_a_size(self) -> Self:
        if (self.area_m2 is None) == (not self.outline_m):
            raise WrongValue("roof_size")
        if self.outline_m and len(self.outline_m) < 3:  # noqa: PLR2004 - a polygon
            raise WrongValue("roof_corners")
        if _area_m2(self.outline_m) > MAX_ROOF_M2:
            raise WrongValue("roof_large")
        if (self.obstacles or self.holes_m) and not self.outline_m:
            raise WrongValue("roof_obstacles")
        return self


class Building(Frozen):
    """One building with its meters and roofs. drivers : what it serves, such as students, beds, cases, staff."""

    id: BuildingId
    agency: Slug
    name_th: Name
    name_en: Name
    type: BuildingType
    gross_floor_area_m2: Positive
    drivers: dict[str, Positive] = Field(default_factory=dict)
    latitude_deg: Annotated[float, Field(ge=5, le=21)]
    longitude_deg: Annotated[float, Field(ge=97, le=106)]
    tariff: Slug
    calendar: Slug
    meters: tuple[Meter, ...] = ()
    virtual_meters: tuple[VirtualMeter, ...] = ()
    roofs: tuple[Roof, ...] = ()

    @property
    def main_meters(self) -> tuple[Meter, ...]:
        """The meters whose sum the grid gives the building."""
        return tuple(meter for meter in self.meters if meter.is_main)

    @property
    def pv_meters(self) -> tuple[Meter, ...]:
        """The meters whose sum PV produces."""
        return tuple(meter for meter in self.meters if meter.pv)

    @property
    def has_pv(self) -> bool:
        """Whether PV is on a roof, or is metered."""
        return bool(self.pv_meters) or any(roof.installed_kwp for roof in self.roofs)

    @property
    def tenant_meters(self) -> tuple[Meter, ...]:
        """Tenants' meters that a main meter measures too; of those below one another, the upper one."""
        return tuple(meter for meter in self.meters if meter.tenant and self._is_below_a_main_meter(meter))

    @property
    def tenant_virtual_meters(self) -> tuple[VirtualMeter, ...]:
        """Virtual meters of tenants' use."""
        return tuple(virtual for virtual in self.virtual_meters if virtual.purpose is Purpose.TENANT)

    @property
    def tenant_signs(self) -> dict[str, int]:
        """How often each meter's energy is taken off the building's use as a tenant's: +1, -1, or a sum of them."""
        signs = dict.fromkeys((meter.id for meter in self.tenant_meters), 1)
        for virtual in self.tenant_virtual_meters:
            for sign, names in ((1, virtual.plus), (-1, virtual.minus)):
                signs |= {name: signs.get(name, 0) + sign for name in names}
        return signs

    def ancestors(self, meter: Meter) -> tuple[Meter, ...]:
        """Return the meters that measure a meter's energy too, the nearest first."""
        by_id = {other.id: other for other in self.meters}
        parents: list[Meter] = []
        above = by_id.get(meter.parent or "")
        while above is not None and above not in parents:
            parents.append(above)
            above = by_id.get(above.parent or "")
        return tuple(parents)

    def _is_below_a_main_meter(self, meter: Meter) -> bool:
        above = self.ancestors(meter)
        return bool(above) and above[-1].is_main and not any(other.tenant for other in above)


def local_midnight(day: dt.date) -> dt.datetime:
    """Return the first instant of a day in Bangkok.

    Parameters
    ----------
    day : date
        The day.

    Returns
    -------
    datetime
        Its midnight, with the zone.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.portfolio.models import local_midnight
    >>> local_midnight(dt.date(2026, 11, 26)).isoformat()
    '2026-11-26T00:00:00+07:00'
    """
    return dt.datetime.combine(day, dt.time(), BANGKOK)
