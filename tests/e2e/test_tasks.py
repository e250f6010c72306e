"""The real tasks of a city, an agency and a technician, each by hand in a browser: in Thai, on a phone and on a desk.

A click is what a hand does once: a press, a choice from a list, a file chosen, a point drawn. Entering a field counts as
one too. A task begins on the page that signing in leads to, and each must be possible there within the clicks that
docs/en/explanation/tasks.md shows.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.jobs.service import Jobs
from bkkenergy.payloads.message import Reason, Refused
from bkkenergy.portfolio.edits import Put
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.portfolio import change, portfolio_state, replace_all
from bkkenergy.usecases.uptodate import up_to_date
from tests.conftest import ROOT
from tests.e2e.test_records import NOW, OWN, Desk
from tests.web import PASSWORD, make_app, make_site, serving

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]
WAYS = {"phone": {"width": 360, "has_touch": True, "is_mobile": True}, "desk": {"width": 1280}}
TODAY = dt.datetime.now(BANGKOK).date()
TABLE = {lang: ROOT / f"docs/{lang}/explanation/tasks.md" for lang in ("en", "th")}


def one_bad_day(home):
    """Give one more centre 40 days of readings, of which yesterday used double."""
    site = load_configuration(home / "config")
    first = TODAY - dt.timedelta(days=40)
    at = np.arange(timestamp_us(Period.day(first).start), timestamp_us(Period.day(TODAY).start) + 1, 900_000_000)
    is_yesterday = at > timestamp_us(Period.day(TODAY - dt.timedelta(days=1)).start)
    register = 1000 + np.cumsum(np.where(is_yesterday, 40.0, 20.0)) / 4
    with open_site(site) as opened:
        opened.readings.commit(
            ReadingBatch(("health.centre-3.main",), np.zeros(len(at), np.int64), at, {"energy_kwh": register})
        )
        jobs = Jobs(up_to_date(opened))
        jobs.bring_up()
        jobs.tick()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    home = make_site(tmp_path_factory.mktemp("tasks"), days=400)
    one_bad_day(home)
    app = make_app(home)
    here, root = app.state.here, server_actor("cli:root")
    state = portfolio_state(here.opened.config, here.opened.state)
    replace_all(state, root, here.portfolio.records, why="first import", now=NOW)
    account = {"id": "centre", "utility": "mea", "number": "111111111", "schedule": "mea-2-2-lv", "buildings": [OWN]}
    contact = {"id": "head", "agency": "health", "name": "สมชาย ใจดี", "phone": "02-123-4567 ต่อ 12"}
    new = [Put("account", account), Put("contact", contact)]
    change(state, root, new, why="bill and contact", from_day=None, expected_revision=None, now=NOW)
    at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=20)
    waiting = Quarantine.of(here.opened.state, here.settings.ingest)
    for name in WAYS:
        payload = json.dumps({"ts": int(at.timestamp()), "energy_kwh": 77.5}).encode()
        topic = f"bma/health/centre-1/{name}/readings"
        waiting.keep(
            [Refused(topic, payload, Reason.UNKNOWN_METER, "no such meter")], {}, now_us=int(at.timestamp() * 1e6)
        )
    here.look_now()
    yield from serving(app)


class Hand(Desk):
    """A user at a browser. tag : that makes what is entered on one device another than on the other."""

    def __init__(self, browser, address, user, tag):
        self.tag = tag
        super().__init__(browser, address, user, accept_downloads=True, **WAYS[tag])
        self.page.wait_for_url(lambda url: "/login" not in url)
        self.home = self.page.url

    def begin(self):
        """Start where signing in leads to."""
        self.page.goto(self.home)
        self.clicks = 0

    def menu(self, path):
        """Go to a page of the menu, which a phone folds away but for its first four."""
        tab = self.page.locator(f"nav.tabs a[href='{path}']")
        if tab.count() and tab.is_visible():
            return self.click(f"nav.tabs a[href='{path}']")
        if not self.page.locator(f".menu nav a[href='{path}']").is_visible():
            self.click(".menu summary")
        return self.click(f".menu nav a[href='{path}']")

    def type(self, target, text):
        self.clicks += 1
        self.page.fill(target, text)

    def choose(self, target, value):
        """Choose from a list; pages of the explorer show what is chosen at once."""
        self.clicks += 1
        self.page.select_option(target, value)

    def attach(self, target, name, content):
        self.clicks += 1
        self.page.set_input_files(target, {"name": name, "mimeType": "application/octet-stream", "buffer": content})

    def fetched(self, target):
        """Press what downloads a file, and return it."""
        with self.page.expect_download() as waiting:
            self.click(target)
        return Path(waiting.value.path()).read_bytes()

    def text(self, target="main"):
        return self.page.inner_text(target)

    def building(self):
        self.click(f"#rows a[href='/buildings/{OWN}']")

    def explorer(self):
        self.building()
        self.click(f".actions a[href='/explore/building/{OWN}']")


Task = Callable[[Hand], None]


def yesterday_s_worst_building(hand):
    hand.click("#yesterday + div table a >> nth=0")
    hand.page.wait_for_url(f"**first={TODAY - dt.timedelta(days=1)}*compare=week*")


def a_month_beside_last_month_and_last_year(hand):
    hand.explorer()
    hand.click(".when a:text-is('เดือน')")
    for value in ("month", "year"):
        hand.choose("select[name=compare]", value)
        hand.page.wait_for_url(f"**compare={value}*")
        assert re.search(r"\d %|\d%", hand.text(".headline")), hand.text(".headline")


def two_buildings(hand):
    hand.explorer()
    hand.choose("select[name=compare]", "building:health.centre-2")
    hand.page.wait_for_url("**compare=building*")
    assert "%" in hand.text(".headline")


def a_day_s_quarter_hours(hand):
    hand.explorer()
    hand.click(".when a:text-is('วัน')")
    hand.click("#previous")
    assert "15" in hand.text("#explorer + p")


def why_last_tuesday_was_high(hand):
    hand.explorer()
    hand.type("input[name=first]", last_tuesday().isoformat())
    hand.type("input[name=last]", last_tuesday().isoformat())
    hand.choose("select[name=compare]", "week")
    hand.page.wait_for_url("**compare=week*")
    assert hand.page.locator("#where + table tr.most").count() or hand.page.locator("#peaks").is_visible()


def last_tuesday():
    return TODAY - dt.timedelta(days=(TODAY.weekday() - 1) % 7 or 7)


def export_to_excel(hand):
    hand.explorer()
    book = load_workbook(io.BytesIO(hand.fetched(".actions a[href*='format=xlsx']")))
    assert book.active.max_row > 90


def a_note_on_a_day(hand):
    hand.explorer()
    hand.click(".notes details.write > summary")
    hand.type("details.write input[name=first]", (TODAY - dt.timedelta(days=1)).isoformat())
    hand.type("details.write textarea", f"เครื่องทำน้ำเย็นเสีย {hand.tag}")
    hand.click("details.write button")
    hand.page.locator(f"article:has-text('{hand.tag}')").wait_for()


def a_finding_is_assigned(hand):
    hand.building()
    hand.click("details.work > summary >> nth=0")
    hand.choose("details.work[open] select[name=state]", "assigned")
    hand.type("details.work[open] input[name=owner]", f"สมชาย {hand.tag}")
    hand.type("details.work[open] input[name=due]", (TODAY + dt.timedelta(days=7)).isoformat())
    hand.click("details.work[open] button >> nth=0")
    hand.page.locator(f".attention:has-text('สมชาย {hand.tag}')").wait_for()


def a_paper_bill(hand):
    hand.menu("/records")
    hand.click("a[href='/records/list/account']")
    hand.click("table a[href='/records/one/account/centre']")
    hand.click(".actions a[href$='/bills']")
    hand.click("details.group > summary")
    hand.type("#f\\.month", "2568-09" if hand.tag == "phone" else "2568-10")
    hand.type("#f\\.kwh", "1,234")
    hand.type("#f\\.total", "6,543.21")
    hand.click("details.group button")
    assert "6,543.21" in hand.text(".revisions")


def a_building_and_its_meter(hand):
    hand.menu("/records")
    hand.click("a[href='/records/list/building']")
    hand.click(".actions a[href^='/records/new/building']")
    hand.type("[id='f.name_th']", f"ศูนย์ใหม่ {hand.tag}")
    hand.type("[id='f.name_en']", f"New centre {hand.tag}")
    hand.choose("[id='f.type']", "health_centre")
    hand.type("[id='f.gross_floor_area_m2']", "1,250")
    hand.type("[id='f.latitude_deg']", "13.7563")
    hand.type("[id='f.longitude_deg']", "100.5018")
    hand.choose("[id='f.tariff']", "mea-2-2-lv")
    hand.choose("[id='f.calendar']", "office")
    saved(hand, "สร้างใหม่")
    hand.click("a[href^='/records/new/meter?']")
    hand.type("[id='f.name_th']", "มิเตอร์หลัก")
    hand.type("[id='f.rated_kw']", "100")
    saved(hand, "สร้างใหม่")
    hand.page.wait_for_url("**/records/one/meter/**")


def saved(hand, why):
    """Say why, and save."""
    hand.type("#why", why)
    hand.click("p.actions button[name=save]")
    hand.page.wait_for_url("**/records/one/**")
    assert hand.page.locator("[role=alert]").count() == 0


def an_unknown_meter_is_adopted(hand):
    hand.menu("/meters")
    hand.click(f"a[href*='centre-1%2F{hand.tag}'], a[href*='centre-1/{hand.tag}']")
    hand.type("[id='f.rated_kw']", "60")
    hand.click("p.actions button[name=save]")
    hand.page.wait_for_url("**/records/one/meter/**")
    hand.click("form[action='/meters/replay'] button")
    assert hand.page.locator("form[action='/meters/replay']:has(input[name=topic])").count() == 0


def opening_hours(hand):
    hand.menu("/records")
    hand.click("a[href='/records/list/calendar']")
    hand.click("table a[href='/records/one/calendar/office']")
    hand.click(".actions a[href^='/records/edit/']")
    hours = "08:00-17:00" if hand.tag == "phone" else "08:30-17:30"
    hand.type("input[name='f.hours.fri']", hours)
    saved(hand, "เวลาทำการใหม่")
    assert hours[:5] in hand.text()


def an_alert_s_threshold(hand):
    hand.menu("/records")
    hand.click("a[href='/records/list/threshold']")
    hand.click(".actions a[href^='/records/new/threshold']")
    hand.choose("[id='f.name']", "min_coverage_ratio")
    hand.type("[id='f.value']", "0.8")
    hand.choose("[id='f.building']", OWN if hand.tag == "phone" else "health.centre-2")
    saved(hand, "มิเตอร์เก่า")


def who_gets_mail(hand):
    hand.menu("/records")
    hand.click("a[href='/records/list/recipient']")
    hand.click(".actions a[href^='/records/new/recipient']")
    hand.type("[id='f.to']", f"{hand.tag}@example.org")
    saved(hand, "ผู้อำนวยการใหม่")
    assert f"{hand.tag}@example.org" in hand.text()


def a_design_for_an_odd_roof(hand):
    """An L, drawn."""
    hand.menu("/records")
    hand.type("form.find input[name=q]", "health.centre-1")
    hand.click("form.find button")
    hand.click(f"table a[href='/records/one/building/{OWN}']")
    hand.click(f"a[href='/records/roofs/{OWN}']")
    hand.choose("#span_m", "100.0")
    hand.click("form:has(#span_m) button")
    for x, y in ((40, 40), (200, 40), (200, 100), (120, 100), (120, 180), (40, 180)):
        sheet = hand.page.locator("#sheet input[type=image]")
        sheet.scroll_into_view_if_needed()
        sheet.click(position={"x": x, "y": y})
        hand.clicks += 1
    hand.type("input[name=name]", f"L {hand.tag}")
    hand.click("button[formaction$='do=look']")
    hand.type("#why", "หลังคารูปตัวแอล")
    hand.click("button[formaction$='do=enter']")
    hand.click(f"a[href='/solar?building={OWN}']")
    hand.click("form[action='/solar'] > button")
    hand.page.wait_for_selector("section h2")


def a_design_for_an_area(hand):
    hand.menu("/solar")
    hand.choose("select[name=building]", OWN)
    hand.type("form[action='/solar'] input[name=area_m2]", "400")
    hand.click("form[action='/solar'] > button")
    hand.page.wait_for_selector("section h2")
    assert "kWp" in hand.text("section h2")


def a_design_is_shared(hand):
    hand.menu("/solar")
    hand.choose("select[name=building]", OWN)
    hand.type("form[action='/solar'] input[name=kwp]", "20")
    hand.click("form[action='/solar'] > button")
    hand.page.wait_for_selector("section h2")
    hand.type("form[action^='/solar/scenarios'] input[name=name]", f"แบบ {hand.tag}")
    hand.click("form[action^='/solar/scenarios'] button")
    hand.page.wait_for_selector(f"a:text-is('แบบ {hand.tag}')")


def a_user_for_one_agency(hand):
    hand.menu("/admin")
    prove(hand)
    hand.click("details:has(form[action='/admin/users']) > summary")
    hand.type("form[action='/admin/users'] input[name=name]", f"malee-{hand.tag}")
    hand.type("form[action='/admin/users'] input[name=password]", "first password 1")
    hand.choose("form[action='/admin/users'] select[name=role]", "viewer")
    hand.choose("form[action='/admin/users'] select[name=agencies]", "health")
    hand.click("form[action='/admin/users'] button")
    row = hand.page.locator(f"tr:has(th:text-is('malee-{hand.tag}'))")
    row.locator("details > summary").click()
    row.locator("select[name=role]").select_option("manager")
    row.locator("form.narrow button").click()
    hand.clicks += 3
    assert "ผู้จัดการ" in row.locator("td").first.inner_text()


def prove(hand):
    """Give the password again where a page asks for it."""
    if "/again" in hand.page.url:
        hand.type("input[name=password]", PASSWORD)
        hand.click("main button")


def which_meters_are_down(hand):
    hand.menu("/meters")
    hand.click(".counts a[href*='state=never']")
    assert "ไม่เคยส่ง" in hand.text(".meter-board")
    assert hand.page.locator(".meter-board a[href^='tel:']").count(), "the telephone of the contact"


def last_month_s_report(hand):
    hand.menu("/reports")
    hand.click("form[action='/reports/made'] button")
    assert hand.page.locator("h1").first.inner_text()


def the_plan_s_progress(hand):
    hand.menu("/plan")
    assert "led-health" in hand.page.content()


def print_a_page(hand):
    hand.building()
    hand.clicks += 1  # of the browser's own menu
    printed = PdfReader(io.BytesIO(hand.page.pdf(format="A4")))
    text = printed.pages[0].extract_text()
    assert re.search("[ก-๙]", text)
    assert len(printed.pages) <= 6


TASKS: dict[Task, str] = {
    yesterday_s_worst_building: "admin",
    a_month_beside_last_month_and_last_year: "manager-health",
    two_buildings: "manager-health",
    a_day_s_quarter_hours: "manager-health",
    why_last_tuesday_was_high: "manager-health",
    export_to_excel: "manager-health",
    a_note_on_a_day: "manager-health",
    a_finding_is_assigned: "manager-health",
    a_paper_bill: "manager-health",
    a_building_and_its_meter: "manager-health",
    an_unknown_meter_is_adopted: "admin",
    opening_hours: "admin",
    an_alert_s_threshold: "manager-health",
    who_gets_mail: "manager-health",
    a_design_for_an_odd_roof: "engineer-health",
    a_design_for_an_area: "engineer-health",
    a_design_is_shared: "engineer-health",
    a_user_for_one_agency: "admin",
    which_meters_are_down: "admin",
    last_month_s_report: "manager-health",
    the_plan_s_progress: "manager-health",
    print_a_page: "manager-health",
}
"""The tasks and who does them, in the order of the table."""


def shown_clicks(lang):
    """Return the clicks on each device that the documentation has of each task, in the order of the tasks here."""
    rows = re.findall(r"^\| .+ \| (\d+) \| (\d+) \|$", TABLE[lang].read_text(), re.MULTILINE)
    return {one.__name__: tuple(map(int, row)) for one, row in zip(TASKS, rows, strict=True)}


@pytest.fixture(scope="module")
def hands(browser, address):
    """A window for each user on each device, signed in once."""
    opened: dict[tuple[str, str], Hand] = {}

    def hand_of(user, way):
        if (user, way) not in opened:
            opened[user, way] = Hand(browser, address, user, way)
        return opened[user, way]

    yield hand_of
    for hand in opened.values():
        hand.context.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [one.__name__ for one in TASKS])
def test_a_task_is_done_in_the_app(hands, name, way):
    does = next(one for one in TASKS if one.__name__ == name)
    hand = hands(TASKS[does], way)
    hand.begin()
    try:
        does(hand)
    finally:
        if folder := os.environ.get("SCREENSHOTS"):
            hand.page.screenshot(path=f"{folder}/task-{name}-{way}.png", full_page=True)
    assert hand.page.get_attribute("html", "lang") == "th"
    assert hand.problems == []
    over = hand.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"{over} px too wide"
    for lang in TABLE:
        assert shown_clicks(lang)[name][list(WAYS).index(way)] == hand.clicks, f"{name} {way} in docs/{lang}"
