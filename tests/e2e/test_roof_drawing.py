"""A roof drawn in a real browser: by mouse, by finger, and without scripts, corner by corner; one roof comes of all three."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from bkkenergy.access import server_actor
from bkkenergy.usecases.portfolio import portfolio_state, replace_all
from tests.e2e.test_records import Desk
from tests.web import make_app, make_site, serving

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]
BASE = "/records/roofs/health.centre-1"
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
CORNERS = ((40, 40), (240, 40), (240, 190), (40, 190))
WAYS = {
    "mouse": {"width": 1280},
    "finger": {"width": 360, "has_touch": True, "is_mobile": True},
    "no script": {"width": 1280, "java_script_enabled": False},
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    app = make_app(make_site(tmp_path_factory.mktemp("drawing"), days=1))
    here = app.state.here
    state = portfolio_state(here.opened.config, here.opened.state)
    replace_all(state, server_actor("test"), here.portfolio.records, why="of the files", now=NOW, expected_revision=0)
    here.look_now()
    yield from serving(app)


def on_a_plan(browser, address, way):
    """Open an empty plan of 100 m, as a person with a mouse, a finger, or no scripts."""
    desk = Desk(browser, address, "admin", **WAYS[way])
    desk.open(BASE)
    desk.page.select_option("#span_m", label="100 ม.")
    desk.page.click("form:has(#span_m) button")
    return desk


def set_corner(desk, way, x, y):
    """Set a corner where a person points on the drawing, in its own pixels."""
    sheet = desk.page.locator("#sheet input[type=image]")
    sheet.scroll_into_view_if_needed()
    if way == "finger":
        sheet.tap(position={"x": x, "y": y})
    else:
        sheet.click(position={"x": x, "y": y})


def points_of(desk):
    return [tuple(map(int, point.split(","))) for point in desk.page.input_value("input[name=points]").split()]


def looked(desk):
    desk.page.click("button[formaction$='do=look']")
    return desk.page.inner_text("section.group:last-of-type tbody tr")


@pytest.mark.parametrize("way", WAYS)
def test_a_corner_is_set_where_a_person_points(browser, address, way):
    desk = on_a_plan(browser, address, way)
    for x, y in CORNERS:
        set_corner(desk, way, x, y)
    assert all(abs(x - a) <= 1 and abs(y - b) <= 1 for (x, y), (a, b) in zip(points_of(desk), CORNERS, strict=True))
    assert desk.page.locator("#sheet circle.corner").count() == len(CORNERS)
    assert desk.page.get_attribute("#sheet polygon", "class") == "area"
    assert desk.problems == []
    desk.context.close()


def test_the_same_roof_comes_of_a_mouse_a_finger_and_no_script(browser, address):
    rows = {}
    for way in WAYS:
        desk = on_a_plan(browser, address, way)
        for x, y in CORNERS:
            set_corner(desk, way, x, y)
        rows[way] = [float(number) for number in re.findall(r"\d+\.?\d*", looked(desk))]
        desk.context.close()
    area_m2, *edges = rows["no script"]
    assert (area_m2, edges[0], edges[2]) == pytest.approx((200 * 150 / 51.84, 200 / 7.2, 150 / 7.2), rel=0.015)
    for way in ("mouse", "finger"):
        assert rows[way][1:-1] == pytest.approx(rows["no script"][1:-1], abs=0.3), "a pixel at each end is 0.28 m"
        assert rows[way][-1] == rows["no script"][-1], "kWp"


def test_a_wrong_corner_is_taken_back_and_the_roof_is_entered(browser, address):
    desk = on_a_plan(browser, address, "mouse")
    for x, y in (*CORNERS, (400, 300)):
        set_corner(desk, "mouse", x, y)
    desk.page.click("[data-draw=undo]")
    assert len(points_of(desk)) == len(CORNERS)
    desk.page.fill("input[name=name]", "Drawn")
    looked(desk)
    assert len(points_of(desk)) == len(CORNERS), "the drawing is there to go on with"
    desk.page.click("[data-draw=clear]")
    assert points_of(desk) == []
    for x, y in CORNERS:
        set_corner(desk, "mouse", x, y)
    looked(desk)
    desk.page.fill("#why", "drawn on site")
    desk.page.click("button[formaction$='do=enter']")
    assert "drawn" in desk.page.inner_text("main").lower()
    assert desk.problems == []
    desk.context.close()
