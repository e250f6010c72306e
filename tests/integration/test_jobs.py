"""Reports that arrive by themselves: ledger, archive, mail, late data, faults, on readings in a real store."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import shutil

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.alerts import Alarm, open_alerts
from bkkenergy.adapters.state.outbox import OutboxMessage, messages, post
from bkkenergy.adapters.state.runs import Due, Run
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.cli.beside import USUAL_MAX, worked_off, workers_for
from bkkenergy.errors import BkkEnergyError
from bkkenergy.jobs import runner, service
from bkkenergy.jobs.post import send_waiting
from bkkenergy.jobs.runner import RunContext, work
from bkkenergy.jobs.service import Jobs
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.render.browser import Browser
from bkkenergy.settings import ArchiveSettings
from bkkenergy.site import load_configuration
from bkkenergy.site.folder import TURNED
from bkkenergy.usecases.standings import PICTURE_DAYS
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT
from tests.receivers import http_receiver, mail_server
from tests.sites import make_jobs
from tests.web import make_app

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:aiosmtpd")

DAY = Period.day(dt.date(2026, 11, 23))
QUARTER_US = 900_000_000
AGENCIES = ("health", "fire-rescue")
METERS = ("health.centre-1.main", "health.centre-2.main", "fire-rescue.station-1.main")
SETTINGS = """
[store]
path = "var/store.sqlite"
[jobs]
retry_first_s = 60
max_tries = 3
schedule = [{{ kind = "day", at = "07:00", agencies = ["health", "fire-rescue", "city"] }}]
[report]
formats = ["html", "csv"]
languages = ["th"]
{more}
"""


class Clock:
    """The time, as a test sets it."""

    def __init__(self, text: str) -> None:
        self.now = dt.datetime.fromisoformat(text).replace(tzinfo=BANGKOK)

    def __call__(self) -> dt.datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += dt.timedelta(**by)


def commit(home, meter: str, period: Period, kw: float = 8.0, hours: slice = slice(None)) -> None:
    """Quarter-hourly registers of steady load; `hours` picks readings of the period."""
    store = SqliteStore(home / "var/store.sqlite")
    store.prepare()
    at = np.arange(timestamp_us(period.start), timestamp_us(period.end) + 1, QUARTER_US)
    register = 1000 + (at - at[0]) / 3_600_000_000 * kw
    picked = at[hours], register[hours]
    store.commit(ReadingBatch((meter,), np.zeros(len(picked[0]), np.int64), picked[0], {"energy_kwh": picked[1]}))
    store.close()


@pytest.fixture
def home(tmp_path):
    (tmp_path / "config").mkdir()
    for name in CONFIG_PARTS:
        (tmp_path / "config" / name).symlink_to(ROOT / "config" / name)
    write_settings(tmp_path)
    for meter in METERS:
        commit(tmp_path, meter, DAY.with_days_before(8))
    return tmp_path


def write_settings(home, more: str = "") -> None:
    (home / "config/bkkenergy.toml").write_text(SETTINGS.format(more=more))


def jobs_at(home, clock) -> Jobs:
    return make_jobs(load_configuration(home / "config"), clock)


@pytest.fixture
def clock():
    return Clock("2026-11-24T07:00:05")


def archive(home):
    """Every file of the archive that people see, by its path."""
    root = home / "var/reports/archive"
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()) if root.exists() else []


def states(jobs):
    return [(run.agency, run.period.slug, run.revision, run.state) for run in jobs.queue.runs()]


def test_what_is_due_is_archived_once_and_the_city_sums_its_agencies(home, clock):
    jobs = jobs_at(home, clock)
    assert jobs.tick() == 3
    assert jobs.tick() == 0
    assert archive(home) == [
        f"{agency}/2026-11-23/r1/{agency}_2026-11-23.{tail}"
        for agency in ("city", "fire-rescue", "health")
        for tail in ("json", "th.csv", "th.html")
    ]
    data = {name: json.loads((home / f"var/reports/archive/{name}/2026-11-23/r1/{name}_2026-11-23.json").read_text())
            for name in ("city", *AGENCIES)}  # fmt: skip
    total = sum(data[name]["total"]["energy_kwh"] for name in AGENCIES)
    assert data["city"]["total"]["energy_kwh"] == pytest.approx(total) == pytest.approx(3 * 8 * 24)
    assert data["city"]["scope"] == "city"
    assert "education" in data["city"]["missing"]
    assert len(data["city"]["missing"]) == 10


def test_health_checks_see_by_a_file_that_the_schedule_was_looked_at(home, clock):
    jobs, turned = jobs_at(home, clock), home / "var" / TURNED
    jobs.tick()
    os.utime(turned, (1, 1))
    jobs.tick()
    assert turned.stat().st_mtime > 1
    os.utime(turned, (1, 1))

    jobs.site.state.dispose()
    (home / "var/state.sqlite").rename(home / "var/moved")
    (home / "var/state.sqlite").mkdir()  # the state cannot be opened
    with pytest.raises(BkkEnergyError):
        jobs.tick()
    assert turned.stat().st_mtime == 1, "not touched where nothing could be looked at"


def test_before_the_hour_the_day_before_is_what_is_owed(home):
    jobs = jobs_at(home, Clock("2026-11-24T06:59:00"))
    jobs.tick()
    assert {run.period.slug for run in jobs.queue.runs()} == {"2026-11-22"}


def test_missed_days_are_caught_up_the_oldest_first(home, clock):
    jobs = jobs_at(home, clock)
    clock.now -= dt.timedelta(days=3)
    assert jobs.tick() == 3
    clock.forward(days=3)
    seen = []
    jobs.queue.claim, claim = (lambda *a: (seen.append(r := claim(*a)), r)[1]), jobs.queue.claim
    assert jobs.tick() == 9
    periods = [run.period.slug for run in seen if run]
    assert periods == sorted(periods)
    assert set(periods) == {"2026-11-21", "2026-11-22", "2026-11-23"}


def test_late_data_bring_a_second_revision_that_says_what_changed(home, clock):
    commit(home, "health.centre-3.main", DAY.with_days_before(8), hours=slice(0, 8 * 96 + 20))
    jobs = jobs_at(home, clock)
    assert jobs.tick() == 3
    clock.forward(hours=2)
    assert jobs.tick() == 0, "nothing has changed"
    commit(home, "health.centre-3.main", DAY.with_days_before(8))
    clock.forward(hours=2)
    assert jobs.tick() == 2, "the agency's and the city's, not the other agency's"
    assert ("health", "2026-11-23", 2, "done") in states(jobs)
    assert ("fire-rescue", "2026-11-23", 2, "done") not in states(jobs)
    new = json.loads((home / "var/reports/archive/health/2026-11-23/r2/health_2026-11-23.json").read_text())
    assert new["revision"] == 2
    changes = {own["building_id"]: own for own in new["changes"]}
    assert changes.keys() == {"", "health.centre-3"}
    assert changes["health.centre-3"]["after_kwh"] == pytest.approx(8 * 24)
    assert changes["health.centre-3"]["before_coverage_ratio"] < 0.3
    page = (home / "var/reports/archive/health/2026-11-23/r2/health_2026-11-23.th.html").read_text()
    assert "ฉบับแก้ไขที่ 2" in page
    assert "สิ่งที่เปลี่ยนจากฉบับก่อน" in page
    assert (home / "var/reports/archive/health/2026-11-23/r1/health_2026-11-23.json").exists(), "what was, stays"
    clock.forward(hours=2)
    assert jobs.tick() == 0


NEW_FACTOR = """
[[grid_factor]]
purpose = "footprint"
valid_from = 2026-11-01
kg_co2e_per_kwh = 0.46
source = "entered after the report was issued"
grade = "V"
entered = 2026-11-24
"""


def test_a_revision_has_the_factors_that_the_report_was_issued_with_and_names_what_came_since(home, clock):
    commit(home, "health.centre-3.main", DAY.with_days_before(8), hours=slice(0, 8 * 96 + 20))
    assert jobs_at(home, clock).tick() == 3
    factors = home / "config/factors.toml"
    text = factors.read_text("utf-8")
    factors.unlink()
    factors.write_text(text + NEW_FACTOR, "utf-8")
    commit(home, "health.centre-3.main", DAY.with_days_before(8))
    clock.forward(hours=2)
    assert jobs_at(home, clock).tick() == 2
    new = json.loads((home / "var/reports/archive/health/2026-11-23/r2/health_2026-11-23.json").read_text())
    assert (new["revision"], new["kg_co2e_per_kwh"]) == (2, 0.475)
    assert [factor["kg_co2e_per_kwh"] for factor in new["entered_factors"]] == [0.46]
    assert new["total"]["co2e_kg"] == pytest.approx(0.475 * new["total"]["energy_kwh"])
    page = (home / "var/reports/archive/health/2026-11-23/r2/health_2026-11-23.th.html").read_text()
    assert "0.4600" in page


def test_after_a_week_late_data_change_nothing(home, clock):
    jobs = jobs_at(home, clock)
    jobs.tick()
    clock.forward(days=9)
    commit(home, "health.centre-3.main", DAY)
    jobs.tick()
    assert ("health", "2026-11-23", 2, "done") not in states(jobs)


def test_one_agency_s_fault_does_not_stop_the_others_and_is_tried_again(home, clock, monkeypatch):
    made = runner.make_report

    def fail_for_health(site, agency, *args, **given):
        if agency == "health":
            raise RuntimeError("a fault that nobody foresaw")
        return made(site, agency, *args, **given)

    monkeypatch.setattr(runner, "make_report", fail_for_health)
    jobs = jobs_at(home, clock)
    assert jobs.tick() == 1, "the city's waits for it"
    health = jobs.queue.runs(agency="health")[0]
    assert (health.state, health.tries) == ("due", 1)
    assert "RuntimeError: a fault that nobody foresaw" in health.error
    clock.forward(seconds=59)
    assert jobs.tick() == 0
    clock.forward(seconds=2)
    jobs.tick()
    clock.forward(seconds=121)
    assert jobs.tick() == 1, "the city's without it"
    assert jobs.queue.runs(agency="health")[0].state == "failed"
    city = json.loads((home / "var/reports/archive/city/2026-11-23/r1/city_2026-11-23.json").read_text())
    assert "health" in city["missing"]
    monkeypatch.setattr(runner, "make_report", made)
    clock.forward(hours=1)
    assert jobs.tick() == 0, "left failed until a person asks"
    jobs.queue.retry([health.id], clock())
    assert jobs.tick() == 2, "and the city's again, now with it"
    city = json.loads((home / "var/reports/archive/city/2026-11-23/r2/city_2026-11-23.json").read_text())
    assert "health" not in city["missing"]


def test_a_run_of_an_agency_that_is_gone_holds_the_city_up_for_one_more_try_at_most(home, clock):
    """The second try is by the newest portfolio: a process may not have read yet of an agency that is new."""
    jobs = jobs_at(home, clock)
    jobs._enter(jobs.site)
    due = Due(agency="dissolved", period=DAY, due_at=clock())
    assert jobs.queue.plan([due]) == 1
    assert jobs.tick() == 2, "the city's waits for it once"
    clock.forward(seconds=61)
    assert jobs.tick() == 1, "and is made without it"
    (gone,) = jobs.queue.runs(agency="dissolved")
    assert (gone.state, gone.tries) == ("failed", 2)
    city = json.loads((home / "var/reports/archive/city/2026-11-23/r1/city_2026-11-23.json").read_text())
    assert city["total"]["energy_kwh"] == pytest.approx(3 * 8 * 24)


def test_while_the_store_is_unavailable_it_is_tried_without_end(home, clock, monkeypatch):
    from bkkenergy.ports.readings import StoreUnavailable

    def away(*_args, **_given):
        raise StoreUnavailable("http://influx:8086 does not answer")

    monkeypatch.setattr(runner, "make_report", away)
    jobs = jobs_at(home, clock)
    for _ in range(6):
        jobs.tick()
        clock.forward(hours=1, seconds=5)
    assert {run.state for run in jobs.queue.runs()} == {"due"}
    assert {run.tries for run in jobs.queue.runs(agency="city")} == {0}, "it waits for its agencies"
    assert archive(home) == []


def recipients(mail_port: int, hook: str, secret) -> str:
    return f"""
[mail]
host = "127.0.0.1"
port = {mail_port}
tls = "none"
[[recipient]]
to = "health@example.com"
agencies = ["health"]
formats = ["pdf", "xlsx"]
[[recipient]]
to = "refused@example.com"
agencies = ["health"]
[[recipient]]
channel = "webhook"
to = "{hook}"
agencies = ["city"]
secret_file = "{secret}"
language = "en"
"""


@pytest.mark.browser
def test_reports_are_handed_over_to_those_who_want_them_once(home, clock):
    (home / "secret").write_text("s")
    with mail_server() as mail, http_receiver() as hook:
        write_settings(home, recipients(mail.port, hook.url, home / "secret"))
        jobs = jobs_at(home, clock)
        mail.answer = "451 try later"
        hook.answers = [503]
        assert jobs.tick() == 3
        assert mail.messages == []
        mail.answer = "250 OK"
        clock.forward(seconds=61)
        jobs.tick()
        clock.forward(hours=1)
        jobs.tick()
        (found,) = mail.messages
        assert len(hook.requests) == 2
    assert found["To"] == "health@example.com"
    assert "สำนักอนามัย" in found["Subject"]
    pdf, book = sorted(found.iter_attachments(), key=lambda part: part.get_filename())
    assert pdf.get_filename() == "health_2026-11-23.th.pdf"
    assert book.get_filename() == "health_2026-11-23.th.xlsx"
    assert book.get_content().startswith(b"PK")
    assert pdf.get_content().startswith(b"%PDF")
    assert "384" in found.get_body(("html",)).get_content()
    posted = json.loads(hook.requests[1][2])
    assert posted["agency"] == "city"
    assert posted["energy_kwh"] == pytest.approx(576)
    assert {file["form"] for file in posted["files"]} == {"html", "csv", "json"}
    by_key = {own.recipient: (own.state, own.tries) for own in messages(jobs.site.state)}
    assert by_key["health@example.com"] == ("sent", 2)
    assert by_key["refused@example.com"] == ("failed", 1)


MONTH = """
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
[[recipient]]
to = "head@example.com"
agencies = ["health"]
reports = ["month"]
documents = ["committee", "memo"]
formats = ["xlsx"]
language = "th"
"""


@pytest.fixture
def month(home, clock):
    """Whether a month's report and its papers were archived and sent: what the mailbox has, and the jobs."""

    def run(**more: str):
        clock.now = dt.datetime(2026, 12, 2, 8, tzinfo=BANGKOK)
        settings = SETTINGS.replace('kind = "day", at = "07:00", agencies = ["health", "fire-rescue", "city"]',
                                    'kind = "month", agencies = ["health"]')  # fmt: skip
        with mail_server() as mail:
            text = settings.format(more=MONTH.format(port=mail.port))
            (home / "config/bkkenergy.toml").write_text(text)
            jobs = jobs_at(home, clock)
            assert jobs.tick() == 1
            jobs.tick()
        return jobs, mail.messages

    return run


@pytest.mark.browser
def test_papers_of_a_month_are_archived_and_sent_to_who_wants_them(month, home):
    jobs, (sent,) = month()
    files = {(file.document, file.form) for file in jobs.queue.artefacts(jobs.queue.runs())[jobs.queue.runs()[0].id]}
    assert files == {("energy", form) for form in ("csv", "html", "json", "pdf", "xlsx")} | {
        ("committee", "pdf"), ("committee", "xlsx"), ("memo", "docx"), ("memo", "pdf")}  # fmt: skip
    assert "บันทึกข้อความ" in sent["Subject"]
    assert "รายงานการใช้ไฟฟ้า" not in sent["Subject"]
    names = {part.get_filename() for part in sent.iter_attachments()}
    assert names == {"health_2026-11_committee.th.xlsx", "health_2026-11_memo.th.docx"}, "a memorandum has no table"
    assert set(names) <= {path.rpartition("/")[2] for path in archive(home)}


LINE = """
[web]
public_address = "https://energy.example.org"
[line]
url = "{url}"
pictures = true
[[recipient]]
channel = "line"
to = "U0123"
secret_file = "token"
agencies = ["health"]
reports = ["day"]
language = "en"
"""


@pytest.mark.browser
def test_line_is_sent_a_picture_that_is_archived_and_opens_without_signing_in(home, clock):
    (home / "token").write_text("t")
    with http_receiver() as line:
        write_settings(home, LINE.format(url=line.url))
        jobs = jobs_at(home, clock)
        assert jobs.tick() == 3
        jobs.tick()
    (request,) = line.requests
    link = json.loads(request[2])["messages"][1]["originalContentUrl"]
    path = "health/2026-11-23/r1/health_2026-11-23.en.png"
    assert link.endswith(path)
    assert path in archive(home)
    anybody = TestClient(make_app(home, clock))
    answer = anybody.get(link.removeprefix("https://energy.example.org"))
    assert answer.headers["Content-Type"] == "image/png"
    picture = Image.open(io.BytesIO(answer.content)).convert("L")
    darkest, lightest = picture.getextrema()
    assert darkest < 64, "there is text"
    assert lightest > 250, "on a page"
    clock.forward(days=PICTURE_DAYS, seconds=1)
    assert anybody.get(link.removeprefix("https://energy.example.org")).status_code == 404


def test_an_alert_goes_out_where_the_archive_cannot_be_opened(home, clock):
    with mail_server() as mail:
        write_settings(home, MONTH.format(port=mail.port))
        jobs = jobs_at(home, clock)
        closed = ArchiveSettings(kind="s3")
        with transaction(jobs.queue.engine) as connection:
            message = OutboxMessage(subject="A silent meter", text="since noon")
            post(connection, key="alert", channel="mail", recipient="head@example.com", message=message, now=clock())
        assert send_waiting(jobs.queue.engine, jobs.settings.model_copy(update={"archive": closed}), clock()) == 1


def test_a_paper_that_cannot_be_made_is_said_and_the_report_goes_out(month, home, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    (home / "config/memo").mkdir()
    (home / "config/memo/health.docx").write_bytes(b"no document")
    jobs, (sent,) = month()
    (run,) = jobs.queue.runs()
    assert run.state == "done"
    assert "health.docx" in run.error
    assert {part.get_filename() for part in sent.iter_attachments()} == {"health_2026-11_committee.th.xlsx"}


def test_a_silent_meter_is_told_in_one_message_after_the_quiet_hours(home, clock):
    with mail_server() as mail:
        write_settings(
            home,
            f"""
[mail]
host = "127.0.0.1"
port = {mail.port}
tls = "none"
[[recipient]]
to = "ops@example.com"
reports = []
alerts = true
language = "en"
""",
        )
        jobs = jobs_at(home, clock)
        clock.now = clock.now.replace(hour=5)
        jobs.tick()
        assert mail.messages == [], "at night"
        clock.forward(hours=2)
        jobs.tick()
        jobs.tick()
        (found,) = mail.messages
    text = found.get_body(("plain",)).get_content()
    assert found["Subject"] == "Energy alerts: 3"
    assert "no data from meter health.centre-1.main since 24 November 2026 00:00" in text


def test_who_has_not_the_lead_works_off_runs_and_decides_nothing(home, clock, monkeypatch):
    from bkkenergy.jobs import service

    events = []
    monkeypatch.setattr(service, "detect_alerts", lambda *_: events.append("alerts"))
    monkeypatch.setattr(service, "purge_readings", lambda *_, **__: events.append("purge"))
    leader, other = jobs_at(home, clock), jobs_at(home, clock)
    assert leader.queue.lead(clock(), 60)
    assert other.tick() == 0
    assert other.queue.runs() == []
    leader._enter(leader.site)
    assert other.tick() == 3
    assert events == []
    leader.tick()
    assert events == ["alerts", "purge"]


def test_an_agency_that_closes_while_the_city_is_made_brings_a_new_city_report(home, clock, monkeypatch):
    """Entered again after the city's run was begun: what the city read may be the agency's revision before."""
    jobs, other, made = jobs_at(home, clock), jobs_at(home, clock), runner.make_city_report
    late: list[int] = []

    def meanwhile(*given, **named):
        if not late:
            health = jobs.queue.runs(agency="health", state="done")[0]
            jobs.queue.again(health, "late", clock())
            late.append(other.tick())
        return made(*given, **named)

    monkeypatch.setattr(runner, "make_city_report", meanwhile)
    assert jobs.tick() == 4
    assert late == [1]
    assert ("city", "2026-11-23", 2, "done") in states(jobs)
    assert jobs.queue.runs(agency="city")[0].reason == "health r2"


def test_a_city_report_that_another_process_begins_at_once_is_made_once(home, clock, monkeypatch):
    jobs, other, begun = jobs_at(home, clock), jobs_at(home, clock), list[Run]()
    close = jobs.queue.finish

    def then_another_claims(*given, **named):
        close(*given, **named)
        if all(run.state == "done" for run in jobs.queue.runs() if run.agency != "city"):
            begun.append(other.queue.claim(clock(), 60.0))

    monkeypatch.setattr(jobs.queue, "finish", then_another_claims)
    assert jobs.tick() == 2
    with Browser() as browser:
        assert [work(RunContext(other.site, other.queue, browser), run) for run in begun] == [True]
    assert [run.revision for run in jobs.queue.runs(agency="city")] == [1]


@pytest.mark.parametrize("last_step", ["again", "finish"])
def test_a_process_that_dies_as_it_closes_a_late_report_leaves_all_or_nothing_entered(
    home, clock, monkeypatch, last_step
):
    class Died(BaseException): ...

    alarm = Alarm(key="finding/centre-1", kind="finding", agency="health", building="health.centre-1")
    jobs, is_closed = jobs_at(home, clock), last_step == "finish"
    assert jobs.tick() == 3
    jobs.queue.again(jobs.queue.runs(agency="health")[0], "late", clock())
    monkeypatch.setattr(runner, "finding_alarms", lambda *_: [alarm])
    done = getattr(jobs.queue, last_step)

    def then_dies(*given, **named):
        done(*given, **named)
        raise Died

    monkeypatch.setattr(jobs.queue, last_step, then_dies)
    with pytest.raises(Died):
        jobs.tick()
    assert ("health", "2026-11-23", 2, "done" if is_closed else "running") in states(jobs)
    assert (("city", "2026-11-23", 2, "due") in states(jobs)) == is_closed
    assert (alarm in open_alerts(jobs.queue.engine)) == is_closed


def test_the_ledger_s_configuration_is_read_once_a_minute_and_at_each_change(home, clock, monkeypatch):
    jobs, followed = jobs_at(home, clock), list[object]()
    monkeypatch.setattr(service, "follow_configuration", lambda site: followed.append(site.portfolio))
    for _ in range(3):
        jobs.bring_up()
    assert len(followed) == 1
    clock.forward(seconds=61)
    jobs.bring_up()
    jobs.site = jobs.site.with_config(jobs.site.config.with_portfolio(jobs.site.portfolio.model_copy()))
    jobs.bring_up()
    jobs.bring_up()
    assert len(followed) == 3


def test_a_worker_that_is_stopped_finishes_the_report_at_hand_and_leaves_the_rest_to_others(home, clock):
    stopped, other = jobs_at(home, clock), jobs_at(home, clock)
    stopped.queue.plan([Due(agency=name, period=DAY, due_at=clock.now) for name in (*AGENCIES, "city")])
    with Browser() as browser:
        context = RunContext(stopped.site.refreshed(), stopped.queue, browser)
        assert stopped.work_off(context, on_run=lambda *_: stopped.stop()) == 1
        assert stopped.work_off(context) == 0
    assert stopped.queue.counts() == {"due": 2, "running": 0, "done": 1, "failed": 0}
    assert other.tick() == 2


def test_two_replicas_make_each_report_once(home, clock):
    both = [jobs_at(home, clock), jobs_at(home, clock)]
    assert [jobs.tick() for jobs in both] == [3, 0]
    clock.forward(days=1)
    both[0].queue.stand_down()
    assert [jobs.tick() for jobs in reversed(both)] == [3, 0]
    assert len(both[0].queue.runs(state="done")) == 6


def run(home, *args, code=0):
    return bkkenergy("jobs", *args, "--config", home / "config", code=code)


def test_the_commands_run_list_retry_and_catch_up(home):
    assert "None yet" in run(home, "list")
    assert "1 report archived" in run(home, "run", "--agency", "health", "--period", "2026-11-23")
    rows = json.loads(run(home, "list", "--json"))
    assert [(row["agency"], row["period"], row["state"]) for row in rows] == [("health", "2026-11-23", "done")]
    assert {file["form"] for file in rows[0]["files"]} == {"html", "csv", "json"}
    assert "0 reports archived" in run(home, "run", "--agency", "health", "--period", "2026-11-23")
    again = run(home, "run", "--agency", "health", "--period", "2026-11-23", "--again", "meter corrected")
    assert "1 report archived" in again
    assert json.loads(run(home, "list", "--json"))[0]["reason"] == "meter corrected"
    assert "health" in run(home, "list", "--agency", "health")
    assert "not in the portfolio" in run(home, "run", "--agency", "nobody", code=2)
    assert "has not ended" in run(home, "run", "--period", "2126-01-01", code=2)
    assert "any two days" in run(home, "run", "--period", "2026-11-01..2026-11-03", code=2)
    assert "Name runs" in run(home, "retry", code=2)
    assert "None of these runs" in run(home, "retry", "1", code=2)
    city = run(home, "run", "--agency", "city", "--period", "2026-11-22", code=1)
    assert "no agency has a report of 2026-11-22 yet" in city
    assert "1 wait to be tried or for others, 0 are with another process." in city
    output = run(home, "catch-up", "--since", (dt.datetime.now(BANGKOK).date() - dt.timedelta(days=2)).isoformat())
    assert "reports archived" in output
    assert "None yet" in run(home, "list", "--mail")


def test_a_test_message_tells_whether_recipients_can_be_reached(home):
    assert "no such recipient" in run(home, "test-mail", code=2)
    (home / "secret").write_text("s")
    with mail_server() as mail, http_receiver() as hook:
        write_settings(home, recipients(mail.port, hook.url, home / "secret"))
        output = run(home, "test-mail", code=1)
        assert "mail health@example.com: taken" in output
        assert "refused@example.com is refused" in output
        assert f"webhook {hook.url}: taken" in output
        assert [found["To"] for found in mail.messages] == ["health@example.com"]


def test_what_a_dead_process_left_unfinished_is_swept_and_a_half_closed_run_replaced(home, clock):
    root = home / "var/reports/archive"
    left = root / ".unfinished/health_2026-11-23_r1_deadbeef"
    left.mkdir(parents=True)
    (left / "half.html").write_text("<html")
    orphan = root / "health/2026-11-23/r1"
    orphan.mkdir(parents=True)
    (orphan / "from-a-try-that-never-closed.html").write_text("x")
    jobs = jobs_at(home, clock)
    assert jobs.tick() == 3
    assert list((root / ".unfinished").iterdir()) == []
    assert not (orphan / "from-a-try-that-never-closed.html").exists()
    shutil.rmtree(root)


@pytest.mark.slow
def test_two_processes_make_each_report_once_and_say_what_failed_with_either(home):
    (home / "var/reports/archive").mkdir(parents=True)
    (home / "var/reports/archive/health").write_text("no folder")
    command = ("jobs", "run", "--period", str(DAY), "--workers", "2", "--lang", "en", "--config", home / "config")
    said = bkkenergy(*command, code=1)
    jobs = jobs_at(home, Clock("2026-11-24T07:00:05"))
    runs = jobs.queue.runs()
    agencies = set(jobs.site.portfolio.agencies)
    assert [run.agency for run in runs if run.state == "done"].count("education") == 1
    assert {run.agency for run in runs if run.state == "done"} == agencies - {"health"}
    assert f"{len(agencies) - 1} reports archived" in said
    assert "health 2026-11-23" in said
    assert len([name for name in archive(home) if name.startswith("education/")]) == 3


def test_a_process_beside_gives_the_runs_that_failed_with_it(home, clock):
    (home / "var/reports/archive").mkdir(parents=True)
    (home / "var/reports/archive/health").write_text("no folder")
    jobs = jobs_at(home, clock)
    jobs.queue.plan([Due(agency=name, period=DAY, due_at=clock()) for name in AGENCIES])
    assert [run.agency for run in worked_off(home / "config")] == ["health"]
    assert {run.agency: run.state for run in jobs.queue.runs()}["fire-rescue"] == "done"
    assert worked_off(home / "config") == []  # it waits for its next try


@pytest.mark.parametrize(("waiting", "asked", "count"), [(0, None, 1), (3, None, 1), (200, 7, 7), (200, 1, 1)])
def test_few_runs_are_worth_no_second_process(waiting, asked, count):
    assert workers_for(waiting, asked) == count
    assert workers_for(10_000, None) <= USUAL_MAX
