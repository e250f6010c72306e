"""Every case of the tables of public reports is dealt with rightly; `python -m tests.fieldcases` prints them."""

import ast

import pytest

from tests.conftest import ROOT
from tests.fieldcases import CASES, SEARCHED

HERE = [case for case in (*CASES, *SEARCHED) if not case.test]
ELSEWHERE = [case for case in (*CASES, *SEARCHED) if case.test]


@pytest.mark.parametrize("case", HERE, ids=lambda case: f"{case.source}: {case.happened}")
def test_a_case_of_a_public_report_is_dealt_with_rightly(case):
    is_right, seen = case.outcome()
    assert is_right, seen


@pytest.mark.parametrize("case", ELSEWHERE, ids=lambda case: f"{case.source}: {case.happened}")
def test_a_case_that_another_test_holds_names_one_that_is_there(case):
    file, _, name = case.test.partition("::")
    text = (ROOT / file).read_text()
    function, _, parameter = name.partition("[")
    assert function in {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert parameter.removesuffix("]") in text


def test_ten_reports_or_more_were_searched_for_beyond_the_table():
    in_table = {case.source for case in CASES}
    assert len({case.source for case in SEARCHED} - in_table) >= 10
