"""A passkey in software: makes key pairs and signs as an authenticator does, also what a stranger would send."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.webauthn import websafe_decode, websafe_encode

PRESENT, VERIFIED, HAS_KEY = 1, 4, 64


@dataclass
class SoftKey:
    """One passkey. flags : what it says of its user. count : of its answers; 0 for one that counts nothing."""

    origin: str = "http://localhost"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""
    _key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _head(self, party: str, more: int = 0) -> bytes:
        return hashlib.sha256(party.encode()).digest() + struct.pack(">BI", self.flags | more, self.count)

    def made(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What a browser sends of a new passkey."""
        options = asked["publicKey"]
        self.handle = websafe_decode(options["user"]["id"])
        public = cbor.encode(dict(ES256.from_cryptography_key(self._key.public_key())))
        data = self._head(options["rp"]["id"], HAS_KEY) + bytes(16) + struct.pack(">H", len(self.id)) + self.id + public
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._sent({"attestationObject": attestation}, self._client("webauthn.create", options))

    def signed(self, asked: dict[str, Any], party: str | None = None) -> dict[str, Any]:
        """What a browser sends to sign in."""
        options = asked["publicKey"]
        client, data = self._client("webauthn.get", options), self._head(party or options["rpId"])
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._sent({"authenticatorData": data, "signature": signature, "userHandle": self.handle}, client)

    def _sent(self, parts: dict[str, bytes], client: bytes) -> dict[str, Any]:
        response = {name: websafe_encode(part) for name, part in (parts | {"clientDataJSON": client}).items()}
        number = websafe_encode(self.id)
        return {"id": number, "rawId": number, "type": "public-key", "response": response, "clientExtensionResults": {}}
