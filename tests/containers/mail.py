"""The office's mail server: python -m tests.containers.mail ADDRESS PORT CERTIFICATE KEY PASSWORD FOLDER

A real SMTP server that wants STARTTLS and a password; each message that it takes becomes a file in the folder.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword


class Post:
    """Takes every message."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802 - its name there
        """Write the message; a file appears whole."""
        self._count += 1
        content = envelope.content or b""
        unfinished = self._folder / "part"
        unfinished.write_bytes(content if isinstance(content, bytes) else content.encode())
        unfinished.rename(self._folder / f"{self._count:04}.eml")
        return "250 OK"


async def main() -> None:
    """Serve until killed."""
    address, port, certificate, key, password, folder = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def authenticator(*given: Any) -> AuthResult:
        login = given[-1]
        return AuthResult(success=isinstance(login, LoginPassword) and login.password == password.encode())

    def session() -> SMTP:
        return SMTP(
            Post(Path(folder)), tls_context=context, require_starttls=True,
            authenticator=authenticator, auth_required=True,
        )  # fmt: skip

    server = await asyncio.get_running_loop().create_server(session, address, int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
