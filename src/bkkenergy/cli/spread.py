"""Work that is spread over a Dask cluster where one is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bkkenergy.errors import InputError

dask_option = click.option(
    "--dask", "scheduler", metavar="ADDRESS", help="Spread the work over a Dask cluster (bkkenergy[dask])."
)


@contextmanager
def spreading(scheduler: str | None) -> Iterator[Any]:
    """Yield `map`, or the same on a Dask cluster. Raises InputError without the extra, or without an answer."""
    if scheduler is None:
        yield map
        return
    try:
        from distributed import Client  # noqa: PLC0415 - the extra bkkenergy[dask]
    except ImportError:
        raise InputError("--dask needs the extra: pip install 'bkkenergy[dask]'.") from None
    try:
        client: Any = Client(scheduler, timeout="10s")
    except (OSError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler} ({error}). Start one with: dask scheduler."
        ) from error
    with client:
        yield lambda work, items: client.gather(client.map(work, list(items), pure=False))
