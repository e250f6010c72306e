import pytest

from bkkenergy.reports.chart import ProfileLabels, day_profile, nice_step, sparkline, tick_values
from bkkenergy.reports.pictures import heat_map


@pytest.mark.parametrize(
    ("most", "step"), [(100, 25), (97, 25), (1, 0.25), (412, 200), (999, 250), (0.031, 0.01), (0, 1)]
)
def test_grid_steps_are_round(most, step):
    assert nice_step(most, lines=4) == pytest.approx(step)


def labels(ticks):
    return ProfileLabels(title="t", empty="nothing", peak="peak", ticks=ticks, values=["x"] * 24)


def test_a_profile_without_a_value_says_so():
    assert day_profile([None] * 24, [], labels=labels({})) == '<p class="empty">nothing</p>'
    assert tick_values([None] * 24, []) == []


def test_a_gap_stays_a_gap():
    values = [10.0] * 10 + [None] * 4 + [20.0] * 10
    svg = day_profile(values, [], labels=labels(dict.fromkeys(tick_values(values, []), "")))
    line = next(part for part in svg.split("<path") if 'class="line actual"' in part)
    assert line.count("M") == 2


def test_the_grid_reaches_above_the_highest():
    assert max(tick_values([412.0], [500.1])) >= 500.1


def test_words_are_escaped():
    assert "<b>" not in sparkline([1.0] * 24, [], label='"<b>')


def test_what_pointing_at_a_day_says_is_escaped():
    days = [('/explore?a=1&b="2"', "<b>1 & 2</b>")]
    drawn = heat_map([[1.0] * 24], [], title="a year", days=days)
    assert '<a href="/explore?a=1&amp;b=&#34;2&#34;" tabindex="-1">' in drawn
    assert "<title>&lt;b&gt;1 &amp; 2&lt;/b&gt;</title>" in drawn
