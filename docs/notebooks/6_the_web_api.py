# %% [markdown]
# # The web API
#
# A running service gives programs what its pages show: as JSON, CSV or Parquet. A program signs in by a token of a user
# and sees what that user sees.
#
# ```text
# bkkenergy tokens add somchai --name notebook
# export BKKENERGY_URL=https://energy.example.org BKKENERGY_TOKEN=...
# ```

# %%
import io
import json
import os
import urllib.error
import urllib.request

import pandas as pd

import bkkenergy as bk

URL, TOKEN = os.environ["BKKENERGY_URL"], os.environ["BKKENERGY_TOKEN"]


def get(path: str) -> bytes:
    request = urllib.request.Request(f"{URL}/api/v1{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


# %% [markdown]
# Which agencies may this token see? Lists come in pages, and say how many there are in all.

# %%
page = json.loads(get("/agencies"))
page["total"], [row["id"] for row in page["items"]]

# %% [markdown]
# Quarter-hours of a building, validated: what every report and page is made from. CSV goes straight into pandas.

# %%
path = "/buildings/health.centre-1/energy?first=2025-11-03&last=2025-11-09"
table = pd.read_csv(io.BytesIO(get(f"{path}&format=csv")), index_col=0, parse_dates=True)
table.head(3)

# %% [markdown]
# From here on it is the library of the other notebooks. A bill of the week, which is not a whole month and says so:

# %%
import warnings

series = table["energy_kwh"].tz_convert("Asia/Bangkok")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    week = bk.bill(series, schedule="mea-3-2-lv")
print(caught[0].message)
week

# %% [markdown]
# What is not yours does not exist, and faults are problems in words (RFC 9457):

# %%
try:
    get("/buildings/education.headquarters")
except urllib.error.HTTPError as error:
    print(error.code, json.loads(error.read())["title"])
