import datetime as dt
import re

import pytest

from bkkenergy.i18n import LANGS, Words, catalogue


def test_both_languages_have_the_same_texts_with_the_same_places():
    th, en = catalogue("th"), catalogue("en")
    assert set(th) == set(en)
    places = re.compile(r"{(\w+)}")
    for key in th:
        said, places_en = set(places.findall(th[key])), set(places.findall(en[key]))
        assert said <= places_en if key.startswith("error.") else said == places_en, key


def test_thai_texts_are_thai():
    short = {"report.product", "report.co2_short", "solar.sweep_axis"}
    latin = [key for key, text in catalogue("th").items() if not re.search("[ก-๙]", text) and key not in short]
    assert latin == []


def test_dates_in_thai_are_of_the_buddhist_era():
    day = dt.date(2026, 11, 23)
    assert Words("th").date(day) == "23 พฤศจิกายน 2569"
    assert Words("en").date(day) == "23 November 2026"
    assert (Words("th").weekday(day), Words("en").weekday(day)) == ("จันทร์", "Monday")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1234567.891, 1, "1,234,567.9"), (0.0, 0, "0"), (-0.0, 0, "0"), (None, 0, "–"), (float("nan"), 2, "–")],
)
def test_numbers_have_separators_and_unknown_is_a_dash(lang, value, digits, text):
    assert Words(lang).number(value, digits) == text


def test_percent_says_its_sign_when_asked():
    words = Words("en")
    assert words.percent(0.0821, 1, signed=True) == "+8.2%"
    assert words.percent(-0.0821, 1, signed=True) == "−8.2%"
    assert words.percent(-0.0001, 1, signed=True) == "0.0%"
    assert words.percent(None) == "–"


def test_a_key_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        Words("th")("report.no_such_text")
