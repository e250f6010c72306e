"""What no line of ours does: run text as a program, ask a shell, make a pattern of input, trust a page's script."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.conftest import ROOT

SOURCE = ROOT / "src/bkkenergy"
SCRIPTS = sorted((SOURCE / "web/static").glob("*.js"))
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
UNPACKS_OBJECTS = {"pickle", "cPickle", "dill", "marshal", "shelve", "jsonpickle", "yaml"}
OF_PATTERNS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
OF_PATHS = {"find", "findall", "iterfind", "findtext", "xpath"}
STARTS_PROGRAMS = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"}
SHELLS = {repr(path + name) for path in ("", "/bin/", "/usr/bin/") for name in ("sh", "bash", "dash")}
GOOD_HASHES = {"sha256", "sha512", "blake2b", "pbkdf2_hmac", "file_digest"}
LEAST_BYTES = 16
"""128 bits."""
KEYS = {"explore.js": {"count", "name"}, "survey.js": {"name"}, "sw.js": {"name"}}
"""By which a script sets a property: a count, and names that the script itself or our form has."""
NO_SECRETS = {
    "adapters/state/migrations/versions/s0005_of_the_ingesters.py": "a site's name for itself",
    "usecases/hosts.py": "a host's name, which tells it from others",
    "usecases/accountnotices.py": "a key that tells one message from another",
    "adapters/identities.py": "a client's name, which tells two processes apart",
    "cli/demo_web.py": "the password of a demonstration on this machine, for as long as it runs",
    "adapters/state/sessions.py": "spare codes are typed by hand, and cost a slow hash and a wait a try",
}


@cache
def trees():
    return {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text("utf-8")) for path in SOURCE.rglob("*.py")}


@cache
def calls():
    """Each call of our code: its file, what it is called on, its name, and the call."""
    return tuple(_calls())


def _calls():
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name):
                    yield name, "", node.func.id, node
                elif isinstance(node.func, ast.Attribute):
                    yield name, dotted(node.func.value), node.func.attr, node


def dotted(node):
    """What an expression is in the code: most that calls are made on are a name or its attribute."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ast.unparse(node)


@cache
def imports():
    """Each import of our code: its file and the module."""
    return tuple(_imports())


def _imports():
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield name, node.module


def is_ours(node):
    """Whether a pattern or path is written in our code: a text, a named constant, or such a one with escaped parts."""
    if isinstance(node, ast.JoinedStr):
        return all(is_ours(part.value) for part in node.values if isinstance(part, ast.FormattedValue))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return is_ours(node.func.value) and all(is_ours(keyword.value) for keyword in node.keywords)
    is_escaped = isinstance(node, ast.Call) and ast.unparse(node.func) == "re.escape"
    return is_escaped or isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


def test_no_text_is_run_as_a_program():
    assert [(name, what) for name, on, what, _ in calls() if not on and what in RUNS_TEXT] == []
    assert [name for name, on, what, _ in calls() if on == "Template" or what == "from_string"] == []


def test_objects_are_unpacked_from_a_process_of_our_own_alone():
    assert {name for name, module in imports() if module.partition(".")[0] in UNPACKS_OBJECTS} == {
        "adapters/workers.py"
    }
    arrays = [node for _, on, what, node in calls() if (on, what) == ("np", "load")]
    assert arrays
    assert all("allow_pickle=False" in ast.unparse(node) for node in arrays)


def test_no_shell_is_asked_and_programs_are_started_with_a_list():
    started = {"Popen", "run", "posix_spawn", "posix_spawnp"}
    for name, on, what, node in calls():
        assert what not in STARTS_PROGRAMS or on not in {"os", "subprocess", "asyncio"}, (name, what)
        assert not any(keyword.arg == "shell" for keyword in node.keywords), name
        if on in {"subprocess", "os"} and what in started:
            first = node.args[-2 if what.startswith("posix") else 0]
            assert isinstance(first, ast.List | ast.Name), (name, ast.unparse(node))
    lists = [(name, node) for name, tree in trees().items() for node in ast.walk(tree) if isinstance(node, ast.List)]
    shells = [(name, node.elts[2]) for name, node in lists if node.elts and ast.unparse(node.elts[0]) in SHELLS]
    assert [(name, ast.unparse(text)) for name, text in shells] == [("adapters/office.py", "BOUNDED")], "a text of ours"


def test_patterns_are_ours_and_what_is_typed_is_escaped_in_them():
    others = [
        (name, ast.unparse(node.args[0]))
        for name, on, what, node in calls()
        if on == "re" and what in OF_PATTERNS and not is_ours(node.args[0])
    ]
    of_catalogues = ("texts.py", "PLACE.sub(_as_group, re.escape(text))")
    assert sorted(others) == [("adapters/influx_server.py", "pattern"), of_catalogues], (
        "of REMEDIES, a list of ours, and our texts"
    )
    assert [path.name for path in SCRIPTS if re.search(r"\bRegExp\(", path.read_text("utf-8"))] == []


def test_paths_into_xml_are_written_in_the_code():
    readers = {name for name, module in imports() if module.startswith(("xml.etree", "lxml", "docx"))}
    assert len(readers) > 3
    others = {
        (name, ast.unparse(node.args[0]))
        for name, on, what, node in calls()
        if name in readers and what in OF_PATHS and not on.isupper() and not is_ours(node.args[0])
    }
    assert others == {("adapters/outlines/kml.py", "name"), ("reports/papers/memodocx.py", "drawn")}
    names = [node.args[1] for name, _, what, node in calls() if (name, what) == ("adapters/outlines/kml.py", "_text")]
    assert names
    assert all(isinstance(each, ast.Constant) for each in names), "what kml.py is given as a name"


def test_texts_with_gaps_are_ours():
    """A gap can name an attribute of what fills it: a text from outside must never have gaps."""
    named = {}
    for name, on, what, node in calls():
        assert what != "format_map", name
        if what == "format" and not isinstance(node.func.value, ast.Constant | ast.Call) and not on.isupper():
            named.setdefault(name, set()).add(on)
    drawn = {name for name in named if "Markup(" in ast.unparse(trees()[name])}
    others = {on for name in set(named) - drawn for on in named[name]}
    assert others == {"msgspec.json", "_PHASES[name]"}, "JSON's own function, and a table of ours"
    for name in drawn:
        assert not re.search(r"Markup\((?:form|request|str\()", ast.unparse(trees()[name])), name


def test_hashes_are_those_that_nobody_can_bend():
    used = {what for _, on, what, _ in calls() if on == "hashlib"}
    assert used <= GOOD_HASHES
    new = [ast.unparse(node) for _, on, what, node in calls() if (on, what) == ("hmac", "new")]
    assert new
    assert all("hashlib.sha256" in each for each in new)


def test_what_is_secret_has_at_least_128_bits_of_the_systems_generator():
    short = {
        name
        for name, on, what, node in calls()
        if on == "secrets" and what.startswith("token_") and isinstance(node.args[0], ast.Constant)
        if node.args[0].value < LEAST_BYTES
    }
    assert short == set(NO_SECRETS)
    assert {name for name, module in imports() if module == "random"} == {"usecases/ledgercheck.py"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_page_s_script_writes_texts_as_texts_and_listens_to_no_other_page(path):
    text = path.read_text("utf-8")
    for forbidden in (
        r"\b(?:inner|outer)HTML\b", r"insertAdjacentHTML", r"document\.write", r"createContextualFragment", r"\beval\(",
        r"new Function", r"set(?:Timeout|Interval)\(\s*[\"'`]", r"postMessage", r"addEventListener\(\s*[\"']message",
        r"javascript:", r"<script",
    ):  # fmt: skip
        assert not re.search(forbidden, text), forbidden


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_page_s_script_sets_no_property_by_a_name_that_came_in(path):
    text = path.read_text("utf-8")
    assert not re.search(r"__proto__|\.prototype\b|constructor\[", text)
    assert set(re.findall(r"\w\[([^\]\n]+)\]\s*=[^=]", text)) <= {"i", "n", "k", "index", "at"} | KEYS.get(
        path.name, set()
    )
    assert not re.search(r"Object\.(?:assign|setPrototypeOf)", text)
