"""The edge of the web server: slow, many, foreign and strange requests, and what others feel of them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from sqlalchemy import update
from structlog.testing import capture_logs

from bkkenergy.adapters.state.auditlog import LinesAsked, audit_lines
from bkkenergy.adapters.state.tables import user
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import users
from bkkenergy.adapters.workers import Bounds, Workers
from bkkenergy.cli.web import make_server
from bkkenergy.settings import Settings
from bkkenergy.site import load_configuration, open_site
from bkkenergy.web import bodies, solar
from bkkenergy.web.bodies import BoundedBodies
from bkkenergy.web.budgets import MAX_WAITING, HeavyWork, api_turn, page_turn
from bkkenergy.web.delays import Rate
from bkkenergy.web.edge import Edge
from tests.servers import free_port
from tests.web import PASSWORD, csrf_of, make_app, make_site, signed_in, walked

WELL = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


class Hasty(Edge):
    """The edge with less patience, so that a test need not wait."""

    head_s, max_connections, max_an_address = 0.3, 8, 4


class Narrow(Edge):
    head_s, max_connections, max_an_address = 5.0, 100, 4


class Crowded(Edge):
    head_s, max_connections, max_an_address = 5.0, 3, 100


def small_app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(BoundedBodies)

    @app.get("/")
    def well() -> str:
        return "well"

    @app.post("/")
    async def length(request: Request) -> int:
        return len(await request.body())

    return app


@contextmanager
def serving(edge: type[Edge]):
    server = uvicorn.Server(
        uvicorn.Config(small_app(), port=free_port(), http=edge, log_level="critical", proxy_headers=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.config.port
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def connected(port: int, sent: bytes = b""):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        yield client


def answer(client: socket.socket) -> bytes:
    """What comes until the other end closes, or says no more for a moment; nothing where it was cut off."""
    got = b""
    client.settimeout(3.0)
    try:
        while more := client.recv(65_536):
            got += more
            client.settimeout(0.2)
    except (ConnectionResetError, TimeoutError):
        pass
    return got


def is_cut_off(client: socket.socket) -> bool:
    """Whether nothing can be sent any more, within seconds; the first bytes after the end may still be taken."""
    try:
        for _ in range(100):
            client.sendall(b"x")
            time.sleep(0.03)
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("part", [b"", b"GET / HTTP/1.1\r\nX-a: ", WELL + b"GET / HT"], ids=["idle", "half", "second"])
def test_a_request_that_does_not_get_to_its_point_is_cut_off(part):
    with serving(Hasty) as port, connected(port, part) as client:
        answered = answer(client)
        assert (b"well" in answered) == (part.startswith(WELL))
        assert is_cut_off(client)


def test_while_one_address_has_all_its_connections_half_open_it_is_served_again_after_their_time():
    with serving(Hasty) as port:
        waiting = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(8)]
        for client in waiting:
            client.send(b"GET / HTTP/1.1\r\nX-a: ")
        until_s, answered = time.monotonic() + 10, b""
        while b"well" not in answered and time.monotonic() < until_s:
            with connected(port) as client:
                try:
                    client.sendall(WELL)
                except ConnectionError:
                    continue
                answered = answer(client)
        assert b"well" in answered
        for client in waiting:
            client.close()


@pytest.mark.parametrize(("edge", "at_most"), [(Narrow, 4), (Crowded, 3)], ids=["an-address", "all"])
def test_no_more_connections_are_held_than_the_bound(edge, at_most):
    with serving(edge) as port:
        clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(6)]
        for client in clients:
            with suppress(ConnectionError):
                client.sendall(WELL)
        answers = [answer(client) for client in clients]
        assert sum(b"well" in one for one in answers) == at_most
        for client in clients:
            client.close()


def test_a_body_that_does_not_come_is_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "MAX_BODY_S", 0.2)
    head = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n"
    with serving(Edge) as port:
        with connected(port, head + b"12345") as client:
            assert b" 408 " in answer(client).splitlines()[0]
        with connected(port, head + b"1234567890") as client:
            assert answer(client).endswith(b"10")


BODY = {
    "two_lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "another_coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a_name_with_a_space": b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "a_length_with_a_sign": b"Content-Length: +5\r\n\r\nabcde",
    "a_chunk_without_its_end": b"Transfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", BODY.values(), ids=BODY)
def test_a_request_whose_end_two_readers_could_see_elsewhere_is_refused(body):
    with serving(Edge) as port, connected(port, b"POST / HTTP/1.1\r\nHost: here\r\n" + body) as client:
        answered = answer(client)
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert answered.count(b"HTTP/1.1") == 1, "what follows is no request"


def test_a_length_beside_chunks_is_ignored():
    head = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(Edge) as port, connected(port, head + b"3\r\nabc\r\n0\r\n\r\n") as client:
        assert answer(client).endswith(b"\r\n\r\n3")


def test_what_is_no_http_is_refused_with_the_headers_of_every_answer():
    with serving(Edge) as port, connected(port, b"\x16\x03\x01 hello\r\n\r\n") as client:
        got = answer(client)
        assert b"400" in got.splitlines()[0]
        assert b"nosniff" in got
        assert b"default-src 'none'" in got


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("edge"))


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


def test_the_service_is_served_by_this_edge(home):
    with open_site(load_configuration(home / "config")) as site:
        assert make_server(site).config.http is Edge


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": "http://testserver.elsewhere.example"},
    {"Origin": "http://testserver:8081"},
]
OURS = [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://testserver"}]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_of_another_site_signs_no_one_in_and_changes_nothing(app, headers):
    stranger = TestClient(app, follow_redirects=False)
    answered = stranger.post("/login", data={"name": "admin", "password": PASSWORD}, headers=headers)
    assert answered.status_code == 403
    assert "set-cookie" not in answered.headers
    assert answered.headers["x-content-type-options"] == "nosniff"
    admin = signed_in(app, "admin")
    form = {"csrf": csrf_of(admin), "language": "en"}
    assert admin.post("/account", data=form, headers=headers).status_code == 403
    by_api = admin.post("/api/v1/readings", json={}, headers=headers)
    assert (by_api.status_code, by_api.headers["content-type"]) == (403, "application/problem+json")
    assert admin.get("/", headers=headers).status_code == 200, "a link from another site is no forgery"


def test_what_pages_of_another_site_send_is_logged_once_a_minute_of_an_address(home):
    client = TestClient(make_app(home), client=("10.9.9.9", 50_000))
    with capture_logs() as lines:
        for _ in range(3):
            client.post("/login", data={"name": "admin"}, headers={"Origin": "https://elsewhere.example"})
    (line,) = [each for each in lines if each["event"] == "refused_of_another_site"]
    assert (line["address"], line["path"], line["origin"]) == ("10.9.9.9", "/login", "https://elsewhere.example")


@pytest.mark.parametrize("headers", OURS)
def test_our_own_pages_and_programs_are_let_in(app, headers):
    client = TestClient(app, follow_redirects=False)
    assert client.post("/login", data={"name": "admin", "password": PASSWORD}, headers=headers).status_code == 303


def test_a_fault_of_the_service_has_the_headers_too(home):
    app = make_app(home)

    @app.get("/breaks")
    @app.get("/api/v1/breaks")
    def breaks() -> None:
        raise RuntimeError

    client = TestClient(app, raise_server_exceptions=False)
    for path in ("/breaks", "/api/v1/breaks"):
        answered = client.get(path)
        assert answered.status_code == 500
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answered.headers["content-security-policy"]
        assert answered.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("GET", "/static/nothing.js"), ("POST", "/static/app.css")]
)
def test_what_is_refused_has_the_headers_and_is_not_cached(app, method, path):
    answered = TestClient(app).request(method, path)
    assert answered.status_code in {404, 405}
    assert "default-src 'none'" in answered.headers["content-security-policy"]
    assert answered.headers["cache-control"] == "no-store"


def test_who_asks_for_a_web_socket_is_answered_as_any_other_request():
    asked = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n"
    with serving(Narrow) as port, connected(port, WELL[:-2] + asked + b"\r\n") as client:
        assert answer(client).endswith(b'"well"')


def test_with_tls_browsers_come_by_tls_alone_for_a_year(home, monkeypatch):
    app = make_app(home)
    web = app.state.here.settings.web.model_copy(update={"secure_cookies": True})
    settings = app.state.here.settings.model_copy(update={"web": web})
    monkeypatch.setattr(type(app.state.here), "settings", settings)
    sent = TestClient(app).get("/login").headers["strict-transport-security"]
    assert sent == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize("path", ["/login", "/api/v1/agencies", "/api/v1/openapi.json", "/static/nothing.js"])
def test_no_other_origin_may_read_an_answer(app, path):
    answered = TestClient(app).get(path, headers={"Origin": "https://elsewhere.example"})
    assert not [name for name in answered.headers if name.startswith("access-control-")]
    assert answered.headers["cross-origin-resource-policy"] == "same-origin"
    assert answered.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PUT", "DELETE", "PATCH"])
def test_trace_and_other_methods_are_refused(app, method):
    assert TestClient(app).request(method, "/login").status_code == 405


@pytest.mark.parametrize(
    "path", ["/static/", "/static", "/docs", "/redoc", "/.git/config", "/static/../app.py", "/debug"]
)
def test_nothing_is_listed_and_nothing_for_developers_is_offered(app, path):
    answer = TestClient(app, follow_redirects=False).get(path)
    assert answer.status_code in {303, 307, 404}, "away, or to the sign-in"
    assert not answer.text or "bkkenergy" in answer.text or answer.status_code == 404


@pytest.mark.parametrize("secret", ["é", "ก", "\x00", "x" * 10_000])
def test_a_strange_secret_of_a_form_is_refused_as_any_other(app, secret):
    assert signed_in(app, "admin").post("/logout", data={"csrf": secret}).status_code == 403


async def turns(work: HeavyWork, users: list[int]) -> tuple[list[int], int]:
    """How many were worked at once, at the most and of one user; and how many were refused."""
    working, most, of_one, refused = [], 0, 0, 0

    async def one(user: int) -> None:
        nonlocal most, of_one, refused
        try:
            async with work.turn(user):
                working.append(user)
                most, of_one = max(most, len(working)), max(of_one, working.count(user))
                await asyncio.sleep(0.05)
                working.remove(user)
        except HTTPException as error:
            refused += error.status_code == 429 and int(error.headers["Retry-After"]) >= 1

    await asyncio.gather(*(one(user) for user in users))
    assert not work._asked
    return [most, of_one], refused


def alone(work):
    """What a coroutine gives, in a thread of its own: a browser of another test may leave a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def test_heavy_work_is_one_at_a_time_for_a_user_and_few_at_once_for_all():
    assert alone(turns(HeavyWork(), [1, 1, 1, 2, 3, 4])) == ([2, 1], 0)


def test_who_asks_for_too_much_is_refused_at_once_and_others_are_not():
    assert alone(turns(HeavyWork(), [1] * (MAX_WAITING + 4) + [2, 3])) == ([2, 1], 4)


def test_who_waits_too_long_is_refused():
    assert alone(turns(HeavyWork(wait_s=0.02), [1, 1])) == ([1, 1], 1)


HEAVY = {
    "/solar", "/solar/screening", "/solar/report/{building}", "/solar/tender/{building}", "/imports/upload",
    "/api/v1/buildings/{building_id}/solar", "/api/v1/papers/{paper}/{subject}", "/reports/made",
    "/commissionings/{number}/pdf", "/accounts/{account}/bills/upload", "/records/upload/{kind}", "/records/roofs/{building}",
    "/agencies/{agency}/retrofit", "/buildings/{building_id}/retrofit", "/api/v1/agencies/{agency}/retrofit",
}  # fmt: skip
"""Designs, screenings, papers, PDF, surveys of equipment, and files that are read."""


def test_what_computes_long_takes_a_turn_and_pages_do_not(app):
    taking = {
        route.path
        for route in walked(app.routes)
        if {page_turn, api_turn} & {one.dependency for one in getattr(route, "dependencies", ())}
    }
    assert taking >= HEAVY
    printed = {route.path for route in walked(app.routes) if "pdf" in route.path}
    assert taking >= printed
    admin = signed_in(app, "admin")
    app.state.heavy._asked.update(dict.fromkeys(range(1, 50), MAX_WAITING))
    try:
        refused = admin.get("/solar", params={"lang": "en"})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
        assert "still being computed" in refused.text
        api = admin.get("/api/v1/buildings/health.centre-1/solar")
        assert (api.status_code, api.headers["retry-after"]) == (429, "10")
        assert admin.get("/").status_code == 200
    finally:
        app.state.heavy._asked.clear()


FROM_A_LINK = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-User": "?1",
}


@pytest.mark.parametrize(
    ("headers", "goes_on"),
    [
        pytest.param({}, True, id="a_program"),
        pytest.param({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, True, id="an_address_that_was_typed"),
        pytest.param({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, True, id="our_own_page"),
        pytest.param(FROM_A_LINK, True, id="a_link_of_another_site_that_was_clicked"),
        pytest.param({**FROM_A_LINK, "Sec-Fetch-User": "?0"}, False, id="a_page_that_leads_here"),
        pytest.param({**FROM_A_LINK, "Sec-Fetch-Dest": "iframe"}, False, id="a_frame"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, False, id="a_picture"),
        pytest.param({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, False, id="a_sister_site"),
    ],
)
def test_no_page_of_another_site_makes_a_browser_ask_for_heavy_work(app, headers, goes_on):
    admin = signed_in(app, "admin")
    page = admin.get("/solar?building=health.centre-1&lang=en", headers=headers)
    assert page.status_code == 200
    assert ("takes long to compute" in page.text) != goes_on
    assert ('href="/solar?building=health.centre-1&amp;lang=en"' in page.text) != goes_on
    api = admin.get("/api/v1/agencies/health/retrofit", headers=headers)
    assert api.status_code == (200 if goes_on else 403)


def test_who_is_asked_for_a_click_is_asked_in_the_users_language(app):
    engineer, state = signed_in(app, "engineer-health"), app.state.here.opened.state
    for language, words in (("en", "takes long to compute"), ("th", "ใช้เวลาคำนวณนาน")):
        with state.begin() as connection:
            connection.execute(update(user).where(user.c.name == "engineer-health").values(language=language))
        page = engineer.get("/solar?building=health.centre-1", headers={"Sec-Fetch-Site": "cross-site"})
        assert words in page.text


def test_a_file_taken_by_a_users_last_request_is_noted_and_is_one_request(home):
    app = make_app(home)
    state, now = app.state.here.opened.state, app.state.here.clock()
    (number,) = [each["id"] for each in users(state) if each["name"] == "manager-health"]
    token = {"Authorization": f"Bearer {add_token(state, number, 'of a test', 'read', now, days=1)}"}
    app.state.rate = Rate(2, lambda: 1000.0)
    url, program = (
        "/api/v1/buildings/health.centre-1/energy?format=csv&last=2026-11-02&first=2026-11-0",
        TestClient(app),
    )
    assert [program.get(f"{url}{day}", headers=token).status_code for day in (1, 2, 1)] == [200, 200, 429]
    lines = audit_lines(state, 50, LinesAsked(action="take_file", actor="manager-health"))
    assert [line["detail"]["asked"][-1] for line in lines] == ["2", "1"]


def test_requests_of_a_user_have_a_rate_by_token_and_browser_and_no_other_user_waits_for_it(home):
    app, now_s = make_app(home), [1000.0]
    state, now = app.state.here.opened.state, app.state.here.clock()
    number = {each["name"]: each["id"] for each in users(state)}
    headers = [
        {"Authorization": f"Bearer {add_token(state, number[name], 'of a test', 'read', now, days=1)}"}
        for name in ("viewer-health", "viewer-health", "admin")
    ]
    browser = signed_in(app, "viewer-health")
    app.state.rate = Rate(4, lambda: now_s[0])
    program = TestClient(app)

    def asked(which):
        return program.get("/api/v1/agencies", headers=headers[which]).status_code

    assert [asked(0), asked(1), asked(0), browser.get("/agencies/health").status_code] == [200] * 4
    refused = program.get("/api/v1/agencies", headers=headers[1])
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
    page = browser.get("/agencies/health", params={"lang": "en"})
    assert (page.status_code, page.headers["retry-after"], "too many" in page.text) == (429, "15", True)
    assert asked(2) == 200
    now_s[0] += 15
    assert [asked(0), asked(0)] == [200, 429]
    now_s[0] += 3600
    assert [asked(0) for _ in range(5)] == [200] * 4 + [429], "an hour's rest saves up one minute's requests"


def test_as_delivered_requests_have_a_rate():
    assert Settings().web.requests_per_min == 1200


def test_a_design_that_takes_too_much_is_given_up_and_the_next_is_made(home, monkeypatch):
    small = Workers(bounds=Bounds(memory_bytes=1 << 20))
    monkeypatch.setattr(solar, "workers", lambda: small)
    admin = signed_in(make_app(home), "admin")
    page = admin.get("/solar", params={"building": "health.centre-1", "lang": "en"})
    assert page.status_code == 503
    assert "more memory or time" in page.text
    api = admin.get("/api/v1/buildings/health.centre-1/solar")
    assert (api.status_code, api.headers["retry-after"]) == (503, "5")
    assert admin.get("/").status_code == 200
    monkeypatch.undo()
    small.close()
    assert admin.get("/api/v1/buildings/health.centre-1/solar").json()["building"]


@pytest.mark.parametrize("area", ["100000.1", "5000000", "99999999", "1e308", "nan", "inf"])
def test_no_roof_is_larger_than_any_in_the_city(app, area):
    admin = signed_in(app, "admin")
    shown = admin.get("/solar", params={"building": "health.centre-1", "area_m2": area, "kwp": "max", "lang": "en"})
    assert shown.status_code == 200
    assert "area_m2" in shown.text
    assert "kWp</h2>" not in shown.text
