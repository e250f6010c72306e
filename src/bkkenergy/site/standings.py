"""How each figure of the configuration stands on a day: known and sourced, expired, or read in no public source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from bkkenergy.dated import DatedFigure, Grade, SourcedFigure, Standing, holding
from bkkenergy.site.figures import RatesAndTariffs
from bkkenergy.tariff.schedule import Tariffs

DatedT = TypeVar("DatedT", bound=DatedFigure)
Place = Literal["rules.toml", "schedules.toml", "flat.toml", "factors.toml"]


@dataclass(frozen=True, slots=True)
class FigureStanding:
    """A figure, and how it stands on the day asked for.

    valid_from, valid_to : None where it holds for ever, or its end is not known. value : as a person reads it.
    """

    file: Place
    name: str
    value: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    grade: Grade
    standing: Standing
    source: str
    entered: dt.date

    @property
    def is_fault(self) -> bool:
        """Whether a release must not go out with it."""
        return self.standing != "sourced"


def standings(figures: RatesAndTariffs, day: dt.date) -> list[FigureStanding]:
    """List every figure that holds on a day, with how it stands; what has not begun is left out.

    Parameters
    ----------
    figures : RatesAndTariffs
        Rates, tariffs and factors.
    day : date
        The day asked for.

    Returns
    -------
    list of FigureStanding
        One for each kind of figure.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.site.standings import standings
    >>> rows = standings(figures(), dt.date(2026, 11, 26))
    >>> [(row.name, row.standing) for row in rows if row.is_fault]
    [('off-peak days', 'unsourced'), ('rates of mea-2-1-lv', 'expired')]
    """
    return [*_shared(figures, day), *_schedules(figures, day), *_factors(figures, day)]


def _shared(figures: RatesAndTariffs, day: dt.date) -> Iterator[FigureStanding]:
    tariffs = figures.tariffs
    yield from _current("rules.toml", "Ft", tariffs.ft, day, lambda one: f"{one.thb_per_kwh:.4f} THB/kWh")
    yield from _current("rules.toml", "VAT", tariffs.vat, day, lambda one: f"{one.ratio:.1%}".replace("%", " %"))
    yield _always("rules.toml", "rules", tariffs.rules, f"kvar {tariffs.rules.kvar_thb:g} THB")
    yield _always("rules.toml", "low side", tariffs.low_side, f"kWh and kW + {tariffs.low_side.raised_ratio:.0%}")
    yield _off_peak_days(tariffs, day)
    yield from _current(
        "flat.toml", "flat rate", figures.flat, day, lambda one: f"{one.energy_thb_per_kwh:g} THB/kWh before Ft and VAT"
    )


def _off_peak_days(tariffs: Tariffs, day: dt.date) -> FigureStanding:
    if listed := tariffs.off_peak_list(day.year):
        return _always("rules.toml", "off-peak days", listed, f"list of {day.year}")
    value = f"by the rule; no list of {day.year} is entered"
    return replace(_always("rules.toml", "off-peak days", tariffs.off_peak_days, value), standing="unsourced")


def _schedules(figures: RatesAndTariffs, day: dt.date) -> Iterator[FigureStanding]:
    for schedule in figures.tariffs.schedules.values():
        yield from _current(
            "schedules.toml", f"rates of {schedule.id}", schedule.rates, day, lambda one: f"from {one.valid_from}"
        )
        if schedule.eligible is not None:
            customers = ", ".join(schedule.eligible.customers)
            yield _always("schedules.toml", f"customers of {schedule.id}", schedule.eligible, customers)


def _factors(figures: RatesAndTariffs, day: dt.date) -> Iterator[FigureStanding]:
    for purpose, method in dict.fromkeys((factor.purpose, factor.method) for factor in figures.grid_factors):
        yield from _current(
            "factors.toml",
            f"grid factor, {purpose}" + (f" of {method}" if method else ""),
            [factor for factor in figures.grid_factors if (factor.purpose, factor.method) == (purpose, method)],
            day,
            lambda one: f"{one.kg_co2e_per_kwh:.4f} kgCO2e/kWh",
        )


def _current(
    file: Place, name: str, figures: Sequence[DatedT], day: dt.date, value: Callable[[DatedT], str]
) -> Iterator[FigureStanding]:
    if (one := holding(figures, day)) is not None:
        yield FigureStanding(
            file,
            name,
            value(one),
            one.valid_from,
            one.valid_to,
            one.grade,
            one.standing_on(day),
            one.source,
            one.entered,
        )


def _always(file: Place, name: str, figure: SourcedFigure, value: str) -> FigureStanding:
    standing: Standing = "unsourced" if figure.grade == "M" else "sourced"
    return FigureStanding(file, name, value, None, None, figure.grade, standing, figure.source, figure.entered)
