"""Everything that the folder config/ says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.payloads.check import payload_faults_ever
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.profile import Profile
from bkkenergy.plan import ActionPlan
from bkkenergy.portfolio import Portfolio, load_portfolio
from bkkenergy.settings import FILE_NAME, Settings, load_settings
from bkkenergy.site.figures import RatesAndTariffs, load_figures
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.site.poll_config import load_polled
from bkkenergy.site.portfolio_source import load_current
from bkkenergy.site.profiles import load_profiles

if TYPE_CHECKING:
    from bkkenergy.site.savings_config import SavingsConfig
    from bkkenergy.solar.assumptions import SolarConfig


@dataclass(frozen=True)
class Configuration:
    """A site's configuration. What only some commands need is read when it is asked for: it raises ConfigError then."""

    folder: Path
    settings: Settings
    figures: RatesAndTariffs
    portfolio: Portfolio
    profiles: Mapping[str, Profile]

    @cached_property
    def savings(self) -> SavingsConfig:
        """Thresholds of findings, adjustments, and the bands' placebo."""
        from bkkenergy.site.record_readers import savings_of  # noqa: PLC0415 - the ingester alone needs none
        from bkkenergy.site.savings_config import load_savings  # noqa: PLC0415

        return savings_of(load_savings(self.folder), self.portfolio.records)

    @cached_property
    def solar(self) -> SolarConfig:
        """Assumptions, modules, inverters and prices."""
        from bkkenergy.site.solar_config import load_solar  # noqa: PLC0415 - and pvlib is slow to import

        return load_solar(self.folder)

    @cached_property
    def plan(self) -> ActionPlan | None:
        """The action plan's targets as they are today; None where there are none."""
        from bkkenergy.site.record_readers import plan_of  # noqa: PLC0415

        return plan_of(self.folder, self.portfolio.records, dt.datetime.now(BANGKOK).date())

    def delivery_on(self, day: dt.date) -> Settings:
        """Return the settings with the recipients that count on a day.

        Those of the portfolio count as soon as it ever has one; those of the settings only until then.
        """
        if not self.portfolio.records.by_kind.get("recipient"):
            return self.settings
        home = self.folder.resolve().parent
        recipients = tuple(
            recipient.model_copy(update={"secret_file": recipient.secret_file and home / recipient.secret_file})
            for recipient in self.portfolio.records.on("recipient", day).values()
        )
        return self.settings.model_copy(update={"recipient": recipients})

    def with_portfolio(self, portfolio: Portfolio) -> Configuration:
        """Return the configuration with another portfolio, such as that of an earlier day."""
        other = replace(self, portfolio=portfolio)
        if "solar" in self.__dict__:
            other.__dict__["solar"] = self.solar  # it says nothing of the portfolio, and is slow to read
        return other


def default_config_dir() -> Path:
    """Return ./config where there is one, else the configuration that the package brings (the demonstration)."""
    here = Path("config")
    if (here / FILE_NAME).exists():
        return here
    return packaged_config_dir()


def _portfolio(folder: Path, settings: Settings | None, tariffs: frozenset[str] | None) -> Portfolio:
    """Load the portfolio from where the settings say; from the files where the settings have faults."""
    if settings is None:
        return load_portfolio(folder, tariffs=tariffs)
    return load_current(folder, settings, tariffs=tariffs)


def load_configuration(folder: Path) -> Configuration:
    """Load the whole configuration. Raises ConfigError with the faults of all its files."""
    faults: list[Fault] = []

    def attempt(load: Callable[[], Any]) -> Any:
        try:
            return load()
        except ConfigError as error:
            faults.extend(error.faults)
            return None

    settings = attempt(lambda: load_settings(folder))
    figures = attempt(lambda: load_figures(folder))
    tariffs = frozenset(figures.tariffs.schedules) if figures else None
    portfolio = attempt(lambda: _portfolio(folder, settings, tariffs))
    profiles = attempt(lambda: load_profiles(folder, frozenset(FAMILIES)))
    if portfolio is not None and profiles is not None:
        faults += payload_faults_ever(portfolio, profiles)
    if portfolio is not None:
        attempt(lambda: load_polled(folder, portfolio))
    if faults:
        raise ConfigError(faults)
    return Configuration(folder, settings, figures, portfolio, profiles)
