"""Records in a real browser, with and without scripts: a list entered in few clicks, two people at one building, a phone."""

from __future__ import annotations

import datetime as dt

import pytest

from bkkenergy.access import server_actor
from bkkenergy.portfolio.edits import Put
from bkkenergy.usecases.portfolio import change, portfolio_state, replace_all
from tests.accessibility import serious_faults
from tests.untidy import DISTRICTS, write_untidy
from tests.web import PASSWORD, make_app, make_site, serving

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]
OWN = "health.centre-1"
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    app = make_app(make_site(tmp_path_factory.mktemp("records"), days=2))
    site, root = app.state.here.opened, server_actor("cli:root")
    state = portfolio_state(site.config, site.state)
    replace_all(state, root, site.portfolio.records, why="first import", now=NOW)
    known = {"บางเขน", "ดินแดง", "จตุจักร", "ลาดกระบัง"}
    agencies = [
        Put("agency", {"id": f"bma-{number}", "name_th": f"สำนักงานเขต{name}", "name_en": f"District {number}"})
        for number, name in enumerate(DISTRICTS)
        if name not in known
    ]
    change(state, root, agencies, why="districts", from_day=None, expected_revision=None, now=NOW)
    app.state.here.look_now()
    yield from serving(app)


class Desk:
    """A window in which a user is signed in; it counts clicks, and remembers what went wrong."""

    def __init__(self, browser, address, user, *, width=1280, **options):
        self.address, self.clicks, self.problems = address, 0, []
        self.context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        self.context.add_cookies([{"name": "lang", "value": "th", "url": address}])
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(f"{address}/login")
        self.page.fill("input[name=name]", user)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button")

    def _heard(self, said):
        if said.type == "error" and "status of 4" not in said.text:
            self.problems.append(said.text)

    def click(self, target):
        self.clicks += 1
        self.page.click(target)

    def open(self, path):
        self.page.goto(self.address + path)

    def end(self):
        assert self.problems == []
        self.context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_list_is_entered_in_at_most_fifteen_clicks(browser, address, tmp_path, scripts):
    count = 60 if scripts else 20
    write_untidy(tmp_path / "schools.xlsx", count, seed=3 if scripts else 4)
    desk = Desk(browser, address, "admin", java_script_enabled=scripts)
    desk.click("nav a[href='/records']")
    desk.click("a[href='/records/list/building']")
    desk.click("a[href='/records/upload/building']")
    desk.clicks += 1
    desk.page.set_input_files("input[type=file]", tmp_path / "schools.xlsx")
    for name, value in (("type", "school"), ("calendar", "school"), ("tariff", "mea-2-2-lv")):
        desk.clicks += 1
        desk.page.select_option(f"[id='d.{name}']", value)
    for name, value in (("roof.tilt_deg", "10"), ("roof.azimuth_deg", "180")):
        desk.clicks += 1
        desk.page.fill(f"[id='d.{name}']", value)
    desk.click("form.record > p.actions button")
    said = desk.page.inner_text("main")
    assert "ใหม่ 285" in said if scripts else "เปลี่ยน" in said, (
        "60 schools, their meters, accounts, contacts and 45 roofs"
    )
    desk.clicks += 1
    desk.page.fill("#why", "โรงเรียนปี 2570")
    desk.click("button[formaction*='do=enter']")
    desk.page.wait_for_url("**/records/history/*")
    assert "โรงเรียนปี 2570" in desk.page.inner_text("main")
    assert desk.clicks <= 15, desk.clicks
    desk.end()


@pytest.mark.parametrize("scripts", [True, False])
def test_two_people_at_one_building_on_phone_and_desk_lose_nothing(browser, address, scripts):
    phone = Desk(browser, address, "manager-health", width=360, java_script_enabled=scripts)
    desk = Desk(browser, address, "admin", java_script_enabled=scripts)
    area, name = ("2222", "ศูนย์ก") if scripts else ("3333", "ศูนย์ข")
    for window in (phone, desk):
        window.open(f"/records/edit/building/{OWN}")
    desk.page.fill("[id='f.name_th']", name)
    desk.page.fill("#why", "เปลี่ยนชื่อ")
    desk.click("button[name=save][value='1'] >> nth=-1")
    phone.page.fill("[id='f.gross_floor_area_m2']", area)
    phone.page.fill("#why", "วัดใหม่")
    phone.click("button[name=save][value='1'] >> nth=-1")
    said = phone.page.inner_text("[role=alert]")
    assert "เปลี่ยนชื่อ" in said
    assert phone.page.input_value("[id='f.name_th']") == name
    assert phone.page.input_value("[id='f.gross_floor_area_m2']") == area
    phone.click("button[name=save][value='1'] >> nth=-1")
    phone.page.wait_for_url("**/records/one/building/**")
    shown = phone.page.inner_text("main")
    assert name in shown
    assert f"{int(area):,}" in shown
    phone.end()
    desk.end()


def test_pages_of_records_fit_a_phone_and_can_be_read_aloud(browser, address):
    phone = Desk(browser, address, "admin", width=360)
    for path in (
        "/records", "/records/list/building", f"/records/one/building/{OWN}", f"/records/edit/building/{OWN}",
        f"/records/edit/meter/{OWN}.main", "/records/edit/calendar/school", "/records/new/account", "/records/history",
        "/records/compare", "/records/proposals", "/records/upload/building", "/meters",
    ):  # fmt: skip
        phone.open(path)
        over = phone.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{path} is {over} px too wide"
        assert serious_faults(phone.page) == [], path
    phone.end()
