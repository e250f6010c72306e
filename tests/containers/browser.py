"""What a person does in a browser: python -m tests.containers.browser URL CA NAME PASSWORD [NEW-PASSWORD]

Signs in, changes the password where the app asks for that, reads the administration's page, and prints what it saw as JSON.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx

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


def visit(url: str, ca: Path, name: str, password: str, new: str = "") -> dict[str, Any]:
    """Sign in and look around; return what was seen."""
    with opened(url, ca) as client:
        page = client.get("/login")
        landed = submitted(client, page, "/login", {"name": name, "password": password}).url.path
        if new:
            form = {"old": password, "new": new, "again": new}
            submitted(client, client.get("/account"), "/account", form)
        return {
            "status": page.status_code,
            "headers": dict(page.headers),
            "landed": landed,
            "is_in": client.get("/").url.path != "/login",
            "cookies": [[cookie.name, cookie.secure] for cookie in client.cookies.jar],
            "hidden": {path: client.get(path).status_code for path in ("/metrics", "/healthz", "/readyz")},
            "admin": client.get("/admin").text,
        }


if __name__ == "__main__":
    print(json.dumps(visit(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])))
