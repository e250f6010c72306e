"""The terms of a project that an engineer asks for: under what surplus is sold, and money other than the site's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from bkkenergy.dated import holding
from bkkenergy.errors import InputError
from bkkenergy.solar.assumptions import ZERO_EXPORT, ExportScheme, FinanceAssumptions, SolarConfig

NUMBERS = tuple(
    name for name in FinanceAssumptions.model_fields if name not in {"capex", "source", "source_th", "entered"}
)
"""What can be assumed otherwise, by name; export_scheme is chosen by its id."""
WITHOUT_WINDOWS: dict[str, object] = {"export_on_peak_thb_per_kwh": None, "export_off_peak_thb_per_kwh": None}


@dataclass(frozen=True, slots=True)
class ExportOffer:
    """A scheme under which a building could sell what its design leaves over. income_thb : of a year."""

    scheme: ExportScheme
    income_thb: float


def assumed(texts: Iterable[str]) -> dict[str, float]:
    """Parse assumptions that are given as NAME=VALUE.

    Parameters
    ----------
    texts : iterable of str
        Such as "discount_rate=0.03".

    Returns
    -------
    dict of str to float
        Values by name.

    Raises
    ------
    InputError
        If one is not of that form, or not known.

    Examples
    --------
    >>> from bkkenergy.solar.terms import assumed
    >>> assumed(["loan_share=0.7", "loan_years=10"])
    {'loan_share': 0.7, 'loan_years': 10.0}
    """
    values: dict[str, float] = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in NUMBERS or name == "export_scheme":
            known = ", ".join(one for one in NUMBERS if one != "export_scheme")
            raise InputError.of("no_assumption", given=name, known=known)
        try:
            values[name] = float(value)
        except ValueError:
            raise InputError.of("assumption_not_number", name=name, given=value) from None
    return values


def with_terms(
    config: SolarConfig,
    building_type: str,
    *,
    export: str | None = None,
    values: Mapping[str, float] | None = None,
    day: dt.date | None = None,
) -> SolarConfig:
    """Return a configuration with the terms of one project.

    Parameters
    ----------
    config : SolarConfig
        The site's.
    building_type : str
        Of the building: a scheme may be open to some alone.
    export : str, optional
        The scheme under which surplus is sold, by its id; "none" holds it back whatever the site's own price.
    values : mapping of str to float, optional
        Assumptions that replace the site's, by name. One price for all hours replaces those of the windows too.
    day : date, optional
        On which a scheme is joined; by default its newest terms hold.

    Returns
    -------
    SolarConfig
        The configuration with other finance.

    Raises
    ------
    InputError
        If a scheme is not known, not open to the building or not on that day, or a value cannot be used.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.terms import with_terms
    >>> with_terms(solar_config(), "school", export="school-hospital").finance.export_thb_per_kwh
    1.0
    """
    changed: dict[str, object] = {}
    if export:
        changed = _sold_under(config, building_type, export, day)
    given = dict(values or {})
    if "export_thb_per_kwh" in given:
        changed |= WITHOUT_WINDOWS
    changed |= given
    if not changed:
        return config
    try:
        finance = FinanceAssumptions.model_validate(config.finance.model_dump() | changed)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError.of("assumption_not_possible", name=name, given=first["input"], why=first["msg"]) from None
    return config.model_copy(update={"finance": finance})


def _sold_under(config: SolarConfig, building_type: str, export: str, day: dt.date | None) -> dict[str, object]:
    """Return the fields of finance that a scheme sets. Raises InputError."""
    if export == ZERO_EXPORT:
        return WITHOUT_WINDOWS | {"export_thb_per_kwh": 0.0, "is_export_netted": False, "export_scheme": ""}
    scheme = scheme_named(config, export, day)
    if not scheme.is_offered:
        raise InputError.of("export_not_offered", scheme=scheme.id)
    if not scheme.is_open_to(building_type):
        raise InputError.of("export_not_open", scheme=scheme.id, open_to=", ".join(scheme.building_types))
    return {
        "export_thb_per_kwh": scheme.thb_per_kwh,
        "export_on_peak_thb_per_kwh": scheme.on_peak_thb_per_kwh,
        "export_off_peak_thb_per_kwh": scheme.off_peak_thb_per_kwh,
        "is_export_netted": scheme.is_netted_by_month,
        "export_years": scheme.years,
        "export_scheme": scheme.id,
    }


def scheme_named(config: SolarConfig, scheme_id: str, day: dt.date | None = None) -> ExportScheme:
    """Find a scheme by its id, as it holds on a day.

    Parameters
    ----------
    config : SolarConfig
        The site's.
    scheme_id : str
        The id.
    day : date, optional
        The day; by default the newest terms are taken.

    Returns
    -------
    ExportScheme
        The scheme.

    Raises
    ------
    InputError
        If none has this id, or it has not begun or has ended.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.terms import scheme_named
    >>> scheme_named(solar_config(), "school-hospital").years
    10
    """
    records = [scheme for scheme in config.export_schemes if scheme.id == scheme_id]
    if not records:
        known = ", ".join(dict.fromkeys(scheme.id for scheme in config.export_schemes)) or "–"
        raise InputError.of("no_export_scheme", given=scheme_id, known=known)
    scheme = holding(records, day or dt.date.max)
    if scheme is None:
        first = min(record.valid_from for record in records)
        raise InputError.of("export_not_begun", scheme=scheme_id, first=first)
    if day is not None and scheme.valid_to is not None and day > scheme.valid_to:
        raise InputError.of("export_ended", scheme=scheme_id, last=scheme.valid_to)
    return scheme


def offers(
    config: SolarConfig,
    building_type: str,
    surplus_kwh: float,
    *,
    on_peak_kwh: float = 0.0,
    day: dt.date | None = None,
) -> tuple[ExportOffer, ...]:
    """List the schemes under which a design without export could sell what it leaves over.

    Parameters
    ----------
    config : SolarConfig
        With the terms of the design.
    building_type : str
        Of the building.
    surplus_kwh : float
        What is left over in a year [kWh].
    on_peak_kwh : float
        The part of it in on-peak hours [kWh].
    day : date, optional
        On which a scheme would be joined; by default every scheme counts that has not ended.

    Returns
    -------
    tuple of ExportOffer
        Schemes that are open to the building, with what they would pay; empty where surplus is sold already, or there
        is none.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.terms import offers
    >>> [offer.income_thb for offer in offers(solar_config(), "school", 5_000.0)], offers(solar_config(), "office", 5.0)
    ([5000.0], ())
    """
    if config.finance.export.is_allowed or surplus_kwh < 1:
        return ()
    return tuple(
        ExportOffer(
            scheme,
            on_peak_kwh * scheme.terms.on_peak_thb_per_kwh
            + (surplus_kwh - on_peak_kwh) * scheme.terms.off_peak_thb_per_kwh,
        )
        for scheme in schemes_on(config, building_type, day)
        if not scheme.is_netted_by_month
    )


def schemes_on(config: SolarConfig, building_type: str, day: dt.date | None) -> tuple[ExportScheme, ...]:
    """List the schemes that a building can join on a day.

    Parameters
    ----------
    config : SolarConfig
        The site's.
    building_type : str
        Of the building.
    day : date or None
        The day; None takes the newest terms of each.

    Returns
    -------
    tuple of ExportScheme
        Those that are offered, open to it, begun and not ended, each id once.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.terms import schemes_on
    >>> [scheme.id for scheme in schemes_on(solar_config(), "school", None)]
    ['school-hospital']
    """
    on = day or dt.date.max
    newest = [
        holding([record for record in config.export_schemes if record.id == name], on)
        for name in dict.fromkeys(scheme.id for scheme in config.export_schemes)
    ]
    return tuple(
        scheme
        for scheme in newest
        if scheme is not None
        and scheme.is_open_to(building_type)
        and (day is None or scheme.valid_to is None or day <= scheme.valid_to)
    )
