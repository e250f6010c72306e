"""Records written as the TOML that persons write: local ids, no defaults, and later versions as their differences."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bkkenergy.portfolio.document import DAY, default_topic
from bkkenergy.portfolio.kinds import BUILDING_PARTS, BuildingRoof
from bkkenergy.portfolio.records import EVER, Entry, Records
from bkkenergy.portfolio.snapshot import Parts, parts_by_building
from bkkenergy.tomlfiles import Table

HEAD = "# Written by `bkkenergy portfolio export`.\n"
KEY_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def things_text(records: Records, kind: str, keys: Iterable[str]) -> str:
    """Return the things of a kind as TOML.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    kind : str
        The name of the kind.
    keys : iterable of str
        Which things, in the order in which they are written.

    Returns
    -------
    str
        A table for each, with what changes later.

    Examples
    --------
    >>> from bkkenergy.portfolio.write import things_text
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> things_text(records, "agency", ["education"]).splitlines()[:2]
    ['[[agency]]', 'id = "education"']
    """
    return "\n".join(_table(kind, versions_table(records.of(kind, key))) for key in keys)


def building_text(records: Records, key: str, parts: Parts) -> str:
    """Return a building with its meters, virtual meters and roofs as TOML.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    key : str
        The building's id.
    parts : Parts
        The building's own, of `parts_by_building`.

    Returns
    -------
    str
        The building's table, and one for each part.

    Examples
    --------
    >>> from bkkenergy.portfolio.snapshot import parts_by_building
    >>> from bkkenergy.portfolio.write import building_text
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> key = "district-bangkhen.office"
    >>> text = building_text(records, key, parts_by_building(records)[key])
    >>> text.splitlines()[0], text.count("[[building.meters]]") > 0
    ('[[building]]', True)
    """
    inner = [
        _table(f"building.{plural}", versions_table(entries))
        for part in ("roofs", "meters", "virtual_meters")
        for plural, entries in parts
        if plural == part
    ]
    return "\n".join([_table("building", versions_table(records.of("building", key))), *inner])


def roof_text(roofs: Iterable[BuildingRoof]) -> str:
    """Return roofs as TOML, as they stand below their building in a file of the portfolio.

    Parameters
    ----------
    roofs : iterable of BuildingRoof
        Of one building.

    Returns
    -------
    str
        A table for each.

    Examples
    --------
    >>> from bkkenergy.portfolio.kinds import BuildingRoof
    >>> from bkkenergy.portfolio.write import roof_text
    >>> roof = BuildingRoof(building="a.b", id="main", area_m2=500, tilt_deg=5, azimuth_deg=180)
    >>> roof_text([roof]).splitlines()[:2]
    ['[[building.roofs]]', 'id = "main"']
    """
    return "\n".join(
        _table("building.roofs", roof.model_dump(exclude_defaults=True, exclude={"building"})) for roof in roofs
    )


def versions_table(entries: Sequence[Entry]) -> Table:
    """Return all versions of a thing as one table: the first, and what changes later.

    Parameters
    ----------
    entries : sequence of Entry
        Those of the thing, in the order of their days.

    Returns
    -------
    dict
        The fields of the first version, with `changes` where there are later ones.

    Examples
    --------
    >>> from bkkenergy.portfolio.write import versions_table
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> table = versions_table(records.of("agency", "education"))
    >>> table["id"], "changes" in table
    ('education', False)
    """
    first, *later = entries
    before = written(first)
    table = _dates(first) | before
    changes = []
    for entry in later:
        after = written(entry)
        different = {key: new for key, new in after.items() if key != "id" and before.get(key) != new}
        gone = sorted(before.keys() - after.keys())
        if "topic" in gone:  # the file would say it anyway in a first version alone
            gone.remove("topic")
            different["topic"] = entry.value.topic  # type: ignore[attr-defined]
        change = {"from": entry.valid_from} | different
        changes.append(change | ({"without": gone} if gone else {}) | _dates(entry, has_first=True))
        before = after
    return table | ({"changes": changes} if changes else {})


def _dates(entry: Entry, *, has_first: bool = False) -> Table:
    first = {} if has_first or entry.valid_from == EVER else {"from": entry.valid_from}
    return first | ({"until": entry.valid_to - DAY} if entry.valid_to else {})


def written(entry: Entry) -> Table:
    """Return a value's fields as a person would write them; what the file would say anyway is left out.

    Parameters
    ----------
    entry : Entry
        Of any kind.

    Returns
    -------
    dict
        Its fields, with ids as they are within their building.

    Examples
    --------
    >>> from bkkenergy.portfolio.write import written
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (entry,) = records.of("meter", "district-bangkhen.office.main")
    >>> written(entry)["id"], "topic" in written(entry)
    ('main', False)
    """
    parts = set(BUILDING_PARTS) if entry.kind == "building" else None
    fields = entry.value.model_dump(exclude_defaults=True, exclude=parts)
    match entry.kind:
        case "building":
            agency, _, local = entry.key.partition(".")
            fields["id"] = local if agency == fields["agency"] else entry.key
        case "meter" | "virtual_meter" | "roof":
            _make_local(fields, entry)
        case _:
            pass
    return fields


def _make_local(fields: Table, entry: Entry) -> None:
    building, _, local = entry.key.rpartition(".")
    del fields["building"]
    fields["id"] = local
    if fields.get("topic") == default_topic(building, local):
        del fields["topic"]
    if "parent" in fields:
        fields["parent"] = fields["parent"].removeprefix(f"{building}.")
    for side in ("plus", "minus"):
        if side in fields:
            fields[side] = [name.removeprefix(f"{building}.") for name in fields[side]]


def _table(name: str, fields: Mapping[str, Any]) -> str:
    return "".join([f"[[{name}]]\n", *(f"{_key(key)} = {toml(value)}\n" for key, value in fields.items())])


def single_table(name: str, fields: Mapping[str, Any]) -> str:
    """Return a table that a file has once as TOML.

    Parameters
    ----------
    name : str
        Of the table.
    fields : mapping of str to object
        What is in it.

    Returns
    -------
    str
        The table.

    Examples
    --------
    >>> from bkkenergy.portfolio.write import single_table
    >>> print(single_table("target", {"saving_ratio": 0.1}), end="")
    [target]
    saving_ratio = 0.1
    """
    return _table(name, fields).replace(f"[[{name}]]", f"[{name}]", 1)


def _key(key: str) -> str:
    return key if key and set(key) <= KEY_CHARS else _text(key)


def toml(value: Any) -> str:
    """Return a value as TOML writes it.

    Parameters
    ----------
    value : object
        A text, number, date, list or table.

    Returns
    -------
    str
        The value in TOML.

    Raises
    ------
    TypeError
        If TOML has no form for it.

    Examples
    --------
    >>> from bkkenergy.portfolio.write import toml
    >>> toml("office"), toml([1.5, 2.0])
    ('"office"', '[1.5, 2.0]')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int() | float():
            return repr(value)
        case dt.datetime() | dt.date():
            return value.isoformat()
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items()) + " }"
        case list() | tuple():
            return _array(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no form in TOML. Write it as text.")


def _array(values: Sequence[Any]) -> str:
    parts = [toml(value) for value in values]
    if not any(isinstance(value, Mapping) for value in values):
        return f"[{', '.join(parts)}]"
    return "[\n" + "".join(f"  {part},\n" for part in parts) + "]"


def _text(text: str) -> str:
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007F")


def files_of(records: Records) -> Iterator[tuple[str, str]]:
    """Write the portfolio's files.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.

    Yields
    ------
    tuple of str
        A name below config/, and the file's text.

    Examples
    --------
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.portfolio.write import files_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> [name for name, _ in files_of(records_of(packaged_config_dir()))][:2]
    ['calendars.toml', 'portfolio/agencies.toml']
    """
    yield "calendars.toml", _file(things_text(records, "calendar", records.by_kind.get("calendar", {})))
    yield "portfolio/agencies.toml", _file(things_text(records, "agency", records.by_kind.get("agency", {})))
    parts = parts_by_building(records)
    by_agency: dict[str, list[str]] = {}
    for key, entries in records.by_kind.get("building", {}).items():
        agency: Any = entries[0].value
        by_agency.setdefault(agency.agency, []).append(key)
    for name, keys in by_agency.items():
        text = "\n".join(building_text(records, key, parts.get(key, ())) for key in keys)
        yield f"portfolio/buildings/{name}.toml", _file(text)
    for kind in ("account", "channel", "pv_plant", "contact", "recipient", "threshold", "equipment"):
        if things := records.by_kind.get(kind):
            yield f"portfolio/{kind}s.toml", _file(things_text(records, kind, things))


def _file(text: str) -> str:
    return f"{HEAD}\n{text}"
