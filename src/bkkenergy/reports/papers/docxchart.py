"""Charts of a document that an office can edit: drawn by Word from figures that lie in a workbook inside it."""

from __future__ import annotations

import io
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import xlsxwriter
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.shared import Cm

from bkkenergy.adapters.files import AS_TEXT
from bkkenergy.reports.papers.model import ChartSeries, PaperChart

CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
INLINE = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
CHART_TYPE = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
BOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET = "Sheet1"
USED, USUAL = "2B6F8C", "8A5A00"
"""As pages have them: use, and what it is compared with, which differ in black and white by shape too."""
MAX_NAMES = 16
"""As many names as fit under a chart."""
MAX_UPRIGHT, LEANING = 12, ' rot="-2700000"'
"""With more names than these they lean by 45 degrees, so that a date is not broken over three lines."""


def add_chart(document: Any, chart: PaperChart, title: str, *, width_cm: float, height_cm: float) -> None:
    """Add a chart of its own paragraph; its title is what a reader of the screen hears."""
    package, number = document.part.package, document.part.next_id
    uri = package.next_partname("/word/charts/chart%d.xml")
    book = Part(package.next_partname("/word/embeddings/chart%d.xlsx"), BOOK_TYPE, chart_book(chart), package)
    part = Part(uri, CHART_TYPE, chart_xml(chart, "rId1").encode(), package)
    part.load_rel(RELATIONSHIP_TYPE.PACKAGE, book, "rId1")
    name = document.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
    width, height = int(Cm(width_cm)), int(Cm(height_cm))
    inline = parse_xml(
        f'<wp:inline xmlns:wp="{INLINE}" xmlns:a="{DRAWING}" distT="0" distB="0" distL="0" distR="0">'
        f'<wp:extent cx="{width}" cy="{height}"/>'
        f'<wp:docPr id="{number}" name="chart{number}" descr={quoteattr(title)}/>'
        f'<a:graphic><a:graphicData uri="{CHART}"><c:chart xmlns:c="{CHART}" xmlns:r="{RELATIONS}" r:id="{name}"/>'
        "</a:graphicData></a:graphic></wp:inline>"
    )
    drawing = parse_xml(
        '<w:drawing xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"></w:drawing>'
    )
    drawing.append(inline)
    document.add_paragraph().add_run()._r.append(drawing)  # noqa: SLF001 - python-docx has no charts


def chart_book(chart: PaperChart) -> bytes:
    """Write the figures of a chart as the workbook that opens when someone edits its data."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        sheet = book.add_worksheet(SHEET)
        sheet.write_row(0, 1, [series.name for series in chart.series])
        for row, label in enumerate(chart.labels, 1):
            sheet.write_string(row, 0, label)
            for column, series in enumerate(chart.series, 1):
                if (value := series.values[row - 1]) is not None:
                    sheet.write_number(row, column, value)
    return file.getvalue()


def chart_xml(chart: PaperChart, of_book: str) -> str:
    """Return a chart as DrawingML (ECMA-376 part 1, section 21.2): bars or lines, marks over them."""
    # Each series is a group of its own: bars, lines and marks share both axes.
    plots = "".join(_group(position, series, chart) for position, series in enumerate(chart.series))
    legend = '<c:legend><c:legendPos val="t"/><c:overlay val="0"/></c:legend>' if len(chart.series) > 1 else ""
    skip = f'<c:tickLblSkip val="{-(-len(chart.labels) // MAX_NAMES)}"/>'
    small, across = _text_of_axis(""), _text_of_axis(LEANING if len(chart.labels) > MAX_UPRIGHT else "")
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<c:chartSpace xmlns:c="{CHART}" xmlns:a="{DRAWING}" xmlns:r="{RELATIONS}">'
        '<c:roundedCorners val="0"/><c:chart><c:autoTitleDeleted val="1"/><c:plotArea><c:layout/>'
        f"{plots}"
        '<c:catAx><c:axId val="1"/><c:scaling><c:orientation val="minMax"/></c:scaling><c:delete val="0"/>'
        '<c:axPos val="b"/><c:numFmt formatCode="General" sourceLinked="0"/><c:majorTickMark val="none"/>'
        f'<c:minorTickMark val="none"/><c:tickLblPos val="low"/>{across}<c:crossAx val="2"/>'
        f'<c:lblOffset val="100"/>{skip}</c:catAx>'
        '<c:valAx><c:axId val="2"/><c:scaling><c:orientation val="minMax"/><c:min val="0"/></c:scaling>'
        '<c:delete val="0"/><c:axPos val="l"/><c:majorGridlines><c:spPr><a:ln w="6350"><a:solidFill>'
        '<a:srgbClr val="D9E1E5"/></a:solidFill></a:ln></c:spPr></c:majorGridlines>'
        '<c:numFmt formatCode="#,##0" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>'
        f'<c:tickLblPos val="nextTo"/>{small}<c:crossAx val="1"/></c:valAx></c:plotArea>{legend}'
        '<c:plotVisOnly val="1"/><c:dispBlanksAs val="gap"/></c:chart>'
        f'<c:externalData r:id="{of_book}"><c:autoUpdate val="0"/></c:externalData></c:chartSpace>'
    )


def _text_of_axis(turned: str) -> str:
    return f'<c:txPr><a:bodyPr{turned}/><a:p><a:pPr><a:defRPr sz="900"/></a:pPr><a:endParaRPr/></a:p></c:txPr>'


def _group(position: int, series: ChartSeries, chart: PaperChart) -> str:
    axes = '<c:axId val="1"/><c:axId val="2"/>'
    if series.kind == "bars":
        return (
            '<c:barChart><c:barDir val="col"/><c:grouping val="clustered"/><c:varyColors val="0"/>'
            f'{_series(position, series, chart)}<c:gapWidth val="40"/>{axes}</c:barChart>'
        )
    return (
        '<c:lineChart><c:grouping val="standard"/><c:varyColors val="0"/>'
        f'{_series(position, series, chart)}<c:marker val="1"/>{axes}</c:lineChart>'
    )


def _series(position: int, series: ChartSeries, chart: PaperChart) -> str:
    letter, last = chr(ord("B") + position), len(chart.labels) + 1
    names = "".join(f'<c:pt idx="{n}"><c:v>{escape(label)}</c:v></c:pt>' for n, label in enumerate(chart.labels))
    values = "".join(
        f'<c:pt idx="{n}"><c:v>{value!r}</c:v></c:pt>' for n, value in enumerate(series.values) if value is not None
    )
    size = f'<c:ptCount val="{len(chart.labels)}"/>'
    ends = "" if series.kind == "bars" else '<c:smooth val="0"/>'
    return (
        f'<c:ser><c:idx val="{position}"/><c:order val="{position}"/><c:tx><c:strRef><c:f>{SHEET}!${letter}$1</c:f>'
        f'<c:strCache><c:ptCount val="1"/><c:pt idx="0"><c:v>{escape(series.name)}</c:v></c:pt></c:strCache></c:strRef>'
        f"</c:tx>{_look(series)}"
        f"<c:cat><c:strRef><c:f>{SHEET}!$A$2:$A${last}</c:f><c:strCache>{size}{names}</c:strCache></c:strRef></c:cat>"
        f"<c:val><c:numRef><c:f>{SHEET}!${letter}$2:${letter}${last}</c:f><c:numCache><c:formatCode>#,##0</c:formatCode>"
        f"{size}{values}</c:numCache></c:numRef></c:val>{ends}</c:ser>"
    )


def _look(series: ChartSeries) -> str:
    """Return how a series is drawn: use filled or as a line, what it is compared with dashed or as short marks."""
    colour = f'<a:solidFill><a:srgbClr val="{USED if series.is_use else USUAL}"/></a:solidFill>'
    if series.kind == "bars":
        return f'<c:spPr>{colour}</c:spPr><c:invertIfNegative val="0"/>'
    if series.kind == "marks":
        return (
            '<c:spPr><a:ln w="19050"><a:noFill/></a:ln></c:spPr><c:marker><c:symbol val="dash"/><c:size val="9"/>'
            f"<c:spPr>{colour}</c:spPr></c:marker>"
        )
    dash = "" if series.is_use else '<a:prstDash val="dash"/>'
    return f'<c:spPr><a:ln w="25400">{colour}{dash}</a:ln></c:spPr><c:marker><c:symbol val="none"/></c:marker>'
