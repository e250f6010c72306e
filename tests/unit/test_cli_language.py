"""What commands print, and why they refuse, is in the catalogues: a text that is in the code alone is English on a Thai screen."""

import ast
import re
import shutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bkkenergy.adapters.engines import translate_db_errors
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.texts import catalogue
from tests.commands import bkkenergy
from tests.conftest import ROOT

SAYING = {
    "echo",
    "secho",
    "style",
    "confirm",
    "prompt",
    "print",
    "add_column",
    "add_row",
    "add_task",
    "update",
    "track",
    "Status",
}
STYLES = {"fg", "style", "justify", "overflow", "end", "header_style", "file"}
"""Keywords that say how a text looks."""
REFUSING = ("InputError", "UnavailableError", "BkkEnergyError", "NotThere", "NotAllowed", "UsageError", "fail")
NOT_REFUSING = re.compile(
    r"(?i)\(?deprecat|options$|commands$|positional arg|\(dynamic\)|env var|default:|file$|path$"  # of help
    r"|.*(?:declar|defined twice|same flag|must be an iterable|start character)|choice\(|unknown error"  # to programmers
    r"|missing parameter|missing {param_type}"  # of parameters that are neither options nor arguments
    r"|choose from:|try '{command} {option}'|{value!r} is not a valid {number_type}"  # the catalogue has each command and each type
)
"""Texts of click that refuse nothing, and those whose form differs in the catalogue."""
JOINING = {"style", "join", "counted", "replace", "strip", "rstrip"}
ENGLISH = {
    "__init__.py": "the program's name before a fault",
    "init.py": "it writes settings with English comments, before a site has a language",
    "serve.py": "one line of a start that goes on in the log",
    "web.py": "lines of a start that goes on in the log; the first-run link and password",
    "version.py": "names of programs",
    "solar_roofs.py": "a key of the configuration, to be copied into it",
    "imports_list.py": "the name of a checksum",
}
"""Files of the command line whose texts are English for a reason."""


def texts_of(node: ast.AST) -> Iterator[str]:
    """Literal texts that an argument prints: not those that a call is asked for, such as a catalogue's key."""
    if isinstance(node, ast.Constant):
        yield from [node.value] if isinstance(node.value, str) else []
    for child in printed_parts(node):
        yield from texts_of(child)


def printed_parts(node: ast.AST) -> Iterable[ast.AST]:
    """The parts of an expression that its text is made of."""
    match node:
        case ast.Call(func=func):
            return (func, *node.args) if getattr(func, "attr", getattr(func, "id", "")) in JOINING else ()
        case ast.IfExp():
            return node.body, node.orelse
        case ast.FormattedValue():
            return (node.value,)
        case ast.GeneratorExp() | ast.ListComp():
            return (node.elt,)
        case ast.Subscript() | ast.Compare() | ast.Lambda() | ast.DictComp():
            return ()
    return ast.iter_child_nodes(node)


def constants_of(tree: ast.Module) -> dict[str, str]:
    """Texts that a module names, or takes from another of ours, by their names."""
    texts: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                texts[name] = text
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("bkkenergy."):
                constants = {alias.name for alias in names if alias.name.isupper()}
                path = ROOT / "src" / f"{module.replace('.', '/')}.py"
                if constants and path.exists():
                    there = constants_of(ast.parse(path.read_text(encoding="utf-8")))
                    texts |= {name: there[name] for name in constants & set(there)}
    return texts


def english_in(source: str) -> list[str]:
    """Texts of a module outside the catalogues: what it prints, and why it refuses."""
    texts: list[str] = []
    tree = ast.parse(source)
    constants = constants_of(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name not in SAYING and name not in REFUSING:
            continue
        given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg not in STYLES)]
        said = [text for each in given for text in texts_of(each)]
        said += [constants[each.id] for each in given if isinstance(each, ast.Name) and each.id in constants]
        texts += [text for text in said if re.search(r"[A-Za-z]{2}", text)]
    return texts


@pytest.mark.parametrize(
    "code",
    [
        'click.echo(f"{count} files")',
        'click.secho("done" if ended else word, fg="red")',
        'click.echo(", ".join(f"{name} of us" for name in names))',
        'raise InputError(f"{name!r} is no pair.")',
        'click.confirm(click.style("Sure?", bold=True))',
        'progress.add_task("Roofs", total=3)',
        'NOTE = "All is well."\nclick.echo(NOTE, err=True)',
    ],
)
def test_a_text_outside_the_catalogues_is_seen(code):
    assert english_in(code)


@pytest.mark.parametrize(
    "code",
    [
        'click.echo(words("command.none_yet"), err=True)',
        'raise InputError.of("no_pair", text=text)',
        'click.secho(f"{row.kind}: {values[\'name\']}", fg="red")',
    ],
)
def test_keys_of_the_catalogues_and_styles_are_no_texts(code):
    assert english_in(code) == []


def test_every_text_of_a_command_is_in_the_catalogues():
    modules = [*(ROOT / "src/bkkenergy/cli").glob("*.py"), ROOT / "src/bkkenergy/demo/session.py"]
    english = {path.name: texts for path in modules if (texts := english_in(path.read_text(encoding="utf-8")))}
    assert {name: texts for name, texts in english.items() if name not in ENGLISH} == {}
    assert set(ENGLISH) == set(english), "a reason for texts that are not there any more"


@pytest.mark.parametrize(
    "command",
    [
        ("report", "nowhere", "--each", "school", "--lang", "th,en"),
        ("solar", "estimate", "nowhere.office", "--lang", "th"),
        ("plan", "move", "nothing", "done", "--lang", "th"),
        ("quarantine", "show", "99", "--lang", "th"),
    ],
)
def test_a_refusal_is_in_the_first_language_that_is_asked_for(command, config_dir, tmp_path):
    shutil.copytree(config_dir, tmp_path / "config")
    assert re.search("^bkkenergy: ไม่มี", bkkenergy(*command, "--config", tmp_path / "config", code=2), re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("rport --lang th", "ไม่มีคำสั่ง 'rport' (หมายถึงคำใดต่อไปนี้: "),
        ("index --perid 2026-11 --lang=th", "ไม่มีตัวเลือก '--perid' หมายถึง '--period' หรือไม่"),
        ("decode --lang th", "ยังไม่ได้ระบุ 'FILE'"),
        ("plan move led --lang th", "ให้เลือกจาก:\n\tsurveyed,"),
        ("plan move led burnt --lang th", "'burnt' ไม่ใช่ค่าที่ใช้ได้"),
        ("import /nowhere.csv --lang th", "ไม่พบไฟล์ '/nowhere.csv'"),
        ("import / --lang th", "ไฟล์ '/' เป็นโฟลเดอร์"),
        ("import /dev/null --lang th", "/dev/null ไม่ใช่ไฟล์ปกติ"),
        ("import --lang th", "กรุณาระบุไฟล์ที่จะนำเข้า หรือ --undo ID"),
        ("listen --seconds 0 --lang th", "0.0 ไม่อยู่ในช่วง x>=0.1"),
        ("listen --seconds soon --lang th", "'soon' ไม่ใช่ตัวเลข"),
        ("listen here there --lang th", "มีค่าเกินมา (here there)"),
        ("report city --format pdf,odf --lang th,en", "odf ไม่ใช่ค่าที่ใช้ได้"),
    ],
)
def test_the_parser_refuses_in_the_language_that_is_asked_for(arguments, text):
    printed = bkkenergy(*arguments.split(), code=2)
    assert text in printed
    assert re.search("^ข้อผิดพลาด: ", printed, re.MULTILINE)


def test_every_text_by_which_click_refuses_has_one_in_thai():
    """A newer click may say things in other words: they would be English on a Thai screen."""
    patterns = [text for key, text in catalogue("en").items() if key.startswith("refusal.")]
    assert [text for text in refusals_of_click() if not any(same_text(text, ours) for ours in patterns)] == []


def test_a_folder_that_is_no_site_s_is_said_in_thai_too(tmp_path, monkeypatch):
    monkeypatch.delenv("BKKENERGY_CONFIG", raising=False)
    assert "จึงใช้ข้อมูลสาธิต" in bkkenergy("check", "--lang", "th", cwd=tmp_path)
    monkeypatch.setenv("BKKENERGY_LANG", "th")
    assert "จึงใช้ข้อมูลสาธิต" in bkkenergy("check", cwd=tmp_path)


def refusals_of_click() -> Iterator[str]:
    """Texts by which click's modules refuse what a person gave: those given to gettext in what they raise or fail with."""
    for name in ("core", "exceptions", "parser", "types"):
        tree = ast.parse(Path(str(import_module(f"click.{name}").__file__)).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"_", "ngettext"}:
                texts = (arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
                yield from (text for text in texts if not NOT_REFUSING.match(text))


def same_text(said: str, text: str) -> bool:
    """Whether a text of click is one of the catalogue, with places of whatever names; a part of a longer one counts."""
    plain = [re.sub(r"{[^}]*}", "{}", each).strip() for each in (said, text)]
    return plain[0] == plain[1] or (len(plain[0]) > 5 and plain[0] in plain[1])


ENGLISH_ERRORS = {
    "UnmarkedCommit": "only a fault of our code can raise it",
    "DeliveryFailed": "what a mail server or a webhook answered, in its words; pages show it as a technical detail",
}
"""Errors whose text is English for a reason."""


def errors_of_ours() -> set[str]:
    """Names of the classes of errors whose text is meant for a person."""
    bases = {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for path in (ROOT / "src/bkkenergy").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }

    def is_ours(name: str) -> bool:
        return name == "BkkEnergyError" or any(map(is_ours, bases.get(name, ())))

    return {name for name in bases if is_ours(name)}


def raw_errors(source: str, classes: set[str]) -> list[str]:
    """Errors that are made of a text instead of a key of the catalogues."""
    tree = ast.parse(source)
    constants = constants_of(tree)

    def has_text(argument: ast.expr) -> bool:
        if isinstance(argument, ast.IfExp):
            return has_text(argument.body) or has_text(argument.orelse)
        is_named = isinstance(argument, ast.Name) and argument.id in constants
        return is_named or isinstance(argument, ast.Constant | ast.JoinedStr)

    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in classes
        and any(map(has_text, node.args))
    ]


def test_every_error_that_can_reach_a_person_is_of_the_catalogues():
    """The library's errors go to programmers, who read English; pages and commands do not call it."""
    classes = errors_of_ours() - set(ENGLISH_ERRORS)
    assert {"InputError", "StoreUnavailable", "DecodeError", "BackupBroken"} <= classes
    assert raw_errors('raise InputError(f"{path} is none.")', classes)
    assert raw_errors('WHY = "It is none."\nraise InputError(WHY if path else "none")', classes)
    assert not raw_errors('raise InputError.of("is_none", path=path)', classes)
    paths = [path for path in (ROOT / "src/bkkenergy").rglob("*.py") if "library" not in path.parts]
    raw = {str(path): texts for path in paths if (texts := raw_errors(path.read_text(encoding="utf-8"), classes))}
    assert raw == {}


def test_a_period_that_is_not_understood_is_said_in_thai(config_dir):
    said = bkkenergy("report", "health", "--period", "2569-11", "--lang", "th", "--config", config_dir, code=2)
    assert "ไม่เข้าใจช่วงเวลา '2569-11' (2569 เป็นปีพุทธศักราช โปรดเขียน 2026)" in said


def test_a_day_that_no_calendar_has_is_said_in_thai(config_dir):
    said = bkkenergy("report", "health", "--period", "2026-13", "--lang", "th", "--config", config_dir, code=2)
    assert "ไม่เข้าใจช่วงเวลา '2026-13' (ไม่ใช่วันหรือเดือนในปฏิทิน)" in said


def test_a_period_that_ends_before_it_starts_is_not_said_to_have_no_day():
    with pytest.raises(ValueError, match="Swap the two") as caught:
        Period.of("2026-11-15..2026-11-01")
    said = InputError.of("as_it_says", why=caught.value).said("th")
    assert "โปรดสลับกัน" in said
    assert "ไม่ใช่วันหรือเดือนในปฏิทิน" not in said


def test_a_database_that_fails_is_named_in_its_reader_s_language():
    engine = create_engine("sqlite://")
    with pytest.raises(StoreUnavailable, match="^state database sqlite") as caught, translate_db_errors(engine):
        engine.connect().exec_driver_sql("select none of these")
    assert caught.value.said("th").startswith("ฐานข้อมูลสถานะ sqlite")


def test_what_the_system_says_of_a_path_is_said_in_thai(config_dir, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    path = tmp_path / "file" / "readings.csv"
    said = bkkenergy("export", path, "--period", "2026-11", "--lang", "th", "--config", config_dir, code=None)
    assert not re.search("Errno|Not a directory|No such file", said)
    assert re.search("[ก-๙]", said)
