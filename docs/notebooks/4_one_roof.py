# %% [markdown]
# # One roof
#
# From a roof to a system: what fits, what it yields, what the building uses of it, and what it is worth.

# %%
import bkkenergy as bk

roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
found = bk.simulate(roof)
found

# %% [markdown]
# The weather is a typical year of Bangkok that comes with the package. An EPW or TMY3 file, or a table of your own, goes
# into the same argument: `bk.simulate(roof, weather="bangkok.epw")`.

# %%
found.plot()

# %% [markdown]
# Every loss stands by itself, from the light on a horizontal plane to the meter:

# %%
found.losses

# %% [markdown]
# East, south, west and north, at the tilt of a common metal roof. Near the equator they differ little:

# %%
import pandas as pd

sides = {"east": 90, "south": 180, "west": 270, "north": 0}
yields = {
    name: bk.simulate(bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=azimuth)).specific_yield_kwh_per_kwp
    for name, azimuth in sides.items()
}
pd.Series(yields, name="kWh/kWp").round(0)

# %% [markdown]
# Now with the building: its load, its schedule, its bill. The size is the one with the highest net present value, unless
# you say another.

# %%
design = bk.design(roof, bk.examples.office()["2025"], schedule="mea-3-2-lv")
design.summary()

# %%
design.plot()

# %% [markdown]
# Warnings are keys of what to know before it is built. Here the outline of the roof is a guess from its area.

# %%
design.sizes[["energy_kwh", "self_consumption_ratio", "saving_thb", "npv_thb", "payback_years"]].iloc[::6]

# %% [markdown]
# The same money with another price of the system:

# %%
made = design.record
bk.finance(
    capacity_kwp=made.capacity_kwp,
    saving_thb=made.bills.saving_thb,
    energy_kwh=made.used_kwh,
    capex=made.capex_thb * 0.8,
)
