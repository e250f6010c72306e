"""What a backlog lacks is seen from what is left of it, whatever broker dropped it."""

from __future__ import annotations

import numpy as np
import pytest

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.ingest.holes import LIVE_US, LOOK_AFTER_US, Holes
from bkkenergy.ingest.sort import Sorted
from bkkenergy.payloads.message import Message
from bkkenergy.ports.ledger import MeterSeen
from bkkenergy.readings import US_PER_S, ReadingBatch

T0_US = 1_795_402_800_000_000
METERS = ("a", "b", "c")


def outcome_of(stamps_s, meters) -> Sorted:
    order = [(at, meter) for at in stamps_s for meter in meters]
    ts_us = np.array([T0_US + round(at * US_PER_S) for at, _ in order], np.int64)
    batch = ReadingBatch(METERS, np.array([meter for _, meter in order], np.int64), ts_us, {})
    return Sorted(batch, np.arange(len(order)), ())


class Away:
    """Meters that sent until 0 s; the session is back at `back_s`, and each reading has its own time."""

    def __init__(self, back_s: float, meters=(0, 1, 2), *, pv=()) -> None:
        self.holes, self.meters, self.back_s = Holes(METERS, pv), meters, back_s
        seen = {METERS[meter]: MeterSeen(T0_US - 86_400 * US_PER_S, T0_US) for meter in meters}
        self.holes.recall(seen)

    def comes(self, stamps_s, meters=None, *, timeless=False) -> None:
        outcome = outcome_of(stamps_s, self.meters if meters is None else meters)
        now_us = T0_US + round(self.back_s * US_PER_S)
        received_us = outcome.batch.ts_us if timeless else [now_us] * len(outcome.batch)
        messages = [Message("t", b"1", received_us=int(at_us)) for at_us in received_us]
        self.holes.hear(outcome, messages, 2, now_us)

    def trouble(self, after_us: int = LOOK_AFTER_US):
        return self.holes.trouble(T0_US + round(self.back_s * US_PER_S) + after_us)


def test_a_queue_that_was_full_is_seen_by_what_it_dropped_the_newest():
    away = Away(7200)
    away.comes(range(60, 3000, 60))
    away.comes(range(7200, 7800, 60))
    trouble = away.trouble()
    assert trouble.kind is TroubleKind.BACKLOG_HOLE
    assert "of 3 meters 3 have no reading of 2026-11-23 10:49" in trouble.observed
    missing = int(trouble.observed.rpartition("about ")[2].partition(" ")[0].replace(",", ""))
    assert missing == pytest.approx(3 * (7200 - 2940) / 60, rel=0.03)
    assert away.trouble(2 * LOOK_AFTER_US) is None, "once"


def test_a_backlog_that_is_lost_whole_is_seen_by_what_comes_after():
    away = Away(3600)
    away.comes(range(3600, 4500, 60))
    assert "of 3 meters 3" in away.trouble().observed


def test_a_backlog_that_lacks_its_begin_is_seen():
    away = Away(7200)
    away.comes(range(4000, 7800, 60))
    assert away.trouble() is not None


@pytest.mark.parametrize("every_s", [1, 60, 900])
def test_a_whole_backlog_gives_no_trouble_whatever_the_pace(every_s):
    away = Away(7200)
    away.comes(range(every_s, 9000, every_s))
    assert away.trouble() is None


def test_a_backlog_that_comes_out_of_order_is_whole():
    away = Away(7200)
    away.comes(range(7200, 7800, 60))
    away.comes(range(3600, 7200, 60))
    away.comes(range(60, 3600, 60))
    assert away.trouble() is None


def test_one_gateway_that_was_silent_is_no_fault_of_the_broker():
    away = Away(7200)
    away.comes(range(60, 7800, 60), meters=(0, 1))
    away.comes([*range(60, 1800, 60), *range(7200, 7800, 60)], meters=(2,))
    assert away.trouble() is None


def test_it_is_looked_at_again_until_meters_were_heard_often_enough():
    away = Away(3600)
    away.comes([3600, 3900])
    assert away.trouble() is None
    away.comes([4200, 4500, 4800])
    assert away.trouble(LOOK_AFTER_US * 10) is not None


def test_after_as_long_a_time_as_we_were_away_it_is_looked_at_no_more():
    away = Away(3600)
    away.comes([3600])
    assert away.trouble(3600 * US_PER_S + LIVE_US) is None
    away.comes(range(3660, 4500, 60))
    assert away.trouble(9 * 3600 * US_PER_S) is None


@pytest.mark.parametrize("back_s", [1, 59])
def test_a_short_time_away_is_none(back_s):
    away = Away(back_s)
    away.comes(range(back_s, back_s + 60))
    assert away.trouble() is None


def test_a_message_without_a_time_of_its_own_says_nothing_of_when_it_was_sent():
    away = Away(3600)
    away.comes(range(3600, 4500, 60), timeless=True)
    assert away.trouble() is None


def test_a_meter_that_had_ended_long_before_is_not_missed():
    away = Away(7200, meters=(0, 1))
    away.comes(range(60, 7800, 60))
    away.comes(range(7200, 7800, 60), meters=(2,))
    assert away.trouble() is None


def test_other_meters_take_over_what_was_heard():
    away = Away(3600)
    away.holes = away.holes.of_meters(METERS)
    away.comes(range(3600, 4500, 60))
    assert away.trouble() is not None


def test_one_clock_that_is_ahead_hides_nothing():
    away = Away(330)
    ahead_us = T0_US + 300 * US_PER_S
    away.holes.recall({"a": MeterSeen(0, T0_US), "b": MeterSeen(0, T0_US), "c": MeterSeen(0, ahead_us)})
    away.comes(range(330, 630, 5))
    assert "of 3 meters 2" in away.trouble().observed


def night(pv, *, last_s: int = 30_000, first_s: int = 72_000) -> Away:
    """Away from 10:00 to 8:20: what was heard until 18:20 (30,000 s), and again from 6:00 of the next day (72,000 s)."""
    away = Away(80_400, pv=pv)
    away.comes(range(60, last_s, 60))
    away.comes(range(first_s, 83_000, 60))
    return away


def test_pv_that_sleeps_at_night_is_no_hole():
    assert T0_US % (86_400 * US_PER_S) == 3 * 3600 * US_PER_S, "10:00 in Bangkok"
    assert night(pv=METERS).trouble() is None
    assert night(pv=()).trouble() is not None
    assert night(pv=METERS[:2]).trouble() is not None, "the one that is not of PV is all that can be judged"


@pytest.mark.parametrize(("last_s", "first_s"), [(20_000, 72_000), (30_000, 80_400)])
def test_pv_that_is_silent_by_day_is_one(last_s, first_s):
    trouble = night(pv=METERS, last_s=last_s, first_s=first_s).trouble()
    assert trouble is not None
    assert "of 3 meters 3" in trouble.observed


def test_another_connection_within_moments_does_not_end_the_look():
    away = Away(3600)
    away.comes(range(3600, 3700, 60))
    now_us = T0_US + 3_700 * US_PER_S
    outcome = outcome_of(range(3700, 4500, 60), (0, 1, 2))
    away.holes.hear(outcome, [Message("t", b"1", received_us=now_us)] * len(outcome.batch), 3, now_us)
    assert "of 3 meters 3" in away.trouble(200 * US_PER_S).observed
