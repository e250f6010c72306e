"""The single-line diagram of a design, as SVG."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from bkkenergy.i18n import Words
from bkkenergy.solar.design import SolarDesign
from bkkenergy.solar.tender import Cable, Tender

WIDTH, ROW, TOP = 1120.0, 96.0, 70.0
MOST_ROWS = 6
STYLE = Markup(
    ".sld text{font-family:'Noto Sans Thai','Loma',sans-serif;font-size:14.5px;fill:#17212b}"
    ".sld .box{fill:#fff;stroke:#17212b;stroke-width:1.5}.sld .wire{stroke:#17212b;stroke-width:1.5;fill:none}"
    ".sld .bar{stroke:#17212b;stroke-width:5}.sld .small{font-size:12.5px;fill:#4a5a66}"
    ".sld .title{font-size:16px;font-weight:600}"
)
HEAD = Markup(
    '<svg class="sld" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">'
    '<style>{}</style><rect width="100%" height="100%" fill="#fff"/>'
)


def line_diagram(design: SolarDesign, tender: Tender, words: Words) -> Markup:
    """Draw modules, inverters, breakers, meter and main board from left to right."""
    shown = min(design.strings.inverter_count, MOST_ROWS)
    height = TOP + ROW * shown + 90
    middle = TOP + ROW * shown / 2
    body = [_text(20, 30, words("tender.diagram"), "title")]
    for row in range(shown):
        body += _inverter_row(design, tender, words, row + 1, TOP + ROW * row + ROW / 2)
    rest = design.strings.inverter_count - shown
    if rest:
        body.append(_text(20, TOP + ROW * shown + 14, words("tender.more_inverters", count=rest)))
    body.append(_line(690, TOP + 10, 690, TOP + ROW * shown - 10, "bar"))
    body.append(_text(690, TOP - 6, words("tender.pv_board"), anchor="middle"))
    body += _to_the_grid(tender, words, middle)
    if design.battery is not None:
        body += _battery(f"{design.battery.kwh:g} kWh, {design.battery.kw:g} kW", words, middle)
    body.append(_text(20, height - 34, words("tender.diagram_note"), "small"))
    body.append(_text(20, height - 16, words("tender.provisional"), "small"))
    head = HEAD.format(WIDTH, height, words("tender.diagram"), STYLE)
    return head + Markup("").join(body) + Markup("</svg>")


def _inverter_row(design: SolarDesign, tender: Tender, words: Words, number: int, y: float) -> list[Markup]:
    """Draw strings, inverter and breaker of one inverter."""
    strings = Counter(
        {
            roof: sum(row.strings for row in tender.strings if row.inverter_number == number and row.roof == roof)
            for roof in dict.fromkeys(row.roof for row in tender.strings)
        }
    )
    wired = sum(strings.values())
    roofs = ", ".join(roof for roof, count in strings.items() if count)
    size = _size_of(tender, number)
    string, cable, side = tender.cables[0], tender.cables[1 + size], tender.ac.inverters[size]
    plan = design.strings
    return [
        _box(20, y - 30, 210, 60),
        _text(30, y - 10, words("tender.strings_of", strings=wired, modules=plan.modules_in_string)),
        _text(30, y + 8, f"{design.module.power_w:g} Wp · {roofs}", "small"),
        _line(230, y, 340, y),
        _text(285, y - 8, f"{string.area_mm2:g} mm²", "small", "middle"),
        _box(340, y - 30, 150, 60),
        _text(415, y - 8, words("tender.inverter_number", number=number), anchor="middle"),
        _text(415, y + 10, f"{side.inverter.ac_kw:g} kW", "small", "middle"),
        _text(415, y + 24, "DC / AC", "small", "middle"),
        _line(490, y, 570, y),
        _text(530, y - 8, _area(cable), "small", "middle"),
        *_breaker(590, y, f"{side.breaker_a:g} A"),
        _line(610, y, 690, y),
    ]


def _size_of(tender: Tender, number: int) -> int:
    """Return of which size an inverter is: they are numbered size after size."""
    last = 0
    for at, side in enumerate(tender.ac.inverters):
        last += side.count
        if number <= last:
            return at
    raise ValueError(f"there is no inverter {number}")


def _to_the_grid(tender: Tender, words: Words, y: float) -> list[Markup]:
    """Draw from the PV board to the main board and the grid."""
    ac, main = tender.ac, tender.cables[-1]
    kva = (
        words("tender.kva", kva=words.number(ac.transformer_kva)) if ac.transformer_kva else words("tender.kva_unknown")
    )
    return [
        _line(690, y, 750, y),
        *_breaker(770, y, f"{ac.main_breaker_a:g} A"),
        _line(790, y, 830, y),
        _box(830, y - 22, 60, 44),
        _text(860, y + 5, "kWh", anchor="middle"),
        _line(890, y, 970, y),
        _text(930, y - 8, _area(main), "small", "middle"),
        _line(970, y - 60, 970, y + 60, "bar"),
        _text(970, y - 70, words("tender.main_board"), anchor="middle"),
        _line(970, y - 35, 1040, y - 35),
        Markup('<circle class="box" cx="{:.1f}" cy="{:.1f}" r="16"/>').format(1050, y - 35),
        Markup('<circle class="box" cx="{:.1f}" cy="{:.1f}" r="16" fill-opacity="0"/>').format(1070, y - 35),
        _text(WIDTH - 8, y - 2, kva, "small", "end"),
        _line(970, y + 35, 1040, y + 35),
        _text(1048, y + 40, words("tender.load")),
    ]


def _battery(size: str, words: Words, y: float) -> list[Markup]:
    """Draw a battery at the main board, below the loads."""
    return [
        _line(970, y + 60, 970, y + 98, "bar"),
        _line(970, y + 84, 1000, y + 84),
        _box(1000, y + 62, 112, 44),
        _text(1056, y + 80, words("tender.material_battery"), anchor="middle"),
        _text(1056, y + 97, size, "small", "middle"),
    ]


def _breaker(x: float, y: float, rating: str) -> list[Markup]:
    return [
        Markup('<path class="wire" d="M{:.1f},{:.1f} L{:.1f},{:.1f}"/>').format(x - 20, y, x + 14, y - 14),
        Markup('<circle class="box" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(x - 20, y),
        Markup('<circle class="box" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(x + 20, y),
        _text(x, y + 20, rating, "small", "middle"),
    ]


def _area(cable: Cable) -> str:
    return f"{cable.parallel} x {cable.area_mm2:g} mm²" if cable.parallel > 1 else f"{cable.area_mm2:g} mm²"


def _box(x: float, y: float, width: float, height: float) -> Markup:
    shape = Markup('<rect class="box" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
    return shape.format(x, y, width, height)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "wire") -> Markup:
    shape = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    return shape.format(kind, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> Markup:
    shape = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return shape.format(kind, x, y, anchor, text)
