"""The tender pack: it adds up, nothing is undersized, and SAM reads what is written for it."""

import csv
import datetime as dt
import io
import json
import zipfile
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySAM import Pvwattsv8

from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.portfolio.models import Roof
from bkkenergy.reports.solar.html import render_design_html
from bkkenergy.reports.solar.linediagram import WIDTH, line_diagram
from bkkenergy.reports.solar.tender import materials_csv, sam_inputs, sam_weather, tender_archive, tender_html
from bkkenergy.solar.design import design
from bkkenergy.solar.sources import assumption_sources
from bkkenergy.solar.tender import breaker_a, inverters_of, tender_of
from tests.unit.solar.test_design import OFFICE, inputs

TODAY = dt.date(2026, 11, 26)
ROOFS = (
    Roof(id="east", area_m2=300, tilt_deg=10, azimuth_deg=90),
    Roof(id="west", area_m2=180, tilt_deg=10, azimuth_deg=270),
)


@pytest.fixture(scope="module")
def made(config, weather):
    building = OFFICE.model_copy(update={"roofs": ROOFS})
    return design(inputs(config, weather, building=building, capacity_kwp="max"))


@pytest.fixture(scope="module")
def tender(made):
    return tender_of(made, transformer_kva=500)


def test_every_string_has_one_tracker_of_one_roof(made, tender):
    assert sum(row.module_count for row in tender.strings) == made.strings.module_count
    seats = [(row.inverter_number, row.tracker_number) for row in tender.strings]
    assert len(set(seats)) == len(seats)
    assert max(row.tracker_number for row in tender.strings) <= made.strings.inverter.mppt_count
    assert max(row.inverter_number for row in tender.strings) <= made.strings.inverter_count
    assert all(1 <= row.strings <= made.strings.plans[0].strings_per_mppt for row in tender.strings)


@pytest.mark.parametrize(
    "wish", [{"inverter": "string-5", "capacity_kwp": 12}, {"inverter": "string-20"}, {"module": "hjt-640"}]
)
def test_other_devices_are_wired_within_their_limits_too(config, weather, wish):
    one = design(inputs(config, weather, **({"capacity_kwp": 60} | wish)))
    found = tender_of(one)
    assert sum(row.module_count for row in found.strings) == one.strings.module_count
    assert all(row.strings <= one.strings.plans[0].strings_per_mppt for row in found.strings)
    assert all(side.is_three_phase == (side.inverter.ac_kw > 6) for side in found.ac.inverters)


def test_cables_carry_their_breakers_and_lose_no_more_than_allowed(made, tender):
    wiring = made.config.wiring
    carries = dict(zip(wiring.areas_mm2, wiring.carries_a, strict=True))
    for cable in tender.cables:
        assert carries[cable.area_mm2] * wiring.heat_factor * cable.parallel >= cable.design_a > cable.current_a
        assert 0 < cable.drop_ratio <= cable.max_drop_ratio
    kw = made.strings.inverter_kw
    assert tender.ac.total_a == pytest.approx(kw * 1000 / (np.sqrt(3) * 400))
    assert tender.ac.main_breaker_a >= 1.25 * tender.ac.total_a
    assert tender.ac.transformer_ratio == pytest.approx(kw / 500)


def test_a_drop_worked_by_hand(made, tender):
    """50 kW at 400 V: 72.2 A; 10 m of 50 mm2 lose 1.73 x 10 x 72.2 x 0.0225 / 50 = 0.56 V."""
    cable = tender.cables[1]
    drop_v = np.sqrt(3) * cable.length_m * cable.current_a * 0.0225 / cable.area_mm2 / cable.parallel
    assert cable.drop_ratio == pytest.approx(drop_v / 400)


def test_what_nothing_carries_is_refused(config):
    with pytest.raises(InputError, match="no breaker of the configuration carries 9000 A"):
        breaker_a(9000, config.wiring)


def test_materials_count_what_the_design_has(made, tender):
    by_name = {line.name: line for line in tender.materials}
    assert by_name["modules"].quantity == by_name["mounting"].quantity == made.strings.module_count
    assert by_name["inverters"].quantity == made.strings.inverter_count
    assert by_name["connectors"].quantity == 2 * made.strings.string_count
    assert "battery" not in by_name
    rows = list(csv.reader(io.StringIO(materials_csv(tender, Words("th")).decode("utf-8-sig"))))
    assert len(rows) == len(tender.materials) + 1


@given(st.lists(st.integers(1, 3), min_size=1, max_size=24), st.integers(1, 4), st.integers(1, 8))
def test_neighbours_on_an_inverter_never_load_it_more(strings, inverters, spare):
    most_trackers = -(-len(strings) // inverters) + spare - 1
    numbers = inverters_of(strings, inverters, most_trackers)
    loads = [
        sum(count for number, count in zip(numbers, strings, strict=True) if number == at) for at in range(inverters)
    ]
    assert max(numbers.count(at) for at in range(inverters)) <= most_trackers
    assert max(loads) <= max(sum(strings[at::inverters]) for at in range(inverters))
    assert sum(loads) == sum(strings)


@pytest.mark.parametrize("lang", LANGS)
def test_canopies_floats_and_batteries_are_in_materials_diagram_and_warnings(config, weather, lang):
    square, roofs = ((0, 0), (20, 0), (20, 20), (0, 20)), []
    for east, support in enumerate(("roof", "canopy", "floating")):
        outline = tuple((x + 40 * east, y) for x, y in square)
        roofs.append(Roof(id=support, outline_m=outline, tilt_deg=10, azimuth_deg=180, support=support))
    building = OFFICE.model_copy(update={"roofs": tuple(roofs)})
    one = design(inputs(config, weather, building=building, capacity_kwp="max", battery_kwh=20.0))
    found, words = tender_of(one), Words(lang)
    by_name = {line.name: line.quantity for line in found.materials}
    counts = {roof.id: roof.layout.module_count for roof in one.roofs}
    names = {"roof": "mounting", "canopy": "canopy", "floating": "floating"}
    assert {support: by_name[name] for support, name in names.items()} == counts
    wired = {(row.inverter_number, row.roof) for row in found.strings}
    assert len(wired) <= one.strings.inverter_count + len(roofs) - 1, "an inverter has the strings of neighbours"
    assert "20 kWh, 10 kW" in " ".join(ET.fromstring(str(line_diagram(one, found, words))).itertext())
    page = tender_html(one, found, lang, today=TODAY).decode().replace("&#39;", "'")
    assert all(words(f"solar.warning_{key}") in page for key in one.warnings)
    assert all(note.said(lang) in page for note in one.wiring)


@pytest.mark.parametrize("lang", LANGS)
def test_the_diagram_is_one_svg_with_every_rating(made, tender, lang):
    drawn = ET.fromstring(str(line_diagram(made, tender, Words(lang))))
    texts = " ".join(drawn.itertext())
    assert drawn.tag.endswith("svg")
    for text in (f"{tender.ac.main_breaker_a:g} A", "kWh", "east", "west", f"{tender.cables[0].area_mm2:g} mm²"):
        assert text in texts


@pytest.mark.parametrize("kva", [500, None])
def test_no_text_of_the_diagram_is_cut_at_its_edge(made, kva):
    drawn = ET.fromstring(str(line_diagram(made, tender_of(made, transformer_kva=kva), Words("en"))))
    before = {"start": 0.0, "middle": 0.5, "end": 1.0}
    for one in drawn.iter("{http://www.w3.org/2000/svg}text"):
        wide = 7.0 * len(one.text)
        left = float(one.get("x")) - wide * before[one.get("text-anchor")]
        assert 0 <= left <= left + wide <= WIDTH, one.text


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_says_what_is_provisional_and_what_is_not_known(made, tender, lang):
    words = Words(lang)
    page = tender_html(made, tender, lang, today=TODAY).decode()
    for key in ("provisional", "approved_list"):
        assert words(f"tender.{key}").replace("'", "&#39;") in page
    assert words("tender.kva_unknown") in tender_html(made, tender_of(made), lang, today=TODAY).decode()


def test_a_heavy_roof_asks_for_an_engineer_and_an_unknown_weight_says_so(made, tender):
    assert tender.needs_certificate is (tender.highest_kg_m2 > 20)


def test_the_archive_has_all_and_is_the_same_twice(made):
    pack = tender_archive(made, LANGS, today=TODAY, kva=None, with_pdf=False)
    assert pack == tender_archive(made, LANGS, today=TODAY, kva=None, with_pdf=False)
    archive = zipfile.ZipFile(io.BytesIO(pack))
    names = set(archive.namelist())
    assert names >= {"strings.csv", "hourly.csv", "sam_weather.csv", "sam_pvwatts.json", "design.json"}
    assert {f"{name}.{lang}" for lang in LANGS for name in ("design", "tender")} <= {name[:-5] for name in names}
    rows = list(csv.DictReader(io.StringIO(archive.read("hourly.csv").decode("utf-8-sig"))))
    assert len(rows) == 8760
    assert sum(float(row["ac_kw"]) for row in rows) == pytest.approx(made.energy_kwh, rel=1e-4)


def test_sam_reads_the_files_and_comes_to_the_same_energy(made, tmp_path):
    (tmp_path / "weather.csv").write_bytes(sam_weather(made.year))
    total_kwh = 0.0
    for roof in json.loads(sam_inputs(made))["roofs"]:
        model = Pvwattsv8.new()
        model.SolarResource.assign({"solar_resource_file": str(tmp_path / "weather.csv")})
        model.SystemDesign.assign(
            {name: value for name, value in roof.items() if name not in {"roof", "adjust_constant"}}
        )
        model.AdjustmentFactors.assign({"adjust_constant": roof["adjust_constant"]})
        model.execute(0)
        total_kwh += model.Outputs.annual_energy
    assert total_kwh == pytest.approx(made.energy_kwh, rel=0.03)


def test_a_tender_of_two_sizes_names_both_with_their_own_breakers_and_cables(config, weather):
    one = design(inputs(config, weather, capacity_kwp=140))
    large, small = one.strings.plans
    assert (large.inverter.ac_kw, small.inverter.ac_kw) == (100, 20)
    found = tender_of(one, transformer_kva=500)
    assert {row.inverter_number for row in found.strings} == set(range(1, one.strings.inverter_count + 1))
    by_number = {number: [row for row in found.strings if row.inverter_number == number] for number in (1, 2)}
    assert sum(row.strings for row in by_number[1]) == large.string_count
    assert sum(row.strings for row in by_number[2]) == small.string_count
    assert max(row.tracker_number for row in by_number[2]) <= small.inverter.mppt_count
    first, second = found.ac.inverters
    assert first.breaker_a > second.breaker_a > second.current_a
    assert found.ac.total_a == pytest.approx(first.current_a + second.current_a)
    assert [cable.name for cable in found.cables] == ["string", "inverter", "inverter", "main"]
    assert found.cables[1].area_mm2 > found.cables[2].area_mm2
    assert [line.quantity for line in found.materials if line.name == "inverters"] == [1, 1]
    page = tender_html(one, found, "en", today=TODAY).decode()
    for text in (large.inverter.name, small.inverter.name, "100 kW", "20 kW"):
        assert text in page
    assert len([key for key, _, _ in assumption_sources(one) if key == "inverter"]) == 2
    assert (
        f"1 x {large.inverter.name} + 1 x {small.inverter.name}" in render_design_html(one, "en", today=TODAY).decode()
    )
