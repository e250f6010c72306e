"""The look of pages: colours that all eyes can read and distinguish, in both schemes; charts that keep their texts' size."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from markupsafe import Markup

from bkkenergy.reports.pictures import Column, bars, heat_map
from bkkenergy.reports.solar.drawing import Line, lines
from bkkenergy.web.assets import STATIC, tokens
from bkkenergy.web.fluid import fluid
from bkkenergy.web.icons import ICONS, icon
from bkkenergy.web.render import chosen, options
from tests.conftest import ROOT

LIGHT = tokens("tokens.css")
SCHEMES = {"light": LIGHT, "dark": {**LIGHT, **tokens("dark.css")}}
TEXTS = ("ink", "soft", "main", "up", "down", "alert", "warning", "notice", "usual")
ON = {"on-top": "top", "on-main": "main", "note-ink": "note-wash", "fault-ink": "fault-wash", "done-ink": "done-wash"}
SIGNS = ("over", "under", "same", "sun", "compared", "weather", "bar", "axis", "plain", "focus", "estimated")
TOGETHER = (
    ("over", "under", "same"),
    ("up", "down"),
    ("part-0", "part-1", "part-2", "part-3", "part-4", "part-5"),
    ("main", "compared"),
    ("ink", "notice", "warning", "down"),
)
"""Colours that one picture shows side by side, where the colour alone says which is which."""
# Machado, Oliveira and Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency", severity 1.
EYES = {
    "all cones": np.eye(3),
    "no red": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "no green": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
}  # fmt: skip


def linear(colour):
    """A colour as linear red, green, blue of sRGB."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2.2's contrast ratio."""
    lights = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def lab(rgb):
    """Linear red, green, blue as CIE L*a*b* under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    share = to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(share > (6 / 29) ** 3, np.cbrt(share), share * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_texts_and_signs_stand_out_from_what_they_are_on(scheme):
    colour = {name.removeprefix("--"): value for name, value in SCHEMES[scheme].items()}
    for text in TEXTS:
        for ground in ("paper", "wash", "hover"):
            assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
    for text, ground in ON.items():
        assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
    for sign in SIGNS:
        assert contrast(colour[sign], colour["paper"]) >= 2.9, sign
    for number in range(6):
        assert contrast(colour[f"part-{number}"], colour["paper"]) >= 2, number


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_colours_side_by_side_differ_for_all_eyes(scheme, eyes):
    for group in TOGETHER:
        for one, other in combinations(group, 2):
            seen = [lab(EYES[eyes] @ linear(SCHEMES[scheme][f"--{name}"])) for name in (one, other)]
            assert np.linalg.norm(seen[0] - seen[1]) >= 13, (one, other)


def test_the_dark_scheme_gives_each_colour_and_nothing_else():
    sizes = {name for name in LIGHT if name.startswith(("--text-", "--gap-", "--corner-"))}
    assert set(tokens("dark.css")) == set(LIGHT) - sizes


def test_style_sheets_and_scripts_name_colours_by_tokens_alone():
    known = set(LIGHT)
    for name in ("app.css", "explore.css", "explore.js", "app.js", "wall.css", "wall.js"):
        text = (STATIC / name).read_text()
        assert not re.findall(r"#[0-9a-f]{3,8}\b(?![\w-]*\s*\{)|\brgba?\((?!0 0 0)", text), name
        assert set(re.findall(r"""(?:var\(|colour\(")(--[\w-]+)""", text)) <= known, name


def test_each_icon_is_listed_for_the_build_and_is_nothing_where_it_could_not_be_fetched(tmp_path):
    assert (ROOT / "deploy/assets/icons").read_text().split() == sorted(set(ICONS.values()))
    assert icon("energy", tmp_path) == ""
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/icon-bolt.svg").write_text('<svg aria-hidden="true"><path d="M0 0"/></svg>\n')
    icon.cache_clear()
    assert icon("energy", tmp_path) == Markup('<svg class="icon" aria-hidden="true"><path d="M0 0"/></svg>')


def charts():
    """Charts of each form that pages show."""
    columns = [Column(100.0 + day, 90.0, f"{day} <ม.ค.>", "tip") for day in range(12)]
    yield bars(columns, title='of "use"', number=lambda value: f"{value:,.0f}")
    yield lines([Line([1.0, 2.0, 3.0], "actual")], [(0, "0%"), (2, "100%")], "duration", str)
    yield heat_map([[1.0] * 24] * 40, [(0, "ม.ค."), (31, "ก.พ.")], title="heat", days=[("/a?b&c", "tip")] * 40)


@pytest.mark.parametrize("chart", list(charts()), ids=["bars", "lines", "heat"])
def test_a_chart_keeps_every_text_and_its_place_while_its_lines_stretch(chart):
    changed = str(fluid(chart))
    texts = [re.sub("<.*?>", "", text) for text in re.findall(r"<text.*?</text>", str(chart), re.DOTALL)]
    outside = changed[changed.rindex("</svg>", 0, -6) :]
    assert [re.sub("<.*?>", "", text) for text in re.findall(r"<text.*?</text>", outside, re.DOTALL)] == texts
    assert changed.count("<title>") == str(chart).count("<title>")
    assert changed.count("<a ") == str(chart).count("<a ")
    for x in re.findall(r'<text[^>]* x="([-\d.]+)%', outside):
        assert 0 <= float(x) <= 100
    assert "<text" not in changed[: changed.rindex("</svg>", 0, -6)], "no text is inside the part that stretches"


def test_what_is_no_chart_stays_as_it_is():
    for text in (Markup(""), Markup('<p class="empty">nothing</p>'), Markup("<svg><text>x</text></svg>")):
        assert fluid(text) == text


def test_a_choice_of_a_thousand_lines_is_escaped_and_one_is_chosen():
    written = options([("a", "<b>"), ('x"y', "ห้อง"), ("ab", "c")])
    assert chosen(written, "") is written
    assert chosen(written, "a") == (
        '<option value="a" selected>&lt;b&gt;</option><option value="x&#34;y">ห้อง</option><option value="ab">c</option>'
    )
    assert chosen(written, 'x"y').count(" selected") == 1
    assert chosen(written, "none of them") == written
