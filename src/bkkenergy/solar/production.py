"""Energy of many roofs in one pass: light in, alternating current out, and each loss on the way.

Steps follow one another from the light on the plane to the meter, each taking a share; a step's energy
is what is left after it, so the shares multiply to the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import Losses
from bkkenergy.solar.clipping import clear_sky_ratio, clipped
from bkkenergy.solar.irradiance import Sky, TranspositionModel, in_plane, sky_of
from bkkenergy.solar.module import STC_C, STC_WM2, Inverter, Module, OneDiode, one_diode
from bkkenergy.solar.optics import IAM_STEPS, Glass, Incidence, beam_incidence, diffuse_incidence
from bkkenergy.solar.soiling import soiling_ratio
from bkkenergy.solar.weather import Weather

Mounting = Literal["flush", "racked"]
DcModel = Literal["pvwatts", "cec"]
LossStep = Literal[
    "plane", "shading", "incidence", "rear", "soiling", "low_light", "temperature", "quality", "mismatch",
    "dc_wiring", "conversion", "clipping", "ac_wiring", "unavailability",
]  # fmt: skip
STEPS: tuple[LossStep, ...] = get_args(LossStep)
MOUNTING_COOLING: dict[Mounting, str] = {"flush": "semi_integrated", "racked": "freestanding"}
"""Entries of pvlib's table of PVsyst's heat loss factors: air behind the module, or all around it."""
ABSORPTION, MODULE_EFFICIENCY = 0.9, 0.2
PVWATTS_REFERENCE_EFFICIENCY = 0.9637
PLANES_AT_ONCE = 12
"""As many planes as fit so that their arrays stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One roof segment with its modules and inverter.

    capacity_kwp : module power at standard test conditions; inverter_kw : rating of the inverters, AC.
    beam_seen : (d,) share that sees the sun in each daylight interval; None where nothing shades.
    sky_seen, ground_seen : share of the sky's light, and of the ground's, that nothing hides.
    """

    tilt_deg: float
    azimuth_deg: float
    capacity_kwp: float
    inverter_kw: float
    mounting: Mounting = "flush"
    beam_seen: FloatArray | None = field(default=None, repr=False)
    sky_seen: float = 1.0
    ground_seen: float = 1.0


@dataclass(frozen=True, slots=True)
class Rear:
    """Rows of bifacial modules above a light ground.

    bifaciality : power of the rear over power of the front in the same light, 0..1.
    """

    bifaciality: float
    row_pitch_m: float
    row_depth_m: float
    height_m: float = 0.5


@dataclass(frozen=True, slots=True)
class Models:
    """Which physics. The defaults suit a module without a data sheet.

    spread_ratio : standard deviation of power within an hour, as a share of its mean under a half-clear sky, for what
    inverters cut off; 0 takes hours as even.
    """

    transposition: TranspositionModel = "perez"
    dc: DcModel = "pvwatts"
    gamma_pmp_per_c: float = -0.0035
    inverter_efficiency: float = 0.98
    module: Module | None = None
    inverter: Inverter | None = None
    modules_in_series: int = 1
    albedo: float = 0.2
    incidence: Incidence = "all"
    glass: Glass = "coated"
    rear: Rear | None = None
    spread_ratio: float = 0.0


@dataclass(frozen=True, slots=True)
class Production:
    """What p planes make.

    ac_kw : (p, n) mean AC power of each interval of the weather.
    ghi_kwh_m2 : the horizontal light of the period, kWh/m2.
    step_kwh : step -> (p,) energy left after it over the period, kWh; the last is the AC energy.
        "plane" is light on the plane x capacity, what a lossless module would make.
    """

    ac_kw: FloatArray
    ghi_kwh_m2: float
    step_kwh: Mapping[LossStep, FloatArray]
    years: float

    @property
    def energy_kwh(self) -> FloatArray:
        """(p,) AC energy of a year."""
        energy_kwh: FloatArray = self.step_kwh["unavailability"] / self.years
        return energy_kwh


def simulate(
    weather: Weather,
    planes: Sequence[Plane],
    losses: Losses,
    models: Models | None = None,
    *,
    sky: Sky | None = None,
) -> Production:
    """Simulate the AC power of planes in every interval, and the energy left after each step.

    Planes of the same tilt, azimuth, mounting and sizes are computed once.

    Parameters
    ----------
    weather : Weather
        Irradiance [W/m2], temperature [degC] and wind [m/s] of n intervals.
    planes : sequence of Plane
        Roof segments with their modules and inverters.
    losses : Losses
        Shares of energy that are lost on the way.
    models : Models, optional
        Which physics; the defaults suit a module without a data sheet.
    sky : Sky, optional
        The sky of the weather, where it is known already.

    Returns
    -------
    Production
        AC power [kW] of each plane and interval, and energy after each step [kWh].

    See Also
    --------
    bkkenergy.simulate : The same for a roof, with pandas.

    References
    ----------
    .. [1] Dobos 2014, "PVWatts version 5 manual", NREL/TP-6A20-62641.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> from bkkenergy.solar.production import Plane, simulate
    >>> made = simulate(bangkok_year(), [Plane(10.0, 180.0, 10.0, 8.0)], solar_config().losses)
    >>> made.ac_kw.shape, 1_300 < float(made.energy_kwh[0] / 10.0) < 1_500
    ((1, 8760), True)
    """
    chosen = models or Models()
    seen = sky if sky is not None else sky_of(weather, model=chosen.transposition)
    sun_through = soiling_ratio(weather, losses)[seen.rows]
    keys = [_key(plane, number) for number, plane in enumerate(planes)]
    first_of = dict(zip(reversed(keys), reversed(planes), strict=True))
    place_of = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    distinct = [first_of[key] for key in place_of]
    ac_kw = np.zeros((len(distinct), len(weather.starts)))
    steps = np.empty((len(STEPS), len(distinct)))
    factors = {mounting: heating_c_per_wm2(mounting, seen.wind_ms) for mounting in MOUNTING_COOLING}
    spread = _spread_ratio(seen, chosen, weather.interval_h)
    for at in range(0, len(distinct), PLANES_AT_ONCE):
        chunk = slice(at, at + PLANES_AT_ONCE)
        ac_kw[chunk, seen.rows], steps[:, chunk] = _chunk(
            seen, distinct[chunk], losses, chosen, sun_through, factors, spread
        )
    if (tare_kw := night_tare_kw(chosen.inverter)) > 0:
        is_night = np.ones(len(weather.starts), np.bool_)
        is_night[seen.rows] = False
        tare = np.array([plane.inverter_kw for plane in distinct]) * tare_kw
        ac_kw[:, is_night] = -tare[:, None]
        steps[STEPS.index("conversion") :] -= tare * is_night.sum()
    steps *= weather.interval_h
    order = np.array([place_of[key] for key in keys])
    return Production(
        ac_kw if len(distinct) == len(planes) else ac_kw[order],
        float(weather.ghi_wm2.sum()) * weather.interval_h / 1000,
        {name: row[order] for name, row in zip(STEPS, steps, strict=True)},
        weather.years,
    )


def _key(plane: Plane, number: int) -> object:
    if plane.beam_seen is not None:
        return number
    return (
        plane.tilt_deg,
        plane.azimuth_deg,
        plane.capacity_kwp,
        plane.inverter_kw,
        plane.mounting,
        plane.sky_seen,
        plane.ground_seen,
    )


def _spread_ratio(sky: Sky, models: Models, interval_h: float) -> FloatArray | None:
    """Return (d,) spread of power within intervals: widest under half-clear skies; None for shorter ones than hours."""
    if not models.spread_ratio or interval_h < 1:
        return None
    clearness = clear_sky_ratio(sky.ghi_wm2, sky.elevation_deg)
    return models.spread_ratio * 4 * clearness * (1 - clearness)


def heating_c_per_wm2(mounting: Mounting, wind_ms: FloatArray) -> FloatArray:
    """Compute how much warmer than the air a cell is for each W/m2 on its plane.

    Parameters
    ----------
    mounting : {"flush", "racked"}
        Whether air reaches the back of the module.
    wind_ms : (d,) array
        Wind at 10 m [m/s].

    Returns
    -------
    (d,) array
        Rise of the cell [degC per W/m2].

    References
    ----------
    .. [1] Faiman 2008, "Assessing the outdoor operating temperature of photovoltaic modules", Progress in
       Photovoltaics 16, 307, with PVsyst's factors; as in `pvlib.temperature.pvsyst_cell`.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.production import heating_c_per_wm2
    >>> rise = heating_c_per_wm2("racked", np.array([1.0])) * 1000.0
    >>> round(float(rise[0]), 1)
    24.8
    """
    heat_loss = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["pvsyst"][MOUNTING_COOLING[mounting]]
    warmer: FloatArray = ABSORPTION * (1 - MODULE_EFFICIENCY) / (heat_loss["u_c"] + heat_loss["u_v"] * wind_ms)
    return warmer


def _chunk(
    sky: Sky,
    planes: Sequence[Plane],
    losses: Losses,
    models: Models,
    through: FloatArray,
    factors: Mapping[Mounting, FloatArray],
    spread: FloatArray | None,
) -> tuple[FloatArray, FloatArray]:
    """Compute (p, d) AC kW, and (steps, p) sums of kW over the intervals."""
    capacity = np.array([plane.capacity_kwp for plane in planes])[:, None]
    left: list[FloatArray] = []
    light = _light(sky, planes, models)
    left += [light.unshaded_wm2.sum(axis=1), light.plane_wm2.sum(axis=1), light.entered_wm2.sum(axis=1)]
    effective = light.entered_wm2
    if models.rear is not None:
        effective += rear_wm2(sky, planes, models.rear, models.albedo) * models.rear.bifaciality
    left.append(effective.sum(axis=1))
    effective *= through
    left.append(effective.sum(axis=1))
    sums = [row * capacity[:, 0] / STC_WM2 for row in left]
    rise = np.stack([factors[plane.mounting] for plane in planes]) if len(planes) > 1 else factors[planes[0].mounting]
    cell_c = light.plane_wm2
    cell_c *= rise
    cell_c += sky.temp_air_c
    dc, low_light, volts = _dc(effective, cell_c, models)
    dc *= capacity
    sums += [low_light * capacity[:, 0], dc.sum(axis=1)]
    for share in (
        losses.module_quality + losses.light_induced_degradation,
        losses.mismatch,
        losses.dc_wiring,
    ):
        sums.append(sums[-1] * (1 - share))
    dc *= (
        (1 - losses.module_quality - losses.light_induced_degradation) * (1 - losses.mismatch) * (1 - losses.dc_wiring)
    )
    rating = np.array([plane.inverter_kw for plane in planes])[:, None]
    ac = _converted(dc, rating, models, volts)
    sums.append(ac.sum(axis=1))
    ac = np.minimum(ac, rating, out=ac) if spread is None else clipped(ac, rating, spread)
    sums.append(ac.sum(axis=1))
    for share in (losses.ac_wiring, losses.unavailability):
        sums.append(sums[-1] * (1 - share))
    ac *= (1 - losses.ac_wiring) * (1 - losses.unavailability)
    return ac, np.stack(sums)


def rear_wm2(sky: Sky, planes: Sequence[Plane], rear: Rear, albedo: float) -> FloatArray:
    """Compute the light on the back of modules in long rows.

    Parameters
    ----------
    sky : Sky
        The sky in d daylight intervals.
    planes : sequence of Plane
        Planes of the modules.
    rear : Rear
        The rows and the modules' bifaciality.
    albedo : float
        Share of light that the ground sends back, 0 to 1.

    Returns
    -------
    (p, d) array
        Irradiance on the back [W/m2].

    References
    ----------
    .. [1] Mikofski, Darawali, Hamer, Neubert and Newmiller 2019, "Bifacial performance modeling in large arrays",
       IEEE 46th Photovoltaic Specialists Conference; as in `pvlib.bifacial.infinite_sheds`.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.irradiance import sky_of
    >>> from bkkenergy.solar.production import Plane, Rear, rear_wm2
    >>> sky, plane = sky_of(bangkok_year()), Plane(10.0, 180.0, 10.0, 8.0, "racked")
    >>> light, dark = (rear_wm2(sky, [plane], Rear(0.7, 3.0, 2.0), albedo).sum() for albedo in (0.5, 0.1))
    >>> bool(light > dark > 0)
    True
    """
    zenith = 90 - sky.elevation_deg
    rows = [
        pvlib.bifacial.infinite_sheds.get_irradiance(
            plane.tilt_deg,
            plane.azimuth_deg,
            zenith,
            sky.azimuth_deg,
            min(1.0, rear.row_depth_m / rear.row_pitch_m),
            rear.height_m,
            rear.row_pitch_m,
            sky.ghi_wm2,
            sky.dhi_wm2,
            sky.dni_wm2,
            albedo,
        )["poa_back"]
        for plane in planes
    ]
    return np.nan_to_num(np.stack([np.asarray(row, np.float64) for row in rows]))


@dataclass(frozen=True, slots=True)
class _Light:
    """(p, d) W/m2: on the plane without and with shading, and what enters the glass."""

    unshaded_wm2: FloatArray
    plane_wm2: FloatArray
    entered_wm2: FloatArray


def _light(sky: Sky, planes: Sequence[Plane], models: Models) -> _Light:
    tilt = np.array([plane.tilt_deg for plane in planes])
    azimuth = np.array([plane.azimuth_deg for plane in planes])
    sky_seen = np.array([plane.sky_seen for plane in planes])
    is_shaded = any(plane.beam_seen is not None for plane in planes) or bool((sky_seen < 1).any())
    open_beam, open_sky = np.ones((1, 1)), np.ones(len(planes))
    beam_seen = open_beam
    if is_shaded:
        whole = np.ones(len(sky.rows))
        beam_seen = np.stack([whole if plane.beam_seen is None else plane.beam_seen for plane in planes])
    light = in_plane(sky, tilt, azimuth, albedo=models.albedo, beam_seen=beam_seen, sky_seen=sky_seen)
    light.ground_wm2[:] *= np.array([plane.ground_seen for plane in planes])[:, None]
    plane_wm2 = light.sky_wm2 + light.ground_wm2
    plane_wm2 += light.near_sun_wm2
    plane_wm2 += light.beam_wm2
    unshaded_wm2 = plane_wm2
    if is_shaded:
        free = in_plane(sky, tilt, azimuth, albedo=models.albedo, beam_seen=open_beam, sky_seen=open_sky)
        unshaded_wm2 = free.beam_wm2 + free.near_sun_wm2 + free.sky_wm2 + free.ground_wm2
    entered, sky_light, ground_light = light.beam_wm2, light.sky_wm2, light.ground_wm2
    if models.incidence == "all":
        entered += light.near_sun_wm2
    if models.incidence != "none":
        entered *= beam_incidence(models.glass)[(light.cos_aoi * IAM_STEPS + 0.5).astype(np.int32)]
    if models.incidence == "all":
        sky_share, ground_share = diffuse_incidence(tilt, models.glass)
        sky_light *= sky_share[:, None]
        ground_light *= ground_share[:, None]
    else:
        entered += light.near_sun_wm2
    entered += sky_light
    entered += ground_light
    return _Light(unshaded_wm2, plane_wm2, entered)


def _dc(
    effective_wm2: FloatArray, cell_c: FloatArray, models: Models
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Compute (p, d) DC kW per kWp; (p,) its sum at 25 degC; (p, d) volts of a string, for Sandia's inverter."""
    if models.dc == "cec" and models.module is not None:
        diode: OneDiode = one_diode(models.module)
        safe = np.maximum(effective_wm2, 1e-3)
        at_stc = diode.power_ratio(safe, np.full_like(safe, STC_C)).sum(axis=1)
        volts = diode.volts(safe, cell_c) * models.modules_in_series if models.inverter is not None else None
        return diode.power_ratio(safe, cell_c), at_stc, volts
    at_stc = effective_wm2.sum(axis=1) / STC_WM2
    cell_c -= STC_C
    cell_c *= models.gamma_pmp_per_c
    cell_c += 1
    cell_c *= effective_wm2
    cell_c /= STC_WM2
    return np.maximum(cell_c, 0.0, out=cell_c), at_stc, None


def _converted(dc_kw: FloatArray, rating_kw: FloatArray, models: Models, volts: FloatArray | None) -> FloatArray:
    """Compute (p, d) AC kW before the rating cuts it.

    References
    ----------
    Without Sandia's parameters, PVWatts' efficiency (Dobos 2014, NREL/TP-6A20-62641, equation 6); above
    the rated DC power it stays at its value there. With them, King et al. 2007, SAND2007-5036.
    """
    if models.inverter is not None and models.inverter.sandia is not None and volts is not None:
        return _sandia(dc_kw, rating_kw, models.inverter, volts)
    nominal = models.inverter.efficiency if models.inverter is not None else models.inverter_efficiency
    rated_dc = rating_kw / nominal
    gain = nominal / PVWATTS_REFERENCE_EFFICIENCY
    load = np.minimum(dc_kw, rated_dc)
    below = load * (-0.0162 * gain / rated_dc)
    below += 0.9858 * gain
    below *= load
    below -= 0.0059 * gain * rated_dc
    above = dc_kw
    above = above - load
    above *= nominal
    np.maximum(below, 0.0, out=below)
    below += above
    return below


def night_tare_kw(inverter: Inverter | None) -> float:
    """Return what an inverter takes at night for each kW of its rating.

    Parameters
    ----------
    inverter : Inverter or None
        The inverter.

    Returns
    -------
    float
        Power [kW per kW]; 0 where Sandia's parameters are not known.

    Examples
    --------
    >>> from bkkenergy.solar.production import night_tare_kw
    >>> night_tare_kw(None)
    0.0
    """
    if inverter is None or inverter.sandia is None:
        return 0.0
    return inverter.sandia["Pnt"] / 1000 / inverter.ac_kw


def _sandia(dc_kw: FloatArray, rating_kw: FloatArray, inverter: Inverter, volts: FloatArray) -> FloatArray:
    """Compute Sandia's model of as many inverters as the rating holds."""
    sandia = inverter.sandia or {}
    count = rating_kw / inverter.ac_kw
    p_dc = dc_kw / count * 1000
    away = volts - sandia["Vdco"]
    full = sandia["Pdco"] * (1 + sandia["C1"] * away)
    start = sandia["Pso"] * (1 + sandia["C2"] * away)
    curve = sandia["C0"] * (1 + sandia["C3"] * away)
    ac = (sandia["Paco"] / (full - start) - curve * (full - start)) * (p_dc - start) + curve * (p_dc - start) ** 2
    return np.where(p_dc < sandia["Pso"], -sandia["Pnt"], ac) * count / 1000
