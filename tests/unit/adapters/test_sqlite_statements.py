"""A batch goes into SQLite by few statements, and every row once, however many there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.adapters.sqlite import FILLED_RATIO, ROWS_AT_ONCE, SqliteStore, statements_of
from bkkenergy.readings import ReadingBatch


@given(st.integers(0, 50_000), st.sampled_from([1, 7, 100, 1310, 8191]))
def test_statements_take_every_row_and_few_more(count, max_rows):
    rows = list(statements_of(count, max_rows))
    assert all(each in ROWS_AT_ONCE and each <= max_rows for each in rows)
    before_last = sum(rows[:-1])
    assert before_last < max(count, 1)
    left = count - before_last
    assert count == 0 or FILLED_RATIO * rows[-1] <= left <= rows[-1]


def test_batches_under_load_take_three_statements():
    assert [len(list(statements_of(count, 8191))) for count in (10_000, 16_380, 380)] == [2, 3, 1]


@pytest.mark.parametrize("count", [1, 3, 4, 48, 380, 1001])
def test_rows_that_fill_a_statement_up_are_stored_once(tmp_path, count):
    store = SqliteStore(tmp_path / "x.sqlite")
    store.prepare()
    ts_us = 1_795_500_000_000_000 + np.arange(count) * 1_000_000
    values = {"energy_kwh": np.arange(float(count)), "room_temp_c": np.where(np.arange(count) % 3, np.nan, 25.0)}
    store.commit(ReadingBatch(("a.b.c",), np.zeros(count, np.int64), ts_us, values))
    found = store.readings(["a.b.c"], 0, 2**62, ("energy_kwh", "room_temp_c"))
    store.close()
    assert found.ts_us.tolist() == ts_us.tolist()
    assert found.column("energy_kwh").tolist() == values["energy_kwh"].tolist()
    np.testing.assert_array_equal(found.column("room_temp_c"), values["room_temp_c"])
