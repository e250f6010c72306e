"""What glass lets through: reflection by the angle of light."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Literal

import numpy as np

from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray

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
    """Tabulate what `pvlib.iam.marion_diffuse` gives; without the light of the horizon, which has no use here."""
    through = partial(pvlib.iam.physical, **GLASS[glass])
    lights = ("sky", "ground")
    return {light: np.nan_to_num(pvlib.iam.marion_integrate(through, DIFFUSE_TILTS_DEG, light)) for light in lights}


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
