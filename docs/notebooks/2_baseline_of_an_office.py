# %% [markdown]
# # A baseline of a public building
#
# What did a retrofit save? A building's use changes with holidays, the weather and by itself. A baseline predicts what
# would have been used without the retrofit. The saving is the difference, and it has an interval.
#
# The data of this notebook are made up from a seed, so that it runs anywhere and the truth is known: an office that
# saves 20 % from 2025 on. Hourly data of a real office in Bangkok are open: CU-BEMS (Chulalongkorn University Building
# Energy Management System, doi 10.1038/s41597-020-00582-3); of 33 university buildings in Cambridge:
# doi 10.5281/zenodo.10955332. Their files fit into `use` and `air` below.

# %%
import pandas as pd

import bkkenergy as bk

use = bk.examples.office(saving_ratio=0.2, saving_from="2025-01-01")
air = bk.examples.temperature()
use.describe().round(1)

# %% [markdown]
# Fit on the year before. The calendar says which days are closed: in Bangkok it explains more than the temperature does.

# %%
baseline = bk.Baseline.fit(use["2024"], temperature=air, calendar=bk.calendars.government())
baseline.summary()

# %% [markdown]
# Four forms were tried, and `form` is the one that predicted months best that it had not seen. `unseen_cvrmse` is its
# error over those months: the honest figure.

# %%
baseline.plot()

# %%
saved = baseline.savings(use["2025"], temperature=air)
saved

# %%
saved.summary()

# %%
saved.plot()

# %% [markdown]
# The interval is made from real buildings where *nothing* was saved: how far their next year was from what a baseline
# predicted. A saving is significant where the whole interval lies above zero. See what happens where nothing was done:

# %%
nothing = bk.examples.office()
bk.Baseline.fit(nothing["2024"]).savings(nothing["2025"])

# %% [markdown]
# A prediction needs no use, only days (and the temperature, where the form has one):

# %%
week = pd.date_range("2026-04-13", periods=7, freq="D", tz="Asia/Bangkok")
bk.Baseline.fit(nothing["2024"]).predict(week).round(0)
