"""Every case of the table of public reports is dealt with rightly; `python -m tests.fieldcases` prints it."""

import pytest

from tests.fieldcases import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.source}: {case.happened}")
def test_a_case_of_a_public_report_is_dealt_with_rightly(case):
    is_right, seen = case.outcome()
    assert is_right, seen
