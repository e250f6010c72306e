"""The report's page in a real browser: nothing missing, nothing cut off, nothing from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import CUT_TEXTS

pytestmark = [pytest.mark.browser, pytest.mark.broker]
WIDTHS = {"wall": 1920, "desk": 1200, "tablet": 768, "phone": 360}


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Path:
    """Reports of the demonstration."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "bkkenergy", "demo", "--exit", "--days", "9", "--folder", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return folder / "reports"


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("lang", ["th", "en"])
def test_a_report_fits_its_screen(browser, reports, lang, width):
    path = next(reports.glob(f"district-phayathai/*.{lang}.html"))
    page = browser.new_page(viewport={"width": width, "height": 800})
    problems, outside = [], []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: outside.append(request.url))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    cut = page.evaluate(
        "[...document.querySelectorAll('.card dd, .card dt, h1, .headline, .scroll')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )
    assert cut == []
    assert page.evaluate(CUT_TEXTS) == []
    assert page.locator("svg.profile path.actual").is_visible()
    assert page.locator(".rows tbody tr").count() == 4
    body = page.inner_text("body")
    for leak in ("{", "}", "None", "nan", "Undefined", "report."):
        assert leak not in body
    assert problems == []
    assert [url for url in outside if not url.startswith("data:image/png")] == [path.as_uri()]
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/report-{lang}-{width}.png", full_page=True)
    page.close()


@pytest.mark.parametrize("lang", ["th", "en"])
def test_a_report_prints_on_paper(browser, reports, tmp_path, lang):
    page = browser.new_page()
    page.goto(next(reports.glob(f"district-phayathai/*.{lang}.html")).as_uri())
    printed = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 3
    if folder := os.environ.get("SCREENSHOTS"):
        (Path(folder) / f"report-{lang}.pdf").write_bytes(printed)
    page.close()
