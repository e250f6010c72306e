"""Every command that README and the guides show is run; every link and picture in them leads somewhere."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli import cli
from bkkenergy.cli.init import with_value
from bkkenergy.errors import BkkEnergyError
from bkkenergy.readings import ReadingBatch
from tests import reference_settings
from tests.conftest import ROOT
from tests.servers import free_port
from tests.web import make_site

FIRST = ("operator", "meters")
"""What makes the user, and the revisions, that appear in the other guides."""
TUTORIAL = Path("tutorial/first-report.md")
GUIDES = sorted((ROOT / "docs").rglob("*.md"), key=lambda path: ([*FIRST, path.stem].index(path.stem), str(path)))
PAGES = [ROOT / "README.md", *GUIDES, ROOT / "SECURITY.md"]
IN_ENGLISH = {
    *(ROOT / "docs/en/notebooks").glob("*.md"),
    *(ROOT / f"docs/en/reference/{name}.md" for name in ("cli", "library", "settings")),
}
"""Made from code, in its language."""
BY_OTHERS = {
    "make demo": "a fresh clone runs it",
    "make test": "CI is it",
    "make demo ARGS=--exit": "a fresh clone runs it",
    "bkkenergy savings path health": "it needs a baseline from before the fiscal year: tests/integration/test_savings_cli.py",
}
"""What the guides show and this test does not run, and who does."""
IN_CONTAINERS = ("docker compose ", "deploy/make-secrets ", "cd deploy", "tar -xzf site/backups")
"""How lines begin that need an engine. Each line of those chapters is walked by tests/containers."""
RUNNING = ("serve", "web", "ingest", "jobs start")
SETTINGS = """
[mqtt]
port = {broker}
[store]
path = "var/store.sqlite"
[state]
path = "var/state.sqlite"
[jobs]
schedule = [{{ kind = "day", at = "00:00", agencies = ["health"] }}]
[observe]
port = 0
[web]
port = {web}
secure_cookies = false
"""


def blocks(page: Path) -> list[str]:
    """The lines of a page's shell blocks, without their comments."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return [found for line in lines if (found := re.sub(r"\s+#.*$", "", line).strip()) and not found.startswith("#")]


def shown(page: Path) -> list[str]:
    """Commands that a page names in its text and tables."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [own.replace("\\|", "|") for own in re.findall(r"`(bkkenergy [^`]+)`", text)]


def links(page: Path) -> Iterator[str]:
    """Pages and pictures that a page links to, the languages apart."""
    for target in re.findall(r"(?<!!)\[[^]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        yield target.replace("../../en/", "../").replace("/en/", "/").replace("/th/", "/")


def rows(page: Path) -> list[list[str]]:
    """Rows of a page's table, without its head."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def as_of_now(command: str) -> str:
    """Days of the guides, which grow old, as days that have data."""
    today = dt.datetime.now(BANGKOK).date()
    last_month = (today.replace(day=1) - dt.timedelta(days=1)).strftime("%Y-%m")
    command = re.sub(r"20\d\d-\d\d-\d\d", (today - dt.timedelta(days=2)).isoformat(), command)
    return re.sub(r"20\d\d-\d\d(?!-?\d)", last_month, command)


@pytest.fixture(scope="module")
def home(tmp_path_factory, broker):
    """The demonstration's portfolio with a year of the health centres."""
    folder = tmp_path_factory.mktemp("docs")
    make_site(folder, days=3, settings=SETTINGS.format(broker=broker.port, web=free_port()))
    portfolio = folder / "config/portfolio"
    portfolio.unlink()
    shutil.copytree(ROOT / "config/portfolio", portfolio)
    (portfolio / "accounts.toml").write_text(
        '[[account]]\nid = "office"\nutility = "mea"\nnumber = "123456789"\nschedule = "mea-2-2-lv"\nbuildings = ["health.centre-1"]\n'
    )
    bills = pd.DataFrame({"เดือน": ["ม.ค. 2569"], "จำนวนหน่วย": [1200], "ยอดเงิน": [None]})
    bills.to_excel(folder / "bills-2569.xlsx", index=False)
    with (portfolio / "buildings/health.toml").open("a") as file:
        file.write(
            '[[building.meters]]\nid = "plug"\ntopic = "tele/plug/SENSOR"\npayload = "tasmota-sensor"\nrated_kw = 4\nparent = "main"\n'
            '[[building.meters]]\nid = "water"\nkind = "other"\nrated_kw = 1\nrated_m3_per_h = 20\n'
            '[[building.meters]]\nid = "ward"\nkind = "other"\nrated_kw = 1\n'
        )
    at = (int(time.time()) // 900 - np.arange(430 * 96)[::-1]) * 900_000_000
    hour, day = (at / 3_600e6 + 7) % 24, (at / 86_400e6 + 7 / 24).astype(int)
    kw = np.where((hour > 8) & (hour < 17) & (day % 7 > 1), 30.0, 6.0) + np.random.default_rng(3).uniform(0, 2, len(at))
    store = SqliteStore(folder / "var/store.sqlite")
    for name in ("centre-1", "centre-2", "centre-3", "centre-4"):
        columns = {"energy_kwh": 5000 + np.cumsum(kw) / 4}
        store.commit(ReadingBatch((f"health.{name}.main",), np.zeros(len(at), np.int64), at, columns))
    store.close()
    midnight = pd.Timestamp(at[0], unit="us", tz="UTC").tz_convert(BANGKOK).floor("D")
    for days, name in ((1, "utility.csv"), (2, "amr.xlsx"), (3, "amr-11.xlsx")):
        times = pd.date_range(end=midnight - pd.Timedelta(days - 1, "D"), periods=97, freq="15min").tz_localize(None)
        if name.endswith(".csv"):
            pd.DataFrame({"time": times[:-1], "kWh": 1.5}).to_csv(folder / name, index=False)
        else:
            pd.DataFrame({"time": times[1:], "kW": 6.0}).to_excel(folder / name, index=False)
    pd.DataFrame({"time": times[:-1], "Volume (m3)": 0.25}).to_csv(folder / "water.csv", index=False)
    pd.DataFrame({"time": times[:-1], "Temperature (°F)": 77.0}).to_excel(folder / "rooms.xlsx", index=False)
    return folder


def in_process(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli, arguments, input="\n" * 20)  # every question: the default
    output = f"bkkenergy {' '.join(arguments)}: {done.output}"
    if isinstance(done.exception, BkkEnergyError):
        pytest.fail(f"{output} {done.exception}")
    assert done.exit_code == 0, f"{output} {done.exc_info}"


def for_a_while(arguments: list[str], home: Path) -> None:
    """Start what runs until it is stopped; it must stop when asked, without a fault."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bkkenergy", *arguments], cwd=home, stderr=subprocess.PIPE, text=True
    )
    time.sleep(5)
    process.send_signal(signal.SIGTERM)
    _, output = process.communicate(timeout=60)
    assert process.returncode in {0, -signal.SIGTERM}, output


def prepared(home: Path, config: Path, broker_port: int) -> None:
    """The new site's own ports: another test may have the default ones."""
    path = config / "bkkenergy.toml"
    text = path.read_text(encoding="utf-8")
    for section, key, value in (("mqtt", "port", broker_port), ("observe", "port", 0), ("web", "port", free_port())):
        text = with_value(text, section, key, value)
    path.write_text(text, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_command_of_the_guides_runs(home, broker, monkeypatch):
    commands = list(
        dict.fromkeys(
            line.replace(".venv/bin/", "")
            for page in PAGES
            if page.parts[-2:] != TUTORIAL.parts
            for line in blocks(page)
        )
    )
    assert len(commands) > 35
    monkeypatch.chdir(home)
    monkeypatch.setenv("BKKENERGY_CONFIG", str(home / "config"))
    (home / "message.json").write_text('{"Time": "2026-11-25T10:00:00", "ENERGY": {"Total": 1.5, "Power": 40}}')
    for command in commands:
        if command in BY_OTHERS:
            continue
        words = shlex.split(as_of_now(command))
        if words[0] != "bkkenergy":
            is_run = command.startswith(IN_CONTAINERS)
            assert is_run or command.split()[0] in {"make", "KILLS=20"}, f"nobody runs {command!r}"
            continue
        arguments = words[1:]
        if any(" ".join(arguments).startswith(name) for name in RUNNING):
            for_a_while(arguments, home)
        else:
            in_process(arguments)
        if arguments[0] == "init":
            prepared(home, Path(arguments[1]) / "config", broker.port)
        if arguments[0] == "restore":
            assert (home / "restored/var/store.sqlite").stat().st_size > 10**6


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_the_text_exist_with_their_options(page):
    for command in shown(page):
        words = [word for word in command.split()[1:] if word]
        found: click.Command = cli
        path: list[str] = []
        while words and isinstance(found, click.Group):
            names = words.pop(0).split("|")
            context = click.Context(found)
            for name in names:
                own = found.get_command(context, name)
                assert own is not None, f"{page.name}: bkkenergy {' '.join([*path, name])} does not exist"
            found, path = own, [*path, names[-1]]
        options = {option for own in found.params for option in own.opts}
        for word in words:
            if word.startswith("--"):
                assert word in options, f"{page.name}: `{command}` has no option {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if "://" not in target:
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"


def test_both_languages_say_the_same_things():
    """The same headings, commands and pictures, in the same order, and as many rows of tables."""
    pages = [path for path in sorted((ROOT / "docs/en").rglob("*.md")) if path not in IN_ENGLISH]
    translated = {path.relative_to(ROOT / "docs/th") for path in (ROOT / "docs/th").rglob("*.md")}
    pointers = {Path(f"reference/{name}.md") for name in ("cli", "library", "settings")}
    assert translated == {path.relative_to(ROOT / "docs/en") for path in pages} | pointers
    for path in pages:
        other = ROOT / "docs/th" / path.relative_to(ROOT / "docs/en")
        assert blocks(path) == blocks(other), path.name
        assert [*links(path)] == [*links(other)], path.name
        shapes = [
            [re.match(r"#+", line)[0] for line in own.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
            for own in (path, other)
        ]
        assert shapes[0] == shapes[1], path.name
        assert len(rows(path)) == len(rows(other)), path.name


def test_no_line_of_a_page_is_there_twice():
    """As a merge leaves it."""
    for page in {*PAGES, ROOT / "CHANGELOG.md"} - IN_ENGLISH:
        prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL).splitlines()
        counts = Counter(line for line in prose if len(line) > 70 and not line.startswith("|"))
        assert [line for line, count in counts.items() if count > 1] == [], page


def test_the_index_has_a_line_for_each_page():
    for lang in ("en", "th"):
        root = ROOT / "docs" / lang
        pages = {path.relative_to(root).as_posix() for path in root.rglob("*.md")} - {"index.md"}
        assert set(links(root / "index.md")) == {page for page in pages if not page.startswith("notebooks/")}


def test_the_glossary_of_the_guides_has_the_terms_of_the_table():
    table = rows(ROOT / "docs/glossary.md")
    english, thai = (rows(ROOT / "docs" / lang / "reference/glossary.md") for lang in ("en", "th"))
    assert {term[0]: term[1] for term in english}.items() <= {term[0]: term[1] for term in table}.items()
    assert [(term[1], term[0]) for term in english] == [(term[0], term[1]) for term in thai]
    assert len(english) > 30


def test_the_reference_of_settings_is_that_of_the_program():
    assert reference_settings.PAGE.read_text(encoding="utf-8") == reference_settings.reference(), "run: make docs"
    for section in ("[mqtt]", "[web.oidc]", "[[recipient]]"):
        assert f"## {section}" in reference_settings.reference()


def test_readme_has_three_links():
    assert len([*links(ROOT / "README.md")]) == 3


def test_what_security_says_is_tested_is_there():
    """Each test file that the threat model names, and each test of which it gives a part of the name."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    files = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")}
    for row in [line for line in text.splitlines() if line.count("|") > 4]:
        named = re.findall(r"`((?:tests/[\w/]+/)?\w+\.py)`", row)
        for name in named:
            assert Path(name).name in files, name
        for part in re.findall(r"`…(\w+)…?`", row):
            assert any(re.search(rf"def test_\w*{part}", files[Path(name).name]) for name in named), part
