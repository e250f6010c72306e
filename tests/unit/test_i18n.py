import ast
import datetime as dt
import re
from collections.abc import Iterator
from typing import get_args

import hypothesis
import pytest
from babel.numbers import format_decimal
from hypothesis import strategies as st

from bkkenergy.adapters.state.proposals import ProposalState
from bkkenergy.errors import ConfigError, InputError, UnavailableError
from bkkenergy.i18n import LANGS, Words, catalogue
from bkkenergy.ingest.sheets.cells import Kind as UnitKind
from bkkenergy.metering.events import EventKind
from bkkenergy.payloads.message import Reason
from bkkenergy.plan import PROJECT_KINDS, PROJECT_STATES
from bkkenergy.portfolio import Records
from bkkenergy.portfolio.models import MeterKind
from bkkenergy.ports.ledger import DaysPurged
from bkkenergy.texts import THAI_MONTHS, Named, Term, filled
from bkkenergy.usecases.once import KeyReused
from bkkenergy.usecases.portfolio import Conflict, ReadOnlyPortfolio
from tests.conftest import ROOT


def test_both_languages_have_the_same_texts_with_the_same_places():
    th, en = catalogue("th"), catalogue("en")
    assert set(th) == set(en)
    places = re.compile(r"{(\w+)(?::[^}]*)?}")
    for key in th:
        said, places_en = set(places.findall(th[key])), set(places.findall(en[key]))
        assert said <= places_en if key.startswith("error.") else said == places_en, key


def test_thai_texts_are_thai():
    short = {"report.product", "report.co2_short", "solar.sweep_axis"}
    latin = [key for key, text in catalogue("th").items() if not re.search("[ก-๙]", text) and key not in short]
    assert latin == []


def test_dates_in_thai_are_of_the_buddhist_era():
    day = dt.date(2026, 11, 23)
    assert Words("th").date(day) == "23 พฤศจิกายน 2569"
    assert Words("en").date(day) == "23 November 2026"
    assert (Words("th").weekday(day), Words("en").weekday(day)) == ("จันทร์", "Monday")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1234567.891, 1, "1,234,567.9"), (0.0, 0, "0"), (-0.0, 0, "0"), (None, 0, "–"), (float("nan"), 2, "–")],
)
def test_numbers_have_separators_and_unknown_is_a_dash(lang, value, digits, text):
    assert Words(lang).number(value, digits) == text


def test_percent_says_its_sign_when_asked():
    words = Words("en")
    assert words.percent(0.0821, 1, signed=True) == "+8.2%"
    assert words.percent(-0.0821, 1, signed=True) == "−8.2%"
    assert words.percent(-0.0001, 1, signed=True) == "0.0%"
    assert words.percent(None) == "–"


def test_a_key_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        Words("th")("report.no_such_text")


@pytest.mark.parametrize(
    ("slug", "th", "en"),
    [
        ("2026-11-23", "23 พฤศจิกายน 2569", "23 November 2026"),
        ("2026-02", "กุมภาพันธ์ 2569", "February 2026"),
        ("FY2570", "ปีงบประมาณ พ.ศ. 2570", "Fiscal year 2027"),
        ("2026-10-31..2026-11-02", "31 ตุลาคม 2569 ถึง 2 พฤศจิกายน 2569", "31 October 2026 to 2 November 2026"),
    ],
)
def test_a_period_is_written_as_its_readers_do(slug, th, en):
    assert (Words("th").period(slug), Words("en").period(slug)) == (th, en)
    assert Words("th").dated(f"health {slug}.") == f"health {th.replace(' ถึง ', '..')}."


@pytest.mark.parametrize("text", ["2026-13", "12026-11-23", "2026-11-235", "centre-2026", "FY1999", ""])
def test_what_is_no_period_stays_as_it_is(text):
    assert Words("th").dated(text) == text


@pytest.mark.parametrize("lang", LANGS)
def test_an_error_says_the_same_in_both_languages(lang):
    keys = [key for key in catalogue("en") if key.startswith("error.")]
    assert len(keys) > 300
    for key in keys:
        places = re.findall(r"{(\w+)(?::[^}]*)?}", catalogue("en")[key])
        error = InputError.of(key.removeprefix("error."), **{name: f"<{name}>" for name in places})
        assert error.said("en") == str(error), key
        assert not re.search(r"{\w+}", error.said(lang)), key


def test_an_error_names_terms_in_its_reader_s_language_and_by_their_slug_for_commands():
    inner = InputError.of("string_short", count=3, inverter="X 5", min=5)
    outer = InputError.of("no_inverter_fits", count=3, refusals=(inner, inner))
    assert outer.said("th").count("แผง 3 แผงไม่พอต่อหนึ่งสตริง") == 2
    state = Term("proposed", "project_state.proposed")
    error = InputError.of("project_is_already", project=Named("led-1", "เปลี่ยนหลอด"), state=state)
    assert str(error) == "project led-1 is proposed already."
    assert error.said("th") == "โครงการ “เปลี่ยนหลอด” มีสถานะ “เสนอแล้ว” อยู่แล้ว"


def test_an_error_without_a_text_of_its_own_is_told_by_its_class():
    assert InputError("no such thing").said("th") == catalogue("th")["web.error_422"]
    assert UnavailableError("it sleeps").said("th") == catalogue("th")["web.error_503"]
    assert ConfigError([]).said("th") == catalogue("th")["error.config"]
    assert UnavailableError("it sleeps").said("en") == "it sleeps"


def literal_calls(*names: str) -> Iterator[tuple[list[str], set[str]]]:
    """Calls of functions or methods whose names end so in the source: literal texts, and keywords."""
    last = {name.rpartition(".")[2] for name in names}
    for path in (ROOT / "src/bkkenergy").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if not any(f"{name}(" in text for name in names):
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or getattr(node.func, "attr", getattr(node.func, "id", None)) not in last:
                continue
            if ast.unparse(node.func).endswith(names):
                texts = [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
                yield texts, {str(given.arg) for given in node.keywords}


def test_every_error_that_is_raised_by_its_key_has_a_text_and_gives_its_values():
    raised = {texts[0]: given for texts, given in literal_calls("Error.of") if texts}
    assert len(raised) > 15
    for key, given in raised.items():
        assert set(re.findall(r"{(\w+)(?::[^}]*)?}", catalogue("en")[f"error.{key}"])) == given, key


def test_every_text_of_an_error_is_used():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/bkkenergy").rglob("*.py"))
    keys = [key.removeprefix("error.") for key in catalogue("en") if key.startswith("error.")]
    by_pydantic = {key for key in keys if key.startswith("field_")}
    assert {key for key in keys if f'"{key}"' not in source and f'"error.{key}"' not in source} == by_pydantic


IN_BOTH_LANGUAGES = [
    *sorted((ROOT / "src/bkkenergy/usecases").glob("portfolio*.py")),
    *(ROOT / f"src/bkkenergy/{name}.py" for name in ("portfolio/edits", "ports/ledger")),
    *(ROOT / f"src/bkkenergy/usecases/{name}.py" for name in ("edits", "imports", "once", "proposals", "readingundo")),
]


@pytest.mark.parametrize("path", IN_BOTH_LANGUAGES, ids=lambda path: path.stem)
def test_changes_of_records_and_imports_are_refused_in_both_languages(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    assert [ast.unparse(call) for call in calls if ast.unparse(call.func) in {"InputError", "errors.InputError"}] == []


@pytest.mark.parametrize(
    "error",
    [ReadOnlyPortfolio(), Conflict((), Records(6), Records(7)), KeyReused("k-1"), DaysPurged("a.b.main", dt.date.min)],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_of_a_class_of_its_own_has_a_text_of_its_own(error):
    assert error.key.removeprefix("error.") not in {"", InputError.key}
    assert error.said("en") == str(error)
    assert re.search("[ก-๙]", error.said("th"))
    assert error.said("th") != catalogue("th")["web.error_422"]
    assert not re.search(r"{\w+}", str(error) + error.said("th"))


def test_a_refused_import_names_its_reason_in_the_reader_s_language():
    reason = InputError.of("import_overlaps", meters="a.b.main")
    error = InputError.of("import_refused", file="june.csv", reason=reason)
    assert error.said("th").startswith("june.csv: ไฟล์มีช่วงเวลาซ้ำกับข้อมูลเดิมของ a.b.main")
    assert str(error).startswith("june.csv: the file overlaps what is known of a.b.main.")


def test_every_change_that_the_log_notes_has_a_name():
    noted = [texts[0] for texts, _ in literal_calls("noted", "note", "enter_audit", "audit") if texts]
    assert len(set(noted)) > 10
    assert {action for action in noted if f"audit.{action}" not in catalogue("th")} == set()


@pytest.mark.parametrize(
    ("group", "slugs"),
    [
        ("reason", list(Reason)),
        ("event", list(EventKind)),
        ("meter_kind", list(MeterKind)),
        ("project_state", PROJECT_STATES),
        ("project_kind", PROJECT_KINDS),
        ("proposal_state", get_args(ProposalState)),
        ("message_state", ["waiting", "sent", "failed"]),
        ("file_kind", [kind.replace(" ", "_") for kind in get_args(UnitKind)]),
    ],
)
@pytest.mark.parametrize("lang", LANGS)
def test_every_slug_has_a_name(lang, group, slugs):
    assert {slug for slug in slugs if f"{group}.{slug}" not in catalogue(lang)} == set()
    assert Words(lang).name(group, "of_an_older_version") == "of_an_older_version"


@hypothesis.given(st.one_of(st.floats(-1e9, 1e9), st.integers(-(10**9), 10**9)), st.integers(0, 4))
def test_numbers_are_written_as_babel_writes_them(value, digits):
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    for lang in ("th", "en"):
        expected = format_decimal(round(float(value), 9) + 0.0, format=pattern, locale=lang)
        assert Words(lang).number(value, digits).lstrip("-") == expected.lstrip("-")
        assert Words(lang).number(value, digits).startswith("-") == (
            expected.startswith("-") and any(figure in expected for figure in "123456789")
        )


def test_a_day_within_a_text_is_written_as_pages_write_days():
    """An error's day stood on Thai pages as 2025-11-27."""
    day = dt.date(2025, 11, 27)
    values = {"building": "x", "first": day}
    assert filled("th", "error.no_baseline_before_year", values).endswith(f"ก่อน {Words('th').date(day)}")
    assert filled("en", "error.no_baseline_before_year", values).endswith("before 2025-11-27.")
    assert all(
        Words("th").date(dt.date(2026, month, 1)).split()[1] == name for month, name in enumerate(THAI_MONTHS, 1)
    )
