"""What the state promises, kept by SQLite and by a real PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import create_engine, text, update

from bkkenergy.access import server_actor
from bkkenergy.adapters.ledger.sql import SqlLedger
from bkkenergy.adapters.state import HEAD, open_state, reading, transaction
from bkkenergy.adapters.state.alerts import Alarm, last_sent_us, mark_sent, open_alerts, reconcile, unsent_alerts
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.dismissals import dismissals
from bkkenergy.adapters.state.identity import identity_of
from bkkenergy.adapters.state.leader import AdvisoryLead
from bkkenergy.adapters.state.outbox import OutboxMessage, claim, has_due, messages, not_sent, post, sent
from bkkenergy.adapters.state.persontables import dismissal
from bkkenergy.adapters.state.projects import project_of, projects, steps_of
from bkkenergy.adapters.state.runs import Artefact, Due, LeaseLost, RunQueue
from bkkenergy.adapters.state.sessions import spare_hash
from bkkenergy.adapters.state.tables import metadata, outbox
from bkkenergy.adapters.state.users import add_user, hashed
from bkkenergy.calendar import Period
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.plan import Project
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.recipients import CITY
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.insights import Dismissal
from bkkenergy.settings import StateSettings
from bkkenergy.usecases.dismissals import dismiss
from bkkenergy.usecases.plan import enter_projects, move_project
from tests.planned import save_projects
from tests.sites import postgresql_database

NOW = dt.datetime(2026, 11, 24, 0, 30, tzinfo=dt.UTC)
LEASE_S = 60.0


def later(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


@pytest.fixture
def ledger(engine):
    return RunQueue(engine, "a")


def due(agency="health", period="2026-11-23", at=NOW):
    return Due(agency=agency, period=Period.of(period), due_at=at)


def done(ledger, run, at=NOW, figures=None):
    file = Artefact(form="html", lang="th", path="x/r1/x.html", size_bytes=3, sha256="0" * 64)
    ledger.finish(run, at, artefacts=[file], figures=figures or {"": [1.5, 1.0]}, publish=lambda _: None)


def test_an_archive_is_listed_in_pages_of_its_newest_revisions(ledger):
    ledger.plan([due("small", "FY2569"), *(due(f"big-{n}", f"2026-11-{day:02d}") for n in range(3) for day in (1, 2))])
    while (run := ledger.claim(NOW, LEASE_S)) is not None:
        done(ledger, run)
    first = ledger.runs(agency="big-1", period=Period.of("2026-11-02"))[0]
    ledger.again(first, "late", NOW)
    asked = {"agencies": None, "state": "done", "newest_only": True}
    assert ledger.page(**asked, limit=9)[1] == 7, "a revision that is not made yet hides nothing"
    done(ledger, ledger.claim(NOW, LEASE_S))
    rows, total = ledger.page(**asked, limit=4)
    rest, _ = ledger.page(**asked, limit=4, offset=4)
    assert (len(rows), len(rest), total) == (4, 3, 7)
    keys = [(run.agency, run.period.slug, run.revision) for run in (*rows, *rest)]
    assert ("big-1", "2026-11-02", 2) in keys
    assert ("big-1", "2026-11-02", 1) not in keys
    assert ledger.page(agencies=None, state="done", limit=1)[1] == 8, "each revision is a line"
    assert [run.agency for run in ledger.page(agencies=None, kind="fiscal_year", limit=1)[0]] == ["small"]
    assert [run.agency for run in ledger.page(agencies=["small"], limit=1)[0]] == ["small"]
    assert ledger.page(agencies=[], limit=5) == ([], 0)


def test_the_tables_are_those_of_the_migrations(engine):
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "bkkenergy.adapters.state:migrations")
    return config


OLD_PAYLOAD = (
    "INSERT INTO quarantine (topic, digest, size_bytes, stored_bytes, reason, detail, received_us, times, readings, "
    "payload) VALUES ('t', 'd', 1, 1, 'not_decoded', '', 1, 1, 1, '1')"
)
OLD_ARTEFACT = "INSERT INTO artefact (run_id, form, lang, path, size_bytes, sha256) VALUES (1, 'html', 'th', 'x/r1/x.html', 3, '0')"
REVISIONS = sorted(own.revision for own in ScriptDirectory.from_config(migrations()).walk_revisions())


def test_the_newest_migration_is_the_one_that_is_asked_for():
    assert REVISIONS[-1] == HEAD


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_state_of_each_earlier_version_is_brought_up_with_what_it_holds(empty_state, revision):
    """Tables as that version made them, with rows in them, opened by this one."""
    old = create_engine(empty_state.url.get_secret_value() if empty_state.url else f"sqlite:///{empty_state.path}")
    with old.begin() as connection:
        config = migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    ledger = RunQueue(old, "a")
    ledger.plan([due()])
    ledger.finish(ledger.claim(NOW, LEASE_S), NOW, artefacts=[], figures={"": [1.5, 1.0]}, publish=lambda _: None)
    with old.begin() as connection:
        connection.execute(text(OLD_ARTEFACT))
        if revision == "0007":
            connection.execute(text(OLD_PAYLOAD))
    old.dispose()
    engine = open_state(empty_state)
    if revision == "0007":
        with engine.connect() as connection:
            assert connection.execute(text("SELECT length(origin) FROM quarantine")).scalar() == 32
    (run,) = RunQueue(engine, "b").runs()
    assert (run.agency, run.state, run.figures) == ("health", "done", {"": [1.5, 1.0]})
    (file,) = RunQueue(engine, "b").artefacts([run])[run.id]
    assert (file.path, file.document) == ("x/r1/x.html", "energy")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


OLD_PROJECT = {"id": "led-old", "agency": "health", "building": "", "kind": "led", "name_th": "ก", "name_en": "LED",
               "owner": "", "programme": "energy-action-plan", "budget_thb": 5.0, "expected_kwh": 9.0, "pv_meter": "",
               "due_year_be": 2570, "state": "done", "done_on": "2026-06-01", "note": ""}  # fmt: skip
OLD_STEPS = [
    ("surveyed", "2026-03-01", "", ""),
    ("proposed", "2026-07-01", "Somchai", "ok"),
    ("done", "2026-06-01", "malee", ""),
]


def test_projects_of_an_earlier_version_become_records_with_each_of_their_steps(empty_state):
    """One was moved twice, the second time to a day before the first; another has no step at all."""
    old = create_engine(empty_state.url.get_secret_value() if empty_state.url else f"sqlite:///{empty_state.path}")
    with old.begin() as connection:
        config = migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        enter = text("INSERT INTO project (id, entry, state, changed_us) VALUES (:id, :entry, :state, 1000000)")
        without = OLD_PROJECT | {"id": "led-without", "state": "running", "done_on": None}
        for body in (OLD_PROJECT, without):
            connection.execute(enter, {"id": body["id"], "entry": json.dumps(body), "state": body["state"]})
        step = text(
            'INSERT INTO project_step (project_id, state, day, "by", note, at_us) '
            "VALUES ('led-old', :state, :day, :by, :note, :at)"
        )
        for number, (name, day, by, note) in enumerate(OLD_STEPS):
            connection.execute(step, {"state": name, "day": day, "by": by, "note": note, "at": 2_000_000 + number})
    old.dispose()
    engine = open_state(empty_state)
    assert [(step.state, f"{step.day}", step.by, step.note) for step in steps_of(engine, "led-old")] == OLD_STEPS
    assert projects(engine) == [Project(**OLD_PROJECT), Project(**without)]
    months = [dt.date(2026, month, 15) for month in (2, 4, 6, 8)]
    assert [{one.id: one.state for one in projects(engine, day=day)}.get("led-old") for day in months] == [
        None, "surveyed", "done", "done",
    ]  # fmt: skip
    assert projects(engine, day=dt.date(1970, 1, 1))[0].id == "led-without"
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0010")
        steps = connection.execute(
            text("SELECT state, day, \"by\", note FROM project_step WHERE project_id = 'led-old'")
        )
        assert [tuple(row) for row in steps] == OLD_STEPS
    engine.dispose()


def test_spare_codes_of_an_earlier_version_stay_good_and_become_slow_to_guess(empty_state):
    """Version 27 stored a fast hash of ten signs: who took a copy could try them all in minutes."""
    old = create_engine(empty_state.url.get_secret_value() if empty_state.url else f"sqlite:///{empty_state.path}")
    with old.begin() as connection:
        config = migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, "0027")
    add_user(old, "somchai", "a long password", "viewer", ["health"], NOW)
    enter = text("INSERT INTO recovery_code (code_hash, user_id) SELECT :code, id FROM user_account")
    with old.begin() as connection:
        for code in ("abcd012345", "ef01234567"):
            connection.execute(enter, {"code": hashed(f"1:{code}")})
    old.dispose()
    engine = open_state(empty_state)
    with engine.connect() as connection:
        stored = list(connection.execute(text("SELECT code_hash FROM recovery_code")).scalars())
    assert {code.split("$")[1] for code in stored} == {"argon2id"}
    assert len({code.split("$")[4] for code in stored}) == 1, "one salt a user: a try costs one hash"
    assert spare_hash(1, "ABCD-012345", like=stored[0]) in stored
    assert spare_hash(1, "abcd012346", like=stored[0]) not in stored
    engine.dispose()


@pytest.mark.slow
def test_two_processes_may_open_an_empty_state_at_once(empty_state):
    code = (
        "import sys; from pathlib import Path; from pydantic import SecretStr\n"
        "from bkkenergy.settings import StateSettings; from bkkenergy.adapters.state import open_state\n"
        "given = sys.argv[1]\n"
        "open_state(StateSettings(url=SecretStr(given)) if '://' in given else StateSettings(path=Path(given)))"
    )
    where = empty_state.url.get_secret_value() if empty_state.url else str(empty_state.path)
    both = [subprocess.Popen([sys.executable, "-c", code, where], stderr=subprocess.PIPE) for _ in range(3)]
    for process in both:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error.decode()


def test_a_period_is_entered_once(ledger):
    assert ledger.plan([due(), due(), due("education")]) == 2
    assert ledger.plan([due()]) == 0
    assert [(run.agency, run.state, run.tries) for run in ledger.runs()] == [
        ("education", "due", 0),
        ("health", "due", 0),
    ]


def test_a_run_is_claimed_by_one_process_alone(ledger, engine):
    ledger.plan([due()])
    run = ledger.claim(NOW, LEASE_S)
    assert (run.state, run.tries, run.owner) == ("running", 1, "a")
    assert RunQueue(engine, "b").claim(later(1), LEASE_S) is None


def test_many_at_once_claim_every_run_exactly_once_though_each_leaves_at_its_first_empty_claim(ledger, engine):
    ledger.plan([due(f"agency-{n:02d}") for n in range(40)])
    start = threading.Barrier(4)

    def take(owner):
        own = RunQueue(engine, owner)
        start.wait()
        return [run.agency for run in iter(lambda: own.claim(NOW, LEASE_S), None)]

    with ThreadPoolExecutor(4) as workers:
        claimed = list(workers.map(take, ["p1", "p2", "p3", "p4"]))
    assert sorted(agency for some in claimed for agency in some) == [f"agency-{n:02d}" for n in range(40)]


@pytest.mark.postgres
def test_on_postgresql_a_claim_passes_over_what_another_transaction_holds(ledger, engine):
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")
    ledger.plan([due("a"), due("b")])
    with engine.begin() as connection:
        connection.execute(text("SELECT id FROM run WHERE agency = 'a' FOR UPDATE"))
        assert ledger.claim(NOW, LEASE_S).agency == "b"
        assert ledger.claim(NOW, LEASE_S) is None
    assert ledger.claim(NOW, LEASE_S).agency == "a"


def test_the_oldest_is_done_first(ledger):
    ledger.plan([due("health"), due("zoo", at=NOW - dt.timedelta(days=1), period="2026-11-22")])
    assert [ledger.claim(NOW, LEASE_S).agency for _ in range(2)] == ["zoo", "health"]


def test_the_city_waits_until_its_agencies_of_the_period_are_done_or_failed_for_good(ledger, engine):
    other = RunQueue(engine, "b")
    ledger.plan([due(CITY), due("health"), due("zoo"), due("zoo", period="2026-11-22", at=later(10**6))])
    health, zoo = ledger.claim(NOW, LEASE_S), other.claim(NOW, LEASE_S)
    assert other.claim(NOW, LEASE_S) is None
    done(ledger, health)
    assert ledger.claim(NOW, LEASE_S) is None, "another process is at the zoo's"
    other.fail(zoo, NOW, "no paper", retry_at=later(60))
    assert ledger.claim(later(1), LEASE_S) is None, "the zoo's is to be tried again"
    zoo = ledger.claim(later(60), LEASE_S)
    assert zoo.agency == "zoo"
    ledger.fail(zoo, later(61), "no paper", retry_at=None)
    assert ledger.claim(later(62), LEASE_S).agency == CITY, "another period's agencies do not count"


def test_a_revision_waits_for_the_one_before_it(ledger, engine):
    ledger.plan([due(CITY)])
    first = ledger.claim(NOW, LEASE_S)
    assert ledger.again(first, "health r2", NOW) is not None
    assert RunQueue(engine, "b").claim(NOW, LEASE_S) is None
    done(ledger, first)
    assert RunQueue(engine, "b").claim(NOW, LEASE_S).revision == 2


def test_many_at_once_enter_a_period_and_its_next_revision_once(ledger, engine):
    start = threading.Barrier(4)

    def enter(owner):
        own = RunQueue(engine, owner)
        start.wait()
        return own.plan([due(f"agency-{n}") for n in range(10)])

    def revise(owner):
        own = RunQueue(engine, owner)
        start.wait()
        return own.again(run, "late", NOW)

    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(enter, ["p1", "p2", "p3", "p4"])) == 10
        run = ledger.claim(NOW, LEASE_S)
        done(ledger, run)
        assert sum(number is not None for number in workers.map(revise, ["p1", "p2", "p3", "p4"])) == 1


def test_a_lead_is_kept_by_who_has_it_and_taken_by_nobody_in_passing(ledger, engine):
    other = RunQueue(engine, "b")
    assert ledger.lead(NOW, LEASE_S)
    other.keep_lead(later(1), LEASE_S)
    ledger.keep_lead(later(50), LEASE_S)
    assert not other.lead(later(100), LEASE_S)
    ledger.stand_down()
    ledger.keep_lead(later(100), LEASE_S)
    other.keep_lead(later(100), LEASE_S)
    assert other.lead(later(100), LEASE_S)
    other.stand_down()


def test_a_lead_that_is_given_back_is_free_before_its_connection_has_ended(ledger, engine, monkeypatch):
    if engine.dialect.name != "postgresql":
        pytest.skip("a lease decides there")
    assert ledger.lead(NOW, LEASE_S)
    monkeypatch.setattr(AdvisoryLead, "_drop", lambda _: None)  # the server's process lives a moment longer
    ledger.stand_down()
    other = RunQueue(engine, "b")
    assert other.lead(NOW, LEASE_S)
    monkeypatch.undo()
    other.stand_down()
    ledger.stand_down()


def test_what_is_not_due_yet_waits(ledger):
    ledger.plan([due(at=later(10))])
    assert ledger.claim(NOW, LEASE_S) is None
    assert ledger.claim(later(10), LEASE_S) is not None


def test_a_run_of_a_dead_process_is_taken_over_and_the_dead_one_cannot_close_it(ledger, engine):
    ledger.plan([due()])
    run = ledger.claim(NOW, LEASE_S)
    other = RunQueue(engine, "b")
    assert other.claim(later(LEASE_S - 1), LEASE_S) is None
    taken = other.claim(later(LEASE_S + 1), LEASE_S)
    assert (taken.id, taken.tries) == (run.id, 2)
    seen = []
    with pytest.raises(LeaseLost):
        ledger.finish(run, later(70), artefacts=[], figures={}, publish=lambda _: seen.append(1))
    assert not seen
    assert not ledger.renew(run, later(70), LEASE_S)
    done(other, taken)
    assert ledger.runs()[0].state == "done"


def test_a_run_that_is_renewed_is_not_taken_over(ledger, engine):
    ledger.plan([due()])
    run = ledger.claim(NOW, LEASE_S)
    assert ledger.renew(run, later(50), LEASE_S)
    assert RunQueue(engine, "b").claim(later(70), LEASE_S) is None


def test_a_closed_run_names_its_files_and_figures(ledger):
    ledger.plan([due()])
    run = ledger.claim(NOW, LEASE_S)
    done(ledger, run, later(2.5), {"": [10.25, 0.9], "health.one": [None, 0.0]})
    kept = ledger.runs()[0]
    assert (kept.state, kept.duration_s) == ("done", 2.5)
    assert kept.figures == {"": [10.25, 0.9], "health.one": [None, 0.0]}
    assert [file.path for file in ledger.artefacts([run])[run.id]] == ["x/r1/x.html"]


def test_when_publishing_fails_nothing_is_closed(ledger):
    ledger.plan([due()])
    run = ledger.claim(NOW, LEASE_S)

    def fail(_):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        ledger.finish(run, NOW, artefacts=[], figures={}, publish=fail)
    assert ledger.runs()[0].state == "running"


def test_a_failed_run_waits_then_stays_failed_until_a_person_asks(ledger):
    ledger.plan([due()])
    ledger.fail(ledger.claim(NOW, LEASE_S), NOW, "no paper", retry_at=later(60))
    assert ledger.claim(later(59), LEASE_S) is None
    again = ledger.claim(later(60), LEASE_S)
    assert again.tries == 2
    ledger.fail(again, later(61), "no paper", retry_at=None)
    run = ledger.runs(state="failed")[0]
    assert run.error == "no paper"
    assert ledger.claim(later(10**6), LEASE_S) is None
    assert ledger.retry([run.id], later(100)) == 1
    assert ledger.claim(later(100), LEASE_S).tries == 1


def test_the_next_revision_is_entered_once(ledger):
    ledger.plan([due()])
    run = ledger.claim(NOW, LEASE_S)
    done(ledger, run)
    assert ledger.again(run, "late", NOW) is not None
    assert ledger.again(run, "late", NOW) is None
    second = ledger.claim(NOW, LEASE_S)
    assert (second.revision, second.reason) == (2, "late")
    assert [own.revision for own in ledger.runs(agency="health")] == [2, 1]
    assert ledger.plan([due()]) == 0


def test_one_process_leads_until_its_lease_runs_out_or_it_stands_down(ledger, engine):
    if engine.dialect.name == "postgresql":
        pytest.skip("there a lock decides, which no clock frees")
    other = RunQueue(engine, "b")
    assert ledger.lead(NOW, LEASE_S)
    assert not other.lead(later(1), LEASE_S)
    assert ledger.lead(later(30), LEASE_S)
    assert not other.lead(later(80), LEASE_S)
    assert other.lead(later(91), LEASE_S)
    assert not ledger.lead(later(92), LEASE_S)
    other.stand_down()
    assert ledger.lead(later(93), LEASE_S)


def test_a_lead_and_a_run_that_a_wrong_clock_leased_for_years_are_taken_over(ledger, engine):
    """The lease of another process with a right clock stays its own, though the two clocks differ by minutes."""
    other, ahead = RunQueue(engine, "b"), NOW + dt.timedelta(days=4 * 365)
    ledger.plan([due("2026-11-23")])
    if engine.dialect.name != "postgresql":  # there a lock decides
        assert ledger.lead(later(5 * LEASE_S), LEASE_S)
        assert not other.lead(NOW, LEASE_S)
        assert ledger.lead(ahead, LEASE_S)
        assert other.lead(NOW, LEASE_S)
        assert not ledger.lead(NOW, LEASE_S)
    assert ledger.claim(ahead, LEASE_S) is not None
    taken = other.claim(NOW, LEASE_S)
    assert (taken.owner, taken.tries) == ("b", 2)
    assert ledger.claim(NOW, LEASE_S) is None


@pytest.mark.postgres
def test_a_leader_keeps_no_process_from_starting_whose_ledger_lies_in_the_same_database(state, engine):
    """Each has a lock of its own: one of two that shared a number would wait for the other for ever."""
    if engine.dialect.name != "postgresql":
        pytest.skip("locks of PostgreSQL")
    leader, energy = RunQueue(engine, "a"), SqlLedger(create_engine(state.url.get_secret_value()))
    assert leader.lead(NOW, LEASE_S)
    with ThreadPoolExecutor(1) as starting:
        starting.submit(energy.prepare).result(timeout=30)
        starting.submit(lambda: open_state(state).dispose()).result(timeout=30)
    energy.close()
    leader.stand_down()


LEADS = """
import sys, datetime as dt
from pydantic import SecretStr
from bkkenergy.settings import StateSettings
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.runs import RunQueue
ledger = RunQueue(open_state(StateSettings(url=SecretStr(sys.argv[1]))), "killed")
print(ledger.lead(dt.datetime.now(dt.UTC), 1.0), flush=True)
sys.stdin.read()
"""


@pytest.mark.postgres
def test_on_postgresql_a_killed_leader_is_followed_at_once(state, engine):
    """The lock goes with the session: no lease has to run out, and no clock has to agree with another."""
    if engine.dialect.name != "postgresql":
        pytest.skip("a lease decides there")
    own, other = RunQueue(engine, "b"), RunQueue(engine, "c")
    command = [sys.executable, "-c", LEADS, state.url.get_secret_value()]
    leader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert leader.stdout.readline() == "True\n"
        assert not own.lead(later(10**6), LEASE_S)
        leader.kill()
        leader.wait()
        until_s = time.monotonic() + 10
        while not own.lead(NOW, LEASE_S):
            assert time.monotonic() < until_s
            time.sleep(0.01)
    finally:
        leader.kill()
        leader.communicate()
    assert own.lead(NOW, LEASE_S)
    assert not other.lead(later(10**6), LEASE_S)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
    assert not own.lead(NOW, LEASE_S)  # the connection was cut: the lead is lost, and known to be
    assert other.lead(NOW, LEASE_S)
    other.stand_down()
    assert own.lead(NOW, LEASE_S)
    own.stand_down()


SAID = OutboxMessage(subject="ไทย", text="ข้อความ", attachments=("a.pdf", "ข.pdf"), data={"kind": "report"})


def test_a_message_that_an_earlier_version_has_stored_is_read(engine):
    """It left out what it did not need."""
    with transaction(engine) as connection:
        post(connection, key="k1", channel="mail", recipient="a@b.c", message=SAID, now=NOW)
        connection.execute(update(outbox).values(message={"subject": "ไทย", "text": "x", "data": {"kind": "alerts"}}))
    (read,) = messages(engine)
    assert read.message == OutboxMessage(subject="ไทย", text="x", data={"kind": "alerts"})


def test_messages_wait_are_sent_or_given_up_and_are_posted_once(engine):
    for _ in range(2):
        with transaction(engine) as connection:
            for key in ("k1", "k2"):
                post(connection, key=key, channel="mail", recipient="a@b.c", message=SAID, now=NOW)
    first, second = claim(engine, NOW, LEASE_S), claim(engine, NOW, LEASE_S)
    assert (first.key, first.message) == ("k1", SAID)
    assert claim(engine, NOW, LEASE_S) is None, "both are being sent"
    sent(engine, first, later(1))
    not_sent(engine, second, "away", retry_at=later(60))
    assert not has_due(engine, later(59))
    again = claim(engine, later(60), LEASE_S)
    assert (again.key, again.tries, again.error) == ("k2", 1, "away")
    not_sent(engine, again, "gone", retry_at=None)
    assert claim(engine, later(10**6), LEASE_S) is None
    assert [(own.key, own.state) for own in messages(engine)] == [("k2", "failed"), ("k1", "sent")]


def test_a_message_is_sent_by_one_process_and_by_another_when_that_one_has_died(engine):
    with transaction(engine) as connection:
        for number in range(40):
            post(connection, key=f"k{number:02d}", channel="mail", recipient="a@b.c", message=SAID, now=NOW)

    def take(_):
        return list(iter(lambda: claim(engine, NOW, LEASE_S), None))

    with ThreadPoolExecutor(4) as workers:
        taken = [own.key for some in workers.map(take, range(4)) for own in some]
    assert sorted(taken) == [f"k{number:02d}" for number in range(40)]
    assert claim(engine, later(LEASE_S - 1), LEASE_S) is None
    assert claim(engine, later(LEASE_S), LEASE_S).key == "k00"


def alarm(key, kind="meter_silent", agency="health"):
    return Alarm(key=key, kind=kind, agency=agency, building=f"{agency}.one", figures={"last_seen_us": 1})


def test_alerts_open_once_close_when_over_and_are_told_once(engine):
    kinds = {"meter_silent", "near_peak"}
    assert reconcile(engine, [alarm("a"), alarm("b")], NOW, kinds=kinds) == 2
    assert reconcile(engine, [alarm("f", "finding")], NOW, kinds={"finding"}) == 1
    assert reconcile(engine, [alarm("a")], later(1), kinds=kinds) == 0
    assert [own.key for own in open_alerts(engine)] == ["a", "f"]
    assert reconcile(engine, [alarm("a"), alarm("b")], later(2), kinds=kinds) == 0, "told once, though it came back"
    assert [own.key for own in unsent_alerts(engine)] == ["a", "f"]
    assert last_sent_us(engine) is None
    alarms = unsent_alerts(engine)
    with transaction(engine) as connection:
        mark_sent(connection, alarms, later(3))
    assert unsent_alerts(engine) == []
    assert last_sent_us(engine) == int(later(3).timestamp() * 1e6)


def test_findings_of_one_agency_close_without_touching_anothers(engine):
    reconcile(engine, [alarm("x", "finding", "health")], NOW, kinds={"finding"}, agency="health")
    reconcile(engine, [], NOW, kinds={"finding"}, agency="education")
    assert [own.key for own in open_alerts(engine)] == ["x"]
    reconcile(engine, [], NOW, kinds={"finding"}, agency="health")
    assert open_alerts(engine) == []


PROJECT = Project(
    id="led-one", agency="health", building="health.one", kind="led", name_th="หลอด", name_en="LED", due_year_be=2570
)


def test_who_reads_keeps_nobody_from_writing(engine, ledger):
    with reading(engine) as connection:
        before = connection.execute(text("SELECT count(*) FROM run")).scalar()
        ledger.plan([due()])
        assert connection.execute(text("SELECT 1")).scalar() == 1
    assert (before, len(ledger.runs())) == (0, 1)


def test_projects_are_kept_with_every_step(engine):
    save_projects(engine, [PROJECT], NOW)
    day = dt.date(2026, 11, 30)
    own = move_project(engine, server_actor("cli:root"), "led-one", "proposed", day, "see file", later(1), by="Somchai")
    assert own == project_of(engine, "led-one")
    save_projects(engine, [own.model_copy(update={"budget_thb": 5.0})], later(2))
    assert projects(engine, agency="health")[0].budget_thb == 5.0
    assert projects(engine, agency="education") == []
    assert [(step.state, step.by) for step in steps_of(engine, "led-one")] == [
        ("surveyed", ""),
        ("proposed", "Somchai"),
    ]


SOMCHAI = replace(server_actor("somchai"), address="192.0.2.7")


PLACES = Portfolio(
    agencies={},
    calendars={},
    buildings={
        f"health.{name}": Building.model_construct(id=f"health.{name}", agency="health")
        for name in ("one", "two", *range(4))
    },
)
"""Buildings of an agency."""


def finding(building="health.one", rule="night_spread", cost_thb=900.0):
    return Finding(building, rule, "notice", dt.date(2026, 10, 1), 200.0, cost_thb, {})


def at_once(work, inputs):
    """What each of some calls returned or raised, all begun at one moment in threads of their own."""
    begin = threading.Barrier(len(inputs))

    def call(given):
        begin.wait(30)
        return work(given)

    with ThreadPoolExecutor(len(inputs)) as threads:
        futures = [threads.submit(call, given) for given in inputs]
    return [future.exception() or future.result() for future in futures]


def test_a_move_stands_in_the_audit_log_with_who_did_it_and_who_says_so(engine):
    save_projects(engine, [PROJECT], NOW)
    day = dt.date(2026, 11, 30)
    move_project(engine, SOMCHAI, "led-one", "proposed", day, "ok", later(1))
    move_project(engine, server_actor("cli:root"), "led-one", "endorsed", day, "", later(2), by="Somsri")
    said = [
        (line["actor"], line["address"], line["action"], line["target"], line["detail"]) for line in audit_lines(engine)
    ]
    assert said == [
        ("cli:root", "", "plan_move", "led-one", {"before": "proposed", "state": "endorsed", "on": "2026-11-30", "by": "Somsri", "note": ""}),
        ("somchai", "192.0.2.7", "plan_move", "led-one", {"before": "surveyed", "state": "proposed", "on": "2026-11-30", "by": "somchai", "note": "ok"}),
    ]  # fmt: skip
    assert [step.by for step in steps_of(engine, "led-one")] == ["", "somchai", "Somsri"]


@pytest.mark.parametrize("text_given", ["a\x00b", "\ud800", "ก" * 2001])
def test_a_project_s_text_that_cannot_be_stored_is_refused_and_so_is_a_note(engine, text_given):
    save_projects(engine, [PROJECT], NOW)
    with pytest.raises(ConfigError, match="project led-one.note"):
        enter_projects(engine, SOMCHAI, [PROJECT.model_copy(update={"note": text_given})], NOW)
    with pytest.raises(InputError, match="reason"):
        move_project(engine, SOMCHAI, "led-one", "proposed", NOW.date(), text_given, NOW)
    assert len(steps_of(engine, "led-one")) == 1


def test_a_move_that_the_plan_forbids_leaves_no_trace(engine):
    save_projects(engine, [PROJECT], NOW)
    for name, state, said in (("led-one", "done", "the next state is proposed"), ("led", "proposed", "led-one")):
        with pytest.raises(InputError, match=said):
            move_project(engine, SOMCHAI, name, state, NOW.date(), "", NOW)
    assert project_of(engine, "led-one").state == "surveyed"
    assert len(steps_of(engine, "led-one")) == 1
    assert audit_lines(engine) == []


def test_of_the_same_move_by_several_at_the_same_time_one_is_made(engine):
    save_projects(engine, [PROJECT], NOW)
    actors = [server_actor(f"user-{number}") for number in range(6)]
    done = at_once(lambda own: move_project(engine, own, "led-one", "proposed", NOW.date(), "", NOW), actors)
    (winner,) = [actor.name for actor, own in zip(actors, done, strict=True) if isinstance(own, Project)]
    assert sum(isinstance(own, InputError) and "proposed already" in str(own) for own in done) == len(actors) - 1
    assert [step.by for step in steps_of(engine, "led-one")] == ["", winner]
    assert [line["actor"] for line in audit_lines(engine)] == [winner]


def test_a_move_without_its_audit_line_is_not_made(engine):
    save_projects(engine, [PROJECT], NOW)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE audit"))
    with pytest.raises(StoreUnavailable):
        move_project(engine, SOMCHAI, "led-one", "proposed", NOW.date(), "", NOW)
    assert project_of(engine, "led-one").state == "surveyed"
    assert len(steps_of(engine, "led-one")) == 1


def test_a_dismissal_stays_with_its_stakes_and_stands_in_the_audit_log(engine):
    assert dismissals(engine) == ()
    entered = dismiss(engine, SOMCHAI, PLACES, [finding(), finding(rule="weekend_use")], "night_spread", NOW)
    assert entered == Dismissal("health.one", "night_spread", 900.0)
    assert dismissals(engine) == (entered,)
    (line,) = audit_lines(engine)
    assert (line["actor"], line["address"], line["action"]) == ("somchai", "192.0.2.7", "dismiss")
    assert (line["target"], line["detail"]) == ("health.one", {"rule": "night_spread", "cost_thb_a_month": 900.0})
    assert line["at_us"] == int(NOW.timestamp() * 1e6)


def test_a_finding_that_has_grown_is_dismissed_again_with_its_new_stakes_alone(engine):
    dismiss(engine, SOMCHAI, PLACES, [finding()], "night_spread", NOW)
    dismiss(engine, server_actor("admin"), PLACES, [finding(cost_thb=2000.0)], "night_spread", later(1))
    assert dismissals(engine) == (Dismissal("health.one", "night_spread", 2000.0),)
    with engine.connect() as connection:
        (row,) = connection.execute(dismissal.select())
    assert (row.by, row.at_us) == ("admin", int(later(1).timestamp() * 1e6))
    assert [line["actor"] for line in audit_lines(engine)] == ["admin", "somchai"]


@pytest.mark.parametrize("findings", [[], [finding(rule="weekend_use")], [finding(), finding("health.two")]])
def test_a_rule_without_one_finding_is_refused_and_nothing_is_entered(engine, findings):
    with pytest.raises(InputError, match="night_spread"):
        dismiss(engine, SOMCHAI, PLACES, findings, "night_spread", NOW)
    assert dismissals(engine) == ()
    assert audit_lines(engine) == []


def test_dismissals_at_the_same_time_all_stay(engine):
    """Of different buildings and rules, from threads that begin at one moment; each has its line in the audit log."""
    meant = [(f"health.{number}", rule) for number in range(4) for rule in ("night_spread", "weekend_use")]
    done = at_once(lambda own: dismiss(engine, SOMCHAI, PLACES, [finding(*own)], own[1], NOW), meant)
    assert [(own.building, own.rule) for own in done] == meant
    assert [(own.building, own.rule) for own in dismissals(engine)] == sorted(meant)
    assert len(audit_lines(engine)) == len(meant)


def test_one_finding_dismissed_by_several_at_the_same_time_is_one_dismissal(engine):
    costs = [1000.0 + number for number in range(8)]
    done = at_once(lambda cost: dismiss(engine, SOMCHAI, PLACES, [finding(cost_thb=cost)], "night_spread", NOW), costs)
    assert [own.cost_thb_a_month for own in done] == costs
    (own,) = dismissals(engine)
    assert own.cost_thb_a_month in costs
    assert len(audit_lines(engine)) == len(costs)


def test_a_dismissal_without_its_audit_line_is_not_entered(engine):
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE audit"))
    with pytest.raises(StoreUnavailable):
        dismiss(engine, SOMCHAI, PLACES, [finding()], "night_spread", NOW)
    assert dismissals(engine) == ()


def test_a_database_that_does_not_answer_is_told_without_its_password():
    url = SecretStr("postgresql+psycopg://bkk:s3cret@127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(StoreUnavailable) as caught:
        open_state(StateSettings(url=url))
    assert "127.0.0.1:1" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.postgres
def test_a_host_that_is_cut_off_is_given_up_by_the_server_within_half_a_minute(postgres):
    """What it had locked is free then, the lead too; Linux by itself would wait for two hours."""
    state = open_state(StateSettings(url=postgresql_database(postgres.port)))
    with state.connect() as connection:
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        idle_s, every_s, count, sent_within = (connection.execute(text(f"SHOW {name}")).scalar() for name in names)
    state.dispose()
    assert int(idle_s) + int(every_s) * int(count) == 30
    assert sent_within in {"30s", "30000"}


def test_a_url_that_means_nothing_is_told_with_what_to_write():
    with pytest.raises(ConfigError, match="BKKENERGY_STATE_URL.*postgresql"):
        open_state(StateSettings(url=SecretStr("oracle:whatever")))


def test_a_state_is_known_again_and_told_from_every_other(engine, state, tmp_path):
    again, other = open_state(state), open_state(StateSettings(path=tmp_path / "other.sqlite"))
    assert identity_of(again) == identity_of(engine) != identity_of(other)
    again.dispose()
    other.dispose()
