"""Which passwords are good enough: length counts, and what is guessed first does not."""

from __future__ import annotations

import pytest

from bkkenergy.access import MAX_PASSWORD, is_guessed, password_fault
from bkkenergy.adapters.state.users import PasswordHash, _is_right
from bkkenergy.commonpasswords import DIGEST_BYTES, LIST, _digests

GUESSED = [
    "passwordpassword", "123456789012", "qwertyuiop12", "abcdefghijkl", "Bangkok2026!", "bkkenergy2026", "P@ssw0rd2026!!",
    "1q2w3e4r5t6y", "1qaz2wsx3edc", "aaaaaaaaaaaab", "abababababab", "Admin-Admin-2569", "zxcvbnm,./zxcvbnm", "098765432109",
    "welcome12345678", "Thailand@2570", "กรุงเทพมหานคร2569", "ฟหกดฟหกดฟหกด", "somchai-2026-1", "administrator!", "iloveyou2026",
    "MEAmeaMEAmea1", "qazwsxqazwsx",
]  # fmt: skip
GOOD = [
    "correct horse battery staple", "tuk-tuk river 81 mango", "ต้นมะม่วงหน้าบ้านสูงสามเมตร", "kR7vq2Lm9xTz", "xk83-mqpz-11wd",
    "my password is a long walk", "Bangkok mangoes taste well", "Zur Sonne, zur Freiheit",
]  # fmt: skip


@pytest.mark.parametrize("password", GUESSED)
def test_what_is_guessed_first_is_refused(password):
    assert password_fault(password, "somchai") == "web.password_guessed"


COMMON = ["Mailcreated5240", "Sojdlg123aljg", "MAILCREATED5240"]


@pytest.mark.parametrize("password", COMMON)
def test_what_many_people_chose_is_refused_though_no_rule_knows_it(password):
    assert not is_guessed(password)
    assert password_fault(password, "somchai") == "web.password_guessed"


def test_more_than_three_thousand_common_passwords_that_are_long_enough_are_known():
    digests = _digests()
    assert len(digests) > 12_000
    assert {len(digest) for digest in digests} == {DIGEST_BYTES}
    assert LIST.stat().st_size == DIGEST_BYTES * len(digests), "each once"


@pytest.mark.parametrize("password", GOOD)
def test_a_long_phrase_or_a_random_text_is_taken_without_rules_of_composition(password):
    assert password_fault(password, "somchai") is None


@pytest.mark.parametrize(
    ("password", "fault"), [("kR7vq2Lm9xT", "web.password_short"), ("kR7 " * 80, "web.password_long")]
)
def test_length_is_bounded(password, fault):
    assert password_fault(password, "somchai") == fault


def test_the_longest_password_is_looked_at_quickly_enough_to_ask_for():
    for text in ("a" * MAX_PASSWORD, "ab1" * (MAX_PASSWORD // 3), "กข" * (MAX_PASSWORD // 2), "password" * 32):
        assert password_fault(text[:MAX_PASSWORD], "somchai") == "web.password_guessed"


def test_a_vowel_typed_as_one_sign_or_as_two_is_the_same_password():
    assert _is_right(PasswordHash.of("น้ำตกกับต้นไม้ใหญ่"), "น้ํา" + "ตกกับต้นไม้ใหญ่")
    assert not _is_right(PasswordHash.of("น้ำตกกับต้นไม้ใหญ่"), "นำตกกับต้นไม้ใหญ่")
