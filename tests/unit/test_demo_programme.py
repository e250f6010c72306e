"""What the demonstration has of the programme beside projects: records that the checks of a portfolio accept."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from bkkenergy.cli.context import command_line
from bkkenergy.demo.programme import PARTNERS
from bkkenergy.demo.records import enter_records
from bkkenergy.settings import Settings, StateSettings, StoreSettings
from bkkenergy.site import load_configuration
from tests.conftest import ROOT

NOW = dt.datetime(2026, 11, 27, 3, tzinfo=dt.UTC)


def test_partners_needs_a_workshop_and_what_followed_are_records_of_the_demonstration(tmp_path):
    settings = Settings(
        store=StoreSettings(path=tmp_path / "s.sqlite"), state=StateSettings(path=tmp_path / "state.sqlite")
    )
    config = replace(load_configuration(ROOT / "config"), settings=settings)
    records = enter_records(config, command_line(), NOW).portfolio.records
    counts = {
        kind: len(records.by_kind.get(kind, ())) for kind in ("partner", "workshop", "need", "follow_up", "consent")
    }
    assert counts == {"partner": len(PARTNERS), "workshop": 1, "need": 2, "follow_up": 2, "consent": 1}
