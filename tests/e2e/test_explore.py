"""The explorer in a real browser: by mouse, keys and fingers, with the policy that browsers enforce, and without script."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration
from bkkenergy.web.app import create_app
from bkkenergy.web.assets import has_charts
from tests.accessibility import faults
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import bring_up, make_context
from tests.web import PASSWORD, SETTINGS, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not has_charts(), reason="deploy/make-assets did not run: `make test` runs it"),
]
OFFICE = "district-dindaeng.office"
NOW = dt.datetime(2026, 11, 26, 3, 20, tzinfo=dt.UTC)
TUESDAY = dt.date(2026, 11, 24)
QUARTER_US, DAYS = 900_000_000, 40


def office_site(home):
    """An office whose air conditioning ran through the night of last Tuesday."""
    (home / "config").mkdir()
    for name in CONFIG_PARTS:
        (home / "config" / name).symlink_to(ROOT / "config" / name)
    (home / "config/bkkenergy.toml").write_text(SETTINGS)
    site = load_configuration(home / "config")
    first = NOW.astimezone(BANGKOK).date() - dt.timedelta(days=DAYS)
    at = np.arange(timestamp_us(Period.day(first).start), int(NOW.timestamp() * 1e6), QUARTER_US)
    hour = (at / 3_600_000_000 + 7) % 24
    day = ((at + 7 * 3_600_000_000) // 86_400_000_000 + 3) % 7  # Monday is 0
    works = (hour > 8) & (hour < 17) & (day < 5)
    night = (at >= timestamp_us(Period.day(TUESDAY).start)) & (at < timestamp_us(Period.day(TUESDAY).end))
    cooling = np.where(works, 80.0, 4.0) + np.where(night & ~works, 60.0, 0.0)
    kw = {
        "main": cooling + np.where(works, 60.0, 10.0) + 20,
        "aircon": cooling,
        "lighting": np.where(works, 60.0, 10.0),
    }
    store = SqliteStore(home / "var/store.sqlite")
    store.prepare()
    for meter in site.portfolio.buildings[OFFICE].meters:
        power_kw = kw.get(meter.id.rpartition(".")[2])
        if power_kw is not None:
            register = 1000 + np.cumsum(power_kw) / 4
            store.commit(ReadingBatch((meter.id,), np.zeros(len(at), np.int64), at, {"energy_kwh": register}))
    store.close()
    bring_up(site.settings, site.portfolio)
    state = open_state(site.settings.state)
    add_user(state, "manager", PASSWORD, "manager", ["district-dindaeng"], NOW)
    state.dispose()
    return site


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    site = office_site(tmp_path_factory.mktemp("office"))
    yield from serving(create_app(make_context(site, clock=lambda: NOW)))


class Desk:
    """A window in which a user is signed in; it remembers what went wrong, and how much was sent."""

    def __init__(self, browser, address, *, lang="en", **options):
        self.address = address
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        self.context.add_cookies([{"name": "lang", "value": lang, "url": address}])
        self.page = self.context.new_page()
        self.problems, self.asked, self.clicks = [], [], 0
        self.page.on(
            "console", lambda said: self.problems.append(said.text) if said.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{address}/login")
        self.page.fill("input[name=name]", "manager")
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button")
        self.page.wait_for_url(lambda url: "/login" not in url)

    def open(self, path):
        self.page.goto(self.address + path)
        return self.page

    def click(self, target):
        self.clicks += 1
        self.page.click(target)

    def drag(self, start, end):
        box = self.page.locator("#plot").bounding_box()
        y = box["y"] + box["height"] / 2
        self.clicks += 1
        self.page.mouse.move(box["x"] + box["width"] * start, y)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=3)
        self.page.mouse.move(box["x"] + box["width"] * end, y, steps=3)
        self.page.mouse.up()

    def end(self):
        assert self.problems == []
        assert [url for url in self.asked if not url.startswith((self.address, "data:", "blob:"))] == []
        self.context.close()


@pytest.fixture
def desk(browser, address):
    opened = Desk(browser, address)
    yield opened
    opened.end()


PAGE = f"/explore/building/{OFFICE}"
MONTH = f"{PAGE}?first=2026-11-01&last=2026-11-30"


def test_why_last_tuesday_was_high_is_found_in_under_six_clicks(desk):
    page = desk.open(f"/buildings/{OFFICE}")
    desk.click("a.button[href^='/explore/']")
    desk.click(".when a:text-is('Week')")
    page.wait_for_url("**first=2026-11-23*")
    page.wait_for_selector("#plot")
    desk.drag(1.05 / 7, 1.95 / 7)  # Tuesday
    page.wait_for_url("**first=2026-11-24&last=2026-11-24*")
    desk.clicks += 1
    page.select_option("select[name=compare]", "week")
    page.wait_for_url("**compare=week*")
    most = page.locator("#where + table tr.most")
    expect(most).to_contain_text("Air-conditioning")
    expect(most).to_contain_text("+900")  # 15 hours of 60 kW
    desk.click("#where + table tr.most a")
    page.wait_for_url("**/explore/meter/district-dindaeng.office.aircon?*compare=week*")
    expect(page.locator(".headline")).to_contain_text("more than Tuesday 17 November 2026")
    assert desk.clicks < 6


def test_dragging_over_days_shows_them_by_quarter_hours_and_back_goes_back(desk):
    page = desk.open(MONTH)
    page.wait_for_selector("#plot")
    assert "by hours" in page.inner_text("main")
    desk.drag(23.1 / 30, 24.9 / 30)
    page.wait_for_url("**first=2026-11-24&last=2026-11-25*")
    page.wait_for_selector("#plot")
    assert "by 15 minutes" in page.inner_text("main")
    assert "24 Nov 2026" in page.inner_text("h1")
    page.go_back()
    page.wait_for_url("**last=2026-11-30")
    expect(page.locator("h1")).to_contain_text("November 2026")


def test_a_zoom_within_a_day_is_in_the_link_and_can_be_reset(desk):
    page = desk.open(f"{PAGE}?first=2026-11-24&last=2026-11-24")
    page.wait_for_selector("#plot")
    desk.drag(0.25, 0.5)
    page.wait_for_url("**#z=*")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("#reset:not([hidden])")
    page.click("#reset")
    page.wait_for_url(lambda url: "#" not in url)


def test_keys_read_point_by_point_zoom_and_change_the_period(desk):
    page = desk.open(f"{PAGE}?first=2026-11-24&last=2026-11-24")
    page.wait_for_selector("#plot")
    page.focus("#plot")
    page.keyboard.press("Home")
    assert page.inner_text("#read").startswith("Tue, 24 Nov 2026 00:00–00:15: 94.0 kW")
    page.keyboard.press("ArrowRight")
    assert "00:15–00:30" in page.inner_text("#read")
    page.keyboard.press("End")
    assert "23:45–00:00" in page.inner_text("#read")
    page.keyboard.press("+")
    page.wait_for_selector("#reset:not([hidden])")
    page.keyboard.press("0")
    page.keyboard.press("PageUp")
    page.wait_for_url("**first=2026-11-23&last=2026-11-23*")
    expect(page.locator("#plot")).to_be_focused()


def test_choosing_in_a_list_is_enough(desk):
    page = desk.open(f"{PAGE}?first=2026-11-24&last=2026-11-24")
    page.select_option("select[name=compare]", "week")
    page.wait_for_url("**compare=week*")
    expect(page.locator(".headline")).to_contain_text("more than")


def test_a_bar_leads_to_its_day(desk):
    page = desk.open(f"{PAGE}?first=2026-11-01&last=2026-11-30&step=day")
    page.wait_for_selector("#plot")
    box = page.locator("#plot").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 23.5 / 30, box["y"] + 150)
    page.wait_for_url("**first=2026-11-24&last=2026-11-24*")


def test_fingers_read_and_zoom_on_a_phone(browser, address):
    phone = Desk(browser, address, lang="th", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = phone.open(f"{PAGE}?first=2026-11-23&last=2026-11-25")
    page.wait_for_selector("#plot")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("document.querySelector('#plot').scrollIntoView({block: 'center'})")  # above the bar at the bottom
    box = page.locator("#plot").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 100)
    page.wait_for_selector("#read:not([hidden])")
    assert "24 พ.ย. 2569" in page.inner_text("#read")
    touch = phone.context.new_cdp_session(page)
    y, middle = box["y"] + 120, box["x"] + box["width"] / 2
    for kind, apart in (("touchStart", 30), ("touchMove", 80), ("touchMove", 140), ("touchEnd", None)):
        points = (
            [] if apart is None else [{"x": middle - apart, "y": y, "id": 0}, {"x": middle + apart, "y": y, "id": 1}]
        )
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_url("**first=2026-11-24&last=2026-11-24*")
    sizes = page.evaluate(
        """[...document.querySelectorAll('main *')].filter(one => one.textContent.trim() && one.getClientRects().length)
        .map(one => parseFloat(getComputedStyle(one).fontSize))"""
    )
    assert min(sizes) >= 12
    assert faults(page) == []
    phone.end()


def test_without_script_the_same_is_there(browser, address):
    plain = Desk(browser, address, java_script_enabled=False)
    page = plain.open(f"{PAGE}?first=2026-11-24&last=2026-11-24&compare=week")
    assert page.locator("svg.explored").count() == 1
    assert "more than" in page.inner_text(".headline")
    page.goto(f"{address}{MONTH}&step=day")
    assert page.locator("svg.explored a").count() == 30, "each day is a link"
    page.goto(f"{address}{PAGE}?first=2026-11-24&last=2026-11-24&compare=week")
    page.click("#previous")
    assert "23 November 2026" in page.inner_text("h1")
    page.select_option("select[name=compare]", "")
    page.click("form.choose button")
    assert "compare" not in page.url.partition("?")[2].replace("compare=&", "")
    plain.end()


def test_a_first_visit_is_small(browser, address):
    desk = Desk(browser, address)
    session = desk.context.new_cdp_session(desk.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sent = []
    session.on("Network.loadingFinished", lambda event: sent.append(event["encodedDataLength"]))
    page = desk.open(f"{PAGE}?first=2026-11-01&last=2026-11-30&compare=before")
    page.wait_for_selector("#plot")
    assert len(sent) >= 5
    assert sum(sent) <= 250_000
    desk.end()


def test_a_year_of_quarter_hours_is_drawn(desk):
    session = desk.context.new_cdp_session(desk.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page = desk.open(f"{PAGE}?first=2026-10-18&last=2027-10-17&step=15min")
    page.wait_for_selector("#plot")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    assert metrics["ScriptDuration"] < 0.15, "of all scripts; tests/bench/explorer.py compares with uPlot alone"
    assert re.search(r"Shown by 15 minutes \([\d,]+ points\)", page.inner_text("main"))
