"""A paper as one self-contained page, for the screen and for print."""

from __future__ import annotations

import base64

from markupsafe import Markup

from bkkenergy import __version__
from bkkenergy.i18n import Words
from bkkenergy.reports.papers.model import KINDS_OF_BLOCKS, Paper, PaperMemo, shown
from bkkenergy.reports.render.html import unbroken
from bkkenergy.reports.render.page import environment


def paper_html(paper: Paper, seal: bytes = b"") -> bytes:
    """Render a whole HTML page, UTF-8. seal : a picture, on a memorandum.

    Drawings are the product's own SVG, whose texts are escaped where it is made.
    """
    words = Words(paper.lang)
    for block in paper.blocks:
        if isinstance(block, PaperMemo):
            shown_seal = f"data:image/png;base64,{base64.b64encode(seal).decode()}" if seal else ""
            memo = environment.get_template("memo.html.j2").render(
                memo=block, t=words, lang=paper.lang, seal=shown_seal
            )
            return unbroken(memo).encode()
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
