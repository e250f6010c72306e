import pytest

from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def config():
    return load_solar(ROOT / "config")


@pytest.fixture(scope="session")
def weather(config):
    return typical_year(config.climate)


@pytest.fixture(scope="session")
def no_losses(config):
    names = (
        "mismatch", "module_quality", "light_induced_degradation", "dc_wiring", "ac_wiring", "unavailability", "soiling_per_day",
    )  # fmt: skip
    return config.losses.model_copy(update=dict.fromkeys(names, 0.0))
