"""Files of outlines by what they are: the name's ending, or what is inside where it says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

import numpy as np

from bkkenergy.adapters.outlines.dxf import read_dxf
from bkkenergy.adapters.outlines.footprint import MAX_FOOTPRINTS, OutlineFile
from bkkenergy.adapters.outlines.geojson import read_geojson
from bkkenergy.adapters.outlines.kml import read_kml, read_kmz
from bkkenergy.adapters.outlines.osm import read_osm
from bkkenergy.adapters.outlines.shapefile import parts_of_zip, read_shapefile
from bkkenergy.errors import InputError

MAX_BYTES = 50_000_000
FORMS = (".geojson", ".json", ".osm", ".kml", ".kmz", ".dxf", ".zip", ".shp")
READERS: Mapping[str, Callable[[bytes], OutlineFile]] = {
    ".geojson": read_geojson,
    ".json": read_geojson,
    ".osm": read_osm,
    ".kml": read_kml,
    ".kmz": read_kmz,
    ".zip": lambda content: read_shapefile(parts_of_zip(content)),
}


def read_outlines(
    name: str, content: bytes, *, layers: frozenset[str] = frozenset(), beside: Mapping[str, bytes] | None = None
) -> OutlineFile:
    """Read a file of outlines.

    layers : of a DXF drawing; all where none is named. beside : other parts of a .shp, by suffix. Raises InputError.
    """
    if len(content) > MAX_BYTES:
        raise InputError.of("outlines_too_large", count=f"{MAX_BYTES / 1e6:.0f}")
    if not content.strip():
        raise InputError.of("outlines_empty", name=name)
    with np.errstate(invalid="ignore"):  # what is no number is refused by name, once it is seen where it stands
        drawing = _read(name, content, layers, beside or {})
    if not drawing.footprints:
        raise InputError.of("outlines_nothing", name=name, count=drawing.passed_over)
    if len(drawing.footprints) > MAX_FOOTPRINTS:
        raise InputError.of("outlines_too_many", count=f"{MAX_FOOTPRINTS:,}")
    return drawing


def _read(name: str, content: bytes, layers: frozenset[str], beside: Mapping[str, bytes]) -> OutlineFile:
    match PurePosixPath(name.lower()).suffix:
        case ".dxf":
            return read_dxf(content, layers)
        case ".shp":
            return read_shapefile({".shp": content, **beside})
        case ".dwg":
            raise InputError.of("outlines_dwg")
        case suffix if suffix in READERS:
            return READERS[suffix](content)
        case _:
            raise InputError.of("outlines_unknown_form", name=name, known=", ".join(FORMS))
