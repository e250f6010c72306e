"""Find code that nothing uses, by vulture: `python -m tests.deadcode` prints it, and ends with 1 where there is any.

Two looks: at the source with its tests, and at the source alone, where functions show that only tests call.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from vulture import Vulture
from vulture.core import Item

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src/bkkenergy"
MIN_CONFIDENCE = 60

# What a framework calls by its decorator: commands, routes, validators, fixtures.
DECORATORS = ("@*.command", "@*.get", "@*.post", "@*.put", "@*.patch", "@*.delete", "@*validator", "@pytest.fixture")
# What a framework calls or reads by its name.
NAMES = (
    "pytestmark", "pytest_*", "model_config",  # pytest, pydantic
    "downgrade", "down_revision",  # alembic
    "format_commands", "list_commands", "get_command", "convert",  # click
    "on_*", "_handle_on_message", "_ping_t", "_in_messages", "setblocking",  # paho
    "SessionExpiryInterval", "ReceiveMaximum",  # properties of MQTT 5
    "do_GET", "do_POST", "log_message", "handle_*", "factory",  # http.server, html.parser, aiosmtpd
    "should_exit", "send_400_response", "_should_upgrade", "total_tokens",  # uvicorn, anyio
    "isolation_level", "auto_close", "writeable",  # DB-API, urllib3, numpy
    "StartElementHandler", "EndElementHandler", "CharacterDataHandler", "StartDoctypeDeclHandler", "buffer_text",  # expat
    "oneof_index", "type_name", "boolean_value", "double_value",  # protobuf
    "__getattr__", "__dir__", "_repr_svg_",  # Python, notebooks
    "base_url", "readinto",  # httpx, io
    "page_break_before", "keep_with_next", "page_*", "*_margin", "author", "space_after", "alignment", "*_indent", "autofit", "cs_bold",  # python-docx
    "LANDLORD",  # a value of an enumeration, written in TOML
)  # fmt: skip
# Records whose fields are data: written in TOML, answered by the API, or stored as a whole.
RECORDS = (
    "portfolio/models.py", "portfolio/more.py", "plan/projects.py", "plan/register.py", "site/savings_config.py", "adapters/state/outbox.py",
    "adapters/state/proposals.py", "payloads/decode/canonical.py", "web/api_rows.py", "web/api_balance.py", "web/api_bills.py", "web/api_explore.py",
    "web/api_portfolio_rows.py", "web/api_savings.py", "web/api_worth.py", "web/problems.py",
)  # fmt: skip
# The public library, which notebooks and its readers call, and NREL's PySAM, which is set up by attributes.
PUBLIC = (
    "src/bkkenergy/library/*",
    "tests/bench/solar.py",
    "tests/bench/agreement.py",
    "tests/unit/solar/test_agreement.py",
)
# Wanted, and not called by the product yet: each goes from here when it is used, or goes altogether.
WAITING = frozenset(
    {
        "records_of",  # the examples of the portfolio
    }
)  # fmt: skip


def unused(paths: Iterable[Path]) -> Iterator[Item]:
    """Yield what nothing in these paths uses, the templates' words aside."""
    vulture = Vulture(ignore_names=list(NAMES), ignore_decorators=list(DECORATORS))
    vulture.scavenge(list(paths))
    for name in words_of_templates() | WAITING:
        vulture.used_names.add(name)
    yield from vulture.get_unused_code(min_confidence=MIN_CONFIDENCE)


def words_of_templates() -> set[str]:
    """All words after a dot in the expressions of Jinja templates: fields and properties that pages read."""
    texts = [path.read_text(encoding="utf-8") for form in ("*.j2", "*.html") for path in SRC.rglob(form)]
    code = " ".join(part for text in texts for part in re.findall(r"\{[{%].*?[%}]\}", text, re.DOTALL))
    return set(re.findall(r"\.([a-z_]\w*)", code))


def is_data(item: Item) -> bool:
    """Whether it is a name that the library's readers use, or a field of a record: what only tests read of it is data."""
    path = Path(item.filename).resolve().relative_to(ROOT).as_posix()
    if any(fnmatch(path, pattern) for pattern in PUBLIC):
        return True
    return item.typ == "variable" and item.name.islower() and path.removeprefix("src/bkkenergy/") in RECORDS


def main() -> None:
    """Print dead code of both looks."""
    found = {}
    for paths in ((SRC, ROOT / "tests"), (SRC,)):
        for item in unused(paths):
            if not is_data(item) and (len(paths) > 1 or item.typ != "variable"):
                found[item.filename, item.first_lineno] = item.get_report()
    for _, line in sorted(found.items()):
        sys.stdout.write(line + "\n")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
