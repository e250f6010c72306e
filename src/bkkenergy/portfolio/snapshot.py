"""The portfolio as it is on one day, with the way back to what it was on others."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self, cast

from pydantic import Field, InstanceOf

from bkkenergy.portfolio import more
from bkkenergy.portfolio.models import Agency, Building, Meter, OpeningCalendar
from bkkenergy.portfolio.records import EVER, Dated, Entry, Records, entry_on
from bkkenergy.tomlfiles import Frozen


class DaysOpen(Protocol):
    """What says of any day by which calendar it is judged, and whether a building is open."""

    def on(self, day: dt.date, /) -> OpeningCalendar:
        """Return the calendar of a day."""

    def is_open(self, day: dt.date) -> bool:
        """Return whether the building works on a day."""

    def open_hours(self, day: dt.date) -> tuple[float, float] | None:
        """Return opening and closing time in hours after midnight; None on a closed day."""


@dataclass(frozen=True, slots=True)
class BuildingDays:
    """A building's calendar on each day, whatever it was then."""

    portfolio: Portfolio
    building: Building

    def on(self, day: dt.date, /) -> OpeningCalendar:
        """Return the calendar of a day."""
        return self.portfolio.calendar_on(self.building, day)

    def is_open(self, day: dt.date) -> bool:
        """Return whether the building works on a day."""
        return self.on(day).is_open(day)

    def open_hours(self, day: dt.date) -> tuple[float, float] | None:
        """Return opening and closing time in hours after midnight; None on a closed day."""
        return self.on(day).open_hours(day)


class Portfolio(Frozen):
    """Every agency, building and calendar of the site, by id, as they are on a day.

    records : what they were and will be on other days; empty where only this one is known.
    """

    agencies: dict[str, Agency]
    buildings: dict[str, Building]
    calendars: dict[str, OpeningCalendar]
    accounts: dict[str, more.ElectricityAccount] = Field(default_factory=dict)
    recipients: dict[str, more.PortfolioRecipient] = Field(default_factory=dict)
    thresholds: dict[str, more.Threshold] = Field(default_factory=dict)
    pv_plants: dict[str, more.PvPlant] = Field(default_factory=dict)
    contacts: dict[str, more.Contact] = Field(default_factory=dict)
    equipment: dict[str, more.Equipment] = Field(default_factory=dict)
    channels: dict[str, more.MeterChannel] = Field(default_factory=dict)
    records: InstanceOf[Records] = Field(default_factory=Records, repr=False, exclude=True)

    @property
    def revision(self) -> int:
        """The newest revision that these records know; 0 where they come from files."""
        return self.records.revision

    @property
    def meters(self) -> tuple[Meter, ...]:
        """All meters, in the order of the files."""
        return tuple(meter for building in self.buildings.values() for meter in building.meters)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other entries. Its records are none: what is true on other days is not known of it."""
        copied = super().model_copy(update={"records": Records()} | dict(update or {}), deep=deep)
        for name, value in vars(Portfolio).items():
            if isinstance(value, cached_property):
                copied.__dict__.pop(name, None)
        return copied

    @cached_property
    def derived(self) -> dict[str, Any]:
        """What readers derived from this portfolio before."""
        return {}

    @cached_property
    def meters_ever(self) -> Mapping[str, Meter]:
        """All meters by id, with those that are no more or not yet, as they were last."""
        ever: dict[str, Any] = {
            key: entries[-1].value for key, entries in self.records.by_kind.get("meter", {}).items()
        }
        return ever | {meter.id: meter for meter in self.meters}

    def on(self, day: dt.date) -> Portfolio:
        """Return the portfolio as it is on another day, by the same records."""
        return portfolio_on(self.records, day) if self.records.entries else self

    def history(self, meter_id: str) -> tuple[Dated[Meter], ...]:
        """Return what a meter was, and when. Exchanges have dates of their own: each version has all of them."""
        versions: Sequence[Dated[Meter]] = self.records.history("meter", meter_id)
        if not versions:
            meter = self.meters_ever.get(meter_id)
            return () if meter is None else (Dated(EVER, None, meter),)
        exchanges = versions[-1].value.exchanges
        return tuple(
            version
            if version.value.exchanges == exchanges
            else replace(version, value=version.value.model_copy(update={"exchanges": exchanges}))
            for version in versions
        )

    def building_on(self, building_id: str, day: dt.date) -> Building:
        """Return a building as it is on a day; as it is here, where it is not there on that day."""
        return self.on(day).buildings.get(building_id) or self.buildings[building_id]

    def threshold(self, name: more.ThresholdName, value: float, *, agency: str, building: str = "") -> float:
        """Return a threshold: that of the building where it has one, else its agency's, else the site's own `value`."""
        named = {
            entered.building or entered.agency: entered.value
            for entered in self.thresholds.values()
            if entered.name == name
        }
        return named.get(building, named.get(agency, value))

    def accounts_of(self, building_id: str) -> tuple[more.ElectricityAccount, ...]:
        """Return the electricity accounts that a building's bills come under."""
        return self.accounts_by_building.get(building_id, ())

    @cached_property
    def accounts_by_building(self) -> Mapping[str, tuple[more.ElectricityAccount, ...]]:
        """All electricity accounts by the buildings whose bills come under them."""
        grouped: dict[str, list[more.ElectricityAccount]] = {}
        for account in self.accounts.values():
            for building_id in dict.fromkeys(account.buildings):
                grouped.setdefault(building_id, []).append(account)
        return {building_id: tuple(accounts) for building_id, accounts in grouped.items()}

    def schedule_of(self, building: Building) -> str:
        """Return the tariff schedule that a building is billed by.

        That of its electricity account counts. Without an account, or where several name different ones, its own
        `tariff` does.
        """
        named = {account.schedule for account in self.accounts_of(building.id)}
        return named.pop() if len(named) == 1 else building.tariff

    def schedule_on(self, building_id: str, day: dt.date) -> str | None:
        """Return the schedule that a building is billed by on a day; None where it is not there."""
        there = self.on(day)
        building = there.buildings.get(building_id)
        return None if building is None else there.schedule_of(building)

    @cached_property
    def by_agency(self) -> Mapping[str, tuple[Building, ...]]:
        """All buildings by their agency, in the order of the files."""
        grouped: dict[str, list[Building]] = {}
        for building in self.buildings.values():
            grouped.setdefault(building.agency, []).append(building)
        return {agency_id: tuple(buildings) for agency_id, buildings in grouped.items()}

    def buildings_of(self, agency_id: str) -> tuple[Building, ...]:
        """Return the buildings of one agency, in the order of the files."""
        return self.by_agency.get(agency_id, ())

    def is_simulated(self, building: Building) -> bool:
        """Return whether a building's figures are those of a demonstration."""
        return self.agencies[building.agency].demonstration

    def with_alone(self, building: Building) -> Portfolio:
        """Return the portfolio in which a building is the only one of its agency.

        All are still there by their ids: the nearest weather station may be another building's. So is what was true on
        other days.
        """
        alone = self.model_copy(update={"records": self.records})
        alone.__dict__["by_agency"] = {**self.by_agency, building.agency: (building,)}
        return alone

    def calendar_on(self, building: Building, day: dt.date) -> OpeningCalendar:
        """Return the calendar that a building has on a day, as it is on that day."""
        there = self.on(day)
        calendar = there.buildings.get(building.id, building).calendar
        return there.calendars.get(calendar) or self.calendars[building.calendar]

    def days_open(self, building: Building) -> DaysOpen:
        """Return the calendar that a building has on each day."""
        return BuildingDays(self, building)

    def is_open(self, building: Building, day: dt.date) -> bool:
        """Return whether a building works on a day, by the calendar that it has on that day."""
        return self.calendar_on(building, day).is_open(day)

    def rests_on(self, agencies: Iterable[str], last_day: dt.date) -> int:
        """Return the newest revision that says something of these agencies up to a day.

        A withdrawal says something too. What is entered for other agencies, or for later days, changes nothing
        here, and not this number.
        """
        agency_ids = set(agencies)
        every = (*self.records.entries, *self.records.withdrawn)
        entries = [entry for entry in every if entry.valid_from <= last_day]
        buildings = [entry for entry in entries if entry.kind == "building"]
        building_ids = {entry.key for entry in buildings if entry.value.agency in agency_ids}  # type: ignore[attr-defined]
        calendars = {entry.value.calendar for entry in buildings if entry.key in building_ids}  # type: ignore[attr-defined]
        return max(
            (entry.revision for entry in entries if _concerns(entry, agency_ids, building_ids, calendars)), default=0
        )


def _concerns(entry: Entry, agencies: set[str], buildings: set[str], calendars: set[str]) -> bool:
    """Return whether an entry says something of agencies, of their buildings, or of the calendars of these."""
    if entry.kind == "calendar":
        return entry.key in calendars
    return bool(agencies_of(entry) & agencies or buildings_of(entry) & buildings)


def agencies_of(entry: Entry) -> frozenset[str]:
    """Return the agencies that an entry names by itself; that of its building is not among them.

    Parameters
    ----------
    entry : Entry
        Of any kind.

    Returns
    -------
    frozenset of str
        Their ids.

    Examples
    --------
    >>> from bkkenergy.portfolio.snapshot import agencies_of
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (entry,) = records.of("agency", "education")
    >>> sorted(agencies_of(entry))
    ['education']
    """
    value: Any = entry.value
    if entry.kind == "agency":
        return frozenset({entry.key})
    named = getattr(value, "agency", None)
    return frozenset({named} if named else ())


def buildings_of(entry: Entry) -> frozenset[str]:
    """Return the buildings that an entry is about.

    Parameters
    ----------
    entry : Entry
        Of any kind.

    Returns
    -------
    frozenset of str
        Their ids.

    Examples
    --------
    >>> from bkkenergy.portfolio.snapshot import buildings_of
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (entry,) = records.of("meter", "district-bangkhen.office.main")
    >>> sorted(buildings_of(entry))
    ['district-bangkhen.office']
    """
    value: Any = entry.value
    if entry.kind == "building":
        return frozenset({entry.key})
    named = getattr(value, "building", None)
    several = getattr(value, "buildings", ())
    meter = getattr(value, "meter", None) if entry.kind == "channel" else None
    of_meter = meter.rpartition(".")[0] if isinstance(meter, str) else ""
    return frozenset(name for name in (named, *several, of_meter) if name)


def portfolio_on(records: Records, day: dt.date) -> Portfolio:
    """Return the portfolio as the records have it on a day. Days between two changes share one.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    day : date
        The day.

    Returns
    -------
    Portfolio
        Agencies, buildings and calendars, by id.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.portfolio.snapshot import portfolio_on
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> len(portfolio_on(records_of(packaged_config_dir()), dt.date(2026, 1, 1)).agencies)
    12
    """
    number = bisect_right(records.change_days, day)
    known = records.known.get(number)
    if known is None:
        known = records.known[number] = _made(records, day)
    portfolio: Portfolio = known
    return portfolio


def _made(records: Records, day: dt.date) -> Portfolio:
    parts = parts_by_building(records)
    return Portfolio(
        agencies=records.on("agency", day),
        buildings={
            key: _with_parts(building, parts.get(key, ()), day) for key, building in records.on("building", day).items()
        },
        calendars=records.on("calendar", day),
        accounts=records.on("account", day),
        recipients=records.on("recipient", day),
        thresholds=records.on("threshold", day),
        pv_plants=records.on("pv_plant", day),
        contacts=records.on("contact", day),
        equipment=records.on("equipment", day),
        channels=records.on("channel", day),
        records=records,
    )


Parts = Sequence[tuple[str, tuple[Entry, ...]]]
"""Where a part is in its building, and its entries."""
PART_KINDS = {"meter": "meters", "virtual_meter": "virtual_meters", "roof": "roofs"}
"""What a building consists of, and where each is in it."""


def parts_by_building(records: Records) -> Mapping[str, Parts]:
    """Return the meters, virtual meters and roofs of each building, in their order.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.

    Returns
    -------
    mapping of str to Parts
        By the building's id: where each part is in its building, and its entries.

    Examples
    --------
    >>> from bkkenergy.portfolio.snapshot import parts_by_building
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> sorted({plural for plural, _ in parts_by_building(records)["district-bangkhen.office"]})
    ['meters', 'roofs']
    """
    parts: dict[str, list[tuple[str, tuple[Entry, ...]]]] = {}
    for kind, plural in PART_KINDS.items():
        for key, entries in records.by_kind.get(kind, {}).items():
            parts.setdefault(key.rpartition(".")[0], []).append((plural, entries))
    return parts


def building_on(records: Records, key: str, parts: Parts, day: dt.date) -> Building | None:
    """Return one building as it is on a day, with its parts.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    key : str
        The building's id.
    parts : Parts
        The building's own, of `parts_by_building`.
    day : date
        The day.

    Returns
    -------
    Building or None
        None where it is not there on that day.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.portfolio.snapshot import building_on, parts_by_building
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> key, day = "district-bangkhen.office", dt.date(2026, 1, 1)
    >>> building_on(records, key, parts_by_building(records)[key], day).id
    'district-bangkhen.office'
    """
    entry = entry_on(records.of("building", key), day)
    return None if entry is None else _with_parts(cast("Building", entry.value), parts, day)


def _with_parts(building: Building, parts: Parts, day: dt.date) -> Building:
    parts_of: dict[str, list[Any]] = {}
    for plural, entries in parts:
        entry = entry_on(entries, day)
        if entry is not None:
            value: Any = entry.value
            parts_of.setdefault(plural, []).append(value.as_roof() if plural == "roofs" else value)
    return (
        building.model_copy(update={plural: tuple(values) for plural, values in parts_of.items()})
        if parts_of
        else building
    )
