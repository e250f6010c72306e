# %% [markdown]
# # From a register to kWh
#
# A meter shows a register: energy since it was installed. A report needs the energy of quarter-hours. Between the two
# lie rollovers, lost readings and values that no meter can show. This notebook takes a week of readings with one of
# each, and checks that no energy is lost or invented.

# %%
import pandas as pd

import bkkenergy as bk

readings = bk.examples.register()
readings.head(3)

# %% [markdown]
# The example is made up from a seed. Readings of your own are a pandas Series whose index has a time zone:
#
# ```python
# readings = pd.read_csv("register.csv", index_col="time", parse_dates=True)["kwh"].tz_localize("Asia/Bangkok")
# ```
#
# The register goes up to 99,999 and starts again from zero. Without that knowledge a fall is a fault, and its energy is
# refused. So say how many digits the meter has, and the most power that can flow through it.

# %%
table = bk.intervals(readings, rated_kw=80, register_digits=5)
table["quality"].value_counts().loc[lambda count: count > 0]

# %% [markdown]
# Each interval says how its energy is known. *Estimated* intervals lie in the gap: the registers before and after it give
# the energy, and a line distributes it. They count as energy and never as a demand.

# %%
bk.spans(table)

# %% [markdown]
# Every stretch that needs an explanation is listed: where the register wrapped, where readings were lost, and the one
# reading that was set aside because it left the register's track and came back.
#
# **The check that matters.** The sum of the intervals is the register's difference:

# %%
difference_kwh = readings.iloc[-1] + 100_000 - readings.iloc[0]
pd.Series({"sum of intervals": table["energy_kwh"].sum(), "register's difference": difference_kwh}).round(2)

# %%
hourly = table["energy_kwh"].resample("h").sum()
bk.charts.lines({"energy": hourly}, title="Energy of each hour", unit="kWh")

# %% [markdown]
# Say nothing of the digits, and the fall is no rollover but a reset. Its energy cannot be known, and the total says so
# by being lower:

# %%
careless = bk.intervals(readings, rated_kw=80)
print(f"{careless['energy_kwh'].sum():.2f} kWh, {bk.spans(careless)['reason'].tolist()}")
