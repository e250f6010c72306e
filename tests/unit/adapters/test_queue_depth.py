"""What a backlog leaves in doubt, by what is known of the broker's queue."""

from __future__ import annotations

import pytest

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.queue_depth import QueueDepth, recalled, remember, trouble_of_queue, trouble_of_span
from bkkenergy.adapters.queue_span import QueuedAtOnce

WHOLE, SHORT = QueueDepth("b:1883", 1_500, 1_500), QueueDepth("b:1883", 1_500, 1_000)
BRIEF, NONE = QueueDepth("b:1883", 10, 10), QueueDepth("b:1883", 1_500, 0)


@pytest.mark.parametrize(
    ("depth", "backlog", "is_counted", "expected"),
    [
        (None, 99, False, None),
        (None, 100, False, TroubleKind.QUEUE_UNPROVEN),
        (None, 100_000, True, None),
        (BRIEF, 99, False, None),
        (BRIEF, 100, False, TroubleKind.QUEUE_UNPROVEN),
        (NONE, 0, False, None),
        (NONE, 1, False, TroubleKind.QUEUE_FULL),
        (WHOLE, 1_499, False, None),
        (WHOLE, 1_500, False, TroubleKind.QUEUE_UNPROVEN),
        (WHOLE, 1_500, True, None),
        (SHORT, 949, False, None),
        (SHORT, 950, False, TroubleKind.QUEUE_FULL),
        (SHORT, 1_010, True, TroubleKind.QUEUE_FULL),
    ],
)
def test_a_backlog_is_doubted_where_the_queue_may_have_been_full(depth, backlog, is_counted, expected):
    trouble = trouble_of_span(depth, QueuedAtOnce(backlog, was_away=True), is_counted=is_counted)
    assert (trouble and trouble.kind) == expected


@pytest.mark.parametrize(
    ("depth", "messages", "is_counted", "expected"),
    [
        (SHORT, 949, False, None),
        (SHORT, 950, False, TroubleKind.QUEUE_UNPROVEN),
        (SHORT, 950, True, None),
        (WHOLE, 1_500, False, TroubleKind.QUEUE_UNPROVEN),
        (NONE, 99, False, None),
        (NONE, 100, False, TroubleKind.QUEUE_UNPROVEN),
    ],
)
def test_a_flood_that_may_have_been_as_long_as_the_queue_is_doubted_and_no_more(depth, messages, is_counted, expected):
    trouble = trouble_of_span(depth, QueuedAtOnce(messages, was_away=False), is_counted=is_counted)
    assert (trouble and trouble.kind) == expected


@pytest.mark.parametrize(
    ("depth", "taken", "was_away", "is_counted", "expected"),
    [
        (None, 24, False, False, None),
        (None, 25, False, False, TroubleKind.QUEUE_UNPROVEN),
        (SHORT, 237, False, False, None),
        (SHORT, 238, False, False, TroubleKind.QUEUE_UNPROVEN),
        (SHORT, 238, True, False, TroubleKind.QUEUE_UNPROVEN),
        (SHORT, 1_000, False, False, TroubleKind.QUEUE_UNPROVEN),
        (SHORT, 1_000, True, True, TroubleKind.QUEUE_FULL),
        (SHORT, 1_000, False, True, None),
        (WHOLE, 374, False, False, None),
        (WHOLE, 375, False, False, TroubleKind.QUEUE_UNPROVEN),
    ],
)
def test_one_that_shares_knows_only_its_part_of_the_queue_of_all(depth, taken, was_away, is_counted, expected):
    span = QueuedAtOnce(taken, was_away=was_away, is_of_group=True)
    trouble = trouble_of_span(depth, span, is_counted=is_counted)
    assert (trouble and trouble.kind) == expected
    if expected is TroubleKind.QUEUE_UNPROVEN:
        assert f"up to {4 * taken:,} may have waited" in trouble.observed
        assert "max-queue-size" in trouble.remedy
        assert f"--outage {8 * taken}:" in trouble.remedy


def test_a_queue_that_is_short_is_said_while_it_is():
    assert trouble_of_queue(None) is None
    assert trouble_of_queue(WHOLE) is None
    assert "delivered 1,000" in trouble_of_queue(SHORT).observed


def test_what_was_measured_is_of_one_broker(tmp_path):
    file = tmp_path / "var/queue"
    assert recalled(file, "b:1883") is None
    remember(file, SHORT)
    assert recalled(file, "b:1883") == SHORT
    assert recalled(file, "other:1883") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"broker": "b:1883"}', "\x00", '{"broker":1,"acknowledged":[]}']
)
def test_a_file_that_says_nothing_is_nothing_measured(tmp_path, text):
    (tmp_path / "queue").write_text(text)
    assert recalled(tmp_path / "queue", "b:1883") is None
