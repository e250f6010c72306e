"""Digests of images, looked up by skopeo in a registry that is Debian's own, on this machine."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT
from tests.ports import free_port
from tests.servers import Server, started

SCRIPT = ROOT / "deploy/pin-images"
SHIPPED = (ROOT / "deploy/compose.yaml", ROOT / "deploy/Containerfile")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry with an image in two versions; its address."""
    assert shutil.which("docker-registry"), "docker-registry is not installed: deploy/install-test-packages"
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder)}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "config.yml").write_text(json.dumps(settings))
    with started(Server(["docker-registry", "serve", str(folder / "config.yml")], port)):
        for tag in ("1.0", "2.0"):
            pushed(folder, f"127.0.0.1:{port}/city/caddy:{tag}", tag)
        yield f"127.0.0.1:{port}"


def pushed(folder, image, content):
    """Copy an image of one small layer into the registry, by skopeo from a folder of the OCI layout's simplest form."""
    layout = folder / f"layout-{content}"
    layout.mkdir(exist_ok=True)

    def blob(data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (layout / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    config = blob(
        json.dumps(
            {"architecture": "amd64", "os": "linux", "note": content, "rootfs": {"type": "layers", "diff_ids": []}}
        ).encode()
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": [],
    }
    (layout / "manifest.json").write_text(json.dumps(manifest))
    (layout / "version").write_text("Directory Transport Version: 1.1\n")
    command = [
        "skopeo",
        "--insecure-policy",
        "copy",
        "-q",
        "--dest-tls-verify=false",
        f"dir:{layout}",
        f"docker://{image}",
    ]
    subprocess.run(command, check=True, capture_output=True)


def run(*arguments):
    done = subprocess.run([SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_each_image_gets_the_digest_that_the_registry_has_and_ours_gets_none(registry, tmp_path):
    compose = tmp_path / "compose.yaml"
    ours = "  image: bkkenergy:${BKKENERGY_VERSION:-local}\n"
    compose.write_text(f"{ours}    image: {registry}/city/caddy:1.0\n    image: {registry}/city/caddy:2.0\n")
    (tmp_path / "Containerfile").write_text(f"ARG BASE={registry}/city/caddy:2.0\nFROM ${{BASE}}\n")
    assert run("--plain-http", compose, tmp_path / "Containerfile")[0] == 0
    written = compose.read_text()
    digests = re.findall(r"caddy:[12]\.0@(sha256:[0-9a-f]{64})\n", written)
    assert len(set(digests)) == 2
    assert written.startswith(ours)
    assert f"ARG BASE={registry}/city/caddy:2.0@{digests[1]}\n" in (tmp_path / "Containerfile").read_text()
    assert run("--plain-http", compose)[0] == 0
    assert compose.read_text() == written, "once more changes nothing"


def test_a_tag_that_leads_elsewhere_than_before_is_told(registry, tmp_path):
    compose = tmp_path / "compose.yaml"
    compose.write_text(f"    image: {registry}/city/caddy:1.0@sha256:{'0' * 64}\n")
    code, said = run("--plain-http", compose)
    assert code == 1
    assert f"sha256:{'0' * 64} is now sha256:" in said


def test_what_cannot_be_looked_up_stays_and_is_not_taken_for_done(registry, tmp_path):
    compose = tmp_path / "compose.yaml"
    text = f"    image: {registry}/city/none:1.0\n    image: 127.0.0.1:1/city/caddy:1.0\n"
    compose.write_text(text)
    code, said = run("--plain-http", compose)
    assert (code, compose.read_text()) == (2, text)
    assert "2 could not be looked up" in said


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_is_shipped_has_digests_or_says_that_it_has_none(path):
    text = path.read_text()
    others = [line for line in text.splitlines() if re.match(r"\s*image: \S+/|ARG BASE=", line)]
    assert others
    assert all("@sha256:" in line for line in others) or "deploy/pin-images" in text
