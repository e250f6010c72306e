import datetime as dt
import shutil

import pytest

from bkkenergy.carbon import GridFactor, avoided, emissions_kg, factor_for, scope_2
from bkkenergy.errors import ConfigError
from bkkenergy.site.figures import load_figures
from bkkenergy.tariff.flat import cost_thb


def factor(year, value=0.5, purpose="footprint"):
    return GridFactor(purpose=purpose, from_year=year, kg_co2e_per_kwh=value, source="s", entered=dt.date(2026, 1, 1))


@pytest.mark.parametrize(("year", "value"), [(2019, 0.6), (2020, 0.6), (2021, 0.5), (2030, 0.5)])
def test_the_factor_of_a_year_is_the_latest_that_began(year, value):
    assert factor_for([factor(2021, 0.5), factor(2000, 0.6)], year, "footprint").kg_co2e_per_kwh == value


def test_factors_of_other_purposes_do_not_count():
    with pytest.raises(LookupError, match=r"no grid factor for project in 2026.*factors.toml"):
        factor_for([factor(2000)], 2026, "project")


def test_the_shipped_figures_each_have_a_source(config_dir):
    figures = load_figures(config_dir)
    assert all(len(entry.source) > 10 for entry in (figures.flat_rate, *figures.grid_factors))


def test_a_thousand_kwh_at_the_shipped_flat_rate(config_dir):
    """(3.9086 + 0.0972) x 1.07 = 4.286206 THB/kWh, and 0.4999 kgCO2e/kWh since 2021."""
    figures = load_figures(config_dir)
    assert cost_thb(1000, figures.flat_rate) == pytest.approx(4286.206)
    assert emissions_kg(1000, factor_for(figures.grid_factors, 2026, "footprint")) == pytest.approx(499.9)


@pytest.mark.parametrize(
    ("name", "figures"),
    [("tariffs/flat.toml", 1), ("tariffs/schedules.toml", 20), ("tariffs/rules.toml", 10), ("factors.toml", 3)],
)
def test_a_figure_without_a_source_is_a_fault(tmp_path, config_dir, name, figures):
    shutil.copytree(config_dir / "tariffs", tmp_path / "tariffs")
    shutil.copy(config_dir / "factors.toml", tmp_path)
    text = (config_dir / name).read_text()
    (tmp_path / name).write_text("\n".join(line for line in text.splitlines() if not line.startswith("source")))
    with pytest.raises(ConfigError) as caught:
        load_figures(tmp_path)
    assert [fault.where.endswith(".source") for fault in caught.value.faults] == [True] * figures


def test_every_emission_names_its_factor(config_dir):
    factors = load_figures(config_dir).grid_factors
    own, kept = scope_2(1000, factors, 2026), avoided(1000, factors, 2026)
    assert (own.co2e_kg, own.is_avoided) == (pytest.approx(499.9), False)
    assert (kept.co2e_kg, kept.is_avoided) == (pytest.approx(447.0), True)
    assert "treatment plants" in kept.factor.source
    with pytest.raises(LookupError, match=r"config/factors\.toml"):
        avoided(1000, factors, 2020)
