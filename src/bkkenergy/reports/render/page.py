"""The environment of all pages: templates, escaping, and the paper form of a page."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from bkkenergy.errors import InputError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PRINTED_WITHIN_S = 120

environment = Environment(
    loader=PackageLoader("bkkenergy.reports.render", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def as_pdf(page: bytes) -> bytes:
    """A self-contained page as PDF, as a browser prints it: fonts embedded, Thai broken between words.

    A browser, since it draws the page's SVG and Thai tone marks right where lighter libraries do not.
    Raises InputError where none is installed, or it fails.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise InputError(
            "PDF is printed by Chromium, which is not installed. On Debian: apt install chromium fonts-thai-tlwg."
        )
    with tempfile.TemporaryDirectory(prefix="bkkenergy-pdf-") as folder:
        source, target = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_bytes(page)
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder}/profile",
        ]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium's sandbox refuses to run for root
        try:
            subprocess.run(  # noqa: S603 - our own page, a browser found on the PATH
                [*command, f"--print-to-pdf={target}", source.as_uri()],
                check=True,
                capture_output=True,
                timeout=PRINTED_WITHIN_S,
            )
            return target.read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            raise InputError(
                f"{browser} could not print the page ({error}). Try --format html and print that."
            ) from error
