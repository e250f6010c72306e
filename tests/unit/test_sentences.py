"""Sentences that our code makes are in the catalogues: one that is in the code alone is English on a Thai screen.

`test_cli_language` looks at what commands print and at errors. This one looks at lists, records and answers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from bkkenergy.i18n import Words
from bkkenergy.payloads.message import OF_DETAILS
from bkkenergy.texts import Lines, Phrase, chained, filled, or_none, said_again
from tests.conftest import ROOT

SRC = ROOT / "src/bkkenergy"
SENTENCE = re.compile(r"(?<![\w/.-])[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}(?![\w/.-])")
"""Three plain words in a row."""
UNSAID = re.compile(r"log\.\w+|re\.\w+|.*\b(?:execute|text|Column|Counter|Gauge|Histogram|subTest)")
"""Calls whose texts reach no reader: of the log, of patterns, of databases, of metrics."""
ELSEWHERE = ("library", "cli", "demo")
"""Who calls the library is a programmer; commands have a test of their own; the demo's buildings have English names."""


def sentences_in(source: str) -> list[str]:
    """English sentences within the functions of a module."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    texts = {text for function in functions for node in function.body for text in texts_of(node)}
    return sorted(text for text in texts if SENTENCE.search(text) and not is_said_again(text))


def is_said_again(text: str) -> bool:
    """Whether the catalogues say a text again in Thai, as they do with details that are stored in English."""
    return re.search("[ก-๙]", said_again(text.replace("{}", "1"), "th", *OF_DETAILS, "step.")) is not None


def texts_of(node: ast.AST) -> Iterator[str]:
    """Literal texts of a statement, with {} in each place of a value."""
    match node:
        case ast.Raise() | ast.Expr(value=ast.Constant()):
            return
        case ast.Call(func=func) if UNSAID.fullmatch(ast.unparse(func)):
            return
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from texts_of(child)


@pytest.mark.parametrize(
    "code",
    [
        'notes.append("the newest row comes first")',
        'return f"{name} is of no meter."',
        'faults = [(is_wrong, "it is a register and no energy")]',
        'yield Step("time", "has no offset, taken as UTC")',
        'return {"why": "it is locked by a password"}',
    ],
)
def test_a_sentence_in_the_code_is_seen(code):
    assert sentences_in(f"def made():\n    {code}\n")


@pytest.mark.parametrize(
    "code",
    [
        'notes.append(Phrase("file_note.newest_first"))',
        'log.info("a text of the log alone")',
        '"""Return what no reader sees."""',
        'raise InputError.of("no_such", text=path)',
        'connection.execute("SELECT what the reader never sees")',
    ],
)
def test_keys_and_texts_of_the_log_are_no_sentences(code):
    assert sentences_in(f"def made():\n    {code}\n") == []


ENGLISH = {
    "adapters/bulk_client.py": "the log alone",
    "adapters/mqtt.py": "the log alone",
    "adapters/renewal.py": "the log alone",
    "adapters/pvgis.py": "the name of a source, and a key of its answer",
    "adapters/weather.py": "the name of a source",
    "solar/climate.py": "the name of a source",
    "reports/solar/gather.py": "the name of a source, with its Thai one beside it",
    "usecases/plantwork.py": "a source that no page shows",
    "ingest/status.py": "a file of the broker, and a command",
    "lazy.py": "for programmers",
    "payloads/decode/fields.py": "parts of details, which are said again as a whole",
    "payloads/decode/times.py": "parts of details, which are said again as a whole",
    "reports/plan/jcm.py": "a form whose language is English",
    "site/standings.py": "figures are named alike in either language",
    "tariff/paper.py": "Thai says the causes of a difference, and that the lines of a bill do not add up",
    "usecases/paperbills.py": "Thai says the causes of a difference",
    "web/api_writer.py": "titles of the API, whose documentation is English",
    "web/app.py": "a title of the API, and the log",
    "web/budgets.py": "a title of the API",
}
"""Modules whose sentences are English for a reason."""


def test_sentences_that_reach_a_person_are_in_the_catalogues():
    paths = [path for path in SRC.rglob("*.py") if path.relative_to(SRC).parts[0] not in ELSEWHERE]
    english = {
        path.relative_to(SRC).as_posix(): texts for path in paths if (texts := sentences_in(path.read_text("utf-8")))
    }
    assert {name: texts for name, texts in english.items() if name not in ENGLISH} == {}
    assert set(ENGLISH) == set(english), "a reason for sentences that are not there any more"


def test_phrases_within_a_text_are_said_in_its_language():
    kinds = chained("file_kind.either", [Phrase("file_kind.power"), Phrase("file_kind.energy")])
    values = {"column": "'V'", "unit": "v", "fitting": kinds, "other": ""}
    assert "which is no power or energy." in filled("en", "error.sheet_unit_unfit", values)
    assert "ซึ่งไม่ใช่ กำลังไฟฟ้าหรือพลังงานไฟฟ้า" in filled("th", "error.sheet_unit_unfit", values)
    values = {"path": "x", "name": "y", "known": Lines(["a", Phrase("series.no_unit")])}
    assert filled("th", "error.no_series_named", values).endswith("\na\nไม่ระบุหน่วย")
    assert [str(or_none(names)) for names in ([], ["a"])] == ["none", "['a']"]


def test_what_the_product_writes_into_a_history_is_said_again_and_a_person_s_words_stay():
    words = Words("th")
    assert words.stored("replaced from bills.csv") == "แทนที่ด้วยข้อมูลจาก bills.csv"
    assert words.stored("ตามใบแจ้ง (proposal 3 by malee)") == "ตามใบแจ้ง (ข้อเสนอที่ 3 โดย malee)"
    assert words.stored("measured again") == "measured again"
    assert Words("en").stored("replaced from bills.csv") == "replaced from bills.csv"
