"""Messages to persons: of findings that are theirs, and of months' reports, by mail and LINE, off as they choose."""

from __future__ import annotations

import datetime as dt
import io
import json
import re

import pytest
from PIL import Image
from sqlalchemy import delete, select, update

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.persontables import finding_entry, own_delivery
from bkkenergy.adapters.state.runs import Due
from bkkenergy.adapters.state.tables import outbox, user
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.jobs.post import send_waiting
from bkkenergy.jobs.runner import RunContext
from bkkenergy.jobs.service import Jobs
from bkkenergy.reports.render.browser import Browser
from bkkenergy.savings.facts import Finding
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.findingmessages import remind_owners
from bkkenergy.usecases.findingwork import AskedWork, enter_work
from bkkenergy.usecases.uptodate import up_to_date
from tests.receivers import http_receiver, mail_server
from tests.web import SETTINGS, csrf_of, make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BUILDING, RULE, ME = "health.centre-1", "night_spread", server_actor("malee")
LINE_ID = "U" + "0123456789abcdef" * 2
NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.astimezone(BANGKOK).date()
FINDING = Finding(BUILDING, RULE, "watch", TODAY, 100.0, 900.0, {})


@pytest.fixture(scope="module")
def post_office():
    with mail_server() as mail, http_receiver() as line:
        yield mail, line


@pytest.fixture(scope="module")
def home(tmp_path_factory, post_office):
    mail, line = post_office
    home = make_site(tmp_path_factory.mktemp("own"))
    (home / "token").write_text("secret-of-the-channel")
    more = f'[mail]\nhost = "127.0.0.1"\nport = {mail.port}\ntls = "none"\n[line]\nurl = "{line.url}"\nsecret_file = "token"\n'
    (home / "config/bkkenergy.toml").write_text(SETTINGS + more)
    return home


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def site(home):
    with open_site(load_configuration(home / "config")) as opened:
        yield up_to_date(opened)


@pytest.fixture(autouse=True)
def nothing_before(site, post_office):
    """No wish, no work and no message of another test."""
    with transaction(site.state) as connection:
        for table in (own_delivery, finding_entry, outbox):
            connection.execute(delete(table))
        connection.execute(update(user).values(language="th", disabled=0))
    post_office[0].messages.clear()
    post_office[1].requests.clear()


def picture():
    """A small photo."""
    written = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(written, "PNG")
    return written.getvalue()


def chosen(app, name="manager-health", **fields):
    client = signed_in(app, name)
    return client.post("/account/messages", data={"csrf": csrf_of(client), "findings": "1"} | fields)


def assign(site, owner="manager-health", actor=ME, **fields):
    asked = AskedWork("assigned", owner, **fields)
    return enter_work(site.state, actor, site.portfolio, BUILDING, RULE, asked, [FINDING], NOW)


def sent(site):
    return send_waiting(site.state, site.delivery, NOW + dt.timedelta(seconds=5))


def test_a_finding_s_new_owner_gets_a_mail_in_the_owner_s_language(app, site, post_office):
    assert chosen(app, channel="mail", address="malee@example.com").status_code == 303
    assign(site, due=TODAY, comment="ตรวจเครื่องปรับอากาศ")
    assert sent(site) == 1
    (message,) = post_office[0].messages
    assert message["to"] == "malee@example.com"
    assert "มอบหมายข้อควรดำเนินการ" in message["subject"]
    text = message.get_body(("plain",)).get_content()
    assert "ตรวจเครื่องปรับอากาศ" in text
    assert "900" in text


def test_who_takes_a_finding_oneself_or_has_it_already_gets_no_message(app, site):
    chosen(app, channel="mail", address="malee@example.com")
    assign(site)
    sent(site)
    assign(site, comment="still yours")
    assert sent(site) == 0
    client = signed_in(app, "manager-health")
    with transaction(site.state) as connection:
        connection.execute(delete(finding_entry))
    own = {"rule": RULE, "state": "assigned", "owner": "manager-health", "csrf": csrf_of(client)}
    client.post(f"/buildings/{BUILDING}/findings", data=own)
    assert sent(site) == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"disabled": 1}, id="locked_out"),
        pytest.param({"agencies": ["education"]}, id="of_another_agency"),
    ],
)
def test_who_may_not_see_the_agency_gets_no_message(app, site, change):
    chosen(app, channel="mail", address="malee@example.com")
    with transaction(site.state) as connection:
        connection.execute(update(user).where(user.c.name == "manager-health").values(change))
    try:
        assign(site)
        assert sent(site) == 0
    finally:
        with transaction(site.state) as connection:
            connection.execute(
                update(user).where(user.c.name == "manager-health").values(disabled=0, agencies=["health"])
            )


def test_a_finding_that_is_due_is_said_once_by_line_and_never_of_one_that_ended(app, site, post_office):
    chosen(app, channel="line", address=LINE_ID)
    assign(site, due=TODAY)
    sent(site)
    assert remind_owners(site.state, site.portfolio, NOW) == 1
    assert sent(site) == 1
    remind_owners(site.state, site.portfolio, NOW + dt.timedelta(hours=5))
    assert sent(site) == 0
    bodies = [json.loads(body) for _, _, body in post_office[1].requests]
    assert [body["to"] for body in bodies] == [LINE_ID, LINE_ID]
    assert "ครบกำหนด" in bodies[-1]["messages"][0]["text"]
    enter_work(
        site.state, ME, site.portfolio, BUILDING, RULE, AskedWork("resolved", "manager-health", TODAY), [FINDING], NOW
    )
    assert remind_owners(site.state, site.portfolio, NOW) == 0


def test_messages_end_as_soon_as_the_person_chooses_so(app, site):
    chosen(app, channel="mail", address="malee@example.com")
    assert chosen(app, channel="").status_code == 303
    assign(site)
    assert sent(site) == 0


def test_what_waits_for_a_person_who_ended_messages_is_not_sent(app, site, post_office):
    chosen(app, channel="mail", address="malee@example.com")
    assign(site)
    chosen(app, channel="")
    sent(site)
    assert post_office[0].messages == []


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("mail", "no address"), ("mail", "a@b\r\nBcc: x@example.com"), ("mail", "a@b, c@example.com"), ("mail", "@example.com"),
        ("mail", "ก@example.com"), ("mail", "a" * 190 + "@example.com"), ("mail", ""), ("line", "u1"), ("line", LINE_ID + "0"),
        ("webhook", "http://127.0.0.1/"), ("mail", '"a"@example.com'), ("mail", "a@-"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_in_words(app, site, channel, address):
    answer = chosen(app, channel=channel, address=address)
    assert answer.status_code == 422
    assert 'class="fault"' in answer.text
    with transaction(site.state) as connection:
        assert connection.execute(select(own_delivery)).all() == []


def test_the_month_s_report_is_wanted_and_ended_by_one_click_each(app, site, post_office):
    client = signed_in(app, "manager-health")
    click = {"csrf": csrf_of(client), "agency": "health", "back": "/agencies/health"}
    asked = client.post("/account/monthly", data=click)
    assert asked.status_code == 422, "there is no address yet"
    chosen(app, channel="mail", address="malee@example.com", formats=["pdf", "xlsx"])
    assert client.post("/account/monthly", data=click).headers["location"] == "/agencies/health"
    assert 'wanted" value="0"' in client.get("/agencies/health").text
    month = Period.month(
        (TODAY.replace(day=1) - dt.timedelta(days=1)).year, (TODAY.replace(day=1) - dt.timedelta(days=1)).month
    )
    jobs = Jobs(site)
    jobs.queue.plan([Due(agency="health", period=month, due_at=NOW)])
    with Browser() as browser:
        jobs.work_off(RunContext(site, jobs.queue, browser))
    sent(site)
    (message,) = post_office[0].messages
    assert message["to"] == "malee@example.com"
    assert {part.get_content_type() for part in message.iter_attachments()} >= {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    }
    client.post("/account/monthly", data=click | {"wanted": "0"})
    assert all(not recipient.wants("health") for recipient in site.delivery.recipient if recipient.reports)


def test_reports_of_agencies_out_of_reach_cannot_be_wanted(app, site):
    chosen(app, channel="mail", address="malee@example.com")
    client = signed_in(app, "manager-health")
    for agency in ("education", "city", "no-such"):
        answer = client.post("/account/monthly", data={"csrf": csrf_of(client), "agency": agency})
        assert answer.status_code == 404, agency
        assert chosen(app, channel="mail", address="malee@example.com", more=agency).status_code == 404
    assert site.delivery.recipient[0].reports == ()


def test_the_administrator_s_settings_name_no_person_s_address(app):
    chosen(app, channel="mail", address="malee@example.com")
    assert "malee@example.com" not in signed_in(app, "admin").get("/admin").text


def test_a_photo_is_added_to_a_finding_that_is_worked_on_and_to_no_other(app, site):
    assign(site)
    client = signed_in(app, "manager-health")
    files = {"file": ("a.png", picture(), "image/png")}
    form = {"csrf": csrf_of(client)}
    added = client.post(f"/buildings/{BUILDING}/photos", params={"rule": RULE}, data=form, files=files)
    assert (added.status_code, added.headers["location"]) == (303, f"/buildings/{BUILDING}#findings")
    other = client.post(f"/buildings/{BUILDING}/photos", params={"rule": "no_such"}, data=form, files=files)
    assert other.status_code == 404
    number = re.search(r"/photos/(\d+)", client.get(f"/buildings/{BUILDING}").text)[1]
    assert client.get(f"/photos/{number}").headers["content-type"] == "image/jpeg"
    assert f"/photos/{number}" not in client.get(f"/records/one/building/{BUILDING}").text
    back = client.post(f"/photos/{number}/remove", data=form).headers["location"]
    assert back == f"/buildings/{BUILDING}#findings"


def test_an_old_month_is_archived_on_demand_and_sent_to_no_one(app, site, post_office):
    chosen(app, channel="mail", address="malee@example.com", more="health")
    client = signed_in(app, "manager-health")
    month = Period.month(TODAY.year - 1, 3)
    form = {"csrf": csrf_of(client), "agency": "health", "month": month.slug}
    answer = client.post("/reports/ask", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/reports?agency=health&kind=month")
    assert "Being made" in client.get("/reports", params={"lang": "en"}).text
    client.post("/reports/ask", data=form)
    jobs = Jobs(site)
    with Browser() as browser:
        assert jobs.work_off(RunContext(site, jobs.queue, browser)) == 1
    sent(site)
    assert post_office[0].messages == []
    page = client.get("/reports", params={"lang": "en", "agency": "health", "kind": "month"}).text
    assert ">XLSX<" in page
    assert "Being made" not in page


@pytest.mark.parametrize(
    ("agency", "month", "status"),
    [
        ("education", "2025-03", 404), ("city", "2025-03", 404), ("health", "2025-03-01", 422), ("health", "2999-01", 422),
        ("health", "x", 422), ("health", f"{TODAY:%Y-%m}", 422), ("", "2025-03", 404), ("health", "2025-03-01..2025-03-09", 422),
    ],
)  # fmt: skip
def test_what_cannot_be_archived_is_refused(app, agency, month, status):
    client = signed_in(app, "manager-health")
    form = {"csrf": csrf_of(client), "agency": agency, "month": month}
    assert client.post("/reports/ask", data=form).status_code == status
    viewer = signed_in(app, "viewer-health")
    assert viewer.post("/reports/ask", data=form | {"csrf": csrf_of(viewer)}).status_code in {403, 404}
