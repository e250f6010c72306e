"""A meter as its technician leaves it: what is known of it now, and the record that the technician signs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, reading, transaction
from bkkenergy.adapters.state.commissioning import SignedRecord, add_record, record_numbered, records_of
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.photos import photos_of
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError, NotThere
from bkkenergy.metering.quarters import FIRM
from bkkenergy.portfolio import Building, Meter
from bkkenergy.portfolio.more import ElectricityAccount
from bkkenergy.ports.ledger import IMPORT
from bkkenergy.readings import QUANTITIES, US_PER_S
from bkkenergy.site import Site
from bkkenergy.usecases.meterchecks import LATE_INTERVALS, MeterCheck, MeterFacts
from bkkenergy.usecases.paperbills import bills_of_account
from bkkenergy.usecases.powers import use_case

WINDOW_INTERVALS, MIN_WINDOW_S, MAX_WINDOW_S = 24, 3_600.0, 93_600.0
AHEAD_S = 3_600.0
"""Readings of a clock that is ahead are looked at too."""
REFUSED_WITHIN_S = 900.0
BILLS_OF_DAYS = 400
LEDGER_DAYS = 7
MAX_NAME, MAX_NOTE = 120, 2_000


def meter_facts(site: Site, building: Building, meter: Meter, *, behind_s: float) -> MeterFacts:
    """Return what is known of a meter now. behind_s : how far our own clock is behind. Raises StoreUnavailable."""
    now = site.clock()
    window_s = min(max(WINDOW_INTERVALS * meter.interval_s, MIN_WINDOW_S), MAX_WINDOW_S)
    readings = site.readings.readings(
        [meter.id], site.seconds_ago_us(window_s), site.seconds_ago_us(-AHEAD_S), QUANTITIES
    )
    skew_s = _skew_s(site, meter, now)
    mean_kw, measured_h = _measured(site, building, meter)
    return MeterFacts(
        meter=meter,
        now=now,
        readings=readings,
        window_s=window_s,
        last_seen=_last_seen(site, meter, readings.ts_us),
        off_s=None if skew_s is None else skew_s + behind_s,
        refused=_refused(site, meter, now),
        mean_kw=mean_kw,
        measured_h=measured_h,
        bill_kw=_bill_kw(site, building, meter),
        capacity_kva=_capacity_kva(site, building),
        has_pv=building.has_pv or any(one.building == building.id for one in site.portfolio.pv_plants.values()),
    )


def _last_seen(site: Site, meter: Meter, stamps_us: np.typing.NDArray[np.int64]) -> dt.datetime | None:
    seen = site.energy.seen([meter.id]).get(meter.id)
    latest = [*([seen.last_us] if seen else []), *stamps_us[-1:].tolist()]
    return dt.datetime.fromtimestamp(max(latest) / US_PER_S, BANGKOK) if latest else None


def _skew_s(site: Site, meter: Meter, now: dt.datetime) -> float | None:
    """Return the delay of the gateway's stamps, where it was heard in the last day."""
    gateway = Logbook(site.state).gateways().get(meter.gateway_id)
    if gateway is None or now - gateway.last_received > dt.timedelta(days=1):
        return None
    return gateway.skew_s


def _refused(site: Site, meter: Meter, now: dt.datetime) -> Mapping[str, int]:
    """Count the messages on the meter's topic that were quarantined of late, by reason."""
    if "+" in meter.topic or "*" in meter.topic:
        return {}
    since = now - dt.timedelta(seconds=max(LATE_INTERVALS * meter.interval_s, REFUSED_WITHIN_S))
    messages = Quarantine.of(site.state, site.settings.ingest).listed(topic=meter.topic, limit=200)
    late = [message for message in messages if message.topic == meter.topic and message.received >= since]
    return Counter(message.reason.value for message in late)


def _accounts(site: Site, building: Building, meter: Meter) -> list[ElectricityAccount]:
    """Return the accounts whose bills are for a meter: those that name it, else those of its building."""
    of_building = site.portfolio.accounts_of(building.id)
    return [one for one in of_building if meter.id in one.meters] or [one for one in of_building if not one.meters]


def _billed_meters(site: Site, building: Building, meter: Meter) -> list[str]:
    """Return the meters that the bill is for; a sub-meter is compared by itself."""
    if not meter.is_main:
        return [meter.id]
    accounts = _accounts(site, building, meter)
    named = [name for account in accounts for name in account.meters]
    if named:
        return list(dict.fromkeys(named))
    buildings = {name for account in accounts for name in account.buildings} or {building.id}
    of_account = [site.portfolio.buildings[name] for name in sorted(buildings) if name in site.portfolio.buildings]
    return [one.id for each in of_account for one in each.main_meters]


def _measured(site: Site, building: Building, meter: Meter) -> tuple[float | None, float]:
    """Return the mean power of the meters that the bill is for over the last days, and of how many hours it is."""
    meters = _billed_meters(site, building, meter)
    slots = site.energy.slots(meters, IMPORT, site.today - dt.timedelta(days=LEDGER_DAYS), site.today)
    is_known = np.isin(slots.quality, FIRM).all(axis=1)
    if not meters or is_known.sum() < 2:  # noqa: PLR2004 - half an hour
        return None, 0.0
    return float(slots.values[is_known].sum(axis=1).mean()) * 4, float(is_known.sum()) / 4


def _bill_kw(site: Site, building: Building, meter: Meter) -> float | None:
    """Return the mean power that paper bills of the last year say; None without one."""
    accounts = _accounts(site, building, meter)
    total_kw = 0.0
    for account in accounts:
        since = site.today - dt.timedelta(days=BILLS_OF_DAYS)
        bills = [one.bill for one in bills_of_account(site.state, account) if one.bill.first >= since]
        days_kwh = [(bill.days, bill.kwh) for bill in bills if bill.kwh is not None]
        if not days_kwh:
            return None
        total_kw += sum(kwh for _, kwh in days_kwh) / sum(days for days, _ in days_kwh) / 24
    return total_kw or None


def _capacity_kva(site: Site, building: Building) -> float | None:
    """Return the capacity of the building's transformers; None where none is entered with one."""
    of_building = [one for one in site.portfolio.equipment.values() if one.building == building.id]
    transformers = [one for one in of_building if one.kind == "transformer" and one.capacity_kva is not None]
    return sum((one.capacity_kva or 0.0) * one.count for one in transformers) or None


# -- the record ----------------------------------------------------------------------------------------------------


@use_case("commissioning.sign", "edit", "agency")
def sign_commissioning(
    state: StateStore,
    actor: Actor,
    building: Building,
    meter: Meter,
    checks: Sequence[MeterCheck],
    *,
    name: str,
    note: str,
    now: dt.datetime,
) -> int:
    """Store what was found of a meter as a record that the actor signs, and return its number.

    The name is as one would write it; the face has asked for the actor's password again. What is doubtful is
    recorded as doubtful: a record says what was found, not that all is well.

    Raises
    ------
    NotThere, NotAllowed, StoreUnavailable
    InputError
        Where the name is missing or too long.
    """
    actor.need("edit", building.agency)
    name, note = " ".join(name.split()), note.strip()
    if not name or len(name) > MAX_NAME or len(note) > MAX_NOTE:
        raise InputError.of("signature_name", max=MAX_NAME)
    with transaction(state) as connection:
        photos = photos_of(connection, building.id, meter.id)
        body: dict[str, Any] = {
            "meter": meter.model_dump(mode="json", exclude={"exchanges"}),
            "building": {"id": building.id, "name_th": building.name_th, "name_en": building.name_en},
            "checks": [asdict(check) | {"values": dict(check.values)} for check in checks],
            "photos": [{"number": photo.number, "sha256": photo.sha256} for photo in photos],
            "signed_by": actor.name,
            "name": name,
            "note": note,
            "at": now.astimezone(BANGKOK).isoformat(timespec="seconds"),
        }
        number = add_record(connection, body, agency=building.agency, meter=meter.id, by=actor.name, now=now)
        signed = record_numbered(connection, number)
        detail = {"number": number, "sha256": signed.sha256 if signed else ""}
        enter_audit(connection, actor, "commission", meter.id, detail, now)
    return number


@use_case("commissioning.read", "see", "agency")
def read_commissioning(state: StateStore, actor: Actor, number: int) -> SignedRecord:
    """Return a signed record. Raises NotThere, NotAllowed, InputError where it is not what was signed."""
    with reading(state) as connection:
        record = record_numbered(connection, number)
    if record is None:
        raise NotThere
    actor.need("see", record.agency)
    if not record.is_whole:
        raise InputError.of("record_altered", number=number)
    return record


def commissionings_of(state: StateStore, meter: str) -> list[SignedRecord]:
    """Return the signed records of a meter, the newest first. Raises StoreUnavailable."""
    with reading(state) as connection:
        return records_of(connection, meter)
