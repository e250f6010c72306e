"""Every use case as every role of every scope, by its effects: each row of each table of the state before and after.

The matrix is made from the register of use cases, so that a use case without a stated power, or without a way to
perform it here, fails.
"""

from __future__ import annotations

import ast
import datetime as dt
import functools
import io
import itertools
import json
import shutil
import sqlite3
import tempfile
from collections import deque
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path

import numpy as np
import pyotp
import pytest
from argon2 import PasswordHasher
from PIL import Image
from sqlalchemy import insert, select, update

import bkkenergy
from bkkenergy.access import ROLES, TOKEN_SCOPES, Account, Actor, server_actor
from bkkenergy.adapters.state import open_state, reading, transaction
from bkkenergy.adapters.state.auditlog import LinesAsked, audit_lines
from bkkenergy.adapters.state.baselines import Fitted, save_baseline
from bkkenergy.adapters.state.owndelivery import OwnDelivery, save_delivery
from bkkenergy.adapters.state.projects import projects
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.state.runs import RunQueue
from bkkenergy.adapters.state.standings import set_standing, signature
from bkkenergy.adapters.state.tables import metadata
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import PasswordHash, add_user
from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.errors import BkkEnergyError, InputError, NotAllowed, NotThere
from bkkenergy.ingest import sent
from bkkenergy.ingest.ask import replay_quarantined, store_mapping
from bkkenergy.ingest.sheets import FileMapping
from bkkenergy.metering.sources import IntervalSeries
from bkkenergy.plan import Project
from bkkenergy.portfolio import portfolio_on
from bkkenergy.portfolio.edits import Amend, Put
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.papers.memodocx import standard_template
from bkkenergy.savings.baseline import fit_baseline
from bkkenergy.savings.facts import Finding
from bkkenergy.site.figures import load_figures
from bkkenergy.site.ft_file import FtRow
from bkkenergy.site.record_kinds import SITE_KINDS
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.tariff.paper import PaperBill
from bkkenergy.usecases import (
    accountlinks,
    auditing,
    baselines,
    beginrecords,
    changeorpropose,
    commissioning,
    devices,
    dismissals,
    edits,
    ereport,
    events,
    explore,
    figures,
    find,
    findingwork,
    notes,
    ownaccount,
    owndelivery,
    paperbills,
    passkeys,
    people,
    personaldata,
    photos,
    plan,
    plandocuments,
    portfolio,
    portfolio_view,
    proposals,
    reruns,
    scenarios,
    server,
    standings,
    stationery,
    weatherfiles,
)
from bkkenergy.usecases.backup import back_up
from bkkenergy.usecases.findingwork import AskedWork
from bkkenergy.usecases.imports import Overlap
from bkkenergy.usecases.powers import USE_CASES, use_case
from bkkenergy.usecases.purge import Planned
from bkkenergy.usecases.storedreadings import preview_readings
from tests.conftest import ROOT
from tests.softkey import SoftKey
from tests.unit.adapters.test_weather import write_epw
from tests.unit.savings.generated import building
from tests.web import PASSWORD, make_app, make_site

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
OWN, OTHERS = "health", "education"
BUILDING = {OWN: "health.centre-1", OTHERS: "education.headquarters"}
METER = "health.centre-1.main"
NUMBERS = itertools.count()
STORED = PasswordHash.of(PASSWORD)
NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
REACHES = {"own": (OWN,), "others": (OTHERS,), "both": (OWN, OTHERS), "all": ("all",), "nothing": ()}


class Undone(Exception):
    """Ends a transaction without a trace."""


@contextmanager
def undone(site):
    """A transaction of which nothing stays."""
    with suppress(Undone), transaction(site.state) as connection:
        yield connection
        raise Undone


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    opened = make_app(make_site(tmp_path_factory.mktemp("powers"))).state.here.opened
    for agency in (OWN, OTHERS):
        add_user(opened.state, f"person-{agency}", PASSWORD, "viewer", [agency], NOW)
        add_token(opened.state, user_id(opened, f"person-{agency}"), f"token of {agency}", "read", NOW, days=90)
    add_user(opened.state, "person-of-both", PASSWORD, "viewer", [OWN, OTHERS], NOW)
    root, state = server_actor("cli:root"), records_in(opened)
    portfolio.replace_all(state, root, opened.portfolio.records, why="first import", now=NOW)
    for agency, building_id in BUILDING.items():
        plan.enter_projects(opened.state, root, [project(agency, id=f"own-{agency}")], NOW)
        plandocuments.draft_document(opened.state, root, agency, {"en": {"title": "Plan"}}, 1, NOW, why="a version")
        portfolio.change(
            state,
            root,
            [Amend("building", building_id, {"name_en": f"House of {agency}"})],
            why="renamed",
            from_day=None,
            expected_revision=None,
            now=NOW,
        )
        proposals.propose(
            state, root, [Amend("building", building_id, {"name_en": "Hall"})], why="nicer", from_day=None, now=NOW
        )
        save_baseline(opened.state, fitted_of(agency, 1), NOW)
    number = {OWN: "111111111", OTHERS: "222222222"}
    for agency, name in BUILDING.items():
        findingwork.enter_work(
            opened.state, root, opened.portfolio, name, "night_use", AskedWork("assigned", "nok"), [finding(name)], NOW
        )
        notes.write_note(
            opened.state, root, opened.portfolio, name, NOW - dt.timedelta(days=3), NOW, "chiller broken", NOW
        )
        photos.store_photo(opened.state, root, opened.portfolio.buildings[name], None, picture("blue"), NOW)
        weatherfiles.store_weather(
            opened.state, root, opened.portfolio.buildings[name], opened.solar.climate, "old.epw", a_weather(2.0), NOW
        )
        signed_meter(opened, root, agency)
        account = {
            "id": f"account-{agency}",
            "utility": "mea",
            "number": number[agency],
            "schedule": "mea-2-2-lv",
            "buildings": [name],
        }
        edit = Put("account", account)
        portfolio.change(state, root, [edit], why="its bills", from_day=None, expected_revision=None, now=NOW)
        bills = [paper_bill(9)]
        paperbills.enter_bills(
            opened.state,
            root,
            present(opened),
            account["id"],
            bills,
            source="a.csv",
            replaces=False,
            now=NOW,
        )
    return opened


@functools.cache
def a_weather(rain_mm=1.0):
    """The typical year as an EPW; another one by another rain in its last hour."""
    weather = typical_year(load_solar(ROOT / "config").climate)
    rain = weather.rain_mm.copy()
    rain[-1] = rain_mm
    with tempfile.TemporaryDirectory() as folder:
        write_epw(Path(folder) / "w.epw", replace(weather, rain_mm=rain))
        return (Path(folder) / "w.epw").read_bytes()


@functools.cache
def a_template():
    return standard_template("en")


def picture(colour):
    """A photo, as small as one may be."""
    written = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(written, "PNG")
    return written.getvalue()


def signed_meter(site, actor, agency):
    building = site.portfolio.buildings[BUILDING[agency]]
    return commissioning.sign_commissioning(
        site.state, actor, building, building.meters[0], [], name="Somchai", note="", now=NOW
    )


def paper_bill(month):
    return PaperBill(first=dt.date(2026, month, 1), last=dt.date(2026, month, 28), energy_kwh=1000.0)


def present(site):
    """The portfolio as its records have it now."""
    return portfolio_on(records_in(site).records(), NOW.date())


def records_in(site):
    return portfolio.portfolio_state(site.config, site.state)


def note_of(site, agency):
    """The number of a note on an agency's building."""
    return one(site, "day_note", agency=agency)["id"]


def proposal_of(site, agency):
    """The number of what was proposed of an agency's building."""
    with reading(site.state) as connection:
        found = connection.execute(select(metadata.tables["proposal"])).mappings()
        return next(row["id"] for row in found if row["agencies"] == [agency])


decoded = {table.name: deque(maxlen=3) for table in metadata.sorted_tables}
"""Of each table its last rows as the database had them, and what they say: most are as before a change, or as after it."""


TABLES = metadata.sorted_tables


def tables(connection):
    """Every row of every table of the state, by table; a table that is as it was when it was last read is the same object."""
    return [rows_of(connection, table) for table in TABLES]


def rows(connection):
    """The same by table and primary key."""
    return joined(tables(connection))


def joined(parts):
    return {place: row for part in parts for place, row in part.items()}


def rows_of(connection, table):
    """All rows of a table. They are read each time, and decoded where they are others than before."""
    plain = (
        connection.connection.driver_connection
    )  # tens of thousands of looks, of which nearly all are compared alone
    stored = plain.execute(f'SELECT * FROM "{table.name}" ORDER BY rowid').fetchall()
    for known, rows_by_key in decoded[table.name]:
        if known == stored:
            return rows_by_key
    found = connection.execute(select(table)).mappings()
    rows_by_key = {(table.name, *(row[column.name] for column in table.primary_key)): dict(row) for row in found}
    decoded[table.name].append((stored, rows_by_key))
    return rows_by_key


def written_count(connection):
    """How many rows SQLite wrote by this connection: while it is the same, no row of the transaction is another."""
    return connection.connection.driver_connection.total_changes


def tables_now(site):
    with reading(site.state) as connection:
        return tables(connection)


onlookers, looked = {}, {}


def version_of(path):
    """SQLite's number of what others have committed to a file, by a connection that does nothing else; and the file's own."""
    file = path, path.stat().st_ino
    if file not in onlookers:
        onlookers[file] = sqlite3.connect(path)
    return file, onlookers[file].execute("PRAGMA data_version").fetchone()[0]


def as_committed(path, look):
    """What a look at a file's rows gives; looked at again where anybody has committed since, of some ten thousand times."""
    version = version_of(path)
    if looked.get(path, (None, None))[0] != version:
        looked[path] = version, look()
    return looked[path][1]


def outside(site):
    """What the site has beside its state, in the one file of readings and ledger; and its other files."""
    return as_committed(site.settings.store.path, lambda: in_the_store(site)), set(home_of(site).glob("*"))


def in_the_store(site):
    """Batches, who agreed to purges, and the newest readings."""
    with closing(sqlite3.connect(site.settings.store.path)) as ledger:
        batches = ledger.execute("SELECT * FROM ledger_batch ORDER BY id").fetchall()
    return (
        batches,
        site.ledger.purges.agreed(),
        site.readings.last_seen_us([METER]),
        site.readings.first_seen_us([METER]),
    )


def one(site, table, **values):
    """A row of a table."""
    with reading(site.state) as connection:
        found = connection.execute(select(metadata.tables[table])).mappings()
        return next(row for row in found if all(row[name] == value for name, value in values.items()))


def user_id(site, name):
    return one(site, "user_account", name=name)["id"]


def owners(site, before, after, place):  # noqa: C901, PLR0911 - one a table
    """The agencies that a row is of; a table that is missing here fails, so that each new one has to say."""
    row = after.get(place) or before[place]
    match place[0]:
        case "run" | "scenario" | "agency_month" | "plan_document" | "weather_file" | "stationery":
            return {row["agency"]}
        case "day_note" | "finding_entry" | "photo" | "commissioning":
            return {row["agency"]}
        case "paper_bill":
            return {row["account"].removeprefix("account-")}
        case "dismissal" | "baseline" | "project_baseline":
            return {site.portfolio.buildings[row["building"]].agency}
        case "quarantine":
            return {row["topic"].removeprefix("http/").partition(".")[0]}
        case "portfolio_entry":
            return {row["key"].partition(".")[0]}
        case "portfolio_revision":
            entries = (
                own for key, own in after.items() if key[0] == "portfolio_entry" and own["revision"] == row["number"]
            )
            return {own["key"].partition(".")[0] for own in entries}
        case "proposal":
            return set(row["agencies"])
        case "plan_entry":
            return {row["body"]["agency"]} if row["body"] else plan_owners(before, after, row["key"])
        case "plan_revision":
            entries = (own for key, own in after.items() if key[0] == "plan_entry" and own["revision"] == row["number"])
            return {agency for own in entries for agency in plan_owners(before, after, own["key"])}
        case "user_account":
            return set(row["agencies"])
        case "token" | "session" | "account_link" | "passkey" | "known_device" | "second_factor" | "recovery_code":
            return set(
                (after.get(("user_account", row["user_id"])) or before["user_account", row["user_id"]])["agencies"]
            )
    raise AssertionError(f"say here to which agency a row of {place[0]} belongs")


def plan_owners(before, after, project_id):
    """The agencies that a project of the plan was ever of."""
    entries = [own for key, own in (before | after).items() if key[0] == "plan_entry" and own["key"] == project_id]
    return {own["body"]["agency"] for own in entries if own["body"]}


def finding(building_id):
    day = dt.date(2026, 11, 20)
    return Finding(building=building_id, rule="night_use", severity="watch", since=day, energy_kwh_a_month=10.0,
                   cost_thb_a_month=50.0, evidence={})  # fmt: skip


def lasting_change(building_id):
    evidence = {"kwh_a_day": 90.0, "half_kwh_a_day": 9.0, "change_ratio": 0.2, "is_share": 0.0}
    return replace(finding(building_id), rule="use_event", evidence=evidence)


def project(agency, **changes):
    return Project(
        id=f"led-{agency}", agency=agency, kind="led", name_th="หลอด", name_en="LED", due_year_be=2570
    ).model_copy(update=changes)


def figure_files(site):
    """The site's figures in a folder of their own: the site's lead to those of the product."""
    folder = home_of(site) / "var/figures"
    if not folder.exists():
        shutil.copytree(site.config.folder / "tariffs", folder / "tariffs")
        shutil.copy(site.config.folder / "factors.toml", folder)
    return figures.FigureFiles(folder, site.state)


def ft_table(site):
    """A period of Ft after all that are entered."""
    known = load_figures(figure_files(site).folder).tariffs.ft
    day = dt.date(2100 + next(NUMBERS), 1, 1)
    return figures.FtTable([FtRow(day, day, 0.1, None, "new")], known, "a test", "S")


def plan_revision_of(site, agency):
    """The number of the revision that entered a project of one agency alone."""
    return one(site, "plan_entry", key=f"own-{agency}")["revision"]


def fitted_of(agency, seed):
    """A baseline of an agency's building, proposed by the scheduler."""
    year = building(seed, first="2023-10-01", last="2024-09-30")
    return Fitted(BUILDING[agency], fit_baseline(year, forms=("daily_calendar",)), "proposed", "first", by="scheduler")


def run_of(site, agency):
    return RunQueue(site.state, "t").runs(agency=agency, state="done")[0].id


def replayed(site, actor, _agency):
    replay_quarantined(site, actor, [], Quarantine.of(site.state, site.settings.ingest))


def home_of(site):
    return site.settings.store.path.parent.parent


def energy_file(site):
    """A day of a meter's energy by a file, from before its first reading."""
    day = timestamp_us(Period.day(site.today - dt.timedelta(days=400)).start)
    return {METER: IntervalSeries(day + 900_000_000 * np.arange(96), 900.0, np.ones(96))}


def reading_import(site, actor, _agency):
    before = timestamp_us(Period.day(site.today - dt.timedelta(days=500)).start)
    batch = ReadingBatch(
        (METER,), np.zeros(2, np.int64), before + np.array([0, 900_000_000]), {"energy_kwh": np.ones(2)}
    )
    seen = preview_readings(site.readings, [batch])
    server.import_readings(site, actor, server.ImportFile("r.csv", "2"), seen, [batch], Overlap.REPLACE)


def person_s_figure(site):
    start_us = timestamp_us(Period.day(site.today - dt.timedelta(days=2)).start)
    return edits.Edit(METER, start_us, start_us + 900_000_000, 1.0, "clamp", "", 0)


def backup_beside(site, actor, _agency):
    target = home_of(site) / f"{next(NUMBERS)}.tar.gz"
    server.back_up(folders(site), actor, target, now=NOW, on_progress=lambda _: None)


def restored_elsewhere(site, actor, _agency):
    """Restore into a folder of its own whose state is this one."""
    home = home_of(site)
    backup, place = home / "var/whole.tar.gz", home / f"elsewhere{next(NUMBERS)}"
    if not backup.exists():
        back_up(site.settings, site.config.folder, backup, now=NOW, on_progress=lambda _: None)
    store = site.settings.store.model_copy(update={"path": place / "store.sqlite"})
    report = site.settings.report.model_copy(update={"folder": place / "reports"})
    state = site.settings.state.model_copy(update={"path": place / "state.sqlite"})
    settings = site.settings.model_copy(update={"store": store, "report": report, "state": state})
    server.restore(server.SiteFolders(settings, site.config.folder), actor, backup, now=NOW, on_progress=lambda _: None)
    ours = open_state(state)
    lines = [line for line in audit_lines(ours) if line["action"] == "restore"]
    ours.dispose()
    assert [(line["actor"], line["target"]) for line in lines] == [(actor.name, "whole.tar.gz")]


def folders(site):
    return server.SiteFolders(site.settings, site.config.folder)


LOCAL = passkeys.RelyingParty("localhost", "http://localhost")


def passkey_added(site, actor, _agency):
    """A new passkey of one's own, by software."""
    asked = passkeys.begin_passkey(site.state, actor, PASSWORD, LOCAL, "session", NOW)
    passkeys.add_passkey(site.state, actor, LOCAL, "session", SoftKey().made(asked), "phone", NOW)


HOW = {
    "imports.intervals": lambda site, actor, _: server.import_intervals(
        site, actor, server.ImportFile("f.csv", "1"), energy_file(site), Overlap.REPLACE),
    "imports.readings": reading_import,
    "imports.undo": lambda site, actor, _: server.undo_import(site, actor, site.ledger.batches()[-1].number),
    "energy.edit": lambda site, actor, _: server.edit_energy(site, actor, person_s_figure(site)),
    "readings.agree": lambda site, actor, _: server.agree_to_purges(site, actor, Planned(NOW.date(), {})),
    "readings.purge": lambda site, actor, _: server.purge_readings(site, actor, today=site.today),
    "readings.migrate": lambda site, actor, _: server.move_readings(
        site.config, actor, server.Move("sqlite", "sqlite", site.settings.store.path.with_name("moved.sqlite")), now=NOW),
    "server.backup": backup_beside,
    "server.restore": restored_elsewhere,
    "users.list": lambda site, actor, _: people.list_users(site.state, actor),
    "users.add": lambda site, actor, agency: people.enter_user(
        site.state, actor, people.NewUser(name="new", password=PASSWORD, role="admin", agencies=(agency,)), NOW),
    "users.change": lambda site, actor, agency: people.alter_user(
        site.state, actor, user_id(site, f"person-{agency}"), {"role": "manager", "disabled": 1}, NOW),
    "users.password": lambda site, actor, agency: people.give_password(
        site.state, actor, user_id(site, f"person-{agency}"), PASSWORD, NOW, must_change=True),
    "account.password": lambda site, actor, _: people.change_own_password(site.state, actor, STORED, NOW, session=""),
    "account.language": lambda site, actor, _: people.change_own_language(site.state, actor, "en"),
    "runs.ask": lambda site, actor, agency: reruns.ask_for_archive(
        site.state, actor, agency, Period.month(2025, 1), NOW),
    "account.delivery": lambda site, actor, _: owndelivery.choose_own_delivery(
        site.state, actor, site.settings, OwnDelivery(channel="mail", address="me@example.com"), NOW),
    "account.monthly": lambda site, actor, agency: owndelivery.want_monthly(site.state, actor, agency, NOW, is_wanted=False),
    "tokens.list": lambda site, actor, _: people.list_tokens(site.state, actor),
    "tokens.add": lambda site, actor, agency: people.enter_token(
        site.state, actor, user_id(site, f"person-{agency}"), "new", "write", NOW, days=30),
    "tokens.end": lambda site, actor, agency: people.end_token(
        site.state, actor, one(site, "token", name=f"token of {agency}")["id"], NOW),
    "users.invite": lambda site, actor, agency: accountlinks.invite_user(
        site.state, actor, user_id(site, f"person-{agency}"), "a@example.com", NOW),
    "users.add_invited": lambda site, actor, agency: accountlinks.enter_invited(
        site.state, actor, people.NewUser(name="new", role="admin", agencies=(agency,)), "a@example.com", NOW),
    "account.mail": lambda site, actor, _: accountlinks.begin_own_mail(
        site.state, actor, PASSWORD, "a@example.com", NOW),
    "account.end_mail": lambda site, actor, _: accountlinks.end_own_mail(site.state, actor, PASSWORD, NOW),
    "account.add_passkey": passkey_added,
    "account.begin_passkey": lambda site, actor, _: passkeys.begin_passkey(
        site.state, actor, PASSWORD, LOCAL, "session", NOW
    ),
    "account.end_passkey": lambda site, actor, _: passkeys.end_passkey(
        site.state, actor, one(site, "passkey", name="asker's")["id"], PASSWORD, NOW),
    "account.devices": lambda site, actor, _: devices.own_devices(site.state, actor),
    "account.forget_device": lambda site, actor, _: devices.forget_own_device(site.state, actor, "0" * 16, NOW),
    "account.sign_in": lambda site, actor, _: ownaccount.sign_in_state(site.state, actor, NOW),
    "account.end_session": lambda site, actor, _: ownaccount.end_own_sessions(site.state, actor, NOW),
    "account.begin_factor": lambda site, actor, _: ownaccount.begin_factor(site.state, actor, PASSWORD, NOW),
    "account.confirm_factor": lambda site, actor, _: ownaccount.confirm_factor(
        site.state, actor, pyotp.TOTP(SECRET).at(NOW), NOW),
    "account.end_factor": lambda site, actor, _: ownaccount.end_own_factor(site.state, actor, PASSWORD, NOW),
    "users.end_factor": lambda site, actor, agency: ownaccount.end_users_factor(
        site.state, actor, user_id(site, f"person-{agency}"), NOW),
    "users.end_sessions": lambda site, actor, agency: ownaccount.end_users_sessions(
        site.state, actor, user_id(site, f"person-{agency}"), NOW),
    "users.personal_data": lambda site, actor, agency: personaldata.personal_data(
        site.state, actor, user_id(site, f"person-{agency}"), NOW),
    "users.erase": lambda site, actor, agency: personaldata.erase_user(
        site.state, actor, user_id(site, f"person-{agency}"), NOW),
    "audit.read": lambda site, actor, _: auditing.read_audit(site.state, actor, 100),
    "audit.export": lambda site, actor, _: auditing.export_audit(site.state, actor, LinesAsked(), NOW),
    "audit.check": lambda site, actor, _: auditing.check_audit(site.state, actor, ""),
    "plan.move": lambda site, actor, agency: plan.move_project(
        site.state, actor, f"led-{agency}", "proposed", NOW.date(), "", NOW),
    "plan.enter": lambda site, actor, agency: plan.enter_projects(site.state, actor, [project(agency, note="x")], NOW),
    "imports.mapping": lambda site, actor, _: store_mapping(site, actor, "amr", FileMapping(stamps="end")),
    "figures.import_ft": lambda site, actor, _: figures.enter_ft(
        figure_files(site), actor, ft_table(site), NOW),
    "plan.withdraw": lambda site, actor, agency: plan.withdraw_project(
        site.state, actor, f"led-{agency}", NOW, why="entered twice"),
    "plan.undo": lambda site, actor, agency: plan.undo_plan(
        site.state, actor, plan_revision_of(site, agency), NOW, why="wrong project"),
    "baselines.store": lambda site, actor, agency: baselines.store_baseline(
        site.state, actor, site.portfolio, fitted_of(agency, 2), NOW),
    "baselines.decide": lambda site, actor, agency: baselines.decide_on_baseline(
        site.state, actor, site.portfolio, one(site, "baseline", building=BUILDING[agency])["id"], "accepted", NOW),
    "events.accept": lambda site, actor, agency: events.accept_event(
        records_in(site), actor, lasting_change(BUILDING[agency]), "a new wing", NOW),
    "findings.dismiss": lambda site, actor, agency: dismissals.dismiss(
        site.state, actor, site.portfolio, [finding(BUILDING[agency])], "night_use", NOW),
    "bills.enter": lambda site, actor, agency: paperbills.enter_bills(
        site.state, actor, present(site), f"account-{agency}", [paper_bill(10)], source="b.csv", replaces=False, now=NOW),
    "bills.remove": lambda site, actor, agency: paperbills.remove_bill(
        site.state, actor, present(site), one(site, "paper_bill", account=f"account-{agency}")["id"], why="wrong", now=NOW),
    "bills.list": lambda site, actor, agency: paperbills.list_bills(
        site.state, actor, present(site), f"account-{agency}"),
    "findings.work": lambda site, actor, agency: findingwork.enter_work(
        site.state, actor, site.portfolio, BUILDING[agency], "night_use", AskedWork("seen"), [finding(BUILDING[agency])], NOW),
    "findings.take_back": lambda site, actor, agency: findingwork.take_back(
        site.state, actor, site.portfolio, BUILDING[agency], "night_use", NOW),
    "findings.list_work": lambda site, actor, agency: findingwork.list_work(site.state, actor, agency),
    "notes.write": lambda site, actor, agency: notes.write_note(
        site.state, actor, site.portfolio, BUILDING[agency], NOW - dt.timedelta(days=1), NOW, "a test", NOW),
    "notes.list": lambda site, actor, agency: notes.list_notes(
        site.state, actor, site.portfolio, BUILDING[agency], Period.day(NOW.date())),
    "notes.remove": lambda site, actor, agency: notes.remove_note(site.state, actor, note_of(site, agency), NOW),
    "notes.adjust": lambda site, actor, agency: notes.adjust_by_note(
        records_in(site), actor, note_of(site, agency), 90.0, 9.0, NOW),
    "ereport.enter": lambda site, actor, agency: ereport.enter_month(
        site.state, actor, site.portfolio, agency, NOW.date(), {"staff": 12.0}, NOW),
    "plan.draft": lambda site, actor, agency: plandocuments.draft_document(
        site.state, actor, agency, {"en": {"title": "Plan"}}, 1, NOW, why="another version"),
    "plan.approve": lambda site, actor, agency: plandocuments.approve_document(
        site.state, actor, one(site, "plan_document", agency=agency)["id"], "The director", NOW.date(), NOW),
    "plan.documents": lambda site, actor, agency: plandocuments.seen_documents(site.state, actor, [agency]),
    "plan.document": lambda site, actor, agency: plandocuments.seen_document(
        site.state, actor, one(site, "plan_document", agency=agency)["id"]),
    "scenarios.store": lambda site, actor, agency: scenarios.store_scenario(
        site.state, actor, site.portfolio.buildings[BUILDING[agency]], "roof", {"kwp": "5"}, NOW),
    "scenarios.delete": lambda site, actor, agency: scenarios.delete_scenario(
        site.state, actor, one(site, "scenario", agency=agency)["id"], NOW),
    "weather.store": lambda site, actor, agency: weatherfiles.store_weather(
        site.state, actor, site.portfolio.buildings[BUILDING[agency]], site.solar.climate, "new.epw", a_weather(), NOW),
    "weather.delete": lambda site, actor, agency: weatherfiles.delete_weather(
        site.state, actor, one(site, "weather_file", agency=agency)["id"], NOW),
    "recipients.again": lambda site, actor, _: standings.send_again(
        site.state, actor, one(site, "recipient_standing", channel="mail")["id"], NOW),
    "stationery.template": lambda site, actor, agency: stationery.store_template(
        site.state, actor, agency, "memo.docx", a_template(), NOW),
    "stationery.seal": lambda site, actor, agency: stationery.store_seal(
        site.state, actor, agency, "seal.png", picture("red"), NOW, lambda svg: svg),
    "stationery.terms": lambda site, actor, agency: stationery.store_terms(
        site.state, actor, agency, stationery.MemoTerms("The governor"), NOW),
    "stationery.reset": lambda site, actor, agency: stationery.reset_stationery(
        site.state, actor, agency, "seal", NOW),
    "stationery.history": lambda site, actor, agency: stationery.stationery_versions(site.state, actor, agency),
    "runs.again": lambda site, actor, agency: reruns.ask_again(site.state, actor, run_of(site, agency), NOW),
    "runs.retry": lambda site, actor, agency: reruns.retry_runs(site.state, actor, [run_of(site, agency)], NOW),
    "quarantine.replay": replayed,
    "portfolio.import": lambda site, actor, _: portfolio.replace_all(
        records_in(site), actor, site.portfolio.records, why="files", now=NOW),
    "portfolio.begin": lambda site, actor, _: beginrecords.begin_records(site, actor, why="files", now=NOW),
    "portfolio.change": lambda site, actor, agency: portfolio.change(
        records_in(site), actor, [Amend("building", BUILDING[agency], {"name_en": "New"})],
        why="renamed", from_day=None, expected_revision=None, now=NOW),
    "portfolio.part": lambda site, actor, agency: changeorpropose.part(
        records_in(site), actor, [Amend("building", BUILDING[agency], {"name_en": "New"})], from_day=None),
    "portfolio.change_or_propose": lambda site, actor, agency: changeorpropose.change_or_propose(
        records_in(site), actor, [Amend("building", BUILDING[agency], {"name_en": "New"})],
        why="renamed", from_day=None, expected_revision=None, now=NOW),
    "portfolio.undo": lambda site, actor, agency: portfolio.undo(
        records_in(site), actor, {OWN: 2, OTHERS: 3}[agency], why="wrong name", now=NOW),
    "proposals.make": lambda site, actor, agency: proposals.propose(
        records_in(site), actor, [Amend("building", BUILDING[agency], {"name_en": "New"})],
        why="nicer", from_day=None, now=NOW),
    "proposals.list": lambda site, actor, _: proposals.list_proposals(records_in(site), actor),
    "proposals.read": lambda site, actor, agency: proposals.read_proposal(
        records_in(site), actor, proposal_of(site, agency)),
    "proposals.preview": lambda site, actor, agency: proposals.proposed_changes(
        records_in(site), actor, proposal_of(site, agency)),
    "proposals.accept": lambda site, actor, agency: proposals.accept(
        records_in(site), actor, proposal_of(site, agency), note="good", now=NOW),
    "proposals.refuse": lambda site, actor, agency: proposals.refuse(
        records_in(site), actor, proposal_of(site, agency), note="not good", now=NOW),
    "proposals.withdraw": lambda site, actor, agency: proposals.withdraw(
        records_in(site), actor, proposal_of(site, agency), now=NOW),
    "records.of_building": lambda site, actor, agency: portfolio_view.seen_of_building(
        site.portfolio.records, actor, SITE_KINDS, BUILDING[agency], NOW.date()),
    "records.list": lambda site, actor, _: portfolio_view.seen_records(
        records_in(site).records(), actor, SITE_KINDS, "building", NOW.date()),
    "records.read": lambda site, actor, agency: portfolio_view.seen_record(
        records_in(site).records(), actor, SITE_KINDS, "building", BUILDING[agency], NOW.date()),
    "records.history": lambda site, actor, _: portfolio_view.seen_revisions(records_in(site), actor),
    "explore.subject": lambda site, actor, agency: explore.subject_of(
        site.portfolio, actor, "building", BUILDING[agency], NOW.date()),
    "find.by_name": lambda site, actor, _: find.find_by_name(site.portfolio, actor, "a"),
    "readings.send": lambda site, actor, agency: sent.take_in(
        site, actor, {f"{BUILDING[agency]}.main": b'[{"ts": 1760000000, "energy_kwh": 1}, {"ts": 1760000000, "energy_kwh": -1}]'}),
    "records.compare": lambda site, actor, _: portfolio_view.seen_differences(records_in(site), actor, 0),
    "photos.add": lambda site, actor, agency: photos.store_photo(
        site.state, actor, site.portfolio.buildings[BUILDING[agency]], None, picture("red"), NOW),
    "photos.remove": lambda site, actor, agency: photos.remove_photo(
        site.state, actor, one(site, "photo", agency=agency)["id"], NOW),
    "photos.read": lambda site, actor, agency: photos.read_stored_photo(
        site.state, actor, one(site, "photo", agency=agency)["id"]),
    "commissioning.sign": signed_meter,
    "commissioning.read": lambda site, actor, agency: commissioning.read_commissioning(
        site.state, actor, one(site, "commissioning", agency=agency)["id"]),
}  # fmt: skip
"""How each use case is asked for, of an agency's things."""

READS = {
    "users.list",
    "tokens.list",
    "audit.read",
    "audit.check",
    "account.sign_in",
    "account.devices",
    "proposals.list",
    "records.list",
    "records.history",
    "records.compare",
    "find.by_name",
}
ON_A_CLOSED_SITE = {"server.backup", "server.restore", "readings.migrate"}
"""What opens the state by itself, so that nothing here may have it locked: its line in the audit log stays."""
CHANGES_NO_ROW = READS | {
    "account.begin_passkey",
    "stationery.history",
    "notes.list",
    "plan.documents",
    "plan.document",
    "users.personal_data",
    "photos.read",
    "commissioning.read",
    "findings.list_work",
    "bills.list",
    "runs.retry",
    "records.read",
    "records.of_building",
    "explore.subject",
    "proposals.read",
    "proposals.preview",
    "portfolio.part",
    "readings.purge",
    "server.restore",
}
"""What changes nothing when it is allowed. runs.retry: of a run that is done there is nothing to retry.
readings.purge: these readings are young; `tests/contract/test_retention.py` has old ones. server.restore: it is noted in
the state that it brings, which is looked at where it is performed."""
WITHOUT_AUDIT = {"account.language", "readings.send"}
"""What leaves no line in the audit log: readings are no decision of a person, and come by the thousand."""


def made_by_asker(site, connection, actor, agency):
    """Let a proposal be the asker's where the asker reaches it."""
    if actor.reaches(agency):
        table = metadata.tables["proposal"]
        connection.execute(update(table).where(table.c.id == proposal_of(site, agency)).values(by=actor.name))


def some_import(site, _connection, _actor, _agency):
    """Let there be an import that counts."""
    server.import_intervals(
        site, server_actor("cli:root"), server.ImportFile("f.csv", "3"), energy_file(site), Overlap.REPLACE
    )


def address_entered(_site, connection, actor, agency):
    """Let the asker get the agency's monthly report already."""
    if actor.user_id is not None:
        wanted = OwnDelivery(channel="mail", address="me@example.com", monthly=(agency,))
        save_delivery(connection, actor.user_id, wanted, NOW)


def factor_of(name, confirmed_us):
    """Let a user have a second factor, and a password whose check takes no time."""

    def prepared(_site, connection, _actor, agency):
        user = metadata.tables["user_account"]
        whose = name.format(agency=agency)
        number = connection.execute(select(user.c.id).where(user.c.name == whose)).scalar()
        connection.execute(update(user).where(user.c.id == number).values(password_hash=CHEAP))
        if confirmed_us is not False:
            values = {"user_id": number, "secret": SECRET, "confirmed_us": confirmed_us, "last_step": 0}
            connection.execute(insert(metadata.tables["second_factor"]).values(values))

    return prepared


def mail_of_asker(site, connection, actor, agency):
    """Let the asker have an address, and a password whose check takes no time."""
    factor_of(ASKER, False)(site, connection, actor, agency)
    account_of = metadata.tables["user_account"]
    connection.execute(update(account_of).where(account_of.c.name == ASKER).values(mail="me@example.com"))


def before_a_passkey(site, connection, actor, agency):
    """Let the site have what it signs by, and the asker a password whose check takes no time."""
    factor_of(ASKER, False)(site, connection, actor, agency)
    signature(site.state, "passkey", "any")


def passkey_of_asker(site, connection, actor, agency):
    """Let the asker have a passkey."""
    before_a_passkey(site, connection, actor, agency)
    account_of = metadata.tables["user_account"]
    number = connection.execute(select(account_of.c.id).where(account_of.c.name == ASKER)).scalar()
    values = {"user_id": number, "credential": "x", "public_key": b"", "name": "asker's", "sign_count": 0}
    connection.execute(insert(metadata.tables["passkey"]).values(**values, at_us=0, used_us=0))


def signed_in_somewhere(name):
    """Let a user have a session."""

    def prepared(_site, connection, _actor, agency):
        user = metadata.tables["user_account"]
        number = connection.execute(select(user.c.id).where(user.c.name == name.format(agency=agency))).scalar()
        values = {"key_hash": "0" * 64, "user_id": number, "csrf": "", "created_us": 0, "until_us": 2**60}
        connection.execute(insert(metadata.tables["session"]).values(values))

    return prepared


def signed_in_by_a_browser(_site, connection, _actor, _agency):
    """Let the asker have a browser that is known."""
    user = metadata.tables["user_account"]
    number = connection.execute(select(user.c.id).where(user.c.name == ASKER)).scalar()
    values = {"key_hash": "0" * 64, "user_id": number, "agent": "", "address": "", "since_us": 0, "seen_us": 0}
    connection.execute(insert(metadata.tables["known_device"]).values(values))


def no_records(_site, connection, _actor, _agency):
    """Let the files be the source of the records."""
    for name in ("portfolio_entry", "portfolio_revision"):
        connection.execute(metadata.tables[name].delete())


def address_refused(site, connection, actor, agency):
    """An address that nothing is sent to."""
    set_standing(connection, "mail", "gone@example.com", "refused", "5.1.1", NOW)


SECRET = pyotp.random_base32()
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
ASKER, PERSON = "viewer-health", "person-{agency}"
PREPARED = {
    "portfolio.begin": no_records,
    "recipients.again": address_refused,
    "proposals.withdraw": made_by_asker,
    "imports.undo": some_import,
    "account.monthly": address_entered,
    "account.end_session": signed_in_somewhere(ASKER),
    "account.forget_device": signed_in_by_a_browser,
    "account.mail": factor_of(ASKER, False),
    "account.end_mail": mail_of_asker,
    "account.begin_passkey": before_a_passkey,
    "account.add_passkey": before_a_passkey,
    "account.end_passkey": passkey_of_asker,
    "account.begin_factor": factor_of(ASKER, False),
    "account.confirm_factor": factor_of(ASKER, None),
    "account.end_factor": factor_of(ASKER, 1),
    "users.end_factor": factor_of(PERSON, 1),
    "users.end_sessions": signed_in_somewhere(PERSON),
}
"""What has to be so before a use case is asked for."""


def actors(agencies):
    """Every role over some agencies; and by tokens of every scope those roles that these narrow."""
    for role, scope in itertools.product(ROLES, TOKEN_SCOPES):
        if scope == "server" or role in {"manager", "admin"}:
            yield role, scope, agencies


asker_ids = {}
"""By the file of the state: asked for some thousand times."""


def account(site, role, scope, agencies):
    state = site.settings.state.path
    if state not in asker_ids:
        asker_ids[state] = user_id(site, "viewer-health")
    return Account(id=asker_ids[state], name="asker", display="", role=role, agencies=agencies, scope=scope).actor(
        "192.0.2.1"
    )


def is_expected(case, actor, agency):
    """Whether a use case should be allowed, by what it states of itself."""
    if case.scope == "own":
        return actor.user_id is not None
    if case.scope == "server":
        return actor.sees_all and actor.may(case.power)
    needed = () if case.name in READS else (agency,)
    return actor.may(case.power) and all(actor.reaches(one) for one in needed)


def attempted(site, case, actor, agency):
    """What came of it (a result, or an error), and the rows before and after; then everything is undone."""
    result = error = None
    at_rest = case.name in ON_A_CLOSED_SITE
    with undone(site) if not at_rest else reading(site.state) as connection:
        written = written_count(connection)
        before = as_committed(site.settings.state.path, lambda: tables(connection))
        if case.name in PREPARED:
            PREPARED[case.name](site, connection, actor, agency)
            if written_count(connection) != written:
                before, written = tables(connection), written_count(connection)
        try:
            result = HOW[case.name](site, actor, agency)
        except BkkEnergyError as raised:
            error = raised
        if at_rest:
            after = tables_now(site)
        elif written_count(connection) == written:
            after = before
        else:
            after = tables(connection)
    changed = {
        place
        for was, now in zip(before, after, strict=True)
        if was is not now
        for place in was.keys() | now.keys()
        if was.get(place) != now.get(place)
    }
    return result, error, joined(before) if changed else {}, joined(after) if changed else {}, changed


def test_every_use_case_states_its_power_and_is_performed_here():
    assert set(HOW) == set(USE_CASES)
    assert all(case.power is not None or case.scope == "own" for case in USE_CASES.values())


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("name", sorted(HOW))
def test_a_use_case_changes_what_its_power_covers_and_nothing_else(site, name, reach):  # noqa: C901 - one matrix
    case, there = USE_CASES[name], None
    for role, scope, agencies in actors(REACHES[reach]):
        for agency in (OWN, OTHERS):
            actor = account(site, role, scope, agencies)
            who = (name, role, scope, agencies, agency)
            allowed = is_expected(case, actor, agency)
            if not allowed and there is None:
                there = outside(site)
            result, error, before, after, changed = attempted(site, case, actor, agency)
            if not allowed:
                assert outside(site) == there or name in PREPARED, who
                assert isinstance(error, NotAllowed | NotThere), who
                assert not changed, who
                if not actor.sees_all and case.scope == "agency" and not actor.reaches(agency) and name not in READS:
                    assert isinstance(error, NotThere) or not actor.may(case.power), who
                assert not any(hidden in str(error) for hidden in (OTHERS, OWN, "led-", "person-")), who
                continue
            assert error is None, (who, error)
            there = None
            lines = {place for place in changed if place[0] == "audit"}
            others = {place for place in changed - lines if place[0] != "counter"}  # totals, of no agency
            if case.scope != "server":
                assert bool(others) == (name not in CHANGES_NO_ROW), who
            for place in others if case.scope != "server" else ():
                if case.scope == "own":
                    row = after.get(place) or before[place]
                    if place[0] == "outbox":  # a notice of what was changed
                        assert row["recipient"] == "me@example.com", who
                        continue
                    assert row["id" if place[0] == "user_account" else "user_id"] == actor.user_id, who
                else:
                    assert owners(site, before, after, place) == {agency}, (who, place)
            if name not in CHANGES_NO_ROW | WITHOUT_AUDIT:
                assert {(after[place]["actor"], after[place]["address"]) for place in lines} == {
                    ("asker", "192.0.2.1")
                }, who
            if name in READS and case.scope == "agency":
                shown = json.dumps([asdict(own) if is_dataclass(own) else own for own in result], default=str)
                hidden = {OWN, OTHERS} - {own for own in (OWN, OTHERS) if actor.reaches(own)}
                assert not [one for one in hidden if one in shown], who
                assert actor.sees_all or '"name": "admin"' not in shown, who


def test_an_actor_without_powers_may_do_nothing(site):
    for case in USE_CASES.values():
        _, error, _, _, changed = attempted(site, case, Actor("somebody"), OWN)
        assert isinstance(error, NotAllowed | NotThere), case.name
        assert not changed


def test_who_is_at_the_machine_administers_the_server(site):
    for case in USE_CASES.values():
        if case.scope != "own":
            assert attempted(site, case, server_actor("cli:root"), OTHERS)[1] is None, case.name


def test_a_user_who_reaches_further_is_out_of_an_agency_admin_s_reach(site):
    actor = account(site, "admin", "server", (OWN,))
    both, everything = user_id(site, "person-of-both"), user_id(site, "admin")
    for number in (both, everything):
        for ask in (
            lambda: people.alter_user(site.state, actor, number, {"disabled": 1}, NOW),  # noqa: B023
            lambda: people.give_password(site.state, actor, number, PASSWORD, NOW, must_change=False),  # noqa: B023
            lambda: people.enter_token(site.state, actor, number, "x", "read", NOW, days=1),  # noqa: B023
        ):
            with pytest.raises(NotThere):
                ask()


@pytest.mark.parametrize("agencies", [[OTHERS], [OWN, OTHERS], ["all"], ["none-such"]])
def test_an_agency_s_admin_gives_no_reach_beyond_it(site, agencies):
    actor = account(site, "admin", "server", (OWN,))
    number = user_id(site, "person-health")
    with pytest.raises((NotThere, NotAllowed)):
        people.alter_user(site.state, actor, number, {"agencies": agencies}, NOW)
    new = people.NewUser(name="x", password=PASSWORD, role="viewer", agencies=tuple(agencies))
    with pytest.raises((NotThere, NotAllowed)):
        people.enter_user(site.state, actor, new, NOW)


def test_a_project_that_changes_its_agency_needs_the_power_over_both(site):
    moved = project(OTHERS, id="led-health")
    for agencies in ((OWN,), (OTHERS,)):
        with pytest.raises(NotThere):
            plan.enter_projects(site.state, account(site, "manager", "server", agencies), [moved], NOW)
    actor = account(site, "manager", "server", (OWN, OTHERS))
    with undone(site):
        assert plan.enter_projects(site.state, actor, [moved], NOW) == ["led-health"]


@pytest.mark.parametrize("day", [dt.date(2090, 1, 1), dt.date(2026, 11, 1)], ids=["to come", "past"])
def test_a_project_that_ends_on_a_day_stays_its_agency_s(site, day):
    """It was taken for gone as soon as its end was entered: another agency could enter over it."""
    health, others = account(site, "manager", "server", (OWN,)), account(site, "manager", "server", (OTHERS,))
    with undone(site):
        plan.enter_projects(site.state, health, [project(OWN, id="led-x")], NOW, from_day=dt.date(2026, 1, 1))
        plan.withdraw_project(site.state, health, "led-x", NOW, why="it ends", from_day=day)
        with pytest.raises(NotThere):
            plan.enter_projects(site.state, others, [project(OTHERS, id="led-x")], NOW, from_day=dt.date(2026, 1, 1))
        with pytest.raises(NotThere):
            plan.enter_projects(site.state, others, [project(OTHERS, id="led-x")], NOW)
        assert ("led-x" in {one.id for one in projects(site.state)}) == (day > NOW.date())


def test_the_last_administrator_of_the_server_stays(site):
    root = server_actor("cli:root")
    with undone(site) as connection:
        admins = [row["id"] for row in connection.execute(select(metadata.tables["user_account"])).mappings()
                  if row["role"] == "admin" and "all" in row["agencies"]]  # fmt: skip
        for number in admins[1:]:
            people.alter_user(site.state, root, number, {"disabled": 1}, NOW)
        for change in ({"disabled": 1}, {"role": "viewer"}, {"agencies": [OWN]}):
            with pytest.raises(InputError, match="last administrator"):
                people.alter_user(site.state, root, admins[0], change, NOW)


def test_a_change_of_a_user_is_noted_with_before_and_after(site):
    with undone(site) as connection:
        people.alter_user(
            site.state, server_actor("cli:root"), user_id(site, "person-health"), {"role": "manager"}, NOW
        )
        line = max((row for key, row in rows(connection).items() if key[0] == "audit"), key=lambda row: row["id"])
        assert line["detail"] == {"before": {"role": "viewer"}, "after": {"role": "manager"}}


def test_what_fails_within_a_transaction_is_undone_alone(site):
    with transaction(site.state) as connection:
        before = rows(connection)
        with pytest.raises(InputError):
            people.enter_user(
                site.state,
                server_actor("x"),
                people.NewUser(name="admin", password=PASSWORD, role="viewer", agencies=(OWN,)),
                NOW,
            )
        assert rows(connection) == before


def test_two_use_cases_have_not_one_name():
    with pytest.raises(ValueError, match="twice"):
        use_case("plan.move", "plan", "agency")(lambda where, actor: None)


# -- no way past the use cases -----------------------------------------------------------------------------------------

SOURCE = Path(bkkenergy.__file__).parent
CHECKS = {"powers.py", "portfolio_powers.py", "explore_compare.py"}
"""What use cases check by, or ask one for: explore_compare asks explore.subject for each other thing. No use cases."""
WRITERS = {
    "add_user", "change_user", "change_password", "add_token", "drop_token", "enter_audit", "save_projects", "add_plan_revision",
    "keep_scenario", "drop_scenario", "add_weather", "add_stationery", "enter_dismissal", "save_mapping", "add_ft", "enter_month_amounts", "add_document", "set_approved", "replay", "add_revision", "add_proposal",
    "decide_proposal", "add_answer", "apply", "apply_readings", "apply_edit", "purge", "copy_readings",
}  # fmt: skip
"""Functions of adapters that change the state on behalf of a person."""


def calls(path):
    """The names of functions that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("face", ["web", "cli", "jobs"])
def test_no_face_changes_the_state_but_by_a_use_case(face):
    found = {
        f"{path.name}: {name}"
        for path in (SOURCE / face).rglob("*.py")
        for name in calls(path)
        if name in (WRITERS if face == "jobs" else WRITERS | {"transaction"})
    }
    assert found == set()


def test_every_use_case_that_takes_an_actor_is_in_the_register():
    """A public function of the use cases with an actor among what it takes is one that a person asks for."""
    missing = []
    for path in (*(SOURCE / "usecases").rglob("*.py"), SOURCE / "ingest/ask.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and path.name not in CHECKS:
                takes = {own.arg for own in (*node.args.args, *node.args.kwonlyargs)}
                names = {
                    own.func.id
                    for own in node.decorator_list
                    if isinstance(own, ast.Call) and isinstance(own.func, ast.Name)
                }
                if "actor" in takes and "use_case" not in names:
                    missing.append(f"{path.name}: {node.name}")
    assert missing == []
