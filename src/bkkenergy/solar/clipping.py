"""What inverters cut off within an hour: clouds let more light through for minutes than the hour's mean says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy

from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray

FAR = 4.0
"""Standard deviations beyond which nothing of a normal distribution counts."""


def clear_sky_ratio(ghi_wm2: FloatArray, elevation_deg: FloatArray) -> FloatArray:
    """Compute which share of a clear sky's light comes through.

    Parameters
    ----------
    ghi_wm2 : (d,) array
        Global horizontal irradiance [W/m2].
    elevation_deg : (d,) array
        Height of the sun [degrees].

    Returns
    -------
    (d,) array
        0 to 1.

    References
    ----------
    .. [1] Haurwitz 1945, "Insolation in relation to cloudiness and cloud density", Journal of Meteorology 2, 154; as in
       `pvlib.clearsky.haurwitz`.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.clipping import clear_sky_ratio
    >>> clear_sky_ratio(np.array([0.0, 500.0, 1100.0]), np.array([60.0, 60.0, 60.0])).round(2)
    array([0.  , 0.56, 1.  ])
    """
    clear_wm2 = pvlib.clearsky.haurwitz(pd.Series(90 - elevation_deg))["ghi"].to_numpy()
    ratio: FloatArray = np.clip(ghi_wm2 / np.where(clear_wm2 > 0, clear_wm2, np.inf), 0.0, 1.0)
    return ratio


def clipped(ac_kw: FloatArray, rating_kw: FloatArray, spread_ratio: FloatArray) -> FloatArray:
    """Compute the mean power of intervals whose power varies, after inverters cut what is above their rating.

    Power within an interval is taken as normally distributed about its mean.

    Parameters
    ----------
    ac_kw : (p, d) array
        Mean power of each interval before inverters cut it [kW].
    rating_kw : (p, 1) array
        Rating of the inverters, AC [kW].
    spread_ratio : (d,) array
        Standard deviation within each interval, as a share of its mean; 0 where nothing varies.

    Returns
    -------
    (p, d) array
        Mean power [kW]; never above the rating.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.clipping import clipped
    >>> power, rating = np.array([[50.0, 95.0, 120.0]]), np.array([[100.0]])
    >>> clipped(power, rating, np.zeros(3))
    array([[ 50.,  95., 100.]])
    >>> clipped(power, rating, np.full(3, 0.1)).round(1)
    array([[50. , 93.2, 99.8]])
    """
    cut_kw: FloatArray = np.minimum(ac_kw, rating_kw)
    varies = np.flatnonzero((spread_ratio > 0) & (ac_kw * (1 + FAR * spread_ratio) > rating_kw))
    plane, interval = np.divmod(varies, len(spread_ratio))
    mean_kw = ac_kw.ravel()[varies]
    over_kw, spread_kw = mean_kw - rating_kw[plane, 0], mean_kw * spread_ratio[interval]
    above = over_kw / spread_kw
    density = np.exp(-np.square(above) / 2) / np.sqrt(2 * np.pi)
    cut_kw.flat[varies] = mean_kw - over_kw * scipy.special.ndtr(above) - spread_kw * density
    return cut_kw
