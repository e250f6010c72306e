"""What belongs to a building or a meter on a day: PV plants, channels, and the people to ask. Pure."""

from __future__ import annotations

import datetime as dt

from bkkenergy.portfolio.models import Building
from bkkenergy.portfolio.more import Contact, MeterChannel, PvPlant
from bkkenergy.portfolio.snapshot import Portfolio


def plants_of(portfolio: Portfolio, building_id: str) -> tuple[PvPlant, ...]:
    """Return the PV plants of a building.

    Parameters
    ----------
    portfolio : Portfolio
        Of the day.
    building_id : str
        The building.

    Returns
    -------
    tuple of PvPlant
        In the order in which they were entered.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.belongings import plants_of
    >>> plants_of(demonstration(), "district-bangkhen.office")
    ()
    """
    return tuple(plant for plant in portfolio.pv_plants.values() if plant.building == building_id)


def channels_of(portfolio: Portfolio, meter_id: str) -> tuple[MeterChannel, ...]:
    """Return what a meter counts or measures beside its active energy.

    Parameters
    ----------
    portfolio : Portfolio
        Of the day.
    meter_id : str
        The meter.

    Returns
    -------
    tuple of MeterChannel
        In the order in which they were entered.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.belongings import channels_of
    >>> channels_of(demonstration(), "district-bangkhen.office.main")
    ()
    """
    return tuple(channel for channel in portfolio.channels.values() if channel.meter == meter_id)


def contacts_of(portfolio: Portfolio, building: Building) -> tuple[Contact, ...]:
    """Return the people to ask about a building: its own, and where it has none, those of its agency.

    Parameters
    ----------
    portfolio : Portfolio
        Of the day.
    building : Building
        The building.

    Returns
    -------
    tuple of Contact
        In the order in which they were entered; one of another building of the agency is not among them.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.belongings import contacts_of
    >>> portfolio = demonstration()
    >>> contacts_of(portfolio, portfolio.buildings["district-bangkhen.office"])
    ()
    """
    here = tuple(contact for contact in portfolio.contacts.values() if contact.building == building.id)
    return here or tuple(
        contact
        for contact in portfolio.contacts.values()
        if contact.building is None and contact.agency == building.agency
    )


def reached_by(contact: Contact) -> str:
    """Return how a person is reached, in one line.

    Parameters
    ----------
    contact : Contact
        The person.

    Returns
    -------
    str
        Name, role, telephone, mail and LINE, as far as they are entered.

    Examples
    --------
    >>> from bkkenergy.portfolio.belongings import reached_by
    >>> from bkkenergy.portfolio.more import Contact
    >>> reached_by(Contact(id="head", agency="health", name="Khun Malee", phone="02 123 4567"))
    'Khun Malee · 02 123 4567'
    """
    line = f"LINE {contact.line}" if contact.line else ""
    return " · ".join(text for text in (contact.name, contact.role, contact.phone, contact.mail, line) if text)


def asked_about(portfolio: Portfolio, building_id: str) -> tuple[str, ...]:
    """Return how the people are reached who can be asked about a building, such as when its meter is down.

    Parameters
    ----------
    portfolio : Portfolio
        Of the day.
    building_id : str
        The building.

    Returns
    -------
    tuple of str
        A line for each; none where the building is not there.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.belongings import asked_about
    >>> asked_about(demonstration(), "district-bangkhen.office")
    ()
    """
    building = portfolio.buildings.get(building_id)
    return () if building is None else tuple(reached_by(contact) for contact in contacts_of(portfolio, building))


def mean_capacity_kwp(portfolio: Portfolio, plant: PvPlant, first: dt.date, last: dt.date) -> float:
    """Return the mean of what a plant's capacity was on each day of a period, from when it was commissioned.

    Parameters
    ----------
    portfolio : Portfolio
        With its records.
    plant : PvPlant
        As it is on any day.
    first, last : date
        The days of the period, both included.

    Returns
    -------
    float
        Capacity [kWp] over all days of the period: 0 on those on which it was not there yet.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.belongings import mean_capacity_kwp
    >>> from bkkenergy.portfolio.more import PvPlant
    >>> plant = PvPlant(id="roof", building="a.b", capacity_kwp=40, commissioned=dt.date(2026, 1, 16))
    >>> mean_capacity_kwp(demonstration(), plant, dt.date(2026, 1, 1), dt.date(2026, 1, 30))
    20.0
    """
    end = last + dt.timedelta(days=1)
    versions = portfolio.records.history("pv_plant", plant.id)
    spans = [(version.first, version.end, version.value) for version in versions] or [(first, end, plant)]
    days_kwp = 0.0
    for begins, ends, value in spans:
        begin = max(begins, first, value.commissioned or first)
        days_kwp += max((min(ends or end, end) - begin).days, 0) * value.capacity_kwp
    return days_kwp / (end - first).days
