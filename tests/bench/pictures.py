"""The pictures of README and the guides: the web app over the demonstration's buildings with a year of simulated data."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Page, sync_playwright

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import SignedIn, add_user, sign_in
from bkkenergy.calendar import BANGKOK
from bkkenergy.site import load_configuration
from bkkenergy.web.app import create_app
from tests.bench.reports import DAYS, fill
from tests.chromium import CHROMIUM
from tests.conftest import CONFIG_PARTS, ROOT
from tests.ports import free_port
from tests.sites import make_context, make_jobs

FOLDER, TARGET = ROOT / "var/pictures", ROOT / "docs/img"
BUILDING = "district-bangkhen.office"
SETTINGS = """
[store]
path = "store.sqlite"
[state]
path = "state.sqlite"
[report]
folder = "reports"
[jobs]
schedule = [{{ kind = "day", at = "00:00" }}]
[web]
port = {port}
secure_cookies = false
second_factor = "offered"
"""


def prepared(port: int) -> str:
    """A filled site; the cookie of a session."""
    config = FOLDER / "config"
    if not config.exists():
        config.mkdir(parents=True)
        for name in CONFIG_PARTS:
            (config / name).symlink_to(ROOT / "config" / name)
    (config / "bkkenergy.toml").write_text(SETTINGS.format(port=port))
    if not (FOLDER / "store.sqlite").exists():
        fill(FOLDER, DAYS)
        last = dt.date.today() - dt.timedelta(days=60)  # noqa: DTZ011
        span = f"{last - dt.timedelta(days=DAYS - 62)}..{last}"
        fit = [sys.executable, "-m", "bkkenergy", "baseline", "fit", "all", "--period", span, "--config", str(config)]
        subprocess.run(fit, check=False, stdout=subprocess.DEVNULL)
    site = load_configuration(config)
    jobs = make_jobs(site)
    while jobs.bring_up():
        pass
    jobs.tick()
    engine, now = open_state(site.settings.state), dt.datetime.now(dt.UTC)
    name = f"somchai-{port}"
    add_user(engine, name, "correct horse battery", "admin", ["all"], now, display="สมชาย")
    signed = sign_in(engine, name, "correct horse battery", now, session_s=3600, address="")
    assert isinstance(signed, SignedIn)
    return signed.key


@contextmanager
def serving(port: int) -> Iterator[str]:
    """The web app in this process, on yesterday's afternoon: a day that is half over shows more than a night."""
    site = load_configuration(FOLDER / "config")
    afternoon = dt.datetime.combine(dt.datetime.now(BANGKOK).date() - dt.timedelta(days=1), dt.time(15, 10), BANGKOK)
    here = make_context(site, lambda: afternoon)
    server = uvicorn.Server(uvicorn.Config(create_app(here), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def take(page: Page, url: str, lang: str) -> None:
    """The overview and a solar design in one language."""
    page.goto(f"{url}/?lang={lang}", wait_until="networkidle")
    page.screenshot(path=TARGET / f"overview-{lang}.png")
    command = [sys.executable, "-m", "bkkenergy", "solar", "estimate", BUILDING, "--lang", lang, "--format", "html"]
    command += ["--config", str(FOLDER / "config"), "-o", str(FOLDER / "solar")]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    page.goto(Path(re.findall(r"\S+\.html", output)[0]).resolve().as_uri())
    page.screenshot(path=TARGET / f"solar-{lang}.png")


def look(page: Page, url: str, lang: str) -> None:
    """The help pages as they are seen on a desk and on a phone, for whoever changes them."""
    for width in (1200, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for name in ("", "/how-to/operator", "/how-to/manager", "/reference/api"):
            page.goto(f"{url}/help{name}", wait_until="networkidle")
            page.screenshot(path=FOLDER / f"help{name.replace('/', '-')}-{lang}-{width}.png", full_page=True)


def main() -> None:
    if "--anew" in sys.argv:
        shutil.rmtree(FOLDER, ignore_errors=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    port = free_port()
    cookie = prepared(port)
    with serving(port) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        for lang in ("th", "en"):
            context = browser.new_context(viewport={"width": 1200, "height": 800})
            cookies = {"bkkenergy": cookie, "lang": lang}
            context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
            take(context.new_page(), url, lang)
            if "--help-pages" in sys.argv:
                look(context.new_page(), url, lang)
            context.close()
        browser.close()
    print("\n".join(f"{path.name}: {path.stat().st_size / 1000:.0f} kB" for path in sorted(Path(TARGET).glob("*.png"))))


if __name__ == "__main__":
    main()
