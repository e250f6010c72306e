"""Forms of records: each field of each kind has its words, and what a form shows comes back as it was."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.i18n import LANGS, catalogue
from bkkenergy.portfolio.load import records_of
from bkkenergy.portfolio.values import checked_value
from bkkenergy.usecases.recordforms.fields import ALL_KINDS, FormField, choice_key, fields_of, groups_of, label_key
from bkkenergy.usecases.recordforms.ids import free_slug, slug_of
from bkkenergy.usecases.recordforms.texts import (
    BLANK,
    body_of,
    date_text,
    number_text,
    texts_of,
    touched_fields,
    value_of,
)
from tests.conftest import ROOT
from tests.schools import school_records

RECORDS = [*records_of(ROOT / "config").entries, *school_records(4, 2).entries]


def parts(field: FormField) -> list[FormField]:
    return [field, *(inner for part in field.parts for inner in parts(part))]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_each_field_and_each_choice_has_its_words(kind, lang):
    texts = catalogue(lang)
    for named in (part for field in fields_of(kind) for part in parts(field)):
        assert label_key(kind, named.name, texts) in texts, (kind, named.name)
        for choice in named.choices:
            assert choice_key(kind, named.name, choice, texts) in texts, (kind, named.name, choice)
    assert all(f"record_group.{group}" in texts for group, _ in groups_of(kind))
    assert f"record_kind.{kind}" in texts


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_form_asks_for_all_that_a_record_needs(kind):
    model = ALL_KINDS[kind].model
    asked = {field.name for field in fields_of(kind)}
    filled_in = {"entered", "entered_by", "promise"}
    assert asked | filled_in >= {name for name, info in model.model_fields.items() if info.is_required()}
    assert set(model.model_fields) - asked - filled_in == set(ALL_KINDS[kind].parts)


def test_hints_and_labels_are_of_fields_that_there_are():
    kinds = {(kind, part.name) for kind in ALL_KINDS for field in fields_of(kind) for part in parts(field)}
    names = {name for _, name in kinds} | {f"{kind}_{name}" for kind, name in kinds}
    texts = catalogue("en")
    assert {key.removeprefix("record_hint.") for key in texts if key.startswith("record_hint.")} <= names
    labels = {tuple(key.split(".")[1:]) for key in texts if key.startswith("record_label.")}
    assert labels <= kinds


@pytest.mark.parametrize("entry", RECORDS, ids=lambda entry: f"{entry.kind} {entry.key} {entry.valid_from}")
def test_what_a_form_shows_comes_back_as_it_was(entry):
    kind = ALL_KINDS[entry.kind]
    body = kind.body_of(entry.value)
    fields = fields_of(entry.kind)
    texts = {name: text for field in fields for name, text in texts_of(field, body.get(field.name)).items()}
    value, faults = checked_value(kind, body_of(fields, texts) | filled_in(body), entry.kind)
    assert faults == []
    assert kind.body_of(value) == body
    assert touched_fields(fields, texts, texts) == ()


def filled_in(body: dict) -> dict:
    return {name: body[name] for name in ("entered", "entered_by") if name in body}


def test_line_ends_and_spaces_of_browsers_are_no_change():
    (days,) = [field for field in fields_of("calendar") if field.name == "closed_dates"]
    before = texts_of(days, ["2026-01-02", "2026-05-18"])
    assert touched_fields([days], before, {"f.closed_dates": " 2026-01-02\r\n2026-05-18 \r\n\r\n"}) == ()
    assert touched_fields([days], before, {"f.closed_dates": "2/1/2569\n18/5/2569"}) == ()
    assert touched_fields([days], before, {}) == (days,)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2/1/2570", "2027-01-02"),
        ("02-01-2027", "2027-01-02"),
        ("๒/๑/๒๕๗๐", "2027-01-02"),
        ("2570-1-2", "2027-01-02"),
        ("2027-01-02T08:00", "2027-01-02T08:00"),
        ("31/2/2570", "31/2/2570"),
        ("soon", "soon"),
    ],
)
def test_days_are_read_in_either_era(written, read):
    assert date_text(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [("1,250", "1250"), ("๑,๒๕๐.๕", "1250.5"), ("1,25", "1,25"), ("-3", "-3"), ("1 250", "1 250"), ("many", "many")],
)
def test_numbers_are_read_with_thousands_and_thai_digits(written, read):
    assert number_text(written) == read


def test_an_instant_is_of_bangkok():
    (commissioned,) = [field for field in fields_of("meter") if field.name == "commissioned"]
    assert texts_of(commissioned, "2025-01-01T00:00:00Z") == {"f.commissioned": "2025-01-01T07:00"}
    assert value_of(commissioned, {"f.commissioned": "2025-01-01T07:00"}) == "2025-01-01T07:00:00+07:00"
    assert value_of(commissioned, {"f.commissioned": " "}) is BLANK


@given(st.dictionaries(st.sampled_from(["f.drivers.0.key", "f.drivers.0.value", "f.terms.0.first", "f.terms.7.last",
                                        "f.hours.mon", "f.closed_dates", "f.outline_m", "f.obstacles", "f.buildings.x",
                                        "f.exchanges.9.at", "f.id", "f.pv", "f.reports.day"]), st.text(max_size=30)))  # fmt: skip
def test_whatever_a_form_sends_becomes_a_value_or_faults(texts):
    for kind in ("building", "calendar", "roof", "meter", "account", "recipient"):
        body = body_of(fields_of(kind), texts)
        json.dumps(body)
        value, faults = checked_value(ALL_KINDS[kind], body, kind)
        assert (value is None) == bool(faults)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Wat Bang Khen School", "wat-bang-khen-school"),
        ("วัดบางเขน", "wadbangkhen"),
        ("ศูนย์บริการ ๒๑", "sunbrikar-21"),
        ("มีนบุรี", "minburi"),
        ("!!!", ""),
        ("x" * 90, "x" * 40),
    ],
)
def test_an_id_is_made_of_a_name_in_either_script(name, slug):
    assert slug_of(name) == slug


def test_an_id_that_is_taken_gets_a_number():
    assert free_slug("main", {"main", "main-2"}) == "main-3"
    assert free_slug("main", set()) == "main"


def test_days_before_the_first_year_of_a_form_are_no_days_of_another_era():
    assert dt.date.fromisoformat(date_text("1/1/1990")) == dt.date(1990, 1, 1)


def test_holes_of_a_roof_come_back_from_the_form_as_they_went_in():
    """Rings within a list are no points a line: taken for such they would be lost."""
    (field,) = (one for one in fields_of("roof") if one.name == "holes_m")
    holes = [[[6.0, 6.0], [9.0, 6.0], [9.0, 9.5]], [[1.0, 1.0], [2.0, 1.0], [2.0, 2.0]]]
    assert value_of(field, texts_of(field, holes)) == holes
