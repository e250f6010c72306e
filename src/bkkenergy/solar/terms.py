"""The terms of a project that an engineer asks for: under what surplus is sold, and money other than the site's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from bkkenergy.errors import InputError
from bkkenergy.solar.assumptions import ExportScheme, FinanceAssumptions, SolarConfig

NUMBERS = tuple(
    name for name in FinanceAssumptions.model_fields if name not in {"capex", "source", "source_th", "entered"}
)
"""What can be assumed otherwise, by name; export_scheme is chosen by its id."""


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
    config: SolarConfig, building_type: str, *, export: str | None = None, values: Mapping[str, float] | None = None
) -> SolarConfig:
    """Return a configuration with the terms of one project.

    Parameters
    ----------
    config : SolarConfig
        The site's.
    building_type : str
        Of the building: a scheme may be open to some alone.
    export : str, optional
        The scheme under which surplus is sold, by its id.
    values : mapping of str to float, optional
        Assumptions that replace the site's, by name.

    Returns
    -------
    SolarConfig
        The configuration with other finance.

    Raises
    ------
    InputError
        If a scheme is not known or not open to the building, or a value cannot be used.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.terms import with_terms
    >>> with_terms(solar_config(), "school", export="school-hospital").finance.export_thb_per_kwh
    1.0
    """
    changed: dict[str, object] = {}
    if export:
        scheme = scheme_named(config, export)
        if not scheme.is_open_to(building_type):
            raise InputError.of("export_not_open", scheme=scheme.id, open_to=", ".join(scheme.building_types))
        changed = {
            "export_thb_per_kwh": scheme.thb_per_kwh, "export_years": scheme.years, "export_scheme": scheme.id,
        }  # fmt: skip
    changed |= dict(values or {})
    if not changed:
        return config
    try:
        finance = FinanceAssumptions.model_validate(config.finance.model_dump() | changed)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError.of("assumption_not_possible", name=name, given=first["input"], why=first["msg"]) from None
    return config.model_copy(update={"finance": finance})


def scheme_named(config: SolarConfig, scheme_id: str) -> ExportScheme:
    """Find a scheme by its id.

    Parameters
    ----------
    config : SolarConfig
        The site's.
    scheme_id : str
        The id.

    Returns
    -------
    ExportScheme
        The scheme.

    Raises
    ------
    InputError
        If none has this id.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.terms import scheme_named
    >>> scheme_named(solar_config(), "school-hospital").years
    10
    """
    for scheme in config.export_schemes:
        if scheme.id == scheme_id:
            return scheme
    known = ", ".join(scheme.id for scheme in config.export_schemes) or "–"
    raise InputError.of("no_export_scheme", given=scheme_id, known=known)


def offers(config: SolarConfig, building_type: str, surplus_kwh: float) -> tuple[ExportOffer, ...]:
    """List the schemes under which a design without export could sell what it leaves over.

    Parameters
    ----------
    config : SolarConfig
        With the terms of the design.
    building_type : str
        Of the building.
    surplus_kwh : float
        What is left over in a year [kWh].

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
    if config.finance.export_thb_per_kwh > 0 or surplus_kwh < 1:
        return ()
    return tuple(
        ExportOffer(scheme, surplus_kwh * scheme.thb_per_kwh)
        for scheme in config.export_schemes
        if scheme.is_open_to(building_type)
    )
