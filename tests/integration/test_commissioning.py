"""A meter on site: its checks on a page, photos, the label, and the record that a technician signs."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import update

from bkkenergy.access import ROLES
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.persontables import commissioning
from bkkenergy.i18n import Words
from tests.web import PASSWORD, csrf_of, make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
METER, OTHERS = "health.centre-1.main", "education.headquarters.main"
PAGE = f"/meters/{METER}/check"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("commissioning")))


@pytest.fixture(scope="module")
def people(app):
    return {role: signed_in(app, f"{role}-health") for role in ROLES}


def picture(size=(400, 300), form="JPEG", **saved) -> bytes:
    """A picture as a telephone sends one."""
    written = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(written, form, **saved)
    return written.getvalue()


def send(client, content, meter=METER, name="photo.jpg"):
    return client.post(f"/meters/{meter}/photos", data={"csrf": csrf_of(client)}, files={"file": (name, content)})


def sign(client, meter=METER, **given):
    form = {"csrf": csrf_of(client), "name": "สมชาย ใจดี", "password": PASSWORD, "note": "ติดตั้งในตู้ MDB"} | given
    return client.post(f"/meters/{meter}/sign", data=form)


def photo_numbers(page):
    return [int(number) for number in re.findall(r'src="/photos/(\d+)"', page)]


def test_each_check_says_what_it_found_in_both_languages(people):
    client = people["viewer"]
    thai, english = (client.get(PAGE, params={"lang": lang}).text for lang in ("th", "en"))
    for page, words in (
        (thai, ("ข้อความล่าสุด", "ทิศทางของพลังงาน", "ยังบอกไม่ได้")),
        (english, ("Last message", "cannot be known")),
    ):
        assert [word for word in words if word not in page] == []
        assert page.count('class="c-good"') >= 3  # the count above, the message, the direction
    assert "Neither a bill nor a transformer is entered" in english
    assert "energy_ <wbr>kwh" in english or "energy_<wbr>kwh" in english
    assert 'name="password"' not in english, "a viewer signs nothing"


def test_a_meter_of_another_agency_is_not_there(people):
    client = people["admin"]
    answers = [client.get(f"/meters/{OTHERS}/check"), client.get(f"/meters/{OTHERS}/label"), send(client, picture(), OTHERS), sign(client, OTHERS),
               client.get("/meters/health.centre-1.none/check"), client.get("/meters/x/check")]  # fmt: skip
    assert [answer.status_code for answer in answers] == [404] * len(answers)


def test_a_photo_is_stored_as_a_picture_and_nothing_else(app, people):
    client, exif = people["engineer"], Image.Exif()
    exif[0x0110], exif[0x0112] = "telephone of Somchai", 6  # the model, and turned by a quarter
    exif.get_ifd(0x8825)[1] = "N"
    sent = picture((3000, 2000), exif=exif, comment=b"<script>")
    assert send(client, sent).headers["location"] == f"{PAGE}#photos"
    (number,) = photo_numbers(client.get(PAGE).text)
    answer = client.get(f"/photos/{number}")
    assert answer.headers["content-type"] == "image/jpeg"
    stored = Image.open(io.BytesIO(answer.content))
    assert stored.size == (1067, 1600), "upright, and within bounds"
    assert dict(stored.getexif()) == {}
    assert b"Somchai" not in answer.content
    assert b"script" not in answer.content
    send(client, sent)
    assert photo_numbers(client.get(PAGE).text) == [number], "what is sent twice is there once"
    assert audit_lines(app.state.here.opened.state)[0]["action"] == "photo_add"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + bytes(100),
        picture()[:2_000],
        picture((20, 20)),
        picture(form="TIFF"),
        b"%PDF-1.7 not a picture",
        picture(form="PNG")[:-4_000],
    ],
)
def test_what_is_no_picture_is_refused_in_words(people, content):
    answer = send(people["manager"], content)
    assert answer.status_code == 422
    assert "อ่านไฟล์นี้เป็นภาพไม่ได้" in answer.text


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(people):
    bomb = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 50_000
    answer = send(people["manager"], bomb.getvalue())
    assert answer.status_code == 422
    assert "60 ล้านพิกเซล" in answer.text


def test_a_telephone_s_picture_is_longer_than_other_forms_may_be(people):
    client, large = people["manager"], picture((2200, 1600), form="PNG")
    assert len(large) > 2_000_000
    assert send(client, large).status_code == 303
    longer = client.post(f"/meters/{METER}/photos", files={"file": ("a.jpg", bytes(13_500_000))})
    assert longer.status_code == 413
    assert client.post(f"/meters/{METER}/sign", data={"note": "x" * 2_100_000}).status_code == 413


def test_a_photo_is_for_who_may_see_the_building(app, people):
    number = photo_numbers(people["viewer"].get(PAGE).text)[0]
    assert people["viewer"].get(f"/photos/{number}").status_code == 200
    assert (
        people["viewer"].post(f"/photos/{number}/remove", data={"csrf": csrf_of(people["viewer"])}).status_code == 403
    )
    everyone = signed_in(app, "admin")
    everyone.post(
        "/buildings/education.headquarters/photos",
        data={"csrf": csrf_of(everyone)},
        files={"file": ("a.jpg", picture())},
    )
    page = everyone.get("/records/one/building/education.headquarters").text
    (foreign,) = photo_numbers(page)
    assert people["admin"].get(f"/photos/{foreign}").status_code == 404
    assert people["admin"].post(f"/photos/{foreign}/remove", data={"csrf": csrf_of(people["admin"])}).status_code == 404
    assert everyone.get(f"/photos/{foreign}").status_code == 200
    assert everyone.get("/photos/999999999").status_code == 404


def test_a_record_is_signed_with_the_password_and_printed(app, people):
    client = people["engineer"]
    answer = sign(client)
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    shown = client.get(address, params={"lang": "th"})
    assert "สมชาย ใจดี" in shown.text
    assert "sandbox" in shown.headers["content-security-policy"]
    line = audit_lines(app.state.here.opened.state)[0]
    assert (line["action"], line["target"]) == ("commission", METER)
    assert line["detail"]["sha256"] in shown.text
    printed = client.get(f"{address}/pdf", params={"lang": "en"})
    assert printed.headers["content-type"] == "application/pdf"
    text = "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(printed.content)).pages).split())
    for words in ("Recordofcommissioning", METER, "engineer-health", line["detail"]["sha256"][:16]):
        assert words in text, words
    assert "บันทึกที่" in client.get(PAGE, params={"lang": "th"}).text


@pytest.mark.parametrize(
    "given",
    [{"password": "wrong password"}, {"password": ""}, {"name": "   "}, {"name": "x" * 121}, {"note": "x" * 2_001}],
)
def test_what_is_not_signed_leaves_no_record(app, people, given):
    state = app.state.here.opened.state
    before = [line for line in audit_lines(state) if line["action"] == "commission"]
    answer = sign(people["manager"], **given)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert [line for line in audit_lines(state) if line["action"] == "commission"] == before


def test_a_viewer_signs_and_adds_nothing(people):
    assert sign(people["viewer"]).status_code == 403
    assert send(people["viewer"], picture()).status_code == 403


def test_a_photo_that_is_removed_stays_in_the_records_that_have_it(people):
    client = people["engineer"]
    address = sign(client).headers["location"]
    numbers = photo_numbers(client.get(PAGE).text)
    for number in numbers:
        client.post(f"/photos/{number}/remove", data={"csrf": csrf_of(client)})
    assert photo_numbers(client.get(PAGE).text) == []
    assert client.get(address).text.count("data:image/jpeg;base64,") == len(numbers) > 0


def test_a_record_that_was_altered_in_the_database_is_not_shown(app, people):
    client = people["engineer"]
    number = int(sign(client).headers["location"].rpartition("/")[2])
    with transaction(app.state.here.opened.state) as connection:
        connection.execute(update(commissioning).where(commissioning.c.id == number).values(body={"checks": []}))
    answer = client.get(f"/commissionings/{number}")
    assert answer.status_code == 422
    assert "ไม่ตรงกับที่ลงนาม" in answer.text


def test_a_record_of_the_demonstration_says_so(people):
    client = people["engineer"]
    assert Words("th")("report.simulated") in client.get(sign(client).headers["location"]).text


def test_a_label_leads_to_the_checks_of_its_meter(people):
    page = people["viewer"].get(f"/meters/{METER}/label", params={"lang": "en"}).text
    assert f"http://testserver{PAGE}" in page
    assert "<svg" in page
    assert METER in page


def test_guessing_passwords_for_a_signature_ends(app):
    client = signed_in(app, "manager-health")
    answers = [sign(client, password=f"guess {number}").text for number in range(32)]
    assert "ใส่รหัสผ่านผิดหลายครั้ง" in answers[-1]
    assert "ใส่รหัสผ่านผิดหลายครั้ง" in sign(client).text, "not even with the right one"
