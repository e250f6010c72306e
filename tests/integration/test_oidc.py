"""Sign-in by a provider that really signs: code flow with PKCE, and every way in which a token may not hold."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from joserfc.jwt import encode

from tests.web import SETTINGS, make_app, make_site

# Answers that nobody reads to their end leave a socket to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BACK = "http://testserver/oidc/callback"


class Provider:
    """An OpenID provider: discovery, keys, and a token for a code whose verifier matches its challenge."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.kid = "one"
        self.signs_with, self.bent, self.codes = self.key, {}, {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = provider.url
                documents = {
                    "/.well-known/openid-configuration": {
                        "issuer": url, "authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token",
                        "jwks_uri": f"{url}/keys",
                    },
                    "/keys": {"keys": [provider.key.as_dict(private=False)]},
                }  # fmt: skip
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
                assert form["client_secret"] == "s3cret"
                assert form["redirect_uri"] == BACK
                claims = {
                    "iss": provider.url, "aud": "bkkenergy", "sub": "42", "exp": int(time.time()) + 300, "iat": int(time.time()),
                    "nonce": identity["nonce"], "preferred_username": "manager-health",
                } | provider.bent  # fmt: skip
                token = encode(
                    {"alg": "RS256", "kid": provider.kid},
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
    home = tmp_path_factory.mktemp("oidc")
    (home / "secret").write_text("s3cret\n")
    oidc = f'\n[web.oidc]\nissuer = "{provider.url}"\nclient_id = "bkkenergy"\nclient_secret_file = "secret"\nredirect_url = "{BACK}"\n'
    return make_app(make_site(home, settings=SETTINGS + oidc))


def trip(app, provider, **bent):
    """To the provider and back, what it says bent in a way."""
    client = TestClient(app, follow_redirects=False)
    provider.bent = bent
    left = client.get("/oidc/login", params={"next": "/plan"})
    assert left.status_code == 303
    return client, client.get("/oidc/callback", params=provider.authorize(left.headers["location"]))


def test_whom_the_provider_names_is_let_in_as_the_user_entered_here(app, provider):
    client, answer = trip(app, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/plan")
    assert client.get("/plan").status_code == 200
    assert client.get("/agencies/education").status_code == 404, "of one agency, as entered"


def test_the_sign_in_page_offers_it(app):
    assert "/oidc/login" in TestClient(app).get("/login").text


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
    client, answer = trip(app, provider, preferred_username=name)
    assert answer.status_code == 403
    assert "ยังไม่มีสิทธิ์เข้าใช้" in answer.text
    assert client.get("/plan").status_code == 303


def test_a_sign_in_that_was_not_begun_here_is_refused(app, provider):
    client = TestClient(app, follow_redirects=False)
    left = client.get("/oidc/login")
    brought = provider.authorize(left.headers["location"])
    assert client.get("/oidc/callback", params=brought | {"state": "forged"}).status_code == 403
    assert client.get("/oidc/callback").status_code == 403
    stranger = TestClient(app, follow_redirects=False)
    assert stranger.get("/oidc/callback", params=brought).status_code == 403, "without the cookie of the trip"
