import datetime as dt
import shutil

import pytest

from bkkenergy.carbon import GridFactor, avoided, emissions_kg, factor_on
from bkkenergy.dated import holding
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.site.figures import load_figures
from bkkenergy.tariff.flat import cost_thb, flat_rate_on


def factor(year, value=0.5, purpose="footprint"):
    return GridFactor(
        purpose=purpose, valid_from=dt.date(year, 1, 1), kg_co2e_per_kwh=value, source="s", grade="V",
        entered=dt.date(2026, 1, 1),
    )  # fmt: skip


@pytest.mark.parametrize(("year", "value"), [(2019, 0.6), (2020, 0.6), (2021, 0.5), (2030, 0.5)])
def test_the_factor_of_a_day_is_the_latest_that_began(year, value):
    factors = [factor(2021, 0.5), factor(2000, 0.6)]
    assert factor_on(factors, dt.date(year, 12, 31), "footprint").kg_co2e_per_kwh == value


def test_factors_of_other_purposes_do_not_count():
    with pytest.raises(InputError, match=r"No grid factor for 'project' is entered for 2026-06-01.*factors.toml"):
        factor_on([factor(2000)], dt.date(2026, 6, 1), "project")


def test_the_shipped_figures_each_have_a_source(config_dir):
    figures = load_figures(config_dir)
    assert all(len(entry.source) > 10 for entry in (*figures.flat, *figures.grid_factors))


@pytest.mark.parametrize(
    ("day", "thb", "kg"),
    [("2025-12-31", (3.9086 + 0.1572) * 1070, 499.9), ("2026-10-01", (3.9086 + 0.1623) * 1070, 475.0)],
)
def test_a_thousand_kwh_at_the_flat_rate_and_factor_of_the_day(config_dir, day, thb, kg):
    figures, asked = load_figures(config_dir), dt.date.fromisoformat(day)
    assert cost_thb(1000, figures.flat_rate_on(asked)) == pytest.approx(thb)
    assert emissions_kg(1000, factor_on(figures.grid_factors, asked, "footprint")) == pytest.approx(kg)


def test_days_are_parted_where_a_kwh_gets_another_price_or_factor(config_dir):
    figures = load_figures(config_dir)
    parts = figures.prices(dt.date(2025, 10, 1), dt.date(2026, 9, 30))
    assert [(str(part.first_day), part.rate.ft_thb_per_kwh, part.kg_co2e_per_kwh) for part in parts] == [
        ("2025-10-01", 0.1572, 0.4999), ("2026-01-01", 0.0972, 0.475), ("2026-05-01", 0.1623, 0.475),
    ]  # fmt: skip
    assert [part.last_day for part in parts][-1] == dt.date(2026, 9, 30)


def test_a_flat_rate_quotes_each_source_in_thai_and_as_it_is_where_there_is_none(config_dir):
    figures, day = load_figures(config_dir), dt.date(2026, 10, 1)
    parts = (holding(figures.flat, day), figures.tariffs.ft_on(day), figures.tariffs.vat_on(day))
    rate = flat_rate_on(day, figures.flat, figures.tariffs)
    assert all(part.source in rate.source for part in parts)
    assert all(part.source_th and part.source_th in rate.source_th for part in parts)
    without_thai = [part.model_copy(update={"source_th": ""}) for part in figures.flat]
    assert parts[0].source in flat_rate_on(day, without_thai, figures.tariffs).source_th


def test_no_flat_rate_and_no_factor_before_the_first(config_dir):
    (part,) = load_figures(config_dir).prices(dt.date(2017, 3, 1), dt.date(2017, 3, 31))
    assert (part.thb_per_kwh, part.kg_co2e_per_kwh) == (None, None)


@pytest.mark.parametrize(
    ("name", "key", "places"),
    [("tariffs/flat.toml", "source", 1), ("tariffs/rules.toml", "grade", 27), ("factors.toml", "source", 4)],
)
def test_a_figure_without_a_source_or_its_grade_is_a_fault(tmp_path, config_dir, name, key, places):
    shutil.copytree(config_dir / "tariffs", tmp_path / "tariffs")
    shutil.copy(config_dir / "factors.toml", tmp_path)
    text = (config_dir / name).read_text()
    (tmp_path / name).write_text("\n".join(line for line in text.splitlines() if not line.startswith(key)))
    with pytest.raises(ConfigError) as caught:
        load_figures(tmp_path)
    assert [fault.where.endswith(f".{key}") for fault in caught.value.faults] == [True] * places


def test_an_avoided_amount_names_its_factor(config_dir):
    factors = load_figures(config_dir).grid_factors
    avoided_one = avoided(1000, factors, dt.date(2026, 6, 1))
    assert (avoided_one.co2e_kg, avoided_one.is_avoided) == (pytest.approx(447.0), True)
    assert "treatment plants" in avoided_one.factor.source
    with pytest.raises(InputError, match=r"config/factors\.toml"):
        avoided(1000, factors, dt.date(2020, 6, 1))
