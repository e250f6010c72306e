"""Files of utilities in the app: looked at, taken in as one batch, refused where they meet what is known, taken back."""

from __future__ import annotations

import base64
import datetime as dt
import io
import re
import tempfile
import zlib

import pytest
from openpyxl import Workbook

from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.calendar import BANGKOK
from tests.web import csrf_of, form_of, make_app, make_site, open_uploads, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]
METER = "health.centre-1.main"
UPLOAD = "/imports/upload"
LONG_AGO = dt.datetime(2025, 3, 1)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("imports"), days=2))


@pytest.fixture
def client(app):
    return signed_in(app, "admin")


def batches(app):
    return [one for one in app.state.here.opened.ledger.batches() if one.undone_us is None]


def quarters(first, kwh, *, heading="เวลา,พลังงาน (kWh)", count=96, era=0):
    lines = [heading]
    for number in range(count):
        at = first + dt.timedelta(minutes=15 * (number + 1))
        lines.append(f"{at:%d/%m/}{at.year + era} {at:%H:%M},{kwh(number)}")
    return "\n".join(lines).encode()


def wavy(number):
    return 5 + number % 7


def look(client, content, name="amr.csv", **given):
    return client.post(
        UPLOAD, data={"csrf": csrf_of(client), **given}, files={"file": (name, content)}, params={"lang": "th"}
    )


def say(client, seen, do="look", **given):
    """Press a button below what was looked at."""
    return client.post(UPLOAD, params={"do": do}, data=form_of(seen.text, UPLOAD) | given)


def test_a_file_is_looked_at_first_then_entered_and_taken_back(app, client):
    seen = look(client, quarters(LONG_AGO, wavy, era=543))
    assert seen.status_code == 422
    assert "กรุณาระบุมิเตอร์ของแต่ละคอลัมน์ด้านล่าง" in seen.text
    assert tempfile.gettempdir() not in seen.text
    again = say(client, seen, **{"c0.meter": METER, "values": "energy", "stamps": "end"})
    assert again.status_code == 200, re.findall(r'role="alert">(.*?)</div>', again.text, re.DOTALL)
    assert batches(app) == [], "a look changes nothing"
    assert "<li>ช่วงละ 15 นาที เวลาที่ระบุคือเวลาสิ้นสุดช่วง</li>" in again.text, "what was found out is said in Thai"
    assert f"{sum(map(wavy, range(96))):,.2f}" in again.text
    entered = say(client, again, do="enter", save="amr-mea")
    assert entered.status_code == 303
    (batch,) = batches(app)
    assert (batch.new.name, batch.new.meters, batch.new.count) == ("amr.csv", (METER,), 96)
    assert batch.new.energy_kwh == sum(map(wavy, range(96)))
    assert batch.new.who == "admin"
    assert dt.datetime.fromtimestamp(batch.new.first_us / 1e6, BANGKOK).date() == LONG_AGO.date()
    second = look(client, quarters(LONG_AGO + dt.timedelta(days=1), wavy, era=543), "next.csv", **{"as": "amr-mea"})
    assert second.status_code == 200, "how the file is read was saved"
    assert f'value="{METER}"' in second.text
    assert client.post(f"/imports/{batch.number}/undo", data={"csrf": csrf_of(client)}).status_code == 303
    assert batches(app) == []
    assert client.post(f"/imports/{batch.number}/undo", data={"csrf": csrf_of(client)}).status_code == 422
    assert [line["action"] for line in audit_lines(app.state.here.opened.state)[:3]] == [
        "undo_import", "import", "save_mapping",
    ]  # fmt: skip


def test_what_meets_measured_quarter_hours_is_refused_unless_it_is_said_what_counts(app, client):
    today = dt.datetime.now(BANGKOK).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    day = today - dt.timedelta(days=1)
    content = quarters(day, wavy)
    seen = say(client, look(client, content), **{"c0.meter": METER, "values": "energy", "stamps": "end"})
    assert 'name="overlap"' in seen.text
    refused = say(client, seen, do="enter")
    assert refused.status_code == 422
    assert batches(app) == []
    assert say(client, refused, do="enter", overlap="replace").status_code == 303
    (batch,) = batches(app)
    client.post(f"/imports/{batch.number}/undo", data={"csrf": csrf_of(client)})


def test_the_future_is_refused_whatever_is_asked(app, client):
    ahead = (dt.datetime.now(BANGKOK) + dt.timedelta(days=2)).replace(tzinfo=None, minute=0)
    seen = look(client, quarters(ahead, wavy), values="energy")
    refused = say(client, seen, do="enter", overlap="replace", **{"c0.meter": METER, "stamps": "end"})
    assert refused.status_code == 422
    assert "จบในอนาคต" in refused.text
    assert batches(app) == []


def test_a_row_that_is_not_understood_stops_the_file_unless_the_others_are_asked_for(app, client):
    lines = quarters(LONG_AGO, wavy).decode().splitlines()
    lines[10] = lines[10].rpartition(",")[0] + ",many"
    seen = say(
        client, look(client, "\n".join(lines).encode()), **{"c0.meter": METER, "values": "energy", "stamps": "end"}
    )
    assert '<tr class="bad"><th scope="row">11</th><td>พลังงาน (kWh) “many” ไม่ใช่ตัวเลข</td>' in seen.text
    assert say(client, seen, do="enter").status_code == 422
    assert batches(app) == []
    assert say(client, seen, do="enter", skips="1").status_code == 303
    (batch,) = batches(app)
    assert batch.new.count == 95
    client.post(f"/imports/{batch.number}/undo", data={"csrf": csrf_of(client)})


def test_registers_become_readings_and_go_again(app, client):
    content = quarters(LONG_AGO, lambda number: 1000 + 2 * number, count=300, heading="time,register (kWh)")
    seen = say(client, look(client, content), **{"c0.meter": METER, "side": "primary"})
    assert seen.status_code == 200, seen.text
    assert say(client, seen, do="enter").status_code == 303
    (batch,) = batches(app)
    store = app.state.here.opened.readings
    span = ([METER], batch.new.first_us, batch.new.end_us)
    assert len(store.readings(*span, ("energy_kwh",))) == 300
    client.post(f"/imports/{batch.number}/undo", data={"csrf": csrf_of(client)})
    assert len(store.readings(*span, ("energy_kwh",))) == 0


def test_a_workbook_of_two_sheets_asks_for_one_in_thai(client):
    book, written = Workbook(), io.BytesIO()
    book.create_sheet("มีนาคม")
    for sheet in book.worksheets:
        sheet.append(["เวลา", "kWh"])
        for number in range(96):
            sheet.append([LONG_AGO + dt.timedelta(minutes=15 * number), wavy(number)])
    book.save(written)
    seen = look(client, written.getvalue(), "สองแผ่น.xlsx")
    assert seen.status_code == 422
    assert "สองแผ่น.xlsx มีแผ่นงานที่มีข้อมูล 2 แผ่น" in seen.text
    again = say(client, seen, sheet="มีนาคม", values="energy")
    again = say(client, again, **{"c0.meter": METER, "stamps": "start"})
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "x.csv"), (b"\x00\x01\x02", "x.csv"), (b"PK\x03\x04broken", "x.xlsx"), (b"<a><b>", "x.xml"), (b"a,b\n1,2\n", "x.csv"),
        (b"%PDF-1.4", "x.pdf"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.xls"), (b"200,1,E1,E1,E1,,1,kWh,15,\n", "../../etc/passwd"),
        ("เวลา,<script>alert(1)</script>\n".encode() + b"01/01/2568 00:00,1\n01/01/2568 00:15,2\n", "<script>.csv"),
        (b"time,kWh\n" + b"31/02/2568 00:00,1\n" * 5, "x.csv"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_said_in_thai_and_without_a_path(app, client, content, name):
    answer = look(client, content, name)
    assert answer.status_code == 422
    alert = re.search(r'role="alert">(.*?)</p>', answer.text, re.DOTALL)[1]
    assert re.search("[ก-๙]", alert), alert
    for word in (tempfile.gettempdir(), "Traceback", "<script>alert", "etc/passwd"):
        assert word not in answer.text
    assert batches(app) == []


@pytest.mark.parametrize(
    "given",
    [
        {"values": "none"}, {"unit": "stone"}, {"pulse_kwh": "-1"}, {"pulse_kwh": "x"}, {"c0.meter": "nothing"}, {"c0.meter": f"{METER}:none"},
        {"save": "../x", "c0.meter": METER, "values": "energy", "stamps": "end"}, {"as": "../x"}, {"row_column": "none", "row_text": "x", "c0.meter": METER},
        {"c0.meter": "<script>"},
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_a_file_enters_nothing_and_stays_as_typed(app, client, given):
    seen = look(client, quarters(LONG_AGO, wavy))
    answer = say(client, seen, do="enter", **given)
    assert answer.status_code == 422
    assert batches(app) == []
    assert form_of(answer.text, UPLOAD)["name"] == "amr.csv"
    if "c0.meter" in given:
        assert form_of(answer.text, UPLOAD)["c0.meter"] == given["c0.meter"]


def test_a_packed_file_that_swells_is_refused(app, client):
    packed = base64.b64encode(zlib.compress(b"0" * 60_000_000)).decode()
    answer = client.post(UPLOAD, data={"csrf": csrf_of(client), "name": "x.csv", "content": packed})
    assert answer.status_code == 422
    assert batches(app) == []


def test_a_large_file_is_closed_after_the_answer(client):
    assert look(client, b"x" * 2_000_000).status_code == 422
    assert open_uploads() == []


def test_only_who_serves_the_server_sees_and_does_imports(app):
    manager = signed_in(app, "admin-health")
    assert manager.get("/imports").status_code == 403
    assert look(manager, quarters(LONG_AGO, wavy)).status_code == 403
    assert manager.post("/imports/1/undo", data={"csrf": csrf_of(manager)}).status_code == 403
    assert 'href="/imports"' not in manager.get("/meters").text
    assert 'href="/imports"' in signed_in(app, "admin").get("/meters").text
