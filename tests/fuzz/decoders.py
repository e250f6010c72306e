"""Coverage-guided fuzzing of every decoder with atheris, which is installed by hand for it:

    pip install atheris && python -m tests.fuzz.decoders -max_total_time=120

An input is a byte that names the profile, and a payload. It fails on any exception, on an answer that
takes longer than 50 ms twice, and on a reading that validation would refuse.
"""

from __future__ import annotations

import sys
import warnings

import atheris

with atheris.instrument_imports(include=["bkkenergy"]):
    from tests.unit.payloads import test_fuzz
    from tests.unit.payloads.test_payloads import PROFILES

PROFILE_NAMES = sorted(PROFILES)
SORTERS = {name: test_fuzz.sorter_for(name) for name in PROFILE_NAMES}
warnings.simplefilter("error")  # an overflow in numpy is one


def one_input(data: bytes) -> None:
    if not data:
        return
    sorter = SORTERS[PROFILE_NAMES[data[0] % len(PROFILE_NAMES)]]
    topic = sorter.topics[data[0] // len(PROFILE_NAMES) % len(sorter.topics)]
    if test_fuzz.check(sorter, data[1:], topic) > test_fuzz.SLOWEST_S:
        assert test_fuzz.check(sorter, data[1:], topic) <= test_fuzz.SLOWEST_S, "it hangs"


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
