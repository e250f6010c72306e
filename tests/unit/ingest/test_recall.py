"""What the ingester recalls of registers at its start."""

from __future__ import annotations

import numpy as np

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.ingest.sort import Sorted
from bkkenergy.ingest.watch import RECALLED_DAYS, US_PER_DAY, Watch, stretches_of
from bkkenergy.metering.events import EventKind
from bkkenergy.ports.ledger import MeterSeen
from tests.builders import DAY_US, readings
from tests.builders import meter as a_meter


def test_meters_are_looked_for_in_the_week_before_their_latest_reading():
    seen = {
        "a": MeterSeen(5, 100 * US_PER_DAY + 5),
        "b": MeterSeen(5, 100 * US_PER_DAY + 9),
        "c": MeterSeen(5, 3 * US_PER_DAY),
    }
    assert list(stretches_of(seen, ["a", "b", "c", "never"])) == [
        (["c"], (3 - RECALLED_DAYS) * US_PER_DAY, 4 * US_PER_DAY),
        (["a", "b"], (100 - RECALLED_DAYS) * US_PER_DAY, 101 * US_PER_DAY),
    ]


def test_a_register_that_fell_while_the_service_was_down_is_an_event_of_its_first_reading(tmp_path):
    """Recalled from before a newer reading that had power alone."""
    own = a_meter()
    store = SqliteStore(tmp_path / "store.sqlite")
    store.prepare()
    store.commit(readings(own.id, [500.0], start_us=DAY_US))
    store.commit(readings(own.id, [1.0], start_us=DAY_US + 2 * US_PER_DAY, field="power_kw"))
    watch = Watch([own], stuck_after_s=86_400)
    watch.recall([own.id], store, {own.id: MeterSeen(DAY_US, DAY_US + 2 * US_PER_DAY)})
    found = Sorted(readings(own.id, [3.0], start_us=DAY_US + 3 * US_PER_DAY), np.zeros(1, np.int64), ())
    assert [(event.kind, event.before_kwh) for event in watch.events(found)] == [(EventKind.FELL, 500.0)]
    store.close()
