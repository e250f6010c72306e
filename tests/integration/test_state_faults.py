"""What becomes of files: values and rows that changed in them, disks that take nothing more, logs with bytes turned."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import shutil
import sqlite3
import stat
import subprocess
import threading
import zlib
from contextlib import closing, contextmanager, suppress

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from bkkenergy.adapters.commits import _noted, losses_of, witness_file
from bkkenergy.adapters.engines import file_engine
from bkkenergy.adapters.sqlite_file import Transaction, open_database
from bkkenergy.calendar import day_of_us
from bkkenergy.cli.doctor import doctor_command
from bkkenergy.ingest.doctor import examine_storage
from bkkenergy.ingest.ledger_check import examine_ledger, examine_stored
from bkkenergy.ports.ledger import Purged
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.ledgercheck import SETTLED, compare_ledger
from bkkenergy.usecases.runs import DAY, midnight_us
from tests.commands import bkkenergy, own_logging
from tests.web import make_site

METER = "health.centre-1.main"
DAYS = 12
NEWEST_US = 1_900_000_000_000_000
"""Beyond every reading of the site."""
ERASED = "\x1b[2K"
"""What a terminal gets to erase a line."""
numbers = itertools.count()
OF_THE_METER = f"(SELECT id FROM {{}} WHERE name = '{METER}')"
READINGS, LEDGER = OF_THE_METER.format("meter"), OF_THE_METER.format("ledger_meter")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A site whose log is folded back, so that its store is one file."""
    home = make_site(tmp_path_factory.mktemp("sound") / "site", days=DAYS)
    for name in ("store", "state"):
        with closing(sqlite3.connect(home / f"var/{name}.sqlite")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return home


@pytest.fixture
def home(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "site")


def ledger_check(home):
    """What `doctor --whole` finds of the ledger, without its seconds of waiting for a broker."""
    (check,) = examine_ledger(load_configuration(home / "config"), within_s=math.inf, on_progress=lambda *_: None)
    return check


def changed(home, statement):
    """Change the store otherwise than by the service, as a fault of the disk or a hand would."""
    with closing(sqlite3.connect(home / "var/store.sqlite")) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_where_a_person_waits_the_bar_is_gone_before_the_finding_is_printed(home, monkeypatch):
    """Else it is written behind the bar, in one line with it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with own_logging():
        done = CliRunner().invoke(doctor_command, ["--whole", "--config", str(home / "config")])
    bar, _, after = done.output.partition("ledger: ")
    assert ERASED in bar
    assert after
    assert ERASED not in after


def test_of_a_sound_store_all_months_agree_and_their_number_is_said(home):
    printed = bkkenergy("doctor", "--whole", "--json", "--config", home / "config", code=None)
    check = next(check for check in json.loads(printed) if check["check"] == "ledger")
    assert check["is_well"], check
    assert "all agree" in check["observed"]


MIDDLE = f"(SELECT day FROM ledger_day WHERE meter = {LEDGER} AND channel = 'import' ORDER BY day LIMIT 1 OFFSET 4)"
MIDDLE_US = f"({MIDDLE} * 86400 - 25200) * 1000000"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            f"UPDATE reading SET energy_kwh = energy_kwh + 1000 WHERE meter = {READINGS} AND ts_us = "
            f"(SELECT ts_us FROM reading WHERE meter = {READINGS} AND ts_us > {MIDDLE_US} LIMIT 1)",
            id="a_register",
        ),
        pytest.param(
            f"UPDATE reading SET energy_kwh = x'00' WHERE meter = {READINGS} AND ts_us = "
            f"(SELECT ts_us FROM reading WHERE meter = {READINGS} AND ts_us > {MIDDLE_US} LIMIT 1)",
            id="a_register_that_is_no_number",
        ),
        pytest.param(
            f"DELETE FROM reading WHERE meter = {READINGS} AND ts_us BETWEEN {MIDDLE_US} AND {MIDDLE_US} + 86399999999",
            id="readings_gone",
        ),
        pytest.param(
            f"UPDATE ledger_day SET total = total * 2 WHERE meter = {LEDGER} AND day = {MIDDLE} AND channel = 'import'",
            id="a_total",
        ),
        pytest.param(
            f"UPDATE ledger_day SET peak = peak * 2 WHERE meter = {LEDGER} AND day = {MIDDLE} AND channel = 'import'",
            id="a_peak",
        ),
        pytest.param(
            f"UPDATE ledger_day SET slots = x'0011' WHERE meter = {LEDGER} AND day = {MIDDLE} AND channel = 'import'",
            id="slots_that_cannot_be_read",
        ),
        pytest.param(
            f"UPDATE ledger_day SET channel = 'x' WHERE meter = {LEDGER} AND day = {MIDDLE} AND channel = 'import'",
            id="another_channel",
        ),
        pytest.param(f"DELETE FROM ledger_day WHERE meter = {LEDGER} AND day = {MIDDLE}", id="a_row_gone"),
        pytest.param(
            f"UPDATE ledger_day SET slots = (SELECT slots FROM ledger_day WHERE meter <> {LEDGER} AND day = {MIDDLE} "
            f"AND channel = 'import' LIMIT 1) WHERE meter = {LEDGER} AND day = {MIDDLE} AND channel = 'import'",
            id="slots_of_another_meter",
        ),
    ],
)
def test_what_changed_in_the_file_is_named_with_its_meter_and_day(home, statement):
    """SQLite's own check says nothing of it: one register of 12,011 became 48,046, and no check named it."""
    changed(home, statement)
    check = ledger_check(home)
    assert not check.is_well
    assert METER in check.observed
    assert "Traceback" not in check.observed


@contextmanager
def opened(home):
    """The site, with the first and the last day of the meter's ledger."""
    with open_site(load_configuration(home / "config")) as site:
        seen = site.ledger.seen([METER])[METER]
        yield site, day_of_us(seen.first_us), day_of_us(seen.last_us)


def differing(site):
    return {(one.meter, one.day) for one in compare_ledger(site, within_s=math.inf).differing}


def test_days_without_their_readings_are_held_to_themselves(home):
    with opened(home) as (site, first, _):
        last = first + 5 * DAY
        changed(home, f"DELETE FROM reading WHERE meter = {READINGS} AND ts_us < {midnight_us(last + DAY)}")
        assert site.ledger.purges.begin({METER: [Purged(first, last, last + DAY, is_done=True)]})
        assert differing(site) == set(), "that they are gone is no fault"
        changed(home, f"UPDATE ledger_day SET total = total * 2 WHERE meter = {LEDGER} AND day = {MIDDLE}")
        assert differing(site) == {(METER, first + 4 * DAY)}


def test_days_that_may_still_change_are_not_compared_and_one_month_always_is(home):
    with opened(home) as (site, first, last):
        changed(home, f"UPDATE ledger_day SET total = total * 2 WHERE meter = {LEDGER}")
        settled = {
            (METER, first + number * DAY) for number in range((min(last, site.today - SETTLED) - first).days + 1)
        }
        assert differing(site) == settled
        meters = len(site.ledger.seen(sorted(site.portfolio.meters_ever)))
        one = compare_ledger(site, within_s=0)
        assert (one.compared, one.months >= meters) == (1, True)
        site.ledger.mark([METER], first, last)
        assert differing(site) == set(), "they wait to be computed again"


STORED = """
INSERT INTO photo (agency, building, meter, rule, content, sha256, width, height, by, at_us, removed_by)
VALUES ('health', 'health.centre-1', '', '', x'616263', '{abc}', 1, 1, 'somchai', 1, '');
INSERT INTO weather_file (agency, name, packed, sha256, by, at_us) VALUES ('health', 'w', x'{packed}', '{abc}', 'somchai', 1);
INSERT INTO commissioning (agency, meter, body, sha256, by, at_us) VALUES ('health', 'm', '{{"a":1}}', '{body}', 'somchai', 1);
INSERT INTO plan_document (agency, version, state, drafted_by, drafted_us, why, plan_revision, body, digest)
VALUES ('health', 1, 'draft', 'somchai', 1, '', 1, '{{"a":1}}', '{body}');
""".format(
    abc=hashlib.sha256(b"abc").hexdigest(),
    packed=zlib.compress(b"abc").hex(),
    body=hashlib.sha256(b'{"a":1}').hexdigest(),
)  # fmt: skip


def stored_check(home):
    with closing(sqlite3.connect(home / "var/state.sqlite")) as state:
        state.executescript(STORED)
    return lambda: next(iter(examine_stored(load_configuration(home / "config"), within_s=math.inf)))


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE photo SET content = x'616264'", "photo 1"),
        ("UPDATE weather_file SET packed = x'616264'", "weather 1"),
        ("UPDATE commissioning SET body = '{\"a\":2}'", "commissioning 1"),
        ("UPDATE commissioning SET body = '{\"a\"'", "commissioning 1"),
        ("UPDATE plan_document SET body = '{\"a\":2}'", "plan 1"),
    ],
)
def test_what_the_state_stores_with_its_hash_is_named_where_it_changed(home, statement, named):
    look = stored_check(home)
    assert look().is_well
    with closing(sqlite3.connect(home / "var/state.sqlite")) as state, state:
        state.execute(statement)
    assert not look().is_well
    assert look().observed.endswith(f": {named}")


@pytest.mark.parametrize("form", ["html", "csv", "json"])
def test_a_report_of_the_archive_that_changed_or_is_gone_is_named(home, form):
    look, changed = stored_check(home), min((home / "var/reports/archive").rglob(f"*.{form}"))
    flipped(changed, at=changed.stat().st_size // 2)
    assert changed.name in look().observed
    changed.unlink()
    assert changed.name in look().observed
    assert not look().is_well


def flipped(path, every=4096, at=100):
    """Turn a byte of each page."""
    content = bytearray(path.read_bytes())
    for place in range(at, len(content), every):
        content[place] ^= 0xFF
    path.write_bytes(content)


def whole_output(home, *arguments):
    """What a command says, whatever its exit code."""
    return bkkenergy(*arguments, "--config", home / "config", code=None)


@pytest.mark.parametrize("name", ["store", "state"])
def test_bytes_that_turned_in_a_database_are_told_with_its_name_and_no_backup_is_made_of_it(home, tmp_path, name):
    flipped(home / f"var/{name}.sqlite")
    said = whole_output(home, "doctor")
    assert f"{name}.sqlite" in said
    assert "✗ file" in said
    assert "Traceback" not in said
    said = whole_output(home, "backup", tmp_path / "b.tar.gz")
    assert f"{name}.sqlite" in said
    assert not (tmp_path / "b.tar.gz").exists()


def crashed_after(home, name, commits):
    """A copy of the site as it lay when the machine stopped: what `commits` did is in the log of a database alone."""
    path = home / f"var/{name}.sqlite"
    with closing(open_database(path)) as holder:  # the log is not folded back at the end of others
        holder.execute("PRAGMA wal_autocheckpoint = 0")
        commits(holder, path)
        crashed = home.parent / f"crashed-{next(numbers)}"
        shutil.copytree(home, crashed, symlinks=True)
    (crashed / f"var/{name}.sqlite-shm").unlink(missing_ok=True)
    return crashed


def forty_readings(connection, path):
    for number in range(1, 41):
        with Transaction(connection, path) as transaction:
            transaction.execute(
                f"INSERT INTO reading (meter, ts_us, energy_kwh) VALUES ({READINGS}, ?, ?)",
                (NEWEST_US + number, number),
            )


def ten_marks_of_tokens(connection, path):
    """Ten commits of the state by its own engine."""
    engine = file_engine(path)
    for number in range(10):
        with engine.begin() as transaction:
            transaction.execute(text("UPDATE user_account SET display = :name"), {"name": f"n{number}"})
    engine.dispose()


def turned(path, ratio):
    content = bytearray(path.read_bytes())
    content[int(len(content) * ratio)] ^= 0xFF
    path.write_bytes(content)


def commits_check(home):
    """What `doctor` finds of lost commits, without its seconds of waiting for a broker."""
    config = load_configuration(home / "config")
    return [check for check in examine_storage(config.settings) if check.check == "commits"]


def test_a_crash_alone_loses_no_commit_and_nothing_is_reported(home):
    crashed = crashed_after(home, "store", forty_readings)
    assert commits_check(crashed) == []
    assert rows_after(crashed) == 40


def rows_after(home):
    with closing(sqlite3.connect(home / "var/store.sqlite")) as connection:
        query = f"SELECT count(*) FROM reading WHERE meter = {READINGS} AND ts_us > ?"
        return connection.execute(query, (NEWEST_US,)).fetchone()[0]


def test_bytes_that_turned_in_the_log_lose_what_came_after_them_and_that_is_reported(home):
    """SQLite leaves out what follows without a word. Readings and marks go together: the ledger agrees with what is left."""
    crashed = crashed_after(home, "store", forty_readings)
    turned(crashed / "var/store.sqlite-wal", 0.5)
    (check,) = commits_check(crashed)
    left = rows_after(crashed)
    assert 0 < left < 40
    assert f"store.sqlite: {40 - left} commits made after 20" in check.observed
    assert ledger_check(crashed).is_well
    assert commits_check(crashed) == [check], "until a person has seen to it"
    (crashed / "var/store.sqlite-losses").unlink()
    assert commits_check(crashed) == [], "the loss is known, and the file goes on from there"


@pytest.mark.parametrize("gone", ["all", "the head", "an older copy"])
def test_a_log_that_is_gone_or_an_older_copy_in_the_files_place_is_reported(home, gone):
    before = shutil.copy(home / "var/store.sqlite", home.parent / "older.sqlite")
    crashed = crashed_after(home, "store", forty_readings)
    log = crashed / "var/store.sqlite-wal"
    if gone == "the head":
        turned(log, 0)
    else:
        log.unlink()
    if gone == "an older copy":
        shutil.copy(before, crashed / "var/store.sqlite")
    said = whole_output(crashed, "doctor", "--lang", "th")
    assert "✗ รายการที่บันทึก" in said
    assert "หายไป" in said
    assert rows_after(crashed) == 0


def test_commits_of_the_state_are_counted_too(home):
    crashed = crashed_after(home, "state", ten_marks_of_tokens)
    assert commits_check(crashed) == []
    crashed = crashed_after(home, "state", ten_marks_of_tokens)
    turned(crashed / "var/state.sqlite-wal", 0.6)
    (check,) = commits_check(crashed)
    assert re.search(r"state.sqlite: \d commits? made after 20", check.observed), check.observed


def test_many_writers_at_once_and_a_disk_without_a_witness_raise_no_alarm(home):
    path = home / "var/store.sqlite"

    def write(first):
        with closing(open_database(path)) as connection:
            for number in range(30):
                with Transaction(connection, path) as transaction:
                    transaction.execute("INSERT INTO reading_more (meter, ts_us) VALUES (1, ?)", (first + number,))
            with pytest.raises(StoreUnavailable), Transaction(connection, path) as transaction:
                transaction.execute("INSERT INTO nothing VALUES (1)")
            with Transaction(connection, path):
                pass

    threads = [threading.Thread(target=write, args=(NEWEST_US + 1000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        open_database(path).close()
    assert losses_of(path) == []
    witness = witness_file(path)
    newest = max(_noted(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (newest,)
    witness.write_bytes(b"x" * 100)  # what cannot be read says nothing
    write(NEWEST_US + 9000)
    assert losses_of(path) == []
    assert stat.S_IMODE(witness.stat().st_mode) & 0o007 == 0


@pytest.mark.parametrize("content", [b'{"count": 3', b'{"count": 3}\n', b"\xff\xfe\n", b"[]\n"])
def test_a_record_of_losses_that_is_damaged_is_named(home, content):
    record = home / "var/store.sqlite-losses"
    record.write_bytes(content)
    (check,) = commits_check(home)
    assert str(record) in check.remedy


@pytest.mark.parametrize("name", ["store.sqlite", "readings.db"])
def test_a_restore_is_meant_and_reports_no_loss(home, tmp_path, name):
    """Whatever the operator calls the file."""
    path, settings = home / "var" / name, home / "config/bkkenergy.toml"
    for file in list((home / "var").glob("store.sqlite*")):
        file.rename(file.with_name(file.name.replace("store.sqlite", name)))
    settings.write_text(settings.read_text().replace("store.sqlite", name))
    with closing(open_database(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        forty_readings(connection, path)
        bkkenergy("backup", tmp_path / "b.tar.gz", "--config", home / "config")
        with Transaction(connection, path) as transaction:
            transaction.execute("INSERT INTO reading_more (meter, ts_us) VALUES (1, ?)", (NEWEST_US,))
    for file in list((home / "var").glob("*")):
        if file.name.startswith((name, "state.sqlite")) and not file.name.endswith("-witness"):
            file.unlink()
    shutil.rmtree(home / "var/reports")
    bkkenergy("restore", tmp_path / "b.tar.gz", "--config", home / "config")
    assert commits_check(home) == []
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT count(*) FROM reading WHERE ts_us > ?"
        assert connection.execute(query, (NEWEST_US,)).fetchone() == (40,), "what was in the log alone is in the backup"


@contextmanager
def mounted(folder, options):
    """A small disk of its own over a folder, with what was in it."""
    aside = shutil.copytree(folder, folder.with_name("aside"))
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False, capture_output=True
    ).returncode:
        pytest.skip("may not mount here")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def stored(home):
    """All that is known of readings, and the ledger's energy."""
    with closing(sqlite3.connect(f"file:{home}/var/store.sqlite?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT count(*), sum(energy_kwh) FROM reading").fetchone()


def csv_of_readings(home, count):
    rows = "".join(f"2026-01-01T00:{n // 60:02d}:{n % 60:02d}+07:00,{METER},{n}\n" for n in range(count))
    path = home.parent / "more.csv"
    path.write_text("time,meter,energy_kwh\n" + rows)
    return path


def test_a_disk_that_became_read_only_is_told_and_nothing_is_lost(home):
    before = stored(home)
    with mounted(home / "var", "size=200m"):
        subprocess.run(["mount", "-o", "remount,ro", home / "var"], check=True)
        said = whole_output(home, "doctor")
        assert "not writable" in said or "cannot be read or written" in said
        assert "Traceback" not in said
        refused = whole_output(home, "import", csv_of_readings(home, 10))
        assert "Traceback" not in refused
        assert ".sqlite" in refused
        subprocess.run(["mount", "-o", "remount,rw", home / "var"], check=True)
        assert stored(home) == before


def test_a_disk_that_is_full_is_told_and_what_is_there_stays_whole(home):
    before = stored(home)
    with mounted(home / "var", "size=200m"):
        with (home / "var/fill").open("wb", buffering=0) as fill, suppress(OSError):
            while fill.write(bytes(65_536)):
                pass
        said = whole_output(home, "doctor")
        assert "✗ disk" in said
        assert "Traceback" not in said
        refused = whole_output(home, "import", csv_of_readings(home, 3000))
        assert "Traceback" not in refused
        (home / "var/fill").unlink()
        after = stored(home)
        assert after == before or after[0] == before[0] + 3000, "all of it or nothing"
        assert ledger_check(home).is_well
