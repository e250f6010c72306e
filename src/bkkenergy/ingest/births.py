"""Births of Sparkplug nodes between a decoder's memory and the state."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bkkenergy.adapters.state import StateStore, Unwritable
from bkkenergy.adapters.state.births import BirthStore
from bkkenergy.payloads.decode.births import Births
from bkkenergy.ports.readings import StoreUnavailable

log = structlog.get_logger(__name__)


class StoredBirths:
    """Births that a restart and other hosts know. While the state is unavailable the memory goes on alone."""

    def __init__(self, births: Births) -> None:
        self.births = births
        self._store: BirthStore | None = None
        self._is_unavailable = False

    def open(self, state: StateStore) -> None:
        """Use a state, and take over what it has."""
        self._store = BirthStore(state)
        self._try(self._learn)

    def before_batch(self) -> None:
        """Take over what other ingesters have stored. Alone there is none."""
        if self.births.is_shared:
            self._try(self._learn)

    def after_batch(self) -> None:
        """Store what is new, before its messages are acknowledged."""
        if changed := self.births.changed():
            self._try(lambda store: store.save(changed), then=self.births.stored)

    def _learn(self, store: BirthStore) -> None:
        self.births.learn(store.news())

    def _try(self, act: Callable[[BirthStore], None], then: Callable[[], None] = lambda: None) -> None:
        if self._store is None:
            return
        try:
            act(self._store)
        except (StoreUnavailable, Unwritable) as error:
            if not self._is_unavailable:
                log.warning("sparkplug_births_not_stored", why=str(error))
            self._is_unavailable = True
            return
        self._is_unavailable = False
        then()
