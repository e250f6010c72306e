"""What the web app takes from npm: fetched by hash, and said where it is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from bkkenergy.web.assets import CHART_FILES, has_charts
from tests.conftest import ROOT

ASSETS = ROOT / "deploy/assets"


def test_each_package_of_npm_has_an_exact_version_and_a_hash_and_names_no_registry():
    lock = json.loads((ASSETS / "package-lock.json").read_text())
    wanted_versions = json.loads((ASSETS / "package.json").read_text())["dependencies"]
    packages = {name.removeprefix("node_modules/"): package for name, package in lock["packages"].items() if name}
    assert {name: package["version"] for name, package in packages.items()} == wanted_versions
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


def test_charts_are_there_only_when_each_of_their_files_is(tmp_path):
    assert not has_charts(tmp_path)
    for name in CHART_FILES:
        assert not has_charts(tmp_path), name
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
        has_charts.cache_clear()
    assert has_charts(tmp_path)


def test_where_npm_fails_the_app_goes_on_and_what_needs_it_does_not(tmp_path):
    for name in ("deploy/make-assets", "deploy/assets"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(ROOT / name, target) if (ROOT / name).is_dir() else shutil.copy(ROOT / name, target)
    broken = tmp_path / "bin/npm"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    path = {"PATH": f"{broken.parent}:{os.environ['PATH']}"}
    for option, code in (([], 0), (["--required"], 1)):
        ended = subprocess.run(
            [tmp_path / "deploy/make-assets", *option], env=path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == code
        assert "still pictures" in ended.stderr
    assert not (tmp_path / "src/bkkenergy/web/static/vendor").exists()
