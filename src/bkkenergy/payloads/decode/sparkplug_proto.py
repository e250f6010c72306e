"""Sparkplug B's payload as protobuf classes, built from the specification's field numbers.

Source: Eclipse Sparkplug Specification 3.0.0, section 6.4 (payload components and data types). Only
what an energy meter can send is read. Other kinds of value are named so that they can be counted; what
they hold stays bytes.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPES = descriptor_pb2.FieldDescriptorProto
_METRIC_FIELDS = (
    ("name", 1, _TYPES.TYPE_STRING),
    ("alias", 2, _TYPES.TYPE_UINT64),
    ("timestamp", 3, _TYPES.TYPE_UINT64),
    ("datatype", 4, _TYPES.TYPE_UINT32),
    ("is_historical", 5, _TYPES.TYPE_BOOL),
    ("is_transient", 6, _TYPES.TYPE_BOOL),
    ("is_null", 7, _TYPES.TYPE_BOOL),
)
_VALUE_FIELDS = (
    ("int_value", 10, _TYPES.TYPE_UINT32),
    ("long_value", 11, _TYPES.TYPE_UINT64),
    ("float_value", 12, _TYPES.TYPE_FLOAT),
    ("double_value", 13, _TYPES.TYPE_DOUBLE),
    ("boolean_value", 14, _TYPES.TYPE_BOOL),
    ("string_value", 15, _TYPES.TYPE_STRING),
    ("bytes_value", 16, _TYPES.TYPE_BYTES),
    ("dataset_value", 17, _TYPES.TYPE_BYTES),
    ("template_value", 18, _TYPES.TYPE_BYTES),
    ("extension_value", 19, _TYPES.TYPE_BYTES),
)
_PAYLOAD_FIELDS = (
    ("timestamp", 1, _TYPES.TYPE_UINT64),
    ("seq", 3, _TYPES.TYPE_UINT64),
    ("uuid", 4, _TYPES.TYPE_STRING),
    ("body", 5, _TYPES.TYPE_BYTES),
)

UNREAD_VALUES = ("bytes_value", "dataset_value", "template_value", "extension_value")
"""Kinds of value of which nothing is read: bytes, files and arrays, tables, structures."""
COMPRESSED = "SPBV1.0_COMPRESSED"
"""The `uuid` of a payload whose `body` is another payload, by GZIP or DEFLATE (Eclipse Tahu, PayloadUtil)."""

SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
"""Datatypes Int8 to Int64, which travel as unsigned two's complement."""


def _payload_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="bkkenergy/sparkplug_b.proto", package="bkkenergy", syntax="proto2")
    payload = file.message_type.add(name="SparkplugPayload")
    metric = payload.nested_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for name, number, kind in (*_METRIC_FIELDS, *_VALUE_FIELDS):
        field = metric.field.add(name=name, number=number, type=kind, label=_TYPES.LABEL_OPTIONAL)
        if number >= _VALUE_FIELDS[0][1]:
            field.oneof_index = 0
    for name, number, kind in _PAYLOAD_FIELDS:
        payload.field.add(name=name, number=number, type=kind, label=_TYPES.LABEL_OPTIONAL)
    payload.field.add(
        name="metrics",
        number=2,
        type=_TYPES.TYPE_MESSAGE,
        label=_TYPES.LABEL_REPEATED,
        type_name=".bkkenergy.SparkplugPayload.Metric",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("bkkenergy.SparkplugPayload"))


Payload = _payload_class()
"""The payload's class: `timestamp`, `metrics`, `seq`, `uuid`, `body`."""
