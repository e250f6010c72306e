"""Canopies over car parks and floats on ponds: what they cost, how they lie, what they change in the yield."""

import io
import json
import zipfile

import numpy as np
import pytest

from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.library.roofs import Design
from bkkenergy.portfolio.models import Roof
from bkkenergy.reports.solar.html import render_design_html, render_screening_html
from bkkenergy.reports.solar.tables import design_csv, design_data, design_xlsx, screening_json
from bkkenergy.solar.design import design
from bkkenergy.solar.finance import capex_thb
from bkkenergy.solar.screening import screen
from bkkenergy.solar.sources import assumption_sources
from bkkenergy.solar.supports import support_of, with_structures
from tests.unit.solar.test_design import FACTOR, FIGURES, OFFICE, STARTS, inputs, load_of

SQUARE = ((0, 0), (40, 0), (40, 30), (0, 30))


def roof(support, name="place", tilt_deg=5.0, outline=SQUARE):
    return Roof(id=name, outline_m=outline, tilt_deg=tilt_deg, azimuth_deg=180, support=support)


def made(config, weather, *roofs, **wish):
    building = OFFICE.model_copy(update={"roofs": roofs})
    return design(inputs(config, weather, building=building, **wish))


@pytest.fixture(scope="module")
def designs(config, weather):
    return {
        support: made(config, weather, roof(support), capacity_kwp=50) for support in ("roof", "canopy", "floating")
    }


@pytest.mark.parametrize(("support", "ratio"), [("roof", 1.0), ("canopy", 1.76), ("floating", 1.25)])
def test_each_costs_what_its_structure_costs_more(config, designs, support, ratio):
    one = designs[support]
    assert one.capex_thb == pytest.approx(ratio * capex_thb(one.capacity_kwp, config.finance.paid_capex))
    option = min(one.sweep.options, key=lambda option: abs(option.capacity_kwp - one.capacity_kwp))
    assert option.capex_thb == pytest.approx(ratio * capex_thb(option.capacity_kwp, config.finance.paid_capex))
    assert one.prices[1].capex_thb == pytest.approx(one.capex_thb)


def test_a_canopy_is_cooled_from_behind_and_covered_to_its_edges(designs, config, weather):
    assert designs["canopy"].specific_yield_kwh_per_kwp > 1.01 * designs["roof"].specific_yield_kwh_per_kwp
    whole = [made(config, weather, roof(support), capacity_kwp="max").capacity_kwp for support in ("roof", "canopy")]
    assert whole[1] > whole[0]


def test_floats_stand_in_rows_and_gain_nothing_by_water(designs):
    layout = designs["floating"].roofs[0].layout
    assert (layout.mounting, layout.module_tilt_deg) == ("racked", 5.0)
    assert designs["floating"].specific_yield_kwh_per_kwp <= designs["roof"].specific_yield_kwh_per_kwp


def test_what_water_sends_back_is_fresnels_reflection_of_diffuse_light(config):
    angle = np.radians(np.linspace(0.01, 89.99, 20_000))
    inside = np.arcsin(np.sin(angle) / 1.333)
    across = (np.sin(angle - inside) / np.sin(angle + inside)) ** 2
    along = (np.tan(angle - inside) / np.tan(angle + inside)) ** 2
    weight = np.sin(angle) * np.cos(angle)
    reflected = ((across + along) / 2 * weight).sum() / weight.sum()
    floating = next(support for support in config.supports if support.id == "floating")
    assert floating.ground_albedo == pytest.approx(reflected, abs=0.005)


@pytest.mark.parametrize("support", ["canopy", "floating"])
def test_the_report_says_what_it_rests_on_in_both_languages(designs, config, support):
    one = designs[support]
    assert one.roofs[0].layout.load_kg_m2 is None
    assert not {"load_above_limit", "ballast_is_assumed"} & set(one.warnings)
    assert [note.key for note in one.wiring if note.key == support] == [support]
    citation = next(entry for entry in config.supports if entry.id == support).citation
    assert ("support", citation) in [(key, source) for key, source, _ in assumption_sources(one)]
    for lang in ("en", "th"):
        page = render_design_html(one, lang, today=STARTS[-1].date()).decode()
        assert citation.said(lang)[:60].replace("'", "&#39;") in page
        assert next(note for note in one.wiring if note.key == support).said(lang)[:40] in page
    assert "support" not in [key for key, _, _ in assumption_sources(designs["roof"])]


@pytest.mark.parametrize("lang", ["en", "th"])
def test_what_is_provisional_is_said_on_every_sheet(designs, lang):
    one, words = designs["canopy"], Words(lang)
    assert one.warnings[-2:] == ("spread_is_provisional", "support_is_provisional")
    with zipfile.ZipFile(io.BytesIO(design_xlsx(one, lang))) as book:
        sheets = book.read("xl/sharedStrings.xml").decode()
    page = render_design_html(one, lang, today=STARTS[-1].date()).decode()
    for key in one.warnings:
        text = words(f"solar.warning_{key}")
        assert text in sheets
        assert text in design_csv(one, lang).decode()
        assert text.replace("'", "&#39;") in page
    assert list(one.warnings) == design_data(one)["warnings"]
    shown = Design(one)
    assert "support_is_provisional" in shown.summary()["warnings"]
    assert f"{len(one.warnings)} warnings" in repr(shown)


def test_a_figure_with_a_source_is_not_called_provisional(designs, config, weather):
    sourced = config.model_copy(
        update={name: getattr(config, name).model_copy(update={"is_provisional": False}) for name in ("uncertainty",)}
        | {"supports": tuple(one.model_copy(update={"is_provisional": False}) for one in config.supports)}
    )
    assert not [key for key in made(sourced, weather, roof("canopy"), capacity_kwp=50).warnings if "provisional" in key]
    with_battery = made(config, weather, roof("roof"), capacity_kwp=50, battery_kwh=20.0)
    assert set(with_battery.warnings) - set(designs["roof"].warnings) == {"battery_is_provisional"}


def test_a_roof_beside_a_canopy_is_priced_by_the_share_of_each(config, weather):
    beside = tuple((x + 100, y) for x, y in SQUARE)
    both = made(config, weather, roof("roof"), roof("canopy", "cars", outline=beside), capacity_kwp="max")
    kwp = {one.id: one.layout.capacity_kwp for one in both.roofs}
    assert set(kwp) == {"place", "cars"}
    ratio = (kwp["place"] + 1.76 * kwp["cars"]) / sum(kwp.values())
    assert both.capex_thb == pytest.approx(ratio * capex_thb(both.capacity_kwp, config.finance.paid_capex))
    layouts = [one.layout for one in both.roofs]
    assert with_structures(config.finance, layouts).capex[0].thb_per_kwp == pytest.approx(
        ratio * config.finance.capex[0].thb_per_kwp
    )


def test_the_screening_prices_them_too(config, weather):
    rows = {}
    for support in ("roof", "floating"):
        building = OFFICE.model_copy(update={"roofs": (roof(support),)})
        ranked = screen(
            [building], weather, config, FIGURES.tariffs, FACTOR, lambda one: load_of(one, config),
            schedule_of=lambda _: OFFICE.tariff,
        )  # fmt: skip
        (rows[support],) = ranked.rows
        for lang in ("en", "th"):
            page = render_screening_html(ranked, lang, today=STARTS[-1].date()).decode()
            assert (Words(lang)("solar.price_is_provisional") in page) == (support == "floating")
        assert json.loads(screening_json(ranked))["rows"][0]["is_provisional"] == (support == "floating")
    per_kwp = {support: row.capex_thb / row.capacity_kwp for support, row in rows.items()}
    assert per_kwp["floating"] > 1.1 * per_kwp["roof"]


def test_a_site_without_figures_for_it_is_told_which(config, weather):
    bare = config.model_copy(update={"supports": ()})
    with pytest.raises(InputError, match="no figures for canopy"):
        made(bare, weather, roof("canopy"))
    assert support_of(roof("roof"), ()) is None
