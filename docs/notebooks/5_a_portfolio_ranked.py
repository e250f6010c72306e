# %% [markdown]
# # A portfolio ranked
#
# A city has a thousand buildings and a budget for twenty. Two rankings help: who uses more than its peers, and which
# roofs are worth most. The portfolio here is the demonstration's: made up, 40 buildings. One of your own is the folder of
# a site's configuration: `bk.buildings("config")`.

# %%
import numpy as np
import pandas as pd

import bkkenergy as bk

buildings = bk.buildings()
buildings.groupby("type")["floor_m2"].agg(["count", "sum"])

# %% [markdown]
# **By energy use intensity.** Only like is compared with like. The energy here is drawn at random for the example; yours
# comes from bills or from the app's API.

# %%
rng = np.random.default_rng(1)
schools = buildings[buildings["type"] == "school"]
energy_kwh = (schools["floor_m2"] * rng.uniform(35, 95, len(schools))).rename("energy_kwh")
ranked = bk.rank(energy_kwh, schools["floor_m2"])
ranked.round(1)

# %% [markdown]
# `gap_kwh` is what a building would save if it came down to its best quarter of peers: a first idea of where to look, not
# a promise.

# %%
round(bk.emissions(ranked["gap_kwh"].sum(), day="2025-12-31"))

# %% [markdown]
# **By roof.** Every building gets the size with the highest net present value, under its own schedule. None of these has
# a meter here, so the loads are typical ones of their kind (`load_measured_ratio` 0); give measured ones as
# `loads={"building": series}`.

# %%
roofs = bk.screen(day="2026-01-01")
columns = ["capacity_kwp", "energy_kwh", "load_share_ratio", "npv_thb", "payback_years"]
roofs[columns].head(8)

# %%
totals = (roofs["npv_thb"].cumsum() / 1e6).tolist()
bk.charts.bars(
    [str(n + 1) for n in range(len(totals))], {"npv": totals}, title="Value of the first n roofs", unit="M THB"
)

# %%
pd.Series(
    {
        "roofs": len(roofs),
        "capacity_kwp": roofs["capacity_kwp"].sum(),
        "energy_mwh": roofs["energy_kwh"].sum() / 1000,
        "avoided_t": roofs["avoided_kg"].sum() / 1000,
        "without a roof in the portfolio": len(roofs.attrs["refused"]),
    }
).round(0)
