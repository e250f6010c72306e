"""Hosts that share a state on a real PostgreSQL: which may join, and what the others say."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
import time

import pytest

from bkkenergy.access import server_actor
from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.state import hosts, open_state, reading
from bkkenergy.adapters.state.hosts import host_names
from bkkenergy.errors import ConfigError
from bkkenergy.site import load_configuration
from bkkenergy.site.common import digests_of
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.usecases import hosts as usecases_hosts
from bkkenergy.usecases.hosts import host_id, join
from bkkenergy.usecases.portfolio import PortfolioState, replace_all
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import postgresql_database

pytestmark = pytest.mark.postgres

SHARED = '[store]\nkind = "postgresql"\n[archive]\nkind = "s3"\nendpoint = "http://127.0.0.1:1"\naccess_key_id = "x"\n'
ALONE = ""


@pytest.fixture
def make_host(tmp_path, postgres, monkeypatch):
    """A host's configuration by its name and operator's file; all share one PostgreSQL, and no disk."""
    monkeypatch.setenv("BKKENERGY_STATE_URL", postgresql_database(postgres.port).get_secret_value())
    monkeypatch.setenv("BKKENERGY_ARCHIVE_KEY", "secret")

    def make(name: str, text: str = SHARED):
        folder = tmp_path / name / "config"
        if not folder.exists():
            folder.mkdir(parents=True)
            for part in CONFIG_PARTS:
                (folder / part).symlink_to(ROOT / "config" / part)
        (folder / "bkkenergy.toml").write_text(text)
        return load_configuration(folder)

    return make


@pytest.fixture
def joined():
    """Let a host join, and return the places of what it is refused for."""
    opened = []

    def enter(config) -> list[str]:
        opened.append(open_state(config.settings.state))
        try:
            join(config, opened[-1])
        except ConfigError as error:
            return [fault.where for fault in error.faults]
        return []

    yield enter
    for state in opened:
        state.dispose()


def test_hosts_with_the_same_settings_share_a_state_whatever_is_their_own(make_host, joined, monkeypatch):
    own = '[mqtt]\nhost = "10.0.0.9"\nclient_id = "two"\n[web]\nport = 9000\n[ingest]\nspool = "elsewhere"\n'
    assert joined(make_host("one")) == []
    monkeypatch.setenv("BKKENERGY_ARCHIVE_KEY", "a key of its own")
    folder = make_host("two", SHARED + own).folder
    (folder / "poll.toml").write_text("# what this host asks")
    shutil.copy(ROOT / "config/modbus.toml", folder)
    for left_behind in ("factors.toml~", "savings.toml.bak", "factors.toml.dpkg-old"):
        (folder / left_behind).write_text("of an editor or a package")
    assert joined(make_host("two", SHARED + own)) == []
    assert joined(make_host("one")) == []


def test_a_default_that_is_written_down_and_one_that_a_later_version_adds_change_nothing(make_host, joined):
    """A version with more settings has more defaults; a digest of all of them would keep the first upgraded host out."""
    assert joined(make_host("one")) == []
    defaults = "[metering]\nmax_estimated_gap_s = 7200\n[alerts]\nsilent_h = 3.0\n[report]\ncompared_weeks = 4\n"
    assert joined(make_host("two", SHARED + defaults)) == []
    parts = digests_of(make_host("one"))
    assert {part for part in parts if part.startswith("[")} == {"[store]", "[archive]"}


def test_a_portfolio_that_is_taken_into_the_state_keeps_no_host_out(make_host, joined):
    config = make_host("one")
    assert joined(config) == []
    assert "portfolio" in digests_of(config)
    state = open_state(config.settings.state)
    replace_all(
        PortfolioState(state), server_actor("malee"), read_folder(config.folder).records, why="the first",
        now=dt.datetime.now(dt.UTC),
    )  # fmt: skip
    state.dispose()
    for name in ("two", "one"):
        config = make_host(name)
        assert config.portfolio.revision > 0
        assert joined(config) == []


def test_processes_of_a_host_that_start_at_once_are_one_host(make_host, joined, monkeypatch):
    """Of `ingest`, `jobs` and `web` after an upgrade none has an id yet; with two ids, each refused the others for good."""

    def write_slowly(path, content):
        time.sleep(0.2)
        write_whole(path, content)

    monkeypatch.setattr(usecases_hosts, "write_whole", write_slowly)
    config = make_host("one", ALONE)
    refused: list[list[str]] = []
    threads = [threading.Thread(target=lambda: refused.append(joined(config))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [[]] * 6


def test_a_machine_that_is_a_copy_of_another_is_refused_while_that_one_works(make_host, joined, monkeypatch, tmp_path):
    """With one id for both, each was taken for the other: of two spools and sessions one is lost in silence."""
    config = make_host("one")
    working, other = open_state(config.settings.state), open_state(config.settings.state)
    for process in (working, other):  # both join
        join(config, process)
        process.dispose()
    with reading(working) as connection:  # as after the server was away: what it opens now says who it is, too
        assert host_names(connection)
    (tmp_path / "boot_id").write_text("f00dcafe-0000-4000-8000-000000000000\n")
    monkeypatch.setattr(usecases_hosts, "BOOT_ID", tmp_path / "boot_id")
    (where,) = joined(config)
    assert where.endswith("host-id")
    host_id_file = usecases_hosts.host_id_file(config.settings)
    host_id_file.unlink()
    assert joined(config) == [], "with an id of its own it is one more host"
    working.dispose()


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ("[metering]\nmax_estimated_gap_s = 60\n", "[metering]"),
        ("[report]\nmin_coverage_ratio = 0.5\n", "[report]"),
        ('[[recipient]]\nto = "a@example.org"\n', "[recipient]"),
        ('[mqtt]\nshare = "others"\n', "[mqtt]"),
    ],
)
def test_a_host_with_other_settings_is_refused_and_told_which(make_host, joined, more, where):
    assert joined(make_host("one")) == []
    two = make_host("two", SHARED + more)
    assert joined(two) == [f"bkkenergy.toml: {where}"]
    assert joined(make_host("two")) == [], "with the file of the others it may"


def test_a_host_with_other_figures_is_refused_and_comments_are_no_figures(make_host, joined):
    assert joined(make_host("one")) == []
    two = make_host("two")
    factors = two.folder / "factors.toml"
    text = factors.read_text("utf-8")
    factors.unlink()
    factors.write_text(f"# of this host\n{text}", "utf-8")
    assert joined(make_host("two")) == []
    shutil.copy(ROOT / "config/savings.toml", two.folder / "more.toml")
    assert joined(make_host("two")) == ["more.toml"]


def test_a_change_for_all_hosts_goes_from_one_to_the_next_by_its_number(make_host, joined):
    changed = SHARED + "[alerts]\nsilent_h = 5\n"
    for name in ("one", "two"):
        assert joined(make_host(name)) == []
    assert joined(make_host("one", changed)) == ["bkkenergy.toml: [alerts]"]
    changed += "[state]\nsettings_number = 2\n"
    assert joined(make_host("one", changed)) == []
    assert joined(make_host("two")) == ["bkkenergy.toml: [alerts]"], "it has not followed yet"
    assert joined(make_host("two", SHARED + "[alerts]\nsilent_h = 5\n")) == ["bkkenergy.toml: state.settings_number"]
    assert joined(make_host("two", changed)) == []


def test_a_host_that_is_alone_changes_its_settings_as_it_likes(make_host, joined):
    for hours in (4, 5, 4):
        assert joined(make_host("one", SHARED + f"[alerts]\nsilent_h = {hours}\n")) == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (ALONE, ["store.kind", "archive.kind"]),
        ('[store]\nkind = "postgresql"\n', ["archive.kind"]),
        (SHARED.replace('"postgresql"', '"sqlite"'), ["store.kind"]),
    ],
)
def test_a_part_on_one_host_s_disk_is_no_part_of_several_hosts(make_host, joined, text, missing):
    assert joined(make_host("one", text)) == []
    assert joined(make_host("two", text)) == [f"bkkenergy.toml: {key}" for key in missing]
    assert joined(make_host("one", text)) == [], "who was alone goes on"


def test_a_host_in_place_of_one_that_is_gone_says_so_by_its_number(make_host, joined):
    """Its archive is a folder, which came along; the one before is not to start again."""
    assert joined(make_host("one", ALONE)) == []
    following = "[state]\nsettings_number = 2\n"
    assert joined(make_host("two", following)) == []
    assert joined(make_host("two", following)) == []
    assert "bkkenergy.toml: archive.kind" in joined(make_host("one", ALONE))


def test_hosts_that_start_at_once_agree_on_one_of_their_files(make_host, joined):
    four = [make_host(name, SHARED + f"[alerts]\nsilent_h = {hours}\n") for hours, name in enumerate("abcd", 4)]
    refused = {}
    threads = [
        threading.Thread(target=lambda host=host: refused.__setitem__(host.folder, joined(host))) for host in four
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, refused.values())) == [False, True, True, True]


def test_hosts_that_came_and_went_are_forgotten_in_the_end(make_host, joined, monkeypatch):
    monkeypatch.setattr(hosts, "MAX_HOSTS", 2)
    config = make_host("one")
    for _ in range(5):
        (config.settings.store.path.parent / "host-id").unlink(missing_ok=True)
        assert joined(config) == []
    state = open_state(config.settings.state)
    with reading(state) as connection:
        known = host_names(connection)
    state.dispose()
    assert len(known) == 3
    assert next(iter(known)) == host_id(config.settings)
