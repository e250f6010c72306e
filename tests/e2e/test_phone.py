"""A phone: the last figures without a server, one-hand menus, the dark scheme, and tables that sort and are searched."""

from __future__ import annotations

import threading
import time

import pytest
import uvicorn

from tests.servers import free_port
from tests.web import PASSWORD, make_app, make_site

pytestmark = [pytest.mark.browser]
BUILDING = "/buildings/health.centre-1"


class Served:
    """An app that can be taken away from its browsers and given back."""

    def __init__(self, home):
        self.app, self.port = make_app(home), free_port()
        self.start()

    def start(self):
        self.server = uvicorn.Server(
            uvicorn.Config(self.app, port=self.port, log_level="error", timeout_graceful_shutdown=1)
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.02)

    def stop(self):
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    served = Served(make_site(tmp_path_factory.mktemp("offline")))
    yield served
    served.stop()


def test_the_last_figures_stay_without_a_server_and_go_when_the_user_signs_out(browser, served):
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page, address = context.new_page(), f"http://127.0.0.1:{served.port}"
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{address}/?lang=en")
    page.fill("input[name=name]", "manager-health")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/agencies/health")
    assert page.evaluate("navigator.serviceWorker.ready.then((one) => one.active.state)") in {"activating", "activated"}
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((answer) => answer.json())")
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/")
    page.goto(f"{address}{BUILDING}")
    assert not page.locator(".offline").is_visible()
    energy = page.locator(".card .value").nth(1).inner_text()

    served.stop()
    page.goto(f"{address}{BUILDING}")
    assert page.locator(".offline").is_visible()
    assert page.locator(".card .value").nth(1).inner_text() == energy
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).display") == "flex", "with its style"
    page.goto(f"{address}/reports")
    assert "stored this page" in page.inner_text("main")

    served.start()
    page.goto(f"{address}{BUILDING}")
    page.click("form[action='/logout'] button")
    page.wait_for_url("**/login*")
    served.stop()
    page.goto(f"{address}{BUILDING}")
    assert "stored this page" in page.inner_text("main")
    assert energy not in page.inner_text("main")
    assert problems == []
    context.close()
    served.start()


def test_a_table_sorts_by_its_headings_and_is_searched_in_both_languages(browser, served):
    context = browser.new_context(viewport={"width": 360, "height": 800}, color_scheme="dark")
    page, address = context.new_page(), f"http://127.0.0.1:{served.port}"
    page.goto(f"{address}/?lang=en")
    page.fill("input[name=name]", "admin")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{address}/**")
    page.goto(f"{address}/?lang=en")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(14, 22, 28)", "dark as the device"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light", (
        "what is printed is light"
    )
    page.emulate_media(media="screen")

    rows = page.locator("#rows tbody tr:visible")
    count = rows.count()
    for text, shown in (("สุขภาพ ไม่มี", 0), ("อนามัย", 1), ("school", 5), ("โรงเรียน", 5), ("", count)):
        page.fill("input[data-filter]", text)
        assert rows.count() == shown, text
        assert page.locator("#rows-none").is_visible() == (shown == 0), text
    names = page.locator("#rows tbody th a")
    page.click("#rows thead th >> nth=0 >> button")
    assert names.all_inner_texts() == sorted(names.all_inner_texts())
    month = page.locator("#rows thead th").nth(2)
    month.locator("button").click()
    assert month.get_attribute("aria-sort") == "descending"
    shown = page.locator("#rows tbody tr td:nth-child(3)").all_inner_texts()
    figures = [float(text.replace(",", "")) for text in shown if text != "–"]
    assert figures == sorted(figures, reverse=True)
    assert shown[: len(figures)] == [text for text in shown if text != "–"], "what is not known is last"

    menu = page.locator(".menu summary")
    assert menu.bounding_box()["y"] > 700, "within reach of a thumb"
    menu.click()
    assert page.locator(".menu a[href='/help']").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator(".menu a[href='/help']").is_visible()
    page.click("[data-scheme]")
    page.wait_for_load_state()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(243, 246, 248)", "light by choice"
    context.close()


def test_a_link_elsewhere_that_a_person_clicked_goes_on_and_a_page_that_leads_here_is_asked(browser, served):
    """The service worker stands between: the server sees the browser's own request, which says who asked for it."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page, address = context.new_page(), f"http://127.0.0.1:{served.port}"
    solar = f"{address}/solar?building=health.centre-1&lang=en"
    page.goto(f"{address}/?lang=en")
    page.fill("input[name=name]", "engineer-health")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/agencies/health")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto(f"{address}/plan")
    assert page.evaluate("navigator.serviceWorker.controller !== null")
    target = solar.replace("&", "%26")
    page.goto(f"data:text/html,<a href='{target}'>roof</a>")
    page.click("a")
    page.wait_for_url(solar)
    assert "takes long to compute" not in page.inner_text("main")
    page.goto(f"data:text/html,<meta http-equiv='refresh' content='0;url={target}'>")
    page.wait_for_url(solar)
    assert "takes long to compute" in page.inner_text("main")
    page.click("main a.button")
    page.wait_for_function("!document.body.innerText.includes('takes long to compute')")
    context.close()
