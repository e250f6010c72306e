"""Solar designs as pages and the API ask for them: a sketch of a request in, a design out, cached for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from bkkenergy.errors import InputError
from bkkenergy.portfolio import Roof
from bkkenergy.reports.solar.gather import design_inputs, screened
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.design import DesignRequest, SolarDesign, design
from bkkenergy.solar.screening import Screening
from bkkenergy.solar.terms import assumed
from bkkenergy.solar.weather import Weather
from bkkenergy.texts import Term, catalogue
from bkkenergy.web.context import AppContext

KEPT_S, DAY_S = 600.0, 86_400.0
MAX_KWP = 100_000.0
MAX_BATTERY_KWH = 100_000.0


@dataclass(frozen=True, slots=True)
class Sketch:
    """What an engineer fills in, as text. kwp : a size, "max" for the whole roof, "" for the best.

    area_m2, tilt_deg, azimuth_deg : another roof than the portfolio's, where an area is given. export : the id of a
    scheme under which surplus is sold. assume : NAME=VALUE of finance.
    """

    building: str
    kwp: str = ""
    mounting: str = "flush"
    area_m2: str = ""
    tilt_deg: str = "10"
    azimuth_deg: str = "180"
    battery_kwh: str = ""
    export: str = ""
    assume: tuple[str, ...] = ()

    @property
    def query(self) -> dict[str, str]:
        """Return the form's fields that are filled in."""
        return {name: value for name in FIELDS if (value := getattr(self, name))}

    def but(self, **fields: str) -> Sketch:
        """Return the sketch with other fields, each as text."""
        return Sketch(**{**self.query, **fields}, assume=self.assume)


FIELDS = tuple(name for name in Sketch.__dataclass_fields__ if name != "assume")


def typical_weather(here: AppContext) -> Weather:
    """Return the typical year's weather. Raises ConfigError."""
    weather: Weather = here.cached(("weather",), DAY_S, lambda: typical_year(here.opened.solar.climate))
    return weather


def designed(here: AppContext, sketch: Sketch) -> SolarDesign:
    """Return the design of a sketch. Raises InputError, which says what in it cannot be."""
    if sketch.mounting not in {"flush", "racked"}:
        raise InputError.of("no_mounting", given=sketch.mounting)
    wish = DesignRequest(
        _size(sketch.kwp), mounting=cast("Any", sketch.mounting), battery_kwh=_battery_kwh(sketch.battery_kwh),
        export=sketch.export or None, assume=tuple(assumed(sketch.assume).items()),
    )  # fmt: skip
    building = here.portfolio.buildings[sketch.building]
    drawn = building.model_copy(update={"roofs": (_roof(sketch),)}) if sketch.area_m2 else building

    def make() -> SolarDesign:
        return design(design_inputs(here.opened, typical_weather(here), drawn, wish, today=here.today))

    solar_design: SolarDesign = here.cached(("design", sketch, here.today), KEPT_S, make)
    return solar_design


def ranked_roofs(here: AppContext) -> Screening:
    """Rank every roof of the portfolio; computed once a day."""
    buildings = list(here.portfolio.buildings.values())
    screening: Screening = here.cached(
        ("screening", here.today),
        DAY_S,
        lambda: screened(here.opened, typical_weather(here), buildings, today=here.today, on_read=lambda: None),
    )
    return screening


def _size(kwp: str) -> float | str | None:
    if kwp in {"", "max"}:
        return kwp or None
    size = _number("size", kwp)
    if not 0 < size < MAX_KWP:
        raise InputError.of("size_not_possible", kwp=kwp, max_kwp=f"{MAX_KWP:,.0f}")
    return size


def _battery_kwh(text: str) -> float | None:
    if not text:
        return None
    kwh = _number("battery", text)
    if not 0 <= kwh < MAX_BATTERY_KWH:
        raise InputError.of("battery_not_possible", kwh=text, max_kwh=f"{MAX_BATTERY_KWH:,.0f}")
    return kwh


def _number(what: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError.of("no_number", field=Term(what, f"field.{what}"), given=text) from None


def _roof(sketch: Sketch) -> Roof:
    names = ("area_m2", "tilt_deg", "azimuth_deg")
    try:
        return Roof.model_validate({"id": "drawn"} | {name: _number(name, getattr(sketch, name)) for name in names})
    except ValidationError as error:
        raise field_fault(error) from None


def field_fault(error: ValidationError) -> InputError:
    """Return the first fault of a form's fields as an error that names the field and its limit."""
    first = error.errors()[0]
    field, limits = str(first["loc"][0]), first.get("ctx", {})
    limit = next((limits[name] for name in ("gt", "ge", "lt", "le") if name in limits), "")
    known = f"error.field_{first['type']}" in catalogue("en")
    kind = first["type"] if known else "not_valid"
    return InputError.of(f"field_{kind}", field=Term(field, f"field.{field}"), limit=limit, given=first["input"])
