"""One meter is waiting, two meters are: counts agree with what they count, in texts and in commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bkkenergy.i18n import Words
from bkkenergy.texts import catalogue, counted

ROOT = Path(__file__).resolve().parent.parent.parent
PLURAL = r"(?:agencies|batches|buildings|days|files|gateways|items|messages|meters|modules|payloads|readings|years)"

ALWAYS_MANY = ("readings a second", "task.fields", "GAP_DAYS", "MAX_DAYS", "names {len(chosen)} buildings")
"""What is never one: rates, columns of a table that moves, constants."""


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 meters are waiting to be computed"), (1, "1 meter is waiting to be computed"),
     (1200, "1,200 meters are waiting to be computed"), ("1", "1 meter is waiting to be computed")],
)  # fmt: skip
def test_a_count_agrees_with_its_noun_and_verb(count, text):
    assert Words("en")("web.stale", count=count) == text


def test_a_noun_without_a_plural_of_its_own_takes_an_s():
    assert [counted(number, "reading") for number in (0, 1, 2, 10_000)] == [
        "0 readings", "1 reading", "2 readings", "10,000 readings",
    ]  # fmt: skip
    assert counted(1, "batch waits", "batches wait") == "1 batch waits"


def test_no_english_text_counts_in_the_plural_alone():
    """A share of all ("3 of 5 buildings"), a limit and an age in tenths of years have more than one by their nature."""
    texts = {key: text for key, text in catalogue("en").items() if re.search(rf"(?<!of ){{\w+}} {PLURAL}\b", text)}
    of_many = {"report.method_usual", "saving.age", "saving.age_refit", "saving.short", "error.edit_days"}
    apart = {"detail.readings"}  # a reading alone has another text
    limits = {"compared.is_short", "path.method", "error.no_level"}
    assert set(texts) <= of_many | limits | apart


def test_no_command_counts_in_the_plural_alone():
    modules = [path for name in ("cli", "ingest", "usecases") for path in (ROOT / "src/bkkenergy" / name).rglob("*.py")]
    pattern = re.compile(rf"(?<!of ){{[^{{}}]+(?::,)?}} {PLURAL}\b")
    lines = [
        f"{path.name}: {line.strip()}"
        for path in modules
        for line in path.read_text("utf-8").splitlines()
        if pattern.search(line)
    ]
    assert not [line for line in lines if not any(text in line for text in ALWAYS_MANY)]
