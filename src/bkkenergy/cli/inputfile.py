"""The type of arguments that name a file to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bkkenergy.cli.refusals import lang_of
from bkkenergy.regularfiles import why_unreadable

ANY_SIZE = 1 << 62


class InputFile(click.Path):
    """A file that is there and can be read to its end. What reads it has its own bound."""

    def __init__(self, *, allow_dash: bool = False) -> None:
        super().__init__(exists=True, dir_okay=False, allow_dash=allow_dash, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or raise a usage error."""
        path = Path(str(super().convert(value, param, ctx)))
        why = None if self.allow_dash and str(path) == "-" else why_unreadable(path, ANY_SIZE)
        if why is not None:
            self.fail(why.error.said(lang_of(ctx)), param, ctx)
        return path
