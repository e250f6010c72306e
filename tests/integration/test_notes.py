"""Notes as a manager writes them below a picture, a program by the API, and an operator by the command."""

from __future__ import annotations

import datetime as dt
import io
import re

import openpyxl
import pytest

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import users
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.i18n import Words
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.write import make_report
from bkkenergy.usecases.notes import instant_of, write_note
from tests.commands import bkkenergy
from tests.web import make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BUILDING, AGENCY = "health.centre-1", "health"
YESTERDAY = dt.datetime.now(BANGKOK).date() - dt.timedelta(days=1)
DAYS = {"first": YESTERDAY.isoformat(), "last": YESTERDAY.isoformat()}
PAGE, API = f"/explore/building/{BUILDING}", "/api/v1/notes"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("notes"), days=20)


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def manager(app):
    return signed_in(app, "manager-health")


def secret(client, path=PAGE):
    return re.search(r'name="csrf" value="([^"]+)"', client.get(path, params=DAYS).text)[1]


def posted(client, path="/notes", **fields):
    form = (
        {"csrf": secret(client), "back": f"{PAGE}?first={YESTERDAY}&last={YESTERDAY}", "of": BUILDING} | DAYS | fields
    )
    return client.post(path, data=form, follow_redirects=False)


def numbers(client):
    return [note["number"] for note in client.get(API, params={"of": BUILDING} | DAYS).json()["items"]]


def test_a_note_is_written_below_the_picture_and_marked_in_it(manager):
    done = posted(manager, text="แอร์เสียทั้งชั้น <b>3</b>", **{"from": "13:00", "to": "15:30"})
    assert (done.status_code, done.headers["location"]) == (303, f"{PAGE}?first={YESTERDAY}&last={YESTERDAY}#notes")
    page = manager.get(PAGE, params=DAYS | {"lang": "th"}).text
    assert "แอร์เสียทั้งชั้น &lt;b&gt;3&lt;/b&gt;" in page
    assert "13:00 น. – 15:30 น." in page
    seen = manager.get(f"/api/v1/explore/building/{BUILDING}", params=DAYS | {"lang": "th"}).json()["notes"]
    at = dt.datetime.combine(YESTERDAY, dt.time(13), BANGKOK)
    assert [note["at_s"] for note in seen if "แอร์เสีย" in note["text"]] == [int(at.timestamp())]


def test_a_form_from_elsewhere_or_of_who_may_only_look_writes_nothing(app, manager):
    before = numbers(manager)
    assert posted(manager, text="a note", csrf="wrong").status_code == 403
    viewer = signed_in(app, "viewer-health")
    page = viewer.get(PAGE, params=DAYS | {"lang": "en"}).text
    assert "Write a note" not in page
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]
    assert viewer.post("/notes", data={"csrf": csrf, "of": BUILDING, "text": "a note"} | DAYS).status_code == 403
    assert posted(manager, of="education.headquarters", text="not mine").status_code == 404
    assert posted(manager, text="a note", first="2569-01-01").status_code == 422
    assert posted(manager, "/notes/99999/remove").status_code == 404
    assert numbers(manager) == before


@pytest.mark.parametrize("back", ["https://example.org/", "//example.org", "/explore/a/b\\c", "/admin", ""])
def test_after_a_form_the_browser_stays_here(manager, back):
    assert posted(manager, text="a note", back=back).headers["location"] == "/explore#notes"


def test_a_note_is_removed_by_its_button(manager):
    posted(manager, text="to be removed")
    number = numbers(manager)[-1]
    assert posted(manager, f"/notes/{number}/remove").status_code == 303
    assert number not in numbers(manager)
    removed = manager.get(API, params={"of": BUILDING, "removed": True} | DAYS).json()["items"]
    assert next(note for note in removed if note["number"] == number)["removed_by"] == "manager-health"


def test_a_program_writes_reads_and_removes_notes_once(app):
    client, site = signed_in(app, "manager-health"), app.state.here.opened
    manager = next(user["id"] for user in users(site.state) if user["name"] == "manager-health")
    token = add_token(site.state, manager, "notes", "records", site.clock(), days=1)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "note-1"}
    asked = {"of": BUILDING, "text": "exam week", **DAYS}
    first, again = (client.post(API, json=asked, headers=headers) for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    number = first.json()["number"]
    assert numbers(client).count(number) == 1
    headers.pop("Idempotency-Key")
    for wrong in ({"text": ""}, {"first": "x"}, {"of": "no.such"}, {"of": "education"}, {"more": 1}):
        assert client.post(API, json=asked | wrong, headers=headers).status_code in {404, 422}, wrong
    body = {"kwh_a_day": 5.0, "half_width_kwh_a_day": 1.0}
    refused = client.post(f"{API}/{number}/adjustment", json=body, headers=headers)
    assert (refused.status_code, "files" in refused.text) == (409, True)
    assert client.delete(f"{API}/{number}", headers=headers).json() == {"removed": number}
    assert number not in numbers(client)


def test_the_command_writes_lists_and_removes(home):
    config = ["--config", home / "config", "--lang", "en"]
    day = YESTERDAY.isoformat()
    assert "is written" in bkkenergy("notes", "write", BUILDING, day, day, "meter box opened", *config)
    assert "meter box opened" in bkkenergy("notes", "list", BUILDING, *config)
    assert "Buddhist era" in bkkenergy("notes", "write", BUILDING, "2569-01-01", day, "x y z", *config, code=2)


def test_a_report_says_how_many_notes_it_left_out_and_the_workbook_has_them(app):
    site = app.state.here.opened
    begin, end = (instant_of("2026-05-04", is_end=is_end) for is_end in (False, True))
    for number in range(43):
        text = f"note <{number}>"
        write_note(site.state, server_actor("cli:root"), site.portfolio, AGENCY, begin, end, text, site.clock())
    report = make_report(site, AGENCY, Period.day(begin.date()), now=site.clock())
    page = RENDERERS["html"](report, "en").decode()
    assert (page.count("note &lt;"), "3 earlier notes are in the workbook" in page) == (40, True)
    assert "อีก 3 รายการ" in RENDERERS["html"](report, "th").decode()
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, "en")))
    cells = [str(cell.value) for row in book[Words("en")("insight.title")].iter_rows() for cell in row]
    assert len([text for text in cells if text.startswith("note <")]) == 43


def test_a_picture_with_more_marks_than_it_can_show_says_how_many_are_left(app, manager):
    site = app.state.here.opened
    day = dt.date(2026, 3, 2)
    begin, end = (instant_of(day.isoformat(), is_end=is_end) for is_end in (False, True))
    for number in range(23):
        write_note(
            site.state, server_actor("cli:root"), site.portfolio, BUILDING, begin, end, f"no {number}", site.clock()
        )
    days = {"first": day.isoformat(), "last": day.isoformat(), "lang": "en"}
    assert "and 3 more" in manager.get(PAGE, params=days).text
    shown = manager.get(f"/api/v1/explore/building/{BUILDING}", params=days).json()
    assert (len(shown["notes"]), shown["notes_left"]) == (20, 3)
    other = {"first": "2026-03-05", "last": "2026-03-05", "lang": "en"}
    assert " more: choose" not in manager.get(PAGE, params=other).text


def test_reports_have_the_notes_of_their_days_as_text(app):
    site = app.state.here.opened
    begin, end = (instant_of(YESTERDAY.isoformat(), is_end=is_end) for is_end in (False, True))
    write_note(site.state, server_actor("cli:root"), site.portfolio, AGENCY, begin, end, "=1+1 all day", site.clock())
    report = make_report(site, AGENCY, Period.day(YESTERDAY), now=site.clock())
    assert ("=1+1 all day", "") in {(note.text, note.building_id) for note in report.notes}
    assert "=1+1 all day" in RENDERERS["html"](report, "en").decode()
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, "en")))
    cells = [cell for row in book[Words("en")("insight.title")].iter_rows() for cell in row]
    assert [cell.data_type for cell in cells if cell.value == "=1+1 all day"] == ["s"]
