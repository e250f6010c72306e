"""Figures stand with their days and grades; Ft comes in from a file that a person has seen."""

import datetime as dt
import json
import re
import shutil
import tomllib

import pytest
from click.testing import CliRunner

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.cli import cli
from bkkenergy.dated import Citation, cited
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.settings import load_settings
from bkkenergy.site.figures import load_figures
from bkkenergy.site.ft_file import FtRow, day_of
from bkkenergy.site.standings import standings
from bkkenergy.tariff.bill import bill_of, joined
from bkkenergy.tariff.quantities import BillDays, Quantities
from bkkenergy.usecases.figures import FigureFiles, FtTable, enter_ft
from tests.conftest import ROOT

NEXT_YEAR = "งวดที่เริ่ม,ถึง,ประเภท,Ft (สตางค์/หน่วย)\nม.ค. 2570,เม.ย. 2570,3,15.01\nม.ค. 2570,เม.ย. 2570,1,9.00\n"
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
OPTIONS = ["--source", "a test", "--grade", "V", "--yes"]


@pytest.fixture
def site(tmp_path):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def run(site, *arguments):
    return CliRunner().invoke(cli, ["figures", *arguments, "--config", str(site)])


def test_every_figure_that_holds_is_listed_with_its_source(site):
    rows = standings(load_figures(site), dt.date(2026, 6, 1))
    assert all(row.source for row in rows)
    assert [row.name for row in rows if row.standing != "sourced"] == ["off-peak days"]
    assert {"Ft", "VAT", "grid factor, upstream", "rates of mea-7-2-mv", "customers of mea-8"} <= {
        row.name for row in rows
    }


@pytest.mark.parametrize(
    ("day", "faults"),
    [
        ("2022-08-31", []), ("2026-08-31", ["off-peak days"]), ("2021-10-01", ["Ft"]),
        ("2026-11-26", ["off-peak days", "rates of mea-2-1-lv"]),
        ("2027-01-01", ["Ft", "off-peak days", "rates of mea-2-1-lv"]),
        ("2027-10-01", ["Ft", "VAT", "off-peak days", "rates of mea-2-1-lv"]),
    ],
)  # fmt: skip
def test_a_release_check_finds_what_has_expired_and_what_is_from_memory(site, day, faults):
    done = run(site, "check", "--on", day)
    assert done.exit_code == bool(faults)
    assert [
        name for name in ("Ft", "VAT", "off-peak days", "rates of mea-2-1-lv") if f"{name}: " in done.stdout
    ] == faults


def test_the_list_is_data_too(site):
    rows = json.loads(run(site, "list", "--on", "2026-11-26", "--json").stdout)
    assert next(row for row in rows if row["name"] == "VAT")["valid_to"] == "2027-09-30"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "tis-620"])
def test_ft_of_the_next_period_comes_from_a_thai_file_with_buddhist_years(site, encoding):
    file = site.parent / "ft.csv"
    file.write_text(NEXT_YEAR, encoding)
    done = run(site, "import-ft", str(file), *OPTIONS, "--type-column", "ประเภท", "--type", "3")
    assert done.exit_code == 0, done.output
    tariffs = load_figures(site).tariffs
    ft = tariffs.ft_on(dt.date(2027, 4, 30))
    assert (ft.valid_from, ft.valid_to, ft.thb_per_kwh, ft.grade) == (
        dt.date(2027, 1, 1), dt.date(2027, 4, 30), pytest.approx(0.1501), "V",
    )  # fmt: skip
    assert "# VAT by the royal decrees" in (site / "tariffs" / "rules.toml").read_text("utf-8")


def test_who_entered_ft_and_from_where_is_in_the_audit_log(site):
    file = site.parent / "ft.csv"
    file.write_text("month,ft_baht\n2027-01,0.15\n")
    assert run(site, "import-ft", str(file), *OPTIONS).exit_code == 0
    engine = open_state(load_settings(site).state)
    (line,) = audit_lines(engine)
    engine.dispose()
    assert (line["action"], line["target"], line["detail"]["source"]) == ("import_ft", "tariffs/rules.toml", "a test")
    assert line["detail"]["periods"] == [{"from": "2027-01-01", "to": "2027-01-31", "thb": 0.15}]


def test_ft_that_was_changed_since_it_was_compared_is_not_written_over(site):
    known = load_figures(site).tariffs.ft
    row = FtRow(dt.date(2027, 1, 1), dt.date(2027, 1, 31), 0.15, None, "new")
    files = FigureFiles(site, open_state(load_settings(site).state))
    table = FtTable([row], known, "a test", "V")
    enter_ft(files, server_actor("malee"), table, NOW)
    before = (site / "tariffs" / "rules.toml").read_bytes()
    with pytest.raises(InputError, match="was changed since"):
        enter_ft(files, server_actor("somchai"), table, NOW)
    overlap = FtTable([row], load_figures(site).tariffs.ft, "a test", "V")
    with pytest.raises(ConfigError, match=re.escape(str(site))):
        enter_ft(files, server_actor("somchai"), overlap, NOW)
    assert (site / "tariffs" / "rules.toml").read_bytes() == before
    assert [line["actor"] for line in audit_lines(files.state)] == ["malee"]
    files.state.dispose()


def test_a_second_import_changes_nothing(site):
    file = site.parent / "ft.csv"
    file.write_text("month,ft_baht\n2027-01,0.15\n2027-02,0.15\n")
    assert "Entered 1" in run(site, "import-ft", str(file), *OPTIONS).stdout
    before = (site / "tariffs" / "rules.toml").read_bytes()
    assert "Nothing is new" in run(site, "import-ft", str(file), *OPTIONS).stdout
    assert (site / "tariffs" / "rules.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("month,ft_baht\n2026-10,0.15\n", "1 periods differ"),
        ("month,ft\n2027-01,15\n", "does not say its unit"),
        ("month,ft_baht\n2027-01,15.01\n", "cannot be. Give --unit"),
        ("month,ft_baht\nnever,0.1\n", "row 2: 'never' is no day"),
        ("month,ft_baht\n2027-13,0.1\n", "row 2: month must be in 1..12"),
        ("a,b\n1,2\n", "no column looks like the from column"),
        ("month,type,ft_baht\n2027-01,1,0.1\n2027-01,3,0.2\n", "two periods of the file hold"),
        ("month,ft_baht\n2027-01,nan\n", "no number"),
        ("", "no readable CSV"),
        ("month,ft_baht\n", "no row is left"),
    ],
)
def test_a_file_that_cannot_be_right_changes_nothing(site, text, why):
    file = site.parent / "ft.csv"
    file.write_text(text)
    before = (site / "tariffs" / "rules.toml").read_bytes()
    done = run(site, "import-ft", str(file), *OPTIONS)
    assert done.exit_code != 0
    assert isinstance(done.exception, InputError | SystemExit)
    assert why in f"{done.output}{done.exception}"
    assert (site / "tariffs" / "rules.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1/5/2569", "2026-05-01"), ("2569-05-01", "2026-05-01"), ("พฤษภาคม 2569", "2026-05-01"),
        ("15 ก.ย. 2569", "2026-09-15"), ("05/2026", "2026-05-01"), ("2026-05-01T00:00:00", "2026-05-01"),
    ],
)  # fmt: skip
def test_days_are_read_as_thai_files_write_them(text, day):
    assert day_of(text) == dt.date.fromisoformat(day)


OF_NO_REPORT = ("payloads", "calendars", "modbus")
"""Sources that only `bkkenergy check` and developers read."""


def tables_with_a_source(table):
    """Every table of a file, at any depth, that says where it was read."""
    if isinstance(table, list):
        return [one for item in table for one in tables_with_a_source(item)]
    if not isinstance(table, dict):
        return []
    below = [one for value in table.values() for one in tables_with_a_source(value)]
    return [table, *below] if "source" in table else below


def test_every_source_that_a_report_may_quote_is_there_in_thai():
    lacking = {
        (path.name, table["source"])
        for path in (ROOT / "config").rglob("*.toml")
        if not any(part in str(path) for part in OF_NO_REPORT)
        for table in tables_with_a_source(tomllib.loads(path.read_text(encoding="utf-8")))
        if not re.search("[ก-๛]", table.get("source_th", ""))
    }
    assert lacking == set()


def test_a_split_bill_names_each_source_once_in_either_language():
    tariffs = load_figures(ROOT / "config").tariffs
    april, cut, may = dt.date(2025, 4, 1), dt.date(2025, 4, 16), dt.date(2025, 5, 1)
    halves = [BillDays(april, cut, 0.5), BillDays(cut, may, 0.5)]
    bill = joined(
        [
            bill_of(Quantities(april, 500.0, 200.0, {}, part=half), tariffs.schedules[name], tariffs)
            for half, name in zip(halves, ("mea-2-2-lv", "mea-2-2-lv"), strict=True)
        ]
    )
    thai = cited(bill.sources, "th")
    assert bill.source.count("ERC announcement") == thai.count("กกพ.") == 1
    assert len(bill.sources) == len(("rates", "Ft", "VAT"))
    assert "schedules" not in thai


def test_a_source_without_thai_is_quoted_as_it_is():
    assert cited([Citation("a calculator"), Citation("a calculator")], "th") == "a calculator"
