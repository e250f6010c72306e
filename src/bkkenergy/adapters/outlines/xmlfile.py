"""XML of persons' files: without a document type, since entities can name other files or grow without end."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from bkkenergy.errors import InputError


def parsed(content: bytes) -> ET.Element:
    """Parse a file; names of elements lose their namespaces. Raises InputError."""
    head = content[:4096].replace(b"\x00", b"")  # UTF-16 too
    if b"<!DOCTYPE" in head or b"<!ENTITY" in content.replace(b"\x00", b""):
        raise InputError.of("outlines_xml_entities")
    try:
        root = ET.fromstring(content)  # noqa: S314 - no document type, so no entities
    except (ET.ParseError, ValueError, LookupError) as error:
        raise InputError.of("outlines_no_xml", reason=str(error)[:200]) from None
    for node in root.iter():
        if isinstance(node.tag, str):
            node.tag = node.tag.rpartition("}")[2]
    return root


def attribute(node: ET.Element, name: str) -> str:
    """Return an attribute, or nothing."""
    return node.attrib.get(name, "")
