"""What the benches say of what they measured: rows, targets, and what failed."""

import json

import pytest

from tests.bench import all as every
from tests.bench.all import Bench, Mode, Outcome, benches, fault_of, line_of, page
from tests.bench.rows import ROWS_VARIABLE, Row, costs, faster, read_rows


def test_rows_come_back_as_they_were_added(tmp_path, monkeypatch):
    monkeypatch.setenv(ROWS_VARIABLE, str(tmp_path / "rows"))
    added = [faster("a", "x", 2.0, "peer", 8.0, 3.0), costs("b", "y", 6.0, "old", 2.0, 1.0)]
    assert read_rows(tmp_path / "rows") == added
    assert [(row.ratio, row.is_reached) for row in added] == [(4.0, True), (3.0, False)]


def test_without_a_target_nothing_is_missed():
    assert costs("b", "y", 6.0, "old", 2.0).is_reached is None


@pytest.mark.parametrize(
    ("exit_code", "rows", "lines", "fault", "quick_fault"),
    [
        (0, (Row("a", "x", 1, "p", 2, 2.0, 1.0),), [], "", ""),
        (0, (Row("a", "x", 1, "p", 2, 2.0, 3.0),), [], "target missed: x", ""),
        (4, (Row("a", "x", 1, "p", 2, 2.0),), ["slow"], "exit code 4: slow", ""),
        (1, (Row("a", "x", 1, "p", 2, 2.0, 1.0),), ["it broke\n"], "exit code 1: it broke", "exit code 1: it broke"),
        (-9, (), [], "exit code -9: no word", "exit code -9: no word"),
        (0, (), ["fine\n"], "nothing was measured", "nothing was measured"),
    ],
)
def test_what_ended_badly_missed_its_target_or_measured_nothing_has_failed(exit_code, rows, lines, fault, quick_fault):
    assert fault_of(exit_code, rows, lines, is_quick=False) == fault
    assert fault_of(exit_code, rows, lines, is_quick=True) == quick_fault


def test_a_bench_that_crashes_is_named_and_the_others_still_run(tmp_path, monkeypatch, capfd):
    target = tmp_path / "page.md"
    here = {"broken": Bench("no_such_module"), "rows": Bench("rows")}
    monkeypatch.setattr(every, "benches", lambda *_: here)
    monkeypatch.setattr("sys.argv", ["all", "--page", str(target)])
    assert every.main() == 1
    out = capfd.readouterr().out
    assert "FAILED broken: exit code 1" in out
    assert "FAILED rows: nothing was measured" in out
    assert "- broken: exit code 1" in target.read_text()


def test_the_page_says_which_target_was_missed():
    slow = Row("web", "/plan, 95 of 100", 250.0, "an empty page", 50.0, 5.0, 2.0, is_cost=True)
    assert line_of(slow) == "| web | /plan, 95 of 100 | 250 | an empty page | 50 | 5 times as long | ≤ 2 MISSED |\n"
    text = page({"web": Outcome(Bench("web"), 3.0, "said", (slow,), "target missed: /plan, 95 of 100")}, Mode.QUICK)
    assert "shows that each bench runs and no speed" in text
    assert "- web: target missed" in text


def test_the_page_says_how_much_was_measured():
    assert "in the short mode" in page({}, Mode.SHORT)
    assert " mode" not in page({}, Mode.FULL)


def test_every_bench_has_a_module_and_smaller_modes(tmp_path):
    for bench in benches(tmp_path, None).values():
        assert (every.ROOT / "tests/bench" / f"{bench.module}.py").exists()
    assert json.dumps([bench.quick for bench in benches(tmp_path, tmp_path).values()]).count("--node-red") == 0
    bare = {name for name, bench in benches(tmp_path, None).items() if bench.short == bench.arguments}
    assert bare == {"peer"}, "minutes as it is"
