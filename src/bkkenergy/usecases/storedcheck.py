"""Compares what is stored with its hash: a report or record that changed on the disk is seen before it is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from bkkenergy.adapters.state.runs import RunQueue
from bkkenergy.adapters.state.storedhashes import stored_with_hash
from bkkenergy.ports.archive import ReportArchive
from bkkenergy.site import Site
from bkkenergy.usecases.archived import is_as_written
from bkkenergy.usecases.ledgercheck import in_order_of


@dataclass(frozen=True, slots=True)
class StoredComparison:
    """How many were compared, of how many; and the names of those that are gone or are others than were stored."""

    compared: int
    stored: int
    differing: tuple[str, ...]


def compare_stored(site: Site, archive: ReportArchive, *, within_s: float) -> StoredComparison:
    """Compare archived reports, photos, weather files, signed records and plans with their hashes.

    within_s : seconds after which no other is begun, in another order each day; `math.inf` compares all.
    Raises StoreUnavailable, ArchiveUnavailable.
    """
    until_s = time.monotonic() + within_s
    each = in_order_of(site.today, chain(_reports(site, archive), stored_with_hash(site.state)))
    differing, compared = list[str](), 0
    for name, is_whole in each:
        if not is_whole():
            differing.append(name)
        compared += 1
        if time.monotonic() > until_s:
            break
    return StoredComparison(compared, len(each), tuple(sorted(differing)))


def _reports(site: Site, archive: ReportArchive) -> Iterator[tuple[str, Callable[[], bool]]]:
    queue = RunQueue(site.state, "doctor")
    for of_run in queue.artefacts(queue.runs(state="done")).values():
        for file in of_run:
            yield file.path, partial(is_as_written, archive, file)
