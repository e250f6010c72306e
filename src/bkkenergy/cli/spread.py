"""Work that is spread over a Dask cluster where one is named."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from bkkenergy.adapters.state.identity import identity_of
from bkkenergy.errors import InputError
from bkkenergy.site import Configuration, Site, open_site
from bkkenergy.site.open import is_on_servers
from bkkenergy.usecases.recompute import recompute

MOST_AT_ONCE, TASKS_A_THREAD = 20, 4
"""Items of a task, at most, and tasks for each thread of the cluster: the last ones are not waited for long."""

dask_option = click.option(
    "--dask", "scheduler", metavar="ADDRESS", help="Spread the work over a Dask cluster (bkkenergy[dask])."
)


@dataclass(frozen=True, slots=True)
class Spread:
    """Where work is done.

    map : `map`, or the same on a cluster. with_site : yields what a function makes of the site and of each item, read
    where it is computed; None where the site's stores are files of this host, which no other reads.
    """

    map: Callable[..., Any] = map
    with_site: Callable[[Callable[[Site, Any], Any], Sequence[Any]], Iterator[Any]] | None = None


@contextmanager
def spreading(scheduler: str | None, site: Site) -> Iterator[Spread]:
    """Open a way to work here, or on a Dask cluster. Raises InputError without the extra, or without an answer."""
    if scheduler is None:
        yield Spread()
        return
    try:
        from distributed import Client  # noqa: PLC0415 - the extra bkkenergy[dask]
    except ImportError:
        raise InputError.of("dask_extra") from None
    try:
        client: Any = Client(scheduler, timeout="10s")
    except (OSError, TimeoutError) as error:
        raise InputError.of("no_scheduler", address=scheduler, why=str(error)) from error
    with client:
        yield Spread(
            lambda work, items: client.gather(client.map(work, list(items), pure=False)),
            _reading_there(client, site) if is_on_servers(site.settings) else None,
        )


def _reading_there(client: Any, site: Site) -> Callable[[Callable[[Site, Any], Any], Sequence[Any]], Iterator[Any]]:
    """Return how the cluster's workers read for themselves. What waits in the ledger is computed first, here."""
    recompute(site)
    config, identity = client.scatter(site.config, broadcast=True), identity_of(site.state)

    def with_site(work: Callable[[Site, Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        threads = max(1, sum(client.nthreads().values()))
        size = max(1, min(MOST_AT_ONCE, math.ceil(len(items) / (TASKS_A_THREAD * threads))))
        tasks = [
            client.submit(work_there, config, identity, work, list(items[at : at + size]), pure=False)
            for at in range(0, len(items), size)
        ]
        for task in tasks:
            yield from task.result()

    return with_site


def work_there(
    config: Configuration, identity: str, work: Callable[[Site, Any], Any], items: Sequence[Any]
) -> list[Any]:
    """Return what a worker makes of each item, with the site open there. Raises InputError where it is another site."""
    with open_site(config) as site:
        if identity_of(site.state) != identity:
            raise InputError.of("another_state_there", host=socket.gethostname())
        return [work(site, item) for item in items]
