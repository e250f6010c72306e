"""docs/security.md names each secret, connection and reader of files that the code has."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import iter_modules

import pytest

from bkkenergy import usecases
from bkkenergy.portfolio.reach import AGENCY_FIELDS, BUILDING_FIELDS, METER_FIELDS, OPEN_KINDS, SHARED_KINDS
from bkkenergy.recipients import MailSettings, Recipient
from bkkenergy.settings import Settings
from bkkenergy.usecases.powers import USE_CASES
from tests.conftest import ROOT
from tests.unit.test_secure_code import SOURCE, imports

PAGE = (ROOT / "docs/security.md").read_text("utf-8")
GUARDS = {"hmac", "argon2", "pyotp", "joserfc", "pyrage", "fido2", "ssl", "cryptography", "secrets"}
TALKS = {
    "urllib3", "smtplib", "imaplib", "paho", "influxdb_client", "psycopg", "socket", "obstore", "pymodbus", "opentelemetry",
    "httpx", "requests", "uvicorn", "ftplib", "websockets", "aiohttp",
}  # fmt: skip
READS = {
    "subprocess",
    "pickle",
    "xml",
    "lxml",
    "zipfile",
    "tarfile",
    "PIL",
    "pypdf",
    "docx",
    "openpyxl",
    "ezdxf",
    "shapefile",
}
WRITES_ALONE = {"reports/plan/sheets.py", "reports/solar/tender.py"}
"""Archives that we make."""
SECRET = re.compile(r"password|secret|token|key_file|url_file|share_file")


def section(title):
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def using(modules):
    """Which of our files import one of some modules; a migration has run before anybody reads this."""
    return {name for name, module in imports() if module.partition(".")[0] in modules and "/migrations/" not in name}


@pytest.mark.parametrize(
    ("title", "modules"), [("Keys and secrets", GUARDS), ("Connections", TALKS), ("Where it is dangerous", READS)]
)
def test_each_file_that_does_it_is_named(title, modules):
    files = using(modules) - WRITES_ALONE
    assert len(files) > 10
    text = section(title)
    assert sorted(name for name in files if f"`{name}`" not in text) == []
    named = set(re.findall(r"`([\w/]+\.py)`", text))
    assert sorted(name for name in named if not (SOURCE / name).exists()) == []


def test_fields_with_rules_of_their_own_are_those_of_the_code():
    """The last column names kinds of records, their fields, and use cases: each that has a rule beyond "edit" is there."""
    rows = [line.split("|")[1:-1] for line in section("Which fields who sees and changes").splitlines() if "|" in line]
    named = {row[0].strip(): set(re.findall(r"`([^`]+)`", row[-1])) for row in rows[2:]}
    assert named["records of no single agency"] == OPEN_KINDS
    assert named["an agency's own record"] | named["a partner"] == SHARED_KINDS - OPEN_KINDS
    within = next(names for row, names in named.items() if row.startswith("names of agencies"))
    assert within == {*AGENCY_FIELDS, *BUILDING_FIELDS, *METER_FIELDS}
    for module in iter_modules(usecases.__path__):
        import_module(f"bkkenergy.usecases.{module.name}")
    ruled = {case.name for case in USE_CASES.values() if case.scope == "own" or case.power == "administer"}
    assert {name for names in named.values() for name in names if "." in name} == ruled


def fields_of(model, path=""):
    """Each field of the settings, with the sections that it is in."""
    for name, field in model.model_fields.items():
        inner = [
            each
            for each in (field.annotation, *getattr(field.annotation, "__args__", ()))
            if hasattr(each, "model_fields")
        ]
        if inner:
            yield from (one for each in inner for one in fields_of(each, f"{path}{name}."))
        else:
            yield f"{path}{name}"


def test_each_setting_with_a_secret_is_named():
    fields = [*fields_of(Settings), *(f"recipient.{name}" for name in Recipient.model_fields)]
    fields += [f"mail.{name}" for name in fields_of(MailSettings)]
    files = sorted({name for name in fields if SECRET.search(name) and name.endswith("_file")})
    assert len(files) > 10
    assert [name for name in files if f"`{name}`" not in section("Keys and secrets")] == []


def test_lines_of_the_service_go_where_the_page_says_and_nowhere_else():
    """A library's lines go through the same stream; two files only set how much they say."""
    assert using({"logging", "syslog"}) == {"cli/context.py", "demo/broker.py", "jobs/service.py"}
    for name in using({"logging", "structlog"}):
        text = (SOURCE / name).read_text("utf-8")
        assert (
            not re.search(r"\w+Handler\(|addHandler|structlog\.configure|basicConfig", text) or name == "cli/context.py"
        ), name
    assert "`cli/context.py`" in section("Logs")
