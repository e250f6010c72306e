"""RdTools on the plants that `python -m tests.bench.plants --save FOLDER` wrote: ageing, soiling, ratio at 25 degC.

    python tests/bench/rdtools_peer.py FOLDER

It runs in an environment of its own (`pip install rdtools`), for RdTools is too heavy to depend on.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import rdtools
from rdtools.soiling import soiling_srr

GAMMA = -0.0035
RATED_KW = 100.0


def monthly_ratio(made: np.lib.npyio.NpzFile) -> np.ndarray:
    """Return RdTools' temperature-corrected ratio of each month."""
    hours = pd.date_range("2024-01-01", periods=len(made["energy_kwh"]), freq="h", tz="Asia/Bangkok")
    energy, poa, cell = (pd.Series(made[name], hours) for name in ("energy_kwh", "poa_wm2", "cell_c"))
    expected = rdtools.normalization.pvwatts_dc_power(
        poa, RATED_KW, temperature_cell=cell, poa_global_ref=1000, temperature_cell_ref=25, gamma_pdc=GAMMA
    )
    known = energy.notna() & poa.notna()
    sums = pd.DataFrame({"energy": energy[known], "expected": expected[known]}).groupby(
        [hours[known].year, hours[known].month]
    )
    total = sums.sum()
    return (total["energy"] / total["expected"]).to_numpy()


for path in sorted(Path(sys.argv[1]).glob("*.npz")):
    made = np.load(path)
    dates = pd.date_range("2024-01-01", periods=len(made["index"]), freq="D", tz="Asia/Bangkok")
    index, light = pd.Series(made["index"], dates), pd.Series(made["light"], dates)
    rate, interval, _ = rdtools.degradation_year_on_year(index.dropna(), confidence_level=90)
    ratio, _, known = soiling_srr(index, light, reps=200, confidence_level=90)
    runs = known["soiling_interval_summary"]
    dust = -runs[runs["valid"]]["soiling_rate"].median()
    low, high = interval
    print(
        f"{path.stem}: {rate / 100:.4f} a year ({low / 100:.4f} to {high / 100:.4f}), dust {dust:.5f}, {1 - ratio:.4f} lost, "
        f"ratio at 25 degC apart by {np.abs(monthly_ratio(made) - made['pr_25c']).max():.1e} in the worst of {len(made['pr_25c'])} months"
    )
