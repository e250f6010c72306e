import csv
import datetime as dt
import io
import json
import re

import numpy as np
import openpyxl
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.carbon import factor_on
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.plan import Project
from bkkenergy.portfolio import load_portfolio
from bkkenergy.portfolio.models import Roof
from bkkenergy.reports.solar.html import render_design_html, roof_plans, solar_projects
from bkkenergy.reports.solar.tables import (
    design_csv,
    design_json,
    design_xlsx,
    screening_csv,
    screening_json,
    screening_xlsx,
)
from bkkenergy.site.figures import load_figures
from bkkenergy.solar.design import DesignInputs, DesignRequest, design
from bkkenergy.solar.load import typical_year_load
from bkkenergy.solar.outcome import exceeded_ratio
from bkkenergy.solar.screening import screen
from bkkenergy.solar.sources import assumption_sources
from tests.conftest import ROOT

FIGURES, PORTFOLIO = load_figures(ROOT / "config"), load_portfolio(ROOT / "config")
FACTOR = factor_on(FIGURES.grid_factors, dt.date(2026, 6, 1), "footprint")
STARTS = pd.date_range("2025-11-01", "2026-11-01", freq="15min", tz=BANGKOK, inclusive="left")
OFFICE = PORTFOLIO.buildings["district-bangkhen.office"]


def load_of(building, config):
    calendar = PORTFOLIO.calendars[building.calendar]
    return typical_year_load(
        STARTS, building.gross_floor_area_m2, config.typical_loads.wm2[building.type], calendar.open_hours
    )


def inputs(config, weather, building=OFFICE, **wish):
    schedule = FIGURES.tariffs.schedules[building.tariff]
    return DesignInputs(
        building, weather, load_of(building, config), schedule, FIGURES.tariffs, FACTOR, config, DesignRequest(**wish),
        day=dt.date(2026, 11, 1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(config, weather):
    return design(inputs(config, weather, capacity_kwp=80))


def test_the_design_adds_up(made):
    assert made.capacity_kwp == pytest.approx(made.strings.module_count * made.module.power_w / 1000)
    assert abs(made.capacity_kwp - 80) < 2
    assert sum(made.month_kwh) == pytest.approx(made.energy_kwh)
    assert made.losses[-1].energy_kwh == pytest.approx(made.energy_kwh)
    product = made.losses[0].energy_kwh * np.prod([1 + line.change_ratio for line in made.losses[1:]])
    assert product == pytest.approx(made.energy_kwh)
    assert made.used_kwh + made.surplus_kwh == pytest.approx(made.energy_kwh, rel=2e-3)
    assert made.p90_kwh < made.p75_kwh < made.energy_kwh
    assert made.avoided_kg == pytest.approx(made.used_kwh * FACTOR.kg_co2e_per_kwh)
    assert {key for key, _, _ in assumption_sources(made)} >= {
        "weather",
        "tariff",
        "losses",
        "finance",
        "grid_factor",
        "typical_loads",
    }


def test_without_a_wish_the_best_size_is_taken(config, weather):
    found = design(inputs(config, weather))
    assert found.capacity_kwp == pytest.approx(found.sweep.best_by_npv.capacity_kwp, rel=0.03)


def test_more_than_the_roof_is_refused(config, weather):
    with pytest.raises(InputError, match="more than the roofs of district-bangkhen.office carry"):
        design(inputs(config, weather, capacity_kwp=100_000))


def test_a_building_without_roofs_says_how_to_add_one(config, weather):
    with pytest.raises(InputError, match="has no roofs"):
        design(inputs(config, weather, building=OFFICE.model_copy(update={"roofs": ()})))


def test_an_outline_with_a_machine_and_a_horizon(config, weather):
    outline = ((0, 0), (30, 0), (30, 20), (0, 20))
    machine = {"outline_m": ((14, 8), (18, 8), (18, 11), (14, 11)), "height_m": 2.5}
    plain = Roof(id="roof", outline_m=outline, tilt_deg=5, azimuth_deg=180)
    shaded = Roof(
        id="roof",
        outline_m=outline,
        tilt_deg=5,
        azimuth_deg=180,
        obstacles=(machine,),
        horizon=((90, 20), (270, 15), (0, 0), (180, 5)),
    )
    whole, less = (
        design(inputs(config, weather, building=OFFICE.model_copy(update={"roofs": (roof,)}), capacity_kwp="max"))
        for roof in (plain, shaded)
    )
    assert less.capacity_kwp < whole.capacity_kwp
    assert less.specific_yield_kwh_per_kwp < 0.985 * whole.specific_yield_kwh_per_kwp
    assert whole.roofs[0].sky_seen_ratio == 1
    assert next(line for line in less.losses if line.step == "shading").change_ratio < -0.01
    assert "outline_is_assumed" not in whole.warnings
    (note,) = less.wiring
    assert note.key == "shade"
    by_area = -next(line for line in less.losses if line.step == "shading").change_ratio
    assert note.values["by_area"] == f"{by_area:.1%}"
    assert 0 < float(note.values["more"].rstrip("%")) < 15
    assert f"at the very most {note.values['more']}" in render_design_html(less, "en", today=STARTS[-1].date()).decode()
    assert not whole.wiring


def test_a_battery_raises_what_the_building_uses(config, weather):
    without, with_one = (design(inputs(config, weather, capacity_kwp="max", battery_kwh=kwh)) for kwh in (0, 300))
    assert with_one.self_consumption_ratio > without.self_consumption_ratio
    assert with_one.capex_thb == pytest.approx(without.capex_thb + 1.07 * 300 * config.battery.capex_thb_per_kwh)


def test_cec_equipment_serves_too(config, weather):
    found = design(
        inputs(
            config, weather, capacity_kwp=60, module="cec:Jinko_Solar_Co___Ltd_JKM410M_72HL_V", inverter="string-20",
        )
    )  # fmt: skip
    assert 1250 < found.specific_yield_kwh_per_kwp < 1500


def test_p90_is_the_normal_quantile():
    assert exceeded_ratio(0.07, 0.90) == pytest.approx(1 - 1.2816 * 0.07, abs=1e-4)
    assert exceeded_ratio(0.07, 0.50) == pytest.approx(1)


def test_all_formats_tell_the_same_numbers(made):
    data = json.loads(design_json(made))
    rows = list(csv.reader(io.StringIO(design_csv(made, "en").decode("utf-8-sig"))))
    book = openpyxl.load_workbook(io.BytesIO(design_xlsx(made, "en")), data_only=False)
    assert data["energy_kwh"] == pytest.approx(made.energy_kwh)
    assert float({row[0]: row[1] for row in rows}["Energy per year"]) == pytest.approx(made.energy_kwh)
    summary = {row[0].value: row[1].value for row in book.worksheets[0].iter_rows(min_row=2, max_row=10)}
    assert summary["Energy per year (kWh)"] == pytest.approx(made.energy_kwh)
    assert summary["Net present value (THB)"] == pytest.approx(data["ways"]["own"]["npv_thb"])
    months = [row[1].value for row in book["Energy by month"].iter_rows(min_row=2, max_row=13)]
    assert months == pytest.approx(data["month_kwh"])
    assert book["Energy by month"]["B14"].value == "=SUM(B2:B13)"
    assert book["Finance"]["E2"].value.startswith("=B2+NPV(E1,B3:")


def test_the_plan_draws_every_module_where_it_is_laid(made):
    layout = made.roofs[0].layout
    drawn = str(roof_plans(made, Words("en"))[0])
    outlines = re.findall(r"M([-\d.]+),([-\d.]+)l([-\d.]+),([-\d.]+) ([-\d.]+),([-\d.]+) ([-\d.]+),([-\d.]+)z", drawn)
    assert len(outlines) == layout.module_count > 0
    corners = np.array(outlines, np.float64).reshape(-1, 4, 2).cumsum(axis=1)
    scale = np.ptp(corners[:, :, 0]) / np.ptp(layout.corners_m[:, :, 0])
    laid = layout.corners_m * [scale, -scale]
    assert np.abs((corners - corners.min((0, 1))) - (laid - laid.min((0, 1)))).max() < 0.5, "pixels"


def test_cleanings_are_compared_as_designs_of_their_own_would_be(config, weather, made):
    never = config.losses.model_copy(update={"soiling_cleaned_on": ()})
    alone = design(inputs(config.model_copy(update={"losses": never}), weather, capacity_kwp=80))
    (assumed,) = (option for option in made.cleaning if option.is_assumed)
    assert made.cleaning[0].energy_kwh == pytest.approx(alone.energy_kwh)
    assert assumed.energy_kwh == pytest.approx(made.energy_kwh)
    assert assumed.gain_thb == pytest.approx(made.bills.saving_thb - alone.bills.saving_thb)


def test_more_cleanings_bring_more_energy_and_one_number_of_them_most_money(made):
    options = [option for option in made.cleaning if not option.is_assumed]
    assert [option.energy_kwh for option in options] == sorted(option.energy_kwh for option in options)
    assert [option.soiling_ratio for option in options] == sorted((o.soiling_ratio for o in options), reverse=True)
    assert (options[0].count_per_year, options[0].gain_kwh, options[0].cost_thb) == (0, 0, 0)
    (best,) = (option for option in made.cleaning if option.is_best)
    assert best.net_thb == max(option.net_thb for option in made.cleaning)


def test_with_a_table_of_months_no_cleaning_is_compared_and_the_report_says_why(config, weather):
    table = config.losses.model_copy(update={"soiling_months": (0.03,) * 12})
    with_table = config.model_copy(update={"losses": table})
    solar_design = design(inputs(with_table, weather, capacity_kwp=30))
    assert solar_design.cleaning == ()
    assert next(line for line in solar_design.losses if line.step == "soiling").change_ratio == pytest.approx(-0.03)
    page = render_design_html(solar_design, "en", today=dt.date(2026, 11, 26)).decode()
    assert "table of months" in page
    assert page.count("3.0%") >= 12


def test_the_report_says_what_the_plan_has_for_this_building_and_nothing_of_others(made):
    plan = [
        Project(
            id=f"pv-{number}", agency="district-bangkhen", building=building, kind=kind, state=state,
            name_th="โซลาร์สำนักงาน", name_en=f"PV {number}", due_year_be=2570, expected_kwh=52_000, budget_thb=1_400_000,
        )
        for number, (building, kind, state) in enumerate([
            (made.building.id, "solar", "proposed"), (made.building.id, "solar", "dropped"),
            (made.building.id, "led", "running"), ("health.centre-1", "solar", "running"),
        ])
    ]  # fmt: skip
    (ours,) = planned = solar_projects(plan, made.building.id)
    assert ours.id == "pv-0"
    today = dt.date(2026, 11, 26)
    page = render_design_html(made, "en", today=today, planned=planned).decode()
    said = "In the action plan: PV 0 (proposed), due 2027: 52,000 kWh per year expected, 1,400,000 THB budgeted."
    assert said in page
    assert "ในแผนปฏิบัติการ: โซลาร์สำนักงาน (เสนอ" in render_design_html(made, "th", today=today, planned=planned).decode()
    assert "In the action plan" not in render_design_html(made, "en", today=today).decode()


@pytest.fixture(scope="module")
def screened(config, weather):
    buildings = list(PORTFOLIO.buildings.values())[:12]
    buildings.append(OFFICE.model_copy(update={"id": "district-bangkhen.shed", "roofs": ()}))
    read = lambda building: load_of(building, config)  # noqa: E731
    return screen(buildings, weather, config, FIGURES.tariffs, FACTOR, read, schedule_of=PORTFOLIO.schedule_of)


def test_screening_ranks_by_worth_and_tells_what_is_left_out(screened):
    worths = [row.npv_thb for row in screened.rows]
    assert worths == sorted(worths, reverse=True)
    assert len(screened.rows) == 12
    ((building, why),) = screened.refused
    assert building == "district-bangkhen.shed"
    assert OFFICE.name_th in why.said("th")
    assert str(why).startswith("district-bangkhen.shed has no roofs.")
    assert all(1200 < row.energy_kwh / row.capacity_kwp < 1550 for row in screened.rows)


def test_screening_agrees_with_the_single_design(config, weather, screened):
    row = next(row for row in screened.rows if row.building == OFFICE.id)
    alone = design(inputs(config, weather, capacity_kwp=row.capacity_kwp))
    assert alone.specific_yield_kwh_per_kwp == pytest.approx(row.energy_kwh / row.capacity_kwp, rel=0.01)
    assert alone.bills.saving_thb == pytest.approx(row.saving_thb, rel=0.03)


def test_screening_in_every_format(screened):
    data = json.loads(screening_json(screened))
    rows = list(csv.DictReader(io.StringIO(screening_csv(screened).decode("utf-8-sig"))))
    sheet = openpyxl.load_workbook(io.BytesIO(screening_xlsx(screened, "th"))).worksheets[0]
    assert (
        [row["building"] for row in data["rows"]]
        == [row["building"] for row in rows]
        == [cell.value for cell in sheet["A"][1:]]
    )
    assert float(rows[0]["npv_thb"]) == pytest.approx(data["rows"][0]["npv_thb"])


def test_roofs_of_the_same_value_are_ranked_by_their_names(config, weather):
    buildings = [OFFICE.model_copy(update={"id": f"district-bangkhen.{name}"}) for name in ("c", "a", "b")]
    read = lambda _: load_of(OFFICE, config)  # noqa: E731
    ranked = screen(buildings, weather, config, FIGURES.tariffs, FACTOR, read, schedule_of=lambda _: OFFICE.tariff)
    assert [row.building[-1] for row in ranked.rows] == ["a", "b", "c"]


@pytest.mark.slow
def test_a_cluster_gives_the_same_numbers(config, weather):
    """A real Dask scheduler and two worker processes."""
    from distributed import Client, LocalCluster

    buildings = list(PORTFOLIO.buildings.values())[:4]
    read = lambda building: load_of(building, config)  # noqa: E731
    given = (buildings, weather, config, FIGURES.tariffs, FACTOR, read)
    alone = screen(*given, schedule_of=PORTFOLIO.schedule_of)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as cluster,
        Client(cluster) as client,
    ):
        spread = lambda work, items: client.gather(client.map(work, list(items), pure=False))  # noqa: E731
        together = screen(*given, schedule_of=PORTFOLIO.schedule_of, spread=spread)
    assert together == alone


def test_prices_have_vat_as_bills_do_and_the_report_says_so(config, weather, made):
    free = config.model_copy(update={"finance": config.finance.model_copy(update={"vat_ratio": 0.0})})
    without = design(inputs(free, weather, capacity_kwp=80))
    assert made.capex_thb == pytest.approx(1.07 * without.capex_thb)
    assert made.sweep.options[3].capex_thb == pytest.approx(1.07 * without.sweep.options[3].capex_thb)
    assert [case.capex_thb for case in made.prices] == pytest.approx([1.07 * case.capex_thb for case in without.prices])
    assert made.bills.saving_thb == pytest.approx(without.bills.saving_thb)
    for lang, text in (("en", "have 7 % VAT added"), ("th", "บวกภาษีมูลค่าเพิ่ม 7")):
        assert text in render_design_html(made, lang, today=STARTS[-1].date()).decode().replace("7%", "7 %")


def test_a_design_of_a_demonstration_says_so_and_no_other(config, weather):
    made = design(inputs(config, weather, capacity_kwp=30))
    for lang in LANGS:
        for is_simulated in (True, False):
            page = render_design_html(made, lang, today=STARTS[-1].date(), is_simulated=is_simulated).decode()
            assert (Words(lang)("report.simulated") in page) is is_simulated
