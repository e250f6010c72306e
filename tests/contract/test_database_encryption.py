"""A PostgreSQL beyond this machine is spoken to by TLS alone, and by its name where its authority is known."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from bkkenergy.adapters.engines import _encrypted_to, make_engine
from tests.conftest import until_taking_connections
from tests.servers import postgresql, started

pytestmark = [pytest.mark.postgres]
IS_ENCRYPTED = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


def at(server, name="db.example", more=""):
    """A database that is called by a name of another machine, and answers on this one."""
    return f"postgresql+psycopg://bkk@{name}:{server.port}/postgres?hostaddr=127.0.0.1{more}"


def is_encrypted(url):
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(IS_ENCRYPTED).scalar_one()
    finally:
        engine.dispose()


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """A server with a certificate of `db.example`, and the file of who vouches for it."""
    server = postgresql()
    folder = Path(server.command[server.command.index("-D") + 1])
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=db.example", "-addext", "subjectAltName=DNS:db.example", "-keyout", folder / "server.key",
         "-out", folder / "server.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    owner = folder.stat()
    for name in ("server.key", "server.crt"):
        (folder / name).chmod(0o600)
        os.chown(folder / name, owner.st_uid, owner.st_gid)
    authority = tmp_path_factory.mktemp("authority") / "ca.crt"
    authority.write_bytes((folder / "server.crt").read_bytes())
    server.command += ["-c", "ssl=on"]
    with started(server):
        until_taking_connections(server)
        yield server, authority


def test_a_server_beyond_this_machine_that_has_no_tls_is_not_spoken_to(postgres):
    with pytest.raises(OperationalError, match="does not support SSL"):
        is_encrypted(at(postgres))
    with pytest.raises(OperationalError, match="does not support SSL"):
        is_encrypted(
            f"postgresql+psycopg://bkk@/postgres?host=db.example:{postgres.port}&host=localhost:1&hostaddr=127.0.0.1,127.0.0.1"
        )
    assert not is_encrypted(at(postgres, more="&sslmode=disable")), "where the operator says so"
    assert not is_encrypted(at(postgres, "localhost"))


def test_a_server_that_the_environment_names_is_beyond_this_machine_too(postgres, monkeypatch):
    monkeypatch.setenv("PGHOST", "db.example")
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    with pytest.raises(OperationalError, match="does not support SSL"):
        is_encrypted(f"postgresql+psycopg://bkk@:{postgres.port}/postgres")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.7")
    assert _encrypted_to("postgresql+psycopg://bkk@localhost/bkk") == {"sslmode": "require"}
    assert _encrypted_to("postgresql+psycopg://bkk@localhost/bkk?hostaddr=127.0.0.1") == {}


def test_a_server_beyond_this_machine_is_spoken_to_by_tls_and_its_name_is_verified(secured):
    server, authority = secured
    assert is_encrypted(at(server))
    assert is_encrypted(at(server, more=f"&sslrootcert={authority}"))
    with pytest.raises(OperationalError, match="does not match host name"):
        is_encrypted(at(server, "other.example", f"&sslrootcert={authority}"))
