"""The first run: a site made in an empty folder, its administrator by a link that is good once, and a lost state."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from fastapi.testclient import TestClient

from bkkenergy.access import ROLES
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.users import add_user, users
from bkkenergy.cli.init import is_nothing_there, write_empty_site
from bkkenergy.cli.web import make_server
from bkkenergy.errors import NotThere
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.firstrun import enter_first_admin
from tests.integration.test_cli import run
from tests.servers import mosquitto, started
from tests.web import PASSWORD, csrf_of, signed_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)


@pytest.fixture
def config(tmp_path):
    write_empty_site(tmp_path / "config")
    return tmp_path / "config"


def served(site, capsys):
    """The app as it is served, and what was printed at its start."""
    app = make_server(site).config.app
    printed = capsys.readouterr()
    return app, printed.out + printed.err


def link_in(printed):
    found = re.search(r"http://127\.0\.0\.1:8080(/first-run/\S+)", printed)
    return found[1] if found else None


def begin(client, link, **given):
    form = {"name": "somsri", "password": PASSWORD, "again": PASSWORD} | given
    return client.post(link, data=form)


def test_a_new_site_is_set_up_in_the_browser(config, capsys):
    with open_site(load_configuration(config)) as site:
        app, printed = served(site, capsys)
        client, link = TestClient(app, follow_redirects=False), link_in(printed)
        assert "password" not in printed
        assert "ผู้ดูแลระบบคนแรก" in client.get(link, params={"lang": "th"}).text
        assert client.get(f"{link}x").status_code == 404
        for given in (
            {"again": "another password"},
            {"password": "short", "again": "short"},
            {"name": " "},
            {"name": "n" * 65},
        ):
            answer = begin(client, link, **given)
            assert answer.status_code == 422
            assert 'role="alert"' in answer.text
        assert users(site.state) == []
        assert f'action="{link}?lang=en"' in client.get(link, params={"lang": "en"}).text
        answer = begin(client, f"{link}?lang=en")
        assert (answer.status_code, answer.headers["location"]) == (303, "/setup")
        overview = client.get("/", follow_redirects=True).text
        assert '<html lang="en">' in overview, "the language in which the browser was led here"
        assert 'href="/setup"' in overview, "there is no agency yet"
        assert [(user["name"], user["role"], user["agencies"]) for user in users(site.state)] == [
            ("somsri", "admin", ["all"])
        ]
        assert "first_admin" in {line["action"] for line in audit_lines(site.state)}
        later = signed_in(app, "somsri")
        assert later.get("/setup").headers["location"] == "/account", "the next sign-in is asked for a second factor"
        used = client.get(link, params={"lang": "en"})
        assert used.status_code == 404, "the link is good once"
        assert "This link opens nothing" in used.text
        assert used.text == client.get(f"{link}x", params={"lang": "en"}).text, "nothing is said of which one it was"
        assert begin(client, link, name="another").status_code == 404
        page = client.get("/setup", params={"lang": "en"}).text
        assert page.count(">done<") == 2, "the administrator, and the city's plans as shipped"
        assert page.count(">to do<") == 4
        form = {
            "csrf": csrf_of(client),
            "f.id": "din-daeng",
            "f.name_th": "เขตดินแดง",
            "f.name_en": "Din Daeng",
            "why": "first",
            "when": "instead",
        }
        assert client.post("/records/new/agency", data=form).status_code == 303
        assert client.get("/setup", params={"lang": "en"}).text.count(">done<") == 3
        assert client.get("/", follow_redirects=True).status_code == 200
        assert client.get("/records/upload/building").status_code == 200


@pytest.mark.broker
def test_the_broker_is_tested_from_the_browser(config, capsys, tmp_path):
    text = (config / "bkkenergy.toml").read_text(encoding="utf-8")
    with started(mosquitto(tmp_path / "mqtt")) as broker:
        (config / "bkkenergy.toml").write_text(
            text.replace("port = 1883", f"port = {broker.port}") + 'second_factor = "offered"\n', encoding="utf-8"
        )
        with open_site(load_configuration(config)) as site:
            add_user(site.state, "admin", PASSWORD, "admin", ["all"], NOW)
            client = signed_in(served(site, capsys)[0], "admin")
            answer = client.post("/setup/broker", data={"csrf": csrf_of(client)}, params={"lang": "en"})
            assert f"✓ broker: 127.0.0.1:{broker.port}" in answer.text, answer.text
            broker.stop()
            answer = client.post("/setup/broker", data={"csrf": csrf_of(client)}, params={"lang": "en"})
            assert "✗ broker" in answer.text
            assert "Is the broker running?" in answer.text


def test_a_state_that_was_lost_is_recognised_and_no_administrator_is_offered(config, capsys):
    loaded = load_configuration(config)
    with open_site(loaded) as site:
        app, printed = served(site, capsys)
        begin(TestClient(app, follow_redirects=False), link_in(printed))
    loaded.settings.state.path.unlink()
    for _ in range(2):
        with open_site(loaded) as site:
            app, printed = served(site, capsys)
            assert "had another state before" in printed
            assert "first-run" not in printed
            assert "one-time password" not in printed
            assert users(site.state) == []
            with pytest.raises(NotThere):
                enter_first_admin(site, "thief", PASSWORD, "", NOW)
            assert TestClient(app).get("/first-run/").status_code == 404
    run("users", "add", "somsri", "--role", "admin", "--agency", "all", "--config", config)
    with open_site(loaded) as site:
        assert "had another state" not in served(site, capsys)[1]
        assert [user["name"] for user in users(site.state)] == ["somsri"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"x" * 10_000])
def test_an_id_that_cannot_be_read_is_no_proof_that_there_was_no_state(config, capsys, content):
    loaded = load_configuration(config)
    with open_site(loaded) as site:
        (loaded.settings.store.path.parent / "site-id").write_bytes(content)
        assert "had another state before" in served(site, capsys)[1]


def test_a_site_with_users_notes_its_id_and_one_whose_link_was_not_used_gets_another(config, capsys):
    loaded = load_configuration(config)
    links = []
    for _ in range(2):
        with open_site(loaded) as site:
            links.append(link_in(served(site, capsys)[1]))
    assert links[0] != links[1]
    assert None not in links
    note = loaded.settings.store.path.parent / "site-id"
    assert not note.exists()
    with open_site(loaded) as site:
        add_user(site.state, "admin", PASSWORD, "admin", ["all"], NOW)
        assert "first-run" not in served(site, capsys)[1]
    assert note.read_text(encoding="utf-8").startswith("sqlite-")


def test_the_set_up_is_for_who_administers_the_server(config, capsys):
    with (config / "bkkenergy.toml").open("a", encoding="utf-8") as settings:
        settings.write('second_factor = "offered"\n')
    with open_site(load_configuration(config)) as site:
        for role in ROLES:
            add_user(site.state, role, PASSWORD, role, ["health"], NOW)
        app = served(site, capsys)[0]
        for role in ROLES:
            client = signed_in(app, role)
            assert client.get("/setup").status_code == 403
            assert client.post("/setup/broker", data={"csrf": csrf_of(client)}).status_code == 403


def test_guessing_the_link_ends(config, capsys):
    with open_site(load_configuration(config)) as site:
        app, printed = served(site, capsys)
        client = TestClient(app, follow_redirects=False)
        for number in range(31):
            client.get(f"/first-run/guess-{number}")
        assert client.get(link_in(printed)).status_code == 404


def test_only_a_folder_without_anything_becomes_a_site(tmp_path):
    assert is_nothing_there(tmp_path / "none")
    assert is_nothing_there(tmp_path)
    (tmp_path / "a").write_text("")
    assert not is_nothing_there(tmp_path)
    assert not is_nothing_there(tmp_path / "a")
