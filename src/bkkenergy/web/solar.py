"""Solar designs as pages and the API ask for them: a sketch of a request in, a design out, cached for a while."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from bkkenergy.errors import InputError
from bkkenergy.portfolio import Roof
from bkkenergy.reports.solar.gather import design_inputs, screened
from bkkenergy.site import Site
from bkkenergy.solar.cleaning import MAX_COUNT
from bkkenergy.solar.design import DesignRequest, SolarDesign, design
from bkkenergy.solar.screening import Screening
from bkkenergy.solar.terms import assumed
from bkkenergy.solar.weather import Weather
from bkkenergy.texts import Term, catalogue
from bkkenergy.usecases.weather import TYPICAL, named_weather
from bkkenergy.usecases.weatherfiles import FILE, stored_weather, weather_file_of
from bkkenergy.web.apart import with_site, workers
from bkkenergy.web.context import AppContext

KEPT_S, DAY_S = 600.0, 86_400.0
MAX_KWP = 100_000.0
MAX_BATTERY_KWH = 100_000.0
MAX_EXPORT_THB_PER_KWH = 20.0


@dataclass(frozen=True, slots=True)
class Sketch:
    """What an engineer fills in, as text. kwp : a size, "max" for the whole roof, "" for the best.

    area_m2, tilt_deg, azimuth_deg : another roof than the portfolio's, where an area is given. export : the id of a
    scheme under which surplus is sold. on_peak_thb, off_peak_thb : a price of surplus in each window instead; netting :
    "month" where a month's surplus offsets what it buys. cleanings : a year. weather : a level of the typical
    year, or a stored file of the building's agency, such as file:0d5b1c7aa2e4.
    assume : NAME=VALUE of finance.
    """

    building: str
    kwp: str = ""
    mounting: str = "flush"
    area_m2: str = ""
    tilt_deg: str = "10"
    azimuth_deg: str = "180"
    battery_kwh: str = ""
    export: str = ""
    on_peak_thb: str = ""
    off_peak_thb: str = ""
    netting: str = ""
    cleanings: str = ""
    weather: str = ""
    assume: tuple[str, ...] = ()

    @property
    def query(self) -> dict[str, str]:
        """Return the form's fields that are filled in."""
        return {name: value for name in FIELDS if (value := getattr(self, name))}

    def but(self, **fields: str) -> Sketch:
        """Return the sketch with other fields, each as text."""
        return Sketch(**{**self.query, **fields}, assume=self.assume)


FIELDS = tuple(name for name in Sketch.__dataclass_fields__ if name != "assume")


def typical_weather(here: AppContext, level: str = "") -> Weather:
    """Return the typical year's weather, or that of a part of the city. Raises ConfigError, InputError."""
    name = f"{TYPICAL}:{level}" if level else TYPICAL
    weather: Weather = here.cached(("weather", level), DAY_S, lambda: named_weather(here.opened.config, name, None))
    return weather


def weather_of_sketch(here: AppContext, sketch: Sketch) -> Weather:
    """Return the weather that a sketch names. Raises ConfigError, InputError."""
    if not sketch.weather.startswith(FILE):
        return typical_weather(here, sketch.weather)
    state, climate = here.opened.state, here.opened.solar.climate
    stored = weather_file_of(state, sketch.weather, here.portfolio.buildings[sketch.building].agency)
    weather: Weather = here.cached(("weather", stored), KEPT_S, lambda: stored_weather(state, climate, stored))
    return weather


def designed(here: AppContext, sketch: Sketch) -> SolarDesign:
    """Return the design of a sketch. Raises InputError, which says what in it cannot be."""
    if sketch.mounting not in {"flush", "racked"}:
        raise InputError.of("no_mounting", given=sketch.mounting)
    wish = DesignRequest(
        _size(sketch.kwp), mounting=cast("Any", sketch.mounting), battery_kwh=_battery_kwh(sketch.battery_kwh),
        export=sketch.export or None, assume=(*assumed(sketch.assume).items(), *_own_export(sketch)),
        cleanings=_cleanings(sketch.cleanings),
    )  # fmt: skip
    building = here.portfolio.buildings[sketch.building]
    drawn = building.model_copy(update={"roofs": (_roof(sketch),)}) if sketch.area_m2 else building

    weather = weather_of_sketch(here, sketch)

    def make() -> SolarDesign:
        return workers().run(design, design_inputs(here.opened, weather, drawn, wish, today=here.today))

    solar_design: SolarDesign = here.cached(("design", sketch, here.today), KEPT_S, make)
    return solar_design


def ranked_roofs(here: AppContext) -> Screening:
    """Rank every roof of the portfolio; computed once a day. Raises TooMuchWork."""
    screening: Screening = here.cached(
        ("screening", here.today),
        DAY_S,
        lambda: workers().run(with_site, here.opened.config, _screened, typical_weather(here), here.today),
    )
    return screening


def _screened(site: Site, weather: Weather, today: dt.date) -> Screening:
    """Rank every roof: loads of a thousand buildings are read where this runs."""
    return screened(site, weather, list(site.portfolio.buildings.values()), today=today, on_read=lambda: None)


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


def _own_export(sketch: Sketch) -> tuple[tuple[str, float], ...]:
    """Return the terms of export that are filled in beside a scheme: prices of the windows, and netting."""
    if sketch.netting not in {"", "month"}:
        raise InputError.of("no_netting", given=sketch.netting)
    prices = [
        (name, _price(text))
        for name, text in (
            ("export_on_peak_thb_per_kwh", sketch.on_peak_thb),
            ("export_off_peak_thb_per_kwh", sketch.off_peak_thb),
        )
        if text
    ]
    return (*prices, *((("is_export_netted", 1.0),) if sketch.netting else ()))


def _price(text: str) -> float:
    thb = _number("export_price", text)
    if not 0 <= thb <= MAX_EXPORT_THB_PER_KWH:
        raise InputError.of("export_price_not_possible", given=text, max_thb=f"{MAX_EXPORT_THB_PER_KWH:.0f}")
    return thb


def _cleanings(text: str) -> int | None:
    if not text:
        return None
    count = _number("cleanings", text)
    if not count.is_integer():
        raise InputError.of("cleanings_not_possible", given=text, most=MAX_COUNT)
    return int(count)


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
