"""Live, flow and wall pages in a browser: light and dark, phone and desk, both languages, and a server that goes away."""

from __future__ import annotations

import threading
import time

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe

from bkkenergy.web.app import create_app
from tests.integration.test_flows import HOSPITAL, make_flows_site
from tests.servers import free_port
from tests.web import PASSWORD

pytestmark = [pytest.mark.browser]
PATHS = ("/live", "/wall", f"/buildings/{HOSPITAL}/flows?period=2026-11")
LOOKS = [("th", 360, "light"), ("en", 360, "dark"), ("en", 1280, "light"), ("th", 1280, "dark")]


def started(home):
    """The app of a site with sub-meters, served in a thread, and its address."""
    port = free_port()
    config = uvicorn.Config(
        create_app(make_flows_site(home)), port=port, log_level="error", timeout_graceful_shutdown=1
    )
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


def signed_in_page(browser, address, lang, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.add_cookies([{"name": "lang", "value": lang, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/login")
    page.fill("input[name=name]", "admin")
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
        faults = [one for one in Axe().run(page).response["violations"] if one["impact"] in {"serious", "critical"}]
        assert faults == [], (path, [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in faults])
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
