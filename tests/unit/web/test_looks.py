"""The comparison of pictures sees a part that went, moved or changed its colour, and no hair of a font."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from tests.looks import MAX_TILES_RATIO, differing_ratio, shrunk

SIZE = (1280, 900)


def page_of(*, cards=6, shift=0, colour="#0b5c7d", height=900, ink="#14242e"):
    """A screenshot of something like a page."""
    image = Image.new("RGB", (SIZE[0], height), "#f2f5f7")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIZE[0], 80), fill=colour)
    for card in range(cards):
        pen.rectangle((20 + 205 * card, 120, 200 + 205 * card, 260), fill="white", outline="#c9d3da")
    for line in range(12):
        pen.text((30 + shift, 300 + 40 * line), "ใช้ไฟฟ้า 12,345 kWh beside the same days " * 3, fill=ink)
    file = io.BytesIO()
    image.save(file, "PNG")
    return shrunk(file.getvalue())


def test_the_same_is_the_same():
    assert differing_ratio(page_of(), page_of()) == 0.0


@pytest.mark.parametrize("changed", [{"shift": 1}, {"ink": "#20303a"}], ids=["a pixel", "a shade of ink"])
def test_a_hair_is_no_difference(changed):
    assert differing_ratio(page_of(**changed), page_of()) <= MAX_TILES_RATIO


@pytest.mark.parametrize(
    "changed", [{"cards": 5}, {"colour": "#7d5c0b"}, {"height": 1100}], ids=["a card less", "a colour", "longer"]
)
def test_what_a_person_would_see_is_a_difference(changed):
    assert differing_ratio(page_of(**changed), page_of()) > MAX_TILES_RATIO
