"""Lists of records by page and file: an untidy list of schools, faults by cell, all or nothing, and the way back."""

from __future__ import annotations

import datetime as dt
import io
import re
from tempfile import gettempdir

import openpyxl
import pytest

from bkkenergy.access import server_actor
from bkkenergy.portfolio.edits import Put
from bkkenergy.usecases.portfolio import change, portfolio_state
from tests.integration.test_record_pages import english, record, text_of
from tests.untidy import DISTRICTS, write_untidy
from tests.web import csrf_of, form_of, make_app, make_site, open_uploads

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
UPLOAD = "/records/upload/building"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    started = make_app(make_site(tmp_path_factory.mktemp("record-lists"), days=2))
    client = english(started, "admin")
    assert client.post("/records/begin", data={"csrf": csrf_of(client)}).status_code == 303
    here = started.state.here
    state = portfolio_state(here.opened.config, here.opened.state)
    agencies = [
        Put("agency", {"id": f"bma-{number}", "name_th": f"สำนักงานเขต{name}", "name_en": f"District {number}"})
        for number, name in enumerate(DISTRICTS)
        if name not in {"บางเขน", "ดินแดง", "จตุจักร", "ลาดกระบัง"}
    ]
    change(state, server_actor("cli:root"), agencies, why="districts", from_day=None, expected_revision=None, now=NOW)
    here.look_now()
    return started


@pytest.fixture(scope="module")
def admin(app):
    return english(app, "admin")


def looked_at(client, content, name="list.xlsx", address=UPLOAD, **fields):
    form = form_of(client.get(address).text, address) | fields
    form.pop("file", None)
    return client.post(address, data=form, files={"file": (name, content)})


def entered(client, page, address=UPLOAD, **fields):
    return client.post(f"{address}?do=enter", data=form_of(page.text, address) | fields, files={"x": b""})


def again(client, page, address=UPLOAD, **fields):
    return client.post(address, data=form_of(page.text, address) | fields, files={"x": b""})


DEFAULTS = {"d.type": "school", "d.calendar": "school", "d.tariff": "mea-2-2-lv", "d.roof.tilt_deg": "10",
            "d.roof.azimuth_deg": "180"}  # fmt: skip


def test_an_untidy_list_of_437_schools_is_entered_by_a_person_who_cannot_program(app, admin, tmp_path):
    write_untidy(tmp_path / "schools.xlsx", 437)
    content = (tmp_path / "schools.xlsx").read_bytes()
    page = looked_at(admin, content, **DEFAULTS)
    said = text_of(page)
    assert page.status_code == 200, said[:3000]
    assert "Row 4 has the headings" in said
    assert "New: 2076, changed: 0" in said
    assert "Rows that repeat an earlier one are left out" in said
    assert "Rows of sums are left out" in said
    done = entered(admin, page, why="schools of 2570")
    assert done.status_code == 303, text_of(done)[:2000]
    app.state.here.look_now()
    records = app.state.here.portfolio.records
    schools = [
        entries[-1].value for entries in records.by_kind["building"].values() if entries[-1].value.type == "school"
    ]
    of_list = [school for school in schools if "students" in school.drivers]
    assert len(of_list) == 437
    assert all(13.65 < one.latitude_deg < 13.8 and 100.45 < one.longitude_deg < 100.6 for one in of_list)
    one = next(school for school in of_list if school.name_th == "โรงเรียนวัดทองมีนบุรี 1")
    assert one.agency == "bma-4"
    meter = record(admin, "meter", f"{one.id}.main")
    assert meter["topic"] == f"bma/{one.id.replace('.', '/')}/main/readings"
    assert meter["ct_ratio"] in {1.0, 80.0}
    account = record(admin, "account", f"{one.id.replace('.', '-')}-account")
    assert account["buildings"] == [one.id]
    assert len(account["number"]) == 9


def test_the_same_list_again_changes_nothing(admin, tmp_path):
    write_untidy(tmp_path / "schools.xlsx", 437)
    page = looked_at(admin, (tmp_path / "schools.xlsx").read_bytes(), **DEFAULTS)
    assert page.status_code == 200, text_of(page)[:3000]
    assert "The file changes nothing." in page.text
    assert entered(admin, page, why="again").status_code == 422


def test_a_list_that_is_edited_and_imported_changes_the_edited_cells_alone(admin):
    answer = admin.get("/records/sheet/building")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    sheet = book.active
    heads = [cell.value for cell in sheet[1]]
    row = next(row for row in sheet.iter_rows(min_row=2) if row[0].value == "health.centre-1")
    row[heads.index("Gross floor area (m²)")].value = 4321.5
    row[heads.index("Thai name")].value = "ศูนย์ใหม่"
    edited = io.BytesIO()
    book.save(edited)
    untouched = looked_at(admin, answer.content)
    assert "The file changes nothing." in untouched.text, text_of(untouched)[:3000]
    page = looked_at(admin, edited.getvalue())
    assert "New: 0, changed: 1" in text_of(page)
    done = entered(admin, page, why="measured")
    assert done.status_code == 303, text_of(done)[:2000]
    shown = text_of(admin.get(done.headers["location"]))
    assert "4,321.5" in shown
    assert "ศูนย์ใหม่" in shown
    assert "Latitude" not in shown


def csv(*lines):
    return "\n".join(lines).encode("utf-8-sig")


HEAD = "ชื่อโรงเรียน,หน่วยงาน,พื้นที่,lat,lon,ประเภท,ปฏิทิน,อัตราค่าไฟฟ้า"
GOOD = "โรงเรียนหนึ่ง,health,500,13.7,100.5,โรงเรียน,school,mea-2-2-lv"


@pytest.mark.parametrize(
    ("row", "cell", "said"),
    [
        ("โรงเรียนสอง,เขตไม่มี,500,13.7,100.5,โรงเรียน,school,mea-2-2-lv", "B3", "เขตไม่มี"),
        ("โรงเรียนสอง,health,มาก,13.7,100.5,โรงเรียน,school,mea-2-2-lv", "C3", "number"),
        ("โรงเรียนสอง,health,-5,13.7,100.5,โรงเรียน,school,mea-2-2-lv", "C3", "greater than 0"),
        ("โรงเรียนสอง,health,,13.7,100.5,โรงเรียน,school,mea-2-2-lv", "C3", "missing"),
        ("โรงเรียนสอง,health,500,93.7,100.5,โรงเรียน,school,mea-2-2-lv", "D3", "no place in Thailand"),
        ("โรงเรียนสอง,health,500,13.7,100.5,ปราสาท,school,mea-2-2-lv", "F3", "ปราสาท"),
        ("โรงเรียนสอง,health,500,13.7,100.5,โรงเรียน,none,mea-2-2-lv", "G3", "none"),
        ("โรงเรียนสอง,health,500,13.7,100.5,โรงเรียน,school,none", "3", "none"),
        ("โรงเรียนหนึ่ง,health,900,13.7,100.5,โรงเรียน,school,mea-2-2-lv", "A3", "row 2 already"),
        (",health,500,13.7,100.5,โรงเรียน,school,mea-2-2-lv", "A3", "missing"),
    ],
)
def test_a_fault_names_its_cell_and_nothing_is_entered(admin, row, cell, said):
    page = looked_at(admin, csv(HEAD, GOOD, row), "list.csv")
    assert page.status_code == 422
    text = text_of(page)
    assert re.search(rf"\b{cell}\b", text), text[:3000]
    assert said in text
    assert entered(admin, page, why="schools").status_code == 422
    assert admin.get("/records/one/building/health.hnueng").status_code == 404


def test_a_heading_that_a_person_named_is_known_the_next_time(admin):
    content = csv("ป้ายชื่อ,สังกัดของเรา,พื้นที่,พิกัด", "โรงเรียนจำได้,health,500,13.7 100.5")
    defaults = {"d.type": "school", "d.calendar": "school", "d.tariff": "mea-2-2-lv"}
    page = looked_at(admin, content, "a.csv", **defaults)
    assert page.status_code == 422
    page = again(admin, page, **{"m.0.field": "name_th", "m.1.field": "agency"})
    assert page.status_code == 200, text_of(page)[:2000]
    assert entered(admin, page, why="named").status_code == 303
    other = csv("ป้ายชื่อ,สังกัดของเรา,พื้นที่,พิกัด", "โรงเรียนจำได้สอง,health,500,13.7 100.5")
    assert looked_at(admin, other, "b.csv", **defaults).status_code == 200


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlsx", b"PK\x03\x04 no workbook"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + b"0" * 600),
        ("a.pdf", b"%PDF-1.7"),
        ("a.csv", b"\x00\x01\x02"),
        ("a.csv", b""),
        ("a.csv", "ชื่อโรงเรียน\n".encode()),
        ("a.csv", b"\n" * 100),
        ("../../x.csv", b"a,b\n1,2\n"),
    ],
)
def test_a_file_that_is_no_list_is_refused(admin, name, content):
    answer = looked_at(admin, content, name)
    assert answer.status_code == 422, text_of(answer)
    assert gettempdir() not in answer.text


def test_who_may_not_change_does_not_upload_and_another_agency_is_not_touched(app):
    viewer, manager = english(app, "viewer-health"), english(app, "manager-health")
    assert viewer.get(UPLOAD).status_code == 403
    assert viewer.post(UPLOAD, data={"csrf": csrf_of(viewer)}).status_code == 403
    assert manager.post(UPLOAD, data={"csrf": "x"}).status_code == 403
    page = looked_at(manager, csv(HEAD, GOOD.replace("health", "education")), "a.csv")
    assert page.status_code == 422
    own_page = looked_at(manager, csv(HEAD, GOOD.replace("หนึ่ง", "ของเรา")), "a.csv")
    assert own_page.status_code == 200, text_of(own_page)[:1500]
    assert entered(manager, own_page, why="ours").status_code == 303
    rows = openpyxl.load_workbook(io.BytesIO(viewer.get("/records/sheet/building").content)).active.iter_rows(min_row=2)
    assert {row[0].value.partition(".")[0] for row in rows} == {"health"}


@pytest.mark.parametrize("kind", ["meter", "agency", "contact", "account", "roof", "equipment"])
def test_the_list_of_each_kind_is_read_back_without_a_change(admin, kind):
    address = f"/records/upload/{kind}"
    content = admin.get(f"/records/sheet/{kind}").content
    if openpyxl.load_workbook(io.BytesIO(content)).active.max_row == 1:
        pytest.skip("there is none")
    page = looked_at(admin, content, address=address)
    assert "The file changes nothing." in page.text, text_of(page)[:3000]


def test_odd_figures_of_an_inventory_are_named_by_cell_and_a_year_is_of_either_era(admin):
    rows = [
        "building,kind,name_th,name_en,count,cooling_btu_h,rated_kw,installed_year",
        "health.centre-2,split_air_conditioner,แอร์ ก,AC 1,2,12000,,2560",
        "health.centre-2,split_air_conditioner,แอร์ ข,AC 2,2,12,,2017",
        "health.centre-2,lighting,หลอด,Lamps,1000000000,,36,2017",
    ]
    page = text_of(looked_at(admin, csv(*rows), "inventory.csv", address="/records/upload/equipment"))
    for said in ("12000, not 12", "36 W is 0.036", "100000"):
        assert said in page, page[:3000]
    assert "Buddhist" not in page, "2560 is 2017"


def test_a_clash_with_a_record_that_is_not_in_the_list_names_the_row_that_clashes(admin):
    head, row = "ชื่อโรงเรียน,หน่วยงาน,พื้นที่,พิกัด,เลขที่บัญชีผู้ใช้ไฟฟ้า", "health,500,13.7 100.5,777777777"
    page = looked_at(admin, csv(head, f"โรงเรียนบัญชีก,{row}"), "a.csv", **DEFAULTS)
    assert entered(admin, page, why="the first").status_code == 303, text_of(page)[:1500]
    clash = looked_at(admin, csv(head, "", f"โรงเรียนบัญชีข,{row}"), "b.csv", **DEFAULTS)
    assert clash.status_code == 422
    assert re.search(r"777777777.*\b3\b", text_of(clash)), text_of(clash)[:2000]


def test_empty_cells_mean_what_is_said_of_their_building_type(app, admin):
    head = "ชื่ออาคาร,หน่วยงาน,พื้นที่,พิกัด,ประเภท,อัตราค่าไฟฟ้า"
    rows = ["ศูนย์ชนิดก,health,500,13.7 100.5,ศูนย์บริการสาธารณสุข,", "โรงเรียนชนิดข,health,500,13.7 100.5,โรงเรียน,mea-3-2-lv",
            "สำนักงานชนิดค,health,500,13.7 100.5,สำนักงานเขต,"]  # fmt: skip
    general = {"d.calendar": "office", "d.tariff": "mea-2-2-lv"}
    page = looked_at(admin, csv(head, *rows), "a.csv", **general)
    assert "Where the type is School" in text_of(page), text_of(page)[:2000]
    of_type = {"d.calendar@school": "school", "d.tariff@school": "mea-2-1-lv", "d.tariff@health_centre": "mea-2-1-lv"}
    page = again(admin, page, **of_type)
    assert form_of(page.text, UPLOAD)["d.calendar@school"] == "school"
    assert entered(admin, page, why="of three types").status_code == 303, text_of(page)[:2000]
    app.state.here.look_now()
    entries = app.state.here.portfolio.records.by_kind["building"].values()
    by_name = {one[-1].value.name_th: (one[-1].value.calendar, one[-1].value.tariff) for one in entries}
    assert by_name["ศูนย์ชนิดก"] == ("office", "mea-2-1-lv")
    assert by_name["โรงเรียนชนิดข"] == ("school", "mea-3-2-lv"), "what the row says counts"
    assert by_name["สำนักงานชนิดค"] == ("office", "mea-2-2-lv")


def test_a_large_list_is_closed_after_the_answer(admin):
    assert looked_at(admin, b"x" * 1_500_000).status_code in {200, 422}
    assert open_uploads() == []
