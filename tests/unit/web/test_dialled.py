"""Telephone numbers as offices write them, and what a phone dials."""

import pytest

from bkkenergy.web.pages_meters import dialled


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("02-123-4567", "021234567"), ("02-123-4567-8", "021234567"), ("02 123 4567 ต่อ 12", "021234567"), ("081-234-5678", "0812345678"),
        ("โทร. (02) 1234567", "021234567"), ("+66 2 123 4567", "+6621234567"), ("๐๘๑-๒๓๔-๕๖๗๘", "0812345678"), ("1130", "1130"),
        ("", ""), ("ไม่มี", ""), ("javascript:alert(1)", "1"), ("02-123-4567, 02-765-4321", "021234567"),
    ],
)  # fmt: skip
def test_the_first_number_of_a_text_is_dialled(written, number):
    assert dialled(written) == number
