"""The action plan as a document: drafted, read as it was, approved by a person, replaced, and never changed."""

import datetime as dt
import io
import json

import docx
import pytest
from click.testing import CliRunner
from pypdf import PdfReader
from sqlalchemy import update

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import open_state, reading, transaction
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.persontables import plan_document
from bkkenergy.adapters.state.plandocuments import documents
from bkkenergy.calendar import fiscal_year_of
from bkkenergy.cli import cli
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.papers.stored import paper_of
from bkkenergy.reports.papers.tables import paper_data
from bkkenergy.reports.programme.document import document_paper, draft_plan, plan_paper
from bkkenergy.reports.programme.gather import programme_of
from bkkenergy.site import load_configuration, open_site
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.usecases.plan import move_project
from bkkenergy.usecases.plandocuments import approve_document, seen_document
from bkkenergy.usecases.uptodate import up_to_date
from tests.integration.test_api_portfolio import client_of
from tests.register import REGISTER
from tests.web import csrf_of, make_app, make_site, signed_in

NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.astimezone(dt.timezone(dt.timedelta(hours=7))).date()
YEAR_BE = fiscal_year_of(TODAY).last_day.year + BE_OFFSET_YEARS
ROOT = server_actor("cli:root")


@pytest.fixture
def home(tmp_path):
    home = make_site(tmp_path / "site")
    (home / "config/programme.toml").write_text(REGISTER, encoding="utf-8")
    return home


@pytest.fixture
def app(home):
    return make_app(home)


@pytest.fixture
def site(home):
    with open_site(load_configuration(home / "config")) as opened:
        yield up_to_date(opened).refreshed()


def run(home, *arguments):
    return CliRunner().invoke(cli, ["programme", "plan", *arguments, "--config", str(home / "config")])


def test_a_version_is_drafted_approved_and_replaced_on_the_page(app, home):
    manager, admin = signed_in(app, "manager-health"), signed_in(app, "admin-health")
    sent = {"agency": "health", "csrf": csrf_of(manager), "why": "first version"}
    assert manager.post("/programme/plan/draft", data=sent).headers["location"] == "/programme/plan?agency=health"
    page = manager.get("/programme/plan?agency=health&lang=en").text
    assert "It is not approved." in page
    assert "/approve" not in page, "a manager does not approve"
    refused = manager.post("/programme/plan/1/approve", data={"csrf": csrf_of(manager), "approver": "x y z"})
    assert refused.status_code in {403, 422}
    approval = {
        "csrf": csrf_of(admin),
        "approver": "ผู้อำนวยการสำนักอนามัย",
        "on": TODAY.isoformat(),
        "letter": "กท 1/2569",
    }
    assert admin.post("/programme/plan/1/approve", data=approval).status_code == 303
    shown = admin.get("/programme/plan/1.html?lang=en")
    assert "approved on" in shown.text
    assert "กท 1/2569" in shown.text
    manager.post("/programme/plan/draft", data=sent | {"why": "with a chiller"})
    admin.post("/programme/plan/2/approve", data=approval | {"csrf": csrf_of(admin)})
    engine = open_state(load_configuration(home / "config").settings.state)
    with reading(engine) as connection:
        versions = documents(connection, ["health"])
    assert [(one.version, one.state, one.drafted_by, one.entered_by) for one in versions] == [
        (2, "approved", "manager-health", "admin-health"),
        (1, "replaced", "manager-health", "admin-health"),
    ]
    actions = [line["action"] for line in audit_lines(engine) if line["action"].startswith("plan_")]
    assert sorted(actions) == ["plan_approve", "plan_approve", "plan_draft", "plan_draft"]
    engine.dispose()
    assert admin.get("/programme/plan", params={"agency": "none"}).status_code == 404
    assert "A newer version has replaced it." in admin.get("/programme/plan/1.html?lang=en").text


def test_others_plans_are_not_there(app, site):
    draft_plan(site, ROOT, "education", NOW, why="first version")
    draft_plan(site, ROOT, "city", NOW, why="first version")
    reader = signed_in(app, "viewer-health")
    for path in ("?agency=education", "?agency=city", "/1.html", "/2.docx", "/99.html"):
        assert reader.get(f"/programme/plan{path}").status_code in {403, 404}, path
    assert signed_in(app, "admin").get("/programme/plan/2.html").status_code == 200
    for number in ("0", "99999999999999999999", "x"):
        assert reader.get(f"/programme/plan/{number}.html").status_code in {404, 422}, number
    assert client_of(app, "viewer-health").get("/api/v1/programme/plans").json() == []


def test_a_version_says_what_was_planned_whatever_happens_to_the_projects(site):
    first = draft_plan(site, ROOT, "health", NOW, why="first version")
    move_project(site.state, ROOT, "led-health", "dropped", TODAY, "no budget", NOW)
    with pytest.raises(InputError, match="no projects"):
        draft_plan(site.refreshed(), ROOT, "health", NOW, why="second version")
    paper = document_paper(seen_document(site.state, ROOT, first.id), "en")
    measures = next(
        block for block in paper.blocks if getattr(block, "title", "") == "Measures and who answers for them"
    )
    assert [row[0] for row in measures.rows] == ["LED health"]


def test_what_was_changed_in_the_database_is_not_shown_and_not_approved(site, app):
    document = draft_plan(site, ROOT, "health", NOW, why="first version")
    with transaction(site.state) as connection:
        connection.execute(update(plan_document).values(body={"en": {"title": "Another plan"}, "th": {}}))
    with pytest.raises(InputError, match="not what was drafted"):
        approve_document(site.state, ROOT, document.id, "The director", TODAY, NOW)
    answer = signed_in(app, "admin").get(f"/programme/plan/{document.id}.html?lang=en")
    assert answer.status_code == 422
    assert "not what was drafted" in answer.text


@pytest.mark.parametrize(
    ("approver", "on", "says"),
    [
        ("", TODAY, "name and the office"),
        ("The director", TODAY + dt.timedelta(days=1), "between the day of the draft and today"),
        ("The director", TODAY - dt.timedelta(days=1), "between the day of the draft and today"),
        ("The\x00director", TODAY, "sign"),
    ],
)
def test_an_approval_names_who_and_a_day_that_can_be(site, approver, on, says):
    document = draft_plan(site, ROOT, "health", NOW, why="first version")
    with pytest.raises(InputError):
        approve_document(site.state, ROOT, document.id, approver, on, NOW)
    assert seen_document(site.state, ROOT, document.id).state == "draft", says


def test_an_older_draft_is_not_approved_after_a_newer_one_and_nothing_twice(site):
    first, second = (draft_plan(site, ROOT, "health", NOW, why=f"version {number}") for number in (1, 2))
    approve_document(site.state, ROOT, second.id, "The director", TODAY, NOW)
    with pytest.raises(InputError, match="newer"):
        approve_document(site.state, ROOT, first.id, "The director", TODAY, NOW)
    with pytest.raises(InputError, match="no draft"):
        approve_document(site.state, ROOT, second.id, "The director", TODAY, NOW)


@pytest.mark.parametrize("lang", LANGS)
def test_a_stored_paper_comes_back_as_it_was(site, lang):
    agencies = list(site.portfolio.agencies)
    programme = programme_of(site, agencies, now=NOW, has_partners=True)
    paper = plan_paper(programme, Words(lang), "city", NOW)
    stored = json.loads(json.dumps(paper_data(paper), ensure_ascii=False))
    again = paper_of(stored)
    assert paper_data(again) == paper_data(paper)
    assert again == paper


def test_the_document_is_a_word_file_in_thai_with_its_approval(site, app):
    document = draft_plan(site, ROOT, "city", NOW, why="รุ่นแรก")
    approve_document(site.state, ROOT, document.id, "ปลัดกรุงเทพมหานคร", TODAY, NOW, letter="กท 9/2569")
    content = signed_in(app, "admin").get(f"/programme/plan/{document.id}.docx?lang=th").content
    opened = docx.Document(io.BytesIO(content))
    text = "\n".join(paragraph.text for paragraph in opened.paragraphs)
    assert "แผนปฏิบัติการพลังงาน" in text
    assert "ปลัดกรุงเทพมหานคร" in text
    cells = {cell.text for table in opened.tables for row in table.rows for cell in row.cells}
    assert {"หลอด health", "หลอด education", "รุ่นแรก"} <= cells


def test_papers_reports_and_plans_are_printed_as_pdf_in_turn(site, app):
    document = draft_plan(site, ROOT, "health", NOW, why="first version")
    reader = signed_in(app, "viewer-health")
    asked = "subject=health&period=yesterday&kind=progress"
    for path in (
        f"/reports/made?{asked}&form=pdf",
        f"/programme/plan/{document.id}/pdf",
        f"/programme/pdf?year={YEAR_BE}",
    ):
        answer = reader.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), path
        root = PdfReader(io.BytesIO(answer.content)).trailer["/Root"]
        assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("th", True), path
        assert "/StructTreeRoot" in root
    assert reader.get(f"/reports/made?{asked.replace('health', 'education')}&form=pdf").status_code == 404
    client = client_of(app, "viewer-health")
    assert client.get(f"/api/v1/papers/progress/health?{asked}&form=pdf").content.startswith(b"%PDF-")


def test_by_command_and_by_the_api_it_is_the_same(app, home, tmp_path):
    done = run(home, "draft", "--why", "first version", "--lang", "en")
    assert done.exit_code == 0, f"{done.output}{done.exception}"
    assert "Draft, version 1" in done.output
    day = TODAY.isoformat()
    done = run(
        home, "approve", "1", "--by", "Somchai, Permanent Secretary", "--on", day, "--letter", "A 1", "--lang", "en"
    )
    assert "approved on" in done.output
    assert json.loads(run(home, "list", "--json").output)[0]["approver"] == "Somchai, Permanent Secretary"
    assert "approved on" in run(home, "list", "--lang", "en").output
    assert run(home, "write", "1", str(tmp_path / "plan.xlsx")).exit_code == 0
    client = client_of(app, "admin")
    (row,) = client.get("/api/v1/programme/plans").json()
    assert (row["state"], row["letter"], row["agency"]) == ("approved", "A 1", "city")
    said = client.get("/api/v1/programme/plans/1?lang=en").json()
    assert said["kind"] == "action-plan"
    drafted = client.post("/api/v1/programme/plans", json={"agency": "health", "why": "by a program"})
    assert drafted.status_code == 201, drafted.text
    number = drafted.json()["id"]
    approval = {"approver": "The director", "on": day}
    approved = client.post(f"/api/v1/programme/plans/{number}/approval", json=approval)
    assert approved.json()["state"] == "approved"
    assert client.post(f"/api/v1/programme/plans/{number}/approval", json=approval).status_code == 422


@pytest.mark.parametrize(
    "path",
    ["/photos/{}", "/commissionings/{}", "/commissionings/{}/pdf", "/programme/plan/{}.html", "/records/history/{}"],
)
def test_a_number_that_no_row_can_have_is_not_there(app, path):
    assert signed_in(app, "admin").get(path.format("9" * 20)).status_code in {404, 422}
