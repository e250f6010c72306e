"""Energy metering, solar estimates and saving reports for the buildings of a city.

As a library: ``import bkkenergy as bk``. Each name below is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bkkenergy.errors import BkkEnergyError, ConfigError, InputError
    from bkkenergy.library import calendars, charts, examples
    from bkkenergy.library.baselines import Baseline, Savings, parts
    from bkkenergy.library.bills import Bills, bill, compare_schedules, schedules
    from bkkenergy.library.emission import emissions
    from bkkenergy.library.errors import EnergyWarning
    from bkkenergy.library.findings import findings
    from bkkenergy.library.indices import buildings, rank
    from bkkenergy.library.meters import intervals, spans
    from bkkenergy.library.money import Finance, finance
    from bkkenergy.library.retrofits import retrofit
    from bkkenergy.library.roofs import Design, Roof, Yield, design, screen, simulate
    from bkkenergy.portfolio import Exchange

__version__ = "0.1.0"

__all__ = [
    "Baseline",
    "Bills",
    "BkkEnergyError",
    "ConfigError",
    "Design",
    "EnergyWarning",
    "Exchange",
    "Finance",
    "InputError",
    "Roof",
    "Savings",
    "Yield",
    "__version__",
    "bill",
    "buildings",
    "calendars",
    "charts",
    "compare_schedules",
    "design",
    "emissions",
    "examples",
    "finance",
    "findings",
    "intervals",
    "parts",
    "rank",
    "retrofit",
    "schedules",
    "screen",
    "simulate",
    "spans",
]

_MODULE_OF = {
    "Baseline": "library.baselines",
    "Bills": "library.bills",
    "BkkEnergyError": "errors",
    "ConfigError": "errors",
    "Design": "library.roofs",
    "EnergyWarning": "library.errors",
    "Exchange": "portfolio",
    "Finance": "library.money",
    "InputError": "errors",
    "Roof": "library.roofs",
    "Savings": "library.baselines",
    "Yield": "library.roofs",
    "bill": "library.bills",
    "calendars": "library",
    "charts": "library",
    "compare_schedules": "library.bills",
    "buildings": "library.indices",
    "design": "library.roofs",
    "emissions": "library.emission",
    "examples": "library",
    "finance": "library.money",
    "findings": "library.findings",
    "intervals": "library.meters",
    "parts": "library.baselines",
    "rank": "library.indices",
    "retrofit": "library.retrofits",
    "schedules": "library.bills",
    "screen": "library.roofs",
    "simulate": "library.roofs",
    "spans": "library.meters",
}
"""Where each name is made. A type checker reads the imports above instead; a test compares the two."""


if not TYPE_CHECKING:  # a type checker sees the imports above, and finds names that do not exist

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used, so that `import bkkenergy` stays fast."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'bkkenergy' has no attribute {name!r}")
        module = import_module(f"bkkenergy.{_MODULE_OF[name]}")
        value = (
            import_module(f"{module.__name__}.{name}")
            if module.__name__ == "bkkenergy.library"
            else getattr(module, name)
        )
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, also those that are not loaded yet."""
    return sorted({*globals(), *__all__})
