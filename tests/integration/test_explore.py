"""The explorer as a person and a program ask for it: pages, tables, files and the API over a real site."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from bkkenergy.calendar import BANGKOK
from tests.web import make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
BUILDING = "health.centre-1"
PAGE, API = f"/explore/building/{BUILDING}", f"/api/v1/explore/building/{BUILDING}"
TODAY = dt.datetime.now(BANGKOK).date()
YESTERDAY = TODAY - dt.timedelta(days=1)
ONE_DAY = {"first": YESTERDAY.isoformat(), "last": YESTERDAY.isoformat()}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("explore"), days=20))


@pytest.fixture(scope="module")
def admin(app):
    return signed_in(app, "admin")


@pytest.fixture(scope="module")
def viewer(app):
    return signed_in(app, "viewer-health")


def drawn_in(page):
    """The picture of a page."""
    return ET.fromstring(re.search(r'<svg class="explored".*?</svg>(?=</div>)', page, re.DOTALL)[0])


def test_yesterday_is_drawn_by_quarter_hours_and_says_its_energy(viewer):
    page = viewer.get(PAGE, params=ONE_DAY | {"lang": "en"}).text
    kwh = viewer.get(f"/api/v1/buildings/{BUILDING}/energy", params=ONE_DAY).json()["energy_kwh"]
    assert f"{sum(kwh):,.0f} kWh in total" in page
    assert "highest 30.0 kW" in page
    assert "Shown by 15 minutes (96 points)" in page
    svg = drawn_in(page)
    line = next(path for path in svg.iter("path") if path.get("class") == "line")
    assert line.get("d").count("V") == 96


def test_dates_of_a_thai_page_are_of_the_buddhist_era(viewer):
    page = viewer.get(PAGE, params=ONE_DAY | {"lang": "th"}).text
    assert f"{YESTERDAY.year + 543}" in page
    assert str(YESTERDAY.year) not in re.sub(r"<(?:a|input|option|form|link|script|figure)[^>]*>", "", page)


def test_without_days_the_last_seven_are_shown(viewer):
    seen = viewer.get(API).json()
    assert (seen["first"], seen["last"]) == ((TODAY - dt.timedelta(days=6)).isoformat(), TODAY.isoformat())
    assert seen["step"] == "15min"


def test_the_api_holds_what_the_picture_shows_column_by_column(viewer):
    seen = viewer.get(API, params=ONE_DAY | {"compare": "week", "lang": "en"}).json()
    columns = [seen[name] for name in ("starts_s", "values", "quality", "known_ratio")] + [seen["compared"]["values"]]
    assert {len(column) for column in columns} == {96}
    assert seen["unit"] == "kW"
    assert set(seen["quality"]) == {"measured"}
    assert seen["total_kwh"] == pytest.approx(sum(seen["values"]) / 4, rel=1e-4)
    assert seen["compared"]["first"] == (YESTERDAY - dt.timedelta(days=7)).isoformat()
    assert seen["end_s"] - seen["starts_s"][0] == 86_400


@pytest.mark.parametrize("span", [ONE_DAY, {"first": TODAY.isoformat(), "last": TODAY.isoformat()}, {"step": "month"}])
def test_a_compact_answer_says_the_same_by_runs(viewer, span):
    whole, compact = (viewer.get(API, params=span | {"compact": is_compact}).json() for is_compact in (False, True))
    left_out = {name for name in whole if whole[name] != compact[name]}
    assert left_out == {"quality", "known_ratio"} | ({"starts_s"} if whole["step_s"] else set())
    runs = [run["quality"] for run in compact["quality_runs"] for _ in range(run["begin"], run["end"])]
    assert runs == whole["quality"]
    if whole["step_s"]:
        assert whole["starts_s"] == list(range(whole["first_s"], whole["end_s"], whole["step_s"]))


def test_an_answer_that_has_not_changed_is_not_sent_again(viewer):
    first = viewer.get(API, params=ONE_DAY)
    assert viewer.get(API, params=ONE_DAY, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_points_are_bounded(viewer):
    year = {"first": f"{TODAY.year - 1}-01-01", "last": TODAY.isoformat(), "step": "15min"}
    seen = viewer.get(API, params=year).json()
    assert seen["step"] == "day"
    assert len(seen["values"]) < 800
    assert "It is shown by days" in viewer.get(PAGE, params=year | {"lang": "en"}).text
    assert viewer.get(API, params={"first": "1995-01-01", "last": "2026-01-01"}).status_code == 422


@pytest.mark.parametrize("base", ["/explore", "/api/v1/explore"])
@pytest.mark.parametrize(
    "subject", ["building/education.headquarters", "meter/education.headquarters.main", "agency/education", "city/city"]
)
def test_what_is_another_agency_s_is_not_there(viewer, base, subject):
    assert viewer.get(f"{base}/{subject}").status_code == 404
    of = subject.replace("/", ":")
    assert viewer.get("/explore", params={"of": of}).status_code == 404
    assert viewer.get("/explore", params={"agency": "education"}).headers["location"] == "/explore/agency/education"


def test_another_agency_s_building_is_no_comparison_and_not_offered(viewer, admin):
    assert viewer.get(PAGE, params={"compare": "building:education.headquarters"}).status_code == 404
    assert "education." not in viewer.get(PAGE).text
    assert viewer.get(PAGE, params={"compare": "building:health.centre-2"}).status_code == 200


def test_choosing_leads_to_what_was_chosen_with_the_days_that_were_shown(admin):
    chosen = {
        "agency": "health",
        "of": f"building:{BUILDING}",
        "first": "2026-11-02",
        "last": "2026-11-03",
        "compare": "week",
    }
    goes = admin.get("/explore", params=chosen).headers["location"]
    assert goes == f"{PAGE}?first=2026-11-02&last=2026-11-03&compare=week"
    goes = admin.get("/explore", params=chosen | {"agency": "education", "compare": "type"}).headers["location"]
    assert goes == "/explore/agency/education?first=2026-11-02&last=2026-11-03"
    assert admin.get("/explore").headers["location"] == "/explore/city/city"
    assert (
        admin.get("/explore", params={"agency": "city", "of": f"building:{BUILDING}"}).headers["location"]
        == "/explore/city/city"
    )


def test_every_link_of_the_page_leads_somewhere(viewer):
    page = viewer.get(PAGE, params={"first": "2026-11-01", "last": "2026-11-30", "step": "day", "lang": "en"}).text
    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/explore/[^"]*)', page)}
    assert len(links) > 30, "each day is a link of its own"
    for link in sorted(links)[:12]:
        assert viewer.get(link).status_code == 200, link


def test_the_day_of_an_error_s_address_is_said(viewer):
    for params in ({"first": "yesterday"}, {"first": "2026-02-30"}, {"first": "2026-11-02", "last": "2026-11-01"}, {"quantity": "elephants"},
                   {"first": "2569-11-01"}, {"per": "elephants"}, {"step": "second"}, {"format": "pdf"}):  # fmt: skip
        answer = viewer.get(PAGE, params=params)
        assert answer.status_code == 422, params
        assert "<nav aria-label" in answer.text
    shown = viewer.get(PAGE, params={"compare": "moon", "lang": "en"})
    assert shown.status_code == 200, "what can be shown is shown"
    assert "&#39;moon&#39; is nothing that this can be compared with" in shown.text


def test_the_table_has_the_figures_of_the_picture(viewer):
    page = viewer.get(PAGE, params=ONE_DAY | {"view": "table", "step": "60min", "compare": "before", "lang": "en"}).text
    table = re.search(r'<table class="seen">.*?</table>', page, re.DOTALL)[0]
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", table)
    assert len(rows) == 24
    assert re.findall(r">([^<]+)</td>", rows[10][1])[:3] == ["30.0", "30.0", "30.0"]
    assert "10:00–11:00" in rows[10][0]


def test_csv_opens_in_a_spreadsheet_with_headings_in_its_language(viewer):
    answer = viewer.get(PAGE, params=ONE_DAY | {"format": "csv", "step": "60min", "lang": "th"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["เวลาเริ่ม", "พลังงาน (หน่วย)", "กำลังไฟฟ้าเฉลี่ย (กิโลวัตต์)", "คุณภาพข้อมูล", "ข้อมูลครบ"]
    assert rows[11] == [f"{YESTERDAY} 10:00", "30.0", "30.0", "วัดจริง", "1.0"]


def test_xlsx_has_real_dates_and_numbers(viewer):
    month = {"first": YESTERDAY.replace(day=1).isoformat(), "last": YESTERDAY.isoformat(), "step": "day"}
    answer = viewer.get(PAGE, params=month | {"format": "xlsx", "lang": "th", "compare": "before"})
    assert f"{BUILDING}_{month['first']}" in answer.headers["content-disposition"]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    start, energy = sheet.cell(4, 1), sheet.cell(sheet.max_row, 2)
    assert start.value == dt.datetime.combine(YESTERDAY.replace(day=1), dt.time())
    assert start.number_format == "[$-107041E]d mmm yyyy"
    assert energy.value == 354, "9 h of 30 kW and 14 h of 6 kW"
    assert sheet.cell(3, 1).value == "เวลาเริ่ม"


def test_a_meter_and_an_agency_are_explored_too(viewer):
    meter = viewer.get(f"/api/v1/explore/meter/{BUILDING}.main", params=ONE_DAY).json()
    agency = viewer.get("/api/v1/explore/agency/health", params=ONE_DAY | {"step": "day"}).json()
    building = viewer.get(API, params=ONE_DAY).json()
    assert meter["total_kwh"] == building["total_kwh"]
    assert agency["total_kwh"] == pytest.approx(3 * building["total_kwh"]), "the second one uses twice as much"
    assert agency["quality"] == ["missing"], "the agency's other meters are silent: its day is not known wholly"
    assert "of the part that is known" in viewer.get("/explore/agency/health", params=ONE_DAY | {"lang": "en"}).text


def test_what_is_not_complete_is_drawn_as_such(viewer):
    page = viewer.get(
        PAGE, params={"first": YESTERDAY.isoformat(), "last": TODAY.isoformat(), "step": "day", "lang": "en"}
    ).text
    svg = drawn_in(page)
    bars = {path.get("class"): path.get("d") for path in svg.iter("path")}
    assert bars["bar"].count("Z") == 1
    assert bars["bar partial"].count("Z") == 1
    assert "incomplete: a part is known" in page


def test_pages_lead_to_what_they_speak_of(admin):
    page = admin.get(f"/buildings/{BUILDING}").text
    assert f'href="/explore/building/{BUILDING}"' in page
    assert f'href="/explore/meter/{BUILDING}.main"' in page
    heat = re.search(r'<svg class="heat[^"]*".*?</svg>', page, re.DOTALL)[0]
    assert heat.count(f'/explore/building/{BUILDING}?first={YESTERDAY}&amp;last={YESTERDAY}"') == 1, (
        "a day of the heat map"
    )
    assert 'href="/explore/agency/health"' in admin.get("/agencies/health").text
    assert f'href="/explore/meter/{BUILDING}.main"' in admin.get("/meters", params={"agency": "health"}).text


def test_what_is_shown_instead_of_what_was_asked_for_is_said(viewer):
    page = viewer.get(PAGE, params={"quantity": "import", "compare": "baseline", "lang": "en"}).text
    assert "<small>Gross use" in page
    assert "The baseline is of gross use, so gross use is shown." in page
    assert (
        "There is no Solar irradiance here. Shown is Energy from the grid."
        in viewer.get(PAGE, params={"quantity": "irradiance", "lang": "en"}).text
    )
    assert viewer.get(API, params={"quantity": "irradiance"}).status_code == 422


def test_the_overview_says_yesterday_s_worst_and_best_and_searches_in_thai(admin, viewer):
    page = admin.get("/", params={"lang": "en"}).text
    assert 'action="/find"' in page
    assert '<h2 id="yesterday">' in page
    assert re.search(r"\d+ of \d+ buildings could be judged", page), "how many are judged is said, also where none is"
    hits = admin.get("/find", params={"q": "ศูนย์บริการสาธารณสุข", "lang": "th"}).text
    assert 'href="/buildings/health.centre-1"' in hits
    assert 'href="/explore/building/health.centre-1"' in hits
    assert "ไม่มีรายการ" in viewer.get("/find", params={"q": "สำนักการศึกษา", "lang": "th"}).text
    odd = viewer.get("/find", params={"q": "<script>\u0000'", "lang": "en"})
    assert odd.status_code == 200
    assert "<script>&" not in odd.text
