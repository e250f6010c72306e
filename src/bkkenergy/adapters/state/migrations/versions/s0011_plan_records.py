"""Projects of the plan become records with revisions: each step that was entered is one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

PROJECT = sa.table("project", sa.column("id"), sa.column("entry", sa.JSON), sa.column("state"), sa.column("changed_us"))
STEP = sa.table(
    "project_step", *(sa.column(name) for name in ("id", "project_id", "state", "day", "by", "note", "at_us"))
)
REVISION = sa.table("plan_revision", *(sa.column(name) for name in ("number", "at_us", "actor", "said_by", "why")))
ENTRY = sa.table(
    "plan_entry",
    *(sa.column(name) for name in ("revision", "kind", "key", "valid_from")),
    sa.column("body", sa.JSON(none_as_null=True)),
)
UNKNOWN_ACTOR = ""


def upgrade() -> None:
    """Create the plan's tables, enter in them what the former ones say, and remove these."""
    op.create_table(
        "plan_revision",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("said_by", sa.String(length=128), nullable=False, server_default=""),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["undoes"], ["plan_revision.number"], name=op.f("fk_plan_revision_undoes")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_plan_revision")),
    )
    op.create_table(
        "plan_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=False),
        sa.Column("valid_to", sa.String(length=10), nullable=True),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["revision"], ["plan_revision.number"], name=op.f("fk_plan_entry_revision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_entry")),
        sa.UniqueConstraint("kind", "key", "valid_from", "revision", name=op.f("uq_plan_entry_kind")),
    )
    with op.batch_alter_table("plan_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_entry_revision"), ["revision"], unique=False)
    _move(op.get_bind())
    with op.batch_alter_table("project_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_project_step_project_id"))
    op.drop_table("project_step")
    op.drop_table("project")


def _move(connection: sa.Connection) -> None:
    """Enter each step as a revision: the project as it is now, in the state and from the day of the step."""
    projects = {row.id: row for row in connection.execute(sa.select(PROJECT))}
    steps: list[Mapping[Any, Any]] = [*connection.execute(sa.select(STEP).order_by(STEP.c.at_us, STEP.c.id)).mappings()]
    without = projects.keys() - {step["project_id"] for step in steps}
    steps += [_only_step(projects[name]) for name in sorted(without)]
    days: dict[str, set[str]] = {}
    for number, step in enumerate(sorted(steps, key=lambda step: step["at_us"]), 1):
        head = {
            "number": number,
            "at_us": step["at_us"],
            "actor": UNKNOWN_ACTOR,
            "said_by": step["by"],
            "why": step["note"],
        }
        connection.execute(REVISION.insert().values(head))
        name, day = step["project_id"], step["day"]
        body = dict(projects[name].entry) | {"state": step["state"]}
        body["done_on"] = (body.get("done_on") or day) if step["state"] == "done" else None
        later = sorted(known for known in days.setdefault(name, set()) if known > day)
        days[name] = {known for known in days[name] if known <= day} | {day}
        where = {"revision": number, "kind": "project", "key": name}
        connection.execute(ENTRY.insert().values(where | {"valid_from": day, "body": body}))
        for known in later:  # what was said of later days is overtaken
            connection.execute(ENTRY.insert().values(where | {"valid_from": known, "body": None}))


def _only_step(project: sa.Row[Any]) -> Mapping[Any, Any]:
    """Return the step of a project that has none."""
    day = dt.datetime.fromtimestamp(project.changed_us / 1e6, dt.UTC).date().isoformat()
    return {
        "project_id": project.id,
        "state": project.state,
        "day": day,
        "by": "",
        "note": "",
        "at_us": project.changed_us,
    }


def downgrade() -> None:
    """And back: each project as it is by its last revision, and its steps."""
    op.create_table(
        "project",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
    )
    op.create_table(
        "project_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_step_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_step")),
    )
    with op.batch_alter_table("project_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_project_step_project_id"), ["project_id"], unique=False)
    _move_back(op.get_bind())
    with op.batch_alter_table("plan_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plan_entry_revision"))
    op.drop_table("plan_entry")
    op.drop_table("plan_revision")


def _move_back(connection: sa.Connection) -> None:
    columns = (REVISION.c.at_us, REVISION.c.actor, REVISION.c.said_by, REVISION.c.why)
    query = (
        sa.select(ENTRY.c.key, ENTRY.c.valid_from, ENTRY.c.body, *columns)
        .join(REVISION, REVISION.c.number == ENTRY.c.revision)
        .where(ENTRY.c.body.is_not(None))
        .order_by(ENTRY.c.revision)
    )
    states: dict[str, str] = {}
    for row in connection.execute(query):
        values = {"entry": row.body, "state": row.body["state"], "changed_us": row.at_us}
        if row.key in states:
            connection.execute(PROJECT.update().where(PROJECT.c.id == row.key).values(values))
        else:
            connection.execute(PROJECT.insert().values(values | {"id": row.key}))
        if states.get(row.key) != row.body["state"]:
            step = {"project_id": row.key, "state": row.body["state"], "day": row.valid_from, "note": row.why}
            connection.execute(STEP.insert().values(step | {"by": row.said_by or row.actor, "at_us": row.at_us}))
        states[row.key] = row.body["state"]
