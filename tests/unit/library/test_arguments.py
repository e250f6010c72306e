"""Wrong arguments of the library end in an InputError that names them; none in an error of what is below."""

from __future__ import annotations

import contextlib
import datetime as dt
import inspect
import types
import typing
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import bkkenergy as bk
from bkkenergy.errors import BkkEnergyError
from bkkenergy.library import calendars, examples

GUARDED = {
    **{name: getattr(bk, name) for name in bk.__all__ if inspect.isfunction(getattr(bk, name))},
    **{f"calendars.{name}": getattr(calendars, name) for name in ("named", "custom")},
    **{f"examples.{name}": getattr(examples, name) for name in ("temperature", "office", "office_quarters")},
    "Baseline.fit": bk.Baseline.fit, "Baseline.predict": bk.Baseline.predict, "Baseline.savings": bk.Baseline.savings,
}  # fmt: skip
NO_SCALAR = (None, "abc", [], {}, b"x", object(), pd.Series([1.0]), dt.date(2025, 1, 1))
WRONG = {
    float: (*NO_SCALAR, True, float("nan"), float("inf"), 1e300, 10**400),
    int: (*NO_SCALAR, True, 1.5, float("nan"), 10**400),
    bool: (*NO_SCALAR, 1, 0.0),
    str: (None, 5, 5.0, [], {}, b"x", object()),
}
QUARTERS = bk.examples.office_quarters("2025-11")
INDEX = QUARTERS.index
YEAR = bk.examples.office()["2024"]
WRONG_SERIES = {
    "none": None, "a text": "abc", "a number": 3.5, "a list": [1, 2, 3], "an array": np.arange(10.0),
    "empty": pd.Series([], dtype=float),
    "empty, with a zone": pd.Series([], pd.DatetimeIndex([], tz="Asia/Bangkok"), dtype=float),
    "an empty table": pd.DataFrame(), "a table of two columns": pd.DataFrame({"a": QUARTERS, "b": QUARTERS}),
    "a column twice": pd.DataFrame(np.ones((4, 2)), index=INDEX[:4], columns=["energy_kwh", "energy_kwh"]),
    "without a zone": QUARTERS.tz_localize(None), "an instant twice": pd.concat([QUARTERS[:5], QUARTERS[:5]]),
    "not in order": QUARTERS[::-1], "all unknown": QUARTERS * np.nan, "infinite": QUARTERS.replace(QUARTERS.iloc[5], np.inf),
    "below zero": -QUARTERS, "one value": QUARTERS[:1], "texts": pd.Series(["a"] * 10, INDEX[:10]),
    "no instant": pd.Series([1.0, 2.0], pd.DatetimeIndex([INDEX[0], pd.NaT])), "no instants": pd.Series([1, 2, 3]),
    "too large": QUARTERS * 1e300, "true and false": QUARTERS > 1, "complex": QUARTERS.astype(complex),
    "uneven": QUARTERS.iloc[[0, 1, 3, 7, 20]], "periods": pd.Series(1.0, pd.period_range("2025-01", periods=10, freq="D")),
    "of 1700": pd.Series(1.0, pd.date_range("1700-01-01", periods=4, freq="15min", tz="UTC")),
    "of 2200": pd.Series(1.0, pd.date_range("2200-01-01", periods=96, freq="15min", tz="UTC")),
    "decimals": pd.Series([Decimal(1)] * 4, INDEX[:4]), "categories": pd.Series(["1", "2"], INDEX[:2], dtype="category"),
    "masked": pd.Series([1, None, 3], INDEX[:3], dtype="Int64"),
}  # fmt: skip
TAKES_SERIES = {
    "intervals": lambda given: bk.intervals(given, rated_kw=60),
    "intervals of power": lambda given: bk.intervals(given, rated_kw=600, kind="power"),
    "spans": bk.spans,
    "bill": lambda given: bk.bill(given, schedule="mea-3-2-lv"),
    "bill, earlier": lambda given: bk.bill(QUARTERS, schedule="mea-3-2-lv", earlier=given),
    "compare_schedules": lambda given: bk.compare_schedules(given, schedule="mea-3-2-lv"),
    "emissions": bk.emissions,
    "findings": lambda given: bk.findings(given, schedule="mea-3-2-lv"),
    "rank": lambda given: bk.rank(given, given),
    "buildings": bk.buildings,
    "screen": bk.screen,
    "simulate": bk.simulate,
    "design": lambda given: bk.design(given, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=22),
    "Baseline.fit": bk.Baseline.fit,
    "temperature": lambda given: bk.Baseline.fit(YEAR["2024-01"], temperature=given),
    "a calendar": lambda given: bk.Baseline.fit(YEAR["2024-01"], calendar=given),
}
WHOLE = {"buildings", "screen", "temperature", "a calendar"}
"""What None stands for something in, and takes long."""


def scalars(function):
    """Every parameter of a function that is one number, text, truth or choice, with what cannot be meant by it."""
    for name, hint in typing.get_type_hints(inspect.unwrap(function)).items():
        members = typing.get_args(hint) if typing.get_origin(hint) in {typing.Union, types.UnionType} else (hint,)
        known = [member for member in members if member in WRONG]
        choices = [member for member in members if typing.get_origin(member) is typing.Literal]
        if name == "return" or len(known) + len(choices) + (type(None) in members) < len(members):
            continue
        wrong = WRONG[known[0]] if known else (*WRONG[str], "abc", True)
        yield from ((name, value) for value in wrong if value is not None or type(None) not in members)


@pytest.mark.parametrize("name", GUARDED)
def test_every_scalar_of_a_public_function_is_refused_by_its_name(name):
    function = GUARDED[name]
    given = {
        key: "x"
        for key, one in inspect.signature(function).parameters.items()
        if one.default is one.empty and one.kind is not one.VAR_KEYWORD
    }
    for argument, value in scalars(function):
        if all(other == argument for other in given):
            with pytest.raises(bk.InputError, match=rf"^{argument} "):
                function(**{argument: value})
        else:
            with pytest.raises(bk.InputError):
                function(**given | {argument: value})


@pytest.mark.parametrize("name", [name for name in GUARDED if inspect.signature(GUARDED[name]).parameters])
def test_every_public_function_is_guarded(name):
    assert inspect.unwrap(GUARDED[name]) is not getattr(GUARDED[name], "__func__", GUARDED[name])


@pytest.mark.parametrize("kind", WRONG_SERIES)
@pytest.mark.parametrize("name", TAKES_SERIES)
def test_whatever_is_given_for_a_series_is_computed_with_or_refused_in_words(name, kind):
    given = WRONG_SERIES[kind]
    if given is None and name in WHOLE:
        pytest.skip("None is the default")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(BkkEnergyError):
            repr(TAKES_SERIES[name](given))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"rated_kw": "abc"}, "rated_kw is 'abc'. Give a number: The most that can flow through the meter [kW]."),
        ({"rated_kw": 60, "register_digits": 0}, "register_digits is 0: input should be greater than or equal to"),
        ({"rated_kw": 60, "kind": "registr"}, "kind 'registr' is not known. Did you mean register"),
        (
            {"rated_kw": 60, "exchanges": None},
            "exchanges is a NoneType. Give a list of Exchange: Exchanges of the meter",
        ),
        ({"rated_kw": 60, "restarts_at_zero": "yes"}, "restarts_at_zero is 'yes'. Give True or False:"),
    ],
)
def test_an_error_says_what_was_given_and_what_to_give(arguments, said):
    with pytest.raises(bk.InputError) as caught:
        bk.intervals(QUARTERS.cumsum(), **arguments)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"area_m2": -1, "tilt_deg": 10, "azimuth_deg": 180}, "area_m2 is -1: input should be greater than 0"),
        ({"area_m2": 5, "tilt_deg": 10}, "azimuth_deg"),
        ({"area_m2": 5, "tilt": 10, "azimuth_deg": 180}, "tilt"),
    ],
)
def test_a_roof_that_cannot_be_says_why(fields, said):
    with pytest.raises(bk.InputError, match=said):
        bk.Roof(**fields)


def test_a_bill_of_energy_below_zero_warns_and_says_what_to_give():
    noon = QUARTERS.where(QUARTERS.index.hour != 12, -1.0)
    with pytest.warns(bk.EnergyWarning, match=r"120 of 2,880 intervals are below zero.*clip"):
        bk.bill(noon, schedule="mea-3-2-lv")
    with pytest.warns(bk.EnergyWarning, match="below zero"):
        bk.compare_schedules(noon, schedule="mea-3-2-lv")


def test_a_comparison_of_a_part_of_a_month_warns():
    with pytest.warns(bk.EnergyWarning, match="Not all energy is known of 2025-11"):
        bk.compare_schedules(QUARTERS[:2000], schedule="mea-3-2-lv")


def test_a_warning_points_at_the_line_that_called_the_library():
    with pytest.warns(bk.EnergyWarning) as caught:
        bk.bill(-QUARTERS, schedule="mea-3-2-lv")
    assert caught[0].filename == __file__
