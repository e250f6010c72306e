"""The programme's register: as files, as records, who reads it, and what a consent allows."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest
from click.testing import CliRunner

from bkkenergy.cli import cli
from bkkenergy.errors import ConfigError
from bkkenergy.plan import shortlisted
from bkkenergy.plan.register import Consent, Partner, published
from bkkenergy.portfolio.check import cross_check
from bkkenergy.portfolio.load import records_of
from bkkenergy.portfolio.reach import is_visible, touched
from bkkenergy.portfolio.records import Change, differences
from bkkenergy.portfolio.values import checked_value
from bkkenergy.site.portfolio_files import REGISTER as KINDS
from bkkenergy.site.portfolio_files import read_folder, write_folder
from bkkenergy.site.record_kinds import SITE_KINDS
from bkkenergy.site.record_readers import register_of
from tests.register import REGISTER

DAY = dt.date(2026, 11, 2)
AGENCY_OF = {"health.centre-1": "health", "fire.station-1": "fire"}


@pytest.fixture
def folder(config_dir, tmp_path):
    shutil.copytree(config_dir, tmp_path / "config")
    (tmp_path / "config/programme.toml").write_text(REGISTER, encoding="utf-8")
    return tmp_path / "config"


@pytest.fixture
def records(folder):
    document = read_folder(folder)
    assert document.faults == []
    return document.records


def consent(**changed):
    fields = {
        "id": "c", "agency": "health", "buildings": ("health.centre-1",), "figures": ("energy",),
        "licence": "cc_by_4", "agreed_by": "The director", "agreed_on": DAY,
    }  # fmt: skip
    return Consent.model_validate(fields | changed)


def test_files_say_all_of_it_and_are_written_as_they_were_read(records, tmp_path):
    assert all(records.by_kind[kind] for kind in KINDS)
    assert cross_check(records, {}) == []
    write_folder(records, tmp_path / "again")
    assert differences(read_folder(tmp_path / "again").records, records) == ()


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("need", {"agency": "nowhere"}),
        ("need", {"building": "health.nowhere"}),
        ("follow_up", {"workshop": "no-course"}),
        ("workshop", {"attendance": [{"agency": "nowhere", "attended": 1}]}),
        ("consent", {"buildings": ["health.nowhere"]}),
    ],
)
def test_what_is_named_is_there(records, kind, changed):
    ((key, (entry,)),) = [(key, entries) for key, entries in records.by_kind[kind].items()]
    value, faults = checked_value(SITE_KINDS[kind], SITE_KINDS[kind].body_of(entry.value) | changed, kind)
    assert faults == []
    after = records.with_changes([Change(entry, type(entry)(kind, key, entry.valid_from, value))])
    assert [fault.key for fault in cross_check(after, {})] == ["no_reference"]


@pytest.mark.parametrize(
    ("kind", "changed", "says"),
    [
        ("workshop", {"last": "2026-10-11"}, "last lies before first"),
        ("workshop", {"attendance": [{"agency": "a", "attended": 1}, {"agency": "a", "attended": 2}]}, "twice"),
        ("need", {"answered_on": "2026-10-05"}, "before"),
        ("consent", {"buildings": []}, "consent.buildings"),
        ("consent", {"figures": []}, "consent.figures"),
        ("partner", {"measures": []}, "partner.measures"),
    ],
)
def test_what_makes_no_sense_is_refused(records, kind, changed, says):
    entry = next(iter(records.by_kind[kind].values()))[0]
    value, (fault,) = checked_value(SITE_KINDS[kind], SITE_KINDS[kind].body_of(entry.value) | changed, kind)
    assert value is None
    assert says in str(fault)


def test_each_reads_what_is_theirs_and_partners_are_of_those_who_see_every_agency(records):
    def seen(kind, *agencies):
        return [
            key
            for key in records.by_kind[kind]
            for version in records.history(kind, key)
            if is_visible(version, kind, key, records, lambda agency: agency in agencies)
        ]

    assert seen("partner", "health", "education") == []
    assert seen("workshop", "fire") == ["first-course"]
    for kind in ("need", "follow_up", "consent"):
        assert seen(kind, "fire") == []
        assert len(seen(kind, "health")) == 1


def test_partners_and_workshops_are_changed_by_those_who_may_change_what_is_shared(records):
    for kind, is_shared in (("partner", True), ("workshop", True), ("need", False), ("consent", False)):
        entry = next(iter(records.by_kind[kind].values()))[0]
        scope = touched([Change(entry, None)], records, records)
        assert scope.is_shared == is_shared, kind


def test_a_consent_to_another_agency_s_building_touches_that_agency(records):
    entry = next(iter(records.by_kind["consent"].values()))[0]
    wider = entry.value.model_copy(update={"buildings": ("health.centre-1", "education.headquarters")})
    after = type(entry)("consent", entry.key, entry.valid_from, wider)
    scope = touched([Change(entry, after)], records, records.with_changes([Change(entry, after)]))
    assert scope.agencies >= {"health", "education"}


def test_nothing_is_published_before_its_day_or_by_another_agency():
    assert published([consent()], AGENCY_OF, DAY - dt.timedelta(days=1)) == {}
    assert list(published([consent()], AGENCY_OF, DAY)) == ["health.centre-1"]
    assert published([consent(buildings=("fire.station-1",))], AGENCY_OF, DAY) == {}
    assert published([consent()], {"health.centre-1": "fire"}, DAY) == {}


def test_the_consent_that_was_signed_last_says_the_licence():
    later = consent(id="d", licence="ogl_th", agreed_on=DAY + dt.timedelta(days=1), figures=("intensity", "energy"))
    allowed = published([later, consent()], AGENCY_OF, DAY + dt.timedelta(days=9))
    assert {name: one.licence for name, one in allowed["health.centre-1"].items()} == {
        "energy": "ogl_th",
        "intensity": "ogl_th",
    }


def test_the_shortlist_has_those_who_agreed_first_and_no_one_who_declined(records):
    partners: list[Partner] = [entries[-1].value for entries in records.by_kind["partner"].values()]
    assert [one.id for one in shortlisted(partners, "led")] == ["cool-co"]
    assert shortlisted(partners, "solar") == []


def test_what_a_file_names_and_the_portfolio_has_not_is_found_by_check_and_shown_to_none(folder, config_dir):
    wrong = REGISTER.replace('buildings = ["health.centre-1"]', 'buildings = ["health.centre-99"]')
    (folder / "programme.toml").write_text(wrong, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"programme.toml: consent\[0\].buildings.*health.centre-99"):
        register_of(folder, records_of(config_dir))
    done = CliRunner().invoke(cli, ["check", "--config", str(folder)])
    assert done.exit_code == 1
    assert "programme.toml: consent[0].buildings" in done.output
