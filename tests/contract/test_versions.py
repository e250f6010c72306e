"""Two versions on one state: which programs may go on when a newer one has brought the tables up, on both databases."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text

from bkkenergy.adapters.engines import make_engine
from bkkenergy.adapters.ledger import schema
from bkkenergy.adapters.ledger.sql import SqlLedger
from bkkenergy.adapters.state import HEAD, hold_version, open_state, versions
from bkkenergy.adapters.state.runs import Due, RunQueue
from bkkenergy.adapters.state.versions import MIGRATIONS, OLDEST
from bkkenergy.calendar import Period
from bkkenergy.ports.readings import NewerTables
from tests.newer import EXPANDING, NEXT, plant_migration
from tests.sites import postgresql_database

NOW = dt.datetime(2026, 11, 24, 0, 30, tzinfo=dt.UTC)
CONTRACTING = {
    "run: figures is gone": 'table.drop_column("figures")',
    "run: color has to be written": 'table.add_column(sa.Column("color", sa.String(8), nullable=False))',
    "run: tries is another column": 'table.alter_column("tries", type_=sa.String(8), existing_type=sa.Integer())',
    "run: error is another column": 'table.alter_column("error", nullable=True, existing_type=sa.Text())',
    "run: another rule of what may be in it": 'table.create_unique_constraint("uq_run_due", ["due_us"])',
}


@contextmanager
def newer_program(folder, *, oldest=OLDEST, changes=EXPANDING):
    """What this process opens meanwhile, it opens as the next version does, with one migration more."""
    with (
        patch.object(versions, "MIGRATIONS", str(plant_migration(folder / "newer", changes))),
        patch.object(versions, "HEAD", NEXT),
        patch.object(versions, "OLDEST", oldest),
    ):
        yield


def upgraded_by_newer(folder, settings, **given):
    with newer_program(folder, **given):
        open_state(settings).dispose()


def number_of(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def test_where_a_newer_version_only_adds_this_one_goes_on_and_starts_again(tmp_path, settings_of_state):
    running = open_state(settings_of_state)
    queue = RunQueue(running, "a")
    upgraded_by_newer(tmp_path, settings_of_state)
    assert hold_version(running) == NEXT
    queue.plan([Due(agency="health", period=Period.day(NOW.date()), due_at=NOW)])
    again = open_state(settings_of_state)
    other = RunQueue(again, "b")
    other.finish(other.claim(NOW, 60.0), NOW, artefacts=[], figures={"": [1.5, 1.0]}, publish=lambda _: None)
    with again.connect() as connection:
        assert connection.execute(text("SELECT state, of_next FROM run")).all() == [("done", "so")]
    assert number_of(again) == NEXT, "and takes nothing back"
    for engine in (running, again):
        engine.dispose()


def test_where_a_newer_version_takes_something_away_this_one_is_refused_also_while_it_runs(tmp_path, settings_of_state):
    running = open_state(settings_of_state)
    upgraded_by_newer(tmp_path, settings_of_state, oldest=NEXT, changes=CONTRACTING["run: figures is gone"])
    with pytest.raises(NewerTables, match=NEXT):
        hold_version(running)
    with pytest.raises(NewerTables, match=f"{NEXT}.*{HEAD}"):
        open_state(settings_of_state)
    running.dispose()


@pytest.mark.parametrize("oldest", [OLDEST, NEXT])
def test_of_two_versions_that_bring_the_tables_up_at_once_the_older_one_finds_the_newer_s(
    tmp_path, empty_state, oldest
):
    """It has seen old tables and waits for the lock; what it finds then, its migrations do not know."""
    url = empty_state.url.get_secret_value() if empty_state.url else f"sqlite:///{empty_state.path}"
    migrate("0020", MIGRATIONS, url)
    older = make_engine(url)
    assert versions.is_older(hold_version(older))
    upgraded_by_newer(tmp_path, empty_state, oldest=oldest)
    if oldest == NEXT:
        with pytest.raises(NewerTables, match=f"{NEXT}.*{HEAD}"):
            versions.upgrade(older)
    else:
        versions.upgrade(older)
    assert number_of(older) == NEXT
    older.dispose()


def migrate(revision, location, url):
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(location))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def tables_at(revision, location, url):
    """What a database has at a revision: types, and what may be left out, of each column; and the rules of each table."""
    migrate(revision, location, url)
    engine = create_engine(url)
    with engine.connect() as connection:
        inspector = inspect(connection)
        found = {
            name: (
                {own["name"]: own for own in inspector.get_columns(name)},
                [
                    inspector.get_pk_constraint(name)["constrained_columns"],
                    sorted(own["column_names"] for own in inspector.get_unique_constraints(name)),
                    sorted(own["column_names"] for own in inspector.get_indexes(name) if own["unique"]),
                    sorted(own["constrained_columns"] for own in inspector.get_foreign_keys(name)),
                    sorted(own["sqltext"] for own in inspector.get_check_constraints(name)),
                ],
            )
            for name in inspector.get_table_names()
        }
    engine.dispose()
    return found


def breaking(before, after):
    """What a program that knows the tables `before` cannot live with."""
    for table, (columns, rules) in before.items():
        if table not in after:
            yield f"{table} is gone"
            continue
        columns_after, rules_after = after[table]
        if rules != rules_after:
            yield f"{table}: another rule of what may be in it"
        for name, own in columns.items():
            if name not in columns_after:
                yield f"{table}: {name} is gone"
            elif any(str(own[key]) != str(columns_after[name][key]) for key in ("type", "nullable")):
                yield f"{table}: {name} is another column"
        for name in columns_after.keys() - columns.keys():
            if not columns_after[name]["nullable"] and columns_after[name]["default"] is None:
                yield f"{table}: {name} has to be written"


@pytest.fixture(scope="module")
def at_head(tmp_path_factory):
    """A file with this version's tables, and what they are."""
    file = tmp_path_factory.mktemp("tables") / "head"
    return file, tables_at("head", MIGRATIONS, f"sqlite:///{file}")


def test_programs_that_are_promised_to_go_on_find_all_that_they_know(tmp_path, at_head):
    assert list(breaking(tables_at(OLDEST, MIGRATIONS, f"sqlite:///{tmp_path / 'oldest'}"), at_head[1])) == []


@pytest.mark.parametrize(("said", "changes"), [*CONTRACTING.items(), (None, EXPANDING)])
def test_what_such_a_program_cannot_live_with_is_seen(tmp_path, at_head, said, changes):
    file, head = at_head
    shutil.copy(file, tmp_path / "next")
    after = tables_at("head", plant_migration(tmp_path / "newer", changes), f"sqlite:///{tmp_path / 'next'}")
    assert list(breaking(head, after)) == ([said] if said else [])


@pytest.mark.postgres
def test_tables_of_a_newer_ledger_say_which_programs_may_go_on(postgres):
    ledger = SqlLedger(make_engine(postgresql_database(postgres.port).get_secret_value()))
    ledger.prepare()
    steps = {**schema.STEPS, schema.HEAD + 1: lambda connection: None}
    with patch.multiple(schema, STEPS=steps, HEAD=schema.HEAD + 1):
        ledger.prepare()
    ledger.prepare()
    with patch.multiple(schema, STEPS=steps, HEAD=schema.HEAD + 1, OLDEST=schema.HEAD + 1):
        other = SqlLedger(make_engine(postgresql_database(postgres.port).get_secret_value()))
        other.prepare()
    with pytest.raises(NewerTables, match=str(schema.HEAD + 1)):
        other.prepare()
    for own in (ledger, other):
        own.close()
