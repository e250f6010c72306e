"""Roofs of a building by page: out of files, on a plan, over a picture; seen before they are entered, without scripts."""

from __future__ import annotations

import datetime as dt
import json
import re
import struct
import zlib

import pytest

from bkkenergy.access import server_actor
from bkkenergy.portfolio import load_portfolio
from bkkenergy.usecases.portfolio import portfolio_state, replace_all
from tests.conftest import ROOT
from tests.integration.test_record_pages import english, text_of
from tests.web import csrf_of, form_of, make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
PLACE = "health.centre-1"
BASE = f"/records/roofs/{PLACE}"
BUILDING = load_portfolio(ROOT / "config").buildings[PLACE]
METRE_DEG = 1 / 110_574


def square(name, size_m=20.0, east_m=0.0, **tags):
    """A GeoJSON of one square, its south-western corner at the building's place."""
    lon = METRE_DEG * 1.027
    x, y = BUILDING.longitude_deg + east_m * lon, BUILDING.latitude_deg
    side_x, side_y = size_m * lon, size_m * METRE_DEG
    ring = [[x, y], [x + side_x, y], [x + side_x, y + side_y], [x, y + side_y], [x, y]]
    feature = {
        "type": "Feature",
        "properties": {"name": name, **tags},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def png(width, height):
    """A white PNG."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + b"\xff" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    started = make_app(make_site(tmp_path_factory.mktemp("roof-pages"), days=2))
    here = started.state.here
    state = portfolio_state(here.opened.config, here.opened.state)
    replace_all(state, server_actor("test"), here.portfolio.records, why="of the files", now=NOW, expected_revision=0)
    here.look_now()
    return started


@pytest.fixture(scope="module")
def admin(app):
    return english(app, "admin")


def posted(client, address, page=None, files=None, **fields):
    """Send the page's own form, with some fields filled in."""
    start = form_of(page.text, address.split("?")[0]) if page is not None else {}
    data = start | {"csrf": csrf_of(client)} | fields
    return client.post(address, data={name: text for name, text in data.items() if name != "file"}, files=files)


def looked(client, content, name="roofs.geojson", **fields):
    return posted(client, BASE, client.get(BASE), files={"file": (name, content)}, **fields)


def clicked(client, page, *points, **fields):
    for x, y in points:
        page = posted(client, f"{BASE}/draw", page, **{"at.x": str(x), "at.y": str(y)}, **fields)
        assert page.status_code == 200, text_of(page)
    return page


def test_a_file_is_shown_with_dimensions_azimuth_and_what_was_guessed_and_stored_nowhere(admin):
    seen = looked(admin, square("North wing", tilt_deg=10, azimuth_deg=90))
    assert seen.status_code == 200
    text = text_of(seen)
    assert re.search(r"north-wing North wing 40\d\.\d", text)
    assert re.search(r"20\.1 m \(90°\), 20\.0 m \(0°\), 20\.1 m \(270°\)", text)
    assert "10.0° / 90°" in text
    assert "kWp" in text
    assert seen.text.count("<polygon") > 20, "modules are drawn"
    assert admin.get("/api/v1/portfolio/records/roof/health.centre-1/north-wing").status_code == 404


def test_without_a_tilt_and_without_coordinates_the_page_says_what_it_took(admin):
    text = text_of(looked(admin, square("plain")))
    assert "No tilt is given: roofs are taken as flat" in text
    metres = {"type": "Polygon", "coordinates": [[[669_800, 1_521_900], [669_820, 1_521_900], [669_820, 1_521_920]]]}
    far = looked(admin, json.dumps(metres).encode())
    assert far.status_code == 422
    assert "100 m" in text_of(far)


@pytest.mark.parametrize(
    ("content", "name", "fields", "said"),
    [
        (b"", "x.geojson", {}, "choose a file"),
        (b"hello", "x.dwg", {}, "DWG"),
        (b"{", "x.geojson", {}, ""),
        (square("far", east_m=5000), "x.geojson", {}, "100 m"),
        (square("a"), "x.geojson", {"tilt": "steep"}, "Tilt"),
        (square("a"), "x.geojson", {"tilt": "95"}, "out of range"),
        (square("a", tilt_deg=10, azimuth_deg=-90), "x.geojson", {}, "-90"),
        (square("a"), "x.geojson", {"only": "another"}, "another"),
        (square("a"), "x.geojson", {"crs": "EPSG:nonsense"}, ""),
    ],
)
def test_what_cannot_be_roofs_is_refused_in_words(admin, content, name, fields, said):
    answer = looked(admin, content, name, **fields)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "Traceback" not in answer.text


def test_a_file_is_entered_with_a_reason_and_not_without(admin):
    seen = looked(admin, square("Hall", tilt_deg=5, azimuth_deg=180))
    silent = posted(admin, f"{BASE}?do=enter", seen)
    assert silent.status_code == 422
    done = posted(admin, f"{BASE}?do=enter", seen, why="survey of 2026")
    assert done.status_code == 303, text_of(done)
    there = admin.get(BASE)
    assert "hall" in text_of(there)
    again = text_of(looked(admin, square("Hall", size_m=18)))
    assert "takes the place of the roof of this name" in again
    over = looked(admin, square("Other"))
    assert over.status_code == 422
    assert "hall" in text_of(over)


def test_a_roof_is_drawn_on_a_plan_by_clicks_without_scripts(admin):
    page = posted(admin, f"{BASE}/draw", span_m="72")
    page = clicked(admin, page, (490, 100), (690, 100), (690, 250), (490, 250))
    shown = posted(admin, f"{BASE}/draw?do=look", page, name="Annex", tilt="12", azimuth="270")
    text = text_of(shown)
    assert "annex" in text
    assert "300.0" in text, "20 m by 15 m"
    assert "12.0° / 270°" in text
    entered = posted(admin, f"{BASE}/draw?do=enter", shown, name="Annex", tilt="12", azimuth="270", why="drawn on site")
    assert entered.status_code == 303, text_of(entered)
    assert "annex" in text_of(admin.get(BASE))


def test_the_last_click_is_taken_back_and_a_keyboard_sets_no_point(admin):
    page = clicked(admin, posted(admin, f"{BASE}/draw", span_m="50"), (10, 10), (50, 10))
    assert form_of(page.text, f"{BASE}/draw")["points"] == "10,10 50,10"
    page = posted(admin, f"{BASE}/draw?do=undo", page)
    assert form_of(page.text, f"{BASE}/draw")["points"] == "10,10"
    assert form_of(posted(admin, f"{BASE}/draw", page).text, f"{BASE}/draw")["points"] == "10,10"
    assert form_of(posted(admin, f"{BASE}/draw?do=clear", page).text, f"{BASE}/draw")["points"] == ""


def test_a_roof_is_drawn_over_a_picture_to_scale_and_turned(admin):
    start = posted(
        admin, f"{BASE}/draw", admin.get(BASE), files={"file": ("plan.png", png(360, 240))}, length_m="10", content=""
    )
    assert "2 clicks to go" in text_of(start)
    page = clicked(admin, start, (0, 0), (100, 0), (400, 100), (500, 100), (500, 300), (400, 300))
    shown = posted(admin, f"{BASE}/draw?do=look", page, north="90", name="Shed")
    text = text_of(shown)
    assert "200.0" in text, "10 m by 20 m"
    assert re.search(r"10\.0 m \(180°\), 20\.0 m \(270°\)", text), "up points east, so right is south"


def test_a_picture_that_is_none_or_has_no_scale_is_refused(admin):
    for content, said in ((b"<svg onload='x'/>", "no PNG or JPEG"), (png(2000, 100), "no PNG or JPEG")):
        answer = posted(admin, f"{BASE}/draw", files={"file": ("plan.png", content)}, length_m="10")
        assert answer.status_code == 422
        assert said in text_of(answer)
    page = posted(admin, f"{BASE}/draw", files={"file": ("plan.png", png(360, 240))}, length_m="")
    page = clicked(admin, page, (0, 0), (100, 0), (10, 10), (90, 10), (90, 90))
    assert "scale" in text_of(posted(admin, f"{BASE}/draw?do=look", page))
    bowtie = clicked(admin, posted(admin, f"{BASE}/draw", span_m="50"), (10, 10), (200, 200), (200, 10), (10, 200))
    assert posted(admin, f"{BASE}/draw?do=look", bowtie).status_code == 422


def test_who_may_only_look_or_is_of_another_agency_enters_nothing(app):
    assert signed_in(app, "viewer-health").get(BASE).status_code == 403
    manager = signed_in(app, "manager-health")
    assert manager.get(BASE).status_code == 200
    assert manager.get("/records/roofs/education.headquarters").status_code == 404
