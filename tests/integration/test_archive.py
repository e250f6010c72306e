"""Reports in a bucket of an object store: two hosts with folders of their own, and one archive."""

from __future__ import annotations

import html
import json
import re
import shutil

import pytest

from bkkenergy.adapters.state.users import add_user, users
from bkkenergy.errors import ConfigError
from bkkenergy.jobs.service import start
from bkkenergy.site import load_configuration
from bkkenergy.usecases.backup import left_out
from bkkenergy.web.app import create_app
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.test_jobs import DAY, METERS, Clock, commit, jobs_at, run, write_settings
from tests.receivers import mail_server
from tests.sites import make_context
from tests.web import PASSWORD, signed_in

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:aiosmtpd")

MORE = """
[state]
path = "{state}"
[archive]
kind = "s3"
endpoint = "{endpoint}"
bucket = "{bucket}"
access_key_id = "test:tester"
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
[[recipient]]
to = "health@example.com"
agencies = ["health"]
formats = ["csv"]
[web]
secure_cookies = false
second_factor = "offered"
"""


@pytest.fixture
def hosts(tmp_path, objects, bucket, monkeypatch):
    """Two hosts: what belongs to one alone is in a folder of its own."""
    settings = objects.bucket(bucket)
    monkeypatch.setenv("BKKENERGY_ARCHIVE_KEY", "testing")
    homes = []
    with mail_server() as mail:
        for name in ("one", "two"):
            home = tmp_path / name
            (home / "config").mkdir(parents=True)
            for part in CONFIG_PARTS:
                (home / "config" / part).symlink_to(ROOT / "config" / part)
            more = MORE.format(
                state=tmp_path / "state.sqlite", endpoint=settings.endpoint, bucket=bucket, port=mail.port
            )
            write_settings(home, more)
            for meter in METERS:
                commit(home, meter, DAY.with_days_before(8))
            homes.append(home)
        yield *homes, mail


def reports_of(home, clock):
    """A browser of someone who may see all, at a host's own web app."""
    context = make_context(load_configuration(home / "config"), clock)
    if not users(context.site.state):
        add_user(context.site.state, "somsri", PASSWORD, "admin", ["all"], clock(), language="en")
    return signed_in(create_app(context), "somsri")


def test_what_one_host_archives_the_other_sums_mails_and_shows(hosts):
    one, two, mail = hosts
    clock = Clock("2026-11-24T07:00:05")
    mail.answer = "451 try later"
    first = jobs_at(one, clock)
    assert first.tick() == 3, "the city's report is made from what the bucket has of its agencies"
    assert not (one / "var/reports").exists()
    assert mail.messages == []

    mail.answer = "250 OK"
    clock.forward(seconds=61)
    second = jobs_at(two, clock)
    changed = second.site.archive
    (csv,) = [file for files in first.queue.artefacts(first.queue.runs(agency="health")).values() for file in files
              if file.form == "csv"]  # fmt: skip
    right = changed.read(csv.path)
    changed.put(csv.path, b"changed")
    second.tick()
    assert mail.messages == [], "what is not as it was written is not sent"
    changed.put(csv.path, right)
    clock.forward(hours=1)
    assert second.tick() == 0, "the other host has made them"
    assert any("bucket" in str(line) for line in left_out(second.settings)), "a backup says what it does not hold"
    (message,) = mail.messages
    (attached,) = message.iter_attachments()
    (run_of_health,) = second.queue.runs(agency="health")
    (file,) = [file for file in second.queue.artefacts([run_of_health])[run_of_health.id] if file.form == "csv"]
    content = second.site.archive.read(file.path)
    assert attached.get_filename() == "health_2026-11-23.th.csv"
    assert attached.get_payload(decode=True).splitlines() == content.splitlines()

    client = reports_of(two, clock)
    assert client.get(f"/reports/file/{file.path}").content == content
    second.site.archive.delete([file.path])
    answer = client.get(f"/reports/file/{file.path}")
    assert answer.status_code == 503
    assert f"does not have {file.path}" in html.unescape(answer.text)
    second.site.archive.put(file.path, b"changed")
    answer = client.get(f"/reports/file/{file.path}")
    assert answer.status_code == 503
    assert f"another file at {file.path}" in html.unescape(answer.text)


def test_a_bucket_that_does_not_answer_fails_runs_that_are_tried_again(hosts):
    one, _, _ = hosts
    clock = Clock("2026-11-24T07:00:05")
    settings = one / "config/bkkenergy.toml"
    right = settings.read_text()
    settings.write_text(re.sub(r'endpoint = "[^"]*"', 'endpoint = "http://127.0.0.1:9"\ntimeout_s = 1', right))
    jobs = jobs_at(one, clock)
    assert jobs.tick() == 0
    assert {line.state for line in jobs.queue.runs()} == {"due"}
    assert "127.0.0.1:9" in jobs.queue.runs(agency="health")[0].error
    assert "127.0.0.1:9" in doctor(one), "an operator can read it"
    settings.write_text(right)
    clock.forward(hours=2)
    assert jobs_at(one, clock).tick() == 3
    assert "are read back" in doctor(one)


def test_a_folders_reports_follow_into_the_bucket(hosts):
    one, _, _ = hosts
    clock = Clock("2026-11-24T07:00:05")
    settings = one / "config/bkkenergy.toml"
    in_bucket = settings.read_text()
    settings.write_text(in_bucket.replace('kind = "s3"', 'kind = "folder"'))
    assert jobs_at(one, clock).tick() == 3
    assert "there is no bucket" in run(one, "copy-archive", code=2)
    settings.write_text(in_bucket)
    assert "9 files copied" in run(one, "copy-archive")
    assert "0 files copied" in run(one, "copy-archive")
    shutil.rmtree(one / "var/reports/archive")
    jobs = jobs_at(one, clock)
    for files in jobs.queue.artefacts(jobs.queue.runs()).values():
        for file in files:
            assert reports_of(one, clock).get(f"/reports/file/{file.path}").status_code == 200


def test_a_bucket_without_a_key_is_refused_before_anything_runs(hosts, monkeypatch):
    one, _, _ = hosts
    monkeypatch.delenv("BKKENERGY_ARCHIVE_KEY")
    (fault,) = json.loads(bkkenergy("check", "--json", "--config", one / "config", code=1))["faults"]
    assert "no key is given" in fault["what"]
    assert "BKKENERGY_ARCHIVE_KEY" in fault["remedy"]
    config = load_configuration(one / "config")
    with pytest.raises(ConfigError, match="no key is given"):
        create_app(make_context(config))
    with pytest.raises(ConfigError, match="no key is given"):
        start(jobs_at(one, Clock("2026-11-24T07:00:05")))


def doctor(home) -> str:
    """What the doctor says of the archive."""
    said = json.loads(bkkenergy("doctor", "--json", "--config", home / "config", code=1))
    return next(line["observed"] for line in said if line["check"] == "archive")
