"""Projects from survey to proof, and their sums."""

import datetime as dt
import io
from dataclasses import replace

import openpyxl
import pytest

from bkkenergy.errors import ConfigError, InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.plan import (
    PROJECT_STATES,
    Measured,
    Project,
    as_yearly,
    changes_from,
    moved,
    projects_on,
    roll_up,
    shared,
)
from bkkenergy.portfolio import Records, load_portfolio
from bkkenergy.reports.plan.datasheet import data_sheet, data_sheet_workbook
from bkkenergy.reports.plan.sheets import plan_workbook, read_workbook
from bkkenergy.site.plan_config import load_plan
from bkkenergy.solar.screening import ScreenRow
from tests.conftest import ROOT

DAY = dt.date(2026, 9, 15)


@pytest.fixture(scope="module")
def portfolio(config_dir):
    return load_portfolio(config_dir)


def project(name="led-dindaeng", **given):
    defaults = {
        "id": name, "agency": "district-dindaeng", "building": "district-dindaeng.office", "kind": "led",
        "name_th": "เปลี่ยนหลอด", "name_en": "LED lamps", "due_year_be": 2570, "budget_thb": 1_200_000.0,
        "expected_kwh": 90_000.0,
    }  # fmt: skip
    return Project(**(defaults | given))


def test_a_project_goes_forward_one_step_at_a_time():
    own = project()
    for state in ("proposed", "endorsed", "running", "done"):
        own = moved(own, state, DAY, note="")
    assert own.state == "done"
    assert own.done_on == DAY
    with pytest.raises(InputError, match="next state is proposed"):
        moved(project(), "done", DAY, note="")
    with pytest.raises(InputError, match="is surveyed already"):
        moved(project(), "surveyed", DAY, note="")


def test_back_and_out_need_a_reason():
    done = project(state="done", done_on=DAY)
    with pytest.raises(InputError, match="says why"):
        moved(done, "running", DAY, note="")
    back = moved(done, "running", DAY, note="lamps failed")
    assert (back.state, back.done_on) == ("running", None)
    with pytest.raises(InputError, match="says why"):
        moved(done, "dropped", DAY, note="")
    assert moved(moved(done, "dropped", DAY, note="x"), "surveyed", DAY, note="again").state == "surveyed"


def test_what_is_so_from_a_day_on_overtakes_what_was_said_of_later_days():
    """Steps are often entered in one sitting, the last of them for a day in the past."""
    records = Records()
    days = [dt.date(2026, 11, 1), dt.date(2026, 11, 20), dt.date(2026, 6, 1)]
    for number, (state, day) in enumerate(zip(("surveyed", "running", "done"), days, strict=True), 1):
        now = project(state=state, done_on=day if state == "done" else None)
        records = replace(records.with_changes(changes_from(records, now, day)), revision=number)
    assert [(entry.valid_from, entry.value.state) for entry in records.entries] == [(days[2], "done")]
    assert [own.state for own in projects_on(records, days[0])] == ["done"]
    assert projects_on(records, dt.date(2026, 5, 31)) == ()
    assert changes_from(records, project(state="done", done_on=days[2]), days[1]) == ()


def test_a_saving_over_some_days_is_told_as_a_year_s():
    assert as_yearly(1000.0, 200.0, 73) == Measured(5000.0, 1000.0, 73)


def test_projects_of_one_building_share_its_saving_by_what_was_expected():
    whole = Measured(900.0, 90.0, 365)
    found = shared([project("one", expected_kwh=200), project("two", expected_kwh=100)], whole)
    assert found["one"] == Measured(600.0, 60.0, 365)
    assert found["two"] == Measured(300.0, 30.0, 365)
    nothing = shared([project("one", expected_kwh=0), project("two", expected_kwh=0)], whole)
    assert nothing["one"].kwh_a_year == 450.0


def test_roll_up_sums_and_leaves_out_what_was_dropped():
    projects = [
        project("one", state="done", done_on=DAY),
        project("two", state="endorsed", expected_kwh=10_000),
        project("three", state="dropped"),
        project("four", agency="health", building="", expected_kwh=1_000),
    ]
    measured = {"one": Measured(81_000.0, 4_000.0, 300)}
    rows = {row.name: row for row in roll_up(projects, measured, lambda own: own.agency)}
    row = rows["district-dindaeng"]
    assert (row.count, row.budget_thb, row.expected_kwh) == (2, 2_400_000, 100_000)
    assert (row.decided_kwh, row.done_kwh, row.measured_kwh, row.measured_count) == (100_000, 90_000, 81_000, 1)
    assert rows["health"].measured_kwh is None


def test_the_shipped_plan_holds_the_city_s_targets_with_their_sources(config_dir):
    plan = load_plan(config_dir)
    targets = {(target.programme, target.sector): target for target in plan.targets}
    assert targets["energy-action-plan", "city"].quantity == 10_100
    sectors = ("households", "commerce", "industry")
    assert sum(targets["energy-action-plan", sector].quantity for sector in sectors) == 10_100
    assert all(target.source for target in plan.targets)
    assert plan.agency_target.saving_ratio == 0.1


def test_a_target_of_no_programme_is_a_fault(tmp_path, config_dir):
    text = (config_dir / "plan.toml").read_text().replace('programme = "climate-master-plan"', 'programme = "moon"')
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"target\[5\].programme.*moon.*energy-action-plan"):
        load_plan(tmp_path)


DATED = """
[agency_target]
year_be = 2573
saving_ratio = 0.1
source = "a decision"
entered = 2026-01-01
changes = [{ from = 2027-01-01, saving_ratio = 0.2 }]
[[programme]]
id = "one"
name_th = "แผน"
name_en = "Plan"
first_year_be = 2567
last_year_be = 2573
source = "a decision"
entered = 2026-01-01
until = 2026-12-31
"""


def test_a_plan_in_files_is_that_of_its_day(tmp_path):
    (tmp_path / "plan.toml").write_text(DATED)
    before, after = (load_plan(tmp_path, dt.date(year, 6, 1)) for year in (2026, 2027))
    assert (before.agency_target.saving_ratio, after.agency_target.saving_ratio) == (0.1, 0.2)
    assert ([plan.id for plan in before.programmes], after.programmes) == (["one"], ())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "[agency_target]",
            "[agency_goal]",
            r"agency_goal: this table is not known.*\n.*agency_target.source: the key is",
        ),
        ("entered = 2026-01-01\nchanges", "from = 2090-01-01\nentered = 2026-01-01\nold", "this key is not known"),
        ("entered = 2026-01-01\nchanges = ", "from = 2090-01-01\nentered = 2026-01-01\n# ", "there is none on 2026-06"),
        ("until = 2026-12-31", 'until = "soon"', r"programme\[0\].until: this is no date"),
        ("[[programme]]", "[programme]", "programme: this is no list of tables"),
        ("[[programme]]", "target = [1]\n[[programme]]", r"agency_target.target: this key is not known"),
    ],
)
def test_what_is_wrong_in_a_plan_is_named_with_its_place(tmp_path, old, new, said):
    (tmp_path / "plan.toml").write_text(DATED.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said):
        load_plan(tmp_path, dt.date(2026, 6, 1))


# -- workbooks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
def test_a_workbook_comes_back_as_it_went(tmp_path, portfolio, lang):
    projects = [project(), project("chiller", kind="cooling", state="done", done_on=DAY, owner="ช่าง", note="ดู แฟ้ม 3")]
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_workbook(projects, Words(lang), {"chiller": Measured(5.0, 1.0, 30)}))
    assert read_workbook(path, portfolio) == projects


def test_a_day_of_the_buddhist_era_is_the_same_day(tmp_path, portfolio):
    def in_be(sheet, columns):
        cell = sheet.cell(2, columns["done_on"])
        cell.value = cell.value.replace(year=cell.value.year + 543)

    rows = [project(state="done", done_on=DAY)]
    assert read_workbook(edited(tmp_path, rows, in_be), portfolio) == rows


@pytest.mark.parametrize(("lang", "shown"), [("th", "[$-107041E]d mmm yyyy"), ("en", "d mmm yyyy")])
def test_a_workbook_shows_days_as_its_readers_write_them(tmp_path, lang, shown):
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_workbook([project(state="done", done_on=DAY)], Words(lang), {}))
    sheet = openpyxl.load_workbook(path).active
    (cell,) = (cell for cell in sheet[2] if isinstance(cell.value, dt.datetime))
    assert (cell.number_format, cell.value.date()) == (shown, DAY)


def edited(tmp_path, rows, change):
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_workbook(rows, Words("en"), {}))
    book = openpyxl.load_workbook(path)
    sheet = book.active
    columns = {cell.value.rpartition(" · ")[2]: cell.column for cell in sheet[1]}
    change(sheet, columns)
    book.save(path)
    return path


def test_every_fault_of_a_workbook_is_told_by_its_row(tmp_path, portfolio):
    def spoil(sheet, columns):
        sheet.cell(2, columns["kind"]).value = "magic"
        sheet.cell(3, columns["building"]).value = "health.centre-1"
        sheet.cell(4, columns["agency"]).value = "moon"
        sheet.cell(5, columns["state"]).value = "done"
        sheet.cell(6, columns["due_year_be"]).value = 2026
        sheet.cell(7, columns["id"]).value = "p-4"

    path = edited(tmp_path, [project(f"p-{n}") for n in range(6)], spoil)
    with pytest.raises(ConfigError) as caught:
        read_workbook(path, portfolio)
    message = str(caught.value)
    for part in ("row 2.kind", "row 3: building", "row 4: agency", "row 5: done_on", "row 6.due_year_be"):
        assert part in message, message
    assert len(caught.value.faults) == 6
    assert "'health.centre-1' is no building of district-dindaeng" in message


def test_rows_may_be_empty_and_columns_must_be_there(tmp_path, portfolio):
    path = edited(
        tmp_path, [project("p-1"), project("p-2")], lambda sheet, _: sheet.delete_rows(2) or sheet.insert_rows(2)
    )
    assert [own.id for own in read_workbook(path, portfolio)] == ["p-2"]
    path = edited(tmp_path, [project("p-1")], lambda sheet, columns: sheet.delete_cols(columns["kind"]))
    with pytest.raises(InputError, match="columns are missing: kind"):
        read_workbook(path, portfolio)
    (tmp_path / "x.xlsx").write_bytes(b"no workbook")
    with pytest.raises(InputError, match="no readable workbook"):
        read_workbook(tmp_path / "x.xlsx", portfolio)


# -- data sheets for partners --------------------------------------------------------------------------------------


def row(building, portfolio, **given):
    own = portfolio.buildings[building]
    defaults = {
        "building": own.id, "agency": own.agency, "name_th": own.name_th, "name_en": own.name_en, "type": str(own.type),
        "roof_kwp": 123.4, "capacity_kwp": 98.7, "energy_kwh": 135_790.0, "used_kwh": 130_000.0, "load_share_ratio": 0.234,
        "load_measured_ratio": 1.0, "capex_thb": 2_345_678.0, "saving_thb": 456_789.0, "payback_years": 5.1,
        "npv_thb": 3_456_789.0, "avoided_kg": 60_000.0,
    }  # fmt: skip
    return ScreenRow(**(defaults | given))


@pytest.fixture
def offered(portfolio):
    rows = [row("district-dindaeng.office", portfolio), row("health.centre-1", portfolio, payback_years=None)]
    projects = [project(state=state, name=f"p-{state}", done_on=DAY) for state in PROJECT_STATES]
    return rows, projects


def text_of(raw):
    book = openpyxl.load_workbook(io.BytesIO(raw))
    return " ".join(str(cell) for sheet in book for line in sheet.iter_rows(values_only=True) for cell in line if cell)


def test_the_data_sheet_offers_what_pays_and_what_is_not_begun(offered, portfolio):
    sheet = data_sheet(*offered, portfolio, Words("en"), is_masked=False)
    assert [own["name"] for own in sheet.solar] == [portfolio.buildings["district-dindaeng.office"].name_en]
    assert {own["state"] for own in sheet.retrofit} == {"surveyed", "proposed", "endorsed"}
    text = text_of(data_sheet_workbook(sheet, Words("en")))
    assert portfolio.buildings["district-dindaeng.office"].name_en in text
    assert "135790" in text


@pytest.mark.parametrize("lang", LANGS)
def test_masked_nobody_can_tell_which_building_it_is(offered, portfolio, lang):
    words = Words(lang)
    sheet = data_sheet(*offered, portfolio, words, is_masked=True)
    text = text_of(data_sheet_workbook(sheet, words))
    own = portfolio.buildings["district-dindaeng.office"]
    for secret in (own.name_th, own.name_en, own.id, own.agency, "135790", "LED lamps", "เปลี่ยนหลอด"):
        assert secret not in text
    assert sheet.solar[0]["energy_kwh"] == 140_000
    assert sheet.solar[0]["code"] == "B001"
    assert sheet.key == [{"code": "B001", "id": own.id}]
    assert words("plan.about_masked") in text


def test_a_name_that_looks_like_a_formula_or_an_address_stays_a_text_in_every_workbook(tmp_path, portfolio):
    hostile = "=HYPERLINK(1)", "http://example.org"
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_workbook([project(name_th=hostile[0], name_en=hostile[1])], Words("en"), {}))
    cells = [cell for row in openpyxl.load_workbook(path).active.iter_rows() for cell in row]
    assert {cell.value: cell.data_type for cell in cells if cell.value in hostile} == dict.fromkeys(hostile, "s")
    assert [cell.coordinate for cell in cells if cell.hyperlink or cell.data_type == "f"] == []


def test_every_workbook_is_written_with_texts_as_texts():
    """The options stand in one place; a module that opens a workbook without them fails here."""
    opened = [
        (path.name, line.strip())
        for path in (ROOT / "src").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if "xlsxwriter.Workbook(" in line and "AS_TEXT" not in line
    ]
    assert opened == []
