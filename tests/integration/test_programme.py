"""The programme on its page, as files, by the API and by command: the same figures, and to each reader those of theirs."""

import datetime as dt
import io
import json
import re

import openpyxl
import pytest
from click.testing import CliRunner

from bkkenergy.adapters.state import open_state, transaction
from bkkenergy.adapters.state.agencymonths import enter_month_amounts
from bkkenergy.calendar import Period, fiscal_year_of
from bkkenergy.cli import cli
from bkkenergy.i18n import LANGS, Words
from bkkenergy.plan import Project
from bkkenergy.reports.programme.gather import programme_of
from bkkenergy.reports.programme.goal import GoalLine, electricity_of, goal_lines, years_before
from bkkenergy.reports.programme.paper import programme_paper
from bkkenergy.site import load_configuration, open_site
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.usecases.uptodate import up_to_date
from tests.integration.test_api_portfolio import client_of
from tests.planned import save_projects
from tests.register import REGISTER
from tests.web import make_app, make_site, signed_in

NOW = dt.datetime.now(dt.UTC)
YEAR_BE = fiscal_year_of(NOW.date()).last_day.year + BE_OFFSET_YEARS
LAST_MONTH = (NOW.date().replace(day=1) - dt.timedelta(days=1)).replace(day=1)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = make_site(tmp_path_factory.mktemp("programme"), days=70)
    (home / "config/programme.toml").write_text(REGISTER, encoding="utf-8")
    names = {"agency": "health", "due_year_be": 2570, "building": "health.centre-1", "owner": "นก"}
    kinds = (("led", "LED lamps", None), ("cooling", "New chiller", "TH_AM005"), ("street_lighting", "Lamps", None))
    engine = open_state(load_configuration(home / "config").settings.state)
    save_projects(
        engine,
        [
            Project(id=kind.partition("_")[0] + "-more", kind=kind, name_th=f"โครงการ {kind}", name_en=name, method=method,
                    expected_kwh=10_000, budget_thb=5_000, **names)
            for kind, name, method in kinds
        ],
        NOW,
    )  # fmt: skip
    with transaction(engine) as connection:
        for month, litres in ((LAST_MONTH, 900.0), (LAST_MONTH.replace(year=LAST_MONTH.year - 1), 1000.0)):
            enter_month_amounts(connection, "health", f"{month:%Y-%m}", {"fuel_litres": litres}, "test", NOW)
    engine.dispose()
    return home


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def site(home):
    with open_site(load_configuration(home / "config")) as opened:
        yield up_to_date(opened).refreshed()


def programme(site, agencies=("health", "education"), **asked):
    return programme_of(site, agencies, now=NOW, **{"has_partners": True, **asked})


def table(paper, title):
    return next(block for block in paper["blocks"] if block.get("title") == title)


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_has_every_table_in_both_languages(app, lang):
    page = signed_in(app, "admin").get(f"/programme?lang={lang}").text
    words = Words(lang)
    for name in ("targets", "years", "sectors", "agencies", "emissions", "participation", "jcm", "shortlist", "needs",
                 "workshops", "follow_ups"):  # fmt: skip
        assert words(f"programme.{name}") in page, name
    assert ("บริษัท เย็นสบาย จำกัด" if lang == "th" else "Cool Co.") in page
    assert "Lamp Co." not in page, "who declined is on no shortlist"
    assert f"/programme/tables.xlsx?year={YEAR_BE}" in page


def test_an_agency_s_reader_sees_that_agency_and_no_partner(app):
    page = signed_in(app, "viewer-health").get("/programme?lang=en").text
    assert "Replace old air conditioners" in page
    assert "LED health" not in page or "LED education" not in page
    for foreign in ("Cool Co.", Words("en")("programme.shortlist"), "education.headquarters", "LED education"):
        assert foreign not in page
    assert signed_in(app, "viewer-health").get("/programme?agency=education").status_code == 404
    assert signed_in(app, "viewer-health").get("/programme?agency=nowhere").status_code == 404
    assert signed_in(app, "viewer-health").get("/records/list/partner?lang=en").text.count("Cool Co.") == 0


def test_page_workbook_answer_and_command_hold_the_same_figures(app, home):
    client = signed_in(app, "admin")
    answer = json.loads(client.get("/programme/tables.json?lang=en").content)
    done = CliRunner().invoke(cli, ["programme", "show", "--json", "--lang", "en", "--config", str(home / "config")])
    assert done.exit_code == 0, done.output
    commanded = json.loads(done.output)
    for one in (answer, commanded):
        assert one["schema"] == "bkkenergy.paper/1"
    read_at_once = Words("en")("programme.participation")  # a sign-in between the two counts
    by_page, by_command = (
        [block["rows"] for block in one["blocks"][1:] if block["title"] != read_at_once] for one in (answer, commanded)
    )
    assert by_page == by_command
    book = openpyxl.load_workbook(io.BytesIO(client.get("/programme/tables.xlsx?lang=en").content))
    grids = [block for block in answer["blocks"] if block["kind"] == "grid"]
    for name, grid in zip(book.sheetnames[1:], grids, strict=True):
        cells = [cell.value for cell in book[name]["A"]][1 : len(grid["rows"]) + 1]
        assert [str(value)[:4] for value in cells] == [str(row[0])[:4] for row in grid["rows"]], name
    sectors = table(answer, Words("en")("programme.sectors"))
    names = [row[0] for row in sectors["rows"]]
    assert names == [Words("en")(f"project_kind.{kind}") for kind in ("led", "cooling", "street_lighting")]
    assert [row[1] for row in sectors["rows"]] == [3, 1, 1]
    assert sum(row[3] for row in sectors["rows"]) == sectors["total"][3] == 32_000


def test_the_api_answers_as_the_page_does(app):
    client = client_of(app, "admin")
    by_api = client.get("/api/v1/programme", params={"lang": "en"}).json()
    assert [block["kind"] for block in by_api["blocks"]].count("grid") == 12
    assert client.get("/api/v1/programme", params={"year": YEAR_BE + 1}).status_code == 404
    assert client.get("/api/v1/programme", params={"agency": "nowhere"}).status_code == 404


def test_emissions_are_expected_and_measured_and_by_the_projects_factor(site):
    known = programme(site)
    by_project = {one.project.id: one for one in known.reductions}
    led = by_project["led-more"]
    assert led.expected_t == pytest.approx(10_000 * known.factor.kg_co2e_per_kwh / 1000)
    assert led.measured_t is None
    assert (led.method, led.is_chosen) == ("TH_AM016", False)
    assert (by_project["cooling-more"].method, by_project["cooling-more"].is_chosen) == ("TH_AM005", True)
    assert by_project["street-more"].method is None


def test_fuel_is_beside_the_same_months_of_the_base_year(site):
    fuel = next(line for line in programme(site).goal if line.unit == "l")
    assert (fuel.now, fuel.before) == (900.0, 1000.0)
    assert fuel.change_ratio == pytest.approx(-0.1)


def test_a_month_that_one_year_lacks_is_not_compared(site):
    months = Period.month(LAST_MONTH.year, LAST_MONTH.month)
    line = next(line for line in goal_lines(site, ("health",), months, 1) if line.sector == "buildings")
    assert line.used > 0
    assert (line.now, line.before, line.change_ratio) == (0.0, 0.0, None)


def test_the_whole_is_said_where_enough_of_it_is_compared():
    little = GoalLine("buildings", "kwh", 100.0, 70.0, 80.0, 0.7)
    much = GoalLine("wastewater", "kwh", 900.0, 900.0, 1000.0, 1.0)
    whole = electricity_of([little, much])
    assert (little.change_ratio, much.change_ratio) == (None, pytest.approx(-0.1))
    assert whole.compared_ratio == pytest.approx(0.97)
    assert whole.change_ratio == pytest.approx(970 / 1080 - 1)
    assert electricity_of([]) is None


def test_the_same_months_of_a_leap_year_end_with_february():
    assert years_before(Period.days(dt.date(2024, 2, 1), dt.date(2024, 2, 29)), 1).last_day == dt.date(2023, 2, 28)
    assert years_before(Period.days(dt.date(2025, 2, 1), dt.date(2025, 2, 28)), 1).last_day == dt.date(2024, 2, 29)


def test_who_reports_and_who_reads_are_counted(site, app):
    signed_in(app, "viewer-health")
    by_agency = {one.agency.id: one for one in programme(site).participation}
    health = by_agency["health"]
    assert health.reporting == 2
    assert health.metered > health.reporting
    assert health.entered == 1
    assert health.readers.users == 4
    assert health.readers.signed_in >= 1
    assert by_agency["education"].readers.users == 0


def test_a_year_that_has_not_begun_and_a_name_without_a_format_are_refused(home):
    def run(*arguments):
        return CliRunner().invoke(cli, ["programme", *arguments, "--config", str(home / "config")])

    assert "has not begun" in str(run("show", "--year", str(YEAR_BE + 1)).exception)
    assert "has to end with" in str(run("export", "tables.odt").exception)
    assert "nowhere" in str(run("show", "--agency", "nowhere").exception)


def test_the_command_writes_the_tables_and_says_them_in_thai(home, tmp_path):
    target = tmp_path / "tables.docx"
    arguments = ["programme", "export", str(target), "--agency", "health", "--config", str(home / "config")]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert target.read_bytes()[:2] == b"PK"
    said = CliRunner().invoke(cli, ["programme", "show", "--lang", "th", "--config", str(home / "config")]).output
    assert "การมีส่วนร่วม" in said
    assert re.search(r"เครื่องทำความเย็น: .*บริษัท เย็นสบาย จำกัด \(อยู่ในบัญชีคัดเลือก\)", said)


def test_a_past_year_shows_the_plan_as_it_was(site):
    before = programme(site, year_be=YEAR_BE - 1)
    assert before.projects == ()
    paper = programme_paper(before, Words("en"), now=NOW)
    assert paper.is_final
    assert "0 projects" in paper.sentence
