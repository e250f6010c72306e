"""Odd requests to the API of records: each is refused with a clear text, and nothing is half-written."""

from __future__ import annotations

import json
import threading

import pytest
from fastapi.testclient import TestClient

from bkkenergy.adapters.state.users import change_user, users
from tests.integration.test_api_portfolio import OWN, RECORDS, WHY, app, client_of, counts, tag

__all__ = ["app"]
pytestmark = [pytest.mark.filterwarnings("ignore")]
BUILDING = f"{RECORDS}/building/{OWN}"
REVISIONS, PROPOSALS = "/api/v1/portfolio/revisions", "/api/v1/portfolio/proposals"
NUMBERS = ("NaN", "Infinity", "-1e999", "1" + "0" * 400, "1" + "0" * 5000, "-1", "true", "null", "[]", "{}", '"many"')
TEXTS = ('"\\ud800"', '"\\udc00\\ud800"', '"a\\u0000b"', "null", "true", "1", "[]", "{}", '""', "NaN")
DEPTHS = (50, 400, 900, 2000, 100_000)


@pytest.fixture(scope="module")
def sender(app):
    """A program whose request never raises here: what the service would answer is what comes back."""
    return TestClient(app, headers=dict(client_of(app, "admin").headers), raise_server_exceptions=False)


def amending(fields):
    return f'{{"why": "measured again", "fields": {fields}}}'


def editing(edits, revision):
    return f'{{"why": "measured again", "expected_revision": {revision}, "edits": {edits}}}'


def refused(app, sender, method, path, body, **headers):
    """The answer to a request that has to be refused, and that must leave nothing behind."""
    before = counts(app)
    sent = {"If-Match": tag(sender, f"building/{OWN}"), "Content-Type": "application/json"} | headers
    answer = sender.request(method, path, content=body, headers=sent)
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])
    assert counts(app) == before
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert len(answer.content) < 200_000
    return problem


@pytest.mark.parametrize("depth", DEPTHS)
def test_values_within_values_are_refused_however_deep(app, sender, depth):
    for nested in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        refused(app, sender, "PATCH", BUILDING, amending(f'{{"name_en": {nested}}}'))
        edit = f'[{{"do": "amend", "kind": "building", "key": "{OWN}", "fields": {{"name_en": {nested}}}}}]'
        refused(app, sender, "POST", REVISIONS, editing(edit, 1))
        refused(app, sender, "POST", PROPOSALS, f'{{"why": "measured again", "edits": {edit}}}')


@pytest.mark.parametrize("given", NUMBERS)
def test_what_is_no_number_is_no_area(app, sender, given):
    refused(app, sender, "PATCH", BUILDING, amending(f'{{"gross_floor_area_m2": {given}}}'))


@pytest.mark.parametrize("given", TEXTS)
def test_what_is_no_text_is_no_name_no_reason_no_day_and_no_kind(app, sender, given):
    if given != "null":
        refused(
            app, sender, "PATCH", BUILDING, f'{{"why": "again", "from_day": {given}, "fields": {{"name_en": "A"}}}}'
        )
    refused(app, sender, "PATCH", BUILDING, amending(f'{{"name_en": {given}}}'))
    refused(app, sender, "PATCH", BUILDING, f'{{"why": {given}, "fields": {{"name_en": "A"}}}}')
    edit = f'[{{"do": "put", "kind": {given}, "value": {{"id": "x"}}}}]'
    refused(app, sender, "POST", REVISIONS, editing(edit, 1))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\x00", b"\xff\xfe", b"{}", b'{"why": "measured again"}']
)
@pytest.mark.parametrize(("method", "path"), [("PATCH", BUILDING), ("PUT", BUILDING), ("POST", REVISIONS)])
def test_a_body_that_says_nothing_is_refused(app, sender, method, path, body):
    refused(app, sender, method, path, body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (amending(json.dumps({"name_en": "x" * 1_000_000})), "longer than 2,000 characters"),
        (amending(json.dumps({"x" * 1_000_000: 1})), "longer than 2,000 characters"),
        (amending(json.dumps({"drivers": {"x": ["y" * 2001]}})), "longer than 2,000 characters"),
        (json.dumps({"why": "x" * 1_000_000, "fields": {"name_en": "A"}}), "at most 500 characters"),
        (amending(json.dumps({"name_en": "x" * 2_000_000})), "longer than 2,000,000 bytes"),
    ],
)
def test_what_is_too_long_for_a_record_is_refused(app, sender, body, said):
    answered = refused(app, sender, "PATCH", BUILDING, body)
    assert said in answered["title"] + str(answered.get("faults"))
    assert len(str(answered)) < 2000


def test_a_body_that_comes_in_parts_is_refused_where_it_grows_too_long(app, sender):
    parts = (b" " * 100_000 for _ in range(30))
    assert "longer than" in refused(app, sender, "PATCH", BUILDING, parts)["title"]


def test_a_thousand_changes_are_too_many_and_one_with_a_fault_undoes_all(app, sender):
    revision = int(tag(sender, f"building/{OWN}").strip('"'))
    edits = [
        {"do": "amend", "kind": "building", "key": OWN, "fields": {"name_en": f"Name {number}"}}
        for number in range(1000)
    ]
    assert "at most 500" in refused(app, sender, "POST", REVISIONS, editing(json.dumps(edits), revision))["title"]
    edits = [*edits[:499], {"do": "amend", "kind": "meter", "key": "no.such.meter", "fields": {"rated_kw": 5}}]
    (fault,) = refused(app, sender, "POST", REVISIONS, editing(json.dumps(edits), revision))["faults"]
    assert "there is no meter 'no.such.meter'" in fault["what"]


@pytest.mark.parametrize("do", ["put", "amend", "end", "withdraw"])
@pytest.mark.parametrize("key", ["", "x", "a.b.c", "..", "ก", "a" * 255, "a\x00", "a" * 256])
@pytest.mark.parametrize("kind", ["building", "roof", "agency_target", "no_kind", "Building", ""])
def test_what_is_not_there_is_not_changed(app, sender, do, key, kind):
    edit = {"do": do, "kind": kind, "key": key, "value": {"id": key}, "fields": {"name_en": "A"}}
    refused(app, sender, "POST", REVISIONS, editing(json.dumps([edit]), 1))


@pytest.mark.parametrize(
    "path",
    ["building/x", "building/%00", "building/..%2f..", "no_kind/x", f"meter/{'a' * 256}", "roof/%ff", "roof/%ed%a0%80"],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_an_address_of_nothing_is_refused(app, sender, method, path):
    body = {"PUT": '{"why": "again", "value": {"id": "x"}}', "PATCH": amending('{"name_en": "A"}'), "DELETE": None}[
        method
    ]
    query = "?why=again" if method == "DELETE" else ""
    refused(app, sender, method, f"{RECORDS}/{path}{query}", body)


@pytest.mark.parametrize("given", ["", "0", '"9999999999"', 'W/"2"', "*", "abc", '"2","3"', "é".encode("latin1")])
def test_a_tag_that_was_never_given_is_refused(app, sender, given):
    refused(app, sender, "PATCH", BUILDING, amending('{"name_en": "A"}'), **{"If-Match": given})


@pytest.mark.parametrize("number", ["0", "-1", "2000000000", "99999999999999999999", "x", "1.5"])
@pytest.mark.parametrize("path", [f"{REVISIONS}/{{}}/undo", f"{PROPOSALS}/{{}}/accept", f"{PROPOSALS}/{{}}/refuse"])
def test_a_number_of_nothing_is_refused(app, sender, path, number):
    refused(app, sender, "POST", path.format(number), json.dumps(WHY))


def test_who_is_locked_out_among_many_requests_writes_nothing_from_then_on(app, sender):
    """Requests run while the user is locked: each is done whole with its revision, or refused."""
    state = app.state.here.opened.state
    writer = TestClient(app, headers=dict(client_of(app, "manager-both").headers), raise_server_exceptions=False)
    answers, begun, locked = [], threading.Event(), threading.Event()

    def write():
        after = 0
        while after < 3:
            after += locked.is_set()
            sent = {
                "edits": [{"do": "amend", "kind": "building", "key": OWN, "fields": {"name_en": f"N {len(answers)}"}}]
            }
            revision = int(tag(sender, f"building/{OWN}").strip('"'))
            was_locked = locked.is_set()
            answer = writer.post(REVISIONS, json=sent | WHY | {"expected_revision": revision})
            answers.append((was_locked, answer.status_code))
            begun.set()

    thread = threading.Thread(target=write)
    before = counts(app)
    thread.start()
    assert begun.wait(30)
    number = next(person["id"] for person in users(state) if person["name"] == "manager-both")
    change_user(state, number, {"disabled": 1})
    locked.set()
    thread.join(60)
    change_user(state, number, {"disabled": 0})
    done = sum(status == 200 for _, status in answers)
    assert done >= 1
    assert {status for was_locked, status in answers if was_locked} == {401}
    assert {status for _, status in answers} == {200, 401}
    entries, revisions, proposals, _, _ = (now - was for now, was in zip(counts(app), before, strict=True))
    assert (entries, revisions, proposals) == (done, done, 0)
