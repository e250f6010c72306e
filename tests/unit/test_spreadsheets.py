"""No text that others entered is computed by the spreadsheet that opens our CSV files."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from bkkenergy.adapters.files import plain_cell, plain_frame, plain_rows
from tests.conftest import ROOT

FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(1)", "=cmd|'/C calc'!A0", "\t=1", "\r=1", "\n=1", "  =1", "\0=1"]
OTHERS = ["อาคาร 1", "a=b", "1-2", "'quoted", "", "x@y.org", -1.5, 0, None]
NUMBERS_ALONE = {
    "api.py": "file_of",  # names of meters are patterns of the portfolio
    "audit.py": "headings; all else is written by these",
    "files.py": "readings of meters",
    "energy.py": "energies",
    "tender.py": "SAM's weather",
    "credentials.py": "passwords, which have to stay as they are",
    "annual.py": "months of DEDE's fields; all else is written by these",
    "explorefile.py": "energies below headings that are written by these",
    "pages_explore.py": "what explorefile.py wrote",
    "tables.py": "an empty line",
    "opendata.py": "its licence in a heading; all else is plain cells",
}
"""Modules that write CSV without texts that others entered, and what they write."""


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_would_be_computed_is_quoted(text):
    assert plain_cell(text) == f"'{text}"
    assert plain_rows([[text, 1.5]]) == [[f"'{text}", 1.5]]
    frame = plain_frame(pd.DataFrame({"name": [text], text: [-2.5]}))
    assert frame.columns.tolist() == ["name", f"'{text}"]
    assert frame.iloc[0].tolist() == [f"'{text}", -2.5]


@pytest.mark.parametrize("value", OTHERS)
def test_all_else_stays_as_it_is(value):
    assert plain_cell(value) is value


def test_a_table_without_rows_stays_one():
    assert list(csv.reader(io.StringIO(plain_frame(pd.DataFrame({"a": [], "b": []})).to_csv(index=False)))) == [
        ["a", "b"]
    ]


def test_every_csv_file_with_texts_of_others_is_written_by_these():
    """A module that writes CSV otherwise fails here."""
    writing = {
        path.name
        for path in (ROOT / "src").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if ("to_csv(" in line or ".writerow" in line) and "plain_" not in line and "def to_csv" not in line
    }
    assert writing == NUMBERS_ALONE.keys()
