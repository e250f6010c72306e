"""The browser in which tests and pictures see pages: Debian's headless shell, at half of Chromium's CPU time, or Chromium."""

from __future__ import annotations

import shutil

CHROMIUM = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
MOST_MS = 120_000
"""What a page may take: a first design, or a ranking of every roof, on a machine with other work."""
