"""--json of every command that prints data: it is there, it is JSON, and its fields are those that scripts know."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil

import click
import pytest
from click.testing import CliRunner

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli import cli
from bkkenergy.cli.refusals import error_text
from bkkenergy.errors import BkkEnergyError
from bkkenergy.payloads.message import Reason, Refused
from bkkenergy.portfolio import load_portfolio
from bkkenergy.readings import US_PER_S
from bkkenergy.savings.facts import Finding
from bkkenergy.site import load_configuration
from bkkenergy.site.open import opened_state
from bkkenergy.usecases.findingwork import AskedWork, enter_work
from tests.commands import bkkenergy, wide
from tests.conftest import ROOT
from tests.reference_cli import commands
from tests.web import METERS, make_site

DOES = {
    "init", "serve", "ingest", "web", "demo", "jobs start", "jobs run", "jobs retry", "jobs catch-up", "jobs test-mail", "jobs copy-archive",
    "users add", "users password", "users change", "users lock", "users sign-out", "users erase", "users second-step", "users invite", "tokens add", "tokens end",
    "poll", "programme plan draft", "programme plan approve", "plan add", "plan move", "plan import", "plan undo", "plan withdraw", "portfolio import", "portfolio import-list", "portfolio undo", "quarantine replay",
    "backup", "restore", "migrate", "import", "energy edit", "baseline fit", "baseline accept",
    "baseline decline",
    "work enter", "work undo", "notes write", "notes remove", "notes adjust", "figures import-ft", "figures check", "ereport enter", "meters adopt", "bill remove",
    "retrofit propose", "portfolio proposals accept",
    "portfolio proposals reject", "solar weather fetch", "meters passwords",
}  # fmt: skip
"""Commands that change or start something, and say that it is done."""
WRITES = {
    "report", "export", "plan export", "plan datasheet", "plan jcm", "plan proposal", "retrofit package", "portfolio export", "portfolio export-list", "solar estimate",
    "solar screen", "meters acl", "listen", "ereport export", "ereport annual", "portfolio proposals show", "solar plant",
    "solar tender", "audit export", "programme export", "programme publish", "programme plan write",
}  # fmt: skip
"""Commands that write files of chosen formats, the broker's own form of rules, or a picture that moves; a proposal or a
PV plant, of which this site has none (tests/integration/test_plants.py)."""
WITHOUT_A_SITE = {"solar horizon"}
"""Commands that read a file and nothing else."""
HEALTH, BUILDING = METERS[0], METERS[0].rpartition(".")[0]
BILLS = "month,kwh,total\n" + "".join(f"2025-{month:02},{1000 + month},5000\n" for month in range(1, 13))
ACCOUNT = f"""[[account]]
id = "account-1"
utility = "mea"
number = "123456789"
schedule = "mea-2-2-lv"
buildings = ["{METERS[0].rpartition(".")[0]}"]
"""
PRINTS: dict[str, tuple[list[str], set[str]]] = {
    "users data": (["admin"], {"user_account"}),
    "audit list": ([], {"at", "actor", "action", "target", "detail", "address", "id"}),
    "audit verify": ([], {"sealed", "unsealed", "broken", "newest", "is_cut"}),
    "retrofit survey": ([BUILDING], {"building", "why", "equipment", "candidates"}),
    "retrofit screen": (["health"], {"building", "why", "equipment", "candidates"}),
    "retrofit optimise": (["health", "--budget", "300000"], {"budget_thb", "by", "cost_high_thb", "chosen"}),
    "version": ([], {"bkkenergy", "python", "system"}),
    "check": ([], {"faults", "agencies", "buildings", "meters", "roofs", "calendars", "payload_profiles",
                   "portfolio_revision", "demonstrations"}),
    "doctor": ([], {"check", "is_well", "observed", "remedy"}),
    "retention": ([], {"raw_years", "due_before", "agreed_by", "purged_before", "purged_days", "would_delete",
                       "undeleted_readings", "late_days"}),
    "users list": ([], {"name", "display", "role", "agencies", "is_locked", "created"}),
    "tokens list": ([], {"id", "name", "user", "scope", "created", "until", "last_used"}),
    "quarantine list": ([], {"payloads", "quarantined", "quarantined_bytes", "dropped", "replayed",
                             "ingested_messages", "ingested_readings", "refused"}),
    "quarantine show": (["1"], {"id", "received", "topic", "reason", "detail", "times", "readings", "size_bytes",
                                "is_whole", "payload"}),
    "meters unknown": ([], {"topic", "key", "profile", "kind", "id", "building", "values", "last_heard", "payload"}),
    "meters status": (["health"], {"meter_id", "last_seen", "coverage_ratio", "events", "skew_s", "is_waiting"}),
    "imports list": ([], {"id", "file", "sha256", "kind", "meters", "from", "to", "count", "energy_kwh", "precedence",
                          "imported_by", "imported", "undone_by", "undone"}),
    "imports show": (["1"], {"id", "file", "sha256", "kind", "meters", "from", "to", "count", "energy_kwh",
                             "precedence", "imported_by", "imported", "undone_by", "undone"}),
    "work list": (["health"], {"number", "agency", "building", "rule", "state", "owner", "due", "comment",
                               "cost_thb_a_month", "by", "at"}),
    "notes list": ([BUILDING], {"number", "agency", "building", "first", "end", "text", "by", "at", "removed_by",
                                "removed_at", "adjustment"}),
    "programme show": ([], {"schema", "kind", "subject_id", "name", "title", "period", "sentence", "blocks"}),
    "programme plan list": ([], set()),
    "plan targets": ([], {"programmes", "targets"}),
    "plan list": ([], {"id", "agency", "building", "kind", "name_th", "name_en", "state", "owner", "due_year_be",
                       "budget_thb", "expected_kwh", "pv_meter", "note"}),
    "plan show": (["led-health"], {"id", "agency", "building", "kind", "name_th", "name_en", "state", "owner",
                                   "due_year_be", "budget_thb", "expected_kwh", "pv_meter", "option", "system_meters",
                                   "method", "note", "measured", "why", "steps"}),
    "plan promises": ([], set()),
    "plan history": (["--of", "led-health"], {"revision", "at", "actor", "why", "undoes", "entries"}),
    "plan compare": (["0"], {"kind", "key", "from", "change"}),
    "plan progress": ([], {"name", "count", "budget_thb", "expected_kwh", "decided_kwh", "done_kwh", "measured_kwh"}),
    "bill show": ([BUILDING], {"building", "known_ratio", "month", "schedule", "lines", "total_thb", "ft_thb_per_kwh",
                               "ft_is_entered", "is_demand_estimated", "source"}),
    "bill check": (["--building", BUILDING, "--file", "bills.csv"], {"month", "item", "paper_thb", "ours_thb", "why",
                                                                     "difference_thb"}),
    "bill import": (["account-1", "bills.csv", "--yes"], {"account", "taken", "bills", "refused", "entered"}),
    "bill list": (["account-1"], {"number", "first", "last", "energy_kwh", "items_thb", "by", "at", "source"}),
    "bill compare": ([BUILDING], {"building", "period", "schedule", "energy_kwh", "peak_kw", "known_ratio", "offers"}),
    "baseline show": ([BUILDING], {"building", "baseline", "versions", "progress", "adjustments"}),
    "baseline check": ([BUILDING], {"period", "total", "buildings"}),
    "baseline bills": ([BUILDING, "--file", "bills.csv"], {"building", "model", "months"}),
    "savings year": ([BUILDING], {"period", "total", "buildings"}),
    "savings path": ([BUILDING], {"name", "path"}),
    "savings power": ([BUILDING, "--saving", "15%"], {"building", "rows", "why"}),
    "savings worth": ([BUILDING], {"building", "worth", "why"}),
    "savings normal": ([BUILDING], {"building", "normal", "why"}),
    "savings budget": (["health"], {"agency", "budget"}),
    "savings parts": ([BUILDING], {"building", "parts", "why"}),
    "savings cusum": ([BUILDING], {"building", "months", "why"}),
    "insights": ([BUILDING], set()),
    "index": (["health"], {"building", "type", "rank", "peers", "energy_kwh", "eui_kwh_m2", "median_kwh_m2", "gap_kwh",
                           "peak_kw", "standing"}),
    "energy show": ([HEALTH, "--period", "yesterday"], {"id", "step", "starts", "energy_kwh", "quality",
                                                        "waiting_days", "portfolio_revision"}),
    "energy balance": ([BUILDING, "--period", "yesterday"], set()),
    "energy emissions": (["health"], {"agency", "months", "factors", "upstream_factors"}),
    "figures list": ([], {"file", "name", "value", "valid_from", "valid_to", "grade", "standing", "source", "entered"}),
    "ereport show": (["health"], {"agency", "code", "group", "month", "electricity_kwh", "coverage_ratio", "why"}),
    "portfolio proposals list": ([], set()),
    "jobs list": ([], {"id", "agency", "period", "state", "tries", "revision", "files"}),
    "portfolio diff": ([], set()),
    "portfolio history": ([], set()),
    "portfolio show": ([BUILDING], {"kind", "key", "valid_from", "valid_to", "revision", "value"}),
    "portfolio compare": (["0"], set()),
    "solar size": ([BUILDING], {"building", "schedule", "options"}),
    "solar cleaning": ([BUILDING, "--kwp", "5"], {"building", "capacity_kwp", "options"}),
    "solar compare": ([BUILDING, "--kwp", "5"], {"building", "designs"}),
    "solar roofs": (["roofs.geojson", "--building", BUILDING], {"building", "roofs", "notes"}),
    "solar horizon": (["far.hor"], {"counted_from", "is_assumed", "horizon"}),
    "solar weather show": ([], {"weather", "ghi_kwh_m2_a_year", "months", "statistics"}),
    "solar weather check": ([], {"weather", "intervals", "findings"}),
    "decode": (["--profile", "canonical", "--topic", "bma/x/y/z/readings", "payload.json"],
               {"size_bytes", "steps", "readings", "refused"}),
}  # fmt: skip
"""Command -> what it is asked, and the fields of its answer, or of each of its rows; none where only the form is looked at."""
UNIT = re.compile(
    r"_(kwh|kw|kwp|kg|thb|ratios?|years?|c|ms|mm|s|deg|m|m2|thb_per_kwh|kwh_per_kwp|kwh_per_c|day|kwh_a_month|thb_a_month|kwh_a_year|thb_a_year|tco2e_a_year|thb_per_tco2e|btu_h|btu_h_per_w|hours_a_day|w_per_m2)$|_kwh_m2"
)
WITHOUT_UNIT = {"quantity", "figures", "value", "digits", "rows", "total"}
"""A bill's line and a paper's figure have their unit in the field `unit`, a paper's table in its heads; what a run remembers of its report, to see late data by, is not for scripts."""


def leaves():
    root = click.Context(cli, info_name="bkkenergy")
    for command, context in commands(cli, root):
        if not isinstance(command, click.Group):
            yield context.command_path.removeprefix("bkkenergy "), command


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = make_site(tmp_path_factory.mktemp("json"))
    settings = load_configuration(home / "config").settings
    with opened_state(settings) as state:
        refused = Refused("bma/no/such/meter/readings", b'{"energy_kwh": 1}', Reason.UNKNOWN_METER, "no such meter")
        finding = Finding(BUILDING, "night_spread", "watch", dt.date(2026, 11, 20), 1.0, 2.0, {})
        enter_work(
            state, server_actor("malee"), load_configuration(home / "config").portfolio, BUILDING, "night_spread",
            AskedWork("seen"), [finding], dt.datetime(2026, 11, 26, tzinfo=dt.UTC),
        )  # fmt: skip
        Quarantine.of(state, settings.ingest).keep([refused], {"messages": 1}, now_us=1_795_402_800 * US_PER_S)
    (home / "bills.csv").write_text(BILLS)
    (home / "config/portfolio").unlink()
    shutil.copytree(ROOT / "config/portfolio", home / "config/portfolio")
    (home / "config/portfolio/accounts.toml").write_text(ACCOUNT)
    (home / "roofs.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [outline_at(BUILDING)]}))
    (home / "far.hor").write_text("-90 10\n90 5\n")
    (home / "payload.json").write_text('{"ts": 1795402800, "energy_kwh": 5.0}')
    (home / "hours.csv").write_text("at,kWh\n2026-01-05T00:00:00+07:00,1.5\n2026-01-05T01:00:00+07:00,2.5\n")
    called(home, "tokens add", ["admin", "--name", "t"])
    called(home, "notes write", [BUILDING, *[dt.datetime.now(BANGKOK).date().isoformat()] * 2, "chiller broken"])
    called(home, "import", ["hours.csv", "--column", f"kWh={HEALTH}", "--values", "energy", "--stamps", "start"])
    return home


def outline_at(building_id):
    """A square of 20 m around a building of the demonstration, in degrees."""
    building = load_portfolio(ROOT / "config").buildings[building_id]
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
    return [[building.longitude_deg + x * 1e-4, building.latitude_deg + y * 1e-4] for x, y in corners]


def invoked(home, path, arguments, *more):
    given = [str(home / word) if word.endswith((".csv", ".json", ".geojson", ".hor")) else word for word in arguments]
    config = [] if path in WITHOUT_A_SITE else ["--config", str(home / "config")]
    return CliRunner().invoke(cli, [*path.split(), *given, *more, *config])


def called(home, path, arguments, *more):
    done = invoked(home, path, arguments, *more)
    assert done.exit_code in {0, 1}, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.stdout


def test_every_command_prints_data_with_json_or_does_something():
    known = dict(leaves())
    assert set(known) == DOES | WRITES | set(PRINTS)
    assert not DOES & set(PRINTS)
    without = [path for path in PRINTS if "--json" not in [name for own in known[path].params for name in own.opts]]
    assert without == []


@pytest.mark.parametrize("path", PRINTS)
def test_what_is_printed_with_json_has_the_fields_that_scripts_know(site, path):
    arguments, fields = PRINTS[path]
    text = (
        called(site, path, arguments, "--json")
        if path != "version"
        else CliRunner().invoke(cli, [path, "--json"]).stdout
    )
    data = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    rows = data if isinstance(data, list) else [data]
    if fields:
        assert rows, "nothing to look at"
        assert all(fields <= set(row) for row in rows), set(rows[0]) ^ fields
    assert [name for name in numbers_of(data) if not UNIT.search(name) and name not in WITHOUT_UNIT] == []


SPEAKS_THAI = (
    "check", "doctor", "users list", "tokens list", "quarantine list", "quarantine show", "meters status", "imports list",
    "imports show", "energy show", "figures list", "jobs list", "bill list", "bill check",
)  # fmt: skip
"""Commands of those who run the service, which speak English where nothing is said."""
ENGLISH = re.compile(r"(?<![\w./-])[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}(?![\w./-])")
"""Three plain words in a row, outside of paths, ids and commands."""
DATA = re.compile(
    r"no such meter|bkkenergy [a-z]+ [a-z]+|grid factor, \w+|rates of|customers of|off-peak days|list of|by the rule; no"
)
"""What the site itself holds in English: details of what was refused, commands, figures as their files name them."""


@pytest.mark.parametrize("path", [path for path in SPEAKS_THAI if path != "check"])
def test_a_command_of_operators_speaks_thai_where_it_is_asked_to(site, path, monkeypatch):
    arguments, _ = PRINTS[path]
    english, thai = called(site, path, arguments), called(site, path, arguments, "--lang", "th")
    assert re.search("[ก-๙]", thai)
    assert not re.search("[ก-๙]", english)
    lines = [DATA.sub("", line) for line in thai.splitlines()]
    assert [line for line in lines if ENGLISH.search(line)] == []
    monkeypatch.setenv("BKKENERGY_LANG", "th")
    without_sizes = [re.sub(r"\d+\.\d GB", "", text) for text in (called(site, path, arguments), thai)]
    assert without_sizes[0] == without_sizes[1]


WORD = re.compile(r"(?<![\w./:=@-])[A-Za-z]{3,}(?![\w./:=@-])")
"""A word in Latin letters that is no part of an id, a path or an address."""
COMMAND = re.compile(r"bkkenergy( [a-z-]+)+|--[a-z-]+")
NAMES = {
    "JCM",
    "GWh",
    "LED",
    "On",
    "Off",
    "Peak",
    "TOU",
    "IRR",
    "UTC",
    "RMSE",
    "kWh",
    "kVA",
    "kWp",
    "sqlite",
    "uPlot",
    "npm",
}
"""Names and units that Thai has no other word for."""
OF_THE_SITE = {
    "admin",
    "all",
    "health",
    "education",
    "environment",
    "city",
    "chiller",
    "broken",
    "malee",
}
"""Ids of the site, and what was written into it."""
FROM_FILES = {"figures list", "bill import", "portfolio show", "solar weather show", "decode"}
"""What they show is named as the files name it: figures, forms, records with their English names, sources, fields."""
TO_PASTE = {
    "meters unknown": {"building", "meter", "topic", "payload"},
    "solar horizon": {"horizon"},
    "users data": {"token"},
}
"""Keys of TOML that is printed to be pasted, and of --json."""
ONE_LANGUAGE = {"version"}
"""Names and numbers alone."""


@pytest.mark.parametrize("path", sorted(set(PRINTS) - FROM_FILES - ONE_LANGUAGE))
def test_no_word_of_what_a_command_prints_in_thai_is_english(site, path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    with wide():
        done = invoked(site, path, PRINTS[path][0], "--lang", "th")
    error = error_text(done.exception, "th") if isinstance(done.exception, BkkEnergyError) else ""
    assert not error or re.search("[ก-๙]", error), error
    said = COMMAND.sub("", DATA.sub("", f"{done.stdout} {error or done.exception or ''}"))
    assert set(WORD.findall(said)) - NAMES - OF_THE_SITE - TO_PASTE.get(path, set()) == set()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("decode", "ปฏิเสธ ไม่มีมิเตอร์นี้ในทะเบียน: "),
        ("portfolio show", "หลังคา health.centre-1.main-roof"),
        ("solar weather show", "แสงกระจายคำนวณตาม"),
    ],
)
def test_what_is_named_as_files_name_it_stands_in_thai_sentences(site, path, said):
    arguments, _ = PRINTS[path]
    assert said in called(site, path, arguments, "--lang", "th")
    assert not re.search("[ก-๙]", re.sub(r"name_th [^,]+", "", called(site, path, arguments, "--lang", "en")))


def test_an_error_is_thai_where_thai_is_asked_for_and_else_english(site, monkeypatch):
    words = ["bill", "show", "nowhere", "--config", site / "config"]
    plain = bkkenergy(*words, code=2)
    asked = bkkenergy(*words, "--lang", "th", code=2)
    monkeypatch.setenv("BKKENERGY_LANG", "th")
    assert not re.search("[ก-๙]", plain)
    assert re.search("[ก-๙]", asked)
    assert bkkenergy(*words, code=2) == asked


def test_an_import_is_previewed_and_a_user_changed_in_thai(site):
    columns = ["--column", f"kWh={HEALTH}", "--values", "energy", "--stamps", "start", "--overlap", "replace"]
    shown = called(site, "import", ["hours.csv", *columns, "--dry-run", "--lang", "th"])
    assert f"{HEALTH}: 2 ช่วงเวลา 4.00 kWh ตั้งแต่ 5 ม.ค. 2569 00:00 น." in shown
    assert "อยู่ในการนำเข้าก่อนหน้า: 8 ช่วง 15 นาที" in shown
    assert shown.endswith("ไม่ได้เปลี่ยนแปลงข้อมูลใด (--dry-run)\n")
    changed = called(site, "users change", ["viewer-health", "--role", "viewer", "--lang", "th"])
    assert changed == "viewer-health: ผู้ดู\n"


def test_what_an_import_of_records_would_change_is_said_in_the_names_of_forms(site):
    said = called(site, "portfolio diff", [], "--lang", "th")
    assert "บัญชีไฟฟ้า account-1: รายการใหม่" in said
    assert "account account-1: new" in called(site, "portfolio diff", [])


def test_a_bill_has_its_units_in_the_reader_s_language(site):
    thai, english = (called(site, "bill show", [BUILDING], "--lang", lang) for lang in ("th", "en"))
    assert re.search(r"\d หน่วย x", thai)
    assert re.search(r"\d kWh x", english)
    assert "1.00 เดือน x" in thai


def test_every_command_that_prints_has_a_language_or_is_named_here():
    known = dict(leaves())
    without = {path for path in PRINTS if "--lang" not in [name for own in known[path].params for name in own.opts]}
    assert without == ONE_LANGUAGE
    assert [
        path for path in SPEAKS_THAI if "--lang" not in [name for own in known[path].params for name in own.opts]
    ] == []


def numbers_of(data, name=""):
    """Names of all fields that hold a number that is no whole one."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from numbers_of(value, name if UNIT.search(name) or name in WITHOUT_UNIT else key)
    elif isinstance(data, list):
        for value in data:
            yield from numbers_of(value, name)
    elif isinstance(data, float) and not data.is_integer():
        yield name
