"""Live, flow and wall pages in a browser, how main pages look, and a server that goes away."""

from __future__ import annotations

import threading
import time

import pytest
import uvicorn

from bkkenergy.adapters.state.users import add_user
from bkkenergy.web.app import create_app
from tests.accessibility import serious_faults
from tests.integration.test_flows import HOSPITAL, NOW, make_flows_site
from tests.looks import differs
from tests.servers import free_port
from tests.web import PASSWORD

pytestmark = [pytest.mark.browser]
PATHS = ("/live", "/wall", f"/buildings/{HOSPITAL}/flows?period=2026-11")
LOOKS = [("th", 360, "light"), ("en", 360, "dark"), ("en", 1280, "light"), ("th", 1280, "dark")]


def started(home):
    """The app of a site with sub-meters and a fixed clock, served in a thread, and its address."""
    port = free_port()
    here = make_flows_site(home)
    add_user(here.opened.state, "looks", PASSWORD, "admin", ["all"], NOW)
    config = uvicorn.Config(create_app(here), port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    server, url = started(tmp_path_factory.mktemp("livepages") / "site")
    yield url
    server.should_exit = True


def signed_in_page(browser, address, lang, width, scheme, user="admin"):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.add_cookies([{"name": "lang", "value": lang, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/login")
    page.fill("input[name=name]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


@pytest.mark.parametrize(("lang", "width", "scheme"), LOOKS)
def test_pages_fit_their_window_and_have_no_fault_of_accessibility(browser, address, lang, width, scheme):
    page = signed_in_page(browser, address, lang, width, scheme)
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    for path in PATHS:
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert serious_faults(page) == [], path
    assert said == []
    page.context.close()


def test_a_wall_whose_server_goes_away_says_since_when_and_shows_the_last_figures(browser, tmp_path):
    server, url = started(tmp_path / "site")
    page = signed_in_page(browser, url, "en", 1280, "light")
    page.goto(f"{url}/wall")
    assert not page.locator(".lost").is_visible()
    server.should_exit = True
    page.locator(".lost").wait_for(state="visible", timeout=40_000)
    assert "cannot be reached since" in page.locator(".lost").inner_text()
    assert page.locator("section.shown").count() == 1
    page.context.close()


LOOKED_AT = {
    "overview": "/",
    "building": f"/buildings/{HOSPITAL}",
    "explore": f"/explore/building/{HOSPITAL}?first=2026-11-16&last=2026-11-22&compare=before",
    "flows": f"/buildings/{HOSPITAL}/flows?period=2026-11",
    "components": "/components",
}
LOOK_OF = {
    "desk": ({"width": 1280, "height": 900}, "light", "th"),
    "phone": ({"width": 360, "height": 800}, "dark", "en"),
}


def test_main_pages_look_as_they_did_when_somebody_looked_at_them(browser, address, tmp_path):
    """Data, clock and fonts are fixed. tests/looks.py says how a change that is meant is taken over."""
    page = signed_in_page(browser, address, "th", 1280, "light", user="looks")
    wrong = []
    for look, (size, scheme, lang) in LOOK_OF.items():
        page.context.add_cookies([{"name": "lang", "value": lang, "url": address}])
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for name, path in LOOKED_AT.items():
            page.goto(address + path)
            if name == "explore":
                page.wait_for_selector("#plot")
            page.evaluate("document.fonts.ready")
            seen = page.screenshot(full_page=True, animations="disabled", caret="hide")
            wrong += [one] if (one := differs(seen, f"{name}-{look}", tmp_path)) else []
    assert wrong == []
    page.context.close()
