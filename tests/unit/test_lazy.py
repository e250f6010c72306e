"""What is loaded without searches for garbage."""

from __future__ import annotations

import gc
import subprocess
import sys
from contextlib import ExitStack

import pytest

from bkkenergy.collecting import without_collecting
from bkkenergy.lazy import load, loading


def test_garbage_is_searched_for_again_afterwards_and_also_where_loading_fails():
    with loading():
        assert not gc.isenabled()
        with loading():
            pass
        assert not gc.isenabled(), "the outer one still loads"
    assert gc.isenabled()
    out_of_searches = gc.get_freeze_count()
    with pytest.raises(ModuleNotFoundError):
        load("bkkenergy.no_such_module")
    assert gc.isenabled()
    assert gc.get_freeze_count() <= out_of_searches, "what fails is tried again for ever"


def test_garbage_is_searched_for_again_once_all_that_pause_it_at_once_are_done():
    """Two threads at once: the first to end has not begun last."""
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(without_collecting())
        second.enter_context(without_collecting())
        first.close()
        assert not gc.isenabled()
        second.close()
        assert gc.isenabled()


def test_what_a_command_brought_is_out_of_every_later_search():
    """Half a million objects of a web process, each of which a search would look at."""
    asked = "import gc; from bkkenergy.lazy import load; load('bkkenergy.cli.users'); print(gc.get_freeze_count())"
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert int(done.stdout) > 100_000
