"""The leader on PostgreSQL: the process whose connection holds an advisory lock. A dead leader is followed at once."""

from __future__ import annotations

import threading
from contextlib import suppress

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from bkkenergy.adapters.engines import AdvisoryLock


class AdvisoryLead:
    """The lock of one process, on a connection of its own, which is closed and not given back to a pool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: Connection | None = None
        self._one_at_a_time = threading.Lock()

    def take(self) -> bool:
        """Take or keep the lead. Return False while another process has it, and when the connection was lost.

        A process that loses the connection has lost the lock: PostgreSQL frees it when a session ends.
        """
        with self._one_at_a_time:
            if self._held is not None:
                return self._is_held()
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            self._held = connection
            is_mine = bool(
                connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": AdvisoryLock.LEAD}).scalar()
            )
            if not is_mine:
                self._drop()
            return is_mine

    def keep(self) -> bool:
        """Check whether this process has the lead; the connection is used, so that nothing takes it for idle."""
        with self._one_at_a_time:
            return self._is_held()

    def release(self) -> None:
        """Give the lead back at once: PostgreSQL frees what a closed connection had only when its process has ended."""
        with self._one_at_a_time:
            if self._held is not None:
                with suppress(SQLAlchemyError):
                    self._held.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": AdvisoryLock.LEAD})
            self._drop()

    def _is_held(self) -> bool:
        if self._held is not None:
            try:
                self._held.execute(text("SELECT 1"))
            except SQLAlchemyError:
                self._drop()
        return self._held is not None

    def _drop(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
