"""The energy balance of a building: what comes from the grid, goes back, is produced and is used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import FloatArray


@dataclass(frozen=True, slots=True)
class Balance:
    """Energy of each interval, all (n,) kWh; NaN where one of its parts is not known.

    grid_import_kwh, grid_export_kwh : through the main meters. production_kwh : by the PV meters; zeros without PV.
    self_consumption_kwh : production that the building used itself. gross_use_kwh : import + production - export.
    """

    grid_import_kwh: FloatArray
    grid_export_kwh: FloatArray
    production_kwh: FloatArray
    self_consumption_kwh: FloatArray
    gross_use_kwh: FloatArray


def balance(grid_import_kwh: FloatArray, grid_export_kwh: FloatArray, production_kwh: FloatArray) -> Balance:
    """Return the balance of intervals.

    Production that is exported is not used by the building. Where more is exported than produced, in a short interval
    of two clocks that differ or by a generator that is not metered, self-consumption is zero, never negative.

    Parameters
    ----------
    grid_import_kwh, grid_export_kwh, production_kwh : (n,) energy of each interval; NaN where not known.
    """
    return Balance(
        grid_import_kwh,
        grid_export_kwh,
        production_kwh,
        np.maximum(production_kwh - grid_export_kwh, 0.0),
        grid_import_kwh + production_kwh - grid_export_kwh,
    )


def rest_kwh(main_kwh: FloatArray, parts_kwh: FloatArray) -> FloatArray:
    """Return what the main meter counted beyond its sub-meters; negative where these count more.

    main_kwh : (n,). parts_kwh : (n, parts). NaN where one of them is not known.
    """
    energy_kwh: FloatArray = main_kwh - parts_kwh.sum(axis=1)
    return energy_kwh


def signed_sum(parts_kwh: FloatArray, signs: FloatArray) -> FloatArray:
    """Return the energy of a virtual meter: (n, parts) times (parts,) of +1 and -1; NaN where a part is not known."""
    energy_kwh: FloatArray = parts_kwh @ signs
    return energy_kwh
