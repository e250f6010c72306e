"""Links by mail and passkeys of users who come at once, by SQLite and by a real PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from bkkenergy.adapters.state import reading, transaction
from bkkenergy.adapters.state.accountlinks import new_link, resets_due
from bkkenergy.adapters.state.devices import greet_device
from bkkenergy.adapters.state.passkeys import enter_passkey, note_use
from bkkenergy.adapters.state.persons import hash_of_no_password
from bkkenergy.adapters.state.standings import signature
from bkkenergy.adapters.state.tables import user
from bkkenergy.adapters.state.users import add_user, change_password
from bkkenergy.usecases.accountlinks import confirm_mail_by_link, set_password_by_link

NOW = dt.datetime(2026, 11, 27, 3, tzinfo=dt.UTC)
PASSWORD = hash_of_no_password()
ROUNDS = 5


@pytest.fixture
def number(engine):
    """A user with an address, who may be sent three links."""
    add_user(engine, "malee", PASSWORD, "viewer", ["health"], NOW)
    with transaction(engine) as connection:
        connection.execute(update(user).values(mail="malee@example.com"))
    with reading(engine) as connection:
        return connection.execute(select(user.c.id)).scalar_one()


def test_of_many_who_use_links_of_one_user_at_once_one_does_and_none_fails(engine, number):
    """Also while the user sets another password: each waits for the other, and none in a circle."""
    for each in range(ROUNDS):
        with transaction(engine) as connection:
            assert [row.id for row in resets_due(connection, "MALEE@example.com", NOW)] == [number]
            secrets = [new_link(connection, number, "reset", "malee@example.com", NOW).secret for _ in range(2)]
        with ThreadPoolExecutor(6) as threads:
            used = [
                threads.submit(set_password_by_link, engine, secret, PASSWORD, NOW, address="")
                for secret in secrets * 2
            ]
            if each:
                threads.submit(change_password, engine, number, PASSWORD, NOW).result()
        assert sum(one.result() for one in used) <= 1
        assert each or any(one.result() for one in used)


def test_a_browser_that_signs_in_several_times_at_once_fails_no_sign_in(engine, number):
    def greeted(key: str) -> str:
        with transaction(engine) as connection:
            return greet_device(connection, number, key, ("192.0.2.1", "Firefox/140"), now)

    for each in range(ROUNDS):
        now = NOW + dt.timedelta(seconds=each)
        with ThreadPoolExecutor(6) as threads:
            keys = list(threads.map(greeted, [f"browser {each}"] * 6))
            assert len({*keys}) == 6, "whichever answer comes last, its key is the browser's"
            assert list(threads.map(greeted, keys)) == keys


def test_of_many_answers_of_a_passkey_to_one_challenge_one_counts(engine, number):
    with transaction(engine) as connection:
        enter_passkey(connection, number, "credential", b"key", "phone", 0, NOW)

    def answered(_):
        with transaction(engine) as connection:
            return note_use(connection, "credential", 5, 0)

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(answered, range(6))) == 1


def test_of_many_who_sign_the_first_link_of_a_site_all_sign_by_one_key(engine):
    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(lambda _: signature(engine, "unsubscribe", "1"), range(6)))) == 1


def test_a_link_does_that_alone_for_which_it_was_sent(engine, number):
    with transaction(engine) as connection:
        of = {
            each: new_link(connection, number, each, "malee@example.com", NOW) for each in ("invite", "reset", "mail")
        }
    assert not set_password_by_link(engine, of["mail"].secret, PASSWORD, NOW, address="")
    assert not confirm_mail_by_link(engine, of["invite"].secret, NOW, address="", user_id=number)
    assert not confirm_mail_by_link(engine, of["reset"].secret, NOW, address="", user_id=number)
    assert not confirm_mail_by_link(engine, of["mail"].secret, NOW, address="", user_id=number + 1)
    assert confirm_mail_by_link(engine, of["mail"].secret, NOW, address="", user_id=number)
    assert set_password_by_link(engine, of["reset"].secret, PASSWORD, NOW, address="")
