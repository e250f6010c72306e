"""Where something is, as lists say it: degrees, with minutes and seconds too, or metres of UTM zone 47 north. Pure."""

from __future__ import annotations

import math
import re

from bkkenergy.usecases.recordforms.texts import THAI_DIGITS, number_text

A_M, FLATTENING = 6_378_137.0, 1 / 298.257223563
"""WGS 84."""
SCALE, EAST_M, MERIDIAN_DEG = 0.9996, 500_000.0, 99.0
"""Of UTM zone 47."""
LATITUDES, LONGITUDES = (5.0, 21.0), (97.0, 106.0)
"""Of Thailand."""
EASTINGS, NORTHINGS = (150_000.0, 1_300_000.0), (550_000.0, 2_330_000.0)
NUMBERS = re.compile(r"\d+(?:\.\d+)?")
DEGREES = re.compile("[°º˚d'\"\u2032\u2019\u2033\u201d]|องศา|\\b[nNeE]\\b")
MINUTES_PER_DEGREE, S_PER_DEGREE = 60, 3600


def utm47_to_wgs84(east_m: float, north_m: float) -> tuple[float, float]:
    """Convert metres of UTM zone 47 north to latitude and longitude on WGS 84.

    Parameters
    ----------
    east_m, north_m : float
        Easting and northing [m].

    Returns
    -------
    tuple of float
        Latitude and longitude [°]. The series is good to a millimetre within the zone.

    References
    ----------
    .. [1] C. F. F. Karney, Transverse Mercator with an accuracy of a few nanometers, J. Geod. 85 (2011): the series of
       Krüger, to the third order in n.

    Examples
    --------
    >>> from bkkenergy.ingest.lists.coordinates import utm47_to_wgs84
    >>> utm47_to_wgs84(500_000, 0)
    (0.0, 99.0)
    """
    n = FLATTENING / (2 - FLATTENING)
    radius_m = A_M / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    xi, eta = north_m / (SCALE * radius_m), (east_m - EAST_M) / (SCALE * radius_m)
    betas = (n / 2 - 2 / 3 * n**2 + 37 / 96 * n**3, n**2 / 48 + n**3 / 15, 17 / 480 * n**3)
    deltas = (2 * n - 2 / 3 * n**2 - 2 * n**3, 7 / 3 * n**2 - 8 / 5 * n**3, 56 / 15 * n**3)
    xi_1 = xi - sum(b * math.sin(2 * j * xi) * math.cosh(2 * j * eta) for j, b in enumerate(betas, 1))
    eta_1 = eta - sum(b * math.cos(2 * j * xi) * math.sinh(2 * j * eta) for j, b in enumerate(betas, 1))
    chi = math.asin(math.sin(xi_1) / math.cosh(eta_1))
    latitude = chi + sum(d * math.sin(2 * j * chi) for j, d in enumerate(deltas, 1))
    longitude = math.atan2(math.sinh(eta_1), math.cos(xi_1))
    return math.degrees(latitude), MERIDIAN_DEG + math.degrees(longitude)


def place_of(first: str, second: str = "") -> tuple[float, float] | None:
    r"""Return latitude and longitude of one text or of two; None where they name no place in Thailand.

    Which of two numbers is which is seen from their size: no latitude of Thailand is one of its longitudes, and no
    northing one of its eastings near Bangkok.

    Examples
    --------
    >>> from bkkenergy.ingest.lists.coordinates import place_of
    >>> place_of("13.7563, 100.5018"), place_of("100.5018", "13.7563")
    ((13.7563, 100.5018), (13.7563, 100.5018))
    >>> place_of("13°45'22.7\"N 100°30'6.5\"E")
    (13.756306, 100.501806)
    """
    texts = [first, second] if second.strip() else _halves(first)
    angles = [angle for text in texts if (angle := _angle(text)) is not None]
    if len(angles) != 2:  # noqa: PLR2004 - a pair
        return None
    one, other = angles
    for x, y in ((one, other), (other, one)):
        if LATITUDES[0] <= x <= LATITUDES[1] and LONGITUDES[0] <= y <= LONGITUDES[1]:
            return round(x, 6), round(y, 6)
    for x, y in ((one, other), (other, one)):
        if EASTINGS[0] <= x <= EASTINGS[1] and NORTHINGS[0] <= y <= NORTHINGS[1] and x < y:
            latitude, longitude = utm47_to_wgs84(x, y)
            return round(latitude, 6), round(longitude, 6)
    return None


def _halves(text: str) -> list[str]:
    """Return the two parts of a text with a pair."""
    plain = text.translate(THAI_DIGITS).strip()
    if DEGREES.search(plain):
        numbers = NUMBERS.findall(plain)
        middle = len(numbers) // 2
        return [" ".join(numbers[:middle]), " ".join(numbers[middle:])] if len(numbers) % 2 == 0 else []
    parts = [part for part in re.split(r"[;/|]|,\s+|\s+|(?<=\.\d{3}),|,(?=\s*\d+\.)", plain) if part]
    return parts if len(parts) == 2 else plain.split(",") if plain.count(",") == 1 else []  # noqa: PLR2004


def _angle(text: str) -> float | None:
    """Return a number, or degrees with minutes and seconds, as one number."""
    plain = text.translate(THAI_DIGITS).strip()
    numbers = [float(part) for part in NUMBERS.findall(number_text(plain))]
    if not numbers or "-" in plain.lstrip()[:1] or len(numbers) > 3:  # noqa: PLR2004 - degrees, minutes, seconds
        return None
    if len(numbers) > 1 and any(part >= MINUTES_PER_DEGREE for part in numbers[1:]):
        return None
    return sum(part / scale for part, scale in zip(numbers, (1, MINUTES_PER_DEGREE, S_PER_DEGREE), strict=False))
