import numpy as np
import pytest

from bkkenergy.readings import ReadingBatch


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        ReadingBatch(("m",), np.zeros(2, np.int64), np.zeros(2, np.int64), {"power_kw": np.zeros(3)})


def test_an_unknown_column_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="energy_kwh"):
        ReadingBatch(("m",), np.zeros(1, np.int64), np.zeros(1, np.int64), {"watts": np.zeros(1)})


def test_batches_over_different_meters_do_not_mix():
    with pytest.raises(ValueError, match="different meters"):
        ReadingBatch.concat([ReadingBatch.empty(("a",)), ReadingBatch.empty(("b",))])


def test_a_column_that_only_one_part_has_is_unknown_in_the_other():
    one = ReadingBatch(("m",), np.array([0]), np.array([1]), {"power_kw": np.array([5.0])})
    two = ReadingBatch(("m",), np.array([0]), np.array([2]), {"energy_kwh": np.array([7.0])})
    both = ReadingBatch.concat([one, two])
    np.testing.assert_array_equal(both.column("power_kw"), [5.0, np.nan])
    np.testing.assert_array_equal(both.column("energy_kwh"), [np.nan, 7.0])
