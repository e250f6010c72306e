"""Photos of buildings, meters and equipment: added, shown to those who may see the building, removed."""

from __future__ import annotations

import datetime as dt

from bkkenergy.access import Actor
from bkkenergy.adapters.photos import read_photo
from bkkenergy.adapters.state import StateStore, reading, transaction
from bkkenergy.adapters.state.findingwork import work_entries
from bkkenergy.adapters.state.photos import (
    StoredPhoto,
    add_photo,
    content_of,
    count_of_photos,
    counts_of_photos,
    mark_photo_removed,
    photo_numbered,
    photos_of,
)
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError, NotThere
from bkkenergy.portfolio import Building, Meter
from bkkenergy.portfolio.more import Equipment
from bkkenergy.usecases.powers import use_case

MAX_PER_BUILDING = 200
"""Of a building with all its meters, those that were removed too: some 80 MB."""


@use_case("photos.add", "edit", "agency")
def store_photo(
    state: StateStore,
    actor: Actor,
    building: Building,
    part: Meter | Equipment | None,
    content: bytes,
    now: dt.datetime,
    rule: str = "",
) -> int:
    """Store a photo of a building, a meter or equipment of it, or a finding that is worked on; return its number.

    rule : of the finding. What is sent twice is stored once. Raises NotThere, NotAllowed, StoreUnavailable, and
    InputError for what is no picture and where there are too many.
    """
    actor.need("edit", building.agency)
    of = "" if part is None else part.id
    is_of_building = part.building == building.id if isinstance(part, Equipment) else part in (None, *building.meters)
    if not is_of_building:
        raise NotThere
    photo = read_photo(content)
    with transaction(state) as connection:
        if rule and not work_entries(connection, [building.agency], building.id, rule):
            raise NotThere
        if count_of_photos(connection, building.id) >= MAX_PER_BUILDING:
            raise InputError.of("photos_many", max=MAX_PER_BUILDING)
        there = next((one for one in photos_of(connection, building.id, of, rule) if one.sha256 == photo.sha256), None)
        if there is not None:
            return there.number  # sent twice
        number = add_photo(
            connection,
            photo,
            agency=building.agency,
            building=building.id,
            of=of,
            by=actor.name,
            now=now,
            rule=rule,
        )
        detail = {"number": number, "sha256": photo.sha256} | ({"rule": rule} if rule else {})
        enter_audit(connection, actor, "photo_add", of or building.id, detail, now)
    return number


@use_case("photos.remove", "edit", "agency")
def remove_photo(state: StateStore, actor: Actor, number: int, now: dt.datetime) -> StoredPhoto:
    """Remove a photo from its page; a record that was signed with it still shows it. Raises NotThere, NotAllowed."""
    with transaction(state) as connection:
        photo = photo_numbered(connection, number, lock=True)
        if photo is None:
            raise NotThere
        actor.need("edit", photo.agency)
        if not photo.is_removed:
            mark_photo_removed(connection, number, actor.name, now)
            detail = {"number": number, "sha256": photo.sha256}
            enter_audit(connection, actor, "photo_remove", photo.of or photo.building, detail, now)
    return photo


@use_case("photos.read", "see", "agency")
def read_stored_photo(state: StateStore, actor: Actor, number: int) -> bytes:
    """Return the JPEG of a photo. Raises NotThere, NotAllowed, StoreUnavailable."""
    with reading(state) as connection:
        photo = photo_numbered(connection, number)
        if photo is None:
            raise NotThere
        actor.need("see", photo.agency)
        return content_of(connection, number)


def photos_seen(state: StateStore, building: str, of: str = "") -> list[StoredPhoto]:
    """Return the photos of a building, or of a meter or equipment of it, the oldest first. Raises StoreUnavailable."""
    with reading(state) as connection:
        return photos_of(connection, building, of)


def photo_counts(state: StateStore, building: str) -> dict[str, int]:
    """Count the photos of each meter and equipment of a building, and of itself (""). Raises StoreUnavailable."""
    with reading(state) as connection:
        return counts_of_photos(connection, building)


def photos_of_findings(state: StateStore, building: str) -> dict[str, list[StoredPhoto]]:
    """Return the photos of a building's findings by their rules. Raises StoreUnavailable."""
    with reading(state) as connection:
        every = photos_of(connection, building, "", rule=None)
    by_rule: dict[str, list[StoredPhoto]] = {}
    for photo in every:
        if photo.rule:
            by_rule.setdefault(photo.rule, []).append(photo)
    return by_rule
