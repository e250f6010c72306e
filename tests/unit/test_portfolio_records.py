import datetime as dt
import shutil
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.errors import ConfigError
from bkkenergy.portfolio import inspect_portfolio, load_portfolio, portfolio_on
from bkkenergy.portfolio.edits import Amend, End, Put, changes_of
from bkkenergy.portfolio.load import records_of
from bkkenergy.portfolio.records import EVER, differences, entry_on
from bkkenergy.portfolio.values import checked_value
from bkkenergy.portfolio.write import toml
from bkkenergy.site.portfolio_files import read_folder, write_folder
from bkkenergy.site.record_kinds import SITE_KINDS
from tests.schools import school_records

SITE = """
[[agency]]
id = "a"
name_th = "ก"
name_en = "A"

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
changes = [{ from = 2026-06-01, gross_floor_area_m2 = 150, calendar = "school" }]

[[building.meters]]
id = "main"
rated_kw = 50

[[building.meters.changes]]
from = 2026-01-01
ct_ratio = 200

[[building.meters]]
id = "sub"
parent = "main"
rated_kw = 20
from = 2025-02-01
until = 2026-03-31
"""


PLAIN = SITE.partition("[[building.meters.changes]]")[0]
"""One meter, the same on all days."""


@pytest.fixture
def site(tmp_path, config_dir):
    def write(text=SITE):
        shutil.copy(config_dir / "calendars.toml", tmp_path)
        (tmp_path / "portfolio").mkdir(exist_ok=True)
        (tmp_path / "portfolio/site.toml").write_text(text)
        return tmp_path

    return write


def test_a_file_says_what_is_different_from_a_day_on(site):
    portfolio = load_portfolio(site(), today=dt.date(2026, 11, 1))
    ratios = {own.first: own.value.ct_ratio for own in portfolio.history("a.b.main")}
    assert ratios == {EVER: 1.0, dt.date(2026, 1, 1): 200.0}
    areas = {
        day: portfolio.building_on("a.b", day).gross_floor_area_m2
        for day in (dt.date(2026, 5, 31), dt.date(2026, 6, 1))
    }
    assert areas == {dt.date(2026, 5, 31): 100, dt.date(2026, 6, 1): 150}


def test_a_meter_is_there_from_its_first_day_to_its_last(site):
    portfolio = load_portfolio(site())
    days = [dt.date(2025, 1, 31), dt.date(2025, 2, 1), dt.date(2026, 3, 31), dt.date(2026, 4, 1)]
    assert ["a.b.sub" in {own.id for own in portfolio.on(day).meters} for day in days] == [False, True, True, False]
    assert "a.b.sub" in portfolio.meters_ever


def test_a_day_is_judged_by_the_opening_hours_of_that_day(site):
    portfolio = load_portfolio(site(), today=dt.date(2026, 11, 1))
    building = portfolio.buildings["a.b"]
    assert portfolio.is_open(building, dt.date(2026, 4, 20))  # an office then
    assert not portfolio.is_open(building, dt.date(2026, 10, 20))  # a school's holidays now


def test_between_terms_a_school_is_closed():
    calendar = portfolio_on(school_records(1, 1), EVER).calendars["school"]
    monday = {day: calendar.is_open(day) for day in (dt.date(2026, 6, 8), dt.date(2026, 10, 19), dt.date(2027, 6, 7))}
    assert list(monday.values()) == [True, False, True]


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("from = 2026-06-01", 'from = "June"', "building[0].changes[0].from", "no date"),
        ("{ from = 2026-06-01, ", "{ ", "building[0].changes[0].from", "missing"),
        ("until = 2026-03-31", "until = 2025-01-01", "building[0].meters[1].until", "ends before it begins"),
        ("ct_ratio = 200", "ct_ratio = -200", "building[0].meters[0].changes[0].ct_ratio", "greater than 0"),
        ("ct_ratio = 200", "colour = 1", "building[0].meters[0].changes[0].colour", "not known"),
        ('calendar = "school"', 'calendar = "moon"', "building[0].calendar", "from 2026-06-01 on: there is no calendar 'moon'"),
        ("ct_ratio = 200", 'parent = "nobody"', "building[0].meters[0].parent", "from 2026-01-01 on: the building has no meter"),
        ("from = 2026-01-01\n", 'from = 2026-01-01\nwithout = ["rated_kw"]\n', "meters[0].changes[0].rated_kw", "missing"),
        ('id = "sub"', 'id = "sub"\nchanges = 3', "meters[1].changes", "no list of tables"),
    ],
)  # fmt: skip
def test_a_fault_in_what_comes_later_is_named_with_its_place(site, old, new, where, what):
    faults = inspect_portfolio(site(SITE.replace(old, new)))[1]
    assert any(where in own.where and what in own.what for own in faults), "\n".join(map(str, faults))


EXCHANGED = SITE.replace(
    "rated_kw = 50\n", "rated_kw = 50\nexchanges = [{ at = 2025-03-01T09:00:00+07:00, final_kwh = 812 }]\n"
)


def test_a_change_that_leaves_an_exchange_out_is_refused_and_one_that_lists_all_is_not(site):
    other = "{ at = 2026-05-01T09:00:00+07:00, final_kwh = 99 }"
    lost = EXCHANGED.replace("ct_ratio = 200", f"ct_ratio = 200\nexchanges = [{other}]")
    (fault,) = inspect_portfolio(site(lost))[1]
    assert fault.where.endswith("changes[0].exchanges")
    assert "2025-03-01T09:00:00+07:00 is not in this list" in fault.what
    first = "{ at = 2025-03-01T09:00:00+07:00, final_kwh = 812 }"
    both = EXCHANGED.replace("ct_ratio = 200", f"ct_ratio = 200\nexchanges = [{first}, {other}]")
    for text in (both, EXCHANGED):
        assert inspect_portfolio(site(text))[1] == []


def test_two_meters_may_share_a_topic_one_after_the_other_and_not_at_once(site):
    topic = 'topic = "bma/a/b/main/readings"\n'
    after = SITE.replace("from = 2026-01-01\nct_ratio = 200", 'from = 2026-04-01\ntopic = "x/y"')
    ended = after.replace('id = "sub"\n', f'id = "sub"\n{topic}').replace(
        "from = 2025-02-01\nuntil = 2026-03-31", "from = 2026-04-01"
    )
    assert inspect_portfolio(site(ended))[1] == []
    at_once = ended.replace("from = 2026-04-01\n", "from = 2026-03-31\n").replace(
        'from = 2026-03-31\ntopic = "x/y"', 'from = 2026-04-01\ntopic = "x/y"'
    )
    assert any("already the topic" in own.what for own in inspect_portfolio(site(at_once))[1])


def test_what_is_entered_for_others_or_for_later_changes_no_earlier_revision():
    records = school_records(4, 1)
    numbered = type(records)(9, tuple(
        type(own)(own.kind, own.key, own.valid_from, own.value, own.valid_to, number)
        for number, own in enumerate(records.entries, start=1)
    ))  # fmt: skip
    portfolio = portfolio_on(numbered, dt.date(2026, 11, 1))
    last = {own.value.agency: own.revision for own in numbered.entries if own.kind == "contact"}
    assert portfolio.rests_on(["district-00"], dt.date(2030, 1, 1)) == last["district-00"]
    before_change = portfolio.rests_on(["district-00"], dt.date(2019, 12, 31))
    assert before_change == last["district-00"]  # the contact is there for ever
    dated = type(records)(9, tuple(own for own in numbered.entries if own.kind in {"building", "calendar"}))
    assert portfolio_on(dated, EVER).rests_on(["district-00"], dt.date(2019, 12, 31)) < portfolio_on(
        dated, EVER
    ).rests_on(["district-00"], dt.date(2030, 1, 1))


def test_the_demonstration_survives_import_export_import(tmp_path, config_dir):
    first = read_folder(config_dir)
    assert not first.faults
    write_folder(first.records, tmp_path / "out")
    again = read_folder(tmp_path / "out")
    assert not again.faults
    assert differences(first.records, again.records) == ()
    assert {own.identity for own in first.records.entries} == {own.identity for own in again.records.entries}


@pytest.mark.parametrize("schools", [pytest.param(23, id="few"), pytest.param(437, id="all", marks=pytest.mark.slow)])
def test_generated_schools_with_their_changes_survive_export_and_import(tmp_path, schools):
    records = school_records(schools)
    write_folder(records, tmp_path / "out")
    again = read_folder(tmp_path / "out")
    assert not again.faults
    assert differences(records, again.records) == ()
    assert differences(again.records, records) == ()
    write_folder(again.records, tmp_path / "twice")
    for path in sorted((tmp_path / "out").rglob("*.toml")):
        assert (tmp_path / "twice" / path.relative_to(tmp_path / "out")).read_text() == path.read_text()


def changed(records, from_day, edit):
    return records.with_changes(changes_of(records, [edit], from_day, SITE_KINDS))


def assert_survives(records, folder):
    write_folder(records, folder)
    document = read_folder(folder)
    assert document.faults == []
    assert differences(records, document.records) == ()


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("gross_floor_area_m2 = 100", "gross_floor_area_m2 = true", "building[0].gross_floor_area_m2"),
        ("rated_kw = 50", "rated_kw = true", "building[0].meters[0].rated_kw"),
        ("ct_ratio = 200", "ct_ratio = true", "building[0].meters[0].changes[0].ct_ratio"),
        ('name_en = "B"', "name_en = true", "building[0].name_en"),
    ],
)
def test_true_is_no_number_and_no_text(site, old, new, where):
    (fault,) = read_folder(site(SITE.replace(old, new))).faults
    assert fault.where.endswith(where)
    assert "found True" in fault.what


THRESHOLD = '[[threshold]]\nid = "one"\nname = "least_coverage_ratio"\nvalue = 0.8\nagency = "a"\n'


def test_a_threshold_of_a_former_name_is_read_and_written_by_its_present_one(site):
    document = read_folder(site(f"{SITE}\n{THRESHOLD}"))
    assert document.faults == []
    assert document.records.of("threshold", "one")[0].value.name == "min_coverage_ratio"
    folder = site() / "out"
    assert_survives(document.records, folder)
    assert 'name = "min_coverage_ratio"' in (folder / "portfolio/thresholds.toml").read_text()


@pytest.mark.parametrize("name", ['"largest_coverage"', "3", "[]", '["least_coverage_ratio"]'])
def test_a_threshold_of_no_known_name_is_a_fault(site, name):
    (fault,) = read_folder(site(SITE + THRESHOLD.replace('"least_coverage_ratio"', name))).faults
    assert fault.where.endswith("threshold[0].name")


def test_a_building_that_moved_to_another_agency_and_back_survives_export_and_import(site):
    other = '[[agency]]\nid = "c"\nname_th = "ค"\nname_en = "C"\n'
    records = read_folder(site(SITE + other)).records
    records = changed(records, dt.date(2024, 1, 1), Amend("building", "a.b", {"agency": "c"}))
    records = changed(records, dt.date(2025, 1, 1), Amend("building", "a.b", {"agency": "a"}))
    assert_survives(records, site() / "out")


def test_a_target_of_agencies_that_changes_survives_export_and_import(tmp_path, config_dir):
    records = read_folder(config_dir).records
    records = changed(records, dt.date(2027, 1, 1), Amend("agency_target", "all", {"saving_ratio": 0.2}))
    assert_survives(records, tmp_path / "out")


def test_a_topic_that_becomes_the_usual_one_survives_export_and_import(site):
    records = read_folder(site()).records
    (usual,) = {entry.value.topic for entry in records.of("meter", "a.b.main")}
    records = changed(records, EVER, Amend("meter", "a.b.main", {"topic": "x/y"}))
    records = changed(records, dt.date(2025, 1, 1), Amend("meter", "a.b.main", {"topic": usual}))
    assert_survives(records, site() / "out")


def test_what_is_put_within_the_days_of_a_thing_that_ends_ends_with_it(site):
    records = changed(read_folder(site()).records, dt.date(2026, 6, 1), End("meter", "a.b.main"))
    body = SITE_KINDS["meter"].body_of(records.of("meter", "a.b.main")[0].value)
    records = changed(records, dt.date(2024, 1, 1), Put("meter", body | {"rated_kw": 60}, dt.date(2026, 1, 1)))
    records = changed(records, dt.date(2026, 3, 1), Put("meter", body | {"rated_kw": 70}))
    assert [(own.first, own.end) for own in records.history("meter", "a.b.main")] == [
        (EVER, dt.date(2024, 1, 1)),
        (dt.date(2024, 1, 1), dt.date(2026, 1, 1)),
        (dt.date(2026, 1, 1), dt.date(2026, 3, 1)),
        (dt.date(2026, 3, 1), dt.date(2026, 6, 1)),
    ]
    assert_survives(records, site() / "out")


def versions(records, *names, key="a.b.main"):
    """Each version's first day with some of its fields."""
    return [(one.first, *(getattr(one.value, name) for name in names)) for one in records.history("meter", key)]


PUT_DAY, LATER, LAST = dt.date(2024, 1, 1), dt.date(2027, 1, 1), dt.date(2028, 1, 1)


@pytest.fixture
def dated(site):
    """A meter that is named otherwise from a later day on, and is of another rating from a still later one on."""
    records = changed(read_folder(site(PLAIN)).records, LATER, Amend("meter", "a.b.main", {"name_en": "New"}))
    return changed(records, LAST, Amend("meter", "a.b.main", {"rated_kw": 99.0}))


def body_on(records, day):
    (entry,) = [own for own in (entry_on(records.of("meter", "a.b.main"), day),) if own is not None]
    return SITE_KINDS["meter"].body_of(entry.value)


def test_what_is_put_holds_in_later_versions_that_say_nothing_of_it(dated):
    body = body_on(dated, PUT_DAY) | {"interval_s": 60}
    with pytest.raises(ConfigError, match="from 2027-01-01 on a version that was entered says otherwise: name_en New"):
        changed(dated, PUT_DAY, Put("meter", body))
    records = changed(dated, PUT_DAY, Put("meter", body, until=LATER))
    assert versions(records, "interval_s", "name_en", "rated_kw") == [
        (EVER, 900, "Main meter", 50),
        (PUT_DAY, 60, "Main meter", 50),
        (LATER, 60, "New", 50),
        (LAST, 60, "New", 99),
    ]


def test_a_put_that_a_later_version_contradicts_asks_for_the_day_of_that_version(dated):
    body = body_on(dated, LATER) | {"rated_kw": 70.0}
    for until in (None, LATER, dt.date(2029, 1, 1)):
        with pytest.raises(ConfigError, match=r"from 2028-01-01 on .*: rated_kw 99.0\. Give until 2028-01-01"):
            changed(dated, LATER, Put("meter", body, until=until))
    records = changed(dated, LATER, Put("meter", body, until=LAST))
    assert versions(records, "rated_kw") == [(EVER, 50), (LATER, 70), (LAST, 99)]


def test_a_put_before_the_first_day_of_a_thing_asks_too(site):
    records = read_folder(site(PLAIN + "from = 2027-01-01\n")).records
    body = body_on(records, LATER) | {"rated_kw": 60}
    with pytest.raises(ConfigError, match="rated_kw 50"):
        changed(records, PUT_DAY, Put("meter", body))
    assert versions(changed(records, PUT_DAY, Put("meter", body, LATER)), "rated_kw") == [(PUT_DAY, 60), (LATER, 50)]


@pytest.mark.parametrize("day", [EVER, PUT_DAY, LATER, dt.date(2027, 6, 1), LAST, dt.date(2030, 1, 1)])
def test_what_changes_nothing_is_no_change(dated, day):
    body = body_on(dated, day)
    until = next((first for first in (LATER, LAST) if first > day), None)
    assert changes_of(dated, [Put("meter", body, until)], day, SITE_KINDS) == ()
    assert changes_of(dated, [Amend("meter", "a.b.main", {"rated_kw": body["rated_kw"]})], day, SITE_KINDS) == ()


def test_what_is_put_after_a_thing_ended_begins_it_again(site):
    records = changed(read_folder(site()).records, dt.date(2026, 6, 1), End("meter", "a.b.main"))
    body = SITE_KINDS["meter"].body_of(records.of("meter", "a.b.main")[0].value)
    records = changed(records, dt.date(2027, 1, 1), Put("meter", body))
    *_, before, last = records.history("meter", "a.b.main")
    assert (before.end, last.first, last.end) == (dt.date(2026, 6, 1), dt.date(2027, 1, 1), None)


def exchange(day):
    return {"at": f"{day}T12:00:00+07:00", "final_kwh": 500.0}


@pytest.mark.parametrize("how", [Put, Amend])
def test_an_exchange_that_is_entered_after_a_later_one_joins_it(site, how):
    def entered(records, day, exchanges):
        fields = {"exchanges": exchanges}
        body = SITE_KINDS["meter"].body_of(records.of("meter", "a.b.main")[0].value)
        edit = Put("meter", body | fields, dt.date(2026, 1, 1)) if how is Put else Amend("meter", "a.b.main", fields)
        return changed(records, dt.date.fromisoformat(day), edit)

    records = entered(read_folder(site()).records, "2026-05-01", [exchange("2026-05-01")])
    records = entered(records, "2025-04-01", [exchange("2025-04-01")])
    versions = portfolio_on(records, dt.date(2026, 11, 26)).history("a.b.main")
    assert {tuple(str(own.at.date()) for own in one.value.exchanges) for one in versions} == {
        ("2025-04-01", "2026-05-01")
    }
    records = entered(records, "2025-04-01", [])
    versions = portfolio_on(records, dt.date(2026, 11, 26)).history("a.b.main")
    assert {tuple(str(own.at.date()) for own in one.value.exchanges) for one in versions} == {("2026-05-01",)}


@pytest.mark.parametrize("how", [Put, Amend])
def test_an_exchange_that_a_later_day_leaves_out_is_not_lost(site, how):
    records = read_folder(site(EXCHANGED)).records
    body = SITE_KINDS["meter"].body_of(records.of("meter", "a.b.main")[0].value)

    def edit(exchanges):
        fields = {"exchanges": exchanges}
        return Put("meter", body | fields, dt.date(2026, 1, 1)) if how is Put else Amend("meter", "a.b.main", fields)

    for day in (dt.date(2026, 1, 1), dt.date(2026, 5, 1)):
        with pytest.raises(ConfigError, match=r"2025-03-01.* would be lost from .*List it too") as caught:
            changed(records, day, edit([exchange("2026-05-01")]))
        assert "change exchanges for all days" in str(caught.value)
    both = changed(records, dt.date(2026, 5, 1), edit([*body["exchanges"], exchange("2026-05-01")]))
    assert [len(version.value.exchanges) for version in both.history("meter", "a.b.main")] == [1, 1, 2]
    with pytest.raises(ConfigError, match="To take it out, change exchanges from 2026-05-01 on"):
        changed(both, dt.date(2026, 6, 1), edit(body["exchanges"]))
    none = changed(records, EVER, edit([]))
    assert [version.value.exchanges for version in none.history("meter", "a.b.main")] == [(), ()]


def test_a_meter_that_ended_and_begins_again_loses_no_exchange(site):
    records = changed(read_folder(site(EXCHANGED)).records, dt.date(2026, 6, 1), End("meter", "a.b.main"))
    body = SITE_KINDS["meter"].body_of(records.of("meter", "a.b.main")[-1].value)
    with pytest.raises(ConfigError, match="would be lost from 2027-01-01 on"):
        changed(records, dt.date(2027, 1, 1), Put("meter", body | {"exchanges": []}))
    assert changed(records, dt.date(2027, 1, 1), Put("meter", body))


@pytest.mark.parametrize("table", ["agency = 1", "agency = [1]", 'contact = ["x"]', "[agency]", "[[building.meters]]"])
def test_what_is_no_list_of_tables_is_a_fault_with_its_place(site, table):
    folder = site(SITE)
    (folder / "portfolio/odd.toml").write_text(table)
    assert [fault.where for fault in read_folder(folder).faults if "odd.toml" in fault.where]


@pytest.mark.parametrize("parts", ["meters", "virtual_meters", "roofs"])
@pytest.mark.parametrize("how", [Put, Amend])
def test_a_building_takes_no_parts_in_which_would_be_lost(site, parts, how):
    records = read_folder(site()).records
    body = SITE_KINDS["building"].body_of(records.of("building", "a.b")[0].value) | {parts: []}
    edit = Put("building", body) if how is Put else Amend("building", "a.b", {parts: []})
    with pytest.raises(ConfigError, match=rf"{parts}: these are records by themselves"):
        changed(records, EVER, edit)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ('id = "other"', "an id cannot be changed"),
        ('without = "role"', "no list of keys"),
        ('without = ["rolle"]', "there is no key 'rolle' before it"),
    ],
)
def test_what_a_change_says_in_vain_is_a_fault(site, change, what):
    contact = '[[contact]]\nid = "one"\nagency = "a"\nname = "Malee"\nrole = "manager"\n'
    document = read_folder(site(f"{SITE}\n{contact}changes = [{{ from = 2026-01-01, {change} }}]\n"))
    assert [fault.what for fault in document.faults if what in fault.what]


def test_parts_that_a_change_of_a_building_lists_are_a_fault_and_not_left_out(site):
    document = read_folder(site(SITE.replace('calendar = "school" }', "meters = [] }")))
    assert [fault.what for fault in document.faults] == ["these have dates of their own"]


def test_an_export_never_writes_over_files(tmp_path, config_dir):
    records = records_of(config_dir)
    write_folder(records, tmp_path)
    with pytest.raises(Exception, match="already"):
        write_folder(records, tmp_path)


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**53), 2**53) | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False) | st.dates(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_value_is_read_back_as_it_was_written(value):
    assert tomllib.loads(f"value = {toml(value)}")["value"] == value


def test_a_portfolio_with_faults_is_refused_with_all_of_them(site):
    with pytest.raises(ConfigError) as caught:
        load_portfolio(
            site(SITE.replace("rated_kw = 50", "rated_kw = 0").replace('type = "school"', 'type = "castle"'))
        )
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(("day", "meant"), [("2569-01-01", "2026"), ("2400-12-31", "1857")])
def test_a_day_of_the_buddhist_era_in_a_file_is_no_day_in_five_centuries(site, day, meant):
    with pytest.raises(ConfigError, match=f"year of the Buddhist era. Write {meant}"):
        load_portfolio(site(SITE.replace("from = 2026-06-01", f"from = {day}")))


def test_a_file_that_would_not_be_read_is_a_fault_and_no_absence(site):
    """An agency's file named .TOML was passed over: an import would have withdrawn the agency."""
    folder = site()
    (folder / "portfolio/site.toml").rename(folder / "portfolio/site.TOML")
    (folder / "portfolio/more.toml").write_text("")
    with pytest.raises(ConfigError, match="site.TOML: this file is not read"):
        load_portfolio(folder)


@pytest.mark.parametrize("day", ["2569-06-01", "9999-12-31", "1500-01-01"])
def test_a_day_that_no_record_can_mean_is_refused_in_a_value_and_as_the_first_day_of_a_change(site, day):
    body = {"id": "plant", "building": "a.b", "capacity_kwp": 5.0, "commissioned": day}
    value, faults = checked_value(SITE_KINDS["pv_plant"], body, "plant")
    assert (value, [fault.where for fault in faults]) == (None, ["plant.commissioned"])
    with pytest.raises(ConfigError, match=day[:4]):
        changes_of(read_folder(site()).records, [End("meter", "a.b.main")], dt.date.fromisoformat(day), SITE_KINDS)
