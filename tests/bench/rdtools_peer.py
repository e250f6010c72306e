"""RdTools on the daily index that `python -m tests.bench.plants --save FOLDER` wrote.

    python tests/bench/rdtools_peer.py FOLDER

It runs in an environment of its own (`pip install rdtools`), for RdTools is too heavy to depend on.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import rdtools
from rdtools.soiling import soiling_srr

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
        f"{path.stem}: {rate / 100:.4f} a year ({low / 100:.4f} to {high / 100:.4f}), dust {dust:.5f}, {1 - ratio:.4f} lost"
    )
