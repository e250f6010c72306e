"""A manager's morning and an engineer's job in a real browser, in both languages, on a phone and on a desk."""

from __future__ import annotations

import os
import re

import pytest

from tests.accessibility import serious_faults
from tests.e2e.conftest import CUT_TEXTS
from tests.servers import free_port, web_app
from tests.web import PASSWORD, SETTINGS, make_site

pytestmark = [pytest.mark.browser]
WIDTHS = {"phone": 360, "desk": 1280}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A running web app with reports (PDF among them) and users."""
    home, port = tmp_path_factory.mktemp("webapp"), free_port()
    settings = SETTINGS.replace('["html", "csv"]', '["html", "pdf", "csv"]') + f"port = {port}\n"
    make_site(home, settings=settings)
    app = web_app(home / "config", port).start()
    yield app.url
    app.stop()


LEAK = re.compile(r"\b(None|nan|Undefined)\b|\b(web|report|balance)\.(?!secure_cookies|oidc|yaml)(?=\w)", re.ASCII)


class Sitting:
    """A browser's window in which somebody works; what goes wrong, or outside, is kept."""

    def __init__(self, browser, address, lang, width, **more):
        self.address, self.lang, self.width = address, lang, width
        self.context = browser.new_context(viewport={"width": width, "height": 800}, accept_downloads=True, **more)
        self.context.add_cookies([{"name": "lang", "value": lang, "url": address}])
        self.page = self.context.new_page()
        self.problems, self.outside, self.seen = [], [], 0
        self.page.on(
            "console",
            lambda message: self.problems.append(message.text) if message.type in {"error", "warning"} else None,
        )
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.context.on("request", lambda request: self._asked(request.url))

    def _asked(self, url):
        if not url.startswith((self.address, "data:", "blob:")):
            self.outside.append(url)

    def sign_in(self, name):
        self.page.goto(self.address)
        assert "/login" in self.page.url
        self.look("login")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button")
        self.page.wait_for_url(lambda url: "/login" not in url)

    def look(self, name):
        """The page fits its window, says nothing untranslated, and has no serious fault of accessibility."""
        page = self.page
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth") <= self.width, f"{name} scrolls sideways"
        body = page.inner_text("body").replace("If-None-Match", "")
        assert page.evaluate(CUT_TEXTS) == [], name
        # Administration shows settings by their keys, and names as they were entered; the library's pages show code.
        if name != "admin" and not name.startswith(("help/how-to/python", "help/reference", "help/notebooks")):
            leak = LEAK.search(body)
            assert leak is None, (name, leak)
            has_thai = re.search("[ก-๙]", page.inner_text("main").replace("ไทย", "")) is not None
            assert has_thai == (self.lang == "th"), name
        # The language changes nothing of it: test_every_page.py asks this of every page in both schemes.
        assert (serious_faults(page) if self.lang == "th" else []) == [], name
        self.seen += 1
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(
                path=f"{folder}/web-{name.replace(chr(47), chr(45))}-{self.lang}-{self.width}.png", full_page=True
            )

    def end(self):
        assert self.problems == []
        assert self.outside == []
        self.context.close()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("lang", ["th", "en"])
def test_a_manager_s_morning(browser, address, lang, width):
    sitting = Sitting(browser, address, lang, width)
    page = sitting.page
    sitting.sign_in("admin")
    sitting.look("overview")
    page.click("a[href='/agencies/health']")
    page.wait_for_url("**/agencies/health")
    sitting.look("agency")
    page.click("table a[href='/buildings/health.centre-1']")
    page.wait_for_url("**/buildings/health.centre-1")
    sitting.look("building")
    assert page.locator(".card [data-now=power]").inner_text() in {"6.0", "30.0"}
    assert page.locator("svg.profile path.usual").is_visible()  # today's own line has no width in its first hour
    assert page.locator("svg.heat image").is_visible()
    page.click("a.button[href^='/reports']")
    page.wait_for_url("**/reports?agency=health")
    sitting.look("reports")
    link = page.locator("a[href$='.pdf']").first.get_attribute("href")
    answer = sitting.context.request.get(address + link)
    assert answer.body().startswith(b"%PDF")
    page.click(f"a[href$='.{lang}.html']")
    page.locator("h1").first.wait_for()
    for path in (
        "plan",
        "meters",
        "jobs",
        "help",
        "help/how-to/manager",
        "help/how-to/operator",
        "help/reference/api",
        "help/how-to/python",
        "help/reference/library",
        "help/notebooks/4_one_roof",
        "account",
        "admin",
    ):
        page.goto(f"{address}/{path}")
        sitting.look(path)
    page.goto(f"{address}/nowhere")
    sitting.problems.clear()  # the browser itself tells of the 404
    sitting.look("error")
    sitting.end()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("lang", ["th", "en"])
def test_an_engineer_s_job(browser, address, lang, width):
    sitting = Sitting(browser, address, lang, width)
    page = sitting.page
    sitting.sign_in("engineer-health")
    page.goto(f"{address}/solar")
    sitting.look("solar-empty")
    page.select_option("select[name=building]", "health.centre-1")
    page.fill(".filters input[name=kwp]", "30")
    page.fill("input[name=against]", "max")
    page.click("main .filters button")
    page.wait_for_selector("section h2")
    assert page.locator("section:not(#weather) h2").count() == 2
    assert page.locator("iframe").count() == 0
    assert page.locator("main figure svg").count() >= 4
    sitting.look("solar")
    page.fill("form[action^='/solar/scenarios'] input[name=name]", f"30 kWp {lang} {width}")
    page.click("form[action^='/solar/scenarios'] button")
    page.wait_for_selector(f"text=30 kWp {lang} {width}")
    page.fill(".filters input[name=kwp]", "-4")
    page.click("form[action='/solar'] button")
    page.wait_for_selector(".fault")
    sitting.look("solar-fault")
    page.goto(f"{address}/solar/screening?pays=1")
    sitting.look("screening")
    assert page.locator("tbody tr").count() == 4, "the agency's own roofs"
    page.fill("input[name=min_kwp]", "100000")
    page.click("main .filters button")
    page.wait_for_selector(".empty")
    sitting.look("screening-none")
    page.goto(f"{address}/solar?building=health.centre-1&kwp=30")
    answer = sitting.context.request.get(address + page.locator("a[href$='format=pdf']").first.get_attribute("href"))
    assert answer.body().startswith(b"%PDF")
    page.click("a[href^='/solar/report/'] >> nth=0")
    page.wait_for_selector("h1")
    assert "kWp" in page.inner_text("main")
    sitting.end()


@pytest.mark.parametrize("lang", ["th", "en"])
def test_without_scripts_everything_that_matters_works(browser, address, lang):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/?lang={lang}")
    page.fill("input[name=name]", "manager-health")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{address}/agencies/health")
    page.click("table a >> nth=0")
    page.wait_for_url(f"{address}/buildings/**")
    page.locator("h1").wait_for()
    context.close()


def test_the_keyboard_leads_everywhere(browser, address):
    sitting = Sitting(browser, address, "en", 1280)
    sitting.sign_in("manager-health")
    page = sitting.page
    page.goto(f"{address}/agencies/health")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('main a, main input, main button')")
    sitting.end()


def test_pages_are_light(browser, address):
    """All that a first visit fetches, in bytes on the wire: under 1 MB."""
    sitting = Sitting(browser, address, "th", 1280, service_workers="block")  # what it answers has no bytes
    sitting.sign_in("admin")
    protocol = sitting.context.new_cdp_session(sitting.page)
    protocol.send("Network.enable")
    sizes = []
    protocol.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    for path in ("/", "/agencies/health", "/buildings/health.centre-1", "/reports", "/plan", "/meters"):
        sizes.clear()
        sitting.page.goto(address + path, wait_until="load")
        assert 0 < sum(sizes) < 200_000, path
    sitting.problems.clear()  # that the worker was blocked
    sitting.end()
