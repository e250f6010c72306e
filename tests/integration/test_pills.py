"""The worst single message costs a live ingester little memory: nothing that one gateway sends ends the service."""

from __future__ import annotations

import pytest

from tests.pills import peaks_mb

pytestmark = pytest.mark.broker

MAX_ADDED_MB = 100


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_worst_message_adds_at_most_100_mb_to_a_live_ingester():
    peaks = sorted(peaks_mb(), reverse=True)
    print(f"the worst of {len(peaks)} adds {peaks[0][0]:.1f} MB: {peaks[0][1]}, {peaks[0][2]:,} bytes")
    assert len(peaks) > 200
    assert [peak for peak in peaks if peak[0] > MAX_ADDED_MB] == []
