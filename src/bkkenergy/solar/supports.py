"""What modules stand on that is no roof: a canopy over a car park, floats on a pond; what it costs and changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bkkenergy.errors import InputError
from bkkenergy.portfolio import Roof
from bkkenergy.solar.assumptions import FinanceAssumptions, Support
from bkkenergy.solar.chosen import WiringNote
from bkkenergy.solar.layout import Layout


def support_of(roof: Roof, supports: Sequence[Support]) -> Support | None:
    """Return what a roof's modules stand on; None where it is the roof itself.

    Parameters
    ----------
    roof : Roof
        A roof of the portfolio.
    supports : sequence of Support
        Of the configuration.

    Returns
    -------
    Support or None
        Its price, cooling and clearances.

    Raises
    ------
    InputError
        If the configuration has no such support.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.supports import support_of
    >>> pond = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180, support="floating")
    >>> support_of(pond, solar_config().supports).cooling
    'flush'
    """
    if roof.support == "roof":
        return None
    for support in supports:
        if support.id == roof.support:
            return support
    raise InputError.of("no_support", support=roof.support, roof=roof.id)


def with_structures(money: FinanceAssumptions, layouts: Iterable[Layout]) -> FinanceAssumptions:
    """Return prices with what canopies and floats cost more, by the share of the power that stands on them.

    Parameters
    ----------
    money : FinanceAssumptions
        Prices of roofs by size [THB/kWp].
    layouts : iterable of Layout
        Where modules lie.

    Returns
    -------
    FinanceAssumptions
        The same where all modules lie on roofs.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.supports import with_structures
    >>> money = solar_config().finance
    >>> with_structures(money, []) is money
    True
    """
    sizes = [(layout.capacity_kwp, layout.support.capex_ratio if layout.support else 1.0) for layout in layouts]
    whole_kwp = sum(kwp for kwp, _ in sizes)
    ratio = sum(kwp * over for kwp, over in sizes) / whole_kwp if whole_kwp else 1.0
    if ratio == 1:
        return money
    names = ("thb_per_kwp", "low_thb_per_kwp", "high_thb_per_kwp")
    points = tuple(
        point.model_copy(update={name: thb * ratio for name in names if (thb := getattr(point, name)) is not None})
        for point in money.capex
    )
    return money.model_copy(update={"capex": points})


def support_notes(layouts: Mapping[str, Layout]) -> Iterator[WiringNote]:
    """Say of each canopy and pond what its design rests on.

    Parameters
    ----------
    layouts : mapping of str to Layout
        Where modules lie, by roof.

    Yields
    ------
    WiringNote
        One for each that is no roof.

    Examples
    --------
    >>> from bkkenergy.solar.supports import support_notes
    >>> list(support_notes({}))
    []
    """
    for roof, layout in layouts.items():
        if (support := layout.support) is not None:
            yield WiringNote(
                support.id,
                {
                    "roof": roof,
                    "more": f"{support.capex_ratio - 1:.0%}",
                    "height": f"{support.clear_height_m:g}",
                    "albedo": f"{support.ground_albedo:.0%}",
                },
            )
