"""What forms and pages ask and show of a record: fields made from the record's own model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from bkkenergy.plan.records import PLAN_KINDS
from bkkenergy.portfolio.records import Kinds
from bkkenergy.site.record_kinds import SITE_KINDS

ALL_KINDS: Kinds = {**SITE_KINDS, **PLAN_KINDS}
"""Every kind that has pages: those of the portfolio, and projects of the plan."""

Widget = Literal[
    "text", "long", "number", "whole", "tick", "choice", "date", "instant", "one", "many", "ticks", "days", "points",
    "hours", "pairs", "rows", "plain",
]  # fmt: skip
"""How a field is asked for. one, many : names of other records; points : numbers, a line a point; pairs : a name and a
number a row; rows : tables; plain : as JSON, for what has no form of its own."""

TARGETS: Mapping[str, str] = {
    "agency": "agency", "agencies": "agency", "building": "building", "buildings": "building", "calendar": "calendar",
    "meter": "meter", "meters": "meter", "parent": "meter", "plus": "meter", "minus": "meter", "pv_meter": "meter",
    "system_meters": "meter", "cooling_meter": "meter",
    "tariff": "tariff", "schedule": "tariff", "payload": "payload", "programme": "programme", "workshop": "workshop",
}  # fmt: skip
"""Fields that name something: which kind of thing."""
LONG = frozenset({"note", "reason", "source", "source_th", "needs", "gaps", "answer"})
WRITTEN_FOR_ONE = frozenset({"entered", "entered_by", "promise"})
"""Fields that say who entered a thing and when, and what a proposal said: they are filled in, and not asked for."""

GROUPS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "building": (
        ("names", ("agency", "name_th", "name_en", "type", "id")),
        ("size", ("gross_floor_area_m2", "drivers")),
        ("place", ("latitude_deg", "longitude_deg")),
        ("energy", ("tariff", "calendar")),
    ),
    "meter": (
        ("names", ("building", "name_th", "name_en", "id", "kind", "parent", "pv", "tenant")),
        ("ratios", ("rated_kw", "ct_ratio", "vt_ratio", "rated_m3_per_h")),
        ("messages", ("topic", "payload", "key", "gateway", "interval_s")),
        ("register", ("register_digits", "rollover_kwh", "resolution_kwh", "restarts_at_zero")),
        ("life", ("commissioned", "exchanges")),
    ),
    "calendar": (
        ("names", ("name_th", "name_en", "id", "source")),
        ("hours", ("hours", "closed_on_holidays")),
        ("terms", ("terms",)),
        ("closures", ("closures", "closed_dates", "open_dates")),
    ),
    "account": (
        ("names", ("utility", "number", "name_th", "name_en", "id")),
        ("members", ("buildings", "meters")),
        ("contract", ("schedule", "read_day", "voltage_kv", "meter_side", "contract_demand_kw")),
    ),
    "roof": (
        ("names", ("building", "id", "support")),
        ("size", ("area_m2", "outline_m", "tilt_deg", "azimuth_deg", "usable_ratio", "installed_kwp")),
        ("shade", ("obstacles", "horizon")),
    ),
    "project": (
        ("names", ("agency", "building", "kind", "name_th", "name_en", "id")),
        ("plan", ("programme", "owner", "budget_thb", "expected_kwh", "due_year_be")),
        (
            "measured",
            (
                "option", "pv_meter", "system_meters", "cooling_meter", "reference_efficiency", "project_efficiency",
                "before_kw", "after_kw", "hours_a_year", "stipulated_half_ratio", "method",
            ),
        ),
        ("life", ("state", "done_on", "note")),
    ),
}  # fmt: skip
"""Groups of fields in the order in which the field's people ask for them; a kind without any has one group."""


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form.

    target : the kind of thing that it names. choices : what it may be. parts : fields of each row. default : where it
    is left empty.
    """

    name: str
    widget: Widget
    is_required: bool = False
    default: Any = None
    target: str = ""
    choices: tuple[str, ...] = ()
    parts: tuple[FormField, ...] = ()
    bounds: Mapping[str, Any] = field(default_factory=dict)


@cache
def fields_of(kind: str) -> tuple[FormField, ...]:
    """Return the fields of a kind in the order in which forms ask for them."""
    return tuple(named for _, group in groups_of(kind) for named in group)


@cache
def groups_of(kind: str) -> tuple[tuple[str, tuple[FormField, ...]], ...]:
    """Return the groups of a kind's fields, each with its name; the last one has what no group names."""
    known = {one.name: one for one in _all_fields(kind)}
    groups: list[tuple[str, tuple[FormField, ...]]] = []
    for name, members in GROUPS.get(kind, ()):
        groups.append((name, tuple(known.pop(member) for member in members)))
    if known:
        groups.append(("other" if groups else "names", _id_last(known)))
    return tuple(groups)


def _id_last(fields: Mapping[str, FormField]) -> tuple[FormField, ...]:
    return tuple(sorted(fields.values(), key=lambda one: one.name == "id"))


def _all_fields(kind: str) -> Iterator[FormField]:
    known = ALL_KINDS[kind]
    schema = known.model.model_json_schema(mode="validation")
    required = set(schema.get("required", ()))
    for name, prop in schema["properties"].items():
        if name not in known.parts and name not in WRITTEN_FOR_ONE:
            yield _field(name, prop, schema.get("$defs", {}), is_required=name in required)


def _field(name: str, prop: Mapping[str, Any], defs: Mapping[str, Any], *, is_required: bool) -> FormField:
    inner = _resolved(prop, defs)
    widget, choices, parts = _widget(name, inner, defs)
    target = TARGETS.get(name, "") if widget in {"one", "many"} else ""
    bounds = {key: inner[key] for key in ("minimum", "maximum", "maxLength") if key in inner}
    return FormField(name, widget, is_required, prop.get("default"), target, choices, parts, bounds)


def _resolved(prop: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a property is where it is not null, with references followed."""
    options = [one for one in prop.get("anyOf", ()) if one.get("type") != "null"]
    inner = options[0] if options else prop
    reference = inner.get("$ref") or next((one.get("$ref") for one in inner.get("allOf", ())), None)
    return inner if reference is None else defs[reference.rpartition("/")[2]]


def _widget(
    name: str, inner: Mapping[str, Any], defs: Mapping[str, Any]
) -> tuple[Widget, tuple[str, ...], tuple[FormField, ...]]:
    match inner.get("type"):
        case "boolean":
            return "tick", (), ()
        case "integer":
            return "whole", (), ()
        case "number":
            return "number", (), ()
        case "array":
            return _widget_of_list(inner, defs)
        case "object":
            is_hours = "propertyNames" in inner
            return ("hours", tuple(inner["propertyNames"]["enum"]), ()) if is_hours else ("pairs", (), ())
        case _:
            return _widget_of_text(name, inner), tuple(inner.get("enum", ())), ()


def _widget_of_text(name: str, inner: Mapping[str, Any]) -> Widget:
    if "enum" in inner:
        return "choice"
    if "const" in inner:
        return "text"
    formats: Mapping[str, Widget] = {"date": "date", "date-time": "instant"}
    if (widget := formats.get(inner.get("format", ""))) is not None:
        return widget
    if name in TARGETS:
        return "one"
    return "long" if name in LONG else "text"


def _widget_of_list(
    inner: Mapping[str, Any], defs: Mapping[str, Any]
) -> tuple[Widget, tuple[str, ...], tuple[FormField, ...]]:
    items = _resolved(inner.get("items", {}), defs)
    match items.get("type"):
        case "array":
            holds_lists = _resolved(items.get("items") or {}, defs).get("type") == "array"
            return ("plain" if holds_lists else "points"), (), ()
        case "object":
            parts = _parts(items, defs)
            is_flat = all(part.widget not in {"points", "rows", "pairs"} for part in parts)
            return ("rows", (), parts) if is_flat else ("plain", (), ())
        case _ if "enum" in items:
            return "ticks", tuple(items["enum"]), ()
        case _ if items.get("format") == "date":
            return "days", (), ()
        case _:
            return "many", (), ()


def _parts(items: Mapping[str, Any], defs: Mapping[str, Any]) -> tuple[FormField, ...]:
    required = set(items.get("required", ()))
    return tuple(_field(part, prop, defs, is_required=part in required) for part, prop in items["properties"].items())


def label_key(kind: str, name: str, known: Mapping[str, str]) -> str:
    """Return the key of a field's label: one of its kind where there is one, else that of all fields of its name."""
    own_key = f"record_label.{kind}.{name}"
    return own_key if own_key in known else f"record_field.{name}"


def choice_key(kind: str, name: str, choice: str, known: Mapping[str, str]) -> str:
    """Return the key of the name of a choice."""
    groups = {
        ("building", "type"): "building_type",
        ("meter", "kind"): "meter_kind",
        ("project", "kind"): "project_kind",
        ("project", "state"): "project_state",
        ("project", "option"): "option",
        ("partner", "measures"): "project_kind",
        ("need", "measure"): "project_kind",
        ("partner", "kind"): "partner_kind",
        ("workshop", "kind"): "workshop_kind",
    }
    group = groups.get((kind, name))
    if group is not None:
        return f"{group}.{choice}"
    own_key = f"record_choice.{kind}_{name}.{choice}"
    return own_key if own_key in known else f"record_choice.{name}.{choice}"
