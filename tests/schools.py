"""A portfolio of generated schools, with dates in it: as large as a test wants."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator

from bkkenergy.portfolio.records import EVER, Entry, Records
from bkkenergy.site.record_kinds import SITE_KINDS

DISTRICTS = 50
THAI = ("วัดบางเขน", "ประชาอุทิศ", "วัดราชบพิธ", "บ้านคลองสอง", 'ชื่อ "พิเศษ"\\n')


def entry(kind: str, body: dict, first: dt.date = EVER, valid_to: dt.date | None = None) -> Entry:
    value = SITE_KINDS[kind].model.model_validate(body)
    return Entry(kind, SITE_KINDS[kind].key_of(value), first, value, valid_to)


def school_records(schools: int, meters: int = 10, *, seed: int = 7) -> Records:
    """Schools with their meters, roofs, accounts and changes."""
    chance = random.Random(seed)
    entries = [entry("calendar", CALENDAR), entry("calendar", CALENDAR | {"id": "office", "terms": []})]
    districts = [f"district-{number:02}" for number in range(min(DISTRICTS, schools))]
    entries += [entry("agency", {"id": own, "name_th": f"เขต {own}", "name_en": own}) for own in districts]
    for number in range(schools):
        entries += school(number, districts[number % len(districts)], meters, chance)
    return Records(0, tuple(entries))


CALENDAR = {
    "id": "school",
    "name_th": "โรงเรียน",
    "name_en": "School",
    "source": "made up",
    "hours": {"mon": "07:00-16:30", "tue": "07:00-16:30"},
    "closures": [{"first": "04-01", "last": "05-15", "name_th": "ปิด", "name_en": "Holidays"}],
    "closed_dates": ["2026-05-18", "2026-01-02", "2026-07-29"],
    "terms": [
        {"first": "2026-05-16", "last": "2026-10-10", "name_th": "1", "name_en": "1"},
        {"first": "2026-11-01", "last": "2027-03-31", "name_th": "2", "name_en": "2"},
    ],
}


def school(number: int, agency: str, meters: int, chance: random.Random) -> Iterator[Entry]:
    building = f"{agency}.school-{number}"
    body = {
        "id": building,
        "agency": agency,
        "name_th": f"โรงเรียน{chance.choice(THAI)} {number}",
        "name_en": f"School {number}",
        "type": "school",
        "gross_floor_area_m2": chance.uniform(500, 9000),
        "drivers": {"students": float(chance.randint(50, 2000))},
        "latitude_deg": 13.7 + number * 1e-4,
        "longitude_deg": 100.5,
        "tariff": "mea-2-2-lv",
        "calendar": "school",
    }
    yield entry("building", body)
    if number % 3 == 0:
        first = dt.date(2020 + number % 6, 1 + number % 12, 1)
        yield entry("building", body | {"gross_floor_area_m2": 9999.5, "drivers": {}, "calendar": "office"}, first)
    for meter in range(meters):
        yield from school_meter(building, meter, number, chance)
    corners = [[0.0, 0.0], [10.5, 0.0], [10.5, 8.0]]
    yield entry("roof", {"id": "main", "building": building, "outline_m": corners, "tilt_deg": 5, "azimuth_deg": 180,
                         "obstacles": [{"outline_m": corners, "height_m": 1.5}], "horizon": [[90, 10]]})  # fmt: skip
    account = {"id": f"mea-{number}", "utility": "mea", "number": f"{number:09}", "schedule": "mea-2-2-lv",
               "buildings": [building], "meters": [f"{building}.m0"], "read_day": 1 + number % 28, "meter_side": "low"}  # fmt: skip
    yield entry("account", account)
    yield entry("account", account | {"schedule": "mea-3-1-mv", "contract_demand_kw": 90.0}, dt.date(2026, 3, 15))
    yield entry(
        "equipment",
        {
            "id": f"chiller-{number}",
            "building": building,
            "kind": "chiller",
            "name_th": "เครื่องทำน้ำเย็น",
            "name_en": "Chiller",
            "rated_kw": 30,
        },
    )
    yield entry(
        "contact",
        {"id": f"head-{number}", "agency": agency, "building": building, "name": "ผู้อำนวยการ", "phone": "02-000-0000"},
    )


def school_meter(building: str, meter: int, number: int, chance: random.Random) -> Iterator[Entry]:
    own = f"{building}.m{meter}"
    body = {
        "id": own,
        "building": building,
        "topic": f"bma/{building.replace('.', '/')}/m{meter}/readings",
        "rated_kw": float(chance.randint(20, 400)),
        "register_digits": 7,
        "parent": f"{building}.m0" if meter else None,
        "commissioned": "2025-01-01T00:00:00+07:00",
    }
    ended = dt.date(2026, 9, 1) if meter == 1 and number % 5 == 0 else None
    if meter == 0 and number % 2 == 0:
        yield entry("meter", body)
        exchange = {"at": "2026-02-01T10:30:00+07:00", "final_kwh": 123456.7, "initial_kwh": 0.5}
        yield entry("meter", body | {"ct_ratio": 40.0, "exchanges": [exchange]}, dt.date(2026, 2, 1))
        yield entry("meter", body | {"ct_ratio": 80.0, "key": 'a"b', "exchanges": [exchange]}, dt.date(2026, 8, 1))
    else:
        yield entry("meter", body, dt.date(2025, 1, 1) if meter == 2 else EVER, ended)
