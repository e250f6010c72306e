"""Every page there is, light and dark, on a desk and on a phone: no fault of accessibility, nothing wider than the window.

A page is loaded once; then its window and its scheme change. What no route of this walk shows is named, with where it is held.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Error

from bkkenergy.access import server_actor
from bkkenergy.portfolio.edits import Put
from bkkenergy.usecases.portfolio import change, portfolio_state, replace_all
from bkkenergy.web import render
from tests.accessibility import serious_faults
from tests.integration.test_web import filled, routes
from tests.web import PASSWORD, make_app, make_site, serving

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 800}
BUILDING, METER = "health.centre-1", "health.centre-1.main"
MORE = (
    "/agencies/health/findings?state=all",
    "/explore/city/city?first=2026-11-01&last=2026-11-30&compare=year",
    f"/explore/meter/{METER}?view=table&step=day",
    "/find?q=health",
    "/help/how-to/manager",
    "/records/list/building",
    "/records/history/2",
    "/records/one/building/health.centre-1",
    "/solar?building=health.centre-1&kwp=20",
    "/solar/screening?pays=1",
    "/nowhere",
)
"""Pages in another state than their plain address shows."""
NOT_PAGES = (
    "/api/",
    "/live/",
    "/logout",
    "/static",
    "/help/img",
    "/reports/file",
    "/account/factor",
    "/solar/report/",
    "/records/history/1",
)
"""Files, streams, and what is long: a design's report, which test_solar_page.py looks at, and the first import."""
ELSEWHERE = {
    "first_run.html.j2": "without users: tests/integration/test_first_run.py",
    "bill_check.html.j2": "a paper bill: tests/integration/test_bill_pages.py",
    "bills.html.j2": "an electricity account: tests/integration/test_bill_pages.py",
    "onward.html.j2": "a link of another site to what computes long: tests/integration/test_edge.py",
    "open_data.html.j2": "what agencies publish: tests/integration/test_open_data.py",
    "code.html.j2": "the second step: tests/integration/test_second_step.py",
    "forgot.html.j2": "without signing in: tests/integration/test_account_links.py",
    "link.html.j2": "a mail's link, without signing in: tests/integration/test_account_links.py",
    "offline.html.j2": "without a server: tests/e2e/test_phone.py",
    "passkey_form.html.j2": "at an address that passkeys are for: tests/integration/test_passkeys.py",
    "plant.html.j2": "a PV plant: tests/integration/test_plants.py",
    "unsubscribe.html.j2": "a mail's link, without signing in: tests/integration/test_delivery_states.py",
    "proposal.html.j2": "a proposal: tests/integration/test_record_pages.py",
}
COLOURS = ("color-contrast",)
ON_A_PHONE = (*COLOURS, "scrollable-region-focusable", "target-size", "meta-viewport")
"""A scheme changes colours alone; a width what is beside what, and what scrolls."""
SMALL_TEXTS = """[...document.querySelectorAll('main svg text')].filter(text => text.getClientRects().length &&
  parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a < 11.9).map(text => text.textContent)"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A site whose portfolio is records, so that there are forms, with a proposal."""
    app = make_app(make_site(tmp_path_factory.mktemp("everypage"), days=9))
    site, root = app.state.here.opened, server_actor("cli:root")
    state, now = portfolio_state(site.config, site.state), site.clock()
    replace_all(state, root, site.portfolio.records, why="first import", now=now)
    agency = {"id": "new", "name_th": "สำนักงานใหม่", "name_en": "New office"}
    change(state, root, [Put("agency", agency)], why="new", from_day=None, expected_revision=None, now=now)
    app.state.here.look_now()
    return app


@pytest.fixture(scope="module")
def address(app):
    yield from serving(app)


def addresses(app):
    plain = {filled(path, "health", BUILDING, app) for method, path in routes(app) if method == "GET"}
    return [*sorted(one for one in plain if not one.startswith(NOT_PAGES)), *MORE]


def faults_of(page, name):
    """What is wrong with a page in each look."""
    wrong = []
    for look, size, scheme, rules in (
        ("desk, light", DESK, "light", ()),
        ("desk, dark", DESK, "dark", COLOURS),
        ("phone, dark", PHONE, "dark", COLOURS),
        ("phone, light", PHONE, "light", ON_A_PHONE),
    ):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        wrong += [(name, look, one) for one in serious_faults(page, rules)]
        if size == PHONE and (small := page.evaluate(SMALL_TEXTS)):
            wrong.append((name, look, "text of a picture below 12 px", small[:4]))
        if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
            wrong.append((name, look, "scrolls sideways"))
    return wrong


PARTS = 6


def opened(page, url):
    """Open a page and return the answer; nothing where the address leads elsewhere, or to a file."""
    try:
        answer = page.goto(url)
    except Error as error:
        if not re.search("Download is starting|ERR_ABORTED", str(error)):
            raise
        return None
    return None if answer.request.redirected_from else answer


@pytest.fixture(scope="module")
def rendered():
    """The templates of which a page was made."""
    names, take = set(), render.environment.get_template
    render.environment.get_template = lambda name, *more: names.add(name) or take(name, *more)
    yield names
    render.environment.get_template = take


@pytest.fixture(scope="module")
def page(browser, address, rendered):
    context = browser.new_context(viewport=DESK, service_workers="block")
    page = context.new_page()
    page.goto(f"{address}/login")
    assert faults_of(page, "/login") == []
    page.set_viewport_size(DESK)
    page.fill("input[name=name]", "admin")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(lambda url: "/login" not in url)
    yield page
    context.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_pages_are_accessible_in_both_schemes_on_a_desk_and_a_phone(page, app, address, part):
    wrong = []
    for path in addresses(app)[part::PARTS]:
        answer = opened(page, address + path)
        if answer is None or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        if "sandbox" in answer.headers.get("content-security-policy", ""):
            continue  # a paper or a report, in which no script runs, nor axe: tests of reports look at those
        wrong += faults_of(page, path)
    assert wrong == [], "\n".join(map(str, wrong))


def test_each_template_was_seen_or_is_seen_by_another_test(rendered):
    assert sorted(set(render.environment.list_templates()) - rendered) == sorted(ELSEWHERE)


def test_one_bad_row_of_a_long_table_is_a_fault_once(browser):
    page = browser.new_page()
    rows = "".join(f"<tr><td>row {number}</td></tr>" for number in range(60))
    page.set_content(f"<style>tr:nth-child(40) td {{ color: #ccc }}</style><table><tbody>{rows}</tbody></table>")
    (fault,) = serious_faults(page, COLOURS)
    assert fault[2] == ["<td>row 39</td>"]
    page.close()
