"""Shapefiles, by pyshp: a .zip of .shp, .dbf and .prj, or the .shp with the others beside it."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from shapely.errors import GEOSException
from shapely.geometry import shape

from bkkenergy.adapters.outlines.footprint import Footprint, OutlineFile, footprints_of, named, texts
from bkkenergy.adapters.outlines.optional import needs_extra
from bkkenergy.errors import InputError
from bkkenergy.regularfiles import BROKEN_ZIP

MAX_UNPACKED = 200_000_000
BROKEN = (struct.error, ValueError, IndexError, LookupError, OSError, TypeError, AttributeError, OverflowError)
PARTS = (".shp", ".dbf", ".shx", ".prj", ".cpg")
ENCODINGS = ("utf-8", "cp874")
"""Where no .cpg says it: that of today, then Thai Windows."""


def parts_of_zip(content: bytes) -> dict[str, bytes]:
    """Return the parts of the one shapefile within a .zip, by suffix. Raises InputError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            by_suffix = {
                suffix: [info for info in archive.infolist() if PurePosixPath(info.filename).suffix.lower() == suffix]
                for suffix in PARTS
            }
            shapes = [PurePosixPath(info.filename) for info in by_suffix[".shp"]]
            if len(shapes) != 1:
                raise InputError.of(
                    "outlines_shapefiles_in_zip",
                    count=len(shapes),
                    names=", ".join(str(path) for path in shapes) or "-",
                )
            stem = shapes[0].with_suffix("")
            chosen = {
                suffix: info
                for suffix, infos in by_suffix.items()
                for info in infos
                if PurePosixPath(info.filename).with_suffix("") == stem
            }
            if sum(info.file_size for info in chosen.values()) > MAX_UNPACKED:
                raise InputError.of("outlines_too_large", count=f"{MAX_UNPACKED / 1e6:.0f}")
            return {suffix: archive.read(info) for suffix, info in chosen.items()}
    except BROKEN_ZIP as error:
        raise InputError.of("outlines_no_zip", reason=str(error)[:200]) from None


def read_shapefile(parts: Mapping[str, bytes]) -> OutlineFile:
    """Read the polygons of a shapefile from its parts by suffix. Raises InputError."""
    with needs_extra():
        import shapefile  # noqa: PLC0415 - an extra
    said = parts.get(".cpg", b"").decode("ascii", "ignore").strip()
    reason = ""
    for encoding in (said,) if said else ENCODINGS:
        try:
            footprints, passed_over = _read(shapefile, parts, encoding)
        except (shapefile.ShapefileException, GEOSException, *BROKEN) as error:
            reason = reason or str(error)[:200]
            continue
        return OutlineFile(
            tuple(footprints), parts.get(".prj", b"").decode("utf-8", "replace").strip(), 1.0, passed_over
        )
    raise InputError.of("outlines_no_shapefile", reason=reason)


def _read(shapefile: Any, parts: Mapping[str, bytes], encoding: str) -> tuple[list[Footprint], int]:
    files = {suffix[1:]: io.BytesIO(parts[suffix]) for suffix in (".shp", ".dbf", ".shx") if suffix in parts}
    footprints: list[Footprint] = []
    passed_over = 0
    with shapefile.Reader(**files, encoding=encoding, encodingErrors="strict") as reader:
        for record in reader.iterShapeRecords():
            tags = texts(record.record.as_dict()) if "dbf" in files else {}
            geometry = record.shape.__geo_interface__
            is_polygon = geometry.get("type") in {"Polygon", "MultiPolygon"} and geometry.get("coordinates")
            found_parts = footprints_of(shape(geometry), named(tags), tags) if is_polygon else []
            footprints += found_parts
            passed_over += not found_parts
    return footprints, passed_over
