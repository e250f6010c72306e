"""KML and KMZ, as Google Earth writes them: polygons, and paths that end where they begin."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as ET

from bkkenergy.adapters.outlines.footprint import (
    MIN_CORNERS,
    WGS84,
    XY,
    Footprint,
    OutlineFile,
    ring_of,
)
from bkkenergy.adapters.outlines.xmlfile import attribute, parsed
from bkkenergy.errors import InputError
from bkkenergy.regularfiles import BROKEN_ZIP

MAX_UNPACKED = 50_000_000


def read_kml(content: bytes) -> OutlineFile:
    """Read the placemarks of a KML file. Raises InputError."""
    root = parsed(content)
    footprints: list[Footprint] = []
    passed_over = 0
    for placemark in root.iter("Placemark"):
        parts = _parts(placemark)
        footprints += parts
        passed_over += not parts
    return OutlineFile(tuple(footprints), WGS84, 1.0, passed_over)


def read_kmz(content: bytes) -> OutlineFile:
    """Read the first KML file within a KMZ file. Raises InputError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [info for info in archive.infolist() if info.filename.lower().endswith(".kml")]
            if not names:
                raise InputError.of("outlines_no_kml_inside")
            if names[0].file_size > MAX_UNPACKED:
                raise InputError.of("outlines_too_large", count=f"{MAX_UNPACKED / 1e6:.0f}")
            return read_kml(archive.read(names[0]))
    except BROKEN_ZIP as error:
        raise InputError.of("outlines_no_zip", reason=str(error)[:200]) from None


def _parts(placemark: ET.Element) -> list[Footprint]:
    tags = {"name": _text(placemark, "name")} | {
        attribute(node, "name"): (_text(node, "value") or (node.text or "").strip())
        for kind in ("Data", "SimpleData")
        for node in placemark.iter(kind)
    }
    name = tags["name"]
    shapes = [
        (_ring(polygon.find("outerBoundaryIs")), tuple(_ring(hole) for hole in polygon.findall("innerBoundaryIs")))
        for polygon in placemark.iter("Polygon")
    ]
    shapes += [
        (ring_of(line), ())
        for node in placemark.iter("LineString")
        if (line := _coordinates(node)) and line[0] == line[-1]
    ]
    shapes = [(ring, holes) for ring, holes in shapes if len(ring) >= MIN_CORNERS]
    return [
        Footprint(f"{name} {number}".strip() if len(shapes) > 1 else name, ring, holes, tags)
        for number, (ring, holes) in enumerate(shapes, 1)
    ]


def _text(node: ET.Element, name: str) -> str:
    return (node.findtext(name) or "").strip()


def _ring(boundary: ET.Element | None) -> tuple[XY, ...]:
    return ring_of(_coordinates(boundary)) if boundary is not None else ()


def _coordinates(node: ET.Element) -> list[XY]:
    """Return longitude and latitude of each point. Raises InputError."""
    text = next((part.text or "" for part in node.iter("coordinates")), "")
    try:
        return [(float(x), float(y)) for x, y, *_ in (point.split(",") for point in text.split())]
    except ValueError:
        raise InputError.of("outlines_bad_coordinates", given=text.strip()[:60]) from None
