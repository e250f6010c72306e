"""Whether the ledger still says what its readings say, and files are what was written, as `doctor` shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bkkenergy.ingest.doctor import CheckResult
from bkkenergy.ports.archive import ArchiveUnavailable
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.site import Configuration, open_site
from bkkenergy.site.open import open_archive
from bkkenergy.usecases.ledgercheck import compare_ledger
from bkkenergy.usecases.storedcheck import compare_stored

SHOWN = 10


def examine_ledger(
    config: Configuration, *, within_s: float, on_progress: Callable[[int, int], object]
) -> Iterator[CheckResult]:
    """Compare months of meters with their readings; nothing where there is none, or no store to read from.

    within_s : how long; what the store lacks is said by its own check. on_progress : as for `compare_ledger`.
    """
    try:
        with open_site(config) as site:
            result = compare_ledger(site, within_s=within_s, on_progress=on_progress)
    except (StoreUnavailable, StoreRefused, StoreUnfit) as error:
        yield CheckResult.of("ledger", False, "says", "says_do", text=error)
        return
    if not result.months:
        return
    values = {"compared": result.compared, "months": result.months}
    if not result.differing:
        yield CheckResult.of("ledger", True, "ledger", **values)
        return
    shown = ", ".join(f"{day.meter} {day.day}" for day in result.differing[:SHOWN])
    values["days"] = len(result.differing)
    yield CheckResult.of("ledger", False, "ledger_differs", "ledger_do", shown=shown, **values)


def examine_stored(config: Configuration, *, within_s: float) -> Iterator[CheckResult]:
    """Compare what is stored with its hash: reports of the archive, photos, weather files, signed records, plans."""
    try:
        with open_site(config) as site:
            result = compare_stored(site, open_archive(config.settings), within_s=within_s)
    except (StoreUnavailable, StoreRefused, StoreUnfit, ArchiveUnavailable) as error:
        yield CheckResult.of("stored files", False, "says", "says_do", text=error)
        return
    count, shown = len(result.differing), ", ".join(result.differing[:SHOWN])
    values = {"compared": result.compared, "files": result.stored, "count": count, "shown": shown}
    yield CheckResult.of("stored files", not count, "stored_differ" if count else "stored", "stored_do", **values)
