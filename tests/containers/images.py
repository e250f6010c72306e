"""Images for the tests: stand-ins of the official bases, made of Debian's packages under the official names, and ours.

Run it before the tests, where Debian's packages and the Python packages can be reached.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from tests.containers.engine import FOLDER, PATH, ROOT, Engine, run, running

COMPOSE = (ROOT / "deploy/compose.yaml").read_text(encoding="utf-8")
HERE = Path(__file__).resolve().parent
BASE = "debian:bookworm-slim"
OUR = "bkkenergy:local"
DOCUMENTATION = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "var/lib/apt/lists")
INFLUXD_VARIABLE = "BKKENERGY_TEST_INFLUXDB"
SLIM = """\
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
"""
"""What dpkg leaves out of the official slim image."""


def is_influxdb_2() -> bool:
    """Whether the tests run on an influxd 2.x. Its backup needs the real client, which cannot be made here."""
    own = os.environ.get(INFLUXD_VARIABLE) or None
    return own is not None and "v1." not in run([own, "version"]).stdout


def official(name: str) -> str:
    """An image's name with its tag, as deploy/compose.yaml has it."""
    found = re.search(rf"image: docker\.io/(?:library/)?({re.escape(name)}:\S+)", COMPOSE)
    assert found, f"deploy/compose.yaml has no image {name}"
    return found[1]


def make_base(engine: Engine) -> None:
    """debian:bookworm-slim by debootstrap from the mirror that this machine uses, with this machine's trust and pip.conf."""
    folder = FOLDER / "bookworm"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        mirror = run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: bookworm"]
        )
        assert mirror.stdout, "apt on this machine knows no bookworm: the bases cannot be made"
        run(["debootstrap", "--variant=minbase", "bookworm", str(folder), mirror.stdout.split()[0]])
        for part in DOCUMENTATION:
            shutil.rmtree(folder / part, ignore_errors=True)
        for archive in (folder / "var/cache/apt/archives").glob("*.deb"):
            archive.unlink()
        _lend_this_machines_ways(folder)
        (folder / "complete").touch()
    with subprocess.Popen(["tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(
            ["docker", "import", "--change", 'CMD ["bash"]', "-", BASE],
            stdin=tar.stdout, check=True, env=engine.environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip


def _lend_this_machines_ways(folder: Path) -> None:
    """How this machine reaches Debian's and Python's packages: sources, authorities, pip.conf. They stay in var/."""
    shutil.rmtree(folder / "etc/apt/sources.list.d", ignore_errors=True)
    (folder / "etc/apt/sources.list").unlink(missing_ok=True)
    lines = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"]).stdout
    sources = [f"deb {line} main" for line in dict.fromkeys(lines.splitlines()) if re.search(r"/debian(-\w+)?/ ", line)]
    (folder / "etc/apt/sources.list").write_text("\n".join(sources) + "\n", encoding="utf-8")
    (folder / "etc/apt/apt.conf.d/90as-here").write_text(
        'Acquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\n', encoding="utf-8"
    )
    (folder / "etc/dpkg/dpkg.cfg.d/slim").write_text(SLIM, encoding="utf-8")
    trust, pip = Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf")
    if trust.exists():
        (folder / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
        shutil.copy(trust, folder / "etc/ssl/certs/here.crt")
        (folder / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/here.crt\n", encoding="utf-8")
    elif pip.exists():
        shutil.copy(pip, folder / "etc/pip.conf")


def build(engine: Engine, tag: str, folder: Path, *options: str) -> None:
    """Build an image on the machine's own network."""
    begun_s = time.monotonic()
    command = ["docker", "build", "--network", "host", "--tag", tag, *options, str(folder)]
    with (FOLDER / "build.log").open("a", encoding="utf-8") as log:
        done = subprocess.run(command, stdout=log, stderr=log, check=False, env=engine.environment)
    assert done.returncode == 0, f"{tag} cannot be built: {FOLDER}/build.log"
    size = int(engine.docker("image", "inspect", "--format", "{{.Size}}", tag).stdout)
    print(f"  {tag}: {size / 1e6:,.0f} MB, {time.monotonic() - begun_s:.0f} s", flush=True)


def make_stand_in(engine: Engine, name: str) -> None:
    """An image of tests/containers/NAME under the official name."""
    context = FOLDER / "context" / name
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(HERE / name, context)
    if name == "influxdb" and (own := os.environ.get(INFLUXD_VARIABLE)):
        shutil.copy(own, context / "influxd")
    build(engine, official(name), context, "--build-arg", f"BASE={BASE}")


def is_base_there(engine: Engine) -> bool:
    return engine.docker("image", "inspect", BASE, check=False).returncode == 0


def main() -> None:
    """Make every image that is missing or whose files have changed."""
    os.environ["PATH"] = PATH
    print("Images (stand-ins for the official ones: Debian's packages under the official names):", flush=True)
    with running(network=False) as engine:
        if not is_base_there(engine):
            make_base(engine)
        for name in ("eclipse-mosquitto", "influxdb", "caddy"):
            make_stand_in(engine, name)
        build(engine, OUR, ROOT, "--file", str(ROOT / "deploy/Containerfile"))


if __name__ == "__main__":
    main()
