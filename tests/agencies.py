"""Agencies made up at random, with every kind of gap, and what contradicts itself in their reports.

The reports are built by the product from meters' registers; baselines, bills, findings and the state's index are added
as their own parts would add them.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import docx
import numpy as np
import openpyxl
import pytest

from bkkenergy.calendar import Period
from bkkenergy.dated import Citation
from bkkenergy.i18n import Lang, Words
from bkkenergy.reports.content import (
    AgencyReport,
    BillItem,
    BuildingSaving,
    FindingOwner,
    Ranked,
    SavingTarget,
    SolarUse,
    YearBefore,
    in_bill_order,
)
from bkkenergy.reports.official import IndexMonth, StateIndex
from bkkenergy.reports.pageone import first_thing, saved_money
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.model import KeyFigures, PaperText
from bkkenergy.reports.papers.poster import poster
from bkkenergy.reports.phrasing import headline
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.shares import compared_ratio, judged_ratio, total_change_ratio, year_before_ratio
from bkkenergy.reports.yearpath import PathMonth, YearPath
from bkkenergy.savings.facts import Finding
from tests.unit.reports.conftest import NOW, STEPS_PER_DAY, Scene
from tests.wordcharts import charts

RULES = (
    ("night_spread", {"lowest_kw": 10.0, "highest_kw": 30.0}),
    ("closed_days", {"ratio": 0.6, "usual_ratio": 0.3}),
    ("load_shift", {"share_ratio": 0.4, "gain_thb_per_kwh": 1.6}),
    ("use_event", {"change_ratio": 0.2, "kwh_a_day": 120.0, "half_kwh_a_day": 30.0}),
)
NAMES = (
    ("สำนักงานเขตป้อมปราบศัตรูพ่าย", "Pom Prap Sattru Phai District Office"),
    ("สำนักการแพทย์", "Medical Service Department"),
    ("สำนักสิ่งแวดล้อม", "Environment Department"),
)
BUILDINGS = (
    ("โรงเรียนวัดมหรรณพาราม", "Wat Mahannapharam School"),
    ("ศูนย์กีฬาเฉลิมพระเกียรติ (บางมด)", "Chaloem Phrakiat Sports Centre (Bang Mot)"),
)
MAX_WORDS, MAX_CHARS = 120, 700
FORMS = ("html", "json", "csv", "xlsx", "docx")


def generated(seed: int) -> AgencyReport:
    """An agency of two buildings over a day or a month, with gaps, resets, lost meters and short histories by chance."""
    random = np.random.default_rng(seed)
    scene = Scene()
    if random.random() < 0.5:
        scene.lengthen(int(random.integers(27, 31)))
    scene.kw *= random.uniform(0.2, 3.0, (3, 1)) * random.uniform(0.7, 1.3, (1, scene.kw.shape[1]))
    scene.kw[1] = scene.kw[0] * 0.25
    for meter in range(3):
        for _ in range(int(random.integers(0, 4))):
            first = int(random.integers(0, scene.sent.shape[1] - 2))
            scene.sent[meter, first : first + int(random.choice([1, 30, STEPS_PER_DAY * 3, STEPS_PER_DAY * 12]))] = (
                False
            )
        if random.random() < 0.08:
            scene.sent[meter] = False
        if random.random() < 0.1:
            scene.register_shift_kwh[meter, int(random.integers(1, scene.sent.shape[1])) :] -= 800
    if random.random() < 0.2:
        scene.sent[:, : scene.day(14).start] = False
    return _decorated(scene.report(), random)


def _decorated(report: AgencyReport, random: np.random.Generator) -> AgencyReport:
    """The report with bills, savings, comparisons, findings and an owner, each by chance, consistent as the product's."""
    th, en = NAMES[int(random.integers(len(NAMES)))]
    names = dict(report.names) | {report.agency_id: (th, en)}
    names |= {building.id: named for building, named in zip(report.buildings, BUILDINGS, strict=True)}
    is_simulated = bool(random.random() < 0.5)
    report = replace(report, name_th=th, name_en=en, is_simulated=is_simulated, names=names)
    if report.period_kind != "day":
        first, last = dt.date(2026, 10, 1), dt.date(2026, 10, 31)
        report = replace(report, period_kind="month", first_day=first, last_day=last)
        if random.random() < 0.7:
            report = _billed(report, random)
    if random.random() < 0.2:
        report = replace(report, generated_at=NOW.replace(year=2026, month=report.last_day.month, day=20))
    report = _saved(report, random)
    if report.period_kind != "day" and report.total.energy_kwh and random.random() < 0.7:
        report = replace(report, year_before=_year_before(report, random))
    if random.random() < 0.6:
        report = replace(report, state_index=_index(report, random), path=_path(random))
    findings = tuple(
        Finding(
            str(random.choice([one.id for one in report.buildings])), rule, "warning", report.last_day,
            float(random.uniform(-500, 5000)), float(random.uniform(-900, 30000)), evidence,
        )
        for rule, evidence in RULES
        if random.random() < 0.4
    )  # fmt: skip
    findings = tuple(sorted(findings, key=lambda finding: -finding.cost_thb_a_month))
    owners = tuple(FindingOwner(one.building, one.rule, "นายสมชาย ใจดี", dt.date(2026, 12, 1)) for one in findings[:1])
    solar = (SolarUse("agency.one", is_installed=True, capacity_kwp=50.0, energy_kwh=4000.0),)
    return replace(report, findings=findings, owners=owners, solar=solar if random.random() < 0.3 else ())


def _billed(report: AgencyReport, random: np.random.Generator) -> AgencyReport:
    """Bills whose items sum to each building's cost, and these to the agency's, as `with_bills` makes them."""
    buildings = []
    for building in report.buildings:
        amounts = {
            "energy": building.use.energy_kwh * 4.2, "demand": float(random.uniform(0, 9000)), "vat": 700.0,
        } if building.use.energy_kwh is not None else {}  # fmt: skip
        bill = tuple(BillItem(item, amount) for item, amount in amounts.items())
        cost = sum(amounts.values()) if amounts else None
        buildings.append(replace(building, bill=bill, use=replace(building.use, cost_thb=cost)))
    lines = [line for building in buildings for line in building.bill]
    total = tuple(
        BillItem(item, sum(line.amount_thb for line in lines if line.item == item))
        for item in in_bill_order(line.item for line in lines)
    )
    costs = [building.use.cost_thb for building in buildings if building.use.cost_thb is not None]
    cost_thb = sum(costs) if costs else None
    return replace(
        report, buildings=tuple(buildings), bill=total, bill_source="MEA",
        total=replace(report.total, cost_thb=cost_thb),
    )  # fmt: skip


def _saved(report: AgencyReport, random: np.random.Generator) -> AgencyReport:
    rows = []
    for building in report.buildings:
        known_kwh = building.use.energy_kwh
        if known_kwh is None or known_kwh <= 0 or random.random() < 0.3:
            rows.append(BuildingSaving(building.id, None, None, None, None, None, is_provisional=False))
            continue
        judged_kwh = known_kwh * float(random.choice([1.0, 0.97, 0.7, 0.2]))
        ratio = float(random.uniform(-0.3, 0.3))
        rows.append(_saving(building.id, judged_kwh, known_kwh, ratio))
    judged = [row for row in rows if row.baseline_kwh]
    total = None
    if judged:
        actual_kwh = sum(row.actual_kwh for row in judged)
        ratio = 1 - actual_kwh / sum(row.baseline_kwh for row in judged)
        total = _saving("", actual_kwh, sum(row.known_kwh for row in judged), ratio)
    target = SavingTarget(0.10, 2573, Citation("EPPO", "สนพ."))
    ranking = [
        Ranked(row.building_id, row.actual_kwh - row.baseline_kwh, -row.saving_ratio, "baseline") for row in judged
    ]
    return replace(
        report, savings=tuple(rows), total_saving=total, target=target,
        savings_first_day=dt.date(2026, 10, 1) if judged else None,
        ranking=tuple(sorted(ranking, key=lambda one: -one.difference_kwh)) or report.ranking,
    )  # fmt: skip


def _saving(name: str, actual_kwh: float, known_kwh: float, ratio: float) -> BuildingSaving:
    is_part, half = actual_kwh < 0.9 * known_kwh, 0.08
    verdict = "part" if is_part else "unclear" if abs(ratio) <= half else "proven" if ratio > 0 else "increase"
    return BuildingSaving(
        name, actual_kwh / (1 - ratio), actual_kwh, ratio, half, verdict, is_provisional=False, significant_ratio=half,
        known_kwh=known_kwh, judged_days=25, period_days=31, baseline_years=1.0,
    )  # fmt: skip


def _year_before(report: AgencyReport, random: np.random.Generator) -> YearBefore:
    known = [one for one in report.buildings if one.use.energy_kwh]
    compared = known[: int(random.integers(1, len(known) + 1))]
    kwh = sum(one.use.energy_kwh for one in compared)
    days = int(random.integers(20, 32))
    return YearBefore(
        dt.date(2025, 10, 1), dt.date(2025, 10, 31), kwh * float(random.uniform(0.7, 1.4)), kwh * 31 / days,
        len(compared), len(report.buildings), compared_kwh=kwh, known_days=days, known_days_before=31,
    )  # fmt: skip


def _index(report: AgencyReport, random: np.random.Generator) -> StateIndex:
    used_kwh = report.total.energy_kwh if random.random() < 0.8 else None
    standard_kwh = None if used_kwh is None else used_kwh * float(random.uniform(0.7, 1.6))
    ratio = None if not standard_kwh else (standard_kwh - used_kwh) / standard_kwh
    why = {"th": ("ขาดผู้มาใช้บริการ",), "en": ("visitors are missing",)}
    month = IndexMonth(dt.date(2026, 10, 1), used_kwh, 1.0, standard_kwh, ratio, None, None, None, why)
    return StateIndex("1-01", 0.2, "Cabinet", "ครม.", (month,))


def _path(random: np.random.Generator) -> YearPath:
    measured_kwh, forecast_kwh = (float(kwh) for kwh in random.uniform(0, 90_000, 2))
    target_kwh = (measured_kwh + forecast_kwh) * float(random.uniform(0.8, 1.2))
    month = PathMonth(dt.date(2026, 10, 1), measured_kwh, forecast_kwh, target_kwh * 1.04, target_kwh, 20, 365)
    return YearPath(
        dt.date(2026, 10, 1), dt.date(2027, 9, 30), dt.date(2026, 10, 20), (month,), 2000.0, 0.04, 2, 2, 1.0
    )


class PageOneText(HTMLParser):
    """What people read on page one: its text without the pictures and their legends."""

    VOID = frozenset({"br", "meta", "img", "input", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[bool] = []
        self._one = -1
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag in self.VOID:
            return
        classes = (dict(attrs).get("class") or "").split()
        if tag == "section" and "one" in classes:
            self._one = len(self._open)
        self._open.append(tag == "svg" or "picture" in classes)

    def handle_endtag(self, tag):
        if tag in self.VOID or not self._open:
            return
        self._open.pop()
        if len(self._open) == self._one:
            self._one = -1

    def handle_startendtag(self, tag, attrs):
        """Nothing is within it."""

    def handle_data(self, data):
        if self._one >= 0 and not any(self._open):
            self.texts.append(data.replace("\N{NO-BREAK SPACE}", " "))

    @property
    def text(self) -> str:
        """The words, with one blank between them."""
        return " ".join(" ".join(self.texts).split())


def contradictions(report: AgencyReport, lang: Lang) -> list[str]:
    """What one line of a report says against another, over all its formats; nothing of a report that is right."""
    words = Words(lang)
    page = RENDERERS["html"](report, lang).decode()
    one = PageOneText(page).text
    faults = [*_too_long(one, lang), *_of_figures(report, one, words), *_of_claims(report, one, words)]
    faults += _of_files(report, lang) + _of_poster(report, words)
    if words("report.headline_no_attention") in one and report.attention:
        faults.append("nothing unusual, above things that need attention")
    if words("one.nothing") in one and any(finding.cost_thb_a_month >= 0 for finding in report.findings):
        faults.append("nothing to do, above findings")
    return faults


def _too_long(one: str, lang: Lang) -> list[str]:
    size = sum(any(letter.isalnum() for letter in word) for word in one.split()) if lang == "en" else len(one)
    limit = MAX_WORDS if lang == "en" else MAX_CHARS
    return [] if 0 < size <= limit else [f"page one has {size}: {one}"]


def _of_figures(report: AgencyReport, one: str, words: Words) -> list[str]:
    use, faults = report.total, []
    energy = words.number(use.energy_kwh)
    if use.energy_kwh is not None and energy not in one:
        faults.append(f"the headline has another energy than {energy}")
    if use.cost_thb is not None and use.energy_kwh is not None and one.count(words.number(use.cost_thb)) < 2:
        faults.append("headline and tile differ in money")
    total_kwh = sum(one.use.energy_kwh or 0.0 for one in report.buildings)
    if abs(total_kwh - (use.energy_kwh or 0.0)) > 0.01:
        faults.append("rows do not sum to the whole")
    bars_kwh = sum(bar.energy_kwh or 0.0 for bar in report.pictures.bars if bar.first_day >= report.last_day)
    if report.period_kind == "day" and bars_kwh > (use.energy_kwh or 0.0) + 0.01:
        faults.append("the bar of the day is more than the day")
    if report.bill and abs(sum(line.amount_thb for line in report.bill) - (use.cost_thb or 0.0)) > 0.01:
        faults.append("items of the bill do not sum to the money")
    known = [kw for row in report.pictures.heat_kw for kw in row if kw is not None]
    if use.peak_kw is not None and report.period_kind == "month" and max(known) > use.peak_kw + 0.01:
        faults.append("an hour is above the peak")
    return faults


def _of_claims(report: AgencyReport, one: str, words: Words) -> list[str]:
    faults, said = [], headline(report, words)
    compares = re.search(r"\d% (more|less) than usual|(มากกว่า|น้อยกว่า)ปกติ", said)
    if compares and compared_ratio(report) < 0.8:
        faults.append("compared with the usual on too little energy")
    is_significant = re.search("significant|นัยสำคัญ", said) is not None
    if is_significant and judged_ratio(report) < 0.9:
        faults.append("a verdict on too little energy")
    saved = saved_money(report, words)
    if saved.thb is not None and report.period_kind != "day" and not is_significant:
        faults.append("money saved without a saving in the headline")
    total = report.total_saving
    is_of_part = saved.thb is not None and total is not None and total.judged_days < total.period_days
    if is_of_part and words("one.days", known=total.judged_days, all=total.period_days) not in one:
        faults.append("a saving of a part of the days does not say so")
    before = report.year_before
    named = words("one.no_last_year") not in one
    if before is not None and report.period_kind == "month" and named != (year_before_ratio(report, before) >= 0.8):
        faults.append("last year is shown on too little energy, or left out on enough")
    is_running = report.generated_at.date() <= report.last_day
    if is_running != (re.search("So far|ยังไม่สิ้นงวด", one) is not None) and report.total.energy_kwh is not None:
        faults.append("a running period is not called so")
    part = words("report.cost_of_part", coverage=words.percent(report.total.coverage_ratio))
    if (report.total.coverage_ratio < 0.995) != (part in one):
        faults.append("missing data are not said beside the money")
    return faults


def _of_files(report: AgencyReport, lang: Lang) -> list[str]:
    """JSON, CSV and workbook beside the report's own figures."""
    words, faults, use = Words(lang), [], report.total
    total = json.loads(RENDERERS["json"](report, lang))["total"]
    if (total["energy_kwh"], total["cost_thb"]) != (use.energy_kwh, use.cost_thb):
        faults.append("JSON differs")
    rows = list(csv.reader(io.StringIO(RENDERERS["csv"](report, lang).decode("utf-8-sig"))))
    cells = {row[1]: row for row in rows[1:]}
    whole = next(row for key, row in cells.items() if key in {report.agency_id, "", report.name_th, report.name_en})
    if use.energy_kwh is not None and not any(_is_close(cell, use.energy_kwh) for cell in whole):
        faults.append(f"CSV differs: {whole}")
    sheet = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, lang)), data_only=True).worksheets[0]
    last = next(row for row in sheet.iter_rows(values_only=True) if row[0] == words("by_scope.total_agency"))
    if abs((last[1] or 0.0) - (use.energy_kwh or 0.0)) > 0.01 or abs((last[6] or 0.0) - (use.cost_thb or 0.0)) > 0.01:
        faults.append(f"the workbook differs: {last}")
    return [*faults, *_of_document(report, lang)]


def _of_document(report: AgencyReport, lang: Lang) -> list[str]:
    """The document beside the report's own figures: its tables hold each building's energy and money, and the total's."""
    words, use = Words(lang), report.total
    content = RENDERERS["docx"](report, lang)
    document = docx.Document(io.BytesIO(content))
    cells = {cell.text for table in document.tables for row in table.rows for cell in row.cells}
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    uses = [use, *(building.use for building in report.buildings)]
    lacking = [
        words.number(value)
        for one in uses
        for value in (one.energy_kwh, one.cost_thb)
        if value is not None and words.number(value) not in cells
    ]
    faults = [f"the document lacks {lacking}"] if lacking else []
    faults += [] if headline(report, words) in text else ["the document has another headline"]
    used = words("report.bar_actual")
    drawn = [series[used] for series in charts(content) if used in series]
    bars = [bar.energy_kwh for bar in report.pictures.bars if bar.energy_kwh is not None]
    return faults + (["the document's chart has other bars"] if drawn and drawn != [pytest.approx(bars)] else [])


def _of_poster(report: AgencyReport, words: Words) -> list[str]:
    """The poster beside the report: its figures, and nothing to do only where the report has nothing either."""
    asked = AskedPaper("poster", None, report, Period.days(report.first_day, report.last_day), words, NOW)
    page = poster(asked)
    shown = {figure.value for block in page.blocks if isinstance(block, KeyFigures) for figure in block.figures}
    faults = [
        f"the poster lacks {value}" for value in (report.total.energy_kwh, report.total.cost_thb) if value not in shown
    ]
    said = {line for block in page.blocks if isinstance(block, PaperText) for line in block.lines}
    if (words("poster.go_on") in said) != (first_thing(report, words) is None):
        faults.append("the poster's task is not the report's")
    if total_change_ratio(report) is None and re.search(r"\d%", page.sentence):
        faults.append("the poster compares on too little energy")
    return faults


def _is_close(cell: str, value: float) -> bool:
    try:
        return abs(float(cell) - value) < 0.01
    except ValueError:
        return False
