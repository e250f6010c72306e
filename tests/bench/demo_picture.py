"""The picture of the README: a week of a building in the explorer, of a demonstration that `make demo` really starts."""

from __future__ import annotations

import datetime as dt
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import LANGS
from tests.chromium import CHROMIUM
from tests.conftest import ROOT

BUILDING = "district-bangkhen.office"
TARGET = ROOT / "docs/img"


@contextmanager
def demonstration() -> Iterator[tuple[str, str]]:
    """Run `bkkenergy demo` as a user does; yield its address and the password that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-u", "-m", "bkkenergy", "demo", "--lang", "en", "--folder", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            for line in process.stdout or ():
                if started := re.search(r"(http://\S+).*password (\S+)", line):
                    yield started[1], started[2]
                    break
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def take(browser: Browser, url: str, password: str, lang: str) -> None:
    """The last whole week from Monday on, beside the week before it."""
    today = dt.datetime.now(BANGKOK).date()
    first = today - dt.timedelta(days=today.weekday() + 7)
    page = browser.new_context(viewport={"width": 1200, "height": 720}).new_page()
    page.goto(f"{url}/?lang={lang}")
    page.fill("input[name=name]", "demo")
    page.fill("input[name=password]", password)
    page.click("form button")
    span = f"first={first}&last={first + dt.timedelta(days=6)}"
    page.goto(f"{url}/explore/building/{BUILDING}?lang={lang}&{span}&compare=before", wait_until="networkidle")
    page.screenshot(path=TARGET / f"explore-{lang}.png")


def main() -> None:
    with demonstration() as (url, password), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        for lang in LANGS:
            take(browser, url, password, lang)
        browser.close()


if __name__ == "__main__":
    main()
