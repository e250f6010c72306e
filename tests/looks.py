"""Pictures of pages beside those that people looked at: small, so that a hair's breadth of a font is no difference.

LOOKS_RENEW=1 writes what is seen now in the place of what was known: look at it before you commit it.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

KNOWN = Path(__file__).parent / "data/looks"
SHRUNK, COLOURS = 4, 64
TILE, MAX_HEIGHT = 8, 1600
MAX_STEP = 9.0
"""Of 255: a tile of which a colour differs by more on average looks different."""
MAX_TILES_RATIO = 0.01


def shrunk(png: bytes) -> Image.Image:
    """A screenshot as it is compared."""
    with Image.open(io.BytesIO(png)) as image:
        top = image.convert("RGB").crop((0, 0, image.width, min(image.height, MAX_HEIGHT)))
    return top.reduce(SHRUNK).quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB")


def differing_ratio(image: Image.Image, known: Image.Image) -> float:
    """The share of tiles that look different; what is longer or shorter does so where only one is."""
    height, width = max(image.height, known.height), max(image.width, known.width)
    both = np.full((2, -(-height // TILE) * TILE, -(-width // TILE) * TILE, 3), -1000.0)
    for number, one in enumerate((image, known)):
        both[number, : one.height, : one.width] = np.asarray(one, np.float64)
    rows, columns = both.shape[1] // TILE, both.shape[2] // TILE
    step = np.abs(both[0] - both[1]).reshape(rows, TILE, columns, TILE, 3).mean(axis=(1, 3)).max(axis=2)
    return float((step > MAX_STEP).mean())


def differs(png: bytes, name: str, beside: Path) -> str:
    """Return how a picture differs from the known one, and where to look at it; nothing where it does not."""
    image, path = shrunk(png), KNOWN / f"{name}.png"
    if os.environ.get("LOOKS_RENEW"):
        KNOWN.mkdir(exist_ok=True)
        image.quantize(COLOURS).save(path, optimize=True)
        return ""
    with Image.open(path) as known:
        ratio = differing_ratio(image, known.convert("RGB"))
    if ratio <= MAX_TILES_RATIO:
        return ""
    (beside / f"{name}.png").write_bytes(png)
    return f"{name}: {ratio:.1%} of it looks different from {path}; now: {beside / name}.png"
