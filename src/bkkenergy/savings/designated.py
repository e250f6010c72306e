"""Designated buildings: by what is installed or approved, or by a year's energy; and what the law asks of them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from bkkenergy.dated import SourcedFigure

MJ_PER_KWH = 3.6
Standing = Literal["unknown", "below", "near", "reached"]


class Designated(SourcedFigure):
    """From where on a building is designated under the Energy Conservation Promotion Act, and its duties.

    transformer_kva, meter_kw : installed, or approved, under one house number. persons : responsible for energy below
    `large_kw`; large_persons : from there on. report_month : of the year's report.
    """

    transformer_kva: Annotated[float, Field(gt=0)]
    meter_kw: Annotated[float, Field(gt=0)]
    energy_mj_a_year: Annotated[float, Field(gt=0)]
    warn_at_ratio: Annotated[float, Field(gt=0, le=1)]
    large_kw: Annotated[float, Field(gt=0)]
    persons: Annotated[int, Field(ge=1)]
    large_persons: Annotated[int, Field(ge=1)]
    report_month: Annotated[int, Field(ge=1, le=12)]

    def persons_of(self, *, installed_kva: float | None, approved_kw: float | None) -> int | None:
        """Return how many persons are responsible; None where the size is not known.

        Transformers are compared by the decree's own pair: as many kVA as it takes for as many kW.
        """
        sizes_kw = [] if approved_kw is None else [approved_kw]
        if installed_kva is not None:
            sizes_kw.append(installed_kva / self.transformer_kva * self.meter_kw)
        if not sizes_kw:
            return None
        return self.large_persons if max(sizes_kw) >= self.large_kw else self.persons

    def next_report(self, day: dt.date) -> dt.date:
        """Return the last day of the month in which the next report is due."""
        year = day.year + (day.month > self.report_month)
        return dt.date(year + self.report_month // 12, self.report_month % 12 + 1, 1) - dt.timedelta(days=1)


def standing(
    designated: Designated, *, installed_kva: float | None, approved_kw: float | None, energy_kwh_a_year: float
) -> Standing:
    """Judge whether a building is designated under the Energy Conservation Promotion Act, or close to it.

    What counts is installed or approved; a measured peak is no criterion.

    Parameters
    ----------
    designated : Designated
        From which size on a building is designated.
    installed_kva : float or None
        Sum of its transformers [kVA]; None where none is entered.
    approved_kw : float or None
        Sum of what its electricity accounts are approved for [kW]; None where none says it.
    energy_kwh_a_year : float
        Energy of a year [kWh].

    Returns
    -------
    {"unknown", "below", "near", "reached"}
        Where it stands; "unknown" where its energy is below and its size is not entered.

    References
    ----------
    .. [1] Energy Conservation Promotion Act, B.E. 2535; Royal Decree on Designated Buildings, B.E. 2538.

    Examples
    --------
    >>> from bkkenergy.savings.designated import standing
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> from bkkenergy.site.savings_config import load_savings
    >>> rule = load_savings(packaged_config_dir()).designated
    >>> standing(rule, installed_kva=2_000.0, approved_kw=None, energy_kwh_a_year=300_000.0)
    'reached'
    >>> standing(rule, installed_kva=None, approved_kw=None, energy_kwh_a_year=300_000.0)
    'unknown'
    """
    shares = [energy_kwh_a_year * MJ_PER_KWH / designated.energy_mj_a_year]
    shares += [] if installed_kva is None else [installed_kva / designated.transformer_kva]
    shares += [] if approved_kw is None else [approved_kw / designated.meter_kw]
    if max(shares) >= 1:
        return "reached"
    if max(shares) >= designated.warn_at_ratio:
        return "near"
    return "below" if len(shares) > 1 else "unknown"
