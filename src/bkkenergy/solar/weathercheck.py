"""What is wrong with a weather, or odd about it, for a design at a place: refused, or said beside the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.lazy import pvlib
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.solar.climate import Climate
from bkkenergy.solar.weather import Weather, year_numbers
from bkkenergy.solar.weatheryears import MIN_YEARS, named_years, year_names
from bkkenergy.texts import Lang, filled

SOLAR_CONSTANT_WM2 = 1361.0
NIGHT_WM2 = 5.0
DAY_ELEVATION_DEG = 5.0
CLOSURE_ELEVATION_DEG = 10.0
EARTH_RADIUS_KM = 6371.0
CACHED_CHECKS = 8
BOUNDS: Mapping[str, tuple[float, float]] = {
    "ghi_wm2": (-1.0, 1500.0),
    "dhi_wm2": (-1.0, 1500.0),
    "dni_wm2": (-1.0, 1500.0),
    "temp_air_c": (-40.0, 55.0),
    "wind_ms": (0.0, 60.0),
    "humidity_percent": (0.0, 110.0),
    "rain_mm": (0.0, 300.0),
}
"""What a value of an hour can be, in any place that has roofs."""


class Tolerance(NamedTuple):
    """From where on something is said, and from where on the weather is refused."""

    said: float
    refused: float


DISTANCE_KM = Tolerance(50.0, 300.0)
"""A satellite's cell is 2 to 30 km wide. Sunshine around Bangkok differs by 10 % within 30 km (DEDE, 2023)."""
SHIFT_MIN = Tolerance(10.0, 45.0)
"""Of the days' middle against solar noon: half an hour is a label at the wrong end, an hour a wrong time zone."""
CLOSURE_RATIO = Tolerance(0.05, 0.2)
"""Mean |DNI cos z + DHI - GHI| over mean GHI. Half an hour of stamps gives 0.05 to 0.1, exchanged columns 0.5."""
IMPOSSIBLE_RATIO = Tolerance(0.0, 0.01)
"""Share of values beyond what their column can be."""
BRIGHT_RATIO = Tolerance(0.002, 0.02)
"""Share of daylight above BSRN's extremely rare limits: 0.2 % of hours may be edges of clouds."""
DARK_RATIO = Tolerance(0.0, 0.02)
"""Share of daylight without any irradiance, which no cloud brings about."""
MISSING_RATIO = Tolerance(0.0, 0.01)
YEAR_RATIO = Tolerance(0.12, 0.35)
"""A year's sunshine against the climate's. Stations and satellites of the plain lie within 9 % of one another."""
NIGHT_RATIO = Tolerance(0.0, 0.01)
RAIN_RATIO = 0.2
"""Below this share of the climate's rain a column is in another unit, or has gaps."""


@dataclass(frozen=True, slots=True)
class WeatherFinding:
    """One thing to know about a weather. is_refused : no design can rest on it.

    key, values : its text under [solar_weather] of the catalogues.
    """

    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    is_refused: bool = False

    def said(self, lang: Lang) -> str:
        """Return it as a sentence."""
        return filled(lang, f"solar_weather.{self.key}", self.values)


class Coordinates(NamedTuple):
    """Where a roof is."""

    latitude_deg: float
    longitude_deg: float


def weather_findings(
    weather: Weather, places: Sequence[Coordinates] = (), climate: Climate | None = None
) -> tuple[WeatherFinding, ...]:
    """List what a person should know of a weather before a design rests on it; the worst first.

    Parameters
    ----------
    weather : Weather
        The weather.
    places : sequence of Coordinates
        Where the roofs are.
    climate : Climate, optional
        A year's sunshine and rain are compared with it, where the weather is of its region.

    Returns
    -------
    tuple of WeatherFinding
        Empty where all is well.

    References
    ----------
    .. [1] Long and Dutton 2002, "BSRN Global Network recommended QC tests, V2.0": extremely rare limits.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from bkkenergy.solar.weathercheck import Coordinates, weather_findings
    >>> from bkkenergy.library.skies import bangkok_year
    >>> year = bangkok_year()
    >>> weather_findings(year, [Coordinates(13.85, 100.55)])
    ()
    >>> [finding.key for finding in weather_findings(replace(year, temp_air_c=year.temp_air_c + 273.15))]
    ['outside']
    """
    findings = [*_distance(weather, places), *_of_weather(weather)]
    if climate is not None and _apart_km(weather, [climate]) <= DISTANCE_KM.refused:
        findings += _against_climate(weather, climate)
    return tuple(sorted(findings, key=lambda finding: not finding.is_refused))


def usable(findings: Sequence[WeatherFinding]) -> tuple[WeatherFinding, ...]:
    """Return findings with which a design can be made.

    Parameters
    ----------
    findings : sequence of WeatherFinding
        What was found.

    Returns
    -------
    tuple of WeatherFinding
        What to say beside the design.

    Raises
    ------
    InputError
        With every finding by which the weather is refused.

    Examples
    --------
    >>> from bkkenergy.solar.weathercheck import WeatherFinding, usable
    >>> len(usable([WeatherFinding("distance", {"km": 80})]))
    1
    """
    refused = tuple(finding for finding in findings if finding.is_refused)
    if refused:
        raise InputError.of("weather_refused", findings=refused)
    return tuple(findings)


def years_findings(weather: Weather) -> tuple[WeatherFinding, ...]:
    """Say how whole years of a weather differ, and what of a design rests on which of them.

    Parameters
    ----------
    weather : Weather
        Of one year or more.

    Returns
    -------
    tuple of WeatherFinding
        Empty where it has one year, and nothing beyond it.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.weathercheck import years_findings
    >>> years_findings(bangkok_year())
    ()
    """
    names = year_names(weather)
    number = year_numbers(weather.starts)
    beyond = int((number >= len(names)).sum()) if names else 0
    findings = [WeatherFinding("beyond_years", {"count": beyond, "years": named_years(names)})] if beyond else []
    if len(names) > 1:
        sums = np.bincount(number, weights=weather.ghi_wm2)[: len(names)]
        spread = 100 * float(sums.std(ddof=1) / sums.mean())
        values = {"count": len(names), "first": names[0], "last": names[-1], "spread": f"{spread:.1f}"}
        findings.append(WeatherFinding("many_years" if len(names) >= MIN_YEARS else "several_years", values))
    return tuple(findings)


def _limited(key: str, size: float, limits: Tolerance, **values: object) -> Iterator[WeatherFinding]:
    """Yield a finding where a size is above what passes in silence."""
    if size > limits.said:
        yield WeatherFinding(key, values, is_refused=size > limits.refused)


def _distance(weather: Weather, places: Sequence[Coordinates]) -> Iterator[WeatherFinding]:
    """Compare where the weather is with where the farthest roof is."""
    if not places:
        return
    farthest_km = _apart_km(weather, places)
    yield from _limited("distance", farthest_km, DISTANCE_KM, km=f"{farthest_km:,.0f}")


def _apart_km(weather: Weather, places: Sequence[Coordinates | Climate]) -> float:
    """Compute how far the farthest place is, on the great circle."""
    here = np.radians([weather.latitude_deg, weather.longitude_deg])
    there = np.radians([[coordinates.latitude_deg, coordinates.longitude_deg] for coordinates in places])
    half = np.sin((there[:, 0] - here[0]) / 2) ** 2
    half += np.cos(here[0]) * np.cos(there[:, 0]) * np.sin((there[:, 1] - here[1]) / 2) ** 2
    return float((2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half))).max())


@lru_cache(maxsize=CACHED_CHECKS)
def _of_weather(weather: Weather) -> tuple[WeatherFinding, ...]:
    """List what is odd about a weather wherever the roofs are."""
    findings = [*_grid(weather), *_values(weather), *_completed(weather)]
    if any(finding.is_refused for finding in findings):
        return tuple(findings)
    return (*findings, *_sun(weather))


def _grid(weather: Weather) -> Iterator[WeatherFinding]:
    step = pd.Timedelta(hours=weather.interval_h)
    steps = weather.starts[1:] - weather.starts[:-1]
    backwards = int((steps <= pd.Timedelta(0)).sum())
    if backwards:
        yield WeatherFinding("order", {"count": backwards}, is_refused=True)
        return
    jumps = np.flatnonzero(steps != step)
    missing = int(sum((steps[jumps] - step) // step))
    at = weather.starts[int(jumps[0])] if len(jumps) else None
    ratio = missing / (len(weather.starts) + missing)
    yield from _limited("gaps", ratio, MISSING_RATIO, count=missing, at=_written(at))
    days = len(weather.starts) * weather.interval_h / 24
    if weather.years < 1 - MISSING_RATIO.refused:
        yield WeatherFinding("short", {"days": round(days)}, is_refused=True)


def _values(weather: Weather) -> Iterator[WeatherFinding]:
    """Find what is missing after completion, and what no instrument shows."""
    for column, (least, most) in BOUNDS.items():
        values = getattr(weather, column)
        is_missing, is_outside = np.isnan(values), (values < least) | (values > most)
        if is_missing.any():
            at = _written(weather.starts[int(np.argmax(is_missing))])
            yield WeatherFinding(
                "missing", {"count": int(is_missing.sum()), "column": column, "at": at}, is_refused=True
            )
        if is_outside.any():
            first = int(np.argmax(is_outside))
            yield from _limited(
                "outside", float(is_outside.mean()), IMPOSSIBLE_RATIO, count=int(is_outside.sum()), column=column,
                least=f"{least:g}", most=f"{most:g}", value=f"{values[first]:g}", at=_written(weather.starts[first]),
            )  # fmt: skip


def _completed(weather: Weather) -> Iterator[WeatherFinding]:
    columns_of: dict[float, list[str]] = {}
    for column, share_ratio in weather.provenance.filled:
        if column == "rain_mm" and share_ratio == 1:
            yield WeatherFinding("no_rain")
        else:
            columns_of.setdefault(share_ratio, []).append(column)
    for share_ratio, columns in columns_of.items():
        yield WeatherFinding("filled", {"column": ", ".join(columns), "share": f"{share_ratio:.1%}"})


def _sun(weather: Weather) -> Iterator[WeatherFinding]:
    """Hold irradiance against where the sun stood."""
    sun = pvlib.solarposition.get_solarposition(weather.sun_times, weather.latitude_deg, weather.longitude_deg)
    elevation = sun["elevation"].to_numpy()
    is_lit_night = (elevation < -DAY_ELEVATION_DEG) & (weather.ghi_wm2 > NIGHT_WM2)
    if is_lit_night.any():
        share = float(weather.ghi_wm2[is_lit_night].sum() / weather.ghi_wm2.sum())
        at = _written(weather.starts[int(np.argmax(is_lit_night))])
        yield from _limited("night", share, NIGHT_RATIO, count=int(is_lit_night.sum()), at=at)
    shift_min = stamp_shift_min(weather)
    yield from _limited("shift", abs(shift_min), SHIFT_MIN, minutes=f"{shift_min:+.0f}")
    yield from _light(weather, elevation)


def _light(weather: Weather, elevation_deg: FloatArray) -> Iterator[WeatherFinding]:
    """Compare the components with one another, and each with what the sun can send."""
    is_day = elevation_deg > CLOSURE_ELEVATION_DEG
    cos_zenith = np.clip(np.sin(np.radians(elevation_deg)), 0, None)
    ghi, dni, dhi = weather.ghi_wm2, weather.dni_wm2, weather.dhi_wm2
    mean_ghi = float(ghi[is_day].mean()) if is_day.any() else 0.0
    if mean_ghi <= 0:
        yield WeatherFinding("no_light", is_refused=True)
        return
    apart = float(np.abs(dni * cos_zenith + dhi - ghi)[is_day].mean()) / mean_ghi
    yield from _limited("closure", apart, CLOSURE_RATIO, share=f"{apart:.0%}")
    most = SOLAR_CONSTANT_WM2 * cos_zenith**1.2
    is_up = elevation_deg > 0
    beyond = (
        (ghi > 1.2 * most + 50) | (dhi > 0.75 * most + 30) | (dni > 0.95 * SOLAR_CONSTANT_WM2 * cos_zenith**0.2 + 10)
    )
    yield from _hours("too_bright", weather, is_up & beyond, is_up, BRIGHT_RATIO)
    yield from _hours("dark_day", weather, is_day & (ghi <= 0), is_day, DARK_RATIO)


def _hours(
    key: str, weather: Weather, is_odd: BoolArray, is_day: BoolArray, limits: Tolerance
) -> Iterator[WeatherFinding]:
    if is_odd.any():
        share = float(is_odd.sum() / is_day.sum())
        at = _written(weather.starts[int(np.argmax(is_odd))])
        yield from _limited(key, share, limits, count=int(is_odd.sum()), at=at)


def _against_climate(weather: Weather, climate: Climate) -> Iterator[WeatherFinding]:
    change = weather.ghi_kwh_m2 / climate.year_kwh_m2 - 1
    usual = {"climate": f"{climate.year_kwh_m2:,.0f}", "change": f"{change:+.0%}"}
    yield from _limited("year", abs(change), YEAR_RATIO, ghi=f"{weather.ghi_kwh_m2:,.0f}", **usual)
    rain_mm = float(weather.rain_mm.sum()) / weather.years
    if rain_mm < RAIN_RATIO * climate.year_rain_mm:
        yield WeatherFinding("little_rain", {"rain": f"{rain_mm:,.0f}", "climate": f"{climate.year_rain_mm:,.0f}"})


def _written(at: pd.Timestamp | None) -> str:
    return "" if at is None else f"{at.tz_convert(BANGKOK):%Y-%m-%d %H:%M}"


def stamp_shift_min(weather: Weather) -> float:
    """Compute how far the middle of the days' irradiance is after true solar noon, over the clearest days.

    It is about zero where stamps are interval starts, and about half an interval where they are middles.

    Parameters
    ----------
    weather : Weather
        The weather.

    Returns
    -------
    float
        The shift [min].

    Examples
    --------
    >>> from bkkenergy.solar.weathercheck import stamp_shift_min
    >>> from bkkenergy.library.skies import bangkok_year
    >>> abs(stamp_shift_min(bangkok_year())) < 10.0
    True
    """
    clear = pvlib.location.Location(weather.latitude_deg, weather.longitude_deg, altitude=weather.elevation_m)
    expected = clear.get_clearsky(weather.sun_times, model="ineichen")["ghi"].to_numpy()
    day = weather.starts.tz_convert(BANGKOK).normalize()
    hour = (weather.starts - day) / pd.Timedelta(hours=1)
    frame = pd.DataFrame({"got": weather.ghi_wm2, "sky": expected, "hour": np.asarray(hour)})
    sums = frame.assign(got_h=frame.got * frame.hour, sky_h=frame.sky * frame.hour).groupby(np.asarray(day)).sum()
    sums = sums[sums.got > 0]
    clearest = sums[(sums.got / sums.sky) >= (sums.got / sums.sky).quantile(0.9)]
    shift_h = (clearest.got_h / clearest.got - clearest.sky_h / clearest.sky).median()
    return float(shift_h * 60) if len(clearest) else 0.0
