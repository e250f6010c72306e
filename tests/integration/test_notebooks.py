"""The notebooks run from their begin, and the pages of the docs show what they give."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from tests.notebooks import NEEDS_A_SERVICE, PAGES, PICTURES, SOURCES, as_ipynb, cells_of, notebooks, run, service

NUMBER = re.compile(r"-?\d+\.?\d*")


def test_there_are_six():
    assert [path.stem[0] for path in notebooks()] == list("123456")


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_a_notebook_gives_what_its_page_shows(path):
    if path.stem == NEEDS_A_SERVICE:
        with service():
            page = run(path)
    else:
        page = run(path)
    assert page.markdown == (PAGES / f"{path.stem}.md").read_text(encoding="utf-8"), "Run `make docs`."
    assert set(page.pictures) == {one.name for one in PICTURES.glob(f"{path.stem}-*.svg")}
    for name, svg in page.pictures.items():
        shown = (PICTURES / name).read_text(encoding="utf-8")
        ET.fromstring(shown)
        assert NUMBER.sub("#", svg) == NUMBER.sub("#", shown), name
        pairs = zip(NUMBER.findall(svg), NUMBER.findall(shown), strict=True)
        assert all(float(ours) == pytest.approx(float(page_s), abs=0.11) for ours, page_s in pairs), name


def test_a_notebook_uses_no_name_but_the_public_ones():
    for path in notebooks():
        imports = re.findall(r"(?m)^(?:from|import) (bkkenergy\S*)(.*)", path.read_text(encoding="utf-8"))
        assert imports == [("bkkenergy", " as bk")], path.name


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_becomes_jupyters_with_the_same_cells(path):
    found = json.loads(as_ipynb(path))
    assert found["nbformat"] == 4
    cells = cells_of(path.read_text(encoding="utf-8"))
    assert ["".join(cell["source"]) for cell in found["cells"]] == [cell.text for cell in cells]
    for cell in found["cells"]:
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), cell["id"], "exec")


def test_a_cell_that_fails_fails_the_notebook(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text(
        "# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nimport bkkenergy as bk\n\nbk.bill([1.0], schedule='mea-3-2-lv')\n"
    )
    with pytest.raises(Exception, match="pandas Series"):
        run(broken)


@pytest.mark.parametrize("lang", ["en", "th"])
def test_the_guide_of_the_library_runs_and_gives_what_it_says(lang):
    text = (SOURCES.parent / lang / "how-to/python.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    names = {}
    exec(code, names)
    said = re.search(r"# (Savings\(.*?%)", code)[1]
    assert repr(names["saved"]).startswith(said)


def test_no_page_is_left_of_a_notebook_that_is_gone():
    assert {path.stem for path in PAGES.glob("*.md")} == {path.stem for path in SOURCES.glob("*.py")}
