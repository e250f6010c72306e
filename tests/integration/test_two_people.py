"""Two people at the same records, by form, list and API in each order: no one's change is lost, and each is shown."""

from __future__ import annotations

import datetime as dt
import io
import re

import openpyxl
import pytest

from bkkenergy.access import Actor, server_actor
from bkkenergy.i18n import Words
from bkkenergy.ingest.lists.headings import LIST_KINDS
from bkkenergy.ingest.lists.importing import path_label
from bkkenergy.portfolio.edits import Amend, End, Put, Withdraw
from bkkenergy.usecases.changeorpropose import part
from bkkenergy.usecases.portfolio import change, portfolio_state
from tests.integration.test_record_lists import again, csv, entered, looked_at
from tests.integration.test_record_pages import english, record, text_of
from tests.web import csrf_of, form_of, make_app, make_site

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
ONE = "health.centre-1"
WHY = {"why": "measured again"}
AREA, ENGLISH = "gross_floor_area_m2", "name_en"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    started = make_app(make_site(tmp_path_factory.mktemp("two-people"), days=2))
    client = english(started, "admin")
    assert client.post("/records/begin", data={"csrf": csrf_of(client)}).status_code == 303
    return started


@pytest.fixture(scope="module")
def admin(app):
    return english(app, "admin")


@pytest.fixture(scope="module")
def manager(app):
    return english(app, "manager-health")


def changed(app, *edits, from_day=None):
    """Let another person change records."""
    here = app.state.here
    state = portfolio_state(here.opened.config, here.opened.state)
    change(state, server_actor("cli:root"), edits, why="another", from_day=from_day, expected_revision=None, now=NOW)
    here.look_now()


def exported(client, kind="building"):
    return openpyxl.load_workbook(io.BytesIO(client.get(f"/records/sheet/{kind}").content))


def written(book, key, **cells):
    """Write cells of a row by the field of their column, and return the file."""
    labels = {path_label("meter", name, Words("en")): name for name in ("rated_kw", "topic")}
    labels |= {path_label("building", name, Words("en")): name for name in (AREA, ENGLISH)}
    heads = [labels.get(cell.value) for cell in book.active[1]]
    row = next(row for row in book.active.iter_rows(min_row=2) if row[0].value == key)
    for name, value in cells.items():
        row[heads.index(name)].value = value
    return book_bytes(book)


def book_bytes(book):
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


# -- a list, and what another changed since it was exported -------------------------------------------------------------


def test_what_another_changed_since_the_list_was_exported_is_no_edit_of_the_list(app, admin):
    book = exported(admin)
    changed(app, Amend("building", ONE, {AREA: 777.0}))
    page = looked_at(admin, written(book, ONE, name_en="Centre one"))
    assert "New: 0, changed: 1" in text_of(page), text_of(page)[:2000]
    assert "777" not in text_of(page), "the other's change is none of this list"
    assert entered(admin, page, why="names").status_code == 303
    body = record(admin, "building", ONE)
    assert (body[AREA], body[ENGLISH]) == (777.0, "Centre one")


def test_a_cell_that_two_people_changed_is_a_fault_with_what_the_other_entered(app, admin):
    book = exported(admin)
    changed(app, Amend("building", ONE, {AREA: 778.0, "drivers": {"staff": 5.0}}))
    page = looked_at(admin, written(book, ONE, gross_floor_area_m2=900))
    assert page.status_code == 422
    assert "another person changed this after the list was exported: it is 778 now" in text_of(page)
    assert entered(admin, page, why="areas").status_code == 422
    assert record(admin, "building", ONE)[AREA] == 778.0
    assert record(admin, "building", ONE)["drivers"] == {"staff": 5.0}
    newest = written(exported(admin), ONE, gross_floor_area_m2=900)
    assert entered(admin, looked_at(admin, newest), why="areas").status_code == 303
    assert record(admin, "building", ONE)[AREA] == 900.0


def test_what_another_changes_between_the_look_and_the_import_is_shown_first(app, admin):
    page = looked_at(admin, csv("id,agency,area", f"{ONE},health,1000"), "a.csv")
    assert page.status_code == 200
    changed(app, Amend("building", ONE, {AREA: 779.0}))
    late = entered(admin, page, why="areas")
    assert late.status_code == 422
    assert "What another person changed meanwhile" in text_of(late)
    assert "779" in text_of(late)
    assert record(admin, "building", ONE)[AREA] == 779.0
    assert entered(admin, late, why="areas all the same").status_code == 303
    assert record(admin, "building", ONE)[AREA] == 1000.0
    blind = form_of(page.text, "/records/upload/building") | {"why": "never looked", "revision": ""}
    assert admin.post("/records/upload/building?do=enter", data=blind, files={"x": b""}).status_code == 422


def test_a_list_corrects_what_holds_today_and_not_what_was_before(app, admin):
    changed(app, Amend("building", "health.centre-2", {AREA: 500.0}), from_day=dt.date(2026, 3, 1))
    before = admin.get("/api/v1/portfolio/records/building/health.centre-2?day=2026-02-01").json()["value"][AREA]
    file = written(exported(admin), "health.centre-2", gross_floor_area_m2=510)
    assert entered(admin, looked_at(admin, file), why="typing error").status_code == 303
    assert record(admin, "building", "health.centre-2")[AREA] == 510.0
    past = admin.get("/api/v1/portfolio/records/building/health.centre-2?day=2026-02-01").json()["value"][AREA]
    assert past == before
    row = csv("id,agency,area", "health.centre-2,health,520")
    early = again(admin, looked_at(admin, row, "a.csv"), from_day="1/2/2569")
    assert early.status_code == 422, "it would not be so today"
    assert "another version says otherwise" in text_of(early)
    assert entered(admin, again(admin, early, from_day=""), why="corrected").status_code == 303


def test_what_was_taken_out_or_ended_does_not_come_back_by_a_list(app, admin):
    head = {"agency": "health", "name": "Khun Somsri"}
    changed(app, Put("contact", {"id": "gone", **head}), Put("contact", {"id": "ended", **head}))
    book = exported(admin, "contact")
    changed(app, Withdraw("contact", "gone"))
    changed(app, End("contact", "ended"), from_day=dt.date(2026, 6, 1))
    address = "/records/upload/contact"
    page = looked_at(admin, book_bytes(book), address=address)
    assert page.status_code == 422
    assert "was taken out or ended after the list was exported" in text_of(page)
    row = csv("id,agency,name", "ended,health,Khun Somsri")
    page = looked_at(admin, row, "a.csv", address=address)
    assert "ended ended on" in text_of(page)
    back = again(admin, page, address, from_day="2026-11-01")
    assert entered(admin, back, address, why="is back").status_code == 303
    assert record(admin, "contact", "ended")["name"] == "Khun Somsri"


@pytest.mark.parametrize("given", ["99999", "-1", "abc", "1e3"])
def test_a_revision_that_is_none_is_named_by_its_cell(admin, given):
    page = looked_at(admin, csv("id,agency,area,revision", f"{ONE},health,1100,{given}"), "a.csv")
    assert page.status_code == 422
    assert "D2" in text_of(page)
    assert "this is no revision of this site" in text_of(page)


# -- forms and the API -------------------------------------------------------------------------------------------------


def test_a_form_that_was_open_while_a_list_was_imported_shows_what_the_list_changed(app, admin, manager):
    path = f"/records/edit/building/{ONE}"
    fields = form_of(manager.get(path).text, path)
    file = written(exported(admin), ONE, gross_floor_area_m2=1234)
    assert entered(admin, looked_at(admin, file), why="areas").status_code == 303
    late = manager.post(path, data=fields | WHY | {"f.name_en": "Mine", "save": "1"})
    assert late.status_code == 409
    assert form_of(late.text, path)["f.gross_floor_area_m2"] == "1234"
    assert manager.post(path, data=form_of(late.text, path) | {"save": "1"}).status_code == 303
    body = record(admin, "building", ONE)
    assert (body[AREA], body[ENGLISH]) == (1234.0, "Mine")


def test_a_form_and_a_proposal_from_a_page_that_is_old_show_what_the_api_changed(app, admin, manager):
    path = f"/records/edit/building/{ONE}"
    calendar = "/records/edit/calendar/school"
    fields = form_of(manager.get(path).text, path)
    shared = form_of(manager.get(calendar).text, calendar)
    for kind, key in (("building", ONE), ("calendar", "school")):
        address = f"/api/v1/portfolio/records/{kind}/{key}"
        tag = admin.get(address).headers["ETag"]
        head = {"If-Match": tag, "X-CSRF-Token": csrf_of(admin)}
        asked = {"why": "by the API", "fields": {ENGLISH: "By the API"}}
        assert admin.patch(address, json=asked, headers=head).status_code == 200
        assert admin.patch(address, json=asked, headers=head).status_code == 412, "its tag is old now"
    app.state.here.look_now()
    late = manager.post(path, data=fields | WHY | {"f.name_en": "By the form", "save": "1"})
    assert late.status_code == 409
    assert "By the API" in text_of(late)
    late = manager.post(calendar, data=shared | WHY | {"f.name_en": "By the form", "propose": "1"})
    assert late.status_code == 409
    assert "By the API" in text_of(late)
    proposed = manager.post(calendar, data=form_of(late.text, calendar) | {"propose": "1"})
    assert proposed.status_code == 303, text_of(proposed)


# -- a manager's list: what is theirs is made, the rest proposed -----------------------------------------------------------


def test_a_manager_s_list_changes_what_is_theirs_and_proposes_the_rest(app, admin, manager):
    address = "/records/upload/meter"
    file = written(exported(manager, "meter"), f"{ONE}.main", rated_kw=321)
    book = openpyxl.load_workbook(io.BytesIO(file))
    file = written(book, "health.centre-2.main", topic="others/main/readings")
    page = looked_at(manager, file, address=address)
    said = text_of(page)
    assert page.status_code == 200, said[:2000]
    assert "What would be proposed" in said
    assert "Import what is yours, propose the rest" in said
    done = entered(manager, page, address, why="new gateways")
    assert done.status_code == 303, text_of(done)[:2000]
    shown = manager.get(done.headers["location"])
    assert "Waits for a decision:" in text_of(shown)
    assert record(admin, "meter", f"{ONE}.main")["rated_kw"] == 321.0
    assert record(admin, "meter", "health.centre-2.main")["topic"] != "others/main/readings"
    number = int(done.headers["location"].rpartition("=")[2])
    accepted = admin.post(f"/records/proposals/{number}/decide", data={"csrf": csrf_of(admin), "do": "accept"})
    assert accepted.status_code == 303, text_of(accepted)
    assert record(admin, "meter", "health.centre-2.main")["topic"] == "others/main/readings"


def test_a_manager_s_list_of_which_a_part_cannot_be_proposed_makes_no_part_of_it(app, admin, manager):
    address = "/records/upload/meter"
    book = openpyxl.load_workbook(io.BytesIO(written(exported(manager, "meter"), f"{ONE}.main", rated_kw=654)))
    file = written(book, "health.centre-2.main", topic="others/second/readings")
    page = looked_at(manager, file, address=address)
    assert "Import what is yours, propose the rest" in text_of(page)
    changed(app, Amend("meter", "health.centre-2.main", {"rated_kw": 77.0}))
    late = entered(manager, page, address, why="new gateways")
    assert late.status_code == 422
    assert "What another person changed meanwhile" in text_of(late)
    assert record(admin, "meter", f"{ONE}.main")["rated_kw"] != 654.0


def test_what_cannot_be_without_what_is_proposed_is_proposed_with_it(app, admin):
    here = app.state.here
    state = portfolio_state(here.opened.config, here.opened.state)
    actor = Actor("manager-health", "test", frozenset({"see", "edit", "propose"}), ("health",))
    renamed, own_calendar = Amend("building", ONE, {ENGLISH: "Renamed"}), Amend("building", ONE, {"calendar": "of-two"})
    shared = Put("calendar", record(admin, "calendar", "school") | {"id": "of-two"})
    apart = part(state, actor, [shared, renamed], from_day=None)
    assert (apart.edits, apart.proposed) == ((renamed,), (shared,))
    together = part(state, actor, [shared, own_calendar], from_day=None)
    assert (together.edits, together.proposed) == ((), (shared, own_calendar))
    assert not together.changes
    assert len(together.asked) == 2


def test_a_manager_s_list_that_is_all_of_others_is_proposed_whole_and_an_unseen_one_refused(app, admin, manager):
    account = {"id": "campus", "utility": "mea", "number": "987654321", "schedule": "mea-2-2-lv",
               "buildings": [ONE, "education.headquarters"]}  # fmt: skip
    changed(app, Put("account", account))
    address = "/records/upload/account"
    untouched = looked_at(manager, csv(*lines_of(exported(manager, "account"))), "a.csv", address=address)
    assert "The file changes nothing." in text_of(untouched), "names that are hidden are not dropped"
    page = looked_at(manager, written(exported(manager, "account"), "campus", name_en="Campus"), address=address)
    assert "Propose all of it" in text_of(page), text_of(page)[:2000]
    done = entered(manager, page, address, why="its name")
    assert "done=" not in done.headers["location"]
    assert record(admin, "account", "campus")["name_en"] is None
    others = csv("id,building,rated_kw", "m1,education.headquarters,100")
    refused = looked_at(manager, others, "a.csv", address="/records/upload/meter")
    assert refused.status_code == 422
    absent = looked_at(manager, others.replace(b"headquarters", b"nowhere"), "a.csv", address="/records/upload/meter")
    assert text_of(refused).replace("headquarters", "nowhere") == text_of(absent), "it is not said which there is"


def test_a_list_of_who_has_one_agency_is_of_that_agency_where_it_does_not_say(admin, manager):
    assert form_of(manager.get("/records/upload/building").text, "/records/upload/building")["d.agency"] == "health"
    assert form_of(admin.get("/records/upload/building").text, "/records/upload/building").get("d.agency", "") == ""


def faults_of(page):
    """What a page says of a list that is wrong, from its count on."""
    return re.search(r"New: .*?Columns of the file", text_of(page))[0]


def test_a_list_says_nothing_of_what_is_of_others_whatever_revision_it_names(app, admin, manager):
    campus = {"id": "shared", "utility": "mea", "number": "987654322", "schedule": "mea-2-2-lv"}
    there = {"id": "theirs", "agency": "education", "name": "Khun Mali"}
    changed(app, Put("account", campus | {"buildings": [ONE, "education.headquarters"]}), Put("contact", there))
    address, book = "/records/upload/account", exported(manager, "account")
    changed(app, Amend("account", "shared", {"buildings": [ONE, "health.centre-2", "education.headquarters"]}))
    page = looked_at(manager, book_bytes(book), address=address)
    assert "The file changes nothing." in text_of(page), "the other's change is none of this list"
    heads = [cell.value for cell in book.active[1]]
    row = next(row for row in book.active.iter_rows(min_row=2) if row[0].value == "shared")
    row[heads.index(path_label("account", "buildings", Words("en")))].value = "health.centre-2"
    page = looked_at(manager, book_bytes(book), address=address)
    assert page.status_code == 422
    assert f"it is {ONE}, health.centre-2 now" in faults_of(page)
    assert "education" not in faults_of(page)
    address, row = "/records/upload/contact", "theirs,Khun Mali"
    without, with_revision = (
        faults_of(looked_at(manager, csv(*lines), "a.csv", address=address))
        for lines in (("id,name", row), ("id,name,revision", f"{row},{app.state.here.portfolio.revision}"))
    )
    assert with_revision == without, "not that it was there"


def test_a_meter_of_a_building_that_is_not_there_is_a_fault_of_its_cell(admin):
    row = csv("id,building,rated_kw", "health.nowhere.main,health.nowhere,100")
    page = looked_at(admin, row, "a.csv", address="/records/upload/meter")
    assert page.status_code == 422
    assert "there is no building 'health.nowhere'" in faults_of(page)
    assert "B2" in faults_of(page)


def lines_of(book):
    return [",".join(f'"{"" if cell is None else cell}"' for cell in row) for row in book.active.values]


@pytest.mark.parametrize("name", ["admin", "manager-health"])
def test_each_list_is_read_back_without_a_change(app, name):
    changed(
        app,
        Put("recipient", {"id": "city", "to": "a@example.org", "agencies": ["all"], "reports": ["month"]}),
        Put("recipient", {"id": "health", "to": "b@example.org", "agencies": ["health"], "alerts": True}),
        Put("threshold", {"id": "silent", "name": "silent_h", "value": 6.5, "building": ONE}),
        Put("pv_plant", {"id": "plant", "building": ONE, "capacity_kwp": 50.0, "commissioned": "2026-06-01"}),
        Put(
            "account",
            {"id": "one", "utility": "mea", "number": "123123123", "schedule": "mea-2-2-lv", "buildings": [ONE]},
        ),
        Put("contact", {"id": "one", "agency": "health", "name": "Khun Malee", "phone": "02-123-4567"}),
        Put("agency", {"id": "new", "name_th": "ใหม่", "name_en": "New"}),
    )
    client = english(app, name)
    for kind in LIST_KINDS:
        book = exported(client, kind)
        if book.active.max_row == 1:
            assert kind in {"equipment", "roof", "agency"}, kind
            continue
        content = client.get(f"/records/sheet/{kind}").content
        page = looked_at(client, content, address=f"/records/upload/{kind}")
        assert "The file changes nothing." in text_of(page), f"{kind}: {text_of(page)[:2000]}"
