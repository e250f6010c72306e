"""The yearly report of a designated building: fields from the ledger, each with its grade, as page, XLSX and CSV."""

import csv
import datetime as dt
import html
import io

import openpyxl
import pytest
from click.testing import CliRunner

from bkkenergy.cli import cli
from bkkenergy.errors import ConfigError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.site.dede_config import FIELD_KEYS, load_annual_fields
from bkkenergy.site.packaged import packaged_config_dir
from tests.web import make_app, make_site, signed_in

BUILDING = "health.centre-1"
YEAR = dt.date.today().year  # noqa: DTZ011


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("annual"), days=40)


@pytest.fixture(scope="module")
def visitor(home):
    return signed_in(make_app(home), "manager-health")


def made(home, tmp_path, name, *arguments):
    done = CliRunner().invoke(
        cli, ["ereport", "annual", BUILDING, str(tmp_path / name), *arguments, "--config", str(home / "config")]
    )
    assert done.exit_code == 0, f"{done.output}{done.exception}"
    return done, (tmp_path / name).read_bytes()


def test_the_year_is_the_sum_of_its_months_and_megajoules_are_a_formula(home, tmp_path):
    _, data = made(home, tmp_path, "a.xlsx", "--year", str(YEAR + 543), "--lang", "en")
    values, formulas = (openpyxl.load_workbook(io.BytesIO(data), data_only=only) for only in (True, False))
    rows = {row[0].value: (row[1].value, row[2].value) for row in values["Fields"].iter_rows(min_row=5) if row[0].value}
    kwh, grade = rows["Electricity from the distributor (kWh)"]
    assert grade == "V"
    assert kwh > 0
    months = [row[2].value for row in values["Months"].iter_rows(min_row=2, max_row=13)]
    assert sum(value for value in months if value is not None) == pytest.approx(kwh)
    assert rows["Electricity (MJ) = kWh x 3.60"][0] == pytest.approx(kwh * 3.6)
    (mj,) = [row[1].value for row in formulas["Fields"].iter_rows() if row[0].value == "Electricity (MJ) = kWh x 3.60"]
    assert mj.startswith("=B")
    assert mj.endswith("*3.6")
    assert rows["TSIC-ID"] == ("not known here", "V2")


def test_both_eras_name_the_same_year_and_csv_has_the_same_figures(home, tmp_path):
    _, one = made(home, tmp_path, "one.csv", "--year", str(YEAR))
    _, other = made(home, tmp_path, "other.CSV", "--year", str(YEAR + 543))
    assert one == other
    rows = list(csv.reader(io.StringIO(one.decode("utf-8-sig"))))
    assert len(rows) == 1 + 15 + 12 * 4
    assert {len(row) for row in rows} == {5}


def test_a_year_that_is_known_in_part_gives_no_figure_by_area_and_says_how_much_is_known(home, tmp_path):
    done, data = made(home, tmp_path, "part.csv", "--year", str(YEAR), "--lang", "en")
    by_name = {row[0]: row[2] for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) if not row[1]}
    assert by_name["Energy by area (MJ/m2)"] == ""
    assert "of the year is known" in done.output
    assert "form was read in no public source" in done.output


def test_a_year_before_the_first_known_ft_has_no_cost_and_no_fault(home, tmp_path):
    _, data = made(home, tmp_path, "old.csv", "--year", "2016")
    months = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) if row[1].startswith("2016-")]
    assert len(months) == 12 * 4
    assert {row[2] for row in months} == {""}


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_shows_each_field_with_its_source_and_leads_to_the_files(visitor, lang):
    page = visitor.get(f"/buildings/{BUILDING}/annual?year={YEAR}&lang={lang}")
    assert page.status_code == 200
    words = Words(lang)
    for text in (words("annual.not_the_form"), "TSIC-ID", "weben.dede.go.th", words("annual.standing_unknown")):
        assert text in html.unescape(page.text)
    for form in ("xlsx", "csv"):
        file = visitor.get(f"/buildings/{BUILDING}/annual.{form}?year={YEAR}&lang={lang}")
        assert (file.status_code, len(file.content) > 1000) == (200, True)
    assert f"/buildings/{BUILDING}/annual" in visitor.get(f"/buildings/{BUILDING}").text


@pytest.mark.parametrize("asked", [f"year={YEAR + 1}", "year=1800", "year=soon", "year=99999"])
def test_years_that_are_none_are_no_fault_of_the_server(visitor, asked):
    assert visitor.get(f"/buildings/{BUILDING}/annual?{asked}").status_code in {404, 422}


def test_another_agency_s_building_is_not_shown(visitor):
    assert visitor.get(f"/buildings/education.school-1/annual?year={YEAR}").status_code in {403, 404}


def test_each_shipped_field_has_its_source_and_a_file_without_one_is_a_fault(tmp_path):
    assert tuple(load_annual_fields(packaged_config_dir())) == FIELD_KEYS
    text = (packaged_config_dir() / "dede.toml").read_text()
    (tmp_path / "dede.toml").write_text(text.replace('key = "tsic_id"', 'key = "tsic"'))
    with pytest.raises(ConfigError):
        load_annual_fields(tmp_path)
    (tmp_path / "dede.toml").write_text(text[text.index("[[field]]", 900) :])
    with pytest.raises(ConfigError, match="legal_entity"):
        load_annual_fields(tmp_path)
