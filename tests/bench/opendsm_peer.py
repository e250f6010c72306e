"""Runs inside OpenDSM's own environment (opendsm, multimethod<2): its daily and hourly models on each meter.

usage: opendsm_peer.py METERS.parquet RESULT.json
METERS has a column a meter (kWh) and `temp_c`, hourly, UTC: fitted on the first year, predicted on the second.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


def one(model_name: str, frame: pd.DataFrame, first: int) -> dict:
    from opendsm import eemeter

    baseline_data = getattr(eemeter, f"{model_name}BaselineData")
    reporting_data = getattr(eemeter, f"{model_name}ReportingData")
    model = getattr(eemeter, f"{model_name}Model")
    started_s = time.perf_counter()
    fitted = model().fit(
        baseline_data(frame[frame.index.year == first], is_electricity_data=True), ignore_disqualification=True
    )
    seconds = time.perf_counter() - started_s
    predicted = fitted.predict(
        reporting_data(frame[frame.index.year == first + 1], is_electricity_data=True), ignore_disqualification=True
    )["predicted"]
    index = pd.DatetimeIndex(predicted.index).tz_convert("UTC")
    return {"seconds": seconds, "at": [str(at) for at in index], "kwh": [float(v) for v in predicted]}


def main() -> None:
    """Fit and predict every meter; a crash is its result."""
    meters = pd.read_parquet(sys.argv[1])
    first = int(meters.index.year.min())
    found: dict = {}
    for name in meters.columns.drop("temp_c"):
        frame = pd.DataFrame({"observed": meters[name], "temperature": meters["temp_c"] * 9 / 5 + 32})
        found[name] = {}
        for model_name in ("Daily", "Hourly"):
            try:
                found[name][model_name] = one(model_name, frame, first)
            except Exception as error:  # noqa: BLE001 - a crash of the peer counts as its failure
                found[name][model_name] = {"error": f"{type(error).__name__}: {error}"[:200]}
        done = {k: round(v.get("seconds", np.nan), 2) for k, v in found[name].items()}
        print(name, done, file=sys.stderr, flush=True)
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
