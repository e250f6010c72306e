"""A paper as one self-contained page, for the screen and for print."""

from __future__ import annotations

from markupsafe import Markup

from bkkenergy import __version__
from bkkenergy.i18n import Words
from bkkenergy.reports.papers.model import KINDS_OF_BLOCKS, Paper, shown
from bkkenergy.reports.render.html import unbroken
from bkkenergy.reports.render.page import environment


def paper_html(paper: Paper) -> bytes:
    """Render a whole HTML page, UTF-8. Drawings are the product's own SVG, whose texts are escaped where it is made."""
    words = Words(paper.lang)
    page = environment.get_template("paper.html.j2").render(
        paper=paper,
        t=words,
        lang=paper.lang,
        blocks=[(KINDS_OF_BLOCKS[type(block)], block) for block in paper.blocks],
        cell=lambda value, column: shown(value, column, words),
        svg=Markup,
        version=__version__,
    )
    return unbroken(page).encode()
