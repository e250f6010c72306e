"""Which electricity accounts a building's bills come under, however many there are."""

from __future__ import annotations

from bkkenergy.library.packaged import demonstration


class CountedAccounts(dict):
    looks = 0

    def values(self):
        self.looks += 1
        return super().values()


def test_the_accounts_of_all_buildings_are_found_by_one_look_at_them():
    whole = demonstration()
    counted = CountedAccounts(whole.accounts)
    portfolio = whole.model_copy(update={"accounts": counted})
    for building in portfolio.buildings:
        expected = tuple(account for account in whole.accounts.values() if building in account.buildings)
        assert portfolio.accounts_of(building) == expected
    assert counted.looks == 1
    fewer = portfolio.model_copy(update={"accounts": {}})
    assert not any(map(fewer.accounts_of, portfolio.buildings))
