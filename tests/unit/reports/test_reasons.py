"""Reasons in reports: whole sentences with days as readers write them, ids as they are, and no commands."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words, catalogue
from bkkenergy.plan import Project
from bkkenergy.reports.plan.promises import PromiseBeside, verdict_text
from bkkenergy.reports.reasons import COMMAND, why_texts
from bkkenergy.reports.savings.attach import saving_row
from bkkenergy.reports.savings.gather import SavingsAssessment
from bkkenergy.reports.savings.yearly import ComparedYear
from bkkenergy.texts import Named
from tests.conftest import ROOT
from tests.unit.reports.conftest import building

SOURCE = ROOT / "src/bkkenergy"
RAISE_THEM = (
    *(SOURCE / "reports/savings").glob("*.py"), *(SOURCE / "savings").glob("*.py"), SOURCE / "plan/options.py",
    SOURCE / "adapters/state/baselines.py", SOURCE / "usecases/ereport.py", SOURCE / "usecases/plantwork.py",
)  # fmt: skip


@pytest.mark.parametrize("lang", LANGS)
def test_no_reason_that_a_report_can_have_keeps_a_command(lang):
    keys = {key for path in RAISE_THEM for key in re.findall(r'Error\.of\(\s*"(\w+)"', path.read_text("utf-8"))}
    texts = {key: catalogue(lang)[f"error.{key}"] for key in keys}
    assert lang == "th" or sum("bkkenergy " in text for text in texts.values()) >= 3
    assert {key: text for key, text in texts.items() if "bkkenergy " in COMMAND.sub(".", text)} == {}


def test_a_reason_begins_with_a_capital_letter_and_an_id_stays_as_it_is():
    centre = Named("health.centre-2", "ศูนย์บริการสาธารณสุข 2")
    assert why_texts(InputError.of("no_baseline", building=centre))["en"] == "health.centre-2 has no baseline yet."
    assert why_texts(InputError.of("plant_not_metered", plant="pv-1", building=centre))["en"].startswith("No meter")


def test_a_reason_of_a_plant_has_its_day_written_out():
    why = why_texts(InputError.of("plant_not_begun", plant="pv-1", day=dt.date(2026, 10, 9)))
    assert "9 October 2026" in why["en"]
    assert "9 ตุลาคม 2569" in why["th"]


def test_each_place_of_a_report_writes_a_reason_so():
    why = InputError.of("baseline_proposed", building="health.centre-2")
    one = building("one")
    led = Project(id="led", agency="agency", kind="led", name_th="ไฟ", name_en="Lamps", due_year_be=2570, state="done")
    for reasons in (
        saving_row(SavingsAssessment(one, None, None, None, why)).why,
        ComparedYear(one, None, None, why).row().why,
        {lang: verdict_text(PromiseBeside(led, 0.0, 0.0, None, None, why), Words(lang)) for lang in LANGS},
    ):
        assert reasons == why_texts(why)
