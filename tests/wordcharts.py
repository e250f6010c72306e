"""Charts of Word documents, read back."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as ET

import openpyxl
import pytest

CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"


def charts(document: bytes) -> list[dict[str, list[float]]]:
    """Each chart's series of a document by name, once those of the workbook within it are the same."""
    drawn = []
    with zipfile.ZipFile(io.BytesIO(document)) as pack:
        for name in sorted(name for name in pack.namelist() if name.startswith("word/charts/chart")):
            root = ET.fromstring(pack.read(name))
            series = {
                one.find(f"{CHART}tx//{CHART}v").text: [float(v.text) for v in one.iterfind(f"{CHART}val//{CHART}v")]
                for one in root.iter(f"{CHART}ser")
            }
            book = pack.read(name.replace("charts/", "embeddings/").replace(".xml", ".xlsx"))
            head, *rows = openpyxl.load_workbook(io.BytesIO(book)).active.iter_rows(values_only=True)
            for column, (label, values) in enumerate(series.items(), 1):
                assert head[column] == label
                assert [row[column] for row in rows if row[column] is not None] == pytest.approx(values)
            drawn.append(series)
    return drawn
