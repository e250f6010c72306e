"""Emissions across a change of the grid factor: both amounts, what of a change is the factor's, and frozen factors."""

import datetime as dt
import io
from dataclasses import replace

import numpy as np
import openpyxl
import pytest

from bkkenergy.carbon import GridFactor, daily_factors, emitted_kg, factor_on
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.library.packaged import figures
from bkkenergy.reports.city import city_report
from bkkenergy.reports.content import YearBefore
from bkkenergy.reports.emissions import emission_trend, issued_note, trend_note, upstream_note
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.render.json import read_json
from bkkenergy.site.figures import Prices
from tests.unit.reports.conftest import NOW, RATE
from tests.unit.reports.test_full import PLACEBO, full

OLD, NEW = [one for one in figures().grid_factors if one.purpose == "footprint"]
BEHIND = next(one for one in figures().grid_factors if one.purpose == "upstream")


def year_before(energy_kwh=1000.0, actual_kwh=900.0, then=OLD, now=NEW):
    return YearBefore(
        dt.date(2025, 11, 1), dt.date(2025, 11, 30), energy_kwh, actual_kwh, 2, 2,
        co2e_kg=energy_kwh * then.kg_co2e_per_kwh, actual_co2e_kg=actual_kwh * now.kg_co2e_per_kwh,
        factors=tuple(dict.fromkeys([then, now])),
    )  # fmt: skip


@pytest.fixture
def report(scene):
    return replace(full(scene.report()), factors=(NEW,), year_before=year_before())


def test_a_fall_by_the_factor_alone_is_no_fall_of_use(report):
    same_use = replace(report, year_before=year_before(actual_kwh=1000.0))
    trend = emission_trend(same_use, Words("en"))
    assert trend.change_ratio == pytest.approx(0.475 / 0.4999 - 1)
    assert trend.same_change_ratio == 0
    assert [row.same_co2e_kg for row in trend.rows] == [475.0, 475.0]


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_shows_both_and_says_from_when(report, lang):
    words = Words(lang)
    page = RENDERERS["html"](report, lang).decode().replace("\N{NO-BREAK SPACE}", " ")
    note = trend_note(emission_trend(report, words), words)
    assert "0.4999" in note
    assert words.date(dt.date(2026, 1, 1)) in note
    assert words.percent(900 * 0.475 / 499.9 - 1, 1, signed=True) in note
    assert words.percent(-0.1, 1, signed=True) in note
    assert words("emission.same", factor="0.4750") in page
    assert note.split(".")[0] in page


def test_the_workbook_computes_the_one_factor_itself(report):
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, "en")))
    sheet = book["Emissions"]
    assert (sheet["B3"].value, sheet["D6"].value, sheet["D8"].value) == (0.475, "=B6*$B$3/1000", "=D6/D7-1")


@pytest.mark.parametrize(
    "change",
    [
        {"year_before": None},
        {"year_before": replace(year_before(), factors=(NEW,), co2e_kg=475.0)},
        {"year_before": replace(year_before(), co2e_kg=None)},
    ],
)
def test_one_factor_or_none_is_no_change(report, change):
    assert emission_trend(replace(report, **change), Words("en")) is None


def test_a_period_in_which_the_factor_changes_shows_itself_by_both(report):
    total = replace(report.total, energy_kwh=1000.0, co2e_kg=490.0)
    alone = replace(report, factors=(OLD, NEW), total=total, year_before=None)
    trend = emission_trend(alone, Words("en"))
    assert [(row.co2e_kg, row.same_co2e_kg) for row in trend.rows] == [(490.0, 475.0)]
    assert trend.change_ratio is None


def test_the_city_sums_both_years_and_gives_none_where_an_agency_has_none(report):
    def city(*reports):
        return city_report(reports, PLACEBO, names=("เมือง", "City"), missing={}, generated_at=NOW)

    both = city(report, replace(report, agency_id="b"))
    assert both.year_before.co2e_kg == pytest.approx(999.8)
    assert both.year_before.factors == (OLD, NEW)
    unknown = replace(report, agency_id="b", year_before=replace(year_before(), co2e_kg=None))
    assert city(report, unknown).year_before.co2e_kg is None


def test_scope_3_category_3_is_of_the_days_with_a_factor_alone(scene):
    scene.lengthen(1)
    first, last = scene.period.first_day, scene.period.last_day
    scene.prices = (Prices(first, first, RATE, OLD), Prices(last, last, RATE, NEW, BEHIND))
    made = scene.report()
    assert made.upstream.first_day == last
    assert made.upstream.energy_kwh == pytest.approx(made.total.energy_kwh / 2)
    assert made.upstream.co2e_kg == pytest.approx(made.upstream.energy_kwh * 0.0812)
    for lang in LANGS:
        assert Words(lang).date(last) in upstream_note(made, Words(lang))
    scene.prices = (Prices(first, last, RATE, NEW, BEHIND),)
    assert "alone" not in upstream_note(scene.report(), Words("en"))
    assert scene.report().upstream.energy_kwh == pytest.approx(made.total.energy_kwh)


def test_a_revision_is_made_by_the_factors_that_its_first_was_issued_with():
    entered = GridFactor(
        purpose="footprint", valid_from=dt.date(2026, 6, 1), kg_co2e_per_kwh=0.46, source="entered later", grade="V",
        entered=dt.date(2026, 12, 1),
    )  # fmt: skip
    now = figures().model_copy(update={"grid_factors": (*figures().grid_factors, entered)})
    days = dt.date(2026, 10, 1), dt.date(2026, 10, 31)
    assert [price.kg_co2e_per_kwh for price in now.prices(*days)] == [0.46]
    assert [price.kg_co2e_per_kwh for price in now.with_factors(NEW, BEHIND).prices(*days)] == [0.475]
    a_year_before = now.with_factors(NEW, BEHIND).prices(dt.date(2025, 10, 1), dt.date(2025, 10, 31))
    assert [price.kg_co2e_per_kwh for price in a_year_before] == [0.4999]
    assert now.with_factors() == now


@pytest.mark.parametrize("lang", LANGS)
def test_a_revision_says_what_was_entered_since(report, lang):
    assert issued_note(report, Words(lang)) == ""
    revised = replace(report, entered_factors=(OLD,))
    assert "0.4999" in issued_note(revised, Words(lang))
    assert "0.4999" in RENDERERS["html"](replace(revised, year_before=None), lang).decode()


def test_a_report_from_before_has_none_of_it_and_is_read(report):
    plain = RENDERERS["json"](replace(report, upstream=None, entered_factors=()), "en")
    again = read_json(plain)
    assert again.year_before == report.year_before
    assert read_json(plain.replace(b'"upstream":null,', b"")).upstream is None


def test_a_day_with_energy_and_no_factor_makes_the_sum_unknown():
    factors = daily_factors(figures().grid_factors, dt.date(2025, 12, 30), dt.date(2026, 1, 2), "upstream")
    assert factors[:2] == [None, None]
    assert emitted_kg(np.array([np.nan, 0.0, 10.0, 10.0]), factors) == pytest.approx(1.624)
    assert emitted_kg(np.array([np.nan, 1.0, 10.0, 10.0]), factors) is None


def test_a_project_has_the_factor_of_its_own_method_or_none():
    solar = GridFactor(
        purpose="project", method="TH_AM001", valid_from=dt.date(2026, 1, 1), kg_co2e_per_kwh=0.3, source="s",
        grade="V", entered=dt.date(2026, 12, 1),
    )  # fmt: skip
    factors = (*figures().grid_factors, solar)
    day = dt.date(2026, 10, 1)
    assert factor_on(factors, day, "project", method="TH_AM001").kg_co2e_per_kwh == 0.3
    assert factor_on(factors, day, "project").kg_co2e_per_kwh == 0.447
    with pytest.raises(InputError, match="TH_AM005"):
        factor_on(factors, day, "project", method="TH_AM005")
    with pytest.raises(ValueError, match="no method"):
        GridFactor.model_validate(solar.model_dump() | {"purpose": "footprint"})
