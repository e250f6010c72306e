"""`bkkenergy portfolio` and what the records mean for the other commands."""

from __future__ import annotations

import datetime as dt
import getpass
import json
import shutil

import pytest
from click.testing import CliRunner

from bkkenergy.access import Account
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.cli import cli
from bkkenergy.errors import ConfigError, InputError, NotThere
from bkkenergy.portfolio.edits import Amend
from bkkenergy.site import load_configuration
from bkkenergy.usecases.portfolio import Conflict, portfolio_state
from bkkenergy.usecases.proposals import propose
from tests.conftest import ROOT

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
SETTINGS = '[store]\npath = "var/store.sqlite"\n[state]\npath = "var/state.sqlite"\n[observe]\nport = 0\n'


@pytest.fixture
def config(tmp_path):
    """A site of the demonstration's files."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "config/bkkenergy.toml").write_text(SETTINGS)
    return tmp_path / "config"


@pytest.fixture
def run(config):
    def run(*arguments):
        done = CliRunner().invoke(cli, [*arguments, "--config", str(config)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def refused(run, error, *arguments):
    with pytest.raises(error) as caught:
        run(*arguments)
    return str(caught.value)


def imported(run):
    return run("portfolio", "import", "--yes", "--why", "first import")


def office(config):
    return config / "portfolio/buildings/district-bangkhen.toml"


def test_an_import_is_shown_first_and_done_only_when_a_person_agrees(config):
    arguments = ["portfolio", "import", "--why", "first", "--config", str(config)]
    done = CliRunner().invoke(cli, arguments, input="n\n")
    assert done.exit_code == 1
    assert "249 new, 0 changed, 0 withdrawn" in done.output
    assert "Comments in the files are not kept" in done.output
    assert "No revision." in CliRunner().invoke(cli, ["portfolio", "history", "--config", str(config)]).output


def test_import_export_import_changes_nothing(run, tmp_path):
    imported(run)
    run("portfolio", "export", "--to", str(tmp_path / "out"))
    assert "No change." in run("portfolio", "diff", str(tmp_path / "out"))
    assert "No change." in run("portfolio", "import", str(tmp_path / "out"), "--yes", "--why", "again")
    assert json.loads(run("portfolio", "history", "--json"))[0]["revision"] == 1


def test_after_the_import_the_files_count_no_more(run, config):
    imported(run)
    office(config).unlink()
    assert "40 buildings" in run("check")
    assert "that of the state, revision 1" in run("check")
    changes = json.loads(run("portfolio", "diff", "--json"))
    assert {own["change"] for own in changes} == {"withdrawn"}
    assert "No change." in run("portfolio", "diff", "--partial")


def test_a_change_of_a_file_becomes_a_revision_that_can_be_undone(run, config):
    imported(run)
    text = office(config).read_text()
    office(config).write_text(
        text.replace(
            "gross_floor_area_m2 = 10400",
            'gross_floor_area_m2 = 10500\nchanges = [{ from = 2026-06-01, tariff = "mea-3-1-mv" }]',
        )
    )
    shown = run("portfolio", "import", "--yes", "--why", "new wing")
    assert "building district-bangkhen.office: gross_floor_area_m2 10400.0 → 10500.0" in shown
    assert "building district-bangkhen.office from 2026-06-01: new" in shown
    assert "10400.0 → 10500.0" in run("portfolio", "compare", "1", "2")
    assert "Revision 3 undoes 2." in run("portfolio", "undo", "2", "--why", "it was not built")
    assert "No change." in run("portfolio", "compare", "1", "3")
    assert "new wing" in run("portfolio", "history", "--of", "district-bangkhen.office")


def test_a_folder_with_faults_is_imported_not_at_all_and_all_faults_are_named(run, config):
    imported(run)
    text = office(config).read_text()
    office(config).write_text(
        text.replace("rated_kw = 380", "rated_kw = 0").replace('tariff = "mea-3-2-mv"', 'tariff = "x"')
    )
    said = refused(run, ConfigError, "portfolio", "import", "--yes", "--why", "faults")
    assert "district-bangkhen.toml: building[0].meters[0].rated_kw" in said
    assert "there is no tariff 'x'" in said
    assert len(json.loads(run("portfolio", "history", "--json"))) == 1


def test_where_files_are_the_source_nothing_is_imported_and_no_state_is_read(run, config):
    imported(run)
    (config / "bkkenergy.toml").write_text(SETTINGS + '[portfolio]\nsource = "files"\n')
    office(config).unlink()
    assert "36 buildings" in run("check")
    assert "the app only reads it" in run("check")
    assert "changed there alone" in refused(run, InputError, "portfolio", "undo", "1", "--why", "no")


def test_a_state_that_is_the_source_and_empty_is_a_fault(run, config):
    (config / "bkkenergy.toml").write_text(SETTINGS + '[portfolio]\nsource = "state"\n')
    done = CliRunner().invoke(cli, ["check", "--config", str(config)])
    assert "the state holds no portfolio yet" in done.output


def test_adjustments_and_targets_go_with_the_portfolio(run, config, tmp_path):
    adjustment = '[[adjustment]]\nbuilding = "district-bangkhen.office"\nfirst = 2026-03-01\nkwh_a_day = 120.0\nreason = "One-stop service"\nentered_by = "Somchai"\nentered = 2026-03-05\n'
    (config / "adjustments.toml").write_text(adjustment)
    imported(run)
    (config / "adjustments.toml").unlink()
    (config / "plan.toml").unlink()
    run("portfolio", "export", "--to", str(tmp_path / "out"))
    assert "One-stop service" in (tmp_path / "out/adjustments.toml").read_text()
    assert "10,100" in run("plan", "targets")


# -- proposals ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def proposed(config, run):
    """Two proposals by a manager for the name of one building."""
    imported(run)
    engine = open_state(load_configuration(config).settings.state)
    state = portfolio_state(load_configuration(config), engine)
    manager = Account(id=1, name="somsri", display="", role="manager", agencies=("health",)).actor("192.0.2.1")
    for name in ("Office hours", "Other hours"):
        propose(state, manager, [Amend("building", "health.centre-1", {"name_en": name})], why="as on the door",
                from_day=None, now=NOW)  # fmt: skip
    yield engine
    engine.dispose()


def test_a_proposal_is_listed_shown_and_accepted_with_a_note_and_both_names(run, proposed):
    assert run("portfolio", "proposals", "list").count("as on the door") == 2
    assert "Office hours" in run("portfolio", "proposals", "show", "1")
    assert json.loads(run("portfolio", "proposals", "show", "1", "--json"))["by"] == "somsri"
    assert "Revision 2 is proposal 1." in run("portfolio", "proposals", "accept", "1", "--note", "seen there")
    line = next(line for line in audit_lines(proposed) if line["action"] == "proposal_accept")
    assert (line["detail"]["by"], line["detail"]["accepted_by"]) == ("somsri", f"cli:{getpass.getuser()}")
    assert (line["detail"]["note"], line["detail"]["revision"]) == ("seen there", 2)
    assert "somsri" in run("portfolio", "history")
    assert run("portfolio", "proposals", "list").count("as on the door") == 1
    assert "seen there" in run("portfolio", "proposals", "show", "1")


def test_a_proposal_is_rejected_with_a_reason_and_changes_nothing(run, proposed):
    assert "refused" in run("portfolio", "proposals", "reject", "2", "--note", "the first is right")
    assert "refused already" in refused(run, InputError, "portfolio", "proposals", "accept", "2")
    assert len(run("portfolio", "history").strip().splitlines()) == 1
    assert len(json.loads(run("portfolio", "proposals", "list", "--all", "--json"))) == 2


def test_of_two_proposals_for_one_thing_the_second_is_not_accepted_over_the_first(run, proposed):
    run("portfolio", "proposals", "accept", "1")
    assert "changed meanwhile" in refused(run, Conflict, "portfolio", "proposals", "accept", "2")


def test_a_proposal_that_is_not_there_is_not_found(run, proposed):
    refused(run, NotThere, "portfolio", "proposals", "show", "99")
    refused(run, NotThere, "portfolio", "proposals", "accept", "99")


def test_a_list_is_looked_at_then_entered_and_read_back_without_a_change(run, tmp_path):
    run("portfolio", "import", "--yes", "--why", "first import")
    file = tmp_path / "schools.csv"
    file.write_text("ชื่อโรงเรียน,หน่วยงาน,พื้นที่,พิกัด,แผง\nโรงเรียนวัดใหม่,health,500,13.7 100.5,120\n", encoding="utf-8-sig")
    options = ("--default", "type=school", "--default", "calendar=school", "--default", "tariff=mea-2-2-lv")
    columns = ("--column", "แผง=meter.rated_kw")
    looked = run("portfolio", "import-list", str(file), *options, *columns)
    assert "2 new, 0 changed, 0 unchanged." in looked
    done = run("portfolio", "import-list", str(file), *options, *columns, "--yes", "--why", "schools")
    assert "Revision 2: 2 changes." in done
    again = run("portfolio", "import-list", str(file), *options)
    assert "0 new, 0 changed, 2 unchanged." in again, "the column is remembered"
    out = tmp_path / "out.xlsx"
    assert "รายการลงใน" in run("portfolio", "export-list", "--to", str(out), "--lang", "th")
    assert "0 new, 0 changed" in run("portfolio", "import-list", str(out))
    file.write_text("ชื่อโรงเรียน,หน่วยงาน,พื้นที่,พิกัด\nโรงเรียนวัดใหม่,ไม่มีเลย,500,13.7 100.5\n", encoding="utf-8-sig")
    assert "1 fault: nothing was entered." in refused(run, InputError, "portfolio", "import-list", str(file), *options)
    assert "'type' is no pair" in refused(run, InputError, "portfolio", "import-list", str(file), "--default", "type")
