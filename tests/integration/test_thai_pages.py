"""No Thai page speaks English: each one is walked, with faults provoked, and its Latin words are looked at one by one."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.outbox import OutboxMessage, messages, not_sent, post
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.state.runs import RunQueue
from bkkenergy.adapters.state.tables import baseline
from bkkenergy.calendar import BANGKOK
from bkkenergy.metering.events import Event, EventKind
from bkkenergy.payloads.message import Reason, Refused
from bkkenergy.solar.climate import GENERATORS
from tests.conftest import ROOT
from tests.web import csrf_of, make_app, make_site, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
OWN_BUILDING = "health.centre-1"
UNITS = "BTU RT SEER EER h kWh kW kWp MWh GWh MW Wp V A kV"
TERMS = (
    "BEC On Off Peak Partial TOU TOD Ft EnB PR LED CT DC AC MPPT PDF XLSX HTML CSV JSON API MQTT URL Excel OpenAPI max "
    "VT mismatch clipping IRR PPA ESCO NPV CV RMSE NMBE R PV Sparkplug TSIC ID S M COP EnPI ISO JCM VER DOCX JPEG PNG WebP Ctrl "
    "A B C P T MB KB lm x W IPMVP SVG subject body PIN"
)
NAMES = (
    "NEM Green Button bkkenergy English Python NASA POWER EPW TMY PVGIS CAMS CEC Perez De Soto Marion PVsyst Faiman Kimber PVWatts Sandia Chromium admin engineer testclient health "
    "education viewer manager kept passkeys of led LED e report portfolio import source state files"
)
ALLOWED = frozenset(f"{UNITS} {TERMS} {NAMES}".split())
MARKS = re.compile(
    r"\S+@\S+|\b[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+\b|\bTH_AM\d+|config/portfolio|/setup|\bp=\d+|\b(?:kg|t|Mt)?CO[2₂]e?\b|\bP\d\d\b|°C\b"
)
"""Addresses, ids, methods, paths, gases, quantiles and degrees."""
NOT_WALKED = ("/api", "/static", "/help/img", "/help/notebooks", "/help/decisions")
"""Notebooks and decisions are documents in English, like the code they explain."""
LONGEST_RUN_OF_A_GUIDE = 4
"""Guides name programs and settings. A sentence of English has more words."""
ISO_DATE = re.compile(r"\b20\d\d-\d\d(-\d\d)?\b|\bFY\d{4}\b")
SKIPPED, VOID = {"script", "style", "code", "pre"}, {"meta", "link", "input", "br", "img", "hr", "path", "rect"}
SHOWN = ("title", "aria-label", "placeholder", "alt", "content")
GUIDES = tuple(
    f"/help/{path.relative_to(ROOT / 'docs/th').with_suffix('').as_posix()}"
    for path in sorted((ROOT / "docs/th").rglob("*.md"))
    if path.stem != "index"
)
IN_BOTH_LANGUAGES = "/help/reference/glossary"


class Shown(HTMLParser):
    """What a reader sees and hears of a page: its text, but not code nor what is marked as English."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: set[str] = set()
        self._skipped: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_skipped = tag in SKIPPED or given.get("lang") == "en" or any(self._skipped)
        if tag not in VOID:
            self._skipped.append(is_skipped)
        if not is_skipped and tag != "meta":
            self.texts += [str(given[name]) for name in SHOWN if given.get(name)]
        if tag in {"a", "iframe"}:
            self.links.add(str(given.get("href") or given.get("src") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._skipped:
            self._skipped.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._skipped) and data.strip():
            self.texts.append(data.strip())


def citations() -> list[str]:
    """Return titles of documents, and names of products and of roofs, as the configuration has them."""
    found = [GENERATORS]

    def gather(value: object, name: str = "") -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                gather(inner, key)
        elif isinstance(value, list):
            for inner in value:
                gather(inner, name)
        elif isinstance(value, str) and (name in {"source", "source_th", "name", "title"} or value.endswith("-roof")):
            found.append(value)

    for path in (ROOT / "config").rglob("*.toml"):
        if path.parent.name == "payloads":
            continue  # fields of devices, which no page cites
        gather(tomllib.loads(path.read_text(encoding="utf-8")))
    return sorted(found, key=len, reverse=True)


CITATIONS = citations()


def english_in(page: str) -> list[str]:
    """Latin words of a page that are no unit, term or name, and dates as machines write them."""
    found = []
    for shown in Shown(page).texts:
        text = MARKS.sub("", shown)
        for cited in CITATIONS:
            text = text.replace(cited, "")
        words = [word for word in re.findall(r"[A-Za-z]+", text) if word not in ALLOWED]
        found += [f"{words[0]}: {shown[:90]}"] if words else []
        found += [f"date: {shown[:90]}"] if ISO_DATE.search(text) else []
    return found


def test_the_reader_finds_english_and_lets_code_pass():
    page = '<p title="Save">ใช้ไฟฟ้า 3 kWh <code>config</code> <b lang="en">told</b></p><p>No such roof</p><td>2026-11-02'
    assert english_in(page) == ["Save: Save", "No: No such roof", "date: 2026-11-02"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A site at which much has gone wrong."""
    home = make_site(tmp_path_factory.mktemp("thai"))
    app = make_app(home)
    here = app.state.here
    now = here.clock()
    refused = [Refused(f"bma/x/{reason}", b"{}", reason, "14 is no number; beyond any rating") for reason in Reason]
    quarantine = Quarantine.of(here.opened.state, here.settings.ingest)
    quarantine.keep(refused, {}, now_us=int(now.timestamp() * 1e6))
    at_us = int((now - dt.timedelta(hours=2)).timestamp() * 1e6)
    events = [Event(f"{OWN_BUILDING}.main", at_us + n, kind, 1.0, 2.0) for n, kind in enumerate(EventKind)]
    Logbook(here.opened.state).note(events, {}, now_us=at_us)
    queue = RunQueue(here.opened.state, "test")
    done = queue.runs(agency="health", state="done")[0]
    queue.again(done, "asked", now)
    claimed = queue.claim(now + dt.timedelta(seconds=1), 60)
    queue.fail(claimed, now, "StoreUnavailable: the store sleeps. Wake it.", retry_at=None)
    with transaction(here.opened.state) as connection:
        post(
            connection,
            key="k",
            channel="mail",
            recipient="a@b.c",
            message=OutboxMessage(subject="รายงาน", text=""),
            now=now,
        )
    not_sent(here.opened.state, messages(here.opened.state)[0], "550 no such box", retry_at=None)
    return home


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def admin(app):
    return signed_in(app, "admin")


def walked(client: TestClient, start: str) -> Iterator[tuple[str, str]]:
    """Every page that links lead to, once for each kind of address."""
    waiting, seen = [start], set()
    while waiting:
        address = waiting.pop(0)
        kind = re.sub(r"(?<=/buildings/)[^/?#]+|(?<=/agencies/)[^/?#]+|\?.*|#.*", "*", address)
        kind = re.sub(r"^(/explore/\w+)/.*$", r"\1/*", kind)
        kind = re.sub(r"^(/records/\w+/\w+)/.*$", r"\1/*", kind)
        kind = re.sub(r"^/reports/file/.*\.(\w+)$", r"/reports/file/\1", kind)
        if kind in seen or not address.startswith("/") or address.startswith(NOT_WALKED):
            continue
        seen.add(kind)
        answer = client.get(address)
        if answer.headers.get("content-type", "").startswith("text/html"):
            yield address, answer.text
            waiting += sorted(Shown(answer.text).links)


def test_every_page_in_thai_is_thai(admin):
    pages = dict(walked(admin, "/"))
    chosen = (
        f"/buildings/{OWN_BUILDING}",
        "/meters?agency=health",
        f"/solar?building={OWN_BUILDING}",
        "/jobs?state=failed",
        "/find?q=โรงเรียน",
        f"/explore/building/{OWN_BUILDING}?compare=week",
        f"/explore/building/{OWN_BUILDING}?compare=baseline&view=table",
        f"/explore/building/{OWN_BUILDING}?compare=type&per=m2",
        f"/explore/building/{OWN_BUILDING}?first=ก",
        "/explore/city/city?step=day&quantity=production",
        "/explore/agency/health?first=2026-01-01&last=2026-12-31&step=15min",
    )
    pages |= {address: admin.get(address).text for address in chosen}
    kinds = {address.split("?")[0].split("/")[1] for address in pages}
    assert kinds >= {
        "",
        "agencies",
        "buildings",
        "reports",
        "plan",
        "solar",
        "meters",
        "records",
        "jobs",
        "admin",
        "help",
        "account",
    }
    assert any(address.endswith(".html") for address in pages), "no report was opened"
    found = [
        f"{address} {line}" for address, page in pages.items() if address not in GUIDES for line in english_in(page)
    ]
    assert not found, "\n".join(found)
    for address in set(GUIDES) - {IN_BOTH_LANGUAGES}:
        runs = [
            re.findall(rf"(?:[A-Za-z]+ +){{{LONGEST_RUN_OF_A_GUIDE},}}", text) for text in Shown(pages[address]).texts
        ]
        assert [run for run in runs if run] == [], address


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_of_the_quarantine_has_a_name_in_thai(admin, reason):
    page = admin.get("/meters").text
    assert reason in page, "it was not provoked"
    assert f"<td>{reason}" not in page


DESIGNS = [
    {"kwp": "-3"},
    {"kwp": "many"},
    {"kwp": "9000"},
    {"kwp": "0.01"},
    {"mounting": "glued"},
    {"area_m2": "-5"},
    {"area_m2": "inf"},
    {"area_m2": "1"},
    {"area_m2": "300", "tilt_deg": "95"},
    {"area_m2": "300", "tilt_deg": "steep"},
    {"area_m2": "300", "azimuth_deg": "-1"},
    {"on_peak_thb": "-1"},
    {"off_peak_thb": "dear"},
    {"netting": "year"},
    {"cleanings": "2.5"},
    {"weather": "hills"},
    {"export": "household"},
]


@pytest.mark.parametrize("wish", DESIGNS, ids=lambda wish: "-".join(wish.values()))
def test_a_design_that_cannot_be_says_why_in_thai(admin, wish):
    asked = {"building": OWN_BUILDING} | wish
    page = admin.get("/solar", params=asked).text
    assert 'class="fault"' in page, "nothing was wrong with it"
    left_out = [f'value="{value}"' for value in wish.values()]
    for value in left_out:
        page = page.replace(value, "")
    said = [line for line in english_in(page) if not any(value in line for value in wish.values())]
    assert said == []
    alone = admin.get(f"/solar/report/{OWN_BUILDING}", params=wish)
    assert alone.status_code == 422
    assert [line for line in english_in(alone.text) if not any(value in line for value in wish.values())] == []


@pytest.mark.parametrize("state", ["surveyed", "endorsed", "running", "done", "dropped"])
def test_a_move_that_the_plan_does_not_have_says_why_in_thai(admin, state):
    answer = admin.post("/plan/led-health/move", data={"csrf": csrf_of(admin), "state": state})
    assert answer.status_code == 422
    assert english_in(answer.text) == []
    assert "โครงการ “หลอด health”" in answer.text
    assert "<nav" in answer.text, "the menu is gone"


def test_the_board_offers_only_moves_that_lead_somewhere(admin):
    page = admin.get("/plan").text
    form = page.partition('action="/plan/led-health/move"')[2].partition("</form>")[0]
    assert re.findall(r'<option value="(\w+)"', form) == ["proposed", "dropped"]


USERS = [
    {"name": "admin", "password": "correct horse battery staple", "agencies": "all"},
    {"name": "", "password": "correct horse battery staple", "agencies": "all"},
    {"name": "somchai", "password": "short", "agencies": "all"},
    {"name": "somchai", "password": "x" * 300, "agencies": "all"},
    {"name": "somchai", "password": "somchai-somchai", "agencies": "all"},
    {"name": "somchai", "password": "correct horse battery staple", "agencies": "moon"},
]


@pytest.mark.parametrize("given", USERS, ids=range(len(USERS)))
def test_a_user_who_cannot_be_entered_is_explained_in_thai(admin, given):
    answer = admin.post("/admin/users", data={"csrf": csrf_of(admin), "role": "viewer"} | given)
    assert answer.status_code == 422
    assert 'class="fault"' in answer.text
    assert english_in(answer.text) == []


@pytest.mark.parametrize(
    ("name", "method", "path", "status"),
    [
        ("admin", "GET", "/nowhere", 404),
        ("admin", "GET", "/buildings/no.where", 404),
        ("admin", "POST", "/help", 405),
        ("admin", "POST", "/plan/led-health/move", 403),
        ("admin", "GET", f"/solar/report/{OWN_BUILDING}?format=dwg", 422),
        ("viewer-health", "GET", "/admin", 403),
        ("viewer-health", "GET", "/solar/screening?agency=education", 404),
        ("nobody", "GET", "/nowhere", 404),
        ("nobody", "POST", "/login", 401),
    ],
)
def test_an_error_page_is_thai(app, name, method, path, status):
    client = TestClient(app) if name == "nobody" else signed_in(app, name)
    answer = client.request(method, path, data={"name": "no", "password": "no"} if method == "POST" else None)
    assert answer.status_code == status
    assert english_in(answer.text) in ([], ["no: no"])


def test_a_store_that_cannot_be_opened_is_told_in_thai(home, tmp_path):
    broken = tmp_path / "site"
    shutil.copytree(home, broken, symlinks=True)
    app = make_app(broken)
    client = signed_in(app, "admin")
    for path in (broken / "var").glob("store.sqlite*"):
        path.unlink()
    (broken / "var/store.sqlite").mkdir()
    answer = client.get(f"/buildings/{OWN_BUILDING}")
    assert answer.status_code == 503
    assert english_in(answer.text) == []
    assert "ติดต่อระบบเก็บข้อมูลไม่ได้" in answer.text
    api = client.get(f"/api/v1/buildings/{OWN_BUILDING}/energy", params={"first": "2026-11-01", "last": "2026-11-02"})
    for text in (answer.text, api.text):
        assert "store.sqlite" in text
        assert str(broken) not in text, "where files of the server lie is for its log"


def test_a_damaged_baseline_is_told_in_thai(home, tmp_path):
    broken = tmp_path / "site"
    shutil.copytree(home, broken, symlinks=True)
    app = make_app(broken)
    row = {"building": OWN_BUILDING, "first_day": "2025-01-01", "last_day": "2025-12-31", "at_us": 0}
    with transaction(app.state.here.opened.state) as connection:
        connection.execute(insert(baseline).values(**row, fingerprint="f", version="1", model="{"))
    answer = signed_in(app, "admin").get(f"/buildings/{OWN_BUILDING}")
    assert answer.status_code == 200  # the rest of the building is shown
    assert english_in(answer.text) == []
    assert "ค่าฐาน" in answer.text


def test_a_fault_of_the_service_itself_has_a_page_in_thai(home):
    app = make_app(home)
    app.add_api_route("/fails", lambda: 1 / 0)
    admin = signed_in(app, "admin")
    client = TestClient(app, raise_server_exceptions=False, cookies=admin.cookies)
    answer = client.get("/fails")
    assert answer.status_code == 500
    assert english_in(answer.text) == []
    assert "ระบบเกิดข้อผิดพลาด" in answer.text


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ("en-GB,en;q=0.9,th;q=0.5", "Sign in"),
        ("th-TH,th;q=0.9,en;q=0.8", "เข้าสู่ระบบ"),
        ("de, en;q=0.5", "Sign in"),
        ("en;q=0.2, th;q=0.7", "เข้าสู่ระบบ"),
        ("en;q=0, *", "เข้าสู่ระบบ"),
        ("en;q=nonsense", "เข้าสู่ระบบ"),
        ("", "เข้าสู่ระบบ"),
        (",;=" * 400, "เข้าสู่ระบบ"),
    ],
)
def test_sign_in_follows_the_browser_s_language(app, header, word):
    page = TestClient(app).get("/login", headers={"Accept-Language": header}).text
    assert f"<button>{word}</button>" in page


def test_what_was_chosen_counts_more_than_the_browser(app):
    client = TestClient(app, headers={"Accept-Language": "en"})
    assert "เข้าสู่ระบบ" in client.get("/login?lang=th").text
    client.cookies.set("lang", "th")
    assert "เข้าสู่ระบบ" in client.get("/login").text


def test_reports_and_jobs_name_their_periods_in_the_buddhist_era(admin):
    yesterday = dt.datetime.now(BANGKOK).date() - dt.timedelta(days=1)
    for path in ("/reports", "/jobs"):
        page = admin.get(path).text
        assert f"{yesterday.day} " in page
        assert str(yesterday.year + 543) in page
        assert yesterday.isoformat() not in re.sub(r'href="[^"]*"', "", page)
