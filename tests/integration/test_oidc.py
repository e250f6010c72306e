"""Sign-in by a provider that really signs: code flow with PKCE, and every way in which a token may not hold."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import html
import json
import re
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import OctKey, RSAKey
from joserfc.jwt import encode
from sqlalchemy import func, select

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.auditlog import LinesAsked, audit_lines
from bkkenergy.adapters.state.persontables import known_device
from bkkenergy.adapters.state.tables import session
from bkkenergy.adapters.state.users import PROVIDER, add_user, hashed, users
from bkkenergy.usecases.people import alter_user, give_password, granted
from bkkenergy.web.oidc import LOGOUT_EVENT
from tests.web import PASSWORD, SETTINGS, make_app, make_site

# Answers that nobody reads to their end leave a socket to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BACK = "http://testserver/oidc/callback"
MANAGER = "42"
"""The provider's number of manager-health."""
GROUPS = 'groups = ["energy-health: manager health", "energy-readers: viewer all", "energy-it: admin all"]\n'


class Provider:
    """An OpenID provider: discovery, keys, and a token for a code whose verifier matches its challenge."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.kid, self.alg, self.sent_elsewhere = "one", "RS256", 0
        self.signs_with, self.bent, self.codes = self.key, {}, {}
        self.told: dict[str, object] | None = None
        """What it tells of a person to who asks with the access token; None where its discovery names no such place."""
        self.methods, self.secret = None, ""
        """How it says that it takes our secret, and what it last got in a header."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = provider.url
                if self.path.startswith("/moved"):
                    provider.sent_elsewhere += 1
                    self.send_response(302)
                    self.send_header("Location", f"{url}/.well-known/openid-configuration")
                    self.end_headers()
                    return
                documents = {
                    "/.well-known/openid-configuration": {
                        "issuer": url, "authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token",
                        "jwks_uri": f"{url}/keys",
                    },
                    "/keys": {"keys": [provider.key.as_dict(private=False)]},
                    "/userinfo": provider.told,
                }  # fmt: skip
                known = documents["/.well-known/openid-configuration"]
                if provider.told is not None:
                    known["userinfo_endpoint"] = f"{url}/userinfo"
                if provider.methods is not None:
                    known["token_endpoint_auth_methods_supported"] = provider.methods
                if self.path == "/userinfo":
                    assert self.headers["Authorization"] == "Bearer x"
                self.answer(documents[self.path])

            def do_POST(self) -> None:
                form = {
                    name: value[0]
                    for name, value in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()
                }
                identity = provider.codes.pop(form["code"])
                digest = (
                    base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
                    .rstrip(b"=")
                    .decode()
                )
                assert digest == identity["code_challenge"]
                provider.secret = self.headers.get("Authorization", "")
                assert provider.secret or form["client_secret"] == "s3cret"
                assert form["redirect_uri"] == BACK
                claims = {
                    "iss": provider.url, "aud": "bkkenergy", "sub": MANAGER, "exp": int(time.time()) + 300, "iat": int(time.time()),
                    "nonce": identity["nonce"], "preferred_username": "manager-health",
                } | provider.bent  # fmt: skip
                token = encode(
                    {"alg": provider.alg, "kid": provider.kid},
                    {k: v for k, v in claims.items() if v is not None},
                    provider.signs_with,
                )
                self.answer({"id_token": token, "access_token": "x", "token_type": "Bearer"})

            def answer(self, document) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def authorize(self, location: str) -> dict[str, str]:
        """What the provider's page does once somebody has signed in there: a code, and the state back."""
        query = {name: value[0] for name, value in parse_qs(urlsplit(location).query).items()}
        assert location.startswith(f"{self.url}/authorize?")
        assert query["code_challenge_method"] == "S256"
        assert query["scope"] == "openid profile"
        self.codes["code-1"] = query
        return {"code": "code-1", "state": query["state"]}


@pytest.fixture(scope="module")
def provider():
    found = Provider()
    found.thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    found.thread.join()


@pytest.fixture(scope="module")
def app(tmp_path_factory, provider):
    app = app_of(tmp_path_factory.mktemp("oidc"), provider)
    invite(app, "manager-health")
    assert trip(app, provider)[1].status_code == 303
    return app


@pytest.fixture
def grouped(tmp_path, provider):
    """A service where groups of the provider decide, and no password opens anything."""
    return app_of(tmp_path, provider, GROUPS, SETTINGS.replace("[web]", "[web]\nlocal_sign_in = false"))


@pytest.fixture
def strict(tmp_path, provider):
    """A service that asks the provider for two factors."""
    app = app_of(tmp_path, provider, 'acr_values = ["loa2", "loa3"]\namr_values = ["mfa"]\n')
    invite(app, "manager-health")
    return app


def app_of(home, provider, more="", settings=SETTINGS):
    (home / "secret").write_text("s3cret\n")
    oidc = f'\n[web.oidc]\nissuer = "{provider.url}"\nclient_id = "bkkenergy"\nclient_secret_file = "secret"\nredirect_url = "{BACK}"\n'
    return make_app(make_site(home, settings=settings + oidc + more))


def state_of(app):
    return app.state.here.opened.state


def user_named(app, name):
    return next((each for each in users(state_of(app)) if each["name"] == name), None)


def invite(app, name):
    """Give a user a new one-time password, as an administrator does for one who is to come by the provider."""
    number, now = user_named(app, name)["id"], app.state.here.clock()
    give_password(state_of(app), server_actor("operator"), number, PASSWORD, now, must_change=True)


def trip(app, provider, **bent):
    """To the provider and back, what it says bent in a way."""
    client = TestClient(app, follow_redirects=False)
    provider.bent = bent
    return client, client.get("/oidc/callback", params=provider.authorize(leaving(client, "/plan")))


def leaving(client, target="/"):
    """Where a browser is sent whose person asks for the provider's sign-in."""
    left = client.post("/oidc/login", data={"next": target})
    assert left.status_code == 200, left.text[-300:]
    return html.unescape(re.search(r'<meta http-equiv="refresh" content="0;url=([^"]+)"', left.text)[1])


def test_whom_the_provider_names_is_let_in_as_the_user_entered_here(app, provider):
    client, answer = trip(app, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/plan")
    assert client.get("/plan").status_code == 200
    assert client.get("/agencies/education").status_code == 404, "of one agency, as entered"
    with reading(state_of(app)) as connection:
        assert client.cookies["bkkenergy-browser"]
        mine = known_device.c.key_hash == hashed(client.cookies["bkkenergy-browser"])
        of_users = connection.execute(select(known_device.c.user_id).where(mine)).scalars().all()
    assert of_users == [user_named(app, "manager-health")["id"]], "a new browser is noted, however one signs in"


def test_the_sign_in_page_offers_it(app):
    assert "/oidc/login" in TestClient(app).get("/login").text


def test_a_link_of_another_site_begins_no_session(app, provider):
    """Who follows one is asked on the sign-in page, and the page to go on to stays."""
    client = TestClient(app, follow_redirects=False)
    led = client.get("/oidc/login", params={"next": "/plan"})
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=/plan")
    assert not client.cookies
    elsewhere = client.get("/oidc/login", params={"next": "https://evil.example"})
    assert elsewhere.headers["location"] == "/login?next=/"
    sent = client.post("/oidc/login", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
    assert sent.status_code == 403
    assert not client.cookies


def test_a_provider_is_asked_for_the_level_that_the_settings_name(strict, provider):
    assert "acr_values=loa2+loa3" in leaving(TestClient(strict))
    assert trip(strict, provider, acr="loa3", amr=["pwd", "otp", "mfa"])[1].status_code == 303


def logout_token(provider, **bent):
    now = int(time.time())
    claims = {
        "iss": provider.url, "aud": "bkkenergy", "sub": MANAGER, "iat": now, "exp": now + 120,
        "jti": secrets.token_hex(8), "events": {LOGOUT_EVENT: {}},
    } | bent  # fmt: skip
    header = {"alg": provider.alg, "kid": provider.kid, "typ": "logout+jwt"}
    return encode(header, {k: v for k, v in claims.items() if v is not None}, provider.signs_with)


def says_signed_out(app, token):
    """The provider's server says that a user signed out there: it has no session, and no secret of a form."""
    return TestClient(app).post("/oidc/logout", data={"logout_token": token})


def sessions_by_provider(app, name):
    chosen = (session.c.user_id == user_named(app, name)["id"], session.c.by == PROVIDER)
    with reading(state_of(app)) as connection:
        return connection.execute(select(func.count()).select_from(session).where(*chosen)).scalar_one()


def test_who_signs_out_at_the_provider_is_signed_out_here(app, provider):
    client, _ = trip(app, provider)
    other, _ = trip(app, provider)
    by_password = TestClient(app, follow_redirects=False)
    by_password.post("/login", data={"name": "viewer-health", "password": PASSWORD})
    assert [each.get("/plan").status_code for each in (client, other, by_password)] == [200, 200, 200]
    begun, token = sessions_by_provider(app, "manager-health"), logout_token(provider)
    answer = says_signed_out(app, token)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert [each.get("/plan").status_code for each in (client, other, by_password)] == [303, 303, 200]
    lines = audit_lines(state_of(app), 5, LinesAsked(action="sign_out_there"))
    assert [(line["actor"], line["detail"]) for line in lines] == [("manager-health", {"sessions": begun})]
    again, _ = trip(app, provider)
    assert says_signed_out(app, token).status_code == 200
    assert again.get("/plan").status_code == 200, "a token that comes again ends no session that began since"


@pytest.mark.parametrize(
    "bent",
    [
        pytest.param({"iss": "https://evil.example"}, id="another_issuer"),
        pytest.param({"aud": "another-app"}, id="for_another_app"),
        pytest.param({"exp": 1_700_000_000}, id="run_out"),
        pytest.param({"exp": None}, id="without_an_end"),
        pytest.param({"iat": None}, id="without_its_time"),
        pytest.param({"iat": "now"}, id="a_time_that_is_none"),
        pytest.param({"jti": None}, id="without_a_number"),
        pytest.param({"sub": None, "sid": "x"}, id="of_no_person"),
        pytest.param({"nonce": "n"}, id="a_token_of_a_sign_in"),
        pytest.param({"events": None}, id="without_an_event"),
        pytest.param({"events": {"other": {}}}, id="of_another_event"),
        pytest.param({"events": 7}, id="an_event_that_is_none"),
        pytest.param({"events": LOGOUT_EVENT}, id="a_text_that_names_the_event"),
        pytest.param({"events": {LOGOUT_EVENT: "yes"}}, id="an_event_of_no_object"),
        pytest.param({"sid": "x" * 20_000}, id="too_long"),
    ],
)
def test_a_token_that_does_not_hold_signs_no_one_out(app, provider, bent):
    client, _ = trip(app, provider)
    assert says_signed_out(app, logout_token(provider, **bent)).status_code == 400
    assert client.get("/plan").status_code == 200


def test_strangers_sign_no_one_out(app, provider):
    client, _ = trip(app, provider)
    head, body, _ = logout_token(provider).split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').rstrip(b"=").decode()
    for token in ("", "x", "a.b.c", "é" * 10_000, f"{head}.{body}.", f"{none}.{body}."):
        assert says_signed_out(app, token).status_code == 400, token[:20]
    for key, alg in ((RSAKey.generate_key(2048, {"kid": "one"}), "RS256"), (OctKey.generate_key(256), "HS256")):
        provider.signs_with, provider.alg = key, alg
        try:
            assert says_signed_out(app, logout_token(provider)).status_code == 400, alg
        finally:
            provider.signs_with, provider.alg = provider.key, "RS256"
    answer = says_signed_out(app, logout_token(provider, sub="none"))
    assert answer.status_code == 200, "whether there is such a person is not said"
    assert says_signed_out(app, logout_token(provider, iat=int(time.time()) - 3600)).status_code == 200
    assert client.get("/plan").status_code == 200, "it began after that sign-out"


@pytest.mark.parametrize(
    "bent",
    [
        {},
        {"acr": "loa2"},
        {"amr": ["mfa"]},
        {"acr": "loa1", "amr": ["mfa"]},
        {"acr": "loa2", "amr": ["pwd"]},
        {"acr": "loa2", "amr": "mfa"},
        {"acr": ["loa2"], "amr": ["mfa"]},
        {"acr": "loa2", "amr": [["mfa"], "mfa"]},
    ],
)
def test_who_signed_in_there_by_less_than_is_asked_for_is_not_let_in(strict, provider, bent):
    client, answer = trip(strict, provider, **bent)
    assert answer.status_code == 403
    assert client.get("/plan").status_code == 303


@pytest.mark.parametrize(
    "bent",
    [
        pytest.param({"iss": "https://evil.example"}, id="another_issuer"),
        pytest.param({"aud": "another-app"}, id="for_another_app"),
        pytest.param({"aud": ["bkkenergy", "other"]}, id="for_several_and_asked_by_no_one"),
        pytest.param({"aud": ["bkkenergy", "other"], "azp": "other"}, id="asked_by_another_app"),
        pytest.param({"azp": "other"}, id="for_us_asked_by_another_app"),
        pytest.param({"exp": 1_700_000_000}, id="run_out"),
        pytest.param({"nonce": "replayed"}, id="of_another_sign_in"),
        pytest.param({"nonce": None}, id="without_a_nonce"),
        pytest.param({"exp": None}, id="without_an_end"),
    ],
)
def test_a_token_that_does_not_hold_opens_nothing(app, provider, bent):
    client, answer = trip(app, provider, **bent)
    assert answer.status_code == 403
    assert client.get("/plan").status_code == 303


def test_a_token_that_somebody_else_signed_opens_nothing(app, provider):
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    try:
        client, answer = trip(app, provider)
    finally:
        provider.signs_with = provider.key
    assert answer.status_code == 403
    assert client.get("/plan").status_code == 303


def test_a_token_signed_otherwise_than_by_a_key_pair_opens_nothing(app, provider):
    provider.signs_with, provider.alg = OctKey.generate_key(256, {"kid": "one"}), "HS256"
    try:
        assert trip(app, provider)[1].status_code == 403
    finally:
        provider.signs_with, provider.alg = provider.key, "RS256"


def test_a_provider_that_speaks_for_another_issuer_is_not_asked(tmp_path, provider):
    settings = SETTINGS + f'[web.oidc]\nissuer = "{provider.url}/"\nclient_id = "bkkenergy"\nredirect_url = "{BACK}"\n'
    app = make_app(make_site(tmp_path, settings=settings))
    assert TestClient(app, follow_redirects=False).post("/oidc/login").status_code == 503


def test_a_provider_that_sends_us_elsewhere_is_not_followed(tmp_path, provider):
    settings = (
        SETTINGS + f'[web.oidc]\nissuer = "{provider.url}/moved"\nclient_id = "bkkenergy"\nredirect_url = "{BACK}"\n'
    )
    app = make_app(make_site(tmp_path, settings=settings))
    assert TestClient(app, follow_redirects=False).post("/oidc/login").status_code == 503
    assert provider.sent_elsewhere == 1


def test_a_token_for_several_that_we_asked_for_holds(app, provider):
    _, answer = trip(app, provider, aud=["bkkenergy", "other"], azp="bkkenergy")
    assert answer.status_code == 303


def test_a_key_that_the_provider_changed_is_asked_for_again(app, provider):
    """Each sign-in had failed for an hour."""
    before = provider.key, provider.kid
    assert trip(app, provider)[1].status_code == 303, "the keys before are known"
    provider.kid = "two"
    provider.key = provider.signs_with = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    try:
        assert trip(app, provider)[1].status_code == 303
    finally:
        provider.key, provider.kid = before
        provider.signs_with = provider.key


@pytest.mark.parametrize("name", ["stranger", "", None])
def test_who_is_no_user_here_is_told_so(app, provider, name):
    client, answer = trip(app, provider, preferred_username=name, sub="99")
    assert answer.status_code == 403
    assert "ยังไม่มีสิทธิ์เข้าใช้" in answer.text
    assert client.get("/plan").status_code == 303


def test_a_sign_in_that_was_not_begun_here_is_refused(app, provider):
    client = TestClient(app, follow_redirects=False)
    brought = provider.authorize(leaving(client))
    assert client.get("/oidc/callback", params=brought | {"state": "forged"}).status_code == 403
    assert client.get("/oidc/callback").status_code == 403
    stranger = TestClient(app, follow_redirects=False)
    assert stranger.get("/oidc/callback", params=brought).status_code == 403, "without the cookie of the trip"


@pytest.mark.parametrize("name", ["admin", "manager-health", "viewer-health"])
def test_a_name_at_the_provider_opens_no_account_that_is_in_use(app, provider, name):
    """Who might rename himself there to `admin` was admin here."""
    client, answer = trip(app, provider, preferred_username=name, sub="another")
    assert answer.status_code == 403
    assert client.get("/plan").status_code == 303


def test_a_person_who_is_called_otherwise_there_is_the_same_user_here(app, provider):
    client, answer = trip(app, provider, preferred_username="somchai.married")
    assert answer.status_code == 303
    assert client.get("/agencies/education").status_code == 404, "manager-health, as before"


@pytest.mark.parametrize("subject", ["", None])
def test_a_token_without_a_number_opens_nothing(app, provider, subject):
    assert trip(app, provider, sub=subject)[1].status_code == 403


def test_who_was_invited_comes_once_by_name_and_the_password_opens_nothing_any_more(app, provider):
    invite(app, "engineer-health")
    client, answer = trip(app, provider, preferred_username="engineer-health", sub="7")
    assert answer.status_code == 303
    assert client.get("/plan").status_code == 200, "no one-time password is asked for"
    form = {"name": "engineer-health", "password": PASSWORD}
    assert TestClient(app, follow_redirects=False).post("/login", data=form).status_code == 401
    assert trip(app, provider, preferred_username="engineer-health", sub="8")[1].status_code == 403
    assert trip(app, provider, preferred_username="other", sub="7")[1].status_code == 303


def test_a_name_that_was_entered_more_than_a_week_ago_opens_nothing(app, provider):
    state, now = state_of(app), app.state.here.clock()
    for name, days in (("late", 8), ("early", 6)):
        add_user(state, name, PASSWORD, "viewer", ["health"], now - dt.timedelta(days=days), must_change=True)
    assert trip(app, provider, preferred_username="late", sub="13")[1].status_code == 403
    assert trip(app, provider, preferred_username="early", sub="14")[1].status_code == 303


def test_a_new_one_time_password_invites_no_second_person(app, provider):
    add_user(state_of(app), "twice", PASSWORD, "viewer", ["health"], app.state.here.clock(), must_change=True)
    assert trip(app, provider, preferred_username="twice", sub="15")[1].status_code == 303
    invite(app, "twice")
    assert trip(app, provider, preferred_username="twice", sub="16")[1].status_code == 403


def test_two_people_whose_numbers_begin_alike_are_never_one(app, provider):
    """What was cut to the column's length was the same of both."""
    add_user(state_of(app), "long", PASSWORD, "viewer", ["health"], app.state.here.clock(), must_change=True)
    assert trip(app, provider, preferred_username="long", sub="9" * 255)[1].status_code == 303
    assert trip(app, provider, preferred_username="long", sub="9" * 256)[1].status_code == 403


def test_an_administrator_of_the_server_is_never_taken_by_name(app, provider):
    invite(app, "admin")
    assert trip(app, provider, preferred_username="admin", sub="11")[1].status_code == 403


def test_who_is_locked_out_here_does_not_come_in_by_the_provider(app, provider):
    invite(app, "viewer-health")
    person = {"preferred_username": "viewer-health", "sub": "12"}
    assert trip(app, provider, **person)[1].status_code == 303
    number, now = user_named(app, "viewer-health")["id"], app.state.here.clock()
    alter_user(state_of(app), server_actor("operator"), number, {"disabled": 1}, now)
    assert trip(app, provider, **person)[1].status_code == 403


def test_groups_enter_a_user_change_the_role_and_shut_out_who_left(grouped, provider):
    person = {"preferred_username": "niran", "name": "Niran S.", "sub": "n-1"}
    client, answer = trip(grouped, provider, **person, groups=["staff", "energy-health"])
    assert answer.status_code == 303
    assert client.get("/agencies/education").status_code == 404
    assert (user_named(grouped, "niran")["role"], user_named(grouped, "niran")["agencies"]) == ("manager", ["health"])
    assert trip(grouped, provider, **person, groups=["energy-readers"])[1].status_code == 303
    assert (user_named(grouped, "niran")["role"], user_named(grouped, "niran")["agencies"]) == ("viewer", ["all"])
    for groups in (["staff"], [], None, "energy-it"):
        assert trip(grouped, provider, **person, groups=groups)[1].status_code == 403


def test_groups_do_not_give_a_newcomer_the_name_of_a_user(grouped, provider):
    answer = trip(grouped, provider, preferred_username="ADMIN", sub="n-2", groups=["energy-it"])[1]
    assert answer.status_code == 403
    assert user_named(grouped, "ADMIN") is None


def test_where_passwords_are_switched_off_none_opens_anything(grouped):
    client = TestClient(grouped, follow_redirects=False)
    shown = client.get("/login").text
    assert "/oidc/login" in shown
    assert 'type="password"' not in shown
    assert client.post("/login", data={"name": "admin", "password": PASSWORD}).status_code == 403
    assert client.get("/plan").status_code == 303


@pytest.mark.parametrize(
    ("groups", "given"),
    [
        (["a"], ("viewer", ("all",))),
        (["a", "b"], ("manager", ("health",))),
        (["b", "c"], ("manager", ("education", "health"))),
        (["d"], None),
        (None, None),
        ({"a": 1}, None),
        ([{"name": "a"}, "b"], ("manager", ("health",))),
    ],
)
def test_the_highest_role_counts_over_the_agencies_of_its_own_groups(groups, given):
    """A reader of all who manages one agency does not manage all."""
    grant = granted(groups, ["a: viewer all", "b: manager health", "c: manager education"])
    assert (None if grant is None else (grant.role, grant.agencies)) == given


@pytest.fixture
def telling(tmp_path, provider):
    """A service of groups, whose provider puts no claim of a person into its tokens, and tells them to who asks."""
    provider.told, provider.methods = {}, ["client_secret_basic", "private_key_jwt"]
    yield app_of(tmp_path, provider, GROUPS)
    provider.told = provider.methods = None


def test_what_a_token_lacks_is_asked_for_and_must_be_of_the_same_person(telling, provider):
    """By the standard a code's token need not say more than the number (OpenID Connect Core 1.0, 5.4)."""
    provider.told = {"sub": "u-1", "preferred_username": "somsri", "groups": ["energy-health"], "iss": "no one"}
    bare = {"sub": "u-1", "preferred_username": None}
    assert trip(telling, provider, **bare)[1].status_code == 303
    assert (user_named(telling, "somsri")["role"], user_named(telling, "somsri")["agencies"]) == ("manager", ["health"])
    assert base64.b64decode(provider.secret.removeprefix("Basic ")) == b"bkkenergy:s3cret", (
        "as it takes it, and no other way"
    )
    for alien in ({"sub": "u-2"}, {"sub": None}, {}):
        provider.told = {"preferred_username": "somsri", "groups": ["energy-it"], **alien}
        assert trip(telling, provider, **bare)[1].status_code == 403, alien
    assert user_named(telling, "somsri")["role"] == "manager"


def test_the_secret_goes_in_a_header_unless_the_provider_says_that_it_takes_a_form(
    app, tmp_path, provider, monkeypatch
):
    """What takes a form has to say so (OpenID Connect Discovery 1.0, 3)."""
    assert trip(app, provider)[1].status_code == 303
    assert base64.b64decode(provider.secret.removeprefix("Basic ")) == b"bkkenergy:s3cret"
    monkeypatch.setattr(provider, "methods", ["client_secret_basic", "client_secret_post"])
    asked = app_of(tmp_path, provider)
    invite(asked, "manager-health")
    assert trip(asked, provider)[1].status_code == 303
    assert provider.secret == ""


def test_what_is_signed_counts_before_what_is_told(telling, provider):
    provider.told = {"sub": "u-3", "preferred_username": "somsak", "groups": ["energy-it"]}
    assert trip(telling, provider, sub="u-3", preferred_username=None, groups=["energy-readers"])[1].status_code == 303
    assert user_named(telling, "somsak")["role"] == "viewer"


def test_a_provider_that_fails_to_tell_lets_no_one_in(telling, provider):
    provider.told = {"sub": "u-4", "preferred_username": "sunee", "groups": ["energy-readers"]}
    assert trip(telling, provider, sub="u-4", preferred_username=None)[1].status_code == 303
    provider.told = None  # it answers `null`
    assert trip(telling, provider, sub="u-4", preferred_username=None)[1].status_code == 503
