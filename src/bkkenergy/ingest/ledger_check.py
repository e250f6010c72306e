"""Whether the ledger still says what its readings say, as `doctor` shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bkkenergy.ingest.doctor import CheckResult
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.site import Configuration, open_site
from bkkenergy.usecases.ledgercheck import compare_ledger

SHOWN_DAYS = 10


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
    shown = ", ".join(f"{day.meter} {day.day}" for day in result.differing[:SHOWN_DAYS])
    values["days"] = len(result.differing)
    yield CheckResult.of("ledger", False, "ledger_differs", "ledger_do", shown=shown, **values)
