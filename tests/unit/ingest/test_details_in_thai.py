"""Details of what is refused are stored in English, and said in Thai by the catalogues: `decode`, `listen`, `quarantine`."""

import ast
import re
import ssl
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.errors import InputError
from bkkenergy.ingest.validate import Limits, explain
from bkkenergy.payloads.message import OF_DETAILS, Reason
from bkkenergy.texts import said_again
from tests import builders
from tests.conftest import ROOT


def steps_said() -> Iterator[str]:
    """What the decoders say of each step, with a 1 in each place."""
    for path in (ROOT / "src/bkkenergy/payloads/decode").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Step":
                yield from filter(None, map(sample_of, node.args[1:2]))


def sample_of(node: ast.expr) -> str:
    """An example of what an expression makes; empty where it is no text of ours."""
    if isinstance(node, ast.IfExp):
        return sample_of(node.body)
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values)
    return ""


def test_each_step_of_a_decoder_has_a_text_in_thai():
    said = [text for text in steps_said() if re.search("[A-Za-z]{2}", text)]
    assert len(said) > 20
    assert [text for text in said if not re.search("[ก-๙]", said_again(text, "th", *OF_DETAILS))] == []


OF_ROWS = [reason for reason in Reason if reason.endswith(("_range", "_ahead", "_commissioning", "no_value"))]


@pytest.mark.parametrize("reason", OF_ROWS)
def test_each_reason_to_refuse_a_reading_is_said_in_thai(reason):
    batch = builders.readings("a.b.main", [-1.0])
    columns = {"power_kw": np.array([9e9]), "voltage_l1_v": np.array([-1.0])}
    english = explain(replace(batch, columns=batch.columns | columns), 0, reason, Limits.of([builders.meter()]))
    assert re.search("[ก-๙]", said_again(english, "th", *OF_DETAILS)), english


def test_several_faults_of_a_message_are_said_in_thai():
    text = "3 faults; the first: 'a' is no number; 'b' is no number; 'c' has no offset, taken as UTC"
    said = said_again(text, "th", *OF_DETAILS)
    assert said == "ผิด 3 รายการ รายการแรก: 'a' ไม่ใช่ตัวเลข; 'b' ไม่ใช่ตัวเลข; 'c' ไม่มีส่วนต่างจาก UTC ถือเป็นเวลา UTC"
    assert said_again(text, "en", *OF_DETAILS) == text
    assert said_again("of no catalogue", "th", *OF_DETAILS) == "of no catalogue"


def test_an_error_of_the_system_within_another_is_said_in_thai(tmp_path):
    try:
        (tmp_path / "none").read_text(encoding="utf-8")
    except OSError as error:
        why = InputError.of("file_error", path="x", reason=error)
    assert why.said("th").endswith("ไม่มีไฟล์หรือโฟลเดอร์นี้)")
    assert "No such file" in str(why)


def test_the_number_of_another_library_s_error_is_not_taken_for_the_system_s():
    """TLS has numbers of its own: 1, an untrusted certificate, is "not permitted" to the system."""
    why = InputError.of("file_error", path="x", reason=ssl.SSLCertVerificationError(1, "certificate verify failed"))
    assert "certificate verify failed" in why.said("th")
