import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.adapters.line_protocol import encode
from bkkenergy.readings import FIELDS, ReadingBatch

LINE = re.compile(r"reading,meter=(\S+) (\S+) (-?\d+)")


def test_a_reading_is_a_line_with_its_known_fields():
    batch = ReadingBatch(
        ("a.b.c", "d.e.f"),
        np.array([0, 1]),
        np.array([1795402800000000, 7]),
        {"energy_kwh": np.array([12345.678, 2.0]), "power_kw": np.array([np.nan, 0.25])},
    )
    assert encode(batch).decode().splitlines() == [
        "reading,meter=a.b.c energy_kwh=12345.678 1795402800000000",
        "reading,meter=d.e.f energy_kwh=2,power_kw=0.25 7",
    ]


def test_a_reading_without_a_value_is_no_line():
    batch = ReadingBatch(("a",), np.array([0, 0]), np.array([1, 2]), {"power_kw": np.array([np.nan, 1.0])})
    assert encode(batch) == b"reading,meter=a power_kw=1 2"
    assert encode(ReadingBatch.empty(("a",))) == b""


def test_names_with_marks_of_the_syntax_are_escaped():
    batch = ReadingBatch(("a b,c=d",), np.array([0]), np.array([1]), {"power_kw": np.array([1.0])})
    assert encode(batch) == rb"reading,meter=a\ b\,c\=d power_kw=1 1"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_numbers_keep_every_digit_and_never_become_integers(values):
    batch = ReadingBatch(
        ("m",), np.zeros(len(values), np.int64), np.arange(len(values)), {"energy_kwh": np.array(values)}
    )
    lines = encode(batch).decode().splitlines()
    fields = [LINE.fullmatch(line)[2].removeprefix("energy_kwh=") for line in lines]
    assert [float(text) for text in fields] == values
    assert not any(text.endswith("i") for text in fields)


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.5, np.nan]), min_size=3, max_size=3), max_size=4))
def test_each_line_has_its_own_fields_whether_a_column_is_whole_the_same_throughout_or_neither(rows):
    names = FIELDS[:3]
    table = np.array(rows).reshape(-1, 3)
    columns = {name: table[:, number] for number, name in enumerate(names)}
    batch = ReadingBatch(("a", "b"), np.arange(len(rows)) % 2, np.arange(len(rows)), columns)
    expected = []
    for number, values in enumerate(rows):
        fields = [f"{name}={value:g}" for name, value in zip(names, values, strict=True) if not np.isnan(value)]
        if fields:
            expected.append(f"reading,meter={'ab'[number % 2]} {','.join(fields)} {number}")
    assert encode(batch).decode().splitlines() == expected
