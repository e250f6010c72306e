from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.chromium import CHROMIUM, FLAGS

MOST_MS = 120_000
"""What a page may take: a first design, or a ranking of every roof, on a machine with other work."""
CUT_TEXTS = """[...document.querySelectorAll('svg text')].filter(text => {
  const own = text.getBoundingClientRect(), sheet = text.ownerSVGElement.getBoundingClientRect();
  return own.width > 0 && (own.left < sheet.left - 1 || own.right > sheet.right + 1);
}).map(text => text.textContent)"""
"""Texts of drawings that leave their drawing sideways, where they are cut off."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened.on("context", lambda context: context.set_default_timeout(MOST_MS))
        yield opened
        opened.close()
