"""No line of a report contradicts another, whatever is missing; page one is read in a minute."""

from __future__ import annotations

import os

import pytest

from bkkenergy.i18n import LANGS
from tests.agencies import contradictions, generated
from tests.conftest import inputs

AGENCIES = int(os.environ.get("AGENCIES", inputs(20)))


@pytest.mark.parametrize("seed", range(AGENCIES))
def test_a_generated_agency_s_report_does_not_contradict_itself_in_any_format(seed):
    report = generated(seed)
    for lang in LANGS:
        assert contradictions(report, lang) == []
