"""Sparkplug B's payload as protobuf classes, built from the specification's field numbers.

Source: Eclipse Sparkplug Specification 3.0.0, section 6.4 (payload components and data types).
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPES = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "bkkenergy"
_Field = tuple[str, int, "int | str"]
"""A field's name, number and type: one of protobuf's, or a message of this file."""

_MESSAGES: dict[str, tuple[_Field, ...]] = {
    "Payload": (
        ("timestamp", 1, _TYPES.TYPE_UINT64),
        ("metrics", 2, "[Metric]"),
        ("seq", 3, _TYPES.TYPE_UINT64),
        ("uuid", 4, _TYPES.TYPE_STRING),
        ("body", 5, _TYPES.TYPE_BYTES),
    ),
    "Metric": (
        ("name", 1, _TYPES.TYPE_STRING),
        ("alias", 2, _TYPES.TYPE_UINT64),
        ("timestamp", 3, _TYPES.TYPE_UINT64),
        ("datatype", 4, _TYPES.TYPE_UINT32),
        ("is_historical", 5, _TYPES.TYPE_BOOL),
        ("is_transient", 6, _TYPES.TYPE_BOOL),
        ("is_null", 7, _TYPES.TYPE_BOOL),
        ("properties", 9, "PropertySet"),
        ("int_value", 10, _TYPES.TYPE_UINT32),
        ("long_value", 11, _TYPES.TYPE_UINT64),
        ("float_value", 12, _TYPES.TYPE_FLOAT),
        ("double_value", 13, _TYPES.TYPE_DOUBLE),
        ("boolean_value", 14, _TYPES.TYPE_BOOL),
        ("string_value", 15, _TYPES.TYPE_STRING),
        ("bytes_value", 16, _TYPES.TYPE_BYTES),
        ("dataset_value", 17, "DataSet"),
        ("template_value", 18, "Template"),
        ("extension_value", 19, _TYPES.TYPE_BYTES),
    ),
    "PropertySet": (("keys", 1, "[string]"), ("values", 2, "[PropertyValue]")),
    "PropertyValue": (
        ("type", 1, _TYPES.TYPE_UINT32),
        ("is_null", 2, _TYPES.TYPE_BOOL),
        ("int_value", 3, _TYPES.TYPE_UINT32),
        ("long_value", 4, _TYPES.TYPE_UINT64),
        ("float_value", 5, _TYPES.TYPE_FLOAT),
        ("double_value", 6, _TYPES.TYPE_DOUBLE),
        ("boolean_value", 7, _TYPES.TYPE_BOOL),
        ("string_value", 8, _TYPES.TYPE_STRING),
    ),
    "DataSet": (
        ("num_of_columns", 1, _TYPES.TYPE_UINT64),
        ("columns", 2, "[string]"),
        ("types", 3, "[uint32]"),
        ("rows", 4, "[DataSetRow]"),
    ),
    "DataSetRow": (("elements", 1, "[DataSetValue]"),),
    "DataSetValue": (
        ("int_value", 1, _TYPES.TYPE_UINT32),
        ("long_value", 2, _TYPES.TYPE_UINT64),
        ("float_value", 3, _TYPES.TYPE_FLOAT),
        ("double_value", 4, _TYPES.TYPE_DOUBLE),
        ("boolean_value", 5, _TYPES.TYPE_BOOL),
        ("string_value", 6, _TYPES.TYPE_STRING),
    ),
    "Template": (
        ("version", 1, _TYPES.TYPE_STRING),
        ("metrics", 2, "[Metric]"),
        ("template_ref", 4, _TYPES.TYPE_STRING),
        ("is_definition", 5, _TYPES.TYPE_BOOL),
    ),
}
_SCALARS = {"string": _TYPES.TYPE_STRING, "uint32": _TYPES.TYPE_UINT32}

COMPRESSED = "SPBV1.0_COMPRESSED"
"""The `uuid` of a payload whose `body` is another payload, by GZIP or DEFLATE (Eclipse Tahu, PayloadUtil)."""

SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
"""Datatypes Int8 to Int64, which travel as unsigned two's complement."""
UNSIGNED_BITS = {5: 8, 6: 16, 7: 32, 8: 64}
ARRAYS = dict(zip(range(22, 32), "bhiqBHIQfd", strict=True)) | {34: "Q"}
"""Datatypes Int8Array to DoubleArray, and DateTimeArray: the letter of each element in `struct`. Little endian."""


def _add_field(message: Any, name: str, number: int, kind: int | str) -> None:
    field = message.field.add(name=name, number=number, label=_TYPES.LABEL_OPTIONAL)
    if isinstance(kind, int):
        field.type = kind
        return
    if kind.startswith("["):
        field.label, kind = _TYPES.LABEL_REPEATED, kind.strip("[]")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _TYPES.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"


def _classes() -> Any:
    """Build the classes; of fields that end in `_value` a message has one."""
    file = descriptor_pb2.FileDescriptorProto(name="bkkenergy/sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    for title, fields in _MESSAGES.items():
        message = file.message_type.add(name=title)
        values = [name for name, _, _ in fields if name.endswith("_value")]
        if values:
            message.oneof_decl.add(name="value")
        for name, number, kind in fields:
            _add_field(message, name, number, kind)
            if name in values:
                message.field[-1].oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


Payload = _classes()
"""The payload's class: `timestamp`, `metrics`, `seq`, `uuid`, `body`."""
