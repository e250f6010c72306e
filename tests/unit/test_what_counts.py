"""One fact has one source: which counts, from which day, and that `check` says so."""

from __future__ import annotations

import ast
import datetime as dt
import shutil

import pytest
from click.testing import CliRunner

import bkkenergy as bk
from bkkenergy.cli import cli
from bkkenergy.errors import ConfigError
from bkkenergy.site import load_configuration
from bkkenergy.site.what_counts import what_counts
from tests.conftest import CONFIG_PARTS, ROOT

DAY = dt.date(2026, 11, 20)
BUILDING = "health.centre-1"
SETTINGS = '[mail]\nhost = "127.0.0.1"\n[[recipient]]\nto = "old@bangkok.go.th"\n'
RECIPIENTS = """
[[recipient]]
id = "head"
to = "first@bangkok.go.th"
agencies = ["health"]
until = 2026-10-31
[[recipient]]
id = "office"
to = "office@bangkok.go.th"
alerts = true
from = 2026-10-01
"""
ACCOUNTS = """
[[account]]
id = "one"
utility = "mea"
number = "012345678"
schedule = "mea-3-1-lv"
buildings = ["health.centre-1"]
"""
SECOND = ACCOUNTS.replace('"one"', '"two"').replace("mea-3-1-lv", "mea-2-2-lv").replace("012345678", "012345679")
THRESHOLDS = """
[[threshold]]
id = "quiet-agency"
name = "silent_h"
value = 24
agency = "health"
[[threshold]]
id = "watched-building"
name = "silent_h"
value = 1
building = "health.centre-1"
from = 2026-11-01
"""


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "config").mkdir()
    for name in CONFIG_PARTS:
        source = ROOT / "config" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / "config" / name)
    (tmp_path / "config/bkkenergy.toml").write_text(SETTINGS)

    def with_entries(text=""):
        (tmp_path / "config/portfolio/more.toml").write_text(text)
        return load_configuration(tmp_path / "config")

    return with_entries


def addresses(settings):
    return [recipient.to for recipient in settings.recipient]


def test_without_a_recipient_in_the_portfolio_those_of_the_settings_count(loaded):
    assert addresses(loaded().delivery_on(DAY)) == ["old@bangkok.go.th"]


def test_the_portfolio_s_recipients_count_on_their_days_and_the_settings_no_more(loaded):
    config = loaded(RECIPIENTS)
    days = (dt.date(2026, 9, 30), dt.date(2026, 10, 31), DAY)
    assert [addresses(config.delivery_on(day)) for day in days] == [
        ["first@bangkok.go.th"],
        ["first@bangkok.go.th", "office@bangkok.go.th"],
        ["office@bangkok.go.th"],
    ]
    (line,) = what_counts(config, DAY)
    assert line == (
        "Recipients are those of the portfolio: 1 today. The 1 of the settings do not count: remove them there."
    )


def test_a_secret_of_a_recipient_lies_where_those_of_the_settings_do(loaded):
    hook = '[[recipient]]\nid = "hook"\nchannel = "webhook"\nto = "https://x.example/h"\nsecret_file = "secrets/hook"\n'
    config = loaded(hook)
    (recipient,) = config.delivery_on(DAY).recipient
    assert recipient.secret_file == config.folder.resolve().parent / "secrets/hook"


def test_a_recipient_by_mail_without_a_mail_server_is_said_and_is_no_fault(loaded, tmp_path):
    loaded(RECIPIENTS)
    (tmp_path / "config/bkkenergy.toml").write_text("")
    done = CliRunner().invoke(cli, ["check", "--config", str(tmp_path / "config")])
    assert done.exit_code == 0, done.output
    assert "No mail server is named (bkkenergy.toml: mail.host): nothing is sent to office." in done.output
    (tmp_path / "config/bkkenergy.toml").write_text('[[recipient]]\nto = "old@bangkok.go.th"\n')
    loaded_text = tmp_path / "config/portfolio/more.toml"
    loaded_text.write_text("")
    assert CliRunner().invoke(cli, ["check", "--config", str(tmp_path / "config")]).exit_code == 1


@pytest.mark.parametrize(
    ("change", "is_taken"),
    [
        (("", ""), True),
        (('"012345678"', '"12345678"'), True),
        (('"mea"', '"pea"'), False),
        (("number", "from = 2027-01-01\nnumber"), True),
    ],
    ids=["the same", "zeros before it", "another utility", "later, while the first goes on"],
)
def test_two_accounts_of_one_number_at_once_are_a_fault(loaded, change, is_taken):
    second = ACCOUNTS.replace('"one"', '"two"').replace(*change, 1) if change[0] else ACCOUNTS.replace('"one"', '"two"')
    if not is_taken:
        assert len(loaded(ACCOUNTS + second).portfolio.accounts) == 2
        return
    with pytest.raises(ConfigError, match="account one has the number 0?12345678 on the same days"):
        loaded(ACCOUNTS + second)


def test_an_account_that_follows_another_may_have_its_number(loaded):
    first = ACCOUNTS.replace("number", "until = 2026-06-30\nnumber")
    second = ACCOUNTS.replace('"one"', '"two"').replace("number", "from = 2026-07-01\nnumber")
    assert list(loaded(first + second).portfolio.accounts) == ["two"]


def test_the_schedule_of_the_one_account_counts_and_of_two_that_differ_none(loaded):
    plain, one, two = (loaded(text).portfolio for text in ("", ACCOUNTS, ACCOUNTS + SECOND))
    own = plain.buildings[BUILDING].tariff
    assert [each.schedule_of(each.buildings[BUILDING]) for each in (plain, one, two)] == [own, "mea-3-1-lv", own]
    assert list(what_counts(loaded(ACCOUNTS), DAY)) == [
        f"{BUILDING}: the schedule mea-3-1-lv of its account counts, not its tariff {own}."
    ]
    assert list(what_counts(loaded(ACCOUNTS + SECOND), DAY)) == [
        f"{BUILDING}: its electricity accounts name mea-2-2-lv, mea-3-1-lv, so that its tariff {own} counts."
    ]


def test_nothing_reads_a_building_s_tariff_but_what_knows_its_account_too():
    """Screening and findings read it once, and counted in rates that no bill of the building has."""
    sources = {path: path.read_text() for path in (ROOT / "src/bkkenergy").rglob("*.py")}
    readers = {
        str(path.relative_to(ROOT / "src/bkkenergy"))
        for path, source in sources.items()
        if "tariff" in source
        if any(isinstance(node, ast.Attribute) and node.attr == "tariff" for node in ast.walk(ast.parse(source)))
    }
    assert readers == {"portfolio/snapshot.py", "portfolio/check.py", "site/what_counts.py"}


def test_the_list_of_buildings_says_by_which_schedule_each_is_billed(loaded):
    assert bk.buildings(loaded(ACCOUNTS).portfolio)["tariff"][BUILDING] == "mea-3-1-lv"


def test_a_building_s_threshold_goes_before_its_agency_s_and_that_before_the_site_s(loaded):
    config = loaded(THRESHOLDS)

    def silent_h(day, agency, building=""):
        return config.portfolio.on(day).threshold("silent_h", 3.0, agency=agency, building=building)

    assert silent_h(DAY, "education") == 3.0
    assert silent_h(DAY, "health", "health.centre-2") == 24.0
    assert silent_h(DAY, "health", BUILDING) == 1.0
    assert silent_h(dt.date(2026, 10, 31), "health", BUILDING) == 24.0


def test_check_says_what_counts(loaded):
    config = loaded(RECIPIENTS + ACCOUNTS)
    result = CliRunner().invoke(cli, ["check", "--config", str(config.folder)])
    assert result.exit_code == 0, result.output
    for said in ("Recipients are those of the portfolio", "mea-3-1-lv of its account counts"):
        assert said in result.output


def test_check_finds_a_recipient_of_the_portfolio_that_cannot_be_reached(loaded):
    hook = '[[recipient]]\nid = "hook"\nchannel = "webhook"\nto = "https://x.example/h"\nsecret_file = "secrets/hook"\n'
    result = CliRunner().invoke(cli, ["check", "--config", str(loaded(hook).folder)])
    assert result.exit_code == 1
    assert "recipient hook.secret_file" in result.output
