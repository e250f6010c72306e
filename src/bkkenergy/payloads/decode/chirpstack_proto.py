"""ChirpStack v4 events as protobuf, which its `marshaler` may be set to: made into what its JSON says.

Source: github.com/chirpstack/chirpstack, api/proto/integration/integration.proto, UplinkEvent and DeviceInfo.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, struct_pb2, timestamp_pb2

from bkkenergy.payloads.message import DecodeError

_TYPES = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "bkkenergy.chirpstack"
_TEXT, _NUMBER, _BYTES = _TYPES.TYPE_STRING, _TYPES.TYPE_UINT32, _TYPES.TYPE_BYTES
_DEVICE = (
    ("tenant_name", 2, _TEXT),
    ("application_id", 3, _TEXT),
    ("application_name", 4, _TEXT),
    ("device_profile_name", 6, _TEXT),
    ("device_name", 7, _TEXT),
    ("dev_eui", 8, _TEXT),
)
_UPLINK = (
    ("deduplication_id", 1, _TEXT),
    ("time", 2, ".google.protobuf.Timestamp"),
    ("device_info", 3, f".{_PACKAGE}.DeviceInfo"),
    ("dev_addr", 4, _TEXT),
    ("dr", 6, _NUMBER),
    ("f_cnt", 7, _NUMBER),
    ("f_port", 8, _NUMBER),
    ("data", 10, _BYTES),
    ("object", 11, ".google.protobuf.Struct"),
)
"""What a reading may need of an uplink; the rest is passed over."""

_FIRST_BYTES = (b"\n", b"\x12", b"\x1a")
"""Tags of an uplink's first fields. The first of them is a line's end, too, which may stand before JSON."""


def is_protobuf(payload: bytes) -> bool:
    """Return whether an event cannot be JSON, and may be protobuf."""
    return payload.startswith(_FIRST_BYTES) and not payload.lstrip().startswith((b"{", b"["))


def parse_uplink(payload: bytes) -> dict[str, Any]:
    """Return an uplink as ChirpStack's JSON would say it. Raises DecodeError."""
    uplink = _uplink_class()()
    try:
        uplink.ParseFromString(payload)
        root: dict[str, Any] = json_format.MessageToDict(uplink)
    except Exception as error:  # noqa: BLE001 - the library raises several kinds for bytes that are no uplink
        raise DecodeError.of("decode_no_uplink", why=" ".join(str(error).split())[:200]) from None
    return root


@cache
def _uplink_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="bkkenergy/chirpstack.proto", package=_PACKAGE, syntax="proto3")
    pool = descriptor_pool.DescriptorPool()
    for known in (timestamp_pb2.DESCRIPTOR, struct_pb2.DESCRIPTOR):
        pool.AddSerializedFile(known.serialized_pb)
        file.dependency.append(known.name)
    for title, fields in (("DeviceInfo", _DEVICE), ("UplinkEvent", _UPLINK)):
        message = file.message_type.add(name=title)
        for name, number, kind in fields:
            field = message.field.add(name=name, number=number, label=_TYPES.LABEL_OPTIONAL)
            if isinstance(kind, str):
                field.type, field.type_name = _TYPES.TYPE_MESSAGE, kind
            else:
                field.type = kind
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.UplinkEvent"))
