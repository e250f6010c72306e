import datetime as dt
import shutil

import pytest

from bkkenergy.portfolio import MeterKind, inspect_portfolio, load_portfolio
from tests.builders import meter

AGENCY = '[[agency]]\nid = "a"\nname_th = "ก"\nname_en = "A"\n'
BUILDING = """
[[building]]
agency = "a"
id = "b"
name_th = "ข"
name_en = "B"
type = "school"
gross_floor_area_m2 = 100
latitude_deg = 13.7
longitude_deg = 100.5
tariff = "mea-2-1-lv"
calendar = "office"
"""
METER = '\n[[building.meters]]\nid = "main"\nrated_kw = 50\n'


@pytest.fixture
def faults_of(tmp_path, config_dir):
    """Faults of a portfolio of one file, with the shipped calendars."""

    def inspect(text, tariffs=None):
        shutil.copy(config_dir / "calendars.toml", tmp_path)
        (tmp_path / "portfolio").mkdir(exist_ok=True)
        (tmp_path / "portfolio/site.toml").write_text(text)
        return inspect_portfolio(tmp_path, tariffs=tariffs)[1]

    return inspect


def test_the_shipped_portfolio_is_sound_and_says_that_it_is_a_demonstration(config_dir):
    portfolio = load_portfolio(config_dir)
    assert (len(portfolio.agencies), len(portfolio.buildings)) == (12, 40)
    assert all(agency.demonstration and "(สาธิต)" in agency.name_th for agency in portfolio.agencies.values())
    assert {building.type for building in portfolio.buildings.values()} >= {
        "district_office", "school", "hospital", "health_centre", "fire_station", "sports_centre", "water_treatment",
    }  # fmt: skip
    assert {meter.kind for meter in portfolio.meters} == set(MeterKind) - {
        MeterKind.WEATHER,
        MeterKind.NET,
        MeterKind.OTHER,
    }
    assert all(building.roofs and building.main_meters for building in portfolio.buildings.values())


def test_ids_are_made_whole_and_topics_filled_in(config_dir):
    portfolio = load_portfolio(config_dir)
    aircon = next(meter for meter in portfolio.meters if meter.id == "district-dindaeng.office.aircon")
    assert aircon.parent == "district-dindaeng.office.main"
    assert aircon.topic == "bma/district-dindaeng/office/aircon/readings"
    assert not aircon.is_main


def test_a_register_behind_transformers_rolls_over_at_its_digits_times_the_ratio(config_dir):
    portfolio = load_portfolio(config_dir)
    behind_ct = next(own for own in portfolio.meters if own.ct_ratio == 40)
    assert behind_ct.wraps_at_kwh == 10**5 * 40


@pytest.mark.parametrize(
    ("given", "wraps_at_kwh"),
    [({"rollover_kwh": 65.536}, 65.536), ({"rollover_kwh": 655.36, "ct_ratio": 40}, 26_214.4), ({}, None)],
)
def test_a_register_rolls_over_at_any_value_times_the_ratio(given, wraps_at_kwh):
    assert meter(**given).wraps_at_kwh == pytest.approx(wraps_at_kwh)


def test_a_counter_is_described_by_its_meter(faults_of):
    counter = "rollover_kwh = 65.536\nresolution_kwh = 0.001\nrestarts_at_zero = true\n"
    assert faults_of(AGENCY + BUILDING + METER + counter, frozenset({"mea-2-1-lv"})) == []
    both_ways = METER + 'kind = "net"\nexchanges = [{ at = "2026-11-01T10:00:00+07:00", final_kwh = 5 }]\n'
    assert faults_of(AGENCY + BUILDING + both_ways, frozenset({"mea-2-1-lv"})) == []


def test_a_sound_portfolio_has_no_fault(faults_of):
    assert faults_of(AGENCY + BUILDING + METER, frozenset({"mea-2-1-lv"})) == []


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        pytest.param(AGENCY + AGENCY, "agency[1].id", "already stands at", id="agency_twice"),
        pytest.param(BUILDING, "building[0].agency", "no agency 'a'", id="unknown_agency"),
        pytest.param(AGENCY + BUILDING.replace("office", "moon"), "building[0].calendar", "no calendar 'moon'", id="unknown_calendar"),
        pytest.param(AGENCY + BUILDING.replace("mea-2-1-lv", "mea-9"), "building[0].tariff", "no tariff 'mea-9'", id="unknown_tariff"),
        pytest.param(AGENCY + BUILDING.replace("gross_floor_area_m2 = 100", "gross_floor_area_m2 = -1"), "building[0].gross_floor_area_m2", "greater than 0", id="negative_area"),
        pytest.param(AGENCY + BUILDING.replace("latitude_deg = 13.7", "latitude_deg = 100.5"), "building[0].latitude_deg", "less than or equal to 21", id="latitude_and_longitude_swapped"),
        pytest.param(AGENCY + BUILDING.replace('type = "school"', 'type = "castle"'), "building[0].type", "'castle'", id="unknown_type"),
        pytest.param(AGENCY + BUILDING.replace('name_th = "ข"\n', ""), "building[0].name_th", "missing", id="name_missing"),
        pytest.param(AGENCY + BUILDING + METER + METER, "meters[1].id", "two meters", id="meter_twice"),
        pytest.param(AGENCY + BUILDING + METER + 'parent = "nobody"\n', "meters[0].parent", "no meter 'a.b.nobody'", id="unknown_parent"),
        pytest.param(AGENCY + BUILDING + METER + 'parent = "main"\n', "meters[0].parent", "measures itself", id="own_parent"),
        pytest.param(AGENCY + BUILDING + METER + METER.replace("main", "x") + 'topic = "bma/a/b/main/readings"\n', "meters[1].topic", "already the topic of meter 'a.b.main'", id="shared_topic"),
        pytest.param(AGENCY + BUILDING + METER + 'topic = "bma/#"\n', "meters[0].topic", "pattern", id="all_below_as_topic"),
        pytest.param(AGENCY + BUILDING + METER + 'topic = "bma/a+/x"\n', "meters[0].topic", "pattern", id="a_part_of_a_level"),
        pytest.param(AGENCY + BUILDING + METER + "register_digits = 5\nrollover_kwh = 65.536\n", "meters[0]", "keep one", id="two_values_to_roll_over_at"),
        pytest.param(AGENCY + BUILDING + METER + "rollover_kwh = 0\n", "meters[0].rollover_kwh", "greater than 0", id="rolls_over_at_nothing"),
        pytest.param(AGENCY + BUILDING + METER + "resolution_kwh = -0.1\n", "meters[0].resolution_kwh", "greater than 0", id="negative_resolution"),
        pytest.param(AGENCY + BUILDING + METER + 'kind = "power"\nrestarts_at_zero = true\n', "meters[0].restarts_at_zero", "only a register", id="power_that_restarts"),
        pytest.param(AGENCY + BUILDING + METER + 'kind = "interval"\nrollover_kwh = 65.536\n', "meters[0].rollover_kwh", "only a register", id="an_interval_that_rolls_over"),
        pytest.param(AGENCY + BUILDING + METER + 'kind = "net"\nrestarts_at_zero = true\n', "meters[0].restarts_at_zero", "runs both ways", id="a_net_counter_that_restarts"),
        pytest.param(AGENCY + BUILDING + METER + "colour = 1\n", "meters[0].colour", "not known", id="unknown_key"),
        pytest.param(AGENCY + BUILDING + METER + 'commissioned = "2026-01-01T00:00:00"\n', "meters[0].commissioned", "timezone", id="naive_time"),
        pytest.param(AGENCY + BUILDING + '[[building.roofs]]\nid = "r"\ntilt_deg = 5\nazimuth_deg = 180\n', "roofs[0]", "area_m2 or outline_m", id="roof_without_size"),
        pytest.param("[[castle]]\n", "castle", "not known here", id="unknown_table"),
        pytest.param("agency = ", "site.toml", "not valid TOML", id="broken_file"),
    ],
)  # fmt: skip
def test_a_fault_says_where_and_what(faults_of, text, where, what):
    faults = faults_of(text, frozenset({"mea-2-1-lv"}))
    assert any(where in fault.where and what in fault.what for fault in faults), "\n".join(map(str, faults))
    assert all(fault.remedy for fault in faults)


FLOOR, SHOP = (METER.replace("main", name) + 'parent = "main"\n' for name in ("floor", "shop"))
STATION = METER.replace("main", "sky") + 'kind = "weather"\n'
PV = METER.replace("main", "pv") + "pv = true\n"
OWN_SUPPLY = METER.replace("main", "kiosk") + "tenant = true\n"


def virtual(name="landlord", **given):
    lines = {"id": name, "name_th": "ส่วนกลาง", "name_en": "Landlord", "plus": ["main"]} | given
    return "\n[[building.virtual_meters]]\n" + "".join(f"{key} = {value!r}\n" for key, value in lines.items())


def test_virtual_meters_name_real_meters_by_their_ids_in_the_building(faults_of, tmp_path):
    text = AGENCY + BUILDING + METER + FLOOR + SHOP + "tenant = true\n" + virtual(minus=["floor", "shop"])
    assert faults_of(text, frozenset({"mea-2-1-lv"})) == []
    building = load_portfolio(tmp_path).buildings["a.b"]
    (landlord,) = building.virtual_meters
    assert (landlord.id, landlord.building) == ("a.b.landlord", "a.b")
    assert (landlord.plus, landlord.minus) == (("a.b.main",), ("a.b.floor", "a.b.shop"))
    assert [meter.id for meter in building.tenant_meters] == ["a.b.shop"]


def test_of_tenants_meters_below_one_another_the_upper_one_is_taken_off(faults_of, tmp_path):
    inner = METER.replace("main", "till") + 'parent = "shop"\ntenant = true\n'
    assert faults_of(AGENCY + BUILDING + METER + SHOP + "tenant = true\n" + inner) == []
    assert [meter.id for meter in load_portfolio(tmp_path).buildings["a.b"].tenant_meters] == ["a.b.shop"]


def test_a_tenant_with_a_supply_of_its_own_is_no_part_of_the_building(faults_of, tmp_path):
    assert faults_of(AGENCY + BUILDING + METER + OWN_SUPPLY) == []
    building = load_portfolio(tmp_path).buildings["a.b"]
    assert [meter.id for meter in building.main_meters] == ["a.b.main"]
    assert building.tenant_meters == ()


@pytest.mark.parametrize(
    ("entries", "where", "what"),
    [
        pytest.param(virtual(plus=["nobody"]), "virtual_meters[0].plus", "no meter 'a.b.nobody'", id="unknown_meter"),
        pytest.param(virtual(plus=["a.c.main"]), "virtual_meters[0].plus", "no meter 'a.c.main'", id="another_building"),
        pytest.param(virtual(plus=[]), "virtual_meters[0].plus", "at least 1", id="of_nothing"),
        pytest.param(STATION + virtual(minus=["sky"]), "virtual_meters[0].minus", "measures no electricity", id="weather"),
        pytest.param(virtual() + virtual("x", plus=["landlord"]), "virtual_meters[1].plus", "only real meters", id="of_a_virtual_meter"),
        pytest.param(virtual(minus=["main"]), "virtual_meters[0].minus", "named twice", id="on_both_sides"),
        pytest.param(virtual("main"), "virtual_meters[0].id", "two meters 'a.b.main'", id="id_of_a_meter"),
        pytest.param(virtual() + virtual(), "virtual_meters[1].id", "two meters 'a.b.landlord'", id="id_twice"),
        pytest.param(virtual(purpose="pleasure"), "virtual_meters[0].purpose", "landlord", id="unknown_purpose"),
        pytest.param(virtual(colour=1), "virtual_meters[0].colour", "not known", id="unknown_key"),
        pytest.param(PV + "tenant = true\n", "meters[1].tenant", "no use of a tenant", id="pv_of_a_tenant"),
        pytest.param(SHOP + "tenant = true\n" + virtual(purpose="tenant"), "virtual_meters", "2 times", id="below_what_is_taken_off"),
        pytest.param(FLOOR + virtual(purpose="tenant", plus=["floor"]) + virtual("x", purpose="tenant", plus=["floor"]), "virtual_meters", "2 times", id="by_two_virtual_meters"),
        pytest.param(FLOOR + virtual(purpose="tenant", plus=["main", "floor"]), "virtual_meters", "2 times", id="with_its_own_part"),
        pytest.param(FLOOR + SHOP + virtual(purpose="tenant", plus=["floor"], minus=["shop"]), "virtual_meters", "-1 times", id="less_than_nothing"),
        pytest.param(PV + virtual(purpose="tenant", plus=["pv"]), "virtual_meters", "no part of what the main", id="production_as_a_tenant"),
        pytest.param(OWN_SUPPLY + virtual(purpose="tenant", plus=["kiosk"]), "virtual_meters", "no part of what the main", id="a_supply_of_its_own"),
    ],
)  # fmt: skip
def test_a_virtual_meter_that_cannot_be_computed_is_refused(faults_of, entries, where, what):
    faults = faults_of(AGENCY + BUILDING + METER + entries)
    assert any(where in fault.where and what in fault.what for fault in faults), "\n".join(map(str, faults))
    assert all(fault.remedy for fault in faults)


@pytest.mark.parametrize(
    "entries",
    [
        FLOOR + SHOP + "tenant = true\n" + virtual(purpose="tenant", plus=["main"], minus=["shop"]),
        FLOOR + SHOP + virtual(purpose="tenant", plus=["main"], minus=["floor"]),
        FLOOR + PV + virtual(plus=["main", "pv"], minus=["floor"], purpose="landlord"),
    ],
)
def test_parts_that_are_taken_off_once_are_sound(faults_of, entries):
    assert faults_of(AGENCY + BUILDING + METER + entries) == []


def test_all_faults_come_at_once(faults_of):
    broken = (
        AGENCY + BUILDING.replace("school", "castle") + BUILDING.replace('id = "b"', 'id = "c"').replace('"a"', '"z"')
    )
    assert len(faults_of(broken + "\n[[what]]\n")) == 3


@pytest.mark.parametrize(
    ("calendar", "day", "is_open"),
    [
        pytest.param("office", "2026-11-23", True, id="a_monday"),
        pytest.param("office", "2026-11-22", False, id="a_sunday"),
        pytest.param("office", "2026-10-23", False, id="chulalongkorn_day"),
        pytest.param("office", "2026-12-07", False, id="a_substitution_day"),
        pytest.param("school", "2026-10-20", False, id="school_holidays"),
        pytest.param("school", "2026-11-23", True, id="term_time"),
        pytest.param("sports", "2026-10-23", True, id="sports_centres_open_on_holidays"),
        pytest.param("sports", "2026-11-23", False, id="but_not_on_mondays"),
        pytest.param("always", "2026-01-01", True, id="a_hospital_never_closes"),
    ],
)
def test_opening_calendars(config_dir, calendar, day, is_open):
    assert load_portfolio(config_dir).calendars[calendar].is_open(dt.date.fromisoformat(day)) is is_open


def test_a_copy_with_other_buildings_has_their_agencies_and_meters(config_dir):
    """What was derived of the portfolio that it was copied from is not of the copy."""
    portfolio = load_portfolio(config_dir)
    agency = next(iter(portfolio.buildings.values())).agency
    first = portfolio.buildings_of(agency)[0]
    assert portfolio.meters_ever
    portfolio.derived["anything"] = 1
    copied = portfolio.model_copy(update={"buildings": {first.id: first}})
    assert copied.buildings_of(agency) == (first,)
    assert set(copied.meters_ever) == {meter.id for meter in first.meters}
    assert copied.derived == {}
