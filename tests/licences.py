"""The licences of the packages that the service runs with, as a table; a test holds docs/licences.md to it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "docs/licences.md"
HEAD = """\
# Licences

bkkenergy is under Apache-2.0. These are the packages of `requirements.lock`, with the licence that each declares.
Made by `python -m tests.licences`; a test refuses a licence that is not on its list of permissive and weak-copyleft ones.

| package | licence |
|---|---|
"""
ACCEPTED = frozenset(
    {
        "MIT", "MIT-CMU", "MIT License", "MIT-0", "BSD License", "3-Clause BSD License", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Zlib", "CC0-1.0",
        "Apache-2.0", "Apache Software License", "ISC License (ISCL)", "PSF-2.0",
        "Mozilla Public License 2.0 (MPL 2.0)", "EPL-2.0", "LGPL-3.0-only",
    }
)  # fmt: skip


def names() -> list[str]:
    """The locked packages' names."""
    return re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)


IN_ITS_FILE = {"pyrage": "MIT"}
"""Licences of packages that say it in their file LICENSE alone; read there."""


def licence_of(name: str) -> str | None:
    """What a package declares; None where it is not for this machine."""
    try:
        own = metadata(name)
    except PackageNotFoundError:
        return None
    if own.get("License-Expression"):
        return str(own["License-Expression"])
    classified = [
        line.rpartition(" :: ")[2] for line in own.get_all("Classifier") or () if line.startswith("License :: OSI")
    ]
    short = (own.get("License") or "").strip().splitlines()
    return " OR ".join(classified) or (short[0] if short else IN_ITS_FILE.get(name, "not declared"))


def table() -> str:
    """The whole list."""
    found = {name: licence for name in dict.fromkeys(names()) if (licence := licence_of(name))}
    return HEAD + "".join(f"| {name} | {licence} |\n" for name, licence in sorted(found.items()))


def parts(licence: str) -> list[str]:
    """The single licences of an expression."""
    return [part.strip() for part in re.split(r" (?:AND|OR) ", licence)]


if __name__ == "__main__":
    LIST.write_text(table())
