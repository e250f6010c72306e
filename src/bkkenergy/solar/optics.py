"""What glass and dust let through: reflection by the angle of light, soiling between rains."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
import pvlib

from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import Losses
from bkkenergy.solar.weather import Weather

Incidence = Literal["none", "beam", "all"]
"""Which light loses to reflection at the glass."""
Glass = Literal["coated", "plain"]
GLASS: dict[Glass, dict[str, float]] = {"coated": {"n_ar": 1.29}, "plain": {}}
"""With an anti-reflective coating, as nearly all modules now, or without: refractive index of the coating."""
IAM_STEPS = 20_000
DIFFUSE_TILTS_DEG = np.linspace(0, 90, 31)


@lru_cache(maxsize=2)
def beam_incidence(glass: Glass) -> FloatArray:
    """Tabulate the share of the beam that glass lets in, over the cosine of incidence from 0 to 1.

    Parameters
    ----------
    glass : {"coated", "plain"}
        With an anti-reflective coating, or without.

    Returns
    -------
    (IAM_STEPS + 1,) array
        Shares, 0 to 1.

    References
    ----------
    .. [1] De Soto, Klein and Beckman 2006, "Improvement and validation of a model for photovoltaic array
       performance", Solar Energy 80, 78; as in `pvlib.iam.physical`.

    Examples
    --------
    >>> from bkkenergy.solar.optics import beam_incidence
    >>> table = beam_incidence("coated")
    >>> round(float(table[0]), 6), float(table[-1])
    (0.0, 1.0)
    """
    cosine = np.linspace(0, 1, IAM_STEPS + 1)
    table: FloatArray = np.asarray(pvlib.iam.physical(np.degrees(np.arccos(cosine)), **GLASS[glass]), np.float64)
    return table


@lru_cache(maxsize=2)
def _diffuse_table(glass: Glass) -> dict[str, FloatArray]:
    factors = pvlib.iam.marion_diffuse("physical", DIFFUSE_TILTS_DEG, **GLASS[glass])
    return {key: np.nan_to_num(value) for key, value in factors.items()}


def diffuse_incidence(tilt_deg: FloatArray, glass: Glass) -> tuple[FloatArray, FloatArray]:
    """Compute the shares of the sky's and of the ground's light that the glass of tilted planes lets in.

    They are read between values at every third degree.

    Parameters
    ----------
    tilt_deg : (p,) array
        Tilt from horizontal [degrees].
    glass : {"coated", "plain"}
        With an anti-reflective coating, or without.

    Returns
    -------
    (p,) array
        Share of the sky's light, 0 to 1.
    (p,) array
        Share of the ground's light, 0 to 1.

    References
    ----------
    .. [1] Marion 2017, "Numerical method for angle-of-incidence correction factors for diffuse radiation incident
       photovoltaic modules", Solar Energy 147, 344; as in `pvlib.iam.marion_diffuse`.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.optics import diffuse_incidence
    >>> sky, ground = diffuse_incidence(np.array([10.0]), "coated")
    >>> round(float(sky[0]), 2)
    0.96
    """
    table = _diffuse_table(glass)
    sky, ground = (np.interp(tilt_deg, DIFFUSE_TILTS_DEG, table[light]) for light in ("sky", "ground"))
    return sky, ground


def soiling_ratio(weather: Weather, losses: Losses) -> FloatArray:
    """Compute the share of light that dust lets through, by Kimber's model with the site's cleanings.

    The rain of the year before decides how dirty 1 January is.

    Parameters
    ----------
    weather : Weather
        Rain of n intervals [mm].
    losses : Losses
        How fast dust grows, and what cleans it.

    Returns
    -------
    (n,) array
        Share of light, 0 to 1.

    Raises
    ------
    ValueError
        If rain is not known: dust on a roof that no rain cleans for a year costs 9 %.

    References
    ----------
    .. [1] Kimber et al. 2006, "The effect of soiling on large grid-connected photovoltaic systems in California and
       the southwest region of the United States", IEEE 4th World Conference on Photovoltaic Energy Conversion,
       2391; as in `pvlib.soiling.kimber`.

    Examples
    --------
    >>> from bkkenergy.solar.optics import soiling_ratio
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> share = soiling_ratio(bangkok_year(), solar_config().losses)
    >>> 0.9 < float(share.min()) < float(share.max()) <= 1.0
    True
    """
    if np.isnan(weather.rain_mm).any():
        raise ValueError("the weather's rain is not known. Complete it: bkkenergy.solar.weather.completed.")
    starts = weather.starts.tz_localize(None)
    rain = pd.Series(weather.rain_mm, index=starts).resample("D").sum()
    year_before = rain.copy()
    year_before.index = pd.DatetimeIndex(rain.index) - pd.Timedelta(days=len(rain))
    both = pd.concat([year_before, rain])
    cleaned = {day.date() for day in both.index if f"{day:%m-%d}" in losses.soiling_cleaned_on}
    lost = pvlib.soiling.kimber(
        both,
        cleaning_threshold=losses.soiling_cleaning_rain_mm,
        soiling_loss_rate=losses.soiling_per_day,
        grace_period=0,
        max_soiling=losses.soiling_max,
        manual_wash_dates=sorted(cleaned),
        rain_accum_period=24,
    )
    by_day: FloatArray = 1 - lost.reindex(starts.normalize()).to_numpy(np.float64)
    return by_day
