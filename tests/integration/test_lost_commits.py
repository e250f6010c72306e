"""Commits that a database lost, as the app and the metrics show them."""

from __future__ import annotations

import shutil
from contextlib import closing

from bkkenergy.adapters.commits import losses_file, losses_of
from bkkenergy.adapters.outbound import Outbound
from bkkenergy.adapters.sqlite_file import Transaction, open_database
from bkkenergy.ingest.doctor import examine_storage
from bkkenergy.settings import MqttSettings, Settings, StateSettings, StoreSettings
from bkkenergy.site.databases import lost_commits
from bkkenergy.web import render
from tests.web import make_app, make_site, signed_in


def an_older_copy_in_its_place(path, commits):
    """Commit some times, and put the file back as it was before."""
    with closing(open_database(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        older = shutil.copy(path, path.with_name("older"))
        for number in range(commits):
            with Transaction(connection, path) as transaction:
                transaction.execute("CREATE TABLE IF NOT EXISTS more (number)")
                transaction.execute("INSERT INTO more VALUES (?)", (number,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.move(older, path)


def test_who_looks_after_the_server_sees_on_every_page_which_commits_are_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "LOOK_EVERY_S", 0.0)
    home = make_site(tmp_path, days=2)
    store = home / "var/store.sqlite"
    an_older_copy_in_its_place(store, 3)
    app = make_app(home)
    admin, manager = signed_in(app, "admin"), signed_in(app, "manager-health")
    for path in ("/", "/meters", "/account"):
        assert f"{store}: 3 commits made" in admin.get(path, params={"lang": "en"}).text
        assert "การบันทึก 3 ครั้ง" in admin.get(path, params={"lang": "th"}).text
        assert str(losses_file(store)) in admin.get(path).text
        assert "store.sqlite" not in manager.get(path).text
    losses_file(store).unlink()
    assert "store.sqlite" not in admin.get("/meters").text


def test_readings_that_waited_for_the_broker_have_a_witness_too(tmp_path):
    settings = Settings(
        store=StoreSettings(path=tmp_path / "store.sqlite"), state=StateSettings(path=tmp_path / "state")
    )
    path = tmp_path / "outbound.sqlite"
    outbound = Outbound(MqttSettings(), path)
    for number in range(4):
        outbound.put("bma/a/b/c/readings", b"%d" % number)
        if number == 1:
            outbound._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(path, tmp_path / "older")
    outbound.stop()
    assert losses_of(path) == []
    shutil.move(tmp_path / "older", path)
    (said,) = [check for check in examine_storage(settings) if check.check == "commits"]
    assert "outbound.sqlite: 2 commits" in said.observed
    assert lost_commits(settings) == 2
    losses_file(path).write_text("{")
    assert lost_commits(settings) == 1, "what cannot be read is not nothing"
