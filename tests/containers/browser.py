"""What an administrator does in a browser: python -m tests.containers.browser URL CA NAME PASSWORD SECRET

Signs in by password and code, reads the administration's page, and prints what it saw as JSON. `visit` also makes the first visit.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pyotp

FORGED = "203.0.113.9"
"""An address that the browser claims to come from."""


def opened(url: str, ca: Path) -> httpx.Client:
    """Return a browser that trusts the site's authority alone, and lies about where it is."""
    trust = ssl.create_default_context(cafile=ca)
    return httpx.Client(
        base_url=url, verify=trust, follow_redirects=True, headers={"X-Forwarded-For": FORGED}, timeout=60
    )


def submitted(client: httpx.Client, page: httpx.Response, action: str, fields: dict[str, str]) -> httpx.Response:
    """Send a form of a page with its secret against forgery."""
    secret = re.search(r'name="csrf" value="([^"]*)"', page.text)
    return client.post(action, data={**fields, **({"csrf": secret[1]} if secret else {})})


def second_step_set(client: httpx.Client, password: str) -> str:
    """Set a second step by an authenticator app; its secret."""
    shown = submitted(client, client.get("/account"), "/account/factor", {"password": password})
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", shown.text)
    assert secret, shown.text
    code = pyotp.TOTP(secret[1]).at(dt.datetime.now(dt.UTC), counter_offset=-1)  # the next one is for the next visit
    submitted(client, shown, "/account/factor/confirm", {"secret": secret[1], "code": code})
    return secret[1]


def visit(url: str, ca: Path, name: str, password: str, secret: str = "", *, new: str = "") -> dict[str, Any]:
    """Sign in and look around; return what was seen. new : at the first visit, a password to choose."""
    with opened(url, ca) as client:
        page = client.get("/login")
        landed = submitted(client, page, "/login", {"name": name, "password": password})
        led_to = [landed.url.path]
        if new:
            form = {"old": password, "new": new, "again": new}
            submitted(client, client.get("/account"), "/account", form)
            led_to.append(client.get("/").url.path)
            secret = second_step_set(client, new)
        else:
            submitted(client, landed, "/login/code", {"code": pyotp.TOTP(secret).now()})
        return {
            "status": page.status_code,
            "headers": dict(page.headers),
            "led_to": led_to,
            "secret": secret,
            "is_in": client.get("/").url.path not in {"/login", "/login/code", "/account"},
            "cookies": [[cookie.name, cookie.secure] for cookie in client.cookies.jar],
            "hidden": {path: client.get(path).status_code for path in ("/metrics", "/healthz", "/readyz")},
            "admin": client.get("/admin").text,
        }


if __name__ == "__main__":
    print(json.dumps(visit(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])))
