"""Files that appear whole or not at all, and that belong to the owner of their folder.

The service has a user of its own. Where root runs a command on its site, what that makes would be root's, and the
service could not write into it. So what root makes in a folder of another is handed to the folder's owner.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

AS_TEXT = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
"""Options of xlsxwriter. A name that begins with "=" would else be a formula that runs on the reader's computer, and an
address a link; our formulas are written as such."""

BEGIN_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
ROOT = 0


def plain_cell(value: object) -> object:
    """Return what a CSV file holds of a value: a text that a spreadsheet would compute begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(BEGIN_A_FORMULA) else value


def plain_rows(rows: Iterable[Iterable[object]]) -> list[list[object]]:
    """Return rows of a CSV file, their texts no formulas."""
    return [[plain_cell(value) for value in row] for row in rows]


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table as a CSV file holds it, its texts and headings no formulas."""
    texts = {name: frame[name].map(plain_cell) for name in frame.columns if not is_numeric_dtype(frame[name])}
    return frame.assign(**texts).rename(columns=plain_cell)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there; its folder is made when absent."""
    make_folder(path.parent)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(content)
    hand_over(unfinished)
    unfinished.replace(path)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are absent. Each belongs to the owner of the one above it."""
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in reversed(absent):
        hand_over(path)


def make_file(path: Path) -> None:
    """Make an empty file, where there is none, that belongs to the owner of its folder; and the folder.

    It is no file for everyone on the machine: it may hold readings, or hashes of passwords.
    """
    make_folder(path.parent)
    if path.is_symlink():
        return
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        if is_of_another(path.parent):
            hand_over(path)


def files_below(folder: Path, on_error: Callable[[OSError], object] | None = None) -> Iterator[Path]:
    """Yield every file below a folder, through links; what is hidden is unfinished, and left out.

    on_error : called where a folder cannot be read; without, it passes as empty.
    """
    for where, folders, names in os.walk(folder, followlinks=True, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where) / name for name in sorted(names) if not name.startswith("."))


def is_of_another(folder: Path) -> bool:
    """Check whether this process is root and a folder is not, so that what it makes there has to be handed over."""
    return os.geteuid() == ROOT and folder.stat().st_uid != ROOT


def hand_over(path: Path) -> None:
    """Give what root has made, with all that it holds, to the owner of its folder."""
    if not is_of_another(path.parent):
        return
    owner = path.parent.stat()
    below = path.rglob("*") if stat.S_ISDIR(path.lstat().st_mode) else ()
    for each in (path, *below):
        if each.lstat().st_uid == ROOT:
            os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)
