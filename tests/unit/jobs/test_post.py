"""How long a message belongs to the process that sends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bkkenergy.jobs.post import _claim_s
from bkkenergy.recipients import LineSettings, MailSettings, Recipient
from bkkenergy.settings import JobsSettings, Settings

TO = {"mail": "a@example.com", "line": "U" + "0" * 32}


@pytest.mark.parametrize(
    ("channels", "seconds"), [((), 2.0), (("mail",), 38.0), (("line",), 30.0), (("mail", "line"), 38.0)]
)
def test_a_message_is_claimed_as_long_as_the_channels_in_use_may_take(channels, seconds):
    """One whose sender dies waits no longer than its own server, and the archive for its files, would be waited for."""
    settings = Settings(
        jobs=JobsSettings(lease_s=2),
        mail=MailSettings(host="127.0.0.1", timeout_s=1),
        line=LineSettings(timeout_s=15),
        recipient=tuple(
            Recipient(to=TO[channel], channel=channel, reports=["day"], secret_file=Path("token"))
            for channel in channels
        ),
    )
    assert _claim_s(settings) == seconds
