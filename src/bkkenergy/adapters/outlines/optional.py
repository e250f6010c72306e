"""What an installation can leave out: pyproj, pyshp and ezdxf, of the extra `roofs`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bkkenergy.errors import InputError


@contextmanager
def needs_extra() -> Iterator[None]:
    """Import what only some files need. Raises InputError, which says how to install it."""
    try:
        yield
    except ImportError as error:
        raise InputError.of("outlines_no_extra", name=error.name or "?") from None
