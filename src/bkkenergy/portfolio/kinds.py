"""The kinds of record that the portfolio itself knows. Others join them: what a plan or savings are made of."""

from __future__ import annotations

from bkkenergy.portfolio.models import Agency, Building, Meter, OpeningCalendar, Roof, VirtualMeter
from bkkenergy.portfolio.more import (
    Contact,
    ElectricityAccount,
    Equipment,
    MeterChannel,
    PortfolioRecipient,
    PvPlant,
    Threshold,
)
from bkkenergy.portfolio.records import Kind, Kinds
from bkkenergy.tomlfiles import Frozen

BUILDING_PARTS = frozenset({"meters", "virtual_meters", "roofs"})


class BuildingRoof(Roof):
    """A roof with the building that it is on."""

    building: str

    def as_roof(self) -> Roof:
        """Return the roof as its building has it."""
        return Roof.model_construct(**{name: getattr(self, name) for name in Roof.model_fields})


def id_of(value: Frozen) -> str:
    """Return the id of a value that has one.

    Parameters
    ----------
    value : Frozen
        Of a kind whose values have an id.

    Returns
    -------
    str
        The id.

    Examples
    --------
    >>> from bkkenergy.portfolio import Agency
    >>> from bkkenergy.portfolio.kinds import id_of
    >>> id_of(Agency(id="health", name_th="สำนักอนามัย", name_en="Health"))
    'health'
    """
    return str(value.id)  # type: ignore[attr-defined]


def _roof_key(roof: BuildingRoof) -> str:
    return f"{roof.building}.{roof.id}"


def _channel_key(channel: MeterChannel) -> str:
    return f"{channel.meter}.{channel.name}"


KINDS: Kinds = {
    kind.name: kind
    for kind in (
        Kind("agency", Agency, id_of),
        Kind("calendar", OpeningCalendar, id_of),
        Kind("building", Building, id_of, parts=BUILDING_PARTS),
        Kind("meter", Meter, id_of, plural="meters"),
        Kind("virtual_meter", VirtualMeter, id_of, plural="virtual_meters"),
        Kind("roof", BuildingRoof, _roof_key, plural="roofs"),
        Kind("account", ElectricityAccount, id_of),
        Kind("channel", MeterChannel, _channel_key),
        Kind("pv_plant", PvPlant, id_of),
        Kind("contact", Contact, id_of),
        Kind("recipient", PortfolioRecipient, id_of),
        Kind("threshold", Threshold, id_of),
        Kind("equipment", Equipment, id_of),
    )
}
"""By name, in the order in which one needs the other."""
