"""A pool of connections before PostgreSQL: a real PgBouncer, which keeps sessions or gives them away."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, closing, contextmanager

import pytest
from sqlalchemy import text

from bkkenergy.adapters.engines import make_engine
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.leader import AdvisoryLead
from bkkenergy.ports.readings import StoreUnfit
from bkkenergy.settings import PostgresSettings, StateSettings, StoreSettings
from bkkenergy.site.open import open_store
from tests.folders import shared_folder
from tests.ports import free_port
from tests.servers import Server, started
from tests.sites import postgresql_state

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="pgbouncer is not installed"),
]


@contextmanager
def pooled_state(server_port: int, mode: str, *more: str):
    """Settings of a state behind a PgBouncer with its settings as they are by default, but for the mode, and for more."""
    url, port, folder = postgresql_state(server_port).get_secret_value(), free_port(), shared_folder("pgbouncer")
    name, as_user = url.rpartition("/")[2], []
    if os.geteuid() == 0:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{name} = host=127.0.0.1 port={server_port} user=bkk\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n" + "\n".join(more)
    )
    with started(Server([*as_user, shutil.which("pgbouncer"), str(settings)], port)):
        yield StateSettings(url=url.replace(f":{server_port}/", f":{port}/"))


def test_behind_a_pool_that_keeps_sessions_one_leads_and_the_server_probes(postgres):
    with pooled_state(postgres.port, "session") as settings:
        state, other = open_state(settings), open_state(settings)
        one, two = AdvisoryLead(state), AdvisoryLead(other)
        assert (one.take(), two.take(), one.keep()) == (True, False, True)
        with state.connect() as connection:
            assert connection.execute(text("SHOW tcp_keepalives_idle")).scalar() == "10"
        one.release()
        assert two.take()
        two.release()
        for engine in (state, other):
            engine.dispose()


def test_a_pool_that_gives_sessions_away_is_refused(postgres):
    """Two processes led at once there: both had the lock, on the one session of the server."""
    with pooled_state(postgres.port, "transaction") as settings:
        with pytest.raises(StoreUnfit, match="pool_mode = session"):
            open_state(settings)
        readings = StoreSettings(kind="postgresql", postgresql=PostgresSettings(url=settings.url))
        with closing(open_store(readings)) as store, pytest.raises(StoreUnfit, match="pool_mode = session"):
            store.probe()


@pytest.mark.parametrize("at_once", [2, 3])
def test_a_pool_that_takes_its_sessions_in_turn_is_refused_too(postgres, at_once):
    """Each of two connections sees a session of its own there, at its first look."""
    with pooled_state(postgres.port, "transaction", "server_round_robin = 1") as settings:
        engine = make_engine(settings.url.get_secret_value())
        with ExitStack() as busy:  # so that the pool has several sessions
            for _ in range(at_once):
                busy.enter_context(engine.connect()).execute(text("SELECT 1"))
        with pytest.raises(StoreUnfit, match="pool_mode = session"):
            open_state(settings)
        engine.dispose()
