"""What a building's solar design is made from: its year of load, the weather, the figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from bkkenergy.calendar import Period, edges, past_year
from bkkenergy.carbon import factor_on
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building, MeterKind
from bkkenergy.portfolio.belongings import plants_of
from bkkenergy.readings import FloatArray
from bkkenergy.site import Site
from bkkenergy.solar.design import DesignInputs, DesignRequest
from bkkenergy.solar.load import YearLoad, filled_year, typical_year_load
from bkkenergy.solar.roofs import with_plants
from bkkenergy.solar.screening import Mapper, Screening, screen
from bkkenergy.solar.weather import Provenance, Weather, rows_at, with_components
from bkkenergy.usecases.energy import main_energy_kwh, station_hours
from bkkenergy.usecases.over import over

MIN_MEASURED_RATIO = 0.5
HALF_AN_HOUR = dt.timedelta(minutes=30)


def measured_weather(site: Site, typical: Weather, building: Building, *, today: dt.date) -> Weather:
    """Read the last twelve months by the building's weather station; its gaps are filled by the typical year.

    Irradiance is the mean of each hour, split by Boland's model. Raises InputError without a station, or
    when it measured less than half of the year.
    """
    stations = [meter for meter in building.meters if meter.kind is MeterKind.WEATHER]
    if not stations:
        raise InputError.of("no_weather_station", id=building.id)
    period = past_year(today)
    starts = edges(period, "60min")[:-1]
    hourly = station_hours(site.energy, stations[0], period)
    known = hourly["ghi_wm2"].notna().to_numpy()
    if known.mean() < MIN_MEASURED_RATIO:
        raise InputError.of("weather_station_short", id=stations[0].id, share=f"{known.mean():.0%}")
    row = rows_at(typical, starts)
    ghi_wm2 = np.where(known, np.clip(hourly["ghi_wm2"].to_numpy(), 0, None), typical.ghi_wm2[row])
    temp_c = hourly["temp_air_c"].to_numpy()
    dni_wm2, dhi_wm2 = with_components(
        starts + HALF_AN_HOUR, ghi_wm2, latitude_deg=building.latitude_deg, longitude_deg=building.longitude_deg
    )
    measured = f"{stations[0].id}, {period.first_day} to {period.last_day}, {known.mean():.0%} measured"
    source = f"{measured}; the rest, wind and rain: {typical.provenance.source}"
    source_th = (
        f"{stations[0].id} วัดได้ {known.mean():.0%} ของ {Words('th').date(period.first_day)} ถึง "
        f"{Words('th').date(period.last_day)} ส่วนที่เหลือ ลม และฝน: {typical.provenance.citation.said('th')}"
    )
    return Weather(
        starts=starts,
        ghi_wm2=ghi_wm2,
        dni_wm2=dni_wm2,
        dhi_wm2=dhi_wm2,
        temp_air_c=np.where(np.isfinite(temp_c), temp_c, typical.temp_air_c[row]),
        wind_ms=typical.wind_ms[row],
        rain_mm=typical.rain_mm[row],
        humidity_percent=typical.humidity_percent[row],
        latitude_deg=building.latitude_deg,
        longitude_deg=building.longitude_deg,
        elevation_m=typical.elevation_m,
        provenance=Provenance(
            "measured", "วัดจริงที่อาคาร", "Measured at the building", source, "Boland et al. 2008", source_th
        ),
    )


def year_load(site: Site, building: Building, *, today: dt.date) -> YearLoad:
    """Read the building's last twelve months by quarter-hours: measured, or typical where no meter measured."""
    period = past_year(today)
    starts = edges(period, "15min")[:-1]
    calendar = site.portfolio.days_open(building)
    if building.main_meters:
        measured = filled_year(_grid_kwh(site, building, period), starts, calendar.is_open)
        if measured is not None:
            return measured
    typical = site.solar.typical_loads.wm2.get(building.type) or site.solar.typical_loads.wm2["other"]
    return typical_year_load(starts, building.gross_floor_area_m2, typical, calendar.open_hours)


def load_there(site: Site, asked: tuple[str, dt.date]) -> YearLoad:
    """Read a building's year by its id, as of a day."""
    return year_load(site, site.portfolio.buildings[asked[0]], today=asked[1])


def _grid_kwh(site: Site, building: Building, period: Period) -> FloatArray:
    """Return (n,) what the grid delivers in quarter-hours; unknown where PV already there sends out."""
    total = main_energy_kwh(*over(site.energy, site.portfolio, building, period), period)
    return np.where(total < 0, np.nan, total)


def design_inputs(
    site: Site,
    weather: Weather,
    building: Building,
    wish: DesignRequest,
    *,
    today: dt.date,
    read_load: Callable[[Site, Building], YearLoad] | None = None,
) -> DesignInputs:
    """Gather everything for the design of a building, one of the portfolio or a changed one.

    Raises StoreUnavailable.
    """
    load = read_load(site, building) if read_load else year_load(site, building, today=today)
    building = _with_what_is_there(site, building)
    return DesignInputs(
        building=building,
        weather=weather,
        load=load,
        schedule=site.figures.tariffs.schedules[site.portfolio.schedule_of(building)],
        tariffs=site.figures.tariffs,
        factor=factor_on(site.figures.grid_factors, today, "footprint"),
        config=site.solar,
        wish=wish,
        day=today,
    )


def _with_what_is_there(site: Site, building: Building) -> Building:
    """Return a building whose own roofs know the portfolio's PV plants; roofs that a person sketched have none."""
    known = site.portfolio.buildings.get(building.id)
    if known is None or known.roofs != building.roofs:
        return building
    return with_plants(building, plants_of(site.portfolio, building.id))


def screened(
    site: Site,
    weather: Weather,
    buildings: Sequence[Building],
    *,
    today: dt.date,
    on_read: Callable[[], object],
    module_id: str = "mono-550",
    spread: Mapper = map,
    with_site: Callable[..., Iterator[Any]] | None = None,
) -> Screening:
    """Return the ranking of buildings' roofs against their loads. on_read : called for each building as it is read.

    with_site : reads loads on a cluster, in the order of buildings; without it they are read here.
    """
    asked = [building.id for building in buildings]
    there = iter(()) if with_site is None else with_site(load_there, [(name, today) for name in asked])
    loads: Iterator[tuple[str, YearLoad]] = zip(asked, there, strict=False)

    def read_load(building: Building) -> YearLoad:
        on_read()
        if with_site is None:
            return year_load(site, building, today=today)
        return next(load for name, load in loads if name == building.id)

    return screen(
        [_with_what_is_there(site, building) for building in buildings],
        weather,
        site.solar,
        site.figures.tariffs,
        factor_on(site.figures.grid_factors, today, "footprint"),
        read_load,
        schedule_of=site.portfolio.schedule_of,
        module_id=module_id,
        spread=spread,
    )
