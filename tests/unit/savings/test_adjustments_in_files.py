import datetime as dt

import pytest

from bkkenergy.errors import ConfigError
from bkkenergy.site.savings_config import load_savings
from tests.conftest import ROOT

TABLE = """
[[adjustment]]
building = "a.b"
first = 2026-03-01
kwh_a_day = 120.0
reason = "open until 20:00"
entered_by = "Somchai"
entered = 2026-03-05
"""


def loaded(folder, text):
    (folder / "savings.toml").write_text((ROOT / "config/savings.toml").read_text("utf-8"))
    (folder / "adjustments.toml").write_text(text)
    return [(own.first, own.last, own.kwh_a_day) for own in load_savings(folder).adjustments]


def test_an_adjustment_in_files_holds_on_the_days_that_its_table_says(tmp_path):
    march, may, june = (dt.date(2026, month, 1) for month in (3, 5, 6))
    assert loaded(tmp_path, TABLE) == [(march, None, 120.0)]
    changed = f"{TABLE}changes = [{{ from = 2026-05-01, kwh_a_day = 80.0 }}]\n"
    assert loaded(tmp_path, changed) == [(march, may - dt.timedelta(1), 120.0), (may, None, 80.0)]
    assert loaded(tmp_path, f"{TABLE}from = 2026-05-01\nuntil = 2026-05-31\n") == [(may, june - dt.timedelta(1), 120.0)]
    assert loaded(tmp_path, f"{TABLE}until = 2026-02-01\n") == []


def test_two_adjustments_of_a_building_may_begin_on_one_day(tmp_path):
    assert len(loaded(tmp_path, TABLE * 2)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{TABLE}until = 3\n", r"adjustment\[0\].until: this is no date"),
        (f"{TABLE}untill = 2026-02-01\n", r"adjustment\[0\].untill: this key is not known"),
        (f"{TABLE}changes = [{{ kwh_a_day = 80.0 }}]\n", r"adjustment\[0\].changes\[0\].from: the key is missing"),
        ("adjustment = [1]\n", r"adjustment\[0\]: this is no table"),
        (TABLE.replace("[[adjustment]]", "[adjustment]"), "adjustment: this is no list of tables"),
        (f"adjustments = []\n{TABLE}", "adjustments: this table is not known here"),
    ],
)
def test_what_is_wrong_in_an_adjustment_is_named_with_its_place(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, text)
