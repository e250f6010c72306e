# %% [markdown]
# # A bill explained
#
# A bill of the Metropolitan Electricity Authority has half a dozen items. Here each is computed from quarter-hours, as
# the paper bill has it, to the satang.

# %%
import bkkenergy as bk

quarters = bk.examples.office_quarters("2025-11")
bill = bk.bill(quarters, schedule="mea-3-2-lv")
bill

# %%
bill.lines.drop(columns="month")

# %% [markdown]
# - **Energy** has two prices under TOU: on-peak on working days from 9 to 22 h, off-peak for the rest, weekends and most
#   holidays.
# - **Demand** is the highest mean of a quarter-hour in on-peak hours, in whole kW. One quarter-hour of a month sets it.
# - **Ft** adjusts the price of fuel every four months.
# - **VAT** is on everything.
#
# Which quarter-hour set the demand?

# %%
(quarters * 4).nlargest(3).rename("power_kw")

# %% [markdown]
# If that peak were 5 kW lower, the month would cost less by this many baht:

# %%
flatter = quarters.clip(upper=quarters.max() - 5 / 4)
round(bill.total_thb - bk.bill(flatter, schedule="mea-3-2-lv").total_thb, 2)

# %% [markdown]
# A year of bills, and what another schedule would have cost:

# %%
year = bk.examples.office_quarters("2025")
bk.bill(year, schedule="mea-3-2-lv").plot()

# %%
bk.compare_schedules(year, schedule="mea-3-2-lv")

# %% [markdown]
# The rates come with the package, each with its source and date:

# %%
print("\n".join(bill.sources).replace("; ", "\n"))

# %% [markdown]
# What is wrong is said, with what to do. An unknown schedule:

# %%
try:
    bk.bill(quarters, schedule="mea-3.2-lv")
except bk.InputError as error:
    print(error)

# %% [markdown]
# Hourly data: their mean hides the peak, so the bill is right for the energy and too low for the demand. That is a
# warning, not an error.

# %%
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    bk.bill(quarters.resample("h").sum(), schedule="mea-3-2-lv")
print(caught[0].message)
