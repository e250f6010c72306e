"""Pages of records: forms without scripts, locking of two people, history and undo, proposals, what is refused and why."""

from __future__ import annotations

import datetime as dt
import html
import json
import re

import pytest

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.state.users import add_user
from bkkenergy.payloads.message import Reason, Refused
from bkkenergy.portfolio.edits import Put
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.usecases.portfolio import change, portfolio_state
from tests.web import PASSWORD, csrf_of, form_of, make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
OWN, OTHERS = "health.centre-1", "education.headquarters"
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    started = make_app(make_site(tmp_path_factory.mktemp("record-pages"), days=2))
    site = started.state.here.opened
    add_user(site.state, "manager-education", PASSWORD, "manager", ["education"], NOW)
    client = signed_in(started, "admin")
    closed = client.get(f"/records/one/building/{OWN}")
    assert closed.status_code == 200
    assert "/records/edit/" not in closed.text, "files are the source until they are taken in"
    assert client.get(f"/records/edit/building/{OWN}").status_code == 422
    assert client.post("/records/begin", data={"csrf": csrf_of(client)}).status_code == 303
    assert client.post("/records/begin", data={"csrf": csrf_of(client)}).status_code == 422, "once"
    return started


def english(app, name):
    """A browser in English in which a user has signed in."""
    client = signed_in(app, name)
    client.cookies.set("lang", "en")
    return client


@pytest.fixture(scope="module")
def admin(app):
    return english(app, "admin")


@pytest.fixture(scope="module")
def manager(app):
    return english(app, "manager-health")


def read(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def sent(client, path, button="save", **changes):
    """Open a form, change fields of it, and send it."""
    action = path.partition("?")[0]
    fields = form_of(read(client, path), action)
    return client.post(action, data=fields | changes | {button: "1"})


def text_of(answer):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def record(client, kind, key):
    return client.get(f"/api/v1/portfolio/records/{kind}/{key}").json()["value"]


WHY = {"why": "measured again"}


def test_what_is_taken_into_the_app_is_all_that_the_files_have(tmp_path):
    home = make_site(tmp_path, days=2)
    lines = [f'building = "{OWN}"', "first = 2026-06-01", "ratio = 0.1", 'reason = "a new clinic"', "entered = 2026-06-02",
             'entered_by = "malee"', 'id = "clinic"']  # fmt: skip
    (home / "config/adjustments.toml").write_text("\n".join(["[[adjustment]]", *lines]))
    started = make_app(home)
    there = read_folder(home / "config").records.entries
    client = english(started, "admin")
    assert client.post("/records/begin", data={"csrf": csrf_of(client)}).status_code == 303
    started.state.here.look_now()
    taken = started.state.here.portfolio.records.entries
    assert {entry.identity for entry in taken} == {entry.identity for entry in there}
    assert {"adjustment", "programme", "target", "agency_target"} <= {entry.kind for entry in taken}


def test_an_untouched_form_changes_nothing(admin):
    answer = sent(admin, f"/records/edit/building/{OWN}", **WHY)
    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text


def test_a_change_from_a_day_leaves_what_was_before_and_is_undone(admin):
    area = record(admin, "building", OWN)["gross_floor_area_m2"]
    since = {"since": "day", "from_day": "2026-05-01"}
    done = sent(admin, f"/records/edit/building/{OWN}", **{"f.gross_floor_area_m2": "2,150.5"}, **since, **WHY)
    assert done.status_code == 303, text_of(done)
    number = int(done.headers["location"].rpartition("=")[2])
    page = read(admin, f"/records/one/building/{OWN}")
    assert "2,150.5" in page
    assert "1 May 2026" in page
    before = admin.get(f"/api/v1/portfolio/records/building/{OWN}", params={"day": "2026-04-30"}).json()["value"]
    assert before["gross_floor_area_m2"] == area
    history = text_of(admin.get(f"/records/history/{number}"))
    assert re.search(rf"Gross floor area \(m²\) +{area:,.0f} +2,150.5", history), "before and after"
    assert "admin" in history
    assert "measured again" in history
    undo = {"csrf": csrf_of(admin), "why": "the wrong house", "of": ""}
    assert admin.post(f"/records/undo/{number}", data=undo).status_code == 303
    assert record(admin, "building", OWN)["gross_floor_area_m2"] == area
    compared = text_of(admin.get("/records/compare", params={"before": number, "after": number + 1}))
    assert re.search(rf"2,150.5 +{area:,.0f}", compared)
    again = admin.post(f"/records/undo/{number}", data=undo)
    assert again.status_code == 422
    assert "Later revisions changed the same" in again.text


def test_two_people_at_one_building_see_each_other_s_change_and_lose_none(admin, manager):
    path = f"/records/edit/building/{OWN}"
    seen_by_manager = form_of(read(manager, path), path)
    first = sent(admin, path, **{"f.name_en": "Centre One", "f.latitude_deg": "13.9", "why": "renamed by admin"})
    assert first.status_code == 303
    own = {"f.gross_floor_area_m2": "2500", "f.latitude_deg": "13.8", "save": "1", "why": "measured by manager"}
    second = manager.post(path, data=seen_by_manager | own)
    assert second.status_code == 409
    said = text_of(second)
    assert "renamed by admin" in said, "why"
    assert "Changed by another person to: Centre One" in said
    assert "Changed by another person to: 13.9" in said, "both changed it"
    assert record(admin, "building", OWN)["latitude_deg"] == 13.9, "nothing is stored yet"
    merged = form_of(second.text, path)
    assert (merged["f.name_en"], merged["f.gross_floor_area_m2"], merged["f.latitude_deg"]) == (
        "Centre One", "2500", "13.8",
    )  # fmt: skip
    assert manager.post(path, data=merged | {"save": "1"}).status_code == 303
    after = record(admin, "building", OWN)
    assert (after["name_en"], after["gross_floor_area_m2"], after["latitude_deg"]) == ("Centre One", 2500.0, 13.8)


def test_an_end_of_what_was_changed_meanwhile_is_refused(admin):
    path = f"/records/one/building/{OWN}"
    end = form_of(read(admin, path), f"/records/end/building/{OWN}")
    assert sent(admin, f"/records/edit/building/{OWN}", **{"f.name_en": "Centre 1"}, **WHY).status_code == 303
    refused = admin.post(
        f"/records/end/building/{OWN}", data=end | {"do": "end", "why": "gone"}, headers={"Accept-Language": "en"}
    )
    assert refused.status_code == 422
    assert "Another person changed this" in refused.text


def test_a_building_and_its_meter_are_entered_by_names_alone(admin):
    building = {
        "f.agency": "education", "f.name_th": "โรงเรียนวัดใหม่", "f.name_en": "Wat Mai School", "f.type": "school",
        "f.gross_floor_area_m2": "๓,๒๐๐", "f.latitude_deg": "13.75", "f.longitude_deg": "100.5",
        "f.tariff": "mea-2-2-lv", "f.calendar": "school", "f.drivers.0.key": "students", "f.drivers.0.value": "850",
        "why": "a new school",
    }  # fmt: skip
    done = sent(admin, "/records/new/building", **building)
    assert done.status_code == 303, text_of(done)
    assert done.headers["location"].startswith("/records/one/building/education.wat-mai-school")
    meter = {"f.rated_kw": "250", "f.ct_ratio": "80", "why": "installed"}
    done = sent(admin, "/records/new/meter?building=education.wat-mai-school", **meter)
    assert done.status_code == 303, text_of(done)
    stored = record(admin, "meter", "education.wat-mai-school.main-meter")
    assert stored["topic"] == "bma/education/wat-mai-school/main-meter/readings"
    assert (stored["rated_kw"], stored["ct_ratio"], stored["commissioned"]) == (250.0, 80.0, None)
    assert record(admin, "building", "education.wat-mai-school")["drivers"] == {"students": 850.0}
    again = sent(admin, "/records/new/building", **building)
    assert again.headers["location"].startswith("/records/one/building/education.wat-mai-school-2")
    taken = sent(admin, "/records/new/building", **building, **{"f.id": "wat-mai-school"})
    assert taken.status_code == 422
    assert "There is already a record education.wat-mai-school" in taken.text


KINDS = {
    "agency": {"f.name_th": "สำนักใหม่", "f.name_en": "New agency"},
    "calendar": {"f.name_th": "โรงเรียนใหม่", "f.name_en": "New school", "f.source": "the agency", "f.hours.mon": "8.00 – 16.30",
                 "f.terms.0.first": "2027-05-17", "f.terms.0.last": "2027-10-10", "f.terms.0.name_th": "หนึ่ง",
                 "f.terms.0.name_en": "one", "f.closed_dates": "2/1/2570\n2027-05-20", "f.closed_on_holidays": "1"},
    "account": {"f.utility": "mea", "f.number": "123456789", "f.schedule": "mea-2-2-lv", f"f.buildings.{OWN}": "1",
                f"f.meters.{OWN}.main": "1", "f.meter_side": "low", "f.read_day": "12"},
    "contact": {"f.agency": "health", "f.building": OWN, "f.name": "คุณมาลี", "f.phone": "02 123 4567"},
    "recipient": {"f.to": "malee@example.org", "f.agencies.health": "1", "f.reports.month": "1", "f.channel": "mail",
                  "f.language": "th"},
    "threshold": {"f.name": "silent_h", "f.value": "6", "f.building": OWN},
    "equipment": {"f.building": OWN, "f.kind": "transformer", "f.name_th": "หม้อแปลง", "f.name_en": "Transformer",
                  "f.capacity_kva": "500"},
    "roof": {"f.building": OWN, "f.id": "east", "f.outline_m": "0 0\n20 0\n20 12", "f.tilt_deg": "10",
             "f.azimuth_deg": "180", "f.usable_ratio": "0.7"},
    "pv_plant": {"f.building": OWN, "f.capacity_kwp": "50", "f.commissioned": "2026-06-01"},
    "adjustment": {"f.building": OWN, "f.first": "2026-06-01", "f.ratio": "0.1", "f.reason": "a new clinic"},
    "virtual_meter": {"f.building": OWN, "f.name_th": "ที่เหลือ", "f.name_en": "Rest", f"f.plus.{OWN}.main": "1"},
    "channel": {"f.meter": f"{OWN}.main", "f.name": "water", "f.unit": "m³", "f.is_additive": "1"},
    "project": {"f.agency": "health", "f.building": OWN, "f.kind": "led", "f.name_th": "เปลี่ยนหลอด", "f.name_en": "New lamps",
                "f.due_year_be": "2571", "f.budget_thb": "120,000", "f.state": "surveyed"},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_entered_by_its_form_read_and_changed(admin, kind):
    done = sent(admin, f"/records/new/{kind}", **KINDS[kind], **WHY)
    assert done.status_code == 303, text_of(done)
    place = done.headers["location"].partition("?")[0]
    assert admin.get(place).status_code == 200
    edit = place.replace("/one/", "/edit/")
    assert sent(admin, edit, **WHY).status_code == 422, "nothing is touched"
    name = "f.note" if kind in {"pv_plant", "project", "equipment"} else "f.name_en"
    more = {"roof": {"f.tilt_deg": "12"}, "contact": {"f.role": "ช่าง"}, "recipient": {"f.alerts": "1"},
            "threshold": {"f.value": "8"}, "adjustment": {"f.ratio": "0.2"}}.get(kind, {name: "Other"})  # fmt: skip
    changed = sent(admin, edit, **more, **WHY)
    assert changed.status_code == 303, text_of(changed)
    assert "measured again" in read(admin, place)


def test_an_adjustment_says_who_entered_it(admin, app):
    app.state.here.look_now()
    records = app.state.here.portfolio.records
    entered = [entry.value for entries in records.by_kind["adjustment"].values() for entry in entries]
    assert [one.entered_by for one in entered if one.reason == "a new clinic"] == ["admin"]


@pytest.mark.parametrize(
    ("kind", "changes", "field", "said"),
    [
        ("building", {"f.gross_floor_area_m2": "-1"}, "gross_floor_area_m2", "ค่าต้องมากกว่า 0"),
        ("building", {"f.gross_floor_area_m2": "มาก"}, "gross_floor_area_m2", "ค่าต้องเป็นตัวเลข"),
        ("building", {"f.name_th": ""}, "name_th", "ไม่ได้กรอกช่องนี้"),
        ("building", {"f.tariff": "none"}, "tariff", "none"),
        ("building", {"f.agency": "nowhere"}, "agency", "nowhere"),
        ("building", {"f.latitude_deg": "1376"}, "latitude_deg", "ค่าต้องไม่เกิน 21"),
        ("building", {"f.name_th": "ก" * 2001}, "name_th", "2,000"),
        ("building", {"f.drivers.0.key": "students"}, "drivers", "ค่าต้องเป็นตัวเลข"),
        ("meter", {"f.topic": "a/#/b"}, "topic", "รูปแบบไม่ถูกต้อง"),
        ("meter", {"f.parent": f"{OWN}.none"}, "parent", "ไม่มีมิเตอร์"),
        ("meter", {"f.payload": "none"}, "payload", "none"),
        ("meter", {"f.exchanges.0.at": "2026-01-01T10:00"}, "exchanges", "แถวที่ 1"),
        ("meter", {"f.register_digits": "2"}, "register_digits", "ค่าต้องไม่น้อยกว่า 3"),
    ],
)
def test_a_fault_is_beside_its_field_in_thai(admin, kind, changes, field, said):
    key = OWN if kind == "building" else f"{OWN}.main"
    path = f"/records/edit/{kind}/{key}"
    fields = form_of(read(admin, path), path)
    answer = admin.post(path, data=fields | changes | WHY | {"save": "1"}, params={"lang": "th"})
    assert answer.status_code == 422
    beside = re.search(rf'<p class="wrong" id="e-{field}">(.*?)</p>', answer.text, re.DOTALL)
    assert beside is not None, text_of(answer)
    assert said in html.unescape(beside[1])
    assert form_of(answer.text, path) | {"save": "1"} == fields | changes | WHY | {"save": "1"} | blank(answer, path), (
        "what was typed is still there"
    )


def blank(answer, path):
    """Rows that a form has beyond those that were sent."""
    return {name: "" for name, text in form_of(answer.text, path).items() if not text}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"why": ""}, "reason"),
        ({"since": "day", "from_day": "", "f.name_en": "x"}, "Enter the day"),
        ({"since": "day", "from_day": "31/2/2569", "f.name_en": "x"}, "Enter the day"),
        ({"since": "day", "from_day": "29/2/2569", "f.name_en": "x"}, "Enter the day"),
        ({"since": "day", "from_day": "1/1/2800", "f.name_en": "x"}, "the year 2257 is too far"),
        ({"since": "day", "from_day": "1500-01-01", "f.name_en": "x"}, "the year 1500 is too far"),
        ({"why": "a\x00b", "f.name_en": "x"}, "reason"),
    ],
)
def test_a_form_without_a_day_or_a_reason_is_refused(admin, changes, said):
    answer = sent(admin, f"/records/edit/building/{OWN}", **({"f.name_en": "Other"} | WHY | changes))
    assert answer.status_code == 422
    assert said in text_of(answer)


def test_what_is_typed_is_shown_as_text(admin):
    evil = '"><script>alert(1)</script>'
    answer = sent(admin, f"/records/edit/building/{OWN}", **{"f.name_en": evil, "f.latitude_deg": evil}, **WHY)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert sent(admin, f"/records/edit/building/{OWN}", **{"f.name_en": evil}, **WHY).status_code == 303
    for page in (f"/records/one/building/{OWN}", "/records/history", "/records/list/building", "/records"):
        assert "<script>alert" not in read(admin, page)


@pytest.mark.parametrize("path", ["/records/one/nothing/x", "/records/list/nothing", "/records/one/building/no.where",
                                  "/records/edit/meter/x", "/records/new/nothing", "/records/history/99999",
                                  "/records/proposals/99999", "/records/compare?before=99999"])  # fmt: skip
def test_what_is_not_there_is_not_found(admin, path):
    assert admin.get(path).status_code == 404


def test_a_day_without_the_record_is_not_found_and_an_ended_one_is_still_read(admin):
    done = sent(admin, "/records/new/contact", **{"f.agency": "health", "f.name": "Khun Som"}, **WHY)
    place = done.headers["location"].partition("?")[0]
    end = form_of(read(admin, place), place.replace("/one/", "/end/"))
    ended = admin.post(
        place.replace("/one/", "/end/"), data=end | {"do": "end", "from_day": "2026-11-01", "why": "retired"}
    )
    assert ended.status_code == 303, text_of(ended)
    page = read(admin, place)
    assert "before 1 November 2026" in page
    assert admin.get(place, params={"day": "2026-11-02"}).status_code == 404


# -- proposals -----------------------------------------------------------------------------------------------------


def test_who_may_not_change_what_is_shared_proposes_it_and_who_may_accepts(admin, manager):
    path = "/records/edit/calendar/school"
    hours = {"f.hours.sat": "09:00-12:00", "why": "lessons on Saturdays"}
    refused = sent(manager, path, **hours)
    assert refused.status_code == 422
    assert "With “Propose” you ask those who can" in text_of(refused)
    assert "sat" not in record(admin, "calendar", "school")["hours"]
    proposed = sent(manager, path, button="propose", **hours)
    assert proposed.status_code == 303, text_of(proposed)
    place = proposed.headers["location"]
    assert "accept" not in re.findall(r'name="do" value="(\w+)"', read(manager, place))
    shown = text_of(admin.get(place))
    assert "lessons on Saturdays" in shown
    assert "Saturday 09:00-12:00" in shown
    csrf = csrf_of(admin)
    bare = admin.post(f"{place}/decide", data={"csrf": csrf, "do": "refuse", "note": ""})
    assert bare.status_code == 422, "a refusal says why"
    assert manager.post(f"{place}/decide", data={"csrf": csrf_of(manager), "do": "accept"}).status_code == 403
    done = admin.post(f"{place}/decide", data={"csrf": csrf, "do": "accept", "note": "agreed"})
    assert done.status_code == 303
    assert record(admin, "calendar", "school")["hours"]["sat"] == "09:00-12:00"
    decided = text_of(manager.get(place))
    assert "Decided by admin" in decided
    assert "Saturday 09:00-12:00" in decided, "what it changed is still shown"


def test_a_proposal_is_refused_with_its_reason_or_withdrawn(admin, manager):
    for do, client, note in (("refuse", admin, "not in term"), ("withdraw", manager, "")):
        form = {"f.hours.sun": "09:00-12:00", "why": "Sundays"}
        place = sent(manager, "/records/edit/calendar/school", button="propose", **form).headers["location"]
        done = client.post(f"{place}/decide", data={"csrf": csrf_of(client), "do": do, "note": note})
        assert done.status_code == 303
        assert note in text_of(manager.get(place))
        assert 'value="accept"' not in read(admin, place)
    assert "sun" not in record(admin, "calendar", "school")["hours"]
    assert admin.post(f"{place}/decide", data={"csrf": csrf_of(admin), "do": "explode"}).status_code == 404


def test_a_proposal_of_what_was_changed_meanwhile_is_not_accepted(admin, manager):
    form = {"f.name_en": "Terms", "why": "shorter"}
    place = sent(manager, "/records/edit/calendar/school", button="propose", **form).headers["location"]
    assert sent(admin, "/records/edit/calendar/school", **{"f.source": "the ministry"}, **WHY).status_code == 303
    answer = admin.post(f"{place}/decide", data={"csrf": csrf_of(admin), "do": "accept"})
    assert answer.status_code == 422
    assert "changed since this was proposed" in text_of(answer)


def test_another_agency_s_records_are_not_there(app, manager):
    other = english(app, "manager-education")
    for page in (f"/records/one/building/{OWN}", f"/records/edit/building/{OWN}", f"/records/one/meter/{OWN}.main",
                 "/records/one/project/led-health"):  # fmt: skip
        assert other.get(page).status_code == 404
    assert OWN not in read(other, "/records/list/building")
    assert OTHERS not in read(manager, "/records/list/building")
    assert other.get("/records/list/building", params={"agency": "health"}).status_code == 404
    viewer = english(app, "viewer-health")
    assert viewer.get(f"/records/one/building/{OWN}").status_code == 200
    assert viewer.get(f"/records/edit/building/{OWN}").status_code == 403
    form = {"csrf": csrf_of(viewer), "f.name_en": "x", "why": "because", "revision": "1", "day": "2026-11-24"}
    assert viewer.post(f"/records/edit/building/{OWN}", data=form).status_code == 403


def test_names_that_a_manager_is_not_shown_are_not_written_over(app, admin, manager):
    site = app.state.here.opened
    account = {"id": "campus", "utility": "mea", "number": "987654321", "schedule": "mea-2-2-lv",
               "buildings": [OWN, OTHERS]}  # fmt: skip
    state = portfolio_state(site.config, site.state)
    change(state, server_actor("cli:root"), [Put("account", account)], why="a campus", from_day=None,
           expected_revision=None, now=NOW)  # fmt: skip
    app.state.here.look_now()
    path = "/records/edit/account/campus"
    assert OTHERS not in read(manager, path)
    proposed = sent(manager, path, button="propose", **{"f.name_en": "Campus"}, **WHY)
    assert proposed.status_code == 303, text_of(proposed)
    refused = sent(manager, path, button="propose", **{f"f.buildings.{OWN}": ""}, **WHY)
    assert refused.status_code == 422
    assert record(admin, "account", "campus")["buildings"] == [OWN, OTHERS]


def test_a_manager_s_new_record_begins_with_the_agency_that_the_manager_may_enter(admin, manager):
    shown = form_of(read(manager, "/records/new/recipient"), "/records/new/recipient")
    assert [name for name in shown if name.startswith("f.agencies.")] == ["f.agencies.health"]
    done = sent(manager, "/records/new/recipient", **{"f.to": "head@example.org"}, **WHY)
    assert done.status_code == 303, text_of(done)
    assert form_of(read(manager, "/records/new/building"), "/records/new/building")["f.agency"] == "health"
    assert form_of(read(admin, "/records/new/building"), "/records/new/building")["f.agency"] == ""


# -- meters --------------------------------------------------------------------------------------------------------


def test_a_meter_s_form_shows_the_last_message_of_its_topic(app, admin, manager):
    here = app.state.here
    payload = json.dumps({"ts": int(NOW.timestamp()), "energy_kwh": 1234.5, "power_kw": 12.0}).encode()
    quarantine = Quarantine.of(here.opened.state, here.settings.ingest)
    refused = Refused("site/x/energy", payload, Reason.UNKNOWN_METER, "no such meter")
    quarantine.keep([refused], {}, now_us=int(NOW.timestamp() * 1e6))
    path = f"/records/new/meter?building={OWN}&topic=site/x/energy"
    shown = text_of(admin.get(path))
    assert "energy_kwh 1,234.5" in shown
    assert "1234.5" not in manager.get(path).text, "others' messages are for the server's administrators"
    known = text_of(admin.get(f"/records/edit/meter/{OWN}.main"))
    assert f"Meter {OWN}.main has this topic, and sent last" in known
    preview = sent(admin, f"/records/new/meter?building={OWN}", button="preview", **{"f.topic": "site/none"})
    assert "No message of this topic has come yet: site/none" in text_of(preview)


@pytest.mark.parametrize(("language", "mark"), [("en", "(unverified)"), ("th", "(ยังไม่ได้ตรวจสอบ)")])
def test_a_profile_that_no_source_vouches_for_says_so_where_it_is_chosen(app, admin, language, mark):
    profiles = app.state.here.profiles
    unverified = {name for name, profile in profiles.items() if profile.unverified}
    path = f"/records/new/meter?building={OWN}&payload=acrel-adw300&lang={language}"
    chosen = admin.get(path, headers={"Accept-Language": language}).text
    options = re.findall(r'<option value="([a-z0-9-]+)"[^>]*>([^<]*)</option>', chosen)
    assert {name for name, text in options if mark in text} == unverified
    assert "Names and units of data: from a description of cases alone." in html.unescape(chosen)
    other = admin.get(path.replace("acrel-adw300", "canonical"), headers={"Accept-Language": language}).text
    assert "Names and units of data: from a description of cases alone." not in html.unescape(other)


def test_what_would_be_adopted_by_an_unverified_profile_says_so(app, admin):
    here = app.state.here
    said = {"type": "data", "meterSN": "8", "time": "20261125130030", "EPI": 12.0, "EPE": 1.0, "Ua": 230.0, "F": 50.0}
    topic, payload = "/gw/acrelHW/ADW300/x/8", json.dumps(said).encode()
    refused = Refused(topic, payload, Reason.UNKNOWN_METER, "no such meter")
    Quarantine.of(here.opened.state, here.settings.ingest).keep([refused], {}, now_us=int(NOW.timestamp() * 1e6))
    board = text_of(admin.get("/meters"))
    assert "acrel-adw300 (unverified: hold it against the display)" in board


def test_an_unknown_meter_is_adopted_in_three_taps_and_its_waiting_message_taken_in(app, admin):
    here = app.state.here
    at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=20)
    payload = json.dumps({"ts": int(at.timestamp()), "energy_kwh": 77.5}).encode()
    refused = Refused("bma/health/centre-1/aircon/readings", payload, Reason.UNKNOWN_METER, "no such meter")
    Quarantine.of(here.opened.state, here.settings.ingest).keep([refused], {}, now_us=int(at.timestamp() * 1e6))
    board = read(admin, "/meters")
    (adopt,) = [
        html.unescape(link) for link in re.findall(r'href="(/records/new/meter\?[^"]*aircon[^"]*)"', board)
    ]  # 1: adopt
    done = sent(admin, adopt, **{"f.rated_kw": "60"})  # 2: save, with the rating that no message says
    assert done.status_code == 303, text_of(done)
    page = read(admin, done.headers["location"])
    assert "Messages of this meter that wait: 1." in text_of(admin.get(done.headers["location"]))
    take_in = form_of(page, "/meters/replay")
    assert admin.post("/meters/replay", data=take_in).status_code == 303  # 3: take in
    store = here.opened.readings
    seen = store.last_seen_us([f"{OWN}.aircon"])
    assert seen[f"{OWN}.aircon"] == int(at.timestamp()) * 1_000_000
    assert "Messages of this meter that wait" not in read(admin, done.headers["location"])


def test_the_board_shows_a_silent_meter_as_silent_with_whom_to_ask(admin, manager):
    board = text_of(manager.get("/meters"))
    assert "never sent" in board
    assert "education" not in board
    for state in ("never", "silent", "clock", "poor", "ok"):
        assert manager.get("/meters", params={"state": state}).status_code == 200
    assert "No meter is like that." in text_of(manager.get("/meters", params={"q": "no such thing"}))
    assert f"{OWN}.main" in read(manager, "/meters?q=centre-1").replace("<wbr>", "")
    assert admin.get("/meters", params={"state": "asleep"}).status_code == 422
    assert manager.get("/meters", params={"agency": "education"}).status_code == 404


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-02", "9999-12-31"])
def test_a_record_is_shown_on_the_first_and_the_last_day_that_there_is(admin, day):
    assert admin.get(f"/records/one/building/{OWN}", params={"day": day}).status_code == 200


@pytest.mark.parametrize("name", ["all", "city"])
def test_no_agency_has_a_name_that_means_all_of_them(admin, name):
    agency = {"f.id": name, "f.name_th": "ทั้งหมด", "f.name_en": "Everything"}
    refused = sent(admin, "/records/new/agency", **agency, **WHY)
    assert refused.status_code == 422
    assert "means more than one agency" in text_of(refused)
    assert admin.get(f"/records/one/agency/{name}").status_code == 404
