"""A solar design and the screening in a real browser, on every screen, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.e2e.conftest import CUT_TEXTS

pytestmark = pytest.mark.browser
WIDTHS = {"wall": 1920, "desk": 1200, "tablet": 768, "phone": 360}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("solar")
    for command in (
        ["estimate", "district-bangkhen.office", "--kwp", "80"],
        ["screen", "--agency", "district-bangkhen"],
    ):
        bkkenergy("solar", *command, "--lang", "th,en", "-o", folder, "--config", ROOT / "config")
    return folder


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("lang", ["th", "en"])
@pytest.mark.parametrize("stem", ["solar_district-bangkhen.office", "solar_screening"])
def test_a_page_fits_its_screen(browser, pages, stem, lang, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    problems, outside = [], []
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda request: outside.append(request.url))
    page.goto((pages / f"{stem}.{lang}.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    cut = page.evaluate(
        "[...document.querySelectorAll('.card dd, .card dt, h1, .headline, .scroll')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )
    assert cut == []
    assert page.evaluate(CUT_TEXTS) == []
    body = page.inner_text("body")
    assert re.findall(r"[{}]|None|\bnan\b|Undefined|solar\.[a-z_]+", body) == []
    assert problems == []
    assert len(outside) == 1
    page.close()


def test_the_drawing_shows_every_module_to_scale(browser, pages):
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto((pages / "solar_district-bangkhen.office.en.html").as_uri())
    boxes = page.evaluate(
        """document.querySelector('.plan .module').getAttribute('d').match(/M[^z]+z/g).map(outline => {
            const one = document.createElementNS('http://www.w3.org/2000/svg', 'path')
            one.setAttribute('d', outline)
            document.querySelector('.plan').append(one)
            return [one.getBBox().width, one.getBBox().height]
        })"""
    )
    assert len(boxes) == 144
    ratios = {round(max(width, height) / min(width, height), 1) for width, height in boxes}
    assert len(ratios) == 1
    page.close()
