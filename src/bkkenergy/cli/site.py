"""What commands that judge begin with: the site with its store, its figures, and the plan's projects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.dismissals import dismissals
from bkkenergy.adapters.state.projects import projects
from bkkenergy.cli.context import Site, load_site
from bkkenergy.plan import Project
from bkkenergy.ports.ledger import LedgerReader
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.reports.savings.gather import SavingsSite
from bkkenergy.savings.insights import Dismissal
from bkkenergy.settings import Settings
from bkkenergy.site.open import open_ledger, open_store
from bkkenergy.site.plan_config import PLAN_FILE, load_plan
from bkkenergy.site.savings_config import load_savings
from bkkenergy.site.solar_config import load_solar
from bkkenergy.usecases.uptodate import UpToDate
from bkkenergy.usecases.worker import Worker, follow_configuration, now_us, own_name


@contextmanager
def report_site(config_dir: Path) -> Iterator[SavingsSite]:
    """The site with its store open, and everything that reports rest on."""
    site = load_site(config_dir)
    with opened_site(site) as opened:
        yield opened


@contextmanager
def opened_site(site: Site) -> Iterator[SavingsSite]:
    """A loaded site with its store and ledger open. What is read is computed first where it waits."""
    with opened_worker(site) as worker:
        yield report_site_of(site, worker.readings, UpToDate(worker.ledger, worker))


@contextmanager
def opened_worker(site: Site) -> Iterator[Worker]:
    """What computes a loaded site's ledger. Days of meters whose settings have changed are marked."""
    with ExitStack() as stack:
        store = stack.enter_context(closing(open_store(site.settings.store)))
        ledger = stack.enter_context(closing(open_ledger(site.settings)))
        follow_configuration(store, ledger, site.portfolio, site.settings)
        yield Worker(store, ledger, site.portfolio, site.settings, own_name(), now_us)


def report_site_of(site: Site, store: ReadingStore, ledger: LedgerReader) -> SavingsSite:
    """The same, of a site that is loaded and a store that is open already."""
    known_projects, known_dismissals = decisions(site.settings)
    return SavingsSite(
        store,
        ledger,
        site.portfolio,
        site.settings,
        site.figures,
        load_savings(site.config_dir),
        load_solar(site.config_dir),
        load_plan(site.config_dir) if (site.config_dir / PLAN_FILE).exists() else None,
        known_projects,
        known_dismissals,
    )


def decisions(settings: Settings) -> tuple[tuple[Project, ...], tuple[Dismissal, ...]]:
    """Return the plan's projects and the dismissals; none where no state was ever made."""
    if settings.state.url is None and not settings.state.path.exists():
        return (), ()
    engine = open_state(settings.state)
    try:
        return tuple(projects(engine)), dismissals(engine)
    finally:
        engine.dispose()
