"""A technician's and an office's tasks in a real browser, in Thai, on a telephone: with how many clicks, and accessible."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader

from bkkenergy.access import server_actor
from bkkenergy.portfolio.edits import Put
from bkkenergy.usecases.portfolio import change, portfolio_state, replace_all
from tests.accessibility import serious_faults
from tests.e2e.test_records import NOW, OWN, Desk
from tests.web import PASSWORD, make_app, make_site, serving

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    app = make_app(make_site(tmp_path_factory.mktemp("on-site"), days=2))
    site, root = app.state.here.opened, server_actor("cli:root")
    state = portfolio_state(site.config, site.state)
    replace_all(state, root, site.portfolio.records, why="first import", now=NOW)
    account = {"id": "centre", "utility": "mea", "number": "111111111", "schedule": "mea-2-2-lv", "buildings": [OWN]}
    change(state, root, [Put("account", account)], why="bill", from_day=None, expected_revision=None, now=NOW)
    app.state.here.look_now()
    yield from serving(app)


@pytest.fixture
def desk(browser, address):
    opened = Desk(browser, address, "manager-health", width=360)
    yield opened
    opened.context.close()


def is_too_wide(page):
    return page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0


def test_a_technician_checks_photographs_and_signs_in_five_clicks(desk, tmp_path):
    page, picture = desk.page, tmp_path / "p.jpg"
    Image.effect_noise((640, 480), 60).convert("RGB").save(picture)
    page.goto(f"{desk.address}/meters/{OWN}.main/check")  # by the label's code
    assert "น่าสงสัย" in page.inner_text("main")
    assert serious_faults(page) == []
    assert not is_too_wide(page)
    page.set_input_files("[name=file]", str(picture))
    desk.click("form[enctype] button")
    page.fill("[name=name]", "สมชาย ใจดี")
    page.fill("[name=password]", PASSWORD)
    desk.click("form[action$=sign] button")
    assert "สมชาย ใจดี" in page.inner_text("main")
    assert desk.clicks <= 5
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


def test_the_checks_refresh_themselves_and_keep_what_is_typed(desk):
    page = desk.page
    page.clock.install()
    page.goto(f"{desk.address}/meters/{OWN}.main/check")
    page.fill("[name=name]", "half a na")
    page.evaluate("document.querySelector('#checks h2').textContent = 'old'")
    page.clock.fast_forward(11_000)
    expect(page.locator("#checks h2").first).not_to_have_text("old")
    assert page.input_value("[name=name]") == "half a na"
    assert desk.problems == []


def test_a_label_is_one_sheet_of_a6(desk):
    desk.page.goto(f"{desk.address}/meters/{OWN}.main/label")
    (sheet,) = PdfReader(io.BytesIO(desk.page.pdf(prefer_css_page_size=True))).pages
    assert [round(float(side) / 72 * 25.4) for side in sheet.mediabox[2:]] == [148, 105]
    assert f"{OWN}.main" in "".join(sheet.extract_text().split())


def test_a_paper_bill_is_entered_by_hand_in_four_clicks(desk):
    page = desk.page
    page.goto(f"{desk.address}/records/one/account/centre")
    desk.click("text=ใบแจ้งค่าไฟฟ้า >> nth=0")
    desk.click("details.group > summary")
    page.fill("#f\\.month", "2568-09")
    page.fill("#f\\.kwh", "1,234")
    assert serious_faults(page) == []
    assert not is_too_wide(page)
    desk.click("details.group button")
    assert "1,234" in page.inner_text(".revisions")
    assert desk.clicks <= 4
