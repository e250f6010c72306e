"""What happened to everyone is no building's saving: the group, its median, and what is left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.reports.content import BesideGroup, BuildingSaving
from bkkenergy.reports.savings.comparing import compared_total
from bkkenergy.savings.baseline import fit_baseline
from bkkenergy.savings.comparison import (
    MAX_COMPARED,
    CommonChange,
    ComparisonGroup,
    LikeBuilding,
    common_change,
    group_of,
    total_without_common,
    weekend_ratio,
    without_common,
)
from bkkenergy.savings.uncertainty import Band
from tests.unit.savings.generated import building

NAMES = tuple("abcdefgh")


def like(name, *, kind="school", ratio=0.3):
    return LikeBuilding(name, kind, ratio)


def test_a_group_is_of_the_same_type_the_nearest_profiles_first():
    others = [like(f"s{number}", ratio=number / 100) for number in range(60)]
    group = group_of(like("x", ratio=0.0), others)
    assert group.buildings == tuple(f"s{number}" for number in range(MAX_COMPARED))
    assert group.matched_by == "type"


def test_a_type_with_too_few_is_compared_with_weeks_like_its_own_or_not_at_all():
    offices = [like(f"o{number}", kind="office", ratio=0.3 + number / 100) for number in range(6)]
    hospitals = [like(f"h{number}", kind="hospital", ratio=0.9) for number in range(20)]
    group = group_of(like("x"), [*offices, *hospitals])
    assert (group.matched_by, set(group.buildings)) == ("profile", {one.building for one in offices})
    assert group_of(like("x"), [*offices[:5], *hospitals]) is None


def test_a_building_is_never_compared_with_itself_nor_with_a_week_that_is_not_known():
    same = [like("x") for _ in range(10)]
    assert group_of(like("x"), same) is None
    unknown = [like(f"u{number}", kind="office", ratio=float("nan")) for number in range(10)]
    assert group_of(like("x"), unknown) is None


def test_one_building_that_did_much_moves_the_common_change_little():
    ratios = dict(zip(NAMES, [0.15, 0.16, 0.16, 0.17, 0.16, 0.15, 0.17, 0.9], strict=True))
    found = common_change(ComparisonGroup(NAMES, "type"), ratios)
    assert found.saving_ratio == pytest.approx(0.16)
    assert 0 < found.sigma_ratio < 0.01


def test_fewer_than_six_that_can_be_judged_say_nothing():
    ratios = dict.fromkeys(NAMES[:5], 0.2) | {"f": float("nan")}
    assert common_change(ComparisonGroup(NAMES, "type"), ratios) is None


@given(st.floats(-0.5, 0.8), st.floats(-0.5, 0.6))
def test_what_a_building_saves_beside_a_common_change_comes_back(own, common):
    seen = 1 - (1 - own) * (1 - common)
    left = without_common(Band(seen, 0.1, 0.15), CommonChange(common, 0.02, NAMES, "type"))
    assert left.saving_ratio == pytest.approx(own)
    assert left.half_width_ratio > 0.1 / (1 - common)


def test_an_error_that_a_group_shares_does_not_cancel_in_a_total():
    count = 10_000
    bands = [Band(0.0, 0.1, 0.15)] * count
    kwh = np.ones(count)
    alone = total_without_common(kwh, kwh, bands, [(0.0, 0.0)] * count)
    joined = total_without_common(kwh, kwh, bands, [(0.0, 0.02)] * count)
    assert alone.half_width_ratio == pytest.approx(0.001)
    assert joined.half_width_ratio == pytest.approx(0.0329, abs=0.001)


def test_the_week_s_profile_is_the_same_by_any_form():
    year = building(3, noise=0.02).between(*(np.datetime64(day).item() for day in ("2023-10-01", "2024-09-30")))
    ratios = [
        weekend_ratio(fit_baseline(year, forms=(form,))) for form in ("daily_calendar", "hourly_calendar", "daily")
    ]
    assert max(ratios) - min(ratios) < 0.02


def row(name, *, compared=True, kwh=1000.0):
    beside = BesideGroup(0.1, 0.1, 0.15, "unclear", 0.16, 0.01, 8) if compared else None
    return BuildingSaving(name, kwh, kwh * 0.756, 0.244, 0.1, "proven", is_provisional=False, compared=beside)


def test_a_total_is_compared_only_where_nine_tenths_of_its_energy_are():
    assert compared_total([row("a"), row("b", compared=False)]) is None
    assert compared_total([]) is None
    most = compared_total([*(row(name) for name in NAMES), row("small", compared=False, kwh=100.0)])
    assert most.saving_ratio == pytest.approx(0.1)
    assert most.common_ratio == pytest.approx(0.16)


def test_a_saving_is_significant_only_where_it_is_so_beside_the_group_too():
    assert not row("a").is_significant
    assert row("a", compared=False).is_significant
