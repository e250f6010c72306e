"""An installed app where the server cannot be reached: the last figures, how old they are, and nothing after signing out."""

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
