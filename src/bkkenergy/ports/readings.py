"""What every store of readings promises, and the two ways in which it can fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bkkenergy.errors import BkkEnergyError, UnavailableError
from bkkenergy.readings import ReadingBatch

DEFAULT_FIELDS = ("energy_kwh", "export_kwh", "power_kw")


class StoreUnavailable(UnavailableError):
    """The store does not answer, or cannot take anything now. The same batch may go in later."""


class StoreDenied(StoreUnavailable):
    """The store answers, and denies us what we ask. It may be granted later: what we hold is sent again."""


class StoreRefused(BkkEnergyError):
    """The store says no to something in this batch. Sending the same again can never help."""


class StoreUnfit(BkkEnergyError):
    """The store answers, but what is written cannot be read back as it was. A person has to act before we start."""


class NewerTables(StoreUnfit):
    """A database was brought up by a newer version: what this one wrote there could be wrong in silence."""


class UnmarkedCommit(BkkEnergyError):
    """Readings were committed to a store that no energy ledger hears of. Open it by `open_writable`."""


@dataclass(frozen=True, slots=True)
class NotedState:
    """A state beside the readings. host : which noted it last. first_us, last_us : when it was noted."""

    state: str
    host: str
    first_us: int
    last_us: int


class ReadingStore(Protocol):
    """Readings by meter and instant."""

    def prepare(self) -> None:
        """Make what must be there before the first commit. Raises StoreUnavailable, StoreUnfit."""

    def probe(self) -> None:
        """Write a value that no page shows, and read it back. Raises StoreUnfit with the remedy, StoreUnavailable."""

    def note_state(self, state: str, host: str) -> None:
        """Record which state a host uses beside these readings. Nothing where one host alone can open them."""

    def noted_states(self) -> Sequence[NotedState]:
        """Return states that were noted, each with the host that did so last. Those noted first come first."""

    def expires_after_s(self) -> float | None:
        """Return after how many seconds the server itself deletes readings. None where never, or not known."""

    @property
    def commits_at_once(self) -> int:
        """How many commits may wait for the store together; 1 where each waits for the one before."""

    def begin(self, batch: ReadingBatch, on_sent: Callable[[], None] | None = None) -> None:
        """Begin the commit of this very batch while others are not answered yet; `commit` then waits for its end.

        For batches that share no instant of a meter with one that is begun: which of two is stored last is open.
        Raises nothing. Does nothing where commits wait for each other, or where this one is begun. on_sent : called, in
        another thread, once nothing is left but the answer.
        """

    def abandon(self) -> None:
        """Wait for the end of all that is begun, and forget how it ended: each is committed afresh."""

    def commit(self, batch: ReadingBatch) -> None:
        """Store all of the batch, durably, or raise StoreUnavailable or StoreRefused.

        A meter and instant that is there already takes the new values, field by field; committing
        a batch again changes nothing.
        """

    def readings(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> ReadingBatch:
        """Return readings of the meters with start <= instant < end, sorted by meter and instant."""

    def last_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the instant of the latest reading of each meter that has one.

        A server looks through all its years for it. The energy ledger knows the same (`EnergyLedger.seen`): ask the
        store where a ledger is to be filled, and to move readings elsewhere.
        """

    def first_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the instant of the earliest reading of each meter that has one; as `last_seen_us`."""

    def last_before_us(self, meter_id: str, before_us: int, field: str) -> int | None:
        """Return the instant of a meter's last reading of a field before an instant; None without one."""

    def first_from_us(self, meter_id: str, from_us: int, field: str) -> int | None:
        """Return the instant of a meter's first reading of a field from an instant on; None without one."""

    def count(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> Mapping[str, Mapping[str, int]]:
        """Count the values of each field that the meters have with start <= instant < end. The store itself counts.

        Meters and fields without any are left out.
        """

    def forget(self, meter_ids: Sequence[str], start_us: int, before_us: int) -> None:
        """Delete the meters' readings with start <= instant < before. Raises StoreRefused where the server will not."""

    def latest_registers(self, meter_ids: Sequence[str], start_us: int, end_us: int) -> Mapping[str, tuple[int, float]]:
        """Return instant and value of each meter's latest import register (energy_kwh) with start <= instant < end."""

    def close(self) -> None:
        """Close files and connections."""
