"""Encrypted and signed backups: who can read them, who wrote them, and what is never in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile

import pytest

from bkkenergy.settings import load_settings
from bkkenergy.usecases.backupkeys import secret_files
from tests.commands import bkkenergy
from tests.web import make_site

SIGN_KEY = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site whose backups are encrypted and signed, its secret keys elsewhere, and one backup."""
    home, keys = make_site(tmp_path_factory.mktemp("keys") / "site", days=2), tmp_path_factory.mktemp("safe")
    public = run(home, "backup", "--make-key", keys / "secret").strip()
    (home / "config/secrets").mkdir()
    (home / "config/secrets/sign-key").write_text(SIGN_KEY)
    settings = home / "config/bkkenergy.toml"
    keyed = f'[backup]\nrecipients = ["{public}"]\nsign_key_file = "config/secrets/sign-key"\n'
    settings.write_text(settings.read_text() + keyed)
    said = run(home, "backup", keys / "b.tar.gz.age")
    assert "encrypted" in said
    return home, keys


def run(home, *args, code=0):
    return bkkenergy(*map(str, args), "--config", home / "config", code=code)


def test_what_is_made_is_age_and_its_own_program_reads_it(site):
    home, keys = site
    content = (keys / "b.tar.gz.age").read_bytes()
    assert content.startswith(b"age-encryption.org/v1\n-> X25519 ")
    assert oct((keys / "secret").stat().st_mode)[-3:] == oct((keys / "b.tar.gz.age").stat().st_mode)[-3:] == "600"
    assert not [path for path in (home / "var").iterdir() if path.name.startswith(".backup")]
    if not shutil.which("age"):
        pytest.skip("age is not installed: deploy/install-test-packages")
    archive = keys / "archive.tar.gz"
    subprocess.run(["age", "-d", "-i", keys / "secret", "-o", archive, keys / "b.tar.gz.age"], check=True)
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json"))
    assert {"state.sqlite", "store.sqlite", "config/bkkenergy.toml"} <= set(names)
    assert len(manifest["hmac_sha256"]) == 64


def test_a_secret_that_the_settings_name_is_in_no_backup(site):
    home, keys = site
    assert (home / "config/secrets/sign-key").resolve() in secret_files(load_settings(home / "config"), home / "config")
    run(home, "restore", keys / "b.tar.gz.age", "--identity", keys / "secret", "--check")
    elsewhere = keys / "placed/config"
    run(
        home, "restore", keys / "b.tar.gz.age", "--identity", keys / "secret", "--config-to", elsewhere,
        "--sign-key", home / "config/secrets/sign-key",
    )  # fmt: skip
    assert (elsewhere / "bkkenergy.toml").exists()
    assert not (elsewhere / "secrets").exists()
    assert "admin" in bkkenergy("users", "list", "--config", elsewhere)


def test_without_the_secret_key_or_with_another_nothing_is_read(site, tmp_path):
    home, keys = site
    assert "--identity" in run(home, "restore", keys / "b.tar.gz.age", "--check", code=2)
    run(home, "backup", "--make-key", tmp_path / "other")
    assert "exists already" in run(home, "backup", "--make-key", tmp_path / "other", code=2)
    said = run(home, "restore", keys / "b.tar.gz.age", "--identity", tmp_path / "other", "--check", code=2)
    assert "cannot be decrypted" in said
    (tmp_path / "none").write_text("# nothing\n")
    assert "no secret key" in run(
        home, "restore", keys / "b.tar.gz.age", "--identity", tmp_path / "none", "--check", code=2
    )


@pytest.mark.parametrize("place", [30, 0.2, 0.5, 0.9])
def test_an_encrypted_backup_that_was_changed_is_refused(site, tmp_path, place):
    home, keys = site
    content = bytearray((keys / "b.tar.gz.age").read_bytes())
    content[place if place > 1 else int(len(content) * place)] ^= 1
    (tmp_path / "b").write_bytes(content)
    said = run(home, "restore", tmp_path / "b", "--identity", keys / "secret", "--check", code=2)
    assert "cannot be decrypted" in said


def test_a_backup_that_another_wrote_is_taken_only_where_a_person_says_so(site, tmp_path):
    """A person with the public key can encrypt, but not sign."""
    home, keys = site
    other = tmp_path / "other"
    other.write_text("f" * 64)
    asked = ("restore", keys / "b.tar.gz.age", "--identity", keys / "secret", "--check")
    assert "not signed by" in run(home, *asked, "--sign-key", other, code=1)
    plain = make_site(tmp_path / "plain", days=2)
    run(plain, "backup", tmp_path / "unsigned.tar.gz")
    assert "not signed by" in run(home, "restore", tmp_path / "unsigned.tar.gz", "--check", code=1)
    assert "as they were written" in run(home, "restore", tmp_path / "unsigned.tar.gz", "--check", "--unsigned")
    assert "is signed" in run(plain, *asked, code=2)


def test_keys_that_are_none_are_refused_in_words(site, tmp_path):
    home, _ = site
    copy = shutil.copytree(home / "config", tmp_path / "config", symlinks=True)
    text = (copy / "bkkenergy.toml").read_text()
    (copy / "secrets/sign-key").write_text("short")
    assert "openssl rand -hex 32" in run(tmp_path, "backup", tmp_path / "b", code=2)
    assert not (tmp_path / "b").exists()
    (copy / "bkkenergy.toml").write_text(text.replace("age1", "age2"))
    assert "backup.recipients" in run(tmp_path, "backup", tmp_path / "b", code=1)
    typed = text[: text.index('"age1') + 30] + "q" + text[text.index('"age1') + 31 :]
    (copy / "bkkenergy.toml").write_text(typed)
    (copy / "secrets/sign-key").write_text(SIGN_KEY)
    assert "begins with age1" in run(tmp_path, "backup", tmp_path / "b", code=2)
    assert not list(tmp_path.glob("b*"))
