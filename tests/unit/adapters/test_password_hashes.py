"""How passwords are hashed outside of tests, where the smallest cost does."""

from __future__ import annotations

from argon2 import PasswordHasher, Type

from bkkenergy.adapters.state import users
from tests.conftest import SHIPPED_HASHER

LEAST_MEMORY_KIB, LEAST_TURNS = 19_456, 2
"""What OWASP's password storage cheat sheet asks of Argon2id with one lane, at the least."""


def test_the_product_hashes_by_argon2id_at_a_cost_that_slows_guessing():
    assert SHIPPED_HASHER.type is Type.ID
    assert SHIPPED_HASHER.memory_cost >= LEAST_MEMORY_KIB
    assert SHIPPED_HASHER.time_cost >= LEAST_TURNS


def test_a_hash_of_another_cost_is_verified_by_what_it_says_of_itself():
    """So that a cost may be raised, and tests may sign in to processes that have the product's."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("a password")
    assert SHIPPED_HASHER.verify(cheap, "a password")
    assert SHIPPED_HASHER.check_needs_rehash(cheap)


def test_a_user_who_is_not_there_costs_what_one_who_is_does():
    kind, cost = users.unknown_user_hash().split("$")[1:4:2]
    assert (kind, cost) == tuple(users.PasswordHash.of("a password").split("$")[1:4:2])
