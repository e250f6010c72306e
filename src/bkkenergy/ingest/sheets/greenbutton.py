"""Green Button files: Atom feeds of the Energy Services Provider Interface (ESPI, NAESB REQ.21).

Source of elements and codes: `espi.xsd` 3.3 in the Green Button Alliance's OpenESPI-Common-java. An IntervalBlock is of
the MeterReading under whose address it is filed, and that links to its ReadingType. Times are seconds since 1970 UTC
and label the start. The file is read as a stream: whatever its size, little of it is in memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from xml.parsers import expat

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets.filetable import Refusal
from bkkenergy.ingest.sheets.grid import bounded
from bkkenergy.ingest.sheets.series import FileSeries, SeriesFile
from bkkenergy.readings import LATEST, US_PER_S
from bkkenergy.texts import Phrase

ESPI = "http://naesb.org/espi"
PIECE_BYTES = 64 << 10
MAX_TOKEN_BYTES = 1 << 20
"""A tag or comment that is longer than this is none of a Green Button file."""
MAX_DEPTH = 50
MAX_TEXT = 300
"""Characters of an element that count. The rest of a longer one is not looked at."""
MAX_READINGS = 1_000_000
"""Of a file: 28 years of quarter-hours."""
MAX_ENTRIES = 200_000
MAX_LINKS, MAX_NAMES = 100, 1000
"""Links of an entry; different names of elements and attributes, which the parser remembers to its end."""
POWER_OF_TEN = re.compile(r"[-+]?(?:[0-9]|1[0-2])")
DIGITS = re.compile(r"[-+]?[0-9]{1,18}")
UNITS_OF: Mapping[str, tuple[str, float]] = MappingProxyType({"72": ("wh", 1.0), "38": ("w", 1.0)})
"""UnitSymbolKind -> unit."""
ELECTRICITY = frozenset(("", "0", "1", "2"))
FORWARD, MEANS = frozenset(("", "0", "1")), frozenset(("", "0", "2", "12"))
"""FlowDirectionKind to the customer; DataQualifierKind of a mean: none, average, normal."""
DELTA, REGISTERS = "4", frozenset(("1", "2", "3", "9"))
"""AccumulationKind: of an interval; of a register."""
OF_READING = frozenset(
    (
        ("timePeriod", "start"),
        ("timePeriod", "duration"),
        ("IntervalReading", "value"),
        ("ReadingQuality", "quality"),
    )
)
"""Elements of an IntervalReading that are read, each with the one around it."""
ESTIMATED = frozenset((7, 8, 9, 10, 13))
"""QualityOfReading: edited by a person, estimated in two ways, questionable, mixed."""
UNUSABLE = MappingProxyType({12: Phrase("row.forecast"), 15: Phrase("row.for_weather")})


def is_xml(head: bytes) -> bool:
    """Return whether a file begins as an Atom feed in XML."""
    text = head.decode("utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig", errors="replace")
    return re.match(r"\s*<(\?xml\s|([\w.-]+:)?(feed|entry)[\s>])", text) is not None


@dataclass(slots=True)
class _Reading:
    number: int
    start_s: int | None = None
    duration_s: int = 0
    value: int | None = None
    quality: list[int] = field(default_factory=list)
    why: Phrase | None = None


@dataclass(slots=True)
class _Entry:
    """What an entry of the feed holds. kinds : of the ESPI elements in it. fields : of a ReadingType."""

    links: list[tuple[str, str]] = field(default_factory=list)
    title: str = ""
    name: str = ""
    kinds: set[str] = field(default_factory=set)
    fields: dict[str, str] = field(default_factory=dict)
    blocks: list[tuple[int | None, list[_Reading]]] = field(default_factory=list)

    def address(self, kind: str) -> str:
        """Return its own address from a kind of resource on, so that hosts and prefixes do not count."""
        address = next((href for rel, href in self.links if rel == "self"), "")
        return address[max(address.find(kind), 0) :].rstrip("/")

    def linked(self, kind: str) -> list[str]:
        return [href[href.rfind(kind) :].rstrip("/") for rel, href in self.links if rel == "related" and kind in href]

    @property
    def filed_under(self) -> str:
        """The address of the MeterReading whose block this is."""
        for rel in ("up", "self"):
            href = next((href for name, href in self.links if name == rel and "/IntervalBlock" in href), None)
            if href is not None:
                return href[max(href.find("UsagePoint/"), 0) : href.rfind("/IntervalBlock")]
        return ""


class _Feed:
    """Hears the parser: entries of the feed, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.types: dict[str, dict[str, str]] = {}
        self.meter_readings: dict[str, list[str]] = {}
        self.usage_points: dict[str, tuple[str, ...]] = {}
        self.blocks: list[tuple[str, int | None, list[_Reading]]] = []
        self.is_espi = False
        self.heard_at_bytes = self.fed_bytes = 0
        self._stack: list[str] = []
        self._entry = _Entry()
        self._reading: _Reading | None = None
        self._text = ""
        self._count = self._entries_count = 0

    def parse(self) -> None:
        """Read the file. Raises InputError."""
        names: dict[str, str] = {}
        parser = expat.ParserCreate(namespace_separator=" ", intern=names)
        parser.StartElementHandler, parser.EndElementHandler = self._begin, self._end
        parser.CharacterDataHandler = self._hear
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.buffer_text = True
        try:
            with bounded(self.path) as stream:
                while piece := stream.read(PIECE_BYTES):
                    self.fed_bytes += len(piece)
                    parser.Parse(piece, False)
                    if self.fed_bytes - self.heard_at_bytes > MAX_TOKEN_BYTES:
                        raise InputError.of("xml_part_long", path=self.path, max=f"{MAX_TOKEN_BYTES:,}")
                    if len(names) > MAX_NAMES:
                        raise InputError.of("xml_names_many", path=self.path, max_names=f"{MAX_NAMES:,}")
            parser.Parse(b"", True)
        except (expat.ExpatError, UnicodeError, LookupError, ValueError) as error:
            raise InputError.of("xml_not_whole", path=self.path, error=error) from None

    def _refuse_doctype(self, *_: object) -> None:
        raise InputError.of("green_button_doctype", path=self.path)

    def _hear(self, text: str) -> None:
        self.heard_at_bytes = self.fed_bytes
        if len(self._text) < MAX_TEXT:
            self._text += text[:MAX_TEXT]

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.heard_at_bytes, self._text = self.fed_bytes, ""
        space, _, name = tag.rpartition(" ")
        self._stack.append(name)
        if len(self._stack) > MAX_DEPTH:
            raise InputError.of("xml_deep", path=self.path, max_depth=MAX_DEPTH)
        if name == "entry":
            self._entry = _Entry()
        elif name == "link":
            self._entry.links.append((attributes.get("rel", "")[:MAX_TEXT], attributes.get("href", "")[:MAX_TEXT]))
            if len(self._entry.links) > MAX_LINKS:
                raise InputError.of("xml_links_many", path=self.path, max_links=MAX_LINKS)
        if space == ESPI:
            self.is_espi = True
            self._begin_espi(name)

    def _begin_espi(self, name: str) -> None:
        self._entry.kinds.add(name)
        if name == "IntervalBlock":
            self._entry.blocks.append((None, []))
            self._count_entry()
        elif name == "IntervalReading":
            self._count += 1
            if self._count > MAX_READINGS:
                raise InputError.of("values_many", path=self.path, max_readings=f"{MAX_READINGS:,}")
            self._reading = _Reading(self._count)

    def _end(self, tag: str) -> None:
        self.heard_at_bytes = self.fed_bytes
        name, text = self._stack.pop(), self._text.strip()
        parent = self._stack[-1] if self._stack else ""
        self._text = ""
        if name == "entry":
            self._file_entry()
        elif name == "title" and parent == "entry":
            self._entry.title = text
        elif not tag.startswith(ESPI):
            return
        elif self._reading is not None:
            self._of_reading(self._reading, name, parent, text)
        elif parent == "ReadingType":
            self._entry.fields[name] = text
        elif (parent, name) == ("ServiceDeliveryPoint", "name"):
            self._entry.name = text
        elif (parent, name) == ("interval", "start") and self._entry.blocks and DIGITS.fullmatch(text):
            self._entry.blocks[-1] = (int(text), self._entry.blocks[-1][1])

    def _of_reading(self, reading: _Reading, name: str, parent: str, text: str) -> None:
        if name == "IntervalReading":
            if self._entry.blocks:
                self._entry.blocks[-1][1].append(reading)
            self._reading = None
        elif (parent, name) in OF_READING:
            if not DIGITS.fullmatch(text):
                reading.why = Phrase("row.no_whole_number", {"name": name, "text": text[:20]})
            elif name == "start":
                reading.start_s = int(text)
            elif name == "duration":
                reading.duration_s = int(text)
            elif name == "value":
                reading.value = int(text)
            else:
                reading.quality.append(int(text))

    def _count_entry(self) -> None:
        """Count an entry, or a block in it."""
        self._entries_count += 1
        if self._entries_count > MAX_ENTRIES:
            raise InputError.of("xml_entries_many", path=self.path, max_entries=f"{MAX_ENTRIES:,}")

    def _file_entry(self) -> None:
        entry, self._entry = self._entry, _Entry()
        self._count_entry()
        if "ReadingType" in entry.kinds:
            self.types[entry.address("ReadingType/")] = entry.fields
        if "MeterReading" in entry.kinds:
            self.meter_readings[entry.address("UsagePoint/")] = entry.linked("ReadingType/")
        if "UsagePoint" in entry.kinds:
            self.usage_points[entry.address("UsagePoint/")] = tuple(filter(None, (entry.title, entry.name)))
        self.blocks += [(entry.filed_under, start_s, readings) for start_s, readings in entry.blocks]


def read_green_button(path: Path) -> SeriesFile:
    """Read a file. Raises InputError where it is no Green Button file that can be read."""
    feed = _Feed(path)
    feed.parse()
    if not feed.is_espi:
        raise InputError.of("green_button_none", path=path, espi=ESPI)
    blocks: dict[str, list[tuple[int | None, list[_Reading]]]] = {}
    for address, start_s, readings in feed.blocks:
        blocks.setdefault(address or _only(feed.meter_readings), []).append((start_s, readings))
    if not blocks:
        raise InputError.of("green_button_empty", path=path)
    refused: list[Refusal] = []
    series = [_series(feed, address, parts, refused) for address, parts in blocks.items()]
    return SeriesFile(path, series, refused, [Phrase("file_note.green_button", {"count": len(series)})])


def _only(known: Mapping[str, object]) -> str:
    return next(iter(known)) if len(known) == 1 else ""


def _series(
    feed: _Feed, address: str, parts: list[tuple[int | None, list[_Reading]]], refused: list[Refusal]
) -> FileSeries:
    """Return the series of one MeterReading."""
    linked = feed.meter_readings.get(address, [])
    kind = next((feed.types[one] for one in linked if one in feed.types), None) or feed.types.get(_only(feed.types))
    fields = kind or {}
    usage_point, _, after = address.partition("/MeterReading/")
    ids = [usage_point.rpartition("/")[2] or "1", *([after] if after else [])]
    given = fields.get("intervalLength", "")
    lengths = Counter(reading.duration_s for _, readings in parts for reading in readings if reading.duration_s > 0)
    length_s = lengths.most_common(1)[0][0] if lengths else int(given) if DIGITS.fullmatch(given) else 0
    unit, factor = UNITS_OF.get(fields.get("uom", ""), ("", 1.0))
    power_of_ten = fields.get("powerOfTenMultiplier", "") or "0"
    fault = Phrase("series.no_type") if kind is None else _fault(fields, power_of_ten, length_s)
    one = FileSeries(
        "/".join(ids),
        unit,
        length_s,
        (ids[0], *feed.usage_points.get(usage_point, ())),
        is_use=fields.get("flowDirection", "") in FORWARD,
        fault=fault,
    )
    if not fault:
        default = fields.get("defaultQuality", "")
        usual = [int(default)] if DIGITS.fullmatch(default) else []
        for start_s, readings in parts:
            _take(one, start_s, readings, factor * 10.0 ** int(power_of_ten), usual, refused)
    return one


def _fault(fields: Mapping[str, str], power_of_ten: str, length_s: int) -> Phrase | None:
    """Return why a ReadingType is none of energies of intervals; None where it is one."""
    unit, kind = fields.get("uom", ""), fields.get("accumulationBehaviour", "")
    faults = (
        (fields.get("commodity", "") not in ELECTRICITY, Phrase("series.no_electricity")),
        (not unit, Phrase("series.no_uom")),
        (unit not in UNITS_OF, Phrase("series.other_uom", {"uom": unit[:20]})),
        (kind in REGISTERS, Phrase("series.register")),
        (unit == "72" and kind not in {DELTA, ""}, Phrase("series.no_delta", {"kind": kind[:20]})),
        (unit == "38" and fields.get("dataQualifier", "") not in MEANS, Phrase("series.no_mean")),
        (not POWER_OF_TEN.fullmatch(power_of_ten), Phrase("series.no_power_of_ten", {"text": repr(power_of_ten[:20])})),
        (length_s <= 0, Phrase("series.no_length")),
    )
    return next((why for is_wrong, why in faults if is_wrong), None)


def _take(
    one: FileSeries,
    block_start_s: int | None,
    readings: list[_Reading],
    factor: float,
    usual: list[int],
    refused: list[Refusal],
) -> None:
    """Add the readings of a block. Where they have no times of their own, they follow each other from its start."""
    for index, reading in enumerate(readings):
        start_s = reading.start_s
        if start_s is None and block_start_s is not None:
            start_s = block_start_s + index * one.interval_s
        quality = reading.quality or usual
        why = reading.why or next((UNUSABLE[code] for code in quality if code in UNUSABLE), None)
        if not why and (start_s is None or reading.value is None):
            why = Phrase("row.without_time" if start_s is None else "row.without_value")
        if not why and reading.duration_s not in {0, one.interval_s}:
            why = Phrase("row.other_length", {"seconds": reading.duration_s, "others": one.interval_s})
        if not why and start_s is not None and not 0 < start_s < LATEST.timestamp():
            why = Phrase("row.no_time", {"text": str(start_s)})
        if why:
            refused.append(Refusal(reading.number, one.name, why))
        elif start_s is not None and reading.value is not None:
            is_estimated = not ESTIMATED.isdisjoint(quality)
            one.add(reading.number, start_s * US_PER_S, reading.value * factor, is_estimated=is_estimated)
