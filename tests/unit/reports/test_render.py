"""One report, five formats, two languages: the same figures in each."""

import csv
import datetime as dt
import io
import json
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import jsonschema
import openpyxl
import pytest

from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.build import build_report
from bkkenergy.reports.phrasing import headline
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.render.json import read_json, report_schema
from bkkenergy.site.figures import Prices
from tests.unit.reports.conftest import FACTOR, NOW, RATE


@pytest.fixture
def report(scene):
    scene.demonstration = True
    scene.kw[0, scene.day(0)] *= 1.254321
    scene.sent[2, scene.day(0).start + 10 : scene.day(0).start + 30] = False
    return scene.report()


class Text(HTMLParser):
    """The words of a page, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data.replace("\N{NO-BREAK SPACE}", " "))


def page_of(report, lang):
    return RENDERERS["html"](report, lang).decode()


@pytest.mark.parametrize("lang", LANGS)
def test_the_three_formats_hold_the_same_figures(report, lang):
    data = json.loads(RENDERERS["json"](report, lang))
    rows = list(csv.reader(io.StringIO(RENDERERS["csv"](report, lang).decode("utf-8-sig"))))
    table = {row[1]: row for row in rows[1:]}
    text = " ".join(Text(page_of(report, lang)).words)
    words = Words(lang)
    for use, row in [(data["total"], table["agency"]), *((b["use"], table[b["id"]]) for b in data["buildings"])]:
        energy_kwh = use["energy_kwh"]
        assert float(row[4]) == pytest.approx(energy_kwh, rel=1e-9)
        assert words.number(energy_kwh) in text
        assert words.number(use["cost_thb"]) in text
        if use["change_ratio"] is not None:
            assert float(row[6]) == pytest.approx(use["change_ratio"] * 100)
            assert words.percent(use["change_ratio"], 1, signed=True) in text
    assert data["total"]["energy_kwh"] == report.total.energy_kwh


def test_json_is_the_content_with_its_schema_and_null_for_the_unknown(report):
    data = json.loads(RENDERERS["json"](report, "th"))
    assert data["schema"] == "bkkenergy.report/3"
    assert data["first_day"] == "2026-11-23"
    assert data["generated_at"].endswith("+07:00")
    assert data["buildings"][1]["use"]["change_ratio"] is None
    assert data["rate"]["source"] == "test"
    assert data["attention"][0].keys() == {"kind", "severity", "building_id", "meter_id", "values"}


def test_json_keeps_its_published_schema_and_leads_back_to_the_report(report):
    raw = RENDERERS["json"](report, "th")
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(raw), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(raw) | {"total": 3}, schema)
    assert read_json(raw) == report


@pytest.mark.parametrize("broken", [b"{}", b"no JSON", b'{"schema": "other"}'])
def test_json_that_is_no_report_is_refused_with_the_remedy(broken):
    with pytest.raises(InputError, match="bkkenergy jobs run"):
        read_json(broken)


def test_a_report_of_another_version_is_refused(report):
    raw = RENDERERS["json"](report, "th").replace(b"bkkenergy.report/3", b"bkkenergy.report/1")
    with pytest.raises(InputError, match="bkkenergy.report/1"):
        read_json(raw)


def test_csv_opens_in_excel_with_thai_letters(report):
    raw = RENDERERS["csv"](report, "th")
    assert raw.startswith(b"\xef\xbb\xbf")
    assert "อาคาร one" in raw.decode("utf-8-sig")


@pytest.mark.parametrize("lang", LANGS)
def test_a_simulated_report_says_so_on_its_page(report, scene, lang):
    assert Words(lang)("report.simulated") in Text(page_of(report, lang)).words
    scene.demonstration = False
    assert Words(lang)("report.simulated") not in Text(page_of(scene.report(), lang)).words


@pytest.mark.parametrize("lang", LANGS)
def test_a_page_stands_alone(report, lang):
    page = page_of(report, lang)
    assert not re.search(r"""(src|href)=["'](?!#|data:image/png)|url\(|@import|<script""", page)
    assert f'<html lang="{lang}">' in page


def test_thai_pages_have_dates_of_the_buddhist_era(report):
    page = page_of(report, "th")
    assert "วันจันทร์ที่ 23\N{NO-BREAK SPACE}พฤศจิกายน\N{NO-BREAK SPACE}2569" in page
    assert "2026" not in re.sub(r"MEA.*?VAT|<style.*?</style>", "", page, flags=re.DOTALL)


def test_names_cannot_break_out_of_the_page(scene):
    inputs = scene.inputs()
    evil = inputs.agency.model_copy(update={"name_th": "<script>alert(1)</script>"})
    from dataclasses import replace

    from bkkenergy.reports.build import build_report
    from tests.unit.reports.conftest import NOW

    page = page_of(build_report(replace(inputs, agency=evil), generated_at=NOW), "th")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("factor", "says"),
    [(1.25, "16.7% more than usual"), (0.7, "20.0% less than usual"), (1.0, "about as usual")],
)
def test_the_headline_says_how_it_went(scene, factor, says):
    scene.kw[0, scene.day(0)] *= factor
    assert says in headline(scene.report(), Words("en"))


@pytest.mark.parametrize(("hours", "is_said"), [(-7.5, True), (-7.0, False), (0.0, False)])
def test_the_headline_of_a_period_that_is_not_over_says_until_when(scene, hours, is_said):
    """Its energy and its bill are those of a part."""
    made = build_report(scene.inputs(), generated_at=NOW + dt.timedelta(hours=hours))
    assert ("So far, until" in headline(made, Words("en"))) == is_said
    assert ("ยังไม่สิ้นงวด" in page_of(made, "th")) == is_said


def test_the_headline_without_history_or_data(scene):
    scene.sent[:, : scene.day(0).start] = False
    assert "too few days like these" in headline(scene.report(), Words("en"))
    scene.sent[:] = False
    assert "No data" in headline(scene.report(), Words("en"))
    assert "ไม่มีข้อมูล" in page_of(scene.report(), "th")


@pytest.mark.parametrize("lang", LANGS)
def test_the_workbook_holds_the_same_figures_and_sums_them_itself(report, lang):
    raw = RENDERERS["xlsx"](report, lang)
    shown, formulas = (
        openpyxl.load_workbook(io.BytesIO(raw), data_only=values).worksheets[0] for values in (True, False)
    )
    words = Words(lang)
    rows = {row[0].value: row for row in shown.iter_rows(min_row=7)}
    for building in report.buildings:
        row = rows[words.either(th=building.name_th, en=building.name_en)]
        assert row[1].value == pytest.approx(building.use.energy_kwh)
        assert row[6].value == pytest.approx(building.use.cost_thb)
        assert row[8].value == pytest.approx(building.use.coverage_ratio)
    total = rows[words("by_scope.total_agency")]
    assert total[1].value == pytest.approx(report.total.energy_kwh)
    last = 6 + len(report.buildings)
    assert formulas.cell(last + 1, 2).value == f"=SUM(B7:B{last})"
    assert formulas.cell(7, 7).value == "=B7*$B$3"


@pytest.mark.parametrize("lang", LANGS)
def test_a_period_whose_price_and_factor_changed_says_so_and_shows_both_factors(scene, lang):
    first, last, words = scene.period.first_day, scene.period.last_day, Words(lang)
    scene.lengthen(1)
    later = FACTOR.model_copy(update={"kg_co2e_per_kwh": 0.4, "valid_from": first})
    scene.prices = (
        Prices(first - dt.timedelta(days=1), first - dt.timedelta(days=1), RATE, FACTOR),
        Prices(first, last, replace(RATE, ft_thb_per_kwh=1.1, standing="expired"), later),
    )
    page = RENDERERS["html"](scene.report(), lang).decode()
    for key in (
        "report.flat_rates_note",
        "report.method_cost_changed",
        "report.method_co2_changed",
        "bill.provisional_rate",
    ):
        assert words(key) in page
    assert {"0.5000", "0.4000"} <= set(re.findall(r"0\.[45]000", page))
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](scene.report(), lang)))
    assert not str(book.worksheets[0].cell(7, 7).value).startswith("=")


@pytest.mark.parametrize("lang", LANGS)
def test_without_a_known_ft_the_page_gives_no_baht_and_says_why(scene, lang):
    scene.prices = (Prices(scene.period.first_day, scene.period.last_day, None, None),)
    report, words = scene.report(), Words(lang)
    page = RENDERERS["html"](report, lang).decode()
    assert words("report.method_no_cost") in page
    assert words("report.method_no_co2") in page
    for form in ("json", "csv", "xlsx"):
        assert RENDERERS[form](report, lang)


@pytest.mark.browser
@pytest.mark.parametrize("lang", LANGS)
def test_the_pdf_holds_the_same_figures_with_its_fonts_embedded(report, lang, tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(RENDERERS["pdf"](report, lang))
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    assert Words(lang).number(report.total.energy_kwh) in text
    assert Words(lang).number(report.total.cost_thb) in text
    fonts = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts
    assert all(line.split()[-5] == "yes" for line in fonts), fonts
