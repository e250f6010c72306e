"""A survey on a phone in a real browser: rooms and photos without a network, sent once, nothing lost or sent twice."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from PIL import Image

from bkkenergy.access import server_actor
from bkkenergy.portfolio.edits import Amend, Put
from bkkenergy.usecases.photos import photo_counts
from bkkenergy.usecases.portfolio import change, portfolio_state, replace_all
from tests.web import PASSWORD, csrf_of, make_app, make_site, serving, signed_in

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]
BUILDING = "health.centre-1"
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
ROOT_ACTOR = server_actor("cli:root")
THINGS = [
    ("ห้องเครื่อง", "chiller", {"cooling": "๑๐๐", "cooling_unit": "rt", "efficiency": "5.2", "efficiency_unit": "cop"}, True),
    ("ห้องเครื่อง", "pump", {"power": "7,500", "flow": "70", "hours": "10"}, False),
    ("ห้องทันตกรรม", "split_air_conditioner", {"count": "2", "cooling": "18000", "efficiency": "13.5", "year": "2558"}, True),
    ("ห้องทันตกรรม", "lighting", {"count": "24", "power": "36", "hours": "9"}, False),
    ("โถง", "fan", {"count": "3", "power": "75"}, False),
]  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = make_app(make_site(tmp_path_factory.mktemp("survey"), days=2))
    site = app.state.here.opened
    replace_all(state_of(app), ROOT_ACTOR, site.portfolio.records, why="first import", now=NOW)
    app.state.here.look_now()
    return app


@pytest.fixture(scope="module")
def address(app):
    yield from serving(app)


def state_of(app):
    site = app.state.here.opened
    return portfolio_state(site.config, site.state)


def equipment_of(app):
    app.state.here.look_now()
    things = app.state.here.portfolio.equipment.values()
    return {one.id: one for one in things if one.building == BUILDING and one.id.startswith("survey-")}


def picture(colour):
    written = io.BytesIO()
    Image.new("RGB", (2400, 1200), colour).save(written, "JPEG")
    return {"name": "plate.jpg", "mimeType": "image/jpeg", "buffer": written.getvalue()}


class Phone:
    """A telephone with the survey's page open; it remembers faults of scripts and what was sent."""

    def __init__(self, browser, address, lang="th", user="manager-health"):
        self.context = browser.new_context(viewport={"width": 360, "height": 800})
        self.context.add_cookies([{"name": "lang", "value": lang, "url": address}])
        self.address, self.problems, self.sent = address, [], []
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._heard)
        self.context.on("request", lambda request: self.sent.append(request.method + request.url) if request.method != "GET" else None)  # fmt: skip
        self.sign_in(user)

    def _heard(self, said):
        if "Content Security Policy" in said.text:
            self.problems.append(said.text)

    def sign_in(self, user="manager-health"):
        self.page.goto(f"{self.address}/login?next=/buildings/{BUILDING}/survey")
        self.page.fill("input[name=name]", user)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button")
        self.page.wait_for_selector("[data-say=ready]:not([hidden])")

    def add(self, room, kind, typed, photo=None):
        page = self.page
        section = page.locator(".room").filter(has=page.get_by_role("heading", name=room, exact=True))
        if not section.count():
            page.fill("input[name=room]", room)
            page.click("[data-rooms] button")
        section.locator("[data-add]").click()
        page.click(f"[data-kind={kind}]")
        for name, text in typed.items():
            field = page.locator(f"#entry [name={name}]")
            field.select_option(text) if name.endswith("_unit") else field.fill(text)
        if photo:
            page.set_input_files("#entry [name=photo]", photo)
            page.wait_for_selector("#entry .shots canvas")
        self.save()

    def save(self):
        self.page.click("#entry [value=save]")
        self.page.wait_for_selector("#entry", state="hidden")

    @property
    def waiting(self):
        return int(self.page.inner_text("[data-count]") or 0) if self.page.is_visible("[data-waiting]") else 0

    def wait_for(self, count):
        counted = f"[data-waiting]:not([hidden]) [data-count]:text-is('{count}')"
        self.page.wait_for_selector(counted if count else "[data-none]:not([hidden])")


@pytest.fixture
def phone(browser, address):
    phone = Phone(browser, address)
    yield phone
    assert phone.problems == []
    phone.context.close()


def test_a_survey_without_a_network_is_stored_and_sent_once_when_it_is_back(phone, app):
    page, before = phone.page, equipment_of(app)
    phone.context.set_offline(True)
    for number, (room, kind, typed, has_photo) in enumerate(THINGS):
        phone.add(room, kind, typed, picture((40 * number, 90, 30)) if has_photo else None)
    phone.wait_for(7)
    page.reload()
    phone.wait_for(7)
    page.wait_for_selector("[data-say=away]:not([hidden])")
    assert page.locator(".room").count() >= 3
    assert page.locator(".room .shots canvas").count() == 2
    assert equipment_of(app) == before

    phone.context.set_offline(False)
    phone.wait_for(0)
    after = {key: one for key, one in equipment_of(app).items() if key not in before}
    by_kind = {one.kind: one for one in after.values()}
    assert len(after) == 5
    chiller, pump, split = by_kind["chiller"], by_kind["pump"], by_kind["split_air_conditioner"]
    assert chiller.cooling_kw == pytest.approx(351.685, abs=0.001)
    assert chiller.seer_btu_h_per_w == pytest.approx(5.2 * 3.412142)
    assert (pump.rated_kw, pump.flow_ratio, pump.hours_a_day, pump.room) == (7.5, 0.7, 10, "ห้องเครื่อง")
    assert (split.count, split.cooling_btu_h, split.installed_year) == (2, 18000, 2015)
    assert (split.name_th, split.name_en) == ("เครื่องปรับอากาศแยกส่วน ห้องทันตกรรม", "split air conditioner ห้องทันตกรรม")
    counts = photo_counts(app.state.here.opened.state, BUILDING)
    assert {counts.get(chiller.id), counts.get(split.id), counts.get(pump.id)} == {1, None}

    phone.sent.clear()
    page.click("[data-send]")
    page.reload()
    phone.wait_for(0)
    assert phone.sent == [], "a second time sends nothing"
    page.goto(f"{phone.address}/records/one/equipment/{split.id}")
    assert page.locator(".photos img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 1600


def test_what_a_lost_answer_leaves_is_sent_again_and_entered_once(phone, app):
    before = len(equipment_of(app))
    route = "**/api/v1/portfolio/records/**"
    phone.context.route(route, lambda route: (route.fetch(), route.abort()))
    phone.add("โถง", "other", {"power": "120"})
    phone.page.wait_for_selector("[data-say=away]:not([hidden])")
    phone.context.unroute(route)
    phone.wait_for(1)
    assert len(equipment_of(app)) == before + 1
    phone.page.click("[data-send]")
    phone.wait_for(0)
    assert len(equipment_of(app)) == before + 1


def test_a_session_that_ended_loses_nothing_and_another_user_sees_none_of_it(phone, app):
    before = len(equipment_of(app))
    phone.context.clear_cookies(name="bkkenergy")
    phone.add("ดาดฟ้า", "fan", {"power": "60"}, picture("red"))
    phone.page.wait_for_selector("[data-say=signed_out]:not([hidden])")
    phone.wait_for(2)
    phone.sign_in("engineer-health")
    phone.wait_for(0)
    assert "manager-health: health.centre-1" in phone.page.inner_text("[data-others]")
    assert "ดาดฟ้า" not in phone.page.inner_text("[data-list]")
    asked = []
    phone.page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    phone.page.click("form[action='/logout'] button")
    assert asked
    assert asked[0].startswith("ข้อมูลสำรวจ 2 รายการยังไม่ได้ส่ง")
    phone.page.once("dialog", lambda dialog: dialog.accept())
    phone.page.click("form[action='/logout'] button")
    phone.page.wait_for_url("**/login*")
    assert phone.page.evaluate("caches.has('surveys')") is False, "the pages are gone"
    phone.sign_in()
    phone.wait_for(0)
    assert len(equipment_of(app)) == before + 1


@pytest.mark.parametrize("is_mine", [True, False])
def test_two_people_at_one_thing_see_each_others_change(phone, app, is_mine):
    key = f"survey-clash-{str(is_mine).lower()}"
    lamps = {"id": key, "building": BUILDING, "kind": "lighting", "name_th": "หลอด", "name_en": "Lamps", "room": key}
    entering(app, Put("equipment", lamps))
    phone.page.reload()
    phone.wait_for(0)
    phone.context.set_offline(True)
    phone.page.locator(".room").filter(has_text=key).locator(".thing").last.click()
    phone.page.fill("#entry [name=count]", "30")
    phone.save()
    phone.wait_for(1)
    entering(app, Amend("equipment", key, {"count": 12}))
    phone.context.set_offline(False)
    clash = phone.page.locator(".clash:visible")
    clash.wait_for()
    assert "12 \N{MULTIPLICATION SIGN}" in clash.inner_text()
    assert equipment_of(app)[key].count == 12
    clash.locator("[data-mine]" if is_mine else "[data-theirs]").click()
    phone.wait_for(0)
    assert equipment_of(app)[key].count == (30 if is_mine else 12)


def entering(app, edit):
    change(state_of(app), ROOT_ACTOR, [edit], why="at a desk", from_day=None, expected_revision=None, now=NOW)
    app.state.here.look_now()


@pytest.mark.parametrize(
    ("kind", "typed", "fault"),
    [
        ("split_air_conditioner", {"hours": "30"}, "> 0–24"),
        ("split_air_conditioner", {"efficiency": "0"}, "> 0–60"),
        ("split_air_conditioner", {"cooling": "12000", "cooling_unit": "kw"}, "check the unit"),
        ("split_air_conditioner", {"efficiency": "55"}, "check the unit"),
        ("lighting", {"count": "10.5"}, "number"),
        ("lighting", {"count": ""}, "number"),
        ("lighting", {"count": "10000", "power": "36"}, "check the unit"),
        ("lighting", {"power": "36", "power_unit": "kw"}, "check the unit"),
        ("lighting", {"year": "3000"}, "1900"),
        ("pump", {"flow": "-5"}, "number"),
    ],
)
def test_what_cannot_be_is_said_before_it_is_stored(english, kind, typed, fault):
    page = english.page
    page.locator(".room [data-add]").first.click()
    page.click(f"[data-kind={kind}]")
    for name, text in typed.items():
        field = page.locator(f"#entry [name={name}]")
        field.select_option(text) if name.endswith("_unit") else field.fill(text)
    page.click("#entry [value=save]")
    said = page.locator("#entry .fault:visible").inner_text()
    assert fault.lower() in said.lower()
    assert english.waiting == 0
    page.click("#entry [data-close]")


@pytest.fixture(scope="module")
def english(browser, address, app):
    entering(app, Put("equipment", {"id": "survey-one", "building": BUILDING, "kind": "kitchen", "name_th": "ครัว", "name_en": "Kitchen", "room": "K"}))  # fmt: skip
    phone = Phone(browser, address, "en")
    yield phone
    assert phone.problems == []
    phone.context.close()


def test_a_photo_is_stored_once_and_by_who_may_edit_the_building_alone(app):
    lamps, plate = "health-centre-1-lamps", picture("green")["buffer"]
    address = f"/api/v1/equipment/{lamps}/photos"

    def sent(name, to=address, content=plate, **headers):
        client = signed_in(app, name)
        return client.post(to, content=content, headers={"X-CSRF-Token": csrf_of(client)} | headers)

    first, second = sent("manager-health"), sent("engineer-health")
    assert (first.status_code, first.json()) == (200, second.json())
    assert sent("viewer-health").status_code == 403
    assert sent("manager-health", **{"X-CSRF-Token": "guessed"}).status_code == 403
    assert sent("manager-health", "/api/v1/equipment/education-headquarters-lamps/photos").status_code == 404
    assert sent("manager-health", "/api/v1/equipment/none/photos").status_code == 404
    for odd in (b"", b"GIF89a", plate[:900]):
        assert sent("manager-health", content=odd).status_code == 422
    assert signed_in(app, "viewer-health").get(f"/buildings/{BUILDING}/survey").status_code == 403
    page = signed_in(app, "manager-health").get(f"/records/one/equipment/{lamps}").text
    assert page.count(f'<img src="/photos/{first.json()["number"]}"') == 1
    assert f'action="/equipment/{lamps}/photos"' in page
