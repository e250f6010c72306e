"""Rows of a list made into edits of records: new ones, and of known ones the cells that differ. With faults by cell."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bkkenergy.access import EVERY_AGENCY
from bkkenergy.errors import Fault
from bkkenergy.ingest.lists.cells import EMPTY, NO, YES, choice_of, general_name, number_of, plain_name
from bkkenergy.ingest.lists.coordinates import place_of
from bkkenergy.ingest.lists.headings import COORDINATES, DRIVER, PARTS, REVISION
from bkkenergy.ingest.lists.merging import Body, ListRecords, merged
from bkkenergy.ingest.lists.table import ListTable
from bkkenergy.portfolio.document import default_topic
from bkkenergy.portfolio.edits import Amend, Edit, Put
from bkkenergy.portfolio.records import entry_on
from bkkenergy.portfolio.values import checked_value, kind_term
from bkkenergy.usecases.recordforms.fields import ALL_KINDS, FormField, fields_of
from bkkenergy.usecases.recordforms.ids import free_slug, latin_name, slug_of
from bkkenergy.usecases.recordforms.texts import BLANK, PREFIX, number_text, plain, value_of, year_text

LEADING = ("โรงเรียน", "ร.ร.", "รร.", "school ")
"""What an id leaves out at the beginning of a name: the type says it."""
OF_TYPE = "@"
"""What stands between a field and the building type of which its default is."""


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong with a cell. heading : of its column; empty where the whole row is meant."""

    row: int
    column: str
    heading: str
    given: str
    fault: Fault


@dataclass(slots=True)
class ListReading:
    """What a list asks for. row_of : the row of each record, by kind and key."""

    edits: list[Edit] = field(default_factory=list)
    faults: list[CellFault] = field(default_factory=list)
    new: list[tuple[str, str]] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    same_count: int = 0
    romanised_count: int = 0
    """Records whose English name was made of the Thai one."""
    repeated: list[tuple[int, int]] = field(default_factory=list)
    """Rows that say the same as an earlier one, with that one."""
    row_of: dict[tuple[str, str], int] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)
    """Building types in a list of buildings."""
    row_of_name: dict[str, int] = field(default_factory=dict)
    """The row of each name of a new record, within what it is of."""


@dataclass(frozen=True, slots=True)
class ListContext:
    """What a list is read with. mapping : field by heading. defaults : text by field, for cells that are empty, or
    by field and building type (`calendar@school`).

    known : the records in the reader's reach. names : ids by kind and plain name. day : today. from_day : from which
    what the list says holds; None where it corrects what holds today.
    """

    kind: str
    mapping: Mapping[str, str]
    defaults: Mapping[str, str]
    known: ListRecords
    names: Mapping[str, Mapping[str, str]]
    day: dt.date
    from_day: dt.date | None = None


# -- rows ----------------------------------------------------------------------------------------------------------


def read_rows(table: ListTable, context: ListContext) -> ListReading:
    """Return what the rows of a list ask for."""
    reading = ListReading()
    taken = set(context.known.present.by_kind.get(context.kind, {}))
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    for number, cells in table.rows:
        own_texts = _texts(table, cells, context)
        building_type = type_of(context, own_texts)
        reading.types |= {building_type} - {""}
        texts = own_texts | {
            name: text
            for name, text in defaults_of(context, building_type).items()
            if text and own_texts.get(name, "") in EMPTY
        }
        identity = tuple(sorted((name, text) for name, text in texts.items() if text not in EMPTY))
        if identity in seen:
            reading.repeated.append((number, seen[identity]))
            continue
        seen[identity] = number
        own_names = frozenset(name for name, text in own_texts.items() if text not in EMPTY)
        _RowReader(number, texts, own_names, table, context, reading, taken).read()
    return reading


def _texts(table: ListTable, cells: Sequence[str], context: ListContext) -> dict[str, str]:
    """Return the cells of a row by field."""
    by_heading = table.texts(cells)
    return {name: by_heading[heading] for heading, name in context.mapping.items() if name and heading in by_heading}


def defaults_of(context: ListContext, building_type: str) -> dict[str, str]:
    """Return what empty cells mean: as is said of a building type (`calendar@school`), else of all rows."""
    general = {name: text for name, text in context.defaults.items() if OF_TYPE not in name}
    of_type = {name.partition(OF_TYPE): text for name, text in context.defaults.items() if text}
    return general | {name: text for (name, _, one), text in of_type.items() if one and one == building_type}


def type_of(context: ListContext, texts: Mapping[str, str]) -> str:
    """Return the building type of a row, as it says or as the default is; empty where there is none."""
    text = texts.get("type", "")
    said = context.defaults.get("type", "") if text in EMPTY else text
    if context.kind != "building" or not said:
        return ""
    return choice_of("building", next(one for one in fields_of("building") if one.name == "type"), said)


@dataclass(slots=True)
class _RowReader:
    """Reads one row."""

    number: int
    texts: dict[str, str]
    own_names: frozenset[str]
    """Fields that the row itself says; the others are defaults."""
    table: ListTable
    context: ListContext
    reading: ListReading
    taken: set[str]

    def read(self) -> None:
        """Add what the row asks for, or its faults."""
        kind, before = self.context.kind, len(self.reading.faults)
        values = dict(
            self._values(kind, {name: text for name, text in self.texts.items() if name.split(".")[0] not in PARTS})
        )
        key = self._key(values)
        if len(self.reading.faults) > before or not key:
            return
        if (kind, key) in self.reading.row_of:
            first = self.reading.row_of[kind, key]
            self._fault("", Fault.of("list_twice", key, name=key, first=first))
            return
        self._enter(kind, key, values)
        if kind == "building":
            self._enter_parts(key, values)

    def _enter(self, kind: str, key: str, values: Mapping[str, Any]) -> None:
        """Add a new record, or the fields in which a known one differs."""
        self.reading.row_of[kind, key] = self.number
        known, day = self.context.known, self.context.day
        present = entry_on(known.present.of(kind, key), day)
        exported = self._exported(kind, key)
        if present is None:
            self._enter_new(kind, key, values, exported)
            return
        body, shown = known.bodies(present, known.present)
        before, was_shown = exported or (body, shown)
        said = {
            name: value
            for name, value in values.items()
            if not (value == shown.get(name) != body.get(name) or value == was_shown.get(name) != before.get(name))
        }
        if isinstance(values.get("drivers"), dict):
            said["drivers"] = before.get("drivers", {}) | values["drivers"]
        of_row = dict(before) | {name: value for name, value in said.items() if name != "id"}
        row_body = self._checked(kind, key, of_row)
        if row_body is None:
            return
        merge = merged({name: values[name] for name in said}, row_body, before, body)
        for name, theirs in merge.theirs.items():
            said_now = _said(shown.get(name, theirs))
            self._fault(self._path(kind, name), Fault.of("list_meanwhile", key, theirs=said_now))
        after = self._checked(kind, key, dict(body) | merge.fields)
        fields = {name: after[name] for name in merge.fields if after[name] != body.get(name)} if after else {}
        if fields:
            since = present.valid_from if self.context.from_day is None else None
            self.reading.changed.append((kind, key))
            self.reading.edits.append(Amend(kind, key, fields, since))
        else:
            self.reading.same_count += 1

    def _enter_new(self, kind: str, key: str, values: Mapping[str, Any], exported: object) -> None:
        """Add a record that is not there on the day: a new one, or one that begins again."""
        entries = self.context.known.present.of(kind, key)
        end = entries[-1].valid_to if entries else None
        if exported is not None:
            self._fault("", Fault.of("list_removed", key, name=key))
        elif end is not None and (self.context.from_day is None or self.context.from_day < end):
            self._fault("", Fault.of("list_ended", key, name=key, day=end))
        elif (body := self._checked(kind, key, self._with_english(kind, values))) is not None:
            self.reading.new.append((kind, key))
            self.reading.edits.append(Put(kind, body))

    def _checked(self, kind: str, key: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a whole record, or None with its faults."""
        value, faults = checked_value(ALL_KINDS[kind], values, key)
        for fault in faults:
            self._model_fault(kind, key, fault)
        return None if value is None else ALL_KINDS[kind].body_of(value)

    def _exported(self, kind: str, key: str) -> tuple[Body, Body] | None:
        """Return the record as it was exported, whole and as the list has it; None where the row does not say when."""
        text, known = number_text(self.texts.get(REVISION, "")).removesuffix(".0"), self.context.known
        if text in EMPTY or text == "0":
            return None
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
        if not 0 < number <= known.newest:
            self._fault(REVISION, Fault.of("list_revision", key, newest=known.newest))
            return None
        entry = entry_on(known.at(number).of(kind, key), self.context.day)
        return None if entry is None else known.bodies(entry, known.at(number))

    def _with_english(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values with a name in Latin letters, where the record needs an English one and the list has none."""
        names = {one.name for one in fields_of(kind) if one.is_required}
        if "name_en" not in names or values.get("name_en") or not values.get("name_th"):
            return dict(values)
        self.reading.romanised_count += 1
        return dict(values) | {"name_en": latin_name(str(values["name_th"])) or str(values["name_th"])}

    def _enter_parts(self, building: str, values: Mapping[str, Any]) -> None:
        """Add what the row says of the building's meter, roof, account and contact."""
        for part in PARTS:
            cells = {name.partition(".")[2]: text for name, text in self.texts.items() if name.startswith(f"{part}.")}
            is_said = any(name.startswith(f"{part}.") for name in self.own_names)
            if not is_said and not (part == "meter" and cells.get("rated_kw")):
                continue
            before = len(self.reading.faults)
            part_values = dict(self._values(part, cells))
            if len(self.reading.faults) == before:
                body, key = _part_body(part, building, values, part_values)
                is_known = bool(self.context.known.present.of(part, key))
                self._enter(part, key, part_values if is_known else body)

    # -- values ----------------------------------------------------------------------------------------------------

    def _values(self, kind: str, texts: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        """Return the values of fields; cells that cannot be read are faults."""
        drivers = {name.removeprefix(DRIVER): text for name, text in texts.items() if name.startswith(DRIVER)}
        if amounts := {name: number_of(text) for name, text in drivers.items() if text not in EMPTY}:
            yield "drivers", amounts
        if kind == "building":
            yield from self._place(texts)
        for one in fields_of(kind):
            text = texts.get(one.name, "")
            if text.casefold() in EMPTY or (kind == "building" and one.name in {"latitude_deg", "longitude_deg"}):
                continue
            value = self._value(kind, one, text)
            if value is not BLANK:
                yield one.name, value

    def _place(self, texts: Mapping[str, str]) -> Iterator[tuple[str, float]]:
        pair = texts.get(COORDINATES, "")
        north, east = texts.get("latitude_deg", ""), texts.get("longitude_deg", "")
        is_pair = pair not in EMPTY
        if not is_pair and north in EMPTY and east in EMPTY:
            return
        position = place_of(pair) if is_pair else place_of(north, east or " ")
        if position is None:
            name = COORDINATES if is_pair else "latitude_deg"
            self._fault(name, Fault.of("list_place", name, given=pair or f"{north} {east}".strip()))
            return
        yield "latitude_deg", position[0]
        yield "longitude_deg", position[1]

    def _value(self, kind: str, one: FormField, text: str) -> Any:  # noqa: PLR0911 - one a widget
        match one.widget:
            case "choice":
                return choice_of(kind, one, text)
            case "one" | "many" if one.target in self.context.names:
                names = re.split(r"[;,\n]", text) if one.widget == "many" else [text]
                ids = [self._named(kind, one, name.strip()) for name in names if name.strip()]
                return BLANK if None in ids else ids if one.widget == "many" else ids[0]
            case "many":
                return [name.strip() for name in re.split(r"[;,\n]", text) if name.strip()]
            case "tick":
                plain = plain_name(text)
                return True if plain in YES else False if plain in NO else text
            case "number" | "whole":
                is_year = one.name.endswith("_year")
                return year_text(text) if is_year else number_of(text, is_ratio=one.name.endswith("_ratio"))
            case "date":
                return value_of(one, {f"{PREFIX}{one.name}": text.partition(" 00:00:00")[0]})
            case "text":
                return re.sub(r"(?<=\d)\.0$", "", text)
            case _:
                return value_of(one, {f"{PREFIX}{one.name}": text})

    def _named(self, kind: str, one: FormField, text: str) -> str | None:
        if one.target == "agency" and one.widget == "many" and plain_name(text) == EVERY_AGENCY:
            return EVERY_AGENCY
        names = self.context.names[one.target]
        known = names.get(plain_name(text)) or names.get(general_name(text))
        is_id = one.target == "tariff" or (one.target == "building" and self.context.known.present.of("building", text))
        if known is None and not is_id:
            fault = Fault.of("no_reference", text, kind=kind_term(one.target), name=text)
            self._fault(self._path(kind, one.name), fault)
            return None
        return known or text

    # -- ids -------------------------------------------------------------------------------------------------------

    def _key(self, values: dict[str, Any]) -> str:
        """Return the key of the row's record: by its id, by its name where that is known, else one made of its name."""
        kind = self.context.kind
        within = {"building": "agency", "meter": "building", "virtual_meter": "building"}.get(kind)
        if within is not None and not values.get(within) and "." not in str(values.get("id", "")):
            if not self._faults_of(within):
                self._fault(within, Fault.of("missing", within))
            return ""
        prefix = f"{values[within]}." if within and values.get(within) else ""
        local = str(values.get("id") or "")
        if not local:
            known = self._known_key(values, prefix)
            if known:
                values["id"] = known
                return known
            name = f"{prefix}{plain_name(str(values.get('name_th', '')))}"
            first = self.reading.row_of_name.setdefault(name, self.number)
            if first != self.number and values.get("name_th"):
                self._fault("name_th", Fault.of("list_twice", name, name=values["name_th"], first=first))
                return ""
            local = self._new_local(values, prefix)
        whole = local if not prefix or "." in local else f"{prefix}{slug_of(local) or local}"
        if kind in {"roof", "channel"}:
            return f"{values.get('building') or values.get('meter')}.{values.get('id') or values.get('name')}"
        values["id"] = whole
        if kind == "meter" and not values.get("topic") and whole not in self.taken:
            building, _, name = whole.rpartition(".")
            values["topic"] = default_topic(building, name)
        return whole

    def _faults_of(self, name: str) -> bool:
        headings = {heading for heading, field_name in self.context.mapping.items() if field_name == name}
        return any(one.row == self.number and one.heading in headings for one in self.reading.faults)

    def _known_key(self, values: Mapping[str, Any], prefix: str) -> str:
        """Return the record of the same names that there is already, of the same agency or building."""
        names = {plain_name(str(values[name])) for name in ("name_th", "name", "number") if values.get(name)}
        for key, entries in self.context.known.present.by_kind.get(self.context.kind, {}).items():
            value: Any = entries[-1].value
            own_names = {plain_name(str(getattr(value, name, None) or "")) for name in ("name_th", "name", "number")}
            is_of_the_same = all(
                getattr(value, name, None) == values[name] for name in ("agency", "building") if values.get(name)
            )
            if key.startswith(prefix) and is_of_the_same and names & (own_names - {""}):
                return key
        return ""

    def _new_local(self, values: Mapping[str, Any], prefix: str) -> str:
        names = [str(values.get(name, "")) for name in ("name_en", "name_th", "name", "number", "to")]
        shortened = [_without_leading(name) for name in names]
        slug = next((slug for name in shortened if (slug := slug_of(name))), self.context.kind.replace("_", "-"))
        taken = {key.removeprefix(prefix) for key in self.taken if key.startswith(prefix)}
        local = free_slug(slug, taken)
        self.taken.add(f"{prefix}{local}")
        return local

    # -- faults ----------------------------------------------------------------------------------------------------

    def _path(self, kind: str, name: str) -> str:
        return name if kind == self.context.kind else f"{kind}.{name}"

    def _model_fault(self, kind: str, key: str, fault: Fault) -> None:
        name = re.split(r"[.\[]", fault.where.removeprefix(key).lstrip(".: "))[0]
        path = self._path(kind, name)
        mapped = set(self.context.mapping.values()) | set(self.context.defaults)
        if name in {"latitude_deg", "longitude_deg"} and path not in mapped:
            path = COORDINATES
        if name == "drivers":
            inner = fault.where.rpartition(".")[2]
            path = f"{DRIVER}{inner}"
        self._fault(path, fault)

    def _fault(self, name: str, fault: Fault) -> None:
        heading = next((text for text, mapped in self.context.mapping.items() if mapped == name), "")
        column = self.table.column_of(heading) if heading else ""
        self.reading.faults.append(CellFault(self.number, column, heading or name, self.texts.get(name, ""), fault))


def _said(value: Any) -> str:
    """Return a value as a cell has it; a dash for none."""
    if value is None:
        return "–"
    return ", ".join(map(plain, value)) if isinstance(value, list) else plain(value)


def _without_leading(name: str) -> str:
    plain = name.strip()
    for word in LEADING:
        if plain.casefold().startswith(word):
            return plain[len(word) :].strip() or plain
    return plain


def _part_body(
    part: str, building: str, of_building: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return a building's meter, roof, account or contact as a new record, and its key."""
    local = building.replace(".", "-")
    match part:
        case "meter":
            key = f"{building}.main"
            return {"id": key, "building": building, "topic": default_topic(building, "main")} | dict(values), key
        case "roof":
            return {"id": "main", "building": building} | dict(values), f"{building}.main"
        case "account":
            schedule = {"schedule": of_building["tariff"]} if of_building.get("tariff") else {}
            body = {"id": f"{local}-account", "utility": "mea", "buildings": [building]} | schedule | dict(values)
            return body, body["id"]
        case _:
            body = {"id": f"{local}-contact", "agency": building.partition(".")[0], "building": building}
            return body | dict(values), body["id"]
