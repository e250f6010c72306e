"""Who receives what the service sends, for tests: a real SMTP server, and a stand-in for HTTP interfaces."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from tests.ports import free_port


class MailServer:
    """aiosmtpd: wants STARTTLS and a password where told to, keeps what it takes, refuses some recipients."""

    def __init__(
        self,
        certificate: tuple[Path, Path] | None = None,
        password: str | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.messages: list[EmailMessage] = []
        self.refused = {"refused@example.com"}
        self.answer, self.refusal = "250 OK", "550 no such mailbox"
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, certificate))

        def authenticated(_server, _session, _envelope, _mechanism, given):
            return AuthResult(success=given.password == (password or "").encode())

        connections = self._connections = []

        class Session(SMTP):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                if transport.get_extra_info("sslcontext") is None:  # TLS is made over it
                    connections.append(transport)
                super().connection_made(transport)

        class Own(Controller):
            def factory(self) -> SMTP:
                return Session(
                    self.handler, tls_context=context, require_starttls=context is not None,
                    authenticator=authenticated, auth_required=password is not None,
                )  # fmt: skip

        self.controller = Own(self, hostname=address, port=free_port())

    @property
    def port(self) -> int:
        return self.controller.port

    def stop(self) -> None:
        """End every connection before the loop ends: what is left open, the garbage collector complains of later.

        The connection below TLS is ended: a TLS transport that was closed twice has none any more, and the `abort` of
        Python 3.11.2 takes it for granted.
        """
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.controller.loop).result(10)
        self.controller.stop()

    async def _hang_up(self) -> None:
        for connection in self._connections:
            connection.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, _server, _session, envelope, address, _options
    ):
        if address in self.refused:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - as aiosmtpd calls it
        self, _server, _session, envelope
    ):
        if self.answer.startswith("250"):
            self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return self.answer


@contextmanager
def mail_server(**given) -> Iterator[MailServer]:
    server = MailServer(**given)
    server.controller.start()
    try:
        yield server
    finally:
        server.stop()


class HttpReceiver:
    """Keeps every request; answers with the next status of `answers`, then with 200.

    contents, statuses : what a path answers instead of {}, and with which statuses of its own.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.contents: dict[str, bytes] = {}
        self.statuses: dict[str, list[int]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                path = self.path.partition("?")[0]
                statuses = receiver.statuses.get(path, receiver.answers)
                self.send_response(statuses.pop(0) if statuses else 200)
                self.end_headers()
                self.wfile.write(receiver.contents.get(path, b"{}"))

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    receiver = HttpReceiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
