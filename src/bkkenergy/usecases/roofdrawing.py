"""A roof drawn corner by corner: on a plan in the building's metres, or over a picture with a known length in it."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import dist

import numpy as np

from bkkenergy.adapters.outlines.footprint import XY, Footprint, OutlineFile
from bkkenergy.adapters.outlines.metres import Located
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray
from bkkenergy.usecases.roofs import OutlineWish, RoofsOfFile, roofs_of_drawing

WIDTH_PX, HEIGHT_PX = 720, 480
SPANS_M = (20.0, 50.0, 100.0, 200.0, 500.0)
MAX_POINTS, MAX_PICTURE_BYTES, MAX_RATIO = 200, 1_200_000, 4.0
MIN_LENGTH_PX, SCALE_POINTS = 5.0, 2
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
NO_FRAMES = frozenset({0xC4, 0xC8, 0xCC})


@dataclass(frozen=True, slots=True)
class RoofDraft:
    """A roof that is being drawn.

    points : where a person clicked, pixels from the top left. On a picture the first two are the ends of length_m, and
    the corners follow. span_m : width of the plan, without a picture. middle_m : east and north of its middle.
    """

    points: tuple[XY, ...] = ()
    picture: bytes = b""
    span_m: float = 50.0
    middle_m: XY = (0.0, 0.0)
    length_m: float | None = None
    name: str = ""
    tilt_deg: float = 0.0
    azimuth_deg: float = 180.0
    north_deg: float = 0.0

    @property
    def ends(self) -> tuple[XY, ...]:
        """The ends of the known length on a picture, as far as they are clicked."""
        return self.points[:SCALE_POINTS] if self.picture else ()

    @property
    def corners(self) -> tuple[XY, ...]:
        """Corners of the roof."""
        return self.points[SCALE_POINTS:] if self.picture else self.points

    @property
    def height_px(self) -> int:
        """How high it is shown, where it is 720 pixels wide."""
        if not self.picture:
            return HEIGHT_PX
        width, height = picture_size(self.picture)
        return round(WIDTH_PX * height / width)

    @property
    def metres_per_px(self) -> float | None:
        """The scale; None while the known length is not there."""
        if not self.picture:
            return self.span_m / WIDTH_PX
        if len(self.ends) < SCALE_POINTS or not self.length_m:
            return None
        return self.length_m / dist(*self.ends)

    def with_point(self, point: XY) -> RoofDraft:
        """Return it with one more point. Raises InputError where it cannot be meant."""
        x, y = point
        if not (0 <= x <= WIDTH_PX and 0 <= y <= self.height_px):
            return self
        if len(self.points) >= MAX_POINTS:
            raise InputError.of("draw_many", count=MAX_POINTS)
        if len(self.ends) == 1 and dist(self.points[0], point) < MIN_LENGTH_PX:
            raise InputError.of("draw_short")
        return replace(self, points=(*self.points, point))


def picture_size(content: bytes) -> tuple[int, int]:
    """Return width and height of a PNG or JPEG, pixels. Raises InputError where it is neither, too large or narrow."""
    if len(content) > MAX_PICTURE_BYTES:
        raise InputError.of("draw_large", size=f"{MAX_PICTURE_BYTES / 1e6:g}")
    size = _png_size(content) or _jpeg_size(content)
    if size is None or not (1 / MAX_RATIO <= size[0] / size[1] <= MAX_RATIO):
        raise InputError.of("draw_picture")
    return size


def _png_size(content: bytes) -> tuple[int, int] | None:
    if not content.startswith(PNG) or content[12:16] != b"IHDR" or len(content) < 24:  # noqa: PLR2004 - its first chunk
        return None
    width, height = struct.unpack(">II", content[16:24])
    return (width, height) if width and height else None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Find the frame of a JPEG among its segments."""
    at = len(JPEG)
    while content.startswith(JPEG) and at + 9 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004 - a marker
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in NO_FRAMES:  # noqa: PLR2004 - frames
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return (width, height) if width and height else None
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


def points_of(text: str) -> tuple[XY, ...]:
    """Return the points of a form, "x,y x,y"; what is none is left out."""
    pairs = re.findall(r"(?<!\S)(\d{1,4}(?:\.\d{1,2})?),(\d{1,4}(?:\.\d{1,2})?)(?!\S)", text)
    return tuple((float(x), float(y)) for x, y in pairs[:MAX_POINTS])


def points_text(points: Sequence[XY]) -> str:
    """Return points as a form has them."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def middle_of(building: Building) -> XY:
    """Return the middle of a building's roofs that have outlines, metres; its origin where none has."""
    corners = [corner for roof in building.roofs for corner in roof.outline_m]
    if not corners:
        return 0.0, 0.0
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    east, north = ((low + high) / 2).round().tolist()
    return float(east), float(north)


def roofs_of_draft(draft: RoofDraft, building: Building) -> RoofsOfFile:
    """Return the roof that is drawn, in metres, under a name that no other roof of the building has.

    Raises InputError where its scale is not known, it has too few corners, is too small or crosses itself.
    """
    scale = draft.metres_per_px
    if scale is None:
        raise InputError.of("draw_no_scale")
    middle = np.array([WIDTH_PX / 2, draft.height_px / 2])
    east_north = np.array(draft.middle_m) if not draft.picture else np.zeros(2)

    def to_metres(ring: Sequence[XY]) -> FloatArray:
        metres: FloatArray = (np.array(ring) - middle) * [scale, -scale] + east_north
        return metres

    drawing = OutlineFile((Footprint(draft.name or "roof", draft.corners),))
    wish = OutlineWish(
        tilt_deg=draft.tilt_deg,
        azimuth_deg=draft.azimuth_deg,
        north_deg=draft.north_deg if draft.picture else 0.0,
    )
    ground = Located("drawing", "", is_assumed=False, to_metres=to_metres)
    return roofs_of_drawing(drawing, building, wish, ground=ground, taken={roof.id for roof in building.roofs})
