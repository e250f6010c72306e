"""Sign-in by a second OpenID provider, one that is not ours: npm's certified oidc-provider.

    npm install oidc-provider@9      in a folder of its own
    python -m tests.peers.oidc FOLDER

Outside `make test`, which has a provider of its own (`tests/integration/test_oidc.py`): that can bend each claim of a token, which
a real one does not. This one gives names and groups at its userinfo endpoint alone, wants PKCE, and asks for consent. It prints a line for
each fact, and ends with 1 where one does not hold.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey

from tests.integration.test_oidc import BACK, GROUPS, app_of, invite, leaving, user_named
from tests.ports import free_port
from tests.servers import Server, started
from tests.web import PASSWORD, SETTINGS, serving

SERVER = Path(__file__).with_suffix(".mjs")
MAX_STEPS = 12
MANAGER = {"name": "Malee K.", "preferred_username": "manager-health"}


class Peer:
    """The provider, with its people and its keys, which a test changes. It starts again for each sign-in."""

    def __init__(self, node: Path, folder: Path) -> None:
        self.node, self.settings, self.port = node.resolve(), folder / "peer.json", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.people: dict[str, dict[str, Any]] = {}
        self.kid, self.shows_by = "one", "client_secret_post"
        self.says_to = f"{self.url}/nowhere"
        self._keys: dict[str, dict[str, Any]] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        if self.kid not in self._keys:
            self._keys[self.kid] = RSAKey.generate_key(2048, {"kid": self.kid, "use": "sig"}).as_dict(private=True)
        client = {
            "client_id": "bkkenergy", "client_secret": "s3cret", "redirect_uris": [BACK],
            "token_endpoint_auth_method": self.shows_by, "backchannel_logout_uri": self.says_to,
        }  # fmt: skip
        self.settings.write_text(
            json.dumps({"client": client, "people": self.people, "jwks": {"keys": [self._keys[self.kid]]}})
        )
        command = ["sh", "-c", f"cd {self.node} && exec node {SERVER} {self.port} {self.settings}"]
        with started(Server(command, self.port, "/.well-known/openid-configuration")):
            yield


def sign_out_there(peer: Peer, browser: requests.Session) -> None:
    """Sign out at the provider as a person does: by its page, and yes."""
    shown = browser.get(f"{peer.url}/session/end", timeout=30)
    secret = re.search(r'name="xsrf" value="([^"]+)"', shown.text)
    assert secret, shown.text[-500:]
    browser.post(f"{peer.url}/session/end/confirm", data={"xsrf": secret[1], "logout": "yes"}, timeout=30)


def back_from(peer: Peer, location: str, number: str, browser: requests.Session) -> dict[str, str]:
    """Sign in at the provider as a person does, by its pages. Return what the browser brings back."""
    answer = browser.get(location, allow_redirects=False, timeout=30)
    for _ in range(MAX_STEPS):
        if 300 <= answer.status_code < 400:
            target = requests.compat.urljoin(answer.url, answer.headers["Location"])
            if target.startswith(BACK):
                return dict(re.findall(r"[?&](code|state)=([^&]+)", target))
            answer = browser.get(target, allow_redirects=False, timeout=30)
            continue
        form = re.search(r'action="([^"]+)"', answer.text)
        assert form, answer.text[-500:]
        sent = {"prompt": "login", "login": number, "password": "any"}
        if 'value="consent"' in answer.text:
            sent = {"prompt": "consent"}
        answer = browser.post(form[1], data=sent, allow_redirects=False, timeout=30)
    raise AssertionError("the provider leads nowhere")


def signed_in(app: Any, peer: Peer, number: str) -> tuple[TestClient, Any, dict[str, str]]:
    """There and back: the browser, the last answer, and what was brought."""
    client = TestClient(app, follow_redirects=False)
    with peer.running():
        brought = back_from(peer, leaving(client, "/plan"), number, requests.Session())
        return client, client.get("/oidc/callback", params=brought), brought


def is_signed_out(app: Any, peer: Peer, number: str) -> bool:
    """Whether the provider's own message ends the session that it began."""
    client, browser = TestClient(app, follow_redirects=False), requests.Session()
    with contextmanager(serving)(app) as address:
        peer.says_to = f"{address}/oidc/logout"
        with peer.running():
            brought = back_from(peer, leaving(client, "/plan"), number, browser)
            client.get("/oidc/callback", params=brought)
            was_in = client.get("/plan").status_code
            sign_out_there(peer, browser)
    return (was_in, client.get("/plan").status_code) == (200, 303)


def facts(peer: Peer, folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield what is asked of the sign-in, and whether it is so."""
    app = app_of(folder / "names", peer)
    invite(app, "manager-health")
    peer.people["n-42"] = MANAGER
    client, answer, brought = signed_in(app, peer, "n-42")
    yield "who was invited is let in, by a name that userinfo alone has", answer.status_code == 303
    yield "as the user of one agency", client.get("/agencies/education").status_code == 404
    with peer.running():
        again = client.get("/oidc/callback", params=brought)
    yield "a code is not taken twice", again.status_code != 303
    peer.people["n-42"] = MANAGER | {"preferred_username": "malee.married"}
    yield "the person of a number is the same user by another name", signed_in(app, peer, "n-42")[1].status_code == 303
    peer.people["n-1"] = MANAGER | {"preferred_username": "admin"}
    yield "who is called admin there is no one here", signed_in(app, peer, "n-1")[1].status_code == 403
    peer.people["n-2"] = MANAGER
    yield "another person of a user's name is not the user", signed_in(app, peer, "n-2")[1].status_code == 403
    peer.kid = "two"
    yield "a key that the provider changed is asked for at once", signed_in(app, peer, "n-42")[1].status_code == 303

    yield "who signs out there is signed out here", is_signed_out(app, peer, "n-42")

    peer.shows_by = "client_secret_basic"
    grouped = app_of(folder / "groups", peer, GROUPS, SETTINGS.replace("[web]", "[web]\nlocal_sign_in = false"))
    niran = {"name": "Niran S.", "preferred_username": "niran"}
    for groups, code, role, agencies in (
        (["staff", "energy-health"], 303, "manager", ["health"]),
        (["energy-readers"], 303, "viewer", ["all"]),
        (["energy-it"], 303, "admin", ["all"]),
        (["staff"], 403, "admin", ["all"]),
        (None, 403, "admin", ["all"]),
    ):
        peer.people["n-7"] = niran | ({"groups": groups} if groups is not None else {})
        answer = signed_in(grouped, peer, "n-7")[1]
        is_so = answer.status_code == code
        if code == 303:
            known = user_named(grouped, "niran")
            is_so = is_so and (known["role"], known["agencies"]) == (role, agencies)
        yield (
            f"the secret in a header alone, groups {groups}: {code}"
            + (f", {role} of {agencies}" if code == 303 else ""),
            is_so,
        )
    form = {"name": "admin", "password": PASSWORD}
    yield (
        "no password opens anything where it is switched off",
        (TestClient(grouped, follow_redirects=False).post("/login", data=form).status_code == 403),
    )


def main(node: Path) -> int:
    """Print each fact. Return how many do not hold."""
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("names", "groups"):
            (folder / name).mkdir()
        for said, is_so in facts(Peer(node, folder), folder):
            failed += not is_so
            print("holds" if is_so else "FAILS", said, sep="  ", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
