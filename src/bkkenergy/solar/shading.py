"""What stands before the sun: a skyline at points of a roof, from a far horizon and from boxes nearby."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.solar.irradiance import Sky

AZIMUTHS = 360
ELEVATION_STEPS = 90
PARALLEL = 1e-12


@dataclass(frozen=True, slots=True)
class Box:
    """Something upright: cooling machine, parapet, stair house, neighbour.

    outline_m : corners (east, north), metres; height_m : above the modules.
    """

    outline_m: tuple[tuple[float, float], ...]
    height_m: float


def skyline_deg(points_m: FloatArray, boxes: Sequence[Box], horizon: Sequence[tuple[float, float]] = ()) -> FloatArray:
    """Compute how high the skyline stands around each point.

    An upright box hides what is below the top of the wall that a ray meets first. A point within a box sees
    nothing.

    Parameters
    ----------
    points_m : (p, 2) array
        East and north of the points [m].
    boxes : sequence of Box
        Upright things on or beside the roof.
    horizon : sequence of (azimuth, elevation)
        The far horizon [degrees], joined by straight lines all around.

    Returns
    -------
    (p, 360) array
        Elevation of what hides the sky, in the middle of each degree of azimuth [degrees].

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.shading import Box, skyline_deg
    >>> wall = Box(((-50.0, 10.0), (50.0, 10.0), (50.0, 11.0), (-50.0, 11.0)), 10.0)
    >>> skyline = skyline_deg(np.zeros((1, 2)), [wall])
    >>> round(float(skyline[0, 0])), float(skyline[0, 180])
    (45, 0.0)
    """
    azimuth = np.arange(AZIMUTHS) + 0.5
    highest = np.zeros((len(points_m), AZIMUTHS))
    if horizon:
        far = sorted(horizon)
        highest += np.interp(azimuth, [a for a, _ in far], [e for _, e in far], period=360)
    ray = np.stack([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
    for box in boxes:
        if box.height_m <= 0:
            continue
        distance = _first_wall_m(points_m, np.asarray(box.outline_m, np.float64), ray)
        np.maximum(highest, np.degrees(np.arctan2(box.height_m, distance)), out=highest)
    return highest


def _first_wall_m(points: FloatArray, corners: FloatArray, ray: FloatArray) -> FloatArray:
    """Compute (p, rays) distance to the first wall of an outline that each ray meets; infinite where none."""
    edge = np.roll(corners, -1, axis=0) - corners
    away = corners[None, :, :] - points[:, None, :]
    turn = edge[:, 0, None] * ray[1] - edge[:, 1, None] * ray[0]
    parallel = np.abs(turn) < PARALLEL
    safe = np.where(parallel, 1.0, turn)
    across = edge[None, :, 0] * away[:, :, 1] - edge[None, :, 1] * away[:, :, 0]
    along_ray = across[:, :, None] / safe
    along_edge = (ray[0] * away[:, :, 1, None] - ray[1] * away[:, :, 0, None]) / safe
    meets = ~parallel & (along_ray > 0) & (along_edge >= 0) & (along_edge <= 1)
    nearest: FloatArray = np.where(meets, along_ray, np.inf).min(axis=1)
    inside = meets.sum(axis=1) % 2 == 1
    return np.where(inside, 1e-9, nearest)


def beam_seen(skyline: FloatArray, sky: Sky) -> FloatArray:
    """Compute the share of the points that see the sun in each daylight interval.

    Parameters
    ----------
    skyline : (p, 360) array
        The skyline of each point [degrees], of `skyline_deg`.
    sky : Sky
        The sky in d daylight intervals.

    Returns
    -------
    (d,) array
        Share of the points, 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.shading import beam_seen
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.irradiance import sky_of
    >>> sky = sky_of(bangkok_year())
    >>> float(beam_seen(np.zeros((1, 360)), sky).min()), float(beam_seen(np.full((1, 360), 90.0), sky).max())
    (1.0, 0.0)
    """
    column = np.minimum(sky.azimuth_deg.astype(np.int64), AZIMUTHS - 1)
    seen: FloatArray = (sky.elevation_deg[None, :] > skyline[:, column]).mean(axis=0)
    return seen


def strings_lit(skyline: FloatArray, sky: Sky, modules_in_string: int) -> FloatArray:
    """Compute the share of strings of which every module sees the sun in each daylight interval.

    Parameters
    ----------
    skyline : (p, 360) array
        The skyline of each module [degrees], of `skyline_deg`, in the order in which they are wired.
    sky : Sky
        The sky in d daylight intervals.
    modules_in_string : int
        Modules in series.

    Returns
    -------
    (d,) array
        Share of the strings, 0 to 1: never more than the share of modules.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.shading import strings_lit
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.irradiance import sky_of
    >>> skyline = np.zeros((4, 360))
    >>> skyline[0] = 90.0
    >>> strings_lit(skyline, sky_of(bangkok_year()), 2)[:3].tolist()
    [0.5, 0.5, 0.5]
    """
    column = np.minimum(sky.azimuth_deg.astype(np.int64), AZIMUTHS - 1)
    lit = np.ones((-(-len(skyline) // modules_in_string), len(column)), np.bool_)
    for string in range(len(lit)):
        of_string = skyline[string * modules_in_string : (string + 1) * modules_in_string].max(axis=0)
        lit[string] = sky.elevation_deg > of_string[column]
    share: FloatArray = lit.mean(axis=0)
    return share


def sky_seen(skyline: FloatArray, tilt_deg: float, azimuth_deg: float) -> float:
    """Compute the share of the light of an even sky that reaches a plane past the skyline, mean over the points.

    Parameters
    ----------
    skyline : (p, 360) array
        The skyline of each point [degrees], of `skyline_deg`.
    tilt_deg, azimuth_deg : float
        Of the plane [degrees].

    Returns
    -------
    float
        The share, 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.shading import sky_seen
    >>> sky_seen(np.zeros((1, 360)), 10.0, 180.0), sky_seen(np.full((1, 360), 90.0), 10.0, 180.0)
    (1.0, 0.0)
    """
    elevation = np.radians((np.arange(ELEVATION_STEPS) + 0.5) * 90 / ELEVATION_STEPS)
    around = np.radians(np.arange(AZIMUTHS) + 0.5)
    tilt, azimuth = np.radians(tilt_deg), np.radians(azimuth_deg)
    cos_aoi = np.cos(elevation)[:, None] * np.sin(tilt) * np.cos(around - azimuth)[None, :]
    cos_aoi += np.sin(elevation)[:, None] * np.cos(tilt)
    weight = np.clip(cos_aoi, 0, None) * np.cos(elevation)[:, None]
    is_open = np.degrees(elevation)[None, :, None] > skyline[:, None, :]
    share = (is_open * weight[None, :, :]).sum(axis=(1, 2)) / weight.sum()
    return float(share.mean())
