"""Paper bills in the app: out of a file that is looked at first, by hand, removed with a reason."""

from __future__ import annotations

import datetime as dt
import io
import re
from tempfile import gettempdir

import pytest
from openpyxl import Workbook

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.portfolio.edits import Put
from bkkenergy.usecases import portfolio
from bkkenergy.usecases.paperbills import list_bills
from tests.web import csrf_of, form_of, make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
PAGE = "/accounts/centre-1/bills"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    made = make_app(make_site(tmp_path_factory.mktemp("bills")))
    opened, root = made.state.here.opened, server_actor("cli:root")
    state = portfolio.portfolio_state(opened.config, opened.state)
    portfolio.replace_all(state, root, opened.portfolio.records, why="first import", now=NOW)
    accounts = [
        Put(
            "account",
            {"id": key, "utility": "mea", "number": number, "schedule": "mea-2-2-lv", "buildings": [building]},
        )
        for key, number, building in (
            ("centre-1", "111111111", "health.centre-1"),
            ("others", "222222222", "education.headquarters"),
        )
    ]
    portfolio.change(state, root, accounts, why="bills", from_day=None, expected_revision=None, now=NOW)
    made.state.here.look_now()
    return made


@pytest.fixture
def client(app):
    return signed_in(app, "manager-health")


def bills(app):
    opened = app.state.here.opened
    return [one.bill for one in list_bills(opened.state, server_actor("x"), app.state.here.portfolio, "centre-1")]


def look(client, content, name="bills.csv", page=PAGE, **given):
    form = {"csrf": csrf_of(client)} | given
    return client.post(f"{page}/upload", data=form, files={"file": (name, content)})


def enter(client, seen, **given):
    """Press the button below what was looked at."""
    return client.post(f"{PAGE}/upload", params={"do": "enter"}, data=form_of(seen.text, f"{PAGE}/upload") | given)


def workbook(rows):
    book, written = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(written)
    return written.getvalue()


def test_bills_out_of_a_workbook_are_looked_at_and_then_entered(app, client):
    content = workbook(
        [
            ["การไฟฟ้านครหลวง"],
            ["ประจำเดือน", "จำนวนหน่วย", "รวมเงินสุทธิของเรา"],
            ["ม.ค. 2568", 1200, 5400.5],
            ["ก.พ. 2568", 1100, 4950],
        ]
    )
    seen = look(client, content, "2568.xlsx")
    assert seen.status_code == 200
    assert "5,400.50" not in seen.text, "the heading of the money is not known"
    assert bills(app) == []
    form = form_of(seen.text, f"{PAGE}/upload")
    number = next(name.removesuffix(".heading") for name, text in form.items() if text == "รวมเงินสุทธิของเรา")
    again = client.post(f"{PAGE}/upload", data=form | {f"{number}.field": "total"})
    assert "5,400.50" in again.text
    assert enter(client, again).status_code == 303
    assert [(bill.first, bill.kwh, bill.total_thb) for bill in bills(app)] == [
        (dt.date(2025, 1, 1), 1200, 5400.5),
        (dt.date(2025, 2, 1), 1100, 4950),
    ]
    assert "5,400.50" in look(client, content, "2568.xlsx").text, "the heading is remembered"
    assert audit_lines(app.state.here.opened.state)[0]["action"] == "bills_enter"


def test_one_row_that_is_not_understood_enters_none_and_says_which(app, client):
    before = bills(app)
    seen = look(client, b"month,kwh,total\n2025-05,900,4000\n2025-06,many,4000\n2025-07,-5,1\n")
    assert seen.status_code == 422
    assert re.findall(r'<tr class="bad"><th scope="row">([^<]+)', seen.text) == ["3", "4"]
    assert "do=enter" not in seen.text
    assert enter(client, seen).status_code == 422
    assert bills(app) == before


def test_why_a_row_is_no_bill_is_said_in_thai(client):
    content = "month,kwh,total\n2025-06,many,1\n2025-07,-5,1\n2025-13,1,1\n,1,1\n2025-08,,\n2025-09,=1+1,1\n"
    seen = look(client, content.encode())
    reasons = re.findall(r'<tr class="bad"><th scope="row">\d+</th><td>([^<]+)', seen.text)
    assert len(reasons) == 6
    assert "หน่วยไฟฟ้า" in reasons[0] or "หน่วย" in reasons[0]
    for reason in reasons:
        assert re.search("[ก-๙]", reason), reason
        assert not re.search(r"\b(is|no|should|input)\b", reason), reason
    by_hand = client.post(PAGE, data={"csrf": csrf_of(client), "from": "12/08/2566", "kwh": "๑,๒๓๔", "total": "x"})
    assert by_hand.status_code == 422
    assert "ต้องกรอกทั้งสองช่อง" in by_hand.text
    assert form_of(by_hand.text, PAGE)["total"] == "x"


def test_bills_of_the_same_days_are_replaced_only_where_it_is_said(app, client):
    seen = look(client, b"month,kwh,total\n2024-03,900,4000\n")
    assert enter(client, seen).status_code == 303
    other = look(client, b"month,kwh,total\n2024-03,950,4100\n")
    refused = enter(client, other)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert enter(client, refused, replaces="1").status_code == 303
    assert [bill.kwh for bill in bills(app) if bill.first.year == 2024] == [950]


def test_a_bill_is_entered_by_hand_and_removed_with_a_reason(app, client):
    form = {"csrf": csrf_of(client), "from": "12/08/2566", "to": "11/09/2566", "kwh": "1,234", "total": "5,000.25"}
    assert client.post(PAGE, data=form).status_code == 303
    (bill,) = [one for one in bills(app) if one.first.year == 2023]
    assert (bill.first, bill.last, bill.kwh, bill.total_thb) == (
        dt.date(2023, 8, 12),
        dt.date(2023, 9, 11),
        1234,
        5000.25,
    )
    page = client.get(PAGE, params={"lang": "th"}).text
    assert "12 ส.ค. 2566" in page
    number = re.findall(rf'action="{PAGE}/(\d+)/remove"', page)[-1]
    assert client.post(f"{PAGE}/{number}/remove", data={"csrf": csrf_of(client), "why": ""}).status_code == 422
    assert (
        client.post(f"{PAGE}/{number}/remove", data={"csrf": csrf_of(client), "why": "wrong account"}).status_code
        == 303
    )
    assert [one for one in bills(app) if one.first.year == 2023] == []
    assert "wrong account" in client.get(PAGE).text


@pytest.mark.parametrize("given", [{}, {"kwh": "5"}, {"month": "2025-13", "kwh": "5"}, {"from": "2030-01-01", "to": "2030-01-31", "kwh": "5"},
                                   {"month": "2025-01", "kwh": "-5"}, {"from": "2025-02-10", "to": "2025-02-01", "kwh": "5"}])  # fmt: skip
def test_what_is_no_bill_is_not_entered_and_what_was_typed_stays(app, client, given):
    before = bills(app)
    answer = client.post(PAGE, data={"csrf": csrf_of(client), "number": "A-77"} | given)
    assert answer.status_code == 422
    assert 'value="A-77"' in answer.text
    assert bills(app) == before


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02", b"PK\x03\x04broken", b"%PDF-1.4 broken", b"a,b\n1,2\n", "เดือน\n".encode()]
)
def test_a_file_that_cannot_be_read_is_said_so(app, client, content):
    answer = look(client, content, "x.xlsx" if content.startswith(b"PK") else "x.csv")
    assert answer.status_code == 422
    assert gettempdir() not in answer.text
    assert "Traceback" not in answer.text


def test_an_account_of_another_agency_is_not_there_and_a_viewer_enters_nothing(app, client):
    for answer in (client.get("/accounts/others/bills"), client.get("/accounts/none/bills"),
                   look(client, b"month,kwh\n2025-01,5\n", page="/accounts/others/bills"),
                   client.post("/accounts/others/bills", data={"csrf": csrf_of(client), "month": "2025-01", "kwh": "5"}),
                   client.post("/accounts/others/bills/1/remove", data={"csrf": csrf_of(client), "why": "wrong"})):  # fmt: skip
        assert answer.status_code == 404
    viewer = signed_in(app, "viewer-health")
    assert viewer.get(PAGE).status_code == 200
    assert 'type="file"' not in viewer.get(PAGE).text
    assert look(viewer, b"month,kwh\n2025-01,5\n").status_code == 403
    assert viewer.post(PAGE, data={"csrf": csrf_of(viewer), "month": "2025-01", "kwh": "5"}).status_code == 403


def test_a_bill_is_shown_beside_its_meters_line_by_line(app, client):
    today = app.state.here.today
    last = today.replace(day=1) - dt.timedelta(days=1)
    month = f"{last:%Y-%m}"
    paper = f"month,kwh,energy,ft,vat,total\n{month},9999,40000.00,1.00,2800.07,42801.07\n"
    assert enter(client, look(client, paper.encode())).status_code == 303
    (number,) = {
        int(one) for one in re.findall(rf'href="{PAGE}/(\d+)"', client.get(PAGE).text) if _is_of(app, one, last)
    }
    page = client.get(f"{PAGE}/{number}").text
    main = " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())
    assert "9,999" in main
    assert "ค่าพลังงานไฟฟ้า" in main
    assert "40,000.00" in main
    assert re.search("พลังงานต่างกัน|มิเตอร์มีข้อมูลไม่ครบ|วันที่อ่านต่างกัน", main)
    english = client.get(f"{PAGE}/{number}", params={"lang": "en"}).text
    assert "kWh on the paper" in english
    assert client.get(f"{PAGE}/999999").status_code == 404
    assert client.get(f"/accounts/others/bills/{number}").status_code == 404
    client.get(PAGE, params={"lang": "th"})


def _is_of(app, number, last):
    opened = app.state.here.opened
    entered = list_bills(opened.state, server_actor("x"), app.state.here.portfolio, "centre-1")
    return any(one.number == int(number) and one.bill.last == last for one in entered)


def test_a_bill_of_days_that_nothing_measured_says_so(client):
    assert enter(client, look(client, b"month,kwh,total\n2021-03,900,4000\n")).status_code == 303
    numbers = re.findall(rf'href="{PAGE}/(\d+)"', client.get(PAGE).text)
    said = [client.get(f"{PAGE}/{number}") for number in numbers]
    assert {one.status_code for one in said} == {200}
    assert any("ไม่มีมิเตอร์ที่มีข้อมูลของวันเหล่านี้" in one.text for one in said)
